"""The protocol of engines of symbolic regression: problem, budget, deadline and result."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.expression.candidate import Candidate

Outcome = Literal["converged", "timeout", "no_candidate", "unavailable"]
CutBy = Literal["time", "evaluations", "interrupt", "failure"]


@dataclass(frozen=True, eq=False)
class Problem:
    """Runs in groups, and the response group that a law is sought for.

    Parameters
    ----------
    groups : mapping of str to ndarray of shape (n_runs,)
        Values (not logarithms) of ``pi_1``, ``pi_2``, ... in every run; positive, except those
        named in `unlogged`.
    response : ndarray of shape (n_runs,)
        Values of pi_0.
    scale : {"log", "linear"}
        Whether errors are judged on ln(pi_0) or on pi_0 itself.
    weights : ndarray of shape (n_runs,), optional
        Positive; 1/variance of the response on its scale, up to a factor.
    unlogged : tuple of str
        Groups that may vanish or change sign.
    composition : mapping of str to mapping of str to float, optional
        Exponents of the physical variables in ``pi_0`` and in each group. With it, "short" means
        short in the physical variables, so that the search does not depend on the basis.
    unit : ndarray of shape (n_runs,), optional
        Value of pi_0 for one unit of the target. With it, errors that are the same for all values
        of the target are distinguished from those that are the same for all values of pi_0.
    must_use : tuple of str
        Physical variables of the composition that every law must depend on.
    most_constants : int, optional
        Most constants that a law may have fitted.

    Raises
    ------
    InputError
        If lengths differ, a value is not finite, or a value that is logged is not positive.

    Examples
    --------
    >>> Problem({"pi_1": np.array([1.0, 2.0])}, np.array([3.0, 6.0])).n_runs
    2
    """

    groups: Mapping[str, Array]
    response: Array
    scale: Literal["log", "linear"] = "log"
    weights: Array | None = None
    unlogged: tuple[str, ...] = ()
    composition: Mapping[str, Mapping[str, float]] | None = None
    unit: Array | None = None
    must_use: tuple[str, ...] = ()
    most_constants: int | None = None

    def __post_init__(self) -> None:
        groups = {n: np.asarray(v, dtype=np.float64) for n, v in self.groups.items()}
        object.__setattr__(self, "groups", groups)
        object.__setattr__(self, "response", np.asarray(self.response, dtype=np.float64))
        if self.scale not in ("log", "linear"):
            raise InputError(f"The scale of a problem is 'log' or 'linear', not '{self.scale}'.")
        for name, values in {**groups, "pi_0": self.response}.items():
            if np.shape(values) != (self.n_runs,):
                raise InputError(f"'{name}' needs one value for each of the {self.n_runs} runs.")
            if not np.all(np.isfinite(values)):
                raise InputError(f"'{name}' has a value that is not finite; drop that run.")
        positive = {
            **{n: values for n, values in groups.items() if n not in self.unlogged},
            "pi_0": self.response if self.scale == "log" else None,
            "weights": self.weights,
            "unit": self.unit,
        }
        for name, column in positive.items():
            if column is not None and not np.all(np.asarray(column) > 0):
                raise InputError(f"'{name}' has a value that is not positive, so no logarithm.")

    @property
    def n_runs(self) -> int:
        """Number of runs."""
        return len(self.response)

    @property
    def scaled_weights(self) -> Array:
        """Weights of mean 1; all ones unless given."""
        weights = np.ones(self.n_runs) if self.weights is None else self.weights
        return np.asarray(weights, dtype=np.float64) / np.mean(weights)

    @property
    def names(self) -> tuple[str, ...]:
        """Groups, in the order of their numbers."""
        return tuple(sorted(self.groups, key=lambda name: (len(name), name)))


@dataclass(frozen=True)
class SearchBudget:
    """Budget of a search: seconds and evaluations.

    Parameters
    ----------
    seconds : float
        Wall time.
    evaluations : int, optional
        Number of expressions that are fitted; unlimited by default.
    nodes : int, optional
        Size up to which all forms are tried besides, however long that takes; None for as many as
        are tried in about a second.
    """

    seconds: float
    evaluations: int | None = None
    nodes: int | None = 0

    def __post_init__(self) -> None:
        if not self.seconds > 0:
            raise InputError(f"A budget of {self.seconds} s allows no search; give more than 0.")


@dataclass(frozen=True)
class Completed:
    """Up to which size a search tried all forms.

    Attributes
    ----------
    nodes : int
        Groups, numbers, constants, operators and functions of the longest forms.
    forms : int
        Distinct forms of at most so many.
    others : int
        Forms of these, beside those that are candidates, that follow the runs about as well as
        the best law: none, unless the runs are few or noisy.
    seconds : float
        Wall time that they took.
    """

    nodes: int
    forms: int
    others: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Result:
    """Result of a search.

    Parameters
    ----------
    candidates : tuple of Candidate
        Pareto front of complexity and loss, the chosen one first.
    outcome : {"converged", "timeout", "no_candidate", "unavailable"}
    message : str
        One sentence; the remedy if the engine is unavailable.
    seconds : float
        Wall time.
    startup : float
        Part of it that the engine took to start and to compile, which no budget can shorten.
    cut : {"time", "evaluations", "interrupt", "failure"}, optional
        What ended the search before it was complete; None where it came to its own end, such as
        a law that is exact to rounding.
    complete_to : Completed, optional
        Up to which size all forms were tried.
    """

    candidates: tuple[Candidate, ...]
    outcome: Outcome
    message: str
    seconds: float
    startup: float = 0.0
    cut: CutBy | None = None
    complete_to: Completed | None = None


@runtime_checkable
class Engine(Protocol):
    """A searcher of closed forms."""

    @property
    def name(self) -> str:
        """Name on the command line."""

    def search(self, problem: Problem, budget: SearchBudget, seed: int = 0) -> Result:
        """Pareto front of candidates; problems of the engine are outcomes, not exceptions."""


# ---- The deadline that all steps of a discovery share, and the steps that it ended.


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
