"""Pi groups, the basis that they form, and the named dimensionless numbers among them."""

import functools
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from dimgs.common.arrays import Array
from dimgs.common.errors import DimensionError, InputError
from dimgs.common.escape import html as escape
from dimgs.groups.catalogue import NamedNumber, all_numbers, slot_dimension, slot_kinds
from dimgs.groups.dimensions import DimensionalMatrix, IntVector, check_names, completed, primitive
from dimgs.groups.kinds import Kind, infer_kinds
from dimgs.variables import Dimension, Variable, superscript
from dimgs.variables.units import Exponents, Powers, product_of

if TYPE_CHECKING:
    import pandas as pd


# ---- Pi groups and the basis that they form.


@dataclass(frozen=True, slots=True)
class PiGroup(Powers):
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
    exponents: Exponents
    known_as: str | None = None
    symbol: str | None = None

    @classmethod
    def of(cls, name: str, exponents: Mapping[str, Fraction | int]) -> "PiGroup":
        """Group from a mapping of variable to exponent; zeros are left out."""
        return cls(name, product_of([(exponents.items(), 1)]))

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
        return cls(name, product_of(zip((g.exponents for g in groups), powers, strict=True)))

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
        # the header of a ratio, such as y2/y1, is one factor
        shown = ((f"({v})" if "/" in v else v, e) for v, e in ordered)
        return "·".join(name + superscript(e) for name, e in shown) or "1"


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
        check_names([v.name for v in self.every_variable])
        dimensions = {v.name: v.dimension for v in self.every_variable}
        for group in self.every_group:
            odd = next((name for name, _ in group.exponents if name not in dimensions), None)
            if odd is not None:
                raise DimensionError(f"{group.name} uses '{odd}', which is not a variable.")
            total = Dimension.product((dimensions[name], e) for name, e in group.exponents)
            if not total.is_dimensionless:
                raise DimensionError(f"{group.name} = {group} has dimension {total}, not 1.")

    @property
    def every_group(self) -> tuple[PiGroup, ...]:
        """The response group, if there is one, and the groups."""
        return (*((self.response,) if self.response else ()), *self.groups)

    @property
    def every_variable(self) -> tuple[Variable, ...]:
        """The inputs, and the target if there is one."""
        return (*self.variables, *((self.target,) if self.target else ()))

    @property
    def target_and_response(self) -> "tuple[Variable, PiGroup]":
        """The target and its response group.

        Raises
        ------
        InputError
            If the basis was derived without a target.
        """
        if self.target is None or self.response is None:
            raise InputError("The basis has no response; derive it with a target.")
        return self.target, self.response

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


# ---- Named dimensionless numbers among groups: recognised, and formed from variables.


# Quantities that are interchangeable in every formula: only a settled kind may give a name.
_DIFFUSIVITY = Dimension.of({"[length]": 2, "[time]": -1})
Kinds = Mapping[str, tuple[Kind, ...]]
# dimension and exponent of a variable in a group, and how many variables have each
Place = tuple[Dimension, int]
Shape = frozenset[tuple[Place, int]]
# names of the kinds that each variable may be
Names = Mapping[str, frozenset[str]]
Named = tuple[NamedNumber, dict[str, Fraction]]


@dataclass(frozen=True)
class Form:
    """One definition, scaled to coprime integer exponents."""

    order: int
    number: NamedNumber
    scale: Fraction
    slots: tuple[tuple[str, Place], ...]


def coprime(exponents: Sequence[Fraction]) -> tuple[list[int], Fraction]:
    """Coprime integers and the positive factor that turns them into the exponents."""
    integers = primitive(exponents)
    return list(integers), next(e / i for e, i in zip(exponents, integers, strict=True) if i)


@functools.cache
def all_forms() -> tuple[Form, ...]:
    """Every definition of the catalogue, in its order."""
    forms = []
    for order, number in enumerate(all_numbers()):
        for definition in number.definitions:
            integers, scale = coprime([exponent for _, exponent in definition])
            slots = tuple(
                (slot, (slot_dimension(slot), integer))
                for (slot, _), integer in zip(definition, integers, strict=True)
            )
            forms.append(Form(order, number, scale, slots))
    return tuple(forms)


