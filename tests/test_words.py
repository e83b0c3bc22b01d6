"""Words that are not names: participles and metaphors that do not say what a value is."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dimgs

# word: the terms of the field among which its names were chosen
WORDS = {
    "badness": "negative_log_posterior",
    "believed": "posterior, confirmed",
    "believes": "posterior, confirmed",
    "bench": "context, workbench",
    "foretold": "predicted",
    "found": "candidate, index, match, solution, exponents, entry: what was looked for",
    "freed": "free_exponent, released",
    "lonely": "unexplained_run, outlier",
    "orphan": "unexplained_run",
    "orphans": "unexplained_runs",
    "own": "what belongs there: exponent, price, rows, slopes",
    "pays": "lowers_price, improves",
    "standing": "accepted, posterior",
    "stray": "outlier, unexplained_run",
    "strayed": "not_found",
    "supposed": "predicted, assumed",
    "taught": "teacher, fitted",
    "told": "message, record, document, reason, predicted",
    "untold": "undetermined",
}
# names of these words that are still there, below dimgs; a count may only fall
REMAINING = {
    "cli": 11,
}


def parts(name: str) -> set[str]:
    """Words of an identifier in snake or camel case; "not found" is one term."""
    name = name.replace("NotFound", "").replace("not_found", "")
    return {w.lower() for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Identifiers of a module with their lines: what it defines, assigns, takes and reads."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name, node.lineno
            case ast.arg():
                yield node.arg, node.lineno
            case ast.keyword(arg=str(name)):
                yield name, node.lineno
            case ast.Name():
                yield node.id, node.lineno
            case ast.Attribute():
                yield node.attr, node.lineno
            case ast.alias():
                for name in (*node.name.split("."), *filter(None, [node.asname])):
                    yield name, node.lineno


def avoided(text: str) -> list[tuple[str, int]]:
    """Names in a text of Python that hold one of the words, with their lines."""
    # most files hold none of them, so that these need not be parsed
    if not re.search("|".join(WORDS), text, re.IGNORECASE):
        return []
    return [(name, line) for name, line in names(ast.parse(text)) if parts(name) & WORDS.keys()]


def test_names_say_what_a_value_is() -> None:
    root = Path(dimgs.__file__).parent
    found: dict[str, list[str]] = {}
    for file in sorted(root.rglob("*.py")):
        place = file.relative_to(root)
        lines = [f"{place}:{line}: {name}" for name, line in avoided(file.read_text("utf-8"))]
        lines += [f"{place}: the module" for part in place.parts if parts(part) & WORDS.keys()]
        found.setdefault(place.parts[0], []).extend(lines)
    new = [
        line
        for folder, lines in found.items()
        if len(lines) > REMAINING.get(folder, 0)
        for line in lines
    ]
    counts = Counter({folder: len(lines) for folder, lines in found.items() if lines})
    assert not new, f"name the value with a term of the field: {new}; there are now {counts}"


def test_every_kind_of_name_is_found_and_no_text() -> None:
    text = '''
"""What is told."""
import told.part as bench
class ToldError: ...
def taught(lonely, *, stray=1): return f(supposed=lonely)
self.foretold = "told"  # told
def folded(left, toldness): return f"{untold}"
try: own.found
except FileNotFoundError: not_found = 1
'''
    found = {name for name, _ in avoided(text)}
    wanted = {"told", "bench", "ToldError", "taught", "lonely", "stray", "supposed", "foretold"}
    assert found == wanted | {"untold", "own", "found"}
    assert avoided("message = 'told'") == []
