import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.fits.regimes import Sample, best_cut, losses, prefix_grams
from dimgs.fits.snapping import short_monomials


def make(rng: np.random.Generator, m: int, p: int) -> Sample:
    weight = rng.uniform(0.5, 2.0, m)
    Z = rng.normal(size=(m, p))
    return Sample(Z, rng.normal(size=m), weight, np.arange(m), 2 * (p + 1))


def refit(sample: Sample) -> float:
    root = np.sqrt(sample.weight)
    design = root[:, None] * sample.design
    solution = np.linalg.lstsq(design, root * sample.y, rcond=None)[0]
    return float(np.sum((root * sample.y - design @ solution) ** 2))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), m=st.integers(20, 60), p=st.integers(1, 3))
def test_scan_equals_refitting_every_split(seed: int, m: int, p: int) -> None:
    sample = make(np.random.default_rng(seed), m, p)
    alone = np.zeros(m, dtype=np.intp)
    along = sample.Z[:, 0]
    threshold, best = best_cut(sample.rows, along, alone, alone, sample.min_runs)
    direct = []
    for cut in np.sort(along)[sample.min_runs : m - sample.min_runs + 1]:
        parts = [
            sample.take(np.flatnonzero(along < cut)),
            sample.take(np.flatnonzero(along >= cut)),
        ]
        direct.append(sum(refit(part) for part in parts))
    np.testing.assert_allclose(best, min(direct), rtol=1e-8)
    below, above = np.flatnonzero(along < threshold), np.flatnonzero(along >= threshold)
    np.testing.assert_allclose(refit(sample.take(below)) + refit(sample.take(above)), best)


def test_moments_of_the_first_rows() -> None:
    rows = np.random.default_rng(0).normal(size=(900, 3))
    cuts = np.array([10, 300, 899, 900])
    direct = np.stack([rows[:c].T @ rows[:c] for c in cuts])
    np.testing.assert_allclose(prefix_grams(rows, cuts), direct)
    np.testing.assert_allclose(prefix_grams(rows[:200], cuts[:1]), direct[:1])


def test_losses_skip_columns_without_information() -> None:
    rows = np.column_stack([np.ones(9), np.full(9, 2.0), np.arange(9.0)])
    np.testing.assert_allclose(losses(rows.T @ rows), np.sum((np.arange(9.0) - 4.0) ** 2))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), p=st.integers(2, 4))
def test_short_monomials_are_the_same_in_every_basis(seed: int, p: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.integers(-1, 2, (p + 2, p)) + 4 * np.eye(p + 2, p)
    U = np.eye(p)
    for _ in range(3):
        a, b = rng.choice(p, 2, replace=False)
        U[:, a] += rng.integers(-1, 2) * U[:, b]
    one = [tuple(table @ d) for d in short_monomials(table, 12)]
    other = [tuple(table @ U @ d) for d in short_monomials(table @ U, 12)]
    lengths = [float(np.dot(d, d)) for d in one]
    assert lengths == sorted(lengths)
    np.testing.assert_allclose(other, one, atol=1e-8)


def test_the_first_exponent_of_a_short_monomial_is_positive() -> None:
    for table in (np.diag([0.5, 1.0]), np.array([[0.5, -0.25], [0.0, 1.0], [1.0, 0.5]])):
        for powers in short_monomials(table, 12):
            physical = table @ powers
            assert physical[np.flatnonzero(physical)[0]] > 0
