"""Asks an agent sixty questions and judges its answers by a key.

Run ``python -m case_studies.benchmarks.questions --model scripted``, which takes no network and
checks the tools and the gates, or ``--model provider:name`` for a real model. Answers are judged
by formulas, never by what the tools let pass.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from case_studies.benchmarks.questions.key import CATEGORIES, QUESTIONS, Question
from case_studies.benchmarks.questions.scoring import Score, score, totals
from case_studies.benchmarks.questions.scripted import scripted
from case_studies.benchmarks.questions.setting import POLICY, fill, write_tables
from case_studies.benchmarks.questions.ways import steps_of
from dimgs.agent import Agent
from dimgs.agent.agent import ModelFailedError
from dimgs.hub import Hub

SCRIPTED = "scripted"


def asked(model: str, questions: Iterable[Question]) -> list[tuple[Question, Score]]:
    """Scores of the questions, each asked in a hub of its own state.

    Parameters
    ----------
    model : str
        "scripted", or a model as ``dimgs agent ask --model`` takes it.
    questions : iterable of Question
    """
    found = []
    with TemporaryDirectory() as folder:
        write_tables(Path(folder) / "tables")
        for number, question in enumerate(questions):
            with Hub(Path(folder) / f"{number}.sqlite", user="asker") as hub:
                fill(hub)
                made: Any = scripted(steps_of(question)) if model == SCRIPTED else model
                agent = Agent(hub, made, POLICY, workspace=Path(folder) / "tables")
                document, failure = None, ""
                try:
                    document = agent.ask(question.text).document
                except ModelFailedError as error:
                    failure = str(error)
                finally:
                    agent.context.close()
                runs = sum(e["kind"] == "job" for e in hub.listed(kind="job"))
            found.append((question, score(question, document, runs, failure)))
            print(f"{len(found):3d} {question.category:18s} {found[-1][1].verdict:9s} "
                  f"{found[-1][1].why or question.text[:60]}", file=sys.stderr)  # fmt: skip
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, and print the scores; 1 where one is wrong or a number was invented."""
    parser = argparse.ArgumentParser(description="Questions in words with an answer key.")
    parser.add_argument("--model", default=SCRIPTED)
    parser.add_argument("--category", choices=CATEGORIES, action="append")
    parser.add_argument("--most", type=int, help="of each category")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    wanted = chosen(given.category or CATEGORIES, given.most)
    found = asked(given.model, wanted)
    document = totals(found)
    if given.json:
        print(json.dumps({"model": given.model, **document}, ensure_ascii=False))
    else:
        print(f"{'category':18s} asked right wrong invented runs cheapest ended")
        for name, row in [*document["categories"].items(), ("all", document["all"])]:
            print(f"{name:18s} {row['asked']:5d} {row['right']:5d} {row['wrong']:5d} "
                  f"{row['invented']:8d} {row['runs']:4d} {row['cheapest']:8d} "
                  f"{row['ended']:5d}")  # fmt: skip
    return 0 if document["all"]["right"] == len(wanted) else 1


def chosen(categories: Iterable[str], most: int | None) -> list[Question]:
    """The first questions of some categories."""
    return [
        question
        for name in categories
        for question in [q for q in QUESTIONS if q.category == name][:most]
    ]


if __name__ == "__main__":
    sys.exit(main())
