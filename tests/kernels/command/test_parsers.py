"""Numbers out of texts, or one sentence why not."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.common.errors import InputError, RunFailedError
from dimgs.kernels.command import Csv, Json, Parser, Regex, parser_of

numbers = st.floats(allow_nan=False)


@given(st.lists(numbers, min_size=1, max_size=5))
def test_the_last_or_the_first_number_is_found(values: list[float]) -> None:
    text = "".join(f"step {i} CF = {v!r}\nother\n" for i, v in enumerate(values))
    assert Regex(r"CF = (\S+)").parse(text) == values[-1]
    assert Regex(r"CF = (\S+)", first=True).parse(text) == values[0]
    table = "i, CF\n" + "".join(f"{i}, {v!r}\n" for i, v in enumerate(values))
    assert Csv("CF").parse(table) == values[-1]
    assert Csv("CF", row=0).parse(table) == values[0]
    document = json.dumps({"a": {"CF": values}})
    assert Json("a.CF.-1").parse(document) == values[-1]
    assert Json("a.CF.0").parse(document) == values[0]


@pytest.mark.parametrize(
    ("text", "value"), [("1.5D-03", 1.5e-3), ("2d4", 2e4), ("3.D+00", 3.0), ("  7 ", 7.0)]
)
def test_numbers_of_fortran_are_read(text: str, value: float) -> None:
    assert Regex("x = (.*)").parse(f"x = {text}") == value


def test_what_is_not_finite_is_passed_on() -> None:
    assert math.isnan(Regex("x = (.*)").parse("x = NaN"))
    assert Json("x").parse('{"x": Infinity}') == math.inf


@pytest.mark.parametrize(
    ("parser", "text", "says"),
    [
        (Regex("CF = (.*)"), "CG = 1", "does not occur in stdout"),
        (Regex("CF = (.*)"), "CF = ****", "holds '\\*\\*\\*\\*' where a number is needed"),
        (Json("a.b", "r.json"), '{"a": {}}', "There is no 'a.b' in r.json"),
        (Json("a.9", "r.json"), '{"a": [1]}', "There is no 'a.9'"),
        (Json("a.b.c", "r.json"), '{"a": {"b": 3}}', "There is no 'a.b.c'"),
        (Json("a", "r.json"), '{"a": true}', "holds True"),
        (Json("a", "r.json"), '{"a": null}', "holds None"),
        (Json("a", "r.json"), "{", "r.json is not a JSON document"),
        (Csv("CF", "r.csv"), "t,CG\n1,2\n", "no column 'CF'; it has t, CG"),
        (Csv("CF", "r.csv"), "t,CF\n", "no row -1"),
        (Csv("CF", "r.csv", row=4), "t,CF\n1,2\n", "no row 4"),
        (Csv("CF", "r.csv"), "", "no row -1"),
        (Csv("CF", "r.csv"), "t,CF\n1\n", "holds None"),
    ],
)
def test_what_is_not_there_is_said(parser: Parser, text: str, says: str) -> None:
    with pytest.raises(RunFailedError, match=says):
        parser.parse(text)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"regex": "CF = .*"}, "0 groups"),
        ({"regex": "(CF) = (.*)"}, "2 groups"),
        ({"regex": "("}, "cannot be read"),
        ({"file": "a.csv"}, "needs one of regex, json and csv, not none"),
        ({"json": "a", "csv": "b"}, "needs one of"),
        ({"json": "a", "row": 3}, "row: there is no such key"),
    ],
)
def test_parsers_that_cannot_work_are_refused(document: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        parser_of(document, "CF")


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"regex": 3}, "The output 'x': pattern: 3 is given where a text is needed"),
        ({"json": 3}, "path: 3 is given"),
        ({"csv": "x", "row": "last"}, "row: 'last' is given where a whole number is needed"),
        ({"csv": "x", "delimiter": ";;"}, "delimiter: ';;' cannot be used .*at most 1 character"),
        ({"csv": "x", "file": "../out.csv"}, "lies outside the working folder"),
        ({"regex": "(.)", "file": "/elsewhere/out"}, "lies outside the working folder"),
        ("regex", "The parser of 'x' is 'regex'; give a table"),
    ],
)
def test_a_parser_is_checked_when_it_is_made(document: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        parser_of(document, "x")


def test_what_is_too_deep_or_too_long_is_a_failed_run() -> None:
    with pytest.raises(RunFailedError, match="is not a JSON document"):
        parser_of({"json": "x"}, "x").parse("[" * 100_000)
    with pytest.raises(RunFailedError, match="is not a CSV table"):
        parser_of({"csv": "x"}, "x").parse("x\n" + "1" * 200_000)
