"""A law in the units of a trade agrees with the law in SI."""

import json
import re

import numpy as np
import pytest
import sympy

from dimgs import Dataset
from dimgs.common.errors import InputError
from dimgs.discovery.discover import fit
from dimgs.expression import sympy_parse
from dimgs.law.display import LARGEST_QUOTIENT
from dimgs.law.law import Law
from dimgs.variables import registry
from tests.law.examples import example
from tests.law.test_code import run


@pytest.fixture(scope="module")
def pump() -> tuple[Law, Dataset]:
    rng = np.random.default_rng(0)
    n = 40
    rho, N, D = rng.uniform(700, 1300, n), rng.uniform(5, 50, n), rng.uniform(0.05, 1, n)
    mu = 10 ** rng.uniform(-3, -1, n)
    power = 3 * rho * N**3 * D**5 * (rho * N * D**2 / mu) ** -0.15
    data = Dataset.from_columns(
        {
            "rho [kg/m^3]": rho,
            "N [1/s]": N,
            "D [m]": D,
            "mu [Pa s]": mu,
            "P [W]": power * np.exp(0.02 * rng.normal(size=n)),
        }
    )
    return fit(data, "P").law, data


def test_american_units_agree_with_si(pump: tuple[Law, Dataset]) -> None:
    law, data = pump
    other = law.with_units(rho="lb/ft^3", D="ft", P="hp")
    numbers = {
        "rho": data["rho"] / (0.45359237 / 0.3048**3),
        "D": data["D"] / 0.3048,
        "N": data["N"],
        "mu": data["mu"],
    }
    expected = law.predict_si(data) / 745.6998715822702
    np.testing.assert_allclose(other.predict(numbers), expected, rtol=1e-9)
    function = run(other.python("f"), "f")
    arguments = {symbol: numbers[column] for symbol, (column, _) in other.symbols.items()}
    np.testing.assert_allclose(function(**arguments), expected, rtol=1e-9)
    assert "hp" in str(other)
    assert "ft" in other.python()
    assert other.latex().startswith("P = ")


def test_pressures_in_psi_agree_with_si() -> None:
    law, data = example("power")
    other = law.with_units({"tau_w": "psi", "U": "ft/s", "D": "inch"})
    numbers = {n: data[n] for n in data.names}
    numbers |= {"U": data["U"] / 0.3048, "D": data["D"] / 0.0254}
    np.testing.assert_allclose(
        other.predict(numbers), law.predict_si(data) / 6894.757293168361, rtol=1e-9
    )


@pytest.mark.parametrize(
    ("unit", "factor", "offset"), [("degF", 5 / 9, 459.67), ("degC", 1, 273.15)]
)
def test_temperatures_with_an_offset_agree_with_si(unit: str, factor: float, offset: float) -> None:
    law, data = example("arrhenius")
    other = law.with_units({"T": unit, "tilt": "deg", "D": "cm^2/s"})
    numbers = {
        "T": data["T"] / factor - offset,
        "tilt": np.degrees(data["tilt"]),
    }
    np.testing.assert_allclose(other.predict(numbers), law.predict_si(data) * 1e4, rtol=1e-9)


def test_a_target_with_an_offset_agrees_with_si() -> None:
    rng = np.random.default_rng(0)
    kelvin = rng.uniform(280, 400, 20)
    data = Dataset.from_columns(
        {"T [K]": kelvin, "x [1]": kelvin / 300, "Ta [degC]": kelvin * 1.1 - 273.15}
    )
    law = fit(data, "Ta").law
    other = law.with_units(Ta="degF", T="degC")
    numbers = {"T": kelvin - 273.15, "x": data["x"]}
    np.testing.assert_allclose(
        other.predict(numbers), law.predict_si(data) * 9 / 5 - 459.67, rtol=1e-9
    )
    assert str(law.predict(data).units) == "degree_Celsius"
    np.testing.assert_allclose(law.predict(data).magnitude, kelvin * 1.1 - 273.15, rtol=1e-9)


def test_regimes_keep_their_boundary_in_other_units() -> None:
    law, data = example("regimes")
    other = law.with_units({"U": "ft/s", "tau": "psi", "mu": "cP"})
    numbers = {n: data[n] for n in data.names}
    numbers |= {"U": data["U"] / 0.3048, "mu": data["mu"] * 1000}
    np.testing.assert_allclose(
        other.predict(numbers), law.predict_si(data) / 6894.757293168361, rtol=1e-9
    )


def test_a_level_keeps_its_unit() -> None:
    law, data = example("level")
    other = law.with_units(U="km/h")
    numbers = {"U": data["U"] * 3.6, "D": data["D"], "L": data["L"]}
    np.testing.assert_allclose(other.predict(numbers), law.predict_si(data), rtol=1e-9)


