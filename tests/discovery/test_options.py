"""Options: the same in Python and on the command line, checked and told in one sentence."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dimgs
from dimgs.cli.app import run
from dimgs.common.errors import InputError
from dimgs.discovery.options import (
    DiscoverKeywords,
    FitKeywords,
    Options,
    StreamKeywords,
    options_by_name,
)
from dimgs.discovery.outofcore import fit_dask, fit_stream
from dimgs.report.results import fit_document

CALLS: tuple[tuple[Any, type], ...] = (
    (dimgs.fit, FitKeywords),
    (dimgs.discover, DiscoverKeywords),
    (fit_stream, StreamKeywords),
    (fit_dask, StreamKeywords),
)


@pytest.mark.parametrize(("call", "known"), CALLS)
def test_keywords_are_options_of_the_same_type_and_documented(call: Any, known: type) -> None:
    types = get_type_hints(Options)
    for name, kind in get_type_hints(known).items():
        assert types[name] == kind
        assert f"\n{name} : " in call.__doc__
        assert options_by_name()[name].metadata["help"] in call.__doc__


@given(st.data())
def test_a_misspelt_keyword_names_the_nearest(data: st.DataObject) -> None:
    call, known = data.draw(st.sampled_from(CALLS))
    name = data.draw(st.sampled_from(sorted(known.__annotations__)))
    place = data.draw(st.integers(0, len(name) - 1))
    wrong = name[:place] + "x" + name[place + 1 :]
    with pytest.raises(TypeError, match=f"{call.__name__}.* no keyword '{wrong}'.*{name}"):
        call("table.csv", "y", **{wrong: None})


def test_a_keyword_of_another_function_is_refused() -> None:
    with pytest.raises(TypeError, match=r"^fit\(\) takes no keyword 'engine'; discover"):
        dimgs.fit("table.csv", "y", engine="structured")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="no keyword 'robust'; fit"):
        fit_stream("table.csv", "y", robust=True)  # type: ignore[call-arg]


@pytest.mark.parametrize("name", sorted(options_by_name()))
def test_a_wrong_type_is_one_sentence(name: str) -> None:
    wrong: dict[str, Any] = {name: 0.5j}
    with pytest.raises(InputError, match=f"^(The )?{name} is .*; give [^;]*[.]$"):
        Options(**wrong)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"robust": 1}, "robust is 1; give True or False"),
        ({"seed": True}, "seed is True; give a whole number"),
        ({"evaluations": 0}, "0 evaluations allow no search"),
        ({"skip_rows": -1}, "skip_rows is -1"),
        ({"engine": None}, "engine is None; give a text"),
        ({"constants": None}, "constants is None; give a list of names"),
        ({"scales": "M0 [kg]"}, "give 'auto' or"),
        ({"complete": 0}, "complete is 0 with the engine 'auto'; give at least one node"),
        ({"complete": 5, "engine": "operon"}, "the engine auto or structured"),
        (
            {"complete": 5, "must_use": ["x"]},
            "--complete is not combined with --must-use: leave out one",
        ),
        ({"arrhenius_power": True}, "--arrhenius-power belongs to --arrhenius"),
        ({"level": 1.0}, "level is 1.0; give the coverage as a fraction"),
        ({"constants": {"g": 1.62}}, "another value is that of a column of this name"),
        ({"rounded": {"a": "0.5 m"}}, "give a step with its column"),
        ({"by": {"lab": 1}}, "give a list of names"),
        ({"units": {"x": 1}}, "units is {'x': 1}; give a mapping"),
    ],
)
def test_wrong_values_are_one_sentence(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Options(**options)


@pytest.mark.parametrize("name", sorted(options_by_name()))
def test_no_value_of_a_mapping_is_lost(name: str) -> None:
    wrong: dict[str, Any] = {name: {"a": "0.5 m"}}
    if options_by_name()[name].metadata["kind"] == "units":
        assert getattr(Options(**wrong), name) == wrong[name]
    else:
        with pytest.raises(InputError):
            Options(**wrong)


def test_a_text_of_names_is_read_as_on_the_command_line() -> None:
    names = [n for n, option in options_by_name().items() if option.metadata["kind"] == "names"]
    text: dict[str, Any] = dict.fromkeys(names, " a, b ,,c")
    assert {"constants", "drop", "columns"} == {*names}
    assert all(getattr(Options(**text), n) == ("a", "b", "c") for n in names)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A law of two groups, with a bystander, labels, a title and bare units."""
    rng = np.random.default_rng(3)
    L, W, d, T = rng.uniform(1, 20, (4, 60))
    y = 3 * (L / W) ** 0.8 * np.exp(-2.0 / T + 0.05 * rng.normal(size=60))
    frame = pd.DataFrame({"L": L, "W": W, "d": d, "T": T, "y": y, "s": np.repeat([*"abcdef"], 10)})
    file = tmp_path / "runs.csv"
    file.write_text("A title\nof two lines\n" + frame.to_csv(index=False))
    return file


