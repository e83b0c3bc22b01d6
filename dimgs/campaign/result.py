"""What a campaign returns, and how it ends."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from dimgs.campaign.curves import WholeCurves
from dimgs.campaign.surrogate import Surrogate
from dimgs.common.arrays import Array
from dimgs.common.errors import DimgsError
from dimgs.common.escape import file_names
from dimgs.common.formats import SCHEMA, attributes, plain, sealed
from dimgs.dataset import Dataset
from dimgs.discovery.discover import report_of
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.discovery.study import study_of_power_law
from dimgs.engines.registry import NONE
from dimgs.fits.estimate import Exponent
from dimgs.groups.group import PiBasis
from dimgs.law.checked_law import Constant
from dimgs.law.law import Law
from dimgs.law.serialise import write_document
from dimgs.report.documents import activation_document, exponent_document, law_or_none, pi_document
from dimgs.report.figures import Drawing, draw_figures, save
from dimgs.report.figures.campaign import campaign_drawings
from dimgs.report.findings import Activation
from dimgs.report.results import FitResult, Report
from dimgs.report.write import write_study
from dimgs.symmetry.collapse import Collapse


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
        Of inputs of the ranges that no run varied: what dimensions alone leave for them.
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
        What was reached.
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
        made, known, interrupted, retried, failed; from elsewhere.
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
    curves: tuple[Collapse, ...] = ()
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
        """The one law of the whole: that of `discover` where it is confirmed, or of one regime."""
        if self.across is not None and self.across.confirmed:
            return self.across.law
        if self.whole is not None:
            return self.whole
        return self.regimes[0].law if len(self.regimes) == 1 else None

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
        # the campaign has judged its law: it is not judged again
        options = replace(self.options, engine=NONE)
        try:
            study = study_of_power_law(prepare(self.dataset, self.target, options), options)
            report = report_of(study, self.dataset, options)
        except DimgsError:
            return None
        kept = tuple(w for w in report.warnings if w not in report.why_not)
        return replace(report, law=fit.judged_law, warnings=kept, **vars(fit.verdict))
