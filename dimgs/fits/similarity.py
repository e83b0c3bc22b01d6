"""A similarity variable: powers of groups that bring the curves of several runs onto one."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import BSpline
from scipy.stats import qmc

from dimgs.common.arrays import Array, IntArray
from dimgs.common.errors import FitError
from dimgs.fits.covariance import deleted_residuals, linearised, t_half_widths
from dimgs.fits.least_squares import minimise_squares
from dimgs.fits.noise import noise_about_curves

Noise = Literal["relative", "amplitude", "constant", "stated"]

# part of the points that must lie over other curves: pieces that do not meet collapse by themselves
_SHARED = 0.3
# Powers of a group of unit length in the inputs at which searches start: textbook exponents lie
# within 3, and a minimum is about 0.5 wide where the groups vary over a decade.
_MOST_POWER, _STEPS = 3.0, 13
# powers beyond are those of curves that left each other: nothing is compared there
_ESCAPED = 30.0
# steps of a fit, and the relative gain that ends it: a thousandth of a standard error
_STEPS_OF_FIT, _ENOUGH = 60, 1e-6
# all combinations of up to two groups; more are sampled; minima that are followed: of 125 tables of
# 25 collapses, more change no exponent
_MOST_STARTS, _FOLLOWED = 192, 6
# variance of what runs left out leave, over that of the best minimum, and distance of its powers
_AS_GOOD, _FAR = 1.5, 0.3
# numbers of inner knots that are compared, and the number of the search
_KNOTS, _FIRST_KNOTS = (1, 2, 3, 5, 8, 12, 18, 26), 5
# points for each coefficient of the curve, below which it would follow the noise
_POINTS_EACH = 4
# twice the nats by which another kind of errors must be likelier: a chance of 1 %
_LIKELIER = 6.6
# relative size of noise below which curves are equal to rounding
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class _Points:
    """Points of all curves: coordinate, values, centred log groups, and the run of each."""

    x: Array
    y: Array
    groups: Array
    runs: IntArray
    errors: Array | None = None

    @cached_property
    def in_decades(self) -> bool:
        return bool(np.all(self.x > 0))

    @cached_property
    def is_positive(self) -> bool:
        return bool(np.all(self.y > 0))

    def place(self, along: Array) -> tuple[Array, Array]:
        """Stretched similarity variable of every point, and its slope in the log of the variable.

        The logarithm, or, of a coordinate that vanishes or changes sign, the inverse hyperbolic
        sine in units of the median.
        """
        shift = self.groups @ along
        if self.in_decades:
            return np.log(self.x) + shift, np.ones(len(self.x))
        s = self.x * np.exp(shift) / self.unit(along)
        return np.arcsinh(s), s / np.sqrt(1.0 + s**2)

    def unit(self, along: Array) -> float:
        """Median size of the similarity variable."""
        s = np.abs(self.x) * np.exp(self.groups @ along)
        return float(np.median(s[s > 0]))

    def shared(self, u: Array) -> float:
        """Share of the points that lie over curves of other runs."""
        n = int(self.runs.max()) + 1
        if len(u) < 3 * n:
            # runs of one or two points are not curves: together they are one
            return 1.0
        low, high = np.full(n, np.inf), np.full(n, -np.inf)
        np.minimum.at(low, self.runs, u)
        np.maximum.at(high, self.runs, u)
        over = (u[:, None] >= low) & (u[:, None] <= high)
        over[np.arange(len(u)), self.runs] = False
        return float(np.mean(over.any(axis=1)))


def _knots(u: Array, inner: int) -> Array:
    """Knots of a cubic spline, as many points between each two."""
    low, high = float(u.min()), float(u.max())
    room = 1e-9 * max(high - low, abs(low), abs(high), 1e-300)
    between = np.unique(np.quantile(u, np.arange(1, inner + 1) / (inner + 1)))
    between = between[(between > low + room) & (between < high - room)]
    return np.concatenate([[low - room] * 4, between, [high + room] * 4])


@dataclass(frozen=True, eq=False)
class _State:
    """Powers with the curve that goes best with them, and what it leaves."""

    powers: Array
    u: Array
    z: Array
    size: Array
    spline: BSpline
    residuals: Array
    jacobian: Array
    columns: Array
    log_size: float

    @property
    def deviance(self) -> float:
        """Twice the negative log likelihood of the points, but for a constant."""
        n, rss = len(self.residuals), float(self.residuals @ self.residuals)
        least = (_ROUNDING * float(np.std(self.z / self.size))) ** 2 * n
        return float(n * np.log(max(rss, least, 1e-300) / n) + 2.0 * self.log_size)

    def beyond_curve(self, columns: Array) -> Array:
        """What the coefficients of the curve cannot follow of columns."""
        base = np.linalg.qr(self.columns)[0]
        return np.asarray(columns - base @ (base.T @ columns))

    @property
    def slopes(self) -> Array:
        """Derivatives of the prediction by the powers and the coefficients of the curve."""
        return np.column_stack([self.jacobian, self.columns])


@dataclass(frozen=True, eq=False)
class _Model:
    """Error model, and number of knots of the curve."""

    points: _Points
    noise: Noise
    knots: int = _FIRST_KNOTS

    def state(self, powers: Array) -> _State:
        """Powers, of shape (2 n_groups,), with their best curve."""
        p, k = self.points, self.points.groups.shape[1]
        u, slope = p.place(powers[:k])
        shift = p.groups @ powers[k:]
        size = by_scale = np.ones(len(u))
        if self.noise == "relative":
            z = np.log(p.y) + shift
            log_size = float(np.log(p.y).sum())
        else:
            factor = np.exp(np.clip(shift, -300.0, 300.0))
            z = by_scale = p.y * factor
            # of scaled values, but for a common factor
            if self.noise != "amplitude":
                size = factor if p.errors is None else p.errors * factor
            log_size = float(np.log(size).sum() - shift.sum())
        knots = _knots(u, self.knots)
        columns = BSpline.design_matrix(u, knots, 3).toarray() / size[:, None]
        coefficients = np.linalg.lstsq(columns, z / size, rcond=1e-10)[0]
        spline = BSpline(knots, coefficients, 3)
        rise = spline.derivative()(u) * slope
        jacobian = p.groups[:, :, None] * np.stack([rise, -by_scale], axis=1)[:, None, :]
        jacobian = jacobian.transpose(0, 2, 1).reshape(len(u), 2 * k) / size[:, None]
        residuals = z / size - columns @ coefficients
        return _State(powers, u, z, size, spline, residuals, jacobian, columns, log_size)

    def refined(self, start: Array) -> _State:
        """Powers near a start whose curve leaves the least: variable projection."""
        first = self.state(start)

        def projected(powers: Array) -> tuple[Array, Array]:
            state = self.state(powers)
            return state.residuals, state.beyond_curve(state.jacobian)

        try:
            minimum = minimise_squares(projected, start, steps=_STEPS_OF_FIT, enough=_ENOUGH)
        except (ValueError, np.linalg.LinAlgError):
            return first
        # beyond, curves have left each other, and nothing is compared
        if np.abs(minimum.parameters).max(initial=0.0) > _ESCAPED:
            return first
        last = self.state(minimum.parameters)
        return last if last.deviance <= first.deviance else first


@dataclass(frozen=True, eq=False)
class SimilarityFit:
    """Powers that collapse curves.

    Attributes
    ----------
    along, scale : ndarray of shape (n_groups,)
        Powers of the groups by which the coordinate and the values are multiplied.
    covariance : ndarray of shape (2 n_groups, 2 n_groups)
        Of `along` and `scale` together, by leaving out runs; infinite where the curves do not
        determine them.
    dof : ndarray of shape (2 n_groups,)
        Their degrees of freedom.
    noise : {"relative", "amplitude", "constant", "stated"}
        How errors grow: with the value, with the amplitude of its curve, not at all, or as the
        errors of the table say.
    quality : float
        Share of the variance of the scaled values that the curves of the other runs predict; 1 is
        a perfect collapse, 0 none.
    shared : float
        Share of the points that lie over curves of other runs.
    scatter, noise_size, floor : float
        Root mean square, relative to the values, of what the curve leaves; of the noise inside
        runs; and of what any smooth curve through all runs would leave.
    is_power_law : bool
        Whether the curve is a power law: then the powers are not determined one by one.
    is_ambiguous : bool
        Whether other powers, far from these, bring the curves together nearly as well.
    """

    along: Array
    scale: Array
    covariance: Array
    dof: Array
    noise: Noise
    quality: float
    shared: float
    scatter: float
    noise_size: float
    floor: float
    is_power_law: bool
    is_ambiguous: bool
    _points: _Points = field(repr=False)
    _state: _State = field(repr=False)
    _centre: Array = field(repr=False)

    def half_widths(self, directions: Array, level: float) -> tuple[Array, Array]:
        """Half-widths of intervals of ``directions @ along`` and ``directions @ scale``."""
        k, widths = len(self.along), []
        for part in (slice(0, k), slice(k, 2 * k)):
            spread = self.covariance[part, part]
            with np.errstate(invalid="ignore"):
                variance = np.einsum("ij,jk,ik->i", directions, spread, directions)
            # the least certain of the powers that a direction has
            dof = np.where(directions != 0, self.dof[part], np.inf).min(axis=1, initial=np.inf)
            half = t_half_widths(variance, np.where(np.isfinite(dof), dof, 1.0), level)
            widths.append(np.where(np.any(directions != 0, axis=1), half, 0.0))
        return widths[0], widths[1]

    def collapsed(self) -> tuple[Array, Array]:
        """Similarity variable and scaled value of every point, each of shape (n_points,)."""
        p = self._points
        groups = p.groups + self._centre
        return p.x * np.exp(groups @ self.along), p.y * np.exp(groups @ self.scale)

    def residuals_of(self, x: Array, y: Array, groups: Array) -> Array:
        """Relative difference of any points from the curve; NaN beyond its ends.

        Parameters
        ----------
        x, y : ndarray of shape (n,)
            Both positive where those of the fit were.
        groups : ndarray of shape (n, n_groups)
        """
        state, centred = self._state, groups - self._centre
        z = y * np.exp(centred @ self.scale)
        s = x * np.exp(centred @ self.along)
        u = np.log(s) if self._points.in_decades else np.arcsinh(s / self._points.unit(self.along))
        value = state.spline(u)
        size = np.sqrt(np.mean(state.z**2))
        residuals = np.log(z) - value if self.noise == "relative" else (z - value) / size
        return np.where((u >= state.u.min()) & (u <= state.u.max()), residuals, np.nan)

    def curve(self, level: float, n: int = 200) -> tuple[Array, Array, Array, Array]:
        """The curve that all runs fall on, over the similarity variable, with its band.

        Parameters
        ----------
        level : float
            Pointwise coverage; by leaving out runs, the powers held.
        n : int
            Places.

        Returns
        -------
        variable, value, low, high : ndarray of shape (n,)
        """
        state, p = self._state, self._points
        u = np.linspace(float(state.u.min()), float(state.u.max()), n)
        columns = BSpline.design_matrix(u, state.spline.t, 3).toarray()
        estimates = linearised(state.columns, state.residuals, clusters=p.runs)
        spread = np.einsum("ij,jk,ik->i", columns, estimates.covariance, columns)
        half = t_half_widths(spread, np.min(estimates.dof), level)
        bounds = np.stack([state.spline(u), state.spline(u) - half, state.spline(u) + half])
        if self.noise == "relative":
            bounds = np.exp(bounds)
        # the points of the fit are about the mean run
        shift = np.exp(self._centre @ self.along), np.exp(self._centre @ self.scale)
        at = np.exp(u) if p.in_decades else np.sinh(u) * p.unit(self.along)
        return at * shift[0], *(bounds * shift[1])


def fit_similarity(
    x: ArrayLike, y: ArrayLike, groups: ArrayLike, runs: ArrayLike, errors: ArrayLike | None = None
) -> SimilarityFit:
    """Find the powers of groups that bring the curves of runs onto one.

    The values of all runs, y·exp(groups·scale), are one smooth function of x·exp(groups·along). The
    function is a cubic spline that is profiled out; the powers are those of the highest
    likelihood. How errors grow is chosen by likelihood too, the number of knots by generalised
    cross-validation, and among several minima that which predicts runs left out best.

    Parameters
    ----------
    x, y : array-like of shape (n_points,)
        Coordinate and values; both may vanish or change sign.
    groups : array-like of shape (n_points, n_groups)
        Logarithms of the groups.
    runs : array-like of shape (n_points,)
        Label of the run of each point.
    errors : array-like of shape (n_points,), optional
        Standard errors of the values.

    Returns
    -------
    SimilarityFit

    Raises
    ------
    FitError
        If the runs or points are too few, or do not vary the groups independently.

    References
    ----------
    S. M. Bhattacharjee, F. Seno, J. Phys. A 34 (2001) 6375-6380: a measure of data collapse.
    G. H. Golub, V. Pereyra, SIAM J. Numer. Anal. 10 (1973) 413-432: variable projection.
    T. Gasser, L. Sroka, C. Jennen-Steinmetz, Biometrika 73 (1986) 625-633: the noise about a
    smooth curve.

    Examples
    --------
    >>> width = np.repeat(np.log([1.0, 1.5, 2.0, 4.0, 8.0]), 20)
    >>> x = np.tile(np.geomspace(0.3, 8.0, 20), 5)
    >>> found = fit_similarity(x, np.exp(-x * np.exp(-0.5 * width)), width[:, None], width)
    >>> found.along.round(3), abs(found.scale.round(3)), round(found.quality, 3)
    (array([-0.5]), array([0.]), 1.0)
    """
    logs = np.asarray(groups, dtype=np.float64)
    stated = None if errors is None else np.asarray(errors, dtype=np.float64)
    codes = np.unique(np.asarray(runs), return_inverse=True)[1].astype(np.intp)
    n, k = logs.shape
    n_runs = int(codes.max()) + 1
    if n_runs < max(2 * k + 2, 2):
        curves = "One curve is" if n_runs == 1 else f"{n_runs} curves are"
        what = f"for {2 * k} open exponents" if k else "to compare"
        raise FitError(f"{curves} too few {what}; give at least {2 * k + 2}.")
    if n < 4 * (2 * k + 4):
        what = f"{2 * k} open exponents and a curve" if k else "a curve"
        raise FitError(f"{n} points are too few for {what}; give at least {8 * k + 16}.")
    centre = logs.mean(axis=0)
    logs = logs - centre
    if k and np.linalg.matrix_rank(logs, tol=1e-6 * max(np.abs(logs).max(), 1e-300)) < k:
        raise FitError("The runs do not vary the groups independently; vary more of the inputs.")
    xs, ys = (np.asarray(v, dtype=np.float64) for v in (x, y))
    points = _Points(xs, ys, logs, codes, stated)
    model, state, is_ambiguous = _searched(points)
    return _result(*_best_model(model, state), centre, is_ambiguous)


def _searched(points: _Points) -> tuple[_Model, _State, bool]:
    """The best of several minima, and whether another one is hardly worse."""
    model = _Model(points, "relative" if points.is_positive else "amplitude")
    k = points.groups.shape[1]
    amplitude = _amplitude(points)
    ranked = []
    for along in _starts(k):
        state = model.state(np.concatenate([along, amplitude]))
        for _ in range(1 if model.noise == "relative" else 2):
            free = state.beyond_curve(state.jacobian[:, k:])
            step = np.linalg.lstsq(free, state.residuals, rcond=1e-10)[0]
            state = model.state(np.concatenate([along, state.powers[k:] + step]))
        short = max(_SHARED - points.shared(state.u), 0.0)
        ranked.append((state.deviance + len(points.x) * 10.0 * short, state.powers))
    ranked.sort(key=lambda pair: pair[0])
    followed: list[_State] = []
    for _, powers in ranked:
        is_near = (np.abs(powers - f.powers).max(initial=0.0) <= 0.1 for f in followed)
        if len(followed) < _FOLLOWED and not any(is_near):
            followed.append(model.refined(powers))
    apart = [f for f in followed if points.shared(f.u) >= _SHARED] or followed
    errors = [_held_out(f, points.runs) for f in apart]
    best = apart[int(np.argmin(errors))]
    others = [f for f, one in zip(apart, errors, strict=True) if one < _AS_GOOD * min(errors)]
    far = any(np.abs(f.powers - best.powers).max(initial=0.0) > _FAR for f in others)
    return model, best, far


def _starts(k: int) -> Iterator[Array]:
    if k <= 2:
        steps = np.linspace(-_MOST_POWER, _MOST_POWER, _STEPS)
        return (np.array(one) for one in product(steps, repeat=k))
    sampled = qmc.Halton(k, rng=np.random.default_rng(0)).random(_MOST_STARTS)
    return iter(_MOST_POWER * (2.0 * sampled - 1.0))


def _amplitude(points: _Points) -> Array:
    """Powers by which the mean squares of the runs differ."""
    if not points.groups.shape[1]:
        return np.empty(0)
    count = np.bincount(points.runs)
    size = np.log(np.bincount(points.runs, points.y**2) / count + 1e-300) / 2.0
    mean = [np.bincount(points.runs, g) / count for g in points.groups.T]
    columns = np.column_stack([np.ones(len(count)), *mean])
    return -np.asarray(np.linalg.lstsq(columns, size, rcond=1e-6)[0][1:])


def _held_out(state: _State, runs: IntArray) -> float:
    """Mean square of what the curves of the other runs leave of each."""
    return float(np.mean(deleted_residuals(state.residuals, state.slopes, runs)[0] ** 2))


def _best_model(model: _Model, state: _State) -> tuple[_Model, _State]:
    """The kind of errors that is likeliest, and the number of knots that predicts best."""
    model, state = _with_knots(model, state)
    points = model.points
    kinds: tuple[Noise, ...] = ("amplitude", "constant")
    if points.errors is not None:
        kinds = ("stated",)
    best = model, state
    for kind in kinds:
        other = replace(model, noise=kind)
        refined = other.refined(state.powers)
        if kind == "stated" or refined.deviance < best[1].deviance - _LIKELIER:
            best = other, refined
    return best if best[0] is model else _with_knots(*best)


def _with_knots(model: _Model, state: _State) -> tuple[_Model, _State]:
    n, k = len(state.u), len(state.powers)
    tried = []
    for knots in _KNOTS:
        if knots > _KNOTS[0] and _POINTS_EACH * (knots + 4 + k) > n:
            break
        other = replace(model, knots=knots)
        refined = other.refined(state.powers)
        rss = float(refined.residuals @ refined.residuals)
        score = rss / max(1.0 - (refined.columns.shape[1] + k) / n, 1e-3) ** 2
        tried.append((score, knots, other, refined))
    _, _, model, state = min(tried, key=lambda one: one[:2])
    return model, state


def _result(model: _Model, state: _State, centre: Array, is_ambiguous: bool) -> SimilarityFit:
    points, k = model.points, len(centre)
    estimates = linearised(state.slopes, state.residuals, clusters=points.runs)
    covariance, dof = estimates.covariance[: 2 * k, : 2 * k].copy(), estimates.dof[: 2 * k]
    lost = np.flatnonzero(~estimates.identified[: 2 * k])
    covariance[lost, lost] = np.inf
    scaled = state.z / state.size
    about = scaled - scaled @ (1.0 / state.size) / (state.size**-2.0).sum() / state.size
    spread = float(np.mean(about**2)) or 1.0
    # sizes of errors are relative to the values
    unit = 1.0
    if model.noise != "relative":
        unit = float(np.sqrt(np.mean(state.size**2) / np.mean(state.z**2)))
    residuals = state.residuals
    n, used = len(residuals), state.slopes.shape[1]
    scatter = float(np.sqrt(residuals @ residuals / max(n - used, 1)))
    # the curve is taken off first: between neighbours it is not a straight line
    pooled = noise_about_curves(state.u, residuals, np.zeros(n, dtype=np.intp))
    return SimilarityFit(
        state.powers[:k],
        state.powers[k:],
        covariance,
        dof,
        model.noise,
        1.0 - _held_out(state, points.runs) / spread,
        points.shared(state.u),
        unit * scatter,
        unit * noise_about_curves(state.u, residuals, points.runs),
        unit * min(scatter, pooled),
        points.is_positive and _is_power_law(model, state),
        is_ambiguous,
        points,
        state,
        centre,
    )


def _is_power_law(model: _Model, state: _State) -> bool:
    """Whether a straight line in logarithms is as good as the curve, by Schwarz's criterion."""
    points = model.points
    if not points.in_decades:
        return False
    n, k = points.groups.shape
    columns = np.column_stack([np.ones(n), np.log(points.x), points.groups])
    logs = np.log(points.y)
    line = logs - columns @ np.linalg.lstsq(columns, logs, rcond=1e-10)[0]
    curve = _Model(points, "relative", model.knots).state(state.powers)
    curve_residuals = curve.residuals
    # noise that is rounding says nothing of the model
    least = (_ROUNDING * max(float(np.std(logs)), 1.0)) ** 2
    costs = [
        n * np.log(max(float(np.mean(residuals**2)), least)) + used * np.log(n)
        for residuals, used in ((line, k + 2), (curve_residuals, curve.slopes.shape[1]))
    ]
    return bool(costs[0] <= costs[1])


__all__ = ["SimilarityFit", "fit_similarity", "noise_about_curves"]
