"""Proposals become runs, and runs become answers at points."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from dimgs.campaign.binding import Binding
from dimgs.campaign.design import SurveyDesign, moved
from dimgs.campaign.journal import DecisionLog
from dimgs.campaign.proposals import Proposal
from dimgs.campaign.runner import Runner
from dimgs.campaign.space import Points
from dimgs.campaign.workers import RunTask
from dimgs.errors import FitError
from dimgs.kernels.content import canonical_inputs, run_seed
from dimgs.kernels.record import RunRecord

Array = NDArray[np.float64]

# the logarithm of what a float can hold
_MOST = 709.0


class Experiment:
    """Makes runs within the budget and keeps their answers.

    Parameters
    ----------
    binding : Binding
    design : SurveyDesign
    log : DecisionLog

    Attributes
    ----------
    points : Points
    most, left : dict of int to int
        Runs that each tier may have, and those that it may still have.
    asked : list of str
        Keys of the runs, in order.
    finest : list of str
        Keys of the usable runs of the finest tier.
    seconds : float
        Wall time of the kernel in all of them.
    failed : int
        Runs without an answer.
    noise : float
        Standard deviation of log pi_0 of a run, from replicates; its upper limit at 90 %.
    logs : dict of int to ndarray of shape (n_inputs,)
        Logarithms of the varying inputs of the runs at each point.
    """

    runner: Runner

    def __init__(self, binding: Binding, design: SurveyDesign, log: DecisionLog) -> None:
        self.binding, self.design, self.log = binding, design, log
        self.points = Points(binding.space.rank, len(binding.tiers))
        budget = binding.plan.budget
        last = len(binding.tiers) - 1
        self.most = {t: budget.runs if t == last else budget.coarse for t in range(last + 1)}
        self.left = dict(self.most)
        self.asked: list[str] = []
        self.finest: list[str] = []
        self.seconds = 0.0
        self.failed = 0
        self.noise = 0.0
        self.lost: Counter[str] = Counter()
        self.logs: dict[int, Array] = {}

    @property
    def stochastic(self) -> bool:
        """Whether equal inputs may give different answers."""
        return bool(getattr(self.binding.kernel, "stochastic", False))

    @property
    def spent(self) -> bool:
        """Whether the runs have used the time of the plan."""
        most = self.binding.plan.budget.seconds
        return most is not None and self.seconds >= most

    def make(self, proposals: list[Proposal]) -> None:
        """Make runs, equivalent ones left out, and record their answers."""
        chosen: list[tuple[int, Proposal, RunTask]] = []
        for proposal in proposals:
            task = self._task(proposal, {(row, p.tier) for row, p, _ in chosen})
            if task is not None:
                chosen.append(task)
        try:
            records = self.runner.run([task for _, _, task in chosen])
        except FitError as error:
            self.log.add("stop", str(error))
            raise
        replicated = []
        for (row, proposal, _), record in zip(chosen, records, strict=True):
            value = self._taken(record, proposal)
            if proposal.purpose != "replicate":
                self.points.record(row, proposal.tier, value)
            elif value is not None:
                replicated.append(value - self.points.y[row, proposal.tier])
        if replicated:
            # few pairs tell the noise to tens of per cent: what it exceeds with 10 % at most
            square = np.square(replicated)[np.isfinite(replicated)]
            least = chi2.ppf(0.1, max(len(square), 1))
            self.noise = float(np.sqrt(square.sum() / 2.0 / least))

    def why_lost(self) -> str:
        """The most frequent reason of runs without an answer, as a sentence."""
        if not self.lost:
            return ""
        return f" The most frequent reason: {self.lost.most_common(1)[0][0]}"

    def _task(
        self, proposal: Proposal, now: set[tuple[int, int]]
    ) -> tuple[int, Proposal, RunTask] | None:
        tier = proposal.tier
        if self.left[tier] <= 0:
            return None
        values = self.design.values(self.binding, proposal.z)
        logs = self.binding.logs(values)
        row = self.points.add(self.binding.space.coordinates(logs[None])[0])
        self.logs.setdefault(row, logs)
        replicate = proposal.purpose == "replicate"
        if not replicate and (self.points.tried(row, tier) or (row, tier) in now):
            reason = "an equivalent run, of equal groups, was made: it would say the same"
            self._note("skip", proposal, values, reason, None)
            return None
        seed = self._seed(values, proposal) if self.stochastic else None
        request = self.binding.request(values, tier, seed)
        self._note(proposal.purpose, proposal, values, proposal.reason, request.key)
        self.left[tier] -= 1
        plan = self.binding.plan
        return row, proposal, RunTask(plan.kernel, request, values, plan.execution.timeout)

    def _seed(self, values: Mapping[str, float | str], proposal: Proposal) -> int:
        """Seed of a run; runs that differ in anything have seeds that have nothing in common."""
        ports, tier = self.binding.kernel.inputs, self.binding.tiers[proposal.tier].name
        inputs = canonical_inputs(ports, values, values)
        return run_seed(self.binding.plan.seed, inputs, tier, proposal.replicate)

    def moved(self) -> tuple[str, ...]:
        """Inputs that differ between runs."""
        return moved(self.binding.space, list(self.logs.values()))

    def _taken(self, record: RunRecord, proposal: Proposal) -> float | None:
        self.asked.append(record.key)
        self.seconds += record.wall_seconds
        value = self.binding.response(record)
        if value is None:
            self.failed += 1
            reason = record.reason or f"{self.binding.target.name} is not above zero."
            self.lost[reason] += 1
            self.log.add("lost", f"{record.status}: {reason}", tier=record.tier, key=record.key)
        elif proposal.tier == len(self.binding.tiers) - 1:
            self.finest.append(record.key)
        return value

    def _note(
        self,
        decision: str,
        proposal: Proposal,
        values: dict[str, float | str],
        reason: str,
        key: str | None,
    ) -> None:
        space = self.binding.space
        units = {p.name: p.unit for p in self.binding.kernel.inputs}
        logs = space.log_groups(proposal.z[None])[0]
        groups = zip(space.basis.groups, logs, strict=True)
        more = {"gain": proposal.gain} if 0.0 < proposal.gain < 1e5 else {}
        self.log.add(
            decision,
            reason,
            tier=self.binding.tiers[proposal.tier].name,
            inputs={n: f"{values[n]:.4g} {units[n]}" for n in space.names},
            groups={g.name: float(np.exp(np.clip(v, -_MOST, _MOST))) for g, v in groups},
            key=key,
            **more,
        )
