"""Proposals become runs, in the store, made or retried, and runs become answers at points."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic

import numpy as np

from dimgs.campaign.binding import SignedTargetError
from dimgs.campaign.design import CampaignDesign
from dimgs.campaign.evidence import PREDICTED, SIZE, Proposal
from dimgs.campaign.journal import DecisionLog
from dimgs.campaign.known import PriorRuns
from dimgs.campaign.plan import Execution
from dimgs.campaign.result import Ending, Outcome
from dimgs.campaign.space import EVIDENCE, CampaignRun, CampaignRuns, bounded_exp
from dimgs.campaign.text import quantity
from dimgs.campaign.workers import Place, RunTask
from dimgs.common.arrays import Array
from dimgs.common.errors import FitError, InputError
from dimgs.hub import RunStore
from dimgs.kernels.record import Failure, RunRecord, Status
from dimgs.kernels.spec import canonical_inputs, of_tier, run_seed

# relative; far above the twelve digits that make two runs one, far below what a kernel resolves
_NUDGE = 1e-9
# of the difference that equal groups may have: two runs that differ by less show that they agree
_ALIKE = 0.5
# of half a range; repeated runs differ by a nudge of 1e-9 of a value
_MOVED = 1e-6
# differences of a run from itself by which another one of equal groups must differ: one pair shows
# noise roughly, and of normal noise the ratio of two differences is beyond 100 in 0.6 % (2/pi
# arctan 1/100); beyond 10 it would be in 6 %
_BEYOND_NOISE = 100.0
# seconds between looks for runs that are late
_POLL = 0.5
# a worker's own alarm comes first; this is for those that have none or do not hear it
_GRACE = 15.0
# one death may be chance; three in a row without an answer are the kernel's
_MOST_DEATHS = 3
# so many first runs that all failed are no chance: the kernel, its program or its settings are
_HOPELESS = 12


@dataclass(eq=False)
class Runner:
    """Makes runs and keeps them.

    Parameters
    ----------
    store : RunStore
    place : Place
    execution : Execution
        Its `workers` are how many runs are in flight at once.
    again : bool
        Whether runs that failed or were refused in an earlier start are tried again.

    Attributes
    ----------
    on_done : callable
        Called with every record as it arrives.
    tally : Counter
        How the runs of this start came about: ``made``, ``known``, ``retried``; ``interrupted``
        are those that an earlier one left in flight.
    """

    store: RunStore
    place: Place
    execution: Execution
    again: bool = False

    def __post_init__(self) -> None:
        self.on_done: Callable[[RunRecord, bool], None] = lambda record, known: None
        self.tally = Counter(made=0, known=0, retried=0, interrupted=len(self.store.interrupted))
        self._ended: Counter[Status] = Counter()
        self._alone: set[str] = set()
        self._claimed: set[str] = set()
        self._deaths = 0

    def run(self, tasks: Sequence[RunTask]) -> list[RunRecord]:
        """Records of the runs, in order.

        Raises
        ------
        InputError
            If another living process is making one of them.
        FitError
            If worker after worker dies, or a dozen first runs fail and none ends otherwise.
        """
        records: dict[str, RunRecord] = {}
        waiting: dict[str, RunTask] = {}
        for task in tasks:
            known = self._known(task.request.key)
            if known is None:
                waiting.setdefault(task.request.key, task)
                continue
            self.tally["known"] += 1
            self._ended[known.status] += 1
            records[known.key] = known
            self.on_done(known, True)
        self._make([*waiting.values()], records)
        return [records[task.request.key] for task in tasks]

    def _known(self, key: str) -> RunRecord | None:
        """Record of a run that is not to be made again."""
        attempts = [a for a in self.store.attempts(key) if a.status is not Status.INTERRUPTED]
        status = attempts[-1].status if attempts else Status.FAILED
        again = status is Status.FAILED and len(attempts) <= self.execution.retries
        if self.again and key not in self._claimed:
            again = again or status in (Status.FAILED, Status.REFUSED)
        return None if again or not attempts else attempts[-1]

    def _make(self, waiting: list[RunTask], records: dict[str, RunRecord]) -> None:
        flying: dict[Future[RunRecord], tuple[RunTask, float]] = {}
        while waiting or flying:
            while waiting and self._may_start(waiting[0], [task for task, _ in flying.values()]):
                task = waiting.pop(0)
                if not self.store.claim(task.request, retry=True):
                    what = f"The run {task.request.key[:12]}… is being made by another process"
                    raise InputError(f"{what}; wait for it, or use another folder.")
                self._claimed.add(task.request.key)
                flying[self.place.submit(task)] = (task, monotonic())
            done, _ = wait(flying, timeout=_POLL, return_when=FIRST_COMPLETED)
            ended: list[tuple[RunTask, RunRecord | None]] = []
            late = False
            for future, (task, since) in [*flying.items()]:
                if future in done:
                    ended.append((task, _answer(future)))
                elif task.timeout is not None and monotonic() - since > task.timeout + _GRACE:
                    late = True
                    future.cancel()
                    why = f"No answer came within {task.timeout:g} s."
                    ended.append((task, task.request.failed(why, Failure.TIME, task.timeout)))
                else:
                    continue
                del flying[future]
            broken = any(record is None for _, record in ended)
            if (broken or late) and (self.place.close() or broken):
                # a dead worker takes the whole pool along, and nobody knows whose run it was
                ended += [(task, None) for task, _ in flying.values()]
                flying.clear()
            for task, record in ended:
                kept = self._end(task, record)
                if kept is None:
                    self.tally["retried"] += 1
                    waiting.append(task)
                else:
                    records[kept.key] = kept
                    self.on_done(kept, False)

    def _may_start(self, task: RunTask, flying: Sequence[RunTask]) -> bool:
        """Whether a run may start beside others; one whose worker died is made alone."""
        alone = any(each.request.key in self._alone for each in (task, *flying))
        return not flying or (not alone and len(flying) < self.execution.workers)

    def _end(self, task: RunTask, record: RunRecord | None) -> RunRecord | None:
        """Keep what came of a run; None where it is to be tried again."""
        key = task.request.key
        if record is None and key not in self._alone:
            self.store.release(key, self.place.death)
            self._alone.add(key)
            return None
        self._deaths = self._deaths + 1 if record is None else 0
        if self._deaths >= _MOST_DEATHS:
            many = f"{_MOST_DEATHS} runs in a row ended with their worker."
            raise FitError(f"{many} {self.place.death}")
        record = record or task.request.failed(self.place.death, Failure.DIED)
        self.store.finish(record)
        self.tally["made"] += 1
        self._ended[record.status] += 1
        failed = self._ended[Status.FAILED]
        if failed >= _HOPELESS and failed == self._ended.total():
            what = f"The first {failed} runs failed, and no other was made."
            raise FitError(f"{what} The last reason: {record.reason}")
        return None if self._known(key) is None and not self._deaths else record


def _answer(future: "Future[RunRecord]") -> RunRecord | None:
    """What came of a run; None where its worker died."""
    # `make` raises nothing: what is caught here is the executor's, such as BrokenProcessPool
    with suppress(CancelledError, Exception):
        return future.result()
    return None


class Experiment:
    """Makes runs within the budget and keeps their answers.

    Parameters
    ----------
    design : CampaignDesign
    log : DecisionLog
    elsewhere : PriorRuns
        Runs that exist already.

    Attributes
    ----------
    runs : CampaignRuns
    most, left : dict of int to int
        Runs that each tier may have, and those that it may still have.
    seconds : float
        Wall time of the kernel in all runs that were asked for.
    """

    runner: Runner

    def __init__(self, design: CampaignDesign, log: DecisionLog, elsewhere: PriorRuns) -> None:
        self.design, self.log, self.elsewhere, self.binding = design, log, elsewhere, design.binding
        budget, finest = self.binding.plan.budget, self.binding.finest
        self.runs = CampaignRuns(self.binding.space.rank)
        self.most = {t: budget.runs if t == finest else budget.coarse for t in range(finest + 1)}
        self.left = dict(self.most)
        self.seconds = 0.0
        # of each named point that meets a limit: the logarithm of where, and half of its interval
        self.met: dict[int, tuple[float, float]] = {}
        self._closed = bool(self.elsewhere.exact)
        # inputs in which two runs of equal groups with different answers differ
        self.unequal: tuple[str, ...] = ()
        self._alike = False

    @property
    def asked(self) -> int:
        """Runs that were asked for."""
        return len(self.runs.asked)

    @property
    def lost(self) -> list[CampaignRun]:
        """Runs that were asked for, and gave no answer."""
        return [r for r in self.runs.asked if np.isnan(r.y)]

    @property
    def spent(self) -> bool:
        """Whether the runs have used the time of the plan."""
        return self.seconds >= (self.binding.plan.budget.seconds or np.inf)

    def over(self, tier: int) -> Ending | None:
        """Why the budget has no run of a tier left; None where it has."""
        runs = f"the {of_tier(self.binding.tiers[tier].name)}runs are used up"
        text = f"{self.seconds:.4g} s are spent" if self.spent else runs
        return Ending(Outcome.BUDGET, text) if self.spent or self.left[tier] <= 0 else None

    def made(self, tier: int) -> int:
        """Runs of a tier that were paid from the budget."""
        return self.most[tier] - self.left[tier]

    def counts(self) -> dict[str, int]:
        """How the runs came about."""
        elsewhere = len(self.runs.evidence) + len(self._keys() & self.elsewhere.exact.keys())
        others = {"elsewhere": elsewhere, "failed": len(self.lost)}
        return {"asked": self.asked, **self.runner.tally, **others}

    def _keys(self) -> set[str]:
        return {run.record.key for run in self.runs.every}

    def opens(self, proposals: list[Proposal]) -> bool:
        """Whether runs from elsewhere that count as made do not answer these proposals.

        As long as they do, a campaign decides as if they were made now. Then all the others of
        them, at whatever places, are taken over, and it has to decide again.
        """
        exact = self.elsewhere.exact.keys()
        if not self._closed or self._chosen(proposals, quiet=True)[0].keys() <= exact:
            return False
        self.open()
        return True

    def open(self) -> None:
        """Take over all runs from elsewhere that count as made."""
        if self._closed:
            self._closed, there = False, self._keys()
            rest = [run for key, run in self.elsewhere.exact.items() if key not in there]
            for run in rest:
                self.runs.add(run)
            self.log.add("known", f"{len(rest)} further runs from elsewhere count as made")

    def doubt(self, why: str) -> None:
        """Leave all evidence aside."""
        for run in self.runs.evidence:
            self.elsewhere.tell(run.origin, -1, f"left aside: {why}")
        self.runs.every = [r for r in self.runs.every if r.purpose != EVIDENCE]
        self.log.add("known", f"the runs from elsewhere are left aside: {why}")

    def make(self, proposals: list[Proposal]) -> list[Proposal]:
        """Make runs, equivalent ones left out, and record their answers.

        Returns
        -------
        list of Proposal
            Those for which the budget has no run left.

        Raises
        ------
        SignedTargetError
            If one law is asked for, and a run shows that its target has no logarithm.
        """
        chosen, short = self._chosen(proposals)
        for key, (_, proposal, task) in chosen.items():
            self._note(proposal, task, key)
            self.left[proposal.tier] -= key not in self.elsewhere.exact
        try:
            records = self.runner.run([task for _, _, task in chosen.values()])
        except FitError as error:
            self.log.add("stop", str(error))
            raise
        for (z, p, task), record in zip(chosen.values(), records, strict=True):
            if record.key not in self.elsewhere.exact:
                self.seconds += record.wall_seconds
            y, logs = self.binding.response(record), self.binding.logs(task.values)
            if np.isnan(y):
                text = f"{record.status}: {self._why_lost(record)}"
                self.log.add("lost", text, tier=record.tier, key=record.key)
            self.runs.add(CampaignRun(z, p.tier, y, p.purpose, logs, record, predicted=p.value))
        signed = any(r.ok and float(r.outputs[self.binding.target.name][0]) <= 0 for r in records)
        if signed and self.binding.plan.tolerance.of_one_law and not self.binding.linear:
            raise SignedTargetError
        return short

    def makes(self, proposals: list[Proposal]) -> bool:
        """Make runs; whether any was asked for."""
        before = self.asked
        self.make(proposals)
        return self.asked > before

    def checks(self) -> tuple[dict[str, float | str], ...]:
        """Runs that were predicted: the target beforehand and of the run, and the tier."""
        checks = list[dict[str, float | str]]()
        for run in () if self.binding.linear else self.runs.every:
            miss = float(bounded_exp(run.predicted - run.y))
            if np.isfinite(miss):
                made, tier = run.record.outputs[self.binding.target.name][0], run.record.tier
                checks.append({"tier": tier, "predicted": made * miss, "made": float(made)})
        return tuple(checks)

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
            again, place = proposal, (proposal.z, proposal.tier)
            if proposal.purpose in PREDICTED:
                if self._alike or self.left[proposal.tier] <= 0:
                    break
                if self.design.image(proposal.z) is None:
                    continue
                plain = self.binding.logs(self.design.values(proposal.z))
                reason = "the inputs of the other runs, equal groups: does only the size differ?"
                again = replace(proposal, purpose=SIZE, reason=reason, logs=plain)
                self.make([again])
            answers = self.runs.responses(*place)
            if len(answers) > 1 and np.ptp(answers) > limit:
                if self._scatters(again, answers):
                    break
                self.unequal = self.runs.unequal(*place, self.binding.space.names)
                which, ratio = ", ".join(self.unequal), float(bounded_exp(np.ptp(answers)))
                miss = f"{ratio - 1.0:.0%}" if ratio < 2.0 else f"a factor of {ratio:.3g}"
                return (
                    f"two runs of equal groups that differ in {which} differ by {miss}: a constant "
                    'with a dimension is hidden in the kernel; make it an input, or scales = "auto"'
                )
            self._alike = len(answers) > 1 and bool(np.ptp(answers) <= _ALIKE * limit)
        return ""

    def _scatters(self, proposal: Proposal, answers: Array) -> bool:
        """Whether a run differs from itself too, made once more, or cannot be made again."""
        reason = "the same inputs again: is it noise?"
        self.make([replace(proposal, reason=reason, again=True)])
        later = self.runs.responses(proposal.z, proposal.tier)
        if len(later) == len(answers):
            return True
        return bool(np.ptp(answers) < _BEYOND_NOISE * abs(later[-1] - answers[-1]))

    def _why_lost(self, record: RunRecord) -> str:
        return record.reason or f"{self.binding.target.name} is not above zero."

    def why_lost(self) -> str:
        """The most frequent reason of runs without an answer, as a sentence."""
        every = Counter(self._why_lost(run.record) for run in self.lost)
        return "".join(f" The most frequent reason: {why}" for why, _ in every.most_common(1))

    def _chosen(
        self, proposals: list[Proposal], quiet: bool = False
    ) -> tuple[dict[str, tuple[Array, Proposal, RunTask]], list[Proposal]]:
        """Places and tasks of the proposals that say something new, and those beyond the budget."""
        chosen: dict[str, tuple[Array, Proposal, RunTask]] = {}
        short: list[Proposal] = []
        due: Counter[int] = Counter()
        for i, proposal in enumerate(proposals):
            equal = self.runs.at(proposal.z, proposal.tier) if proposal.again else []
            before = proposals[:i] if proposal.again else []
            number = len(equal) + sum(np.array_equal(proposal.z, p.z) for p in before)
            z, task = self._task(proposal, number)
            tier, key = proposal.tier, task.request.key
            if key in chosen:
                continue
            if not number and proposal.logs is None and self.runs.at(z, tier):
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

    def _task(self, proposal: Proposal, number: int) -> tuple[Array, RunTask]:
        """Where a run lies, and how it is made as the replicate of a number; 0 for the first."""
        plan = self.binding.plan
        values = self.design.values(proposal.z, proposal.logs)
        if proposal.purpose in PREDICTED and proposal.logs is None:
            values = self.design.image(proposal.z) or values
        if number and not self.binding.stochastic:
            values = self._nudged(values, number)
        z = self.binding.space.coordinates(self.binding.logs(values)[None])[0]
        seed = None
        if self.binding.stochastic:
            # runs that differ in anything have seeds that have nothing in common
            inputs = canonical_inputs(self.binding.kernel.inputs, values, values)
            tier = self.binding.tiers[proposal.tier].name
            seed = run_seed(plan.seed, inputs, tier, number)
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
        """Inputs that differ between runs, the images of others aside."""
        space = self.binding.space
        logs = [run.logs for run in self.runs.every if run.purpose not in PREDICTED]
        spread = np.ptp(logs or [space.centre], axis=0) / space.half
        return tuple(n for n, s in zip(space.names, spread, strict=True) if s > _MOVED)

    def _note(self, p: Proposal, task: RunTask, key: str | None) -> None:
        """Log what a proposal is for, and where it lies."""
        space, ports, tier = self.binding.space, self.binding.ports, self.binding.tiers[p.tier].name
        values = bounded_exp(space.log_groups(p.z[None])[0]).tolist()
        inputs = {n: quantity(task.values[n], ports[n].unit) for n in space.names}
        groups = {g.name: value for g, value in zip(space.groups, values, strict=True)}
        self.log.add(p.purpose, p.reason, tier=tier, inputs=inputs, groups=groups, key=key)
