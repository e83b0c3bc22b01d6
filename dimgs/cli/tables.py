"""Options that several commands share, and the table that they read."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dimgs.cli import complete

if TYPE_CHECKING:
    from dimgs.dataset import Dataset
    from dimgs.discovery.options import Options

Table = Annotated[str, typer.Argument(help="CSV, TSV, Parquet or Excel file with units.")]
Target = Annotated[
    list[str],
    typer.Option(
        "--target", "-y", help="Response column; repeatable.", autocompletion=complete.columns
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Columns = Annotated[
    str | None, typer.Option("--columns", help="Use only these inputs, comma separated.")
]
Drop = Annotated[str | None, typer.Option("--drop", help="Use all inputs but these.")]
DropBad = Annotated[
    bool, typer.Option("--drop-bad", help="Drop rows that cannot be used, and count them.")
]
Constants = Annotated[
    str | None, typer.Option("--constants", help="Known constants to add, such as g,c,k_B.")
]
Scale = Annotated[
    list[str] | None,
    typer.Option("--scale", help=r"Unknown constant 'M0 \[kg]' (repeatable), or auto."),
]
Define = Annotated[
    list[str] | None,
    typer.Option("--define", help=r"Define a unit first, such as 'EUR = \[currency]'."),
]
Within = Annotated[
    str | None, typer.Option("--within", help="Label column whose groups keep their prefactor.")
]
SplitBy = Annotated[
    str | None, typer.Option("--split-by", help="Label column whose groups are held out together.")
]
Level = Annotated[float, typer.Option("--level", help="Coverage of the intervals.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of everything random.")]
Arrhenius = Annotated[
    str | None, typer.Option("--arrhenius", help="Absolute temperature that enters as 1/T.")
]
ArrheniusPower = Annotated[
    bool, typer.Option("--arrhenius-power", help="Let that temperature enter as a power too.")
]
Robust = Annotated[bool, typer.Option("--robust", help="Fit by ranks: outliers do no harm.")]
ErrorsInVariables = Annotated[
    bool,
    typer.Option("--errors-in-variables", help="Use the error columns (x_err) of inputs too."),
]

EngineName = Annotated[
    str,
    typer.Option(
        "--engine",
        help="auto, structured, pysr, operon or power_law.",
        autocompletion=complete.engines,
    ),
]
Model = Annotated[
    str,
    typer.Option("--model", help="linear (power law), or deep (a neural potential teaches too)."),
]
TimeLimit = Annotated[
    float, typer.Option("--time-limit", help="Seconds that the engines may take together.")
]
Regimes = Annotated[
    bool, typer.Option("--regimes", help="Find regimes of constant exponents and their borders.")
]
Local = Annotated[bool, typer.Option("--local", help="Local exponents at every run.")]
Additive = Annotated[
    bool, typer.Option("--additive", help="Sparse sum of smooth functions of the groups.")
]

Stream = Annotated[
    bool, typer.Option("--stream", help="Read the table in parts: it may exceed the memory.")
]
ChunkRows = Annotated[
    int | None, typer.Option("--chunk-rows", help="Most rows in memory at a time (--stream).")
]
Resume = Annotated[
    Path | None, typer.Option("--resume", help="File that keeps interrupted work (--stream).")
]


def options(constants: str | None, scale: list[str] | None, **chosen: Any) -> "Options":
    """Options of an analysis from what was typed."""
    from dimgs.discovery.options import Options

    return Options(constants=names(constants) or [], scales=scales(scale), **chosen)


def names(text: str | None) -> list[str] | None:
    """Comma-separated names; None where none were given."""
    if text is None:
        return None
    return [part.strip() for part in text.split(",") if part.strip()]


def scales(given: list[str] | None) -> list[str] | str:
    """Scales as :class:`dimgs.discovery.options.Options` takes them."""
    if not given:
        return []
    if "auto" in given and len(given) > 1:
        from dimgs.errors import InputError

        raise InputError(
            "--scale auto chooses all scales; give it alone, or name every scale as 'M0 [kg]'."
        )
    return "auto" if given == ["auto"] else given


def define(definitions: list[str] | None) -> None:
    """Define the user's units."""
    from dimgs.variables import define_unit

    for definition in definitions or []:
        define_unit(definition)


def read(
    path: str,
    columns: str | None,
    drop: str | None,
    drop_bad: bool,
    keep: Sequence[str] = (),
) -> "Dataset":
    """Table with the chosen inputs; the columns in `keep` stay whatever is chosen."""
    from dimgs.dataset import read_table

    chosen = names(columns)
    if chosen is not None:
        chosen = [*chosen, *(k for k in keep if k not in chosen)]
    dropped = names(drop)
    if dropped is not None:
        clash = [k for k in keep if k in dropped]
        if clash:
            from dimgs.errors import InputError

            raise InputError(f"'{clash[0]}' is dropped with --drop but needed; leave it in.")
    return read_table(path, columns=chosen, drop=dropped, drop_bad=drop_bad)


def each(
    path: str,
    targets: list[str],
    columns: str | None,
    drop: str | None,
    chosen: "Options",
) -> "list[tuple[str, Dataset]]":
    """Each target with the table, the other targets left out of its inputs."""
    extra = [n for n in (chosen.within, chosen.split_by, chosen.arrhenius) if n is not None]
    data = read(path, columns, drop, chosen.drop_bad, keep=[*targets, *extra])
    for name in targets:
        data.variable(name)
    return [(name, data.without([t for t in targets if t != name])) for name in targets]
