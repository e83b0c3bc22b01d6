"""Predictions, ratios and the domain: consistency, and coverage of the intervals."""

import json
import re
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy
from hypothesis import given, settings

from dimgs import Dataset, Options
from dimgs.common.arrays import Array
from dimgs.common.errors import DimgsWarning, InputError
from dimgs.discovery.discover import discover, fit
from dimgs.law.law import Law
from dimgs.law.prediction import Of
from tests.law.examples import KINDS, example
from tests.planted import Planted, pipe, planted


def _rows(data: Dataset, rows: list[int]) -> dict[str, Array]:
    return {n: data[n][rows] for n in data.names}


@settings(max_examples=15, deadline=None)
@given(planted(noise=0.1))
def test_ratios_are_antisymmetric_and_transitive(law: Planted) -> None:
    table = law.table()
    fitted = fit(table, "y").law
    u, v, w = (_rows(table, r) for r in ([0, 1, 2], [3, 4, 5], [6, 7, 8]))
    np.testing.assert_allclose(fitted.ratio(u, v) * fitted.ratio(v, u), 1.0, rtol=1e-10)
    np.testing.assert_allclose(
        fitted.ratio(u, v) * fitted.ratio(v, w), fitted.ratio(u, w), rtol=1e-10
    )
    there, back = fitted.ratio(u, v, level=0.9), fitted.ratio(v, u, level=0.9)
    np.testing.assert_allclose(there.low * back.high, 1.0, rtol=1e-9)
    same = fitted.ratio(u, u, level=0.9)
    np.testing.assert_allclose([same.low, same.value, same.high], 1.0)


def test_a_ratio_needs_no_prefactor_and_takes_one_reference() -> None:
    data = pipe()
    law = fit(data, "tau_w").law
    one = _rows(data, [0])
    ratios = law.ratio(data, one)
    assert ratios.shape == (40,)
    np.testing.assert_allclose(ratios, law.predict_si(data) / law.predict_si(one), rtol=1e-12)
    wide = law.ratio(data, one, level=0.9, of="run")
    narrow = law.ratio(data, one, level=0.9)
    assert np.all(wide.high > narrow.high)


@pytest.mark.parametrize(
    ("name", "near"), [("l", "L"), ("LL", "L"), ("M", "m"), ("mm", "m"), ("g", ""), ("other", "")]
)
def test_a_name_like_an_absent_input_is_refused_and_a_further_column_is_noted(
    name: str, near: str
) -> None:
    length = np.geomspace(0.2, 2, 8)
    runs = {"L [m]": length, "m [kg]": [1.0, 2, 1, 3, 2, 1, 4, 2], "T [s]": 2.006 * length**0.5}
    law = fit(Dataset.from_columns(runs), "T", constants=["g"]).law
    given = {"L [m]": [1.0], "m [kg]": [2.0], "T [s]": [2.0]}
    assert law.predict(given).magnitude == pytest.approx(2.006)
    more = {f"{name} [1]": [2.0]}
    if near:
        point = {k: v for k, v in given.items() if k[0] != near} | more
        expected = rf"no input '{name}'; did you mean '{near}'\? Its inputs are L \[m\], m \[kg\]."
        for call in (law.predict, law.places, law.elasticities, lambda x: law.ratio(x, given)):
            with pytest.raises(InputError, match=expected):
                call(point)
    every = given | more
    for table in (every, pd.DataFrame(every), Dataset.from_columns(every)):
        with pytest.warns(DimgsWarning, match=f"not used: '{name}'"):
            assert law.predict(table).magnitude == pytest.approx(2.006)
        with pytest.warns(DimgsWarning, match=f"not used: '{name}'"):
            assert law.ratio(table, given) == pytest.approx(1.0)


def test_levels_and_kinds_of_intervals_are_ordered() -> None:
    data = pipe()
    law = fit(data, "tau_w").law
    wide, narrow = law.predict(_rows(data, [0]), 0.99), law.predict(_rows(data, [0]), 0.5)
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high
    of_law = law.predict(_rows(data, [0]), 0.99, of="law")
    assert wide.low < of_law.low
    bad: tuple[Any, ...] = (0.0, 1.0, -1.0, float("nan"), 90, True, "0.9", [0.9])
    for level in bad:
        sentence = re.escape(
            f"The level is {level!r}; give the coverage as a fraction, a number such as 0.9."
        )
        for asked in (partial(law.predict, data), partial(law.elasticities, data),
                      partial(fit, data, "tau_w")):  # fmt: skip
            with pytest.raises(InputError, match=sentence):
                asked(level=level)


