"""One law of every kind, with its runs, shared by the tests of this folder."""

from functools import cache

import numpy as np

from dimgs import Dataset, Options
from dimgs.discovery.discover import discover, fit
from dimgs.law.law import Law
from tests.planted import pipe

KINDS = (
    "power", "robust", "regimes", "arrhenius", "level", "linear", "within", "physical",
    "odd", "odd noisy",
)  # fmt: skip
ODD = ["lambda", "beta", "E", "I", "N", "T_g (K)", "Δp", "x y", "C", "pi_1", "class", "1st"]


def odd_table(n: int = 30, noise: float = 0.0) -> Dataset:
    """Columns whose names mean something else to SymPy or Python."""
    rng = np.random.default_rng(5)
    values = {name: rng.uniform(1, 3, n) for name in ODD}
    units = ["m", "m^2", "Pa", "A", "1", "K", "Pa", "kg", "kg", "m/s", "s", "K"]
    target = np.exp(noise * rng.normal(size=n)) * 4.5
    for name, power in zip(ODD, (1, 0.5, 1, 0, 2, 1, -2, 1, -1, 1, 1, -1), strict=True):
        target = target * values[name] ** power
    columns = {f"{k} [{u}]": v for (k, v), u in zip(values.items(), units, strict=True)}
    return Dataset.from_columns({**columns, "S [m^3/Pa]": target})


@cache
def example(kind: str) -> tuple[Law, Dataset]:
    """Law of a kind, and its runs."""
    rng = np.random.default_rng(0)
    n = 60
    reynolds = 10 ** rng.uniform(2, 5, n)
    U, D, rho = rng.uniform(1, 3, n), rng.uniform(0.01, 0.1, n), rng.uniform(900, 1100, n)
    if kind == "power":
        return fit(pipe(), "tau_w").law, pipe()
    if kind == "robust":
        return fit(pipe(), "tau_w", Options(robust=True)).law, pipe()
    if kind in ("regimes", "within"):
        f = np.where(reynolds < 2300, 64 / reynolds, 0.3164 * reynolds**-0.25)
        columns = {
            "b_1 [kg/m^3]": rho,
            "U [m/s]": U,
            "C_1 [m]": D,
            "mu [Pa s]": rho * U * D / reynolds,
            "tau [Pa]": f * rho * U**2 / 8 * np.exp(0.01 * rng.normal(size=n)),
        }
        if kind == "regimes":
            data = Dataset.from_columns(columns)
            return fit(data, "tau", Options(regimes=True)).law, data
        data = Dataset.from_columns({**columns, "rig": ["a", "b"] * (n // 2)})
        return fit(data, "tau", Options(within="rig")).law, data
    if kind == "arrhenius":
        celsius, angle = rng.uniform(20, 200, n), rng.uniform(-1, 1, n)
        d = np.exp(-5000 / (celsius + 273.15) + 0.3 * angle + 0.02 * rng.normal(size=n))
        data = Dataset.from_columns({"T [degC]": celsius, "tilt [deg]": angle, "D [m^2/s]": d})
        return fit(data, "D", Options(arrhenius="T", scales="auto")).law, data
    if kind == "level":
        level = 100 + 30 * np.log10(U * 20) - 10 * np.log10(D) + rng.normal(size=n)
        data = Dataset.from_columns({"U [m/s]": U, "D [m]": D, "L [m]": D * U, "SPL [dB]": level})
        return fit(data, "SPL", Options(scales=["a [m/s]"])).law, data
    if kind == "linear":
        force = U**2 * (reynolds / 1e4) ** 0.4 * (0.2 + 0.2 * rng.normal(size=n))
        data = Dataset.from_columns(
            {"U [m/s]": U, "D [m]": D, "nu [m^2/s]": U * D / reynolds, "F [m^2/s^2]": force}
        )
        law = discover(data, "F", engine="power_law", evaluations=20).law
        assert law is not None
        return law, data
    if kind == "physical":
        data = Dataset.from_columns({"L [m]": D, "T [s]": 2 * (D / 9.8) ** 0.5})
        return fit(data, "T", Options(constants=["g"])).law, data
    data = odd_table(noise=0.1 if kind == "odd noisy" else 0.0)
    return fit(data, "S", Options(scales="auto")).law, data


@cache
def held_example() -> tuple[Law, Dataset]:
    """Law of friction in a pipe, and its runs, which hold inputs of every kind."""
    rng = np.random.default_rng(0)
    n = 24
    U, D = rng.uniform(0.1, 2, n), rng.uniform(0.01, 0.1, n)
    columns = {
        "rho [kg/m^3]": 1000.0,
        "mu [mPa*s]": 1.0,
        "U [m/s]": U,
        "D [cm]": 100 * D,
        "K [1]": 10.0,
        "E [kJ/mol]": 50.0,
        "T [degC]": 60.0,
        "L [dB]": 3.0,
        "m [cd]": rng.uniform(1, 2, n),
        "kind": ["PE"] * n,
        "tau [Pa]": 0.04 * 1000 * U**2 * (1e6 * U * D) ** -0.25,
    }
    data = Dataset.from_columns(columns)
    return fit(data, "tau").law, data
