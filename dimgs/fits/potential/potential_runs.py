"""Input of a potential: distinct runs, whitened coordinates, and what is known beforehand."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.optimize import nnls
from scipy.spatial import ConvexHull, QhullError

from dimgs.common.arrays import Array
from dimgs.common.errors import EngineUnavailableError, FitError, InputError
from dimgs.fits.design import Whitening, group_means, whiten
from dimgs.fits.training_runs import TrainingRuns, check_clusters, distinct_rows, label_codes

# ---- Knowledge beforehand of a potential: signs of exponents, their limits, interactions.


# of the product of weights and changes, which is one but for rounding
_ROUNDING = 1e-6


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
    end: Literal["low", "high"]
    exponent: float
    along: Sequence[float] | None = None
    beyond: float | None = None

    def __post_init__(self) -> None:
        if self.end not in ("low", "high"):
            raise InputError(f"The end of a limit is {self.end!r}: use 'low' or 'high'.")
        if not isinstance(self.feature, int) and self.along is None:
            raise InputError("A limit of several columns needs `along`: how each of them changes.")

    def weights(self, n_features: int) -> tuple[Array, Array]:
        """Weight of each column in the feature, and its change along the exponent.

        Raises
        ------
        InputError
            If it names other columns, or the feature does not change along it.
        """
        if isinstance(self.feature, int):
            if not 0 <= self.feature < n_features:
                raise InputError(
                    f"A limit names column {self.feature} of X, which has {n_features} columns, "
                    f"counted from 0."
                )
            weight = np.eye(n_features)[self.feature]
        else:
            weight = np.asarray(self.feature, dtype=np.float64)
        along = weight if self.along is None else np.asarray(self.along, dtype=np.float64)
        if weight.shape != (n_features,) or along.shape != (n_features,):
            raise InputError(
                f"A limit needs a weight and a change for each of {n_features} columns."
            )
        if abs(float(weight @ along) - 1.0) > _ROUNDING:
            raise InputError("The feature of a limit has to change by one along it.")
        return weight, along


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
    >>> Physics(monotone={0: 1}, limits=[Limit(1, "high", 0.5)]).strength
    100.0
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
    def is_empty(self) -> bool:
        """Whether nothing is known."""
        return not (self.monotone or self.limits or self.interaction)

    def check(self, n_features: int, categorical: Sequence[int]) -> None:
        """Raise unless the columns named are numeric columns of X.

        Raises
        ------
        InputError
        """
        named = list(self.monotone)
        for limit in self.limits:
            weight, along = limit.weights(n_features)
            named += np.flatnonzero((weight != 0.0) | (along != 0.0)).tolist()
        for feature in named:
            if not 0 <= feature < n_features or feature in categorical:
                raise InputError(
                    f"The physics names column {feature} of X, which has {n_features} columns"
                    f"{' (that one holds categories)' if feature in categorical else ''}: "
                    f"name numeric columns, counted from 0."
                )


# ---- Convex hull of runs in whitened coordinates, which no choice of groups changes.


# in standard deviations of the runs: nearer to the hull of the runs is inside, but for rounding
_INSIDE = 1e-6
# weight of the condition that shares add up to one, in the units of whitened coordinates
_TOGETHER = 1e3
# faces of a hull grow with the power of half of the dimensions
_MOST_DIMENSIONS = 4
# runs that stand for the hull where its faces are too many
_MOST_CORNERS = 1000


def hull_corners(z: Array) -> Array:
    """Rows that span the convex hull of all, or many of them where its faces are too many.

    Examples
    --------
    >>> hull_corners(np.array([[0.5], [2.0], [-1.0]])).ravel().tolist()
    [-1.0, 2.0]
    """
    if z.shape[1] == 1:
        return np.array([z.min(axis=0), z.max(axis=0)])
    if 2 <= z.shape[1] <= _MOST_DIMENSIONS:
        with suppress(QhullError):
            return np.asarray(z[ConvexHull(z).vertices])
    return z[:: -(-len(z) // _MOST_CORNERS)]


def distances_to_hull(corners: Array, z: Array) -> Array:
    """Euclidean distance of each row to the hull of some, zero inside; shape (n_rows,).

    Examples
    --------
    >>> corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> distances_to_hull(corners, np.array([[0.3, 0.3], [-2.0, 0.5]])).round(6)
    array([0., 2.])
    """
    columns = np.vstack([corners.T, np.full(len(corners), _TOGETHER)])
    shares = np.array([nnls(columns, [*row, _TOGETHER])[0] for row in z])
    size = np.linalg.norm(z - shares.reshape(len(z), len(corners)) @ corners, axis=1)
    return np.where(size > _INSIDE * (1.0 + np.linalg.norm(z, axis=1)), size, 0.0)


Loss = Literal["squared", "absolute", "huber"]
LOSSES: tuple[Loss, ...] = ("squared", "absolute", "huber")
# Huber's 95 % efficiency, for differences of two errors
HUBER = 1.345 * math.sqrt(2.0)
# runs that are enough for a start of the training
MANY = 2000


@dataclass(frozen=True)
class Settings:
    """Parameters of the training; see `ContrastivePotential`."""

    hidden: tuple[int, ...]
    loss: Loss
    decays: tuple[float, ...]
    categorical: tuple[int, ...]
    physics: Physics
    n_members: int
    max_iter: int
    device: str
    verbose: bool
    seed: int


def distinct_runs(runs: TrainingRuns) -> TrainingRuns:
    """Runs of positive weight, which is one on average; identical ones are one of their sum.

    The order is that of the response, so that neither the order of the table nor the choice of
    groups matters. The response has two dimensions.

    Raises
    ------
    FitError
        If fewer than two distinct runs, no pair within a label, or a single cluster, are left.
    """
    t = runs.y.reshape(len(runs), -1)
    given = [v for v in (runs.groups, runs.within) if v is not None]
    codes = [label_codes(v, len(runs), "labels")[1] for v in given]
    rows, _, total = distinct_rows(np.column_stack([runs.X, t, *codes]), runs.weights)
    order = np.lexsort(t[rows].T[::-1])
    rows, total = rows[order], total[order]
    if len(rows) < 2:
        raise FitError(f"{len(rows)} distinct runs make no pair: give at least two.")
    distinct = replace(runs, y=t).take(rows)
    if np.bincount(labels_of_runs(distinct)).max() < 2:
        raise FitError(
            "No label of within has two distinct runs, so that no pair is left: "
            "give labels that runs share, or none."
        )
    check_clusters(distinct.clusters)
    return replace(distinct, weights=total / total.mean())


def labels_of_runs(runs: TrainingRuns) -> NDArray[np.intp]:
    """Label within which each run is paired, as a number from 0; all 0 where none are given."""
    return label_codes(runs.within, len(runs), "within")[1]


def about_prefactors(values: Array, labels: NDArray[np.intp], weights: Array) -> Array:
    """Values about the weighted mean of their label; of weightless labels about the plain mean.

    Parameters
    ----------
    values : ndarray of shape (n_runs, n)
    labels : ndarray of int of shape (n_runs,)
    weights : ndarray of shape (n_runs,)
    """
    size = int(labels.max()) + 1
    seen = np.bincount(labels, weights, size) > 0
    means = group_means(values, labels, size, np.where(seen[labels], weights, 1.0))[1]
    return np.asarray(values - means[labels])


# relative: distances that differ by rounding are equal
_TIE = 1e-9
# in units of the values: nearer to the span of the runs is inside, but for rounding of logarithms
_OUTSIDE = 1e-6


@dataclass(frozen=True, eq=False)
class PotentialAxes(Whitening):
    """From rows of X to the inputs of a network: whitened coordinates, and one for each label.

    Labels have no part in the whitening.

    Parameters
    ----------
    categorical : tuple of int
        Columns of X that hold codes of labels.
    labels : tuple of ndarray
        Sorted values of each categorical column.
    constant : ndarray of shape (n_features, n_features)
        Projection on the directions along which all the runs agree.
    """

    categorical: tuple[int, ...]
    labels: tuple[Array, ...]
    constant: Array

    def inputs(self, X: Array) -> Array:
        """Whitened coordinates and indicators of the labels, shape (n_rows, n_inputs).

        A label that was never seen counts as an average one.
        """
        parts = [self.apply(X)]
        for column, labels in zip(self.categorical, self.labels, strict=True):
            is_label = X[:, [column]] == labels
            parts.append(np.where(is_label.any(axis=1)[:, None], is_label, 1.0 / len(labels)))
        return np.hstack(parts)

    def by_features(self, slopes: Array) -> Array:
        """Derivatives by the features from those by the inputs, in the last axis; NaN of labels."""
        out = slopes[..., : self.rank] @ self.transform.T
        out[..., list(self.categorical)] = np.nan
        return np.asarray(out)

    def leaves_span(self, X: Array) -> NDArray[np.bool_]:
        """Mask of rows that differ from the runs along a direction without variation."""
        away = (X - self.centre) @ self.constant
        return np.asarray(np.any(np.abs(away) > _OUTSIDE, axis=1), dtype=np.bool_)


def axes_of(runs: TrainingRuns, categorical: Sequence[int]) -> PotentialAxes:
    """Axes of some runs; the spread within the labels of pairs is made one.

    The axes go through runs: the first through the run farthest from the centre, the next
    through the farthest from the first axis, and so on, ties to the run that comes first. No
    choice of groups can turn them, since whitened distances do not depend on it.

    Parameters
    ----------
    runs : TrainingRuns
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
    numeric = ~np.isin(np.arange(X.shape[1]), categorical)
    values = np.where(numeric, X, 0.0)
    centre = weights @ values / weights.sum()
    values = values - centre
    whitening, rows = whiten(about_prefactors(values, labels_of_runs(runs), weights), weights)
    earlier = 1.0 - _TIE * np.arange(len(rows)) / len(rows)
    axes, lengths, _ = linalg.qr((earlier[:, None] * rows).T, mode="economic", pivoting=True)
    span = whiten(values, weights)[0].transform
    return PotentialAxes(
        centre,
        whitening.transform @ (axes * np.sign(np.diag(lengths))),
        tuple(categorical),
        tuple(np.unique(X[:, column]) for column in categorical),
        np.diag(numeric.astype(float)) - span @ np.linalg.pinv(span),
    )


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
