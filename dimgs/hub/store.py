"""The RunStore: runs in one SQLite file, keyed by what determines them; as tables too."""

import glob
import os
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import nan
from pathlib import Path
from threading import Lock
from typing import Any, Self
from uuid import uuid4

from sqlalchemy import Connection, func, insert, select, update

from dimgs.common.errors import InputError, StoreError
from dimgs.dataset import Dataset
from dimgs.hub.entry import (
    Address,
    Document,
    Json,
    as_json,
    asked_row,
    checked_row,
    columns_of,
    now,
    record_row,
    row_record,
)
from dimgs.hub.schema import PENDING, Transactions, open_engine, runs
from dimgs.kernels.record import RunRecord, RunRequest, Status
from dimgs.variables import parse_unit

_SESSIONS: set[tuple[int, str]] = set()

_PLAIN = {
    "key": "key [label]",
    "attempt": "attempt [1]",
    "kernel": "kernel [label]",
    "tier": "tier [label]",
    "seed": "seed [label]",
    "state": "status [label]",
    "reason": "reason [label]",
    "wall_seconds": "wall_seconds [s]",
    "claimed_at": "claimed_at [label]",
    "finished_at": "finished_at [label]",
    "provenance": "provenance [label]",
}
_DIED = "The process of the run ended before the run was complete."
_NONE: Json = {"state": "", "attempt": 0}
# states after which a run is made without being asked to try again
_AGAIN = (_NONE["state"], Status.INTERRUPTED)
_GIVEN_UP = "The run was cancelled before it was complete."


class StoreSession:
    """A process that claims runs; alive as long as its file is locked.

    The file is a small one beside the store. The system frees the lock when the process ends,
    however it ends, and a new process with the same number cannot be mistaken for the old one.

    Parameters
    ----------
    store : Path
        File of the store; the session's file lies beside it.
    """

    def __init__(self, store: Path) -> None:
        self.token = uuid4().hex
        self.pid = os.getpid()
        self._path = _file(store, self.token)
        unlocked = self._path.with_name(f"{self._path.name}.new")
        self._handle = _locked(unlocked, "rwc")
        # nobody can see the file before it is locked
        unlocked.rename(self._path)
        _SESSIONS.add((self.pid, self.token))

    def close(self) -> None:
        """Free the lock and remove the file."""
        _SESSIONS.discard((self.pid, self.token))
        if os.getpid() == self.pid:
            self._handle.close()
            self._path.unlink(missing_ok=True)


def alive(store: Path, token: str) -> bool:
    """Whether the process of a session still runs; the file of a dead one is removed."""
    if (os.getpid(), token) in _SESSIONS:
        return True
    path = _file(store, token)
    try:
        _locked(path, "rw").close()
    except sqlite3.OperationalError:
        # locked by a living process, or removed by one that looked before
        return path.exists()
    path.unlink(missing_ok=True)
    return False


def _locked(path: Path, mode: str) -> sqlite3.Connection:
    """An SQLite file with its lock, which ends with the process, and which no fork inherits.

    Raises
    ------
    sqlite3.OperationalError
        If another process has the lock, or there is no file.
    """
    uri = f"{path.as_uri()}?mode={mode}"
    file = sqlite3.connect(uri, 0.0, isolation_level=None, check_same_thread=False, uri=True)
    # no journal, which would be a file that a killed process leaves
    file.execute("PRAGMA journal_mode=MEMORY")
    file.execute("BEGIN EXCLUSIVE")
    return file


def clear_dead(store: Path) -> None:
    """Remove the files of sessions that ended without closing."""
    for path in store.parent.glob(f"{glob.escape(store.name)}-session-*"):
        token = path.name.rpartition("-")[2]
        if token.isalnum():
            alive(store, token)


def _file(store: Path, token: str) -> Path:
    return store.with_name(f"{store.name}-session-{token}")


