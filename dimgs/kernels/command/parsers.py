"""Reading numbers from what a program has written: by regular expression, from JSON, from CSV."""

import csv
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dimgs.common.errors import InputError, RunFailedError

STDOUT = "stdout"
_FORTRAN = re.compile(r"(?<=\d|\.)[dD](?=[+-]?\d)")


class Parser(Protocol):
    """Finds one number in one file."""

    @property
    def file(self) -> str:
        """Name of the file in the working folder; "stdout" is what the program printed."""
        ...

    def parse(self, text: str) -> float:
        """Number in the text of the file."""
        ...


@dataclass(frozen=True)
class Regex:
    r"""The group of a regular expression, where it matches last.

    Parameters
    ----------
    pattern : str
        With exactly one group; lines are matched on their own (``^`` and ``$``).
    file : str
    first : bool
        Whether the first match counts instead.

    Examples
    --------
    >>> Regex(r"^t = (\S+) s$").parse("t = 1.0 s\nt = 2.5D+01 s\n")
    25.0
    """

    pattern: str
    file: str = STDOUT
    first: bool = False

    def __post_init__(self) -> None:
        """Check the pattern."""
        _check_text("regex", self.pattern)
        _check_file(self.file)
        try:
            groups = re.compile(self.pattern).groups
        except re.error as error:
            raise InputError(
                f"The pattern '{self.pattern}' cannot be read ({error}); correct it."
            ) from error
        if groups != 1:
            raise InputError(
                f"The pattern '{self.pattern}' has {groups} groups; put the number alone in "
                f"brackets, and use (?:…) elsewhere."
            )

    def parse(self, text: str) -> float:
        """Number in the text of the file."""
        matches = [m[1] for m in re.finditer(self.pattern, text, re.MULTILINE)]
        if not matches:
            raise RunFailedError(f"The pattern '{self.pattern}' does not occur in {self.file}.")
        return _number(matches[0 if self.first else -1], self.file)


@dataclass(frozen=True)
class Json:
    """A value in a JSON document.

    Parameters
    ----------
    path : str
        Keys and positions, with dots: ``result.force.0``; positions may be negative.
    file : str

    Examples
    --------
    >>> Json("result.force.-1").parse('{"result": {"force": [1, 2.5]}}')
    2.5
    """

    path: str
    file: str = STDOUT

    def __post_init__(self) -> None:
        """Check the path."""
        _check_text("json", self.path)
        _check_file(self.file)

    def parse(self, text: str) -> float:
        """Number in the text of the file."""
        try:
            node = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise RunFailedError(f"{self.file} is not a JSON document ({error}).") from error
        for part in self.path.split("."):
            try:
                node = node[int(part)] if isinstance(node, list) else node[part]
            except (KeyError, IndexError, ValueError, TypeError) as error:
                raise RunFailedError(f"There is no '{self.path}' in {self.file}.") from error
        return _number(node, self.file)


@dataclass(frozen=True)
class Csv:
    r"""A cell of a table with a header.

    Parameters
    ----------
    column : str
        Name in the header.
    file : str
    row : int
        Position of the row below the header, from 0; the last by default.
    delimiter : str

    Examples
    --------
    >>> Csv("CF", "out.csv").parse("t,CF\n0,0.0\n10,0.25\n")
    0.25
    """

    column: str
    file: str = STDOUT
    row: int = -1
    delimiter: str = ","

    def __post_init__(self) -> None:
        """Check the column, the row and the delimiter."""
        _check_text("csv", self.column)
        _check_file(self.file)
        if not isinstance(self.row, int) or isinstance(self.row, bool):
            raise InputError(f"row is {self.row!r:.60}; give a whole number, -1 for the last.")
        if not isinstance(self.delimiter, str) or len(self.delimiter) != 1:
            raise InputError(f"delimiter is {self.delimiter!r:.60}; give one character.")

    def parse(self, text: str) -> float:
        """Number in the text of the file."""
        lines = [line for line in text.splitlines() if line.strip()]
        try:
            rows = list(csv.DictReader(lines, delimiter=self.delimiter, skipinitialspace=True))
            cell = rows[self.row][self.column]
        except csv.Error as error:
            raise RunFailedError(f"{self.file} is not a CSV table ({error}).") from error
        except IndexError as error:
            raise RunFailedError(f"{self.file} has no row {self.row}.") from error
        except KeyError as error:
            columns = ", ".join(rows[self.row])
            raise RunFailedError(
                f"{self.file} has no column '{self.column}'; it has {columns}."
            ) from error
        return _number(cell, self.file)


_KINDS: dict[str, Any] = {"regex": Regex, "json": Json, "csv": Csv}


def parser_of(table: Mapping[str, Any], output: str) -> Parser:
    """Parser from a table: ``{"regex": …}``, ``{"json": …}`` or ``{"csv": …}`` and options.

    Raises
    ------
    InputError

    Examples
    --------
    >>> parser_of({"csv": "CF", "file": "out.csv"}, "CF")
    Csv(column='CF', file='out.csv', row=-1, delimiter=',')
    """
    if not isinstance(table, Mapping):
        raise InputError(f"The parser of '{output}' is {table!r:.60}; give a table.")
    kinds = [k for k in _KINDS if k in table]
    if len(kinds) != 1:
        raise InputError(
            f"The output '{output}' needs one of regex, json and csv, not {kinds or 'none'}."
        )
    options = {k: v for k, v in table.items() if k != kinds[0]}
    try:
        parser: Parser = _KINDS[kinds[0]](table[kinds[0]], **options)
    except TypeError as error:
        raise InputError(f"The output '{output}' cannot be parsed like this ({error}).") from error
    except InputError as error:
        raise InputError(f"The output '{output}': {error}") from error
    return parser


def _check_text(key: str, value: object) -> None:
    if not isinstance(value, str) or not value:
        raise InputError(f"{key} is {value!r:.60}; give it as a text.")


def _check_file(value: object) -> None:
    _check_text("file", value)
    path = Path(str(value))
    if path.is_absolute() or ".." in path.parts:
        raise InputError(
            f"The file '{value}' lies outside the working folder, where other runs may write it "
            f"too; give a relative name inside."
        )


def _number(value: Any, file: str) -> float:
    if isinstance(value, bool) or value is None:
        raise RunFailedError(f"{file} holds {value!r} where a number is needed.")
    try:
        return float(_FORTRAN.sub("e", value.strip()) if isinstance(value, str) else value)
    except (TypeError, ValueError) as error:
        raise RunFailedError(f"{file} holds {value!r:.60} where a number is needed.") from error
