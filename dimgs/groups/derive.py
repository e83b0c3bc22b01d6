"""From variables to a basis of pi groups."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from dimgs.dimensions import DimensionalMatrix, IntVector
from dimgs.errors import DimensionError, InputError
from dimgs.groups.enumeration import enumerate_bases, repeating_groups
from dimgs.groups.group import Dropped, PiBasis, PiGroup
from dimgs.groups.inputs import (
    automatic_scales,
    constant_variables,
    scale_variable,
    variables_of,
)
from dimgs.groups.naming import kinds_of, named, ordered_groups, with_named_groups
from dimgs.groups.response import smallest_monomial
from dimgs.groups.span import outside_span
from dimgs.variables import Variable


def pi_basis(
    source: Any,
    response: str | None = None,
    *,
    repeating: Sequence[str] | None = None,
    constants: Iterable[str] = (),
    scales: Iterable[str] | str = (),
    prefer_named: bool = False,
    varying: Iterable[str] | None = None,
) -> PiBasis:
    """Pi groups of unit-tagged variables.

    Without `repeating`, the groups are an LLL-reduced basis of all integer groups, the same for
    every column order and unit system; the response stands alone in ``pi_0`` with exponent 1.

    Parameters
    ----------
    source : Dataset, sequence of "name [unit]" texts, or mapping of name to unit or quantity
        The variables, the response included.
    response : str, optional
        Name of the response.
    repeating : sequence of str, optional
        Repeating variables, as many as the rank; each other variable then gives one group.
    constants : iterable of str
        Known physical constants to add, such as ``("g", "c")``.
    scales : iterable of str, or "auto"
        Unknown dimensional constants, such as ``("M0 [kg]",)``.
    prefer_named : bool
        Prefer groups that have a name in the literature.
    varying : iterable of str, optional
        Inputs that vary in the data (used by ``scales="auto"``).

    Returns
    -------
    PiBasis

    Raises
    ------
    InputError
        If names are absent or repeated, or the repeating variables are not independent.
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
    given = variables_of(source)
    target = _target(given, response)
    columns = [v for v in given if v is not target and not v.is_label]
    names = [v.name for v in given]
    inputs = [*columns, *constant_variables(constants, names)]
    if isinstance(scales, str):
        if scales != "auto":
            raise InputError(f"scales is '{scales}'; give 'auto' or a list such as ['M0 [kg]'].")
        inputs += automatic_scales(inputs, target, varying)
    else:
        for text in scales:
            inputs.append(scale_variable(text, [v.name for v in inputs] + names))
    active = sorted((v for v in inputs if not v.is_level), key=lambda v: v.name)
    levels = tuple(
        Dropped(v.name, "it is a level, already logarithmic; it enters as a plain difference")
        for v in inputs
        if v.is_level
    )
    if not active and not levels:
        raise InputError("There are no inputs; give at least one variable besides the response.")
    return _derive(active, target, repeating, prefer_named, levels)


def _target(given: Sequence[Variable], response: str | None) -> Variable | None:
    if response is None:
        return None
    found = next((v for v in given if v.name == response), None)
    if found is None:
        from difflib import get_close_matches

        names = [v.name for v in given]
        close = get_close_matches(response, names, 3, 0.6) or names[:8]
        raise InputError(f"There is no variable '{response}'; did you mean {', '.join(close)}?")
    if found.is_label:
        raise InputError(f"The response '{response}' is a label; choose a numeric column.")
    return found


def _derive(
    active: list[Variable],
    target: Variable | None,
    repeating: Sequence[str] | None,
    prefer_named: bool,
    levels: tuple[Dropped, ...],
) -> PiBasis:
    matrix = DimensionalMatrix.of(active)
    kinds = kinds_of([*active, *([target] if target else [])])
    lattice = _lattice(active)
    isolated = {v.name for j, v in enumerate(active) if not any(vector[j] for vector in lattice)}
    if repeating is not None:
        lattice, monomial, explanation = _by_repeating(active, isolated, target, repeating)
    else:
        if prefer_named and lattice:
            lattice = with_named_groups(lattice, matrix.names, kinds)
        monomial, explanation = _automatic(active, target)
    used = set(monomial or {})
    dropped = tuple(
        Dropped(v.name, f"nothing else shares its dimension {v.dimension}, so no group holds it")
        for v in active
        if v.name in isolated - used and (repeating is None or v.name not in repeating)
    )
    pi_0 = None
    if target is not None and monomial is not None:
        powers = {name: -exponent for name, exponent in monomial.items()}
        pi_0 = named(PiGroup.of("pi_0", {target.name: Fraction(1), **powers}), kinds)
    groups = ordered_groups(lattice, matrix.names, kinds)
    basis = PiBasis(
        variables=tuple(active),
        groups=groups,
        response=pi_0,
        target=target,
        repeating=tuple(repeating) if repeating is not None else tuple(sorted(used)),
        explanation=explanation,
        dropped=(*dropped, *levels),
    )
    suggestions = tuple(
        f"{g.name} = {g} is made of constants only: it is a fixed number, not an input."
        for g in groups
        if basis.is_constant(g)
    )
    return PiBasis(**{**vars(basis), "suggestions": suggestions})