def test_wrong_units_and_columns_are_explained() -> None:
    law, _ = example("power")
    with pytest.raises(InputError, match="no column 'Z'"):
        law.with_units(Z="ft")
    with pytest.raises(InputError, match="cannot be given in 'psi'"):
        law.with_units(U="psi")
    with pytest.raises(InputError, match="cannot be given in 'dB'"):
        law.with_units(U="dB")
    with pytest.raises(InputError, match="cannot be read"):
        law.with_units(U="blorb")
    with pytest.raises(InputError, match="'U' is missing"):
        law.with_units(U="ft/s").predict({"rho": 1, "D": 1, "mu": 1})
    with pytest.raises(InputError, match="stays in 'dB'"):
        example("level")[0].with_units(SPL="ft")


def test_quantities_and_tables_are_converted_and_not_stripped() -> None:
    law, data = example("power")
    other = law.with_units({"U": "ft/s", "D": "inch"})
    expected = law.predict_si(data)
    np.testing.assert_allclose(other.predict(data), expected, rtol=1e-12)
    theirs = {n: data.quantity(n) for n in data.names}
    np.testing.assert_allclose(other.predict(theirs), expected, rtol=1e-12)
    with pytest.raises(
        InputError, match="'U' is given in 'meter', but the law needs the dimension of 'ft/s'"
    ):
        other.predict({**theirs, "U": registry().Quantity([1.0], "m")})
    with pytest.raises(InputError, match="by column"):
        law.with_units("US")  # type: ignore[arg-type]


def test_rows_without_a_value_are_named() -> None:
    law, data = example("power")
    numbers = {n: np.array(data[n]) for n in data.names}
    numbers["U"][1] = -1.0
    with pytest.raises(InputError, match=r"no value in row 2 \(.*U = -1 m/s"):
        law.predict(numbers)


def test_intervals_and_json_in_the_stated_units() -> None:
    law, data = example("power")
    other = law.with_units({"U": "ft/s", law.target.name: "psi"})
    rows = data.take(np.arange(5))
    plain = law.predict({n: np.asarray(rows[n]) for n in rows.names}, 0.9)
    for one, two in zip(other.predict(rows, 0.9), plain, strict=True):
        np.testing.assert_allclose(one, two / 6894.757293168361, rtol=1e-9)
    narrow, wide = other.predict(rows, 0.9, of="law"), other.predict(rows, 0.9)
    assert np.all(narrow.high < wide.high)
    single = {c: float(rows.quantity(c).to(u).magnitude[0]) for c, u in other.symbols.values()}
    assert np.ndim(other.predict(single)) == 0
    assert float(other.predict(single)) == pytest.approx(float(other.predict(rows)[0]))
    document = json.loads(json.dumps(other.to_json()))
    assert document["target_unit"] == "psi"
    assert {e["column"]: e["unit"] for e in document["symbols"].values()}["U"] == "ft/s"
    parsed = sympy_parse(document["expression"], list(document["symbols"]))
    values = {s: single[c] for s, (c, _) in other.symbols.items()}
    assert float(parsed.subs(values)) == pytest.approx(float(other.predict(single)))


def test_long_exponents_are_constants_of_the_document_and_simple_ones_stay_simple(
    pump: tuple[Law, Dataset],
) -> None:
    law, _ = pump
    other = law.with_units(rho="lb/ft^3", D="ft", P="hp")
    document = json.loads(json.dumps(other.to_json()))
    names = [c["name"] for c in document["constants"]]
    parsed = sympy_parse(document["expression"], [*document["symbols"], *names])
    powers = [p.exp for p in parsed.atoms(sympy.Pow)]
    assert names
    assert all(p.is_Symbol or (-p).is_Symbol or p.q <= LARGEST_QUOTIENT for p in powers)
    numbers = {"rho": 62.0, "D": 1.0, "N": 20.0, "mu": 0.01}
    values = {c["name"]: c["value"] for c in document["constants"]}
    values |= {s: numbers[c] for s, (c, _) in other.symbols.items()}
    assert float(parsed.subs(values)) == pytest.approx(float(other.predict(numbers)), rel=1e-12)
    # the digits that their intervals support
    assert all(len(digits) <= 4 for digits in re.findall(r"\*\*\(?-?\d\.(\d+)", str(other)))
    simple, _ = example("power")
    assert "0.3333" not in simple.with_units(D="ft").to_json()["expression"]


def test_each_label_keeps_its_prefactor_in_other_units() -> None:
    law, data = example("within")
    other = law.with_units(tau="psi", U="ft/s")
    np.testing.assert_allclose(other.predict(data), law.predict_si(data) / 6894.757293168361)
