"""From a candidate expression over groups to a checked Law, its constants refitted on the runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import sympy

from dimgs.common.arrays import Array, times_exp
from dimgs.common.errors import FitError, LawError
from dimgs.expression.formula import gradients_of
from dimgs.expression.simplest import monomial
from dimgs.fits.covariance import Linearised, linearised, t_quantile
from dimgs.fits.design import Design
from dimgs.fits.least_squares import log_slopes
from dimgs.fits.noise import fit_in_tails
from dimgs.fits.sources import FormFit, MixedFit, fit_form, fit_mixed, with_chances
from dimgs.law.canonical import scale_powers
from dimgs.law.evaluate import evaluate, evaluate_each
from dimgs.law.law import Law
from dimgs.law.names import Names
from dimgs.law.parts import Constant, Uncertainty, as_rows
from dimgs.law.power import coefficient_gradients, free_name, label_effects, law_of, source_effects
from dimgs.variables import Dimension

# standard deviations between these have squares, and products with slopes, that are representable
_REPRESENTABLE = (1e-100, 1e100)


@dataclass(frozen=True, eq=False)
class Refit:
    """Constants of an expression fitted to runs.

    Attributes
    ----------
    values : ndarray of shape (n_constants,)
    uncertainty : Linearised
        Each run (or cluster) left out.
    fitted : ndarray of shape (n_runs,)
        On the design's response scale, with what the label of each run adds.
    residual_sd : float
    labels : dict of str to float
        What each label of `within` adds to the logarithm, where a search left it out.
    """

    values: Array
    uncertainty: Linearised
    fitted: Array
    residual_sd: float
    labels: dict[str, float]


def feature_values(design: Design) -> dict[str, Array]:
    """Groups and unlogged columns by the names that a pi expression uses."""
    identifier = Names.of(design).identifier
    out: dict[str, Array] = {}
    for j, feature in enumerate(design.features):
        if feature.group is not None:
            with np.errstate(over="ignore"):
                x = design.X[:, j]
                out[feature.name] = np.exp(x) if feature.logged else x
        elif feature.variable is not None:
            out[identifier[feature.variable]] = np.asarray(
                design.data[feature.variable], dtype=np.float64
            )
    return out


def refit(design: Design, expression: sympy.Expr, start: Mapping[str, float]) -> Refit:
    """Fit the named constants of an expression for pi_0, from their present values.

    Parameters
    ----------
    design : Design
        On the log or linear scale.
    expression : sympy.Expr
        pi_0 in the groups, unlogged columns and constants.
    start : mapping of str to float
        Constants and where to start.

    Raises
    ------
    FitError
        If the expression is not real on the runs, or has more constants than there are runs.
    """
    names, inputs, n = sorted(start), feature_values(design), design.n_runs
    labels, added = _prefactors(design)
    p, unknowns = len(names), len(names) + added.shape[1]
    if unknowns >= n:
        raise FitError(f"{unknowns} constants need more than {n} runs; add runs.")
    weights = np.ones(n) if design.weights is None else np.sqrt(design.weights)

    def white(values: Array) -> Array:
        return values if design.white is None else design.white(values)

    errors, logged = design.errors, design.scale == "log"

    def target(values: Array) -> Array:
        return np.exp(values + design.offset) if logged else times_exp(values, design.offset)

    observed = design.y if errors is None else errors.of(target(design.y))
    # in units of the largest response: squares of very large and small numbers leave the range
    unit = 1.0 if logged or errors is not None else float(np.abs(design.y).max()) or 1.0

    def values_of(theta: Array) -> dict[str, Array | float]:
        return {**inputs, **dict(zip(names, theta[:p], strict=True))}

    def response(theta: Array) -> Array:
        values = evaluate(expression, values_of(theta), n)
        if logged:
            with np.errstate(all="ignore"):
                values = np.log(values)
        return values + added @ theta[p:] if len(theta) > p else values

    def model(theta: Array) -> Array:
        values = response(theta)
        return values if errors is None else errors.of(target(values))

    slopes = gradients_of(expression, tuple(names), logged)

    def jacobian_at(theta: Array) -> Array:
        columns = np.hstack([evaluate_each(slopes, values_of(theta), n), added])
        if errors is not None:
            values_at = target(response(theta))
            by = values_at if logged else np.exp(design.offset)
            columns = (by / errors.unit(values_at))[:, None] * columns
        return white(columns * weights[:, None]) if unknowns else columns

    # sources scatter together on weights that are the same for all laws
    uncertain = None if design.effects else design.input_errors

    def by_inputs(theta: Array) -> Array:
        assert uncertain is not None
        return uncertain.roots(slopes_by_features(design, expression, values_of(theta)))

    def weighted(theta: Array) -> tuple[Array, Array]:
        """Residuals and slopes in units of the errors."""
        residuals, columns = white(weights * (observed - model(theta))), jacobian_at(theta)
        if uncertain is None:
            return residuals, columns
        ratio = by_inputs(theta) / weights
        residuals = ratio * residuals
        return residuals, ratio[:, None] * columns - residuals[:, None] * log_slopes(
            by_inputs, theta
        )

    def misfit(theta: Array) -> tuple[Array, Array]:
        residuals, columns = weighted(theta)
        return residuals / unit, np.where(np.isfinite(columns), columns / unit, 0.0)

    first = np.array([*(start[k] for k in names), *np.zeros(unknowns - p)], dtype=np.float64)
    if not np.all(np.isfinite(model(first))):
        raise FitError(f"The expression {expression} is not real and positive on every run.")
    theta, tails = fit_in_tails(misfit, first, None)
    if design.tails is not None:
        theta, tails = fit_in_tails(misfit, theta, design.tails)
    residuals, jacobian = weighted(theta)
    if tails is not None:
        # standard errors as those of the curvature of these squares
        steep = tails.slope(residuals / unit) / tails.inflation
        residuals, jacobian = unit * tails.normal(residuals / unit), steep[:, None] * jacobian
    if not np.all(np.isfinite(jacobian)):
        raise FitError(f"The expression {expression} has no finite slope by its constants.")
    size = float(np.abs(residuals).max())
    sd = size * float(np.sqrt(np.sum((residuals / (size or 1.0)) ** 2) / max(1, n - unknowns)))
    uncertainty = linearised(jacobian, residuals, None, design.split).first(p)
    return Refit(
        theta[:p], uncertainty, response(theta), sd, {k: float(x @ theta[p:]) for k, x in labels}
    )


def _prefactors(design: Design) -> tuple[list[tuple[str, Array]], Array]:
    """Labels whose prefactors were left out of a search, and the columns of their logarithms.

    The mean of these over all runs is zero, as a law has a prefactor already.

    Returns
    -------
    list of (str, ndarray of shape (n_labels - 1,))
        Each label with its row.
    ndarray of shape (n_runs, n_labels - 1)
    """
    if design.within is None or design.shift is None:
        return [], np.zeros((design.n_runs, 0))
    names, code = np.unique(design.within, return_inverse=True)
    counts = np.bincount(code, design.weights)
    # the last label has what the others leave
    rows = np.vstack([np.eye(len(names) - 1), -counts[None, :-1] / counts[-1]])
    return list(zip(map(str, names), rows, strict=True)), rows[code]


def slopes_by_features(
    design: Design, expression: sympy.Expr, values: Mapping[str, Array | float]
) -> Array:
    """Derivatives of the response on its scale by the features, shape (n_runs, n_features).

    Parameters
    ----------
    design : Design
    expression : sympy.Expr
        pi_0 in the groups, unlogged columns and constants.
    values : mapping of str to float or ndarray
        Every symbol of the expression.
    """
    identifier, n = Names.of(design).identifier, design.n_runs
    out = np.zeros((n, len(design.features)))
    names = [f.name if f.variable is None else identifier[f.variable] for f in design.features]
    slopes = gradients_of(expression, tuple(names), design.scale == "log")
    for j, (feature, name, slope) in enumerate(zip(design.features, names, slopes, strict=True)):
        if slope == 0:
            continue
        out[:, j] = evaluate(slope, values, n)
        if feature.logged:
            out[:, j] *= values[name]
        elif feature.contrast == "inverse":
            out[:, j] *= -np.square(values[name])
    return out


def assemble(
    design: Design, expression: sympy.Expr, constants: Mapping[str, float], level: float
) -> Law:
    """Checked law from an expression for pi_0, its constants refitted with intervals.

    Parameters
    ----------
    design : Design
        On the log or linear scale.
    expression : sympy.Expr
        pi_0 in the groups ``pi_1``, ..., unlogged columns and named constants.
    constants : mapping of str to float
        Names and present values of the constants.
    level : float
        Coverage of the intervals.

    Returns
    -------
    Law
        Without scores; see :mod:`dimgs.discovery.scoring`.

    Raises
    ------
    LawError
        If the response is a level, or the result is not homogeneous.
    FitError
        If the expression cannot be fitted to the runs.
    """
    if design.scale == "level":
        raise LawError("A level takes no expression for pi_0; fit its power law.")
    # a refit of a fold may have one label, as its values are all that is asked of it
    if design.split is not None and len(np.unique(design.split)) < 2:
        raise FitError("All runs have one label, so none can be left out: give two, or none.")
    names = Names.of(design)
    renamed = _free_names(constants, {*names.identifier.values()})
    expression = expression.xreplace(
        {sympy.Symbol(old): sympy.Symbol(new) for old, new in renamed.items()}
    )
    start = {renamed[k]: v for k, v in constants.items()}
    fit = refit(design, expression, start)
    order = sorted(start)
    slopes = gradients_of(expression, tuple(order), design.scale == "log")
    mixed = _mixed(design, expression, order, fit.values)
    half, values = fit.uncertainty.half_widths(level), fit.values
    if mixed is not None:
        half = t_quantile(level, mixed.freedom) * np.sqrt(np.diag(mixed.covariance))
        if any(e.of_constant for e in mixed.effects):
            values = mixed.coefficients
    factors = sympy.Mul.make_args(expression) if design.scale == "log" else ()
    fitted = [
        Constant(
            name, float(v), Dimension(), *_ends(float(v), float(h), sympy.Symbol(name) in factors)
        )
        for name, v, h in zip(order, values, half, strict=True)
    ]
    unit, covariance = _representable(fit.uncertainty)
    dof = fit.uncertainty.dof
    if mixed is not None:
        unit, covariance, dof = np.ones(len(order)), mixed.covariance, mixed.freedom
    whole = without_sizes(design, in_variables(design, expression))
    return law_of(
        design,
        whole,
        fitted,
        pi_expression=expression,
        uncertainty=Uncertainty(
            tuple(g if u == 1 else sympy.Float(u) * g for g, u in zip(slopes, unit, strict=True)),
            as_rows(covariance),
            fit.residual_sd if mixed is None else mixed.sd,
            max(1.0, float(dof.min(initial=fit.uncertainty.residual_dof))),
            "log" if design.scale == "log" else "linear",
            float(max(1, design.n_runs - len(order))),
            design.errors,
            design.tails,
            () if mixed is not None else as_rows(fit.uncertainty.quartic),
        ),
        level=level,
        sources=source_effects(mixed, [*coefficient_gradients(design, names), *slopes]),
        label_effects=label_effects(design, fit.labels or None, (*design.labelled, None)[0]),
    )


def _ends(value: float, half: float, is_factor: bool) -> tuple[float, float]:
    """Ends of the interval of a constant: a factor of a positive response keeps its sign.

    The logarithm of the response is linear in that of a factor, and not in the factor.
    """
    if not is_factor or value == 0.0:
        return value - half, value + half
    with np.errstate(over="ignore"):
        ends = value * np.exp(np.array([-half, half]) / abs(value))
    return float(ends.min()), float(ends.max())


def fit_form_of(
    design: Design, expression: sympy.Expr, names: Sequence[str], values: Array
) -> FormFit:
    """What differs between the sources of a design, by a form for pi_0.

    Parameters
    ----------
    design : Design
        With effects.
    expression : sympy.Expr
    names : sequence of str
        Its constants.
    values : ndarray of shape (n_constants,)
        Of least squares.
    """
    log, n, inputs = design.scale == "log", design.n_runs, feature_values(design)
    slopes = gradients_of(expression, tuple(names), log)

    def shape(constants: Array) -> tuple[Array, Array]:
        at = {**inputs, **dict(zip(names, constants.T, strict=True))}
        response = evaluate(expression, at, n)
        with np.errstate(all="ignore"):
            response = np.log(response) if log else response
        return response, evaluate_each(slopes, at, n)

    X = design.X if log else None
    return fit_form(shape, names, values, X, design.y, design.weights, design.effects)


def _mixed(
    design: Design, expression: sympy.Expr, names: Sequence[str], values: Array
) -> MixedFit | None:
    """Effects of sources on a law, linear in its constants, with their errors."""
    if not design.effects:
        return None
    form = fit_form_of(design, expression, names, values)
    if design.scale == "linear" and not form.has_constants:
        return None
    data = form.slopes, form.response, design.weights
    fit = fit_mixed(*data, form.mixed.effects, np.eye(len(names)))
    return with_chances(fit, *data, form.chances)


def _representable(fit: Linearised) -> tuple[Array, Array]:
    """Covariance of the constants, each in a unit: 1, or what keeps its variance representable."""
    sd = fit.unit * np.sqrt(np.maximum(fit.matrix.diagonal(), 0.0))
    ordinary = (sd == 0) | ~np.isfinite(sd) | ((sd > _REPRESENTABLE[0]) & (sd < _REPRESENTABLE[1]))
    unit = np.where(ordinary, 1.0, np.exp2(np.round(np.log2(np.where(ordinary, 1.0, sd)))))
    relative = fit.unit / unit
    return unit, relative[:, None] * fit.matrix * relative


def in_variables(design: Design, expression: sympy.Expr) -> sympy.Expr:
    """The target in the variables, from pi_0 in the groups."""
    target, response = design.basis.target, design.basis.response
    assert target is not None
    assert response is not None
    symbols = {n: sympy.Symbol(i) for n, i in Names.of(design).identifier.items()}
    monomials = {
        sympy.Symbol(f.name): monomial(f.group.exponents, symbols)
        for f in design.features
        if f.group is not None
    }
    back = monomial(((k, -e) for k, e in response.exponents if k != target.name), symbols)
    return expression.subs(monomials, simultaneous=True) * back


def inputs_of(design: Design, expression: sympy.Expr) -> set[str]:
    """Columns that the target depends on, by an expression for pi_0.

    Parameters
    ----------
    design : Design
    expression : sympy.Expr
    """
    names = Names.of(design)
    whole = in_variables(design, expression)
    positive = {s: sympy.Symbol(s.name, positive=True) for s in whole.free_symbols}
    used = {s.name for s in sympy.powdenest(whole.xreplace(positive)).free_symbols}
    return {variable.name for symbol, variable in names.symbols.items() if symbol in used}


def without_sizes(design: Design, expression: sympy.Expr) -> sympy.Expr:
    """The target in the variables alone.

    Raises
    ------
    LawError
        If it depends on the size of an input, which stands only for a unit.
    """
    names = Names.of(design)
    for name in design.basis.sizes:
        size = sympy.Symbol(names.identifier.get(name, name))
        if not expression.has(size):
            continue
        if scale_powers(expression, size.name, []) != {}:
            raise LawError(f"The law depends on '{name}', which stands only for a unit.")
        expression = expression.subs(size, 1)
    return expression


def _free_names(constants: Mapping[str, float], taken: set[str]) -> dict[str, str]:
    out = {}
    for name in sorted(constants):
        new = free_name(name, taken)
        taken.add(new)
        out[name] = new
    return out
