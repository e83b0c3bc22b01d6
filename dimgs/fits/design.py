"""The design of a fit: features of the runs, their moments, pairs, splits and random effects."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.spatial import cKDTree

from dimgs.common.advice import setting
from dimgs.common.arrays import Array, BoolArray, IntArray, basis_of, ends_by_label
from dimgs.common.errors import DimgsWarning, InputError
from dimgs.common.lazy import on_first_use
from dimgs.dataset import Dataset
from dimgs.fits.whiteness import KernelRegressions
from dimgs.groups.group import PiBasis, PiGroup
from dimgs.variables import Variable

if TYPE_CHECKING:
    from dimgs.fits.splits import LeaveOneGroupOut as LeaveOneGroupOut
    from dimgs.fits.splits import RunKFold as RunKFold
else:
    __getattr__ = on_first_use("dimgs.fits", {"splits": "LeaveOneGroupOut RunKFold"})[0]


@dataclass(frozen=True, eq=False)
class Effect:
    """Something that differs between the sources of one kind, by one standard deviation.

    Attributes
    ----------
    name : str
        "prefactor", what has another exponent in each source, or a constant of a closed form.
    source : str
        Column of the sources.
    labels : ndarray of str of shape (n_runs,)
    columns : ndarray of shape (n_runs, n_terms)
        What the differences multiply, independent and of equal variance.
    terms : ndarray of shape (n_features + 1, n_terms)
        The same as weighted sums of [1, features]; in a closed form, of these and its slopes.
    ratio : float
        The standard deviation over that of a run, where it is known.
    of_constant : bool
        Whether it is a constant of a closed form that differs; its column is the slope there.
    """

    name: str
    source: str
    labels: NDArray[np.str_]
    columns: Array
    terms: Array
    ratio: float = 1.0
    of_constant: bool = False

    @cached_property
    def names(self) -> list[str]:
        """The sources."""
        return [str(name) for name in np.unique(self.labels)]

    @cached_property
    def design(self) -> Array:
        """Columns of every source, zero in runs of the others; terms fastest."""
        return self.design_of(self.labels, self.columns)

    def design_of(self, labels: NDArray[np.str_], columns: Array) -> Array:
        """The same of other runs; zero throughout in those of a new source.

        Parameters
        ----------
        labels : ndarray of str of shape (n_rows,)
        columns : ndarray of shape (n_rows, n_terms)
        """
        indicators = (labels[:, None] == np.array(self.names)[None, :]).astype(np.float64)
        wide = indicators[:, :, None] * columns[:, None, :]
        return np.asarray(wide.reshape(len(labels), -1))

    def take(self, rows: NDArray[np.generic] | IntArray) -> "Effect":
        """The effects on a subset of the runs."""
        return replace(self, labels=self.labels[rows], columns=self.columns[rows])


# length of what labels add along a direction, over that of all runs, below which it is rounding
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class EffectWhitening:
    """Residuals of runs that share what nobody measured, as independent ones of equal variance.

    Attributes
    ----------
    axes : ndarray of shape (n_runs, n_axes)
        Orthonormal directions along which runs scatter together.
    shrink : ndarray of shape (n_axes,)
        Part of the residuals along each that is taken away.
    log_determinant : float
        Of the covariance, in units of a run's error.
    lost : int
        How many directions say nothing of the law.
    """

    axes: Array
    shrink: Array
    log_determinant: float = 0.0
    lost: int = 0

    @classmethod
    def of_effects(cls, effects: Sequence[Effect], root: Array) -> "EffectWhitening":
        """Of random effects: multiplies by V^(-1/2), V = 1 + Z Z'.

        In units of a run's error, runs of a source share what Z gives. Runs of different sources
        stay apart.

        Parameters
        ----------
        effects : sequence of Effect
            With their ratios.
        root : ndarray of shape (n_runs,)
            Roots of the weights.

        Examples
        --------
        >>> lab, one = np.array(["a", "a", "b"]), np.ones((3, 1))
        >>> effect = Effect("prefactor", "lab", lab, one, one[:1], ratio=1e6)
        >>> white = EffectWhitening.of_effects([effect], np.ones(3))
        >>> white(np.array([2.0, 4.0, 5.0])).round(3).tolist()
        [-1.0, 1.0, 0.0]
        """
        Z = np.hstack([e.ratio * e.design for e in effects]) * root[:, None]
        left, size, _ = np.linalg.svd(Z, full_matrices=False)
        kept = size > 0
        shrink = 1.0 - 1.0 / np.sqrt(1.0 + size[kept] ** 2)
        return cls(left[:, kept], shrink, float(np.log1p(size**2).sum()))

    @classmethod
    def of_labels(cls, labels: NDArray[Any], root: Array) -> "EffectWhitening":
        """Of fixed effects: without what each label adds, the weighted mean of all runs aside.

        Parameters
        ----------
        labels : ndarray of shape (n_runs,)
        root : ndarray of shape (n_runs,)
            Roots of the weights.

        Examples
        --------
        >>> white = EffectWhitening.of_labels(np.array(["a", "a", "b"]), np.ones(3))
        >>> white(np.array([2.0, 4.0, 6.0])).round(3).tolist(), white.lost
        ([3.0, 5.0, 4.0], 1)
        """
        Z = (labels[:, None] == np.unique(labels)[None, :]) * root[:, None]
        norm = np.linalg.norm(root)
        mean = root / norm
        axes = basis_of(Z - np.outer(mean, mean @ Z), _ROUNDING, size=float(norm))
        return cls(axes, np.ones(axes.shape[1]), lost=axes.shape[1])

    def __call__(self, values: Array) -> Array:
        """Columns of values, or one, without what the runs of a source share."""
        inside = self.axes.T @ values
        shrink = self.shrink if values.ndim == 1 else self.shrink[:, None]
        return np.asarray(values - self.axes @ (shrink * inside))


# ---- Coordinates in which no choice of groups is preferred: centred log groups, unit covariance.


# standard deviation along a direction, over the largest, each column in units of its own: below,
# the direction is constant but for rounding
_CONSTANT = 1e-10


@dataclass(frozen=True, eq=False)
class Whitening:
    """Affine map z = (x - centre) @ transform onto uncorrelated unit-variance coordinates.

    A change of basis of the log groups rotates z and leaves distances, ellipsoids and
    predictions as they are. Directions without variance are left out, so that exponents
    mapped back by `exponents` are those of minimum norm.

    Attributes
    ----------
    centre : ndarray of shape (n_features,)
        Weighted mean of the rows.
    transform : ndarray of shape (n_features, rank)
        Columns span the directions that vary.
    """

    centre: Array
    transform: Array

    @property
    def rank(self) -> int:
        """Number of directions that the runs vary in."""
        return int(self.transform.shape[1])

    def apply(self, X: Array) -> Array:
        """Whitened coordinates of the rows of `X`, shape (n_runs, rank)."""
        return np.asarray((X - self.centre) @ self.transform)

    def exponents(self, slopes: Array) -> Array:
        """Exponents of the features from slopes in whitened coordinates (last axis)."""
        return np.asarray(slopes @ self.transform.T)

    @property
    def translation(self) -> Array:
        """Matrix from [intercept, slopes] here to those of the features, (n_features + 1, ...)."""
        out = np.zeros((len(self.transform) + 1, self.rank + 1))
        out[0] = np.append(1.0, -self.centre @ self.transform)
        out[1:, 1:] = self.transform
        return out

    def covariance(self, matrix: Array) -> Array:
        """Covariance of the exponents from the covariance of whitened slopes."""
        return np.asarray(self.transform @ matrix @ self.transform.T)


def whiten(X: Array, weights: Array) -> tuple[Whitening, Array]:
    """Weighted whitening of the rows and the whitened rows themselves.

    Parameters
    ----------
    X : ndarray of shape (n_runs, n_features)
        Log groups (already centred within groups if pairs stay within groups).
    weights : ndarray of shape (n_runs,)
        Non-negative weights, not all zero.

    Returns
    -------
    whitening : Whitening
    Z : ndarray of shape (n_runs, rank)
        Rows with weighted mean zero and weighted second moment the identity.

    Examples
    --------
    >>> X = np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]])
    >>> whitening, Z = whiten(X, np.ones(3))
    >>> whitening.rank
    1
    >>> bool(np.isclose(Z[:, 0] @ Z[:, 0] / 3, 1.0))
    True
    """
    total = weights.sum()
    centre = weights @ X / total
    centred = X - centre
    gram = centred.T @ (centred * weights[:, None]) / total
    noise = np.finfo(float).eps * np.maximum(np.abs(centre), np.sqrt(np.diag(gram)))
    deviation = np.sqrt(np.diag(gram))
    varies = deviation > 8.0 * noise
    scale = np.where(varies, deviation, 1.0)
    correlation = np.where(np.outer(varies, varies), gram / np.outer(scale, scale), 0.0)
    values, vectors = np.linalg.eigh(correlation)
    top = values[-1] if values.size else 0.0
    kept = values > max(_CONSTANT**2, 32.0 * np.finfo(float).eps * len(values)) * max(top, 0.0)
    rows = vectors[:, kept] / scale[:, None]
    if not varies.any() or not kept.any():
        return Whitening(centre, np.zeros((X.shape[1], 0))), np.zeros((X.shape[0], 0))
    if not kept.all():
        # Rank deficient: return to the row space in the features' own units, so that the
        # exponents have minimum norm.
        singular, right = np.linalg.svd(centred * np.sqrt(weights / total)[:, None], False)[1:]
        rank = int(kept.sum())
        rows = right[:rank].T / singular[:rank]
    else:
        rows = rows / np.sqrt(values[kept])
    return Whitening(centre, rows), centred @ rows


# ---- From runs and a pi basis to the features that contrasts are taken of.


# errors this much larger than the smallest leave a run no digit in a sum of double precision
_LEAST_SHARE = 1e-16
Contrast = Literal["log-ratio", "inverse", "difference"]
ResponseScale = Literal["log", "linear"]
# arrays of a design that have one row for each run
_OF_RUNS = ("X", "y", "offset", "weights", "within", "split", "shift", "bounds")
# relative: a spread below is rounding of unit conversions, and so is a difference of two routes
_CONSTANT_COLUMN, _CONVERTED = 1e-12, 1e-9


@dataclass(frozen=True, slots=True)
class Feature:
    """One coordinate in which runs are contrasted.

    Parameters
    ----------
    name : str
        Name of the group, or of the column that enters unlogged.
    contrast : {"log-ratio", "inverse", "difference"}
        log(x_u/x_v) of a group, 1/T_u - 1/T_v of an absolute temperature, or x_u - x_v of a
        level, or of a group or a dimensionless column that may vanish or change sign.
    group : PiGroup, optional
        With the contrast "difference", one that vanishes or changes sign.
    variable : str, optional
    """

    name: str
    contrast: Contrast
    group: PiGroup | None = None
    variable: str | None = None

    @property
    def logged(self) -> bool:
        """Whether it is the logarithm of a group."""
        return self.contrast == "log-ratio"

    @property
    def monomial(self) -> PiGroup:
        """The group, or the column as a product of itself alone."""
        return self.group or PiGroup.of(self.name, {str(self.variable): 1})

    @property
    def variables(self) -> list[str]:
        """Variables of the group, or the column."""
        return [name for name, _ in self.monomial.exponents]


@dataclass(frozen=True, slots=True)
class TargetErrors:
    """Errors of a target that are not relative: the scale on which they are of one size.

    Parameters
    ----------
    kind : {"constant", "mixed"}
        Of one size in the target, or that where it is small and relative where it is large.
    turn : float
        In the target's SI unit: a size of the target, or where mixed errors turn.
    """

    kind: Literal["constant", "mixed"]
    turn: float

    def of(self, target: Array) -> Array:
        """Targets on the scale: in units of `turn`, or the generalised logarithm."""
        x = target / self.turn
        return np.asarray(np.arcsinh(x) if self.kind == "mixed" else x)

    def back(self, values: Array) -> Array:
        """Targets of values on the scale."""
        return np.asarray(self.turn * (np.sinh(values) if self.kind == "mixed" else values))

    def unit(self, target: Array) -> Array:
        """Target that one unit of the scale is worth, where the target is so large."""
        mixed = self.kind == "mixed"
        return np.asarray(np.hypot(target, self.turn) if mixed else np.full_like(target, self.turn))

    def is_like(self, other: "TargetErrors | None") -> bool:
        """Whether other errors are the same but for rounding."""
        if other is None or self.kind != other.kind:
            return False
        return bool(np.isclose(self.turn, other.turn, rtol=_CONVERTED))


@dataclass(frozen=True, eq=False)
class InputErrors:
    """Stated errors of inputs in the features and the response of every run.

    The variance of a run about a law is that of the response and, to first order, of the law at
    inputs with their errors (the effective variance).

    Attributes
    ----------
    carried : ndarray of shape (n_runs, n_features + 1, n_inputs)
        What one standard error of each input changes in [features | response].
    stated : ndarray of shape (n_runs,)
        Stated errors of the response itself; zeros where it has none.
    names : tuple of str
        The inputs.
    shared : float
        Standard deviation of the response that all runs share besides.
    typical : float
        Variance of a run of the weight 1.

    References
    ----------
    D. R. Barker, L. M. Diana, Am. J. Phys. 42 (1974) 224-227 (effective variance).
    S. Tremaine et al., Astrophys. J. 574 (2002) 740-753, section 3.1 (intrinsic scatter beside
    errors of both variables).
    """

    carried: Array
    stated: Array
    names: tuple[str, ...]
    shared: float = 0.0
    typical: float = 1.0

    def variance(self, slopes: Array) -> Array:
        """Variance of every run about a law.

        Parameters
        ----------
        slopes : ndarray of shape (n_runs, n_features)
            Of the response by the features.
        """
        moved = self.carried[:, -1] - np.einsum("ij,ijk->ik", slopes, self.carried[:, :-1])
        with np.errstate(over="ignore"):
            return np.asarray(self.stated**2 + self.shared**2 + np.sum(moved**2, axis=1))

    def roots(self, slopes: Array) -> Array:
        """Roots of the weights of the runs about a law with these slopes."""
        least = np.finfo(float).tiny
        return np.asarray(np.sqrt(self.typical / np.maximum(self.variance(slopes), least)))

    @property
    def covariance(self) -> Array:
        """Of the errors of [features | response], shape (n_runs, n_features + 1, ...)."""
        with np.errstate(over="ignore", invalid="ignore"):
            out = self.carried @ self.carried.transpose(0, 2, 1)
            out[:, -1, -1] += self.stated**2
        return np.asarray(out)

    def take(self, rows: NDArray[Any]) -> "InputErrors":
        """Those of a subset of the runs."""
        return replace(self, carried=self.carried[rows], stated=self.stated[rows])


@dataclass(frozen=True, eq=False)
class Design:
    """Features and response of a set of runs, ready for the estimators.

    Parameters
    ----------
    data : Dataset
    basis : PiBasis
        With a response.
    features : tuple of Feature
        Columns of `X`; those that never vary are left out.
    X : ndarray of shape (n_runs, n_features)
    y : ndarray of shape (n_runs,)
        Response on its scale: ln(pi_0), or pi_0 itself; of a level, pi_0 is the ratio whose
        logarithm it is.
    offset : ndarray of shape (n_runs,)
        ln(target) - ln(pi_0); zero for a level.
    scale : {"log", "linear"}
    weights : ndarray of shape (n_runs,), optional
        1/variance of y from an error column of the target.
    within, split : ndarray of shape (n_runs,), optional
        Labels of the groups that keep their own prefactor, and of those held out together.
    sources : tuple of (str, ndarray of shape (n_runs,))
        Column and labels of each kind of source whose runs share what nobody measured.
    effects : tuple of Effect
        What differs between them, as far as that is known.
    shift : ndarray of shape (n_runs,), optional
        What the sources of each run, or its label of `within`, add to the response, as far as that
        is known: a search is given the runs without it.
    tails : float, optional
        Degrees of freedom of Student's t, where the errors of runs follow it.
    errors : TargetErrors, optional
        Of the target, where the runs show that they are not relative.
    input_errors : InputErrors, optional
        Of the inputs, where some have an error column.
    censored : float
        Where bounds of the response are in it as working values, with weights that hold on its
        scale alone: the standard deviation of its errors by the likelihood; else 0.
    bounds : ndarray of bool of shape (n_runs,), optional
        The runs that are known by such a bound only.
    noise : {"relative", "constant"}, optional
        The error model of the target that was asked for, in place of the likeliest.
    never_varied : tuple of str
        Groups and columns that are the same in every run, or in every run of a label of `within`.
    labelled : tuple of str
        Columns, numeric ones among them, whose values are the labels of `within`, `split` and
        `sources`.
    """

    data: Dataset
    basis: PiBasis
    features: tuple[Feature, ...]
    X: Array
    y: Array
    offset: Array
    scale: ResponseScale
    weights: Array | None = None
    within: NDArray[Any] | None = None
    split: NDArray[Any] | None = None
    sources: tuple[tuple[str, NDArray[Any]], ...] = ()
    effects: tuple[Effect, ...] = ()
    shift: Array | None = None
    tails: float | None = None
    errors: TargetErrors | None = None
    input_errors: InputErrors | None = None
    censored: float = 0.0
    bounds: BoolArray | None = None
    noise: Literal["relative", "constant"] | None = None
    never_varied: tuple[str, ...] = ()
    labelled: tuple[str, ...] = ()

    @property
    def target(self) -> Variable:
        """The column that the response is made of."""
        return self.basis.target_and_response[0]

    @property
    def response(self) -> PiGroup:
        """The response group, pi_0."""
        return self.basis.target_and_response[1]

    @cached_property
    def root(self) -> Array:
        """Root of the weight of each run, shape (n_runs,); 1 of runs without weights."""
        return np.ones(self.n_runs) if self.weights is None else np.sqrt(self.weights)

    @cached_property
    def inputs(self) -> tuple[Variable, ...]:
        """Numeric inputs of the runs, whether a feature holds them or not."""
        apart = {*self.labelled, self.target.name}
        return tuple(self.data.variable(n) for n in self.data.numeric_names if n not in apart)

    @cached_property
    def held(self) -> dict[str, dict[str, float]]:
        """Inputs that never varied among the runs of a label of `within`, with the value of each.

        Without labels, all runs are those of the label "".
        """
        labels = np.full(self.n_runs, "") if self.within is None else self.within
        names, first = np.unique(labels, return_index=True)
        return {
            v.name: dict(zip(names.tolist(), self.data[v.name][first].tolist(), strict=True))
            for v in self.inputs
            if not _varies(self.data[v.name], "difference", labels)
        }

    @cached_property
    def varied_alone(self) -> tuple[str, ...]:
        """Inputs that varied, if no run tests how their groups act together.

        No run varies two inputs then, and each moves the groups along a line of its own: along
        further lines in the same plane, as of a length in two groups, runs test how they combine.
        """
        if len(self.features) < 2:
            return ()
        values = np.column_stack([self.data[v.name] for v in self.inputs])
        centre = _where_lines_meet(values)
        if centre is None:
            return ()
        moved = np.any(values != centre, axis=0)
        names = [v.name for v, runs in zip(self.inputs, moved, strict=True) if runs]
        lines = {n: [f.monomial.get(n) for f in self.features] for n in names}
        lines = {n: line for n, line in lines.items() if any(line)}
        directions = {
            tuple(float(x / next(filter(None, line))) for x in line) for line in lines.values()
        }
        independent = np.linalg.matrix_rank(list(directions)) if directions else 0
        return tuple(lines) if len(directions) == independent > 1 else ()

    @cached_property
    def input_labels(self) -> dict[str, tuple[str, ...]]:
        """Labels of the columns that distinguish kinds of runs; not of those that name the runs.

        Groups that were held out together are left out unless there is one: the law was judged on
        groups that it had not seen.
        """
        kinds_of: dict[str, tuple[str, ...]] = {}
        for name in self.data.label_names:
            if name in dict(self.sources):
                continue
            seen = label_texts(self.data[name])
            kinds = tuple(np.unique(seen).tolist())
            held_out = self.split is not None and np.array_equal(seen, self.split)
            if len(kinds) == 1 or (len(kinds) <= self.n_runs // 2 and not held_out):
                kinds_of[name] = kinds
        return kinds_of

    @cached_property
    def kernels(self) -> KernelRegressions:
        """Kernel regressions on the features, by which residuals are tested for structure."""
        return KernelRegressions.of(whiten(self.X, np.ones(self.n_runs))[1], self.split)

    @cached_property
    def white(self) -> EffectWhitening | None:
        """Weighted residuals without what runs of a source share."""
        return EffectWhitening.of_effects(self.effects, self.root) if self.effects else None

    @property
    def of_one_label(self) -> "Design":
        """The design with the runs of all labels of `within` as of one, where that is known."""
        if self.within is None or self.shift is None:
            return self
        return replace(self, y=self.y - self.shift, within=None, shift=None)

    @property
    def information(self) -> Array:
        """Root of the information of each run, in that of a mean run; shape (n_runs,).

        It is 1 but for bounds, whose working values are at the maximum of the likelihood with these
        weights alone.
        """
        if not self.censored or self.weights is None:
            return np.ones(self.n_runs)
        return np.asarray(np.sqrt(self.weights / self.weights.mean()))

    @property
    def n_runs(self) -> int:
        """Number of runs."""
        return len(self.y)

    def take(self, rows: NDArray[Any]) -> "Design":
        """The design on a subset of the runs."""

        def part(values: NDArray[Any] | None) -> NDArray[Any] | None:
            return None if values is None else values[rows]

        of_runs: Any = {name: part(getattr(self, name)) for name in _OF_RUNS}
        return replace(
            self,
            data=self.data.take(rows),
            sources=tuple((name, labels[rows]) for name, labels in self.sources),
            effects=tuple(effect.take(rows) for effect in self.effects),
            input_errors=None if self.input_errors is None else self.input_errors.take(rows),
            **of_runs,
        )


def log_groups(data: Dataset, basis: PiBasis, groups: Sequence[PiGroup]) -> Array:
    """Logarithms of groups in every run; scales count as 1 in their SI unit.

    Returns
    -------
    ndarray of shape (n_runs, n_groups)
    """
    needed = {name for group in groups for name, _ in group.exponents}
    logs = {name: np.log(_column(data, basis.variable(name))) for name in needed}
    out = np.zeros((data.n_runs, len(groups)))
    for j, group in enumerate(groups):
        for name, exponent in group.exponents:
            out[:, j] += float(exponent) * logs[name]
    return out


def signed_values(data: Dataset, basis: PiBasis, group: PiGroup) -> Array:
    """Values of a group that may vanish or change sign, shape (n_runs,); scales count as 1."""
    columns = {name: _column(data, basis.variable(name)) for name, _ in group.exponents}
    return np.broadcast_to(group.value(columns), (data.n_runs,)).copy()


def _column(data: Dataset, variable: Variable) -> Array:
    """Values of an input; one number where it is a constant, and 1 for a scale."""
    values = data[variable.name] if variable.role == "data" else variable.value or 1.0
    return np.asarray(values, dtype=np.float64)


def features_of(
    basis: PiBasis, unlogged: Iterable[str] = (), inverse: Iterable[str] = ()
) -> list[Feature]:
    """Features of a basis, whether they vary or not: logarithms, 1/T, then plain differences."""
    skipped = set(unlogged := list(unlogged))
    groups = [g for g in basis.groups if not skipped & {n for n, _ in g.exponents}]
    return [
        *(Feature(g.name, "log-ratio", group=g) for g in groups if not basis.is_signed(g)),
        *(Feature(name, "inverse", variable=name) for name in inverse),
        *(Feature(name, "difference", variable=name) for name in unlogged),
        *(Feature(g.name, "difference", group=g) for g in groups if basis.is_signed(g)),
    ]


def build_design(
    data: Dataset,
    basis: PiBasis,
    *,
    unlogged: Iterable[str] = (),
    inverse: Iterable[str] = (),
    within: str | None = None,
    split_by: str | None = None,
    by: Sequence[str] = (),
    linear: bool = False,
    features: Sequence[Feature] | None = None,
) -> Design:
    """Features and response of every run.

    Parameters
    ----------
    data : Dataset
        Finite in every column used, and positive in every column that is logged.
    basis : PiBasis
        With a response.
    unlogged : iterable of str
        Dimensionless columns and levels that enter as plain differences.
    inverse : iterable of str
        Absolute temperatures that enter as 1/T.
    within : str, optional
        Label column; each label has its own prefactor.
    split_by : str, optional
        Label column whose groups are held out together; by default the first source.
    by : sequence of str
        Label columns of sources.
    linear : bool
        Use pi_0 itself, for a response that may vanish or change sign.
    features : sequence of Feature, optional
        Those to use, whether they vary or not; by default all of the basis, and of `unlogged` and
        `inverse`, that vary.

    Returns
    -------
    Design

    Raises
    ------
    InputError
        If the basis has no response, or `within` or `split_by` is not a column.
    """
    target, _ = basis.target_and_response
    option = "by" if split_by is None and by else "split_by"
    split_by = by[0] if option == "by" else split_by
    every = features_of(basis, unlogged, inverse) if features is None else features
    logged = [f.group for f in every if f.logged and f.group is not None]
    columns = list(log_groups(data, basis, logged).T)
    for feature in every:
        if feature.variable is not None:
            values = np.asarray(data[feature.variable], dtype=np.float64)
            columns.append(1.0 / values if feature.contrast == "inverse" else values)
        elif feature.group is not None and not feature.logged:
            columns.append(signed_values(data, basis, feature.group))
    prefactors = _labels(data, within, str(setting("within")))
    varies = [
        features is not None or _varies(column, feature.contrast, prefactors)
        for column, feature in zip(columns, every, strict=True)
    ]
    kept = [c for c, v in zip(columns, varies, strict=True) if v]
    y, offset, scale = _response(data, basis, linear)
    sigma = stated_errors(data, target.name, scale)
    varied = tuple(f for f, v in zip(every, varies, strict=True) if v)
    stated = np.zeros(data.n_runs) if sigma is None else sigma
    return Design(
        data=data,
        basis=basis,
        features=varied,
        X=np.column_stack(kept) if kept else np.zeros((data.n_runs, 0)),
        y=y,
        offset=offset,
        scale=scale,
        weights=None if sigma is None else weights_of(sigma),
        input_errors=_input_errors(data, basis, varied, y if linear else np.ones_like(y), stated),
        within=prefactors,
        split=_labels(data, split_by, str(setting(option))),
        sources=tuple(
            (n, labels) for n in by if (labels := _labels(data, n, str(setting("by")))) is not None
        ),
        never_varied=tuple(f.name for f, v in zip(every, varies, strict=True) if not v),
        labelled=tuple(n for n in (within, split_by, *by) if n is not None),
    )


def _varies(values: Array, contrast: Contrast, labels: NDArray[Any] | None) -> bool:
    """Whether a feature varies among the runs of a label: its prefactor takes the rest."""
    ends = zip(*ends_by_label(values, labels), strict=True)
    return any(spans(float(low), float(high), contrast) for low, high in ends)


def spans(low: float, high: float, contrast: Contrast) -> bool:
    """Whether a feature between these values varies by more than rounding."""
    size = max(abs(low), abs(high), 1.0 if contrast == "log-ratio" else 0.0)
    return high - low > _CONSTANT_COLUMN * size


def _response(data: Dataset, basis: PiBasis, linear: bool) -> tuple[Array, Array, ResponseScale]:
    target, response = basis.target_and_response
    values = np.asarray(data[target.name], dtype=np.float64)
    if target.is_level:
        return target.logs(values), np.zeros(data.n_runs), "log"
    powers = {k: e for k, e in response.exponents if k != target.name}
    rest = log_groups(data, basis, [PiGroup.of("rest", powers)])[:, 0]
    if linear:
        with np.errstate(over="ignore", invalid="ignore"):
            plain = values * np.exp(rest)
        bad = np.flatnonzero(~np.isfinite(plain))
        if bad.size:
            raise InputError(
                f"Row {int(data.rows[bad[0]])} gives pi_0 = {response} a value that is too large "
                f"for a linear scale; correct it, or leave the row out."
            )
        return plain, -rest, "linear"
    return np.log(values) + rest, -rest, "log"


def stated_errors(data: Dataset, target: str, scale: ResponseScale) -> Array | None:
    """Standard errors of the response on its scale, from an error column of the target.

    Returns
    -------
    ndarray of shape (n_runs,) or None
        None without such a column, and on a linear scale.

    Raises
    ------
    InputError
        If an error is zero, or too large for a number.
    """
    errors = data.errors.get(target)
    if errors is None or scale == "linear":
        return None
    values = np.asarray(data[target], dtype=np.float64)
    with np.errstate(over="ignore"):
        variable = data.variable(target)
        sigma = abs(variable.logs(errors)) if variable.is_level else errors / values
    usable = (sigma > 0) & np.isfinite(sigma)
    if not np.all(usable):
        row = int(np.flatnonzero(~usable)[0])
        raise InputError(
            f"The error of '{target}' is {'too large for a weight' if sigma[row] else 'zero'} in "
            f"row {int(data.rows[row])}; correct it, or drop the error column."
        )
    return np.asarray(sigma)


@np.errstate(over="ignore", invalid="ignore")
def _input_errors(
    data: Dataset, basis: PiBasis, features: Sequence[Feature], level: Array, stated: Array
) -> InputErrors | None:
    """Errors of the inputs in the features, and in a response of these slopes by its logarithm."""
    target, response = basis.target_and_response
    of_response = {} if target.is_level else dict(response.exponents)
    used = {*of_response}.union(*(f.variables for f in features))
    names = sorted((used & data.errors.keys()) - {target.name})
    carried = np.zeros((data.n_runs, len(features) + 1, len(names)))
    for k, name in enumerate(names):
        values = np.asarray(data[name], dtype=np.float64)
        error = np.nan_to_num(data.errors[name], nan=0.0)
        for j, feature in enumerate(features):
            power = 0.0 if feature.group is None else float(feature.group.get(name))
            if feature.group is not None and not feature.logged and power:
                columns = {**data.values, name: np.ones(data.n_runs)}
                rest = signed_values(replace(data, values=columns), basis, feature.group)
                carried[:, j, k] = rest * power * values ** (power - 1.0) * error
            elif power:
                carried[:, j, k] = power / values * error
            elif feature.variable == name:
                carried[:, j, k] = -error / values**2 if feature.contrast == "inverse" else error
        if name in of_response:
            carried[:, -1, k] = float(of_response[name]) * level / values * error
    kept = [k for k in range(len(names)) if np.any(carried[:, :, k])]
    if not kept:
        return None
    return InputErrors(carried[:, :, kept], stated, tuple(names[k] for k in kept))


def weights_of(sigma: Array) -> Array:
    """Weights 1/sigma² of mean 1."""
    weights = np.maximum(float(sigma.min()) / sigma, _LEAST_SHARE) ** 2
    return np.asarray(weights / weights.mean())


def _labels(data: Dataset, name: str | None, option: str) -> NDArray[Any] | None:
    if name is None:
        return None
    variable = data.variable(name)
    column = data[name]
    if not variable.is_label and np.unique(column).size > max(2, data.n_runs // 2):
        raise InputError(
            f"Column '{name}' given to {option} has a value of its own in most rows; "
            f"give a column of labels."
        )
    return label_texts(column)


def label_texts(column: Any) -> NDArray[np.str_]:
    """Labels of a column as text; numbers, which are in SI units, with twelve digits.

    Parameters
    ----------
    column : array-like of shape (n_runs,)

    Returns
    -------
    ndarray of str of shape (n_runs,)

    Examples
    --------
    >>> label_texts([0.1 + 0.2, 10.0]).tolist(), label_texts(["A", "B"]).tolist()
    (['0.3', '10'], ['A', 'B'])
    """
    values = np.asarray(column)
    if values.dtype.kind in "fiu":
        return np.array([f"{x:.12g}" for x in values], dtype=np.str_)
    return values.astype(np.str_)


# ---- Weighted centred moments that merge: all pairs of runs at the cost of one pass.
#
# With product weights the sum over all pairs collapses to a sum over runs,
#
#     sum_{u<v} w_u w_v (e_u - e_v)^2 = W sum_u w_u (e_u - e_mean)^2,    W = sum_u w_u,
#
# so centred moments hold everything that least squares over all pairs needs.


# rows of a few columns that stay in a processor's cache
BLOCK_ROWS = 8192
# the squares of 1e8 such values still add up to a number
_LARGEST = 1e150
# Sums are centred afterwards. The cancellation costs a relative error of eps * mean^2 / variance;
# beyond this ratio they are formed again about the means.
_MAX_CANCELLATION = 1e3


@dataclass(frozen=True, eq=False)
class Moments:
    """Weight, mean and centred scatter of the columns [X | Y]; a frozen value that merges.

    Runs may be paired only within their group: then each group is centred on its own mean.

    Attributes
    ----------
    labels : ndarray of shape (n_groups,)
        Distinct labels, sorted; of runs without labels, the single label 0.
    weights, counts : ndarray of shape (n_groups,)
        Weight of each group, and its number of runs of positive weight.
    means : ndarray of shape (n_groups, n_features + n_targets)
    scatter : ndarray of shape (n_features + n_targets, n_features + n_targets)
        Weighted sum of outer products of the centred rows, over all groups.
    n_features : int
        Number of leading columns that belong to X.

    References
    ----------
    T. F. Chan, G. H. Golub, R. J. LeVeque, "Algorithms for computing the sample variance",
    The American Statistician 37 (1983) 242-247.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.arange(8.0).reshape(4, 2), np.arange(4.0)
    >>> whole = Moments.from_arrays(X, y)
    >>> parts = Moments.from_arrays(X[:1], y[:1]) + Moments.from_arrays(X[1:], y[1:])
    >>> bool(np.allclose(whole.scatter, parts.scatter)), bool(whole.counts == parts.counts)
    (True, True)
    >>> X, y = np.array([[0.0], [1.0], [0.0], [2.0]]), np.array([0.0, 1.0, 9.0, 11.0])
    >>> grouped = Moments.from_arrays(X, y, ["a", "a", "b", "b"])
    >>> float(grouped.scatter[0, 1] / grouped.scatter[0, 0])
    1.0
    """

    labels: NDArray[np.generic]
    weights: Array
    counts: NDArray[np.int64]
    means: Array
    scatter: Array
    n_features: int

    @classmethod
    def from_arrays(
        cls,
        X: ArrayLike,
        y: ArrayLike,
        labels: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Moments of rows of log groups `X` and responses `y`; memory does not grow with rows.

        Parameters
        ----------
        X : array-like of shape (n_runs, n_features)
        y : array-like of shape (n_runs,) or (n_runs, n_targets)
        labels : array-like of shape (n_runs,), optional
        sample_weight : array-like of shape (n_runs,), optional

        Raises
        ------
        InputError
            If the shapes disagree, a weight is negative, or a value is not finite.
        """
        x, t, w = checked_arrays(X, y, sample_weight)
        p, d = x.shape[1], x.shape[1] + t.shape[1]
        distinct, codes = np.zeros(1, dtype=np.intp), np.zeros(0, dtype=np.intp)
        if labels is not None:
            distinct, codes = np.unique(np.asarray(labels), return_inverse=True)
            if len(codes) != len(x):
                raise InputError(f"{len(codes)} group labels for {len(x)} runs: give one per run.")
        if len(distinct) != 1:
            weights, means = group_means(np.hstack([x, t]), codes, len(distinct), w)
            counts = np.bincount(codes, None if w is None else w > 0, len(distinct))
            scatter = _products(x, t, w, means, codes)[:d, :d]
        else:
            means = np.zeros((1, d))
            counts = np.array([len(x) if w is None else np.count_nonzero(w)])
            for _ in range(2):
                raw = _products(x, t, w, means)
                weights, sums = raw[d:, d], raw[d, :d]
                gap = sums / (weights[0] or 1.0)
                means, scatter = means + gap, raw[:d, :d] - gap[:, None] * sums
                if not (gap * sums > _MAX_CANCELLATION * scatter.diagonal()).any():
                    break
        scatter = (scatter + scatter.T) / 2
        total = cls(distinct, weights, counts.astype(np.int64), means, scatter, p)
        if not np.isfinite(total.scatter).all():
            raise InputError(not_finite_message(x, t))
        return total

    @classmethod
    def empty(
        cls, n_features: int, n_targets: int = 1, labels: NDArray[np.generic] | None = None
    ) -> Self:
        """Moments of no run in groups of these labels: the neutral element of `merge`."""
        labels = np.zeros(1, dtype=np.intp) if labels is None else labels
        n, size = len(labels), n_features + n_targets
        none = np.zeros(n, dtype=np.int64)
        scatter = np.zeros((size, size))
        return cls(labels, np.zeros(n), none, np.zeros((n, size)), scatter, n_features)

    def merge(self, other: "Moments") -> Self:
        """Moments of both sets of runs; groups of equal label become one (Chan et al. 1983)."""
        if self.n_features != other.n_features or self.means.shape[1] != other.means.shape[1]:
            raise InputError(
                f"Moments of {self.n_features} and {other.n_features} features cannot merge: "
                "both sets of runs need the same columns."
            )
        if not np.array_equal(self.labels, other.labels):
            # an empty set of labels has no kind of its own
            labels = np.unique(np.concatenate([m.labels for m in (self, other) if len(m.labels)]))
            return self._over(labels).merge(other._over(labels))
        weights = self.weights + other.weights
        safe = np.where(weights > 0.0, weights, 1.0)
        share, gap = other.weights / safe, other.means - self.means
        # convex form: exact when one side is empty
        means = (self.weights / safe)[:, None] * self.means + share[:, None] * other.means
        scatter = self.scatter + other.scatter + gap.T @ (gap * (self.weights * share)[:, None])
        counts = self.counts + other.counts
        return type(self)(self.labels, weights, counts, means, scatter, self.n_features)

    def __add__(self, other: "Moments") -> Self:
        return self.merge(other)

    def _over(self, labels: NDArray[np.generic]) -> Self:
        """The same moments, with groups of no run for labels that are new."""
        at, size = np.searchsorted(labels, self.labels), self.means.shape[1]
        wider = self.empty(self.n_features, size - self.n_features, labels)
        for name in ("weights", "counts", "means"):
            getattr(wider, name)[at] = getattr(self, name)
        return replace(wider, scatter=self.scatter)

    def pooled(self) -> Self:
        """Moments of all runs as one group, the spread between the groups included."""
        weights = np.array([self.weights.sum()])
        mean = self.weights @ self.means / (weights[0] or 1.0)
        gap = self.means - mean
        label, counts = np.zeros(1, dtype=np.intp), np.array([self.counts.sum()])
        scatter = self.scatter + gap.T @ (gap * self.weights[:, None])
        return type(self)(label, weights, counts, mean[None], scatter, self.n_features)


