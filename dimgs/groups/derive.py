"""From variables, known constants and unknown scales to a basis of pi groups."""

import itertools
import warnings
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, combinations, islice
from math import comb
from typing import Any

import numpy as np

from dimgs.common.advice import Setting, did_you_mean, setting
from dimgs.common.arrays import Array
from dimgs.common.errors import DimensionError, DimgsWarning, InputError, located
from dimgs.groups.dimensions import (
    DimensionalMatrix,
    IntVector,
    ReducedSystem,
    check_names,
    lattice_of,
    primitive,
    spans,
)
from dimgs.groups.group import (
    Dropped,
    Kinds,
    Namer,
    PiBasis,
    PiGroup,
    kinds_of,
    named,
    named_response,
    recognise,
    with_named_groups,
)
from dimgs.groups.physical_constants import PhysicalConstant, all_constants, constant
from dimgs.variables import (
    Dimension,
    Unit,
    Variable,
    parse_unit,
    parse_variable,
    si_unit,
    split_header,
)
from dimgs.variables.quantities import unit_of
from dimgs.variables.units import BASES, Exponents, doubt_of, improbable, product_of

# ---- The monomial that makes a response dimensionless, in the fewest variables.


# numbers held at once: 240 MB, half as much again for sets of two
_MOST = 30_000_000
# relative: roundings of sums of seven products, and far below what exponents differ by
_SAME = 1e-9
# determinant of the products of unit columns that is rounding; what solutions of products that are
# nearly dependent lose: all that is proposed is solved exactly
_DEPENDENT, _CLOSE = 1e-13, 1e-6
# equally short solutions beyond this many are not looked at
_MOST_TIES = 500


@dataclass(frozen=True, slots=True)
class Monomial:
    """Product of powers of variables.

    Parameters
    ----------
    exponents : tuple of (str, Fraction)
        Variable and non-zero exponent, sorted by name.
    fewest : bool
        Whether it is known that no fewer variables would do (false only in very wide tables).
    """

    exponents: Exponents
    fewest: bool = True

    @property
    def key(self) -> tuple[int, Fraction, list[str]]:
        """Fewest variables first, then smallest exponents, then names."""
        size = sum((abs(e) for _, e in self.exponents), Fraction(0))
        return len(self.exponents), size, [name for name, _ in self.exponents]


def smallest_monomial(variables: Sequence[Variable], target: Dimension) -> Monomial | None:
    """Monomial of a given dimension: fewest variables, then smallest exponents, then names.

    Of several variables of one dimension only one is a candidate: data before constants before
    scales, then by name.

    Parameters
    ----------
    variables : sequence of Variable
        Candidates.
    target : Dimension
        Dimension to reach.

    Returns
    -------
    Monomial or None
        None if the dimension is outside the rational span of the variables.

    Examples
    --------
    >>> from dimgs.variables import parse_variable, parse_unit
    >>> inputs = [parse_variable(v) for v in ("rho [kg/m^3]", "U [m/s]", "mu [Pa*s]", "D [m]")]
    >>> smallest_monomial(inputs, parse_unit("Pa").dimension).exponents
    (('U', Fraction(2, 1)), ('rho', Fraction(1, 1)))
    """
    if target.is_dimensionless:
        return Monomial(())
    candidates = _one_per_dimension(variables)
    matrix = DimensionalMatrix.of(candidates)
    if matrix.solve(target) is None:
        return None
    # reduced exactly, so that the numbers are the same in every unit system
    both = DimensionalMatrix.of_dimensions(None, [*(v.dimension for v in candidates), target])
    reduced = np.array(both.reduced.rows, dtype=np.float64)
    rank, complete = len(reduced), True
    for size in range(1, rank + 1):
        if size < rank and comb(len(candidates), size) * size * rank > _MOST:
            complete = False
            continue
        monomials = []
        for columns in _shortest(reduced, size):
            # proposed in floats, and solved exactly
            solution = matrix.solve(target, columns)
            if solution is not None:
                powers = zip((matrix.names[j] for j in columns), solution, strict=True)
                monomials.append(Monomial(product_of([(powers, 1)]), complete))
        if monomials:
            return min(monomials, key=lambda m: m.key)
    return None


def _shortest(system: Array, size: int) -> list[tuple[int, ...]]:
    """Sets of so many columns that reach the last one with the least sum of absolute exponents.

    Where there are too many of as many columns as the rank, only columns are looked at at which the
    dual of that linear program is tight: no other column has an exponent in a shortest solution.
    """
    matrix, target = system[:, :-1], system[:, -1]
    rank, n = matrix.shape
    columns, most = list(range(n)), None
    if comb(n, size) * size * rank > _MOST:
        from scipy.optimize import linprog

        both = np.vstack([matrix.T, -matrix.T])
        dual = np.asarray(linprog(-target, both, np.ones(2 * n), bounds=(None, None)).x)
        tight = np.abs(np.abs(matrix.T @ dual) - 1.0) < _SAME
        columns, most = np.flatnonzero(tight).tolist(), _MOST_TIES
    flat = chain.from_iterable(islice(combinations(columns, size), most))
    sets = np.fromiter(flat, dtype=np.intp).reshape(-1, size)
    # least squares of unit columns, for all sets at once
    lengths = np.linalg.norm(matrix, axis=0)
    blocks = np.moveaxis((matrix / lengths)[:, sets], 0, 1)
    products = np.swapaxes(blocks, 1, 2) @ blocks
    independent = np.linalg.det(products) > _DEPENDENT
    products[~independent] = np.eye(size)
    exponents = np.linalg.solve(products, (target @ blocks)[:, :, None])
    missed = np.linalg.norm((blocks @ exponents)[:, :, 0] - target, axis=1)
    reached = independent & (missed <= _CLOSE * np.linalg.norm(target))
    sums = np.abs(exponents[:, :, 0] / lengths[sets]).sum(axis=1)
    shortest = sums <= (1.0 + _CLOSE) * sums[reached].min(initial=np.inf)
    return [tuple(columns) for columns in sets[reached & shortest].tolist()]


