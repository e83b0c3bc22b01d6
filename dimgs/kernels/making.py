"""From what a module holds to a kernel; whatever a user's code raises becomes one sentence."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dimgs.errors import DimgsError, InputError
from dimgs.kernels.protocol import Kernel
from dimgs.kernels.reasons import with_kind
from dimgs.kernels.spec import Port, Tier

_PARTS = ("name", "version", "inputs", "outputs", "tiers", "run")


@contextmanager
def importing(what: str, file: str | None = None) -> Iterator[None]:
    """Import code of a user.

    Parameters
    ----------
    what : str
        What is imported, for messages.
    file : str, optional
        Its file, whose line is told where the error arises in it.

    Raises
    ------
    InputError
        For whatever the code raises, an exit included; Ctrl-C passes.

    Examples
    --------
    >>> with importing("film.py"):
    ...     1 / 0
    Traceback (most recent call last):
    dimgs.errors.InputError: film.py fails when it is imported (ZeroDivisionError: ...); correct it.
    """
    try:
        yield
    except DimgsError as error:
        raise InputError(f"{what}: {error}") from error
    except (Exception, SystemExit) as error:
        why = f"{with_kind(error)}{_line(error, file)}"
        raise InputError(f"{what} fails when it is imported ({why}); correct it.") from error


def as_kernel(found: Any, name: str, **options: Any) -> Kernel:
    """Kernel from a kernel, a class that makes one, or a function with units.

    Parameters
    ----------
    found : object
    name : str
        What it was asked for as, for messages.
    **options
        For the class.

    Raises
    ------
    InputError
        If it is none, or cannot be made.
    """
    if isinstance(found, type):
        found = _made(found, name, options)
    elif options:
        raise InputError(f"The kernel '{name}' takes no options, not {', '.join(options)}.")
    elif callable(found) and not isinstance(found, Kernel):
        from dimgs.kernels.function import kernel

        found = kernel(found)
    missing = [part for part in _PARTS if not hasattr(found, part)]
    if missing:
        raise InputError(
            f"'{name}' is no kernel: it needs {', '.join(_PARTS)}, and has no {missing[0]}; "
            f"subclass BaseKernel or decorate a function with @kernel."
        )
    _check_parts(found, name)
    made: Kernel = found
    return made


def _made(found: type, name: str, options: dict[str, Any]) -> Any:
    try:
        return found(**options)
    except DimgsError:
        raise
    except TypeError as error:
        raise InputError(
            f"The kernel '{name}' cannot be made like this ({error}); give what it needs as "
            f"options of load(), or make it in a Python file and name it as 'file.py:name'."
        ) from error
    except (Exception, SystemExit) as error:
        raise InputError(f"The kernel '{name}' cannot be made ({with_kind(error)}).") from error


def _check_parts(found: Any, name: str) -> None:
    for part, kind in (("inputs", Port), ("outputs", Port), ("tiers", Tier)):
        given = getattr(found, part)
        if not isinstance(given, tuple | list) or not all(isinstance(x, kind) for x in given):
            raise InputError(
                f"The {part} of the kernel '{name}' are {given!r:.60}; give a tuple of "
                f"{kind.__name__} objects."
            )
        if not given and part != "inputs":
            raise InputError(f"The kernel '{name}' declares no {part}; give at least one.")


def _line(error: BaseException, file: str | None) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    return f", line {frames[-1].lineno}" if frames else ""
