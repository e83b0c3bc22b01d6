"""Which tests to run for a module, those that are nearest to it first."""

import ast
from collections.abc import Iterable
from pathlib import Path


def related_tests(root: Path, path: str) -> list[list[str]]:
    """Files of tests for a file of the package, in stages.

    Parameters
    ----------
    root : Path
        Of the checkout.
    path : str
        Of the module, such as ``dimgs/fits/least_squares.py``.

    Returns
    -------
    list of list of str
        The tests and examples that name the module; the others of its folder; those of the modules
        that import it. Small files come first.
    """
    module, folder = _module(path), Path(path).parent.parts[1]
    uses = {f: _imports(root / f) for f in _files(root, "tests")}
    imported = {f: _imports(root / f) for f in _files(root, "dimgs")}
    callers = {_module(f) for f, names in imported.items() if _is_used(module, names)}
    near = [f for f, names in uses.items() if _is_used(module, names) or _mirrors(f, path)]
    same = [f for f in uses if f.startswith(f"tests/{folder}/")]
    far = [f for f, names in uses.items() if any(_is_used(c, names) for c in callers)]
    stages, seen = [], set[str]()
    for stage in (near, same, far):
        # those of its name, then its own folder's, and small files before large ones
        order = sorted(
            set(stage) - seen,
            key=lambda f: (
                not _mirrors(f, path),
                not f.startswith(f"tests/{folder}/"),
                (root / f).stat().st_size,
                f,
            ),
        )
        seen |= set(stage)
        stages.append(order)
    stages[0].insert(0, path)
    return [stage for stage in stages if stage]


def tests_with_reference(root: Path, path: str, where: str) -> list[str]:
    """Tests that compare what a function, or its module, returns with kept numbers.

    Parameters
    ----------
    root : Path
        Of the checkout.
    path, where : str
        The module, such as ``dimgs/fits/least_squares.py``, and the function in it.

    Returns
    -------
    list of str
        Those of the function itself first, then those with few numbers.
    """
    module = path.removeprefix("dimgs/").removesuffix(".py")
    found = []
    for file in (root / "tests" / "reference_values").rglob("*.txt"):
        test, *lines = file.read_text(encoding="utf-8").splitlines()
        named = sum(line.startswith(f"{module}.{where} ") for line in lines)
        if named or any(line.startswith(f"{module}.") for line in lines):
            found.append((not named, len(lines), test))
    return [test for *_, test in sorted(found)]


def _files(root: Path, folder: str) -> list[str]:
    found = sorted((root / folder).rglob("*.py"))
    names = [f.relative_to(root).as_posix() for f in found]
    return [n for n in names if folder != "tests" or Path(n).name.startswith("test_")]


def _mirrors(test: str, path: str) -> bool:
    """Whether a test is named after the module."""
    return Path(test).stem.removeprefix("test_").startswith(Path(path).stem)


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _is_used(module: str, names: Iterable[str]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for name in names)


def _imports(file: Path) -> set[str]:
    """What a file imports, as full names of modules and of what is in them."""
    found = set[str]()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found
