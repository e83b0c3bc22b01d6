"""Pictures of pages, computed: the graph of evidence and the map of runs."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from textwrap import wrap
from typing import Any

from dimgs.common.errors import DimgsError, InputError
from dimgs.common.escape import visible
from dimgs.groups.group import read_group
from dimgs.hub import Hub
from dimgs.hub.entry import Document, Json, si_of
from dimgs.web.views import value_text

# points that a picture of a few hundred pixels resolves
_MOST_POINTS = 3000
# newest laws whose borders are drawn: more lines hide the runs
_MOST_LAWS = 20
# of an axis beyond its outermost points, so that their marks are not cut
_MARGIN = 0.06
# the first two principal coordinates of the groups, as axes
PRINCIPAL = ("PCoA 1", "PCoA 2")
# in decades: coordinates that differ by less are one
_SAME = 1e-9
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_RAISED = re.compile(r"[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")
# of the graph, in units of its picture: what keeps 14 units high letters readable on a phone
_WIDTH, _ACROSS, _BOX, _HIGH, _STEP = 480, 3, 150, 58, 88
# of a title in a line of a box: 150 units of letters 14 units high
_LETTERS = 18

Powers = Mapping[str, Fraction | float]
Span = tuple[float, float]


@dataclass(frozen=True)
class Graph:
    """A graph of evidence, laid out.

    Attributes
    ----------
    boxes : list of mapping
        Nodes with x and y of their corner, and lines of text.
    arrows : list of mapping
        Links with the path of a curve.
    width, height : int
    """

    boxes: list[Json]
    arrows: list[Json]
    width: int
    height: int


def graph(evidence: Document) -> Graph | None:
    """Layout of a graph of evidence, each entry above its evidence; None without links."""
    nodes, links = evidence["nodes"], evidence["links"]
    if not links:
        return None
    rows: list[list[int]] = []
    for depth in sorted({node["depth"] for node in nodes}):
        layer = [i for i, node in enumerate(nodes) if node["depth"] == depth]
        rows += [layer[k : k + _ACROSS] for k in range(0, len(layer), _ACROSS)]
    boxes: dict[int, Json] = {}
    for r, row in enumerate(rows):
        gap = (_WIDTH - len(row) * _BOX) / (len(row) + 1)
        for c, i in enumerate(row):
            node = nodes[i]
            x, y = gap + c * (gap + _BOX), 4 + r * _STEP
            lines = wrap(node["title"], _LETTERS, max_lines=2, placeholder="…") or [""]
            placed = {"x": round(x, 1), "y": y, "lines": lines, "root": node["depth"] == 0}
            boxes[i] = {**node, **placed}
    arrows = []
    for link in links:
        a, b = boxes[link["from"]], boxes[link["to"]]
        x0, x1 = a["x"] + _BOX / 2, b["x"] + _BOX / 2
        y0, y1 = (a["y"] + _HIGH, b["y"]) if b["y"] > a["y"] else (a["y"], b["y"] + _HIGH)
        half = (y0 + y1) / 2
        path = f"M{x0:.1f} {y0}C{x0:.1f} {half} {x1:.1f} {half} {x1:.1f} {y1}"
        arrows.append(
            {"type": link["type"], "path": path, "source": a["title"], "target": b["title"]}
        )
    ordered = [boxes[i] for row in rows for i in row]
    return Graph(ordered, arrows, _WIDTH, 4 + len(rows) * _STEP - (_STEP - _HIGH) + 4)


@dataclass(frozen=True)
class Frame:
    """Two axes of powers of ten; places on them go from 0 to 1 across and down.

    Attributes
    ----------
    spans : pair of (float, float)
        Ends of the axes, as powers of ten.
    """

    spans: tuple[Span, Span]

    @classmethod
    def around(cls, x: Sequence[Any], y: Sequence[Any]) -> "Frame":
        """Axes that hold powers of ten, with a margin."""
        return cls((_span(x), _span(y)))

    def place(self, x: Any, y: Any) -> tuple[float, float]:
        """Place of two powers of ten."""
        return _across(x, self.spans[0]), 1 - _across(y, self.spans[1])

    def point(self, x: Any, y: Any) -> Json:
        """The same place by the names of its coordinates."""
        return dict(zip("xy", self.place(x, y), strict=True))

    @property
    def ticks(self) -> dict[str, list[tuple[float, str]]]:
        """Places and texts of the numbers on the axes."""
        return dict(zip("xy", map(_ticks, self.spans), strict=True))


@dataclass(frozen=True)
class RunMap:
    """Runs of a kernel over two groups, between 0 and 1 across and down.

    Attributes
    ----------
    x, y : str
        The groups as they are typed.
    offered : list of str
        Groups and inputs that may be chosen.
    points : list of mapping
        With x, y, id, state and text.
    borders : list of mapping
        Lines between regimes, with the law that has them.
    count, shown : int
        Runs that there are, and that are drawn.
    states : mapping of str to int
    powers : list of mapping of str to float
        Of the inputs, in the axes.
    frame : Frame
    """

    x: str
    y: str
    offered: list[str]
    points: list[Json]
    borders: list[Json]
    count: int
    shown: int
    states: Mapping[str, int]
    powers: Sequence[Powers]
    frame: Frame


def run_map(
    hub: Hub, kernel: str, x: str | None, y: str | None, also: Mapping[str, float] | None = None
) -> RunMap | None:
    """Runs of a kernel on a map of two groups; None where it has none.

    Parameters
    ----------
    hub : Hub
    kernel : str
    x, y : str or None
        Products of powers of inputs and outputs; by default the first groups of its inputs.
    also : mapping of str to float, optional
        Inputs of a point that the map has to hold, in SI units.

    Raises
    ------
    InputError
        If a group cannot be read, or names what no run has.
    """
    answer = hub.query(kernel=kernel, limit=_MOST_POINTS)
    runs = answer["runs"]
    if not runs:
        return None
    first = {n: str(q.get("unit", "1")) for n, q in _numbers(runs[0]).items()}
    offered = _offered_axes(first, runs[0]["inputs"])
    if also is not None:
        # a point has inputs, and no outputs before it has been run
        offered = [o for o in offered if o not in PRINCIPAL and set(read_group(o)) <= set(also)]
    axes = [x or offered[0], y or next((o for o in offered if o != (x or offered[0])), offered[0])]
    principal = _principal(runs) if set(axes) & set(PRINCIPAL) else {}
    exponents = [principal[axis] if axis in principal else read_group(axis) for axis in axes]
    for axis, powers in zip(axes, exponents, strict=True):
        unknown = sorted(set(powers) - set(first))
        if unknown:
            raise InputError(
                f"'{visible(axis[:60])}' names '{visible(unknown[0][:60])}', which runs of "
                f"'{visible(kernel[:60])}' do not have; they have {', '.join(sorted(first))}."
            )
    placed = [(run, [_log10(run, powers) for powers in exponents]) for run in runs]
    good = [(run, at) for run, at in placed if all(c is not None for c in at)]
    beside = [] if also is None else [place(also, powers) for powers in exponents]
    frame = Frame.around(*([*(at[k] for _, at in good), *beside[k : k + 1]] for k in (0, 1)))
    points = [
        {
            **frame.point(*at),
            "id": run["id"],
            "state": run["state"],
            "text": ", ".join(f"{n} = {value_text(q)}" for n, q in run["inputs"].items()),
        }
        for run, at in good
    ]
    (x, y), borders = axes, _borders(hub, exponents, frame)
    count, shown, states = answer["count"], len(points), Counter(p["state"] for p in points)
    return RunMap(x, y, offered, points, borders, count, shown, states, exponents, frame)


def place(inputs: Mapping[str, float], powers: Powers) -> float:
    """Position of a point on an axis, as a power of ten.

    Raises
    ------
    InputError
        If the axis holds something else than inputs above zero.
    """
    if not all(inputs.get(name, 0.0) > 0 for name in powers):
        raise InputError("Choose axes of inputs that are positive in the question.")
    return math.fsum(float(e) * math.log10(inputs[name]) for name, e in powers.items())


def _numbers(run: Document) -> Json:
    both = {**run["inputs"], **run["outputs"]}
    return {
        n: q
        for n, q in both.items()
        if isinstance(q, Mapping) and isinstance(q.get("value"), int | float)
    }


def _offered_axes(units: Mapping[str, str], inputs: Document) -> list[str]:
    """Groups of the inputs, then inputs and outputs themselves."""
    from dimgs.groups.derive import pi_basis

    input_units = {n: u for n, u in units.items() if n in inputs}
    try:
        groups = [_typed(str(group)) for group in pi_basis(input_units).groups]
    except DimgsError:
        groups = []
    principal = PRINCIPAL if len(groups) > 1 else ()
    return [*groups, *(n for n in units if n not in inputs), *input_units, *principal]


def _principal(runs: Sequence[Document]) -> dict[str, dict[str, float]]:
    """The first two principal coordinates of the runs' groups, as powers of the inputs.

    Distances between runs are those of their groups, so that these are the axes of a principal
    coordinate analysis; Gower, Biometrika 53 (1966) 325-338.
    """
    import numpy as np

    from dimgs.fits.geometry import log_ratio_pca
    from dimgs.groups.derive import pi_basis

    inputs = {n: q for n, q in _numbers(runs[0]).items() if n in runs[0]["inputs"]}
    groups = pi_basis({n: str(q.get("unit", "1")) for n, q in inputs.items()}).groups
    rows = [[_log10(run, {n: 1}) for n in inputs] for run in runs]
    logs = np.array([row for row in rows if None not in row], dtype=float)
    if not len(logs) or len(groups) < 2:
        raise InputError("These runs have fewer than two groups; choose inputs for the axes.")
    if len(logs) < 2:
        raise InputError("There are too few runs for principal coordinates; choose groups.")
    exponents = np.array([[float(g.get(n)) for g in groups] for n in inputs])
    axes = log_ratio_pca(logs @ exponents, exponents).physical_exponents.T[:2]
    named = [dict(zip(inputs, map(float, row), strict=True)) for row in axes]
    return dict(zip(PRINCIPAL, named, strict=True))


def _typed(group: str) -> str:
    """A group as people type it.

    Examples
    --------
    >>> _typed("D·t·l⁻²")
    'D*t*l^-2'
    """
    plain = _RAISED.sub(lambda m: f"^{m[0].translate(_SUPERSCRIPTS)}", group)
    return plain.replace("·", "*")


def _log10(run: Document, powers: Powers) -> float | None:
    numbers = _numbers(run)
    values = {name: si_of(numbers[name]) for name in powers if name in numbers}
    if len(values) < len(powers) or not all(0 < v < math.inf for v in values.values()):
        return None
    return sum((float(p) * math.log10(values[name]) for name, p in powers.items()), 0.0)


def _span(values: Sequence[Any]) -> Span:
    """Ends of an axis that holds the values, with a margin."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    wide = max(high - low, 0.1)
    middle = (low + high) / 2
    return middle - wide * (0.5 + _MARGIN), middle + wide * (0.5 + _MARGIN)


