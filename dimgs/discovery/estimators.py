"""The power law of a design: fitted exponents, simple ones where runs allow, and local ones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np

from dimgs.common.advice import setting
from dimgs.common.arrays import Array, least_squares
from dimgs.common.errors import FitError, InputError
from dimgs.common.formats import in_percent
from dimgs.dataset import Dataset
from dimgs.dataset.checks import constant_columns, run_codes
from dimgs.discovery.options import Options
from dimgs.fits.covariance import t_intervals, t_quantile
from dimgs.fits.design import Design
from dimgs.fits.estimate import Estimate, Exponent, exponents_of
from dimgs.fits.least_squares import PowerLawFit, fit_power_law
from dimgs.fits.noise import (
    Scatter,
    fit_in_tails,
    residuals_about,
    with_intrinsic_scatter,
    working_runs,
)
from dimgs.fits.robust import fit_by_ranks, hodges_lehmann
from dimgs.fits.snapping import Matrix, Snapped, restricted_fit, snap
from dimgs.fits.sources import Slope, fit_sources, slopes_of, with_slopes
from dimgs.fits.training_runs import TrainingRuns, checked_weights
from dimgs.groups.dimensions import open_products

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
    return np.column_stack([kinds[:, None] == np.unique(kinds), design.X])


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
    if not scatter.ratio**2 > _UNEXPLAINED:
        return {"scatter": scatter}
    note = (
        f"The scatter about the power law is {scatter.ratio:.2g} times what the stated errors "
        f"explain: they are too small, or the law is not a power law."
    )
    if scatter.intrinsic:
        shared = in_percent(scatter.intrinsic)
        note += f" The weights include an intrinsic scatter of {shared}, which all runs share."
    return {"scatter": scatter, "notes": (note,)}


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
    return [float(f.monomial.get(name)) if f.logged else 0.0 for f in design.features]


def fit_ranks(design: Design, level: float) -> Estimate:
    """All-pairs least absolute differences of a design, by ranks."""
    if design.X.shape[1] == 0:
        return _constant_by_ranks(design, level)
    weights = checked_weights(design.weights, design.n_runs)
    model = fit_by_ranks(TrainingRuns(design.X, design.y, weights, design.split, design.within))
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
    intervals = t_intervals(model.exponents_, np.diagonal(covariance), dof, level)
    reference = fit_power_law(design.X, design.y, design.weights, design.split, design.within)
    return Estimate(
        exponents=exponents_of(design.features, model.exponents_, intervals),
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


# ---- Exponents of the physical variables, snapped to rationals jointly where the runs allow it.


# of a direction that the runs cannot separate: what a loading leaves by rounding
_NOTHING = 1e-9
# difference of two R² that is rounding of the runs
_ROUNDING = 1e-12


def with_rationals(
    design: Design,
    fit: Estimate,
    ranges: Dataset | None = None,
    known: Mapping[str, Fraction] = MappingProxyType({}),
) -> Estimate:
    """The estimate with rational exponents of its physical variables where the runs support them.

    An interval of few runs is wide and may hold a rational by chance. A least-squares fit therefore
    takes rationals only if it then meets the runs at least as closely as fitted exponents predict
    runs left out. Its exponents and their intervals stay those before snapping; its coefficients,
    its intercept and its effects are refitted under what was snapped.

    Parameters
    ----------
    design : Design
    fit : Estimate
        Before snapping.
    ranges : Dataset, optional
        What the columns span, where the design has means of runs in place of the runs.
    known : mapping of str to Fraction, optional
        Exponents of variables that are known from elsewhere.

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
    unknown, chosen = _unknown(design, ranges, names, load, null)

    def is_supported(constraints: Matrix) -> bool:
        free = fit.least_squares
        if free is None or not constraints:
            return True
        rows = _of_features(constraints, grouped, len(fit.exponents))
        return restricted_fit(free, rows).r2 >= float(free.cv_r2[0]) - _ROUNDING

    snapped = snap(
        fit.values[grouped], covariance, fit.dof, offset, loadings,
        null=null, chosen=chosen, known={names.index(n): q for n, q in known.items() if n in names},
        is_supported=is_supported,
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
    design: Design, ranges: Dataset | None, names: Sequence[str], load: Array, null: Array | None
) -> tuple[set[str], tuple[int, ...]]:
    """Inputs whose exponents neither runs nor units determine, and positions that may as well be 0.

    One along every direction that the runs cannot separate, inputs that never varied first.
    """
    never = design.held if ranges is None else constant_columns(ranges)
    held = {
        v.name: v.dimension
        for v in design.basis.variables
        if v.role != "data" or (v.name in never and not v.is_level)
    }
    out = set[str]().union(*open_products(held))
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
    groups = [g for j in grouped if (g := design.features[j].group) is not None]
    used = {n for g in groups for n, _ in g.exponents}
    if response:
        used |= {n for n, _ in design.response.exponents if n != design.target.name}
    names = [v.name for v in design.basis.variables if v.name in used and v.role != "scale"]
    offset = [-design.response.get(n) for n in names]
    return names, offset, [[g.get(n) for g in groups] for n in names]


