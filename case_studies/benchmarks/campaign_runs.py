"""Runs that a campaign needs for the right answer, on kernels whose answer is known.

A campaign is *right* where each law of the kernel that takes a twentieth of the ranges is among its
answers with every exponent within the tolerance, no other law is, and the kernel follows each law,
or what is claimed of it (to 10 %) where the campaign says that it holds. What it claims is what it
calls relevant.

- regression: a Latin hypercube of the inputs and ordinary regression in the groups, where an oracle
  tells which run belongs to which law; the fewest runs from which on intervals are within tolerance
- discover: a Latin hypercube of pi space, and `discover` with 10 s (--discover), until it predicts
  95 % of the ranges to 5 %; 65 stands for more than 64
- process: active learning with a Gaussian process on the groups' logarithms, until its slope at the
  heart of every law is within the tolerance (--process); 61 stands for more than 60

With --drawn N the kernels are drawn at random instead: one to three groups and laws, smooth, sharp
or with a step, with noise, tiers of all kinds, and regions without an answer.

Run: python -m case_studies.benchmarks.campaign_runs [--seeds 10] [--cases NAME...] [--coverage 200]
     python -m case_studies.benchmarks.campaign_runs --seeds 1 --drawn 100
"""

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import numpy as np
import sympy
from scipy.special import stdtrit
from scipy.stats import qmc

from case_studies.benchmarks.campaign_kernels import CASES, NOISY, Array, Case, drawn
from dimgs.campaign import CampaignResult, run_campaign
from dimgs.campaign.binding import Binding, bind
from dimgs.errors import DimgsError
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
# runs after which a baseline is given up
MOST = 400
SIZES, SECONDS = (8, 16, 32, 64), 10.0
ACTIVE = 60


@dataclass(frozen=True)
class Verdict:
    """What a campaign claimed, and whether it is so."""

    right: bool
    why: str
    met: bool
    cost: float


def points(case: Case, n: int = 512) -> Array:
    """Logarithms of the inputs at points that fill the ranges."""
    ends = np.log([[low, high] for _, low, high in case.inputs.values()])
    unit = qmc.Sobol(len(ends), rng=1).random(n)
    return np.asarray(ends[:, 0] + unit * (ends[:, 1] - ends[:, 0]))


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
    met = result.outcome == "tolerance met"
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
        said = np.log(np.asarray(fit.law.predict(table), dtype=float))
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


def campaign(case: Case, seed: int) -> tuple[Verdict, CampaignResult | None]:
    """A campaign on a case, and the judgement of it."""
    plan = case.plan(seed)
    try:
        with ThreadPoolExecutor(1) as executor:
            result = run_campaign(plan, executor=executor)
    except DimgsError as error:
        return Verdict(False, str(error), False, np.nan), None
    told = [
        judged(case, one, bind(part))
        for one, part in zip((result, *result.others), plan.each, strict=True)
    ]
    wrong = next((t for t in told if not t.right), told[0])
    met = all(t.met for t in told)
    return replace(wrong, met=met, cost=max(t.cost for t in told)), result


