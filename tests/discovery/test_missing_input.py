"""Advice on what is missing: hardly ever by chance, nearly always where something is missing."""

import re

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ellipk

from dimgs import Dataset, Options
from dimgs.common.advice import setting
from dimgs.common.errors import DimensionError
from dimgs.discovery.discover import discover, fit
from dimgs.discovery.explore import explore
from dimgs.discovery.missing_input import extra_scales
from dimgs.discovery.prepare import prepare
from dimgs.judgement.residual_structure import (
    SURELY_INCOMPLETE,
    followed_beyond_groups,
    scale_is_missing,
)

Array = NDArray[np.float64]
_LEVEL = 0.05


def most(tables: int) -> float:
    """Of false advice at the level of 5 %: what chance exceeds once in a hundred suites."""
    return _LEVEL * tables + 2.5 * float(np.sqrt(_LEVEL * tables))


def flow(rng: np.random.Generator, n: int) -> dict[str, Array]:
    spans = {"U [m/s]": (0, 3), "L [m]": (-2, 1), "nu [m^2/s]": (-12, -9), "rho [kg/m^3]": (0, 3)}
    return {name: np.exp(rng.uniform(low, high, n)) for name, (low, high) in spans.items()}


def pressure(columns: dict[str, Array], curved: bool) -> Array:
    U, L, nu, rho = columns.values()
    Re = U * L / nu
    return np.asarray(rho * U**2 * (1e3 / Re + 0.1 if curved else Re**-0.3))


def noise(rng: np.random.Generator, n: int) -> Dataset:
    return Dataset.from_columns({**flow(rng, n), "y [Pa]": np.exp(rng.normal(size=n))})


def permuted(rng: np.random.Generator, n: int) -> Dataset:
    columns = flow(rng, n)
    return Dataset.from_columns({**columns, "y [Pa]": rng.permutation(pressure(columns, False))})


def complete(rng: np.random.Generator, n: int) -> Dataset:
    columns = flow(rng, n)
    y = pressure(columns, False) * np.exp(0.1 * rng.normal(size=n))
    return Dataset.from_columns({**columns, "y [Pa]": y})


def curved(rng: np.random.Generator, n: int) -> Dataset:
    columns = flow(rng, n)
    return Dataset.from_columns({**columns, "y [Pa]": pressure(columns, True)})


def pendulum(rng: np.random.Generator, n: int, follows: bool) -> Dataset:
    """Of a mass that no group contains; without `follows`, periods are noise."""
    L, m = np.exp(rng.uniform(-1, 1, (2, n)))
    period = 2 * np.sqrt(L / 9.8) if follows else np.ones(n)
    period = period * np.exp(0.1 * rng.normal(size=n))
    return Dataset.from_columns({"L [m]": L, "m [kg]": m, "T [s]": period})


def missing_scales(data: Dataset) -> list[str]:
    """Hidden scales that `discover` would look at before it names one."""
    design = prepare(data, data.names[-1], Options()).design
    scales = list(extra_scales(design.basis))
    return [s.text for s in scales if scale_is_missing(design, s.dimension, len(scales))]


@pytest.mark.parametrize("tables", [8, pytest.param(100, marks=pytest.mark.slow)])
def test_neither_noise_nor_a_complete_table_is_told_what_is_missing(tables: int) -> None:
    constants = scales = 0
    for make in (noise, permuted, complete, curved):
        for seed in range(tables):
            data = make(np.random.default_rng(seed), 10 if seed % 2 else 30)
            homogeneity = explore(data, "y").homogeneity
            assert homogeneity is not None
            constants += (
                bool(homogeneity["constants"]) or homogeneity["missing_dimension"] is not None
            )
            scales += bool(missing_scales(data))
    assert constants <= most(4 * tables)
    assert scales <= most(4 * tables)


