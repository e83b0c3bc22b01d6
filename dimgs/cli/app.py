"""The command-line application, and the exit codes of failures."""

import os
import sys
from collections.abc import Sequence
from typing import Any

import typer

from dimgs.cli import agent, analyse, ask, demo, help, hub, library, studio
from dimgs.cli import run as campaign
from dimgs.cli.exits import INTERRUPTED
from dimgs.cli.output import command, fail, is_lost, note, remember, unwritten, warn
from dimgs.common.errors import DimgsError, EngineUnavailableError, InputError, LawError
from dimgs.common.formats import shipped

# in the order of the help; each imports what it needs when it runs
_COMMANDS = (
    demo.demo,
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
    studio.studio,
    library.reproduce,
    campaign.run,
    ask.ask,
    library.engines,
    help.help,
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
