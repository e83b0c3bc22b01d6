"""What three inputs that play no part cost the embedded engine, with and without a screening.

``python -m case_studies.benchmarks.irrelevant_inputs --noise 0.02 --part 1/4`` searches each law
in its own table, in the same table with three further inputs, which have the units of three of its
inputs (a length, a time and a mass where it has fewer) and their ranges, and in that table after
inputs were screened. A law counts as found where the first candidate is the true one.
"""

import argparse
import os
import time
from collections.abc import Sequence
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import sympy

from case_studies.benchmarks.exactness import Inputs, agreement
from case_studies.benchmarks.feynman_tables import Equation
from case_studies.benchmarks.laws_with_units.tasks import SETS, equations_of
from dimgs.common.arrays import Array
from dimgs.common.errors import DimgsError
from dimgs.dataset import Dataset
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.discovery.screening import screen_inputs
from dimgs.discovery.study import is_searchable, problem_of
from dimgs.engines.protocol import SearchBudget
from dimgs.engines.structured import StructuredEngine
from dimgs.expression.candidate import Candidate
from dimgs.law.assemble import from_search, in_variables
from dimgs.law.checked_law import Names

DUMMIES = 3
OTHERS = (("m", (1.0, 10.0)), ("s", (1.0, 10.0)), ("kg", (1.0, 10.0)))


def table(equation: Equation, runs: int, noise: float, dummies: int, seed: int = 0) -> Dataset:
    """Runs of a law in SI, beside inputs that play no part."""
    values, response = equation.runs(runs, seed)
    rng = np.random.default_rng(seed + 1)
    response = response * (1.0 + noise * rng.standard_normal(runs))
    columns = {f"{v.name} [{v.si_unit}]": values[v.name] for v in equation.inputs}
    like = [(v.si_unit, equation.ranges[v.name]) for v in equation.inputs]
    for k, (unit, (low, high)) in enumerate([*like, *OTHERS][:dummies]):
        least, most = sorted((abs(low), abs(high)))
        # of a range with zero in it, two decades
        least = least if low * high > 0 else most / 100
        columns[f"unused_{k} [{unit}]"] = np.exp(rng.uniform(np.log(least), np.log(most), runs))
    return Dataset.from_columns(
        {**columns, f"{equation.target.name} [{equation.target.si_unit}]": response}
    )


def is_found(equation: Equation, data: Dataset, screen: bool, evaluations: int) -> bool:
    """Whether the engine's first candidate is the law; with a screening before and after it."""
    target = equation.target.name
    options = Options(constants=getattr(equation, "constants", ()))
    kept = screen_inputs(data, target, options) if screen else None
    found, residuals = searched(equation, data, kept, options, evaluations)
    if kept is None or found or residuals is None:
        return found
    more = screen_inputs(data, target, options, residuals)
    if not more or set(more) <= set(kept):
        return False
    return searched(equation, data, [*kept, *more], options, evaluations)[0]


def searched(
    equation: Equation,
    data: Dataset,
    kept: Sequence[str] | None,
    options: Options,
    evaluations: int,
) -> tuple[bool, Array | None]:
    """Whether the law is found among some inputs, and what the first candidate leaves."""
    target = equation.target.name
    if kept is not None:
        data = data.without([n for n in data.numeric_names if n not in (*kept, target)])
    try:
        design = prepare(data, target, options, any_sign=True).design
    except DimgsError:
        return False, None
    if not is_searchable(design):
        return not design.features, None
    problem = problem_of(design)
    result = StructuredEngine().search(problem, SearchBudget(600.0, evaluations), 0)
    if not result.candidates:
        return False, None
    first = result.candidates[0]
    values = first.evaluate(problem.groups)
    logs = problem.scale == "log" and bool(np.all(values > 0))
    left = np.log(problem.response / values) if logs else problem.response - values
    # of positive inputs, so that those that cancel are gone
    whole = in_variables(design, from_search(design, first.expression))
    whole = sympy.powdenest(whole.xreplace({s: _positive(s) for s in whole.free_symbols}))
    place = {n: f"pi_{k}" for k, n in enumerate(equation.ranges, 1)}
    names = Names.of(design).identifier
    renamed: dict[Any, Any] = {
        _positive(names[n]): sympy.Symbol(place[n]) for n in place if n in names
    }
    renamed |= {_positive(n): sympy.Float(v) for n, v in equation.known().items()}
    renamed |= {_positive(n): sympy.Symbol(n) for n in first.constants}
    try:
        candidate = Candidate.of(whole.xreplace(renamed), first.constants, scale="linear")
    except DimgsError:
        return False, left
    return agreement(candidate, Inputs(equation, raw=True)).exact, left


def _positive(name: object) -> sympy.Symbol:
    return sympy.Symbol(str(name), positive=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", choices=SETS, default="own-development")
    parser.add_argument("--noise", type=float, default=0.0, help="share of each response")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--part", default="1/1", help="i/n: every n-th law, from the i-th")
    parser.add_argument("--evaluations", type=int, default=1000)
    options = parser.parse_args(arguments)
    part, parts = map(int, options.part.split("/"))
    laws = equations_of(options.set)[part - 1 :: parts]
    found, spent = np.zeros(3, dtype=int), np.zeros(3)
    for equation in laws:
        line = []
        for k, (dummies, screen) in enumerate(((0, False), (DUMMIES, False), (DUMMIES, True))):
            data = table(equation, options.runs, options.noise, dummies)
            start = time.process_time()
            line.append(is_found(equation, data, screen, options.evaluations))
            spent[k] += time.process_time() - start
        found += line
        print(equation.name, *("found" if x else "missed" for x in line), flush=True)
    print(
        f"of {len(laws)} laws, without, with and with screened dummies: {found.tolist()}; ", end=""
    )
    print(f"mean processor time {np.round(spent / len(laws), 1).tolist()} s")


if __name__ == "__main__":
    main()
