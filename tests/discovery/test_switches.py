"""Laws that switch between two power laws, found without being asked for."""

import numpy as np
import pytest
import sympy
from numpy.typing import NDArray

from dimgs import Dataset
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.discovery.regimes import regimes_of
from dimgs.discovery.search import study_with_scales
from dimgs.discovery.study import Study

Array = NDArray[np.float64]
FEW = Options(engine="structured", evaluations=30)


def runs(seed: int, n: int = 90) -> tuple[Array, Array, Array]:
    """Two lengths, and errors of 2 %."""
    rng = np.random.default_rng(seed)
    x, y = np.exp(rng.uniform(-2.0, 2.0, (2, n)))
    return x, y, np.exp(0.02 * rng.standard_normal(n))


def study_of(x: Array, y: Array, z: Array) -> Study:
    """What the study of a table finds, with few evaluations."""
    return study_with_scales(Dataset.from_columns({"x [m]": x, "y [m]": y, "z [m]": z}), "z", FEW)


def test_a_jump_between_two_laws_is_found_unasked() -> None:
    x, y, errors = runs(7)
    r = x / y
    z = y * np.where(r < 1, 2 * r, 5 / r) * errors
    assert FEW.regimes is False
    law = study_of(x, y, z).law
    assert law.expression.has(sympy.Piecewise)
    # away from the boundary both sides are met to the noise
    away = np.abs(np.log(r)) > 0.3
    predicted = law.predict({"x": x[away], "y": y[away]})
    assert np.sqrt(np.mean(np.log(predicted / z[away]) ** 2)) < 0.03


@pytest.mark.parametrize(
    ("extreme", "form"),
    [(np.minimum, sympy.Min), pytest.param(np.maximum, sympy.Max, marks=pytest.mark.slow)],
)
def test_where_two_laws_meet_the_smaller_or_larger_is_the_law(
    extreme: np.ufunc, form: type
) -> None:
    x, y, errors = runs(3)
    study = study_of(x, y, extreme(x, 2 * y) * errors)
    assert study.law.pi_expression.has(form)
    far = {"x": np.array([100.0, 0.01]), "y": np.array([0.01, 100.0])}
    expected = extreme(far["x"], 2 * far["y"])
    np.testing.assert_allclose(study.law.predict(far), expected, rtol=0.03)
    assert study.result is not None
    assert len(study.result.regimes or ()) == 2


def test_one_power_law_is_not_divided() -> None:
    x, y, errors = runs(5)
    study = study_of(x, y, x**0.5 * y**0.5 * errors)
    assert study.result is not None
    assert not study.result.regimes
    assert not study.law.pi_expression.has(sympy.Piecewise, sympy.Min, sympy.Max)


def test_the_interval_of_a_law_in_pieces_is_that_of_the_piece_that_holds() -> None:
    x, y, errors = runs(7)
    r = x / y
    z = y * np.where(r < 1, 2 * r, 5 / r) * np.where(r < 1, errors, errors**4)
    table = Dataset.from_columns({"x [m]": x, "y [m]": y, "z [m]": z})
    pieces, whole = regimes_of(prepare(table, "z", Options()).design, Options(), validated=False)
    assert whole is not None
    assert len(pieces) == 2
    widths = []
    for at in ({"x": 0.2, "y": 1.0}, {"x": 5.0, "y": 1.0}):
        of_whole = whole.predict(at, 0.9, of="law")
        of_pieces = [piece.law.predict(at, 0.9, of="law") for piece in pieces]
        nearest = min(of_pieces, key=lambda one: abs(np.log(one.value / of_whole.value)))
        width = np.log(of_whole.high / of_whole.low)
        assert width == pytest.approx(np.log(nearest.high / nearest.low), rel=0.1)
        widths.append(width)
    assert widths[1] > 2 * widths[0]
