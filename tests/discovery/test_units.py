"""Regimes, scales, bounds and error columns do not depend on the units of the table."""

import re
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from dimgs import Dataset, Options
from dimgs.discovery.discover import fit
from dimgs.discovery.explore import explore
from dimgs.report.results import fit_document
from dimgs.variables import Variable, define_unit, parse_unit
from tests.law.examples import example
from tests.planted import pipe

# what a search finds is tested elsewhere
pytestmark = pytest.mark.usefixtures("brief")

OTHER = {
    "m": "ft", "m/s": "km/h", "kg/m^3": "lb/ft^3", "Pa*s": "cP", "m^2/s": "cSt", "K": "degF",
    "Pa": "psi", "kg": "dram_of_test", "s": "hour", "1": "%", "m^2/s^2": "ft^2/min^2",
}  # fmt: skip


def _other(variable: Variable) -> str:
    if variable.is_level or variable.is_label:
        return variable.unit.text
    same = [u for si, u in OTHER.items() if parse_unit(si).dimension == variable.dimension]
    return same[0]


def _in_other_units(data: Dataset) -> Dataset:
    """The same runs; an error column in a unit of its own too."""
    define_unit("dram_of_test = 1.7718451953125 g")
    columns: dict[str, Any] = {}
    for v in data.variables:
        unit = parse_unit(_other(v))
        plain = v.is_label or v.is_level
        columns[f"{v.name} [{unit.text}]"] = data[v.name] if plain else unit.from_si(data[v.name])
        if v.name in data.errors:
            columns[f"{v.name}_err [{v.si_unit}]"] = data.errors[v.name]
    return Dataset.from_columns(columns)


def _bouncing() -> Dataset:
    rng = np.random.default_rng(0)
    n = 60
    length, mass = rng.uniform(0.1, 2, n), 10 ** rng.uniform(-2, 2, n)
    period = 2 * np.pi * np.sqrt(length / 9.8 * (1 + mass / 3)) * np.exp(0.01 * rng.normal(size=n))
    columns = {"L [m]": length, "m [kg]": mass, "T [s]": period}
    errors = {"T_err [s]": 0.01 * period, "L_err [m]": 0.001 * length}
    return Dataset.from_columns({**columns, **errors})


def _cases() -> dict[str, tuple[Dataset, str, Options]]:
    scaled = Options(constants=["g"], scales=["M0 [kg]"])
    return {
        "regimes": (example("regimes")[1], "tau", Options(regimes=True)),
        "errors and a scale": (_bouncing(), "T", scaled),
        "errors in variables": (_bouncing(), "T", replace(scaled, errors_in_variables=True)),
        "automatic scales": (_bouncing(), "T", Options(scales="auto")),
        "local and additive": (pipe(), "tau_w", Options(local=True, additive=True)),
        "arrhenius": (example("arrhenius")[1], "D", Options(arrhenius="T", scales="auto")),
        "level": (example("level")[1], "SPL", Options(scales=["a [m/s]"])),
        "within": (example("within")[1], "tau", Options(within="rig")),
    }


def _same(one: Any, two: Any, where: str = "") -> None:
    if isinstance(one, dict):
        assert set(one) == set(two), where
        for key in one:
            # how the user wrote the unit, the checksum of that, and numbers in these units
            if key not in ("exact", "checksum", "display"):
                _same(one[key], two[key], f"{where}/{key}")
    elif isinstance(one, list):
        assert len(one) == len(two), where
        for i, (a, b) in enumerate(zip(one, two, strict=True)):
            _same(a, b, f"{where}/{i}")
    elif isinstance(one, float):
        assert one == pytest.approx(two, rel=1e-6, abs=1e-9), where
    elif not where.endswith(("expression", "latex", "where")):
        assert _rounded(one) == _rounded(two), where


def _rounded(value: Any) -> Any:
    """A real exponent in a unit is a fitted number: its last digits are the machine's.

    A more probable law that a verdict mentions may be written in two ways of equal length.
    """
    if not isinstance(value, str):
        return value
    value = re.sub(r"= .* is more probable", "is more probable", value)
    if re.fullmatch(r"-?\d+/\d{9,}", value):
        return f"{float(Fraction(value)):.9g}"
    return re.sub(r"\d+\.\d{9,}", lambda number: f"{float(number[0]):.9g}", value)


@pytest.mark.parametrize("case", _cases())
def test_no_fit_depends_on_the_units_of_the_table(case: str) -> None:
    data, target, options = _cases()[case]
    other = replace(
        options,
        scales=[
            scale.replace("[kg]", "[dram_of_test]").replace("[m/s]", "[km/h]")
            for scale in options.scales
        ]
        if not isinstance(options.scales, str)
        else options.scales,
    )
    rows = _in_other_units(data)
    one, two = fit(data, target, options), fit(rows, target, other)
    if case not in ("errors and a scale", "level"):
        # the verdict is compared for these two
        one, two = replace(one, judge=None), replace(two, judge=None)
    _same(fit_document(one), fit_document(two))
    np.testing.assert_allclose(one.law.predict_si(data), two.law.predict_si(rows), rtol=1e-6)
    far = data.take(np.arange(20))
    assert one.law.outside(far) == two.law.outside(rows.take(np.arange(20)))


def test_no_exploration_depends_on_the_units_of_the_table() -> None:
    data = _bouncing()
    options = Options(constants=["g"], scales=["M0 [kg]"])
    one, two = explore(data, "T", options), explore(_in_other_units(data), "T", options)
    first, other = one.to_json()["homogeneity"], two.to_json()["homogeneity"]
    assert first.keys() == other.keys()
    assert first["rejected"] == other["rejected"]
    assert first["missing_dimension"] == other["missing_dimension"]
