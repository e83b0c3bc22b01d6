"""Laws of real tables, with rivals, beside the published ones.

``python -m case_studies.benchmarks.real_laws`` discovers the law of each reference table (see
:mod:`case_studies.benchmarks.real_tables` for where they are looked for) and prints what was found,
how probable it is, whether outer blocks of runs are predicted, its rivals, and what is published.
Both laws are fitted to the same runs, without each outer block or run in turn, and scored by the
log density of what was left out, per run: half a unit more is an error smaller by two fifths.
"""

import argparse
import os
import time
import tomllib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import sympy

from case_studies.benchmarks.real_tables import table
from dimgs.common.arrays import Array
from dimgs.dataset import Dataset
from dimgs.discovery.discover import report_of
from dimgs.discovery.options import Options
from dimgs.discovery.search import study_with_scales
from dimgs.discovery.study import Study
from dimgs.judgement.evidence import Model, errors_of, evidence, outer_blocks
from dimgs.report.results import Report

# seconds that only cap: evaluations bound each search, so that the result is the same everywhere
LONGEST = 3600.0
# rows of a longer table that are looked at: as many as the rivals of a law are judged by
MOST_RUNS = 2000


@dataclass(frozen=True)
class Question:
    """A table, which rows and columns of it, and what is published: see the file of questions."""

    table: str
    units: Mapping[str, str]
    target: str
    published: str
    formula: str = ""
    constants: Mapping[str, float] = field(default_factory=dict)
    only: Mapping[str, str] = field(default_factory=dict)
    above: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    remark: str = ""

    def runs(self) -> Dataset:
        """The rows of the table that are asked about, without the columns that choose them."""
        data = table(self.table, self.units, bool(self.options.get("drop_bad")))
        for name, label in self.only.items():
            data = data.where(data[name] == label)
        for name, least in self.above.items():
            data = data.where(data[name] > least)
        if data.n_runs > MOST_RUNS:
            rows = np.random.default_rng(0).choice(data.n_runs, MOST_RUNS, replace=False)
            data = data.take(np.sort(rows))
        return data.without([*self.only, *self.above])


QUESTIONS: Mapping[str, Question] = {
    name: Question(**asked)
    for name, asked in tomllib.loads(
        Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    ).items()
}


@dataclass(frozen=True, eq=False)
class Formula:
    """A published formula as a model of the response group in the runs of a study."""

    found: Study
    asked: Question
    data: Dataset

    @property
    def start(self) -> Array:
        """Published constants."""
        return np.array(list(self.asked.constants.values()))

    def _evaluated(self, expression: sympy.Expr, constants: Array) -> Array:
        prepared = self.found.prepared
        names = [str(s) for s in expression.free_symbols if str(s) not in self.asked.constants]
        made = sympy.lambdify([*names, *self.asked.constants], expression)
        order = slice(None) if prepared.order is None else prepared.order
        columns = [np.asarray(self.data[name], dtype=np.float64)[order] for name in names]
        values = np.asarray(made(*columns, *constants)) * np.ones(prepared.design.n_runs)
        return np.asarray(values * np.exp(-prepared.design.offset))

    def value(self, constants: Array) -> Array:
        """See `dimgs.judgement.evidence.Model`."""
        return self._evaluated(sympy.sympify(self.asked.formula), constants)

    def slopes(self, constants: Array) -> Array:
        """See `dimgs.judgement.evidence.Model`."""
        whole = sympy.sympify(self.asked.formula)
        return np.column_stack(
            [self._evaluated(whole.diff(sympy.Symbol(k)), constants) for k in self.asked.constants]
        )

    def input_slopes(self, constants: Array) -> Array:
        """See `dimgs.judgement.evidence.Model`; no table of the list has errors of inputs."""
        design = self.found.prepared.design
        return np.zeros((design.n_runs, len(design.features)))


def densities(found: Study, asked: Question, data: Dataset) -> list[float]:
    """Log density of runs left out, per run, of the law that was found and of the published one."""
    design, known = found.prepared.design, found.posterior
    assert known is not None
    models: list[Model] = [known.laws[0].form.model]
    models += [Formula(found, asked, data)] if asked.formula else []
    errors, blocks = errors_of(design, models)[0], outer_blocks(design)
    made = [evidence(model, errors, blocks, design) for model in models]
    return [np.nan if e is None else e.log_density / design.n_runs for e in made]


@dataclass(frozen=True, eq=False)
class Answer:
    """What was found of a question, and the seconds of processor time that it took."""

    asked: Question
    report: Report
    densities: Sequence[float]
    seconds: float

    @classmethod
    def of(cls, asked: Question) -> "Answer":
        """Search for the law of a question."""
        start = time.process_time()
        data = asked.runs()
        options = Options(engine="structured", effort="quick", time_limit=LONGEST, **asked.options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = study_with_scales(data, asked.target, options)
            report = report_of(found, data, options)
            scores = densities(found, asked, data)
        return cls(asked, report, scores, time.process_time() - start)

    @property
    def scores(self) -> str:
        """Densities of the law that was found and of the published one."""
        return ", ".join(f"{x:.2f}" for x in self.densities)

    def lines(self, name: str) -> Iterator[str]:
        """Everything that is said of the law."""
        report = self.report
        yield f"{name}, {report.n_runs} runs, {self.seconds:.1f} s"
        yield f"  found: {report.law}  (probability {report.probability:.2f})"
        for rival in report.rivals[:4]:
            yield f"  rival: {rival.law}  ({rival.probability:.2f})"
        yield f"  none of these: {report.none_of_these:.2f}; confirmed: {report.confirmed}"
        for why in report.why_not:
            yield f"  {why}"
        yield f"  published: {self.asked.published}"
        yield f"  density of runs left out, found and published: {self.scores}"

    def row(self, name: str) -> str:
        """A row of the table of the documentation."""
        report, text = self.report, str(self.report.law).split(" = ", 1)[-1]
        pieces = text.count("(C_")
        law = f"power laws in {pieces} pieces" if "Piecewise" in text else f"`{text}`"
        said = f"{report.probability:.2f}, {'confirmed' if report.confirmed else 'not confirmed'}"
        rivals = "rival" if len(report.rivals) == 1 else "rivals"
        beyond = "interpolates only" if report.extrapolates is False else "extrapolates"
        return (
            f"| {name}, {report.n_runs} runs | {self.asked.published} | {law} | {said}, "
            f"{len(report.rivals)} {rivals} | {beyond} | {self.scores} | {self.asked.remark} |"
        )


HEAD = (
    "| table | published | found | probability | ends of the runs | density, of both | why |",
    "|---|---|---|---|---|---|---|",
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what is found beside what is published."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=[], help=", ".join(QUESTIONS))
    parser.add_argument("--table", action="store_true", help="as a table in Markdown")
    asked = parser.parse_args(arguments)
    if asked.table:
        print(*HEAD, sep="\n")
    for name in asked.names or QUESTIONS:
        try:
            answer = Answer.of(QUESTIONS[name])
        except OSError as error:
            print(f"{name}: not run: {error}")
            continue
        print(*([answer.row(name)] if asked.table else answer.lines(name)), sep="\n", flush=True)


if __name__ == "__main__":
    main()
