"""Descriptions of public tables by their error on runs, or whole sources, left out.

``python -m case_studies.benchmarks.left_out_tables`` compares, on the same folds of each table, one
power law (least squares of the logarithms), the sum, the blend and the regimes that dimgs makes
anew in each fold, a Gaussian process, and the published formula with its constants refitted. The
tables are those of :mod:`case_studies.benchmarks.real_laws`, measured tables of NIST, tables of
scikit-learn and the planets of the documentation. ``--search`` adds the formula that a quick
discovery shows, and one that Operon searches anew in each fold. If the discovery shows a law and no
description, its form has seen all runs, and its constants are refitted in each fold.

Results go to a file of one line a table, and tables that are in it are not done again.
"""

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import sympy

from case_studies.benchmarks.own_laws.__main__ import known_lines
from case_studies.benchmarks.real_laws import QUESTIONS, Question
from case_studies.benchmarks.strd.__main__ import PROBLEMS
from dimgs.common.arrays import Array, BoolArray, IntArray
from dimgs.common.errors import DimgsError
from dimgs.dataset import Dataset, read_table
from dimgs.discovery.discover import discover_with
from dimgs.discovery.judgement import CURVE, by_source, compare_leads
from dimgs.discovery.missing_input import extra_scales
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import Prepared, prepare
from dimgs.discovery.scoring import folds, folds_of_long_fits, formula_values
from dimgs.discovery.study import is_searchable, problem_of, without_collinear
from dimgs.engines.operon import OperonEngine
from dimgs.engines.protocol import Clock, SearchBudget
from dimgs.fits.design import Design
from dimgs.fits.least_squares import minimise_squares
from dimgs.fits.noise import Errors, likeliest_measure
from dimgs.law.assemble import from_search
from dimgs.report.findings import r2_of

# parts that are left out, as the comparison of dimgs has them
_FOLDS = 5
# seconds that only cap
_LONGEST = 3600.0
PUBLISHED, OPERON, FOUND = "published", "Operon", "dimgs"
# of a search of Operon in one fold: longer ones hardly change these tables
_OPERON = SearchBudget(seconds=6.0, evaluations=20_000)
# differences of R² within which a formula counts as the best, and beyond which a curve is better
_AS_GOOD, _BEHIND = 0.02, 0.05
_ORDER = ("power law", "sum", "blend", "regimes", CURVE, PUBLISHED, OPERON, FOUND)


@dataclass(frozen=True)
class Table:
    """A table to describe.

    Attributes
    ----------
    data : callable
        Reads it.
    target : str
    options : mapping of str to object
    asked : Question, optional
        With what is published.
    """

    data: Callable[[], Dataset]
    target: str
    options: Mapping[str, Any]
    asked: Question | None = None


def _of_sklearn(name: str, columns: Mapping[str, str]) -> Callable[[], Dataset]:
    """Columns of a table of scikit-learn, by their names there and here."""

    def read() -> Dataset:
        from sklearn import datasets

        keywords = {"scaled": False} if name == "diabetes" else {}
        found = getattr(datasets, f"load_{name}")(as_frame=True, **keywords)
        frame = found.frame
        if hasattr(found, "target_names") and name == "iris":
            frame = frame.assign(species=np.array(found.target_names)[frame["target"]])
        return read_table(frame[list(columns)].rename(columns=dict(columns)))

    return read


def _planets() -> Dataset:
    path = Path(__file__).resolve().parents[2] / "docs" / "planets.csv"
    return read_table(path)


FURTHER: Mapping[str, Table] = {
    "solar system": Table(_planets, "T", {"constants": ["G"]}),
    "diabetes": Table(
        _of_sklearn(
            "diabetes",
            {
                "bmi": "bmi [kg/m^2]",
                "bp": "bp [1]",
                "s1": "s1 [1]",
                "s3": "s3 [1]",
                "s5": "s5 [1]",
                "target": "progression [1]",
            },
        ),
        "progression",
        {"scales": "auto"},
    ),
    "iris petals": Table(
        _of_sklearn(
            "iris",
            {
                "species": "species [label]",
                "petal length (cm)": "length [cm]",
                "petal width (cm)": "width [cm]",
                "sepal length (cm)": "sepal [cm]",
            },
        ),
        "width",
        {},
    ),
    "linnerud": Table(
        _of_sklearn("linnerud", {"Waist": "waist [inch]", "Weight": "weight [lb]"}),
        "weight",
        {"scales": "auto"},
    ),
    "cell nuclei": Table(
        _of_sklearn(
            "breast_cancer",
            {
                "mean radius": "radius [um]",
                "mean perimeter": "perimeter [um]",
                "mean area": "area [um^2]",
            },
        ),
        "area",
        {},
    ),
}
# problems of NIST whose runs were measured, by what they are of
_MEASURED: Mapping[str, str] = {
    "adsorption": "Misra1a",
    "ultrasound": "Chwirut2",
    "filament": "DanWood",
    "transmittance": "Eckerle4",
    "copper": "Hahn1",
    "line width": "Kirby2",
    "insulation": "Nelson",
    "pasture": "Rat42",
    "onions": "Rat43",
    "iodine": "Roszman1",
    "mobility": "Thurber",
    "superconductor": "Bennett5",
}


