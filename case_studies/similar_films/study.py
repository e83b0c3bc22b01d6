"""Forty runs of other films answer twelve questions before any new run.

Story
    A group has simulated how forty substances migrate from films into food, each with a thickness,
    a diffusivity, a partition and a time of its own. Twelve questions come up about other films,
    thicker and thinner, in hours and in years. `dimgs ask` answers them from the forty runs: where
    all groups are equal, by scaling (two of the questions are of films that nobody ran, but whose
    groups somebody did), and elsewhere from the runs near in their groups, each times the ratio of
    a law, with an interval. Then each question is simulated after all, to see what the answers
    were worth: the intervals are to hold nine in ten of the fresh runs.

Data
    Runs of the kernel `diffusion-series` (a film with a boundary layer and a partition, in a bath
    of finite volume; J. Crank, The Mathematics of Diffusion, 1975, sections 4.3.5 and 4.3.6), with
    inputs that are drawn from a fixed seed, log-uniform: diffusivity and thickness over two and
    one decades, Fourier number 0.01 to 1, Biot number 1 to 100, partition 0.3 to 3.

Published
    Fresh runs of the same kernel, which the answers did not see.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from dimgs.ask import ask
from dimgs.cli.reproduce import COLOURS, GREY, Check, Findings
from dimgs.hub import Hub
from dimgs.hub.cards import check_card
from dimgs.kernels.diffusion import DiffusionSeries

RUNS, NEAR, SCALED = 40, 10, 2
TARGET = "CF"
# three of twelve intervals at 90 % miss once in forty
CHANCE = "twelve intervals at 90 % hold eleven on average, and fewer than nine once in forty times"
FEW = "forty runs over four groups lie half a decade apart"


@dataclass(frozen=True)
class Answered:
    """An answer beside a fresh run."""

    how: str
    value: float
    low: float
    high: float
    fresh: float


def film(rng: np.random.Generator) -> dict[str, float]:
    """Inputs of a film, in the units of the kernel."""
    D, l = 10 ** rng.uniform(-15, -13), 10 ** rng.uniform(-4.5, -3.5)
    fourier, biot, K = (10 ** rng.uniform(*ends) for ends in ((-2, 0), (0, 2), (-0.5, 0.5)))
    found = {"D": D, "l": l, "t": fourier * l**2 / D, "K": K, "h": biot * D / l}
    return {n: float(v) for n, v in {**found, "C0": 1.0, "A": 0.06, "V": 0.001}.items()}


def enlarged(inputs: Mapping[str, float], size: float, pace: float) -> dict[str, float]:
    """The film in another size, and at another pace: all groups are as they were."""
    powers = {"D": (2, -1), "l": (1, 0), "t": (0, 1), "h": (1, -1), "A": (2, 0), "V": (3, 0)}
    grown = {n: size**a * pace**b for n, (a, b) in powers.items()}
    return {n: v * grown.get(n, 1.0) for n, v in inputs.items()}


def answers() -> list[Answered]:
    """Twelve answers, and what fresh runs give."""
    rng, kernel, found = np.random.default_rng(1855), DiffusionSeries(), []
    with TemporaryDirectory() as folder, Hub(folder, user="anna") as hub:
        films = [film(rng) for _ in range(RUNS)]
        hub.add_runs([kernel.run(one) for one in films])
        check_card(hub, kernel)
        questions = [film(rng) for _ in range(NEAR)]
        questions += [enlarged(one, 3.0, 0.2) for one in films[:SCALED]]
        for inputs in questions:
            told: Any = ask(TARGET, inputs, hub, kernel=kernel, tolerance=0.5)
            fresh = float(kernel.run(inputs).outputs[TARGET][0])
            if told.value is not None:
                found.append(Answered(told.how, told.value, told.low, told.high, fresh))
    return found


def run() -> Findings:
    found = answers()
    near = [a for a in found if a.how == "near"]
    error = 100 * float(np.median([abs(a.value / a.fresh - 1) for a in near]))
    scaled = [abs(a.value / a.fresh - 1) for a in found if a.how == "similitude"]
    held = sum(a.low * (1 - 1e-9) <= a.fresh <= a.high * (1 + 1e-9) for a in found)
    asked = NEAR + SCALED
    checks = [
        Check("answered", len(found), None, None, asked, 0.0),
        Check("intervals that hold the fresh run", held, None, None, asked, 3.0, why=CHANCE),
        Check("median error of near answers", error, None, None, 0.0, 5.0, unit="%", why=FEW),
        Check("answered by scaling", len(scaled), None, None, SCALED, 0.0),
        Check("largest error of these", 100 * max(scaled, default=1.0), None, None, 0.0, 1e-6,
              unit="%", why="the series is summed to double precision"),
    ]  # fmt: skip
    caption = "Answers with their intervals over fresh runs; the last two by scaling."
    return Findings(checks, None, lambda axes: draw(axes, found), caption)


def draw(axes: Axes, found: list[Answered]) -> None:
    axes.axhline(1.0, color=GREY, linewidth=1)
    for how, colour in (("near", COLOURS[0]), ("similitude", COLOURS[1])):
        some = [(i, a) for i, a in enumerate(found, 1) if a.how == how]
        ratios = np.array([[a.value, a.value - a.low, a.high - a.value] for _, a in some])
        ratios /= np.array([a.fresh for _, a in some])[:, None]
        places = [i for i, _ in some]
        axes.errorbar(places, ratios[:, 0], ratios[:, 1:].T, fmt="o", color=colour, markersize=4,
                      label=how)  # fmt: skip
    axes.set_xlabel("question")
    axes.set_ylabel("answer / fresh run")
    axes.legend(frameon=False)
