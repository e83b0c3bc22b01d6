"""The index of runs gives what comparing all of them gives, however many came later."""

from itertools import chain

import numpy as np
import pytest

from dimgs.similitude.origin import Frame, Index


def frame(p: int, asked: np.ndarray) -> Frame:
    """Of the last input plain, the others in logarithms."""
    plain = np.arange(p) == p - 1
    return Frame(np.eye(p), np.sign(asked), plain, np.zeros(p, dtype=bool), np.full(p, 2.0))


@pytest.mark.parametrize("parts", [[50], [9000], [5000, 300, 40, 4000]])
def test_the_nearest_come_in_order_and_all_of_them_once(parts: list[int]) -> None:
    rng = np.random.default_rng(sum(parts))
    n = sum(parts)
    values = np.exp(rng.normal(size=(n, 3))) * rng.choice([1.0, -1.0], (n, 1), p=[0.9, 0.1])
    asked = np.array([1.2, 0.8, 0.5])
    index = Index(frame(3, asked))
    for end in np.cumsum(parts):
        index.grown(values[:end])
    # signs count, but not of the plain input
    good = np.all(values[:, :2] > 0, axis=1)
    assert index.rows.tolist() == np.flatnonzero(good).tolist()
    at, there = (index.frame.place(v) for v in (values, asked[None]))
    apart = np.linalg.norm(at - there, axis=1)
    expected = np.flatnonzero(good)[np.argsort(apart[good], kind="stable")]
    order = list(chain.from_iterable(index.nearest(asked)))
    assert len(order) == len(set(order)) == good.sum()
    np.testing.assert_allclose(apart[order], apart[expected], rtol=1e-12)
    radius = float(np.median(apart[good]))
    near = np.flatnonzero(good & (apart <= radius))
    assert index.within(asked, radius).tolist() == near.tolist()
