"""Effects of the inputs of tables and laws."""

import warnings

import numpy as np
import pytest

import dimgs
from dimgs import Dataset
from dimgs.common.errors import InputError
from dimgs.discovery.explore import law_sensitivity, sensitivity
from dimgs.discovery.options import Options


def runs(seed: int, noise: float = 0.05) -> Dataset:
    """Runs of y = x^2 z about a hump of w."""
    rng = np.random.default_rng(seed)
    x, z, w = rng.uniform(-1, 1, (3, 80))
    y = np.exp(2 * x + z - 2 * w**2 + noise * rng.standard_normal(80))
    return Dataset.from_columns(
        {
            "x [m]": np.exp(x),
            "z [s]": np.exp(z),
            "w [1]": np.exp(w),
            "y [kg]": y,
            "lab [label]": np.arange(80) % 8,
        }
    )


# variances of 2 x, z and -2 w^2 for uniform numbers between -1 and 1
SHARES = np.array([4 / 3, 1 / 3, 4 * 4 / 45])
SHARES /= SHARES.sum()


def test_effects_of_runs_hold_the_shares_of_the_law_that_made_them() -> None:
    held = []
    for seed in range(2):
        document = sensitivity(runs(seed), "y").to_json()
        for name, true in zip(("x", "z", "w"), SHARES, strict=True):
            effect = document["main"][name]
            held.append(effect["low"] <= true <= effect["high"])
            assert effect["value"] == pytest.approx(true, abs=0.12)
            assert effect["low"] <= effect["value"] <= effect["high"]
    assert np.mean(held) >= 0.5
    assert document["method"] == "sobol"
    assert document["r2_left_out"] > 0.95
    assert document["shapley"] is None


def test_inputs_that_never_varied_are_named_and_no_others() -> None:
    data = runs(0)
    columns = {f"{n} [1]": data[n] for n in ("x", "z", "y")}
    assert not any("never varied" in text for text in sensitivity(data, "y").warnings)
    held = Dataset.from_columns({**columns, "k [1]": np.full(80, 3.0)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        named = [text for text in sensitivity(held, "y").warnings if "never varied" in text]
    assert any("k never varied" in text for text in named)
    assert not any("x" in text.split(" never")[0] for text in named)


def test_groups_are_left_out_together() -> None:
    one = sensitivity(runs(0), "y")
    other = sensitivity(runs(0), "y", Options(split_by="lab"))
    assert np.array_equal(one.effects.main, other.effects.main)
    assert not np.array_equal(one.halves.main, other.halves.main)


def test_intervals_by_groups_need_three_of_them() -> None:
    data = runs(0)
    for count in (2, 3):
        labels = Dataset.from_columns(
            {**{f"{n} [1]": data[n] for n in ("x", "z", "y")}, "of [label]": np.arange(80) % count}
        )
        if count == 3:
            assert np.all(sensitivity(labels, "y", Options(split_by="of")).halves.main > 0)
            continue
        with pytest.raises(InputError, match="'of' has 2 labels: intervals by groups need three"):
            sensitivity(labels, "y", Options(split_by="of"))


def test_effects_of_a_law_are_those_of_its_formula() -> None:
    data = runs(0).without(["w"])
    law = dimgs.fit(data, "y", scales=["x0 [m]", "z0 [s]", "y0 [kg]"]).law
    sensitivity = law_sensitivity(law)
    powers = {e.name: e.value for e in dimgs.fit(data, "y", scales="auto").variable_exponents}
    ranges = {n: np.ptp(np.log(np.asarray(data[n]))) for n in ("x", "z")}
    parts = np.array([(powers[n] * ranges[n]) ** 2 for n in sensitivity.inputs])
    np.testing.assert_allclose(sensitivity.effects.main, parts / parts.sum(), atol=0.02)
    assert np.all(sensitivity.halves.main > 0)


def test_a_table_without_an_effect_is_refused() -> None:
    constant = Dataset.from_columns({"x [m]": np.ones(9), "y [m]": np.arange(1.0, 10.0)})
    with pytest.raises(InputError, match="No input of columns varies"):
        sensitivity(constant, "y")
    flat = Dataset.from_columns({"x [m]": np.arange(1.0, 10.0), "y [m]": np.ones(9)})
    with pytest.raises(InputError, match="the same in every run"):
        sensitivity(flat, "y")


def test_an_input_that_varies_in_one_part_of_the_runs_alone_has_an_effect() -> None:
    data, rng = runs(3), np.random.default_rng(1)
    x, z, lab = data["x"], data["z"], data["lab"]
    w = np.where(lab == "0", rng.uniform(1, 3, 80), 1.0)
    table = Dataset.from_columns(
        {"x [m]": x, "z [s]": z * x, "w [1]": w, "y [kg]": x**2 * z * w, "lab [label]": lab}
    )
    found = sensitivity(table, "y", Options(split_by="lab"))
    assert np.all(np.isfinite(found.effects.main))
    assert np.all(np.isfinite(found.halves.main))
    assert found.effects.main[0] > 0.5
