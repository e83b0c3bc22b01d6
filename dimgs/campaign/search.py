"""Runs that look for regimes, for what lies between them, and for where runs give answers."""

from typing import Any

import numpy as np

from dimgs.campaign.design import d_optimal, nearest
from dimgs.campaign.model import Border
from dimgs.campaign.regimes import gradient
from dimgs.campaign.state import Proposal, TierState
from dimgs.campaign.thresholds import Separation, disputed, rivals, separating
from dimgs.common.arrays import Array, IntArray

# of the way to other runs: first wide, then narrow enough for a regime of a tenth of the ranges
_PROBES = (1.0 / 3.0, 1.0 / 8.0)
# runs without an answer after which none is looked for, unless half as many gave one
_SEARCH = 16
# turns of looking for a law around and between runs that follow none, before there is none: as many
# runs as a survey that finds regimes by itself; and runs that follow none, for each unknown of a
# law, from which on there is none: twice as many as any of 120 kernels had whose laws were found
_TURNS, _LAWLESS = 24, 6
# turns after which many laws are looked for between all runs, not around single ones
_PROBING = 6
# runs for each free direction that tell monomials between two sets apart, and the part of the
# ranges about which these may differ
_DISPUTES, _AGREED = 3, 0.03
# runs that are predicted where there is no place beside a border or inside a regime
_CHECKS = 2
# rounds of predictions that miss before none is made any more
_MISSES = 5
# runs at a meeting that do not tell how smooth it is, before it is left open
_MEETINGS = 2
# logs of what a step, and the end of where runs give answers, are known to: 20 and 50 per cent
_BRACKET, _DOMAIN = np.log(1.2), np.log(1.5)


