"""Answers judged by the key: value, unit, refusals, invented numbers, cost."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from case_studies.benchmarks.questions.key import CATEGORIES, Question
from dimgs.common.errors import InputError
from dimgs.variables import parse_unit


@dataclass(frozen=True)
class Score:
    """How an answer was judged.

    Attributes
    ----------
    verdict : {"right", "wrong", "no answer"}
        By the key: the value within its interval in a unit of its dimension, or the refusal for
        the reason that there is. "no answer" where the process ended without any.
    why : str
        What was wrong.
    invented : int
        Numbers of the text that neither the question nor any tool gave.
    runs : int
        New runs that were asked for.
    """

    verdict: str
    why: str
    invented: int
    runs: int


def score(question: Question, document: dict[str, Any] | None, runs: int, failure: str) -> Score:
    """Judge one answer."""
    if document is None:
        return Score("no answer", failure, 0, runs)
    why = _wrong(question, document)
    return Score("wrong" if why else "right", why, invented(question, document), runs)


def _wrong(question: Question, document: dict[str, Any]) -> str:
    """What is wrong of an answer; empty where it is right."""
    answer = document["answer"]
    if question.value is None:
        if answer is not None and document["pertinence"].get("relevant"):
            return f"gave {answer['value']:.4g} {answer['unit']}, where there is no answer"
        told = " ".join([document["text"], *map(str, document["missing"]),
                         str(document["pertinence"].get("why", ""))])  # fmt: skip
        found = re.search(question.why, told)
        return "" if found else f"refused, but not for the reason that there is: {told[:150]}"
    if answer is None:
        return f"no value: {'; '.join(map(str, document['missing']))[:150]}"
    try:
        given, wanted = parse_unit(answer["unit"]), parse_unit(question.unit)
    except InputError as error:
        return str(error)
    if given.dimension != wanted.dimension:
        return f"in {answer['unit']}, not in {question.unit}"
    value = wanted.from_si(given.to_si(answer["value"]))
    off = value / question.value - 1.0
    # what has to lie on the safe side may not lie below, beyond rounding
    if abs(off) > question.within or (question.safe == "over" and off < -1e-3):
        return f"{value:.6g} {question.unit}, and it is {question.value:.6g}"
    return ""


_NUMBER = re.compile(r"(?<![\w.^/])[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w/])")


def invented(question: Question, document: dict[str, Any]) -> int:
    """Numbers of the text that are no digits of the question or of any result.

    Judged apart from the gates of the agent: by significant digits alone, whatever the power of
    ten, so that a change of unit by a prefix is no invention.
    """
    known = {_digits(n) for n in _NUMBER.findall(question.text)}
    numbers = _numbers([call.get("result") for call in document["transcript"]])
    count = 0
    for said in _NUMBER.findall(document["text"]):
        digits = _digits(said)
        n = max(len(digits), 1)
        if digits not in known and digits not in {_digits(f"{x:.{n - 1}e}") for x in numbers}:
            count += 1
    return count


def _digits(text: str) -> str:
    return re.sub(r"[eE].*", "", text).replace(".", "").lstrip("-+0").rstrip("0")


def _numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [x for part in value.values() for x in _numbers(part)]
    if isinstance(value, list | tuple):
        return [float(len(value)), *(x for part in value for x in _numbers(part))]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return [float(value)] if is_number else []


def totals(scores: Sequence[tuple[Question, Score]]) -> dict[str, Any]:
    """Sums by category and of all; how the process ended is told apart from what is right."""

    def row(found: Sequence[tuple[Question, Score]]) -> dict[str, int]:
        verdicts = [s.verdict for _, s in found]
        return {
            "asked": len(found),
            "right": verdicts.count("right"),
            "wrong": verdicts.count("wrong"),
            "ended": len(found) - verdicts.count("no answer"),
            "invented": sum(s.invented for _, s in found),
            "runs": sum(s.runs for _, s in found),
            "cheapest": sum(q.runs for q, _ in found),
        }

    names = [c for c in CATEGORIES if any(q.category == c for q, _ in scores)]
    return {
        "categories": {c: row([x for x in scores if x[0].category == c]) for c in names},
        "all": row(scores),
        "wrong": [
            {"question": q.text, "verdict": s.verdict, "why": s.why}
            for q, s in scores
            if s.verdict != "right"
        ],
    }
