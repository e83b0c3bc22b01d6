"""Runs are checked before anything is fitted, and nothing is dropped silently."""

import numpy as np
import pytest

from dimgs import Dataset, DimensionError, InputError, Options, read_table
from dimgs.discovery.prepare import prepare
from tests.cli.runner import Shell


def test_rows_dropped_are_counted_and_named(shell: Shell) -> None:
    rows = [(1, 2, 3), (0, 2, 3), (2, 1, "nan"), (3, 2, 1), (4, 4, -1), (5, 1, 2), (6, 2, 1.5)]
    path = shell.table("a [m],b [m],y [m]", rows)
    with pytest.raises(InputError, match="row 3"):
        prepare(read_table(path), "y", Options())
    prepared = prepare(read_table(path), "y", Options(drop_bad=True))
    assert prepared.design.n_runs == 4
    assert list(prepared.data.rows) == [1, 4, 6, 7]
    assert "3 rows were dropped (rows" in prepared.warnings[0]


def test_a_signed_target_is_allowed_only_where_asked(shell: Shell) -> None:
    path = shell.table("a [m],b [m],y [m]", [(k, k % 3 + 1, k - 3) for k in range(1, 9)])
    with pytest.raises(InputError, match="discover"):
        prepare(read_table(path), "y", Options())
    assert prepare(read_table(path), "y", Options(), any_sign=True).design.scale == "linear"


def test_constant_columns_duplicates_and_labels_are_named(shell: Shell) -> None:
    rows = [(1, 5, "x", 1), (2, 5, "x", 2), (2, 5, "x", 2), (3, 5, "y", 4), (4, 5, "y", 5)]
    path = shell.table("a [m],b [m],tag [label],y [m]", rows)
    warnings = " ".join(prepare(read_table(path), "y", Options()).warnings)
    assert "b never varied" in warnings
    assert "Label columns are not used: tag" in warnings
    assert "duplicate" in warnings or "same" in warnings


def test_a_target_that_never_varied_is_named(shell: Shell) -> None:
    path = shell.table("a [m],b [m],y [m]", [(k, k % 3 + 1, 7) for k in range(1, 9)])
    assert "'y' never varied" in prepare(read_table(path), "y", Options()).warnings[0]


def test_inverse_temperatures_must_be_absolute(shell: Shell) -> None:
    path = shell.table("T [delta_degC],k [1/s]", [(k, k) for k in (0, 1, 2, 3)])
    with pytest.raises(InputError, match="absolute temperature"):
        prepare(read_table(path), "k", Options(arrhenius="T", scales="auto"))


def test_a_target_without_inputs_must_be_a_number(shell: Shell) -> None:
    tilt = np.linspace(-1, 1, 6)
    path = shell.table("tilt [rad],y [m]", list(zip(tilt, np.exp(tilt), strict=True)))
    with pytest.raises(DimensionError, match="outside the span"):
        prepare(read_table(path), "y", Options())
    prepared = prepare(read_table(path), "y", Options(scales=["L0 [m]"]))
    assert [f.name for f in prepared.design.features] == ["tilt"]


@pytest.mark.parametrize("unit", ["1", "%", "dB"])
def test_no_automatic_scale_is_needed_by_a_number_of_a_temperature(shell: Shell, unit: str) -> None:
    rows = [(300 + 10 * k, np.exp(-1000 / (300 + 10 * k))) for k in range(8)]
    data = read_table(shell.table(f"T [K],S [{unit}]", rows))
    for asked in (Options(arrhenius="T"), Options(arrhenius="T", scales="auto")):
        assert [f.name for f in prepare(data, "S", asked).design.features] == ["T"]


@pytest.mark.parametrize(
    ("header", "start", "step", "dated"),
    [
        ("found [yr]", 1610, 15, True),
        ("Year [1]", 1990, 1, True),
        ("found [s]", 1610, 15, False),
        ("n [1]", 1610, 15, False),
        ("age [yr]", 12, 3, False),
        ("age [yr]", 1610.5, 15, False),
        ("age [yr]", 1610, 150, False),
    ],
)
def test_calendar_years_do_not_pass_for_durations(
    shell: Shell, header: str, start: float, step: float, dated: bool
) -> None:
    rows = [(start + step * k, 2.0 + k % 3, 5.0 + k) for k in range(9)]
    path = shell.table(f"{header},b [m],y [m]", rows)
    warnings = prepare(read_table(path), "y", Options(scales="auto")).warnings
    assert any("holds calendar years" in text for text in warnings) == dated