def _across(value: Any, span: Span) -> float:
    """Place of a value on an axis, from 0 to 1."""
    return round(float((value - span[0]) / (span[1] - span[0])), 4)


def _ticks(span: Span) -> list[tuple[float, str]]:
    """Powers of ten, or three numbers where there are not two of them."""
    from dimgs.report.words import short

    low, high = span
    decades = list(range(math.ceil(low), math.floor(high) + 1))
    decades = decades[:: max(1, math.ceil(len(decades) / 5))]
    parts = [low + (high - low) * part for part in (0.1, 0.5, 0.9)]
    logs: list[float] = list(decades) if len(decades) > 1 else parts
    return [(_across(at, span), short(10.0**at, 2)) for at in logs]


def _borders(hub: Hub, axes: Sequence[Powers], frame: Frame) -> list[Json]:
    """Borders of regimes of the laws, where they are lines of this map."""
    drawn = []
    for listed in hub.listed(kind="law", limit=_MOST_LAWS, newest=True):
        content = hub.get(listed["id"])["content"] or {}
        borders = content.get("boundaries", ())
        for border in borders if isinstance(borders, list) else ():
            try:
                powers = read_group(_typed(str(border["physical"])))
                level = math.log10(float(border["value"]))
            except (DimgsError, KeyError, TypeError, ValueError):
                continue
            ends = _line(powers, level, axes, frame)
            if ends is not None:
                label = f"{border['physical']} = {value_text(float(border['value']))}"
                drawn.append({"ends": ends, "text": label, "law": listed["id"]})
    return drawn


def _line(powers: Powers, level: float, axes: Sequence[Powers], frame: Frame) -> list[float] | None:
    """Ends of the line on which a monomial has a value; None where no line of the map is one."""
    import numpy as np

    names = sorted({*powers, *axes[0], *axes[1]})
    matrix = np.array([[float(axis.get(n, 0)) for axis in axes] for n in names])
    powers_of_group = np.array([float(powers.get(n, 0)) for n in names])
    (a, b), *_ = np.linalg.lstsq(matrix, powers_of_group, rcond=None)
    if np.abs(matrix @ [a, b] - powers_of_group).max() > _SAME:
        return None
    (x0, x1), (y0, y1) = frame.spans
    met = [(x, (level - a * x) / b) for x in (x0, x1) if abs(b) > _SAME]
    met += [((level - b * y) / a, y) for y in (y0, y1) if abs(a) > _SAME]
    inside = [
        p for p in met if x0 - _SAME <= p[0] <= x1 + _SAME and y0 - _SAME <= p[1] <= y1 + _SAME
    ]
    if len(inside) < 2:
        return None
    return [*frame.place(*min(inside)), *frame.place(*max(inside))]