@functools.cache
def forms_by_shape() -> dict[Shape, list[Form]]:
    """Definitions by the dimensions and exponents of their slots."""
    index: dict[Shape, list[Form]] = {}
    for form in all_forms():
        shape = frozenset(Counter(place for _, place in form.slots).items())
        index.setdefault(shape, []).append(form)
    return index


@dataclass(frozen=True)
class Recognition:
    """A group that is a power of a named number.

    Attributes
    ----------
    form : Form
        Definition that the group has.
    power : Fraction
        The group is the number to this power.
    assignment : mapping of str to str
        Kind or slot of the definition that each variable takes.
    """

    form: Form
    power: Fraction
    assignment: Mapping[str, str]

    @property
    def number(self) -> NamedNumber:
        """The entry of the catalogue."""
        return self.form.number

    @property
    def name(self) -> str:
        """Name of the number, without the power."""
        return self.number.name

    @property
    def label(self) -> str:
        """Name with the power, in plain text: `1/Prandtl number`, `Reynolds number^2`."""
        if self.power == 1:
            return self.name
        name = f"({self.name})" if " or " in self.name else self.name
        if self.power == -1:
            return f"1/{name}"
        shown = str(self.power) if self.power.denominator == 1 else f"({self.power})"
        return f"{name}^{shown}"

    @property
    def latex(self) -> str:
        """LaTeX of the group, the power included."""
        symbol = self.number.symbol
        if self.power == 1:
            return symbol
        if "/" in symbol:
            symbol = rf"\left({symbol}\right)"
        elif "^" in symbol:
            symbol = f"{{{symbol}}}"
        return f"{symbol}^{{{self.power}}}"

    @property
    def rank(self) -> tuple[int, bool, int]:
        """Simplest power first: 1, -1, 2 or 1/2, …; then the order of the catalogue."""
        size = abs(self.power.numerator) + self.power.denominator
        return (size, self.power < 0, self.form.order)

    @property
    def meaning(self) -> tuple[str, Fraction]:
        """What two definitions of one number share."""
        return (self.name, self.power)


def _fillings(
    form: Form, variables_at: Callable[[Place], Sequence[str]], names: Names
) -> Iterator[dict[str, str]]:
    """Ways to put distinct variables into the slots of their place and kind."""
    options = (
        [name for name in variables_at(place) if names[name] & slot_kinds(slot)]
        for slot, place in form.slots
    )
    slots = [slot for slot, _ in form.slots]
    for chosen in itertools.product(*options):
        if len(set(chosen)) == len(chosen):
            yield dict(zip(chosen, slots, strict=True))


def _covers(outer: Recognition, inner: Recognition, names: Names) -> bool:
    """Whether `outer` holds for every choice of kinds for which `inner` holds."""
    return all(
        names[variable] & slot_kinds(inner.assignment[variable]) <= slot_kinds(slot)
        for variable, slot in outer.assignment.items()
    )


def recognise(exponents: Mapping[str, Fraction], kinds: Kinds) -> Recognition | None:
    r"""Name of a group, if the kinds of its variables determine it.

    Parameters
    ----------
    exponents : mapping of str to Fraction
        Exponents of the variables in the group; zeros are ignored.
    kinds : mapping of str to tuple of Kind
        Kinds that each variable may be, from `dimgs.groups.kinds.infer_kinds`.

    Returns
    -------
    Recognition or None
        None if the group is not a power of a named number, if kinds that remain possible would give
        different names, if the number needs a kind other than the plain one of its dimension that
        neither name nor hint says, if a diffusivity (nu, alpha and D share m²/s) is not settled,
        or if variables of one dimension are not distinguished by their kinds.

    Examples
    --------
    >>> from dimgs.groups.kinds import kind
    >>> kinds = {"a": (kind("thermal diffusivity"),), "b": (kind("kinematic viscosity"),)}
    >>> number = recognise({"a": Fraction(2), "b": Fraction(-2)}, kinds)
    >>> number.name, number.power, number.latex
    ('Prandtl number', Fraction(-2, 1), '\\mathrm{Pr}^{-2}')
    """
    variables = sorted(name for name, exponent in exponents.items() if exponent)
    if not variables or not all(kinds.get(name) for name in variables):
        return None
    names = {name: frozenset(each.name for each in kinds[name]) for name in variables}
    integers, scale = coprime([Fraction(exponents[name]) for name in variables])
    matches = []
    for sign in (1, -1):
        places: dict[Place, list[str]] = {}
        for name, integer in zip(variables, integers, strict=True):
            places.setdefault((kinds[name][0].dimension, sign * integer), []).append(name)
        shape = frozenset((place, len(those)) for place, those in places.items())
        matches += [
            Recognition(form, sign * scale / form.scale, dict(sorted(assignment.items())))
            for form in forms_by_shape().get(shape, ())
            for assignment in _fillings(form, places.__getitem__, names)
        ]
    best = min(matches, key=lambda match: match.rank, default=None)
    return best if best is not None and _settled(best, matches, kinds, names) else None


