"""What predicts runs where no law does."""

import re
from dataclasses import replace

import numpy as np
import pytest

from dimgs.campaign import Budget, Plan, Range, Tolerance
from dimgs.campaign.evidence import Surrogate
from dimgs.campaign.plan import bind
from dimgs.common.errors import RunRefusedError
from dimgs.fits.smooth import SmoothCurve
from dimgs.kernels import kernel
from tests.campaign.whole import run


def wave(a: float, b: float) -> float:
    """No power law anywhere, and no short formula."""
    x = np.log(a / b)
    return float(np.exp(0.8 * np.sin(1.7 * x) + 0.3 * np.cos(x**2)))


WAVE = kernel(inputs={"a": "m", "b": "m"}, outputs={"y": "1"}, version="1")(wave)
BLOCK = kernel(inputs={"a": "m", "b": "m", "c": "m"}, outputs={"y": "1"}, version="1")(
    lambda a, b, c: a * b / c**2
)


def wave_plan(runs: int) -> Plan:
    ranges = {n: Range(1.0, 3.0, "m") for n in "ab"}
    return Plan(WAVE, "y", ranges, Budget(runs), Tolerance(exponents=0.02), report="none")


def some(runs: int, noise: float = 0.0, seed: int = 0) -> Surrogate:
    ranges = {n: Range(1.0, 3.0, "m") for n in "abc"}
    space = bind(Plan(BLOCK, "y", ranges, Budget(9), Tolerance(exponents=0.02))).space
    rng = np.random.default_rng(seed)
    z = rng.uniform(-1.0, 1.0, (runs, space.rank))
    y = np.sin(2 * z[:, 0]) + z[:, 1] ** 2 + noise * rng.normal(size=runs)
    return Surrogate(space, SmoothCurve(z, y, noise, 0.9), pool=z)


def test_intervals_hold_at_fresh_points() -> None:
    held, asked = 0, 0
    for seed in range(6):
        found = some(24, noise=0.05, seed=seed)
        z = np.random.default_rng(100 + seed).uniform(-1.0, 1.0, (100, 2))
        mean, half = found.curve.predict(z)
        held += int(np.sum(np.abs(mean - np.sin(2 * z[:, 0]) - z[:, 1] ** 2) <= half))
        asked += len(z)
    # of the curve itself, without the noise of a run: no less than the level says
    assert held / asked >= 0.87


