"""Processes that are killed while they write, and many that write at once."""

import multiprocessing
import random
import shutil
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect

from dimgs.common.errors import StoreError
from dimgs.hub import Hub, schema
from tests.hub import writers
from tests.hub.conftest import Places
from tests.hub.earlier import DIGEST, make_schema3
from tests.hub.test_hub import QUESTION, other, run

# what is forked from a process that does nothing else has no locks of other threads
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.hub.writers"])


class Child:
    """A process that waits until it may begin."""

    def __init__(self, does: Callable[..., None], *words: object) -> None:
        self.pipe, end = FORKS.Pipe()
        self.process: BaseProcess = FORKS.Process(target=does, args=(end, *words))
        self.process.start()
        end.close()

    def begin(self) -> None:
        """Let it go."""
        assert self.pipe.recv() == "ready"
        self.pipe.send("go")

    def messages(self) -> list[str]:
        """All messages of the process, at its end."""
        lines: list[Any] = []
        pipe: Connection = self.pipe
        try:
            while True:
                lines.append(pipe.recv())
        except (EOFError, OSError):
            pass
        self.process.join()
        pipe.close()
        return lines

    def killed(self, seconds: float) -> list[str]:
        """Its messages until it is killed."""
        self.begin()
        time.sleep(seconds)
        self.process.kill()
        return self.messages()


def check_whole(hub: Hub, announced: Sequence[str]) -> None:
    """All that was announced as kept is there, once, with its inputs."""
    listed = [e["id"] for e in hub.listed("run")]
    assert len(listed) == len(set(listed))
    assert set(announced) <= set(listed)
    queried = hub.query("film", where=["D=1e-20..1 m^2/s"], limit=None)
    assert sorted(r["id"] for r in queried["runs"]) == sorted(listed)
    assert queried["count"] == len(listed)


def write_at_once(address: str, processes: int, each: int) -> None:
    with Hub(address, user="anna") as hub:
        every = [Child(writers.adds, address, f"user {k}", 0, each) for k in range(processes)]
        for child in every:
            child.begin()
        announced = [id for child in every for id in child.messages()]
        assert len(set(announced)) == processes * each
        check_whole(hub, announced)
        assert hub.digest()["entries"] == processes * each


def test_several_processes_write_at_once(place: Places) -> None:
    write_at_once(place(), 4, 8)


@pytest.mark.slow
def test_many_processes_write_at_once(place: Places) -> None:
    write_at_once(place(), 32, 60)


def kills(address: str, folder: Path, times: int, seed: int) -> None:
    """Kill writers, imports and syncs at random moments; then all is there, once."""
    rng = random.Random(seed)
    source = folder / "source.sqlite"
    with Hub(source, user="anna") as hub:
        hub.add_runs([run(f"s {k}", 1.0 + k) for k in range(400)])
        hub.export(folder / "bundle")
        whole = hub.digest()["entries"]
    announced: list[str] = []
    with Hub(address, user="anna") as hub:
        for k in range(times):
            tasks: list[tuple[Callable[..., None], tuple[object, ...]]] = [
                (writers.adds, (address, "anna", 1000 * k, 1000 * k + 1000)),
                (writers.takes, (address, str(folder / "bundle"), "merge")),
                (writers.takes, (address, str(folder / "shared"), "sync")),
            ]
            does, words = tasks[k % 3]
            announced += Child(does, *words).killed(rng.uniform(0.0, 0.4))
            check_whole(hub, announced)
        hub.merge(folder / "bundle")
        check_whole(hub, announced)
        hub.sync(folder / "shared")
        assert hub.digest()["entries"] >= whole + len(announced)
        with Hub(folder / "copy.sqlite", user="carl") as copy:
            assert copy.sync(folder / "shared").refused == []
            assert copy.digest() == hub.digest()


def test_what_is_killed_loses_nothing_and_doubles_nothing(place: Places, tmp_path: Path) -> None:
    kills(place(), tmp_path, 3, 1)


@pytest.mark.slow
def test_fifty_kills_lose_nothing_and_double_nothing(place: Places, tmp_path: Path) -> None:
    kills(place(), tmp_path, 50, 2)


