"""A power law times factors: refined in the logarithm, made simple, and made a tree.

Exponents and the constants inside their factors are often hard to separate: (1 + c u)^b is much
the same for many pairs of c and b. So combinations of simple constants and of rational exponents
are compared by their length and by the sum of squares that each would have (exactly so in a linear
model), and only the shortest messages are fitted. Exponents are rounded by nearest plane: the
surest first, the others follow.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from dimgs.common.arrays import Array, unscaled_covariance
from dimgs.engines.selection import constants_bits
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.columns import (
    EXPONENTIAL,
    FACTORS,
    ITSELF,
    log_slope,
    log_values,
    of_argument,
    weighted,
)
from dimgs.engines.structured.description import canonical, law_bits, simple_number_near
from dimgs.engines.structured.refine import Projection, projected
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.targets import Target
from dimgs.engines.structured.trees import (
    ONE,
    Call,
    Number,
    Tree,
    free_monomial,
    negated,
    powered,
    times,
    to_the_power,
)
from dimgs.fits.nonlinear_least_squares import minimise_squares
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
        moved = steps(lambda x: fitted(x)[:2], moved).parameters
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
    basis, size, _ = np.linalg.svd(Z, full_matrices=False)
    return np.asarray(basis[:, size > 1e-10 * size[0]])


def rounded_power_laws(runs: Runs, root: Array, t: Array) -> list[tuple[Array, Array, float]]:
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
        For each denominator [intercept, exponents], shape (1 + n_groups, k), the sums of squares
        that they leave, shape (k,), and the variance of the intercept, for errors of variance 1.
        The surest exponent is rounded first.
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
        out.append((state.theta, state.squares, float(state.C[0, 0])))
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
        tree = tree_of(model, runs, target, state)
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
            yield from _with_simple_factors(rounded, model, first)


def _with_simple_factors(state: State, model: ProductModel, first: int) -> Iterator[State]:
    """Rates and the prefactor simple too, where they can be."""
    for j, name in enumerate(model.functions):
        if name == EXPONENTIAL:
            simple = with_simple_number(state, first + j, logarithm=False)
            if simple is not None:
                state = simple
                yield state
    simple = with_simple_number(state, 0)
    if simple is not None:
        yield simple


def with_simple_number(
    state: State, i: int, *, logarithm: bool = True, window: float | None = None
) -> State | None:
    """One parameter fixed at the simplest number within its error, or within a window.

    Parameters
    ----------
    state : State
    i : int
    logarithm : bool
        Whether the parameter is the logarithm of the constant.
    window : float, optional
        Of the logarithm of the constant.
    """
    value = float(state.theta[i])
    size = float(np.exp(np.clip(value, -300, 300))) if logarithm else abs(value)
    if window is None:
        error = state.error(i) / (1.0 if logarithm else size + 1e-300)
        window = _ERRORS * error + 1e-9
    simple = simple_number_near(size, min(window, _WIDEST))
    if simple is None:
        return None
    at = np.log(simple.value) if logarithm else np.sign(value) * simple.value
    out = state.fixed(i, float(at))
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
    structure = law_bits(_front(state, runs), runs)
    for j in range(len(model.functions)):
        size = abs(float(state.exponents.get(first + j, 1)))
        structure += 0.0 if size == 1 else 2.0 + exponent_bits(size)
    free = 1 + sum(name != ITSELF for name in model.functions) - len(state.numbers)
    logged = sum(runs.logged) + sum(name != EXPONENTIAL for name in model.functions)
    free += logged - len(state.exponents)
    structure += sum(number.bits for number in state.numbers.values())
    return float(squares_bits(state.squares, n)) + structure + constants_bits(free, n)


def _front(state: State, runs: Runs) -> Tree:
    """The monomial in front."""
    places = enumerate(runs.logged, start=1)
    return free_monomial([state.exponent(i) if log else Fraction(0) for i, log in places])


def tree_of(model: ProductModel, runs: Runs, target: Target, state: State) -> Tree | None:
    """Tree of t's law; None where it is not real, or its sign is not that of t."""
    factors, first = [_front(state, runs)], 1 + runs.n_groups
    sign = np.sign(target.at)
    for j, (name, argument, u) in enumerate(
        zip(model.functions, model.trees, model.u.T, strict=True)
    ):
        if name == EXPONENTIAL:
            rate = _number(state, first + j, float(state.theta[first + j]))
            factors.append(Call("exp", times(rate, argument)))
            continue
        b = state.exponent(first + j)
        if b == 0:
            return None
        number = ONE
        if name != ITSELF:
            place = first + len(model.functions) + model.inside.index(j)
            size = float(np.exp(np.clip(state.theta[place], -300, 300)))
            number = _number(state, place, float(np.sign(model.c[j])) * size)
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
    prefactor = _number(state, 0, float(np.exp(np.clip(state.theta[0], -300, 300))))
    weights = target.log_root(runs) ** 2
    mean = float(weights @ sign) / float(weights.sum() or 1.0)
    if abs(mean) < _ONE_SIGN:
        return None
    return canonical(times(prefactor if mean > 0 else negated(prefactor), *factors), runs)


def _number(state: State, i: int, value: float) -> Number:
    simple = state.numbers.get(i)
    return Number(value) if simple is None else simple.signed(value)
