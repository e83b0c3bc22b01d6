"""The domain of validity comes from the runs, in the groups."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs import Dataset
from dimgs.common.errors import DimgsWarning
from dimgs.discovery.discover import fit
from dimgs.fits.design import build_design
from dimgs.groups.derive import pi_basis
from dimgs.law.checked_law import Domain
from dimgs.law.law import Law
from dimgs.law.prediction import domain_of
from tests.law.examples import KINDS, example, held_example
from tests.planted import Planted, planted


def held_run() -> tuple[Law, dict[str, list[Any]]]:
    """Law of a pipe with held inputs of every kind, and one run in the units of its table."""
    law, _ = held_example()
    return law, {
        "rho [kg/m^3]": [1000.0], "mu [mPa*s]": [1.0], "U [m/s]": [1.0], "D [cm]": [5.0],
        "K [1]": [10.0], "E [kJ/mol]": [50.0], "T [degC]": [60.0], "L [dB]": [3.0],
        "m [cd]": [1.5], "kind": ["PE"],
    }  # fmt: skip


@settings(max_examples=8, deadline=None)
@given(planted(noise=0.1))
def test_every_run_lies_inside_its_own_domain(law: Planted) -> None:
    table = law.table()
    fitted = fit(table, "y").law
    assert fitted.outside(table) == [[]] * 24
    for name, (low, high, unit) in fitted.domain.columns.items():
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


def test_inputs_that_no_run_varied_together_are_named_by_each_prediction() -> None:
    b, h = [2.0, 2.0, 1.0, 3.0, 4.0, 2.0, 2.0, 2.0], [0.2, 0.2, 0.2, 0.2, 0.2, 0.1, 0.3, 0.4]
    force = [1e3 * x * y for x, y in zip(b, h, strict=True)]
    table = {"b [mm]": b, "h [mm]": h, "F [N]": force}
    scales = ["F0 [N]", "b0 [m]"]
    fitted = fit(table, "F", scales=scales)
    law = fitted.law
    assert law.domain.varied_alone == ("b", "h")
    assert any("a product and a sum may agree" in why for why in fitted.verdict.why_not)
    again = Law.from_json(law.to_json())
    with pytest.warns(DimgsWarning, match="No run varied two of b, h together"):
        again.predict({"b": [3e-3], "h": [3e-4]})
    # a length in both groups moves them together, so that there are three lines in a plane
    L = np.array([1.0] * 8 + [0.5, 2.0])
    both = {"b [mm]": np.array([*b, 2.0, 2.0]), "h [mm]": np.array([*h, 0.2, 0.2]), "L [mm]": L}
    both["F [N]"] = 1e3 * both["b [mm]"] * both["h [mm]"] / L**2
    assert fit(both, "F", scales=["F0 [N]"]).law.domain.varied_alone == ()
    # one group, or one run that varied both, shows how they act together
    assert fit(table, "F", scales=["F0 [N]"]).law.domain.varied_alone == ()
    crossed = {**table, "b [mm]": [2.0, 4.0, *b[2:]], "h [mm]": [0.2, 0.4, *h[2:]]}
    crossed["F [N]"] = [force[0], 4.0 * force[1], *force[2:]]
    decided = fit(crossed, "F", scales=scales)
    assert decided.law.doubt == ""
    assert decided.verdict.confirmed


@given(st.permutations(range(6)))
def test_inputs_that_vary_alone_do_not_depend_on_the_order_of_the_runs(order: list[int]) -> None:
    # as many runs at the middle of `a` as beside it
    rows = np.array([[1, 3], [1, 3], [1, 3], [2, 3], [2, 4], [2, 5]], dtype=float)[order]
    table = {"a [1]": rows[:, 0], "b [1]": rows[:, 1], "y [1]": rows[:, 0] * rows[:, 1]}
    data = Dataset.from_columns(table)
    assert build_design(data, pi_basis(data, "y")).varied_alone == ("a", "b")
    crossed = Dataset.from_columns({**table, "a [1]": np.where(rows[:, 1] > 4, 1.0, rows[:, 0])})
    assert build_design(crossed, pi_basis(crossed, "y")).varied_alone == ()


def test_a_direction_without_data_is_outside_at_any_step() -> None:
    a = np.exp(np.linspace(-1, 1, 15))
    data = Dataset.from_columns({"a [1]": a, "b [1]": a**2, "y [1]": a})
    law = fit(data, "y").law
    inside = {"a": [1.5], "b": [2.25]}
    off = {"a": [1.5], "b": [2.4]}
    assert law.outside(inside) == [[]]
    assert law.outside(off) == [["leverage"]]
    # what rounding leaves along it is not a leverage of any run
    away = np.log(a) - np.log(a).mean()
    assert law.domain.max_leverage == pytest.approx(np.max(away**2) / np.sum(away**2))


def test_groups_beyond_doubles_stay_finite() -> None:
    rng = np.random.default_rng(0)
    a, b = 10 ** rng.uniform(-300, 300, (2, 12))
    data = Dataset.from_columns({"a [m]": a, "b [m]": b, "y [1]": np.ones(12)})
    ranges = fit(data, "y").law.domain.groups
    assert all(np.isfinite(ends).all() for ends in ranges.values())


@pytest.mark.parametrize(
    ("changed", "group", "text"),
    [
        ({"K [1]": 100.0}, "pi_1", "K was 10 in every run; the point has 100"),
        ({"E [kJ/mol]": 10.0}, "E", "E was 50 kJ/mol in every run; the point has 10 kJ/mol"),
        ({"T [degC]": 150.0}, "T", "T was 60 degC in every run; the point has 150 degC"),
        ({"L [dB]": 30.0}, "L", "L was 3 dB in every run; the point has 30 dB"),
        ({"kind": "PP"}, "kind", "kind was 'PE' in every run; the point has 'PP'"),
        (
            {"m [cd]": 90.0},
            "m",
            "m lay between 1.052 and 1.942 cd in the runs; the point has 90 cd",
        ),
    ],
)
def test_what_was_held_is_left_as_soon_as_it_changes(
    changed: dict[str, float | str], group: str, text: str
) -> None:
    law, row = held_run()
    again = Law.from_json(law.to_json())
    assert again.domain == law.domain
    for one in (law, again):
        (place,) = one.places({**row, **{name: [value] for name, value in changed.items()}})
        (why,) = place.departures
        assert (place.outside, str(why)) == ([group], text)
        assert why.inputs == (next(iter(changed)).split()[0],)
        assert one.places(row)[0].outside == []


def test_equal_groups_stay_inside_and_far_columns_inform() -> None:
    law, row = held_run()
    # air at a Reynolds number of the water tables
    air = {"rho [kg/m^3]": [1.2], "mu [mPa*s]": [0.018], "U [m/s]": [15.0], "D [cm]": [5.0]}
    (place,) = law.places({**row, **air})
    assert place.outside == []
    assert place.far == {"rho": pytest.approx(1000 / 1.2), "mu": pytest.approx(1 / 0.018)}
    # what is not given is where the runs held it
    needed = {name: row[name] for name in row if name.split()[0] in ("rho", "mu", "U", "D")}
    assert law.outside(needed) == [[]]
    (place,) = law.places({**needed, "U [m/s]": [100.0]})
    (why,) = place.departures
    assert why.to_json()["inputs"] == ["U"]
    assert why.formula == "D·U·rho·mu⁻¹"
    assert str(why).startswith("Reynolds number D·U·rho·mu⁻¹ lay between ")


def test_a_sign_that_no_run_has_is_outside_though_the_groups_are_inside() -> None:
    D, d, t = np.exp(np.random.default_rng(0).uniform(-1, 1, (3, 24)))
    table = {"D [m]": D, "d [m]": d, "t [s]": t, "v [m/s]": 3 * np.sqrt(D * d) / t}
    law = fit(Dataset.from_columns(table), "v").law
    for at in product([-1.0, 0.0, 1.0], repeat=3):
        (place,) = law.places(dict(zip("Ddt", at, strict=True)))
        assert bool(place.outside) == (min(at) <= 0), at
        beyond = {name for departure in place.departures for name in departure.inputs}
        assert all(x <= 0 or name not in beyond for name, x in zip("Ddt", at, strict=True)), at


def test_a_monomial_law_says_how_far_a_point_lies_from_its_runs() -> None:
    length = np.geomspace(0.2, 2, 8)
    table = Dataset.from_columns({"L [m]": length, "T [s]": 2.006 * length**0.5})
    law = fit(table, "T", constants=["g"]).law
    (place,) = law.places({"L": [2000.0]})
    assert place.outside == []
    assert place.far == {"L": pytest.approx(1000.0)}
    assert place.sentences == [
        "lies far from the runs in L (1e+03 times); the groups determine the domain."
    ]


@pytest.mark.parametrize("decades", [1.0, 6.0, 12.0, 30.0])
def test_both_ends_of_a_range_of_many_decades_are_judged(decades: float) -> None:
    length = np.geomspace(1.0, 10.0**decades, 12)
    table = Dataset.from_columns(
        {"a [m]": length, "b [m]": np.full(12, 2.0), "y [m]": length**0.5 * 2.0**0.5}
    )
    law = fit(table, "y").law
    for factor, inside in ((1.0, True), (0.9, False)):
        low, high = ({"a": [x], "b": [2.0]} for x in (factor, 10.0**decades / factor))
        assert [not law.outside(row)[0] for row in (low, high)] == [inside] * 2


@settings(max_examples=12, deadline=None)
@given(
    planted(noise=0.05),
    st.data(),
    st.sampled_from([0.01, 0.2, 100.0]),
    st.integers(0, 3),
)
def test_changing_a_column_is_told_unless_every_group_stays_in_its_range(
    law: Planted, data: st.DataObject, factor: float, n_held: int
) -> None:
    """Groups of every basis, those that the runs held included, are judged alike."""
    table = law.table()
    names = [n for n in table.numeric_names if n != "y"]
    held = data.draw(st.lists(st.sampled_from(names), max_size=n_held, unique=True))
    # the same runs with some inputs held: only the inputs are looked at, so y is left as it is
    values = {n: np.full(24, table[n][0]) if n in held else table[n] for n in table.names}
    runs = Dataset(table.variables, values, {})
    domain = domain_of(build_design(runs, pi_basis(runs, "y")))
    fitted = fit(runs, "y").law if set(held) != set(names) else None
    changed = data.draw(st.sampled_from(names))
    assert set(domain.held) >= set(held)
    if fitted is None:
        return
    row = {n: values[n][:1] * (factor if n == changed else 1.0) for n in names}
    groups = pi_basis(runs, "y").groups
    inside = True
    for group in groups:
        over, here = (group.log(v) for v in ({n: values[n] for n in names}, row))
        inside &= bool(np.all((here >= over.min() - 1e-9) & (here <= over.max() + 1e-9)))
    again = Law.from_json(fitted.to_json())
    assert again.domain == fitted.domain
    (place,) = fitted.places(row)
    assert again.places(row) == [place]
    if not inside:
        assert place.outside
        assert any(changed in d.inputs for d in place.departures) or place.outside == ["leverage"]


def test_a_law_that_knows_nothing_of_what_was_held_says_so() -> None:
    # written by version 0.2 from runs that held K at 10
    old = Law.from_json(Path(__file__).parents[1] / "formats" / "v0_2_0" / "law_held.json")
    row = {"rho": 1000.0, "mu": 1e-3, "U": 1.0, "D": 0.05}
    with pytest.warns(match="did not record the inputs that its runs held"):
        old.predict(row)
    assert "held" not in old.to_json()["domain"]
    assert Law.from_json(old.to_json()).doubt == old.doubt
    assert held_example()[0].doubt == ""


def test_a_domain_has_a_size_without_limit_in_json() -> None:
    assert Domain({}, {}).to_json()["max_leverage"] is None
