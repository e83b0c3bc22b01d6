"""Pi groups and the basis that they form."""

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import TYPE_CHECKING

import numpy as np

from dimgs.common.arrays import Array
from dimgs.common.errors import DimensionError, InputError
from dimgs.common.escape import html as escape
from dimgs.common.escape import visible
from dimgs.groups.dimensions import DimensionalMatrix, check_names
from dimgs.groups.kinds import GREEK
from dimgs.variables import Dimension, Variable, superscript

if TYPE_CHECKING:
    import pandas as pd


_LETTER = re.compile(r"[A-Za-z]")
# those that are commands of LaTeX: the others look like Latin letters
_CAPITALS = frozenset(
    ["Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega"]
)
_GREEK = (GREEK - {"omicron"}) | _CAPITALS
# characters of a group, and the largest power, that anybody means
_LONGEST = 1000
_MOST_POWER = 100


@dataclass(frozen=True, slots=True)
class PiGroup:
    """A dimensionless product of powers of variables.

    Parameters
    ----------
    name : str
        ``"pi_1"``, ``"pi_2"``, ... for inputs, ``"pi_0"`` for the response.
    exponents : tuple of (str, Fraction)
        Variable and non-zero exponent, sorted by variable name.
    known_as : str, optional
        Name in the literature, such as ``"Reynolds number"`` or ``"1/Prandtl number"``.
    symbol : str, optional
        LaTeX of that name, power included.

    Examples
    --------
    >>> print(PiGroup.of("pi_1", {"rho": 1, "U": 1, "D": 1, "mu": -1}))
    D·U·rho·mu⁻¹
    """

    name: str
    exponents: tuple[tuple[str, Fraction], ...]
    known_as: str | None = None
    symbol: str | None = None

    @classmethod
    def of(cls, name: str, exponents: Mapping[str, Fraction | int]) -> "PiGroup":
        """Group from a mapping of variable to exponent; zeros are left out."""
        powers = {k: Fraction(v) for k, v in exponents.items() if v != 0}
        return cls(name, tuple(sorted(powers.items())))

    @classmethod
    def product(
        cls, name: str, groups: "Iterable[PiGroup]", powers: Iterable[Fraction | int]
    ) -> "PiGroup":
        """Product of powers of groups.

        Examples
        --------
        >>> area, ratio = PiGroup.of("A", {"a": 1, "l": -2}), PiGroup.of("r", {"b": 1, "l": -1})
        >>> print(PiGroup.product("pi_1", [area, ratio], [1, -2]))
        a·b⁻²
        """
        total: dict[str, Fraction] = {}
        for group, power in zip(groups, powers, strict=True):
            for variable, exponent in group.exponents:
                total[variable] = total.get(variable, Fraction(0)) + power * exponent
        return cls.of(name, total)

    def as_dict(self) -> dict[str, Fraction]:
        """Exponents by variable name."""
        return dict(self.exponents)

    def to_json(self) -> dict[str, str]:
        """Exponents by variable name, as texts of exact rationals."""
        return {name: str(e) for name, e in self.exponents}

    def get(self, variable: str) -> Fraction:
        """Exponent of a variable (zero where absent)."""
        return self.as_dict().get(variable, Fraction(0))

    def log(self, values: Mapping[str, float | Array]) -> Array:
        """Natural logarithm of the group.

        Parameters
        ----------
        values : mapping of str to float or ndarray of shape (n_runs,)
            Positive SI values of every variable in the group.

        Returns
        -------
        ndarray of shape (n_runs,)
        """
        total: Array = np.zeros(1)
        for variable, exponent in self.exponents:
            total = total + float(exponent) * np.log(values[variable])
        return total

    def value(self, values: Mapping[str, float | Array]) -> Array:
        """Value of the group, with the sign of its variables.

        Parameters
        ----------
        values : mapping of str to float or ndarray of shape (n_runs,)
            SI values of every variable in the group; a root of a negative one is NaN.

        Returns
        -------
        ndarray of shape (n_runs,)

        Examples
        --------
        >>> PiGroup.of("pi_1", {"x": 1, "L": -1}).value({"x": np.array([-3.0, 0.0]), "L": 2.0})
        array([-1.5,  0. ])
        """
        if len(self.exponents) == 1 and self.exponents[0][1] == 1:
            # a number as it was written
            return np.atleast_1d(np.asarray(values[self.exponents[0][0]], dtype=np.float64))
        total, sign = np.zeros(1), np.ones(1)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            for variable, exponent in self.exponents:
                x = np.asarray(values[variable], dtype=np.float64)
                total = total + float(exponent) * np.log(np.abs(x))
                if exponent.denominator > 1:
                    sign = np.where(x < 0, np.nan, sign)
                elif exponent.numerator % 2:
                    sign = np.where(x < 0, -sign, sign)
            return np.asarray(sign * np.exp(total))

    def renamed(self, name: str) -> "PiGroup":
        """Same group under another name."""
        return replace(self, name=name)

    def __str__(self) -> str:
        ordered = sorted(self.exponents, key=lambda item: (item[1] < 0, item[0]))
        return "·".join(variable + superscript(e) for variable, e in ordered) or "1"


