"""How well points about a question would be answered by the runs there are, and by one more."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dimgs.arrays import Array
from dimgs.errors import InputError
from dimgs.fits.covariance import t_quantile
from dimgs.similitude.description import Description, Point, describe, point_of
from dimgs.similitude.given import point_of_question
from dimgs.similitude.kriging import Nearby, Spread, left_open
from dimgs.similitude.near import spread_runs
from dimgs.similitude.origin import Origin, asked_for, origins

if TYPE_CHECKING:
    from dimgs.hub import Hub


@dataclass(frozen=True)
class Expected:
    """A question, the runs that are there, and what is known of how the target varies.

    Attributes
    ----------
    known : Description
    point : Point
        Where it is asked.
    origin : Origin
    near : Nearby
    spread : Spread
    """

    known: Description
    point: Point
    origin: Origin
    near: Nearby
    spread: Spread

    @classmethod
    def of(cls, hub: "Hub", content: dict[str, Any]) -> "Expected":
        """Of a stored question.

        Raises
        ------
        InputError
            If the question names no kernel, target or inputs, or there are too few runs.
        """
        target, kernel = content.get("target"), content.get("kernel")
        if not target or not kernel:
            raise InputError("The question names no target and kernel; ask one that does.")
        known = describe(hub, str(kernel), load=False)
        point = point_of(known, point_of_question(content))
        if point.missing:
            raise InputError(f"The question leaves inputs open: {'; '.join(point.missing)}.")
        found = asked_for(origins(hub, known, point, str(target)))
        if not found:
            raise InputError(f"The hub has no run of '{known.name}' to learn from.")
        origin = found[0][-1]
        return cls(known, point, origin, *spread_runs(origin))

    def half_widths(self, changes: Array, level: float) -> Array:
        """Half of the intervals of answers at some places, in units of the target's logarithm.

        Parameters
        ----------
        changes : ndarray of shape (n, n_inputs)
            Of the inputs from those of the question, in natural logarithms.
        level : float
        """
        left = left_open(self.near, self.spread, changes).diagonal()
        own = self.spread.noise**2
        quantile = float(t_quantile(level, max(len(self.near) - changes.shape[1], 1)))
        return np.asarray(quantile * self.spread.stretch * np.sqrt(np.maximum(left, 0.0) + own))

    def narrowing(self, changes: Array) -> Array:
        """By which factor a run at each place would narrow the question's interval."""
        every = np.vstack([np.zeros((1, changes.shape[1])), changes])
        left = left_open(self.near, self.spread, every)
        floor = self.spread.noise**2 + 1e-9 * self.spread.amplitude**2
        sizes = np.maximum(left.diagonal(), 0.0)
        after = np.maximum(sizes[0] - left[0, 1:] ** 2 / (sizes[1:] + floor), 0.0) + floor
        return np.asarray(np.sqrt((sizes[0] + floor) / after))

    def inputs(self, change: Array) -> dict[str, Any]:
        """Inputs at a place, as quantities in the units of the kernel."""
        ports = {p.name: p for p in self.known.inputs}
        found: dict[str, Any] = {}
        for name, asked, step in zip(
            self.origin.table.names, self.origin.asked, change, strict=True
        ):
            value = float(ports[name].parsed.from_si(float(asked * np.exp(step))))
            found[name] = {"value": float(f"{value:.12g}"), "unit": ports[name].unit}
        return found | {n: {"value": v, "unit": "label"} for n, v in self.point.labels.items()}
