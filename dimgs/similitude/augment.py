"""Extension of a hub: expected errors of answers, most informative runs, images of runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import qmc

from dimgs.common.advice import Act, Step
from dimgs.common.arrays import Array
from dimgs.common.errors import DimgsError, InputError
from dimgs.common.escape import visible
from dimgs.fits.covariance import t_quantile
from dimgs.hub.cards import newest_runs
from dimgs.hub.entry import links_from, output_of, quantities
from dimgs.hub.hub import Hub
from dimgs.similitude.answer import point_of_question
from dimgs.similitude.kriging import Hyperparameters, Nearby, posterior_covariance
from dimgs.similitude.near import near, residuals, sampled_runs
from dimgs.similitude.origin import (
    Description,
    Offer,
    Origin,
    Point,
    asked_for,
    describe,
    near_tiers,
    origins,
    point_of,
)
from dimgs.variables import parse_unit

# points among which the next run is looked for, as a power of two
_POOL = 9
# base quantities of an image are larger or smaller by up to this: a decade either way
_SIZE = np.log(10.0)
# of the intervals that answers are judged by, and degrees of freedom that are endless
_LEVEL, _ENDLESS = 0.9, 1e9
# runs of which images are made
_PARENTS = 1000


@dataclass(frozen=True)
class Expected:
    """A question, the runs that are there, and what is known of how the target varies.

    Attributes
    ----------
    origin : Origin
        With the kernel, and the point where it is asked.
    near : Nearby
    hyper : Hyperparameters
    """

    origin: Origin
    near: Nearby
    hyper: Hyperparameters

    @classmethod
    def of(cls, hub: Hub, content: dict[str, Any]) -> "Expected":
        """Of a stored question.

        Raises
        ------
        InputError
            If the question names no kernel, target or inputs, or there are too few runs.
        """
        target, kernel = content.get("target"), content.get("kernel")
        if not target or not kernel:
            raise InputError("The question has no target and kernel; give a question with both.")
        description = describe(hub, str(kernel), str(target), load=False)
        point = point_of(description, point_of_question(content))
        if point.missing:
            raise InputError(f"The question is incomplete: {'; '.join(point.missing.values())}.")
        tiers = asked_for(origins(hub, description, point, str(target)))
        if not tiers:
            raise InputError(f"The hub has no run of '{description.name}'.")
        origin = tiers[0][-1]
        return cls(origin, *sampled_runs(origin))

    def half_widths(self, changes: Array, level: float) -> Array:
        """Half of the intervals of answers at some places, in units of the target's logarithm.

        Parameters
        ----------
        changes : ndarray of shape (n, n_inputs)
            Of the inputs from those of the question, in natural logarithms.
        level : float
        """
        covariance = posterior_covariance(self.near, self.hyper, changes)
        variance = np.maximum(covariance.diagonal(), 0.0) + self.hyper.noise**2
        quantile = float(t_quantile(level, max(len(self.near) - changes.shape[1], 1)))
        return np.asarray(quantile * self.hyper.inflation * np.sqrt(variance))

    def narrowing(self, changes: Array) -> Array:
        """By which factor a run at each place would narrow the question's interval."""
        every = np.vstack([np.zeros((1, changes.shape[1])), changes])
        posterior = posterior_covariance(self.near, self.hyper, every)
        floor = _floor(self.hyper)
        sizes = np.maximum(posterior.diagonal(), 0.0)
        after = np.maximum(sizes[0] - posterior[0, 1:] ** 2 / (sizes[1:] + floor), 0.0) + floor
        return np.asarray(np.sqrt((sizes[0] + floor) / after))

    def inputs(self, change: Array) -> dict[str, Any]:
        """Inputs at a place, as quantities in the units of the kernel."""
        return self.origin.inputs(self.origin.asked * np.exp(change))


def _floor(hyper: Hyperparameters) -> float:
    """Variance that numerical error, noise and rounding leave open at the best."""
    return hyper.noise**2 + 1e-9 * hyper.amplitude**2


