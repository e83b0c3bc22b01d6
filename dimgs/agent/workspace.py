"""The one folder that tables are read from: nothing outside it, by whatever path."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from dimgs.common.errors import DimgsError, InputError
from dimgs.common.formats import shown
from dimgs.dataset.read import EXCEL_SUFFIXES, PARQUET_SUFFIXES, TEXT_SUFFIXES

SUFFIXES = TEXT_SUFFIXES | PARQUET_SUFFIXES | EXCEL_SUFFIXES
# larger tables are streamed by a person at the command line
MOST_BYTES = 64 << 20
# a listing that a model can read
_MOST_FILES = 200
_SIDECAR = ".units.json"


class Workspace:
    """A folder whose files may be read, and nothing else.

    Links are not followed, whether of files or folders, so that none leads out.

    Parameters
    ----------
    root : path, optional
        None lets nothing be read.

    Raises
    ------
    InputError
        If there is no such folder.
    """

    def __init__(self, root: str | os.PathLike[str] | None) -> None:
        self.root = None if root is None else Path(root).resolve()
        if self.root is not None and not self.root.is_dir():
            raise InputError(f"There is no folder '{shown(root)}'; name one that is there.")

    def read(self, name: str) -> bytes:
        """Content of a file, by its path inside the folder.

        Raises
        ------
        InputError
            If the path leads out, is a link or no regular file, or the file is too large.
        """
        parts = self._parts(name)
        try:
            return self._bytes(parts)
        except (OSError, ValueError) as error:
            raise InputError(
                f"There is no table '{shown(name)}' in the workspace, or it is a link, which is "
                f"not followed; there are {self._some()}."
            ) from error

    def _bytes(self, parts: list[str]) -> bytes:
        """Content of a regular file, on whose way there is no link."""
        assert self.root is not None
        folder = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for part in parts[:-1]:
                kind = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
                inner = os.open(part, kind, dir_fd=folder)
                os.close(folder)
                folder = inner
            # a pipe would keep whoever opens it waiting
            kind = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            file = os.open(parts[-1], kind, dir_fd=folder)
        finally:
            os.close(folder)
        with os.fdopen(file, "rb") as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                raise ValueError("no regular file")
            data = opened.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise InputError(
                f"'{shown(parts[-1])}' is larger than {MOST_BYTES >> 20} MB; a person may fit it "
                f"in parts on the command line."
            )
        return data

    def _parts(self, name: str) -> list[str]:
        if self.root is None:
            raise InputError(
                "There is no workspace to read tables from; paste the table as CSV text with "
                "units in its header, or let a person start the server on a folder of tables."
            )
        parts = name.split("/")
        odd = "\x00" in name or "\\" in name or any(p in ("", ".", "..") for p in parts)
        if odd or Path(name).is_absolute() or Path(name).suffix.lower() not in SUFFIXES:
            raise InputError(
                f"'{shown(name)}' is no table of the workspace; give a path inside it, without "
                f"'..', such as {self._some()}."
            )
        return parts

    def tables(self) -> list[str]:
        """Paths of the tables in the folder, sorted; at most 200."""
        found: list[str] = []
        if self.root is None:
            return found
        for folder, inner, files in os.walk(self.root, followlinks=False):
            inner[:] = sorted(n for n in inner if not n.startswith("."))
            for name in sorted(files):
                path = Path(folder) / name
                if path.suffix.lower() in SUFFIXES and not path.is_symlink():
                    found.append(path.relative_to(self.root).as_posix())
            if len(found) >= _MOST_FILES:
                break
        return found[:_MOST_FILES]

    def _some(self) -> str:
        tables = self.tables()[:5]
        return ", ".join(f"'{shown(t)}'" for t in tables) if tables else "none in it"

    @contextmanager
    def file(self, table: str) -> Iterator[Path]:
        """A copy of a table in a folder of its own: of the workspace, or pasted as text.

        Parameters
        ----------
        table : str
            A path inside the workspace, or CSV text, which has more than one line.
        """
        with TemporaryDirectory(prefix="dimgs-table-") as folder:
            pasted = "\n" in table.strip()
            path = Path(folder) / ("pasted.csv" if pasted else table.rpartition("/")[2])
            if pasted:
                if len(table) > MOST_BYTES:
                    raise InputError("The pasted table is too long; put it into the workspace.")
                path.write_text(table, encoding="utf-8")
            else:
                path.write_bytes(self.read(table))
                for units in (path.with_suffix(_SIDECAR), path.with_name(path.name + _SIDECAR)):
                    with suppress(OSError, ValueError):
                        units.write_bytes(self._bytes([*table.split("/")[:-1], units.name]))
            try:
                yield path
            except DimgsError as error:
                # where the copy lies is nobody's business
                error.args = (str(error).replace(f"{folder}{os.sep}", ""),)
                raise
