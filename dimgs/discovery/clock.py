"""The one deadline that every step of a discovery shares."""

import time
from dataclasses import dataclass, field
from threading import Event

_RESERVED, _MOST_RESERVED = 0.1, 3.0


@dataclass(frozen=True)
class Clock:
    """A deadline, for searches and for what follows them.

    Parameters
    ----------
    end : float
        By `time.monotonic`.
    stopped : threading.Event
        Set when the user interrupts; clocks that are parts of another share it.

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
        return Clock(min(self.end, end), self.stopped)

    def later(self, seconds: float) -> "Clock":
        """A clock that stops later, by what an engine took to start."""
        return Clock(self.end + seconds, self.stopped)

    def stop(self) -> None:
        """End this clock and all that it is a part of: the best so far is the answer."""
        self.stopped.set()
