"""The pi space that a plan's ranges reach, and the points of it that a campaign has visited."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import isfinite

import numpy as np

from dimgs.common.arrays import LARGEST_LOG, Array, BoolArray, leading_rows
from dimgs.fits.consensus import GroupAxes, Sites
from dimgs.fits.design import Feature
from dimgs.groups.group import PiBasis
from dimgs.kernels.record import RunRecord, Status

# relative: exponents are small rationals, what is smaller is rounding
_RANK = 1e-9
# of coordinates of order one: far above rounding, far below what a range resolves
_REACHED = 1e-6


def bounded_exp(logs: Array | float) -> Array:
    """Exponentials, as far as a float holds them."""
    return np.asarray(np.exp(np.clip(logs, -LARGEST_LOG, LARGEST_LOG)))


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
    ends : mapping of str to (float, float)
        Of the ranges in SI units, by the names of the inputs that may vary, sorted.
    basis : PiBasis
        Of all inputs that take part, and of the target.
    fixed : mapping of str to float
        SI values of the other inputs that take part.
    reciprocal : iterable of str
        Absolute temperatures that enter as 1/T, and are in no group.

    Attributes
    ----------
    names : tuple of str
    rank : int
        Number of independent directions of the groups.
    references : mapping of str to float
        T0 in kelvin of each temperature that enters as 1/T: the middle of the range of 1/T.
    low, high, centre, half : ndarray of shape (n_inputs,)
        Ends, middles and half-widths of the logarithms of the ranges; of signed inputs those of the
        ranges themselves, of a temperature those of -T0/T.
    groups : tuple of PiGroup
        Those of positive inputs, which have logarithms.
    signed, apart : ndarray of bool of shape (n_inputs,)
        Which inputs vanish or change sign, and which are coordinates of their own.
    loadings : ndarray of shape (n_groups, n_inputs)
        Exponents of the varying inputs in the groups.
    middle : ndarray of shape (n_groups,)
        Logarithms of the groups at the middle of the ranges.
    transform : ndarray of shape (rank, n_inputs)
        T: orthonormal rows, the first inputs by name leading.
    exponent_map : ndarray of shape (n_inputs, rank)
        Exponents of the varying inputs in the response group per unit of b: with log pi_0 =
        c + b . z, the target's exponents are ``offset + exponent_map @ b``.
    functionals : ndarray of shape (n_inputs, rank + 1)
        What is asked of [c, b]: the exponents, or the constant where nothing is free.
    offset : ndarray of shape (n_inputs,)
        Exponents that the target has while its group is constant.

    Examples
    --------
    >>> from dimgs.groups.derive import pi_basis
    >>> basis = pi_basis(["D [m^2/s]", "t [s]", "l [m]", "u [1]"], "u")
    >>> ends = {"D": (1e-12, 1e-10), "l": (1e-4, 1e-3), "t": (1.0, 1e4)}
    >>> space = PiSpace(ends, basis, {})
    >>> space.rank, len(space.names)
    (1, 3)
    """

    def __init__(
        self,
        ends: Mapping[str, tuple[float, float]],
        basis: PiBasis,
        fixed: Mapping[str, float],
        reciprocal: Iterable[str] = (),
    ) -> None:
        assert basis.response is not None
        self.basis, self.names, self.fixed = basis, tuple(ends), fixed
        self.references = {n: 2.0 / (1.0 / ends[n][0] + 1.0 / ends[n][1]) for n in reciprocal}
        self._t0 = np.array([self.references.get(n, np.nan) for n in self.names])
        self.signed = np.array([n in basis.signed for n in self.names], dtype=np.bool_)
        self.apart: BoolArray = np.asarray(self.signed | ~np.isnan(self._t0))
        self.low, self.high = (self.logs({n: e[i] for n, e in ends.items()}) for i in (0, 1))
        self.centre, self.half = (self.low + self.high) / 2, (self.high - self.low) / 2
        self._constants = {v.name: v.value or 1.0 for v in basis.variables if v.role != "data"}
        self.groups = tuple(g for g in basis.groups if not basis.is_signed(g))
        rows = [[float(g.get(n)) for n in self.names] for g in self.groups]
        self.loadings = np.array(rows).reshape(len(rows), len(self.names))
        self.middle = self._log_groups(self.values(self.centre))
        every = [*leading_rows(self.loadings * self.half), *np.eye(len(self.names))[self.apart]]
        self.rank, self.transform = len(every), np.array(every).reshape(len(every), len(self.names))
        self.exponent_map: Array = self.transform.T / self.half[:, None]
        aside = np.column_stack([np.zeros(len(self.names)), self.exponent_map])
        self.functionals: Array = aside if self.rank else np.ones((1, 1))
        self.offset = np.array([-float(basis.response.get(n)) for n in self.names])

    def _log_groups(self, values: Mapping[str, float]) -> Array:
        known = {**self._constants, **values}
        return np.array([float(g.log(known)[0]) for g in self.groups])

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
        logs = self.logs({n: values.get(n, 1.0) for n in self.names})
        u = np.where(self.apart, (logs - self.centre) / self.half, u)
        return np.asarray(self.transform @ u)

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
        thermal = (Feature(n, "inverse", variable=n) for n in self.names if n in self.references)
        return (*(Feature(g.name, "log-ratio", g) for g in self.groups), *thermal)

    def log_groups(self, z: Array) -> Array:
        """Logarithms of all groups, shape (n_runs, n_groups), at coordinates (n_runs, rank)."""
        return np.asarray(self.middle + z @ self.axes.slopes[: len(self.groups)].T)

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


