"""From a plan to the fewest runs that answer it."""

import os
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dimgs.campaign.answers import joined
from dimgs.campaign.binding import bind
from dimgs.campaign.curves import curves_of
from dimgs.campaign.journal import DecisionLog, Listener, changed_since, shown_by
from dimgs.campaign.known import Known, every_known
from dimgs.campaign.loop import CampaignLoop
from dimgs.campaign.plan import Plan
from dimgs.campaign.result import CampaignResult
from dimgs.campaign.runner import Runner
from dimgs.campaign.workers import place_of
from dimgs.common.advice import setting
from dimgs.common.errors import InputError, StoreError
from dimgs.common.progress import notebook_bar
from dimgs.hub import RunStore
from dimgs.kernels.portable import portable
from dimgs.kernels.record import RunRecord
from dimgs.report.write import check_folder, writing_to

STORE = "runs.sqlite"


def run_campaign(
    plan: Plan,
    folder: str | os.PathLike[str] | None = None,
    *,
    resume: bool = False,
    retry: bool = False,
    executor: Any = None,
    progress: Listener | None = None,
    known: Iterable[Known | str | os.PathLike[str]] | str | os.PathLike[str] = (),
) -> CampaignResult:
    """Run a campaign until its tolerance is met or its budget is spent.

    Every decision depends on the plan and on the runs' answers alone: started again in the same
    folder, a campaign decides the same, finds its finished runs there and makes only the others.

    Parameters
    ----------
    plan : Plan
    folder : path, optional
        Keeps the runs (``runs.sqlite``), the decisions and the result (``result.json``, with the
        report of `discover` where the plan asks for it); a temporary one by default.
    resume : bool
        Whether the folder may hold runs already.
    retry : bool
        As `resume`, and runs that failed or were refused are tried again, after their cause was
        removed: a missing program, a licence, a full disk.
    executor : concurrent.futures.Executor, optional
        Such as a thread pool or a Dask client's ``get_executor()``; local processes by default.
    progress : callable, optional
        Called with a :class:`~dimgs.campaign.journal.Progress` after every run and decision; in a
        notebook a bar shows it by default.
    known : path, or iterable of KnownRun, KnownLaw or path
        Runs and laws that exist elsewhere. Runs of this very kernel count as made; others are used
        where they predict new runs, and so is what a law says. A path is that of a store, a
        campaign's folder, a table, or a law as JSON.

    Returns
    -------
    CampaignResult

    Raises
    ------
    InputError, DimensionError
        If the plan cannot be followed, or the folder holds runs and `resume` is false.
    FitError
        If too few runs give an answer.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from dimgs.campaign import Budget, Range, Tolerance
    >>> from dimgs.kernels import kernel
    >>> @kernel(inputs={"k": "N/m", "m": "kg"}, outputs={"T": "s"})
    ... def spring(k, m):
    ...     return 6.283185307 * (m / k) ** 0.5
    >>> plan = Plan(spring, "T", {"k": Range(1, 100, "N/m"), "m": Range(0.1, 10, "kg")},
    ...             budget=Budget(runs=20), tolerance=Tolerance(exponents=0.02))
    >>> with ThreadPoolExecutor(1) as executor:
    ...     result = run_campaign(plan, executor=executor)
    >>> result.outcome, [str(e.rational) for e in result.regimes[0].exponents]
    ('confirmed', [...])
    """
    bindings = [bind(each) for each in plan.each]
    start = every_known(known, bindings[0])
    if executor is None:
        portable(plan.kernel)
    with ExitStack() as stack:
        listener = progress or shown_by(stack.enter_context(notebook_bar()))
        home = Path(stack.enter_context(TemporaryDirectory()) if folder is None else folder)
        store = stack.enter_context(_opened(home, resume or retry))
        place = place_of(executor, plan.execution.workers)
        stack.callback(place.close)
        loop: CampaignLoop | None = None
        results, finest = list[CampaignResult](), dict[str, RunRecord]()
        log, execution = DecisionLog(home), plan.execution
        changed = " ".join(filter(None, (changed_since(bindings, home), log.caution)))
        for binding in bindings:
            if len(bindings) > 1:
                log.add("target", " of ".join([binding.target.name, *binding.plan.sources]))
            notes = (*binding.notes, *([changed] if changed else []))
            loop = CampaignLoop(replace(binding, notes=notes), store, log, listener, start, loop)
            loop.started(changed)
            loop.experiment.runner = Runner(
                store, place, execution.workers, execution.retries, loop.heard, retry
            )
            results.append(loop.run())
            usable = loop.experiment.usable[len(binding.tiers) - 1]
            finest |= {record.key: record for _, record in usable}
        if plan.by is not None:
            results = joined(plan, results, list(finest.values()))
        curves, whole, failures = curves_of(plan, list(finest.values()))
        result, warnings = results[0], (*results[0].warnings, *failures)
        result = replace(
            result, others=tuple(results[1:]), curves=curves, whole_curves=whole, warnings=warnings
        )
        if folder is not None:
            try:
                result.write(home)
            except (OSError, InputError) as error:
                why = getattr(error, "strerror", None) or error
                text = f"The answer could not be written to {home} ({why}); it is only returned."
                result = replace(result, warnings=(*warnings, text))
        return result


def records_in(folder: Path) -> list[RunRecord]:
    """Every run that the folder of a campaign holds."""
    with RunStore(folder / STORE) as store:
        return store.records()


def _opened(folder: Path, resume: bool) -> RunStore:
    """The store of a folder, both made where they are not there."""
    check_folder(folder)
    with writing_to(folder):
        if (folder / STORE).exists() and not resume:
            remedy = f"continue it ({setting('resume')}, resume=True) or name another folder"
            raise InputError(f"{folder} holds the runs of a campaign already; {remedy}.")
    try:
        return RunStore(folder / STORE)
    except StoreError as error:
        # its remedy is one for users of stores
        why = str(error).partition(";")[0]
        remedy = f"restore it from a copy, or start in another folder ({setting('out')})"
        raise InputError(f"{why}; {remedy}.") from error
