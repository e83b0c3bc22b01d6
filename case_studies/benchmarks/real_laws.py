"""Laws of real tables, with rivals, beside the published ones.

``python -m case_studies.benchmarks.real_laws`` discovers the law of each small reference table (see
:mod:`case_studies.benchmarks.real_tables` for where they are looked for) and prints what was found,
how probable it is, whether outer blocks of runs are predicted, its rivals, and what is published.
"""

import argparse
import os
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from case_studies.benchmarks.real_tables import table
from dimgs.dataset import Dataset
from dimgs.discovery.discover import discover_with
from dimgs.discovery.options import Options


@dataclass(frozen=True)
class Question:
    """A table, its columns, and what is published of it."""

    name: str
    units: Mapping[str, str]
    target: str
    published: str
    part: Callable[[Dataset], Dataset] = lambda data: data
    scales: Sequence[str] | str = "auto"


def _fluid(name: str) -> Callable[[Dataset], Dataset]:
    return lambda data: data.where(data["fluid"] == name).without(["fluid"])


_VAPOUR = {"fluid": "label", "T_C": "degC", "p_kPa": "kPa"}
_CLAUSIUS = "Clausius and Clapeyron: p0 exp(-T0/T), a latent heat that falls with T"
QUESTIONS: Mapping[str, Question] = {
    "mercury": Question("vapour_pressure", _VAPOUR, "p_kPa", _CLAUSIUS, _fluid("mercury")),
    "steam": Question("vapour_pressure", _VAPOUR, "p_kPa", _CLAUSIUS, _fluid("water_steam_table")),
    "forbes": Question("vapour_pressure", _VAPOUR, "p_kPa", _CLAUSIUS, _fluid("water_forbes")),
    "cherry": Question(
        "cherry_trees",
        {"girth_in": "inch", "height_ft": "ft", "volume_ft3": "ft^3"},
        "volume_ft3",
        "a cone or cylinder: V ~ D^2 H; by regression D^1.98 H^1.12",
    ),
    "smooth pipe": Question(
        "oregon_smooth_pipe",
        {"Re": "1", "f": "1"},
        "f",
        "64/Re up to Re = 2900, then Blasius' Re^-1/4 or Prandtl's logarithm",
    ),
    "hill races": Question(
        "hill_races",
        {"dist": "mile", "climb": "ft", "time": "hour"},
        "time",
        "Naismith, for walking: a distance over a speed plus a climb over another",
    ),
}


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
            report = discover_with(data, asked.target, options)
        print(f"{name}, {report.n_runs} runs, {time.process_time() - start:.1f} s")
        print(f"  found: {report.law}  (probability {report.probability:.2f})")
        for rival in report.rivals[:4]:
            print(f"  rival: {rival.law}  ({rival.probability:.2f})")
        print(f"  none of these: {report.none_of_these:.2f}; confirmed: {report.confirmed}")
        for why in report.why_not:
            print(f"  {why}")
        print(f"  published: {asked.published}", flush=True)


if __name__ == "__main__":
    main()
