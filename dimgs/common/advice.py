"""Advice as values: an option and its new setting. Each interface words it by its controls.

A message contains a :class:`Setting` or an :class:`Act`. It is shown as an option on the command
line, as a control in the browser, and as an argument of a tool to a language model.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

# of a name that is near another one
_ALIKE = 0.6
# what a shell takes as one word
_PLAIN = re.compile(r"[\w.,:/=@+-]+")


def did_you_mean(name: object, names: Iterable[str], otherwise: str, most: int = 1) -> str:
    """End of a sentence about a name that is not known: those near it, or what is said without.

    Examples
    --------
    >>> did_you_mean("lenght", ["length", "width"], "give one of the columns.")
    "did you mean 'length'?"
    >>> did_you_mean("T", ["length", "width"], "give one of the columns.")
    'give one of the columns.'
    """
    lower = {each.lower(): each for each in names}
    near = [lower[n] for n in get_close_matches(str(name).lower(), lower, most, _ALIKE)]
    return f"did you mean {' or '.join(map(repr, near))}?" if near else otherwise


class Step(StrEnum):
    """Something to do besides an analysis; the value is the command that does it."""

    APPROVE = "hub approve"
    MAKE_HUB = "hub init"
    LIST_ENTRIES = "hub list"
    FIND_RUNS = "hub query"
    WRITE_RUNS = "hub dataset"
    CHECK_CARD = "hub check-card"
    DISPUTE = "hub dispute"
    ADD_USER = "hub user add"
    SHOW_KEYS = "hub key"
    RUN = "run"


@dataclass(frozen=True)
class Setting:
    """An option of an analysis, and what it is to be set to.

    Parameters
    ----------
    option : str
        A field of :class:`dimgs.Options`, or the name of another option.
    values : tuple of str
        Alternatives; of a list such as ``constants`` each holds its parts with commas between.

    Examples
    --------
    >>> print(setting("scales", "M0 [kg]"), setting("constants", "g", "k_B,c"))
    --scale "M0 [kg]" --constants g or k_B,c
    """

    option: str
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        return _words.get()(self)


@dataclass(frozen=True)
class Act:
    """A step, and what it is about.

    Examples
    --------
    >>> print(Act(Step.APPROVE, "4f2a"))
    dimgs hub approve 4f2a
    """

    step: Step
    about: str = ""

    def __str__(self) -> str:
        return _words.get()(self)


Advice = Setting | Act
Words = Callable[[Advice], str]


def setting(option: str, *values: str) -> Setting:
    """An option, and the values that would do."""
    return Setting(option, values)


def flag(option: str) -> str:
    """An option as the command line has it."""
    return "--scale" if option == "scales" else "--" + option.replace("_", "-")


def typed(value: str) -> str:
    """A value as one word of the command line."""
    return value if _PLAIN.fullmatch(value) else f'"{value}"'


def on_the_command_line(advice: Advice) -> str:
    """Advice as it is typed."""
    if isinstance(advice, Act):
        return " ".join(["dimgs", advice.step, *([advice.about] if advice.about else [])])
    return " ".join([flag(advice.option), " or ".join(map(typed, advice.values))]).strip()


_words: ContextVar[Words] = ContextVar("words", default=on_the_command_line)


@contextmanager
def worded(words: Words) -> Iterator[None]:
    """Word advice for a surface until the block ends, in this thread.

    Parameters
    ----------
    words : callable
        Takes a Setting or an Act.

    Examples
    --------
    >>> with worded(lambda advice: f"the switch '{advice.option}'"):
    ...     print(setting("robust"))
    the switch 'robust'
    """
    before = _words.set(words)
    try:
        yield
    finally:
        _words.reset(before)
