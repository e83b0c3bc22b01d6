"""Laws that are a power law times one, two or three factors, linear in the logarithm.

Exponents and the constants inside their factors are often hard to separate: (1 + c u)^b is much
the same for many pairs of c and b. So combinations of simple constants and of rational exponents
are compared by their length and by the sum of squares that each would have (exactly so in a linear
model), and only the shortest messages are fitted. Exponents are rounded by nearest plane: the
surest first, the others follow.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, lru_cache, partial, reduce
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dimgs.common.arrays import Array, IntArray, basis_of, unscaled_covariance
from dimgs.engines.refit import constants_bits
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.columns import (
    EXPONENTIAL,
    FACTORS,
    ITSELF,
    Dictionary,
    Terms,
    differences,
    free_factors,
    log_slope,
    log_values,
    modulated,
    of_argument,
    plain,
    simple_factors,
    weighted,
)
from dimgs.engines.structured.refine import (
    OPERATOR,
    Projection,
    canonical,
    law_bits,
    monomial_bits,
    projected,
    simple_number_near,
)
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.targets import Target
from dimgs.engines.structured.trees import (
    ONE,
    Call,
    Exponents,
    Number,
    Tree,
    exact,
    free_monomial,
    monomial,
    negated,
    powered,
    times,
    to_the_power,
)
from dimgs.fits.least_squares import minimise_squares
from dimgs.groups.rationals import exponent_bits

# what exponents of laws are rounded to
LARGEST, DENOMINATORS = 8, (1, 2, 3, 4, 5, 6)
# steps of a fit, and the relative gain that ends it: what is kept is fitted to the end later
_STEPS, _ENOUGH = 12, 1e-8
# standard errors within which an exponent or a constant is simple, those that an exponent may be
# moved when it is rounded, and what rounding leaves of an exact one
_ERRORS, _TOO_FAR, _ROUNDING = 3.0, 8.0, 1e-7
# the widest window of a simple number: a factor of two, beyond which any constant would be one
_WIDEST = 0.7
# of the logarithm of a constant: beyond, it is not representable
_ENDS = (-300.0, 300.0)
# shortest messages that are fitted
_KEPT = 4
# of the weight must have one sign for a law of one sign
_ONE_SIGN = 0.9
# mean square that counts as none
_TINY = 1e-20


@dataclass(frozen=True, eq=False)
class ProductModel:
    """log|t| = intercept + Σ a log pi + Σ b log|g(c u)|.

    Parameters
    ----------
    functions : tuple of str
    trees : tuple of Tree
        Arguments u.
    u : ndarray of shape (n_runs, n_factors)
    c : ndarray of shape (n_factors,)
    """

    functions: tuple[str, ...]
    trees: tuple[Tree, ...]
    u: Array
    c: Array

    @property
    def inside(self) -> list[int]:
        """Factors whose constant is not linear."""
        names = enumerate(self.functions)
        return [j for j, name in names if name not in (EXPONENTIAL, ITSELF)]


@dataclass
class State:
    """Parameters of which some are fixed, the others following, and what that costs.

    Parameters
    ----------
    theta : ndarray of shape (n_parameters,) or (n_parameters, n_targets)
        [intercept, a, b, log|c|] of a product, c where it is not linear.
    C : ndarray of shape (n_parameters, n_parameters)
        Covariance for errors of variance 1.
    squares : float or ndarray of shape (n_targets,)
    variance : float
    numbers, exponents : dict
        Those that are fixed, by their places.
    """

    theta: Array
    C: Array
    squares: Any
    variance: float = 1.0
    numbers: dict[int, Number] = field(default_factory=dict)
    exponents: dict[int, Fraction] = field(default_factory=dict)

    def error(self, i: int) -> float:
        """Standard error of a parameter, given those that are fixed."""
        return float(np.sqrt(max(self.C[i, i], 0.0) * self.variance))

    def is_near(self, i: int, q: int) -> bool:
        """Whether a rational of denominator q is within the error of a parameter."""
        away = abs(round(float(self.theta[i]) * q) / q - float(self.theta[i]))
        return away <= _ERRORS * self.error(i) + _ROUNDING

    def surest(self, places: Sequence[int]) -> int:
        """The parameter of the least error."""
        return min(places, key=lambda k: (self.C[k, k], k))

    def exponent(self, i: int) -> Fraction | float:
        """A rounded exponent; one that was not is free."""
        return self.exponents.get(i, float(self.theta[i]))

    def parts(
        self, model: ProductModel, runs: Runs
    ) -> tuple[Tree, list[Fraction | float], list[Number]]:
        """The monomial in front, the powers of the factors, and the prefactor and constants."""
        first, whole = 1 + runs.n_groups, 1 + runs.n_groups + len(model.functions)
        places = enumerate(runs.logged, start=1)
        front = free_monomial([self.exponent(i) if log else Fraction(0) for i, log in places])
        sizes = np.exp(np.clip(self.theta, *_ENDS)).tolist()
        numbers = [Number(sizes[0])]
        for j, name in enumerate(model.functions):
            number = ONE
            if name == EXPONENTIAL:
                number = Number(float(self.theta[first + j]))
            elif name != ITSELF:
                place = whole + model.inside.index(j)
                number = self.numbers.get(place, Number(sizes[place]))
                number = number.signed(float(np.sign(model.c[j])))
            numbers.append(number)
        return front, [self.exponent(k) for k in range(first, whole)], numbers

    def fixed(self, i: int, value: Any) -> "State":
        """With one parameter fixed."""
        change, theta, C, squares = value - self.theta[i], self.theta.copy(), self.C, self.squares
        if C[i, i] > 0:
            theta += np.multiply.outer(C[:, i] / C[i, i], change)
            squares = squares + change**2 / C[i, i]
            C = C - np.outer(C[:, i], C[i]) / C[i, i]
        theta[i] = value
        return State(theta, C, squares, self.variance, dict(self.numbers), dict(self.exponents))


def refine(model: ProductModel, runs: Runs, target: Target, root: Array) -> State | None:
    """Best coefficients and constants near the given ones; None where a logarithm fails."""
    t, first = weighted(target.logs, root), 1 + runs.n_groups
    linear = np.column_stack([np.ones(runs.n_runs), runs.logs])
    places = first + np.array(model.inside, dtype=np.int64)

    def parts(moved: Array) -> tuple[Array, Array]:
        """Weighted columns, and the slopes of those with a constant by its logarithm."""
        c = model.c.copy()
        c[model.inside] *= np.exp(moved)
        factors = list(zip(model.functions, model.u.T, c, strict=True))
        columns = (log_values(name, u, constant) for name, u, constant in factors)
        slopes = (log_slope(name, u, constant) for name, u, constant in factors)
        Z = weighted(np.column_stack([linear, *columns]), root)
        return Z, weighted(np.column_stack([linear, *slopes]), root)[:, places]

    def fitted(moved: Array) -> Projection:
        Z, slopes = parts(moved[0])
        return projected(t, Z[None], lambda beta: beta[:, None, places] * slopes)

    moved = np.zeros((1, len(places)))
    if len(places) and np.all(np.isfinite(t)):
        steps = partial(minimise_squares, steps=_STEPS, enough=_ENOUGH)
        moved = steps(lambda x, _: fitted(x)[:2], moved).parameters
    (Z, slopes), ((e,), _, (beta,)) = parts(moved[0]), fitted(moved)
    J = np.column_stack([Z, beta[places] * slopes])
    if not (np.all(np.isfinite(e)) and np.all(np.isfinite(J))):
        return None
    theta = np.concatenate([beta, np.log(np.abs(model.c[model.inside])) + moved[0]])
    squares = float(e @ e)
    variance = squares / max(len(e) - len(theta), 1)
    return State(theta, unscaled_covariance(J, 1e-13), squares, variance)


def power_basis(runs: Runs, root: Array) -> Array:
    """Orthonormal basis of the weighted power law."""
    Z = np.column_stack([np.ones(runs.n_runs), runs.logs]) * root[:, None]
    return basis_of(Z, 1e-10)


def rounded_power_laws(runs: Runs, root: Array, t: Array) -> list[tuple[Array, Array]]:
    """Rational power laws of many weighted logarithms at once.

    Parameters
    ----------
    runs : Runs
    root : ndarray of shape (n_runs,)
        Square roots of the weights.
    t : ndarray of shape (n_runs, k)

    Returns
    -------
    list of tuple
        For each denominator [intercept, exponents], shape (1 + n_groups, k), and the sums of
        squares that they leave, shape (k,). The surest exponent is rounded first.
    """
    Z = np.column_stack([np.ones(runs.n_runs), runs.logs]) * root[:, None]
    covariance = unscaled_covariance(Z, 1e-12)
    theta = covariance @ (Z.T @ t)
    start, out = State(theta, covariance, ((t - Z @ theta) ** 2).sum(axis=0)), []
    for q in DENOMINATORS:
        state, varied = start, [1 + k for k in range(runs.n_groups) if runs.logged[k]]
        while varied:
            varied.remove(i := state.surest(varied))
            state = state.fixed(i, np.round(state.theta[i] * q) / q)
        out.append((state.theta, state.squares))
    return out


def squares_bits(squares: Array | float, n_runs: int) -> Array:
    """Bits of runs whose logarithms leave these sums of squares."""
    return np.asarray(0.5 * n_runs * np.log2(np.maximum(squares, 0) / n_runs + _TINY))


def fit_rounded(model: ProductModel, target: Target, archive: Archive, root: Array) -> None:
    """Refine a product and fit the laws near it whose exponents are rational.

    Parameters
    ----------
    model : ProductModel
    target : Target
    archive : Archive
    root : ndarray of shape (n_runs,)
        Square roots of the weights of log|t|.
    """
    archive.check()
    runs, states = archive.runs, dict[tuple[object, ...], State]()
    refined = refine(model, runs, target, root)
    for state in () if refined is None else _rounded(refined, model, runs):
        texts = tuple((i, n.text) for i, n in sorted(state.numbers.items()))
        key = (*sorted(state.exponents.items()), texts)
        states.setdefault(key, state)
    for state in sorted(states.values(), key=lambda s: _length(s, model, runs))[:_KEPT]:
        front, powers, numbers = state.parts(model, runs)
        tree = tree_of(model, runs, target, front, powers, numbers)
        if tree is not None:
            archive.add(target.back(tree))


def power_law(target: Target, archive: Archive) -> None:
    """Fit the power laws alone."""
    none = ProductModel((), (), np.zeros((archive.runs.n_runs, 0)), np.zeros(0))
    fit_rounded(none, target, archive, archive.runs.log_root)


def _rounded(start: State, model: ProductModel, runs: Runs) -> Iterator[State]:
    """Every combination of simple constants and of denominators that is not too far."""
    first = 1 + runs.n_groups
    whole = first + len(model.functions)
    varied = [1 + k for k in range(runs.n_groups) if runs.logged[k]]
    varied += [first + j for j, name in enumerate(model.functions) if name != EXPONENTIAL]
    for choice in product((True, False), repeat=len(model.inside)):
        state: State | None = start
        for k, simple in enumerate(choice):
            if simple and state is not None:
                state = with_simple_number(state, whole + k)
        if state is None:
            continue
        for q in (*DENOMINATORS, None):
            rounded = nearest_plane(state, varied, q)
            if rounded is None or any(abs(x) > LARGEST for x in rounded.exponents.values()):
                continue
            yield rounded


def with_simple_number(state: State, i: int) -> State | None:
    """The logarithm of a constant fixed at that of the simplest number within its error."""
    size = float(np.exp(np.clip(state.theta[i], *_ENDS)))
    simple = simple_number_near(size, min(_ERRORS * state.error(i) + 1e-9, _WIDEST))
    if simple is None:
        return None
    out = state.fixed(i, float(np.log(simple.value)))
    out.numbers[i] = simple
    return out


def nearest_plane(state: State, varied: Iterable[int], q: int | None = None) -> State | None:
    """Round one exponent after the other, the others following; None where one is too far.

    With a common denominator q the surest comes first. Without, the one comes first that a rational
    of the smallest denominator is within the error of, such as 1/3 before 4/5, and those that none
    is within the error of stay free.
    """
    left = list(varied)
    while left:
        i, denominator = state.surest(left), q
        for smallest in () if q else DENOMINATORS:
            near = [k for k in left if state.is_near(k, smallest)]
            if near:
                i, denominator = state.surest(near), smallest
                break
        if denominator is None:
            return state
        value = Fraction(round(float(state.theta[i]) * denominator), denominator)
        allowed = _TOO_FAR * state.error(i) + 0.02 + 0.05 / denominator
        if abs(float(value) - state.theta[i]) > allowed:
            return None
        state = state.fixed(i, float(value))
        state.exponents[i] = value
        left.remove(i)
    return state


def _length(state: State, model: ProductModel, runs: Runs) -> float:
    """Bits of the runs and of what differs between combinations."""
    n, first = runs.n_runs, 1 + runs.n_groups
    front, _, _ = state.parts(model, runs)
    structure = law_bits(front, runs)
    for j in range(len(model.functions)):
        size = abs(float(state.exponents.get(first + j, 1)))
        structure += 0.0 if size == 1 else 2.0 + exponent_bits(size)
    free = 1 + sum(name != ITSELF for name in model.functions) - len(state.numbers)
    logged = sum(runs.logged) + sum(name != EXPONENTIAL for name in model.functions)
    free += logged - len(state.exponents)
    structure += sum(number.bits for number in state.numbers.values())
    return float(squares_bits(state.squares, n)) + structure + constants_bits(free, n)


def tree_of(
    model: ProductModel,
    runs: Runs,
    target: Target,
    front: Tree,
    powers: Sequence[Fraction | float],
    numbers: Sequence[Number],
) -> Tree | None:
    """Tree of t's law; None where it is not real, or its sign is not that of t.

    Parameters
    ----------
    model : ProductModel
    runs : Runs
    target : Target
    front : Tree
        The monomial in front.
    powers : sequence
        Of the factors; those of exponentials are not used.
    numbers : sequence of Number
        The modulus of the prefactor, and the rate or the constant of each factor.
    """
    factors, sign = [front], np.sign(target.at)
    parts = zip(model.functions, model.trees, model.u.T, powers, numbers[1:], strict=True)
    for name, argument, u, b, number in parts:
        if name == EXPONENTIAL:
            factors.append(Call("exp", times(number, argument)))
            continue
        if b == 0:
            return None
        base = of_argument(name, times(number, argument))
        with np.errstate(all="ignore"):
            g = FACTORS[name].value(number.value * u)
        broken = isinstance(b, float) or b.denominator > 1
        if np.all(g < 0) and broken:
            base = negated(base)
        elif np.any(g < 0) and broken:
            return None
        elif isinstance(b, Fraction) and b.numerator % 2:
            sign = sign * np.sign(g)
        if isinstance(b, float):
            factors.append(to_the_power(base, Number(b)))
        else:
            factors.append(base if b == 1 else powered(base, b))
    weights = target.log_root(runs) ** 2
    mean = float(weights @ sign) / float(weights.sum() or 1.0)
    if abs(mean) < _ONE_SIGN:
        return None
    prefactor = numbers[0].signed(float(np.sign(mean)))
    return canonical(times(prefactor, *factors), runs)


# ---- Sums of squares of all sets of a few columns with simple powers, the shortest messages
# first.


Single = NDArray[np.float32]
HALVES = (1, 2, 3, 4, 6)  # twice the powers that are tried: others are rare in laws
_BLOCK = 2_000_000  # pairs at a time, which bounds the memory
# share of a column outside the others below which single precision no longer separates them
_INSEPARABLE, _RIDGE, _TINY_SQUARE = 1e-5, 1e-6, 1e-20


class Chosen(NamedTuple):
    """Sets of columns.

    Parameters
    ----------
    columns : ndarray of int, shape (n_sets, size)
    halves : ndarray of int, shape (n_sets, size)
        Twice the powers.
    squares : ndarray of shape (n_sets,)
        Sums of squares that remain.
    bits : ndarray of shape (n_sets,)
        Of columns and powers.
    """

    columns: IntArray
    halves: IntArray
    squares: Array
    bits: Array

    def take(self, rows: IntArray) -> "Chosen":
        """Some of the sets."""
        return Chosen._make(part[rows] for part in self)

    def with_plain_powers(self) -> "Chosen":
        """These, and with the powers 1 and -1 those that have others.

        Where a column and a monomial go together, the power that is nearest is not the shortest.
        What such sets leave is not known.
        """
        rare = self.take(np.flatnonzero(np.any(np.abs(self.halves) != 2, axis=1)))
        dear = _tables()[1][rare.halves + 6].sum(axis=1)
        unknown, plain = np.full(len(dear), np.nan), 2 * np.sign(rare.halves)
        return self._followed_by(Chosen(rare.columns, plain, unknown, rare.bits - dear))

    def joined(self, other: "Chosen") -> "Chosen":
        """These and others, each set once."""
        both = self._followed_by(other)
        return both.take(np.sort(np.unique(both.columns, axis=0, return_index=True)[1]))

    def _followed_by(self, other: "Chosen") -> "Chosen":
        return Chosen._make(map(np.concatenate, zip(self, other, strict=True)))

    def best(self, n_runs: int, count: int) -> "Chosen":
        """Models with the shortest messages, in order."""
        score = squares_bits(self.squares, n_runs) + self.bits
        return self.take(np.lexsort((*self.columns.T, score))[:count])


@lru_cache(maxsize=1)
def _tables() -> tuple[IntArray, Array, Single]:
    """By the nearest multiple of 1/2 from -3 to 3: twice the power, its bits, and the power."""
    near = [
        min(HALVES, key=lambda h: (abs(h - abs(k)), h)) * (-1 if k < 0 else 1) for k in range(-6, 7)
    ]
    bits = [0.0 if h == 2 else OPERATOR + exponent_bits(float(Fraction(abs(h), 2))) for h in near]
    return np.array(near, dtype=np.int64), np.array(bits), (np.array(near) / 2).astype(np.float32)


def _simple_powers(b: Single) -> tuple[IntArray, Single]:
    """Nearest allowed powers: their places in the table and their values."""
    # NaN gives an end of the table
    places = np.rint(np.fmax(np.fmin(2 * b, 6), -6)).astype(np.int64) + 6
    return places, _tables()[2][places]


# scores, columns, places of their powers in the table, sums of squares
_Scored = tuple[Single, tuple[Any, ...], tuple[Any, ...], Single]


class Combinations:
    """Sums of squares of sets of columns.

    Parameters
    ----------
    P : ndarray of float32, shape (n_columns, n_runs)
        Columns.
    e : ndarray of shape (n_runs,)
        What they are to explain.
    bits : ndarray of shape (n_columns,)
        In increasing order.
    """

    def __init__(self, P: Single, e: Array, bits: Array) -> None:
        self.P, self.bits, self.n_runs = P, bits, len(e)
        self.whole = np.float32(e @ e)
        self.along = P @ e.astype(np.float32)
        self.square = np.einsum("ij,ij->i", P, P)
        self.longer = np.exp2(2 * (bits - bits[0]) / self.n_runs).astype(np.float32)
        self.dearer = np.exp2(2 * _tables()[1] / self.n_runs).astype(np.float32)

    def singles(self) -> Chosen:
        """Every column with every power."""
        halves = np.array([s * h for h in HALVES for s in (1, -1)])
        b = (halves / 2).astype(np.float32)
        squares = self.whole - 2 * np.outer(b, self.along) + np.outer(b**2, self.square)
        power, columns = (x.ravel() for x in np.indices(squares.shape))
        bits = self.bits[columns] + _tables()[1][halves + 6][power]
        return Chosen(
            columns[:, None], halves[power][:, None], squares.ravel().astype(np.float64), bits
        )

    def grown(self, sets: IntArray, width: int, count: int, check: Callable[[], None]) -> Chosen:
        """The best of some sets with one of the first columns more.

        Powers are rounded one after the other, that of the further column first, and the others
        follow. A pair is found from the later of its columns.

        Parameters
        ----------
        sets : ndarray of int, shape (n_sets, size)
            One or two columns each.
        width, count : int
            First columns that are tried, and how many of the larger sets are given.
        check : callable
            Called now and then; raises where the time is over.
        """
        blocks: list[_Scored] = []
        size = sets.shape[1]
        step, columns = max(1, _BLOCK // (size * width)), np.arange(width)
        for start in range(0, len(sets), step):
            check()
            some = sets[start : start + step]
            j = columns[: max(int(some.max()), 1)] if size == 1 else columns
            C, f, z = self.P[some], self.square[j], self.along[j]
            A, G = C @ C.mT, (C.reshape(-1, C.shape[2]) @ self.P[j].T).reshape(*some.shape, -1)
            # so that columns which are parallel in single precision have an inverse
            R = A * (1 + _RIDGE * np.eye(size, dtype=np.float32))
            with np.errstate(all="ignore"):
                H = np.linalg.inv(R) @ G
                outside = f - (G * H).sum(axis=1)
                place, power = _simple_powers((z - (self.along[some][:, None] @ H)[:, 0]) / outside)
            places = [place]
            squares = self.whole + power * (power * f - 2 * z)
            score = self.longer[j] * self.dearer[place]
            along = self.along[some][:, :, None] - power[:, None] * G
            for k in range(size):
                first = np.linalg.inv(R[:, k:, k:])[:, 0]
                place, power = _simple_powers(np.einsum("bk,bkw->bw", first, along[:, k:]))
                squares += power * (power * A[:, k, k, None] - 2 * along[:, k])
                if k + 1 < size:
                    along -= power[:, None] * A[:, :, k, None]
                score *= self.longer[some[:, k], None]
                score *= self.dearer[place]
                places.append(place)
            score *= np.maximum(squares, _TINY_SQUARE)
            known = j >= some if size == 1 else (j == some[:, :, None]).any(axis=1)
            score[known | ~(outside > _INSEPARABLE * f)] = np.inf
            r, c = _fewest(score, count)
            chosen = (j[c], *some[r].T), tuple(place[r, c] for place in places)
            blocks.append((score[r, c], *chosen, squares[r, c]))
        return self._collected(blocks, count)

    def _collected(self, blocks: Sequence[_Scored], count: int) -> Chosen:
        score = np.concatenate([f[0] for f in blocks])
        columns = np.concatenate([np.column_stack(f[1]) for f in blocks])
        places = np.concatenate([np.column_stack(f[2]) for f in blocks])
        squares = np.concatenate([f[3] for f in blocks]).astype(np.float64)
        order = np.argsort(columns, axis=1)
        columns = np.take_along_axis(columns, order, axis=1)
        places = np.take_along_axis(places, order, axis=1)
        rows = np.lexsort((*columns.T, score))
        rows = rows[np.sort(np.unique(columns[rows], axis=0, return_index=True)[1])][:count]
        halves, dear = _tables()[0][places[rows]], _tables()[1][places[rows]]
        bits = self.bits[columns[rows]].sum(axis=1) + dear.sum(axis=1)
        return Chosen(columns[rows], halves, squares[rows], bits)


def _fewest(score: Single, count: int) -> tuple[IntArray, IntArray]:
    """Places of the smallest scores that are finite."""
    few = min(count, score.size) - 1
    order = np.argpartition(score, few, axis=None)[: few + 1]
    order = order[np.isfinite(score.ravel()[order])]
    rows, columns = np.unravel_index(order, score.shape)
    return rows.astype(np.int64), columns.astype(np.int64)


# ---- Power law times one, two or three factors: t = m Π g_j(c_j u_j)^b_j, linear in the
# logarithm.
#
# In the logarithm such a law is a power law plus a few columns, log|t| = a0 + Σ a_k log pi_k +
# b_i d_i + b_j d_j. One factor may have a free constant, whose start is the best of a grid. For
# simple constants and powers, with the power law projected out, the best powers of every pair
# follow from one matrix of inner products, and those of triples from some of its rows; they are
# rounded one after the other, the others following, and so does the sum of squares that the
# rounded ones leave. In noise this finds what a search with free constants does not: among many
# families that can be bent to fit, the one that fits with nothing to bend.


# columns in all; of pairs: short rows, best rows, partners of any other column; columns of triples
_SIZE, _ROWS, _BEST, _NARROW, _SHORTEST = 9000, 2500, 300, 600, 120
# sets that are rounded, fitted; pairs that are grown by any column, and by a short one: where the
# third explains much, the right pair is not among the first; columns fitted for further targets
_ROUNDED, _FITTED, _GROWN, _FURTHER, _OTHERS = 1500, 80, 150, 700, 10
# best sets whose constants are free too: each costs some refits
_LOOSE = 3
_AIMS, _FEW = 7, 2500  # targets of pairs; columns of a target with weights of its own
# columns with free constants, single factors of them that are refined for the first target, and
# for each further one, as the right one is among the first there; share of the squares that single
# precision no longer sees
_FREE, _ALONE, _AFTER, _SEEN = 16_000, 60, 8, 1e-7
# first ones of two such factors of each kind, second ones for each, and pairs that are refined;
# share of a column beside the first below which it is the same
_PARTNERS, _BESIDE, _PAIRS, _PARALLEL = 12, 4, 20, 1e-5
# shortest monomials, and how many of those with half exponents are arguments beside the others: in
# place of others two development laws of 42 (30 runs, 2 %) are lost, and with free constants inside
# a third of the pairs of two factors
_HALVES, _ROOTS = 60, 20


def arguments_of(runs: Runs) -> Terms:
    """What functions are tried on: monomials, differences, their squares, modulated monomials."""
    simple = plain(runs, 110) + differences(runs, 110)
    squares = differences(runs, 100, signs=("-",)).raised(Fraction(2))
    inner = plain(runs, 12) + differences(runs, 24)
    return simple + squares + modulated(runs, inner, 1200)


def roots(runs: Runs) -> Terms:
    """Short monomials with half exponents, such as x/sqrt(D t)."""
    short = plain(runs, _HALVES, halves=True)
    broken = [any(x.denominator > 1 for x in each) for each in short.exponents]
    return short.take(np.flatnonzero(broken)).first(_ROOTS)


@dataclass(frozen=True, eq=False)
class FactorSearch:
    """Search over the columns of a dictionary.

    Parameters
    ----------
    runs : Runs
    arguments : Terms
    root : ndarray of shape (n_runs,)
        Square roots of the weights of the logarithm.
    base : ndarray of shape (n_runs, r)
        Orthonormal basis of the weighted power law.
    columns : Dictionary
    n_free : int
        How many of the arguments, the first ones, free constants are tried with: not the roots.
    """

    runs: Runs
    arguments: Terms
    root: Array
    base: Array
    columns: Dictionary
    n_free: int

    @classmethod
    def over(cls, runs: Runs) -> "FactorSearch":
        """With the cheapest columns over monomials, differences and modulated arguments."""
        others, base = arguments_of(runs), power_basis(runs, runs.log_root)
        arguments = others + roots(runs)
        columns = Dictionary.of(runs, arguments, base, _SIZE, simple_factors())
        return cls(runs, arguments, runs.log_root, base, columns, len(others))

    @cached_property
    def free(self) -> Dictionary:
        """Columns with constants of a grid."""
        arguments = self.arguments.first(self.n_free)
        return Dictionary.of(self.runs, arguments, self.base, _FREE, free_factors())

    def loosely(self, targets: list[Target], archive: Archive) -> None:
        """One factor with a free constant and a free power, for every target."""
        for k, target in archive.until_exact(enumerate(targets)):
            bits = self._loose_bits(self._off_base(target), self.free.squares)
            for i in self._distinct(bits, _AFTER if k else _ALONE):
                model = self.model(np.array([i]), self.free)
                fit_rounded(model, target, archive, self.root)

    def two_loosely(self, target: Target, archive: Archive) -> None:
        """Two factors with free constants and powers.

        The first is a short exponential or one of the best alone, and the second the best beside
        it, as an activation beside a saturation.
        """
        e, P, length = self._off_base(target), self.free.projected, self.free.squares
        exponential = np.array([form.function == EXPONENTIAL for form in self.free.form])
        short = np.argsort(np.where(exponential, self.free.bits, np.inf), kind="stable")[:_PARTNERS]
        best = self._distinct(self._loose_bits(e, length), _PARTNERS)
        scored: list[tuple[float, int, int]] = []
        for i in dict.fromkeys([*short.tolist(), *best]):
            archive.check()
            unit = P[i] / np.sqrt(length[i])
            beside = np.maximum(length - (P @ unit) ** 2, 0.0)
            beside = np.where(beside > _PARALLEL * length, beside, np.inf)
            bits = self._loose_bits(e - unit * (unit @ e), beside) + self.free.bits[i]
            scored += [(float(bits[j]), i, j) for j in self._distinct(bits, _BESIDE)]
        for _, i, j in archive.until_exact(sorted(scored)[:_PAIRS]):
            fit_rounded(self.model(np.array([i, j]), self.free), target, archive, self.root)

    def _off_base(self, target: Target) -> Array:
        """Weighted logarithms of a target, less a power law."""
        with np.errstate(all="ignore"):
            e = weighted(target.logs, self.root)
        e = np.where(np.isfinite(e), e, 0.0)
        return np.asarray(e - self.base @ (self.base.T @ e), dtype=np.float32)

    def _loose_bits(self, e: Array, length: Array) -> Array:
        """Bits of one more factor with a free constant, its columns being of these lengths."""
        whole = float(e @ e)
        rest = np.maximum(whole - (self.free.projected @ e) ** 2 / length, _SEEN * whole)
        return np.asarray(squares_bits(rest, self.runs.n_runs) + self.free.bits)

    def _distinct(self, bits: Array, count: int) -> list[int]:
        """The best columns of different functions and arguments."""
        first: dict[tuple[str, int], int] = {}
        for i in np.argsort(bits, kind="stable").tolist():
            first.setdefault((self.free.form[i].function, int(self.free.argument[i])), i)
            if len(first) == count:
                break
        return list(first.values())

    def search(self, targets: list[Target], archive: Archive, most: int = 3) -> None:
        """One, two and three factors; of many targets, two for the first and the best of one."""
        ranked: list[tuple[float, int]] = []
        for k, target in archive.until_exact(enumerate(targets)):
            aim = self._aim(target, archive)
            if aim is None:
                continue
            singles = aim.sums.singles().best(self.runs.n_runs, _ROUNDED)
            aim.fit(singles, _FITTED if k == 0 else _OTHERS)
            if len(singles.squares):
                bits = squares_bits(singles.squares, self.runs.n_runs) + singles.bits
                ranked.append((float(bits.min()), k))
        ranked.sort(key=lambda r: (r[1] > 0, r))
        for _, k in archive.until_exact(ranked[: _AIMS if most > 1 else 0]):
            aim = self._aim(targets[k], archive)
            if aim is not None:
                aim.several(most)

    def _aim(self, target: Target, archive: Archive) -> "_Aim | None":
        """Arrays for one target; None if its logarithm fails."""
        root = target.log_root(self.runs)
        with np.errstate(all="ignore"):
            t = weighted(target.logs, root)
        if not len(self.columns.bits) or not np.any(root) or not np.all(np.isfinite(t)):
            return None
        search = self
        if not np.allclose(root, self.root, rtol=1e-6):
            base = power_basis(self.runs, root)
            columns = self.columns.projected_off(base, root, _FEW)
            search = replace(self, root=root, base=base, columns=columns)
            if not len(columns.bits):
                return None
        e = t - search.base @ (search.base.T @ t)
        sums = Combinations(search.columns.projected, e, search.columns.bits)
        return _Aim(search, target, archive, t, sums)

    def model(self, picked: IntArray, columns: Dictionary) -> ProductModel:
        """The power law times some columns."""
        places = columns.argument[picked]
        return ProductModel(
            tuple(columns.form[i].function for i in picked),
            tuple(self.arguments.trees[k] for k in places),
            self.arguments.values[:, places],
            columns.constant[picked],
        )


@dataclass(frozen=True, eq=False)
class _Aim:
    """A search with the weights of a target, log|t|, and the sums of squares of its columns."""

    scan: FactorSearch
    target: Target
    archive: Archive
    t: Array
    sums: Combinations

    def several(self, most: int) -> None:
        """Pairs of short columns, of the best with short ones, and of any with the shortest."""
        sums, check = self.sums, self.archive.check
        n, width = sums.n_runs, len(sums.bits)
        alone = np.unique(sums.singles().best(n, _BEST).columns[:, 0])
        rows = np.union1d(np.arange(min(_ROWS, width)), alone)
        further = np.setdiff1d(np.arange(width), rows)
        pairs = sums.grown(rows[:, None], min(_ROWS, width), _ROUNDED, check)
        if len(further):
            more = sums.grown(further[:, None], _NARROW, _ROUNDED, check)
            pairs = pairs.joined(more).best(n, _ROUNDED)
        self.fit(pairs, _FITTED)
        if self.archive.exact or most < 3 or not len(pairs.squares):
            return
        short = np.column_stack(np.triu_indices(min(_SHORTEST, width), 1))
        first, others = pairs.columns[:_GROWN], pairs.columns[_GROWN:_FURTHER]
        sets = (first, width), (others, _ROWS), (short, _SHORTEST)
        triples = [sums.grown(s, min(w, width), _ROUNDED, check) for s, w in sets if len(s)]
        self.fit(reduce(Chosen.joined, triples).best(n, _ROUNDED), _FITTED)

    def fit(self, chosen: Chosen, count: int) -> None:
        """Round the power law that goes with each choice, and fit the shortest messages."""
        scan, archive = self.scan, self.archive
        archive.check()
        if not len(chosen.squares):
            return
        chosen = chosen.with_plain_powers()
        factors = chosen.halves[:, :, None] / 2 * scan.columns.values[chosen.columns]
        rest = self.t[:, None] - weighted(factors.sum(axis=1).T, scan.root)
        scored: dict[tuple[int, tuple[Fraction, ...]], tuple[float, float]] = {}
        for theta, squares in rounded_power_laws(scan.runs, scan.root, rest):
            bits = squares_bits(squares, scan.runs.n_runs) + chosen.bits
            bits += self._front_bits(theta[1:])
            for c in np.argsort(bits, kind="stable")[: 2 * count]:
                if not np.isfinite(bits[c]):
                    break
                front = tuple(Fraction(float(x)).limit_denominator(12) for x in theta[1:, c])
                if max(map(abs, front), default=0) <= LARGEST:
                    scored.setdefault((int(c), front), (float(bits[c]), float(theta[0, c])))
        ordered = sorted(scored.items(), key=lambda item: (item[1][0], item[0]))
        for (c, front), (_, intercept) in archive.until_exact(ordered[:count]):
            powers = [Fraction(int(h), 2) for h in chosen.halves[c]]
            self._attempt(chosen.columns[c], powers, front, intercept)
        # the best sets again, with constants and powers that are free at first
        for c in archive.until_exact(list(dict.fromkeys(c for (c, _), _ in ordered))[:_LOOSE]):
            model = scan.model(chosen.columns[c], scan.columns)
            fit_rounded(model, self.target, archive, scan.root)

    def _front_bits(self, exponents: Array) -> Array:
        """Bits of monomials, one for each column of exponents of the groups."""
        runs = self.scan.runs
        size = np.abs(runs.shape @ exponents - self.target.power * runs.shift[:, None])
        columns, place = np.unique(np.round(size, 6), axis=1, return_inverse=True)
        return np.array([monomial_bits(column) for column in columns.T])[place]

    def _attempt(
        self, picked: IntArray, powers: list[Fraction], front: Exponents, intercept: float
    ) -> None:
        """Fit one law, whose prefactor alone is free."""
        scan, numbers = self.scan, [Number(float(np.exp(np.clip(intercept, *_ENDS))))]
        for i, power in zip(picked, powers, strict=True):
            form = scan.columns.form[i]
            scale = exact(power) if form.function == EXPONENTIAL else form.scale or ONE
            numbers.append(scale.signed(form.sign))
        model = scan.model(picked, scan.columns)
        tree = tree_of(model, scan.runs, self.target, monomial(front), powers, numbers)
        if tree is not None:
            self.archive.add(self.target.back(tree))
