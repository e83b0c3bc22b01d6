"""Tables with planted laws and the errors of real ones: what is found, confirmed and covered.

``python -m case_studies.benchmarks.planted_tables`` draws tables of 60 runs with an error of 5 %:

- *offset*: y = a + b x^p z^q, with errors of one size
- *mixed*: y = b x^p z^q, with errors that are relative where y is large and of one size where small
- *sources*: six runs of each of ten sources, whose prefactors (20 %) and, in half of the tables,
  exponents of x (0.1) differ
- *constants*: y = a + b x^p z^q for six runs of each of ten sources, whose offsets a differ (25 %)
- *scatter*: an error column whose numbers are off by a common factor, beside a scatter of 5 %
- *censored*: bounds in place of the lowest, or the highest, three tenths of the targets

A law counts as found if its formula, with its constants refitted, meets the planted values without
errors to a thousandth. Intervals of 90 % are those of the law at the quartiles of the runs (of
sources, of one source each), of the exponents of its power law, and of runs of sources that are not
in the table.

``--known`` measures the intervals of the planted forms alone, without a search: many tables in a
minute, and the same whether a search finds their laws or not.

Results go to a file of one line a table, and tables that are in it are not done again.
"""

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import sympy
from scipy.optimize import least_squares

from case_studies.benchmarks.own_laws.__main__ import known_lines
from dimgs.common.arrays import Array
from dimgs.common.errors import DimgsError
from dimgs.dataset import Dataset
from dimgs.dataset.dataset import BOUND_SUFFIX
from dimgs.discovery.discover import discover_with, fit_with
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.expression.candidate import compile_expression
from dimgs.fits.noise import target_errors
from dimgs.judgement.evidence import FormulaModel, errors_of
from dimgs.law.assemble import assemble
from dimgs.law.display import name_exponents
from dimgs.law.law import Law
from dimgs.report.results import FitResult

RUNS, ERROR, SOURCES = 60, 0.05, 10
LEVEL = 0.9
# exponents that are drawn
POWERS = (-2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0)
# seconds that only cap
_LONGEST = 3600.0
# of the planted values, relatively: what a formula with other terms does not reach
_SAME = 1e-3


@dataclass(frozen=True, eq=False)
class Planted:
    """A table with what is true of it.

    Attributes
    ----------
    data : Dataset
    mean : callable
        Target without errors, of x and z.
    form : sympy.Expr
        The same in the groups, with constants in place of its numbers.
    constants : mapping of str to float
    exponents : mapping of str to float
        Of a power law; empty for another law.
    options : mapping of str to object
    further : Dataset, optional
        Runs of new sources, with their targets.
    shifts : callable, optional
        Logarithm of what the first sources add to the target, of x, one source a value.
    """

    data: Dataset
    mean: Callable[[Array, Array], Array]
    form: sympy.Expr
    constants: Mapping[str, float]
    exponents: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    further: Dataset | None = None
    shifts: Callable[[Array], Array] | None = None


