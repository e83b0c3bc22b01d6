"""Residuals that follow what is no input: labels that take no part, and the order of the rows."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs import discover, fit
from dimgs.common.arrays import Array
from dimgs.dataset import Dataset
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.fits.design import Design
from dimgs.judgement.residual_structure import (
    ResidualSummary,
    beside_label,
    drift,
    followed_label,
)

pytestmark = pytest.mark.filterwarnings("ignore::dimgs.DimgsWarning")


def _drag(
    seed: int, runs: int = 24, labels: Sequence[str] = ("Graz", "Oslo"), by: str = ""
) -> tuple[Design, Array]:
    """A design of drag forces with labels at random, sorted by a column, and its noise."""
    rng = np.random.default_rng(seed)
    U, A = np.exp(rng.uniform(0, 2, (2, runs)))
    noise = 0.02 * rng.standard_normal(runs)
    columns = {"rho [kg/m^3]": np.full(runs, 1.2), "A [m^2]": A, "U [m/s]": U}
    columns |= {"F [N]": 0.6 * 1.2 * A * U**2 * np.exp(noise)}
    columns |= {"lab": rng.permutation(np.resize(np.array(labels), runs))}
    order = np.argsort(columns[by]) if by else np.arange(runs)
    table = Dataset.from_columns({name: column[order] for name, column in columns.items()})
    return prepare(table, "F", Options()).design, noise[order]


@pytest.mark.parametrize("labels", [("a", "b"), ("a", "b", "c", "d")])
def test_clean_tables_follow_neither_labels_nor_rows(labels: Sequence[str]) -> None:
    found = [
        (followed_label(*case)[0], drift(*case))
        for case in (_drag(s, 20, labels) for s in range(200))
    ]
    assert sum(bool(label) for label, _ in found) <= 1
    assert sum(share > 0 for _, share in found) <= 1


@given(st.integers(0, 10**6), st.floats(0.1, 1.0), st.permutations(["x", "y"]))
@settings(max_examples=25, deadline=None)
def test_labels_are_followed_under_any_names_order_and_scale(
    seed: int, size: float, names: list[str]
) -> None:
    design, noise = _drag(seed, labels=names)
    residuals = noise + size * (design.data["lab"] == "x")
    label, share = followed_label(design, residuals)
    assert label == "lab"
    assert 0.5 < share <= 1.0
    order = np.random.default_rng(seed).permutation(len(noise))
    for other in (residuals[order] * 7.0, -residuals[order]):
        again = followed_label(design.take(order), other)
        assert again[0] == "lab"
        assert again[1] == pytest.approx(share)
    assert beside_label(design, residuals).within is not None
    assert followed_label(beside_label(design, residuals), residuals)[0] == ""


@given(st.integers(0, 10**6), st.sampled_from([-1.0, 1.0]))
@settings(max_examples=25, deadline=None)
def test_a_drift_is_found_however_the_runs_are_ordered_afterwards(seed: int, sign: float) -> None:
    design, noise = _drag(seed)
    residuals = noise + sign * 0.01 * np.arange(len(noise))
    share = drift(design, residuals)
    order = np.random.default_rng(seed).permutation(len(noise))
    assert drift(design.take(order), residuals[order]) == pytest.approx(share)
    # some orders rise with an input, and then nothing can be said
    assert share == 0.0 or share > 0.3


def test_most_drifts_are_found_in_a_random_order() -> None:
    shares = [drift(d, e + 0.01 * np.arange(len(e))) for d, e in (_drag(s) for s in range(50))]
    assert sum(share > 0.5 for share in shares) >= 45


@pytest.mark.parametrize("by", ["U [m/s]", "F [N]"])
def test_rows_that_are_sorted_say_nothing_of_a_drift(by: str) -> None:
    for seed in range(30):
        design, noise = _drag(seed, by=by)
        assert drift(design, noise + 0.01 * np.arange(len(noise))) == 0.0
        assert drift(design, noise) == 0.0


def test_one_outlying_run_is_no_label() -> None:
    for seed in range(20):
        design, noise = _drag(seed, labels=("a", "a", "a", "a", "a", "b"))
        noise[np.flatnonzero(design.data["lab"] == "b")[0]] += 1.0
        assert followed_label(design, noise)[0] == ""


def _labs(units: float = 1.0) -> dict[str, object]:
    rng = np.random.default_rng(2)
    d, dp = rng.uniform(5e-3, 2e-2, 20), rng.uniform(1e3, 5e4, 20)
    flow = 0.49 * d**2 * np.sqrt(2 * dp / 998.0) * np.exp(0.02 * rng.standard_normal(20))
    operator = np.repeat(["A", "B"], [12, 8])
    written = np.where(operator == "B", dp / units, dp)
    return {
        "d [m]": d,
        "dp [Pa]": written,
        "rho [kg/m^3]": np.full(20, 998.0),
        "Q [m^3/s]": flow,
        "operator": operator,
    }


def test_a_law_whose_residuals_follow_labels_is_not_confirmed() -> None:
    table = Dataset.from_columns(_labs(1.4))
    report = discover(table, "Q", effort="quick")
    assert not report.confirmed
    assert any("'operator'" in reason and "within" in reason for reason in report.why_not)
    assert discover(table, "Q", effort="quick", within="operator").confirmed
    assert discover(Dataset.from_columns(_labs()), "Q", effort="quick").confirmed


def test_another_unit_of_one_operator_is_no_hidden_scale() -> None:
    warnings = fit(_labs(6.895), "Q").warnings
    assert not any("scale is missing" in w for w in warnings)
    assert any("'operator' disagree" in w for w in warnings)


def _repeated(seed: int, between: float, bend: float = 0.0) -> dict[str, Array]:
    """Six repeats of five settings, which share an error or do not."""
    rng = np.random.default_rng(seed)
    x = np.repeat(10 ** np.linspace(0, 2, 5), 6)
    shared = np.repeat(between * rng.standard_normal(5), 6)
    noise = 0.005 * rng.standard_normal(30)
    return {"x [m]": x, "y [s]": 2 * np.sqrt(x) * np.exp(shared + noise + bend * np.log(x) ** 2)}


def test_intervals_are_those_of_settings_where_repeats_share_an_error() -> None:
    fits = [fit(_repeated(seed, 0.08), "y", scales="auto") for seed in range(20)]
    # in a few tables the shared errors happen to lie along a power law
    warned = [any("repeats count as one run" in w for w in f.warnings) for f in fits]
    assert sum(warned) >= 17
    exponents = [f.variable_exponents[0] for f in fits]
    assert sum(e.low <= 0.5 <= e.high for e in exponents) >= 16


def test_settings_whose_repeats_share_an_error_show_no_missing_constant() -> None:
    rng = np.random.default_rng(1)
    mass, stiffness = np.repeat([[0.05, 0.1, 0.2] * 2, [12.0] * 3 + [30.0] * 3], 4, axis=1)
    error = np.repeat(0.05 * rng.standard_normal(6), 4) + 0.004 * rng.standard_normal(24)
    period = 2 * np.pi * np.sqrt(mass / stiffness) * np.exp(error)
    data = Dataset.from_columns({"m [kg]": mass, "k [N/m]": stiffness, "T [s]": period})
    summary = ResidualSummary.of(prepare(data, "T", Options()).design, error - error.mean())
    assert (summary.settings, summary.follows, summary.drift) == (6, "", 0.0)


def test_independent_repeats_stay_runs_and_a_bend_makes_intervals_wide() -> None:
    for seed in range(20):
        warnings = fit(_repeated(seed, 0.0), "y", scales="auto").warnings
        assert not any("repeats count" in w for w in warnings)
    bent = fit(_repeated(0, 0.0, 0.02), "y", scales="auto")
    assert any("repeats count as one run" in w for w in bent.warnings)