def _of_nist(name: str) -> Table:
    problem = PROBLEMS[name]
    form = f"exp({problem.form})" if problem.logged else problem.form
    constants = {f"b{k}": value for k, value in enumerate(problem.certified, 1)}
    columns = dict.fromkeys(problem.columns, "1")
    asked = Question(name, columns, "y", "NIST", form, constants)
    return Table(problem.data, "y", {}, asked)


FURTHER = {**FURTHER, **{name: _of_nist(problem) for name, problem in _MEASURED.items()}}
TABLES: Mapping[str, Table] = {
    **{name: Table(q.runs, q.target, q.options, q) for name, q in QUESTIONS.items()},
    **FURTHER,
}


def published(
    asked: Question, prepared: Prepared, parts: Sequence[BoolArray], errors: Errors
) -> Array:
    """The target of every run by the published formula, its constants fitted without its part."""
    design = prepared.design
    expression = sympy.sympify(asked.formula)
    names = list(asked.constants)
    inputs = sorted(str(s) for s in expression.free_symbols if str(s) not in names)
    made = sympy.lambdify([*inputs, *names], expression)
    columns = {k: np.asarray(design.data[k], dtype=np.float64) for k in inputs}

    def values(theta: Array, rows: IntArray) -> Array:
        with np.errstate(all="ignore"):
            found = made(*(columns[k][rows] for k in inputs), *theta)
        return np.asarray(found, dtype=np.float64) * np.ones(len(rows))

    out = np.full(design.n_runs, np.nan)
    start = np.array(list(asked.constants.values()), dtype=np.float64)
    for test in parts:
        rest = np.flatnonzero(~test)
        own = replace(
            errors, response=errors.response[rest], root=errors.root[rest], unit=errors.unit[rest]
        )

        def miss(theta: Array, rest: IntArray = rest, own: Errors = own) -> tuple[Array, Array]:
            left = own.residuals(values(theta, rest))
            step = 1e-6 * np.where(theta == 0, 1.0, np.abs(theta))
            slopes = [
                (own.residuals(values(theta + h, rest)) - left) / size
                for h, size in zip(np.diag(step), step, strict=True)
            ]
            # the fit wants what is left, and minus its slopes
            return left, -np.column_stack(slopes)

        found = minimise_squares(miss, start, steps=200, enough=1e-14)
        rows = np.flatnonzero(test)
        out[rows] = values(found.parameters, rows)
    return out


def _prepared(data: Dataset, target: str, options: Options) -> Prepared:
    """The runs; where scales are unknown, with one for every base dimension."""
    found = prepare(data, target, options, any_sign=True)
    if options.scales == "auto":
        texts = [f"{v.name} [{v.si_unit}]" for v in found.basis.unknown_scales]
        whole = replace(options, scales=[*texts, *(s.text for s in extra_scales(found.basis))])
        found = prepare(data, target, whole, any_sign=True)
    return found.ordered()


def measured(name: str, *, search: bool = False) -> dict[str, Any]:
    """Scores of every description of a table.

    Parameters
    ----------
    name : str
    search : bool
        Whether the law of a quick discovery is among them.
    """
    start, table = time.process_time(), TABLES[name]
    data = table.data()
    options = Options(**table.options)
    law: dict[str, Any] | None = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        prepared = _prepared(data, table.target, options)
        seen = compare_leads(prepared.design, options, Clock.of(_LONGEST))
        if seen is None:
            raise DimgsError("nothing describes the runs without parts of them")
        found = dict(seen.left_out)
        errors = likeliest_measure(seen.measured, list(found.values()))
        assert errors is not None
        design, _ = by_source(replace(prepared.design, effects=(), shift=None), options)
        parts = folds(design, options.seed, min(_FOLDS, folds_of_long_fits(design)))
        whole = len(seen.measured) == design.n_runs
        if whole and table.asked is not None and table.asked.formula:
            found[PUBLISHED] = published(table.asked, prepared, parts, errors)
        if search:
            asked = replace(options, effort="quick", time_limit=_LONGEST, engine="structured")
            report = discover_with(data, table.target, asked)
            law = {
                "text": str(report.law),
                "probability": report.probability,
                "confirmed": report.confirmed,
                "improbable": bool(report.leads),
            }
            shown = next((x.left_out for x in report.leads if x.name == report.engine), None)
            if shown is not None and len(shown) == len(seen.measured):
                found[FOUND] = np.array(shown)
            elif whole and report.law is not None:
                formula = report.law.pi_expression
                fitted = {c.name: c.value for c in report.law.constants if c.origin == "fitted"}
                fixed = report.law.constant_values
                found[FOUND] = _in_folds(
                    design, parts, lambda rest: formula_values(rest, formula, fitted, fixed)
                )
            if whole and is_searchable(design):
                found[OPERON] = _in_folds(design, parts, _operon)
    return {
        "table": name,
        "runs": prepared.design.n_runs,
        "sources": seen.source,
        "errors": errors.kind,
        "first": seen.first,
        "closed": seen.closed,
        "law": law,
        "r2": {k: _finite(r2_of(seen.measured, v)) for k, v in found.items()},
        "r2_log": {k: _logs(seen.measured, v) for k, v in found.items()},
        "seconds": round(time.process_time() - start, 1),
    }


