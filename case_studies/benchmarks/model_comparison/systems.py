"""Systems with a crossover: five reference tables and two that are simulated.

The tables are looked for in the folder named by DIMGS_DATA, else in `shared/data` beside the
checkout.
"""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from dimgs.common.arrays import Array

Runs = tuple[Array, Array]
FOLDER = Path(os.environ.get("DIMGS_DATA", Path(__file__).resolve().parents[4] / "shared/data"))
NOISE = 0.02


def columns(name: str) -> pd.DataFrame:
    """A reference table."""
    path = FOLDER / f"{name}.csv"
    if not path.exists():
        raise FileNotFoundError(f"{path} is absent; name the folder of the tables by DIMGS_DATA")
    return pd.read_csv(path)


def yacht(seed: int) -> Runs:
    """Delft yacht hulls: Froude number and five shape factors -> residuary resistance."""
    table = columns("yacht_resistance")
    X = np.log(table[["Cp", "L_over_disp13", "B_over_T", "L_over_B", "Fr"]].to_numpy(float))
    return np.column_stack([X, table["LCB"]]), np.log(table["Rr"].to_numpy(float))


def rough_pipe(seed: int) -> Runs:
    """Nikuradse and the Superpipe: Re, e/D -> friction factor."""
    table = columns("nikuradse_rough_pipe")
    reynolds = table["rho"] * table["V"] * table["D"] / table["mu"]
    X = np.column_stack([reynolds, table["e"] / table["D"]]).astype(float)
    return np.log(X), np.log(table["f"].to_numpy(float))


def rayleigh_benard(seed: int) -> Runs:
    """Rayleigh-Benard convection: Ra, Pr -> Nu."""
    table = columns("rayleigh_benard")
    return np.log(table[["Ra", "Pr"]].to_numpy(float)), np.log(table["Nu"].to_numpy(float))


def airfoil_noise(seed: int) -> Runs:
    """Self-noise of airfoils: frequency, chord, speed, thickness, angle -> ln of the power."""
    table = columns("airfoil_self_noise")
    X = np.log(table[["f", "c", "U", "delta_s"]].to_numpy(float))
    level = table["SPL"].to_numpy(float) * np.log(10.0) / 10.0
    return np.column_stack([X, np.radians(table["alpha_deg"].to_numpy(float))]), level


def stars(seed: int) -> Runs:
    """Stars in eclipsing pairs: mass, radius -> luminosity."""
    table = columns("stars_debcat")[["M", "R", "L"]].dropna()
    return np.log(table[["M", "R"]].to_numpy(float)), np.log(table["L"].to_numpy(float))


def sphere_heat(seed: int, count: int = 600) -> Runs:
    """Simulated: Nu = 2 + 0.6 Re^(1/2) Pr^(1/3) (Ranz, Marshall 1952), with scatter of 2 %."""
    rng = np.random.default_rng([seed, 1])
    X = np.column_stack([rng.uniform(-4, 8, count), rng.uniform(-1, 5, count)])
    nusselt = 2 + 0.6 * np.exp(X @ [1 / 2, 1 / 3])
    return X, np.log(nusselt) + NOISE * rng.standard_normal(count)


def sphere_drag(seed: int, count: int = 600) -> Runs:
    """Simulated: drag of a sphere, Re 0.01 to 2e5 (Clift, Gauvin 1971), with scatter of 2 %."""
    rng = np.random.default_rng([seed, 2])
    reynolds = np.exp(rng.uniform(np.log(1e-2), np.log(2e5), count))
    drag = 24 / reynolds * (1 + 0.15 * reynolds**0.687) + 0.42 / (1 + 42500 * reynolds**-1.16)
    return np.log(reynolds)[:, None], np.log(drag) + NOISE * rng.standard_normal(count)


SYSTEMS: dict[str, Callable[[int], Runs]] = {
    "rough pipe": rough_pipe,
    "yacht hulls": yacht,
    "Rayleigh-Benard": rayleigh_benard,
    "airfoil noise": airfoil_noise,
    "stars": stars,
    "sphere, heat (simulated)": sphere_heat,
    "sphere, drag (simulated)": sphere_drag,
}
