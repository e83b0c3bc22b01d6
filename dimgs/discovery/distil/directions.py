"""What an exponent may belong to: one input, along a group x, with groups z that are free of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import sympy

from dimgs.arrays import LARGEST_LOG, Array
from dimgs.design.features import Design, Feature
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
    found = _Groups(design, grouped)
    plain = [_unlogged(design, f) for f in design.features if f.group is None]
    for variable in found.data_names:
        of_it = [m for m in found.monomials if found.exponent(m, variable) == 1]
        free = found.independent([m for m in found.monomials if found.exponent(m, variable) == 0])
        if not of_it or len(free) + len(plain) == 0:
            continue
        z = (*(found.argument(m) for m in free), *plain)
        differences = list(found.differences(variable))
        sets: list[tuple[Argument, ...]] = [(u,) for u, _, _ in differences]
        for u, p, q in differences:
            rest = found.independent(
                [
                    m
                    for m in found.monomials
                    if not any(found.exponent(m, v) for v in (variable, p, q))
                ]
            )
            if rest or plain:
                sets.append((u, *(found.argument(m) for m in rest), *plain))
        yield Direction(variable, found.argument(of_it[0]), z, (*sets, z))


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
        found = np.linalg.lstsq(self.shape.T, wanted, rcond=None)[0]
        rounded = np.asarray(np.round(found), dtype=np.intp).ravel()
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
