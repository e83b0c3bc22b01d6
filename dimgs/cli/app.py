"""The command-line application with its short commands, and the exit codes of failures."""

import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from difflib import get_close_matches
from importlib.resources import as_file, files
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import typer
from typer import Argument, Option

from dimgs.cli import agent, analyse, ask, hub, reproduce, tables
from dimgs.cli import run as campaign
from dimgs.cli.exits import INTERRUPTED
from dimgs.cli.hub import Keep
from dimgs.cli.output import (
    announce,
    command,
    emit,
    emit_json,
    fail,
    is_lost,
    note,
    remember,
    say,
    table,
    unwritten,
    warn,
    working,
)
from dimgs.common.errors import DimgsError, EngineUnavailableError, InputError, LawError
from dimgs.common.formats import shipped

if TYPE_CHECKING:
    from dimgs.law.law import Law


# ---- `dimgs help`: the help of a command, or the meaning of a term.


def help(
    context: typer.Context,
    topic: str = Argument("", help="A command, 'words', or a term of the results."),
    json: tables.Json = False,
) -> None:
    """Explain a command, or the terms of the results (`dimgs help words`)."""
    root: Any = context.find_root()
    commands = root.command.commands
    name = topic.strip().lower()
    glossary = shipped("dimgs.cli", "words.toml")
    if name == "words" or name in glossary:
        words = glossary if name == "words" else {name: glossary[name]}
        if json:
            emit_json({"words": words})
            return
        for word, text in words.items():
            say(f"  {text}", f"{word}\n")
        return
    if name and name not in commands:
        near = get_close_matches(name, [*commands, "words", *glossary], 3) or ["words", *commands]
        raise InputError(f"There is no help about '{topic[:60]}'; try: {', '.join(near[:12])}.")
    shown = root
    if name:
        command = commands[name]
        shown = command.context_class(command, info_name=name, parent=root)
    printed = StringIO()
    # help with boxes is printed as it is made, other help is returned
    with redirect_stdout(printed):
        returned = shown.get_help()
    text = (printed.getvalue() or returned).rstrip()
    emit({"topic": name or None, "help": text}, text, json)


# ---- `dimgs demo`: the analysis of an included table, in about ten lines and a few seconds.


# D. R. Williams, Pluto Fact Sheet, NASA NSSDCA; E. M. Standish, JPL approximate elements
_PLUTO_AU, _PLUTO_DAYS = 39.48211675, 90560.0
_DAY = 86400.0
_NEXT = (
    "dimgs demo --table > planets.csv",
    "dimgs discover planets.csv --target T --constants G --out study",
    "dimgs fit --help",
)


def demo(
    show_table: bool = Option(
        False, "--table", help="Print the table instead, to try it yourself."
    ),
    json: tables.Json = False,
) -> None:
    """Show an example: Kepler's third law from twelve planets and moons, in a few seconds."""
    table = files("dimgs.cli").joinpath("planets.csv")
    if show_table:
        say(table.read_text(encoding="utf-8").rstrip("\n"))
        return

    from dimgs.dataset import read_table
    from dimgs.discovery.discover import fit
    from dimgs.discovery.explore import explore
    from dimgs.discovery.options import Options
    from dimgs.law.prediction import predicted
    from dimgs.report.results import exponent_document
    from dimgs.variables import parse_unit

    with as_file(table) as path:
        data = read_table(path)
    free = fit(data, "T", Options(scales=["a_0 [AU]", "M_0 [Msun]", "T_0 [day]"]))
    constants = (explore(data, "T").homogeneity or {}).get("constants") or {}
    law = fit(data, "T", Options(constants=["G"])).law
    # Pluto is not in the table
    pluto = {"a": [_PLUTO_AU * parse_unit("AU").factor], "M": [parse_unit("Msun").factor]}
    days = (float(end[0]) / _DAY for end in predicted(law, pluto, 0.9, "run"))
    year = dict(zip(("value", "low", "high"), days, strict=True))
    document = {
        "exponents": [exponent_document(e) for e in free.variable_exponents],
        "missing": " ".join(f"{name}^({power})" for name, power in constants.items()) or "nothing",
        "law": law.to_json(),
        "prediction": {**year, "of": "Pluto", "unit": "day", "published": _PLUTO_DAYS},
        "next": list(_NEXT),
    }
    emit(document, lambda: _print_demo(list(map(str, data["body"])), law, document), json)


