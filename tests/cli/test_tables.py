"""Every command that reads a table reads it with the same options, and answers the same."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dimgs import read_table
from tests.cli.runner import Shell

COMMANDS = ("pi", "fit", "explore", "discover", "predict", "stream")
QUICK = ("--engine", "power_law")


def _pendulum() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    length, mass = rng.uniform(0.1, 2, 20), rng.uniform(1, 3, 20)
    period = 2 * np.pi * np.sqrt(length / 9.80665) * np.exp(0.01 * rng.normal(size=20))
    return pd.DataFrame({"L": length, "m": mass, "T": period})


def _run(shell: Shell, command: str, table: str | Path, *options: str) -> Any:
    words = {
        "predict": ["predict", str(shell.folder / "law.json"), str(table)],
        "stream": ["fit", str(table), "--target", "T", "--constants", "g", "--stream"],
    }.get(command, [command, str(table), "--target", "T", "--constants", "g"])
    extra = QUICK if command == "discover" else ()
    return shell(*words, *extra, *options, "--json")


def _numbers(value: Any) -> Any:
    """A document without what differs between runs of the same data."""
    if isinstance(value, dict):
        left_out = {"seconds", "warnings", "unit", "factor", "columns", "provenance", "checksum"}
        return {k: _numbers(v) for k, v in value.items() if k not in left_out}
    if isinstance(value, list):
        return [_numbers(v) for v in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


@pytest.fixture
def with_law(shell: Shell) -> Shell:
    path = shell.folder / "plain.csv"
    _pendulum().rename(columns={"L": "L [m]", "m": "m [kg]", "T": "T [s]"}).to_csv(
        path, index=False
    )
    law = shell("fit", str(path), "--target", "T", "--constants", "g", "--json").document["law"]
    (shell.folder / "law.json").write_text(json.dumps(law))
    return shell


@pytest.mark.parametrize("command", COMMANDS)
def test_no_answer_depends_on_how_the_table_says_its_units(with_law: Shell, command: str) -> None:
    shell, plain = with_law, with_law.folder / "plain.csv"
    expected = _run(shell, command, plain)
    assert expected.code == 0, expected.err
    bare = _pendulum() * [1000.0, 1.0, 1.0]
    bare.to_csv(shell.folder / "bare.csv", index=False)
    units = ("--units", "L=mm, m=kg", "--units", "T=s")
    documents = [_run(shell, command, shell.folder / "bare.csv", *units)]
    titled = shell.folder / "titled.csv"
    titled.write_text("A title, of 2020\nby A. Smith\n" + plain.read_text())
    documents += [_run(shell, command, titled), _run(shell, command, titled, "--skip-rows", "2")]
    assert "title above the header" in documents[-2].err or command == "stream"
    if command != "stream":
        with pd.ExcelWriter(shell.folder / "book.xlsx") as book:
            pd.DataFrame({"note": ["x"]}).to_excel(book, sheet_name="about", index=False)
            read_table(plain).to_pandas().to_excel(book, sheet_name="runs", index=False)
        documents.append(_run(shell, command, shell.folder / "book.xlsx", "--sheet", "runs"))
    for other in documents:
        assert other.code == 0, other.err
        assert _numbers(other.document) == _numbers(expected.document)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_what_it_cannot_follow(with_law: Shell, command: str) -> None:
    shell, plain = with_law, with_law.folder / "plain.csv"
    for options, words in (
        (("--units", "L"), "write it as --units 'd=mm,T=degC'"),
        (("--units", "L=mm,L=m"), "two units"),
        (("--units", "X=mm"), "no column 'X'"),
        (("--sheet", "runs"), "workbooks" if command == "stream" else "no sheets"),
        (("--skip-rows", "-1"), "--skip-rows"),
        (("--units", "L=m/s kg", "--strict-units"), "may be meant"),
    ):
        done = _run(shell, command, plain, *options)
        assert done.code == 2, done
        assert words in done.err
        assert done.out == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_a_doubtful_unit_warns_once_or_is_refused(with_law: Shell, command: str) -> None:
    shell = with_law
    frame = _pendulum().rename(columns={"L": "L [mu m]", "m": "m [kg]", "T": "T [s]"})
    frame.to_csv(shell.folder / "odd.csv", index=False)
    if command == "predict":
        # the literal reading is a mass times a length
        done = _run(shell, command, shell.folder / "odd.csv")
        assert done.code == 2
        assert "warning: Column 'L' of odd.csv: the unit 'mu m' reads as" in done.err
    elif command in ("fit", "explore", "pi"):
        done = _run(shell, command, shell.folder / "odd.csv", "--scale", "auto")
        doubts = [line for line in done.err.splitlines() if "'mu m' reads as meter *" in line]
        assert len(doubts) == 1, done.err
    done = _run(shell, command, shell.folder / "odd.csv", "--strict-units")
    assert done.code == 2
    assert "error: Column 'L' of odd.csv: the unit 'mu m' reads as" in done.err


def test_listed_variables_and_scales_are_doubted_too(shell: Shell) -> None:
    words = ("pi", "k [W/mK]", "q [W/m^2]", "L [m]", "--target", "T [K]")
    done = shell(*words, "--json")
    assert done.code == 0
    assert done.err.count("reads as watt / millikelvin") == 1
    counts = {
        v["name"]: v["dimension"]["[length]"]
        for v in done.document["variables"]
        if v["name"] == "k"
    }
    assert counts == {"k": "2"}
    assert "(--strict-units)" in shell.refused(*words, "--strict-units")
    scaled = ("pi", "q [W/m^2]", "L [m]", "--target", "T [K]", "--scale", "k0 [W/mK]")
    assert shell(*scaled).err.count("reads as watt / millikelvin") == 1
    assert "(--strict-units)" in shell.refused(*scaled, "--strict-units")


def test_predict_needs_no_more_than_the_law(with_law: Shell) -> None:
    shell = with_law
    frame = pd.DataFrame({"L [mm]": [500.0, 900.0], "when": [1, 2], "note": ["a", "b"]})
    frame.to_csv(shell.folder / "new.csv", index=False)
    done = _run(shell, "predict", shell.folder / "new.csv")
    assert done.err.count("no inputs of the law are not used: 'when', 'note'.") == 1
    rows = done.document["rows"]
    expected = 2 * np.pi * np.sqrt(np.array([0.5, 0.9]) / 9.80665)
    np.testing.assert_allclose([row["value"] for row in rows], expected, rtol=0.02)
    file = shell.folder / "law.json"
    text = file.read_text("utf-8")
    assert "edited" not in _run(shell, "predict", shell.folder / "new.csv").err
    file.write_text(text.replace('"level": 0.9', '"level": 0.8'), "utf-8")
    done = _run(shell, "predict", shell.folder / "new.csv")
    assert done.code == 0
    assert done.err.count("warning: The law was edited after it was written") == 1
    file.write_text(text, "utf-8")


def test_predict_numbers_rows_as_the_table_does(with_law: Shell) -> None:
    shell = with_law
    law = str(shell.folder / "law.json")
    path = shell.table("L [mm],k [1]", [[500, 1], ["", 1], [-900, 1], [900, 1]], "odd.csv")
    done = _run(shell, "predict", path, "--drop-bad")
    assert len(done.document["rows"]) == 2
    assert "2 rows were dropped (rows 2, 3)" in done.err
    ratios = _run(shell, "predict", path, "--drop-bad", "--relative-to", "4").document["rows"]
    assert [row["value"] for row in ratios] == pytest.approx([np.sqrt(5 / 9), 1.0])
    refused = shell.refused("predict", law, str(path), "--drop-bad", "--relative-to", "3")
    assert "--relative-to is 3" in refused
    path = shell.table("L [mm]", [[500.0], [-900.0]], "below.csv")
    assert "no value in row 2" in shell.refused("predict", law, str(path))


def test_levels_relative_to_a_row_are_differences_in_their_unit(shell: Shell) -> None:
    r = np.geomspace(1.0, 30.0, 12)
    table = shell.table("r [m],L [dB]", [[float(a), float(80 - 20 * np.log10(a))] for a in r])
    shell("fit", str(table), "--target", "L", "--scale", "auto", "--out", str(shell.folder))
    law = str(shell.folder / "law.json")
    said = shell("predict", law, str(table), "--relative-to", "1").out
    assert "L difference [dB]" in said


@pytest.mark.parametrize("columns", [150, 10_000])
@pytest.mark.parametrize("command", ["pi", "fit", "explore", "discover"])
def test_wide_tables_are_answered_or_refused(shell: Shell, command: str, columns: int) -> None:
    rng = np.random.default_rng(0)
    units = ["m", "kg", "s", "m/s", "Pa"]
    header = ",".join(f"x{i} [{units[i % 5]}]" for i in range(columns)) + ",T [m]"
    numbers = np.round(np.exp(rng.normal(size=(12, columns + 1))), 3)
    path = shell.table(header, numbers.tolist(), "wide.csv")
    engine = ("--engine", "power_law") if command == "discover" else ()
    words = (command, path, "--target", "T", "--scale", "auto", *engine)
    if (columns < 200 and command != "fit") or command == "discover":
        done = shell(*words)
        assert done.code == 0
        # inputs are selected, and what is selected from noise is no law
        assert command != "discover" or re.search(r"NOT CONFIRMED|NO LAW", done.out)
        return
    message = shell.refused(*words)
    assert "10000 inputs are more" in message or "unknowns need at least as many runs" in message
    assert len(message) < 300


GOOD = [[0.5 + i, 1.0 + i * i, 0.1 * (i + 1), 300.0 + i] for i in range(8)]
# rows of the table, and how it is asked, where each is an error
TEXT: tuple[list[list[Any]], tuple[str, ...]] = ([*GOOD, [0.5, "x", 0.1, 1]], ("--target", "q"))
NO_TARGET: tuple[list[list[Any]], tuple[str, ...]] = (GOOD, ("--target", "z"))
BEYOND: tuple[list[list[Any]], tuple[str, ...]] = (GOOD, ("--target", "q", "--columns", "k,L"))
FEW: tuple[list[list[Any]], tuple[str, ...]] = (GOOD[:1], ("--target", "q"))
NEGATIVE: tuple[list[list[Any]], tuple[str, ...]] = ([*GOOD, [1, 1, -0.1, 300]], ("--target", "q"))


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        *((c, a) for c in ("pi", "fit", "fit --stream", "discover") for a in (NO_TARGET, BEYOND)),
        *((c, a) for c in ("fit", "fit --stream", "explore", "discover") for a in (TEXT, FEW)),
        *((c, NEGATIVE) for c in ("fit", "fit --stream")),
    ],
)
def test_doubts_come_before_an_error(
    command: str, asked: tuple[list[list[Any]], tuple[str, ...]], shell: Shell
) -> None:
    rows, more = asked
    table = shell.table("k [W/m K],q [W/m^2],L [m],T [K]", rows)
    done = shell(*command.split(), table, *more)
    *before, last = done.err.splitlines()
    assert done.code != 0
    assert last.startswith("error: "), done.err
    doubt = "warning: Column 'k' of table.csv: the unit 'W/m K' reads as"
    assert [line.startswith(doubt) for line in before].count(True) == 1, done.err
