"""Input of a potential: its runs, known physics, and the device.

Duplicate runs are merged; coordinates are whitened, and misfits have units.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dimgs.common.arrays import Array, IntArray
from dimgs.common.errors import EngineUnavailableError, FitError, InputError
from dimgs.fits.base import TrainingRuns
from dimgs.fits.design.moments import group_means
from dimgs.fits.design.whitening import whiten
from dimgs.fits.run_checks import check_clusters, distinct_rows

# of the product of weights and changes, which is one but for rounding
_ROUNDING = 1e-6

End = Literal["low", "high"]
Loss = Literal["squared", "absolute", "huber"]
LOSSES: tuple[Loss, ...] = ("squared", "absolute", "huber")


@dataclass(frozen=True)
class Limit:
    """A known exponent far outside the runs.

    Parameters
    ----------
    feature : int or sequence of float
        Column of X, or what goes to a limit as a sum of columns: the weight of each.
    end : {"low", "high"}
        Where that goes to minus or to plus infinity.
    exponent : float
        Local exponent in the limit.
    along : sequence of float, optional
        Change of each column for a change of the feature by one, along which the exponent is; by
        default of the column alone.
    beyond : float, optional
        Value of the feature from which on the limit holds; by default it only holds far outside.
    """

    feature: int | Sequence[float]
    end: End
    exponent: float
    along: Sequence[float] | None = None
    beyond: float | None = None

    def __post_init__(self) -> None:
        if self.end not in ("low", "high"):
            raise InputError(f"The end of a limit is {self.end!r}: use 'low' or 'high'.")
        if not isinstance(self.feature, int) and self.along is None:
            raise InputError("A limit of several columns needs `along`: how each of them changes.")

    def weights(self, n_features: int) -> tuple[Array, Array]:
        """Weight of each column in the feature, and its change along the exponent."""
        if isinstance(self.feature, int):
            weight = np.eye(n_features)[self.feature]
        else:
            weight = np.asarray(self.feature, dtype=np.float64)
        return weight, weight if self.along is None else np.asarray(self.along, dtype=np.float64)

    def columns(self, n_features: int) -> list[int]:
        """Columns of X that it names.

        Raises
        ------
        InputError
            If it names others, or the feature does not change along it.
        """
        if isinstance(self.feature, int) and not 0 <= self.feature < n_features:
            return [self.feature]
        weight, along = self.weights(n_features)
        if weight.shape != (n_features,) or along.shape != (n_features,):
            raise InputError(
                f"A limit needs a weight and a change for each of {n_features} columns."
            )
        if abs(float(weight @ along) - 1.0) > _ROUNDING:
            raise InputError("The feature of a limit has to change by one along it.")
        return [int(j) for j in np.flatnonzero((weight != 0.0) | (along != 0.0))]


@dataclass(frozen=True)
class Physics:
    """Prior knowledge that a potential is held to while it is fitted.

    Parameters
    ----------
    monotone : mapping of int to {-1, 1}
        Columns of X whose local exponent never is negative (1) or positive (-1).
    limits : sequence of Limit
        Known local exponents far outside the runs.
    interaction : float
        Weight of the sum over pairs of features of their root-mean-square mixed second
        derivative, in units of the residual variance; it switches whole interactions off.
    strength : float
        Weight of a violated sign or limit, in units of the residual variance.

    Raises
    ------
    InputError
        If a sign is neither 1 nor -1, or a weight is negative.

    Examples
    --------
    >>> Physics(monotone={0: 1}, limits=[Limit(1, "high", 0.5)]).uses_gradient
    True
    """

    monotone: Mapping[int, int] = field(default_factory=dict)
    limits: Sequence[Limit] = ()
    interaction: float = 0.0
    strength: float = 100.0

    def __post_init__(self) -> None:
        for feature, sign in self.monotone.items():
            if sign not in (-1, 1):
                raise InputError(f"monotone[{feature}] is {sign!r}: use 1 (rises) or -1 (falls).")
        if self.interaction < 0 or self.strength < 0:
            raise InputError("The weights of interactions and of violations must not be negative.")

    @property
    def uses_gradient(self) -> bool:
        """Whether a sign or a limit is given."""
        return bool(self.monotone) or bool(self.limits)

    def check(self, n_features: int, categorical: Sequence[int]) -> None:
        """Raise unless the columns named are numeric columns of X.

        Raises
        ------
        InputError
        """
        named = [*self.monotone, *(j for limit in self.limits for j in limit.columns(n_features))]
        for feature in named:
            if not 0 <= feature < n_features or feature in categorical:
                raise InputError(
                    f"The physics names column {feature} of X, which has {n_features} columns"
                    f"{' (that one holds categories)' if feature in categorical else ''}: "
                    f"name numeric columns, counted from 0."
                )


# of the spread of the response: what is left below is rounding
_EXACT = 1e-9


@dataclass(frozen=True, eq=False)
class PotentialRuns:
    """Distinct runs of positive weight.

    Parameters
    ----------
    X : ndarray of shape (n_runs, n_features)
    y : ndarray of shape (n_runs, n_targets)
        Response as given.
    weights : ndarray of shape (n_runs,)
        Of mean one.
    clusters : ndarray of int of shape (n_runs,)
        Runs that are held out together.
    within : ndarray of int of shape (n_runs,), optional
        Label within which runs are paired.
    within_labels : ndarray, optional
    rows : ndarray of int of shape (n_runs,)
        Where each run comes first in the table.
    """

    X: Array
    y: Array
    weights: Array
    clusters: IntArray
    within: IntArray | None
    within_labels: NDArray[np.generic] | None
    rows: IntArray

    def __len__(self) -> int:
        return len(self.y)

    @property
    def n_clusters(self) -> int:
        """Number of clusters of runs that can be held out."""
        return int(self.clusters.max()) + 1

    def centred(self, values: Array, weights: Array) -> Array:
        """Values about the weighted mean of their label, or of all runs.

        Parameters
        ----------
        values : ndarray of shape (n_runs, n)
        weights : ndarray of shape (n_runs,)
        """
        if self.within is None:
            return np.asarray(values - weights @ values / weights.sum())
        means = group_means(values, self.within, int(self.within.max()) + 1, weights)[1]
        return np.asarray(values - means[self.within])

    def label_means(self, values: Array) -> dict[Any, Array]:
        """Weighted mean of the values over the runs of each label; {} without labels.

        Parameters
        ----------
        values : ndarray of shape (n_runs, n)
        """
        if self.within is None or self.within_labels is None:
            return {}
        weights, means = group_means(values, self.within, len(self.within_labels), self.weights)
        pairs = zip(self.within_labels.tolist(), means, strict=True)
        return {label: row for (label, row), w in zip(pairs, weights, strict=True) if w > 0}


def distinct_runs(runs: TrainingRuns) -> PotentialRuns:
    """Runs of positive weight; identical ones are one run of their summed weight.

    The order is that of the response, so that neither the order of the table nor the choice of
    groups matters.

    Raises
    ------
    InputError
        If there are not as many labels as runs.
    FitError
        If fewer than two distinct runs, or a single cluster, are left.
    """
    X, t, w = runs.X, runs.y.reshape(len(runs), -1), runs.weights
    labels, within_codes = (
        (None, None) if runs.within is None else np.unique(runs.within, return_inverse=True)
    )
    clusters = None if runs.groups is None else runs.clusters
    table = np.column_stack([X, t, *(c for c in (clusters, within_codes) if c is not None)])
    rows, _, total = distinct_rows(table, w)
    order = np.lexsort(t[rows].T[::-1])
    rows, total = rows[order], total[order]
    if len(rows) < 2:
        raise FitError(f"{len(rows)} distinct runs make no pair: give at least two.")
    if within_codes is not None and np.bincount(within_codes[rows]).max() < 2:
        raise FitError(
            "No label of within has two distinct runs, so that no pair is left: "
            "give labels that runs share, or none."
        )
    new_clusters = np.arange(len(rows), dtype=np.intp)
    if clusters is not None:
        # numbered by first appearance
        _, first, codes = np.unique(clusters[rows], return_index=True, return_inverse=True)
        new_clusters = np.argsort(np.argsort(first))[codes]
        check_clusters(new_clusters)
    return PotentialRuns(
        X[rows],
        t[rows],
        total / total.mean(),
        new_clusters,
        None if within_codes is None else within_codes[rows],
        labels,
        rows,
    )


# relative: distances that differ by rounding are equal
_TIE = 1e-9
# relative singular values below are rounding of logarithms
_NEVER_VARIED = 1e-9
# in standard deviations of the runs: nearer to the span or the hull of the runs is inside, but for
# rounding
OUTSIDE = 1e-6


@dataclass(frozen=True, eq=False)
class PotentialAxes:
    """From rows of X to whitened coordinates and codes of labels.

    Parameters
    ----------
    centre : ndarray of shape (n_numeric,)
    transform : ndarray of shape (n_numeric, rank)
        z = (x - centre) @ transform.
    numeric, categorical : tuple of int
        Columns of X.
    labels : tuple of ndarray
        Sorted values of each categorical column.
    never_varied : ndarray of shape (n_numeric, n_directions)
        Directions along which all the runs agree.
    """

    centre: Array
    transform: Array
    numeric: tuple[int, ...]
    categorical: tuple[int, ...]
    labels: tuple[Array, ...]
    never_varied: Array

    @property
    def columns(self) -> dict[int, int]:
        """Position of each numeric column of X among the numeric ones."""
        return {column: k for k, column in enumerate(self.numeric)}

    def coordinates(self, X: Array) -> Array:
        """Whitened coordinates, shape (n_rows, rank)."""
        return np.asarray((X[:, list(self.numeric)] - self.centre) @ self.transform)

    def wide(self, values: Array) -> Array:
        """Values of the numeric columns (last axis) among all columns of X, NaN for labels."""
        out = np.full((*values.shape[:-1], len(self.numeric) + len(self.categorical)), np.nan)
        out[..., list(self.numeric)] = values
        return out

    def leaves_span(self, X: Array) -> NDArray[np.bool_]:
        """Mask of rows that differ from the runs along a direction without variation."""
        off = (X[:, list(self.numeric)] - self.centre) @ self.never_varied
        return np.asarray(np.any(np.abs(off) > OUTSIDE, axis=1), dtype=np.bool_)

    def codes(self, X: Array) -> IntArray:
        """Position of each label among those seen at fit, -1 for others."""
        out = np.empty((len(X), len(self.categorical)), dtype=np.intp)
        for k, (column, labels) in enumerate(zip(self.categorical, self.labels, strict=True)):
            places = np.searchsorted(labels, X[:, column]).clip(max=len(labels) - 1)
            out[:, k] = np.where(labels[places] == X[:, column], places, -1)
        return out


def axes_of(runs: PotentialRuns, categorical: Sequence[int]) -> tuple[PotentialAxes, Array]:
    """The axes of some runs, and their whitened coordinates; spread within labels is made one.

    The axes go through runs: the first through the run farthest from the centre, the next
    through the farthest from the first axis, and so on, ties to the run that comes first. No
    choice of groups can turn them, since whitened distances do not depend on it.

    Parameters
    ----------
    runs : PotentialRuns
        In an order that does not depend on the choice of groups.
    categorical : sequence of int
        Columns of X that hold codes of labels.

    Raises
    ------
    InputError
        If a categorical column does not exist.
    """
    X, weights = runs.X, runs.weights
    for column in categorical:
        if not 0 <= column < X.shape[1]:
            raise InputError(
                f"Column {column} given as categorical is not in X, which has {X.shape[1]} "
                f"columns, counted from 0."
            )
    numeric = tuple(j for j in range(X.shape[1]) if j not in set(categorical))
    values = X[:, list(numeric)]
    centre = weights @ values / weights.sum()
    whitening, rows = whiten(runs.centred(values - centre, weights), weights)
    axes = PotentialAxes(
        centre,
        whitening.transform @ _axes(rows),
        numeric,
        tuple(categorical),
        tuple(np.unique(X[:, column]) for column in categorical),
        _never_varied(values - centre, values),
    )
    return axes, axes.coordinates(X)


def _never_varied(centred: Array, values: Array) -> Array:
    size = np.maximum(np.abs(values).max(axis=0, initial=0.0), 1.0)
    triangle = np.linalg.qr(centred / size, mode="r")
    _, spread, axes = np.linalg.svd(triangle, full_matrices=True)
    whole = np.zeros(len(axes))
    whole[: len(spread)] = spread
    return np.asarray(axes[whole <= _NEVER_VARIED * np.sqrt(len(values))].T / size[:, None])


def _axes(rows: Array) -> Array:
    """Orthonormal axes through the runs farthest from those before, shape (rank, rank)."""
    rank = rows.shape[1]
    axes = np.zeros((rank, rank))
    remainder = rows.copy()
    for k in range(rank):
        size = np.einsum("ij,ij->i", remainder, remainder)
        far = int(np.argmax(size >= size.max() * (1.0 - _TIE)))
        axis = remainder[far] - axes[:, :k] @ (axes[:, :k].T @ remainder[far])
        axes[:, k] = axis / np.linalg.norm(axis)
        remainder -= np.outer(remainder @ axes[:, k], axes[:, k])
    return axes


@dataclass(frozen=True, eq=False)
class Task:
    """Runs in whitened coordinates, with the response in units of the residuals of the power law.

    Parameters
    ----------
    runs : PotentialRuns
    axes : PotentialAxes
    z : ndarray of shape (n_runs, rank)
    codes : ndarray of int of shape (n_runs, n_categorical)
    target : ndarray of shape (n_runs, n_targets)
        (y - centre) / scale.
    centre, scale : ndarray of shape (n_targets,)
    exact : bool
        Whether the power law fits the runs to rounding.
    """

    runs: PotentialRuns
    axes: PotentialAxes
    z: Array
    codes: IntArray
    target: Array
    centre: Array
    scale: Array
    exact: bool

    def linear_design(self) -> Array:
        """Coordinates and indicators of labels, shape (n_runs, n_linear)."""
        hot = [
            (self.codes[:, [k]] == np.arange(len(labels))).astype(float)
            for k, labels in enumerate(self.axes.labels)
        ]
        return np.hstack([self.z, *hot])

    def linear(self, weights: Array) -> Array:
        """Weighted least squares over all pairs, shape (n_linear, n_targets)."""
        runs, root = self.runs, np.sqrt(weights)[:, None]
        a = runs.centred(self.linear_design(), weights) * root
        b = runs.centred(self.target, weights) * root
        if len(a) < 50 * max(a.shape[1], 1):
            return np.asarray(np.linalg.lstsq(a, b, rcond=1e-10)[0])
        return np.asarray(np.linalg.lstsq(a.T @ a, a.T @ b, rcond=1e-12)[0])


def task_of(runs: PotentialRuns, categorical: tuple[int, ...], robust: bool) -> Task:
    """Axes, coordinates and units of some runs.

    Parameters
    ----------
    runs : PotentialRuns
    categorical : tuple of int
    robust : bool
        Measure what the power law leaves by its median, so that outliers set no unit.
    """
    axes, z = axes_of(runs, categorical)
    centre = runs.weights @ runs.y / runs.weights.sum()
    y = runs.y - centre
    spread = np.sqrt(runs.weights @ runs.centred(y, runs.weights) ** 2 / len(runs))
    spread = np.where(spread > 0, spread, 1.0)
    first = Task(runs, axes, z, axes.codes(runs.X), y / spread, centre, spread, False)
    design = first.linear_design()
    residuals = runs.centred(first.target - design @ first.linear(runs.weights), runs.weights)
    size = np.sqrt(runs.weights @ residuals**2 / len(runs))
    exact = bool(np.all(size <= _EXACT))
    if robust:
        size = np.maximum(1.4826 * np.median(np.abs(residuals), axis=0), 1e-3 * size)
    # a few digits, so that the last ones, which vary with the choice of groups, do not matter
    unit = np.array([float(f"{u:.6g}") for u in spread * np.where(size > _EXACT, size, 1.0)])
    return Task(runs, axes, z, first.codes, y / unit, centre, unit, exact)


# a processor is faster than a graphics card on small tables, where launching costs more than work
ROWS_FOR_GPU = 2000


def require_torch() -> None:
    """Raise unless torch is installed.

    Raises
    ------
    EngineUnavailableError
        Naming how to install it.
    """
    if find_spec("torch") is None:
        raise EngineUnavailableError(
            "The deep potential needs PyTorch, which is not installed; install it with "
            '`pip install "dimgs[deep]"`.'
        )


def choose_device(device: str, n_runs: int) -> Any:
    """The torch device for a name.

    Parameters
    ----------
    device : str
        "auto" takes a graphics card where there is one and the runs are many enough; any other
        name is torch's.
    n_runs : int

    Returns
    -------
    torch.device

    Raises
    ------
    InputError
        If there is no such device.
    """
    import torch

    if device == "auto":
        gpu = torch.cuda.is_available() and n_runs >= ROWS_FOR_GPU
        return torch.device("cuda" if gpu else "cpu")
    try:
        chosen = torch.device(device)
        torch.zeros(1, dtype=torch.float64, device=chosen)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise InputError(
            f"The device '{device}' cannot be used here ({str(error).splitlines()[0]}); "
            f"use 'auto' or 'cpu'."
        ) from error
    return chosen


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread of torch and of the linear algebra below numpy; then as before.

    The problems are so small that threads wait for each other longer than they work, many times
    longer on a busy machine; and sums would depend on how many threads there are.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with _linear_algebra().limit(limits=1, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(before)


@cache
def _linear_algebra() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