# purposes of runs from elsewhere: those that count as made, and those that are trusted
KNOWN, EVIDENCE = "known", "evidence"
# coordinates closer than this are the same groups, up to rounding and to a nudge of 1e-9
_SAME = 1e-6
_NO_RECORD = RunRecord("", "", {}, {}, Status.OK, key="")


@dataclass(frozen=True, eq=False)
class CampaignRun:
    """A run in the pi space of a plan.

    Attributes
    ----------
    z : ndarray of shape (rank,)
    tier : int
    y : float
        Logarithm of the response group; NaN where the run gave no answer.
    purpose : str
        What it was made for; ``KNOWN`` or ``EVIDENCE`` for one from elsewhere.
    logs : ndarray of shape (n_inputs,)
        Logarithms of the varying inputs.
    record : RunRecord
        In the units of the kernel's ports, with all its inputs.
    origin : str
        Of one from elsewhere.
    error : float
        Standard error of `y`.
    predicted : float
        What the laws said of `y` before the run was made; NaN where they did not.
    point : int
        Number of its point among those of the campaign.
    """

    z: Array
    tier: int
    y: float
    purpose: str = ""
    logs: Array = field(default_factory=lambda: np.zeros(0))
    record: RunRecord = _NO_RECORD
    origin: str = ""
    error: float = 0.0
    predicted: float = np.nan
    point: int = -1


