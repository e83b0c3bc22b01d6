"""Registers every command; each imports what it needs when it runs."""

import typer

from dimgs.cli import (
    agent,
    analyse,
    ask,
    demo,
    derive,
    explore,
    following,
    help,
    hub_reuse,
    library,
    predict,
    run,
    studio,
)
from dimgs.cli.output import command


def _examples(*lines: tuple[str, str]) -> str:
    """Examples for the end of a help page: what it does, and what is typed."""
    shown = [f"[dim]# {what}[/dim]\n  {command}" for command, what in lines]
    return "\n".join(["[bold]Examples[/bold]", *shown])


PI = _examples(
    ("dimgs pi pipe.csv --target dp", "groups of the columns of a table"),
    (r"dimgs pi 'rho \[kg/m^3]' 'U \[m/s]' 'D \[mm]' --target 'F \[N]'", "without a table"),
    ("dimgs pi pipe.csv --target dp --all-bases", "every distinct basis"),
    ("dimgs pi pipe.csv --target dp --repeating rho,U,D", "with your repeating variables"),
)
FIT = _examples(
    ("dimgs fit pipe.csv --target dp", "power law of all pairs, with intervals by runs"),
    ("dimgs fit pipe.csv --target dp --regimes", "where do the exponents change?"),
    ("dimgs fit metals.csv --target k --within alloy", "a prefactor for each label"),
    ("dimgs fit films.csv --target CF --limits hub.sqlite", "with limits that are known"),
    (r"dimgs fit runs.csv --target T --scale 'M0 \[kg]'", "with an unknown constant"),
    ("dimgs fit runs.parquet --target T --stream", "tables larger than the memory"),
)
EXPLORE = _examples(
    ("dimgs explore pipe.csv --target dp", "what varied, what is collinear, what is missing"),
    ("dimgs explore pipe.csv --target dp --json", "all numbers, coordinates too"),
)
DISCOVER = _examples(
    ("dimgs discover pipe.csv --target dp --out study", "law, report.html, study.tex, figures"),
    ("dimgs discover drops.csv --target D --constants g", "with a known constant"),
    ("dimgs discover runs.csv --target F --scale auto", "search for hidden scales as well"),
    ("dimgs discover runs.csv --target F --time-limit 300 --seed 1", "take more time"),
)
NEXT = _examples(
    ("dimgs next pipe.csv --target dp -n 5", "which runs would decide between the laws?"),
    ("dimgs next pipe.csv --target dp --range 'U=0.1..10 m/s'", "within what can be run"),
    ("dimgs next pipe.csv --target dp --against law.json", "where would a published law fail?"),
)
PREDICT = _examples(
    ("dimgs predict study/law.json new.csv", "values, intervals, and what lies outside"),
    ("dimgs predict study/law.json new.csv --relative-to 1", "ratios to the first row"),
)
REPRODUCE = _examples(
    ("dimgs reproduce --list", "which studies there are"),
    ("dimgs reproduce kepler smooth_pipe", "run two of them"),
    ("dimgs reproduce --all", "all, found against published"),
)
RUN = _examples(
    ("dimgs run plan.toml --dry-run", "what would run, and why"),
    ("dimgs run plan.toml", "run the campaign"),
)
ASK = _examples(
    (
        "dimgs ask CF --kernel diffusion --at 'D=1e-14 m^2/s, l=0.1 mm, …' --hub group.sqlite",
        "one point",
    ),
    ("dimgs ask CF --physics migration --at films.csv --tolerance 0.2", "a table of points"),
    ("dimgs ask 3f2a9c01 --run", "a stored question, with new runs where they are needed"),
)
STUDIO = _examples(
    ("dimgs studio", "drop a table into the page that opens"),
    ("dimgs studio pipe.csv --no-browser", "begin with a table; only print the address"),
)
ENGINES = _examples(
    ("dimgs engines", "what is usable here"),
    ("dimgs engines --install pysr", "let PySR fetch its Julia now"),
)
DEMO = _examples(
    ("dimgs demo", "ten lines, a few seconds"),
    ("dimgs demo --table > planets.csv", "the table, to try it yourself"),
)
HELP = _examples(
    ("dimgs help words", "what contrast, regime, domain, surrogate and the others mean"),
    ("dimgs help fit", "the same as dimgs fit --help"),
)
HUB = _examples(
    ("dimgs hub init --hub group.sqlite", "make a hub"),
    ("export DIMGS_HUB=group.sqlite", "name it once"),
    ("dimgs run plan.toml", "ask"),
    ("dimgs hub serve --hub group.sqlite", "pages and REST for the group"),
    (r"dimgs hub query --where 'D=1e-16..1e-12 m^2/s'", "what is there?"),
)
MCP = _examples(
    ("dimgs mcp --hub group.sqlite --workspace tables", "for a client on this machine"),
    ("dimgs mcp --hub group.sqlite --http 8123", "over HTTP, with tokens of the hub"),
)
AGENT = _examples(
    ("dimgs agent ask 'How far …?' --hub group.sqlite --model openai:NAME", "ask in words"),
    ("dimgs agent replay 1f3a52c8d901 --hub group.sqlite", "the same calls, without a model"),
)


def register(app: typer.Typer) -> None:
    """Add the commands to the application, in the order in which help lists them."""
    for function, epilog in (
        (demo.demo, DEMO),
        (derive.pi, PI),
        (analyse.fit, FIT),
        (explore.explore, EXPLORE),
        (analyse.discover, DISCOVER),
        (following.next, NEXT),
        (predict.predict, PREDICT),
        (studio.studio, STUDIO),
        (library.reproduce, REPRODUCE),
        (run.run, RUN),
        (ask.ask, ASK),
        (library.engines, ENGINES),
        (help.help, HELP),
        (agent.mcp, MCP),
    ):
        app.command(function.__name__, epilog=epilog)(command(function))
    # the group of dimgs.cli.hub, with the commands that other modules add to it
    app.add_typer(hub_reuse.group, epilog=HUB)
    app.add_typer(agent.agent, epilog=AGENT)
