"""Whether a candidate is the true law: constants refitted on clean runs, then compared.

Two rules are counted. The first: symbolic equality for positive symbols, or agreement to 1e-3 at
95 % of 400 complex points with moduli from a sixth of the lower to six times the upper end of each
range and angles up to 15 degrees; approximations that are good on the real range fail there.
Equality is tested by numbers: to 1e-9 at real points with these moduli, at which laws agree whose
roots and logarithms of differences lie on different branches at complex points. The second rule
is stricter: the candidate must also return other clean runs to 1e-6, because long sums approach
laws of one group to 1e-4 even at complex points.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray
from scipy.optimize import least_squares

from case_studies.benchmarks.feynman_tables import Equation
from dimgs.expression.candidate import Candidate
from dimgs.groups.group import PiBasis, PiGroup

Array = NDArray[Any]
_POINTS, _SHARE = 400, 0.95
_ANGLE, _SPREAD = np.pi / 12, 6.0
_COMPLEX, _REAL, _EQUAL = 1e-3, 1e-6, 1e-9
# fewer usable points than this settle nothing
_FEWEST = 50


@dataclass(frozen=True)
class Inputs:
    """What a candidate is an expression of: pi groups, or the variables themselves.

    Parameters
    ----------
    equation : Equation
    raw : bool
        Whether ``pi_1``, ``pi_2``, ... are the variables, in their order, and pi_0 the target.
    given : PiBasis, optional
        By default the canonical basis.
    """

    equation: Equation
    raw: bool = False
    given: PiBasis | None = None

    @property
    def basis(self) -> PiBasis:
        """Basis of the groups."""
        return self.equation.basis() if self.given is None else self.given

    def groups(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """Values of the groups."""
        if self.raw:
            return {f"pi_{k}": values[n] for k, n in enumerate(self.equation.ranges, 1)}
        return group_values(self.basis, values)

    def factor(self, values: Mapping[str, Array]) -> Array:
        """pi_0 over the target."""
        if self.raw:
            return np.ones_like(next(iter(values.values())))
        basis = self.basis
        return monomial(basis.response, values, basis)


@dataclass(frozen=True)
class Agreement:
    """Shares of points at which a candidate, its constants refitted, agrees with the law.

    Attributes
    ----------
    clean : float
        Of other clean runs, to 1e-6.
    turned : float
        Of complex points, to 1e-3.
    far, equal : float
        Of real points far outside the ranges, to 1e-6 and to 1e-9.
    """

    clean: float = 0.0
    turned: float = 0.0
    far: float = 0.0
    equal: float = 0.0

    @property
    def exact(self) -> bool:
        """By the first rule."""
        return max(self.turned, self.equal) >= _SHARE

    @property
    def strict(self) -> bool:
        """By both rules."""
        return self.clean >= _SHARE and max(self.turned, self.far) >= _SHARE


def agreement(candidate: Candidate, inputs: Inputs, seed: int = 7) -> Agreement:
    """How far a candidate is the law of an equation.

    Parameters
    ----------
    candidate : Candidate
        pi_0 in the groups of `inputs`.
    inputs : Inputs
    seed : int
        Of the clean runs and of the points.
    """
    equation = inputs.equation
    expression, start = _parametrised(candidate.numeric)
    values, response = equation.runs(_POINTS, seed)
    constants = _refitted(
        expression, start, inputs.groups(values), response * inputs.factor(values)
    )
    if constants is None:
        return Agreement()
    rng = np.random.default_rng(seed)
    moduli = equation.draw(rng, _POINTS, _SPREAD)
    turned = {
        name: values * np.exp(1j * rng.uniform(-_ANGLE, _ANGLE, _POINTS))
        for name, values in moduli.items()
    }

    def gaps(points: Mapping[str, Array]) -> Array:
        n = len(next(iter(points.values())))
        known = {name: np.full(n, value) for name, value in equation.known().items()}
        everything: dict[str, Array] = {**points, **known}
        true = equation.value(points) * inputs.factor(everything)
        # the inputs too, as a law without groups would not know the number of points
        filled: dict[str, Array] = {**everything, **inputs.groups(everything)}
        filled |= {name: np.full(n, value) for name, value in constants.items()}
        found = expression_value(expression, filled)
        usable = np.isfinite(true) & (np.abs(true) > 1e-250) & (np.abs(true) < 1e250)
        if usable.sum() < _FEWEST:
            return np.array([np.inf])
        with np.errstate(all="ignore"):
            return np.asarray(np.abs(found[usable] - true[usable]) / np.abs(true[usable]))

    other, _ = equation.runs(_POINTS, seed + 1)
    far = gaps(moduli)
    return Agreement(
        clean=float(np.mean(gaps({n: other[n] for n in equation.ranges}) <= _REAL)),
        turned=float(np.mean(gaps(turned) <= _COMPLEX)),
        far=float(np.mean(far <= _REAL)),
        equal=float(np.mean(far <= _EQUAL)),
    )


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
    names, function = _compiled(expression)
    shape = next((v.shape for v in values.values() if np.ndim(v)), (_POINTS,))
    with np.errstate(all="ignore"):
        return np.asarray(np.broadcast_to(function(*[values[n] for n in names]), shape))


@lru_cache(maxsize=64)
def _compiled(expression: sympy.Expr) -> tuple[list[str], Callable[..., Any]]:
    names = sorted(str(s) for s in expression.free_symbols)
    symbols = [sympy.Symbol(n) for n in names]
    return names, sympy.lambdify(symbols, expression, modules=["numpy", "scipy"], cse=True)


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