def _one_per_dimension(variables: Sequence[Variable]) -> list[Variable]:
    """Data before constants before scales, then by name; dimensionless ones never help."""
    rank = {"data": 0, "constant": 1, "scale": 2}
    chosen: dict[Dimension, Variable] = {}
    for variable in sorted(variables, key=lambda v: (rank[v.role], v.name)):
        if not variable.dimension.is_dimensionless:
            chosen.setdefault(variable.dimension, variable)
    return sorted(chosen.values(), key=lambda v: v.name)


# ---- Completion of a target's dimension: known constants, or an unknown scale.
#
# Dimensions alone decide here. Where there are runs, :mod:`dimgs.discovery.missing_input` names
# only what lowers the error of those that are left out.


# of all sets of constants that would do, two are named, and so many of the commonest looked at
MOST_SETS, _LOOKED_AT = 2, 60
AUTO = "auto"


@dataclass(frozen=True)
class Missing:
    """Something that is added to the inputs: known constants, or unknown scales.

    Attributes
    ----------
    constants : tuple of str
        Symbols, all of which are added together.
    scales : str
        ``"M0 [kg]"`` or ``"auto"``; empty where constants are added.
    """

    constants: tuple[str, ...] = ()
    scales: str = ""


class UnreachableError(DimensionError):
    """No product of powers of the inputs has the dimension of the target.

    Parameters
    ----------
    inputs : sequence of Variable
    target : Variable
    missing : sequence of Missing, optional
        What would help; by default what dimensions say.
    """

    def __init__(
        self, inputs: Sequence[Variable], target: Variable, missing: Sequence[Missing] | None = None
    ) -> None:
        self.inputs, self.target = tuple(inputs), target
        if missing is None:
            missing = [
                *completions(inputs, target)[:MOST_SETS],
                Missing(scales=scale_text(inputs, target)),
                Missing(scales=AUTO),
            ]
        self.missing = tuple(missing)
        super().__init__(f"{self.why}; {remedy(self.missing)}{_doubts([*inputs, target])}")

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        """Made again from what it is about, not from its message."""
        return type(self), (self.inputs, self.target, self.missing)

    @property
    def why(self) -> str:
        """The missing dimensions, as a clause without a full stop."""
        have = {base for v in self.inputs for base, _ in v.dimension}
        absent = sorted({base for base, _ in self.target.dimension} - have)
        listed = ", ".join(f"{v.name} [{v.unit.text}]" for v in self.inputs) or "none"
        reason = (
            f"no input brings {', '.join(absent)}"
            if absent
            else f"no product of powers of the inputs has the dimension {self.target.dimension}"
        )
        return (
            f"The target '{self.target.name}' [{self.target.unit.text}] is outside the span of the "
            f"inputs ({listed}): {reason}"
        )


def remedy(missing: Iterable[Missing]) -> str:
    """A sentence, without its capital, on what is to be added."""
    additions = list(missing)
    constants = tuple(",".join(m.constants) for m in additions if m.constants)
    scales = [setting("scales", m.scales) for m in additions if m.scales]
    ways = [f"add a known constant ({Setting('constants', constants)})"] if constants else []
    if scales:
        ways.append(f"declare an unknown scale ({', or '.join(map(str, scales))})")
    if not ways:
        ways = ["add the input that is missing: no known constant and no scale predicts the runs"]
    return f"{' or '.join(ways)}."


def _doubts(variables: Sequence[Variable]) -> str:
    """Units that were probably misread, which is then the likely cause."""
    units = [(v.name, v.unit.text, improbable(v.unit.text)) for v in variables]
    return "".join(
        f" First look at '{name}': {reading.sentence(text)}"
        for name, text, reading in units
        if reading is not None and not reading.doubtful
    )


def is_reachable(inputs: Sequence[Variable], target: Variable) -> bool:
    """Whether a product of powers of the inputs has the target's dimension."""
    return spans([v.dimension for v in inputs], target.dimension)


def completions(inputs: Sequence[Variable], target: Variable) -> list[Missing]:
    """Sets of at most two known constants that bring a target within reach.

    Parameters
    ----------
    inputs : sequence of Variable
    target : Variable

    Returns
    -------
    list of Missing
        The commonest, then those that let more inputs take part, then the others.
    """
    dimensions = _dimensions(inputs)
    dimension = target.dimension
    sets = complete_span(dimensions, dimension)[:_LOOKED_AT]
    idle = [
        _idle([*dimensions, *(c.dimension for c in chosen), dimension], len(dimensions))
        for chosen in sets
    ]
    others = sorted(range(1, len(sets)), key=lambda k: idle[k] if min(idle) < idle[0] else 0)
    order = [0, *others] if sets else []
    return [Missing(tuple(c.symbol for c in sets[k])) for k in order]


