"""Campaigns on kernels drawn at random from the grammar of the search: is what they claim so?

A kernel has two to five inputs with units, one closed form of their groups, noise of 0 to 5 %, and
one of six a region without an answer. It is asked for exponents, for one law or for predictions
at points. A campaign that says that its tolerance is met claims *wrongly* where its law, the law of
a regime in that regime, or its surrogate misses the kernel by more than a tenth (or twice the
noise, or twice the error that the surrogate states) at more than a twentieth of fresh points.

Run: python -m case_studies.benchmarks.campaign_grammar [--count 100] [--first 0]
"""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from case_studies.benchmarks.campaign_judge import CLAIMED, STRAY, filling
from case_studies.benchmarks.campaign_kernels import Array
from dimgs.campaign import Budget, CampaignResult, Plan, Range, Tolerance, run_campaign
from dimgs.common.arrays import BoolArray
from dimgs.common.errors import DimgsError, RunDivergedError
from dimgs.expression import sympy_parse_condition
from dimgs.expression.candidate import compile_expression
from dimgs.groups.derive import pi_basis
from dimgs.groups.group import PiBasis
from dimgs.kernels.base import BaseKernel, Port, Simulated

UNITS = ("1", "1", "m", "m", "s", "kg", "m/s", "Pa", "m^2/s", "kg/m^3")
FUNCTIONS = ("exp(-{})", "log(1 + {})", "tanh({})", "sqrt(1 + {})", "1/(1 + {})", "1 + {}")
POWERS = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)
FRESH = 512
# natural logarithm of the largest ratio of two values of one output
WIDEST = 25.0


@dataclass(frozen=True, eq=False)
class Drawn:
    """A kernel of a closed form, and what is asked of it.

    Attributes
    ----------
    units : mapping of str to str
    ranges : mapping of str to (float, float)
    basis : PiBasis
    form : str
        Of the response group, over the groups.
    noise : float
    bound : (ndarray, float), optional
        Exponents of the groups of a monomial above which there is no answer, and that value.
    asked : Tolerance
    """

    units: Mapping[str, str]
    ranges: Mapping[str, tuple[float, float]]
    basis: PiBasis
    form: str
    noise: float
    bound: tuple[Array, float] | None
    asked: Tolerance

    def groups(self, logs: Array) -> Array:
        """Logarithms of the groups at those of the inputs, shape (n, n_groups)."""
        table = [[float(g.get(n)) for n in self.units] for g in self.basis.groups]
        return np.asarray(logs @ np.array(table).reshape(len(table), -1).T)

    def value(self, logs: Array) -> Array:
        """Logarithm of the output; NaN where there is no answer."""
        assert self.basis.response is not None
        groups = self.groups(logs)
        names = [g.name for g in self.basis.groups]
        form = compile_expression([*map(sympy.Symbol, names)], sympy.sympify(self.form))
        with np.errstate(all="ignore"):
            y = np.log(np.broadcast_to(form(*np.exp(groups).T), len(logs)))
        y = y - logs @ [float(self.basis.response.get(n)) for n in self.units]
        if self.bound is not None:
            y = np.where(groups @ self.bound[0] < self.bound[1], y, np.nan)
        return np.asarray(y)

    def fresh(self) -> Array:
        """Logarithms of the inputs at points that fill the ranges, and have an answer."""
        logs = filling(self.ranges.values(), 2 * FRESH, seed=2)
        return np.asarray(logs[np.isfinite(self.value(logs))][:FRESH])


def drawn(seed: int) -> Drawn:
    """A kernel drawn at random whose groups vary and whose output is positive."""
    rng = np.random.default_rng(seed)
    while True:
        names = "abcde"[: int(rng.integers(2, 6))]
        units = {n: str(rng.choice(UNITS)) for n in names}
        try:
            basis = pi_basis(
                [*(f"{n} [{u}]" for n, u in units.items()), f"y [{_unit(units, rng)}]"], "y"
            )
        except DimgsError:
            continue
        if not basis.groups or basis.dropped or any(g.name == "y" for g in basis.groups):
            continue
        ranges = {n: (1.0, 10.0 ** float(rng.uniform(0.5, 2.0))) for n in names}
        case = Drawn(units, ranges, basis, "", 0.0, None, Tolerance(exponents=0.05))
        logs = filling(ranges.values(), 256)
        middle = np.median(case.groups(logs), axis=0)
        constant = float(10.0 ** rng.uniform(-1.0, 1.0))
        inner = f"{10.0 ** rng.uniform(-0.7, 0.7):.3g}*{_monomial(basis, middle, rng)}"
        kind = int(rng.integers(4))
        form = f"{constant:.3g}*{_monomial(basis, middle, rng)}"
        if kind:
            form += "*(" + str(rng.choice(FUNCTIONS)).format(inner) + ")"
        noise = float(rng.choice([0.0, 0.0, 0.01, 0.05]))
        bound = None
        if rng.random() < 1.0 / 6.0:
            row = rng.choice([-1.0, 0.0, 1.0], len(basis.groups))
            bound = row, float(np.quantile(case.groups(logs) @ row, 0.8)) + 1e-9
        wanted = 0.05 if noise > 0.02 else 0.02
        asked = (Tolerance(exponents=wanted), Tolerance(law=0.95), Tolerance(prediction=0.1))
        case = Drawn(units, ranges, basis, form, noise, bound, asked[int(rng.integers(3))])
        y = case.value(logs)
        fine = np.isfinite(y)
        if fine.mean() > 0.5 and np.ptp(y[fine]) < WIDEST and np.ptp(y[fine]) > 0.5:
            return case


