"""Doubtful units warn with both readings on every way into a table, or are refused."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from dimgs.common.errors import DimgsWarning, InputError
from dimgs.dataset import Dataset, iter_chunks, read_table
from dimgs.dataset.raw import ReadOptions
from dimgs.dataset.read import TableInParts
from dimgs.groups.derive import pi_basis
from dimgs.variables import parse_unit
from dimgs.variables.units import doubt_of

VALUES = {"k": [0.5, 0.6], "q": [1.0, 2.0], "L": [0.1, 0.2], "T": [300.0, 310.0]}
OTHERS = {"q": "W/m^2", "L": "m", "T": "K"}


def _plain(
    folder: Path, header: str = "k,q,L,T", rows: str = "0.5,1,0.1,300\n0.6,2,0.2,310\n"
) -> Path:
    path = folder / "t.csv"
    path.write_text(f"{header}\n{rows}")
    return path


def _mapping(units: dict[str, str], folder: Path, **options: Any) -> Dataset:
    return read_table(_plain(folder), units=units, **options)


def _header(units: dict[str, str], folder: Path, **options: Any) -> Dataset:
    return read_table(_plain(folder, ",".join(f"{n} [{u}]" for n, u in units.items())), **options)


def _unit_row(units: dict[str, str], folder: Path, **options: Any) -> Dataset:
    rows = ",".join(units.values()) + "\n0.5,1,0.1,300\n"
    return read_table(_plain(folder, ",".join(units), rows), **options)


def _sidecar(units: dict[str, str], folder: Path, **options: Any) -> Dataset:
    (folder / "t.units.json").write_text(json.dumps(units))
    return read_table(_plain(folder), **options)


def _frame(units: dict[str, str], folder: Path, **options: Any) -> Dataset:
    frame = pd.DataFrame(VALUES)
    frame.attrs["units"] = units
    return read_table(frame, **options)


def _xarray(units: dict[str, str], folder: Path, **options: Any) -> Dataset:
    table = xr.Dataset({n: ("run", x, {"units": units[n]}) for n, x in VALUES.items()})
    return read_table(table, **options)


def _parquet(units: dict[str, str], folder: Path, **options: Any) -> Dataset:
    frame = pd.DataFrame({f"{n} [{u}]": VALUES[n] for n, u in units.items()})
    frame.to_parquet(folder / "t.parquet")
    return read_table(folder / "t.parquet", **options)


def _excel(units: dict[str, str], folder: Path, **options: Any) -> Dataset:
    frame = pd.DataFrame({f"{n} [{u}]": VALUES[n] for n, u in units.items()})
    frame.to_excel(folder / "t.xlsx", index=False)
    return read_table(folder / "t.xlsx", **options)


def _columns(units: dict[str, str], folder: Path, **options: Any) -> Dataset:
    return read_table(
        {f"{n} [{u}]": x for (n, u), x in zip(units.items(), VALUES.values(), strict=True)},
        **options,
    )


def _chunks(units: dict[str, str], folder: Path, **options: Any) -> Dataset:
    path = _plain(folder, ",".join(f"{n} [{u}]" for n, u in units.items()))
    return next(iter_chunks(path, 1, **options))


def _parts(units: dict[str, str], folder: Path, **options: Any) -> Dataset:
    path = _plain(folder, ",".join(f"{n} [{u}]" for n, u in units.items()))
    return next(TableInParts(path, 1, ReadOptions(**options)).parts()).data


WAYS = [
    *(_mapping, _header, _unit_row, _sidecar, _frame, _xarray, _parquet, _excel, _columns),
    *(_chunks, _parts),
]


@pytest.mark.parametrize("way", WAYS)
def test_every_way_in_warns_or_refuses(way: Callable[..., Dataset], tmp_path: Path) -> None:
    data = way({"k": "W/mK", **OTHERS}, tmp_path)
    (warning,) = [w for w in data.warnings if "reads as" in w]
    assert "'W/mK' reads as watt / millikelvin, but W/(m*K) may be meant" in warning
    with pytest.raises(InputError, match=r"'k' .*watt / millikelvin, but W/\(m\*K\).*strict-units"):
        way({"k": "W/mK", **OTHERS}, tmp_path, strict_units=True)
    assert not way({"k": "W/(m*K)", **OTHERS}, tmp_path, strict_units=True).warnings


@pytest.mark.parametrize(
    ("doubted", "others", "only"),
    [
        ("W/mK", {"k2": "W/(m*K)", "U": "m/s"}, "W/(m*K)"),
        ("W/mK", {"k2": "W/K"}, "watt / millikelvin"),
        ("Nm", {"F": "N", "L": "m"}, "N*m"),
        ("mu m", {"L": "m"}, "µm"),
        ("Nm3/h", {"V": "m^3", "t": "s"}, None),
        ("m/s K", {"U": "m/s", "beta": "1/K"}, None),
        ("C", {"T2": "K"}, "degC"),
        ("k", {"T2": "K"}, "K"),
    ],
)
def test_the_reading_that_alone_fits_is_named(
    doubted: str, others: dict[str, str], only: str | None
) -> None:
    units = {"x": doubted, **others}
    data = Dataset.from_columns({f"{n} [{u}]": [1.0, 2.0] for n, u in units.items()})
    (warning,) = data.warnings
    assert (only is not None) == ("only" in warning)
    if only is not None:
        assert f"; only {only} fits the dimensions of the other columns" in warning


@pytest.mark.parametrize(
    "headers",
    [
        ("q [C]", "V [V]", "F [F]"),
        ("q [C]", "r [m]"),
        ("E [N/C]", "r [m]"),
        ("C_1 [F]", "r [m]"),
        ("x [label]", "k [J/K]"),
    ],
)
def test_units_that_are_likely_as_they_stand_are_left_alone(headers: tuple[str, ...]) -> None:
    columns = {h: ["a", "b"] if "label" in h else [1.0, 2.0] for h in headers}
    assert Dataset.from_columns(columns).warnings == ()


@pytest.mark.parametrize(
    ("header", "meant"),
    [
        ("T [C]", "degC"),
        ("wall temp [F]", "degF"),
        ("h [W/(m2 C)]", "W/(m^2*degC)"),
        ("h [Btu/(hr ft2 F)]", "Btu/(hr*ft^2*degF)"),
        ("cp [J/kg/C]", "J/(kg*degC)"),
    ],
)
def test_degrees_written_as_coulombs_and_farads_are_doubted(header: str, meant: str) -> None:
    (warning,) = Dataset.from_columns({header: [1.0, 2.0], "p [kPa]": [1.0, 2.0]}).warnings
    assert f"but {meant} may be meant" in warning
    with pytest.warns(DimgsWarning, match=f"but {re.escape(meant)} may be meant"):
        pi_basis([header, "p [kPa]"])


@pytest.mark.parametrize("header", ["L [m][s]", "L [m] [s]", "L[m][s]", "L [m; width][s]"])
def test_a_header_with_two_units_is_refused(header: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"{header},T [K]\n1,2\n")
    for source in (path, pd.DataFrame({header: [1.0]}), {header: [1.0]}):
        with pytest.raises(InputError, match=r"has two units, 'm.*' and 's'"):
            read_table(source)


@given(
    st.sampled_from(["mu·{}", "{} mu", "mu × {}", "mu*{}", "mu ({})", "mu/{}"]),
    st.integers(-9, 9).filter(bool),
    st.sampled_from(["10^{}", "10**{}", "1e{}"]),
    st.sampled_from(["N·s/m²", "mm", "%", "1/K"]),
)
def test_a_power_of_ten_in_a_name_is_no_part_of_its_numbers(
    form: str, power: int, ten: str, unit: str
) -> None:
    name = form.format(ten.format(power))
    reading = doubt_of(name, unit)
    assert reading is not None
    assert reading.unit is not None
    size = 10.0 ** (power if "/" in form else -power)
    assert reading.unit.factor == pytest.approx(parse_unit(unit).factor * size)
    # neither reading is in doubt once it is written, the second without the factor in the name
    assert doubt_of(name, reading.literal) is None
    assert doubt_of("mu", reading.meant) is None


@pytest.mark.parametrize("name", ["log p", "log10(p)", "ln p", "lg p", "Log_p"])
def test_a_logarithm_in_a_name_is_in_doubt_unless_its_unit_is_one(name: str) -> None:
    reading = doubt_of(name, "Pa")
    assert reading is not None
    assert reading.meant == ("ln(Pa)" if name.startswith("ln") else "log10(Pa)")
    assert doubt_of(name, reading.meant) is None
    assert doubt_of(name, "1") is None


@pytest.mark.parametrize(
    "name", ["length", "lnx", "S at 10^6 cycles", "x10", "Re10", "loge", "10", "lg", "log"]
)
def test_other_names_are_in_no_doubt(name: str) -> None:
    assert doubt_of(name, "MPa") is None


@pytest.mark.parametrize(
    "form",
    [
        "u({})",
        "{} ±",
        "±{}",
        "sd_{}",
        "{}_std",
        "uncertainty of {}",
        "{} SE",
        "{} error",
        "sigma_{}",
        "σ_{}",
        "stdev {}",
        "{} unc.",
        "{} s.e.",
    ],
)
def test_a_column_named_as_an_uncertainty_does_not_pass_for_an_input(form: str) -> None:
    name = form.format("p")
    others = {"T [K]": [300.0, 310.0], "p [kPa]": [1.0, 2.0]}
    data = read_table({**others, f"{name} [Pa]": [10.0, 20.0]})
    (note,) = data.warnings
    assert f"'{name}'" in note
    assert "name it 'p_err'" in note
    # of another dimension, or of a column that is not there, it is a quantity of its own
    assert not read_table({**others, f"{name} [m]": [10.0, 20.0]}).warnings
    assert not read_table({"T [K]": [300.0, 310.0], f"{name} [Pa]": [10.0, 20.0]}).warnings


@pytest.mark.parametrize("name", ["P_err", "Sigma_P", "P std"])
def test_an_uncertainty_is_that_of_a_column_in_another_case(name: str) -> None:
    (note,) = read_table({"p [kPa]": [1.0, 2.0], f"{name} [kPa]": [0.1, 0.1]}).warnings
    assert "name it 'p_err'" in note
    both = {"p [kPa]": [1.0, 2.0], "P [kPa]": [3.0, 5.0], "P_err [kPa]": [0.1, 0.1]}
    assert not read_table(both).warnings


@pytest.mark.parametrize("form", ["d{}", "Δ{}", "δ {}", "delta_{}", "Delta {}"])
def test_an_uncertainty_or_a_difference_is_left_to_the_reader(form: str) -> None:
    name, others = form.format("p"), {"T [K]": [300.0, 310.0], "p [kPa]": [1.0, 2.0]}
    (note,) = read_table({**others, f"{name} [Pa]": [10.0, 20.0]}).warnings
    assert f"'{name}'" in note
    for remedy in ("p_err", "change_of_p"):
        assert f"'{remedy}' if it is" in note
        assert not read_table({**others, f"{remedy} [Pa]": [10.0, 20.0]}).warnings
    assert not read_table({**others, f"{name} [m]": [10.0, 20.0]}).warnings
    assert not read_table({"T [K]": [300.0, 310.0], f"{name} [Pa]": [10.0, 20.0]}).warnings


def test_a_sign_alone_belongs_to_the_column_before_it() -> None:
    table = {"p [kPa]": [1.0, 2.0], "T [K]": [300.0, 310.0], "± [K]": [1.0, 1.0]}
    (note,) = read_table(table).warnings
    assert "name it 'T_err'" in note
    names = [*table]
    assert not read_table({n: table[n] for n in (names[1], names[0], names[2])}).warnings


def test_the_standard_error_of_a_column_is_named_without_a_doubt() -> None:
    assert not read_table({"p [kPa]": [1.0, 2.0], "p_err [kPa]": [0.1, 0.1]}).warnings
    assert not read_table({"x [mm]": [1.0, 2.0], "u_x [mm]": [0.1, 0.1]}).warnings
