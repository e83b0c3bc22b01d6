"""Files that are read: bounded, checked against the schema of their kind, refused in a sentence.

Files that are written appear whole or not at all, with a checksum of what they hold.

No file of these kinds runs code. The key ``schema`` (``user_version`` in a store) is the version of
the format. Files of 0.1.0 have no such key, and are read.
"""

import hashlib
import json
import math
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field, fields, is_dataclass
from functools import wraps
from importlib.resources import files
from pathlib import Path
from reprlib import Repr
from typing import Annotated, Any, TypeVar, dataclass_transform, get_args, get_origin

from dimgs.common.advice import did_you_mean
from dimgs.common.errors import InputError
from dimgs.common.escape import visible

Model = TypeVar("Model")

# raised when an older dimgs could no longer read what is written
SCHEMA = 1
# a law of 8 groups takes 20 kB, a report 200 kB, one of 10,000 labels 2 MB
MOST_BYTES = 16 << 20
# what a message of one line has room for
_SHOWN = 120

_value = Repr()
_value.maxlevel, _value.maxstring, _value.maxother, _value.maxlong = 3, 60, 60, 40

_NEEDED = {
    "float_type": "a number is needed",
    "finite_number": "a finite number is needed",
    "int_type": "a whole number is needed",
    "bool_type": "true or false is needed",
    "string_type": "a text is needed",
    **dict.fromkeys(("list_type", "tuple_type"), "a list is needed"),
    **dict.fromkeys(("dict_type", "mapping_type"), "a table is needed"),
    **dict.fromkeys(("model_type", "dataclass_type"), "a table is needed"),
}

# a key, or an argument, that there is none of
_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
# what SQLite files begin with
_SQLITE = b"SQLite format 3\x00"


def shown(text: object) -> str:
    r"""A text as a message of one line has room for it.

    Examples
    --------
    >>> print(shown("a\nb"), len(shown("x" * 300_000)))
    a\nb 123
    """
    plain = str(text)
    line = visible(plain[:_SHOWN])
    return line if len(plain) <= _SHOWN else f"{line}..."


