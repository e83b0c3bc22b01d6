"""Columns with simple powers: sums of squares from inner products, and planted sets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.engines.structured.products import HALVES, Chosen, Combinations


def some(seed: int, n_columns: int = 30, n_runs: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    P = rng.normal(size=(n_columns, n_runs)).astype(np.float32)
    return P, np.sort(rng.uniform(5.0, 20.0, n_columns))


def check_left(chosen: Chosen, P: np.ndarray, e: np.ndarray) -> None:
    rest = e - (chosen.halves[:, :, None] / 2 * P[chosen.columns]).sum(axis=1)
    np.testing.assert_allclose(chosen.squares, (rest**2).sum(axis=1), rtol=1e-3, atol=1e-3)
    assert set(np.abs(chosen.halves).ravel()) <= set(HALVES)
    assert all(len(set(row)) == len(row) for row in chosen.columns.tolist())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_sums_of_squares_are_those_of_the_residuals(seed: int) -> None:
    P, bits = some(seed)
    e = np.random.default_rng(seed + 1).normal(size=40)
    sums = Combinations(P, e, bits)
    check_left(sums.singles(), P, e)
    pairs = sums.grown(np.arange(30)[:, None], 30, 50, lambda: None)
    check_left(pairs, P, e)
    check_left(sums.grown(pairs.columns[:5], 30, 50, lambda: None), P, e)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.data())
def test_planted_sets_come_first(seed: int, data: st.DataObject) -> None:
    P, bits = some(seed)
    size = data.draw(st.integers(1, 3))
    columns = data.draw(st.lists(st.integers(0, 29), min_size=size, max_size=size, unique=True))
    halves = [data.draw(st.sampled_from([s * h for h in HALVES for s in (1, -1)])) for _ in columns]
    e = sum(h / 2 * P[k] for h, k in zip(halves, columns, strict=True)).astype(np.float64)
    sums = Combinations(P, e, bits)
    chosen = sums.singles()
    if size > 1:
        chosen = sums.grown(np.arange(30)[:, None], 30, 400, lambda: None)
    if size > 2:
        chosen = sums.grown(np.column_stack(np.triu_indices(30, 1)), 30, 10, lambda: None)
    first = chosen.best(40, 1)
    known = dict(zip(columns, halves, strict=True))
    assert dict(zip(first.columns[0].tolist(), first.halves[0].tolist(), strict=True)) == known


def test_each_set_is_there_once() -> None:
    P, bits = some(0)
    sums = Combinations(P, np.ones(40), bits)
    triples = sums.grown(np.column_stack(np.triu_indices(30, 1)), 30, 200, lambda: None)
    assert len(np.unique(triples.columns, axis=0)) == len(triples.squares)
    twice = triples.joined(triples)
    assert len(twice.squares) == len(triples.squares)


def test_sets_with_other_powers_have_plain_ones_too() -> None:
    P, bits = some(0)
    pairs = Combinations(P, np.ones(40), bits).grown(np.arange(30)[:, None], 30, 200, lambda: None)
    both, n = pairs.with_plain_powers(), len(pairs.bits)
    rare = np.any(np.abs(pairs.halves) != 2, axis=1)
    assert len(both.bits) == n + rare.sum()
    np.testing.assert_array_equal(both.columns[n:], pairs.columns[rare])
    np.testing.assert_array_equal(both.halves[n:], 2 * np.sign(pairs.halves[rare]))
    np.testing.assert_allclose(both.bits[n:], bits[both.columns[n:]].sum(axis=1))


def test_the_clock_is_asked() -> None:
    P, bits = some(0)

    def over() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        Combinations(P, np.ones(40), bits).grown(np.arange(30)[:, None], 30, 5, over)
