"""Physical kinds (density, dynamic viscosity, …) and how a column's kind is inferred.

A row of kinds.csv is a kind: its name, its dimension, LaTeX, and usual names of columns. Dimensions
are written with M, L, T, K (temperature), I (current), N (substance), J (luminous intensity), each
followed by its exponent when that is not 1. Names are compared without separators (`c_p` and `cp`
are one), Greek letters by their English names.

The first kind of a dimension is the plain one, which a column may be whatever it is called. A
single Latin letter stands for a kind that is more than plain only where hardly anything else of
that dimension is called so: `c` for a speed of sound, but no letter for an amplitude or a period.
"""

import csv
import functools
import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files

from dimgs.common.advice import did_you_mean
from dimgs.common.errors import InputError
from dimgs.variables import Dimension
from dimgs.variables.units import BASES

# by the letters of the tables, which write K for a temperature
_BASES = {symbol: base for base, symbol in BASES.items()} | {"K": "[temperature]"}
# Shorter words are symbols: they mean something only where a name begins.
_SHORTEST_WORD = 4


@dataclass(frozen=True)
class Kind:
    """Physical kind of a quantity, beyond its dimension.

    Attributes
    ----------
    name : str
        For instance ``"dynamic viscosity"``.
    dimension : Dimension
    symbols : tuple of str
        Usual column names, compared without separators.
    latex : str
        Usual symbol.
    """

    name: str
    dimension: Dimension
    symbols: tuple[str, ...] = ()
    latex: str = ""


def parse_dimension(text: str) -> Dimension:
    """Dimension from letters and exponents.

    Examples
    --------
    >>> print(parse_dimension("M L-1/2 T-2"))
    L^(-1/2)·M·T⁻²
    """
    return Dimension.of({_BASES[part[0]]: Fraction(part[1:] or 1) for part in text.split()})


def table_rows(path: str) -> list[list[str]]:
    """Rows below the header of a table that comes with this folder."""
    text = files("dimgs.groups").joinpath(path).read_text(encoding="utf-8")
    return list(csv.reader(text.splitlines()))[1:]


@functools.cache
def all_kinds() -> tuple[Kind, ...]:
    """Every kind of the table, in its order."""
    return tuple(
        Kind(name, parse_dimension(code), tuple(words.split()), latex)
        for name, code, latex, words in table_rows("kinds.csv")
    )


@functools.cache
def _kinds_by_name() -> dict[str, Kind]:
    return {kind.name: kind for kind in all_kinds()}


def kind(name: str) -> Kind:
    r"""Look up the kind of that exact name.

    Raises
    ------
    InputError
        If the table has no such kind; the message lists near matches.

    Examples
    --------
    >>> kind("surface tension").latex
    '\\sigma'
    """
    entry = _kinds_by_name().get(name)
    if entry is None:
        remedy = did_you_mean(name, _kinds_by_name(), "see all_kinds() for the table.", most=3)
        raise InputError(f"No physical kind is called {name!r}; {remedy}")
    return entry


@functools.lru_cache(maxsize=4096)
def kinds_of_dimension(dimension: Dimension) -> tuple[Kind, ...]:
    """All kinds that have this dimension, in the order of the table.

    Examples
    --------
    >>> [kind.name for kind in kinds_of_dimension(Dimension.of({"[luminosity]": 1}))]
    ['luminous intensity']
    """
    return tuple(each for each in all_kinds() if each.dimension == dimension)


def name_tokens(name: str) -> tuple[str, ...]:
    """Words and symbols of a column name: brackets dropped, Greek letters spelled out.

    Examples
    --------
    >>> name_tokens("T_g (K)"), name_tokens("Δρ"), name_tokens("pipeDiameter2")
    (('T', 'g'), ('Delta', 'rho'), ('pipe', 'Diameter', '2'))
    """
    text = unicodedata.normalize("NFKC", name).replace("∆", "Δ")
    text = re.sub(r"\([^()]*\)|\[[^\[\]]*\]", " ", text).strip() or text
    text = text.replace("*", " star ").replace("'", " prime ")
    spelled = ((letter, greek_name(letter)) for letter in text)
    text = "".join(f" {name} " if name else letter for letter, name in spelled)
    text = re.sub(r"(?<=[a-z]{3})(?=[A-Z])|(?<=[A-Za-z])(?=\d)", " ", text)
    return tuple(re.findall(r"[^\W_]+", text))


