"""``dimgs.discover`` on laws drawn at random from the grammar of its search.

``python -m case_studies.benchmarks.drawn_laws --count 200``: a law has two to four inputs with
units and ranges drawn at random, and one closed form of their groups of at most seven nodes, drawn
from all columns and forms of that size; its constants are drawn too. Each is searched in 100 runs
whose responses have an error of 1 %. A law is *chosen* where the law that is reported is the true
one by the first rule of :mod:`case_studies.benchmarks.exactness`, *tied* where a rival is that the
runs do not exclude, and *level* where the law that is reported misses fresh runs without errors by
less than a tenth of an error, so that no runs of this number tell the two apart.
"""

import argparse
import os
import time
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import sympy

from case_studies.benchmarks.exactness import Inputs, agreement
from case_studies.benchmarks.own_laws.law import OwnLaw
from dimgs.common.errors import DimgsError
from dimgs.discovery.discover import discover
from dimgs.engines.protocol import Problem
from dimgs.engines.structured.complete import FORMS, FittedForm, Forms
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import evaluate, to_sympy
from dimgs.expression.candidate import Candidate
from dimgs.groups.derive import pi_basis
from dimgs.groups.group import PiBasis
from dimgs.law.law import Law
from dimgs.report.results import Report
from dimgs.variables import parse_variable

UNITS = ("1", "1", "m", "m", "s", "kg", "m/s", "Pa", "m^2/s", "kg/m^3")
NODES, RUNS, NOISE = 7, 100, 0.01
# ratio of the largest to the smallest response at least, and at most
LEAST, MOST = 1.5, 1e6
# share of an error by which a law that cannot be told from the true one misses it
LEVEL = 0.1


def drawn(seed: int) -> OwnLaw:
    """A law drawn at random whose response is positive and varies."""
    rng = np.random.default_rng(seed)
    while True:
        names = "abcd"[: int(rng.integers(2, 5))]
        units = {n: str(rng.choice(UNITS)) for n in names}
        powers = [f"({u})**{int(rng.integers(-1, 3))}" for u in units.values() if u != "1"]
        variables = [parse_variable(f"{n} [{u}]") for n, u in units.items()]
        target = parse_variable(f"y [{'*'.join(powers) or '1'}]")
        try:
            basis = pi_basis([*variables, target], "y")
        except DimgsError:
            continue
        if not 1 <= len(basis.groups) <= 3 or basis.dropped:
            continue
        ranges = {n: (1.0, float(10.0 ** rng.uniform(0.5, 1.5))) for n in names}
        law = OwnLaw(f"drawn {seed}", sympy.Integer(1), target, tuple(variables), ranges)
        form = _form(law, basis, rng)
        if form is not None:
            return OwnLaw(law.name, form, target, law.inputs, ranges)


def _form(law: OwnLaw, basis: PiBasis, rng: np.random.Generator) -> sympy.Expr | None:
    """The response in the variables; None where it is not positive, or does not vary."""
    groups = Inputs(law, given=basis).groups(law.draw(rng, RUNS))
    problem = Problem(groups, np.ones(RUNS))
    with np.errstate(all="ignore"):
        forms = Forms(runs := Runs.of(problem))
        kinds = [form for form in FORMS if form.link in forms.links]
        form = kinds[int(rng.integers(len(kinds)))]
        while len(forms.columns.sizes) < NODES - form.nodes:
            forms.columns.grow()
        columns = np.flatnonzero(forms.columns.varies)
        place = int(rng.choice(columns[columns < forms.columns.ends[NODES - form.nodes]]))
        factor, offset = np.exp(rng.uniform(-1.0, 1.0, 2)) * rng.choice([1.0, -1.0], 2)
        tree = forms.tree(FittedForm(0.0, 0.0, float(factor), float(offset), form, (place,)))
        values = evaluate(tree, runs)
    if not (np.all(np.isfinite(values)) and values.min() > 0):
        return None
    if not LEAST < values.max() / values.min() < MOST:
        return None
    whole, constants = to_sympy(tree, runs.names)
    numbers = {sympy.Symbol(n): sympy.Float(float(f"{v:.3g}")) for n, v in constants.items()}
    assert basis.response is not None
    back = {n: -e for n, e in basis.response.exponents if n != "y"}
    named = {sympy.Symbol(g.name): _monomial(dict(g.exponents)) for g in basis.groups}
    return whole.xreplace(numbers).xreplace(named) * _monomial(back)


def _monomial(powers: Mapping[str, object]) -> sympy.Expr:
    return sympy.Mul(
        *(sympy.Symbol(n, positive=True) ** sympy.Rational(str(e)) for n, e in powers.items())
    )


def is_true(found: Law, law: OwnLaw, basis: PiBasis) -> bool:
    """Whether a law of a report is the one that was drawn."""
    expression = found.pi_expression
    names = {str(s) for s in expression.free_symbols}
    constants = {k: v for k, v in found.constant_values.items() if k in names}
    candidate = Candidate.of(expression, constants, scale="linear")
    return agreement(candidate, Inputs(law, given=basis)).exact


def verdict(law: OwnLaw, report: Report) -> str:
    """How the report of a search stands to the law that was drawn."""
    if report.law is None:
        return "no law"
    if is_true(report.law, law, report.basis):
        return "chosen"
    if any(is_true(rival.law, law, report.basis) for rival in report.rivals):
        return "tied"
    fresh = law.table(4 * RUNS, 1)
    true, values = np.asarray(fresh["y"]), report.law.predict_si(fresh)
    away = float(np.sqrt(np.mean((values / true - 1) ** 2)))
    return "level" if away < LEVEL * NOISE else "missed"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for every law, and how many there are of each verdict."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--noise", type=float, default=NOISE)
    given = parser.parse_args(arguments)
    verdicts = Counter[str]()
    for seed in range(given.first, given.first + given.count):
        law = drawn(seed)
        start = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            report = discover(law.table(RUNS, 0, given.noise), "y", engine="structured")
        word = verdict(law, report)
        verdicts[word] += 1
        found = "" if report.law is None else str(report.law.pi_expression.evalf(4))
        seconds = time.process_time() - start
        print(f"{seed:>4} {word:<7}{seconds:>6.1f} s  {law.formula}  found {found}", flush=True)
    print(f"{given.count} laws: {dict(verdicts)}")


if __name__ == "__main__":
    main()
