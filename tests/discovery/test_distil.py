"""Exponents that vary, distilled: planted laws come back, plain ones are left alone."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import sympy

from dimgs import Dataset
from dimgs.discovery.discover import discover
from dimgs.discovery.distillation import Distilled, directions, distil
from dimgs.discovery.options import Options
from dimgs.discovery.power_law import fit_prepared
from dimgs.discovery.prepare import prepare
from dimgs.fits.design.features import Design
from dimgs.law.assemble import assemble
from dimgs.law.canonical import absorb
from dimgs.law.law import Law
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
ONE_SEARCH = replace(SCALES, evaluations=300)


def law_of(design: Design, distilled: Distilled) -> Law:
    """The first candidate as a law."""
    first = distilled.candidates[0]
    named = {sympy.Symbol(k): sympy.Symbol(v) for k, v in distilled.unlogged.items()}
    return assemble(design, first.expression.xreplace(named), first.constants, 0.9)


@pytest.mark.parametrize("seed", range(3))
def test_both_temperatures_of_the_exponent_within_five_percent(seed: int) -> None:
    design = prepare(polymers(0.02, seed), "D", SCALES).design
    distilled = distil(design, ONE_SEARCH, 0.1, AMPLE)
    assert distilled is not None
    law = absorb(law_of(design, distilled))
    assert pickle.loads(pickle.dumps(law)) == law
    kelvin = sorted(c.value for c in law.constants if c.unit == "K")
    assert kelvin == pytest.approx([40, 140], rel=0.05)
    assert distilled.variable == "M"
    assert distilled.explains


def test_distillation_does_not_depend_on_the_order_of_columns() -> None:
    data = polymers(0.02)
    names = ["Tg", "D", "T", "M"]
    units = {"Tg": "K", "D": "m^2/s", "T": "K", "M": "kg/mol"}
    mixed = Dataset.from_columns({f"{n} [{units[n]}]": np.asarray(data[n]) for n in names})
    laws = []
    for table in (data, mixed):
        design = prepare(table, "D", SCALES).design
        distilled = distil(design, ONE_SEARCH, 0.1, AMPLE)
        assert distilled is not None
        laws.append(str(absorb(law_of(design, distilled))))
    assert laws[0] == laws[1]


def test_a_law_on_scattered_runs() -> None:
    data = convection()
    law = discover(data, "h", evaluations=5000, time_limit=AMPLE).law
    assert law is not None
    assert law.scores.rmse_log is not None
    assert law.scores.rmse_log < 1e-9
    # an exponent may stand above or below the line
    assert sorted(abs(c.value) for c in law.constants) == pytest.approx([0.2, 0.3, 0.8], rel=1e-6)


def test_an_exponent_with_a_square_and_two_scales() -> None:
    report = discover(thinning(), "eta", scales="auto", evaluations=5000, time_limit=AMPLE)
    assert report.law is not None
    by_unit = {c.unit: abs(c.value) for c in report.law.constants}
    assert by_unit == pytest.approx({"1": 0.9, "Pa*s": 2.0, "1/s": 3.0}, rel=1e-6)
    assert report.engine == "distillation"


def test_a_plain_power_law_is_left_alone() -> None:
    rng = np.random.default_rng(0)
    for noise in (0.0, 0.02):
        rate, phi = (
            a.ravel() for a in np.meshgrid(np.geomspace(0.1, 100, 7), np.linspace(0.05, 0.6, 8))
        )
        eta = rate**-0.3 * phi**2 * np.exp(noise * rng.normal(size=len(rate)))
        data = Dataset.from_columns({"g [1]": rate, "phi [1]": phi, "eta [1]": eta})
        prepared = prepare(data, "eta", Options())
        rmse = fit_prepared(prepared, Options()).law.scores.rmse_log
        assert distil(prepared.design, Options(evaluations=300), rmse, AMPLE) is None


def test_the_distilled_law_is_in_the_groups() -> None:
    design = prepare(thinning(), "eta", Options(scales="auto")).design
    distilled = distil(design, Options(), 1.0, 5.0)
    assert distilled is not None
    law = law_of(design, distilled)
    assert {g.name for g in law.groups} <= {str(s) for s in law.pi_expression.free_symbols}


@pytest.mark.parametrize("shift", [-500.0, -200.0, 0.0, 200.0, 500.0, 900.0])
def test_every_direction_lies_within_double_precision(shift: float) -> None:
    design = prepare(polymers(), "D", SCALES).design
    listed = list(directions(replace(design, X=design.X + shift)))
    assert listed
    for direction in listed:
        for argument in (direction.x, *direction.z, *(a for some in direction.sets for a in some)):
            assert np.all(np.isfinite(argument.values))
            assert np.any(argument.values)
