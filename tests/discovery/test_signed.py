"""Inputs with a unit that vanish or change sign: laws are found, and mean the same anyhow."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

import dimgs
from dimgs import Dataset, Law
from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.discovery.explore import explore

Columns = Mapping[str, Array]
N = 40
RNG = np.random.default_rng(5)
X, V, A = (RNG.uniform(-2, 2, N) for _ in range(3))
K, M, R = RNG.uniform(1, 9, N), RNG.uniform(1, 4, N), RNG.uniform(0.2, 1, N)
T = np.linspace(0, 5, N)
Q1, Q2 = RNG.uniform(-1e-6, 1e-6, (2, N))
COULOMB = 1 / (4 * np.pi * 8.8541878188e-12)
PLANTED: dict[str, tuple[Columns, str, Array, tuple[str, ...]]] = {
    "spring": ({"k [N/m]": K, "x [m]": X}, "F [N]", -K * X, ()),
    "charges": (
        {"q1 [C]": Q1, "q2 [C]": Q2, "r [m]": R},
        "F [N]",
        COULOMB * Q1 * Q2 / R**2,
        ("epsilon_0",),
    ),
    "motion": (
        {"v0 [m/s]": V, "a [m/s^2]": A, "t [s]": T},
        "s [m]",
        V * T + A * T**2 / 2,
        (),
    ),
    "energy": (
        {"m [kg]": M, "v [m/s]": V, "k [N/m]": K, "x [m]": X},
        "E [J]",
        M * V**2 / 2 + K * X**2 / 2,
        (),
    ),
    "Doppler": (
        {"f [Hz]": 100 * K, "c [m/s]": 340 + M, "v [m/s]": 10 * V},
        "g [Hz]",
        100 * K * (1 + 10 * V / (340 + M)),
        (),
    ),
}


def find_law(
    columns: Columns, target: str, y: Array, constants: Sequence[str] = (), **options: Any
) -> Any:
    data = Dataset.from_columns({**columns, target: y})
    kept = {"engine": "structured", "evaluations": 200, "constants": constants, **options}
    with pytest.warns(dimgs.DimgsWarning):
        return dimgs.discover(data, target.split()[0], **kept)


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_law_is_found(name: str) -> None:
    columns, target, y, constants = PLANTED[name]
    report = find_law(columns, target, y, constants)
    assert report.law.predict_si(report.data) == pytest.approx(y, rel=1e-7, abs=1e-7)
    assert not {v.name for v in report.law.scales} & {
        str(s) for s in report.law.expression.free_symbols
    }
    again = Law.from_json(report.law.to_json())
    inside = again.outside(report.data)
    assert not any(inside)
    middle = {n.split()[0]: float(np.median(x)) for n, x in columns.items()}
    far = {**middle, list(middle)[-1]: -1e6}
    assert again.outside(far)[0] == [again.groups[-1].name] or name in ("charges", "motion")
    low, high = report.law.predict(middle, 0.9)[1:]
    assert low <= high


@pytest.mark.parametrize("power", ["x", "x**2", "x**3", "-x/10", "x*z"])
def test_single_terms_without_units(power: str) -> None:
    x, z = X, V
    y = eval(power, {"x": x, "z": z})
    columns = {"x [1]": x, "z [1]": z} if "z" in power else {"x [1]": x}
    report = find_law(columns, "y [1]", y)
    theirs = Law.from_json(report.law.to_json()).predict_si({"x": 3 * x, "z": 3 * z})
    assert theirs == pytest.approx(eval(power, {"x": 3 * x, "z": 3 * z}), rel=1e-9)


@cache
def law_of(name: str) -> str:
    columns, target, y, _ = PLANTED[name]
    return str(find_law(columns, target, y).law)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("spring", "inch"),
        pytest.param("motion", "mm/s", marks=pytest.mark.slow),
        pytest.param("motion", "km/hour", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("mirrored", [False, True])
def test_neither_units_nor_order_nor_direction_matter(name: str, unit: str, mirrored: bool) -> None:
    columns, target, y, _ = PLANTED[name]
    sign = -1.0 if mirrored else 1.0
    mirrored_columns = {title: sign * x if title[0] in "xva" else x for title, x in columns.items()}
    moved = dict(sorted(mirrored_columns.items(), reverse=True))
    (title,) = (title for title in moved if title[0] in "xv")
    size = moved.pop(title) / dimgs.variables.parse_unit(unit).factor
    moved[f"{title.split()[0]} [{unit}]"] = size
    assert str(find_law(moved, target, sign * y).law) == law_of(name)


def test_a_noisy_law_holds_on_runs_left_out() -> None:
    columns, target, truth, _ = PLANTED["motion"]
    y = truth + 0.02 * np.std(truth) * np.random.default_rng(0).normal(size=N)
    report = find_law(columns, target, y, evaluations=400)
    assert report.law.predict_si(report.data) == pytest.approx(
        truth, abs=0.05 * float(np.std(truth))
    )
    # each run by the law without it: within four errors of measurement
    assert report.left_out == pytest.approx(y, abs=0.08 * float(np.std(truth)))


def test_fit_says_which_runs_and_inputs_it_cannot_use() -> None:
    data = Dataset.from_columns({"k [N/m]": K, "t [s]": T, "x [m]": K, "F [N]": K})
    with pytest.raises(InputError, match=r"'t' in row 1\); use 'discover'"):
        dimgs.fit(data, "F")


def test_explore_takes_them() -> None:
    columns, target, y, _ = PLANTED["energy"]
    result = explore(Dataset.from_columns({**columns, target: y}), "E")
    assert result.basis is not None
    assert result.basis.signed == ("v", "x")
    assert any("homogeneity test needs" in w for w in result.warnings)


def test_errors_that_grow_with_a_target_of_both_signs_are_part_of_its_law() -> None:
    rng = np.random.default_rng(2)
    x, z = np.exp(rng.uniform(-1.5, 1.5, (2, 60)))
    law = 2 * x**1.5 * z - 1.0
    y = law + np.hypot(0.08 * law, 0.03 * np.median(np.abs(law))) * rng.normal(size=60)
    data = Dataset.from_columns({"x [1]": x, "z [1]": z, "y [1]": y})
    report = dimgs.discover(data, "y", engine="structured", evaluations=60)
    assert report.confirmed
    assert report.noise is not None
    assert report.noise.kind == "mixed"
    at = {"x": np.array([1.0, 4.0]), "z": np.array([0.5, 4.0])}
    law_found = report.law
    assert law_found is not None
    value, low, high = map(np.asarray, law_found.predict(at, level=0.9))
    # near zero as narrow as errors of one size, far from it as wide as relative ones
    assert (high - low)[0] < 0.3
    assert 0.2 < (high - low)[1] / value[1] < 0.4
