"""Analyses of small fixed tables: what their functions return is kept as reference values."""

from typing import Any

import numpy as np
import pytest

from dimgs import Dataset, Options
from dimgs.discovery.discover import discover, fit_with
from dimgs.discovery.explore import explore, law_sensitivity, sensitivity
from dimgs.discovery.next_runs import differs_most, places_of, prediction_of, propose
from dimgs.law.law import Law


def friction(runs: int = 30, noise: float = 0.03, **more: Any) -> Dataset:
    """Drop of pressure along a pipe, with errors and labels."""
    rng = np.random.default_rng(runs)
    U, D = rng.uniform(0.5, 2.0, runs), rng.uniform(0.01, 0.1, runs)
    reynolds = 10 ** rng.uniform(3.0, 5.0, runs)
    rho = rng.uniform(900.0, 1100.0, runs)
    factor = more.get("factor", lambda re: 0.3164 * re**-0.25)(reynolds)
    target = factor * rho * U**2 / 8 * np.exp(noise * rng.standard_normal(runs))
    rig = np.arange(runs) % 6
    target = target * np.exp(more.get("spread", 0.0) * np.sin(7.0 * rig))
    columns = {
        "rho [kg/m^3]": rho, "U [m/s]": U, "D [m]": D, "mu [Pa*s]": rho * U * D / reynolds,
        "tau [Pa]": target, "rig": [f"r{k}" for k in rig], "day": [f"d{k // 2}" for k in rig],
    }  # fmt: skip
    if more.get("errors"):
        columns |= {"tau_err [Pa]": 0.03 * target, "D_err [m]": 0.02 * D + 0.0005}
    return Dataset.from_columns(columns)


def broken(reynolds: Any) -> Any:
    return np.where(reynolds < 8000.0, 64.0 / reynolds, 0.3164 * reynolds**-0.25)


def curved(reynolds: Any) -> Any:
    return 0.02 + 20.0 / reynolds


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {}),
    "robust": ({}, {"robust": True}),
    "within": ({"spread": 0.3}, {"within": "rig"}),
    "by source": ({"spread": 0.3, "runs": 42}, {"by": ("rig",)}),
    "by day": ({}, {"split_by": "day"}),
    "stated errors": ({"errors": True}, {}),
    "errors of inputs": ({"errors": True}, {"errors_in_variables": True}),
    "a scale": ({}, {"columns": ("U", "rho"), "scales": "auto"}),
    "few": ({"runs": 7, "noise": 0.01}, {"level": 0.8}),
    "exact": ({"noise": 0.0}, {}),
    "regimes": ({"factor": broken, "runs": 48}, {"regimes": True}),
    "curved": ({"factor": curved, "runs": 48}, {}),
    "local": ({"factor": curved}, {"local": True}),
    "sum": ({"factor": curved, "runs": 40}, {"additive": True}),
    "a form": ({"factor": curved}, {"form": "rho*U**2*(a + b*mu/(rho*U*D))"}),
    "a symmetry": ({}, {"symmetric": ("U=1, tau=1.75",)}),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES)
def test_fits(case: str) -> None:
    table, options = CASES[case]
    result = fit_with(friction(**table), "tau", Options(**options))
    assert np.isfinite(result.law.predict_si(friction(**table))).all()


def falls() -> Dataset:
    rng = np.random.default_rng(5)
    h = rng.uniform(1.0, 50.0, 16)
    noise = np.exp(0.02 * rng.standard_normal(16))
    return Dataset.from_columns({"h [m]": h, "t [s]": np.sqrt(2 * h / 9.81) * noise})


@pytest.mark.filterwarnings("ignore")
def test_fits_with_constants_and_temperatures() -> None:
    assert fit_with(falls(), "t", Options(constants=("g",))).law.domain is not None
    assert fit_with(falls(), "t", Options(scales=("a [m/s^2]",))).law.domain is not None
    rng = np.random.default_rng(6)
    T, L = rng.uniform(300.0, 500.0, 20), rng.uniform(1.0, 2.0, 20)
    rate = 1e-4 * np.exp(-4000.0 / T) * L**2 * np.exp(0.05 * rng.standard_normal(20))
    data = Dataset.from_columns({"T [K]": T, "L [m]": L, "D [m^2/s]": rate})
    asked = Options(arrhenius="T", scales="auto")
    assert np.isfinite(fit_with(data, "D", asked).law.predict_si(data)).all()
    level = 100 + 30 * np.log10(L) + rng.normal(size=20)
    data = Dataset.from_columns({"L [m]": L, "T [K]": T, "S [dB]": level})
    assert np.isfinite(fit_with(data, "S", Options(scales="auto")).law.predict_si(data)).all()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", ["curved", "signed", "power"])
def test_discoveries_and_the_next_runs(form: str) -> None:
    data, target = friction(24, factor=curved), "tau"
    if form == "power":
        data = friction(20)
    if form == "signed":
        rng = np.random.default_rng(2)
        x, L = rng.uniform(0.2, 2.0, (2, 24))
        y = x - 0.8 * L + 0.01 * rng.standard_normal(24)
        data, target = Dataset.from_columns({"x [m]": x, "L [m]": L, "y [m]": y}), "y"
    report = discover(data, target, engine="structured", evaluations=60)
    assert report.law is not None
    runs = propose(report, 2, {})
    assert len(runs.runs) == 2
    if report.rivals:
        assert differs_most(report.law, report.rivals[0].law, data)


@pytest.mark.filterwarnings("ignore")
def test_geometry_and_effects() -> None:
    data = friction(40, factor=curved)
    exploration = explore(data.without(["rig", "day"]), "tau")
    assert exploration.to_json()
    effects = sensitivity(data.without(["rig", "day"]), "tau", Options())
    assert effects.to_json()


@pytest.mark.filterwarnings("ignore")
def test_effects_of_a_law_and_places_of_its_runs() -> None:
    data = friction(24)
    law = fit_with(data, "tau", Options()).law
    assert isinstance(law, Law)
    assert law_sensitivity(law).to_json()
    places = places_of(data, ["rho", "U", "D", "mu"], {"U": (1.0, 5.0)})
    assert prediction_of(law, 0.7, places, log=True) is not None
