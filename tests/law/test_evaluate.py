"""Inputs of a law in any container and any unit give the same answer, or one clear sentence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dimgs import Dataset
from dimgs.common.errors import DimgsWarning, InputError
from dimgs.discovery.discover import fit
from dimgs.law.law import Law
from dimgs.law.prediction import evaluate
from dimgs.variables import Variable, parse_unit, registry
from tests.law.examples import example

KINDS = ("power", "regimes", "arrhenius", "level", "linear", "within")
UNITS = {
    "m": ("mm", "ft", "km"),
    "m/s": ("km/h", "ft/s", "inch/min"),
    "kg/m^3": ("g/cm^3", "lb/ft^3"),
    "Pa*s": ("cP", "mPa*s"),
    "m^2/s": ("cSt", "cm^2/s"),
    "K": ("degC", "degF", "degR"),
    "1": ("%", "ppm"),
}
Columns = dict[str, tuple[Any, str]]


def _alternatives(variable: Variable) -> tuple[str, ...]:
    dimension = variable.dimension
    same = [u for si, u in UNITS.items() if parse_unit(si).dimension == dimension]
    return () if variable.is_level else tuple(x for units in same for x in units)


def _mapping(columns: Columns, _: Path) -> Any:
    return {n: registry().Quantity(x, u) if u != "label" else x for n, (x, u) in columns.items()}


def _headed_mapping(columns: Columns, _: Path) -> Any:
    return {f"{n} [{u}]": x for n, (x, u) in columns.items()}


def _headers(columns: Columns, _: Path) -> Any:
    return pd.DataFrame({f"{n} [{u}]": x for n, (x, u) in columns.items()})


def _attributes(columns: Columns, _: Path) -> Any:
    frame = pd.DataFrame({n: x for n, (x, _) in columns.items()})
    frame.attrs["units"] = {n: u for n, (_, u) in columns.items()}
    return frame


def _cells(columns: Columns, _: Path) -> Any:
    Q = registry().Quantity
    return pd.DataFrame(
        {n: [v if u == "label" else Q(v, u) for v in x] for n, (x, u) in columns.items()}
    )


def _xarray(columns: Columns, _: Path) -> Any:
    return xr.Dataset({n: ("run", np.asarray(x), {"units": u}) for n, (x, u) in columns.items()})


def _arrays(columns: Columns, _: Path) -> Any:
    return dict(_xarray(columns, _).data_vars)


def _series(columns: Columns, _: Path) -> Any:
    out = {n: pd.Series(x) for n, (x, _) in columns.items()}
    for name, series in out.items():
        series.attrs["units"] = columns[name][1]
    return out


def _dataset(columns: Columns, _: Path) -> Any:
    return Dataset.from_columns(_headed_mapping(columns, _))


def _csv(columns: Columns, folder: Path) -> Any:
    _headers(columns, folder).to_csv(folder / "new.csv", index=False)
    return folder / "new.csv"


def _unit_row(columns: Columns, folder: Path) -> Any:
    frame = pd.DataFrame({n: [u, *x] for n, (x, u) in columns.items()})
    frame.to_csv(folder / "rows.csv", index=False)
    return str(folder / "rows.csv")


CONTAINERS: list[Callable[[Columns, Path], Any]] = [
    *(_mapping, _headed_mapping, _headers, _attributes, _cells, _xarray, _arrays, _series),
    *(_dataset, _csv, _unit_row),
]


def _in_units(draw: st.DrawFn, law: Law, rows: Dataset) -> Columns:
    """The law's inputs, each in a unit drawn for it."""
    columns: Columns = {}
    for variable in (*law.symbols.values(), *law.unused):
        text = draw(st.sampled_from([variable.unit.text, *_alternatives(variable)]))
        unit = parse_unit(text)
        values = rows[variable.name]
        columns[variable.name] = (values if variable.is_level else unit.from_si(values), text)
    if law.label_effects is not None:
        name = law.label_effects.column
        columns[name] = (list(rows[name]), "label")
    return columns


def _si(value: Any) -> Any:
    if not hasattr(value, "units"):
        return np.asarray(value)
    # in the base units of a level is what it is the logarithm of
    is_level = value.units == registry().dB
    return np.asarray((value if is_level else value.to_base_units()).magnitude)


