"""Predictions at one point in the units of a table, and symbols that columns do not share."""

from typing import Any

import numpy as np
import pytest

import dimgs
from dimgs.common.errors import InputError
from dimgs.law.law import Law


@pytest.fixture(scope="module")
def law() -> Law:
    x = np.geomspace(1.0, 9.0, 12)
    noise = np.exp(0.01 * np.random.default_rng(0).normal(size=12))
    table = {"F [N]": x, "k [N/m]": np.full(12, 2.0), "d [mm]": 500.0 * x * noise}
    return dimgs.fit(table, "d").law


def test_a_point_of_numbers_is_predicted_in_the_unit_of_the_table(law: Law) -> None:
    one: Any = {"F [N]": 4.0, "k [N/m]": 2.0}
    value, many = law.predict(one), law.predict({name: [x] for name, x in one.items()})
    assert str(value.units) == "millimeter"
    assert value.magnitude == pytest.approx(2000.0, rel=0.02)
    assert value.magnitude == pytest.approx(float(many.magnitude[0]), rel=1e-12)


@pytest.mark.parametrize("force", [4.0, -4.0])
def test_the_lower_end_is_the_lower_one_of_a_negative_target_too(law: Law, force: float) -> None:
    value, low, high = law.predict({"F": force, "k": 2.0}, level=0.9)
    assert low < value < high


def test_an_interval_of_anything_else_is_refused(law: Law) -> None:
    with pytest.raises(InputError, match="of a run or a law, not of 'rows'"):
        law.predict({"F": 4.0, "k": 2.0}, level=0.9, of="rows")  # type: ignore[call-overload]
    with pytest.raises(InputError, match="of a run or a law, not of 'rows'"):
        law.ratio({"F": 4.0}, {"F": 2.0}, level=0.9, of="rows")  # type: ignore[call-overload]


def test_columns_that_would_share_a_symbol_have_their_whole_names() -> None:
    rng = np.random.default_rng(1)
    v, one, two = np.exp(rng.normal(size=(3, 12)))
    x = 2.0 * v * np.sqrt(one * two) * np.exp(0.01 * rng.normal(size=12))
    fitted = dimgs.fit({"v [m/s]": v, "t_1 [s]": one, "t1 [s]": two, "x [m]": x}, "x")
    text = fitted.law.latex()
    assert r"\mathrm{t1}" in text
    assert r"\mathrm{t\_1}" in text
    assert " v " in text
