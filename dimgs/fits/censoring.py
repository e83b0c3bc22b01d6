"""Maximum likelihood of a response that is known in some runs only to lie beyond a bound.

The response is normal about what is linear in some columns (Tobit; on logarithms where the response
is one). At the maximum, a censored run acts as a run with a working response and a weight below 1:
weighted least squares with these has the scores and the information of the likelihood, so that
every later step, which knows weights, takes censored runs as it takes others.

References
----------
J. Tobin, Econometrica 26 (1958) 24-36.
R. J. Olsen, Econometrica 46 (1978) 1211-1215 (parameters in which the likelihood is concave).
P. J. Green, J. R. Stat. Soc. B 46 (1984) 149-192 (working responses of any likelihood).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr

from dimgs.common.arrays import Array, IntArray, basis_of, lengths
from dimgs.common.errors import FitError
from dimgs.fits.least_squares import ROWS_TOLERANCE

# relative, of the log-likelihood: further steps change no digit that is shown
_CONVERGED = 1e-12
_MOST_STEPS = 100
# least weight of a censored run: its bound is then so far away that nothing is known from it
_LEAST_WEIGHT = 1e-6


@dataclass(frozen=True, eq=False)
class Censored:
    """What censored runs amount to, at the maximum of the likelihood.

    Attributes
    ----------
    response, weights : ndarray of shape (n_runs,)
        Working response and weight of each run; a measured run keeps its response, with weight 1.
    sd : float
        Standard deviation of a run of unit size.
    log_likelihood : float
    """

    response: Array
    weights: Array
    sd: float
    log_likelihood: float


def fit_censored(columns: Array, y: Array, sides: IntArray, size: Array | None = None) -> Censored:
    """Fit a normal response that is linear in some columns, with bounds in some runs.

    Parameters
    ----------
    columns : ndarray of shape (n_runs, n_columns)
        A constant is added.
    y : ndarray of shape (n_runs,)
        Responses, and the bounds of censored runs.
    sides : ndarray of int of shape (n_runs,)
        -1 where the response lies at or below `y`, 1 where at or above, 0 where it is `y`.
    size : ndarray of shape (n_runs,), optional
        Relative size of the errors; 1 by default.

    Returns
    -------
    Censored

    Raises
    ------
    FitError
        If fewer runs are measured than there are unknowns.

    Examples
    --------
    >>> x = np.linspace(0.0, 1.0, 8)[:, None]
    >>> y = np.array([0.3, 0.3, 0.33, 0.41, 0.62, 0.69, 0.88, 0.97])
    >>> fit_censored(x, y, np.array([-1, -1, 0, 0, 0, 0, 0, 0])).response.round(2)
    array([0.05, 0.18, 0.33, 0.41, 0.62, 0.69, 0.88, 0.97])
    """
    one = np.ones(len(y)) if size is None else size
    table = np.column_stack([np.ones(len(y)), columns])
    # unit columns and singular vectors: neither scale nor collinearity matters
    base = basis_of(table / lengths(table), ROWS_TOLERANCE) * np.sqrt(len(y))
    measured = sides == 0
    if int(measured.sum()) < base.shape[1] + 2:
        raise FitError(
            f"{base.shape[1] + 1} unknowns need more than {int(measured.sum())} runs whose target "
            f"is a value and no bound; add runs, or use fewer inputs."
        )
    centre, spread = float(y.mean()), float(y.std()) or 1.0
    rows, t = base / one[:, None], (y - centre) / spread / one

    def parts(theta: Array) -> tuple[float, Array, Array, Array]:
        """Log-likelihood, standard deviates, and by them its slopes and curvatures."""
        gamma = theta[-1]
        z = gamma * t - rows @ theta[:-1]
        # P(response beyond its bound) is Φ(-side·z) of the bound's deviate
        a = np.where(measured, 0.0, -sides * z)
        log_phi = log_ndtr(a)
        hazard = np.exp(-0.5 * a**2 - 0.5 * np.log(2 * np.pi) - log_phi)
        value = np.where(measured, -0.5 * z**2, log_phi).sum() + measured.sum() * np.log(gamma)
        slope = np.where(measured, -z, -sides * hazard)
        curve = np.where(measured, 1.0, np.clip(hazard * (hazard + a), 0.0, 1.0))
        return float(value), z, slope, curve

    plain = np.linalg.lstsq(rows, t, rcond=None)[0]
    gamma = 1.0 / max(float(np.std(t - rows @ plain)), 1e-8)
    theta = np.append(plain * gamma, gamma)
    value, z, slope, curve = parts(theta)
    for _ in range(_MOST_STEPS):
        # z is linear in the parameters
        change = np.column_stack([-rows, t])
        gradient, hessian = change.T @ slope, (change * curve[:, None]).T @ change
        gradient[-1] += measured.sum() / theta[-1]
        hessian[-1, -1] += measured.sum() / theta[-1] ** 2
        step = np.linalg.lstsq(hessian, gradient, rcond=1e-14)[0]
        length = 1.0
        while length > 1e-8:
            trial = theta + length * step
            if trial[-1] > 0 and (there := parts(trial))[0] >= value - 1e-14 * abs(value):
                break
            length /= 2
        else:
            break
        gain, theta = there[0] - value, trial
        value, z, slope, curve = there
        if gain <= _CONVERGED * max(1.0, abs(value)):
            break
    gamma = theta[-1]
    weights = np.where(measured, 1.0, np.maximum(curve, _LEAST_WEIGHT))
    # working deviate: slope over curvature, which is 1/(hazard + a) in modulus
    deviate = np.where(measured, z, -slope / weights)
    response = (rows @ theta[:-1] + deviate) / gamma * one * spread + centre
    likely = value - float(np.log(one[measured]).sum() + measured.sum() * np.log(spread))
    return Censored(np.where(measured, y, response), weights, float(spread / gamma), likely)
