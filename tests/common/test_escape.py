"""Text of a user stays text in every language that it is written in."""

import json
import unicodedata
from html.parser import HTMLParser
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.common.escape import (
    comments,
    docstring,
    file_names,
    html,
    json_text,
    markdown,
    markdown_code,
    terminal,
    visible,
)
from tests.hostile import BREAKERS

markdown_it = pytest.importorskip("markdown_it")
TEXTS = st.sampled_from(BREAKERS) | st.text() | st.lists(st.sampled_from(BREAKERS)).map("".join)


def control_characters(text: str, keep: str = "") -> list[str]:
    """Characters that act instead of being seen."""
    kept = "\u200c\u200d" + keep
    unseen = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return [c for c in text if unicodedata.category(c) in unseen and c not in kept]


@given(TEXTS)
def test_nothing_acts_on_a_terminal(text: str) -> None:
    assert control_characters(visible(text)) == []
    assert control_characters(terminal(text), "\n\t") == []
    assert terminal(text).count("\n") == text.count("\n")


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs", "Mn"])))
def test_what_is_seen_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


@given(TEXTS)
def test_json_says_the_same_without_hidden_characters(text: str) -> None:
    document = json_text(json.dumps({text: [text]}, ensure_ascii=False, indent=1))
    assert control_characters(document, "\n") == []
    document.encode("utf-8")
    assert json.loads(document) == {text: [text]}


class _Text(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.text += data


@given(TEXTS)
def test_html_holds_the_text_and_no_element(text: str) -> None:
    parsed = _Text(f'<p title="{html(text)}">{html(text)}</p>')
    assert parsed.tags == [("p", [("title", terminal(text))])]
    assert parsed.text == terminal(text)


@given(TEXTS)
def test_markdown_reads_back_as_one_text(text: str) -> None:
    wanted = visible(" ".join(text.split()))
    reader = markdown_it.MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = reader.parse(f"- {markdown(text)}\n")
    kinds = [t.type for t in tokens if t.type != "inline"]
    inline = [part for t in tokens if t.type == "inline" for part in t.children]
    if wanted:
        assert kinds == [
            "bullet_list_open", "list_item_open", "paragraph_open", "paragraph_close",
            "list_item_close", "bullet_list_close",
        ]  # fmt: skip
    assert {part.type for part in inline} <= {"text"}
    assert "".join(part.content for part in inline) == wanted


@given(TEXTS)
def test_code_in_markdown_reads_back(text: str) -> None:
    wanted = visible(" ".join(text.split()))
    tokens = markdown_it.MarkdownIt("commonmark").parse(f"- {markdown_code(text)} end\n")
    inline = [part for t in tokens if t.type == "inline" for part in t.children]
    if wanted:
        assert [(p.type, p.content) for p in inline] == [("code_inline", wanted), ("text", " end")]


@given(TEXTS)
def test_comments_are_short_lines_that_end_nothing_and_lose_nothing(text: str) -> None:
    lines = comments([text, "last"])
    for line in lines:
        assert line.isascii()
        assert line.isprintable()
        assert len(line) <= 100
        assert not {"/*", "*/", "??"} & {line[k : k + 2] for k in range(len(line))}
    assert lines[-1] == "last"
    told = visible(text).encode("ascii", "backslashreplace").decode()
    assert "".join("".join(lines[:-1]).split()) == "".join(told.split())


@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_a_docstring_reads_back(lines: list[str]) -> None:
    space: dict[str, object] = {}
    exec(compile(f"def f():\n{docstring(lines)}\n", "f.py", "exec"), space)
    shown = [visible(line) for line in lines]
    indented = [f"    {line}" if line else "" for line in shown[1:]]
    assert space["f"].__doc__ == "\n".join([shown[0], *indented, "    "])


@given(st.lists(TEXTS, max_size=6))
def test_files_stay_in_their_folder_and_apart(texts: list[str]) -> None:
    names = file_names(texts)
    assert list(names) == list(dict.fromkeys(texts))
    assert len({name.casefold() for name in names.values()}) == len(names)
    for name in names.values():
        assert PurePosixPath(name).parts == PureWindowsPath(name).parts == (name,)
        assert name not in (".", "..")
        assert not PureWindowsPath(name).is_reserved()
        assert len(name.encode()) <= 255


@given(st.lists(st.from_regex(r"[a-z][a-z0-9]{4,20}", fullmatch=True), unique_by=str.casefold))
def test_plain_names_of_files_stay(texts: list[str]) -> None:
    assert file_names(texts) == {text: text for text in texts}
