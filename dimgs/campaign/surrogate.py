"""What predicts runs where no law of all does: laws of parts, and a smooth curve elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dimgs.campaign.plan import PiSpace
from dimgs.common.arrays import Array, BoolArray, IntArray
from dimgs.common.formats import attributes
from dimgs.fits.consensus import FittedLaw, Separation
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
    """A prediction without one law of all the ranges, made of the finest runs of a campaign.

    Attributes
    ----------
    space : PiSpace
    curve : SmoothCurve
        Logarithms of the response group over the coordinates of the space, through the runs that
        follow none of the laws.
    pool : ndarray of shape (n_points, rank)
        Points that fill the ranges.
    wanted : float
        Relative error up to which it answers a question for a prediction.
    laws : tuple of (FittedLaw, Separation)
        Laws that predict in parts of the ranges, and the monomial that parts their runs from all
        others.
    """

    space: PiSpace
    curve: SmoothCurve
    pool: Array
    wanted: float = USEFUL
    laws: tuple[tuple[FittedLaw, Separation], ...] = ()

    @property
    def is_close(self) -> bool:
        """Whether it predicts runs left out within the error that is wanted."""
        return self.error <= self.wanted

    def part(self, z: Array, at: float = 0.5) -> IntArray:
        """Number of the law that predicts at points of shape (n, rank), -1 where the curve does.

        Parameters
        ----------
        z : ndarray of shape (n, rank)
        at : float
            Where on the way from the last run of a law to the first of the others the law ends.
        """
        number = np.full(len(z), -1, dtype=np.intp)
        for k, (_, apart) in enumerate(self.laws):
            number[apart.is_first(self.space.axes, at, z)] = k
        return number

    def parts(self, z: Array) -> tuple[IntArray, BoolArray]:
        """Number of the law that may predict at points, -1 where none may.

        And which of the points lie between the last run of a law and the first of the others.
        """
        inner, outer = self.part(z, 0.0), self.part(z, 1.0)
        return np.maximum(inner, outer), np.asarray(inner != outer)

    @cached_property
    def error(self) -> float:
        """Relative error that runs left out keep, those of at least `level` of the ranges.

        Each run of the curve stands for the points of the ranges that it is the nearest to: runs at
        their ends, which the others predict worst, stand for less than those inside. The laws go
        through all their runs. At points between a law and the other runs either may hold: there
        the error is their difference.
        """
        errors, (number, between) = np.zeros(len(self.pool)), self.parts(self.pool)
        of_curve = number < 0
        away = np.linalg.norm(self.pool[of_curve][:, None] - self.curve.z[None], axis=2)
        errors[of_curve] = np.abs(self.curve.left_out()[0])[np.argmin(away, axis=1)]
        for k, (law, _) in enumerate(self.laws):
            here = between & (number == k)
            errors[here] = np.abs(law(self.pool[here]) - self.curve.mean(self.pool[here]))
        level = self.curve.level * (1.0 - ROUNDING)
        return float(np.expm1(np.quantile(errors, level, method="inverted_cdf")))

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
        if (k := int(self.part(place[None])[0])) >= 0:
            row, law = np.append(1.0, place)[None], self.laws[k][0]
            mean, half = law(place[None]), law.half_widths(row, self.curve.level)
        log = float(mean[0]) - self.space.response_shift(values)
        low, value, high = np.exp(log + np.array([-1.0, 0.0, 1.0]) * half[0]).tolist()
        return value, low, high

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        numbers = attributes(self, "error further") | attributes(self.curve, "runs level")
        return {**numbers, "laws": len(self.laws)}