def scale_text(inputs: Sequence[Variable], target: Variable) -> str:
    """The simplest unknown scale that brings a target within reach, as ``s0 [W/kg]``."""
    scale = missing_scale(_dimensions(inputs), target.dimension)
    name = "scale0" if "s0" in {v.name for v in (*inputs, target)} else "s0"
    return f"{name} [{si_unit(scale)}]"


def scale_of(variable: Variable, taken: Container[str] = ()) -> str:
    """A scale of the dimension of an input, which makes its exponent a free one."""
    return f"{name_of_scale(variable.name, taken)} [{variable.si_unit}]"


def name_of_scale(name: str, taken: Container[str]) -> str:
    """A name for the scale of an input, or of a dimension, that nothing else has."""
    name += "0"
    while name in taken:
        name += "0"
    return name


def advice_to_take_part(variable: Variable) -> str:
    """Advice for an input that no group contains."""
    return (
        f"To let '{variable.name}' take part, declare an unknown scale of its dimension "
        f"({setting('scales', scale_of(variable))}, or {setting('scales', AUTO)})."
    )


def _dimensions(inputs: Sequence[Variable]) -> list[Dimension]:
    return [v.dimension for v in inputs if not v.dimension.is_dimensionless]


def _idle(dimensions: Sequence[Dimension], n: int) -> int:
    """Number of leading variables that occur in no dimensionless product."""
    others = ([*dimensions[:k], *dimensions[k + 1 :]] for k in range(n))
    return sum(not spans(rest, dimensions[k]) for k, rest in enumerate(others))


def complete_span(
    input_dimensions: Sequence[Dimension], target: Dimension
) -> list[tuple[PhysicalConstant, ...]]:
    """Smallest sets of constants that put the target into the rational span of the inputs.

    Parameters
    ----------
    input_dimensions : sequence of Dimension
        Of each input.
    target : Dimension
        Of the target.

    Returns
    -------
    list of tuple of PhysicalConstant
        All single constants that do it or, if none does, all pairs; the most plausible first
        (the order of `all_constants`; a pair by the sum of its places). In pairs, one constant
        stands for all that have its dimension, and some input is needed beside the pair. Empty if
        the target is within reach already, or if two constants are not enough.

    Examples
    --------
    >>> length, period = Dimension.of({"[length]": 1}), Dimension.of({"[time]": 1})
    >>> [each.symbol for (each,) in complete_span([length], period)][:2]
    ['g', 'c']
    """
    constants = all_constants()
    if spans(input_dimensions, target):
        return []

    def reaches(*chosen: PhysicalConstant) -> bool:
        return spans([*input_dimensions, *(each.dimension for each in chosen)], target)

    singles = [(each,) for each in constants if reaches(each)]
    if singles:
        return list[tuple[PhysicalConstant, ...]](singles)
    first_of = {each.dimension: each for each in reversed(constants)}
    useful = [
        place
        for place, each in enumerate(constants)
        if first_of[each.dimension] is each and not spans(input_dimensions, each.dimension)
    ]
    places = sorted(itertools.combinations(useful, 2), key=lambda pair: (sum(pair), pair))
    pairs = (tuple(constants[place] for place in pair) for pair in places)
    # a pair that makes the target without any input explains nothing of the runs
    return [p for p in pairs if reaches(*p) and not spans([c.dimension for c in p], target)]


def missing_scale(input_dimensions: Sequence[Dimension], target: Dimension) -> Dimension:
    """Simplest dimension of a scale that would put the target within reach.

    Parameters
    ----------
    input_dimensions : sequence of Dimension
        Of each input.
    target : Dimension
        Of the target.

    Returns
    -------
    Dimension
        Of coprime integers, with the fewest base dimensions, then the smallest exponents, then in
        the order length, mass, time, temperature, current, substance, luminosity, others by
        name. The sign is that with which the scale enters the target, save that a single base
        dimension is positive.

    Raises
    ------
    DimensionError
        If the target is within reach already.

    Examples
    --------
    >>> mass = Dimension.of({"[mass]": 1})
    >>> power = Dimension.of({"[mass]": 1, "[length]": 2, "[time]": -3})
    >>> print(missing_scale([mass], power))
    L²·T⁻³
    """
    if spans(input_dimensions, target):
        raise DimensionError(
            "The inputs already have the dimension of the target; no scale is missing."
        )
    # the SI ones in a fixed order, then the others by name
    present = {base for each in [*input_dimensions, target] for base, _ in each}
    bases = [base for base in BASES if base in present] + sorted(present - BASES.keys())
    n, scales = len(input_dimensions), list[Dimension]()
    for size in range(1, len(bases) + 1):
        for subset in itertools.combinations(bases, size):
            every = [*input_dimensions, *(Dimension.of({base: 1}) for base in subset)]
            solved = DimensionalMatrix.of_dimensions(None, every).solve(target)
            # a base that the inputs have already, or that is not needed, has the power zero
            if solved is not None and all(solved[n:]):
                scales.append(_coprime(dict(zip(subset, solved[n:], strict=True))))
        if scales:
            break
    return min(scales, key=lambda scale: sum(abs(e) for _, e in scale))


def _coprime(dimension: Mapping[str, Fraction]) -> Dimension:
    """Same ray, with coprime integer exponents; a single one becomes 1."""
    integers = primitive(tuple(dimension.values()))
    sign = -1 if len(integers) == 1 and integers[0] < 0 else 1
    return Dimension.of({b: sign * x for b, x in zip(dimension, integers, strict=True)})


