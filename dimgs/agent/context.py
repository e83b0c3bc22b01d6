"""Context of the tools: a hub, a policy, kernels, studies, and a folder of tables."""

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dimgs.common.errors import DimgsError, InputError
from dimgs.common.formats import json_value, read_text, shown
from dimgs.dataset.read import EXCEL_SUFFIXES, PARQUET_SUFFIXES, TEXT_SUFFIXES
from dimgs.hub.bundle import plain_file
from dimgs.hub.entry import Address, Json
from dimgs.hub.hub import Hub, is_remote
from dimgs.hub.jobs import Policy, read_policy
from dimgs.kernels.base import Kernel
from dimgs.kernels.registry import available, load_kernel

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

    def __init__(self, root: Address | None) -> None:
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
            data = self._bytes(parts)
        except (OSError, InputError) as error:
            raise InputError(
                f"There is no table '{shown(name)}' in the workspace, or it is a link, which is "
                f"not followed; there are {self._some()}."
            ) from error
        if len(data) > MOST_BYTES:
            raise InputError(
                f"'{shown(parts[-1])}' is larger than {MOST_BYTES >> 20} MB; a person may fit it "
                f"in parts on the command line."
            )
        return data

    def _bytes(self, parts: list[str]) -> bytes:
        """Content of a regular file, on whose way there is no link."""
        assert self.root is not None
        folder = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            # one by one, as a folder could become a link between a check and the opening
            for part in parts[:-1]:
                kind = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
                inner = os.open(part, kind, dir_fd=folder)
                os.close(folder)
                folder = inner
            with plain_file(Path(parts[-1]), folder) as opened:
                return opened.read(MOST_BYTES + 1)
        finally:
            os.close(folder)

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
                f"'{shown(name)}' is not a table of the workspace; give a path inside it, without "
                f"'..', such as {self._some()}."
            )
        return parts

    def tables(self) -> list[str]:
        """Paths of the tables in the folder, sorted; at most 200."""
        tables: list[str] = []
        if self.root is None:
            return tables
        for folder, inner, files in os.walk(self.root, followlinks=False):
            inner[:] = sorted(n for n in inner if not n.startswith("."))
            for name in sorted(files):
                path = Path(folder) / name
                if path.suffix.lower() in SUFFIXES and not path.is_symlink():
                    tables.append(path.relative_to(self.root).as_posix())
            if len(tables) >= _MOST_FILES:
                break
        return tables[:_MOST_FILES]

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
                    with suppress(OSError, InputError):
                        units.write_bytes(self._bytes([*table.split("/")[:-1], units.name]))
            try:
                yield path
            except DimgsError as error:
                # where the copy lies is nobody's business
                error.args = (str(error).replace(f"{folder}{os.sep}", ""),)
                raise


# of a study: the first digits of a hash
_DIGITS = 12


class StoppedError(DimgsError):
    """The caller has cancelled the call."""


@dataclass
class Control:
    """Progress and cancellation of a long call.

    Attributes
    ----------
    progress : callable
        Takes a sentence about each step.
    stop : threading.Event
        Set where nobody waits any more.
    """

    progress: Callable[[str], None] = lambda text: None
    stop: threading.Event = field(default_factory=threading.Event)


# of the call that is running in this thread; outside of one nobody listens or stops it
CONTROL: ContextVar[Control] = ContextVar("dimgs_call", default=Control())  # noqa: B039