@pytest.mark.parametrize("groups", [2, 5])
def test_few_groups_to_leave_out_are_named(groups: int) -> None:
    x = np.linspace(1.0, 2.0, 20)
    lab = [f"lab {i % groups}" for i in range(20)]
    data = Dataset.from_columns({"x [m]": x, "y [m]": 2 * x, "lab": lab})
    warnings = prepare(data, "y", Options(split_by="lab")).warnings
    assert any("only 2 groups of 'lab'" in w for w in warnings) == (groups == 2)


def flow(factor: float = 1.0, digits: int = 4) -> Dataset:
    rng = np.random.default_rng(5)
    d, u, nu = np.exp(rng.uniform([-3.0, -1.0, -14.0], [-1.0, 1.0, -12.0], (40, 3))).T
    loss = (u * d / nu) ** -0.25 * u**2 * np.exp(0.03 * rng.standard_normal(40))
    number = factor * u * d / nu
    rounded = [f"{x:.{digits}g}" for x in number]
    columns = {"d [m]": d, "u [m/s]": u, "nu [m^2/s]": nu, "loss [m^2/s^2]": loss}
    return Dataset.from_columns({**columns, "Re [1]": [float(x) for x in rounded]})


@pytest.mark.parametrize("factor", [1.0, 0.25, np.pi])
def test_an_input_that_is_computed_from_others_is_left_out(factor: float) -> None:
    prepared = prepare(flow(factor), "loss", Options())
    assert "Re" not in prepared.data.names
    (note,) = (w for w in prepared.warnings if "adds nothing" in w)
    assert "'Re' equals" in note
    assert "d·u·nu⁻¹" in note
    # another one is left out if somebody wants it to be
    other = prepare(flow(factor).without(["d"]), "loss", Options())
    assert "Re" in other.data.names


def test_an_input_near_a_product_of_others_stays() -> None:
    data = flow()
    away = np.random.default_rng(1).normal(1.0, 0.02, 40)
    units = {n: f"{n} [{data.variable(n).si_unit}]" for n in data.names}
    noisy = Dataset.from_columns({units[n]: data[n] * (away if n == "Re" else 1.0) for n in units})
    assert "Re" in prepare(noisy, "loss", Options()).data.names
    # not a simple number times the product
    assert "Re" in prepare(flow(0.3), "loss", Options()).data.names


@pytest.mark.parametrize(("first", "warned"), [(1, True), (0, True), (None, False)])
def test_an_input_that_numbers_the_rows_is_named(first: int | None, warned: bool) -> None:
    rng = np.random.default_rng(0)
    number = np.arange(12) + (first or 0) if first is not None else rng.permutation(12) + 1
    x = rng.uniform(1.0, 9.0, 12)
    table = {"nr [1]": number + 0.0, "x [m]": x, "z [m]": x[::-1] ** 2, "y [m]": 3 * x}
    warnings = prepare(Dataset.from_columns(table), "y", Options()).warnings
    assert any("'nr' is" in w and "only numbers them" in w for w in warnings) == warned


def test_which_input_is_left_out_does_not_depend_on_the_order_of_columns() -> None:
    rng = np.random.default_rng(2)
    width, height, load = np.exp(rng.uniform(0.0, 2.0, (3, 20)))
    columns = {"b [m]": width, "h [m]": height, "F [N]": load, "A [m^2]": width * height}
    table = {**columns, "p [Pa]": load / (width * height) * np.exp(0.02 * rng.normal(size=20))}
    for names in (list(table), list(table)[::-1]):
        data = Dataset.from_columns({n: table[n] for n in names})
        assert {*data.names} - {*prepare(data, "p", Options()).data.names} == {"A"}


def test_rows_of_zeros_that_cost_a_unit_are_named(shell: Shell) -> None:
    rows = [
        (dp, d, d**2 * np.sqrt(dp))
        for dp, d in zip((0, 2, 5, 9, 20, 40), (1, 2, 3) * 2, strict=True)
    ]
    path = shell.table("dp [Pa],d [m],rho [kg/m^3],Q [m^3/s]", [(p, d, 2, q) for p, d, q in rows])
    warnings = " ".join(prepare(read_table(path), "Q", Options(), any_sign=True).warnings)
    assert "'dp' is zero in row 1: without these, its unit would restrict the law" in warnings