# ---- Groups over repeating variables: those that the user asks for, and all possible choices.


# groups that are computed, some 30 µs each, most of them again and again
_MOST_TRIED = 2_000_000
# groups of distinct bases: with their JSON text, 51,480 of 15 variables over 7 dimensions took
# 320 MB and 81,900 of 28 over 3 took 290 MB, of which 200 MB without any: half a GB is not exceeded
MOST_GROUPS = 100_000


@dataclass(frozen=True, slots=True)
class RepeatingBasis:
    """Groups that a set of repeating variables gives, one per remaining variable."""

    repeating: tuple[str, ...]
    groups: tuple[IntVector, ...]


def repeating_groups(
    matrix: DimensionalMatrix, repeating: Sequence[str]
) -> tuple[IntVector, ...] | None:
    """Groups of each non-repeating variable with the repeating ones; None if not independent.

    Returns
    -------
    tuple of tuple of int
        Primitive vectors, the non-repeating variable positive, in the matrix's column order.
    """
    n, r = len(matrix.names), len(repeating)
    columns = [matrix.names.index(name) for name in repeating]
    rest = [j for j in range(n) if j not in columns]
    system = ReducedSystem.of([[row[j] for j in (*columns, *rest)] for row in matrix.rows], n)
    if system.pivots != tuple(range(r)):
        return None
    groups = []
    for place, j in enumerate(rest, r):
        powers = {k: -row[place] for k, row in zip(columns, system.rows, strict=True)}
        groups.append(primitive([powers.get(i, int(i == j)) for i in range(n)]))
    return tuple(groups)


def enumerate_bases(matrix: DimensionalMatrix) -> Iterator[RepeatingBasis]:
    """All distinct bases: distinct as sets of groups up to powers, repeating sets in name order.

    Parameters
    ----------
    matrix : DimensionalMatrix
        Columns in name order.

    Yields
    ------
    RepeatingBasis

    Raises
    ------
    InputError
        If more than two million groups would have to be computed, or the distinct bases have more
        than 100,000, which is more than a reader can use and a GB of memory can hold.

    Examples
    --------
    >>> from dimgs.variables import parse_variable
    >>> D = DimensionalMatrix.of([parse_variable(v) for v in ("A [m^2]", "L1 [m]", "L2 [m]")])
    >>> [basis.repeating for basis in enumerate_bases(D)]
    [('A',), ('L1',), ('L2',)]
    """
    n, r = len(matrix.names), matrix.rank
    remedy = (
        f"choose some inputs ({setting('columns')}) or the repeating set ({setting('repeating')})"
    )
    if comb(n, r) * (n - r) > _MOST_TRIED:
        raise InputError(
            f"{n} variables over {r} dimensions have {comb(n, r):,} choices of repeating "
            f"variables, too many to list; {remedy}."
        )
    seen: set[frozenset[IntVector]] = set()
    for repeating in combinations(matrix.names, r):
        groups = repeating_groups(matrix, repeating)
        if groups is None:
            continue
        key = frozenset(_unsigned(g) for g in groups)
        if key not in seen:
            seen.add(key)
            if len(seen) * (n - r) > MOST_GROUPS:
                raise InputError(
                    f"{n} variables over {r} dimensions have more than {len(seen) - 1:,} distinct "
                    f"bases of {n - r} groups, too many to list; {remedy}."
                )
            yield RepeatingBasis(repeating, groups)


def _unsigned(vector: IntVector) -> IntVector:
    lead = next(x for x in vector if x)
    return vector if lead > 0 else tuple(-x for x in vector)


def by_repeating(
    active: Sequence[Variable],
    isolated: frozenset[str],
    target: Variable | None,
    repeating: Sequence[str],
) -> tuple[tuple[IntVector, ...], dict[str, Fraction], str]:
    """Groups over the repeating variables that the user asks for.

    Parameters
    ----------
    active : sequence of Variable
        Inputs in name order.
    isolated : frozenset of str
        Inputs that no dimensionless group can contain.
    target : Variable, optional
        Response.
    repeating : sequence of str
        Repeating variables.

    Returns
    -------
    vectors : tuple of tuple of int
        Exponents of the active inputs in each group.
    powers : dict of str to Fraction
        Powers of the repeating variables that go with the target in pi_0.
    explanation : str

    Raises
    ------
    InputError
        If a name is unknown or given twice, or the variables are not independent or too few.
    DimensionError
        If the target is outside the span of the inputs.
    """
    names = [v.name for v in active]
    for name in repeating:
        if name not in names:
            raise InputError(
                f"The repeating variable '{name}' is not an input; choose from {', '.join(names)}."
            )
    if len(set(repeating)) != len(repeating):
        raise InputError("A repeating variable is given twice; give each once.")
    needed = set(repeating) | _needed(active, target)
    matrix = DimensionalMatrix.of([v for v in active if v.name not in isolated - needed])
    vectors = repeating_groups(matrix, repeating)
    if vectors is None:
        raise InputError(_defect(active, matrix, repeating))
    powers = {} if target is None else _powers(matrix, repeating, target)
    exponents = [dict(zip(matrix.names, vector, strict=True)) for vector in vectors]
    spread = tuple(tuple(e.get(name, 0) for name in names) for e in exponents)
    explanation = f"Repeating variables {', '.join(repeating)} as asked: one group per other input."
    return spread, powers, explanation


