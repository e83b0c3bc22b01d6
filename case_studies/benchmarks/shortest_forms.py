"""Operations and operands of found laws against those of the textbook forms.

``python -m case_studies.benchmarks.shortest_forms``: 200 clean runs of each benchmark law are
searched by the embedded engine (bounded by evaluations, so that the result is the same on every
machine); a law that is found exactly is written in the variables, in its shortest form, and counted
beside the formula of the book as it stands in the list. ``--set`` chooses the laws.
"""

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import sympy

from case_studies.benchmarks.exactness import Inputs, agreement
from case_studies.benchmarks.feynman_tables import Equation
from case_studies.benchmarks.laws_with_units.tasks import SETS, equations_of, problem_of
from dimgs.engines.protocol import SearchBudget
from dimgs.engines.structured import StructuredEngine
from dimgs.expression.candidate import complexity_of
from dimgs.expression.simplest import simplest, with_joined_roots

# a time that only caps: no search comes near it
LONGEST = 3600.0
RUNS = 200


@dataclass(frozen=True)
class Lengths:
    """One law that was found: its shortest form beside that of the book."""

    name: str
    found: sympy.Expr
    book: sympy.Expr

    @property
    def longer(self) -> int:
        """Operations and operands more than in the book."""
        return complexity_of(self.found) - complexity_of(self.book)


def lengths(equation: Equation, evaluations: int) -> Lengths | None:
    """The law as it is found; None where it is not."""
    inputs = Inputs(equation)
    problem = problem_of(inputs, RUNS, 0.0, "rms", 0)
    if not problem.groups:
        return None
    result = StructuredEngine().search(problem, SearchBudget(LONGEST, evaluations), 0)
    if not result.candidates or not agreement(result.candidates[0], inputs).exact:
        return None
    basis, first = inputs.basis, result.candidates[0]
    assert basis.response is not None
    groups = {sympy.Symbol(g.name): _monomial(dict(g.exponents)) for g in basis.groups}
    back = {n: -e for n, e in basis.response.exponents if n != equation.target.name}
    whole = first.expression.subs(groups, simultaneous=True) * _monomial(back)
    names = [v.name for v in basis.variables]
    book = with_joined_roots(equation.formula)
    return Lengths(equation.name, simplest(whole, names), book)


def _monomial(powers: Mapping[str, object]) -> sympy.Expr:
    return sympy.Mul(*(sympy.Symbol(n) ** sympy.Rational(str(e)) for n, e in powers.items()))


def rows(names: Sequence[str], evaluations: int) -> Iterator[Lengths]:
    """Every law of the sets that is found."""
    for name in names:
        for equation in equations_of(name):
            found = lengths(equation, evaluations)
            if found is not None:
                yield found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", choices=SETS, action="append")
    parser.add_argument("--evaluations", type=int, default=3000)
    options = parser.parse_args(arguments)
    counts = [0, 0, 0]
    for row in rows(options.set or ("own-development", "own-test"), options.evaluations):
        counts[(row.longer > 0) - (row.longer < 0)] += 1
        print(f"{row.name:24} {row.longer:+3d}  {row.found}   |   {row.book}", flush=True)
    print(f"{sum(counts)} found: {counts[1]} longer than in the book, {counts[-1]} shorter")


if __name__ == "__main__":
    main()
