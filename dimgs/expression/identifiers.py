"""Column names -> identifiers that neither Python nor SymPy reads as something else."""

import builtins
import keyword
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache

# what generated source calls NumPy
_SOURCE_NAMES = frozenset({"np", "numpy"})
_FALLBACK = "x"
_ENDINGS = {"*": "star", "+": "plus", "'": "prime", "′": "prime", "’": "prime"}


@cache
def reserved_names() -> frozenset[str]:
    """Names that Python, SymPy or generated NumPy source already give a meaning.

    Submodules of SymPy count whether or not something has imported them yet, so that the set
    does not depend on what ran before.
    """
    import pkgutil

    import sympy

    python = {*keyword.kwlist, *keyword.softkwlist, *dir(builtins)}
    modules = {module.name for module in pkgutil.iter_modules(sympy.__path__)}
    return frozenset(python | modules | set(dir(sympy)) | _SOURCE_NAMES)


def safe_identifiers(names: Sequence[str], reserved: Iterable[str] = ()) -> dict[str, str]:
    """Identifier of each column, for use in expressions and in generated source.

    A name that is an ordinary identifier stays as it is. Others are rewritten from the name
    alone: Greek letters by their English names, whatever cannot stand in an identifier as an
    underscore, and a name that is taken (by Python, SymPy or `reserved`) with an underscore
    behind it. Only where two columns would meet does the later one, after all ordinary names,
    get a number; so adding a column at the end changes earlier identifiers only when the new
    column's own name is one of them.

    Parameters
    ----------
    names : sequence of str
        Column names, in the order of the table.
    reserved : iterable of str
        Further identifiers that may not be used, such as names of constants.

    Returns
    -------
    dict of str to str
        Column name to identifier: valid, distinct, in Unicode form NFKC.

    Examples
    --------
    >>> list(safe_identifiers(["rho", "lambda", "E", "T_g (K)", "Δp", "1st col"]).values())
    ['rho', 'lambda_', 'E_', 'T_g_K', 'Delta_p', 'x_1st_col']
    """
    taken = reserved_names() | frozenset(reserved)
    ordinary = [name for name in dict.fromkeys(names) if _is_ordinary(name) and name not in taken]
    found = {name: name for name in ordinary}
    used = set(ordinary)
    for name in dict.fromkeys(names):
        if name not in found:
            found[name] = _free(_rewritten(name), taken, used)
            used.add(found[name])
    return {name: found[name] for name in names}


def _is_ordinary(name: str) -> bool:
    return (
        name.isidentifier() and not name.startswith("__") and _rewritten(name, trim=False) == name
    )


def _free(stem: str, taken: frozenset[str], used: set[str]) -> str:
    if stem not in taken and stem not in used:
        return stem
    if stem in taken and f"{stem}_" not in taken and f"{stem}_" not in used:
        return f"{stem}_"
    number = 2
    while f"{stem}_{number}" in taken or f"{stem}_{number}" in used:
        number += 1
    return f"{stem}_{number}"


def _rewritten(name: str, trim: bool = True) -> str:
    text = unicodedata.normalize("NFKC", name.strip())
    if text[:-1].strip() and text[-1] in _ENDINGS:
        text = f"{text[:-1]}_{_ENDINGS[text[-1]]}"
    # combining marks are letters to Python, but not to SymPy's reader
    text = "".join(c for c in text if not unicodedata.category(c).startswith("M"))
    pieces: list[str] = []
    for position, character in enumerate(text):
        greek = greek_name(character)
        if greek:
            following = text[position + 1 : position + 2]
            pieces.append(greek + ("_" if following.isalnum() or following == "∞" else ""))
        elif character == "∞":
            pieces.append("inf")
        else:
            kept = character.isalnum() and f"a{character}".isidentifier()
            pieces.append(character if kept else "_")
    result = unicodedata.normalize("NFKC", "".join(pieces))
    if trim:
        result = "_".join(part for part in result.split("_") if part) or _FALLBACK
        if not result.isidentifier():
            result = f"{_FALLBACK}_{result}"
    return result


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
