"""The estimator with sources: coverage, invariances, and agreement with `dimgs.fit`."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

import dimgs
from dimgs.common.arrays import Array
from dimgs.common.errors import FitError, InputError
from dimgs.fits import MixedPowerLaw, PowerLaw

TRUE = np.array([1.0, 2.0, -0.5])


@parametrize_with_checks([MixedPowerLaw()])
def test_it_is_an_estimator_of_scikit_learn(estimator: BaseEstimator, check: object) -> None:
    check(estimator)  # type: ignore[operator]


def runs(seed: int, of_slopes: float = 0.0) -> tuple[Array, Array, NDArray[np.str_], Array]:
    """Log groups, log response, laboratories, and log response of the last laboratory's law."""
    rng = np.random.default_rng(seed)
    lab = np.repeat([f"lab{k}" for k in range(11)], 7)
    X = rng.normal(size=(77, 2)) + np.repeat(rng.normal(size=(11, 2)), 7, axis=0)
    u, v = np.repeat(rng.normal(0, 0.4, 11), 7), np.repeat(rng.normal(0, of_slopes, 11), 7)
    law = TRUE[0] + X @ TRUE[1:] + u + v * X[:, 0]
    return X, law + rng.normal(0, 0.1, 77), lab, law


@pytest.mark.parametrize("of_slopes", [0.0, 0.2])
def test_intervals_hold_exponents_known_sources_and_new_ones(of_slopes: float) -> None:
    exponents, known, new = [], [], []
    for seed in range(12):
        X, y, lab, law = runs(seed, of_slopes)
        model = MixedPowerLaw().fit(X[:70], y[:70], by=lab[:70])
        low, high = model.intervals(0.9).T
        exponents += ((low <= TRUE[1:]) & (TRUE[1:] <= high)).tolist()
        low, high = model.predict_interval(X, 0.9, "law", by=lab).T
        known += ((low <= law) & (law <= high))[:70:7].tolist()
        low, high = model.predict_interval(X, 0.9, "run", by=lab).T
        new.append(((low <= y) & (y <= high))[70])
    assert np.mean(exponents) > 0.75
    assert 0.8 < np.mean(known) < 0.98
    assert np.mean(new) > 0.6


def test_order_names_and_units_do_not_matter() -> None:
    X, y, lab, _ = runs(3, 0.2)
    order = np.random.default_rng(0).permutation(len(y))
    renamed = np.char.add("Z", lab[::-1])[::-1]
    one = MixedPowerLaw().fit(X, y, by=lab)
    other = MixedPowerLaw().fit(X[order] + [3.0, -1.0], y[order] + 5.0, by=renamed[order])
    assert [*one.spreads_] == [*other.spreads_] == [(0, "prefactor"), (0, "0")]
    np.testing.assert_allclose(other.exponents_, one.exponents_, rtol=1e-5)
    np.testing.assert_allclose([*other.spreads_.values()], [*one.spreads_.values()], rtol=1e-3)
    moved = other.predict_interval(X + np.array([3.0, -1.0]), by=renamed) - 5.0
    np.testing.assert_allclose(moved, one.predict_interval(X, by=lab), atol=5e-3)


def test_it_is_the_fit_of_the_command_line() -> None:
    X, y, lab, _ = runs(5, 0.2)
    kind = np.tile(["a", "b", "c", "d"], 20)[:77]
    table = {"lab": lab, "kind": kind, "x [m]": np.exp(X[:, 0]), "t [s]": np.exp(X[:, 1])}
    result = dimgs.fit({**table, "y [kg]": np.exp(y)}, "y", by=["lab", "kind"], scales="auto")
    frame = pd.DataFrame(X, columns=["x", "t"])
    model = MixedPowerLaw().fit(frame, y, by=np.column_stack([lab, kind]))
    found = {e.name: e for e in result.variable_exponents}
    np.testing.assert_allclose([found["x"].value, found["t"].value], model.exponents_, rtol=1e-6)
    assert [*model.spreads_] == [(0, "prefactor"), (1, "prefactor"), (0, "x")]
    spreads = [s for of_kind in result.law.sources for s in of_kind.spreads]
    np.testing.assert_allclose(
        sorted(model.spreads_.values()), sorted(spreads), rtol=0.1, atol=1e-3
    )


def test_without_sources_it_is_least_squares_and_clusters_are_sources() -> None:
    X, y, lab, _ = runs(1)
    plain = MixedPowerLaw().fit(X, y)
    np.testing.assert_allclose(plain.intervals(), PowerLaw().fit(X, y).intervals())
    clustered = MixedPowerLaw().fit(X, y, groups=lab)
    assert clustered.spreads_ == MixedPowerLaw().fit(X, y, by=lab).spreads_
    assert MixedPowerLaw(slopes=False).fit(*runs(3, 0.2)[:2], by=lab).spreads_.keys() == {
        (0, "prefactor")
    }


def test_sources_are_routed_and_held_out_as_metadata() -> None:
    X, y, lab, _ = runs(2)
    with config_context(enable_metadata_routing=True):
        model = MixedPowerLaw().set_fit_request(by=True, groups=False)
        scores = cross_val_score(
            model, X, y, params={"by": lab, "groups": lab}, cv=LeaveOneGroupOut()
        )
    assert len(scores) == 11
    assert np.median(scores) > 0.8


def test_labels_that_do_not_fit_are_refused() -> None:
    X, y, lab, _ = runs(2)
    with pytest.raises(InputError, match="one label per run"):
        MixedPowerLaw().fit(X, y, by=lab[:5])
    with pytest.raises(FitError, match="at least three"):
        MixedPowerLaw().fit(X, y, by=np.arange(77) % 2)
    model = MixedPowerLaw().fit(X, y, by=lab)
    with pytest.raises(InputError, match="the fit had 1"):
        model.predict(X, by=np.column_stack([lab, lab]))
    with pytest.raises(InputError, match="'run' for one more run"):
        model.predict_interval(X, of="source")  # type: ignore[arg-type]
