"""A term beside a factor with a free constant."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special

import dimgs
from dimgs.dataset import Dataset
from dimgs.engines.protocol import Problem
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.free_exponents import posynomials
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.separable import ScaledFunctions
from dimgs.engines.structured.sums import Sums
from dimgs.engines.structured.targets import powers, response
from dimgs.engines.structured.trees import Call, Mono, Power, evaluate, nodes, to_sympy
from dimgs.fits.noise import data_bits

Array = NDArray[np.float64]
LAWS: dict[str, Callable[[Array], Array]] = {
    "root": lambda x: 0.5 * np.sqrt(1 + 6 * x**2) - 0.25,
    "power": lambda x: 3 + 2 * (1 + 0.7 * x) ** 1.5,
    "decay": lambda x: 0.4 + 1.7 * np.exp(-0.6 * x),
    "logarithm": lambda x: 2 + 3 * np.log(1 + 0.35 * x),
    "wave": lambda x: 4 + 0.3 * x * np.sin(1.3 * x),
    "saturation": lambda x: 5 * x - 2 * np.tanh(0.8 * x),
    "activation": lambda x: 1.3 + 0.2 * np.exp(3.1 / x),
}


def archive_of(x: Array, y: Array) -> Archive:
    return Archive(Runs.of(Problem({"pi_1": x}, y)), np.inf)


def assert_found(archive: Archive, law: Callable[..., Array], *fresh: Array) -> None:
    """The law explains every run, and is the true one at fresh values of the groups."""
    assert archive.exact
    assert archive.best is not None
    groups = {f"pi_{k}": values for k, values in enumerate(fresh, start=1)}
    again = Runs.of(Problem(groups, np.ones(len(fresh[0]))))
    np.testing.assert_allclose(evaluate(archive.best.tree, again), law(*fresh), rtol=1e-6)


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("n_runs", [16, 120])
def test_laws_of_this_form_are_found_exactly(name: str, n_runs: int) -> None:
    rng = np.random.default_rng(n_runs)
    x = np.exp(rng.uniform(np.log(0.5), np.log(9.0), n_runs))
    archive = archive_of(x, LAWS[name](x))
    ScaledFunctions(archive.runs).sums(1, 1, response(archive.runs), archive)
    assert_found(archive, LAWS[name], np.linspace(0.6, 8.0, 40))


PAIRS: dict[str, Callable[[Array, Array], Array]] = {
    "cooling": lambda x, z: 1 + (z - 1) * np.exp(-0.6 * x),
    "inverse": lambda x, z: x + (2 * z + 0.3) / (1 + 0.7 * x),
    "wave": lambda x, z: 4 * z + (z - 0.5) * np.sin(1.3 * x),
    "saturation": lambda x, z: 0.2 + (z + 3) * np.tanh(0.8 * x),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_function_that_two_terms_share_has_one_constant(name: str) -> None:
    rng = np.random.default_rng(5)
    x, z = rng.uniform(0.3, 5.0, 60), np.exp(rng.uniform(-0.5, 1.5, 60))
    law = PAIRS[name]
    archive = Archive(Runs.of(Problem({"pi_1": x, "pi_2": z}, law(x, z))), np.inf)
    ScaledFunctions(archive.runs).sums(1, 2, response(archive.runs), archive)
    assert_found(archive, law, np.linspace(0.4, 4.8, 30), np.linspace(0.7, 4.0, 30))
    assert archive.best is not None
    functions = [n for n in nodes(archive.best.tree) if isinstance(n, Call | Power)]
    assert len(functions) == 1


GLASSES: dict[str, Callable[[Array, Array], Array]] = {
    "Vogel, Fulcher and Tammann": lambda x, z: 3e-3 * np.exp(5.3 / (x - 0.71)),
    "of two groups": lambda x, z: 0.2 / z * np.exp(4.1 / (x - 0.8)),
    "Williams, Landel and Ferry": lambda x, z: np.exp(-39.0 * (x - 1) / (0.18 + x - 1)),
    "of a long chain": lambda x, z: z**3.5 * np.exp(-20.0 * (x - 1.1) / (0.3 + x - 1.1)),
}


@pytest.mark.parametrize("noise", [0.0, 0.02])
@pytest.mark.parametrize(
    "name",
    [pytest.param(k, marks=[pytest.mark.slow] * (not k.startswith("of"))) for k in GLASSES],
)
def test_exponentials_with_a_pole_below_the_runs(name: str, noise: float) -> None:
    rng = np.random.default_rng(0)
    x, z = rng.uniform(1.02, 1.8, 40), np.exp(rng.uniform(-1, 1, 40))
    law = GLASSES[name]
    problem = Problem({"pi_1": x, "pi_2": z}, law(x, z) * (1 + noise * rng.standard_normal(40)))
    archive = Archive(Runs.of(problem), np.inf)
    ScaledFunctions(archive.runs).exponentials(response(archive.runs), archive)
    fresh, other = np.linspace(1.03, 1.75, 20), np.full(20, 1.3)
    again = Runs.of(Problem({"pi_1": fresh, "pi_2": other}, np.ones(20)))
    assert archive.best is not None
    left = np.log(evaluate(archive.best.tree, again) / law(fresh, other))
    assert np.abs(left).max() < (1e-7 if noise == 0 else 0.05)
    if noise:  # and the law itself is among those that are kept
        forms = [str(to_sympy(f.tree, again.names)[0]) for f in archive.front(12, 30)]
        assert any("exp(c_2/(c_3*pi_1 + 1))" in form for form in forms)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::dimgs.DimgsWarning")
def test_discover_finds_the_viscosity_of_a_glass() -> None:
    rng = np.random.default_rng(1)
    T, glass = rng.uniform(310.0, 520.0, 40), rng.uniform(290.0, 305.0, 40)
    eta = 3e-3 * np.exp(5.3 / (T / glass - 0.71))
    data = Dataset.from_columns({"T [K]": T, "Tg [K]": glass, "eta_r [1]": eta})
    law = dimgs.discover(data, target="eta_r", engine="structured").law
    assert law is not None
    assert len(law.constants) == 3
    assert any(abs(c.value) == pytest.approx(0.71, rel=1e-6) for c in law.constants)
    np.testing.assert_allclose(law.predict_si(data), eta, rtol=1e-9)


STEPS: dict[str, Callable[[Array], Array]] = {
    "tanh": np.tanh,
    "logistic": lambda z: 1 / (1 + np.exp(-2 * z)),
    "erf": special.erf,
    "atan": np.arctan,
}


def planted_step(name: str, seed: int) -> tuple[Archive, Callable[[Array, Array], Array], float]:
    """A step between two levels of either order, both times a second group or not, its noise."""
    rng = np.random.default_rng([seed, *name.encode()])
    n, noise = int(rng.integers(12, 60)), float(rng.choice([0.0, 0.01]))
    low, high = 10.0 ** rng.uniform(-3, 3) * np.array([1.0, rng.uniform(2, 10)])
    width, middle = (
        (high - low) * rng.uniform(0.05, 0.25),
        low + (high - low) * rng.uniform(0.3, 0.7),
    )
    height, power = rng.uniform(1, 5), int(rng.choice([0, 1]))
    base = height * rng.uniform(1.7, 3) * rng.choice([-1, 1])

    def law(x: Array, z: Array) -> Array:
        return np.asarray((base + height * STEPS[name]((x - middle) / width)) * z**power)

    x, z = rng.uniform(low, high, n), np.exp(rng.uniform(-0.7, 0.7, n))
    y = law(x, z) * (1 + noise * rng.standard_normal(n))
    groups = {"pi_1": x, "pi_2": z} if power else {"pi_1": x}
    runs = Runs.of(Problem(groups, y, scale="log" if y.min() > 0 else "linear"))
    archive = Archive(runs, np.inf)
    ScaledFunctions(runs).sums(1, 1, response(runs), archive)
    return archive, law, noise


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("seed", range(6))
def test_steps_between_two_levels(name: str, seed: int) -> None:
    archive, law, noise = planted_step(name, seed)
    runs, best = archive.runs, archive.best
    assert best is not None
    x, z = runs.values[:, 0], runs.values[:, -1]
    left = evaluate(best.tree, runs) / law(x, z) - 1
    assert np.sqrt(np.mean(left**2)) < (1e-7 if noise == 0 else 1.2 * noise)
    forms = [str(to_sympy(f.tree, runs.names)[0]) for f in archive.front(4, 8)]
    assert any(f"{'tanh' if name == 'logistic' else name}(" in form for form in forms)


THRESHOLDS: dict[str, Callable[[Array, Array, float, float], Array]] = {
    "begins": lambda x, z, start, p: 3 * z * np.maximum(x - start, 0) ** p,
    "ends": lambda x, z, start, p: 0.7 * z * np.maximum(start - x, 0) ** p,
    "bends": lambda x, z, start, p: 2 * z + np.maximum(x - start, 0) ** p,
    "compares": lambda x, z, start, p: 5 * np.maximum(x - z, 0) ** p,
}


@pytest.mark.parametrize("name", THRESHOLDS)
@pytest.mark.parametrize("seed", range(4))
def test_what_begins_at_a_threshold(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    start, p, noise = rng.uniform(1.2, 3.2), (1, 1.5, 2)[seed % 3], 0.005 * (seed % 2)
    x, z = rng.uniform(0.4, 5, 60), rng.uniform(0.5, 4, 60)
    true = THRESHOLDS[name](x, z, start, p)
    y = true * (1 + noise * rng.standard_normal(60))
    runs = Runs.of(Problem({"pi_1": x, "pi_2": z}, y, scale="log" if y.min() > 0 else "linear"))
    archive = Archive(runs, np.inf)
    if name == "compares":
        Sums(runs).functions(response(runs), archive)
    else:
        ScaledFunctions(runs).sums(1, 1, response(runs), archive)
    archive.vary()
    assert archive.best is not None
    left = (evaluate(archive.best.tree, runs) - true) / np.sqrt(np.mean(true**2))
    assert np.sqrt(np.mean(left**2)) < (1e-7 if noise == 0 else noise)
    assert "Max(0, " in str(to_sympy(archive.best.tree, runs.names)[0])


def test_no_law_is_paid_for_zeros_that_it_nearly_predicts() -> None:
    """Below a threshold 1e-300 is no better a prediction of 0 than 1e-30, or than 0 itself."""
    x = np.linspace(0.1, 2, 40)
    y = np.maximum(x - 1, 0) * (1 + 0.05 * np.cos(9 * x))
    bits = [
        data_bits(np.where(y == 0, below, np.maximum(x - 1, 0)), y, np.ones(40))
        for below in (0.0, 1e-300, 1e-30)
    ]
    np.testing.assert_allclose(bits, bits[0], rtol=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_logarithms_and_roots_that_begin_below_the_runs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    start, slope, offset = rng.uniform(0.2, 0.9), rng.uniform(0.5, 3), rng.uniform(4, 9)
    outer = (np.log, np.sqrt, np.cbrt)[seed % 3]

    def law(x: Array) -> Array:
        return np.asarray(offset + slope * outer(x - start))

    x = np.geomspace(1.0, rng.uniform(3, 9), int(rng.integers(14, 40)))
    archive = archive_of(x, law(x))
    ScaledFunctions(archive.runs).sums(1, 1, response(archive.runs), archive)
    assert_found(archive, law, np.linspace(1.1, 3.0, 20))


SLOPES: dict[str, Callable[[Array], Array]] = {
    "decay": lambda x: 0.9 - 0.07 * x + 1.7 * np.exp(-1.6 * x),
    "slip": lambda x: x * (1 + 2.5 / x + 0.8 * np.exp(-0.55 * x) / x),
}


@pytest.mark.parametrize("name", SLOPES)
def test_two_monomials_stand_beside_a_function(name: str) -> None:
    x = np.exp(np.random.default_rng(6).uniform(-1, 2, 40))
    archive = archive_of(x, SLOPES[name](x))
    ScaledFunctions(archive.runs).sums(2, 1, response(archive.runs), archive)
    assert_found(archive, SLOPES[name], np.linspace(0.5, 7.0, 30))


def test_of_a_power_of_the_response() -> None:
    x = np.exp(np.random.default_rng(3).uniform(-1, 2, 40))
    archive = archive_of(x, 1 / (0.5 + 2 * np.exp(-0.8 * x)))
    inverse = next(t for t in powers(archive.runs) if t.power == -1)
    ScaledFunctions(archive.runs).sums(1, 1, inverse, archive)
    assert archive.exact


def test_the_unit_of_the_groups_does_not_matter() -> None:
    x = np.exp(np.random.default_rng(4).uniform(-1, 2, 30))
    y = 0.4 + 1.7 * np.exp(-0.6 * x)
    for factor in (1e-9, 1e9):
        archive = archive_of(factor * x, y)
        ScaledFunctions(archive.runs).sums(1, 1, response(archive.runs), archive)
        assert archive.exact


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_a_real_exponent_stands_beside_simple_ones(noise: float) -> None:
    rng = np.random.default_rng(5)
    x = np.exp(rng.uniform(np.log(0.5), np.log(800.0), 120))
    y = 24 / x * (1 + 0.15 * x**0.687)
    archive = archive_of(x, y * np.exp(noise * rng.normal(size=120)))
    posynomials(response(archive.runs), archive)
    archive.vary()
    assert archive.best is not None
    fitted = evaluate(archive.best.tree, archive.runs)
    np.testing.assert_allclose(fitted, y, rtol=1e-9 if noise == 0 else 0.01)
    steepest = min(e for n in nodes(archive.best.tree) if isinstance(n, Mono) for e in n.exponents)
    assert steepest == -1


def test_an_input_of_which_only_itself_is_a_column_has_none_for_two() -> None:
    """As of one with a zero, where no scale makes its powers those of the target."""
    x = np.array([0.0, 2, 5, 10, 20, 40, 70, 100, 150, 200])
    shape = {name: {"x": 1.0, "scale": -100.0} for name in ("pi_0", "pi_1")}
    problem = Problem({"pi_1": x}, np.exp(x / 90) - 3, "linear", None, ("pi_1",), shape, x + 1)
    archive = Archive(Runs.of(problem), np.inf)
    ScaledFunctions(archive.runs).sums(1, 2, response(archive.runs), archive)
    assert archive.best is None
    assert not archive.tried
