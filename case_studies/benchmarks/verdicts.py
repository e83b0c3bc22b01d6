"""Whether `fit` and `discover` say the same of one law.

``python -m case_studies.benchmarks.verdicts`` fits and discovers 72 tables: twelve laws, seven of
them no power laws, with 24, 60 or 150 runs and noise of 0 to 20 % of the response. For each it
prints the probability that `fit` gives its power law and the one that `discover` gives the same
law, and it fails where one confirms a law that the other refuses. A law is refused where it was
judged and is not confirmed; where the short search of `fit` settles nothing, it says so and has no
probability.

Results are appended to a file of JSON lines, so that a run that was stopped goes on where it ended.
"""

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from case_studies.benchmarks.own_laws.__main__ import known_lines
from dimgs.common.arrays import Array
from dimgs.dataset import Dataset
from dimgs.discovery.discover import discover_with, fit_with
from dimgs.discovery.options import Options
from dimgs.report.results import Verdict

Columns = dict[str, Array]
NOISES = (0.0, 0.005, 0.02, 0.05, 0.1, 0.2)
RUNS = (24, 60, 150)
_G = 9.80665
_SECONDS = 3600.0


def _flow(draw: Callable[[float, float], Array]) -> Columns:
    """A flow of a liquid past a body or in a pipe."""
    x = {"U [m/s]": draw(0.1, 3), "D [m]": draw(0.01, 0.3), "mu [Pa*s]": draw(1e-3, 0.1)}
    return {"rho [kg/m^3]": np.full_like(x["U [m/s]"], 1000.0), **x}


def _warm_flow(draw: Callable[[float, float], Array]) -> Columns:
    return {**_flow(draw), "k [W/m/K]": draw(0.1, 1), "cp [J/kg/K]": draw(1e3, 4e3)}


def _beam(draw: Callable[[float, float], Array]) -> Columns:
    load = {"P [N]": draw(10, 1e3), "E [Pa]": draw(1e9, 2e11)}
    return {**load, "L [m]": draw(0.1, 3), "b [m]": draw(0.01, 0.1), "h [m]": draw(0.01, 0.1)}


def _friction(rho: Array, U: Array, D: Array, mu: Array) -> Array:
    return 0.0395 * (rho * U * D / mu) ** -0.25 * rho * U**2


def _drag(rho: Array, U: Array, D: Array, mu: Array) -> Array:
    return (24 * mu / (rho * U * D) + 0.4) * np.pi / 8 * rho * U**2 * D**2


def _pipe_heat(rho: Array, U: Array, D: Array, mu: Array, k: Array, cp: Array) -> Array:
    return 0.023 * (rho * U * D / mu) ** 0.8 * (mu * cp / k) ** 0.4 * k / D


def _sphere_heat(rho: Array, U: Array, D: Array, mu: Array, k: Array, cp: Array) -> Array:
    return (2 + 0.6 * (rho * U * D / mu) ** 0.5 * (mu * cp / k) ** (1 / 3)) * k / D


def _slender(P: Array, E: Array, L: Array, b: Array, h: Array) -> Array:
    return 4 * P * L**3 / (E * b * h**3)


def _deep(P: Array, E: Array, L: Array, b: Array, h: Array) -> Array:
    return _slender(P, E, L, b, h) * (1 + 0.78 * h**2 / L**2)


# how its runs are drawn, its target, its law, and whether that is a power law
LAWS: dict[str, tuple[Callable[..., Columns], str, Callable[..., Array], bool]] = {
    "friction": (_flow, "tau [Pa]", _friction, True),
    "stokes": (_flow, "F [N]", lambda rho, U, D, mu: 3 * np.pi * mu * U * D, True),
    "drag": (_flow, "F [N]", _drag, False),
    "pipe_heat": (_warm_flow, "h [W/m^2/K]", _pipe_heat, True),
    "sphere_heat": (_warm_flow, "h [W/m^2/K]", _sphere_heat, False),
    "slender_beam": (_beam, "w [m]", _slender, True),
    "deep_beam": (_beam, "w [m]", _deep, False),
    "droplet": (
        lambda draw: {**_flow(draw), "s [N/m]": draw(0.02, 0.07)},
        "d [m]",
        lambda rho, U, D, mu, s: 1.2 * D * (rho * U**2 * D / s) ** 0.6 * (rho * U * D / mu) ** -0.2,
        True,
    ),
    "packed_bed": (
        lambda draw: {
            "rho [kg/m^3]": draw(1, 50), "U [m/s]": draw(0.01, 1),
            "D [m]": draw(1e-3, 0.01), "mu [Pa*s]": draw(1e-5, 1e-3),
        },
        "G [Pa/m]",
        lambda rho, U, D, mu: 150 * mu * U / D**2 + 1.75 * rho * U**2 / D,
        False,
    ),
    "water_wave": (
        lambda draw: {"L [m]": draw(1, 100), "h [m]": draw(1, 50), "g [m/s^2]": draw(_G, _G)},
        "c [m/s]",
        lambda L, h, g: np.sqrt(g * L / (2 * np.pi) * np.tanh(2 * np.pi * h / L)),
        False,
    ),
    "saturation": (
        lambda draw: {
            "S [mol/m^3]": draw(0.1, 10), "K [mol/m^3]": draw(0.5, 2), "V [mol/m^3/s]": draw(1, 5),
        },
        "r [mol/m^3/s]",
        lambda S, K, V: V * S / (K + S),
        False,
    ),
    "rotor": (
        lambda draw: {
            "m [kg]": draw(0.1, 2), "w [1/s]": draw(1, 30), "r [m]": draw(0.1, 1),
            "g [m/s^2]": draw(_G, _G),
        },
        "F [N]",
        lambda m, w, r, g: m * np.sqrt(g**2 + (w**2 * r) ** 2),
        False,
    ),
}  # fmt: skip


