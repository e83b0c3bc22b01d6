"""Laws of real tables, with rivals, beside the published ones.

``python -m case_studies.benchmarks.real_laws`` discovers the law of each small reference table (see
:mod:`case_studies.benchmarks.real_tables` for where they are looked for) and prints what was found,
how probable it is, whether outer blocks of runs are predicted, its rivals, and what is published.
Both laws are fitted to the same runs, without each outer block or run in turn, and scored by the
log density of what was left out, per run: half a unit more is an error smaller by two fifths.
"""

import argparse
import os
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import sympy

from case_studies.benchmarks.real_tables import table
from dimgs.arrays import Array
from dimgs.dataset import Dataset
from dimgs.discovery.blocks import outer_blocks
from dimgs.discovery.discover import report_of
from dimgs.discovery.evidence import errors_of, evidence
from dimgs.discovery.options import Options
from dimgs.discovery.scale_search import study_with_scales
from dimgs.discovery.study import Study


@dataclass(frozen=True)
class Question:
    """A table, its columns, and what is published of it: in words, as a formula, and its constants.

    The formula is in coherent SI units; the constants are refitted from these values.
    """

    name: str
    units: Mapping[str, str]
    target: str
    published: str
    formula: str
    constants: Mapping[str, float]
    part: Callable[[Dataset], Dataset] = lambda data: data
    scales: Sequence[str] | str = "auto"


def _fluid(name: str) -> Callable[[Dataset], Dataset]:
    return lambda data: data.where(data["fluid"] == name).without(["fluid"])


_VAPOUR = {"fluid": "label", "T_C": "degC", "p_kPa": "kPa"}
_CLAUSIUS = "Clausius and Clapeyron: p0 exp(-T0/T), a latent heat that falls with T"
_VAPOUR_LAW = "p_kPa", _CLAUSIUS, "exp(a - T0/T_C)", {"a": 25.0, "T0": 5e3}
QUESTIONS: Mapping[str, Question] = {
    "mercury": Question("vapour_pressure", _VAPOUR, *_VAPOUR_LAW, _fluid("mercury")),
    "steam": Question("vapour_pressure", _VAPOUR, *_VAPOUR_LAW, _fluid("water_steam_table")),
    "forbes": Question("vapour_pressure", _VAPOUR, *_VAPOUR_LAW, _fluid("water_forbes")),
    "cherry": Question(
        "cherry_trees",
        {"girth_in": "inch", "height_ft": "ft", "volume_ft3": "ft^3"},
        "volume_ft3",
        "a cone or cylinder: V ~ D^2 H; by regression D^1.98 H^1.12",
        "c*girth_in**2*height_ft",
        {"c": 0.3},
    ),
    "smooth pipe": Question(
        "oregon_smooth_pipe",
        {"Re": "1", "f": "1"},
        "f",
        "64/Re up to Re = 2900, then Blasius' Re^-1/4 or Prandtl's logarithm",
        "Piecewise((c/Re, Re < 2900), (d*Re**(-1/4), True))",
        {"c": 64.0, "d": 0.316},
    ),
    "hill races": Question(
        "hill_races",
        {"dist": "mile", "climb": "ft", "time": "hour"},
        "time",
        "Naismith, for walking: a distance over a speed plus a climb over another",
        "dist/v + climb/w",
        {"v": 3.0, "w": 0.3},
    ),
}


@dataclass(frozen=True, eq=False)
class Formula:
    """A published formula as a model of the response group in the runs of a study."""

    found: Study
    asked: Question

    @property
    def start(self) -> Array:
        """Published constants."""
        return np.array(list(self.asked.constants.values()))

    def _evaluated(self, expression: sympy.Expr, constants: Array) -> Array:
        prepared = self.found.prepared
        names = [str(s) for s in expression.free_symbols if str(s) not in self.asked.constants]
        made = sympy.lambdify([*names, *self.asked.constants], expression)
        columns = [np.asarray(prepared.data[name], dtype=np.float64) for name in names]
        values = np.asarray(made(*columns, *constants)) * np.ones(prepared.design.n_runs)
        return np.asarray(values * np.exp(-prepared.design.offset))

    def value(self, constants: Array) -> Array:
        """See `dimgs.discovery.models.Model`."""
        return self._evaluated(sympy.sympify(self.asked.formula), constants)

    def slopes(self, constants: Array) -> Array:
        """See `dimgs.discovery.models.Model`."""
        whole = sympy.sympify(self.asked.formula)
        return np.column_stack(
            [self._evaluated(whole.diff(sympy.Symbol(k)), constants) for k in self.asked.constants]
        )


def densities(found: Study, asked: Question) -> list[float]:
    """Log density of runs left out, per run, of the law that was found and of the published one."""
    design, known = found.prepared.design, found.belief
    assert known is not None
    models = [known.laws[0].contender.model, Formula(found, asked)]
    errors, blocks = errors_of(design, models), outer_blocks(design)
    made = [evidence(model, errors, blocks, design) for model in models]
    return [np.nan if e is None else e.log_density / design.n_runs for e in made]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what is found beside what is published."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=[], help=", ".join(QUESTIONS))
    for name in parser.parse_args(arguments).names or QUESTIONS:
        asked = QUESTIONS[name]
        try:
            data = asked.part(table(asked.name, asked.units))
        except OSError as error:
            print(f"{name}: not run: {error}")
            continue
        options = Options(engine="structured", effort="quick", scales=asked.scales)
        start = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = study_with_scales(data, asked.target, options)
            report = report_of(found, data, options)
            own, published = densities(found, asked)
        print(f"{name}, {report.n_runs} runs, {time.process_time() - start:.1f} s")
        print(f"  found: {report.law}  (probability {report.probability:.2f})")
        for rival in report.rivals[:4]:
            print(f"  rival: {rival.law}  ({rival.probability:.2f})")
        print(f"  none of these: {report.none_of_these:.2f}; confirmed: {report.confirmed}")
        for why in report.why_not:
            print(f"  {why}")
        print(f"  published: {asked.published}")
        print(f"  density of runs left out: {own:.2f} a run, published {published:.2f}", flush=True)


if __name__ == "__main__":
    main()