class ToolContext:
    """The hub, policy, kernels, studies and tables that the tools use.

    Parameters
    ----------
    hub : Hub or None
        As a program may use it; see :meth:`dimgs.hub.Hub.for_agent`.
    policy : str, path, Policy or None
        What may run: a file, or a policy; by default dimgs' own and installed kernels.
    workspace : path, optional
        Folder of tables; that of the policy by default.
    caller : callable, optional
        Gives the hub for whoever asks now; the one hub by default.
    address : str, optional
        Of the hub, with its password where it has one; its file by default.

    Attributes
    ----------
    shared_hub : Hub or None
        The hub as it was opened, whoever asks.
    """

    def __init__(
        self,
        hub: Hub | None = None,
        policy: Address | Policy | None = None,
        workspace: Address | None = None,
        caller: Callable[[], Hub] | None = None,
        address: str | None = None,
    ) -> None:
        self.shared_hub = hub
        self.address = address or (None if hub is None else hub.address)
        self._caller = caller
        self.policy_file = None if policy is None or isinstance(policy, Policy) else Path(policy)
        self.policy = policy if isinstance(policy, Policy) else read_policy(self.policy_file)
        self.workspace = Workspace(workspace or self.policy.agent.workspace)
        self._studies: TemporaryDirectory[str] | None = None

    def close(self) -> None:
        """Remove what was kept for this session alone."""
        if self._studies is not None:
            self._studies.cleanup()

    @property
    def has_hub(self) -> bool:
        """Whether there is a hub."""
        return self.shared_hub is not None

    @property
    def hub(self) -> Hub:
        """The hub, as whoever asks may use it.

        Raises
        ------
        InputError
            If there is none.
        """
        if self.shared_hub is None:
            raise InputError(
                "No hub is open, so that there are no stored runs, laws and jobs; a person may "
                "start the tools with one."
            )
        return self.shared_hub if self._caller is None else self._caller()

    def kernels(self) -> list[str]:
        """Names of the kernels that may run."""
        # a command line is a kernel only once somebody describes it in a file
        named = self.policy.kernels
        return sorted(set(available()) - {"command"} if named is None else named)

    def reference(self, name: str) -> str:
        """Name of a kernel as the policy lists it: itself, or what stands behind a colon there.

        Raises
        ------
        InputError
            If it lists none of this name, or several.
        """
        if self.policy.allows(name):
            return name
        kernels = self.kernels()
        names = [listed for listed in kernels if listed.rpartition(":")[2] == name]
        if len(names) == 1:
            return names[0]
        raise InputError(
            f"The policy lists {'no' if not names else 'more than one'} kernel '{shown(name)}'; "
            f"it lists {', '.join(kernels)}. A person may change the policy."
        )

    def kernel(self, name: str) -> Kernel:
        """A kernel that the policy lists.

        Raises
        ------
        InputError
            If it lists none of this name, or it cannot be loaded.
        """
        return load_kernel(self.reference(name))

    def card(self, kernel: str) -> tuple[str | None, Json]:
        """Id and content of the newest card of a kernel in the hub; (None, {}) without one."""
        if self.has_hub:
            from dimgs.hub.cards import trusted_cards

            entry = trusted_cards(self.hub, kernel).get(kernel)
            if entry is not None:
                return entry["id"], dict(entry["content"])
        return None, {}

    def study(self, id: str) -> Path:
        """Folder of a study of this session."""
        if self._studies is None:
            self._studies = TemporaryDirectory(prefix="dimgs-studies-")
        return self._folder_of_caller(self._studies) / id[:_DIGITS]

    def _folder_of_caller(self, studies: "TemporaryDirectory[str]") -> Path:
        """Folder of whoever asks: over HTTP nobody sees the tables of another."""
        who = "" if self._caller is None else self.hub.user
        # a name of a user may be no name of a folder
        folder = Path(studies.name) / hashlib.sha256(who.encode()).hexdigest()[:_DIGITS]
        folder.mkdir(exist_ok=True)
        return folder

    def studies(self) -> list[str]:
        """Ids of the studies of this session."""
        if self._studies is None:
            return []
        return sorted(p.name for p in self._folder_of_caller(self._studies).iterdir())

    def document(self, id: str, name: str) -> Any:
        """A JSON document of a study; None where there is none."""
        if id[:_DIGITS] not in self.studies():
            return None
        file = self.study(id) / name
        return json_value(read_text(file, name), name, "study again") if file.is_file() else None

    def start_worker(self) -> bool:
        """Start a worker for the jobs that wait; whether there is one now.

        It ends when no job is left, and does not end with this process.
        """
        if not self.policy.agent.worker or self.address is None or is_remote(self.address):
            return False
        command = [sys.executable, "-P", "-m", "dimgs", "hub", "work", "--once"]
        if self.policy_file is not None:
            command += ["--policy", str(self.policy_file.resolve())]
        quiet: Json = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        environment = {**os.environ, "DIMGS_HUB": self.address}
        process = subprocess.Popen(command, **quiet, env=environment, start_new_session=True)
        threading.Thread(target=process.wait, daemon=True).start()
        return True


@contextmanager
def opened_context(
    hub: str | None,
    policy: Address | None,
    workspace: Address | None,
    *,
    caller_of: Callable[[Hub | None], Callable[[], Hub]] | None = None,
) -> Iterator[ToolContext]:
    """A context whose hub has the rights of a program.

    Parameters
    ----------
    hub : str or None
        Its address; made where it is a file that is not there.
    policy, workspace : path or None
    caller_of : callable, optional
        Gives, for the hub, what gives the hub as whoever asks may use it, as over HTTP.
    """
    with nullcontext() if hub is None else Hub(hub) as opened:
        caller = None if caller_of is None else caller_of(opened)
        used = opened.for_agent() if opened is not None and caller is None else opened
        with closing(ToolContext(used, policy, workspace, caller, hub)) as context:
            yield context
