"""Planted power laws with random dimensions and units, for the property tests."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from dimgs.common.arrays import Array
from dimgs.dataset import Dataset
from dimgs.variables import Dimension, parse_unit, si_unit

SI = {"[length]": "m", "[mass]": "kg", "[time]": "s", "[temperature]": "K"}
TRADE = {"[length]": "ft", "[mass]": "lb", "[time]": "hour", "[temperature]": "degR"}
SMALL = {"[length]": "mm", "[mass]": "mg", "[time]": "us", "[temperature]": "mK"}
_POWERS = st.sampled_from(
    [Fraction(p) for p in ("-2", "-1", "-1/2", "0", "0", "1/2", "1", "2", "3")]
)
_EXPONENTS = st.sampled_from(
    [Fraction(p) for p in ("-3", "-2", "-1", "-1/2", "-1/3", "1/4", "1/2", "2/3", "3/4", "1", "2")]
)


def unit_text(dimension: Dimension, units: Mapping[str, str]) -> str:
    """Unit of a dimension in the base units given."""
    parts = [f"{units[base]}**({power})" for base, power in dimension]
    return " * ".join(parts) or "1"


@dataclass(frozen=True)
class Planted:
    """A power law y = prefactor Π x^a with runs, all in SI."""

    dimensions: Mapping[str, Dimension]
    values: Mapping[str, Array]
    exponents: Mapping[str, Fraction]
    prefactor: float
    noise: Array = field(default_factory=lambda: np.zeros(1))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.dimensions)

    @property
    def dimension(self) -> Dimension:
        """Of the target, where the prefactor is a number."""
        total = Dimension()
        for name, power in self.exponents.items():
            total = total * self.dimensions[name] ** power
        return total

    @property
    def target(self) -> Array:
        log = np.log(self.prefactor) + self.noise
        for name, power in self.exponents.items():
            log = log + float(power) * np.log(self.values[name])
        return np.asarray(np.exp(log))

    def columns(self, units: Mapping[str, str] = SI) -> dict[str, Array]:
        """Columns of the table, in the base units given."""
        everything = {**self.dimensions, "y": self.dimension}
        numbers = {**self.values, "y": self.target}
        out = {}
        for name, dimension in everything.items():
            text = unit_text(dimension, units)
            out[f"{name} [{text}]"] = numbers[name] / parse_unit(text).factor
        return out

    def table(self, units: Mapping[str, str] = SI) -> Dataset:
        return Dataset.from_columns(self.columns(units))


@st.composite
def planted(draw: st.DrawFn, noise: float = 0.0, most: int = 5) -> Planted:
    """Laws of two to `most` inputs over at most three base dimensions, 24 runs."""
    bases = draw(st.lists(st.sampled_from(sorted(SI)), min_size=1, max_size=3, unique=True))
    names = [f"x{i}" for i in range(draw(st.integers(2, most)))]
    dimensions = {name: Dimension.of({b: draw(_POWERS) for b in bases}) for name in names}
    exponents = {name: draw(_EXPONENTS) for name in names}
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return Planted(
        dimensions,
        {name: np.exp(rng.uniform(-1.5, 1.5, 24)) for name in names},
        exponents,
        float(np.exp(rng.uniform(-3, 3))),
        noise * rng.normal(size=24),
    )


def pipe(n: int = 40, noise: float = 0.02, seed: int = 1) -> Dataset:
    """Wall stress of a turbulent pipe: f = 0.3 Re^(-1/4), with an idle roughness `eps`."""
    rng = np.random.default_rng(seed)
    rho, U, D = rng.uniform(800, 1200, n), rng.uniform(0.5, 3, n), rng.uniform(0.01, 0.2, n)
    mu, eps = 10 ** rng.uniform(-3.5, -2, n), 10 ** rng.uniform(-6, -4, n)
    friction = 0.3 * (rho * U * D / mu) ** -0.25 * np.exp(noise * rng.normal(size=n))
    return Dataset.from_columns(
        {
            "rho [kg/m^3]": rho,
            "U [m/s]": U,
            "D [m]": D,
            "mu [Pa s]": mu,
            "eps [m]": eps,
            "tau_w [Pa]": friction * rho * U**2 / 8,
        }
    )


__all__ = ["SI", "SMALL", "TRADE", "Planted", "pipe", "planted", "si_unit", "unit_text"]
