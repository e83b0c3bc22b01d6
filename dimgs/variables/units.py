"""Units: exact dimensions, the grammar of unit texts, and texts that probably mean another unit."""

import csv
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, lru_cache
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError, UnitError, attempt
from dimgs.common.formats import shown

if TYPE_CHECKING:
    import pint


# ---- Dimensions as exact rational exponents of base dimensions.


# finds every exponent that is written as a fraction, and few floats by chance
_MAX_DENOMINATOR = 1000
# far above a float's rounding, and below the 1e-6 between fractions of these denominators
_EXACTNESS = 1e-9
# a decimal this close to a fraction this simple was probably meant as it: 0.3333
_SIMPLE_DENOMINATOR = 12
# 0.3333 or 0.667: an exponent this near to a simple fraction was cut off when it was written
_TRUNCATED = 1e-4
# twelve decimals; longer ones are results of a calculation, not exponents that were written
_MAX_DECIMAL = 10**12

# base dimensions of the SI with their symbols, in the usual order
BASES = {
    "[length]": "L",
    "[mass]": "M",
    "[time]": "T",
    "[temperature]": "Θ",
    "[current]": "I",
    "[substance]": "N",
    "[luminosity]": "J",
}


def exact_exponent(value: object, where: str) -> Fraction:
    """Rational behind a unit's exponent, which Pint keeps as a float.

    Parameters
    ----------
    value : object
        Exponent as an int, Fraction, Decimal or float.
    where : str
        The unit it stands in, for the message.

    Returns
    -------
    Fraction

    Raises
    ------
    InputError
        If no rational of denominator up to 1000 gives the same float within 1e-9, and it is not
        a decimal of up to 12 digits that is clearly no truncated fraction.

    Examples
    --------
    >>> exact_exponent(1 / 3, "m**(1/3)")
    Fraction(1, 3)
    """
    if isinstance(value, int | Fraction):
        return Fraction(value)
    number = float(str(value))
    rational = Fraction(number).limit_denominator(_MAX_DENOMINATOR)
    if abs(float(rational) - number) <= _EXACTNESS:
        return rational
    decimal = Fraction(repr(number))
    simple = Fraction(number).limit_denominator(_SIMPLE_DENOMINATOR)
    if decimal.denominator > _MAX_DECIMAL or abs(float(simple) - number) < _TRUNCATED:
        raise UnitError(
            f"The exponent {number!r} in the unit '{where}' is not a rational of small "
            f"denominator; write it as a fraction, for example m**(1/3)."
        )
    return decimal


Exponents = tuple[tuple[str, Fraction], ...]


def product_of(
    powers: Iterable[tuple[Iterable[tuple[str, Fraction | int]], Fraction | int]],
) -> Exponents:
    """Exponents of a product of powers of products, sorted by name and without zeros.

    Examples
    --------
    >>> product_of([([("m", 1), ("s", -1)], 2), ([("s", 1)], 2)])
    (('m', Fraction(2, 1)),)
    """
    total: dict[str, Fraction | int] = {}
    for product, power in powers:
        for name, exponent in product:
            total[name] = total.get(name, 0) + power * exponent
    return tuple(sorted((name, Fraction(e)) for name, e in total.items() if e))


class Powers:
    """A product of powers, with exact exponents by name."""

    __slots__ = ()
    exponents: Exponents

    def as_dict(self) -> dict[str, Fraction]:
        """Exponents by name."""
        return dict(self.exponents)

    def get(self, name: str) -> Fraction:
        """Exponent of a name (zero where absent)."""
        return self.as_dict().get(name, Fraction(0))

    def to_json(self) -> dict[str, str]:
        """Exponents by name, as texts of exact rationals."""
        return {name: str(exponent) for name, exponent in self.exponents}


@dataclass(frozen=True, slots=True)
class Dimension(Powers):
    """Product of powers of base dimensions, with exact rational exponents.

    Parameters
    ----------
    exponents : tuple of (str, Fraction)
        Pairs of a base dimension such as ``"[length]"`` and its exponent, sorted by name and
        without zeros. Use :meth:`of` to build one from any mapping.

    Examples
    --------
    >>> velocity = Dimension.of({"[length]": 1, "[time]": -1})
    >>> print(velocity**2 / velocity)
    L·T⁻¹
    """

    exponents: Exponents = ()

    @classmethod
    def of(cls, exponents: Mapping[str, Fraction | int]) -> "Dimension":
        """Dimension from a mapping of base dimension to exponent; zeros are left out."""
        return cls(product_of([(exponents.items(), 1)]))

    def __iter__(self) -> Iterator[tuple[str, Fraction]]:
        return iter(self.exponents)

    @property
    def is_dimensionless(self) -> bool:
        """Whether every exponent is zero."""
        return not self.exponents

    @classmethod
    def from_json(cls, exponents: Mapping[str, str]) -> "Dimension":
        """Inverse of :meth:`to_json`."""
        return cls.of({base: Fraction(text) for base, text in exponents.items()})

    @classmethod
    def product(cls, powers: Iterable[tuple["Dimension", Fraction | int]]) -> "Dimension":
        """Product of powers of dimensions."""
        return cls(product_of(powers))

    def __mul__(self, other: "Dimension") -> "Dimension":
        return Dimension.product([(self, 1), (other, 1)])

    def __truediv__(self, other: "Dimension") -> "Dimension":
        return Dimension.product([(self, 1), (other, -1)])

    def __pow__(self, power: Fraction | int) -> "Dimension":
        return Dimension.product([(self, power)])

    def __str__(self) -> str:
        if not self.exponents:
            return "1"
        return "·".join(
            BASES.get(base, base) + superscript(exponent) for base, exponent in self.exponents
        )


def superscript(exponent: Fraction) -> str:
    """Exponent in Unicode superscripts; nothing for one.

    Examples
    --------
    >>> superscript(Fraction(-2)), superscript(Fraction(1, 2)), superscript(Fraction(1))
    ('⁻²', '^(1/2)', '')
    """
    if exponent == 1:
        return ""
    if exponent.denominator != 1:
        return f"^({exponent})"
    return str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


# ---- The grammar of unit texts: products, quotients and powers of names, and nothing else.
#
# A text is rewritten into a small alphabet (typographic signs, LaTeX), cut into tokens and parsed.
# Any other character is an error that names it.


