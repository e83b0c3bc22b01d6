"""Evidence of a candidate: log density of runs left out of its fit.

The evidence is l = sum_i log p(y_i | y without block b(i)), with each run counted once. A run of an
outer block is predicted by constants refitted without the block; a run of several blocks counts
with the mean over them. Other runs are predicted without themselves or their group, to first
order. The predictive density is Student's t with the variance of the constants, so that constants
have no further price in bits.

The errors are relative, constant in the response group or in the target, or mixed, with normal
tails or those of Student's t. Their kind is unknown, as the law is: the evidence of a candidate is
the sum of its densities over the kinds, each times the prior of the kind.

References
----------
S. Geisser, W. F. Eddy, J. Am. Stat. Assoc. 74 (1979) 153-160 (predictive density of runs left out).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any, Protocol, Self

import numpy as np
import sympy
from numpy.typing import NDArray
from scipy import special

from dimgs.common.arrays import Array, BoolArray, IntArray, basis_of, count_apart, lengths
from dimgs.common.errors import attempt
from dimgs.expression.formula import Formula
from dimgs.fits.covariance import deleted_residuals
from dimgs.fits.design import Design
from dimgs.fits.least_squares import log_slopes, minimise_squares
from dimgs.fits.noise import (
    EXACT,
    UNUSUAL,
    Errors,
    StudentTails,
    possible_errors,
    rms,
    scatter_beside,
    student_likelihoods,
)
from dimgs.law.assemble import feature_values, fit_form_of, slopes_by_features
from dimgs.law.prediction import evaluate


class Model(Protocol):
    """A candidate whose constants are refitted."""

    @property
    def start(self) -> Array:
        """Constants near those of least squares."""

    def value(self, constants: Array) -> Array:
        """The response group (a level: itself) in every run."""

    def slopes(self, constants: Array) -> Array:
        """Derivatives by the constants, shape (n_runs, n_constants)."""

    def input_slopes(self, constants: Array) -> Array:
        """Derivatives of the response on its scale by the features, shape (n_runs, n_features)."""


@dataclass(frozen=True, eq=False)
class PowerModel:
    """exp(offset + columns @ constants).

    Attributes
    ----------
    columns, offset, start : ndarray
    exponents : ndarray of shape (n_features,)
        Of the features in the offset.
    free : tuple of int
        Features whose exponents are the last constants.
    """

    columns: Array
    offset: Array
    start: Array
    exponents: Array = field(default_factory=lambda: np.zeros(0))
    free: tuple[int, ...] = ()

    def value(self, constants: Array) -> Array:
        """See `Model`."""
        linear = self.offset + self.columns @ constants
        with np.errstate(over="ignore"):
            return np.asarray(np.exp(linear))

    def slopes(self, constants: Array) -> Array:
        """See `Model`."""
        return self.value(constants)[:, None] * self.columns

    def input_slopes(self, constants: Array) -> Array:
        """See `Model`."""
        exponents = self.exponents.copy()
        exponents[list(self.free)] = constants[len(constants) - len(self.free) :]
        return np.broadcast_to(exponents, (len(self.columns), len(exponents)))

    def elsewhere(self, X: Array, inputs: Mapping[str, Array], start: Array) -> "PowerModel":
        """The model on other runs of one label, given by features, and where its fit starts."""
        columns = np.column_stack([np.ones(len(X)), X[:, list(self.free)]])
        start = start[-columns.shape[1] :]
        return replace(self, columns=columns, offset=X @ self.exponents, start=start)


class FormulaModel(Formula):
    """An expression for pi_0 over the groups and inputs of a design.

    Parameters
    ----------
    design : Design
    expression : sympy.Expr
    constants : mapping of str to float
    further : mapping of str to ndarray of shape (n_runs,), optional
        Values of symbols that are no groups or inputs of the design.
    """

    def __init__(
        self,
        design: Design,
        expression: sympy.Expr,
        constants: Mapping[str, float],
        further: Mapping[str, Array] | None = None,
    ) -> None:
        names = sorted(constants)
        self.design = design
        self.start = np.array([constants[k] for k in names], dtype=np.float64)
        known = feature_values(design) | {**(further or {})}
        used = sorted({str(s) for s in expression.free_symbols} - set(names))
        super().__init__(expression, {k: known[k] for k in used}, names, design.n_runs)

    def elsewhere(self, X: Array, inputs: Mapping[str, Array], start: Array) -> "FormulaModel":
        """The model on other runs, given by name, and where its fit starts."""
        other = copy(self)
        other.inputs, other.n, other.start = {k: inputs[k] for k in self.inputs}, len(X), start
        return other

    def filled(self, constants: Array) -> dict[str, Array | float]:
        """Every symbol of the expression with its value."""
        return {**self.inputs, **dict(zip(self.names, constants, strict=True))}

    def input_slopes(self, constants: Array) -> Array:
        """See `Model`."""
        return slopes_by_features(self.design, self.expression, self.filled(constants))


# the outer fifth, and at least as many runs as show more than one error of measurement
_SHARE, _FEWEST = 0.2, 3
# more than half of the runs are not an end of the others
_MOST = 0.5
# of many inputs: each block is a refit of every candidate
_MOST_BLOCKS = 40
# values nearer than that, of their range, are one setting of an input
_SAME = 1e-9
# and so near, groups: repeats in a laboratory differ by some parts in a thousand
_REPEATED = 0.01
# spread of an axis, of that of the widest, below which it is rounding
_NO_WIDTH = 1e-6


@dataclass(frozen=True, eq=False)
class Block:
    """Runs at one end of a coordinate.

    Attributes
    ----------
    end : str
        In words, such as "large U".
    rows : ndarray of bool of shape (n_runs,)
    along : ndarray of shape (n_runs,)
        The coordinate.
    """

    end: str
    rows: BoolArray
    along: Array


def outer_blocks(design: Design) -> list[Block]:
    """The outer blocks of a design, each set of runs once.

    Runs of equal values at the edge of a block belong to it, and groups of runs that are held out
    together stay together.

    Parameters
    ----------
    design : Design

    Returns
    -------
    list of Block
        Fewer, or none, where an input has so few settings that its end is half of the runs.
    """
    out: list[Block] = []
    for name, values in coordinates(design):
        for word, sign in (("small", 1.0), ("large", -1.0)):
            rows = _end(sign * values, design.split)
            is_repeated = any(np.array_equal(rows, block.rows) for block in out)
            if 0 < rows.sum() <= _MOST * design.n_runs and not is_repeated:
                out.append(Block(f"{word} {name}", rows, values))
    return out[:_MOST_BLOCKS]


def coordinates(design: Design) -> Iterator[tuple[str, Array]]:
    """Inputs, on a logarithm where they are in groups, then the axes of the groups.

    The axes are principal in the metric of the inputs: of all changes of the inputs that make a
    change of the groups, the least one. So they do not depend on the basis.
    """
    data = design.data
    grouped = [f.group for f in design.features if f.group is not None]
    named = {n for g in (*grouped, design.response) for n, _ in g.exponents}
    inputs = sorted((named - {design.target.name}) & set(data.numeric_names))
    for name in inputs:
        x = data[name]
        yield name, np.log(x) if np.all(x > 0) else x
    for feature in design.features:
        if feature.variable is not None:
            yield feature.variable, data[feature.variable]
    grouped = [f.monomial for f in design.features if f.logged]
    if len(grouped) < 2:
        return
    powers = np.array([[float(dict(g.exponents).get(n, 0)) for n in inputs] for g in grouped])
    columns = [j for j, f in enumerate(design.features) if f.logged]
    away = design.X[:, columns] - design.X[:, columns].mean(axis=0)
    values, vectors = np.linalg.eigh(powers @ powers.T)
    root = np.where(values > 1e-12 * values.max(), 1 / np.sqrt(np.maximum(values, 1e-300)), 0.0)
    turned, size, _ = np.linalg.svd(away @ (vectors * root), full_matrices=False)
    for k, axis in enumerate(turned.T):
        if size[k] > _NO_WIDTH * size[0]:
            yield f"values along axis {k + 1} of the groups", axis


def _end(values: Array, split: NDArray[np.generic] | None) -> BoolArray:
    """The runs, or groups of runs, of the smallest values."""
    n = len(values)
    span = float(np.ptp(values))
    if not span > 0:
        return np.zeros(n, dtype=bool)
    wanted = max(_FEWEST, round(_SHARE * n))
    if split is not None:
        names, code = np.unique(split, return_inverse=True)
        means = np.bincount(code, values) / np.bincount(code)
        order = np.argsort(means, kind="stable")
        enough = int(np.searchsorted(np.cumsum(np.bincount(code)[order]), wanted)) + 1
        return np.isin(code, order[: min(enough, len(names) - 1)])
    if n <= wanted:
        return np.zeros(n, dtype=bool)
    edge = np.partition(values, wanted - 1)[wanted - 1]
    return np.asarray(values <= edge + _SAME * span)


def n_settings(design: Design) -> int:
    """How many settings of the groups the runs have; repeats of one differ a little.

    Repeats tell the errors, but which form holds between the settings they tell no better than one
    run would.

    Parameters
    ----------
    design : Design

    Returns
    -------
    int
        The number of runs where there are no groups. Labels with their own prefactors have their
        own settings.
    """
    if not design.features:
        return design.n_runs
    span = np.ptp(design.X, axis=0)
    places = design.X[:, span > 0] / span[span > 0]
    if design.within is not None:
        code = np.unique(design.within, return_inverse=True)[1].ravel()
        places = np.column_stack([places, code])
    # in the order of their values, so that the order of the rows counts for nothing
    return count_apart(places[np.lexsort(places.T)], _REPEATED)


# singular value of the slopes, of the largest, below which the runs do not determine a constant
_DETERMINED = 1e-10
# length of a direction that others leave, of the longest, below which it is rounding
_SEEN = 1e-6


def propagate_errors(directions: Array, slopes: Array) -> tuple[Array, bool]:
    """Weighted sums of the constants in terms of independent errors of the runs.

    Parameters
    ----------
    directions : ndarray of shape (n_sums, n_constants)
        The weights.
    slopes : ndarray of shape (n_runs, n_constants)
        Of the runs that the constants were fitted to.

    Returns
    -------
    ndarray of shape (n_sums, n_determined), bool
        And whether the runs determine all constants.
    """
    size = lengths(slopes)
    _, singular, right = np.linalg.svd(slopes / size, full_matrices=False)
    determined = singular > _DETERMINED * singular.max(initial=0.0)
    coefficients = (directions / size) @ (right[determined].T / singular[determined])
    return np.asarray(coefficients), bool(np.all(determined)) and len(singular) == slopes.shape[1]


def _log_density_of_t(square: Any, dof: int, n: int = 1) -> Any:
    """Logarithm of the density of Student's t of n numbers, at the sum of their squares."""
    peak = special.gammaln((dof + n) / 2) - special.gammaln(dof / 2) - n / 2 * np.log(dof * np.pi)
    return peak - (dof + n) / 2 * np.log1p(square / dof)


