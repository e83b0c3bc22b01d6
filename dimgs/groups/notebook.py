"""A basis as a notebook shows it."""

import re
from typing import TYPE_CHECKING

from dimgs.escape import html as escape
from dimgs.escape import visible
from dimgs.groups.kinds import GREEK

if TYPE_CHECKING:
    from dimgs.groups.group import PiBasis, PiGroup

_LETTER = re.compile(r"[A-Za-z]")
# those that are commands of LaTeX: the others look like Latin letters
_CAPITALS = frozenset(
    ["Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega"]
)
_GREEK = (GREEK - {"omicron"}) | _CAPITALS


def basis_html(basis: "PiBasis") -> str:
    """Table of the groups, the response first.

    Parameters
    ----------
    basis : PiBasis

    Examples
    --------
    >>> from dimgs.groups.derive import pi_basis
    >>> basis = pi_basis(["U [m/s]", "c [m/s]"])
    >>> "<td>U·c⁻¹</td><td>Mach number</td>" in basis_html(basis)
    True
    """
    cells = [(_numbered(g), escape(str(g)), escape(g.known_as or "")) for g in _groups(basis)]
    rows = "".join(f"<tr><td>{n}</td><td>{text}</td><td>{k}</td></tr>" for n, text, k in cells)
    inputs = ", ".join(f"{v.name} [{v.unit.text}]" for v in basis.variables)
    return (
        f"<table><caption>{len(basis.variables)} inputs, rank {basis.rank}: {escape(inputs)}"
        "</caption>"
        "<thead><tr><th>group</th><th>definition</th><th>known as</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def basis_latex(basis: "PiBasis") -> str:
    r"""The groups as aligned equations.

    Parameters
    ----------
    basis : PiBasis

    Examples
    --------
    >>> from dimgs.groups.derive import pi_basis
    >>> print(basis_latex(pi_basis(["U [m/s]", "c [m/s]"])))
    $\displaystyle \begin{aligned}\pi_{1} = \mathrm{Ma} &= \frac{U}{c}\end{aligned}$
    """
    lines = []
    for group in _groups(basis):
        left = f"\\pi_{{{group.name.removeprefix('pi_')}}}"
        name = f" = {group.symbol}" if group.symbol else ""
        lines.append(f"{left}{name} &= {_fraction(group)}")
    body = r" \\ ".join(lines)
    return rf"$\displaystyle \begin{{aligned}}{body}\end{{aligned}}$" if lines else "$1$"


def _groups(basis: "PiBasis") -> list["PiGroup"]:
    return [*([basis.response] if basis.response else []), *basis.groups]


def _numbered(group: "PiGroup") -> str:
    return f"π<sub>{escape(group.name.removeprefix('pi_'))}</sub>"


def _fraction(group: "PiGroup") -> str:
    parts = []
    for sign in (1, -1):
        powers = [(name, sign * e) for name, e in group.exponents if sign * e > 0]
        factors = [_symbol(n) + (f"^{{{e}}}" if e != 1 else "") for n, e in powers]
        parts.append(r"\,".join(factors))
    above, below = parts
    return rf"\frac{{{above or '1'}}}{{{below}}}" if below else above or "1"


def _symbol(name: str) -> str:
    """Letters, Latin or Greek, with a subscript; a word upright with no command in it."""
    stem, _, below = name.partition("_")
    if _LETTER.fullmatch(stem) or stem in _GREEK:
        letter = f"\\{stem}" if stem in _GREEK else stem
        return f"{letter}_{{{_word(below)}}}" if below else letter
    return _word(name)


def _word(text: str) -> str:
    if _LETTER.fullmatch(text) or text.isdigit():
        return text
    text = "".join(
        rf"\{c}" if c in "_%#&$" else c if c not in r"\{}^~" else " " for c in visible(text)
    )
    return r"\mathrm{" + text.replace(" ", r"\ ") + "}"
