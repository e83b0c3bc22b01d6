"""Exponents of the physical variables, snapped to rationals jointly where the runs allow it."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dimgs.design.features import Design
from dimgs.discovery.power import PowerFit
from dimgs.fits.covariance import t_quantile
from dimgs.fits.snapping import Snapped, restricted_fit, snap
from dimgs.law.power import Estimate
from dimgs.report.results import Exponent

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SnappedFit:
    """An estimate after snapping, and the exponents as they are reported.

    Attributes
    ----------
    estimate : Estimate
    exponents : tuple of Exponent
        Of the features; values and intervals before snapping.
    variables : tuple of Exponent
        Of the physical variables.
    """

    estimate: Estimate
    exponents: tuple[Exponent, ...]
    variables: tuple[Exponent, ...]


def snap_power(design: Design, fit: PowerFit, level: float) -> SnappedFit:
    """Snap a power law on the exponents of its physical variables.

    Parameters
    ----------
    design : Design
    fit : PowerFit
    level : float
        Coverage of the reported intervals.

    Returns
    -------
    SnappedFit
    """
    grouped = [j for j, f in enumerate(design.features) if f.group is not None]
    names, offset, loadings = physical_map(design, grouped)
    inner = np.ix_(grouped, grouped)
    covariance = fit.joint[1:, 1:][inner]
    null = fit.collinear[:, grouped] if fit.collinear.size else None
    snapped = snap(fit.coefficients[grouped], covariance, fit.dof, offset, loadings, null=null)
    values: list[Fraction | float] = [float(c) for c in fit.coefficients]
    if snapped.constraints:
        values, estimate = _restricted(design, fit, snapped, grouped, level)
    else:
        estimate = _estimate(fit, tuple(values), fit.intercept, fit.effects)
    exponents = tuple(
        Exponent(
            f.name,
            float(fit.coefficients[j]),
            float(fit.intervals[j, 0]),
            float(fit.intervals[j, 1]),
            v if isinstance(v := values[j], Fraction) else None,
            f.group,
        )
        for j, f in enumerate(design.features)
    )
    variables = _variables(fit, grouped, names, offset, loadings, snapped, level)
    return SnappedFit(estimate, exponents, variables)


def physical_map(
    design: Design, grouped: list[int]
) -> tuple[list[str], list[Fraction], list[list[Fraction]]]:
    """Physical exponents as offset + loadings · group exponents; scales are left out."""
    basis = design.basis
    assert basis.response is not None
    target = basis.target.name if basis.target else ""
    groups = [g for j in grouped if (g := design.features[j].group) is not None]
    used = {n for g in groups for n, _ in g.exponents}
    used |= {n for n, _ in basis.response.exponents if n != target}
    names = [v.name for v in basis.variables if v.name in used and v.role != "scale"]
    offset = [-basis.response.get(n) for n in names]
    return names, offset, [[g.get(n) for g in groups] for n in names]


def group_map(design: Design, grouped: list[int]) -> tuple[list[str], list[list[Fraction]]]:
    """Exponents of the physical variables (rows) in the groups alone; scales are left out."""
    groups = [g for j in grouped if (g := design.features[j].group) is not None]
    used = {n for g in groups for n, _ in g.exponents}
    names = [v.name for v in design.basis.variables if v.name in used and v.role != "scale"]
    return names, [[g.get(n) for g in groups] for n in names]


def _restricted(
    design: Design, fit: PowerFit, snapped: Snapped, grouped: list[int], level: float
) -> tuple[list[Fraction | float], Estimate]:
    p = len(fit.coefficients)
    rows = []
    for constraint in snapped.constraints:
        row = [Fraction(0)] * (p + 1)
        for position, value in zip(grouped, constraint[:-1], strict=True):
            row[position] = value
        row[-1] = constraint[-1]
        rows.append(row)
    exact = dict(zip(grouped, snapped.exponents, strict=True))
    if fit.raw is not None and not fit.outliers:
        # whether to snap was itself judged on these runs: half of what may be missed is for that
        again = restricted_fit(fit.raw, rows, level=(1.0 + level) / 2)
        values: list[Fraction | float] = [
            v if isinstance(v := exact.get(j), Fraction) else float(again.exponents[j])
            for j in range(p)
        ]
        intercept, half = again.intercept, again.half_width
    else:
        values = [exact.get(j, float(fit.coefficients[j])) for j in range(p)]
        moved = fit.coefficients - np.array([float(v) for v in values])
        intercept = fit.intercept + float(np.median(design.X @ moved))
        at_middle = fit.residual_sd**2 / design.n_runs
        half = float(fit.intercept_interval[1] - fit.intercept_interval[0]) / 2
        half *= min(1.0, float(np.sqrt(at_middle / max(fit.joint[0, 0], 1e-300))))
    effects = fit.effects
    if effects is not None and design.within is not None:
        residuals = design.y - design.X @ np.array([float(v) for v in values])
        own = {
            str(k): float(np.median(residuals[design.within == k]))
            if fit.raw is None
            else float(np.average(residuals[design.within == k], weights=_weights(design, k)))
            for k in np.unique(design.within)
        }
        effects = {k: v - intercept for k, v in own.items()}
    estimate = _estimate(fit, tuple(values), intercept, effects, half)
    return values, estimate


def _weights(design: Design, label: object) -> Array | None:
    return None if design.weights is None else design.weights[design.within == label]


def _estimate(
    fit: PowerFit,
    values: tuple[Fraction | float, ...],
    intercept: float,
    effects: dict[str, float] | None,
    half: float | None = None,
) -> Estimate:
    low, high = (float(x) for x in fit.intercept_interval)
    if half is not None:
        low, high = intercept - half, intercept + half
    # predictions keep the uncertainty of the exponents before snapping: the honest, wider one
    return Estimate(
        values,
        fit.intervals,
        intercept,
        low,
        high,
        fit.joint,
        fit.residual_sd,
        fit.dof,
        fit.residual_dof,
        effects,
    )


def _variables(
    fit: PowerFit,
    grouped: list[int],
    names: list[str],
    offset: list[Fraction],
    loadings: list[list[Fraction]],
    snapped: Snapped,
    level: float,
) -> tuple[Exponent, ...]:
    load = np.array([[float(x) for x in row] for row in loadings]).reshape(len(names), len(grouped))
    values = np.array([float(x) for x in offset]) + load @ fit.coefficients[grouped]
    if fit.raw is not None:
        wide = np.zeros((len(names), len(fit.coefficients) + 1))
        wide[:, [j + 1 for j in grouped]] = load
        half = fit.raw.half_widths(wide, level)[:, 0] if len(names) else np.zeros(0)
    else:
        covariance = fit.joint[1:, 1:][np.ix_(grouped, grouped)]
        variance = np.maximum(np.einsum("ij,jk,ik->i", load, covariance, load), 0.0)
        half = float(t_quantile(level, fit.dof)) * np.sqrt(variance)
    return tuple(
        Exponent(n, float(v), float(v - h), float(v + h), r)
        for n, v, h, r in zip(names, values, half, snapped.rationals, strict=True)
    )
