"""`dimgs pi`: pi groups of a table or of listed variables."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dimgs.cli import tables
from dimgs.cli.analyse import TABLE
from dimgs.cli.output import emit_json, say, table, warn

if TYPE_CHECKING:
    from dimgs.discovery.options import Options

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
    from dimgs.discovery.prepare import table_basis
    from dimgs.groups.derive import pi_basis, with_target
    from dimgs.groups.repeating import all_bases as enumerate_all
    from dimgs.report.documents import pi_document
    from dimgs.variables import split_header

    chosen: dict[str, Any] = {"repeating": tables.names(repeating), "prefer_named": named}
    if len(source) == 1 and split_header(source[0])[1] is None:
        data = options.read(source[0], *([target] if target else []))
        warn(data.warnings)
        basis = table_basis(data, target, options.without_reading(), **chosen)
    else:
        variables, response = with_target(source, target)
        basis = pi_basis(
            tables.checked(variables, strict=options.strict_units),
            response,
            constants=options.constants,
            scales=options.scales,
            **chosen,
        )
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


def _count(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"