def _settled(best: Recognition, matches: list[Recognition], kinds: Kinds, names: Names) -> bool:
    """The evidence that a name needs: the one rule, whatever the number.

    All kinds that remain possible must lead to the best match. What is not given by a name or a
    hint counts as the plain kind of its dimension (an area is no permeability, a time no period).
    Variables of one dimension must be distinguished, and a diffusivity must be settled.
    """
    same = [match for match in matches if match.meaning == best.meaning]
    plain = {name: kinds[name][0] for name in names}
    if not any(
        all(plain[v].name in slot_kinds(s) for v, s in each.assignment.items()) for each in same
    ):
        return False
    for match in matches:
        broader = (match.number.broader, match.power)
        if best.meaning in (match.meaning, broader):
            continue
        if not any(_covers(each, match, names) for each in same):
            return False
    counts = Counter(each.dimension for each in plain.values())
    return all(
        names[variable] <= slot_kinds(slot)
        for variable, slot in best.assignment.items()
        if counts[plain[variable].dimension] > 1 or plain[variable].dimension == _DIFFUSIVITY
    )


def named_group_exponents(kinds_by_variable: Kinds) -> list[Named]:
    """All named numbers that can be formed from these variables.

    Parameters
    ----------
    kinds_by_variable : mapping of str to tuple of Kind
        Kinds that each variable may be.

    Returns
    -------
    list of (NamedNumber, dict of str to Fraction)
        In the order of the catalogue, then of the definitions and variable names; each with the
        exponents of its usual form (power 1). Only what `recognise` would name so.

    Examples
    --------
    >>> from dimgs.groups.kinds import kind
    >>> kinds = {
    ...     "U": (kind("velocity"),), "L": (kind("length"),), "nu": (kind("kinematic viscosity"),)
    ... }
    >>> [(number.name, str(powers["nu"])) for number, powers in named_group_exponents(kinds)]
    [('Reynolds number', '-1')]
    """
    by_dimension: dict[Dimension, list[str]] = {}
    names: dict[str, frozenset[str]] = {}
    for name, kinds in sorted(kinds_by_variable.items()):
        names[name] = frozenset(each.name for each in kinds)
        if kinds:
            by_dimension.setdefault(kinds[0].dimension, []).append(name)
    groups: list[Named] = []
    for form in all_forms():
        for chosen in _fillings(form, lambda place: by_dimension.get(place[0], ()), names):
            exponents = (integer for _, (_, integer) in form.slots)
            powers = {n: form.scale * k for n, k in zip(chosen, exponents, strict=True)}
            known = recognise(powers, kinds_by_variable)
            named = known is not None and known.number is form.number and known.power == 1
            if named and (form.number, powers) not in groups:
                groups.append((form.number, powers))
    return groups


def named(group: PiGroup, recognition: Recognition | None) -> PiGroup:
    """The group with the name that was recognised."""
    if recognition is None:
        return group
    return replace(group, known_as=recognition.label, symbol=recognition.latex)


def kinds_of(variables: Sequence[Variable]) -> Kinds:
    """Physical kinds that each variable may be, from its unit, name and hint."""
    return {v.name: infer_kinds(v.name, v.dimension, v.kind) for v in variables}


