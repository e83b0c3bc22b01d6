"""What the recorded runs of simulators hold, and the search for directions that need no group."""

import re
from pathlib import Path

import numpy as np
import pytest

from case_studies.benchmarks import recorded_kernels
from case_studies.benchmarks.free_directions import reduced, unreduced

RECORDED = Path(__file__).resolve().parents[1] / "kernels" / "recorded"


def numbers(text: str) -> list[float]:
    return [float(n) for n in re.findall(r"-?\d+\.?\d*", text)]


def test_activation_energy_of_consumption_and_that_it_is_local() -> None:
    rows = {what: fitted for what, fitted, _ in recorded_kernels.oxidation(RECORDED)}
    value, low, high = numbers(rows["activation energy, kJ/mol"])
    assert value == pytest.approx(83, abs=2)
    assert low < 83 < high
    least, most = numbers(rows["of the least oxygen"]), numbers(rows["of the most oxygen"])
    assert least[2] < most[1]
    assert rows["warning"].startswith("local")
    assert "kO2" in rows["warning"]


def test_recorded_chains() -> None:
    rows = {what: fitted for what, fitted, _ in recorded_kernels.chains(RECORDED)}
    assert numbers(rows["phantom, prefactor"])[0] == pytest.approx(0.248)
    value, low, high = numbers(rows["excluded volume, exponent of N - 1"])
    assert 1.15 < low < value < 1.30 < high + 0.1


@pytest.mark.slow
def test_three_groups_of_migration_are_found_by_themselves() -> None:
    rows = {what: (fitted, known) for what, fitted, known in recorded_kernels.migration(RECORDED)}
    fitted, known = rows["groups that are left"]
    assert fitted == known
    assert numbers(rows["its exponent"][0])[0] == pytest.approx(-1.0, abs=0.02)
    assert numbers(rows["evidence (ln) for three over four"][0])[0] > 5
    assert numbers(rows["evidence (ln) for this direction over the next"][0])[0] > 5
    assert numbers(rows["evidence (ln) for two over three"][0])[0] < 0
    four, three, two = numbers(rows["error of ln CF left out, by 4 / 3 / 2 groups"][0])[-3:]
    assert three < min(four, two)


@pytest.mark.parametrize("basis", [((1, 0), (0, 1)), ((1, 1), (0, 1)), ((2, 1), (1, 1))])
def test_the_direction_does_not_depend_on_the_basis(basis: tuple[tuple[int, int], ...]) -> None:
    rng = np.random.default_rng(5)
    logs = rng.uniform(-1.0, 1.0, (30, 2))
    y = 0.5 * (logs[:, 0] - logs[:, 1]) + np.sin(2.0 * (logs[:, 0] + logs[:, 1]))
    turn = np.array(basis)
    names = ("a", "b")
    groups = [dict(zip(names, map(float, row), strict=True)) for row in turn]
    turned = logs @ turn.T
    direction = reduced(turned, y, groups, unreduced(turned, y), size=2)
    assert direction.keeps({"a": 1.0, "b": 1.0})
    assert not direction.keeps({"a": 1.0, "b": -1.0})
    assert abs(direction.slope) == pytest.approx(1.0, abs=0.02)


def test_absent_tables_are_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded_kernels.main(tmp_path)
    printed = capsys.readouterr().out
    assert printed.count("not run:") == 3
    assert "DIMGS_DATA" in printed