def _of_features(constraints: Matrix, grouped: list[int], p: int) -> Matrix:
    """Restrictions on the exponents of groups as those on the coefficients of all p features."""
    named = [dict(zip([*grouped, p], each, strict=True)) for each in constraints]
    return [[each.get(j, Fraction(0)) for j in range(p + 1)] for each in named]


def _restricted(design: Design, fit: Estimate, snapped: Snapped, grouped: list[int]) -> Estimate:
    """The estimate with coefficients, intercept and effects refitted under the restrictions."""
    p, sources = len(fit.exponents), fit.sources
    # whether to snap was itself judged on these runs: half of what may be missed is for that
    level = (1.0 + fit.level) / 2
    exact = dict(zip(grouped, snapped.exponents, strict=True))
    values = tuple(exact.get(j, fit.exponents[j].value) for j in range(p))
    if fit.least_squares is not None:
        rows = _of_features(snapped.constraints, grouped, p)
        again = restricted_fit(fit.least_squares, rows, level=level)
        refitted = zip(values, again.exponents, strict=True)
        values = tuple(v if isinstance(v, Fraction) else float(x) for v, x in refitted)
        intercept, half = again.intercept, again.half_width
    numbers = np.array([float(v) for v in values])
    if sources is not None:
        sources = with_slopes(sources, design.X, design.y, design.weights, numbers)
        intercept = float(sources.coefficients[0])
        half = float(t_quantile(level, sources.freedom[0]))
        half *= float(np.sqrt(sources.covariance[0, 0]))
    elif fit.least_squares is None:
        intercept = fit.intercept + float(np.median(design.X @ (fit.values - numbers)))
        at_middle = fit.residual_sd**2 / design.n_runs
        share = at_middle / max(float(fit.covariance[0, 0]), 1e-300)
        half = fit.intercept_half * min(1.0, float(share**0.5))
    return replace(
        fit,
        coefficients=values,
        intercept=intercept,
        intercept_half=half,
        sources=sources,
        effects=_rational_effects(design, fit, numbers, intercept),
    )


def _rational_effects(
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


# ---- Local exponents of a design, run by run, and along the trajectory of each run.


# points of a run along a trajectory: a slope, its curvature and a window need them
_FEWEST = 6


def local_of(design: Design, options: Options) -> tuple[dict[str, Any], ...]:
    """Local exponents of every run, with intervals, by feature and by physical variable.

    Raises
    ------
    FitError
        If no free group is left.
    """
    from dimgs.fits.local import LocalPowerLaw

    grouped = groups_of(design, "A local fit")
    model = LocalPowerLaw().fit(design.X, design.y, design.weights, groups=design.split)
    intervals = np.asarray(model.intervals(options.level))
    names, offset, loadings = physical_map(design, grouped)
    load = np.array([[float(x) for x in row] for row in loadings])
    base = np.array([float(x) for x in offset])
    physical = base + model.exponents_[:, grouped] @ load.T
    table = np.dstack([model.exponents_, intervals])
    features = [f.name for f in design.features]
    return tuple(
        {
            "row": int(design.data.rows[i]),
            "exponents": [_exponent(name, *row) for name, row in zip(features, rows, strict=True)],
            "variables": dict(zip(names, physical[i].tolist(), strict=True)),
        }
        for i, rows in enumerate(table.tolist())
    )


def _exponent(name: str, value: float, low: float, high: float) -> dict[str, Any]:
    return {"name": name, "value": value, "low": low, "high": high}


def local_along(data: Dataset, target: str, options: Options) -> tuple[dict[str, Any], ...]:
    """Local exponents of the target along a column, from contrasts inside each run alone.

    Parameters
    ----------
    data : Dataset
        Usable points.
    target : str
    options : Options
        With the column `along`.

    Returns
    -------
    tuple of dict
        One a point: its ``row``, the name or number of its ``run``, the coordinate ``at`` in SI,
        and under ``exponents`` that of the column, with a pointwise interval.

    Raises
    ------
    InputError
        If a run is too short, or the column is none of its inputs.
    """
    from dimgs.fits.local import LocalPowerLaw

    along = options.along
    assert along is not None
    runs = run_codes(data, options.curve, (target, along))
    x, y = (np.log(data[n]) for n in (along, target))
    table = np.full((len(x), 3), np.nan)
    for run in range(int(runs.max()) + 1):
        rows = np.flatnonzero(runs == run)
        if (places := len(np.unique(x[rows]))) < _FEWEST:
            raise InputError(
                f"Local exponents need {_FEWEST} places along '{along}' in each run; the one of "
                f"row {data.rows[rows[0]]} of {data.source} has {places}: leave such runs out, or "
                f"name the run of each point with {setting('curve')}."
            )
        try:
            model = LocalPowerLaw().fit(x[rows, None], y[rows])
        except FitError as error:
            raise FitError(f"The run of row {data.rows[rows[0]]}: {error}") from error
        ends = np.asarray(model.intervals(options.level))[:, 0]
        table[rows] = np.column_stack([model.exponents_[:, 0], ends])
    return tuple(
        {
            "row": int(data.rows[i]),
            "run": str(runs[i] if options.curve is None else data[options.curve][i]),
            "at": float(data[along][i]),
            "exponents": [_exponent(along, *row)],
        }
        for i, row in enumerate(table.tolist())
    )
