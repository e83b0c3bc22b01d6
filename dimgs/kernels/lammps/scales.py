"""LAMMPS's unit styles mapped to physical quantities, lj through sigma, epsilon and m."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dimgs.common.errors import InputError
from dimgs.variables import Dimension, Unit, parse_unit, registry
from dimgs.variables.quantities import is_quantity, magnitude_and_unit

Style = Literal["lj", "real"]

# both exact since the SI of 2019
BOLTZMANN = 1.380649e-23
AVOGADRO = 6.02214076e23

# in m, s and J; the calorie is the thermochemical one, exact by definition
_ANGSTROM, _FEMTOSECOND, _KCAL = 1e-10, 1e-15, 4184.0
_BASES = ("[mass]", "[length]", "[time]", "[temperature]", "[substance]")
# of the style real, (mass, length, time) -> SI; it is not coherent
_REAL: Mapping[tuple[float, ...], float] = {
    (1, 0, 0): 1e-3 / AVOGADRO,
    (1, -1, -2): 101325.0,
    (1, -3, 0): 1000.0,
    (1, -1, -1): 0.1,
}


@dataclass(frozen=True)
class Scales:
    """LAMMPS units in SI units.

    Parameters
    ----------
    style : {"lj", "real"}
    length, energy, mass : float
        In m, J and kg: sigma, epsilon and m of the style lj.

    Examples
    --------
    >>> from dimgs.variables import registry
    >>> Q = registry().Quantity
    >>> argon = Scales.lj(Q(0.34, "nm"), Q(1.654e-21, "J"), Q(39.95, "amu"))
    >>> round(argon.reduced(Q(120, "K")), 4)
    1.0017
    >>> print(f"{argon.physical(1.0, 'ps'):.3f}")
    2.153 picosecond
    >>> round(Scales.real().reduced(Q(1.0, "N/m")), 5)
    1.43933
    """

    style: Style
    length: float
    energy: float
    mass: float

    @classmethod
    def lj(cls, sigma: Any, epsilon: Any, mass: Any) -> "Scales":
        """Reduced units.

        Parameters
        ----------
        sigma, epsilon, mass : pint.Quantity or float
            Plain numbers are in m, J and kg; energies and masses may be per mole.
        """
        parameters = ((sigma, "m", "sigma"), (epsilon, "J", "epsilon"), (mass, "kg", "mass"))
        numbers = [_si(value, unit, name) for value, unit, name in parameters]
        if min(numbers) <= 0.0:
            raise InputError("sigma, epsilon and m must be above zero to be units.")
        return cls("lj", *numbers)

    @classmethod
    def real(cls) -> "Scales":
        """Angstrom, kcal/mol, g/mol, femtosecond and kelvin."""
        return cls("real", _ANGSTROM, _KCAL / AVOGADRO, 1e-3 / AVOGADRO)

    @property
    def time(self) -> float:
        """Unit of time, in s."""
        if self.style == "real":
            return _FEMTOSECOND
        return float(self.length * (self.mass / self.energy) ** 0.5)

    @property
    def temperature(self) -> float:
        """Unit of temperature, in K."""
        return 1.0 if self.style == "real" else self.energy / BOLTZMANN

    def worth(self, unit: Unit) -> float:
        """SI value of one LAMMPS unit of the dimension of a physical unit.

        A quantity per mole counts as one per particle.

        Raises
        ------
        InputError
            If the style has no unit of this dimension.
        """
        mass, length, time, temperature, substance = _exponents(unit.dimension)
        if self.style == "lj":
            mechanical = self.mass**mass * self.length**length * self.time**time
        else:
            mechanical = self._real(mass, length, time, unit)
        # of floats, that the type checker takes for complex ones
        return float(mechanical * self.temperature**temperature * AVOGADRO**-substance)

    def _real(self, mass: float, length: float, time: float, unit: Unit) -> float:
        factor = _REAL.get((mass, length, time))
        if factor is not None:
            return factor
        if mass == 0.0:
            return float(self.length**length * self.time**time)
        if time == -2.0 * mass:
            return float(self.energy**mass * self.length ** (length - 2.0 * mass))
        raise InputError(f"LAMMPS's style real has no unit for '{unit.text}'; use the style lj.")

    def reduced(self, value: Any, unit: str = "") -> float:
        """Number that LAMMPS works with.

        Parameters
        ----------
        value : pint.Quantity or float
            A plain number is in `unit`.
        unit : str

        Raises
        ------
        InputError
            If the style has no unit of this dimension.
        """
        if is_quantity(value):
            value, unit = magnitude_and_unit(value, "value")
        parsed = parse_unit(unit)
        return parsed.to_si(float(value)) / self.worth(parsed)

    def physical(self, number: float, unit: str) -> Any:
        """Quantity behind a number of LAMMPS.

        Parameters
        ----------
        number : float
        unit : str
            Unit of the result.

        Returns
        -------
        pint.Quantity
        """
        return registry().Quantity(self.in_unit(number, unit), unit)

    def in_unit(self, number: float, unit: str) -> float:
        """The scale as a plain number in this unit."""
        parsed = parse_unit(unit)
        return parsed.from_si(number * self.worth(parsed))


def _exponents(dimension: Dimension) -> tuple[float, ...]:
    exponents = dict(dimension.exponents)
    other = sorted(set(exponents) - set(_BASES))
    if other:
        raise InputError(f"LAMMPS's units are not mapped for {other[0]}; use mechanical units.")
    return tuple(float(exponents.get(base, 0)) for base in _BASES)


def _si(value: Any, unit: str, name: str) -> float:
    """Number in a coherent SI unit, per particle where it was given per mole."""
    if not is_quantity(value):
        return float(value)
    magnitude, text = magnitude_and_unit(value, name)
    parsed = parse_unit(text)
    *mechanical, substance = _exponents(parsed.dimension)
    expected = list(_exponents(parse_unit(unit).dimension)[:-1])
    if mechanical != expected or substance not in (0.0, -1.0):
        raise InputError(f"{name} is in '{text}'; give it in {unit} or a unit of that dimension.")
    return float(magnitude * parsed.factor * AVOGADRO**substance)
