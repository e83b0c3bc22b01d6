"""Registers every command; each imports what it needs when it runs."""

import typer

from dimgs.cli import agent, analyse, ask, demo, help, hub, library, run, studio
from dimgs.cli.output import command
from dimgs.common.formats import shipped


def _examples() -> dict[str, str]:
    """Examples for the end of each help page: what it does, and what is typed."""
    shown = {}
    for name, lines in shipped("dimgs.cli", "examples.toml").items():
        plain = ((line.replace("[", r"\["), what) for line, what in lines)
        typed = [f"[dim]# {what}[/dim]\n  {line}" for line, what in plain]
        shown[name] = "\n".join(["[bold]Examples[/bold]", *typed])
    return shown


def register(app: typer.Typer) -> None:
    """Add the commands to the application, in the order in which help lists them."""
    examples = _examples()
    for function in (
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
        run.run,
        ask.ask,
        library.engines,
        help.help,
        agent.mcp,
    ):
        name = function.__name__
        app.command(name, epilog=examples[name])(command(function))
    # the group of dimgs.cli.hub, with the commands that other modules add to it
    app.add_typer(hub.group, epilog=examples["hub"])
    app.add_typer(agent.agent, epilog=examples["agent"])