def _in_folds(
    design: Design, parts: Sequence[BoolArray], fit: Callable[[Design], Callable[[Design], Array]]
) -> Array:
    """The target of every run by what is fitted without its part; nan where nothing is."""
    out = np.full(design.n_runs, np.nan)
    for test in parts:
        rest = replace(design.take(np.flatnonzero(~test)), split=None)
        try:
            out[test] = fit(rest)(design.take(np.flatnonzero(test)))
        except DimgsError:
            continue
    return out


def _operon(rest: Design) -> Callable[[Design], Array]:
    """The formula of fewest bits that Operon finds, with its constants in double precision."""
    result = OperonEngine().search(without_collinear(problem_of(rest)), _OPERON)
    if not result.candidates:
        raise DimgsError(result.message)
    best = result.candidates[0]
    return formula_values(rest, from_search(rest, best.expression), best.constants)


def _finite(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(value, 4)


def _logs(truth: Array, values: Array) -> float | None:
    """R² of the logarithm; None where a target or a prediction has none."""
    if not (np.all(truth > 0) and np.all(values > 0)):
        return None
    return _finite(r2_of(np.log(truth), np.log(values)))


def judged_r2(row: Mapping[str, Any]) -> Mapping[str, float | None]:
    """R² on the scale of the errors: of the logarithm where they are relative, or mixed.

    Of the target too where it is negative.
    """
    logs: Mapping[str, float | None] = row["r2_log"]
    plain: Mapping[str, float | None] = row["r2"]
    return plain if is_plain(row) else logs


def is_plain(row: Mapping[str, Any]) -> bool:
    """Whether errors are of one size in the target, or it has no logarithm."""
    return bool(row["errors"] == "target" or all(v is None for v in row["r2_log"].values()))


def lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The table of the documentation, and the shares that are asked for."""
    order = [k for k in _ORDER if any(k in row["r2"] for row in rows)]
    yield "| table | runs | left out | R² of | " + " | ".join(order) + " | dimgs leads with |"
    yield "|---|---|---|---|" + "---|" * (len(order) + 1)
    close, honest, useful, formulas = 0, 0, 0, 0
    for row in rows:
        scores = judged_r2(row)
        scale = "the target" if is_plain(row) else "its logarithm"
        cells = ["" if scores.get(k) is None else f"{scores[k]:.3f}" for k in order]
        left_out = f"each {row['sources']}" if row["sources"] else "runs"
        law = row["law"] or {"improbable": row["first"] == CURVE, "confirmed": False}
        named = row["first"]
        if row["law"] and not law["improbable"]:
            named = "its law, confirmed" if law["confirmed"] else "its law"
        elif named == CURVE:
            named = f"{CURVE}; {row['closed']}"
        opening = f"| {row['table']} | {row['runs']} | {left_out} | {scale} |"
        yield f"{opening} {' | '.join(cells)} | {named} |"
        own = scores.get(FOUND if row["law"] else row["closed"] or "")
        closed = [v for k, v in scores.items() if v is not None and k != CURVE]
        if not closed:
            continue
        formulas += 1
        own, curve = -np.inf if own is None else own, scores.get(CURVE)
        near = own >= max(closed) - _AS_GOOD
        close += near
        honest += curve is None or own >= curve - _BEHIND or law["improbable"]
        best = max([*closed, *([] if curve is None else [curve])])
        useful += own > 0 and own >= best - _BEHIND and (near or not law["confirmed"])
    yield ""
    yield f"Within {_AS_GOOD} of the best formula: {close} of {formulas}."
    yield f"Within {_BEHIND} of the Gaussian process, or said to be behind: {honest} of {formulas}."
    yield (
        f"Better than the mean, within {_BEHIND} of the best of all, and no worse formula "
        f"confirmed: {useful} of {formulas}."
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the tables that are not in the file of results, and print all that are."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", default=[], help=", ".join(TABLES))
    parser.add_argument("--search", action="store_true", help="the law of a quick discovery too")
    parser.add_argument("--results", type=Path, default=Path("left_out_tables.jsonl"))
    asked = parser.parse_args(arguments)
    done = {row["table"]: row for row in known_lines(asked.results)}
    names = asked.only or list(TABLES)
    for number, name in enumerate(names, 1):
        if name in done:
            continue
        print(f"{number} of {len(names)}: {name}", flush=True)
        try:
            done[name] = measured(name, search=asked.search)
        except (OSError, DimgsError) as error:
            print(f"  not run: {error}")
            continue
        with asked.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(done[name]) + "\n")
    print(*lines([done[name] for name in names if name in done]), sep="\n")


if __name__ == "__main__":
    main()
