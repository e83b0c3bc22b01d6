"""From a candidate expression over groups to a checked Law, its constants refitted on the runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import sympy
from numpy.typing import NDArray
from scipy.special import stdtrit

from dimgs.design.features import Design
from dimgs.errors import FitError, LawError
from dimgs.law.domain import domain_of
from dimgs.law.evaluate import evaluate
from dimgs.law.law import Law
from dimgs.law.names import Names
from dimgs.law.parts import Constant, Scores, Uncertainty
from dimgs.law.power import free_name
from dimgs.variables import Dimension

Array = NDArray[np.float64]
_FULL_LEVERAGE = 1.0 - 1e-6


@dataclass(frozen=True)
class Refit:
    """Constants of an expression fitted to runs.

    Attributes
    ----------
    values : ndarray of shape (n_constants,)
    covariance : ndarray of shape (n_constants, n_constants)
        Each run (or cluster) left out.
    fitted : ndarray of shape (n_runs,)
        On the design's response scale.
    residual_sd, dof : float
    """

    values: Array
    covariance: Array
    fitted: Array
    residual_sd: float
    dof: float


def feature_values(design: Design) -> dict[str, Array]:
    """Groups and unlogged columns by the names that a pi expression uses."""
    identifier = Names.of(design).identifier
    out: dict[str, Array] = {}
    for j, feature in enumerate(design.features):
        if feature.group is not None:
            out[feature.name] = np.exp(design.X[:, j])
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
    # slow to import, and a plain power law never comes here
    from dimgs.engines.refit import least_squares_from

    names = sorted(start)
    known = feature_values(design)
    n = design.n_runs
    if len(names) >= n:
        raise FitError(f"{len(names)} constants need more than {n} runs; add runs.")
    weights = np.ones(n) if design.weights is None else np.sqrt(design.weights)

    def model(theta: Array) -> Array:
        values = evaluate(expression, {**known, **dict(zip(names, theta, strict=True))}, n)
        if design.scale == "log":
            with np.errstate(all="ignore"):
                values = np.log(values)
        return values

    def misfit(theta: Array) -> Array:
        return np.asarray(weights * (design.y - model(theta)))

    slopes = gradients_of(expression, tuple(names), design.scale == "log")

    def jacobian_at(theta: Array) -> Array:
        values = {**known, **dict(zip(names, theta, strict=True))}
        columns = [evaluate(g, values, n) for g in slopes]
        return np.column_stack(columns) * weights[:, None] if names else np.zeros((n, 0))

    def fall(theta: Array) -> Array:
        columns = -jacobian_at(theta)
        return np.where(np.isfinite(columns), columns, 0.0)

    first = np.array([start[k] for k in names], dtype=np.float64)
    if not np.all(np.isfinite(model(first))):
        raise FitError(f"The expression {expression} is not real and positive on every run.")
    theta = least_squares_from(first, misfit, fall) if names else first
    fitted = model(theta)
    jacobian = jacobian_at(theta)
    residuals = weights * (design.y - fitted)
    clusters = np.arange(n) if design.split is None else np.unique(design.split, True, True)[2]
    covariance, dof = left_out_covariance(jacobian, residuals, clusters)
    sd = float(np.sqrt(residuals @ residuals / max(1, n - len(names))))
    return Refit(theta, covariance, fitted, sd, dof)


@lru_cache(maxsize=512)
def gradients_of(
    expression: sympy.Expr, names: tuple[str, ...], log: bool
) -> tuple[sympy.Expr, ...]:
    """∂ log F/∂θ (or ∂F/∂θ) for each constant; kept, for every fold asks for the same."""
    slopes = (sympy.diff(expression, sympy.Symbol(name)) for name in names)
    return tuple(slope / expression if log else slope for slope in slopes)


def left_out_covariance(
    jacobian: Array, residuals: Array, clusters: NDArray[np.intp]
) -> tuple[Array, float]:
    """Covariance of nonlinear least squares, and its degrees of freedom, by runs left out.

    Parameters
    ----------
    jacobian : ndarray of shape (n_runs, n_constants)
    residuals : ndarray of shape (n_runs,)
    clusters : ndarray of shape (n_runs,)
        Numbered from 0; a run each for HC3, groups of runs for CR3.

    References
    ----------
    J. G. MacKinnon, H. White, J. Econometrics 29 (1985) 305-325.
    """
    p = jacobian.shape[1]
    n_clusters = int(clusters.max()) + 1
    dof = float(max(1, min(n_clusters - 1, len(residuals) - p)))
    if p == 0:
        return np.zeros((0, 0)), dof
    scale = np.linalg.norm(jacobian, axis=0)
    scale[scale == 0] = 1.0
    j = jacobian / scale
    inverse = np.linalg.pinv(j.T @ j, hermitian=True)
    if n_clusters == len(residuals):
        leverage = np.minimum(np.einsum("ij,jk,ik->i", j, inverse, j), _FULL_LEVERAGE)
        scores = j * (residuals / (1.0 - leverage))[:, None]
    else:
        scores = np.zeros((n_clusters, p))
        for k in range(n_clusters):
            part = clusters == k
            own = j[part]
            shrink = np.eye(int(part.sum())) - own @ inverse @ own.T
            scores[k] = own.T @ np.linalg.pinv(shrink, hermitian=True) @ residuals[part]
    return np.asarray(inverse @ scores.T @ scores @ inverse / np.outer(scale, scale)), dof


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
    target, response = design.basis.target, design.basis.response
    assert target is not None
    assert response is not None
    if design.scale == "level":
        raise LawError("A level takes no expression for pi_0; fit its power law.")
    names = Names.of(design)
    renamed = _free_names(constants, {*names.identifier.values()})
    expression = expression.xreplace(
        {sympy.Symbol(old): sympy.Symbol(new) for old, new in renamed.items()}
    )
    start = {renamed[k]: v for k, v in constants.items()}
    found = refit(design, expression, start)
    order = sorted(start)
    half = stdtrit(found.dof, 0.5 + level / 2) * np.sqrt(np.diag(found.covariance))
    fitted = [
        Constant(name, float(v), Dimension(), float(v - h), float(v + h))
        for name, v, h in zip(order, found.values, half, strict=True)
    ]
    whole = in_variables(design, expression)
    used = {str(s) for s in whole.free_symbols}
    symbols, unused = names.split(used)
    basis = design.basis.variables
    known = [
        Constant(
            names.identifier[v.name], v.value or 1.0, v.dimension, v.value, v.value, "physical"
        )
        for v in basis
        if v.role == "constant" and names.identifier.get(v.name) in used
    ]
    scales = [
        Constant(names.identifier[v.name], 1.0, v.dimension, None, None, "scale")
        for v in basis
        if v.role == "scale" and names.identifier.get(v.name) in used
    ]
    return Law(
        target=target,
        symbols=symbols,
        expression=whole,
        constants=(*fitted, *known, *scales),
        groups=tuple(f.group for f in design.features if f.group is not None),
        response=response,
        pi_expression=expression,
        scores=Scores(None, None, None, None),
        domain=domain_of(design),
        uncertainty=Uncertainty(
            gradients_of(expression, tuple(order), design.scale == "log"),
            tuple(tuple(float(x) for x in row) for row in found.covariance),
            found.residual_sd,
            found.dof,
            "log" if design.scale == "log" else "linear",
            float(max(1, design.n_runs - len(order))),
        ),
        level=level,
        scales=tuple(v for v in basis if v.role == "scale"),
        known=tuple(v for v in basis if v.role == "constant"),
        unused=unused,
    )


def in_variables(design: Design, expression: sympy.Expr) -> sympy.Expr:
    """The target in the variables, from pi_0 in the groups."""
    target, response = design.basis.target, design.basis.response
    assert target is not None
    assert response is not None
    names = Names.of(design)
    monomials = {
        sympy.Symbol(f.name): _monomial(design, names, dict(f.group.exponents))
        for f in design.features
        if f.group is not None
    }
    back = {k: -e for k, e in response.exponents if k != target.name}
    return expression.subs(monomials, simultaneous=True) * _monomial(design, names, back)


def _monomial(design: Design, names: Names, powers: Mapping[str, object]) -> sympy.Expr:
    return sympy.Mul(
        *(
            sympy.Symbol(names.identifier[n]) ** sympy.Rational(str(e))
            for n, e in sorted(powers.items())
        )
    )


def _free_names(constants: Mapping[str, float], taken: set[str]) -> dict[str, str]:
    out = {}
    for name in sorted(constants):
        new = free_name(name, taken)
        taken.add(new)
        out[name] = new
    return out
