"""Engines one after the other: what they are handed, what comes of it, and when they end."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sympy

from dimgs import Dataset, discover
from dimgs.discovery import clock, cross_validation
from dimgs.discovery import search as module
from dimgs.discovery.clock import Clock
from dimgs.discovery.cross_validation import left_out_predictions, unexplained
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.discovery.problem import problem_of
from dimgs.discovery.search import engine_named
from dimgs.engines.protocol import Problem, Result, SearchBudget
from dimgs.engines.refit import refit
from dimgs.engines.structured import archive
from dimgs.engines.structured import engine as structured
from dimgs.expression.candidate import Candidate
from dimgs.law.assemble import assemble
from tests.discovery.test_distil import SCALES, polymers
from tests.patience import AMPLE


def noise(n: int = 60, k: int = 3) -> Dataset:
    rng = np.random.default_rng(4)
    *inputs, y = np.exp(rng.uniform(0, 2.3, (k + 1, n)))
    columns = {f"x{i} [m]": x for i, x in enumerate(inputs)}
    return Dataset.from_columns({**columns, "y [m]": y})


class Second:
    """An engine that comes after the embedded one, and knows the law."""

    name = "pysr"
    seen: dict[str, Any]

    def __init__(self, law: Candidate, guesses: Sequence[Candidate]) -> None:
        self.law = law
        self.guesses = guesses

    def search(self, problem: Problem, budget: SearchBudget, seed: int = 0) -> Result:
        Second.seen = {"problem": problem, "guesses": self.guesses, "budget": budget}
        return Result((refit(self.law, problem),), "converged", "found", 0.0)


def test_a_second_engine_starts_from_the_first_and_from_learned_exponents(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = polymers()
    design = prepare(data, "D", SCALES).design
    role = {
        next(iter({"M", "T", "Tg"} & {n for n, _ in f.group.exponents})): f.name
        for f in design.features
        if f.group is not None and not {"T", "Tg"} <= {n for n, _ in f.group.exponents}
    }
    ratio = next(
        f for f in design.features if f.group is not None and f.group.get("Tg") and f.group.get("T")
    )
    assert ratio.group is not None
    m, t, q = (sympy.Symbol(s) for s in (role["M"], role["T"], ratio.name))
    tg = t / q if ratio.group.get("T") > 0 else t * q
    a, b, c, d = sympy.symbols("a b c d")
    start = {"a": 139.0, "b": 41.0, "c": 1e-9, "d": 0.11}
    law = Candidate.of(c * (m / d) ** -(1 + a / (b + t - tg)), start, engine="pysr")

    def named(name: str, guesses: Sequence[Candidate] = ()) -> Any:
        return Second(law, guesses) if name == "pysr" else engine_named(name, guesses)

    monkeypatch.setattr(module, "_engines", lambda name: ["structured", "pysr"])
    monkeypatch.setattr(module, "engine_named", named)
    options = Options(scales=SCALES.scales, evaluations=20)
    power = assemble(design, c * m**-2, {"c": 1.0}, 0.9)
    found = module.search(design, options, power, Clock.of(AMPLE))
    problem = Second.seen["problem"]
    assert np.ptp(problem.fields[role["M"]]) > 0.5
    assert Second.seen["guesses"]
    assert {g.engine for g in Second.seen["guesses"]} == {"structured"}
    assert found.engine == "pysr"
    assert found.law is not None
    fitted = sorted(x.value for x in found.law.constants if x.origin == "fitted")
    assert fitted == pytest.approx([1e-9, 0.1, 40.0, 140.0])
    # the fronts are merged
    assert {g.engine for g in found.candidates} == {"structured", "pysr"}


def test_a_second_engine_does_not_displace_what_predicts_better(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.5, 3, (2, 60))
    z = (x + 2 * y) * np.exp(0.05 * rng.normal(size=60))
    table = Dataset.from_columns({"x [m]": x, "y [m]": y, "z [m]": z})
    design = prepare(table, "z", Options()).design
    (name,) = (f.name for f in design.features)
    pi, c = sympy.Symbol(name), sympy.Symbol("c")
    # it follows the runs that it sees, and fewer bits are claimed for it
    worse = Candidate.of(c * sympy.exp(pi / 100), {"c": 3.0}, engine="pysr")

    def named(engine: str, guesses: Sequence[Candidate] = ()) -> Any:
        return Second(worse, guesses) if engine == "pysr" else engine_named(engine, guesses)

    monkeypatch.setattr(module, "_engines", lambda _: ["structured", "pysr"])
    monkeypatch.setattr(module, "engine_named", named)
    monkeypatch.setattr(
        "dimgs.engines.selection.candidate_bits", lambda found, problem: float(found.complexity)
    )
    monkeypatch.setattr(module, "_is_enough", lambda *_: False)
    power = assemble(design, c * pi, {"c": 1.0}, 0.9)
    found = module.search(design, Options(evaluations=300), power, Clock.of(AMPLE))
    assert found.engine == "structured"
    assert found.law is not None
    assert found.left_out is not None
    assert found.left_out > 0.9
    assert str(worse) in {str(c) for c in found.candidates[1:]}


def test_constants_that_depend_on_the_runs_left_out_give_way_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0.5, 4.0, 30)
    y = (1.0 + 2.0 * x) * np.exp(0.02 * rng.normal(size=30))
    design = prepare(Dataset.from_columns({"x [1]": x, "y [1]": y}), "y", Options()).design
    a, b, pi = sympy.symbols("a b pi_1")
    power = assemble(design, a * pi, {"a": 2.0}, 0.9)
    problem, unlogged = problem_of(design)
    forms = (a + b * pi + pi**2 / 1000, a + b * pi, a + b * pi - pi**2 / 1000)
    front = tuple(refit(Candidate.of(f, {"a": 1.0, "b": 2.0}), problem) for f in forms)
    results = {"structured": Result(front, "converged", "found", 0.0)}

    def first(shaky: Sequence[int]) -> str:
        monkeypatch.setattr(
            module,
            "is_stable",
            lambda design, law, left_out: str(law.pi_expression) not in texts(shaky),
        )
        found = module.chosen(design, Options(), power, problem, results, unlogged, Clock.of(AMPLE))
        assert found.law is not None
        return str(found.law.pi_expression)

    def texts(which: Sequence[int]) -> set[str]:
        return {str(forms[k]) for k in which}

    assert first([]) in texts([0])
    assert first([0]) in texts([1])
    assert first([0, 1]) in texts([2])
    # where none is stable, the first is as good as any
    assert first([0, 1, 2]) in texts([0])


def test_no_second_engine_where_the_first_is_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_engines", lambda name: ["structured", "pysr"])
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.5, 3, (2, 60))
    table = Dataset.from_columns({"x [m]": x, "y [m]": y, "z [m]": x + 2 * y})
    report = discover(table, "z", evaluations=2000, time_limit=AMPLE)
    assert report.engine == "structured"
    assert report.confirmed


def test_an_interrupted_search_gives_the_best_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    from dimgs.engines.structured.archive import Archive

    added = Archive.add
    calls = 0

    def interrupted(self: Archive, tree: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 60:
            raise KeyboardInterrupt
        return added(self, tree)

    monkeypatch.setattr(Archive, "add", interrupted)
    report = discover(noise(), "y", time_limit=AMPLE, scales="auto")
    assert calls == 60
    assert report.candidates


@pytest.mark.parametrize("engine", ["structured", "auto"])
def test_a_time_limit_holds_for_the_whole(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that only fits move: whatever else is done, few are made once it is over."""
    fits = 0

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            nonlocal fits
            fits += 1
            return function(*arguments, **more)

        return call

    for place, name in ((archive, "polish"), (cross_validation, "refit")):
        monkeypatch.setattr(place, name, counted(getattr(place, name)))
    ticking = SimpleNamespace(monotonic=lambda: 0.02 * fits)
    monkeypatch.setattr(clock, "time", ticking)
    for part in (archive, structured):
        monkeypatch.setattr(part, "monotonic", ticking.monotonic)
    report = discover(noise(60), "y", engine=engine, time_limit=2.0)
    assert 50 < fits < 200
    assert report.outcome == "no_candidate"
    assert not report.confirmed


