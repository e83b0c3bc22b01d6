"""Power laws among runs, and what is said of them."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dimgs.campaign.regimes import FittedLaw, Scatter, Sites, find_laws

Array = NDArray[np.float64]
EXACT = Scatter(0.02)


def sites(z: Array, y: Array) -> Sites:
    return Sites(z, y, np.ones(len(y)), np.arange(len(y)))


@given(st.integers(1, 5), st.integers(0, 500))
@settings(max_examples=20)
def test_a_law_is_found_from_one_run_more_than_its_unknowns(rank: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    z, slope = rng.uniform(-1, 1, (rank + 2, rank)), rng.normal(size=rank)
    left = np.linalg.qr(np.column_stack([np.ones(len(z)), z]))[0]
    assume(np.all(1.0 - np.sum(left**2, axis=1) > 0.01))
    (law,) = find_laws(sites(z, 2.0 + z @ slope), EXACT, ())
    assert law.slope == pytest.approx(slope, abs=1e-9)
    # as many runs as unknowns tell nothing
    assert find_laws(sites(z[1:], 2.0 + z[1:] @ slope), EXACT, ()) == []


@given(st.integers(1, 3), st.integers(0, 500))
@settings(max_examples=20)
def test_runs_close_to_others_test_no_law(rank: int, seed: int) -> None:
    """As many points as unknowns tell nothing, however many runs lie close to each."""
    rng = np.random.default_rng(seed)
    z = np.repeat(rng.uniform(-1, 1, (rank + 1, rank)), 3, axis=0)
    close = sites(z + rng.uniform(-1e-4, 1e-4, z.shape), 2.0 + z @ rng.normal(size=rank))
    assert close.apart(np.arange(len(close))) <= rank + 1
    assert find_laws(close, EXACT, ()) == []


def test_a_run_that_decides_a_law_alone_is_not_of_it() -> None:
    z = np.array([[-1.0, 1.0], [0.0, 1.0], [1.0, 1.0], [0.3, -1.0]])
    assert find_laws(sites(z, np.array([1.0, 1.0, 1.0, 7.0])), EXACT, ()) == []


def test_runs_with_others_between_them_are_no_law() -> None:
    x = np.linspace(-1.0, 1.0, 9)[:, None]
    y = np.where(np.isin(np.arange(9), [0, 4, 8]), 0.0, np.sign(x[:, 0]))
    model = find_laws(sites(x, y), EXACT, ())
    assert all(np.abs(law(x[[0, 8]])).max() > 0.1 for law in model)


def test_one_law_in_noise_stays_one() -> None:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        z = rng.uniform(-1, 1, (20, 2))
        y = z @ [1.0, -2.0] + 0.1 * rng.standard_normal(20)
        sigma = 0.1 * np.sqrt(rng.chisquare(6) / 6)
        assert len(find_laws(sites(z, y), Scatter(0.02, sigma, 6), ())) == 1


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    c = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    truth = np.array([0.5, -1.0, 2.0])
    hits = []
    for seed in range(1000):
        rng = np.random.default_rng(seed)
        z = rng.uniform(-1, 1, (12, 2))
        y = 2.0 + z @ truth[:2] + 0.1 * rng.standard_normal(12)
        scatter = Scatter(0.02, 0.1 * float(np.sqrt(rng.chisquare(6) / 6)), 6)
        law = FittedLaw.fit(sites(z, y), np.arange(12), scatter)
        hits.append(np.abs(c @ law.coefficients - truth) <= law.half_widths(c, 0.9))
        assert law.confidence(c[:1], float(law.half_widths(c[:1], 0.9)[0])) == pytest.approx(0.9)
    assert 0.87 <= np.mean(hits) <= 0.93


def test_runs_that_repeat_themselves_are_left_out_in_turn() -> None:
    """What they miss a law by is no noise, so that its covariance would promise too much."""
    rng = np.random.default_rng(3)
    z = rng.uniform(-1.0, 1.0, (9, 2))
    y = 1.0 + z @ [1.0, -0.5] + 0.005 * np.exp(2.0 * z[:, 0])
    whole, c = np.arange(9), np.eye(3)
    law = FittedLaw.fit(sites(z, y), whole, EXACT)
    rest = [np.setdiff1d(whole, [i]) for i in whole]
    others = np.array([FittedLaw.fit(sites(z, y), rows, EXACT).coefficients for rows in rest])
    left_out = np.sqrt(8.0 / 9.0 * np.sum((others - law.coefficients) ** 2, axis=0))
    assert law.errors(c)[0] == pytest.approx(left_out, rel=1e-6)
    plain = np.sqrt(np.diag(np.linalg.inv(sites(z, y).design.T @ sites(z, y).design)))
    assert law.errors(c)[0][1] > 1.1 * law.sigma * plain[1]
    # replicates say what noise there is
    noisy = FittedLaw.fit(sites(z, y), whole, Scatter(0.02, 0.01, 6))
    assert noisy.errors(c)[0] == pytest.approx(0.01 * plain)


def test_what_the_runs_do_not_span_is_not_known() -> None:
    z = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
    law = FittedLaw.fit(sites(z, z[:, 0]), np.arange(4), EXACT)
    assert np.isinf(law.half_widths(np.array([[0.0, 0.0, 1.0]]), 0.9)).all()


@given(st.integers(0, 200))
@settings(max_examples=20)
def test_a_bend_that_noise_does_not_make_is_no_law(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.linspace(-1.5, 1.5, 16)[:, None]
    noise = 0.03 * rng.standard_normal(len(x))
    bent = find_laws(sites(x, x[:, 0] + 0.08 * x[:, 0] ** 2 + noise), Scatter(0.02, 0.03, 10), ())
    assert not any(len(law.rows) == len(x) for law in bent)


@given(st.integers(0, 200))
@settings(max_examples=20)
def test_a_law_beyond_a_step_is_found_in_noise_too(seed: int) -> None:
    """What noise has its runs miss by is no bend, though they take a fifth of the ranges alone."""
    rng = np.random.default_rng(seed)
    x = np.sort(np.append(np.linspace(-1.0, 0.55, 8), np.linspace(0.65, 1.0, 8)))[:, None]
    y = 10.0 * x[:, 0] - 1.5 * (x[:, 0] > 0.6) + 0.03 * rng.standard_normal(16)
    model = find_laws(sites(x, y), Scatter(0.02, 0.03, 6), (), curvature=0.0005)
    assert len(model) == 2 or _unlucky(x, y)


def _unlucky(x: Array, y: Array) -> bool:
    """Whether noise bends one side as it does once in a hundred times."""
    table = np.column_stack([np.ones(8), x[8:, 0], x[8:, 0] ** 2])
    row = np.linalg.pinv(table)[-1]
    return bool(abs(row @ y[8:]) > 3.5 * 0.03 * np.linalg.norm(row))