@pytest.mark.parametrize("follows", [True, False])
def test_where_no_group_is_free_chance_names_no_scale(follows: bool) -> None:
    advised = 0
    for seed in range(60):
        data = pendulum(np.random.default_rng(seed), 12, follows)
        warnings = fit(data, "T", Options(constants=["g"])).warnings
        advised += any("--scale" in w for w in warnings)
    assert advised <= most(60)


def test_a_missing_constant_is_named_with_one_rival_at_most() -> None:
    named = 0
    for seed in range(20):
        homogeneity = explore(pendulum(np.random.default_rng(seed), 25, True), "T").homogeneity
        assert homogeneity is not None
        assert len(homogeneity["constants"]) <= 2
        named += homogeneity["constants"].get("g") == "-1/2"
    assert named >= 18


def test_a_hidden_scale_is_still_looked_for() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        T, Tg, L, D = np.exp(rng.uniform(0, 2, (4, 30)))
        y = (T * Tg) ** 1.5 * (L / D) ** 0.5 * np.exp(0.1 * rng.normal(size=30))
        data = Dataset.from_columns({"T [K]": T, "Tg [K]": Tg, "L [m]": L, "D [m]": D, "y [1]": y})
        assert "T0 [K]" in missing_scales(data)


def test_an_idle_input_that_matters_is_told_how_to_take_part() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        L, m = np.exp(rng.uniform(-1, 1, (2, 25)))
        period = np.sqrt(L) * m**0.4 * np.exp(0.1 * rng.normal(size=25))
        data = Dataset.from_columns({"L [m]": L, "m [kg]": m, "T [s]": period})
        (advice,) = [w for w in fit(data, "T", Options(constants=["g"])).warnings if "To let" in w]
        assert '--scale "m0 [kg]"' in advice


def test_residuals_that_follow_an_input_at_equal_groups_are_no_noise() -> None:
    rng = np.random.default_rng(8)
    tables = 100
    doubted = {}
    for follows in (True, False):
        chances = []
        for _ in range(tables):
            L, m, noise = np.exp(rng.uniform(-1, 1, (3, 30)))
            table = Dataset.from_columns({"L [m]": L, "m [kg]": m, "s [m]": 2 * L})
            design = prepare(table, "s", Options()).design
            residuals = 0.1 * np.log(noise) + 0.2 * np.log(m) * follows
            chance, name = followed_beyond_groups(design, residuals)
            assert name == "m" or not follows or chance > SURELY_INCOMPLETE
            chances.append(chance)
        doubted[follows] = int(np.sum(np.array(chances) < SURELY_INCOMPLETE))
    assert doubted[False] <= 2
    assert doubted[True] >= 0.95 * tables


def test_two_missing_constants_are_noticed_though_each_hides_the_other() -> None:
    doubted: dict[bool, list[str]] = {True: [], False: []}
    for seed in range(40):
        rng = np.random.default_rng(seed)
        u, p, q, noise = np.exp(rng.uniform(-1, 1, (4, 24)))
        table = Dataset.from_columns({"u [m/s]": u, "p [Pa]": p, "q [Pa]": q, "y [m/s]": u * q / p})
        design = prepare(table, "y", Options()).design
        for follows, names in doubted.items():
            residuals = 0.2 * np.log(p) - 0.2 * np.log(u)
            chance, name = followed_beyond_groups(
                design, residuals * follows + 0.15 * np.log(noise)
            )
            if chance < SURELY_INCOMPLETE:
                names.append(name)
    assert len(doubted[True]) >= 38
    # an input alone is named only where it is enough
    assert doubted[True].count("p, q and u") >= 10
    assert len(doubted[False]) <= 1


def test_a_constant_is_no_law_of_a_target_with_a_minimum_in_an_input_without_a_group() -> None:
    doubted = {True: 0, False: 0}
    for seed in range(40):
        rng = np.random.default_rng(seed)
        v = np.exp(rng.uniform(-1, 1, 24))
        table = Dataset.from_columns({"v [m/s]": v, "y [1]": np.full(24, 2.0)})
        design = prepare(table, "y", Options()).design
        for bent in doubted:
            residuals = 0.2 * bent * np.log(v) ** 2 + 0.05 * rng.standard_normal(24)
            chance, name = followed_beyond_groups(design, residuals - residuals.mean())
            assert name == "v"
            doubted[bent] += chance < SURELY_INCOMPLETE
    assert doubted[True] >= 32
    assert not doubted[False]


