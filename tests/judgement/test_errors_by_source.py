"""Errors about forms whose constants differ between sources."""

from dataclasses import replace

import numpy as np
import pytest
import sympy

from dimgs import Dataset, discover
from dimgs.common.arrays import Array
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.fits.design import Design
from dimgs.fits.noise import Errors
from dimgs.judgement.evidence import (
    Fitted,
    FormulaModel,
    errors_by_source,
    errors_of,
    fit_model,
)

LABS, RUNS = 10, 6


def table(spread: float, seed: int = 3) -> dict[str, Array]:
    """Runs of y = 1.3 x/sqrt(z) + b, with another b in each laboratory."""
    rng = np.random.default_rng(seed)
    x, z = np.exp(rng.uniform(-1.5, 1.5, (2, LABS * RUNS)))
    b = np.repeat(0.6 + spread * rng.standard_normal(LABS).clip(-1.5, 1.5), RUNS)
    y = (1.3 * x / np.sqrt(z) + b) * np.exp(0.05 * rng.normal(size=len(x)))
    lab = np.repeat([f"lab{k}" for k in range(LABS)], RUNS)
    return {"x [1]": x, "z [1]": z, "y [1]": y, "lab [label]": lab}


def offset(spread: float) -> tuple[Design, FormulaModel]:
    """The runs, and the form that they are of."""
    design = prepare(Dataset.from_columns(table(spread)), "y", Options(by=("lab",))).design
    form = sympy.sympify("c_1*pi_1/sqrt(pi_2) + c_2")
    return design, FormulaModel(design, form, {"c_1": 1.3, "c_2": 0.6})


def fitted(design: Design, model: FormulaModel) -> tuple[Errors, Fitted]:
    """The likeliest errors, and the fit to all runs with them."""
    errors = errors_of(design, [model])[0]
    return errors, fit_model(model, errors, np.ones(design.n_runs, dtype=bool), model.start)


def test_a_density_is_that_of_runs_that_share_the_constants_of_their_source() -> None:
    design, model = offset(0.3)
    errors, whole = fitted(design, model)
    about = errors_by_source(model, errors, design, whole)
    assert about.white is not None
    assert errors.white is not None
    # whitening twice is the inverse of the covariance
    inverse = about.white(about.white(np.eye(design.n_runs)))
    _, determinant = np.linalg.slogdet(inverse)
    assert about.white.log_determinant == pytest.approx(-determinant)
    # the same number of variances as beside other forms costs nothing, each further one a nat
    further = round(about.price + (determinant + errors.white.log_determinant) / 2)
    assert about.price == pytest.approx(-(determinant + errors.white.log_determinant) / 2 + further)
    assert further <= 0
    again = fit_model(model, about, np.ones(design.n_runs, dtype=bool), whole.constants)
    assert again.log_likelihood > whole.log_likelihood + 10.0
    assert again.sd == pytest.approx(0.05, rel=0.3)
    assert about.jacobian.sum() == pytest.approx(errors.jacobian.sum() - about.price)


def test_forms_of_equal_constants_are_judged_as_before() -> None:
    design, model = offset(0.0)
    errors, whole = fitted(design, model)
    assert errors_by_source(model, errors, design, whole) is errors
    alone = replace(design, effects=())
    errors, whole = fitted(alone, model)
    assert errors_by_source(model, errors, alone, whole) is errors


def test_an_offset_of_each_source_is_found_and_confirmed() -> None:
    data = Dataset.from_columns(table(0.3))
    report = discover(data, "y", by="lab", engine="structured", effort="quick", time_limit=3600.0)
    law = report.law
    assert law is not None
    assert report.confirmed
    assert len(law.differing) == 1
    inputs = {"x": np.array([0.3, 3.0]), "z": np.ones(2)}
    assert law.predict(inputs) == pytest.approx(1.3 * inputs["x"] + 0.6, rel=0.25)
