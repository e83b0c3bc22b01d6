"""Runs of the command line inside this process, with everything that a user would see."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dimgs.cli.app import run


@dataclass(frozen=True)
class Done:
    """What a run left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one strict JSON document on standard output."""
        assert self.out.count("\n") == 1, self.out
        return json.loads(self.out, parse_constant=_no_constant)


def _no_constant(text: str) -> None:
    raise AssertionError(f"{text} is not JSON")


class Shell:
    """A command line that writes tables into a folder and runs commands on them."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys

    def table(self, header: str, rows: Sequence[Sequence[Any]], name: str = "table.csv") -> str:
        path = self.folder / name
        lines = [header, *(",".join(str(cell) for cell in row) for row in rows)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return str(path)

    def __call__(self, *arguments: str) -> Done:
        self.capsys.readouterr()
        code = run(list(arguments))
        out, err = self.capsys.readouterr()
        assert "Traceback" not in err
        return Done(code, out, err)

    def refused(self, *arguments: str) -> str:
        """The message of a command that must exit with 2 and print nothing else."""
        done = self(*arguments)
        assert done.code == 2, done
        assert done.out == ""
        (line,) = [x for x in done.err.splitlines() if not x.startswith("warning: ")]
        assert line.startswith("error: ")
        return line

    def pendulum(self, noise: float = 0.01, n: int = 20) -> str:
        rng = np.random.default_rng(1)
        length, mass = rng.uniform(0.1, 2, n), rng.uniform(1, 3, n)
        period = 2 * np.pi * np.sqrt(length / 9.80665) * np.exp(noise * rng.normal(size=n))
        rows = list(zip(length, mass, period, strict=True))
        return self.table("L [m],m [kg],T [s]", rows, "pendulum.csv")

    def pipe(self, n: int = 40, name: str = "pipe.csv", noise: float = 0.02) -> str:
        from tests.planted import pipe

        data = pipe(n, noise)
        header = ",".join(f"{v.name} [{v.si_unit}]" for v in data.variables)
        return self.table(header, np.column_stack([data[x] for x in data.names]).tolist(), name)


__all__ = ["Done", "Shell"]
