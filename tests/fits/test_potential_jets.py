"""Derivatives of a potential are what its values change by."""

from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dimgs.fits.potential import networks  # noqa: E402

_STEP = 1e-5


@pytest.mark.parametrize("hidden", [(), (5,), (5, 4), (4, 3, 6)])
@pytest.mark.parametrize("categories", [(), ((3, 2),)])
def test_derivatives_are_those_of_the_values(
    hidden: tuple[int, ...], categories: tuple[tuple[int, int], ...]
) -> None:
    rng = np.random.default_rng(0)
    layout = networks.NetworkLayout(3, 2, hidden, categories)
    theta = torch.as_tensor(0.7 * rng.standard_normal((4, layout.decays().size))).requires_grad_()
    z = torch.as_tensor(rng.standard_normal((7, 3)))
    # -1 is a label that was never seen
    codes = torch.as_tensor(rng.integers(-1, 3, (7, len(categories))))
    slopes = networks.slopes_of(layout, theta, z, codes).detach()
    bends = networks.curvatures_of(layout, theta, z, codes).detach()
    for j in range(3):
        step = _STEP * torch.eye(3, dtype=torch.float64)[j]
        for values, derivatives in (
            (layout.forward, slopes),
            (partial(networks.slopes_of, layout), bends),
        ):
            change = (values(theta, z + step, codes) - values(theta, z - step, codes)).detach()
            np.testing.assert_allclose(derivatives[..., j], change / (2 * _STEP), atol=1e-8)
    move = _STEP * torch.as_tensor(rng.standard_normal(theta.shape))
    for derived in (networks.slopes_of, networks.curvatures_of):
        derivatives = derived(layout, theta, z, codes)
        if not derivatives.requires_grad:
            continue
        total = torch.as_tensor(rng.standard_normal(derivatives.shape))
        pull = torch.autograd.grad((derivatives * total).sum(), theta, allow_unused=True)[0]
        there = theta.detach()
        change = derived(layout, there + move, z, codes) - derived(layout, there - move, z, codes)
        expected = (change.detach() * total).sum() / 2
        np.testing.assert_allclose((pull * move).sum(), expected, rtol=1e-6)
