"""Exponents to rationals, jointly: nearest plane, then trees with the constants left free."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dimgs.engines.structured.columns import AFFINE, EXPONENTIAL, ITSELF
from dimgs.engines.structured.functions import FUNCTIONS
from dimgs.engines.structured.model import Model
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

Array = NDArray[np.float64]
LARGEST, DENOMINATORS = 8, (1, 2, 3, 4, 6)
_TOO_FAR = 8.0


def rounded_trees(model: Model, runs: Runs, target: Target) -> Iterator[Tree]:
    """Trees of t's law with rational exponents, one for each admissible denominator, as laws of y.

    Parameters
    ----------
    model : Model
        Refined.
    runs : Runs
    target : Target
    """
    assert model.coefficients is not None
    seen: set[tuple[Fraction, ...]] = set()
    powers = [
        1 + k
        for k in range(runs.n_groups + model.size)
        if k < runs.n_groups or model.functions[k - runs.n_groups] != EXPONENTIAL
    ]
    varied = [i for i in powers if i > runs.n_groups or runs.logged[i - 1]]
    for q in DENOMINATORS:
        found = _nearest_plane(model, varied, q)
        if found is None:
            continue
        exponents, rest, c = found
        if exponents in seen or any(abs(x) > LARGEST for x in exponents):
            continue
        seen.add(exponents)
        tree = _tree(model, runs, target, dict(zip(varied, exponents, strict=True)), rest, c)
        if tree is not None:
            yield target.back(tree)


def _nearest_plane(
    model: Model, varied: list[int], q: int
) -> tuple[tuple[Fraction, ...], Array, Array] | None:
    """Round the surest exponent first and let the others follow, in turn."""
    assert model.coefficients is not None
    assert model.covariance is not None
    n_linear = len(model.coefficients)
    linear = (EXPONENTIAL, ITSELF)
    nonlinear = [j for j, name in enumerate(model.functions) if name not in linear]
    theta = np.concatenate([model.coefficients, np.zeros(len(nonlinear))])
    C = model.covariance.copy()
    left = list(varied)
    out: dict[int, Fraction] = {}
    while left:
        i = min(left, key=lambda k: (C[k, k], k))
        value = Fraction(round(float(theta[i]) * q), q)
        change = float(value) - theta[i]
        allowed = _TOO_FAR * np.sqrt(max(C[i, i], 0) * model.variance) + 0.02 + 0.05 / q
        if abs(change) > allowed:
            return None
        if C[i, i] > 0:
            theta = theta + C[:, i] / C[i, i] * change
            C = C - np.outer(C[:, i], C[i]) / C[i, i]
        theta[i] = float(value)
        out[i] = value
        left.remove(i)
    c = model.c.copy()
    c[nonlinear] = c[nonlinear] * np.exp(np.clip(theta[n_linear:], -1.0, 1.0))
    return tuple(out[i] for i in varied), theta[:n_linear], c


def _tree(
    model: Model,
    runs: Runs,
    target: Target,
    exponents: dict[int, Fraction],
    theta: Array,
    c: Array,
) -> Tree | None:
    mono = tuple(exponents.get(1 + k, Fraction(0)) for k in range(runs.n_groups))
    factors: list[Tree] = [Mono(mono)] if any(mono) else []
    sign = np.sign(target.values)
    for j, name in enumerate(model.functions):
        argument = model.trees[j]
        assert model.u is not None
        u = model.u[:, j]
        if name == EXPONENTIAL:
            rate = float(theta[1 + runs.n_groups + j])
            factors.append(Call("exp", Product((Number(rate), argument))))
            continue
        b = exponents[1 + runs.n_groups + j]
        if b == 0:
            return None
        with np.errstate(all="ignore"):
            g = u if name == ITSELF else _values(name, c[j] * u)
        base = argument
        if name != ITSELF:
            inner = Product((Number(float(c[j])), argument))
            base = Sum((ONE, inner)) if name == AFFINE else Call(name, inner)
        if np.all(g < 0) and b.denominator > 1:
            base = (
                Sum((exact(-1), Product((Number(-float(c[j])), argument))))
                if name == AFFINE
                else Product((exact(-1), base))
            )
        elif np.any(g < 0) and b.denominator > 1:
            return None
        elif b.numerator % 2:
            sign = sign * np.sign(g)
        factors.append(base if b == 1 else powered(base, b))
    prefactor = float(np.exp(np.clip(theta[0], -300, 300)))
    mean = float(np.mean(sign))
    if abs(mean) < 0.9:
        return None
    return Product((Number(prefactor if mean > 0 else -prefactor), *factors))


def _values(name: str, v: Array) -> Array:
    return np.asarray(1 + v if name == AFFINE else FUNCTIONS[name].value(v))
