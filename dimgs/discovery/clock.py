"""The one deadline that every step of a discovery shares."""

import time
from dataclasses import dataclass

_RESERVED, _MOST_RESERVED = 0.1, 3.0


@dataclass(frozen=True)
class Clock:
    """A deadline, for searches and for what follows them.

    Parameters
    ----------
    end : float
        By `time.monotonic`.

    Examples
    --------
    >>> clock = Clock.of(60.0)
    >>> 59 < clock.left <= 60
    True
    >>> clock.part(0.5).left < 31
    True
    """

    end: float

    @classmethod
    def of(cls, seconds: float) -> "Clock":
        """A clock that stops so many seconds from now."""
        return cls(time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds that are left; negative when the time is over."""
        return self.end - time.monotonic()

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
        return Clock(min(self.end, time.monotonic() + min(share * max(self.left, 0.0), longest)))
