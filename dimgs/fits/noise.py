"""Noise models of a response, and the likelihood of residuals under each.

The standard deviation is proportional to the target (relative), constant in the response group or
in the target, or mixed: relative for large responses and constant for small ones. The judgement of
laws sums over these kinds, each with its prior. A power law alone has the kind with the highest
likelihood of its residuals, if its odds against the relative one are large.

References
----------
R. J. Carroll, D. Ruppert, Transformation and Weighting in Regression (1988), chapters 2-3
(variance as a function of the mean, by profile likelihood).
D. M. Rocke, B. Durbin, Bioinformatics 19 (2003) 966-972 (generalised logarithm of mixed errors).
R. C. Paule, J. Mandel, J. Res. Natl. Bur. Stand. 87 (1982) 377-385 (scatter beside stated errors).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import gammaln, ndtr, ndtri, stdtr, stdtrit

from dimgs.common.arrays import Array, IntArray, least_squares, mixed_bits, times_exp
from dimgs.common.errors import InputError
from dimgs.fits.design import (
    Design,
    EffectWhitening,
    InputErrors,
    TargetErrors,
    stated_errors,
    weights_of,
)
from dimgs.fits.least_squares import minimise_squares

Kind = TypeVar("Kind")
Measured = Literal["group", "target"]
# of the rms of the response: below it errors do not shrink any further, where they are mixed, where
# they are relative throughout, and (above all responses) where they are of one size
FLOOR, RELATIVE_FLOOR, ADDITIVE_FLOOR = 0.1, 1e-3, 3.0
# least relative error: above rounding, so that of laws that explain the runs to it the shorter
# wins; higher, and a true small term is dropped
EXACT = 1e-10
# spread of the logarithm of pi_0 over the target that is rounding
_ALIKE = 1e-9
# natural logarithm of the odds against another kind of errors than the usual one, and against heavy
# tails, before the runs are seen: near to 50 to 1. With 1 to 4 the log score of development laws is
# nearly the same; with 3, errors of one size excuse a bent law of seven runs
UNUSUAL = 4.0


def rms(values: Array) -> float:
    """Root mean square in units of the largest: squares may not be representable.

    Parameters
    ----------
    values : ndarray
    """
    top = float(np.abs(values).max())
    return top * float(np.sqrt(np.mean((values / top) ** 2))) if 0 < top < np.inf else top


def likeliest(likelihoods: Mapping[Kind, float], usual: Kind) -> Kind:
    """The kind of errors of the greatest log-likelihood; the usual one unless that is surely less.

    Examples
    --------
    >>> likeliest({"relative": -7.0, "group": -4.0}, "relative")
    'relative'
    >>> likeliest({"relative": -9.0, "group": -4.0}, "relative")
    'group'
    """
    best = max(likelihoods, key=lambda kind: likelihoods[kind])
    return best if likelihoods[best] > likelihoods.get(usual, -np.inf) + UNUSUAL else usual


def profile_log_likelihood(residuals: Array, size: Array) -> float:
    """Log-likelihood of normal residuals whose sizes are known up to a factor, at its best value.

    Parameters
    ----------
    residuals, size : ndarray of shape (n_runs,)

    Returns
    -------
    float
        Up to a constant that is the same for all residuals and sizes.
    """
    return -float(np.log(rms(residuals / size) + EXACT) * len(size) + np.log(size).sum())


def data_bits(
    predicted: Array, observed: Array, weights: Array, unit: Array | None = None
) -> float:
    """Negative log2 likelihood of the runs, up to a constant that is the same for every law.

    Relative errors and those of one size, of the response group and of the target, are tried; the
    likeliest kind counts.

    Parameters
    ----------
    predicted, observed, weights : ndarray of shape (n_runs,)
    unit : ndarray of shape (n_runs,), optional
        Response for one unit of the target; see `Problem`.
    """
    whole = rms(observed) or 1.0
    # of a response that is zero no error is relative: below the least other one it is of one size
    least = float(np.abs(observed[observed != 0]).min(initial=whole)) * bool(np.any(observed == 0))
    sizes = [np.ones(len(observed)), np.maximum(np.abs(predicted), least) / whole]
    if unit is not None:
        sizes.append(unit * ((rms(observed / unit) or 1.0) / whole))
    with np.errstate(all="ignore"):
        residuals = np.sqrt(weights) * ((observed - predicted) / whole)
        bits = [-profile_log_likelihood(residuals, size) / np.log(2) for size in sizes]
    # where a prediction is zero its own size is not a scale, and the bits are not finite
    return min((float(b) for b in bits if np.isfinite(b)), default=np.inf)


@dataclass(frozen=True, slots=True)
class ErrorModel:
    """Error model of the response during a search.

    Parameters
    ----------
    floor : float
        Errors of responses below this share of their rms are as large as at it: small where errors
        are relative, large where they are the same for all responses.
    of : {"group", "target"}
        Which of the two is floored: pi_0, or the target in its unit.
    noise : float
        Their standard deviation where they are of one size, 0 if unknown.
    """

    floor: float = FLOOR
    of: Measured = "group"
    noise: float = 0.0

    def size(self, level: Array, response: Array, unit: Array) -> Array:
        """Size of the errors of responses of a level, shape (n_runs,): its modulus, floored.

        Parameters
        ----------
        level, response : ndarray of shape (n_runs,)
        unit : ndarray of shape (n_runs,)
            Response for one unit of what is floored.
        """
        typical = rms(response / unit)
        return np.hypot(level, self.floor * typical * unit)


@dataclass(frozen=True, slots=True)
class StudentTails:
    """Errors that follow Student's t, as residuals with the quantiles of a normal distribution.

    A residual r becomes size x Phi^-1(T(r/size)), with the distribution functions T of Student's t
    and Phi of the normal one. Least squares of such residuals have the efficiency of the maximum
    likelihood of Student's t to 0.1 %.

    Attributes
    ----------
    freedom : float
        Degrees of freedom.
    size : float
        Scale of Student's t, and standard deviation of the residuals that are made.

    References
    ----------
    K. L. Lange, R. J. A. Little, J. M. G. Taylor, J. Am. Stat. Assoc. 84 (1989) 881-896.
    """

    freedom: float
    size: float

    @classmethod
    def of(cls, residuals: Array, freedom: float, fitted: int) -> "StudentTails":
        """The scale at which residuals about a law with some fitted constants have it as their sd.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> round(StudentTails.of(0.1 * rng.standard_t(3, 4000), 3.0, 2).size, 2)
        0.1
        """
        typical = rms(residuals) or 1.0
        free = max(len(residuals) - fitted, 1)

        def excess(log_size: float) -> float:
            one = cls(freedom, typical * float(np.exp(log_size)))
            return float(np.sum((one.normal(residuals) / one.size) ** 2)) - free

        # a run that is off among exact ones leaves these no size but that of rounding
        least = float(np.log(EXACT))
        size = least if excess(least) <= 0.0 else brentq(excess, least, 6.0, xtol=1e-10)
        return cls(freedom, typical * float(np.exp(size)))

    def normal(self, residuals: Array) -> Array:
        """Residuals on the normal scale."""
        z = np.abs(residuals) / self.size
        # of a tail below the least double
        tail = np.maximum(stdtr(self.freedom, -z), 1e-300)
        return np.asarray(-np.copysign(self.size * ndtri(tail), -residuals))

    def slope(self, residuals: Array) -> Array:
        """Derivative of :meth:`normal`."""
        nu, z, u = self.freedom, residuals / self.size, self.normal(residuals) / self.size
        log_t = gammaln((nu + 1) / 2) - gammaln(nu / 2) - (nu + 1) / 2 * np.log1p(z**2 / nu)
        return np.asarray(np.exp(log_t + u**2 / 2) * np.sqrt(2.0 / nu))

    @property
    def inflation(self) -> float:
        """Factor of the standard errors of constants above those of squares alone.

        The squares have the mean curvature E[g'² + g g''] under Student's t, and not E[g'²].
        """
        u = np.linspace(-7.0, 7.0, 4001)
        z = -np.copysign(stdtrit(self.freedom, ndtr(-np.abs(u))), -u)
        steep = StudentTails(self.freedom, 1.0).slope(z)
        bend = steep * (u * steep - (self.freedom + 1) * z / (self.freedom + z**2))
        density = np.exp(-(u**2) / 2)
        squares = np.sum(density * steep**2)
        return float(squares / (squares + np.sum(density * u * bend)))


@dataclass(frozen=True, eq=False)
class Errors:
    """Scale of errors in the judgement: logarithm, target, response group, or mixed.

    Mixed errors are measured in the generalised logarithm, asinh(response/unit): of one size far
    below the unit, relative far above it.

    Attributes
    ----------
    kind : {"relative", "group", "target", "mixed"}
    response, root, unit : ndarray of shape (n_runs,)
        Response, roots of the weights, and the unit of errors that are not relative.
    white : Whitening, optional
        Where runs of a source scatter together.
    labels : ndarray of shape (n_runs,), optional
        Where each label has a prefactor, of which the response is without a first estimate.
    tails : StudentTails, optional
        Where the errors have heavy tails.
    inputs : InputErrors, optional
        Where errors of inputs enter by the slopes of each law.
    price : float
        Natural logarithm by which densities are less than with other errors of the same runs: minus
        that of the prior, for one.
    """

    kind: str
    response: Array
    root: Array
    unit: Array
    white: EffectWhitening | None = None
    inputs: InputErrors | None = None
    tails: StudentTails | None = None
    price: float = 0.0
    labels: NDArray[Any] | None = None

    @cached_property
    def _shared(self) -> EffectWhitening | None:
        """What takes from the residuals the part that runs of a source, or of a label, share."""
        if self.labels is None:
            return self.white
        # a prefactor changes residuals in proportion to their slope by the logarithm
        slopes = np.exp(self.jacobian - self.jacobian.max())
        return EffectWhitening.of_labels(self.labels, slopes)

    @property
    def lost(self) -> int:
        """How many constants of labels the residuals are without."""
        return 0 if self._shared is None else self._shared.lost

    def about(self, slopes: Array) -> "Errors":
        """The errors about a law of these slopes by the features, shape (n_runs, n_features)."""
        return self if self.inputs is None else replace(self, root=self.inputs.roots(slopes))

    def residuals(self, values: Array) -> Array:
        """Of predictions, in units of the errors; not finite where there are none."""
        plain = self._residuals(values)
        if self.tails is not None:
            return self.tails.normal(plain)
        return plain if self._shared is None else self._shared(plain)

    def _residuals(self, values: Array) -> Array:
        with np.errstate(all="ignore"):
            if self.kind == "relative":
                return np.asarray(self.root * np.log(self.response / values))
            if self.kind == "mixed":
                ends = np.arcsinh(self.response / self.unit), np.arcsinh(values / self.unit)
                return np.asarray(self.root * (ends[0] - ends[1]))
            return np.asarray(self.root * (self.response - values) / self.unit)

    def scaled(self, values: Array, slopes: Array) -> Array:
        """Slopes of the predictions in units of the errors."""
        with np.errstate(all="ignore"):
            size = values if self.kind == "relative" else self.unit_at(values)
            plain = np.asarray((self.root / size)[:, None] * slopes)
            if self.tails is not None:
                return self.tails.slope(self._residuals(values))[:, None] * plain
            return plain if self._shared is None else self._shared(plain)

    @property
    def jacobian(self) -> Array:
        """Logarithm of |d residual/d ln |response||; by the response where one is zero."""
        out = np.log(self.root) - self.price / len(self.root)
        if self.kind == "relative":
            return out
        unit = self.unit_at(self.response)
        if np.any(self.response == 0):
            return np.asarray(out - np.log(unit))
        return np.asarray(out + np.log(np.abs(self.response)) - np.log(unit))

    def jacobian_at(self, values: Array) -> Array:
        """The same for residuals of predictions."""
        if self.tails is None:
            return self.jacobian
        return np.asarray(self.jacobian + np.log(self.tails.slope(self._residuals(values))))

    def unit_at(self, values: Array) -> Array:
        """Unit of the errors of a response of these values, where they are not relative."""
        return np.hypot(self.unit, values) if self.kind == "mixed" else self.unit

    def mixed(self, share: float) -> "Errors":
        """Errors that are of one size below this share of the unit, and relative above it."""
        return replace(self, kind="mixed", unit=share * self.unit)


def possible_errors(design: Design) -> list[Errors]:
    """The kinds of errors that a response may have, with their prior; the usual one first.

    Raises
    ------
    InputError
        If the response without the prefactors of its labels overflows.
    """
    root = np.ones(design.n_runs)
    if design.weights is not None:
        root = np.sqrt(design.weights / np.mean(design.weights))
    # prefactors of labels are known but for a change of first order
    labels = None if design.shift is None else design.within
    shift = np.zeros(design.n_runs) if labels is None else np.asarray(design.shift)
    with np.errstate(over="ignore"):
        response = np.exp(design.y - shift) if design.scale == "log" else design.y
    if not np.all(np.isfinite(response)):
        raise InputError(
            "The target, divided by the prefactors of its labels, is beyond the largest number of "
            "double precision (1.8e308); give it in a larger unit."
        )
    one = np.exp(-shift)
    one = one * (rms(response / one) or 1.0)
    same = Errors("group", response, root, one, labels=labels)
    relative = Errors("relative", response, root, one, labels=labels)
    usual = relative if design.scale == "log" else same
    if design.white is not None:
        # what sources share is known on the scale of the law's fit alone
        return [replace(usual, white=design.white)]
    if design.input_errors is not None:
        # what they make of the response is known on the scale of its features alone
        return [replace(usual, inputs=design.input_errors)]
    if design.target.is_level or (design.censored and design.scale == "log"):
        return [usual]
    out = [relative, same] if design.scale == "log" else [same]
    if design.scale == "linear" and np.all(response != 0):
        # a response of both signs may be measured to so many per cent too
        out.append(relative)
    if np.ptp(design.offset) > _ALIKE and design.weights is None:
        target = np.exp(np.mean(design.offset + shift) - design.offset - shift)
        size = rms(response / target) or 1.0
        out.append(Errors("target", response, root, target * size, labels=labels))
    if design.noise is None:
        *_, one_size = (errors for errors in out if errors.kind != "relative")
        usual, *others = [*out, *map(one_size.mixed, TURNS)]
        return [usual, *(replace(errors, price=UNUSUAL) for errors in others)]
    # where errors of one size may be those of pi_0 or of the target, the target's come last
    return [errors for errors in out if NOISE[errors.kind] == design.noise][-1:]


# runs from which the scatter is estimated: so many give it to 2 %, and a table that is read in
# parts keeps them
MOST_SAMPLED = 2000


@dataclass(frozen=True, slots=True)
class Scatter:
    """Intrinsic scatter and ratio to the stated errors, from the residuals of a fit.

    Attributes
    ----------
    intrinsic : float
        Standard deviation that all runs share beside the stated errors, on the scale of the
        response; 0 where the stated errors, or one multiple of them, explain the residuals.
    ratio : float
        Root mean square of the residuals in units of the stated errors; NaN where these are of
        rounding, which no residual needs to be as small as.
    """

    intrinsic: float
    ratio: float


def target_errors(design: Design, errors: Errors) -> TargetErrors | None:
    """The kind of errors as one of the target, to fit a law by; None where its fit assumes them.

    On a logarithm these are relative ones, of signed targets those of one size in the response
    group. None, too, where runs have weights, or errors are of one size in a group that the target
    is not.

    Parameters
    ----------
    design : Design
    errors : Errors
        By which the laws were judged.
    """
    # the target in units of pi_0 is the same in every run
    alike = float(np.ptp(design.offset)) <= _ALIKE
    usual = "relative" if design.scale == "log" else "group"
    if errors.kind == usual or design.weights is not None:
        return None
    if errors.kind == "group" and not alike:
        return None
    if errors.kind == "relative":
        # a signed target has no logarithm: relative errors are mixed ones that turn near zero
        return _usable("mixed", RELATIVE_FLOOR * rms(times_exp(errors.response, design.offset)))
    kind: Literal["constant", "mixed"] = "mixed" if errors.kind == "mixed" else "constant"
    shift = 0.0 if errors.labels is None or design.shift is None else design.shift[0]
    return _usable(kind, float(errors.unit[0] * np.exp(design.offset[0] + shift)))


def working_runs(design: Design, fitted: Array) -> Design:
    """Runs whose least squares, near a fit, are those on the scale of the errors.

    A step of Gauss and Newton: the residuals on that scale, over its slope by the logarithm of the
    target, are added to the fit, and the squares of the slopes are the weights. With tails of
    Student's t they are given normal quantiles, and lengthened as the curvature of their squares
    asks, so that the intervals of the fit are those of the likelihood.

    Parameters
    ----------
    design : Design
        On a logarithmic scale; as it is where its errors are relative and normal.
    fitted : ndarray of shape (n_runs,)
        ln(target) by the fit.
    """
    if design.errors is None and design.tails is None:
        return design
    away, slope = residuals_about(design, fitted)
    if design.tails is not None:
        groups = 1 if design.within is None else len(np.unique(design.within))
        tails = StudentTails.of(away, design.tails, design.X.shape[1] + groups)
        away, slope = tails.normal(away) * tails.inflation, slope * tails.slope(away)
    weights = slope**2
    # of runs many decades below the errors, whose share of the fit is rounding, steps may overflow
    counts = weights > np.finfo(float).eps ** 2 * weights.max()
    steps = np.divide(away, slope, out=np.zeros_like(away), where=counts)
    y = fitted - design.offset + steps
    return replace(design, y=y, weights=weights, errors=None, tails=None)


def residuals_about(design: Design, fitted: Array) -> tuple[Array, Array]:
    """Residuals on the scale of the errors, and the slope of that scale by the logarithm.

    Parameters
    ----------
    design : Design
        On a logarithmic scale.
    fitted : ndarray of shape (n_runs,)
        ln(target) by a fit.

    Returns
    -------
    ndarray of shape (n_runs,), ndarray of shape (n_runs,)
    """
    errors, measured = design.errors, design.y + design.offset
    if errors is None:
        return measured - fitted, np.ones(design.n_runs)
    level = np.exp(fitted)
    return errors.of(np.exp(measured)) - errors.of(level), level / errors.unit(level)


# steps of a fit, and the relative gain that ends it: that of a step of 1e-14 of the noise
_STEPS, _ENOUGH = 60, 1e-28
# fits with the scale of heavy tails of the one before, and the last change of it that counts
_ROUNDS, _SETTLED = 20, 1e-6


def fit_in_tails(
    model: Callable[[Array], tuple[Array, Array]], start: Array, freedom: float | None
) -> tuple[Array, StudentTails | None]:
    """Constants of least squares, or of errors that follow Student's t of a scale that is unknown.

    Parameters
    ----------
    model : callable
        As of :func:`dimgs.fits.least_squares.minimise_squares`.
    start : ndarray of shape (n_constants,)
    freedom : float or None
        Degrees of freedom; None for normal errors.

    Returns
    -------
    ndarray of shape (n_constants,), StudentTails or None
    """
    if freedom is None:
        return minimise_squares(model, start, steps=_STEPS, enough=_ENOUGH).parameters, None
    constants, tails = start, StudentTails.of(model(start)[0], freedom, len(start))

    def in_tails(trial: Array) -> tuple[Array, Array]:
        away, slopes = model(trial)
        return tails.normal(away), tails.slope(away)[:, None] * slopes

    for _ in range(_ROUNDS):
        constants = minimise_squares(in_tails, constants, steps=_STEPS, enough=_ENOUGH).parameters
        before, tails = tails, StudentTails.of(model(constants)[0], freedom, len(start))
        if abs(tails.size / before.size - 1.0) < _SETTLED:
            break
    return constants, tails


def may_show_errors(design: Design) -> bool:
    """Whether nothing but the residuals says which errors a positive target has.

    Stated errors, sources and bounds are known on the scale of the logarithm alone.
    """
    known = (design.weights, design.input_errors, design.sources or None, design.censored or None)
    is_open = design.scale == "log" and not design.target.is_level and design.noise != "relative"
    return is_open and all(x is None for x in known)


def shown_errors(design: Design, left_out: Array) -> TargetErrors | None:
    """Errors of the target by the residuals of a fit; None where these are relative.

    Parameters
    ----------
    design : Design
        Of which :func:`may_show_errors` holds.
    left_out : ndarray of shape (n_runs,)
        Residual of the logarithm of each run by the fit without it.
    """
    with np.errstate(over="ignore"):
        measured = np.exp(design.y + design.offset)
        likely = likeliest_measure(measured, [np.exp(design.y + design.offset - left_out)])
    if design.noise == "constant":
        return _usable("constant", rms(measured))
    if likely is None or likely.kind == "relative":
        return None
    return _usable("mixed" if likely.kind == "mixed" else "constant", float(likely.unit[0]))


def _usable(kind: Literal["constant", "mixed"], turn: float) -> TargetErrors | None:
    return TargetErrors(kind, turn) if 0.0 < turn < np.inf else None


def sample_rows(values: Array) -> tuple[IntArray, Array]:
    """Rows for the estimate of the scatter, independent of the order of runs, and their keys.

    Parameters
    ----------
    values : ndarray of shape (n_runs, n_columns)
        By which the rows are drawn, as good as at random.

    Returns
    -------
    ndarray of int of shape (n_sampled,), ndarray of shape (n_sampled,)
    """
    ranks = mixed_bits(values.T).astype(np.float64)
    if len(ranks) <= MOST_SAMPLED:
        return np.arange(len(ranks)), ranks
    rows = np.argpartition(ranks, MOST_SAMPLED)[:MOST_SAMPLED]
    return rows, ranks[rows]


def scatter_of(
    columns: Array, y: Array, sigma: Array, labels: Array, fitted: int = 0, one_factor: float = 0.0
) -> Scatter | None:
    """The scatter of runs about what is linear in some columns, beside their stated errors.

    Where the residuals exceed the stated errors, either all of these are too small by one factor,
    or the runs share a variance beside the stated ones; the likelier of the two holds. The shared
    variance makes the weighted squares of the residuals equal to their degrees of freedom (Paule
    and Mandel). Without it, stated errors that are too small would give nearly all of the weight
    to a few runs.

    Parameters
    ----------
    columns : ndarray of shape (n_runs, n_columns)
    y, sigma : ndarray of shape (n_runs,)
        Response and its stated errors.
    labels : ndarray of shape (n_runs,)
        Of the groups that keep a prefactor.
    fitted : int
        Further constants that the response was fitted with before.
    one_factor : float
        Gain of the log-likelihood from which stated errors are too small by one factor.

    Returns
    -------
    Scatter or None
        None where no degree of freedom is left.
    """
    code = np.unique(labels, return_inverse=True)[1]
    dof = len(y) - int(code.max(initial=-1)) - 1 - columns.shape[1] - fitted
    if dof < 1:
        return None
    # stated errors below are rounding
    sigma = np.maximum(sigma, EXACT)
    table = np.column_stack([columns, y])

    def residuals(size: Array) -> Array:
        # roots of weights of at most 1, since squares of errors may not be representable
        root = float(size.min()) / size
        whole = np.bincount(code, root**2)
        means = np.column_stack([np.bincount(code, root**2 * c) / whole for c in table.T])
        away = table - means[code]
        slopes = least_squares(away[:, :-1] * root[:, None], away[:, -1] * root)
        return np.asarray(away[:, -1] - away[:, :-1] @ slopes)

    def excess(shared: float) -> float:
        size = np.hypot(sigma, shared)
        return float(np.log(rms(residuals(size) / size) ** 2 * (len(y) / dof) + EXACT**2))

    ratio = float(np.exp(excess(0.0) / 2))
    if not 1.0 < ratio < np.inf:
        return Scatter(0.0, ratio)
    most = 2 * float(np.sqrt(len(y) / dof)) * rms(residuals(np.ones(len(y))))
    if not excess(most) < 0.0:
        return Scatter(0.0, ratio)
    shared = float(brentq(excess, 0.0, most, rtol=1e-10))
    both = np.hypot(sigma, shared)
    gain = profile_log_likelihood(residuals(sigma), sigma)
    gain -= profile_log_likelihood(residuals(both), both)
    return Scatter(0.0 if gain >= one_factor else shared, ratio)


def scatter_beside(variance: Array, residuals: Array, fitted: int) -> Scatter:
    """Scatter of runs about a law beside stated errors of the response and of the inputs.

    It is one that all runs share unless one factor for all errors is surely likelier: that would
    keep their ratio, by which errors of the inputs flatten a law.

    Parameters
    ----------
    variance : ndarray of shape (n_runs,)
        Of the stated errors about the law.
    residuals : ndarray of shape (n_runs,)
        Of the response.
    fitted : int
        Constants of the law.
    """
    nothing, sigma = np.zeros((len(residuals), 0)), np.sqrt(np.maximum(variance, 0.0))
    labels = np.zeros(len(residuals))
    estimate = scatter_of(nothing, residuals, sigma, labels, max(fitted - 1, 0), one_factor=UNUSUAL)
    return Scatter(0.0, np.nan) if estimate is None else estimate


def require_finite(variance: Array) -> None:
    """Refuse stated errors whose squares are no numbers.

    Raises
    ------
    InputError
    """
    if not np.all(np.isfinite(variance)):
        raise InputError(
            "The squares of the stated errors exceed the range of floating point; correct them."
        )


def with_intrinsic_scatter(design: Design, columns: Array) -> tuple[Design, Scatter | None]:
    """The design with weights of the stated errors and of the scatter beside them.

    Parameters
    ----------
    design : Design
        Without error columns it is returned as it is.
    columns : ndarray of shape (n_runs, n_columns)
        What the response is a linear function of, a constant aside.
    """
    target, inputs = design.target, design.input_errors
    sigma = stated_errors(design.data, target.name, design.scale)
    least = 0.0
    if inputs is not None:
        away, y = design.X - design.X.mean(axis=0), design.y - design.y.mean()
        slopes = np.broadcast_to(least_squares(away, y), away.shape)
        sigma, least = np.sqrt(replace(inputs, shared=0.0).variance(slopes)), UNUSUAL
        require_finite(sigma)
    if sigma is None:
        return design, None
    rows, _ = sample_rows(np.column_stack([design.X, design.y]))
    # what sources add is no scatter of their runs; of kinds, each label of the finest is its own
    kinds = [labels for _, labels in design.sources] if design.within is None else [design.within]
    kinds = sorted(kinds or [np.zeros(design.n_runs)], key=lambda kind: -len(np.unique(kind)))
    others = [kind[:, None] == np.unique(kind)[1:] for kind in kinds[1:]]
    columns = np.hstack([columns, *others])[rows]
    scatter = scatter_of(columns, design.y[rows], sigma[rows], kinds[0][rows], one_factor=least)
    if scatter is not None and target.name in design.data.rounded:
        scatter = replace(scatter, ratio=np.nan)
    shared = 0.0 if scatter is None else scatter.intrinsic
    if inputs is not None:
        total = np.maximum(np.hypot(sigma, shared), EXACT)
        inputs = replace(inputs, shared=shared, typical=float(1 / np.mean(total**-2.0)))
        return replace(design, weights=weights_of(total), input_errors=inputs), scatter
    if not shared:
        return design, scatter
    return replace(design, weights=weights_of(np.hypot(sigma, shared))), scatter


def share_of_inputs(design: Design) -> float:
    """Share of the errors of the inputs in the variance of the runs about a power law."""
    if design.input_errors is None or design.weights is None:
        return 0.0
    beside = design.input_errors.stated**2 + design.input_errors.shared**2
    return 1.0 - float(np.mean(beside * design.weights)) / design.input_errors.typical


NoiseKind = Literal["relative", "constant", "mixed"]
Tails = Literal["normal", "student"]
# what a kind of errors is called, whichever response it is of one size in
NOISE: Mapping[str, NoiseKind] = {
    "relative": "relative",
    "group": "constant",
    "target": "constant",
    "mixed": "mixed",
}
# where mixed errors turn, as shares of the rms: half a decade apart, a likelihood hardly differs
TURNS = (0.03, 0.1, 0.3)
# degrees of freedom of Student's t that are tried: from a typing error among exact runs to nearly
# normal errors
_FREEDOM = (1.0, 2.0, 3.0, 5.0, 8.0)


@dataclass(frozen=True, slots=True)
class Noise:
    """The error model that the runs support, about a law.

    Attributes
    ----------
    kind : {"relative", "constant", "mixed"}
        Whether the errors are of one size in the logarithm, in the target, or of one size where
        the target is small and relative where it is large.
    size : float
        Standard deviation of a run: relative, or for constant errors in the SI unit of the target.
    floor : float
        Of mixed errors, their size where the target is zero, in its SI unit; else 0.
    tails : {"normal", "student"}
    scatter : Scatter or None
        Beside the stated errors, on the scale of `size`; None where none are stated.
    """

    kind: NoiseKind
    size: float
    floor: float = 0.0
    tails: Tails = "normal"
    scatter: Scatter | None = None


def noise_about(
    measured: Array,
    predicted: Array,
    fitted: int,
    stated: Array | None = None,
    kind: NoiseKind | None = None,
    left_out: Array | None = None,
) -> Noise | None:
    """The noise of runs about a law.

    Parameters
    ----------
    measured, predicted : ndarray of shape (n_runs,)
        Target and the law's value, in SI.
    fitted : int
        Constants of the law that were fitted.
    stated : ndarray of shape (n_runs,), optional
        Stated errors of the target, in SI.
    kind : str, optional
        Of the errors, where it is known; else the likeliest one is taken.
    left_out : ndarray of shape (n_runs,), optional
        Predictions of the law refitted without each run, by which kinds are compared.

    Returns
    -------
    Noise or None
        None where no degree of freedom is left.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> law = np.geomspace(1.0, 1000.0, 60)
    >>> noise_about(law + rng.normal(size=60), law, 1).kind
    'constant'
    >>> noise_about(law * np.exp(0.1 * rng.normal(size=60)), law, 1).kind
    'relative'
    """
    n = len(measured)
    if n - fitted < 1 or not np.all(np.isfinite(predicted)):
        return None
    far = predicted if left_out is None or not np.all(np.isfinite(left_out)) else left_out
    one = np.ones(n)
    kinds = {
        name: errors
        for name, errors in _measures(measured).items()
        if kind in (None, NOISE[errors.kind]) and np.all(np.isfinite(errors.residuals(predicted)))
    }
    errors = _likeliest_of(kinds, [far])
    if errors is None:
        return None
    size_of, residuals = float(errors.unit[0]), errors.residuals(predicted)
    size = rms(residuals) * float(np.sqrt(n / (n - fitted)))
    scatter, total = None, one
    if stated is not None and np.all(np.isfinite(stated) & (stated > 0)):
        relative = errors.kind == "relative"
        sigma = stated / (np.abs(measured) if relative else errors.unit_at(measured))
        scatter = scatter_of(np.zeros((n, 0)), residuals, sigma, np.zeros(n), max(fitted - 1, 0))
        total = np.hypot(sigma, 0.0 if scatter is None else scatter.intrinsic)
    # in units in which the most precise run has errors of about one
    standardised = (residuals / size) * (total.min() / total) if size > EXACT else one
    heavy = likeliest(student_likelihoods(standardised), None) if size > EXACT else None
    floor = size * size_of if errors.kind == "mixed" else 0.0
    if errors.kind == "target":
        size *= size_of
        scatter = scatter and Scatter(scatter.intrinsic * size_of, scatter.ratio)
    return Noise(NOISE[errors.kind], size, floor, "student" if heavy else "normal", scatter)


def _of_any_tails(errors: Errors, residuals: Array) -> float:
    """Log-likelihood of a kind of errors, normal or with heavy tails: one run decides no kind."""
    # of many runs every k-th, in the order in which they come
    rows = slice(None, None, max(1, len(residuals) // MOST_SAMPLED))
    # errors of rounding are as large as rounding
    away = np.hypot(residuals[rows], EXACT)
    return float(errors.jacobian[rows].sum()) + max(student_likelihoods(away).values())


def _likeliest_of(kinds: Mapping[str, Errors], predicted: Sequence[Array]) -> Errors | None:
    """The likeliest kind of errors of a target; mixed ones, with a further constant, if surely."""
    likely = {}
    for name, errors in kinds.items():
        each = [r for v in predicted if np.all(np.isfinite(r := errors.residuals(v)))]
        if each:
            likely[name] = max(_of_any_tails(errors, r) for r in each)
    if not likely:
        return None
    usual = next(iter(likely))
    simple = {k: v for k, v in likely.items() if kinds[k].kind != "mixed"}
    best = likeliest(simple or likely, usual)
    return kinds[likeliest({**likely, best: max(likely[best], likely[usual])}, best)]


def likeliest_measure(measured: Array, predicted: Sequence[Array]) -> Errors | None:
    """Error model of a target with the highest likelihood, over several predictions.

    Parameters
    ----------
    measured : ndarray of shape (n_runs,)
    predicted : sequence of ndarray of shape (n_runs,)
        Each without what was measured of the run.

    Returns
    -------
    Errors or None
        None where nothing predicts every run.

    Examples
    --------
    >>> measured = np.array([1.0, 10.0, 100.0, 1000.0])
    >>> likeliest_measure(measured, [measured * [1.1, 0.9, 1.1, 0.9]]).kind
    'relative'
    """
    return _likeliest_of(_measures(measured), predicted)


def _measures(measured: Array) -> dict[str, Errors]:
    """Possible error models of a target, the relative one first."""
    one = np.ones(len(measured))
    same = Errors("target", measured, one, one * (rms(measured) or 1.0))
    if np.any(measured == 0):
        return {"target": same}
    out = {"relative": replace(same, kind="relative"), "target": same}
    return out | {f"mixed {share}": same.mixed(share) for share in TURNS}


def student_likelihoods(residuals: Array) -> dict[float | None, float]:
    """Log-likelihood of residuals by Student's t at its best scale, and (None) by a normal density.

    Parameters
    ----------
    residuals : ndarray of shape (n_runs,)

    Returns
    -------
    dict of float or None to float
        By degrees of freedom.
    """
    size, n = rms(residuals) or 1.0, len(residuals)
    z, scales = residuals / size, np.geomspace(EXACT, 1.0, 240)[:, None]
    out: dict[float | None, float] = {None: -0.5 * float(n * np.log(2 * np.pi) + z @ z)}
    for nu in _FREEDOM:
        constant = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(nu * np.pi)
        tail = np.log1p((z / scales) ** 2 / nu).sum(axis=1) * (nu + 1) / 2
        out[nu] = float(np.max(n * (constant - np.log(scales[:, 0])) - tail))
    return {nu: likelihood - n * float(np.log(size)) for nu, likelihood in out.items()}


# ---- The rule of one standard error: models that predict as well as the best.


def gain_and_error(
    best: Array, losses: Array, clusters: NDArray[np.generic] | None = None
) -> tuple[float, float]:
    """By how much the losses of a model exceed those of the best, and the error of that sum.

    Parameters
    ----------
    best, losses : ndarray of shape (n,)
        Losses of the best model and of another, on the same runs or folds left out.
    clusters : ndarray of shape (n,), optional
        Runs of equal label count as one.

    Returns
    -------
    gain, error : float
        The other model will do where the gain does not exceed the error.

    References
    ----------
    L. Breiman, J. H. Friedman, R. A. Olshen, C. J. Stone, "Classification and Regression Trees",
    Wadsworth 1984, section 3.4.3.

    Examples
    --------
    >>> gain_and_error(np.array([1.0, 2.0, 1.0]), np.array([1.5, 1.5, 1.5]))
    (0.5, 1.0)
    """
    extra = losses - best
    if clusters is not None:
        codes = np.unique(clusters, return_inverse=True)[1]
        extra = np.asarray(np.bincount(codes, extra), dtype=np.float64)
    error = float(np.std(extra, ddof=1) * np.sqrt(len(extra))) if len(extra) > 1 else 0.0
    return float(extra.sum()), error


def is_as_good(best: Array, losses: Array, clusters: NDArray[np.generic] | None = None) -> bool:
    """Whether the losses of a model exceed those of the best by one standard error at the most.

    Parameters
    ----------
    best, losses : ndarray of shape (n_runs,)
    clusters : ndarray of shape (n_runs,), optional
        Runs that share one also share errors.
    """
    gain, error = gain_and_error(best, losses, clusters)
    return gain <= error


def within_one_error(losses: Array, best: Array, floor: float) -> bool:
    """Is the extra held-out loss within one standard error of the paired fold differences?

    Losses that agree to a relative 1e-9, or to `floor`, differ by rounding only.
    """
    gain, error = gain_and_error(best, losses)
    return bool(gain <= error + 1e-9 * best.sum() + floor)


# ---- Noise about smooth curves, by what the neighbours of each point leave of it.
#
# References:
# T. Gasser, L. Sroka, C. Jennen-Steinmetz, Biometrika 73 (1986) 625-633.


def noise_about_curves(u: Array, values: Array, runs: IntArray) -> float:
    """Standard deviation of the noise about a smooth curve through each run.

    By what the line through the two neighbours of each point leaves of it.

    Parameters
    ----------
    u, values : ndarray of shape (n_points,)
    runs : ndarray of int of shape (n_points,)

    Returns
    -------
    float
        NaN where no run has three points.

    Examples
    --------
    >>> u, noise = np.linspace(0, 1, 400), np.random.default_rng(0).normal(0, 0.1, 400)
    >>> print(round(noise_about_curves(u, np.sin(u) + noise, np.zeros(400, int)), 2))
    0.1
    """
    order = np.lexsort((u, runs))
    u, values, runs = u[order], values[order], runs[order]
    inside = np.flatnonzero(runs[2:] == runs[:-2]) + 1
    if not len(inside):
        return float("nan")
    before, after = u[inside] - u[inside - 1], u[inside + 1] - u[inside]
    total = before + after
    near = np.where(total > 0, after / np.where(total > 0, total, 1.0), 0.5)
    line = near * values[inside - 1] + (1.0 - near) * values[inside + 1]
    residuals = (values[inside] - line) / np.sqrt(1.0 + near**2 + (1.0 - near) ** 2)
    return float(np.sqrt(np.mean(residuals**2)))