def augment(
    hub: Hub, description: Description, target: str, n: int, images: int = 0, seed: int = 0
) -> dict[str, Any]:
    """The runs that would most narrow the intervals of a hub's answers.

    One after another, each is the one whose answer, whatever it is, takes most variance from the
    questions that the hub keeps for this kernel and target; where there are none, from where the
    answer is least known (which is D-optimal for the power law and its residuals).

    Parameters
    ----------
    hub : Hub
    description : Description
    target : str
    n : int
        Number of runs.
    images : int
        Images of each run of the hub by similitude, for training the models of other people. They
        hold nothing new: each is marked as derived from its parent, with which it has to stay in
        every split, and weighs its share of one run.
    seed : int

    Returns
    -------
    dict
        "plan" with kernel, tier, target and for how many "questions"; "runs" with their inputs
        and by how much each narrows the intervals ("information": logarithm of the ratio of the
        standard deviations, summed over questions); and "images".

    Raises
    ------
    InputError
        If the hub has too few runs, or the card is not complete and images are asked for.
    """
    origin = newest_origin(hub, description, target)
    runs_there, hyper = sampled_runs(origin)
    changes = [change for _, _, change in _asked(hub, origin)]
    questions = np.array(changes).reshape(len(changes), len(origin.table.names))
    pool = _pool(origin, seed)
    chosen = _greedy(runs_there, hyper, pool, questions, n)
    runs = [
        {"inputs": origin.inputs(origin.asked * np.exp(pool[place])), "information": information}
        for place, information in chosen
    ]
    aim = "narrower intervals of its questions" if len(questions) else "the least certain answers"
    plan: dict[str, Any] = {"kernel": description.name, "tier": origin.tier, "target": target}
    plan |= {"questions": len(questions), "aim": aim}
    planned = {"images": _images(origin, images, seed)} if images else {}
    return {"plan": plan, "runs": runs, **planned}


def newest_origin(hub: Hub, description: Description, target: str) -> Origin:
    """Origin of the kernel's runs that answers, seen from the newest run that can be used."""
    description.output(target)
    for content in newest_runs(hub, description.name, target):
        point = point_of(description, quantities(content["inputs"]))
        for origin in near_tiers(origins(hub, description, point, target)):
            if any(origin.usable(origin.index.rows, 1)):
                return origin
    run = f"run of '{visible(description.name)}' with '{visible(target)}'"
    raise InputError(f"The hub has no {run} that can be used; start with {Act(Step.RUN)}.")


def _asked(hub: Hub, origin: Origin) -> Iterator[tuple[str, Point, Array]]:
    """Stored questions of this kernel and target: id, point, and changes of the inputs."""
    for listed in hub.listed(kind="question"):
        content = hub.get(listed["id"])["content"] or {}
        mine = origin.target, origin.description.name
        if (content.get("target"), content.get("kernel", mine[1])) != mine:
            continue
        try:
            point = point_of(origin.description, point_of_question(content))
        except DimgsError:
            # a question of another kernel with a target of the same name
            continue
        values = [point.si.get(n, 0.0) for n in origin.table.names]
        with np.errstate(divide="ignore", invalid="ignore"):
            change = np.log(np.array(values) / origin.asked)
        if not point.missing and point.labels == origin.point.labels and np.isfinite(change).all():
            yield listed["id"], point, change


def _pool(origin: Origin, seed: int) -> Array:
    """Points that fill the ranges of the runs in logarithms, as changes; 0 of what stays."""
    changes = origin.changes(origin.index.rows)
    low, high = changes.min(axis=0), changes.max(axis=0)
    varied = (high > low) & ~origin.plain & (origin.asked != 0)
    unit = qmc.Sobol(len(low), rng=np.random.default_rng(seed)).random_base2(_POOL)
    return np.where(varied, low + unit * (high - low), 0.0)