def _powers(
    matrix: DimensionalMatrix, repeating: Sequence[str], target: Variable
) -> dict[str, Fraction]:
    """Powers of repeating variables that go with the target in pi_0."""
    columns = [matrix.names.index(name) for name in repeating]
    solution = matrix.solve(target.dimension, columns) or ()
    return {n: -e for n, e in zip(repeating, solution, strict=False) if e}


def _needed(active: Sequence[Variable], target: Variable | None) -> set[str]:
    """Inputs of one way to reach the target; it holds every isolated input that is needed."""
    if target is None:
        return set()
    solution = DimensionalMatrix.of(active).solve(target.dimension)
    if solution is None:
        raise UnreachableError(active, target)
    return {v.name for v, e in zip(active, solution, strict=True) if e}


def _defect(active: Sequence[Variable], matrix: DimensionalMatrix, repeating: Sequence[str]) -> str:
    rank = matrix.rank
    spanned = DimensionalMatrix.of([v for v in active if v.name in set(repeating)]).rank
    why = (
        f"{len(repeating)} are given but the rank is {rank}"
        if len(repeating) != rank
        else f"they span {spanned} of {rank} dimensions"
    )
    example = ",".join(matrix.names[j] for j in matrix.reduced.pivots)
    remedy = f"choose {rank} independent ones, for example {example}" if rank else "choose none"
    return f"{', '.join(repeating) or 'No variables'} cannot be the repeating set: {why}; {remedy}."


def all_bases(basis: PiBasis) -> list[PiBasis]:
    """Every distinct basis that some choice of repeating variables gives.

    Parameters
    ----------
    basis : PiBasis
        Basis whose variables are used; dropped ones stay out.

    Returns
    -------
    list of PiBasis
        Distinct as sets of groups up to powers.

    Raises
    ------
    InputError
        If there are too many; see :func:`dimgs.groups.derive.enumerate_bases`.

    Examples
    --------
    >>> from dimgs.groups.derive import pi_basis
    >>> len(all_bases(pi_basis(["A [m^2]", "L1 [m]", "L2 [m]"])))
    3
    """
    matrix, target = basis.matrix, basis.target
    namer = Namer(matrix.names, kinds_of([*basis.variables, *([target] if target else [])]))
    bases = []
    for choice in enumerate_bases(matrix):
        response = None
        if target is not None:
            response = namer.response(target.name, _powers(matrix, choice.repeating, target))
        bases.append(
            PiBasis(
                variables=basis.variables,
                groups=namer.groups(choice.groups),
                response=response,
                target=target,
                repeating=choice.repeating,
                explanation=f"Repeating variables {', '.join(choice.repeating)}.",
            )
        )
    return bases


# the reduction of the lattice takes a second; a law of so many inputs needs as many runs
_MOST_INPUTS = 200
_LEVEL = "it is a level, already logarithmic, and enters as a plain difference"
_OPEN = "the runs cannot separate its power from an unknown scale"


def variables_of(source: Any) -> tuple[Variable, ...]:
    """Variables of a dataset, a sequence of ``"name [unit]"`` or a mapping of name to unit.

    Parameters
    ----------
    source : Dataset or another value with `variables`, sequence of str or Variable, or mapping
        A mapping's values are unit texts, Pint units or Pint quantities.

    Returns
    -------
    tuple of Variable

    Raises
    ------
    InputError
        If an entry has no unit or a unit cannot be read.

    Examples
    --------
    >>> [v.si_unit for v in variables_of({"U": "km/hour", "T": "degC"})]
    ['m/s', 'K']
    """
    if hasattr(source, "variables"):
        return tuple(source.variables)
    if isinstance(source, Mapping):
        return tuple(_check(Variable(str(k), _unit_of(k, v))) for k, v in source.items())
    if isinstance(source, str):
        raise InputError(f"'{source}' is a single text; give a list of 'name [unit]' texts.")
    if not isinstance(source, Iterable):
        raise InputError(
            f"Variables cannot be read from a {type(source).__name__}; give a table, a list of "
            f"'name [unit]' texts or a mapping of name to unit."
        )
    return tuple(v if isinstance(v, Variable) else _check(parse_variable(str(v))) for v in source)


def _check(variable: Variable) -> Variable:
    """The variable, with a warning where its unit probably means something else."""
    reading = doubt_of(variable.name, variable.unit.text)
    if reading is not None and not reading.doubtful:
        doubt = f"Variable '{variable.name}': {reading.sentence(variable.unit.text)}"
        warnings.warn(doubt, DimgsWarning, stacklevel=4)
    return variable


def _unit_of(name: Any, value: Any) -> Unit:
    if isinstance(value, Unit):
        return value
    with located(f"Variable '{name}'"):
        if not isinstance(value, str) and hasattr(value, "dimensionality"):
            return unit_of(value, str(name))
        return parse_unit(str(value))


def constant_variables(symbols: Iterable[str], taken: Iterable[str] = ()) -> tuple[Variable, ...]:
    """Known physical constants as variables.

    Raises
    ------
    InputError
        If a symbol is unknown, or a column already has its name.
    """
    names = set(taken)
    constants = []
    for symbol in symbols:
        physical = constant(symbol)
        if physical.symbol in names:
            raise InputError(
                f"The constant '{physical.symbol}' ({physical.name}) has the name of a column; "
                f"rename the column or leave the constant out."
            )
        unit = Unit(physical.unit, physical.dimension)
        constants.append(Variable(physical.symbol, unit, physical.kind, "constant", physical.value))
    return tuple(constants)