class RegimeSearch(TierState):
    """Questions that several laws, and runs without an answer, raise."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._probed: set[tuple[int, int]] = set()
        self._turn = 0
        self._disputes: dict[int | None, int] = {}

    def domain_runs(self) -> list[Proposal]:
        """Where runs give no answer: bisection between those that do and those that do not.

        Then runs where monomials that all tell them apart do not agree.
        """
        if self.domain is None:
            return []
        good, lost = self.model.sites.z, self.runs.lost(self.tier)
        if np.log(self.domain.high / self.domain.low) > _DOMAIN:
            _, normal = gradient(self.space, self.domain.monomial)
            a = good[np.argmax((good @ normal) * (1 if self.domain.upper == 1 else -1))]
            b = lost[np.argmin((lost @ normal) * (1 if self.domain.upper == 1 else -1))]
            reason = "half way between runs with and without an answer"
            return [self.propose((a + b) / 2.0, "domain", reason)]
        if len(good) < self.space.rank + 2:
            return []
        return self._disputed(None, self.domain, good, lost, self.design.pool)

    def _disputed(
        self, border: int | None, chosen: Separation, one: Array, other: Array, pool: Array
    ) -> list[Proposal]:
        """A run where monomials that all tell two sets apart place it on different sides."""
        asked = self._disputes.get(border, 0)
        if self.space.rank < 2 or asked >= _DISPUTES * self.space.rank or not len(pool):
            return []
        others = rivals(self.space, one, other)
        at, share = disputed(self.space, chosen, others, pool)
        if share <= _AGREED:
            return []
        self._disputes[border] = asked + 1
        what = "domain" if border is None else "border"
        reason = f"{len(others)} monomials tell these runs apart, and differ most about this point"
        return [self.propose(pool[at], what, reason)]

    def meetings_runs(self) -> list[Proposal]:
        """Where two laws meet: how smooth their crossover is."""
        asked = self._made_as("border")
        for b in self.model.borders:
            if b.meets and np.isnan(b.sharpness):
                told = np.abs(b.along(asked)) <= b.high
                if np.sum(told & self.model.between(b, asked)) >= _MEETINGS:
                    continue
                found = self._at(b, 0.0, "border", "two laws meet here: how smooth is it?")
                if any(map(self.fresh, found)):
                    return found
        return []

    def jumps_runs(self) -> list[Proposal]:
        """Steps between two laws: bisection."""
        for b in self.model.borders:
            pairs = self.model.crossings(b)
            if not b.meets and len(pairs) and b.high - b.low > _BRACKET:
                found = self._bisect(b, int(pairs[0][0]), int(pairs[0][1]))
                if any(map(self.fresh, found)):
                    return found
        return self._disputed_steps()

    def _disputed_steps(self) -> list[Proposal]:
        """Steps between two laws that several monomials could be."""
        model, pool = self.model, self.design.pool
        for b in model.borders:
            if b.meets or not len(model.crossings(b)):
                continue
            one, other = (model.sites.z[model.laws[k].rows] for k in (b.below, b.above))
            chosen = separating(self.space, one, other)
            if chosen is not None:
                here = pool[model.between(b, pool) & self.feasible(pool)]
                found = self._disputed(b.below, chosen, one, other, here)
                if any(map(self.fresh, found)):
                    return found
        return []

    def _bisect(self, b: Border, one: int, other: int) -> list[Proposal]:
        """Half way between the last run of a law and the first that does not follow it."""
        z = self.model.sites.z
        along = b.along(z)
        inner = [i for i in range(len(z)) if along[one] < along[i] < along[other]]
        if inner:
            # a step with a width: its two ends
            last = max(inner, key=lambda i: along[i])
            first = min(inner, key=lambda i: along[i])
            ends = [(one, first), (last, other)]
        else:
            ends = [(one, other)]
        wide = [(i, j) for i, j in ends if along[j] - along[i] > _BRACKET]
        reason = "half way between the runs of two laws: on which side is the step?"
        places = [(z[i] + z[j]) / 2.0 for i, j in wide]
        places = [p for p in places if self.model.between(b, p[None])[0]]
        return [self.propose(p, "border", reason) for p in places]

    def _at(self, b: Border, along: float, purpose: str, reason: str) -> list[Proposal]:
        """The point where what decides a border has a value, farthest from all runs."""
        pairs = self.model.crossings(b)
        z = self.model.sites.z
        ends = b.along(z)
        places = [
            z[i] + (along - ends[i]) / (ends[j] - ends[i]) * (z[j] - z[i])
            for i, j in pairs
            if ends[i] <= along <= ends[j]
        ]
        offers = np.array(places).reshape(-1, z.shape[1])
        if not len(offers):
            return []
        good = self.model.between(b, offers) & self.feasible(offers)
        # other borders should be far away
        for o in self.model.borders:
            if o is not b and (good & (np.abs(o.along(offers) - o.middle) > o.high - o.low)).any():
                good &= np.abs(o.along(offers) - o.middle) > o.high - o.low
        if not good.any():
            return []
        offers = offers[good]
        at = offers[int(np.argmax(nearest(offers, z)))]
        return [self.propose(at, purpose, reason)]

    def regimes_runs(self) -> list[Proposal]:
        """Runs around one that follows no law: is there another?"""
        model = self.model
        orphans = self.lonely()
        unknowns = self.space.rank + 1
        few = len(model.sites) <= unknowns
        if not len(orphans) or few or len(model.orphans) > _LAWLESS * unknowns:
            return []
        if model.scatter.sigma:
            alone = [i for i in orphans if model.sites.count[i] < 2]
            reason = "the run follows no law: is it the noise?"
            if alone:
                return [self.again(model.sites.z[i], reason) for i in alone]
        # by turns around a run that follows no law, and where no run is near
        while self._turn < _TURNS:
            self._turn += 1
            if self._turn % 2 == 0 or self._turn > _PROBING:
                found = self.filling_runs()
                if any(map(self.fresh, found)):
                    return found
                continue
            level = (self._turn // 2) % len(_PROBES)
            far = np.linalg.norm(model.sites.z[orphans], axis=1)
            for i in orphans[np.argsort(-far, kind="stable")]:
                number = int(model.sites.numbers[i]), level
                if number in self._probed:
                    continue
                self._probed.add(number)
                found = self._probe(int(i), level)
                if any(map(self.fresh, found)):
                    return found
        return []

    def lonely(self) -> IntArray:
        """Runs of no law that lie in no crossover either, as far as is known."""
        model = self.model
        z, deep = model.sites.z, ~model.explained
        for b in model.borders:
            if b.meets and np.isnan(b.sharpness):
                deep &= (np.abs(b.along(z)) > b.high) | ~model.between(b, z)
        return np.flatnonzero(deep)

    def filling_runs(self) -> list[Proposal]:
        """Runs far from every other, outside of what the laws explain."""
        pool = self.design.pool
        offers = pool[self.feasible(pool)]
        lost = self.runs.lost(self.tier)
        sites = self.model.sites.z
        if len(sites) and len(offers):
            # where the nearest run follows no law; anywhere, if there is no such place
            near = np.argmin(np.linalg.norm(offers[:, None] - sites[None], axis=2), axis=1)
            lone = offers[~self.model.explained[near]]
            offers = lone if len(lone) else offers
        z, found = np.vstack([self.model.sites.z, lost]), []
        if len(lost) > max(_SEARCH, 2 * len(self.model.sites)):
            return []
        few = self._turn <= _PROBING
        for _ in range((1 if few else 2) * (self.space.rank + 1) if len(offers) else 0):
            at = offers[np.argmax(nearest(offers, z))]
            found.append(self.propose(at, "fill", "far from every run, and no law holds here"))
            z = np.vstack([z, at])
        return found

    def _probe(self, anchor: int, level: int) -> list[Proposal]:
        """A simplex around a run, inwards, and its middle."""
        z, rank = self.model.sites.z, self.space.rank
        at = z[anchor]
        others = z[np.setdiff1d(self.model.orphans, [anchor])]
        ends = np.vstack([self.corners(), others]) if len(others) else self.corners()
        share = np.full(len(ends), _PROBES[level])
        if not level and len(others):
            share[-len(others) :] = 0.5
        offers = at + share[:, None] * (ends - at)
        offers = offers[self.feasible(offers) & (np.linalg.norm(offers - at, axis=1) > 1e-6)]
        chosen = d_optimal(at[None], offers, rank + 1, enough=False)[:rank]
        middle = np.mean([at, *chosen], axis=0)
        reason = "around a run that follows no law: does another hold here?"
        return [self.propose(p, "probe", reason) for p in (*chosen, middle)]

    def sides_runs(self) -> list[Proposal]:
        """Laws of several regimes are predicted once more: beside their borders, and inside."""
        model = self.model
        if len(model.laws) < 2 or not self.clear:
            return []
        every, held, when = self.checks()
        if len(set(when[~held].tolist())) >= _MISSES:
            return []
        checked, found = every[held], list[Proposal]()
        for b in model.borders:
            if not len(model.crossings(b)) or (not b.meets and self.space.rank < 2):
                continue
            along = b.along(checked) if len(checked) else np.zeros(0)
            room = max(0.3 * (b.high - b.low), _BRACKET)
            for end, side in ((b.low, -1.0), (b.high, 1.0)):
                near = side * (along - end)
                if not np.any((near >= 0.0) & (near <= 3.0 * room)):
                    reason = "beside a border, where one law should hold already"
                    found += self._at(b, end + side * room, "check", reason)
        pool = self.design.pool
        inside = model.holds(pool) & self.feasible(pool)[:, None]
        for k in self.answered:
            deep = pool[inside[:, k]]
            here = model.holds(checked)[:, k].any() if len(checked) else False
            if len(deep) and not here:
                at = deep[np.argmax(nearest(deep, model.sites.z))]
                found.append(self.propose(at, "check", "inside a regime, far from its runs"))
        if not found and not (len(checked) and self.proven):
            # no law holds alone in much of the ranges, or the last prediction missed
            usable, z = pool[self.feasible(pool)], model.sites.z
            for _ in range(_CHECKS if len(usable) else 0):
                at = usable[np.argmax(nearest(usable, z))]
                found.append(self.propose(at, "check", "farthest from every run"))
                z = np.vstack([z, at])
        return [self.foretold(p) for p in found]

    def _made_as(self, purpose: str) -> Array:
        """Points of the runs that were made for something."""
        rows = [p for p, what in self.runs.made_for(self.tier) if what == purpose]
        return self.runs.z[rows]
