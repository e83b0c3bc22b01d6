"""Laws of a hub whose domain contains the point."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from dimgs.common.errors import DimgsError, InputError
from dimgs.dataset import Dataset
from dimgs.hub.entry import links_to
from dimgs.hub.hub import Hub
from dimgs.hub.permissions import NotAllowedError
from dimgs.hub.runs import program_of, run_record
from dimgs.hub.store import dataset_of
from dimgs.hub.verdicts import why_unconfirmed
from dimgs.kernels.record import RunRecord
from dimgs.law.law import Law
from dimgs.similitude.exact import Offer, evidence_of
from dimgs.similitude.origin import GOOD, Origin

# newest laws of a kernel that are looked at: each is evaluated at every run near the point
_LAWS = 50
# runs of each by which its program and labels are known: those of one campaign are alike
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
    """

    law: Law
    id: str
    state: str
    why_not: tuple[str, ...] = ()

    def doubts(self, origin: Origin) -> list[str]:
        """Reasons why the law gives no answer at the point; empty where it does."""
        reasons = [*self.why_not, *([self.law.doubt] if self.law.doubt else [])]
        if not reasons and self.law.confirmed is False and self.state != "accepted":
            reasons = [*self.law.why_not] or [self.law.verdict]
        return reasons or [f"{d}." for d in self.law.places(self._at(origin))[0].departures]

    def _at(self, origin: Origin) -> dict[str, Any]:
        inputs = {**origin.point.si, **origin.point.labels}
        return {name: np.array([value]) for name, value in inputs.items()}

    def answer(self, origin: Origin, level: float) -> Offer | None:
        """Answer of the law at the point, if it is finite."""
        predicted = self.law.predict(self._at(origin), level)
        value, low, high = (float(np.asarray(part)[0]) for part in predicted)
        if not np.isfinite([value, low, high]).all():
            return None
        source = evidence_of("law", self.id, weight=1.0)
        evidence = [{**source, "probability": self.law.probability}]
        reviewed = "an accepted law" if self.state == "accepted" else "a law without a review"
        why = f"By {reviewed}: {self.law}. {self.law.verdict}"
        return Offer("law", value, low, high, evidence, why)


def laws_of(hub: Hub, origin: Origin) -> list[HubLaw]:
    """Laws of the target that rest on runs like those of an origin, accepted ones first.

    Laws that are superseded are left out; so are those of runs of another program, or that have
    not seen the labels that are asked for. Those that are disputed or not confirmed say so.
    """
    known_laws: list[HubLaw] = []
    for listed in hub.listed(kind="law", kernel=origin.description.name, newest=True, limit=_LAWS):
        entry = hub.get(listed["id"])
        if entry["superseded_by"] or not _applies(hub, entry, origin):
            continue
        why = tuple(why_unconfirmed(entry))
        names = {*origin.point.si, *origin.point.labels}
        laws = laws_in(entry, origin.target, names)
        known_laws += [HubLaw(law, entry["id"], entry["state"], why) for law in laws]
    return sorted(known_laws, key=lambda known: known.state != "accepted")


def laws_in(entry: Mapping[str, Any], target: str, names: Container[str]) -> Iterator[Law]:
    """Laws of all regimes of an entry that are of a target and take inputs of these names."""
    content = entry["content"] or {}
    every = [content.get("law"), *(r.get("law") for r in content.get("regimes", ()))]
    seen: list[Any] = []
    for document in every:
        if not document or document in seen:
            continue
        seen.append(document)
        try:
            law = Law.from_json(document)
        except DimgsError:
            # written by hand, to be read by people
            continue
        if law.target.name == target and all(v.name in names for v in law.symbols.values()):
            yield law


def _applies(hub: Hub, entry: dict[str, Any], origin: Origin) -> bool:
    """Whether the runs of a law are of the program and have the labels that are asked for."""
    below = hub.several(links_to(entry, "derived")[:_RUNS]).values()
    runs = [one["content"] for one in below if one["kind"] == "run" and one["content"] is not None]
    if not runs:
        # without runs, only a review says that it holds
        return bool(entry["state"] == "accepted") and not origin.point.labels
    held = [{n: q["value"] for n, q in run["inputs"].items()} for run in runs]
    return all(program_of(run) == origin.program for run in runs) and all(
        any(inputs.get(n) == label for inputs in held) for n, label in origin.point.labels.items()
    )


# of the intervals that have to hold the earlier law: the one by default everywhere
_LEVEL = 0.9


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
    try:
        return [Law.from_json(document) for document in held if document]
    except DimgsError:
        return []


def _table(records: Mapping[str, RunRecord], law: Law) -> Dataset:
    """Runs of the tier that most of them are of."""
    tiers = [r.tier for r in records.values()]
    tier = max(sorted(set(tiers)), key=tiers.count, default="")
    some = [r for r in records.values() if r.tier == tier]
    if not some:
        raise InputError("Every run of the law is in doubt; make new runs.")
    return dataset_of(some, [law.target.name], some[0].kernel)


def _searched_again(law: Law, data: Dataset, content: Mapping[str, Any], seed: int) -> Law:
    from dimgs.discovery.discover import discover

    constants = [c.name for c in law.constants if c.origin == "physical"]
    scales = [f"{c.name} [{c.unit}]" for c in law.constants if c.origin == "scale"]
    # a campaign's laws are power laws of their regimes
    engine = content.get("engine") or "power_law"
    report = discover(
        data, law.target.name, constants=constants, scales=scales, engine=engine, seed=seed
    )
    if report.law is None:
        fault = f"The {data.n_runs} undoubted runs give no law of '{law.target.name}'"
        raise InputError(f"{fault}; the earlier law stays as it is.")
    return report.law


def _agrees(law: Law, new: Law, data: Dataset) -> tuple[bool, float]:
    """Whether the new law's intervals hold the earlier one's values, and how far apart they are."""
    columns = {name: data[name] for name in data.names}
    here, there = np.array(law.predict(columns)), np.array(new.predict(columns, _LEVEL))
    held = (there[1] <= here) & (here <= there[2])
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.abs(np.log(there[0] / here))
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
