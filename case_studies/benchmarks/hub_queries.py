"""Time of queries in a hub of many runs, in a process that has asked before.

Run it with ``python -m case_studies.benchmarks.hub_queries --runs 100000``, and with ``--hub`` for
a file that is kept, or an empty database of PostgreSQL; what it lacks is added. Half of the runs
are of another kernel, and one in a thousand is rejected, so that states have to be derived;
``--copies 9`` adds nine of each run, at other inputs, without the checks that take most time.
Beside the time that passed stands the time of the processor, which other programs do not change.
"""

import argparse
import itertools
import math
import os
import random
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from sqlalchemy import text

from dimgs.hub import Hub
from dimgs.hub.accounts import set_user
from dimgs.hub.schema import SLOTS
from dimgs.kernels.record import RunRecord, Status

BATCH = 5000
# a question from each of the ways to ask
ASKED: dict[str, dict[str, Any]] = {
    "a range of an input, few runs": {"where": ["D=1e-14..1.1e-14 m^2/s"]},
    "three ranges in other units": {"where": ["D=1e-10..1e-8 cm^2/s", "l=10..50 um", "t=1..9 h"]},
    "a range of a group": {"group": ["D*t/l^2=0.1..1"]},
    "a group, a kernel and a label": {
        "kernel": "film",
        "group": ["D*t/l^2=0.1..0.2"],
        "where": ["kind=b"],
    },
    "a physics identity": {"physics": "migration", "where": ["l=10..11 um"]},
    "an author and a state": {"author": "anna", "state": "open"},
    "what is disputed": {"state": "disputed"},
    "a tag": {"tag": "good"},
}


def record(k: int, rng: random.Random) -> RunRecord:
    """A run that no kernel has made."""
    return RunRecord(
        kernel="film" if k % 2 else "series",
        tier="fine",
        inputs={
            "D": (10 ** rng.uniform(-16, -12), "m^2/s"),
            "t": (rng.uniform(1, 100), "h"),
            "l": (rng.uniform(10, 500), "um"),
            "T": (rng.uniform(0, 80), "degC"),
            "K": (rng.uniform(0.1, 10), "1"),
            "kind": ("abcdefghij"[k % 10], "label"),
        },
        outputs={"c": (rng.random(), "kg/m^3")},
        status=Status.OK,
        key=f"run {k}",
        provenance={"version": "1"},
    )


def filled(hub: Hub, runs: int) -> float:
    """Seconds that it takes to add the runs that are not there yet, and to reject some."""
    start, there = time.perf_counter(), hub.query(every=True, limit=0)["count"]
    rng = random.Random(there)
    set_user(hub.database, "bob", "reviewer")
    if not there:
        hub.add({"kind": "card", "kernel": "series", "physics": "migration"})
    bob = hub.for_user("bob")
    for first in range(there, runs, BATCH):
        ids = hub.add_runs([record(k, rng) for k in range(first, min(first + BATCH, runs))])
        hub.add({"kind": "law", "text": "l", "links": [{"type": "derived", "to": ids[0]}]})
        for id in ids[::1000]:
            bob.review(id, "reject")
    return time.perf_counter() - start


def multiplied(hub: Hub, copies: int) -> None:
    """Add copies of all runs, at other inputs, within the database: a million in minutes."""
    new = "md5(random()::text) || md5(random()::text)"
    if hub.database.path is not None:
        new = "lower(hex(randomblob(32)))"
    same = "kind, author, agent, time, visibility, until, title, name, status, reuse, links, digest"
    same += ", content, origin"
    names = ", ".join(f"{c}{j}" for c in "xl" for j in range(SLOTS))
    other = ", ".join(
        [f"x{j} * :factor" for j in range(SLOTS)] + [f"l{j} + :log" for j in range(SLOTS)]
    )
    beside = "JOIN entries a ON a.seq = r.run JOIN entries b ON b.key = a.key || :mark"
    statements = [
        f"""INSERT INTO entries (id, key, {same}) SELECT {new}, key || :mark, {same}
        FROM entries WHERE kind = 'run' AND seq <= :last ORDER BY seq""",
        f"""INSERT INTO points (shape, run, part, ok, {names})
        SELECT shape, b.seq, part, ok, {other} FROM points r {beside} WHERE r.run <= :last""",
        f"""INSERT INTO labels (name, label, run) SELECT r.name, label, b.seq
        FROM labels r {beside} WHERE r.run <= :last""",
    ]
    with hub.database.transaction() as connection:
        last = connection.execute(text("SELECT max(seq) FROM entries")).scalar_one()
        for k, statement in itertools.product(range(1, copies + 1), statements):
            factor = 1.0 + 1e-3 * k
            values = {"last": last, "mark": f" copy {k}", "factor": factor, "log": math.log(factor)}
            command = text(statement)
            connection.execute(command, {n: values[n] for n in command.compile().params})
        # as autovacuum does a minute after so many rows
        connection.execute(text("ANALYZE"))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--hub", help="address of an empty hub; a temporary file by default")
    parser.add_argument("--copies", type=int, default=0, help="of all runs, made in the database")
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args(arguments)
    with TemporaryDirectory() as folder:
        address = options.hub or str(Path(folder) / "hub.sqlite")
        with Hub(address, user="anna") as hub:
            seconds = filled(hub, options.runs)
            print(f"{options.runs} runs added in {seconds:.0f} s ({hub.address})")
            multiplied(hub, options.copies)
            for what, asked in ASKED.items():
                walls, used = [], []
                for _ in range(options.repeats):
                    start, begun = time.perf_counter(), time.process_time()
                    count = hub.query(**asked)["count"]
                    walls.append(1e3 * (time.perf_counter() - start))
                    used.append(1e3 * (time.process_time() - begun))
                print(f"{what:<32} {count:>8} runs  median {median(walls):7.1f} ms"
                      f"  slowest {max(walls):7.1f} ms  CPU {median(used):6.1f} ms")  # fmt: skip


if __name__ == "__main__":
    main()