@dataclass(frozen=True, slots=True)
class Dropped:
    """A variable that no group can contain, why, and what would let it take part."""

    name: str
    why: str
    remedy: str = ""


@dataclass(frozen=True)
class PiBasis:
    """A basis of the pi groups of the inputs, and the response group.

    Parameters
    ----------
    variables : tuple of Variable
        Inputs that take part, sorted by name; known constants and scales included.
    groups : tuple of PiGroup
        Groups of the inputs.
    response : PiGroup, optional
        ``pi_0``: the response with exponent 1 times a monomial in the repeating variables.
    target : Variable, optional
        The response variable.
    repeating : tuple of str
        Variables that make the response dimensionless (or the user's repeating set).
    explanation : str
        Why this set was chosen, in one sentence.
    dropped : tuple of Dropped
        Inputs that cannot take part.
    remarks : tuple of str
        On groups that are not inputs.
    signed : tuple of str
        Inputs that vanish or change sign: each is in one group, with the exponent 1.
    sizes : tuple of str
        Scales that stand for the size of signed inputs whose dimension no positive input has.
        They are not part of the physics: a law must not depend on them.

    Raises
    ------
    DimensionError
        If a group is not dimensionless, or uses a variable that the basis does not have.
    InputError
        If two variables have one name.

    Examples
    --------
    >>> from dimgs.variables import parse_variable
    >>> speeds = (parse_variable("U [m/s]"), parse_variable("c [m/s]"))
    >>> PiBasis(speeds, (PiGroup.of("pi_1", {"U": 1, "c": 1}),))
    Traceback (most recent call last):
    dimgs.common.errors.DimensionError: pi_1 = U·c has dimension L²·T⁻², not 1.
    """

    variables: tuple[Variable, ...]
    groups: tuple[PiGroup, ...]
    response: PiGroup | None = None
    target: Variable | None = None
    repeating: tuple[str, ...] = ()
    explanation: str = ""
    dropped: tuple[Dropped, ...] = ()
    remarks: tuple[str, ...] = ()
    signed: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        multiple = lcm(*(e.denominator for v in self.every_variable for _, e in v.dimension))
        powers = {
            v.name: [(b, e.numerator * (multiple // e.denominator)) for b, e in v.dimension]
            for v in self.every_variable
        }
        check_names([v.name for v in self.every_variable])
        for group in self.every_group:
            total: dict[str, int] = {}
            common = lcm(*(e.denominator for _, e in group.exponents))
            for name, e in group.exponents:
                if name not in powers:
                    raise DimensionError(f"{group.name} uses '{name}', which is not a variable.")
                times = e.numerator * (common // e.denominator)
                for base, power in powers[name]:
                    total[base] = total.get(base, 0) + times * power
            if any(total.values()):
                dimension = Dimension.of(
                    {b: Fraction(x, multiple * common) for b, x in total.items()}
                )
                raise DimensionError(f"{group.name} = {group} has dimension {dimension}, not 1.")

    @property
    def every_group(self) -> tuple[PiGroup, ...]:
        """The response group, if there is one, and the groups."""
        return (*((self.response,) if self.response else ()), *self.groups)

    @property
    def every_variable(self) -> tuple[Variable, ...]:
        """The inputs, and the target if there is one."""
        return (*self.variables, *((self.target,) if self.target else ()))

    @property
    def unknown_scales(self) -> tuple[Variable, ...]:
        """Scales that the runs are to give: those that are not the size of an input."""
        return tuple(v for v in self.variables if v.role == "scale" and v.name not in self.sizes)

    @cached_property
    def matrix(self) -> DimensionalMatrix:
        """Dimensional matrix of the inputs that take part."""
        return DimensionalMatrix.of(self.variables)

    @property
    def rank(self) -> int:
        """Rank of the dimensional matrix of the inputs that take part."""
        return self.matrix.rank

    def to_frame(self) -> "pd.DataFrame":
        """One row per group, the response group first: exponents, exact as text, and ``known_as``.

        Examples
        --------
        >>> import dimgs
        >>> basis = dimgs.pi_basis(["L [m]", "g [m/s^2]", "U [m/s]", "T [s]"], target="T")
        >>> basis.to_frame()
                  L  T  U    g         known_as
        group
        pi_0   -1/2  1  0  1/2             None
        pi_1     -1  0  2   -1  Froude number^2
        """
        import pandas as pd

        names = sorted(variable.name for variable in self.every_variable)
        rows = [
            (*(str(group.get(name)) for name in names), group.known_as)
            for group in self.every_group
        ]
        index = pd.Index([group.name for group in self.every_group], name="group")
        return pd.DataFrame(rows, index, [*names, "known_as"], dtype=object)

    def is_signed(self, group: PiGroup) -> bool:
        """Whether a group vanishes or changes sign, as an input in it does."""
        return any(name in self.signed for name, _ in group.exponents)

    def variable(self, name: str) -> Variable:
        """Input (or target) by name."""
        for candidate in self.every_variable:
            if candidate.name == name:
                return candidate
        raise DimensionError(f"'{name}' is not a variable of this basis.")

    @property
    def suggestions(self) -> tuple[str, ...]:
        """Suggestions to improve the analysis."""
        return (*self.remarks, *(d.remedy for d in self.dropped if d.remedy))

    def advising(self, names: Iterable[str]) -> "PiBasis":
        """The basis, with a remedy only for those of the inputs that take no part."""
        advised = set(names)
        dropped = (d if d.name in advised else replace(d, remedy="") for d in self.dropped)
        return replace(self, dropped=tuple(dropped))

    def __repr__(self) -> str:
        return f"PiBasis({', '.join(f'{g.name} = {g}' for g in self.every_group)})"

    def __str__(self) -> str:
        lines = [
            f"{g.name} = {g}{f'   {g.known_as}' if g.known_as else ''}" for g in self.every_group
        ]
        return "\n".join(lines) or "no group"

    def _repr_html_(self) -> str:
        """Table of the groups for a notebook, the response first."""
        rows = "".join(
            f"<tr><td>π<sub>{escape(g.name.removeprefix('pi_'))}</sub></td>"
            f"<td>{escape(str(g))}</td><td>{escape(g.known_as or '')}</td></tr>"
            for g in self.every_group
        )
        inputs = ", ".join(f"{v.name} [{v.unit.text}]" for v in self.variables)
        return (
            f"<table><caption>{len(self.variables)} inputs, rank {self.rank}: {escape(inputs)}"
            "</caption>"
            "<thead><tr><th>group</th><th>definition</th><th>known as</th></tr></thead>"
            f"<tbody>{rows}</tbody></table>"
        )

    def _repr_latex_(self) -> str:
        """The groups as aligned equations for a notebook."""
        lines = []
        for group in self.every_group:
            left = f"\\pi_{{{group.name.removeprefix('pi_')}}}"
            name = f" = {group.symbol}" if group.symbol else ""
            lines.append(f"{left}{name} &= {_fraction(group)}")
        body = r" \\ ".join(lines)
        return rf"$\displaystyle \begin{{aligned}}{body}\end{{aligned}}$" if lines else "$1$"


def _fraction(group: "PiGroup") -> str:
    parts = []
    for sign in (1, -1):
        powers = [(name, sign * e) for name, e in group.exponents if sign * e > 0]
        factors = [_symbol(n) + (f"^{{{e}}}" if e != 1 else "") for n, e in powers]
        parts.append(r"\,".join(factors))
    above, below = parts
    return rf"\frac{{{above or '1'}}}{{{below}}}" if below else above or "1"


def _symbol(name: str) -> str:
    """Letters, Latin or Greek, with a subscript; a word upright with no command in it."""
    stem, _, below = name.partition("_")
    if _LETTER.fullmatch(stem) or stem in _GREEK:
        letter = f"\\{stem}" if stem in _GREEK else stem
        return f"{letter}_{{{_word(below)}}}" if below else letter
    return _word(name)


def _word(text: str) -> str:
    if _LETTER.fullmatch(text) or text.isdigit():
        return text
    text = "".join(
        rf"\{c}" if c in "_%#&$" else c if c not in r"\{}^~" else " " for c in visible(text)
    )
    return r"\mathrm{" + text.replace(" ", r"\ ") + "}"


def read_group(text: str) -> dict[str, Fraction]:
    """Exponents of a product of powers of names.

    Raises
    ------
    InputError
        If it is anything else.

    Examples
    --------
    >>> read_group("D*t/l^2")
    {'D': Fraction(1, 1), 't': Fraction(1, 1), 'l': Fraction(-2, 1)}
    >>> read_group("a + b")
    Traceback (most recent call last):
    dimgs.common.errors.InputError: 'a + b' is not a product of powers of inputs; write it like
    'D*t/l^2'.
    """
    try:
        if len(text) > _LONGEST:
            raise ValueError
        powers = _powers(ast.parse(text.replace("^", "**"), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError, ZeroDivisionError) as error:
        raise InputError(
            f"'{visible(text[:60])}' is not a product of powers of inputs; write it like 'D*t/l^2'."
        ) from error
    return {name: e for name, e in powers.items() if e}


def _powers(node: ast.expr) -> dict[str, Fraction]:
    if isinstance(node, ast.Name):
        return {node.id: Fraction(1)}
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        sign = 1 if isinstance(node.op, ast.Mult) else -1
        powers = _powers(node.left)
        for name, e in _powers(node.right).items():
            powers[name] = powers.get(name, Fraction(0)) + sign * e
        return powers
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        power = _number(node.right)
        return {name: e * power for name, e in _powers(node.left).items()}
    if isinstance(node, ast.Constant) and node.value == 1:
        return {}
    raise ValueError


def _number(node: ast.expr) -> Fraction:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        value = Fraction(str(node.value))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = -_number(node.operand)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        value = _number(node.left) / _number(node.right)
    else:
        raise ValueError
    if abs(value) > _MOST_POWER:
        raise ValueError
    return value