def regression(case: Case, seed: int) -> float:
    """Runs of a Latin hypercube from which every law is known, if an oracle tells them apart."""
    moving = [i for i, (_, low, high) in enumerate(case.inputs.values()) if high > low]
    ends = np.log([[low, high] for _, low, high in case.inputs.values()])[moving]
    space = None
    if case.name != "one constant":
        space = bound(case, seed).space
    rank = 0 if space is None else space.rank
    rng = np.random.default_rng(seed)
    for n in range(rank + 2, MOST):
        unit = qmc.LatinHypercube(len(moving), rng=seed).random(n)
        logs = np.log([[low for _, low, _ in case.inputs.values()]] * n)
        logs[:, moving] = ends[:, 0] + unit * (ends[:, 1] - ends[:, 0])
        y = case.value(logs) + case.noise * rng.standard_normal(n)
        done = True
        for core in cores(case, logs):
            if core.sum() < rank + 2:
                done = False
                break
            if space is None:
                continue
            order = [list(case.inputs).index(name) for name in space.names]
            z = space.coordinates(logs[core][:, order])
            shift = [space.response_shift(space.values(row)) for row in logs[core][:, order]]
            table = np.column_stack([np.ones(len(z)), z])
            fit, *_ = np.linalg.lstsq(table, y[core] + shift)
            free = len(z) - rank - 1
            scale = np.sqrt(np.sum((y[core] + shift - table @ fit) ** 2) / free)
            spread = np.einsum(
                "ij,jk,ik->i",
                space.exponent_map,
                np.linalg.pinv(table.T @ table)[1:, 1:],
                space.exponent_map,
            )
            half = stdtrit(free, 0.95) * scale * np.sqrt(spread)
            done &= np.linalg.matrix_rank(table) == rank + 1 and bool(np.all(half < case.tolerance))
        if done:
            return n
    return MOST


