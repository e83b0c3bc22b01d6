"""The pi space that a plan's ranges reach, and the points of it that a campaign has visited."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import isfinite
from typing import NamedTuple

import numpy as np

from dimgs.common.arrays import Array, BoolArray, leading_rows
from dimgs.fits.consensus import GroupAxes, Sites
from dimgs.fits.design.features import Feature
from dimgs.groups.group import PiBasis, PiGroup

# relative: exponents are small rationals, what is smaller is rounding
_RANK = 1e-9
# of coordinates of order one: far above rounding, far below what a range resolves
_REACHED = 1e-6


@dataclass(frozen=True, eq=False)
class PiSpace:
    """The region that the groups reach while the inputs stay in their ranges.

    With u in [-1, 1]^n the inputs' logarithms between the ends of their ranges, the logarithms
    of all groups are W u plus a constant. Coordinates are z = T u, T an orthonormal basis of the
    row space of W: it is the same for every basis of groups, inputs with equal z have equal
    groups, and the reachable region is the zonotope T [-1, 1]^n. Inputs that vanish or change sign
    (`signed` of the basis) are coordinates of their own, on a linear scale; so is a temperature T
    that enters as 1/T, on that of -T0/T: the slope of log pi_0 along it is the elasticity at T0.

    Parameters
    ----------
    basis : PiBasis
        Of all inputs that take part, and of the target.
    names : tuple of str
        Inputs that may vary, sorted.
    low, high : ndarray of shape (n_inputs,)
        Logarithms of the ends of their ranges, in SI units; of signed inputs the ends themselves,
        of a temperature -T0/T.
    fixed : mapping of str to float
        SI values of the other inputs that take part.
    references : mapping of str to float
        T0 in kelvin of each absolute temperature that enters as 1/T, and is in no group.

    Examples
    --------
    >>> from dimgs.groups.derive import pi_basis
    >>> basis = pi_basis(["D [m^2/s]", "t [s]", "l [m]", "u [1]"], "u")
    >>> ends = np.log([[1e-12, 1e-10], [1e-4, 1e-3], [1.0, 1e4]])
    >>> space = PiSpace(basis, ("D", "l", "t"), ends[:, 0], ends[:, 1], {})
    >>> space.rank, len(space.names)
    (1, 3)
    """

    basis: PiBasis
    names: tuple[str, ...]
    low: Array
    high: Array
    fixed: Mapping[str, float]
    references: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def between(
        cls,
        ends: Mapping[str, tuple[float, float]],
        basis: PiBasis,
        fixed: Mapping[str, float],
        reciprocal: Iterable[str] = (),
    ) -> "PiSpace":
        """The space of ranges.

        Parameters
        ----------
        ends : mapping of str to (float, float)
            Of the ranges in SI units, by names in their order.
        basis : PiBasis
        fixed : mapping of str to float
        reciprocal : iterable of str
            Temperatures that enter as 1/T; T0 is the middle of the range of 1/T.
        """
        middle = {n: 2.0 / (1.0 / ends[n][0] + 1.0 / ends[n][1]) for n in reciprocal}
        space = cls(basis, tuple(ends), np.empty(0), np.empty(0), fixed, middle)
        low, high = (space.logs({n: e[i] for n, e in ends.items()}) for i in (0, 1))
        return replace(space, low=low, high=high)

    @property
    def centre(self) -> Array:
        """Middle of the logarithmic ranges."""
        return np.asarray((self.low + self.high) / 2)

    @property
    def half(self) -> Array:
        """Half the logarithmic ranges."""
        return np.asarray((self.high - self.low) / 2)

    @cached_property
    def groups(self) -> tuple[PiGroup, ...]:
        """Groups of positive inputs: those that have logarithms."""
        return tuple(g for g in self.basis.groups if not self.basis.is_signed(g))

    @cached_property
    def signed(self) -> BoolArray:
        """Which of the varying inputs vanish or change sign."""
        return np.array([n in self.basis.signed for n in self.names], dtype=np.bool_)

    @cached_property
    def _t0(self) -> Array:
        """T0 of the inputs that enter as -T0/T, NaN of the others, shape (n_inputs,)."""
        return np.array([self.references.get(n, np.nan) for n in self.names])

    @cached_property
    def apart(self) -> BoolArray:
        """Which of the varying inputs are coordinates of their own."""
        return np.asarray(self.signed | ~np.isnan(self._t0))

    @cached_property
    def loadings(self) -> Array:
        """Exponents of the varying inputs in the groups, shape (n_groups, n_inputs)."""
        rows = [[float(g.get(n)) for n in self.names] for g in self.groups]
        return np.array(rows).reshape(len(rows), len(self.names))

    @cached_property
    def middle(self) -> Array:
        """Logarithms of the groups at the middle of the ranges, shape (n_groups,)."""
        return self._log_groups(self.values(self.centre))

    def _log_groups(self, values: Mapping[str, float]) -> Array:
        known = {**self._constants, **values}
        return np.array([float(g.log(known)[0]) for g in self.groups])

    @cached_property
    def _constants(self) -> dict[str, float]:
        return {v.name: v.value or 1.0 for v in self.basis.variables if v.role != "data"}

    @cached_property
    def transform(self) -> Array:
        """T, shape (rank, n_inputs): orthonormal rows, the first inputs by name leading."""
        rows = leading_rows(self.loadings * self.half)
        every = [*rows, *np.eye(len(self.names))[self.apart]]
        return np.array(every).reshape(len(every), len(self.names))

    @property
    def rank(self) -> int:
        """Number of independent directions of the groups."""
        return len(self.transform)

    def coordinates(self, logs: Array) -> Array:
        """Coordinates of runs.

        Parameters
        ----------
        logs : ndarray of shape (n_runs, n_inputs)
            Logarithms of the varying inputs in SI units.

        Returns
        -------
        ndarray of shape (n_runs, rank)
        """
        return np.asarray((logs - self.centre) / self.half @ self.transform.T)

    def place(self, values: Mapping[str, float]) -> Array | None:
        """Coordinates of SI values of the inputs; None where the ranges never reach their groups.

        Parameters
        ----------
        values : mapping of str to float
            Of every input that takes part.
        """
        scaled = self.loadings * self.half
        wanted = self._log_groups(values) - self.middle
        u = np.linalg.lstsq(scaled, wanted, rcond=_RANK)[0]
        if np.abs(scaled @ u - wanted).max(initial=0.0) > _REACHED:
            return None
        logs = self.logs(
            {n: values[n] if a else 1.0 for n, a in zip(self.names, self.apart, strict=True)}
        )
        return np.asarray(
            self.transform @ np.where(self.apart, (logs - self.centre) / self.half, u)
        )

    @cached_property
    def axes(self) -> GroupAxes:
        """The logarithms of the groups over the coordinates, then 1/T of `references`."""
        names = [v.name for v in self.basis.variables]
        exponents = np.array([[float(g.get(n)) for g in self.groups] for n in names])
        kelvin = ~np.isnan(self._t0)
        inverse = -np.eye(len(self.names))[kelvin] / self._t0[kelvin, None]
        slopes = np.vstack([self.loadings, inverse]) * self.half @ self.transform.T
        origin = np.append(self.middle, inverse @ self.centre)
        return GroupAxes(origin, slopes, exponents.reshape(len(names), len(self.groups)))

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """What a monomial of `axes` has powers of."""
        thermal = [n for n in self.names if n in self.references]
        return (
            *(Feature(g.name, "log-ratio", g) for g in self.groups),
            *(Feature(n, "inverse", variable=n) for n in thermal),
        )

    def log_groups(self, z: Array) -> Array:
        """Logarithms of all groups, shape (n_runs, n_groups), at coordinates (n_runs, rank)."""
        return np.asarray(self.middle + z @ self.axes.slopes[: len(self.groups)].T)

    @cached_property
    def exponent_map(self) -> Array:
        """Exponents of the varying inputs in the response group per unit of b, (n_inputs, rank).

        With log pi_0 = c + b . z, the target's exponents are ``offset + exponent_map @ b``.
        """
        return np.asarray(self.transform.T / self.half[:, None])

    @cached_property
    def offset(self) -> Array:
        """Exponents that the target has while its group is constant, shape (n_inputs,)."""
        assert self.basis.response is not None
        return np.array([-float(self.basis.response.get(n)) for n in self.names])

    def response_shift(self, values: Mapping[str, float]) -> float:
        """Log pi_0 - log target at SI values of all inputs."""
        assert self.basis.response is not None
        assert self.basis.target is not None
        known = {**self._constants, **self.fixed, **values, self.basis.target.name: 1.0}
        return float(self.basis.response.log(known)[0])

    def values(self, logs: Array) -> dict[str, float]:
        """SI values of every input that takes part, at logarithms of the varying ones."""
        with np.errstate(over="ignore", divide="ignore"):
            values = np.where(self.signed, logs, np.exp(logs))
            values = np.where(np.isnan(self._t0), values, -self._t0 / logs)
        return {**self.fixed, **dict(zip(self.names, values.tolist(), strict=True))}

    def logs(self, values: Mapping[str, float]) -> Array:
        """Logarithms of the varying inputs from SI values; signed inputs themselves; -T0/T."""
        given = np.array([values[n] for n in self.names])
        with np.errstate(invalid="ignore", divide="ignore"):
            logs = np.where(self.signed, given, np.log(given))
            return np.asarray(np.where(np.isnan(self._t0), logs, -self._t0 / given))


EVIDENCE = "evidence"
# coordinates closer than this are the same groups, up to rounding and to a nudge of 1e-9
_SAME = 1e-6


class RunAnswer(NamedTuple):
    """What a run has said: its point, its tier, and the logarithm of its response group.

    The logarithm is NaN where the run gave no answer; `purpose` is ``EVIDENCE`` for a run from
    elsewhere that is trusted.
    """

    point: int
    tier: int
    y: float
    purpose: str
    error: float


class CampaignRuns:
    """What runs have said; rows are only ever added, but for those from elsewhere.

    Parameters
    ----------
    rank : int

    Attributes
    ----------
    z : ndarray of shape (n_points, rank)
        Distinct points.
    answers : list of RunAnswer

    Examples
    --------
    >>> runs = CampaignRuns(rank=1)
    >>> runs.add(np.array([0.5]), 0, 2.0), runs.add(np.array([0.5 + 1e-9]), 0, 2.2)
    (0, 0)
    >>> runs.sites(0).y.tolist(), runs.sites(0).count.tolist(), len(runs.sites(1))
    ([2.1], [2.0], 0)
    """

    def __init__(self, rank: int) -> None:
        self.z = np.zeros((0, rank))
        self.answers: list[RunAnswer] = []

    def find(self, z: Array) -> int | None:
        """Number of an equal point (a dimensionally equivalent run), if there is one."""
        if not len(self.z):
            return None
        apart = np.abs(self.z - z).max(axis=1, initial=0.0)
        return int(np.argmin(apart)) if apart.min() <= _SAME else None

    def add(
        self, z: Array, tier: int, value: float | None, purpose: str = "", error: float = 0.0
    ) -> int:
        """Keep the answer of a run, None where there was none; the number of its point."""
        point = self.find(z)
        if point is None:
            self.z, point = np.vstack([self.z, z]), len(self.z)
        y = np.nan if value is None else value
        self.answers.append(RunAnswer(point, tier, y, purpose, error))
        return point

    def without_evidence(self) -> None:
        """Forget the runs from elsewhere."""
        self.answers = [a for a in self.answers if a.purpose != EVIDENCE]

    def of_tier(self, tier: int, answered: bool = False) -> list[RunAnswer]:
        """Runs of a tier, or those with an answer."""
        return [a for a in self.answers if a.tier == tier and (isfinite(a.y) or not answered)]

    def count(self, z: Array, tier: int) -> int:
        """Runs of a tier at a point, whatever came of them."""
        at = self.find(z)
        return sum(a.point == at for a in self.of_tier(tier))

    def responses(self, z: Array, tier: int) -> Array:
        """Logarithms of the response group in the runs of a tier at a point."""
        at = self.find(z)
        return np.array([a.y for a in self.of_tier(tier, answered=True) if a.point == at])

    def sites(self, tier: int) -> Sites:
        """Points with an answer of a tier."""
        values: dict[int, list[float]] = {}
        answered = self.of_tier(tier, answered=True)
        for a in sorted(answered, key=lambda a: a.point):
            values.setdefault(a.point, []).append(a.y)
        numbers = np.array(list(values), dtype=np.intp)
        mean = np.array([float(np.mean(v)) for v in values.values()])
        count = np.array([float(len(v)) for v in values.values()])
        error = max((a.error for a in answered), default=0.0)
        return Sites(self.z[numbers], mean, count, numbers, error)

    def site(self, z: Array, tier: int) -> tuple[Sites, int | None]:
        """Sites of a tier, and which of them lies at a point; None where no run gave an answer."""
        sites = self.sites(tier)
        return sites, sites.row(self.find(z))

    def lost(self, tier: int) -> Array:
        """Points where runs of a tier gave no answer, shape (n_lost, rank)."""
        points = {a.point for a in self.of_tier(tier)}
        return self.z[sorted(points - {a.point for a in self.of_tier(tier, answered=True)})]

    def unanswered(self, tier: int) -> int:
        """Number of runs of a tier that gave no answer."""
        return len(self.of_tier(tier)) - len(self.of_tier(tier, answered=True))

    def scatter(self, tier: int) -> tuple[float, int]:
        """Sum of squares of replicates about their means, and its degrees of freedom."""
        sites = self.sites(tier)
        mean = dict(zip(sites.numbers.tolist(), sites.y, strict=True))
        square = sum((a.y - mean[a.point]) ** 2 for a in self.of_tier(tier, answered=True))
        return float(square), int(sites.count.sum()) - len(sites)
