"""Units whose literal meaning is probably not the intended one, with the probable meaning."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any, Literal

from dimgs.common.errors import InputError
from dimgs.variables.dimension import Dimension
from dimgs.variables.units import (
    DIMENSIONLESS_TEXTS,
    Product,
    Unit,
    difference_unit,
    parse_unit,
    pint_unit,
    powers_of,
    product_text,
    reading_of,
    readings,
    several_names,
    to_pint,
    unit_text,
    written,
)
from dimgs.variables.units import Reading as Row

_TEMPERATURE_ITSELF = Dimension.of({"[temperature]": 1})
_OF_MATTER = frozenset({Dimension.of({"[mass]": 1}), Dimension.of({"[substance]": 1})})
# chemical elements with the symbols of units: "kg N/ha" is of nitrogen
_ELEMENTS = frozenset({"N", "P", "C", "S", "F", "Cl", "U", "V", "W"})
# names of differences of temperatures: dT_wall, delta T, ΔT, T_diff, temperature rise
_TEMPERATURE = r"(?:T|[Tt]emp(?:erature)?)"
_DIFFERENCE = re.compile(
    rf"(?:d|Δ|∆|δ|[Dd]elta)[\s_]*{_TEMPERATURE}(?:[\s_\d].*)?"
    rf"|(?:.*[\s_])?{_TEMPERATURE}(?:[\s_].*)?[\s_]*(?:diff(?:erence)?|rise|drop|increase)(?:[\s_].*)?"
)
# names of temperatures: T, T_in, Tw, θ, wall temp, Temperature
_TEMPERATURES = re.compile(r"(?:[TθϑΘ]|theta).{0,6}|.*[Tt]emp.*")
_DEGREES = ("degC", "degF")
# units that people write with a prefix; any other prefix is more likely another unit
_PREFIXED = (
    "meter gram second ampere kelvin mole candela hertz newton pascal joule watt coulomb volt "
    "farad ohm siemens weber tesla henry lumen lux becquerel gray sievert katal radian steradian "
    "liter metric_ton electron_volt bar calorie british_thermal_unit byte bit baud dalton year "
    "parsec torr poise stokes gauss maxwell oersted galileo curie roentgen molar debye barn "
    "arcsecond darcy watt_hour volt_ampere volt_ampere_reactive ampere_hour standard_atmosphere "
    "force_pound force_gram force_metric_ton kip pound_force_per_square_inch oil_barrel gallon "
    "cubic_meter cubic_centimeter cubic_foot hectare dyne erg inch foot circular_mil pound "
    "enzyme_unit tex strain rydberg hartree townsend pixel count counts_per_second angstrom "
    "revolutions_per_minute jansky neper rem rads degree_Celsius franklin sound_pressure_level "
    "meter_H2O meter_Hg"
)
_TAKE_PREFIX = frozenset(_PREFIXED.split())
# prefixes that hardly any unit takes; the others have more
_HUGE = frozenset({"peta", "exa", "zetta", "yotta"})
_NEVER = frozenset({"ronna", "quetta", "ronto", "quecto"})
_TAKE_HUGE = frozenset(
    {"hertz", "joule", "watt", "gram", "meter", "byte", "bit", "electron_volt", "becquerel"}
)
_LESS_THAN_ONE = frozenset({"deci", "centi", "milli", "micro", "nano", "pico", "femto", "atto"})
Turning = Literal["cycles", "radians"]
_CYCLES = frozenset({"hertz", "cycle", "beat", "beats_per_minute"})
_RADIANS = frozenset(
    {"radian", "degree", "turn", "revolutions_per_minute", "revolutions_per_second"}
)


@dataclass(frozen=True, slots=True)
class Reading:
    """The literal reading of a unit, and the one that was probably meant.

    Parameters
    ----------
    literal : str
        The literal reading in full names, which is never doubted.
    meant : str
        The other reading, in words or as a unit.
    unit : Unit, optional
        Unit of the other reading; None where it has none in Pint.
    doubtful : bool
        Whether the literal reading is likely as well, and is wrong only where it fits no other
        column.
    """

    literal: str
    meant: str
    unit: Unit | None
    doubtful: bool = False

    def sentence(self, text: str, fits: str = "") -> str:
        """Sentence with both readings of a unit, for messages."""
        other = self.unit.text if self.unit and self._differs() else ""
        instead = f" or '{other}'" if other else " if it is that"
        return (
            f"the unit '{text}' reads as {self.literal}, but {self.meant} may be meant{fits}; "
            f"write '{self.literal}'{instead}."
        )

    def _differs(self) -> bool:
        """Whether the other reading is another unit, and not another quantity in this one."""
        unit, literal = self.unit, parse_unit(self.literal)
        return unit is not None and (literal.dimension, literal.factor) != (
            unit.dimension,
            unit.factor,
        )


@lru_cache(maxsize=4096)
def improbable(text: str) -> Reading | None:
    """The other reading of a unit whose literal one is improbable; None where it is plain.

    Parameters
    ----------
    text : str
        A unit that :func:`parse_unit` reads.

    Examples
    --------
    >>> reading = improbable("W/m K")
    >>> reading.literal, reading.meant
    ('kelvin * watt / meter', 'W/(m*K)')
    >>> improbable("W/(m K)") is None
    True
    """
    unit = parse_unit(text)
    if unit.scale in {"level", "label"} or unit.text.strip().lower() in DIMENSIONLESS_TEXTS:
        return None
    # without a remark, and as many people mean it
    product, meant = written(unit.text), written(unit.text, tight=True)
    row = _whole_products().get(_key(product)) if _is_abbreviated(product) else None
    if row is not None:
        return _reading(text, row.said or row.meant, written(row.meant), row.outcome == "either")
    rows = [reading_of(factor) for factor in meant.factors]
    doubts = [row if row and row.outcome == "doubt" else None for row in rows]
    if meant != product or any(doubts):
        return _replaced(text, meant, doubts)
    if any(row is None and _is_odd(f.name) for f, row in zip(meant.factors, rows, strict=True)):
        return Reading(_literal(text), "another unit", None)
    element = _without_element(product)
    if element is not None:
        return _reading(text, f"{_text(element)} of a chemical element", element)
    either = [row if row and row.outcome == "either" else None for row in rows]
    if not any(either):
        return None
    return _replaced(text, meant, either, doubtful=not _is_per_degree(meant, either))


def is_named_temperature(name: str, reading: Reading) -> bool:
    """Whether a name says that the reading as an absolute temperature is meant.

    Examples
    --------
    >>> reading = improbable("C")
    >>> [is_named_temperature(name, reading) for name in ("T", "T_in", "wall temp", "q", "Q_T")]
    [True, True, True, False, False]
    >>> is_named_temperature("T", improbable("R"))
    True
    """
    is_absolute = reading.unit is not None and reading.unit.dimension == _TEMPERATURE_ITSELF
    return is_absolute and _TEMPERATURES.fullmatch(name.strip()) is not None


def absolute_difference(name: str, text: str) -> Reading | None:
    """The other reading of an absolute temperature whose name says a difference; None elsewhere.

    Examples
    --------
    >>> names = ("dT", "delta_T", "ΔT", "T_diff", "temperature rise", "T", "dTdt", "T_d")
    >>> [absolute_difference(name, "degC") is not None for name in names]
    [True, True, True, True, True, False, False, False]
    >>> absolute_difference("dT", "K") is None
    True
    """
    unit = parse_unit(text)
    if not unit.offset or _DIFFERENCE.fullmatch(name.strip()) is None:
        return None
    meant, literal = difference_unit(unit.text), _literal(text)
    if text.strip() == literal:
        # what is written out is meant
        return None
    return Reading(literal, f"the difference {meant}", parse_unit(meant))


def doubt_of(name: str, text: str) -> Reading | None:
    """The other reading of the unit of a column; certain where the name of the column says it.

    Examples
    --------
    >>> [doubt_of(name, "C").doubtful for name in ("q", "T_in")], doubt_of("dT", "degC").doubtful
    ([True, False], False)
    """
    reading = improbable(text) or absolute_difference(name, text)
    if reading is not None and is_named_temperature(name, reading):
        return replace(reading, doubtful=False)
    return reading


@cache
def _whole_products() -> dict[Any, Row]:
    return {_key(written(text)): readings()[text] for text in several_names(doubted=True)}


def _key(product: Product) -> tuple[float, frozenset[tuple[str, Fraction]]]:
    number, powers = powers_of(product)
    return number, frozenset(powers.items())


def _replaced(
    text: str, product: Product, rows: Sequence[Row | None], *, doubtful: bool = False
) -> Reading | None:
    """Reading with what the rows of the table say is meant by some of the factors."""
    other = Product(product.number)
    for factor, row in zip(product.factors, rows, strict=True):
        if row is None:
            other = other.times(Product(1.0, (factor,)))
        else:
            power = factor.power / factor.written if "^" in row.text else factor.power
            other = other.times(written(row.meant), power)
    phrase = next((row.said for row in rows if row and row.said), "")
    words = phrase if "{}" in phrase or (phrase and len(rows) == 1) else "{}"
    return _reading(text, words.format(_text(other)), other, doubtful)


def _is_abbreviated(product: Product) -> bool:
    """Whether a name is not Pint's full one: what is written out is meant."""
    return any("".join(pint_unit(f.name) or ()) != f.name for f in product.factors)


