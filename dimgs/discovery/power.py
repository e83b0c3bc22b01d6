"""The contrastive power law of a design, by squares or by ranks, snapped where data allow it."""

from dataclasses import dataclass
from fractions import Fraction
from math import lcm

import numpy as np
from numpy.typing import NDArray

from dimgs.design.features import Design
from dimgs.discovery.scoring import Predictor
from dimgs.fits.least_squares import PowerLawFit, fit_power_law
from dimgs.groups.group import PiGroup
from dimgs.variables import superscript

Array = NDArray[np.float64]
_OUTLYING = 4.0
_LARGEST_DENOMINATOR = 12
_VARIED = 1e-9


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
    return power_fit(fit, level, with_effects=design.within is not None)


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
    middle = np.median(design.X, axis=0)
    scale = float(model.tau_)
    cross = -covariance @ middle
    at_zero = scale**2 / design.n_runs + float(middle @ covariance @ middle)
    p = design.X.shape[1]
    joint = np.empty((p + 1, p + 1))
    joint[0, 0], joint[0, 1:], joint[1:, 0], joint[1:, 1:] = at_zero, cross, cross, covariance
    from scipy.stats import t

    dof = float(model.degrees_of_freedom_)
    half = float(t.ppf(0.5 + level / 2, dof)) * np.sqrt(at_zero)
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
    from scipy.stats import median_abs_deviation, t

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
    half = float(t.ppf(0.5 + level / 2, dof)) * float(np.sqrt(variance))
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


def monomial_text(design: Design, direction: Array) -> str:
    """A direction in feature space as a monomial of the physical variables."""
    powers: dict[str, Fraction] = {}
    for feature, weight in zip(design.features, direction, strict=True):
        amount = Fraction(float(weight)).limit_denominator(_LARGEST_DENOMINATOR)
        if feature.group is not None:
            for name, e in feature.group.exponents:
                powers[name] = powers.get(name, Fraction(0)) + amount * e
        elif feature.variable is not None and amount:
            powers[feature.variable] = powers.get(feature.variable, Fraction(0)) + amount
    group = PiGroup.of("pi", powers)
    data_only = [(n, e) for n, e in group.exponents if _is_data(design, n)]
    common = lcm(*(e.denominator for _, e in data_only))
    if common <= _LARGEST_DENOMINATOR:
        data_only = [(n, e * common) for n, e in data_only]
    return _text(data_only) or "1"


def separation_warnings(design: Design, fit: PowerFit, cv_r2_log: float | None) -> list[str]:
    """What the runs cannot tell: directions that never or hardly varied, and unseen runs."""
    out = [
        f"{monomial} never varied though {name} did, so that no exponent along it can be told; "
        f"runs in which it changes would."
        for monomial, name in _constant_groups(design)
    ]
    for direction in fit.collinear:
        monomial = monomial_text(design, direction)
        out.append(
            f"The runs cannot separate exponents along {monomial}, which never varied; runs in "
            f"which {monomial} changes while the other groups stay would."
        )
    for direction in fit.weak:
        monomial = monomial_text(design, direction)
        out.append(
            f"{monomial} hardly varied: exponents along it are uncertain; vary it to know them."
        )
    if cv_r2_log is not None and cv_r2_log < 0.5:
        out.append(
            f"This power law does not hold out of sample: it predicts runs left out with "
            f"R² = {cv_r2_log:.2f} on the logarithm of the target."
        )
    return out


def _constant_groups(design: Design) -> list[tuple[str, str]]:
    """Groups that are the same in every run although a variable in them is not."""
    out = []
    for group in design.basis.groups:
        if group.name not in design.never_varied:
            continue
        data = [(n, e) for n, e in group.exponents if _is_data(design, n)]
        for name, _ in data:
            values = np.asarray(design.data[name], dtype=np.float64)
            if np.ptp(np.log(values)) > _VARIED:
                out.append((_text(data), name))
                break
    return out


def _text(powers: list[tuple[str, Fraction]]) -> str:
    """Factors with positive powers first."""
    ordered = sorted(powers, key=lambda item: item[1] < 0)
    return "·".join(n + superscript(e) for n, e in ordered)


def _is_data(design: Design, name: str) -> bool:
    return all(v.role == "data" for v in design.basis.variables if v.name == name)
