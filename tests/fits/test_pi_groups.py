"""The transformer from units to log groups, in the ways of scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

import dimgs
from dimgs.fits import LocalPowerLaw, PiGroups, PowerLaw


@pytest.fixture
def pipes() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    table = {
        "rho [kg/m^3]": rng.uniform(800, 1000, 40),
        "U [m/s]": rng.uniform(0.5, 5, 40),
        "D [mm]": rng.uniform(10, 90, 40),
        "mu [mPa*s]": rng.uniform(0.8, 3, 40),
    }
    rho, speed, width, viscosity = table.values()
    reynolds = rho * speed * width / viscosity
    table["tau [Pa]"] = 0.04 * reynolds**-0.25 * rho * speed**2
    return pd.DataFrame(table)


def test_it_keeps_the_rules_of_estimators_for_positive_values() -> None:
    # the checks of the library hand in zeros, which have no logarithm, and want a sentence of its
    # own for negative values
    checks = check_estimator(PiGroups(), on_fail=None, on_skip=None)
    failed = [c for c in checks if c["status"] == "failed"]
    assert len(checks) - len(failed) >= 20
    assert all("the value is " in str(c["exception"]) for c in failed)


def test_the_groups_do_not_depend_on_units_or_on_what_holds_them(pipes: pd.DataFrame) -> None:
    groups = PiGroups(target="tau").fit(pipes)
    logs = groups.transform(pipes)
    assert logs.shape == (40, 1)
    assert groups.get_feature_names_out().tolist() == ["D·U·rho·mu⁻¹"]
    other = pipes.assign(**{"D [m]": pipes["D [mm]"] / 1000}).drop(columns="D [mm]")
    again = PiGroups(target="tau").fit(other)
    np.testing.assert_allclose(again.transform(other), logs, rtol=1e-12)
    units = {"rho": "kg/m^3", "U": "m/s", "D": "mm", "mu": "mPa*s", "tau": "Pa"}
    plain = PiGroups(units, target="tau").fit(pipes.to_numpy())
    np.testing.assert_allclose(plain.transform(pipes.to_numpy()), logs, rtol=1e-12)
    data = dimgs.read_table(pipes)
    np.testing.assert_allclose(PiGroups(target="tau").fit(data).transform(data), logs, rtol=1e-12)


def test_it_gives_frames_where_frames_are_asked_for(pipes: pd.DataFrame) -> None:
    out = PiGroups(target="tau").set_output(transform="pandas").fit_transform(pipes)
    assert list(out.columns) == ["D·U·rho·mu⁻¹"]
    assert len(out) == 40


def test_a_search_over_runs_finds_the_law(pipes: pd.DataFrame) -> None:
    groups = PiGroups(target="tau")
    y = groups.fit(pipes).response(pipes)
    law = make_pipeline(groups, PowerLaw()).fit(pipes, y)
    assert law[-1].exponents_ == pytest.approx([-0.25])
    line = make_pipeline(PiGroups(target="tau"), LocalPowerLaw())
    search = GridSearchCV(line, {"localpowerlaw__share": [0.4, 0.8]}, cv=GroupKFold(4))
    search.fit(pipes, y, groups=np.arange(40) // 5)
    assert search.best_score_ > 0.9


def test_what_has_no_logarithm_is_named(pipes: pd.DataFrame) -> None:
    groups = PiGroups(target="tau").fit(pipes)
    with pytest.raises(dimgs.InputError, match="name its column"):
        PiGroups().fit(pipes).response(pipes)
    pipes.loc[3, "U [m/s]"] = 0.0
    with pytest.raises(dimgs.InputError, match="'U', row 4"):
        groups.transform(pipes)
    with pytest.raises(dimgs.InputError, match="No group of these columns is free"):
        PiGroups({"a": "m", "b": "s"}).fit([[1.0, 2.0]])
    with pytest.raises(dimgs.InputError, match="3 units for 2 columns"):
        PiGroups({"a": "m", "b": "s", "c": "m"}).fit([[1.0, 2.0]])


def test_new_runs_are_predicted_without_the_target(pipes: pd.DataFrame) -> None:
    pipes = pipes[["tau [Pa]", *(n for n in pipes.columns if n != "tau [Pa]")]]
    groups = PiGroups(target="tau").fit(pipes)
    law = make_pipeline(groups, PowerLaw()).fit(pipes, groups.response(pipes))
    without = law.predict(pipes.drop(columns="tau [Pa]"))
    np.testing.assert_allclose(without, law.predict(pipes), rtol=1e-12)
    with pytest.raises(ValueError, match="mu"):
        law.predict(pipes.drop(columns="mu [mPa*s]"))