def _is_per_degree(product: Product, rows: Sequence[Row | None]) -> bool:
    """Whether several units are divided by what may be a degree: J/(kg C) is of no charge."""
    divided = [row for f, row in zip(product.factors, rows, strict=True) if row and f.power < 0]
    return len(product.factors) > 2 and any(row.meant in _DEGREES for row in divided)


def _is_odd(name: str) -> bool:
    """Whether a name is read as a prefix before a unit that does not take it."""
    prefix, unit = pint_unit(name) or ("", "")
    if not prefix or name == prefix + unit:
        return False
    return (
        prefix in _NEVER
        or unit not in _TAKE_PREFIX
        or (prefix in _HUGE and unit not in _TAKE_HUGE)
        or (prefix in _LESS_THAN_ONE and unit == "year")
    )


def _without_element(product: Product) -> Product | None:
    """``kg/ha`` for ``kg N/ha``, where a mass or an amount is followed by an element's symbol."""
    for i, (first, second) in enumerate(pairwise(product.factors)):
        if (
            second.name in _ELEMENTS
            and second.written == 1
            and first.power == 1 == second.power
            and parse_unit(first.name).dimension in _OF_MATTER
        ):
            return product._replace(factors=product.factors[: i + 1] + product.factors[i + 2 :])
    return None


