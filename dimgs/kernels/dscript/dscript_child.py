"""Runs in a process of its own, with a checkout of Pizza3 on its path; knows nothing of dimgs."""

import json
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


def main(request: Path, answer: Path) -> None:
    """Resolve a DSCRIPT text into a LAMMPS script."""
    asked = json.loads(request.read_text(encoding="utf-8"))
    stand_in()
    pizza: Any = import_module("pizza.dscript")
    script = pizza.dscript.parsesyntax(asked["template"], name="dimgs")
    # do() of the template itself may leave definitions unresolved
    found = {
        "deck": str(script.script().do()),
        "versions": {"pizza.dscript": str(getattr(pizza, "__version__", ""))},
    }
    answer.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
