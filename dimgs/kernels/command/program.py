"""The program of a command: content hashes of its executable and of the files it names."""

import os
import re
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dimgs.common.errors import DimgsWarning
from dimgs.kernels.fingerprint import (
    MOST_BYTES,
    MOST_FILES,
    file_digest,
    folder_digest,
    paths_named,
)
from dimgs.kernels.imports import files_of, is_installed, user_modules

_PYTHON = re.compile(r"(?:python|pypy)[\d.]*w?(?:\.exe)?")
# options of one letter, of which the last takes what follows
_OPTION = re.compile(r"-(?P<plain>[bBdEhiIOPqRsSuvVx?]*)(?P<letter>[cmWX])(?P<value>.*)", re.DOTALL)
# seconds in which an interpreter prints its path; it takes 0.02 to 0.1 on a local disk
_LONGEST_START = 10.0
# stands for the content of what is too large to be followed
TOO_LARGE = "not followed"


@dataclass(frozen=True)
class Command:
    """A command as it is started for one run.

    Attributes
    ----------
    argv : sequence of str
        The program and its arguments, their fields filled.
    texts : mapping of str to str
        The files that are written for it, by name.
    stdin : str or None
    environment : mapping of str to str
        Variables beside those of this process.
    """

    argv: Sequence[str]
    texts: Mapping[str, str]
    stdin: str | None
    environment: Mapping[str, str]

    def content(
        self, kernel: str, writes: Sequence[str] = (), runs: Sequence[str] = ()
    ) -> dict[str, str | None]:
        """Content hashes by path or module.

        Parameters
        ----------
        kernel : str
            For messages.
        writes, runs : sequence of str
            Full paths that take no part: what the program writes, and where runs have their
            folders.

        Returns
        -------
        dict
            ``argv[0]``; each file and folder that an argument or a written file names by its full
            path; and, where the command is Python, the module that ``-m`` names and the user's
            own modules that its code imports.
        """
        named = {f for a in self.argv[1:] for f in paths_named(a, whole=True)}
        named |= {f for text in self.texts.values() for f in paths_named(text)}
        named = {n for n in named if not any(Path(n).is_relative_to(w) for w in writes)}
        digests = {"argv[0]": file_digest(shutil.which(self.argv[0]) or "")}
        for path in sorted(named):
            if os.path.isfile(path):
                digests[path] = file_digest(path)
            elif not _holds_runs(path):
                digests[path] = folder_digest(Path(path), [*writes, *runs]) or _too_large(
                    f"the folder '{path}'", kernel
                )
        return digests | self._modules(kernel)

    def _modules(self, kernel: str) -> dict[str, str | None]:
        """Content hashes of the Python modules that the command runs, by name."""
        called = _parse_call(self.argv)
        named = [Path(a) for a in self.argv[1:] if a.endswith(".py") and os.path.isabs(a)]
        sources = [(_text(p), "") for p in named if p.is_file()]
        sources += [(text, "") for name, text in self.texts.items() if name.endswith(".py")]
        if called is None and not sources:
            return {}
        program, flags, how, what = called or ("", (), "", "")
        folders = [p.parent for p in named]
        sources += [(what, "")] if how == "-c" else []
        sources += [(self.stdin or "", "")] if how == "-" else []
        if how == "script" and Path(what).is_absolute() and Path(what).is_dir():
            folders.append(Path(what))
            sources.append((_text(Path(what, "__main__.py")), ""))
        folders += _search_path(program, flags, tuple(sorted(self.environment.items())))
        digests: dict[str, str | None] = {}
        if how == "-m":
            started, digests = _module_code(what, folders, kernel)
            sources += started
        modules = user_modules(sources, folders)
        if modules is None:
            return digests | {"modules": _too_large("what its Python code imports", kernel)}
        return digests | {f"module {n}": file_digest(f) for n, f in modules.items()}


