"""Exponents to rationals and constants to simple numbers, jointly; then trees.

Exponents and the constants inside their factors are often hard to separate: (1 + c u)^b is much
the same for many pairs of c and b. So combinations of simple constants and of rational exponents
are compared by their length and by the sum of squares that each would have (exactly so in a linear
model), and only the shortest messages are fitted. Exponents are rounded by nearest plane: the
surest first, the others follow.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product

import numpy as np

from dimgs.common.arrays import Array
from dimgs.engines.selection import constants_bits
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.columns import AFFINE, EXPONENTIAL, ITSELF
from dimgs.engines.structured.description import (
    canonical,
    law_bits,
    simple_number_near,
)
from dimgs.engines.structured.functions import FUNCTIONS
from dimgs.engines.structured.model import (
    DENOMINATORS,
    LARGEST,
    ProductModel,
    State,
    refine,
    simplest_exponent,
)
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.targets import Target
from dimgs.engines.structured.trees import (
    ONE,
    Call,
    Mono,
    Number,
    Product,
    Sum,
    Tree,
    exact,
    powered,
)
from dimgs.groups.rationals import exponent_bits

# standard errors that an exponent may be moved when it is rounded
_TOO_FAR = 8.0
# standard errors within which a constant is a simple number, and the widest such window: a factor
# of two, beyond which any constant would be one
_ERRORS, _WIDEST = 3.0, 0.7
# shortest messages that are fitted
_KEPT = 4
# mean square that counts as none
_TINY = 1e-20
# of the weight must have one sign for a law of one sign
_ONE_SIGN = 0.9


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
    refined = refine(model, archive.runs, target, root)
    for tree in () if refined is None else rounded_trees(refined, archive.runs, target):
        archive.add(tree)


def power_law(runs: Runs, target: Target, archive: Archive) -> None:
    """Fit the power laws alone."""
    fit_rounded(ProductModel((), (), None, np.zeros(0)), target, archive, runs.log_root)


def rounded_trees(model: ProductModel, runs: Runs, target: Target) -> Iterator[Tree]:
    """Trees of t's law with rational exponents, those of the shortest messages, as laws of y.

    Parameters
    ----------
    model : ProductModel
        Refined.
    runs : Runs
    target : Target
    """
    scored: list[tuple[float, int, State]] = []
    seen: set[tuple[object, ...]] = set()
    for state in _rounded(model, runs):
        texts = tuple((i, n.text) for i, n in sorted(state.numbers.items()))
        key = (*(state.exponents[i] for i in sorted(state.exponents)), texts)
        if key not in seen:
            seen.add(key)
            scored.append((_length(state, model, runs), len(scored), state))
    for _, _, state in sorted(scored, key=lambda s: s[:2])[:_KEPT]:
        tree = tree_of(model, runs, target, state)
        if tree is not None:
            yield target.back(tree)


def _rounded(model: ProductModel, runs: Runs) -> Iterator[State]:
    """Every combination of simple constants and of denominators that is not too far."""
    assert model.coefficients is not None
    assert model.covariance is not None
    inside = _inside(model)
    first = 1 + runs.n_groups
    whole = len(model.coefficients)
    theta = np.concatenate([model.coefficients, np.log(np.abs(model.c[inside]))])
    start = State(
        theta,
        model.covariance,
        model.variance * max(runs.n_runs - len(theta), 1),
        model.variance,
    )
    varied = [1 + k for k in range(runs.n_groups) if runs.logged[k]]
    varied += [first + j for j, name in enumerate(model.functions) if name != EXPONENTIAL]
    for choice in product((True, False), repeat=len(inside)):
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


def _inside(model: ProductModel) -> list[int]:
    """Factors whose constant is not linear."""
    return [j for j, name in enumerate(model.functions) if name not in (EXPONENTIAL, ITSELF)]


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


def nearest_plane(state: State, varied: Sequence[int], q: int | None = None) -> State | None:
    """Round one exponent after the other, the others following; None where one is too far.

    With a common denominator q the surest comes first; without, the one of the smallest denominator
    within its error, such as 1/3 before 4/5.
    """
    left = list(varied)
    while left:
        i, denominator = state.surest(left), q
        if denominator is None:
            errors = np.array([state.error(k) for k in left])
            place, denominator = simplest_exponent(np.asarray(state.theta[left]), errors)
            i = left[place]
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
    data = 0.5 * n * float(np.log2(state.squares / n + _TINY))
    structure = law_bits(_front(state, runs), runs)
    for j in range(model.size):
        size = abs(float(state.exponents.get(first + j, 1)))
        structure += 0.0 if size == 1 else 2.0 + exponent_bits(size)
    free = 1 + sum(name != ITSELF for name in model.functions) - len(state.numbers)
    structure += sum(number.bits for number in state.numbers.values())
    return data + structure + constants_bits(free, n)


def _front(state: State, runs: Runs) -> Mono:
    return Mono(tuple(state.exponents.get(1 + k, Fraction(0)) for k in range(runs.n_groups)))


def tree_of(model: ProductModel, runs: Runs, target: Target, state: State) -> Tree | None:
    """Tree of t's law; None where it is not real, or its sign is not that of t."""
    front, first = _front(state, runs), 1 + runs.n_groups
    factors: list[Tree] = [front] if any(front.exponents) else []
    sign = np.sign(target.at)
    inside = _inside(model)
    assert model.coefficients is not None
    for j, name in enumerate(model.functions):
        argument = model.trees[j]
        assert model.u is not None
        u = model.u[:, j]
        if name == EXPONENTIAL:
            rate = _number(state, first + j, float(state.theta[first + j]))
            factors.append(Call("exp", _times(rate, argument)))
            continue
        b = state.exponents[first + j]
        if b == 0:
            return None
        number = ONE
        if name != ITSELF:
            place = len(model.coefficients) + inside.index(j)
            size = float(np.exp(np.clip(state.theta[place], -300, 300)))
            number = _number(state, place, float(np.sign(model.c[j])) * size)
        base, g = _factor(name, number, argument, u)
        if np.all(g < 0) and b.denominator > 1:
            base = _negated(base)
        elif np.any(g < 0) and b.denominator > 1:
            return None
        elif b.numerator % 2:
            sign = sign * np.sign(g)
        factors.append(base if b == 1 else powered(base, b))
    prefactor = _number(state, 0, float(np.exp(np.clip(state.theta[0], -300, 300))))
    weights = target.log_root(runs) ** 2
    mean = float(weights @ sign) / float(weights.sum() or 1.0)
    if abs(mean) < _ONE_SIGN:
        return None
    if mean < 0:
        prefactor = Number(-prefactor.value, None if prefactor.free else f"-{prefactor.text}")
    if prefactor != ONE or not factors:
        factors = [prefactor, *factors]
    return canonical(Product(tuple(factors)) if len(factors) > 1 else factors[0], runs)


