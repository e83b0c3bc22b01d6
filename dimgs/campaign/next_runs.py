"""The next runs of a tier: as few as the question has unknowns, then those that the evidence asks.

A question that has rivals (on which side of a border does a point lie, where does the one law give
way to the other) is put to the point that tells most about them, by the criterion that tables and
the hub use as well; so is the choice of runs that determine a law.
"""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np

from dimgs.campaign.binding import Binding
from dimgs.campaign.design import CampaignDesign, d_optimal, hidden, nearest
from dimgs.campaign.evidence import FREEDOM, STEADY, Proposal, TierEvidence
from dimgs.campaign.space import CampaignRuns
from dimgs.common.arrays import Array
from dimgs.fits.consensus import Border, FittedLaw, Separation, rivals, separating
from dimgs.judgement.next_run import Prediction, choose

# part of the ranges that a threshold in one monomial may hide behind the outermost runs: a law that
# lasts less is not asked for
_HIDDEN = 0.05
# runs at corners that are predicted beforehand, at most: they leave less than that in six groups
_CORNERS = 3
# runs that may narrow the intervals of a kernel that repeats itself, for each unknown
_NARROWING = 2
# budgets that noise would have to ask for before no run is made to narrow the intervals of several
# laws any more: a few times more than an estimate of so few runs may be wrong by
_HOPELESS = 10
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
# runs that halve the place of a border: they take ten decades to twenty per cent
_HALVINGS = 8
# where a border may lie, of the way between the runs of its two sides: the quarters' middles
_QUARTERS = (0.125, 0.375, 0.625, 0.875)
# points among which the criterion chooses: those about which the rivals are most divided
_PLACES = 32
# of a side, which is 0 or 1: what an outcome leaves open of it is nothing
_CERTAIN = 0.05
# runs that are predicted where there is no place beside a border or inside a regime
_CHECKS = 2
# rounds of predictions that miss before none is made any more
_MISSES = 5
# runs at a meeting that do not tell how smooth it is, before it is left open
_MEETINGS = 2
# logs of what a step, and the end of where runs give answers, are known to: 20 and 50 per cent
_BRACKET, _DOMAIN = np.log(1.2), np.log(1.5)