@pytest.mark.parametrize("container", CONTAINERS)
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(draw=st.data(), kind=st.sampled_from(KINDS))
def test_no_answer_depends_on_the_units_of_the_inputs(
    draw: st.DataObject, kind: str, container: Callable[[Columns, Path], Any], tmp_path: Path
) -> None:
    law, data = example(kind)
    if draw.draw(st.booleans()):
        law = Law.from_json(json.dumps(law.to_json()))
    rows, others = data.take([0, 3, 8]), data.take([5, 2, 11])
    given_rows = container(draw.draw(st.composite(_in_units)(law, rows)), tmp_path)
    with_interval = law.predict(given_rows, level=0.9)
    expected = law.predict(rows, level=0.9)
    for one, two in zip(with_interval, expected, strict=True):
        np.testing.assert_allclose(_si(one), _si(two), rtol=1e-9)
    np.testing.assert_allclose(law.predict_si(given_rows), law.predict_si(rows), rtol=1e-9)
    assert law.outside(given_rows) == law.outside(rows)
    for name, slope in law.elasticities(given_rows).items():
        np.testing.assert_allclose(slope, law.elasticities(rows)[name], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(law.ratio(given_rows, others), law.ratio(rows, others), rtol=1e-9)
    in_other_units = law.with_units({n: u[0] for n, u in _chosen_units(law).items()})
    np.testing.assert_allclose(
        in_other_units.predict(given_rows), in_other_units.predict(rows), rtol=1e-9
    )


def _chosen_units(law: Law) -> dict[str, tuple[str, ...]]:
    alternatives = {v.name: _alternatives(v) for v in law.symbols.values()}
    return {name: units for name, units in alternatives.items() if units}


def test_pint_dtypes_are_converted() -> None:
    pytest.importorskip("pint_pandas")
    law, data = example("power")
    types: dict[str, Any] = {v.name: f"pint[{v.si_unit}]" for v in data.variables}
    columns = {n: data[n] for n in data.names} | {"D": data["D"] * 1e3}
    frame = pd.DataFrame(columns).astype(types | {"D": "pint[mm]"})
    np.testing.assert_allclose(law.predict_si(frame), law.predict_si(data), rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_scalars_give_scalars(kind: str) -> None:
    law, data = example(kind)
    Q = registry().Quantity
    row = data.take([4])
    names = [v.name for v in law.symbols.values()]
    plain = {n: float(row[n][0]) for n in names}
    quantities: dict[str, Any] = {}
    for v in law.symbols.values():
        text = next(iter(_alternatives(v)), v.unit.text)
        value = float(row[v.name][0])
        quantities[v.name] = value if v.is_level else Q(parse_unit(text).from_si(value), text)
    coordinates = xr.Dataset({n: ((), x, {"units": law_unit(law, n)}) for n, x in plain.items()})
    expected = law.predict_si({n: [x] for n, x in plain.items()})[0]
    for inputs in (plain, quantities, coordinates):
        predicted = law.predict(inputs)
        assert np.ndim(getattr(predicted, "magnitude", predicted)) == 0
        assert float(_si(predicted)) == pytest.approx(expected, rel=1e-9)
        assert all(np.ndim(x) == 0 for x in law.elasticities(inputs).values())
        assert np.ndim(law.ratio(inputs, plain)) == 0
        assert law.ratio(inputs, plain) == pytest.approx(0.0 if law.target.is_level else 1.0)
        assert len(law.outside(inputs)) == 1


def law_unit(law: Law, name: str) -> str:
    return next(v.si_unit for v in law.symbols.values() if v.name == name)


def test_a_table_without_units_is_refused_by_name() -> None:
    law, data = example("power")
    arrays = {n: np.asarray(data[n]) for n in data.names}
    for table in (pd.DataFrame(arrays), xr.Dataset({n: ("run", x) for n, x in arrays.items()})):
        with pytest.raises(InputError, match=r"needs the unit of ('\w+', )+.*'D \[m\]'.*SI units"):
            law.predict(table)
    np.testing.assert_allclose(law.predict(arrays), law.predict_si(data))


def test_dimensionless_inputs_and_labels_need_no_unit(tmp_path: Path) -> None:
    law, data = example("within")
    path = tmp_path / "numbers.csv"
    units = {v.name: v.unit.text for v in law.symbols.values()}
    rows = data.take([0, 1, 2])
    frame = pd.DataFrame({f"{n} [{u}]": rows[n] for n, u in units.items()})
    frame["rig"] = list(rows["rig"])
    frame["comment"] = [1.0, None, 3.0]
    frame.to_csv(path, index=False)
    np.testing.assert_allclose(law.predict_si(path), law.predict_si(rows), rtol=1e-12)
    assert law.outside(path) == law.outside(rows)


def test_what_cannot_stand_for_an_input_is_refused() -> None:
    law, data = example("arrhenius")
    row = {v.name: registry().Quantity(float(data[v.name][0]), v.si_unit) for v in data.variables}
    with pytest.raises(InputError, match="'T' is given in 'delta_degree_Celsius'"):
        law.predict({**row, "T": registry().Quantity(20.0, "delta_degC")})
    law, data = example("level")
    assert law.target.is_level

    class Foreign:
        unit, value = "mm", 3.0

    with pytest.raises(InputError, match="'U' carries a unit in a form that is not read"):
        law.predict({"U": Foreign(), "D": 1.0, "L": 1.0})


@pytest.mark.parametrize("unit", ["dB", "octave", "decade", "pH", "mag"])
def test_a_predicted_level_has_its_unit(unit: str) -> None:
    r = np.geomspace(1, 30, 12)
    data = Dataset.from_columns({"r [m]": r, f"L [{unit}]": 80 - 20 * np.log10(r)})
    level = fit(data, "L", scales="auto").law.predict(data)
    np.testing.assert_allclose(level.magnitude, data["L"], rtol=1e-9)
    is_of_pint = unit not in ("pH", "mag")
    assert level.units == registry().Unit(unit if is_of_pint else "")
    if is_of_pint:
        np.testing.assert_allclose(level.to(unit).magnitude, data["L"], rtol=1e-9)
        again = Dataset.from_columns({"r [m]": r, "L": level})
        assert again.variable("L").unit.accepts(data.variable("L").unit)


def test_a_doubtful_unit_is_told_when_predicting() -> None:
    law, data = example("power")
    frame = data.to_pandas()
    frame.columns = pd.Index(["mu [kg/m s]" if h[:3] == "mu " else h for h in frame.columns])
    with (
        pytest.warns(DimgsWarning, match=r"kilogram \* second / meter, but kg/\(m\*s\)"),
        pytest.raises(InputError, match="'mu' is given in 'kg/m s'"),
    ):
        law.predict(frame)


@pytest.mark.parametrize(
    ("text", "expected"), [("1/(c + 1)", np.inf), ("sqrt(c)", np.nan), ("log(c + 1)", -np.inf)]
)
@pytest.mark.parametrize("number", [-1.0, np.full(3, -1.0)])
def test_numbers_end_where_rows_of_them_end(text: str, expected: float, number: Any) -> None:
    value = evaluate(sympy.sympify(text), {"c": number}, 3)
    np.testing.assert_array_equal(value, np.full(3, expected))


def test_numbers_alone_end_there_too() -> None:
    expression = sympy.Symbol("x") * sympy.Pow(sympy.Float(-0.5), sympy.pi)
    assert np.isnan(evaluate(expression, {"x": np.ones(2)}, 2)).all()
    assert evaluate(expression**2 * 0 + 3, {"x": np.ones(2)}, 2).tolist() == [3.0, 3.0]


def test_a_condition_of_constants_stands_beside_conditions_of_the_rows() -> None:
    x, b = sympy.symbols("x b")
    law = sympy.Piecewise((x, (b > 1) & (x > 2)), (2 * x, b > 1), (3 * x, True))
    rows = np.array([1.0, 3.0])
    assert evaluate(law, {"x": rows, "b": 2.0}, 2).tolist() == [2.0, 3.0]
    assert evaluate(law, {"x": rows, "b": 0.5}, 2).tolist() == [3.0, 9.0]
