"""Newer tools beside dimgs: `python -m case_studies.benchmarks.newer_tools dimgs gp-elite ...`.

Every tool gets three tables with units: the planets of the documentation, the wall stress of
turbulent flow in pipes (Blasius, 40 runs, 2 % of noise), and the drag of spheres (24/Re + 0.4, 40
runs, 2 % of noise). Printed are the answer, R² of ln(target) on 200 clean runs in the same ranges,
and the processor time. Nothing but numpy is needed here besides the tool itself, so that each tool
may have an environment of its own.
"""

import contextlib
import csv
import io
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

Columns = dict[str, np.ndarray]
_PLANETS = Path(__file__).resolve().parents[2] / "docs" / "planets.csv"
# units of the planets' table in SI (IAU 2012 and 2015, the latter divided by CODATA's G)
_DAY, _AU, _SUN, _G = 86400.0, 1.495978707e11, 1.988409870698051e30, 6.6743e-11
_BASES = ("m", "kg", "s")


@dataclass(frozen=True, eq=False)
class Task:
    """A table in SI units, and what is true of it."""

    name: str
    inputs: Columns
    target: np.ndarray
    units: dict[str, dict[str, int]]
    target_unit: dict[str, int]
    truth: Callable[[Columns], np.ndarray]

    @property
    def response(self) -> np.ndarray:
        """The target over the dynamic pressure, and over an area for a force: dimensionless."""
        scale = self.inputs["rho"] * self.inputs["U"] ** 2
        if self.target_unit["m"] == 1:
            scale = scale * self.inputs["D"] ** 2
        return np.asarray(self.target / scale)

    def fresh(self) -> Columns:
        """200 clean points in the ranges of the runs."""
        rng = np.random.default_rng(99)
        logs = {name: np.log(x) for name, x in self.inputs.items()}
        return {n: np.exp(rng.uniform(x.min(), x.max(), 200)) for n, x in logs.items()}

    def score(self, predict: Callable[[Columns], Any]) -> float:
        """R² of ln(target); what is not positive or not finite counts as a miss by 100 %."""
        points = self.fresh()
        true = np.log(self.truth(points))
        with np.errstate(all="ignore"):
            found = np.log(np.asarray(predict(points), dtype=float))
        found = np.where(np.isfinite(found), found, true + 1.0)
        return float(1 - np.sum((found - true) ** 2) / np.sum((true - true.mean()) ** 2))


def _kepler(c: Columns) -> np.ndarray:
    return np.asarray(2 * np.pi * np.sqrt(c["a"] ** 3 / (c["G"] * c["M"])))


def _blasius(c: Columns) -> np.ndarray:
    reynolds = c["rho"] * c["U"] * c["D"] / c["mu"]
    return np.asarray(0.3164 * reynolds**-0.25 * c["rho"] * c["U"] ** 2 / 8)


def _drag(c: Columns) -> np.ndarray:
    reynolds = c["rho"] * c["U"] * c["D"] / c["mu"]
    return np.asarray((24 / reynolds + 0.4) * c["rho"] * c["U"] ** 2 * np.pi * c["D"] ** 2 / 8)


