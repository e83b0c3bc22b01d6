"""Modules that have moved are found by their earlier names, as the same objects."""

import importlib
import pickle
import sys
import warnings
from pathlib import Path

import pytest

import dimgs
from dimgs.common.escape import visible
from dimgs.common.moved import MOVED

# beside the files of the package itself
_MOST_ENTRIES = 20
_OWN = {"__init__.py", "__main__.py", "py.typed", "__pycache__"}


@pytest.mark.parametrize("old", sorted(MOVED))
def test_a_module_is_found_by_its_earlier_name(old: str) -> None:
    sys.modules.pop(f"dimgs.{old}", None)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        module = importlib.import_module(f"dimgs.{old}")
    assert bool(warned) == (old not in {"errors", "pandas", "xarray"})
    assert module is importlib.import_module(f"dimgs.{MOVED[old]}")
    assert module.__spec__ is not None
    assert module.__spec__.name == module.__name__ == f"dimgs.{MOVED[old]}"


def test_a_pickle_with_an_earlier_name_loads() -> None:
    old = pickle.dumps(visible, 0).replace(b"dimgs.common.escape", b"dimgs.escape")
    assert b"dimgs.escape" in old
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        assert pickle.loads(old) is visible


def test_the_top_level_tells_a_short_story() -> None:
    names = {p.name for p in Path(dimgs.__file__).parent.iterdir()} - _OWN
    assert len(names) <= _MOST_ENTRIES, sorted(names)
