"""Single steps of the embedded engine, each on laws of the kind that it is there for."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Literal

import numpy as np
import pytest

from dimgs.common.arrays import Array
from dimgs.engines.protocol import Problem
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.engine import Stages
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import Mono, Number, evaluate, times

Law = Callable[[Array, Array], Array]
N_RUNS = 60


def best_of(name: str, groups: dict[str, Array], y: Array, unlogged: tuple[str, ...]) -> Archive:
    """What one step finds."""
    scale: Literal["log", "linear"] = "log" if np.all(y > 0) else "linear"
    runs = Runs.of(Problem(groups, y, scale=scale, unlogged=unlogged))
    archive = Archive(runs, np.inf)
    with np.errstate(all="ignore"):
        (step,) = (s for s in Stages(archive).steps() if s.name == name)
        step.run()
    return archive


def positive(rng: np.random.Generator) -> Array:
    return np.exp(rng.uniform(-1.5, 1.5, N_RUNS))


def signed(rng: np.random.Generator) -> Array:
    return rng.uniform(-2.0, 2.0, N_RUNS)


def angle(rng: np.random.Generator) -> Array:
    return rng.uniform(0.2, 1.3, N_RUNS)


def share(rng: np.random.Generator) -> Array:
    return rng.uniform(0.1, 0.7, N_RUNS)


def within_one(rng: np.random.Generator) -> Array:
    return rng.uniform(-0.7, 0.7, N_RUNS)


@pytest.mark.parametrize("noise", [0.0, 0.01])
@pytest.mark.parametrize(
    ("name", "first", "second", "law"),
    [
        ("roots of quadratics", signed, positive, lambda u, v: u / 2 + np.sqrt(u**2 / 4 + v)),
        # of a great circle, by two latitudes
        (
            "sums of angles",
            angle,
            angle,
            lambda u, v: np.sin(u) * np.sin(v) + np.cos(u) * np.cos(v) / 3,
        ),
        ("sums of angles", angle, positive, lambda u, v: v * np.sin(u) + np.tan(u) / 4),
        ("sums of angles", angle, positive, lambda u, v: 1 + v * np.sin(2 * u) - np.cos(2 * u) / 2),
        ("sums of angles", angle, share, lambda u, v: np.arccos(np.sin(u) * np.cos(v) / 2)),
        # what is bound of a substance where it is not in excess
        (
            "roots of quadratics",
            positive,
            positive,
            lambda u, v: 1 + u + v - np.sqrt((1 + u + v) ** 2 - 4 * u),
        ),
        (
            "roots of quadratics",
            signed,
            positive,
            lambda u, v: np.sqrt(np.hypot(u, v) - u),
        ),
        (
            "sums of squares",
            positive,
            positive,
            lambda u, v: 1 / np.sqrt((u**2 - v**2) ** 2 + v**2),
        ),
        (
            "logarithms of sums",
            positive,
            positive,
            lambda u, v: np.log(u**1.1 / 4 + 7 / v) ** 2,
        ),
        (
            "three free exponents",
            positive,
            positive,
            lambda u, v: np.exp(2 - 1.3 * u ** (2 / 3) - 2.1 / v),
        ),
        (
            "two simple factors of functions",
            angle,
            share,
            lambda u, v: np.arctan(u * (1 + 3 * v) / (1 + u * v) ** 2),
        ),
        ("sums for functions", signed, positive, lambda u, v: (3 + u + 2 * v) ** 3),
        (
            "two simple factors of functions",
            positive,
            within_one,
            lambda u, v: 1 - np.cosh(u * v) / np.cosh(u),
        ),
        (
            "one simple factor",
            positive,
            signed,
            lambda u, v: u**1.5 * np.cosh(u * v),
        ),
    ],
)
def test_a_step_finds_its_laws(
    name: str,
    first: Callable[[np.random.Generator], Array],
    second: Callable[[np.random.Generator], Array],
    law: Law,
    noise: float,
) -> None:
    rng = np.random.default_rng(5)
    u, v = first(rng), second(rng)
    y = law(u, v) * (1 + noise * rng.standard_normal(N_RUNS))
    groups = {"pi_1": u, "pi_2": v}
    archive = best_of(name, groups, y, tuple(k for k, x in groups.items() if x.min() <= 0))
    assert archive.best is not None
    left = evaluate(archive.best.tree, archive.runs) - law(u, v)
    scale = np.maximum(np.abs(law(u, v)), 0.1 * np.std(y))
    assert np.sqrt(np.mean((left / scale) ** 2)) < (1e-9 if noise == 0 else 0.5 * noise)


@pytest.mark.parametrize("ends", [(0.2, 5.0), (0.05, 1.0)])
def test_ratios_with_an_exponential_of_a_difference(ends: tuple[float, float]) -> None:
    rng = np.random.default_rng(2)
    transfer = np.exp(rng.uniform(np.log(ends[0]), np.log(ends[1]), N_RUNS))
    capacities = np.exp(rng.uniform(np.log(0.05), np.log(0.9), N_RUNS))
    decay = np.exp(-transfer * (1 - capacities))
    effectiveness = (1 - decay) / (1 - capacities * decay)
    groups = {"pi_1": transfer, "pi_2": capacities}
    archive = best_of("ratios in one span", groups, effectiveness, ())
    assert archive.best is not None
    assert np.allclose(evaluate(archive.best.tree, archive.runs), effectiveness, rtol=1e-9)


def test_roots_of_quadratics_are_short() -> None:
    # long ones follow any smooth law of one group, and would pass for it
    x = np.linspace(0.2, 0.9, N_RUNS)
    archive = best_of("roots of quadratics", {"pi_1": x}, 1 / np.cos(1.5 * x) - 1, ())
    assert not archive.explained


def test_simple_constants_put_no_longer_tree_in_the_place_of_a_shorter_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    u = positive(np.random.default_rng(0))
    archive = Archive(Runs.of(Problem({"pi_1": u}, 3 * u + 0.1 * u**2)), np.inf)
    free = archive.add(times(Number(3.1), Mono((Fraction(1),))))
    assert free is not None
    short = replace(free, loss=0.5, bits=free.bits - 2.0)
    archive.fits["5.000000e-01"] = short
    monkeypatch.setattr(
        "dimgs.engines.structured.archive.simplify_numbers",
        lambda fitted, _: replace(fitted, loss=0.5, bits=short.bits + 1.0),
    )
    archive.sharpen()
    assert archive.sharpened
    assert archive.fits["5.000000e-01"].bits == short.bits


def test_a_ratio_inside_a_function_is_found() -> None:
    rng = np.random.default_rng(5)
    u, v = angle(rng), share(rng)
    y = np.arccos((np.cos(u) - v) / (1 - v * np.cos(u)))
    assert best_of("ratios for functions", {"pi_1": u, "pi_2": v}, y, ("pi_1",)).exact
