"""Units that Pint reads otherwise than their writer probably meant, with the likely reading."""

import re
from dataclasses import dataclass
from functools import lru_cache

from dimgs.errors import InputError
from dimgs.variables.notation import glued_exponents, normalised
from dimgs.variables.quantities import unit_text
from dimgs.variables.registry import registry
from dimgs.variables.units import Unit, parse_unit, to_pint

_PRESSURE = parse_unit("Pa").dimension
_POWER = r"(?:\*\*(?:\([-+\d./]+\)|[-+]?\d+))"
_FACTOR = rf"[^\W\d]\w*{_POWER}?"
# a written * follows the rule of every programming language and is not doubted
_JUXTAPOSED = re.compile(rf"/\s*(?P<first>{_FACTOR})(?P<rest>(?:\s+{_FACTOR})+)")
_DOTS = re.compile(r"[·⋅×∙]|(?<=[^\W\d])\.(?=[^\W\d])")
_NEGATIVE = re.compile(r"\*\*\(?-")
_BRACKET = re.compile(
    r"^(?P<unit>.*[^\W\d]\w*(?:\*\*\S+)?)(?:\s*\((?P<of>[age])\)|\s+(?P<after>[ag]))$"
)
_BRACKETS = {"g": "a gauge pressure in {0} (add the atmosphere's)", "a": "an absolute {0}"}
# letters that Pint takes for one unit and people write for a product: N m, m K, Pa s, m s
_GLUED = (
    (re.compile(r"\b(?P<a>[kMGcmµu]?N)m\b(?!\*\*)"), r"\g<a>*m"),
    (re.compile(r"(?<=/)\s*(?P<a>m)K\b(?!\*\*)"), "(m*K)"),
    (re.compile(r"(?<=g/)\s*ms\b(?!\*\*)"), "(m*s)"),
    (re.compile(r"\b(?P<a>[mkMGhµu]?Pa)s\b"), r"\g<a>*s"),
    (re.compile(r"\bftlbf?\b"), "ft*lbf"),
    (re.compile(r"\b(?:mu|u|micro)\s+(?=[^\W\d])"), "µ"),
    (re.compile(r"\b(?:deg|degree|degrees)\s+(?P<a>[CFKR])\b"), r"deg\g<a>"),
    (re.compile(r"(?<![\w/])ms(?=\*\*\(?-[12])"), "m*s"),
    (re.compile(r"\bcu\s+(?P<a>in|ft|yd|mm|cm|m)\b"), r"\g<a>**3"),
)
# abbreviations of other units, or of none, that Pint reads as a prefix and a unit
_ABBREVIATIONS = {
    "PS": ("metric_horsepower", "a metric horsepower"),
    "TR": ("refrigeration_ton", "a ton of refrigeration"),
    "mu": ("um", "µm (or the prefix µ)"),
    "cfm": ("ft**3/min", "ft^3/min"),
    "pa": ("Pa", "Pa"),
    "PA": ("Pa", "Pa"),
    "cp": ("cP", "cP"),
    "kmph": ("km/h", "km/h"),
    "Gs": ("gauss", "gauss"),
}
_ABBREVIATED = re.compile(rf"\b(?:{'|'.join(_ABBREVIATIONS)})\b")
# whole texts in which a unit stands for a word
_WORDS = (
    (re.compile(r"%?\s*\b[Rr][Hh]\b\s*%?"), "%", "relative humidity in %"),
    (re.compile(r"at\s*%"), "%", "per cent of the atoms"),
    (re.compile(r"mol\s*%"), "%", "per cent of the moles"),
    (re.compile(r"a\.?u\.|N/A"), "1", "no unit"),
)
# prefixes that hardly any unit takes; the others have more
_HUGE = frozenset({"peta", "exa", "zetta", "yotta"})
_NEVER = frozenset({"ronna", "quetta", "ronto", "quecto"})
_TAKE_HUGE = frozenset(
    {"hertz", "joule", "watt", "gram", "meter", "byte", "bit", "electron_volt", "becquerel"}
)
_LESS_THAN_ONE = frozenset({"deci", "centi", "milli", "micro", "nano", "pico", "femto", "atto"})
_TAKE_NONE = frozenset({
    "minute", "hour", "day", "week", "month", "inch", "foot", "yard", "mile", "mile_per_hour",
    "knot", "fermi", "pint", "cup", "ounce", "link", "grain", "mil", "degree", "percent",
    "unified_atomic_mass_unit", "molar_gas_constant", "boltzmann_constant", "elementary_charge",
    "technical_atmosphere", "speed_of_light", "planck_constant",
})  # fmt: skip
_NORMAL = re.compile(r"\bNm\*\*\(?3\)?")
_LITRES = re.compile(r"\bslp?m\b")
# a unit that is as likely meant as read: it is doubted only where the other columns speak against
_LETTERS = ((re.compile(r"\bC\b"), "degC"), (re.compile(r"\bF\b"), "degF"),
            (re.compile(r"\bk\b"), "K"), (re.compile(r"\bR\b"), "degR"),
            (re.compile(r"\bmb\b"), "mbar"))  # fmt: skip


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
        return (
            f"the unit '{text}' reads as {self.literal}, but {self.meant} may be meant{fits}; "
            f"write what is meant."
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
    >>> found = improbable("W/m K")
    >>> found.literal, found.meant
    ('kelvin * watt / meter', 'W/(m*K)')
    >>> improbable("W/(m K)") is None
    True
    """
    plain = text.strip()
    if not plain or parse_unit(plain).scale in {"level", "label"}:
        return None
    for pattern, unit, words in _WORDS:
        if pattern.fullmatch(plain):
            return _reading(text, words, unit)
    plain = glued_exponents(normalised(_DOTS.sub(" ", plain)))
    bracket = _BRACKET.match(plain)
    if bracket is not None:
        reference = _with_reference(text, bracket["unit"], bracket["of"], bracket["after"])
        if reference is not None:
            return reference
    if _NORMAL.search(plain):
        other = _NORMAL.sub("m**3", plain)
        words = f"{_short(other)} of gas at standard conditions"
        return _reading(text, words, other)
    if _LITRES.search(plain):
        other = _LITRES.sub("l/min", plain)
        return _reading(text, f"{_short(other)} of gas at standard conditions", other)
    other = plain
    for pattern, meant in _GLUED:
        other = pattern.sub(meant, other)
    other = _JUXTAPOSED.sub(_over_the_product, other)
    if other != plain:
        return _reading(text, _short(other), other)
    other = _ABBREVIATED.sub(lambda m: f"({_ABBREVIATIONS[m[0]][0]})", plain)
    if other != plain:
        whole = _ABBREVIATIONS.get(plain)
        return _reading(text, whole[1] if whole else _short(other), other)
    if any(_is_odd(token) for token in re.findall(r"[^\W\d]\w*", plain)):
        return Reading(_literal(text), "another unit", None)
    for pattern, meant in _LETTERS:
        other = pattern.sub(meant, other)
    return None if other == plain else _reading(text, _short(other), other, doubtful=True)


def _over_the_product(match: re.Match[str]) -> str:
    """``/(m*K)`` for ``/m K``; as it is where the factors that follow are divisors themselves."""
    factors = re.findall(_FACTOR, match["rest"])
    if all(_NEGATIVE.search(f) for f in factors):
        return match.group()
    return f"/({'*'.join([match['first'], *factors])})"


def _is_odd(token: str) -> bool:
    """Whether Pint takes a token for a prefix before a unit that does not take it."""
    found = registry().parse_unit_name(token)
    if not found or not found[0][0]:
        return False
    prefix, unit, _ = found[0]
    if token == prefix + unit:
        # written out
        return False
    return (
        prefix in _NEVER
        or unit in _TAKE_NONE
        or (prefix in _HUGE and unit not in _TAKE_HUGE)
        or (prefix in _LESS_THAN_ONE and unit == "year")
    )


def _with_reference(text: str, unit: str, of: str | None, after: str | None) -> Reading | None:
    """Reading of ``bar(g)`` and ``bar g``: a pressure with what it is counted from."""
    try:
        known = parse_unit(unit)
    except InputError:
        return None
    if known.dimension == _PRESSURE and (of or after) in _BRACKETS:
        return Reading(_literal(text), _BRACKETS[of or after or ""].format(_short(unit)), known)
    if of is None:
        return None
    return Reading(_literal(text), f"{_short(unit)} with a remark", known)


def _reading(text: str, words: str, other: str, *, doubtful: bool = False) -> Reading | None:
    try:
        unit = parse_unit(other)
    except InputError:
        return None
    return Reading(_literal(text), words, unit, doubtful)


def _literal(text: str) -> str:
    units = to_pint(text)
    # a unit may carry a number (1e19 / m^3), which Pint's unit lacks; 1e-9 is rounding
    number = parse_unit(text).factor / parse_unit(unit_text(units)).factor
    return unit_text(units) if abs(number - 1) < 1e-9 else f"{number:g} * {unit_text(units)}"


def _short(unit: str) -> str:
    return re.sub(r"\*\*\((\d+)\)|\*\*", lambda m: f"^{m[1] or ''}", unit.strip())