def _greedy(
    near: Nearby, hyper: Hyperparameters, pool: Array, questions: Array, n: int
) -> list[tuple[int, float]]:
    """Places in the pool, one after another, and what each adds."""
    posterior = posterior_covariance(near, hyper, np.vstack([pool, questions]))
    goals = np.arange(len(pool), len(posterior)) if len(questions) else np.arange(len(pool))
    floor = _floor(hyper)
    chosen = []
    for _ in range(min(n, len(pool))):
        sizes = np.maximum(posterior.diagonal(), 0.0)
        gain = posterior[:, goals] ** 2 / (sizes[:, None] + floor)
        after = np.maximum(sizes[goals] - gain, 0.0) + floor
        information = 0.5 * np.log((sizes[goals] + floor) / after).sum(axis=1)[: len(pool)]
        place = int(np.argmax(information))
        chosen.append((place, float(information[place])))
        column = posterior[:, place]
        posterior = posterior - np.outer(column, column) / (sizes[place] + floor)
    return chosen


def _images(origin: Origin, images: int, seed: int) -> list[dict[str, Any]]:
    """Runs in other sizes, with the weights and parents by which others must not count them."""
    if not origin.complete or origin.powers is None:
        raise InputError(
            f"The card of '{visible(origin.description.name)}' is not complete, so that results "
            f"at other sizes cannot be inferred; check it with: {Act(Step.CHECK_CARD)}."
        )
    rng, free = np.random.default_rng(seed), origin.scalings.directions.shape[1]
    text = origin.description.outputs[origin.target]
    unit, planned = parse_unit(text), []
    for run in origin.usable(origin.index.rows[-_PARENTS:], _PARENTS):
        value, error = output_of(run, origin.target)
        for _ in range(images):
            step = origin.scalings.directions @ rng.uniform(-_SIZE, _SIZE, free)
            grown = float(np.exp(step @ origin.powers))
            row = origin.table.values[run["place"]] * np.exp(step)
            output = {"value": float(unit.from_si(value * grown)), "unit": text}
            planned.append(
                {
                    "derived": True,
                    "parent": run["id"],
                    "weight": 1.0 / images,
                    "inputs": origin.inputs(row),
                    "outputs": {origin.target: output},
                    "errors": {origin.target: error * grown / unit.factor},
                }
            )
    return planned


def unexplained_runs(hub: Hub, origin: Origin, limit: float) -> list[dict[str, Any]]:
    """Runs and answers that the runs beside them do not explain: an early alert.

    Parameters
    ----------
    hub : Hub
    origin : Origin
    limit : float
        Residuals of each run, left out, and of each answer to a stored question, from what the
        others say, over its standard deviation.

    Returns
    -------
    list of dict
        "id", "kind", "residual" (in standard deviations) and "state", the largest first.
    """
    every = [(run["id"], "run", value, run["state"]) for run, value in residuals(origin)]
    for id, point, _ in _asked(hub, origin):
        offer = near(replace(origin, point=point), [], [], _LEVEL)
        if offer is not None:
            every += _answers(hub, id, origin, offer)
    names = ("id", "kind", "residual", "state")
    outliers = [dict(zip(names, one, strict=True)) for one in every if abs(one[2]) > limit]
    return sorted(outliers, key=lambda one: -abs(one["residual"]))


def _answers(
    hub: Hub, question: str, origin: Origin, offer: Offer
) -> list[tuple[str, str, float, str]]:
    """Answers to a question, with how far they are from what the runs say."""
    ids = links_from(hub.get(question), "answers")
    target_unit = parse_unit(origin.description.outputs[origin.target])
    answers = []
    for id, entry in hub.several(ids).items():
        quantity = (entry["content"] or {}).get("answer")
        value = quantity.get("value") if entry["kind"] == "answer" and quantity else None
        unit = parse_unit(str(quantity.get("unit", "1"))) if quantity else target_unit
        if not isinstance(value, float | int) or not target_unit.accepts(unit):
            continue
        scale = _log_or_plain([offer.value, offer.low, offer.high, float(unit.to_si(value))])
        deviation = (scale[2] - scale[1]) / 2.0 / float(t_quantile(_LEVEL, _ENDLESS))
        answers.append((id, "answer", float((scale[3] - scale[0]) / deviation), entry["state"]))
    return answers


def _log_or_plain(values: Sequence[float]) -> Array:
    """Logarithms where all values have one."""
    every = np.array(values)
    return np.log(every) if np.all(every > 0) else every
