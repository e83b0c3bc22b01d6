"""Many small networks at once: a linear part plus layers of softplus, one row of numbers each.

A crossover of two power laws is one softplus unit exactly, and outside the runs every unit is
linear again, so that the potential ends in power laws. Derivatives are carried forward through
the layers.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import softplus

from dimgs.arrays import Array

# standard deviation of the first weights: bends lie within two standard deviations of the runs
_SPREAD = 2.0


@dataclass(frozen=True)
class NetworkLayout:
    """Shape of the potential.

    Parameters
    ----------
    n_inputs : int
        Whitened coordinates.
    n_targets : int
    hidden : tuple of int
        Width of each layer; empty for the linear part alone.
    categories : tuple of (int, int)
        Number of labels of each category, and how many coordinates embed one.
    """

    n_inputs: int
    n_targets: int
    hidden: tuple[int, ...] = ()
    categories: tuple[tuple[int, int], ...] = ()

    def _parts(self) -> list[tuple[tuple[int, ...], bool]]:
        """Shape of each part, and whether weight decay applies to it."""
        parts: list[tuple[tuple[int, ...], bool]] = [((self.n_inputs, self.n_targets), False)]
        parts += [((labels, self.n_targets), False) for labels, _ in self.categories]
        if self.hidden:
            parts += [((labels, size), True) for labels, size in self.categories]
            widths = [self.n_inputs + sum(size for _, size in self.categories), *self.hidden]
            for before, after in pairwise(widths):
                parts += [((before, after), True), ((1, after), False)]
            parts.append(((widths[-1], self.n_targets), True))
        return parts

    @property
    def size(self) -> int:
        """How many numbers a network has."""
        return sum(int(np.prod(shape)) for shape, _ in self._parts())

    @property
    def n_linear(self) -> int:
        """How many of them, which come first, are the linear part and the labels' offsets."""
        labels = sum(n for n, _ in self.categories)
        return (self.n_inputs + labels) * self.n_targets

    def decays(self) -> Array:
        """One where weight decay applies, shape (size,)."""
        return np.concatenate(
            [np.full(int(np.prod(shape)), float(decay)) for shape, decay in self._parts()]
        )

    def initial(self, linear: Array, kinds: NDArray[np.intp], rng: np.random.Generator) -> Array:
        """Networks that start as their linear parts, with hidden layers at random.

        Parameters
        ----------
        linear : ndarray of shape (n_models, n_linear)
        kinds : ndarray of int of shape (n_models,)
            Networks of equal kind start from the same hidden layers.
        rng : Generator

        Returns
        -------
        ndarray of shape (n_models, size)
        """
        n_models = int(kinds.max()) + 1
        out: list[Array] = []
        if self.hidden:
            # labels start alike: what is never seen stays an average label
            out += [np.zeros((n_models, labels * size)) for labels, size in self.categories]
            widths = [self.n_inputs + sum(size for _, size in self.categories), *self.hidden]
            for k, (before, after) in enumerate(pairwise(widths)):
                scale = (_SPREAD if k == 0 else 1.0) / np.sqrt(max(before, 1))
                out.append(scale * rng.standard_normal((n_models, before * after)))
                shift = _SPREAD if k == 0 else 0.0
                out.append(rng.uniform(-shift, shift, (n_models, after)))
            out.append(np.zeros((n_models, widths[-1] * self.n_targets)))
        return np.concatenate([linear, *(part[kinds] for part in out)], axis=1)

    def unpack(self, theta: Tensor) -> list[Tensor]:
        """Parts of shape (n_models, ...) of networks of shape (n_models, size)."""
        out, start = [], 0
        for shape, _ in self._parts():
            stop = start + int(np.prod(shape))
            out.append(theta[:, start:stop].reshape(len(theta), *shape))
            start = stop
        return out

    def forward(self, theta: Tensor, z: Tensor, codes: Tensor) -> Tensor:
        """Potential of every run by every network.

        Parameters
        ----------
        theta : Tensor of shape (n_models, size)
        z : Tensor of shape (n_runs, n_inputs) or (n_models, n_runs, n_inputs)
        codes : Tensor of int of shape (n_runs, n_categories)
            -1 for a label that was never seen, which counts as an average one.

        Returns
        -------
        Tensor of shape (n_models, n_runs, n_targets)
        """
        parts = self.unpack(theta)
        n = len(self.categories)
        out = z @ parts[0]
        for k in range(n):
            out = out + _looked_up(parts[1 + k], codes[:, k])
        if not self.hidden:
            return out
        layer = self.first_layer(theta, z, codes)
        rest = parts[1 + 2 * n :]
        for k in range(len(self.hidden)):
            # baddbmm: one fused product and sum of all networks
            layer = softplus(_affine(layer, rest[2 * k], rest[2 * k + 1]))
        return out + layer @ rest[-1]

    def first_layer(self, theta: Tensor, z: Tensor, codes: Tensor) -> Tensor:
        """What enters the network: places, and the coordinates of the labels beside them."""
        n = len(self.categories)
        if not n:
            return z
        parts = self.unpack(theta)
        embedded = [_looked_up(parts[1 + n + k], codes[:, k]) for k in range(n)]
        return torch.cat([z.expand(len(theta), -1, -1), *embedded], dim=-1)


def _affine(layer: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    if layer.dim() == 2:
        layer = layer.expand(len(weight), -1, -1)
    return torch.baddbmm(bias, layer, weight)


def _looked_up(table: Tensor, codes: Tensor) -> Tensor:
    average = table.mean(1, keepdim=True)
    return torch.cat([table, average], dim=1)[:, codes]


def slopes_of(layout: NetworkLayout, theta: Tensor, z: Tensor, codes: Tensor) -> Tensor:
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


def curvatures_of(layout: NetworkLayout, theta: Tensor, z: Tensor, codes: Tensor) -> Tensor:
    """Second derivatives, shape (n_models, n_runs, n_targets, n_inputs, n_inputs).

    Parameters as in `slopes_of`.
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
