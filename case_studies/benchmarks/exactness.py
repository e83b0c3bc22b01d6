"""Whether a candidate is the true law: refitted on clean runs, compared at complex points."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray
from scipy.optimize import least_squares

from case_studies.benchmarks.feynman_tables import Equation
from dimgs.expression.candidate import Candidate
from dimgs.groups.group import PiBasis, PiGroup

Array = NDArray[Any]
Complex = NDArray[np.complex128]
_POINTS, _SHARE, _TOLERANCE = 400, 0.95, 1e-3
_ANGLE, _SPREAD = np.pi / 12, 6.0


def refitted(
    candidate: Candidate, equation: Equation, basis: PiBasis, seed: int = 7
) -> tuple[sympy.Expr, dict[str, float]] | None:
    """The candidate with its numbers as parameters, and their values on 400 clean runs."""
    expression, start = _parametrised(candidate.numeric)
    values, response = equation.runs(400, seed)
    groups = group_values(basis, values)
    pi_0 = response * monomial(basis.response, values, basis)
    constants = _refitted(expression, start, groups, pi_0)
    return None if constants is None else (expression, constants)


def is_exact(candidate: Candidate, equation: Equation, basis: PiBasis, seed: int = 7) -> bool:
    """Agreement to 1e-3 at 95 % of 400 complex points, constants refitted on 400 clean runs."""
    found_again = refitted(candidate, equation, basis, seed)
    if found_again is None:
        return False
    expression, constants = found_again
    points = _complex_points(equation, seed)
    true = _true_response(equation, points) * monomial(basis.response, points, basis)
    found = expression_value(expression, {**group_values(basis, points), **constants})
    usable = np.isfinite(true) & (np.abs(true) > 1e-250) & (np.abs(true) < 1e250)
    if usable.sum() < 50:
        return False
    with np.errstate(all="ignore"):
        close = np.abs(found[usable] - true[usable]) <= _TOLERANCE * np.abs(true[usable])
    return bool(close.mean() >= _SHARE)


def monomial(group: PiGroup | None, values: Mapping[str, Array], basis: PiBasis) -> Array:
    """pi_0 over the target: its monomial in the inputs."""
    assert group is not None
    assert basis.target is not None
    return _product(group, values, basis.target.name)


def group_values(basis: PiBasis, values: Mapping[str, Array]) -> dict[str, Array]:
    """Values of the groups."""
    return {g.name: _product(g, values) for g in basis.groups}


def _product(group: PiGroup, values: Mapping[str, Array], without: str = "") -> Array:
    total = np.ones_like(next(iter(values.values())))
    for name, exponent in group.exponents:
        if name != without:
            total = total * values[name] ** float(exponent)
    return total


def _parametrised(expression: sympy.Expr) -> tuple[sympy.Expr, dict[str, float]]:
    """Every number that is no exponent becomes a parameter, so that it can be refitted."""
    start: dict[str, float] = {}

    def walk(node: sympy.Expr) -> sympy.Expr:
        if node.is_number and node not in (1, -1):
            name = f"k_{len(start)}"
            start[name] = float(node)
            return sympy.Symbol(name)
        if node.is_Pow:
            if node.exp.is_Rational:
                return walk(node.base) ** node.exp
            return walk(node.base) ** walk(node.exp)
        if node.args:
            if node.is_Mul:
                numeric = [a for a in node.args if a.is_number]
                other = [a for a in node.args if not a.is_number]
                coefficient = sympy.Mul(*numeric)
                parts = [walk(a) for a in other]
                return sympy.Mul(walk(coefficient) if coefficient != 1 else coefficient, *parts)
            return node.func(*[walk(a) for a in node.args])
        return node

    return walk(expression), start


def expression_value(expression: sympy.Expr, values: Mapping[str, Any]) -> Array:
    """Values of an expression, NaN where it has none."""
    names = sorted(str(s) for s in expression.free_symbols)
    function = sympy.lambdify(
        [sympy.Symbol(n) for n in names], expression, modules=["numpy", "scipy"]
    )
    shape = next((v.shape for v in values.values() if np.ndim(v)), (_POINTS,))
    with np.errstate(all="ignore"):
        return np.asarray(np.broadcast_to(function(*[values[n] for n in names]), shape))


def _refitted(
    expression: sympy.Expr, start: dict[str, float], groups: Mapping[str, Array], pi_0: Array
) -> dict[str, float] | None:
    names = list(start)
    inputs = groups or {"pi_0": pi_0}
    scale = np.abs(pi_0) + 1e-3 * np.sqrt(np.mean(pi_0**2))

    def residuals(theta: Array) -> Array:
        filled = {**inputs, **dict(zip(names, theta, strict=True))}
        e = (np.real(expression_value(expression, filled)) - pi_0) / scale
        return np.where(np.isfinite(e), np.clip(e, -1e6, 1e6), 1e6)

    if not names:
        return {}
    try:
        found = least_squares(
            residuals,
            list(start.values()),
            x_scale=np.abs(list(start.values())) + 1e-12,
            xtol=1e-15,
            ftol=1e-15,
            gtol=1e-15,
            max_nfev=200,
        )
    except ValueError:
        return None
    return dict(zip(names, (float(x) for x in found.x), strict=True))


def _complex_points(equation: Equation, seed: int) -> dict[str, Complex]:
    rng = np.random.default_rng(seed)
    out = {}
    for name, (low, high) in equation.ranges.items():
        modulus = rng.uniform(low / _SPREAD, high * _SPREAD, _POINTS)
        out[name] = modulus * np.exp(1j * rng.uniform(-_ANGLE, _ANGLE, _POINTS))
    return out


def _true_response(equation: Equation, points: Mapping[str, Complex]) -> Complex:
    symbols = [sympy.Symbol(k, positive=True) for k in points]
    function = sympy.lambdify(symbols, equation.formula, modules="numpy")
    with np.errstate(all="ignore"):
        return np.asarray(function(*points.values()) * np.ones(_POINTS))
