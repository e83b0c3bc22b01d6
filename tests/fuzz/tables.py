"""Tables as bytes, as text of odd cells, and as numbers of odd sizes."""

import io
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from dimgs.variables import parse_unit, parse_variable, split_header
from tests.fuzz.guard import command, example, refused
from tests.hostile import names

UNITS = (
    "m", "kg", "s", "m/s", "Pa s", "kg/m^3", "degC", "K", "dB", "1", "", "-", "%", "label", "mm",
    "m²", "µm", "N/m", "W/(m K)", "rad", "deg", "pH", "m; length", "mol/L", "ft", "Nm3/h", "[",
    "m**9**9**9", "m^1e99", "1e999 m", "m^(1/3)", "(((m)))", "m/0", "km/h/s", "m^0.3333333",
)  # fmt: skip
CELLS = (
    "1", "2.5", "-3", "0", "1e300", "1e-300", "-0.0", "nan", "inf", "", " ", "abc", "1,5", "1e400",
    "5e-324", "1.7976931348623157e308", "١٢", "0x10", "1_000", "1e", "'", '"', "a\"b", "TRUE",
    "#N/A", "=1+1", "9" * 400, "1;2", "\x00", "−1", "½", "1 000",
)  # fmt: skip
texts = st.text(max_size=8) | st.sampled_from(UNITS)
units = st.sampled_from(UNITS) | st.text(
    alphabet="mkgsPaNJWKACd0123456789*/^()[]{}.-+ ;µ°²·√%eE_", max_size=14
)
headers = st.builds(
    lambda name, unit: name if unit is None else f"{name} [{unit}]",
    st.sampled_from(["U", "D", "rho", "mu", "x", "y", "y_err"]) | names() | texts,
    st.none() | units,
)
cells = st.sampled_from(CELLS) | st.floats().map(repr) | st.floats(1e-3, 1e3).map(repr)


@st.composite
def text_tables(draw: st.DrawFn) -> str:
    """A table as text, mostly readable."""
    comma = draw(st.sampled_from([",", ";", "\t", ", "]))
    width = draw(st.integers(1, 5))
    mostly = draw(st.sampled_from([cells, st.floats(0.1, 10).map(repr)]))
    lines = [draw(st.lists(headers, min_size=width, max_size=width))]
    if draw(st.integers(0, 5)) == 0:
        lines.append(draw(st.lists(units, min_size=width, max_size=width)))
    for _ in range(draw(st.integers(0, 14))):
        odd = draw(st.integers(0, 9)) == 0
        lines.append(draw(st.lists(cells if odd else mostly, min_size=width, max_size=width)))
    return draw(st.sampled_from(["\n", "\r\n", "\r"])).join(comma.join(line) for line in lines)


@cache
def whole_files() -> dict[str, bytes]:
    """One good table in each format."""
    import pandas as pd

    x = np.linspace(1.0, 2.0, 12)
    frame = pd.DataFrame({"U [m/s]": x, "D [m]": x[::-1], "y [m^2/s]": x * x[::-1]})
    contents = {"csv": frame.to_csv(index=False).encode()}
    for kind, write in (("parquet", frame.to_parquet), ("xlsx", frame.to_excel)):
        buffer = io.BytesIO()
        write(buffer, index=False)
        contents[kind] = buffer.getvalue()
    return contents


@st.composite
def spoilt_files(draw: st.DrawFn) -> tuple[str, bytes]:
    """A file of a table with some bytes changed, cut or doubled; or bytes alone."""
    kind = draw(st.sampled_from(["csv", "tsv", "parquet", "xlsx"]))
    if draw(st.integers(0, 4)) == 0:
        return kind, draw(st.binary(max_size=300))
    content = bytearray(whole_files()["csv" if kind == "tsv" else kind])
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        size = draw(st.integers(0, 12))
        match draw(st.integers(0, 3)):
            case 0:
                content[at : at + size] = draw(st.binary(max_size=12))
            case 1:
                del content[at : at + size]
            case 2:
                content[at:at] = content[at : at + 20 * size]
            case 3:
                del content[at:]
    return kind, bytes(content)


def check_bytes(given: tuple[str, bytes]) -> None:
    """Any bytes are a table or one sentence."""
    kind, content = given
    with example(given) as folder:
        path = folder / f"t.{kind}"
        path.write_bytes(content)
        command("pi", str(path), "--target", "y", "--json")
        command("fit", str(path), "--target", "y", "--json")


