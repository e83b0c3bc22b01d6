"""Time of deriving and enumerating pi groups, beside `pint.pi_theorem` in the same run.

Run it with ``python -m case_studies.benchmarks.pi_groups``. The variables are random: integer
exponents from -3 to 3 over four base dimensions, from a fixed seed. Each time is processor time,
the best of many.
"""

import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from itertools import combinations
from random import Random
from typing import Any

from sympy import Matrix

from dimgs.groups.derive import all_bases, enumerate_bases, pi_basis, smallest_monomial
from dimgs.groups.dimensions import DimensionalMatrix
from dimgs.groups.group import kinds_of
from dimgs.variables import Dimension, Unit, Variable, registry, si_unit

BASES = (
    "[length]",
    "[mass]",
    "[time]",
    "[temperature]",
    "[current]",
    "[substance]",
    "[luminosity]",
)


def random_variables(count: int, bases: int, seed: int = 0) -> list[Variable]:
    source = Random(seed)
    found = []
    for i in range(count):
        dimension = Dimension()
        while dimension.is_dimensionless:
            dimension = Dimension.of({base: source.randint(-3, 3) for base in BASES[:bases]})
        found.append(Variable(f"v{i:02d}", Unit(si_unit(dimension), dimension)))
    return found


def best_ms(run: Callable[[], object], seconds: float = 0.5) -> float:
    """Least processor time of a call in milliseconds, over at least three calls."""
    times: list[float] = []
    end = time.process_time() + seconds
    while len(times) < 3 or time.process_time() < end:
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return 1e3 * min(times)


def against_pint() -> None:
    units: Any = registry()
    print("variables over 4 dimensions: time in ms, and how many times that pint takes")
    print(f"{'n':>4} {'pint':>7} {'lattice':>14} {'without kinds':>14} {'pi_basis':>14}")
    for count in (5, 10, 20, 40):
        variables = random_variables(count, 4)
        quantities = {
            v.name: units.Quantity(1.0, v.unit.text.replace("^", "**")) for v in variables
        }
        pint_ms = best_ms(partial(units.pi_theorem, quantities))
        lattice = best_ms(partial(lattice_only, variables))
        whole = best_ms(partial(pi_basis, variables))
        unnamed = whole - best_ms(partial(kinds_of, variables))
        shown = "".join(f"{t:>8.2f} {pint_ms / t:>5.1f}x" for t in (lattice, unnamed, whole))
        print(f"{count:>4} {pint_ms:>7.2f} {shown}")
    print("pi_basis starts from Variables, recognises named numbers and checks every group;")
    print("without kinds: less the time to infer the physical kind of each variable.\n")


def lattice_only(variables: Sequence[Variable]) -> None:
    DimensionalMatrix.of(variables).kernel_lattice()


def wide_rational_matrix() -> None:
    source = Random(1)
    names = tuple(f"v{j:03d}" for j in range(200))
    bases = tuple(f"[b{i:02d}]" for i in range(50))
    rows = tuple(
        tuple(Fraction(source.randint(-3, 3), source.randint(1, 4)) for _ in names) for _ in bases
    )
    D = DimensionalMatrix(names, bases, rows)
    lattice = D.kernel_lattice()
    seconds = best_ms(D.kernel_lattice) / 1e3
    widest = max(abs(x) for vector in lattice for x in vector)
    print(
        f"50 x 200 rational matrix, full reduced basis: {seconds:.2f} s "
        f"({len(lattice)} groups, largest exponent {widest})\n"
    )


def enumeration() -> None:
    variables = random_variables(12, 3)
    D = DimensionalMatrix.of(variables)
    basis = pi_basis(variables)
    count = len(list(enumerate_bases(D)))
    choices = best_ms(lambda: list(enumerate_bases(D)))
    whole = best_ms(lambda: all_bases(basis))
    brute = best_ms(lambda: brute_force(D), 0.0)
    print(f"enumeration, 12 variables over 3 dimensions ({count} distinct bases), ms")
    print(f"  exponent vectors {choices:.1f}; checked and named PiBasis objects {whole:.1f};")
    print(f"  SymPy nullspace of every choice {brute:.0f}\n")


def brute_force(D: DimensionalMatrix) -> set[frozenset[tuple[int, ...]]]:
    A = Matrix([[int(x) for x in row] for row in D.integer_rows])
    n, r = len(D.names), A.rank()
    found = set()
    for chosen in combinations(range(n), r):
        if A[:, list(chosen)].rank() < r:
            continue
        inverse = A[:, list(chosen)].inv()
        found.add(frozenset(tuple(inverse * A[:, j]) for j in range(n) if j not in chosen))
    return found


def response(seeds: Sequence[int] = range(5)) -> None:
    times = []
    for seed in seeds:
        target, *inputs = random_variables(31, 7, seed)
        times.append(best_ms(partial(smallest_monomial, inputs, target.dimension), 0.0))
    listed = ", ".join(f"{t:.0f}" for t in times)
    print(f"smallest response monomial, 30 variables over 7 dimensions, ms: {listed}")


def main() -> None:
    against_pint()
    wide_rational_matrix()
    enumeration()
    response()


if __name__ == "__main__":
    main()
