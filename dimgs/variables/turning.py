"""Frequencies: what counts cycles, such as Hz, and what measures the angle turned, such as rpm.

One convention holds: a revolution is 2π rad, and 1 Hz is one cycle per second, which is 1/s. Both
have the dimension 1/time, so that only their names tell one from the other.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from dimgs.errors import InputError
from dimgs.variables.names import pint_unit
from dimgs.variables.units import Unit, powers_of, written

Turning = Literal["cycles", "radians"]
_CYCLES = frozenset({"hertz", "cycle", "beat", "beats_per_minute"})
_RADIANS = frozenset(
    {"radian", "degree", "turn", "revolutions_per_minute", "revolutions_per_second"}
)


@lru_cache(maxsize=4096)
def turning(unit: Unit) -> Turning | None:
    """Whether a unit counts cycles per time or radians per time; None for any other unit.

    Powers of a frequency count too (rad/s²). ``1/s`` says neither.

    Examples
    --------
    >>> from dimgs.variables import parse_unit
    >>> [turning(parse_unit(text)) for text in ("kHz", "rpm", "deg/s", "cycle/s", "1/s", "m/s")]
    ['cycles', 'radians', 'radians', 'cycles', None, None]
    """
    if [base for base, _ in unit.dimension] != ["[time]"]:
        return None
    try:
        names = powers_of(written(unit.text))[1]
    except InputError:
        # a law of an older version may name a unit that is no longer read
        return None
    roots = {(pint_unit(name) or ("", ""))[1] for name in names}
    return "cycles" if roots & _CYCLES else "radians" if roots & _RADIANS else None


def mixed_turning(given: Mapping[str, Unit]) -> dict[str, str]:
    """What to say, by its name, of a column in radians beside one in cycles; else nothing.

    Examples
    --------
    >>> from dimgs.variables import parse_unit
    >>> print(mixed_turning({"f": parse_unit("Hz"), "n": parse_unit("rpm")})["n"])
    [rpm] measures radians (a turn is 2π rad), but 'f' [Hz] counts cycles (1 Hz is 1/s), so that \
their ratio carries 2π; give both in one of these units (60 rpm are 1 Hz)
    """
    kinds = {name: turning(unit) for name, unit in given.items()}
    cycles = next((n for n, kind in kinds.items() if kind == "cycles"), None)
    radians = next((n for n, kind in kinds.items() if kind == "radians"), None)
    if cycles is None or radians is None:
        return {}
    told = (
        f"[{given[radians].text}] measures radians (a turn is 2π rad), but '{cycles}' "
        f"[{given[cycles].text}] counts cycles (1 Hz is 1/s), so that their ratio carries 2π; give "
        f"both in one of these units (60 rpm are 1 Hz)"
    )
    return {radians: told}


def other_turning(name: str, given: Unit, wanted: Unit) -> str:
    """What to say of a frequency that is given in the other kind of unit; else nothing.

    Examples
    --------
    >>> from dimgs.variables import parse_unit
    >>> print(other_turning("f", parse_unit("rpm"), parse_unit("Hz")))
    'f' is given in 'rpm', which measures radians (a turn is 2π rad), where 'Hz' counts cycles: 1 \
rpm is taken as 0.10472 1/s; convert it to 'Hz' (60 rpm are 1 Hz)
    """
    kinds = turning(given), turning(wanted)
    if None in kinds or kinds[0] == kinds[1]:
        return ""
    said = {"cycles": "counts cycles", "radians": "measures radians (a turn is 2π rad)"}
    return (
        f"'{name}' is given in '{given.text}', which {said[kinds[0] or '']}, where "
        f"'{wanted.text}' {said[kinds[1] or '']}: 1 {given.text} is taken as {given.factor:.5g} "
        f"1/s; convert it to '{wanted.text}' (60 rpm are 1 Hz)"
    )
