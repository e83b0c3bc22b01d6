"""The Pint registry that tables are read with, and the user's additions to it."""

from functools import cache
from typing import TYPE_CHECKING, Any

from dimgs.errors import InputError

if TYPE_CHECKING:
    import pint

# IAU 2015 Resolution B3 nominal values; masses are nominal GM over the CODATA 2018 G.
_ASTRONOMY = (
    "solar_mass = 1.988409871e30 kg = Msun = M_sun",
    "jupiter_mass = 1.898124603e27 kg = Mjup = M_jup",
    "earth_mass = 5.972167867e24 kg = Mearth = M_earth",
    "solar_radius = 6.957e8 m = Rsun = R_sun",
    "jupiter_radius = 7.1492e7 m = Rjup = R_jup",
    "earth_radius = 6.3781e6 m = Rearth = R_earth",
    "solar_luminosity = 3.828e26 W = Lsun = L_sun",
)


@cache
def registry() -> "pint.UnitRegistry[Any]":
    """Registry used for every unit in a table; Pint is imported on the first call.

    Pint's own names hold, with these additions: solar, Jupiter and Earth masses, radii and the
    solar luminosity (`Msun`, `Rjup`, `Lsun`, ...), and `AU` as the astronomical unit.
    """
    import pint

    units: pint.UnitRegistry[Any] = pint.UnitRegistry(autoconvert_offset_to_baseunit=False)
    for definition in _ASTRONOMY:
        units.define(definition)
    return units


def define_unit(definition: str) -> None:
    """Add a unit or a base dimension, in Pint's grammar, for the rest of the process.

    Parameters
    ----------
    definition : str
        For example ``"EUR = [currency]"`` or ``"furlong = 201.168 m"``.

    Raises
    ------
    InputError
        If Pint cannot read the definition.

    Examples
    --------
    >>> define_unit("doubloon = [currency]")
    >>> registry().parse_units("doubloon / kg").dimensionality["[currency]"]
    1
    """
    try:
        registry().define(definition)
    except Exception as error:
        raise InputError(
            f"The unit definition '{definition}' cannot be read; "
            f"write it as 'EUR = [currency]' or 'furlong = 201.168 m'."
        ) from error
