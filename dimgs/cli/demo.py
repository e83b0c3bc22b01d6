"""`dimgs demo`: the analysis of an included table, in about ten lines and a few seconds."""

from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any, TypeAlias

from typer import Option

from dimgs.cli import tables
from dimgs.cli.output import emit, say

if TYPE_CHECKING:
    from dimgs.dataset import Dataset
    from dimgs.discovery.explore import Exploration
    from dimgs.law.law import Law
    from dimgs.report.results import FitResult

# D. R. Williams, Pluto Fact Sheet, NASA NSSDCA; E. M. Standish, JPL approximate elements
_PLUTO_AU, _PLUTO_DAYS = 39.48211675, 90560.0
_DAY = 86400.0
# a year with the ends of its interval
Days: TypeAlias = tuple[float, float, float]
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

    with as_file(table) as path:
        data = read_table(path)
    scales = ["a_0 [AU]", "M_0 [Msun]", "T_0 [day]"]
    free = fit(data, "T", Options(scales=scales))
    missing = explore(data, "T")
    final = fit(data, "T", Options(constants=["G"]))
    results = free, missing, final, _pluto(final.law)
    emit(_document(*results), lambda: _print_demo(data, *results), json)


def _pluto(law: "Law") -> Days:
    """Year of Pluto in days, with its interval; Pluto is not in the table."""
    from dimgs.variables import parse_unit

    inputs = {"a": [_PLUTO_AU * parse_unit("AU").factor], "M": [parse_unit("Msun").factor]}
    value, low, high = law.predict(inputs, level=0.9)
    return float(value[0]) / _DAY, float(low[0]) / _DAY, float(high[0]) / _DAY


def _missing(exploration: "Exploration") -> str:
    constants = (exploration.homogeneity or {}).get("constants") or {}
    return " ".join(f"{name}^({power})" for name, power in constants.items()) or "nothing"


def _document(
    free: "FitResult", missing: "Exploration", final: "FitResult", pluto: Days
) -> dict[str, Any]:
    from dimgs.report.results import exponent_document

    return {
        "exponents": [exponent_document(e) for e in free.variable_exponents],
        "missing": _missing(missing),
        "law": final.law.to_json(),
        "prediction": dict(zip(("value", "low", "high"), pluto, strict=True))
        | {"of": "Pluto", "unit": "day", "published": _PLUTO_DAYS},
        "next": list(_NEXT),
    }


def _print_demo(
    data: "Dataset", free: "FitResult", missing: "Exploration", final: "FitResult", pluto: Days
) -> None:
    bodies = [str(x) for x in data["body"]]
    powers = "  ".join(
        f"{e.name}^{e.value:.4f} [{e.low:.4f}, {e.high:.4f}] -> {e.rational}"
        for e in free.variable_exponents
    )
    c = final.law.constants[0]
    year, low, high = (f"{days:.0f}" for days in pluto)
    never = f"a year of Pluto, which it never saw, of {year} [{low}, {high}] days"
    rows = (
        ("The runs say", f"T goes as {powers}"),
        ("No column has", f"{_missing(missing)}, without which a and M cannot make a time"),
        ("The law is", str(final.law)),
        ("Its constant", f"{c.name} = {c.value:.4f} [{c.low:.4f}, {c.high:.4f}]; 2π = 6.2832"),
        ("It predicts", f"{never}; NASA has {_PLUTO_DAYS:.0f}"),
    )
    say(f"How long is a year? {len(bodies)} worlds, {bodies[0]} to {bodies[-1]}", style="strong")
    units = "period T [day], distance a [AU], mass M [Msun] of what they circle (NASA, JPL)"
    say(units, style="faint")
    for name, text in rows:
        say(f" {text}", head=name.ljust(14))
    say("Now you:", style="strong")
    for line in _NEXT:
        say(f"  {line}")
