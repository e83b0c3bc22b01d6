"""What is found does not depend on the repeating variables, the names or the order of columns."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from dimgs.dataset import Dataset
from dimgs.discovery.options import Options
from dimgs.discovery.power_law import fit_prepared
from dimgs.discovery.prepare import Prepared, prepare
from dimgs.fits.design import build_design
from dimgs.groups.derive import pi_basis
from dimgs.report.results import FitResult

ASKED = {
    "squares": Options(),
    "ranks": Options(robust=True),
    "regimes": Options(regimes=True),
    "local": Options(local=True),
    "additive": Options(additive=True),
}


def _table(names: dict[str, str], order: list[str]) -> Dataset:
    rng = np.random.default_rng(5)
    D, U, rho = (np.exp(rng.uniform(-1, 1, 60)) for _ in range(3))
    mu, e = np.exp(rng.uniform(-7, -3, 60)), D * np.exp(rng.uniform(-6, -3, 60))
    re = rho * U * D / mu
    f = np.maximum(20 * re**-0.8, 0.3 * re**-0.2) * (e / D) ** 0.1
    tau = rho * U**2 * f * np.exp(0.03 * rng.normal(size=60))
    columns = {"D": D, "U": U, "rho": rho, "mu": mu, "e": e, "tau": tau}
    units = {"D": "m", "U": "m/s", "rho": "kg/m^3", "mu": "Pa*s", "e": "m", "tau": "Pa"}
    return Dataset.from_columns({f"{names.get(n, n)} [{units[n]}]": columns[n] for n in order})


ORDER = ["D", "U", "rho", "mu", "e", "tau"]


def _with_repeating(repeating: list[str], options: Options) -> FitResult:
    prepared = prepare(_table({}, ORDER), "tau", options)
    variables = [prepared.data.variable(n) for n in ORDER]
    basis = replace(
        pi_basis(variables, "tau", repeating=repeating), response=prepared.basis.response
    )
    return fit_prepared(
        Prepared(prepared.data, basis, build_design(prepared.data, basis), ()), options
    )


def _values(fitted: FitResult, data: Dataset) -> NDArray[np.float64]:
    return np.log(fitted.law.predict_si(data))


@pytest.mark.parametrize("name", ASKED)
def test_repeating_variables_do_not_matter(name: str) -> None:
    data = _table({}, ORDER)
    one, two = (_with_repeating(r, ASKED[name]) for r in (["rho", "U", "D"], ["mu", "rho", "e"]))
    assert [str(g) for g in one.law.groups] != [str(g) for g in two.law.groups]
    np.testing.assert_allclose(_values(one, data), _values(two, data), atol=1e-6)
    assert one.scores.cv_r2_log == pytest.approx(two.scores.cv_r2_log, abs=1e-6)
    if one.regimes is not None and two.regimes is not None:
        assert sorted(r["n"] for r in one.regimes) == sorted(r["n"] for r in two.regimes)
    for a, b in zip(one.local or (), two.local or (), strict=True):
        assert a["variables"] == pytest.approx(b["variables"], abs=1e-6)
    assert _terms(one) == pytest.approx(_terms(two), abs=1e-6)


def _terms(fitted: FitResult) -> list[float]:
    return sorted(abs(t["slope"]) for t in fitted.additive or ())


@pytest.mark.parametrize(
    "name", [pytest.param(k, marks=[pytest.mark.slow] * (k == "regimes")) for k in ASKED]
)
def test_names_and_order_of_columns_do_not_matter(name: str) -> None:
    names = {"D": "z", "U": "q", "rho": "b", "mu": "k", "e": "a"}
    plain, other = _table({}, ORDER), _table(names, ["e", "tau", "mu", "D", "rho", "U"])
    one = fit_prepared(prepare(plain, "tau", ASKED[name]), ASKED[name])
    two = fit_prepared(prepare(other, "tau", ASKED[name]), ASKED[name])
    np.testing.assert_allclose(_values(one, plain), _values(two, other), atol=1e-6)
    back = {new: old for old, new in names.items()}
    renamed = {back[e.name]: e.value for e in two.variable_exponents}
    assert renamed == pytest.approx({e.name: e.value for e in one.variable_exponents}, abs=1e-6)
    assert _terms(one) == pytest.approx(_terms(two), abs=1e-6)


def test_a_boundary_that_hardly_follows_its_first_group_stays_a_number() -> None:
    data = _table({}, ORDER)
    fitted = fit_prepared(prepare(data, "tau", ASKED["regimes"]), ASKED["regimes"])
    assert fitted.regimes is not None
    assert len(fitted.regimes) == 2
    threshold = next(c for c in fitted.law.constants if c.name.startswith("b_"))
    assert threshold.low is not None
    assert threshold.high is not None
    planted = (20 / 0.3) ** (1 / 0.6)
    assert 0.0 < threshold.low < threshold.value < threshold.high < np.inf
    assert threshold.low < planted < threshold.high
    assert threshold.value == pytest.approx(planted, rel=0.2)
    residuals = _values(fitted, data) - np.log(data["tau"])
    assert np.abs(residuals).max() < 0.2
