"""Known limits in a fit: those that the runs allow, and the runs under these limits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError, attempt
from dimgs.common.formats import json_value, read_text
from dimgs.fits.design import Design
from dimgs.fits.least_squares import fit_power_law
from dimgs.law.law import Law
from dimgs.law.limits import KnownLimit, LimitInGroups

# chance that noise alone makes the runs contradict a limit that holds
_FALSE = 0.01


def read_limits(limits_given: Any) -> tuple[KnownLimit, ...]:
    """Limits from what an analysis was given.

    Parameters
    ----------
    limits_given : path of a JSON file, mapping, KnownLimit, or sequence of the last two
        A file holds one limit or a list of them, as `dimgs hub add` takes them.

    Raises
    ------
    InputError

    Examples
    --------
    >>> small = {"target": "m", "group": "k*t", "at": 0, "input": "t", "exponent": 1, "beyond": 0.1}
    >>> [str(limit) for limit in read_limits(small)]
    ['m grows with t as its power 1 where k*t < 0.1']
    """
    if isinstance(limits_given, str | PathLike):
        path = Path(limits_given)
        limits_given = json_value(read_text(path, "limits"), path.name, "give limits as JSON")
    if isinstance(limits_given, Mapping | KnownLimit):
        limits_given = [limits_given]
    if not isinstance(limits_given, Iterable):
        raise InputError(f"{limits_given!r:.60} are not limits; give mappings, or a file of them.")
    limits = []
    for one in limits_given:
        if not isinstance(one, Mapping | KnownLimit):
            raise InputError(f"{one!r:.60} is not a limit; give a mapping with its group.")
        limits.append(one if isinstance(one, KnownLimit) else KnownLimit.of(one))
    return tuple(limits)


def limits_in_groups(
    design: Design, given: Iterable[KnownLimit]
) -> tuple[list[LimitInGroups], list[str]]:
    """Limits that constrain the features of a design, and why others do not."""
    limits = [(limit, LimitInGroups.of(limit, design)) for limit in given]
    unused = [(limit, why) for limit, why in limits if isinstance(why, str)]
    warnings = [f"The limit that {limit}, is not used: {why}." for limit, why in unused]
    return [one for _, one in limits if not isinstance(one, str)], warnings


@dataclass(frozen=True, eq=False)
class LimitedRuns:
    """Runs of a design as known limits have them.

    Attributes
    ----------
    design : Design
        With the runs where a limit holds moved to where it begins.
    limits : tuple of LimitInGroups
        Those that are used, in the order in which runs are moved.
    warnings : tuple of str
    """

    design: Design
    limits: tuple[LimitInGroups, ...] = ()
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, design: Design, given: Sequence[KnownLimit]) -> "LimitedRuns":
        """Use the limits that constrain a design, and that its runs do not contradict."""
        limits, warnings = limits_in_groups(design, given)
        used: list[LimitInGroups] = []
        moved = design
        for limit in limits:
            name = f"The limit that {limit.limit}"
            depth = limit.limit.depth(limit.logs(design))
            after = limit.moved(moved, depth)
            against = _contradicted(limit, after, depth)
            if against:
                warnings.append(f"{name}, is not used: {against}.")
                continue
            moved = after
            used.append(limit)
            there = int(np.count_nonzero(depth))
            warnings.append(
                f"{name}, is used: {there} runs lie there, and the fitted law goes on so."
            )
        return cls(moved, tuple(used), tuple(warnings))

    def continued(self, law: Law) -> Law:
        """A law of the moved runs, continued where the limits hold."""
        for limit in reversed(self.limits):
            law = limit.continued(law, self.design)
        return law


def _contradicted(limit: LimitInGroups, moved: Design, depth: Array) -> str:
    """Contradiction between the runs and a limit, in words; empty where there is none.

    Among the runs where it holds, where they are enough, and among all else, the target of moved
    runs must not depend on how far they were moved.
    """
    beyond = depth != 0.0
    unknowns = np.linalg.matrix_rank(np.column_stack([moved.X[beyond], depth[beyond]])) + 1
    rows = beyond if beyond.sum() >= unknowns + 2 else np.ones(len(depth), dtype=np.bool_)
    span = float(np.ptp(depth[rows]))
    if np.count_nonzero(beyond) < 2 or not span:
        return ""
    part = moved.take(np.flatnonzero(rows))
    columns = np.column_stack([depth[rows], part.X])
    fit = attempt(fit_power_law, columns, part.y, part.weights, None, part.within)
    if fit is None:
        return ""
    slope, of_depth = float(fit.exponents[0, 0]), np.eye(2 + part.X.shape[1])[1:2]
    half = float(fit.half_widths(of_depth, 1.0 - _FALSE)[0, 0]) + 2.0 * limit.limit.miss / span
    # endless where the other columns explain the distance, too
    if abs(slope) <= half:
        return ""
    power = limit.limit
    ((name, e),) = list(power.along.items())[:1] if len(power.along) == 1 else [("its group", 1)]
    low, high = sorted((power.growth + slope + way * half) / float(e) for way in (-1, 1))
    return f"runs there grow with {name} as its power {low:.3g} to {high:.3g}"