def scale_variable(text: str, taken: Iterable[str] = ()) -> Variable:
    """Unknown dimensional constant from ``"M0 [kg]"``.

    Raises
    ------
    InputError
        If the unit is missing, dimensionless, a level or a label, or the name is taken.
    """
    scale = _check(parse_variable(text, role="scale"))
    if scale.name in set(taken):
        raise InputError(f"The scale '{scale.name}' has the name of a column; rename the scale.")
    if scale.is_label or scale.is_level or scale.dimension.is_dimensionless:
        raise InputError(f"The scale '{text}' needs a unit with a dimension, such as 'M0 [kg]'.")
    return scale


def with_target(variables: Sequence[str], target: str | None) -> tuple[list[str], str | None]:
    """Variables as they are typed, a target that brings its unit among them; and its name.

    Examples
    --------
    >>> with_target(["rho [kg/m^3]", "U [m/s]"], "dp [Pa]")
    (['rho [kg/m^3]', 'U [m/s]', 'dp [Pa]'], 'dp')
    >>> with_target(["L [m]", "T [s]"], "T")
    (['L [m]', 'T [s]'], 'T')
    """
    if target is None or split_header(target)[1] is None:
        return list(variables), target
    name = split_header(target)[0]
    listed = {split_header(text)[0] for text in variables}
    return [*variables, *([] if name in listed else [target])], name


def automatic_scales(
    inputs: Sequence[Variable], target: Variable | None, varying: Iterable[str] | None = None
) -> tuple[Variable, ...]:
    """Fewest scales that make the target reachable and free every varying input.

    Parameters
    ----------
    inputs : sequence of Variable
        Inputs with data and known constants.
    target : Variable, optional
        Response.
    varying : iterable of str, optional
        Inputs that vary in the table; by default all of them.

    Returns
    -------
    tuple of Variable
        One scale of an input's own dimension for each varying input that no group could contain,
        and one of the target's dimension if it is still outside the span.
    """
    active = sorted((v for v in inputs if not (v.is_label or v.is_level)), key=lambda v: v.name)
    must_vary = set(varying) if varying is not None else {v.name for v in active}
    scales: list[Variable] = []
    taken = {v.name for v in inputs} | ({target.name} if target else set())
    isolated = isolated_names(active)
    for variable in active:
        if variable.role == "data" and variable.name in must_vary & isolated:
            scales.append(_scale_like(variable, taken))
            isolated = isolated_names([*active, *scales])
    goals = [] if target is None or target.is_level or target.is_label else [target]
    return (*scales, *sizes_of([*active, *scales], goals, taken))


def _scale_like(variable: Variable, taken: set[str]) -> Variable:
    """An unknown scale of a variable's dimension and kind; its name is taken then."""
    name = name_of_scale(variable.name, taken)
    taken.add(name)
    unit = Unit(si_unit(variable.dimension), variable.dimension)
    return Variable(name, unit, variable.kind, "scale")


def isolated_names(variables: Sequence[Variable]) -> frozenset[str]:
    """Variables that no dimensionless group can contain."""
    return _absent([v.name for v in variables], DimensionalMatrix.of(variables).kernel_lattice())


def _absent(names: Sequence[str], vectors: Sequence[IntVector]) -> frozenset[str]:
    """Variables that have no exponent in any vector."""
    columns = zip(names, zip(*vectors, strict=True), strict=False)
    return frozenset(names) - {name for name, exponents in columns if any(exponents)}


def sizes_of(
    positive: Sequence[Variable], signed: Sequence[Variable], taken: Collection[str]
) -> tuple[Variable, ...]:
    """Fewest scales that give each signed input a dimension that positive quantities have.

    They are independent of the positive inputs, so that no other group contains them.

    Parameters
    ----------
    positive, signed : sequence of Variable
    taken : collection of str
        Names that are in use.

    Returns
    -------
    tuple of Variable
        Each of the dimension of a signed input.

    Examples
    --------
    >>> from dimgs.variables import parse_variable
    >>> k, x, y = (parse_variable(t) for t in ("k [N/m]", "x [m]", "y [m]"))
    >>> [(v.name, v.si_unit) for v in sizes_of([k], [x, y], ["k", "x", "y"])]
    [('x0', 'm')]
    """
    sizes: list[Variable] = []
    names = set(taken)
    for variable in sorted(signed, key=lambda v: v.name):
        if not is_reachable([*positive, *sizes], variable):
            sizes.append(_scale_like(variable, names))
    return tuple(sizes)


def _signed_groups(
    positive: Sequence[Variable], signed: Sequence[Variable], kinds: Kinds
) -> list[PiGroup]:
    """One group for each signed input, named as it, in which it has the exponent 1.

    Parameters
    ----------
    positive : sequence of Variable
        Positive inputs, constants, scales and sizes that together reach every dimension.
    signed : sequence of Variable
    kinds : mapping of str to tuple of Kind
    """
    groups = []
    for variable in signed:
        monomial = smallest_monomial(positive, variable.dimension)
        assert monomial is not None
        powers = {variable.name: Fraction(1), **{name: -e for name, e in monomial.exponents}}
        group = PiGroup.of(variable.name, powers)
        recognition = recognise(powers, kinds)
        inverse = recognition is not None and recognition.power < 0
        groups.append(group if inverse else named(group, recognition))
    return groups


