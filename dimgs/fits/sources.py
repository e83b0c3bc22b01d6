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

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import chdtrc, chdtri

from dimgs.common.arrays import Array
from dimgs.common.errors import FitError
from dimgs.fits.design.effects import Effect
from dimgs.fits.noise import EXACT

# chance at which a spread that is not there is taken for one, over all exponents that are tried
_ALPHA = 0.01
# fewest sources from which a spread of exponents is estimated, and runs in each for a slope
_FEWEST_SOURCES, _FEWEST_RUNS = 5, 3
# bounds of a variance over that of a run: beyond, runs of a source are copies, or sources equal
_LEAST_RATIO, _MOST_RATIO = 1e-9, 1e9
# step in logarithms of variances for derivatives of the likelihood
_STEP = 1e-3
# of directions, and of the share of an input that features hold
_ROUNDING = 1e-9
# spread of an input inside sources, of that over all runs, from which they determine its
# exponent, and most exponents that may differ
_INSIDE, _MOST_SLOPES = 0.2, 3
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

    def places(self, source: str) -> dict[str, list[int]]:
        """Positions of the shifts of each source of one kind."""
        out: dict[str, list[int]] = {}
        at = 0
        for e in self.effects:
            r = e.columns.shape[1]
            for k, name in enumerate(e.names):
                if e.source == source:
                    out.setdefault(name, []).extend(range(at + k * r, at + (k + 1) * r))
            at += r * len(e.names)
        return out


