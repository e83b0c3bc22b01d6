"""Draw the friction of smooth pipes with the regimes that were found.

Run `python -m case_studies.smooth_pipe.figure [FILE.svg]`.
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from case_studies.smooth_pipe.study import table
from dimgs.discovery.fitting import fit
from dimgs.discovery.options import Options

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def draw(path: Path) -> None:
    data = table()
    reynolds, friction = np.asarray(data["Re"]), np.asarray(data["f"])
    result = fit(data, "f", Options(regimes=True))
    law = result.law
    figure = Figure(figsize=(6.4, 3.9), layout="constrained")
    axes = figure.subplots()
    axes.loglog(reynolds, friction, "o", color="#444444", markersize=4, zorder=3, label="runs")
    borders = sorted(c.value for c in law.constants if c.name.startswith("b_"))
    ends = [reynolds.min(), *borders, reynolds.max()]
    for low, high, colour in zip(ends[:-1], ends[1:], COLOURS, strict=False):
        x = np.geomspace(low, high * (1 - 1e-9), 50)
        value, lower, upper = law.predict({"Re": x}, level=0.9)
        slope = np.log(value[-1] / value[0]) / np.log(x[-1] / x[0])
        axes.loglog(x, value, color=colour, linewidth=2, label=f"Re^{slope:.2f}")
        axes.fill_between(x, lower, upper, color=colour, alpha=0.2, linewidth=0)
    for constant in law.constants:
        if constant.name.startswith("b_"):
            axes.axvspan(constant.low or 0.0, constant.high or 0.0, color="#999999", alpha=0.25)
    axes.set_ylim(0.7 * friction.min(), 1.6 * friction.max())
    axes.set_xlabel("Reynolds number")
    axes.set_ylabel("Darcy friction factor")
    axes.legend(frameon=False, title="regimes found")
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/smooth_pipe.svg"))
