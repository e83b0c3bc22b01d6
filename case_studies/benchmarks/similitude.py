"""What similitude answers, and how well, against four other ways to use the same runs.

``python -m case_studies.benchmarks.similitude`` runs all parts; ``--part exact``, ``near``,
``crossing`` or ``speed`` runs one; ``--questions``, ``--hubs``, ``--seeds``, ``--kernels`` and
``--runs`` say how much.
"""

import argparse
import itertools
import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from case_studies.benchmarks.hub_queries import multiplied
from case_studies.benchmarks.similitude_kernels import CASES, Case
from dimgs.ask import ask
from dimgs.groups.scalings import Scalings
from dimgs.hub import Hub
from dimgs.hub.cards import card_of, check_card
from dimgs.kernels.record import RunRecord, Status
from dimgs.variables import parse_unit

Array = NDArray[np.float64]
# any interval is good enough: what is judged is whether it holds the truth
_ANY = 1e9
_LEVEL = 0.9
# other units of the dimensions that the kernels have
_UNITS = {
    "m": ("mm", "cm", "um", "ft"),
    "s": ("min", "h", "day"),
    "m^2/s": ("cm^2/s", "mm^2/h"),
    "m/s": ("mm/s", "km/h"),
    "m^2": ("cm^2", "ft^2"),
    "m^3": ("l", "ml"),
    "kg/m^3": ("g/cm^3", "mg/l"),
    "g": ("kg", "lb"),
    "mm": ("m", "inch"),
    "nm": ("angstrom", "um"),
    "pN": ("nN", "N"),
}


def sampled(case: Case, n: int, rng: np.random.Generator) -> list[dict[str, float]]:
    """Inputs within the ranges, in the units of the ports, uniform in their logarithms."""
    ends = np.log([case.ranges[p.name] for p in case.kernel.inputs])
    logs = ends[:, 0] + rng.uniform(size=(n, len(ends))) * (ends[:, 1] - ends[:, 0])
    return [dict(zip(case.ranges, map(float, row), strict=True)) for row in np.exp(logs)]


def scalings(case: Case) -> Scalings:
    """Changes of units of a kernel that leave its constants alone."""
    constants = [parse_unit(c["unit"]).dimension for c in case.constants.values()]
    return Scalings({p.name: p.parsed.dimension for p in case.kernel.inputs}, constants)


@contextmanager
def hub_of(case: Case, n: int, seed: int) -> "Iterator[tuple[Hub, list[RunRecord]]]":
    """A hub with runs of a kernel and its card, checked."""
    rng = np.random.default_rng(seed)
    with TemporaryDirectory() as folder, Hub(folder) as hub:
        points = sampled(case, n, rng)
        records = [case.kernel.run(p, seed=i + 1) for i, p in enumerate(points)]
        hub.add_runs(records)
        hub.add({"kind": "card", **card_of(case.kernel), "constants": dict(case.constants)})
        assert check_card(hub, case.kernel)["complete"], case.kernel.name
        yield hub, records


def resized(case: Case, values: dict[str, float], rng: np.random.Generator) -> dict[str, float]:
    """The same groups in another size."""
    known = scalings(case)
    step = known.directions @ (rng.uniform(-1, 1, known.directions.shape[1]) * np.log(10.0))
    return {n: float(v * np.exp(s)) for (n, v), s in zip(values.items(), step, strict=True)}


def in_other_units(
    case: Case, values: dict[str, float], rng: np.random.Generator
) -> dict[str, tuple[float, str]]:
    """Inputs in units that are drawn."""
    told = {}
    for port in case.kernel.inputs:
        unit = str(rng.choice((port.unit, *_UNITS.get(port.unit, ()))))
        si = port.parsed.to_si(values[port.name])
        told[port.name] = (float(f"{parse_unit(unit).from_si(si):.15g}"), unit)
    return told


