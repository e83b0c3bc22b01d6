"""Web pages of a hub, with the entries that the visitor may read."""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dimgs.common.arrays import Array
from dimgs.common.errors import DimgsError, InputError, attempt
from dimgs.common.escape import visible
from dimgs.common.formats import json_value
from dimgs.expression.simplest import read_group
from dimgs.groups.derive import pi_basis
from dimgs.hub import Hub
from dimgs.hub.acts import ADDED, flattened
from dimgs.hub.entry import KINDS, VISIBILITIES, Document, Json, links_from, links_to, si_of
from dimgs.hub.lineage import EXECUTABLE, STATES
from dimgs.hub.permissions import ROLES, NotAllowedError
from dimgs.law.law import Law
from dimgs.similitude.answer import typed_inputs
from dimgs.similitude.augment import Expected
from dimgs.variables.quantities import as_quantity
from dimgs.web.intake import COOKIE, SESSION_DAYS, Form, People, UnknownError, Visit, Who, number_in
from dimgs.web.routes import ACTS, RestCall, body_of, openapi

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


# ---- Computed parts of the pages: texts, quantities and laws of entries.


# of Markdown; nothing that runs or fetches
_TAGS = {
    "p", "em", "strong", "code", "pre", "a", "ul", "ol", "li", "blockquote", "table", "thead",
    "tbody", "tr", "th", "td", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "sub", "sup",
}  # fmt: skip


@cache
def _markdown() -> Any:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table")


def markdown_html(text: str) -> "Markup":
    """Markdown as HTML in which nothing runs, is fetched, or looks like a part of the page.

    Examples
    --------
    >>> print(markdown_html("*Why?* <script>alert(1)</script>![x](http://example.org/x.png)"))
    <p><em>Why?</em> </p>
    """
    import nh3
    from markupsafe import Markup

    rendered = _markdown().render(visible(text, "\n\t"))
    allowed: Json = {"tags": _TAGS, "attributes": {"a": {"href", "title"}}}
    allowed["url_schemes"] = {"http", "https", "mailto"}
    return Markup(nh3.clean(rendered, **allowed).strip())


def is_quantity(value: object) -> bool:
    """Whether a part of an entry is a number or label with a unit, or a range of one."""
    return isinstance(value, Mapping) and bool({"value", "low", "high"} & set(value))


