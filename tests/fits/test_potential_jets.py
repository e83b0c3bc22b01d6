"""Derivatives carried forward are those by automatic differentiation."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dimgs.fits.potential import networks  # noqa: E402


@pytest.mark.parametrize("hidden", [(), (5,), (5, 4), (4, 3, 6)])
@pytest.mark.parametrize("categories", [(), ((3, 2),)])
def test_both_ways_agree_and_so_do_their_slopes(
    hidden: tuple[int, ...], categories: tuple[tuple[int, int], ...]
) -> None:
    rng = np.random.default_rng(0)
    layout = networks.NetworkLayout(3, 2, hidden, categories)
    theta = torch.as_tensor(0.7 * rng.standard_normal((4, layout.size))).requires_grad_()
    z = torch.as_tensor(rng.standard_normal((7, 3)))
    # -1 is a label that was never seen
    codes = torch.as_tensor(rng.integers(-1, 3, (7, len(categories))))
    slopes = networks.slopes_of(layout, theta, z, codes)
    bends = networks.curvatures_of(layout, theta, z, codes)
    there = theta.detach()
    points = z.expand(len(there), -1, -1).clone().requires_grad_()
    values = layout.forward(there, points, codes)
    for t in range(2):
        slope = torch.autograd.grad(values[..., t].sum(), points, create_graph=True)[0]
        np.testing.assert_allclose(slopes.detach()[:, :, t], slope.detach(), atol=1e-12)
        for j in range(3):
            bend = torch.zeros_like(slope)
            if slope.requires_grad:
                (bend,) = torch.autograd.grad(slope[..., j].sum(), points, retain_graph=True)
            np.testing.assert_allclose(bends.detach()[:, :, t, j], bend, atol=1e-12)
    step = 1e-6 * torch.as_tensor(rng.standard_normal(theta.shape))
    for found, way in ((slopes, networks.slopes_of), (bends, networks.curvatures_of)):
        if not found.requires_grad:
            continue
        total = torch.as_tensor(rng.standard_normal(found.shape))
        pull = torch.autograd.grad((found * total).sum(), theta, allow_unused=True)[0]
        change = way(layout, there + step, z, codes) - way(layout, there - step, z, codes)
        expected = (change * total).sum() / 2
        np.testing.assert_allclose((pull * step).sum(), expected, rtol=1e-6)
