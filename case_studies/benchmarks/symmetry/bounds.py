"""How good could a law be? The bound of information theory, and the floor of dimgs, side by side.

Tables of Y. Yuan, A. Lozano-Durán, Nat. Commun. 16 (2025), "Dimensionless learning based on
information": the depth of keyholes, the heat of turbulent convection, and the flow in a generator
driven by magnetic fields. That method looks for the group of the inputs that shares most
information I with the response; the error of any model, over that of none, is at least exp(-I).
Here `dimgs explore` looks for the group, and both measures are taken of both groups: exp(-I) by
the estimator of A. Kraskov, H. Stögbauer, P. Grassberger, Phys. Rev. E 69 (2004) 066138, and the
noise about a smooth curve over the standard deviation of the response, from neighbours.

The exponents and the information that are named published are those that the notebooks in
`Examples` of github.com/ALD-Lab/IT_PI (commit 000e1387, MIT licence) print; the third table is
from there too, the others are those of the studies `keyhole_depth` and `rayleigh_benard`.
`DIMGS_DATA` names a folder that holds them.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from pandas import DataFrame
from scipy.spatial import KDTree
from scipy.special import digamma

from case_studies.keyhole_depth.study import SOURCE as KEYHOLE
from case_studies.rayleigh_benard.study import SOURCE as CONVECTION
from dimgs.cli.reproduce import Source
from dimgs.common.arrays import Array
from dimgs.dataset.read import read_table
from dimgs.discovery.explore import explore
from dimgs.fits.noise import noise_about_curves

# neighbours, as in the published bound
_NEIGHBOURS = 5
_MHD = ("mu", "rho", "dp", "eta", "B", "u")


def _generator(frame: DataFrame) -> DataFrame:
    flow = frame[["0", "1", "2", "3", "4", "5"]].set_axis(_MHD, axis=1)
    return flow.assign(l=1.0, Re=flow["u"] * flow["rho"] / flow["mu"])


GENERATOR = Source(
    name="mhd_generator",
    repository="ALD-Lab/IT_PI",
    commit="000e1387f1a73949a43c778969b74cfcb6aeced3",
    path="Examples/MHD/MHD_Generator_Data_Uavg.csv",
    facts={"mu": 0.003537456, "u": 2.14860034},
    rows=483,
    options={"index_col": 0},
    prepare=_generator,
)


@dataclass(frozen=True)
class Published:
    """A table with the group that was published for it.

    Attributes
    ----------
    source : Source
    units : mapping of str to str
        Of the inputs and the target.
    target, along : str
    group : mapping of str to float
    information : float
        In nats.
    """

    source: Source
    units: Mapping[str, str]
    target: str
    along: str
    group: Mapping[str, float]
    information: float
    prepare: Callable[[DataFrame], DataFrame] = lambda frame: frame


TABLES = {
    "keyhole depth": Published(
        KEYHOLE,
        {"etaP": "W", "Vs": "m/s", "rho": "kg/m^3", "cp": "J/(kg*K)", "dTl": "delta_degC",
         "r0": "m", "alpha": "m^2/s", "e_r0": "1"},
        "e_r0", "etaP",
        {"etaP": 0.70457577, "Vs": -0.30438546, "rho": -0.70457577, "cp": -0.70009515,
         "dTl": -0.70009515, "r0": -1.0, "alpha": -0.40915153},
        1.4894121975,
        lambda frame: frame.assign(e_r0=frame["e"] / frame["r0"]),
    ),
    "turbulent convection": Published(
        CONVECTION,
        {"h": "m", "dT": "delta_degC", "g": "m/s^2", "alpha": "1/K", "nu": "m^2/s",
         "kappa": "m^2/s", "Nu": "1"},
        "Nu", "h",
        {"h": 1.0, "dT": 0.36103563, "g": 1 / 3, "alpha": 0.36103563, "nu": -0.32075056,
         "kappa": -0.34591611},
        2.225425424,
    ),
    "magnetic generator": Published(
        GENERATOR,
        {"l": "m", "mu": "Pa*s", "rho": "kg/m^3", "eta": "ohm*m", "dp": "Pa/m", "B": "T",
         "Re": "1"},
        "Re", "dp",
        {"l": 1.0, "mu": -0.66766708, "rho": 0.33533416, "eta": 0.00300124, "dp": 0.33533416,
         "B": -0.00600247},
        3.1936190036,
    ),
}  # fmt: skip


def information(x: Array, y: Array) -> float:
    """Mutual information in nats of two samples of shape (n,)."""
    n = len(x)
    both = np.stack([x, y], axis=1)
    distances, _ = KDTree(both).query(both, _NEIGHBOURS + 1, p=np.inf)
    reach = np.asarray(distances)[:, -1]
    near = [
        KDTree(one[:, None]).query_ball_point(one[:, None], reach, p=np.inf, return_length=True)
        for one in (x, y)
    ]
    within = (digamma(near[0]) + digamma(near[1])).mean()
    return float(digamma(_NEIGHBOURS) + digamma(n) - within)


def product(powers: Mapping[str, float], columns: Mapping[str, Array]) -> Array:
    """Values of a group."""
    logs = np.array([e * np.log(columns[n]) for n, e in powers.items()])
    return np.asarray(np.exp(logs.sum(axis=0)))


def measures(group: Array, y: Array) -> str:
    """Bound of information theory and the floor over the spread, of logarithms and of values."""
    x, logs = np.log(group), np.log(y)
    # of logarithms of one size: the estimator compares distances in both
    shared = information((x - x.mean()) / x.std(), (logs - logs.mean()) / logs.std())
    floors = [
        noise_about_curves(x, v, np.zeros(len(x), dtype=np.intp)) / v.std() for v in (logs, y)
    ]
    return f"exp(-I) {np.exp(-shared):.3f}, floor of logarithms {floors[0]:.3f}, {floors[1]:.3f}"


def main(options: argparse.Namespace) -> int:
    """Print the bounds of each table."""
    for name, table in TABLES.items():
        if options.names and name not in options.names:
            continue
        frame = table.prepare(table.source.frame())
        data = read_table(frame, units=table.units, columns=list(table.units))
        y = np.asarray(data[table.target])
        columns: Mapping[str, Array] = {n: np.asarray(data[n]) for n in data.numeric_names}
        dominant = explore(data, table.target).dominant
        print(f"{name}: {len(data)} rows; printed bound {np.exp(-table.information):.3f}")
        print(f"    published group: {measures(product(table.group, columns), y)}")
        for candidate in (dominant or {"candidates": []})["candidates"][:1]:
            powers = {n: float(Fraction(e)) for n, e in candidate["group"].items()}
            print(f"    {candidate['text']}: {measures(product(powers, columns), y)}", flush=True)
    return 0
