"""Exceptions of dimgs. Each message gives the fault, its place and the remedy."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from numbers import Real
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# twelve lines of a terminal; the longest message that names only what it must has half of that
_LONGEST = 1000
# of these the last ones, which say what to do
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
    """Base of every error that dimgs raises on purpose; its message is never very long.

    Examples
    --------
    >>> import dimgs
    >>> try:
    ...     dimgs.read_table("nowhere.csv")
    ... except dimgs.DimgsError as error:
    ...     print(type(error).__name__, error)
    InputError There is no file 'nowhere.csv'; check the path (now in ...).
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(brief(str(message)))


class InputError(DimgsError, ValueError):
    """A table, a unit or an argument cannot be used as it is; the message names the remedy.

    Examples
    --------
    >>> import dimgs
    >>> dimgs.read_table("nowhere.csv")
    Traceback (most recent call last):
    dimgs.common.errors.InputError: There is no file ...
    """


class UnitError(InputError):
    """A unit has an exponent that is not rational.

    Examples
    --------
    >>> issubclass(UnitError, InputError)
    True
    """


class DimensionError(InputError):
    """Dimensions do not fit: a target outside the span of the inputs, or an unequal sum.

    Examples
    --------
    >>> import dimgs
    >>> dimgs.pi_basis(["T [s]", "L [m]"], target="T")
    Traceback (most recent call last):
    dimgs.groups.derive.UnreachableError: The target 'T' [s] is outside the span of the ...
    """


class FitError(DimgsError, ValueError):
    """The runs cannot support the requested model.

    Examples
    --------
    >>> from dimgs.common.errors import DimgsError
    >>> issubclass(FitError, DimgsError)
    True
    """


class LawError(DimgsError, ValueError):
    """An expression is not a law: it breaks dimensional homogeneity or names unknown symbols.

    Examples
    --------
    >>> from dimgs.common.errors import DimgsError
    >>> issubclass(LawError, DimgsError)
    True
    """


class EngineUnavailableError(DimgsError, RuntimeError):
    """A symbolic-regression engine cannot run here; the message names the remedy.

    Examples
    --------
    >>> import dimgs
    >>> table = dimgs.Dataset.from_columns({"x [m]": [1.0, 2, 3, 4], "y [m]": [2.0, 4, 6, 8]})
    >>> dimgs.discover(table, "y", engine="abacus")
    Traceback (most recent call last):
    dimgs.common.errors....
    """


def attempt(function: Callable[P, T], *args: P.args, **keywords: P.kwargs) -> T | None:
    """What a function returns, or None where it raises a `DimgsError`.

    Examples
    --------
    >>> def root(number):
    ...     if number < 0:
    ...         raise InputError("give a number from zero up")
    ...     return number**0.5
    >>> attempt(root, 4.0), attempt(root, -4.0)
    (2.0, None)
    """
    try:
        return function(*args, **keywords)
    except DimgsError:
        return None


def check_level(level: Any) -> None:
    """Raise InputError unless the level of an interval is a fraction between 0 and 1.

    Examples
    --------
    >>> check_level("0.9")
    Traceback (most recent call last):
    dimgs.common.errors.InputError: The level is '0.9'; give the coverage as a fraction, ...
    """
    is_number = isinstance(level, Real) and not isinstance(level, bool)
    if not (is_number and 0.0 < level < 1.0):
        written = level if is_number else repr(level)
        raise InputError(
            f"The level is {written}; give the coverage as a fraction, a number such as 0.9."
        )


class DimgsWarning(UserWarning):
    """Category of warnings: the result is valid, but the runs or the request need attention.

    Examples
    --------
    >>> import warnings
    >>> import dimgs
    >>> table = {"m [kg]": [1, 2, 1, 2], "L [m]": [1, 2, 3, 4], "H [m]": [2, 4, 6, 8]}
    >>> with warnings.catch_warnings(record=True, action="always") as caught:
    ...     law = dimgs.fit(table, "H").law
    >>> caught[0].category.__name__, str(caught[0].message)[:22]
    ('DimgsWarning', "'m' is not used: no ot")
    """


def warn_all(texts: Iterable[str]) -> None:
    """Raise a DimgsWarning for each text, as if from where the caller was called."""
    for text in texts:
        warnings.warn(brief(text), DimgsWarning, stacklevel=3)


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
        notes = getattr(error, "__notes__", ())
        for text in dict.fromkeys(texts):
            if text not in notes:
                error.add_note(text)
        raise


@contextmanager
def located(where: str) -> Iterator[None]:
    """Say of an `InputError` that is raised inside what it belongs to.

    Examples
    --------
    >>> with located("The output 'CF'"):
    ...     raise InputError("give a unit.")
    Traceback (most recent call last):
    dimgs.common.errors.InputError: The output 'CF': give a unit.
    """
    try:
        yield
    except InputError as error:
        kind = DimensionError if isinstance(error, DimensionError) else InputError
        raise kind(f"{where}: {error}") from error


class RunRefusedError(DimgsError, ValueError):
    """A kernel cannot treat these inputs; its run becomes a record with the status refused.

    Examples
    --------
    >>> from dimgs.kernels import kernel
    >>> @kernel(inputs={"x": "m"}, outputs={"y": "m"})
    ... def half(x):
    ...     if x > 1:
    ...         raise RunRefusedError("x is more than 1 m, for which half is not made.")
    ...     return x / 2
    >>> str(half.run({"x": 2.0}).status)
    'refused'
    """


class ProgramMissingError(RunRefusedError):
    """The program, or the checkout, that a kernel calls cannot be used on this machine.

    Examples
    --------
    >>> from dimgs.kernels import CommandKernel
    >>> outputs = {"y": {"unit": "m", "regex": "(.*)"}}
    >>> CommandKernel(["no-such-solver"], inputs={}, outputs=outputs).run({}).failure.value
    'program'
    """


class RunDivergedError(DimgsError, ArithmeticError):
    """A simulation has no finite answer; its run becomes a record with the status diverged.

    Examples
    --------
    >>> from dimgs.kernels import kernel
    >>> @kernel(inputs={"x": "m"}, outputs={"y": "m"})
    ... def endless(x):
    ...     raise RunDivergedError("The residual grew without bound.")
    >>> record = endless.run({"x": 2.0})
    >>> str(record.status), record.reason
    ('diverged', 'The residual grew without bound.')
    """


class RunFailedError(DimgsError, RuntimeError):
    """A simulation ended without a result; its run becomes a record with the status failed.

    Parameters
    ----------
    reason : str
    provenance : mapping, optional
        Added to what the run records, such as the folder that it left.

    Examples
    --------
    >>> RunFailedError("The solver has no licence.", {"folder": "runs/7"}).provenance
    {'folder': 'runs/7'}
    """

    def __init__(self, reason: str, provenance: Mapping[str, Any] | None = None) -> None:
        super().__init__(reason)
        self.provenance = dict(provenance or {})


class StoreError(DimgsError, RuntimeError):
    """A store of runs cannot be read, or a run in it would have been overwritten.

    Examples
    --------
    >>> import dimgs
    >>> from dimgs.hub import Hub
    >>> Hub("nowhere/hub.sqlite", make=False)
    Traceback (most recent call last):
    dimgs.common.errors....
    """
