"""Laws at the centre of their runs."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs import Dataset, Options
from dimgs.discovery.discover import discover_with, fit
from dimgs.law.prediction import centre_of
from dimgs.report.plain_text import fit_text, report_text
from dimgs.report.render import report_latex, report_markdown
from dimgs.report.results import FitResult, fit_document
from tests.law.examples import example

SCALES = Options(scales=["M0 [kg]", "L0 [W]"], engine="power_law")
UNITS = {"kg": 1.0, "g": 1e3, "t": 1e-3}


def unjudged(data: Dataset, target: str, options: Options | None = None) -> FitResult:
    """A fit whose texts and documents do not wait for its verdict."""
    return replace(fit(data, target, options), judge=None)


def stars(far: float, unit: str = "kg") -> Dataset:
    rng = np.random.default_rng(2)
    mass = np.exp(rng.uniform(-1.0, 1.0, 40)) * far
    light = (mass / far) ** 3.53 * np.exp(0.1 * rng.normal(size=40))
    return Dataset.from_columns({f"M [{unit}]": mass * UNITS[unit], "L [W]": light})


@settings(max_examples=5, deadline=None)
@given(decades=st.integers(10, 30), unit=st.sampled_from(sorted(UNITS)))
def test_the_value_at_the_centre_is_sharp_however_far_the_runs(decades: int, unit: str) -> None:
    data = stars(10.0**decades, unit)
    forms = unjudged(data, "L", SCALES)
    centre = forms.centre
    assert centre is not None
    ((name, mass, given),) = centre.inputs
    assert (name, given, centre.unit) == ("M", unit, "W")
    middle = float(np.mean(np.log(np.asarray(data["M"]))))
    assert mass == pytest.approx(np.exp(middle) * UNITS[unit])
    # least squares pass through the means; snapping may turn the law about them by its noise
    assert centre.value == pytest.approx(np.exp(np.mean(np.log(data["L"]))), rel=0.05)
    assert centre.low < centre.value < centre.high < 1.2 * centre.low
    prefactor = fit_document(forms)["prefactor"]
    assert prefactor["high"] > 10 * prefactor["low"]


def test_a_known_prefactor_needs_no_centre() -> None:
    for kind in ("power", "level"):
        law, data = example(kind)
        assert centre_of(law, data) is None
    assert "centre of the runs" not in fit_text(unjudged(example("power")[1], "tau_w"))


@pytest.mark.parametrize(
    ("low", "high", "is_wide"),
    [(-60.1, -59.5, False), (-60.0, -5.0, True), (-1.0, 1.0, True), (1.0, 2.0, False)],
)
def test_a_negative_prefactor_is_as_wide_as_a_positive_one(
    low: float, high: float, is_wide: bool
) -> None:
    law, data = example("power")
    first, *rest = law.constants
    law = replace(law, constants=(replace(first, low=low, high=high), *rest))
    assert (centre_of(law, data) is not None) == is_wide


def test_every_text_names_the_centre() -> None:
    data = stars(1e30)
    report = discover_with(data, "L", SCALES)
    forms = unjudged(data, "L", SCALES)
    for text in (fit_text(forms), report_text(report), report_latex(report)):
        # lines end where the length of the numbers before puts it
        assert "t the centre of the runs (M = " in " ".join(text.split())
    assert "at the centre of the runs (M = " in report_markdown(report)
    document = fit_document(forms)["centre"]
    assert document["inputs"]["M"]["unit"] == "kg"
    assert document["low"] < document["value"] < document["high"]
