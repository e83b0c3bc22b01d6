"""Values that flow cannot be changed once they are made, and may be compared and hashed."""

import importlib
import pkgutil
import re
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from sklearn.base import BaseEstimator

import dimgs

# beside estimators, which change when they are fitted, work in progress: what sums up blocks of
# runs, and what an iteration goes on from
CHANGING = {"BlockMoments", "RankProblem"}
FOLDERS = ("expression", "fits", "groups", "law", "report", "variables")


def modules(folder: str) -> list[Any]:
    first = importlib.import_module(f"dimgs.{folder}")
    infos = pkgutil.walk_packages(getattr(first, "__path__", []), f"{first.__name__}.")
    return [first, *(importlib.import_module(m.name) for m in infos if "__main__" not in m.name)]


def values(folder: str) -> list[Any]:
    if folder == "fits":
        pytest.importorskip("torch")
    return [
        value
        for module in modules(folder)
        for name, value in vars(module).items()
        if isinstance(value, type)
        and value.__module__ == module.__name__
        and is_dataclass(value)
        and not issubclass(value, BaseEstimator)
        and name not in CHANGING
    ]


@pytest.mark.parametrize("folder", FOLDERS)
def test_values_are_frozen(folder: str) -> None:
    for value in values(folder):
        assert value.__dataclass_params__.frozen, value


@pytest.mark.parametrize("folder", ["fits", "law"])
def test_only_what_holds_no_arrays_is_compared_by_what_it_holds(folder: str) -> None:
    """Arrays have neither a truth of being equal nor a hash."""
    for value in values(folder):
        if value.__dataclass_params__.eq:
            for field in fields(value):
                assert not re.search("ndarray|Tensor", str(field.type)), (value, field.name)


def test_modules_of_the_package_are_seen() -> None:
    assert dimgs.__path__
    assert len(modules("law")) > 10