def process(case: Case, seed: int) -> float:
    """Runs of active learning with a Gaussian process until its slopes are right."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    space, logs = bound(case, seed).space, points(case)
    order = [list(case.inputs).index(n) for n in space.names]

    def group(at: Array) -> tuple[Array, Array]:
        shift = [space.response_shift(space.values(row)) for row in at[:, order]]
        return space.coordinates(at[:, order]), case.value(at) + np.array(shift)

    pool, exact = group(logs)
    usable = np.flatnonzero(case.answers(logs))
    rng = np.random.default_rng(seed)
    noisy = exact + case.noise * rng.standard_normal(len(exact))
    hearts = [np.flatnonzero(c) for c in cores(case, logs) if c.mean() > SMALL]
    middles = [pool[h].mean(axis=0) for h in hearts]
    slopes = [np.linalg.lstsq(np.c_[np.ones(len(h)), pool[h]], exact[h])[0][1:] for h in hearts]
    chosen = list(rng.choice(usable, space.rank + 2, replace=False))
    for n in range(len(chosen), ACTIVE):
        shape = ConstantKernel(10.0, (1e-2, 1e6)) * RBF(np.ones(space.rank), (1e-2, 1e3))
        model = GaussianProcessRegressor(shape + WhiteKernel(1e-4, (1e-10, 1.0)), normalize_y=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(pool[chosen], noisy[chosen])
        step = 1e-2 * np.eye(space.rank)
        gone = [
            (model.predict(m + step) - model.predict(m - step)) / 2e-2 - b
            for m, b in zip(middles, slopes, strict=True)
        ]
        if all(np.abs(space.exponent_map @ g).max() <= case.tolerance for g in gone):
            return n
        spread = model.predict(pool, return_std=True)[1]
        spread[chosen] = -1.0
        chosen.append(int(usable[np.argmax(spread[usable])]))
    return ACTIVE + 1


def discovered(case: Case, seed: int) -> float:
    """Runs of a Latin hypercube of pi space from which `discover` predicts the ranges to 5 %."""
    from dimgs.dataset import Dataset
    from dimgs.discovery.discover import discover_with
    from dimgs.discovery.options import Options

    logs = points(case)
    names = [f"{n} [{unit}]" for n, (unit, _, _) in case.inputs.items()]
    rng = np.random.default_rng(seed)
    ends = np.log([[low, high] for _, low, high in case.inputs.values()])
    for n in SIZES:
        unit = qmc.LatinHypercube(len(ends), rng=seed).random(n)
        at = ends[:, 0] + unit * (ends[:, 1] - ends[:, 0])
        at = at[case.answers(at)]
        y = np.exp(case.value(at) + case.noise * rng.standard_normal(len(at)))
        table = dict(zip(names, np.exp(at).T, strict=True)) | {f"y [{case.unit}]": y}
        try:
            report = discover_with(Dataset.from_columns(table), "y", Options(time_limit=SECONDS))
            if report.law is None:
                continue
            told = report.law.predict(dict(zip(case.inputs, np.exp(logs).T, strict=True)))
        except (DimgsError, np.linalg.LinAlgError):
            continue
        miss = np.abs(np.log(np.abs(np.asarray(told)) + 1e-300) - case.value(logs))
        if np.mean(miss[case.answers(logs)] < 0.05) > 1.0 - STRAY:
            return n
    return SIZES[-1] + 1


def coverage(seeds: int, case: Case = NOISY) -> dict[str, float]:
    """Part of the intervals that hold the truth, exponents and prefactor apart."""
    hits: dict[str, list[bool]] = {"exponents": [], "prefactor": []}
    for seed in range(seeds):
        result = campaign(case, seed)[1]
        if result is None or len(result.regimes) != 1:
            continue
        regime = result.regimes[0]
        truth = case.laws[0][1]
        hits["exponents"] += [e.low <= truth.get(e.name, 0.0) <= e.high for e in regime.exponents]
        constant = regime.prefactor
        if constant is not None and constant.low is not None and constant.high is not None:
            told = np.log([constant.low, constant.high])
            hits["prefactor"].append(bool(told[0] <= case.laws[0][0] <= told[1]))
    return {name: float(np.mean(found)) if found else np.nan for name, found in hits.items()}


def row(case: Case, seeds: int, others: Sequence[str]) -> tuple[str, list[Verdict]]:
    """A line of the table."""
    start = time.process_time()
    told = [campaign(case, seed)[0] for seed in range(seeds)]
    spent = (time.process_time() - start) / seeds
    costs = [t.cost for t in told if t.right]
    wrong = [t for t in told if t.met and not t.right]
    beside = [f"{median(BASELINES[o](case, s) for s in range(min(seeds, 5))):5.0f}" for o in others]
    cost = f"{median(costs):6.1f} [{min(costs):.0f}, {max(costs):.0f}]" if costs else "     -"
    return (
        f"{case.name:<24} {cost:<18} right {np.mean([t.right for t in told]):4.0%}  met "
        f"{np.mean([t.met for t in told]):4.0%}  wrongly {len(wrong):2d}  | {' '.join(beside)}"
        f"  ({spent:.1f} s) {next((t.why for t in told if not t.right), '')[:90]}"
    ), told


BASELINES = {"regression": regression, "discover": discovered, "process": process}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for every kernel."""
    parser = argparse.ArgumentParser(description="Runs to the right answer.")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--cases", nargs="*", help="part of a name")
    parser.add_argument("--budget", type=int)
    parser.add_argument("--coverage", type=int, default=0, help="campaigns with noise")
    parser.add_argument("--discover", action="store_true")
    parser.add_argument("--process", action="store_true")
    parser.add_argument("--drawn", type=int, default=0, help="kernels drawn at random")
    given = parser.parse_args(arguments)
    others = ["regression"] + [n for n in ("discover", "process") if getattr(given, n)]
    if given.coverage:
        for case in (NOISY, replace(NOISY, noise=0.1, tolerance=0.04)):
            print(f"coverage, {case.noise:.0%} noise", coverage(given.coverage, case), flush=True)
        return
    print("runs (in fine ones) to the right answer, median [least, most]; |", *others)
    every: list[Verdict] = []
    for case in map(drawn, range(given.drawn)) if given.drawn else CASES:
        if given.cases and not any(c in case.name for c in given.cases):
            continue
        asked = case if given.budget is None else replace(case, budget=given.budget)
        text, told = row(asked, given.seeds, others)
        every += told
        print(text, flush=True)
    met = [t for t in every if t.met]
    print(
        f"{len(every)} campaigns: right {np.mean([t.right for t in every]):.1%}, tolerance met "
        f"{len(met) / len(every):.1%}, of these right {np.mean([t.right for t in met]):.1%}"
    )


if __name__ == "__main__":
    main()
