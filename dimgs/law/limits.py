"""Known limits: how a target grows where a group goes to zero or to infinity.

A run in the range of a limit is moved to the border of the range, along the input of the limit, and
its target changes by the exponent of the limit. Beyond the border, a law fitted to these runs has
this exponent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Any, Self

import numpy as np
import sympy

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.expression.simplest import monomial, read_group
from dimgs.fits.design import Design
from dimgs.groups.dimensions import DimensionalMatrix
from dimgs.law.checked_law import Names
from dimgs.law.law import Law
from dimgs.variables import Dimension

# by how much a target misses its limit where that begins to hold, by default
_MISS = 0.01


@dataclass(frozen=True)
class KnownLimit:
    """A target grows as a power of a group, where that is small or large.

    Attributes
    ----------
    target : str
    group : mapping of str to Fraction
        Exponents of the inputs.
    along : mapping of str to Fraction
        Powers of the group with which inputs change, so that the group does: of one input alone,
        where the limit names it.
    growth : float
        Power of the group with which the target grows along them.
    beyond : float
        Where the limit begins to hold.
    upward : bool
        Whether it holds above.
    miss : float
        Relative error of the growth.
    source : str
        Id of its entry, or "".

    Examples
    --------
    >>> limit = KnownLimit.of({"target": "CF", "group": "D*t/l^2", "at": 0, "input": "t",
    ...     "exponent": 0.5, "beyond": 0.01})
    >>> print(limit)
    CF grows with t as its power 0.5 where D*t/l**2 < 0.01
    """

    target: str
    group: Mapping[str, Fraction]
    along: Mapping[str, Fraction]
    growth: float
    beyond: float
    upward: bool
    miss: float = _MISS
    source: str = ""

    @classmethod
    def of(cls, content: Mapping[str, Any], source: str = "") -> Self:
        """From the content of a limit's entry, or from an equal mapping.

        Raises
        ------
        InputError
            If a part is absent or cannot be used.
        """
        for key in ("target", "group", "exponent", "beyond"):
            if content.get(key) is None:
                raise InputError(f"The limit lacks the key '{key}'; add it.")
        powers = read_group(str(content["group"]))
        through = content.get("input")
        if through is not None and through not in powers:
            raise InputError(f"The limit's input '{through}' is not in its group.")
        square = sum((e * e for e in powers.values()), Fraction(0))
        exponent = float(content["exponent"])
        if through is None:
            along, growth = {n: e / square for n, e in powers.items()}, exponent
        else:
            along, growth = {through: 1 / powers[through]}, exponent / float(powers[through])
        upward = content.get("at") in ("inf", "infinity")
        beyond, miss = float(content["beyond"]), float(content.get("miss") or _MISS)
        if not powers or not (0.0 < beyond < np.inf) or not miss > 0.0:
            raise InputError("A limit needs a group, and positive numbers as 'beyond' and 'miss'.")
        return cls(str(content["target"]), powers, along, growth, beyond, upward, miss, source)

    def value(self, logs: Mapping[str, Array]) -> Array:
        """Logarithm of the group, from logarithms of the inputs."""
        return np.asarray(sum(float(e) * logs[n] for n, e in self.group.items()))

    def depth(self, logs: Mapping[str, Array]) -> Array:
        """Logarithmic distance of runs beyond the border of the limit.

        Zero for runs where the limit does not hold.
        """
        depth = self.value(logs) - np.log(self.beyond)
        return np.asarray(np.maximum(depth, 0.0) if self.upward else np.minimum(depth, 0.0))

    def __str__(self) -> str:
        group = monomial(self.group.items())
        where = f"{group} {'>' if self.upward else '<'} {self.beyond:g}"
        if len(self.along) == 1:
            ((name, e),) = self.along.items()
            how = f"{name} as its power {self.growth / float(e):g}"
        else:
            how = f"{group} as its power {self.growth:g}"
        return f"{self.target} grows with {how} where {where}"


@dataclass(frozen=True, eq=False)
class LimitInGroups:
    """A limit in the features of a design.

    Attributes
    ----------
    limit : KnownLimit
    direction : tuple of Fraction
        Change of each feature for a change of the logarithm of the limit's group by one.
    group : tuple of Fraction
        The limit's group as a product of powers of the features.
    growth : float
        Change of the response.
    """

    limit: KnownLimit
    direction: tuple[Fraction, ...]
    group: tuple[Fraction, ...]
    growth: float

    @classmethod
    def of(cls, limit: KnownLimit, design: Design) -> Self | str:
        """The limit in the features of a design, or why it constrains nothing there."""
        if design.target.name != limit.target:
            return f"it is of '{limit.target}'"
        if design.scale != "log" or design.target.is_level:
            return "the target has no logarithm"
        inputs = [v.name for v in design.basis.variables if v.role == "data"]
        if lacking := [n for n in limit.group if n not in inputs]:
            return f"'{lacking[0]}' is in no group"
        touched = {n for f in design.features if not f.logged for n in f.variables}
        if touched & set(limit.along):
            return "the input that it names enters without a logarithm too"
        direction = tuple(
            sum((f.monomial.get(n) * e for n, e in limit.along.items()), Fraction(0))
            if f.logged
            else Fraction(0)
            for f in design.features
        )
        if (group := _in_groups(limit, design)) is None:
            return "its group is not a product of those that vary"
        growth = limit.growth + sum(
            float(design.response.get(n) * e) for n, e in limit.along.items()
        )
        return cls(limit, direction, group, growth)

    def logs(self, design: Design) -> dict[str, Array]:
        """Logarithms of the inputs of the group in each run."""
        return {n: np.log(np.asarray(design.data[n], float)) for n in self.limit.group}

    def moved(self, design: Design, depth: Array) -> Design:
        """The design with runs moved to where the limit begins; what is predicted stays."""
        step = np.array([float(d) for d in self.direction])
        return replace(
            design,
            X=design.X - depth[:, None] * step,
            y=design.y - self.growth * depth,
            input_errors=None,
            offset=design.offset + self.growth * depth,
        )

    def continued(self, law: Law, design: Design) -> Law:
        """A law of moved runs, continued where the limit holds.

        Parameters
        ----------
        law : Law
        design : Design
            That it was fitted to.
        """
        names, limit = Names.of(design), self.limit
        inputs = {names.identifier[n]: e for n, e in limit.group.items()}
        along = {names.identifier[n]: e for n, e in limit.along.items()}
        features = [f.name for f in design.features]
        groups = {n: e for n, e in zip(features, self.group, strict=True) if e}
        steps = {n: e for n, e in zip(features, self.direction, strict=True) if e}

        piece = partial(_piece, limit)
        gradients = tuple(piece(g, groups, steps, 0.0) for g in law.uncertainty.gradients)
        expression = piece(law.expression, inputs, along, limit.growth)
        used = {str(s) for s in expression.free_symbols}
        symbols, unused = names.split(used | set(law.symbols))
        return replace(
            law,
            expression=expression,
            pi_expression=piece(law.pi_expression, groups, steps, self.growth),
            symbols={**symbols, **law.symbols},
            unused=tuple(v for v in law.unused if v in unused),
            uncertainty=replace(law.uncertainty, gradients=gradients),
        )


def _piece(
    limit: KnownLimit,
    x: sympy.Expr,
    powers: Mapping[str, Fraction],
    along: Mapping[str, Fraction],
    growth: float,
) -> sympy.Expr:
    """An expression that goes on beyond where a limit begins."""
    names = {*powers, *along}
    positive = {n: sympy.Symbol(n, positive=True) for n in names}
    group = sympy.Mul(*(positive[n] ** e for n, e in powers.items()))
    over = group / sympy.Float(limit.beyond)
    there = {n: positive[n] * over**-e for n, e in along.items()}
    plain = {sympy.Symbol(n): there.get(n, positive[n]) for n in names}
    beyond = x.xreplace(plain) * over ** sympy.nsimplify(growth, rational=True)
    back = {s: sympy.Symbol(n) for n, s in positive.items()}
    beyond = sympy.powsimp(sympy.expand_power_base(beyond, force=True)).xreplace(back)
    group = group.xreplace(back)
    here = group > limit.beyond if limit.upward else group < limit.beyond
    return sympy.Piecewise((beyond, here), (x, True))


def _in_groups(limit: KnownLimit, design: Design) -> tuple[Fraction, ...] | None:
    """Exponents of a design's groups in the group of a limit, each input being a dimension."""
    powers = [dict(f.monomial.exponents) if f.logged else {} for f in design.features]
    columns = [Dimension.of(each) for each in powers]
    matrix = DimensionalMatrix.of_dimensions([f.name for f in design.features], columns)
    return matrix.solve(Dimension.of(limit.group))