def _lattice(active: Sequence[Variable]) -> tuple[IntVector, ...]:
    """Kernel lattice in which every dimensionless variable is a group of its own."""
    plain = [j for j, v in enumerate(active) if v.dimension.is_dimensionless]
    rest = [j for j, v in enumerate(active) if not v.dimension.is_dimensionless]
    n = len(active)
    vectors = [tuple(int(i == j) for i in range(n)) for j in plain]
    for short in DimensionalMatrix.of([active[j] for j in rest]).kernel_lattice():
        spread = dict(zip(rest, short, strict=True))
        vectors.append(tuple(spread.get(i, 0) for i in range(n)))
    return tuple(vectors)


def _automatic(
    active: Sequence[Variable], target: Variable | None
) -> tuple[dict[str, Fraction] | None, str]:
    if target is None:
        return None, "The groups are an LLL-reduced basis of all integer groups of the inputs."
    found = smallest_monomial(active, target.dimension)
    if found is None:
        raise DimensionError(outside_span(active, target))
    chosen = dict(found.exponents)
    if not chosen:
        return chosen, f"'{target.name}' is dimensionless and stands alone in pi_0."
    return chosen, (
        f"'{target.name}' is made dimensionless by {', '.join(sorted(chosen))}: the fewest "
        f"variables that reach its dimension, then the smallest exponents, then name order."
    )


def _by_repeating(
    active: Sequence[Variable],
    isolated: set[str],
    target: Variable | None,
    repeating: Sequence[str],
) -> tuple[tuple[IntVector, ...], dict[str, Fraction] | None, str]:
    names = [v.name for v in active]
    for name in repeating:
        if name not in names:
            raise InputError(
                f"The repeating variable '{name}' is not an input; choose from {', '.join(names)}."
            )
    if len(set(repeating)) != len(repeating):
        raise InputError("A repeating variable is given twice; give each once.")
    kept = [v for v in active if v.name not in isolated or v.name in repeating]
    matrix = DimensionalMatrix.of(kept)
    vectors = repeating_groups(matrix, repeating)
    if vectors is None:
        rank = matrix.rank
        own = DimensionalMatrix.of([v for v in kept if v.name in set(repeating)]).rank
        why = (
            f"{len(repeating)} are given but the rank is {rank}"
            if len(repeating) != rank
            else f"they span {own} of {rank} dimensions"
        )
        example = next(iter(enumerate_bases(matrix))).repeating
        raise InputError(
            f"{', '.join(repeating)} cannot be the repeating variables: {why}; "
            f"choose {rank} independent ones, for example {','.join(example)}."
        )
    monomial = None
    if target is not None:
        columns = [matrix.names.index(name) for name in repeating]
        solution = matrix.solve(target.dimension, columns)
        if solution is None:
            raise DimensionError(outside_span(active, target))
        monomial = {n: e for n, e in zip(repeating, solution, strict=True) if e}
    spread = []
    for vector in vectors:
        powers = dict(zip(matrix.names, vector, strict=True))
        spread.append(tuple(powers.get(name, 0) for name in names))
    explanation = f"Repeating variables {', '.join(repeating)} as asked: one group per other input."
    return tuple(spread), monomial, explanation


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
        If there are more than two million choices.

    Examples
    --------
    >>> len(all_bases(pi_basis(["A [m^2]", "L1 [m]", "L2 [m]"])))
    3
    """
    out = {d.name for d in basis.dropped}
    kept = [v for v in basis.variables if v.name not in out]
    matrix = DimensionalMatrix.of(kept)
    kinds = kinds_of([*kept, *([basis.target] if basis.target else [])])
    found = []
    for choice in enumerate_bases(matrix):
        response = None
        if basis.target is not None:
            columns = [matrix.names.index(n) for n in choice.repeating]
            powers = matrix.solve(basis.target.dimension, columns) or ()
            exponents = {n: -e for n, e in zip(choice.repeating, powers, strict=True)}
            response = named(PiGroup.of("pi_0", {basis.target.name: 1, **exponents}), kinds)
        found.append(
            PiBasis(
                variables=tuple(kept),
                groups=ordered_groups(choice.groups, matrix.names, kinds),
                response=response,
                target=basis.target,
                repeating=choice.repeating,
                explanation=f"Repeating variables {', '.join(choice.repeating)}.",
            )
        )
    return found
