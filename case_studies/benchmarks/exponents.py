"""Power laws with simple exponents and with other ones: how often what is probable is right.

``python -m case_studies.benchmarks.exponents`` draws tables of one or two inputs. In half of them
all exponents are simple, in the others one is any number from -3 to 3. The forms are the power laws
alone, with fitted and with simple exponents, and their probabilities are those of the judgement
among them. A law is right if each simple exponent in it is the true one, and each exponent that is
not simple is fitted.
"""

import argparse
import os
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import sympy

from dimgs import Dataset, Options
from dimgs.discovery.power_law import fit_prepared
from dimgs.discovery.prepare import prepare
from dimgs.engines.protocol import Clock
from dimgs.judgement.candidates import judge_forms
from dimgs.judgement.posterior import same_laws, weights

# simple exponents, and how often each is drawn
SIMPLE = {
    "1": 8, "2": 7, "1/2": 6, "-1": 6, "2/3": 4, "-2": 4, "1/3": 3, "3": 3, "3/2": 3, "-1/2": 3,
    "1/4": 2, "3/4": 2, "4": 2, "4/3": 1, "-1/3": 1, "1/5": 1, "2/5": 1, "3/5": 1, "4/5": 1,
    "5/2": 1, "5/3": 1,
}  # fmt: skip
RUNS, NOISES, SPANS = (12, 20, 40, 60), (0.01, 0.02, 0.05), (2.0, 5.0, 20.0)
ENDS = (0.0, 0.6, 0.8, 0.9, 0.95, 1.0)


def drawn(seed: int) -> tuple[list[Fraction | float], Dataset]:
    """True exponents, decimals as float, and a table of a power law."""
    rng = np.random.default_rng(seed)
    share = np.array([*SIMPLE.values()]) / sum(SIMPLE.values())
    exponents: list[Fraction | float] = [
        Fraction(str(rng.choice([*SIMPLE], p=share))) for _ in range(rng.integers(1, 3))
    ]
    if rng.random() < 0.5:
        exponents[0] = float(np.round(rng.uniform(-3.0, 3.0), 3))
    n, noise, span = (rng.choice(x) for x in (RUNS, NOISES, SPANS))
    logs = rng.uniform(0.0, np.log(span), (len(exponents), int(n)))
    y = np.exp(rng.uniform(-1.0, 2.0) + np.array([*map(float, exponents)]) @ logs)
    y *= np.exp(noise * rng.standard_normal(int(n)))
    columns = {f"x{j} [1]": np.exp(x) for j, x in enumerate(logs)}
    return exponents, Dataset.from_columns({**columns, "y [1]": y})


def judged(seed: int) -> tuple[bool, float, bool]:
    """Whether all exponents are simple, the probability of the first law, and whether it is right.

    Of one law the form with the most simple exponents stands for it.
    """
    exponents, data = drawn(seed)
    prepared = prepare(data, "y", Options())
    result = fit_prepared(prepared, Options())
    forms = judge_forms(prepared.design, result, result.law, [], {}, Clock.of(1e6))
    laws = np.array(same_laws(prepared.design, forms))
    density, bits = np.array([(f.evidence.log_density, f.structure.bits) for f in forms]).T
    weight, _ = weights(density, bits, laws.tolist(), np.array([f.rigid for f in forms]))
    held = {k: float(weight[laws == k].sum()) for k in laws.tolist()}
    first = max(held, key=lambda k: held[k])
    form = forms[int(np.flatnonzero(laws == first)[0])]
    powers = form.expression.as_powers_dict()
    names = [dict(f.group.exponents) for f in prepared.design.features if f.group is not None]
    right = True
    for feature, group in zip(prepared.design.features, names, strict=True):
        (column,) = group
        true, power = exponents[int(column[1:])], powers.get(sympy.Symbol(feature.name), 0)
        fitted = bool(sympy.sympify(power).free_symbols)
        same = isinstance(true, Fraction) and power * group[column] == sympy.Rational(str(true))
        right &= fitted or bool(same)
    return all(isinstance(e, Fraction) for e in exponents), held[first], right


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=300, help="tables")
    options = parser.parse_args(arguments)
    simple, p, right = map(np.array, zip(*map(judged, range(options.count)), strict=True))
    print("| mean probability | share that is right | tables |\n|---|---|---|")
    for low, high in pairwise(ENDS):
        some = (low < p) & (p <= high)
        if some.any():
            print(f"| {p[some].mean():.2f} | {right[some].mean():.2f} | {some.sum()} |")
    for name, of in (("simple exponents", simple), ("another exponent", ~simple)):
        sure = of & (p >= 0.9)
        print(
            f"{name}: {of.sum()} tables, {sure.sum()} at 0.9 or more, {(sure & ~right).sum()} wrong"
        )


if __name__ == "__main__":
    main()
