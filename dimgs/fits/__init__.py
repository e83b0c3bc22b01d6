"""Estimators fitted on contrasts between runs; scikit-learn conventions throughout.

Names are imported on first use, so that one estimator does not import the others.

Examples
--------
>>> from dimgs.fits import PowerLaw
>>> PowerLaw().fit([[0.0], [1.0], [2.0]], [1.0, 1.5, 2.0]).exponents_
array([0.5])
"""

from typing import TYPE_CHECKING

from dimgs.common.lazy import on_first_use

if TYPE_CHECKING:
    from dimgs.fits.additive import PairAdditive as PairAdditive
    from dimgs.fits.additive import SparseAdditive as SparseAdditive
    from dimgs.fits.base import ContrastiveRegressor as ContrastiveRegressor
    from dimgs.fits.errors_in_variables import OrthogonalPowerLaw as OrthogonalPowerLaw
    from dimgs.fits.intervals import PredictionIntervals as PredictionIntervals
    from dimgs.fits.local import LocalPowerLaw as LocalPowerLaw
    from dimgs.fits.pi_groups import PiGroups as PiGroups
    from dimgs.fits.potential import ContrastivePotential as ContrastivePotential
    from dimgs.fits.potential import CurvePotential as CurvePotential
    from dimgs.fits.power_law import ChosenPairsPowerLaw as ChosenPairsPowerLaw
    from dimgs.fits.power_law import MixedPowerLaw as MixedPowerLaw
    from dimgs.fits.power_law import PowerLaw as PowerLaw
    from dimgs.fits.power_law import RobustPowerLaw as RobustPowerLaw
    from dimgs.fits.power_law import fit_power_law as fit_power_law
    from dimgs.fits.regimes import CrossoverPowerLaw as CrossoverPowerLaw
    from dimgs.fits.regimes import RegimePowerLaw as RegimePowerLaw
    from dimgs.fits.regimes import choose_crossover as choose_crossover

__getattr__, __dir__, __all__ = on_first_use(
    __name__,
    {
        "additive": "PairAdditive SparseAdditive",
        "base": "ContrastiveRegressor",
        "errors_in_variables": "OrthogonalPowerLaw",
        "intervals": "PredictionIntervals",
        "local": "LocalPowerLaw",
        "pi_groups": "PiGroups",
        "potential": "ContrastivePotential CurvePotential",
        "power_law": "ChosenPairsPowerLaw MixedPowerLaw PowerLaw RobustPowerLaw fit_power_law",
        "regimes": "CrossoverPowerLaw RegimePowerLaw choose_crossover",
    },
)
