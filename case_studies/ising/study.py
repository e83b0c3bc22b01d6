"""Ising's magnet on finite lattices: 1, 7/4 and 1/8 from squares of at most 32 spins.

Story
    Spins of a square lattice are aligned by their neighbours and turned by heat. Near the
    critical temperature a lattice of any size L shows one curve: the magnetisation is L^(-β/ν)
    times a function of (T - T_c) L^(1/ν), and its mean square times the number of spins, the
    susceptibility, L^(γ/ν) times another. The units say nothing, since every column is a number;
    the exponents are of the second kind, and three of them come out of the collapse.

Data
    Runs of this module: clusters of Swendsen and Wang on 16 lattices at each of nine temperatures
    and five sizes, from a fixed seed; J = k_B = 1, T_c = 2/ln(1 + 2^(1/2)) (L. Onsager, Phys. Rev.
    65 (1944) 117).

Published
    Exactly, in two dimensions: ν = 1 (Onsager), β = 1/8 (C. N. Yang, Phys. Rev. 85 (1952) 808) and
    γ = 7/4. The clusters: R. H. Swendsen, J.-S. Wang, Phys. Rev. Lett. 58 (1987) 86.
"""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from dimgs.cli.reproduce import Check, Findings, Statement
from dimgs.common.arrays import Array
from dimgs.dataset import Dataset
from dimgs.symmetry.collapse import collapse

CRITICAL = 2.0 / np.log(1.0 + np.sqrt(2.0))
SIZES, LATTICES = (8, 12, 16, 24, 32), 16
# of (T - T_c) L, near which the curves are steep
REACH, PLACES = 1.2, 9
# sweeps until the first state is forgotten, and sweeps that are counted: some ten are independent
BEGIN, SWEEPS = 40, 160

FINITE = "lattices of 8 spins a side have corrections of some per cent"


def lattices(size: int, temperatures: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Mean size of the magnetisation, and mean square times the spins, at each temperature."""
    shape = (LATTICES * len(temperatures), size, size)
    number = np.arange(np.prod(shape)).reshape(shape)
    start = np.concatenate([number.ravel(), number.ravel()])
    end = np.concatenate([np.roll(number, 1, axis).ravel() for axis in (1, 2)])
    chance = np.repeat(-np.expm1(-2.0 / temperatures), LATTICES * size**2)
    chance = np.concatenate([chance, chance])
    spins = np.ones(number.size, dtype=np.int8)
    sums = np.zeros((2, shape[0]))
    for sweep in range(BEGIN + SWEEPS):
        joined = (spins[start] == spins[end]) & (rng.random(len(start)) < chance)
        links = coo_array(
            (np.ones(joined.sum(), dtype=np.int8), (start[joined], end[joined])),
            shape=(number.size, number.size),
        )
        clusters, which = connected_components(links, directed=False)
        spins = rng.choice(np.array([-1, 1], dtype=np.int8), clusters)[which]
        if sweep >= BEGIN:
            mean = spins.reshape(shape).mean(axis=(1, 2))
            sums += np.abs(mean), mean**2 * size**2
    return tuple(sums.reshape(2, len(temperatures), LATTICES).mean(axis=2) / SWEEPS)


def table() -> Dataset:
    """Magnetisation and susceptibility over T - T_c, for each size."""
    rng = np.random.default_rng(1925)
    rows = []
    for size in SIZES:
        offset = np.linspace(-REACH, REACH, PLACES) / size
        magnetisation, square = lattices(size, CRITICAL + offset, rng)
        rows.append([np.full(PLACES, float(size)), offset, magnetisation, square])
    size, offset, magnetisation, square = np.concatenate([np.array(row) for row in rows], axis=1)
    names = np.array([f"L = {s:.0f}" for s in size])
    columns = {"T [1]": offset, "L [1]": size, "m [1]": magnetisation, "X [1]": square}
    return Dataset.from_columns({**columns, "lattice [label]": names})


def run() -> Findings:
    data = table()
    order = collapse(data.without(["X"]), "m", "T", "lattice", engine="power_law")
    square = collapse(data.without(["m"]), "X", "T", "lattice", engine="power_law")
    checks: list[Check | Statement] = [
        Check.of("1/ν from the magnetisation", order.exponent("L", "s"), 1.0, 0.05, why=FINITE),
        Check.of("-β/ν", order.exponent("L", "Y"), -1 / 8, 0.01, why=FINITE),
        Check.of("1/ν from the susceptibility", square.exponent("L", "s"), 1.0, 0.05, why=FINITE),
        Check.of("γ/ν", square.exponent("L", "Y"), 7 / 4, 0.02, why=FINITE),
        Statement("the curves are one", "yes" if order.collapses else "no", "yes"),
    ]
    caption = "Magnetisation of lattices of five sizes, over (T - T_c) L."
    return Findings(checks, None, order.draw, caption)
