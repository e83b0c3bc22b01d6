"""Inputs that never vary among the runs of a label, each of which has its own prefactor."""

import numpy as np
import pytest

import dimgs
from dimgs.law.display import undetermined_inputs
from dimgs.law.prediction import held_texts
from dimgs.report.results import FitResult

DIAMETERS = {"A": 0.5, "B": 0.8, "C": 1.2}


def wires(power: float, *, width: bool = False) -> dimgs.Dataset:
    """Fifteen stretched wires, five of each of three materials, with one diameter each."""
    random = np.random.default_rng(5)
    label = np.repeat([*DIAMETERS], 5)
    length = np.tile([0.5, 1.0, 1.5, 2.0, 2.5], 3)
    force = np.array([10, 20, 40, 15, 30, 12, 25, 8, 40, 18, 5, 2, 4, 8, 3.0])
    diameter = np.array([DIAMETERS[x] for x in label])
    noise = np.exp(0.01 * random.normal(size=15))
    stretch = force * length * noise * diameter**power
    columns = {"material": label, "F [N]": force, "L [m]": length, "d [mm]": diameter}
    if width:
        columns["w [mm]"] = np.array([{"A": 3.0, "B": 1.0, "C": 2.0}[x] for x in label])
    return dimgs.Dataset.from_columns({**columns, "delta [mm]": stretch})


def fitted(power: float) -> FitResult:
    return dimgs.fit(wires(power), "delta", within="material", scales="auto")


@pytest.mark.parametrize("power", [-2.0, 1.0, 3.0])
def test_a_prefactor_of_each_label_holds_any_power_of_it(power: float) -> None:
    plain, other = fitted(0.0), fitted(power)
    for one, two in zip(plain.variable_exponents, other.variable_exponents, strict=True):
        assert one.name != "d"
        assert one.name == two.name
        assert np.allclose([one.low, one.high], [two.low, two.high])
    assert plain.law.domain == other.law.domain
    assert str(plain.law) == str(other.law) == "delta = C*F*L"
    assert any("d never varied" in w and "'material'" in w for w in other.warnings)


@pytest.mark.parametrize("label", [*DIAMETERS])
def test_another_value_is_outside_for_the_label(label: str) -> None:
    law = dimgs.Law.from_json(fitted(-2.0).law.to_json())
    for other, diameter in DIAMETERS.items():
        row = {"material": [label], "F": [10.0], "L": [1.0], "d": [diameter * 1e-3]}
        (place,) = law.places(row)
        assert place.outside == ([] if other == label else ["d"])
        assert all(f"in every run of '{label}'" in text for text in place.sentences)
    without = {"material": [label], "F": [10.0], "L": [1.0]}
    assert law.places(without)[0].outside == []
    assert held_texts(law) == ["d = 0.5 mm (A), 0.8 mm (B), 1.2 mm (C)"]


def test_products_of_several_are_open_and_held_by_the_prefactors() -> None:
    data = wires(-2.0, width=True).without(["F"])
    law = dimgs.fit(data, "delta", within="material").law
    assert undetermined_inputs(law) == ("d", "w")
    row = {"material": ["A"], "L": [1.0], "d": [5e-4], "w": [3e-3]}
    assert law.places(row)[0].outside == []
    # a model at twice the size has the same groups
    twice = {"material": ["A"], "L": [2.0], "d": [1e-3], "w": [6e-3]}
    assert law.places(twice)[0].outside == []
    assert law.places({**row, "w": [6e-3]})[0].outside == ["w·d⁻¹"]
    assert {"d", "w"}.isdisjoint({v.name for v in law.shown.symbols.values()})
    assert np.allclose(law.predict_si(data), law.shown.predict_si(data))


def test_dimensions_give_the_power_of_one_where_no_scale_is_missing() -> None:
    result = dimgs.fit(wires(0.0).without(["F"]), "delta", within="material")
    (power,) = (e for e in result.variable_exponents if e.name == "d")
    (along,) = (e for e in result.variable_exponents if e.name == "L")
    assert np.isclose(power.value + along.value, 1.0)
    assert any("except through the dimensions" in w for w in result.warnings)


def test_beside_an_automatic_scale_a_held_input_has_no_exponent() -> None:
    data = wires(-2.0).take(np.arange(5))
    result = dimgs.fit(data, "delta", scales="auto")
    assert [e.name for e in result.variable_exponents] == ["F", "L"]
    row = {"F": [10.0], "L": [1.0], "d": [1e-3]}
    assert result.law.places(row)[0].outside == ["d"]
