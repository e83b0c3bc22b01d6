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
    pool : ndarray of shape (n_points, rank)
        Points that fill the ranges.
    wanted : float
        Relative error up to which it answers a question for a prediction.
    """

    space: PiSpace
    curve: SmoothCurve
    pool: Array
    wanted: float = USEFUL

    @property
    def is_close(self) -> bool:
        """Whether it predicts runs left out within the error that is wanted."""
        return self.error <= self.wanted

    @cached_property
    def error(self) -> float:
        """Relative error that runs left out keep, those of at least `level` of the ranges.

        Each run stands for the points of the ranges that it is the nearest to: runs at their ends,
        which the others predict worst, stand for less than those inside.
        """
        away = np.linalg.norm(self.pool[:, None] - self.curve.z[None], axis=2)
        shares = np.bincount(np.argmin(away, axis=1), minlength=self.curve.runs) / len(self.pool)
        errors = np.abs(self.curve.left_out()[0])
        order = np.argsort(errors)
        at = np.searchsorted(np.cumsum(shares[order]), self.curve.level * (1.0 - ROUNDING))
        return float(np.expm1(errors[order[min(int(at), self.curve.runs - 1)]]))

    @cached_property
    def further(self) -> int | None:
        """Runs that would likely bring the error within that wanted; None where they hardly would.

        The error is taken to go on as it falls from random halves of the runs to all of them.
        """
        rng, half = np.random.default_rng(0), self.curve.runs // 2
        parts = [rng.permutation(self.curve.runs)[:half] for _ in range(_HALVES)]
        before = float(np.median([self.curve.on(rows).error for rows in parts]))
        rate = np.log(before / self.curve.error) / np.log(self.curve.runs / half)
        if not rate > _SLOWEST:
            return None
        ratio = max(np.log1p(self.error) / np.log1p(self.wanted), 1.0)
        more = int(np.ceil(self.curve.runs * (ratio ** (1.0 / rate) - 1.0)))
        return more if more <= _MOST * self.curve.runs else None

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
        return attributes(self, "error further") | attributes(self.curve, "runs level")
