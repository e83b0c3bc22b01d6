"""Random effects of the sources of runs: prefactors and exponents, partially pooled by REML.

Runs of one laboratory, machine, material or species share unmeasured effects. The model is
y = X b + Z g + e with common coefficients b, random effects g of the sources on the prefactor and,
where a test supports it, on exponents, and noise e. The standard deviations of g are estimated by
restricted maximum likelihood (REML). A source with few runs is shrunk towards the common law. The
prediction for a new source has the standard deviation of g in its interval.

References
----------
H. D. Patterson, R. Thompson, Biometrika 58 (1971) 545-554 (REML). C. R. Henderson, Biometrics 31
(1975) 423-447 (best linear unbiased predictions, and their errors). A. Giesbrecht, J. Burns,
Biometrics 41 (1985) 477-486 (degrees of freedom by Satterthwaite). S. G. Self, K.-Y. Liang, J. Am.
Stat. Assoc. 82 (1987) 605-610 (a variance tested at zero).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.optimize import minimize
from scipy.special import chdtrc, chdtri

from dimgs.common.advice import setting
from dimgs.common.arrays import Array, lengths
from dimgs.common.errors import FitError
from dimgs.fits.design import Effect
from dimgs.fits.least_squares import minimise_squares
from dimgs.fits.noise import EXACT, rms

# chance at which a spread that is not there is taken for one, over all exponents that are tried
_ALPHA = 0.01
# fewest sources from which a spread of exponents is estimated, and runs in each for a slope
_FEWEST_SOURCES, _FEWEST_RUNS = 5, 3
# bounds of a variance over that of a run: beyond, runs of a source are copies, or sources equal
_LEAST_RATIO, _MOST_RATIO = 1e-9, 1e9
# variances at which the search for the likeliest begins, and the least share of a run's standard
# deviation for it
_STARTS, _LEAST_START = (1.0, np.exp(-4.0)), 0.1
# step in logarithms of variances for derivatives of the likelihood
_STEP = 1e-3
# of directions, and of the share of an input that features hold
_ROUNDING = 1e-9
# spread of an input inside sources, of that over all runs, from which they determine its
# exponent, and most exponents that may differ
_INSIDE, _MOST_SLOPES = 0.2, 3
# size of a slope beside what is linear in the features, of its size, that is rounding
_LINEAR = 1e-6
# rounds, and steps in each, in which constants of sources settle, and the change of a run, of its
# error, that no longer counts: what settles does so in about five rounds
_ROUNDS, _STEPS, _SETTLED = 10, 30, 1e-2
# spread of prefactors or exponents, of a run's error, that no run shows beside that of a constant
_NOTHING = 0.01
# standard deviation of an exponent over sources: laws whose exponents scatter more have no shape
# in common
_MOST_SPREAD = 1.0


@dataclass(frozen=True, eq=False)
class MixedFit:
    """A law with sources, fitted by restricted maximum likelihood.

    Attributes
    ----------
    coefficients : ndarray of shape (n_columns,)
    covariance : ndarray of shape (n_columns, n_columns)
    sd : float
        Standard deviation of a run about the law of its source.
    effects : tuple of Effect
    spreads : ndarray of shape (n_effects,)
        Standard deviation of each effect.
    shifts : ndarray of shape (n_shifts,)
        Best predictions of all effects, source by source, terms fastest.
    errors, crossed : ndarray
        Covariance of their errors, (n_shifts, n_shifts), and with those of the coefficients,
        (n_columns, n_shifts).
    log_likelihood : float
        Restricted.
    freedom : ndarray of shape (n_functionals,)
        Degrees of freedom of the functionals of the coefficients.
    p_values : tuple of float
        Of each effect: chance of so large a spread if there were none.
    """

    coefficients: Array
    covariance: Array
    sd: float
    effects: tuple[Effect, ...]
    spreads: Array
    shifts: Array
    errors: Array
    crossed: Array
    log_likelihood: float
    freedom: Array
    p_values: tuple[float, ...] = ()

    @property
    def shift(self) -> Array:
        """Effect of the sources of each run on the law, shape (n_runs,)."""
        return np.asarray(np.hstack([e.design for e in self.effects]) @ self.shifts)

    def by_effect(self, of_shifts: NDArray[Any]) -> list[NDArray[Any]]:
        """What is known of every shift, for each effect, shape (n_sources, n_terms)."""
        shapes = [(len(e.names), e.columns.shape[1]) for e in self.effects]
        parts = np.split(of_shifts, np.cumsum([rows * terms for rows, terms in shapes])[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]

    def places(self, source: str) -> dict[str, list[int]]:
        """Positions of the shifts of each source of one kind."""
        out: dict[str, list[int]] = {}
        everywhere = self.by_effect(np.arange(len(self.shifts)))
        for e, places in zip(self.effects, everywhere, strict=True):
            for name, row in zip(e.names, places.tolist(), strict=True):
                if e.source == source:
                    out.setdefault(name, []).extend(row)
        return out


class _Moments:
    """Products of the columns, from which the likelihood of any variances follows."""

    def __init__(
        self, X: Array, y: Array, weights: Array | None, effects: Sequence[Effect]
    ) -> None:
        root = np.ones(len(y)) if weights is None else np.sqrt(weights)
        # columns of one size: a sum of squares is then as exact as the largest of its terms
        self.size = lengths(X)
        self.unit = float(np.abs(y).max(initial=0.0)) or 1.0
        X, y = root[:, None] * X / self.size, root * y / self.unit
        # and slopes by constants, whose sizes those of the constants are, of size one
        self.units = np.array([rms(e.columns) or 1.0 if e.of_constant else 1.0 for e in effects])
        parts = [root[:, None] * e.design / u for e, u in zip(effects, self.units, strict=True)]
        Z = np.hstack(parts) if parts else np.zeros((len(y), 0))
        self.n, self.k = X.shape
        self.counts = [part.shape[1] for part in parts]
        self.XX, self.Xy, self.yy = X.T @ X, X.T @ y, float(y @ y)
        self.ZZ, self.ZX, self.Zy = Z.T @ Z, Z.T @ X, Z.T @ y
        self.floor = EXACT**2 * self.n
        ratios = np.array([e.ratio for e in effects]) * self.units
        logs = 2 * np.log(np.maximum(ratios, _LEAST_START))
        fresh = np.array([e.ratio == 1.0 for e in effects], dtype=bool)
        # linear at the constants of sources, a form is known near these alone
        is_near = any(e.of_constant for e in effects)
        starts = [np.where(fresh | (not is_near), x, logs) for x in np.log(_STARTS)]
        self.starts = starts[:1] if is_near and not fresh.any() else starts

    def solve(self, ratios: Array, *columns: Array) -> tuple[Array, Array, float, float, Array]:
        """The generalised least squares at these variances.

        Returns
        -------
        tuple
            Coefficients, (X'V⁻¹X)⁻¹, y'Py, log|V| + log|X'V⁻¹X|, and L⁻¹ R Z' of [X, y, columns],
            where L L' = I + R Z'Z R.
        """
        roots = np.sqrt(np.repeat(ratios, self.counts))
        factor = np.linalg.cholesky(np.eye(len(roots)) + roots[:, None] * self.ZZ * roots)
        right = roots[:, None] * np.column_stack([self.ZX, self.Zy, *columns])
        reduced = np.asarray(solve_triangular(factor, right, lower=True))
        a, b = reduced[:, : self.k], reduced[:, self.k]
        values, vectors = np.linalg.eigh(self.XX - a.T @ a)
        determined = values > 1e-13 * max(float(values.max(initial=0.0)), 1e-300)
        inverse = (vectors[:, determined] / values[determined]) @ vectors[:, determined].T
        of_y = self.Xy - a.T @ b
        solution = inverse @ of_y
        squares = max(self.yy - float(b @ b) - float(of_y @ solution), self.floor)
        logs = 2 * np.log(np.diag(factor)).sum() + np.log(values[determined]).sum()
        return solution, inverse, squares, float(logs), reduced

    def criterion(self, logs: Array) -> tuple[float, Array]:
        """-2 × restricted log-likelihood at the best variance of a run, and its slopes."""
        solution, inverse, squares, determinants, reduced = self.solve(np.exp(logs), self.ZZ)
        free = self.n - self.k
        value = float(free * np.log(squares / free)) + determinants
        # traces of P Z Z' and squares of Z' P y, effect by effect
        a, b, z = reduced[:, : self.k], reduced[:, self.k], reduced[:, self.k + 1 :]
        of_X, of_y = self.ZX - z.T @ a, self.Zy - z.T @ b
        by_run = np.diag(self.ZZ) - np.sum(z**2, axis=0) - np.sum((of_X @ inverse) * of_X, axis=1)
        by_run -= free * (of_y - of_X @ solution) ** 2 / squares
        sums = np.cumsum([0.0, *by_run])[np.cumsum([0, *self.counts])]
        return value, np.exp(logs) * np.diff(sums)

    def at(self, variances: Array) -> tuple[float, Array]:
        """-2 × restricted log-likelihood and variances of coefficients, at [run, effects]."""
        values = np.exp(variances)
        _, inverse, squares, determinants, _ = self.solve(values[1:] / values[0])
        value = (self.n - self.k) * float(variances[0]) + squares / values[0] + determinants
        return value, values[0] * inverse

    def best(self) -> Array:
        """Logarithms of the ratios of the effects at which the runs are likeliest."""
        bounds = [(float(np.log(_LEAST_RATIO)), float(np.log(_MOST_RATIO)))] * len(self.counts)
        minima = [
            minimize(self.criterion, start, jac=True, method="L-BFGS-B", bounds=bounds)
            for start in self.starts
        ]
        return np.asarray(min(minima, key=lambda one: float(one.fun)).x)


def fit_mixed(
    X: Array,
    y: Array,
    weights: Array | None,
    effects: Sequence[Effect],
    functionals: Array | None = None,
) -> MixedFit:
    """Fit columns with effects of sources by restricted maximum likelihood.

    Parameters
    ----------
    X : ndarray of shape (n_runs, n_columns)
    y : ndarray of shape (n_runs,)
    weights : ndarray of shape (n_runs,), optional
    effects : sequence of Effect
    functionals : ndarray of shape (n_functionals, n_columns), optional
        Whose degrees of freedom are asked for; by default none.

    Raises
    ------
    FitError
        If there are no more runs than columns.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> lab = np.repeat(np.array(list("abcdefgh")), 10)
    >>> x = rng.normal(size=80)
    >>> y = 2 * x + np.repeat(rng.normal(0, 0.5, 8), 10) + rng.normal(0, 0.1, 80)
    >>> one = np.ones((80, 1))
    >>> found = fit_mixed(np.column_stack([one, x]), y, None,
    ...     [Effect("prefactor", "lab", lab, one, np.array([[1.0], [0.0]]))])
    >>> bool(abs(found.coefficients[1] - 2) < 0.05), bool(0.2 < found.spreads[0] < 1.0)
    (True, True)
    """
    if len(y) <= X.shape[1]:
        raise FitError(f"{X.shape[1]} coefficients need more than {len(y)} runs; add runs.")
    moments = _Moments(X, y, weights, effects)
    functionals = np.zeros((0, X.shape[1])) if functionals is None else functionals
    logs = moments.best() if effects else np.zeros(0)
    solution, inverse, squares, determinants, _ = moments.solve(np.exp(logs))
    free = moments.n - moments.k
    variance = squares / free
    roots = np.sqrt(np.repeat(np.exp(logs), moments.counts))
    # errors of the shifts, and with those of the coefficients (Henderson)
    core = np.linalg.inv(np.eye(len(roots)) + roots[:, None] * moments.ZZ * roots)
    core = roots[:, None] * core * roots
    through = core @ moments.ZX
    # what one unit of a scaled coefficient, and of a scaled shift, is worth
    of_one = moments.unit / moments.size
    of_shift = moments.unit / np.repeat(moments.units, moments.counts)
    ratios = np.exp(logs / 2) / moments.units
    return MixedFit(
        coefficients=solution * of_one,
        covariance=variance * inverse * np.outer(of_one, of_one),
        sd=float(np.sqrt(variance)) * moments.unit,
        effects=tuple(replace(e, ratio=float(r)) for e, r in zip(effects, ratios, strict=True)),
        spreads=np.sqrt(variance) * ratios * moments.unit,
        shifts=core @ (moments.Zy - moments.ZX @ solution) * of_shift,
        errors=variance * (core + through @ inverse @ through.T) * np.outer(of_shift, of_shift),
        crossed=-variance * (inverse @ through.T) * np.outer(of_one, of_shift),
        log_likelihood=-0.5 * (free * float(np.log(squares / free)) + determinants)
        - free * np.log(moments.unit)
        - float(np.log(moments.size).sum()),
        freedom=_freedom(moments, variance, logs, functionals * of_one),
    )


def _freedom(moments: _Moments, variance: float, logs: Array, functionals: Array) -> Array:
    """Degrees of freedom of each functional: Satterthwaite's, from the errors of the variances."""
    free = float(moments.n - moments.k)
    if not len(functionals):
        return np.zeros(0)
    # a variance at its bound is not estimated
    inside = np.flatnonzero(logs > np.log(_LEAST_RATIO) + 1.0)
    centre = np.concatenate([[np.log(variance)], logs + np.log(variance)])
    moved = np.concatenate([[0], inside + 1])
    m = len(moved)

    def at(*steps: tuple[int, float]) -> tuple[float, Array]:
        point = centre.copy()
        for k, step in steps:
            point[moved[k]] += step
        value, covariance = moments.at(point)
        return value, np.einsum("ij,jk,ik->i", functionals, covariance, functionals)

    middle, usual = at()
    hessian, slopes = np.zeros((m, m)), np.zeros((m, len(usual)))
    h = 30 * _STEP
    for i in range(m):
        up, down = at((i, h)), at((i, -h))
        slopes[i] = (up[1] - down[1]) / (2 * h)
        hessian[i, i] = (up[0] - 2 * middle + down[0]) / h**2
        for j in range(i):
            four = [at((i, a * h), (j, b * h))[0] for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
            hessian[i, j] = hessian[j, i] = (four[0] - four[1] - four[2] + four[3]) / (4 * h**2)
    values, vectors = np.linalg.eigh(hessian / 2)
    values = np.where(values > 1e-8 * max(float(values.max()), 1e-300), values, np.inf)
    errors = (vectors / values) @ vectors.T
    spread = np.einsum("ik,ij,jk->k", slopes, errors, slopes)
    with np.errstate(divide="ignore", invalid="ignore"):
        dof = np.where(spread > 0, 2 * usual**2 / spread, free)
    return np.asarray(np.clip(dof, 1.0, free))


@dataclass(frozen=True, eq=False)
class Slope:
    """An exponent that may differ between sources.

    Attributes
    ----------
    name : str
        The input, or those whose exponents change together.
    direction : ndarray of shape (n_features,)
        Change of the coefficients of the features.
    """

    name: str
    direction: Array


def check_sources(sources: Sequence[tuple[str, NDArray[np.str_]]]) -> None:
    """Refuse kinds of sources between which no spread can be estimated.

    Parameters
    ----------
    sources : sequence of (str, ndarray of str of shape (n_runs,))
        Column and labels of each kind of source.

    Raises
    ------
    FitError
        If a kind has fewer than three labels.
    """
    for source, labels in sources:
        count = len(np.unique(labels))
        if count < 3:
            raise FitError(
                f"'{source}' names {count} source{'s' if count != 1 else ''}: the spread between "
                f"sources needs at least three; give each its prefactor instead "
                f"({setting('within', source)}), or leave it out."
            )


def fit_sources(
    X: Array,
    y: Array,
    weights: Array | None,
    sources: Sequence[tuple[str, NDArray[np.str_]]],
    slopes: Sequence[Slope] = (),
    functionals: Array | None = None,
) -> MixedFit:
    """Fit features with random effects of sources, as far as tests support them.

    Every kind of source has its own prefactor, drawn to the common one as the runs have it. The
    exponent of an input differs too where the restricted likelihood ratio says so surely.

    Parameters
    ----------
    X : ndarray of shape (n_runs, n_features)
    y : ndarray of shape (n_runs,)
    weights : ndarray of shape (n_runs,), optional
    sources : sequence of (str, ndarray of str of shape (n_runs,))
        Column and labels of each kind of source.
    slopes : sequence of Slope
        What else may differ.
    functionals : ndarray of shape (n_functionals, n_features + 1), optional
        Of [intercept, coefficients], whose degrees of freedom are asked for.

    Raises
    ------
    FitError
        If there are too few runs.
    """
    n, p = X.shape
    middle = X.mean(axis=0) if p else np.zeros(0)
    columns = np.column_stack([np.ones(n), X])
    one = np.ones((n, 1))
    of_one = np.zeros((p + 1, 1))
    of_one[0] = 1.0
    # where runs are left out, those of a kind may be of one source, which has no spread
    sources = [(source, labels) for source, labels in sources if len(np.unique(labels)) > 1]
    effects = [Effect("prefactor", source, labels, one, of_one) for source, labels in sources]
    tried = []
    for (source, labels), slope in product(sources, slopes):
        direction = slope.direction[:, None]
        terms = np.vstack([-middle @ direction, direction])
        tried.append(Effect(slope.name, source, labels, (X - middle) @ direction, terms))
    fit = fit_mixed(columns, y, weights, effects)
    most = len(sources) + _MOST_SLOPES
    fit = _with_effects(fit, columns, y, weights, tried, _level(len(tried)), most)
    if functionals is not None:
        fit = fit_mixed(columns, y, weights, fit.effects, functionals)
    return with_chances(fit, columns, y, weights)


def _level(tried: int) -> float:
    """Twice the gain of likelihood from which one of so many effects is surely there."""
    return float(chdtri(1, 2 * _ALPHA / max(1, tried)))


def _with_effects(
    fit: MixedFit,
    X: Array,
    y: Array,
    weights: Array | None,
    tried: Sequence[Effect],
    level: float,
    most: int,
) -> MixedFit:
    """The fit with those further effects that the runs surely show, the likeliest first."""
    # a response that is no logarithm has no prefactor, and any size
    is_log = any(e.name == "prefactor" and not e.of_constant for e in fit.effects)
    most_spread = _MOST_SPREAD if is_log else np.inf
    tried = [e for e in tried if _tells(e.columns[:, 0], e.labels, np.std if is_log else rms)]
    while tried and len(fit.effects) < most:
        fits = [fit_mixed(X, y, weights, [*fit.effects, extra]) for extra in tried]
        best = max(range(len(fits)), key=lambda k: fits[k].log_likelihood)
        gain = 2 * (fits[best].log_likelihood - fit.log_likelihood)
        if not gain > level:
            break
        # beyond, inputs that hardly vary inside of sources stand for what sets these apart
        spread = float(fits[best].spreads[-1])
        if tried[best].of_constant:
            spread *= rms(tried[best].columns)
        if spread <= most_spread:
            fit = fits[best]
        del tried[best]
    return fit


class Shape(Protocol):
    """A closed form whose constants may differ between runs."""

    def __call__(self, constants: Array) -> tuple[Array, Array]:
        """Response and its slopes by the constants, (n_runs,) and (n_runs, n_constants).

        From constants of each run, of shape (n_runs, n_constants).
        """


@dataclass(frozen=True, eq=False)
class FormFit:
    """A closed form with what differs between its sources, linear near constants of each run.

    Attributes
    ----------
    names : sequence of str
        Its constants.
    places : ndarray of shape (n_runs, n_constants)
        Constants of each run at which it is linear.
    values, slopes : ndarray of shape (n_runs,) and (n_runs, n_constants)
        Its response there.
    response : ndarray of shape (n_runs,)
        What the slopes times the constants are fitted to.
    mixed : MixedFit
        Its coefficients are the common constants.
    chances : mapping of (str, str) to float
        Of each constant and kind of source: chance of so large a spread if there were none.
    """

    names: Sequence[str]
    places: Array
    values: Array
    slopes: Array
    response: Array
    mixed: MixedFit
    chances: Mapping[tuple[str, str], float] = field(default_factory=dict)

    @property
    def has_constants(self) -> bool:
        """Whether a constant differs, beside prefactors and exponents."""
        return any(e.of_constant for e in self.mixed.effects)

    @property
    def constants(self) -> Array:
        """Constants of the source of each run, shape (n_runs, n_constants)."""
        out = np.tile(self.mixed.coefficients, (len(self.values), 1))
        each = self.mixed.by_effect(self.mixed.shifts)
        for e, shifts in zip(self.mixed.effects, each, strict=True):
            if e.of_constant:
                out[:, self.names.index(e.name)] += shifts[np.searchsorted(e.names, e.labels), 0]
        return out

    def moved(self, effects: Sequence[Effect]) -> list[Effect]:
        """Effects with the slopes at these constants."""
        return [
            replace(e, columns=self.slopes[:, [self.names.index(e.name)]]) if e.of_constant else e
            for e in effects
        ]

    @property
    def effects(self) -> list[Effect]:
        """Those of the fit, with the slopes at these constants."""
        return self.moved(self.mixed.effects)


def fit_form(
    shape: Shape,
    names: Sequence[str],
    start: Array,
    X: Array | None,
    y: Array,
    weights: Array | None,
    effects: Sequence[Effect],
) -> FormFit:
    """Fit a closed form with what differs between sources, as far as tests support it.

    Beside the given effects, any constant may differ whose slope is not linear in the features: the
    others are prefactors and exponents. The form is linearised at the constants of each source
    until these settle (first-order conditional estimates).

    Parameters
    ----------
    shape : Shape
    names : sequence of str
        Its constants.
    start : ndarray of shape (n_constants,)
        Constants of least squares.
    X : ndarray of shape (n_runs, n_features) or None
        None where the response is no logarithm: then constants alone differ.
    y : ndarray of shape (n_runs,)
    weights : ndarray of shape (n_runs,), optional
    effects : sequence of Effect
        On the prefactor and on exponents.

    References
    ----------
    M. J. Lindstrom, D. M. Bates, Biometrics 46 (1990) 673-687.

    Raises
    ------
    FitError
        If a run has no finite value or slope.
    """
    n, k = len(y), len(names)
    given = [
        replace(e, terms=np.pad(e.terms, ((0, k), (0, 0)))) for e in effects if not e.of_constant
    ]
    kinds = [e for e in given if e.name == "prefactor"]
    best = _linearised(shape, names, y, weights, start + np.zeros((n, k)), given)
    span = np.zeros((n, 1)) if X is None else np.column_stack([np.ones(n), X])
    rest = best.slopes - span @ np.linalg.lstsq(span, best.slopes, rcond=None)[0]
    size = np.linalg.norm(best.slopes, axis=0)
    free = np.flatnonzero(np.linalg.norm(rest, axis=0) > _LINEAR * size).tolist()
    of_constants = [
        Effect(
            names[j],
            e.source,
            e.labels,
            best.slopes[:, [j]],
            np.eye(len(e.terms))[:, [j - k]],
            of_constant=True,
        )
        for e in kinds
        for j in free
    ]
    prefactors = [] if X is None else kinds
    exponents = [] if X is None else [e for e in given if e.name != "prefactor"]
    tried = [*exponents, *of_constants]
    level = _level(len(tried))
    form = _linearised(shape, names, y, weights, best.places, prefactors)
    while of_constants and len(form.mixed.effects) < len(prefactors) + _MOST_SLOPES:
        fit = form.mixed
        tried = form.moved(tried)
        grown = _with_effects(
            fit, form.slopes, form.response, weights, tried, level, len(fit.effects) + 1
        )
        if len(grown.effects) == len(fit.effects):
            break
        extra = grown.effects[-1]
        tried = [e for e in tried if (e.name, e.source) != (extra.name, extra.source)]
        end = _settled(shape, replace(form, mixed=grown), start, y, weights)
        # what is likely to first order about equal constants may not be about those of the sources
        gain = -np.inf if end is None else end.mixed.log_likelihood - fit.log_likelihood
        if end is not None and 2 * gain > level:
            chance = {(extra.name, extra.source): _chance(gain)} if extra.of_constant else {}
            form = replace(end, chances={**form.chances, **chance})
    differing, order = [k[1] for k in form.chances], [e.source for e in kinds]
    kept = [
        e for e in form.effects if e.of_constant or e.ratio > _NOTHING or e.source not in differing
    ]
    if differing:
        kept.sort(key=lambda e: order.index(e.source))
        chances = form.chances
        form = _linearised(shape, names, y, weights, form.places, kept)
        form = replace(form, chances=chances)
    gain = form.mixed.log_likelihood - best.mixed.log_likelihood
    further = len(form.mixed.effects) - len(best.mixed.effects)
    return form if form.has_constants and (X is None or gain > further) else best


def _linearised(
    shape: Shape,
    names: Sequence[str],
    y: Array,
    weights: Array | None,
    places: Array,
    effects: Sequence[Effect],
) -> FormFit:
    """Fit of a form that is linear at constants of each run."""
    values, slopes = shape(places)
    response = y - values + np.sum(slopes * places, axis=1)
    if not (np.all(np.isfinite(response)) and np.all(np.isfinite(slopes))):
        raise FitError("The form has no finite value or slope at the constants of a source.")
    return FormFit(
        names, places, values, slopes, response, fit_mixed(slopes, response, weights, effects)
    )


def _settled(
    shape: Shape, form: FormFit, start: Array, y: Array, weights: Array | None
) -> FormFit | None:
    """The fit linearised at the constants that it gives; None where they do not settle."""
    shifts = np.zeros(len(form.mixed.shifts))
    for _ in range(_ROUNDS):
        start, shifts = _conditional(shape, form, start, shifts, y, weights)
        at = replace(form.mixed, coefficients=start, shifts=shifts)
        places, before = replace(form, mixed=at).constants, form
        if not all(np.all(np.isfinite(x)) for x in shape(places)):
            return None
        form = _linearised(shape, form.names, y, weights, places, form.effects)
        if np.abs(form.values - before.values).max() <= _SETTLED * form.mixed.sd:
            return form
    return None


def _conditional(
    shape: Shape, form: FormFit, start: Array, shifts: Array, y: Array, weights: Array | None
) -> tuple[Array, Array]:
    """Likeliest common constants and shifts at the variances of a fit, from others."""
    fit, k = form.mixed, len(start)
    root = np.ones(len(y)) if weights is None else np.sqrt(weights)
    size = np.repeat(fit.spreads, [e.design.shape[1] for e in fit.effects])

    def model(theta: Array) -> tuple[Array, Array]:
        at = replace(fit, coefficients=theta[:k], shifts=size * theta[k:])
        values, slopes = shape(replace(form, mixed=at).constants)
        here = replace(form, slopes=slopes).effects
        beside = [np.zeros_like(e.design) if e.of_constant else e.design for e in here]
        residuals = root * (y - values - np.hstack(beside) @ at.shifts) / fit.sd
        inside = np.hstack([slopes, np.hstack([e.design for e in here]) * size])
        prior = np.eye(len(theta))[k:]
        columns = np.vstack([root[:, None] * inside / fit.sd, prior])
        return np.concatenate([residuals, -theta[k:]]), columns

    first = np.concatenate([start, shifts / size])
    theta = minimise_squares(model, first, steps=_STEPS, enough=_SETTLED**2).parameters
    return theta[:k], size * theta[k:]


def with_chances(
    fit: MixedFit,
    X: Array,
    y: Array,
    weights: Array | None,
    known: Mapping[tuple[str, str], float] = MappingProxyType({}),
) -> MixedFit:
    """The fit with the chance of so large a spread of each effect if there were none.

    Parameters
    ----------
    fit : MixedFit
    X, y, weights
        As of :func:`fit_mixed`.
    known : mapping of (str, str) to float
        Chances of constants, which the linear model near those of the sources does not give.
    """
    out = []
    for k, effect in enumerate(fit.effects):
        if effect.of_constant:
            out.append(known[effect.name, effect.source])
            continue
        rest = [e for j, e in enumerate(fit.effects) if j != k]
        without = fit_mixed(X, y, weights, rest).log_likelihood
        out.append(_chance(fit.log_likelihood - without))
    return replace(fit, p_values=tuple(out))


def _chance(gain: float) -> float:
    """Chance of so large a gain of log-likelihood by a variance that is zero."""
    return 0.5 * float(chdtrc(1, 2 * gain)) if gain > 0 else 1.0


def with_slopes(
    fit: MixedFit, X: Array, y: Array, weights: Array | None, slopes: Array
) -> MixedFit:
    """The fit with other slopes, its intercept and what differs between sources fitted again.

    Parameters
    ----------
    fit : MixedFit
    X, y, weights
        As of :func:`fit_sources`.
    slopes : ndarray of shape (n_features,)
    """
    one = np.ones((len(y), 1))
    again = fit_mixed(one, y - X @ slopes, weights, fit.effects, one[:1])
    k = 1 + len(slopes)
    crossed = np.zeros((k, len(again.shifts)))
    crossed[0] = again.crossed[0]
    return replace(
        again,
        coefficients=np.concatenate([again.coefficients, slopes]),
        crossed=crossed,
        p_values=fit.p_values,
    )


def _tells(
    column: Array, labels: NDArray[np.str_], size: Callable[[Array], float | np.floating]
) -> bool:
    """Whether enough sources have enough runs, in which a column varies enough by its size."""
    spreads = [column[labels == one] for one in np.unique(labels)]
    least = _INSIDE * float(size(column))
    telling = [len(x) >= _FEWEST_RUNS and float(size(x)) > least for x in spreads]
    return sum(telling) >= _FEWEST_SOURCES


def slopes_of(names: Sequence[str], powers: Array) -> list[Slope]:
    """Exponents of inputs that may differ between sources, in any basis of the features.

    Of all changes of the coefficients that move the exponent of an input by one, the least one:
    in the sum of the squares of what it does to the exponents of all inputs.

    Parameters
    ----------
    names : sequence of str
        Inputs.
    powers : ndarray of shape (n_features, n_inputs)
        Exponents of the inputs in the features.

    Examples
    --------
    >>> [s.name for s in slopes_of(["D", "U"], np.array([[1.0, 1.0]]))]
    ['D, U']
    """
    least = np.linalg.pinv(powers @ powers.T, hermitian=True) @ powers
    size = np.einsum("ji,ji->i", powers, least)
    out: list[Slope] = []
    for k, name in enumerate(names):
        if size[k] <= _ROUNDING:
            continue
        direction = least[:, k] / size[k]
        same = next((j for j, s in enumerate(out) if _parallel(direction, s.direction)), None)
        if same is None:
            out.append(Slope(name, direction))
        else:
            out[same] = replace(out[same], name=f"{out[same].name}, {name}")
    return out


def _parallel(a: Array, b: Array) -> bool:
    return bool(abs(a @ b) > (1 - _ROUNDING) * np.linalg.norm(a) * np.linalg.norm(b))
