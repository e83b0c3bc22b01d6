"""What public functions of the package return in a block, as numbers that can be compared."""

import dataclasses
import math
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from itertools import islice
from numbers import Complex, Real
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse

import dimgs

FOLDERS = ("fits", "judgement", "discovery", "similitude", "law")
_PACKAGE = Path(dimgs.__file__).resolve().parent
# calls of a function that are kept: a later one, inside a search, may depend on rounding
_CALLS = 2
# numbers of an array that are kept one by one; of more, three sums
_ONE_BY_ONE = 4
# numbers and words of one call that are kept one by one; one number stands for the rest
_NUMBERS, _MOST = 10, 300
# parts of a list, and levels of parts within parts
_PARTS, _DEPTH = 4, 5
# of BLAS, processors and versions of libraries, with a wide margin; a number that should be zero
# is one of the size of rounding
_RELATIVE, _ABSOLUTE = 1e-6, 1e-9
_IN_TEXT = re.compile(r"\d+(?:\.\d+)?(?:e[-+]?\d+)?")
# what stands for numbers that depend on rounding
LOOSE = ["*"]
# significant digits that are kept
_DIGITS = 8


@contextmanager
def recorded() -> Iterator[dict[str, list[str]]]:
    """The numbers that the first calls of each public function return, by its name and the call."""
    _forget()
    kept, counts, passed_over = dict[str, list[str]](), dict[CodeType, int](), set[CodeType]()

    def watch(frame: FrameType, event: str, value: object) -> None:
        if event != "return" or (code := frame.f_code) in passed_over:
            return
        sys.setprofile(None)
        count = counts[code] = counts.get(code, 0) + 1
        name = _name(code)
        if not name or count == _CALLS:
            passed_over.add(code)
        # what returns nothing has changed its object
        if name and (found := _shortened(frame.f_locals.get("self") if value is None else value)):
            kept[f"{name} {count}"] = found
        sys.setprofile(watch)

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        yield kept
    finally:
        sys.setprofile(before)


def differences(
    found: Mapping[str, list[str]], expected: Mapping[str, list[str]]
) -> dict[str, str]:
    """Where two records differ by more than rounding, a line for each function and call."""
    lines = {}
    for name in sorted({*found, *expected} - loose(expected)):
        one, other = found.get(name, []), expected.get(name, [])
        if len(one) != len(other) or not all(map(_agree, one, other)):
            before, now = " ".join(other) or "nothing", " ".join(one) or "nothing"
            lines[name] = f"{name}: {before} -> {now}"
    return lines


def loose(record: Mapping[str, list[str]]) -> set[str]:
    """What is not compared, as it depends on rounding: the order of ties, the sign of an axis."""
    return {name for name, words in record.items() if words == LOOSE}


def read(file: Path) -> dict[str, list[str]]:
    """A record from its file."""
    _, *lines = file.read_text(encoding="utf-8").splitlines()
    return {name: words.split() for name, words in (line.split(": ", 1) for line in lines)}


def write(file: Path, test: str, record: Mapping[str, list[str]]) -> None:
    """A record into its file, under the name of its test."""
    lines = [f"{test}\n"]
    lines += [f"{name}: {' '.join(words)}\n" for name, words in sorted(record.items())]
    file.write_text("".join(lines), encoding="utf-8")


def _agree(one: str, other: str) -> bool:
    try:
        a, b = float(one), float(other)
    except ValueError:
        return one == other
    return math.isclose(a, b, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE) or (
        math.isnan(a) and math.isnan(b)
    )


def _forget() -> None:
    """Empty the caches, so that a function is called whichever tests ran before."""
    for name, module in list(sys.modules.items()):
        package, _, rest = name.partition(".")
        if package == "tests" or (package == "dimgs" and rest.partition(".")[0] in FOLDERS):
            for value in list(vars(module).values()):
                if callable(getattr(value, "cache_clear", None)):
                    value.cache_clear()


def _name(code: CodeType) -> str:
    path = Path(code.co_filename)
    if not path.is_relative_to(_PACKAGE):
        return ""
    module = path.relative_to(_PACKAGE).with_suffix("")
    if module.parts[0] not in FOLDERS:
        return ""
    parts = code.co_qualname.split(".")
    # what others may call: how it is done inside may change
    if any(part.startswith(("_", "<")) for part in parts):
        return ""
    return f"{module.as_posix()}.{code.co_qualname}"


def _shortened(value: object) -> list[str]:
    found = list(islice(_numbers(value, _DEPTH), _MOST))
    rest = np.array([float(text) for text in found[_NUMBERS:] if _is_finite(text)])
    if not rest.size:
        return found[:_NUMBERS]
    # large and small ones count alike, each at its place
    along = np.cos(np.arange(rest.size)) @ np.arcsinh(rest)
    return [*found[:_NUMBERS], str(len(found)), _text(along / rest.size)]


def _is_finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _numbers(value: object, depth: int) -> Iterator[str]:
    """The numbers and names in a value, in its own order; sentences are passed over."""
    if scipy.sparse.issparse(value):
        value = value.toarray()  # type: ignore[attr-defined]
    if isinstance(value, pd.DataFrame | pd.Series):
        value = value.to_numpy()
    match value:
        case Enum():
            yield value.name
        case bool() | np.bool_() | Real():
            yield _text(float(value))
        case Complex():
            yield _text(abs(complex(value)))
        case str():
            # a sentence may be said in other words, with the same numbers
            if not any(mark.isspace() or mark == "/" for mark in value):
                yield value or "-"
            else:
                yield from (_text(float(number)) for number in _IN_TEXT.findall(value))
        case np.ndarray():
            yield from _of_array(value, depth)
        case _ if depth == 0:
            return
        case Mapping():
            yield from _of_parts([*value.values()], depth)
        case set() | frozenset():
            yield from _of_parts(sorted(value, key=str), depth)
        case tuple() | list() as parts:
            yield from _of_parts([*parts], depth)
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            for field in dataclasses.fields(value):
                yield from _numbers(getattr(value, field.name, None), depth - 1)
        case _ if type(value).__module__.startswith("dimgs."):
            for _, part in sorted(getattr(value, "__dict__", {}).items()):
                yield from _numbers(part, depth - 1)


def _of_parts(parts: list[Any], depth: int) -> Iterator[str]:
    if len(parts) > _ONE_BY_ONE and all(isinstance(part, Real) for part in parts):
        yield from _of_array(np.array([float(part) for part in parts]), depth)
        return
    if len(parts) > _PARTS:
        yield str(len(parts))
    for part in parts[:_PARTS]:
        yield from _numbers(part, depth - 1)


def _of_array(value: np.ndarray, depth: int) -> Iterator[str]:
    if value.dtype.kind not in "biufc":
        yield from _of_parts(value.ravel().tolist(), depth)
        return
    flat = np.abs(value).ravel() if value.dtype.kind == "c" else value.ravel().astype(float)
    if flat.size <= _ONE_BY_ONE:
        yield from map(_text, flat)
        return
    yield "x".join(map(str, value.shape))
    finite = flat[np.isfinite(flat)]
    if finite.size < flat.size:
        yield str(finite.size)
    if finite.size:
        # the order of the numbers counts in the last
        yield _text(math.sqrt(np.mean(finite**2)))
        yield _text(finite.mean())
        yield _text(finite @ np.cos(np.arange(finite.size)) / finite.size)


def _text(number: float) -> str:
    # a number that should be zero has no digits of its own
    return f"{0.0 if abs(number) < _ABSOLUTE else number:.{_DIGITS}g}"
