"""The description length of a law: bits of the law, and of the runs given the law.

A law is scored by the length of the shortest message that conveys it together with the runs:

    bits = structure + constants + data,

- data: the negative log2 of the profile likelihood of the runs, n log2(sigma), where sigma is the
  rms of their residuals, by the likeliest kind of errors (`dimgs.fits.noise`);
- constants: log2(n)/2 for each constant that was fitted, the precision that n runs give, and some
  bits for its sign and size. Runs that were left out would charge for constants by themselves:
  they judge the laws that a search found, without these bits, in `dimgs.judgement.evidence`;
- structure: bits for each operator, function, group and exponent, rare ones more, as the judgement
  prices it (`dimgs.expression.price`).

`select` orders candidates by these bits; `pareto_front` keeps those that no shorter one equals.
Which of the candidates is the law is decided by runs left out, in `dimgs.discovery.judgement`; the
embedded engine prices the same parts of its trees in the physical variables, in
`dimgs.engines.structured.description`.

=================  =====  ======================================================================
threshold          value  what it is for, and what it trades
=================  =====  ======================================================================
CONSTANT_BITS      4      sign and size of a fitted constant, besides the log2(n)/2 of its
                          precision: dearer, and constants that are needed are left out of laws
                          of few runs; cheaper, and any law is bent to the noise
SAME_LOSS          1e-9   relative gain of loss below which a longer candidate is no better: above
                          the rounding of a refit
EXACT_LOSS         1e-26  loss that is rounding, so that no longer candidate can be better
=================  =====  ======================================================================

References
----------
J. Rissanen, Automatica 14 (1978) 465-471 (description length); S.-M. Udrescu et al., NeurIPS 33
(2020) (description length of symbolic laws).
"""

from collections.abc import Iterable

import numpy as np

from dimgs.engines.protocol import Problem
from dimgs.expression.candidate import Candidate
from dimgs.expression.price import structure_of
from dimgs.fits.noise import data_bits

# the table above says what each of these is for
CONSTANT_BITS = 4.0
SAME_LOSS, EXACT_LOSS = 1e-9, 1e-26


def constants_bits(n_constants: int, n_runs: int) -> float:
    """Bits for the fitted constants."""
    return n_constants * (0.5 * float(np.log2(n_runs)) + CONSTANT_BITS)


def candidate_bits(candidate: Candidate, problem: Problem) -> float:
    """Score of a candidate of any engine; its constants count as fitted.

    Returns
    -------
    float
        Infinite if the candidate is not finite in every run.
    """
    predicted = candidate.evaluate(problem.groups)
    if not np.all(np.isfinite(predicted)):
        return np.inf
    return (
        data_bits(predicted, problem.response, problem.scaled_weights, problem.unit)
        + structure_of(candidate.expression, set(candidate.constants)).bits
        + 0.5 * len(candidate.constants) * float(np.log2(problem.n_runs))
    )


def select(candidates: Iterable[Candidate], problem: Problem) -> tuple[Candidate, ...]:
    """Candidates in their order of choice: that of the fewest bits first, of equals the shortest.

    Parameters
    ----------
    candidates : iterable of Candidate
        With fitted constants, of whichever engines.
    problem : Problem
        Runs that they were fitted to.

    Examples
    --------
    >>> from sympy import Symbol
    >>> x, problem = Symbol("pi_1"), Problem({"pi_1": np.arange(1.0, 9.0)}, np.arange(2.0, 18.0, 2))
    >>> [str(c) for c in select([Candidate.of(x + 1), Candidate.of(2 * x)], problem)]
    ['2*pi_1', 'pi_1 + 1']
    """
    ranked = [(candidate_bits(c, problem), c.complexity, str(c), c) for c in candidates]
    return tuple(c for *_, c in sorted(ranked, key=lambda r: r[:3]))


def pareto_front(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Candidates that no shorter one equals, the shortest first.

    Examples
    --------
    >>> from sympy import Symbol
    >>> x = Symbol("pi_1")
    >>> losses = {x: 0.5, x + 1: 0.5, x**2 + 1: 0.1}
    >>> [str(c) for c in pareto_front(Candidate.of(e, loss=loss) for e, loss in losses.items())]
    ['pi_1', 'pi_1**2 + 1']
    """

    def key(c: Candidate) -> tuple[int, float, int, str]:
        return c.complexity, max(c.loss, EXACT_LOSS), len(c.constants), str(c)

    front: list[Candidate] = []
    for candidate in sorted(candidates, key=key):
        best = front[-1].loss if front else np.inf
        if candidate.loss < best * (1 - SAME_LOSS) and (not front or best > EXACT_LOSS):
            front.append(candidate)
    return front