@dataclass(frozen=True, eq=False)
class PredictionErrors:
    """Errors of further runs in units of the others' error.

    Attributes
    ----------
    errors : ndarray of shape (n_further,)
    axes, sizes : ndarray of shape (n_further, n_axes) and (n_axes,)
        The covariance is 1 + axes sizes² axes', however far beyond 1 it is.
    sd : float
        The others' error.
    dof : int
        From which it is known.
    """

    errors: Array
    axes: Array
    sizes: Array
    sd: float
    dof: int

    @classmethod
    def of(
        cls, residuals: Array, slopes: Array, fitted_slopes: Array, sd: float, dof: int
    ) -> Self | None:
        """From residuals and slopes of the further runs, and the slopes of those that were fitted.

        None where a run has no prediction.
        """
        if not all(np.all(np.isfinite(values)) for values in (residuals, slopes, fitted_slopes)):
            return None
        coefficients, _ = propagate_errors(slopes, fitted_slopes)
        if not np.all(np.isfinite(coefficients)):
            return None
        axes, sizes, _ = np.linalg.svd(coefficients, full_matrices=False)
        return cls(residuals / sd, axes, sizes, sd, dof)

    def white(self, columns: Array) -> Array:
        """Columns in units in which the errors are independent and of size 1."""
        shrink = (1.0 - 1.0 / np.sqrt(1.0 + self.sizes**2))[:, None]
        return np.asarray(columns - self.axes @ (shrink * (self.axes.T @ columns)))

    @cached_property
    def _independent(self) -> Array:
        """The errors in these units."""
        return self.white(self.errors[:, None])[:, 0]

    @cached_property
    def square(self) -> float:
        """Sum of the squares of the errors, in these units."""
        return float(np.sum(self._independent**2))

    @property
    def log_density(self) -> float:
        """Natural logarithm of the density of the errors: Student's t."""
        m = len(self.errors)
        scale = np.log1p(self.sizes**2).sum() / 2 + m * np.log(self.sd)
        return float(_log_density_of_t(self.square, self.dof, m) - scale)

    @property
    def chance(self) -> float:
        """Chance of errors as large."""
        m = len(self.errors)
        return float(special.fdtrc(m, self.dof, self.square / m))

    @property
    def growth(self) -> float:
        """Factor by which the errors exceed what their variance allows."""
        return float(np.sqrt(self.square / len(self.errors)))

    def chance_of_trend(self, places: Array) -> float:
        """P-value of a dependence of the errors on the positions of the runs.

        Errors may be larger at an end, or a few of them large, and the law right all the same.

        Parameters
        ----------
        places : ndarray of shape (n_further, n_coordinates)
            The errors are compared with these and their squares, as many as half of the runs.
        """
        m = len(self.errors)
        low, high = places.min(axis=0), places.max(axis=0)
        places = (2 * places - low - high) / np.where(high > low, high - low, 1.0)
        terms = np.column_stack([np.ones(m), places, places**2])[:, : m // 2]
        basis = basis_of(self.white(terms), _SEEN)
        followed = float(np.sum((basis.T @ self._independent) ** 2))
        k = basis.shape[1]
        scatter = max(self.square - followed, 0.0) / (m - k)
        free = m - k if scatter > 1.0 else self.dof + m - k
        return float(special.fdtrc(k, free, followed / k / max(scatter, 1.0)))


# steps of a refit, which starts near its end, and the relative gain that ends it
_STEPS, _ENOUGH = 25, 1e-16
# odds at which a block speaks against a law, over all of its blocks, and the factor by which the
# typical error must grow besides: chosen on the development laws by `benchmarks.belief`
BLOCK_LEVEL, BLOCK_GROWTH = 0.01, 1.25
# log density of a run that has no prediction: below any that has one, and finite in sums
_UNUSABLE = -1e6


@dataclass(frozen=True, eq=False)
class Fitted:
    """Constants of a model fitted to some runs, with what predicts others."""

    constants: Array
    residuals: Array
    slopes: Array
    jacobian: Array
    rows: BoolArray
    sd: float
    dof: int

    @property
    def usable(self) -> bool:
        """Whether it predicts the runs that it was fitted to."""
        return bool(np.all(np.isfinite(self.residuals[self.rows])))

    @property
    def log_likelihood(self) -> float:
        """Of the runs at these constants, up to a constant that is the same for all models."""
        n = len(self.residuals)
        return -n * float(np.log(self.sd)) + float(self.jacobian.sum())

    @property
    def most_density(self) -> float:
        """Upper bound of the log density of runs left out: the likelihood of the best errors.

        Runs that a model was fitted to are met more closely than runs left out.
        """
        n = len(self.residuals)
        variance = self.sd**2 * self.dof / n
        # exact fits leave less than the least standard deviation
        squares = (self.residuals @ self.residuals) / variance
        normal = 0.5 * (n * np.log(2 * np.pi * variance) + squares)
        return float(self.jacobian.sum() - normal)

    @property
    def standard_errors(self) -> Array:
        """Of the constants, to first order; infinite where the runs do not determine them."""
        return self.errors_along(np.eye(self.slopes.shape[1]))

    def errors_along(self, directions: Array) -> Array:
        """Standard errors of weighted sums of the constants, as of the constants themselves.

        Parameters
        ----------
        directions : ndarray of shape (n_sums, n_constants)
            The weights.
        """
        A = self.slopes[self.rows]
        if np.all(np.isfinite(A)):
            coefficients, complete = propagate_errors(directions, A)
            if complete:
                return np.asarray(self.sd * np.sqrt(np.sum(coefficients**2, axis=1)))
        return np.full(len(directions), np.inf)


def fit_model(model: Model, errors: Errors, rows: BoolArray, start: Array) -> Fitted:
    """Least squares of some of the runs from a start near its end."""

    def about(constants: Array) -> Errors:
        return errors if errors.inputs is None else errors.about(model.input_slopes(constants))

    def at(constants: Array) -> tuple[Array, Array]:
        values, here = model.value(constants), about(constants)
        residuals, slopes = here.residuals(values), here.scaled(values, model.slopes(constants))
        if errors.inputs is not None:
            by_root = log_slopes(lambda trial: about(trial).root, constants)
            slopes = slopes - residuals[:, None] * by_root
        return residuals, slopes

    solution = minimise_squares(at, start, rows=rows, steps=_STEPS, enough=_ENOUGH)
    best = solution.parameters
    dof = int(rows.sum()) - len(best) - errors.lost
    sd = float(np.sqrt(solution.squares / dof)) if dof > 0 else np.inf
    jacobian = about(best).jacobian_at(model.value(best))
    return Fitted(best, solution.residuals, solution.slopes, jacobian, rows, max(sd, EXACT), dof)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Evidence of one candidate: log densities of runs left out.

    Attributes
    ----------
    log_density : float
        Of all runs, each left out; natural logarithm.
    p_block : float or None
        Least chance of a block's predictions, times the number of blocks; None without blocks.
    growth : float
        By which factor the error of the worst block exceeds what its variance allows.
    worst : str
        That block.
    whole : Fitted
        The fit to all runs.
    errors : Errors
        How errors were measured.
    usual : float
        Log density of a single run left out that is no outlier: the median, less what it exceeds
        the mean by where errors are normal.
    """

    log_density: float
    p_block: float | None
    growth: float
    worst: str
    whole: Fitted
    errors: Errors
    usual: float

    @property
    def extrapolates(self) -> bool | None:
        """Whether every outer block was predicted; None where none could be left out."""
        if self.p_block is None:
            return None
        return not (self.p_block < BLOCK_LEVEL and self.growth > BLOCK_GROWTH)

    @classmethod
    def over_kinds(cls, supports: Sequence["Evidence"]) -> "Evidence | None":
        """The density summed over kinds of errors, and all else by the likeliest of these.

        Parameters
        ----------
        supports : sequence of Evidence
            Of one candidate; the prior of a kind is in its densities.
        """
        usable = [one for one in supports if np.isfinite(one.log_density)]
        if not usable:
            return None
        total = special.logsumexp([one.log_density for one in usable])
        return replace(max(usable, key=lambda one: one.log_density), log_density=float(total))


# half of what the mean of a chi-square of one degree of freedom exceeds its median by
_OVER_MEAN = (1.0 - 0.4549364) / 2
# refits with the scatter of the one before, and the last change of it that counts
_ROUNDS, _SETTLED = 20, 1e-3
# nats by which kinds of errors are behind the likeliest, from which on laws are not judged by them:
# with 1, 2 and 3 the log scores of development laws are alike, and with 2 most tables have one kind
_BEHIND = 2.0


def fits_to_all(n_runs: int) -> Callable[..., Fitted]:
    """A function that fits a model to all runs, only once with the same errors."""
    everything = np.ones(n_runs, dtype=bool)
    return cache(lambda model, errors: fit_model(model, errors, everything, model.start))


def errors_of(
    design: Design,
    models: Sequence[Model],
    bits: Sequence[float] = (),
    fit: Callable[..., Fitted] | None = None,
) -> list[Errors]:
    """The kinds of errors that the likeliest models leave in doubt, the likeliest first.

    Parameters
    ----------
    design : Design
    models : sequence of Model
    bits : sequence of float, optional
        Price of each, where they are not equally simple: a long form can follow a single gross run.
    fit : callable, optional
        By :func:`fits_to_all`, where the fits are used again.
    """
    fit = fit or fits_to_all(design.n_runs)
    prices = np.log(2) * np.array(bits or np.zeros(len(models)))

    def fitted(kind: Errors) -> tuple[float, Errors, list[Fitted]]:
        fits = [fit(model, kind) for model in models]
        return float(np.max(likely(fits), initial=-np.inf)), kind, fits

    def likely(fits: Sequence[Fitted]) -> Array:
        usable = [fit.log_likelihood if fit.usable and fit.dof > 0 else -np.inf for fit in fits]
        return np.asarray(np.array(usable) - prices)

    def likeliest(kinds: Iterable[Errors]) -> list[tuple[float, Errors, list[Fitted]]]:
        order = sorted(map(fitted, kinds), key=lambda each: -each[0])
        return [each for each in order if each[0] >= order[0][0] - _BEHIND]

    kinds = likeliest(possible_errors(design))
    most, errors, fits = kinds[0]
    if errors.inputs is not None and most > -np.inf:
        k = int(np.argmax(likely(fits)))
        return [_with_scatter(errors, models[k], fits[k])]
    with_tails = [
        one for _, kind, fits in kinds if (one := _in_tails(design, kind, models, fits, prices))
    ]
    if with_tails:
        kinds = likeliest([*(kind for _, kind, _ in kinds), *with_tails])
    return [kind for _, kind, _ in kinds]


def _in_tails(
    design: Design,
    errors: Errors,
    models: Sequence[Model],
    fits: Sequence[Fitted],
    prices: Array,
) -> Errors | None:
    """The errors with the tails of Student's t that make the runs likeliest about some model.

    Squares follow a few gross runs, so that models count with the constants of their search too.
    None where errors are stated, correlated or censored, or their kind is given.
    """
    known = (design.weights, design.white, design.within, design.input_errors, design.noise)
    if any(each is not None for each in known) or design.censored:
        return None
    each = [fit.residuals for fit in fits]
    each += [errors.residuals(model.value(model.start)) for model in models]
    tried = [
        (likely - prices[k % len(models)], freedom, k)
        for k, left in enumerate(each)
        if np.all(np.isfinite(left)) and rms(left) > EXACT
        for freedom, likely in student_likelihoods(left).items()
        if freedom is not None
    ]
    if not tried:
        return None
    _, freedom, k = max(tried)
    tails = StudentTails.of(each[k], freedom, len(models[k % len(models)].start))
    return replace(errors, tails=tails, price=errors.price + UNUSUAL)


def errors_by_source(model: Model, errors: Errors, design: Design, whole: Fitted) -> Errors:
    """The errors about a form whose constants differ between sources; others as they are.

    The runs of a source share what its constants change, to first order about these. Densities are
    those of the same runs, so that the determinant of the covariance counts, and one nat for each
    variance that is estimated beyond those that all forms share: by so much runs that were fitted
    are on the average likelier than others (Akaike).

    Parameters
    ----------
    model : Model
    errors : Errors
        That forms share.
    design : Design
    whole : Fitted
        The fit of the model to all runs with these errors.
    """
    if not (design.effects and isinstance(model, FormulaModel) and whole.usable):
        return errors
    assert errors.white is not None
    form = attempt(fit_form_of, design, model.expression, model.names, whole.constants)
    if form is None or not form.has_constants:
        return errors
    common = form.mixed.coefficients
    response = model.value(common)
    with np.errstate(all="ignore"):
        response = np.log(response) if design.scale == "log" else response
        response = form.response - form.slopes @ common + response
        response = np.exp(response) if design.scale == "log" else response
    white = replace(design, effects=form.mixed.effects).white
    if white is None or not np.all(np.isfinite(response)):
        return errors
    further = len(form.mixed.effects) - len(design.effects)
    price = (white.log_determinant - errors.white.log_determinant) / 2 + further
    about = replace(errors, response=response, white=white)
    # densities are those of the responses that were measured
    price += float(np.sum(about.jacobian - errors.jacobian))
    return replace(about, price=price)


def _with_scatter(errors: Errors, model: Model, fitted: Fitted) -> Errors:
    """The errors with the scatter about a law that lies beside what is stated."""
    assert errors.inputs is not None
    plain = replace(errors, root=np.ones(len(errors.root)), unit=np.ones(len(errors.unit)))
    for _ in range(_ROUNDS):
        inputs = replace(errors.inputs, shared=0.0)
        variance = inputs.variance(model.input_slopes(fitted.constants))
        residuals = plain.residuals(model.value(fitted.constants))
        shared = scatter_beside(variance, residuals, len(fitted.constants)).intrinsic
        change = abs(shared - errors.inputs.shared)
        errors = replace(errors, inputs=replace(inputs, shared=shared))
        if change <= _SETTLED * shared:
            break
        fitted = fit_model(model, errors, fitted.rows, fitted.constants)
    return errors


def evidence(
    model: Model,
    errors: Errors,
    blocks: Sequence[Block],
    design: Design,
    whole: Fitted | None = None,
) -> Evidence | None:
    """Log density of every run left out, and whether the outer blocks are predicted.

    Parameters
    ----------
    model : Model
    errors : Errors
    blocks : sequence of Block
        The same for all models that are compared.
    design : Design
    whole : Fitted, optional
        The fit of the model to all runs, where it is known.

    Returns
    -------
    Evidence or None
        None where the model cannot be fitted to the runs.
    """
    n = design.n_runs
    if whole is None:
        whole = fit_model(model, errors, np.ones(n, dtype=bool), model.start)
    if not whole.usable or whole.dof < 1 or not np.all(np.isfinite(whole.slopes)):
        return None
    total, count = np.zeros(n), np.zeros(n)
    worst: tuple[float, float, str] = (1.0, 0.0, "")
    n_refitted = 0
    pieces = _pieces(model, whole.constants)
    for block in blocks:
        rows = block.rows & _kept(pieces, block.rows)
        if rows.sum() < 2:
            continue
        rest = fit_model(model, errors, ~block.rows, whole.constants)
        if rest.dof < 1:
            continue
        n_refitted += 1
        density, chance, growth = _UNUSABLE * float(rows.sum()), 0.0, np.inf
        prediction = PredictionErrors.of(
            rest.residuals[rows], rest.slopes[rows], rest.slopes[rest.rows], rest.sd, rest.dof
        )
        if prediction is not None:
            density, chance, growth = prediction.log_density, prediction.chance, prediction.growth
            if chance < BLOCK_LEVEL:
                places = np.column_stack([block.along, design.X])[rows]
                chance = max(chance, prediction.chance_of_trend(places))
        total[rows] += density / rows.sum() + rest.jacobian[rows]
        count[rows] += 1
        worst = min(worst, (chance, -growth, block.end))
    single = count == 0
    deleted = _deleted(whole, design.split) + whole.jacobian
    total = np.where(single, deleted, total / np.maximum(count, 1))
    log_density = float(np.sum(np.maximum(total, _UNUSABLE)))
    least = min(1.0, worst[0] * n_refitted) if n_refitted else None
    usual = float(np.median(deleted)) - _OVER_MEAN
    return Evidence(log_density, least, -worst[1], worst[2], whole, errors, usual)


def _deleted(whole: Fitted, split: NDArray[np.generic] | None) -> Array:
    """Log density of each run without itself or its group, to first order."""
    residuals, scale = deleted_residuals(whole.residuals, whole.slopes, split)
    dof = max(whole.dof - 1, 1)
    square = (whole.sd**2 * whole.dof - whole.residuals * residuals) / dof
    sd = np.sqrt(np.maximum(square, EXACT**2) * scale)
    return np.asarray(_log_density_of_t((residuals / sd) ** 2, dof) - np.log(sd))


def _pieces(model: Model, constants: Array) -> IntArray | None:
    """Regime of each run in a law with regimes; None for other laws."""
    if not isinstance(model, FormulaModel):
        return None
    piecewise = sorted(model.expression.atoms(sympy.Piecewise), key=str)
    if not piecewise:
        return None
    places = sympy.Piecewise(*((k, c) for k, (_, c) in enumerate(piecewise[0].args)))
    return evaluate(places, model.filled(constants), model.n).astype(np.intp)


def _kept(pieces: IntArray | None, rows: BoolArray) -> BoolArray:
    """Runs of pieces that keep more than half of their runs outside of the block."""
    if pieces is None:
        return np.ones(len(rows), dtype=bool)
    size, lost = np.bincount(pieces), np.bincount(pieces, rows)
    return np.asarray((2 * lost < size)[pieces])
