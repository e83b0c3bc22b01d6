"""Tables with bounds, as a scientist writes them: one law, whichever way a bound is written."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dimgs
from dimgs.common.arrays import Array, BoolArray
from dimgs.common.errors import InputError
from dimgs.dataset import Dataset
from dimgs.dataset.dataset import bounds_of
from dimgs.discovery.explore import explore, sensitivity
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.discovery.scoring import residual_summary
from dimgs.symmetry.symmetries import table_symmetries


def lives(seed: int = 3, n: int = 60) -> tuple[Array, Array, BoolArray]:
    """Stresses, lives up to the end of the test, and which specimens did not fail."""
    rng = np.random.default_rng(seed)
    stress = np.exp(rng.uniform(2.3, 4.6, n))
    life: Array = 1e9 * stress**-4.0 * np.exp(0.5 * rng.normal(size=n))
    return stress, np.minimum(life, 500.0), life > 500.0


def frame(how: str, seed: int = 3) -> pd.DataFrame:
    stress, life, survived = lives(seed)
    table = pd.DataFrame({"stress [MPa]": stress, "life [h]": life})
    if how == "cells":
        texts = [f">{x!r}" if s else repr(x) for x, s in zip(life.tolist(), survived, strict=True)]
        return table.assign(**{"life [h]": texts})
    column = {
        "event": np.where(survived, 0, 1),
        "failed": np.where(survived, "no", "yes"),
        "censored": np.where(survived, "TRUE", "FALSE"),
        "status": np.where(survived, "Runout", "Failed"),
        "life_bound": np.where(survived, ">", ""),
    }[how]
    return table.assign(**{how: column})


@pytest.mark.parametrize("how", ["cells", "event", "failed", "censored", "status", "life_bound"])
def test_a_bound_is_one_however_it_is_written(how: str) -> None:
    found = dimgs.fit(frame(how), "life", scales="auto")
    stress, life, survived = lives()
    low, high = found.exponents[0].low, found.exponents[0].high
    assert low < -4.0 < high
    # least squares of the numbers misses it
    assert np.polyfit(np.log(stress), np.log(life), 1)[0] > high
    message = next(w for w in found.warnings if "censored" in w)
    assert f"in {survived.sum()} of 60 runs ({survived.sum()} lower bounds)" in message
    assert found.noise is not None
    assert found.noise.kind == "relative"
    assert found.noise.size == pytest.approx(0.5, rel=0.2)
    assert found.noise.scatter is None
    assert not any("Label columns" in w for w in found.warnings)


def test_cells_below_a_limit_of_detection_from_a_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    x = 10 ** rng.uniform(-1, 1, 60)
    y = 3.0 * x**1.5 * np.exp(0.2 * rng.normal(size=60))
    cells = ["<= 0.6" if v < 0.6 else f"{v:.5g}" for v in y]
    rows = [f"{a:.6g},{c}" for a, c in zip(x, cells, strict=True)]
    path = tmp_path / "t.csv"
    path.write_text("x [m],y [m]\n" + "\n".join(rows) + "\n")
    found = dimgs.fit(path, "y", scales="auto")
    assert found.law.elasticities({"x": 1.0})["x"] == pytest.approx(1.5)
    assert any("upper bounds" in w for w in found.warnings)
    # a bound of an input is none that a likelihood knows
    with pytest.raises(InputError, match="is a bound, not a value"):
        dimgs.fit(path, "x", scales="auto")
    with pytest.raises(InputError, match="only the target of 'fit' and 'discover'"):
        dimgs.read_table(path)


def test_discover_takes_bounds_too() -> None:
    found = dimgs.discover(
        frame("event"), "life", scales="auto", evaluations=100, engine="power_law"
    )
    assert found.law is not None
    assert found.law.elasticities({"stress": 1e7})["stress"] == pytest.approx(-4.0, abs=0.5)
    assert found.noise is not None
    assert found.noise.kind == "relative"
    assert any("censored" in w for w in found.warnings)


@settings(max_examples=15)
@given(st.integers(0, 1000))
def test_the_order_of_the_rows_does_not_matter(seed: int) -> None:
    table = frame("status", seed)
    order = np.random.default_rng(seed).permutation(len(table))
    options = Options(scales="auto")
    one = prepare(dimgs.read_table(table), "life", options).design
    other = prepare(dimgs.read_table(table.iloc[order]), "life", options).design
    assert other.y == pytest.approx(one.y[order], abs=1e-9)
    assert one.weights is not None
    assert other.weights == pytest.approx(one.weights[order], rel=1e-6)


def test_bounds_leave_no_structure_and_no_error_of_their_own() -> None:
    rng = np.random.default_rng(11)
    mass, flow = rng.uniform(1, 50, (2, 70))
    load = 0.5 * mass / flow**0.8 * np.exp(0.25 * rng.normal(size=70))
    cells = [f"{x:.2g}" if x >= 0.8 else "<0.8" for x in load]
    table = pd.DataFrame({"M [kg]": mass, "Q [m]": flow, "y [s]": cells})
    asked = Options(scales="auto")
    design = prepare(asked.read(table, "y"), "y", asked).design
    result = dimgs.fit(table, "y", scales="auto")
    assert sum(x < 0.8 for x in load) > 20
    assert residual_summary(design, result.law).unexplained == 0.0
    assert result.law.scores.rmse_log == pytest.approx(0.25, rel=0.3)
    # the information of the runs is that of those above the limit, at most
    assert (design.information**2).max() > 1.1 > 0.1 > (design.information**2).min()


def test_labels_that_only_share_a_name_stay_labels() -> None:
    table = frame("event").assign(event=["Kobe", "Northridge", "Izmit"] * 20)
    found = dimgs.fit(table, "life", scales="auto")
    assert not any("censored" in w for w in found.warnings)
    assert any("Label columns are not used: event" in w for w in found.warnings)
    named = dimgs.fit(frame("status"), "life", scales="auto", within="status")
    assert named.effects is not None


def test_what_a_status_does_not_say_is_asked_for() -> None:
    table = frame("failed")
    table.loc[4, "failed"] = ""
    with pytest.raises(InputError, match=r"Column 'failed', row 5 .* whether 'life' was measured"):
        dimgs.fit(table, "life", scales="auto")
    bounded = dimgs.Dataset.from_columns({"y [m]": [1.0, 2.0, 3.0], "y_bound": ["<", "=", ">"]})
    assert bounds_of(bounded, "y")[1].tolist() == [-1, 0, 1]


def test_commands_without_a_likelihood_refuse_bounds() -> None:
    data = dimgs.read_table(frame("event"))
    for command in (sensitivity, explore):
        with pytest.raises(InputError, match="'life' is censored in row"):
            command(data, "life")
    with pytest.raises(InputError, match="'life' is censored in row"):
        table_symmetries(data, "life")


def test_a_bound_of_zero_has_no_logarithm() -> None:
    data = Dataset.from_columns(
        {"x [m]": [1.0, 2.0, 3.0, 4.0, 5.0], "y [m]": [0.0, 2.0, 3.1, 3.9, 5.1]},
        y_bound=["<", "=", "=", "=", "="],
    )
    with pytest.raises(InputError, match="censored and vanishes"):
        dimgs.discover(data, "y")
    assert prepare(data, "y", Options(drop_bad=True)).data.rows.tolist() == [2, 3, 4, 5]
    columns = {"x [m]": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "y [m]": [0.0, 0.5, 3.1, 3.9, 5.1, 6.0]}
    data = Dataset.from_columns(columns, y_bound=["=", "<", "=", "=", "=", "="])
    kept = prepare(data, "y", Options(drop_bad=True), any_sign=True)
    assert kept.data.rows.tolist() == [2, 3, 4, 5, 6]
    assert "smooth curves take the value that a power law expects" in " ".join(kept.warnings)
