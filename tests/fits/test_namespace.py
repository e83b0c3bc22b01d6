import importlib
import pkgutil

import numpy as np
import pytest
from sklearn.utils import get_tags

import dimgs.fits
from dimgs.fits import ContrastiveRegressor


def _estimators() -> set[type]:
    for module in pkgutil.walk_packages(dimgs.fits.__path__, "dimgs.fits."):
        importlib.import_module(module.name)
    estimators, queue = set(), [ContrastiveRegressor]
    while queue:
        for one in queue.pop().__subclasses__():
            queue.append(one)
            if (
                one.__module__.startswith("dimgs.fits")
                and one._fit is not ContrastiveRegressor._fit
            ):
                estimators.add(one)
    return estimators


def test_every_estimator_is_offered_by_its_name() -> None:
    for one in _estimators():
        assert getattr(dimgs.fits, one.__name__) is one
        assert one.__name__ in dir(dimgs.fits)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'PowerLow'"):
        dimgs.fits.PowerLow  # noqa: B018 - the access itself is what is tested


def test_who_takes_several_responses_says_so() -> None:
    """By the tag that scikit-learn reads, and by fitting two of them."""
    X, y = np.linspace(0.0, 1.0, 24)[:, None], np.linspace(0.0, 2.0, 24)[:, None] * [1.0, -1.0]
    several = {one.__name__ for one in _estimators() if get_tags(one()).target_tags.multi_output}
    assert several == {"CurvePotential", "ContrastivePotential", "PowerLaw"}
    assert dimgs.fits.PowerLaw().fit(X, y).predict(X).shape == (24, 2)
