"""Known limits in a fit: kept beyond the runs, told where the runs contradict them."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dimgs
from dimgs.common.errors import InputError
from dimgs.dataset import Dataset
from dimgs.discovery.limits import LimitedRuns, read_limits
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare

SMALL: dict[str, Any] = {
    "target": "m", "group": "D*t/l^2", "at": 0, "input": "t", "exponent": 0.5, "beyond": 0.04,
    "miss": 0.02,
}  # fmt: skip
LARGE: dict[str, Any] = {**SMALL, "at": "inf", "exponent": 0, "beyond": 25.0}


def uptake(fourier: Any) -> Any:
    """Grows as the square root first, and then no more."""
    return 2.0 * np.sqrt(fourier / (1.0 + fourier))


def table(low: float, high: float, n: int = 50, noise: float = 0.005) -> dict[str, Any]:
    rng = np.random.default_rng(2)
    D, l = 10.0 ** rng.uniform([-14.0, -4.5], [-12.0, -3.5], (n, 2)).T
    fourier = 10.0 ** rng.uniform(low, high, n)
    m = uptake(fourier) * np.exp(noise * rng.standard_normal(n))
    return {"D [m^2/s]": D, "l [m]": l, "t [s]": fourier * l**2 / D, "m [1]": m}


def at(fourier: list[float]) -> dict[str, Any]:
    F = np.array(fourier)
    return {"D": np.full(len(F), 1e-13), "l": np.full(len(F), 1e-4), "t": F * 1e-8 / 1e-13}


def fitted(data: dict[str, Any], limits: Any, **more: Any) -> tuple[Any, list[str]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = dimgs.fit(data, "m", limits=limits, **more)
    return result, [w for w in result.warnings if "The limit" in w]


BELOW, ABOVE = (-1.7, -0.2, SMALL, [1e-3, 1e-5]), (0.0, 1.7, LARGE, [1e2, 1e4])


@pytest.mark.parametrize(
    ("low", "high", "limit", "far", "more"),
    [
        (*BELOW, {}),
        (*ABOVE, {}),
        (*BELOW, {"robust": True}),
        (*ABOVE, {"robust": True}),
        pytest.param(*BELOW, {"regimes": True}, marks=pytest.mark.slow),
        (*ABOVE, {"regimes": True}),
    ],
)
def test_a_limit_makes_extrapolation_better(
    low: float, high: float, limit: Any, far: list[float], more: dict[str, Any]
) -> None:
    data = table(low, high)
    plain, held = fitted(data, (), **more)[0], fitted(data, limit, **more)[0]
    misses = [
        np.abs(np.log(one.law.predict(at(far)) / uptake(np.array(far)))).max()
        for one in (plain, held)
    ]
    assert misses[1] < 0.1
    # a crossover may go on well by itself
    assert misses[1] < max(0.5 * misses[0], limit["miss"])
    assert held.law.scores.rmse_log < plain.law.scores.rmse_log + limit["miss"] / 2.0
    # the law says so wherever it goes
    again = dimgs.Law.from_json(json.loads(json.dumps(held.law.to_json())))
    assert again.predict(at(far)) == pytest.approx(held.law.predict(at(far)))
    assert "begin{cases}" in held.law.latex()


def test_both_ends_of_a_group_are_kept() -> None:
    result, warnings = fitted(table(-1.3, 1.3), [SMALL, LARGE])
    assert len(warnings) == 2
    assert all("is used" in text for text in warnings)
    slopes = result.law.elasticities(at([1e-4, 1e4]))["t"]
    assert slopes == pytest.approx([0.5, 0.0], abs=1e-9)


@given(st.floats(-3.0, 3.0), st.floats(0.05, 20.0))
@settings(max_examples=25)
def test_a_law_is_continuous_where_a_limit_begins(exponent: float, beyond: float) -> None:
    data = table(-0.5, 0.5, n=12)
    # far from the runs nothing contradicts it
    limit = {**SMALL, "exponent": exponent, "beyond": beyond / 100.0}
    result, (warning,) = fitted(data, limit)
    assert "0 runs lie there" in warning or "not used" in warning
    if "0 runs" in warning:
        edge = beyond / 100.0
        low, high = result.law.predict(at([edge * (1 - 1e-9), edge * (1 + 1e-9)]))
        assert low == pytest.approx(high, rel=1e-6)
        slope = result.law.elasticities(at([edge / 10.0]))["t"][0]
        assert slope == pytest.approx(exponent, abs=1e-6)


@pytest.mark.parametrize("exponent", [0.8, 0.2])
def test_a_limit_that_runs_contradict_is_told_and_left_aside(exponent: float) -> None:
    data = table(-2.5, 0.0)
    plain = fitted(data, ())[0]
    result, (warning,) = fitted(data, {**SMALL, "exponent": exponent})
    assert "is not used: runs there grow with t as its power 0." in warning
    assert str(result.law) == str(plain.law)


def test_what_limits_hold_is_rarely_contradicted() -> None:
    refused = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        fourier = 10.0 ** rng.uniform(-4.0, -1.2, 30)
        data = Dataset.from_columns(
            {
                "D [m^2/s]": np.full(30, 1e-13) * 10 ** rng.uniform(0, 1, 30),
                "l [m]": (l := 10 ** rng.uniform(-4, -3, 30)),
                "t [s]": fourier * l**2 / 1e-13,
                "m [1]": 1.0,
            }
        )
        values = {**data.values}
        F = values["D"] * values["t"] / values["l"] ** 2
        values["m"] = uptake(F) * np.exp(0.05 * rng.standard_normal(30))
        data = Dataset(data.variables, values)
        design = prepare(data, "m", Options()).design
        limited = LimitedRuns.of(design, read_limits({**SMALL, "beyond": 0.02}))
        refused.append(not limited.limits)
    assert np.mean(refused) <= 0.06


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"target": "q"}, "it is of 'q'"),
        ({"group": "D*t/L^2"}, "'L' is in no group"),
        ({"group": "D*t/l"}, "not a product of those that vary"),
    ],
)
def test_a_limit_of_something_else_is_told(changed: dict[str, Any], why: str) -> None:
    result, (warning,) = fitted(table(-1.0, 0.0), {**SMALL, **changed})
    assert why in warning
    assert "Piecewise" not in str(result.law)


def test_limits_are_read_from_files_and_refused_with_a_reason(tmp_path: Path) -> None:
    file = tmp_path / "limits.json"
    file.write_text(json.dumps([SMALL, LARGE]))
    assert read_limits(str(file)) == read_limits([SMALL, LARGE])
    with pytest.raises(InputError, match="lacks the key 'group'"):
        read_limits({"target": "m", "exponent": 1, "beyond": 1})
    with pytest.raises(InputError, match="'x' is not in its group"):
        read_limits({**SMALL, "input": "x"})
    with pytest.raises(InputError, match="is not a limit"):
        read_limits([3])
    with pytest.raises(InputError, match="positive numbers as 'beyond'"):
        read_limits({**SMALL, "beyond": 0.0})


@pytest.mark.parametrize("beside", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_potential_that_teaches_a_search_keeps_limits_beyond_its_runs(beside: bool) -> None:
    pytest.importorskip("torch")
    from dimgs.discovery.deep import PotentialTeacher, fit_teacher

    # around the bend alone, so that nothing of the runs tells the limit
    n = 40 if beside else 24
    design = prepare(Dataset.from_columns(table(-0.7, 0.9, n=n)), "m", Options()).design
    far = np.log([[1e-2], [1e-3]])
    sign = 1.0 if design.features[0].group.as_dict()["t"] > 0 else -1.0  # type: ignore[union-attr]

    def miss(limits: Any) -> float:
        one = fit_teacher(design, Options(limits=limits))
        assert isinstance(one, PotentialTeacher)
        return float(np.abs(one.potential.exponents(sign * far)[:, 0] * sign - 0.5).max())

    held = miss(SMALL)
    assert held < 0.05
    assert not beside or held < 0.5 * miss(())
