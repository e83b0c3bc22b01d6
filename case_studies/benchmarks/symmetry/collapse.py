"""Collapses whose exponents are known, with 1, 2 and 5 % of noise and 5 to 20 runs each.

Half of the tables have errors in proportion to the value, half in proportion to the amplitude of
the curve. An exponent that the units leave open counts as found where it is within 3 % (a zero,
within 0.03); intervals are those of 90 %.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.integrate import solve_ivp
from scipy.special import erfc, exp1

from dimgs.common.arrays import Array
from dimgs.dataset import Dataset
from dimgs.discovery.options import Options
from dimgs.engines.registry import NONE
from dimgs.symmetry.collapse import collapse_with

NOISE = (0.01, 0.02, 0.05)
# decades of the parameters
_DECADES = 1.3
Powers = Mapping[str, float]


@dataclass(frozen=True)
class Case:
    """A field y = Y F(s) with s = x X, X and Y monomials of the parameters.

    Attributes
    ----------
    along, target : str
        With their units.
    parameters : mapping of str to float
        With their units, and their typical SI values.
    variable, response : mapping of str to float
        Exponents of the parameters in s and in Y.
    shape : callable
        F.
    ends : (float, float)
        Range of s.
    constants : mapping of str to float
        Known constants that enter, and their values.
    signed : bool
        Whether s runs from minus the second end to it.
    """

    along: str
    target: str
    parameters: Powers
    variable: Powers
    response: Powers
    shape: Callable[[Array], Array]
    ends: tuple[float, float] = (0.05, 4.0)
    constants: Powers = field(default_factory=dict)
    signed: bool = False

    def table(self, seed: int) -> tuple[Dataset, int, float]:
        """Runs with noise, their number, and the size of the noise."""
        rng = np.random.default_rng(seed)
        runs, points = int(rng.integers(5, 21)), int(rng.integers(12, 25))
        runs = max(runs, 2 * len(self.parameters))
        noise = float(rng.choice(NOISE))
        logs = rng.uniform(-0.5, 0.5, (len(self.parameters), runs)) * _DECADES
        typical = np.array([*self.parameters.values()])[:, None]
        values = np.repeat(typical * 10.0**logs, points, axis=1)
        columns = dict(zip(self.parameters, values, strict=True))
        low, high = self.ends
        # ends of a run's curve are where somebody began and stopped measuring
        cut = np.repeat(10.0 ** rng.uniform(-0.3, 0.3, runs), points)
        grid = np.linspace(-high, high, points) if self.signed else np.geomspace(low, high, points)
        x = np.tile(grid, runs) * cut / self._monomial(columns, self.variable)
        amplitude = self._monomial(columns, self.response)
        y = amplitude * self.shape(np.tile(grid, runs) * cut)
        size = y if rng.integers(2) else amplitude * np.abs(self.shape(grid)).max()
        y = y + noise * size * rng.standard_normal(len(y))
        label = np.repeat([f"run {i}" for i in range(runs)], points)
        table = {**columns, self.along: x, self.target: y, "run [label]": label}
        return Dataset.from_columns(table), runs, noise

    def _monomial(self, columns: Mapping[str, Array], powers: Powers) -> Array:
        named = {name.split(" ")[0]: values for name, values in columns.items()}
        logs = [
            e * np.log(named[n] if n in named else self.constants[n]) for n, e in powers.items()
        ]
        return np.exp(np.sum(np.broadcast_arrays(*logs), axis=0)) if logs else np.ones(1)


def _blasius() -> Callable[[Array], Array]:
    flow = solve_ivp(
        lambda _, f: [f[1], f[2], -0.5 * f[0] * f[2]],
        [0.0, 40.0],
        [0.0, 0.0, 0.332057336],
        dense_output=True,
        rtol=1e-8,
    )
    solution = flow.sol
    assert solution is not None
    return lambda s: np.asarray(solution(np.minimum(s, 40.0))[1])


def _washburn(tau: Array) -> Array:
    """Height of a liquid that rises in a tube against gravity: -ln(1 - h) - h = tau."""
    heights = 1.0 - np.geomspace(1.0, 1e-9, 4000)
    times = -np.log1p(-heights) - heights
    return np.interp(tau, times, heights)


D, U, NU, X, T = "D [m^2/s]", "U [m/s]", "nu [m^2/s]", "x [m]", "t [s]"
PLANCK = {"h": 6.62607015e-34, "k_B": 1.380649e-23, "c": 299792458.0}
CASES: dict[str, Case] = {
    "point source": Case(
        "z [m]",
        "c [mol/m^3]",
        {D: 1e-09, T: 1000.0, "M [mol/m^2]": 0.1},
        {"D": -0.5, "t": -0.5},
        {"M": 1, "D": -0.5, "t": -0.5},
        lambda s: np.exp(-(s**2) / 4) / np.sqrt(4 * np.pi),
        (0.0, 3.0),
        {},
        True,
    ),
    "edge": Case(
        "z [m]",
        "c [mol/m^3]",
        {D: 1e-09, T: 1000.0, "c0 [mol/m^3]": 3.0},
        {"D": -0.5, "t": -0.5},
        {"c0": 1},
        lambda s: erfc(s / 2),
        (0.05, 3.0),
    ),
    "point source in space": Case(
        "r [m]",
        "c [mol/m^3]",
        {D: 1e-09, T: 1000.0, "N [mol]": 0.1},
        {"D": -0.5, "t": -0.5},
        {"N": 1, "D": -1.5, "t": -1.5},
        lambda s: np.exp(-(s**2) / 4),
        (0.05, 3.0),
    ),
    "oscillator": Case(
        "t [s]",
        "y [m]",
        {"k [N/m]": 10.0, "m [kg]": 0.1, "A [m]": 0.02},
        {"k": 0.5, "m": -0.5},
        {"A": 1},
        np.cos,
        (0.1, 8.0),
    ),
    "Planck": Case(
        "f [Hz]",
        "B [W/m^2/Hz]",
        {"T [K]": 1000.0},
        {"T": -1, "h": 1, "k_B": -1},
        {"T": 3, "k_B": 3, "h": -2, "c": -2},
        lambda s: 2 * s**3 / np.expm1(s),
        (0.1, 12.0),
        PLANCK,
    ),
    "Maxwell": Case(
        "v [m/s]",
        "p [s/m]",
        {"m [kg]": 1e-26, "T [K]": 300.0},
        {"m": 0.5, "T": -0.5, "k_B": -0.5},
        {"m": 0.5, "T": -0.5, "k_B": -0.5},
        lambda s: s**2 * np.exp(-(s**2) / 2),
        (0.1, 4.0),
        {"k_B": PLANCK["k_B"]},
    ),
    "Blasius": Case(
        "y [m]",
        "u [m/s]",
        {U: 2.0, NU: 1e-05, X: 0.5},
        {"U": 0.5, "nu": -0.5, "x": -0.5},
        {"U": 1, "nu": 0, "x": 0},
        _blasius(),
        (0.2, 7.0),
    ),
    "thermal layer": Case(
        "y [m]",
        "q [K]",
        {U: 2.0, "a [m^2/s]": 1e-05, X: 0.5, "q0 [K]": 20.0},
        {"U": 0.5, "a": -0.5, "x": -0.5},
        {"q0": 1},
        lambda s: erfc(s / 2),
        (0.1, 3.0),
    ),
    "plane jet": Case(
        "y [m]",
        "u [m/s]",
        {"J [m^3/s^2]": 0.0001, NU: 1e-05, X: 0.1},
        {"J": 1 / 3, "nu": -2 / 3, "x": -2 / 3},
        {"J": 2 / 3, "nu": -1 / 3, "x": -1 / 3},
        lambda s: 0.4543 / np.cosh(0.2752 * s) ** 2,
        (0.0, 8.0),
        {},
        True,
    ),
    "round jet": Case(
        "r [m]",
        "u [m/s]",
        {"K [m^4/s^2]": 1e-06, NU: 1e-05, X: 0.1},
        {"K": 0.5, "nu": -1, "x": -1},
        {"K": 1, "nu": -1, "x": -1},
        lambda s: 0.12 / (1 + s**2 / 8) ** 2,
        (0.1, 10.0),
    ),
    "moved wall": Case(
        "y [m]",
        "u [m/s]",
        {U: 1.0, NU: 1e-05, T: 10.0},
        {"U": 0, "nu": -0.5, "t": -0.5},
        {"U": 1, "nu": 0, "t": 0},
        lambda s: erfc(s / 2),
        (0.1, 3.0),
    ),
    "vortex": Case(
        "r [m]",
        "v [m/s]",
        {"G [m^2/s]": 0.001, NU: 1e-06, T: 100.0},
        {"G": 0, "nu": -0.5, "t": -0.5},
        {"G": 1, "nu": -0.5, "t": -0.5},
        lambda s: -np.expm1(-(s**2) / 4) / (2 * np.pi * s),
        (0.1, 8.0),
    ),
    "percolation": Case(
        "p [1]",
        "R [1]",
        {"L [1]": 64.0},
        {"L": 0.75},
        {"L": 0},
        lambda s: 0.5 + 0.5 * np.tanh(1.2 * s),
        (0.0, 2.5),
        {},
        True,
    ),
    "cluster size": Case(
        "p [1]",
        "S [1]",
        {"L [1]": 64.0},
        {"L": 0.75},
        {"L": 43 / 24},
        lambda s: 0.3 / np.cosh(s - 0.4),
        (0.0, 3.0),
        {},
        True,
    ),
    "Ising": Case(
        "T [1]",
        "m [1]",
        {"L [1]": 32.0},
        {"L": 1},
        {"L": -1 / 8},
        lambda s: (1 + np.exp(1.5 * s)) ** (-0.5),
        (0.0, 3.0),
        {},
        True,
    ),
    "growth": Case(
        "t [day]",
        "m [kg]",
        {"M [kg]": 10.0, "m1 [kg]": 1.0, "tau [day]": 100.0},
        {"M": -0.25, "m1": 0.25, "tau": -1},
        {"M": 1, "m1": 0},
        lambda s: (1 - 0.6 * np.exp(-s)) ** 4,
        (0.05, 6.0),
    ),
    "roughness": Case(
        "t [1]",
        "w [1]",
        {"L [1]": 100.0},
        {"L": -1.5},
        {"L": 0.5},
        lambda s: (1 + (s / 0.3) ** (-1.5)) ** (-1 / 4.5),
        (0.003, 10.0),
    ),
    "osmotic pressure": Case(
        "c [1]",
        "P [Pa]",
        {"N [1]": 300.0, "T [K]": 300.0, "V [m^3/mol]": 0.0001},
        {"N": 0.764},
        {"N": -1.764, "T": 1, "V": -1, "R": 1},
        lambda s: s * (1 + s + 0.3 * s**2) ** 0.65,
        (0.05, 20.0),
        {"R": 8.314462618},
    ),
    "shear thinning": Case(
        "g [1/s]",
        "eta [Pa*s]",
        {"m [1]": 3.0, "tau [s]": 0.001, "eta0 [Pa*s]": 5.0},
        {"m": 3.4, "tau": 1, "eta0": 0},
        {"m": 3.4, "tau": 0, "eta0": 1},
        lambda s: (1 + s**2) ** (-0.4),
        (0.03, 30.0),
    ),
    "capillary rise": Case(
        "t [s]",
        "h [m]",
        {"k [N/m^3]": 10000.0, "r [mm]": 0.3, "s [N/m]": 0.07, "eta [Pa*s]": 0.001},
        {"k": 2, "r": 3, "s": -1, "eta": -1},
        {"s": 1, "k": -1, "r": -1, "eta": 0},
        _washburn,
        (0.01, 4.0),
    ),
    "waves": Case(
        "f [Hz]",
        "E [m^2*s]",
        {U: 10.0, "F [km]": 50.0},
        {"F": 0.33, "U": 0.34, "g": -0.67},
        {"F": 1.43, "U": 2.14, "g": -1.57},
        lambda s: s ** (-5) * np.exp(-1.25 * s ** (-4)),
        (0.6, 3.0),
        {"g": 9.80665},
    ),
    "well": Case(
        "t [s]",
        "d [m]",
        {"Q [m^3/s]": 0.01, "T [m^2/s]": 0.001, "r [m]": 10.0, "S [1]": 0.001},
        {"T": 1, "r": -2, "S": -1},
        {"Q": 1, "T": -1, "S": 0},
        lambda s: exp1(0.25 / s) / (4 * np.pi),
        (0.1, 30.0),
    ),
    "lossy mound": Case(
        "z [m]",
        "h [m]",
        {"k [m^2/s]": 0.001, T: 10000.0, "l [m]": 1.0, "Q [m^2]": 1.0},
        {"k": -0.5, "t": -0.5, "l": 0},
        {"Q": 1, "l": 0.4, "k": -0.7, "t": -0.7},
        lambda s: 1 / (1 + s**2) ** 2,
        (0.1, 5.0),
    ),
    "coarsening": Case(
        "q [1/m]",
        "S [m^3]",
        {D: 1e-14, T: 10000.0, "xi [m]": 1e-09},
        {"D": 1 / 3, "t": 1 / 3, "xi": 1 / 3},
        {"D": 1, "t": 1, "xi": 1},
        lambda s: s**2 / (2 + s**6),
        (0.2, 4.0),
    ),
    "gravity current": Case(
        "r [m]",
        "h [m]",
        {"g1 [m/s^2]": 1.0, NU: 0.001, "V [m^3]": 0.01, T: 100.0},
        {"g1": -1 / 8, "nu": 1 / 8, "V": -3 / 8, "t": -1 / 8},
        {"g1": -1 / 4, "nu": 1 / 4, "V": 1 / 4, "t": -1 / 4},
        lambda s: np.maximum(1 - (s / 4.2) ** 2, 0.0) ** (1 / 3),
        (0.1, 2.0),
    ),
}


def scored(case: Case, seed: int) -> Iterator[tuple[str, str, float, float, bool]]:
    """Of each exponent its kind, its name, the truth, the error, and whether the interval holds."""
    data, _, _ = case.table(seed)
    along, target = case.along.split(" ")[0], case.target.split(" ")[0]
    options = Options(engine=NONE, constants=tuple(case.constants))
    found = collapse_with(data, target, along, "run", options)
    sides = ((found.variable, case.variable, "s"), (found.response, case.response, "Y"))
    for side, truth, where in sides:
        if side is None:
            yield "second", f"{where} none", 1.0, 1.0, False
            continue
        for e in side.exponents:
            true = float(
                {along: 1.0, **truth}.get(e.name, 0.0) if where == "s" else truth.get(e.name, 0.0)
            )
            yield e.kind, f"{where} {e.name}", true, abs(e.value - true), e.low <= true <= e.high


def main(options: argparse.Namespace) -> int:
    """Run every case some times, and print what was found; 1 where a target is missed."""
    start, right, held, first = time.perf_counter(), [], [], []
    for name, case in CASES.items():
        if options.names and name not in options.names:
            continue
        own = []
        for repeat in range(options.repeats):
            seed = 1000 * repeat + sum(map(ord, name))
            for kind, where, true, error, holds in scored(case, seed):
                good = error <= 0.03 * (abs(true) or 1.0)
                if kind == "first":
                    first.append(error < 1e-12)
                    continue
                right.append(good)
                held.append(holds)
                own.append((where, round(error, 4), good, holds))
        missed = [f"{w} ±{e}" for w, e, good, _ in own if not good]
        out = [w for w, _, _, holds in own if not holds]
        line = f"{name:22} {len(own):3} open exponents, missed {missed}, outside intervals {out}"
        sys.stdout.write(line + "\n")
    document = {
        "cases": len(CASES),
        "tables": len(CASES) * options.repeats,
        "forced_exactly": float(np.mean(first)),
        "open_exponents": len(right),
        "within_3_percent": float(np.mean(right)),
        "intervals_hold": float(np.mean(held)),
        "seconds": round(time.perf_counter() - start, 1),
    }
    sys.stdout.write(json.dumps({"collapse": document}) + "\n")
    is_forced = document["forced_exactly"] == 1.0
    return 0 if is_forced and np.mean(right) >= 0.9 and 0.85 <= np.mean(held) <= 0.95 else 1