# characters: no unit is as long
_LONGEST = 200
# of an exponent, or of its denominator; nobody writes more
_DIGITS = r"[0-9]{1,4}"
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺⁄", "0123456789-+/")
_SUPERSCRIPT_RUN = re.compile(r"[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+(?:⁄[⁰¹²³⁴⁵⁶⁷⁸⁹]+)?")
_COMPATIBLE = "㎚㎛㎜㎝㎞㎟㎠㎡㎢㎣㎤㎥㎦㎎㎏㎖㎐㎑㎒㎓㎩㎪㎫㎬"
# signs that print as another one, or stand for several letters
_SIGNS = str.maketrans({
    **dict.fromkeys("‐‑‒–—−", "-"),
    **dict.fromkeys("⁄∕／÷", "/"),
    **dict.fromkeys("⋅∙•×", "·"),
    **dict.fromkeys("º˚", "°"),
    **{sign: unicodedata.normalize("NFKC", sign) for sign in _COMPATIBLE},
    "℃": "°C", "℉": "°F", "∆": "Δ", "μ": "µ", "∗": "*",
})  # fmt: skip
_INDICES = (
    (re.compile(r"_?[☉⊙]"), "_sun"),
    (re.compile(r"_?⊕"), "_earth"),
    (re.compile(r"_?♃"), "_jup"),
    (re.compile("H₂O"), "H2O"),
)
_COMMANDS = {
    "cdot": "·", "times": "×", "mu": "µ", "Omega": "Ω", "circ": "°", "degree": "°", "AA": "Å",
    "odot": "☉", "oplus": "⊕", "%": "%", **dict.fromkeys(",;: ", " "),
}  # fmt: skip
# a blank ends a command and is not a product
_COMMAND = re.compile(r"\\([a-zA-Z]+(?:\s(?=[^\W\d_]))?|[%,;: ])")
_LATEX: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    # mathematics within the line: all of it, an exponent, an index or a command
    (re.compile(r"^\$([^$]*)\$$|\$(?=\s*[\^_\\])([^$]*)\$"), lambda m: _signs(m[1] or m[2] or "")),
    (
        re.compile(r"\\(?:mathrm|text|textrm|rm)\s*\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}"),
        lambda m: m[1],
    ),
    (re.compile("(?s).+"), lambda m: _signs(m[0])),
    (re.compile(r"\^(?:\{°\}|°)"), lambda m: "°"),
    (re.compile(r"\^\{([^{}]*)\}"), lambda m: f"^({m[1]})"),
    (re.compile(r"_\{([^{}]*)\}"), lambda m: f"_{m[1]}"),
)
_FACTOR_FIRST = re.compile(r"^[xX×]\s*(?=\d)")
_DEGREE = re.compile(
    r"(?P<of>Δ\s*)?°\s*(?P<scale>[CFRK](?!\w))?|Δ\s*(?:deg_?)?(?P<difference>[CF])(?!\w)"
)
_NAME = re.compile(r"[^\W\d_]\w*|[%‰′″]")
_GLUED = re.compile(r"(?P<name>[^0-9]+)(?P<power>[0-9]+)(?:[^0-9].*)?")
# m3, T4; 2m50 and 1h30 are not powers, and m1 or m5 may be a slip
_GLUED_POWERS = frozenset("234")
_NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,4}(?![0-9]))?")
_RAISED = re.compile(
    rf"(?:\*\*|\^)\s*(?:\(\s*(?P<top>[-+]?(?:{_DIGITS}(?:\.[0-9]*)?|\.[0-9]+))\s*"
    rf"(?:/\s*(?P<bottom>{_DIGITS}))?\s*\)|(?P<plain>[-+]?(?:{_DIGITS}(?:\.[0-9]+)?|\.[0-9]+)))"
    rf"(?![0-9]|\s*(?:\*\*|\^))"
)
# "m3", "m-3" and "m -3": digits that touch a name, or their sign, are its exponent
_TOUCHING = re.compile(r"(-?[0-9])(?![0-9.])")
_KEYWORDS = {"per": "/", "sqrt": "√"}
_BEFORE = {"sq": 2, "square": 2, "cu": 3, "cubic": 3}
_AFTER = {"squared": 2, "cubed": 3}
_PREFIX_APART = frozenset({"mu", "u", "µ", "micro"})
_BROKEN = "it is not a product of powers of units, or breaks off"
_NUMBER_LAST = "a number follows a unit; write an exponent as m^3 and a factor first"
_TOUCHES = (
    "an exponent is not a plain number or fraction such as 2, -1 or (1/3), or touches the "
    "next unit; W/m²K is W/(m²*K)"
)
_PRODUCT = re.compile(r"[\w*/^-]+")
_ONE_NAME = re.compile(r"/?(?:[^\W\d]\w*|[′″])(?:\^-?\d)?")
# abbreviations that take a plural; of other short names an s is more likely a second
_PLURALS = "lb oz gal bbl qt pt mi yd hr yr min sec day kt kip mil bar erg cup ton bit amp ohm lbm"
_TAKE_PLURAL = frozenset(_PLURALS.split())
# letters of the shortest name that may begin with a capital, as in "Pascal"
_LONG_NAME = 4
# names that users define; the table of readings has nothing to say of them
user_names: set[str] = set()
# of a larger denominator an exponent was written as a decimal, and is shown as one
_MAX_QUOTIENT = 1000
_BASE_UNITS = dict(zip(BASES, ("m", "kg", "s", "K", "A", "mol", "cd"), strict=True))
_BASE_UNITS["[printing_unit]"] = "pixel"
# a power that is not a rational of a table: more digits than anybody writes
_FITTED = re.compile(r"(\^|\*\*)(-?\d+\.\d{5,})")
_Numbers = TypeVar("_Numbers", float, "Array")
Scale = Literal["ratio", "temperature", "level", "label"]
DIMENSIONLESS_TEXTS = frozenset(
    {*("", "1", "-", "--", "---", "–", "—", "[-]", "(-)"), "none", "dimensionless"}
    | {"nondimensional", "unitless"}
)
LABEL_TEXTS = frozenset({"label", "category", "categorical"})
# natural logarithm of the power-like quantity per unit of the level
_LN10 = math.log(10.0)
_LEVELS: "Mapping[str, float]" = {
    **dict.fromkeys(("B", "bel", "dex", "decade"), _LN10),
    **dict.fromkeys(("dB", "decibel", "dB(A)", "dBA", "dBm", "dBW", "dBu", "dBV"), _LN10 / 10),
    **dict.fromkeys(("dB SPL", "dB re 20 µPa"), _LN10 / 10),
    **dict.fromkeys(("Np", "neper"), 1.0),
    **dict.fromkeys(("pH", "pKa"), -_LN10),
    **dict.fromkeys(("mag", "magnitude"), -0.4 * _LN10),
    "octave": math.log(2.0),
}
# levels that Pint has with the same meaning: its neper is one of power, its dBu one of microwatts
_OF_PINT = frozenset({"dB", "octave", "decade"})
_ALIASES = {"bel": "B", "decibel": "dB", "dBA": "dB(A)", "neper": "Np", "magnitude": "mag"}
_LEVEL_OF = re.compile(r"^(ln|log|log10|log_10|log2|log_2)\s*\((.*)\)$")
# names that are levels within a product too; B is a byte there
_LEVEL_NAMES = frozenset(_LEVELS) - {"B"}
_PRESSURE = Dimension.of({"[length]": -1, "[mass]": 1, "[time]": -2})
_REMARK = re.compile(r"(?P<unit>[^()]+(?:\([^()]*\)[^()]*)*?)\s+\((?P<remark>[^()]+)\)$")
# "(x 1e3)", "(10³)", "(thousands)": whether numbers were multiplied or are to be is not said
_SCALING = re.compile(
    r"[x×*]\s*\d|10\s*[\^⁰¹²³⁴⁵⁶⁷⁸⁹⁻]|\d[eE][-+]?\d|^[\d.,'\s]+s?$"
    r"|\b(?:hundred|thousand|million|billion|trillion)s?\b",
    re.IGNORECASE,
)
# what a pressure counts from, and the phase of a substance: bara, bar(g), kPa abs, mol(g)
_REFERENCE = re.compile(
    r"(?P<unit>.*?[^\W\d])(?P<apart>\s*)(?P<open>\()?"
    r"(?:(?P<absolute>abs(?:olute)?\.?|a)|(?P<gauge>gauge|ga?)|[els])(?(open)\))$"
)
# "1 (Darcy)" is a friction factor
_PERSON = re.compile(r"\b[A-Z][a-z]{3,}")
_PROSE = re.compile(r"^(?=.*[^\W\d_]{3}).*\S\s+\S|^[a-z]{5,}$")


