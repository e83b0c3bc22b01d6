"""From runs to regimes: laws, borders, crossovers, and the runs that nothing explains."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from scipy.optimize import brentq

from dimgs.campaign.laws import FittedLaw, Scatter, find_laws
from dimgs.campaign.model import Border, RegimeModel
from dimgs.campaign.power_means import SHARPNESS, power_mean
from dimgs.campaign.space import CampaignRuns, PiSpace, Sites
from dimgs.campaign.thresholds import GroupMonomial, separating
from dimgs.common.arrays import Array, BoolArray, IntArray

# e-folds between two laws within which a run tells how sharp their crossover is: a sum adds 20 %
_TELLING = 1.5
# part of the runs that must be explained before all laws are fitted together: one in five may lie
# in a crossover that is not understood yet
_MOSTLY = 0.8
# e-folds to a third law from which on it does not disturb: a sum adds 5 % there
_ALONE = 3.0
# part of its depth by which a crossover may differ from the power mean of its laws: 1 - exp(-x),
# erf and tanh differ by 0.14, 0.13 and 0.09, others may by twice as much
_SHAPE = 0.25
# part of what a crossover adds to a law at a run by which the run may differ from it: a run that
# follows the bare law differs by all of it
_TAIL = 0.5
# sharpness of the broadest crossover of more than two laws that is taken for one: a sum's is 1, and
# square roots that add have half of it
_BROAD = 0.5
# part of the region that a step between two laws may take: a wider one has a law of its own
_STEP = 0.25


def _soft(gap: Array, sharpness: float) -> Array:
    return np.asarray(np.logaddexp(0.0, -sharpness * gap) / sharpness)


def model_of(
    space: PiSpace, sites: Sites, scatter: Scatter, known: Sequence[FittedLaw], curvature: float
) -> RegimeModel:
    """Find laws and borders, and say which runs they explain.

    Parameters
    ----------
    space : PiSpace
    sites : Sites
    scatter : Scatter
    known : sequence of FittedLaw
        Of fewer runs.
    curvature : float
        As in :func:`find_laws`.

    Returns
    -------
    RegimeModel
    """
    found = RegimeModel(sites, scatter, tuple(find_laws(sites, scatter, known, curvature)))
    if len(sites) and found.laws:
        found = _explained(_bordered(space, found))
        if len(found.laws) > 1 and found.explained.mean() >= _MOSTLY:
            found = _cores(found)
    else:
        found = replace(found, explained=np.zeros(len(sites), dtype=np.bool_))
    # one run tells no crossover from a corner where runs scatter
    soft = any(
        b.meets and (scatter.sigma or not b.sharpness >= SHARPNESS[1]) for b in found.borders
    )
    if found.explained.all() and not found.pairs and not soft:
        return found
    return power_mean(sites, scatter) or found


def _bordered(space: PiSpace, model: RegimeModel) -> RegimeModel:
    limits = model.scatter.limits(model.sites.count)
    follows = np.abs(model.sites.y[:, None] - model.values(model.sites.z)) <= limits[:, None]
    borders, pairs = [], set()
    for one, other in combinations(range(len(model.laws)), 2):
        only = [
            np.flatnonzero(follows[:, k] & ~follows[:, j]) for k, j in ((one, other), (other, one))
        ]
        border = _meeting(model, one, other, only) or _jump(space, model, one, other, only)
        if border is None:
            pairs.add((one, other))
        else:
            borders.append(border)
    return _sharpened(replace(model, borders=tuple(borders), pairs=frozenset(pairs)))


def _sharpened(model: RegimeModel) -> RegimeModel:
    """With the sharpness of every crossover that a run shows."""
    told = [
        replace(b, sharpness=_sharpness(model, b)).widened(model.scatter) if b.meets else b
        for b in model.borders
    ]
    return replace(model, borders=tuple(told))


def _meeting(model: RegimeModel, one: int, other: int, only: list[IntArray]) -> Border | None:
    """The border of two laws that are equal between their runs."""
    z = model.sites.z
    difference = model.laws[other].coefficients - model.laws[one].coefficients
    gaps = [difference[0] + z[rows] @ difference[1:] for rows in only]
    if not len(gaps[0]) or not len(gaps[1]):
        return None
    sign = float(np.sign(np.median(gaps[1]) - np.median(gaps[0])))
    if not sign or np.any(sign * gaps[0] > 0.0) or np.any(sign * gaps[1] < 0.0):
        return None
    return Border(
        one, other, sign * difference[1:], sign * float(difference[0]), 0.0, 0.0, sign=sign
    )


def _sharpness(model: RegimeModel, border: Border) -> float:
    """How sharp a crossover is, from the run that lies nearest to its middle."""
    z, y = model.sites.z, model.sites.y
    along = border.along(z)
    pair = {border.below, border.above}
    others = [o for o in model.borders if o is not border and {o.below, o.above} & pair]
    apart = np.min([np.abs(o.along(z)) for o in others] or [np.full(len(z), np.inf)], axis=0)
    beside = (np.abs(along) <= _TELLING) & model.between(border, z)
    near = np.flatnonzero(beside & (apart > _ALONE))
    if not len(near):
        # no run is free of a third law: then those tell that lie nearest to this border
        near = np.flatnonzero(beside & (apart > np.abs(along)))
    if not len(near):
        return np.nan
    at = int(near[np.argmin(np.abs(along[near]))])
    owner = border.below if along[at] < 0.0 else border.above
    miss = border.sign * float(y[at] - model.laws[owner](z[at : at + 1])[0])
    gap = np.abs(along[at : at + 1])
    limit = float(model.scatter.limits(model.sites.count)[at])
    if miss <= -limit:
        return np.nan
    if model.scatter.sigma and miss <= limit:
        # nothing but noise is seen: it may hide a crossover as broad as this
        miss = limit

    def excess(s: float) -> float:
        return float(_soft(gap, s)[0]) - miss

    if excess(SHARPNESS[1]) >= 0.0:
        return SHARPNESS[1]
    return np.nan if excess(SHARPNESS[0]) < 0.0 else float(brentq(excess, *SHARPNESS))


def _jump(
    space: PiSpace, model: RegimeModel, one: int, other: int, only: list[IntArray]
) -> Border | None:
    """The border of two laws that no run shows to be equal anywhere."""
    apart = separating(space, *(model.sites.z[rows] for rows in only))
    if apart is None:
        return None
    below, above = (one, other) if apart.upper == 1 else (other, one)
    offset, normal = gradient(space, apart.monomial)
    low, high = float(np.log(apart.low)), float(np.log(apart.high))
    return Border(below, above, normal, offset, low, high, monomial=apart.monomial)


def gradient(space: PiSpace, monomial: GroupMonomial) -> tuple[float, Array]:
    """Logarithm of a monomial at z = 0, and its gradient."""
    at = monomial.log(space.log_groups(np.vstack([np.zeros(space.rank), np.eye(space.rank)])))
    return float(at[0]), np.asarray(at[1:] - at[0])


def _explained(model: RegimeModel) -> RegimeModel:
    """Say which runs follow a law where it holds, or lie in a crossover that is as it should."""
    z, y = model.sites.z, model.sites.y
    limits = model.scatter.limits(model.sites.count)
    values = model.values(z)
    follows = np.abs(y[:, None] - values) <= limits[:, None]
    done = np.any(follows & model.holds(z, strictly=False), axis=1)
    expected = model.expected(z)
    tails = np.abs(expected - values[np.arange(len(z)), np.argmax(model.holds(z, False), axis=1)])
    reach = np.ptp(z, axis=0).max(initial=0.0)
    for b in model.borders:
        along, here = b.along(z), model.between(b, z)
        here &= (along >= b.low) & (along <= b.high)
        if b.meets:
            slack = 0.0 if np.isnan(b.sharpness) else _SHAPE * np.log(2.0) / b.sharpness
            fits = np.abs(y - expected) <= np.maximum(limits, np.minimum(slack, _TAIL * tails))
            if np.isnan(b.sharpness):
                fits |= follows[:, b.below] | follows[:, b.above]
            else:
                # a run that follows its law alone contradicts a crossover that adds much to it
                done &= ~(here & (tails > np.maximum(limits, slack)))
        else:
            pair = values[:, [b.below, b.above]]
            narrow = b.high - b.low <= _STEP * float(np.linalg.norm(b.normal)) * reach
            fits = (y >= pair.min(axis=1) - limits) & (y <= pair.max(axis=1) + limits) & narrow
        done |= here & fits
    if len(model.laws) > 2:
        done |= _crossing(model, limits)
    return replace(model, explained=done)


def _crossing(model: RegimeModel, limits: Array) -> BoolArray:
    """Runs that may lie in a crossover of several laws at once, whose form nobody knows."""
    z = model.sites.z
    owner = np.argmax(model.holds(z, strictly=False), axis=1)
    miss = model.sites.y - model.values(z)[np.arange(len(z)), owner]
    reach = {1.0: limits.copy(), -1.0: limits.copy()}
    for b in model.borders:
        if b.meets:
            for k, side in ((b.below, -1.0), (b.above, 1.0)):
                soft = _soft(side * b.along(z), _BROAD)
                reach[b.sign] += np.where(owner == k, soft, 0.0)
    return np.asarray((miss <= reach[1.0]) & (-miss <= reach[-1.0]))


def _cores(model: RegimeModel) -> RegimeModel:
    """Every law by the runs that no crossover reaches, where they are enough, less its tails."""
    inside = model.holds(model.sites.z)
    laws = []
    for k, law in enumerate(model.laws):
        deep = law.rows[inside[law.rows, k]]
        alone = len(deep) > len(law.slope)
        deep = deep if alone else law.rows
        plain = FittedLaw.fit(model.sites, deep, model.scatter)
        tails = model.tails(np.full(len(model.sites), k), model.sites.z)
        clear = FittedLaw.fit(replace(model.sites, y=model.sites.y - tails), deep, model.scatter)
        drift = plain.coefficients - clear.coefficients
        if not alone:
            # no run shows it alone: it may be a tangent, anything between its neighbours
            near = [{b.below, b.above} - {k} for b in model.borders if k in (b.below, b.above)]
            ways = [model.laws[j].coefficients - law.coefficients for o in near for j in o]
            drift = max([drift, *(w / 2.0 for w in ways)], key=lambda w: float(np.linalg.norm(w)))
        again = replace(clear, drift=drift)
        laws.append(again if np.isfinite(again.spread).all() else law)
    return replace(model, laws=tuple(laws))


def constant_of(runs: CampaignRuns, tier: int, scatter: Scatter) -> RegimeModel:
    """The model where no group is free: one constant, and whether anything else changes it.

    Parameters
    ----------
    runs : CampaignRuns
        Replicates are equal inputs; the others moved inputs that no group depends on.
    tier : int
    scatter : Scatter

    Returns
    -------
    RegimeModel
    """
    rows = [i for i, t in enumerate(runs.tier) if t == tier and np.isfinite(runs.y[i])]
    y = np.array([runs.y[i] for i in rows])
    sites = runs.sites(tier)
    if not rows:
        return RegimeModel(sites, scatter, ())
    again = np.array([i == rows[0] or runs.purpose[i] in ("replicate", "narrow") for i in rows])
    freedom = max(int(again.sum()) - 1, 0)
    sigma = float(y[again].std(ddof=1)) if freedom else 0.0
    noise = replace(scatter, sigma=sigma, freedom=freedom)
    room = noise.limits(np.ones(1))[0] * np.sqrt(1.0 + 1.0 / again.sum())
    odd = np.any(np.abs(y[~again] - y[again].mean()) > room)
    spread = float(y.std(ddof=1)) if len(y) > 1 else np.inf
    law = FittedLaw(
        np.array([y.mean()]),
        np.arange(1),
        np.array([[1.0 / len(y)]]),
        max(spread, 1e-6),
        float(max(len(y) - 1, 1)),
        np.zeros(1),
    )
    return RegimeModel(sites, noise, (law,), explained=np.array([not odd]))
