"""Integer vectors with a short image under a linear map, all of them."""

from collections.abc import Iterator

import numpy as np
from flint import fmpz_mat

from dimgs.common.arrays import Array, IntArray


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
    found = []
    for k in _search(upper, bound * (1 + 1e-9)):
        found.append(k)
        if len(found) >= limit:
            break
    if not found:
        return np.zeros((0, len(root)), dtype=np.intp)
    return np.asarray(np.array(found, dtype=np.intp) @ transform)


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