class Factor(NamedTuple):
    """A name and its power; `written` is the exponent at the name, `below` whether a slash was."""

    name: str
    power: Fraction
    written: Fraction = Fraction(1)
    below: bool = False


class Product(NamedTuple):
    """A number times powers of names, in the order in which they are written."""

    number: float = 1.0
    factors: tuple[Factor, ...] = ()

    def times(self, other: "Product", power: Fraction | int = 1) -> "Product":
        """Product with a power of another one."""
        raised = tuple(
            f._replace(power=f.power * power, below=f.below or power < 0) for f in other.factors
        )
        return Product(self.number * other.number ** float(power), (*self.factors, *raised))


class Token(NamedTuple):
    """A piece of a text; `spaced` where a blank stands before it."""

    kind: str
    text: str
    spaced: bool = False
    power: Fraction = Fraction(1)


_END = Token("end", "")


def written(text: str, *, tight: bool = False) -> Product:
    """Product of a unit text.

    Parameters
    ----------
    text : str
    tight : bool
        Read ``W/m K`` as W/(m K), as many people mean it, and ``mu m`` as a prefix and a unit.

    Raises
    ------
    InputError
        For a character, or an order of them, that the grammar does not know.
    """
    parser = _Parser(_tokens(rewritten(text)), tight)
    product = parser.term()
    if parser.ahead.kind != "end":
        raise InputError(_BROKEN)
    return product


def _signs(text: str) -> str:
    """The signs that LaTeX's commands stand for."""
    return _COMMAND.sub(lambda m: _COMMANDS.get(m[1].strip() or " ", m[0]), text)


def rewritten(text: str) -> str:
    """A text in the alphabet of the grammar: signs that look like others, LaTeX, superscripts."""
    if len(text) > _LONGEST:
        raise InputError(f"it has more than {_LONGEST} characters")
    text = unicodedata.normalize("NFC", text.strip())
    for pattern, new in _LATEX if set(text) & set("\\${") else ():
        text = pattern.sub(new, text)
    text = _SUPERSCRIPT_RUN.sub(lambda m: f"^({m[0].translate(_SUPERSCRIPTS)})", text)
    for pattern, name in _INDICES:
        text = pattern.sub(name, text)
    return _FACTOR_FIRST.sub("", text).translate(_SIGNS)


def _tokens(text: str) -> list[Token]:
    """Pieces of a text; every character belongs to one."""
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        token, position = _token(text, position, tokens)
        tokens.append(token)
    return [*tokens, _END]


def _token(text: str, start: int, before: list[Token]) -> tuple[Token, int]:
    char = text[start]
    spaced = start > 0 and text[start - 1].isspace()
    last = before[-1].kind if before else ""
    power = _TOUCHING.match(text, start) if last in ("name", "power", ")") else None
    if power and (char == "-" or (last == "name" and text[start - 1].isalpha())):
        # m-2K is m^-2 K, but m2K may be a slip
        kind = "power" if char == "-" else "open power"
        return Token(kind, power[1], power=Fraction(power[1])), power.end()
    if phrase := phrases().match(text, start):
        return Token("name", " ".join(phrase[0].split()), spaced), phrase.end()
    if degree := _DEGREE.match(text, start):
        return Token("name", _degree(degree), spaced), degree.end()
    if name := _NAME.match(text, start):
        return _word(name[0], start, spaced)
    if char == "^" or text.startswith("**", start):
        return _exponent(text, start)
    if char.isascii() and (number := _NUMBER.match(text, start)):
        return Token("number", number[0], spaced), number.end()
    if char == ".":
        return _dot(text, start, before)
    if char in "*·/()√-":
        return Token(char, char, spaced), start + 1
    if is_unit(char):
        return Token("name", char, spaced), start + 1
    sign = unicodedata.name(char, f"U+{ord(char):04X}").lower()
    raise InputError(f"{char!r} ({sign}) does not belong in a unit")


