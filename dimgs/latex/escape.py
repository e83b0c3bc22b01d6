"""Text that LaTeX prints as it is."""

import re
import unicodedata
from itertools import accumulate

from dimgs.expression.identifiers import greek_name

_TEXT = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
    "°": r"$^{\circ}$",
    "·": r"$\cdot$",
    "×": r"$\times$",
    "±": r"$\pm$",
    "−": "$-$",
    "∞": r"$\infty$",
    "√": r"$\surd$",
}
# Greek letters that have no command of their own, or a better one
_GREEK = {
    "epsilon": r"\varepsilon",
    "omicron": "o",
    **{name: rf"\mathrm{{{name[0]}}}" for name in ("Alpha", "Beta", "Epsilon", "Zeta", "Iota")},
    **{name: rf"\mathrm{{{name[0]}}}" for name in ("Kappa", "Mu", "Nu", "Omicron", "Tau")},
    "Eta": r"\mathrm{H}",
    "Rho": r"\mathrm{P}",
    "Chi": r"\mathrm{X}",
}
LOOK_ALIKES = frozenset(name for name in _GREEK if name[0].isupper())
_SYMBOLS = frozenset(
    ["mathrm", "mathcal", "varepsilon", "left", "right", "ell", "hbar", "infty", ",", " "]
)
_LETTERS = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho "
    "sigma tau upsilon phi chi psi omega"
)
_GREEK_NAMES = frozenset(_LETTERS.split() + _LETTERS.title().split())


def greek_latex(name: str) -> str | None:
    r"""LaTeX of a Greek letter from its English name; None for other words.

    A capital that looks like a Latin one is upright.

    Examples
    --------
    >>> print(greek_latex("rho"), greek_latex("Omega"), greek_latex("Rho"), greek_latex("row"))
    \rho \Omega \mathrm{P} None
    """
    return _GREEK.get(name, f"\\{name}") if name in _GREEK_NAMES else None


def text_latex(text: str) -> str:
    r"""Text for text mode: nothing in it is a command, every character can be typeset.

    Latin letters keep their accents' base letters, Greek letters become symbols, and a
    character without a Latin form is given by its code point.

    Examples
    --------
    >>> print(text_latex("T_g 50% ρ"))
    T\_g 50\% $\rho$
    """
    return "".join(map(_character, unicodedata.normalize("NFKC", text)))


def _character(character: str) -> str:
    if character in _TEXT:
        return _TEXT[character]
    if character.isascii():
        return character if character.isprintable() else " "
    greek = greek_latex(greek_name(character) or "")
    if greek:
        return f"${greek}$"
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    if plain:
        return "".join(_TEXT.get(c, c if c.isprintable() else " ") for c in plain)
    return "" if unicodedata.category(character)[0] in "MC" else f"U+{ord(character):04X}"


def is_symbol(latex: str) -> bool:
    r"""Whether LaTeX is a symbol as this package writes it: letters, scripts and upright words.

    Examples
    --------
    >>> is_symbol(r"\mathrm{Re}_{\tau}^{1/2}"), is_symbol(r"\input{x}"), is_symbol("}x{")
    (True, False, False)
    """
    commands = re.findall(r"\\([A-Za-z]+|.)", latex)
    known = all(c in _SYMBOLS or greek_latex(c) == f"\\{c}" for c in commands)
    depth = list(accumulate((c == "{") - (c == "}") for c in latex))
    balanced = not depth or (min(depth) >= 0 and depth[-1] == 0)
    return known and balanced and not re.search(r"[^A-Za-z0-9 {}^_*'/(),.+\\-]", latex)


def word_latex(word: str) -> str:
    r"""Upright word for math mode.

    Examples
    --------
    >>> print(word_latex("flow rate"), word_latex("100%"))
    \mathrm{flow\ rate} \mathrm{100\%}
    """
    return rf"\mathrm{{{_math(text_latex(word))}}}"


def _math(text: str) -> str:
    """Escaped text inside math mode, where spaces vanish and $ would end it."""
    for command, symbol in (
        (r"\textbackslash{}", r"\backslash "),
        (r"\textasciitilde{}", r"\sim "),
        (r"\textasciicircum{}", r"\wedge "),
    ):
        text = text.replace(command, symbol)
    dollar = "\0"
    text = re.sub(r"\$([^$]*)\$", r"{\1}", text.replace(r"\$", dollar)).replace(dollar, r"\$")
    parts = [part for part in text.split(" ") if part]
    joined = ""
    for part in parts:
        spaced = joined and not joined.endswith(("\\backslash", "\\sim", "\\wedge"))
        joined += (r"\ " if spaced else " " if joined else "") + part
    return joined
