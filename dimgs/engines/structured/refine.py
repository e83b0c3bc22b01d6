"""Variable projection: coefficients follow the constants, so that only the constants are refined.

References
----------
G. H. Golub, V. Pereyra, SIAM J. Numer. Anal. 10 (1973) 413-432; L. Kaufman, BIT 15 (1975) 49-57
(the slopes).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from dimgs.common.arrays import Array

# share of a column outside the base below which rounding decides, and of a singular value
_DEPENDENT, _RANK = 1e-5, 1e-12


class Projection(NamedTuple):
    """Best coefficients for constants that are held, of several starts at once.

    Attributes
    ----------
    residuals : ndarray of shape (n_starts, n_runs)
        NaN where a column is not finite.
    slopes : ndarray of shape (n_starts, n_runs, n_constants)
        Minus the slopes of the residuals by the constants.
    coefficients : ndarray of shape (n_starts, n_columns)
    """

    residuals: Array
    slopes: Array
    coefficients: Array


def projected(
    t: Array,
    columns: Array,
    slopes: Callable[[Array], Array] | None = None,
    base: Array | None = None,
) -> Projection:
    """Fit the coefficients of columns that depend on constants.

    Parameters
    ----------
    t : ndarray of shape (n_runs,) or (n_starts, n_runs)
        What the columns are to follow.
    columns : ndarray of shape (n_starts, n_runs, n_columns)
    slopes : callable, optional
        From coefficients, shape (n_starts, n_columns), to the slopes of the sum of the columns by
        the constants, shape (n_starts, n_runs, n_constants).
    base : ndarray of shape (n_runs, r) or (n_starts, n_runs, r), optional
        Orthonormal columns that do not depend on the constants.

    Examples
    --------
    >>> x = np.linspace(0.0, 1.0, 9)
    >>> decay = np.exp(-2 * x)[None, :, None]
    >>> fitted = projected(3 * decay[0, :, 0], decay, lambda b: -x[:, None] * b[0] * decay)
    >>> fitted.coefficients.round(9).tolist()
    [[3.0]]
    """

    def off(parts: Array) -> Array:
        return parts if base is None else np.asarray(parts - base @ (base.mT @ parts))

    usable = np.all(np.isfinite(columns), axis=(-2, -1))
    columns = np.where(usable[:, None, None], columns, 0.0)
    inside, rest = off(columns), off(t[..., None])
    size, whole = (np.sqrt((x**2).sum(axis=-2, keepdims=True)) for x in (inside, columns))
    outside = size > _DEPENDENT * whole
    inside = np.where(outside, inside / np.where(outside, size, 1.0), 0.0)
    basis, value, right = np.linalg.svd(inside, full_matrices=False)
    kept = value > _RANK * value.max(axis=-1, keepdims=True, initial=0.0)
    basis = basis * kept[:, None, :]
    along = basis.mT @ rest
    scaled = right.mT @ (along / np.where(kept, value, 1.0)[..., None])
    beta = (scaled / np.where(outside, size, 1.0).mT)[..., 0]
    residuals = np.where(usable[:, None], (rest - basis @ along)[..., 0], np.nan)
    J = off(columns[..., :0] if slopes is None else slopes(beta))
    return Projection(residuals, J - basis @ (basis.mT @ J), beta)
