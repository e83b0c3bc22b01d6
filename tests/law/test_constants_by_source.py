"""Constants of closed forms that differ between sources."""

from functools import cache

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs import Dataset, Law
from dimgs.common.arrays import Array
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.law.assemble import assemble
from dimgs.law.canonical import absorb
from dimgs.law.checked_law import SourceEffects
from dimgs.law.export import source_tables
from dimgs.report.plain_text import sources_lines

LABS, RUNS = 10, 6
OFFSET = sympy.sympify("c_1*pi_1/sqrt(pi_2) + c_2")
SATURATION = sympy.sympify("c_1*pi_1/(1 + pi_1/c_2)")


def columns(spread: float, seed: int = 3) -> dict[str, Array]:
    """Runs of y = 1.3 x/sqrt(z) + b, with another b in each laboratory."""
    rng = np.random.default_rng(seed)
    x, z = np.exp(rng.uniform(-1.5, 1.5, (2, LABS * RUNS)))
    b = np.repeat(0.6 + spread * rng.standard_normal(LABS).clip(-1.5, 1.5), RUNS)
    y = (1.3 * x / np.sqrt(z) + b) * np.exp(0.05 * rng.normal(size=len(x)))
    lab = np.repeat([f"lab{k}" for k in range(LABS)], RUNS)
    return {"x [1]": x, "z [1]": z, "y [1]": y, "lab [label]": lab, "b": b[::RUNS]}


def law_of(
    table: dict[str, Array], form: sympy.Expr = OFFSET, options: Options | None = None
) -> Law:
    """The form fitted to a table, its constants by laboratory."""
    data = Dataset.from_columns({k: v for k, v in table.items() if k != "b"})
    design = prepare(data, "y", options or Options(by=("lab",))).design
    return assemble(design, form, {"c_1": 1.0, "c_2": 0.5}, 0.9)


@cache
def planted() -> Law:
    """The law of the first table."""
    return law_of(columns(0.3))


def constants_of(law: Law) -> Array:
    """The constant of each laboratory."""
    (name,) = law.differing
    added = [law.sources[0].added(f"lab{k}")[name] for k in range(LABS)]
    return np.array(added) + law.constant_values[name]


def test_an_offset_of_each_source_is_found_and_predicts_it_by_the_formula() -> None:
    true, law = columns(0.3)["b"], planted()
    effects = law.sources[0]
    assert effects.constants == ("", "c_2")
    assert effects.kinds["c_2"][0] == pytest.approx(np.std(true, ddof=1), rel=0.3)
    assert effects.kinds["c_2"][1] < 1e-3
    own = constants_of(law)
    assert own == pytest.approx(true, abs=0.12)
    x = np.array([0.3, 1.0, 3.0])
    labs = ["lab1", "lab2", "lab7"]
    points = {"x": x, "z": np.ones(3), "lab": labs}
    factor = np.exp([effects.at_centre(k) for k in labs])
    formula = law.constant_values["c_1"] * x + own[[1, 2, 7]]
    assert law.predict(points) == pytest.approx(factor * formula, rel=1e-12)
    # the target of an unknown source is anywhere between those of the known ones
    new = law.predict({**points, "lab": ["new"] * 3}, level=0.9)
    known = law.predict(points, level=0.9)
    assert np.all(np.log(new.high / new.low)[:2] > 2 * np.log(known.high / known.low)[:2])
    assert law.ratio(points, points, level=0.9).value == pytest.approx(1.0)
    slopes = law.elasticities(points, level=0.9)["x"]
    assert slopes.value == pytest.approx(law.constant_values["c_1"] * x / formula)
    assert np.all((slopes.low < slopes.value) & (slopes.value < slopes.high))


def test_files_and_texts_have_the_constant_of_each_source() -> None:
    law = planted()
    again = Law.from_json(law.to_json())
    assert again == law
    # files of laws whose constants are common do not mention them
    effects = SourceEffects("lab", ("prefactor",), (sympy.Integer(1),), (0.1,), {}, {}, {})
    assert effects.constants == ("",)
    points = {"x": [0.5], "z": [2.0], "lab": ["lab4"]}
    assert again.predict(points, 0.9) == law.predict(points, 0.9)
    own = constants_of(law)[4]
    documented = law.to_json()["sources"][0]
    assert documented["sources"]["lab4"]["constants"] == {"c_2": pytest.approx(own)}
    assert any(f"c_2 = {own:.5g}" in line for line in sources_lines(law))
    assert "c_2 differs with a standard deviation of" in sources_lines(law)[0]
    assert f"c_2 = {own:.6g}" in law.python()
    assert f"{own:.4g}" in source_tables(law)[0]
    percent = law.with_units(x="%", y="%")
    ends = percent.predict({"x": [50.0], "z": [2.0], "lab": ["lab4"]}, level=0.9)
    assert np.asarray(ends) == pytest.approx(100 * np.asarray(law.predict(points, 0.9)))