def _parse_call(argv: Sequence[str]) -> tuple[str, tuple[str, ...], str, str] | None:
    """A Python among the words of a command (a launcher may stand before it), and what it runs.

    Returns
    -------
    tuple or None
        Its path, its options, one of ``-c``, ``-m``, ``-`` and ``script``, and the code, module or
        path. None where there is no Python.
    """
    start = next((i for i, a in enumerate(argv) if _PYTHON.fullmatch(Path(a).name)), None)
    program = None if start is None else shutil.which(argv[start])
    if start is None or program is None:
        return None
    flags: list[str] = []
    words = list(argv[start + 1 :])
    while words and words[0].startswith("-") and words[0] != "-":
        word = words.pop(0)
        option = _OPTION.fullmatch(word)
        if option is None:
            flags += [word, *(words[:1] if word == "--check-hash-based-pycs" else [])]
            words = words[1:] if word == "--check-hash-based-pycs" else words
            continue
        value = option["value"] or (words.pop(0) if words else "")
        plain = [f"-{option['plain']}"] if option["plain"] else []
        if option["letter"] in "cm":
            return program, (*flags, *plain), f"-{option['letter']}", value
        flags += [*plain, f"-{option['letter']}", value]
    if not words or words[0] == "-":
        return program, tuple(flags), "-", ""
    return program, tuple(flags), "script", words[0]


def _module_code(
    module: str, folders: Sequence[Path], kernel: str
) -> tuple[list[tuple[str, str]], dict[str, str | None]]:
    """Code that ``-m`` starts with the package it belongs to, and content hashes of its files."""
    files = files_of(module, folders)
    if not files or files[-1][0] != module:
        # a module of the run's own folder, or a namespace package
        files += [f for f in files_of(f"{module}.__main__", folders) if f not in files]
    elif files[-1][1].stem == "__init__":
        files = files_of(f"{module}.__main__", folders)
    digests = {f"module {n}": file_digest(f) for n, f in files}
    if files and is_installed(files[0][1].parent):
        home = files[0][1].parent
        if home.name in ("site-packages", "dist-packages") or files[0][1].stem != "__init__":
            return [], digests
        whole = folder_digest(home) or _too_large(f"the module '{module}'", kernel)
        return [], {f"module {files[0][0]}": whole}
    code = [(n, f) for n, f in files if f.suffix == ".py"]
    return [
        (_text(f), n if f.stem == "__init__" else n.rpartition(".")[0]) for n, f in code
    ], digests


def _search_path(
    program: str, flags: tuple[str, ...], environment: tuple[tuple[str, str], ...]
) -> list[Path]:
    """Folders that a Python takes modules from; without one, those of ``PYTHONPATH``."""
    variables = {**os.environ, **dict(environment)}
    settings = tuple(sorted((k, v) for k, v in variables.items() if k.startswith("PYTHON")))
    folders = _printed_path(program, file_digest(program), flags, settings) if program else None
    if folders is None:
        folders = tuple(variables.get("PYTHONPATH", "").split(os.pathsep))
    return [Path(p) for p in folders if os.path.isabs(p)]


@lru_cache(maxsize=64)
def _printed_path(
    program: str,
    content: str | None,
    flags: tuple[str, ...],
    variables: tuple[tuple[str, str], ...],
) -> tuple[str, ...] | None:
    """Import path of a Python under these options and variables; None if it fails."""
    try:
        process = subprocess.run(
            [program, *flags, "-c", "import sys; print('\\0'.join(sys.path))"],
            env={**os.environ, **dict(variables)},
            cwd=os.sep,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LONGEST_START,
            check=True,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return tuple(process.stdout.strip().split("\0"))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _holds_runs(folder: str) -> bool:
    """Whether a folder is the system's place for temporary files, or holds it."""
    place, temporary = Path(os.path.realpath(folder)), Path(os.path.realpath(tempfile.gettempdir()))
    return place == temporary or place in temporary.parents


@lru_cache(maxsize=256)
def _too_large(what: str, kernel: str) -> str:
    """Say once that something is not followed."""
    warnings.warn(
        f"The key of the runs of '{kernel}' does not cover {what}: it has more than "
        f"{MOST_FILES} files or {MOST_BYTES / 1e6:g} MB; give another version when it changes.",
        DimgsWarning,
        stacklevel=2,
    )
    return TOO_LARGE
