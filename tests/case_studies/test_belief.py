"""The benchmark of belief: what it counts, and that it finds constants that say what they mean."""

import json
from pathlib import Path
from typing import Any

import pytest

from case_studies.benchmarks.belief.__main__ import main
from case_studies.benchmarks.belief.calibrate import fitted, loss_of
from case_studies.benchmarks.belief.fits import solve, tasks
from case_studies.benchmarks.belief.lines import PARTS, Line, rescored, said_of, start
from case_studies.benchmarks.belief.measures import measures, reliability


def form(density: float, nodes: float, right: bool, law: int) -> dict[str, Any]:
    parts = {**dict.fromkeys(PARTS, 0.0), "nodes": nodes}
    left = {"chance": 1.0, "dof": 50, "fitted": 0, "usual": density / 60}
    return {"log_density": density, "right": right, "law": law, **parts, **left}


def line(law: str, gap: float, right: int) -> Line:
    forms = [form(gap * k, 5.0, k == right, k) for k in (0, 1)]
    return Line.of({"law": law, "runs": 60, "forms": forms})


def test_laws_and_settings_are_drawn_the_same_each_time() -> None:
    first = [(law.name, n, z, seed) for law, n, z, seed in tasks("own-test", 2, "law")]
    assert first == [(law.name, n, z, seed) for law, n, z, seed in tasks("own-test", 2, "law")]
    assert len(first) == 2 * len({name for name, *_ in first})


def test_evidence_that_misleads_asks_for_a_higher_temperature() -> None:
    # a gain of three nats, which is right in three of five
    lines = [line(f"law {k}", 3.0, 1 if k % 5 < 3 else 0) for k in range(40)]
    parameters = fitted(lines, prices=True)
    assert parameters[0] > start()[0]
    assert loss_of(lines, parameters, True).mean() < loss_of(lines, start(), True).mean()
    # and prices stay as they are unless they are asked for
    verdict = fitted(lines)
    assert verdict[: 1 + len(PARTS)].tolist() == start()[: 1 + len(PARTS)].tolist()
    assert loss_of(lines, verdict).mean() < loss_of(lines, start()).mean()


def test_certainty_that_holds_has_no_calibration_error() -> None:
    said = [1.0] * 10 + [0.0] * 10
    assert reliability(said, [p == 1.0 for p in said])[0].endswith("0.000")
    assert reliability(said, [p == 0.0 for p in said])[0].endswith("1.000")


def test_a_discovery_is_a_line_that_can_be_measured_again(tmp_path: Path, capsys: Any) -> None:
    law = next(law for law, *_ in tasks("own-development", 1, "law") if law.name == "kleiber")
    line = solve(law, 60, 0.02, 1, "law", "quick")
    assert line["right"] == [True]
    noise = solve(law, 60, 0.05, 2, "permuted", "quick")
    assert not noise["confirmed"]
    path = tmp_path / "lines.jsonl"
    path.write_text("\n".join(map(json.dumps, (line, noise))) + "\n")
    main(["--out", str(path), "--table"])
    printed = capsys.readouterr().out
    assert "permuted: 0 of 1 confirmed" in printed
    again = rescored([line, noise])
    assert printed.strip() == measures(again).strip()
    # the constants are those that the search had
    for one, other in zip(again, (line, noise), strict=True):
        assert one["probabilities"] == pytest.approx(other["probabilities"])
        assert (one["none"], one["confirmed"]) == (pytest.approx(other["none"]), other["confirmed"])


def test_simple_exponents_are_wrong_where_the_law_that_states_them_is() -> None:
    wrong = form(0.0, 3.0, False, 0) | {"exponents": 4.0}
    real = form(1.0, 3.0, True, 0) | {"fitted": 1, "free_exponents": 1.0}
    for density, is_right in ((0.0, True), (40.0, False)):
        forms = [wrong | {"log_density": density}, real]
        said = said_of(Line.of({"law": "one", "runs": 60, "forms": forms}), start())
        assert said.right.tolist() == [is_right]
