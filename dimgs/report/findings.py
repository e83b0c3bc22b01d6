"""Results of an analysis as values, and its runs in the plane of its law."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError, LawError
from dimgs.common.formats import attributes
from dimgs.dataset import Dataset
from dimgs.engines.protocol import Completed
from dimgs.expression.candidate import Candidate
from dimgs.fits.estimate import Estimate, Exponent
from dimgs.fits.noise import Noise, rms
from dimgs.groups.group import PiBasis, PiGroup
from dimgs.law.checked_law import Scores
from dimgs.law.curve import KIND, Curve
from dimgs.law.export import group_symbols, response_symbol
from dimgs.law.latex import distinct_symbols, group_latex, symbol_latex
from dimgs.law.law import Law
from dimgs.law.prediction import (
    Centre,
    Inputs,
    centre_of,
    evaluate,
    evaluate_each,
    group_values,
    law_inputs,
    response_factor,
    shifted,
    source_shift,
    target_ends,
    values,
)
from dimgs.variables import Variable

if TYPE_CHECKING:
    import pandas as pd


# ---- Results of an analysis, as values.


class Candidates(tuple[Candidate, ...]):
    """Candidates of a search, in its order.

    Examples
    --------
    >>> import dimgs
    >>> report = dimgs.discover("docs/planets.csv", "T", constants=["G"], engine="power_law")
    >>> report.candidates.to_frame()[["expression", "complexity"]]
      expression  complexity
    0          C           1
    """

    __slots__ = ()

    def to_frame(self) -> "pd.DataFrame":
        """One row a candidate: ``expression``, ``complexity``, ``loss`` and ``engine``."""
        import pandas as pd

        return pd.DataFrame(
            [(str(c), c.complexity, c.loss, c.engine) for c in self],
            columns=["expression", "complexity", "loss", "engine"],
        )


# exponents are of order one; the rounding of a fit without noise stays below
_ROUNDING = 1e-12


def beyond_rounding(e: Exponent) -> Exponent:
    """An exponent whose value and ends are zero where only rounding keeps them from it.

    Examples
    --------
    >>> beyond_rounding(Exponent("b", 4.1e-16, -2e-17, 0.1))
    Exponent(name='b', value=0.0, low=0.0, high=0.1, rational=None, group=None)
    """
    value, low, high = (0.0 if abs(x) < _ROUNDING else x for x in (e.value, e.low, e.high))
    return replace(e, value=value, low=low, high=high)


class Exponents(tuple[Exponent, ...]):
    """Exponents with their intervals.

    Examples
    --------
    >>> import dimgs
    >>> report = dimgs.discover("docs/planets.csv", "T", constants=["G"], engine="power_law")
    >>> report.exponents.to_frame()[["value", "rational"]]
              value rational
    variable
    G          -0.5     -1/2
    M          -0.5     -1/2
    a           1.5      3/2
    """

    __slots__ = ()

    def to_frame(self) -> "pd.DataFrame":
        """One row a variable: ``value``, ``low``, ``high`` and ``rational``, exact as text."""
        import pandas as pd

        rows = [
            (e.value, e.low, e.high, None if e.rational is None else str(e.rational))
            for e in map(beyond_rounding, self)
        ]
        index = pd.Index([e.name for e in self], name="variable")
        return pd.DataFrame(rows, index, ["value", "low", "high", "rational"])


Quantity = tuple[float, str]


@dataclass(frozen=True)
class RivalPrediction:
    """Prediction of a rival for a run, in the unit of the table, with its interval."""

    probability: float
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ProposedRun:
    """A run to make.

    Attributes
    ----------
    inputs : mapping of str to (float, str) or str
        Value and unit of each column; the label, for a column of labels.
    predicted : tuple of RivalPrediction
        By rival, in the order of the rivals.
    information : float
        Expected of its outcome about which rival is true, in nats, given the runs before it.
    varies : str
        Input that every label held, and that this run has at the value of another label: the
        predictions are those of no effect of it.

    Examples
    --------
    >>> ProposedRun({"x": (2.0, "m")}, (RivalPrediction(0.7, 4.0, 3.9, 4.1),), 0.3).inputs["x"]
    (2.0, 'm')
    """

    inputs: Mapping[str, Quantity | str]
    predicted: tuple[RivalPrediction, ...]
    information: float
    varies: str = ""

    def to_json(self) -> dict[str, Any]:
        """The run in the document of `dimgs next`."""
        inputs = {
            name: x if isinstance(x, str) else dict(zip(("value", "unit"), x, strict=True))
            for name, x in self.inputs.items()
        }
        return {
            "inputs": inputs,
            "predicted": [vars(p) for p in self.predicted],
            "information": self.information,
            "varies": self.varies or None,
        }


@dataclass(frozen=True)
class PlannedRuns:
    """Runs to make next, and the rivals that they would distinguish.

    Attributes
    ----------
    runs : tuple of ProposedRun
    rivals : tuple of (Law, float)
        With their posterior probabilities; a law that is compared with them takes half.
    target, unit : str
    level : float
        Coverage of the intervals.
    names : tuple of str
        What each rival is called.
    none_of_these : float
        Probability that none of the rivals is the true law.
    weights : tuple of float
        Probabilities that the runs were chosen with, of the rivals and then of further candidates;
        they sum to one. The information of the runs is at most their entropy.
    warnings : tuple of str
        Such as a part of a range in which the laws have no value.

    Examples
    --------
    >>> import dimgs
    >>> report = dimgs.discover("docs/planets.csv", "T", constants=["G"])
    >>> proposed = report.next_runs(2, {"a": "0.1..100 AU"})
    >>> len(proposed.runs), proposed.target, proposed.unit
    (2, 'T', 'day')
    """

    runs: tuple[ProposedRun, ...]
    rivals: tuple[tuple[Law, float], ...]
    target: str
    unit: str
    level: float
    names: tuple[str, ...] = field(default=())
    none_of_these: float = 0.0
    weights: tuple[float, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The document of `dimgs next`."""
        named = zip(self.rivals, self.names, strict=True)
        return {
            "runs": [run.to_json() for run in self.runs],
            "rivals": [
                {"law": law.to_json(), "probability": p, "name": name} for (law, p), name in named
            ],
            "none_of_these": self.none_of_these,
            "weights": list(self.weights),
            **attributes(self, "target unit level"),
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True)
class Activation:
    """Activation temperature of an inverse-temperature term, as an energy too."""

    kelvin: float
    low: float
    high: float

    @property
    def kj_per_mol(self) -> float:
        """Energy in kJ/mol."""
        from scipy.constants import R

        return float(self.kelvin * R / 1000)


