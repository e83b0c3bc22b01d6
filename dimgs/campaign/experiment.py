"""Proposals become runs, and runs become answers at points."""

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np

from dimgs.campaign.binding import Binding
from dimgs.campaign.design import CampaignDesign, moved
from dimgs.campaign.evidence import PREDICTED, Proposal
from dimgs.campaign.journal import DecisionLog
from dimgs.campaign.prior_runs import PriorRun, PriorRuns
from dimgs.campaign.result import Ending, Outcome
from dimgs.campaign.runner import Runner
from dimgs.campaign.space import EVIDENCE, CampaignRuns
from dimgs.campaign.text import quantity
from dimgs.campaign.workers import RunTask
from dimgs.common.arrays import Array
from dimgs.common.errors import FitError
from dimgs.kernels.content import canonical_inputs, run_seed
from dimgs.kernels.record import RunRecord
from dimgs.kernels.spec import of_tier

# relative; far above the twelve digits that make two runs one, far below what a kernel resolves
_NUDGE = 1e-9
# differences of a run from itself by which another one of equal groups must differ: one pair shows
# noise roughly, and of normal noise the ratio of two differences is beyond 100 in 0.6 % (2/pi
# arctan 1/100); beyond 10 it would be in 6 %
_BEYOND_NOISE = 100.0
# the logarithm of what a float can hold
_MOST = 709.0


