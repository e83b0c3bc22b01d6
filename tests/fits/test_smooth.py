"""A smooth curve through runs, and the error of runs left out."""

import numpy as np
import pytest

from dimgs.common.arrays import Array
from dimgs.fits.smooth import SmoothCurve


def _curve(
    runs: int, noise: float | None = 0.05, sigma: float = 0.05, seed: int = 0
) -> SmoothCurve:
    rng = np.random.default_rng(seed)
    z = rng.uniform(-1.0, 1.0, (runs, 2))
    y = np.sin(2 * z[:, 0]) + z[:, 1] ** 2 + sigma * rng.normal(size=runs)
    return SmoothCurve(z, y, noise)


@pytest.mark.parametrize("noise", [0.05, None])
@pytest.mark.parametrize("parts", [None, np.arange(14) // 3])
def test_errors_are_those_of_a_curve_without_the_part(
    noise: float | None, parts: Array | None
) -> None:
    whole = _curve(14, noise)
    errors, _ = whole.left_out(parts)
    each = np.arange(14) if parts is None else parts
    middle, size = whole.y.mean(), np.std(whole.y)
    for part in np.unique(each):
        aside = each == part
        covariance = whole.kernel(whole.z[~aside]) + whole._nugget * np.eye(int((~aside).sum()))
        weights = np.linalg.solve(covariance, (whole.y[~aside] - middle) / size)
        said = middle + size * whole.kernel(whole.z[aside], whole.z[~aside]) @ weights
        assert errors[aside] == pytest.approx(whole.y[aside] - said, abs=1e-6)


def test_noise_that_is_not_stated_is_estimated() -> None:
    kernel = _curve(80, None, sigma=0.1).kernel
    variance = kernel.k2.noise_level * np.var(_curve(80, None, sigma=0.1).y)
    assert 0.07 < np.sqrt(variance) < 0.14


@pytest.mark.parametrize("power", [1.0, 2.1, -3.0])
def test_bands_of_exact_runs_are_alike_between_them(power: float) -> None:
    # the squares of energies of lines against the atomic number, without any error
    z = np.linspace(-1.5, 1.5, 21)[:, None]
    curve = SmoothCurve(z, power * z[:, 0] - 0.02 * np.exp(-z[:, 0]))
    between = (z[1:] + z[:-1]) / 2
    half = curve.predict(between)[1]
    assert half.max() < 2.0 * half.min()
    # no run is known better than it was measured
    assert half.max() < 1e-2


def test_a_straight_line_is_followed_beyond_the_runs() -> None:
    z = np.linspace(-1.0, 1.0, 12)[:, None]
    curve = SmoothCurve(z, 3.0 * z[:, 0] - 1.0)
    assert curve.mean(np.array([[3.0]])) == pytest.approx([8.0], abs=0.05)


@pytest.mark.parametrize("runs", [7, 15])
def test_intervals_hold_new_runs_as_often_as_they_say(runs: int) -> None:
    x, held = np.linspace(-1.0, 1.0, runs), list[float]()
    truth = np.log(3.0 + 2.0 * np.minimum(x + 1.0, 1.2))
    for seed in range(20):
        rng = np.random.default_rng(seed)
        curve = SmoothCurve(x[:, None], truth + 0.05 * rng.standard_normal(runs))
        middle, half = curve.predict(x[:, None])
        new = truth + 0.05 * rng.standard_normal(runs)
        held.append(float(np.mean(np.abs(new - middle) <= half)))
    assert 0.84 < np.mean(held) < 0.98


def test_exact_runs_have_a_narrow_band() -> None:
    z = np.linspace(-1.0, 1.0, 15)[:, None]
    curve = SmoothCurve(z, np.sin(2.0 * z[:, 0]))
    middle, half = curve.predict(np.array([[0.11]]))
    assert half[0] < 0.003
    assert abs(middle[0] - np.sin(0.22)) < half[0]
