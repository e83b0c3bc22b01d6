"""Answers to questions: from a run, by similitude, from a law, or the plan of a campaign."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

from dimgs.common.advice import setting
from dimgs.common.errors import DimgsError, InputError, check_level
from dimgs.common.escape import visible
from dimgs.common.formats import in_percent
from dimgs.hub.cards import keep_card, trusted_cards
from dimgs.hub.entry import Document, Json, links_from
from dimgs.hub.hub import Hub, RemoteHub
from dimgs.kernels.base import UNNAMED, Kernel, Port
from dimgs.kernels.registry import available
from dimgs.similitude.answer import (
    Answer,
    Given,
    curve_of,
    grid_points,
    hull_of,
    judge_answer,
    point_of_question,
    points_given,
    question_of,
    refuse,
)
from dimgs.similitude.origin import (
    Description,
    Offer,
    Origin,
    Point,
    asked_for,
    beyond,
    describe,
    exact,
    near_tiers,
    origins,
    point_of,
    related,
    without_runs,
)
from dimgs.variables.units import unit_suffix

if TYPE_CHECKING:
    from dimgs.campaign.plan import Plan
    from dimgs.similitude.laws import HubLaw

__all__ = ["Answer", "ask"]

# a relative half-width from which on the value itself is not known
_VAGUE = 1.0
# entries whose reviews are listed
_REVIEWED = 20
# laws that do not answer whose reasons are among what is missing; the evidence has all of them
_DOUBTED = 3
# the range of the one input of a plan for a point that has to have one
_RANGE = 1.25
# runs at one point: enough to halve a scatter twice
_MOST_RUNS = 16
# and of a plan that ends at once: the second shows whether runs scatter
_FEWEST_RUNS = 2
# a plan takes tolerances below 1
_WIDEST = 0.99
# laws of the hub, of which runs they are, and why they do not answer
_Laws: TypeAlias = list[tuple[Origin, "HubLaw", list[str]]]
_Offers: TypeAlias = Iterator[tuple[Origin, Offer]]


def ask(
    target: str | Sequence[str],
    at: Any = None,
    hub: Any = None,
    *,
    kernel: Any = None,
    physics: str | None = None,
    tolerance: float = 0.1,
    level: float = 0.9,
    run: bool = False,
    load: bool = True,
) -> Any:
    """Answer a question from the entries of a hub, before any new run.

    The sources are tried in this order until the interval is within the tolerance: the run itself,
    runs with equal groups, near runs, laws whose domain contains the point, and a campaign.

    Parameters
    ----------
    target : str or sequence of str
        Output of the kernel, or the id of a stored question; or several outputs.
    at : str, mapping, or whatever `read_table` takes
        Where: ``"D=1e-14 m^2/s, l=0.1 mm"``, with a range for one input for a curve over it
        (``"t=1..100 day"``); a mapping of names to quantities, ``(value, unit)`` or numbers in
        the kernel's units; or a table with a row for each point.
    hub : Hub, path or address
    kernel : str or Kernel, optional
    physics : str, optional
        Physics identity that kernels share, in place of a kernel.
    tolerance : float
        Largest half-width of the interval, relative to the value.
    level : float
        Coverage of the interval.
    run : bool
        Whether new runs are made if no evidence meets the tolerance; they are stored in the hub.
    load : bool
        Whether a kernel that is named by file or module is loaded.

    Returns
    -------
    Answer, or list of Answer for a table; of several targets, a dict of them

    Raises
    ------
    InputError
        If the question cannot be read, or no kernel computes the target.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from dimgs.hub import Hub
    >>> from dimgs.hub.cards import check_card
    >>> film = {"D": (1e-14, "m^2/s"), "l": (0.1, "mm"), "t": (10, "day"), "K": 1.0,
    ...         "h": (1e-8, "m/s"), "C0": 1.0, "A": (6, "dm^2"), "V": (1, "l")}
    >>> with TemporaryDirectory() as folder, Hub(folder) as hub:
    ...     first = ask("CF", film, hub, kernel="diffusion-series", run=True)
    ...     checked = check_card(hub, "diffusion-series")
    ...     # twice as large, four times as slow
    ...     thick = {**film, "l": (0.2, "mm"), "t": (40, "day"), "h": (5e-9, "m/s"),
    ...              "A": (24, "dm^2"), "V": (8, "l")}
    ...     second = ask("CF", thick, hub, kernel="diffusion-series")
    >>> first.how, second.how, round(second.value / first.value, 9)
    ('campaign', 'similitude', 1.0)
    """
    check_level(level)
    if not 0.0 < tolerance < float("inf"):
        raise InputError(f"The tolerance is {tolerance}; give one above 0, such as 0.1 for 10 %.")
    with _opened(hub) as opened:
        asking = _Asking(opened, tolerance, level, run, load)
        if not isinstance(target, str):
            return {one: asking.asked(one, at, kernel, physics) for one in dict.fromkeys(target)}
        return asking.asked(target, at, kernel, physics)


def _opened(hub: Any) -> AbstractContextManager[Hub]:
    hub = os.environ.get("DIMGS_HUB") if hub is None else hub
    if hub is None:
        raise InputError("No hub is named; give hub=, or set DIMGS_HUB.")
    return nullcontext(hub) if isinstance(hub, Hub) else Hub(hub, make=False)


@dataclass(frozen=True)
class _Asking:
    """A hub that is asked, and what is good enough."""

    hub: Hub
    tolerance: float
    level: float
    run: bool
    load: bool

    def asked(self, target: str, at: Any, kernel: Any, physics: str | None) -> Any:
        """Answer a question about points or along a curve; one of the hub keeps its answers."""
        question, stored_point = question_of(self.hub, target), Given()
        if question is not None:
            content = question["content"] or {}
            if not content.get("target"):
                raise InputError(
                    f"The question '{question['id'][:12]}' names no target; ask with one."
                )
            target, stored_point = content["target"], point_of_question(content)
            if kernel is None and physics is None:
                kernel, physics = content.get("kernel"), content.get("physics")
                kernel = kernel or (None if physics else self._kernel_of(question))
        elif at is None:
            raise InputError(
                f"No point is given; say where, such as 'D=1e-14 m^2/s' ({setting('at')})."
            )
        points, many = ([Given()], False) if at is None else points_given(at)
        answers = [self.answer(target, {**stored_point, **p}, kernel, physics) for p in points]
        if isinstance(many, str):
            answers, many = [curve_of(answers, many, points)], False
        if question is not None:
            for answer in answers:
                self._keep(question["id"], answer)
        return answers if many else answers[0]

    def _kernel_of(self, question: Document) -> str | None:
        """Kernel of the protocol that was made for a question."""
        contents = (self.hub.get(id)["content"] or {} for id in links_from(question, "answers"))
        return next((str(each["kernel"]) for each in contents if each.get("kernel")), None)

    def _keep(self, question: str, answer: Answer) -> None:
        if answer.value is None or not self.hub.may("add", "open", True):
            return
        entry = {"kind": "answer", **answer.to_json()}
        rests = [("derived", e["id"]) for e in answer.evidence]
        self.hub.once(entry, [*rests, ("answers", question)])

    def answer(self, target: str, inputs: Given, kernel: Any, physics: str | None) -> Answer:
        """Answer one point, whose inputs may have intervals."""
        grid = grid_points(inputs, self.level)
        points = [self.at_values(target, point, kernel, physics) for point in grid]
        if len(points) == 1:
            return points[0]
        return hull_of(points, target, inputs, self.tolerance)

    def at_values(self, target: str, inputs: Given, kernel: Any, physics: str | None) -> Answer:
        """Answer one point, each of whose inputs is a number or label."""
        if kernel is None and physics is None:
            options = f"{setting('kernel')} or {setting('physics')}"
            names = visible(", ".join(self.hub.kernels())[:300]) or "no kernel"
            fault = "Neither a kernel nor a physics identity is named"
            raise InputError(f"{fault}; give {options}: this hub has runs of {names}.")
        every = _with_points(self._kernels(target, kernel, physics), inputs)
        description, point = every[0]
        if not _may_answer(description, point):
            missing = {n: text for _, p in every for n, text in p.missing.items()}
            unit = description.outputs[target]
            return refuse(list(missing.values()), unit, point.assumptions, None, self.level)
        if (there := self._there(target, inputs, point, kernel, physics)) is not None:
            answer = there()
            if answer.value is not None or description.kernel is None:
                return answer
            return self._campaign(description, point, target, answer.missing, there)
        origins_there = [o for k, p in every for o in origins(self.hub, k, p, target)]
        laws: _Laws = []
        best: Offer | None = None
        for origin, offer in self._offers(origins_there, laws):
            if offer.half_width <= self.tolerance:
                others = [o for o in origins_there if o.description is not origin.description]
                if differing := self._differing(origin, offer, others):
                    unit = description.outputs[target]
                    return refuse([differing], unit, point.assumptions, None, self.level)
                answer = self._compose_answer(offer, origin)
                return replace(answer, assumptions=[*_chosen(origin, every), *answer.assumptions])
            best = min((best, offer), key=lambda o: o.half_width) if best else offer
        # a law comes before its regimes, which have its id
        first = {law.id: (law, why) for _, law, why in reversed(laws) if why}
        doubted = list(first.values())[::-1]
        lacking = self._lacking(description, point, target, origins_there, best, doubted)
        answer = self._campaign(
            description, point, target, lacking, lambda: self._made(description, point, target)
        )
        if answer.value is not None or not doubted:
            return answer
        return replace(answer, how="none", evidence=[_not_enough(*one) for one in doubted])

    def _differing(self, origin: Origin, offer: Offer, others: Sequence[Origin]) -> str:
        """Kernel of the same physics whose answer is as sure and differs; empty where none does."""
        laws: _Laws = []
        for other, its in self._offers(others, laws):
            apart = max(offer.low - its.high, its.low - offer.high)
            large = self.tolerance * max(abs(offer.value), abs(its.value))
            if (
                its.half_width <= self.tolerance
                and apart > 0.0
                and abs(offer.value - its.value) > large
            ):
                both = [
                    f"{visible(o.description.name)} says {q['value']:.4g}{unit_suffix(q['unit'])}"
                    for o, q in ((o, o.quantity(x)) for o, x in ((origin, offer), (other, its)))
                ]
                name = setting("kernel", visible(origin.description.name))
                return f"kernels of this physics differ: {' and '.join(both)}; choose one ({name})"
        return ""

    def _there(
        self, target: str, inputs: Given, point: Point, kernel: Any, physics: str | None
    ) -> Callable[[], Answer] | None:
        """Function that asks the server of the hub; None if the server lacks the kernel."""
        if not isinstance(self.hub, RemoteHub):
            return None
        if not (kernel is None or (isinstance(kernel, str) and kernel in available())):
            return None
        hub = self.hub
        asked: Json = {"target": target, "kernel": kernel, "physics": physics}
        at = {n: [q.value, q.unit] for n, q in inputs.items()}
        at |= {n: [text, "label"] for n, text in point.labels.items() if n in inputs}
        asked |= {"tolerance": self.tolerance, "level": self.level, "at": at}
        return lambda: Answer(**hub.asked({k: v for k, v in asked.items() if v is not None}))

    def _made(self, description: Description, point: Point, target: str) -> Answer | None:
        """The answer of runs that were made for it; None where they gave none."""
        offered = next(self._exact(origins(self.hub, description, point, target)), None)
        return None if offered is None else self._compose_answer(offered[1], offered[0])

    def _kernels(self, target: str, kernel: Any, physics: str | None) -> list[Description]:
        """Kernels that may answer: the one that is named, or all of a physics identity."""
        if kernel is not None:
            description = describe(self.hub, kernel, target, load=self.load)
            description.output(target)
            return [description]
        cards = trusted_cards(self.hub)
        names = sorted(n for n, c in cards.items() if c["content"].get("physics") == physics)
        every = [describe(self.hub, name, target, load=False) for name in names]
        fitting = [description for description in every if target in description.outputs]
        if not fitting:
            raise InputError(
                f"No kernel of the physics '{visible(str(physics)[:60])}' computes "
                f"'{visible(target[:60])}'; the hub knows {', '.join(names) or 'none'}."
            )
        return fitting

    def _exact(self, runs: Sequence[Origin]) -> _Offers:
        """Runs with equal inputs, then those with equal groups."""
        for groups in (False, True):
            for origin in chain.from_iterable(asked_for(runs)):
                offer = exact(origin, groups, self.level)
                if offer is not None:
                    yield origin, offer

    def _offers(self, runs: Sequence[Origin], collected: _Laws) -> _Offers:
        """Exact runs, then near ones, then laws, of which all that are there are collected.

        What is not given differs between runs: only a law that does not use it answers.
        """
        whole = [origin for origin in runs if not origin.point.missing]
        yield from self._exact(whole)
        # the parts of laws and fits are loaded where no run answers by itself
        from dimgs.similitude.laws import laws_of, limits_of
        from dimgs.similitude.near import near

        for origin in near_tiers(runs):
            collected += [(origin, law, law.doubts(origin)) for law in laws_of(self.hub, origin)]
            if origin.point.missing:
                continue
            others = [*(o for o in whole if o is not origin), *related(self.hub, origin, runs)]
            laws = [law for of, law, doubts in collected if of is origin and not doubts]
            offer = near(origin, others, laws, self.level, limits_of(self.hub, origin))
            if offer is not None:
                yield origin, offer
        for origin, law, doubts in collected:
            offer = None if doubts else law.answer(origin, self.level)
            if offer is not None:
                yield origin, offer

    def _compose_answer(self, offer: Offer, used: Origin) -> Answer:
        """The answer that an offer gives."""
        quantity, assumptions = used.quantity(offer), [*used.point.assumptions]
        if used.tier not in ("", UNNAMED):
            label = {"value": used.tier, "unit": "label"}
            source = "the finest tier with suitable runs"
            assumptions.append({"input": "tier", "value": label, "source": source})
        pertinence = judge_answer(
            used.target, quantity, offer.half_width, self.tolerance, self.level, offer.why
        )
        reviews = self._reviews(offer, used)
        return Answer(
            **quantity, how=offer.how, evidence=offer.evidence, pertinence=pertinence,
            assumptions=assumptions, reviews=reviews, level=self.level,
        )  # fmt: skip

    def _reviews(self, offer: Offer, used: Origin) -> list[Json]:
        """Reviews of what an answer rests on, its kernel's card included."""
        ids = [e["id"] for e in offer.evidence[:_REVIEWED]]
        card = used.description.card or {"id": "", "reviews": ()}
        rests = self.hub.several(ids).items()
        reviews = [{"of": id, **review} for id, entry in rests for review in entry["reviews"]]
        return reviews + [{"of": card["id"], **r} for r in card["reviews"]]

    def _lacking(
        self, description: Description, point: Point, target: str, runs: Sequence[Origin],
        best: Offer | None, doubted: "Sequence[tuple[HubLaw, list[str]]]",
    ) -> list[str]:  # fmt: skip
        """Reasons why the existing evidence gives no answer."""
        missing = [
            text
            for origin in near_tiers(runs)
            for text in origin.point.missing.values() or beyond(origin, self.hub.address)
        ]
        if not runs:
            missing.append(without_runs(self.hub, description, point, target))
        if best is not None and best.half_width < _VAGUE:
            missing.append(
                f"the best available interval is ±{in_percent(best.half_width)} of the value, and "
                f"the tolerance is {in_percent(self.tolerance)}"
            )
        for law, why in doubted[:_DOUBTED]:
            missing.append(f"the law {law.id[:12]} does not suffice: {' '.join(why)[:-1]}")
        return missing

    def _campaign(
        self, description: Description, point: Point, target: str, missing: list[str],
        again: Callable[[], Answer | None],
    ) -> Answer:  # fmt: skip
        """The runs that would answer; their answer, where they are to be made."""
        kernel, document = description.kernel, None
        plan = None if kernel is None else self._plan(kernel, point.values, target)
        if kernel is not None and plan is not None:
            if self.run:
                from dimgs.campaign.campaign import records_in, run_campaign

                with TemporaryDirectory() as folder:
                    run_campaign(plan, folder)
                    self.hub.add_runs(records_in(Path(folder)))
                keep_card(self.hub, kernel)
                answer = again()
                if answer is not None and answer.value is not None:
                    return replace(answer, how="campaign")
            finest = kernel.tiers[-1]
            document = {
                "kernel": kernel.name,
                "tier": finest.name,
                "runs": _FEWEST_RUNS,
                "most_runs": plan.budget.runs,
                "seconds": _FEWEST_RUNS * finest.cost,
                "inputs": {n: {"value": v, "unit": u} for n, (v, u) in plan.points[0].items()},
            }
        return refuse(missing, description.outputs[target], point.assumptions, document, self.level)

    def _plan(self, kernel: Kernel, values: Document, target: str) -> "Plan | None":
        """A run of the finest tier at one point, and again where runs scatter.

        None where the point cannot be planned. A plan has one input with a range at least, whose
        middle is the point.
        """
        from dimgs.campaign.plan import Budget, Execution, Plan, Range, Tolerance

        room = {p.name: _room(p, values[p.name]) for p in kernel.inputs if not p.is_label}
        moved = next((n for n, factor in room.items() if factor > 1.0), None)
        if moved is None:
            return None
        given = {p.name: (values[p.name], p.unit) for p in kernel.inputs}
        middle, unit = given[moved]
        try:
            return Plan(
                kernel,
                target,
                {moved: Range(middle / room[moved], middle * room[moved], unit)},
                Budget(_MOST_RUNS),
                Tolerance(prediction=min(self.tolerance, _WIDEST)),
                {n: v for n, v in given.items() if n != moved},
                (given,),
                (kernel.tiers[-1].name,),
                level=self.level,
                execution=Execution(workers=1),
                report="none",
            )
        except DimgsError:
            return None


