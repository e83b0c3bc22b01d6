"""Units whose literal reading is improbable: a warning with both readings, or an error."""

from collections.abc import Mapping

from dimgs.dimensions import DimensionalMatrix
from dimgs.errors import InputError
from dimgs.variables import Unit, parse_unit
from dimgs.variables.readings import Reading, improbable


def doubts(units: Mapping[str, str], source: str, *, strict: bool = False) -> list[str]:
    """One sentence for each column whose unit probably means something else.

    Parameters
    ----------
    units : mapping of str to str
        Unit of each column, as written.
    source : str
        Name of the table, for messages.
    strict : bool
        Raise instead.

    Raises
    ------
    InputError
        For the first such column if `strict`, and for a unit that cannot be read.

    Examples
    --------
    >>> print(*doubts({"k": "W/mK", "q": "W/m^2", "L": "m", "T": "K"}, "t.csv"))
    Column 'k' of t.csv: the unit 'W/mK' reads as watt / millikelvin, but W/(m*K) may be meant; \
write what is meant.
    """
    found: dict[str, Reading] = {}
    parsed: dict[str, Unit] = {}
    for name, text in units.items():
        try:
            parsed[name] = parse_unit(text)
            reading = improbable(text)
        except InputError as error:
            raise InputError(f"Column '{name}' of {source}: {error}") from error
        if reading is not None:
            found[name] = reading
    if not found:
        return []
    # what is in doubt itself is no witness
    certain = {n: u for n, u in parsed.items() if n not in found and u.scale != "label"}
    sentences = []
    for name, reading in found.items():
        literal = _fits(parsed[name], certain)
        meant = reading.unit is not None and _fits(reading.unit, certain)
        if reading.doubtful and (literal or not meant):
            continue
        fits = ""
        if literal != meant:
            only = reading.meant if meant else reading.literal
            fits = f"; only {only} fits the dimensions of the other columns"
        sentences.append(f"Column '{name}' of {source}: {reading.sentence(units[name], fits)}")
    if strict and sentences:
        raise InputError(f"{sentences[0][:-1]} (--strict-units).")
    return sentences


def _fits(unit: Unit, others: Mapping[str, Unit]) -> bool:
    """Whether a product of powers of the other columns has the dimension of this one."""
    if unit.dimension.is_dimensionless:
        return True
    known = list(dict.fromkeys(u.dimension for u in others.values()))
    matrix = DimensionalMatrix.of_dimensions([str(i) for i in range(len(known))], known)
    return bool(matrix.bases) and matrix.solve(unit.dimension) is not None
