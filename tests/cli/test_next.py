"""`dimgs next`: the contract, and one sentence for what cannot be used."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import dimgs
from dimgs.cli.app import app
from dimgs.law.checked_law import percent

SHORT = ["--target", "z", "-n", "2"]
ARGUMENTS = [*SHORT, "--engine", "structured", "--evaluations", "150"]
BRIEF = [*SHORT, "--engine", "power_law", "--evaluations", "20"]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(3)
    x, y = np.exp(rng.uniform(-1.0, 1.0, (2, 14)))
    z = (x + y) * np.exp(0.1 * rng.standard_normal(14))
    path = tmp_path_factory.mktemp("next") / "t.csv"
    # a mass, which no law of lengths contains
    rows = "\n".join(f"{a},{b},{1 + b % 1},{c}" for a, b, c in zip(x, y, z, strict=True))
    path.write_text(f"x [m],y [m],m [kg],z [m]\n{rows}\n")
    return path


def test_an_input_that_no_law_contains_takes_part_where_it_has_a_range(table: Path) -> None:
    given = ["next", str(table), *BRIEF, "--range", "m=1..3 kg", "--json"]
    document = json.loads(CliRunner().invoke(app, given).stdout)
    assert [set(run["inputs"]) for run in document["runs"]] == [{"x", "y", "m"}] * 2


def test_runs_rivals_and_what_each_predicts(table: Path) -> None:
    done = CliRunner().invoke(
        app, ["next", str(table), *ARGUMENTS, "--range", "x=10..300 cm", "--json"]
    )
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert len(document["runs"]) == 2
    for run in document["runs"]:
        assert set(run["inputs"]) == {"x", "y"}
        assert run["inputs"]["x"]["value"] * (1 + 1e-9) >= 0.1
        assert run["inputs"]["x"]["unit"] == "m"
        assert len(run["predicted"]) == len(document["rivals"])
        assert all(p["low"] <= p["value"] <= p["high"] for p in run["predicted"])
        assert run["information"] >= 0
    none = document["none_of_these"]
    assert none > 0.1
    assert sum(r["probability"] for r in document["rivals"]) + none <= 1.0
    weights = np.array(document["weights"])
    assert weights.sum() == pytest.approx(1.0)
    roots = np.sqrt([r["probability"] for r in document["rivals"]])
    np.testing.assert_allclose(weights[: len(roots)] / weights[0], roots / roots[0])
    entropy = -np.sum(weights * np.log(weights))
    assert sum(run["information"] for run in document["runs"]) <= entropy + 1e-9
    text = CliRunner().invoke(app, ["next", str(table), *ARGUMENTS]).stdout
    assert f"The probability that none of these is true is {percent(none)}." in " ".join(
        text.split()
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [(["--range", "x:1..2"], "write it as"), (["--range", "w=1..2 m"], "no input 'w'")],
)
def test_what_cannot_be_used_is_one_sentence(table: Path, given: list[str], words: str) -> None:
    done = CliRunner().invoke(app, ["next", str(table), *BRIEF, *given])
    assert done.exit_code != 0
    assert words in str(done.exception) + done.output


def test_a_law_beside_itself_is_said_to_be_one_with_it(tmp_path: Path) -> None:
    x = np.geomspace(1.0, 9.0, 20)
    z = 2.0 * np.sqrt(x) * np.exp(0.01 * np.random.default_rng(0).standard_normal(20))
    table, law = tmp_path / "t.csv", tmp_path / "law.json"
    table.write_text("x [1],z [1]\n" + "\n".join(f"{a},{b}" for a, b in zip(x, z, strict=True)))
    search = [str(table), "--target", "z", "--engine", "power_law"]
    made = dimgs.discover(table, "z", engine="power_law").law
    assert made is not None
    made.to_json(law)
    done = CliRunner().invoke(app, ["next", *search, "-n", "2", "--against", str(law)])
    assert done.exit_code == 0, done.output
    assert "predict the same in these ranges, and may be one law" in done.stderr