class _Moments:
    """Products of the columns, from which the likelihood of any variances follows."""

    def __init__(
        self, X: Array, y: Array, weights: Array | None, effects: Sequence[Effect]
    ) -> None:
        root = np.ones(len(y)) if weights is None else np.sqrt(weights)
        # columns of one size: a sum of squares is then as exact as the largest of its terms
        self.size = np.sqrt((X**2).sum(axis=0))
        self.size = np.where(self.size > 0, self.size, 1.0)
        self.unit = float(np.abs(y).max(initial=0.0)) or 1.0
        X, y = root[:, None] * X / self.size, root * y / self.unit
        parts = [root[:, None] * e.design for e in effects]
        Z = np.hstack(parts) if parts else np.zeros((len(y), 0))
        self.n, self.k, self.log_weights = len(y), X.shape[1], 2 * float(np.log(root).sum())
        self.counts = [part.shape[1] for part in parts]
        self.XX, self.Xy, self.yy = X.T @ X, X.T @ y, float(y @ y)
        self.ZZ, self.ZX, self.Zy = Z.T @ Z, Z.T @ X, Z.T @ y
        self.floor = EXACT**2 * self.n

    def solve(self, ratios: Array) -> tuple[Array, Array, float, float, float]:
        """Coefficients, (X'V⁻¹X)⁻¹, y'Py, log|V| and log|X'V⁻¹X| at these variances."""
        roots = np.sqrt(np.repeat(ratios, self.counts))
        inner = np.eye(len(roots)) + roots[:, None] * self.ZZ * roots
        factor = np.linalg.cholesky(inner)
        a = np.linalg.solve(factor, roots[:, None] * self.ZX)
        b = np.linalg.solve(factor, roots * self.Zy)
        normal = self.XX - a.T @ a
        values, vectors = np.linalg.eigh(normal)
        determined = values > 1e-13 * max(float(values.max(initial=0.0)), 1e-300)
        inverse = (vectors[:, determined] / values[determined]) @ vectors[:, determined].T
        right = self.Xy - a.T @ b
        solution = inverse @ right
        squares = max(self.yy - float(b @ b) - float(right @ solution), self.floor)
        whole = 2 * float(np.log(np.diag(factor)).sum())
        return solution, inverse, squares, whole, float(np.log(values[determined]).sum())

    def criterion(self, logs: Array) -> float:
        """-2 × restricted log-likelihood at the best variance of a run, constants aside."""
        try:
            _, _, squares, whole, fixed = self.solve(np.exp(logs))
        except np.linalg.LinAlgError:
            return np.inf
        free = self.n - self.k
        return float(free * np.log(squares / free) + whole + fixed)

    def at(self, variances: Array) -> tuple[float, Array]:
        """-2 × restricted log-likelihood and variances of coefficients, at [run, effects]."""
        values = np.exp(variances)
        _, inverse, squares, whole, fixed = self.solve(values[1:] / values[0])
        free = self.n - self.k
        return free * float(variances[0]) + squares / values[0] + whole + fixed, values[0] * inverse

    def best(self) -> Array:
        """Logarithms of the ratios of the effects at which the runs are likeliest."""
        ends = np.log([_LEAST_RATIO, _MOST_RATIO])
        minima = []
        for start in (0.0, -4.0):
            one = minimize(
                self.criterion,
                np.full(len(self.counts), start),
                method="L-BFGS-B",
                bounds=[tuple(ends)] * len(self.counts),
            )
            minima.append((float(one.fun), one.x))
        return np.asarray(min(minima, key=lambda x: x[0])[1])


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
    solution, inverse, squares, *_ = moments.solve(np.exp(logs))
    free = moments.n - moments.k
    variance = squares / free
    scale = np.outer(moments.unit / moments.size, moments.unit / moments.size)
    covariance = variance * inverse * scale
    roots = np.sqrt(np.repeat(np.exp(logs), moments.counts))
    # errors of the shifts, and with those of the coefficients (Henderson)
    core = np.linalg.inv(np.eye(len(roots)) + roots[:, None] * moments.ZZ * roots)
    core = roots[:, None] * core * roots
    shifts = core @ (moments.Zy - moments.ZX @ solution) * moments.unit
    through = core @ moments.ZX
    crossed = -variance * (inverse @ through.T) * (moments.unit**2 / moments.size[:, None])
    shift_errors = variance * (core + through @ inverse @ through.T) * moments.unit**2
    return MixedFit(
        coefficients=solution * moments.unit / moments.size,
        covariance=covariance,
        sd=float(np.sqrt(variance)) * moments.unit,
        effects=tuple(
            replace(e, ratio=float(r)) for e, r in zip(effects, np.exp(logs / 2), strict=True)
        ),
        spreads=np.sqrt(variance * np.exp(logs)) * moments.unit,
        shifts=shifts,
        errors=shift_errors,
        crossed=crossed,
        log_likelihood=-0.5 * moments.criterion(logs),
        freedom=_freedom(moments, variance, logs, functionals * moments.unit / moments.size),
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
                f"sources needs at least three; give each its prefactor instead, or leave it out."
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
    fit = fit_mixed(columns, y, weights, effects)
    level = float(chdtri(1, 2 * _ALPHA / max(1, len(slopes) * len(sources))))
    tried = [(*one, slope) for one in sources for slope in slopes if _tells(X, slope, one[1])]
    while tried and len(fit.effects) < len(sources) + _MOST_SLOPES:
        fits = []
        for source, labels, slope in tried:
            direction = slope.direction[:, None]
            away = (X - middle) @ direction
            terms = np.vstack([-middle @ direction, direction])
            extra = Effect(slope.name, source, labels, away, terms)
            fits.append(fit_mixed(columns, y, weights, [*fit.effects, extra]))
        best = max(range(len(fits)), key=lambda k: fits[k].log_likelihood)
        gain = 2 * (fits[best].log_likelihood - fit.log_likelihood)
        if not gain > level:
            break
        del tried[best]
        # beyond, inputs that hardly vary inside of sources stand for what sets these apart
        if fits[best].spreads[-1] <= _MOST_SPREAD:
            fit = fits[best]
    if functionals is not None:
        fit = fit_mixed(columns, y, weights, fit.effects, functionals)
    return with_chances(fit, columns, y, weights)


def with_chances(fit: MixedFit, X: Array, y: Array, weights: Array | None) -> MixedFit:
    """The fit with the chance of so large a spread of each effect if there were none.

    Parameters
    ----------
    fit : MixedFit
    X, y, weights
        As of :func:`fit_mixed`.
    """
    out = []
    for k in range(len(fit.effects)):
        rest = [e for j, e in enumerate(fit.effects) if j != k]
        without = fit_mixed(X, y, weights, rest).log_likelihood
        gain = max(2 * (fit.log_likelihood - without), 0.0)
        out.append(0.5 * float(chdtrc(1, gain)) if gain > 0 else 1.0)
    return replace(fit, p_values=tuple(out))


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


def _tells(X: Array, slope: "Slope", labels: NDArray[np.str_]) -> bool:
    """Whether enough sources have enough runs, in which an input varies enough."""
    column = X @ slope.direction
    spreads = [column[labels == one] for one in np.unique(labels)]
    least = _INSIDE * float(column.std())
    telling = [len(x) >= _FEWEST_RUNS and float(x.std()) > least for x in spreads]
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
