"""Physical constants: symbols, names and CODATA values in coherent SI.

The rows of constants.csv are in order of plausibility where a target is out of reach; their names
are those of CODATA.
"""

import functools
from dataclasses import dataclass
from difflib import get_close_matches

from dimgs.common.errors import InputError
from dimgs.groups.kinds import parse_dimension, table_rows
from dimgs.variables import Dimension


@dataclass(frozen=True)
class PhysicalConstant:
    """A physical constant in coherent SI.

    Attributes
    ----------
    symbol, name : str
        For instance ``"k_B"``, ``"Boltzmann constant"``.
    value : float
        In `unit`, which is coherent SI.
    unit : str
        In pint's notation.
    dimension : Dimension
    latex : str
        LaTeX symbol.
    kind : str or None
        Name of its physical kind.
    """

    symbol: str
    name: str
    value: float
    unit: str
    dimension: Dimension
    latex: str
    kind: str | None = None


@functools.cache
def _rows() -> list[list[str]]:
    return table_rows("constants.csv")


@functools.cache
def all_constants() -> tuple[PhysicalConstant, ...]:
    """Every constant, in order of plausibility for a missing dimension."""
    from scipy import constants

    return tuple(
        PhysicalConstant(
            symbol,
            name.replace("mag.", "magnetic"),
            float(constants.value(name)),
            unit,
            parse_dimension(code),
            latex,
            kind or None,
        )
        for symbol, name, unit, code, latex, kind, _ in _rows()
    )


def _plain(name: str) -> str:
    return name.strip().replace("_", "").replace(" ", "").replace("-", "")


@functools.cache
def _by_name() -> tuple[dict[str, PhysicalConstant], dict[str, PhysicalConstant]]:
    """Constants by symbol and alias as written, and by word in lower case."""
    exact: dict[str, PhysicalConstant] = {}
    words: dict[str, PhysicalConstant] = {}
    for row, each in zip(_rows(), all_constants(), strict=True):
        for alias in (each.symbol, each.name, *row[-1].split()):
            exact.setdefault(_plain(alias), each)
            if len(_plain(alias)) > 1:
                words.setdefault(_plain(alias).casefold(), each)
    return exact, words


def constant(symbol: str) -> PhysicalConstant:
    """Physical constant of that symbol or name.

    Parameters
    ----------
    symbol : str
        As ``"k_B"``, ``"kB"``, ``"Planck"`` or ``"speed of light"``. Single letters distinguish
        upper from lower case: `g` is standard gravity, `G` Newton's constant.

    Raises
    ------
    InputError
        If there is none; the message lists near matches.

    Examples
    --------
    >>> constant("g").value, constant("g").unit
    (9.80665, 'm/s**2')
    >>> constant("kB").name
    'Boltzmann constant'
    """
    exact, words = _by_name()
    plain = _plain(symbol)
    entry = exact.get(plain) or words.get(plain.casefold())
    if entry is not None:
        return entry
    near = get_close_matches(plain.casefold(), words, n=5, cutoff=0.6)
    near += [key for key in exact if key.casefold() == plain.casefold()]
    listed = list(dict.fromkeys((words.get(each) or exact[each]) for each in near))
    remedy = f"known are {', '.join(each.symbol for each in all_constants())}."
    if listed:
        remedy = f"did you mean {' or '.join(f'{each.symbol} ({each.name})' for each in listed)}?"
    raise InputError(f"No physical constant is called {symbol!r}; {remedy}")
