"""Active directions, their rounding, and the dominant group of the keyhole data."""

import csv
from fractions import Fraction
from itertools import product
from math import gcd
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.fits.geometry import (
    GradientField,
    _penalty,
    active_directions,
    dominant_group,
    effective_dimension,
    gradient_field,
    round_direction,
)
from dimgs.fits.snapping import short_vectors
from tests.fits.test_geometry import unimodular

# Columns: Vs r0/alpha, cp dTl/Vs^2, etaP/(rho Vs^3 r0^2).
KEYHOLE = ["etaP", "Vs", "r0", "alpha", "rho", "cp", "dTl"]
KEYHOLE_MAP = np.array(
    [[0, 0, 1], [1, -2, -3], [1, 0, -2], [-1, 0, 0], [0, 0, -1], [0, 1, 0], [0, 1, 0]]
)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 4))
def test_gradients_and_active_directions_follow_the_basis(seed: int, p: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, p))
    y = np.tanh(X[:, 0] - 0.5 * X[:, 1]) + 0.2 * X[:, -1] + 0.05 * rng.normal(size=60)
    change = unimodular(rng, p)
    here, there = gradient_field(X, y), gradient_field(X @ change, y)
    np.testing.assert_allclose(there.gradients @ change.T, here.gradients, atol=1e-6)
    a, b = active_directions(here, X), active_directions(there, X @ change)
    np.testing.assert_allclose(b.eigenvalues, a.eigenvalues, atol=1e-7)
    np.testing.assert_allclose(b.eigenvalue_intervals, a.eigenvalue_intervals, atol=1e-6)
    np.testing.assert_allclose(change @ b.directions[:, 0], a.directions[:, 0], atol=1e-5)
    np.testing.assert_allclose(change @ b.covariances[0] @ change.T, a.covariances[0], atol=1e-5)
    np.testing.assert_allclose((X @ a.directions).var(axis=0), 1, atol=1e-9)


def test_a_ridge_function_has_one_direction_inside_its_uncertainty() -> None:
    truth = np.array([1.0, -2.0, 0.5])
    covered, above = 0, 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(80, 3))
        t = X @ truth
        field = gradient_field(X, t + 0.1 * t**2 + 0.3 * rng.normal(size=80))
        active = active_directions(field, X)
        d, spread = active.directions[:, 0], active.covariances[0]
        for i in (1, 2):
            offset = d[i] * truth[0] - d[0] * truth[i]
            slope = np.zeros(3)
            slope[i], slope[0] = truth[0], -truth[i]
            covered += abs(offset) < 1.677 * np.sqrt(slope @ spread @ slope)
        dimension = effective_dimension(active)
        assert dimension.low <= dimension.participation <= dimension.high
        above += dimension.above_noise == 1
        assert dimension.participation < 1.2
    assert 0.82 <= covered / 120 <= 0.97
    assert above >= 50


def test_two_directions_are_counted_as_two() -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(300, 4))
    y = X[:, 0] ** 2 + X[:, 1] ** 2 + 0.1 * rng.normal(size=300)
    dimension = effective_dimension(active_directions(gradient_field(X, y), X))
    assert dimension.above_noise == 2
    assert 1.9 < dimension.participation < 2.1


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.lists(st.integers(-3, 3), min_size=3, max_size=3).filter(any),
)
def test_exact_directions_round_to_themselves_in_every_basis(seed: int, k: list[int]) -> None:
    rng = np.random.default_rng(seed)
    change = unimodular(rng, 3)
    primitive = np.array(k) // np.gcd.reduce(k)
    noisy = primitive + 1e-4 * rng.normal(size=3)
    here = round_direction(
        0.37 * noisy, 1e-6 * np.eye(3), KEYHOLE_MAP, n_candidates=1, max_complexity=80
    )
    back = np.linalg.inv(change)
    there = round_direction(
        back @ noisy,
        1e-6 / 0.37**2 * back @ back.T,
        np.round(KEYHOLE_MAP @ change).astype(int),
        n_candidates=1,
        max_complexity=80,
    )
    assert here[0].exponents == there[0].exponents
    assert [int(v) for v in here[0].exponents] == list(KEYHOLE_MAP @ primitive)
    assert here[0].p_value == pytest.approx(there[0].p_value, rel=1e-3)