def dataset_of(records: Sequence[RunRecord], targets: Sequence[str], source: str) -> Dataset:
    """Dataset of runs of one kernel and one tier: inputs, and targets with their errors.

    Parameters
    ----------
    records : sequence of RunRecord
        Runs that ended well.
    targets : sequence of str
    source : str
        Name of the store, for messages.

    Raises
    ------
    InputError
    """
    if not records:
        raise InputError(
            f"No run in '{source}' with that kernel and tier succeeded; see its records()."
        )
    for what in ("kernel", "tier", "version"):
        kinds = {str(getattr(r, what, r.provenance.get(what, ""))) for r in records}
        if len(kinds) > 1:
            raise InputError(
                f"The runs in '{source}' are of the {what}s {', '.join(sorted(kinds))}; choose one "
                f"with {what}='{max(kinds)}'."
            )
    _check_ports(records, source)
    missing = next((t for t in targets if t not in records[0].outputs), None)
    if missing is not None:
        names = ", ".join(records[0].outputs)
        raise InputError(f"The runs in '{source}' have no output '{missing}'; they have {names}.")
    units: dict[str, str] = {}
    rows = [columns_of(record, units, targets) for record in records]
    columns = {name: [row.get((name, unit), nan) for row in rows] for name, unit in units.items()}
    return replace(Dataset.from_columns(columns, units=units), source=source)


def _check_ports(records: Sequence[RunRecord], source: str) -> None:
    """Check that all runs have the inputs and outputs of the first, of its dimensions."""
    remedy = f"'{records[0].kernel}' has changed; choose runs of one kind with keys=…."
    for ports in ("inputs", "outputs"):
        first = {n: unit for n, (_, unit) in getattr(records[0], ports).items()}
        for record in records:
            units = {n: unit for n, (_, unit) in getattr(record, ports).items()}
            for name in sorted(set(first) ^ set(units)):
                raise InputError(
                    f"Some runs in '{source}' have '{name}' and others have not: {remedy}"
                )
            for name, unit in units.items():
                if unit != first[name] and not parse_unit(first[name]).accepts(parse_unit(unit)):
                    raise InputError(
                        f"The runs in '{source}' give '{name}' in {first[name]} and in {unit}: "
                        f"{remedy}"
                    )


def write_parquet(rows: Sequence[Document], path: Path) -> Path:
    """Write rows of the store as one flat table, one column per input and output.

    Headers carry units as ``name [unit]``, so that `read_table` reads the file. A quantity of
    several units is in that of the first row.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    import pyarrow as pa
    from pyarrow import parquet

    units: dict[str, str] = {}
    flat = [_flatten(row, units) for row in rows]
    names = dict.fromkeys([*_PLAIN.values(), *(name for row in flat for name in row)])
    kinds = (pa.string() if name.endswith("[label]") else pa.float64() for name in names)
    schema = pa.schema(list(zip(names, kinds, strict=True)))
    try:
        parquet.write_table(pa.Table.from_pylist(flat, schema), path)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise InputError(f"'{path}' cannot be written ({why}); name another file.") from error
    return path


def _flatten(row: Document, units: dict[str, str]) -> Json:
    read = checked_row(row)
    row = {**row, "provenance": as_json(read.provenance)}
    flat = {title: _written(row[name]) for name, title in _PLAIN.items()}
    columns = columns_of(read.record(), units).items()
    return flat | {f"{name} [{unit}]": _written(value) for (name, unit), value in columns}


def _written(value: Any) -> Any:
    """Text as UTF-8 can hold it."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


