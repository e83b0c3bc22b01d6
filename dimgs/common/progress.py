"""Progress events of long work, for a listener and for the log named ``dimgs``."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dimgs.expression.candidate import Candidate

_listener: ContextVar["Callable[[str], None] | None"] = ContextVar("listener", default=None)


class ProgressEvent(str):
    """A progress event: a sentence about work under way.

    Attributes
    ----------
    candidates : tuple of Candidate
        Formulas that were found since, on the groups of the basis in use.

    Examples
    --------
    >>> event = ProgressEvent("the law so far is T = C*sqrt(L/g)")
    >>> str(event), event.candidates
    ('the law so far is T = C*sqrt(L/g)', ())
    """

    candidates: "tuple[Candidate, ...]"

    def __new__(cls, text: str, candidates: "tuple[Candidate, ...]" = ()) -> "ProgressEvent":
        """A text with what it is about."""
        event = super().__new__(cls, text)
        event.candidates = candidates
        return event


@contextmanager
def listening(listener: "Callable[[str], None] | None") -> Iterator[None]:
    """Pass progress events to a function until the block ends, in this thread.

    Parameters
    ----------
    listener : callable, optional
        Takes each :class:`ProgressEvent`, which is a text. With None, nobody gets them.

    Examples
    --------
    >>> events = []
    >>> with listening(events.append):
    ...     report_progress("half of it is done")
    >>> events
    ['half of it is done']
    """
    before = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(before)


@contextmanager
def notebook_bar() -> Iterator[Callable[..., None] | None]:
    """Progress bar in a notebook, removed at the end of the block.

    Yields
    ------
    callable or None
        Takes a text and, where they are known, how much of how much is done. None outside of
        notebooks.
    """
    shell: Any = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if not hasattr(shell, "kernel"):
        yield None
        return
    from IPython.display import HTML, display

    handle = display(HTML("<progress></progress>"), display_id=True)

    def show(text: str, done: float | None = None, most: float | None = None) -> None:
        share = "" if done is None or most is None else f' value="{done:g}" max="{most:g}"'
        handle.update(HTML(f"<progress{share}></progress> {escape(text)}"))

    try:
        yield show
    finally:
        handle.update(HTML(""))


def report_progress(text: str, *about: object, candidates: "tuple[Candidate, ...]" = ()) -> None:
    """Report an event to the listener, and to the log ``dimgs`` at the level INFO.

    Parameters
    ----------
    text : str
        With ``%s`` for each thing that it is about, as in :mod:`logging`.
    *about : object
        Made texts only where somebody listens: the shortest text of a law takes long to find.
    candidates : tuple of Candidate
        As of :class:`ProgressEvent`.

    Examples
    --------
    >>> with listening(print):
    ...     report_progress("%s of %s are done", 2, 3)
    2 of 3 are done
    """
    import logging

    logging.getLogger("dimgs").info(text, *about)
    if (listener := _listener.get()) is not None:
        listener(ProgressEvent(text % about if about else text, candidates))


# the name of version 0.2, whose module gives a warning
News = ProgressEvent
