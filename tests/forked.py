"""Commands in processes of their own, forked from one that has imported the package.

A fresh interpreter spends more than a second of processor time on imports before it does what a
test is about. `start` and `run` give the same from the outside (file descriptors, signals, exit
codes, terminals) within a hundredth of it. What is about the start itself, such as imports, hash
seeds and closed streams, starts an interpreter instead.
"""

import atexit
import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[1]
# what the interpreter sends for `python -m dimgs`
COMMAND = "from dimgs.cli import main\nmain()"
_REQUEST = 1 << 20  # bytes of a request; programs and environments of tests are far shorter
_PIPE = subprocess.PIPE


class Process:
    """A command that runs, with the part of `subprocess.Popen` that tests need."""

    def __init__(self, status: socket.socket, pipes: Mapping[int, IO[str]]) -> None:
        self._status, self._told = status, b""
        self.stdout, self.stderr = pipes.get(1), pipes.get(2)
        self.returncode: int | None = None
        self.pid = int(self._line())

    def _line(self) -> bytes:
        while b"\n" not in self._told:
            part = self._status.recv(64)
            assert part, "the process that forks has died"
            self._told += part
        line, _, self._told = self._told.partition(b"\n")
        return line

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self) -> int:
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(int(self._line()))
            self._status.close()
        return self.returncode

    def poll(self) -> int | None:
        if self.returncode is None:
            self._status.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                self._told += self._status.recv(64)
            self._status.setblocking(True)
            if b"\n" in self._told:
                return self.wait()
        return self.returncode

    def communicate(self) -> tuple[str, str]:
        """Everything that is still to come on both pipes, and the end of the process."""
        import threading

        texts = {1: "", 2: ""}

        def read(number: int, pipe: IO[str]) -> None:
            with pipe:
                texts[number] = pipe.read()

        pipes = [(n, p) for n, p in ((1, self.stdout), (2, self.stderr)) if p is not None]
        readers = [threading.Thread(target=read, args=pair) for pair in pipes]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        self.wait()
        return texts[1], texts[2]


def start(
    *arguments: str,
    program: str = COMMAND,
    cwd: Path | str = ROOT,
    env: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
    stdout: Any = _PIPE,
    stderr: Any = _PIPE,
) -> Process:
    """Start `dimgs` with arguments, or a program of Python's, in a process of its own."""
    ours, theirs = socket.socketpair()
    with open(os.devnull) as nothing:
        ends = [nothing.fileno() if stdin == subprocess.DEVNULL else stdin]
        pipes: dict[int, IO[str]] = {}
        given: list[int] = []
        for number, stream in ((1, stdout), (2, stderr)):
            if stream == _PIPE:
                read, write = os.pipe()
                pipes[number] = open(read, encoding="utf-8")  # noqa: SIM115
                given.append(write)
                ends.append(write)
            else:
                ends.append(stream if isinstance(stream, int) else stream.fileno())
        request = {
            "arguments": ["dimgs", *arguments],
            "program": program,
            "cwd": str(cwd),
            "env": dict(os.environ if env is None else env),
        }
        socket.send_fds(_forker(), [json.dumps(request).encode()], [*ends, theirs.fileno()])
    theirs.close()
    for end in given:
        os.close(end)
    return Process(ours, pipes)


def run(*arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end; options as in `start`."""
    process = start(*arguments, **options)
    out, err = process.communicate()
    return subprocess.CompletedProcess(arguments, process.wait(), out, err)


@cache
def _forker() -> socket.socket:
    """Socket of the process that forks; it ends with the one that asked for it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.forked", str(theirs.fileno())],
            cwd=ROOT,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


def _serve(number: int) -> None:
    """Fork for every request until the other side has gone."""
    import dimgs.campaign
    import dimgs.cli.analyse
    import dimgs.cli.app
    import dimgs.discovery.discover
    import dimgs.kernels
    import dimgs.report.results  # noqa: F401

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(fileno=number) as requests:
        while True:
            text, ends, _, _ = socket.recv_fds(requests, _REQUEST, 4)
            if not text:
                return
            if os.fork() == 0:
                requests.close()
                _watch(json.loads(text), ends)
            for end in ends:
                os.close(end)


def _watch(request: Mapping[str, Any], ends: list[int]) -> None:
    """Fork the command, tell its number, wait for it, and tell how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        _become(request, ends)
    for end in ends[:3]:
        os.close(end)
    os.write(ends[3], f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(BrokenPipeError):
        os.write(ends[3], f"{status}\n".encode())
    os._exit(0)


def _become(request: Mapping[str, Any], ends: list[int]) -> None:
    """Do what a fresh interpreter would do with the program."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in range(3):
        os.dup2(ends[number], number)
    for end in ends:
        os.close(end)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    sys.argv = list(request["arguments"])
    sys.path[0] = request["cwd"]
    names = ("stdin", "stdout", "stderr")
    for number, name in enumerate(names):
        stream = open(  # noqa: SIM115
            number,
            "r" if number == 0 else "w",
            buffering=1 if number == 2 or os.isatty(number) else -1,
            encoding="utf-8",
            errors="backslashreplace" if number == 2 else "strict",
            closefd=False,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    sys.modules["__main__"] = main = ModuleType("__main__")
    code = 1
    try:
        exec(compile(request["program"], "<program>", "exec"), vars(main))
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            atexit._run_exitfuncs()
            for last in (sys.stdout, sys.__stdout__):
                if last is not None:
                    last.flush()
            ctypes.CDLL(None).fflush(None)
        finally:
            os._exit(code)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