def _number(state: State, i: int, value: float) -> Number:
    simple_number = state.numbers.get(i)
    return Number(value) if simple_number is None else simple_number.signed(value)


def _times(number: Number, tree: Tree) -> Tree:
    return tree if number == ONE else Product((number, tree))


def _factor(name: str, number: Number, argument: Tree, u: Array) -> tuple[Tree, Array]:
    """A factor without its exponent, and its values."""
    if name == ITSELF:
        return argument, u
    inner, v = _times(number, argument), number.value * u
    with np.errstate(all="ignore"):
        if name == AFFINE:
            return Sum((ONE, inner)), 1 + v
        return Call(name, inner), FUNCTIONS[name].value(v)


def _negated(tree: Tree) -> Tree:
    if isinstance(tree, Sum):
        return Sum(tuple(_negated(term) for term in tree.terms))
    if isinstance(tree, Number):
        text = None if tree.text is None else tree.text[1:]
        if text is not None and not str(tree.text).startswith("-"):
            text = f"-{tree.text}"
        return Number(-tree.value, text)
    if isinstance(tree, Product) and isinstance(tree.factors[0], Number):
        return _times_all(_negated(tree.factors[0]), tree.factors[1:])
    return Product((exact(-1), tree))


def _times_all(number: Tree, rest: tuple[Tree, ...]) -> Tree:
    if number == ONE:
        return rest[0] if len(rest) == 1 else Product(rest)
    return Product((number, *rest))
