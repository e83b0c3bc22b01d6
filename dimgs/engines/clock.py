"""The deadline that all steps of a discovery share, and the steps that it ended."""

import time
from dataclasses import dataclass, field, replace
from threading import Event

from dimgs.engines.protocol import CutBy

# share of the time, and seconds at most, in which what was found is refitted and judged: that takes
# 0.4 s of 4 s at quick effort, and of a thousand runs with sums of long terms up to 6 s
_RESERVED, _MOST_RESERVED = 0.15, 6.0


@dataclass(frozen=True)
class Cut:
    """A step that ended before it was complete.

    Parameters
    ----------
    by : {"time", "evaluations", "interrupt", "failure"}
    step : str
        As in a sentence, such as "the search by structured".
    """

    by: CutBy
    step: str


@dataclass(frozen=True)
class Clock:
    """A deadline, for searches and for what follows them.

    Parameters
    ----------
    end : float
        By `time.monotonic`.
    stopped : threading.Event
        Set when the user interrupts; clocks that are parts of another share it.
    cuts : list of Cut
        Steps that were cut short so far; parts of a clock share it, :meth:`separate`
        begins another.

    Examples
    --------
    >>> clock = Clock.of(60.0)
    >>> 59 < clock.left <= 60
    True
    >>> clock.part(0.5).left < 31
    True
    """

    end: float
    stopped: Event = field(default_factory=Event, repr=False, compare=False)
    cuts: list[Cut] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def of(cls, seconds: float) -> "Clock":
        """A clock that stops so many seconds from now."""
        return cls(time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds that are left; not positive when the time is over."""
        left = self.end - time.monotonic()
        return min(left, 0.0) if self.stopped.is_set() else left

    @property
    def over(self) -> bool:
        """Whether the time is over."""
        return self.left <= 0

    @property
    def to_search(self) -> float:
        """Seconds that a search may take: some are kept to refit and judge what it finds."""
        left = self.left
        return left - min(_RESERVED * max(left, 0.0), _MOST_RESERVED)

    def part(self, share: float, longest: float = float("inf")) -> "Clock":
        """A clock that stops earlier: after a share of what is left, and no later than this one."""
        end = time.monotonic() + min(share * max(self.left, 0.0), longest)
        return replace(self, end=min(self.end, end))

    def later(self, seconds: float) -> "Clock":
        """A clock that stops later, by what an engine took to start."""
        return replace(self, end=self.end + seconds)

    def separate(self) -> "Clock":
        """The deadline with a separate record of steps that it ends."""
        return replace(self, cuts=[])

    def cut(self, by: CutBy, step: str) -> None:
        """Note that a step was cut short; an interrupt ends all that share the deadline.

        Parameters
        ----------
        by : {"time", "evaluations", "interrupt", "failure"}
        step : str
        """
        self.cuts.append(Cut(by, step))
        if by == "interrupt":
            self.stopped.set()