class Strategy:
    """Questions to the runs of one tier, in order; the first that is open says what to run.

    Parameters
    ----------
    evidence : TierEvidence

    Attributes
    ----------
    owed : list of Proposal
        Runs that were asked for, and that the budget did not allow: their questions are open.
    """

    def __init__(self, evidence: TierEvidence) -> None:
        self.evidence = evidence
        self.regimes, self.borders = RegimeSearch(evidence), BorderSearch(evidence)
        self.owed: list[Proposal] = []

    def next(self) -> list[Proposal]:
        """Runs that answer the first open question; none where all are answered, or cannot be."""
        evidence = self.evidence
        if evidence.binding.linear:
            return self._spread()
        for question in (
            self.borders.domain,
            self._support,
            self._replicates,
            self._predictions,
            self.regimes.around_unexplained,
            self.borders.meetings,
            self.borders.jumps,
            self.borders.sides,
            self._narrow,
        ):
            chosen = [p for p in question() if evidence.fresh(p)]
            if chosen:
                evidence.asked += [p.z for p in chosen if not p.replicate]
                return chosen
        return self.owed

    def _spread(self) -> list[Proposal]:
        """Where there are no power laws to look for: a corner, and points that fill the ranges."""
        evidence = self.evidence
        reason = "space-filling, since inputs that change sign have no power laws"
        pool = evidence.design.pool
        wanted = [np.zeros(evidence.space.rank), *evidence.corners()[:2], *pool]
        made = len(evidence.purposes)
        batch = evidence.binding.plan.execution.batch
        return [evidence.propose(z, "support", reason) for z in wanted[made : made + batch]]

    def _support(self) -> list[Proposal]:
        """As many runs as a law has unknowns, at corners, and the centre."""
        evidence = self.evidence
        z, rank, plan = evidence.model.sites.z, evidence.space.rank, evidence.binding.plan
        if not rank:
            return self._nothing_free()
        chosen = d_optimal(z, evidence.corners(), rank + 1)
        names = ", ".join(plan.ranges)
        reason = f"D-optimal for one power law over what the ranges of {names} reach"
        proposals = [evidence.propose(c, "support", reason) for c in chosen]
        if len(z) < rank + 2 and not any(map(evidence.fresh, proposals)):
            proposals += self.regimes.filling()
        centre = np.zeros(rank)
        if proposals or len(z) < rank + 2:
            if evidence.feasible(centre[None])[0]:
                reason = "the centre, which sees curvature"
                proposals.append(evidence.propose(centre, "support", reason))
            more = max(0, (plan.survey or 0) - len(proposals) - len(z))
            reason = "space-filling, as the survey of the plan asks for"
            proposals += [
                evidence.propose(p, "support", reason)
                for p in (evidence.design.pool[:more] if more else ())
            ]
        return proposals

    def _nothing_free(self) -> list[Proposal]:
        """One group or none: runs by other inputs, to see that nothing else matters.

        Inputs that change together hide a dimensional constant inside the kernel that their ratio
        decides on: one run lies where the target is largest, and one in another direction.
        """
        space, tier = self.evidence.space, self.evidence.tier
        most = np.where(space.offset < 0.0, -1.0, 1.0)
        alike = abs(most.sum()) == len(most)
        aside = -most if len(most) == 1 else (-1.0) ** np.arange(len(most)) if alike else abs(most)
        places = (space.centre, *(space.centre + side * space.half for side in (most, aside)))
        made = self.evidence.purposes.count("support")
        why = ("the constant", *["no group changes: does nothing else matter?"] * 2)
        return [
            Proposal(np.zeros(0), tier, "support", reason, logs=logs)
            for logs, reason in list(zip(places, why, strict=True))[made:]
        ]

    def _replicates(self) -> list[Proposal]:
        """Equal runs, where the kernel is not exact: what no law explains."""
        evidence, model = self.evidence, self.evidence.model
        sites, rank = model.sites, evidence.space.rank
        freedom = evidence.runs.scatter(evidence.tier)[1] if rank else model.scatter.freedom
        if not len(sites) or freedom >= FREEDOM:
            return []
        if not evidence.stochastic and not (freedom and model.scatter.sigma):
            if freedom or len(sites) < rank + 2 or self._one_law_fits():
                return []
            at = int(np.argmin(np.linalg.norm(sites.z, axis=1)))
            reason = "one law does not go through the runs: is it noise?"
            return [evidence.again(sites.z[at], reason)]
        rows = np.resize(np.argsort(sites.count, kind="stable"), FREEDOM - freedom)
        again, proposals = Counter[int](), list[Proposal]()
        for i in rows.tolist():
            reason = "the same run again, to know the scatter"
            proposals.append(evidence.again(sites.z[i], reason, again[i]))
            again[i] += 1
        return proposals

    def _one_law_fits(self) -> bool:
        """Whether one law goes through all runs, though they may be too few to be sure of it."""
        sites, scatter = self.evidence.model.sites, self.evidence.model.scatter
        law = FittedLaw.fit(sites, np.arange(len(sites)), scatter)
        return bool(np.all(np.abs(law(sites.z) - sites.y) <= scatter.resolution))

    def _predictions(self) -> list[Proposal]:
        """Runs that are predicted before they are made: at corners, and inside."""
        evidence, rank = self.evidence, self.evidence.space.rank
        z, purposes = evidence.model.sites.z, evidence.purposes
        # what known runs have predicted already counts, once the corners were looked at
        checked = 0 if len(evidence.model.laws) > 1 else purposes.count("check")
        done = "inside" in purposes or (checked and "corner" in purposes)
        if not rank or done or not z.size:
            return []
        pool = evidence.usable_pool
        corners, proposals = evidence.corners(), list[Proposal]()
        for _ in range(min(_CORNERS, rank + 1)):
            w, share = hidden(evidence.space, z, pool)
            if share <= _HIDDEN or not len(corners):
                break
            at = corners[np.argmax(corners @ w)]
            reason = f"{share:.0%} of the ranges lie beyond all runs along one monomial"
            proposals.append(evidence.propose(at, "corner", reason))
            z = np.vstack([z, at])
        inside = evidence.farthest((1 if proposals else 2) - checked, pool, z)
        proposals += [evidence.propose(p, "inside", "farthest from every run") for p in inside]
        return [evidence.predicted(p) for p in proposals]

    def _narrow(self) -> list[Proposal]:
        """Runs that tell most about the law with the widest interval."""
        evidence, model = self.evidence, self.evidence.model
        purposes, rank, plan = evidence.purposes, evidence.space.rank, evidence.binding.plan
        sigma = model.scatter.sigma
        tried = purposes.count("narrow") >= _NARROWING * (rank + 1) * max(1, len(model.laws))
        if sigma:
            # intervals of one law surely shrink
            last = evidence.tier == len(evidence.binding.tiers) - 1
            most = _HOPELESS * (plan.budget.runs if last else plan.budget.coarse)
            tried &= len(model.laws) > 1 and evidence.expected_runs > most
        wide = [k for k in evidence.answered if evidence.width(model.laws[k]) > 1.0]
        if tried or not wide or not (sigma or rank):
            return []
        k = max(wide, key=lambda k: evidence.width(model.laws[k]))
        offers = np.vstack([evidence.corners(), model.sites.z, evidence.design.pool[:256]])
        offers = offers[evidence.feasible(offers)]
        # a law that holds alone nowhere is known from where it leads
        alone, leads = (model.holds(offers, strictly)[:, k] for strictly in (True, False))
        offers = offers[alone if alone.any() else leads]
        # without noise a run says nothing new where there is one
        offers = offers if sigma else offers[nearest(offers, model.sites.z) > 0.0]
        if not len(offers):
            return []
        rows, table = model.laws[k].rows, self._terms(offers)
        terms = self._terms(model.sites.z[rows])
        moments = (terms * model.sites.count[rows][:, None]).T @ terms
        reason = f"the exponents of law {k + 1} are not within their tolerance; here they gain most"
        again, proposals = Counter[int](), list[Proposal]()
        for _ in range(plan.execution.batch):
            at = self._best(moments, table)
            moments = moments + np.outer(table[at], table[at])
            if sigma or not again[at]:
                proposal = evidence.again(offers[at], reason, again[at])
                proposals.append(replace(proposal, purpose="narrow"))
            again[at] += 1
        return proposals

    def _best(self, moments: Array, table: Array) -> int:
        """The row that takes the most off the widest interval of what is asked (c-optimal).

        What determines all constants best left laws with noise unanswered.
        """
        inverse, c = np.linalg.pinv(moments), self.evidence.functionals()
        if len(inverse) > c.shape[1]:
            c = np.pad(c, ((0, 1), (0, 1)))
            c[-1, -1] = self.evidence.reach / STEADY
        widest = c[int(np.argmax(np.einsum("ij,jk,ik->i", c, inverse, c)))]
        lever = np.einsum("ij,jk,ik->i", table, inverse, table)
        return int(np.argmax((table @ inverse @ widest) ** 2 / (1.0 + lever)))

    def _terms(self, z: Array) -> Array:
        """Terms of a law, and the curvature that one law with noise must not have."""
        model, table = self.evidence.model, np.column_stack([np.ones(len(z)), z])
        bent = model.scatter.sigma and self.evidence.space.rank and len(model.laws) == 1
        return np.column_stack([table, np.sum(z**2, axis=1)]) if bent else table


