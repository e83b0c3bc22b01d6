"""Jobs: requests to run, claimed by workers, each run once."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, and_, or_, select, update

from dimgs.common.advice import Act, Step
from dimgs.common.formats import attributes, read_toml, validated
from dimgs.hub.acts import MOST_ATTEMPTS, entry_of
from dimgs.hub.cards import keep_card
from dimgs.hub.entry import Document, Entry, run_content, run_record
from dimgs.hub.hub import Hub, keep_campaign
from dimgs.hub.sandbox import bubblewrap, in_package, run_job, run_plan
from dimgs.hub.schema import claims, entries, imports, insert_new
from dimgs.hub.supervise import Limits
from dimgs.kernels.registry import available

# a worker that has died gives its job up so much later than the job could have taken
_LEASE = 120.0
# outcome of a campaign that came to nothing: its result is the failure and the reason
FAILED = "failed"
# seconds between looks for a job: a person who waits does not notice it, nor does the database
_PAUSE = 1.0


class AgentPolicy(BaseModel):
    """Limits of agents: the table ``agent`` of a policy.

    Jobs that agents ask for may take ``approve_above`` seconds before a person has to approve
    them. The others are limits of the server of tools and of the agent: the folder that tables
    are read from, seconds of one analysis, answers of the model to one question, seconds that it
    may take for each, and whether a worker is started for the jobs that were asked for.
    """

    model_config = ConfigDict(extra="forbid")

    approve_above: Annotated[float, Field(ge=0.0)] = 60.0
    workspace: str | None = None
    analysis_seconds: Annotated[float, Field(gt=0.0, le=86400.0)] = 120.0
    steps: Annotated[int, Field(ge=1, le=1000)] = 24
    model_seconds: Annotated[float, Field(gt=0.0, le=3600.0)] = 120.0
    worker: bool = True


class Policy(BaseModel):
    """Policy of a worker: kernels and limits, from a TOML file.

    ``kernels`` names those that may run; by default those that come with dimgs or are installed.
    Kernels in files (``file.py:name``, a TOML file) have to be named.
    """

    model_config = ConfigDict(extra="forbid")

    kernels: list[str] | None = None
    seconds: Annotated[float, Field(gt=0.0, le=7 * 86400.0)] = 600.0
    # of all processes of a job together: memory, their number, and the files that they write
    megabytes: Annotated[int, Field(ge=64)] = 4096
    processes: Annotated[int, Field(ge=1)] = Limits.processes
    disk_megabytes: Annotated[int, Field(ge=1)] = Limits.disk_megabytes
    # of all jobs of this worker together
    total_seconds: Annotated[float, Field(gt=0.0)] | None = None
    agent: AgentPolicy = AgentPolicy()

    def allows(self, kernel: str) -> bool:
        """Whether this kernel may run here."""
        return kernel in (available() if self.kernels is None else self.kernels)

    def limits(self, seconds: float) -> Limits:
        """Limits of a job of the given duration."""
        return Limits(seconds, self.megabytes, self.processes, self.disk_megabytes)


@dataclass
class Worked:
    """Summary of the jobs of a worker.

    Attributes
    ----------
    done : int
        Jobs whose run ended well.
    failures : dict of str to str
        Jobs that failed, and why.
    passed_over : dict of str to str
        Jobs that it may not run, and why.
    """

    done: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    passed_over: dict[str, str] = field(default_factory=dict)


def read_policy(path: str | Path | None) -> Policy:
    """Policy of a TOML file; that of no file where none is named.

    Raises
    ------
    InputError
    """
    if path is None:
        return Policy()
    where = f"The policy '{path}' cannot be used: "
    return validated(Policy, read_toml(Path(path), "policy"), where)


def work(hub: Hub, policy: Policy, *, once: bool = False) -> Worked:
    """Claim jobs and run them, one after the other.

    A job is claimed for as long as it may take; if its worker dies, another may take it then. Its
    run and the end of the claim are kept together, and only by the worker that still holds it, so
    that each job has one run.

    Parameters
    ----------
    hub : Hub
    policy : Policy
    once : bool
        Whether to stop when no job is left.

    Returns
    -------
    Worked
    """
    hub.check_adder()
    worker, worked, spent = uuid4().hex, Worked(), 0.0
    while policy.total_seconds is None or spent < policy.total_seconds:
        claimed = _claim(hub, policy, worker, worked)
        if claimed is None:
            if once:
                break
            time.sleep(_PAUSE)
            continue
        entry, seconds, isolated = claimed
        begun = time.monotonic()
        assert entry.content is not None
        make = _run if entry.content.get("plan") is None else _campaign
        ended = make(hub, entry, policy.limits(seconds), worker, isolated)
        spent += time.monotonic() - begun
        if ended == "":
            worked.done += 1
        elif ended is not None:
            worked.failures[entry.id] = ended
    return worked


def _run(hub: Hub, entry: Entry, limits: Limits, worker: str, isolated: bool) -> str | None:
    """Make the run of a job and keep it; why it failed, None where another worker made it."""
    assert entry.content is not None
    record = run_job(entry.content, limits, isolated)
    with hub.database.transaction() as connection:
        state = "done" if record.ok else "failed"
        if not _ended(connection, entry.id, worker, state, record.reason):
            # it took so long that another worker took the job over
            return None
        document = {"kind": "run", **run_content(record), **attributes(entry, "visibility until")}
        hub.enter(connection, document, [("derived", entry.id)])
    if record.ok:
        keep_card(hub, str(entry.content["kernel"]))
    return "" if record.ok else record.reason or "The kernel gave no reason."


def _campaign(hub: Hub, entry: Entry, limits: Limits, worker: str, isolated: bool) -> str:
    """Run the campaign of a job and keep what it came to; why it came to nothing."""
    assert entry.content is not None
    answer = run_plan(entry.content, limits, isolated)
    result, reason = answer.get("result"), str(answer.get("reason", ""))
    links = [("derived", entry.id)]
    document = {"kind": "campaign", "outcome": FAILED, "result": answer}
    if result is not None:
        # entries of equal content are kept once: another worker may have come this far before
        records = list(map(run_record, answer["runs"]))
        ids = keep_campaign(hub, result, answer["plan"], records)
        links += [("derived", ids[k]) for k in ("protocol", "law", "answer") if ids[k]]
        document |= {"outcome": str(result.get("outcome", "")), "result": result}
    hub.once(document, links)
    with hub.database.transaction() as connection:
        _ended(connection, entry.id, worker, "failed" if result is None else "done", reason)
    return reason


def _ended(connection: Connection, job: str, worker: str, state: str, reason: str) -> bool:
    """End the claim on a job, if this worker still holds it."""
    claim = update(claims).where(
        claims.c.job == job, claims.c.worker == worker, claims.c.state == "running"
    )
    return bool(connection.execute(claim.values(state=state, reason=reason)).rowcount)


def _claim(
    hub: Hub, policy: Policy, worker: str, worked: Worked
) -> tuple[Entry, float, bool] | None:
    """The oldest job that may be run here and that nobody has: its seconds, and how it is run.

    What a program asked for, or brought under whatever name, runs in a sandbox where there is one.
    """
    with hub.database.transaction() as connection:
        clock = time.time()
        lineage = hub.database.lineage(connection)
        died = and_(claims.c.state == "running", claims.c.until < clock)
        free = or_(claims.c.job.is_(None), and_(died, claims.c.attempts < MOST_ATTEMPTS))
        query = (
            select(entries, imports.c.agent.label("brought_by_agent"))
            .outerjoin(claims, claims.c.job == entries.c.id)
            .outerjoin(imports, imports.c.entry == entries.c.seq)
            .where(entries.c.kind == "job", entries.c.content.is_not(None), free, hub.readable())
            .order_by(entries.c.seq)
        )
        for row in connection.execute(query):
            content = json.loads(row.content)
            state, approved = lineage.state(row.id), row.id in lineage.approved
            agent = bool(row.agent or row.brought_by_agent)
            why = refusal(row.id, content, policy, state, agent=agent, approved=approved)
            if why:
                worked.passed_over[row.id] = why
                continue
            seconds = min(float(content.get("seconds", policy.seconds)), policy.seconds)
            _take(connection, row.id, worker, clock + seconds + _LEASE)
            return entry_of(row), seconds, agent and bubblewrap() is not None
    return None


def _take(connection: Connection, job: str, worker: str, until: float) -> None:
    values = {"state": "running", "worker": worker, "until": until, "reason": ""}
    connection.execute(insert_new(connection, claims), [{"job": job, "attempts": 0, **values}])
    taken = update(claims).where(claims.c.job == job)
    connection.execute(taken.values(attempts=claims.c.attempts + 1, **values))


def needs_approval(content: Document, policy: Policy) -> bool:
    """Whether a job of an agent may take longer than agents may decide on."""
    seconds = min(float(content.get("seconds", policy.seconds)), policy.seconds)
    return seconds > policy.agent.approve_above


def refusal(
    id: str, content: Document, policy: Policy, state: str, *, agent: bool, approved: bool
) -> str:
    """Reason why a worker of this policy skips a job; empty if it may run.

    Parameters
    ----------
    id : str
    content : mapping
        Of the job.
    policy : Policy
    state : str
        Of its entry.
    agent : bool
        Whether a program asked for it.
    approved : bool
        Whether a person approved it.
    """
    kernel = str(content["kernel"])
    if state == "untrusted":
        return f"it was imported and needs approval: {Act(Step.APPROVE, id[:12])}"
    if state == "disputed":
        return "it is disputed"
    if not policy.allows(kernel):
        return f"the kernel '{kernel}' is not in this worker's policy"
    if agent and not in_package(kernel) and bubblewrap() is None:
        return "an agent asked for it, and without bubblewrap agents' jobs use dimgs' own kernels"
    if agent and not approved and needs_approval(content, policy):
        return f"it needs the approval of a person: {Act(Step.APPROVE, id[:12])}"
    return ""
