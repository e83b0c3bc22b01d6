"""Exponents of the physical variables, snapped to rationals jointly where the runs allow it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from dimgs.common.arrays import Array
from dimgs.common.errors import FitError
from dimgs.dataset import Dataset
from dimgs.fits.covariance import t_quantile
from dimgs.fits.design import Design
from dimgs.fits.estimate import Estimate, Exponent
from dimgs.fits.noise import working_runs
from dimgs.fits.snapping import Snapped, restricted_fit, snap
from dimgs.fits.sources import with_slopes
from dimgs.law.display import undetermined

# of a direction that the runs cannot separate: what a loading leaves by rounding
_NOTHING = 1e-9


def with_rationals(design: Design, fit: Estimate, ranges: Dataset | None = None) -> Estimate:
    """The estimate with rational exponents of its physical variables where the runs allow them.

    Its exponents and their intervals stay those before snapping; its coefficients, its intercept
    and its effects are refitted under what was snapped.

    Parameters
    ----------
    design : Design
    fit : Estimate
        Before snapping.
    ranges : Dataset, optional
        What the columns span, where the design has means of runs in place of the runs.

    Returns
    -------
    Estimate
    """
    if not (design.errors is None and design.tails is None):
        design = working_runs(design, fit.predict(design))
    grouped = [j for j, f in enumerate(design.features) if f.logged]
    names, offset, loadings = physical_map(design, grouped)
    covariance = fit.covariance[1:, 1:][np.ix_(grouped, grouped)]
    null = fit.null_directions[:, grouped] if fit.null_directions.size else None
    load = np.array([[float(x) for x in row] for row in loadings]).reshape(len(names), len(grouped))
    values = np.array([float(x) for x in offset]) + load @ fit.values[grouped]
    functionals = np.zeros((len(names), len(fit.exponents) + 1))
    functionals[:, [j + 1 for j in grouped]] = load
    half = fit.half_widths(functionals) if names else np.zeros(0)
    unknown, chosen = _unknown(design, ranges or design.data, names, load, null)
    snapped = snap(
        fit.values[grouped], covariance, fit.dof, offset, loadings,
        null=null, chosen=chosen,
    )  # fmt: skip
    out = _restricted(design, fit, snapped, grouped) if snapped.constraints else fit
    variables = tuple(
        _with_rational(Exponent(n, float(v), float(v - h), float(v + h)), r)
        for n, v, h, r in zip(names, values, half, snapped.rationals, strict=True)
        if n not in unknown
    )
    exponents = tuple(map(_with_rational, fit.exponents, out.coefficients))
    return replace(out, exponents=exponents, variable_exponents=variables)


def _unknown(
    design: Design, data: Dataset, names: Sequence[str], load: Array, null: Array | None
) -> tuple[set[str], tuple[int, ...]]:
    """Inputs whose exponents neither runs nor units determine, and positions that may as well be 0.

    One along every direction that the runs cannot separate, inputs that never varied first.
    """
    variables = {v.name: v for v in design.basis.variables if v.role != "scale"}
    held = {
        n for n, v in variables.items() if v.role == "constant" or (n in data.names
        and not v.is_level and np.ptp(data[n]) == 0)
    }  # fmt: skip
    out = set(undetermined({n: variables[n].dimension for n in held}))
    for group in design.basis.groups:
        if group.name in design.never_varied and not design.basis.is_signed(group):
            out |= {n for n, _ in group.exponents}
    chosen: list[int] = []
    if null is not None:
        along = load @ null.T
        along[np.abs(along) < _NOTHING] = 0.0
        moving = [j for j in range(len(names)) if np.any(along[j])]
        out |= {names[j] for j in moving}
        for j in sorted(moving, key=lambda j: (names[j] not in held, names[j])):
            if np.linalg.matrix_rank(along[[*chosen, j]]) > len(chosen):
                chosen.append(j)
    return out, tuple(chosen)


def _with_rational(e: Exponent, value: Fraction | float | None) -> Exponent:
    """An exponent with its rational, which its interval then reaches at least.

    Rationals are judged together, so that some lie beyond the ends of their own intervals: what
    the runs do not refute belongs to what is shown. An exponent that the runs do not determine has
    no rational, though the law may have one in its place.
    """
    if not isinstance(value, Fraction) or not np.isfinite(e.high - e.low):
        return e
    low, high = min(e.low, float(value)), max(e.high, float(value))
    return replace(e, low=low, high=high, rational=value)


def groups_of(design: Design, what: str) -> list[int]:
    """Positions of the features that are groups; FitError where there are none.

    Parameters
    ----------
    design : Design
    what : str
        What needs them, for the message.
    """
    grouped = [j for j, f in enumerate(design.features) if f.logged]
    if not grouped:
        raise FitError(f"{what} needs at least one free group, and there is none.")
    return grouped


def physical_map(
    design: Design, grouped: list[int], *, response: bool = True
) -> tuple[list[str], list[Fraction], list[list[Fraction]]]:
    """Physical exponents as offset + loadings · group exponents; scales are left out.

    Parameters
    ----------
    design : Design
    grouped : list of int
        Positions of the features that are groups.
    response : bool
        Whether variables that only pi_0 holds count too.
    """
    basis = design.basis
    assert basis.response is not None
    target = basis.target.name if basis.target else ""
    groups = [g for j in grouped if (g := design.features[j].group) is not None]
    used = {n for g in groups for n, _ in g.exponents}
    if response:
        used |= {n for n, _ in basis.response.exponents if n != target}
    names = [v.name for v in basis.variables if v.name in used and v.role != "scale"]
    offset = [-basis.response.get(n) for n in names]
    return names, offset, [[g.get(n) for g in groups] for n in names]


def _restricted(design: Design, fit: Estimate, snapped: Snapped, grouped: list[int]) -> Estimate:
    """The estimate with coefficients, intercept and effects refitted under the restrictions."""
    p, sources = len(fit.exponents), fit.sources
    exact = dict(zip(grouped, snapped.exponents, strict=True))
    if fit.least_squares is not None and not fit.outliers:
        rows = []
        for constraint in snapped.constraints:
            row = [Fraction(0)] * (p + 1)
            for position, value in zip([*grouped, p], constraint, strict=True):
                row[position] = value
            rows.append(row)
        # whether to snap was itself judged on these runs: half of what may be missed is for that
        again = restricted_fit(fit.least_squares, rows, level=(1.0 + fit.level) / 2)
        values = tuple(
            v if isinstance(v := exact.get(j), Fraction) else float(again.exponents[j])
            for j in range(p)
        )
        intercept, half = again.intercept, again.half_width
    else:
        values = tuple(exact.get(j, fit.exponents[j].value) for j in range(p))
    if sources is not None:
        numbers = np.array([float(v) for v in values])
        sources = with_slopes(sources, design.X, design.y, design.weights, numbers)
        intercept = float(sources.coefficients[0])
        half = float(t_quantile((1.0 + fit.level) / 2, sources.freedom[0]))
        half *= float(np.sqrt(sources.covariance[0, 0]))
    elif fit.least_squares is None or fit.outliers:
        moved = fit.values - np.array([float(v) for v in values])
        intercept = fit.intercept + float(np.median(design.X @ moved))
        at_middle = fit.residual_sd**2 / design.n_runs
        share = at_middle / max(float(fit.covariance[0, 0]), 1e-300)
        half = fit.intercept_half * min(1.0, float(share**0.5))
    return replace(
        fit,
        coefficients=values,
        intercept=intercept,
        intercept_half=half,
        sources=sources,
        effects=_effects(design, fit, np.array([float(v) for v in values]), intercept),
    )


def _effects(
    design: Design, fit: Estimate, values: Array, intercept: float
) -> Mapping[str, float] | None:
    """Effects of the labels by what the restricted exponents leave of their runs."""
    if fit.effects is None or design.within is None:
        return fit.effects
    residuals = design.y - design.X @ values
    weights = np.ones(design.n_runs) if design.weights is None else design.weights
    out = {}
    for label in np.unique(design.within):
        members = design.within == label
        centre = (
            np.median(residuals[members])
            if fit.least_squares is None
            else np.average(residuals[members], weights=weights[members])
        )
        out[str(label)] = float(centre) - intercept
    return out