def table(name: str, n: int, noise: float, seed: int = 0) -> tuple[Dataset, str]:
    """Runs of a law with multiplicative noise, and the target's name."""
    rng = np.random.default_rng([seed, n, round(1000 * noise), *map(ord, name)])
    columns, target, law, _ = LAWS[name]
    x = columns(lambda low, high: np.exp(rng.uniform(np.log(low), np.log(high), n)))
    y = law(*x.values()) * np.exp(noise * rng.standard_normal(n))
    return Dataset.from_columns({**x, target: y}), target.split(" [")[0]


def tasks() -> Iterator[tuple[str, int, float]]:
    """Every law with every noise, the numbers of runs in turn."""
    for k, name in enumerate(LAWS):
        for j, noise in enumerate(NOISES):
            yield name, RUNS[(k + j) % len(RUNS)], noise


def of_fit(data: Dataset, target: str) -> Verdict:
    """The verdict of `fit` on its power law."""
    return fit_with(data, target, Options()).verdict


def of_discover(data: Dataset, target: str) -> Verdict:
    """The verdict of `discover` on the same law, whatever law it ends with."""
    # a machine with other work must not end the search
    report = discover_with(data, target, Options(engine="structured", time_limit=_SECONDS))
    assert report.fit is not None
    return report.fit.verdict


def contradict(one: Verdict, other: Verdict) -> bool:
    """Whether one confirms the law and the other, having judged it, does not."""
    if one.probability is None or other.probability is None:
        return False
    return one.confirmed != other.confirmed


def compare(name: str, n: int, noise: float, seed: int) -> dict[str, Any]:
    """One line of the file."""
    data, target = table(name, n, noise, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.process_time()
        ours = of_fit(data, target)
        seconds = time.process_time() - start
        theirs = of_discover(data, target)
    return {
        "law": name, "runs": n, "noise": noise, "seed": seed, "power": LAWS[name][3],
        "fit": [ours.probability, ours.confirmed], "seconds": seconds,
        "discover": [theirs.probability, theirs.confirmed],
        "contradict": contradict(ours, theirs), "why_not": list(ours.why_not),
    }  # fmt: skip


def summary(lines: Sequence[dict[str, Any]]) -> str:
    """What the tables say together."""
    true = [x for x in lines if x["power"]]
    judged = sum(x["fit"][0] is not None for x in lines)
    both = sum(x["discover"][1] for x in true)
    return (
        f"{len(lines)} tables: {sum(x['contradict'] for x in lines)} contradictions; fit judged "
        f"{judged}; of {len(true)} power laws fit confirmed {sum(x['fit'][1] for x in true)} and "
        f"discover {both}; median {np.median([x['seconds'] for x in lines]):.2f} s, at most "
        f"{max(x['seconds'] for x in lines):.2f} s of processor time for a fit with its verdict"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("verdicts.jsonl"))
    options = parser.parse_args(arguments)
    done = {(x["law"], x["runs"], x["noise"], x["seed"]) for x in known_lines(options.out)}
    for name, n, noise in tasks():
        if (name, n, noise, options.seed) in done:
            continue
        line = compare(name, n, noise, options.seed)
        with options.out.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(line) + "\n")
        ours, theirs = (
            "-" if x[0] is None else f"{x[0]:.3f}" for x in (line["fit"], line["discover"])
        )
        marks = "".join("C" if x[1] else "." for x in (line["fit"], line["discover"]))
        wrong = "  CONTRADICTION" if line["contradict"] else ""
        print(
            f"{name:14}{n:4} runs {100 * noise:4.1f} %  {ours} {theirs} {marks}{wrong}", flush=True
        )
    lines = [x for x in known_lines(options.out) if x["seed"] == options.seed]
    print(summary(lines))
    if any(x["contradict"] for x in lines):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
