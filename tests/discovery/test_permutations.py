"""The order of rows and columns and the units of a table change nothing of its law."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest

from dimgs import Dataset, Options, fit
from dimgs.discovery.discover import discover_with
from dimgs.report.results import Report, fit_document

RNG = np.random.default_rng(0)
N = 40
G = 9.80665
Columns = Mapping[str, tuple[str, Any]]
Case = tuple[Columns, str, Options]


def friction() -> Case:
    U, D, rho, mu = np.exp(RNG.uniform(0, 2, (4, N)))
    tau = rho * U**2 * (0.1 + 3 * mu / (rho * U * D)) * np.exp(0.02 * RNG.normal(size=N))
    columns = {"U": ("m/s", U), "D": ("m", D), "rho": ("kg/m^3", rho), "mu": ("Pa*s", mu)}
    options = Options(engine="structured", evaluations=60, time_limit=1e6)
    return {**columns, "tau": ("Pa", tau)}, "tau", options


def pendulum() -> Case:
    length, mass = RNG.uniform(0.1, 2.0, (2, N))
    period = 2 * np.pi * np.sqrt(length / G) * np.exp(0.003 * RNG.normal(size=N))
    columns = {"L": ("m", length), "m": ("kg", mass), "T": ("s", period)}
    options = Options(constants=["g"], engine="structured", evaluations=60, time_limit=1e6)
    return columns, "T", options


def throw() -> Case:
    """A response of both signs, an input without a logarithm, and equal values in many runs."""
    angle, speed = np.tile(np.linspace(-60.0, 60.0, 10), 4), np.repeat([5.0, 9.0, 20.0, 40.0], 10)
    x = speed**2 / G * np.sin(np.radians(2 * angle)) + 0.2 * RNG.normal(size=N)
    columns = {"v": ("m/s", speed), "a": ("deg", angle), "x": ("m", x)}
    options = Options(constants=["g"], engine="structured", evaluations=60, time_limit=1e6)
    return columns, "x", options


def metals() -> Case:
    a, b = RNG.uniform(0.5, 3.0, (2, N))
    label = np.array(["iron", "tin", "lead", "zinc"])[np.arange(N) % 4]
    y = a**1.5 / b**0.5 * (1 + np.arange(N) % 4) * np.exp(0.05 * RNG.normal(size=N))
    columns = {"a": ("m", a), "b": ("m", b), "metal": ("label", label), "y": ("m", y)}
    return columns, "y", Options(within="metal", engine="power_law", evaluations=20)


CASES = {make.__name__: make() for make in (friction, pendulum, throw, metals)}
UNITS = {
    "m": ("mm", 1e3), "m/s": ("km/h", 3.6), "kg": ("g", 1e3), "s": ("min", 1 / 60),
    "Pa*s": ("mPa*s", 1e3), "Pa": ("kPa", 1e-3), "deg": ("rad", np.pi / 180),
}  # fmt: skip


def table(columns: Columns, names: list[str] | None = None, *, other: bool = False) -> Dataset:
    out = {}
    for name in names or columns:
        unit, values = columns[name]
        if unit == "label":
            out[name] = values
            continue
        shown, factor = UNITS.get(unit, (unit, 1.0)) if other else (unit, 1.0)
        out[f"{name} [{shown}]"] = values * factor
    return Dataset.from_columns(out)


def contents(report: Report) -> dict[str, Any]:
    document = report.to_json()
    for name in ("seconds", "provenance"):
        document.pop(name)
    return document


@cache
def as_given(name: str) -> Report:
    """What is found in the table of a case as it is."""
    columns, target, options = CASES[name]
    return discover_with(table(columns), target, options)


@pytest.mark.parametrize("name", CASES)
def test_rows_in_another_order(name: str) -> None:
    columns, target, options = CASES[name]
    data, report = table(columns), as_given(name)
    order = np.random.default_rng(1).permutation(N)
    other = discover_with(data.take(order), target, options)
    # to the last digit
    assert contents(other) == contents(report)
    for field in ("measured", "predicted", "left_out"):
        values = getattr(report, field)
        assert getattr(other, field) == tuple(values[i] for i in order if values)
    assert other.data is not None
    np.testing.assert_array_equal(other.data.rows, data.rows[order])


@pytest.mark.parametrize("name", CASES)
def test_columns_in_another_order(name: str) -> None:
    columns, target, options = CASES[name]
    report = as_given(name)
    other = discover_with(table(columns, sorted(columns, reverse=True)), target, options)
    for part in ("law", "candidates", "outcome", "confirmed", "why_not"):
        assert contents(other)[part] == contents(report)[part]


@pytest.mark.parametrize("name", CASES)
def test_columns_in_other_units(name: str) -> None:
    columns, target, options = CASES[name]
    report = as_given(name)
    other = discover_with(table(columns, other=True), target, options)
    laws = [x.to_json()["law"] for x in (report, other)]
    assert laws[0]["expression"] == laws[1]["expression"]
    kinds, values = (
        [[c[key] for c in law["constants"]] for law in laws] for key in ("origin", "value")
    )
    assert kinds[0] == kinds[1]
    assert values[1] == pytest.approx(values[0], rel=1e-6)
    assert (other.outcome, other.confirmed) == (report.outcome, report.confirmed)


def test_a_constant_is_recognised_in_every_order() -> None:
    law = as_given("pendulum").law
    assert law is not None
    assert [c.origin for c in law.constants] == ["recognised", "physical"]


@pytest.mark.parametrize("robust", [False, True])
def test_fits_in_another_order(robust: bool) -> None:
    columns, target, _ = CASES["friction"]
    data = table(columns)
    options = Options(robust=robust, regimes=not robust, additive=not robust, local=True)
    order = np.random.default_rng(1).permutation(N)
    one, two = (fit(x, target, options) for x in (data, data.take(order)))
    documents = [fit_document(x) for x in (one, two)]
    local = [d.pop("local") for d in documents]
    assert documents[0] == documents[1]
    assert [x["row"] for x in local[0]] == data.rows.tolist()
    assert local[1] == [local[0][i] for i in order]
    assert two.left_out == tuple(one.left_out[i] for i in order if one.left_out)