def _degree(match: re.Match[str]) -> str:
    if match["difference"]:
        return f"delta_deg{match['difference']}"
    scale = f"deg{match['scale'] or 'ree'}"
    return f"delta_{scale}" if match["of"] else scale


def _word(word: str, start: int, spaced: bool) -> tuple[Token, int]:
    """A keyword or a name; digits that end an unknown name are left to be its exponent."""
    end = start + len(word)
    if word in _KEYWORDS:
        return Token(_KEYWORDS[word], word, spaced), end
    if word in _BEFORE:
        # "sq. ft."
        return Token("before", word, spaced, Fraction(_BEFORE[word])), end
    if word in _AFTER:
        return Token("power", word, power=Fraction(_AFTER[word])), end
    glued = _GLUED.fullmatch(word)
    if glued and not is_unit(word) and is_unit(glued["name"]):
        word = glued["name"]
        if glued["power"] not in _GLUED_POWERS:
            odd = f"{word}{glued['power']}"
            raise InputError(f"'{odd}' is not a unit with a power; write one as {word}^2")
    return Token("name", word, spaced), start + len(word)


def _exponent(text: str, start: int) -> tuple[Token, int]:
    raised = _RAISED.match(text, start)
    if raised is None:
        raise InputError(_TOUCHES)
    if raised["bottom"] and not int(raised["bottom"]):
        raise InputError("an exponent is divided by zero")
    written = raised["plain"] or raised["top"]
    power = exact_exponent(int(written) if written.lstrip("+-").isdigit() else float(written), text)
    # only an exponent in brackets, as superscripts are, ends without a blank
    kind = "open power" if raised["plain"] else "power"
    # with its brackets, as "m-2" is another text than "m^(-2)"
    shown = raised["plain"] or raised[0]
    return Token(kind, shown, power=power / int(raised["bottom"] or 1)), raised.end()


def _dot(text: str, start: int, before: list[Token]) -> tuple[Token, int]:
    """The dot of a product, ``kg.m``, or the one that ends an abbreviation, ``in.``."""
    after = text[start + 1 : start + 2]
    last = before[-1].kind if before else ""
    apart = text[start - 1].isspace() if start else True
    if last in ("name", "power", "open power", ")") and (
        after.isalpha() or after in ("√", "(") if not apart else after.isspace()
    ):
        return Token("·", "."), start + 1
    dotted = len(before) > 1 and before[-2].kind == "·"
    if last in ("name", "before") and not apart and not dotted and not after.isalnum():
        return Token("dot", "."), start + 1
    raise InputError("'.' (full stop) is neither a product nor the end of an abbreviation")


class _Parser:
    """Descent through the tokens; :attr:`ahead` is the next one."""

    def __init__(self, tokens: list[Token], tight: bool) -> None:
        self._tokens = [t for t in tokens if t.kind != "dot"]
        self._position = 0
        self._tight = tight

    @property
    def ahead(self) -> Token:
        return self._tokens[self._position]

    def _take(self, *kinds: str) -> Token | None:
        token = self.ahead
        if token.kind not in kinds:
            return None
        self._position += 1
        return token

    def term(self) -> Product:
        """Products and quotients, from left to right."""
        total = Product()
        below, first = self._take("/") is not None, True
        while True:
            over, factor = below, self._compound(below, first)
            rest = self._juxtaposed() if below and self._tight else []
            # W/m K^-1 is what it says
            if all(f.power < 0 for product in rest for f in product.factors):
                total = total.times(factor, -1 if below else 1)
                below = False
            for product in ([factor] if below else []) + rest:
                total = total.times(product, -1 if below else 1)
            first = not total.factors
            if self.ahead.kind in ("end", ")"):
                return total
            below = self._take("/") is not None
            starred = not below and self._take("*") is not None
            if not below and not starred and self._take("·") is None:
                self._refuse_touching(over)
            # "mg/kg*920 kg/m^3", but not "kg*1000", whose numbers may have been multiplied
            first = first or (starred and self._tokens[self._position + 1 :][:1] != [_END])

    def _juxtaposed(self) -> list[Product]:
        """Factors that follow with a blank or a dot between."""
        factors = []
        while self.ahead.kind in ("name", "(", "√", "before", "·"):
            self._take("·")
            factors.append(self._compound(False, False))
        return factors

    def _refuse_touching(self, over: bool) -> None:
        """Refuse what follows without a blank where that may be a slip, as in W/m²K."""
        token, last = self.ahead, self._tokens[self._position - 1].kind
        if token.spaced or token.kind in ("(", "√"):
            return
        if last == "open power" or (last == "power" and over):
            raise InputError(_TOUCHES)
        if last not in ("number", "power") and not token.text.startswith("deg"):
            raise InputError(_BROKEN)

    def _compound(self, below: bool, first: bool) -> Product:
        """Factors that a hyphen joins: W/m-K is W/(m K)."""
        if self.ahead.kind == "number":
            return self._number(below, first)
        product = self._power(below, first)
        while self._take("-"):
            product = product.times(self._power(below, False))
        return product

    def _number(self, below: bool, first: bool) -> Product:
        before = self._tokens[max(self._position - 3, 0) : self._position]
        token, self._position = self.ahead, self._position + 1
        if below and len(before) > 2 and before[1].kind == "open power":
            base, power = before[0].text, f"{before[1].text}/{token.text}"
            raise InputError(
                f"it is unclear whether {power} is the exponent; write {base}^({power})"
            )
        if below and self.ahead.kind in ("name", "(", "√", "before"):
            divisor = f"({token.text} {self.ahead.text})"
            remedy = f"write /{divisor} if it is that"
            if len(before) > 1 and before[-2].kind == "number" and float(token.text):
                part = float(before[-2].text) / float(token.text)
                remedy += f", or {part:.6g} {self.ahead.text} if it is a part"
            raise InputError(f"it is unclear what is divided by; {remedy}")
        raised = self._take("power", "open power")
        if not (first or below) or self.ahead.kind in ("number", "(", "-"):
            raise InputError(_NUMBER_LAST)
        number = float(token.text) ** float(raised.power if raised else 1)
        if not number:
            raise InputError("a factor is zero")
        return Product(number)

    def _power(self, below: bool, first: bool) -> Product:
        raised = self._take("before")
        name = ""
        if token := self._take("name"):
            name = token.text
            if self._tight and name in _PREFIX_APART and self.ahead.kind == "name":
                name = f"µ{self._tokens[self._position].text}"
                self._position += 1
            product = Product(1.0, (Factor(name, Fraction(1)),))
        elif self._take("("):
            if self.ahead.kind == "number" and not (first or below):
                raise InputError(_NUMBER_LAST)
            product = self.term()
            if not self._take(")"):
                raise InputError(_BROKEN)
            if not product.factors:
                raise InputError(_NUMBER_LAST)
        elif self._take("√"):
            return Product().times(self._power(below, True), Fraction(1, 2))
        else:
            raise InputError(_BROKEN)
        exponent = self._take("power", "open power")
        if exponent and self.ahead.kind in ("power", "open power"):
            raise InputError(_TOUCHES)
        if below and exponent and exponent.kind == "power" and exponent.text.startswith("-"):
            base = name or "(...)"
            positive = base if exponent.power == -1 else f"{base}^{-exponent.power}"
            raise InputError(
                f"it is unclear whether '/{base}{exponent.text}' divides or multiplies; write "
                f"'/{positive}' or '*{positive}'"
            )
        power = (exponent.power if exponent else Fraction(1)) * (raised.power if raised else 1)
        if not power:
            return Product()
        if name:
            return Product(1.0, (Factor(name, power, power),))
        return Product().times(product, power)


