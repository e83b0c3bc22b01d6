"""Variables: a name with its unit, its physical kind and its part in the analysis."""

import re
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError, attempt, located
from dimgs.variables.units import Dimension, Unit, parse_unit, si_unit

_LINE_END = re.compile(r"\s*[\t\n\v\f\r\x85\u2028\u2029]\s*")
Role = Literal["data", "constant", "scale"]
_HEADER = re.compile(
    r"^\s*(?P<name>.*?)\s*[\[](?P<unit>[^\[\]]*(?:\[[^\[\]]*\][^\[\]]*)*)[\]]\s*$", re.DOTALL
)
_BRACKETED = re.compile(r"\[(?P<inside>[^\[\]]*)\]$")
# a sentence fits; anything longer is not a name, and regular expressions slow down on it
_LONGEST_HEADER = 1000


@dataclass(frozen=True, slots=True)
class Variable:
    """A physical variable.

    Parameters
    ----------
    name : str
        Column name.
    unit : Unit
        Unit in which the user gives it.
    kind : str, optional
        Physical kind given by the user, such as ``"thermal diffusivity"``.
    role : {"data", "constant", "scale"}
        A column of the table, a known physical constant, or a *scale*: an unknown dimensional
        constant without data.
    value : float, optional
        SI value of a constant; None for data and scales.

    Raises
    ------
    InputError
        If the name is empty, or a constant has no finite positive value.

    Examples
    --------
    >>> parse_variable("a [m^2/s; thermal diffusivity]").kind
    'thermal diffusivity'
    """

    name: str
    unit: Unit
    kind: str | None = None
    role: Role = "data"
    value: float | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise InputError("A variable has an empty name; give every column a name.")
        if self.role == "constant" and not (self.value is not None and self.value > 0):
            raise InputError(f"The constant '{self.name}' needs a positive value in SI units.")

    @property
    def dimension(self) -> Dimension:
        """Exact dimension."""
        return self.unit.dimension

    @property
    def si_unit(self) -> str:
        """Coherent SI unit of the stored values (a level keeps its own unit)."""
        return self.unit.text if self.unit.scale == "level" else si_unit(self.dimension)

    @property
    def is_label(self) -> bool:
        """Whether the variable is categorical."""
        return self.unit.scale == "label"

    @property
    def is_level(self) -> bool:
        """Whether the variable is already logarithmic."""
        return self.unit.scale == "level"

    def logs(self, values: Array) -> Array:
        """Natural logarithms of values; of a level, those of the ratio that it is the logarithm of.

        Examples
        --------
        >>> import numpy as np
        >>> parse_variable("L [dB]").logs(np.array([10.0])) / np.log(10.0)
        array([1.])
        """
        return np.asarray(values * self.unit.log_factor if self.is_level else np.log(values))

    def of_logs(self, logs: Array) -> Array:
        """Values of natural logarithms, the inverse of :meth:`logs`."""
        return np.asarray(logs / self.unit.log_factor if self.is_level else np.exp(logs))

    def in_si(self) -> "Variable":
        """Same variable in the coherent SI unit of its dimension.

        Labels, levels, angles and other numbers stay as they are, and so do differences of
        temperatures, since the kelvin does not say that it is one.

        Examples
        --------
        >>> parse_variable("T [degC]").in_si().unit.text
        'K'
        """
        unit = parse_unit(self.si_unit)
        stays = self.dimension.is_dimensionless or unit.scale != self.unit.scale
        return self if stays else replace(self, unit=unit)

    def renamed(self, name: str) -> "Variable":
        """Same variable under another name."""
        return replace(self, name=name)


def split_header(header: str) -> tuple[str, str | None, str | None]:
    """Name, unit text and kind hint of a header such as ``a [m^2/s; thermal diffusivity]``.

    The unit is None where the header has no brackets. The end of a line inside a name, as
    spreadsheets have it, becomes a blank.

    Raises
    ------
    InputError
        If the header has two units, or is too long to be one.

    Examples
    --------
    >>> split_header("T_g (K)"), split_header("Re []"), split_header("a[0] [m/s]")
    (('T_g (K)', None, None), ('Re', '', None), ('a[0]', 'm/s', None))
    """
    if len(header) > _LONGEST_HEADER:
        raise InputError(
            f"A column name of {len(header)} characters ('{header[:30].strip()}...') is too long; "
            f"at most {_LONGEST_HEADER} are read."
        )
    match = _HEADER.match(header)
    if match is None or not match["name"]:
        return _on_one_line(header.strip()), None, None
    _refuse_two_units(header, match["name"], match["unit"])
    unit, _, kind = match["unit"].partition(";")
    return _on_one_line(match["name"]), unit.strip(), kind.strip() or None


def _on_one_line(name: str) -> str:
    return _LINE_END.sub(" ", name)


def _refuse_two_units(header: str, name: str, unit: str) -> None:
    """Refuse ``L [m][s]``; in ``a[0] [m]``, ``u[x] [m/s]`` and ``[S] [mM]`` they name a column."""
    before = _BRACKETED.search(name)
    if before is None or attempt(parse_unit, before["inside"].partition(";")[0]) is None:
        return
    if before.start() == 0:
        # a concentration, as [S] [mM]
        return
    if before["inside"].isdigit() and not name[before.start() - 1 : before.start()].isspace():
        return
    raise InputError(
        f"The header '{header.strip()}' has two units, '{before['inside']}' and '{unit}'; write "
        f"it as 'name [unit]'."
    )


def parse_variable(text: str, role: Role = "data") -> Variable:
    """Variable from ``"name [unit]"`` or ``"name [unit; kind]"``.

    Raises
    ------
    InputError
        If the brackets are missing or the unit cannot be read.

    Examples
    --------
    >>> parse_variable("rho [kg/m^3]").si_unit
    'kg/m^3'
    """
    name, unit, kind = split_header(text)
    if unit is None:
        raise InputError(
            f"'{text}' has no unit; write it as 'name [unit]', with 'name [1]' for none."
        )
    with located(f"Variable '{name}'"):
        return Variable(name, parse_unit(unit), kind, role)
