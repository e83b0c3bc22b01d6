"""Engines are registered by entry points, those of other packages like the own ones."""

import json
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import sympy

from dimgs.common.errors import EngineUnavailableError, InputError
from dimgs.common.plugins import entry_points
from dimgs.dataset.dataset import Dataset
from dimgs.discovery.discover import discover
from dimgs.discovery.options import Options
from dimgs.engines import registry
from dimgs.engines.registry import all_engines, embedded, engine_names, entry_named, require_engine
from dimgs.expression.candidate import Candidate
from tests.patience import AMPLE

BUILT_IN = ("structured", "pysr", "operon")
ENGINE = '''
import sympy
from dimgs.engines.protocol import Result
from dimgs.engines.refit import refit
from dimgs.engines.registry import EngineStatus, EngineEntry
from dimgs.expression.candidate import Candidate


class Lines:
    """Tries straight lines in the first group and in its inverse."""

    name = "lines"
    seen = []

    def __init__(self, guesses=()):
        self.guesses = guesses

    def search(self, problem, budget, seed=0):
        Lines.seen.append((problem, budget, seed, tuple(self.guesses)))
        x, a, b = sympy.symbols(f"{next(iter(problem.groups))} a b")
        options = {"scale": problem.scale, "engine": "lines"}
        lines = [Candidate.of(a + b * u, {"a": 1.0, "b": 1.0}, **options) for u in (x, 1 / x)]
        front = sorted((refit(line, problem) for line in lines), key=lambda c: c.loss)
        return Result(tuple(front), "converged", "a line", 0.0)


LINES = EngineEntry(
    "their_lines:Lines",
    lambda: EngineStatus("lines", True, "2.5"),
    rank=-1,
    takes_guesses=True,
)
ABSENT = EngineEntry(
    "no_such_module_here:Engine", lambda: EngineStatus("absent", False, None, "buy it")
)
NEITHER = "a text"
'''


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package that brings engines, as pip would install it."""
    (tmp_path / "their_lines.py").write_text(ENGINE, encoding="utf-8")
    info = tmp_path / "their_lines-2.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-lines\nVersion: 2.5\n")
    (info / "entry_points.txt").write_text(
        "[dimgs.engines]\nlines = their_lines:LINES\nabsent = their_lines:ABSENT\n"
        "broken = no_such_module_here:x\nneither = their_lines:NEITHER\n"
        "structured = their_lines:LINES\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    entry_points.cache_clear()
    yield
    entry_points.cache_clear()
    sys.modules.pop("their_lines", None)


def line() -> Dataset:
    x = np.linspace(0.5, 4.0, 24)
    return Dataset.from_columns({"x [m]": x, "d [m]": np.full(24, 2.0), "y [m]": 3.0 * x + 1.4})


def test_the_package_registers_its_own_engines_by_entry_points() -> None:
    points = metadata.distribution("dimgs").entry_points
    assert {p.name for p in points if p.group == registry.GROUP} == set(BUILT_IN)
    assert tuple(e.name for e in all_engines())[:3] == BUILT_IN
    assert engine_names() == ("auto", *BUILT_IN, "power_law")
    assert embedded() == "structured"
    for name in BUILT_IN:
        assert entry_named(name).status().name == name
    assert entry_named("structured").make().name == "structured"


@pytest.mark.usefixtures("installed")
def test_an_engine_of_another_package_is_listed_after_the_own_ones() -> None:
    engines = {e.name: e for e in all_engines()}
    assert tuple(engines)[:5] == (*BUILT_IN, "lines", "absent")
    assert json.loads(json.dumps(engines["lines"].to_json())) == {
        "name": "lines",
        "usable": True,
        "version": "2.5",
        "remedy": None,
    }
    assert "lines" in engine_names()
    # no other package takes the name of an own engine
    assert entry_named("structured").engine.startswith("dimgs.")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "why"),
    [("absent", "buy it"), ("broken", "no_such_module_here"), ("neither", "no EngineEntry")],
)
def test_engines_that_cannot_run_say_why(name: str, why: str) -> None:
    status = {e.name: e for e in all_engines()}[name]
    assert not status.usable
    assert why in str(status.remedy)
    with pytest.raises((InputError, EngineUnavailableError), match=why):
        require_engine(name)


@pytest.mark.usefixtures("installed")
def test_an_engine_of_another_package_finds_a_law() -> None:
    report = discover(line(), "y", engine="lines", time_limit=AMPLE, evaluations=50)
    assert report.engine == "lines"
    assert report.law is not None
    values = report.law.predict(line())
    np.testing.assert_allclose(
        values.to("m").magnitude, 3.0 * np.linspace(0.5, 4.0, 24) + 1.4, rtol=1e-9
    )
    lines = sys.modules["their_lines"].Lines
    _, budget, seed, guesses = lines.seen[-1]
    assert (budget.evaluations, seed, guesses) == (50, 0, ())
    # declared capabilities decide what it is given
    guess = Candidate.of(sympy.Symbol("pi_1"), engine="structured")
    assert entry_named("lines").make([guess]).guesses == [guess]  # type: ignore[attr-defined]


def test_a_name_that_is_none_is_refused_with_those_there_are() -> None:
    for refuse in (lambda: Options(engine="lines"), lambda: require_engine("lines")):
        with pytest.raises(InputError, match="choose from auto, structured, pysr, operon"):
            refuse()
