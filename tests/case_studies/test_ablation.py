"""The ablation of the embedded engine's steps."""

import argparse

from case_studies.benchmarks.ablation import solve, table
from case_studies.benchmarks.own_laws.law import laws


def test_the_step_that_finds_a_law_is_named_and_can_lose_it() -> None:
    law = next(law for law in laws() if law.name == "michaelis_menten")
    options = argparse.Namespace(runs=60, noise=0.0, without="", evaluations=400)
    line = solve(law, options)
    assert line["chosen"]
    assert line["winner"] in line["seconds"]
    without = solve(law, argparse.Namespace(**{**vars(options), "without": line["winner"]}))
    assert line["winner"] not in without["seconds"]
    assert without["chosen"] == line["kept"]


def test_the_table_counts_what_is_lost() -> None:
    lines = [
        {"chosen": True, "winner": "a", "kept": False, "seconds": {"a": 3.0}},
        {"chosen": True, "winner": "a", "kept": True, "seconds": {"a": 1.0, "b": 4.0}},
    ]
    rows = table(lines).splitlines()
    assert rows[2] == "| a | 2 | 1 | 50.0 % |"
    assert rows[3] == "| b | 0 | 0 | 50.0 % |"
