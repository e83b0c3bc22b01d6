"""Fitted constants to simple numbers, where that shortens the message."""

from fractions import Fraction

import numpy as np

from dimgs.engines.structured.fitting import Fitted, polish, residuals_of
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import Number, nodes, parameters, rebuild

_PI_POWERS = ((0, ""), (1, "*pi"), (-1, "/pi"), (2, "*pi**2"), (-2, "/pi**2"))
_LARGEST = 12


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
    for text, number in near(value, window):
        free = [n for n in nodes(fitted.tree) if isinstance(n, Number) and n.free]
        free[i] = Number(number, text)
        trial = polish(rebuild(fitted.tree, iter(free)), runs)
        if trial is not None and trial.bits <= fitted.bits:
            return trial
    return None


def near(value: float, window: float) -> list[tuple[str, float]]:
    """Simple numbers p/q times a power of pi within the window, the simplest first."""
    out = []
    for power, text in _PI_POWERS:
        unit = np.pi**power
        for q in (1, 2, 3, 4, 6, 8):
            if not abs(value / unit * q) < _LARGEST + 1:
                continue
            p = round(value / unit * q)
            fraction = Fraction(p, q)
            if p == 0 or abs(p) > _LARGEST or fraction.denominator != q:
                continue
            if abs(p * unit / q - value) <= window:
                cost = abs(fraction.numerator) * q * (1 + 3 * abs(power))
                out.append((cost, f"({fraction}){text}", p * unit / q))
    return [(text, number) for _, text, number in sorted(out)[:3]]
