"""Migration from a package into food: four regimes from at most 40 fine simulations.

Story
    A substance leaves a plastic film for the food beside it. How much is found in the food depends
    on eight quantities, six of which vary here by up to eight orders of magnitude. A campaign asks
    for every exponent in every regime, to ±0.02, and may use 40 runs of the fine mesh and 90 of one
    with a third of the cells. With these it finds the places where a single power law holds, and
    spends fine runs only on what the coarse mesh gets wrong there. What comes out are the
    textbook limits: the film as an infinite medium at short times (CF ~ √(D·t), whatever its
    thickness), a film that is empty, a bath that takes no more, and a bath whose boundary layer
    decides (CF ~ h·t). The differences between the four laws depend on three groups only; the
    campaign says so itself.

Data
    The kernel `diffusion` of this package: one-dimensional diffusion in a film, a well-stirred
    bath, resistance and partition between them, by finite volumes. The plan is beside this file.

Published
    J. Crank, The Mathematics of Diffusion, 2nd ed. (1975): sections 4.3.2 and 4.3.5, short times
    M(t)/M_inf = 2 √(Fo/π), which meets the end of the migration at Fo = π/4. The other three
    limits are mass balances: everything has left, CF = C0·A·l/V; equilibrium with a film that
    stays full, CF = C0/K; and a constant flux h·C0/K through the boundary layer.
"""

from concurrent.futures import ThreadPoolExecutor
from math import pi, sqrt
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from matplotlib.axes import Axes

from dimgs.campaign import CampaignResult, read_plan, run_campaign
from dimgs.campaign.result import RegimeAnswer
from dimgs.cli.reproduce import Check, Findings, Statement
from dimgs.dataset import Dataset

PLAN = Path(__file__).with_name("plan.toml")
MOST_FINE_RUNS = 40

# exponents of D, K, V, h, l, t, and the dimensionless prefactor
LIMITS: dict[str, tuple[tuple[float, ...], float]] = {
    "short times": ((0.5, 0.0, -1.0, 0.0, 0.0, 0.5), 2.0 / sqrt(pi)),
    "empty film": ((0.0, 0.0, -1.0, 0.0, 1.0, 0.0), 1.0),
    "full bath": ((0.0, -1.0, 0.0, 0.0, 0.0, 0.0), 1.0),
    "boundary layer": ((0.0, -1.0, -1.0, 1.0, 0.0, 1.0), 1.0),
}
ASKED = "the tolerance that the plan asks for"
RIM = "what is left of the crossovers at the rim of a regime"


def campaign(seed: int = 0) -> tuple[CampaignResult, Dataset]:
    """Result of the plan and its fine runs; every run is made in this process."""
    from dataclasses import replace

    plan = replace(read_plan(PLAN), seed=seed)
    with TemporaryDirectory() as folder, ThreadPoolExecutor(1) as executor:
        result = run_campaign(plan, folder, executor=executor)
    assert result.dataset is not None
    return result, result.dataset


def regime_like(result: CampaignResult, exponents: tuple[float, ...]) -> RegimeAnswer:
    """Regime whose exponents are closest to those of a limit."""
    return min(
        result.regimes,
        key=lambda r: max(
            abs(e.value - x) for e, x in zip(r.every_exponent, exponents, strict=True)
        ),
    )


def run() -> Findings:
    result, data = campaign()
    checks: list[Check | Statement] = []
    for name, (exponents, prefactor) in LIMITS.items():
        regime = regime_like(result, exponents)
        for found, published in zip(regime.every_exponent, exponents, strict=True):
            if published or (name == "short times" and found.name in "hl"):
                what = f"{name}: exponent of {found.name}"
                checks.append(Check.of(what, found, published, 0.02, why=ASKED))
        if regime.fit is not None:
            constant = regime.fit.law.constants[0]
            what = f"{name}: prefactor"
            checks.append(Check.of(what, constant, prefactor, 0.05, relative=True, why=RIM))
    meeting = next(b for b in result.boundaries if b.physical == "D·t·l⁻²")
    checks.append(
        Check(
            "short times end at Fo", meeting.value, meeting.low, meeting.high, pi / 4, 0.05, why=RIM
        )
    )
    few = result.runs["fine"] <= MOST_FINE_RUNS
    checks.append(Statement(f"at most {MOST_FINE_RUNS} fine runs", "yes" if few else "no", "yes"))
    checks.append(Statement("groups that are enough", str(len(result.essential)), "3"))
    checks.append(Statement("outcome", result.outcome, "confirmed"))
    caption = (
        "Fine runs of the campaign, made dimensionless by what the film holds. They lie along the "
        "limits, away from the crossovers between them; those far below wait for a boundary layer "
        "or a full bath."
    )
    return Findings(checks, draw=lambda axes: _draw(axes, data), caption=caption)


def _draw(axes: Axes, data: Dataset) -> None:
    fo = data["D"] * data["t"] / data["l"] ** 2
    held = data["CF"] * data["V"] / (data["A"] * data["l"] * data["C0"])
    order = np.sort(fo)
    short = np.minimum(2.0 * np.sqrt(order / pi), 1.0)
    axes.loglog(order, short, color="0.6", label="short times, then an empty film")
    axes.loglog(fo, held, "o", label="fine runs")
    axes.set_xlabel("Fo = D·t/l²")
    axes.set_ylabel("CF·V/(A·l·C0)")
    axes.legend(frameon=False, loc="lower right")


if __name__ == "__main__":
    for check in run().checks:
        print("ok " if check.passed else "NO ", check.measured_text, "|", check.published_text)
