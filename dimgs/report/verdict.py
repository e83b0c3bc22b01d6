"""The verdict on a law, in words."""

import numpy as np

from dimgs.law.parts import percent
from dimgs.report.findings import Findings, Verdict

_HEADLINES = {
    "no_candidate": "NO LAW FOUND within the budget; best surrogate",
    "timeout": "NOT CONFIRMED; best law when its search was cut",
    "interrupted": "NOT CONFIRMED; best law when its search was interrupted",
    "unchecked": "NOT CHECKED on unseen runs; best law",
    "unavailable": "NOT CONFIRMED; best law without the engine that was asked for",
    "converged": "NOT CONFIRMED; best law",
}


def log_error(report: Findings) -> float | None:
    """Root mean square of the logarithms of predicted over measured targets.

    Parameters
    ----------
    report : Report

    Returns
    -------
    float or None
        None for a level, and where some target is not positive.
    """
    measured, predicted, _ = report.judged_on()
    target = report.basis.target
    if not len(measured) or len(predicted) != len(measured) or (target and target.is_level):
        return None
    with np.errstate(all="ignore"):
        if np.all(measured > 0) and np.all(predicted > 0):
            return float(np.sqrt(np.mean(np.log(predicted / measured) ** 2)))
    return None


def error_of(report: Findings) -> str:
    """Typical error of runs left out (of the fitted runs where none were), in words.

    Parameters
    ----------
    report : Report
    """
    measured, predicted, left_out = report.judged_on()
    which = "on runs left out" if left_out else "on the fitted runs"
    if not len(measured) or len(predicted) != len(measured):
        return "error unknown"
    away = log_error(report)
    if away is not None:
        if away < 1.0:
            return f"error {100 * away:.2g} % {which}"
        return f"error a factor of {np.exp(min(away, 700.0)):.2g} {which}"
    with np.errstate(all="ignore"):
        size = float(np.max(np.abs(measured))) or 1.0
        rms = float(np.sqrt(np.mean(((predicted - measured) / size) ** 2)))
        whole = float(np.sqrt(np.mean((measured / size) ** 2)))
    return f"error {100 * rms / whole:.2g} % of the rms {which}"


def probability(held: Verdict) -> str:
    """How probable a law is, in words; empty where it was not judged.

    Parameters
    ----------
    held : Verdict

    Examples
    --------
    >>> probability(Verdict(probability=0.93, none_of_these=0.05))
    'Probability 93 %; none of those found 5 %'
    """
    if held.probability is None:
        return ""
    none = percent(held.none_of_these)
    only = "; interpolates only" if held.extrapolates is False else ""
    return f"Probability {percent(held.probability)}; none of those found {none}{only}"


def headline(report: Findings) -> str | None:
    """The line that stands above what is no confirmed law, None above a law.

    Parameters
    ----------
    report : Report
    """
    if report.confirmed:
        return None
    return f"{_HEADLINES.get(report.outcome, 'NOT CONFIRMED')}, {error_of(report)}:"


def verdict(held: Findings | Verdict) -> str:
    """What it means, in a sentence, or why the law is not confirmed.

    Parameters
    ----------
    held : Report or Verdict
    """
    if held.confirmed:
        return "The law predicts runs that it was not fitted on."
    return " ".join(["Not confirmed.", *held.why_not])