def by_name(law: Law, data: Mapping[str, Array], rows: list[int]) -> tuple[dict[str, Any], Array]:
    """Groups and inputs as a law's gradients call them, and target over response group."""
    columns: dict[str, Any] = {n: x[rows] for n, x in data.items() if n != law.target.name}
    columns |= {v.name: v.value for v in law.known if v.value is not None}
    columns |= {v.name: 1.0 for v in law.scales}
    known: dict[str, Any] = {s: columns[v.name] for s, v in law.symbols.items()}
    factor = np.ones(len(rows))
    for group in (*law.groups, law.response):
        value = np.ones(len(rows))
        for name, power in group.exponents:
            if name != law.target.name:
                value = value * columns[name] ** float(power)
        if group is law.response:
            factor = factor / value
        else:
            known[group.name] = value
    return known, factor


def slopes(law: Law, data: Mapping[str, Array], rows: list[int]) -> Array:
    """Gradients of the law's parameters in some rows, evaluated one by one."""
    known, _ = by_name(law, data, rows)
    out = np.empty((len(rows), len(law.uncertainty.gradients)))
    for j, gradient in enumerate(law.uncertainty.gradients):
        for i in range(len(rows)):
            at = {k: np.broadcast_to(v, len(rows))[i] for k, v in known.items()}
            at |= law.constant_values
            used = {s: at[s.name] for s in gradient.free_symbols}
            out[i, j] = float(sympy.N(gradient.subs(used)))
    return out


