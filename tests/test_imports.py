"""The graph of all imports: data flows one way, inside folders too."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import dimgs

ROOT = Path(dimgs.__file__).parent


def _modules() -> dict[str, Path]:
    paths = {}
    for path in ROOT.rglob("*.py"):
        parts = ("dimgs", *path.relative_to(ROOT).with_suffix("").parts)
        paths[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return paths


def _imported(path: Path) -> Iterator[str]:
    """Everything a file imports, also inside functions and for type checkers alone."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


@cache
def _graph() -> dict[str, set[str]]:
    modules = _modules()
    graph = {}
    for name, path in modules.items():
        graph[name] = {
            home
            for imported in _imported(path)
            if (home := _home(imported, modules)) is not None and home != name
        }
    return graph


def _home(imported: str, modules: dict[str, Path]) -> str | None:
    """The module that an imported name is, or lies in."""
    return next((n for n in (imported, imported.rpartition(".")[0]) if n in modules), None)


def _circle(graph: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return circle
    return []


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = _graph()
    assert len(graph) > 200
    assert not _circle(graph)


def test_a_circle_is_found() -> None:
    assert set(_circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == {"a", "b", "c"}
