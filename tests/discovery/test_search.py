"""Engines one after the other: what they are handed, what comes of it, and when they end."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dimgs import Dataset, discover
from dimgs.common.arrays import Array
from dimgs.discovery import scoring, search
from dimgs.discovery import study as module
from dimgs.discovery.judgement import judge
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.discovery.scoring import residual_summary
from dimgs.discovery.study import run_engine, study_of_power_law, without_collinear
from dimgs.engines import protocol
from dimgs.engines.protocol import Clock, Problem, Result, SearchBudget
from dimgs.engines.refit import refit
from dimgs.engines.registry import entry_named
from dimgs.engines.structured import archive
from dimgs.engines.structured import engine as structured
from dimgs.expression.candidate import Candidate
from tests.discovery.test_varying_exponents import SCALES, polymers
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


def followed_by(law: Candidate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an engine that knows a law come after the embedded one."""

    def named(name: str) -> Any:
        if name != "pysr":
            return entry_named(name)
        return SimpleNamespace(make=lambda known: Second(law, known))

    monkeypatch.setattr(search, "usable_engines", lambda _: ["structured", "pysr"])
    monkeypatch.setattr(module, "entry_named", named)


def test_a_second_engine_starts_from_the_first(
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

    options = Options(scales=SCALES.scales, evaluations=20)
    followed_by(law, monkeypatch)
    first = study_of_power_law(prepare(data, "D", SCALES), options)
    first = run_engine(first, "structured", AMPLE, options, Clock.of(AMPLE))
    both = run_engine(first, "pysr", AMPLE, options, Clock.of(AMPLE))
    study = judge(both, options, Clock.of(AMPLE))
    assert Second.seen["guesses"]
    assert {g.engine for g in Second.seen["guesses"]} == {"structured"}
    assert study.engine == "pysr"
    fitted = sorted(x.value for x in study.law.constants if x.origin == "fitted")
    assert fitted == pytest.approx([1e-9, 0.1, 40.0, 140.0])
    # the fronts are merged
    assert {g.engine for g in study.candidates} == {"structured", "pysr"}


def test_a_second_engine_does_not_displace_what_predicts_better(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.5, 3, (2, 60))
    z = (x + 2 * y) * np.exp(0.05 * rng.normal(size=60))
    table = Dataset.from_columns({"x [m]": x, "y [m]": y, "z [m]": z})
    known = prepare(table, "z", Options())
    (name,) = (f.name for f in known.design.features)
    pi, c = sympy.Symbol(name), sympy.Symbol("c")
    # it follows the runs that it sees, and fewer bits are claimed for it
    worse = Candidate.of(c * sympy.exp(pi / 100), {"c": 3.0}, engine="pysr")
    followed_by(worse, monkeypatch)
    monkeypatch.setattr(
        "dimgs.engines.refit.candidate_bits", lambda study, problem: float(study.complexity)
    )
    first = study_of_power_law(known, Options())
    first = run_engine(first, "structured", AMPLE, Options(evaluations=300), Clock.of(AMPLE))
    both = run_engine(first, "pysr", AMPLE, Options(), Clock.of(AMPLE))
    assert str(worse) in {str(c) for c in both.candidates}
    study = judge(both, Options(), Clock.of(AMPLE))
    assert study.engine == "structured"
    assert study.cv_r2 is not None
    assert study.cv_r2 > 0.9


def test_no_second_engine_where_the_first_is_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "usable_engines", lambda _: ["structured", "pysr"])
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.5, 3, (2, 60))
    table = Dataset.from_columns({"x [m]": x, "y [m]": y, "z [m]": x + 2 * y})
    report = discover(table, "z", evaluations=60, time_limit=AMPLE)
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

    for place, name in ((archive, "polish"), (scoring, "refit")):
        monkeypatch.setattr(place, name, counted(getattr(place, name)))
    ticking = SimpleNamespace(monotonic=lambda: 0.02 * fits)
    monkeypatch.setattr(protocol, "time", ticking)
    for part in (archive, structured):
        monkeypatch.setattr(part, "monotonic", ticking.monotonic)
    report = discover(noise(60), "y", engine=engine, time_limit=2.0)
    assert 50 < fits < 200
    assert report.outcome == "no_candidate"
    assert not report.confirmed


