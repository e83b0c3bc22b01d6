"""Pi groups by dimgs and by other tools, on the same variables in one run.

Run it with ``python -m case_studies.benchmarks.pi_group_tools`` after installing whichever of pint,
buckinghampy, nodimo and pydasa is to be compared. Each answer is checked exactly: as many groups
as the theorem says, every one dimensionless, independent, and a basis of all groups with integer
exponents (others can miss L1/L2 between A/L1^2 and A/L2^2). nodimo asks its user
for the repeating variables: it gets the first independent ones. Times are processor times of one
call, after one call to warm up.
"""

import contextlib
import io
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from string import ascii_letters
from typing import Any

from flint import fmpz_mat
from sympy import Matrix, Rational

from case_studies.benchmarks.pi_groups import random_variables
from dimgs.groups.derive import pi_basis
from dimgs.groups.dimensions import DimensionalMatrix
from dimgs.variables import Variable, parse_variable, registry

LIMIT_SECONDS = 60

Groups = list[dict[str, Fraction]]

CASES: dict[str, tuple[str, ...]] = {
    "pipe flow": ("dp [Pa]", "rho [kg/m^3]", "U [m/s]", "D [m]", "mu [Pa*s]", "L [m]"),
    "area and two lengths": ("A [m^2]", "L1 [m]", "L2 [m]"),
    "only velocities": ("U [m/s]", "V [m/s]", "W [m/s]"),
    "an angle among the inputs": ("T [s]", "L [m]", "g [m/s^2]", "theta [rad]"),
    "roots in a unit": ("K_I [MPa*m^(1/2)]", "sigma [MPa]", "a [mm]"),
    "no group exists": ("L [m]", "m [kg]", "t [s]"),
    "eight electric": (
        *("V [V]", "I [A]", "R [ohm]", "C [F]"),
        *("L [H]", "t [s]", "q [C]", "E [J]"),
    ),
}


def with_dimgs(variables: Sequence[Variable]) -> Groups:
    basis = pi_basis(variables)
    return [dict(group.exponents) for group in basis.groups]


def with_pint(variables: Sequence[Variable]) -> Groups:
    units: Any = registry()
    quantities = {v.name: units.Quantity(1.0, v.unit.text.replace("^", "**")) for v in variables}
    return [
        {n: Fraction(p).limit_denominator(10**6) for n, p in group.items() if p}
        for group in units.pi_theorem(quantities)
    ]


def with_buckinghampy(variables: Sequence[Variable]) -> Groups:
    from buckinghampy import find_nondimensional_numbers
    from buckinghampy.parameters import Parameter

    given = [
        Parameter(v.name, {b: Rational(p.numerator, p.denominator) for b, p in v.dimension})
        for v in variables
    ]
    found = find_nondimensional_numbers(given)
    return [
        {p.symbol: x for p, x in zip(given, number.vector, strict=True) if x}
        for number in getattr(found, "numbers", found)
    ]


def with_nodimo(variables: Sequence[Variable]) -> Groups:
    from nodimo import Model, Quantity

    names = {b: f"d{i}" for i, b in enumerate(_bases(variables))}
    scaling = _independent(variables)
    given = [
        Quantity(
            v.name,
            scaling=v.name in scaling,
            **{names[b]: Rational(p.numerator, p.denominator) for b, p in v.dimension},
        )
        for v in variables
    ]
    ((_, relation),) = Model(*given)._relations.items()
    parts = relation._quantities if hasattr(relation, "_quantities") else relation.quantities
    found = []
    for part in parts:
        powers = part._symbolic.as_powers_dict()
        found.append({str(s): Fraction(int(p.p), int(p.q)) for s, p in powers.items()})
    return found