def _with_points(kernels: Sequence[Description], inputs: Given) -> list[tuple[Description, Point]]:
    """Kernels that have the inputs of a question, with its point; all that need more if all do.

    Kernels to which nothing is missing come first.
    """
    every: list[tuple[Description, Point]] = []
    errors: list[InputError] = []
    for each in kernels:
        try:
            every.append((each, point_of(each, inputs)))
        except InputError as error:
            errors.append(error)
    if not every:
        raise errors[0]
    every.sort(key=lambda pair: bool(pair[1].missing))
    return [pair for pair in every if _may_answer(*pair)] or every


def _may_answer(description: Description, point: Point) -> bool:
    """Whether nothing is missing but labels of runs, which a law of them may do without."""
    ports = description.ports
    without = description.kernel is None
    return all(without and ports[n].is_label for n in point.missing)


def _chosen(origin: Origin, every: Sequence[tuple[Description, Point]]) -> list[Json]:
    """The kernel of an answer as an assumption, where several could have been meant."""
    if len(every) == 1:
        return []
    value = {"value": origin.description.name, "unit": "label"}
    return [{"input": "kernel", "value": value, "source": "the first of this physics that answers"}]


def _room(port: Port, middle: float) -> float:
    """Factor by which an input may vary to both sides of its value; at most a quarter."""
    if port.parsed.scale != "ratio" or not middle > 0:
        return 0.0
    below = middle / port.low if port.low else _RANGE
    above = port.high / middle if port.high else _RANGE
    return min(_RANGE, below, above)


def _not_enough(law: "HubLaw", why: list[str]) -> Json:
    """A law that does not answer, as evidence: with the reason."""
    document = {"kind": "law", "id": law.id, "probability": law.law.probability}
    return {**document, "distance": None, "weight": 0.0, "why": " ".join(why)}


class _Callable(ModuleType):
    """The module as the function ``dimgs.ask`` too, whichever of the two is imported first."""

    __call__ = staticmethod(ask)


sys.modules[__name__].__class__ = _Callable
