"""Groups over repeating variables: those that the user asks for, and all possible choices."""

from collections.abc import Sequence
from fractions import Fraction

from dimgs.dimensions import DimensionalMatrix, IntVector, leading_columns
from dimgs.errors import InputError
from dimgs.groups.enumeration import enumerate_bases, repeating_groups
from dimgs.groups.group import PiBasis
from dimgs.groups.missing_input import UnreachableError
from dimgs.groups.naming import Namer, kinds_of
from dimgs.variables import Variable


def by_repeating(
    active: Sequence[Variable],
    isolated: set[str],
    target: Variable | None,
    repeating: Sequence[str],
) -> tuple[tuple[IntVector, ...], dict[str, Fraction], str]:
    """Groups over the repeating variables that the user asks for.

    Parameters
    ----------
    active : sequence of Variable
        Inputs in name order.
    isolated : set of str
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
        raise InputError(_unfit(active, matrix, repeating))
    powers = {}
    if target is not None and not target.is_level:
        columns = [matrix.names.index(name) for name in repeating]
        solution = matrix.solve(target.dimension, columns) or ()
        powers = {n: -e for n, e in zip(repeating, solution, strict=True) if e}
    spread = []
    for vector in vectors:
        exponents = dict(zip(matrix.names, vector, strict=True))
        spread.append(tuple(exponents.get(name, 0) for name in names))
    explanation = f"Repeating variables {', '.join(repeating)} as asked: one group per other input."
    return tuple(spread), powers, explanation


def _needed(active: Sequence[Variable], target: Variable | None) -> set[str]:
    """Inputs of one way to reach the target; it holds every isolated input that is needed."""
    if target is None or target.is_level:
        return set()
    solution = DimensionalMatrix.of(active).solve(target.dimension)
    if solution is None:
        raise UnreachableError(active, target)
    return {v.name for v, e in zip(active, solution, strict=True) if e}


def _unfit(active: Sequence[Variable], matrix: DimensionalMatrix, repeating: Sequence[str]) -> str:
    rank = matrix.rank
    own = DimensionalMatrix.of([v for v in active if v.name in set(repeating)]).rank
    why = (
        f"{len(repeating)} are given but the rank is {rank}"
        if len(repeating) != rank
        else f"they span {own} of {rank} dimensions"
    )
    example = ",".join(matrix.names[j] for j in leading_columns(matrix.integer_rows))
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
        If there are too many; see :func:`dimgs.groups.enumeration.enumerate_bases`.

    Examples
    --------
    >>> from dimgs.groups.derive import pi_basis
    >>> len(all_bases(pi_basis(["A [m^2]", "L1 [m]", "L2 [m]"])))
    3
    """
    matrix, target = basis.matrix, basis.target
    namer = Namer(matrix.names, kinds_of([*basis.variables, *([target] if target else [])]))
    found = []
    for choice in enumerate_bases(matrix):
        response = None
        if target is not None:
            columns = [matrix.names.index(n) for n in choice.repeating]
            solution = matrix.solve(target.dimension, columns) or [Fraction(0)] * len(columns)
            powers = {n: -e for n, e in zip(choice.repeating, solution, strict=True)}
            response = namer.response(target.name, powers)
        found.append(
            PiBasis(
                variables=basis.variables,
                groups=namer.groups(choice.groups),
                response=response,
                target=target,
                repeating=choice.repeating,
                explanation=f"Repeating variables {', '.join(choice.repeating)}.",
            )
        )
    return found
