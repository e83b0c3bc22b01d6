"""What a campaign returns, how it ends, curves brought onto one, and all that in plain words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dimgs.campaign.evidence import Surrogate, TierEvidence
from dimgs.campaign.plan import Binding, CampaignDesign, CampaignRuns, Plan, directions
from dimgs.common.arrays import Array
from dimgs.common.errors import DimgsError, InputError
from dimgs.common.escape import file_names
from dimgs.common.formats import SCHEMA, attributes, plain, sealed
from dimgs.dataset import Dataset
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.engines.registry import NONE
from dimgs.fits.estimate import Exponent
from dimgs.groups.derive import pi_basis
from dimgs.groups.group import PiBasis, PiGroup
from dimgs.kernels.base import of_tier
from dimgs.kernels.record import RunRecord
from dimgs.law.checked_law import Constant
from dimgs.law.law import Law
from dimgs.law.serialise import write_document
from dimgs.report.figures import Drawing, draw_figures, save
from dimgs.report.figures.laws import campaign_drawings
from dimgs.report.findings import Activation
from dimgs.report.plain_text import (
    activation_lines,
    condition,
    domain_lines,
    exponent_lines,
    interval,
    law_lines,
    never_varied,
    number,
    sources_lines,
)
from dimgs.report.results import (
    FitResult,
    Report,
    activation_document,
    exponent_document,
    law_or_none,
    pi_document,
    write_study,
)
from dimgs.report.words import listed
from dimgs.variables import Variable, parse_unit, si_unit, unit_suffix

if TYPE_CHECKING:
    from dimgs.fits.potential import CurvePotential
    from dimgs.symmetry.collapse import Collapse


# ---- Curves of runs, brought onto one by a similarity variable. What does that, and what searches
# laws, is imported where a campaign has ended: a design without a run needs no scikit-learn.


# places of whole curves: what lies between is smooth
_POINTS = 24
# label of the runs in the table of their points
_RUN = "run of the campaign"


@dataclass(frozen=True, eq=False)
class WholeCurves:
    """Curves as functions of the groups, without a similarity variable.

    Attributes
    ----------
    curve : str
    variable, ordinate : str
        Coordinate and values, made dimensionless by the inputs.
    at : ndarray of shape (n_points,)
        Values of the dimensionless coordinate that all curves reach.
    groups : PiBasis
        Of the inputs; the logarithms of its groups are what `model` takes.
    model : CurvePotential
    half_width : float
        Median half-width of the intervals of a further run at the runs, relative.
    """

    curve: str
    variable: str
    ordinate: str
    at: Array
    groups: PiBasis
    model: "CurvePotential"
    half_width: float

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            **attributes(self, "variable ordinate half_width"),
            "at": self.at.tolist(),
            "components": len(self.model.components_),
            "explained": float(np.sum(self.model.explained_)),
        }


def whole_curves(
    records: Sequence[RunRecord], curve: str, inputs: Sequence[str], level: float = 0.9
) -> WholeCurves:
    """Fit whole curves, where no similarity variable need bring them onto one.

    Parameters
    ----------
    records, curve, inputs, level
        As in :func:`collapse`.

    Returns
    -------
    WholeCurves

    Raises
    ------
    InputError, FitError
        As there, and if values are not positive or the curves have no places in common.
    """
    from dimgs.fits.potential import CurvePotential

    data, (*given, along, ordinate) = _table(records, curve, inputs)
    basis, other = (pi_basis([*given, v], v.name) for v in (along, ordinate))
    alone = [b.response for b in (basis, other) if b.response is not None]
    x, y = (np.asarray(group.value(data.values)) for group in alone)
    runs = [np.flatnonzero(data[_RUN] == run) for run in dict.fromkeys(data[_RUN])]
    first, parts = [rows[0] for rows in runs], [rows[x[rows] > 0] for rows in runs]
    curves = [(np.log(x[rows]), y[rows]) for rows in parts]
    given_values = {v.name: data[v.name][first] for v in given}
    groups = np.column_stack([g.log(given_values) for g in basis.groups])
    low = max(float(x[0]) for x, _ in curves)
    high = min(float(x[-1]) for x, _ in curves)
    if not low < high or min(float(y.min()) for _, y in curves) <= 0:
        raise InputError(f"The curves '{curve}' have no places in common, or are not above zero.")
    places = np.linspace(low, high, _POINTS)
    table = np.array([np.interp(places, x, np.log(y)) for x, y in curves])
    model = CurvePotential().fit(groups, table)
    ends = model.predict_interval(groups, level)
    half = float(np.expm1(np.median(ends[..., 1] - ends[..., 0]) / 2.0))
    variable, values_by = map(str, alone)
    return WholeCurves(curve, variable, values_by, np.exp(places), basis, model, half)


def collapse(
    records: Sequence[RunRecord], curve: str, inputs: Sequence[str], level: float = 0.9
) -> "Collapse":
    """Find the similarity variable of the curves of runs.

    Parameters
    ----------
    records : sequence of RunRecord
        Runs that ended well, of one tier.
    curve : str
        Which of their curves.
    inputs : sequence of str
        What the curves may depend on; groups of these must vary independently.
    level : float
        Coverage of the intervals.

    Returns
    -------
    Collapse
        Without a closed form, which is not looked for.

    Raises
    ------
    InputError, FitError
        If a run has no such curve or input, or the inputs cannot make it dimensionless; if the
        runs are too few.

    Examples
    --------
    >>> from dimgs.kernels.diffusion import DiffusionCurves
    >>> rng, film = np.random.default_rng(0), {"K": 1e-3, "h": 1.0, "A": 1e-8, "V": 1.0}
    >>> draws = 10.0 ** rng.uniform([-15, 4, 1, -3.5], [-14, 5, 3, -3], (8, 4))
    >>> given = [{**film, "D": d, "t": t, "C0": c, "l": l} for d, t, c, l in draws]
    >>> runs = [DiffusionCurves().run(one, tier="medium") for one in given]
    >>> found = collapse(runs, "profile", ["D", "t", "C0", "l"])
    >>> print(found.variable.group, found.response.group, found.collapses)
    x·D^(-1/2)·t^(-1/2) profile·C0⁻¹ True
    """
    from dimgs.symmetry.collapse import collapse_with

    data, variables = _table(records, curve, inputs)
    return collapse_with(data, curve, variables[-2].name, _RUN, Options(engine=NONE, level=level))


def _table(
    records: Sequence[RunRecord], curve: str, inputs: Sequence[str]
) -> tuple[Dataset, list[Variable]]:
    """Points of the curves in SI units with their inputs and runs, and the variables of these.

    They are in the order of the inputs; the coordinate and the values come last.
    """
    if not records:
        raise InputError("There are no runs to bring onto one curve; give several.")
    parts = []
    for k, record in enumerate(records):
        asked = [("curve", curve, record.curves), *(("input", n, record.inputs) for n in inputs)]
        for what, name, there in asked:
            if name not in there:
                names = ", ".join(there) or "none"
                raise InputError(f"A run has no {what} '{name}'; it has {names}.")
        one, pairs = record.curves[curve], (record.inputs[n] for n in inputs)
        si = [parse_unit(unit).to_si(float(value)) for value, unit in pairs]
        if min(si) <= 0:
            raise InputError(f"An input of a run is not above zero: {dict(record.inputs)!r:.80}.")
        along, values = parse_unit(one.along).to_si(one.at), parse_unit(one.unit).to_si(one.values)
        parts.append(np.array([*np.broadcast_arrays(*si, along, values, k)]))
    units = [(n, records[0].inputs[n][1]) for n in inputs]
    units += [(one.coordinate, one.along), (curve, one.unit)]
    variables = [Variable(name, parse_unit(unit)) for name, unit in units]
    *columns, runs = np.hstack(parts)
    named = dict(zip((v.name for v in variables), columns, strict=True))
    label = [f"run {k:.0f}" for k in runs]
    si_units = {v.name: si_unit(v.dimension) for v in variables} | {_RUN: "label"}
    return Dataset.from_columns({**named, _RUN: label}, units=si_units), variables


def curves_of(
    plan: Plan, records: Sequence[RunRecord]
) -> "tuple[tuple[Collapse, ...], tuple[WholeCurves, ...], list[str]]":
    """The curves that a plan asks for, brought onto one and fitted whole, and what failed."""
    collapsed, whole, warnings = list[Any](), list[Any](), list[str]()
    asked = ((collapsed, collapse, "brought onto one"), (whole, whole_curves, "fitted whole"))
    for name, curve in plan.curves.items():
        for results, fit, words in asked[: 1 + curve.whole]:
            try:
                results.append(fit(records, name, curve.inputs, plan.level))
            except DimgsError as error:
                warnings.append(f"The curves '{name}' were not {words}: {error}")
    return tuple(collapsed), tuple(whole), warnings


# ---- What a campaign returns, and how it ends.


class Outcome(StrEnum):
    """How a campaign ends.

    Examples
    --------
    >>> Outcome.BUDGET, Outcome.BUDGET.words, Outcome.BUDGET.is_answer
    ('budget', 'budget spent', False)
    """

    words: str

    def __new__(cls, value: str, words: str) -> "Outcome":
        """The member of a value; `words` are the same in a clause."""
        member = str.__new__(cls, value)
        member._value_, member.words = value, words
        return member

    CONFIRMED = "confirmed", "law confirmed"
    PREDICTS = "predicts", "predictions within tolerance, no law confirmed"
    BUDGET = "budget", "budget spent"
    INCONSISTENT = "inconsistent", "equal groups give different answers"
    STOPPED = "stopped", "no further run helps"

    @property
    def is_answer(self) -> bool:
        """Whether the campaign answers: a confirmed law, or predictions within the tolerance."""
        return self in (Outcome.CONFIRMED, Outcome.PREDICTS)

    @property
    def is_consistent(self) -> bool:
        """Whether runs of equal groups agree; otherwise no law of the groups holds."""
        return self is not Outcome.INCONSISTENT

    __repr__ = str.__repr__


@dataclass(frozen=True)
class Ending:
    """Why the questions to a tier end, and that in words.

    Attributes
    ----------
    outcome : Outcome
        Of a campaign that ends with it.
    text : str
        A clause.
    """

    outcome: Outcome
    text: str


@dataclass(frozen=True)
class RegimeBoundary:
    """Where two regimes meet.

    Attributes
    ----------
    regimes : tuple of (int, int)
        Numbers, from 1.
    monomial : str
        Over group names, such as ``"pi_5"``.
    physical : str
        The same in the inputs.
    value, low, high : float
        Where the two laws are equal, with its interval; for a jump, the middle between the last
        run of the one and the first run of the other, and these two.
    kind : str
        "meeting" or "jump".
    unit : str
        Of the values: "K" where a temperature alone is the monomial, else "1".
    """

    regimes: tuple[int, int]
    monomial: str
    physical: str
    value: float
    low: float
    high: float
    kind: str = "meeting"
    unit: str = "1"


@dataclass(frozen=True)
class Pertinence:
    """Whether an answer can be relied on.

    Attributes
    ----------
    answer : str
        ``"regime 1"``, ``"point 1"``.
    relevant : bool
        Whether there is an answer at all: enough runs follow a law.
    acceptability : float
        Tolerance over the widest half-width, at most 1: 1 is good enough, 0.5 twice too wide.
    confidence : float
        Smallest probability that an asked quantity is within its tolerance of the truth.
    meaning : str
        What it says, in plain words.
    why : str
        What it rests on, or why it fails.
    """

    answer: str
    relevant: bool
    acceptability: float
    confidence: float
    meaning: str
    why: str


@dataclass(frozen=True)
class Tested:
    """How a campaign tested the law of a regime: evidence that a table of the same runs lacks.

    Attributes
    ----------
    runs : int
        Runs that the law goes through, within the scatter of equal runs, beyond as many as
        determine it; they were placed where another law would show.
    half_width : float
        Of the interval of its least known exponent.
    tolerance : float
        Of the exponents, as it was asked for.
    cleared : bool
        Whether its runs were cleared of crossovers to other laws. The law of such runs has no
        probability, since the runs themselves do not follow it.
    """

    runs: int
    half_width: float
    tolerance: float
    cleared: bool = False

    @property
    def holds(self) -> bool:
        """Whether some run could have spoken against the law, and its exponents are known."""
        return self.runs > 0 and self.is_narrow

    @property
    def is_narrow(self) -> bool:
        """Whether every exponent is known to its tolerance."""
        return self.half_width <= self.tolerance


@dataclass(frozen=True)
class RegimeAnswer:
    """A power law and where it holds.

    Attributes
    ----------
    where : str
        Condition over group names; "True" for everywhere.
    place : str
        The same in words and inputs; empty for everywhere.
    exponents : tuple of Exponent
        Of the inputs that the runs varied.
    runs : mapping of str to int
        Runs of each tier inside, by which it was fitted.
    share : float
        Part of the reachable pi space that its core takes.
    bias : mapping of str to float
        Mean log-difference of each tier to the one below, inside.
    fit : FitResult or None
        Of its runs of the finest tier: a law that is dimensionally checked.
    implied : tuple of Exponent
        Of inputs of the ranges that need not vary: what dimensions alone leave for them.
    tested : Tested
        What further runs say of it, which enters the verdict on its law.
    activation : mapping of str to Activation
        Of the temperature that enters as 1/T.
    """

    where: str
    place: str
    exponents: tuple[Exponent, ...]
    runs: Mapping[str, int]
    share: float
    bias: Mapping[str, float]
    tested: Tested
    fit: FitResult | None = None
    implied: tuple[Exponent, ...] = ()
    activation: Mapping[str, Activation] = field(default_factory=dict)

    @property
    def every_exponent(self) -> tuple[Exponent, ...]:
        """Exponents of all inputs of the ranges by name, those implied by dimensions included."""
        return tuple(sorted((*self.exponents, *self.implied), key=lambda e: e.name))

    @property
    def law(self) -> Law | None:
        """Its law, with the verdict on it."""
        return None if self.fit is None else self.fit.judged_law

    @property
    def prefactor(self) -> Constant | None:
        """Fitted constant of its law."""
        constants = () if self.fit is None else self.fit.law.constants
        return next((c for c in constants if c.origin == "fitted"), None)

    def to_json(self) -> dict[str, Any]:
        """As JSON; exponents have the form of `fit`."""
        constant = self.prefactor
        return {
            **attributes(self, "where place share runs bias"),
            "n": sum(self.runs.values()),
            "exponents": [exponent_document(e) for e in self.exponents],
            "implied": [exponent_document(e) for e in self.implied],
            "activation": activation_document(self.activation),
            "prefactor": constant and attributes(constant, "value unit low high"),
            "law": law_or_none(self.law),
            "tested": {**vars(self.tested), "holds": self.tested.holds},
        }


@dataclass(frozen=True)
class PointAnswer:
    """A prediction at a named point, or where along an input a limit is met, in SI units."""

    value: float
    low: float
    high: float
    unit: str
    name: str


@dataclass(frozen=True, eq=False)
class CampaignResult:
    """What a campaign found, and what it rests on.

    Attributes
    ----------
    outcome : Outcome
        Whether the law is confirmed, or why there is none.
    regimes : tuple of RegimeAnswer
    boundaries : tuple of RegimeBoundary
    points : tuple of PointAnswer
    pertinence : tuple of Pertinence
        One for each regime and each named point.
    further : str
        What was reached: why a question is open, the widest interval, and what noise still takes.
    essential : tuple of str
        Monomials of groups on which everything but one monomial depends, in the inputs.
    basis : PiBasis
    varied, not_varied : tuple of str
        Inputs that moved, and those of the ranges that need not.
    domain : mapping
        Ranges of groups and inputs that the usable runs of the finest tier cover.
    dataset : Dataset or None
        Runs of the finest tier that ended well.
    report : Report, FitResult or None
        What `discover` or `fit` makes of them.
    runs : mapping of str to int
        Runs asked for, by tier.
    counts : mapping of str to int
        made, known (before), and from elsewhere, of which the evidence does not count as made; so
        each run is counted once. Of them all failed; and interrupted, retried.
    seconds : float
        Wall time of the kernel's runs together.
    log : sequence of mapping
        Every decision with its reason.
    checks : sequence of mapping
        Runs that were predicted: ``"predicted"`` beforehand and ``"made"``, in `unit`, and the
        ``"tier"``.
    unseen : str
        What may hide between the runs that were made.
    origins : tuple of mapping
        What became of runs from elsewhere: ``origin``, how many were ``given`` and ``used``, and
        what is ``told`` of them.
    curves : tuple of Collapse
        Curves of the finest runs, those of all targets, that were brought onto one.
    whole_curves : tuple of WholeCurves
        Those that were fitted whole.
    whole : Law or None
        What `discover` confirmed, if it goes through all the runs.
    has_one_law : bool
        Whether one power law explains all runs.
    others : tuple of CampaignResult
        Of the plan's further targets; `runs` of the last counts those of all.
    target, unit : str
    level : float
    surrogate : Surrogate or None
        What predicts the runs where no law was found.
    source : str or None
        The source that was asked, where the plan names several.
    across : Report or None
        What `discover` makes of the runs of all sources, and of what differs between them; with
        the first.
    options : Options
        What the plan says of the groups, for the report on the law.
    warnings : tuple of str

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from dimgs.campaign import Budget, Plan, Range, Tolerance, run_campaign
    >>> from dimgs.kernels import kernel
    >>> @kernel(inputs={"F": "N", "A": "m^2"}, outputs={"p": "Pa"})
    ... def pressure(F, A):
    ...     return F / A
    >>> plan = Plan(pressure, "p", {"F": Range(1, 100, "N"), "A": Range(1e-4, 1e-2, "m^2")},
    ...             budget=Budget(runs=20), tolerance=Tolerance(exponents=0.02))
    >>> with ThreadPoolExecutor(1) as executor:
    ...     result = run_campaign(plan, executor=executor)
    >>> result.outcome, sum(result.runs.values()) < 20
    ('confirmed', True)
    """

    outcome: Outcome
    regimes: tuple[RegimeAnswer, ...]
    boundaries: tuple[RegimeBoundary, ...]
    points: tuple[PointAnswer, ...]
    pertinence: tuple[Pertinence, ...]
    further: str
    essential: tuple[str, ...]
    basis: PiBasis
    varied: tuple[str, ...]
    not_varied: tuple[str, ...]
    domain: Mapping[str, Any]
    dataset: Dataset | None
    report: Report | FitResult | None
    runs: Mapping[str, int]
    counts: Mapping[str, int]
    seconds: float
    log: Sequence[Mapping[str, Any]]
    checks: tuple[Mapping[str, Any], ...]
    target: str
    unit: str
    level: float
    options: Options
    warnings: tuple[str, ...] = ()
    unseen: str = ""
    origins: tuple[Mapping[str, Any], ...] = ()
    others: "tuple[CampaignResult, ...]" = ()
    whole: Law | None = None
    has_one_law: bool = False
    curves: "tuple[Collapse, ...]" = ()
    whole_curves: tuple[WholeCurves, ...] = ()
    surrogate: Surrogate | None = None
    source: str | None = None
    across: Report | None = None

    @property
    def name(self) -> str:
        """The target, and the source where there are several."""
        return self.target if self.source is None else f"{self.target} of {self.source}"

    @property
    def confidence(self) -> float:
        """Smallest probability that an answer is within its tolerance of the truth."""
        return min((p.confidence for p in self.pertinence), default=0.0)

    @property
    def ended(self) -> str:
        """How the campaign ended, in a clause; it may confirm laws of regimes, and none of all."""
        if self.outcome is Outcome.CONFIRMED and self.law is None:
            many = len(self.regimes)
            return f"power laws of {many} regimes confirmed, and no one law of all runs"
        return self.outcome.words

    @property
    def law(self) -> Law | None:
        """The one law of all runs: that of `discover` where it is confirmed, or of one regime."""
        if self.across is not None and self.across.confirmed:
            return self.across.law
        if self.whole is not None:
            return self.whole
        return self.regimes[0].law if self.has_one_law and self.regimes else None

    @property
    def nearest(self) -> Law | None:
        """What `discover` makes of all runs, where that is not confirmed and nothing else is."""
        report = self.report
        return report.law if isinstance(report, Report) and self.law is None else None

    def to_json(self) -> dict[str, Any]:
        """One JSON document; the decisions are in the log's own file.

        With several targets it is that of the first, ``outcome`` is the first that is no answer,
        ``ended`` says it in words, ``runs`` and ``made`` count those of all, and the documents of
        the other targets stand under ``others``.
        """
        every = (self, *self.others)
        # the first that is no answer, else the first of predictions, else a confirmed law
        last = min(every, key=lambda r: (r.outcome.is_answer, r.outcome is not Outcome.PREDICTS))
        return {
            "schema": SCHEMA,
            **attributes(last, "outcome ended"),
            **attributes(self, "confidence target unit level further unseen varied not_varied"),
            **({} if self.source is None else {"source": self.source}),
            "runs": dict(every[-1].runs),
            "made": sum(r.counts["made"] for r in every),
            "regimes": [r.to_json() for r in self.regimes],
            "boundaries": [{**vars(b), "group": b.monomial} for b in self.boundaries],
            "points": [dict(vars(p)) for p in self.points],
            "pertinence": {
                # there is an answer where one is, and it is as good as the worst of them
                "relevant": any(p.relevant for p in self.pertinence),
                "acceptability": min((p.acceptability for p in self.pertinence), default=0.0),
                "confidence": self.confidence,
                "meaning": " ".join(p.meaning for p in self.pertinence),
                "why": " ".join(f"{p.answer}: {p.why}" for p in self.pertinence),
                "answers": [dict(vars(p)) for p in self.pertinence],
            },
            "law": law_or_none(self.law),
            "essential_groups": list(self.essential),
            "pi": pi_document(self.basis),
            "from": [dict(o) for o in self.origins],
            "checks": [dict(c) for c in self.checks],
            "curves": [c.to_json() for c in self.curves],
            "whole_curves": [c.to_json() for c in self.whole_curves],
            "surrogate": self.surrogate and self.surrogate.to_json(),
            "report": self.report and self.report.to_json(),
            **({} if self.across is None else {"across": self.across.to_json()}),
            "decisions": len(self.log),
            **attributes(self, "domain counts seconds warnings"),
            **({"others": [o.to_json() for o in self.others]} if self.others else {}),
        }

    def write(self, folder: Path) -> list[Path]:
        """Write ``result.json``, and the report on the law of all runs where there is one.

        Parameters
        ----------
        folder : Path
            There already.

        Returns
        -------
        list of Path
            What was written.

        Raises
        ------
        OSError, InputError
            If the folder cannot be written to.
        """
        return [self.write_answer(folder), *self.write_report(folder)]

    def write_answer(self, folder: Path) -> Path:
        """Write ``result.json`` alone; :meth:`write` says of what and where."""
        path = folder / "result.json"
        write_document(sealed(plain(self.to_json())), path)
        return path

    def write_report(
        self, folder: Path, progress: Callable[[str], None] = lambda text: None
    ) -> list[Path]:
        """Write the report on the law of all runs where there is one, and the figures of curves.

        The report is that of :meth:`dimgs.Report.write`: report.html, law.json, law.tex and
        figures, in a folder for each target where there are several.

        Parameters
        ----------
        folder : Path
            There already.
        progress : callable, optional
            Called with a line of text before each part.

        Returns
        -------
        list of Path
            What was written.
        """
        written, every = list[Path](), (self, *self.others)
        names = file_names(r.name for r in every)
        curves = file_names(c.target for c in self.curves)
        written += [save(c.draw(), folder / f"{curves[c.target]}.svg") for c in self.curves]
        for one in every:
            joint = folder / file_names([one.target])[one.target]
            home = folder / names[one.name] if self.others else folder
            if one.across is not None:
                progress(f"the report on {one.target} of all sources is written to {joint}")
                written += write_study(one.across, joint)
            if (study := one.study()) is not None:
                progress(f"figures of {one.name} are drawn")
                drawings = [*draw_figures(study), *one.drawings()]
                progress(f"the report on {one.name} is written to {home}")
                written += write_study(study, home, drawings)
        return written

    def drawings(self) -> "list[Drawing]":
        """Figures of the campaign: its progress, its predictions beside the runs, its regimes."""
        data, values = self.dataset, dict[str, Array]()
        if data is not None:
            known: dict[str, float | Array] = {name: data[name] for name in data.numeric_names}
            known |= {v.name: v.value or 1.0 for v in self.basis.variables if v.role != "data"}
            groups = (g for g in self.basis.groups if not self.basis.is_signed(g))
            values = {g.name: np.exp(g.log(known)) for g in groups}
            values |= {name: data[name] for r in self.regimes for name in r.activation}
        regimes, title = [r.to_json() for r in self.regimes], f"{self.name} [{self.unit}]"
        return campaign_drawings(self.log, self.checks, values, regimes, title)

    def study(self) -> Report | None:
        """The report on the law of all runs, with the verdict of the campaign; None without one."""
        fit = self.report
        if isinstance(fit, Report) and self.outcome is Outcome.CONFIRMED and self.law is None:
            # one page says the same as the other files
            why = f"The campaign ended with: {self.ended}; this is what comes nearest to one."
            return replace(fit, why_not=(why, *fit.why_not))
        if not isinstance(fit, FitResult):
            return fit
        if self.dataset is None:
            return None
        # a dry run, which has no result, starts without the searches of laws
        from dimgs.discovery.discover import report_of
        from dimgs.discovery.study import study_of_power_law

        # the campaign has judged its law: it is not judged again
        options = replace(self.options, engine=NONE)
        try:
            study = study_of_power_law(prepare(self.dataset, self.target, options), options)
            report = report_of(study, self.dataset, options)
        except DimgsError:
            return None
        kept = tuple(w for w in report.warnings if w not in report.why_not)
        return replace(report, law=fit.judged_law, warnings=kept, **vars(fit.verdict))


# ---- Plans, results and regimes in plain words.


_PLAIN = {"1": "is proportional to", "-1": "is inversely proportional to"}
_POWERS = {2: "square", 3: "cube", Fraction(1, 2): "square root", Fraction(1, 3): "cube root"}


def sentence(
    target: str, regime: "RegimeAnswer", everywhere: bool = True, reached: str = ""
) -> str:
    """The exponents of a regime in words.

    Parameters
    ----------
    target : str
    regime : RegimeAnswer
    everywhere : bool
        Whether every run gave an answer, so that a law without bounds holds in all the ranges.
    reached : str
        Inputs that were not run over their whole ranges, and over which part they were.

    Examples
    --------
    >>> from dimgs.campaign.result import RegimeAnswer, Tested
    >>> from dimgs.fits.estimate import Exponent
    >>> half, tested = Fraction(1, 2), Tested(1, 0.01, 0.02)
    >>> exponents = [Exponent("D", 0.5, 0.49, 0.51, half), Exponent("t", 0.5, 0.49, 0.51, half),
    ...              Exponent("h", 0.0, -0.01, 0.01, Fraction(0))]
    >>> early = RegimeAnswer("pi_1 < 0.5", "Fo < 0.5", exponents, {}, 1.0, {}, tested)
    >>> sentence("CF", early)
    'Where Fo < 0.5, CF grows as the square root of D and t; h does not matter.'
    """
    groups: dict[str, list[str]] = {}
    idle, unknown = [], []
    for e in regime.exponents:
        if not np.isfinite(e.high - e.low):
            unknown.append(e.name)
        elif e.rational == 0:
            idle.append(e.name)
        else:
            words = f"goes as the power {e.rational or format(e.value, '.3g')} of"
            if e.rational is not None and (power := _POWERS.get(abs(e.rational))):
                words = f"{'grows as the' if e.rational > 0 else 'falls as the inverse'} {power} of"
            groups.setdefault(_PLAIN.get(str(e.rational), words), []).append(e.name)
    parts = [f"{words} {listed(names)}" for words, names in groups.items()]
    hot = ((n, a) for n, a in regime.activation.items() if not a.low <= 0.0 <= a.high)
    parts += [f"goes as exp({-a.kelvin:.4g} K/{n})" for n, a in hot]
    main = f"{target} {listed(parts)}" if parts else f"{target} is constant"
    if not parts and (held := [e.name for e in regime.implied if e.rational != 0]):
        main += f" at the same {listed(held)}"
    tried = "as far as runs were made" if reached else "everywhere in the ranges"
    all_over = tried if everywhere else "wherever a run gave an answer"
    all_over += f", {reached}" if reached else ""
    start = f"Where {regime.place}, {main}" if regime.place else f"{main}, {all_over}"
    ends = []
    if idle and parts:
        ends.append(f"{listed(idle)} {'do' if len(idle) > 1 else 'does'} not matter")
    if unknown:
        ends.append(f"nothing can be said yet about {listed(unknown)}")
    return "; ".join([start, *ends]) + "."


def as_sentence(clause: str) -> str:
    """A clause as a sentence of its own.

    Examples
    --------
    >>> as_sentence("no further run helps")
    'No further run helps.'
    """
    return f"{clause[0].upper()}{clause[1:]}."


def counted(runs: Mapping[str, int]) -> str:
    """Numbers of runs by tier.

    Examples
    --------
    >>> counted({"coarse": 188, "fine": 32}), counted({"only": 1})
    ('188 coarse, 32 fine runs', '1 run')
    """
    texts = [f"{n} {of_tier(tier)}".strip() for tier, n in runs.items()]
    return f"{', '.join(texts)} run{'' if list(runs.values()) == [1] else 's'}"


# what dimensions alone leave for an input, though runs that test them may vary it
_IMPLIED = " (by dimensions, not fitted)"
# first runs that are shown
_SHOWN = 5
# a line of dashes that fits the narrowest terminal, of 80 letters, with room for an indent
_RULE = "-" * 72


def campaign_text(result: "CampaignResult") -> str:
    """What a campaign found, for reading.

    Parameters
    ----------
    result : CampaignResult
    """
    counts, ended = result.counts, f"{result.ended} after {counted(result.runs)}"
    reused, evidence = counts["elsewhere"] - counts["evidence"], counts["evidence"]
    prior = f"; from elsewhere {reused} as made, {evidence} as evidence"
    needless = result.not_varied and result.outcome.is_consistent
    domain = result.domain["held"].items()
    held = [f"{n} = {v if isinstance(v, str) else quantity(**v)}" for n, v in domain]
    lines = [
        f"{result.name} [{result.unit}]: {ended} ({result.seconds:.3g} s of the kernel)",
        f"  {counts['made']} made now, {counts['known']} known before"
        + (prior if counts["elsewhere"] else ""),
        f"  {counts['interrupted']} found interrupted, {counts['failed']} without an answer",
        *(f"  {o['used']} of {o['given']} from {o['origin']}: {o['told']}" for o in result.origins),
        f"  moved: {listed(result.varied)}"
        + (f"; need not move: {listed(result.not_varied)}" if needless else ""),
        *(f"  {line}" for line in never_varied(held)),
        "groups" if result.basis.groups else "no free group",
        *(f"  {g.name} = {_formula(g)}" for g in result.basis.groups),
    ]
    if result.essential:
        lines.append(f"  enough for all but one monomial: {'; '.join(result.essential)}")
    across = None if result.across is None else result.across.law
    kinds = (("all runs", result.whole), ("all runs that comes nearest", result.nearest))
    for title, law in (*kinds, ("the runs of all sources", across)):
        if law is not None:
            lines += [_RULE, *_law_lines(f"law of {title}", law)]
    for i, regime in enumerate(result.regimes, 1):
        inside = [
            *exponent_lines(regime.exponents, result.level, result.basis.target),
            *(f"{e.name} {e.rational or number(e.value)}{_IMPLIED}" for e in regime.implied),
            *activation_lines(regime.activation),
            *_law_lines("law of its finest runs", regime.law),
        ]
        lines += [_RULE, f"regime {i}: {condition(regime.where)}", *(f"  {x}" for x in inside)]
    if result.boundaries:
        lines += [_RULE, "boundaries"]
    for b in result.boundaries:
        jump, where = ", a jump" if b.kind == "jump" else "", f"{b.regimes[0]} | {b.regimes[1]}"
        at = f"{b.physical} = {number(b.value)}{unit_suffix(b.unit)} {interval(b.low, b.high)}"
        lines.append(f"  {where} at {at}{jump}")
    for i, point in enumerate(result.points, 1):
        value = quantity(point.value, point.unit)
        lines.append(f"point {i}: {point.name} = {value} {interval(point.low, point.high)}")
    lines.append(_RULE)
    for p in result.pertinence:
        grade = "relevant" if p.relevant else "FAILED"
        good = f"acceptability {p.acceptability:.2f}, confidence {p.confidence:.3f}"
        lines += [f"{p.answer}: {grade}, {good}", f"  {p.meaning}", f"  {p.why}"]
    lines += [text for text in (result.further, result.unseen) if text]
    lines += [f"curves '{c.target}'\n{c}" for c in result.curves]
    return "\n".join([*lines, *(f"{_RULE}\n{campaign_text(o)}" for o in result.others)])


def _law_lines(title: str, law: "Law | None") -> list[str]:
    """A law with its verdict, constants, sources and domain; nothing without one."""
    if law is None:
        return []
    first, *constants = law_lines(law)
    domain = (f"domain: {line}" for line in domain_lines(law))
    below = (law.verdict, *constants, *sources_lines(law), *domain)
    return [f"{title}: {first}", *(f"  {line}" for line in below)]


def design_text(document: Mapping[str, Any]) -> str:
    """A dry run, for reading.

    Parameters
    ----------
    document : mapping
        From :func:`dimgs.campaign.result.dry_run`; ``from`` may list known runs.
    """
    survey, units, moved, runs = (document[n] for n in ("survey", "units", "moved", "design"))
    most, prior = document["seconds_at_most"], document.get("from", ())
    fixed = listed(f"{n} = {quantity(*v)}" for n, v in document["fixed"].items()) or "none"
    limits = listed(f"{n} {of_tier(t)}".strip() for t, n in document["budget"].items())
    free = f"{directions(document['free_directions'])} of pi space"
    return "\n".join(
        [
            f"{document['kernel']} -> {document['target']}: {free}",
            "groups and what the ranges reach" if document["groups"] else "no free group",
            *(
                f"  {g['name']} = {g['formula']}: {g['low']:.3g} to {g['high']:.3g}"
                for g in document["groups"]
            ),
            f"inputs that move: {listed(moved)}",
            f"inputs of the ranges that need not: {listed(document['not_varied']) or 'none'}",
            f"inputs that stay: {fixed}",
            f"first: {counted({survey['tier']: survey['runs']})}, about {survey['seconds']:.3g} s",
            f"budget: {limits} runs, at most about {most:.3g} s of the kernel",
            "first runs",
            *(
                "  " + ", ".join(f"{n} = {quantity(run[n], units[n])}" for n in moved)
                for run in runs[:_SHOWN]
            ),
            *([f"  ... and {len(runs) - _SHOWN} more"] * (len(runs) > _SHOWN)),
            *(f"{o['given']} runs from {o['origin']}: {o['told']}" for o in prior),
            *document["notes"],
        ]
    )


def quantity(value: float | str, unit: str) -> str:
    """A value with its unit, where it has one.

    Examples
    --------
    >>> quantity(0.25, "m"), quantity(12.0, "1"), quantity("steel", "label")
    ('0.25 m', '12', 'steel')
    """
    text = value if isinstance(value, str) else f"{value:.4g}"
    return text if unit in ("", "1", "label") else f"{text} {unit}"


def _formula(group: PiGroup) -> str:
    """A group in the inputs, with its name in the literature."""
    return f"{group} ({group.known_as})" if group.known_as else str(group)


def dry_run(binding: Binding) -> Mapping[str, Any]:
    """The design without a run, ready for JSON.

    Parameters
    ----------
    binding : Binding

    Returns
    -------
    mapping
        Groups, inputs that move, the first runs and what all may cost.
    """
    space, plan, tiers = binding.space, binding.plan, binding.tiers
    design = CampaignDesign(binding)
    if plan.of_ranges:
        proposals = TierEvidence(design, CampaignRuns(space.rank), 0).next()
        runs = [design.values(p.z, p.logs) for p in proposals]
    else:
        runs = [design.values(z) for point in binding.points for z in point.outermost]
    units = {p.name: p.unit for p in binding.kernel.inputs}
    moved = [n for n in space.names if len({run[n] for run in runs}) > 1]
    most = {t.name: plan.budget.runs if t is tiers[-1] else plan.budget.coarse for t in tiers}
    spent = sum(t.cost * most[t.name] for t in tiers)
    reach = np.abs(space.loadings * space.half).sum(axis=1)
    ends = np.exp([space.middle - reach, space.middle + reach]).T.tolist()
    return {
        "kernel": binding.kernel.name,
        "target": binding.target.name,
        "pi": pi_document(space.basis),
        "free_directions": space.rank,
        "groups": [
            {"name": g.name, "formula": _formula(g), "low": low, "high": high}
            for g, (low, high) in zip(space.groups, ends, strict=True)
        ],
        "ranges": sorted(plan.ranges),
        "moved": moved,
        "not_varied": [n for n in sorted(plan.ranges) if n not in moved],
        "fixed": {n: [v, units[n]] for n, v in binding.fixed.items()},
        "tiers": [t.name for t in tiers],
        "budget": most,
        "survey": {"tier": tiers[0].name, "runs": len(runs), "seconds": tiers[0].cost * len(runs)},
        "seconds_at_most": min(spent, plan.budget.seconds or np.inf),
        "design": runs,
        "units": units,
        "notes": list(binding.notes),
    }
