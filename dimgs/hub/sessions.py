"""Which processes still hold the runs that they claimed.

A session is a small file beside the store that its process keeps locked. The system frees the
lock when the process ends, however it ends, and a new process with the same number cannot be
mistaken for the old one.
"""

import glob
import os
import sys
from pathlib import Path
from uuid import uuid4

_OWN: set[tuple[int, str]] = set()

if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int, shared: bool) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(handle: int, shared: bool) -> None:
        # record locks are not inherited by forked workers, which may outlive their parent
        fcntl.lockf(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)


class StoreSession:
    """A process that claims runs; alive as long as its file is locked.

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
        self._handle = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        _lock(self._handle, shared=False)
        # nobody can see the file before it is locked
        unlocked.rename(self._path)
        _OWN.add((self.pid, self.token))

    def close(self) -> None:
        """Free the lock and remove the file."""
        _OWN.discard((self.pid, self.token))
        os.close(self._handle)
        if os.getpid() == self.pid:
            self._path.unlink(missing_ok=True)


def alive(store: Path, token: str) -> bool:
    """Whether the process of a session still runs; the file of a dead one is removed."""
    if (os.getpid(), token) in _OWN:
        return True
    path = _file(store, token)
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        _lock(handle, shared=True)
    except OSError:
        return True
    finally:
        os.close(handle)
    path.unlink(missing_ok=True)
    return False


def clear_dead(store: Path) -> None:
    """Remove the files of sessions that ended without closing."""
    for path in store.parent.glob(f"{glob.escape(store.name)}-session-*"):
        token = path.name.rpartition("-")[2]
        if token.isalnum():
            alive(store, token)


def _file(store: Path, token: str) -> Path:
    return store.with_name(f"{store.name}-session-{token}")
