"""Texts with fields such as ``{{D:.6g}}``: checked when made, filled for a run."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dimgs.common.errors import InputError, RunRefusedError

_FIELD = re.compile(r"\{\{\s*([^\W\d]\w*(?:\.\w+)?)\s*(?::([^{}]*))?\}\}")
_TOO_WIDE = re.compile(r"\d{4}")
# what no input script, option or table of any program reads as more than a word
_LABEL = re.compile(r"[\w .,:+/@=()%-]*")


@dataclass(frozen=True)
class Template:
    """A text with fields.

    Parameters
    ----------
    text : str
        ``{{name}}`` or ``{{name:spec}}``, with Python's format specifications; numbers without
        one are written with every digit. ``d`` is for whole numbers.
    where : str
        What it is, for messages.

    Raises
    ------
    InputError
        If a field or its format cannot be read.

    Examples
    --------
    >>> template = Template("D = {{D:.3e}} # {{kind}}, {{n:d}} of {{tier.cells}}", "input.txt")
    >>> template.fill({"D": 1.5e-12, "kind": "film", "n": 3.0, "tier.cells": 50})
    'D = 1.500e-12 # film, 3 of 50'
    >>> sorted(template.fields)
    ['D', 'kind', 'n', 'tier.cells']
    """

    text: str
    where: str
    fields: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Find the fields and try their formats."""
        if not isinstance(self.text, str):
            raise InputError(f"{self.where} is {self.text!r:.60}; give a text with fields.")
        rest = _FIELD.sub("", self.text)
        if "{{" in rest:
            start = rest.index("{{")
            raise InputError(
                f"The field '{rest[start : start + 30]}…' in {self.where} cannot be read; write "
                f"{{{{name}}}} or {{{{name:.6g}}}}."
            )
        for name, spec in _FIELD.findall(self.text):
            self._try(name, spec)
        object.__setattr__(self, "fields", frozenset(n for n, _ in _FIELD.findall(self.text)))

    def fill(self, values: Mapping[str, Any]) -> str:
        """Text with the values in it.

        Raises
        ------
        RunRefusedError
            If a value does not suit its field.
        """
        return _FIELD.sub(lambda m: self._written(m[1], m[2] or "", values[m[1]]), self.text)

    def _try(self, name: str, spec: str) -> None:
        for sample in () if _TOO_WIDE.search(spec) else (1.0, 1, "a"):
            try:
                format(sample, spec)
            except ValueError:
                continue
            return
        raise InputError(
            f"The format '{spec}' of the field '{name}' in {self.where} is not one of Python's; "
            f"write for example {{{{{name}:.6g}}}}."
        )

    def _written(self, name: str, spec: str, value: Any) -> str:
        if isinstance(value, str):
            check_label(name, value)
        if spec.endswith(tuple("bcdoxX")) and isinstance(value, float):
            if not value.is_integer():
                raise RunRefusedError(
                    f"The input '{name}' = {value:g} must be a whole number for {self.where}."
                )
            value = int(value)
        try:
            return format(value, spec) if spec else str(value)
        except ValueError as error:
            raise RunRefusedError(
                f"The input '{name}' cannot be written as '{spec}' in {self.where} ({error})."
            ) from error


def check_label(name: str, value: str) -> None:
    """Refuse a label that could be more than a word to the program that reads it.

    Raises
    ------
    RunRefusedError
    """
    if not _LABEL.fullmatch(value) or value.startswith("-") or ".." in value:
        raise RunRefusedError(
            f"The label '{name}' = {value!r:.60} cannot be passed to a program; use letters, "
            f"digits, spaces and . , : + / @ = ( ) % -, without a leading '-' or '..'."
        )