def pi_basis(
    source: Any,
    response: str | None = None,
    *,
    target: str | None = None,
    repeating: Sequence[str] | None = None,
    constants: Iterable[str] = (),
    scales: Iterable[str] | str = (),
    prefer_named: bool = False,
    varying: Iterable[str] | None = None,
    signed: Iterable[str] = (),
) -> PiBasis:
    """Compute the pi groups of variables with units.

    Without `repeating`, the groups are an LLL-reduced basis of all integer groups, the same for
    every column order and unit system. Groups of constants alone are listed separately. The
    response occurs in ``pi_0`` only, with exponent 1.

    Parameters
    ----------
    source : Dataset, sequence of "name [unit]" texts, or mapping of name to unit or quantity
        The variables, the response included.
    response : str, optional
        Name of the response.
    target : str, optional
        The same, under the name that :func:`dimgs.fit` and :func:`dimgs.discover` give it.
    repeating : sequence of str, optional
        Repeating variables, as many as the rank; each other variable then gives one group.
    constants : iterable of str
        Known physical constants to add, such as ``("g", "c")``.
    scales : iterable of str, or "auto"
        Unknown dimensional constants, such as ``("M0 [kg]",)``.
    prefer_named : bool
        Prefer groups that have a name in the literature, also for the response.
    varying : iterable of str, optional
        Inputs that vary in the data. With ``scales="auto"``, the others take part only where no
        scale is needed: an unknown scale may hold any power of them.
    signed : iterable of str
        Inputs that vanish or change sign in the data: each is in one group alone, over a monomial
        of positive quantities.

    Returns
    -------
    PiBasis

    Raises
    ------
    InputError
        If names are absent or repeated, the repeating variables are not independent, or the
        inputs are too many.
    DimensionError
        If the response is outside the span of the inputs; the message names constants or a
        scale that would complete it.

    References
    ----------
    E. Buckingham, Phys. Rev. 4 (1914) 345-376.

    Examples
    --------
    >>> basis = pi_basis(
    ...     ["dp [Pa]", "rho [kg/m^3]", "U [m/s]", "D [m]", "mu [Pa*s]", "L [m]"], "dp"
    ... )
    >>> print(basis.response)
    dp·U⁻²·rho⁻¹
    >>> [(str(group), group.known_as) for group in basis.groups]
    [('D·L⁻¹', None), ('D·U·rho·mu⁻¹', 'Reynolds number')]
    """
    variables = variables_of(source)
    response_variable = _target(variables, response, target)
    names = [v.name for v in variables]
    declared = [*_columns(variables, response_variable), *constant_variables(constants, names)]
    inputs = with_scales(declared, response_variable, names, scales, varying)
    check_names([v.name for v in inputs])
    apart = [Dropped(v.name, _LEVEL) for v in inputs if v.is_level]
    apart += [Dropped(v.name, _OPEN) for v in declared if v not in inputs]
    active = sorted((v for v in inputs if not v.is_level), key=lambda v: v.name)
    moving = [v for v in active if v.name in set(signed)]
    if not moving:
        return _derive(active, response_variable, repeating, prefer_named, apart)
    # each input that vanishes or changes sign has a group beside those of the positive ones
    if response_variable is not None and not (
        response_variable.is_level or is_reachable(active, response_variable)
    ):
        raise UnreachableError(active, response_variable)
    positive = [v for v in active if v not in moving]
    sizes = sizes_of(positive, moving, [*names, *(v.name for v in inputs)])
    positive = sorted([*positive, *sizes], key=lambda v: v.name)
    around = _signed_groups(positive, moving, _kinds_of(active, response_variable))
    needed = [name for group in around for name, _ in group.exponents]
    basis = _derive(positive, response_variable, repeating, prefer_named, apart, needed)
    groups = [*basis.groups, *around]
    return replace(
        basis,
        variables=tuple(sorted([*basis.variables, *moving], key=lambda v: v.name)),
        groups=tuple(group.renamed(f"pi_{k}") for k, group in enumerate(groups, 1)),
        signed=tuple(v.name for v in moving),
        sizes=tuple(v.name for v in sizes),
    )


def _kinds_of(inputs: Sequence[Variable], response: Variable | None) -> Kinds:
    return kinds_of([*inputs, *([response] if response else [])])


def _columns(variables: Sequence[Variable], response: Variable | None) -> list[Variable]:
    columns = [v for v in variables if v is not response and not v.is_label]
    if len(columns) > _MOST_INPUTS:
        raise InputError(
            f"{len(columns)} inputs are more than groups are made of ({_MOST_INPUTS}); name those "
            f"that matter ({setting('columns')}), or leave out the others ({setting('drop')})."
        )
    return columns


def with_scales(
    declared: Sequence[Variable],
    response: Variable | None,
    names: Sequence[str],
    scales: Iterable[str] | str,
    varying: Iterable[str] | None = None,
) -> list[Variable]:
    """Columns and constants, with the requested unknown scales.

    Parameters
    ----------
    declared : list of Variable
        Columns and constants.
    response : Variable, optional
        The response.
    names : sequence of str
        Further names that are taken.
    scales, varying
        As in :func:`pi_basis`.
    """
    if not isinstance(scales, str):
        inputs = list(declared)
        for text in scales:
            inputs.append(scale_variable(text, [*(v.name for v in inputs), *names]))
    elif scales == AUTO:
        inputs = [*declared, *automatic_scales(declared, response, varying)]
        held = _left_open(inputs, response, varying)
        if held:
            # scales of the dimensions of what never varied, whose place they take
            rest = [v for v in declared if v not in held]
            constants = [v for v in rest if v.role == "constant"]
            rest += sizes_of(constants, held, {*names, *(v.name for v in inputs)})
            inputs = [*rest, *automatic_scales(rest, response, varying)]
    else:
        raise InputError(f"scales is '{scales}'; give 'auto' or a list such as ['M0 [kg]'].")
    if not inputs:
        raise InputError("There are no inputs; give at least one variable besides the response.")
    return inputs


