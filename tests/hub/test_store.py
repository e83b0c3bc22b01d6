"""The store: what goes in comes out, once, whatever happens to the processes."""

import os
import pickle
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.common.errors import StoreError
from dimgs.hub import RunStore
from dimgs.kernels.record import RunRecord, RunRequest, Status
from tests.hub.records import record

ROOT = Path(__file__).resolve().parents[2]

numbers = st.floats(allow_nan=False, allow_infinity=False)
names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
records = st.builds(
    RunRecord,
    kernel=names,
    tier=names,
    inputs=st.dictionaries(
        names, st.tuples(numbers, st.just("m")) | st.tuples(names, st.just("label")), max_size=3
    ),
    outputs=st.dictionaries(names, st.tuples(numbers, st.just("s")), max_size=3),
    status=st.sampled_from(Status),
    key=st.text("0123456789abcdef", min_size=4, max_size=4),
    reason=names,
    seed=st.none() | st.integers(-(2**100), 2**100),
    wall_seconds=st.floats(0, 1e9),
    errors=st.dictionaries(names, numbers, max_size=2),
    provenance=st.dictionaries(names, st.dictionaries(names, numbers | names, max_size=2)),
)


@settings(max_examples=8)
@given(st.lists(records, max_size=4, unique_by=lambda r: r.key))
def test_what_goes_in_comes_out(many: list[RunRecord]) -> None:
    with TemporaryDirectory() as folder:
        with RunStore(f"{folder}/a.sqlite") as store:
            for one in many:
                store.finish(one)
        with RunStore(f"{folder}/a.sqlite") as again:
            assert again.records() == many
            assert len(again) == len(many)
            assert all(again.get(r.key) == r for r in many)


actions = st.lists(
    st.tuples(
        st.sampled_from(["claim", "retry", "ok", "failed", "release", "reopen"]), st.integers(0, 2)
    ),
    max_size=25,
)


@settings(max_examples=15)
@given(actions)
def test_any_order_of_claims_and_endings_keeps_every_ending(steps: list[tuple[str, int]]) -> None:
    """Against a plain model: endings per key, and who is in flight."""
    ended: dict[int, list[str]] = {0: [], 1: [], 2: []}
    flying: set[int] = set()
    with TemporaryDirectory() as folder:
        path = f"{folder}/a.sqlite"
        store = RunStore(path)
        for what, key in steps:
            last = ended[key][-1] if ended[key] else "interrupted"
            if what in {"claim", "retry"}:
                free = last == "interrupted" or (what == "retry" and last == "failed")
                got = store.claim(str(key), retry=what == "retry")
                assert got is (key not in flying and free)
                flying |= {key} if got else set()
            elif what in {"ok", "failed"}:
                if last == "ok" and key not in flying:
                    with pytest.raises(StoreError, match="never overwritten"):
                        store.finish(record(str(key), Status(what)))
                    continue
                store.finish(record(str(key), Status(what)))
                ended[key].append(what)
                flying.discard(key)
            elif what == "release":
                store.release(str(key))
                ended[key] += ["interrupted"] if key in flying else []
                flying.discard(key)
            else:
                store.close()
                store = RunStore(path)
                for lost in flying:
                    ended[lost].append("interrupted")
                flying = set()
        for key, states in ended.items():
            assert [r.status.value for r in store.attempts(str(key))] == states
        assert sorted(store.pending()) == sorted(map(str, flying))
        store.close()


def test_finished_runs_are_write_once_in_the_file_itself(store: RunStore) -> None:
    store.finish(record("a"))
    store.claim("b")
    with sqlite3.connect(store.path) as plain:
        for statement in ("UPDATE runs SET outputs='{}'", "DELETE FROM runs"):
            with pytest.raises(sqlite3.IntegrityError, match="never changed"):
                plain.execute(f"{statement} WHERE key='a'")
    plain.close()


@pytest.mark.parametrize(
    ("column", "value"),
    [("outputs", '{"t": [2.5, "s"]}'), ("inputs", "{}"), ("state", "failed"), ("reason", "x")],
)
def test_a_run_that_was_edited_in_the_file_is_refused(
    store: RunStore, column: str, value: str
) -> None:
    store.finish(record("a", provenance={"version": "1"}))
    assert store.records()[0].provenance == {"version": "1"}
    with sqlite3.connect(store.path) as plain:
        (trigger,) = plain.execute(
            "SELECT name FROM sqlite_master WHERE type='trigger' AND sql LIKE '%UPDATE ON runs%'"
        ).fetchone()
        plain.execute(f"DROP TRIGGER {trigger}")
        plain.execute(f"UPDATE runs SET {column}=?", (value,))
    plain.close()
    with pytest.raises(StoreError, match="The run a in the store was edited"):
        store.records()


def test_a_second_result_of_a_run_is_refused(store: RunStore) -> None:
    store.finish(record("a" * 64))
    with pytest.raises(StoreError, match=r"aaaaaaaaaaaa… of 'film' is in .* already"):
        store.finish(record("a" * 64, wall_seconds=2.0))


def test_failures_are_kept_when_a_run_is_tried_again(store: RunStore) -> None:
    store.finish(record("a", Status.FAILED, outputs={}, reason="no mesh"))
    assert not store.claim("a")
    assert store.claim("a", retry=True)
    assert store.get("a") == record("a", Status.FAILED, outputs={}, reason="no mesh")
    store.finish(record("a"))
    assert [r.status for r in store.attempts("a")] == [Status.FAILED, Status.OK]
    assert store.records(status="failed") == []
    assert store.counts() == {"ok": 1}
    assert not store.claim("a", retry=True)