def _monomial(basis: PiBasis, middle: Array, rng: np.random.Generator) -> str:
    """A random monomial of some of the groups, about 1 at their middle values."""
    chosen = rng.random(len(basis.groups)) < 0.7
    parts = [
        f"({g.name}/{np.exp(m):.3g})**({rng.choice(POWERS)})"
        for g, m, c in zip(basis.groups, middle, chosen, strict=True)
        if c
    ]
    return "*".join(parts) or "1"


def _unit(units: Mapping[str, str], rng: np.random.Generator) -> str:
    """A unit of the output that the inputs reach."""
    parts = [f"({u})**{int(rng.integers(-1, 3))}" for u in units.values() if u != "1"]
    return "*".join(parts) or "1"


class DrawnKernel(BaseKernel):
    """A drawn kernel; its noise depends on the seed."""

    version = "1"

    def __init__(self, case: Drawn) -> None:
        self.case, self.name = case, "drawn"
        self.inputs = tuple(Port(n, unit) for n, unit in case.units.items())
        self.outputs = (Port("y", str(case.basis.target.unit.text if case.basis.target else "1")),)
        self.stochastic = case.noise > 0

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        y = float(self.case.value(np.log([[values[n] for n in self.case.units]]))[0])
        if not np.isfinite(y):
            raise RunDivergedError("The solution does not converge.")
        return {"y": np.exp(y + self.case.noise * np.random.default_rng(seed).standard_normal())}


def claims(case: Drawn, result: CampaignResult, logs: Array) -> list[tuple[str, float]]:
    """What a campaign claims, and the part of the fresh points at which it misses."""
    truth, names = case.value(logs), [g.name for g in result.basis.groups]
    table = dict(zip(case.units, np.exp(logs).T, strict=True))
    values = np.exp(case.groups(logs)).T
    room = max(CLAIMED, 2.0 * case.noise)

    def missed(said: Array, room: float, here: BoolArray) -> float:
        with np.errstate(all="ignore"):
            off = np.abs(np.log(np.broadcast_to(np.asarray(said, dtype=float), len(logs))) - truth)
        return float(np.mean(~(off[here] <= room))) if here.any() else 0.0

    everywhere = np.ones(len(logs), dtype=np.bool_)
    if result.whole is not None:
        return [("law", missed(result.whole.predict(table), room, everywhere))]
    relevant = {p.answer for p in result.pertinence if p.relevant}
    misses = []
    for i, regime in enumerate(result.regimes, 1):
        if f"regime {i}" not in relevant or regime.fit is None:
            continue
        here: BoolArray = everywhere
        if regime.where != "True":
            condition = compile_expression(
                [*map(sympy.Symbol, names)], sympy_parse_condition(regime.where, names)
            )
            here = np.broadcast_to(np.asarray(condition(*values), dtype=bool), len(logs))
        misses.append((f"regime {i}", missed(regime.fit.law.predict_si(table), room, here)))
    for i, (point, place) in enumerate(zip(result.points, POINTS, strict=False), 1):
        at = case.value(_place(case, place)[None])[0]
        misses.append((f"point {i}", float(not abs(np.log(point.value) - at) <= room)))
    if result.surrogate is not None and not misses:
        predictions = [
            result.surrogate.at(dict(zip(case.units, row, strict=True))) for row in np.exp(logs)
        ]
        said = np.array([np.nan if p is None else p[0] for p in predictions])
        known = np.isfinite(said)
        room = max(room, 2.0 * np.log1p(result.surrogate.error))
        misses.append(
            ("surrogate", missed(said, room, known) - (1.0 - result.surrogate.curve.level))
        )
    return misses


# where predictions are asked for, as parts of the logarithmic ranges
POINTS = (0.3, 0.8)


def _place(case: Drawn, share: float) -> Array:
    return np.array([np.log(a) + share * np.log(b / a) for a, b in case.ranges.values()])


def judged(case: Drawn, seed: int, budget: int) -> tuple[str, int, str]:
    """Word for how a campaign on a drawn kernel ends, its runs, and what is wrong."""
    points = [
        {n: (float(v), None) for n, v in zip(case.units, np.exp(_place(case, p)), strict=True)}
        for p in POINTS
    ]
    plan = Plan(
        kernel=DrawnKernel(case),
        target="y",
        ranges={n: Range(a, b) for n, (a, b) in case.ranges.items()},
        budget=Budget(runs=budget),
        tolerance=case.asked,
        points=tuple(points) if case.asked.prediction else (),
        seed=seed,
    )
    try:
        with ThreadPoolExecutor(1) as executor:
            result = run_campaign(plan, executor=executor)
    except DimgsError as error:
        return "refused", 0, f"{type(error).__name__}: {error}"
    runs = sum(result.runs.values())
    if not result.outcome.is_answer:
        return result.outcome, runs, ""
    wrong = [
        f"{what} misses {part:.0%}"
        for what, part in claims(case, result, case.fresh())
        if part > STRAY
    ]
    return ("wrong" if wrong else "right"), runs, ", ".join(wrong)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for every kernel, and the sums."""
    parser = argparse.ArgumentParser(description="Campaigns on kernels of random closed forms.")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--budget", type=int, default=80, help="runs at most")
    given = parser.parse_args(arguments)
    ends = Counter[str]()
    for seed in range(given.first, given.first + given.count):
        case = drawn(seed)
        word, runs, why = judged(case, seed, given.budget)
        ends[word] += 1
        print(
            f"{seed:>4} {word:<12} {runs:>4} runs, noise {case.noise:.0%}  {case.form[:70]}  {why}",
            flush=True,
        )
    met = ends["right"] + ends["wrong"]
    print(
        f"{given.count} campaigns: {dict(ends)}; of {met} that were met {ends['wrong']} are wrong"
    )


if __name__ == "__main__":
    main()
