"""A program described in a TOML file of its own, as a kernel."""

import inspect
from difflib import get_close_matches
from pathlib import Path

from dimgs.errors import InputError
from dimgs.formats import read_toml
from dimgs.kernels.command.command_kernel import CommandKernel

_KEYS = tuple(n for n in inspect.signature(CommandKernel).parameters if n != "home")


def read_command(path: str | Path) -> CommandKernel:
    """Kernel of a TOML file whose keys are the arguments of :class:`CommandKernel`.

    A further table ``templates`` names template files by the file to write. Relative paths, that
    of the program included, start from the folder of the file, which is also ``{{home}}``. The
    kernel is named after the file where it has no ``name``.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    CommandKernel

    Raises
    ------
    InputError
        If the file cannot be read or describes no kernel.
    """
    file = Path(path)
    document = read_toml(file, "kernel")
    for key in document:
        if key not in (*_KEYS, "templates"):
            near = get_close_matches(key, _KEYS, n=1)
            remedy = f"did you mean '{near[0]}'?" if near else f"use {', '.join(_KEYS)}, templates."
            raise InputError(f"{file.name}, {key}: there is no such key; {remedy}")
    for key in ("inputs", "outputs", "files", "templates", "tiers", "environment"):
        if not isinstance(document.get(key, {}), dict):
            raise InputError(f"{file.name}, {key}: this is no table; write [{key}] above its keys.")
    missing = [key for key in ("argv", "inputs", "outputs") if key not in document]
    if missing:
        raise InputError(f"{file.name}: the key '{missing[0]}' is missing; add it.")
    home = file.resolve().parent
    try:
        files = {**document.pop("files", {}), **_templates(document.pop("templates", {}), home)}
        kernel = CommandKernel(**{"name": file.stem, **document}, files=files, home=home)
    except InputError as error:
        raise InputError(f"{file.name}: {error}") from error
    except (TypeError, AttributeError) as error:
        raise InputError(f"{file.name} describes no kernel ({error}); correct it there.") from error
    return kernel


def _templates(templates: dict[str, str], home: Path) -> dict[str, Path]:
    odd = [name for name, text in templates.items() if not isinstance(text, str)]
    if odd:
        raise InputError(f"The template of '{odd[0]}' is no text; give the path of its file.")
    return {name: home / text for name, text in templates.items()}
