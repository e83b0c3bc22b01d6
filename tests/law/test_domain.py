"""The domain of validity comes from the runs, in the groups."""

import numpy as np
import pytest
from hypothesis import given, settings

from dimgs import Dataset
from dimgs.design.features import build_design
from dimgs.discovery.fitting import fit
from dimgs.groups.derive import pi_basis
from dimgs.law.domain import domain_of
from tests.law.examples import KINDS, example
from tests.planted import Planted, planted


@settings(max_examples=20, deadline=None)
@given(planted(noise=0.1))
def test_every_run_lies_inside_its_own_domain(law: Planted) -> None:
    table = law.table()
    found = fit(table, "y").law
    assert found.outside(table) == [[]] * 24
    for name, (low, high, unit) in found.domain.columns.items():
        assert (low, high) == (table[name].min(), table[name].max())
        assert unit == table.variable(name).si_unit


def test_every_kind_of_law_holds_where_it_was_fitted() -> None:
    for kind in KINDS:
        law, data = example(kind)
        assert law.outside(data) == [[]] * data.n_runs, kind


def test_leverage_does_not_depend_on_the_basis() -> None:
    rng = np.random.default_rng(0)
    a, b, c = np.exp(rng.normal(size=(3, 20)))
    data = Dataset.from_columns({"a [m]": a, "b [m]": b, "c [m]": c, "y [m]": a})
    limits = []
    for repeating in (["a"], ["b"], ["c"]):
        basis = pi_basis(data, "y", repeating=repeating)
        limits.append(domain_of(build_design(data, basis)).max_leverage)
    np.testing.assert_allclose(limits, limits[0], rtol=1e-9)


def test_a_direction_without_data_is_outside_at_any_step() -> None:
    a = np.exp(np.linspace(-1, 1, 15))
    data = Dataset.from_columns({"a [1]": a, "b [1]": a**2, "y [1]": a})
    law = fit(data, "y").law
    inside = {"a": [1.5], "b": [2.25]}
    off = {"a": [1.5], "b": [2.4]}
    assert law.outside(inside) == [[]]
    assert law.outside(off) == [["leverage"]]
    # what rounding leaves along it is no leverage of any run
    away = np.log(a) - np.log(a).mean()
    assert law.domain.max_leverage == pytest.approx(np.max(away**2) / np.sum(away**2))


def test_groups_beyond_doubles_stay_finite() -> None:
    rng = np.random.default_rng(0)
    a, b = 10 ** rng.uniform(-300, 300, (2, 12))
    data = Dataset.from_columns({"a [m]": a, "b [m]": b, "y [1]": np.ones(12)})
    ranges = fit(data, "y").law.domain.groups
    assert all(np.isfinite(ends).all() for ends in ranges.values())