def by_run(local: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Local exponents along the trajectories of runs, in order; no others."""
    points = [p for p in local if "run" in p]
    runs: dict[str, list[Mapping[str, Any]]] = {p["run"]: [] for p in points}
    for point in sorted(points, key=lambda p: float(p["at"])):
        runs[point["run"]].append(point)
    return runs


@dataclass(frozen=True)
class Verdict:
    """Verdict on a law; see :func:`dimgs.judgement.confirmation.conclude`.

    Attributes
    ----------
    outcome : str
        "converged", "timeout" (the time or the evaluations were over), "interrupted",
        "no_candidate" (runs left out are not predicted), "unchecked" (no run could be left out)
        or "unavailable" (the engine that was asked for is not here).
    why_not : tuple of str
        What keeps the law from being confirmed, gravest first; a sentence each. They are among the
        warnings of :class:`Findings`.
    probability : float or None
        Of the law, among all that were found and none of them; None where it was not judged.
    none_of_these : float
        Probability that none of the laws that were found is the true one.
    extrapolates : bool or None
        Whether the law predicts outer blocks of runs; None where none could be left out.
    """

    outcome: str = "converged"
    why_not: tuple[str, ...] = ()
    probability: float | None = None
    none_of_these: float = 0.0
    extrapolates: bool | None = None

    @property
    def confirmed(self) -> bool:
        """Whether the search was complete and nothing speaks against the law."""
        return self.outcome == "converged" and not self.why_not

    def on(self, law: Law) -> Law:
        """The law with this verdict attached."""
        return replace(
            law, confirmed=self.confirmed, why_not=self.why_not, probability=self.probability
        )


NOT_JUDGED = Verdict(
    "unchecked", ("The law was not judged against other forms; run `dimgs discover` on the runs.",)
)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class FittedLaw(Estimate):
    """Result of `fit`: the estimate of a power law as a checked law, with requested extras.

    What an :class:`~dimgs.fits.estimate.Estimate` holds, and:

    Attributes
    ----------
    law : Law
        Its prefactor is the constant of origin "fitted" that comes first.
    activation : mapping of str to Activation, optional
    collinear : tuple of str
        Monomials that never varied, so that exponents along them stay unknown.
    regimes, crossover, local, additive, additive_pairs : optional
        Further fits where they were asked for, ready for JSON.
    warnings : tuple of str
    centre : Centre, optional
        The law at the centre of the runs, where its prefactor alone says little.
    noise : Noise, optional
        The error model that the runs support, about the law.
    left_out_by : str
        Column whose labels were left out whole; empty where single runs were.
    judge : callable, optional
        Gives the verdict; by default the law was not judged.

    Examples
    --------
    >>> import dimgs
    >>> result = dimgs.fit("docs/planets.csv", "T", scales="auto")
    >>> result.variable_exponents.to_frame()["rational"].to_dict()
    {'M': '-1/2', 'a': '3/2'}
    >>> result.independent_contrasts, result.pairs, result.confirmed
    (11, 66, True)
    """

    law: Law
    activation: Mapping[str, Activation] | None = None
    collinear: tuple[str, ...] = ()
    regimes: tuple[Mapping[str, Any], ...] | None = None
    crossover: Mapping[str, Any] | None = None
    local: tuple[Mapping[str, Any], ...] | None = None
    additive: tuple[Mapping[str, Any], ...] | None = None
    additive_pairs: Mapping[str, Any] | None = None
    warnings: tuple[str, ...] = ()
    centre: Centre | None = None
    noise: Noise | None = None
    left_out_by: str = ""
    judge: Callable[[], Verdict] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Let the exponents be shown as a frame too."""
        super().__post_init__()
        for name in ("exponents", "variable_exponents"):
            object.__setattr__(self, name, Exponents(getattr(self, name)))

    @cached_property
    def verdict(self) -> Verdict:
        """Probability of the law and objections to it; computed at first use."""
        return NOT_JUDGED if self.judge is None else self.judge()

    @property
    def confirmed(self) -> bool:
        """Whether the law is confirmed."""
        return self.verdict.confirmed

    @property
    def probability(self) -> float | None:
        """Posterior probability of the law; None where it was not judged."""
        return self.verdict.probability

    @property
    def judged_law(self) -> Law:
        """The law, which carries its verdict."""
        return self.verdict.on(self.law)

    @property
    def scores(self) -> Scores:
        """Scores of the law."""
        return self.law.scores

    @property
    def group_prefactors(self) -> Mapping[str, float] | None:
        """Prefactor of every label that keeps its own, in the target's SI unit."""
        if self.effects is None:
            return None
        intercepts = {k: self.intercept + v for k, v in sorted(self.effects.items())}
        if self.law.target.is_level:
            return {k: v / self.law.target.unit.log_factor for k, v in intercepts.items()}
        return {k: float(np.exp(v)) for k, v in intercepts.items()}


@dataclass(frozen=True)
class Rival:
    """A law that the runs do not distinguish from the one that was chosen.

    Attributes
    ----------
    law : Law
    probability : float
    extrapolates : bool
        Whether it predicts outer blocks of runs.
    differs_most : mapping of str to (float, str)
        Value and unit of each column where it differs most from the chosen law, in units of what
        a run there would show; over the range of the runs, each end wider by up to √2.

    Examples
    --------
    >>> import dimgs
    >>> report = dimgs.discover("docs/planets.csv", "T", constants=["G"])
    >>> [rival.probability for rival in report.rivals]
    []
    """

    law: Law
    probability: float
    extrapolates: bool
    differs_most: Mapping[str, tuple[float, str]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Lead:
    """A description of the runs where no law is probable, judged by runs left out.

    Attributes
    ----------
    name : str
        "power law", "sum" (at most three monomials), "candidate" (the most probable form of the
        searches), "blend" (two power laws that meet smoothly), "regimes" (power laws in pieces) or
        "smooth curve" (a Gaussian process).
    measured, left_out : tuple of float
        Target in SI, and its prediction by the description made without the run (or its tenth, or
        its source); of a candidate only the constants are fitted without it.
    is_first : bool
        Whether it is the simplest from which the best differs by less than a standard error, or
        by less than a tenth of the error.
    law : Law or None
        None for a smooth curve.
    curve : Curve or None
        The smooth curve through all runs, which predicts new ones with its band.
    """

    name: str
    measured: tuple[float, ...]
    left_out: tuple[float, ...]
    is_first: bool
    law: Law | None = None
    curve: Curve | None = None

    @property
    def r2(self) -> float | None:
        """R² of the target on runs left out."""
        return r2_of(np.array(self.measured), np.array(self.left_out))


def r2_of(measured: Array, predicted: Array) -> float | None:
    """R² of predictions of a target; None where that does not vary.

    Examples
    --------
    >>> r2_of(np.array([1.0, 2.0]), np.array([1.5, 1.5]))
    0.0
    >>> r2_of(np.array([1.0, 2.0]), np.array([1e300, 2.0]))
    -inf
    """
    spread = rms(measured - measured.mean())
    if not spread > 0:
        return None
    # the ratio, and its square, may leave the range of numbers
    with np.errstate(over="ignore"):
        return float(1.0 - np.square(np.float64(rms(measured - predicted)) / spread))


@dataclass(frozen=True, kw_only=True)
class Findings(Verdict):
    """The whole way from a table to a law, with the :class:`Verdict` on it.

    Attributes
    ----------
    basis : PiBasis
    fit : FittedLaw or None
        None where the response has no logarithm.
    law : Law or None
        None where no law was found.
    candidates : Candidates
        Pareto front; a tuple of Candidate with ``to_frame``.
    engine : str
        Which engine found the law.
    seconds : float
    level : float
    warnings : tuple of str
    source : str
        Where the runs came from.
    n_runs : int
    provenance : mapping of str to str
        Versions, seed and hash of the table.
    measured, predicted : tuple of float
        Target of every run in SI, and the law's value there.
    unlogged : mapping of str to str
        What the candidates call an input without a logarithm, and its identifier in the law.
    data : Dataset, optional
        The usable runs, which the figures draw.
    left_out : tuple of float
        Target of every run in SI, predicted by the law refitted without it (or without its
        tenth of the runs, or its group); empty where that cannot be had.
    rivals : tuple of Rival
        The other laws of the smallest set that holds nine tenths of the probability of all.
    noise : Noise or None
        The error model that the runs support, about the law.
    complete_to : Completed or None
        Up to which size all forms were tried.
    form : Rival or None
        The form that was asked for, fitted, with its probability.
    leads : tuple of Lead
        Where no law is probable, what describes the runs, the simplest first; the law is the
        simplest of those with a formula that predict about as well as the best.
    left_out_by : str
        Column whose labels were left out whole; empty where single runs were.
    outliers : tuple of int
        Rows of the runs that lie farther from the law of the others than chance allows.
    robust_leaves_out : bool
        Whether a robust search would leave all of these out.
    label_followed : str
        Column whose labels the residuals of the law follow; empty where there is none.
    errors_by_slopes : bool
        Whether errors of the inputs enter by the slopes of each law.
    """

    basis: PiBasis
    fit: FittedLaw | None
    law: Law | None
    candidates: Candidates = field(default_factory=Candidates)
    engine: str = "power law"
    seconds: float = 0.0
    level: float = 0.9
    warnings: tuple[str, ...] = ()
    source: str = ""
    n_runs: int = 0
    provenance: Mapping[str, str] = field(default_factory=dict)
    measured: tuple[float, ...] = ()
    predicted: tuple[float, ...] = ()
    unlogged: Mapping[str, str] = field(default_factory=dict)
    data: Dataset | None = None
    left_out: tuple[float, ...] = ()
    rivals: tuple[Rival, ...] = ()
    noise: Noise | None = None
    complete_to: Completed | None = None
    form: Rival | None = None
    leads: tuple[Lead, ...] = ()
    left_out_by: str = ""
    outliers: tuple[int, ...] = ()
    robust_leaves_out: bool = False
    label_followed: str = ""
    errors_by_slopes: bool = False
    further_runs: Callable[..., Any] | None = field(default=None, repr=False, compare=False)
    shares_of: Callable[[], dict[str, Any] | None] | None = field(
        default=None, repr=False, compare=False
    )
    options_of: Callable[[], dict[str, Any]] | None = field(default=None, repr=False, compare=False)

    @property
    def options(self) -> dict[str, Any]:
        """What was asked for other than by default."""
        return {} if self.options_of is None else self.options_of()

    @cached_property
    def sensitivity(self) -> dict[str, Any] | None:
        """Main and total effects of the inputs, as the command of this name gives them."""
        return None if self.shares_of is None else self.shares_of()

    @property
    def result(self) -> Law:
        """The law.

        Raises
        ------
        LawError
            If there is none, with the reason.

        Examples
        --------
        >>> import dimgs
        >>> print(dimgs.discover("docs/planets.csv", "T", constants=["G"]).result)
        T = C*a**(3/2)/sqrt(G*M)
        """
        if self.law is None:
            why = " ".join(self.why_not or self.warnings) or "the search found none."
            raise LawError(f"There is no law of these runs: {why}")
        return self.law

    @property
    def left_out_r2(self) -> float | None:
        """R² of the target itself on runs left out; None where none were."""
        measured, predicted, held_out = self.judged_on()
        return r2_of(measured, predicted) if held_out else None

    @property
    def curve(self) -> Curve | None:
        """The smooth curve through the runs, where no law is probable and it was compared."""
        return next((lead.curve for lead in self.leads if lead.curve is not None), None)

    @property
    def leads_with_curve(self) -> bool:
        """Whether a smooth curve predicts clearly better than every formula."""
        return any(lead.is_first and lead.name == KIND for lead in self.leads)

    @property
    def errors_are_relative(self) -> bool:
        """Whether scores are those of the logarithm, as the noise is of one size there."""
        return self.noise is None or self.noise.kind == "relative"

    @property
    def target(self) -> Variable:
        """The column that a law was looked for."""
        return self.basis.target_and_response[0]

    @property
    def is_power_law(self) -> bool:
        """Whether the law is the power law whose exponents were fitted, in one piece."""
        if self.law is None or self.fit is None or len(self.regimes or ()) > 1:
            return False
        return bool(self.law.pi_expression == self.fit.law.pi_expression)

    @property
    def exponents(self) -> Exponents:
        """Exponents of the variables in the power law over all runs; empty where it has none."""
        return Exponents(() if self.fit is None else self.fit.variable_exponents)

    def expression_of(self, candidate: Candidate) -> Any:
        """Expression of a candidate, in which inputs have their names in the law."""
        names = {sympy.Symbol(k): sympy.Symbol(v) for k, v in self.unlogged.items()}
        return candidate.expression.xreplace(names)

    def judged_on(self, *, left_out: bool = True) -> tuple[Array, Array, bool]:
        """Measured and predicted target, and whether each run was left out for its prediction.

        Parameters
        ----------
        left_out : bool
            Whether predictions of runs left out are wanted, where there are any.
        """
        held_out = left_out and bool(self.left_out) and len(self.left_out) == len(self.measured)
        pair = (self.measured, self.left_out if held_out else self.predicted)
        measured, predicted = (np.asarray(x, dtype=np.float64) for x in pair)
        return measured, predicted, held_out

    def __post_init__(self) -> None:
        """Let the law carry the verdict, wherever it goes, and candidates be shown as a frame."""
        object.__setattr__(self, "candidates", Candidates(self.candidates))
        if self.law is not None:
            object.__setattr__(self, "law", self.on(self.law))

    @property
    def verdict(self) -> Verdict:
        """The verdict on the law, apart from the law."""
        return Verdict(**{part.name: getattr(self, part.name) for part in fields(Verdict)})

    @property
    def notes(self) -> tuple[str, ...]:
        """The warnings that `why_not` does not hold, for forms that show both."""
        return tuple(w for w in self.warnings if w not in self.why_not)

    @property
    def regimes(self) -> tuple[Mapping[str, Any], ...] | None:
        """Regimes of constant exponents, if requested."""
        return self.fit.regimes if self.fit else None

    @property
    def centre(self) -> Centre | None:
        """The law at the centre of the runs, if its prefactor alone is uninformative."""
        if self.law is None or self.data is None:
            return None
        return centre_of(self.law, self.data)


# ---- The runs of a report in the plane of its law: groups, response, law and band.


Band = tuple[Array, Array]
# relative: rounding of conversions between units
_CONSTANT = 1e-9


@dataclass(frozen=True)
class ReportRuns:
    """A law at the runs that it was fitted on.

    Attributes
    ----------
    report : Report
    law : Law
    data : Dataset
    """

    report: Findings
    law: Law
    data: Dataset

    @classmethod
    def of(cls, report: Findings) -> "ReportRuns":
        """Runs of a report.

        Raises
        ------
        InputError
            If the report has no law, or was made without its runs.
        """
        if report.law is None:
            raise InputError("The report has no law to draw; its warnings give the reason.")
        if report.data is None or report.data.n_runs == 0:
            raise InputError(
                "The report does not contain its runs; make it with dimgs.discover, which keeps "
                "them."
            )
        return cls(report, report.law, report.data)

    @property
    def n(self) -> int:
        """Number of runs."""
        return self.data.n_runs

    @cached_property
    def inputs(self) -> Inputs:
        """Inputs of the law at every run, in SI."""
        return law_inputs(self.law, self.data)

    @cached_property
    def groups(self) -> dict[str, PiGroup]:
        """Groups of the law by name."""
        return {g.name: g for g in self.law.groups}

    @cached_property
    def values(self) -> dict[str, Array]:
        """Groups and unlogged inputs at every run, by their names in the pi form."""
        return group_values(self.law, self.inputs)

    @cached_property
    def varied(self) -> tuple[str, ...]:
        """Varied coordinates of the domain, groups before inputs without a logarithm."""
        drawn = {*self.groups, *self.law.symbols}
        names = [n for n in self.law.domain.groups if n in drawn]
        names.sort(key=lambda n: n not in self.groups)
        values = self.values
        return tuple(
            n for n in names if np.ptp(values[n]) > _CONSTANT * np.abs(values[n]).max(initial=0.0)
        )

    def name_of(self, group: str | None) -> str:
        """Name in the pi form of a group given by that name, its symbol or its known name.

        Raises
        ------
        InputError
            If there is no such group, or none varied.
        """
        if not self.varied:
            raise InputError("No group of this law varied, so no figure over a group can be drawn.")
        if group is None:
            return self.dominant
        plain = group.casefold()
        for name in self.varied:
            pi_group = self.groups.get(name)
            known_as = (pi_group.known_as or "").casefold() if pi_group else ""
            if plain in (name.casefold(), known_as, known_as.removesuffix(" number")) and plain:
                return name
        raise InputError(
            f"There is no varied group '{group}' in the law; choose from {', '.join(self.varied)}."
        )

    @property
    def is_log(self) -> bool:
        """Whether the response is judged by ratios."""
        return self.law.uncertainty.scale == "log" and not self.law.target.is_level

    @cached_property
    def factor(self) -> Array:
        """Target over pi_0 at every run."""
        level = self.law.target.is_level
        return np.ones(self.n) if level else response_factor(self.law, self.inputs)

    @cached_property
    def measured(self) -> Array:
        """pi_0 (a level: the target) of every run, each label's own prefactor taken out."""
        target = np.asarray(self.data[self.law.target.name], dtype=np.float64)
        effects, shift = self.law.label_effects, np.zeros(self.n)
        if self.law.sources:
            if self.law.uncertainty.scale == "linear":
                common = values(self.law, self.inputs._replace(labels={}))
                return np.asarray((target - values(self.law, self.inputs) + common) / self.factor)
            shift = source_shift(self.law, self.inputs)
        elif effects is not None and effects.column in self.data.names:
            labels = [str(x) for x in self.data[effects.column]]
            shift = np.array([effects.log_ratios.get(x, 0.0) for x in labels])
        return shifted(self.law, target, -shift) / self.factor

    def fitted(self, values: Mapping[str, Array] | None = None) -> Array:
        """pi_0 (a level: the target) by the law at the runs, or at other values."""
        chosen = self.values if values is None else values
        n = self.n if values is None else max(map(np.size, chosen.values()), default=1)
        arguments = {**chosen, **self.law.constant_values}
        return evaluate(self.law.pi_expression, arguments, n)

    def band(self, values: Mapping[str, Array], level: float) -> Band:
        """Interval of a new run at other values, on the scale of :meth:`fitted`."""
        law, middle = self.law, self.fitted(values)
        arguments = {**values, **law.constant_values}
        table = evaluate_each(law.uncertainty.gradients, arguments, middle.size)
        # errors that are not relative are those of the target: of a typical run
        typical = float(np.median(self.factor))
        run_variance = law.uncertainty.run_share(middle * typical, typical) ** 2
        half = law.uncertainty.half_width(table, level, run_variance)
        low, high = target_ends(law, middle * typical, half, typical)
        return low / typical, high / typical

    @cached_property
    def middle(self) -> dict[str, float]:
        """Median of everything that varies."""
        return {k: float(np.median(x)) for k, x in self.values.items()}

    def along(self, name: str, x: Array) -> dict[str, Array]:
        """Values in which one group takes `x` and the others stay at their medians."""
        values = {k: np.full(x.size, value) for k, value in self.middle.items()}
        return values | {name: x}

    @cached_property
    def dominant(self) -> str:
        """The group along which the law itself varies most over the runs."""
        spread = {}
        for name in self.varied:
            y = self.fitted(self.along(name, self.values[name]))
            y = np.log(y[y > 0]) if self.is_log else y
            y = y[np.isfinite(y)]
            spread[name] = float(np.std(y)) if y.size else 0.0
        return max(spread, key=lambda n: (spread[n], n in self.groups))

    def symbol(self, name: str) -> str:
        """LaTeX of a group or an unlogged input."""
        if name in self.groups:
            return group_symbols(self.law)[name]
        variable = self.law.symbols.get(name)
        return symbol_latex(name if variable is None else variable.name)

    def definition(self, group: PiGroup, *, flat: bool = False) -> str:
        """LaTeX of a group as a fraction of powers, or with a slash."""
        variables = (*self.report.basis.variables, self.law.target, *self.law.symbols.values())
        symbols = distinct_symbols({v.name: v.kind for v in variables})
        return group_latex(group, symbols, flat=flat)

    @property
    def response_symbol(self) -> str:
        """LaTeX of what :meth:`fitted` gives."""
        return response_symbol(self.law)

    @property
    def label_column(self) -> str | None:
        """Label column that distinguishes runs: of the prefactors, or the one with fewest."""
        for each in (*self.law.sources[:1], self.law.label_effects):
            if each is not None and each.column in self.data.names:
                return each.column
        counts = {n: len(set(self.data[n])) for n in self.data.label_names}
        few = {n: c for n, c in counts.items() if 2 <= c <= 6}
        return min(few, key=lambda n: (few[n], n)) if few else None