class RegimeSearch:
    """Where runs follow no law: is there another around them, or between all runs?

    Parameters
    ----------
    evidence : TierEvidence
    """

    def __init__(self, evidence: TierEvidence) -> None:
        self.evidence = evidence
        self._probed: set[tuple[int, int]] = set()
        self._turn = 0

    def around_unexplained(self) -> list[Proposal]:
        """Runs around one that follows no law, and by turns where no run is near."""
        evidence, model = self.evidence, self.evidence.model
        unexplained, unknowns = evidence.unexplained(), evidence.space.rank + 1
        few = len(model.sites) <= unknowns
        if not len(unexplained) or few or len(model.unexplained) > _LAWLESS * unknowns:
            return []
        alone = [i for i in unexplained if model.scatter.sigma and model.sites.count[i] < 2]
        if alone:
            reason = "the run follows no law: is it the noise?"
            return [evidence.again(model.sites.z[i], reason) for i in alone]
        far = unexplained[
            np.argsort(-np.linalg.norm(model.sites.z[unexplained], axis=1), kind="stable")
        ]
        while self._turn < _TURNS:
            self._turn += 1
            fills = self._turn % 2 == 0 or self._turn > _PROBING
            level = (self._turn // 2) % len(_PROBES)
            for i in [-1] if fills else far.tolist():
                number = int(model.sites.numbers[i]), level
                if not fills and number in self._probed:
                    continue
                self._probed |= set() if fills else {number}
                proposals = self.filling() if fills else self._probe(i, level)
                if any(map(evidence.fresh, proposals)):
                    return proposals
        return []

    def filling(self) -> list[Proposal]:
        """Runs far from every other, outside of what the laws explain."""
        evidence, model = self.evidence, self.evidence.model
        offers, sites = evidence.usable_pool, model.sites.z
        lost = evidence.runs.lost(evidence.tier)
        if len(lost) > max(_SEARCH, 2 * len(sites)):
            return []
        if len(sites) and len(offers):
            # where the nearest run follows no law; anywhere, if there is no such place
            near = np.argmin(np.linalg.norm(offers[:, None] - sites[None], axis=2), axis=1)
            lone = offers[~model.explained[near]]
            offers = lone if len(lone) else offers
        number = (1 if self._turn <= _PROBING else 2) * (evidence.space.rank + 1)
        reason = "far from every run, and no law holds here"
        places = evidence.farthest(number, offers, np.vstack([sites, lost]))
        return [evidence.propose(at, "fill", reason) for at in places]

    def _probe(self, anchor: int, level: int) -> list[Proposal]:
        """A simplex around a run, inwards, and its middle."""
        evidence, model = self.evidence, self.evidence.model
        z, rank = model.sites.z, evidence.space.rank
        at, others = z[anchor], z[np.setdiff1d(model.unexplained, [anchor])]
        ends = np.vstack([evidence.corners(), others])
        share = np.full(len(ends), _PROBES[level])
        if not level and len(others):
            share[-len(others) :] = 0.5
        offers = at + share[:, None] * (ends - at)
        offers = offers[evidence.feasible(offers) & (np.linalg.norm(offers - at, axis=1) > 1e-6)]
        chosen = d_optimal(at[None], offers, rank + 1, enough=False)[:rank]
        reason = "around a run that follows no law: does another hold here?"
        places = (*chosen, np.mean([at, *chosen], axis=0))
        return [evidence.propose(p, "probe", reason) for p in places]


class BorderSearch:
    """Where one law gives way to another, how, and where runs give answers at all.

    Parameters
    ----------
    evidence : TierEvidence
    """

    def __init__(self, evidence: TierEvidence) -> None:
        self.evidence = evidence
        self._asked: Counter[tuple[int, ...]] = Counter()

    def domain(self) -> list[Proposal]:
        """Where runs give no answer: between those that do and those that do not."""
        evidence, domain = self.evidence, self.evidence.domain
        if domain is None:
            return []
        good, lost = evidence.model.sites.z, evidence.runs.lost(evidence.tier)
        agreed = len(good) < evidence.space.rank + 2
        pool = evidence.design.pool
        return self._parting((), domain, good, lost, pool, _DOMAIN, "domain", agreed)

    def jumps(self) -> list[Proposal]:
        """Steps between two laws; where one has a width, its two ends."""
        evidence, model = self.evidence, self.evidence.model
        for b in model.borders:
            if b.meets or not len(model.crossings(b)):
                continue
            z = model.sites.z
            pool = evidence.usable_pool
            pool = pool[model.between(b, pool)]
            below, above = (model.laws[k].rows for k in (b.below, b.above))
            # runs on the step follow neither law
            along = b.along(z)
            inner = np.flatnonzero((along > b.low) & (along < b.high))
            parts = [below, inner, above] if len(inner) else [below, above]
            for one, other in pairwise(range(len(parts))):
                sets = np.concatenate(parts[: one + 1]), np.concatenate(parts[other:])
                apart = separating(evidence.space.axes, *(z[rows] for rows in sets))
                if apart is None:
                    continue
                key = b.below, b.above, one
                points = z[sets[0]], z[sets[1]]
                proposals = self._parting(key, apart, *points, pool, _BRACKET, "border", False)
                if any(map(evidence.fresh, proposals)):
                    return proposals
        return []

    def _parting(
        self,
        key: tuple[int, ...],
        apart: Separation,
        one: Array,
        other: Array,
        pool: Array,
        bracket: float,
        purpose: str,
        agreed: bool,
    ) -> list[Proposal]:
        """The run that tells most about where, and along what, two sets of runs part.

        Rivals are the monomials that part them, at any place between the last run of the one and
        the first of the other. None is asked for once the place is known to `bracket`, and all the
        monomials agree about nearly all of the ranges, or are `agreed` on.
        """
        space = self.evidence.space
        agreed |= space.rank < 2 or self._asked[key] >= _DISPUTES * space.rank
        every = [apart, *([] if agreed else rivals(space.axes, one, other))]
        offers = np.vstack([pool, ((one[:, None] + other[None]) / 2.0).reshape(-1, space.rank)])
        wide = np.log(apart.high / apart.low) > bracket
        middles = np.array([s.is_first(space.axes, 0.5, pool) for s in every])
        differ = np.max(np.mean(middles != middles[0], axis=1), initial=0.0) > _AGREED
        spent = self._asked[key] >= _HALVINGS + _DISPUTES * space.rank
        if spent or not len(pool) or not (wide or differ):
            return []
        places = _QUARTERS if wide else (0.5,)
        sides = np.array([s.is_first(space.axes, at, offers) for s in every for at in places])
        # points about which all rivals say the same are one: that nearest to the middle
        middle = (one.mean(axis=0) + other.mean(axis=0)) / 2.0
        order = np.argsort(np.linalg.norm(offers - middle, axis=1), kind="stable")
        _, first = np.unique(sides[:, order], axis=1, return_index=True)
        rows = order[np.sort(first)]
        even = np.abs(sides[:, rows].mean(axis=0) - 0.5)
        rows = rows[np.argsort(even, kind="stable")[:_PLACES]]
        none = np.zeros((len(rows), 1)), np.zeros((1, 1)), np.full(len(rows), _CERTAIN)
        said, alike = np.unique(sides[:, rows].astype(float), axis=0, return_counts=True)
        (best,) = choose([Prediction(*one, *none) for one in zip(alike, said, strict=True)], 1)
        self._asked[key] += 1
        reason = f"where, and along which of {len(every)} monomials, do these runs part?"
        return [self.evidence.propose(offers[rows[best.place]], purpose, reason)]

    def meetings(self) -> list[Proposal]:
        """Where two laws meet: how smooth their crossover is."""
        evidence, model = self.evidence, self.evidence.model
        asked = evidence.runs.z[
            [a.point for a in evidence.runs.of_tier(evidence.tier) if a.purpose == "border"]
        ]
        for b in model.borders:
            if b.meets and np.isnan(b.sharpness):
                close = np.abs(b.along(asked)) <= b.high
                if np.sum(close & model.between(b, asked)) >= _MEETINGS:
                    continue
                proposals = self._at(b, 0.0, "border", "two laws meet here: how smooth is it?")
                if any(map(evidence.fresh, proposals)):
                    return proposals
        return []

    def _at(self, b: Border, along: float, purpose: str, reason: str) -> list[Proposal]:
        """The point where what decides a border has a value, farthest from all runs."""
        model, z = self.evidence.model, self.evidence.model.sites.z
        ends = b.along(z)
        places = [
            z[i] + (along - ends[i]) / (ends[j] - ends[i]) * (z[j] - z[i])
            for i, j in model.crossings(b)
            if ends[i] <= along <= ends[j]
        ]
        offers = np.array(places).reshape(-1, z.shape[1])
        good = model.between(b, offers) & self.evidence.feasible(offers)
        for o in model.borders:
            # other borders should be far away
            apart = good & (np.abs(o.along(offers) - o.middle) > o.high - o.low)
            good = apart if o is not b and apart.any() else good
        chosen = self.evidence.farthest(1, offers[good], z)
        return [self.evidence.propose(at, purpose, reason) for at in chosen]

    def sides(self) -> list[Proposal]:
        """Laws of several regimes are predicted once more: beside their borders, and inside."""
        evidence, model = self.evidence, self.evidence.model
        if len(model.laws) < 2 or not evidence.clear:
            return []
        every, held, when = evidence.checks()
        if len(set(when[~held].tolist())) >= _MISSES:
            return []
        checked, proposals = every[held], list[Proposal]()
        for b in model.borders:
            if not len(model.crossings(b)) or (not b.meets and evidence.space.rank < 2):
                continue
            along = b.along(checked)
            room = max(0.3 * (b.high - b.low), _BRACKET)
            for end, side in ((b.low, -1.0), (b.high, 1.0)):
                near = side * (along - end)
                if not np.any((near >= 0.0) & (near <= 3.0 * room)):
                    reason = "beside a border, where one law should hold already"
                    proposals += self._at(b, end + side * room, "check", reason)
        pool, z = evidence.usable_pool, model.sites.z
        inside, seen = model.holds(pool), model.holds(checked).sum(axis=0) > 0
        for k in evidence.answered:
            deep = evidence.farthest(0 if seen[k] else 1, pool[inside[:, k]], z)
            reason = "inside a regime, far from its runs"
            proposals += [evidence.propose(at, "check", reason) for at in deep]
        if not proposals and not (len(checked) and evidence.proven):
            # no law holds alone in much of the ranges, or the last prediction missed
            for at in evidence.farthest(_CHECKS, pool, z):
                proposals.append(evidence.propose(at, "check", "farthest from every run"))
        return [evidence.predicted(p) for p in proposals]


def first_runs(binding: Binding, design: CampaignDesign) -> list[dict[str, float | str]]:
    """Inputs of the first runs of a plan."""
    evidence = TierEvidence(binding, design, CampaignRuns(binding.space.rank), 0)
    return [
        binding.values(p.logs) if p.logs is not None else design.values(p.z)
        for p in Strategy(evidence).next()
    ]
