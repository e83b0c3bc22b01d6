"""Losses over all pairs of a batch, in one pass over its runs.

Every loss is a mean over pairs (u, v) with weights w_u w_v. The squared one needs the weighted
variance alone; the absolute one a sort; Huber's a sort and prefix sums.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Loss = Literal["squared", "absolute", "huber"]
LOSSES: tuple[Loss, ...] = ("squared", "absolute", "huber")


@dataclass(frozen=True)
class Pairing:
    """Which runs pair with each other: all, or those of equal label.

    Parameters
    ----------
    codes : Tensor of shape (n_runs,), optional
        Label of each run, 0 .. n_labels - 1; all runs pair where absent.
    n_labels : int
    """

    codes: Tensor | None = None
    n_labels: int = 1

    def take(self, rows: Tensor) -> "Pairing":
        """The pairing of some of the runs."""
        return self if self.codes is None else Pairing(self.codes[rows], self.n_labels)

    def one_hot(self, like: Tensor) -> Tensor:
        """Membership of shape (n_runs, n_labels)."""
        assert self.codes is not None
        hot: Tensor = torch.nn.functional.one_hot(self.codes, self.n_labels).to(like)
        return hot

    def centred(self, errors: Tensor, weights: Tensor) -> Tensor:
        """Errors about the weighted mean of their label; a label without weight stays as it is.

        Parameters
        ----------
        errors : Tensor of shape (n_models, n_runs, n_targets)
        weights : Tensor of shape (n_models, n_runs)
        """
        if self.codes is None:
            total = weights.sum(-1, keepdim=True)
            means = (weights.unsqueeze(-2) @ errors) / total.unsqueeze(-1)
            return errors - means
        hot = self.one_hot(errors)
        total = (weights @ hot).unsqueeze(-1)
        sums = hot.T @ (weights.unsqueeze(-1) * errors)
        return errors - hot @ (sums / total.clamp_min(torch.finfo(errors.dtype).tiny))


def pair_loss(
    errors: Tensor,
    weights: Tensor,
    pairing: Pairing | None = None,
    kind: Loss = "squared",
    delta: float = 1.345,
) -> Tensor:
    """Mean loss over all pairs of runs, of each model.

    Parameters
    ----------
    errors : Tensor of shape (n_models, n_runs, n_targets)
        Response minus potential.
    weights : Tensor of shape (n_models, n_runs)
        A pair weighs the product of its runs' weights.
    pairing : Pairing, optional
        All runs pair by default. With labels, each counts by its weight, as in the linear fits.
    kind : {"squared", "absolute", "huber"}
    delta : float
        Where Huber's loss turns from squared to absolute; it is the squared one for large delta.

    Returns
    -------
    Tensor of shape (n_models,)
        sum over u < v of w_u w_v rho(e_u - e_v) / W^2, with W the sum of the weights, averaged
        over the targets; rho(d) is d^2, abs(d), or Huber's d^2 within delta.
    """
    pairing = pairing or Pairing()
    e = pairing.centred(errors, weights)
    total = weights.sum(-1, keepdim=True)
    if kind == "squared":
        sums = (weights.unsqueeze(-2) @ e.square()).squeeze(-2)
        return (sums / total).mean(-1)
    e, w, start = _sorted(e, weights, pairing)
    inside = _Prefix(w)
    if start is None:
        first = torch.zeros((), dtype=torch.long, device=e.device)
        label_total = total.unsqueeze(-1)
    else:
        first = start
        label_total = _label_totals(weights, pairing)
    if kind == "absolute":
        before = inside.upto(_positions(e)) - inside.upto(first.expand(e.shape))
        after = label_total - before - w
        terms = w * e * (before - after) / label_total
        return (terms.sum(-2) / total).mean(-1)
    return (_huber_terms(e, w, first, delta, pairing) / label_total).sum(-2).div(total).mean(-1)


def _sorted(
    errors: Tensor, weights: Tensor, pairing: Pairing
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Errors in rising order (label by label), their weights, and where each label starts."""
    order = torch.argsort(errors.detach(), dim=-2, stable=True)
    start = None
    if pairing.codes is not None:
        order = torch.gather(order, -2, torch.argsort(pairing.codes[order], dim=-2, stable=True))
        counts = torch.bincount(pairing.codes, minlength=pairing.n_labels)
        starts = torch.cumsum(counts, 0) - counts
        start = torch.repeat_interleave(starts, counts).unsqueeze(-1)
    e = torch.gather(errors, -2, order)
    w = torch.gather(weights.unsqueeze(-1).expand(errors.shape), -2, order)
    return e, w, start


def _label_totals(weights: Tensor, pairing: Pairing) -> Tensor:
    assert pairing.codes is not None
    counts = torch.bincount(pairing.codes, minlength=pairing.n_labels)
    totals = weights @ pairing.one_hot(weights)
    spread = torch.repeat_interleave(totals, counts, dim=-1).unsqueeze(-1)
    return spread.clamp_min(torch.finfo(weights.dtype).tiny)


def _positions(e: Tensor) -> Tensor:
    return torch.arange(e.shape[-2], device=e.device).unsqueeze(-1).expand(e.shape)


class _Prefix:
    """Sums of the first k entries along the runs, for any k."""

    def __init__(self, values: Tensor) -> None:
        zero = torch.zeros_like(values[..., :1, :])
        self._sums = torch.cat([zero, torch.cumsum(values, -2)], dim=-2)

    def upto(self, k: Tensor) -> Tensor:
        return torch.gather(self._sums, -2, k)


def _huber_terms(e: Tensor, w: Tensor, first: Tensor, delta: float, pairing: Pairing) -> Tensor:
    """Each run's loss against all runs before it in the order, times its weight."""
    key = e.detach()
    if pairing.codes is not None:
        # labels set apart by more than delta, so that no window reaches into the label before
        gap = (key.amax((-2, -1), keepdim=True) - key.amin((-2, -1), keepdim=True)) + 2 * delta
        label = torch.sort(pairing.codes).values.unsqueeze(-1)
        key = key + gap * label
    columns = key.transpose(-1, -2).contiguous()
    near = torch.searchsorted(columns, columns - delta).transpose(-1, -2)
    first = first.expand(e.shape)
    here = _positions(e)
    count, once, twice = (_Prefix(v) for v in (w, w * e, w * e.square()))
    s0, s1, s2 = (p.upto(here) - p.upto(near) for p in (count, once, twice))
    squared = e.square() * s0 - 2 * e * s1 + s2
    t0, t1 = (p.upto(near) - p.upto(first) for p in (count, once))
    return w * (squared + 2 * delta * (e * t0 - t1) - delta**2 * t0)
