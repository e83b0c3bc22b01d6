"""The commands on curves, trajectories and laws: collapse, invariants and symmetries."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from dimgs.cli import tables
from dimgs.cli.output import emit, note, warn, working
from dimgs.cli.tables import Column

if TYPE_CHECKING:
    from dimgs.discovery.options import Options

Along = Annotated[str, Column(help="Coordinate along each curve: time, position, frequency.")]
# of the options of an analysis
_TABLE = ("columns", "drop", "drop_bad", "units", "sheet", "skip_rows", "strict_units", "si")
_SEARCH = ("engine", "effort", "evaluations", "time_limit", "level", "seed")


@tables.takes("constants", "scales", *_SEARCH, *_TABLE)
def collapse(
    table: tables.Table,
    target: Annotated[str, Column("--target", "-y", help="Column of the values.")],
    along: Along,
    options: "Options",
    curve: Annotated[
        str | None,
        Column(
            help="Label column that names the run; by default rows with equal parameters form one."
        ),
    ] = None,
    out: Path | None = Option(
        None, help="Folder for the figures before and after, JSON and LaTeX."
    ),
    json: tables.Json = False,
) -> None:
    """Find the similarity variables in which the curves of several runs fall on one."""
    from dimgs.report.write import check_folder
    from dimgs.symmetry.collapse import collapse_with

    if out is not None:
        check_folder(out)
    data = options.read(table, *(n for n in (target, along, curve) if n is not None))
    with working(f"searching for the curve of {target}", options.seconds) as progress:
        collapsed = collapse_with(data, target, along, curve, options, progress)
    warn(collapsed.warnings)
    if out is not None:
        written = collapsed.write(out)
        note(f"wrote {', '.join(path.name for path in written)} to {out}")
    emit(collapsed.to_json(), str(collapsed), json)


@tables.takes("constants", *_TABLE)
def invariants(
    table: tables.Table,
    along: Along,
    curve: Annotated[str, Column(help="Column that names the run.")],
    options: "Options",
    json: tables.Json = False,
) -> None:
    """Find conserved quantities: equal along each run, and different between runs."""
    from dimgs.symmetry.invariants import invariants as find

    data = options.read(table, along, curve)
    with working(f"searching for conserved quantities along {along}"):
        conserved = find(data, along, curve, options.constants)
    warn(data.warnings)
    emit(conserved.to_json(), str(conserved), json)


@tables.takes("constants", "split_by", *_TABLE)
def symmetries(
    source: Annotated[
        str, Argument(metavar="LAW.json|TABLE", help="A stored law, or a table with units.")
    ],
    options: "Options",
    target: Annotated[str | None, Column("--target", "-y", help="Response of a table.")] = None,
    json: tables.Json = False,
) -> None:
    """Find the symmetries of a law, or test symmetries of the runs of a table."""
    from dimgs.symmetry.symmetries import symmetries as find

    if target is None or source.endswith(".json"):
        generators = find(source, target)
    else:
        data = options.read(source, target)
        warn(data.warnings)
        generators = find(data, target, options.constants, split_by=options.split_by)
    emit(generators.to_json(), str(generators), json)
