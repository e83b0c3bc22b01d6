"""Proposals become runs, runs become answers at points, and every decision is written down."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from dimgs.campaign.evidence import PREDICTED, SIZE, Proposal
from dimgs.campaign.known import PriorRuns
from dimgs.campaign.plan import (
    EVIDENCE,
    Binding,
    CampaignDesign,
    CampaignRun,
    CampaignRuns,
    Execution,
    RevisedError,
    bounded_exp,
)
from dimgs.campaign.regimes import SAME
from dimgs.campaign.result import Ending, Outcome, quantity
from dimgs.campaign.workers import Place, RunTask
from dimgs.common.advice import setting
from dimgs.common.arrays import Array
from dimgs.common.errors import FitError, InputError, StoreError, attempt
from dimgs.common.formats import SCHEMA, is_edited, json_value, read_text, sealed, shown
from dimgs.hub import RunStore
from dimgs.kernels.base import canonical_inputs, of_tier, run_seed
from dimgs.kernels.record import Failure, RunRecord, Status
from dimgs.report.results import writing_to
from dimgs.report.words import listed

# ---- What a campaign says of itself: its progress, every decision, and the plan that was asked.


_JSONL, _TEXT = "decisions.jsonl", "decisions.txt"


@dataclass(frozen=True)
class Progress:
    """The state of a campaign.

    Attributes
    ----------
    phase : str
        "start", "ask", "points", "law", "surrogate", "done" or "report".
    runs, budget : mapping of str to int
        Runs so far and at most, by tier.
    failed : int
        Runs without an answer.
    regimes : int
    worst : float
        Widest half-width over its tolerance; infinite while unknown.
    text : str
        The last decision.
    is_run : bool
        Whether it tells of a single run.
    """

    phase: str
    runs: Mapping[str, int]
    budget: Mapping[str, int]
    failed: int
    regimes: int
    worst: float
    text: str
    is_run: bool = False


Listener = Callable[[Progress], None]


def shown_by(show: Callable[..., None] | None) -> Listener:
    """A listener that shows in a bar how many runs of the finest tier are made, if there is one."""

    def listen(progress: Progress) -> None:
        if show is not None:
            finest = list(progress.budget)[-1]
            show(progress.text, progress.runs.get(finest, 0), progress.budget[finest])

    return listen


class DecisionLog:
    """Decisions in order; written as they are taken, none twice after a resumption.

    Parameters
    ----------
    folder : Path
        Where ``decisions.jsonl`` and ``decisions.txt`` are kept.

    Attributes
    ----------
    entries : list of dict
    edited : list of int
        Lines of ``decisions.jsonl`` that somebody changed; their decisions are taken again.
    caution : str
        The same in a sentence; empty where none was changed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     log = DecisionLog(Path(folder))
    ...     log.add("stop", "the tolerance is met", runs=12)
    >>> log.entries
    [{'n': 1, 'decision': 'stop', 'reason': 'the tolerance is met', 'runs': 12}]
    """

    def __init__(self, folder: Path) -> None:
        self.entries: list[dict[str, Any]] = []
        self.edited: list[int] = []
        self._folder = folder
        self._known: Counter[str] = Counter()
        self._lines = 0
        if (folder / _JSONL).is_file():
            self._recall(folder / _JSONL)
        lines = shown(", ".join(map(str, self.edited)))
        said = f"Line {lines} of {_JSONL} was edited after it was written, so it is not used."
        self.caution = said if self.edited else ""

    def add(self, decision: str, reason: str, **more: Any) -> None:
        """Note a decision.

        Parameters
        ----------
        decision : str
            "start", "known", "found", "law", "tier", "expect", "lost", "skip", "stop", or what a
            run is made for: "support", "corner", "inside", "replicate", "probe", "fill",
            "border", "domain", "check", "narrow", "rivals" or "point".
        reason : str
            Why, in one sentence.
        **more
            Numbers and texts that belong to it.
        """
        entry = {"n": len(self.entries) + 1, "decision": decision, "reason": reason, **more}
        self.entries.append(entry)
        # starts are facts of their own; the rest is the same whenever it is decided again
        same = json.dumps({**entry, "n": 0}, sort_keys=True)
        if decision != "start" and self._known[same]:
            self._known[same] -= 1
            return
        self._lines += 1
        entry = {**entry, "n": self._lines}
        line = json.dumps(sealed(entry), ensure_ascii=False)
        for path, text in ((self._folder / _JSONL, line), (self._folder / _TEXT, text_of(entry))):
            try:
                with path.open("a", encoding="utf-8") as file:
                    file.write(text + "\n")
            except OSError as error:
                fault = f"The decisions cannot be written to '{path}' ({error.strerror})"
                go_on = "continue with the finished runs, which are kept"
                remedy = f"make the folder writable and {go_on} ({setting('resume')})"
                raise StoreError(f"{fault}; {remedy}.") from error

    def _recall(self, path: Path) -> None:
        # a process that was killed while it wrote leaves half a line, or half a letter
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            entry = attempt(json_value, line, "", "")
            if not isinstance(entry, dict):
                continue
            self._lines += 1
            if is_edited(entry):
                self.edited.append(self._lines)
                continue
            entry.pop("checksum", None)
            self._known[json.dumps({**entry, "n": 0}, sort_keys=True)] += 1


def text_of(entry: Mapping[str, Any]) -> str:
    """A decision in one line.

    Examples
    --------
    >>> text_of({"n": 3, "decision": "refine", "tier": "fine", "reason": "largest leverage",
    ...          "inputs": {"t": "86400 s"}})
    '   3 refine    fine: t = 86400 s: largest leverage'
    """
    where = ", ".join(f"{name} = {value}" for name, value in (entry.get("inputs") or {}).items())
    parts = [p for p in (str(entry.get("tier", "")), where, str(entry["reason"])) if p]
    return f"{entry['n']:>4} {entry['decision']:<9} {': '.join(parts)}"


_FILE = "plan.json"


def changed_since(bindings: Sequence[Binding], folder: Path) -> str:
    """Keep what the plan asks, and say in a sentence how it differs from what was kept.

    Budgets, workers and time limits may change freely: they do not make other runs necessary.

    Parameters
    ----------
    bindings : sequence of Binding
        For each target.
    folder : Path
        Of the campaign; ``plan.json`` is written there.

    Returns
    -------
    str
        Empty for an equal plan, and for the first one.

    Raises
    ------
    InputError
        If the folder cannot be written to.
    """
    file, asked = folder / _FILE, _asked(bindings)
    before = attempt(lambda: json_value(read_text(file, "plan"), "plan.json", ""))
    texts = {key: str(value) for key, value in asked.items()}
    text = json.dumps(sealed({"schema": SCHEMA, **texts}), ensure_ascii=False, indent=1) + "\n"
    with writing_to(folder):
        file.write_text(text, encoding="utf-8", errors="replace")
    if not isinstance(before, dict):
        return ""
    if is_edited(before):
        return f"'{file}' was edited after it was written; it says now what the plan asks."
    keys = [key for key in {**before, **texts} if key not in ("schema", "checksum")]
    # ranges were written as Python shows them
    differ = [k for k in keys if before.get(k) not in (texts.get(k), repr(asked.get(k)))]
    if not differ:
        return ""
    other = f"another than the one that {folder} was made with ({', '.join(differ)})"
    only = "so that earlier runs are used only where it asks for the same ones"
    return f"The plan is {other}, {only}; with '{folder}' in --from (known=) too, they all are."


def _asked(bindings: Sequence[Binding]) -> dict[str, Any]:
    """What the runs and decisions of a campaign depend on."""
    plan, kernel, fixed = bindings[0].plan, bindings[0].kernel, dict(bindings[0].fixed)
    if plan.by is not None:
        fixed[plan.by] = ", ".join(dict.fromkeys(s for b in bindings for s in b.plan.sources))
    lists: dict[str, Sequence[str]] = {
        "tiers": [t.name for t in bindings[0].tiers],
        "constants": plan.constants,
        "target": list(dict.fromkeys(b.target.name for b in bindings)),
    }
    lists |= {"scales": bindings[0].scales} if plan.scales else {}
    lists |= {"arrhenius": plan.arrhenius} if plan.arrhenius else {}
    asked: dict[str, Any] = {"kernel": kernel.name, "version": kernel.version}
    asked |= {n: ", ".join(names) for n, names in lists.items()}
    asked |= {n: getattr(plan, n) for n in ("level", "seed", "sampler", "survey")}
    asked["execution.batch"] = plan.execution.batch
    of = {n: wanted for n, wanted in vars(plan.tolerance).items() if wanted or n != "law"}
    nested = {"tolerance": of, "ranges": plan.ranges, "fixed": fixed}
    asked |= {f"{key}.{n}": x for key, values in nested.items() for n, x in values.items()}
    return asked | {f"points[{i}]": dict(p) for i, p in enumerate(plan.points, 1)}


# ---- Proposals become runs, in the store, made or retried, and runs become answers at points.


# relative; far above the twelve digits that make two runs one, far below what a kernel resolves
_NUDGE = 1e-9
# of the difference that equal groups may have: two runs that differ by less show that they agree
_ALIKE = 0.5
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
# failed runs with fractions of an input, where those with whole numbers did not fail, from which on
# a further one decides: as many of each kind come about by chance in less than 2 %
_FRACTIONS = 3
# first runs, two corners and the centre of the ranges: a target that is above zero in none of these
# is so by its sign
_ALL_SIGNED = 3


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
    made : set of str
        Keys of the runs that this start made.
    tally : Counter
        Attempts of this start that were ``retried``; ``interrupted`` are runs that an earlier one
        left in flight.
    """

    def __init__(
        self, store: RunStore, place: Place, execution: Execution, again: bool = False
    ) -> None:
        self.store, self.place, self.execution, self.again = store, place, execution, again
        self.on_done: Callable[[RunRecord, bool], None] = lambda record, known: None
        self.tally = Counter(retried=0, interrupted=len(self.store.interrupted))
        self.made: set[str] = set()
        self._ended: Counter[Status] = Counter()
        self._alone: set[str] = set()
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
        if self.again and key not in self.made:
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
                    waiting.insert(0, task)
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
        self.made.add(key)
        if self._known(key) is None and not self._deaths:
            return None
        self._ended[record.status] += 1
        failed = self._ended[Status.FAILED]
        if failed >= _HOPELESS and failed == self._ended.total():
            what = f"The first {failed} runs failed, and no other was made."
            raise FitError(f"{what} The last reason: {record.reason}")
        return record


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
        self._alike = self._tried_whole = False

    @property
    def asked(self) -> int:
        """Runs that were asked for."""
        return len(self.runs.asked)

    @property
    def lost(self) -> list[CampaignRun]:
        """Runs that gave no answer."""
        return [r for r in self.runs.every if np.isnan(r.y)]

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
        """How the runs came about, each in one way: made now, known before, or from elsewhere.

        Those of a plan's other targets were known before. Of the runs from elsewhere some count as
        made, and the ``evidence`` does not.
        """
        before, evidence = self._keys() - self.runner.made, len(self.runs.evidence)
        reused = before & self.elsewhere.reused
        counts = {"made": len(self.runner.made), "known": len(before - reused)}
        counts |= {"elsewhere": len(reused) + evidence, "evidence": evidence}
        return {"asked": self.asked, **counts, **self.runner.tally, "failed": len(self.lost)}

    def _keys(self) -> set[str]:
        """Runs that the campaign has made, or that count as made."""
        return {run.record.key for run in self.runs.every if run.purpose != EVIDENCE}

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
                self._reuse(run)
                self.runs.add(run)
            self.log.add("known", f"{len(rest)} further runs from elsewhere count as made")

    def _reuse(self, run: CampaignRun) -> None:
        """Use a run from elsewhere that counts as made: the folder of the campaign keeps it too."""
        self.elsewhere.tell(run.origin, 1)
        if self.runner.store.get(run.record.key) is None:
            self.runner.store.finish(run.record)

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
        RevisedError
            If one law is asked for, and a run shows that its target has no logarithm; or if only
            whole numbers of an input give an answer.
        """
        chosen, short = self._chosen(proposals)
        for key, (_, proposal, task) in chosen.items():
            self._note(proposal, task, key)
            self.left[proposal.tier] -= key not in self.elsewhere.exact
            if key in self.elsewhere.exact:
                self._reuse(self.elsewhere.exact[key])
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
                why = self._why_lost(record)
                text = why if record.ok else f"{record.status}: {why}"
                self.log.add("lost", text, tier=record.tier, key=record.key)
            self.runs.add(CampaignRun(z, p.tier, y, p.purpose, logs, record, predicted=p.value))
        if self.binding.plan.tolerance.of_one_law and not self.binding.linear:
            if any(map(self._is_signed, records)):
                text = f"{self.binding.target.name} changes sign: no logarithm is taken"
                raise RevisedError("signed", text, replace(self.binding, signed_target=True))
        elif len(self.runs.every) >= _ALL_SIGNED and all(
            np.isnan(run.y) and self._is_signed(run.record) for run in self.runs.every
        ):
            name = self.binding.target.name
            raise InputError(
                f"'{name}' is not above zero in all {len(self.lost)} runs, and has no power law: "
                f"let the kernel return its negative, or ask for a closed form (law = 0.95 alone "
                f"in the tolerance)."
            )
        self._see_whole_numbers()
        return short

    def _see_whole_numbers(self) -> None:
        """Go on with whole numbers of an input if all runs with others have failed, and no others.

        A count of turns or layers is such an input. A run at the whole number next to one that
        failed decides, as runs may fail inside of the ranges for another reason.
        """
        runs = [r for r in self.runs.every if not self._is_signed(r.record)]
        failed = [r for r in runs if not r.record.ok]
        names = [n for n in self.binding.space.names if self._splits(n, runs)]
        if self._tried_whole or len(failed) < _FRACTIONS or not names:
            return
        self._tried_whole = True
        for some in dict.fromkeys([*((name,) for name in names), tuple(names)]):
            whole, which = self.binding.in_whole_numbers(some), listed(some)
            reason = f"runs with fractions of {which} failed: does one with whole numbers?"
            for run in failed:
                logs = self.binding.logs(whole.values(run.logs))
                z = self.binding.space.coordinates(logs[None])[0]
                if not self.runs.at(z, run.tier):
                    self.make([Proposal(z, run.tier, "whole", reason, logs=logs)])
                    if self.runs.at(z, run.tier, answered=True):
                        raise RevisedError("whole", f"{which} can only be whole", whole)
                    break

    def _splits(self, name: str, runs: Sequence[CampaignRun]) -> bool:
        """Whether the runs that ended well, and no others, have whole numbers of an input."""
        given = self.binding.plan.ranges[name]
        if given.integer or {self.binding.ports[name].unit, given.unit or "1"} != {"1"}:
            return False
        values = np.array([float(r.record.inputs[name][0]) for r in runs])
        ok = np.array([r.record.ok for r in runs])
        is_whole = np.abs(values - np.round(values)) <= _NUDGE * np.abs(values)
        return bool(np.all(ok == is_whole)) and len(set(np.round(values[ok]))) > 1

    def _is_signed(self, record: RunRecord) -> bool:
        """Whether a run has a target without a logarithm."""
        return record.ok and float(record.outputs[self.binding.target.name][0]) <= 0

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
                fault = f"two runs of equal groups that differ in {which} differ by {miss}"
                # a known constant comes first: one unknown scale cannot stand for every constant
                remedy = (
                    '(a known one: constants = ["g"]; else make it an input, or scales = "auto")'
                )
                hidden = f"a constant with a dimension is hidden in the kernel {remedy}"
                return f"{fault}: {hidden}, or its numerical errors are as large"
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
        logs = proposal.logs
        if proposal.purpose in PREDICTED and logs is None:
            logs = self.design.image(proposal.z)
        values = self.design.values(proposal.z, logs)
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
        return tuple(n for n, s in zip(space.names, spread, strict=True) if s > SAME)

    def _note(self, p: Proposal, task: RunTask, key: str | None) -> None:
        """Log what a proposal is for, and where it lies."""
        space, ports, tier = self.binding.space, self.binding.ports, self.binding.tiers[p.tier].name
        values = bounded_exp(space.log_groups(p.z[None])[0]).tolist()
        inputs = {n: quantity(task.values[n], ports[n].unit) for n in space.names}
        groups = {g.name: value for g, value in zip(space.groups, values, strict=True)}
        self.log.add(p.purpose, p.reason, tier=tier, inputs=inputs, groups=groups, key=key)
