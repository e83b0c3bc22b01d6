"""Elasticities are the derivatives of the law, and their intervals cover."""

import numpy as np
import pytest

from dimgs import Options
from dimgs.discovery.fitting import fit
from dimgs.law.prediction import Interval
from tests.law.examples import KINDS, example
from tests.law.test_prediction import _simulated

STEP = 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_elasticities_are_numerical_derivatives(kind: str) -> None:
    law, data = example(kind)
    rows = {n: data[n] for n in data.names}
    found = law.elasticities(rows)
    assert set(found) == {v.name for v in law.symbols.values()}
    for name, value in found.items():
        up, down = ({**rows, name: rows[name] * np.exp(s)} for s in (STEP, -STEP))
        one, two = law.predict_si(up), law.predict_si(down)
        change = one - two if law.target.is_level else np.log(one / two)
        slope = change / (2 * STEP)
        # a step across a boundary between regimes is no derivative
        away = np.abs(np.log(np.abs(one / two))) < 1e-3
        assert away.mean() > 0.9
        np.testing.assert_allclose(value[away], slope[away], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_intervals_hold_the_value(kind: str) -> None:
    law, data = example(kind)
    for found in law.elasticities(data, level=0.9).values():
        assert isinstance(found, Interval)
        assert np.all(found.low <= found.value + 1e-12)
        assert np.all(found.value <= found.high + 1e-12)


def test_intervals_of_exponents_cover() -> None:
    hits = []
    for seed in range(80):
        data = _simulated(20, seed)
        law = fit(data, "y", Options(level=0.9)).law
        found = law.elasticities({n: data[n][:1] for n in data.names}, level=0.9)
        hits.append(
            [
                (found["W"].low < 0.4142 < found["W"].high).item(),
                (found["H"].low < -1.2361 < found["H"].high).item(),
            ]
        )
    assert np.all(np.mean(hits, axis=0) > 0.82)
    assert np.all(np.mean(hits, axis=0) < 0.99)
