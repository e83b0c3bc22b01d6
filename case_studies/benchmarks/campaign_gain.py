"""How many runs different designs need for the same intervals, on a problem with known regimes.

Every design answers the question of the packaging study: the exponents of six inputs in each of
the four regimes of migration, each to ±0.02 at 90 %. The kernel is the exact series, so that runs
of different designs are worth the same. A design is done when all four regimes are found and
every half-width is within the tolerance; all designs are judged by the same estimator.

- plain: a Latin hypercube of the six inputs' logarithms, fitted in the inputs themselves, without
  dimensional analysis
- plain, groups: the same runs, fitted in the groups
- pi space: a Latin hypercube of the reachable region of pi space
- adaptive: a campaign with one tier
- tiers: a campaign with a coarse and a fine tier (finite volumes); its runs are fine ones, and its
  coarse ones are given apart

Space-filling designs are drawn anew for every size; sizes grow by a factor of √2.
Run: python -m case_studies.benchmarks.campaign_gain [--seeds 10] [--most 2048]
"""

import argparse
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from case_studies.packaging_migration.study import LIMITS, PLAN
from dimgs.campaign import Budget, Plan, read_plan, run_campaign
from dimgs.campaign.analysis import Evidence, Goal, analyse
from dimgs.campaign.binding import Binding, bind
from dimgs.campaign.design import Region
from dimgs.campaign.result import RegimeAnswer
from dimgs.campaign.space import PiSpace, Points
from dimgs.groups.derive import pi_basis
from dimgs.kernels.diffusion.analytic import migrated_fraction
from dimgs.kernels.diffusion.kernel import Migration

Array = NDArray[np.float64]

TOLERANCE = 0.02
SAME = 0.1
FIRST = 64
SERIES = "diffusion-series"


@dataclass(frozen=True)
class Needed:
    """Runs that a design needed.

    Attributes
    ----------
    runs : int or None
        None where the most runs were not enough.
    coarse : int
        Runs of a coarse tier beside.
    error : float
        Largest miss of an exponent.
    covered : float
        Part of the exponents whose interval holds the truth.
    """

    runs: int | None
    coarse: int
    error: float
    covered: float


@dataclass(frozen=True)
class Verdict:
    """Whether all limits are known, the largest miss, and how many intervals hold the truth."""

    done: bool
    error: float
    covered: float


@cache
def binding() -> Binding:
    return bind(replace(read_plan(PLAN), kernel=SERIES, tiers=()))


@cache
def physical() -> PiSpace:
    """The six inputs as if they had no dimensions, so that the space is theirs."""
    space = binding().space
    basis = pi_basis([*(f"{n} [1]" for n in space.names), "CF [1]"], "CF")
    return PiSpace(basis, space.names, space.low, space.high, {})


def answers(logs: Array) -> Array:
    """Logarithm of CF at logarithms of the inputs, exactly."""
    names, fixed = binding().space.names, binding().space.fixed
    out = []
    for row in logs:
        groups = Migration.of(**fixed, **dict(zip(names, np.exp(row).tolist(), strict=True)))
        out.append(np.log(groups.equilibrium * migrated_fraction(groups.fo, groups.b, groups.k)))
    return np.array(out)


def judged(space: PiSpace, logs: Array, target: Array, pool: Array) -> Verdict:
    """Whether runs know every exponent of every regime, and the largest miss."""
    points = Points(space.rank, 1)
    points.z = space.coordinates(logs)
    shift = [space.response_shift(space.values(row)) for row in logs]
    points.y = (target + np.array(shift))[:, None]
    points.lost = np.zeros(points.y.shape, dtype=np.bool_)
    goal = Goal(space, _region(space), 0.9, TOLERANCE, None, np.zeros((0, space.rank)))
    return verdict(space, analyse(goal, points, pool))


@cache
def _region(space: PiSpace) -> Region:
    return Region(space)


def verdict(space: PiSpace, evidence: Evidence) -> Verdict:
    """Whether all four limits are among the answers, known well enough, and how well."""
    found = []
    for answer in evidence.answers:
        exponents = space.offset + space.exponent_map @ answer.fit.coefficients[1:]
        found.append((exponents, answer.half_widths(0.9)))
    return compared([f for f in found if np.all(f[1] <= TOLERANCE)])


def compared(found: Sequence[tuple[Array, Array]]) -> Verdict:
    """Exponents and half-widths of regimes against the four limits."""
    misses, covered = [], []
    for limit, _ in LIMITS.values():
        near = [(np.abs(value - np.array(limit)), half) for value, half in found]
        near = [n for n in near if n[0].max() < SAME]
        if not near:
            return Verdict(False, np.nan, np.nan)
        miss, half = min(near, key=lambda n: float(n[0].max()))
        misses.append(float(miss.max()))
        covered.append(float(np.mean(miss <= half)))
    return Verdict(True, max(misses), float(np.mean(covered)))


