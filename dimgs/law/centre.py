"""A law at the centre of its runs, where a prefactor at unit inputs is uninformative."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dimgs.common.errors import attempt
from dimgs.common.formats import attributes
from dimgs.dataset import Dataset
from dimgs.law.checked_law import CheckedLaw
from dimgs.law.parts import Constant
from dimgs.law.prediction import predict
from dimgs.variables import Variable

# an interval over a decade says no more than the order of magnitude
_WIDE = 10.0


@dataclass(frozen=True)
class Centre:
    """The law's value at the centre of the runs, in the units of the table.

    Attributes
    ----------
    inputs : tuple of (str, float, str)
        Column, geometric mean over the runs (the mean, where it is a level or not positive), unit.
    target : str
    value, low, high : float
        Of the law itself, at its level.
    unit : str
    """

    inputs: tuple[tuple[str, float, str], ...]
    target: str
    value: float
    low: float
    high: float
    unit: str

    def to_json(self) -> dict[str, Any]:
        """The centre as JSON."""
        return {
            "inputs": {name: {"value": x, "unit": unit} for name, x, unit in self.inputs},
            **attributes(self, "value low high unit"),
        }


def centre_of(law: CheckedLaw, data: Dataset) -> Centre | None:
    """The law at the centre of the runs, where the interval of its prefactor is wide.

    The prefactor of a power law is its value where every input is 1 in its coherent SI unit,
    which may lie decades away from every run: then its interval says nothing.

    Parameters
    ----------
    law : Law
    data : Dataset
        The runs.

    Returns
    -------
    Centre or None
        None where the prefactor is known within a factor of ten.

    Examples
    --------
    >>> from dimgs.discovery.fitting import fit
    >>> mass = np.geomspace(1e29, 1e31, 12)
    >>> noise = 1 + 0.2 * np.cos(np.arange(12.0) ** 2)
    >>> table = Dataset.from_columns(
    ...     {"M [kg]": mass, "L [W]": 4e26 * (mass / 2e30) ** 3.53 * noise})
    >>> law = fit(table, "L", scales=["M0 [kg]", "L0 [W]"]).law
    >>> centre = centre_of(law, table)
    >>> centre.low < 3.5e25 < centre.high, centre.high / centre.low < 2
    (True, True)
    """
    fitted = next((c for c in law.constants if c.origin == "fitted"), None)
    if fitted is None or law.target.is_level or not law.symbols or not _is_wide(fitted):
        return None
    means = {v.name: _mean(v, data) for v in law.symbols.values()}
    row = {name: np.array([x]) for name, x in means.items()}
    interval = attempt(predict, law, row, law.level, "law") or ()
    numbers = [float(law.target.unit.from_si(np.asarray(x)[0])) for x in interval]
    if not numbers or not np.all(np.isfinite(numbers)):
        return None
    inputs = tuple(
        (v.name, v.unit.from_si(means[v.name]), v.unit.text) for v in law.symbols.values()
    )
    value, low, high = numbers
    return Centre(inputs, law.target.name, value, low, high, law.target.unit.text)


def _is_wide(constant: Constant) -> bool:
    if constant.low is None or constant.high is None or not constant.low > 0:
        return True
    return constant.high > _WIDE * constant.low


def _mean(variable: Variable, data: Dataset) -> float:
    x = np.asarray(data[variable.name], dtype=np.float64)
    logged = not variable.is_level and bool(np.all(x > 0))
    return float(np.exp(np.mean(np.log(x))) if logged else np.mean(x))