class CampaignRuns:
    """What runs have said; rows are only ever added, but for those from elsewhere.

    Parameters
    ----------
    rank : int

    Attributes
    ----------
    z : ndarray of shape (n_points, rank)
        Distinct points.
    every : list of CampaignRun

    Examples
    --------
    >>> runs = CampaignRuns(rank=1)
    >>> [runs.add(CampaignRun(np.array([z]), 0, y)) for z, y in [(0.5, 2.0), (0.5 + 1e-9, 2.2)]]
    [0, 0]
    >>> runs.sites(0).y.tolist(), runs.sites(0).count.tolist(), len(runs.sites(1))
    ([2.1], [2.0], 0)
    """

    def __init__(self, rank: int) -> None:
        self.z = np.zeros((0, rank))
        self.every: list[CampaignRun] = []

    def find(self, z: Array) -> int | None:
        """Number of an equal point (a dimensionally equivalent run), if there is one."""
        apart = np.abs(self.z - z).max(axis=1, initial=0.0)
        return int(np.argmin(apart)) if apart.min(initial=np.inf) <= _SAME else None

    def add(self, run: CampaignRun) -> int:
        """Keep a run; the number of its point."""
        point = self.find(run.z)
        if point is None:
            self.z, point = np.vstack([self.z, run.z]), len(self.z)
        self.every.append(replace(run, point=point))
        return point

    @property
    def asked(self) -> list[CampaignRun]:
        """Runs that a campaign has asked for, in order."""
        return [r for r in self.every if r.purpose not in (KNOWN, EVIDENCE)]

    @property
    def evidence(self) -> list[CampaignRun]:
        """Runs from elsewhere that are trusted, and do not count as made."""
        return [r for r in self.every if r.purpose == EVIDENCE]

    def of_tier(self, tier: int, answered: bool = False) -> list[CampaignRun]:
        """Runs of a tier, or those with an answer."""
        return [r for r in self.every if r.tier == tier and (isfinite(r.y) or not answered)]

    def usable(self, tier: int) -> list[CampaignRun]:
        """Runs of a tier with an answer, the evidence last."""
        return sorted(self.of_tier(tier, answered=True), key=lambda r: r.purpose == EVIDENCE)

    def at(self, z: Array, tier: int, answered: bool = False) -> list[CampaignRun]:
        """Runs of a tier at a point, or those with an answer."""
        point = self.find(z)
        return [r for r in self.of_tier(tier, answered) if r.point == point]

    def responses(self, z: Array, tier: int) -> Array:
        """Logarithms of the response group in the runs of a tier at a point."""
        return np.array([r.y for r in self.at(z, tier, answered=True)])

    def unequal(self, z: Array, tier: int, names: Sequence[str]) -> tuple[str, ...]:
        """Inputs in which the two runs at a point differ whose answers differ most."""
        runs = self.at(z, tier, answered=True)
        one, other = (f(runs, key=lambda r: r.y).logs for f in (min, max))
        return tuple(n for n, a, b in zip(names, one, other, strict=True) if abs(a - b) > _SAME)

    def sites(self, tier: int) -> Sites:
        """Points with an answer of a tier."""
        runs = self.of_tier(tier, answered=True)
        points = np.array([r.point for r in runs], dtype=np.intp)
        numbers, where, count = np.unique(points, return_inverse=True, return_counts=True)
        mean = np.bincount(where, [r.y for r in runs], len(numbers)) / count
        error = max((r.error for r in runs), default=0.0)
        return Sites(self.z[numbers], mean, count.astype(float), numbers, error)

    def site(self, z: Array, tier: int) -> tuple[Sites, int | None]:
        """Sites of a tier, and which of them lies at a point; None where no run gave an answer."""
        sites = self.sites(tier)
        return sites, sites.row(self.find(z))

    def lost(self, tier: int) -> Array:
        """Points where runs of a tier gave no answer, shape (n_lost, rank)."""
        points = {r.point for r in self.of_tier(tier)}
        return self.z[sorted(points - {r.point for r in self.of_tier(tier, answered=True)})]

    def scatter(self, tier: int) -> tuple[float, int]:
        """Sum of squares of replicates about their means, and its degrees of freedom.

        Other inputs of equal groups are no replicates: what they differ by is no noise.
        """
        square, freedom = 0.0, 0
        by_point = dict[int, list[CampaignRun]]()
        for run in self.of_tier(tier, answered=True):
            by_point.setdefault(run.point, []).append(run)
        for runs in by_point.values():
            while runs:
                first = runs[0].logs
                alike = [r for r in runs if np.abs(r.logs - first).max(initial=0.0) <= _SAME]
                square += float(np.var([r.y for r in alike]) * len(alike))
                freedom += len(alike) - 1
                runs = [r for r in runs if r not in alike]
        return square, freedom
