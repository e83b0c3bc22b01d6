"""Tables whose rows are points of trajectories: runs, columns that vary along them, and noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dimgs.common.arrays import Array, IntArray
from dimgs.common.errors import InputError
from dimgs.dataset import Dataset
from dimgs.dataset.checks import check_along, require_finite, run_codes
from dimgs.expression import safe_identifiers
from dimgs.groups.derive import constant_variables
from dimgs.variables import Variable

# differences that the smoother penalises: a column takes the order that predicts it best
_ORDERS = (3, 5, 7)
# fewest degrees of freedom of a smoother's error; where it follows every point, its error at points
# left out is that of the interpolation as well, and the noise may be as large
_FEWEST_FREE, _LEAST_REST = 3, 0.5
# median of the size of a standard normal number: ends and sharp turns do not count as noise
_NORMAL = 0.6745
# a column moves along its runs where its variation has this many times the variance of the noise
_MOVES = 1.5
# a longer run is smoothed in pieces, since the smoother takes the cube of the length
_PIECE = 200
# relative to the variation of a column: closer than the digits that tables hold, or than the
# tolerance that simulators integrate with
ROUNDING = 3e-6
# of a constant column: the spread that a double's rounding leaves
_EQUAL = 1e-12
# a parameter that was read off in every row is constant where runs explain all but chance
_FEWEST_ROWS, _FEWEST_RUNS = 8, 3
# a relative error is not smaller than that of a value of this part of the root mean square
_LEAST_VALUE = 0.02


@dataclass(frozen=True)
class Trajectories:
    """Runs that are followed along one column.

    Attributes
    ----------
    data : Dataset
        Rows sorted by run and, within it, along the column.
    along, curve : str
        Column that runs along each trajectory, and the one that names the run.
    run : ndarray of int of shape (n_rows,)
        Number of the run of each row, from 0.
    states : dict of str to Variable
        Identifier -> column that varies along the runs.
    given : dict of str to Variable
        Identifier -> column that is constant on every run, or physical constant.
    values : dict of str to ndarray of shape (n_rows,)
        By identifier, in coherent SI units; what is given has its mean over the run.
    noise : dict of str to ndarray of shape (n_rows,)
        Standard error of each state at each row.
    """

    data: Dataset
    along: str
    curve: str
    run: IntArray
    states: dict[str, Variable]
    given: dict[str, Variable]
    values: dict[str, Array]
    noise: dict[str, Array]

    @cached_property
    def n_runs(self) -> int:
        """Number of trajectories."""
        return int(self.run.max()) + 1

    @cached_property
    def _starts(self) -> IntArray:
        """First row of each run; the rows are sorted by run."""
        return np.searchsorted(self.run, np.arange(self.n_runs)).astype(np.intp)

    @cached_property
    def symbols(self) -> dict[str, Variable]:
        """States and what is given, by identifier."""
        return {**self.states, **self.given}

    def centred(self, x: Array, weights: Array | None = None) -> Array:
        """Values less their mean over the run; `x` has one row for each row of the table."""
        return np.asarray(x - self.means(x, weights)[self.run])

    def means(self, x: Array, weights: Array | None = None) -> Array:
        """Mean of each run, of shape (n_runs, ...)."""
        weights = np.ones(len(self.run)) if weights is None else weights
        total = np.add.reduceat((x.T * weights).T, self._starts)
        return np.asarray((total.T / np.bincount(self.run, weights)).T)


def trajectories(
    data: Dataset, along: str, curve: str, constants: Sequence[str] = ()
) -> Trajectories:
    """Sort a table into trajectories, and estimate the noise of its columns.

    The noise of a column is its standard error where the table gives one. Otherwise it is the error
    at points left out of a smoother, whose smoothness is chosen by that error; it is constant or in
    proportion to the value, whichever the errors of large and of small values are nearer to.

    Parameters
    ----------
    data : Dataset
    along : str
        Column that increases along each run, such as time.
    curve : str
        Column that names the run.
    constants : sequence of str
        Physical constants that count as given.

    Raises
    ------
    InputError
        If a cell is empty, fewer than three runs are long enough, or a column is not a number.

    References
    ----------
    E. T. Whittaker, Proc. Edinburgh Math. Soc. 41 (1923) 63: the smoother.
    G. Wahba, S. Wold, Comm. Statist. 4 (1975) 1: smoothness by points left out.
    """
    names = [n for n in data.numeric_names if n not in (along, curve)]
    require_finite(data, (along, curve, *names), names)
    run = run_codes(data, curve, ())
    check_along(data, along, run)
    counts = np.bincount(run)
    if len(counts) < _FEWEST_RUNS or np.median(counts) < _FEWEST_ROWS:
        raise InputError(
            f"Conserved quantities need at least {_FEWEST_RUNS} runs of {_FEWEST_ROWS} rows, so "
            f"that what a run keeps differs between runs; '{curve}' of {data.source} names "
            f"{len(counts)}, of {np.median(counts):.0f} rows in the median."
        )
    order = np.lexsort((data[along], run))
    data, run = data.take(order), run[order]
    states, held = dict[str, Variable](), dict[str, Variable]()
    values, noise = dict[str, Array](), dict[str, Array]()
    for name, symbol in safe_identifiers(names).items():
        x = np.asarray(data[name])
        mean = (np.bincount(run, x) / counts)[run]
        error, is_state = data.errors.get(name), not np.allclose(x, mean, _EQUAL, 0.0)
        if is_state and error is None:
            error, is_state = _noise(x, data[along], run)
        (states if is_state else held)[symbol] = data.variable(name)
        values[symbol] = x if is_state else mean
        if is_state:
            noise[symbol] = np.asarray(error)
    for variable in constant_variables(constants, data.names):
        held[variable.name] = variable
        values[variable.name] = np.full(len(run), variable.value)
    return Trajectories(data, along, curve, run, states, held, values, noise)


def _noise(x: Array, t: Array, run: IntArray) -> tuple[Array, bool]:
    """Standard error of each value, and whether the column moves along its runs beyond it."""
    rows = [np.flatnonzero(run == r) for r in range(run.max() + 1)]
    pieces = [p for run_rows in rows for p in np.array_split(run_rows, -(-len(run_rows) // _PIECE))]
    tried = (np.concatenate([_left_out(x[p], t[p], n) for p in pieces]) for n in _ORDERS)
    best = min(tried, key=lambda residuals: float(np.median(np.abs(residuals))))
    residuals = best[np.argsort(np.concatenate(pieces))]
    within = x - (np.bincount(run, x) / np.bincount(run))[run]
    least = ROUNDING * float(np.sqrt(np.mean(within**2)))
    constant = float(np.median(np.abs(residuals))) / _NORMAL
    size = np.maximum(np.abs(x), _LEAST_VALUE * np.sqrt(np.mean(x**2)))
    relative = float(np.median(np.abs(residuals / size))) / _NORMAL
    error = np.full_like(x, max(constant, least))
    large = size > np.median(size)
    grown, expected = (
        np.median(a[large]) / np.median(a[~large]) for a in (np.abs(residuals), size)
    )
    # errors in proportion to the value grow with it, others do not
    if large.any() and np.isfinite(grown) and grown > np.sqrt(expected):
        error = np.maximum(relative * size, least)
    # scatter about the mean of the run alone has the mean square 1 - 1/n
    return error, bool(np.mean((within / error) ** 2) > _MOVES)


def _left_out(x: Array, t: Array, order: int) -> Array:
    """Errors of the smoothed values of one run where each is left out, less those of the smoother.

    The error of a point that is left out has the variance of the noise over one less the leverage.
    """
    n = len(x)
    if n <= order + _FEWEST_FREE:
        return np.asarray(x - x.mean())
    span = t[-1] - t[0]
    place = np.arange(n) if span <= 0 else (t - t[0]) / span * (n - 1)
    difference = np.eye(n)
    for step in range(1, order + 1):
        # points at one place would divide by zero
        gaps = np.maximum(place[step:] - place[:-step], 1e-3 * step) / step
        difference = np.diff(difference, axis=0) / gaps[:, None]
    roughness, modes = np.linalg.eigh(difference.T @ difference)
    roughness[:order] = 0.0
    z, squares = modes.T @ x, modes**2
    tried = []
    # as many degrees of freedom as there are modes less rough than each
    for penalty in (1e6 / roughness[order], *(1.0 / roughness[order:]), 1e-3 / roughness[-1]):
        kept = penalty * roughness / (1.0 + penalty * roughness)
        rest = np.maximum(squares @ kept, 1e-9)
        residual = (modes @ (kept * z)) / rest
        error = residual * np.sqrt(np.maximum(rest, _LEAST_REST))
        tried.append((float(np.median(np.abs(residual))), error))
    return np.asarray(min(tried, key=lambda pair: pair[0])[1], dtype=np.float64)