def tasks() -> list[Task]:
    """The three tables."""
    lines = [x for x in _PLANETS.read_text("utf-8").splitlines() if not x.startswith("#")]
    rows = list(csv.reader(lines))[1:]
    period, a, mass = (np.array([float(row[k]) for row in rows]) for k in (1, 2, 3))
    planets = {"a": a * _AU, "M": mass * _SUN, "G": np.full(len(a), _G)}
    units = {"a": {"m": 1}, "M": {"kg": 1}, "G": {"m": 3, "kg": -1, "s": -2}}
    made = [Task("planets", planets, period * _DAY, units, {"s": 1}, _kepler)]
    flow = {
        "rho": {"kg": 1, "m": -3}, "U": {"m": 1, "s": -1}, "D": {"m": 1},
        "mu": {"kg": 1, "m": -1, "s": -1},
    }  # fmt: skip
    for name, law, out, reynolds in (
        ("wall stress", _blasius, {"kg": 1, "m": -1, "s": -2}, (4e3, 1e5)),
        ("sphere drag", _drag, {"kg": 1, "m": 1, "s": -2}, (1.0, 1e3)),
    ):
        rng = np.random.default_rng(7)
        low, high = np.log(reynolds)
        c = {
            "rho": rng.uniform(800, 1200, 40),
            "U": np.exp(rng.uniform(np.log(0.2), np.log(5.0), 40)),
            "D": np.exp(rng.uniform(np.log(0.01), np.log(0.2), 40)),
        }
        c["mu"] = c["rho"] * c["U"] * c["D"] / np.exp(rng.uniform(low, high, 40))
        made.append(Task(name, c, law(c) * np.exp(0.02 * rng.normal(size=40)), flow, out, law))
    return made


def _written(unit: dict[str, int]) -> str:
    return "*".join(f"{base}^{power}" for base, power in unit.items())


def _matrix(columns: Columns) -> np.ndarray:
    return np.column_stack(list(columns.values()))


def with_dimgs(task: Task) -> tuple[str, float | None]:
    """`dimgs.discover` with its defaults."""
    import dimgs

    table = {f"{n} [{_written(task.units[n])}]": x for n, x in task.inputs.items()}
    table[f"y [{_written(task.target_unit)}]"] = task.target
    report = dimgs.discover(dimgs.Dataset.from_columns(table), "y", seed=0)
    law = report.result
    verdict = "confirmed" if report.confirmed else "not confirmed"
    return f"{law} ({verdict})", task.score(lambda c: law.predict(c))


def with_gp_elite(task: Task) -> tuple[str, float | None]:
    """GP_ELITE with units, its defaults, one process, and at most a minute."""
    from gp_elite import GPEliteRegressor

    units = [_written(task.units[n]) for n in task.inputs]
    model = GPEliteRegressor(
        units=units,
        target_units=_written(task.target_unit),
        random_state=0,
        parallel=False,
        time_limit=60,
    ).fit(_matrix(task.inputs), task.target)
    return str(model.equation_), task.score(lambda c: model.predict(_matrix(c)))


def with_timur(task: Task) -> tuple[str, float | None]:
    """TIMUR with dimensions; constants among the inputs are handed over as its constants."""
    from timur import TIMURModel

    held = {n: x for n, x in task.inputs.items() if np.ptp(x) == 0}
    free = {n: x for n, x in task.inputs.items() if n not in held}
    model = TIMURModel(
        feature_names=list(free),
        feature_dims=[task.units[n] for n in free],
        target_dim=task.target_unit,
        constants={n: (float(x[0]), task.units[n]) for n, x in held.items()},
    ).fit(_matrix(free), task.target)
    answer = model.equation if isinstance(model.equation, str) else model.equation()
    physical = getattr(model, "_physical_equation_str", None)
    return str(physical or answer), task.score(
        lambda c: model.predict(_matrix({n: c[n] for n in free}))
    )


def with_scaling_audit(task: Task) -> tuple[str, float | None]:
    """The regression of logarithms of scaling-audit, under the constraints that the units make."""
    from scaling_audit import ConstrainedLinearRegression

    constraint = [[0.0, *(float(task.units[n].get(b, 0)) for n in task.inputs)] for b in _BASES]
    rhs = [float(task.target_unit.get(b, 0)) for b in _BASES]
    model = ConstrainedLinearRegression(constraint=constraint, rhs=rhs)
    model.fit(np.log(_matrix(task.inputs)), np.log(task.target))
    powers = zip(task.inputs, model.coef_, strict=True)
    text = " ".join(f"{n}^{value:.3f}" for n, value in powers)
    return text, task.score(lambda c: np.exp(model.predict(np.log(_matrix(c)))))


