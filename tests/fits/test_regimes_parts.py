"""Parts of the search for regimes against plain loops: trees, tests, profiles, choices."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.common.arrays import Array
from dimgs.fits.regimes import (
    Boundary,
    BoundaryRuns,
    Kinds,
    Sample,
    Tree,
    _turn,
    at_boundary,
    best_cut,
    bic,
    degrees_of_freedom,
    fit_continuous,
    fit_laws,
    grow,
    hinge_gains,
    jump_pieces,
    labels,
    leading,
    noise_variance,
    paths,
    prepare,
    rational,
    sphere,
    split_leaf,
    thin,
    whitened_axes,
    with_boundary,
)

SEEDS = st.integers(0, 10_000)


def sample_of(rng: np.random.Generator, n: int, rank: int, least: int = 5) -> Sample:
    """Runs without a law in orthonormal coordinates, of unlike weights."""
    weight = rng.uniform(0.5, 2.0, n)
    return Sample(rng.normal(size=(n, rank)), rng.normal(size=n), weight, np.arange(n), least)


def bent(n: int, rank: int, jump: float, seed: int = 0, noise: float = 0.1) -> Sample:
    """Two laws on either side of the first coordinate."""
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(n, rank))
    y = np.where(Z[:, 0] > 0.2, 1.5 * (Z[:, 0] - 0.2) + jump, -0.5 * (Z[:, 0] - 0.2))
    y = y + noise * rng.normal(size=n)
    return Sample(Z, y, rng.uniform(0.5, 2.0, n), np.arange(n), 6)


def loss_of(sample: Sample, *more: Array) -> float:
    """What one law, and further columns, leave of the response."""
    root = np.sqrt(sample.weight)[:, None]
    design = root * np.column_stack([sample.design, *more])
    left = root[:, 0] * sample.y
    return float(np.sum((left - design @ np.linalg.lstsq(design, left, rcond=None)[0]) ** 2))


def chain(direction: Array, thresholds: Array) -> Tree:
    """Parallel boundaries along one direction, thresholds ascending."""
    return tuple(Boundary(direction, t, order=k) for k, t in enumerate(thresholds.tolist()))


def random_tree(rng: np.random.Generator, leaves: int, rank: int) -> Tree:
    tree: Tree = ()
    for count in range(1, leaves):
        direction = rng.normal(size=rank)
        edge = Boundary(direction / np.linalg.norm(direction), float(rng.normal(0.0, 0.3)))
        tree = split_leaf(tree, int(rng.integers(count)), edge)
    return tree


@given(SEEDS, st.integers(1, 6))
@settings(max_examples=30)
def test_a_tree_divides_space_along_its_ways(seed: int, leaves: int) -> None:
    rng = np.random.default_rng(seed)
    tree, Z = random_tree(rng, leaves, 2), rng.normal(size=(60, 2))
    edges, regimes = tree, labels(tree, Z)
    assert len(edges) == leaves - 1
    for regime, way in enumerate(paths(tree)):
        inside = np.ones(60, dtype=bool)
        for k, side in way:
            inside &= (Z @ edges[k].direction >= edges[k].threshold) == (side > 0)
        np.testing.assert_array_equal(regimes == regime, inside)
    for k, edge in enumerate(edges):
        reaches, left, right = at_boundary(tree, k, Z)
        below, above = (
            with_boundary(tree, k, Boundary(edge.direction, end)) for end in (np.inf, -np.inf)
        )
        np.testing.assert_array_equal(left[reaches], labels(below, Z)[reaches])
        np.testing.assert_array_equal(right[reaches], labels(above, Z)[reaches])
        np.testing.assert_array_equal(reaches, labels(below, Z) != labels(above, Z))
        assert [x is y for x, y in zip(edges, below, strict=True)].count(False) == 1
        assert below[k].threshold == np.inf
        again = with_boundary(below, k, edge)
        np.testing.assert_array_equal(labels(again, Z), regimes)
    with pytest.raises(IndexError):
        at_boundary(tree, leaves, Z)
    for regime in range(leaves):
        more = split_leaf(tree, regime, Boundary(np.array([1.0, 0.0]), 0.0))
        upper = (regimes == regime) & (Z[:, 0] >= 0.0)
        np.testing.assert_array_equal(labels(more, Z), regimes + upper + (regimes > regime))


def test_a_chain_divides_along_one_direction() -> None:
    Z, direction = np.random.default_rng(0).normal(size=(50, 2)), np.array([0.6, 0.8])
    cuts = np.array([-0.5, 0.1, 0.7])
    np.testing.assert_array_equal(
        labels(chain(direction, cuts), Z), np.searchsorted(cuts, Z @ direction, side="right")
    )


@pytest.mark.parametrize("rank", [1, 2, 3, 5])
def test_directions_to_search_are_unit_vectors_spread_over_the_half_sphere(rank: int) -> None:
    directions = sphere(rank)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1.0)
    assert len(directions) == {1: 1, 2: 24, 3: 3 + 48, 5: 5 + 64}[rank]
    if rank == 2:
        angle = np.arctan2(directions[:, 1], directions[:, 0])
        np.testing.assert_allclose(angle, np.linspace(0.0, np.pi, 25)[:-1])
    if rank > 2:
        np.testing.assert_allclose(directions[:rank], np.eye(rank))
        assert (
            np.abs(directions[rank:] @ directions[rank:].T - np.eye(len(directions) - rank)).max()
            < 0.9999
        )


def test_the_leading_exponent_is_the_first_of_the_largest() -> None:
    assert leading(np.array([0.3, -2.0, 2.0 * (1 + 1e-12)])) == -2.0
    assert leading(np.array([0.3, -2.0, 2.1])) == 2.1
    assert leading(np.zeros(2)) == 1.0
    assert [float(x) for x in rational((2, -3, 3))] == pytest.approx([-2 / 3, 1.0, -1.0])
    assert [float(x) for x in rational((1, -4))] == [-0.25, 1.0]


def test_of_long_tables_some_runs_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = sample_of(np.random.default_rng(0), 25, 1)
    monkeypatch.setattr("dimgs.fits.regimes._LARGEST_TABLE", 25)
    assert thin(sample) is sample
    monkeypatch.setattr("dimgs.fits.regimes._LARGEST_TABLE", 12)
    np.testing.assert_array_equal(thin(sample).y, sample.y[::3])


@given(SEEDS, st.integers(1, 3))
@settings(max_examples=15)
def test_the_gain_of_a_hinge_is_what_it_takes_off_the_loss(seed: int, rank: int) -> None:
    rng = np.random.default_rng(seed)
    sample = sample_of(rng, 40, rank)
    response = sample.apart((np.sqrt(sample.weight) * sample.y)[:, None])
    along = sample.Z[:, 0]
    ordered = np.sort(along)
    knots = np.linspace(ordered[5], ordered[-6], 9)
    gains = hinge_gains(sample, along, knots, response)
    losses = [loss_of(sample, np.maximum(along - knot, 0.0)) for knot in knots]
    np.testing.assert_allclose(gains, loss_of(sample) - np.array(losses), atol=1e-9)
    # below all runs a hinge is part of the law
    assert not hinge_gains(sample, along, np.array([along.min() - 1.0]), response).any()
    # where laws meet along a direction: no place between enough runs is better
    alone = np.zeros(40, dtype=np.intp)
    _, loss = BoundaryRuns(sample, alone, alone, True).best(np.eye(rank)[0])
    places = np.linspace(ordered[4], ordered[-5], 1000)
    least = min(loss_of(sample, np.maximum(along - c, 0.0)) for c in places)
    assert loss == pytest.approx(least, rel=1e-3)


def test_parameters_of_a_partition() -> None:
    one, two = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    assert degrees_of_freedom((), 3) == 4.0
    assert degrees_of_freedom(chain(one, np.array([0.0])), 3) == 8.0 + 3.0 + 2.0
    # a direction is searched once, whichever way it points
    both = split_leaf(chain(one, np.array([0.0])), 1, Boundary(-one, -1.0))
    assert degrees_of_freedom(both, 3) == 12.0 + 6.0 + 2.0
    turned = split_leaf(chain(one, np.array([0.0])), 1, Boundary(two, 1.0))
    assert degrees_of_freedom(turned, 3) == 12.0 + 6.0 + 4.0
    meeting = split_leaf((), 0, Boundary(one, 0.0, True))
    assert degrees_of_freedom(meeting, 3) == 8.0 + 1.0
    sample = bent(50, 1, 1.0)
    pieces = jump_pieces(sample, chain(np.ones(1), np.array([0.2])))
    assert bic(sample, pieces) == pytest.approx(50 * np.log(pieces.loss / 50) + 7.0 * np.log(50.0))
    # the searched place is one parameter of the noise, not three
    variance, dof = noise_variance(sample, pieces)
    assert dof == 50 - 5
    assert variance == pytest.approx(pieces.loss / 45)


@pytest.mark.parametrize("rank", [2, 3])
def test_a_direction_is_turned_to_where_the_loss_is_least(rank: int) -> None:
    target = np.arange(1.0, rank + 1)
    target /= np.linalg.norm(target)

    def place(direction: Array) -> tuple[float, float]:
        return -5.0, 2.0 - float(direction @ target)

    start = target + 0.25 * np.array([(-1.0) ** k for k in range(rank)])
    start /= np.linalg.norm(start)
    turned = _turn(start, place, 1e-3)
    assert np.linalg.norm(turned) == pytest.approx(1.0)
    assert np.linalg.norm(turned - target) < 0.02 < 0.1 < np.linalg.norm(start - target)
    assert _turn(target, place, 1e-3) is target


def test_the_path_holds_the_best_laws_of_each_number() -> None:
    rng = np.random.default_rng(2)
    z = np.sort(rng.uniform(-2.0, 2.0, 48))
    y = np.where(z < -0.7, z, np.where(z < 0.6, 1.5 - z, 3.0 * z)) + 0.05 * rng.normal(size=48)
    sample = Sample(z[:, None], y, rng.uniform(0.5, 2.0, 48), np.arange(48), 6)
    path = grow(sample, np.ones((1, 1)), 3, Kinds(jump=True, continuous=False))
    assert [p.n_regimes for p in path] == [1, 2, 3]
    losses = [loss_of(sample)]
    for count in (1, 2):
        best = np.inf
        for cuts in product(range(6, 43), repeat=count):
            ends = [0, *cuts, 48]
            if all(b - a >= 6 for a, b in pairwise(ends)):
                parts = [sample.take(np.arange(a, b)) for a, b in pairwise(ends)]
                best = min(best, sum(map(loss_of, parts)))
        losses.append(best)
    np.testing.assert_allclose([p.loss for p in path], losses)
    # for a law without noise no more regimes than it has
    exact = Sample(z[:, None], np.abs(z), np.ones(48), np.arange(48), 6)
    assert [p.n_regimes for p in grow(exact, np.ones((1, 1)), 5, Kinds(True, True))] == [1, 2]
    assert len(grow(sample, np.ones((1, 1)), 1, Kinds(True, True))) == 1
    assert len(grow(sample.take(np.arange(11)), np.ones((1, 1)), 3, Kinds(True, True))) == 1


def test_laws_that_meet_are_the_best_hinge() -> None:
    sample = bent(60, 1, 0.0, 1, noise=0.2)
    start = chain(np.ones(1), np.array([0.5]))
    pieces = fit_continuous(sample, start, [0])
    assert pieces is not None
    (edge,) = pieces.tree
    assert edge.continuous
    ends = np.sort(sample.Z[:, 0])[[6, -7]]
    places = np.linspace(ends[0], ends[1], 1000)
    losses = {c: loss_of(sample, np.maximum(sample.Z[:, 0] - c, 0.0)) for c in places}
    best = min(losses, key=losses.__getitem__)
    assert pieces.loss <= losses[best] * (1 + 1e-4)
    assert edge.threshold == pytest.approx(best, abs=0.02)
    point = edge.threshold * edge.direction
    one, other = (law[0] + law[1:] @ point for law in pieces.laws)
    assert one == pytest.approx(other)
    np.testing.assert_allclose(
        pieces.loss, sample.weight @ (sample.y - pieces.predict(sample.Z)) ** 2
    )
    # parallel laws never meet
    side = (sample.Z[:, 0] > 0.0).astype(float)
    flat = Sample(sample.Z, 2.0 * side + sample.Z[:, 0], np.ones(60), np.arange(60), 6)
    two = fit_laws(flat, side.astype(np.intp), 2)
    np.testing.assert_allclose(two, [[0.0, 1.0], [2.0, 1.0]], atol=1e-12)


@given(SEEDS)
@settings(max_examples=20)
def test_a_cut_is_never_between_equal_runs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sample = sample_of(rng, 30, 1)
    at = np.round(sample.Z[:, 0])
    alone = np.zeros(30, dtype=np.intp)
    threshold, loss = best_cut(sample.rows, at, alone, alone, 4)
    every = {}
    for cut in np.unique(at)[1:]:
        low = np.flatnonzero(at < cut), np.flatnonzero(at >= cut)
        if min(map(len, low)) >= 4:
            every[float(cut)] = sum(loss_of(sample.take(rows)) for rows in low)
    if not every:
        assert np.isinf(loss)
        return
    best = min(every, key=every.__getitem__)
    assert loss == pytest.approx(every[best])
    values = np.unique(at)
    assert threshold == pytest.approx((best + values[np.searchsorted(values, best) - 1]) / 2)


def test_coordinates_are_orthonormal_and_turn_with_what_every_basis_agrees_on() -> None:
    rng = np.random.default_rng(3)
    X, y, w = rng.normal(size=(40, 3)) @ rng.normal(size=(3, 3)), rng.normal(size=40), np.ones(40)
    w[:10] = 3.0
    axes = whitened_axes(X, y, w)
    Z = axes.apply(X)
    np.testing.assert_allclose(Z.T @ (w[:, None] * Z) / w.sum(), np.eye(3), atol=1e-12)
    np.testing.assert_allclose(axes.centre, np.average(X, axis=0, weights=w))
    np.testing.assert_allclose(Z @ axes.inverse, X - axes.centre, atol=1e-12)
    # the first axis is the direction of the response
    slope = np.linalg.lstsq(Z * w[:, None] ** 0.5, (y - np.average(y, weights=w)) * w**0.5)[0]
    np.testing.assert_allclose(slope[1:], 0.0, atol=1e-12)
    assert slope[0] > 0
    U = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 1.0], [1.0, 2.0, 1.0]])
    np.testing.assert_allclose(whitened_axes(X @ U, y, w).apply(X @ U), Z, atol=1e-9)
    # where the response says nothing the leverages, and where they do not the order of the runs
    for flat in (np.zeros(40), np.ones(40)):
        same = whitened_axes(X @ U, flat, w).apply(X @ U)
        np.testing.assert_allclose(same, whitened_axes(X, flat, w).apply(X), atol=1e-9)
    corners = np.array(list(product([-1.0, 1.0], repeat=3)))
    one, other = (whitened_axes(c, np.zeros(8), np.ones(8)) for c in (corners, corners @ U))
    np.testing.assert_allclose(other.apply(corners @ U), one.apply(corners), atol=1e-9)
    assert whitened_axes(np.ones((6, 2)), y[:6], np.ones(6)).rank == 0


def test_the_single_law_is_taken_out_in_units_of_the_response() -> None:
    rng = np.random.default_rng(4)
    X, w = rng.normal(size=(50, 2)), rng.uniform(0.5, 2.0, 50)
    y = 3.0 + X @ [1.0, -2.0] + 0.2 * rng.normal(size=50)
    data = prepare(X, 1e3 * y, 7.0 * w, np.arange(50))
    spread = np.sqrt(np.cov(y, aweights=w, ddof=0))
    assert data.scale == pytest.approx(1e3 * spread)
    assert data.sample.weight.mean() == pytest.approx(1.0)
    back = data.sample.design @ data.base + data.scale * data.sample.y
    np.testing.assert_allclose(back, 1e3 * y)
    np.testing.assert_allclose(
        data.sample.design.T @ (data.sample.weight * data.sample.y), 0.0, atol=1e-10
    )
    assert data.sample.min_runs == 6
    assert prepare(X, y, w, np.arange(50), 9).sample.min_runs == 9
    assert prepare(X[:, :1], y, w, np.arange(50)).sample.min_runs == 5
    many = rng.normal(size=(400, 1))
    assert prepare(many, many[:, 0], np.ones(400), np.arange(400)).sample.min_runs == 10
    assert prepare(X, np.full(50, 4.0), w, np.arange(50)).scale == 1.0