def space_filling(kind: str, seed: int, most: int) -> Needed:
    """Runs that a space-filling design needs."""
    in_groups = kind != "plain"
    space = binding().space if in_groups else physical()
    pool = _region(space).fill(4096, 1)
    size = float(FIRST)
    while round(size) <= most:
        n = round(size)
        logs = _drawn(kind, n, seed)
        told = judged(space, logs, answers(logs), pool)
        if told.done:
            return Needed(n, 0, told.error, told.covered)
        size *= 2.0**0.5
    return Needed(None, 0, np.nan, np.nan)


def _drawn(kind: str, n: int, seed: int) -> Array:
    space = binding().space
    if kind != "pi space":
        unit = qmc.LatinHypercube(len(space.names), rng=seed).random(n)
        return np.asarray(space.low + unit * (space.high - space.low))
    from dimgs.campaign.design import Inverse

    z = _region(space).fill(n, seed, "lhs")
    inverse = Inverse.of(space, z[:64])
    return np.array([x for row in z if (x := inverse.logs(row)) is not None])


def adaptive(seed: int, most: int) -> Needed:
    """Runs of a campaign with one tier."""
    plan = replace(read_plan(PLAN), kernel=SERIES, tiers=(), seed=seed)
    return _campaign(replace(plan, budget=Budget(runs=most), report="none"))


def tiers(seed: int, most: int) -> Needed:
    """Runs of a campaign with two tiers."""
    plan = replace(read_plan(PLAN), seed=seed, report="none")
    return _campaign(replace(plan, budget=Budget(runs=min(most, 200), coarse_runs=2000)))


def _campaign(plan: Plan) -> Needed:
    with ThreadPoolExecutor(1) as executor:
        result = run_campaign(plan, executor=executor)
    finest = list(result.runs)[-1]
    coarse = sum(result.runs.values()) - result.runs[finest]
    told = compared([_exponents(r) for r in result.regimes])
    done = result.outcome == "tolerance met" and told.done
    return Needed(result.runs[finest] if done else None, coarse, told.error, told.covered)


def _exponents(regime: RegimeAnswer) -> tuple[Array, Array]:
    value = np.array([e.value for e in regime.every_exponent])
    return value, np.array([(e.high - e.low) / 2 for e in regime.every_exponent])


DESIGNS: dict[str, Callable[[int, int], Needed]] = {
    "plain": lambda seed, most: space_filling("plain", seed, most),
    "plain, groups": lambda seed, most: space_filling("plain, groups", seed, most),
    "pi space": lambda seed, most: space_filling("pi space", seed, most),
    "adaptive": adaptive,
    "tiers": tiers,
}


def compare(seeds: int, most: int, designs: Sequence[str]) -> dict[str, list[Needed]]:
    """Runs needed by every design for every seed."""
    return {name: [DESIGNS[name](seed, most) for seed in range(seeds)] for name in designs}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what every design needed."""
    parser = argparse.ArgumentParser(description="Runs needed for the same intervals.")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--most", type=int, default=2048)
    parser.add_argument("--designs", nargs="+", default=list(DESIGNS), choices=list(DESIGNS))
    given = parser.parse_args(arguments)
    reference: float | None = None
    print(f"{Path(PLAN).parent.name}: runs for ±{TOLERANCE}, median of {given.seeds} seeds")
    for name in given.designs:
        start = time.perf_counter()
        found = compare(given.seeds, given.most, [name])[name]
        runs = [f.runs if f.runs is not None else 2 * given.most for f in found]
        middle = float(median(runs))
        reference = middle if reference is None else reference
        enough = sum(f.runs is not None for f in found)
        coarse = median(f.coarse for f in found)
        errors = [f.error for f in found if f.runs is not None]
        covered = [f.covered for f in found if f.runs is not None]
        print(
            f"{name:<14} {middle:7.0f} runs [{min(runs)}, {max(runs)}]"
            f"  {reference / middle:.1f} times fewer than the first, {coarse:.0f} coarse beside; "
            f"{enough} of {len(found)} done; largest miss {max(errors, default=np.nan):.3f}, "
            f"{np.mean(covered or [np.nan]):.0%} of intervals hold the truth"
            f"  ({time.perf_counter() - start:.0f} s)"
        )


if __name__ == "__main__":
    main()