class RunStore:
    """Runs in one SQLite file: write-once, failures kept, safe under several processes.

    A run is claimed before it starts and finished with its record. A process that dies leaves
    its claims behind: they are marked as interrupted when the store is opened next, or when
    another process asks for the same run. Finished runs are never changed; a failed run that is
    tried again gets a further attempt. The file belongs on a local disk.

    Parameters
    ----------
    path : str or Path
        File of the store; made where there is none.

    Attributes
    ----------
    path : Path
    interrupted : tuple of str
        Keys of the runs that were found interrupted when the store was opened.

    Raises
    ------
    StoreError
        If the file cannot be used as a store.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from dimgs.kernels.record import RunRecord, Status
    >>> with TemporaryDirectory() as folder, RunStore(f"{folder}/runs.sqlite") as store:
    ...     first, second = store.claim("a1"), store.claim("a1")
    ...     store.finish(RunRecord("film", "fine", {"l": (1.0, "mm")}, {"t": (2.0, "s")},
    ...                            Status.OK, key="a1"))
    ...     first, second, store.get("a1").outputs, store.counts()
    (True, False, {'t': (2.0, 's')}, {'ok': 1})
    """

    def __init__(self, path: Address) -> None:
        self.path = Path(path).absolute()
        name = f"The store of runs '{self.path}'"
        self._file = Transactions(open_engine(self.path), name, "file")
        self._session: StoreSession | None = None
        self._lock = Lock()
        self.interrupted = self._recover()

    def claim(self, run: RunRequest | str, *, retry: bool = False) -> bool:
        """Take a run, so that no other process makes it too.

        Parameters
        ----------
        run : RunRequest or str
            The run or its key; a request also holds what was asked, should the run be lost.
        retry : bool
            Whether a run that failed, diverged or was refused is tried again.

        Returns
        -------
        bool
            Whether the run is now for the caller to make: False where it has ended, or where a
            living process has it.
        """
        key = run if isinstance(run, str) else run.key
        session = self._session_token()
        with self._file.transaction() as connection:
            last = _last(connection, key)
            if last["state"] == PENDING:
                if alive(self.path, last["session"]):
                    return False
                _interrupt(connection, [last["id"]], _DIED)
            elif last["state"] == Status.OK or not (retry or last["state"] in _AGAIN):
                return False
            row = asked_row(run) | {"attempt": last["attempt"] + 1, "state": PENDING}
            connection.execute(insert(runs).values(**row, session=session, claimed_at=now()))
        return True

    def finish(self, record: RunRecord) -> None:
        """Keep the record of a run, claimed or not.

        Raises
        ------
        StoreError
            If the run has ended well before; a finished run is never overwritten.
        """
        row = record_row(record)
        with self._file.transaction() as connection:
            last = _last(connection, record.key)
            if last["state"] == Status.OK:
                raise StoreError(
                    f"The run {record.key[:12]}… of '{record.kernel}' is in '{self.path}' already; "
                    f"a finished run is never overwritten."
                )
            if last["state"] == PENDING:
                connection.execute(update(runs).where(runs.c.id == last["id"]).values(**row))
                return
            connection.execute(insert(runs).values(**row, attempt=last["attempt"] + 1))

    def release(self, key: str, reason: str = _GIVEN_UP) -> None:
        """Give a claim up; the attempt stays as an interrupted one, and the run may be claimed."""
        with self._file.transaction() as connection:
            last = _last(connection, key)
            if last["state"] == PENDING:
                _interrupt(connection, [last["id"]], reason)

    def get(self, key: str) -> RunRecord | None:
        """Record of the last attempt that has ended; None where there is none."""
        attempts = self.attempts(key)
        return attempts[-1] if attempts else None

    def attempts(self, key: str) -> list[RunRecord]:
        """Records of every attempt that has ended, oldest first."""
        query = select(runs).where(runs.c.key == key, runs.c.state != PENDING)
        return [row_record(row) for row in self._file.rows(query.order_by(runs.c.attempt))]

    def records(
        self,
        *,
        kernel: str | None = None,
        tier: str | None = None,
        status: Status | str | None = None,
        keys: Iterable[str] | None = None,
    ) -> list[RunRecord]:
        """Last ended attempt of every run, in the order in which the runs were first claimed.

        Parameters
        ----------
        kernel, tier : str, optional
            Only runs of this kernel, of this tier.
        status : Status or str, optional
            Only runs that ended like this.
        keys : iterable of str, optional
            Only these runs.

        Returns
        -------
        list of RunRecord
        """
        if status is not None and status not in list(Status):
            raise InputError(f"There is no status '{status}'; there are {', '.join(Status)}.")
        chosen = None if keys is None else set(keys)
        last: dict[str, Document] = {}
        for row in self._file.rows(select(runs).where(runs.c.state != PENDING).order_by(runs.c.id)):
            last[row["key"]] = row
        wanted = {"kernel": kernel, "tier": tier, "state": status}
        rows = [row for key, row in last.items() if chosen is None or key in chosen]
        return [row_record(r) for r in rows if all(v in (None, r[n]) for n, v in wanted.items())]

    def pending(self) -> list[str]:
        """Keys of the runs in flight."""
        return self._file.scalars(select(runs.c.key).where(runs.c.state == PENDING))

    def claimed(self) -> set[str]:
        """Keys of the runs that were made for this store; others are only kept in it."""
        return set(self._file.scalars(select(runs.c.key).where(runs.c.claimed_at.is_not(None))))

    def counts(self) -> dict[str, int]:
        """Number of runs by the state of their last attempt, ``pending`` included."""
        newest = select(func.max(runs.c.id)).group_by(runs.c.key)
        query = select(runs.c.state, func.count().label("n")).where(runs.c.id.in_(newest))
        rows = self._file.rows(query.group_by(runs.c.state).order_by(runs.c.state))
        return {row["state"]: row["n"] for row in rows}

    def __len__(self) -> int:
        return sum(self.counts().values())

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.get(key) is not None

    def to_dataset(
        self,
        target: str | Sequence[str],
        *,
        tier: str | None = None,
        kernel: str | None = None,
        version: str | None = None,
        keys: Iterable[str] | None = None,
    ) -> Dataset:
        """Dataset of the runs that ended well: their inputs and the target with its errors.

        Parameters
        ----------
        target : str or sequence of str
            Outputs to keep.
        tier, kernel, version : str, optional
            May be left out where all runs are of one.
        keys : iterable of str, optional
            Only these runs, in this order.

        Returns
        -------
        Dataset

        Raises
        ------
        InputError
            If there is no such run or output, or the runs are of several tiers, kernels or
            versions of one.
        """
        chosen = None if keys is None else list(keys)
        records = self.records(kernel=kernel, tier=tier, status=Status.OK, keys=chosen)
        if version is not None:
            records = [r for r in records if r.provenance.get("version") == version]
        if chosen is not None:
            place = {key: i for i, key in enumerate(chosen)}
            records.sort(key=lambda record: place[record.key])
        targets = [target] if isinstance(target, str) else list(target)
        return dataset_of(records, targets, self.path.name)

    def to_parquet(self, path: Address) -> Path:
        """Write every attempt that has ended, failures included, as one Parquet table."""
        query = select(runs).where(runs.c.state != PENDING).order_by(runs.c.id)
        return write_parquet(self._file.rows(query), Path(path))

    def close(self) -> None:
        """Give open claims up and close the file."""
        if self._session is not None and self._session.pid == os.getpid():
            with self._file.transaction() as connection:
                mine = runs.c.session == self._session.token
                open_claims = select(runs.c.id).where(runs.c.state == PENDING, mine)
                _interrupt(connection, list(connection.execute(open_claims).scalars()), _GIVEN_UP)
            self._session.close()
        self._session = None
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return RunStore, (str(self.path),)

    def __repr__(self) -> str:
        states = ", ".join(f"{n} {state}" for state, n in self.counts().items())
        return f"RunStore('{self.path.name}': {states or 'empty'})"

    def _session_token(self) -> str:
        with self._lock:
            if self._session is None or self._session.pid != os.getpid():
                self._session = StoreSession(self.path)
            return self._session.token

    def _recover(self) -> tuple[str, ...]:
        rows = self._file.rows(select(runs).where(runs.c.state == PENDING).order_by(runs.c.id))
        dead = [row for row in rows if not alive(self.path, row["session"])]
        if dead:
            with self._file.transaction() as connection:
                _interrupt(connection, [row["id"] for row in dead], _DIED)
        clear_dead(self.path)
        return tuple(row["key"] for row in dead)


def _last(connection: Connection, key: str) -> Document:
    """Row of the last attempt of a run; one without a state where it was never claimed."""
    query = select(runs).where(runs.c.key == key).order_by(runs.c.attempt.desc()).limit(1)
    return dict(connection.execute(query).mappings().first() or _NONE)


def _interrupt(connection: Connection, ids: list[int], reason: str) -> None:
    lost = update(runs).where(runs.c.id.in_(ids), runs.c.state == PENDING)
    values = {"state": Status.INTERRUPTED.value, "reason": reason, "finished_at": now()}
    connection.execute(lost.values(**values))