class ReadingRow(NamedTuple):
    """A row of ``readings.csv``."""

    text: str
    outcome: str
    reading: str
    meant: str
    said: str
    reason: str


@cache
def readings() -> dict[str, ReadingRow]:
    """The table of readings, by text."""
    path = Path(__file__).with_name("readings.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = [ReadingRow(*row) for row in csv.reader(file)]
    return {row.text: row for row in rows[1:]}


@cache
def phrases() -> re.Pattern[str]:
    """Units of several words or signs that are read as one, the longest first."""
    patterns = [
        (r"(?<!\w)" if text[0].isalnum() else "")
        + r"\s+".join(map(re.escape, text.split()))
        + (r"(?!\w)" if text[-1].isalnum() else "")
        for text in sorted(several_names(doubted=False), key=len, reverse=True)
    ]
    return re.compile("|".join(patterns))


def several_names(*, doubted: bool) -> list[str]:
    """Texts of several names: products that are doubted as a whole, or else phrases."""
    return [
        text
        for text, row in readings().items()
        if not _ONE_NAME.fullmatch(text)
        and doubted == bool(row.outcome != "read" and _PRODUCT.fullmatch(text))
    ]


def reading_of(factor: Factor) -> ReadingRow | None:
    """Row of the table for a factor as it is written."""
    if factor.name in user_names:
        return None
    table = readings()
    raised = f"{factor.name}^{factor.written}"
    below = f"/{factor.name}" if factor.below and factor.written == 1 else ""
    return table.get(raised) or table.get(below) or table.get(factor.name)


def pint_unit(name: str) -> tuple[str, str] | None:
    """Prefix and unit, in Pint's full names, that a name stands for; None where Pint has none.

    Full names may begin with a capital. A plural is one of a full name or of an abbreviation that
    takes it: ``Vs`` is not a plural of volt.
    """
    splits = registry().parse_unit_name(name)
    stem = name.removesuffix("s")
    if not splits and name[1:].islower() and len(stem) >= _LONG_NAME:
        name, stem = name.lower(), stem.lower()
        splits = registry().parse_unit_name(name)
    if not splits:
        return None
    prefix, unit, _ = splits[0]
    if name != stem and len(stem) < _LONG_NAME and stem not in _TAKE_PLURAL:
        single = registry().parse_unit_name(stem)
        if single and single[0][:2] == (prefix, unit):
            return None
    return prefix, unit


def is_unit(name: str) -> bool:
    """Whether a name stands for a unit."""
    return name in readings() or pint_unit(name) is not None


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


# one of these shortens a product of base units; the first ones are preferred
_DERIVED = ("W", "Pa", "J", "N", "C", "V", "ohm", "F", "T", "H")
# as tables of properties print them, though a shorter product exists
_USUAL = ("W/m^2", "N/m", "W/(m^2*K)")


@cache
def _by_dimension(texts: tuple[str, ...]) -> dict[Dimension, str]:
    return {parse_unit(text).dimension: text for text in texts}


def base_unit(base: str) -> str:
    """SI base unit of a base dimension; a user's own dimension keeps its registry unit."""
    return _unit_of_base(base) or base.strip("[]")


def undefined_bases(dimension: Dimension) -> list[str]:
    """Base dimensions for which the registry has no unit, as of a user's unit in another process.

    Examples
    --------
    >>> undefined_bases(Dimension.of({"[mass]": 1, "[fame]": -1}))
    ['[fame]']
    """
    return [base for base, _ in dimension if _unit_of_base(base) is None]


def _unit_of_base(base: str) -> str | None:
    if base in _BASE_UNITS:
        return _BASE_UNITS[base]
    defined = registry()._units.values()
    named = (u.name for u in defined if u.is_base and dict(u.reference or {}) == {base: 1})
    return next(named, None)


def _factor(name: str, exponent: Fraction) -> str:
    if exponent == 1:
        return name
    if exponent.denominator == 1:
        return f"{name}^{exponent}"
    if exponent.denominator > _MAX_QUOTIENT:
        return f"{name}^{float(exponent)!r}"
    return f"{name}^({exponent})"


def product_text(factors: Sequence[tuple[str, Fraction]], number: float = 1.0) -> str:
    """A product of powers of units as a text: ``W/(m*K)``."""
    above = [_factor(n, e) for n, e in factors if e > 0]
    below = [_factor(n, -e) for n, e in factors if e < 0]
    if number != 1 or not above:
        above.insert(0, f"{number:g}")
    divisor = "*".join(below)
    return "*".join(above) + (f"/({divisor})" if len(below) > 1 else f"/{divisor}" if below else "")


@lru_cache(maxsize=4096)
def si_unit(dimension: Dimension) -> str:
    """Shortest readable coherent SI unit of a dimension, in a form that Pint reads.

    Examples
    --------
    >>> si_unit(Dimension.of({"[mass]": 1, "[length]": -1, "[time]": -2}))
    'Pa'
    >>> watts = Dimension.of({"[mass]": 1, "[length]": 2, "[time]": -3})
    >>> si_unit(watts / Dimension.of({"[mass]": 1}) ** Fraction(3, 4))
    'W/kg^(3/4)'
    >>> si_unit(Dimension())
    '1'
    """
    if dimension.is_dimensionless:
        return "1"
    if usual := _by_dimension(_USUAL).get(dimension):
        return usual
    best = [(base_unit(b), e) for b, e in dimension]
    least = _cost(best)
    for derived, name in _by_dimension(_DERIVED).items():
        for power in (Fraction(1), Fraction(-1)):
            rest = [(base_unit(b), e) for b, e in dimension / derived**power]
            # a kilogram is left squared, as in J m/kg^2 for m^3/(kg s^2)
            if any(unit == "kg" and abs(e) >= 2 for unit, e in rest):
                continue
            factors = list(chain([(name, power)], rest))
            if _cost(factors) + 1 < least:
                best, least = factors, _cost(factors) + 1
    if len(best) > 1 and all(e < 0 for _, e in best):
        return "*".join(_factor(n, e) for n, e in best)
    return product_text(best)


def shown_unit(unit: str) -> str:
    """A unit for reading: fitted exponents in it in four digits.

    Examples
    --------
    >>> shown_unit("W*kg^0.2774795809430786/s^1.5588904474279146"), shown_unit("W/kg^(3/4)")
    ('W*kg^0.2775/s^1.559', 'W/kg^(3/4)')
    """
    return _FITTED.sub(lambda match: f"{match[1]}{float(match[2]):.4g}", unit)


def unit_suffix(unit: str) -> str:
    """A unit for reading as it follows a number; empty where the number has none.

    Examples
    --------
    >>> unit_suffix("m/s"), unit_suffix("1"), unit_suffix("1000 lb"), unit_suffix("1/s")
    (' m/s', '', ' × 1000 lb', ' 1/s')
    """
    if unit in ("", "1", "-"):
        return ""
    # two numbers in a row are none
    times = "× " if unit[0].isdigit() and not unit.startswith("1/") else ""
    return f" {times}{shown_unit(unit)}"


def _cost(factors: list[tuple[str, Fraction]]) -> Fraction:
    size = sum((abs(e) + (1 if e.denominator > 1 else 0) for _, e in factors), Fraction(0))
    return size + 2 * len(factors)


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as written, with its exact dimension and its conversion to coherent SI.

    Parameters
    ----------
    text : str
        The unit as the user wrote it.
    dimension : Dimension
        Exact exponents of the base dimensions.
    factor, offset : float
        ``SI value = factor * value + offset``.
    scale : {"ratio", "temperature", "level", "label"}
        Whether ratios mean something ("ratio"), the unit is an absolute temperature on an
        offset scale ("temperature", in kelvin once converted), the number is already a
        logarithm ("level"), or there is no number at all ("label").
    log_factor : float
        For a level, the natural logarithm of the underlying quantity per unit of the level;
        zero otherwise.

    Examples
    --------
    >>> parse_unit("kg m-3").dimension.to_json()
    {'[length]': '-3', '[mass]': '1'}
    >>> parse_unit("degC").offset
    273.15
    >>> parse_unit("dB").scale
    'level'
    """

    text: str
    dimension: Dimension
    factor: float = 1.0
    offset: float = 0.0
    scale: Scale = "ratio"
    log_factor: float = 0.0

    def to_si(self, value: _Numbers) -> _Numbers:
        """SI value of a number in this unit.

        Examples
        --------
        >>> parse_unit("degC").to_si(20.0)
        293.15
        """
        plain = self.factor == 1.0 and not self.offset
        return value if plain else value * self.factor + self.offset

    def from_si(self, value: _Numbers) -> _Numbers:
        """Number in this unit whose SI value is given, up to a rounding error."""
        return (value - self.offset) / self.factor

    def accepts(self, other: "Unit") -> bool:
        """Whether numbers in another unit can stand for numbers in this one, once converted.

        A level stands for the same level only, and a difference of temperatures for no absolute
        temperature where either unit states which one it is.

        Examples
        --------
        >>> parse_unit("mm").accepts(parse_unit("ft")), parse_unit("dB").accepts(parse_unit("Np"))
        (True, False)
        >>> parse_unit("degC").accepts(parse_unit("delta_degC"))
        False
        """
        if "level" in (self.scale, other.scale):
            return _ALIASES.get(self.text, self.text) == _ALIASES.get(other.text, other.text)
        if (self.offset and is_difference(other)) or (other.offset and is_difference(self)):
            return False
        labels = (self.scale == "label") == (other.scale == "label")
        return labels and self.dimension == other.dimension


def is_difference(unit: Unit) -> bool:
    """Whether a unit is one of differences, as ``delta_degC``."""
    return not unit.offset and any("delta_" in f.name for f in written(unit.text).factors)


DIMENSIONLESS = Unit("1", Dimension())
LABEL = Unit("label", Dimension(), scale="label")


def powers_of(product: Product, *, literal: bool = False) -> tuple[float, dict[str, Fraction]]:
    """Number and exact powers of Pint's units; with `literal`, without the table of readings."""
    number, powers = product.number, dict[str, Fraction]()
    for factor in product.factors:
        row = None if literal else reading_of(factor)
        if row is not None and row.reading:
            power = factor.power / factor.written if "^" in row.text else factor.power
            inner, factors = powers_of(written(row.reading), literal=True)
            number *= inner ** float(power)
        else:
            power, factors = factor.power, {_name(factor.name): Fraction(1)}
        for name, exponent in factors.items():
            powers[name] = powers.get(name, Fraction(0)) + power * exponent
    return number, {name: power for name, power in powers.items() if power}


def _name(name: str) -> str:
    parts = pint_unit(name)
    if parts is None:
        odd = next((c for c in name if not c.isascii()), None)
        strange = f"; {odd!r} is {unicodedata.name(odd, 'unnamed').lower()}" if odd else ""
        raise InputError(f"'{name}' is not defined in the unit registry{strange}")
    return str(registry().get_name("".join(parts)))


def _quantity(text: str) -> tuple[Any, Dimension]:
    """Pint quantity for a unit text that may carry a number ("1e19 m^-3"), and its dimension."""
    units = registry()
    product = written(text)
    if any(factor.name in _LEVEL_NAMES for factor in product.factors):
        raise InputError(
            "it mixes a logarithmic level with other units; give the level alone ('dB') or convert "
            "the rate to a linear unit, 1 dB/m = 0.2303 1/m for power"
        )
    number, powers = powers_of(product)
    counted = {name for name in powers if not units._is_multiplicative(name)}
    if list(powers.values()) != [1]:
        # within a product a temperature is a difference
        powers = {f"delta_{n}" if n in counted else n: power for n, power in powers.items()}
    elif counted and number != 1:
        raise InputError("a temperature that counts from a zero takes no factor")
    dimension = Dimension()
    for name, power in powers.items():
        exact = {
            str(base): exact_exponent(e, text) for base, e in units.get_dimensionality(name).items()
        }
        dimension *= Dimension.of(exact) ** power
    container = units.UnitsContainer({name: float(power) for name, power in powers.items()})
    return units.Quantity(number, container), dimension


@lru_cache(maxsize=4096)
def parse_unit(text: str) -> Unit:
    """Unit from its text.

    Pint's names and aliases hold (``m/s**2``, ``m/s^2``, ``kg m-3``, ``Pa·s``, ``µm``, ``°C``,
    ``%``, ``MPa·√m``). Angles are dimensionless (radian) and moles a base dimension, as in Pint.
    ``degC`` and ``degF`` alone are absolute temperatures; inside a product they are
    differences, and so is ``delta_degC``. Decibels, pH, magnitudes, dex, nepers, octaves and
    ``log10(unit)`` are levels: already logarithmic. Words in brackets after the unit that are no
    unit themselves are a remark: ``m (beam diameter)``, ``1 (Darcy)``; so is ``a`` or ``abs`` after
    a pressure: ``bara``, ``kPa abs``.

    Parameters
    ----------
    text : str
        Unit as written in a table.

    Returns
    -------
    Unit

    Raises
    ------
    InputError
        If the text cannot be read or an exponent is not rational.

    Examples
    --------
    >>> str(parse_unit("MPa·√m").dimension)
    'L^(-1/2)·M·T⁻²'
    """
    if unit := _with_reference(text):
        return unit
    try:
        return _parse(text)
    except InputError:
        if unit := _without_remark(text):
            return unit
        raise


def _without_remark(text: str) -> Unit | None:
    """Unit of ``m (beam diameter)`` or ``1 (Darcy)``: words in brackets that are not units."""
    match = _REMARK.match(text.strip())
    unit = attempt(_parse, match["unit"]) if match else None
    if match is None or unit is None:
        return None
    if _SCALING.search(match["remark"]):
        raise InputError(
            f"The unit '{text}' has a factor in brackets; write it first, for example "
            f"'1e3 {match['unit']}' where 2 means 2000 {match['unit']}."
        )
    if not any(map(str.isalnum, match["remark"])):
        # a mark, of a footnote or another unit
        return None
    dimensionless = unit.dimension.is_dimensionless
    if not dimensionless and not _PROSE.search(match["remark"]):
        # too short to tell from a misspelt unit
        return None
    named = dimensionless and _PERSON.search(match["remark"])
    return unit if named or attempt(_parse, match["remark"]) is None else None


def _with_reference(text: str) -> Unit | None:
    """Unit of ``psia``, ``bar(a)`` or ``kPa abs``: a pressure whose zero is stated."""
    match = _REFERENCE.match(text.strip())
    if match is None or not (match["apart"] or match["open"] or attempt(_parse, text) is None):
        return None
    unit = attempt(_parse, match["unit"])
    if unit is None:
        return None
    if unit.dimension == _PRESSURE and match["absolute"]:
        return unit
    if unit.dimension == _PRESSURE and match["gauge"]:
        raise InputError(
            f"The unit '{text}' is a gauge pressure, which counts from that of the atmosphere; "
            f"add the atmosphere's and give the sum in '{match['unit'].strip()}'."
        )
    if match["open"]:
        raise InputError(
            f"The unit '{text}' ends with a letter in brackets, which may be a unit or a remark; "
            f"give '{match['unit'].strip()}', or write the factor without brackets."
        )
    return None


def _parse(text: str) -> Unit:
    stripped = text.strip()
    if stripped.lower() in DIMENSIONLESS_TEXTS:
        return DIMENSIONLESS
    if stripped.lower() in LABEL_TEXTS:
        return LABEL
    if level := _level(stripped):
        return level
    try:
        return _from_quantity(text, *_quantity(stripped))
    except UnitError:
        raise
    except Exception as error:
        raise InputError(
            f"The unit '{shown(text)}' cannot be read ({error}); write it in Pint's names, for "
            f"example 'kg/m^3', 'W/(m*K)' or '1' for none, or define it first (EUR = [currency])."
        ) from error


def _level(text: str) -> Unit | None:
    if text in _LEVELS:
        return Unit(text, Dimension(), scale="level", log_factor=_LEVELS[text])
    match = _LEVEL_OF.match(text)
    if match is None:
        return None
    inner = parse_unit(match.group(2))
    if inner.scale != "ratio":
        raise InputError(f"The unit '{text}' is a logarithm of a unit that has no ratio scale.")
    base = match.group(1)
    factor = 1.0 if base == "ln" else math.log(2.0) if base in {"log2", "log_2"} else _LN10
    return Unit(text, Dimension(), scale="level", log_factor=factor)


def _from_quantity(text: str, quantity: Any, dimension: Dimension) -> Unit:
    units = registry()
    if not quantity._is_multiplicative:
        zero = float(units.Quantity(0.0, quantity.units).to_base_units().magnitude)
        step = float(units.Quantity(1.0, f"delta_{quantity.units}").to_base_units().magnitude)
        return Unit(text, dimension, step, zero, scale="temperature")
    factor = float(quantity.to_base_units().magnitude)
    short = float(f"{factor:.13g}")
    if math.isclose(short, factor, rel_tol=1e-15):
        # the last digit of chained conversions is noise: 999.9999999999999 is 1000
        factor = short
    if not (math.isfinite(factor) and factor > 0):
        raise InputError("its size in SI units is out of range")
    is_kelvin = str(quantity.units) == "kelvin" and math.isclose(factor, 1.0)
    return Unit(text, dimension, factor, scale="temperature" if is_kelvin else "ratio")


def to_pint(values: Any, text: str) -> Any:
    """Pint quantity of numbers in a unit that :func:`parse_unit` reads, its own number included.

    Examples
    --------
    >>> str(to_pint(2.0, "1e3 kg")), str(to_pint(20.0, "degC"))
    ('2000.0 kilogram', '20.0 degree_Celsius')
    """
    unit = parse_unit(text)
    text = unit.text.strip()
    if text in _OF_PINT:
        return registry().Quantity(values, text)
    if unit.scale in {"level", "label"} or text.lower() in DIMENSIONLESS_TEXTS:
        return registry().Quantity(values, "")
    one = _quantity(text)[0]
    return registry().Quantity(values if one.magnitude == 1 else values * one.magnitude, one.units)


def unit_text(units: Any) -> str:
    """Text of a Pint unit with full names, which no registry's aliases can change.

    Pint writes exponents with six digits; here m**(1/3) stays exact.
    """
    if not hasattr(units, "_units"):
        return str(units)
    text = f"{units:D}"
    if text in {"", "dimensionless"}:
        return "1"
    powers = dict(units._units)
    if all(float(e).is_integer() for e in powers.values()):
        return text
    exact = {name: exact_exponent(e, str(units)) for name, e in powers.items()}
    return " * ".join(n if e == 1 else f"{n} ** ({e})" for n, e in sorted(exact.items()))


def difference_unit(unit: str) -> str:
    """Unit of differences, and so of standard errors: that of degrees for a scale with a zero.

    Examples
    --------
    >>> difference_unit("°C"), difference_unit("degF"), difference_unit("mm")
    ('delta_degC', 'delta_degF', 'mm')
    """
    return f"delta_{unit.replace('°', 'deg')}" if parse_unit(unit).offset else unit


# ---- Units whose literal meaning is probably not the intended one, with the probable meaning.


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
# names of accelerations, whose unit g is no gram: accel, peak_acc, PGA
_ACCELERATIONS = re.compile(r"(?:.*[\s_])?(?:acc(?:el(?:eration)?)?|pga)(?:[\s_\d].*)?", re.I)
# names of columns whose numbers are a power of ten times a quantity, or its logarithm: 10^7 mu,
# nu × 10⁶, E/10^9, 1000/T; log p, ln_k, log10(D)
_TENS = re.compile(
    r"(?:^|(?P<over>/)|[×·⋅*(]|\sx)\s*"
    r"(?:(?:10\s*(?:\^|\*\*)\s*[({]?|1[eE])(?P<power>[-−–+]?\d+)|1000\s*/)"
)
_LOGARITHMS = re.compile(r"(?P<kind>[Ll]n|[Ll]o?g(?:_?10)?)[\s_(].+")
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
        literal, unit = parse_unit(self.literal), self.unit
        # the other reading may be another quantity in the same unit
        same = (literal.dimension, literal.factor)
        differs = unit is not None and (unit.dimension, unit.factor) != same
        instead = f" or '{unit.text}'" if unit and differs else " if it is that"
        return (
            f"the unit '{text}' reads as {self.literal}, but {self.meant} may be meant{fits}; "
            f"write '{self.literal}'{instead}."
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


def scaled_or_logarithm(name: str, text: str) -> Reading | None:
    """The other reading of a unit beside a name with a power of ten or a logarithm; else None.

    Examples
    --------
    >>> names = ("10^7 mu", "nu × 10⁶", "E/10^9", "1000/T", "ln k", "log10(p)", "s at 10^6 cycles")
    >>> [r and r.meant for r in (scaled_or_logarithm(name, "m") for name in names)]
    ['1e-07*m', '1e-06*m', '1e+09*m', '0.001*m', 'ln(m)', 'log10(m)', None]
    """
    plain = _SUPERSCRIPT_RUN.sub(lambda run: f"^{run[0].translate(_SUPERSCRIPTS)}", name.strip())
    tens, log, unit = _TENS.search(plain), _LOGARITHMS.fullmatch(plain), parse_unit(text)
    if not (tens or log) or unit.scale != "ratio" or unit.offset or text.strip() == _literal(text):
        # nor is what is written out in doubt
        return None
    if tens:
        power = int((tens["power"] or "3").translate(str.maketrans("−–", "--")))
        product = written(unit.text)
        size = float(f"1e{power if tens['over'] else -power}")
        meant = _text(product._replace(number=product.number * size))
    elif log and not unit.dimension.is_dimensionless:
        meant = f"{'ln' if log['kind'].lower() == 'ln' else 'log10'}({text})"
    else:
        return None
    return Reading(_literal(text), meant, parse_unit(meant))


def doubt_of(name: str, text: str) -> Reading | None:
    """The other reading of the unit of a column; certain where the name of the column says it.

    Examples
    --------
    >>> [doubt_of(name, "C").doubtful for name in ("q", "T_in")], doubt_of("dT", "degC").doubtful
    ([True, False], False)
    >>> [doubt_of(name, "C").doubtful for name in ("T", "wall temp", "Q_T")]
    [False, False, True]
    >>> doubt_of("peak accel", "g").unit.text, doubt_of("accumulated", "g")
    ('g_0', None)
    """
    if text.strip() == "g" and _ACCELERATIONS.fullmatch(name.strip()):
        return Reading("gram", "the standard acceleration of gravity", parse_unit("g_0"))
    reading = improbable(text) or absolute_difference(name, text)
    reading = reading or scaled_or_logarithm(name, text)
    unit = reading and reading.unit
    if reading and unit and unit.dimension == _TEMPERATURE_ITSELF:
        named = _TEMPERATURES.fullmatch(name.strip()) is not None
        return replace(reading, doubtful=reading.doubtful and not named)
    return reading


@cache
def _whole_products() -> dict[Any, ReadingRow]:
    return {_key(written(text)): readings()[text] for text in several_names(doubted=True)}


def _key(product: Product) -> tuple[float, frozenset[tuple[str, Fraction]]]:
    number, powers = powers_of(product)
    return number, frozenset(powers.items())


def _replaced(
    text: str, product: Product, rows: Sequence[ReadingRow | None], *, doubtful: bool = False
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


def _is_per_degree(product: Product, rows: Sequence[ReadingRow | None]) -> bool:
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
