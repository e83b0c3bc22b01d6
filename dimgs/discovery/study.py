"""A study: the proposals of the searches for one basis, and their judgement."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from dimgs.common.arrays import Array, times_exp
from dimgs.discovery.linear import fit_linear
from dimgs.discovery.options import Options
from dimgs.discovery.power_law import constant_law, fit_prepared
from dimgs.discovery.prepare import Prepared
from dimgs.discovery.problem import is_searchable
from dimgs.discovery.scoring import (
    left_out_predictions,
    left_out_score,
    left_out_values,
    log_target,
)
from dimgs.engines.clock import Cut
from dimgs.engines.protocol import Completed
from dimgs.engines.registry import NONE
from dimgs.expression.candidate import Candidate
from dimgs.judgement.candidates import Proposal
from dimgs.judgement.confirmation import LawFacts, conclude, holds
from dimgs.judgement.posterior import Posterior
from dimgs.law.law import Law
from dimgs.law.power import NoSuchNumberError
from dimgs.report.findings import Lead
from dimgs.report.results import FitResult, Verdict

# relative error that is rounding, some powers of rounded values included
_EXACT = 1e-9
_NO_POWER_LAW = (
    "The fitted power law is beyond the range of floating point: the search begins "
    "with a constant in its place."
)
# above this many runs, refits without each tenth of them take too long for what they add
MOST_LEFT_OUT = 20_000


@dataclass(frozen=True)
class Study:
    """The runs of a basis, the candidates that searches propose, and the law that is chosen.

    Attributes
    ----------
    prepared : Prepared
        The runs in an order of their own, which that of `left_out` and `result` is too.
    result : FitResult or None
        The power law; None on a linear scale.
    law : Law
        The power law until the candidates are judged, then the most probable law.
    cv_r2 : float or None
        R² of the law on runs left out.
    candidates : tuple of Candidate
        The Pareto front, the one of the fewest bits first.
    unlogged : mapping of str to str
        What the candidates call an input without a logarithm, and its identifier.
    engine : str
        Which search proposed the law, and until it is judged the first candidate.
    warnings : tuple of str
    cuts : tuple of Cut
        Steps that ended before they were complete.
    unavailable : str
        Why the engine that was asked for did not run.
    unexplained : float or None
        Share of the residuals that still depends on the groups; None where it is not known.
    follows : str
        An input that the residuals follow at equal groups.
    left_out : ndarray of shape (n_runs,) or None
        Residual of each run by the law refitted without it, where that was needed.
    posterior : Posterior or None
        The laws that were found, with their probabilities; None before they are judged.
    complete_to : Completed or None
        Up to which size the search tried all forms.
    given : tuple of Proposal
        The form that was asked for, judged beside the candidates.
    leads : tuple of Lead
        What describes the runs where no law is probable.
    left_out_by : str
        Column whose labels were left out whole for these.
    """

    prepared: Prepared
    result: FitResult | None
    law: Law
    cv_r2: float | None
    candidates: tuple[Candidate, ...]
    engine: str
    warnings: tuple[str, ...]
    unlogged: Mapping[str, str] = field(default_factory=dict)
    cuts: tuple[Cut, ...] = ()
    unavailable: str = ""
    unexplained: float | None = None
    follows: str = ""
    left_out: Array | None = None
    posterior: Posterior | None = None
    complete_to: Completed | None = None
    given: tuple[Proposal, ...] = ()
    leads: tuple[Lead, ...] = ()
    left_out_by: str = ""

    @property
    def verdict(self) -> Verdict:
        """Verdict on the law."""
        scores = self.law.scores
        aside = scores.holdout_r2_log, scores.holdout_n
        facts = LawFacts(
            self.cuts,
            self.cv_r2,
            *aside,
            self.unexplained,
            self.unavailable,
            varies=scores.exist,
            follows=self.follows,
        )
        return conclude(facts if self.posterior is None else replace(facts, **self.posterior.facts))

    @property
    def holds(self) -> bool:
        """Whether runs left out are predicted, as far as that was tried."""
        return holds(self.cv_r2)

    @property
    def exact(self) -> bool:
        """Whether a candidate meets every run to the precision of the numbers."""
        return any(c.scale == "log" and c.loss < _EXACT**2 for c in self.candidates[:1])


def study_of_power_law(prepared: Prepared, options: Options) -> Study:
    """The study of a basis before any search: its power law.

    Parameters
    ----------
    prepared : Prepared
    options : Options

    Raises
    ------
    NoSuchNumberError
        If the power law cannot be written down and no search is to follow.
    """
    prepared = prepared.ordered()
    result: FitResult | None = None
    warnings = prepared.warnings
    if prepared.design.scale == "linear":
        law, cv_r2 = fit_linear(prepared, options)
    else:
        try:
            result = fit_prepared(prepared, options)
            law, warnings = result.law, result.warnings
            unseen = left_out_values(prepared.design, result.left_out)
            cv_r2, _ = left_out_score(prepared.design, law, unseen)
        except NoSuchNumberError:
            if options.engine == NONE or not is_searchable(prepared.design):
                raise
            law, cv_r2 = constant_law(prepared.design, options), None
            warnings = (*warnings, _NO_POWER_LAW)
    candidates = _candidates(law, prepared)
    return Study(prepared, result, law, cv_r2, candidates, "power_law", warnings)


def left_out_residuals(study: Study, options: Options) -> Array | None:
    """Residual of each run by the law refitted without it; None where that cannot be had.

    On the logarithm of the target where the response has one, else on the target.
    """
    if study.left_out is not None:
        return study.left_out
    design = study.prepared.design
    if design.scale == "level" or design.within is not None or study.law.label_effects is not None:
        return None
    if study.result is not None and study.law is study.result.law and study.result.left_out:
        deleted = np.array(study.result.left_out)
        return deleted if np.all(np.isfinite(deleted)) else None
    values = left_out_predictions(design, study.law, options.seed)
    if not np.all(np.isfinite(values)):
        return None
    if design.scale != "log":
        return np.asarray(times_exp(design.y, design.offset) - values)
    return log_target(design) - np.log(values) if np.all(values > 0) else None


def _candidates(law: Law, prepared: Prepared) -> tuple[Candidate, ...]:
    design = prepared.design
    groups = {g.name for g in law.groups}
    names = {str(s) for s in law.pi_expression.free_symbols}
    constants = {k: v for k, v in law.constant_values.items() if k in names}
    if names - groups - set(constants):
        return ()
    scores = law.scores
    loss = scores.rmse_log**2 if scores.rmse_log is not None else 1.0
    if design.scale == "linear" and scores.r2 is not None:
        loss = 1.0 - scores.r2
    scale: Literal["log", "linear"] = "log" if design.scale == "log" else "linear"
    candidate = Candidate.of(
        law.pi_expression, constants, loss=loss, scale=scale, engine="power_law"
    )
    return (candidate,) if np.isfinite(loss) else ()
