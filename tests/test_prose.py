"""README, changelog and pages are in plain sentences and in the terms of the field."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md"]
    + [
        page
        for page in (ROOT / "docs").rglob("*.md")
        if not {"_build", "generated"} & set(page.parts) and page.name != "changelog.md"
    ]
)
# words of the project's own idiom, and the term that stands for each
PRIVATE = {
    "told apart": "distinguished",
    "tell apart": "distinguish",
    "tells apart": "distinguishes",
    "told": "reported, given",
    "foretold": "predicted",
    "supposed": "predicted, assumed",
    "believe": "assign a probability, trust",
    "believed": "probable",
    "believes": "assigns a probability",
    "belief": "posterior",
    "lonely": "unexplained",
    "orphan": "unexplained run",
    "orphans": "unexplained runs",
    "stray": "unexplained run",
    "badness": "negative log posterior",
    "pays for itself": "is justified by the likelihood",
    "pay for itself": "be justified by the likelihood",
    "leaves nothing": "has no structure in its residuals",
    "the runs tell": "the runs determine",
    "runs speak": "runs determine",
}
# texts of Python files with such words that are still there, by folder; a count may only fall
REMAINING = {"campaign": 8}
# a sentence of more words has more than one idea; a few lists of names are longer
LONGEST, MOST_LONG = 28, 0.06


def blocks(text: str) -> list[str]:
    """Paragraphs and items of a page: no code, no tables, no headings, no formulas."""
    text = re.sub(r"^(```+|~~~+).*?^\1\s*$", "\n\n", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"\$\$.*?\$\$", " formula. ", text, flags=re.DOTALL)
    pieces: list[list[str]] = [[]]
    for line in text.splitlines():
        line = line.strip()
        item = re.match(r"(?:- |\* |\d+\. |> )(.*)", line)
        if item:
            pieces.append([item[1]])
        elif not line or line.startswith(("#", "|")):
            pieces.append([])
        else:
            pieces[-1].append(line)
    return [" ".join(lines) for lines in pieces if lines]


def sentences(text: str) -> list[str]:
    """Sentences in which a piece of code or a formula counts as one word."""
    parts = []
    for block in blocks(text):
        block = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", block)
        block = re.sub(r"`[^`]*`", "Code", block)
        block = re.sub(r"\$[^$]*\$", "X", block).replace("**", "")
        parts += re.split(r"(?<=[.!?])[)\"*]*\s+(?=[A-Z\"(*])", block)
    return parts


def test_sentences_are_counted_as_a_reader_counts_them() -> None:
    page = (
        "# Head\n\nOne `a b c` is $x + y$. Two\nlines.\n\n```text\nNo.\n```\n\n- [An](x.md) item\n"
    )
    assert sentences(page) == ["One Code is X.", "Two lines.", "An item"]


def test_few_sentences_are_long() -> None:
    counted = [
        len(s.split()) > LONGEST for page in PAGES for s in sentences(page.read_text("utf-8"))
    ]
    assert len(counted) > 1500
    assert sum(counted) / len(counted) <= MOST_LONG


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_pages_use_the_terms_of_the_field(page: Path) -> None:
    text = " ".join(sentences(page.read_text("utf-8"))).casefold()
    private = {word: term for word, term in PRIVATE.items() if re.search(rf"\b{word}\b", text)}
    assert not private, "write the term in place of the word"


def test_messages_and_docstrings_use_the_terms_of_the_field() -> None:
    word = re.compile(rf"\b(?:{'|'.join(PRIVATE)})\b")
    found: dict[str, list[str]] = {}
    for file in sorted((ROOT / "dimgs").rglob("*")):
        if file.suffix not in {".py", ".toml", ".html", ".md"}:
            continue
        text = file.read_text("utf-8")
        texts = [text]
        # most files have none of the words, and need no parsing
        if file.suffix == ".py" and word.search(text.casefold()):
            nodes = [n.value for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant)]
            texts = [x for x in nodes if isinstance(x, str) and " " in x]
        elif file.suffix == ".py":
            continue
        for one in texts:
            # code and formulas have their own names
            plain = re.sub(r"`+[^`]*`+", "", one).casefold()
            if word.search(plain):
                place = file.relative_to(ROOT / "dimgs")
                found.setdefault(place.parts[0], []).append(f"{place}: {word.search(plain)}")
    more = {k: v for k, v in found.items() if len(v) > REMAINING.get(k, 0)}
    assert not more, "write the term in place of the word"
