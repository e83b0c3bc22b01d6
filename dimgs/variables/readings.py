"""Units that Pint reads otherwise than their writer probably meant, with the likely reading."""

import re
from dataclasses import dataclass
from functools import lru_cache

from dimgs.errors import InputError
from dimgs.variables.notation import glued_exponents, normalised
from dimgs.variables.quantities import unit_text
from dimgs.variables.units import Unit, parse_unit, to_pint

_PRESSURE = parse_unit("Pa").dimension
_POWER = r"(?:\*\*(?:\([-+\d./]+\)|[-+]?\d+))"
_FACTOR = rf"[^\W\d]\w*{_POWER}?"
# a written * follows the rule of every programming language and is not doubted
_JUXTAPOSED = re.compile(rf"/\s*(?P<first>{_FACTOR})(?P<rest>(?:\s+{_FACTOR})+)")
_DOTS = str.maketrans("·⋅×∙", "    ")
_NEGATIVE = re.compile(r"\*\*\(?-")
_BRACKET = re.compile(r"^(?P<unit>.*[^\W\d]\w*(?:\*\*\S+)?)\s*\((?P<of>[age])\)$")
_BRACKETS = {"g": "a gauge pressure in {0} (add the atmosphere's)", "a": "an absolute {0}"}
# letters that Pint takes for one unit and people write for a product: N m, m K, Pa s, m s
_GLUED = (
    (re.compile(r"\b(?P<a>[kMGcmµu]?N)m\b(?!\*\*)"), r"\g<a>*m"),
    (re.compile(r"(?<=/)\s*(?P<a>m)K\b(?!\*\*)"), "(m*K)"),
    (re.compile(r"(?<=g/)\s*ms\b(?!\*\*)"), "(m*s)"),
    (re.compile(r"\b(?P<a>[mkMGhµu]?Pa)s\b"), r"\g<a>*s"),
    (re.compile(r"\bftlbf?\b"), "ft*lbf"),
    (re.compile(r"\b(?:mu|u|micro)\s+(?=[^\W\d])"), "µ"),
    (re.compile(r"\b(?:deg|degree|degrees)\s+(?P<a>[CF])\b"), r"deg\g<a>"),
)
_NORMAL = re.compile(r"\bNm\*\*\(?3\)?")
_LITRES = re.compile(r"\bslp?m\b")
# a unit that is as likely meant as read: it is doubted only where the other columns speak against
_LETTERS = ((re.compile(r"\bC\b"), "degC"), (re.compile(r"\bF\b"), "degF"),
            (re.compile(r"\bk\b"), "K"))  # fmt: skip


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

    def told(self, text: str, fits: str = "") -> str:
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
    plain = glued_exponents(normalised(plain.translate(_DOTS)))
    bracket = _BRACKET.match(plain)
    if bracket is not None:
        return _bracketed(text, bracket["unit"], bracket["of"])
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
    for pattern, meant in _LETTERS:
        other = pattern.sub(meant, other)
    return None if other == plain else _reading(text, _short(other), other, doubtful=True)


def _over_the_product(match: re.Match[str]) -> str:
    """``/(m*K)`` for ``/m K``; as it is where the factors that follow are divisors themselves."""
    factors = re.findall(_FACTOR, match["rest"])
    if all(_NEGATIVE.search(f) for f in factors):
        return match.group()
    return f"/({'*'.join([match['first'], *factors])})"


def _bracketed(text: str, unit: str, of: str) -> Reading | None:
    try:
        known = parse_unit(unit)
    except InputError:
        return None
    if known.dimension == _PRESSURE and of in _BRACKETS:
        return Reading(_literal(text), _BRACKETS[of].format(_short(unit)), known)
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
