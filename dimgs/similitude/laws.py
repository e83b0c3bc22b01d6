"""Laws of a hub whose domain contains the point, and known limits of a target, as reviewed."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError, LawError, attempt
from dimgs.dataset import Dataset
from dimgs.expression.parsing import sympy_parse_condition
from dimgs.hub.entry import links_to, program_of, run_record, why_unconfirmed
from dimgs.hub.hub import Hub
from dimgs.hub.permissions import NotAllowedError
from dimgs.hub.store import dataset_of
from dimgs.kernels.record import RunRecord
from dimgs.law.law import Law
from dimgs.law.limits import KnownLimit
from dimgs.law.prediction import Bound, beside_borders, predicted, wanted_by
from dimgs.similitude.answer import evidence_of
from dimgs.similitude.kriging import Nearby
from dimgs.similitude.origin import GOOD, Offer, Origin

# ---- Laws of a hub whose domain contains the point.


# newest laws of a kernel that are looked at: each is evaluated at every run near the point
_LAWS = 50
# runs of each by which its program is known: those of one campaign are alike, and of one table
_RUNS = 8


@dataclass(frozen=True)
class HubLaw:
    """A law of the hub.

    Attributes
    ----------
    law : Law
    id, state : str
        Of its entry.
    why_not : tuple of str
        Why it answers nothing: it is not confirmed, or somebody disputes it.
    regime : mapping
        Of a campaign, in which it holds: "where" in its "groups", and "place" in words. Empty for
        a law of all runs.
    """

    law: Law
    id: str
    state: str
    why_not: tuple[str, ...] = ()
    regime: Mapping[str, Any] = field(default_factory=dict)

    def doubts(self, origin: Origin) -> list[str]:
        """Reasons why the law gives no answer at the point; empty where it does."""
        reasons = [*self.why_not, *([self.law.doubt] if self.law.doubt else [])]
        if not reasons and self.law.confirmed is False and self.state != "accepted":
            reasons = [*self.law.why_not] or [self.law.verdict]
        reasons = reasons or [f"{d}." for d in self.law.places(self.at(origin))[0].departures]
        return reasons or self._elsewhere(origin) or self._untried(origin)

    def _elsewhere(self, origin: Origin) -> list[str]:
        """That the point lies in another regime, as far as its groups show."""
        groups = self.regime.get("groups") or {}
        known = {c.name: c.value for c in self.law.constants if c.origin == "physical"}
        known |= origin.point.si
        for name, powers in groups.items():
            if powers.keys() <= known.keys():
                factors = [known[n] ** float(Fraction(p)) for n, p in powers.items()]
                known[name] = float(np.prod(factors))
        names = [n for n in known if n.isidentifier()]
        try:
            where = sympy_parse_condition(str(self.regime.get("where") or "True"), names)
        except LawError:
            # everywhere, or of a group that an unknown scale is part of
            return []
        holds = sympy.lambdify(names, where, "numpy")(*(known[n] for n in names))
        return [] if holds else [f"it holds where {self.regime['place']}."]

    def _untried(self, origin: Origin) -> list[str]:
        """Inputs that the runs held at other values, where it is not known that groups decide.

        Where it is known that groups do not, each input has to lie where the runs are.
        """
        domain, name = self.law.domain, origin.description.name
        held = {} if origin.complete else {**domain.held, **self._held_for(origin)}
        ranges = {n: (low, high) for n, (low, high, _) in domain.columns.items() if n not in held}
        asked = origin.point.si
        other = [
            f"its runs held {n} at another value, and the card of {name} is not "
            f"complete, so that units alone do not say what {n} does."
            for n, x in asked.items()
            if n in held and not np.isclose(x, held[n], atol=0.0)
        ]
        beyond = [
            f"its runs did not reach this {n}, and {name} holds a constant with a dimension that "
            f"its card does not declare, so that units alone do not say what {n} does."
            for n, x in asked.items()
            if origin.refuted
            and n in ranges
            and not Bound(n, None, *ranges[n], (n,)).contains(np.array(x))
        ]
        return [*other, *beyond]

    def _held_for(self, origin: Origin) -> dict[str, float]:
        """Inputs that the runs of the label at the point held, though not those of all labels."""
        effects, by_label = self.law.label_effects, self.law.domain.held_by_label
        label = "" if effects is None else str(origin.point.labels.get(effects.column, ""))
        return {n: values[label] for n, values in by_label.items() if label in values}

    def at(self, origin: Origin) -> dict[str, Any]:
        """Inputs of the point that the law knows."""
        inputs, names = {**origin.point.si, **origin.point.labels}, wanted_by(self.law).names
        return {name: np.array([value]) for name, value in inputs.items() if name in names}

    def beside_borders(self, origin: Origin) -> list[float]:
        """Values at the point where a border between pieces lies at an end of its interval.

        Over the value itself.
        """
        at = self.at(origin)
        here = float(np.asarray(self.law.predict_si(at))[0])
        return [float(value[0]) / here for value in beside_borders(self.law, at)]

    def answer(self, origin: Origin, level: float) -> Offer | None:
        """Answer of the law at the point, if it is finite."""
        predicted = self.law.predict(self.at(origin), level)
        value, low, high = (float(np.asarray(part)[0]) for part in predicted)
        if not np.isfinite([value, low, high]).all():
            return None
        source = evidence_of("law", self.id, weight=1.0)
        evidence = [{**source, "probability": self.law.probability}]
        reviewed = "an accepted law" if self.state == "accepted" else "a law without a review"
        why = f"By {reviewed}: {self.law}. {self.law.verdict}"
        if origin.point.missing:
            why = f"{why} The law does not use {' and '.join(origin.point.missing)}."
        return Offer("law", value, low, high, evidence, why)


def laws_of(hub: Hub, origin: Origin) -> list[HubLaw]:
    """Laws of the target that rest on runs like those of an origin, accepted ones first.

    Laws that are superseded are left out; so are those of runs of another program, or that have
    not seen the labels that are asked for, or use one that is not given. Those that are disputed
    or not confirmed say so.
    """
    known_laws: list[HubLaw] = []
    for listed in hub.listed(kind="law", kernel=origin.description.name, newest=True, limit=_LAWS):
        entry = hub.get(listed["id"])
        if entry["superseded_by"] or not _applies(hub, entry, origin):
            continue
        why = tuple(why_unconfirmed(entry))
        names = {*origin.point.si, *origin.point.labels}
        known_laws += [
            HubLaw(law, entry["id"], entry["state"], why, part)
            for law, part in laws_in(entry, origin.target, names)
            if _shifted_by(law).isdisjoint(origin.point.missing)
        ]
    return sorted(known_laws, key=lambda known: known.state != "accepted")


def _shifted_by(law: Law) -> set[str]:
    """Columns of labels that the predictions of a law depend on."""
    return {each.column for each in (*law.sources, law.label_effects) if each is not None}


def laws_in(
    entry: Mapping[str, Any], target: str, names: Container[str]
) -> Iterator[tuple[Law, Mapping[str, Any]]]:
    """Laws of an entry that are of a target and take inputs of these names, with their regimes."""
    content = entry["content"] or {}
    regimes = list(content.get("regimes") or ())
    every = [*regimes, {"law": content.get("law")}]
    # the first law of a campaign may be that of a regime
    first = next(r for r in every if r.get("law") == content.get("law"))
    seen: list[Any] = []
    for regime in (first, *every):
        document = regime.get("law")
        if not document or document in seen:
            continue
        seen.append(document)
        # one that was written by hand, to be read by people, is no law
        law = attempt(Law.from_json, document)
        if law is None or law.target.name != target:
            continue
        if all(v.name in names for v in law.symbols.values()):
            yield law, regime


def _applies(hub: Hub, entry: dict[str, Any], origin: Origin) -> bool:
    """Whether the runs of a law are of the program, and have the labels that are asked for.

    What is not given has to differ between the runs: only then do they show that the law holds for
    all of it.
    """
    links, point = links_to(entry, "derived"), origin.point
    below = hub.several(links if point.labels or point.missing else links[:_RUNS]).values()
    runs = [one["content"] for one in below if one["kind"] == "run" and one["content"] is not None]
    if not runs:
        # without runs, only a review says that it holds
        return bool(entry["state"] == "accepted") and not point.labels
    values = {
        n: {run["inputs"].get(n, {}).get("value") for run in runs}
        for n in (*point.labels, *point.missing)
    }
    return (
        all(program_of(run) == origin.program for run in runs)
        and all(label in values[n] for n, label in point.labels.items())
        and all(len(values[n]) > 1 for n in point.missing)
    )


# of the intervals that have to hold the earlier law: the one by default everywhere
_LEVEL = 0.9
# options with which a law was found that it does not show, and that name no files
_ASKED = (
    *("constants", "scales", "arrhenius", "arrhenius_power", "form", "engine"),
    *("must_use", "at_most_constants", "robust", "noise"),
)


class Outcome(StrEnum):
    """Result of a refit: the relation of the new law to the earlier one."""

    CONFIRMED = "confirmed"
    SUPERSEDED = "superseded"
    UNDECIDED = "undecided"


def refit(hub: Hub, id: str, seed: int = 0) -> dict[str, Any]:
    """Find a law of the hub again from those of its runs that nobody doubts.

    The new law decides only where it is confirmed itself, by the verdict that `discover` gives of
    it. Then it confirms the earlier law if its intervals hold the values of that law at all of
    these runs, and where the user may settle that, what rests on the law is free again; otherwise
    it supersedes it. Each regime's law is found from the runs in its own domain.

    Parameters
    ----------
    hub : Hub
    id : str
        Of a law's entry.
    seed : int

    Returns
    -------
    dict
        "id" of the new law, its "outcome" (``"confirmed"``, ``"superseded"`` or ``"undecided"``
        of the earlier law), whether it "confirmed" the earlier one, whether that "settled" its
        doubts and "why_not" (only a reviewer settles who made nothing that the law rests on; a
        law that is not confirmed itself decides nothing), the "probability" of the new law, the
        number of "runs" it rests on and of those that were "left_out", and the largest
        "difference" of the two laws, as a logarithm.

    Raises
    ------
    InputError
        If it is no law that can be fitted again, none of its runs is doubted, or too few are left.
    """
    entry = hub.get(id)
    content = entry["content"] or {}
    laws = _laws(content)
    if entry["kind"] != "law" or not laws:
        raise InputError(f"'{entry['id'][:12]}' holds no law that can be refitted.")
    below = hub.several(links_to(entry, "derived"))
    runs = {i: one for i, one in below.items() if one["kind"] == "run" and one["content"]}
    good = {i: one for i, one in runs.items() if one["state"] in GOOD}
    if len(good) == len(runs):
        raise InputError(
            f"None of the {len(runs)} runs of '{entry['id'][:12]}' is doubted; no refit is needed."
        )
    data = _table({i: run_record(one["content"]) for i, one in good.items()}, laws[0])
    again, same, apart = list[Law](), True, 0.0
    for law in laws:
        inside = data.take([i for i, out in enumerate(law.outside(data)) if not out])
        new = _searched_again(law, inside, content, seed)
        agrees, difference = _agrees(law, new, inside)
        again.append(new)
        same, apart = same and agrees, max(apart, difference)
    document = {"kind": "law", **_with_laws(content, again)}
    links = [("derived", i) for i in good]
    links += [("derived", i) for i, one in below.items() if one["kind"] == "protocol"]
    decides = all(law.confirmed for law in again)
    settled = Outcome.CONFIRMED if same else Outcome.SUPERSEDED
    outcome = settled if decides else Outcome.UNDECIDED
    confirmed = outcome is Outcome.CONFIRMED
    why: list[str] = []
    try:
        if decides:
            entry_id = hub.settle(entry["id"], document, links, confirmed=confirmed)
        else:
            entry_id = hub.add_linked(document, links)
            why = list(dict.fromkeys(text for law in again for text in law.why_not))
    except NotAllowedError as error:
        entry_id, why = hub.add_linked(document, links), [str(error)]
    return {
        "id": entry_id,
        "outcome": outcome,
        "confirmed": confirmed,
        "settled": confirmed and not why,
        "why_not": why,
        "probability": again[0].probability,
        "runs": len(good),
        "left_out": len(runs) - len(good),
        "difference": apart,
    }


def _laws(content: Mapping[str, Any]) -> list[Law]:
    """Laws of an entry: its own, or those of its regimes."""
    held = [r.get("law") for r in content.get("regimes") or ()] or [content.get("law")]
    return attempt(lambda: [Law.from_json(document) for document in held if document]) or []


def _table(records: Mapping[str, RunRecord], law: Law) -> Dataset:
    """Runs of the tier that most of them are of, in the order of the rows of their table.

    The order of the links to them is that of hashes. Residuals may drift along it by chance, and
    a drift along the rows would not be seen.
    """
    tiers = [r.tier for r in records.values()]
    tier = max(sorted(set(tiers)), key=tiers.count, default="")
    some = sorted((r for r in records.values() if r.tier == tier), key=_place)
    if not some:
        raise InputError("Every run of the law is in doubt; make new runs.")
    return dataset_of(some, [law.target.name], some[0].kernel)


def _place(run: RunRecord) -> tuple[int, str]:
    """The row of a run in its table; the key of one that is not of a table."""
    row = run.provenance.get("row")
    return row if isinstance(row, int) else 0, run.key


def _searched_again(law: Law, data: Dataset, content: Mapping[str, Any], seed: int) -> Law:
    from dimgs.discovery.discover import discover

    options = content.get("options")
    asked = {n: v for n, v in options.items() if n in _ASKED} if isinstance(options, dict) else {}
    asked.setdefault("constants", [c.name for c in law.constants if c.origin == "physical"])
    scales = [f"{c.name} [{c.unit}]" for c in law.constants if c.origin == "scale"]
    asked.setdefault("scales", scales)
    # a campaign's laws are power laws of their regimes; others were found by some engine of all
    asked.setdefault("engine", "auto" if content.get("engine") else "power_law")
    used = {v.name for v in law.symbols.values()} | law.domain.columns.keys()
    effects = law.label_effects
    report = discover(
        data,
        law.target.name,
        within=None if effects is None else effects.column,
        by=[each.column for each in law.sources],
        columns=[name for name in data.names if name in used],
        seed=seed,
        **asked,
    )
    if report.law is None:
        fault = f"The {data.n_runs} undoubted runs give no law of '{law.target.name}'"
        raise InputError(f"{fault}; the earlier law stays as it is.")
    return report.law


def _agrees(law: Law, new: Law, data: Dataset) -> tuple[bool, float]:
    """Whether the new law's intervals hold the earlier one's values, and how far apart they are."""
    columns = {name: data[name] for name in data.names}
    here, there = law.predict_si(columns), np.array(predicted(new, columns, _LEVEL, "run"))
    held = (there[1] <= here) & (here <= there[2])
    with np.errstate(divide="ignore", invalid="ignore"):
        level, size = law.target.is_level, law.target.unit.log_factor
        apart = np.abs(size * (there[0] - here) if level else np.log(there[0] / here))
    return bool(held.all()), float(np.nan_to_num(apart, nan=np.inf).max(initial=0.0))


def _with_laws(content: Mapping[str, Any], again: Sequence[Law]) -> dict[str, Any]:
    """The content of the entry with the new laws in place of the earlier ones."""
    # the verdict is that of the new laws; what was said of the earlier ones stays with them
    earlier = ("files", "probability", "rivals", "none_of_these")
    refitted = {k: v for k, v in content.items() if k not in earlier}
    if content.get("regimes"):
        held = [r for r in content["regimes"] if r.get("law")]
        documents = {id(r): law.to_json() for r, law in zip(held, again, strict=True)}
        refitted["regimes"] = [{**r, "law": documents.get(id(r))} for r in content["regimes"]]
    why = [text for law in again for text in law.why_not]
    verdict = {"confirmed": all(law.confirmed for law in again), "why_not": why}
    return {**refitted, **verdict, "law": again[0].to_json()}


# ---- Known limits: how a target grows where a group goes to zero or infinity, as reviewed
# knowledge.
#
# A limit enters a near answer as points on a line from the question along which the group changes.
# The limit gives the growth of the target between these points, and not its level. The points
# therefore share an unknown level, as the runs of another kernel share an unknown ratio.


# places of the points from where the limit begins to hold, as powers of ten of the group
_STEPS = np.log(10.0) * np.array([0.0, 0.5, 1.0, 2.0])
# powers of ten of a group that a limit reaches over
_REACH = 4.0 * np.log(10.0)


@dataclass(frozen=True)
class LimitPoints:
    """A limit of the hub, seen from a question.

    Attributes
    ----------
    id : str
    changes : ndarray of shape (n, n_inputs)
        Of the inputs from those of the question, at points where the limit holds.
    growth : ndarray of shape (n,)
        Of the target's logarithm along them.
    miss : float
        Relative error of the growth.
    """

    id: str
    changes: Array
    growth: Array
    miss: float


def accepted_limits(hub: "Hub") -> list[tuple[dict[str, Any], KnownLimit]]:
    """Accepted limits of a hub: their contents, and as known limits.

    Those that are stated in words alone are left out.
    """
    accepted = []
    for listed in hub.listed(kind="limit", state="accepted"):
        content = hub.get(listed["id"])["content"] or {}
        limit = attempt(KnownLimit.of, content, listed["id"])
        accepted += [] if limit is None else [(content, limit)]
    return accepted


def limits_of(hub: "Hub", origin: "Origin") -> list[LimitPoints]:
    """Accepted limits of the target for the kernel of the question, or its physics identity."""
    limits = []
    physics = origin.description.content.get("physics")
    for content, limit in accepted_limits(hub):
        same = content.get("kernel") == origin.description.name
        same = same or (physics is not None and content.get("physics") == physics)
        if same and limit.target == origin.target:
            points = _seen_from(origin, limit)
            limits += [] if points is None else [points]
    return limits


def _seen_from(origin: "Origin", limit: KnownLimit) -> LimitPoints | None:
    """The limit along the line through the question; None where it constrains nothing there."""
    names, point = origin.table.names, origin.asked
    if not set(limit.group) <= set(names):
        return None
    e, along = (
        np.array([float(powers.get(n, 0)) for n in names]) for powers in (limit.group, limit.along)
    )
    if np.any(point[e != 0] <= 0):
        return None
    border = np.log(limit.beyond) - e[e != 0] @ np.log(point[e != 0])
    outward = 1.0 if limit.upward else -1.0
    steps = border + outward * _STEPS
    if -outward * border > 0:
        # the question itself lies where the limit holds
        steps = np.append(steps, 0.0)
    if abs(border) > _REACH:
        return None
    return LimitPoints(limit.source, np.outer(steps, along), limit.growth * steps, limit.miss)


def with_limits(near: Nearby, limits: Sequence[LimitPoints], powers: Array) -> Nearby:
    """The runs, and the points of limits after them, each limit with a level of its own."""
    for k, limit in enumerate(limits, 1):
        values = limit.growth - limit.changes @ powers
        # the level that the nearest run suggests; what it really is, is fitted
        apart = near.scalings.distance(near.changes[:, None] - limit.changes)
        run, point = np.unravel_index(np.argmin(apart), apart.shape)
        values = values - values[point] + near.values[run]
        near = Nearby(
            near.scalings,
            np.vstack([near.changes, limit.changes]),
            np.append(near.values, values),
            np.append(near.variances, np.full(len(values), limit.miss**2)),
            np.append(near.origins, np.full(len(values), -k)),
        )
    return near
