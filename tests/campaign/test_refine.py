"""The choice of the next runs."""

import numpy as np
import pytest

from dimgs.campaign.analysis import Evidence, Goal, analyse
from dimgs.campaign.design import Region
from dimgs.campaign.proposals import Outlook, explore, refine, survey
from dimgs.campaign.space import PiSpace, Points
from dimgs.groups.derive import pi_basis

BASIS = pi_basis(["a [1]", "b [1]", "y [1]"], "y")
ENDS = np.log([[1e-4, 1e4], [1e-4, 1e4]])
SPACE = PiSpace(BASIS, ("a", "b"), ENDS[:, 0], ENDS[:, 1], {})
REGION = Region(SPACE)
POOL = REGION.fill(512, 1)
QUESTION = Goal(SPACE, REGION, 0.9, 0.02, None, np.zeros((0, 2)))


def state(n: int = 24, pairs: int = 0, noise: float = 1.0) -> tuple[Points, Evidence]:
    points = Points(2, 2)
    rng = np.random.default_rng(0)
    for z in REGION.fill(n, 0):
        points.add(z)
    points.y[:, 0] = points.z @ [1.0, 2.0] + noise * rng.standard_normal(n)
    points.y[:pairs, 1] = points.y[:pairs, 0] + 0.1 + 0.01 * rng.standard_normal(pairs)
    return points, analyse(QUESTION, points, POOL, noise)


def test_the_expected_width_is_the_one_that_comes() -> None:
    _, now = state(pairs=10)
    (answer,) = now.answers
    outlook = Outlook(answer, 0.9)
    scale = answer.half_widths(0.9) / answer.tolerance
    assert outlook.widths() == pytest.approx(scale, rel=0.02)
    # by rank one what the inverse of the larger table gives
    z = POOL[0]
    row = np.concatenate([[1.0], z])[None]
    expected = outlook.widths(1, row)[0]
    outlook.add(1, z)
    assert outlook.widths() == pytest.approx(expected, rel=1e-6)


def test_gains_are_largest_at_the_rim() -> None:
    _, now = state(pairs=10)
    outlook = Outlook(now.answers[0], 0.9)
    gains = outlook.gains(0, POOL)
    far = np.linalg.norm(POOL, axis=1)
    assert far[np.argmax(gains)] > np.quantile(far, 0.9)
    assert np.all(gains >= -1e-12)


def test_without_pairs_the_first_fine_runs_span_the_region() -> None:
    points, now = state(n=60, noise=0.001)
    left = {0: 100, 1: 40}
    chosen = refine(QUESTION, now, points, POOL, (0.01, 1.0), left, (16, 5))
    assert [p.tier for p in chosen] == [1] * 5
    assert all("D-optimal" in p.reason for p in chosen)
    z = np.array([p.z for p in chosen])
    table = np.column_stack([np.ones(5), z])
    some = np.column_stack([np.ones(5), points.z[:5]])
    assert np.linalg.det(table.T @ table) > np.linalg.det(some.T @ some)
    # where the coarse tier has answers
    assert all(np.abs(points.z - p.z).max(axis=1).min() == 0.0 for p in chosen)
    assert len({tuple(p.z) for p in chosen}) == 5


def test_a_run_is_bought_where_it_is_worth_its_cost() -> None:
    points, now = state(pairs=10)
    left = {0: 100, 1: 40}
    cheap = refine(QUESTION, now, points, POOL, (0.01, 1.0), left, (16, 4))
    assert {p.tier for p in cheap} == {0}
    assert all("I-optimal" in p.reason and p.gain > 0 for p in cheap)
    assert not refine(QUESTION, now, points, POOL, (0.01, 1.0), {0: 0, 1: 0}, (16, 4))
    few = refine(QUESTION, now, points, POOL, (0.01, 1.0), {0: 3, 1: 0}, (16, 4))
    assert len(few) == 3


def test_what_is_known_well_enough_asks_for_nothing() -> None:
    points, now = state(n=60, pairs=12, noise=0.0)
    points.y[:12, 1] = points.y[:12, 0]
    now = analyse(QUESTION, points, POOL)
    assert now.worst(0.9) <= 1.0
    assert not refine(QUESTION, now, points, POOL, (0.01, 1.0), {0: 9, 1: 9}, (16, 4))


def test_a_point_is_approached() -> None:
    goal = Goal(SPACE, REGION, 0.9, None, 0.01, np.array([[0.2, -0.3]]))
    points, _ = state()
    now = analyse(goal, points, POOL)
    chosen = refine(goal, now, points, POOL, (0.01, 1.0), {0: 9, 1: 9}, (6, 4))
    distance = [float(np.linalg.norm(p.z - [0.2, -0.3])) for p in chosen]
    before = np.linalg.norm(points.z - [0.2, -0.3], axis=1)
    assert max(distance) <= np.sort(before)[8]


def test_exploration_goes_where_nobody_was() -> None:
    points, now = state(noise=0.0)
    chosen = explore(QUESTION, now, points, POOL, 8)
    assert len(chosen) == 8
    assert all(p.tier == 0 and p.reason for p in chosen)
    z = np.array([p.z for p in chosen])
    apart = np.linalg.norm(z[:, None] - points.z[None], axis=2).min()
    assert apart > 0.1


def test_the_survey_gives_its_reason() -> None:
    (first,) = survey(POOL[:1], "a, b")
    assert first.purpose == "survey"
    assert "a, b" in first.reason
