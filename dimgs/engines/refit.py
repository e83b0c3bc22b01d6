"""Constants of a candidate, of whichever engine: fitted again in double precision, made simple."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
import sympy

from dimgs.common import arrays
from dimgs.common.arrays import Array
from dimgs.common.errors import LawError
from dimgs.engines.protocol import Problem
from dimgs.engines.selection import candidate_bits
from dimgs.expression.candidate import Candidate
from dimgs.expression.formula import Formula
from dimgs.fits.noise import EXACT
from dimgs.fits.nonlinear_least_squares import minimise_squares
from dimgs.groups.rationals import nearest_rationals

# steps of a fit, as those that need more run to where a constant is infinite, and the relative
# gain that ends it: that of a step of 1e-14 of the noise, so it ends at the last digit
_STEPS, _ENOUGH = 60, 1e-28
# relative step of central differences: errors of rounding and of truncation are equal there
_STEP = float(np.cbrt(np.finfo(float).eps))
# relative distance from a simple number within which it is tried: the errors of constants in a
# few per cent of noise
_NEAR = 0.02
# the same in standard errors, at most half the distance of the halves, so that a constant of which
# the runs say little is tried at few numbers: bits decide among these
_ERRORS, _FARTHEST = 3.0, 0.25
# numbers that are simple: fractions of these denominators, with numerators up to a dozen
_DENOMINATORS = (1, 2, 3, 4)
_LARGEST_NUMERATOR = 12
# of the loss before: from a dozen runs on, one constant less does not make good one twice as large
_HOPELESS = 2.0


def loss_of(candidate: Candidate, problem: Problem) -> float:
    """Weighted mean square of the residuals on the candidate's scale.

    Parameters
    ----------
    candidate : Candidate
    problem : Problem

    Returns
    -------
    float
        Infinite if the candidate has no value (on a logarithmic scale: no positive one) in some
        run.

    Examples
    --------
    >>> from sympy import Symbol
    >>> problem = Problem({"pi_1": np.array([1.0, 2.0])}, np.array([2.0, 4.0]), scale="linear")
    >>> loss_of(Candidate.of(Symbol("pi_1"), scale="linear"), problem)
    2.5
    """
    residuals = _Residuals(candidate, problem).at(_start(candidate))
    return float(np.mean(residuals**2)) if np.all(np.isfinite(residuals)) else np.inf


def refit(candidate: Candidate, problem: Problem) -> Candidate:
    """The candidate with the constants of least squares, and its loss.

    The logarithm of pi_0, or pi_0 itself, is fitted: whichever is the scale of the candidate. The
    search starts from the present constants and never returns worse ones.

    Parameters
    ----------
    candidate : Candidate
    problem : Problem
        Runs; its scale is not used.

    Returns
    -------
    Candidate
        Its loss is that of :func:`loss_of`.

    Examples
    --------
    >>> from sympy import symbols
    >>> x = np.geomspace(1.0, 100.0, 9)
    >>> pi_1, a, b = symbols("pi_1 a b")
    >>> rough = Candidate.of(a * pi_1**b, {"a": 0.3, "b": -0.2})
    >>> fitted = refit(rough, Problem({"pi_1": x}, 0.316 / x**0.25))
    >>> {name: round(value, 12) for name, value in fitted.constants.items()}
    {'a': 0.316, 'b': -0.25}
    """
    residuals = _Residuals(candidate, problem)
    best = _start(candidate)
    before = residuals.at(best)
    if not np.all(np.isfinite(before)):
        return replace(candidate, loss=np.inf)
    loss = float(np.mean(before**2))
    if len(best) and loss > 0:
        parameters = minimise_squares(
            residuals.model, best, steps=_STEPS, enough=_ENOUGH
        ).parameters
        after = float(np.mean(residuals.at(parameters) ** 2))
        best, loss = (parameters, after) if after < loss else (best, loss)
    constants = dict(zip(candidate.constants, best.tolist(), strict=True))
    return replace(candidate, constants=constants, loss=loss)


def standard_errors(candidate: Candidate, problem: Problem) -> dict[str, float]:
    """Standard errors of the constants of a refitted candidate, by name.

    Parameters
    ----------
    candidate : Candidate
    problem : Problem

    Examples
    --------
    >>> from sympy import Symbol
    >>> x = np.linspace(1.0, 2.0, 11)
    >>> problem = Problem({"pi_1": x}, 3 * x + 0.1 * np.cos(60 * x), scale="linear")
    >>> line = Candidate.of(Symbol("a") * Symbol("pi_1"), {"a": 3.0}, scale="linear")
    >>> round(standard_errors(refit(line, problem), problem)["a"], 3)
    0.014
    """
    residuals, constants = _Residuals(candidate, problem), _start(candidate)
    errors = arrays.standard_errors(residuals.slopes(constants), residuals.at(constants))
    return dict(zip(candidate.constants, errors.tolist(), strict=True))


def _start(candidate: Candidate) -> Array:
    return np.array(list(candidate.constants.values()), dtype=np.float64)


class _Residuals:
    """Weighted residuals of a candidate in every run, as a function of its constants."""

    def __init__(self, candidate: Candidate, problem: Problem) -> None:
        self.observed = problem.response
        # whether they are those of the logarithm
        self.log = candidate.scale == "log"
        groups = {name: problem.groups[name] for name in candidate.groups}
        self.formula = Formula(
            candidate.expression, groups, tuple(candidate.constants), len(self.observed)
        )
        self.root, start = np.sqrt(problem.scaled_weights), np.abs(_start(candidate))
        self.typical = np.where(start > 0, start, 1.0)

    @np.errstate(all="ignore")
    def at(self, constants: Array) -> Array:
        """Residuals, of shape (n_runs,); NaN where there is no value."""
        predicted = self.formula.value(constants)
        if not self.log:
            return self.root * (self.observed - predicted)
        ratio = self.observed / predicted
        return np.asarray(self.root * np.log(np.where(ratio > 0, ratio, np.nan)))

    def model(self, constants: Array) -> tuple[Array, Array]:
        """Residuals and slopes in units of the largest response, where they are not logarithms."""
        unit = 1.0 if self.log else float(np.abs(self.observed).max()) or 1.0
        return self.at(constants) / unit, self.slopes(constants) / unit

    @np.errstate(all="ignore")
    def slopes(self, constants: Array) -> Array:
        """Weighted slopes of the prediction, of shape (n_runs, n_constants)."""
        try:
            slopes = self.formula.slopes(constants)
        except (NameError, TypeError, AttributeError):
            slopes = self._differences(constants)
        else:
            scale = self.root / self.formula.value(constants) if self.log else self.root
            slopes = scale[:, None] * slopes
            if not np.all(np.isfinite(slopes)):
                slopes = self._differences(constants)
        return np.where(np.isfinite(slopes), slopes, 0.0)

    def _differences(self, constants: Array) -> Array:
        columns = []
        for j, size in enumerate(np.maximum(np.abs(constants), self.typical)):
            step = np.zeros(len(constants))
            step[j] = _STEP * size
            columns.append((self.at(constants - step) - self.at(constants + step)) / (2 * step[j]))
        return np.column_stack(columns)


def with_simple_constants(
    candidate: Candidate, problem: Problem, kept: Collection[str] = ()
) -> Candidate:
    """The candidate of the fewest bits that simple numbers in place of constants give.

    Zero drops a term that does nothing, one a factor, and exponents become rational; the other
    constants are fitted again each time.

    Parameters
    ----------
    candidate : Candidate
        Refitted.
    problem : Problem
    kept : collection of str
        Constants that stay, such as those with a unit of their own.

    Examples
    --------
    >>> import numpy as np
    >>> from sympy import symbols
    >>> x, a, b, c = symbols("pi_1 a b c")
    >>> found = Candidate.of(a * x**b + c, {"a": 0.3, "b": -0.25000001, "c": 1e-9})
    >>> runs = np.geomspace(1.0, 50.0, 12)
    >>> print(with_simple_constants(found, Problem({"pi_1": runs}, 0.3 / runs**0.25)))
    a/pi_1**(1/4)
    """
    bits = candidate_bits(candidate, problem)
    for name in [n for n in candidate.constants if n not in kept]:
        if name not in candidate.constants:
            continue
        error = standard_errors(candidate, problem)[name]
        for value in _simple_near(candidate.constants[name], error):
            trial = _fixed(candidate, name, value, problem)
            if trial is None or not trial.loss < max(_HOPELESS * candidate.loss, EXACT**2):
                continue
            trial_bits = candidate_bits(trial, problem)
            # a number that is met to all digits is no chance, whatever it costs
            if trial_bits < bits or trial.loss < EXACT**2:
                candidate, bits = trial, trial_bits
                break
    return candidate


def _simple_near(value: float, error: float) -> Iterator[Fraction]:
    """Rationals close to the value, those of small denominators first."""
    if not abs(value) < _LARGEST_NUMERATOR:
        return
    for near in nearest_rationals(value, _DENOMINATORS):
        slack = _NEAR * max(abs(float(near)), 1 / near.denominator)
        slack = max(slack, min(_ERRORS * error, _FARTHEST))
        if abs(near.numerator) <= _LARGEST_NUMERATOR and abs(value - float(near)) <= slack:
            yield near


def _fixed(candidate: Candidate, name: str, value: Fraction, problem: Problem) -> Candidate | None:
    """The candidate with that constant fixed, and the others fitted again."""
    number = sympy.Rational(value.numerator, value.denominator)
    try:
        expression = candidate.expression.subs(sympy.Symbol(name), number)
        names = {str(s) for s in expression.free_symbols}
        constants = {n: v for n, v in candidate.constants.items() if n in names}
        trial = Candidate.of(expression, constants, scale=candidate.scale, engine=candidate.engine)
    except (LawError, TypeError, ValueError):
        return None
    return refit(trial, problem)
