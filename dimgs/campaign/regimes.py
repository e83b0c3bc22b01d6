"""Regions of pi space in which a single power law holds, and how far they reach."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dimgs.campaign.consensus import Affine, Consensus, distances, settled, without_crossovers

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# standard deviations: 0.3 % of normal errors are larger
_NOISE = 3.0
_MARGINS = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0)
# a wider margin loses runs, and must gain a fifth of the doubt
_BETTER = 0.8
# about the 90 % quantile of t with few degrees of freedom
_T = 2.0
# a run and its two nearest decide together, so that one run alone does not
_VOTES = 3
# beyond this many e-folds from any meeting of laws no smooth crossover misses by 3 %
_DEEP = 3.5
# where the strength of a crossover is read off, and the most that is believed
_BESIDE = (0.5, 3.0)
# a crossover that misses by more than three times that of a sum is none
_MOST = 3.0
# runs inside a crossover that tell its strength
_TELLING = 2


@dataclass(frozen=True, eq=False)
class Regimes:
    """Power laws and where each holds.

    A point belongs to law k where, against every other law j, it lies on the side of their
    meeting on which the runs of k lie. It is in the core of k where the two laws also differ by
    the margin of k in log pi_0, and the nearest runs follow k. Crossovers lie between the cores.

    Parameters
    ----------
    laws : tuple of Affine
    signs : ndarray of shape (n_laws, n_laws)
        Sign of law j minus law k inside regime k.
    margins : ndarray of shape (n_laws,)
    accepted : float
        Largest miss of log pi_0 at which a run is taken to follow a law.
    z : ndarray of shape (n_runs, rank)
        The runs.
    follows : ndarray of bool of shape (n_runs, n_laws)
        Which run follows which law to within `accepted`.
    stands_out : bool
        False where no law was found that many runs follow: a single law goes through all.
    """

    laws: tuple[Affine, ...]
    signs: Array
    margins: Array
    accepted: float
    z: Array
    follows: Mask
    stands_out: bool = True

    def gaps(self, z: Array) -> Array:
        """Smallest signed difference to another law, shape (n_points, n_laws); inf if alone."""
        return np.asarray(self._pairwise(z).min(axis=2))

    def lean(self, z: Array, y: Array) -> Array:
        """What crossovers may take from the laws, shape (n_points, n_laws), signed.

        Two laws a factor e^g apart that add, or whose resistances add, miss the dominant one by
        log(1 + e^-g). How much of that there is, is read off the runs between each two cores.

        Parameters
        ----------
        z, y : ndarray of shape (n_points, rank) and (n_points,)
            The points; `y` of the runs in ``self.z``.
        """
        term = np.log1p(np.exp(-np.clip(self._pairwise(z), 0.0, 700.0)))
        return np.asarray(-np.einsum("kj,ikj->ik", self.signs * self._strength(y), term))

    def _strength(self, y: Array) -> Array:
        """Size of each crossover against that of a sum, from the runs that lie in it alone."""
        n = len(self.laws)
        gap = self._pairwise(self.z)
        misses = np.abs(y[:, None] - np.stack([law(self.z) for law in self.laws], axis=1))
        strength = np.ones((n, n))
        for k in range(n):
            for j in range(n):
                others = [i for i in range(n) if i not in (j, k)]
                alone = np.all(gap[:, k][:, others] > _BESIDE[1], axis=1)
                rows = alone & (gap[:, k, j] > _BESIDE[0]) & (gap[:, k, j] < _BESIDE[1])
                if j != k and rows.sum() >= _TELLING:
                    ratio = misses[rows, k] / np.log1p(np.exp(-gap[rows, k, j]))
                    strength[k, j] = min(float(ratio.max()), _MOST)
        return strength

    def _pairwise(self, z: Array) -> Array:
        """Signed differences of law j to law k, shape (n_points, k, j); inf where j is k."""
        values = np.stack([law(z) for law in self.laws], axis=1)
        difference = self.signs[None] * (values[:, None, :] - values[:, :, None])
        diagonal = np.arange(len(self.laws))
        difference[:, diagonal, diagonal] = np.inf
        return np.asarray(difference)

    def cores(self, z: Array) -> Mask:
        """Whether points are in the core of each law, shape (n_points, n_laws).

        A run's own miss has one vote of three, so that a single run that scatters stays in.
        """
        if not self.laws:
            return np.zeros((len(z), 0), dtype=np.bool_)
        votes = min(_VOTES, len(self.z)) - 1
        near = np.argpartition(distances(z, self.z), votes, axis=1)[:, : votes + 1]
        around = self.follows[near].mean(axis=1) > 0.5
        return np.asarray((self.gaps(z) >= self.margins) & around)

    @property
    def unexplained(self) -> Mask:
        """Runs that follow no law although no other law is near: a regime is still missing."""
        if not self.laws:
            return np.ones(len(self.z), dtype=np.bool_)
        deep = np.any(self.gaps(self.z) >= np.maximum(self.margins, _DEEP), axis=1)
        return np.asarray(deep & ~self.follows.any(axis=1))


def find_regimes(
    z: Array,
    y: Array,
    acceptance: float,
    noise: float = 0.0,
    known: tuple[Affine, ...] = (),
) -> Regimes:
    """Laws on which the most runs agree, one after the other.

    Parameters
    ----------
    z : ndarray of shape (n_runs, rank)
    y : ndarray of shape (n_runs,)
        Logarithm of the response group.
    acceptance : float
        Largest miss at which a run follows a law; raised to three times the noise.
    noise : float
        Standard deviation of a run.
    known : tuple of Affine
        Laws to try first, such as those of fewer runs.

    Returns
    -------
    Regimes
        With a single law through all runs where no regime stands out.

    References
    ----------
    M. A. Fischler, R. C. Bolles, Comm. ACM 24 (1981) 381-395: random sample consensus.

    Examples
    --------
    >>> x = np.linspace(-8.0, 8.0, 41)[:, None]
    >>> found = find_regimes(x, -np.logaddexp(0.0, -x[:, 0]), 0.04)
    >>> np.abs(np.round([law.slope[0] for law in found.laws], 2)).tolist()
    [1.0, 0.0]
    """
    rank = z.shape[1]
    accepted = max(acceptance, _NOISE * noise)
    search = Consensus(z, y, accepted, noise, 2 * (rank + 1))
    laws, members, signs = settled(search, without_crossovers(search, search.laws(known)))
    if not laws:
        every = np.ones((len(y), 1), dtype=np.bool_)
        alone = (Affine.fit(z, y),) if len(y) else ()
        return Regimes(alone, np.zeros((1, 1)), np.zeros(1), accepted, z, every, stands_out=False)
    found = Regimes(tuple(laws), signs, np.zeros(len(laws)), accepted, z, members)
    for _ in range(2):
        gaps = found.gaps(z)
        lean = found.lean(z, y)
        margins = np.array(
            [_margin(z, y, gaps[:, k], found.follows[:, k], lean[:, k]) for k in range(len(laws))]
        )
        core = Regimes(found.laws, signs, margins, accepted, z, found.follows).cores(z)
        laws = [
            Affine.fit(z[core[:, k]], y[core[:, k]]) if core[:, k].sum() > rank + 2 else law
            for k, law in enumerate(found.laws)
        ]
        misses = np.abs(y[:, None] - np.stack([law(z) for law in laws], axis=1))
        found = Regimes(tuple(laws), signs, margins, accepted, z, misses <= accepted)
    return found


def _margin(z: Array, y: Array, gap: Array, follows: Mask, lean: Array) -> float:
    """Margin at which the slopes are known best: scatter, number, and what crossovers may do."""
    enough = 2 * (z.shape[1] + 1)
    best, width = 0.0, np.inf
    for margin in _MARGINS:
        core = np.flatnonzero((gap >= margin) & follows)
        if len(core) < enough:
            break
        error = _slope(z[core], y[core])[1]
        drift = float(np.linalg.norm(_slope(z[core], lean[core])[0]))
        doubt = float(np.hypot(_T * error, drift))
        if doubt < _BETTER * width:
            best, width = margin, doubt
    return best


def _slope(z: Array, y: Array) -> tuple[Array, float]:
    """Slope of an affine fit and its standard error, all directions together."""
    law = Affine.fit(z, y)
    part = z - z.mean(axis=0)
    miss = y - law(z)
    variance = float(miss @ miss) / max(len(z) - z.shape[1] - 1, 1)
    return law.slope, float(np.sqrt(variance * np.trace(np.linalg.pinv(part.T @ part, rcond=1e-9))))
