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
`dimgs.engines.structured.description`. `predictable_share` asks whether the residuals still depend
on the groups, that is, whether a better law exists at all.

=================  =====  ======================================================================
threshold          value  what it is for, and what it trades
=================  =====  ======================================================================
CONSTANT_BITS      4      sign and size of a fitted constant, besides the log2(n)/2 of its
                          precision: dearer, and constants that are needed are left out of laws
                          of few runs; cheaper, and any law is bent to the noise
SAME_LOSS          1e-9   relative gain of loss below which a longer candidate is no better: above
                          the rounding of a refit
EXACT_LOSS         1e-26  loss that is rounding, so that no longer candidate can be better
NEGLIGIBLE         0.05   share of the residuals that counts as nothing, whatever its chance
=================  =====  ======================================================================

References
----------
J. Rissanen, Automatica 14 (1978) 465-471 (description length); S.-M. Udrescu et al., NeurIPS 33
(2020) (description length of symbolic laws).
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from dimgs.common.arrays import Array
from dimgs.engines.protocol import Problem
from dimgs.expression.candidate import Candidate
from dimgs.expression.price import structure_of
from dimgs.fits.noise import data_bits

if TYPE_CHECKING:
    pass

# the table above says what each of these is for
CONSTANT_BITS = 4.0
SAME_LOSS, EXACT_LOSS = 1e-9, 1e-26
NEGLIGIBLE = 0.05
# one of 40 shuffles, the least number that can show a chance of 1/40
_LEVEL, _SHUFFLES = 0.025, 39
# squared lengths of kernels, in units of the variance of the coordinates, mean over them. The
# shortest sees a ripple of which the runs hold several waves: of 60 runs in two groups, sin(6 z) as
# large as the noise is noticed in 49 of 100 tables instead of 2; sin(z) in 99 instead of 100
_WIDTHS = (0.1, 0.5, 4.0)
# kernel matrices of more runs cost more than they add
_MOST_RUNS = 500


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


def predictable_share(coordinates: Array, residuals: Array) -> float:
    """Share of the residuals that the groups still explain out of sample (R², 0 if none).

    Kernel ridge regression of several widths, each run left out in turn; of more than 500 runs,
    500.

    Parameters
    ----------
    coordinates : ndarray of shape (n_runs, n_groups)
        Whitened log groups.
    residuals : ndarray of shape (n_runs,)
    """
    return float(_predictable_shares(coordinates, np.asarray(residuals)[:, None])[0])


def normal_scores(values: Array) -> Array:
    """Quantiles of the normal distribution in the place of values of the same ranks.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Equal ones share a rank: runs may be in the order of their responses.

    Examples
    --------
    >>> normal_scores(np.array([3.0, 1.0, 1000.0])).round(2).tolist()
    [0.0, -0.97, 0.97]
    """
    _, place, equal = np.unique(values, return_inverse=True, return_counts=True)
    # not SciPy's ranks: its statistics take half a second to import
    ranks = (np.cumsum(equal) - (equal - 1) / 2)[place]
    return np.asarray(ndtri((ranks - 0.5) / len(values)))


def is_white(
    coordinates: Array, residuals: Array, level: float = _LEVEL, shuffles: int = _SHUFFLES
) -> bool:
    """Whether the groups explain nothing of the residuals, or no more than of shuffled ones.

    Ranks are looked at, so that one large residual does not hide what the others follow.

    Parameters
    ----------
    coordinates : ndarray of shape (n_runs, n_groups)
        Whitened log groups.
    residuals : ndarray of shape (n_runs,)
    level : float
        Share of pure noise that is not taken for it.
    shuffles : int

    Examples
    --------
    >>> x = np.linspace(-1.0, 1.0, 50)
    >>> is_white(x[:, None], np.sin(3 * x)), is_white(x[:, None], np.cos(997 * np.arange(50) ** 2))
    (False, True)
    """
    rng = np.random.default_rng(0)
    e = normal_scores(residuals)
    shuffled = [rng.permutation(e) for _ in range(shuffles)]
    shares = _predictable_shares(coordinates, np.column_stack([e, *shuffled]))
    chance = (1 + int(np.sum(shares[1:] >= shares[0]))) / (1 + shuffles)
    return bool(shares[0] < NEGLIGIBLE or chance > level)


def _predictable_shares(coordinates: Array, residuals: Array) -> Array:
    """Left-out R² of every column of residuals, the best over widths and ridges."""
    rows = np.linspace(0, len(residuals) - 1, min(len(residuals), _MOST_RUNS)).astype(int)
    X, E = coordinates[rows], residuals[rows] - residuals[rows].mean(axis=0)
    scale = E.std(axis=0)
    best = np.zeros(E.shape[1])
    if X.shape[1] == 0 or not np.all(scale > 0):
        return best
    E = E / scale
    square = ((X[:, None, :] - X[None, :, :]) ** 2).mean(axis=2)
    for width in _WIDTHS:
        values, vectors = np.linalg.eigh(np.exp(-square / width))
        turned = vectors.T @ E
        for ridge in (0.03, 0.3, 3.0):
            share = ridge / (np.maximum(values, 0) + ridge)
            deleted = vectors @ (share[:, None] * turned) / ((vectors**2) @ share)[:, None]
            best = np.maximum(best, 1 - np.mean(deleted**2, axis=0))
    return best
