"""Trees made ready for many evaluations with changing constants on the same runs."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dimgs.engines.structured.functions import FUNCTIONS
from dimgs.engines.structured.trees import (
    Call,
    Number,
    Power,
    Product,
    Sum,
    Tree,
    evaluate,
    nodes,
    raised,
)

if TYPE_CHECKING:
    from dimgs.engines.structured.runs import Runs

Array = NDArray[np.float64]
# the value, and its slope by each free constant in the order of the tree
Evaluated = tuple[Any, list[Any]]
Compiled = Callable[[Array], tuple[Array, Array]]
_Part = Callable[[Array], Evaluated]


def compiled(tree: Tree, runs: "Runs") -> Compiled:
    """Function of the free constants that gives values and their gradient.

    Parts without free constants are evaluated once, here.

    Returns
    -------
    callable
        From constants, shape (n_parameters,), to values, shape (n_runs,), and their gradient,
        shape (n_parameters, n_runs).
    """
    part, m = _part(tree, runs, count()), runs.n_runs

    def evaluated(theta: Array) -> tuple[Array, Array]:
        value, slopes = part(theta)
        gradient = np.empty((len(slopes), m))
        for row, slope in zip(gradient, slopes, strict=True):
            row[:] = slope
        return np.broadcast_to(value, (m,)), gradient

    return evaluated


def _part(tree: Tree, runs: "Runs", numbers: Iterator[int]) -> _Part:
    if not any(isinstance(n, Number) and n.free for n in nodes(tree)):
        known = tree.value if isinstance(tree, Number) else evaluate(tree, runs)[0]
        return lambda theta: (known, [])
    match tree:
        case Number():
            return _number(next(numbers))
        case Sum(terms):
            return _sum([_part(p, runs, numbers) for p in terms])
        case Product(factors):
            return _product([_part(p, runs, numbers) for p in factors])
        case Power(base, exponent):
            return _power(_part(base, runs, numbers), exponent)
        case Call(name, argument):
            return _call(_part(argument, runs, numbers), name)
        case _:
            raise AssertionError("a monomial has no free constant")


def _number(i: int) -> _Part:
    return lambda theta: (theta[i], [1.0])


def _sum(parts: list[_Part]) -> _Part:
    def evaluated(theta: Array) -> Evaluated:
        total: Any = 0.0
        slopes: list[Any] = []
        for part in parts:
            value, own = part(theta)
            total = total + value
            slopes += own
        return total, slopes

    return evaluated


def _product(parts: list[_Part]) -> _Part:
    def evaluated(theta: Array) -> Evaluated:
        pairs = [part(theta) for part in parts]
        slopes: list[Any] = []
        total: Any = 1.0
        for i, (value, own) in enumerate(pairs):
            if own:
                rest: Any = 1.0
                for j, (other, _) in enumerate(pairs):
                    if j != i:
                        rest = rest * other
                slopes += [slope * rest for slope in own]
            total = total * value
        return total, slopes

    return evaluated


def _power(part: _Part, exponent: Any) -> _Part:
    def evaluated(theta: Array) -> Evaluated:
        inside, slopes = part(theta)
        out = raised(inside, exponent)
        steep = float(exponent) * out / inside
        return out, [slope * steep for slope in slopes]

    return evaluated


def _call(part: _Part, name: str) -> _Part:
    function = FUNCTIONS[name]

    def evaluated(theta: Array) -> Evaluated:
        inside, slopes = part(theta)
        steep = function.slope(inside)
        return function.value(inside), [slope * steep for slope in slopes]

    return evaluated
