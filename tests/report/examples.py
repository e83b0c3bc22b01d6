"""Reports that the tests of this folder share; each is made once."""

from functools import cache
from typing import Any

import numpy as np

from dimgs import Dataset, Options, Report
from dimgs.discovery.discover import discover_with
from dimgs.report.figures import Drawing, draw_figures
from dimgs.report.render import report_html
from tests.law.examples import example
from tests.planted import pipe

ASKED: dict[str, dict[str, Any]] = {
    "pipe": {},
    "regimes": {"regimes": True, "local": True},
    "within": {"within": "rig"},
    "arrhenius": {"arrhenius": "T", "scales": "auto"},
    "level": {"scales": ["a [m/s]"]},
    "linear": {},
    "physical": {"constants": ["g"]},
    "odd": {"scales": "auto"},
    "two": {"regimes": True, "local": True},
}


@cache
def report_of(kind: str) -> Report:
    """Report of a kind of law."""
    if kind == "pipe":
        # runs whose law is confirmed: pages of what is not are tested for the verdict
        data, target = pipe(noise=0.005, seed=1), "tau_w"
    elif kind == "two":
        data, target = two_groups(), "y"
    else:
        law, data = example(kind)
        target = law.target.name
        # its errors leave many forms, which all runs would take long to judge
        data = data.take(np.arange(12)) if kind == "linear" else data
    return discover_with(data, target, Options(engine="power_law", evaluations=20, **ASKED[kind]))


@cache
def drawings_of(kind: str) -> list[Drawing]:
    """Figures of such a report."""
    return draw_figures(report_of(kind))


@cache
def page_of(kind: str) -> str:
    """Page of such a report."""
    return report_html(report_of(kind), drawings_of(kind))


def two_groups(n: int = 40) -> Dataset:
    """y = a r^2 s below r = 10 and a 100 s above, r = b/a, s = c/a, with a little noise."""
    rng = np.random.default_rng(3)
    a, r, s = rng.uniform(1, 2, n), 10 ** rng.uniform(0, 2, n), 10 ** rng.uniform(-1, 1, n)
    y = a * np.where(r < 10, r**2, 100.0) * s * np.exp(0.01 * rng.normal(size=n))
    return Dataset.from_columns({"a [m]": a, "b [m]": a * r, "c [m]": a * s, "y [m]": y})
