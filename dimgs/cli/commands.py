"""Registers every command; each imports what it needs when it runs."""

import typer

from dimgs.cli import analyse, derive, explore, library, predict, run


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("pi", epilog="Example: dimgs pi pipe.csv --target dp")(derive.pi)
    app.command("fit", epilog="Example: dimgs fit pipe.csv --target dp --json")(analyse.fit)
    app.command("explore", epilog="Example: dimgs explore pipe.csv --target dp")(explore.explore)
    app.command("discover", epilog="Example: dimgs discover pipe.csv --target dp --out study")(
        analyse.discover
    )
    app.command("predict", epilog="Example: dimgs predict law.json new.csv")(predict.predict)
    app.command("reproduce", epilog="Example: dimgs reproduce --list")(library.reproduce)
    app.command("run", epilog="Example: dimgs run plan.toml --dry-run")(run.run)
    app.command("engines")(library.engines)
