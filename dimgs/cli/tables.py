"""Options that several commands share, and the table that they read."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dimgs.cli import complete
from dimgs.cli.output import warn

if TYPE_CHECKING:
    from dimgs.dataset import Dataset
    from dimgs.dataset.build import Options as ReadOptions
    from dimgs.discovery.options import Options
    from dimgs.variables import Variable

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
Sheet = Annotated[str | None, typer.Option("--sheet", help="Sheet of a workbook, by name.")]
Units = Annotated[
    list[str] | None, typer.Option("--units", help="Units of columns: 'd=mm,T=degC'; repeatable.")
]
SkipRows = Annotated[
    int | None, typer.Option("--skip-rows", help="Lines above the header, such as titles.", min=0)
]
StrictUnits = Annotated[
    bool,
    typer.Option("--strict-units", help="Refuse units that probably mean something else (W/m K)."),
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
Evaluations = Annotated[
    int | None,
    typer.Option(
        "--evaluations",
        help="Most expressions that each search may fit: a limit that every machine meets alike.",
    ),
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


@dataclass(frozen=True, kw_only=True)
class Source:
    """How a table is read: options of every command that reads one (see :func:`reads`)."""

    drop_bad: DropBad = False
    units: Units = None
    sheet: Sheet = None
    skip_rows: SkipRows = None
    strict_units: StrictUnits = False
    define: Define = None

    def options(self) -> "ReadOptions":
        """Options of the reader."""
        from dimgs.dataset.build import Options

        return Options(
            units=_units(self.units),
            drop_bad=self.drop_bad,
            strict_units=self.strict_units,
            sheet=self.sheet,
            skip_rows=self.skip_rows,
        )

    def checked(self, variables: Sequence[str]) -> "list[Variable]":
        """Variables from ``name [unit]``, those with a doubtful unit told or refused."""
        from dimgs.dataset.doubts import doubts
        from dimgs.variables import parse_variable

        found = [parse_variable(text) for text in variables]
        given = {v.name: v.unit.text for v in found}
        warn(doubts(given, "the command line", strict=self.strict_units))
        return found


@dataclass(frozen=True, kw_only=True)
class Reader(Source):
    """The same, with the choice of the inputs."""

    columns: Columns = None
    drop: Drop = None

    def read(self, path: str, keep: Sequence[str] = ()) -> "Dataset":
        """Table with the chosen inputs; the columns in `keep` stay whatever is chosen."""
        from dimgs.dataset.read import dataset_of
        from dimgs.errors import InputError

        chosen = names(self.columns)
        if chosen is not None:
            chosen = [*chosen, *(k for k in keep if k not in chosen)]
        dropped = names(self.drop)
        clash = [k for k in keep if k in (dropped or ())]
        if clash:
            raise InputError(f"'{clash[0]}' is dropped with --drop but needed; leave it in.")
        return dataset_of(path, replace(self.options(), columns=chosen, drop=dropped))

    def each(self, path: str, targets: list[str], chosen: "Options") -> "list[tuple[str, Dataset]]":
        """Each target with the table, the other targets left out of its inputs."""
        extra = [n for n in (chosen.within, chosen.split_by, chosen.arrhenius) if n is not None]
        data = self.read(path, keep=[*targets, *extra])
        for name in targets:
            data.variable(name)
        return [(name, data.without([t for t in targets if t != name])) for name in targets]

    def analysis(self, constants: str | None, scale: list[str] | None, **chosen: Any) -> "Options":
        """Options of an analysis from what was typed."""
        from dimgs.discovery.options import Options

        return Options(
            constants=names(constants) or [],
            scales=self.scales(scale),
            drop_bad=self.drop_bad,
            **chosen,
        )

    def scales(self, given: list[str] | None) -> list[str] | str:
        """Scales as :class:`dimgs.discovery.options.Options` takes them."""
        from dimgs.variables.readings import improbable

        if not given:
            return []
        if "auto" in given and len(given) > 1:
            from dimgs.errors import InputError

            raise InputError(
                "--scale auto chooses all scales; give it alone, or name every scale as 'M0 [kg]'."
            )
        if given == ["auto"]:
            return "auto"
        told = [(v.name, improbable(v.unit.text)) for v in self.checked(given)]
        # what was told once is passed on in its literal reading, which is not told again
        return [
            text if reading is None else f"{name} [{reading.literal}]"
            for text, (name, reading) in zip(given, told, strict=True)
        ]


def reads(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose keyword ``reader``, a `Source`, becomes the options that are its fields."""
    signature = inspect.signature(command)
    kind = signature.parameters["reader"].annotation
    own = {f.name: f.type for f in fields(kind)}
    parameters = []
    for parameter in signature.parameters.values():
        if parameter.name == "reader":
            parameters += [
                inspect.Parameter(
                    f.name, parameter.KEYWORD_ONLY, default=f.default, annotation=f.type
                )
                for f in fields(kind)
            ]
        else:
            parameters.append(parameter)

    @wraps(command)
    def run(**given: Any) -> None:
        reader = kind(**{name: given.pop(name) for name in own})
        define(reader.define)
        command(**given, reader=reader)

    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    del run.__wrapped__
    return run


def _units(given: list[str] | None) -> dict[str, str]:
    """Units by column from ``d=mm,T=degC``."""
    from dimgs.errors import InputError

    found: dict[str, str] = {}
    for part in (p for text in given or [] for p in text.split(",") if p.strip()):
        name, equals, unit = part.rpartition("=")
        if not equals or not name.strip():
            raise InputError(f"--units has '{part.strip()}'; write it as --units 'd=mm,T=degC'.")
        if found.get(name.strip(), unit.strip()) != unit.strip():
            raise InputError(f"--units gives '{name.strip()}' two units; give one.")
        found[name.strip()] = unit.strip()
    return found


def names(text: str | None) -> list[str] | None:
    """Comma-separated names; None where none were given."""
    if text is None:
        return None
    return [part.strip() for part in text.split(",") if part.strip()]


def define(definitions: list[str] | None) -> None:
    """Define the user's units."""
    from dimgs.variables import define_unit

    for definition in definitions or []:
        define_unit(definition)
