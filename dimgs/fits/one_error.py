"""The rule of one standard error: models that predict as well as the best."""

import numpy as np
from numpy.typing import NDArray

from dimgs.common.arrays import Array


def gain_and_error(
    best: Array, losses: Array, clusters: NDArray[np.generic] | None = None
) -> tuple[float, float]:
    """By how much the losses of a model exceed those of the best, and the error of that sum.

    Parameters
    ----------
    best, losses : ndarray of shape (n,)
        Losses of the best model and of another, on the same runs or folds left out.
    clusters : ndarray of shape (n,), optional
        Runs of equal label count as one.

    Returns
    -------
    gain, error : float
        The other model will do where the gain does not exceed the error.

    References
    ----------
    L. Breiman, J. H. Friedman, R. A. Olshen, C. J. Stone, "Classification and Regression Trees",
    Wadsworth 1984, section 3.4.3.

    Examples
    --------
    >>> gain_and_error(np.array([1.0, 2.0, 1.0]), np.array([1.5, 1.5, 1.5]))
    (0.5, 1.0)
    """
    extra = losses - best
    if clusters is not None:
        codes = np.unique(clusters, return_inverse=True)[1]
        extra = np.asarray(np.bincount(codes, extra), dtype=np.float64)
    error = float(np.std(extra, ddof=1) * np.sqrt(len(extra))) if len(extra) > 1 else 0.0
    return float(extra.sum()), error


def is_as_good(best: Array, losses: Array, clusters: NDArray[np.generic] | None = None) -> bool:
    """Whether the losses of a model exceed those of the best by one standard error at the most.

    Parameters
    ----------
    best, losses : ndarray of shape (n_runs,)
    clusters : ndarray of shape (n_runs,), optional
        Runs that share one also share errors.
    """
    gain, error = gain_and_error(best, losses, clusters)
    return gain <= error


def within_one_error(losses: Array, best: Array, floor: float) -> bool:
    """Is the extra held-out loss within one standard error of the paired fold differences?

    Losses that agree to a relative 1e-9, or to `floor`, differ by rounding only.
    """
    gain, error = gain_and_error(best, losses)
    return bool(gain <= error + 1e-9 * best.sum() + floor)
