"""The Pint registry that tables are read with, and the user's additions to it."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dimgs.errors import InputError

if TYPE_CHECKING:
    import pint


# names that users define; the table of readings has nothing to say of them
user_names: set[str] = set()


@cache
def registry() -> "pint.UnitRegistry[Any]":
    """Registry used for every unit in a table; Pint is imported on the first call.

    Pint's own names hold, with the additions and corrections of ``units.txt``: astronomical units,
    units of trades, gauss and oersted in SI, and cycles that are counted.
    """
    import pint

    # empty at first: what Pint keeps of its own definitions would outlive their correction
    units: pint.UnitRegistry[Any] = pint.UnitRegistry(
        None, autoconvert_offset_to_baseunit=False, on_redefinition="ignore"
    )
    units.load_definitions(Path(pint.__file__).with_name("default_en.txt"))
    units.load_definitions(Path(__file__).with_name("units.txt"))
    units.default_system = "mks"
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
    name, _, *aliases = definition.split("=")
    user_names.update(part.strip() for part in (name, *aliases))