def with_pydasa(variables: Sequence[Variable]) -> Groups:
    from pydasa.workflows.phenomena import AnalysisEngine

    letters = dict(zip(_bases(variables), "LMTICKN", strict=False))
    symbols = {v.name: ascii_letters[i] for i, v in enumerate(variables)}
    engine = AnalysisEngine(_idx=0, _fwk="PHYSICAL")
    engine.variables = {
        symbols[v.name]: {
            "_idx": i,
            "_sym": symbols[v.name],
            "_fwk": "PHYSICAL",
            "_cat": "OUT" if i == 0 else "IN",
            "relevant": True,
            "_dims": "*".join(f"{letters[b]}^{p}" for b, p in v.dimension) or "1",
            "_setpoint": 1.0,
            "_std_setpoint": 1.0,
        }
        for i, v in enumerate(variables)
    }
    engine.run_analysis()
    back = {s: n for n, s in symbols.items()}
    return [
        {back[s]: Fraction(p) for s, p in c.var_dims.items() if p}
        for c in engine.coefficients.values()
    ]


TOOLS: dict[str, Callable[[Sequence[Variable]], Groups]] = {
    "dimgs": with_dimgs,
    "pint": with_pint,
    "buckinghampy": with_buckinghampy,
    "nodimo": with_nodimo,
    "pydasa": with_pydasa,
}


def _bases(variables: Sequence[Variable]) -> list[str]:
    return sorted({b for v in variables for b, _ in v.dimension})


def _matrix(variables: Sequence[Variable]) -> Matrix:
    bases = _bases(variables) or ["[none]"]
    rows = [[dict(v.dimension).get(b, Fraction(0)) for v in variables] for b in bases]
    return Matrix([[Rational(x.numerator, x.denominator) for x in row] for row in rows])


def _independent(variables: Sequence[Variable]) -> set[str]:
    return {variables[j].name for j in _matrix(variables).rref()[1]}


def verdict(variables: Sequence[Variable], groups: Sequence[Mapping[str, Fraction]]) -> str:
    """What is wrong with an answer, or "basis"."""
    D = DimensionalMatrix.of(variables)
    lattice = D.kernel_lattice()
    if len(groups) != len(lattice):
        return f"{len(groups)} groups instead of {len(lattice)}"
    rows = [[group.get(n, Fraction(0)) for n in D.names] for group in groups]
    for row in rows:
        if any(sum(a * b for a, b in zip(row, line, strict=True)) for line in D.rows):
            return "not dimensionless"
    if any(x.denominator != 1 for row in rows for x in row):
        return "roots of groups"
    given = fmpz_mat([[int(x) for x in row] for row in rows]) if rows else None
    if given is None:
        return "basis"
    if given.rank() < len(rows):
        return "not independent"
    return "basis" if given.hnf() == fmpz_mat([list(v) for v in lattice]).hnf() else "misses groups"


def _give_up(*_: object) -> None:
    raise TimeoutError


def answer(tool: str, variables: Sequence[Variable]) -> str:
    signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(LIMIT_SECONDS)
    start = time.process_time()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            groups = TOOLS[tool](variables)
    except ImportError:
        return "not installed"
    except TimeoutError:
        return f"no answer in {LIMIT_SECONDS} s"
    except Exception as error:
        return f"error: {type(error).__name__}"
    finally:
        signal.alarm(0)
    taken = 1e3 * (time.process_time() - start)
    return f"{verdict(variables, groups)} ({taken:.1f} ms)"


def main() -> None:
    cases = {name: [parse_variable(t) for t in texts] for name, texts in CASES.items()}
    cases["40 random variables"] = random_variables(40, 4)
    print(f"PYTHONHASHSEED={os.environ.get('PYTHONHASHSEED', 'random')}, {sys.version.split()[0]}")
    for tool in TOOLS:
        answer(tool, cases["pipe flow"])
    for name, variables in cases.items():
        print(f"\n{name}: {', '.join(v.name for v in variables[:8])}")
        for tool in TOOLS:
            print(f"  {tool:<14}{answer(tool, variables)}", flush=True)


if __name__ == "__main__":
    main()