def exact(questions: int, seed: int) -> None:
    """Questions that a run of another size answers."""
    hits, worst = 0, 0.0
    for number, case in enumerate(CASES):
        rng = np.random.default_rng(seed + number)
        with hub_of(case, 100, seed) as (hub, records):
            for _ in range(questions // len(CASES)):
                k = int(rng.integers(len(records)))
                base = {n: float(v) for n, (v, _) in records[k].inputs.items()}
                asked = resized(case, base, rng)
                fresh = case.kernel.run(asked, seed=k + 1)
                told = in_other_units(case, asked, rng)
                answer = ask(case.target, told, hub, kernel=case.kernel, tolerance=_ANY)
                if answer.how in ("run", "similitude"):
                    hits += 1
                    apart = abs(answer.value / fresh.outputs[case.target][0] - 1.0)
                    worst = max(worst, apart)
    asked_in_all = questions // len(CASES) * len(CASES)
    print(f"exact: {hits} of {asked_in_all} questions in other sizes and units answered by "
          f"similitude; largest relative difference from a fresh run {worst:.1e}")  # fmt: skip


@dataclass(frozen=True)
class Told:
    """One way's answers to questions, in logarithms."""

    value: Array
    half: Array


def near(questions: int, hubs: Sequence[int], seeds: Sequence[int], kernels: Sequence[str]) -> None:
    """Questions near to runs, by similitude and by other ways."""
    every: dict[tuple[str, float], list[tuple[str, Array, Array]]] = {}
    for number, case in enumerate(CASES):
        if kernels and case.kernel.name not in kernels:
            continue
        for n, seed in itertools.product(hubs, seeds):
            with hub_of(case, n, seed + n) as (hub, records):
                for radius in (0.1, 0.3, 1.0):
                    rng = np.random.default_rng([seed, number, n, round(100 * radius)])
                    asked, truth = [], np.zeros(0)
                    while len(truth) < questions:
                        question = _near(case, records, radius, rng)
                        fresh = case.kernel.run(question, seed=10**6 + len(truth))
                        value = float(fresh.outputs[case.target][0])
                        # an average of chains that hardly feel the force may have either sign
                        if value > 0:
                            asked.append(question)
                            truth = np.append(truth, np.log(value))
                    for way, told in _answers(case, hub, records, asked).items():
                        error = np.abs(told.value - truth)
                        held = error <= told.half
                        every.setdefault((case.kernel.name, radius), []).append(
                            (way, np.where(np.isfinite(error), error, np.inf), held.astype(float))
                        )
                    _line(case.kernel.name, n, radius, every[case.kernel.name, radius][-5:])
    _summary(every)


def _near(
    case: Case, records: Sequence[RunRecord], radius: float, rng: np.random.Generator
) -> dict[str, float]:
    """A question up to so many decades from a run, in another size."""
    known = scalings(case)
    record = records[int(rng.integers(len(records)))]
    base = np.array([float(v) for v, _ in record.inputs.values()])
    while True:
        step = rng.normal(size=len(base))
        step *= radius * rng.uniform() / known.distance(step * np.log(10.0))
        values = dict(zip(record.inputs, map(float, base * 10.0**step), strict=True))
        values = resized(case, values, rng)
        ports = {p.name: p for p in case.kernel.inputs}
        if all((ports[n].low or 0) <= v <= (ports[n].high or np.inf) for n, v in values.items()):
            return values


def _answers(
    case: Case, hub: Hub, records: Sequence[RunRecord], asked: Sequence[dict[str, float]]
) -> dict[str, Told]:
    rows = []
    for values in asked:
        answer = ask(case.target, values, hub, kernel=case.kernel, tolerance=_ANY, level=_LEVEL)
        got = answer.value is not None and answer.low is not None and answer.low > 0
        rows.append(
            (np.log(answer.value), np.log(answer.high / answer.value)) if got else (np.nan, 0)
        )
    told = np.array(rows)
    return {"similitude": Told(told[:, 0], told[:, 1]), **_others(case, records, asked)}


def _logs(case: Case, given: Sequence[dict[str, float]]) -> Array:
    ports = {p.name: p.parsed for p in case.kernel.inputs}
    return np.log([[ports[n].to_si(v) for n, v in values.items()] for values in given])


def _others(
    case: Case, records: Sequence[RunRecord], asked: Sequence[dict[str, float]]
) -> dict[str, Told]:
    """The nearest run as it is, one power law, and Gaussian processes of inputs and of groups."""
    known = scalings(case)
    inputs = _logs(case, [{n: float(v) for n, (v, _) in r.inputs.items()} for r in records])
    points = _logs(case, asked)
    y = np.log([r.outputs[case.target][0] for r in records])
    unit = next(p.parsed for p in case.kernel.outputs if p.name == case.target)
    powers = known.monomial(unit.dimension)
    assert powers is not None
    T = known.coordinates()
    groups, there = inputs @ T.T, points @ T.T
    apart = np.linalg.norm(groups[:, None] - there, axis=2)
    nearest = apart.argmin(axis=0)
    between = np.linalg.norm(groups[:, None] - groups[:800], axis=2)
    between[np.arange(min(len(groups), 800)), np.arange(min(len(groups), 800))] = np.inf
    miss = np.abs(y[between.argmin(axis=0)] - y[:800])
    law = _power_law(groups, y - inputs @ powers, there)
    return {
        "nearest run": Told(y[nearest], np.full(len(asked), np.quantile(miss, _LEVEL))),
        "power law": Told(law.value + points @ powers, law.half),
        "GP, inputs": _process(inputs, y, points),
        "GP, groups": _shifted(_process(groups, y - inputs @ powers, there), points @ powers),
    }


def _shifted(told: Told, by: Array) -> Told:
    return Told(told.value + by, told.half)


def _power_law(X: Array, y: Array, points: Array) -> Told:
    A = np.column_stack([np.ones(len(X)), X])
    B = np.column_stack([np.ones(len(points)), points])
    slopes, *_ = np.linalg.lstsq(A, y, rcond=None)
    dof = len(X) - A.shape[1]
    sd = np.sqrt(((y - A @ slopes) ** 2).sum() / dof)
    spread = np.sqrt(1.0 + np.einsum("ij,jk,ik->i", B, np.linalg.pinv(A.T @ A), B))
    return Told(B @ slopes, stats.t.ppf((1 + _LEVEL) / 2, dof) * sd * spread)


def _process(X: Array, y: Array, points: Array) -> Told:
    """scikit-learn's Gaussian process, a length for each column; of 1000 runs at most."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    sd = X.std(axis=0)
    X, points, mean = X / sd, points / sd, y.mean()
    kernel = ConstantKernel(1.0) * Matern(np.ones(X.shape[1]), (1e-2, 1e4), nu=2.5) + WhiteKernel(
        1e-4, (1e-12, 1e1)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        learned = GaussianProcessRegressor(kernel).fit(X[:300], (y - mean)[:300])
        process = GaussianProcessRegressor(learned.kernel_, optimizer=None)
        process.fit(X[:1000], (y - mean)[:1000])
        value, spread = process.predict(points, return_std=True)
    return Told(value + mean, stats.norm.ppf((1 + _LEVEL) / 2) * spread)


def _line(name: str, n: int, radius: float, told: Sequence[tuple[str, Array, Array]]) -> None:
    parts = [f"{way} {np.median(error):.2g} ({held.mean():.0%})" for way, error, held in told]
    print(f"{name}, {n} runs, {radius:g}: {', '.join(parts)}", flush=True)


def _summary(every: dict[tuple[str, float], list[tuple[str, Array, Array]]]) -> None:
    """Coverage and median error of each way, in all and by kernel and distance."""
    ways = list(dict.fromkeys(way for told in every.values() for way, _, _ in told))
    print("\n| | " + " | ".join(ways) + " |\n|---|" + "---|" * len(ways))

    def row(name: str, told: list[tuple[str, Array, Array]]) -> None:
        cells = []
        for way in ways:
            error = np.concatenate([e for w, e, _ in told if w == way])
            held = np.concatenate([h for w, _, h in told if w == way])
            refused = float(np.mean(~np.isfinite(error)))
            held = held[np.isfinite(error)]
            note = f", {refused:.0%} refused" if refused else ""
            cells.append(f"{np.median(error[np.isfinite(error)]):.2g} ({held.mean():.1%}{note})")
        print(f"| {name} | " + " | ".join(cells) + " |")

    for (kernel, radius), told in every.items():
        row(f"{kernel}, {radius:g} decades", told)
    row("all", [t for told in every.values() for t in told])


def crossing(tries: int, seed: int) -> None:
    """Questions that only runs of another label, program or physics could answer."""
    from case_studies.benchmarks.similitude_kernels import Pipe
    from dimgs.kernels.base import Port

    class Labelled(Pipe):
        name = "labelled-pipe"
        inputs: tuple[Port, ...] = (*Pipe.inputs, Port("fluid", "label", default="water"))

    class Later(Labelled):
        version = "2"

    class Elsewhere(Labelled):
        name = "another-physics"

    case = next(c for c in CASES if isinstance(c.kernel, Pipe))
    rng = np.random.default_rng(seed)
    with TemporaryDirectory() as folder, Hub(folder) as hub:
        points = sampled(case, 60, rng)
        for kernel, physics in ((Labelled(), "pipes"), (Elsewhere(), "rivers")):
            hub.add_runs([kernel.run(p) for p in points])
            hub.add({"kind": "card", **card_of(kernel), "physics": physics})
            check_card(hub, kernel)
        wrong = 0
        foreign = {r["id"] for r in hub.query("another-physics", limit=None)["runs"]}
        for k in range(tries):
            at: dict[str, Any] = points[int(rng.integers(len(points)))]
            if k % 3 == 0:
                answer = ask("dp", {**at, "fluid": "oil"}, hub, kernel=Labelled(), tolerance=_ANY)
                wrong += answer.value is not None
            elif k % 3 == 1:
                answer = ask("dp", at, hub, kernel=Later(), tolerance=_ANY)
                wrong += answer.value is not None
            else:
                asked = resized(case, at, rng)
                answer = ask("dp", asked, hub, kernel=Labelled(), tolerance=_ANY)
                wrong += any(e["id"] in foreign for e in answer.evidence)
    print(f"crossing: {wrong} of {tries} questions answered by runs of another label, program or "
          f"physics")  # fmt: skip


def speed(sizes: Sequence[int], seed: int, copies: int) -> None:
    """Time of an answer in a process that has asked before, as a multiple of the smallest hub's."""
    case = CASES[0]
    rng = np.random.default_rng(seed)
    first: dict[str, float] = {}
    with TemporaryDirectory() as folder, Hub(folder) as hub:
        there = 0
        for size in sizes:
            for start in range(there, size, 5000):
                points = sampled(case, min(5000, size - start), rng)
                hub.add_runs([_quick(case, p) for p in points])
            there = size
            if size == sizes[0]:
                check_card(hub, case.kernel)
            if size == sizes[-1]:
                multiplied(hub, copies)
                size *= 1 + copies
            records = [case.kernel.run(p) for p in sampled(case, 30, rng)]
            hub.add_runs(records)
            base = [{n: float(v) for n, (v, _) in r.inputs.items()} for r in records]
            ways: dict[str, Callable[[dict[str, float]], dict[str, float]]] = {
                "the run itself": lambda values: values,
                "equal groups": lambda values: resized(case, values, rng),
                "near": lambda values: {**values, "t": values["t"] * 1.1},
            }
            for way, changed in ways.items():
                times = []
                for values in base:
                    asked = changed(values)
                    begin = time.process_time()
                    ask(case.target, asked, hub, kernel=case.kernel, tolerance=_ANY)
                    times.append(time.process_time() - begin)
                took = median(times[1:])
                first.setdefault(way, took)
                times_as_long = f"{took / first[way]:.2f} times that of {sizes[0]} runs"
                print(
                    f"speed: {size} runs, {way}: {took * 1e3:.0f} ms, {times_as_long}", flush=True
                )


def _quick(case: Case, values: dict[str, float]) -> RunRecord:
    """A run whose target is a power law: what is measured is not the kernel."""
    done = case.kernel.determined(values)
    value = values["C0"] * (values["D"] * values["t"] / values["l"] ** 2) ** 0.5
    units = {p.name: p.unit for p in case.kernel.inputs}
    return RunRecord(
        case.kernel.name, case.kernel.tiers[-1].name,
        {n: (v, units[n]) for n, v in values.items()}, {"CF": (value, "kg/m^3")}, Status.OK,
        str(hash(tuple(values.values()))), provenance=done,
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=("exact", "near", "crossing", "speed"))
    parser.add_argument("--questions", type=int, default=100, help="of each kernel, hub and bin")
    parser.add_argument("--hubs", type=int, nargs="+", default=[30, 300, 3000])
    parser.add_argument("--runs", type=int, nargs="+", default=[1000, 100_000])
    parser.add_argument("--copies", type=int, default=0, help="of the last, in the part speed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], help="the first, but in near")
    parser.add_argument("--kernels", nargs="+", default=[], help="of the part near; all by default")
    given = parser.parse_args(arguments)
    if given.part in (None, "exact"):
        exact(500, given.seeds[0])
    if given.part in (None, "crossing"):
        crossing(1000, given.seeds[0])
    if given.part in (None, "near"):
        near(given.questions, given.hubs, given.seeds, given.kernels)
    if given.part in (None, "speed"):
        speed(given.runs, given.seeds[0], given.copies)


if __name__ == "__main__":
    main()
