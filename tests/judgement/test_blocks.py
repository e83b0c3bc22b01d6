"""Outer blocks: ends of the runs, the same for every basis and order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dimgs import Dataset
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.fits.design import Design
from dimgs.judgement.evidence import coordinates, outer_blocks

SEEDS = st.integers(0, 10_000)


def design_of(n: int, seed: int, levels: int | None = None, **more: object) -> Design:
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(1.0, 9.0, (2, n))
    if levels:
        x = 1.0 + np.arange(n) % levels
    columns = {"x [m]": x, "y [m]": y, "z [m]": x + y}
    if more:
        columns["site [label]"] = np.array([f"s{k % 7}" for k in range(n)])
    options = Options(split_by="site") if more else Options()
    return prepare(Dataset.from_columns(columns), "z", options).design


@given(st.integers(10, 60), SEEDS)
def test_a_block_is_the_outer_fifth_at_an_end_of_its_coordinate(n: int, seed: int) -> None:
    design = design_of(n, seed)
    known = dict(coordinates(design))
    blocks = outer_blocks(design)
    assert blocks
    for block in blocks:
        end, name = block.end.split(" ", 1)
        inside, outside = known[name][block.rows], known[name][~block.rows]
        assert block.rows.sum() == max(3, round(0.2 * n))
        if end == "small":
            assert inside.max() <= outside.min()
        else:
            assert inside.min() >= outside.max()


@given(st.integers(3, 8))
def test_runs_of_one_setting_are_never_divided(levels: int) -> None:
    design = design_of(48, 0, levels)
    x = np.asarray(design.data["x"])
    for block in outer_blocks(design):
        if block.end.endswith(" x"):
            assert not set(x[block.rows]) & set(x[~block.rows])


def test_more_than_half_of_the_runs_are_no_end() -> None:
    # of 41 runs, 21 have the small setting
    ends = [b.end for b in outer_blocks(design_of(41, 0, 2))]
    assert "small x" not in ends
    assert "large x" in ends


def test_groups_that_are_held_out_together_stay_together() -> None:
    design = design_of(49, 3, site=True)
    assert design.split is not None
    for block in outer_blocks(design):
        assert not set(design.split[block.rows]) & set(design.split[~block.rows])
