"""Runs of one origin (kernel, tier, cache version): description, distances, equal groups."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, islice
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dimgs.common.advice import Act, Step, did_you_mean, setting
from dimgs.common.arrays import Array, IntArray
from dimgs.common.errors import InputError
from dimgs.common.escape import visible
from dimgs.common.formats import plain
from dimgs.fits.covariance import t_quantile
from dimgs.groups.derive import pi_basis
from dimgs.groups.group import PiGroup
from dimgs.groups.scalings import Scalings
from dimgs.hub.cards import constants_of, is_checked, newest_runs, trusted_cards
from dimgs.hub.database import RunTable
from dimgs.hub.entry import cache_version, newest_version, output_of, program_of
from dimgs.hub.hub import Hub
from dimgs.hub.schema import batches
from dimgs.kernels.base import Kernel, Port, check_within, of_tier, port_value
from dimgs.kernels.registry import available, load_kernel
from dimgs.similitude.answer import evidence_of, relative_half_width
from dimgs.variables import Dimension, parse_unit, unit_suffix
from dimgs.variables.quantities import stored

# ---- Description of a kernel: from the installed kernel, else from its card or its runs.


@dataclass(frozen=True)
class Description:
    """A kernel as questions need to know it.

    Attributes
    ----------
    name : str
    inputs : tuple of Port
    outputs : mapping of str to str
        Units.
    tiers : tuple of str
        From coarse to fine; empty where only its runs are known.
    kernel : Kernel or None
        Itself, where it can be run here.
    card : mapping or None
        Its entry, where it is trusted.
    hub : Hub or None
        With its runs, where no more is known of it.
    """

    name: str
    inputs: tuple[Port, ...]
    outputs: Mapping[str, str]
    tiers: tuple[str, ...] = ()
    kernel: Kernel | None = None
    card: Mapping[str, Any] | None = None
    hub: Hub | None = None

    @cached_property
    def ports(self) -> dict[str, Port]:
        """Inputs by name."""
        return {p.name: p for p in self.inputs}

    @cached_property
    def sizes(self) -> dict[str, Dimension]:
        """Dimensions of the numeric inputs, sorted: kernels may name them in another order."""
        numeric = {n: p.parsed.dimension for n, p in self.ports.items() if not p.is_label}
        return dict(sorted(numeric.items()))

    @cached_property
    def held(self) -> dict[str, float | str]:
        """Inputs that all runs of the hub share, where these runs vary some number."""
        if self.hub is None:
            return {}
        values, units = self._numbers({}), [self.ports[n].parsed for n in self.sizes]
        if len(np.unique(values, axis=0)) < _STANDS:
            return {}
        equal = np.ptp(values, axis=0) <= EQUAL * np.abs(values[0])
        columns = zip(self.sizes, units, values[0].tolist(), equal, strict=True)
        held = {n: float(f"{unit.from_si(x):.12g}") for n, unit, x, same in columns if same}
        given = next(newest_runs(self.hub, self.name))["inputs"]
        labels = {n: str(q["value"]) for n, q in given.items() if self.ports[n].is_label}
        return held | {n: v for n, v in labels.items() if len(self._numbers({n: v})) == len(values)}

    def _numbers(self, labels: Mapping[str, str]) -> Array:
        """Numeric inputs of the runs of the hub with some labels, in SI units."""
        tables = {} if self.hub is None else self.hub.run_tables(self.name, self.sizes, labels)
        return np.vstack([np.zeros((0, len(self.sizes))), *(t.values for t in tables.values())])

    @cached_property
    def constants(self) -> list[Dimension]:
        """Dimensions of the constants that its card declares."""
        return [] if self.card is None else constants_of(self.card["content"])

    @property
    def content(self) -> Mapping[str, Any]:
        """Content of its card."""
        return {} if self.card is None else self.card["content"]

    def output(self, target: str | None) -> str:
        """Name of an output, the first by default; an error lists those that the kernel has."""
        if target is not None and target not in self.outputs:
            name, known = visible(self.name), visible(", ".join(self.outputs)[:300])
            what = f"'{name}' has no output '{visible(target[:60])}'"
            raise InputError(f"{what}; its outputs are {known}.")
        return target or next(iter(self.outputs))

    def versions(self, values: Mapping[str, Any], tier: str) -> tuple[str, str] | None:
        """Cache version and program of a run that would be made here; None where none would."""
        determined = getattr(self.kernel, "determined", None)
        if determined is None:
            return None
        content = {"provenance": plain(determined(values, tier))}
        return cache_version(content), program_of(content)


def describe(
    hub: Hub, reference: Any, target: str | None = None, *, load: bool = True
) -> Description:
    """Description of a kernel.

    Parameters
    ----------
    hub : Hub
    reference : str or Kernel
        As :func:`dimgs.kernels.registry.load_kernel` takes it, or the name of one with runs.
    target : str, optional
        Output that its runs should have, where they have several.
    load : bool
        Whether a file or module that is named may be loaded; those installed always are.

    Raises
    ------
    InputError
        If neither this machine nor the hub knows it.
    """
    kernel, why = None, None
    if not isinstance(reference, str) or load or reference in available():
        try:
            kernel = load_kernel(reference)
        except InputError as error:
            why = error
    name = reference if kernel is None else kernel.name
    card = trusted_cards(hub, name).get(name)
    if kernel is not None:
        outputs = {p.name: p.unit for p in kernel.outputs}
        tiers = tuple(t.name for t in kernel.tiers)
        return Description(name, kernel.inputs, outputs, tiers, kernel, card)
    run = next(chain(newest_runs(hub, name, target), newest_runs(hub, name)), None)
    if run is None:
        raise why or InputError(f"The hub has no run of '{visible(name)}'.")
    ports = tuple(Port(n, q.get("unit", "1")) for n, q in run["inputs"].items())
    inputs = {} if card is None else card["content"].get("inputs", {})
    ports = tuple(_with(port, inputs.get(port.name)) for port in ports)
    outputs = {n: q.get("unit", "1") for n, q in run["outputs"].items()}
    return Description(name, ports, outputs, (), None, card, hub)


def _with(port: Port, record: Any) -> Port:
    """A port of a run with what a card says of it in the same unit."""
    if not isinstance(record, Mapping) or record.get("unit", "1") != port.unit:
        return port
    return Port(port.name, port.unit, record.get("low"), record.get("high"), record.get("default"))


@dataclass(frozen=True)
class Point:
    """A point: the inputs of a question.

    Attributes
    ----------
    values : mapping of str to float or str
        In the units of the ports.
    si : mapping of str to float
        Numbers in SI units, by name.
    labels : mapping of str to str
    assumptions : list of dict
        Inputs that nobody gave, as ``{"input", "value", "source"}``.
    missing : mapping of str to str
        Inputs that nobody gave, that have no default, and that the runs vary; each with a sentence.
    """

    values: Mapping[str, Any]
    si: Mapping[str, float]
    labels: Mapping[str, str]
    assumptions: list[dict[str, Any]]
    missing: Mapping[str, str]


def point_of(description: Description, inputs: Mapping[str, Any]) -> Point:
    """Inputs of a kernel, from what was given with units; the others by default.

    Raises
    ------
    InputError
        If there is no such input, or a value has another dimension or lies outside its range.
    """
    ports = description.ports
    odd = next((n for n in inputs if n not in ports), None)
    if odd is not None:
        remedy = did_you_mean(odd, ports, f"its inputs are {', '.join(ports)}.")
        raise InputError(
            f"'{visible(description.name)}' has no input '{visible(odd[:60])}'; {remedy}"
        )
    values: dict[str, Any] = {}
    assumptions, missing = [], {}
    conservative = description.content.get("conservative", {})
    for port in description.inputs:
        if port.name in inputs:
            values[port.name] = port_value(port, inputs[port.name])
            continue
        value, source = port.default, f"default of {description.name}"
        if value is None and port.name in conservative:
            value = stored(conservative[port.name])
            source = f"conservative value of the card of {description.name}"
        if value is None and port.name in description.held:
            value, source = description.held[port.name], f"value of all runs of {description.name}"
        if value is None:
            unit = "" if port.unit in ("label", "1") else f" in {port.unit}"
            missing[port.name] = f"the input '{port.name}'{unit} is not given ({setting('at')})"
            continue
        values[port.name] = port_value(port, value)
        quantity = {"value": values[port.name], "unit": port.unit}
        assumptions.append({"input": port.name, "value": quantity, "source": source})
    for name, value in values.items():
        check_within(ports[name], value, description.name)
    si = {n: float(ports[n].parsed.to_si(v)) for n, v in values.items() if not ports[n].is_label}
    labels = {n: v for n, v in values.items() if ports[n].is_label}
    return Point(values, si, labels, assumptions, missing)


# ---- Runs of one origin (kernel, tier, cache version), and their distances from the point.


# runs that are compared one by one before a tree is made, and as a part of those in the tree
_FEW, _LATE = 4000, 0.125
# runs that are looked at first; then four times as many, and so on
_FIRST, _MORE = 256, 4


@dataclass
class Index:
    """Runs whose inputs have some signs, by coordinates in which near runs are near.

    Attributes
    ----------
    frame : Frame
    rows : ndarray of int
        Places of the runs in their table, the oldest first.
    """

    frame: "Frame"
    rows: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    _at: Array = field(init=False)
    _seen: int = 0
    _tree: Any = None
    _in_tree: int = 0
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        """Begin with no run."""
        self._at = np.zeros((0, len(self.frame.matrix)))

    def grown(self, values: Array) -> "Index":
        """The index with the runs that were added to the table since."""
        with self._lock:
            new = values[self._seen :]
            if len(new):
                good = self.frame.fits(new)
                self.rows = np.concatenate([self.rows, self._seen + np.flatnonzero(good)])
                self._at = np.vstack([self._at, self.frame.place(new[good])])
                self._seen = len(values)
            late = len(self.rows) - self._in_tree
            if late > _FEW and late > _LATE * self._in_tree:
                from scipy.spatial import cKDTree

                # a tree whose boxes are halved is made in a third of the time
                self._tree = cKDTree(self._at, balanced_tree=False, compact_nodes=False)
                self._in_tree = len(self.rows)
        return self

    def within(self, asked: Array, radius: float) -> IntArray:
        """Places of the runs within a distance, the oldest first."""
        at = self.frame.place(asked[None])[0]
        places = np.zeros(0, dtype=np.intp)
        if self._tree is not None:
            places = np.array(self._tree.query_ball_point(at, radius), dtype=np.intp)
        late = np.linalg.norm(self._at[self._in_tree :] - at, axis=1) <= radius
        every = np.concatenate([places, self._in_tree + np.flatnonzero(late)])
        return np.asarray(self.rows[np.sort(every)])

    def nearest(self, asked: Array) -> Iterator[IntArray]:
        """Places of the runs, the nearest first, some at a time."""
        at = self.frame.place(asked[None])[0]
        late = np.linalg.norm(self._at[self._in_tree :] - at, axis=1)
        some, given = _FIRST, 0
        while given < len(self.rows):
            far, which = late, self._in_tree + np.arange(len(late))
            if self._tree is not None:
                apart, neighbours = self._tree.query(at, min(some, self._in_tree))
                far = np.concatenate([np.atleast_1d(apart), far])
                which = np.concatenate([np.atleast_1d(neighbours), which])
            # of those beyond the last that the tree gave there may be nearer ones
            known = len(self.rows) if some >= self._in_tree else min(some, len(far))
            order = np.argsort(far, kind="stable")[:known]
            yield self.rows[which[order[given:]]]
            given, some = known, some * _MORE


@dataclass(frozen=True)
class Frame:
    """Coordinates of runs: logarithms, required signs, and used inputs.

    Attributes
    ----------
    matrix : ndarray of shape (n_groups, n_inputs)
        Of the logarithms.
    signs : ndarray of shape (n_inputs,)
    plain, inverse : ndarray of bool of shape (n_inputs,)
        Inputs without logarithm, and those that act through their inverse.
    scale : ndarray of shape (n_inputs,)
        What counts as 1 of the first, and a temperature for the second.
    """

    matrix: Array
    signs: Array
    plain: NDArray[np.bool_]
    inverse: NDArray[np.bool_]
    scale: Array

    @property
    def key(self) -> tuple[bytes, ...]:
        """Equal for frames in which runs have the same neighbours, or nearly so."""
        signs = np.where(self.plain, 0.0, self.signs)
        parts = (self.matrix, signs, self.plain, self.inverse)
        return tuple(part.tobytes() for part in parts)

    def fits(self, values: Array) -> NDArray[np.bool_]:
        """Mask of the runs with the required signs."""
        same = (np.sign(values) == self.signs) | self.plain
        return np.asarray(np.all(same, axis=1))

    def place(self, values: Array) -> Array:
        """Points of runs."""
        return np.asarray(_logs(self, values) @ self.matrix.T)


def _logs(frame: Frame, values: Array) -> Array:
    """Logarithms of the inputs of runs, shape (n_runs, n_inputs).

    The input over its scale where there is no logarithm, and -T₀/T of an absolute temperature that
    no group holds.
    """
    with np.errstate(divide="ignore"):
        logs = np.log(np.abs(values))
    logs[values == 0] = 0.0
    logs[:, frame.plain] = (values / frame.scale)[:, frame.plain]
    logs[:, frame.inverse] = -frame.scale[frame.inverse] / values[:, frame.inverse]
    return np.asarray(logs)


# states of evidence that nobody doubts
GOOD = ("open", "accepted")
# indexes that are kept with the runs of a tier: one for each pattern of signs and each card
_MOST_INDEXES = 8
# natural logarithms: inputs are stored with 12 digits, and a group adds up several of them
EQUAL = 1e-11
# the same for the distance of groups, with the rounding of their logarithms
_WITHIN = 1e-9
# runs of a tier that are looked at to see whether they are of several points, and digits of the
# logarithms of their groups: solvers repeat themselves in another size to fewer
_LOOKED, _DIGITS = 50, 6
# points from which on a tier is asked for: what a power law of one group leaves open to be seen
_STANDS = 3
# runs that are read at once while usable ones are looked for
_AT_ONCE = 200


@dataclass(frozen=True)
class Origin:
    """Runs that may answer, of one kernel, tier and cache version.

    Attributes
    ----------
    description : Description
    tier, version, program : str
    complete : bool
        Whether the card declares all that has a dimension, shown by images of this program.
    refuted : bool
        Whether these images show that it does not.
    table : RunTable
        Runs of the tier, of all versions, with the labels that are asked for.
    point : Point
    target : str
    """

    description: Description
    tier: str
    version: str
    program: str
    complete: bool
    refuted: bool
    table: RunTable
    point: Point
    target: str

    @property
    def name(self) -> str:
        """Name of the origin: kernel, tier and version."""
        return f"{self.description.name} {of_tier(self.tier)}".strip()

    @cached_property
    def asked(self) -> Array:
        """Inputs of the point in SI units, in the order of the table."""
        return np.array([self.point.si[n] for n in self.table.names])

    @cached_property
    def scalings(self) -> Scalings:
        """Changes of units under which the answer scales with its dimension."""
        inputs = {n: self.description.sizes[n] for n in self.table.names}
        return Scalings(inputs, tuple(self.description.constants), self.complete)

    @cached_property
    def plain(self) -> NDArray[np.bool_]:
        """Inputs without logarithm: levels, and numbers that may be zero or negative."""
        is_plain = self._of_scale("level")
        free = [self.description.sizes[n].is_dimensionless for n in self.table.names]
        for j in np.flatnonzero(np.array(free) & ~is_plain):
            low = min(self.table.values[:, j].min(initial=np.inf), self.asked[j])
            is_plain[j] = low <= 0
        return is_plain

    @cached_property
    def inverse(self) -> NDArray[np.bool_]:
        """Absolute temperatures that no group holds: they act through 1/T."""
        return self._of_scale("temperature") & np.bool_(not self.complete)

    def _of_scale(self, scale: str) -> NDArray[np.bool_]:
        scales = [self.description.ports[n].parsed.scale for n in self.table.names]
        return np.array([each == scale for each in scales], dtype=np.bool_)

    @cached_property
    def frame(self) -> Frame:
        """Coordinates in which runs are near the point, or far from it."""
        # the unit of length of the inputs without logarithm is their standard deviation
        deviations = np.ones(len(self.asked))
        if len(self.table):
            deviations[self.plain] = self.table.values[:, self.plain].std(axis=0)
        scale = np.where(self.inverse, self.asked, np.where(deviations > 0, deviations, 1.0))
        T = self.scalings.coordinates()
        return Frame(T, np.sign(self.asked), self.plain, self.inverse, scale)

    @cached_property
    def index(self) -> Index:
        """Runs whose inputs have the signs of the point."""
        key, kept = self.frame.key, self.table.kept
        while len(kept) >= _MOST_INDEXES and key not in kept:
            kept.pop(next(iter(kept)), None)
        index: Index = kept.setdefault(key, Index(self.frame))
        return index.grown(self.table.values)

    @cached_property
    def places(self) -> int:
        """Points with runs in other groups; images of a run are all of one point."""
        inputs = Scalings(self.scalings.inputs, self.scalings.constants)
        logs = self.changes(self.index.rows[:_LOOKED])
        return len(np.unique((logs @ inputs.coordinates().T).round(_DIGITS), axis=0))

    def changes(self, places: Sequence[int] | IntArray) -> Array:
        """Differences of the inputs of runs from the point, shape (n_runs, n_inputs).

        In natural logarithms; differences over the runs' standard deviation where there is no
        logarithm, and T₀ (1/T₀ - 1/T) of an absolute temperature that no group holds.
        """
        values = self.table.values[np.asarray(places, dtype=np.intp)]
        return _logs(self.frame, values) - _logs(self.frame, self.asked[None])

    def inputs(self, values: Sequence[float] | Array) -> dict[str, Any]:
        """Quantities of numeric inputs in SI units, in the units of the kernel, and the labels."""
        quantities: dict[str, Any] = {}
        for name, si in zip(self.table.names, values, strict=True):
            port = self.description.ports[name]
            value = float(f"{port.parsed.from_si(float(si)):.12g}")
            quantities[name] = {"value": value, "unit": port.unit}
        return quantities | {n: {"value": v, "unit": "label"} for n, v in self.point.labels.items()}

    def quantity(self, offer: "Offer") -> dict[str, Any]:
        """The value of an offer with its interval, in the unit of the target."""
        unit = self.description.outputs[self.target]
        scale = parse_unit(unit)
        value, low, high = (float(scale.from_si(x)) for x in (offer.value, offer.low, offer.high))
        return {"value": value, "low": min(low, high), "high": max(low, high), "unit": unit}

    @cached_property
    def powers(self) -> Array | None:
        """Powers of the inputs that the target grows with under a change of units."""
        dimension = parse_unit(self.description.outputs[self.target]).dimension
        return self.scalings.monomial(dimension)

    def equal(self, groups: bool) -> IntArray:
        """Places of runs with equal inputs, or with equal groups, the newest first."""
        near = self.index.within(self.asked, _WITHIN)
        apart = self.changes(near)
        if groups:
            apart = apart @ self.scalings.coordinates().T
        return np.asarray(near[np.all(np.abs(apart) <= EQUAL, axis=1)][::-1])

    def nearest(self, most: int) -> list[dict[str, Any]]:
        """Usable runs, the nearest first, every input counting alike."""
        some = (self.usable(places, most) for places in self.index.nearest(self.asked))
        return list(islice(chain.from_iterable(some), most))

    def usable(self, places: IntArray, most: int) -> Iterator[dict[str, Any]]:
        """Runs at places, in this order, that nobody doubts and that have the target."""
        runs = chain.from_iterable(map(self.table.fetch, batches(places.tolist(), _AT_ONCE)))
        return islice(filter(self.is_usable, runs), most)

    def is_usable(self, run: dict[str, Any]) -> bool:
        """Whether a run is of this origin, has the target, and is not doubted."""
        value = run["outputs"].get(self.target, {}).get("value")
        finite = isinstance(value, float | int) and np.isfinite(value)
        mine = self.description.name, self.tier, self.version
        same = (run["kernel"], run["tier"], run["version"]) == mine
        return bool(finite and same and run["state"] in GOOD)


def origins(hub: Hub, description: Description, point: Point, target: str) -> list[Origin]:
    """Origins of a kernel's runs that the point may be answered from, the finest tier first.

    Only runs of the program that is installed here count; where the kernel cannot be run here,
    those of the newest run's cache version.
    """
    tables = hub.run_tables(description.name, description.sizes, point.labels)
    order = [t for t in reversed(description.tiers) if t in tables]
    if not order:
        # the tier with the most runs is what others would ask for
        order = sorted(tables, key=lambda t: (-len(tables[t]), t))
    listed = []
    for tier in order:
        versions = description.versions(point.values, tier) or _newest(tables[tier], target)
        if versions is None:
            continue
        version, program = versions
        card = description.card
        claimed = card is not None and bool(card["content"].get("complete"))
        checked = card is not None and is_checked(hub, card, program)
        complete, refuted = checked and claimed, checked and not claimed
        runs = tables[tier], point, target
        listed.append(Origin(description, tier, version, program, complete, refuted, *runs))
    return listed


def asked_for(origins: Sequence[Origin]) -> list[list[Origin]]:
    """Tiers of each kernel that may answer by themselves, the finest first.

    The last of them is the finest with runs at several points. Runs of a finer tier answer where
    they are, but not in place of that tier: images made to check a card are of one point. A coarser
    tier says something else.
    """
    kernels: dict[str, list[Origin]] = {}
    for origin in origins:
        kernels.setdefault(origin.description.name, []).append(origin)
    chosen = []
    for tiers in kernels.values():
        many = [min(origin.places, _STANDS) for origin in tiers]
        chosen.append(tiers[: many.index(max(many)) + 1])
    return chosen


def near_tiers(origins: Sequence[Origin]) -> list[Origin]:
    """Of each kernel the tier that near answers are of."""
    return [tiers[-1] for tiers in asked_for(origins)]


def _newest(table: RunTable, target: str) -> tuple[str, str] | None:
    """Cache version and program of the newest run that is not doubted.

    A run without a version counts only where the runs that are looked at have none.
    """
    runs = chain.from_iterable(map(table.fetch, batches(reversed(range(len(table))), _AT_ONCE)))
    good = (run for run in runs if run["state"] in GOOD and target in run["outputs"])
    run = newest_version(islice(good, _MOST_NEAREST))
    return None if run is None else (str(run["version"]), str(run["program"]))


def related(hub: Hub, origin: Origin, there: Sequence[Origin]) -> list[Origin]:
    """Origins of other kernels of the same physics identity, by cards that are trusted here.

    Parameters
    ----------
    hub : Hub
    origin : Origin
    there : sequence of Origin
        Of kernels that are known already.
    """
    physics = origin.description.content.get("physics")
    if physics is None:
        return []
    names = {o.description.name for o in there}
    ports = origin.description.ports
    point_values = {n: (origin.point.values[n], port.unit) for n, port in ports.items()}
    others: list[Origin] = []
    for name, card in sorted(trusted_cards(hub).items()):
        if name in names or card["content"].get("physics") != physics:
            continue
        try:
            # what its runs hold is an assumption that no question has made
            other = replace(describe(hub, name, origin.target, load=False), hub=None)
            point = point_of(other, point_values)
        except InputError:
            # no runs, other inputs, or a range that ends before the point
            continue
        if origin.target in other.outputs and not point.missing:
            others += origins(hub, other, point, origin.target)
    return others


def without_runs(hub: Hub, description: Description, point: Point, target: str) -> str:
    """Why no run of a kernel counts at a point: its labels, or the program that made the runs."""

    def runs_with(labels: Mapping[str, str]) -> bool:
        return bool(hub.run_tables(description.name, description.sizes, labels))

    fault = f"the hub has no run of '{visible(description.name)}' with"
    if not runs_with({}) or runs_with(point.labels):
        return f"{fault} '{visible(target)}' by its current program"
    unseen = {n: v for n, v in point.labels.items() if not runs_with({n: v})} or point.labels
    given = " and ".join(f"{visible(n)} = {visible(v[:60])}" for n, v in unseen.items())
    if description.kernel is not None:
        return f"{fault} {given}"
    return f"{fault} {given}; leave out {' and '.join(unseen)} for a law that does not use it"


# relative: an end of a range is where a run is
_EDGE = 1e-9
# decades: smaller distances are written as this one
_NEAR = 0.005
# runs whose states are looked at
_MOST_NEAREST = 2000


def beyond(origin: Origin, address: str) -> list[str]:
    """Groups or inputs in which the point lies beyond the runs, with the remedy.

    Parameters
    ----------
    origin : Origin
    address : str
        Of its hub.

    Returns
    -------
    list of str
    """
    runs = origin.nearest(_MOST_NEAREST)
    if not runs:
        none = f"no run of {origin.name} with these signs and labels is by the program as it is now"
        return [f"{none} and not doubted"]
    changes = origin.changes([run["place"] for run in runs])
    reasons: list[str] = []
    for group, apart, here in _groups(origin, changes):
        low, high = float(apart.min()), float(apart.max())
        if low <= _EDGE and high >= -_EDGE:
            continue
        side, end, far = ("above", high, -high) if high < 0 else ("below", low, low)
        edge = here * np.exp(end)
        (single, power), *more = group.exponents
        unit = parse_unit("1" if more or power != 1 else origin.description.ports[single].unit)
        beside = f"{side} {unit.from_si(edge):.3g}{unit_suffix(unit.text)}"
        known = f" ({group.known_as})" if group.known_as else ""
        decades = max(far / np.log(10.0), _NEAR)
        reasons.append(
            f"nothing with {group}{known} {beside}; the point has {unit.from_si(here):.3g}, and "
            f"the nearest is {decades:.2g} decades away"
        )
    if not reasons:
        nearest = float(origin.scalings.distance(changes).min())
        reasons.append(
            f"the nearest run is {nearest:.2g} decades away, within the ranges of the others"
        )
    name = visible(origin.description.name)
    if (
        not origin.complete
        and origin.description.kernel is None
        and origin.description.card is None
    ):
        # as of the rows of a table
        reasons.append(
            f"nothing but runs is known of {name}, so that runs of other sizes do not count as "
            "equal; a law of them, as 'discover' finds it, predicts these"
        )
    elif origin.refuted:
        reasons.append(
            f"runs of {name} in other sizes differ from what units predict: it holds a constant "
            "with a dimension that its card does not declare"
        )
    elif not origin.complete:
        act = Act(Step.CHECK_CARD, f"{name} {setting('hub', address)}")
        reasons.append(
            f"the card of {name} is not complete, so that runs of other sizes do not count as "
            f"equal; check it with: {act}"
        )
    return reasons


def _groups(origin: Origin, changes: Array) -> list[tuple[PiGroup, Array, float]]:
    """Groups, their logarithms at the runs from those asked, and the values asked.

    Before these inputs themselves, where it is not known that groups decide.
    """
    logged = [j for j, n in enumerate(origin.table.names) if not (origin.plain | origin.inverse)[j]]
    names = [origin.table.names[j] for j in logged if origin.asked[j] != 0]
    if not names:
        return []
    place = {n: j for j, n in enumerate(origin.table.names)}
    values = {n: abs(float(origin.asked[j])) for n, j in place.items() if n in names}
    constants = _constants(origin)
    alone = () if origin.complete and constants is not None else names
    groups = {g.exponents: g for g in (PiGroup.of(n, {n: 1}) for n in alone)}
    if constants is not None:
        inputs = [f"{n} [{p.unit}]" for n, p in origin.description.ports.items() if n in names]
        scales = [f"{n} [{unit}]" for n, (_, unit) in constants.items()]
        basis = pi_basis(inputs, scales=scales, prefer_named=True)
        groups = {g.exponents: g for g in basis.groups} | groups
        values |= {n: value for n, (value, _) in constants.items()}
    rows = []
    for group in groups.values():
        moving = [(place[n], float(e)) for n, e in group.exponents if n in place]
        if moving:
            apart = np.sum([e * changes[:, j] for j, e in moving], axis=0)
            rows.append((group, apart, float(np.exp(group.log(values)[0]))))
    return rows


def _constants(origin: Origin) -> dict[str, tuple[float, str]] | None:
    """Constants of the card by name, in SI units; None where one has no name or value."""
    constants = origin.description.content.get("constants", {})
    by_name: dict[str, tuple[float, str]] = {}
    named = constants.items() if isinstance(constants, Mapping) else enumerate(constants)
    for name, quantity in named:
        value = quantity.get("value") if isinstance(quantity, Mapping) else None
        if not isinstance(name, str) or not isinstance(value, float | int) or not value > 0:
            return None
        unit = str(quantity.get("unit", "1"))
        by_name[name] = (float(parse_unit(unit).to_si(float(value))), unit)
    return by_name


# ---- The run itself, and runs with equal groups: their values, scaled by the units' monomial.


# replicates that are averaged; more give the same mean
_MOST_EQUAL = 100
# relative: values of one program that differ by less were rounded, not drawn
_ROUNDED = 1e-9
# a normal error: the degrees of freedom that a quantile of t takes for endless
_ENDLESS = 1e9


@dataclass(frozen=True)
class Offer:
    """A value that evidence supports.

    Attributes
    ----------
    how : {"run", "similitude", "near", "law", "campaign"}
    value, low, high : float
        In SI units.
    evidence : list of dict
        ``{"kind", "id", "distance", "weight"}`` of each entry that it rests on.
    why : str
    """

    how: str
    value: float
    low: float
    high: float
    evidence: list[dict[str, Any]]
    why: str

    @property
    def half_width(self) -> float:
        """Half of the interval, relative to the value."""
        return relative_half_width(self.value, self.low, self.high)


def exact(origin: Origin, groups: bool, level: float) -> Offer | None:
    """Answer of runs with equal inputs, or with equal groups.

    Parameters
    ----------
    origin : Origin
    groups : bool
        Whether runs of other sizes count, of which only the groups are equal. They do only where
        the card declares everything that has a dimension.
    level : float

    Returns
    -------
    Offer or None
        None where there is no such run.
    """
    if groups and (not origin.complete or origin.powers is None):
        return None
    runs = list(origin.usable(origin.equal(groups), _MOST_EQUAL))
    if not runs:
        return None
    growth = np.ones(len(runs))
    if groups and origin.powers is not None:
        growth = np.exp(-(origin.changes([run["place"] for run in runs]) @ origin.powers))
    outputs = np.array([output_of(run, origin.target) for run in runs]) * growth[:, None]
    value, half = _mean(outputs[:, 0], outputs[:, 1], level)
    evidence = [evidence_of("run", run["id"], 0.0, 1.0 / len(runs)) for run in runs]
    what = "with equal groups, scaled as its dimension says" if groups else "itself"
    many = f"{len(runs)} runs of {origin.name}" if len(runs) > 1 else f"The run of {origin.name}"
    how = "similitude" if groups else "run"
    return Offer(how, value, value - half, value + half, evidence, f"{many} {what}.")


def _mean(values: Array, errors: Array, level: float) -> tuple[float, float]:
    """Mean of replicates and half its interval, numerical error included."""
    n = len(values)
    mean = float(values.mean())
    error = float(np.sqrt((errors**2).mean()))
    scatter = float(values.std(ddof=1)) if n > 1 else 0.0
    if scatter <= _ROUNDED * abs(mean):
        return mean, float(t_quantile(level, _ENDLESS)) * error
    # the scatter holds the independent part of the errors already
    return mean, float(t_quantile(level, n - 1)) * max(scatter, error) / np.sqrt(n)
