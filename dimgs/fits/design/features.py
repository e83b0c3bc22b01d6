"""From runs and a pi basis to the features that contrasts are taken of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dimgs.common.advice import setting
from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.dataset import Dataset
from dimgs.fits.design.effects import Effect, Whitening
from dimgs.fits.design.whitening import whiten
from dimgs.fits.whiteness import KernelRegressions
from dimgs.groups.group import PiBasis, PiGroup
from dimgs.variables import Variable

# errors this much larger than the smallest leave a run no digit in a sum of double precision
_LEAST_SHARE = 1e-16
Contrast = Literal["log-ratio", "inverse", "difference"]
ResponseScale = Literal["log", "level", "linear"]
# arrays of a design that have one row for each run
_OF_RUNS = ("X", "y", "offset", "weights", "within", "split", "shift")
# relative: a spread below is rounding of unit conversions, and so is a difference of two routes
_CONSTANT, _CONVERTED = 1e-12, 1e-9


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
    features : tuple of Feature
        Columns of `X`; those that never vary are left out.
    X : ndarray of shape (n_runs, n_features)
    y : ndarray of shape (n_runs,)
        Response on its scale: ln(pi_0), a level in natural-log units, or pi_0 itself.
    offset : ndarray of shape (n_runs,)
        ln(target) - ln(pi_0); zero for a level.
    scale : {"log", "level", "linear"}
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
    noise : {"relative", "constant"}, optional
        The error model of the target that was asked for, in place of the likeliest.
    never_varied : tuple of str
        Groups and columns that are the same in every run.
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
    noise: Literal["relative", "constant"] | None = None
    never_varied: tuple[str, ...] = ()
    labelled: tuple[str, ...] = ()

    @cached_property
    def inputs(self) -> tuple[Variable, ...]:
        """Numeric inputs of the runs, whether a feature holds them or not."""
        target = self.basis.target
        apart = {*self.labelled, *(() if target is None else (target.name,))}
        return tuple(self.data.variable(n) for n in self.data.numeric_names if n not in apart)

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
    def white(self) -> Whitening | None:
        """Weighted residuals without what runs of a source share."""
        root = np.ones(self.n_runs) if self.weights is None else np.sqrt(self.weights)
        return Whitening.of_effects(self.effects, root) if self.effects else None

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

    Returns
    -------
    Design

    Raises
    ------
    InputError
        If the basis has no response, or `within` or `split_by` is not a column.
    """
    if basis.response is None or basis.target is None:
        raise InputError("The basis has no response; derive it with a target.")
    option = "by" if split_by is None and by else "split_by"
    split_by = by[0] if option == "by" else split_by
    features = features_of(basis, unlogged, inverse)
    logged = [f.group for f in features if f.logged and f.group is not None]
    columns = list(log_groups(data, basis, logged).T)
    for feature in features:
        if feature.variable is not None:
            values = np.asarray(data[feature.variable], dtype=np.float64)
            columns.append(1.0 / values if feature.contrast == "inverse" else values)
        elif feature.group is not None and not feature.logged:
            columns.append(signed_values(data, basis, feature.group))
    varies = [
        bool(c.size) and spans(float(c.min()), float(c.max()), f.contrast)
        for c, f in zip(columns, features, strict=True)
    ]
    kept = [c for c, v in zip(columns, varies, strict=True) if v]
    y, offset, scale = _response(data, basis, linear)
    sigma = stated_errors(data, basis.target.name, scale)
    varied = tuple(f for f, v in zip(features, varies, strict=True) if v)
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
        within=_labels(data, within, str(setting("within"))),
        split=_labels(data, split_by, str(setting(option))),
        sources=tuple(
            (n, labels) for n in by if (labels := _labels(data, n, str(setting("by")))) is not None
        ),
        never_varied=tuple(f.name for f, v in zip(features, varies, strict=True) if not v),
        labelled=tuple(n for n in (within, split_by, *by) if n is not None),
    )


def spans(low: float, high: float, contrast: Contrast) -> bool:
    """Whether a feature between these values varies by more than rounding."""
    size = max(abs(low), abs(high), 1.0 if contrast == "log-ratio" else 0.0)
    return high - low > _CONSTANT * size


def _response(data: Dataset, basis: PiBasis, linear: bool) -> tuple[Array, Array, ResponseScale]:
    target, response = basis.target, basis.response
    assert target is not None
    assert response is not None
    values = np.asarray(data[target.name], dtype=np.float64)
    if target.is_level:
        return values * target.unit.log_factor, np.zeros(data.n_runs), "level"
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
        sigma = (
            errors / values if scale == "log" else errors * data.variable(target).unit.log_factor
        )
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
    target, response = basis.target, basis.response
    assert target is not None
    assert response is not None
    of_response = {} if target.is_level else dict(response.exponents)
    groups = [f.group for f in features if f.group is not None]
    used = {n for g in groups for n, _ in g.exponents} | set(of_response)
    used |= {f.variable for f in features if f.variable is not None}
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
