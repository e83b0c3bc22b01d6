"""Exponents that are functions of other groups: planted laws come back, plain ones stay plain."""

import pickle
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs import Dataset
from dimgs.discovery.discover import discover
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.discovery.study import problem_of
from dimgs.engines.protocol import Problem
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.refine import FittedTree
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.separable import ScaledFunctions
from dimgs.engines.structured.targets import response
from dimgs.engines.structured.trees import to_sympy
from tests.patience import AMPLE


def polymers(noise: float = 0.0, seed: int = 0) -> Dataset:
    tg, m, t = (
        a.ravel()
        for a in np.meshgrid(
            [273.0, 173.0], np.linspace(40, 500, 7), np.linspace(296.15, 373.15, 7), indexing="ij"
        )
    )
    d = 1e-9 * (m / 100) ** -(1 + 140 / (40 + t - tg))
    d = d * np.exp(noise * np.random.default_rng(seed).normal(size=len(d)))
    return Dataset.from_columns({"M [g/mol]": m, "T [K]": t, "Tg [K]": tg, "D [m^2/s]": d})


def convection(noise: float = 0.0, n: int = 150) -> Dataset:
    rng = np.random.default_rng(3)
    reynolds, prandtl = 10 ** rng.uniform(3, 5, n), 10 ** rng.uniform(-1, 1.5, n)
    U, L, k = rng.uniform(0.5, 5, n), rng.uniform(0.05, 0.5, n), rng.uniform(0.1, 0.6, n)
    nusselt = 0.2 * reynolds ** (0.5 + 0.3 / (1 + prandtl)) * prandtl ** (1 / 3)
    nu = U * L / reynolds
    return Dataset.from_columns(
        {
            "U [m/s]": U,
            "L [m]": L,
            "nu [m^2/s]": nu,
            "alpha [m^2/s]": nu / prandtl,
            "k [W/m/K]": k,
            "h [W/m^2/K]": nusselt * k / L * np.exp(noise * rng.normal(size=n)),
        }
    )


def thinning(noise: float = 0.0) -> Dataset:
    rate, phi = (
        a.ravel() for a in np.meshgrid(np.geomspace(0.1, 100, 7), np.linspace(0.05, 0.6, 8))
    )
    eta = 2.0 * (rate / 3.0) ** (-0.9 * phi**2)
    eta = eta * np.exp(noise * np.random.default_rng(1).normal(size=len(eta)))
    return Dataset.from_columns({"g [1/s]": rate, "phi [1]": phi, "eta [Pa s]": eta})


SCALES = Options(scales=["D0 [m^2/s]", "M0 [g/mol]", "T0 [K]"])
# exponents that vary from run to run are searched last
ENOUGH: dict[str, Any] = {"engine": "structured", "evaluations": 4000, "time_limit": AMPLE}


def searched(problem: Problem) -> FittedTree | None:
    """The best law of this one search."""
    runs = Runs.of(problem)
    archive = Archive(runs, np.inf)
    ScaledFunctions(runs).varying_exponents(response(runs), archive)
    return archive.best


@pytest.mark.parametrize("seed", range(3))
def test_both_temperatures_of_the_exponent_within_five_percent(seed: int) -> None:
    law = discover(polymers(0.02, seed), "D", scales=SCALES.scales, **ENOUGH).law
    assert law is not None
    assert pickle.loads(pickle.dumps(law)) == law
    kelvin = sorted(abs(c.value) for c in law.constants if c.unit == "K")
    assert kelvin == pytest.approx([40, 140], rel=0.05)


def test_the_law_does_not_depend_on_the_order_of_columns() -> None:
    data = polymers(0.02)
    names = ["Tg", "D", "T", "M"]
    units = {"Tg": "K", "D": "m^2/s", "T": "K", "M": "kg/mol"}
    mixed = Dataset.from_columns({f"{n} [{units[n]}]": np.asarray(data[n]) for n in names})
    one, other = (
        searched(problem_of(prepare(t, "D", SCALES).ordered().design)) for t in (data, mixed)
    )
    assert one is not None
    assert other is not None
    assert other.loss == pytest.approx(one.loss)
    assert other.structure == pytest.approx(one.structure)


def test_a_law_on_scattered_runs() -> None:
    law = discover(convection(), "h", evaluations=5000, time_limit=AMPLE).law
    assert law is not None
    assert law.scores.rmse_log is not None
    assert law.scores.rmse_log < 1e-9


def test_an_exponent_with_a_square_and_two_scales() -> None:
    report = discover(thinning(), "eta", scales="auto", evaluations=5000, time_limit=AMPLE)
    assert report.confirmed
    assert report.law is not None
    by_unit = {c.unit: abs(c.value) for c in report.law.constants}
    # the scale of the rate may be a time as well
    rate = by_unit.pop("1/s") if "1/s" in by_unit else 1.0 / by_unit.pop("s")
    assert rate == pytest.approx(3.0, rel=1e-6)
    assert by_unit == pytest.approx({"1": 0.9, "Pa*s": 2.0}, rel=1e-6)


@settings(deadline=None, max_examples=7)
@given(
    st.sampled_from([-1.0, 0.5, 2.0]),
    st.floats(0.4, 2.0),
    st.sampled_from([-0.5, 0.25, 1.0]),
    st.integers(0, 100),
)
def test_planted_exponents_come_back_in_every_basis(
    power: float, pivot: float, plain: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x, z, w = np.exp(rng.uniform(-1.5, 1.5, (3, 60)))
    y = 2.7 * w**plain * (pivot * x) ** (0.3 * z**power)
    physical = {"x": {"x": 1.0}, "z": {"z": 1.0}, "w": {"w": 1.0}}
    for combine in (False, True):
        groups = {"pi_1": x * z if combine else x, "pi_2": z, "pi_3": w / z if combine else w}
        first = {**physical["x"], **physical["z"]} if combine else physical["x"]
        third = {"w": 1.0, "z": -1.0} if combine else physical["w"]
        composition = {"pi_0": {}, "pi_1": first, "pi_2": physical["z"], "pi_3": third}
        best = searched(Problem(groups, y, composition=composition))
        assert best is not None
        assert best.loss < 1e-20


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_a_plain_power_law_is_left_alone(noise: float) -> None:
    rng = np.random.default_rng(0)
    rate, phi = (
        a.ravel() for a in np.meshgrid(np.geomspace(0.1, 100, 7), np.linspace(0.05, 0.6, 8))
    )
    eta = rate**-0.3 * phi**2 * np.exp(noise * rng.normal(size=len(rate)))
    data = Dataset.from_columns({"g [1]": rate, "phi [1]": phi, "eta [1]": eta})
    law = discover(data, "eta", engine="structured", evaluations=60, time_limit=AMPLE).law
    assert law is not None
    powers = law.expression.atoms(sympy.Pow)
    exponents = {str(p.base): float(p.exp) for p in powers}
    assert exponents == pytest.approx({"g": -0.3, "phi": 2.0}, abs=0.01)


def test_a_power_is_written_with_its_base() -> None:
    best = searched(problem_of(prepare(thinning(), "eta", Options(scales="auto")).design))
    assert best is not None
    expression, constants = to_sympy(best.tree, ("pi_1", "pi_2"))
    (power,) = [p for p in expression.atoms() | set(expression.args) if p.is_Pow]
    assert {s.name for s in power.exp.free_symbols} & {"pi_1", "pi_2"}
    assert {s.name for s in power.base.free_symbols} & {"pi_1", "pi_2"}
    assert sorted(constants.values()) == pytest.approx([-0.9, 2.0, 3.0])
