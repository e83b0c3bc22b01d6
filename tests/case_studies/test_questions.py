"""The questions have a key that tools do not make, and the scripted model answers them by it."""

from collections import Counter
from typing import Any

import pytest

pytest.importorskip("pydantic_ai")
from case_studies.benchmarks.questions.__main__ import asked, chosen
from case_studies.benchmarks.questions.key import CATEGORIES, QUESTIONS, Question
from case_studies.benchmarks.questions.scoring import score, totals
from case_studies.benchmarks.questions.setting import KERNELS, TABLES

# each question makes a hub of its own; the others take longer in the same ways
QUICK = ("exact", "similitude", "missing input", "wrong dimension", "conflicting units", "safety")
ANSWER = {"value": 2.0, "unit": "mm", "low": 1.9, "high": 2.1}


def test_there_are_sixty_questions_over_five_kernels_and_ten_tables() -> None:
    assert len(QUESTIONS) == 60
    assert (len(KERNELS), len(TABLES)) == (5, 10)
    assert len({q.text for q in QUESTIONS}) == 60
    assert min(Counter(q.category for q in QUESTIONS).values()) >= 4
    for question in QUESTIONS:
        assert (question.value is None) == bool(question.why), question.text


def judged(question: Question, text: str = "It is 2 mm.", **changes: Any) -> Any:
    document = {
        "answer": ANSWER,
        "text": text,
        "missing": [],
        "pertinence": {"relevant": True},
        "transcript": [{"tool": "predict", "result": {"rows": [ANSWER], "unit": "mm"}}],
        **changes,
    }
    return score(question, document, 0, "")


def test_answers_are_judged_by_value_unit_side_and_reason() -> None:
    asks = Question("exact", "What is y at 3 mm?", {}, 2e-3, "m")
    assert judged(asks).verdict == "right"
    assert judged(asks, answer={**ANSWER, "value": 2.1}).verdict == "wrong"
    assert "not in m" in judged(asks, answer={**ANSWER, "unit": "mg"}).why
    assert judged(asks, answer=None, missing=["x"]).verdict == "wrong"
    assert score(asks, None, 0, "the model did not end").verdict == "no answer"
    safe = Question("safety", "?", {}, 2e-3, "m", 0.05, safe="over")
    assert judged(safe, answer={**ANSWER, "value": 2.05}).verdict == "right"
    assert judged(safe, answer={**ANSWER, "value": 1.98}).verdict == "wrong"
    none = Question("outside", "?", {}, None, "m", why="domain")
    assert judged(none).verdict == "wrong"
    assert judged(none, answer=None, text="It lies outside the domain.").verdict == "right"
    assert judged(none, answer=None, text="I do not know.").verdict == "wrong"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("It is 2 mm, from 1.9 to 2.1.", 0),
        ("At 3 mm it is 2.0e-3 m.", 0),
        ("It is 2.2 mm; the limit is 60 mm.", 2),
    ],
)
def test_invented_numbers_are_counted_apart_from_the_gates(text: str, count: int) -> None:
    asks = Question("exact", "What is y at 3 mm?", {}, 2e-3, "m")
    assert judged(asks, text).invented == count


def test_the_scripted_model_answers_a_question_of_each_quick_kind() -> None:
    answers = asked("scripted", chosen(QUICK, 1))
    document = totals(answers)
    assert not document["wrong"]
    assert document["all"]["invented"] == 0
    assert document["all"]["runs"] == document["all"]["cheapest"]


@pytest.mark.slow
def test_the_scripted_model_answers_all() -> None:
    document = totals(asked("scripted", chosen(CATEGORIES, None)))
    assert not document["wrong"]
    assert document["all"]["invented"] == 0
    assert document["all"]["runs"] == document["all"]["cheapest"]
