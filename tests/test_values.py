"""Values that flow through the package cannot be changed once they are made."""

import importlib
import pkgutil
from dataclasses import is_dataclass
from typing import Any

import pytest

import dimgs

# work in progress: what sums up blocks of runs, and what an iteration goes on from
CHANGING = {"BlockMoments", "Problem"}
FOLDERS = ("design", "dimensions", "expression", "fits", "groups", "law", "report", "variables")


def modules(folder: str) -> list[Any]:
    first = importlib.import_module(f"dimgs.{folder}")
    found = pkgutil.walk_packages(getattr(first, "__path__", []), f"{first.__name__}.")
    return [first, *(importlib.import_module(m.name) for m in found if "__main__" not in m.name)]


@pytest.mark.parametrize("folder", FOLDERS)
def test_values_are_frozen(folder: str) -> None:
    if folder == "fits":
        pytest.importorskip("torch")
    for module in modules(folder):
        for name, value in vars(module).items():
            own = isinstance(value, type) and value.__module__ == module.__name__
            if own and is_dataclass(value) and name not in CHANGING:
                frozen = vars(value)["__dataclass_params__"].frozen
                assert frozen, f"{module.__name__}.{name}"


def test_modules_of_the_package_are_seen() -> None:
    assert dimgs.__path__
    assert len(modules("law")) > 10
