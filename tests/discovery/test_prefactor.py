"""The interval of the prefactor holds the true one as often as it says, snapped or not."""

import numpy as np
import pytest

from dimgs import Dataset, discover, fit


@pytest.mark.slow
@pytest.mark.parametrize(("runs", "noise"), [(10, 0.02), (20, 0.05), (60, 0.05)])
def test_intervals_of_the_prefactor_are_honest_although_runs_chose_the_rationals(
    runs: int, noise: float
) -> None:
    rng = np.random.default_rng(runs)
    repeats, inside = 400, 0
    for _ in range(repeats):
        grashof = np.exp(rng.uniform(np.log(1e5), np.log(1e9), runs))
        prandtl = np.exp(rng.uniform(np.log(0.7), np.log(50.0), runs))
        nusselt = 0.1 * np.cbrt(grashof * prandtl) * np.exp(rng.normal(0.0, noise, runs))
        table = {"Gr [1]": grashof, "Pr [1]": prandtl, "Nu [1]": nusselt}
        prefactor = fit(Dataset.from_columns(table), "Nu").law.constants[0]
        assert prefactor.low is not None
        assert prefactor.high is not None
        inside += prefactor.low <= 0.1 <= prefactor.high
    # four standard errors of a share of 400 about the nominal 0.9
    assert 0.84 <= inside / repeats <= 0.96


def labs(seed: int, spread: float = 0.1, sources: int = 6) -> dict[str, np.ndarray]:
    """Runs of laboratories that each share a factor."""
    rng = np.random.default_rng(seed)
    runs = 6 * sources
    reynolds, prandtl = 10 ** rng.uniform(3, 5, runs), 10 ** rng.uniform(0, 2, runs)
    shared = np.repeat(rng.normal(0.0, spread, sources), 6)
    noise = shared + rng.normal(0.0, 0.02, runs)
    nusselt = 0.3 * reynolds**0.6 * np.cbrt(prandtl) * np.exp(noise)
    names = np.repeat([f"lab {k}" for k in range(sources)], 6)
    return {"Re [1]": reynolds, "Pr [1]": prandtl, "Nu [1]": nusselt, "lab": names}


@pytest.mark.slow
def test_intervals_of_the_prefactor_are_honest_over_sources() -> None:
    inside = 0
    for seed in range(200):
        prefactor = fit(labs(seed), "Nu", by=["lab"]).law.constants[0]
        assert prefactor.low is not None
        assert prefactor.high is not None
        inside += prefactor.low <= 0.3 <= prefactor.high
    # four standard errors of a share of 200 about the nominal 0.9
    assert 0.82 <= inside / 200 <= 0.98


# of these a search writes its law of the same exponents, in a constant with another name
@pytest.mark.parametrize(("by", "spread", "seed"), [(["lab"], 0.1, 0), ([], 0.0, 6)])
def test_a_power_law_has_one_interval_whoever_finds_it(
    by: list[str], spread: float, seed: int
) -> None:
    columns = labs(seed, spread, 4)
    fitted = fit(columns, "Nu", by=by).law
    found = discover(columns, "Nu", by=by, engine="structured", evaluations=200).law
    assert found is not None
    assert str(found) == str(fitted) == "Nu = C*Pr**(1/3)*Re**(3/5)"
    assert found.constants[0].low == pytest.approx(fitted.constants[0].low)
    assert found.constants[0].high == pytest.approx(fitted.constants[0].high)


def test_fit_takes_tables_of_any_kind_and_options_by_name() -> None:
    columns = {"L [m]": [0.2, 0.4, 0.8, 1.6], "T [s]": [0.897, 1.269, 1.794, 2.537]}
    pandas = pytest.importorskip("pandas")
    fitted = fit(pandas.DataFrame(columns), "T", constants=["g"], level=0.5)
    wider = fit(Dataset.from_columns(columns), "T", constants=["g"], level=0.99)
    assert str(fitted.law) == "T = C*sqrt(L/g)"
    assert fitted.level == 0.5
    assert fitted.law.constants[0].value == wider.law.constants[0].value
