"""The benchmark of designs counts what it says, and the packaging study finds its limits."""

import numpy as np
import pytest
from scipy.stats import qmc

from case_studies.benchmarks import campaign_gain as gain
from case_studies.packaging_migration import study
from dimgs.campaign.design import Region
from dimgs.reproduce import Findings


def test_the_exact_answers_follow_the_limits() -> None:
    space = gain.binding().space
    logs = np.tile(space.centre, (2, 1))
    at = dict(zip(space.names, logs.T, strict=True))
    # short times in a large bath that resists nothing
    at["t"][:], at["h"][:], at["K"][:] = np.log(2e4), np.log(1e-4), np.log(1e-3)
    logs = np.column_stack([at[n] for n in space.names])
    logs[1, space.names.index("D")] += 0.1
    slope = np.diff(gain.answers(logs))[0] / 0.1
    assert slope == pytest.approx(0.5, abs=0.01)


def test_few_runs_are_not_enough() -> None:
    space = gain.binding().space
    unit = qmc.LatinHypercube(len(space.names), rng=0).random(40)
    logs = space.low + unit * (space.high - space.low)
    pool = Region(space).fill(512, 1)
    assert not gain.judged(space, logs, gain.answers(logs), pool).done


def test_without_dimensions_a_direction_more_is_asked() -> None:
    assert gain.physical().rank == gain.binding().space.rank + 1


@pytest.mark.slow
def test_an_adaptive_campaign_needs_fewer_runs() -> None:
    (needed,) = gain.compare(1, 1024, ["adaptive"])["adaptive"]
    assert needed.runs is not None
    assert needed.runs <= 260
    assert needed.error < 0.02


@pytest.mark.slow
def test_the_packaging_study_finds_its_limits() -> None:
    found = study.run()
    assert isinstance(found, Findings)
    assert [c.name for c in found.checks if not c.passed] == []
