"""Conserved quantities of trajectories: functions of the columns that stay equal along each run.

A conserved quantity is a sum of terms I = sum_k c_k tau_k that is constant along every run. With
the covariance S of the terms, centred within runs, and the covariance N that the noise of the
columns causes in them, the coefficients solve S c = lambda N c with lambda = 1 (total least
squares). No derivative is computed. The terms are functions of the columns that vary along the
runs, times monomials of what is given.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache, cached_property
from itertools import chain, combinations, combinations_with_replacement, islice, product
from math import comb, prod
from typing import Any

import numpy as np
import sympy
from scipy import special, stats
from scipy.fft import dct

from dimgs.common.arrays import Array, IntArray
from dimgs.common.errors import InputError
from dimgs.common.formats import attributes, in_percent
from dimgs.dataset import Dataset
from dimgs.dataset.checks import check_along, require_finite, run_codes
from dimgs.dataset.raw import ReadOptions
from dimgs.dataset.read import dataset_of
from dimgs.expression import check_dimension, safe_identifiers, sympy_text
from dimgs.groups.derive import constant_variables
from dimgs.groups.dimensions import primitive
from dimgs.groups.rationals import simplest_between
from dimgs.law.checked_law import Constant, Origin
from dimgs.law.latex import expression_latex
from dimgs.law.prediction import evaluate
from dimgs.law.serialise import constant_document, symbol_document
from dimgs.report.plain_text import amount, interval
from dimgs.variables import Dimension, Variable

# differences that the smoother penalises: a column takes the order that predicts it best
_ORDERS = (3, 5, 7)
# fewest degrees of freedom of a smoother's error; where it follows every point, its error at points
# left out is that of the interpolation as well, and the noise may be as large
_FEWEST_FREE, _LEAST_REST = 3, 0.5
# median of the size of a standard normal number: ends and sharp turns do not count as noise
_NORMAL = 0.6745
# a column moves along its runs where its variation has this many times the variance of the noise
_MOVES = 1.5
# a longer run is smoothed in pieces, since the smoother takes the cube of the length
_PIECE = 200
# relative to the variation of a column: closer than the digits that tables hold, or than the
# tolerance that simulators integrate with
ROUNDING = 3e-6
# of a constant column: the spread that a double's rounding leaves
_EQUAL = 1e-12
# a parameter that was read off in every row is constant where runs explain all but chance
_FEWEST_ROWS, _FEWEST_RUNS = 8, 3
# a relative error is not smaller than that of a value of this part of the root mean square
_LEAST_VALUE = 0.02


@dataclass(frozen=True)
class Trajectories:
    """Runs that are followed along one column.

    Attributes
    ----------
    data : Dataset
        Rows sorted by run and, within it, along the column.
    along : str
        Column that runs along each trajectory.
    run : ndarray of int of shape (n_rows,)
        Number of the run of each row, from 0.
    states : dict of str to Variable
        Identifier -> column that varies along the runs.
    given : dict of str to Variable
        Identifier -> column that is constant on every run, or physical constant.
    values : dict of str to ndarray of shape (n_rows,)
        By identifier, in coherent SI units; what is given has its mean over the run.
    noise : dict of str to ndarray of shape (n_rows,)
        Standard error of each state at each row.
    """

    data: Dataset
    along: str
    run: IntArray
    states: dict[str, Variable]
    given: dict[str, Variable]
    values: dict[str, Array]
    noise: dict[str, Array]

    @cached_property
    def n_runs(self) -> int:
        """Number of trajectories."""
        return int(self.run.max()) + 1

    @cached_property
    def _starts(self) -> IntArray:
        """First row of each run; the rows are sorted by run."""
        return np.searchsorted(self.run, np.arange(self.n_runs)).astype(np.intp)

    @cached_property
    def noise_shares(self) -> dict[str, float]:
        """Median standard error of each state, over its variation along the runs."""
        return {
            s: float(np.median(error) / self.centred(self.values[s]).std())
            for s, error in self.noise.items()
        }

    @cached_property
    def symbols(self) -> dict[str, Variable]:
        """States and what is given, by identifier."""
        return {**self.states, **self.given}

    def centred(self, x: Array, weights: Array | None = None) -> Array:
        """Values less their mean over the run; `x` has one row for each row of the table."""
        return np.asarray(x - self.means(x, weights)[self.run])

    def means(self, x: Array, weights: Array | None = None) -> Array:
        """Mean of each run, of shape (n_runs, ...)."""
        weights = np.ones(len(self.run)) if weights is None else weights
        total = np.add.reduceat((x.T * weights).T, self._starts)
        return np.asarray((total.T / np.bincount(self.run, weights)).T)


def trajectories(
    data: Dataset, along: str, curve: str, constants: Sequence[str] = ()
) -> Trajectories:
    """Sort a table into trajectories, and estimate the noise of its columns.

    The noise of a column is its standard error where the table gives one. Otherwise it is the error
    at points left out of a smoother, whose smoothness is chosen by that error; it is constant or in
    proportion to the value, whichever the errors of large and of small values are nearer to.

    Parameters
    ----------
    data : Dataset
    along : str
        Column that increases along each run, such as time.
    curve : str
        Column that names the run.
    constants : sequence of str
        Physical constants that count as given.

    Raises
    ------
    InputError
        If a cell is empty, fewer than three runs are long enough, or a column is not a number.

    References
    ----------
    E. T. Whittaker, Proc. Edinburgh Math. Soc. 41 (1923) 63: the smoother.
    G. Wahba, S. Wold, Comm. Statist. 4 (1975) 1: smoothness by points left out.
    """
    names = [n for n in data.numeric_names if n not in (along, curve)]
    require_finite(data, (along, curve, *names), names)
    run = run_codes(data, curve, ())
    check_along(data, along, run)
    counts = np.bincount(run)
    if len(counts) < _FEWEST_RUNS or np.median(counts) < _FEWEST_ROWS:
        raise InputError(
            f"Conserved quantities need at least {_FEWEST_RUNS} runs of {_FEWEST_ROWS} rows, so "
            f"that what a run keeps differs between runs; '{curve}' of {data.source} names "
            f"{len(counts)}, of {np.median(counts):.0f} rows in the median."
        )
    order = np.lexsort((data[along], run))
    data, run = data.take(order), run[order]
    states, held = dict[str, Variable](), dict[str, Variable]()
    values, noise = dict[str, Array](), dict[str, Array]()
    for name, symbol in safe_identifiers(names).items():
        x = np.asarray(data[name])
        mean = (np.bincount(run, x) / counts)[run]
        error, is_state = data.errors.get(name), not np.allclose(x, mean, _EQUAL, 0.0)
        if is_state and error is None:
            error, is_state = _noise(x, data[along], run)
        (states if is_state else held)[symbol] = data.variable(name)
        values[symbol] = x if is_state else mean
        if is_state:
            noise[symbol] = np.asarray(error)
    for variable in constant_variables(constants, data.names):
        held[variable.name] = variable
        values[variable.name] = np.full(len(run), variable.value)
    return Trajectories(data, along, run, states, held, values, noise)


def _noise(x: Array, t: Array, run: IntArray) -> tuple[Array, bool]:
    """Standard error of each value, and whether the column moves along its runs beyond it."""
    rows = [np.flatnonzero(run == r) for r in range(run.max() + 1)]
    pieces = [p for run_rows in rows for p in np.array_split(run_rows, -(-len(run_rows) // _PIECE))]
    tried = (np.concatenate([_left_out(x[p], t[p], n) for p in pieces]) for n in _ORDERS)
    best = min(tried, key=lambda residuals: float(np.median(np.abs(residuals))))
    residuals = np.abs(best[np.argsort(np.concatenate(pieces))])
    within = x - (np.bincount(run, x) / np.bincount(run))[run]
    least = ROUNDING * float(np.sqrt(np.mean(within**2)))
    shape = np.ones_like(x)
    size = np.maximum(np.abs(x), _LEAST_VALUE * np.sqrt(np.mean(x**2)))
    spread = np.sqrt(np.bincount(run, within**2) / np.bincount(run))[run]
    for other in (np.maximum(spread, least), size):
        large = (ratio := other / shape) > np.median(ratio)
        if not large.any():
            continue
        with np.errstate(all="ignore"):
            grown, expected = (
                np.median(a[large]) / np.median(a[~large]) for a in (residuals / shape, ratio)
            )
        # errors in proportion to the other shape grow with it, those of this one do not
        if np.isfinite(grown) and grown > np.sqrt(expected):
            shape = other
    error = np.maximum(shape * float(np.median(residuals / shape)) / _NORMAL, least)
    # scatter about the mean of the run alone has the mean square 1 - 1/n
    return error, bool(np.mean((within / error) ** 2) > _MOVES)


def _left_out(x: Array, t: Array, order: int) -> Array:
    """Errors of the smoothed values of one run where each is left out, less those of the smoother.

    The error of a point that is left out has the variance of the noise over one less the leverage.
    """
    n = len(x)
    if n <= order + _FEWEST_FREE:
        return np.asarray(x - x.mean())
    span = t[-1] - t[0]
    place = np.arange(n) if span <= 0 else (t - t[0]) / span * (n - 1)
    difference = np.eye(n)
    for step in range(1, order + 1):
        # points at one place would divide by zero
        gaps = np.maximum(place[step:] - place[:-step], 1e-3 * step) / step
        difference = np.diff(difference, axis=0) / gaps[:, None]
    roughness, modes = np.linalg.eigh(difference.T @ difference)
    roughness[:order] = 0.0
    z, squares = modes.T @ x, modes**2
    tried = []
    # as many degrees of freedom as there are modes less rough than each
    for penalty in (1e6 / roughness[order], *(1.0 / roughness[order:]), 1e-3 / roughness[-1]):
        kept = penalty * roughness / (1.0 + penalty * roughness)
        rest = np.maximum(squares @ kept, 1e-9)
        residual = (modes @ (kept * z)) / rest
        error = residual * np.sqrt(np.maximum(rest, _LEAST_REST))
        tried.append((float(np.median(np.abs(residual))), error))
    return np.asarray(min(tried, key=lambda pair: pair[0])[1], dtype=np.float64)


# degrees of the monomials: energies are quadratic, the axis vector and integrals of chains cubic
_DEGREE, _DEGREE_OF_MANY, _MANY = 3, 2, 10
# states of which each may be the argument of a sine or an exponential without being an angle, and
# columns that are given of which a square may be times another: m*c**2, R*w**2
_FEW = 4
ANGULAR = frozenset({"rad", "deg", "°", "degree", "degrees", "radian", "radians", "mrad"})
_NONE = Dimension()


@dataclass(frozen=True)
class Term:
    """A function of the states times a monomial of what is given.

    Attributes
    ----------
    expression : sympy.Expr
    dimension : Dimension
    cost : int
        Degree; a function of a state counts as two.
    family : str
        Kind of function in it; empty for monomials. Functions of two kinds are not added.
    """

    expression: sympy.Expr
    dimension: Dimension
    cost: int
    family: str = ""

    def __mul__(self, other: "Term") -> "Term":
        return Term(
            self.expression * other.expression,
            self.dimension * other.dimension,
            self.cost + other.cost,
            self.family or other.family,
        )


def state_terms(runs: Trajectories) -> list[Term]:
    """Functions of the states, the simplest first.

    Monomials; sine and cosine of angles; logarithms, reciprocals and exponentials; distances from
    the origin and between bodies, their reciprocals and logarithms; and products of a function with
    a monomial.
    """
    states = {s: v.dimension for s, v in runs.states.items()}
    degree = _DEGREE if len(states) <= _MANY else _DEGREE_OF_MANY
    plain = {s: Term(sympy.Symbol(s), d, 1) for s, d in states.items()}
    monomials = [
        prod(factors[1:], start=factors[0])
        for k in range(1, degree + 1)
        for factors in combinations_with_replacement(list(plain.values()), k)
    ]
    terms = [*monomials]
    # of quartic potentials, and of kinetic energies in coordinates that are curved: r**2*w**2;
    # those of the axes of a vector are parts of its fourth power
    squares = [x * x for x in plain.values()]
    for a, b in combinations_with_replacement(squares, 2):
        terms += [a * b] if a is b or a.dimension != b.dimension else []
    for function in _functions(runs, plain):
        terms.append(function)
        symbols = function.expression.free_symbols
        is_angular = function.expression.has(sympy.sin, sympy.cos)
        for monomial in monomials:
            is_apart = is_angular and not monomial.expression.free_symbols & symbols
            if monomial.cost == 1 or (is_apart and monomial.cost == 2):
                terms.append(function * monomial)
    unique = {term.expression: term for term in reversed(terms)}
    ordered = sorted(unique.values(), key=lambda t: (t.cost, sympy.default_sort_key(t.expression)))
    return [term for term in ordered if term.expression.free_symbols]


def _functions(runs: Trajectories, plain: dict[str, Term]) -> Iterator[Term]:
    is_few = len(plain) <= _FEW
    one, *coefficients = multipliers(runs.given)
    scales = [one, *(g for g in coefficients if not g.dimension.is_dimensionless)]
    # exp(-a*x) as well as exp(-x/L)
    scales += [Term(1 / g.expression, g.dimension**-1, g.cost) for g in scales[1:]]
    for s, x in plain.items():
        values = runs.values[s]
        if np.all(values > 0):
            yield Term(sympy.log(x.expression), _NONE, 2, "log")
            yield Term(1 / x.expression, x.dimension**-1, 2, "reciprocal")
            yield Term(x.expression**-2, x.dimension**-2, 3, "reciprocal")
        scaled = [x.expression / g.expression for g in scales if g.dimension == x.dimension]
        for argument in scaled:
            # energies of relativity, by the momentum and by the speed
            yield Term(sympy.sqrt(1 + argument**2), _NONE, 2, "root")
            yield Term(1 / sympy.sqrt(1 - argument**2), _NONE, 2, "root")
        is_angle = runs.states[s].unit.text in ANGULAR
        is_argument = is_angle or (is_few and np.any(values < 0))
        for argument in scaled if is_argument else ():
            for function in (sympy.cos, sympy.sin):
                yield Term(function(argument), _NONE, 2, "angle")
            yield Term(sympy.sin(argument) ** 2, _NONE, 3, "angle")
            if is_angle:
                continue
            for k in (1, -1, 2, -2):
                yield Term(sympy.exp(k * argument), _NONE, 1 + abs(k), "exp")
    alike = defaultdict(list)
    for s, v in runs.states.items():
        alike[v.dimension].append(s)
    for dimension, names in alike.items():
        for a, b in combinations(names, 2):
            if dimension.is_dimensionless and _stem(a) != _stem(b):
                continue
            gap = sympy.Symbol(a) - sympy.Symbol(b)
            for argument in (gap / g.expression for g in scales if g.dimension == dimension):
                yield Term(sympy.cos(argument), _NONE, 2, "angle")
                yield Term(sympy.exp(argument), _NONE, 2, "difference")
                yield Term(sympy.exp(-argument), _NONE, 2, "difference")
        for square in _squares(names):
            # along one axis the distance is the difference itself
            for power, cost in ((1, 2), (-1, 2), (-2, 3), (4, 3))[square.is_Pow :]:
                distance = square ** sympy.Rational(power, 2)
                yield Term(distance, dimension**power, cost, "distance")
            yield Term(sympy.log(square), _NONE, 3, "distance")


def _stem(name: str) -> str:
    """Name without the number of its body."""
    return name.rstrip("0123456789")


def _squares(names: Sequence[str]) -> Iterator[sympy.Expr]:
    """Squared distances from the origin, and between bodies that are numbered (x1, y1, x2, y2)."""
    bodies: dict[str, dict[str, sympy.Symbol]] = defaultdict(dict)
    for name in names:
        stem = _stem(name)
        bodies[name[len(stem) :]][stem.rstrip("_")] = sympy.Symbol(name)
    numbered = {body: axes for body, axes in bodies.items() if body}
    for a, b in combinations(numbered.values(), 2):
        if a.keys() == b.keys():
            yield sympy.Add(*((a[axis] - b[axis]) ** 2 for axis in a))
    vectors: dict[str, list[sympy.Symbol]] = defaultdict(list)
    for name in names:
        stem = name.rstrip("xyz") if name[-1] in "xyz" else name.rstrip("123")
        vectors[stem].append(sympy.Symbol(name))
    if len(names) in (2, 3):
        vectors["all"] = [sympy.Symbol(name) for name in names]
    for axes in vectors.values():
        if len(axes) in (2, 3):
            yield sympy.Add(*(x**2 for x in axes))


def multipliers(variables: dict[str, Variable]) -> list[Term]:
    """Monomials of what is given, the number one first."""
    plain = [Term(sympy.Symbol(s), v.dimension, 1) for s, v in variables.items()]
    terms = [Term(sympy.Integer(1), _NONE, 0), *plain]
    terms += [a * b for a, b in combinations_with_replacement(plain, 2)]
    triples = combinations_with_replacement if len(plain) <= _FEW else combinations
    return [*terms, *(a * b * c for a, b, c in triples(plain, 3))]


# terms of the parts of a sum that are all looked at; most of one by elimination; most parts that
# are looked at, of one dimension and with scales; most terms that may be added
_TERMS, _LARGEST, _MOST_SUBSETS, _MOST_TERMS = (1, 2, 3, 4, 5, 6), 8, (20_000, 3000), 200
# costs up to which terms are added, step by step: quadratic, cubic, and products of functions
_LEVELS = (2, 3, 4, 5)
# variance along the runs over the one that the noise explains; the noise is estimated, too
_VARIANCE_RATIO = 2.0
# a sum that varies by more than this part of its terms is not constant, whatever the noise
_LARGEST_VARIATION = 0.1
# up to this part the noise may explain it, which leaves open whether the sum is constant
_LARGEST_EXPLAINED = 0.5
# of a test for a trend along the runs, and the probability with which it sees the least drift
_CHANCE, _POWER = 1e-3, 0.9
# sines of the angle between a gradient and those of the quantities that are found already
_INDEPENDENT = 0.05
# numbers as simple as these stand in conserved quantities
_DENOMINATOR, _LARGEST_NUMBER = 4, 12
# of the interval within which a simple number is taken, unless it is wider than a part of it
_COVER, _WIDEST = 0.99, 0.1
_LEVEL = 0.9
# of the fits of a quantity: rounds of weights by the noise of the quantity itself
_REWEIGHTED = 3
# modes of slow variation along a run; below this variation there is nothing to test
_SLOW_MODES, _EXACT = 8, 1e-5
# part of the changes of its terms that a change of a state leaves of an identity
_IDENTITY = 0.02
# a quantity differs between runs where it does by so many times the error of a mean
_TIMES = 5.0
# factors that are given, of a sum without scales; costs and counts of sums with scales
_MOST_FACTORS, _SCALED_LEVELS, _MOST_SUMS, _MOST_UNIONS = 3, (2, 4), 40, 3000
# sums, the simplest, whose parts are searched, and those that are searched by elimination
_MOST_ALIVE, _MOST_ELIMINATED = 30, 8
# terms of the smallest coefficients that are left out one by one
_SINGLY = 12
# coefficients that distinguish combinations from one another
_SAME = 1e-3
# candidates of one size that are looked at in one sum
_TRIES = 6
_PRODUCTS = 3
# rows at which gradients are compared
_SAMPLE = 200
# terms beyond have no products with others and no squares in double precision
_REPRESENTABLE = 1e100


@dataclass(frozen=True)
class Invariant:
    """A quantity that is conserved along each run.

    Attributes
    ----------
    expression : sympy.Expr
        In the symbols and constants; every symbol stands for its value in the coherent SI unit.
    symbols : dict of str to Variable
    constants : tuple of Constant
        Scales and numbers that the runs determine.
    dimension : Dimension
    constant_to : float
        Root mean square of the variation along runs that were left out, over that of the terms.
    varies_by : float
        Standard deviation between runs, over the variation of the terms along the runs.
    noise : float
        What the noise of the columns explains of `constant_to`.
    """

    expression: sympy.Expr
    symbols: dict[str, Variable]
    constants: tuple[Constant, ...]
    dimension: Dimension
    constant_to: float
    varies_by: float
    noise: float

    def values(self, columns: dict[str, Array]) -> Array:
        """Values in the coherent SI unit; `columns` by symbol."""
        arguments = {**columns, **{c.name: c.value for c in self.constants}}
        return evaluate(self.expression, arguments, len(next(iter(columns.values()))))

    def to_json(self) -> dict[str, Any]:
        """Document with the keys of the contract, and the unit and the noise beside them."""
        return {
            "expression": sympy_text(self.expression),
            "symbols": symbol_document(self.symbols),
            "constants": [constant_document(c) for c in self.constants],
            "latex": expression_latex(self.expression),
            **attributes(self, "constant_to varies_by noise"),
        }

    def __str__(self) -> str:
        chosen = [c.name for c in self.constants if c.low is None and c.value == 1.0]
        lines = [
            f"    {c.name} = {amount(c.value, c.unit)}   {interval(c.low, c.high)}"
            for c in self.constants
            if c.name not in chosen
        ]
        return "\n".join([f"  {self.expression.subs(dict.fromkeys(chosen, 1))}", *lines])


@dataclass(frozen=True)
class Invariants:
    """Result of :func:`invariants`.

    Attributes
    ----------
    invariants : tuple of Invariant
        Functionally independent ones, the simplest first.
    runs : Trajectories
    undecided : tuple of Invariant
        Sums that the noise explains, where it is more than a tenth of the terms or of a column.
    """

    invariants: tuple[Invariant, ...]
    runs: Trajectories = field(repr=False)
    undecided: tuple[Invariant, ...] = ()

    @property
    def none(self) -> bool:
        """Whether no quantity was found among the terms that were tried."""
        return not self.invariants

    def __iter__(self) -> Iterator[Invariant]:
        return iter(self.invariants)

    def __len__(self) -> int:
        return len(self.invariants)

    def least_drift(self, quantity: Invariant) -> float:
        """Rise from start to end of each run that the trend test would probably have rejected.

        Over the variation of the terms. A straight line with this rise is rejected with a
        probability of nine tenths.
        """
        slow, rest = _trend_dof(self.runs)
        critical = float(special.fdtri(sum(slow), rest, 1.0 - _CHANCE))
        noncentrality = special.ncfdtrinc(sum(slow), rest, 1.0 - _POWER, critical)
        # the variance of a line is a twelfth of the square of its rise
        rows = len(self.runs.run)
        return quantity.constant_to * float(np.sqrt(12.0 * noncentrality / rows))

    def to_json(self) -> dict[str, Any]:
        """Document with the keys of the contract, the level, and what the noise leaves open."""
        return {
            "invariants": [i.to_json() for i in self.invariants],
            "none": self.none,
            "undecided": [
                {**i.to_json(), "least_drift": self.least_drift(i)} for i in self.undecided
            ],
            "level": _LEVEL,
        }

    def __str__(self) -> str:
        runs = f"{self.runs.n_runs} runs of {len(self.runs.run)} rows along {self.runs.along}"
        several = f"{len(self)} independent conserved quantities"
        lines = [f"{several if len(self) > 1 else '1 conserved quantity'} in {runs}"]
        for i in self.invariants:
            noise = f"noise explains {i.noise:.2g}"
            constant = f"constant to {i.constant_to:.2g} of its terms along each run ({noise})"
            lines += [str(i), f"    {constant}; differs by {i.varies_by:.2g} between runs"]
        if self.none:
            shares = self.runs.noise_shares
            noise = ", ".join(f"{self.runs.states[s].name} {in_percent(shares[s])}" for s in shares)
            noise = f"the noise of the columns ({noise} of their variation)"
            text = f"No conserved quantity in {runs}: no sum of the tested terms is constant along "
            lines = [f"{text}every run, within {noise}."]
            if self.undecided or max(shares.values()) > _LARGEST_VARIATION:
                text = f"Undecided whether a quantity is conserved in {runs}: {noise} is too high."
                lines = [f"{text} More precise columns may decide."]
        for i in self.undecided:
            text = f"may be conserved: noise explains that it varies by {i.constant_to:.2g} of its"
            seen = f"a drift below {self.least_drift(i):.2g} of them might not be seen"
            lines += [str(i), f"    {text} terms along each run; {seen}"]
        return "\n".join(lines)


@dataclass(frozen=True)
class Member:
    """A term of a sum: a function of the states times a monomial of what is given."""

    state: int
    factor: int
    term: Term = field(compare=False)


class Library:
    """Functions of the states at every row, with the change that noise makes in them.

    Parameters
    ----------
    runs : Trajectories

    Attributes
    ----------
    values : ndarray of shape (n_rows, n_functions)
    shifts : ndarray of shape (n_states, n_rows, n_functions)
        Change of each function when a state moves by its standard error.
    factors : list of Term
        Monomials of what is given.
    factor_values : ndarray of shape (n_rows, n_factors)
    """

    def __init__(self, runs: Trajectories) -> None:
        self.runs = runs
        terms = state_terms(runs)
        evaluate = _function(terms, runs)
        values = evaluate(runs.values)
        shifts, bends = [], []
        with np.errstate(all="ignore"):
            for state, error in runs.noise.items():
                columns = ({**runs.values, state: runs.values[state] + s * error} for s in (1, -1))
                up, down = map(evaluate, columns)
                shifts.append((up - down) / 2.0)
                bends.append(np.abs(up + down - 2.0 * values).max(axis=0))
            usable = (np.abs([values, *shifts]) < _REPRESENTABLE).all(axis=(0, 1))
        spread = np.where(usable, values, 0.0).std(axis=0)
        usable &= spread > ROUNDING * np.abs(np.where(usable, values, 1.0)).max(axis=0)
        # where the noise reaches a pole, no change is in proportion to it
        usable &= np.max(bends, axis=0) < spread
        self.states = [t for t, is_usable in zip(terms, usable, strict=True) if is_usable]
        self.values, self.shifts = values[:, usable], np.asarray(shifts)[:, :, usable]
        factors = multipliers(runs.given)
        sizes = _function(factors, runs)(runs.values)
        shapes = np.round(sizes / np.abs(sizes).max(axis=0), 9)
        # the first of factors that are in proportion over all runs, such as two constants
        unlike = {
            (f.dimension, shapes[:, j].tobytes()): j for j, f in reversed([*enumerate(factors)])
        }
        kept = sorted(unlike.values())
        self.factors, self.factor_values = [factors[j] for j in kept], sizes[:, kept]
        self.members = [
            Member(i, j, state * factor)
            for i, state in enumerate(self.states)
            for j, factor in enumerate(self.factors)
        ]

    @property
    def families(self) -> list[str]:
        """Kinds of functions, the monomials first, but after the functions of angles."""
        kinds = dict.fromkeys(["", *(t.family for t in self.states)])
        has_angles = any(v.unit.text in ANGULAR for v in self.runs.states.values())
        return sorted(kinds, key=lambda family: not (has_angles and family == "angle"))

    def sums(self, family: str, level: int, has_scales: bool) -> dict[Dimension, list[Member]]:
        """Members of each dimension up to a cost, the simplest first."""
        most_factors = 1 if has_scales else _MOST_FACTORS
        by_dimension: dict[Dimension, list[Member]] = {}
        for m in self.members:
            state, factor = self.states[m.state], self.factors[m.factor]
            is_cheap = state.cost <= level and factor.cost <= most_factors
            if is_cheap and state.family in ("", family):
                by_dimension.setdefault(m.term.dimension, []).append(m)
        for dimension, members in list(by_dimension.items()):
            members.sort(key=lambda m: m.term.cost)
            del members[_MOST_TERMS:]
            symbol_sets = (self.factors[m.factor].expression.free_symbols for m in members)
            # the same sum without that factor has another dimension; with scales it may be needed
            if not has_scales and set.intersection(*symbol_sets):
                del by_dimension[dimension]
        ordered = sorted(
            by_dimension.items(), key=lambda item: sum(m.term.cost for m in item[1][:2])
        )
        return dict(ordered)


def _function(terms: Sequence[Term], runs: Trajectories) -> Callable[[dict[str, Array]], Array]:
    """Values of terms at every row, of shape (n_rows, n_terms)."""
    names = sorted({str(s) for t in terms for s in t.expression.free_symbols})
    function = sympy.lambdify(names, [t.expression for t in terms], "numpy", cse=True)

    def evaluate(columns: dict[str, Array]) -> Array:
        with np.errstate(all="ignore"):
            values = function(*(columns[name] for name in names))
        rows = len(runs.run)
        return np.stack([np.broadcast_to(x, rows) for x in values], axis=1).astype(np.float64)

    return evaluate


class Sum:
    """A sum of terms of one dimension, with the moments of their contrasts within the runs.

    Attributes
    ----------
    library : Library
    members : list of Member
    values : ndarray of shape (n_rows, n)
    shifts : ndarray of shape (n_states, n_rows, n)
        As those of the library, each term in units of `size`.
    size : ndarray of shape (n,)
        Standard deviation of each term inside the runs, or, where it is conserved itself, what that
        would be if its states varied independently.
    variance, noise : ndarray of shape (n, n)
        Covariance inside the runs of the terms and of their noise, each term in units of `size`.
    """

    def __init__(self, library: Library, members: Sequence[Member]) -> None:
        self.library, self.runs = library, library.runs
        # terms that a count of quantities leaves free
        self.settled: dict[tuple[int, bool], list[int]] = {}
        states, factors = [m.state for m in members], [m.factor for m in members]
        f = library.factor_values[:, factors]
        x, shifts = library.values[:, states] * f, library.shifts[:, :, states] * f
        size = _sizes(self.runs, x, shifts)
        alive = size > 0
        x, shifts, size = x[:, alive] / size[alive], shifts[:, :, alive] / size[alive], size[alive]
        members = [m for m, is_alive in zip(members, alive, strict=True) if is_alive]
        variance, noise = covariances(self.runs, x, shifts, _row_weights(shifts))
        is_conserved = self.runs.centred(x).std(axis=0) < _LARGEST_VARIATION
        scale = np.where(is_conserved, 1.0, np.sqrt(np.diag(variance)))
        outer = np.outer(scale, scale)
        self.members, self.size = members, size * scale
        self.values, self.shifts = x / scale, shifts / scale
        self.variance = variance / outer
        self.noise = noise / outer + ROUNDING**2 * np.eye(len(scale))

    @property
    def dimensions(self) -> set[Dimension]:
        """Dimensions of the terms: more than one where scales carry the rest."""
        return {m.term.dimension for m in self.members}

    def ratio(self, subset: Sequence[int] | IntArray) -> tuple[float, Array]:
        """Smallest variance over noise of a combination, and its coefficients."""
        ratios, vectors = self._ratios(np.asarray(subset)[None, :])
        return float(ratios[0]), vectors[0]

    def _ratios(self, subsets: IntArray) -> tuple[Array, Array]:
        rows, columns = subsets[:, :, None], subsets[:, None, :]
        W = self.variance[rows, columns]
        values, c = _least(W, self.noise[rows, columns])
        c /= np.linalg.norm(c, axis=1, keepdims=True)
        # in units of the terms, too: the noise of few rows may be large
        absolute = np.einsum("si,sij,sj->s", c, W, c) / _LARGEST_EXPLAINED**2
        return np.maximum(values / _VARIANCE_RATIO, absolute), c

    def smallest(self, k: int, free: Sequence[int]) -> list[list[int]]:
        """Sums of k of the free terms that the noise explains, the best first."""
        if comb(len(free), k) > _MOST_SUBSETS[len(self.dimensions) > 1]:
            return []
        subsets = np.array(list(combinations(free, k)), dtype=np.intp).reshape(-1, k)
        parts = np.array_split(subsets, max(len(subsets) // 5000, 1))
        ratios = np.concatenate([self._ratios(part)[0] for part in parts])
        order = np.argsort(ratios, kind="stable")[:_TRIES]
        return [subsets[j].tolist() for j in order if ratios[j] <= 1.0]

    def eliminated(self, free: Sequence[int]) -> list[int] | None:
        """A sum that the noise explains and none of whose terms can be left out."""
        kept = np.asarray(free, dtype=np.intp)
        ratio, c = self.ratio(kept)
        if ratio > 1.0:
            return None
        while len(kept) > 1:
            order = np.argsort(np.abs(c))
            # a quarter of the terms, or fewer, of the smallest coefficients; then single ones
            counts = (len(kept) >> step for step in range(2, len(kept).bit_length()))
            singles = np.split(order[:_SINGLY], range(1, min(_SINGLY, len(order))))
            parts = chain((order[:n] for n in counts), singles)
            trials = ((fewer, *self.ratio(fewer)) for fewer in (np.delete(kept, p) for p in parts))
            shorter = next((t for t in trials if t[1] <= 1.0), None)
            if shorter is None:
                break
            kept, _, c = shorter
        return [int(j) for j in kept]


def _least(variance: Array, noise: Array) -> tuple[Array, Array]:
    """Least variance over noise of a combination, and its coefficients, of stacks of matrices."""
    inverse = np.linalg.inv(np.linalg.cholesky(noise))
    values, vectors = np.linalg.eigh(inverse @ variance @ inverse.mT)
    return values[..., 0], (inverse.mT @ vectors[..., :1])[..., 0]


def _sizes(runs: Trajectories, x: Array, shifts: Array) -> Array:
    """Variation of terms along the runs; of one that is conserved, that of its states apart."""
    variation = runs.centred(x).std(axis=0)
    apart = ((shifts / np.array([*runs.noise_shares.values()])[:, None, None]) ** 2).sum(axis=0)
    apart = np.sqrt(np.median(apart, axis=0))
    return np.asarray(np.where(variation < _LARGEST_VARIATION * apart, apart, variation))


def _row_weights(shifts: Array) -> Array:
    """Weights of the rows: those where the terms are all noise, such as near a centre, less."""
    row = (shifts**2).mean(axis=(0, 2))
    weights = 1.0 / np.maximum(row / max(float(np.median(row)), 1e-300), 1.0)
    return np.asarray(weights / weights.sum())


def covariances(runs: Trajectories, x: Array, shifts: Array, weights: Array) -> tuple[Array, Array]:
    """Covariance of terms inside the runs, and that of their noise."""
    centred = runs.centred(x, weights)
    noise = np.einsum("snt,n,snu->tu", shifts, weights, shifts, optimize=True)
    return (centred.T * weights) @ centred, noise


@dataclass
class Search:
    """State of the search; see :func:`invariants`."""

    library: Library
    quantities: list[Invariant] = field(default_factory=list)
    refused: set[sympy.Expr] = field(default_factory=set)
    # values of the quantities found and their products, times what is given, by dimension
    known: dict[Dimension, list[Array]] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether no further independent quantity can exist."""
        return len(self.quantities) >= len(self.library.runs.states) - 1

    def gradient(self, quantity: Invariant) -> Array:
        """Unit gradients with respect to the states, of shape (n_sample, n_states)."""
        columns = {s: x[:: len(x) // _SAMPLE + 1] for s, x in self.library.runs.values.items()}
        parts = []
        for s in self.library.runs.states:
            step = 1e-4 * float(self.library.runs.centred(self.library.runs.values[s]).std())
            up, down = ({**columns, s: columns[s] + sign * step} for sign in (1, -1))
            parts.append(quantity.values(up) - quantity.values(down))
        gradient = np.stack(parts, axis=1)
        size = np.linalg.norm(gradient, axis=1, keepdims=True)
        return np.asarray(gradient / np.where(size > 0, size, 1.0))

    def is_new(self, quantity: Invariant) -> bool:
        """Whether a quantity is functionally independent: the rank of the Jacobian increases."""
        gradient = self.gradient(quantity)
        if not self.quantities:
            return True
        others = np.stack([self.gradient(q) for q in self.quantities], axis=2)
        left, sizes, _ = np.linalg.svd(others, full_matrices=False)
        basis = left * (sizes > 1e-6)[:, None, :]
        out = gradient - np.einsum("nsi,nti,nt->ns", basis, basis, gradient)
        return float(np.median(np.linalg.norm(out, axis=1))) > _INDEPENDENT

    def free(self, sum_: Sum, by_size: bool = False) -> list[int]:
        """Terms without one for each combination that is a function of the quantities found.

        That one is the dearest, or the one of the smallest coefficient.
        """
        key = (len(self.quantities), by_size)
        if key in sum_.settled:
            return sum_.settled[key]
        normals = []
        for dimension in sum_.dimensions:
            for y in self.known.get(dimension, ()):
                c, *_ = np.linalg.lstsq(sum_.values, y, rcond=1e-12)
                if np.linalg.norm(y - sum_.values @ c) <= ROUNDING * np.linalg.norm(y):
                    normals.append(c / np.abs(c).max())
        rows, out = np.array(normals).reshape(-1, len(sum_.members)), list[int]()
        sizes = np.abs(rows).max(axis=0, initial=0.0)
        order = np.argsort(sizes, kind="stable") if by_size else np.arange(len(sum_.members))[::-1]
        most = np.linalg.matrix_rank(rows, tol=_SAME) if len(rows) else 0
        for j in order[sizes[order] > _SAME]:
            if len(out) < most and np.linalg.matrix_rank(rows[:, [*out, j]], tol=_SAME) > len(out):
                out.append(int(j))
        free = [j for j in range(len(sum_.members)) if j not in out]
        # no part of a sum has a smaller ratio than the whole
        if not free or sum_.ratio(free)[0] > 1.0:
            free = []
        sum_.settled[key] = free
        return free

    def add(self, quantity: Invariant) -> None:
        """Keep a quantity, and know its products with the others."""
        self.quantities.append(quantity)
        self.known.clear()
        values = [(q.values(self.library.runs.values), q.dimension) for q in self.quantities]
        powers = (combinations_with_replacement(values, k + 1) for k in range(_PRODUCTS))
        for chosen in chain(*powers):
            y = np.prod([v for v, _ in chosen], axis=0)
            dimension = prod((d for _, d in chosen), start=Dimension())
            for factor, size in zip(
                self.library.factors, self.library.factor_values.T, strict=True
            ):
                self.known.setdefault(dimension * factor.dimension, []).append(y * size)

    def take(self, sum_: Sum, subset: Sequence[int]) -> bool:
        """Keep the quantity of a sum where it passes; whether it did."""
        key = sympy.Add(*(sum_.members[j].term.expression for j in subset))
        moving = {str(s) for s in key.free_symbols} & self.library.runs.states.keys()
        if key in self.refused or len(moving) < 2:
            return False
        quantity = invariant_of(sum_, subset)
        if quantity is None:
            self.refused.add(key)
            return False
        if self.is_new(quantity):
            self.add(quantity)
        return True

    def by_size(self, sum_: Sum, k: int) -> None:
        """Take the quantities of k terms."""
        again = True
        while again and not self.is_complete:
            free = self.free(sum_)
            again = any(self.take(sum_, s) for s in sum_.smallest(k, free))
            again = again and len(self.free(sum_)) < len(free)

    def by_elimination(self, sum_: Sum) -> None:
        """Take the quantities that are left where no further term can go."""
        for by_size in (False, True):
            free = self.free(sum_, by_size)
            for _ in range(_TRIES):
                subset = sum_.eliminated(free) if free and not self.is_complete else None
                if subset is None:
                    break
                is_taken = 1 < len(subset) <= _LARGEST and self.take(sum_, subset)
                rest = [j for j in free if j != max(subset)]
                free = self.free(sum_, by_size) if is_taken else rest

    def among(self, sums: Sequence[Sequence[Member]]) -> None:
        """Take what is conserved among these sums, those of few terms first."""
        if self.is_complete or not sums:
            return
        whole = Sum(self.library, list(dict.fromkeys(chain(*sums))))
        place = {m: j for j, m in enumerate(whole.members)}
        indices = [tuple(place[m] for m in members if m in place) for members in sums]
        alive = [j for j in indices if j and whole.ratio(j)[0] <= 1.0]
        sum_of = cache(lambda index: Sum(self.library, [whole.members[j] for j in index]))
        for k in _TERMS:
            for sum_ in islice(filter(self.free, map(sum_of, alive)), _MOST_ALIVE):
                self.by_size(sum_, k)
        for sum_ in islice(filter(self.free, map(sum_of, alive)), _MOST_ELIMINATED):
            self.by_elimination(sum_)


class _Fit:
    """Coefficients of a sum by total least squares, weighted by the noise of the sum itself."""

    def __init__(self, runs: Trajectories, x: Array, shifts: Array) -> None:
        self._parts = runs, x, shifts
        weights = _row_weights(shifts)
        spread = runs.centred(x).std(axis=0)
        self.whole = _null_direction(*self._parts, weights)
        for _ in range(_REWEIGHTED):
            noise = np.einsum("snt,t->sn", shifts, self.whole)
            least = ROUNDING**2 * float(((spread * self.whole) ** 2).sum())
            weights = 1.0 / ((noise**2).sum(axis=0) + least)
            weights /= weights.sum()
            self.whole = _null_direction(*self._parts, weights)
        self._weights = weights

    @cached_property
    def without(self) -> Array:
        """Coefficients without each run, of shape (n_runs, n_terms)."""
        runs, estimates = self._parts[0], []
        lead = int(np.argmax(np.abs(self.whole)))
        for r in range(runs.n_runs):
            rest = np.where(runs.run == r, 0.0, self._weights)
            d = _null_direction(*self._parts, rest / rest.sum())
            estimates.append(d * self.whole[lead] / d[lead])
        return np.array(estimates)

    def ratios(self, lead: int) -> tuple[Array, Array]:
        """Coefficients over one of them, and their standard errors, by leaving out runs."""
        n = len(self.without)
        ratios = self.without / self.without[:, [lead]]
        error = np.sqrt((n - 1) / n * ((ratios - ratios.mean(axis=0)) ** 2).sum(axis=0))
        return self.whole / self.whole[lead], error

    @property
    def is_minimal(self) -> bool:
        """Whether every term takes part, with and without each run."""
        every = np.vstack([self.whole, self.without])
        return bool(np.all(np.isfinite(every)) and np.all(np.abs(every).min(axis=0) > 0))


def _null_direction(runs: Trajectories, x: Array, shifts: Array, weights: Array) -> Array:
    present = weights + 1e-12 * weights.max()
    variance, noise = covariances(runs, x, shifts, present / present.sum())
    scale = np.sqrt(np.diag(variance))
    outer = np.outer(scale, scale)
    _, vector = _least(variance / outer, noise / outer + ROUNDING**2 * np.eye(len(scale)))
    return vector / scale


def invariant_of(sum_: Sum, subset: Sequence[int]) -> Invariant | None:
    """The quantity of a sum with its numbers; None where a test refuses it."""
    runs = sum_.runs
    members = [sum_.members[j] for j in subset]
    x, shifts = (a[..., list(subset)] * sum_.size[list(subset)] for a in (sum_.values, sum_.shifts))
    fit = _Fit(runs, x, shifts)
    alone = np.tile(fit.whole, (runs.n_runs, 1))
    if _measured(runs, x, shifts, fit.whole, alone) is None or not fit.is_minimal:
        return None
    # terms whose coefficients have one dimension share one scale; most terms need none
    dimensions_of = [m.term.dimension for m in members]
    groups = [
        [j for j, d in enumerate(dimensions_of) if d == each]
        for each in dict.fromkeys(dimensions_of)
    ]
    groups.sort(key=len, reverse=True)
    dimension = dimensions_of[groups[0][0]]
    columns: list[dict[int, Fraction]] = []
    for group in groups:
        numbers = _numbers(fit, group, runs.n_runs)
        columns.append(numbers)
        columns += [{j: Fraction(1)} for j in group if j not in numbers]
    mix = np.array([[float(numbers.get(j, 0)) for numbers in columns] for j in range(len(members))])
    reduced = _Fit(runs, x @ mix, shifts @ mix)
    if not reduced.is_minimal:
        return None
    ratios, errors = reduced.ratios(0)
    coefficients = mix @ ratios
    without = (reduced.without / reduced.without[:, [0]]) @ mix.T
    measured = _measured(runs, x, shifts, coefficients, without)
    if measured is None:
        return None
    expression = sympy.Integer(0)
    constants: list[Constant] = []

    def scale(value: float, kind: Dimension, *ends: float) -> sympy.Symbol:
        origin: Origin = "fitted" if kind.is_dimensionless else "scale"
        low, high = ends or (None, None)
        constants.append(Constant(f"K_{len(constants) + 1}", value, kind, low, high, origin))
        return sympy.Symbol(constants[-1].name)

    half = stats.t.ppf(0.5 + _LEVEL / 2.0, runs.n_runs - 1) * errors
    # the runs do not need a term whose coefficient may be zero where noise explains the others
    for numbers in (columns[k] for k in np.flatnonzero(half >= np.abs(ratios))):
        if sum_.ratio([subset[j] for j in range(len(subset)) if j not in numbers])[0] <= 1.0:
            return None
    for k, numbers in enumerate(columns):
        body = sympy.Add(
            *(sympy.Rational(n) * members[j].term.expression for j, n in numbers.items())
        )
        if k > 0:
            value, *ends = (float(ratios[k] + sign * half[k]) for sign in (0, -1, 1))
            body *= scale(value, dimension / dimensions_of[next(iter(numbers))], *ends)
        expression += body
    dimensions = {s: v.dimension for s, v in runs.symbols.items()}
    if not constants and all(m.term.expression.func == sympy.log for m in members):
        # logarithms alone are those of a product
        powers = primitive([columns[0][j] for j in range(len(members))])
        parts = (m.term.expression.args[0] ** n for m, n in zip(members, powers, strict=True))
        expression = sympy.Mul(*parts)
        dimension = check_dimension(expression, dimensions)
    logs = sorted(expression.atoms(sympy.log), key=str)
    kinds = {log: check_dimension(log.args[0], dimensions) for log in logs}
    # a logarithm is of a number: its argument is over a unit
    units = {k: scale(1.0, k) for k in dict.fromkeys(kinds.values()) if not k.is_dimensionless}
    pure = {log: sympy.log(log.args[0] / units[k]) for log, k in kinds.items() if k in units}
    expression = expression.xreplace(pure)
    used = {str(s) for s in expression.free_symbols}
    symbols = {s: v for s, v in runs.symbols.items() if s in used}
    return Invariant(expression, symbols, tuple(constants), dimension, *measured)


def _numbers(fit: _Fit, group: Sequence[int], n_runs: int) -> dict[int, Fraction]:
    """Simple numbers of the terms of one scale, the first of which is one."""
    combinations = []
    for lead in group:
        ratios, errors = fit.ratios(lead)
        numbers = {lead: Fraction(1)}
        for j in group:
            half = stats.t.ppf(0.5 + _COVER / 2.0, n_runs - 1) * errors[j] + 10 * ROUNDING * abs(
                ratios[j]
            )
            if j == lead or not np.isfinite(half):
                continue
            number = simplest_between(ratios[j] - half, ratios[j] + half, _DENOMINATOR)
            is_narrow = half < _WIDEST * abs(ratios[j]) < _WIDEST * _LARGEST_NUMBER
            # one is what a sum without a coefficient says, however wide the interval
            if number is not None and (is_narrow or abs(number) == 1):
                numbers[j] = number
        combinations.append(numbers)
    # the most numbers, and the shortest of as many
    digits = [sum(abs(x.numerator) + x.denominator for x in n.values()) for n in combinations]
    return max(zip(combinations, digits, strict=True), key=lambda pair: (len(pair[0]), -pair[1]))[0]


def _measured(
    runs: Trajectories, x: Array, shifts: Array, coefficients: Array, without: Array
) -> tuple[float, float, float] | None:
    """Variation of a quantity along and between runs, and noise; None if rejected."""
    noise = ((shifts @ coefficients) ** 2).sum(axis=0)
    size = float(np.linalg.norm(_sizes(runs, x, shifts) * coefficients))
    apart = ((shifts * coefficients) ** 2).sum(axis=(0, 2))
    # terms that cancel for all values of the states, such as a series against its function
    if np.median(noise) < _IDENTITY**2 * np.median(apart):
        return None
    error = np.sqrt(noise + (ROUNDING * size) ** 2)
    weights = 1.0 / error**2
    # each run with the coefficients of the others
    residuals = runs.centred(np.einsum("nt,nt->n", x, without[runs.run]), weights)
    n, dof = len(residuals), len(residuals) - runs.n_runs
    scale = n / dof / weights.sum()
    constant_to = float(np.sqrt((weights * residuals**2).sum() * scale)) / size
    explained = float(np.sqrt((weights * noise).sum() / weights.sum())) / size
    means = runs.means(x @ coefficients, weights)
    varies_by = float(means.std(ddof=1)) / size
    least = _TIMES * max(constant_to / np.sqrt(dof / runs.n_runs), ROUNDING)
    if constant_to > _LARGEST_EXPLAINED or varies_by < least:
        return None
    if constant_to >= _EXACT:
        ratio = float(((residuals / error) ** 2).sum() / dof)
        if ratio > _VARIANCE_RATIO or trend_chance(runs, residuals / error) < _CHANCE:
            return None
    return constant_to, varies_by, explained


def _trend_dof(runs: Trajectories) -> tuple[list[int], int]:
    """Slow modes of each run, and the degrees of freedom of all others."""
    rows = np.bincount(runs.run)
    counts = [min(_SLOW_MODES, int(n) // 5) for n in rows]
    return counts, int(rows.sum()) - len(rows) - sum(counts)


def trend_chance(runs: Trajectories, v: Array) -> float:
    """Chance of so much slow variation along the runs, if `v` were independent noise (F test)."""
    counts, dof = _trend_dof(runs)
    slow_dof, slow = sum(counts), 0.0
    for r, count in enumerate(counts):
        slow += float((dct(v[runs.run == r], norm="ortho")[1 : count + 1] ** 2).sum())
    fast = float((runs.centred(v) ** 2).sum()) - slow
    if slow_dof == 0 or fast <= 0:
        return 1.0
    return float(stats.f.sf(slow / slow_dof / (fast / dof), slow_dof, dof))


def invariants(
    data: Any, along: str, curve: str, constants: Sequence[str] = (), **reading: Any
) -> Invariants:
    """Find the quantities that stay equal along each run and differ between runs.

    Parameters
    ----------
    data : whatever :func:`dimgs.read_table` takes
        One row for each point of a trajectory.
    along : str
        Column that runs along each trajectory, such as the time.
    curve : str
        Column that names the run of each row.
    constants : sequence of str
        Physical constants that may be factors, such as ``"g"``.
    **reading
        How the table is read, as for :func:`dimgs.fit`.

    Returns
    -------
    Invariants
        Functionally independent quantities. All terms of a sum have one dimension; where the
        columns do not bring it, an unknown dimensional constant does (``K_1``).

    Raises
    ------
    InputError
        If a column is absent, nothing varies along the runs, or there are fewer than three runs.

    References
    ----------
    S. Van Huffel, J. Vandewalle, The Total Least Squares Problem (1991), chapter 8.
    Z. Liu, M. Tegmark, Phys. Rev. Lett. 126 (2021) 180604, on independence by the Jacobian.

    Examples
    --------
    A mass on a spring, started from five places:

    >>> import numpy as np
    >>> import dimgs
    >>> run, t = np.repeat(np.arange(5), 30), np.tile(np.linspace(0, 4, 30), 5)
    >>> A = 0.1 * (run + 1)
    >>> table = {"t [s]": t, "x [m]": A * np.cos(3 * t), "v [m/s]": -3 * A * np.sin(3 * t),
    ...          "k [N/m]": np.full(150, 18.0), "m [kg]": np.full(150, 2.0), "run [1]": run}
    >>> found = dimgs.invariants(table, along="t", curve="run")
    >>> print(found.invariants[0].expression)
    k*x**2 + m*v**2
    """
    table = dataset_of(data, ReadOptions(**reading))
    runs = trajectories(table, along, curve, constants)
    if not runs.states:
        raise InputError(
            f"No column of {table.source} varies along the runs beyond its noise; give the columns "
            f"that change with '{along}'."
        )
    search = Search(library := Library(runs))
    for level, family in product(_LEVELS, library.families):
        search.among(list(library.sums(family, level, False).values()))
    for level, family in product(_SCALED_LEVELS, library.families):
        sums = list(library.sums(family, level, True).values())[:_MOST_SUMS]
        places = chain(*(combinations(range(len(sums)), k) for k in (2, 3)))
        unions = sorted(places, key=sum)[:_MOST_UNIONS]
        search.among([list(chain(*(sums[j] for j in c))) for c in unions])
    decided, undecided = list[Invariant](), list[Invariant]()
    for quantity in search.quantities:
        noise = (runs.noise_shares.get(s, 0.0) for s in quantity.symbols)
        is_decided = max(quantity.constant_to, *noise) <= _LARGEST_VARIATION
        (decided if is_decided else undecided).append(quantity)
    return Invariants(tuple(decided), runs, tuple(undecided))