def _reading(text: str, words: str, other: Product, doubtful: bool = False) -> Reading | None:
    return Reading(_literal(text), words, parse_unit(_text(other)), doubtful)


def _literal(text: str) -> str:
    # a unit may carry a number (1e19 / m^3)
    one = to_pint(1.0, text)
    unit = unit_text(one.units)
    return unit if one.magnitude == 1 else f"{one.magnitude:g} * {unit}"


def _text(product: Product) -> str:
    return product_text([(f.name, f.power) for f in product.factors], product.number)


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


def mixed_turning(units: Mapping[str, Unit]) -> dict[str, str]:
    """Warnings on columns in radians beside columns in cycles, by name.

    Examples
    --------
    >>> from dimgs.variables import parse_unit
    >>> print(mixed_turning({"f": parse_unit("Hz"), "n": parse_unit("rpm")})["n"])
    [rpm] measures radians (a turn is 2π rad), but 'f' [Hz] counts cycles (1 Hz is 1/s), so that \
their ratio carries 2π; give both in one of these units (60 rpm are 1 Hz)
    """
    kinds = {name: turning(unit) for name, unit in units.items()}
    cycles = next((n for n, kind in kinds.items() if kind == "cycles"), None)
    radians = next((n for n, kind in kinds.items() if kind == "radians"), None)
    if cycles is None or radians is None:
        return {}
    doubt = (
        f"[{units[radians].text}] measures radians (a turn is 2π rad), but '{cycles}' "
        f"[{units[cycles].text}] counts cycles (1 Hz is 1/s), so that their ratio carries 2π; "
        f"give both in one of these units (60 rpm are 1 Hz)"
    )
    return {radians: doubt}


def other_turning(name: str, unit: Unit, fitted: Unit) -> str:
    """Warning on a frequency in the other kind of unit; empty if there is none.

    Examples
    --------
    >>> from dimgs.variables import parse_unit
    >>> print(other_turning("f", parse_unit("rpm"), parse_unit("Hz")))
    'f' is given in 'rpm', which measures radians (a turn is 2π rad), where 'Hz' counts cycles: 1 \
rpm is taken as 0.10472 1/s; convert it to 'Hz' (60 rpm are 1 Hz)
    """
    kinds = turning(unit), turning(fitted)
    if None in kinds or kinds[0] == kinds[1]:
        return ""
    verbs = {"cycles": "counts cycles", "radians": "measures radians (a turn is 2π rad)"}
    return (
        f"'{name}' is given in '{unit.text}', which {verbs[kinds[0] or '']}, where "
        f"'{fitted.text}' {verbs[kinds[1] or '']}: 1 {unit.text} is taken as {unit.factor:.5g} "
        f"1/s; convert it to '{fitted.text}' (60 rpm are 1 Hz)"
    )
