"""Directions of log groups along which a response is an exact power: one group fewer each.

A response y(x) of log groups x that is linear along v and some function of what is perpendicular
to v does not need as many groups as x has. Every small change of a few physical variables is
tried as a direction, whatever basis the groups are in; a Gaussian process with a linear trend, by
restricted likelihood, judges them and predicts runs left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from scipy.linalg import null_space
from scipy.optimize import minimize

from dimgs.common.arrays import Array

Group = Mapping[str, float]


@dataclass(frozen=True)
class Reduction:
    """What is left when the response is a power along some directions.

    Attributes
    ----------
    moves : tuple of dict
        Changes of the physical variables, as exponents.
    evidence, next_best : float
        Restricted log-likelihood of the directions, and of the next best last one.
    slope, slope_error : float
        Change of the log response along the last direction, and its standard error.
    left_out : float
        Root mean square error of the log response of runs left out one by one.
    """

    moves: tuple[Group, ...]
    evidence: float
    next_best: float
    slope: float
    slope_error: float
    left_out: float

    def keeps(self, group: Group) -> bool:
        """Whether a group is the same all along the directions."""
        return all(sum(group.get(n, 0.0) * e for n, e in m.items()) == 0.0 for m in self.moves)


def unreduced(logs: Array, response: Array) -> Reduction:
    """All groups as they are."""
    evidence, _, _, left_out = _process(logs, logs, response)
    return Reduction((), evidence, evidence, 0.0, 0.0, left_out)


def reduced(
    logs: Array, response: Array, groups: Sequence[Group], before: Reduction, size: int = 3
) -> Reduction:
    """Best direction beside those found before.

    Parameters
    ----------
    logs : ndarray of shape (n_runs, n_groups)
        Logarithms of the groups.
    response : ndarray of shape (n_runs,)
    groups : sequence of mapping of str to float
        Exponents of the physical variables in each group.
    before : Reduction
    size : int
        Largest number of variables that change.
    """
    names = sorted({n for g in groups for n in g})
    matrix = np.array([[g.get(n, 0.0) for n in names] for g in groups])
    done = [matrix @ _vector(m, names) for m in before.moves]
    tried: dict[tuple[float, ...], tuple[Group, float, float, float, float]] = {}
    for move in _moves(names, size):
        v = matrix @ _vector(move, names)
        directions = np.array([*done, v])
        sign = np.sign(v[np.flatnonzero(v)[0]]) if v.any() else 0.0
        if np.linalg.matrix_rank(directions) < len(directions) or tuple(sign * v) in tried:
            continue
        evidence, trend, covariance, left_out = _process(
            logs @ null_space(directions), logs, response
        )
        slope = float(trend[1:] @ v)
        error = float(np.sqrt(v @ covariance[1:, 1:] @ v))
        tried[tuple(sign * v)] = (move, evidence, slope, error, left_out)
    best, second = sorted(tried.values(), key=lambda t: -t[1])[:2]
    move, evidence, slope, error, left_out = best
    return Reduction((*before.moves, move), evidence, second[1], slope, error, left_out)


def _moves(names: Sequence[str], size: int) -> Iterator[Group]:
    """Changes by one power of up to `size` variables, fewest first, without their opposites."""
    for count in range(1, size + 1):
        for chosen in combinations(names, count):
            for signs in product((1.0, -1.0), repeat=count - 1):
                yield dict(zip(chosen, (1.0, *signs), strict=True))


def _vector(move: Group, names: Sequence[str]) -> Array:
    return np.array([move.get(n, 0.0) for n in names])


def _process(z: Array, trend: Array, y: Array) -> tuple[float, Array, Array, float]:
    """Evidence, trend, covariance of the trend and left-out error of a Gaussian process on z."""
    n = len(y)
    design = np.column_stack([np.ones(n), trend])
    scaled = (z - z.mean(axis=0)) / z.std(axis=0)
    squares = (scaled[:, None, :] - scaled[None, :, :]) ** 2

    def parts(p: Array) -> tuple[Array, Array, Array]:
        kernel = np.exp(-0.5 * squares @ np.exp(-2.0 * p[:-1])) + np.exp(p[-1]) * np.eye(n)
        inverse = np.linalg.inv(kernel)
        across = inverse @ design
        inner = design.T @ across
        return kernel, inverse - across @ np.linalg.solve(inner, across.T), inner

    def loss(p: Array) -> float:
        kernel, projected, inner = parts(p)
        dof = n - design.shape[1]
        spread = float(y @ projected @ y) / dof
        determinants = np.linalg.slogdet(kernel)[1] + np.linalg.slogdet(inner)[1]
        return float(0.5 * (dof * np.log(spread) + determinants))

    bounds = [(-2.0, 4.0)] * z.shape[1] + [(-14.0, 0.0)]
    start = np.append(np.full(z.shape[1], 0.5), -8.0)
    best = minimize(loss, start, method="L-BFGS-B", bounds=bounds)
    kernel, projected, inner = parts(best.x)
    spread = float(y @ projected @ y) / (n - design.shape[1])
    estimate = np.linalg.solve(inner, design.T @ np.linalg.solve(kernel, y))
    left_out = projected @ y / np.diag(projected)
    error = float(np.sqrt(np.mean(left_out**2)))
    return -float(best.fun), estimate, spread * np.linalg.inv(inner), error
