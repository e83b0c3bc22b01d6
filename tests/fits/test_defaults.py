"""Defaults are those that the documentation names, and intervals are of 90 % everywhere."""

import ast
import importlib
import inspect
import math
import pkgutil
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import dimgs.fits
import dimgs.law

DOCUMENTED = re.compile(r"^(\w[\w, ]*) : .*\bdefault[= ](.+)$", re.MULTILINE)


def callables() -> Iterator[Callable[..., Any]]:
    for package in (dimgs.fits, dimgs.law):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            module = importlib.import_module(info.name)
            for thing in vars(module).values():
                if getattr(thing, "__module__", None) != module.__name__:
                    continue
                if inspect.isclass(thing):
                    if "__init__" in vars(thing):
                        yield thing
                    yield from filter(inspect.isfunction, vars(thing).values())
                elif inspect.isfunction(thing):
                    yield thing


def test_defaults_are_the_documented_ones() -> None:
    pytest.importorskip("torch")
    seen = 0
    for thing in callables():
        given = inspect.signature(thing).parameters
        documented: dict[str, Any] = {}
        for names, value in DOCUMENTED.findall(inspect.getdoc(thing) or ""):
            known = math.inf if value == "inf" else ast.literal_eval(value)
            documented |= dict.fromkeys(names.split(", "), known)
        for name, value in documented.items():
            assert given[name].default == value, (thing, name)
            seen += 1
        level = given.get("level")
        if "level" not in documented and level is not None and level.default is not level.empty:
            assert level.default in (0.9, None), thing
            seen += 1
    assert seen > 80
