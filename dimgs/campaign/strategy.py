"""The next runs: as few as the question has unknowns, then those that the evidence asks for."""

import numpy as np
from scipy.special import stdtrit

from dimgs.campaign.binding import Binding
from dimgs.campaign.design import CampaignDesign, d_optimal, hidden, nearest
from dimgs.campaign.laws import FittedLaw
from dimgs.campaign.search import RegimeSearch
from dimgs.campaign.space import CampaignRuns
from dimgs.campaign.state import FIRST, FREEDOM, STEADY, Proposal
from dimgs.common.arrays import Array

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


class Strategy(RegimeSearch):
    """Questions to the runs of one tier, in order; the first that is open says what to run."""

    def next(self) -> list[Proposal]:
        """Runs that answer the first open question; none where all are answered, or cannot be."""
        if self.binding.linear:
            return self._spread()
        for question in (
            self.domain_runs,
            self._support,
            lambda: self._replicates(FIRST),
            self._predictions,
            lambda: self._replicates(FREEDOM),
            self.regimes_runs,
            self.meetings_runs,
            self.jumps_runs,
            self.sides_runs,
            self._narrow,
        ):
            chosen = [p for p in question() if self.fresh(p)]
            if chosen:
                self._asked += [p.z for p in chosen if not p.replicate]
                return chosen
        return self.owed

    def _spread(self) -> list[Proposal]:
        """Where there are no power laws to look for: a corner, and points that fill the ranges."""
        reason = "space-filling, since inputs that change sign have no power laws"
        wanted = [np.zeros(self.space.rank), *self.corners()[:2], *self.design.pool]
        made = len(self.runs.made_for(self.tier))
        batch = self.binding.plan.execution.batch
        return [self.propose(z, "support", reason) for z in wanted[made : made + batch]]

    def _support(self) -> list[Proposal]:
        """As many runs as a law has unknowns, at corners, and the centre."""
        z, rank = self.model.sites.z, self.space.rank
        names = ", ".join(self.binding.plan.ranges)
        if not rank:
            return self._nothing_free()
        chosen = d_optimal(z, self.corners(), rank + 1)
        reason = f"D-optimal for one power law over what the ranges of {names} reach"
        found = [self.propose(c, "support", reason) for c in chosen]
        if len(z) < rank + 2 and not any(map(self.fresh, found)):
            found += self.filling_runs()
        centre = np.zeros(rank)
        if found or len(z) < rank + 2:
            if self.feasible(centre[None])[0]:
                found.append(self.propose(centre, "support", "the centre, which sees curvature"))
            more = self.binding.plan.survey or 0
            reason = "space-filling, as the survey of the plan asks for"
            found += [
                self.propose(p, "support", reason)
                for p in self.design.pool[: max(0, more - len(found) - len(z))]
            ]
        return found

    def _nothing_free(self) -> list[Proposal]:
        """One group or none: runs by other inputs, to see that nothing else matters.

        Inputs that change together hide a dimensional constant inside the kernel that their ratio
        decides on: one run lies where the target is largest, and one in another direction.
        """
        space = self.space
        most = np.where(space.offset < 0.0, -1.0, 1.0)
        alike = abs(most.sum()) == len(most)
        aside = -most if len(most) == 1 else (-1.0) ** np.arange(len(most)) if alike else abs(most)
        places = (space.centre, *(space.centre + side * space.half for side in (most, aside)))
        made = sum(what == "support" for _, what in self.runs.made_for(self.tier))
        told = ("the constant", "no group changes: does nothing else matter?")
        return [
            Proposal(np.zeros(0), self.tier, "support", told[min(i, 1)], logs=logs)
            for i, logs in enumerate(places)
            if i >= made
        ]

    def _replicates(self, wanted: int) -> list[Proposal]:
        """Equal runs, where the kernel is not exact: what no law explains."""
        sites, model = self.model.sites, self.model
        freedom = self.runs.scatter(self.tier)[1] if self.space.rank else model.scatter.freedom
        if not len(sites) or freedom >= wanted or (self.settled and self.worst <= 1.0):
            return []
        if not self.stochastic and not (freedom and model.scatter.sigma):
            if freedom or len(sites) < self.space.rank + 2 or self._one_law_fits():
                return []
            at = int(np.argmin(np.linalg.norm(sites.z, axis=1)))
            return [self.again(sites.z[at], "one law does not go through the runs: is it noise?")]
        order = np.argsort(sites.count, kind="stable")
        reason = "the same run again, to know the scatter"
        rows = np.resize(order, wanted - freedom)
        found: list[Proposal] = []
        for i in rows:
            own = sum(np.array_equal(p.z, sites.z[i]) for p in found)
            found.append(self.again(sites.z[i], reason, own))
        return found

    def _one_law_fits(self) -> bool:
        """Whether one law goes through all runs, though they may be too few to be sure of it."""
        sites = self.model.sites
        law = FittedLaw.fit(sites, np.arange(len(sites)), self.model.scatter)
        return bool(np.all(np.abs(law(sites.z) - sites.y) <= self.model.scatter.resolution))

    def _predictions(self) -> list[Proposal]:
        """Runs that are predicted before they are made: at corners, and inside."""
        rank = self.space.rank
        purposes = [what for _, what in self.runs.made_for(self.tier)]
        # what known runs have predicted already counts, once the corners were looked at
        checked = 0 if len(self.model.laws) > 1 else purposes.count("check")
        done = "inside" in purposes or (checked and "corner" in purposes)
        if not rank or done or not self.model.sites.z.size:
            return []
        z, pool = self.model.sites.z, self.design.pool
        pool = pool[self.feasible(pool)]
        corners, found = self.corners(), []
        for _ in range(min(_CORNERS, rank + 1)):
            w, share = hidden(self.space, z, pool)
            if share <= _HIDDEN or not len(corners):
                break
            at = corners[np.argmax(corners @ w)]
            reason = f"{share:.0%} of the ranges lie beyond all runs along one monomial"
            found.append(self.propose(at, "corner", reason))
            z = np.vstack([z, at])
        for _ in range((1 if found else 2) - checked):
            at = pool[np.argmax(nearest(pool, z))] if len(pool) else np.zeros(rank)
            found.append(self.propose(at, "inside", "farthest from every run"))
            z = np.vstack([z, at])
        return [self.foretold(p) for p in found]

    def needed(self) -> int:
        """Further runs that the noise asks for, with one law."""
        law = self.model.laws[0]
        corners = np.column_stack([np.ones(len(self.design.corners)), self.design.corners])
        per_run = np.linalg.pinv(corners.T @ corners / len(corners))
        c = self.functionals()
        t = float(stdtrit(law.freedom, 0.5 + self.joint_level / 2.0))
        variance = float(np.max(np.einsum("ij,jk,ik->i", c, per_run, c), initial=0.0))
        # a curvature is told best by as many runs at the centre as at the corners
        corner = float(np.mean(np.sum(self.design.corners**2, axis=1))) or 1.0
        variance = max(variance, (2.0 * self.reach / (STEADY * corner)) ** 2)
        return int(np.ceil(variance * (t * law.sigma / self.tolerance) ** 2))

    def _narrow(self) -> list[Proposal]:
        """Runs that take the most off the widest interval."""
        model = self.model
        purposes = [what for _, what in self.runs.made_for(self.tier)]
        rank, budget = self.space.rank, self.binding.plan.budget
        tried = purposes.count("narrow") >= _NARROWING * (rank + 1) * max(1, len(model.laws))
        if model.scatter.sigma:
            # intervals shrink with the root of the number of runs; those of one law surely do
            last = self.tier == len(self.binding.tiers) - 1
            most = _HOPELESS * (budget.runs if last else budget.coarse)
            tried &= len(model.laws) > 1 and len(purposes) * self.worst**2 > most
        if tried or (not model.scatter.sigma and not rank):
            return []
        open_laws = [k for k in self.answered if self.width(model.laws[k]) > 1.0]
        if not open_laws:
            return []
        k = max(open_laws, key=lambda k: self.width(model.laws[k]))
        offers = np.vstack([self.corners(), model.sites.z, self.design.pool[:256]])
        usable = self.feasible(offers)
        alone = model.holds(offers)[:, k] & usable
        # a law that holds alone nowhere is known from where it leads
        leads = model.holds(offers, strictly=False)[:, k] & usable
        offers = offers[alone if alone.any() else leads]
        found: list[Proposal] = []
        rows = model.laws[k].rows
        table = self._terms(model.sites.z[rows])
        moments = (table * model.sites.count[rows][:, None]).T @ table
        reason = f"the exponents of law {k + 1} are not within their tolerance; here they gain most"
        for _ in range(self.binding.plan.execution.batch if len(offers) else 0):
            at = offers[self._best(moments, offers)]
            row = self._terms(at[None])
            moments = moments + row.T @ row
            own = sum(np.array_equal(p.z, at) for p in found)
            number = self.runs.count(at, self.tier) + own
            found.append(Proposal(at, self.tier, "narrow", reason, replicate=number))
            if not model.scatter.sigma:
                offers = offers[np.abs(offers - at).max(axis=1) > 1e-6]
                if not len(offers):
                    break
        return [p for p in found if model.scatter.sigma or not p.replicate]

    def _terms(self, z: Array) -> Array:
        """Terms of a law, and the curvature that one law with noise must not have."""
        table = np.column_stack([np.ones(len(z)), z])
        bent = self.model.scatter.sigma and self.space.rank and len(self.model.laws) == 1
        return np.column_stack([table, np.sum(z**2, axis=1)]) if bent else table

    def _best(self, moments: Array, offers: Array) -> int:
        inverse = np.linalg.pinv(moments)
        c = self.functionals()
        if len(inverse) > c.shape[1]:
            c = np.pad(c, ((0, 1), (0, 1)))
            c[-1, -1] = self.reach / STEADY
        widest = c[int(np.argmax(np.einsum("ij,jk,ik->i", c, inverse, c)))]
        rows = self._terms(offers)
        lever = np.einsum("ij,jk,ik->i", rows, inverse, rows)
        return int(np.argmax((rows @ inverse @ widest) ** 2 / (1.0 + lever)))


def first_runs(binding: Binding, design: CampaignDesign) -> list[dict[str, float | str]]:
    """Inputs of the first runs of a plan."""
    strategy = Strategy(binding, design, CampaignRuns(binding.space.rank), 0)
    return [
        binding.values(p.logs) if p.logs is not None else design.values(binding, p.z)
        for p in strategy.next()
    ]
