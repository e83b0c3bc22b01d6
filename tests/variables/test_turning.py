"""Cycles and revolutions: one convention, and a warning wherever the two meet."""

import itertools
import math
import warnings
from pathlib import Path

import numpy as np
import pytest

import dimgs
from dimgs.common.errors import DimgsWarning, InputError
from dimgs.discovery.next_runs import range_of
from dimgs.kernels.base import Port, convert_inputs
from dimgs.law.law import Law
from dimgs.law.prediction import law_table, wanted_by
from dimgs.variables import parse_unit, parse_variable
from dimgs.variables.units import turning

CYCLES = {"Hz": 1.0, "kHz": 1e3, "cycle/s": 1.0, "cycles/min": 1 / 60, "beats/min": 1 / 60}
RADIANS = {
    "rad/s": 1.0,
    "rad s–1": 1.0,
    "deg/s": math.pi / 180,
    "rps": 2 * math.pi,
    "rpm": 2 * math.pi / 60,
    "RPM": 2 * math.pi / 60,
    "r/min": 2 * math.pi / 60,
    "rev/min": 2 * math.pi / 60,
    "rad/s²": 1.0,
}
NEITHER = {"1/s": 1.0, "s-1": 1.0, "Bq": 1.0, "m/s": 1.0, "rad": 1.0, "N*m/rad": 1.0, "degC/s": 1.0}


@pytest.mark.parametrize(
    ("units", "kind"), [(CYCLES, "cycles"), (RADIANS, "radians"), (NEITHER, None)]
)
def test_a_revolution_is_two_pi_and_a_cycle_one(units: dict[str, float], kind: str | None) -> None:
    for text, factor in units.items():
        assert parse_unit(text).factor == pytest.approx(factor, rel=1e-15), text
        assert turning(parse_unit(text)) == kind, text


def _said(units: tuple[str, str], strict: bool = False) -> bool:
    columns = {f"x{i} [{unit}]": [1.0, 2.0] for i, unit in enumerate(units)}
    data = dimgs.read_table(columns, strict_units=strict)
    return any("ratio carries 2π" in note for note in data.warnings)


def test_columns_that_count_turns_differently_are_warned_of() -> None:
    kinds = {**dict.fromkeys(CYCLES, 1), **dict.fromkeys(RADIANS, 2), **dict.fromkeys(NEITHER, 0)}
    for pair in itertools.combinations(kinds, 2):
        assert _said(pair) == ({kinds[pair[0]], kinds[pair[1]]} == {1, 2}), pair
    with pytest.raises(InputError, match=r"'x1' of columns \[rpm\] measures radians.*strict"):
        _said(("Hz", "rpm"), strict=True)


def _law(unit: str) -> Law:
    speed, size = np.array([[2.0, 3.0, 5.0, 7.0, 9.0], [0.1, 0.4, 0.2, 0.3, 0.5]])
    noise = np.exp([0.01, -0.02, 0.015, 0.0, -0.005])
    columns = {f"n [{unit}]": speed, "D [m]": size, "a [m/s^2]": 40 * speed**2 * size * noise}
    return dimgs.fit(columns, "a").law


@pytest.mark.parametrize(
    ("fitted", "asked", "warns"),
    [
        *(("Hz", "rpm", True), ("Hz", "rad/s", True), ("rpm", "Hz", True)),
        *(("rad/s", "cycle/s", True), ("Hz", "kHz", False), ("rpm", "rad/s", False)),
        *(("Hz", "1/s", False), ("1/s", "rpm", False)),
    ],
)
def test_a_law_says_when_turns_are_counted_otherwise_than_in_its_runs(
    fitted: str, asked: str, warns: bool, tmp_path: Path
) -> None:
    law = Law.from_json(_law(fitted).to_json())
    table = tmp_path / "new.csv"
    table.write_text(f"n [{asked}],D [m]\n3,0.2\n")
    with warnings.catch_warnings(record=True, action="always") as caught:
        law.predict({f"n [{asked}]": [3.0], "D [m]": [0.2]})
        law.predict(dimgs.read_table(table))
        law.with_units({"n": asked})
    warned = [w for w in caught if "is given in" in str(w.message)]
    assert len(warned) == 3 * warns
    assert all(issubclass(w.category, DimgsWarning) for w in warned)
    # what the command line and the tools of an agent pass on
    notes = law_table(wanted_by(law), table, dimgs.dataset.raw.ReadOptions()).warnings
    assert any("is given in" in note for note in notes) == warns


def test_one_value_of_the_other_kind_is_refused() -> None:
    conversion = convert_inputs((Port("f", "Hz"),), {"f": "120 rpm"}, "mixer")
    assert "60 rpm are 1 Hz" in conversion.refusal
    assert convert_inputs((Port("f", "rad/s"),), {"f": "120 rpm"}, "mixer").values["f"] == (
        pytest.approx(4 * math.pi)
    )
    with pytest.raises(InputError, match=r"range of 'f' is given in 'rpm'.*60 rpm are 1 Hz"):
        range_of("10..20 rpm", parse_variable("f [Hz]"))
