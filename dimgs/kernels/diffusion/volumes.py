"""Finite volumes for the film and its bath: second order in space and in time.

The film is cut into equal cells; its face passes through half a cell and the resistance of the
bath in series, and the bath is one more cell, so that mass is conserved to rounding. Time steps
are implicit (the L-stable SDIRK method of order 2) and double from block to block, since the
concentrations change fastest at first.

References
----------
Alexander, Diagonally implicit Runge-Kutta methods for stiff O.D.E.'s, SIAM Journal on Numerical
Analysis 14, 1006-1021, 1977, theorem 5.
"""

import math
from collections.abc import Iterator

import numpy as np
from scipy.linalg.lapack import dgttrf, dgttrs

from dimgs.common.arrays import Array

# makes the two-stage method of order 2 L-stable (Alexander's theorem 5)
_GAMMA = 1 - math.sqrt(0.5)
# the last block is then 2^40 times as long as the first: more would pass the sixteen digits
_MOST_BLOCKS = 40
# of the time in which a cell responds, (l/cells)²/D: a quarter follows its fastest change
_FIRST_STEP = 0.25


def migrated_fraction(fo: float, b: float, k: float, cells: int, steps: int) -> float:
    """Fraction of the equilibrium concentration that the bath has reached.

    Parameters
    ----------
    fo, b, k : float
        As in :func:`dimgs.kernels.diffusion.analytic.migrated_fraction`.
    cells : int
        Number of cells across the film.
    steps : int
        Number of time steps in each block; the blocks double in length.

    Returns
    -------
    float

    Examples
    --------
    >>> migrated_fraction(0.1, 5.0, 0.5, cells=200, steps=16)
    0.30606...
    """
    *_, (_, state) = _march(fo, b, k, cells, steps)
    return float(state[-1]) * (1 + k)


def profile_and_history(
    fo: float, b: float, k: float, cells: int, steps: int
) -> tuple[Array, Array, Array]:
    """Concentrations in the film at the end, and the migrated fraction over time.

    Parameters
    ----------
    fo, b, k, cells, steps
        As in :func:`migrated_fraction`; `fo` above 0.

    Returns
    -------
    profile : ndarray of shape (cells,)
        Over the first concentration, from the far side to the face.
    times : ndarray of shape (n_times,)
        Fourier numbers.
    history : ndarray of shape (n_times,)

    Examples
    --------
    >>> profile, times, history = profile_and_history(0.1, 5.0, 0.5, cells=200, steps=16)
    >>> float(history[-1]) == migrated_fraction(0.1, 5.0, 0.5, cells=200, steps=16)
    True
    """
    states = list(_march(fo, b, k, cells, steps))
    history = np.array([float(state[-1]) for _, state in states]) * (1 + k)
    return states[-1][1][:-1], np.array([at for at, _ in states]), history


def _march(fo: float, b: float, k: float, cells: int, steps: int) -> Iterator[tuple[float, Array]]:
    """Times and states, the first one included."""
    below, diagonal, above = _operator(b, k, cells)
    state = np.ones(cells + 1)
    state[-1] = 0.0
    at = 0.0
    yield at, state
    if fo <= 0:
        return
    for span in _blocks(fo, cells):
        step = span / steps
        factors = dgttrf(
            -_GAMMA * step * below, 1 - _GAMMA * step * diagonal, -_GAMMA * step * above
        )[:-1]
        for _ in range(steps):
            first = _slope(factors, below, diagonal, above, state)
            second = _slope(factors, below, diagonal, above, state + (1 - _GAMMA) * step * first)
            state = state + step * ((1 - _GAMMA) * first + _GAMMA * second)
            at += step
            yield at, state


def _operator(b: float, k: float, cells: int) -> tuple[Array, ...]:
    """Bands of d(state)/dFo; the last state is the amount in the bath, per amount at first."""
    width = 1.0 / cells
    below, above = np.full(cells, width**-2), np.full(cells, width**-2)
    face = 1.0 / (width / 2 + 1.0 / b)
    below[-1], above[-1] = face, face * k / width
    diagonal = np.zeros(cells + 1)
    diagonal[:-2] -= above[:-1]
    diagonal[1:-1] -= below[:-1]
    diagonal[-2] -= face / width
    diagonal[-1] = -face * k
    return below, diagonal, above


def _slope(
    factors: tuple[Array, ...], below: Array, diagonal: Array, above: Array, state: Array
) -> Array:
    rate = diagonal * state
    rate[1:] += below * state[:-1]
    rate[:-1] += above * state[1:]
    lower, middle, upper, second, pivots = factors
    solution: Array = dgttrs(lower, middle, upper, second, pivots, rate)[0]
    return solution


def _blocks(fo: float, cells: int) -> list[float]:
    """Lengths of the blocks of time, the first about as long as a cell takes to respond."""
    doublings = math.ceil(math.log2(max(2.0, fo * cells**2 / _FIRST_STEP)))
    doublings = min(doublings, _MOST_BLOCKS)
    first = fo / 2**doublings
    return [first, *(first * 2**i for i in range(doublings))]
