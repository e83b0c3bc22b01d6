"""Column names -> mathematical symbols."""

import re
import unicodedata
from typing import TYPE_CHECKING

from dimgs.errors import InputError
from dimgs.expression.identifiers import greek_name
from dimgs.latex.escape import LOOK_ALIKES, greek_latex, word_latex

if TYPE_CHECKING:
    from dimgs.groups.kinds import Kind

_TRAILING_UNIT = re.compile(r"(?<=\S)\s*[(\[][^()\[\]]*[)\]]\s*$")
_DIFFERENCE = re.compile(r"d([A-Za-z])(\d*)$")
_GLUED_DELTA = re.compile(r"(?:Delta(?=[A-Za-z])|delta(?=[A-Z]))(.)$")
_NUMBERED = re.compile(r"([A-Za-z]|[A-Za-z][a-z]+?)(\d+)$")
_BASES = {
    "cp": ("c", "p"),
    "cv": ("c", "v"),
    "di": ("d", "i"),
    "do": ("d", "o"),
    "eps": (r"\varepsilon", ""),
    "varepsilon": (r"\varepsilon", ""),
    "lam": (r"\lambda", ""),
    "hbar": (r"\hbar", ""),
    "ell": (r"\ell", ""),
    "inf": (r"\infty", ""),
}
_SUBSCRIPTS = {
    **dict.fromkeys(("inf", "infty", "infinity", "∞"), r"\infty"),
    "star": "*",
    "plus": "+",
    "minus": "-",
    "perp": r"\perp",
    "parallel": r"\parallel",
}
# shorter letters, such as Re or Pr, are symbols
_WORD = 3


def symbol_latex(name: str, kind: "Kind | str | None" = None) -> str:
    r"""Symbol of a variable from its column name.

    Parameters
    ----------
    name : str
        Column name; a unit in brackets at its end is left out.
    kind : Kind or str, optional
        Physical kind, whose usual symbol serves only where the name has nothing to typeset.

    Returns
    -------
    str
        For math mode, everything in it escaped.

    Examples
    --------
    >>> print(symbol_latex("rho_f"), symbol_latex("dp"), symbol_latex("T_g (K)"))
    \rho_{f} \Delta p T_{g}
    >>> print(symbol_latex("U_inf"), symbol_latex("Δp"), symbol_latex("flow rate"))
    U_{\infty} \Delta p \mathrm{flow\ rate}
    """
    text = unicodedata.normalize("NFKC", _TRAILING_UNIT.sub("", name)).strip()
    spelled = _spelled(text)
    if not any(c.isalnum() and c.isascii() for c in spelled):
        return _kind_symbol(kind) or word_latex(name.strip() or "x")
    stem, mark = _mark(spelled)
    parts = [part for part in re.split(r"[_\s,]+", stem) if part]
    if not parts or any(not re.fullmatch(r"[A-Za-z0-9∞]+", part) for part in parts):
        return word_latex(text)
    if parts[0] == "Delta" and len(parts) > 1:
        return rf"\Delta {_symbol(parts[1:], mark)}"
    glued = _GLUED_DELTA.match(parts[0])
    if glued:
        return rf"\Delta {_symbol([glued[1], *parts[1:]], mark)}"
    return _symbol(parts, mark)


def _spelled(text: str) -> str:
    """Greek letters by their English names, set apart from what follows."""
    pieces = []
    for position, character in enumerate(text):
        name = greek_name(character)
        following = text[position + 1 : position + 2]
        pieces.append(f"{name}{'_' if following.isalnum() else ''}" if name else character)
    return re.sub(r"(?<=[A-Za-z0-9])∞", "_∞", "".join(pieces))


def _mark(text: str) -> tuple[str, str]:
    """A prime, star or plus at the end, apart from the rest."""
    for ending, mark in (("'", "'"), ("′", "'"), ("_prime", "'"), ("*", "^{*}"), ("+", "^{+}")):
        if text.endswith(ending) and len(text) > len(ending):
            return text.removesuffix(ending), mark
    return text, ""


def _symbol(parts: list[str], mark: str) -> str:
    first, *rest = parts
    base, subscript = _base(first)
    is_word = base.startswith(r"\mathrm{") and len(first) >= _WORD and _greek(first) is None
    if is_word and any(len(part) > 1 and not part.isdigit() for part in rest):
        return word_latex(" ".join(parts)) + mark
    subscripts = ([subscript] if subscript else []) + [_subscript(part) for part in rest]
    return base + mark + (f"_{{{','.join(subscripts)}}}" if subscripts else "")


def _base(text: str) -> tuple[str, str]:
    """Letter and the subscript glued to it."""
    if text in _BASES:
        return _BASES[text]
    greek = _greek(text)
    if greek:
        return greek, ""
    if len(text) == 1 and text.isalpha():
        return text, ""
    difference = _DIFFERENCE.match(text)
    if difference:
        return rf"\Delta {difference[1]}", difference[2]
    numbered = _NUMBERED.match(text)
    if numbered:
        return _base(numbered[1])[0], numbered[2]
    return word_latex(text.replace("∞", "inf")), ""


def _subscript(text: str) -> str:
    if text in _SUBSCRIPTS:
        return _SUBSCRIPTS[text]
    if text.isdigit() or (len(text) == 1 and text.isascii()):
        return text
    return _greek(text) or word_latex(text.replace("∞", "inf"))


def _greek(word: str) -> str | None:
    """LaTeX of a Greek letter; Nu, Eta, ... are words (a Nusselt number), not capitals N and H."""
    return None if word in LOOK_ALIKES else greek_latex(word)


def _kind_symbol(kind: "Kind | str | None") -> str:
    if kind is None:
        return ""
    if isinstance(kind, str):
        from dimgs.groups.kinds import kind as kind_named

        try:
            return kind_named(kind).latex
        except InputError:
            return ""
    return kind.latex
