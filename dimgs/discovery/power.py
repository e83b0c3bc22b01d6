"""The contrastive power law of a design, by squares or by ranks, snapped where data allow it."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dimgs.design.features import Design
from dimgs.discovery.scoring import Predictor
from dimgs.fits.covariance import t_quantile
from dimgs.fits.least_squares import PowerLawFit, fit_power_law

Array = NDArray[np.float64]
_OUTLYING = 4.0


@dataclass(frozen=True)
class PowerFit:
    """Unsnapped fit of a design.

    Attributes
    ----------
    coefficients : ndarray of shape (n_features,)
    intervals : ndarray of shape (n_features, 2)
    intercept : float
    intercept_interval : ndarray of shape (2,)
    joint : ndarray of shape (n_features + 1, n_features + 1)
        Covariance of [intercept, coefficients].
    residual_sd, dof, residual_dof : float
    left_out : ndarray of shape (n_runs,), optional
    effects : dict of str to float, optional
    collinear : ndarray of shape (n_null, n_features)
    weak : ndarray of shape (n_weak, n_features)
    n_contrasts, n_pairs : int
    outliers : tuple of int
        Positions of outlying runs (robust fits).
    notes : tuple of str
        What the fit itself warns of.
    raw : PowerLawFit, optional
        The least-squares fit that it came from.
    """

    coefficients: Array
    intervals: Array
    intercept: float
    intercept_interval: Array
    joint: Array
    residual_sd: float
    dof: float
    residual_dof: float
    left_out: Array | None
    effects: dict[str, float] | None
    collinear: Array
    weak: Array
    n_contrasts: int
    n_pairs: int
    outliers: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    raw: PowerLawFit | None = None

    def predictor(self) -> Predictor:
        """Predictor of ln(target) of runs in another design of the same features."""

        def predict(design: Design) -> Array:
            fitted = self.intercept + design.X @ self.coefficients + design.offset
            if self.effects is not None and design.within is not None:
                fitted = fitted + [self.effects.get(str(x), 0.0) for x in design.within]
            return np.asarray(fitted)

        return predict


def fit_squares(design: Design, level: float) -> PowerFit:
    """All-pairs least squares of a design."""
    fit = fit_power_law(design.X, design.y, design.weights, design.split, design.within)
    found = power_fit(fit, level, with_effects=design.within is not None)
    functionals = _physical_functionals(design)
    if not len(functionals):
        return found
    # of the exponents of the variables: those of the groups depend on the basis
    dof = float(np.min(fit.influence.dof(fit.functionals(functionals))))
    return replace(found, dof=max(1.0, dof))


def _physical_functionals(design: Design) -> Array:
    """Exponents of the variables, and of what enters unlogged, in [intercept, coefficients]."""
    rows = []
    for variable in design.basis.variables:
        if variable.role != "scale":
            rows.append(
                [float(f.group.get(variable.name)) if f.group else 0.0 for f in design.features]
            )
    plain = [j for j, f in enumerate(design.features) if f.group is None]
    table = np.array([*rows, *np.eye(len(design.features))[plain]])
    if not table.size:
        return np.zeros((0, 1 + len(design.features)))
    table = table[np.any(table != 0.0, axis=1)]
    return np.column_stack([np.zeros(len(table)), table])


def power_fit(fit: PowerLawFit, level: float, *, with_effects: bool) -> PowerFit:
    """What is reported of a least-squares fit.

    Parameters
    ----------
    fit : PowerLawFit
        Of one target, or of which the first target is meant.
    level : float
    with_effects : bool
        Whether the prefactor of every group is asked for.
    """
    p = len(fit.centre)
    basis = np.eye(p + 1)
    centre = np.concatenate([[fit.intercept[0]], fit.exponents[0]])
    half = fit.half_widths(basis, level)[:, 0]
    ends = np.column_stack([centre - half, centre + half])
    covariance = np.asarray(fit.joint_covariance)[0]
    dof = fit.influence.dof(fit.functionals(basis))
    own = dof[1:] if p else dof
    return PowerFit(
        coefficients=fit.exponents[0],
        intervals=ends[1:],
        intercept=float(fit.intercept[0]),
        intercept_interval=ends[0],
        joint=covariance,
        residual_sd=float(fit.residual_scale[0]),
        dof=max(1.0, float(np.min(own))),
        residual_dof=max(1.0, float(fit.influence.residual_dof)),
        left_out=None if fit.loo_residuals is None else fit.loo_residuals[:, 0],
        effects=_effects(fit) if with_effects else None,
        collinear=fit.coordinates.null_directions(),
        weak=fit.coordinates.weak_directions(),
        n_contrasts=fit.n_contrasts,
        n_pairs=fit.n_pairs,
        raw=fit,
    )


def _effects(fit: PowerLawFit) -> dict[str, float]:
    return {
        str(label): float(value[0] - fit.intercept[0])
        for label, value in zip(fit.group_labels, fit.group_intercepts, strict=True)
    }


def fit_ranks(design: Design, level: float) -> PowerFit:
    """All-pairs least absolute differences of a design, by ranks."""
    from dimgs.fits.robust import RobustPowerLaw

    if design.X.shape[1] == 0:
        return _constant_by_ranks(design, level)
    model = RobustPowerLaw().fit(
        design.X, design.y, design.weights, groups=design.split, within=design.within
    )
    intervals = np.asarray(model.intervals(level))
    covariance = np.asarray(model.covariance_)
    middle = design.X.mean(axis=0)
    scale = float(model.tau_)
    cross = -covariance @ middle
    at_zero = scale**2 / design.n_runs + float(middle @ covariance @ middle)
    p = design.X.shape[1]
    joint = np.empty((p + 1, p + 1))
    joint[0, 0], joint[0, 1:], joint[1:, 0], joint[1:, 1:] = at_zero, cross, cross, covariance
    dof = float(model.degrees_of_freedom_)
    half = float(t_quantile(level, dof)) * np.sqrt(at_zero)
    intercept = float(model.intercept_)
    effects = None
    if design.within is not None:
        effects = {str(k): float(v) - intercept for k, v in model.group_intercepts_.items()}
    reference = fit_power_law(design.X, design.y, design.weights, design.split, design.within)
    return PowerFit(
        coefficients=np.asarray(model.exponents_),
        intervals=intervals,
        intercept=intercept,
        intercept_interval=np.array([intercept - half, intercept + half]),
        joint=joint,
        residual_sd=scale,
        dof=dof,
        residual_dof=dof,
        left_out=None,
        effects=effects,
        collinear=reference.coordinates.null_directions(),
        weak=reference.coordinates.weak_directions(),
        n_contrasts=int(model.n_contrasts_),
        n_pairs=int(model.n_pairs_),
        outliers=tuple(int(i) for i in model.outliers_),
    )


def _constant_by_ranks(design: Design, level: float) -> PowerFit:
    """Constant law: the Hodges-Lehmann estimate, with its asymptotic error.

    References
    ----------
    J. L. Hodges, E. L. Lehmann, Ann. Math. Stat. 34 (1963) 598-611.
    """
    from scipy.stats import median_abs_deviation

    from dimgs.fits.robust import hodges_lehmann

    reference = fit_squares(design, level)
    within = np.zeros(design.n_runs, dtype=np.intp) if design.within is None else design.within
    weights = np.ones(design.n_runs) if design.weights is None else design.weights
    own = {
        str(k): hodges_lehmann(design.y[within == k], weights[within == k])
        for k in np.unique(within)
    }
    residuals = design.y - np.array([own[str(k)] for k in within])
    sd = float(median_abs_deviation(residuals, scale="normal"))
    intercept = float(np.average([own[str(k)] for k in within], weights=weights))
    variance = np.pi / 3 * sd**2 / design.n_runs
    dof = max(1.0, reference.residual_dof)
    half = float(t_quantile(level, dof)) * float(np.sqrt(variance))
    outliers = np.flatnonzero(np.abs(residuals) > _OUTLYING * max(sd, 1e-12))
    return PowerFit(
        coefficients=np.zeros(0),
        intervals=np.zeros((0, 2)),
        intercept=intercept,
        intercept_interval=np.array([intercept - half, intercept + half]),
        joint=np.array([[variance]]),
        residual_sd=sd,
        dof=dof,
        residual_dof=dof,
        left_out=None,
        effects=None
        if design.within is None
        else {k: float(v) - intercept for k, v in own.items()},
        collinear=np.zeros((0, 0)),
        weak=np.zeros((0, 0)),
        n_contrasts=reference.n_contrasts,
        n_pairs=reference.n_pairs,
        outliers=tuple(int(i) for i in outliers),
    )