def with_it_pi(task: Task) -> tuple[str, float | None]:
    """The most informative group of IT-π (its checkout on PYTHONPATH); it gives no law."""
    import IT_PI

    names = [n for n, x in task.inputs.items() if np.ptp(x) > 0]
    bases = [b for b in _BASES if any(task.units[n].get(b) for n in names)]
    D = np.array([[task.units[n].get(b, 0) for n in names] for b in bases], dtype=float)
    free = len(names) - np.linalg.matrix_rank(D)
    if free < 1:
        return "no free group", None
    basis = IT_PI.calc_basis(np.asmatrix(D), int(free))
    # IT-π prints its progress
    with contextlib.redirect_stdout(io.StringIO()):
        result = IT_PI.main(
        _matrix({n: task.inputs[n] for n in names}),
        task.response.reshape(-1, 1),
        basis, num_input=1, estimator="kraskov", estimator_params={"k": 5}, seed=0,
    )  # fmt: skip
    powers = np.ravel(np.asarray(result["input_coef"]))
    return " ".join(f"{n}^{p:.2f}" for n, p in zip(names, powers, strict=True)), None


def with_pydimension(task: Task) -> tuple[str, float | None]:
    """The group that the network of PyDimension learns; it gives no law in closed form."""
    import pandas as pd
    from pydimension import (
        DimensionalAnalysisConfig,
        DimensionalAnalyzer,
        OptimizationDiscoverer,
        OptimizationDiscoveryConfig,
    )

    names = [n for n, x in task.inputs.items() if np.ptp(x) > 0]
    if "rho" not in names:
        return "no free group", None
    matrix = {n: [task.units[n].get(b, 0) for b in _BASES] for n in names}
    with TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        home = Path(folder)
        columns = {n: task.inputs[n] for n in names}
        pd.DataFrame({**columns, "y": task.response}).to_csv(home / "runs.csv", index=False)
        pd.DataFrame({"Dimension": list(_BASES), **matrix}).to_csv(home / "D.csv", index=False)
        analysis = DimensionalAnalyzer(
            DimensionalAnalysisConfig(
                str(home / "runs.csv"), str(home / "D.csv"), output_dir=folder
            )
        )
        analysis.process(verbose=False)
        analysis.save_results()
        data = analysis.save_normalized_lg_data()
        basis = home / "data" / "basis_vectors.csv"
        search = OptimizationDiscoverer(
            OptimizationDiscoveryConfig(str(data), str(basis), output_dir=folder)
        )
        search.process(verbose=False)
        found = search._construct_discovered_equation()
    return str(found["detailed_equations"][0]["expression_original_params"]), None


TOOLS: dict[str, tuple[str, Callable[[Task], tuple[str, float | None]]]] = {
    "dimgs": ("dimgs", with_dimgs),
    "gp-elite": ("gp-elite", with_gp_elite),
    "timur-xai": ("timur-xai", with_timur),
    "scaling-audit": ("scaling-audit", with_scaling_audit),
    "it-pi": ("", with_it_pi),
    "pydimension": ("pydimension", with_pydimension),
}


def main(names: list[str]) -> None:
    """Print one row for each tool and table."""
    warnings.simplefilter("ignore")
    print("| tool | table | answer | R² of clean runs | CPU s |\n|---|---|---|---|---|")
    for name in names or list(TOOLS):
        distribution, run = TOOLS[name]
        label = f"{name} {version(distribution)}" if distribution else name
        for task in tasks():
            start = time.process_time()
            try:
                answer, score = run(task)
            # a tool that fails on a table has that as its answer
            except Exception as error:
                answer, score = f"{type(error).__name__}: {error}"[:160], None
            seconds = time.process_time() - start
            shown = "" if score is None else f"{score:.4f}"
            cell = " ".join(answer.split()).replace("|", "\\|")
            print(f"| {label} | {task.name} | {cell} | {shown} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
