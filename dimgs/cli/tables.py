"""The options of the commands, made of those of an analysis, and the table that they read."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from dimgs.cli.output import warn
from dimgs.common.advice import flag
from dimgs.common.errors import InputError, attempt, noting
from dimgs.common.escape import visible

if TYPE_CHECKING:
    from dimgs.dataset import Dataset
    from dimgs.discovery.options import Options
    from dimgs.variables import Variable


# ---- Completion for shells: columns of the table, engines, case studies.


def columns(context: typer.Context, incomplete: str) -> list[str]:
    """Columns of the text table on the command line that begin with what is typed.

    Parameters
    ----------
    context : typer.Context
    incomplete : str

    Returns
    -------
    list of str
        Empty where the table cannot be read; a shell wants no message.
    """
    from dimgs.dataset.raw import ReadOptions
    from dimgs.dataset.read import TEXT_SUFFIXES, read_layout
    from dimgs.variables import split_header

    tables = context.params.get("table") or context.params.get("source") or ()
    # an option that waits for its value leaves the words before it unread
    words = [*((tables,) if isinstance(tables, str) else tables), *context.args]
    paths = (p for p in map(Path, words) if p.suffix.lower() in TEXT_SUFFIXES and p.is_file())
    layouts = (attempt(read_layout, path, ReadOptions()) for path in paths)
    layout = next(filter(None, layouts), None)
    titles = () if layout is None else (c.header for c in layout.table.columns if c.header.strip())
    names = [split_header(title)[0] for title in titles]
    # a shell would obey what a name hides
    return [n for n in names if n.startswith(incomplete) and visible(n) == n]


def engines(incomplete: str) -> list[str]:
    """Engines that begin with what is typed."""
    from dimgs.engines.registry import engine_names

    return [name for name in engine_names() if name.startswith(incomplete)]


Table = Annotated[str, Argument(help="CSV, TSV, Parquet or Excel file with units.")]
Column = partial(Option, autocompletion=columns)
Target = Annotated[list[str], Column("--target", "-y", help="Response column; repeatable.")]
Json = Annotated[bool, Option("--json", help="One JSON document on standard output.")]
Define = Annotated[list[str] | None, Option(help=r"Define a unit, such as 'EUR = \[currency]'.")]
_MORE_HELP = {
    "names": " Comma separated.",
    "texts": " Repeatable.",
    "several": " Repeatable.",
    "units": " As 'd=mm,T=degC'; repeatable.",
}
# of the kinds of options that are no texts
_TYPES: dict[str, Any] = {"flag": bool, "number": float | None, "count": int | None}
# of those that may be given several times
_REPEATABLE = ("texts", "several", "units")
_COMPLETE = {"engine": engines}


def takes(*commanded: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command whose keyword ``options`` becomes these options of an analysis, by their names.

    Parameters
    ----------
    *commanded : str
        Fields of :class:`dimgs.discovery.options.Options`.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        added = [*map(_parameter, commanded), keyword("define", Define)]
        shown = list[inspect.Parameter]()
        for parameter in inspect.signature(function).parameters.values():
            shown += added if parameter.name == "options" else [parameter]

        @wraps(function)
        def run(**typed: Any) -> None:
            from dimgs.report.results import check_folder
            from dimgs.variables import define_unit

            # before anything long is computed for it
            if typed.get("out") is not None:
                check_folder(typed["out"])
            for definition in typed.pop("define") or ():
                define_unit(definition)
            options = _options({name: typed.pop(name) for name in commanded})
            function(**typed, options=options)

        return with_parameters(run, shown)

    return decorate


def keyword(name: str, annotation: Any, default: Any = None) -> inspect.Parameter:
    """A parameter that is given by its name alone."""
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


def with_parameters(run: Any, shown: Iterable[inspect.Parameter]) -> Callable[..., None]:
    """A wrapped function that shows these parameters, by keyword, in place of those it wraps."""
    keywords = [p.replace(kind=p.KEYWORD_ONLY) for p in shown]
    run.__signature__ = inspect.Signature(keywords)
    run.__annotations__ = {p.name: p.annotation for p in keywords}
    del run.__wrapped__
    wrapped: Callable[..., None] = run
    return wrapped


def _is_one_text(kind: str) -> bool:
    return kind not in (*_TYPES, *_REPEATABLE)


def _parameter(name: str) -> inspect.Parameter:
    from dimgs.discovery.options import options_by_name

    option = options_by_name()[name]
    kind = option.metadata["kind"]
    text = (option.metadata["help"] + _MORE_HELP.get(kind, "")).replace("[", r"\[")
    least = 0 if name == "skip_rows" else None
    default = option.default if kind in _TYPES else None
    if kind == "text" and option.default is not None:
        default = [option.default]
    # every text that is given is taken: the last would replace the others without a word
    described = Option(
        flag(name),
        help=text,
        min=least,
        autocompletion=_COMPLETE.get(name),
        metavar="<str>" if _is_one_text(kind) else None,
    )
    annotated: Any = Annotated
    return keyword(name, annotated[_TYPES.get(kind, list[str] | None), described], default)


def _options(typed: dict[str, Any]) -> "Options":
    """Options of an analysis from what was typed."""
    from dimgs.discovery.options import Options, options_by_name

    fields = options_by_name()
    readers: dict[str, Callable[[Any], Any]] = {"units": _units, "limits": _limits}
    values = {name: value for name, value in typed.items() if value is not None}
    for name, given in values.items():
        kind, value = fields[name].metadata["kind"], given
        if _is_one_text(kind):
            # of settings the last counts, as scripts rely on it; names would be lost
            if given[1:] and not fields[name].default:
                texts = " and ".join(f"'{text}'" for text in given)
                raise InputError(f"{flag(name)} is given as {texts}; give it once.")
            value = given[-1]
        if name == "scales":
            value = scales(value, strict=typed.get("strict_units", False))
        values[name] = readers[kind](value) if kind in readers else value
    return Options(**values)


def each(
    path: str, targets: Sequence[str], options: "Options"
) -> "list[tuple[str, Dataset, Options]]":
    """Each target with the table, the other targets left out of its inputs, and its options."""
    data = options.read(path, *targets)
    with noting(data.warnings):
        for name in targets:
            data.variable(name)
    read = options.without_reading()
    return [(n, data.without([t for t in targets if t != n]), read) for n in targets]


def checked(variables: Iterable[str], *, strict: bool) -> "list[Variable]":
    """Variables from ``name [unit]``, those with a doubtful unit reported or refused."""
    from dimgs.dataset.raw import doubts
    from dimgs.variables import parse_variable

    parsed = [parse_variable(text) for text in variables]
    units = {v.name: v.unit.text for v in parsed}
    warn(doubts(units, "the command line", strict=strict).values())
    return parsed


def scales(texts: list[str], *, strict: bool = False) -> list[str] | str:
    """Scales as :class:`dimgs.discovery.options.Options` takes them."""
    from dimgs.variables.units import improbable

    if "auto" in texts and len(texts) > 1:
        raise InputError(
            "--scale auto chooses all scales; give it alone, or name every scale as 'M0 [kg]'."
        )
    if texts == ["auto"]:
        return "auto"
    readings = [(v.name, improbable(v.unit.text)) for v in checked(texts, strict=strict)]
    # a doubt is stated once: what is passed on is the literal reading
    return [
        text if reading is None else f"{name} [{reading.literal}]"
        for text, (name, reading) in zip(texts, readings, strict=True)
    ]


def _limits(source: str) -> Any:
    """The file itself, or the accepted limits of a hub."""
    if source.endswith(".json"):
        return source
    from dimgs.hub import Hub
    from dimgs.similitude.laws import accepted_limits

    with Hub(source, make=False) as hub:
        return [limit for _, limit in accepted_limits(hub)]


def _units(texts: list[str]) -> dict[str, str]:
    """Units by column from ``d=mm,T=degC``."""
    units: dict[str, str] = {}
    for part in (p for text in texts for p in text.split(",") if p.strip()):
        name, equals, unit = part.rpartition("=")
        if not equals or not name.strip():
            raise InputError(f"--units has '{part.strip()}'; write it as --units 'd=mm,T=degC'.")
        if units.get(name.strip(), unit.strip()) != unit.strip():
            raise InputError(f"--units gives '{name.strip()}' two units; give one.")
        units[name.strip()] = unit.strip()
    return units
