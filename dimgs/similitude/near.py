"""Answers from runs whose groups are near: each times the ratio of a law, joined to one value."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dimgs.common.advice import Act, Step
from dimgs.common.arrays import Array
from dimgs.common.errors import InputError, attempt
from dimgs.fits.covariance import t_quantile
from dimgs.hub.entry import output_of
from dimgs.kernels.base import of_tier
from dimgs.law.checked_law import leverages
from dimgs.law.prediction import inverse_scatter
from dimgs.similitude import kriging
from dimgs.similitude.answer import describe_value, evidence_of
from dimgs.similitude.kriging import Hyperparameters, Joined, Nearby, join, learn_from_few, refit
from dimgs.similitude.laws import HubLaw, LimitPoints, with_limits
from dimgs.similitude.origin import Offer, Origin
from dimgs.variables import parse_unit

# runs from which the lengths are learned, spread over all of them; a second of work at most
_LEARNED = 150
# nearest runs that are joined, and nearest ones of other origins; further ones add nothing
_JOINED, _FOREIGN = 100, 40
# decades: beyond it, what the residuals do is a guess
FARTHEST = 1.0
# of logarithms of groups, decimals that inputs of twelve digits leave, and of leverages, relative
_DECIMALS, _ROUNDING = 9, 1e-6
# fewest runs: two unknowns at least, and one run to be surprised by
_FEWEST = 3
# runs that an answer lists as evidence, those of the largest weight first
_MOST_EVIDENCE = 12
# Spreads that were learned in this process
_learned: dict[tuple[Any, ...], Hyperparameters] = {}
# of a few kB each; a kernel, a target and a set of runs has one
_MOST_LEARNED = 256


@dataclass(frozen=True)
class _Runs:
    """Runs of several origins on one scale, with the first of them as what is asked for."""

    near: Nearby
    runs: list[dict[str, Any]]
    is_log: bool
    scale: float


def near(
    origin: Origin,
    others: Sequence[Origin],
    laws: Sequence[HubLaw],
    level: float,
    limits: Sequence[LimitPoints] = (),
) -> Offer | None:
    """Answer of the runs that are nearest in their groups.

    Parameters
    ----------
    origin : Origin
        What is asked for.
    others : sequence of Origin
        Other tiers and kernels that compute the same; their ratio to the first is learned.
    laws : sequence of HubLaw
        Laws whose domain holds the point; one is the trend where runs are more probable with it.
    level : float
    limits : sequence of LimitPoints
        How the target grows where a group is small or large; with them, runs help that are near
        to where the limit begins to hold.

    Returns
    -------
    Offer or None
        None where there are too few runs, none within a decade, or the point is outside of their
        domain.
    """
    if origin.powers is None:
        return None
    shaped = [o for o in others if o.table.names == origin.table.names and o.powers is not None]
    # how fast the target varies is learned from runs spread over all; of a coarser tier or another
    # kernel alone nothing is known of it
    sampled, gathered = _spread_over(origin), _gathered(origin, shaped)
    if sampled is None or gathered is None:
        return None
    if limits and gathered.is_log:
        near = with_limits(gathered.near, limits, origin.powers)
        points = [limit for limit in limits for _ in limit.growth]
        records = [{"id": limit.id, "kind": "limit"} for limit in points]
        gathered = replace(gathered, near=near, runs=[*gathered.runs, *records])
    best, hyper, trend = _trended(origin, gathered, laws, _learn(origin, sampled))
    joined = attempt(join, best.near, hyper)
    if joined is None or not _is_inside(best.near, joined):
        return None
    offer = _compose(origin, best, joined, trend, level)
    law = trend or next(iter(laws), None)
    alone = None if law is None else law.answer(origin, level)
    if alone is None:
        return offer
    # the value that predictions of the law have
    said = describe_value(origin.target, origin.quantity(alone))
    return replace(offer, why=f"{offer.why} By the law alone, {said}")


def _is_inside(near: Nearby, joined: Joined) -> bool:
    """Whether the point is near to runs and in their domain, or one from where a limit holds is.

    Along the line of a limit the domain is not judged: there the limit says what runs do not. It is
    that of the inputs and that of their groups, where it is not known that groups decide: each
    input may lie among those of the runs, and a group of them far from all.
    """
    runs, whole = near.origins >= 0, replace(near.scalings, whole=True)
    z, groups = (
        (near.changes @ scalings.coordinates().T).round(_DECIMALS)
        for scalings in (near.scalings, whole)
    )
    inside = _in_domain(z[runs]) and (near.scalings.whole or _in_domain(groups[runs]))
    if inside and joined.distances[runs].min() <= FARTHEST:
        return True
    for limit in z[~runs]:
        apart = np.linalg.norm(z[runs] - limit, axis=1).min() / np.log(10.0)
        along = limit / max(float(np.linalg.norm(limit)), 10.0**-_DECIMALS)
        if apart <= FARTHEST and _in_domain(z[runs] - np.outer(z[runs] @ along, along)):
            return True
    return False


def _in_domain(z: Array) -> bool:
    """Whether the leverage of the point, at the origin, is no larger than the largest of a run.

    So it is with laws. Beyond, exponents and lengths are those that were learned elsewhere. Of one
    coordinate, the point lies in the range of the runs: leverage does not distinguish its ends.
    """
    if z.shape[1] < 2:
        return bool(np.all((z.min(axis=0) <= 0.0) & (z.max(axis=0) >= 0.0)))
    centre = z.mean(axis=0)
    precision = inverse_scatter((z - centre).T @ (z - centre), len(z))
    leverage, *others = leverages(np.vstack([np.zeros(z.shape[1]), z]) - centre, precision)
    return bool(leverage <= max(others) * (1.0 + _ROUNDING))


def _gathered(origin: Origin, others: Sequence[Origin]) -> _Runs | None:
    parts, room = [(origin, origin.nearest(_JOINED))], _FOREIGN
    for other in others:
        parts.append((other, other.nearest(room)))
        room -= len(parts[-1][1])
    return _on_one_scale(*parts) if sum(len(runs) for _, runs in parts) >= _FEWEST else None


def _on_one_scale(*parts: tuple[Origin, list[dict[str, Any]]]) -> _Runs:
    """Runs of origins, those of the origin that is asked for first."""
    origin, runs = parts[0][0], [run for _, some in parts for run in some]
    changes = np.vstack([one.changes([run["place"] for run in some]) for one, some in parts])
    outputs = np.array([output_of(run, one.target) for one, some in parts for run in some])
    assert origin.powers is not None
    growth = -(changes @ origin.powers)
    values, errors = outputs.T
    level = parse_unit(origin.description.outputs[origin.target]).scale == "level"
    is_log = bool(np.all(values > 0)) and not level
    if is_log:
        y, variances, scale = np.log(values) + growth, (errors / values) ** 2, 1.0
    else:
        factor = np.exp(growth)
        scale = float(np.sqrt(np.mean((values * factor) ** 2))) or 1.0
        y, variances = values * factor / scale, (errors * factor / scale) ** 2
    numbers = np.repeat(np.arange(len(parts)), [len(some) for _, some in parts])
    nearby = Nearby(origin.scalings, changes, y, variances, numbers)
    # images of a run by similitude add no information to it
    rows = nearby.distinct()
    return _Runs(nearby.part(rows), [runs[i] for i in rows], is_log, scale)


def _spread_over(origin: Origin) -> list[dict[str, Any]] | None:
    # every second, fourth … run: the same ones when a few more are added
    step = 1
    while len(origin.index.rows) > step * _LEARNED:
        step *= 2
    return list(origin.usable(origin.index.rows[::step], _LEARNED)) or None


def _learn(origin: Origin, runs: list[dict[str, Any]]) -> Hyperparameters:
    key = (
        tuple(run["id"] for run in runs),
        origin.target,
        origin.scalings.directions.tobytes(),
        origin.plain.tobytes(),
        origin.inverse.tobytes(),
    )
    if key not in _learned:
        if len(_learned) >= _MOST_LEARNED:
            _learned.pop(next(iter(_learned)))
        _learned[key] = learn_from_few(_on_one_scale((origin, runs)).near)
    return _learned[key]


def sampled_runs(origin: Origin) -> tuple[Nearby, Hyperparameters]:
    """Runs spread over all of an origin, and what was learned from them.

    Raises
    ------
    InputError
        If there are too few, or the target is out of reach of the inputs.
    """
    gathered = _all(origin)
    return gathered.near, _learn(origin, gathered.runs)


def residuals(origin: Origin) -> list[tuple[dict[str, Any], float]]:
    """Runs with their leave-one-out residuals, in standard deviations."""
    gathered = _all(origin)
    left_out = join(gathered.near, _learn(origin, gathered.runs)).left_out
    return list(zip(gathered.runs, left_out.tolist(), strict=True))


def _all(origin: Origin) -> _Runs:
    runs = _spread_over(origin)
    if origin.powers is None:
        inputs = f"The inputs of {origin.description.name}"
        raise InputError(f"{inputs} do not determine how '{origin.target}' scales.")
    # no group is left
    if not len(origin.scalings.coordinates()):
        images = "are images of each other by similitude, and count as one run"
        raise InputError(f"The runs of {origin.name} {images}; make some with other groups.")
    gathered = None if runs is None else _on_one_scale((origin, runs))
    if gathered is None or len(gathered.runs) < _FEWEST:
        number = 0 if gathered is None else len(gathered.runs)
        fault = f"Too few runs of {origin.name} differ in their groups ({number})"
        raise InputError(f"{fault}; make some with {Act(Step.RUN)}.")
    return gathered


def _trended(
    origin: Origin, gathered: _Runs, laws: Sequence[HubLaw], shape: Hyperparameters
) -> tuple[_Runs, Hyperparameters, HubLaw | None]:
    """The runs as they are, or over the law with which they are most probable."""
    hyper = refit(gathered.near, shape)
    best: tuple[_Runs, Hyperparameters, HubLaw | None] = (gathered, hyper, None)
    lowest = kriging.negative_log_posterior(gathered.near, hyper.theta)[0] if laws else 0.0
    for law in laws:
        over = _over(origin, gathered, law)
        if over is None:
            continue
        hyper = refit(over.near, shape)
        value, _ = kriging.negative_log_posterior(over.near, hyper.theta)
        if value < lowest:
            best, lowest = (over, hyper, law), value
    return best


def _over(origin: Origin, gathered: _Runs, law: HubLaw) -> _Runs | None:
    """Values times the law's ratio of the point to each run; None where it has no logarithm."""
    # places of other origins' runs are those of their own tables
    if not gathered.is_log or np.any(gathered.near.origins != 0):
        return None
    rows = origin.table.values[[run["place"] for run in gathered.runs]]
    inputs = {n: np.r_[rows[:, j], origin.asked[j]] for j, n in enumerate(origin.table.names)}
    labels = {n: np.full(len(rows) + 1, v) for n, v in origin.point.labels.items()}
    try:
        predicted = np.asarray(law.law.predict_si({**inputs, **labels}))
    except ValueError:
        # a run lies where the law has no value
        return None
    if not np.all(np.isfinite(predicted) & (predicted > 0)):
        return None
    assert origin.powers is not None
    ratio: Array = np.log(predicted[-1] / predicted[:-1]) + gathered.near.changes @ origin.powers
    return replace(gathered, near=replace(gathered.near, values=gathered.near.values + ratio))


