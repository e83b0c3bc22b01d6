"""What the runs hold before any law."""

import json

import numpy as np
import pytest

from dimgs import Dataset, Options
from dimgs.common.errors import InputError
from dimgs.discovery.explore import explore
from tests.planted import pipe


def _pendulum(seed: int, noise: float = 0.01) -> Dataset:
    rng = np.random.default_rng(seed)
    length, mass = rng.uniform(0.1, 2, 25), rng.uniform(1, 3, 25)
    period = 2 * np.pi * np.sqrt(length / 9.80665) * np.exp(noise * rng.normal(size=25))
    return Dataset.from_columns({"L [m]": length, "m [kg]": mass, "T [s]": period})


def test_gravity_is_named_in_nearly_every_pendulum() -> None:
    tests = [explore(_pendulum(seed), "T").homogeneity for seed in range(20)]
    named = [h is not None and h["constants"].get("g") == "-1/2" for h in tests]
    assert np.mean(named) >= 0.9


def test_a_complete_table_is_not_rejected() -> None:
    exploration = explore(pipe(seed=3), "tau_w")
    assert exploration.homogeneity is not None
    assert not exploration.homogeneity["rejected"]
    assert exploration.homogeneity["constants"] == {}
    for part in (
        exploration.basis,
        exploration.pca,
        exploration.pcoa,
        exploration.active,
        exploration.dominant,
    ):
        assert part is not None
    assert exploration.pca is not None
    assert sum(exploration.pca["shares"]) == pytest.approx(1.0)
    json.dumps(exploration.to_json(), allow_nan=False)


def test_what_never_varied_and_what_is_collinear_is_named() -> None:
    rng = np.random.default_rng(0)
    a = rng.uniform(1, 2, 20)
    data = Dataset.from_columns(
        {
            "a [m]": a,
            "b [m]": 3 * a,
            "c [m]": rng.uniform(1, 2, 20),
            "g0 [m/s^2]": np.full(20, 9.8),
            "y [s]": np.sqrt(a / 9.8),
        }
    )
    exploration = explore(data, "y")
    assert exploration.never_varied == ("g0",)
    assert {"a": "1", "b": "-1"} in [c["exponents"] for c in exploration.collinear] or {
        "a": "-1",
        "b": "1",
    } in [c["exponents"] for c in exploration.collinear]


def test_one_run_is_too_few() -> None:
    with pytest.raises(InputError, match="has 1"):
        explore(_pendulum(0).take([0]), "T")


def test_columns_in_any_order_say_the_same() -> None:
    data = pipe()
    one = explore(data, "tau_w", Options(seed=1)).to_json()
    two = explore(data.select(data.names[::-1]), "tau_w", Options(seed=1)).to_json()
    assert one["pca"]["shares"] == pytest.approx(two["pca"]["shares"])
    assert one["homogeneity"]["p_value"] == pytest.approx(two["homogeneity"]["p_value"])


def test_a_table_without_dimensions_is_explored() -> None:
    rng = np.random.default_rng(0)
    x, z = rng.uniform(1, 2, (2, 20))
    noise = np.exp(0.01 * rng.standard_normal(20))
    exploration = explore(
        Dataset.from_columns({"x [1]": x, "z [1]": z, "y [1]": x**2 * z * noise}), "y"
    )
    assert exploration.homogeneity is not None
    assert not exploration.homogeneity["rejected"]


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_what_is_found_does_not_depend_on_the_size_of_the_response(shift: float) -> None:
    rng = np.random.default_rng(0)
    a, b, c = np.exp(rng.uniform(-1, 1, (3, 30)))
    y = (a / b) ** 2 + 0.3 * c / b + 0.01 * rng.random(30) - shift
    small, large = (
        explore(Dataset.from_columns({"a [m]": a, "b [m]": b, "c [m]": c, "y [1]": y * size}), "y")
        for size in (1.0, 1e300)
    )
    assert small.active is not None
    assert large.active is not None
    assert small.dominant is not None
    assert large.dominant is not None
    assert large.active["shares"] == pytest.approx(small.active["shares"], rel=1e-6)
    assert large.dominant["r2"] == pytest.approx(small.dominant["r2"], rel=1e-6)
    assert large.dominant["scale"] == small.dominant["scale"]


def test_inputs_that_never_varied_reject_no_homogeneity() -> None:
    same = Dataset.from_columns({"L [m]": [1.0] * 5, "T [s]": [2.0] * 5})
    found = explore(same, "T", Options(constants=["g"]))
    assert found.homogeneity is None
    assert "No homogeneity test: no input varied" in " ".join(found.warnings)


def _wires(factors: dict[str, float]) -> Dataset:
    """Stretch of wires that have a factor of their own, and a diameter that a material held."""
    rng = np.random.default_rng(2)
    material = np.repeat([*factors], 10)
    d = np.repeat(np.geomspace(1.0, 1.5, len(factors)), 10)
    length, force = np.exp(rng.uniform(-1, 1, (2, 10 * len(factors))))
    stretch = force * length**1.5 * np.exp(0.01 * rng.normal(size=len(d)))
    stretch *= [factors[m] for m in material]
    columns = {"material": material, "d [mm]": d, "L [mm]": length, "F [N]": force}
    return Dataset.from_columns({**columns, "y [mm]": stretch})


def test_factors_of_labels_change_nothing_that_is_found_within_them() -> None:
    options = Options(within="material", scales="auto")
    plain, apart = (
        explore(_wires(dict(zip("abc", factors, strict=True))), "y", options)
        for factors in ([1.0, 1.0, 1.0], [1.0, 300.0, 0.02])
    )
    assert plain.homogeneity is not None
    assert apart.homogeneity is not None
    assert apart.never_varied == ("d",)
    for what in ("p_value", "exponents"):
        assert apart.homogeneity[what] == pytest.approx(plain.homogeneity[what], rel=1e-6)
    # the diameter may bring any length
    assert apart.homogeneity["missing"]["[length]"]["high"] == np.inf
    assert apart.homogeneity["missing_dimension"] == plain.homogeneity["missing_dimension"]
    assert plain.dominant is not None
    assert apart.dominant is not None
    assert apart.dominant["r2"] == pytest.approx(plain.dominant["r2"], rel=1e-6)
    assert apart.dominant["explains_most"]


def test_a_group_that_explains_little_does_not_dominate() -> None:
    rng = np.random.default_rng(3)
    x, noise = rng.normal(size=(2, 60))
    found = [
        explore(Dataset.from_columns({"x [1]": np.exp(x), "y [1]": np.exp(y)}), "y").dominant
        for y in (x + 0.1 * noise, 0.3 * x + noise, noise)
    ]
    assert [d is not None and d["explains_most"] for d in found] == [True, False, False]
