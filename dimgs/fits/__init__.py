"""Estimators fitted on contrasts between runs; scikit-learn conventions throughout.

Names are imported on first use, so that importing one estimator does not pay for the others.

Examples
--------
>>> from dimgs.fits import PowerLaw
>>> PowerLaw().fit([[0.0], [1.0], [2.0]], [1.0, 1.5, 2.0]).exponents_
array([0.5])
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dimgs.fits.additive import PairAdditive, SparseAdditive
    from dimgs.fits.base import ContrastiveRegressor
    from dimgs.fits.chosen_pairs import ChosenPairsPowerLaw
    from dimgs.fits.crossover import CrossoverPowerLaw, choose_crossover
    from dimgs.fits.curves import CurvePotential
    from dimgs.fits.errors_in_variables import OrthogonalPowerLaw
    from dimgs.fits.intervals import PredictionIntervals
    from dimgs.fits.local import LocalPowerLaw
    from dimgs.fits.pi_groups import PiGroups
    from dimgs.fits.potential import ContrastivePotential
    from dimgs.fits.power_law import PowerLaw, fit_power_law
    from dimgs.fits.regimes import RegimePowerLaw
    from dimgs.fits.robust import RobustPowerLaw

_HOMES = {
    "ChosenPairsPowerLaw": "chosen_pairs",
    "ContrastivePotential": "potential",
    "ContrastiveRegressor": "base",
    "CrossoverPowerLaw": "crossover",
    "CurvePotential": "curves",
    "LocalPowerLaw": "local",
    "OrthogonalPowerLaw": "errors_in_variables",
    "PairAdditive": "additive",
    "PiGroups": "pi_groups",
    "PowerLaw": "power_law",
    "PredictionIntervals": "intervals",
    "RegimePowerLaw": "regimes",
    "RobustPowerLaw": "robust",
    "SparseAdditive": "additive",
    "choose_crossover": "crossover",
    "fit_power_law": "power_law",
}

__all__ = [
    "ChosenPairsPowerLaw",
    "ContrastivePotential",
    "ContrastiveRegressor",
    "CrossoverPowerLaw",
    "CurvePotential",
    "LocalPowerLaw",
    "OrthogonalPowerLaw",
    "PairAdditive",
    "PiGroups",
    "PowerLaw",
    "PredictionIntervals",
    "RegimePowerLaw",
    "RobustPowerLaw",
    "SparseAdditive",
    "choose_crossover",
    "fit_power_law",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