def _inputs(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    return np.exp(rng.uniform(-1.5, 1.5, n)), np.exp(rng.uniform(-1.5, 1.5, n))


@dataclass(frozen=True, eq=False)
class _Power:
    """A power law with a prefactor and exponents that are drawn."""

    prefactor: float
    exponents: Mapping[str, float]

    def __call__(self, x: Array, z: Array) -> Array:
        return np.asarray(self.prefactor * x ** self.exponents["x"] * z ** self.exponents["z"])

    @property
    def form(self) -> sympy.Expr:
        p, q = (sympy.Rational(str(e)) for e in self.exponents.values())
        c, x, z = sympy.symbols("c_1 pi_1 pi_2")
        return c * x**p * z**q

    def planted(self, data: Dataset, *more: Any) -> Planted:
        constants = {"c_1": self.prefactor}
        return Planted(data, self, self.form, constants, self.exponents, *more)


def _power(rng: np.random.Generator) -> _Power:
    p, q = rng.choice(POWERS, 2)
    return _Power(float(np.exp(rng.uniform(-2.0, 2.0))), {"x": float(p), "z": float(q)})


def _columns(x: Array, z: Array, y: Array) -> dict[str, Array]:
    return {"x [1]": x, "z [1]": z, "y [1]": y}


def offset(rng: np.random.Generator) -> Planted:
    """An additive constant, and errors of one size."""
    part = _power(rng)
    x, z = _inputs(rng, RUNS)
    height = float(rng.uniform(0.2, 1.0) * np.median(part(x, z)))

    def mean(x: Array, z: Array) -> Array:
        return height + part(x, z)

    y = mean(x, z) + ERROR * float(np.std(mean(x, z))) * rng.normal(size=RUNS)
    form, constants = part.form + sympy.Symbol("c_2"), {"c_1": part.prefactor, "c_2": height}
    return Planted(Dataset.from_columns(_columns(x, z, y)), mean, form, constants)


def mixed(rng: np.random.Generator) -> Planted:
    """A power law with relative errors, and a least error for small targets."""
    mean = _power(rng)
    x, z = _inputs(rng, RUNS)
    y = mean(x, z)
    floor = ERROR * float(np.quantile(y, 0.3))
    y = y + np.hypot(ERROR * y, floor) * rng.normal(size=RUNS)
    return mean.planted(Dataset.from_columns(_columns(x, z, y)))


def sources(rng: np.random.Generator) -> Planted:
    """Sources with prefactors, and perhaps exponents, of their own."""
    mean = _power(rng)
    slopes = float(rng.choice([0.0, 0.1]))

    def runs(labels: Sequence[str], each: int) -> tuple[Dataset, Callable[[Array], Array]]:
        x, z = _inputs(rng, len(labels) * each)
        prefactors, powers = rng.normal(0.0, 0.2, len(labels)), rng.normal(0.0, slopes, len(labels))
        shift = np.repeat(prefactors, each) + np.repeat(powers, each) * np.log(x)
        y = mean(x, z) * np.exp(shift + ERROR * rng.normal(size=len(x)))
        data = Dataset.from_columns({**_columns(x, z, y), "lab": np.repeat(labels, each)})
        return data, lambda x: prefactors[: len(x)] + powers[: len(x)] * np.log(x)

    data, shifts = runs([_label(k) for k in range(SOURCES)], RUNS // SOURCES)
    further, _ = runs([f"new {k}" for k in range(20)], 1)
    return mean.planted(data, {"by": ["lab"]}, further, shifts)


def constants(rng: np.random.Generator) -> Planted:
    """Sources with an offset of their own."""
    part = _power(rng)
    middle = float(rng.uniform(0.6, 1.2) * part.prefactor)

    def runs(labels: Sequence[str], each: int) -> tuple[Dataset, Array]:
        x, z = _inputs(rng, len(labels) * each)
        heights = middle * (1.0 + 0.25 * rng.normal(size=len(labels)))
        y = (part(x, z) + np.repeat(heights, each)) * np.exp(ERROR * rng.normal(size=len(x)))
        data = Dataset.from_columns({**_columns(x, z, y), "lab": np.repeat(labels, each)})
        return data, heights

    data, heights = runs([_label(k) for k in range(SOURCES)], RUNS // SOURCES)
    further, _ = runs([f"new {k}" for k in range(20)], 1)

    def mean(x: Array, z: Array) -> Array:
        return middle + part(x, z)

    def shifts(x: Array) -> Array:
        return np.log((heights[: len(x)] + part(x, x)) / mean(x, x))

    form, values = part.form + sympy.Symbol("c_2"), {"c_1": part.prefactor, "c_2": middle}
    return Planted(data, mean, form, values, {}, {"by": ["lab"]}, further, shifts)


def _label(source: int) -> str:
    return f"lab {source}"


def scatter(rng: np.random.Generator) -> Planted:
    """Stated errors that are too small or too large, beside a scatter that nobody states."""
    mean = _power(rng)
    x, z = _inputs(rng, RUNS)
    stated = np.exp(rng.uniform(np.log(0.005), np.log(0.2), RUNS))
    wrong = float(np.exp(rng.uniform(-0.7, 0.7)))
    y = mean(x, z) * np.exp(np.hypot(wrong * stated, ERROR) * rng.normal(size=RUNS))
    return mean.planted(Dataset.from_columns({**_columns(x, z, y), "y_err [1]": stated * y}))


def censored(rng: np.random.Generator) -> Planted:
    """Bounds in three tenths of the runs, on one side."""
    mean = _power(rng)
    x, z = _inputs(rng, RUNS)
    y = mean(x, z) * np.exp(ERROR * rng.normal(size=RUNS))
    below = bool(rng.integers(2))
    limit = float(np.quantile(y, 0.3 if below else 0.7))
    is_bound = y < limit if below else y > limit
    sides = np.where(is_bound, "<" if below else ">", "=")
    columns = _columns(x, z, np.where(is_bound, limit, y))
    data = Dataset.from_columns({**columns, f"y{BOUND_SUFFIX}": sides})
    return mean.planted(data)


KINDS: Mapping[str, Callable[[np.random.Generator], Planted]] = {
    f.__name__: f for f in (offset, mixed, sources, scatter, censored, constants)
}


def is_same(law: Law, planted: Planted) -> bool:
    """Whether the formula of a law, its constants refitted, meets the planted values."""
    form = name_exponents(law)
    constants = {c.name: c.value for c in (*law.constants, *form.constants)}
    names = [n for n in constants if sympy.Symbol(n) in form.expression.free_symbols]
    columns = {s: np.asarray(planted.data[v.name], np.float64) for s, v in law.symbols.items()}
    made = compile_expression([*map(sympy.Symbol, (*columns, *names))], form.expression)
    true = planted.mean(np.asarray(planted.data["x"]), np.asarray(planted.data["z"]))
    size = float(np.std(true))

    def miss(theta: Array) -> Array:
        with np.errstate(all="ignore"):
            values = made(*columns.values(), *theta) * np.ones(len(true))
        away = np.asarray((values - true) / size, dtype=np.float64)
        return np.nan_to_num(away, nan=1e6, posinf=1e6, neginf=-1e6)

    start = np.array([constants[n] for n in names])
    if not len(start):
        return bool(np.sqrt(np.mean(miss(start) ** 2)) < _SAME)
    found = least_squares(miss, start, x_scale=np.maximum(np.abs(start), 1e-3), xtol=1e-12)
    return bool(np.sqrt(np.mean(found.fun**2)) < _SAME)


def _hits(low: Array, true: Array, high: Array) -> list[bool]:
    return [bool(a <= x <= b) for a, x, b in zip(low, true, high, strict=True)]


def covered(
    planted: Planted, right: Law | None, fit: FitResult | None, law: Law | None
) -> dict[str, list[bool]]:
    """Which intervals hold what is true: of a right law, a fitted power law, and new sources.

    Parameters
    ----------
    planted : Planted
    right : Law or None
        A law of the planted form.
    fit : FitResult or None
    law : Law or None
        That predicts new sources.
    """
    row: dict[str, list[bool]] = {"law_hits": [], "exponent_hits": [], "source_hits": []}
    if right is not None:
        quartiles = np.quantile(np.asarray(planted.data["x"]), [0.25, 0.5, 0.75])
        points: dict[str, Any] = {"x": quartiles, "z": quartiles}
        true = planted.mean(quartiles, quartiles)
        if planted.shifts is not None:
            points["lab"] = [_label(k) for k in range(len(quartiles))]
            true = true * np.exp(planted.shifts(quartiles))
        interval = right.predict(points, LEVEL, "law")
        row["law_hits"] = _hits(interval.low, true, interval.high)
    if fit is not None and planted.exponents:
        # the fitted interval is symmetric; an end of it that was moved to a rational is farther
        known = {e.name: e for e in fit.variable_exponents}
        row["exponent_hits"] = [
            bool(abs(e.value - p) <= min(e.high - e.value, e.value - e.low))
            for n, p in planted.exponents.items()
            if (e := known.get(n)) is not None
        ]
    if planted.further is not None and law is not None:
        interval = law.predict(planted.further, LEVEL)
        row["source_hits"] = _hits(interval.low, np.asarray(planted.further["y"]), interval.high)
    return row


def with_known_form(kind: str, number: int) -> dict[str, Any]:
    """What the intervals of the planted form hold in one table.

    Parameters
    ----------
    kind : str
    number : int
        Of the table; its seed.
    """
    start = time.process_time()
    planted = KINDS[kind](np.random.default_rng([number, list(KINDS).index(kind)]))
    options = Options(level=LEVEL, **planted.options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        design = prepare(planted.data, "y", options, any_sign=True).design
        errors = errors_of(design, [FormulaModel(design, planted.form, planted.constants)])[0]
        design = replace(design, errors=target_errors(design, errors))
        law = assemble(design, planted.form, planted.constants, LEVEL)
        # the fit of a power law takes logarithms of its targets
        has_logs = planted.exponents and np.all(np.asarray(planted.data["y"]) > 0)
        fit = fit_with(planted.data, "y", options) if has_logs else None
        row = {"kind": kind, "number": number, "law": str(law), "found": True, "confirmed": False}
        row |= covered(planted, law, fit, law)
    return row | {"seconds": round(time.process_time() - start, 1)}


def measured(kind: str, number: int) -> dict[str, Any]:
    """What a discovery says of one table.

    Parameters
    ----------
    kind : str
    number : int
        Of the table; its seed.
    """
    start = time.process_time()
    planted = KINDS[kind](np.random.default_rng([number, list(KINDS).index(kind)]))
    options = Options(
        engine="structured", effort="quick", time_limit=_LONGEST, level=LEVEL, **planted.options
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = discover_with(planted.data, "y", options)
        law = report.law
        row: dict[str, Any] = {
            "kind": kind,
            "number": number,
            "law": str(law),
            "probability": report.probability,
            "confirmed": report.confirmed,
            "found": law is not None and is_same(law, planted),
        }
        row |= covered(planted, law if row["found"] else None, report.fit, law)
    row["seconds"] = round(time.process_time() - start, 1)
    return row


def _share(hits: Sequence[bool]) -> str:
    return f"{100 * np.mean(hits):.0f} % of {len(hits)}" if len(hits) else ""


def lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The table of the documentation."""
    yield (
        "| tables | drawn | found | confirmed | wrong among confirmed | law covered | "
        "exponents covered | new sources covered |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    kinds = [kind for kind in KINDS if any(row["kind"] == kind for row in rows)]
    for kind in [*kinds, "all"]:
        some = [row for row in rows if kind in (row["kind"], "all")]
        confirmed = [row for row in some if row["confirmed"]]
        wrong = sum(not row["found"] for row in confirmed)
        hits = [
            _share([hit for row in some for hit in row[name]])
            for name in ("law_hits", "exponent_hits", "source_hits")
        ]
        found = sum(row["found"] for row in some)
        yield (
            f"| {kind} | {len(some)} | {found} | {len(confirmed)} | {wrong} | {' | '.join(hits)} |"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the tables that are not in the file of results, and print all that are."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", default=[], help=", ".join(KINDS))
    parser.add_argument("--count", type=int, default=40, help="tables of each kind")
    parser.add_argument("--known", action="store_true", help="intervals of the planted forms")
    parser.add_argument("--results", type=Path, help="default planted_tables.jsonl, or ..._known")
    asked = parser.parse_args(arguments)
    measure, name = (with_known_form, "_known") if asked.known else (measured, "")
    asked.results = asked.results or Path(f"planted_tables{name}.jsonl")
    kinds = asked.only or list(KINDS)
    wanted = [(kind, number) for number in range(asked.count) for kind in kinds]
    done = {(row["kind"], row["number"]): row for row in known_lines(asked.results)}
    for key in wanted:
        if key in done:
            continue
        try:
            done[key] = measure(*key)
        except DimgsError as error:
            print(f"{key[0]} {key[1]}: {error}")
            continue
        with asked.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(done[key]) + "\n")
    print(*lines([done[key] for key in wanted if key in done]), sep="\n")


if __name__ == "__main__":
    main()
