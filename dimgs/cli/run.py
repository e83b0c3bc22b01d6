"""`dimgs run`: a simulation campaign from a plan."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from signal import default_int_handler
from typing import TYPE_CHECKING, Any

import typer
from typer import Argument, Option

from dimgs.cli import tables
from dimgs.cli.hub import As, Keep, keep_campaign, opened
from dimgs.cli.output import emit, handling, note, results, warn
from dimgs.common.errors import FitError
from dimgs.common.escape import visible

if TYPE_CHECKING:
    from dimgs.campaign import CampaignResult
    from dimgs.campaign.experiment import Listener, Progress
    from dimgs.campaign.known import Known


def run(
    plan: str = Argument(..., help="Plan of the campaign: a TOML or Python file."),
    out: Path | None = Option(None, help="Folder of runs and decisions; PLAN.campaign by default."),
    resume: bool = Option(False, "--resume", help="Continue with the runs in the folder."),
    retry: bool = Option(False, "--retry", help="Continue, and repeat failed and refused runs."),
    dry_run: bool = Option(False, "--dry-run", help="Show groups, design and cost; run nothing."),
    workers: int | None = Option(None, help="Local processes, in place of the plan's."),
    prior: list[str] | None = Option(
        None,
        "--from",
        help="Start from existing evidence: a store, a campaign's folder, a table, or a law.",
    ),
    hub: Keep = None,
    user: As = None,
    json: tables.Json = False,
) -> None:
    """Run a campaign: the fewest runs of a kernel that answer the question of a plan."""
    from dataclasses import replace

    from dimgs.campaign import read_plan

    campaign_plan = read_plan(plan)
    if workers is not None:
        execution = replace(campaign_plan.execution, workers=workers)
        campaign_plan = replace(campaign_plan, execution=execution)
    start = [*(prior or ()), *_of_hub(hub, user, campaign_plan, adds=not dry_run)]
    if dry_run:
        _show_design(campaign_plan, start, json)
        return
    from dimgs.campaign import CampaignResult, run_campaign
    from dimgs.campaign.result import campaign_text

    folder = out if out is not None else Path(f"{Path(plan).stem}.campaign")
    if (resume or retry) and not folder.exists():
        note(f"{folder} is not there, so a new campaign starts")
    shown = list[CampaignResult]()

    def show(result: CampaignResult) -> None:
        """Print the result before the report is written; with a hub, its document names entries."""
        _warn(result)
        if hub is None or not json:
            emit(result.to_json(), campaign_text(result), json)
            results().flush()
        shown.append(result)

    # signals of a scheduler or a closed terminal stop a campaign as Ctrl-C does
    with _watching() as listener, handling(("SIGTERM", "SIGHUP"), default_int_handler):
        options: dict[str, Any] = {"resume": resume, "retry": retry, "progress": listener}
        try:
            result = run_campaign(campaign_plan, folder, known=start, on_result=show, **options)
        except FitError:
            note(f"the runs and the reasons are in {folder}; continue with --retry")
            raise
        except KeyboardInterrupt:
            kept = "the result is in {}, and its report is not complete" if shown else None
            note(f"{(kept or 'finished runs are in {}').format(folder)}; continue with --resume")
            raise
    _warn(result)
    note(f"the runs, the decisions and the result are in {folder}")
    if hub is not None:
        document = result.to_json()
        for one in (document, *document.get("others", ())):
            one |= keep_campaign(hub, user, folder, one)
        if json:
            emit(document, "", json)
    if not all(any(p.relevant for p in r.pertinence) for r in (result, *result.others)):
        raise typer.Exit(1)


def _warn(result: "CampaignResult") -> None:
    warn(w for r in (result, *result.others) for w in r.warnings)


def _of_hub(address: str | None, user: str | None, plan: Any, adds: bool) -> "list[Known]":
    """Runs and laws of the hub that say something of the plan; none where it is yet to be made.

    Who `adds` to the hub in the end is refused here, before any run is made, where they may not.
    """
    # a server, a database or a file; a folder is yet to be made
    if address is None or not ("://" in address or Path(address).exists()):
        return []
    from dimgs.campaign.known import KnownLaw, known_of_hub
    from dimgs.campaign.plan import bind

    with opened(address, user) as opened_hub:
        if adds:
            opened_hub.check_adder()
        every = [one for each in plan.each for one in known_of_hub(opened_hub, bind(each))]
    # a run that gives several targets is one run
    return list({(id(k) if isinstance(k, KnownLaw) else k.record.key): k for k in every}.values())


def _show_design(plan: Any, prior: "Sequence[Known | str]", json: bool) -> None:
    from dimgs.campaign.known import PriorRuns, every_known
    from dimgs.campaign.plan import CampaignDesign, bind
    from dimgs.campaign.result import design_text
    from dimgs.campaign.result import dry_run as design

    binding, *_ = [bind(each) for each in plan.each]
    placed = PriorRuns(every_known(prior, binding), CampaignDesign(binding))
    document = {**design(binding), "from": list(placed.origins.values())}
    emit(document, design_text(document), json)


@contextmanager
def _watching() -> "Iterator[Listener]":
    """Progress on standard error: live on a terminal, a line per decision that matters else."""
    if not sys.stderr.isatty():
        yield _in_lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[state]}", markup=False),
    )
    tasks: dict[str, TaskID] = {}
    in_lines = _in_lines()

    def move(progress: "Progress") -> None:
        if progress.phase == "report":
            # the result is printed, where bars would be drawn over it
            bars.stop()
            in_lines(progress)
            return
        finite = progress.worst < float("inf")
        widest = f"widest interval {progress.worst:.2f} of its tolerance" if finite else ""
        for tier, most in progress.budget.items():
            if tier not in tasks:
                tasks[tier] = bars.add_task(visible(tier), total=most, state="")
            bars.update(
                tasks[tier],
                completed=progress.runs[tier],
                description=f"{progress.phase:<7} {visible(tier)}",
                state=f"{progress.regimes} regimes {widest}",
            )

    with Bars(*columns, console=Console(stderr=True)) as bars:
        yield move


def _in_lines() -> "Listener":
    """Progress of a campaign, a line after each batch that ended."""
    from dimgs.campaign.result import counted

    last = ""

    def hear(progress: "Progress") -> None:
        nonlocal last
        line = f"{progress.phase}: {counted(progress.runs)}; {progress.text}"
        if not progress.is_run and line != last:
            note(line)
            last = line

    return hear
