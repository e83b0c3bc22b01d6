"""Types of the arrays that flow between functions, and least squares for columns of any size."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
IntArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]

# natural logarithm of a number that is well inside doubles (1e±304)
LARGEST_LOG = 700.0
# rows of a counter: fewer settings may stand in such an order by themselves
_COUNTED = 6


def least_squares(A: Array, t: Array) -> Array:
    """Coefficients of the columns of A for t, each column in units of its norm.

    A column that is zero, or beyond the range of doubles, gets the coefficient zero: LAPACK prints
    a complaint of its own about such columns.

    Examples
    --------
    >>> A = np.array([[1.0, 0.0], [2.0, np.inf]])
    >>> least_squares(A, A[:, 0]).round(6).tolist()
    [1.0, 0.0]
    """
    size = lengths(A)
    usable = np.isfinite(size)
    coefficients = np.zeros(A.shape[1])
    if np.any(usable):
        scaled = A[:, usable] / size[usable]
        coefficients[usable] = np.linalg.lstsq(scaled, t, rcond=None)[0] / size[usable]
    return coefficients


def basis_of(columns: Array, least: float, size: float | None = None) -> Array:
    """Orthonormal basis of what columns span; directions of small singular values are rounding.

    Parameters
    ----------
    columns : ndarray of shape (n_rows, n_columns)
    least : float
        Singular value above which a direction counts, as a share of `size`.
    size : float, optional
        By default the largest singular value.

    Returns
    -------
    ndarray of shape (n_rows, rank)

    Examples
    --------
    >>> basis_of(np.array([[3.0, 6.0], [4.0, 8.0]]), 1e-9).shape
    (2, 1)
    """
    left, singular, _ = np.linalg.svd(columns, full_matrices=False)
    size = singular.max(initial=0.0) if size is None else size
    return np.asarray(left[:, singular > least * size])


def is_counter(values: Array) -> bool:
    """Whether numbers go up by one, as numbers of rows do.

    Examples
    --------
    >>> is_counter(np.arange(3.0, 9.0)), is_counter(np.arange(3.0))
    (True, False)
    """
    return len(values) >= _COUNTED and np.array_equal(values, values[0] + np.arange(len(values)))


def ends_by_label(values: Array, labels: NDArray[Any] | None) -> tuple[Array, Array]:
    """Smallest and largest value of each label, in sorted order; without labels, of all.

    Examples
    --------
    >>> low, high = ends_by_label(np.array([3.0, 1.0, 2.0, 2.0]), np.array(["A", "A", "B", "B"]))
    >>> low.tolist(), high.tolist()
    ([1.0, 2.0], [3.0, 2.0])
    """
    finite = np.where(np.isfinite(values), values, np.nan)
    if labels is None:
        low, high = (np.atleast_1d(f.reduce(finite, initial=np.nan)) for f in (np.fmin, np.fmax))
        return low, high
    codes = np.unique(labels, return_inverse=True)[1]
    low, high = np.full((2, int(codes.max(initial=-1)) + 1), np.nan)
    np.fmin.at(low, codes, finite)
    np.fmax.at(high, codes, finite)
    return low, high


def count_apart(points: Array, distance: float) -> int:
    """Number of points, those that lie near one that counts already left out.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_coordinates)
        The first counts, and so on in their order.
    distance : float
        In any coordinate, up to which points are near.

    Examples
    --------
    >>> count_apart(np.array([[0.0], [1e-4], [1.0]]), 1e-3)
    2
    """
    left, count = points, 0
    while len(left):
        left = left[np.abs(left - left[0]).max(axis=1, initial=0.0) > distance]
        count += 1
    return count


def lengths(columns: Array) -> Array:
    """Norms of columns, and 1 for a column of zeros.

    Examples
    --------
    >>> [f"{x:g}" for x in lengths(np.array([[3.0, 0.0, 3e200], [4.0, 0.0, 4e200]]))]
    ['5', '1', '5e+200']
    """
    with np.errstate(over="ignore", invalid="ignore"):
        size = np.sqrt((columns**2).sum(axis=0))
    if not np.all(np.isfinite(size) & (size > 0)):
        # squares leave the range before the values do
        top = np.abs(columns).max(axis=0, initial=0.0)
        usable = np.isfinite(top) & (top > 0)
        scaled = columns[:, usable] / top[usable]
        size[usable] = top[usable] * np.sqrt((scaled**2).sum(axis=0))
    return np.where(size == 0, 1.0, size)


def unscaled_covariance(A: Array, rcond: float = 1e-15) -> Array:
    """Covariance of the coefficients of the columns of A for errors of variance 1.

    Parameters
    ----------
    A : ndarray of shape (n_runs, n_columns)
    rcond : float
        Share of the largest singular value of the normal equations, with columns of norm 1, below
        which rounding decides.

    Examples
    --------
    >>> unscaled_covariance(np.diag([2.0, 0.0])).diagonal().tolist()
    [0.25, 0.0]
    """
    size = lengths(A)
    scaled = A / size
    inverse = np.linalg.pinv(scaled.T @ scaled, rcond=rcond, hermitian=True)
    return np.asarray(inverse / size / size[:, None])


def standard_errors(A: Array, residuals: Array) -> Array:
    """Standard errors of the coefficients of the columns of A, by residuals of one variance.

    Parameters
    ----------
    A : ndarray of shape (n_runs, n_columns)
    residuals : ndarray of shape (n_runs,)

    Examples
    --------
    >>> standard_errors(np.array([[2e200], [2e200]]), np.array([3e200, 3e200])).round(6).tolist()
    [1.5]
    """
    size = lengths(A)
    inverse = unscaled_covariance(A / size).diagonal()
    sd = lengths(residuals[:, None]) if np.any(residuals) else np.zeros(1)
    return np.asarray(np.sqrt(np.maximum(inverse, 0.0) / max(len(A) - A.shape[1], 1)) * (sd / size))


def chance_of_gain(pooled: Array, apart: Array, extra: int, rest: float) -> float:
    """Chance (F test) that residuals become as much smaller by further parameters.

    It is 1 where nothing is gained, as the inputs distinguish the groups already.

    Parameters
    ----------
    pooled, apart : ndarray
        Residuals without and with the further parameters.
    extra : int
        How many these are.
    rest : float
        Degrees of freedom that they leave.

    Examples
    --------
    >>> x = np.array([1.0, -1.0, 1.0, -1.0])
    >>> chance_of_gain(x, x, 1, 2), round(chance_of_gain(x, 0.1 * x, 1, 2), 3)
    (1.0, 0.005)
    """
    from scipy.special import fdtrc

    more, least = float(pooled @ pooled), float(apart @ apart)
    if rest < 1 or not 0 < least < more:
        return 1.0
    return float(fdtrc(extra, rest, (more - least) / extra / (least / rest)))


def times_exp(values: Array, logs: Array) -> Array:
    """Values times exp(logs), in logarithms where the factor alone leaves the range of doubles.

    Examples
    --------
    >>> [f"{v:.6g}" for v in times_exp(np.array([0.0, -1e-300]), np.array([900.0, 900.0]))]
    ['0', '-7.32881e+90']
    """
    if np.abs(logs).max(initial=0.0) < LARGEST_LOG:
        return np.asarray(values * np.exp(logs))
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        return np.asarray(np.sign(values) * np.exp(np.log(np.abs(values)) + logs))


# last bits of a double that are left out: 32 of 52 decide, a relative 2e-10, above what a
# conversion of units rounds and below what two runs differ by
_TRAILING = np.uint64(20)
# half of the last bit that counts, so that leading bits are rounded
_HALF_TRAILING = np.uint64(1 << 19)
# the two rounds of SplitMix64's mixing function
_MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


def mixed_bits(columns: Iterable[Array]) -> NDArray[np.uint64]:
    """A number for each row, as good as random, that depends on its values and not on its place.

    A sum of the leading bits of the values, mixed as by SplitMix64: the last digits, which the
    conversion of units rounds, decide nothing.

    References
    ----------
    G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014
    (the mixing function).

    Examples
    --------
    >>> x = np.arange(5.0)
    >>> mixed_bits([x])[::-1].tolist() == mixed_bits([x[::-1]]).tolist()
    True
    """
    bits: NDArray[np.uint64] = np.zeros(1, dtype=np.uint64)
    for k, column in enumerate(columns):
        # odd factors, so that equal values in two columns do not cancel
        raw = np.ascontiguousarray(column).view(np.uint64)
        bits = bits + ((raw + _HALF_TRAILING) >> _TRAILING) * np.uint64(2 * k + 1)
    for shift, factor in _MIX:
        bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(bits ^ (bits >> np.uint64(31)))


# share of the largest singular value that is rounding, and of unit lengths what is not a direction
_RANK, _REACHED = 1e-9, 1e-6


def leading_rows(matrix: Array) -> list[Array]:
    """An orthonormal basis of the row space in which the first columns lead.

    It is the same for every matrix of the same row space.

    Parameters
    ----------
    matrix : ndarray of shape (n_rows, n_columns)

    Returns
    -------
    list of ndarray of shape (n_columns,)

    Examples
    --------
    >>> [row.round(3).tolist() for row in leading_rows(np.array([[1.0, 1.0], [2.0, 2.0]]))]
    [[0.707, 0.707]]
    """
    basis: list[Array] = []
    if not np.abs(matrix).max(initial=0.0) > 0.0:
        return basis
    _, singular, right = np.linalg.svd(matrix, full_matrices=False)
    rows = right[singular > _RANK * singular[0]]
    for column in (rows.T @ rows).T:
        rest = column - sum((float(f @ column) * f for f in basis), np.zeros(len(column)))
        length = float(np.linalg.norm(rest))
        if length > _REACHED and len(basis) < len(rows):
            basis.append(rest / length)
    return basis
