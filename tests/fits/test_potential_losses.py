"""Losses over all pairs in one pass, against the pairs themselves."""

from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.common.arrays import Array, IntArray

torch = pytest.importorskip("torch")
Loss = Literal["squared", "absolute", "huber"]


def over_pairs(errors: Array, weights: Array, labels: IntArray, kind: str, delta: float) -> float:
    """The same loss of one model, pair by pair; labels count by their weight."""
    out: float = 0.0
    for label in np.unique(labels):
        e, w = errors[labels == label], weights[labels == label]
        if w.sum() == 0:
            continue
        u, v = np.triu_indices(len(e), 1)
        d = np.abs(e[u] - e[v])
        huber = np.where(d <= delta, d**2, 2 * delta * d - delta**2)
        rho = {"squared": d**2, "absolute": d, "huber": huber}[kind]
        out += float(np.sum(w[u] * w[v] * rho) / w.sum())
    return float(out / weights.sum())


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from(["squared", "absolute", "huber"]),
    st.integers(1, 3),
    st.booleans(),
    st.booleans(),
)
def test_one_pass_is_the_sum_over_pairs(
    seed: int, kind: Loss, n_labels: int, ties: bool, some_unseen: bool
) -> None:
    from dimgs.fits.potential.networks import pair_loss

    rng = np.random.default_rng(seed)
    errors = rng.standard_normal((2, 17)) * 2
    if ties:
        errors = np.round(errors)
    weights = rng.uniform(0.1, 2.0, (2, 17))
    if some_unseen:
        weights[0, :6] = 0.0
    labels = rng.integers(0, n_labels, 17)
    labels[:n_labels] = np.arange(n_labels)
    # each label is a row, in which other runs weigh nothing
    hot = labels == np.arange(n_labels)[:, None]
    leaf = torch.as_tensor(errors).requires_grad_()
    rows = leaf[:, None].expand(-1, n_labels, -1)
    loss = pair_loss(rows, torch.as_tensor(weights[:, None] * hot), kind, 0.7)
    expected = [over_pairs(e, w, labels, kind, 0.7) for e, w in zip(errors, weights, strict=True)]
    np.testing.assert_allclose(loss.detach().numpy(), expected, rtol=1e-9, atol=1e-12)
    if ties:
        return
    slopes = torch.autograd.grad(loss.sum(), leaf)[0]
    step = 1e-6 * rng.standard_normal(errors.shape)
    moved = [
        [over_pairs(e, w, labels, kind, 0.7) for e, w in zip(errors + s, weights, strict=True)]
        for s in (step, -step)
    ]
    slope = (np.sum(moved[0]) - np.sum(moved[1])) / 2
    np.testing.assert_allclose(float((slopes.numpy() * step).sum()), slope, atol=1e-11)


def test_a_far_outlier_counts_once_for_huber_and_its_square_for_the_squared_loss() -> None:
    from dimgs.fits.potential.networks import pair_loss

    weights = torch.ones((1, 1, 20), dtype=torch.float64)
    sizes = {}
    kinds: tuple[Loss, ...] = ("squared", "huber")
    for kind in kinds:
        values = []
        for far in (100.0, 200.0):
            errors = torch.zeros((1, 1, 20), dtype=torch.float64)
            errors[0, 0, 0] = far
            values.append(float(pair_loss(errors, weights, kind=kind)))
        sizes[kind] = values[1] / values[0]
    assert sizes["squared"] == pytest.approx(4.0)
    assert sizes["huber"] == pytest.approx(2.0, rel=0.02)
