"""A search for the law in a process of its own, which reports what it finds and can be stopped."""

import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from dimgs.advice import worded
from dimgs.discovery.options import Options
from dimgs.errors import DimgsError
from dimgs.expression.candidate import Candidate
from dimgs.web.controls import in_the_browser

if TYPE_CHECKING:
    from dimgs.dataset.dataset import Dataset
    from dimgs.report.results import Report

# seconds between two looks at what a search told, and that a search has to end once it is asked to
_LOOK, _PATIENCE = 0.2, 20.0
# loss below which a candidate counts as exact
_EXACT = 1e-18


@dataclass(frozen=True)
class SearchState:
    """A search at one moment.

    Attributes
    ----------
    told : str
        What it reported last.
    front : tuple of Candidate
        Those of what it found that no other one beats in both complexity and loss.
    seconds : float
        Since it began.
    limit : float
        Seconds that it may take.
    stopping, over : bool
        Whether it was asked to stop, and whether it ended.
    problem : str
        Why it ended without a report; empty where it did not.
    """

    told: str
    front: tuple[Candidate, ...]
    seconds: float
    limit: float
    stopping: bool
    over: bool
    problem: str


class LawSearch:
    """A search that runs.

    Parameters
    ----------
    data : Dataset
    target : str
    options : Options
    """

    def __init__(self, data: "Dataset", target: str, options: Options) -> None:
        context = get_context("spawn")
        self._here, there = context.Pipe()
        self._process = context.Process(
            target=_search, args=(there, data, target, options), daemon=True
        )
        self._limit = options.seconds
        self._begun = time.monotonic()
        self._told = "starting"
        self._front: tuple[Candidate, ...] = ()
        self._problem = ""
        self._stopping = self._over = False
        self.report: Report | None = None
        self._process.start()
        there.close()
        self._hearer = threading.Thread(target=self._hear, daemon=True)
        self._hearer.start()

    @property
    def state(self) -> SearchState:
        """The search now."""
        return SearchState(
            self._told,
            self._front,
            time.monotonic() - self._begun,
            self._limit,
            self._stopping,
            self._over,
            self._problem,
        )

    def states(self) -> Iterator[SearchState]:
        """The search whenever it changed, and once a second; the last one is over."""
        last: tuple[Any, ...] = ()
        while True:
            state = self.state
            now = (state.told, state.front, int(state.seconds), state.stopping, state.over)
            if now != last:
                yield state
                last = now
            if state.over:
                return
            time.sleep(_LOOK)

    def stop(self) -> None:
        """Ask it to stop: it ends with the best law until then."""
        if self._over:
            return
        self._stopping = True
        try:
            self._here.send("stop")
        except OSError:
            # it has just ended
            return
        threading.Thread(target=self._end, daemon=True).start()

    def close(self) -> None:
        """End it at once."""
        self._process.terminate()
        self._process.join(_PATIENCE)

    def _end(self) -> None:
        self._process.join(_PATIENCE)
        if self._process.is_alive():
            self._problem = "The search was stopped before it had a law."
            self._process.terminate()

    def _hear(self) -> None:
        try:
            while True:
                kind, text, more = self._here.recv()
                if kind == "told":
                    self._told = text or self._told
                    self._front = front_of((*self._front, *more))
                elif kind == "report":
                    self.report = more
                    break
                else:
                    self._problem = text
                    break
        except (EOFError, OSError):
            self._problem = self._problem or (
                "The process of the search ended before it had a law; its memory may have run out."
            )
        self._over = True


def front_of(candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """Those that no other one beats in both complexity and loss, the simplest first."""
    ordered = sorted(candidates, key=lambda c: (c.complexity, c.loss, str(c)))
    front: list[Candidate] = []
    for candidate in ordered:
        # what is exact to rounding is not improved on
        if not front or max(candidate.loss, _EXACT) < max(front[-1].loss, _EXACT):
            front.append(candidate)
    return tuple(front)


def _search(pipe: Connection, data: "Dataset", target: str, options: Options) -> None:
    """What the process of a search does."""
    threading.Thread(target=_until_stopped, args=(pipe,), daemon=True).start()
    try:
        with worded(in_the_browser):
            pipe.send(_found(pipe, data, target, options))
    except KeyboardInterrupt:
        pipe.send(("failed", "The search was stopped before it had a law.", None))


def _found(pipe: Connection, data: "Dataset", target: str, options: Options) -> tuple[Any, ...]:
    from dimgs.discovery.discover import discover_with

    def heard(text: str) -> None:
        candidates = getattr(text, "candidates", ())
        pipe.send(("told", "" if candidates else str(text), candidates))

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ("report", "", discover_with(data, target, options, heard))
    except DimgsError as error:
        return ("failed", str(error), None)
    except MemoryError:
        return ("failed", "The memory of this machine does not suffice; use fewer rows.", None)
    except Exception as error:
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        text = f"The search failed on something unforeseen ({what}); please report it."
        return ("failed", text, None)


def _until_stopped(pipe: Connection) -> None:
    """Interrupt the search when it is asked to stop, as Ctrl-C would."""
    import _thread

    try:
        pipe.recv()
    except (EOFError, OSError):
        return
    _thread.interrupt_main()


def with_command(report: "Report", command: str) -> "Report":
    """A report that says how to make it again."""
    return replace(report, provenance={**report.provenance, "command": command})
