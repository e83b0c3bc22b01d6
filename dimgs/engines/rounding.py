"""Constants of a candidate that come close to simple numbers, made simple where the runs agree."""

from collections.abc import Collection, Iterator
from fractions import Fraction

from dimgs.common.errors import LawError
from dimgs.engines.protocol import Problem
from dimgs.engines.refit import refit, standard_errors
from dimgs.engines.selection import candidate_bits
from dimgs.expression.candidate import Candidate
from dimgs.fits.noise import EXACT
from dimgs.groups.rationals import nearest_rationals

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
            if trial is None or not _is_hopeful(trial.loss, candidate.loss):
                continue
            trial_bits = candidate_bits(trial, problem)
            # a number that is met to all digits is no chance, whatever it costs
            if trial_bits < bits or trial.loss < EXACT**2:
                candidate, bits = trial, trial_bits
                break
    return candidate


def _is_hopeful(loss: float, before: float) -> bool:
    return loss < _HOPELESS * before or loss < EXACT**2


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
    import sympy

    number = sympy.Rational(value.numerator, value.denominator)
    try:
        expression = candidate.expression.subs(sympy.Symbol(name), number)
        names = {str(s) for s in expression.free_symbols}
        constants = {n: v for n, v in candidate.constants.items() if n in names}
        trial = Candidate.of(expression, constants, scale=candidate.scale, engine=candidate.engine)
    except (LawError, TypeError, ValueError):
        return None
    return refit(trial, problem)