def read_text(path: str | Path, what: str) -> str:
    """Text of a file that has at most 16 MB.

    Parameters
    ----------
    path : str or Path
    what : str
        What the file should hold, such as "law", for the messages.

    Raises
    ------
    InputError
        If it cannot be read, is longer, or is not text in UTF-8.
    """
    where = f"'{shown(path)}'"
    try:
        with Path(path).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"The {what} {where} cannot be read: {reason}.") from error
    if len(data) > MOST_BYTES:
        raise InputError(
            f"{where} is longer than any {what} ({MOST_BYTES >> 20} MB); name the right file."
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{where} is not a text file, so it holds no {what}.") from error


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """Name under which to write a file, which takes its own name only once it is complete.

    An interruption or a full disk leaves what stood there before. What is not a regular file, such
    as a device, is written to as it is.
    """
    target = Path(path).resolve()
    if target.exists() and not target.is_file():
        yield target
        return
    beside = target.with_name(f".{target.stem[:40]}.{os.getpid()}.part{target.suffix}")
    try:
        yield beside
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def write_whole(path: str | Path, content: str | bytes) -> None:
    """Write a file, whole or not at all; text in UTF-8.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    with whole(path) as beside:
        beside.write_bytes(data)


def attributes(value: object, names: str) -> dict[str, Any]:
    """Attributes of a value by their names, for a document.

    Parameters
    ----------
    value : object
    names : str
        Divided by blanks.

    Examples
    --------
    >>> attributes(2.5 + 1j, "real imag")
    {'real': 2.5, 'imag': 1.0}
    """
    return {name: getattr(value, name) for name in names.split()}


def plain(value: Any) -> Any:
    """A value as plain JSON: numbers, texts, lists and tables; None for what is not finite.

    Examples
    --------
    >>> plain({"ends": (0.5, float("inf"))})
    {'ends': [0.5, None]}
    """
    if is_dataclass(value):
        value = attributes(value, " ".join(f.name for f in fields(value)))
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def in_percent(share: float) -> str:
    """A share or a relative size in per cent, with two digits and no exponent.

    Examples
    --------
    >>> in_percent(1.53), in_percent(0.987), in_percent(0.0123)
    ('153 %', '99 %', '1.2 %')
    """
    size = 100 * share
    return f"{size:.0f} %" if abs(size) >= 9.95 else f"{size:.2g} %"


def is_database(path: Path) -> bool:
    """Whether a file is an SQLite database, as stores of runs and hubs are."""
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


def rows_shown(rows: Sequence[int]) -> str:
    """Numbers of rows, the first ten of many.

    Examples
    --------
    >>> rows_shown([4]), rows_shown(range(1, 13))
    ('row 4', 'rows 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ...')
    """
    listed = ", ".join(map(str, rows[:10]))
    return f"row {listed}" if len(rows) == 1 else f"rows {listed}{', ...' * (len(rows) > 10)}"


def log_size(size: float) -> str:
    """A size of logarithms: in per cent, or as a factor from 1 on.

    Examples
    --------
    >>> log_size(0.0123), log_size(4.6), log_size(5000.0)
    ('1.2 %', 'a factor of 99', 'a factor of 1e+304')
    """
    return in_percent(size) if size < 1 else f"a factor of {math.exp(min(size, 700.0)):.2g}"


def json_value(text: str, where: str, remedy: str) -> Any:
    """Value of a JSON text; numbers keep all their digits.

    Parameters
    ----------
    text : str
    where : str
        What the text is, for the message.
    remedy : str
        The end of the message.

    Raises
    ------
    InputError
        If it is no JSON, holds a number that is not finite or an integer of more than 4300
        digits, or is nested too deep.

    Examples
    --------
    >>> json_value("[" * 200_000, "The text", "give another")
    Traceback (most recent call last):
    dimgs.common.errors.InputError: The text is not JSON (it is nested too deep); give another.
    """
    with _read_as("JSON", where, remedy):
        return json.loads(text, parse_constant=_no_number)


@contextmanager
def _read_as(kind: str, where: str, remedy: str) -> Iterator[None]:
    """Say in one sentence why a text is not of a kind."""
    try:
        yield
    except (RecursionError, ValueError) as error:
        deep = isinstance(error, RecursionError)
        reason = "it is nested too deep" if deep else shown(error)
        raise InputError(f"{where} is not {kind} ({reason}); {remedy}.") from error


def checksum(document: Mapping[str, Any]) -> str:
    """Sixteen hexadecimal digits of the SHA-256 hash of a JSON document, but for its checksum.

    Neither the order of keys nor the spelling of a number counts.

    Examples
    --------
    >>> checksum({"a": 1.0, "b": [2e0]}) == checksum({"b": [2], "a": 1, "checksum": "any"})
    True
    """
    rest = {k: v for k, v in document.items() if k != "checksum"}
    numbers = json.loads(json.dumps(rest), parse_int=float)
    return hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()[:16]


def sealed(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with its checksum, by which :func:`is_edited` knows it again.

    Examples
    --------
    >>> law = sealed({"exponent": 0.5})
    >>> is_edited(law), is_edited({**law, "exponent": 0.6}), is_edited({"exponent": 0.6})
    (False, True, False)
    """
    return {**document, "checksum": checksum(document)}


def is_edited(document: Mapping[str, Any]) -> bool:
    """Whether a document is not as it was sealed; no file of dimgs 0.2.0 has a checksum."""
    return "checksum" in document and document["checksum"] != checksum(document)


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """Table of a TOML file.

    Raises
    ------
    InputError
        If it cannot be read, is longer than 16 MB, or is no TOML.
    """
    text = read_text(path, what)
    with _read_as("valid TOML", shown(path.name), "correct it there"):
        return tomllib.loads(text)


def shipped(package: str, name: str) -> dict[str, Any]:
    """Table of a TOML file that comes with a package of dimgs.

    Examples
    --------
    >>> shipped("dimgs.cli", "words.toml")["kernel"]
    'A simulator with named inputs and outputs, and their units.'
    """
    return tomllib.loads(files(package).joinpath(name).read_text(encoding="utf-8"))


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON")


def refuse_newer(document: Mapping[str, Any], where: str) -> None:
    """Refuse what a later dimgs wrote.

    Examples
    --------
    >>> refuse_newer({"schema": 2}, "'law.json'")
    Traceback (most recent call last):
    dimgs.common.errors.InputError: 'law.json' was written by a newer dimgs (schema 2, this one
    reads up to 1); upgrade dimgs.
    """
    schema = document.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise InputError(
            f"{where} was written by a newer dimgs (schema {_written(schema)}, this one reads up "
            f"to {SCHEMA}); upgrade dimgs."
        )


def validated(model: type[Model], document: Any, where: str) -> Model:
    """The document as an object of its schema.

    Parameters
    ----------
    model : type of pydantic.BaseModel, or pydantic dataclass
    document : object
        As JSON or TOML gives it.
    where : str
        Beginning of the message, such as "'law.json' is not a complete law: ".

    Raises
    ------
    InputError
        Naming the first key that cannot be used, and what is needed there.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(model).validate_python(document)
    except ValidationError as error:
        raise InputError(f"{where}{_describe_error(error, model)}") from error


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def checked(**options: Any) -> Callable[[type[Model]], type[Model]]:
    """Make a pydantic dataclass, frozen by default, that refuses its values as files are refused.

    Parameters
    ----------
    options : bool
        Those of dataclasses.

    Examples
    --------
    >>> @checked()
    ... class Film:
    ...     thickness: float
    >>> Film(1e-4, width=0.1)
    Traceback (most recent call last):
    dimgs.common.errors.InputError: width: there is no such key; use thickness.
    """
    from pydantic.dataclasses import dataclass

    config: Any = {"extra": "forbid", "arbitrary_types_allowed": True}
    make = dataclass(config=config, **{"frozen": True, **options})
    return lambda kind: _in_one_sentence(make(kind))


def _in_one_sentence(kind: type[Any]) -> type[Any]:
    """A pydantic dataclass with errors of one sentence."""
    from pydantic import ValidationError

    make: Any = kind.__init__

    @wraps(make)
    def init(self: Any, *values: Any, **named: Any) -> None:
        try:
            make(self, *values, **named)
        except ValidationError as error:
            raise InputError(_describe_error(error, kind)) from error

    kind.__init__ = init
    return kind


def _describe_error(error: Any, model: Any) -> str:
    faults = error.errors(include_url=False)
    # a key that should not be there is what made another one missing
    if not faults[0]["loc"] and faults[0]["type"] != "value_error":
        return f"{_written(faults[0]['input'])} is not a table."
    first = next((e for e in faults if e["type"] in _UNKNOWN), faults[0])
    location, kind, value = first["loc"], first["type"], first["input"]
    if location and isinstance(location[0], int) and not hasattr(model, "model_fields"):
        # what is given to a dataclass by its place
        location = (list(_fields(model))[location[0]], *location[1:])
    place = _place(location)
    if kind == "missing":
        return f"the key '{place}' is missing; add it."
    if kind in _UNKNOWN:
        names = _names(model, location)
        use = f"use {', '.join(names)}." if names else "leave it out."
        remedy = did_you_mean(str(location[-1])[:_SHOWN], names, use)
        return f"{place}: there is no such key; {remedy}"
    if kind == "value_error":
        return f"{place}: {first['ctx']['error']}" if place else str(first["ctx"]["error"])
    if kind in _NEEDED:
        return f"{place}: {_written(value)} is given where {_NEEDED[kind]}."
    reason = first["msg"][0].lower() + first["msg"][1:]
    return f"{place}: {_written(value)} cannot be used ({reason})."


def _written(value: object) -> str:
    """A value as a message has room for it."""
    try:
        return _value.repr(value)
    except ValueError:
        # Python writes no integer of more than 4300 digits
        return "a number of thousands of digits"


def _place(location: Sequence[str | int]) -> str:
    text = ""
    for part in location:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return shown(text)


def _names(kind: Any, location: Sequence[str | int]) -> list[str]:
    """Keys that the table at a place may have."""
    for part in location[:-1]:
        kind = _fields(kind)[part].annotation if _fields(kind) else get_args(kind)[-1]
        if get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
    return [str(field.alias or name) for name, field in _fields(kind).items()]


def _fields(kind: Any) -> Mapping[Any, Any]:
    return getattr(kind, "__pydantic_fields__", {})
