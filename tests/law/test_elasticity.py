"""Elasticities are the derivatives of the law, and their intervals cover."""

import numpy as np
import pytest
import sympy

from dimgs import Dataset, Options
from dimgs.common.arrays import Array
from dimgs.discovery.discover import fit
from dimgs.discovery.prepare import prepare
from dimgs.law.assemble import assemble
from dimgs.law.prediction import Interval
from tests.law.examples import KINDS, example
from tests.law.test_prediction import _simulated, by_name, slopes

STEP = 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_elasticities_are_numerical_derivatives(kind: str) -> None:
    law, data = example(kind)
    rows = {n: data[n] for n in data.names}
    elasticities = law.elasticities(rows)
    assert set(elasticities) == {v.name for v in law.symbols.values()}
    for name, value in elasticities.items():
        up, down = ({**rows, name: rows[name] * np.exp(s)} for s in (STEP, -STEP))
        one, two = law.predict_si(up), law.predict_si(down)
        change = one - two if law.target.is_level else np.log(one / two)
        slope = change / (2 * STEP)
        # a step across a boundary between regimes is not a derivative
        away = np.abs(np.log(np.abs(one / two))) < 1e-3
        assert away.mean() > 0.9
        np.testing.assert_allclose(value[away], slope[away], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_intervals_hold_the_value(kind: str) -> None:
    law, data = example(kind)
    for interval in law.elasticities(data, level=0.9).values():
        assert isinstance(interval, Interval)
        assert np.all(interval.low <= interval.value + 1e-12)
        assert np.all(interval.value <= interval.high + 1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_intervals_follow_from_how_an_elasticity_moves_with_the_parameters(kind: str) -> None:
    """The slopes of a law's logarithm (or level) by its parameters, moved along one input."""
    law, data = example(kind)
    rows = [0, 7, 14]
    elasticities = law.elasticities({n: data[n][rows] for n in data.names}, level=0.8)
    values = law.elasticities({n: data[n][rows] for n in data.names})

    def of_log(name: str, step: float) -> Array:
        moved = {v.name: data[v.name] for v in data.variables}
        moved[name] = moved[name] * np.exp(step)
        slope = slopes(law, moved, rows)
        if law.uncertainty.scale == "linear":
            factor = by_name(law, moved, rows)[1]
            slope = (
                slope * (factor / law.predict_si({n: x[rows] for n, x in moved.items()}))[:, None]
            )
        return slope

    for name, (value, low, high) in elasticities.items():
        np.testing.assert_array_equal(value, values[name])
        move = (of_log(name, STEP) - of_log(name, -STEP)) / (2 * STEP)
        half = law.uncertainty.half_width(move, 0.8, 0.0)
        if law.target.is_level:
            half = half / abs(law.target.unit.log_factor)
        np.testing.assert_allclose(value - low, half, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(high - value, half, rtol=1e-5, atol=1e-7)


def test_a_law_without_constants_has_exact_elasticities() -> None:
    x = np.linspace(1.0, 3.0, 12)
    data = Dataset.from_columns({"x [m]": x, "z [m]": x[::-1], "y [m]": x + x[::-1]})
    design = prepare(data, "y", Options()).design
    law = assemble(design, 1 + sympy.Symbol(design.features[0].name), {}, 0.9)
    assert not law.uncertainty.gradients
    for value, low, high in law.elasticities(data, level=0.9).values():
        np.testing.assert_array_equal(low, value)
        np.testing.assert_array_equal(high, value)


def test_a_law_of_an_absolute_value_has_elasticities() -> None:
    x = np.linspace(0.2, 3.0, 15)
    data = Dataset.from_columns({"x [1]": x, "y [1]": 2.5 * np.abs(x - 1.1)})
    design = prepare(data, "y", Options()).design
    law = assemble(design, sympy.sympify("c*Abs(pi_1 - k)"), {"c": 2.5, "k": 1.1}, 0.9)
    elasticities = law.elasticities(data, level=0.9)["x"]
    np.testing.assert_allclose(elasticities.value, x / (x - 1.1), rtol=1e-6)
    assert np.all(
        (elasticities.low <= elasticities.value) & (elasticities.value <= elasticities.high)
    )


def test_intervals_of_exponents_cover() -> None:
    hits = []
    for seed in range(80):
        data = _simulated(20, seed)
        law = fit(data, "y", Options(level=0.9)).law
        elasticities = law.elasticities({n: data[n][:1] for n in data.names}, level=0.9)
        hits.append(
            [
                (elasticities["W"].low < 0.4142 < elasticities["W"].high).item(),
                (elasticities["H"].low < -1.2361 < elasticities["H"].high).item(),
            ]
        )
    assert np.all(np.mean(hits, axis=0) > 0.82)
    assert np.all(np.mean(hits, axis=0) < 0.99)
