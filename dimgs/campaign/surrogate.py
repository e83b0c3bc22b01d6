"""What predicts runs where no law does: a smooth curve over the coordinates of the groups."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dimgs.campaign.space import PiSpace
from dimgs.common.arrays import Array
from dimgs.common.formats import attributes
from dimgs.fits.smooth import ROUNDING, SmoothCurve

# runs beyond the directions of the groups, below which the lengths of a covariance are not known
FEWEST = 4
# relative error of a prediction that is useful where a plan names none: half of the tolerance that
# a question has by default
USEFUL = 0.05
# random halves of the runs whose median error is compared with that of all: an error of nine in ten
# runs left out scatters by a third
_HALVES = 9
# power of the number of runs with which an error falls, below which more runs hardly lower it: ten
# times as many then take off less than half
_SLOWEST = 0.3
# times the runs that there are, as far as a fall of the error is followed
_MOST = 20


@dataclass(frozen=True, eq=False)
class Surrogate:
    """A prediction without a law, made of the finest runs of a campaign.

    Attributes
    ----------
    space : PiSpace
    curve : SmoothCurve
        Logarithms of the response group over the coordinates of the space.
    wanted : float
        Relative error up to which it answers a question for a prediction.
    shares : ndarray of shape (n_runs,), optional
        Part of the ranges that each run is the nearest to; equal parts by default. Runs at the ends
        of the ranges, which the others predict worst, stand for less than those inside.
    """

    space: PiSpace
    curve: SmoothCurve
    wanted: float = USEFUL
    shares: Array | None = None

    @classmethod
    def of(cls, space: PiSpace, curve: SmoothCurve, wanted: float, pool: Array) -> "Surrogate":
        """The surrogate of a curve, with the shares of the runs in a pool that fills the ranges."""
        near = np.argmin(np.linalg.norm(pool[:, None] - curve.z[None], axis=2), axis=1)
        shares = np.bincount(near, minlength=curve.runs) / len(pool)
        return cls(space, curve, wanted, shares)

    @property
    def is_close(self) -> bool:
        """Whether it predicts runs left out within the error that is wanted."""
        return self.error <= self.wanted

    @property
    def runs(self) -> int:
        """How many runs it rests on."""
        return self.curve.runs

    @property
    def level(self) -> float:
        """Coverage of the intervals."""
        return self.curve.level

    @cached_property
    def error(self) -> float:
        """Relative error that runs left out keep, those of at least `level` of the ranges."""
        errors = np.abs(self.curve.left_out()[0])
        shares = np.full(self.runs, 1.0 / self.runs) if self.shares is None else self.shares
        order = np.argsort(errors)
        at = np.searchsorted(np.cumsum(shares[order]), self.level * (1.0 - ROUNDING))
        return float(np.expm1(errors[order[min(int(at), self.runs - 1)]]))

    @cached_property
    def further(self) -> int | None:
        """Runs that would likely bring the error within that wanted; None where they hardly would.

        The error is taken to go on as it falls from random halves of the runs to all of them.
        """
        rng, half = np.random.default_rng(0), self.runs // 2
        parts = [rng.permutation(self.runs)[:half] for _ in range(_HALVES)]
        before = float(np.median([self.curve.on(rows).error for rows in parts]))
        rate = np.log(before / self.curve.error) / np.log(self.runs / half)
        if not rate > _SLOWEST:
            return None
        ratio = max(np.log1p(self.error) / np.log1p(self.wanted), 1.0)
        more = int(np.ceil(self.runs * (ratio ** (1.0 / rate) - 1.0)))
        return more if more <= _MOST * self.runs else None

    def next(self, pool: Array, n: int) -> Array:
        """Points of a pool that are known least, each given those before, shape (n, rank)."""
        return self.curve.widest(pool, n)

    def at(self, values: Mapping[str, float]) -> tuple[float, float, float] | None:
        """The target in its SI unit with its interval at SI values of the inputs.

        Parameters
        ----------
        values : mapping of str to float
            Of every input that takes part.

        Returns
        -------
        value, low, high : float
            None where the ranges of the campaign never reach these groups.
        """
        place = self.space.place(values)
        if place is None:
            return None
        mean, half = self.curve.predict(place[None])
        log = float(mean[0]) - self.space.response_shift(values)
        low, value, high = np.exp(log + np.array([-1.0, 0.0, 1.0]) * half[0]).tolist()
        return value, low, high

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return attributes(self, "runs error level further")