def _compose(
    origin: Origin, gathered: _Runs, joined: Joined, trend: HubLaw | None, level: float
) -> Offer:
    runs = [run for run in gathered.runs if run.get("kind") != "limit"]
    bias = origin.description.content.get("bias", {}).get(origin.target, 0.0)
    bias_error = float(bias) if gathered.is_log else float(bias) * abs(joined.value)
    groups = origin.scalings.coordinates().shape[0]
    dof = max(len(runs) - groups - 1, 1)
    half = float(t_quantile(level, dof)) * np.sqrt(joined.variance + bias_error**2)
    ends = [joined.value + side * half for side in (0.0, -1.0, 1.0)]
    with np.errstate(over="ignore"):
        value, low, high = np.exp(ends) if gathered.is_log else np.array(ends) * gathered.scale
    heavy = np.argsort(-np.abs(joined.weights[: len(runs)]), kind="stable")[:_MOST_EVIDENCE]
    distances, weights = joined.distances.tolist(), joined.weights.tolist()
    evidence = [evidence_of("run", runs[i]["id"], distances[i], weights[i]) for i in heavy]
    limits = dict.fromkeys(run["id"] for run in gathered.runs[len(runs) :])
    evidence += [evidence_of("limit", i) for i in limits]
    law = "a power law fitted to them" + (" and a known limit" if limits else "")
    if trend is not None:
        # runs on one side of a border do not say on which side the point lies
        beside = trend.beside_borders(origin)
        low, high = low * min([1.0, *beside]), high * max([1.0, *beside])
        law = "a law of the hub"
        evidence.append(evidence_of("law", trend.id))
    names = sorted({f"{run['kernel']} {of_tier(run['tier'])}".strip() for run in runs})
    nearest = joined.distances[: len(runs)].min()
    why = (
        f"{len(runs)} runs of {', '.join(names)}, the nearest {nearest:.2g} decades away, "
        f"each times the ratio of {law}, joined by generalised least squares."
    )
    return Offer("near", float(value), float(low), float(high), evidence, why)
