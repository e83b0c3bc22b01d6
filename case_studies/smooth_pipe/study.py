"""Friction in smooth pipes: laminar and turbulent, either side of the transition.

Story
    One table, two laws. A single power law through all runs would mean nothing: the exponent is -1
    while the flow is laminar and about -1/4 once it is turbulent. Here the runs are split where
    the transition is known to be, and those between the two regimes, where puffs of turbulence come
    and go, belong to neither. The measured laminar friction lies a few per cent above theory, and
    more so close to the transition; the tolerances say so.

Data
    59 runs of the Oregon facility, Reynolds numbers from 11 to a million, published in
    B. J. McKeon, C. J. Swanson, M. V. Zagarola, R. J. Donnelly, A. J. Smits, J. Fluid Mech. 511
    (2004) 41-44, and shipped by the package `fluids` (MIT licence) as
    `fluids.friction.oregon_smooth_data`: Reynolds number and Darcy friction factor.

Published
    Laminar: f = 64/Re (G. Hagen 1839, J. L. M. Poiseuille 1840; as a friction factor in any
    textbook). Turbulent: f = 0.3164 Re^(-1/4) for Re below about 10^5, H. Blasius, Das
    Aehnlichkeitsgesetz bei Reibungsvorgängen in Flüssigkeiten, Forschungsarbeiten des VDI 131
    (1913). Transition: Re = 2040, K. Avila et al., Science 333 (2011) 192-196.
"""

import numpy as np

from dimgs.dataset import Dataset
from dimgs.discovery.fitting import fit
from dimgs.report.results import FitResult
from dimgs.reproduce import Check, DataUnavailable

TRANSITION = 2040.0
TURBULENT = (3000.0, 2e5)

LAMINAR_BIAS = "measured laminar friction is some 4 % above theory, more near transition"
LOCAL_POWER = "Blasius' power is the tangent of a curve"


def table() -> Dataset:
    try:
        from fluids.friction import oregon_smooth_data
    except ImportError as error:
        raise DataUnavailable(
            "the package 'fluids', which ships the measurements, is not installed; "
            'install it with: pip install "dimgs[studies]"'
        ) from error
    reynolds, friction = (np.asarray(column) for column in oregon_smooth_data)
    return Dataset.from_columns({"Re [1]": reynolds, "f [1]": friction})


def between(data: Dataset, low: float, high: float) -> FitResult:
    reynolds = np.asarray(data["Re"])
    return fit(data.where((reynolds > low) & (reynolds < high)), "f")


def run() -> list[Check]:
    data = table()
    laminar = between(data, 0.0, TRANSITION)
    turbulent = between(data, *TURBULENT)
    return [
        Check.of("laminar exponent", laminar.exponents[0], -1.0, 0.02, why=LAMINAR_BIAS),
        Check.of(
            "laminar prefactor",
            laminar.law.constants[0],
            64.0,
            0.06,
            relative=True,
            why=LAMINAR_BIAS,
        ),
        Check.of("turbulent exponent", turbulent.exponents[0], -0.25, 0.015, why=LOCAL_POWER),
        Check.of(
            "turbulent prefactor",
            turbulent.law.constants[0],
            0.3164,
            0.02,
            relative=True,
            why=LOCAL_POWER,
        ),
    ]