def _left_open(
    inputs: Sequence[Variable], response: Variable | None, varying: Iterable[str] | None
) -> list[Variable]:
    """Inputs of the groups and of pi_0 that never varied, where a scale is automatic.

    Nobody gave the dimension of such a scale: it may hold any power of them.
    """
    if varying is None or not any(v.role == "scale" for v in inputs):
        return []
    active = [v for v in inputs if not v.is_level]
    apart = isolated_names(active) | {*varying}
    if response is not None and not response.is_level:
        needed = smallest_monomial(active, response.dimension)
        apart -= set() if needed is None else {n for n, _ in needed.exponents} - {*varying}
    return [
        v
        for v in active
        if v.role == "data" and v.name not in apart and not v.dimension.is_dimensionless
    ]


def _target(
    listed: Sequence[Variable], response: str | None, target: str | None
) -> Variable | None:
    if response is not None and target not in (None, response):
        raise InputError(
            f"The response is '{response}' and the target '{target}'; give one of the two."
        )
    names = [v.name for v in listed]
    check_names(names)
    response = response if target is None else target
    if response is None:
        return None
    variable = next((v for v in listed if v.name == response), None)
    if variable is None:
        remedy = did_you_mean(response, names, f"the variables are {', '.join(names[:8])}.", most=3)
        raise InputError(f"There is no variable '{response}'; {remedy}")
    if variable.is_label:
        raise InputError(f"The response '{response}' is a label; choose a numeric column.")
    return variable


def _derive(
    active: list[Variable],
    target: Variable | None,
    repeating: Sequence[str] | None,
    prefer_named: bool,
    apart: Sequence[Dropped],
    needed: Sequence[str] = (),
) -> PiBasis:
    names = tuple(v.name for v in active)
    kinds = _kinds_of(active, target)
    lattice, fixed = lattice_of(active)
    isolated = _absent(names, lattice)
    if repeating is not None:
        lattice, monomial, explanation = by_repeating(active, isolated, target, repeating)
    else:
        if prefer_named and lattice:
            lattice = with_named_groups(lattice, names, kinds, fixed)
        monomial, explanation = _automatic(active, target, kinds if prefer_named else None)
    used = {*monomial, *(repeating or ()), *needed}
    idle = [v for v in active if v.name in isolated - used]

    namer = Namer(names, kinds)
    pi_0 = namer.response(target.name, monomial) if target is not None else None
    groups = namer.groups(lattice)
    data = {v.name for v in active if v.role == "data"}
    numbers = [g for g in groups if data.isdisjoint(name for name, _ in g.exponents)]
    return PiBasis(
        variables=tuple(v for v in active if v not in idle),
        groups=groups,
        response=pi_0,
        target=target,
        repeating=tuple(repeating) if repeating is not None else tuple(sorted(monomial)),
        explanation=explanation,
        dropped=(*(_dropped(v, active) for v in idle), *apart),
        remarks=tuple(
            f"{g.name} = {g} contains constants only, and is a fixed number." for g in numbers
        ),
    )


def _dropped(variable: Variable, inputs: Sequence[Variable]) -> Dropped:
    """An input that forms no group, why, and what would let it take part."""
    others = {base for v in inputs if v is not variable for base, _ in v.dimension}
    why = f"no product of powers of the other inputs has its dimension {variable.dimension}"
    if any(base not in others for base, _ in variable.dimension):
        why = f"no other column has the dimension {variable.dimension}"
    remedy = advice_to_take_part(variable) if variable.role == "data" else ""
    return Dropped(variable.name, f"{why}, so it forms no dimensionless group", remedy)


def _automatic(
    active: Sequence[Variable], target: Variable | None, kinds: Kinds | None
) -> tuple[dict[str, Fraction], str]:
    """Powers that go with the target in pi_0, and why; with kinds, a named number if one fits."""
    if target is None:
        return {}, "The groups are an LLL-reduced basis of all integer groups of the inputs."
    if target.is_level:
        return {}, f"'{target.name}' is a level, already logarithmic, and stands alone in pi_0."
    if target.dimension.is_dimensionless:
        return {}, f"'{target.name}' is dimensionless and stands alone in pi_0."
    usual = named_response(target.name, [v.name for v in active], kinds) if kinds else None
    if usual is not None:
        return usual, (
            f"'{target.name}' is made dimensionless by {', '.join(sorted(usual))}: "
            f"pi_0 is then a named number, as asked."
        )
    monomial = smallest_monomial(active, target.dimension)
    if monomial is None:
        raise UnreachableError(active, target)
    why = (
        "the fewest variables (then the smallest exponents, then name order)"
        if monomial.fewest
        else "the smallest exponents (then name order; there are too many variables to search for "
        "the fewest)"
    )
    listed = ", ".join(name for name, _ in monomial.exponents)
    return (
        {name: -exponent for name, exponent in monomial.exponents},
        f"'{target.name}' is made dimensionless by {listed}: {why}.",
    )
