"""Finding, running and judging case studies."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.cli.reproduce import (
    Check,
    Outcome,
    Statement,
    run_studies,
    studies_folder,
    study_titles,
)
from dimgs.common.errors import DimgsError, InputError

ROOT = Path(__file__).resolve().parents[2]
finite = st.floats(-1e6, 1e6)


def study(folder: Path, name: str, body: str, title: str = "A title.") -> None:
    home = folder / name
    home.mkdir(parents=True)
    source = f'"""{title}\n\nMore.\n"""\n' + dedent(body)
    (home / "study.py").write_text(source, encoding="utf-8")


GOOD = """
    from dimgs.cli.reproduce import Check, Statement

    def run():
        return [
            Check("exponent", 0.51, 0.48, 0.54, 0.5, 0.02, why="short runs"),
            Check("energy", 70.0, None, None, 71.4, 0.1, True, "TJ", "short runs"),
            Statement("missing", "g", "g"),
        ]
"""


@given(published=finite, offset=finite, tolerance=st.floats(1e-3, 1e6))
def test_a_check_passes_exactly_within_its_tolerance(
    published: float, offset: float, tolerance: float
) -> None:
    value = published + offset
    check = Check("x", value, None, None, published, tolerance)
    assert check.passed == (abs(value - published) <= tolerance)


@given(published=finite.filter(lambda x: abs(x) > 1e-3), factor=st.floats(1e-6, 1e6))
def test_a_relative_check_does_not_depend_on_the_unit(published: float, factor: float) -> None:
    for value, passes in ((published * 1.04, True), (published * 1.06, False)):
        check = Check("x", value * factor, None, None, published * factor, 0.05, relative=True)
        assert check.passed is passes


def test_a_number_that_is_none_never_passes() -> None:
    assert not Check("x", float("nan"), None, None, 1.0, 1e9).passed
    assert not Statement("x", "g", "G").passed


def test_an_estimate_brings_its_interval() -> None:
    @dataclasses.dataclass
    class Estimate:
        value: float = 2.0
        low: float | None = 1.5
        high: float | None = 2.5

    check = Check.of("E", Estimate(), 2.1, 0.1, relative=True, unit="TJ")
    assert check.measured_text == "E 2 [1.5, 2.5] TJ"
    assert (check.published_text, check.tolerance_text) == ("2.1 TJ", "10 %")


def test_a_study_that_meets_its_numbers_is_ok(tmp_path: Path) -> None:
    study(tmp_path, "good", GOOD)
    lines: list[str] = []
    (outcome,) = run_studies(["good"], lines.append, tmp_path)
    assert outcome == Outcome(
        "good",
        "ok",
        "exponent 0.51 [0.48, 0.54]; energy 70 TJ; missing: g",
        "0.5; 71.4 TJ; g",
        "0.02; 10 %; exact",
        "short runs",
    )
    assert lines[0] == "good (1 of 1)"
    assert lines[1].startswith("  ok, ")
    assert list(outcome.to_json()) == ["name", "status", "found", "published", "tolerance", "why"]
    assert all(isinstance(v, str) for v in outcome.to_json().values())


def test_a_missed_number_fails_by_name(tmp_path: Path) -> None:
    study(tmp_path, "off", GOOD.replace("0.51, 0.48", "0.53, 0.48").replace('"g", "g"', '"g", "G"'))
    (outcome,) = run_studies(["off"], folder=tmp_path)
    assert outcome.status == "failed"
    assert outcome.why == "missed: exponent, missing; short runs"


def test_data_out_of_reach_is_not_run_and_says_why(tmp_path: Path) -> None:
    body = """
        from dimgs.cli.reproduce import DataUnavailable

        def run():
            raise DataUnavailable("the table is absent; install it with: pip install x")
    """
    study(tmp_path, "absent", body)
    (outcome,) = run_studies(["absent"], folder=tmp_path)
    assert (outcome.status, outcome.found) == ("not run", "")
    assert outcome.why == "the table is absent; install it with: pip install x"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("def run():\n    return [1 / 0]\n", "ZeroDivisionError: division by zero"),
        ("import no_such_module_at_all\n", "No module named 'no_such_module_at_all'"),
        ("def run(:\n", "SyntaxError"),
        ("x = 1\n", "AttributeError"),
        ("def run():\n    return []\n", "it checks nothing"),
    ],
)
def test_a_broken_study_fails_and_does_not_stop_the_others(
    tmp_path: Path, body: str, why: str
) -> None:
    study(tmp_path, "broken", body)
    study(tmp_path, "good", GOOD)
    broken, good = run_studies(["broken", "good"], folder=tmp_path)
    assert (broken.status, good.status) == ("failed", "ok")
    assert why in broken.why


def test_an_interrupt_is_not_swallowed(tmp_path: Path) -> None:
    study(tmp_path, "stopped", "def run():\n    raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        run_studies(["stopped"], folder=tmp_path)


def test_modules_of_studies_leave_no_trace(tmp_path: Path) -> None:
    body = """
        from dataclasses import dataclass
        from dimgs.cli.reproduce import Check
        from .numbers import FOUND

        @dataclass
        class Local:
            x: "float" = FOUND

        def run():
            return [Check("x", Local().x, None, None, 3.0, 0.0)]
    """
    study(tmp_path, "with_sibling", body)
    (tmp_path / "with_sibling" / "numbers.py").write_text("FOUND = 3.0\n", encoding="utf-8")
    path, modules = list(sys.path), set(sys.modules)
    (outcome,) = run_studies(["with_sibling"], folder=tmp_path)
    assert outcome.status == "ok", outcome.why
    assert sys.path == path
    assert not {m for m in set(sys.modules) - modules if "study" in m}


def test_titles_are_read_without_running_anything(tmp_path: Path) -> None:
    study(tmp_path, "b_study", "raise RuntimeError('imported')", "The second.")
    study(tmp_path, "a_study", "def run(:", "Never shown, as it does not parse.")
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "speed.py").write_text("", encoding="utf-8")
    assert list(study_titles(tmp_path).items()) == [
        ("a_study", "a_study"),
        ("b_study", "The second."),
    ]


def test_an_unknown_study_is_named_with_those_known(tmp_path: Path) -> None:
    study(tmp_path, "good", GOOD)
    with pytest.raises(InputError, match="no case study 'bad'; name some of good"):
        run_studies(["good", "bad"], folder=tmp_path)


def test_studies_lie_inside_a_wheel_or_beside_a_checkout(tmp_path: Path) -> None:
    package = tmp_path / "dimgs"
    package.mkdir()
    with pytest.raises(DimgsError, match="install dimgs again"):
        studies_folder(package)
    study(tmp_path / "case_studies", "beside", GOOD)
    assert studies_folder(package) == tmp_path / "case_studies"
    study(package / "case_studies", "inside", GOOD)
    assert studies_folder(package) == package / "case_studies"


def test_listing_studies_imports_nothing_heavy() -> None:
    code = (
        "import sys; from dimgs.cli.reproduce import study_titles;"
        "assert 'kepler' in study_titles();"
        "print([m for m in ('numpy', 'sympy', 'pandas', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