@dataclass(eq=False)
class Experiment:
    """Makes runs within the budget and keeps their answers.

    Parameters
    ----------
    binding : Binding
    design : CampaignDesign
    log : DecisionLog
    elsewhere : PriorRuns
        Runs that exist already.

    Attributes
    ----------
    runs : CampaignRuns
    most, left : dict of int to int
        Runs that each tier may have, and those that it may still have.
    asked : list of str
        Keys of the runs, in order.
    usable : dict of int to list of (ndarray, RunRecord)
        Places and records of the runs with an answer, by tier, without the evidence.
    evidence : list of PriorRun
        Runs from elsewhere among the runs, that do not count as made.
    seconds : float
        Wall time of the kernel in all of them.
    failed : int
        Runs without an answer.
    logs : list of ndarray of shape (n_inputs,)
        Logarithms of the varying inputs of every run but the images.
    """

    binding: Binding
    design: CampaignDesign
    log: DecisionLog
    elsewhere: PriorRuns
    runner: Runner = field(init=False)

    def __post_init__(self) -> None:
        budget, tiers = self.binding.plan.budget, range(len(self.binding.tiers))
        self.runs = CampaignRuns(self.binding.space.rank)
        self.most = {t: budget.runs if t == tiers[-1] else budget.coarse for t in tiers}
        self.left = dict(self.most)
        self.usable: dict[int, list[tuple[Array, RunRecord]]] = {t: [] for t in tiers}
        self.asked: list[str] = []
        self.logs: list[Array] = []
        self.evidence: list[PriorRun] = []
        self.seconds = 0.0
        self.failed = 0
        self.lost: Counter[str] = Counter()
        self._taken_over: set[str] = set()
        self._closed = bool(self.elsewhere.exact)
        self._alike = False

    @property
    def stochastic(self) -> bool:
        """Whether equal inputs may give different answers."""
        return bool(getattr(self.binding.kernel, "stochastic", False))

    @property
    def spent(self) -> bool:
        """Whether the runs have used the time of the plan."""
        return self.seconds >= (self.binding.plan.budget.seconds or np.inf)

    def used_up(self, tier: int) -> Ending:
        """That the budget has no run of a tier left."""
        text = f"the {of_tier(self.binding.tiers[tier].name)}runs are used up"
        return Ending(Outcome.BUDGET, text)

    def made(self, tier: int) -> int:
        """Runs of a tier that were paid from the budget."""
        return self.most[tier] - self.left[tier]

    def counts(self, interrupted: int) -> dict[str, int]:
        """How the runs came about; `interrupted` of them an earlier start left in flight."""
        return {
            "asked": len(self.asked),
            **self.runner.tally,
            "interrupted": interrupted,
            "elsewhere": len(self.evidence) + len(self._taken_over),
            "failed": self.failed,
        }

    def opens(self, proposals: list[Proposal]) -> bool:
        """Whether runs from elsewhere that count as made do not answer these proposals.

        As long as they do, a campaign decides as if they were made now. Then all the others of
        them, at whatever places, are taken over, and it has to decide again.
        """
        exact = self.elsewhere.exact.keys()
        opened = self._closed and not self._chosen(proposals, quiet=True)[0].keys() <= exact
        if opened:
            self.open()
        return opened

    def open(self) -> None:
        """Take over all runs from elsewhere that count as made."""
        if not self._closed:
            return
        self._closed = False
        rest = [p for k, p in self.elsewhere.exact.items() if k not in self._taken_over]
        self._taken_over |= self.elsewhere.exact.keys()
        for placed in rest:
            self.runs.add(placed.z, placed.tier, placed.y, "known")
            self.logs.append(placed.logs)
            if placed.y is not None:
                self.usable[placed.tier].append((placed.z, placed.record))
        self.log.add("known", f"{len(rest)} further runs from elsewhere count as made")

    def believe(self, evidence: list[PriorRun]) -> None:
        """Take evidence for runs."""
        for placed in evidence:
            self.runs.add(placed.z, placed.tier, placed.y, EVIDENCE, placed.error)
        self.evidence += evidence

    def doubt(self, why: str) -> None:
        """Leave all evidence aside."""
        self.runs.without_evidence()
        for placed in self.evidence:
            self.elsewhere.tell(placed.origin, -1, f"left aside: {why}")
        self.log.add("known", f"the runs from elsewhere are left aside: {why}")
        self.evidence = []

    def make(self, proposals: list[Proposal]) -> list[Proposal]:
        """Make runs, equivalent ones left out, and record their answers.

        Returns
        -------
        list of Proposal
            Those for which the budget has no run left.
        """
        chosen, short = self._chosen(proposals)
        for key, (_, proposal, task) in chosen.items():
            self._note(proposal, task, key)
            if key in self.elsewhere.exact:
                self._taken_over.add(key)
            else:
                self.left[proposal.tier] -= 1
            if proposal.purpose not in PREDICTED:
                self.logs.append(self.binding.logs(task.values))
        try:
            records = self.runner.run([task for _, _, task in chosen.values()])
        except FitError as error:
            self.log.add("stop", str(error))
            raise
        for (z, proposal, _), record in zip(chosen.values(), records, strict=True):
            self.asked.append(record.key)
            if record.key not in self.elsewhere.exact:
                self.seconds += record.wall_seconds
            value = self.binding.response(record)
            if value is None:
                self.failed += 1
                reason = record.reason or f"{self.binding.target.name} is not above zero."
                self.lost[reason] += 1
                self.log.add("lost", f"{record.status}: {reason}", tier=record.tier, key=record.key)
            else:
                self.usable[proposal.tier].append((z, record))
            self.runs.add(z, proposal.tier, value, proposal.purpose)
        return short

    def hidden(self, missed: list[Proposal], limit: float) -> str:
        """Why no law of the groups can hold, as a run that missed shows; empty where it may.

        The run is made again with the inputs that the others have: where equal groups give another
        answer, a constant with a dimension is hidden in the kernel. One such pair that agrees does,
        and so does noise that a kernel has without declaring it.

        Parameters
        ----------
        missed : list of Proposal
            That were predicted wrongly.
        limit : float
            Difference of two logarithms that the noise explains.
        """
        for proposal in missed:
            other = self.design.image(proposal.z)
            if self._alike or self.left[proposal.tier] <= 0:
                break
            if other is None:
                continue
            plain = self.design.values(proposal.z)
            reason = "the inputs of the other runs, equal groups: does only the size differ?"
            logs = self.binding.logs(plain)
            again = replace(proposal, purpose="size", reason=reason, logs=logs)
            self.make([again])
            answers = self.runs.responses(proposal.z, proposal.tier)
            if len(answers) > 1 and np.ptp(answers) > limit:
                if self._scatters(again, answers):
                    break
                moved = ", ".join(n for n in self.binding.space.names if plain[n] != other[n])
                return (
                    f"two runs of equal groups that differ in {moved} differ by "
                    f"{np.expm1(np.ptp(answers)):.0%}: a constant with a dimension is hidden in "
                    'the kernel; make it an input, or declare it as unknown (scales = "auto")'
                )
            self._alike = len(answers) > 1
        return ""

    def _scatters(self, proposal: Proposal, answers: Array) -> bool:
        """Whether a run differs from itself too, made once more, or cannot be made again."""
        reason = "the same inputs again: is it noise?"
        self.make([replace(proposal, reason=reason, replicate=len(answers))])
        later = self.runs.responses(proposal.z, proposal.tier)
        if len(later) == len(answers):
            return True
        return bool(np.ptp(answers) < _BEYOND_NOISE * abs(later[-1] - answers[-1]))

    def why_lost(self) -> str:
        """The most frequent reason of runs without an answer, as a sentence."""
        return "".join(f" The most frequent reason: {why}" for why, _ in self.lost.most_common(1))

    def _chosen(
        self, proposals: list[Proposal], quiet: bool = False
    ) -> tuple[dict[str, tuple[Array, Proposal, RunTask]], list[Proposal]]:
        """Places and tasks of the proposals that say something new, and those beyond the budget."""
        chosen: dict[str, tuple[Array, Proposal, RunTask]] = {}
        short: list[Proposal] = []
        due: Counter[int] = Counter()
        for proposal in proposals:
            z, task = self._task(proposal)
            tier, key = proposal.tier, task.request.key
            if key in chosen:
                continue
            before = self.runs.count(z, tier) > 0 and proposal.logs is None
            if not proposal.replicate and before:
                reason = "an equivalent run, of equal groups, was made: it would say the same"
                if not quiet:
                    self._note(replace(proposal, purpose="skip", reason=reason), task, None)
                continue
            new = key not in self.elsewhere.exact
            if new and due[tier] >= self.left[tier]:
                short.append(proposal)
                continue
            due[tier] += new
            chosen[key] = (z, proposal, task)
        return chosen, short

    def _task(self, proposal: Proposal) -> tuple[Array, RunTask]:
        plan = self.binding.plan
        if proposal.logs is None:
            values = self.design.values(proposal.z)
            if proposal.purpose in PREDICTED:
                values = self.design.image(proposal.z) or values
        else:
            values = self.binding.values(proposal.logs)
        if proposal.replicate and not self.stochastic:
            values = self._nudged(values, proposal.replicate)
        z = self.binding.space.coordinates(self.binding.logs(values)[None])[0]
        seed = None
        if self.stochastic:
            # runs that differ in anything have seeds that have nothing in common
            inputs = canonical_inputs(self.binding.kernel.inputs, values, values)
            tier = self.binding.tiers[proposal.tier].name
            seed = run_seed(plan.seed, inputs, tier, proposal.replicate)
        request = self.binding.request(values, proposal.tier, seed)
        return z, RunTask(plan.kernel, request, values, plan.execution.timeout)

    def _nudged(self, values: dict[str, float | str], n: int) -> dict[str, float | str]:
        """Inputs that differ by a few times 1e-9: another run, with the same answer if it has one.

        A kernel without a seed is asked once for equal inputs; what it says then for these is noise
        where it differs by more.
        """
        space, ranges = self.binding.space, self.binding.plan.ranges
        for i, name in enumerate(space.names):
            if not ranges[name].integer:
                sign = -1.0 if self.binding.logs(values)[i] > space.centre[i] else 1.0
                return {**values, name: float(values[name]) * (1.0 + sign * n * _NUDGE)}
        return values

    def moved(self) -> tuple[str, ...]:
        """Inputs that differ between runs."""
        return moved(self.binding.space, [*self.logs, *(p.logs for p in self.evidence)])

    def _note(self, proposal: Proposal, task: RunTask, key: str | None) -> None:
        """Log what a proposal is for, and where it lies."""
        space, ports = self.binding.space, self.binding.ports
        logs = np.clip(space.log_groups(proposal.z[None])[0], -_MOST, _MOST)
        self.log.add(
            proposal.purpose,
            proposal.reason,
            tier=self.binding.tiers[proposal.tier].name,
            inputs={n: quantity(task.values[n], ports[n].unit) for n in space.names},
            groups={g.name: float(np.exp(v)) for g, v in zip(space.groups, logs, strict=True)},
            key=key,
        )
