"""Plans from TOML or Python files; every complaint names the key."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from dimgs.campaign.plan import Budget, Execution, Plan, Range, Tolerance
from dimgs.errors import InputError

_TABLES: Mapping[str, type] = {"budget": Budget, "tolerance": Tolerance, "execution": Execution}
_KEYS: Mapping[str, tuple[str, ...]] = {
    "budget": ("runs", "coarse_runs", "seconds"),
    "tolerance": ("exponents", "prediction"),
    "execution": ("workers", "retries", "timeout", "batch"),
}
_PLAIN: Mapping[str, type] = {
    "kernel": str,
    "target": str,
    "survey": int,
    "level": float,
    "seed": int,
    "sampler": str,
    "report": str,
}
_WORDS = {str: "text in quotes", int: "a whole number", float: "a number"}
_ALL = (*_PLAIN, "ranges", "fixed", "points", "tiers", "constants", *_TABLES)


def read_plan(path: str | Path) -> Plan:
    """Plan from a file.

    Parameters
    ----------
    path : str or Path
        A TOML file, or a Python file that defines ``plan``.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        If the file cannot be read, or a key cannot be used; the message names it.
    """
    file = Path(path)
    try:
        if not file.is_file():
            raise InputError(f"There is no plan '{path}'; give a TOML or a Python file.")
        if file.suffix == ".py":
            return _python_plan(file)
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"'{path}' cannot be read ({error.strerror}); see to it.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file.name} is no TOML ({error}); correct it there.") from error
    return plan_of(document, file.name, file.parent)


def plan_of(
    document: Mapping[str, Any], source: str = "the plan", folder: Path | None = None
) -> Plan:
    """Plan from the content of a TOML file.

    Parameters
    ----------
    document : mapping
    source : str
        For messages.
    folder : Path, optional
        Folder that a kernel ``"file.py:attribute"`` is relative to.

    Returns
    -------
    Plan

    Raises
    ------
    InputError

    Examples
    --------
    >>> plan = plan_of({
    ...     "kernel": "diffusion", "target": "CF", "ranges": {"t": [1, 100, "day"]},
    ...     "budget": {"runs": 20}, "tolerance": {"exponents": 0.02},
    ... })
    >>> plan.ranges["t"]
    Range(low=1.0, high=100.0, unit='day', integer=False)
    >>> plan_of({"kernl": "diffusion"})
    Traceback (most recent call last):
    dimgs.errors.InputError: the plan, kernl: there is no such key; did you mean 'kernel'?
    """
    _known(document, _ALL, source, "")
    for name in ("kernel", "target", "ranges", "budget", "tolerance"):
        if name not in document:
            raise InputError(f"{source}: the key '{name}' is missing; add it.")
    values: dict[str, Any] = {
        name: _at(source, name, _typed, document[name], kind)
        for name, kind in _PLAIN.items()
        if name in document
    }
    for name, made in _TABLES.items():
        if name in document:
            table = _table(document, name, source)
            _known(table, _KEYS[name], source, f"{name}.")
            values[name] = _at(source, name, lambda of, given: of(**given), made, table)
    values["ranges"] = {
        name: _at(source, f"ranges.{name}", _range, given)
        for name, given in _table(document, "ranges", source).items()
    }
    values["fixed"] = {
        name: _at(source, f"fixed.{name}", _value, given)
        for name, given in _table(document, "fixed", source).items()
    }
    values["points"] = tuple(_points(document.get("points", []), source))
    for name in ("tiers", "constants"):
        values[name] = _at(source, name, _texts, document.get(name, []))
    if folder is not None:
        values["kernel"] = _anchored(values["kernel"], folder)
    try:
        return Plan(**values, source=source)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error


def _python_plan(file: Path) -> Plan:
    from dimgs.campaign.kernel_reference import load_file

    module = load_file(file)
    found = getattr(module, "plan", None)
    if not isinstance(found, Plan):
        raise InputError(f"{file.name} defines no plan; write plan = Plan(...) in it.")
    if found.source == Plan.source:
        found = replace(found, source=file.name)
    if isinstance(found.kernel, str):
        return replace(found, kernel=_anchored(found.kernel, file.parent))
    # workers find a kernel of this file by its name: they cannot import the file otherwise
    kernel = found.kernel
    names = [n for n, v in vars(module).items() if v is kernel and not n.startswith("__")]
    return replace(found, kernel=f"{file.resolve()}:{names[0]}") if names else found


def _at(source: str, key: str, make: Callable[..., Any], *given: Any) -> Any:
    try:
        return make(*given)
    except InputError as error:
        raise InputError(f"{source}, {key}: {error}") from error
    except TypeError as error:
        raise InputError(f"{source}, {key}: a value has the wrong type ({error}).") from error


def _known(document: Mapping[str, Any], names: tuple[str, ...], source: str, inside: str) -> None:
    for name in document:
        if name not in names:
            near = get_close_matches(name, names, n=1)
            remedy = f"did you mean '{near[0]}'?" if near else f"use {', '.join(names)}."
            raise InputError(f"{source}, {inside}{name}: there is no such key; {remedy}")


def _table(document: Mapping[str, Any], name: str, source: str) -> Mapping[str, Any]:
    table = document.get(name, {})
    if not isinstance(table, Mapping):
        raise InputError(f"{source}, {name}: this is no table; write [{name}] above its keys.")
    return table


def _typed(value: Any, kind: type) -> Any:
    fits = isinstance(value, kind) or (kind is float and isinstance(value, int))
    if not fits or isinstance(value, bool):
        raise InputError(f"{value!r} is given where {_WORDS[kind]} is needed.")
    return kind(value)


def _number(value: Any) -> float:
    return float(_typed(value, float))


def _range(given: Any) -> Range:
    if isinstance(given, Mapping):
        odd = sorted(set(given) - {"low", "high", "unit", "integer"})
        if odd or not {"low", "high"} <= set(given):
            raise InputError(
                'a range is { low = 1, high = 2, unit = "m" } or [1, 2, "m"]; '
                + (f"'{odd[0]}' is not part of one." if odd else "an end is missing.")
            )
        unit, integer = given.get("unit"), given.get("integer", False)
        if not isinstance(integer, bool):
            raise InputError(f"integer is {integer!r}; give true or false.")
        return Range(_number(given["low"]), _number(given["high"]), _unit(unit), integer)
    if isinstance(given, list) and len(given) in (2, 3):
        return Range(_number(given[0]), _number(given[1]), _unit(given[2] if given[2:] else None))
    raise InputError(f'{given!r} is no range; write [1, 2, "m"].')


def _value(given: Any) -> tuple[float | str, str | None]:
    if isinstance(given, str):
        return given, "label"
    if isinstance(given, list) and len(given) == 2:
        return _number(given[0]), _unit(given[1])
    if isinstance(given, Mapping):
        if set(given) != {"value", "unit"}:
            raise InputError('write { value = 1, unit = "m" } or [1, "m"].')
        return _number(given["value"]), _unit(given["unit"])
    return _number(given), None


def _unit(given: Any) -> str | None:
    if given is not None and not isinstance(given, str):
        raise InputError(f"the unit {given!r} is no text.")
    return given


def _texts(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(x, str) for x in given):
        raise InputError(f"{given!r} is no list of names.")
    return tuple(given)


def _points(given: Any, source: str) -> list[dict[str, tuple[float | str, str | None]]]:
    if not isinstance(given, list) or not all(isinstance(p, Mapping) for p in given):
        raise InputError(f"{source}, points: write each point as a table [[points]].")
    return [
        {name: _at(source, f"points[{i}].{name}", _value, value) for name, value in point.items()}
        for i, point in enumerate(given, 1)
    ]


def _anchored(kernel: str, folder: Path) -> str:
    """A kernel in a file, relative to the plan."""
    file, colon, attribute = kernel.rpartition(":")
    if colon and file.endswith(".py"):
        return f"{(folder / file).resolve()}:{attribute}"
    return str((folder / kernel).resolve()) if kernel.endswith(".toml") else kernel


__all__ = ["plan_of", "read_plan"]
