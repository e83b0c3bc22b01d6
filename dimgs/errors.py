"""The few errors that dimgs raises on purpose. Each message says what, where, and the remedy."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

# twelve lines of a terminal; the longest message that names only what it must has half of that
_LONGEST = 1000
_END = 250


def brief(message: str) -> str:
    """A message without the middle of what it quotes, where that is very long.

    Examples
    --------
    >>> text = brief(f"The name '{'x' * 300_000}' is too long; shorten it.")
    >>> len(text), text[:14], text[-26:]
    (1000, "The name 'xxxx", "' is too long; shorten it.")
    """
    if len(message) <= _LONGEST:
        return message
    return f"{message[: _LONGEST - _END - 5]} ... {message[-_END:]}"


class DimgsError(Exception):
    """Base of every error that dimgs raises on purpose; its message is never very long."""

    def __init__(self, message: str = "") -> None:
        super().__init__(brief(str(message)))


class InputError(DimgsError, ValueError):
    """A table, a unit or an argument cannot be used as it is; the message names the remedy."""


class UnitError(InputError):
    """A unit has an exponent that is not rational."""


class DimensionError(InputError):
    """Dimensions do not fit: a target outside the span of the inputs, or an unequal sum."""


class FitError(DimgsError, ValueError):
    """The runs cannot support the model that was asked for."""


class LawError(DimgsError, ValueError):
    """An expression is not a law: it breaks dimensional homogeneity or names unknown symbols."""


class EngineUnavailableError(DimgsError, RuntimeError):
    """A symbolic-regression engine cannot run here; the message names the remedy."""


class DimgsWarning(UserWarning):
    """A result stands, but something about the runs or the request deserves a second look."""


def warn_all(texts: Iterable[str], stacklevel: int = 3) -> None:
    """Raise a DimgsWarning for each text, as if from where the caller was called."""
    for text in texts:
        warnings.warn(brief(text), DimgsWarning, stacklevel=stacklevel)


@contextmanager
def noting(texts: Iterable[str]) -> Iterator[None]:
    """Add to an error that is raised inside what was noticed before it: it may be the cause.

    Examples
    --------
    >>> try:
    ...     with noting(["The unit 'Nm' is doubtful."]):
    ...         raise InputError("The target is out of reach.")
    ... except InputError as error:
    ...     print(*error.__notes__)
    The unit 'Nm' is doubtful.
    """
    try:
        yield
    except DimgsError as error:
        known = getattr(error, "__notes__", ())
        for text in dict.fromkeys(texts):
            if text not in known:
                error.add_note(text)
        raise


class RunRefusedError(DimgsError, ValueError):
    """A kernel cannot treat these inputs; its run becomes a record with the status refused."""


class RunDivergedError(DimgsError, ArithmeticError):
    """A simulation has no finite answer; its run becomes a record with the status diverged."""


class RunFailedError(DimgsError, RuntimeError):
    """A simulation ended without a result; its run becomes a record with the status failed.

    Parameters
    ----------
    reason : str
    provenance : mapping, optional
        Added to what the run records, such as the folder that it left.
    """

    def __init__(self, reason: str, provenance: Mapping[str, Any] | None = None) -> None:
        super().__init__(reason)
        self.provenance = dict(provenance or {})


class StoreError(DimgsError, RuntimeError):
    """A store of runs cannot be read, or a run in it would have been overwritten."""
