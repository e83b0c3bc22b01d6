"""Slopes and curvatures of potentials, carried forward through the layers.

Carried forward they cost hardly more than values, and their own slopes, in training, one pass back.
"""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from dimgs.fits.potential.network import NetworkLayout


def slopes(layout: NetworkLayout, theta: Tensor, z: Tensor, codes: Tensor) -> Tensor:
    """First derivatives in whitened coordinates, shape (n_models, n_runs, n_targets, n_inputs).

    Parameters
    ----------
    layout : NetworkLayout
    theta : Tensor of shape (n_models, size)
    z : Tensor of shape (n_runs, n_inputs)
    codes : Tensor of int of shape (n_runs, n_categories)
    """
    linear, weights, biases = _parts(layout, theta)
    shape = (len(theta), len(z), layout.n_inputs, layout.n_targets)
    out = linear[:, None].expand(shape)
    if weights:
        layer = layout.first_layer(theta, z, codes)
        first = weights[0][:, : layout.n_inputs]
        if len(biases) == 1:
            # of one layer: a product of its units' slopes with what each passes on
            units = torch.sigmoid(_before(layer, weights[0], biases[0]))
            passed = first[..., None] * weights[1][:, None]
            out = out + (units @ passed.swapaxes(1, 2).flatten(2)).reshape(shape)
        else:
            out = out + _carried(layer, first, weights, biases)[0] @ weights[-1][:, None]
    return out.swapaxes(-1, -2)


def curvatures(layout: NetworkLayout, theta: Tensor, z: Tensor, codes: Tensor) -> Tensor:
    """Second derivatives, shape (n_models, n_runs, n_targets, n_inputs, n_inputs).

    Parameters as in `slopes`.
    """
    _, weights, biases = _parts(layout, theta)
    n = layout.n_inputs
    shape = (len(theta), len(z), n, n, layout.n_targets)
    if not weights:
        return torch.zeros(shape, dtype=z.dtype, device=z.device).permute(0, 1, 4, 2, 3)
    layer, first = layout.first_layer(theta, z, codes), weights[0][:, :n]
    if len(biases) == 1:
        share = torch.sigmoid(_before(layer, weights[0], biases[0]))
        products = (first[:, :, None] * first[:, None]).flatten(1, 2)
        passed = products[..., None] * weights[1][:, None]
        out = ((share * (1.0 - share)) @ passed.swapaxes(1, 2).flatten(2)).reshape(shape)
    else:
        bent = _carried(layer, first, weights, biases)[1]
        out = (bent.flatten(2, 3) @ weights[-1][:, None]).reshape(shape)
    return out.permute(0, 1, 4, 2, 3)


def _parts(layout: NetworkLayout, theta: Tensor) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Linear part, weights of all layers and of the output, biases."""
    parts = layout.unpack(theta)
    rest = parts[1 + 2 * len(layout.categories) :] if layout.hidden else []
    return parts[0], rest[0::2], rest[1::2]


def _before(layer: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """What enters the units of a layer."""
    return layer @ weight + bias


def _carried(
    layer: Tensor, first: Tensor, weights: list[Tensor], biases: list[Tensor]
) -> tuple[Tensor, Tensor]:
    """Slopes (n_models, n_runs, n_inputs, width) and curvatures after the last layer."""
    slope: Tensor | None = None
    bend: Tensor | None = None
    for weight, bias in zip(weights[:-1], biases, strict=True):
        entering = _before(layer, weight, bias)
        share = torch.sigmoid(entering)[:, :, None]
        steep = first[:, None] if slope is None else slope @ weight[:, None]
        square = steep[:, :, :, None] * steep[:, :, None]
        curved = (share * (1.0 - share))[:, :, None] * square
        if bend is not None:
            turned = (bend.flatten(2, 3) @ weight[:, None]).reshape(*bend.shape[:-1], -1)
            curved = curved + share[:, :, None] * turned
        slope, bend = share * steep, curved
        layer = softplus(entering)
    assert slope is not None
    assert bend is not None
    return slope, bend