class Namer:
    """Gives groups their sign, their name in the literature and their place in the order.

    Parameters
    ----------
    names : sequence of str
        Names of the inputs, in the order of the exponent vectors.
    kinds : mapping of str to tuple of Kind
        Kinds that each variable may be, the response included.
    """

    def __init__(self, names: Sequence[str], kinds: Kinds) -> None:
        self._names = names
        self._kinds = kinds
        self._groups: dict[IntVector, PiGroup] = {}

    def response(self, target: str, powers: Mapping[str, Fraction]) -> PiGroup:
        """Group pi_0: the target times the given powers of inputs."""
        group = PiGroup.of("pi_0", {target: Fraction(1), **powers})
        return named(group, recognise(group.as_dict(), self._kinds))

    def groups(self, vectors: Sequence[IntVector]) -> tuple[PiGroup, ...]:
        """Groups pi_1, pi_2, ... from exponent vectors, with fixed signs and in a fixed order.

        The first non-zero exponent in name order is positive, except that a recognised group
        keeps its usual form. Shorter groups come first.
        """
        sized = [((sum(map(abs, v)), sum(map(bool, v))), self._group(v)) for v in vectors]
        sized.sort(key=lambda each: (each[0], each[1].exponents))
        return tuple(group.renamed(f"pi_{i}") for i, (_, group) in enumerate(sized, start=1))

    def _group(self, vector: IntVector) -> PiGroup:
        group = self._groups.get(vector)
        if group is None:
            powers = [(n, x) for n, x in zip(self._names, vector, strict=True) if x]
            sign = 1 if powers[0][1] > 0 else -1
            group = self._groups[vector] = self._form({n: Fraction(sign * x) for n, x in powers})
        return group

    def _form(self, exponents: dict[str, Fraction]) -> PiGroup:
        recognition = recognise(exponents, self._kinds)
        if recognition is not None and recognition.power < 0:
            exponents = {n: -x for n, x in exponents.items()}
            recognition = recognise(exponents, self._kinds)
        return named(PiGroup("pi", tuple(sorted(exponents.items()))), recognition)


def with_named_groups(
    lattice: Sequence[IntVector], names: Sequence[str], kinds: Kinds, kept: Sequence[IntVector] = ()
) -> tuple[IntVector, ...]:
    """Lattice basis that contains as many different named numbers as fit.

    A named number is taken if, with those already taken, it can still be completed to a basis of
    the full lattice (all Smith factors of the taken set are 1). Each is taken once, with a
    diameter for its length where there is one and a roughness only where there is nothing else:
    one Reynolds number and the ratios of lengths say more than a Reynolds number per length.
    The groups `kept`, already part of a basis, stay.
    """
    taken: list[IntVector] = list(kept)
    used: set[str] = set()
    for number, powers in _by_usual_size(named_group_exponents(kinds), kinds):
        vector = tuple(powers.get(n, Fraction(0)) for n in names)
        whole = all(x.denominator == 1 for x in vector) and set(powers) <= set(names)
        if not whole or number.name in used or len(taken) == len(lattice):
            continue
        candidate = [*taken, tuple(int(x) for x in vector)]
        if completed(candidate, lattice) is not None:
            taken = candidate
            used.update((number.name, number.broader))
    return (*taken, *(completed(taken, lattice) or ()))


def named_response(target: str, inputs: Sequence[str], kinds: Kinds) -> dict[str, Fraction] | None:
    """Powers of the inputs with which the target, exponent 1, is a named number; None if none."""
    allowed = {target, *inputs}
    for _, powers in _by_usual_size(named_group_exponents(kinds), kinds):
        if abs(powers.get(target, Fraction(0))) == 1 and set(powers) <= allowed:
            return {n: x / powers[target] for n, x in powers.items() if n != target}
    return None


def _by_usual_size(groups: Sequence[Named], kinds: Kinds) -> list[Named]:
    """Order of the catalogue; within one number, a diameter before a roughness."""
    place: dict[str, int] = {}

    def key(each: Named) -> tuple[int, int]:
        of = [kinds[name][0].name for name in each[1] if len(kinds[name]) == 1]
        return place.setdefault(each[0].name, len(place)), ("roughness" in of) - ("diameter" in of)

    return sorted(groups, key=key)
