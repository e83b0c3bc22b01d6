"""What a program consists of: content hashes of files and folders."""

import ast
import hashlib
import os
import re
import stat
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from importlib import invalidate_caches
from importlib.machinery import PathFinder
from importlib.util import resolve_name
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


def folder_digest(root: Path, apart: Sequence[str] = (), *, whole: bool = False) -> str | None:
    """SHA-256 of the files of a folder, by name and content; None where they are too many.

    Hidden files and folders and what Python compiles take no part.

    Parameters
    ----------
    root : Path
    apart : sequence of str
        Full paths of files and folders that take no part, with what lies in them.
    whole : bool
        Whether a folder of any size is read.
    """
    paths: list[Path] = []
    size = 0
    left_out = frozenset(os.path.realpath(a) for a in apart) - {os.path.realpath(root)}
    for path in _files(root, left_out):
        paths.append(path)
        with suppress(OSError):
            size += path.stat().st_size
        if not whole and (len(paths) > MOST_FILES or size > MOST_BYTES):
            return None
    content = hashlib.sha256()
    for path in sorted(paths):
        digest = file_digest(path)
        line = f"{path.relative_to(root).as_posix()}\0{digest}\n"
        content.update(b"" if digest is None else line.encode(errors="replace"))
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


# ---- Modules of a user's own that Python code imports, found by their files, never imported.


def user_modules(
    sources: Iterable[tuple[str, str]], folders: Sequence[Path]
) -> dict[str, Path] | None:
    """Files of the modules that Python code imports, and of those that they import in turn.

    Parameters
    ----------
    sources : iterable of (str, str)
        Python code, and the package that its relative imports start from; empty for none.
    folders : sequence of Path
        Where modules are looked for, in this order. What is installed, the standard library and
        dimgs itself are left out.

    Returns
    -------
    dict of str to Path or None
        Files by the full name of the module; None where there are more than can be followed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     _ = Path(name, "mesh.py").write_text("import numpy, grid")
    ...     _ = Path(name, "grid.py").write_text("import mesh")
    ...     sorted(user_modules([("from mesh import cells", "")], [Path(name)]))
    ['grid', 'mesh']
    """
    places = [f for f in dict.fromkeys(folders) if not is_installed(f)]
    waiting = {name for code, package in sources for name in _imports(code, package)}
    seen: set[str] = set()
    modules: dict[str, Path] = {}
    # of folders whose files have just been written
    invalidate_caches()
    while waiting - seen:
        name = min(waiting - seen)
        seen.add(name)
        if name.partition(".")[0] == "dimgs":
            continue
        for module, file in files_of(name, places):
            if module not in modules:
                modules[module] = file
                waiting |= _imports_of(file, module, file_digest(file))
        if len(modules) > MOST_FILES:
            return None
    return modules


def files_of(name: str, folders: Sequence[Path]) -> list[tuple[str, Path]]:
    """Names and files of what Python executes to import a module: its packages, then itself.

    Parameters
    ----------
    name : str
        Full name; a part that is not a module, such as a function, ends the search.
    folders : sequence of Path
    """
    executed, places = list[tuple[str, Path]](), list(map(str, folders))
    parts = name.split(".")
    for i, part in enumerate(parts, 1):
        spec = PathFinder.find_spec(part, places)
        if spec is None:
            break
        if spec.origin is not None:
            executed.append((".".join(parts[:i]), Path(spec.origin)))
        places = list(spec.submodule_search_locations or ())
    return executed


def user_folders() -> list[Path]:
    """Folders that this process imports modules from, what is installed apart."""
    loaded = [
        Path(file).parent.parent if os.path.basename(file).startswith("__init__.") else None
        for name, module in list(sys.modules.items())
        if "." not in name and (file := getattr(module, "__file__", None))
    ]
    folders = [*(Path(f or os.curdir).absolute() for f in sys.path), *filter(None, loaded)]
    return [f for f in dict.fromkeys(folders) if f.is_dir() and not is_installed(f)]


@lru_cache(maxsize=1024)
def is_installed(folder: Path) -> bool:
    """Whether a folder holds what was installed, or belongs to the standard library."""
    if {"site-packages", "dist-packages"} & set(folder.parts):
        return True
    return any(folder == p or p in folder.parents for p in _standard())


@cache
def _standard() -> tuple[Path, ...]:
    named = (sysconfig.get_path(n) for n in ("stdlib", "platstdlib"))
    return tuple({p for n in named if n for p in (Path(n), Path(n).resolve())})


@lru_cache(maxsize=4096)
def _imports_of(file: Path, module: str, digest: str | None) -> frozenset[str]:
    """Names that a module's file imports; read again where its content changed."""
    if file.suffix != ".py" or digest is None:
        return frozenset()
    package = module if file.stem == "__init__" else module.rpartition(".")[0]
    return _imports(file.read_text(encoding="utf-8", errors="replace"), package)


@lru_cache(maxsize=256)
def _imports(code: str, package: str) -> frozenset[str]:
    """Full names that a text of Python imports; what is imported from a module may be one too."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                names |= {a.name for a in node.names}
            case ast.ImportFrom():
                home = _absolute("." * node.level + (node.module or ""), package)
                names |= {home, *(f"{home}.{a.name}" for a in node.names)} if home else set()
            case ast.Call(
                ast.Attribute(attr="import_module" | "__import__")
                | ast.Name("import_module" | "__import__"),
                [ast.Constant(str(name)), *_],
            ):
                names.add(_absolute(name, package))
    return frozenset(names - {""})


def _absolute(name: str, package: str) -> str:
    """Full name of a module; empty where it lies outside the package."""
    try:
        return resolve_name(name, package)
    except ImportError:
        return ""
