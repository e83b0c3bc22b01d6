"""A level is the logarithm of a ratio, and has the laws, rivals and intervals of this ratio."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import sympy

from dimgs import Dataset, Law, Options, symmetries
from dimgs.common.arrays import Array
from dimgs.discovery.discover import discover_with
from dimgs.law.display import shown_constants
from dimgs.report.findings import Findings
from dimgs.variables import parse_unit

# a search that takes less than a second
_BRIEF, _TEN = Options(engine="structured", evaluations=100), float(np.log(10.0))


def _spread(low: float, high: float, seed: int, n: int = 40) -> Array:
    return np.geomspace(low, high, n)[np.random.default_rng(seed).permutation(n)]


def _planted() -> dict[str, tuple[str, dict[str, Array], Array]]:
    """Unit of the level, inputs, and the logarithm of the ratio."""
    d, e, power = _spread(2.0, 60.0, 0), _spread(1.0, 20.0, 1), _spread(1.0, 30.0, 2)
    spreading = np.log(power) - 2 * np.log(d)
    two = {"d [m]": d, "P [W]": power}
    return {
        "spreading and absorption": ("dB", two, spreading + 20 - 0.02 * d),
        "two sources": ("dB", {"d [m]": d, "e [m]": e}, np.log(1e6 / d**2 + 1e4 / e**2)),
        "pH": ("pH", {"c [mol/l]": e / 50}, 0.5 * np.log(e / 50) - 5.5),
    }


def _tables(name: str, sd: float = 0.05) -> tuple[Dataset, Dataset]:
    """Runs of the level, and of its ratio."""
    unit, inputs, logs = _planted()[name]
    logs = logs + sd * np.random.default_rng(5).normal(size=len(logs))
    level = logs / parse_unit(unit).log_factor
    return (
        Dataset.from_columns({**inputs, f"y [{unit}]": level}),
        Dataset.from_columns({**inputs, "y [1]": np.exp(logs)}),
    )


def _options(table: Dataset) -> Options:
    """With a unit for each input."""
    units = {v.unit.text: f"{v.name}0 [{v.unit.text}]" for v in table.variables[:-1]}
    return replace(_BRIEF, scales=[*units.values()])


def _inputs(table: Dataset) -> dict[str, Array]:
    return {v.name: table[v.name] for v in table.variables if v.name != "y"}


@cache
def _reports(name: str) -> tuple[Findings, Findings]:
    level, ratio = _tables(name)
    options = _options(level)
    of_ratio = discover_with(ratio, "y", replace(options, noise="relative"))
    return discover_with(level, "y", options), of_ratio


@pytest.mark.parametrize("name", _planted())
def test_a_level_has_the_verdict_of_its_ratio(name: str) -> None:
    level, ratio = _reports(name)
    assert level.confirmed is ratio.confirmed
    assert level.probability == pytest.approx(ratio.probability, abs=0.01)
    assert level.none_of_these == pytest.approx(ratio.none_of_these, abs=0.01)
    assert len(level.rivals) == len(ratio.rivals)


@pytest.mark.parametrize("name", _planted())
def test_a_level_is_predicted_with_the_interval_of_its_ratio(name: str) -> None:
    level, ratio = _reports(name)
    assert level.law is not None
    assert ratio.law is not None
    table, factor = _inputs(_tables(name)[0]), level.law.target.unit.log_factor
    pairs = [
        (level.law, ratio.law),
        *((a.law, b.law) for a, b in zip(level.rivals, ratio.rivals, strict=True)),
    ]
    for one, other in pairs:
        for of in ("law", "run"):
            mine, theirs = (law.predict(table, 0.9, of=of) for law in (one, other))
            assert np.allclose(factor * mine.value, np.log(theirs.value), atol=1e-5)
            ends = np.sort([factor * mine.low, factor * mine.high], axis=0)
            assert np.allclose(ends, np.log([theirs.low, theirs.high]), atol=1e-4)


def test_absorption_is_in_the_law_or_a_rival() -> None:
    report, _ = _reports("spreading and absorption")
    assert report.law is not None
    assert not report.is_power_law
    laws = [report.law, *(rival.law for rival in report.rivals)]
    far = [law.predict({"d": np.array([30.0, 60.0]), "P": np.ones(2)}) for law in laws]
    # 6 dB of spreading, and 2.6 dB of absorption
    assert all(-9.5 < np.diff(level)[0] < -7.7 for level in far)


def test_a_power_law_of_a_level_stays_confirmed() -> None:
    report, _ = _reports("pH")
    assert report.confirmed
    assert report.is_power_law


@pytest.mark.parametrize("name", _planted())
def test_a_level_is_written_and_read(name: str) -> None:
    report, _ = _reports(name)
    assert report.law is not None
    table = _inputs(_tables(name)[0])
    for law in [report.law, *(rival.law for rival in report.rivals)]:
        again = Law.from_json(law.to_json())
        expected = law.predict(table, 0.9)
        for mine, theirs in zip(expected, again.predict(table, 0.9), strict=True):
            assert np.allclose(mine, theirs, rtol=1e-9)
        space: dict[str, Any] = {}
        exec(law.python(), space)
        columns = [table[v.name] for v in law.symbols.values()]
        assert np.allclose(space["law"](*columns), expected.value, rtol=1e-9)
        assert law.latex()


def test_a_level_is_shown_in_decades_and_its_slopes_in_its_unit() -> None:
    table, _ = _tables("spreading and absorption")
    form = "L0 + 10*log10(P/d**2) - a*d"
    report = discover_with(
        table, "y", replace(_BRIEF, engine="power_law", evaluations=20, form=form)
    )
    assert report.form is not None
    law = report.form.law
    assert "10*log10(" in str(law)
    assert r"10 \, \log_{10}" in law.latex().replace(r"\operatorname{log}", r"\log")
    units = {c.name: c.unit for c in shown_constants(law) if c.origin == "fitted"}
    assert units == {"L0": "dB", "a": "dB/m"}


@pytest.mark.parametrize(
    ("name", "form", "constants"),
    [
        (
            "spreading and absorption",
            "L0 + 10*log10(P) + 10*k*log10(d) - a*d; a=0.1",
            {"L0": 200 / _TEN, "a": 0.2 / _TEN, "k": -2.0},
        ),
        ("two sources", "10*log10(A/d**2 + B/e**2)", {"A": 1e6, "B": 1e4}),
    ],
)
def test_a_form_of_a_level_is_fitted(name: str, form: str, constants: dict[str, float]) -> None:
    table = _tables(name, sd=0.005)[0]
    report = discover_with(table, "y", replace(_BRIEF, form=form))
    assert report.law is not None
    found = {c.name: c for c in report.law.constants if c.origin == "fitted"}
    assert found.keys() == constants.keys()
    for key, value in constants.items():
        low, high = found[key].low, found[key].high
        assert low is not None
        assert high is not None
        assert low - (high - low) < value < high + (high - low)


def test_a_level_has_one_law_in_decibels_and_nepers() -> None:
    name = "spreading and absorption"
    decibels = _tables(name)[0]
    columns = {f"{v.name} [{v.unit.text}]": decibels[v.name] for v in decibels.variables[:-1]}
    share = parse_unit("dB").log_factor / parse_unit("Np").log_factor
    nepers = Dataset.from_columns({**columns, "y [Np]": share * decibels["y"]})
    mine, theirs = _reports(name)[0], discover_with(nepers, "y", _options(nepers))
    assert mine.law is not None
    assert theirs.law is not None
    assert mine.confirmed is theirs.confirmed
    assert mine.probability == pytest.approx(theirs.probability, abs=1e-3)
    of_mine, of_theirs = (r.law.predict(_inputs(decibels), 0.9) for r in (mine, theirs) if r.law)
    assert np.allclose(share * np.array(of_mine), np.array(of_theirs), rtol=1e-5)


def test_errors_of_a_level_weigh_its_runs() -> None:
    unit, inputs, logs = _planted()["spreading and absorption"]
    rng = np.random.default_rng(3)
    error = rng.uniform(0.1, 0.5, len(logs))
    level = logs * 10 / _TEN + error * rng.normal(size=len(logs))
    table = Dataset.from_columns({**inputs, f"y [{unit}]": level, f"y_err [{unit}]": error})
    form = "L0 + 10*log10(P) - 20*log10(d) - a*d"
    report = discover_with(table, "y", replace(_BRIEF, form=form))
    assert report.law is not None
    found = {c.name: c for c in report.law.constants}["a"]
    A = np.column_stack([np.ones(len(logs)), inputs["d [m]"]]) / error[:, None]
    rest = level - 10 * np.log10(inputs["P [W]"]) + 20 * np.log10(inputs["d [m]"])
    assert found.value == pytest.approx(-np.linalg.lstsq(A, rest / error)[0][1], rel=1e-3)


def test_a_size_in_a_form_of_a_level_has_plain_derivatives() -> None:
    rng = np.random.default_rng(0)
    x, z = np.exp(rng.uniform(-1.0, 1.0, (2, 30)))
    level = 80 + 20 * np.log10(np.abs(x - 2 * z) + 0.05 * x) + 0.05 * rng.standard_normal(30)
    data = Dataset.from_columns({"x [m]": x, "z [m]": z, "L [dB]": level})
    form = "20*log10(a*Abs(x - c*z) + b*x); a=1e4, c=1.9, b=100"
    law = discover_with(data, "L", Options(form=form, scales="auto", engine="power_law")).law
    assert law is not None
    assert law.expression.has(sympy.Abs)
    assert not any(slope.has(sympy.Derivative) for slope in law.uncertainty.gradients)
    assert Law.from_json(law.to_json()) == law
    # a common factor of both lengths adds to the level, and nothing else leaves it
    text = str(symmetries(law))
    assert text.startswith("1 symmetry")
    assert "x ∂/∂x + 1.0*z ∂/∂z + 8.6859 ∂/∂L" in text
