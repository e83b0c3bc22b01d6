"""Integer vectors with a short image under a linear map, all of them."""

from collections.abc import Iterator
from itertools import islice
from math import gcd

import numpy as np
from flint import fmpz_mat
from numpy.typing import ArrayLike

from dimgs.common.arrays import Array, IntArray
from dimgs.common.errors import InputError


def short_vectors(root: Array, bound: float, limit: int = 50_000) -> IntArray:
    """Integer vectors k with |root k|² <= bound, zero left out; one of each pair k, -k.

    The lattice is reduced first (LLL), then searched completely (Fincke and Pohst), so the
    answer does not depend on its basis.

    Parameters
    ----------
    root : ndarray of shape (p, p)
        Invertible.
    bound : float
    limit : int
        The search stops when it has found this many.

    References
    ----------
    Fincke & Pohst (1985), Math. Comput. 44, 463-471.

    Examples
    --------
    >>> import numpy as np
    >>> sorted(short_vectors(np.eye(2), 2.0).tolist())
    [[-1, 1], [0, 1], [1, 0], [1, 1]]
    """
    transform = _reduced(root)
    upper: Array = np.linalg.qr(root @ transform.T.astype(np.float64))[1]
    vectors = list(islice(_search(upper, bound * (1 + 1e-9)), limit))
    return np.asarray(np.array(vectors, dtype=np.intp).reshape(-1, len(transform)) @ transform)


def _reduced(root: Array) -> IntArray:
    """Rows: an LLL-reduced basis of the integer vectors, by the length of their images."""
    scale = 2.0**80 / float(np.abs(root).max())
    rows = [[round(float(value) * scale) for value in column] for column in root.T]
    _, transform = fmpz_mat(rows).lll(True)
    return np.array([[int(v) for v in row] for row in transform.tolist()], dtype=np.intp)


def _search(upper: Array, bound: float) -> Iterator[list[int]]:
    """Depth-first, from the last coordinate; the last non-zero coordinate is positive."""
    n = len(upper)
    diagonal = np.diag(upper) ** 2
    ratio = upper / np.diag(upper)[:, None]

    def descend(level: int, k: list[int], left: float, signed: bool) -> Iterator[list[int]]:
        if level < 0:
            if signed:
                yield list(k)
            return
        shift = float(sum(ratio[level, j] * k[j] for j in range(level + 1, n)))
        radius = float(np.sqrt(max(left, 0.0) / diagonal[level]))
        low = int(np.ceil(-radius - shift))
        high = int(np.floor(radius - shift))
        for value in range(low if signed else max(low, 0), high + 1):
            k[level] = value
            rest = left - diagonal[level] * (value + shift) ** 2
            yield from descend(level - 1, k, rest, signed or value > 0)
        k[level] = 0

    yield from descend(n - 1, [0] * n, bound, False)


# monomials that are looked at: some seconds
_MOST_POINTS = 50_000


def checked_map(exponent_map: ArrayLike | None, n_features: int) -> Array:
    """Matrix of physical exponents, one column for each feature; the identity by default."""
    if exponent_map is None:
        return np.eye(n_features)
    powers = np.asarray(exponent_map, dtype=np.float64)
    if powers.ndim != 2 or powers.shape[1] != n_features:
        raise InputError(
            f"exponent_map must have one column for each of the {n_features} groups, "
            f"but its shape is {powers.shape}"
        )
    return powers


def short_monomials(exponent_map: Array, most: int) -> list[tuple[int, ...]]:
    """The integer combinations of groups with the smallest physical exponents, shortest first.

    Parameters
    ----------
    exponent_map : ndarray of shape (n_variables, n_groups)
        Exponents of the physical variables in each group; full column rank.
    most : int
        How many primitive combinations to return, one of each pair d, -d.

    Returns
    -------
    list of tuple of int
        Coefficients d of the groups, by increasing length of ``exponent_map @ d`` and then by
        those exponents; the set of monomials is the same for every basis of the same lattice.

    Raises
    ------
    InputError
        If the columns of `exponent_map` are dependent.

    References
    ----------
    Fincke & Pohst (1985), Mathematics of Computation 44:463.

    Examples
    --------
    >>> short_monomials(np.eye(2), 4)
    [(0, 1), (1, 0), (1, -1), (1, 1)]
    """
    E = np.asarray(exponent_map, dtype=np.float64)
    size = E.shape[1]
    if np.linalg.matrix_rank(E) < size:
        raise InputError(
            "exponent_map has dependent columns; give the exponents of independent groups"
        )
    gram: Array = E.T @ E
    root: Array = np.linalg.cholesky(gram.astype(np.float64)).T
    radius = float(np.min(np.diag(gram)))
    while True:
        inside = short_vectors(root, radius, _MOST_POINTS).tolist()
        primitive = [d for d in inside if gcd(*d) == 1]
        if len(primitive) >= most or len(inside) >= _MOST_POINTS or size == 1:
            break
        radius *= 1.5
    keyed = []
    for d in primitive:
        physical = E @ np.array(d, dtype=np.float64)
        sign = 1 if next(v for v in physical if abs(v) > 1e-9) > 0 else -1
        key = tuple(float(round(sign * v, 9)) for v in physical)
        length = round(float(physical @ physical), 9)
        keyed.append((length, key, tuple(sign * c for c in d)))
    return [d for _, _, d in sorted(keyed)[:most]]