def _print_demo(bodies: Sequence[str], law: "Law", document: dict[str, Any]) -> None:
    number = "{name}^{value:.4f} [{low:.4f}, {high:.4f}] -> {rational}"
    powers = "  ".join(number.format(**e) for e in document["exponents"])
    year = "{value:.0f} [{low:.0f}, {high:.0f}] days".format(**document["prediction"])
    c, never = law.constants[0], "a year of Pluto, which it never saw,"
    rows = (
        ("The runs say", f"T goes as {powers}"),
        ("No column has", f"{document['missing']}, without which a and M cannot make a time"),
        ("The law is", str(law)),
        ("Its constant", f"{c.name} = {c.value:.4f} [{c.low:.4f}, {c.high:.4f}]; 2π = 6.2832"),
        ("It predicts", f"{never} of {year}; NASA has {_PLUTO_DAYS:.0f}"),
    )
    say(f"How long is a year? {len(bodies)} worlds, {bodies[0]} to {bodies[-1]}", style="strong")
    units = "period T [day], distance a [AU], mass M [Msun] of what they circle (NASA, JPL)"
    say(units, style="faint")
    for name, text in rows:
        say(f" {text}", head=name.ljust(14))
    say("Now you:", style="strong")
    for line in _NEXT:
        say(f"  {line}")


# ---- `dimgs engines`: what can be searched with, and how to install it.


def engines(
    install: str | None = Option(None, help="Let PySR download Julia and its packages now."),
    json: tables.Json = False,
) -> None:
    """List the engines of symbolic regression, and how to install missing ones."""
    from dimgs.engines.registry import all_engines

    if install is not None:
        _install(install)
    entries, columns = all_engines(), ["name", "usable", "version", "remedy"]
    rows = [[e.name, "yes" if e.usable else "no", e.version or "", e.remedy or ""] for e in entries]
    document = {"engines": [e.to_json() for e in entries]}
    emit(document, lambda: table("Engines", columns, rows), json)


def _install(name: str) -> None:
    """Let an engine download its dependencies."""
    from dimgs.engines.registry import entries, entry_named

    install = entry_named(name).install
    if install is None:
        able = ", ".join(n for n, entry in entries().items() if entry.install is not None)
        remedy = entry_named(name).status().remedy
        other = f"instead: {remedy}" if remedy else "it is ready to run"
        raise InputError(f"'{name}' is not installed this way, only {able}; {other}.")
    with working(f"{name} downloads its dependencies, which takes minutes"):
        install()


# ---- `dimgs studio`: the workbench in the browser.


def studio(
    table: Path | None = Argument(None, help="CSV, TSV, Parquet or Excel file to open."),
    port: int = Option(0, help="Port; 0 for a free one.", min=0, max=65535),
    no_browser: bool = Option(False, "--no-browser", help="Only print the address."),
    hub: Keep = None,
    json: tables.Json = False,
) -> None:
    """Open the workbench in the browser, until Ctrl-C."""
    from dimgs.web.serving import listening, serving_studio

    with TemporaryDirectory(prefix="dimgs-studio-") as folder:
        socket, address = listening("127.0.0.1", port)
        number = int(address.rpartition(":")[2])
        with socket, serving_studio(Path(folder), number, hub or "") as (server, studio):
            path = "/" if table is None else f"/tables/{studio.workbench.open(table).id}"
            opened = f"{address}{path}?token={studio.token}"
            announce(opened, "the workbench is at ", json)
            if not no_browser:
                import webbrowser

                if not webbrowser.open(opened):
                    note("no browser could be opened; open the address yourself")
            server.run(sockets=[socket])


