"""Confirmation: the outcome of a discovery, and whether its law is confirmed.

Each objection to a law is a :class:`Reason`. A law without objections has converged and is
confirmed. Otherwise the gravest reason gives the outcome, and all reasons are listed. New checks of
a law add their reasons here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from dimgs.common.advice import setting
from dimgs.common.formats import in_percent, rows_shown
from dimgs.engines.protocol import Cut, CutBy
from dimgs.judgement.residual_structure import ResidualSummary
from dimgs.law.checked_law import percent
from dimgs.report.results import Verdict

Outcome = Literal["converged", "timeout", "interrupted", "no_candidate", "unchecked", "unavailable"]

# Half of the variance: below it, a law misses runs that it has not seen by more than it explains of
# them. The best of 300 tables of pure noise (12 to 60 runs, one to three groups) reached 0.2.
HOLDS = 0.5
# A law is believed at odds of nine to one: of ten such laws one may be wrong. The probabilities are
# calibrated so that they say what they mean (`python -m case_studies.benchmarks.belief`).
PROBABLE = 0.9
# Below it, a law is not what the runs say: of twenty such one would be true.
IMPROBABLE = 0.05
# A short search misses rivals that a full one finds: between these, it decides nothing.
SHORT_SEARCH = (0.88, 0.95)

_GRAVEST_FIRST: tuple[Outcome, ...] = (
    "interrupted", "unavailable", "no_candidate", "timeout", "unchecked", "converged",
)  # fmt: skip


@dataclass(frozen=True)
class Reason:
    """One thing that speaks against a law.

    Parameters
    ----------
    outcome : str
        What the discovery is called if nothing graver is against it; "converged" where this only
        keeps the law from being confirmed.
    text : str
        One sentence.
    """

    outcome: Outcome
    text: str


@dataclass(frozen=True)
class LawFacts:
    """Facts on a law after its search, from which its outcome follows.

    Parameters
    ----------
    cuts : sequence of Cut
        Steps that ended before they were complete.
    left_out : float or None
        R² on runs left out in turn; None where none could be.
    aside : float or None
        R² on runs that were set aside before the search, if any were.
    n_aside : int
        How many.
    sources : tuple of str
        Columns of sources that were left out whole, if runs left out are predicted but for the
        prefactor of their source.
    residuals : ResidualSummary or None
        What the residuals still depend on; None where they were not looked at.
    unavailable : str
        Why the engine that was asked for did not run.
    varies : bool
        Whether the target does.
    rests_on : tuple of int
        Rows of outlying runs that the law rests on.
    open_inputs : tuple of str
        Inputs of the law on which the target may not depend.
    varied_alone : tuple of str
        Inputs of which no run varies two.
    local_powers : tuple of str
        Groups with fitted exponents of which an exponential follows the runs as well.
    probability : float or None
        Of the law, among all that were found and none of them; None where that was not judged.
    with_fitted : float or None
        The same with fitted exponents in place of simple ones that are stated.
    rivals : int
        How many other laws the runs do not distinguish from it.
    none : float
        Probability of none of the laws that were found.
    extrapolates : bool or None
        Whether outer blocks of runs are predicted; None where none could be left out.
    missed : str
        The block that is predicted worst.
    better : str
        A law that is more probable.
    brief : bool
        Whether other laws were looked for in a short search only.
    least : float
        The probability if a longer search found rivals as probable as is usual.
    settings : int
        Of the groups, if the runs repeat most of them; else 0.
    """

    cuts: Sequence[Cut] = ()
    left_out: float | None = None
    aside: float | None = None
    n_aside: int = 0
    sources: tuple[str, ...] = ()
    residuals: ResidualSummary | None = field(default_factory=ResidualSummary)
    unavailable: str = ""
    varies: bool = True
    rests_on: tuple[int, ...] = ()
    open_inputs: tuple[str, ...] = ()
    varied_alone: tuple[str, ...] = ()
    local_powers: tuple[str, ...] = ()
    probability: float | None = 1.0
    with_fitted: float | None = None
    rivals: int = 0
    none: float = 0.0
    extrapolates: bool | None = True
    missed: str = ""
    better: str = ""
    brief: bool = False
    least: float = 1.0
    settings: int = 0


def conclude(facts: LawFacts) -> Verdict:
    """The verdict that the facts justify.

    Parameters
    ----------
    facts : LawFacts

    Returns
    -------
    Verdict
        Confirmed only where the outcome is "converged".

    Examples
    --------
    >>> conclude(LawFacts(left_out=0.99)).confirmed
    True
    >>> cut = conclude(LawFacts([Cut("time", "the search by structured")], left_out=0.99))
    >>> cut.outcome, cut.confirmed
    ('timeout', False)
    """
    structure = [Reason("converged", text) for text in _structure(facts.residuals)]
    reasons = [*_unseen(facts), *structure]
    if facts.rests_on:
        text = (
            f"Its fit rests on outliers ({rows_shown(facts.rests_on)}): a power law describes the "
            f"other runs far better."
        )
        reasons.append(Reason("converged", text))
    if facts.open_inputs:
        text = (
            f"It is open whether the target depends on {', '.join(facts.open_inputs)}: the "
            f"interval of the exponent holds 0 in every run. Runs in which it varies more would "
            f"decide; "
            f"{setting('drop', ','.join(facts.open_inputs))} leaves it out."
        )
        reasons.append(Reason("converged", text))
    if facts.varied_alone:
        text = (
            f"No run varies two of {', '.join(facts.varied_alone)} together, so that none tests "
            f"how the law combines them: a product and a sum may agree in all of these runs. A few "
            f"runs that vary two would decide."
        )
        reasons.append(Reason("converged", text))
    if facts.local_powers and not facts.open_inputs:
        text = (
            f"A power and an exponential of {', '.join(facts.local_powers)} follow the runs alike: "
            f"the fitted exponent is a slope within the runs, and the form is open. Runs over a "
            f"wider range would decide."
        )
        reasons.append(Reason("converged", text))
    reasons += [*_improbable(facts), *_beyond(facts)]
    if facts.unavailable:
        reasons.append(Reason("unavailable", facts.unavailable))
    spent, broken_off = (
        [cut for cut in facts.cuts if (cut.by == "evaluations") == by_effort]
        for by_effort in (True, False)
    )
    reasons += _cut(broken_off)
    reasons.sort(key=lambda reason: _GRAVEST_FIRST.index(reason.outcome))
    # last, and alone no reason: that the effort was spent is in the probability of none of these
    reasons += _cut(spent) if reasons else ()
    outcome = min((r.outcome for r in reasons), key=_GRAVEST_FIRST.index, default="converged")
    why = tuple(reason.text for reason in reasons)
    probability = None if _is_open(facts) else facts.probability
    return Verdict(outcome, why, probability, facts.none, facts.extrapolates)


def holds(left_out: float | None) -> bool:
    """Whether runs left out are predicted, as far as that was tried.

    Parameters
    ----------
    left_out : float or None
        R² of them.
    """
    return left_out is None or left_out >= HOLDS


def _cut(cuts: Sequence[Cut]) -> Iterator[Reason]:
    kinds: tuple[tuple[CutBy, Outcome, str], ...] = (
        ("interrupt", "interrupted", "Interrupted during {}: this is the best law so far."),
        (
            "time",
            "timeout",
            "The time limit ended {} early; more time, or a faster machine, may find another law.",
        ),
        (
            "evaluations",
            "timeout",
            "The limit of evaluations ended {} early; more of them may find another law.",
        ),
        ("failure", "timeout", "A failure ended {} early; another engine may find another law."),
    )
    for by, outcome, text in kinds:
        steps = list(dict.fromkeys(cut.step for cut in cuts if cut.by == by))
        if steps:
            shown = " and ".join([", ".join(steps[:-1]), steps[-1]] if steps[1:] else steps)
            yield Reason(outcome, text.format(shown))


def _unseen(facts: LawFacts) -> Iterator[Reason]:
    """Objections from runs that the law was not fitted on."""
    if not facts.varies:
        yield Reason(
            "unchecked",
            "The target does not vary: there is no R², and the law is not checked on held-out "
            "runs.",
        )
    elif facts.left_out is None:
        yield Reason(
            "unchecked", "No run could be left out, so the law is not checked on held-out runs."
        )
    elif not holds(facts.left_out) and facts.sources:
        yield Reason(
            "converged",
            f"New sources of {' and '.join(facts.sources)} are predicted with R² = "
            f"{facts.left_out:.2g}, less than {HOLDS}: their prefactors differ by more than the "
            f"inputs explain. Among the runs of one source the law holds; "
            f"{setting('within', facts.sources[0])} states it for these sources alone.",
        )
    elif not holds(facts.left_out):
        yield Reason(
            "no_candidate",
            f"Runs left out are predicted with R² = {facts.left_out:.2g}, less than {HOLDS}: "
            "the law does not hold.",
        )
    if facts.aside is not None and not holds(facts.aside) and not facts.sources:
        yield Reason(
            "converged",
            f"The {facts.n_aside} runs set aside before the search are predicted with "
            f"R² = {facts.aside:.2g}, less than {HOLDS}.",
        )


def _structure(residuals: ResidualSummary | None) -> Iterator[str]:
    """What the residuals of a law still depend on, with remedies."""
    if residuals is None:
        yield "It is unknown whether its residuals still depend on the groups."
        return
    if residuals.follows:
        yield (
            f"Its residuals still depend on {residuals.follows} at equal groups: a constant with a "
            "dimension is missing, so it is not the whole law. "
            f"{setting('constants', 'NAME')} adds a known one, {setting('scales', 'auto')} others."
        )
    if residuals.unexplained:
        yield (
            f"Its residuals still depend on the groups ({in_percent(residuals.unexplained)} of "
            "their variance): it is not the whole law."
        )
    if residuals.label:
        yield (
            f"Its residuals follow the labels of '{residuals.label}' "
            f"({percent(residuals.of_label)} of their "
            f"variance), so runs with different labels differ in more than the inputs: "
            f"{setting('within', residuals.label)} gives each label its own prefactor, and "
            f"{setting('by', residuals.label)} holds for new labels too."
        )
    if residuals.drift:
        yield (
            f"Its residuals drift in the order of the rows ({percent(residuals.drift)} of their "
            f"variance), so something changed from run to run that no column holds, such as a "
            f"calibration: add it as a column."
        )
    if residuals.settings:
        yield (
            f"Its residuals differ more between the {residuals.settings} settings than "
            f"between repeats of one: the form is not the whole law, or repeats share an error, as "
            f"those of one day do. Repeat settings on other days, or add settings."
        )


def _is_open(facts: LawFacts) -> bool:
    """Whether a longer search may move the probability across the threshold."""
    low, high = SHORT_SEARCH
    if not facts.brief or facts.probability is None or facts.probability <= low:
        return False
    return facts.probability < high or facts.least < PROBABLE


def _improbable(facts: LawFacts) -> Iterator[Reason]:
    """Whether other laws, found or not, explain the runs as well."""
    if facts.probability is None:
        yield Reason("converged", "The probability of the law was not computed.")
    elif _is_open(facts):
        yield Reason(
            "unchecked",
            f"A short search for other laws leaves it open whether its probability is at least "
            f"{percent(PROBABLE)}; `dimgs discover` with {setting('engine', 'auto')} searches in "
            f"full.",
        )
    elif facts.probability < PROBABLE:
        why = []
        if facts.better:
            why.append(f"{facts.better} is more probable")
        elif facts.rivals and facts.probability >= IMPROBABLE:
            laws = "another law explains" if facts.rivals == 1 else f"{facts.rivals} others explain"
            why.append(f"{laws} the runs as well")
        if facts.with_fitted is not None and facts.with_fitted > facts.probability:
            more = percent(facts.with_fitted)
            why.append(f"it is {more} with fitted exponents in place of simple ones")
        if facts.none > 1 - PROBABLE or not why:
            few = ""
            if facts.settings:
                few = f", as the runs repeat {facts.settings} settings of the groups: add settings"
            why.append(f"the probability that no candidate is true is {percent(facts.none)}{few}")
        yield Reason(
            "converged",
            f"Its posterior probability is {percent(facts.probability)}, "
            f"below {percent(PROBABLE)}: "
            f"{' and '.join(why)}.",
        )


def _beyond(facts: LawFacts) -> Iterator[Reason]:
    """Whether the law predicts runs outside of those that it was fitted to."""
    if facts.probability is None:
        return
    if facts.extrapolates is None:
        yield Reason(
            "converged",
            "No end of the runs could be left out, so predictions beyond them are untested.",
        )
    elif not facts.extrapolates:
        yield Reason(
            "converged",
            f"It interpolates only: the runs of {facts.missed} are not predicted by the others.",
        )