def test_candidates_come_by_simplicity_and_within_the_uncertainty() -> None:
    covariance = np.diag([0.0, 0.02**2])
    rounded = round_direction([1.0, 0.35], covariance, level=0.95, n_candidates=20)
    ratios = [c.exponents[1] / c.exponents[0] for c in rounded]
    assert ratios[0] == Fraction(1, 3)
    assert all(abs(float(r) - 0.35) < 0.04 for r in ratios)
    assert [c.complexity for c in rounded] == sorted(c.complexity for c in rounded)
    assert all(c.p_value >= 0.05 for c in rounded)
    every = {
        Fraction(b, a)
        for a in range(1, 40)
        for b in range(1, 40 - a + 1)
        if abs(b / a - 0.35) < 0.0392 * 0.99
    }
    complete = round_direction([1.0, 0.35], covariance, level=0.95, n_candidates=10**4)
    assert every <= {c.exponents[1] / c.exponents[0] for c in complete}


@pytest.mark.parametrize("tolerance", [0.2, 1.0, 1.4])
def test_within_an_angle_every_simple_direction_is_found(tolerance: float) -> None:
    direction = np.array([1.0, 0.35, -0.6])
    expected = set()
    for powers in product(range(-5, 6), repeat=3):
        if 0 < sum(map(abs, powers)) <= 5 and gcd(*powers) == 1:
            cosine = powers @ direction / np.linalg.norm(powers) / np.linalg.norm(direction)
            if np.arccos(np.clip(cosine, -1.0, 1.0)) <= tolerance:
                expected.add(powers)
    rounded = round_direction(
        direction, np.eye(3), tolerance=tolerance, max_complexity=5, n_candidates=10**4
    )
    assert {tuple(map(int, c.exponents)) for c in rounded} == expected
    assert all(0 <= c.p_value <= 1 for c in rounded)


def test_rational_maps_and_single_groups() -> None:
    half = [[Fraction(1, 2)], [Fraction(-3, 2)]]
    (only,) = round_direction([-2.0], np.eye(1), half)
    assert only.exponents == (Fraction(-1), Fraction(3))
    assert only.group == (Fraction(-2),)


def test_nothing_simple_gives_nothing() -> None:
    assert round_direction([1.0, np.pi], 1e-12 * np.eye(2)) == []
    assert round_direction([1.0, 2.0, 3.0], np.eye(3), dof=1) == []