def test_folds_without_time_are_told_from_the_slopes() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.5, 3, (2, 40))
    z = (x + 2 * y) * np.exp(0.02 * rng.normal(size=40))
    table = Dataset.from_columns({"x [m]": x, "y [m]": y, "z [m]": z})
    design = prepare(table, "z", Options()).design
    (name,) = (f.name for f in design.features)
    pi = sympy.Symbol(name)
    pi = pi if design.features[0].group and design.features[0].group.get("x") < 0 else 1 / pi
    a, b = sympy.symbols("a b")
    response = design.basis.response
    assert response is not None
    expression = a + b * pi if response.get("x") == -1 else a / pi + b
    law = assemble(design, expression, {"a": 1.0, "b": 2.0}, 0.9)
    slow = left_out_predictions(design, law, 0)
    fast = left_out_predictions(design, law, 0, Clock.of(-1.0))
    np.testing.assert_allclose(fast, slow, rtol=5e-3)
    assert not np.array_equal(fast, slow)


def test_what_still_depends_on_the_groups_is_not_confirmed() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.uniform(0.1, 10, (2, 80))
    scatter = np.exp(0.01 * rng.normal(size=80))
    for z, good in ((3 * x**0.5 * y**0.5, True), (x + 2 * y, False)):
        table = Dataset.from_columns({"x [m]": x, "y [m]": y, "z [m]": z * scatter})
        report = discover(table, "z", engine="power_law")
        design = prepare(table, "z", Options()).design
        assert report.law is not None
        assert module._is_enough(design, report.law, 0) == good
        assert (unexplained(design, report.law) < 0.05) == good
        assert report.confirmed == good
        if not good:
            assert "it is not the whole law" in str(report)


@pytest.mark.parametrize("hurried", [False, True])
def test_the_score_of_a_law_is_that_of_the_predictions_it_is_shown_with(
    hurried: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(5)
    x = np.exp(rng.uniform(-2.0, 2.0, 48))
    site = np.array(["a", "b", "c", "d"])[np.argsort(np.argsort(x)) // 12]
    y = (1.0 + 0.3 * x**1.5) * np.exp(0.05 * rng.normal(size=48))
    data = Dataset.from_columns({"x [m]": x, "h [m]": np.ones(48), "y [m]": y, "site": site})
    if hurried:
        # no time is left for refits when engines end
        late = Clock.of(0.0)
        monkeypatch.setattr(
            module,
            "left_out_predictions",
            lambda design, law, seed, clock: left_out_predictions(design, law, seed, late),
        )
    report = discover(data, "y", split_by="site", engine="structured", evaluations=300)
    assert report.law is not None
    assert report.fit is not None
    assert report.law.scores.r2_log != report.fit.law.scores.r2_log
    measured, left_out = np.log(report.measured), np.log(report.left_out)
    score = 1 - np.sum((measured - left_out) ** 2) / np.sum((measured - measured.mean()) ** 2)
    assert report.law.scores.cv_r2_log == pytest.approx(score, abs=1e-9)
