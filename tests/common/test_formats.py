"""Reading of files: bounded, checked, refused in a sentence."""

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from dimgs.common.errors import InputError
from dimgs.common.formats import (
    MOST_BYTES,
    json_value,
    read_text,
    refuse_newer,
    shown,
    validated,
    whole,
    write_whole,
)


class Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    value: float
    unit: str = "1"


class Whole(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    name: str
    parts: dict[str, Part] = {}
    count: int = 0


def test_texts_are_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes("\ufeffé\n".encode())
    assert read_text(file, "law") == "é\n"


def test_a_file_is_read_from_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(b"{}"))
    writer.start()
    assert read_text(pipe, "law") == "{}"
    writer.join()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "cannot be read"),
        ("/dev/zero", "longer than any law"),
        ("x" * 300_000, "cannot be read: File name too long"),
        ("a\0b", "cannot be read"),
        ("none/there", "No such file"),
    ],
)
def test_what_cannot_be_read_gets_a_sentence(path: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        read_text(path, "law")
    assert len(str(error.value)) < 400


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b" " * MOST_BYTES)
    assert len(read_text(file, "law")) == MOST_BYTES
    file.write_bytes(b" " * (MOST_BYTES + 1))
    with pytest.raises(InputError, match="longer than any law"):
        read_text(file, "law")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        '{"a":' * 200_000,
        "NaN",
        "-Infinity",
        "9" * 1_000_000,
        "{",
        "",
        "\x00",
        '{"a": 1} x',
        "'a'",
    ],
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"The text is not JSON \(.*\); give another") as error:
        json_value(text, "The text", "give another")
    assert len(str(error.value)) < 400


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=15,
)


@given(json_values)
def test_any_document_is_taken_or_refused_in_a_sentence(document: object) -> None:
    try:
        checked = validated(Whole, document, "'a.json': ")
    except InputError as error:
        message = str(error)
        assert message.startswith("'a.json': ")
        assert message.endswith(".")
        assert "\n" not in message
        assert len(message) < 600
    else:
        assert isinstance(document, dict)
        assert checked.name == document["name"]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "the key 'name' is missing; add it."),
        (3, "3 is not a table."),
        ({"name": 3}, "name: 3 is given where a text is needed."),
        ({"name": "a", "count": True}, "count: True is given where a whole number is needed."),
        ({"name": "a", "parts": []}, "parts: [] is given where a table is needed."),
        ({"name": "a", "parts": {"b": {}}}, "the key 'parts.b.value' is missing; add it."),
        (
            {"name": "a", "parts": {"b": {"value": float("inf")}}},
            "parts.b.value: inf is given where a finite number is needed.",
        ),
        (
            {"name": "a", "parts": {"b": {"value": 1.0, "unti": "m"}}},
            "parts.b.unti: there is no such key; did you mean 'unit'?",
        ),
        ({"nome": "a"}, "nome: there is no such key; did you mean 'name'?"),
        (
            {"name": 10**5000},
            "name: a number of thousands of digits is given where a text is needed.",
        ),
        ({"name": "a", "zz": 1}, "zz: there is no such key; use name, parts, count."),
    ],
)
def test_the_first_wrong_key_is_named(document: object, message: str) -> None:
    with pytest.raises(InputError) as error:
        validated(Whole, document, "")
    assert str(error.value) == message


def test_editions() -> None:
    for older in ({}, {"schema": 0}, {"schema": 1}, {"schema": "2"}):
        refuse_newer(older, "'a'")
    with pytest.raises(InputError, match=r"written by a newer dimgs \(schema 2, .* up to 1\)"):
        refuse_newer({"schema": 2}, "'a'")
    with pytest.raises(InputError, match="newer"):
        refuse_newer({"schema": 10**5000}, "'a'")


@given(st.text())
def test_texts_are_shown_on_one_line(text: str) -> None:
    assert len(shown(text).splitlines()) <= 1
    if text.isprintable():
        assert shown(text) == text if len(text) <= 120 else shown(text) == text[:120] + "..."


@given(st.binary(), st.binary())
def test_a_file_is_written_whole_or_not_at_all(
    tmp_path_factory: pytest.TempPathFactory, old: bytes, new: bytes
) -> None:
    folder = tmp_path_factory.mktemp("whole")
    file, link = folder / "a.txt", folder / "link.txt"
    write_whole(file, old)
    link.symlink_to(file)

    def interrupted() -> None:
        with whole(link) as beside:
            beside.write_bytes(new)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert file.read_bytes() == old
    write_whole(link, new)
    assert file.read_bytes() == new
    assert {path.name for path in folder.iterdir()} == {"a.txt", "link.txt"}
    assert link.is_symlink()


def test_a_device_is_written_to_and_not_replaced() -> None:
    write_whole("/dev/null", "text")
    assert Path("/dev/null").is_char_device()
