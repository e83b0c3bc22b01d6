"""A stand-in for juliacall, so that PySR's own Python runs without Julia.

It goes into ``sys.modules`` before PySR is imported; so use it in a process of its own.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

Row = tuple[int, float, str]


class Anything:
    """Takes every attribute, call and index, and remembers the Julia source it came from."""

    def __init__(self, source: str = "") -> None:
        self.source = source

    def __getattr__(self, name: str) -> "Anything":
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(f"{self.source}.{name}".strip("."))

    def __call__(self, *_: object, **__: object) -> "Anything":
        return Anything(f"{self.source}(...)")

    def __getitem__(self, _: object) -> "Anything":
        return self

    def __setitem__(self, _: object, __: object) -> None:
        pass

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Anything) and other.source == self.source

    def __hash__(self) -> int:
        return hash(self.source)

    def __str__(self) -> str:
        return self.source

    __repr__ = __str__


class Options:
    """What reached SymbolicRegression.Options."""

    def __init__(self, **options: Any) -> None:
        self.options = options


class EquationSearch:
    """Writes the hall of fame that `rows` gives, as SymbolicRegression.jl would."""

    def __init__(self, rows: Callable[[int, int], Sequence[Row]]) -> None:
        self.rows = rows
        self.error: BaseException | None = None
        self.calls: list[dict[str, Any]] = []

    def __call__(self, X: Any, y: Any, **arguments: Any) -> Anything:
        options = arguments.pop("options").options
        self.calls.append({"X": X, "y": y, "options": options, **arguments})
        y = np.asarray(y)
        outputs = 1 if y.ndim == 1 else len(y)
        folder = Path(options["output_directory"]) / str(arguments["run_id"])
        folder.mkdir(parents=True, exist_ok=True)
        for j in range(outputs):
            rows = self.rows(len(self.calls), j)
            name = "hall_of_fame.csv" if outputs == 1 else f"hall_of_fame_output{j + 1}.csv"
            if rows:
                write_hall_of_fame(folder / name, rows)
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        return Anything("state")

    def _jl_call_nogil(self, *arguments: Any, **keywords: Any) -> Anything:
        return self(*arguments, **keywords)


def write_hall_of_fame(path: Path, rows: Sequence[Row]) -> None:
    """An equation file in the format of SymbolicRegression.jl."""
    lines = [f'{complexity},{loss!r},"{equation}"' for complexity, loss, equation in rows]
    text = "\n".join(["Complexity,Loss,Equation", *lines]) + "\n"
    path.write_text(text, encoding="utf-8")


def install(search: EquationSearch) -> None:
    """Put the stand-in in place; `search` takes the part of equation_search."""
    regression = Anything("SymbolicRegression")
    vars(regression).update(equation_search=search, Options=Options)
    utilities = Anything("SearchUtilsModule")
    vars(utilities)["generate_run_id"] = lambda: "made_up_run_id"
    vars(regression).update(SearchUtilsModule=utilities, OperatorEnum=_same)
    call = Anything("PythonCall")
    vars(call)["PyArray"] = _same
    base = Anything("Base")
    vars(base)["include_string"] = lambda _, source, __: Anything(source)
    main = Anything("Main")
    vars(main).update(
        SymbolicRegression=regression,
        PythonCall=call,
        Base=base,
        VERSION=type("Version", (), {"major": 1, "minor": 11, "patch": 5}),
        seval=Anything,
        copy=_same,
        isa=lambda *_: True,
        applicable=lambda *_: True,
        take_b=lambda _: np.zeros(1, dtype=np.uint8),
        Symbol=str,
    )
    module = ModuleType("juliacall")
    vars(module).update(
        Main=main,
        JuliaError=Exception,
        AnyValue=Anything,
        VectorValue=Anything,
        convert=lambda _, x: x,
    )
    sys.modules["juliacall"] = module


def _same(value: Any) -> Any:
    return value
