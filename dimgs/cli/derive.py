"""`dimgs pi`: pi groups of a table or of listed variables."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dimgs.cli import tables
from dimgs.cli.analyse import TABLE
from dimgs.cli.output import emit_json, say, table, warn

if TYPE_CHECKING:
    from dimgs.discovery.options import Options
    from dimgs.groups.group import PiBasis

# bases that fit on a screen
_MAX_SHOWN = 20


@tables.takes("constants", "scales", *TABLE)
def pi(
    source: Annotated[
        list[str], typer.Argument(help=r"A table, or variables such as 'rho \[kg/m^3]' 'U \[m/s]'.")
    ],
    options: "Options",
    target: Annotated[
        str | None, typer.Option("--target", "-y", help=r"Response: a column, or 'dp \[Pa]'.")
    ] = None,
    repeating: Annotated[
        str | None, typer.Option("--repeating", help="Repeating variables, such as rho,U,D.")
    ] = None,
    all_bases: Annotated[
        bool, typer.Option("--all-bases", help="Enumerate every distinct basis.")
    ] = False,
    named: Annotated[
        bool, typer.Option("--named", help="Prefer groups with a name in the literature.")
    ] = False,
    json: tables.Json = False,
) -> None:
    """Derive the pi groups of unit-tagged variables, exactly."""
    from dimgs.groups.derive import pi_basis
    from dimgs.groups.repeating import all_bases as enumerate_all
    from dimgs.report.documents import pi_document

    variables, response, varying, warnings = _source(source, target, options)
    warn(warnings)
    basis = pi_basis(
        variables,
        response,
        repeating=tables.names(repeating),
        constants=options.constants,
        scales=options.scales,
        prefer_named=named,
        varying=varying,
    )
    if varying is not None and response is not None:
        basis = _supported(variables, basis, options.without_reading())
    bases = enumerate_all(basis) if all_bases else None
    if json:
        emit_json(pi_document(basis, bases))
        return
    if basis.response is not None:
        known = f"   {basis.response.known_as}" if basis.response.known_as else ""
        say(f"pi_0 = {basis.response}{known}")
    table(
        f"{_count(basis.variables, 'input')}, rank {basis.rank}, {_count(basis.groups, 'group')}",
        ["group", "definition", "known as"],
        [[g.name, str(g), g.known_as or ""] for g in basis.groups],
    )
    if not basis.groups:
        constant = ", so pi_0 is constant" if basis.response is not None else ""
        say(f"{_count(basis.variables, 'input')}, rank {basis.rank}: no free group{constant}")
    if basis.explanation:
        say(basis.explanation)
    for dropped in basis.dropped:
        say(f"'{dropped.name}' takes no part: {dropped.why}.")
    for suggestion in basis.suggestions:
        say(suggestion)
    if bases is not None:
        rows = [
            [", ".join(b.repeating), ", ".join(str(g) for g in b.groups)]
            for b in bases[:_MAX_SHOWN]
        ]
        table(f"{len(bases)} distinct bases", ["repeating", "groups"], rows)
        if len(bases) > _MAX_SHOWN:
            say(f"... and {len(bases) - _MAX_SHOWN} more (--json lists all)")


def _supported(data: Any, basis: "PiBasis", options: "Options") -> "PiBasis":
    """The basis of a table, with the advice only that its runs support beyond chance."""
    from dimgs.discovery.prepare import prepare
    from dimgs.errors import DimgsError
    from dimgs.groups.derive import advice_to_take_part

    assert basis.target is not None
    try:
        kept = prepare(data, basis.target.name, options).basis.suggestions
    except DimgsError:
        # runs that no law can be fitted to support nothing
        kept = ()
    idle = {d.name for d in basis.dropped}
    asked = {advice_to_take_part(v) for v in data.variables if v.name in idle}
    left = tuple(s for s in basis.suggestions if s in kept or s not in asked)
    return replace(basis, suggestions=left)


def _count(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _source(
    source: list[str], target: str | None, options: "Options"
) -> tuple[object, str | None, list[str] | None, tuple[str, ...]]:
    """Variables, response name, inputs that vary (of a table), warnings."""
    from dimgs.variables import split_header

    if len(source) > 1 or split_header(source[0])[1] is not None:
        listed = list(source)
        response = target
        if target is not None and split_header(target)[1] is not None:
            response = split_header(target)[0]
            if response not in {split_header(text)[0] for text in listed}:
                listed.append(target)
        return tables.checked(listed, strict=options.strict_units), response, None, ()
    from dimgs.dataset.checks import constant_columns

    data = options.read(source[0], *([target] if target else []))
    never = set(constant_columns(data))
    varying = [n for n in data.numeric_names if n not in never]
    return data, target, varying, data.warnings