def greek_name(character: str) -> str | None:
    """English name of a plain Greek letter, capitalised for a capital; None for others.

    Examples
    --------
    >>> greek_name("ρ"), greek_name("Δ"), greek_name("µ"), greek_name("d")
    ('rho', 'Delta', 'mu', None)
    """
    words = unicodedata.name(character, "").split()
    if words[:1] == ["MICRO"]:
        return "mu"
    if words[:1] != ["GREEK"] or "LETTER" not in words:
        return None
    letter = next((w for w in words[words.index("LETTER") + 1 :] if w != "FINAL"), "").lower()
    if not letter.isalpha():
        return None
    letter = "lambda" if letter == "lamda" else letter
    return letter.capitalize() if "CAPITAL" in words else letter


GREEK = frozenset(map(greek_name, map(chr, range(ord("α"), ord("ω") + 1))))


@functools.cache
def _aliases(name: str) -> tuple[tuple[str, str], ...]:
    """Squashed names of a kind of the table, as written and case-folded."""
    exact = ["".join(name_tokens(alias)) for alias in (name, *_kinds_by_name()[name].symbols)]
    return tuple((alias, alias.casefold()) for alias in exact)


def _kinds_named(candidates: tuple[Kind, ...], text: str) -> tuple[Kind, ...]:
    """Candidates of which `text` is a name; upper and lower case count where they can.

    A single letter is another one in the other case.
    """
    folded = text.casefold()
    exact = tuple(k for k in candidates if any(a == text for a, _ in _aliases(k.name)))
    if exact or len(text) == 1:
        return exact
    return tuple(k for k in candidates if any(f == folded for _, f in _aliases(k.name)))


def _by_word(candidates: tuple[Kind, ...], tokens: tuple[str, ...]) -> tuple[Kind, ...]:
    """Candidates named by the longest run of whole words inside the name."""
    best: tuple[Kind, ...] = ()
    longest = _SHORTEST_WORD - 1
    for start in range(len(tokens)):
        for stop in range(start + 1, len(tokens) + 1):
            run = "".join(tokens[start:stop])
            if len(run) < longest or len(run) < _SHORTEST_WORD or run.casefold() in GREEK:
                continue
            named = _kinds_named(candidates, run)
            if named and len(run) == longest:
                best += tuple(each for each in named if each not in best)
            elif named:
                best, longest = named, len(run)
    return best


def _by_head(candidates: tuple[Kind, ...], tokens: tuple[str, ...]) -> tuple[Kind, ...]:
    """Candidates named by the symbol with which the name begins: `rho_f`, `U_inf`, `c_p_air`."""
    heads = ("".join(tokens[:stop]) for stop in range(len(tokens) - 1, 0, -1))
    return next(filter(None, (_kinds_named(candidates, head) for head in heads)), ())


def _named(candidates: tuple[Kind, ...], name: str) -> tuple[Kind, ...]:
    tokens = name_tokens(name)
    return (
        _kinds_named(candidates, "".join(tokens))
        or _by_word(candidates, tokens)
        or _by_head(candidates, tokens)
    )


def infer_kinds(name: str, dimension: Dimension, hint: str | None = None) -> tuple[Kind, ...]:
    """Kinds that a column may be, given its dimension, its name and the user's hint.

    Parameters
    ----------
    name : str
        Column name; Greek letters, subscripts, camel case and brackets are understood.
    dimension : Dimension
    hint : str, optional
        The hint of the user. It takes precedence over the name; a hint that names no
        kind of this dimension is free text and narrows nothing.

    Returns
    -------
    tuple of Kind
        One when hint or name settles it; all that remain possible when they do not; empty for a
        dimensionless column or a dimension that no kind of the table has.

    Examples
    --------
    >>> area_per_time = Dimension.of({"[length]": 2, "[time]": -1})
    >>> [kind.name for kind in infer_kinds("nu", area_per_time)]
    ['kinematic viscosity']
    >>> [kind.name for kind in infer_kinds("x", area_per_time, hint="thermal diffusivity")]
    ['thermal diffusivity']
    >>> len(infer_kinds("x", area_per_time)) > 3
    True
    """
    candidates = kinds_of_dimension(dimension)
    return (hint and _named(candidates, hint)) or _named(candidates, name) or candidates
