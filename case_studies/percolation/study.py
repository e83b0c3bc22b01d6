"""Percolation on finite lattices: 4/3 and 43/18 from squares of at most 128 sites.

Story
    Sites of a square lattice are open with a probability p. Near the threshold everything that is
    measured depends on (p - p_c) L^(1/ν) alone, whatever the size L: finite-size scaling. The
    coordinate changes its sign, all columns are dimensionless, and no units help: both exponents
    are of the second kind. The chance that a cluster spans the lattice gives ν, and the mean size
    of the finite clusters γ/ν.

Data
    Runs of this module: 240 lattices of each of six sizes, from a fixed seed, each filled up by
    thresholds of one random field; clusters by `scipy.ndimage.label`. The threshold of site
    percolation is 0.59274605 (M. E. J. Newman, R. M. Ziff, Phys. Rev. Lett. 85 (2000) 4104).

Published
    D. Stauffer, A. Aharony, Introduction to Percolation Theory (1994): ν = 4/3 and γ = 43/18 in two
    dimensions, exactly.
"""

import numpy as np
from scipy.ndimage import label

from dimgs.cli.reproduce import Check, Findings, Statement
from dimgs.dataset import Dataset
from dimgs.symmetry.collapse import collapse

THRESHOLD = 0.59274605
SIZES, SAMPLES = (16, 24, 36, 54, 84, 128), 240
# of (p - p_c) L^(3/4), near which the curves are steep
REACH, PLACES = 1.2, 11

FINITE = "lattices of 16 sites a side have corrections of some per cent"


def table() -> Dataset:
    """Chance to span and mean size of finite clusters, over p - p_c, for each size."""
    rng = np.random.default_rng(1994)
    rows = []
    for size in SIZES:
        offsets = np.linspace(-REACH, REACH, PLACES) * size**-0.75
        spans, mean = np.zeros(PLACES), np.zeros(PLACES)
        for _ in range(SAMPLES):
            field = rng.random((size, size))
            for k, offset in enumerate(offsets):
                clusters, _ = label(field < THRESHOLD + offset)
                count = np.bincount(clusters.ravel())[1:].astype(np.float64)
                top, bottom = (np.unique(line[line > 0]) for line in (clusters[0], clusters[-1]))
                spans[k] += bool(np.intersect1d(top, bottom).size)
                count[count.argmax()] = 0.0
                mean[k] += float(count @ count) / size**2
        rows.append([np.full(PLACES, size), offsets, spans / SAMPLES, mean / SAMPLES])
    size, offset, spans, mean = np.concatenate([np.array(row) for row in rows], axis=1)
    names = [f"L = {s:.0f}" for s in size]
    columns = {"p [1]": offset, "L [1]": size, "R [1]": spans, "S [1]": mean}
    return Dataset.from_columns({**columns, "lattice [label]": np.array(names)})


def run() -> Findings:
    data = table()
    span = collapse(data.without(["S"]), "R", "p", "lattice", engine="power_law")
    size = collapse(data.without(["R"]), "S", "p", "lattice", engine="power_law")
    checks: list[Check | Statement] = [
        Check.of("1/ν from spanning", span.exponent("L", "s"), 3 / 4, 0.05, why=FINITE),
        Check.of("β-like power of R", span.exponent("L", "Y"), 0.0, 0.03, why=FINITE),
        Check.of("1/ν from sizes", size.exponent("L", "s"), 3 / 4, 0.08, why=FINITE),
        Check.of("γ/ν", size.exponent("L", "Y"), 43 / 24, 0.06, why=FINITE),
    ]
    caption = "Chance that a cluster spans lattices of six sizes, over (p - p_c) L^(3/4)."
    return Findings(checks, None, span.draw, caption)
