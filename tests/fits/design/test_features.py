"""Features: logs of groups, unlogged columns, inverse temperatures, weights and labels."""

import numpy as np
import pytest
from hypothesis import given, settings

from dimgs import Dataset
from dimgs.common.errors import InputError
from dimgs.dataset.checks import unlogged_names
from dimgs.fits.design import build_design, label_texts, log_groups
from dimgs.groups.derive import pi_basis
from dimgs.groups.group import PiGroup
from tests.planted import TRADE, Planted, planted


@settings(max_examples=25, deadline=None)
@given(planted(noise=0.1))
def test_features_and_offset_rebuild_the_target(law: Planted) -> None:
    table = law.table()
    basis = pi_basis(table, "y")
    design = build_design(table, basis)
    np.testing.assert_allclose(design.y + design.offset, np.log(table["y"]), atol=1e-9)
    assert design.X.shape == (24, len(design.features))
    for feature, column in zip(design.features, design.X.T, strict=True):
        assert feature.group is not None
        product = np.ones(24)
        for name, power in feature.group.exponents:
            product = product * table[name] ** float(power)
        np.testing.assert_allclose(np.exp(column), product, rtol=1e-9)


@settings(max_examples=15, deadline=None)
@given(planted(noise=0.1))
def test_features_do_not_depend_on_the_units_of_the_table(law: Planted) -> None:
    one, two = law.table(), law.table(TRADE)
    a, b = (build_design(t, pi_basis(t, "y")) for t in (one, two))
    assert [f.group for f in a.features] == [f.group for f in b.features]
    np.testing.assert_allclose(a.X, b.X, atol=1e-8)
    np.testing.assert_allclose(a.y, b.y, atol=1e-8)


def _table(**more: object) -> Dataset:
    rng = np.random.default_rng(0)
    a, b = np.exp(rng.normal(size=(2, 12)))
    return Dataset.from_columns({"a [m]": a, "b [m]": b, "y [m]": a * b, **more})


def test_scales_count_as_one_and_constants_as_their_value() -> None:
    data = _table()
    basis = pi_basis(data, "y", constants=["c"], scales=["s [s]", "M0 [kg]", "M1 [kg]"])
    group = PiGroup.of("pi", {"a": 1, "c": -1, "s": -1})
    expected = np.log(data["a"]) - np.log(299792458.0)
    np.testing.assert_allclose(log_groups(data, basis, [group])[:, 0], expected)


def test_columns_that_may_vanish_enter_unlogged_and_temperatures_inverted() -> None:
    tilt = np.linspace(-1, 1, 12)
    data = _table(**{"tilt [rad]": tilt, "T [degC]": np.linspace(0, 100, 12), "n [1]": tilt + 2})
    assert unlogged_names(data, ["a", "b", "tilt", "n"]) == ("tilt",)
    inputs = data.without(["tilt", "T"])
    design = build_design(data, pi_basis(inputs, "y"), unlogged=["tilt"], inverse=["T"])
    kinds = {f.name: f.contrast for f in design.features}
    assert kinds["tilt"] == "difference"
    assert kinds["T"] == "inverse"
    by_name = dict(zip(kinds, design.X.T, strict=True))
    np.testing.assert_array_equal(by_name["tilt"], tilt)
    np.testing.assert_allclose(by_name["T"], 1 / (273.15 + np.linspace(0, 100, 12)))


def test_what_never_varied_is_left_out_by_name() -> None:
    data = _table(**{"k [1]": np.full(12, 3.0), "tilt [rad]": np.zeros(12)})
    design = build_design(data, pi_basis(data.without(["tilt"]), "y"), unlogged=["tilt"])
    assert set(design.never_varied) >= {"tilt"}
    assert all(np.ptp(column) > 0 for column in design.X.T)


def test_the_error_column_becomes_weights() -> None:
    sigma = np.linspace(0.1, 0.5, 12)
    data = _table(**{"y_err [m]": _table()["y"] * sigma})
    design = build_design(data, pi_basis(data, "y"))
    assert design.weights is not None
    np.testing.assert_allclose(design.weights * sigma**2, design.weights[0] * sigma[0] ** 2)
    zero = _table(**{"y_err [m]": np.r_[0.0, sigma[1:]]})
    with pytest.raises(InputError, match="zero in row 1"):
        build_design(zero, pi_basis(zero, "y"))


def test_parts_keep_their_rows_together() -> None:
    data = _table(**{"rig": list("aabbccddeeff"), "y_err [m]": np.full(12, 0.1)})
    design = build_design(data, pi_basis(data, "y"), within="rig", split_by="rig")
    rows = np.array([7, 2, 2])
    part = design.take(rows)
    assert part.n_runs == 3
    np.testing.assert_array_equal(part.X, design.X[rows])
    np.testing.assert_array_equal(part.y, np.log(part.data["y"]) - part.offset)
    assert part.within is not None
    assert list(part.within) == ["d", "b", "b"]
    assert part.weights is not None
    assert len(part.weights) == 3


def test_a_linear_response_is_pi_0_itself() -> None:
    data = Dataset.from_columns({"a [m]": [1.0, 2.0, 3.0], "y [m^2]": [-1.0, 0.0, 9.0]})
    design = build_design(data, pi_basis(data, "y"), linear=True)
    np.testing.assert_allclose(design.y, [-1.0, 0.0, 1.0])
    np.testing.assert_allclose(design.y * np.exp(design.offset), data["y"])


def test_labels_are_compared_as_text() -> None:
    assert label_texts(np.array([0.1 + 0.2, 1.0, 1e-7])).tolist() == ["0.3", "1", "1e-07"]
    assert label_texts(["A", "B"]).tolist() == ["A", "B"]


def test_bad_requests_are_explained() -> None:
    data = _table()
    with pytest.raises(InputError, match="no response"):
        build_design(data, pi_basis(data))
    with pytest.raises(InputError, match="no column 'nope'"):
        build_design(data, pi_basis(data, "y"), within="nope")
    with pytest.raises(InputError, match="value of its own"):
        build_design(data, pi_basis(data, "y"), split_by="a")


def test_numbers_are_labels_where_few_of_them_are_different() -> None:
    for different, refused in ((6, False), (7, True)):
        data = _table(**{"n [1]": np.minimum(np.arange(12), different - 1).astype(float)})
        basis = pi_basis(data.without(["n"]), "y")
        if not refused:
            within = build_design(data, basis, within="n").within
            assert within is not None
            assert len(np.unique(within)) == different
            continue
        with pytest.raises(InputError, match="a value of its own in most rows"):
            build_design(data, basis, within="n")


def test_columns_of_labels_are_inputs_unless_they_name_the_runs() -> None:
    for kinds, is_input in ((6, True), (7, False)):
        data = _table(**{"kind [label]": [f"k{i % kinds}" for i in range(12)]})
        design = build_design(data, pi_basis(data, "y"))
        assert set(design.input_labels) == ({"kind"} if is_input else set())
