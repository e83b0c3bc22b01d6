import numpy as np
import pytest

from dimgs.common.arrays import BoolArray
from dimgs.fits.regimes import RegimePowerLaw
from tests.fits.test_regimes import single

pytestmark = pytest.mark.slow


def covered(
    kind: str, m: int, noise: float, uneven: bool, seeds: range
) -> tuple[BoolArray, BoolArray]:
    """Whether threshold and exponent of the lower regime are inside, where two were found."""
    hits = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        x, place = rng.uniform(0.0, 6.0, m), rng.uniform(2.0, 4.0)
        scatter = noise * (np.exp(0.3 * (x - 3.0)) if uneven else np.ones(m))
        step = 0.35 if kind == "jump" else 0.0
        law = np.where(x < place, place - x, step - 0.25 * (x - place))
        model = RegimePowerLaw(3, continuous=kind != "jump")
        model.fit(x[:, None], law + scatter * rng.normal(size=m))
        if model.n_regimes_ == 2:
            (edge,), (low, high) = model.thresholds_, model.intervals()[0, 0]
            hits.append((edge.low <= place <= edge.high, low <= -1.0 <= high))
    threshold, exponent = np.array(hits).T
    return threshold, exponent


@pytest.mark.parametrize("kind", ["jump", "kink"])
@pytest.mark.parametrize("m", [50, 200])
@pytest.mark.parametrize("uneven", [False, True])
def test_intervals_of_thresholds_cover(kind: str, m: int, uneven: bool) -> None:
    threshold, exponent = covered(kind, m, 0.1, uneven, range(300))
    assert len(threshold) > 290
    # Nominal 90 %; three standard errors of a simulation of 300 are 0.05.
    assert threshold.mean() >= 0.87
    assert exponent.mean() >= 0.85


def test_a_single_law_stays_single_two_hundred_times() -> None:
    counts = [
        RegimePowerLaw().fit(*single(np.random.default_rng(seed))).n_regimes_ for seed in range(200)
    ]
    assert np.mean(np.array(counts) == 1) >= 0.97
