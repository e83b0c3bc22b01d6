"""The grammar of unit texts: products, quotients and powers of names, and nothing else.

A text is rewritten into a small alphabet (typographic signs, LaTeX), cut into tokens and parsed.
What the grammar does not know is refused by name; nothing is passed over.
"""

import re
import unicodedata
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from dimgs.errors import InputError
from dimgs.variables.dimension import exact_exponent

# characters: no unit is as long
_LONGEST = 200
# of an exponent, or of its denominator; nobody writes more
_DIGITS = r"\d{1,4}"
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
# a blank ends a command and is no product
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
# besides letters, digits, blanks and units of one sign
_ALPHABET = frozenset("*·/()√^.-+_%‰°′″")
_FACTOR_FIRST = re.compile(r"^[xX×]\s*(?=\d)")
_DEGREE = re.compile(
    r"(?P<of>Δ\s*)?°\s*(?P<scale>[CFRK](?!\w))?|Δ\s*(?:deg_?)?(?P<difference>[CF])(?!\w)"
)
_NAME = re.compile(r"[^\W\d_]\w*|[%‰′″]")
_GLUED = re.compile(r"(?P<name>\D+)(?P<power>\d+)(?:\D.*)?")
# m3, T4; 2m50 and 1h30 are no powers, and m1 or m5 may be a slip
_GLUED_POWERS = frozenset("234")
_NUMBER = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,4}(?!\d))?")
_RAISED = re.compile(
    rf"(?:\*\*|\^)\s*(?:\(\s*(?P<top>[-+]?(?:{_DIGITS}(?:\.\d*)?|\.\d+))\s*"
    rf"(?:/\s*(?P<bottom>{_DIGITS}))?\s*\)|(?P<plain>[-+]?(?:{_DIGITS}(?:\.\d+)?|\.\d+)))"
    rf"(?!\d|\s*(?:\*\*|\^))"
)
# "m3", "m-3" and "m -3": digits that touch a name, or their sign, are its exponent
_TOUCHING = re.compile(r"(-?\d)(?![\d.])")
_KEYWORDS = {"per": "/", "sqrt": "√"}
_BEFORE = {"sq": 2, "square": 2, "cu": 3, "cubic": 3}
_AFTER = {"squared": 2, "cubed": 3}
_PREFIX_APART = frozenset({"mu", "u", "µ", "micro"})
_BROKEN = "it is no product of powers of units, or breaks off"
_NUMBER_LAST = "a number follows a unit; write an exponent as m^3 and a factor first"
_TOUCHES = (
    "an exponent is not a plain number or fraction such as 2, -1 or (1/3), or touches the "
    "next unit; W/m²K is W/(m²*K)"
)


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


def parse(
    text: str,
    is_unit: Callable[[str], bool],
    phrases: re.Pattern[str],
    *,
    tight: bool = False,
) -> Product:
    """Product of a unit text.

    Parameters
    ----------
    text : str
    is_unit : callable
        Whether a name is that of a unit, so that digits in it are no exponent.
    phrases : re.Pattern
        Units of several words or signs, such as ``fl oz``.
    tight : bool
        Read ``W/m K`` as W/(m K), as many people mean it, and ``mu m`` as a prefix and a unit.

    Raises
    ------
    InputError
        For a character, or an order of them, that the grammar does not know.
    """
    parser = _Parser(_tokens(rewritten(text), is_unit, phrases), tight)
    found = parser.term()
    if parser.ahead.kind != "end":
        raise InputError(_BROKEN)
    return found


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


def _tokens(text: str, is_unit: Callable[[str], bool], phrases: re.Pattern[str]) -> list[Token]:
    """Pieces of a text; every character belongs to one."""
    for char in text:
        known = char.isalpha() or char.isspace() or (char.isascii() and char.isdigit())
        if not (known or char in _ALPHABET or is_unit(char)):
            raise _foreign(char)
    found: list[Token] = []
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        token, position = _token(text, position, found, is_unit, phrases)
        found.append(token)
    return [*found, _END]


def _token(
    text: str,
    start: int,
    before: list[Token],
    is_unit: Callable[[str], bool],
    phrases: re.Pattern[str],
) -> tuple[Token, int]:
    char = text[start]
    spaced = start > 0 and text[start - 1].isspace()
    last = before[-1].kind if before else ""
    power = _TOUCHING.match(text, start) if last in ("name", "power", ")") else None
    if power and (char == "-" or (last == "name" and text[start - 1].isalpha())):
        # m-2K is m^-2 K, but m2K may be a slip
        kind = "power" if char == "-" else "open power"
        return Token(kind, power[1], power=Fraction(power[1])), power.end()
    if phrase := phrases.match(text, start):
        return Token("name", " ".join(phrase[0].split()), spaced), phrase.end()
    if degree := _DEGREE.match(text, start):
        return Token("name", _degree(degree), spaced), degree.end()
    if name := _NAME.match(text, start):
        return _word(name[0], start, spaced, is_unit)
    if char == "^" or text.startswith("**", start):
        return _exponent(text, start)
    if char.isascii() and (number := _NUMBER.match(text, start)):
        return Token("number", number[0], spaced), number.end()
    if char == ".":
        return _dot(text, start, before)
    if char in "*·/()√-":
        return Token(char, char, spaced), start + 1
    if char != "+":
        return Token("name", char, spaced), start + 1
    raise _foreign(char)


def _foreign(char: str) -> InputError:
    name = unicodedata.name(char, f"U+{ord(char):04X}").lower()
    return InputError(f"{char!r} ({name}) does not belong in a unit")


def _degree(found: re.Match[str]) -> str:
    if found["difference"]:
        return f"delta_deg{found['difference']}"
    scale = f"deg{found['scale'] or 'ree'}"
    return f"delta_{scale}" if found["of"] else scale


def _word(word: str, start: int, spaced: bool, is_unit: Callable[[str], bool]) -> tuple[Token, int]:
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
            raise InputError(f"'{odd}' is no unit with a power; write one as {word}^2")
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
    return Token(kind, written, power=power / int(raised["bottom"] or 1)), raised.end()


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
        found = []
        while self.ahead.kind in ("name", "(", "√", "before", "·"):
            self._take("·")
            found.append(self._compound(False, False))
        return found

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
        found = self._power(below, first)
        while self._take("-"):
            found = found.times(self._power(below, False))
        return found

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
            raise InputError(f"it is unclear what is divided by; write /{divisor} if it is that")
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
            found = Product(1.0, (Factor(name, Fraction(1)),))
        elif self._take("("):
            if self.ahead.kind == "number" and not (first or below):
                raise InputError(_NUMBER_LAST)
            found = self.term()
            if not self._take(")"):
                raise InputError(_BROKEN)
            if not found.factors:
                raise InputError(_NUMBER_LAST)
        elif self._take("√"):
            return Product().times(self._power(below, True), Fraction(1, 2))
        else:
            raise InputError(_BROKEN)
        exponent = self._take("power", "open power")
        if exponent and self.ahead.kind in ("power", "open power"):
            raise InputError(_TOUCHES)
        power = (exponent.power if exponent else Fraction(1)) * (raised.power if raised else 1)
        if not power:
            return Product()
        if name:
            return Product(1.0, (Factor(name, power, power),))
        return Product().times(found, power)
