"""`dimgs next`: the runs that would tell the rivals apart."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dimgs.cli import tables
from dimgs.cli.analyse import DISCOVER
from dimgs.cli.output import emit_json, say, warn, working

if TYPE_CHECKING:
    from dimgs.discovery.options import Options


@tables.takes(*DISCOVER)
def next(
    table: tables.Table,
    target: Annotated[str, typer.Option("--target", "-y", help="Response column.")],
    options: "Options",
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many runs.")] = 5,
    range: Annotated[
        list[str] | None,
        typer.Option(
            "--range",
            help="Range of an input, such as 'U=0.1..10 m/s'; repeatable. By default that of the "
            "runs, each end wider by √2.",
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option("--against", help="law.json of a published law: where would it fail?"),
    ] = None,
    json: tables.Json = False,
) -> None:
    """Propose the runs that would tell apart the laws that a table allows."""
    from dimgs.discovery.discover import check_model
    from dimgs.discovery.discover import discover as study
    from dimgs.discovery.places import ranges_of
    from dimgs.law.law import Law

    check_model(options.model)
    published = None if against is None else Law.from_json(against)
    if published is not None and published.doubt:
        warn([published.doubt])
    ranges = ranges_of(range or [])
    ((name, data, asked),) = tables.each(table, [target], options)
    with working(f"looking for the laws of {name}", options.seconds) as tell:
        report = study(data, name, asked, progress=tell)
    warn(report.notes)
    found = report.next_runs(count, ranges, published)
    if json:
        emit_json(found.to_json())
    else:
        say(str(found))
