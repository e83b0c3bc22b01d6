"""What a regime means, in a plain sentence."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

import numpy as np

from dimgs.report.results import Exponent

_UNNAMED = "only"
_WORDS = {
    Fraction(1): "is proportional to",
    Fraction(-1): "is inversely proportional to",
    Fraction(1, 2): "grows as the square root of",
    Fraction(-1, 2): "falls as the inverse square root of",
    Fraction(2): "grows as the square of",
    Fraction(-2): "falls as the inverse square of",
    Fraction(1, 3): "grows as the cube root of",
    Fraction(3): "grows as the cube of",
}


def sentence(
    target: str, where: str, exponents: Sequence[Exponent], everywhere: bool = True
) -> str:
    """The exponents of a regime in words.

    Parameters
    ----------
    target : str
    where : str
        The regime's place, in words; empty where nothing bounds it.
    exponents : sequence of Exponent
    everywhere : bool
        Whether every run gave an answer, so that a law without bounds holds in all the ranges.

    Examples
    --------
    >>> found = [Exponent("D", 0.5, 0.49, 0.51, Fraction(1, 2)), Exponent("h", 0.0, -0.01, 0.01,
    ...          Fraction(0)), Exponent("t", 0.5, 0.49, 0.51, Fraction(1, 2))]
    >>> sentence("CF", "Fo < 0.5", found)
    'Where Fo < 0.5, CF grows as the square root of D and t; h does not matter.'
    """
    groups: dict[str, list[str]] = {}
    idle, unknown = [], []
    for e in exponents:
        if not np.isfinite(e.high - e.low):
            unknown.append(e.name)
        elif e.rational == 0:
            idle.append(e.name)
        elif e.rational in _WORDS:
            groups.setdefault(_WORDS[e.rational], []).append(e.name)
        else:
            power = f"{e.value:.3g}" if e.rational is None else str(e.rational)
            groups.setdefault(f"goes as the power {power} of", []).append(e.name)
    parts = [f"{words} {listed(names)}" for words, names in groups.items()]
    main = f"{target} {listed(parts)}" if parts else f"{target} is constant"
    all_over = "everywhere in the ranges" if everywhere else "wherever a run gave an answer"
    start = f"Where {where}, {main}" if where else f"{main}, {all_over}"
    ends = []
    if idle and parts:
        ends.append(f"{listed(idle)} {'do' if len(idle) > 1 else 'does'} not matter")
    if unknown:
        ends.append(f"nothing can be said yet about {listed(unknown)}")
    return "; ".join([start, *ends]) + "."


def of_tier(name: str) -> str:
    """Name of a tier before "run"; nothing for the tier of kernels that declare none.

    Examples
    --------
    >>> of_tier("fine"), of_tier("only")
    ('fine ', '')
    """
    return "" if name == _UNNAMED else f"{name} "


def counted(runs: Mapping[str, int]) -> str:
    """Numbers of runs by tier.

    Examples
    --------
    >>> counted({"coarse": 188, "fine": 32}), counted({"only": 1})
    ('188 coarse, 32 fine runs', '1 run')
    """
    texts = [f"{n} {of_tier(tier)}".strip() for tier, n in runs.items()]
    return f"{', '.join(texts)} run{'' if list(runs.values()) == [1] else 's'}"


def listed(items: Iterable[str]) -> str:
    """Items as "a, b and c"."""
    names = list(items)
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
