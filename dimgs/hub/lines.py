"""Lines and files of bundles: of a folder or an archive, which is read and never unpacked."""

import os
import re
import stat
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from dimgs.errors import InputError
from dimgs.escape import visible
from dimgs.formats import MOST_BYTES, json_value

# folder of the files that entries name
FILES = "files"
_PART = re.compile(r"entries-[0-9a-f]{16}\.jsonl")
# of all files together once unpacked: about two million runs
_MOST_TOTAL = 4 << 30
# of an archive: a file of entries has up to 10,000 of them, and files of entries are rare
_MOST_FILES = 10_000
# broken lines from which on a file is no list of entries
_MOST_BROKEN = 100
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")

Line = tuple[str, Any]


def is_archive(path: Path) -> bool:
    """Whether a bundle is an archive, by its name."""
    return path.name.endswith(_ARCHIVES)


def bundled_files(path: Path, digests: Iterable[str], most: int) -> Iterator[tuple[str, bytes]]:
    """Files of a bundle that have these hashes for names, no more of each than so many bytes."""
    wanted = set(digests)
    if is_archive(path):
        with _told(path):
            for name, file in _members(path) if wanted else ():
                place = PurePosixPath(name)
                if place.parent.name == FILES and place.name in wanted:
                    yield place.name, file.read(most)
        return
    there = wanted.intersection(os.listdir(path / FILES)) if (path / FILES).is_dir() else set()
    for name, opened in _plain(path / FILES, there):
        if not isinstance(opened, InputError):
            yield name, opened.read(most)


def holds_entries(path: Path) -> bool:
    """Whether a folder or archive is a bundle: it holds a file of entries."""
    if is_archive(path):
        with _told(path):
            return any(_PART.fullmatch(PurePosixPath(name).name) for name, _ in _members(path))
    return path.is_dir() and any(_PART.fullmatch(name) for name in os.listdir(path))


def lines_in(folder: Path) -> Iterator[Line]:
    """Documents of a bundle; of a folder, only plain files are read, and no links are followed."""
    if is_archive(folder):
        yield from _archive(folder)
        return
    total, names = 0, {n for n in os.listdir(folder) if _PART.fullmatch(n)}
    for name, file in _plain(folder, names):
        if isinstance(file, InputError):
            yield name, file
            continue
        total += os.fstat(file.fileno()).st_size
        if total > _MOST_TOTAL:
            raise InputError(_TOO_LONG)
        yield from documents(file, name)


def _plain(folder: Path, names: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """Plain files of a folder, open; no links are followed."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    for name in sorted(names):
        try:
            handle = os.open(folder / name, flags)
        except OSError as error:
            yield name, InputError(f"{name} cannot be read ({error.strerror}); it is left out.")
            continue
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            yield name, InputError(f"{name} is no plain file; it is left out.")
            continue
        with open(handle, "rb") as file:
            yield name, file


_TOO_LONG = f"The bundle has more than {_MOST_TOTAL >> 30} GB; take it in parts."


def documents(file: IO[bytes], name: str, read: list[int] | None = None) -> Iterator[Line]:
    """Documents of JSON lines, one after another, and why a line is none.

    Parameters
    ----------
    file : binary file
    name : str
        Of the file, for messages.
    read : list of int, optional
        Bytes read so far of the files that belong together; counted on.
    """
    number = broken = 0
    read = [0] if read is None else read
    while raw := file.readline(MOST_BYTES + 1):
        number += 1
        if broken >= _MOST_BROKEN:
            yield name, InputError(f"{name} is no list of entries; the rest of it is left out.")
            return
        read[0] += len(raw)
        where = f"{name}, line {number}"
        if read[0] > _MOST_TOTAL:
            raise InputError(_TOO_LONG)
        if len(raw) > MOST_BYTES:
            yield where, InputError(f"{where} is longer than any entry; the rest is left out.")
            return
        try:
            yield where, json_value(raw.decode(), where, "it is left out")
        except UnicodeDecodeError:
            broken += 1
            yield where, InputError(f"{where} is no text; it is left out.")
        except InputError as error:
            broken += 1
            yield where, error


def _archive(path: Path) -> Iterator[Line]:
    read = [0]
    with _told(path):
        for name, file in _members(path):
            if _PART.fullmatch(PurePosixPath(name).name):
                yield from documents(file, PurePosixPath(name).name, read)


def _members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Plain files of an archive, open one after another."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist()[:_MOST_FILES]:
                with archive.open(info) as file:
                    yield info.filename, file
        return
    with tarfile.open(path) as archived:
        for count, member in enumerate(archived):
            if count >= _MOST_FILES:
                raise InputError(f"'{path.name}' holds more than {_MOST_FILES} files.")
            inside = archived.extractfile(member) if member.isfile() else None
            if inside is not None:
                yield member.name, inside


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Errors of an archive in one sentence."""
    try:
        yield
    except (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError, RuntimeError) as error:
        raise InputError(
            f"'{path.name}' cannot be read as an archive ({visible(str(error))[:100]})."
        ) from error
    except Exception as error:
        # zlib.error and lzma.LZMAError have no common base with the others
        if type(error).__module__ not in ("zlib", "_lzma", "lzma"):
            raise
        raise InputError(f"'{path.name}' is broken ({visible(str(error))[:100]}).") from error