@settings(max_examples=4, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_runs_and_the_names_of_sources_do_not_matter(shuffled) -> None:  # type: ignore[no-untyped-def]
    table, names = columns(0.3), [f"lab{k}" for k in range(LABS)]
    rows, renamed = list(range(LABS * RUNS)), [*names]
    shuffled.shuffle(rows)
    shuffled.shuffle(renamed)
    other = {k: v[rows] for k, v in table.items() if k != "b"}
    new_name = dict(zip(names, renamed, strict=True))
    other["lab [label]"] = np.array([new_name[k] for k in other["lab [label]"]])
    law = law_of(other)
    own = [law.sources[0].added(new_name[k])["c_2"] for k in names]
    expected = constants_of(planted()) - planted().constant_values["c_2"]
    assert own == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_constants_have_the_units_of_the_table() -> None:
    table = columns(0.3)
    scaled = {
        "x [cm]": 100 * table["x [1]"],
        "z [mm]": 1000 * table["z [1]"],
        "y [ns]": table["y [1]"],
        "lab [label]": table["lab [label]"],
    }
    asked = Options(by=("lab",), scales=("x0 [m]", "t0 [s]"))
    data = Dataset.from_columns(scaled)
    design = prepare(data, "y", asked).design
    form = sympy.sympify("c_1*sqrt(pi_1*pi_2) + c_2")
    law = absorb(assemble(design, form, {"c_1": 1e-9, "c_2": 0.5e-9}, 0.9))
    (name,) = law.differing
    assert {c.name: c.unit for c in law.constants}[name] == "s"
    assert constants_of(law) * 1e9 == pytest.approx(constants_of(planted()), rel=1e-3)
    points = {"x": [2.0], "z": [0.5], "lab": ["lab5"]}
    assert law.predict(points) * 1e9 == pytest.approx(planted().predict(points), rel=1e-4)
    assert any(" ns (6 runs)" in line or " ns," in line for line in sources_lines(law))


def test_constants_of_equal_sources_are_the_common_one() -> None:
    differing = [law_of(columns(0.0, seed)).differing for seed in range(6)]
    assert sum(map(bool, differing)) <= 1


def test_a_saturation_that_differs_between_species_is_told_from_a_prefactor() -> None:
    rng = np.random.default_rng(1)
    x = np.exp(rng.uniform(-1.5, 2.0, LABS * RUNS))
    limits = np.exp(rng.normal(0.5, 0.5, LABS))
    y = 2 * x / (1 + x / np.repeat(limits, RUNS)) * np.exp(0.03 * rng.normal(size=len(x)))
    lab = np.repeat([f"lab{k}" for k in range(LABS)], RUNS)
    table = {"x [1]": x, "y [1]": y, "lab [label]": lab}
    law = law_of(table, SATURATION)
    assert law.differing == {"c_2"}
    assert np.corrcoef(np.log(constants_of(law)), np.log(limits))[0, 1] > 0.9


def test_an_offset_of_each_source_of_a_target_of_both_signs_is_added() -> None:
    rng = np.random.default_rng(5)
    x, offsets = rng.uniform(1, 10, LABS * RUNS), rng.normal(0, 2, LABS)
    y = 2 * x - 9 + np.repeat(offsets, RUNS) + 0.2 * rng.normal(size=len(x))
    lab = np.repeat([f"lab{k}" for k in range(LABS)], RUNS)
    data = Dataset.from_columns({"x [1]": x, "y [1]": y, "lab [label]": lab})
    design = prepare(data, "y", Options(by=("lab",)), any_sign=True).design
    assert design.scale == "linear"
    form = sympy.sympify("c_1*pi_1 + c_2")
    law = assemble(design, form, {"c_1": 2.0, "c_2": -9.0}, 0.9)
    assert law.differing == {"c_2"}
    assert constants_of(law) == pytest.approx(offsets - 9, abs=0.5)
    assert np.std(law.predict_si(data) - y) == pytest.approx(0.2, rel=0.3)
    new = law.predict({"x": 5.0, "lab": "new"}, level=0.9)
    assert new.high - new.low == pytest.approx(2 * 1.83 * np.std(offsets, ddof=1), rel=0.15)
    # without an offset there is nothing that a source could add
    alone = assemble(design, sympy.sympify("c_1*pi_1"), {"c_1": 1.0}, 0.9)
    assert not alone.sources or alone.differing


def test_constants_of_one_kind_of_source_are_told_from_prefactors_of_another() -> None:
    rng = np.random.default_rng(5)
    n = 120
    lab, material = rng.integers(0, 8, n), rng.integers(0, 6, n)
    x = np.exp(rng.uniform(-1.5, 1.5, n))
    offset, factor = rng.normal(1, 0.4, 8), np.exp(rng.normal(0, 0.3, 6))
    y = factor[material] * (2 * x + offset[lab]) * np.exp(0.04 * rng.normal(size=n))
    labels = {"lab [label]": lab.astype(str), "material [label]": material.astype(str)}
    data = Dataset.from_columns({"x [1]": x, "y [1]": y, **labels})
    design = prepare(data, "y", Options(by=("lab", "material"))).design
    form = sympy.sympify("c_1*pi_1 + c_2")
    law = assemble(design, form, {"c_1": 2.0, "c_2": 1.0}, 0.9)
    assert [each.differs for each in law.sources] == [("c_2",), ("prefactor",)]
    assert all(p < 1e-3 for each in law.sources for p in each.p_values)
    by_lab = [law.sources[0].added(str(k))["c_2"] for k in range(8)]
    assert np.corrcoef(by_lab, offset)[0, 1] > 0.95
    assert np.std(np.log(law.predict_si(data) / y)) == pytest.approx(0.04, rel=0.2)
