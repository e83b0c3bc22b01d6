"""The map of a question: runs in two groups, expected errors, and the next run."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from starlette.responses import RedirectResponse, Response

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.hub.entry import Json
from dimgs.similitude.augment import Expected
from dimgs.web import pictures
from dimgs.web.intake import number_in
from dimgs.web.people import Visit

# of the picture: places across and up at which errors are computed, each a link of a finger's width
_ACROSS, _UP = 18, 14
# of the intervals: the one by default everywhere
_LEVEL = 0.9
# most lines of equal error, between which it grows threefold or more
_LINES = 6
# variance of an input that no run changed: a thousandth
_STIFF = 1e-6
# least singular value of axes that tell different things
_APART = 1e-6


def page(show: Callable[..., Response], visit: Visit) -> Response:
    """The map about a question; with a place, the run there."""
    entry = visit.hub.get(visit.request.path_params["id"])
    if entry["kind"] != "question":
        raise InputError("Only a question has a map of what is known about it.")
    about = _About(visit, entry)
    chosen = None
    if visit.parameter("across") is not None:
        chosen = about.proposal([_number(visit, "across"), _number(visit, "up")])
    return show(
        visit, "around.html", entry=entry, map=about.map, cross=about.cross, lines=about.lines(),
        cells=about.cells(), best=about.best(), error=about.width_here, chosen=chosen,
        kernel=about.expected.description.name, may=visit.hub.may("add", "open", True),
    )  # fmt: skip


def wanted(visit: Visit) -> Response:
    """Keep the chosen run as a job."""
    entry = visit.hub.get(visit.request.path_params["id"])
    about = _About(visit, entry, visit.form.get("x"), visit.form.get("y"))
    chosen = about.proposal([_number(visit, "across"), _number(visit, "up")])
    job = {
        "kind": "job",
        "kernel": about.expected.description.name,
        "tier": about.expected.origin.tier or None,
        "inputs": chosen["inputs"],
        "text": "The next run for a question, chosen on its map.",
        "links": [{"type": "answers", "to": entry["id"]}],
    }
    return RedirectResponse(f"/entries/{visit.hub.add(job)}", 303)


def _number(visit: Visit, name: str) -> float:
    text = visit.form.get(name) or visit.parameter(name)
    value = number_in(text, "Give two numbers as the place on the map.")
    # beyond a hundred decades there are no inputs
    if not abs(value) < 100.0:
        raise InputError("Give the place on the map as two exponents of ten, below 100.")
    return value


class _About:
    """Map of a question: expected errors over two axes."""

    def __init__(
        self, visit: Visit, entry: Json, x: str | None = None, y: str | None = None
    ) -> None:
        self.expected = Expected.of(visit.hub, entry["content"] or {})
        name = self.expected.description.name
        x, y = x or visit.parameter("x"), y or visit.parameter("y")
        inputs = self.expected.point.si
        run_map = pictures.run_map(visit.hub, name, x, y, inputs)
        assert run_map is not None
        self.map = run_map
        names = self.expected.origin.table.names
        powers = [[float(axis.get(n, 0)) for n in names] for axis in run_map.powers]
        self._powers = np.array(powers)
        if np.linalg.svd(self._powers, compute_uv=False).min() < _APART:
            raise InputError("The two axes are the same direction; choose another one.")
        self._at = np.array([pictures.place(inputs, axis) for axis in run_map.powers])
        self.cross = self._on_map(self._at)
        spans = zip(run_map.frame.spans, (_ACROSS, _UP), strict=True)
        edges = [np.linspace(*span, n + 1) for span, n in spans]
        self._middles = [(edge[1:] + edge[:-1]) / 2 for edge in edges]
        grid = np.stack(np.meshgrid(*self._middles), axis=-1).reshape(-1, 2)
        self._grid, self._changes = grid, self._change(grid)
        self._widths = np.expm1(self.expected.half_widths(self._changes, _LEVEL))
        here = self.expected.half_widths(np.zeros((1, len(names))), _LEVEL)
        self.width_here = float(np.expm1(here[0]))

    def _on_map(self, place: Array) -> list[float]:
        return list(self.map.frame.place(*place))

    def _change(self, places: Array) -> Array:
        """The change of inputs that leads from the question to places on the map.

        Of all that do, the one that is the least beside how inputs differ between runs: what was
        the same in all of them stays as it is in the question.
        """
        steps = (np.atleast_2d(places) - self._at) * np.log(10.0)
        changes = self.expected.near.changes
        usual = np.cov(changes.T) + _STIFF * np.eye(changes.shape[1])
        back = np.linalg.solve(self._powers @ usual @ self._powers.T, self._powers @ usual)
        return np.asarray(steps @ back)

    def lines(self) -> list[Json]:
        """Lines of equal expected error, each a path."""
        from contourpy import contour_generator

        from dimgs.report.words import short

        grid = np.array([self._on_map(place) for place in self._grid]).reshape(_UP, _ACROSS, 2)
        z = np.log(self._widths).reshape(_UP, _ACROSS)
        drawn: Any = contour_generator(grid[0, :, 0], grid[:, 0, 1], z)
        ends = 2.0 * np.log10([self._widths.min(), min(self._widths.max(), 1.0)])
        halves = np.arange(np.ceil(ends[0]), ends[1])
        levels = 10.0 ** (halves[:: max(1, -(-len(halves) // _LINES))] / 2.0)
        return [
            {"text": f"{short(100 * level, 1)} %", "path": "".join(_path(line) for line in contour)}
            for level in levels
            if (contour := drawn.lines(np.log(level)))
        ]

    def cells(self) -> list[Json]:
        """Places that may be chosen, as rectangles."""
        wide, high = 1.0 / _ACROSS, 1.0 / _UP
        return [
            {"x": i * wide, "y": 1 - (j + 1) * high, "wide": wide, "high": high,
             "across": float(place[0]), "up": float(place[1]), "error": float(error)}
            for (j, i), place, error in zip(
                np.ndindex(_UP, _ACROSS), self._grid, self._widths, strict=True
            )
        ]  # fmt: skip

    def best(self) -> Json:
        """The place on the map at which a run would narrow the question's interval most."""
        narrowing = self.expected.narrowing(self._changes)
        k = int(np.argmax(narrowing))
        place = self._grid[k]
        return {"at": self._on_map(place), "across": float(place[0]), "up": float(place[1]),
                "narrowing": float(narrowing[k])}  # fmt: skip

    def proposal(self, place: Sequence[float]) -> Json:
        """The run at a place: its inputs, and what it would add."""
        (change,) = self._change(np.array(place))
        (narrowing,) = self.expected.narrowing(change[None])
        return {"inputs": self.expected.inputs(change), "narrowing": float(narrowing),
                "across": place[0], "up": place[1],
                "at": self._on_map(np.array(place))}  # fmt: skip


def _path(line: Array) -> str:
    return "M" + "L".join(f"{84 + 388 * x:.1f} {8 + 340 * y:.1f}" for x, y in line)