def test_what_still_depends_on_the_groups_is_not_confirmed() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.uniform(0.1, 10, (2, 80))
    scatter = np.exp(0.01 * rng.normal(size=80))
    for z, good in ((3 * x**0.5 * y**0.5, True), (x + 2 * y, False)):
        table = Dataset.from_columns({"x [m]": x, "y [m]": y, "z [m]": z * scatter})
        report = discover(table, "z", engine="power_law", evaluations=20)
        design = prepare(table, "z", Options()).design
        assert report.law is not None
        assert (residual_summary(design, report.law).unexplained < 0.05) == good
        assert report.confirmed == good
        if not good:
            assert "it is not the whole law" in str(report)


def test_the_score_of_a_law_is_that_of_the_predictions_it_is_shown_with() -> None:
    rng = np.random.default_rng(5)
    x = np.exp(rng.uniform(-2.0, 2.0, 48))
    site = np.array(["a", "b", "c", "d"])[np.argsort(np.argsort(x)) // 12]
    y = (1.0 + 0.3 * x**1.5) * np.exp(0.05 * rng.normal(size=48))
    data = Dataset.from_columns({"x [m]": x, "h [m]": np.ones(48), "y [m]": y, "site": site})
    report = discover(data, "y", split_by="site", engine="structured", evaluations=300)
    assert report.law is not None
    assert report.fit is not None
    assert report.law.scores.r2_log != report.fit.law.scores.r2_log
    measured, left_out = np.log(report.measured), np.log(report.left_out)
    score = 1 - np.sum((measured - left_out) ** 2) / np.sum((measured - measured.mean()) ** 2)
    assert report.law.scores.cv_r2_log == pytest.approx(score, abs=1e-9)


@given(
    arrays(np.int64, (2, 2), elements=st.integers(-2, 2)),
    arrays(np.float64, 2, elements=st.floats(0.01, 100.0)),
    st.permutations(range(4)),
)
def test_groups_that_say_the_same_in_every_run_are_searched_once(
    powers: Array, numbers: Array, order: list[int]
) -> None:
    logs = np.random.default_rng(0).normal(size=(20, 2))
    columns = [*np.exp(logs.T), *(numbers[:, None] * np.exp(powers @ logs.T))]
    groups = {f"pi_{k + 1}": columns[j] for k, j in enumerate(order)}
    problem = Problem(groups, np.ones(20))
    fewer = without_collinear(problem)
    centred = np.column_stack([np.log(x) - np.log(x).mean() for x in fewer.groups.values()])
    varying = [x for x in fewer.groups.values() if np.ptp(np.log(x)) > 1e-9]
    assert len(varying) == np.linalg.matrix_rank(centred, tol=1e-6) == 2


def test_a_law_is_found_where_inputs_that_never_varied_tie_groups_together() -> None:
    rng = np.random.default_rng(0)
    h, L = np.exp(rng.uniform(np.log([[5.0], [0.01]]), np.log([[500.0], [0.5]]), (2, 40)))
    p, k, a = 0.05, 150.0, 2e-4
    held = {"p [m]": p, "k [W/(m*K)]": k, "a [m^2]": a, "dT [K]": 40.0}
    flow = np.sqrt(h * p * k * a) * 40.0 * np.tanh(L * np.sqrt(h * p / (k * a)))
    table = {"h [W/(m^2*K)]": h, "L [m]": L, **held, "Q [W]": flow}
    report = discover(Dataset.from_columns(table), "Q", engine="structured", time_limit=AMPLE)
    assert report.confirmed
    assert report.law is not None
    h_new, L_new = 60.0, 0.02
    at = {n.split(" [")[0]: np.full(1, x) for n, x in held.items()}
    said = report.law.predict_si({"h": np.full(1, h_new), "L": np.full(1, L_new), **at})
    truth = np.sqrt(h_new * p * k * a) * 40.0 * np.tanh(L_new * np.sqrt(h_new * p / (k * a)))
    assert said == pytest.approx(truth, rel=1e-9)
