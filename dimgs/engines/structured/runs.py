"""The runs of a problem as arrays, with the monomials of their groups, and their error model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

from dimgs.common.arrays import Array, BoolArray, IntArray, basis_of
from dimgs.engines.protocol import Problem
from dimgs.fits.noise import (
    ADDITIVE_FLOOR,
    FLOOR,
    RELATIVE_FLOOR,
    ErrorModel,
    Measured,
    likeliest,
    profile_log_likelihood,
    rms,
)
from dimgs.fits.whiteness import KernelRegressions

# times the scatter of the logarithms of the largest third: that of the smallest is partly additive
_ADDITIVE = 3.0
# errors below which a response is known less well than the best law predicts it
_TRUSTED = 4.0
# with fewer runs a third of them is not a sample of the errors
_FEWEST = 20

# by which a variable is rescaled (in its logarithm) to see whether a law depends on it
_LOG_FACTOR = 0.1

# until the runs say more
_MIXED = ErrorModel()
# of residuals by the groups: a law that misses more says nothing of the errors
_HALF_EXPLAINED = 0.5
# of an error, rms: what is expected of doubtful responses may move by that before weights follow
_MOVED = 0.2
# median of the modulus of a standard normal variable
_NORMAL_MEDIAN = 0.6745


@dataclass(eq=False)
class Runs:
    """Runs, ready to be searched.

    Parameters
    ----------
    names : tuple of str
        Groups, in the order of their numbers.
    values, logs : ndarray of shape (n_runs, n_groups)
        Values, and their logarithms (zero for a group that is not logged).
    logged : tuple of bool
    y : ndarray of shape (n_runs,)
        Response.
    positive : bool
        Whether the response is positive, and a law must be.
    weights : ndarray of shape (n_runs,)
        Mean 1; all ones unless given.
    shape : ndarray of shape (n_variables, n_groups)
        Exponents of the physical variables in each group (the unit matrix if unknown).
    shift : ndarray of shape (n_variables,)
        Exponents of the physical variables in pi_0, the target apart.
    unit : ndarray of shape (n_runs,) or None
        Response for one unit of the target, up to a factor.
    must_use : tuple of int
        Physical variables (rows of `shape`) that every law must depend on.
    errors : ErrorModel
    expected : ndarray of shape (n_runs,) or None
        Response by the best law so far.
    lengths : dict
        Bits of monomials, by themselves and inside functions, as they are found.
    """

    names: tuple[str, ...]
    values: Array
    logs: Array
    logged: tuple[bool, ...]
    y: Array
    positive: bool
    weights: Array
    shape: Array
    shift: Array
    unit: Array | None = None
    must_use: tuple[int, ...] = ()
    errors: ErrorModel = _MIXED
    expected: Array | None = None
    lengths: dict[tuple[tuple[Fraction, ...], bool], float] = field(default_factory=dict)
    _cache: dict[tuple[Fraction, ...], Array] = field(default_factory=dict)

    @classmethod
    def of(cls, problem: Problem) -> "Runs":
        """From a problem."""
        names, m = problem.names, problem.n_runs
        columns = [problem.groups[n] for n in names]
        values = np.column_stack(columns) if columns else np.zeros((m, 0))
        logged = tuple(n not in problem.unlogged for n in names)
        logs = np.log(np.where(logged, values, 1.0))
        variables, shape, shift = _composition(names, problem.composition)
        positive = problem.scale == "log"
        unit = None
        if problem.unit is not None:
            unit = problem.unit / np.exp(np.mean(np.log(problem.unit)))
        kind: Measured = "group" if unit is None else "target"
        scale = np.ones(m) if unit is None else unit
        return cls(
            names,
            values,
            logs,
            logged,
            problem.response,
            positive,
            problem.scaled_weights,
            shape,
            shift,
            unit,
            tuple(variables.index(n) for n in problem.must_use if n in variables),
            ErrorModel(_floor_of(logs, problem.response / scale) if positive else FLOOR, of=kind),
        )

    def with_errors(self, errors: ErrorModel, expected: Array | None = None) -> "Runs":
        """The runs with another error model."""
        return replace(self, errors=errors, expected=expected)

    def among(self, groups: Sequence[tuple[Fraction, ...]]) -> "Runs":
        """The runs with some monomials, given by their exponents, in place of the groups."""
        E = np.array(groups, dtype=float).T
        logged = tuple(not np.any(e[~np.array(self.logged, dtype=bool)]) for e in E.T)
        return replace(
            self,
            names=tuple(f"pi_{k}" for k in range(1, len(groups) + 1)),
            values=np.column_stack([self.monomial(e) for e in groups]),
            logs=np.where(logged, self.logs @ E, 0.0),
            logged=logged,
            shape=self.shape @ E,
            lengths={},
            _cache={},
        )

    @property
    def n_runs(self) -> int:
        """Number of runs."""
        return len(self.y)

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return len(self.names)

    def allows(self, exponents: Array) -> BoolArray:
        """Mask of monomials that are real and finite in every run.

        Parameters
        ----------
        exponents : ndarray of shape (n_monomials, n_groups)
        """
        signed = ~np.array(self.logged, dtype=bool)
        of_signed = exponents[:, signed]
        vanish = np.any(self.values[:, signed] == 0, axis=0)
        whole = np.all(of_signed == np.round(of_signed), axis=1)
        return np.asarray(whole & ~np.any((of_signed < 0) & vanish, axis=1))

    def poles(self, exponents: Array) -> IntArray:
        """Number of sign-changing groups in the denominator of each monomial."""
        return np.asarray((exponents[:, ~np.array(self.logged, dtype=bool)] < 0).sum(axis=1))

    def monomial(self, exponents: tuple[Fraction, ...]) -> Array:
        """Values of a monomial in every run, shape (n_runs,)."""
        values = self._cache.get(exponents)
        if values is None:
            e = np.array(exponents, dtype=float)
            values = np.exp(self.logs @ e)
            for j, log in enumerate(self.logged):
                if not log and exponents[j]:
                    values = values * self.values[:, j] ** int(exponents[j])
            self._cache[exponents] = values
        return values

    @cached_property
    def rescaled(self) -> "list[tuple[Runs, float]]":
        """The runs with each variable that laws must use larger, and pi_0 of an equal target."""
        out = []
        for j in self.must_use:
            change = _LOG_FACTOR * self.shape[j]
            logs = np.where(self.logged, self.logs + change, 0.0)
            other = replace(self, values=self.values * np.exp(change), logs=logs, _cache={})
            out.append((other, float(np.exp(_LOG_FACTOR * self.shift[j]))))
        return out

    @property
    def relative(self) -> bool:
        """Whether residuals are those of the logarithm."""
        return self.positive and self.errors.floor < FLOOR

    def scale_of(self, kind: Measured) -> Array:
        """Response for one unit of what has errors of one size, shape (n_runs,)."""
        return np.ones(self.n_runs) if self.unit is None or kind == "group" else self.unit

    @cached_property
    def doubtful(self) -> BoolArray:
        """Responses that are known less well than the best law so far predicts them."""
        if self.expected is None or not self.errors.noise:
            return np.zeros(self.n_runs, dtype=bool)
        least = _TRUSTED * self.errors.noise * self.scale_of(self.errors.of)
        # by what is expected, as a choice by the response itself would favour errors of one sign
        small = (np.abs(self.expected) < least) & (np.abs(self.y) < 2 * least)
        return np.asarray(small & (self.expected != 0))

    @cached_property
    def anchor(self) -> Array:
        """Response for transformations, with expected values in place of doubtful ones."""
        return self.y if self.expected is None else np.where(self.doubtful, self.expected, self.y)

    def size_at(self, level: Array) -> Array:
        """Scale of the errors of responses of a level, shape (n_runs,)."""
        return self.errors.size(level, self.y, self.scale_of(self.errors.of))

    @cached_property
    def size(self) -> Array:
        """Scale of the errors of each response, shape (n_runs,)."""
        return self.size_at(self.anchor)

    @cached_property
    def log_root(self) -> Array:
        """Square roots of the weights of log|y|."""
        return np.asarray(np.sqrt(self.weights) * np.abs(self.anchor) / self.size)

    @cached_property
    def power_law(self) -> Array:
        """Exponents of the power law that is nearest to the response, shape (n_groups,)."""
        Z = np.column_stack([np.ones(self.n_runs), self.logs]) * self.log_root[:, None]
        with np.errstate(all="ignore"):
            t = log_around(self.anchor, self.y)
            t = np.where(self.log_root > 0, t * self.log_root, 0.0)
        return np.asarray(np.linalg.lstsq(Z, t, rcond=1e-10)[0][1:])

    @cached_property
    def root(self) -> Array:
        """Square roots of the weights of the residuals."""
        size = np.abs(self.y) / self.size if self.relative else 1 / self.size
        return np.asarray(np.sqrt(self.weights) * size)

    @cached_property
    def places(self) -> Array:
        """Log groups (values of those that are not logged) of unit covariance."""
        X = np.where(self.logged, self.logs, self.values)
        return np.asarray(_whitened(X) * np.sqrt(len(X)))

    @cached_property
    def kernels(self) -> KernelRegressions:
        """Kernel regressions on the log groups, by which residuals are tested for structure."""
        return KernelRegressions.of(self.places)

    @cached_property
    def neighbours(self) -> IntArray:
        """Nearest other run of each."""
        if self.n_runs < 2 or self.places.shape[1] == 0:
            return np.arange(self.n_runs)[::-1].copy()
        return _nearest(self.places)


def log_around(at: Array, values: Array) -> Array:
    """Logarithm of the modulus of values, to first order around others, shape (n_runs,)."""
    with np.errstate(all="ignore"):
        moved = np.where(values == at, 0.0, (values - at) / at)
        return np.asarray(np.log(np.abs(at)) + moved)


def _whitened(X: Array) -> Array:
    """Orthonormal directions in which the rows vary."""
    return basis_of(X - X.mean(axis=0), 1e-10)


def _nearest(places: Array) -> IntArray:
    """Nearest other row of each."""
    near = cKDTree(places).query(places, k=2)[1]
    return np.asarray(near, dtype=np.int64).reshape(len(places), 2)[:, 1]


def _floor_of(logs: Array, y: Array) -> float:
    """Floor of the error of a positive response, from contrasts of near neighbours.

    Where small responses scatter far more than large ones on the logarithm, the error is partly
    additive and small responses are not to be trusted; else errors are relative throughout.
    """
    if len(y) < _FEWEST or not np.any(np.ptp(logs, axis=0)):
        return RELATIVE_FLOOR
    Z, t = _whitened(logs), np.log(y)
    t = t - t.mean() - Z @ (Z.T @ (t - t.mean()))
    contrast = np.abs(t - t[_nearest(Z)])
    low, high = np.quantile(y, [1 / 3, 2 / 3])
    scatter = [float(np.median(contrast[y <= low])), float(np.median(contrast[y >= high]))]
    return FLOOR if scatter[0] > _ADDITIVE * scatter[1] else relative_floor(y)


def relative_floor(y: Array) -> float:
    """Floor of errors that are relative: below all responses where these span many decades.

    Examples
    --------
    >>> relative_floor(np.array([1.0, 2.0, 3.0])) == RELATIVE_FLOOR
    True
    >>> relative_floor(np.array([1e-9, 2e-7, 1.0])) < 1e-8
    True
    """
    whole = rms(y)
    many = float(np.quantile(y, 1 / 3)) < RELATIVE_FLOOR * whole
    return float(y.min()) / whole if many else RELATIVE_FLOOR


def _composition(
    names: tuple[str, ...], composition: Mapping[str, Mapping[str, float]] | None
) -> tuple[list[str], Array, Array]:
    if composition is None or any(n not in composition for n in (*names, "pi_0")):
        return list(names), np.eye(len(names)), np.zeros(len(names))
    variables = sorted({v for n in names for v in composition[n]})
    shape = np.array([[composition[n].get(v, 0.0) for n in names] for v in variables])
    response = composition["pi_0"]
    shift = np.array([response.get(v, 0.0) for v in variables])
    return variables, shape.reshape(len(variables), len(names)), shift


def choose_errors(runs: Runs, expected: Array, *, settled: bool = False) -> Runs:
    """The runs with the errors under which the residuals are likeliest; the same ones if unclear.

    Residuals are contrasted with those of the nearest neighbour, so that what the law misses
    counts little; where it misses most of what there is to see, nothing is concluded. Errors of one
    size make the logarithms of small responses useless: those are taken around what is expected.

    Parameters
    ----------
    runs : Runs
    expected : ndarray of shape (n_runs,)
        Response by a law.
    settled : bool
        Whether runs with the same errors are given where only what is expected has moved.

    References
    ----------
    R. J. Carroll, D. Ruppert, Transformation and Weighting in Regression (1988), chapter 3.
    """
    residuals = expected - runs.y
    if runs.n_runs < _FEWEST or not np.all(np.isfinite(residuals)) or not np.any(residuals):
        return runs
    if runs.kernels.share(residuals / runs.size_at(expected)) > _HALF_EXPLAINED:
        return runs
    present = replace(runs.errors, noise=0.0)
    likelihoods = {kind: _likelihood(runs.with_errors(kind), expected) for kind in _kinds(runs)}
    errors = likeliest(likelihoods, present)
    if errors.floor == ADDITIVE_FLOOR:
        contrast = residuals / runs.scale_of(errors.of)
        contrast = np.abs(contrast - contrast[runs.neighbours])
        errors = replace(errors, noise=float(np.median(contrast)) / (_NORMAL_MEDIAN * np.sqrt(2)))
    again = runs.with_errors(errors, expected)
    if replace(errors, noise=0.0) != present:
        return again
    return again if settled and _moved(again, runs) > _MOVED else runs


def _moved(again: Runs, runs: Runs) -> float:
    """Change of the expected doubtful responses, rms over all runs, in standard errors."""
    if not again.errors.noise:
        return 0.0
    change = (again.anchor - runs.anchor) / again.scale_of(again.errors.of)
    return float(np.sqrt(np.mean(change**2))) / again.errors.noise


def _kinds(runs: Runs) -> list[ErrorModel]:
    """Errors that are tried: relative ones, mixed ones, and those of one size."""
    scale = runs.scale_of(runs.errors.of)
    out = [ErrorModel(relative_floor(runs.y / scale))] if runs.positive else []
    measured: tuple[Measured, ...] = ("group",) if runs.unit is None else ("target", "group")
    return out + [ErrorModel(floor, of) for of in measured for floor in (FLOOR, ADDITIVE_FLOOR)]


def _likelihood(runs: Runs, expected: Array) -> float:
    """Logarithm of the likelihood of the contrasts, their scale at its best value."""
    near, residuals = runs.neighbours, np.sqrt(runs.weights) * (expected - runs.y)
    contrast = residuals - residuals[near]
    if not np.any(contrast):
        return -np.inf
    size = runs.size_at(expected) ** 2
    return profile_log_likelihood(contrast, np.sqrt(size + size[near]))
