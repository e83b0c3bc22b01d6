"""The count of code lines may only fall, or rise with a reason written beside it."""

import ast
from pathlib import Path

import dimgs

# most lines that may stand in dimgs without blanks, comments and docstrings, and since when
MOST, SINCE = 60089, "re-read: work done once"


def code_lines(text: str) -> int:
    """Lines of a file that are neither blank, nor a comment, nor part of a docstring."""
    documented: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if ast.get_docstring(node, clean=False) is not None:
            first = node.body[0]
            documented |= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return sum(
        bool(line.strip()) and not line.lstrip().startswith("#") and number not in documented
        for number, line in enumerate(text.splitlines(), 1)
    )


def test_the_code_does_not_grow() -> None:
    root = Path(dimgs.__file__).parent
    count = sum(code_lines(p.read_text(encoding="utf-8")) for p in root.rglob("*.py"))
    assert count <= MOST, f"{count} lines, {MOST} since {SINCE}: remove some, or say why"


def test_comments_and_docstrings_do_not_count() -> None:
    text = '"""A module\n\n# of two lines."""\nx = """not\none"""  # but text\n\n  # none\n'
    assert code_lines(text) == 2