def check_text(given: tuple[str, str | None]) -> None:
    """Any text is a table or one sentence; with a sidecar, too."""
    table, sidecar = given
    with example(given) as folder:
        path = folder / "t.csv"
        path.write_bytes(table.encode("utf-8", "surrogatepass"))
        if sidecar is not None:
            (folder / "t.units.json").write_bytes(sidecar.encode("utf-8", "surrogatepass"))
        last = table.splitlines()[0].split(",")[-1] if table.strip() else "y"
        header = refused(lambda: split_header(last))
        for target in dict.fromkeys(("y", header[0].strip() if header else "y")):
            command("fit", str(path), "--target", target, "--drop-bad", "--json")
            command("explore", str(path), "--target", target, "--json")


sizes = st.sampled_from([1.0, 1e-300, 1e-200, 1e200, 1e300, 1e-12, 1e12])


@st.composite
def numbers(draw: st.DrawFn) -> dict[str, Any]:
    """A power law with columns of odd sizes, zeros, signs, outliers and repeats."""
    n = draw(st.integers(2, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    x, z, u = rng.lognormal(0, draw(st.sampled_from([0.0, 1e-9, 0.5, 3.0, 50.0])), (3, n))
    exponent = draw(st.sampled_from([0, 0.5, 1, -2, 7]))
    noise = draw(st.sampled_from([0.0, 1e-12, 0.1, 5.0])) * rng.standard_normal(n)
    with np.errstate(all="ignore"):
        y = x**exponent * np.exp(noise)
        x, y, z = x * draw(sizes), y * draw(sizes), z * draw(sizes)
    match draw(st.integers(0, 7)):
        case 0:
            y[0] = draw(st.sampled_from([0.0, -1.0, 1e200, -1e-200]))
        case 1:
            y = rng.standard_normal(n)
        case 2:
            z[:] = z[0]
        case 3:
            y[:] = y[0]
        case 4:
            x = z.copy()
    a, b = draw(st.sampled_from([("m", "m"), ("m", "s"), ("K", "kg"), ("1", "1"), ("m", "mm")]))
    target = draw(st.sampled_from([a, b, "1", f"{a}*{b}", "Pa"]))
    table = {f"x [{a}]": x, f"z [{b}]": z, "u [1]": u, f"y [{target}]": y}
    more = draw(
        st.lists(
            st.sampled_from(
                ["--robust", "--regimes", "--local", "--additive", "--drop-bad", "--constants=g"]
            ),
            max_size=2,
            unique=True,
        )
    )
    return {"table": table, "more": [*more, *draw(st.sampled_from([[], ["--scale", "auto"]]))]}


def check_numbers(given: dict[str, Any]) -> None:
    """Any numbers are fitted, explored and searched, or refused in one sentence."""
    table, more = given["table"], given["more"]
    with example({"more": more, "table": {k: v.tolist() for k, v in table.items()}}) as folder:
        path = written(folder, table)
        command("fit", path, "--target", "y", "--json", *more)
        plain = [m for m in more if m in ("--drop-bad", "--constants=g")]
        command("explore", path, "--target", "y", "--json", *plain)
        code = command(
            "discover", path, "--target", "y", "--json", "--engine", "structured", "--seed", "0",
            "--evaluations", "60", *plain,
        )  # fmt: skip
        if code == 0:
            command("discover", path, "--target", "y", "--engine", "power_law", *plain)


def written(folder: Path, table: dict[str, Any]) -> str:
    """A table as CSV with every digit."""
    rows = zip(*(column.tolist() for column in table.values()), strict=True)
    path = folder / "t.csv"
    lines = [",".join(table), *(",".join(map(repr, row)) for row in rows)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def check_units(given: tuple[str, str]) -> None:
    """Any text is a unit and a header, or one sentence."""
    header, unit = given
    with example(given):
        refused(lambda: parse_unit(unit))
        refused(lambda: parse_variable(header))
        refused(lambda: split_header(header))
        command("pi", header, f"x [{unit}]", "L [m]", "--target", "dp [Pa]", "--json")


TARGETS = {
    "bytes": (spoilt_files(), check_bytes),
    "text": (
        st.tuples(text_tables(), st.none() | st.dictionaries(texts, texts).map(str) | texts),
        check_text,
    ),
    "numbers": (numbers(), check_numbers),
    "units": (st.tuples(headers, units | st.text(max_size=20)), check_units),
}
