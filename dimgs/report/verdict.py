"""What the runs that were left out say of a law, in a sentence."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dimgs.report.results import Report

NOTHING_LEFT = 0.05


def error_of(report: "Report") -> str:
    """Typical error of runs left out (of the fitted runs where none were), in words.

    Parameters
    ----------
    report : Report
    """
    measured = np.asarray(report.measured, dtype=np.float64)
    left_out = len(report.left_out) == len(measured)
    predicted = np.asarray(report.left_out if left_out else report.predicted, dtype=np.float64)
    which = "on runs left out" if left_out else "on the fitted runs"
    if not len(measured) or len(predicted) != len(measured):
        return "error unknown"
    with np.errstate(all="ignore"):
        if np.all(measured > 0) and np.all(predicted > 0):
            rms = float(np.sqrt(np.mean(np.log(predicted / measured) ** 2)))
            if rms < 1.0:
                return f"error {100 * rms:.2g} % {which}"
            return f"error a factor of {np.exp(min(rms, 700.0)):.2g} {which}"
        size = float(np.max(np.abs(measured))) or 1.0
        rms = float(np.sqrt(np.mean(((predicted - measured) / size) ** 2)))
        whole = float(np.sqrt(np.mean((measured / size) ** 2)))
    return f"error {100 * rms / whole:.2g} % of the rms {which}"


def headline(report: "Report") -> str | None:
    """The line that stands above what is no confirmed law, None above a law.

    Parameters
    ----------
    report : Report
    """
    if report.outcome == "no_candidate":
        return f"NO LAW FOUND within the budget; best surrogate, {error_of(report)}:"
    if report.outcome == "timeout":
        return f"NOT CONFIRMED; best surrogate when the time was over, {error_of(report)}:"
    return None


def verdict(report: "Report") -> str:
    """What it means, in one sentence or two.

    Parameters
    ----------
    report : Report
    """
    known = {
        "converged": "The law predicts runs that it was not fitted on.",
        "unchecked": "No run could be left out, so the law is not checked on unseen runs.",
        "no_candidate": "No law found within the budget: this is the best surrogate, with "
        f"{error_of(report)}, and it does not hold.",
        "timeout": "Not confirmed: the time limit ended the search while the residuals still "
        f"depended on the groups. This is the best surrogate, with {error_of(report)}; more "
        "time may find the law.",
        "unavailable": "The engine is not available here.",
    }
    text = known.get(report.outcome, report.outcome)
    if report.outcome == "converged" and report.unexplained >= NOTHING_LEFT:
        text += (
            f" Its residuals still depend on the groups ({100 * report.unexplained:.0f} % of their "
            "variance): it is not the whole law."
        )
    return text
