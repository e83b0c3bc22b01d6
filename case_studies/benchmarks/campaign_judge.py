"""Whether what a campaign claims of a kernel with a known answer is so.

A campaign is *right* where each law of the kernel that takes a twentieth of the ranges is among its
answers with every exponent within the tolerance, no other law is, and the kernel follows each law,
or what is claimed of it (to 10 %) where the campaign says that it holds. What it claims is what it
calls relevant.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from scipy.stats import qmc

from case_studies.benchmarks.campaign_kernels import Array, Case
from dimgs.campaign import CampaignResult
from dimgs.campaign.plan import Binding, bind
from dimgs.expression import sympy_parse_condition

# log; a law that misses by more than a tenth where it is claimed is claimed wrongly
CLAIMED = 0.1
# part of the claimed points that may miss: thresholds are written with four digits
STRAY = 0.05
# log; a border may be this far from where it is
BESIDE = 0.25
# part of the ranges below which a law need not be found
SMALL = 0.05
# log; where a law alone holds
CORE = 0.02


@dataclass(frozen=True)
class Verdict:
    """What a campaign claimed, and whether it is so."""

    right: bool
    why: str
    met: bool
    cost: float


def filling(ranges: Iterable[tuple[float, float]], n: int, seed: int = 1) -> Array:
    """Logarithms at `n` points that fill ranges, shape (n, n_inputs); `n` is a power of 2."""
    ends = np.log(list(ranges))
    unit = qmc.Sobol(len(ends), rng=seed).random(n)
    return np.asarray(ends[:, 0] + unit * (ends[:, 1] - ends[:, 0]))


def points(case: Case) -> Array:
    """Logarithms of the inputs at points that fill the ranges."""
    return filling([(low, high) for _, low, high in case.inputs.values()], 512)


def cores(case: Case, logs: Array) -> list[Any]:
    """Where each law holds alone, and there is an answer."""
    y = case.value(logs)
    return [
        (np.abs(y - case.law(k, logs)) < CORE) & case.answers(logs) for k in range(len(case.laws))
    ]


def judged(case: Case, result: CampaignResult, binding: Binding) -> Verdict:
    """Whether what a campaign calls relevant is so."""
    runs = [result.runs[t.name] * t.cost for t in binding.tiers]
    cost = sum(runs) / binding.tiers[-1].cost
    met = result.outcome.is_answer
    logs = points(case)
    y, inside = case.value(logs), cores(case, logs)
    names = [g.name for g in binding.space.basis.groups]
    order = list(case.inputs)
    groups = np.array([[float(g.get(n)) for n in order] for g in binding.space.basis.groups])
    values = np.exp(logs @ groups.T) if names else np.ones((len(logs), 0))
    taken = set()
    relevant = [p.relevant for p in result.pertinence if p.answer.startswith("regime")]
    for i, (regime, is_answer) in enumerate(zip(result.regimes, relevant, strict=True), 1):
        if not is_answer:
            continue
        found = {e.name: e.value for e in regime.every_exponent}
        near = [
            k
            for k, (_, powers) in enumerate(case.laws)
            if all(abs(v - powers.get(n, 0.0)) <= case.tolerance for n, v in found.items())
        ]
        condition = sympy_parse_condition(regime.where, names) if regime.where != "True" else None
        here = np.ones(len(logs), dtype=bool)
        if condition is not None:
            told = sympy.lambdify(names, condition, "numpy")(*values.T)
            here = np.broadcast_to(np.asarray(told, dtype=bool), len(logs))
        said = claimed(case, result, i, logs)
        misses = [
            min(
                float(np.mean((np.abs(y - law) > CLAIMED)[here] | ~case.answers(logs)[here]))
                for law in (case.law(k, logs), said)
            )
            if here.any()
            else 0.0
            for k in near
        ]
        if not near or min(misses) > STRAY:
            why = f"regime {i} is {regime.where} {found}" if not near else f"{misses} of {regime}"
            return Verdict(False, why[:160], met, cost)
        # laws closer than what is judged are one
        taken |= {k for k, m in zip(near, misses, strict=True) if m <= STRAY}
    wanted = {k for k, core in enumerate(inside) if core.mean() > SMALL}
    if case.bend:
        return Verdict(not taken, f"{taken} claimed", met, cost)
    lacks = wanted - taken
    if lacks:
        return Verdict(False, f"lacks {lacks}", met, cost)
    if len(wanted) < 2 or (
        len({tuple(sorted(p.items())) for _, p in case.laws}) < 2 and not case.at
    ):
        return Verdict(True, "", met, cost)
    return Verdict(*_borders(case, result, logs, values), met, cost)


def claimed(case: Case, result: CampaignResult, number: int, logs: Array) -> Array:
    """Logarithm of what the law of a regime says; infinite where it says nothing."""
    fit = result.regimes[number - 1].fit
    if fit is None or result.target != "y":
        return np.full(len(logs), np.inf)
    table = dict(zip(case.inputs, np.exp(logs).T, strict=True))
    with np.errstate(invalid="ignore", divide="ignore"):
        said = np.log(np.asarray(fit.law.predict_si(table), dtype=float))
    return np.asarray(np.nan_to_num(np.broadcast_to(said, len(logs)), nan=np.inf))


def _borders(case: Case, result: CampaignResult, logs: Array, values: Array) -> tuple[bool, str]:
    """Whether the border of two laws is where the kernel has it."""
    if len(case.laws) != 2 or case.bound is not None:
        return True, ""
    beyond = case.beyond(logs)
    clear = np.abs(beyond) > BESIDE
    for border in result.boundaries:
        names = [g.name for g in result.basis.groups]
        along = sympy.lambdify(names, sympy.sympify(border.monomial), "numpy")(*values.T)
        agree = float(np.mean((along >= border.value)[clear] == (beyond > 0)[clear]))
        if max(agree, 1.0 - agree) < 1.0 - STRAY:
            return False, f"the border is not at {border.monomial} = {border.value:.3g}"
    return (True, "") if result.boundaries else (False, "no border")


def bound(case: Case, seed: int) -> Binding:
    """The plan of the first target, checked."""
    return bind(case.plan(seed).each[0])
