"""Constants of nonlinear reference problems, fitted with ``form``.

``python -m case_studies.benchmarks.strd`` fits the 27 nonlinear problems of the Statistical
Reference Datasets of NIST by ``dimgs discover --form --noise``: from both published starts, and
without a start. Each line gives the number of digits of the least accurate constant that agree with
the certified value. The gate is six digits from both starts.
"""

import argparse
import os
import tomllib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from dimgs.common.errors import DimgsError
from dimgs.dataset import Dataset
from dimgs.discovery.discover import discover_with
from dimgs.discovery.options import Options

DIGITS = 6
STARTS = ("first start", "second start", "no start")
# digits of double precision, and seconds that only cap
_MOST_DIGITS, _LONGEST = 16.0, 3600.0


@dataclass(frozen=True)
class Problem:
    """A problem with its certified constants b1, b2, ...

    Attributes
    ----------
    columns : mapping of str to str
        Numbers of each column; the response is y.
    form : str
    starts : tuple of tuple of float
    certified : tuple of float
    logged : bool
        Whether the form is that of the logarithm of the response.
    """

    columns: Mapping[str, str]
    form: str
    starts: tuple[tuple[float, ...], ...]
    certified: tuple[float, ...]
    logged: bool = False

    def data(self) -> Dataset:
        """The measured values."""
        numbers = {f"{k} [1]": np.array(v.split(), float) for k, v in self.columns.items()}
        return Dataset.from_columns(numbers)

    def options(self, start: int) -> Options:
        """The form from one of the starts, or without one, and the errors to minimise."""
        form = f"exp({self.form})" if self.logged else self.form
        if start < len(self.starts):
            values = ", ".join(f"b{k}={v!r}" for k, v in enumerate(self.starts[start], 1))
            form = f"{form}; {values}"
        noise = "relative" if self.logged else "constant"
        return Options(form=form, noise=noise, engine="power_law", time_limit=_LONGEST)


def _problem(known: Mapping[str, Any]) -> Problem:
    starts = tuple(known["start_1"]), tuple(known["start_2"])
    certified = tuple(known["certified"])
    return Problem(known["columns"], known["form"], starts, certified, known.get("logged", False))


PROBLEMS: Mapping[str, Problem] = {
    name: _problem(known)
    for name, known in tomllib.loads(
        Path(__file__).with_name("problems.toml").read_text(encoding="utf-8")
    ).items()
}


def agreeing_digits(problem: Problem, start: int) -> float:
    """Digits of the least accurate constant that agree with its certified value."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = discover_with(problem.data(), "y", problem.options(start))
    if report.form is None:
        return 0.0
    found = {c.name: c.value for c in report.form.law.constants}
    away = [abs(found.get(f"b{k}", 0.0) / b - 1) for k, b in enumerate(problem.certified, 1)]
    return float(min(_MOST_DIGITS, -np.log10(max(*away, 10**-_MOST_DIGITS))))


def lines(names: Sequence[str]) -> Iterator[str]:
    """The table of the documentation."""
    yield "| problem | runs | constants | " + " | ".join(STARTS) + " |"
    yield "|---|---|---|" + "---|" * len(STARTS)
    passed = 0
    for name in names:
        problem, digits = PROBLEMS[name], []
        for start in range(len(STARTS)):
            try:
                digits.append(agreeing_digits(problem, start))
            except DimgsError as error:
                print(f"{name}, {STARTS[start]}: {error}")
                digits.append(0.0)
        passed += min(digits[:2]) >= DIGITS
        cells = " | ".join(f"{d:.1f}" for d in digits)
        yield f"| {name} | {problem.data().n_runs} | {len(problem.certified)} | {cells} |"
    yield ""
    yield f"At least {DIGITS} digits from both starts: {passed} of {len(names)} problems."


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the digits of every problem."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", default=[], help=", ".join(PROBLEMS))
    asked = parser.parse_args(arguments)
    for line in lines(asked.only or list(PROBLEMS)):
        print(line, flush=True)


if __name__ == "__main__":
    main()
