"""Probabilities: they sum to one, forms of one law are one law, the data decide."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs import Dataset, discover
from dimgs.common.arrays import Array
from dimgs.discovery.next_runs import propose
from dimgs.judgement.posterior import (
    density_of_a_run,
    extensions,
    gain_per_bit,
    none_of_these,
    support,
    traits,
    weights,
)
from dimgs.report.results import Report

AMPLE: dict[str, Any] = {"engine": "structured", "evaluations": 300, "time_limit": 3600.0}


def shared(density: Array, bits: Array, laws: list[int]) -> Array:
    return weights(density, bits, laws)[0]


FORMS = st.lists(
    st.tuples(st.floats(-1e6, 1e6), st.floats(0.0, 99.0), st.integers(0, 4)), min_size=1, max_size=9
)


@given(FORMS)
def test_probabilities_of_the_forms_sum_to_one(forms: list[tuple[float, float, int]]) -> None:
    density, bits = (np.array(x) for x in list(zip(*forms, strict=True))[:2])
    common = shared(density, bits, [k for _, _, k in forms])
    assert len(common) == len(forms)
    assert sum(common) == pytest.approx(1.0)
    assert all(p >= 0 for p in common)


@given(st.integers(1, 9), st.floats(1.0, 30.0), st.floats(-0.9, 0.9))
def test_extensions_weigh_no_more_for_being_listed(n: int, more: float, gain: float) -> None:
    one, other = (
        shared(
            np.array([0.0] + [gain] * k), np.array([10.0] + [10.0 + more] * k), list(range(k + 1))
        )
        for k in (1, n)
    )
    if one[0] > 0.5:
        assert other[0] == pytest.approx(one[0])
    # laws that the runs distinguish count each
    seen = shared(np.array([0.0] + [4.0] * n), np.array([0.0] + [30.0] * n), list(range(n + 1)))
    assert seen[1:].sum() / seen[0] == pytest.approx(n * seen[1] / seen[0])
    assert n == 1 or seen[1:].sum() > 1.5 * seen[1]


def test_extensions_are_no_reason_to_doubt_a_law() -> None:
    density, bits, laws = np.array([0.0, 0.1, -4.0]), np.array([10.0, 16.0, 8.0]), [0, 1, 2]
    longer = extensions(density, bits, laws)
    weight, rivals = weights(density, bits, laws)
    assert longer.tolist() == [False, True, False]
    expected = weight[2] / (weight[0] + weight[2])
    assert rivals == pytest.approx(expected)


def test_extensions_of_a_simple_form_are_those_of_its_law() -> None:
    """Fitted and simple exponents: a term beside the latter follows no better than the former."""
    density, bits = np.array([5.3, 0.0, 2.0]), np.array([28.0, 21.0, 33.0])
    laws = [0, 0, 1]
    assert extensions(density, bits, laws).tolist() == [False, False, True]
    # of a form that is no longer probable it says nothing
    assert not extensions(density, bits + np.array([0.0, 9.0, 0.0]), laws).any()


@given(FORMS, st.integers(0, 8), st.floats(0.1, 50.0))
def test_a_law_gains_over_all_shorter_ones(
    forms: list[tuple[float, float, int]], k: int, lead: float
) -> None:
    density, bits = (np.array(x) for x in list(zip(*forms, strict=True))[:2])
    laws = [law for _, _, law in forms]
    gain = gain_per_bit(density, bits, laws)
    assert 0.1 <= gain <= 10.0
    # the order of the forms plays no part
    turned = [(i + k) % len(forms) for i in range(len(forms))]
    assert gain_per_bit(density[turned], bits[turned], [laws[i] for i in turned]) == gain
    # a shorter law that is nearer than all others lowers the gain
    best = int(np.argmax(density - np.log(2) * bits))
    near = np.r_[density, density[best] - 0.75 * lead], np.r_[bits, bits[best] - lead]
    assert gain_per_bit(*near, [*laws, 9]) <= min(gain, 0.75) + 1e-9


@given(
    st.floats(1e-12, 1.0),
    st.floats(0.0, 0.9),
    st.floats(0.0, 200.0),
    st.floats(0.2, 10.0),
    st.integers(6, 60),
)
def test_none_is_more_probable_where_more_is_left_or_doubted(
    chance: float, others: float, bits: float, gain: float, n: int
) -> None:
    left, more = support(np.array([chance, chance / 10])).tolist()
    assert 0.0 < more <= left <= 1.0
    known = none_of_these(traits(others, bits, 3.0, gain, n), left)
    assert none_of_these(traits(others, bits, 3.0, gain, n), more) >= known
    for worse in (
        traits(others + 0.1, bits, 3.0, gain, n),
        traits(others, bits + 10.0, 3.0, gain, n),
        traits(others, bits, 2.0, gain, n),
        traits(others, bits, 3.0, gain / 2, n),
        traits(others, bits, 3.0, gain, n - 1),
    ):
        assert none_of_these(worse, left) >= known
    # close to 1 the doubts have no room
    if known < 0.999:
        assert none_of_these(traits(others + 0.1, bits + 90.0, 3.0, gain, n), left) > known
    # a law that follows the runs to rounding is not one of many
    exact = [none_of_these(traits(others, b, 22.0, gain, n), left) for b in (20.0, 80.0)]
    assert exact[0] == exact[1] < none_of_these(traits(others, 80.0, 3.0, gain, n), left)


def test_odds_are_those_of_densities_and_prices_over_the_fitted_temperature() -> None:
    # the temperature that the discoveries of the development half gave, and prices in bits
    two, _ = weights(np.array([0.0, -1.5 * np.log(9)]), np.zeros(2), [0, 1])
    assert two[0] / two[1] == pytest.approx(9.0)
    gain = 5.0 * np.log(2) + 1.5 * np.log(9)
    two, _ = weights(np.array([gain, 0.0]), np.array([5.0, 0.0]), [0, 1])
    assert two[0] / two[1] == pytest.approx(9.0)


def runs(n: int, noise: float, seed: int = 0, high: float = 3.0) -> Dataset:
    rng = np.random.default_rng(seed)
    x, y = np.exp(rng.uniform(-1.0, np.log(high), (2, n)))
    z = x * y / (x + y) * np.exp(noise * rng.standard_normal(n))
    return Dataset.from_columns({"x [m]": x, "y [m]": y, "z [m]": z})


@pytest.fixture(scope="module")
def report() -> Report:
    return discover(runs(60, 0.02), "z", **AMPLE)


def test_the_true_law_is_first_believed_and_confirmed(report: Report) -> None:
    assert report.probability is not None
    assert report.probability > 0.9
    assert report.confirmed
    data = runs(20, 0.0, 5, 30.0)
    assert report.law is not None
    assert report.law.predict_si(data) == pytest.approx(np.asarray(data["z"]), rel=0.02)


def test_rivals_and_none_hold_the_rest(report: Report) -> None:
    assert report.probability is not None
    total = report.probability + report.none_of_these + sum(r.probability for r in report.rivals)
    assert total <= 1.0 + 1e-9
    document = report.to_json()
    assert document["probability"] == report.probability
    assert document["none_of_these"] == report.none_of_these
    assert len(document["rivals"]) == len(report.rivals)


def test_few_noisy_runs_leave_rivals_and_runs_that_would_decide() -> None:
    report = discover(runs(10, 0.15, 1), "z", **AMPLE)
    assert report.probability is not None
    assert report.probability < 0.9
    assert not report.confirmed
    assert any("robability" in text for text in report.why_not)
    assert report.rivals
    for rival in report.rivals:
        assert 0 < rival.probability < 0.9
        assert set(rival.differs_most) <= {"x", "y"}
    proposed = report.next_runs(3, {"x": "10..2000 mm"})
    assert len(proposed.runs) == 3
    for run in proposed.runs:
        x = run.inputs["x"]
        assert not isinstance(x, str)
        assert 0.01 * (1 - 1e-9) <= x[0] <= 2.0 * (1 + 1e-9)
        assert len(run.predicted) == len(proposed.rivals) == 1 + len(report.rivals)

    # a law without rivals that is not believed is told from those that follow
    alone = replace(report, rivals=())
    others = propose(alone, 1, others=lambda: report.rivals)
    assert len(others.rivals) == 1 + min(2, len(report.rivals))
    assert others.runs[0].information > 0
    sure = replace(alone, why_not=(), outcome="converged")
    assert len(propose(sure, 1, others=lambda: report.rivals).rivals) == 1


@pytest.mark.parametrize("seed", [0, 1])
def test_noise_alone_confirms_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y, z = np.exp(rng.standard_normal((3, 30)))
    data = Dataset.from_columns({"x [m]": x, "y [m]": y, "z [m]": z})
    assert not discover(data, "z", engine="structured", evaluations=60, time_limit=3600.0).confirmed


@given(st.floats(-5.0, 20.0), st.floats(0.0, 3.0), st.floats(0.0, 3.0), st.integers(3, 100))
def test_the_less_the_target_varies_the_less_is_sure(
    usual: float, one: float, other: float, dof: int
) -> None:
    narrow, wide = (density_of_a_run(usual, spread) for spread in sorted([one, other]))
    assert narrow <= wide <= usual
    sure = [none_of_these(traits(0.1, 20.0, each, 1.0, dof)) for each in (narrow, wide)]
    assert sure[0] >= sure[1]


def mass_ratios(low: float, high: float, power: float | None = None) -> Dataset:
    """Radii of the lobes of double stars by Eggleton (1983), or by a power of the ratio."""
    rng = np.random.default_rng(3)
    q, apart = np.exp(rng.uniform(np.log(low), np.log(high), 30)), rng.uniform(1.0, 5.0, 30)
    lobe = 0.49 * q ** (2 / 3) / (0.6 * q ** (2 / 3) + np.log1p(q ** (1 / 3)))
    radius = apart * (lobe if power is None else q**power) * np.exp(0.01 * rng.normal(size=30))
    return Dataset.from_columns({"q [1]": q, "a [Gm]": apart, "r [Gm]": radius})


@pytest.mark.parametrize(
    ("low", "high", "power", "is_local"),
    [(0.8, 1.1, None, True), (0.1, 10.0, 0.37, False)],
)
def test_a_fitted_exponent_over_a_narrow_range_is_no_law(
    low: float, high: float, power: float | None, is_local: bool
) -> None:
    report = discover(mass_ratios(low, high, power), "r", engine="structured", evaluations=100)
    assert report.confirmed != is_local
    if is_local:
        assert any("follow the runs alike" in text for text in report.why_not)
    else:
        assert report.law is not None
        assert 0.36 < float(report.law.elasticities({"q": 1.0, "a": 1.0})["q"]) < 0.38


@pytest.mark.parametrize(("low", "high"), [(0.8, 1.1), (0.1, 10.0)])
def test_a_fitted_exponent_in_a_term_of_a_sum_is_a_slope_too(low: float, high: float) -> None:
    rng, is_local = np.random.default_rng(3), high < 2.0 * low
    q, r = np.exp(rng.uniform(np.log(low), np.log(high), 40)), np.exp(rng.uniform(-2.0, 2.0, 40))
    term = np.exp(2.37 * q) if is_local else q**2.37
    y = (1 / r + 0.3 * term) * np.exp(0.01 * rng.normal(size=40))
    table = Dataset.from_columns({"q [1]": q, "r [1]": r, "y [1]": y})
    report = discover(table, "y", engine="structured", evaluations=60, form="1/r + a*q**b")
    assert report.confirmed != is_local
    assert is_local == any("follow the runs alike" in text for text in report.why_not)
