"""Identifiers of laws never meet each other."""

import keyword

import numpy as np
import pytest
import sympy

from dimgs import Dataset, Options
from dimgs.discovery.discover import fit
from dimgs.law.law import Law
from tests.law.examples import KINDS, example


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_safe_and_distinct(kind: str) -> None:
    law, _ = example(kind)
    names = [*law.symbols, *(c.name for c in law.constants)]
    groups = {g.name for g in law.groups} | {"pi_0"}
    assert len(names) == len(set(names))
    assert not groups & set(names)
    assert all(n.isidentifier() and not keyword.iskeyword(n) for n in names)
    assert not set(names) & set(dir(sympy))


@pytest.mark.parametrize("taken", ["C", "c", "T_a", "K_0"])
def test_fitted_constants_make_way_for_columns(taken: str) -> None:
    rng = np.random.default_rng(0)
    kelvin, tilt = rng.uniform(300, 400, 20), rng.uniform(-1, 1, 20)
    size, width = rng.uniform(1, 2, (2, 20))
    y = 3 * size**2 / width * np.exp(-900 / kelvin + 0.4 * tilt)
    data = Dataset.from_columns(
        {f"{taken} [m]": size, "W [m]": width, "T [K]": kelvin, "tilt [rad]": tilt, "y [m]": y}
    )
    law: Law = fit(data, "y", Options(arrhenius="T")).law
    assert taken in law.symbols
    assert sorted(round(c.value, 6) for c in law.constants) == [0.4, 3.0, 900.0]
    np.testing.assert_allclose(law.predict_si(data), y, rtol=1e-9)


def test_the_prefactor_makes_way_for_the_target() -> None:
    time = np.geomspace(1, 9, 12)
    data = Dataset.from_columns({"t [s]": time, "C [s]": 3 * time})
    law: Law = fit(data, "C", Options()).law
    assert [c.name for c in law.constants] == ["C_0"]


def test_a_coefficient_makes_way_for_the_target() -> None:
    hours = np.array([0.0, 1.0, 2.0, 4.0, 7.0, 9.0, 12.0, 15.0])
    rate = np.where(np.arange(8) % 2, 1.02, 0.98) * np.exp(-0.3 * hours)
    table = Dataset.from_columns({"pH [pH]": hours, "c [mol/L]": rate})
    law = fit(table, "c", Options(scales="auto")).law
    assert "c" not in {constant.name for constant in law.constants}


def test_constants_of_regimes_make_way_for_columns() -> None:
    law, data = example("regimes")
    assert {"b_1", "C_1"} <= set(law.symbols)
    assert len([c for c in law.constants if c.origin == "fitted"]) >= 3
    assert law.expression.has(sympy.Piecewise)
    np.testing.assert_allclose(law.predict_si(data), data["tau"], rtol=0.1)
