"""Outliers: runs with improbable residuals, and the effect of leaving them out.

References
----------
R. D. Cook, S. Weisberg, Residuals and Influence in Regression (1982), section 2.2 (residuals of
runs left out, compared with the scatter of the others; the least chance times their number).
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy import special

from dimgs.common.advice import setting
from dimgs.common.arrays import Array
from dimgs.common.errors import DimgsError
from dimgs.common.formats import in_percent
from dimgs.discovery.estimators import estimator
from dimgs.discovery.options import Options
from dimgs.discovery.rational_exponents import with_rationals
from dimgs.fits.design.features import Design
from dimgs.fits.estimate import Estimate
from dimgs.law.assemble import refit
from dimgs.law.law import Law

# chance that the farthest of as many normal errors lies as far: one table in a hundred names a run
# in vain
_LEVEL = 0.01
# runs beyond: there the errors have heavy tails, and no single run is the matter
_MOST = 3
# relative error that is rounding, and runs of which one leaves enough to compare it with
_EXACT, _FEWEST = 1e-9, 8


def outlying(left_out: Array, constants: int) -> list[tuple[int, float]]:
    """Runs farther from a law than chance allows, and by how many errors of the others.

    Parameters
    ----------
    left_out : ndarray of shape (n_runs,)
        Residual of each run by the law fitted without it.
    constants : int
        Fitted constants.

    Returns
    -------
    list of (int, float)
        The farthest first; empty where there are so many that the errors have heavy tails.

    Examples
    --------
    >>> found = outlying(np.array([0.1, -0.2, 0.15, -0.1, 0.05, 0.2, -0.15, 0.1, 0.0, 3.0]), 1)
    >>> [(run, round(times)) for run, times in found]
    [(9, 21)]
    """
    rows = np.flatnonzero(np.isfinite(left_out))
    out: list[tuple[int, float]] = []
    while len(rows) >= max(_FEWEST, constants + 3) and len(out) <= _MOST:
        squares = np.square(left_out[rows])
        worst = int(np.argmax(squares))
        dof = len(rows) - 1 - constants
        error = float(np.sqrt((squares.sum() - squares[worst]) / dof))
        if error <= _EXACT:
            break
        times = float(np.sqrt(squares[worst])) / error
        if 2 * len(rows) * float(special.stdtr(dof, -times)) >= _LEVEL:
            break
        out.append((int(rows[worst]), times))
        rows = np.delete(rows, worst)
    return out if len(out) <= _MOST else []


def outlier_warnings(
    design: Design, law: Law, left_out: Array, options: Options, fit: Estimate | None
) -> list[str]:
    """A sentence on each outlying run, and one on what changes without them.

    Parameters
    ----------
    design : Design
    law : Law
    left_out : ndarray of shape (n_runs,)
        On the logarithm of the target where the response has one, else on the target.
    options : Options
    fit : Estimate or None
        The power law, where that is the law.
    """
    fitted = sum(c.origin == "fitted" for c in law.constants)
    count = fitted if fit is None else 1 + len(fit.exponents)
    # a run whose stated error is large may lie far from the law
    scaled = left_out if design.weights is None else left_out * np.sqrt(design.weights)
    outliers = [] if options.robust else outlying(scaled, count)
    if not outliers:
        return []
    out = []
    for run, times in outliers:
        side = "above" if left_out[run] > 0 else "below"
        if design.scale == "log":
            far = abs(float(np.expm1(np.clip(left_out[run], -700, 700))))
            size = in_percent(far) if far < 10 else f"a factor of {far + 1:.2g}"
        else:
            size = f"{abs(float(left_out[run])):.3g} {law.target_unit}".removesuffix(" 1")
        out.append(
            f"The run of row {design.data.rows[run]}{_labels(design, run)} lies {size} {side} the "
            f"law of the others, {times:.2g} times their error."
        )
    rest = design.take(np.setdiff1d(np.arange(design.n_runs), [run for run, _ in outliers]))
    try:
        changes = list(_changes(design, rest, law, options, fit))
    except DimgsError:
        return out
    it = "it" if len(outliers) == 1 else "them"
    return [*out, *(text.format(it=it) for text in changes)]


def _labels(design: Design, run: int) -> str:
    names = design.data.label_names
    labels = ", ".join(f"{name} {design.data[name][run]}" for name in names)
    return f" ({labels})" if labels else ""


def _changes(
    design: Design, rest: Design, law: Law, options: Options, fit: Estimate | None
) -> Iterator[str]:
    if fit is None:
        start = {c.name: c.value for c in law.constants if c.origin == "fitted"}
        names = sorted(start)
        values = refit(rest, law.pi_expression, start).values
        moved = [
            (abs(new - start[n]) / (abs(start[n]) or 1.0), n, new)
            for n, new in zip(names, values.tolist(), strict=True)
        ]
        # a law without a fitted constant stays what it is
        for _, name, new in [max(moved)] if moved else []:
            yield f"Without {{it}}, {name} is {new:.4g} instead of {start[name]:.4g}."
        return
    without = with_rationals(rest, estimator(options)(rest))
    yield f"Without {{it}}, {_largest(fit, without)}."
    if options.within is None and design.scale == "log":
        robust = with_rationals(design, estimator(replace(options, robust=True))(design))
        yield f"With {setting('robust')}, {_largest(fit, robust)}."


def _largest(fit: Estimate, other: Estimate) -> str:
    """The change that is largest in half widths of the interval."""
    pairs = list(zip(fit.variable_exponents, other.variable_exponents, strict=False))
    moved = [(abs(b.value - a.value) / (a.high - a.low), a, b) for a, b in pairs if a.high > a.low]
    if moved:
        _, a, b = max(moved, key=lambda x: x[0])
        return (
            f"the exponent of {a.name} is {b.value:.4g} [{b.low:.4g}, {b.high:.4g}] instead of "
            f"{a.value:.4g} [{a.low:.4g}, {a.high:.4g}]"
        )
    with np.errstate(over="ignore"):
        ratio = float(np.exp(other.intercept - fit.intercept))
    return f"the prefactor {'rises' if ratio > 1 else 'falls'} by {in_percent(abs(ratio - 1))}"
