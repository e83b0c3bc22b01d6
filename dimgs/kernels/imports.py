"""Modules of a user's own that Python code imports, found by their files, never imported."""

import ast
import os
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import resolve_name
from pathlib import Path

from dimgs.kernels.fingerprint import MOST_FILES, file_digest

# as Python looks in a folder: compiled extensions come before sources
_SUFFIXES = (*EXTENSION_SUFFIXES, ".py")


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
    executed: list[tuple[str, Path]] = []
    parts = name.split(".")
    for i, part in enumerate(parts, 1):
        spaces = []
        for folder in folders:
            package = folder / part
            files = (package / "__init__.py", *(folder / f"{part}{s}" for s in _SUFFIXES))
            file = next((f for f in files if f.is_file()), None)
            if file is not None:
                executed.append((".".join(parts[:i]), file))
                folders = [package] if file == files[0] else []
                break
            spaces += [package] if package.is_dir() else []
        else:
            folders = spaces
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