UNITS = {"L": "m", "W": "mm", "d": "m", "T": "K", "y": "1"}
READING = ["--units", "L=m,W=mm,d=m,T=K,y=1", "--skip-rows", "2"]
ASKED: tuple[tuple[dict[str, Any], list[str]], ...] = (
    ({"columns": ["L", "W"]}, ["--columns", "L,W"]),
    ({"drop": ["d", "T"], "local": True}, ["--drop", "d,T", "--local"]),
    ({"within": "s", "robust": True}, ["--within", "s", "--robust"]),
    ({"drop": ["T"], "additive": True, "seed": 2}, ["--drop", "T", "--additive", "--seed", "2"]),
    (
        {"columns": ["L", "W"], "regimes": True, "level": 0.8},
        ["--columns", "L,W", "--regimes", "--level", "0.8"],
    ),
    (
        {"arrhenius": "T", "split_by": "s", "drop_bad": True},
        ["--arrhenius", "T", "--split-by", "s", "--drop-bad"],
    ),
    (
        {"drop": ["T"], "constants": ["g"], "scales": ["t0 [s]"]},
        ["--drop", "T", "--constants", "g", "--scale", "t0 [s]"],
    ),
)


@pytest.mark.parametrize(("keywords", "typed"), ASKED)
def test_python_takes_what_the_command_line_takes(
    path: Path, capsys: pytest.CaptureFixture[str], keywords: dict[str, Any], typed: list[str]
) -> None:
    assert run(["fit", str(path), "--target", "y", *READING, *typed, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    fitted = replace(dimgs.fit(path, "y", units=UNITS, skip_rows=2, **keywords), judge=None)
    document = json.loads(json.dumps(fit_document(fitted)))
    # the verdict takes a search, and is the same by the tests of verdicts
    for one in (printed, printed["law"], document, document["law"]):
        for name in ("probability", "confirmed", "why_not", "checksum"):
            one.pop(name, None)
    assert printed == document


def test_discover_takes_them_too(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--columns", "L,W", "--regimes", "--local", "--additive", "--engine", "power_law"]
    assert run(["discover", str(path), "--target", "y", *READING, *words, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    report = dimgs.discover(
        path,
        "y",
        units=UNITS,
        skip_rows=2,
        columns=["L", "W"],
        regimes=True,
        local=True,
        additive=True,
        engine="power_law",
    )
    document = json.loads(json.dumps(report.to_json()))
    for key in ("pi", "fit", "law", "candidates", "warnings"):
        assert printed[key] == document[key]
    assert document["fit"]["regimes"] is not None
    assert document["fit"]["additive"] is not None


def test_a_dataset_takes_the_choice_of_columns(path: Path) -> None:
    data = dimgs.read_table(path, units=UNITS, skip_rows=2)
    chosen = dimgs.fit(data, "y", columns=["L", "W"])
    assert {v.name for v in chosen.law.symbols.values()} == {"L", "W"}
    assert str(chosen.law) == str(dimgs.fit(data.select(["L", "W", "y"]), "y").law)
    with pytest.raises(InputError, match="'y' is dropped with --drop but needed"):
        dimgs.fit(data, "y", drop=["y"])


@pytest.mark.parametrize(
    ("effort", "expressions", "seconds"),
    [("quick", 1000, 60), ("normal", 6000, 120), ("thorough", 60_000, 1200)],
)
def test_efforts_are_as_large_as_their_help_says(
    effort: str, expressions: int, seconds: int
) -> None:
    help_text = options_by_name()["effort"].metadata["help"]
    assert all(str(number) in help_text for number in (effort, expressions, seconds))
    asked = Options(effort=effort)
    assert (asked.budget, asked.seconds) == (expressions, seconds)
    assert asked.side_budget == expressions // 12
    assert Options(effort=effort, evaluations=7, time_limit=3).budget == 7
    assert Options(effort=effort, evaluations=7, time_limit=3).seconds == 3


@pytest.mark.parametrize("ask", [dimgs.fit, dimgs.discover])
def test_two_targets_are_two_questions(ask: Any) -> None:
    table = dimgs.Dataset.from_columns({"x [m]": [1.0, 2.0, 4.0], "y [m]": [1.0, 2.0, 4.0]})
    with pytest.raises(InputError, match=r"one column, not .'y', 'x'.; call once for each"):
        ask(table, ["y", "x"])


@pytest.mark.parametrize("name", ["robust", "errors_in_variables", "local", "additive"])
def test_fits_of_relative_errors_alone_refuse_constant_ones(name: str) -> None:
    asked: dict[str, Any] = {name: True}
    Options(**asked)
    with pytest.raises(InputError, match="have relative errors: leave out it or --noise constant"):
        Options(**asked, noise="constant")


@pytest.mark.parametrize("ending", ["csv", "parquet", ""])
def test_a_column_that_a_form_names_is_read_beside_those_that_are_chosen(
    ending: str, tmp_path: Path
) -> None:
    columns = {n: [1.0, 2.0, 3.0] for n in ("x [m]", "w [m]", "z [m]", "y [m]")}
    table: Any = dimgs.Dataset.from_columns(columns)
    if ending:
        table = tmp_path / f"t.{ending}"
        frame = pd.DataFrame(columns)
        frame.to_csv(table, index=False) if ending == "csv" else frame.to_parquet(table)
    chosen = Options(columns=["x"], form="a*x + w**b/nowhere; b=1")
    assert sorted(chosen.read(table, "y").names) == ["w", "x", "y"]
    assert sorted(Options(columns=["x"]).read(table, "y").names) == ["x", "y"]
