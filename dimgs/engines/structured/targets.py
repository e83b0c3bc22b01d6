"""Transformed responses whose logarithm, or themselves, may be simpler than the response."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, partial

import numpy as np

from dimgs.common.arrays import Array
from dimgs.engines.structured.columns import Terms, short_monomials
from dimgs.engines.structured.runs import Runs, log_around
from dimgs.engines.structured.trees import (
    FUNCTIONS,
    Call,
    Function,
    Sum,
    Tree,
    negated,
    powered,
    with_front,
)

# mean sign of a difference whose logarithm is taken: nearer to 0, and runs of the other sign count
_ONE_SIGN = 0.9
# short monomials that are looked at for each product of signed groups: many share one
_LOOKED_AT = 15
POWERS = (Fraction(1), Fraction(2), Fraction(-1), Fraction(-2), Fraction(1, 2), Fraction(-1, 2))
# cubes of sums, and those below
CUBE = (Fraction(1, 3), Fraction(-1, 3))
# of laws that blend two others, as in Churchill and Usagi (1972)
FURTHER = tuple(
    Fraction(*x) for x in ((3, 1), (-3, 1), (1, 3), (-1, 3), (3, 2), (-3, 2), (4, 1), (-4, 1))
)
# functions of the response with their inverses, and between which responses these undo them
_LINKS = {
    "sin": ("asin", -np.pi / 2, np.pi / 2),
    "tan": ("atan", -np.pi / 2, np.pi / 2),
    "cos": ("acos", 0.0, np.pi),
    "exp": ("log", -300.0, 300.0),
    "log": ("exp", np.nextafter(0.0, 1.0), np.inf),
}
# of responses whose exponentials are compared: of a wider span the largest alone counts
_LARGEST_SPAN = 100.0


@dataclass(frozen=True, eq=False)
class Target:
    """t = T(y), and how the law for t becomes one for y.

    Parameters
    ----------
    name : str
    at, values : ndarray of shape (n_runs,)
        T where the response is expected, and T of the response to first order around that; see
        `Runs.anchor`.
    back : callable
        Tree of y from that of t.
    power : float
        Power of the response in t (0 if it is dimensionless by necessity).
    slope : ndarray of shape (n_runs,)
        |dt/dy|, to weigh the errors of t.

    References
    ----------
    P. McCullagh, J. A. Nelder, Generalized Linear Models, 2nd ed. (1989), section 2.5 (working
    responses).
    """

    name: str
    at: Array
    values: Array
    back: Callable[[Tree], Tree]
    power: float
    slope: Array

    def root(self, runs: Runs) -> Array:
        """Square roots of the weights of t, shape (n_runs,)."""
        return np.asarray(np.sqrt(runs.weights) / (self.slope * runs.size))

    def log_root(self, runs: Runs) -> Array:
        """Square roots of the weights of log|t|, shape (n_runs,)."""
        with np.errstate(all="ignore"):
            size = np.abs(self.at) / (self.slope * runs.size)
        return np.asarray(np.sqrt(runs.weights) * np.where(np.isfinite(size), size, 0.0))

    @cached_property
    def logs(self) -> Array:
        """log|t|, to first order, shape (n_runs,)."""
        return log_around(self.at, self.values)

    def monomials(self, runs: Runs, count: int, *, halves: bool = False) -> Terms:
        """Short monomials of the dimension of t, those near its power law among them."""
        near = runs.power_law * self.power if self.power else None
        return short_monomials(runs, count, power=self.power, halves=halves, near=near)

    @classmethod
    def of(
        cls, runs: Runs, function: Function, back: Callable[[Tree], Tree], power: float = 0.0
    ) -> "Target":
        """A function of the response."""
        at, change = function.value(runs.anchor), function.slope(runs.anchor)
        moved = np.where(runs.anchor == runs.y, 0.0, change * (runs.y - runs.anchor))
        return cls(function.name, at, at + moved, back, power, np.abs(change))

    def moved(self, name: str, part: Array, back: Callable[[Tree], Tree]) -> "Target":
        """The target minus a part."""
        at, values = self.at - part, self.values - part
        return replace(self, name=name, at=at, values=values, back=back)


def response(runs: Runs) -> Target:
    """The response itself."""
    return Target.of(runs, Function("y", lambda y: y, np.ones_like), lambda tree: tree, 1.0)


def powers(runs: Runs, exponents: Sequence[Fraction] = POWERS) -> list[Target]:
    """Powers of the response that are real in every run."""
    signed = {Fraction(1)} | ({Fraction(-1)} if np.all(runs.anchor != 0) else set())
    positive = bool(np.all(runs.anchor > 0))
    real = [p for p in exponents if positive or p in signed]
    return [response(runs) if p == 1 else _powered(runs, p, float(p)) for p in real]


def _powered(runs: Runs, p: Fraction, q: float) -> Target:
    power = Function(f"y^{p}", lambda y: y**q, lambda y: q * y ** (q - 1))
    target = Target.of(runs, power, partial(powered, power=1 / p), q)
    if q < 1:
        return target
    # of small responses the square is known, though not to first order around what is expected
    largest = np.maximum(np.abs(runs.anchor), np.abs(runs.y))
    return replace(target, values=runs.y**q, slope=q * largest ** (q - 1))


def over_signed(runs: Runs, count: int) -> list[Target]:
    """The response over short products of groups that have a sign, which has a logarithm."""
    signed = [k for k, logged in enumerate(runs.logged) if not logged]
    if not signed:
        return []
    monomials = short_monomials(runs, _LOOKED_AT * count, power=1.0)
    parts = dict.fromkeys(
        tuple(e if k in signed else Fraction(0) for k, e in enumerate(exponents))
        for exponents in monomials.exponents
    )
    out, itself = [], response(runs)
    short = sorted((e for e in parts if any(e)), key=lambda e: min(e) < 0)
    for exponents in short[:count]:
        s = runs.monomial(exponents)
        some = s != 0
        with np.errstate(all="ignore"):
            # where the product vanishes, nothing is known of what it is multiplied with
            at, values = (np.where(some, x / s, 1.0) for x in (itself.at, itself.values))
            slope = np.where(some, 1 / np.abs(s), np.inf)
        if np.all(np.isfinite(at)) and np.any(some):
            back = partial(with_front, exponents)
            out.append(Target("y/s", at, values, back, 0.0, slope))
    return out


def functions(runs: Runs) -> list[Target]:
    """Sin y, tan y, cos y, exp y, log y, where the response lies in the branch of the inverse."""
    y = runs.anchor
    low, high = float(y.min()), float(y.max())
    barred = {"exp": high - low >= _LARGEST_SPAN, "log": bool(np.any(y == 1))}
    inside = [name for name, (_, least, most) in _LINKS.items() if least <= low and high <= most]
    return [
        Target.of(runs, FUNCTIONS[name], _called(_LINKS[name][0]))
        for name in inside
        if not barred.get(name)
    ]


def _called(name: str) -> Callable[[Tree], Tree]:
    """The function of a tree; of its inverse the argument, for exponentials and logarithms."""
    inverse = {"log": "exp", "exp": "log"}.get(name)

    def build(tree: Tree) -> Tree:
        if isinstance(tree, Call) and tree.name == inverse:
            return tree.argument
        return Call(name, tree)

    return build


def shifted(runs: Runs, targets: Sequence[Target], count: int) -> list[Target]:
    """The response or its powers, less or plus a short monomial of their own dimension.

    Parameters
    ----------
    runs : Runs
    targets : sequence of Target
        The response, which may have either sign, or powers of one that is positive.
    count : int
        How many monomials for each.
    """
    out = []
    for target in targets:
        monomials = short_monomials(runs, count, power=target.power)
        for k, term in enumerate(monomials.trees):
            for sign in (1, -1):
                name = f"{target.name}{'-' if sign == 1 else '+'}m{k}"
                back = _plus(term if sign == 1 else negated(term), target.back)
                moved = target.moved(name, sign * monomials.values[:, k], back)
                least = 0.0 if target.power == 1 else _ONE_SIGN
                if not np.any(moved.at == 0) and abs(float(np.sign(moved.at).mean())) >= least:
                    out.append(moved)
    return out


def _plus(term: Tree, back: Callable[[Tree], Tree]) -> Callable[[Tree], Tree]:
    return lambda tree: back(Sum((term, tree)))
