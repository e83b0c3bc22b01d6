"""Options of a command beside its templates: checked when its kernel is made, not in a run."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dimgs.common.errors import InputError
from dimgs.kernels.spec import is_number

KEEP = ("failures", "always", "never")


def check_options(
    kernel: str,
    most: Mapping[str, Any],
    environment: Any,
    folder: Any,
    keep: Any,
    files: Any,
) -> None:
    """Check what does not depend on a run.

    Raises
    ------
    InputError
        Naming the option and what it may be.

    Examples
    --------
    >>> check_options("film", {"timeout": "1 h"}, None, None, "failures", None)
    Traceback (most recent call last):
    dimgs.common.errors.InputError: The timeout of 'film' is '1 h'; give seconds, more than 0.
    """
    for what, value in most.items():
        if not is_number(value) or not value > 0:
            unit = "seconds" if what == "timeout" else "bytes"
            raise InputError(
                f"The {what} of '{kernel}' is {value!r:.60}; give {unit}, more than 0."
            )
    if keep not in KEEP:
        raise InputError(f"keep of '{kernel}' is {keep!r:.60}; give one of {', '.join(KEEP)}.")
    for what, mapping in (("environment", environment), ("files", files)):
        if mapping is not None and not isinstance(mapping, Mapping):
            raise InputError(f"{what} of '{kernel}' is {mapping!r:.60}; give texts by name.")
    for name, value in (environment or {}).items():
        if not isinstance(value, str) or not re.fullmatch(r"[^=\0]+", str(name)) or "\0" in value:
            raise InputError(
                f"The variable {name!r:.60} of the environment of '{kernel}' is {value!r:.60}; "
                f"give a text, and a name without '='."
            )
    if folder is not None and not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(
            f"The folder '{folder}' for the runs of '{kernel}' is absent or cannot be written to; "
            f"make it, or name another."
        )


def check_command(kernel: str, argv: Any) -> None:
    """Check the program and its arguments.

    Raises
    ------
    InputError
    """
    if not isinstance(argv, Sequence) or isinstance(argv, str) or not argv:
        raise InputError(
            f"The command of '{kernel}' is {argv!r:.60}; give a list of the program and its "
            f"arguments, there is no shell to split a text."
        )
    for i, argument in enumerate(argv):
        if not isinstance(argument, str | int | float | Path) or "\0" in str(argument):
            raise InputError(
                f"The argument {i} of '{kernel}' is {argument!r:.60}; give a text or a number."
            )


def check_writes(kernel: str, writes: Any) -> Sequence[str]:
    """The paths that runs write, checked to be a list of texts.

    Raises
    ------
    InputError
    """
    if isinstance(writes, str) or not isinstance(writes, Sequence):
        raise InputError(f"writes of '{kernel}' is {writes!r:.60}; give a list of full paths.")
    for path in writes:
        if not isinstance(path, str) or "\0" in path:
            raise InputError(f"writes of '{kernel}' holds {path!r:.60}; give a full path as text.")
    return writes


def beside(arguments: Sequence[str], written: Sequence[str], home: Path | None) -> str:
    """Hint on arguments that name a file outside the folder of the program; else empty.

    Programs run in a folder of their own, in which files beside the kernel are not.
    """
    start = Path() if home is None else home
    for argument in arguments:
        plain = "{{" not in argument and argument not in written and not os.path.isabs(argument)
        if plain and argument and os.path.isfile(start / argument):
            where = "its full path" if home is None else f"{{{{home}}}}/{argument}"
            return (
                f" '{argument}' is not in the folder that the program runs in; if that is what it "
                f"misses, write {where}."
            )
    return ""
