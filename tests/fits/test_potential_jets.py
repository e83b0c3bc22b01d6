"""Derivatives of a potential are what its values change by."""

from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dimgs.fits.potential.networks import NetworkLayout  # noqa: E402

_STEP = 1e-5


@pytest.mark.parametrize("hidden", [(), (5,), (5, 4), (4, 3, 6)])
def test_derivatives_are_those_of_the_values(hidden: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    layout = NetworkLayout(3, hidden)
    size = sum(a * b for a, b in layout.shapes)
    theta = torch.as_tensor(0.7 * rng.standard_normal((4, size))).requires_grad_()
    x = torch.as_tensor(rng.standard_normal((7, 3)))
    slopes, bends = layout.slopes(theta, x).detach(), layout.bends(theta, x).detach()
    for j in range(3):
        step = _STEP * torch.eye(3, dtype=torch.float64)[j]
        for values, derivatives in ((layout.values, slopes), (layout.slopes, bends)):
            at = partial(values, theta)
            change = (at(x + step) - at(x - step)).detach()
            np.testing.assert_allclose(derivatives[..., j], change / (2 * _STEP), atol=1e-8)
    move = _STEP * torch.as_tensor(rng.standard_normal(theta.shape))
    for derived in (layout.slopes, layout.bends):
        derivatives = derived(theta, x)
        if not derivatives.requires_grad:
            continue
        total = torch.as_tensor(rng.standard_normal(derivatives.shape))
        pull = torch.autograd.grad((derivatives * total).sum(), theta)[0]
        there = theta.detach()
        change = derived(there + move, x) - derived(there - move, x)
        expected = (change.detach() * total).sum() / 2
        np.testing.assert_allclose((pull * move).sum(), expected, rtol=1e-6)