def _products(
    x: Array, t: Array, w: Array | None, centres: Array, codes: IntArray | None = None
) -> Array:
    """Weighted sums of products of [X | Y | 1], of X and Y less the centres of their groups.

    By what lies in a cache.
    """
    p, d = x.shape[1], centres.shape[1]
    out, buffer = np.zeros((d + 1, d + 1)), np.ones((min(BLOCK_ROWS, len(x)), d + 1))
    moved = bool(centres.any())
    for start in range(0, len(x), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        z = buffer[: len(x[rows])]
        z[:, :p], z[:, p:d] = x[rows], t[rows]
        if moved:
            z[:, :d] -= centres if codes is None else centres[codes[rows]]
        out += z.T @ (z if w is None else z * w[rows, None])
    return out


def checked_arrays(
    X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None
) -> tuple[Array, Array, Array | None]:
    """`X`, `y` as two-dimensional and weights as one-dimensional float arrays, not copied."""
    x = np.asarray(X, dtype=np.float64)
    t = np.asarray(y, dtype=np.float64)
    if t.ndim == 1:
        t = t[:, None]
    if x.ndim != 2 or t.ndim != 2 or len(x) != len(t):
        raise InputError(
            f"X of shape {np.shape(X)} and y of shape {np.shape(y)} do not pair up: "
            "give one row of X per response."
        )
    if sample_weight is None:
        return x, t, None
    w = np.asarray(sample_weight, dtype=np.float64)
    if w.shape != (len(x),):
        raise InputError(f"{w.size} weights for {len(x)} runs: give one weight per run.")
    if not (w >= 0.0).all():
        row = int(np.argmin(w >= 0.0))
        raise InputError(f"The weight of run {row} is {w[row]}: weights must be 0 or more.")
    return x, t, w


def check_finite(x: Array, t: Array) -> None:
    """Raise InputError unless every value is finite and so are sums of squares of them."""
    if not all(np.abs(values).max(initial=0.0) < _LARGEST for values in (x, t)):
        raise InputError(not_finite_message(x, t))


def not_finite_message(x: Array, t: Array) -> str:
    """Message on the first value that is not finite, with the remedy."""
    for name, values in (("X", x), ("y", t)):
        bad = np.argwhere(~np.isfinite(values))
        if len(bad):
            row, column = bad[0]
            return (
                f"{name} is not finite in row {row}, column {column}: drop the run, or see "
                "whether its logarithm was taken of zero."
            )
    return "The moments overflow: rescale X or y, or drop the runs of extreme values."


def group_means(
    values: Array, codes: IntArray, n_groups: int, sample_weight: Array | None = None
) -> tuple[Array, Array]:
    """Weight and weighted mean of the rows of each group; the mean of a weightless group is 0.

    Parameters
    ----------
    values : ndarray of shape (n_runs, n_columns)
    codes : ndarray of shape (n_runs,)
        Group of each run, 0 ... n_groups - 1.
    n_groups : int
    sample_weight : ndarray of shape (n_runs,), optional

    Returns
    -------
    weights : ndarray of shape (n_groups,)
    means : ndarray of shape (n_groups, n_columns)
    """
    w = np.ones(len(values)) if sample_weight is None else sample_weight
    weights = np.asarray(np.bincount(codes, w, n_groups), dtype=np.float64)
    safe = np.where(weights > 0.0, weights, 1.0)
    means = np.empty((n_groups, values.shape[1]))
    for j, column in enumerate(values.T):
        first = np.bincount(codes, w * column, n_groups) / safe
        # second pass: removes the rounding of a large mean
        means[:, j] = first + np.bincount(codes, w * (column - first[codes]), n_groups) / safe
    return weights, np.where(weights[:, None] > 0.0, means, 0.0)


def group_sums(rows: Array, codes: IntArray) -> Array:
    """Sum of the rows of each group, shape (n_groups, n_columns); at least one column."""
    return np.column_stack([np.bincount(codes, column) for column in rows.T])


# ---- Choice of pairs of runs: sums over pairs without forming them.
#
# Every policy weighs a pair by the product of its runs' weights and gives the Laplacian of the
# graph of its pairs, L: the sum over pairs of w_u w_v (z_u - z_v)(z_u - z_v)' is z' L z, which is
# all that least squares over these pairs needs.


class PairPolicy(ABC):
    """Choice of the pairs of runs that are contrasted."""

    @abstractmethod
    def pairs(self, X: Array, w: Array) -> tuple[IntArray, IntArray]:
        """Both runs of every pair.

        Parameters
        ----------
        X : ndarray of shape (n_runs, n_features)
            Places of the runs, by which pairs may be chosen.
        w : ndarray of shape (n_runs,)
        """

    def laplacian_times(self, X: Array, w: Array, Z: Array) -> Array:
        """Laplacian of the graph of the pairs times Z, shape (n_runs, n_columns).

        Row u is the sum over its pairs of w_u w_v (z_u - z_v).

        Parameters
        ----------
        X, w
            As of :meth:`pairs`.
        Z : ndarray of shape (n_runs, n_columns)
        """
        u, v = self.pairs(X, w)
        links = sparse.coo_array((w[u] * w[v], (u, v)), shape=(len(X), len(X))).tocsr()
        links = links + links.T
        return np.asarray(links.sum(axis=1)[:, None] * Z - links @ Z)

    def count(self, X: Array, w: Array) -> int:
        """Number of pairs of two runs of positive weight."""
        u, v = self.pairs(X, w)
        return int(np.count_nonzero(w[u] * w[v]))


@dataclass(frozen=True)
class AllPairs(PairPolicy):
    """Every pair of runs, without forming them.

    Examples
    --------
    >>> z = np.array([[0.0], [1.0], [3.0]])
    >>> z.T @ AllPairs().laplacian_times(z, np.ones(3), z)
    array([[14.]])
    """

    def pairs(self, X: Array, w: Array) -> tuple[IntArray, IntArray]:
        """Both runs of every pair, the lower position first."""
        return np.triu_indices(len(X), 1)

    def laplacian_times(self, X: Array, w: Array, Z: Array) -> Array:
        """Distance from the mean, times the weights."""
        return np.asarray(w[:, None] * (w.sum() * Z - w @ Z))

    def count(self, X: Array, w: Array) -> int:
        """Half of the square, less the runs themselves."""
        n = int(np.count_nonzero(w))
        return n * (n - 1) // 2


@dataclass(frozen=True)
class ReferencePairs(PairPolicy):
    """Every run against one reference run, whose own error then enters every contrast.

    Parameters
    ----------
    run : int
        Position of the reference run.
    """

    run: int

    def pairs(self, X: Array, w: Array) -> tuple[IntArray, IntArray]:
        """The reference run and each of the others."""
        if not 0 <= self.run < len(X):
            raise InputError(f"Reference run {self.run} is not among the {len(X)} runs.")
        others = np.delete(np.arange(len(X)), self.run)
        return np.full_like(others, self.run), others


@dataclass(frozen=True)
class NearestPairs(PairPolicy):
    """Pairs of runs of which one is among the `k` nearest of the other.

    Nearness is measured between whitened rows, so that it does not depend on the basis of the
    groups, nor on the units of a feature.

    Parameters
    ----------
    k : int
        Neighbours of each run, at least 1.
    """

    k: int

    def pairs(self, X: Array, w: Array) -> tuple[IntArray, IntArray]:
        """Both runs of every neighbouring pair, the lower position first."""
        if not 1 <= self.k < len(X):
            raise InputError(
                f"{self.k} neighbours of {len(X)} runs: k must be from 1 to {len(X) - 1}."
            )
        white = whiten(X, w)[1]
        neighbours = cKDTree(white).query(white, k=self.k + 1)[1]
        u = np.repeat(np.arange(len(X)), self.k + 1)
        v = neighbours.ravel()
        # with duplicates a run need not be the first of its own neighbours
        low, high = np.minimum(u, v), np.maximum(u, v)
        keys = np.unique((low * len(X) + high)[low < high])
        return keys // len(X), keys % len(X)


def triples(
    n_runs: int, count: int, draw: Callable[[int, int, int], IntArray]
) -> tuple[IntArray, IntArray, IntArray]:
    """Triples of different runs, drawn by chance: the positions of the first, second and third.

    Parameters
    ----------
    n_runs : int
        At least three.
    count : int
    draw : callable
        Of a lower bound, an upper one that is left out, and a count.
    """
    a = draw(0, n_runs, count)
    b = (a + draw(1, n_runs, count)) % n_runs
    c = draw(0, n_runs - 2, count)
    for low in np.sort(np.stack([a, b]), axis=0):
        c = c + (c >= low)
    return a, b, c


# ---- Folds by run or by group of runs, never by pair.


def run_folds(
    most: int, n_runs: int, groups: ArrayLike | None = None, random_state: Any = 0
) -> list[tuple[IntArray, IntArray]]:
    """Positions of the training and the test runs of at most so many folds, by run or by group.

    Raises
    ------
    InputError
        If there is a single group.
    """
    from sklearn.model_selection import GroupKFold, KFold

    n_units = n_runs if groups is None else len(np.unique(np.asarray(groups)))
    if n_units < 2:
        raise InputError("groups holds one label only; give at least two groups, or none")
    n_folds = min(most, n_units)
    splitter: Any = GroupKFold(n_folds)
    if groups is None:
        splitter = KFold(n_folds, shuffle=True, random_state=random_state)
    return list(splitter.split(np.zeros((n_runs, 1)), groups=groups))


def check_pair_leak(train_pairs: ArrayLike, test_pairs: ArrayLike) -> IntArray:
    """Warn when runs occur in both the training and the test pairs of a user's own split.

    Parameters
    ----------
    train_pairs, test_pairs : array-like of shape (n_pairs, 2)
        Positions, or identifiers that are integers, of the two runs of each pair.

    Returns
    -------
    ndarray of shape (n_shared,)
        Runs on both sides, sorted.

    Warns
    -----
    DimgsWarning
        If there is any: the test score would then flatter the model.

    Examples
    --------
    >>> check_pair_leak([[0, 1], [0, 2]], [[3, 4]]).tolist()
    []
    """
    train, test = (np.asarray(pairs) for pairs in (train_pairs, test_pairs))
    for name, pairs in (("train_pairs", train), ("test_pairs", test)):
        if pairs.ndim != 2 or pairs.shape[1] != 2:
            raise InputError(f"{name} has shape {pairs.shape}: give two runs a row.")
    shared = np.intersect1d(train, test)
    if len(shared):
        names = ", ".join(str(run) for run in shared[:5]) + (", ..." if len(shared) > 5 else "")
        in_test = len(np.unique(test))
        warnings.warn(
            f"{len(shared)} of the {in_test} runs in the test pairs also occur in training pairs "
            f"({names}), so that the test score is too good: split the runs, then form the pairs "
            "(RunKFold, LeaveOneGroupOut).",
            DimgsWarning,
            stacklevel=2,
        )
    return shared


def _where_lines_meet(rows: Array) -> Array | None:
    """The values from which each row differs in one column at most; None where there are none."""
    apart = rows != rows[0]
    farthest = int(np.argmax(apart.sum(axis=1)))
    columns = np.flatnonzero(apart[farthest])
    if len(columns) > 2:
        return None
    # those of the first row, or one of them as in the farthest row
    candidates = np.tile(rows[0], (1 + len(columns), 1))
    candidates[np.arange(len(columns)) + 1, columns] = rows[farthest, columns]
    fitting = (c for c in candidates if (rows != c).sum(axis=1).max() <= 1)
    return next(fitting, None)
