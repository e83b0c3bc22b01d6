"""Tokamaks: how long a plasma keeps its heat, and how little 1310 shots can say.

Story
    The scaling of energy confinement that sized ITER is a power law in eight engineering
    variables, fitted to shots of many machines. A shot is not a run that anyone chose: within a
    machine most variables hardly move, and between machines they move together. Intervals from
    1310 shots would be narrow and wrong; here they come from the machines, and are wide. All eight
    published exponents lie within them. A machine left out is predicted with an R² well below the
    pooled one, which is the honest figure for a machine that is not yet built. For ITER, beyond
    every machine in the table, the law found here and the published one differ by less than
    either interval. Nothing in the table reduces to dimensions alone: unknown scales of current,
    time, length and mass stand for the physics that is not in it.

Data
    The standard subset DB2.8 (1310 rows) of the ITPA confinement database: ITER Physics Basis,
    Nucl. Fusion 39 (1999) 2175; G. Verdoolaege et al., Nucl. Fusion 61 (2021) 076006, public at
    the Princeton DataSpace; here the file DB2P8.csv of a repository of student work, which states
    no licence. The rows are not exactly those of the published fit.

Published
    IPB98(y,2), ITER Physics Basis (1999), chapter 2: τ = 0.0562 I^0.93 B^0.15 n^0.41
    P^-0.69 R^1.97 κ^0.78 ε^0.58 M^0.19. For ITER's inductive scenario (M. Shimada et al., Nucl.
    Fusion 47 (2007) S1: 15 MA, 5.3 T, 10.1e19 m^-3, 87 MW, R = 6.2 m, a = 2.0 m, κ = 1.7, M = 2.5)
    that is 3.6 s.
"""

import numpy as np
from matplotlib.axes import Axes

from dimgs.cli.reproduce import COLOURS, GREY, NOT_JUDGED, Check, Findings, Source
from dimgs.discovery.discover import discover_with
from dimgs.discovery.options import Options
from dimgs.law.law import Law
from dimgs.law.prediction import predicted
from dimgs.report.results import Report

UNITS = {
    "TOK": "label",
    "IP": "MA",
    "BT": "T",
    "NEL": "1e19 m^-3",
    "PLTH": "MW",
    "RGEO": "m",
    "KAREA": "1",
    "EPS": "1",
    "MEFF": "amu",
    "TAUTH": "s",
}
SOURCE = Source(
    name="tokamak_confinement_DB2P8",
    repository="JosephHall7529/2023_2024",
    commit="325c415bcf1bd2fbdffb0d11382e32fa79b4d396",
    path="data/DB2P8.csv",
    facts={"IP": 0.6208, "NEL": 4.377, "PLTH": 2.7965, "RGEO": 1.675, "TAUTH": 0.067315},
    rows=1310,
)
PUBLISHED = {
    "IP": 0.93,
    "BT": 0.15,
    "NEL": 0.41,
    "PLTH": -0.69,
    "RGEO": 1.97,
    "KAREA": 0.78,
    "EPS": 0.58,
    "MEFF": 0.19,
}
ATOMIC_MASS = 1.66053906660e-27  # kg
ITER = {
    "IP": 15e6,
    "BT": 5.3,
    "NEL": 10.1e19,
    "PLTH": 87e6,
    "RGEO": 6.2,
    "KAREA": 1.7,
    "EPS": 2.0 / 6.2,
    "MEFF": 2.5 * ATOMIC_MASS,
}
SCALES = ["I0 [A]", "t0 [s]", "L0 [m]", "m0 [kg]"]
# eight intervals that hold together at 90 % (Bonferroni)
LEVEL = 1.0 - 0.1 / len(PUBLISHED)
FAR = "the published fit scatters by 15 % on its own shots, and ITER lies beyond all of them"
TOGETHER = "half the interval, by machine; the eight together at 90 %, each at 98.75 %"


def run() -> Findings:
    data = SOURCE.dataset(UNITS)
    options = Options(scales=SCALES, split_by="TOK", level=LEVEL, engine="power_law")
    report = discover_with(data, "TAUTH", options)
    assert report.fit is not None
    found = {e.name: e for e in report.fit.variable_exponents}
    checks = []
    for name, published in PUBLISHED.items():
        half = (found[name].high - found[name].low) / 2
        checks.append(Check.of(f"exponent of {name}", found[name], published, half, why=TOGETHER))
    checks.append(for_iter(report.fit.law))
    scores = report.fit.scores
    for name, value in (
        ("R² of ln τ, all shots", scores.r2_log),
        ("R² of ln τ, each machine left out", scores.cv_r2_log),
    ):
        why = "no R² by machine is published"
        checks.append(Check(name, value or 0.0, None, None, 1.0, NOT_JUDGED, why=why))
    caption = "Exponents with intervals by machine; diamonds are the published ones."
    return Findings(checks, report, lambda axes: draw(axes, report), caption)


def for_iter(law: Law) -> Check:
    value, low, high = predicted(law, {k: np.array([v]) for k, v in ITER.items()}, 0.9, "run")
    ends = (float(low[0]), float(high[0]))
    name = "ITER, confinement time (interval at 90 %)"
    return Check(name, float(value[0]), *ends, 3.6, 0.3, relative=True, unit="s", why=FAR)


def draw(axes: Axes, report: Report) -> None:
    shown = report.fit.variable_exponents if report.fit else ()
    rows = np.arange(len(shown))[::-1]
    for row, e in zip(rows, shown, strict=True):
        axes.plot([e.low, e.high], [row, row], color=COLOURS[0], linewidth=2)
        axes.plot([e.value], [row], "o", color=COLOURS[0], label="found" if row == 0 else None)
        label = "IPB98(y,2)" if row == 0 else None
        axes.plot([PUBLISHED[e.name]], [row], "D", color=COLOURS[1], zorder=3, label=label)
    axes.set_yticks(rows, [e.name for e in shown])
    axes.axvline(0.0, color=GREY, linewidth=0.8)
    axes.set_xlabel("exponent")
    axes.legend(frameon=False)