def test_inputs_that_moved_together_are_named_together() -> None:
    rng = np.random.default_rng(8)
    L, noise = np.exp(rng.uniform(-1, 1, (2, 30)))
    table = Dataset.from_columns({"L [m]": L, "m [kg]": 3 * L**2, "s [m]": 2 * L})
    design = prepare(table, "s", Options()).design
    chance, name = followed_beyond_groups(design, 0.2 * np.log(L) + 0.01 * np.log(noise))
    assert chance < SURELY_INCOMPLETE
    assert set(name.split(" or ")) == {"L", "m"}


@pytest.mark.filterwarnings("ignore::dimgs.DimgsWarning")
def test_a_law_of_groups_that_leave_out_what_matters_is_not_confirmed() -> None:
    rng = np.random.default_rng(9)
    n, T = np.exp(rng.uniform(-2, 2, (2, 40)))
    size = 0.2 * n ** (-1 / 3) * np.sqrt(T)
    table = Dataset.from_columns({"n [1/m^3]": n, "T [K]": T, "y [m]": size})
    report = discover(table, "y", engine="structured", effort="quick")
    assert not report.confirmed
    assert report.probability is not None
    assert report.probability < 0.01
    assert any("depend on T" in reason for reason in report.why_not)


def _refused(columns: dict[str, Array], target: str) -> str:
    with pytest.raises(DimensionError) as error:
        prepare(Dataset.from_columns(columns), target, Options())
    return str(error.value)


def test_a_constant_is_named_only_where_it_predicts_runs_left_out() -> None:
    rng = np.random.default_rng(4)
    L, m, a, M = np.exp(rng.uniform(-1, 1, (4, 20)))
    noise = np.exp(0.02 * rng.normal(size=20))
    swings = {"L [m]": L, "m [kg]": m, "T [s]": 2 * np.sqrt(L) * noise}
    # by dimensions alone G would do as well, since it lets the mass take part
    assert f"({setting('constants', 'g')})" in _refused(swings, "T")
    orbits = {"a [m]": a, "M [kg]": M, "T [s]": 9e5 * np.sqrt(a**3 / M) * noise}
    assert f"({setting('constants', 'G')})" in _refused(orbits, "T")


def test_where_no_constant_helps_a_scale_is_named_or_a_further_input_asked_for() -> None:
    rng = np.random.default_rng(5)
    L, m = np.exp(rng.uniform(-1, 1, (2, 20)))
    message = _refused({"L [m]": L, "m [kg]": m, "T [s]": L**0.1 / m}, "T")
    assert "constant (" not in message
    assert str(setting("scales", "auto")) in message
    message = _refused({"L [m]": L, "m [kg]": m, "T [s]": np.exp(rng.normal(size=20))}, "T")
    assert message.endswith("no known constant and no scale predicts the runs.")


def test_a_peak_away_from_the_middle_of_the_runs_shows_that_the_target_follows() -> None:
    # a drug in blood
    t = np.array([0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 12.0, 16.0, 24.0])
    c = np.exp(-0.21 * t) - np.exp(-1.4 * t)
    message = _refused({"t [h]": t, "c [mg/L]": c * np.exp(0.05 * np.cos(9 * t))}, "c")
    assert str(setting("scales", "auto")) in message


def test_where_no_power_law_shows_it_dimensions_alone_name_the_constant() -> None:
    # periods of a pendulum of 1 m at amplitudes of 10 to 150 degrees, from the elliptic integral
    angle = np.radians([10, 20, 30, 40, 50, 60, 70, 80, 90, 120, 150])
    period = 4 * ellipk(np.sin(angle / 2) ** 2) / np.sqrt(9.80665)
    columns = {"L [m]": np.ones(11), "theta [rad]": angle, "T [s]": period}
    assert f"({setting('constants', 'g', 'c')})" in _refused(columns, "T")


