"""The faults that are drawn, and the tests that are run for them."""

import ast
import random
from pathlib import Path

from tests.mutants.mutation import draw, mutants
from tests.mutants.related import related_tests

SOURCE = '''"""Words: 1 + 1."""
µ = 2.0

class Run:
    def width(self, run: int | None = None) -> float:
        if not run:
            raise ValueError(f"{µ + 1} is none")
        return law**2 + run**2 * extra - groups - 1 if run < len(law) else max(law[1:], 0)
'''


def test_every_fault_is_another_program() -> None:
    places = mutants("a.py", SOURCE)
    every = [mutant for here in places for mutant in here]
    for mutant in every:
        assert ast.dump(ast.parse(mutant.applied(SOURCE))) != ast.dump(ast.parse(SOURCE))
    assert len({m.key for m in every}) == len({(m.where, m.old, m.new) for m in every})
    found = {(m.old, m.new.replace(" ** ", "**")) for m in every}
    assert {
        ("run**2", "(run)"), ("law**2", "(law * 2)"), ("2.0", "3.0"),
        ("not run", "(run)"), ("run < len(law)", "(run <= len(law))"), ("1:", ":"),
        ("max(law[1:], 0)", "(0)"),
        ("law**2 + run**2 * extra - groups - 1", "(law**2 + run**2 * extra - groups)"),
    } <= found  # fmt: skip
    assert {m.where for m in every} == {"", "Run.width"}
    # words, messages and types are left alone
    assert not any("Words" in m.old or "none" in m.old or "int" in m.old for m in every)


def test_a_seed_draws_the_same_faults_at_different_places() -> None:
    places = mutants("a.py", SOURCE)
    one = draw(places, 5, random.Random(3), lambda mutant: False)
    assert one == draw(places, 5, random.Random(3), lambda mutant: False)
    assert len({m.start for m in one}) >= 4
    rest = draw(places, 5, random.Random(3), lambda mutant: mutant.key == one[0].key)
    assert one[0] not in rest
    assert len(rest) == 5


def test_the_nearest_tests_come_first(tmp_path: Path) -> None:
    for name, text in {
        "dimgs/fits/least_squares.py": "",
        "dimgs/law/assemble.py": "from dimgs.fits.least_squares import echelon",
        "tests/fits/test_line.py": "from dimgs.fits import line",
        "tests/fits/test_ranks.py": "import dimgs.fits.least_squares",
        "tests/fits/test_least_squares_parts.py": "# named after it",
        "tests/law/test_power.py": "from dimgs.law.assemble import power_law",
        "tests/law/test_other.py": "from dimgs.law import other",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert related_tests(tmp_path, "dimgs/fits/least_squares.py") == [
        [
            "dimgs/fits/least_squares.py",
            "tests/fits/test_least_squares_parts.py",
            "tests/fits/test_ranks.py",
        ],
        ["tests/fits/test_line.py"],
        ["tests/law/test_power.py"],
    ]
