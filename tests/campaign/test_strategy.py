"""The choice of the runs."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.campaign import Range
from dimgs.campaign.evidence import STEADY, TierEvidence
from dimgs.campaign.plan import CampaignDesign, CampaignRun, CampaignRuns, Region, bind
from dimgs.common.arrays import Array
from dimgs.judgement.next_run import d_optimal, uncovered
from dimgs.kernels.base import Port
from tests.campaign.kernels import Uptake, uptake_plan
from tests.campaign.test_space import film


@given(st.integers(0, 300), st.integers(2, 3))
@settings(max_examples=20)
def test_the_support_is_nearly_d_optimal(seed: int, rank: int) -> None:
    """Chosen one after another, runs have half of the largest determinant or more."""
    corners = np.random.default_rng(seed).uniform(-1, 1, (9, rank))
    chosen = np.array(d_optimal(np.zeros((0, rank)), corners, rank + 1))
    sets = [corners[list(rows)] for rows in combinations(range(9), rank + 1)]
    sizes = [abs(np.linalg.det(np.column_stack([np.ones(rank + 1), s]))) for s in (chosen, *sets)]
    assert sizes[0] >= 0.5 * max(sizes)
    # and what is known already is not asked again
    assert d_optimal(chosen, corners, rank + 1) == []


@pytest.mark.parametrize(("seed", "rank"), [(0, 1), (1, 2), (2, 3)])
def test_where_runs_end_and_along_which_monomial_is_one_question(seed: int, rank: int) -> None:
    """Both are known from few runs: the place to 50 %, and the monomial for most of the ranges."""
    plain = Uptake()
    names = [f"x{i}" for i in range(rank)]
    plain.inputs, plain.outputs = tuple(Port(n, "1") for n in names), (Port("m", "1"),)
    plan = uptake_plan(plain, ranges=dict.fromkeys(names, Range(1e-3, 1e3)))
    binding = bind(plan)
    powers = np.random.default_rng(seed).integers(-1, 2, rank)
    powers[0] = 1

    def ends(z: Array) -> bool:
        return bool(binding.space.log_groups(z[None])[0] @ powers > 1.0)

    evidence, asked = TierEvidence(CampaignDesign(binding), CampaignRuns(rank), 0), 0
    places = [*evidence.corners(), np.zeros(rank)]
    while places:
        for z in places:
            evidence.runs.add(CampaignRun(z, 0, np.nan if ends(z) else 0.0))
        evidence.look()
        places = [p.z for proposals in evidence.ends() for p in proposals]
        asked += len(places)
    assert asked <= 6 + 3 * rank
    assert evidence.domain is not None
    assert evidence.domain.high / evidence.domain.low <= 1.5
    pool = evidence.design.pool[:512]
    assert np.mean(evidence.feasible(pool) == [ends(z) for z in pool]) <= 0.08


def test_no_run_is_looked_for_where_two_laws_leave_no_room() -> None:
    evidence = TierEvidence(CampaignDesign(bind(uptake_plan(tiers=("fine",)))), CampaignRuns(1), 0)
    below, above = np.array([[-0.5]]), np.array([[0.5]])
    border = evidence.space.axes.separating(below, above)
    assert border is not None
    pools = np.zeros((0, 1)), np.zeros((1, 1))
    asked = [evidence._parting((0, 1, 0), border, below, above, pool) for pool in pools]
    assert list(map(len, asked)) == [0, 1]


def test_what_lies_beyond_all_runs_is_told() -> None:
    space = film()
    pool = Region(space).fill(512, 0)
    some = pool[np.argsort(np.linalg.norm(pool, axis=1))[:40]]
    w, share = uncovered(space.axes.slopes, some, pool)
    assert np.mean(pool @ w > (some @ w).max()) == pytest.approx(share)
    assert share > 0.1
    assert uncovered(space.axes.slopes, Region(space).corners(0), pool)[1] == 0.0


def test_each_question_is_asked_when_it_is_open() -> None:
    """Ends and the centre, then predictions, then nothing: the kernel follows one law."""
    binding = bind(uptake_plan(tiers=("fine",)))
    runs = CampaignRuns(1)
    evidence, purposes = TierEvidence(CampaignDesign(binding), runs, 0), []
    while chosen := evidence.next():
        purposes.append([p.purpose for p in chosen])
        for p in chosen:
            runs.add(CampaignRun(p.z, 0, 2.0 + 3.0 * float(p.z[0]), p.purpose))
        evidence.look()
    assert purposes == [["support", "support", "support"], ["inside", "inside"]]
    assert evidence.clear
    assert evidence.worst < 1e-3
    assert np.abs(runs.z).max() == pytest.approx(np.abs(CampaignDesign(binding).corners).max())


def test_with_noise_all_exponents_together_must_be_known() -> None:
    binding = bind(uptake_plan(tiers=("fine",)))
    runs = CampaignRuns(1)
    evidence = TierEvidence(CampaignDesign(binding), runs, 0)
    rng = np.random.default_rng(1)
    for z in np.repeat([-1.0, 0.0, 1.0], 3):
        y = 2.0 + z + 0.05 * rng.standard_normal()
        runs.add(CampaignRun(np.array([z]), 0, y, "replicate"))
    evidence.look()
    # two exponents, one law
    assert evidence.joint_level == pytest.approx(1.0 - 0.05 / 2)
    (law,) = evidence.model.laws
    narrow = law.half_widths(evidence.space.functionals, 0.9).max() / evidence.tolerance
    assert evidence.worst > 1.2 * narrow


def _noisy(bend: float, seed: int, most: int = 25) -> tuple[TierEvidence, list[str]]:
    """The evidence of a kernel with 3 % of noise, and what its runs were made for."""
    binding = bind(uptake_plan(tiers=("fine",)))
    runs, rng = CampaignRuns(1), np.random.default_rng(seed)
    evidence = TierEvidence(CampaignDesign(binding), runs, 0)
    evidence.stochastic = True
    while (chosen := evidence.next()) and len(runs.every) < most:
        for p in chosen:
            x = float(p.z[0])
            y = 2.0 + 3.0 * x + bend * x**2 + 0.03 * rng.standard_normal()
            runs.add(CampaignRun(p.z, 0, y, p.purpose))
        evidence.look()
    return evidence, [a.purpose for a in runs.every]


def test_the_noise_is_known_from_replicates_before_runs_are_predicted() -> None:
    for seed in range(5):
        evidence, purposes = _noisy(0.0, seed)
        assert purposes[:9] == ["support"] * 3 + ["replicate"] * 6
        assert evidence.model.scatter.freedom == 6
        assert evidence.worst <= 1.0


def test_one_law_with_noise_must_be_seen_not_to_bend() -> None:
    for seed in range(10):
        evidence, _ = _noisy(0.0, seed)
        assert 0.0 < evidence.change <= STEADY * evidence.tolerance
    for seed in range(2):
        bent, _ = _noisy(2.0, seed)
        # the ends of the ranges have other exponents than the middle
        assert not bent.clear or len(bent.model.laws) > 1 or bent.worst > 1.0
