"""The choice of the runs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.campaign.binding import bind
from dimgs.campaign.design import CampaignDesign, Region, d_optimal, hidden
from dimgs.campaign.space import CampaignRuns
from dimgs.campaign.state import STEADY
from dimgs.campaign.strategy import Strategy
from tests.campaign.kernels import uptake_plan
from tests.campaign.test_space import film


@given(st.integers(0, 300), st.integers(2, 4))
@settings(max_examples=20)
def test_the_support_is_d_optimal(seed: int, rank: int) -> None:
    corners = np.random.default_rng(seed).uniform(-1, 1, (12, rank))
    chosen = np.array(d_optimal(np.zeros((0, rank)), corners, rank + 1))
    table = np.column_stack([np.ones(rank + 1), chosen])
    found = abs(np.linalg.det(table))
    rows = np.column_stack([np.ones(12), corners])
    # no exchange of one run for another does better
    for i in range(rank + 1):
        for row in rows:
            other = table.copy()
            other[i] = row
            assert abs(np.linalg.det(other)) <= found * (1 + 1e-6)
    # and what is known already is not asked again
    assert d_optimal(chosen, corners, rank + 1) == []


def test_what_lies_beyond_all_runs_is_told() -> None:
    space = film()
    pool = Region(space).fill(512, 0)
    some = pool[np.argsort(np.linalg.norm(pool, axis=1))[:40]]
    w, share = hidden(space, some, pool)
    assert np.mean(pool @ w > (some @ w).max()) == pytest.approx(share)
    assert share > 0.1
    assert hidden(space, Region(space).corners(0), pool)[1] == 0.0


def test_each_question_is_asked_when_it_is_open() -> None:
    """Ends and the centre, then predictions, then nothing: the kernel follows one law."""
    binding = bind(uptake_plan(tiers=("fine",)))
    runs = CampaignRuns(1)
    strategy = Strategy(binding, CampaignDesign.of(binding), runs, 0)
    purposes = []
    while chosen := strategy.next():
        purposes.append([p.purpose for p in chosen])
        for p in chosen:
            runs.add(p.z, 0, 2.0 + 3.0 * float(p.z[0]), p.purpose)
        strategy.look()
    assert purposes == [["support", "support", "support"], ["inside", "inside"]]
    assert strategy.clear
    assert strategy.worst < 1e-3
    assert np.abs(runs.z).max() == pytest.approx(np.abs(CampaignDesign.of(binding).corners).max())


def test_with_noise_all_exponents_together_must_be_known() -> None:
    binding = bind(uptake_plan(tiers=("fine",)))
    runs = CampaignRuns(1)
    strategy = Strategy(binding, CampaignDesign.of(binding), runs, 0)
    rng = np.random.default_rng(1)
    for z in np.repeat([-1.0, 0.0, 1.0], 3):
        runs.add(np.array([z]), 0, 2.0 + z + 0.05 * rng.standard_normal(), "replicate")
    strategy.look()
    # two exponents, one law
    assert strategy.joint_level == pytest.approx(1.0 - 0.05 / 2)
    (law,) = strategy.model.laws
    narrow = law.half_widths(strategy.functionals(), 0.9).max() / strategy.tolerance
    assert strategy.worst > 1.2 * narrow


def _noisy(bend: float, seed: int, most: int = 25) -> tuple[Strategy, list[str]]:
    """The strategy of a kernel with 3 % of noise, and what its runs were made for."""
    binding = bind(uptake_plan(tiers=("fine",)))
    runs, rng = CampaignRuns(1), np.random.default_rng(seed)
    strategy = Strategy(binding, CampaignDesign.of(binding), runs, 0)
    strategy.stochastic = True
    while (chosen := strategy.next()) and len(runs.y) < most:
        for p in chosen:
            x = float(p.z[0])
            y = 2.0 + 3.0 * x + bend * x**2 + 0.03 * rng.standard_normal()
            runs.add(p.z, 0, y, p.purpose)
        strategy.look()
    return strategy, runs.purpose


def test_few_replicates_do_where_one_law_leaves_no_doubt() -> None:
    counts = []
    for seed in range(20):
        strategy, purposes = _noisy(0.0, seed)
        assert purposes[:6] == ["support"] * 3 + ["replicate"] * 3
        if len(purposes) == 8:
            assert strategy.settled
            assert strategy.model.scatter.freedom == 3 + 3 - 2
        counts.append(len(purposes))
    # three, two predictions; three more where the fit is not as good as four times in five
    assert np.median(counts) == 8


def test_one_law_with_noise_must_be_seen_not_to_bend() -> None:
    for seed in range(10):
        strategy, _ = _noisy(0.0, seed)
        assert 0.0 < strategy.change <= STEADY * strategy.tolerance
    for seed in range(2):
        bent, _ = _noisy(2.0, seed)
        # the ends of the ranges have other exponents than the middle
        assert not bent.clear or len(bent.model.laws) > 1 or bent.worst > 1.0
