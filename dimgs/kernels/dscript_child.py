"""Child process for Pizza3, with its checkout on the path."""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any


def stand_in() -> None:
    """An empty package in the place of pizza, whose own cannot be imported on Python 3.11."""
    folder = next(Path(p) / "pizza" for p in sys.path if (Path(p) / "pizza/dscript.py").is_file())
    package = ModuleType("pizza")
    package.__path__ = [str(folder)]
    sys.modules["pizza"] = package


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Resolve a DSCRIPT text into a LAMMPS script."""
    stand_in()
    pizza: Any = import_module("pizza.dscript")
    script = pizza.dscript.parsesyntax(request["template"], name="dimgs")
    # do() of the template itself may leave definitions unresolved
    return {
        "deck": str(script.script().do()),
        "versions": {"pizza.dscript": str(getattr(pizza, "__version__", ""))},
    }
