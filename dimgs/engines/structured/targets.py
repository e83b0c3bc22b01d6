"""Transformed responses whose logarithm, or themselves, may be simpler than the response."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dimgs.engines.structured.arguments import MINUS
from dimgs.engines.structured.monomials import short_monomials
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import (
    Call,
    Power,
    Product,
    Sum,
    Tree,
    monomial,
    powered,
)

Array = NDArray[np.float64]
_ONE_SIGN = 0.9
POWERS = (Fraction(1), Fraction(2), Fraction(-1), Fraction(-2), Fraction(1, 2), Fraction(-1, 2))


@dataclass(frozen=True, eq=False)
class Target:
    """t = T(y), and how the law for t becomes one for y.

    Parameters
    ----------
    name : str
    values : ndarray of shape (n_runs,)
    back : callable
        Tree of y from that of t.
    power : float
        Power of the response in t (0 if it is dimensionless by necessity).
    slope : ndarray of shape (n_runs,)
        |dt/dy|, to weigh the errors of t.
    """

    name: str
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
            size = np.abs(self.values) / (self.slope * runs.size)
            size[np.abs(self.values) < self.slope * runs.blind] = 0.0
        return np.asarray(np.sqrt(runs.weights) * np.where(np.isfinite(size), size, 0.0))


def response(runs: Runs) -> Target:
    """The response itself."""
    return Target("y", runs.y, lambda tree: tree, 1.0, np.ones(runs.n_runs))


def powers(runs: Runs) -> list[Target]:
    """The response and its powers."""
    out = [response(runs)]
    for p in POWERS[1:]:
        if np.all(runs.y > 0):
            values = runs.y ** float(p)
            slope = np.abs(float(p)) * values / runs.y
            out.append(Target(f"y^{p}", values, _root(1 / p), float(p), slope))
        elif p == -1 and np.all(runs.y != 0):
            out.append(Target("y^-1", 1 / runs.y, _root(p), -1.0, 1 / runs.y**2))
    return out


def _root(power: Fraction) -> Callable[[Tree], Tree]:
    return lambda tree: powered(tree, power)


def functions(runs: Runs) -> list[Target]:
    """Sin y, cos y, tan y, exp y, log y, where the response lies in the branch of the inverse."""
    y = runs.y
    low, high = float(y.min()), float(y.max())
    out = []
    if low >= -np.pi / 2 and high <= np.pi / 2:
        out.append(Target("sin", np.sin(y), _call("asin"), 0.0, np.abs(np.cos(y))))
        out.append(Target("tan", np.tan(y), _call("atan"), 0.0, 1 / np.cos(y) ** 2))
    if low >= 0 and high <= np.pi:
        out.append(Target("cos", np.cos(y), _call("acos"), 0.0, np.abs(np.sin(y))))
    if high - low < 100 and np.abs(y).max() < 300:
        out.append(Target("exp", np.exp(y), _call("log"), 0.0, np.exp(y)))
    if low > 0 and not np.any(y == 1):
        out.append(Target("log", np.log(y), _call("exp"), 0.0, 1 / y))
    return out


def _call(name: str) -> Callable[[Tree], Tree]:
    inverse = {"log": "exp", "exp": "log"}.get(name)

    def build(tree: Tree) -> Tree:
        if isinstance(tree, Call) and tree.name == inverse:
            return tree.argument
        return Call(name, tree)

    return build


def shifted(runs: Runs, count: int) -> list[Target]:
    """The response less or plus a short monomial of its own dimension."""
    found = short_monomials(runs, count, power=1.0)
    out = []
    for k, exponents in enumerate(found.exponents):
        for sign in (1, -1):
            values = runs.y - sign * found.values[:, k]
            if np.any(values == 0) or float(np.abs(values).max()) == 0:
                continue
            part = monomial(exponents)
            term: Tree = part if sign == 1 else Product((MINUS, part))
            name = f"y{'-' if sign == 1 else '+'}m{k}"
            out.append(Target(name, values, _plus(term), 1.0, np.ones(runs.n_runs)))
    return out


def _plus(term: Tree) -> Callable[[Tree], Tree]:
    return lambda tree: Sum((term, tree))


def shifted_powers(runs: Runs, count: int) -> list[Target]:
    """Powers of a positive response less or plus a short monomial, such as 1/y - m."""
    out = []
    for power in powers(runs)[1:] if np.all(runs.y > 0) else []:
        exponent = Fraction(power.power).limit_denominator(2)
        found = short_monomials(runs, count, power=power.power)
        for k, exponents in enumerate(found.exponents):
            part = monomial(exponents)
            for sign in (1, -1):
                values = power.values - sign * found.values[:, k]
                if np.any(values == 0) or abs(float(np.sign(values).mean())) < _ONE_SIGN:
                    continue
                term = part if sign == 1 else Product((MINUS, part))
                name = f"{power.name}{'-' if sign == 1 else '+'}m{k}"
                back = _plus_powered(term, 1 / exponent)
                out.append(Target(name, values, back, power.power, power.slope))
    return out


def _plus_powered(term: Tree, power: Fraction) -> Callable[[Tree], Tree]:
    return lambda tree: Power(Sum((term, tree)), power)


def shifted_squares(runs: Runs, count: int) -> list[Target]:
    """The square of the response less or plus a short monomial."""
    out = []
    for target in shifted(runs, count):
        sign = float(np.sign(target.values[0]))
        if not np.all(np.sign(target.values) == sign):
            continue
        out.append(
            Target(
                f"({target.name})^2",
                target.values**2,
                _signed_root(target.back, sign),
                2.0,
                2 * np.abs(target.values),
            )
        )
    return out


def _signed_root(back: Callable[[Tree], Tree], sign: float) -> Callable[[Tree], Tree]:
    def build(tree: Tree) -> Tree:
        root: Tree = Power(tree, Fraction(1, 2))
        return back(root if sign > 0 else Product((MINUS, root)))

    return build
