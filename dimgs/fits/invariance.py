"""Tests of the invariance of a response under a symmetry, by a wild bootstrap."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dimgs.common.arrays import Array
from dimgs.fits.covariance import N_BOOTSTRAP, linearised, webb_signs

# level of the test; a symmetry is not claimed where the scatter hides this change of the response
_CHANCE, _DETECTABLE = 0.01, 0.02
# degree of a smooth function of no, one, two, and more coordinates
_DEGREES = (0, 5, 4, 3)
# of a variance of a response whose logarithm, or whose spread, is about one; of singular values
_ROUNDING, _RANK = 1e-24, 1e-10
# clusters below which signs say little
_FEWEST = 6


@dataclass(frozen=True, eq=False)
class Invariance:
    """Outcome of :func:`invariance`.

    Attributes
    ----------
    p : float
        Chance of so large a change, if the symmetry holds; NaN where the runs are too few.
    detectable : float
        Root mean square of a change that the scatter could hide, in units of the response.
    slopes, half_widths : ndarray of shape (n_straight,)
        Of the straight coordinates, with their 90 % intervals.
    """

    p: float
    detectable: float
    slopes: Array
    half_widths: Array

    @property
    def is_refuted(self) -> bool:
        """Whether the response changes along the symmetry."""
        return self.p < _CHANCE

    @property
    def is_shown(self) -> bool:
        """Whether the response does not change, and a change would have been seen."""
        return self.p >= _CHANCE and self.detectable <= _DETECTABLE


def invariance(
    response: Array,
    allowed: Array,
    straight: Array,
    whole: Array,
    clusters: ArrayLike | None = None,
) -> Invariance:
    """Test a symmetry: whether a function of its invariants fits as well as one of all inputs.

    Two polynomials are fitted, of the allowed coordinates, and of all beside these. What the
    further terms explain is compared with what they explain where the residuals of the first change
    their signs at random: a wild bootstrap, by runs, or by clusters where runs share their errors.
    It keeps its level where there are fewer clusters than terms.

    Parameters
    ----------
    response : ndarray of shape (n_runs,)
        Logarithm of the response, or the response over its standard deviation.
    allowed : ndarray of shape (n_runs, k)
        Coordinates that the symmetry leaves unchanged: any function of them.
    straight : ndarray of shape (n_runs, s)
        Coordinates that enter linearly.
    whole : ndarray of shape (n_runs, m)
        All coordinates: any function of them, if the symmetry does not hold.
    clusters : array-like of shape (n_runs,), optional
        Runs of equal label share their errors.

    References
    ----------
    C. F. J. Wu, Ann. Stat. 14 (1986) 1261-1295: the wild bootstrap.
    A. C. Cameron, J. B. Gelbach, D. L. Miller, Rev. Econ. Stat. 90 (2008) 414-427: by clusters.

    Examples
    --------
    >>> x, y = np.random.default_rng(0).uniform(1, 2, (2, 60))
    >>> both, none = np.column_stack([x, y]), np.empty((60, 0))
    >>> invariance(np.log(x + y), (x + y)[:, None], none, both).is_shown
    True
    >>> invariance(np.log(x + y), (x - y)[:, None], none, both).is_refuted
    True
    """
    n = len(response)
    labels = np.arange(n) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    A = np.hstack([straight, polynomials(allowed, _DEGREES[min(allowed.shape[1], 3)] + 1)])
    base = np.linalg.svd(A, full_matrices=False)[0][:, : np.linalg.matrix_rank(A)]
    rest = polynomials(whole, _DEGREES[min(whole.shape[1], 3)])
    rest = rest / np.linalg.norm(rest, axis=0)
    rest -= base @ (base.T @ rest)
    left, sizes, _ = np.linalg.svd(rest, full_matrices=False)
    extra = left[:, sizes > _RANK]
    residuals = response - base @ (base.T @ response)
    estimates = linearised(A, residuals, clusters=labels)
    s = straight.shape[1]
    slopes = np.asarray(np.linalg.lstsq(A, response, rcond=None)[0][:s])
    half_widths = estimates.half_widths(0.9)[:s]
    more, dof = extra.shape[1], n - base.shape[1] - extra.shape[1]
    units = int(labels.max()) + 1
    if more < 1 or dof < n / 3 or units < _FEWEST:
        return Invariance(float("nan"), float("inf"), slopes, half_widths)
    signs = webb_signs(np.random.default_rng(0), (N_BOOTSTRAP, units))[:, labels]
    samples = signs * residuals
    samples -= (samples @ base) @ base.T
    ratio, *ratios = _ratios(np.vstack([residuals, samples]), extra)
    p = float(1 + np.count_nonzero(np.array(ratios) >= ratio)) / (1 + len(ratios))
    around = residuals - extra @ (extra.T @ residuals)
    both = np.hstack([base, extra])
    spread = linearised(both, around, clusters=labels).covariance[-more:, -more:]
    return Invariance(p, float(np.sqrt(np.trace(spread) / n)), slopes, half_widths)


def _ratios(samples: Array, extra: Array) -> Array:
    """Squares that further terms explain, over those that they leave; one for each sample."""
    explained = ((samples @ extra) ** 2).sum(axis=1)
    return np.asarray(
        explained / np.maximum((samples**2).sum(axis=1) - explained, _ROUNDING * len(extra))
    )


def polynomials(x: Array, degree: int) -> Array:
    """Monomials up to a degree of coordinates that are brought to the range -1 to 1.

    Parameters
    ----------
    x : ndarray of shape (n, k)
    degree : int

    Returns
    -------
    ndarray of shape (n, n_monomials)
    """
    from sklearn.preprocessing import PolynomialFeatures

    low, high = x.min(axis=0, initial=np.inf), x.max(axis=0, initial=-np.inf)
    scaled = 2 * (x - low) / np.where(high > low, high - low, 1.0) - 1.0
    # of no coordinates there is the constant
    padded = np.column_stack([scaled, np.zeros(len(x))])[:, : max(x.shape[1], 1)]
    return np.asarray(PolynomialFeatures(degree).fit_transform(padded))