def test_a_request_tells_what_was_lost(store: RunStore) -> None:
    request = RunRequest("a", "film", "fine", {"l": (1.0, "mm")}, seed=2**80)
    assert store.claim(request)
    store.release("a", "Stopped by hand.")
    lost = store.get("a")
    assert lost is not None
    assert lost.status is Status.INTERRUPTED
    assert (lost.kernel, lost.inputs, lost.seed) == ("film", {"l": (1.0, "mm")}, 2**80)
    assert lost.reason == "Stopped by hand."


KILLED = """
import os, signal, sys
from dimgs.hub import RunStore, schema
from dimgs.kernels.record import RunRecord, Status
store = RunStore(sys.argv[1])
for key in "abcd":
    assert store.claim(key)
store.finish(RunRecord("film", "fine", {}, {"t": (1.0, "s")}, Status.OK, "a"))
print("ready", flush=True)
sys.stdin.readline()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_interrupted_runs(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "ready\n"
    with RunStore(path) as early:
        assert early.interrupted == ()
        assert not early.claim("b")
        process.stdin.write("go\n")
        process.stdin.flush()
        assert process.wait(60) == -signal.SIGKILL
        process.stdin.close()
        process.stdout.close()
        assert early.claim("b")
        assert early.counts() == {"ok": 1, "pending": 3}
        with RunStore(path) as late:
            assert late.interrupted == ("c", "d")
            lost = late.get("c")
            assert lost is not None
            assert lost.reason == "The process of the run ended before the run was complete."
            assert late.claim("c")
            assert not late.claim("a")
    assert sorted(p.name for p in tmp_path.iterdir() if "session" in p.name) == []


def test_forked_workers_do_not_keep_a_dead_claim_alive(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    code = (
        "import os, sys, time\n"
        "from dimgs.hub import RunStore\n"
        "store = RunStore(sys.argv[1])\n"
        "assert store.claim('a')\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    os.close(1)\n"
        "    time.sleep(60)\n"
        "print(pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        with RunStore(path) as store:
            assert store.interrupted == ("a",)
    finally:
        os.kill(int(done.stdout), signal.SIGKILL)


def _claim_many(path: str, keys: list[str]) -> list[str]:
    with RunStore(path) as store:
        mine = []
        for key in keys:
            if store.claim(key):
                store.finish(record(key))
                mine.append(key)
        return mine


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_share_the_runs_out_among_them(tmp_path: Path, method: str) -> None:
    path, keys = str(tmp_path / "runs.sqlite"), [f"{i:04d}" for i in range(40)]
    with ProcessPoolExecutor(4, mp_context=get_context(method)) as pool:
        orders = [keys, keys[::-1], keys[20:] + keys[:20], keys]
        shares = list(pool.map(_claim_many, [path] * 4, orders))
    assert sorted(key for share in shares for key in share) == keys
    with RunStore(path) as store:
        assert store.counts() == {"ok": 40}
        assert all(len(store.attempts(key)) == 1 for key in keys)


def test_a_store_may_be_used_after_a_fork_and_sent_to_workers(store: RunStore) -> None:
    assert store.claim("mine")
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        assert pool.submit(store.claim, "theirs").result()
        assert not pool.submit(store.claim, "mine").result()
    twin = pickle.loads(pickle.dumps(store))
    assert twin.path == store.path
    twin.close()


def test_filters(store: RunStore) -> None:
    store.finish(record("a"))
    store.finish(record("b", tier="coarse"))
    store.finish(record("c", Status.DIVERGED))
    store.finish(record("d", kernel="other"))
    filtered = {
        "tier": store.records(tier="coarse"),
        "status": store.records(status=Status.DIVERGED),
        "kernel": store.records(kernel="other"),
        "keys": store.records(keys=["a", "z"]),
    }
    assert {k: [r.key for r in v] for k, v in filtered.items()} == {
        "tier": ["b"],
        "status": ["c"],
        "kernel": ["d"],
        "keys": ["a"],
    }
    assert "a" in store
    assert "z" not in store
    assert store.get("z") is None
    assert repr(store) == "RunStore('runs.sqlite': 1 diverged, 3 ok)"


def test_the_package_starts_without_sqlalchemy() -> None:
    code = "import sys, dimgs.hub; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_threads_share_one_session(store: RunStore, tmp_path: Path) -> None:
    keys = [str(i) for i in range(20)]
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(store.claim, keys + keys))
    assert sum(taken) == 20
    assert len([p for p in tmp_path.iterdir() if "-session-" in p.name]) == 1


def test_files_of_dead_sessions_are_cleared(tmp_path: Path) -> None:
    path = tmp_path / "runs [1].sqlite"
    code = (
        "import os, sys; from dimgs.hub import RunStore\n"
        "from dimgs.kernels.record import RunRecord, Status\n"
        "s = RunStore(sys.argv[1]); s.claim('a')\n"
        "s.finish(RunRecord('f', 't', {}, {}, Status.OK, 'a')); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, check=True)
    assert [p for p in tmp_path.iterdir() if "-session-" in p.name]
    with RunStore(path) as store:
        assert store.claim("b")
        assert len([p for p in tmp_path.iterdir() if "-session-" in p.name]) == 1
        assert store.interrupted == ()
