"""Fitted constants to simple numbers, where that shortens the message."""

import numpy as np

from dimgs.engines.structured.fitting import Fitted, polish, residuals_of
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import Number, nodes, parameters, rebuild
from dimgs.rationals import numbers_near


def simplified(fitted: Fitted, runs: Runs) -> Fitted:
    """Replace constants by simple numbers, the surest first, while the bits do not grow."""
    for _ in range(8):
        found = residuals_of(fitted.tree, runs)
        if found is None:
            return fitted
        e, jacobian = found
        if jacobian is None:
            return fitted
        values = parameters(fitted.tree)
        scale = np.sqrt((jacobian**2).sum(axis=0)) + 1e-300
        inverse = np.linalg.pinv((jacobian / scale).T @ (jacobian / scale), hermitian=True)
        variance = max(float(e @ e) / max(len(e) - len(values), 1), 1e-24)
        errors = np.sqrt(np.diag(inverse) * variance) / scale
        better = None
        for i in np.argsort(errors / (np.abs(values) + 1e-300), kind="stable"):
            better = _simpler(fitted, runs, int(i), float(values[i]), float(errors[i]))
            if better is not None:
                break
        if better is None:
            return fitted
        fitted = better
    return fitted


def _simpler(fitted: Fitted, runs: Runs, i: int, value: float, error: float) -> Fitted | None:
    window = max(3 * error, 1e-10 * abs(value))
    if window > 0.2 * abs(value):
        return None
    for text, number in numbers_near(value, window):
        free = [n for n in nodes(fitted.tree) if isinstance(n, Number) and n.free]
        free[i] = Number(number, text)
        trial = polish(rebuild(fitted.tree, iter(free)), runs)
        if trial is not None and trial.bits <= fitted.bits:
            return trial
    return None
