"""Numbers with a source: what tools gave, and whether a text says nothing else."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dimgs.agent.arguments import Amount, amounts, is_unit

# entries in these states are no evidence
DOUBTED = frozenset({"disputed", "recheck", "untrusted"})
MARK = "[A sentence was removed here: it held a number without evidence.]"
# of a number that is written with one digit: 5 stands for 4.75 to 5.25, not for 4.5 to 5.5
_LOOSEST = 0.05
_RATIONAL = re.compile(r"-?\d+(?:/\d+)?")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[^\s\d])|\n+")
_LISTED = re.compile(r"^\s*(\d+)[.)]\s+", re.MULTILINE)
# digits alone, or with an exponent, are a number
_ID = re.compile(r"\b(?!\d+(?:e\d+)?\b)(?=[0-9a-f]*\d)[0-9a-f]{8,64}\b")
# names with digits in code, `pi_1` and `at.C0`, and no numbers: `42 kg`
_CODE = re.compile(r"`[^\W\d][\w.]*`")
# texts that the tools compute themselves; every other text is data of somebody
_COMPUTED = frozenset({"expression", "latex", "pi_expression"})


@dataclass
class GivenEvidence:
    """Numbers that may be said, and where each is from.

    Attributes
    ----------
    known : list of (Amount, str)
        With their sources: the question, a reply, or a call.
    """

    known: list[tuple[Amount, str]] = field(default_factory=list)

    def add(self, found: Iterable[Amount], source: str) -> None:
        """Add amounts of a source."""
        self.known += [(amount, source) for amount in found]

    def source(self, said: Amount) -> str | None:
        """Where a number of a text is from; None where it is from nowhere."""
        for amount, source in self.known:
            if _stands_for(said, amount):
                return source
        return None

    def unsupported(self, text: str) -> list[Amount]:
        """Numbers of a text that have no source."""
        return self._missing(_plain(text))

    def _missing(self, plain: str) -> list[Amount]:
        return [said for said in amounts(plain) if self.source(said) is None]

    def cut(self, text: str) -> str:
        """The text without the sentences whose numbers have no source.

        Examples
        --------
        >>> evidence = GivenEvidence()
        >>> evidence.add([Amount(4.463, "g/m^3")], "call 1")
        >>> evidence.cut("It is 4.46 mg/L. The limit is 60 mg/L.")
        'It is 4.46 mg/L. [A sentence was removed here: it held a number without evidence.]'
        """
        kept: list[str] = []
        plain = _plain(text)
        for start, end in _sentences(text):
            shown = MARK if self._missing(plain[start:end]) else text[start:end]
            if not (shown == MARK and kept and kept[-1] == MARK):
                kept.append(shown)
        return " ".join(kept).replace("\n ", "\n").strip()


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    """Where each sentence begins and ends."""
    start = 0
    for found in (*_SENTENCE.finditer(text), None):
        end = len(text) if found is None else found.start()
        if text[start:end].strip():
            yield start, end
        start = end if found is None else found.end()


def _plain(text: str) -> str:
    """The text without ids, names in code and the numbers of a list, which count from 1."""
    for pattern in (_ID, _CODE):
        text = pattern.sub(lambda found: " " * len(found[0]), text)
    last = 0

    def counted(found: re.Match[str]) -> str:
        nonlocal last
        if int(found[1]) != last + 1:
            return found[0]
        last += 1
        return " " * len(found[0])

    return _LISTED.sub(counted, text)


def _stands_for(said: Amount, known: Amount) -> bool:
    if said.bare != known.bare and not (
        said.parsed.dimension.is_dimensionless and known.parsed.dimension.is_dimensionless
    ):
        return False
    if said.value == 0.0:
        return known.value == 0.0 and said.shows(known)
    most = min(said.step, _LOOSEST * abs(said.value))
    return Amount(said.value, said.unit, step=most).shows(known)


def amounts_of(result: Any) -> Iterator[Amount]:
    """Numbers of a tool's result: quantities, counts and simple rationals, from no free text.

    Entries that are doubted give none.

    Examples
    --------
    >>> found = amounts_of({"rows": [{"value": 2.0, "low": 1.5}], "unit": "s", "note": "say 42"})
    >>> [(a.value, a.unit) for a in found]
    [(1.0, '1'), (2.0, 's'), (1.5, 's')]
    """
    yield from _walk(result, "1", "")


def _walk(value: Any, unit: str, key: str) -> Iterator[Amount]:
    if isinstance(value, Mapping):
        if value.get("state") in DOUBTED:
            return
        own = value.get("unit")
        inner = own if isinstance(own, str) and len(own) <= 60 else unit
        for name, part in value.items():
            yield from _walk(part, inner if name in _WITH_UNIT else "1", str(name))
    elif isinstance(value, list | tuple):
        yield Amount(float(len(value)), bare=True)
        spans = len(value) == 3 and isinstance(value[2], str) and key not in _COMPUTED
        told = value[2] if spans and all(_is_number(v) for v in value[:2]) else None
        for part in value[:2] if told is not None else value:
            yield from _walk(part, unit if told is None else told, key)
    elif _is_number(value):
        yield from _amount(float(value), unit)
    elif isinstance(value, str) and (_RATIONAL.fullmatch(value) or key in _COMPUTED):
        for number in re.findall(r"\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", value):
            yield Amount(float(number), bare=True)


# keys whose numbers are in the unit beside them
_WITH_UNIT = frozenset({"value", "values", "low", "high", "rows", "default", "error", "answer"})


def _amount(value: float, unit: str) -> Iterator[Amount]:
    if is_unit(unit):
        yield Amount(value, unit, bare=unit == "1")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
