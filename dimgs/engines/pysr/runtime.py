"""PySR, imported without a surprise: Julia is looked for first, and the wait is bounded."""

import os
import re
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from types import ModuleType

from dimgs.common.errors import EngineUnavailableError
from dimgs.engines.availability import IGNORED, has_julia, julia_project, pysr_status

# the releases of PySR whose parameters are set here, and the first that may have others
OLDEST = (1, 5, 10)
TOO_NEW = (3,)


def load_pysr(setup_seconds: float = 600.0) -> ModuleType:
    """The module ``pysr``, with Julia running in this process.

    Without Julia nothing is imported or started. If Julia is there, but not yet PySR's own Julia
    packages, another process fetches them, which is ended when the time is over.

    Parameters
    ----------
    setup_seconds : float
        Longest wait for the packages; a slow network or one that answers nothing costs no more.

    Raises
    ------
    EngineUnavailableError
        With the remedy.
    """
    if "juliacall" not in sys.modules and "pysr" not in sys.modules:
        status = pysr_status()
        if status.version is None:
            raise EngineUnavailableError(f"PySR is not installed: {status.remedy}.")
        _check_version(status.version)
        if not has_julia(julia_project(os.environ), os.environ):
            raise EngineUnavailableError(f"PySR needs Julia, not found here: {status.remedy}.")
        if not _is_resolved():
            fetch_packages(setup_seconds)
    try:
        with warnings.catch_warnings(), led_by_juliapkg():
            warnings.simplefilter("ignore")
            module = import_module("pysr")
    except Exception as error:
        raise EngineUnavailableError(
            f"PySR does not start ({type(error).__name__}: {error}); the list of engines says what "
            "is missing."
        ) from error
    _check_version(module.__version__)
    return module


@contextmanager
def led_by_juliapkg() -> Iterator[None]:
    """Without the variables of juliacall, which lead it past the packages that PySR needs."""
    held = {name: os.environ.pop(name) for name in IGNORED if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(held)


def _check_version(version: str) -> None:
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    if not OLDEST <= numbers < TOO_NEW:
        raise EngineUnavailableError(
            f'PySR {version} is not supported: pip install "pysr>=1.5.10,<3".'
        )


def _is_resolved() -> bool:
    """Whether ``import pysr`` would use what is on this machine, with no look at the network."""
    try:
        return bool(import_module("juliapkg.deps").can_skip_resolve())
    except Exception:
        return False


def fetch_packages(seconds: float | None = None) -> None:
    """Let PySR fetch Julia, where there is none, and its packages, in a process that can be ended.

    Parameters
    ----------
    seconds : float, optional
        Longest wait; unlimited by default.

    Raises
    ------
    EngineUnavailableError
        If they are not ready by then, or PySR's own installation fails.
    """
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", "import pysr"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        env={name: value for name, value in os.environ.items() if name not in IGNORED},
    )
    try:
        output, _ = process.communicate(timeout=seconds)
    except BaseException as error:
        _end(process)
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        raise EngineUnavailableError(
            f"PySR's Julia packages were not ready within {seconds:.0f} s: run "
            "`python -c 'import pysr'` once where the network is fast."
        ) from None
    if process.returncode:
        lines = [line for line in output.splitlines() if line.strip()] or ["no message"]
        raise EngineUnavailableError(
            f"PySR's Julia packages cannot be had ({lines[-1].strip()[:200]}): install Julia from "
            "https://julialang.org/install, or run `dimgs engines --install pysr` where there is a "
            "network."
        )


def _end(process: "subprocess.Popen[str]") -> None:
    with suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.communicate()