def test_an_upgrade_that_is_killed_is_done_the_next_time(tmp_path: Path) -> None:
    old = Path(__file__).parents[1] / "formats" / "v0_1_0" / "campaign" / "runs.sqlite"
    path = tmp_path / "runs.sqlite"
    for seconds in (0.0, 0.02, 0.1):
        shutil.copy(old, path)
        Child(writers.opens, str(path)).killed(seconds)
        with Hub(path, user="anna") as hub:
            assert hub.query("diffusion-series")["count"] == 8
        path.unlink()
        for beside in tmp_path.glob("runs.sqlite-*"):
            beside.unlink()


def upgrades(place: Places, times: int, seed: int) -> int:
    """Kill upgrades of a hub at random moments; how many were cut before they were done."""
    rng, cut, address, takes = random.Random(seed), 0, "", 0.0
    for k in range(times + 1):
        if not address:
            address = place()
            make_schema3(address)
        child = Child(writers.opens, address)
        if k == 0:
            # how long it takes here
            child.begin()
            started = time.monotonic()
            child.messages()
            takes = time.monotonic() - started
        else:
            child.killed(rng.uniform(0.0, 1.2 * takes))
        if schema_of(address) == 3:
            # all of it or nothing
            cut += 1
            continue
        with Hub(address, user="anna") as hub:
            assert hub.digest() == {"digest": DIGEST, "entries": 19}
            assert len(hub.listed(state="untrusted")) == 2
        address = ""
    return cut


def schema_of(address: str) -> int:
    """Schema of a hub, in which there is no table of a later one."""
    plain = address.replace("postgresql:", "postgresql+psycopg:")
    engine = create_engine(plain if plain != address else f"sqlite:///{address}")
    with engine.connect() as connection:
        (known,) = connection.exec_driver_sql("SELECT version_num FROM alembic_version").one()
        assert inspect(connection).has_table("imports") == (int(known) == 4)
    engine.dispose()
    return int(known)


def test_an_upgrade_from_schema_3_that_is_killed_changes_nothing(place: Places) -> None:
    upgrades(place, 2, 1)


@pytest.mark.slow
def test_fifty_kills_of_upgrades_lose_nothing(place: Places) -> None:
    assert 0 < upgrades(place, 50, 2) < 50


@pytest.mark.slow
def test_fifty_kills_of_a_server_lose_nothing_and_double_nothing(place: Places) -> None:
    from case_studies.benchmarks import hub_writers

    asked = ["--clients", "4", "--seconds", "100", "--kills", "50", "--hub", place()]
    assert hub_writers.main(asked) == 0


def fill(hub: Hub, kept: list[str]) -> None:
    """Add entries for ever."""
    while True:
        kept.append(hub.add({**QUESTION, "context": "x" * 9999}))


def test_a_full_disk_is_reported_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = schema._configure

    def small(connection: Any, record: object) -> None:
        before(connection, record)
        connection.execute("PRAGMA max_page_count = 120")

    monkeypatch.setattr(schema, "_configure", small)
    kept: list[str] = []
    with Hub(tmp_path / "hub.sqlite", user="anna") as hub:
        with pytest.raises(StoreError, match="full") as error:
            fill(hub, kept)
        assert "\n" not in str(error.value)
        assert {e["id"] for e in hub.listed()} == set(kept)
        assert len(set(kept)) > 9
    monkeypatch.undo()
    with Hub(tmp_path / "hub.sqlite", user="anna") as hub:
        other(hub, "bob").review(kept[0], "accept")
        assert hub.get(kept[0])["state"] == "accepted"


def test_a_hub_that_may_not_be_written_is_reported(tmp_path: Path) -> None:
    with Hub(tmp_path / "hub.sqlite", user="anna") as hub:
        asked = hub.add(QUESTION)
        with hub.database.transaction(read=True) as connection:
            connection.exec_driver_sql("PRAGMA query_only = ON")
        with pytest.raises(StoreError, match="readonly"):
            hub.add(QUESTION)
        assert [e["id"] for e in hub.listed()] == [asked]
