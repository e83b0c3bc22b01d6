"""Traps that a pooled fit walks into are named, and sound tables raise no alarm."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dimgs import Dataset, read_table
from dimgs.discovery.discover import fit
from tests.planted import pipe


def _grouped(slope_between: float, gap: float, seed: int = 0) -> Dataset:
    """y = a (a/b)^-1/2 inside each group; groups differ by `gap` along `slope_between`."""
    rng = np.random.default_rng(seed)
    columns: dict[str, list[float]] = {"a": [], "b": [], "y": []}
    labels = []
    for k in range(4):
        x = k * 1.5 + rng.uniform(-0.7, 0.7, 12)
        size = np.exp(rng.normal(size=12))
        log = -0.5 * x + k * (slope_between + 0.5) * 1.5 + k * gap + 0.05 * rng.normal(size=12)
        columns["a"] += list(size * np.exp(x))
        columns["b"] += list(size)
        columns["y"] += list(size * np.exp(x + log))
        labels += [f"site {k}"] * 12
    return Dataset.from_columns(
        {"a [m]": columns["a"], "b [m]": columns["b"], "y [m]": columns["y"], "site": labels}
    )


def test_simpsons_trap_is_named_with_the_remedy() -> None:
    warnings = fit(_grouped(slope_between=0.8, gap=0.0), "y").warnings
    (trap,) = [w for w in warnings if "Simpson's trap" in w]
    assert "--within site" in trap
    assert "site 3 -0." in trap


def test_groups_that_disagree_are_named() -> None:
    data = pipe(noise=0.02)
    columns = {f"{n} [{data.variable(n).si_unit}]": data[n] for n in data.names}
    columns["tau_w [Pa]"] = data["tau_w"] * np.repeat([1.0, 2.54], 20)
    table = Dataset.from_columns({**columns, "lab": ["A"] * 20 + ["B"] * 20})
    (apart,) = [w for w in fit(table, "tau_w").warnings if "disagree" in w]
    assert "'B' lies 2.5" in apart


def test_groups_are_compared_only_where_their_inputs_overlap() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([k + rng.uniform(0.0, 0.7, 15) for k in (0.0, 0.3, 5.0)])
    step = np.repeat([0.0, 0.2, 2.0], 15)
    b = np.exp(rng.normal(size=45))
    table = Dataset.from_columns(
        {
            "a [m]": np.exp(x) * b,
            "b [m]": b,
            "y [m]": b * np.exp(0.5 * x + step + 0.02 * rng.normal(size=45)),
            "lab": np.repeat(["A", "B", "C"], 15),
        }
    )
    (apart,) = [w for w in fit(table, "y").warnings if "disagree" in w]
    assert "'B' lies 1.2" in apart
    assert "'C'" not in apart


def test_inputs_that_are_the_same_within_every_group_are_named_as_confounded() -> None:
    rng = np.random.default_rng(0)
    x, b = np.repeat(rng.normal(size=6), 8), np.exp(rng.normal(size=48))
    noise = np.repeat(0.3 * rng.normal(size=6), 8) + 0.02 * rng.normal(size=48)
    table = Dataset.from_columns(
        {
            "a [m]": np.exp(x) * b,
            "b [m]": b,
            "y [m]": b * np.exp(0.5 * x + noise),
            "lab": np.repeat(list("ABCDEF"), 8),
        }
    )
    warnings = fit(table, "y").warnings
    (said,) = [w for w in warnings if "same within every group" in w]
    assert "--split-by lab" in said
    assert not any("disagree" in w or "trap" in w for w in warnings)


@pytest.mark.parametrize("seed", range(8))
def test_sound_groups_raise_no_alarm(seed: int) -> None:
    data = pipe(noise=0.05, seed=seed)
    columns = {f"{n} [{data.variable(n).si_unit}]": data[n] for n in data.names}
    table = Dataset.from_columns({**columns, "lab": ["A", "B"] * 20})
    warnings = fit(table, "tau_w").warnings
    assert not any("disagree" in w or "trap" in w for w in warnings)


def test_a_flattering_pi_0_is_named() -> None:
    rng = np.random.default_rng(0)
    U, L = np.exp(rng.normal(size=(2, 40)))
    nu = np.exp(2 * rng.normal(size=40))
    # the target hardly depends on anything, yet pi_0 = y/U shares U and nu with the group
    y = np.exp(0.3 * rng.normal(size=40))
    data = Dataset.from_columns({"U [m/s]": U, "L [m]": L, "nu [m^2/s]": nu, "y [m^4]": y})
    warnings = fit(data, "y").warnings
    assert any("would flatter the law" in w for w in warnings)


def test_a_leaked_column_is_named_with_the_remedy() -> None:
    data = pipe(noise=0.1)
    columns = {f"{n} [{data.variable(n).si_unit}]": data[n] for n in data.names}
    table = Dataset.from_columns({**columns, "F [N]": 4 * data["tau_w"] * data["D"] ** 2})
    assert any("--drop D,F" in w for w in fit(table, "tau_w").warnings)


def test_directions_that_never_varied_are_named() -> None:
    rng = np.random.default_rng(0)
    a, c = np.exp(rng.normal(size=(2, 20)))
    data = Dataset.from_columns({"a [1]": a, "b [1]": 2 * a**2, "c [1]": c, "y [1]": a * c**0.5})
    fitted = fit(data, "y")
    assert len(fitted.collinear) == 1
    assert any("cannot separate exponents along" in w for w in fitted.warnings)
    np.testing.assert_allclose(fitted.law.predict_si(data), data["y"], rtol=1e-8)


def _pipe(relative_roughness: np.ndarray[Any, np.dtype[np.float64]] | float) -> Dataset:
    rng = np.random.default_rng(8)
    D, U, L = np.exp(rng.uniform(-1, 1, (3, 40)))
    reynolds = 1e6 * U * D
    e = D * relative_roughness * (reynolds / 1e6) ** 0.5
    e = D * relative_roughness if isinstance(relative_roughness, float) else e
    dp = 1000 * U**2 * (L / D) * reynolds**-0.25 * np.exp(0.05 * rng.normal(size=40))
    inputs = {"U [m/s]": U, "D [m]": D, "L [m]": L, "e [m]": e, "nu [m^2/s]": np.full(40, 1e-6)}
    return Dataset.from_columns({**inputs, "q [m^2/s^2]": dp})


def test_what_the_runs_cannot_separate_is_a_monomial_of_the_columns() -> None:
    apart = fit(_pipe(np.full(40, 0.01)), "q").warnings
    assert any("separate exponents along D³·U·e⁻²·nu⁻¹, which never" in w for w in apart)
    constant = fit(_pipe(0.01), "q").warnings
    assert any(w.startswith("D·e⁻¹ never varied though D did") for w in constant)


@pytest.mark.parametrize("seed", [2, 3, 11])
def test_labels_that_the_inputs_tell_apart_raise_no_alarm(seed: int) -> None:
    rng = np.random.default_rng(seed)
    material = np.repeat([0, 1, 2], [70, 12, 8])
    U, L = np.exp(0.4 * rng.normal(size=(2, 90)))
    columns: dict[str, object] = {"U [m/s]": U, "L [m]": L}
    properties = 1e-4 * np.exp(rng.normal(size=(4, 3)))
    columns |= {f"{n} [m^2/s]": p[material] for n, p in zip("abcd", properties, strict=True)}
    y = L * (properties[0][material] / (U * L)) ** 0.5 * np.exp(0.3 * rng.normal(size=90))
    table = Dataset.from_columns({**columns, "y [m]": y, "material": [f"m{k}" for k in material]})
    assert not any("disagree" in w for w in fit(table, "y").warnings)


@pytest.mark.parametrize("kind", ["file", "file without units of labels", "dataset", "parquet"])
def test_labels_that_no_list_of_columns_names_are_tested_too(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    L, site = rng.uniform(0.2, 3.0, 24), np.where(np.arange(24) % 2, "A", "B")
    T = 2 * np.sqrt(L) * np.where(site == "A", 1.0, 1.25) * np.exp(rng.normal(0.0, 0.005, 24))
    frame = pd.DataFrame({"L [m]": L, "site": site, "T [s]": T})
    path = tmp_path / f"t.{'parquet' if kind == 'parquet' else 'csv'}"
    frame.to_parquet(path) if kind == "parquet" else frame.to_csv(path, index=False)
    if kind == "file":
        path.write_text(path.read_text().replace("site", "site [label]"))
    data = read_table(path) if kind == "dataset" else path
    options: dict[str, Any] = {"constants": ["g"], "columns": ["L"]}
    assert any("groups of 'site' disagree" in w for w in fit(data, "T", **options).warnings)
    dropped = fit(data, "T", drop=["site"], **options).warnings
    assert not any("site" in w for w in dropped)


def _boiling(seed: int, kelvin: tuple[float, ...]) -> Dataset:
    """Vapour pressures of liquids with these activation temperatures."""
    rng = np.random.default_rng(seed)
    T = rng.uniform(300, 450, 10 * len(kelvin))
    heat, liquid = np.repeat(kelvin, 10), np.repeat(np.arange(len(kelvin)), 10)
    p = np.exp(15 + liquid - heat / T + 0.02 * rng.normal(size=len(T)))
    table = {"T [K]": T, "p [kPa]": p, "liquid [label]": np.array(list("abcdef"))[liquid]}
    return Dataset.from_columns(table)


@pytest.mark.parametrize("option", ["within", "by"])
def test_groups_whose_exponents_differ_are_named_with_them(option: str) -> None:
    asked: dict[str, Any] = {option: "liquid" if option == "within" else ["liquid"]}
    apart = fit(_boiling(0, (7000.0, 5000.0, 5100.0)), "p", scales="auto", arrhenius="T", **asked)
    (note,) = (w for w in apart.warnings if "different activation temperatures" in w)
    found = [float(x) for x in re.findall(r"[abc] (\d+) K", note)]
    assert found == pytest.approx([7000.0, 5000.0, 5100.0], rel=0.02)
    alike = fit(_boiling(1, (5000.0,) * 3), "p", scales="auto", arrhenius="T", **asked)
    assert not any("different" in w for w in alike.warnings)


def test_rounding_that_may_be_the_scatter_is_named() -> None:
    rng = np.random.default_rng(0)
    x = np.exp(rng.uniform(0.0, 2.0, 30))
    y = 2.0 * x**1.5 * np.exp(0.01 * rng.normal(size=30))

    def advice(x: Any, y: Any, **options: Any) -> list[str]:
        data = Dataset.from_columns({"x [mm]": x, "y [s]": y})
        return [w for w in fit(data, "y", scales="auto", **options).warnings if "rounding" in w]

    assert advice(x, y) == []
    (line,) = advice(np.round(x, 1), y)
    assert line.startswith("If 'x' holds readings")
    assert "--rounded x" in line
    share = float(re.findall(r"explains (\d+) %", line)[0])
    assert 50.0 < share <= 100.0
    assert advice(np.round(x, 1), y, rounded="x") == []
    # values that were set, and scatter that rounding cannot explain
    chosen = np.repeat([1.0, 2.0, 3.0, 5.0, 7.0], 6)
    assert advice(chosen, 2.0 * chosen**1.5 * y / x**1.5) == []
    assert advice(np.round(x, 1), y * np.exp(0.2 * rng.normal(size=30))) == []
