"""What a program consists of: content hashes of files and folders."""

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from time import time_ns
from typing import TypeAlias

# a file that changed so lately (in ns) may change again within one tick of the file system's clock
_SETTLED = 2_000_000_000
# of a folder that a command names: a key looks at every file each time it is asked for, about
# 0.15 ms for each on a busy machine, and reads all bytes once; together well below a second
MOST_FILES = 2000
# read and hashed in about a second
MOST_BYTES = 200_000_000
# folders that hold no files of a program, but the state of the machine
_STATE = ("dev", "proc", "run", "sys")
_kept: dict[str, tuple[tuple[int, ...], str]] = {}
# content hashes of files, folders and programs by name; None of what cannot be read
Digests: TypeAlias = dict[str, str | None]
# words of a text that may be paths: in quotation marks with spaces, else without
_WORDS = re.compile(r'"([^"\n]+)"|\'([^\'\n]+)\'|([^\s"\'=,;()<>|]+)')


def file_digest(path: str | os.PathLike[str]) -> str | None:
    """SHA-256 of a file's content; None where no regular file can be read.

    A file is read again only where its size, its times or its number changed.

    Parameters
    ----------
    path : path-like
        Symbolic links are followed.

    Examples
    --------
    >>> file_digest(__file__) == file_digest(__file__), file_digest("/no/such/file")
    (True, None)
    """
    name = os.path.realpath(path)
    try:
        status = os.stat(name)
        if not stat.S_ISREG(status.st_mode):
            return None
        stamp = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        cached = _kept.get(name)
        if cached is not None and cached[0] == stamp:
            return cached[1]
        with open(name, "rb") as file:
            content = hashlib.file_digest(file, "sha256")
    except OSError:
        return None
    digest = content.hexdigest()
    if time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) > _SETTLED:
        _kept[name] = (stamp, digest)
    return digest


def tree_digest(root: Path) -> str:
    """SHA-256 of the files of a folder, by name and content.

    Hidden files and folders and what Python compiles take no part.
    """
    return _digest_of(_files(root), root)


def folder_digest(root: Path, apart: Sequence[str] = ()) -> str | None:
    """As :func:`tree_digest`, of a folder of any size; None where it is too large to be followed.

    Parameters
    ----------
    root : Path
    apart : sequence of str
        Full paths of files and folders that take no part, with what lies in them.
    """
    paths: list[Path] = []
    size = 0
    left_out = frozenset(os.path.realpath(a) for a in apart) - {os.path.realpath(root)}
    for path in _files(root, left_out):
        paths.append(path)
        with suppress(OSError):
            size += path.stat().st_size
        if len(paths) > MOST_FILES or size > MOST_BYTES:
            return None
    return _digest_of(paths, root)


def _digest_of(paths: Iterable[Path], root: Path) -> str:
    content = hashlib.sha256()
    for path in sorted(paths):
        digest = file_digest(path)
        if digest is not None:
            content.update(
                f"{path.relative_to(root).as_posix()}\0{digest}\n".encode(errors="replace")
            )
    return content.hexdigest()


def takes_part(name: str) -> bool:
    """Whether a file or folder of this name can change what a program does.

    Examples
    --------
    >>> [n for n in ("a.py", "a.pyc", "__pycache__", ".git", "a.dat") if takes_part(n)]
    ['a.py', 'a.dat']
    """
    return not name.startswith(".") and name != "__pycache__" and not name.endswith((".pyc", "~"))


def paths_named(text: str, whole: bool = False) -> list[str]:
    """Regular files and folders that a text names by their full path, sorted.

    Parameters
    ----------
    text : str
    whole : bool
        Whether the text is one argument: then it is a path as a whole, or behind its last ``=``.

    Examples
    --------
    >>> paths_named(f"include {__file__}; log run.log") == [__file__]
    True
    >>> paths_named(f"--mesh={__file__}", whole=True) == [__file__]
    True
    """
    if whole:
        words = {text, text.rpartition("=")[2]}
    elif os.sep not in text:
        return []
    else:
        words = {next(filter(None, m.groups())) for m in _WORDS.finditer(text)}
    return sorted(w for w in words if os.path.isabs(w) and "\0" not in w and _holds(w))


def _holds(path: str) -> bool:
    """Whether a path is a regular file, or a folder that may hold files of a program."""
    parts = Path(os.path.realpath(path)).parts[1:]
    return os.path.isfile(path) or (os.path.isdir(path) and bool(parts) and parts[0] not in _STATE)


def _files(root: Path, apart: frozenset[str] = frozenset()) -> Iterator[Path]:
    seen: set[str] = set(apart)
    for folder, folders, names in os.walk(root, followlinks=True):
        true = os.path.realpath(folder)
        if true in seen:
            folders.clear()
            continue
        seen.add(true)
        folders[:] = [n for n in folders if takes_part(n)]
        for path in (Path(folder, n) for n in names if takes_part(n)):
            if not apart or os.path.realpath(path) not in apart:
                yield path