def value_text(value: Any) -> str:
    """A part of an entry in one line.

    Examples
    --------
    >>> print(value_text({"value": 0.0023, "unit": "m"}), value_text({"low": 1, "high": 2}))
    0.0023 m 1 to 2
    >>> print(value_text(["a", 1.5]), value_text(True))
    a, 1.5 yes
    """
    from dimgs.report.words import short

    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return short(float(value), 6) if math.isfinite(value) else "–"
    if is_quantity(value):
        unit = str(value.get("unit", "1"))
        ends = [value_text(value[n]) for n in ("low", "high") if value.get(n) is not None]
        if value.get("value") is not None:
            text = value_text(value["value"]) + (f" [{', '.join(ends)}]" if len(ends) == 2 else "")
        else:
            text = " to ".join(ends)
        # a border between regimes is at a value of a group
        group = f"{value['physical']} = " if "physical" in value else ""
        return f"{group}{text}" if unit in ("1", "label", "") else f"{group}{text} {unit}"
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {value_text(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(value_text(v) for v in value)
    return "–" if value is None else str(value)


# shown on their own, or of no use to people
_SHOWN_ELSEWHERE = {
    "text", "context", "title", "tags", "inputs", "outputs", "law", "answer", "pertinence",
    "expression", "runs", "key", "files", "regimes",
}  # fmt: skip
# letters of a fact that are shown: five lines; the entry as JSON has the rest
_LONG = 400


def facts(entry: Document) -> list[tuple[str, str]]:
    """Further content of an entry, by dotted keys."""
    content = {k: v for k, v in (entry["content"] or {}).items() if k not in _SHOWN_ELSEWHERE}
    parts = flattened(content, is_quantity).items()
    texts = [(name, value_text(value)) for name, value in parts if value not in (None, "", [], {})]
    return [(name, t if len(t) <= _LONG else f"{t[:_LONG]}…") for name, t in texts]


_STATUS = ("confirmed", "why_not", "probability")
# kinds that something came to
_RESULTS = ("run", "law", "answer", "campaign", "dataset")
# entries that are looked at for them: reading as many takes half a second
_MOST_LINKED = 2000


def results(hub: "Hub", entry: Document) -> dict[str, list[Json]]:
    """Results of an entry: entries derived from it, or answers to it, by kind."""
    linked = links_from(entry, "derived", "recombined", "answers")
    lists: dict[str, list[Json]] = {}
    for id, one in hub.several(list(dict.fromkeys(linked))[:_MOST_LINKED]).items():
        content = one["content"] or {}
        text = content.get("answer") or content.get("outcome") or content.get("text")
        law = content.get("law")
        text = law.get("text") or law.get("expression") if isinstance(law, Mapping) else text
        if one["kind"] in _RESULTS:
            status = {k: one[k] for k in _STATUS if k in one}
            lists.setdefault(one["kind"], []).append({"id": id, "text": value_text(text), **status})
    return lists


def law_of(entry: Document) -> "Law | None":
    """The law that an entry holds; None where it holds none that this edition reads."""
    document = (entry["content"] or {}).get("law")
    if entry["kind"] != "law" or not isinstance(document, Mapping):
        return None
    return attempt(Law.from_json, document)


# ---- Pictures of pages, computed: the graph of evidence and the map of runs.


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


def evidence_graph(evidence: Document) -> Graph | None:
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


def map_of_runs(
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
    input_units = {n: u for n, u in units.items() if n in inputs}
    basis = attempt(pi_basis, input_units)
    groups = [] if basis is None else [_typed(str(group)) for group in basis.groups]
    principal = PRINCIPAL if len(groups) > 1 else ()
    return [*groups, *(n for n in units if n not in inputs), *input_units, *principal]


def _principal(runs: Sequence[Document]) -> dict[str, dict[str, float]]:
    """The first two principal coordinates of the runs' groups, as powers of the inputs.

    Distances between runs are those of their groups, so that these are the axes of a principal
    coordinate analysis; Gower, Biometrika 53 (1966) 325-338.
    """
    from dimgs.fits.geometry import log_ratio_pca

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


# ---- The map of a question: runs in two groups, expected errors, and the next run.


# of the picture: places across and up at which errors are computed, each a link of a finger's width
_PLACES_ACROSS, _PLACES_UP = 18, 14
# of the intervals: the one by default everywhere
_LEVEL = 0.9
# most lines of equal error, between which it grows threefold or more
_LINES = 6
# variance of an input that no run changed: a thousandth
_STIFF = 1e-6
# least singular value of axes that tell different things
_INDEPENDENT = 1e-6


def question_page(show: Callable[..., Response], visit: Visit) -> Response:
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
        kernel=about.expected.origin.description.name, may=visit.hub.may("add", "open", True),
    )  # fmt: skip


def add_wanted_run(visit: Visit) -> Response:
    """Keep the chosen run as a job."""
    entry = visit.hub.get(visit.request.path_params["id"])
    about = _About(visit, entry, visit.form.get("x"), visit.form.get("y"))
    chosen = about.proposal([_number(visit, "across"), _number(visit, "up")])
    job = {
        "kind": "job",
        "kernel": about.expected.origin.description.name,
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
        name = self.expected.origin.description.name
        x, y = x or visit.parameter("x"), y or visit.parameter("y")
        inputs = self.expected.origin.point.si
        run_map = map_of_runs(visit.hub, name, x, y, inputs)
        assert run_map is not None
        self.map = run_map
        names = self.expected.origin.table.names
        powers = [[float(axis.get(n, 0)) for n in names] for axis in run_map.powers]
        self._powers = np.array(powers)
        if np.linalg.svd(self._powers, compute_uv=False).min() < _INDEPENDENT:
            raise InputError("The two axes are the same direction; choose another one.")
        self._at = np.array([place(inputs, axis) for axis in run_map.powers])
        self.cross = self._on_map(self._at)
        spans = zip(run_map.frame.spans, (_PLACES_ACROSS, _PLACES_UP), strict=True)
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

        grid = np.array([self._on_map(place) for place in self._grid]).reshape(
            _PLACES_UP, _PLACES_ACROSS, 2
        )
        z = np.log(self._widths).reshape(_PLACES_UP, _PLACES_ACROSS)
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
        wide, high = 1.0 / _PLACES_ACROSS, 1.0 / _PLACES_UP
        return [
            {"x": i * wide, "y": 1 - (j + 1) * high, "wide": wide, "high": high,
             "across": float(place[0]), "up": float(place[1]), "error": float(error)}
            for (j, i), place, error in zip(
                np.ndindex(_PLACES_UP, _PLACES_ACROSS), self._grid, self._widths, strict=True
            )
        ]  # fmt: skip

    def best(self) -> Json:
        """The place on the map at which a run would narrow the question's interval most."""
        best = np.argmax(self.expected.narrowing(self._changes))
        return self.proposal(self._grid[best].tolist())

    def proposal(self, place: Sequence[float]) -> Json:
        """The run at a place: its inputs, and what it would add."""
        (change,) = self._change(np.array(place))
        (narrowing,) = self.expected.narrowing(change[None])
        return {"inputs": self.expected.inputs(change), "narrowing": float(narrowing),
                "across": place[0], "up": place[1],
                "at": self._on_map(np.array(place))}  # fmt: skip


def _path(line: Array) -> str:
    return "M" + "L".join(f"{84 + 388 * x:.1f} {8 + 340 * y:.1f}" for x, y in line)


Page = Callable[[Visit], Response]
# entries of a list: a few screens
_LISTED = 50
# kinds that are reviewed, those first that most rests on
REVIEWED = ("answer", "law", "card", "protocol", "dataset")
_WAITING = ("open", "disputed", "recheck", "untrusted")
RATINGS = ("clarity", "kernel_fit", "output", "rating")
# of a page that somebody added, such as a report
_SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:"


@cache
def templates() -> "Environment":
    """Templates of the pages, with those of reports and their filters."""
    from jinja2 import ChoiceLoader, PackageLoader

    from dimgs.law.export import group_definitions
    from dimgs.report.render import candidate_latex, html_templates

    reports, homes = html_templates(), map(PackageLoader, ("dimgs.web", "dimgs.report"))
    environment = reports.overlay(loader=ChoiceLoader([*homes]))
    environment.filters = reports.filters | {
        "markdown": markdown_html,
        "value": value_text,
        "formula": lambda candidate: candidate_latex(candidate.expression, None),
        # options of a list: what is sent, and what is shown
        "zip_self": lambda names: [(n, n) for n in names],
        "joined": lambda sets: [(",".join(s), ", ".join(s)) for s in sets],
        "axes_named": lambda axes: [(a.name, a.text) for a in axes],
    }
    environment.globals = {**reports.globals, "definitions": group_definitions}
    environment.tests = reports.tests | {"quantity": is_quantity}
    return environment


class Pages:
    """The pages of a hub.

    Parameters
    ----------
    hub : Hub
    people : People
    closed : bool
        Whether those who are not known see nothing but the page to sign in.
    """

    def __init__(self, hub: Hub, people: People, closed: bool) -> None:
        self._hub = hub
        self._people = people
        self._closed = closed

    @property
    def routes(self) -> list[tuple[str, str, Page]]:
        """Method, path and what answers."""
        return [
            ("GET", "/", self._home),
            ("GET", "/entries", self._search),
            ("GET", "/entries/{id}", self._entry),
            ("GET", "/entries/{id}/beside", self._compare),
            ("GET", "/files/{digest}/{name}", self._file),
            ("GET", "/entries/{id}/around", lambda a: question_page(self.show, a)),
            ("GET", "/map", self._map),
            ("GET", "/queue", self._queue),
            ("GET", "/jobs", self._jobs),
            ("GET", "/ask", lambda a: self.show(a, "ask.html", visibilities=VISIBILITIES)),
            ("GET", "/people", self._users),
            ("GET", "/api", lambda a: self.show(a, "api.html", api=openapi())),
            ("GET", "/sign-in", lambda a: self.show(a, "sign_in.html", sentence="")),
            ("POST", "/ask", self._ask),
            ("POST", "/entries/{id}/around", add_wanted_run),
            ("POST", "/entries/{id}/{act}", self._act),
            ("POST", "/people", self._set_user),
            ("POST", "/people/tokens", self._new_token),
            ("POST", "/sign-in", self._sign_in),
            ("POST", "/sign-out", self._sign_out),
        ]

    def admitted(self, request: Request) -> Who:
        """The sender of a request, after the check of their right to send it.

        Raises
        ------
        UnknownError
            If somebody unknown is about to send a form other than that to sign in.
        """
        who = self._people.of_person(request.cookies)
        if request.method == "POST" and request.url.path != "/sign-in" and not who.known:
            raise UnknownError("Sign in for this action.")
        return who

    def answer(self, page: Page, request: Request, who: Who, fields: Form) -> Response:
        """Answer of a page to its visitor, after the check of the form that was sent."""
        form = dict(fields)
        signing = request.url.path == "/sign-in"
        if request.method == "POST" and not signing and form.pop("csrf", "") != who.csrf:
            raise NotAllowedError("The form is of another session; open the page again.")
        if self._closed and not (who.known or signing):
            return RedirectResponse("/sign-in", 303)
        with who.asked_to("Sign in."):
            return page(Visit(request, who, form))

    def show(self, visit: Visit, name: str, status: int = 200, **content: Any) -> Response:
        """A page of a template."""
        who = visit.who
        about = {"who": who, "user": who.hub.user, "role": who.hub.role}
        about |= {"here": visit.request.url.path, "roles": ROLES}
        return HTMLResponse(templates().get_template(name).render(**about, **content), status)

    def refused(self, request: Request, sentence: str, status: int) -> Response:
        """Page with the reason of a refusal."""
        # where the hub fails, nobody is looked up in it
        who = self._people.of_person(request.cookies if status < 500 else {})
        visit = Visit(request, who, {})
        return self.show(visit, "error.html", status, sentence=sentence, status_code=status)

    def _home(self, visit: Visit) -> Response:
        questions = visit.hub.listed(kind="question", limit=10 * _LISTED, newest=True)
        settled = ("answered", "accepted")
        unanswered = [q for q in questions if q["state"] not in settled]
        answered = [q for q in questions if q["state"] in settled]
        return self.show(visit, "home.html", open=unanswered, answered=answered)

    def _search(self, visit: Visit) -> Response:
        filters = {n: visit.parameter(n) for n in ("text", "kind", "state", "author", "tag")}
        entries = visit.hub.listed(**filters, limit=_LISTED + 1, newest=True)
        name = "found.html" if "hx-request" in visit.request.headers else "search.html"
        listed: Json = {"entries": entries[:_LISTED], "more": len(entries) > _LISTED}
        return self.show(visit, name, **listed, filters=filters, kinds=KINDS, states=STATES)

    def _entry(self, visit: Visit) -> Response:
        hub, entry = visit.hub, visit.hub.get(visit.request.path_params["id"])
        graph = evidence_graph(hub.evidence(entry["id"]))
        about = links_from(entry, "annotates", "disputes")
        return self.show(
            visit,
            "entry.html",
            entry={"status": None, **entry},
            content=entry["content"] or {},
            facts=facts(entry),
            law=law_of(entry),
            graph=graph,
            remarks=[hub.get(id) for id in dict.fromkeys(about)][:_LISTED],
            forked=bool(links_to(entry, "forked")),
            acts=self._possible_acts(hub, entry),
        )

    @staticmethod
    def _possible_acts(hub: Hub, entry: Document) -> list[str]:
        """Acts for which the one who looks is shown a form."""
        is_author = entry["author"] == hub.user
        seen = (entry["visibility"], is_author, entry["until"])
        may = {act for act, route in ACTS.items() if hub.may(route.name, *seen)}
        if is_author or entry["kind"] == "review":
            may -= {"reviews"}
        asked_by_agent = entry["kind"] == "job" and entry["agent"]
        foreign = entry["imported"] and entry["kind"] in EXECUTABLE
        if not (foreign or asked_by_agent) or hub.is_agent:
            may -= {"approvals"}
        if entry["kind"] not in ADDED or entry["content"] is None:
            may -= {"forks"}
        return [act for act in ACTS if act in may]

    def _compare(self, visit: Visit) -> Response:
        entry = visit.hub.get(visit.request.path_params["id"])
        difference = visit.hub.difference(entry["id"])
        original = visit.hub.get(links_to(entry, "forked")[0])
        sides = [(e, results(visit.hub, e)) for e in (original, entry)]
        return self.show(
            visit, "beside.html", entry=entry, parent=original, difference=difference, sides=sides
        )

    def _file(self, visit: Visit) -> Response:
        """A file that an entry names: a page of it runs nothing and fetches nothing."""
        path = visit.request.path_params
        data = visit.hub.file(path["digest"])
        if path["name"].endswith(".html"):
            return Response(data, media_type="text/html",
                            headers={"content-security-policy": _SANDBOX})  # fmt: skip
        return Response(data, media_type="application/octet-stream",
                        headers={"content-disposition": "attachment"})  # fmt: skip

    def _map(self, visit: Visit) -> Response:
        kernels = visit.hub.kernels()
        kernel = visit.parameter("kernel") or (kernels[0] if kernels else None)
        drawn = None
        if kernel is not None:
            drawn = map_of_runs(visit.hub, kernel, visit.parameter("x"), visit.parameter("y"))
        name = "drawn.html" if "hx-request" in visit.request.headers else "map.html"
        return self.show(visit, name, kernels=kernels, kernel=kernel, map=drawn)

    def _queue(self, visit: Visit) -> Response:
        entries = []
        for kind in REVIEWED:
            listed = visit.hub.listed(kind=kind, limit=10 * _LISTED, newest=True)
            entries += [
                e for e in listed if e["state"] in _WAITING and e["author"] != visit.hub.user
            ][:_LISTED]
        may = visit.hub.may("review", "open", False)
        return self.show(visit, "queue.html", entries=entries, reviews=may)

    def _jobs(self, visit: Visit) -> Response:
        listed = visit.hub.listed(kind="job", limit=_LISTED, newest=True)
        jobs = [visit.hub.get(job["id"]) for job in listed]
        return self.show(visit, "jobs.html", jobs=jobs)

    def _ask(self, visit: Visit) -> Response:
        form = {k: v.strip() for k, v in visit.form.items() if v.strip()}
        tags = [tag.strip() for tag in form.pop("tags", "").split(",") if tag.strip()]
        # only what was typed is read: no file of the server has a part in a question
        typed = typed_inputs(form.pop("at")) if form.get("at") else {}
        quantities = {n: as_quantity(text, f"'{n}'") for n, text in typed.items()}
        inputs = {n: typed[n] if q.is_range else q.to_json() for n, q in quantities.items()}
        more = {"tags": tags, "inputs": inputs}
        document = {"kind": "question", **form, **{k: v for k, v in more.items() if v}}
        return RedirectResponse(f"/entries/{visit.hub.add(document)}", 303)

    def _act(self, visit: Visit) -> Response:
        id, act = visit.request.path_params["id"], visit.request.path_params["act"]
        if act not in ACTS:
            raise InputError("Entries do not support this action.")
        form = {k: v.replace("\r\n", "\n") for k, v in visit.form.items() if v.strip()}
        rated = {k: int(v) for k, v in form.items() if k in RATINGS and v in tuple("12345")}
        document: Json = {**form, **rated}
        if act == "forks":
            document = json_value(form.get("changes") or "{}", "What differs", "write a table")
        body = body_of(ACTS[act], document)
        answer = ACTS[act].run(RestCall(visit.hub, {"id": id}, {}, body))
        target = answer["id"] if act == "forks" else id
        return RedirectResponse(f"/entries/{target}", 303)

    def _users(self, visit: Visit, token: str = "", whose: str = "") -> Response:
        return self.show(visit, "people.html", users=visit.hub.users(), token=token, whose=whose)

    def _set_user(self, visit: Visit) -> Response:
        form = visit.form
        visit.hub.set_user(form.get("name", ""), form.get("role", ""), form.get("password") or None)
        return RedirectResponse("/people", 303)

    def _new_token(self, visit: Visit) -> Response:
        form = visit.form
        days = number_in(form.get("days"), "Give the lifetime of a token as a number of days.")
        name = form.get("name", "")
        token = visit.hub.new_token(name, days, form.get("scope", "read"))
        # shown this once, and not kept by the browser
        return self._users(visit, token, name)

    def _sign_in(self, visit: Visit) -> Response:
        request = visit.request
        address = request.client.host if request.client else ""
        try:
            session = self._people.sign_in(
                visit.form.get("name", ""), visit.form.get("password", ""), address
            )
        except UnknownError as error:
            return self.show(visit, "sign_in.html", 401, sentence=str(error))
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            COOKIE,
            session,
            max_age=int(SESSION_DAYS * 86_400),
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    def _sign_out(self, visit: Visit) -> Response:
        self._people.sign_out(visit.who)
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(COOKIE)
        return answer
