"""Pi space: its coordinates, its region, and the way back to inputs."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from dimgs.campaign.plan import PiSpace, Region
from dimgs.groups.derive import pi_basis
from dimgs.groups.group import PiBasis, PiGroup

FILM = ["D [m^2/s]", "l [m]", "t [s]", "h [m/s]", "K [1]", "V [m^3]", "A [m^2]", "c [kg/m^3]"]
ENDS = {
    "D": (1e-16, 1e-12),
    "K": (1e-3, 1e5),
    "V": (2e-4, 5e-3),
    "h": (1e-11, 1e-4),
    "l": (5e-5, 1.5e-4),
    "t": (2e4, 1e8),
}
LOW, HIGH = np.log(list(ENDS.values())).T
FIXED = {"A": 0.06, "c": 1000.0}


def film() -> PiSpace:
    return PiSpace(ENDS, pi_basis([*FILM, "m [kg/m^3]"], "m"), FIXED)


def recombined(basis: PiBasis, seed: int) -> PiBasis:
    """The same basis under a unimodular change of its groups."""
    rng = np.random.default_rng(seed)
    n = len(basis.groups)
    change = np.eye(n, dtype=int)
    for _ in range(2 * n):
        i, j = rng.choice(n, 2, replace=False)
        change[i] += int(rng.integers(-2, 3)) * change[j]
    groups = []
    for k, row in enumerate(change, 1):
        exponents: dict[str, Fraction] = {}
        for power, group in zip(row, basis.groups, strict=True):
            for name, e in group.exponents:
                exponents[name] = exponents.get(name, Fraction(0)) + int(power) * e
        groups.append(PiGroup.of(f"pi_{k}", exponents))
    return replace(basis, groups=tuple(groups))


def test_five_of_eight_inputs_are_enough_to_know() -> None:
    space = film()
    assert space.rank == 5
    assert space.transform @ space.transform.T == pytest.approx(np.eye(5))


@given(st.integers(0, 1000))
@settings(max_examples=20)
def test_coordinates_do_not_depend_on_the_groups_chosen(seed: int) -> None:
    space = film()
    other = PiSpace(ENDS, recombined(space.basis, seed), FIXED)
    logs = np.random.default_rng(seed).uniform(LOW, HIGH, (6, 6))
    assert other.coordinates(logs) == pytest.approx(space.coordinates(logs), abs=1e-9)
    assert other.exponent_map == pytest.approx(space.exponent_map, abs=1e-9)


@given(st.integers(0, 1000))
@settings(max_examples=20)
def test_equal_coordinates_mean_equal_groups(seed: int) -> None:
    space = film()
    rng = np.random.default_rng(seed)
    logs = rng.uniform(LOW, HIGH, (2, 6))
    z = space.coordinates(logs)
    groups = np.array([[g.log(space.values(row))[0] for g in space.basis.groups] for row in logs])
    assert space.log_groups(z) == pytest.approx(groups)
    for i in range(2):
        assert space.place(space.values(logs[i])) == pytest.approx(z[i], abs=1e-9)
    # a move along which no group changes changes no coordinate
    null = np.linalg.svd(space.loadings)[2][space.rank :]
    assert space.coordinates(logs + null[:1]) == pytest.approx(z, abs=1e-9)


def test_groups_that_the_ranges_never_reach_are_told() -> None:
    basis = pi_basis([*FILM, "m [kg/m^3]"], "m")
    few = {n: ENDS[n] for n in ("D", "t")}
    fixed = {**FIXED, **{n: low for n, (low, _) in ENDS.items() if n not in few}}
    space = PiSpace(few, basis, fixed)
    assert space.rank == 2
    beyond = {n: high for n, (_, high) in ENDS.items()}
    assert space.place({**space.values(space.centre), **beyond}) is None


def test_exponents_of_inputs_from_slopes() -> None:
    space = film()
    rng = np.random.default_rng(1)
    truth = rng.normal(size=len(space.basis.groups))
    z = rng.normal(size=(40, space.rank))
    y = space.log_groups(z) @ truth
    slope = np.linalg.lstsq(np.column_stack([np.ones(40), z]), y, rcond=None)[0][1:]
    assert space.exponent_map @ slope == pytest.approx(space.loadings.T @ truth)


@pytest.mark.parametrize("sampler", ["sobol", "lhs"])
def test_the_region_is_what_inputs_reach(sampler: str) -> None:
    space = film()
    region = Region(space)
    inside = region.fill(64, 3, "lhs" if sampler == "lhs" else "sobol")
    assert len(inside) == 64
    box = np.random.default_rng(0).uniform(-3, 3, (60, space.rank))
    for z in [*inside[:10], *box]:
        n = len(ENDS)
        found = linprog(np.zeros(n), A_eq=space.transform, b_eq=z, bounds=[(-1, 1)] * n)
        assert (found.status == 0) == bool(region.contains(z[None])[0])


def test_corners_are_the_outermost_points() -> None:
    space = film()
    region = Region(space)
    corners = region.corners(1)
    assert region.contains(corners).all()
    pool = region.fill(256, 2)
    for w in np.random.default_rng(3).normal(size=(20, space.rank)):
        assert (corners @ w).max() >= (pool @ w).max()
    assert np.sort(region.corners(2), axis=0) == pytest.approx(np.sort(corners, axis=0))


@given(st.integers(0, 200))
@settings(max_examples=20)
def test_the_way_back_stays_in_the_ranges_and_gives_the_point(seed: int) -> None:
    space = film()
    region = Region(space)
    inverse = Region(space)
    for z in region.fill(8, seed):
        logs = inverse.logs(z)
        assert logs is not None
        assert np.all((logs >= LOW - 1e-9) & (logs <= HIGH + 1e-9))
        assert space.coordinates(logs[None])[0] == pytest.approx(z, abs=1e-8)


def test_no_more_inputs_move_than_must() -> None:
    basis = pi_basis(["a [m]", "b [m]", "c [m]", "d [m]", "y [m]"], "y")
    space = PiSpace(dict.fromkeys("abcd", (1.0, 100.0)), basis, {})
    inverse = Region(space)
    assert len(inverse.moving) == space.rank == 3
    logs = [x for z in 0.2 * Region(space).fill(32, 0) if (x := inverse.logs(z)) is not None]
    moved = np.flatnonzero(np.ptp(logs, axis=0) > 1e-6 * space.half)
    assert moved.tolist() == sorted(inverse.moving)


def test_what_lies_outside_has_no_way_back() -> None:
    space = film()
    inverse = Region(space)
    assert inverse.logs(np.full(space.rank, 50.0)) is None