# ---- The command-line application, and the exit codes of failures.


# in the order of the help; each imports what it needs when it runs
_COMMANDS = (
    demo,
    analyse.pi,
    analyse.fit,
    analyse.explore,
    analyse.discover,
    analyse.next,
    analyse.predict,
    analyse.sensitivity,
    analyse.collapse,
    analyse.invariants,
    analyse.symmetries,
    studio,
    reproduce.reproduce,
    campaign.run,
    ask.ask,
    engines,
    help,
    agent.mcp,
)

app = typer.Typer(
    name="dimgs",
    help="From a unit-tagged table to a scaling law that is dimensionally checked.",
    epilog="Start with: dimgs demo",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _examples(name: str) -> str:
    """Examples for the end of the help of a command: what each does, and what is typed."""
    plain = ((line.replace("[", r"\["), what) for line, what in _SHIPPED[name])
    typed = [f"[dim]# {what}[/dim]\n  {line}" for line, what in plain]
    return "\n".join(["[bold]Examples[/bold]", *typed])


_SHIPPED = shipped("dimgs.cli", "examples.toml")
for _function in _COMMANDS:
    _name = _function.__name__
    app.command(_name, epilog=_examples(_name))(command(_function))
# groups, with the commands that other modules add to them
app.add_typer(hub.group, epilog=_examples("hub"))
app.add_typer(agent.agent, epilog=_examples("agent"))


@app.callback(invoke_without_command=True)
def main(version: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    """From a unit-tagged table to a scaling law that is dimensionally checked."""
    if version:
        import dimgs

        typer.echo(dimgs.__version__)
        raise typer.Exit


# typer may carry a Click of its own, so that its exceptions are reached through typer
_USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[2]


def _print_usage(error: Any) -> None:
    message = str(error.format_message())
    context = getattr(error, "ctx", None)
    if "\n" in message:
        # the help of a command that was given nothing
        note(message)
    elif message:
        fail(f"{message} (see {context.command_path if context else 'dimgs'} --help)")


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.

    Returns
    -------
    int
        0 success, 1 failure of the computation, 2 bad use or bad input, 130 interrupted.
    """
    words = list(arguments) if arguments is not None else sys.argv[1:]
    remember(words)
    code = _code_of(words)
    lost = unwritten()
    if lost is None or isinstance(lost, BrokenPipeError):
        return code
    remedy = "send it elsewhere, or make room for it"
    fail(f"standard output cannot be written ({lost.strerror}); {remedy}.")
    return code or 1


def _begins_with_interrupt(error: BaseException | None) -> bool:
    """Whether Ctrl-C is what an error came from, such as that of a library's broken import."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _code_of(words: list[str]) -> int:
    """Exit code of a command; what standard output does not take is reported after it."""
    try:
        result = app(args=words, standalone_mode=False)
    except _USAGE_ERROR as error:
        _print_usage(error)
        return 2
    except (KeyboardInterrupt, typer.Abort):
        note("interrupted")
        return INTERRUPTED
    except DimgsError as error:
        warn(getattr(error, "__notes__", ()))
        fail(str(error))
        return 2 if isinstance(error, InputError | EngineUnavailableError | LawError) else 1
    except BrokenPipeError:
        return 0
    except MemoryError:
        fail("the memory of this machine is too small; use fewer rows or inputs.")
        return 1
    except Exception as error:
        if _begins_with_interrupt(error):
            note("interrupted")
            return INTERRUPTED
        if isinstance(error, OSError) and is_lost():
            return 1
        if os.environ.get("DIMGS_DEBUG"):
            raise
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        remedy = "please report it, with what DIMGS_DEBUG=1 prints in front of the command"
        fail(f"the computation failed on something unforeseen ({what}); {remedy}.")
        return 1
    if result == INTERRUPTED:
        # this is how typer tells it
        note("interrupted")
    return int(result) if isinstance(result, int) else 0