def test_of_too_few_runs_dimensions_alone_say_what_would_help() -> None:
    columns = {"L [m]": [1.0, 2.0], "m [kg]": [1.0, 3.0], "T [s]": [2.0, 2.9]}
    message = _refused({name: np.array(values) for name, values in columns.items()}, "T")
    assert str(setting("constants", "g", "G")) in message


def test_a_power_law_without_a_scale_says_which_would_help() -> None:
    # times of races follow distance and climb apart, though both are lengths
    rng = np.random.default_rng(2)
    d, c = np.exp(rng.uniform(0.5, 3.0, 40)), np.exp(rng.uniform(5.0, 8.0, 40))
    time = 0.02 * d**0.8 * c**0.3 * np.exp(0.1 * rng.normal(size=40))
    data = Dataset.from_columns({"d [km]": d, "c [m]": c, "t [h]": time})
    (note,) = (w for w in fit(data, "t", scales="auto").warnings if "scale is missing" in w)
    scales = re.findall(r'--scale "([^"]*)"', note)
    better = fit(data, "t", scales=scales)
    assert {e.name: round(e.value, 1) for e in better.variable_exponents} == {"c": 0.3, "d": 0.8}
    assert not any("scale is missing" in w for w in better.warnings)


def test_where_two_scales_are_missing_no_constant_of_nature_is_advised() -> None:
    # of lengths alone a time follows by any speed, but not with exponents that add up to another
    # power than one
    rng = np.random.default_rng(0)
    distance, climb = np.exp(rng.uniform(0.0, 2.0, (2, 40)))
    time = distance**0.8 * climb**0.4 * np.exp(0.05 * rng.standard_normal(40))
    data = Dataset.from_columns({"d [km]": distance, "h [m]": 100 * climb, "t [hour]": time})
    with pytest.raises(DimensionError) as refused:
        fit(data, "t")
    assert "--scale auto" in str(refused.value)
    assert "--constants" not in str(refused.value)


def test_repeats_that_share_an_error_show_no_missing_scale() -> None:
    mass, stiffness = np.array([0.05, 0.1, 0.2, 0.3, 0.5, 0.8]), np.array([12, 25, 12, 25, 40, 40])
    for seed in range(6):
        rng = np.random.default_rng(seed)
        period = 2 * np.pi * np.sqrt(mass / stiffness) * np.exp(0.04 * rng.normal(size=6))
        again = np.exp(0.003 * rng.normal(size=24))
        columns = {"m [kg]": mass, "k [N/m]": stiffness, "T [s]": period}
        table = {name: np.repeat(values, 4) for name, values in columns.items()}
        table["T [s]"] = table["T [s]"] * again
        result = fit(Dataset.from_columns(table), "T")
        assert any("repeats count as one run" in w for w in result.warnings)
        assert not any("scale is missing" in w for w in result.warnings)


def test_discover_names_the_scale_that_fit_finds_missing() -> None:
    # a level whose zero is off: errors of one size beside relative ones excuse it
    rng = np.random.default_rng(2)
    level = np.exp(rng.uniform(np.log(0.03), np.log(0.3), 14))
    angle = rng.choice([60, 90], 14)
    flow = 1.382 * np.tan(np.radians(angle / 2)) * level**2.5 * np.exp(0.01 * rng.normal(size=14))
    columns = {"H [m]": level + 0.003, "angle [deg]": angle, "Q [m^3/s]": flow}
    table = Dataset.from_columns(columns)
    asked = Options(constants=["g"], evaluations=20)
    for result in (fit(table, "Q", constants=["g"]), discover(table, "Q", asked)):
        (note,) = [w for w in result.warnings if "a length scale is missing" in w]
        assert str(setting("scales", "H0 [m]")) in note
