"""What the runs say so far: regimes, the law of each, and how well each answer is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dimgs.campaign.consensus import Affine
from dimgs.campaign.design import Region
from dimgs.campaign.fidelity import RegionFit, fit_region
from dimgs.campaign.regimes import Regimes, find_regimes
from dimgs.campaign.space import PiSpace, Points, Rows

Array = NDArray[np.float64]

# Misses of log pi_0 up to this many tolerances on exponents count as following a law.
_ACCEPT = 2.0
# 2 %: below, the numerical errors of common kernels would split a law
_ACCEPT_AT_LEAST = 0.02
# 20 %: above, laws a crossover apart would be one
_ACCEPT_AT_MOST = 0.2
# e-folds; further away from another law nothing changes
_DEEPEST = 50.0
# a regime in less of the ranges is named, not answered
_SMALLEST_SHARE = 0.02


@dataclass(frozen=True, eq=False)
class Goal:
    """What is asked, in coordinates.

    Attributes
    ----------
    space : PiSpace
    region : Region
    level : float
    exponents : float or None
        Tolerance of the exponents of the varied inputs.
    prediction : float or None
        Tolerance of log predictions at `points`.
    points : ndarray of shape (n_points, rank)
    """

    space: PiSpace
    region: Region
    level: float
    exponents: float | None
    prediction: float | None
    points: Array

    @property
    def acceptance(self) -> float:
        """Largest miss of log pi_0 at which a run follows a law."""
        wanted = self.exponents if self.exponents is not None else self.prediction
        assert wanted is not None
        return float(np.clip(_ACCEPT * wanted, _ACCEPT_AT_LEAST, _ACCEPT_AT_MOST))


@dataclass(frozen=True, eq=False)
class LocalLaw:
    """The law of one region, and what is asked of it.

    Attributes
    ----------
    name : str
        ``"regime 1"`` or ``"point 1"``.
    law : int or None
        Number of the regime's law.
    centre : ndarray of shape (rank,) or None
        The named point.
    members : tuple of ndarray of int
        For each tier, the rows that entered.
    depth, lean : ndarray of shape (n_points,)
    fit : RegionFit
    functionals : ndarray of shape (n_asked, rank + 1)
    labels : tuple of str
    tolerance : ndarray of shape (n_asked,)
    share : float
        Part of the reachable region that it takes.
    """

    name: str
    law: int | None
    centre: Array | None
    members: tuple[Rows, ...]
    depth: Array
    lean: Array
    fit: RegionFit
    functionals: Array
    labels: tuple[str, ...]
    tolerance: Array
    share: float

    def half_widths(self, level: float) -> Array:
        """Half-widths of what is asked."""
        return self.fit.half_widths(self.functionals, level)

    def worst(self, level: float) -> float:
        """Largest half-width in units of its tolerance."""
        return float(np.max(self.half_widths(level) / self.tolerance, initial=0.0))

    @property
    def confidence(self) -> float:
        """Smallest probability that an asked quantity lies within its tolerance."""
        return float(np.min(self.fit.confidence(self.functionals, self.tolerance), initial=1.0))


@dataclass(frozen=True, eq=False)
class Evidence:
    """Regimes and answers after some runs.

    Attributes
    ----------
    regimes : Regimes
        Of the coarsest tier.
    rows : ndarray of int
        Points that they were found from.
    answers : tuple of LocalLaw
    """

    regimes: Regimes
    rows: Rows
    answers: tuple[LocalLaw, ...]

    def worst(self, level: float) -> float:
        """Largest half-width in units of its tolerance."""
        return max((a.worst(level) for a in self.answers), default=np.inf)


def analyse(
    goal: Goal,
    points: Points,
    pool: Array,
    noise: float = 0.0,
    known: tuple[Affine, ...] = (),
) -> Evidence:
    """Find the regimes and fit every answer.

    Parameters
    ----------
    goal : Goal
    points : Points
    pool : ndarray of shape (n, rank)
        Space-filling points, to measure shares with.
    noise : float
        Standard deviation of log pi_0 of a run.
    known : tuple of Affine
        Laws of the last analysis.

    Returns
    -------
    Evidence
    """
    rows = points.done(0)
    z, y = points.z[rows], points.y[rows, 0]
    regimes = find_regimes(z, y, goal.acceptance, noise, known)
    answers: list[LocalLaw] = []
    if goal.exponents is not None:
        answers = _regime_answers(goal, points, rows, regimes, pool)
    if goal.prediction is not None:
        for i, centre in enumerate(goal.points, 1):
            answers.append(_point_answer(goal, points, regimes, rows, centre, f"point {i}"))
    return Evidence(regimes, rows, tuple(answers))


def _regime_answers(
    goal: Goal, points: Points, rows: Rows, regimes: Regimes, pool: Array
) -> list[LocalLaw]:
    space = goal.space
    shares = regimes.cores(pool).mean(axis=0)
    sides = np.mean(regimes.gaps(pool) >= 0.0, axis=0)
    functionals = np.column_stack([np.zeros(len(space.names)), space.exponent_map])
    answers: list[LocalLaw] = []
    for k in range(len(regimes.laws)):
        if sides[k] < _SMALLEST_SHARE:
            continue
        members, depth, lean = core_members(points, rows, regimes, k)
        answers.append(
            LocalLaw(
                name=f"regime {len(answers) + 1}",
                law=k,
                centre=None,
                members=members,
                depth=depth,
                lean=lean,
                fit=fit_region(points, members, depth, lean),
                functionals=functionals,
                labels=tuple(f"exponent of {n}" for n in space.names),
                tolerance=np.full(len(functionals), goal.exponents),
                share=float(shares[k]),
            )
        )
    return answers


def core_members(
    points: Points, rows: Rows, regimes: Regimes, law: int
) -> tuple[tuple[Rows, ...], Array, Array]:
    """Rows of each tier in the core of a law, and depth and lean of all points."""
    inside = np.zeros(len(points), dtype=np.bool_)
    depth, lean = np.zeros(len(points)), np.zeros(len(points))
    z, y = points.z[rows], points.y[rows, 0]
    inside[rows] = regimes.cores(z)[:, law]
    if len(regimes.laws) > 1:
        depth[rows] = np.minimum(regimes.gaps(z)[:, law], _DEEPEST)
        lean[rows] = regimes.lean(z, y)[:, law]
    else:
        depth[rows] = -np.linalg.norm(z - z.mean(axis=0), axis=1)
    members = [rows[inside[rows]]]
    members += [_inside(points.pairs(tier), inside) for tier in range(1, points.n_tiers)]
    return tuple(members), depth, lean


def _inside(rows: Rows, inside: NDArray[np.bool_]) -> Rows:
    return rows[inside[rows]]


def neighbours(points: Points, tier: int, centre: Array) -> Rows:
    """Nearest rows for a local law of a tier: its answers, or its differences to the next."""
    rows = points.part(tier)[0]
    distance = np.linalg.norm(points.z[rows] - centre, axis=1)
    return rows[np.argsort(distance, kind="stable")[: 2 * points.rank + 4]]


def _point_answer(
    goal: Goal,
    points: Points,
    regimes: Regimes,
    rows: Rows,
    centre: Array,
    name: str,
) -> LocalLaw:
    law: int | None = None
    members: Sequence[Rows]
    if bool(goal.region.contains(centre[None])[0]):
        members = [neighbours(points, tier, centre) for tier in range(points.n_tiers)]
        depth = -np.linalg.norm(points.z - centre, axis=1)
        lean = np.zeros(len(points))
    else:
        law = int(np.argmax(regimes.gaps(centre[None])[0]))
        members, depth, lean = core_members(points, rows, regimes, law)
    assert goal.prediction is not None
    return LocalLaw(
        name=name,
        law=law,
        centre=centre,
        members=tuple(members),
        depth=depth,
        lean=lean,
        fit=fit_region(points, members, depth, lean),
        functionals=np.concatenate([[1.0], centre])[None],
        labels=("prediction",),
        tolerance=np.array([np.log1p(goal.prediction)]),
        share=0.0,
    )
