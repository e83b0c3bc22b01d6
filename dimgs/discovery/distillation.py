"""Distillation of exponents: a power law whose exponent is a closed form of the other groups.

The way: directions along which an exponent may vary, fields a(z) and h(z) learned from the runs
without a formula, closed forms of these, and whole laws with all constants refitted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement, product

import numpy as np
import sympy
from scipy.optimize import least_squares
from scipy.special import fdtrc

from dimgs.common.arrays import LARGEST_LOG, Array, IntArray
from dimgs.common.errors import DimgsError
from dimgs.discovery.options import Options
from dimgs.discovery.problem import problem_of
from dimgs.engines.clock import Clock
from dimgs.engines.protocol import Problem, SearchBudget
from dimgs.engines.refit import refit, with_simple_constants
from dimgs.engines.selection import candidate_bits, description_bits
from dimgs.expression.candidate import Candidate
from dimgs.fits.design.features import Design, Feature
from dimgs.law.assemble import feature_values, in_variables
from dimgs.law.canonical import scale_powers
from dimgs.law.evaluate import evaluate
from dimgs.law.names import Names

Powers = tuple[int, ...]
# arguments of the exponent are listed in all groups: 3⁷ products of them
_MOST_FEATURES = 7
# the largest power of a group in an argument, by the number of groups: up to some hundred arguments
_LONGEST = {1: 4, 2: 3, 3: 2, 4: 2}


@dataclass(frozen=True, eq=False)
class Argument:
    """A quantity without dimension that an exponent may depend on.

    Parameters
    ----------
    expression : sympy.Expr
        In the groups and unlogged columns.
    values : ndarray of shape (n_runs,)
    composition : dict of str to float
        Exponents of the variables, for the length of expressions.
    """

    expression: sympy.Expr
    values: Array
    composition: dict[str, float]

    @property
    def positive(self) -> bool:
        """Whether it has a logarithm in every run."""
        return bool(np.all(self.values > 0))


@dataclass(frozen=True, eq=False)
class Direction:
    """log pi_0 = h(z) + a(z) log x.

    Parameters
    ----------
    variable : str
        The input that x contains and z does not.
    x : Argument
    z : tuple of Argument
    sets : tuple of tuple of Argument
        What a and h may be functions of, differences of like inputs first.
    """

    variable: str
    x: Argument
    z: tuple[Argument, ...]
    sets: tuple[tuple[Argument, ...], ...]


def directions(design: Design) -> Iterator[Direction]:
    """One direction per input with data, independent of the basis of the groups."""
    grouped = [(j, f) for j, f in enumerate(design.features) if f.logged]
    signed = any(f.group is not None and not f.logged for f in design.features)
    if signed or not 1 <= len(grouped) <= _MOST_FEATURES:
        return
    ratios = _Groups(design, grouped)
    plain = [_unlogged(design, f) for f in design.features if f.group is None]
    for variable in ratios.data_names:
        of_it = [m for m in ratios.monomials if ratios.exponent(m, variable) == 1]
        free = ratios.independent(
            [m for m in ratios.monomials if ratios.exponent(m, variable) == 0]
        )
        if not of_it or len(free) + len(plain) == 0:
            continue
        z = (*(ratios.argument(m) for m in free), *plain)
        differences = list(ratios.differences(variable))
        sets: list[tuple[Argument, ...]] = [(u,) for u, _, _ in differences]
        for u, p, q in differences:
            rest = ratios.independent(
                [
                    m
                    for m in ratios.monomials
                    if not any(ratios.exponent(m, v) for v in (variable, p, q))
                ]
            )
            if rest or plain:
                sets.append((u, *(ratios.argument(m) for m in rest), *plain))
        yield Direction(variable, ratios.argument(of_it[0]), z, (*sets, z))


class _Groups:
    """Short monomials of the groups that vary, ordered by their length in the variables."""

    def __init__(self, design: Design, grouped: list[tuple[int, Feature]]) -> None:
        self.design = design
        names = sorted({n for _, f in grouped if f.group for n, _ in f.group.exponents})
        role = {v.name: v.role for v in design.basis.variables}
        self.names = names
        self.data_names = [n for n in names if role.get(n) == "data"]
        self.scale_names = [n for n in names if role.get(n) == "scale"]
        self.columns = [j for j, _ in grouped]
        self.symbols = [sympy.Symbol(f.name) for _, f in grouped]
        self.shape = np.array(
            [[float(dict(f.group.exponents).get(n, 0)) for n in names] for _, f in grouped
             if f.group is not None]
        )  # fmt: skip
        longest = _LONGEST.get(len(grouped), 1)
        every = [
            m
            for m in product(range(-longest, longest + 1), repeat=len(grouped))
            if any(m) and self._held(m)
        ]
        physical = np.abs(np.array(every).reshape(-1, len(grouped)) @ self.shape)
        order = sorted(
            range(len(every)),
            key=lambda i: (physical[i].sum(), [-float(e) for e in np.array(every[i]) @ self.shape]),
        )
        self.monomials: list[Powers] = [every[i] for i in order]

    def exponent(self, monomial: Powers, variable: str) -> float:
        """Exponent of a variable in a monomial."""
        return float(np.array(monomial) @ self.shape[:, self.names.index(variable)])

    def independent(self, monomials: list[Powers]) -> list[Powers]:
        """The shortest of them that are independent."""
        out: list[Powers] = []
        for m in monomials:
            if np.linalg.matrix_rank(np.array([*out, m])) > len(out):
                out.append(m)
        return out

    def argument(self, monomial: Powers) -> Argument:
        """A monomial of the groups."""
        expression = sympy.Mul(*(s**k for s, k in zip(self.symbols, monomial, strict=True)))
        values = np.exp(self.design.X[:, self.columns] @ np.array(monomial, dtype=np.float64))
        powers = np.array(monomial) @ self.shape
        composition = {n: float(e) for n, e in zip(self.names, powers, strict=True) if e}
        return Argument(expression, values, composition)

    def differences(self, excluded: str) -> Iterator[tuple[Argument, str, str]]:
        """(p - q)/s of inputs p and q of one dimension, over a scale or a third such input."""
        like = {n: self.design.basis.variable(n).dimension for n in self.names}
        data = [n for n in self.data_names if n != excluded]
        for i, p in enumerate(data):
            for q in data[i + 1 :]:
                if like[p] != like[q]:
                    continue
                under = [n for n in self.scale_names if like[n] == like[p]]
                for s in under[:1]:
                    first, second = self._ratio(p, s), self._ratio(q, s)
                    if first is None or second is None:
                        continue
                    a, b = self.argument(first), self.argument(second)
                    sign = 1 if float(np.median(a.values - b.values)) >= 0 else -1
                    yield (
                        Argument(
                            sign * (a.expression - b.expression),
                            sign * (a.values - b.values),
                            a.composition,
                        ),
                        p,
                        q,
                    )

    def _ratio(self, variable: str, scale: str) -> Powers | None:
        wanted = np.zeros(len(self.names))
        wanted[self.names.index(variable)] += 1.0
        wanted[self.names.index(scale)] -= 1.0
        solution = np.linalg.lstsq(self.shape.T, wanted, rcond=None)[0]
        rounded = np.asarray(np.round(solution), dtype=np.intp).ravel()
        monomial = tuple(int(x) for x in rounded)
        near = np.allclose(rounded @ self.shape, wanted, atol=1e-9)
        return monomial if near and self._held(monomial) else None

    def _held(self, monomial: Powers) -> bool:
        """Whether double precision holds the monomial in every run."""
        logs = self.design.X[:, self.columns] @ np.array(monomial, dtype=np.float64)
        return float(np.abs(logs).max()) < LARGEST_LOG


def _unlogged(design: Design, feature: Feature) -> Argument:
    assert feature.variable is not None
    symbol = sympy.Symbol(Names.of(design).identifier[feature.variable])
    values = np.asarray(design.data[feature.variable], dtype=np.float64)
    return Argument(symbol, values, {feature.variable: 1.0})


# repeated settings: a slope in each, with an error, at enough places for a curve, of most runs
_FEWEST_CELLS, _FEWEST_IN_CELL, _COVERED = 4, 3, 0.8
# an exponent is tested in every direction of every table: one in a thousand may vary by chance
_ALPHA = 1e-3
# variation of an exponent that is rounding of a noiseless table
_ROUNDING = 1e-6
# of the polynomials: more need more runs than tables have
_HIGHEST_DEGREE = 3


@dataclass(frozen=True, eq=False)
class Fields:
    """Learned exponent and intercept.

    Parameters
    ----------
    rows : ndarray of int of shape (n_points,)
        A run that stands for each point.
    exponent : ndarray of shape (n_points,)
    weights : ndarray of shape (n_points,)
        Inverse variance of the exponent in units of `sd` squared.
    sd : float
        Standard deviation of a run about the fields.
    dof : float
    varies : bool
        Whether the exponent varies beyond chance.
    point : ndarray of int of shape (n_runs,)
        Point to which each run belongs, -1 where there is none.
    """

    rows: IntArray
    exponent: Array
    weights: Array
    sd: float
    dof: float
    varies: bool
    point: IntArray

    def explained_by(self, rmse: float, n_runs: int) -> bool:
        """Whether the fields would not explain more than a law with this residual."""
        extra = n_runs - self.dof
        surplus = n_runs * rmse**2 - self.dof * self.sd**2
        if surplus <= 0 or extra <= 0:
            return True
        variance = max(self.sd**2, 1e-26)
        return float(fdtrc(extra, self.dof, surplus / extra / variance)) > _ALPHA


def learn(design: Design, direction: Direction) -> Fields | None:
    """Fields in cells of equal z, or as smooth functions of z; None where the runs do not allow.

    Parameters
    ----------
    design : Design
        On the log scale.
    direction : Direction

    References
    ----------
    T. Hastie, R. Tibshirani, J. R. Stat. Soc. B 55 (1993) 757-796, on varying coefficients.
    """
    x = np.log(direction.x.values)
    z = np.column_stack(
        [np.log(a.values) if a.positive and len(a.expression.free_symbols) else a.values
         for a in direction.z]
    )  # fmt: skip
    weights = np.ones(design.n_runs) if design.weights is None else design.weights
    return _in_cells(design.y, x, z, weights) or _smooth(design.y, x, z, weights)


def _in_cells(y: Array, x: Array, z: Array, w: Array) -> Fields | None:
    size = np.maximum(np.abs(z).max(axis=0), 1e-300)
    _, first, cell = np.unique(
        np.round(z / size, 9), axis=0, return_index=True, return_inverse=True
    )
    cell = cell.ravel()
    k = len(first)
    total = np.bincount(cell, w, k)
    xc = x - (np.bincount(cell, w * x, k) / total)[cell]
    yc = y - (np.bincount(cell, w * y, k) / total)[cell]
    spread = np.bincount(cell, w * xc**2, k)
    counts = np.bincount(cell, minlength=k)
    good = (counts >= _FEWEST_IN_CELL) & (spread > 1e-12 * w.mean())
    used = good[cell]
    if good.sum() < _FEWEST_CELLS or used.mean() < _COVERED:
        return None
    slope = np.bincount(cell, w * xc * yc, k) / np.where(spread > 0, spread, 1.0)
    residuals = (yc - slope[cell] * xc)[used]
    dof = float(used.sum() - 2 * good.sum())
    residual = float(w[used] @ residuals**2)
    common = float((w * xc * yc)[used].sum() / (w * xc**2)[used].sum())
    between = float(spread[good] @ (slope[good] - common) ** 2)
    sd = float(np.sqrt(residual / dof))
    varies = _significant(between, good.sum() - 1.0, residual, dof)
    varies &= float(np.std(slope[good])) > _ROUNDING * max(1.0, abs(common))
    point = np.where(good, np.cumsum(good) - 1, -1)[cell]
    return Fields(first[good], slope[good], spread[good], sd, dof, varies, point)


def _smooth(y: Array, x: Array, z: Array, w: Array) -> Fields | None:
    n = len(y)
    away = (z - z.mean(axis=0)) / np.maximum(z.std(axis=0), 1e-300)
    root = np.sqrt(w)[:, None]
    best: tuple[float, Fields] | None = None
    for degree in range(1, _HIGHEST_DEGREE + 1):
        basis = _polynomials(away, degree)
        k = basis.shape[1]
        if 2 * k > n / 3:
            break
        columns = np.column_stack([basis, basis * x[:, None]])
        q, r = np.linalg.qr(columns * root)
        if np.linalg.cond(r) > 1e10:
            break
        target = y * root[:, 0]
        residuals = target - q @ (q.T @ target)
        leverage = np.minimum((q**2).sum(axis=1), 1 - 1e-6)
        score = float(np.mean((residuals / (1 - leverage)) ** 2))
        beta = np.linalg.solve(r, q.T @ target)
        dof = float(n - 2 * k)
        residual = float(residuals @ residuals)
        plain = np.linalg.qr(np.column_stack([basis, x]) * root)[0]
        without = target - plain @ (plain.T @ target)
        inverse = np.linalg.inv(r)
        rows = np.column_stack([np.zeros_like(basis), basis])
        variance = ((rows @ inverse) ** 2).sum(axis=1)
        exponent = basis @ beta[k:]
        varies = _significant(float(without @ without) - residual, k - 1.0, residual, dof)
        varies &= float(np.std(exponent)) > _ROUNDING * max(1.0, float(np.abs(exponent).mean()))
        sd = float(np.sqrt(residual / dof))
        fields = Fields(np.arange(n), exponent, 1.0 / variance, sd, dof, varies, np.arange(n))
        if best is None or score < best[0]:
            best = score, fields
    return None if best is None else best[1]


def _polynomials(z: Array, degree: int) -> Array:
    columns = [np.ones(len(z))]
    for d in range(1, degree + 1):
        columns += [
            np.prod(z[:, list(c)], axis=1)
            for c in combinations_with_replacement(range(z.shape[1]), d)
        ]
    return np.column_stack(columns)


def _significant(gain: float, extra: float, residual: float, dof: float) -> bool:
    if extra < 1 or dof < 1:
        return False
    variance = max(residual / dof, 1e-26)
    return float(fdtrc(extra, dof, max(gain, 0.0) / extra / variance)) < _ALPHA


# places of a search for an exponent: a smooth curve needs no more, and time grows with them
_MOST_POINTS = 150
# forms of a search that are refitted as laws, the best first
_FRONT = 4
# powers whose sum with a constant is tried without a search
_POWERS = tuple(sympy.Rational(p) for p in (-2, -1, "-1/2", "1/2", 2))


@dataclass(frozen=True)
class Search:
    """Budget and seed of a search for the closed form of a field, and its clock."""

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
    forms: list[tuple[float, int, ExponentForm]] = []
    seen: set[sympy.Expr] = set()
    root = np.sqrt(fields.weights / fields.weights.mean())
    for argument in (a for group in sets for a in group):
        if argument.expression in seen:
            continue
        seen.add(argument.expression)
        for form, residuals in _fits(argument, fields, root):
            mse = float(np.mean((root * residuals) ** 2)) / max(
                float(np.var(fields.exponent)), 1e-300
            )
            bits = description_bits(form.expression, len(form.constants), mse, len(residuals))
            forms.append((bits, len(forms), form))
    return [form for _, _, form in sorted(forms, key=lambda f: f[:2])[:count]]


def _fits(argument: Argument, fields: Fields, root: Array) -> Iterator[tuple[ExponentForm, Array]]:
    u, a = argument.values[fields.rows], fields.exponent
    U = argument.expression
    c, d, e = sympy.symbols("c_1 c_2 c_3")
    if np.ptp(u) <= 1e-9 * np.abs(u).max():
        return
    line, residuals = _linear(u, a, root)
    yield ExponentForm(c + d * U, {"c_1": line[0], "c_2": line[1]}), residuals
    if argument.positive:
        curve, residuals = _linear(np.log(u), a, root)
        if curve[1] != 0 and abs(curve[0] / curve[1]) < 300:
            zero = float(np.exp(-curve[0] / curve[1]))
            yield ExponentForm(d * sympy.log(U / c), {"c_1": zero, "c_2": curve[1]}), residuals
    for power in _POWERS:
        if argument.positive or (power.is_integer and (power > 0 or bool(np.all(u != 0)))):
            curve, residuals = _linear(u ** float(power), a, root)
            yield ExponentForm(c + d * U**power, {"c_1": curve[0], "c_2": curve[1]}), residuals
    if len(u) >= 5:
        pole = _pole(u, a, root)
        curve, residuals = _linear(1 / (u + pole), a, root)
        yield (
            ExponentForm(c + d / (e + U), {"c_1": curve[0], "c_2": curve[1], "c_3": pole}),
            residuals,
        )


def _linear(v: Array, a: Array, root: Array) -> tuple[Array, Array]:
    columns = np.column_stack([np.ones_like(v), v])
    scale = np.maximum(np.abs(columns).max(axis=0), 1e-300)
    weighted = columns / scale * root[:, None]
    coefficients = np.linalg.lstsq(weighted, a * root, rcond=None)[0] / scale
    return coefficients, a - columns @ coefficients


def _pole(u: Array, a: Array, root: Array) -> float:
    """Pole of a hyperbola in u: variable projection, from a grid on both sides."""
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

    solution = least_squares(inner, [np.log(abs(start - edge))], xtol=1e-14, ftol=1e-14, gtol=1e-14)
    return float(edge + side * np.exp(solution.x[0]))


def search_forms(
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
    return ExponentForm(form.expression.xreplace(dict(back)), form.constants)


# forms that are searched on for, and outlines that are refitted, the best first
_MOST_FORMS = 3
_MOST_OUTLINES = 6
# logarithm of a prefactor or a pivot near the end of doubles
_LARGEST_LOG = 300.0


def rebuilt(design: Design, form: ExponentForm) -> Candidate | None:
    """The law of pi_0 with refitted constants; None where it cannot be fitted."""
    problem, unlogged = problem_of(design)
    named = {sympy.Symbol(v): sympy.Symbol(k) for k, v in unlogged.items()}
    try:
        law = Candidate.of(
            form.expression.xreplace(named), form.constants, scale="log", engine="distillation"
        )
    except DimgsError:
        return None
    law = refit(law, problem)
    return law if np.isfinite(law.loss) else None


def laws_of(
    design: Design,
    direction: Direction,
    fields: Fields,
    exponents: Sequence[ExponentForm],
    search: Search,
) -> list[Candidate]:
    """pi_0 = exp(h) x^a for each form of a: h constant, by a pivot x_0, by powers, or searched.

    A pivot is the point (x_0, pi_0) in which all lines log pi_0 against log x meet.
    """
    out: list[Candidate] = []
    outlines = [o for form in exponents for o in _simple(design, direction, form)]
    for outline in sorted(outlines, key=lambda o: o[0])[:_MOST_OUTLINES]:
        law = rebuilt(design, outline[1])
        out += [law] if law is not None else []
    adequate = any(_explains(law, fields, design) for law in out)
    if adequate or not exponents:
        return out
    limited = search.part(1 / min(len(exponents), _MOST_FORMS))
    for form in exponents[:_MOST_FORMS]:
        a = form.renamed("a_")
        values = evaluate(a.expression, {**feature_values(design), **a.constants}, design.n_runs)
        h = design.y - values * np.log(direction.x.values)
        if not np.all(np.isfinite(h)) or float(np.ptp(h)) > 600:
            continue
        centre = float(h.mean())
        for rest in search_forms(
            np.exp(h - centre),
            design.weights,
            direction.z,
            np.arange(design.n_runs),
            limited,
            log=True,
        )[:2]:
            b = rest.renamed("b_")
            c = sympy.Symbol("c_0")
            expression = c * b.expression * direction.x.expression**a.expression
            whole = ExponentForm(
                expression, {"c_0": float(np.exp(centre)), **a.constants, **b.constants}
            )
            law = rebuilt(design, whole)
            out += [law] if law is not None else []
    return out


def _simple(
    design: Design, direction: Direction, form: ExponentForm
) -> Iterator[tuple[float, ExponentForm]]:
    """Whole laws with a simple h, and their bits while the constants of a stay as they are."""
    a = form.renamed("a_")
    values = evaluate(a.expression, {**feature_values(design), **a.constants}, design.n_runs)
    if not np.all(np.isfinite(values)):
        return
    h = design.y - values * np.log(direction.x.values)
    root = np.ones(design.n_runs) if design.weights is None else np.sqrt(design.weights)
    positive = [z for z in direction.z if z.positive]
    names = [f"p_{k}" for k in range(1, len(positive) + 1)]
    powers = sympy.Mul(
        *(z.expression ** sympy.Symbol(p) for z, p in zip(positive, names, strict=True))
    )
    c, pivot = sympy.symbols("c_0 x_0")
    x = direction.x.expression
    for with_pivot in (False, True):
        for used in ([], names) if names else ([],):
            columns = np.column_stack(
                [
                    np.ones(design.n_runs),
                    *([-values] if with_pivot else []),
                    *(np.log(z.values) for z in positive if used),
                ]
            )
            coefficients = np.linalg.lstsq(columns * root[:, None], h * root, rcond=None)[0]
            if np.abs(coefficients[: 1 + with_pivot]).max() > _LARGEST_LOG:
                continue
            base = x / pivot if with_pivot else x
            expression = c * base**a.expression * (powers if used else 1)
            constants = {"c_0": float(np.exp(coefficients[0])), **a.constants}
            if with_pivot:
                constants["x_0"] = float(np.exp(coefficients[1]))
            constants |= {
                p: float(v) for p, v in zip(used, coefficients[1 + with_pivot :], strict=True)
            }
            residuals = root * (h - columns @ coefficients)
            mse = float(np.mean(residuals**2))
            bits = description_bits(expression, len(constants), mse, design.n_runs)
            yield bits, ExponentForm(expression, constants)


def _explains(law: Candidate, fields: Fields, design: Design) -> bool:
    """Whether the fields explain no more than the law."""
    return fields.explained_by(law.loss**0.5, design.n_runs)


def _with_units(design: Design, law: Candidate) -> set[str]:
    """Constants that carry an unknown scale: numbers in an arbitrary unit."""
    names = Names.of(design).identifier
    whole = in_variables(design, law.expression)
    out: set[str] = set()
    for variable in design.basis.variables:
        if variable.role == "scale" and variable.name in names:
            powers = scale_powers(whole, names[variable.name], sorted(law.constants))
            out |= set(powers or ())
    return out


def _positive(law: Candidate) -> Candidate:
    """The same law with the signs of its constants in the expression, not in their values."""
    signs = {sympy.Symbol(k): -sympy.Symbol(k) for k, v in law.constants.items() if v < 0}
    constants = {k: abs(v) for k, v in law.constants.items()}
    return replace(law, expression=law.expression.xreplace(signs), constants=constants)


# forms of the exponent that are refitted as laws: the fits of later ones are worse
_ELEMENTARY = 6
# inputs whose exponents are followed, the best learned first: all describe the same law
_DIRECTIONS = 2
# three runs for each constant of a quadratic exponent and a prefactor
_FEWEST = 12
# seconds for what follows the search, where no clock is given
_LONGEST_AFTER = 10.0


@dataclass(frozen=True)
class Distilled:
    """Power laws with an exponent that is a closed form of the other groups.

    Parameters
    ----------
    candidates : tuple of Candidate
        The one of the fewest bits first.
    unlogged : mapping of str to str
        What the candidates call an input without a logarithm, and its identifier.
    variable : str
        The input whose exponent varies.
    explains : bool
        Whether the first candidate has residuals that no smooth field explains further.
    """

    candidates: tuple[Candidate, ...]
    unlogged: Mapping[str, str]
    variable: str
    explains: bool


def distil(
    design: Design,
    options: Options,
    power: float | None,
    seconds: float,
    so_far: float | None = None,
    clock: Clock | None = None,
) -> Distilled | None:
    """Law with an exponent that depends on the other groups, if the runs support it.

    For each input, log pi_0 = h(z) + a(z) log x is learned without a formula: x contains the
    input, z does not. Where a varies beyond chance and the power law leaves more than the learned
    fields do, a and then h are turned into closed forms; every constant of the whole is fitted
    again on the runs. Engines help only where elementary forms and the first candidate so far
    leave something.

    Parameters
    ----------
    design : Design
    options : Options
    power : float, optional
        Residual of the power law, on ln(pi_0).
    seconds : float
        What the searches may take.
    so_far : float, optional
        Residual of the first candidate so far.
    clock : Clock, optional
        When it is over, what was found is returned as it is; it notes which search was cut.

    Returns
    -------
    Distilled or None
        None where no exponent varies, the power law explains the runs, or nothing was found.
    """
    if design.scale != "log" or design.within is not None or design.n_runs < _FEWEST:
        return None
    if any(f.contrast == "inverse" or (f.group and not f.logged) for f in design.features):
        return None
    clock = clock or Clock.of(max(seconds, 0.0) + _LONGEST_AFTER)
    end = Clock.of(min(seconds, clock.left))
    learned: list[tuple[Direction, Fields]] = []
    for direction in directions(design):
        if clock.over:
            return None
        fields = learn(design, direction)
        if fields is None or not fields.varies:
            continue
        if power is None or not fields.explained_by(power, design.n_runs):
            learned.append((direction, fields))
    learned.sort(key=lambda pair: (pair[1].sd, pair[0].variable))
    laws: list[tuple[Candidate, Direction, Fields]] = []
    for k, (direction, fields) in enumerate(learned[:_DIRECTIONS]):
        share = end.left / (min(len(learned), _DIRECTIONS) - k)
        if so_far is not None and fields.explained_by(so_far, design.n_runs):
            share = 0.0
        limited = Search(share, options.seed, options.side_budget, clock)
        along = _laws(design, direction, fields, limited)
        laws += [(law, direction, fields) for law in along]
        if clock.over or any(_explains(law, fields, design) for law in along):
            break
    if not laws:
        return None
    problem, unlogged = problem_of(design)
    laws.sort(key=lambda item: candidate_bits(item[0], problem))
    simple = [
        (law if clock.over else with_simple_constants(law, problem, _with_units(design, law)), d, f)
        for law, d, f in laws[:_FRONT]
    ]
    simple.sort(key=lambda item: candidate_bits(item[0], problem))
    best, direction, fields = simple[0]
    by_name = {str(law): law for law in reversed([_positive(law) for law, *_ in simple])}
    candidates = tuple(reversed(by_name.values()))
    return Distilled(candidates, unlogged, direction.variable, _explains(best, fields, design))


def _laws(design: Design, direction: Direction, fields: Fields, search: Search) -> list[Candidate]:
    """Elementary forms of the exponent first; the engine's where these leave something."""
    forms = elementary(fields, direction.sets, _ELEMENTARY)
    laws = laws_of(design, direction, fields, forms, search.part(0.0))
    if search.seconds <= 0 or any(_explains(law, fields, design) for law in laws):
        return laws
    end = Clock.of(search.seconds)
    for k, arguments in enumerate(direction.sets):
        limited = replace(search, seconds=end.left / (len(direction.sets) - k))
        more = search_forms(
            fields.exponent, fields.weights, arguments, fields.rows, limited.part(0.6), log=False
        )
        laws += laws_of(design, direction, fields, more, limited.part(0.4))
        if any(_explains(law, fields, design) for law in laws):
            break
    return laws
