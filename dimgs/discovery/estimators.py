"""The power law of a design: by squares, by ranks, or with the errors of the inputs."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from dimgs.common.advice import setting
from dimgs.common.arrays import Array, least_squares
from dimgs.common.errors import InputError
from dimgs.common.formats import in_percent
from dimgs.discovery.options import Options
from dimgs.fits.covariance import t_quantile
from dimgs.fits.design import Design
from dimgs.fits.estimate import Estimate, exponents_of
from dimgs.fits.least_squares import PowerLawFit, fit_power_law
from dimgs.fits.noise import (
    Scatter,
    fit_in_tails,
    residuals_about,
    with_intrinsic_scatter,
    working_runs,
)
from dimgs.fits.sources import Slope, fit_sources, slopes_of

# deviations of a run from a constant law, over the spread, that make it an outlier
_OUTLYING = 4.0
# scatter about a law over what the stated errors explain (squares), from which a warning names it
_UNEXPLAINED = 2.0


def estimator(options: Options) -> Callable[[Design], Estimate]:
    """The chosen estimator: from a design to an estimate before rounding.

    Where the errors of the target are not relative and normal, it is that of the scale on which
    they are.
    """

    def on_scale(design: Design) -> Estimate:
        usual = design.errors is None and design.tails is None
        if usual or design.scale != "log" or design.weights is not None:
            return _fit_logarithms(design, options)
        runs = working_runs(design, _fitted_in_errors(design, options.level))
        fit = _fit_logarithms(runs, options)
        left_out = design.y - (runs.y - np.array(fit.left_out)) if fit.left_out else np.zeros(0)
        return replace(fit, left_out=tuple(left_out.tolist()))

    return on_scale


def _fitted_in_errors(design: Design, level: float) -> Array:
    """ln(target) by the power law of least squares on the scale of the errors, shape (n_runs,)."""
    columns = with_prefactors(design)
    plain = replace(design, errors=None, tails=None)
    # squares follow a gross run, from which heavy tails do not lead back
    start = (fit_squares if design.tails is None else fit_ranks)(plain, level).predict(design)
    theta = least_squares(columns, start - design.offset)

    def misfit(trial: Array) -> tuple[Array, Array]:
        away, slope = residuals_about(design, columns @ trial + design.offset)
        return away, slope[:, None] * columns

    theta, _ = fit_in_tails(misfit, theta, design.tails)
    return np.asarray(columns @ theta + design.offset)


def with_prefactors(design: Design) -> Array:
    """Columns of the prefactor, or of that of each label, and of the features of a design."""
    kinds = np.zeros(design.n_runs) if design.within is None else design.within
    labels = np.unique(kinds, return_inverse=True)[1].ravel()
    return np.column_stack([np.eye(labels.max() + 1)[labels], design.X])


def _fit_logarithms(design: Design, options: Options) -> Estimate:
    uncertain = design.input_errors is not None and design.within is None
    if options.robust:
        fit = fit_ranks
    elif options.by:
        fit = fit_by_sources
    else:
        fit = fit_orthogonal if uncertain or options.errors_in_variables else fit_squares
    return fit(design, options.level)


def fit_squares(design: Design, level: float) -> Estimate:
    """All-pairs least squares of a design, with the scatter of its runs beside stated errors."""
    design, scatter = with_intrinsic_scatter(design, design.X)
    fit = fit_power_law(design.X, design.y, design.weights, design.split, design.within)
    return replace(of_least_squares(design, fit, level), **scatter_fields(scatter))


def scatter_fields(scatter: Scatter | None) -> dict[str, Any]:
    """Intrinsic scatter of an estimate, and the ratio of residuals to stated errors."""
    if scatter is None:
        return {}
    return {"scatter": scatter, "notes": _scatter_notes(scatter.ratio**2, scatter.intrinsic)}


def of_least_squares(design: Design, fit: PowerLawFit, level: float) -> Estimate:
    """Estimate of a least-squares fit of one target.

    Parameters
    ----------
    design : Design
        Its features, and whether labels keep their own prefactor; its runs play no part.
    fit : PowerLawFit
    level : float
    """
    p = len(fit.centre)
    centre = np.concatenate([[fit.intercept[0]], fit.exponents[0]])
    half = fit.half_widths(np.eye(p + 1), level)[:, 0]
    # of the exponents of the variables: those of the groups depend on the basis
    functionals = _physical_functionals(design)
    if not len(functionals):
        functionals = np.eye(p + 1)[1:] if p else np.eye(1)
    dof = float(np.min(fit.influence.dof(fit.functionals(functionals))))
    intercepts = dict(zip(fit.group_labels.tolist(), fit.group_intercepts[:, 0], strict=True))
    ends = np.column_stack([centre - half, centre + half])[1:]
    return Estimate(
        exponents=exponents_of(design.features, fit.exponents[0], ends),
        intercept=float(fit.intercept[0]),
        intercept_half=float(half[0]),
        covariance=np.asarray(fit.joint_covariance)[0],
        residual_sd=float(fit.residual_scale[0]),
        dof=max(1.0, dof),
        residual_dof=max(1.0, float(fit.influence.residual_dof)),
        level=level,
        effects=_effects(design, intercepts, float(fit.intercept[0])),
        **_contrasts(fit),
        left_out=() if fit.loo_residuals is None else tuple(fit.loo_residuals[:, 0].tolist()),
        least_squares=fit,
    )


def _physical_functionals(design: Design) -> Array:
    """Exponents of the variables, and of what enters unlogged, in [intercept, coefficients]."""
    rows = [_powers(design, v.name) for v in design.basis.variables if v.role != "scale"]
    plain = [j for j, f in enumerate(design.features) if not f.logged]
    table = np.array([*rows, *np.eye(len(design.features))[plain]])
    if not table.size:
        return np.zeros((0, 1 + len(design.features)))
    table = table[np.any(table != 0.0, axis=1)]
    return np.column_stack([np.zeros(len(table)), table])


def _contrasts(fit: PowerLawFit) -> dict[str, Any]:
    """Fields of an estimate on the contrasts of its runs, and on what they cannot separate."""
    return {
        "independent_contrasts": fit.n_contrasts,
        "pairs": fit.n_pairs,
        "null_directions": fit.coordinates.null_directions(),
        "weak_directions": fit.coordinates.weak_directions(),
    }


def fit_by_sources(design: Design, level: float) -> Estimate:
    """Least squares of a design with what differs between its sources, partially pooled.

    Raises
    ------
    InputError
        If the response has no logarithm and is not a level.
    FitError
        If there are too few runs.
    """
    design, scatter = with_intrinsic_scatter(design, design.X)
    p = len(design.features)
    functionals = np.vstack([np.eye(p + 1), _physical_functionals(design)])
    pooled = fit_sources(
        design.X, design.y, design.weights, design.sources, slopes_in(design), functionals
    )
    freedom = pooled.freedom
    centre, errors = pooled.coefficients, np.sqrt(np.diag(pooled.covariance))
    # of the exponents of the variables: those of the groups depend on the basis
    dof = float(freedom[p + 1 :].min(initial=freedom.min()))
    half = t_quantile(level, np.append(freedom[0], np.full(p, dof))) * errors
    ends = np.column_stack([centre - half, centre + half])[1:]
    free = max(1.0, float(design.n_runs - p - len(np.unique(design.sources[0][1]))))
    return Estimate(
        exponents=exponents_of(design.features, centre[1:], ends),
        intercept=float(centre[0]),
        intercept_half=float(half[0]),
        covariance=pooled.covariance,
        residual_sd=pooled.sd,
        dof=dof,
        residual_dof=free,
        level=level,
        sources=pooled,
        **_contrasts(fit_power_law(design.X, design.y, design.weights, design.split)),
        **scatter_fields(scatter),
    )


def slopes_in(design: Design) -> list[Slope]:
    """Exponents of the inputs of a design that may differ between its sources."""
    powers = {v.name: _powers(design, v.name) for v in design.basis.variables if v.role == "data"}
    used = {name: exponents for name, exponents in powers.items() if any(exponents)}
    return slopes_of([*used], np.array([*used.values()]).T) if used else []


def _powers(design: Design, name: str) -> list[float]:
    """Exponent of a variable in each feature that is a logarithm of a group."""
    return [float(f.group.get(name)) if f.group and f.logged else 0.0 for f in design.features]


def fit_ranks(design: Design, level: float) -> Estimate:
    """All-pairs least absolute differences of a design, by ranks."""
    from dimgs.fits.robust import RobustPowerLaw

    if design.X.shape[1] == 0:
        return _constant_by_ranks(design, level)
    model = RobustPowerLaw().fit(
        design.X, design.y, design.weights, groups=design.split, within=design.within
    )
    covariance = np.asarray(model.covariance_)
    scale = float(model.tau_)
    # the prefactor is that of the mean run, moved along the exponents to where all groups are one
    about_mean = np.pad(covariance, ((1, 0), (1, 0)))
    about_mean[0, 0] = scale**2 / design.n_runs
    moved = np.eye(len(about_mean))
    moved[0, 1:] = -design.X.mean(axis=0)
    joint = moved @ about_mean @ moved.T
    dof = float(model.dof_)
    intercept = float(model.intercept_)
    reference = fit_power_law(design.X, design.y, design.weights, design.split, design.within)
    return Estimate(
        exponents=exponents_of(design.features, model.exponents_, model.intervals(level)),
        intercept=intercept,
        intercept_half=float(t_quantile(level, dof)) * float(np.sqrt(joint[0, 0])),
        covariance=joint,
        residual_sd=scale,
        dof=dof,
        residual_dof=dof,
        level=level,
        effects=_effects(design, model.group_intercepts_, intercept),
        **_contrasts(reference),
        outliers=tuple(int(i) for i in model.outliers_),
    )


def _effects(
    design: Design, intercepts: Mapping[str, float], intercept: float
) -> dict[str, float] | None:
    """Intercept of each label that keeps its own, minus that of the law."""
    if design.within is None:
        return None
    return {str(k): float(v) - intercept for k, v in intercepts.items()}


def _constant_by_ranks(design: Design, level: float) -> Estimate:
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
    levels = {
        str(k): hodges_lehmann(design.y[within == k], weights[within == k])
        for k in np.unique(within)
    }
    residuals = design.y - np.array([levels[str(k)] for k in within])
    sd = float(median_abs_deviation(residuals, scale="normal"))
    intercept = float(np.average([levels[str(k)] for k in within], weights=weights))
    variance = np.pi / 3 * sd**2 / design.n_runs
    half = float(t_quantile(level, reference.residual_dof)) * float(np.sqrt(variance))
    return Estimate(
        exponents=(),
        intercept=intercept,
        intercept_half=half,
        covariance=np.array([[variance]]),
        residual_sd=sd,
        dof=reference.residual_dof,
        residual_dof=reference.residual_dof,
        level=level,
        independent_contrasts=reference.independent_contrasts,
        pairs=reference.pairs,
        effects=_effects(design, levels, intercept),
        outliers=tuple(np.flatnonzero(np.abs(residuals) > _OUTLYING * max(sd, 1e-12)).tolist()),
    )


def fit_orthogonal(design: Design, level: float) -> Estimate:
    """Orthogonal regression with the errors of every variable, carried into the groups.

    An error of a variable is an error of every group that it enters, and of pi_0 where that holds
    it; the covariance of all of them is used, so that nothing depends on the basis.

    Parameters
    ----------
    design : Design
        On a log or level scale, without groups of their own prefactor.
    level : float

    Returns
    -------
    Estimate

    Raises
    ------
    InputError
        If every input is without an error column.
    """
    from dimgs.fits.errors_in_variables import OrthogonalPowerLaw

    errors = design.input_errors
    if errors is None:
        raise InputError(
            "No input has an error column: add columns such as 'x_err [unit]', or leave out "
            f"{setting('errors_in_variables')}; the errors of the target alone are used as weights."
        )
    if not design.features:
        return fit_squares(design, level)
    model = OrthogonalPowerLaw(intrinsic=True).fit(
        design.X, design.y, groups=design.split, error_covariance=errors.covariance
    )
    joint = np.asarray(model.joint_covariance_)
    free = max(1.0, float(design.n_runs - design.X.shape[1] - 1))
    dof = max(1.0, float(model.dof_))
    return Estimate(
        exponents=exponents_of(design.features, model.exponents_, model.intervals(level)),
        intercept=float(model.intercept_),
        intercept_half=float(t_quantile(level, dof)) * float(np.sqrt(joint[0, 0])),
        covariance=joint,
        residual_sd=float(np.sqrt(np.sum(model.residuals_**2) / free)),
        dof=dof,
        residual_dof=free,
        level=level,
        **_contrasts(fit_power_law(design.X, design.y, None, design.split)),
        **scatter_fields(model.scatter_),
    )


def _scatter_notes(chi2_reduced: float, shared: float = 0.0) -> tuple[str, ...]:
    if not chi2_reduced > _UNEXPLAINED:
        return ()
    weights = ""
    if shared:
        weights = (
            f" The weights include an intrinsic scatter of {in_percent(shared)}, which all runs "
            f"share."
        )
    note = (
        f"The scatter about the power law is {np.sqrt(chi2_reduced):.2g} times what the stated "
        f"errors explain: they are too small, or the law is not a power law.{weights}"
    )
    return (note,)
