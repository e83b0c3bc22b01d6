"""Power laws with simple exponents and with other ones: how often what is probable is right.

``python -m case_studies.benchmarks.exponents`` draws tables of one or two inputs. In half of them
all exponents are simple, in the others one is any number from -3 to 3. The forms are the power laws
alone, with fitted and with simple exponents, and their probabilities are those of the judgement
among them. A form is right if each simple exponent in it is the true one, and each exponent that is
not simple is fitted. The first table is of the most probable form, the lines below it are of the
form that the judgement states.
"""

import argparse
import os
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import sympy
from scipy import special

from dimgs import Dataset, Options
from dimgs.discovery.power_law import fit_prepared
from dimgs.discovery.prepare import prepare
from dimgs.engines.protocol import Clock
from dimgs.fits.design import Feature
from dimgs.judgement.candidates import JudgedForm, judge_forms
from dimgs.judgement.posterior import TEMPERATURE, posterior_of, same_laws

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


def is_right(form: JudgedForm, features: Sequence[Feature], true: Sequence[Any]) -> bool:
    """Whether no exponent of a form is simple and another than the true one."""
    powers = form.expression.as_powers_dict()
    for feature in features:
        assert feature.group is not None
        ((column, size),) = feature.group.exponents
        power, exponent = powers.get(sympy.Symbol(feature.name), 0), true[int(column[1:])]
        same = isinstance(exponent, Fraction) and power * size == sympy.Rational(str(exponent))
        if not (sympy.sympify(power).free_symbols or same):
            return False
    return True


def judged(seed: int) -> dict[str, Any]:
    """Whether exponents are simple; of the best form and of the stated one, whether it is right."""
    exponents, data = drawn(seed)
    prepared = prepare(data, "y", Options())
    result, design = fit_prepared(prepared, Options()), prepared.design
    forms = judge_forms(design, result, result.law, [], Clock.of(1e6))
    posterior = posterior_of(design, forms, same_laws(design, forms))
    best, stated = posterior.laws[0].forms[0], posterior.laws[0].form
    scores = np.array([one.score for one in forms])
    return {
        "simple": all(isinstance(e, Fraction) for e in exponents),
        "share": float(special.softmax(scores / TEMPERATURE).max()),
        "right": is_right(best, design.features, exponents),
        "stated": stated.rigid,
        "truly": is_right(stated, design.features, exponents),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=300, help="tables")
    options = parser.parse_args(arguments)
    lines = pd.DataFrame(map(judged, range(options.count)))
    print("| mean probability | share that is right | tables |\n|---|---|---|")
    for low, high in pairwise(ENDS):
        some = lines[(lines.share > low) & (lines.share <= high)]
        if len(some):
            print(f"| {some.share.mean():.2f} | {some.right.mean():.2f} | {len(some)} |")
    for name, of in (("simple exponents", lines.simple), ("another exponent", ~lines.simple)):
        simple = of & lines.stated
        print(
            f"{name}: {of.sum()} tables, in {simple.sum()} all exponents are stated as simple, "
            f"an exponent is wrong in {(of & ~lines.truly).sum()}"
        )


if __name__ == "__main__":
    main()
