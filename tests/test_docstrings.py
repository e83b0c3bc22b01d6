"""The parameters that a docstring describes are those of its function."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "dimgs"
_HEAD = "Parameters\n----------\n"


def parameters(docstring: str) -> Iterator[str]:
    """Names in the section of the parameters."""
    section = docstring.partition(_HEAD)[2].partition("\n\n")[0]
    for line in section.splitlines():
        named = re.match(r"((?:\*{0,2}\w+(?:, )?)+)(?: : |$)", line)
        if named:
            yield from (name.lstrip("*") for name in named[1].split(", "))


def strangers(tree: ast.AST) -> Iterator[tuple[str, set[str]]]:
    """Functions with described parameters that they do not take."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            every = node.args
            taken = {a.arg for a in (*every.posonlyargs, *every.args, *every.kwonlyargs)}
            taken |= {a.arg for a in (every.vararg, every.kwarg) if a is not None}
            # keywords of a TypedDict are described one by one
            if every.kwarg is None or not isinstance(every.kwarg.annotation, ast.Subscript):
                unknown = set(parameters(ast.get_docstring(node) or "")) - taken
                if unknown:
                    yield node.name, unknown


def test_a_renamed_parameter_is_noticed() -> None:
    section = _HEAD.replace("\n", "\n    ")
    text = f'def f(a, *more):\n    """F.\n\n    {section}a, b : int\n    *more\n    """'
    assert list(strangers(ast.parse(text))) == [("f", {"b"})]


def test_described_parameters_exist() -> None:
    found = []
    for file in sorted(PACKAGE.rglob("*.py")):
        text = file.read_text("utf-8")
        if "Parameters\n" in text:
            place = file.relative_to(PACKAGE)
            found += [(f"{place}:{name}", names) for name, names in strangers(ast.parse(text))]
    assert not found
