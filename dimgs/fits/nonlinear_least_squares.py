"""Least squares of constants: Levenberg-Marquardt steps from one start, or from many at once.

References
----------
D. W. Marquardt, J. Soc. Ind. Appl. Math. 11 (1963) 431-441 (the damped step, and when the damping
grows); J. J. Moré, Lect. Notes Math. 630 (1978) 105-116 (parameters scaled by their columns, and
the fit ended by the squares that the linear model still promises).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dimgs.common.arrays import Array, BoolArray

# damping at the start, as a share of the squares of the scaled columns, its factor after a step,
# and its least value: below, the normal equations are no longer exact to the rounding
_DAMPING, _FACTOR, _LEAST = 1e-4, 10.0, 1e-12
# promised gain that is rounding: residuals are of size 1, and double precision is 1e-16 of that;
# and the share of the squares by which rounding may let them grow
_ROUNDING, _SAME = 1e-30, 1e-15
# share of the squares that a step gains at least in a fit that is worth its further steps though
# they are above `hopeless`: nearer to 0, and laws of a search are lost whose first constants are
# far off
_SLOW = 0.03


@dataclass(frozen=True, eq=False, slots=True)
class Minimum:
    """Minimum that the steps reached; with several starts, they are the first axis.

    Attributes
    ----------
    parameters : ndarray of shape (n_parameters,)
    residuals : ndarray of shape (n_runs,)
        Of all runs.
    slopes : ndarray of shape (n_runs, n_parameters)
        Of the model, there.
    squares : ndarray of shape ()
        Sum of the squared residuals of the runs that were fitted; infinite if the start has none.
    """

    parameters: Array
    residuals: Array
    slopes: Array
    squares: Array


def minimise_squares(
    model: Callable[[Array], tuple[Array, Array]],
    start: Array,
    *,
    rows: BoolArray | slice = slice(None),
    steps: int = 30,
    enough: float = 1e-10,
    largest: float = np.inf,
    hopeless: float = np.inf,
) -> Minimum:
    """Parameters of least squares near a start, but for rounding never worse than it.

    Parameters
    ----------
    model : callable
        From parameters to the residuals (observed less predicted, of size 1 or so) and the slopes
        of what is predicted; not finite where the model is not real.
    start : ndarray of shape (n_parameters,) or (n_starts, n_parameters)
        With many starts residuals have shape (n_starts, n_runs), and slopes
        (n_starts, n_runs, n_parameters).
    rows : ndarray of bool of shape (n_runs,), optional
        Runs that are fitted; all by default.
    steps : int
    enough : float
        The fit ends when a step promises to take away less than this share of the squares.
    largest : float
        Bound of the modulus of every parameter.
    hopeless : float
        Squares above which a fit also ends when it gains little in a step.

    Returns
    -------
    Minimum

    Examples
    --------
    >>> x = np.linspace(0.0, 1.0, 9)
    >>> y = 3 * np.exp(-2 * x)
    >>> def decay(theta):
    ...     shape = np.exp(-theta[1] * x)
    ...     slopes = np.column_stack([shape, -theta[0] * x * shape])
    ...     return y - theta[0] * shape, slopes
    >>> minimise_squares(decay, np.array([1.0, 1.0])).parameters.round(9).tolist()
    [3.0, 2.0]
    """
    with np.errstate(all="ignore"):
        theta = np.array(start, dtype=np.float64)
        e, J = model(theta)
        squares = _squares(e[..., rows])
        damping = np.full(squares.shape, _DAMPING)
        going = np.isfinite(squares)
        unit = np.eye(theta.shape[-1])
        for _ in range(steps if theta.size else 0):
            A = J[..., rows, :]
            scale = np.sqrt((A**2).sum(axis=-2))
            scale = np.where(scale > 0, scale, 1.0)
            A = A / scale[..., None, :]
            slope = (e[..., None, rows] @ A)[..., 0, :]
            normal = A.mT @ A + damping[..., None, None] * unit
            step = _solved(normal, slope)
            promised = (slope * step).sum(axis=-1)
            going = going & (promised > np.maximum(enough * squares, _ROUNDING))
            if not going.any():
                break
            trial = np.clip(theta + step / scale, -largest, largest)
            e_new, J_new = model(trial)
            new = _squares(e_new[..., rows])
            better = going & (new <= squares * (1 + _SAME))
            going = going & ~(better & (new > hopeless) & (squares - new < _SLOW * squares))
            damping = np.where(better, np.maximum(damping / _FACTOR, _LEAST), damping * _FACTOR)
            theta = np.where(better[..., None], trial, theta)
            e = np.where(better[..., None], e_new, e)
            J = np.where(better[..., None, None], J_new, J)
            squares = np.where(better, new, squares)
    return Minimum(theta, e, J, squares)


def _solved(normal: Array, slope: Array) -> Array:
    """Step of the normal equations; the least one where a matrix is singular to rounding."""
    try:
        return np.asarray(np.linalg.solve(normal, slope[..., None])[..., 0])
    except np.linalg.LinAlgError:
        inverse = np.linalg.pinv(np.nan_to_num(normal), hermitian=True)
        return np.asarray((inverse @ slope[..., None])[..., 0])


# step of a central difference, of the size of a parameter: the cube root of double precision
_STEP = 6e-6


def log_slopes(sizes: Callable[[Array], Array], parameters: Array) -> Array:
    """Derivatives of the logarithms of positive sizes by parameters, by central differences.

    Parameters
    ----------
    sizes : callable
        From parameters to an array of shape (n_runs,).
    parameters : ndarray of shape (n_parameters,)

    Returns
    -------
    ndarray of shape (n_runs, n_parameters)

    Examples
    --------
    >>> log_slopes(lambda theta: theta[0] * np.ones(2), np.array([4.0])).round(6).tolist()
    [[0.25], [0.25]]
    """
    steps = _STEP * np.where(parameters != 0, np.abs(parameters), 1.0)
    columns = [
        (np.log(sizes(parameters + step)) - np.log(sizes(parameters - step))) / (2 * size)
        for step, size in zip(np.diag(steps), steps, strict=True)
    ]
    return np.column_stack(columns) if columns else np.zeros((len(sizes(parameters)), 0))


def _squares(e: Array) -> Array:
    squares = np.asarray((e**2).sum(axis=-1))
    return np.where(np.isfinite(squares), squares, np.inf)