@pytest.mark.parametrize("kind", KINDS)
def test_intervals_are_those_of_the_covariance(kind: str) -> None:
    """Of values and of ratios, of the law and of runs, on every scale of a response."""
    law, data = example(kind)
    u, v = [0, 1, 2, 4], [3, 4, 5, 6]
    one, two = _rows(data, u), _rows(data, v)
    if law.label_effects is not None:
        labels = np.asarray(data[law.label_effects.column])
        one[law.label_effects.column], two[law.label_effects.column] = labels[u], labels[v]
        n = np.array([law.label_effects.counts[x] for x in labels], dtype=float)
        label = np.stack(
            [1 / n[u], 1 / n[v], np.where(labels[u] == labels[v], 0, 1 / n[u] + 1 / n[v])]
        )
        label[:2] -= 1 / sum(law.label_effects.counts.values())
    else:
        label = np.zeros((3, 4))
    columns = {v.name: data[v.name] for v in data.variables}
    a, b = slopes(law, columns, u), slopes(law, columns, v)
    known = law.uncertainty
    kinds: tuple[tuple[Of, float], ...] = (("law", 0.0), ("run", 1.0))
    for of, run in kinds:
        half = known.half_width(a, 0.8, label[0] + run)
        value, low, high = law.predict(one, 0.8, of=of)
        if law.target.is_level:
            half = half / abs(law.target.unit.log_factor)
        if law.target.is_level or known.scale == "linear":
            half = half if law.target.is_level else half * by_name(law, columns, u)[1]
            np.testing.assert_allclose((low, high), (value - half, value + half), rtol=1e-9)
        else:
            np.testing.assert_allclose((low, high), value * np.exp([-half, half]), rtol=1e-9)
        g, h, runs = a, b, label[2] + 2 * run
        if known.scale == "linear":
            of_u, of_v = (
                by_name(law, columns, r)[1] / law.predict_si(_rows(data, r)) for r in (u, v)
            )
            g, h, runs = a * of_u[:, None], b * of_v[:, None], run * (of_u**2 + of_v**2)
        half = known.half_width(g - h, 0.8, runs)
        value, low, high = law.ratio(one, two, level=0.8, of=of)
        if law.target.is_level:
            half = half / abs(law.target.unit.log_factor)
            np.testing.assert_allclose(value, law.predict_si(one) - law.predict_si(two))
            np.testing.assert_allclose((low, high), (value - half, value + half), rtol=1e-9)
        else:
            np.testing.assert_allclose(value, law.predict_si(one) / law.predict_si(two))
            ends = np.sort(value * np.exp([[-1.0], [1.0]] * half), axis=0)
            np.testing.assert_allclose((low, high), ends, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_law_that_was_stored_has_the_same_intervals(kind: str) -> None:
    law, data = example(kind)
    stored = Law.from_json(json.dumps(law.to_json()))
    one, two = _rows(data, [0, 1, 2]), _rows(data, [3, 4, 5])
    for level in (0.5, 0.9):
        for mine, theirs in zip(law.predict(one, level), stored.predict(one, level), strict=True):
            np.testing.assert_allclose(np.asarray(theirs), np.asarray(mine), rtol=1e-9)
        ratios = (x.ratio(one, two, level=level) for x in (law, stored))
        for mine, theirs in zip(*ratios, strict=True):
            np.testing.assert_allclose(theirs, mine, rtol=1e-9)


def test_next_to_certainty_an_interval_has_no_end() -> None:
    few = Dataset.from_columns({"x [m]": [1.0, 2.0, 4.0], "y [m]": [1.0, 2.1, 3.9]})
    law = fit(few, "y").law
    sure = law.predict(few, level=1.0 - 1e-15)
    assert np.all(np.isinf(sure.high.magnitude))
    assert np.all(sure.low.magnitude >= 0)
    runs = law.ratio(_rows(few, [0]), _rows(few, [2]), level=1.0 - 1e-15, of="run")
    assert np.all(np.isinf(runs.high))


def test_a_model_test_is_inside_the_domain_and_another_regime_is_not() -> None:
    data = pipe()
    law = fit(data, "tau_w").law
    prototype = _rows(data, list(range(40)))
    # a hundred times larger and slower, in the same fluid: the same Reynolds number
    prototype |= {"D": prototype["D"] * 100, "U": prototype["U"] / 100}
    prototype |= {"eps": prototype["eps"] * 100}
    assert law.outside(prototype) == [[]] * 40
    assert np.all(prototype["D"] > law.domain.columns["D"][1])
    creeping = {**prototype, "U": prototype["U"] * 1e-6}
    (reynolds,) = [g.name for g in law.groups if g.known_as == "Reynolds number"]
    assert all(reynolds in row for row in law.outside(creeping))


@pytest.mark.parametrize("outside", [[], [7], [1, 2, 3], list(range(40))])
def test_rows_outside_the_domain_are_counted_in_one_warning(outside: list[int]) -> None:
    data = pipe()
    law = fit(data, "tau_w").law
    inside = _rows(data, list(range(40)))
    rows = {**inside, "U": inside["U"].copy()}
    rows["U"][outside] *= 1e-6
    in_feet = {**rows, "U": rows["U"] / 0.3048}
    assert {i for i, out in enumerate(law.outside(rows)) if out} == {*outside}
    calls: list[Callable[[], Any]] = [
        lambda: law.predict(rows),
        lambda: law.predict(rows, 0.9),
        lambda: law.ratio(inside, rows),
        lambda: law.with_units(U="ft/s").predict(in_feet),
        lambda: law.with_units(U="ft/s").predict(in_feet, 0.9),
    ]
    for call in calls:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call()
        assert [w.filename for w in caught] == [__file__] * bool(outside)
        for text in (str(w.message) for w in caught):
            assert text.startswith(f"{len(outside)} of 40 rows, first row {outside[0] + 1}, lie")
            assert all(str(why) in text for why in law.places(rows)[outside[0]].departures)


def test_idle_columns_are_optional_and_judged_where_they_are_given() -> None:
    data = pipe(seed=2)
    law = fit(data, "tau_w").law
    assert [v.name for v in law.unused] == ["eps"]
    without = data.without(["eps"])
    np.testing.assert_array_equal(law.predict_si(data), law.predict_si(without))
    assert law.outside(without) == [[]] * 40
    assert np.all(law.predict(without, 0.9).high > law.predict(without))
    rough = {n: data[n] for n in data.names} | {"eps": data["eps"] * 1e6}
    (roughness,) = [g.name for g in law.groups if g.get("eps")]
    assert all(roughness in row for row in law.outside(rough))
    assert np.all(law.predict(rough, 0.9).high > law.predict(without, 0.9).high.magnitude)


def test_an_unseen_combination_is_outside_though_each_group_is_in_range() -> None:
    rng = np.random.default_rng(0)
    a = np.exp(rng.uniform(-1, 1, 30))
    b = a * np.exp(0.01 * rng.normal(size=30))
    data = Dataset.from_columns({"a [1]": a, "b [1]": b, "y [1]": a * b**0.5})
    law = fit(data, "y").law
    low, high = float(min(a.min(), b.min())) * 1.1, float(max(a.max(), b.max())) / 1.1
    assert law.outside({"a": np.array([low, high]), "b": np.array([low, high])}) == [[], []]
    assert law.outside({"a": [low], "b": [high]}) == [["leverage"]]


def test_a_response_of_either_sign_is_predicted_with_intervals() -> None:
    rng = np.random.default_rng(1)
    U, L = rng.uniform(1, 3, 60), rng.uniform(0.1, 1, 60)
    force = 0.3 * U**2 * (1 + 1.5 * rng.normal(size=60))
    data = Dataset.from_columns({"U [m/s]": U, "L [m]": L, "F [m^2/s^2]": force})
    report = discover(data, "F", engine="power_law")
    assert report.fit is None
    assert report.law is not None
    scores = report.law.scores
    assert [scores.r2_log, scores.rmse_log, scores.cv_r2_log, scores.holdout_r2_log] == [None] * 4
    predicted = report.law.predict({n: data[n] for n in data.names}, 0.9)
    inside = (predicted.low < force) & (force < predicted.high)
    assert 0.8 < inside.mean() <= 1.0
    np.testing.assert_allclose(
        predicted.high - predicted.value, predicted.value - predicted.low, rtol=1e-9
    )


def _simulated(n: int, seed: int, noise: float = 0.1) -> Dataset:
    rng = np.random.default_rng(seed)
    a, b, c = np.exp(rng.uniform(-1, 1, (3, n)))
    # exponents that no small rational meets, so that nothing is snapped wrongly
    y = 2.0 * a * b**0.4142 * c**-1.2361 * np.exp(noise * rng.normal(size=n))
    return Dataset.from_columns({"L [m]": a, "W [m]": a * b, "H [m]": a * c, "y [m]": y})


def _covered(n: int, times: int) -> dict[str, float]:
    hits: dict[str, list[float]] = {"run": [], "ratio": [], "law": [], "prefactor": []}
    for seed in range(times):
        law: Law = fit(_simulated(n, seed), "y", Options(level=0.9)).law
        new = _simulated(20, 10_000 + seed)
        exact = _simulated(20, 10_000 + seed, noise=0.0)
        rows = {k: new[k] for k in new.names}
        runs = law.predict(rows, 0.9)
        hits["run"].append(float(np.mean((runs.low < new["y"]) & (new["y"] < runs.high))))
        of_law = law.predict(rows, 0.9, of="law")
        inside = (of_law.low < exact["y"]) & (exact["y"] < of_law.high)
        hits["law"].append(float(inside.mean()))
        first, second = _rows(new, list(range(10))), _rows(new, list(range(10, 20)))
        ratio = law.ratio(first, second, 0.9, of="run")
        truth = first["y"] / second["y"]
        hits["ratio"].append(float(np.mean((ratio.low < truth) & (truth < ratio.high))))
        prefactor = law.constants[0]
        assert prefactor.low is not None
        assert prefactor.high is not None
        hits["prefactor"].append(float(prefactor.low < 2.0 < prefactor.high))
    return {k: float(np.mean(v)) for k, v in hits.items()}


def test_intervals_cover_about_as_often_as_they_say() -> None:
    covered = _covered(n=20, times=60)
    assert 0.85 < covered["run"] < 0.95
    assert 0.85 < covered["ratio"] < 0.95
    assert 0.80 < covered["law"] < 0.97
    assert 0.80 < covered["prefactor"] < 0.98


@pytest.mark.slow
@pytest.mark.parametrize("n", [10, 15, 40])
def test_intervals_cover_at_other_sizes(n: int) -> None:
    covered = _covered(n=n, times=300)
    assert 0.87 < covered["run"] < 0.94
    assert 0.87 < covered["ratio"] < 0.94
    assert 0.86 < covered["law"] < 0.95
    assert 0.86 < covered["prefactor"] < 0.95