def test_the_next_points_are_where_the_runs_say_least() -> None:
    found = some(12)
    pool = np.vstack([found.curve.z, [[3.0, 3.0]], [[-3.0, 3.0]]])
    chosen = found.curve.widest(pool, 2)
    assert {tuple(z) for z in chosen} == {(3.0, 3.0), (-3.0, 3.0)}


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_how_many_more_runs_an_error_asks_for(noise: float) -> None:
    """As many as are told bring it about within what is wanted; none do within the noise."""
    few = some(16, noise=noise)
    few = replace(few, wanted=few.error / 4.0)
    if noise:
        few = replace(few, wanted=1e-4)
        assert few.further is None
        return
    assert few.further is not None
    assert some(16 + 2 * few.further).error <= few.wanted
    assert some(16 + few.further // 8).error > few.wanted
    assert replace(few, wanted=few.error * 2.0).further == 0


def test_a_campaign_without_a_law_predicts() -> None:
    result = run(wave_plan(40))
    assert result.outcome == "predicts"
    assert result.surrogate is not None
    assert result.surrogate.error <= 0.05
    assert result.to_json()["surrogate"]["runs"] == result.surrogate.curve.runs
    rng = np.random.default_rng(3)
    errors = []
    for _ in range(60):
        values = dict(zip("ab", rng.uniform(1.0, 3.0, 2).tolist(), strict=True))
        said = result.surrogate.at(values)
        if said is not None:
            errors.append(abs(said[0] / wave(**values) - 1))
    assert np.quantile(errors, 0.9) <= 0.1
    assert all(not r.fit.verdict.confirmed for r in result.regimes if r.fit is not None)


@kernel(inputs={"a": "m", "b": "m"}, outputs={"y": "1"}, version="1")
def cut(a: float, b: float) -> float:
    """A wave that ends at a border."""
    if a > 2.0 * b:
        raise RunRefusedError("beyond the border")
    return wave(a**2.5, b**2.5)


def test_predictions_over_the_ranges_may_be_all_that_is_asked_for() -> None:
    asked = Tolerance(prediction=0.05)
    one = run(Plan(BLOCK, "y", {n: Range(1.0, 30.0, "m") for n in "abc"}, Budget(40), asked))
    assert one.outcome == "confirmed"
    assert sum(one.runs.values()) <= 8
    plan = replace(wave_plan(40), tolerance=asked)
    result = run(plan)
    assert result.outcome == "predicts"
    assert result.surrogate is not None
    assert result.surrogate.error <= 0.05
    # no run is spent on power laws once three for each unknown of one have shown none
    asked_first = [e for e in result.log if "key" in e and e["decision"] != "surrogate"]
    assert len(asked_first) <= 3 * (1 + 2) + 2


@kernel(inputs={"a": "m", "b": "m", "c": "m"}, outputs={"y": "1"}, version="1")
def bent(a: float, b: float, c: float) -> float:
    """A power law up to a step, and no law beyond."""
    return a * b / c**2 if a < 3.0 * b else 40.0 * wave((a / b) ** 0.2, (b / c) ** 0.2)


def test_a_law_predicts_in_its_part_of_the_ranges_and_a_curve_in_the_rest() -> None:
    ranges = {n: Range(1.0, 30.0, "m") for n in "abc"}
    result = run(Plan(bent, "y", ranges, Budget(60), Tolerance(prediction=0.05), report="none"))
    assert result.outcome == "predicts"
    assert result.surrogate is not None
    ((_, border),) = result.surrogate.laws
    assert border.low - 1e-9 <= np.log(3.0) <= border.high + 1e-9
    rng, errors = np.random.default_rng(4), list[float]()
    for _ in range(300):
        values = dict(zip("abc", np.exp(rng.uniform(0.0, np.log(30.0), 3)).tolist(), strict=True))
        said = result.surrogate.at(values)
        assert said is not None
        errors.append(abs(said[0] / bent(**values) - 1.0))
        if np.log(values["a"] / values["b"]) < border.low:
            assert errors[-1] < 1e-6
    assert np.quantile(errors, 0.9) <= 0.05
    (regime,) = (r for r in result.regimes if r.share > 0.3)
    assert {e.name: e.rational for e in regime.exponents} == {"a": 1, "b": 1, "c": -2}


def test_further_runs_of_a_surrogate_lie_where_runs_give_an_answer() -> None:
    result = run(replace(wave_plan(30), kernel=cut))
    further = [e for e in result.log if e["decision"] == "surrogate" and "key" in e]
    assert result.outcome == "predicts"
    assert len(further) >= 4
    assert max(e["groups"]["pi_1"] for e in further) < 2.0


def test_a_budget_too_small_for_a_surrogate_is_spent() -> None:
    result = run(wave_plan(4))
    assert result.outcome == "budget"


def test_what_a_surrogate_lacks_is_told_in_place_of_intervals_of_laws_that_do_not_hold() -> None:
    result = run(wave_plan(12))
    assert result.surrogate is not None
    assert "interval" not in result.further
    assert f"over {result.surrogate.curve.runs} runs; 0.05 is wanted" in result.further
    if result.outcome == "budget":
        assert re.search("about [0-9]+ more would do|more would hardly", result.further)


DAY, CELLS = 86_400.0, 30


@kernel(inputs={"D1": "m^2/s", "D2": "m^2/s", "l1": "m", "l2": "m", "t": "s"},
        outputs={"f": "1"}, version="1")  # fmt: skip
def barrier(D1: float, D2: float, l1: float, l2: float, t: float) -> float:
    """Part of what a layer held that has left through a functional barrier, by finite volumes."""
    size, D = np.repeat([l1 / CELLS, l2 / CELLS], CELLS), np.repeat([D1, D2], CELLS)
    between = 1.0 / (size[:-1] / D[:-1] + size[1:] / D[1:])
    out = 2.0 * np.append(between, D2 / size[-1])
    rates = np.diag(-out - np.append(0.0, out[:-1]))
    rates += np.diag(out[:-1], 1) + np.diag(out[:-1], -1)
    root = np.sqrt(size)
    values, vectors = np.linalg.eigh(rates / root[:, None] / root[None])
    start = np.where(np.arange(2 * CELLS) < CELLS, root, 0.0)
    left = root * (vectors @ (np.exp(values * t) * (vectors.T @ start)))
    return float(1.0 - left.sum() / l1)


def test_a_functional_barrier_is_predicted_from_sixty_runs() -> None:
    """No power law, and no short formula: two layers, whose fluxes meet at their border."""
    ranges = {
        "D1": Range(1e-14, 1e-13),
        "D2": Range(1e-15, 1e-14),
        "l1": Range(50.0, 200.0, "um"),
        "l2": Range(10.0, 50.0, "um"),
        "t": Range(10.0, 100.0, "day"),
    }
    plan = Plan(barrier, "f", ranges, Budget(60), Tolerance(exponents=0.02), report="none")
    result = run(plan)
    assert result.outcome == "predicts"
    assert sum(result.runs.values()) <= 60
    assert result.surrogate is not None
    rng, scale = np.random.default_rng(9), {"um": 1e-6, "day": DAY, None: 1.0}
    ends = {n: np.log([r.low * scale[r.unit], r.high * scale[r.unit]]) for n, r in ranges.items()}
    errors, inside = [], 0
    for _ in range(200):
        values = {n: float(np.exp(rng.uniform(*e))) for n, e in ends.items()}
        said, truth = result.surrogate.at(values), barrier(**values)
        assert said is not None
        errors.append(abs(said[0] / truth - 1.0))
        inside += said[1] <= truth <= said[2]
    assert np.quantile(errors, 0.9) <= 0.03
    # what it says of itself is no less than what it does
    assert np.quantile(errors, 0.9) <= result.surrogate.error
    assert inside >= 180
