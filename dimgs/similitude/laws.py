"""Laws of a hub that hold where it is asked."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dimgs.errors import DimgsError
from dimgs.hub.runs import program_of
from dimgs.hub.verdicts import why_unconfirmed
from dimgs.law.law import Law
from dimgs.similitude.exact import Offer
from dimgs.similitude.origin import Origin

if TYPE_CHECKING:
    from dimgs.hub import Hub

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
        """Why the law does not answer at the point; empty where it does."""
        own = [*self.why_not, *([self.law.doubt] if self.law.doubt else [])]
        if not own and self.law.confirmed is False and self.state != "accepted":
            own = [*self.law.why_not] or [self.law.verdict]
        return own or [f"{d}." for d in self.law.places(self._at(origin))[0].departures]

    def _at(self, origin: Origin) -> dict[str, Any]:
        given = {**origin.point.si, **origin.point.labels}
        return {name: np.array([value]) for name, value in given.items()}

    def answer(self, origin: Origin, level: float) -> Offer | None:
        """What the law says there, where that is a finite number."""
        told = self.law.predict(self._at(origin), level)
        value, low, high = (float(np.asarray(part)[0]) for part in told)
        if not np.isfinite([value, low, high]).all():
            return None
        evidence = [{"kind": "law", "id": self.id, "distance": None, "weight": 1.0}]
        evidence[0]["probability"] = self.law.probability
        reviewed = "an accepted law" if self.state == "accepted" else "a law nobody has reviewed"
        why = f"By {reviewed}: {self.law}. {self.law.verdict}"
        return Offer("law", value, low, high, evidence, why)


def laws_of(hub: "Hub", origin: Origin) -> list[HubLaw]:
    """Laws of the target that rest on runs like those of an origin, accepted ones first.

    Laws that are superseded are left out; so are those of runs of another program, or that have
    not seen the labels that are asked for. Those that are disputed or not confirmed say so.
    """
    found: list[HubLaw] = []
    for listed in hub.listed(kind="law", kernel=origin.known.name, newest=True, limit=_LAWS):
        entry = hub.get(listed["id"])
        if entry["superseded_by"] or not _applies(hub, entry, origin):
            continue
        why = tuple(why_unconfirmed(entry))
        names = {*origin.point.si, *origin.point.labels}
        laws = laws_in(entry, origin.target, names)
        found += [HubLaw(law, entry["id"], entry["state"], why) for law in laws]
    return sorted(found, key=lambda known: known.state != "accepted")


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


def _applies(hub: "Hub", entry: dict[str, Any], origin: Origin) -> bool:
    """Whether the runs of a law are of the program and have the labels that are asked for."""
    rests = [k["to"] for k in entry["links"] if k["type"] == "derived" and k["from"] == entry["id"]]
    below = hub.several(rests[:_RUNS]).values()
    runs = [one["content"] for one in below if one["kind"] == "run" and one["content"] is not None]
    if not runs:
        # without runs, only a review says that it holds
        return bool(entry["state"] == "accepted") and not origin.point.labels
    held = [{n: q["value"] for n, q in run["inputs"].items()} for run in runs]
    return all(program_of(run) == origin.program for run in runs) and all(
        any(inputs.get(n) == label for inputs in held) for n, label in origin.point.labels.items()
    )
