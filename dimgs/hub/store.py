"""The RunStore: runs in one SQLite file, keyed by what determines them."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import Connection, func, insert, select, update

from dimgs.errors import InputError, StoreError
from dimgs.hub.rows import asked_row, now, record_row, row_record
from dimgs.hub.schema import PENDING, Transactions, open_engine, runs
from dimgs.hub.sessions import StoreSession, alive, clear_dead
from dimgs.kernels.record import RunRecord, RunRequest, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dimgs.dataset import Dataset

_DIED = "The process that ran it ended before the run did."
_GIVEN_UP = "The run was given up before it ended."


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

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()
        told = f"The store of runs '{self.path}'"
        self._file = Transactions(open_engine(self.path), told, "file")
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
        session = self._own_session()
        with self._file.transaction() as connection:
            last = _last(connection, key)
            if last is not None:
                if last["state"] == PENDING:
                    if alive(self.path, last["session"]):
                        return False
                    _interrupt(connection, [last["id"]], _DIED)
                elif not _may_repeat(last["state"], retry):
                    return False
            attempt = 1 if last is None else last["attempt"] + 1
            row = asked_row(run) | {"attempt": attempt, "state": PENDING}
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
            if last is not None and last["state"] == Status.OK:
                raise StoreError(
                    f"The run {record.key[:12]}… of '{record.kernel}' is in '{self.path}' already; "
                    f"a finished run is never overwritten."
                )
            if last is not None and last["state"] == PENDING:
                connection.execute(update(runs).where(runs.c.id == last["id"]).values(**row))
                return
            attempt = 1 if last is None else last["attempt"] + 1
            connection.execute(insert(runs).values(**row, attempt=attempt))

    def release(self, key: str, reason: str = _GIVEN_UP) -> None:
        """Give a claim up; the attempt stays as an interrupted one, and the run may be claimed."""
        with self._file.transaction() as connection:
            last = _last(connection, key)
            if last is not None and last["state"] == PENDING:
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
        wanted = None if keys is None else set(keys)
        last: dict[str, Mapping[str, Any]] = {}
        for row in self._file.rows(select(runs).where(runs.c.state != PENDING).order_by(runs.c.id)):
            last[row["key"]] = row
        return [
            row_record(row)
            for key, row in last.items()
            if (wanted is None or key in wanted)
            and kernel in (None, row["kernel"])
            and tier in (None, row["tier"])
            and status in (None, row["state"])
        ]

    def pending(self) -> list[str]:
        """Keys of the runs in flight."""
        return [row["key"] for row in self._file.rows(select(runs).where(runs.c.state == PENDING))]

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
        target: "str | Sequence[str]",
        *,
        tier: str | None = None,
        kernel: str | None = None,
        version: str | None = None,
        keys: Iterable[str] | None = None,
    ) -> "Dataset":
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
        from dimgs.hub.export import dataset_of

        chosen = None if keys is None else list(keys)
        found = self.records(kernel=kernel, tier=tier, status=Status.OK, keys=chosen)
        if version is not None:
            found = [r for r in found if r.provenance.get("version") == version]
        if chosen is not None:
            place = {key: i for i, key in enumerate(chosen)}
            found.sort(key=lambda record: place[record.key])
        targets = [target] if isinstance(target, str) else list(target)
        return dataset_of(found, targets, self.path.name)

    def to_parquet(self, path: str | os.PathLike[str]) -> Path:
        """Write every attempt that has ended, failures included, as one Parquet table."""
        from dimgs.hub.export import write_parquet

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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return RunStore, (str(self.path),)

    def __repr__(self) -> str:
        states = ", ".join(f"{n} {state}" for state, n in self.counts().items())
        return f"RunStore('{self.path.name}': {states or 'empty'})"

    def _own_session(self) -> str:
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


def _last(connection: Connection, key: str) -> Mapping[str, Any] | None:
    query = select(runs).where(runs.c.key == key).order_by(runs.c.attempt.desc()).limit(1)
    row = connection.execute(query).mappings().first()
    return None if row is None else dict(row)


def _may_repeat(state: str, retry: bool) -> bool:
    return state == Status.INTERRUPTED or (retry and state != Status.OK)


def _interrupt(connection: Connection, ids: list[int], reason: str) -> None:
    for number in ids:
        lost = update(runs).where(runs.c.id == number, runs.c.state == PENDING)
        values = {"state": Status.INTERRUPTED.value, "reason": reason, "finished_at": now()}
        connection.execute(lost.values(**values))
