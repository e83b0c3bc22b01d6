"""Simulators that a user has as a checkout: found by a variable, run in a process of their own."""

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from dimgs.common.errors import ProgramMissingError, RunDivergedError, RunFailedError, attempt
from dimgs.kernels.base import THREADS, BaseKernel, Settings, Values
from dimgs.kernels.fingerprint import Digests, folder_digest, takes_part
from dimgs.kernels.process import run_program, text_printed

# several threads slow small linear algebra down; figures have no screen; reports hold any letter
_ENVIRONMENT = dict.fromkeys((*THREADS, "PYTHONUTF8", "PYTHONDONTWRITEBYTECODE"), "1")
_ENVIRONMENT["MPLBACKEND"] = "Agg"


# what answers a request by the function `answer` of a script
_CHILD = str(Path(__file__).with_name("checkout_child.py"))
# seconds; beyond, as on a network drive that hangs, the content tells
_LONGEST_GIT = 20.0


@dataclass(frozen=True)
class Checkout:
    """A Python project that is used from its checkout.

    Attributes
    ----------
    name : str
    variable : str
        Environment variable that names its folder.
    marker : str
        File in it by which the folder is recognised.
    address : str
        Where it can be obtained.
    """

    name: str
    variable: str
    marker: str
    address: str

    def root(self) -> Path:
        """Folder of the checkout.

        Raises
        ------
        ProgramMissingError
            If the variable is not set, or names another folder.
        """
        folder = os.environ.get(self.variable)
        if not folder:
            remedy = f"clone {self.address} and name its folder in {self.variable}"
            raise ProgramMissingError(f"{self.name} is not here; {remedy}.")
        root = Path(folder).expanduser().absolute()
        if not (root / self.marker).is_file():
            fault = f"{self.variable} names {root}, which holds no {self.marker}"
            raise ProgramMissingError(f"{fault}; name the folder of a checkout of {self.address}.")
        return root

    def state(self) -> Digests:
        """State of a checkout: its commit, or with changes the hash of its files.

        Returns
        -------
        dict
            ``commit``; ``content`` too where the checkout is not a Git repository, or has
            uncommitted, untracked or ignored files that could change what it does. Only a
            ``commit`` that is None where there is no checkout.
        """
        root = attempt(lambda: self.root().resolve())
        if root is None:
            return {"commit": None}
        commit = _git(root, "rev-parse", "HEAD")
        dirty = _git(
            root, "status", "--porcelain", "--untracked-files=all", "--ignored=matching", "--", "."
        )
        if commit is not None and dirty is not None and not any(map(_matters, dirty.splitlines())):
            return {"commit": commit.strip()}
        return {"commit": commit and commit.strip(), "content": folder_digest(root, whole=True)}

    def run(self, child: str, request: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """Run a script of dimgs beside the checkout and return the document that it writes.

        The script gets two paths as arguments: the request and where its answer goes, both JSON.
        It runs with the checkout on its path, in a folder of its own.

        Parameters
        ----------
        child : str
            Path of the script.
        request : mapping
        timeout : float
            In seconds.

        Returns
        -------
        dict

        Raises
        ------
        ProgramMissingError
            If the checkout is not there.
        RunDivergedError
            If the script says so.
        RunFailedError
            If it fails, crashes or takes too long.
        """
        root = str(self.root())
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        with tempfile.TemporaryDirectory(prefix="dimgs-checkout-") as name:
            folder = Path(name)
            (folder / "request.json").write_text(json.dumps(dict(request)), encoding="utf-8")
            run_program(
                [sys.executable, "-P", _CHILD, child, "request.json", "answer.json"],
                folder,
                timeout=timeout,
                environment={**_ENVIRONMENT, "PYTHONPATH": path},
            )
            try:
                text = (folder / "answer.json").read_text(encoding="utf-8")
                answer: dict[str, Any] = json.loads(text)
            except (OSError, ValueError, RecursionError) as error:
                raise RunFailedError(f"{self.name} ended without an answer ({error}).") from error
        if answer.get("diverged"):
            raise RunDivergedError(str(answer["diverged"]))
        return answer


class CheckoutKernel(BaseKernel):
    """A kernel that a script of dimgs runs beside a checkout, in a process of its own.

    A subclass names both, and makes its outputs of the document that the script writes.

    Parameters
    ----------
    timeout : float
        Longest time of a run, in seconds.
    """

    checkout: ClassVar[Checkout]
    child: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ("dimgs", "numpy", "scipy")

    def __init__(self, timeout: float = 300.0) -> None:
        self.timeout = timeout

    def _configuration(self) -> Mapping[str, Any]:
        return self.checkout.state()

    def _answer(self, values: Values, settings: Settings) -> dict[str, Any]:
        child = str(Path(__file__).with_name(self.child))
        return self.checkout.run(child, {**values, **settings}, self.timeout)


def _git(root: Path, *arguments: str) -> str | None:
    """Output of Git for a folder; None without Git or without a repository."""
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    return text_printed(["git", "-C", str(root), *arguments], _LONGEST_GIT, env=environment)


def _matters(line: str) -> bool:
    """Whether a line of Git's status names a file that can change what a program does."""
    name = line[3:].strip('"').rstrip("/")
    return line[:2] not in ("??", "!!") or all(map(takes_part, name.split("/")))
