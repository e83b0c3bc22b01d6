"""Closed forms of a learned exponent: elementary ones first, then those that the engine finds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import sympy
from scipy.optimize import least_squares

from dimgs.arrays import Array, IntArray
from dimgs.discovery.clock import Clock
from dimgs.discovery.distil.directions import Argument
from dimgs.discovery.distil.fields import Fields
from dimgs.engines.protocol import Problem, SearchBudget
from dimgs.engines.selection import description_bits
from dimgs.expression.candidate import Candidate

# places of a search for an exponent: a smooth curve needs no more, and time grows with them
_MOST_POINTS = 150
# forms of a search that are refitted as laws, the best first
_FRONT = 4
# powers whose sum with a constant is tried without a search
_POWERS = tuple(sympy.Rational(p) for p in (-2, -1, "-1/2", "1/2", 2))


@dataclass(frozen=True)
class Search:
    """What a search for the closed form of a field may cost, its seed, and who hears of cuts."""

    seconds: float
    seed: int = 0
    evaluations: int | None = None
    clock: Clock | None = None

    def part(self, share: float) -> "Search":
        """With a share of the seconds."""
        return replace(self, seconds=share * self.seconds)


@dataclass(frozen=True, eq=False)
class ExponentForm:
    """An expression in groups, unlogged columns and named constants, with its constants."""

    expression: sympy.Expr
    constants: Mapping[str, float]

    def renamed(self, prefix: str) -> "ExponentForm":
        """With constants ``prefix1``, ``prefix2``, ..."""
        new = {old: f"{prefix}{k}" for k, old in enumerate(sorted(self.constants), 1)}
        pairs = {sympy.Symbol(a): sympy.Symbol(b) for a, b in new.items()}
        return ExponentForm(
            self.expression.xreplace(pairs), {new[k]: v for k, v in self.constants.items()}
        )


def elementary(
    fields: Fields, sets: Sequence[tuple[Argument, ...]], count: int
) -> list[ExponentForm]:
    """The best lines, powers, hyperbolas and logarithms in a single argument.

    Parameters
    ----------
    fields : Fields
    sets : sequence of tuple of Argument
    count : int
        How many to return, the fewest bits first.
    """
    found: list[tuple[float, int, ExponentForm]] = []
    seen: set[sympy.Expr] = set()
    root = np.sqrt(fields.weights / fields.weights.mean())
    for argument in (a for group in sets for a in group):
        if argument.expression in seen:
            continue
        seen.add(argument.expression)
        for form, left in _fits(argument, fields, root):
            mse = float(np.mean((root * left) ** 2)) / max(float(np.var(fields.exponent)), 1e-300)
            bits = description_bits(form.expression, len(form.constants), mse, len(left))
            found.append((bits, len(found), form))
    return [form for _, _, form in sorted(found, key=lambda f: f[:2])[:count]]


def _fits(argument: Argument, fields: Fields, root: Array) -> Iterator[tuple[ExponentForm, Array]]:
    u, a = argument.values[fields.rows], fields.exponent
    U = argument.expression
    c, d, e = sympy.symbols("c_1 c_2 c_3")
    if np.ptp(u) <= 1e-9 * np.abs(u).max():
        return
    line, left = _linear(u, a, root)
    yield ExponentForm(c + d * U, {"c_1": line[0], "c_2": line[1]}), left
    if argument.positive:
        curve, left = _linear(np.log(u), a, root)
        if curve[1] != 0 and abs(curve[0] / curve[1]) < 300:
            zero = float(np.exp(-curve[0] / curve[1]))
            yield ExponentForm(d * sympy.log(U / c), {"c_1": zero, "c_2": curve[1]}), left
    for power in _POWERS:
        if argument.positive or (power.is_integer and (power > 0 or bool(np.all(u != 0)))):
            curve, left = _linear(u ** float(power), a, root)
            yield ExponentForm(c + d * U**power, {"c_1": curve[0], "c_2": curve[1]}), left
    if len(u) >= 5:
        pole = _pole(u, a, root)
        curve, left = _linear(1 / (u + pole), a, root)
        yield ExponentForm(c + d / (e + U), {"c_1": curve[0], "c_2": curve[1], "c_3": pole}), left


def _linear(v: Array, a: Array, root: Array) -> tuple[Array, Array]:
    columns = np.column_stack([np.ones_like(v), v])
    scale = np.maximum(np.abs(columns).max(axis=0), 1e-300)
    weighted = columns / scale * root[:, None]
    found = np.linalg.lstsq(weighted, a * root, rcond=None)[0] / scale
    return found, a - columns @ found


def _pole(u: Array, a: Array, root: Array) -> float:
    """Where a hyperbola in u has its pole: variable projection, from a grid on both sides."""
    span = float(np.ptp(u))
    away = np.geomspace(1e-2, 1e2, 33) * span
    grid = np.concatenate([away - u.min(), -away - u.max()])

    def misfit(pole: Array) -> Array:
        return root * _linear(1 / (u + pole[0]), a, root)[1]

    start = min(grid, key=lambda b: float(np.sum(misfit(np.array([b])) ** 2)))
    side = 1.0 if start > -u.min() else -1.0
    edge = -u.min() if side > 0 else -u.max()

    def inner(log_distance: Array) -> Array:
        return misfit(edge + side * np.exp(log_distance))

    found = least_squares(inner, [np.log(abs(start - edge))], xtol=1e-14, ftol=1e-14, gtol=1e-14)
    return float(edge + side * np.exp(found.x[0]))


def searched(
    response: Array,
    weights: Array | None,
    arguments: Sequence[Argument],
    rows: IntArray,
    search: Search,
    *,
    log: bool,
) -> list[ExponentForm]:
    """Closed forms of a field by the embedded engine.

    Parameters
    ----------
    response : ndarray of shape (n_points,)
    weights : ndarray of shape (n_points,), optional
    arguments : sequence of Argument
    rows : ndarray of int of shape (n_points,)
        Run of each point.
    search : Search
    log : bool
        Whether the field is positive and judged on its logarithm.
    """
    from dimgs.engines.structured import StructuredEngine

    if search.seconds <= 0 or len(rows) < 6:
        return []
    if len(rows) > _MOST_POINTS:
        rng = np.random.default_rng(search.seed)
        keep = np.sort(rng.choice(len(rows), _MOST_POINTS, replace=False))
        response, rows = response[keep], rows[keep]
        weights = None if weights is None else weights[keep]
    names = [f"pi_{k}" for k in range(1, len(arguments) + 1)]
    problem = Problem(
        groups={n: a.values[rows] for n, a in zip(names, arguments, strict=True)},
        response=response,
        scale="log" if log else "linear",
        weights=None if weights is None else weights / weights.mean(),
        unlogged=tuple(n for n, a in zip(names, arguments, strict=True) if not a.positive),
        composition={
            "pi_0": {},
            **{n: a.composition for n, a in zip(names, arguments, strict=True)},
        },
    )
    budget = SearchBudget(search.seconds, search.evaluations)
    result = StructuredEngine().search(problem, budget, search.seed)
    if result.cut is not None and search.clock is not None:
        search.clock.cut(result.cut, "the distillation of exponents")
    back = {sympy.Symbol(n): a.expression for n, a in zip(names, arguments, strict=True)}
    return [_form(candidate, back) for candidate in result.candidates[:_FRONT]]


def _form(candidate: Candidate, back: Mapping[sympy.Symbol, sympy.Expr]) -> ExponentForm:
    form = ExponentForm(candidate.expression, candidate.constants).renamed("q_")
    form = _partial_fraction(form, list(back))
    return ExponentForm(form.expression.xreplace(dict(back)), form.constants)


def _partial_fraction(form: ExponentForm, arguments: list[sympy.Symbol]) -> ExponentForm:
    """A ratio of two lines in one argument as constant + k/(k' + u), which reads better."""
    used = [u for u in arguments if u in form.expression.free_symbols]
    if len(used) != 1:
        return form
    u = used[0]
    numeric = form.expression.xreplace(
        {sympy.Symbol(k): sympy.Float(v, 17) for k, v in form.constants.items()}
    )
    top, bottom = sympy.fraction(sympy.together(form.expression))
    if not (top.is_polynomial(u) and bottom.is_polynomial(u)):
        return form
    if sympy.degree(bottom, u) != 1 or sympy.degree(top, u) > 1:
        return form
    far = sympy.limit(form.expression, u, sympy.oo)
    values = {sympy.Symbol(k): v for k, v in form.constants.items()}
    p, q = (sympy.Poly(e, u) for e in (top, bottom))
    slope, offset = (float(x.xreplace(values)) for x in (q.coeff_monomial(u), q.coeff_monomial(1)))
    pole = offset / slope
    k = float((numeric - far.xreplace(values)).xreplace({u: sympy.Float(1.0)}) * (1.0 + pole))
    if not np.isfinite([pole, k]).all() or pole == 0 or p.is_zero:
        return form
    a, b, c = sympy.symbols("q_1 q_2 q_3")
    if far.is_number and len(form.constants) == 2:
        return ExponentForm(far + b / (c + u), {"q_2": k, "q_3": pole})
    if len(form.constants) == 3:
        return ExponentForm(
            a + b / (c + u), {"q_1": float(far.xreplace(values)), "q_2": k, "q_3": pole}
        )
    return form
