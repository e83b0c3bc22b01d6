"""Exponent fields: integrated where they are a gradient, told apart where they are not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.discovery.distillation import exponent_fields, integrate
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from tests.discovery.test_distil import SCALES, polymers, thinning


@given(seed=st.integers(0, 10_000), size=st.floats(0.01, 100.0))
def test_any_cubic_potential_comes_back(seed: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    x, y, z = X = size * rng.uniform(-1, 1, (3, 80))
    a, b, c, d = rng.normal(size=4)
    potential = a * x * y + b * x**2 * z / size + c * z + d * y**3 / size**2
    fields = [a * y + 2 * b * x * z / size, a * x + 3 * d * y**2 / size**2, b * x**2 / size + c]
    integral = integrate(X.T, np.column_stack(fields))
    assert integral.is_gradient
    assert integral.defect < 1e-6
    gap = integral.potential - potential
    assert np.ptp(gap) < 1e-7 * np.ptp(potential)


@given(seed=st.integers(0, 10_000), share=st.floats(0.05, 1.0))
def test_a_rotation_is_noticed_and_measured(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    x, y = X = rng.uniform(-1, 1, (2, 100))
    plain, turned = np.column_stack([2 * x * y, x**2]), np.column_stack([y, -x])
    potential = integrate(X.T, plain + share * turned)
    assert not potential.is_gradient
    assert potential.defect > integrate(X.T, plain + 0.5 * share * turned).defect > 0


def test_scatter_is_no_curl() -> None:
    rng = np.random.default_rng(1)
    x, y = X = rng.uniform(-1, 1, (2, 300))
    fields = np.column_stack([2 * x * y, x**2]) + 0.1 * rng.normal(size=(300, 2))
    potential = integrate(X.T, fields)
    assert potential.is_gradient
    assert np.std(potential.potential - x**2 * y) < 0.02
    turned = fields + 0.2 * np.column_stack([y, -x])
    assert not integrate(X.T, turned).is_gradient


def test_unknown_exponents_are_left_out() -> None:
    rng = np.random.default_rng(2)
    x, y = X = rng.uniform(-1, 1, (2, 60))
    potential = integrate(X.T, np.column_stack([2 * x * y, np.full(60, np.nan)]))
    assert potential.is_gradient
    assert np.ptp((potential.potential - x**2 * y)[np.argsort(y)][:1]) == 0
    # what depends on y alone cannot be known
    left = potential.potential - x**2 * y
    columns = np.column_stack([np.ones(60), y, y**2, y**3])
    assert np.ptp(left - columns @ np.linalg.lstsq(columns, left, rcond=None)[0]) < 1e-9


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_the_exponent_of_the_mass_is_learned_at_every_run(noise: float) -> None:
    design = prepare(polymers(noise), "D", SCALES).design
    (mass,) = (f.name for f in design.features if f.group is not None and f.group.get("M"))
    field = exponent_fields(design)[mass]
    T, Tg = np.asarray(design.data["T"]), np.asarray(design.data["Tg"])
    truth = -(1 + 140 / (40 + T - Tg))
    assert np.max(np.abs(field - truth)) < (0.1 if noise else 1e-9)


def test_a_power_law_has_no_field() -> None:
    data = thinning()
    assert not exponent_fields(
        prepare(data.take(np.arange(8)), "eta", Options(scales="auto")).design
    )