@pytest.mark.parametrize(
    ("direction", "exponent_map", "message"),
    [
        ([0.0, 0.0], None, "not zero"),
        ([1.0, 0.0], [[1, 0]], "one column for each"),
        ([1.0, 0.0], [[1, 1], [2, 2]], "dependent columns"),
    ],
)
def test_unusable_directions_are_refused(
    direction: list[float], exponent_map: list[list[int]] | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        round_direction(direction, np.eye(2), exponent_map)


def test_unusable_fields_are_refused() -> None:
    X = np.random.default_rng(0).normal(size=(10, 2))
    with pytest.raises(InputError, match="one finite value for each of the 10 runs"):
        gradient_field(X, np.zeros(9))
    with pytest.raises(InputError, match="one label only"):
        gradient_field(X, X[:, 0], groups=np.zeros(10))
    with pytest.raises(InputError, match="no group varies"):
        active_directions(gradient_field(X, X[:, 0]), np.ones((10, 2)))


def test_short_vectors_are_complete() -> None:
    rng = np.random.default_rng(4)
    for _ in range(10):
        root = rng.normal(size=(3, 3)) + np.diag([0.5, 0.5, 3])
        reach = int(np.ceil(np.sqrt(12.0) / np.linalg.svd(root)[1].min()))
        axis = np.arange(-reach, reach + 1)
        grid = np.stack(np.meshgrid(axis, axis, axis), -1).reshape(-1, 3)
        inside = grid[np.sum((grid @ root.T) ** 2, axis=1) <= 12.0].tolist()
        vectors = [tuple(k) for k in short_vectors(root, 12.0).tolist()]
        both = {*vectors, *(tuple(-v for v in k) for k in vectors)}
        assert both == {tuple(k) for k in inside if any(k)}
        assert 2 * len(vectors) == len(both)


def keyhole(folder: Path) -> tuple[Array, Array, list[str]]:
    with (folder / "keyhole_depth.csv").open() as file:
        table = list(csv.DictReader(file))
    logs = np.log([[float(row[name]) for name in KEYHOLE] for row in table])
    depth = np.array([float(row["e"]) / float(row["r0"]) for row in table])
    return logs @ KEYHOLE_MAP, depth, [row["source"] for row in table]


def test_keyhole_number_is_found_and_named(shared_data: Path) -> None:
    X, depth, _ = keyhole(shared_data)
    dominant = dominant_group(X, depth, exponent_map=KEYHOLE_MAP)
    assert dominant.active.shares[0] > 0.99
    assert dominant.r2 > 0.97
    number = dominant.candidates[0]
    # Ke², the smallest integers along etaP / (dTl rho cp sqrt(alpha Vs r0³)).
    assert [int(v) for v in number.exponents] == [2, -1, -3, -1, -2, -2, -2]
    assert number.predicts_as_well
    assert number.r2 > 0.97
    assert effective_dimension(dominant.active).above_noise == 1
    by_material = dominant_group(X, depth, exponent_map=KEYHOLE_MAP, groups=keyhole(shared_data)[2])
    assert any(
        [int(v) for v in c.exponents] == [2, -1, -3, -1, -2, -2, -2] for c in by_material.candidates
    )


def test_logarithm_of_depth_follows_nearly_the_keyhole_number(shared_data: Path) -> None:
    X, depth, _ = keyhole(shared_data)
    dominant = dominant_group(X, np.log(depth), exponent_map=KEYHOLE_MAP)
    number = X @ [1.0, -2.0, 2.0]
    assert np.corrcoef(X @ dominant.active.directions[:, 0], number)[0, 1] > 0.99
    assert dominant.r2 > dominant.r2_power_law + 0.005


def test_dominant_group_does_not_depend_on_the_basis(shared_data: Path) -> None:
    X, depth, _ = keyhole(shared_data)
    change = np.array([[1, 1, 0], [0, 1, 2], [0, 0, 1]])
    here = dominant_group(X, depth, exponent_map=KEYHOLE_MAP)
    there = dominant_group(X @ change, depth, exponent_map=KEYHOLE_MAP @ change)
    np.testing.assert_allclose(there.r2, here.r2, atol=1e-8)
    np.testing.assert_allclose(
        there.active.physical_exponents[:, 0], here.active.physical_exponents[:, 0], atol=1e-6
    )
    assert [c.exponents for c in there.candidates] == [c.exponents for c in here.candidates]


def test_given_gradients_are_used() -> None:
    rng = np.random.default_rng(6)
    X = rng.normal(size=(40, 2))
    slopes = np.tile([2.0, 1.0], (40, 1))
    given = GradientField(slopes, np.stack([slopes] * 4), np.arange(40) % 4)
    dominant = dominant_group(X, np.exp(X @ [2.0, 1.0] / 3), gradients=given)
    assert [int(v) for v in dominant.candidates[0].exponents] == [2, 1]
    assert dominant.r2 > 0.98


@pytest.mark.parametrize(("q", "dof"), [(1, 5.0), (2, 9.0), (3, np.inf)])
def test_offsets_of_a_direction_are_judged_by_hotellings_test(q: int, dof: float) -> None:
    rng = np.random.default_rng(q)
    root = 0.05 * rng.normal(size=(q + 1, q + 1))
    covariance, d = root @ root.T, np.array([2.0, 1.0, 0.5, -0.4])[: q + 1]
    factor = (dof - q + 1) / (dof * q) if np.isfinite(dof) else 1 / q
    second = min(dof, 1e9) - q + 1
    across = np.linalg.svd(d[None])[2][1:]
    spread = across @ covariance @ across.T / (d @ d)

    def chance(powers: Array) -> float:
        off = across @ powers / (powers @ d) * np.linalg.norm(d)
        return float(stats.f.sf(off @ np.linalg.solve(spread, off) * factor, q, second))

    every = round_direction(d, covariance, tolerance=0.8, dof=dof, n_candidates=20)
    assert len(every) > 3
    for found in every:
        powers = np.array([float(x) for x in found.exponents])
        assert found.p_value == pytest.approx(chance(powers), rel=1e-5, abs=1e-12)
    kept = round_direction(d, covariance, dof=dof, level=0.9, n_candidates=20)
    assert all(found.p_value >= 0.1 for found in kept)
    assert {c.exponents for c in every if c.p_value > 0.1} <= {c.exponents for c in kept}
    # blocks that are too few for the test
    assert round_direction(d, covariance, dof=q - 1.0) == []
    few = round_direction(d, covariance, tolerance=0.8, dof=q - 1.0, n_candidates=20)
    assert len(few) > 3
    assert all(np.isnan(found.p_value) for found in few)
    # a direction without any scatter, to rounding
    flat = round_direction([1.0, 1.0], np.array([[1.0, 1.0], [1.0, 1.0 - 1e-15]]), dof=5.0)
    assert [int(p) for p in flat[0].exponents] == [1, 1]


def test_eigenvalues_and_their_intervals_by_leaving_out_blocks() -> None:
    rng = np.random.default_rng(11)
    n, n_blocks = 40, 8
    X = rng.normal(size=(n, 2)) @ [[2.0, 0.5], [0.0, 0.7]]
    blocks = rng.permutation(np.arange(n) % n_blocks)
    slopes = np.column_stack([1.0 + np.tanh(X[:, 0]), 0.3 * X[:, 1]])
    copies = slopes + 0.1 * rng.normal(size=(n_blocks, n, 2))
    directions = active_directions(GradientField(slopes, copies, blocks), X, level=0.8)
    values, vectors = np.linalg.eigh(np.cov(X.T, bias=True))
    root = vectors * np.sqrt(values) @ vectors.T
    field, again = slopes @ root, copies @ root
    factor = (n_blocks - 1) / n_blocks
    kept = [blocks != b for b in range(n_blocks)]
    noise = np.zeros((2, 2))
    for b, keep in enumerate(kept):
        off = (again[b] - field)[keep]
        noise += factor * off.T @ off / n

    def eigenvalues(rows: Array) -> Array:
        return np.asarray(np.linalg.eigvalsh(rows.T @ rows / len(rows) - noise)[::-1])

    whole = eigenvalues(field)
    left_out = np.array([eigenvalues(again[b][keep]) for b, keep in enumerate(kept)])
    np.testing.assert_allclose(directions.eigenvalues, whole)
    np.testing.assert_allclose(directions.replicate_eigenvalues, left_out)

    def interval(value: Array, parts: Array) -> Array:
        spread = np.sqrt(factor * ((parts - value) ** 2).sum(axis=0))
        half = stats.t.ppf(0.9, n_blocks - 1) * spread
        return np.stack([value - half, value + half], axis=-1)

    np.testing.assert_allclose(directions.eigenvalue_intervals, interval(whole, left_out))
    shares, parts = (np.maximum(v, 0.0) for v in (whole, left_out))
    shares, parts = shares / shares.sum(), parts / parts.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(directions.shares, shares)
    np.testing.assert_allclose(
        directions.share_intervals, np.clip(interval(shares, parts), 0.0, 1.0)
    )
    assert (directions.dof, directions.level) == (n_blocks - 1, 0.8)
    size = effective_dimension(directions)
    ratio, ratios = 1 / np.sum(shares**2), 1 / np.sum(parts**2, axis=1)
    assert size.participation == pytest.approx(ratio)
    ends = np.clip(interval(np.array(ratio), ratios), 1.0, 2.0)
    np.testing.assert_allclose((size.low, size.high), ends)
    # directions point where the exponents are positive on average, of unit spread
    assert np.all(slopes.mean(axis=0) @ np.cov(X.T, bias=True) @ directions.directions > 0)
    spread = directions.directions.T @ np.cov(X.T, bias=True) @ directions.directions
    np.testing.assert_allclose(spread, np.eye(2), atol=1e-9)


@pytest.mark.parametrize("noise", [0.02, 0.3, 3.0])
def test_the_curvature_is_held_back_as_runs_left_out_ask(noise: float) -> None:
    rng = np.random.default_rng(12)
    z = rng.normal(size=(25, 2))
    y = z[:, 0] + 0.5 * z[:, 0] * z[:, 1] + noise * rng.normal(size=25)
    lines = np.column_stack([np.ones(25), z])
    bend = np.column_stack([z[:, 0] ** 2, np.sqrt(2) * z[:, 0] * z[:, 1], z[:, 1] ** 2])
    bend = bend - lines @ np.linalg.lstsq(lines, bend, rcond=None)[0]
    design = np.column_stack([lines, bend])
    scores = {}
    for penalty in 25 * np.geomspace(1e-4, 1e4, 33):
        held = np.diag([0.0] * 3 + [penalty] * 3)
        errors = []
        for i in range(25):
            rest = np.arange(25) != i
            law = np.linalg.solve(design[rest].T @ design[rest] + held, design[rest].T @ y[rest])
            errors.append(y[i] - design[i] @ law)
        scores[float(penalty)] = float(np.square(errors).sum())
    assert _penalty(z, y) == pytest.approx(min(scores, key=scores.__getitem__))


@pytest.mark.parametrize("seed", [0, 5, 11, 12])
def test_the_effective_dimension_lies_in_its_interval(seed: int) -> None:
    """Also where the errors of the gradients explain all of them."""
    random = np.random.default_rng(seed)
    X, y = random.normal(size=(15, 2)), random.normal(size=15)
    dimension = effective_dimension(active_directions(gradient_field(X, y), X))
    assert dimension.low <= dimension.participation <= dimension.high
