"""Power laws on which many runs agree, one after the other."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Affine:
    """A power law in pi space: log pi_0 = constant + slope . z.

    Parameters
    ----------
    constant : float
    slope : ndarray of shape (rank,)
    """

    constant: float
    slope: Array

    @classmethod
    def fit(cls, z: Array, y: Array) -> "Affine":
        """Least squares; of the smallest slope where the points do not span the space."""
        mean = z.mean(axis=0)
        level = float(y.mean())
        slope = np.linalg.lstsq(z - mean, y - level, rcond=1e-9)[0]
        return cls(level - float(mean @ slope), slope)

    def __call__(self, z: Array) -> Array:
        """Values at points of shape (n, rank)."""
        return np.asarray(self.constant + z @ self.slope)


def distances(z: Array, other: Array) -> Array:
    """Squared distances, shape (n_points, n_other_points)."""
    cross = z @ other.T
    square = (z**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None] - 2.0 * cross
    return np.asarray(np.maximum(square, 0.0))


Mask = NDArray[np.bool_]

# refits until the members stay the same; a handful is the rule
_ROUNDS = 15
# random neighbours beside the nearest ones, for runs that scatter
_DRAWS = 4
# of more runs so many are tried: their laws come again
_MOST_SEEDS = 128
# a law that still holds for half of its runs four times more closely is no tangent of a crossover
_CLOSER = 4.0
_PERSIST = 0.5
# part of the three nearest runs of a member that must be members too: chance gives their share
_NEIGHBOURS = 3
_PURITY = 0.34


class Consensus:
    """Search for laws among runs.

    Parameters
    ----------
    z : ndarray of shape (n_runs, rank)
    y : ndarray of shape (n_runs,)
    accepted : float
        Largest miss at which a run follows a law.
    noise : float
        Standard deviation of a run.
    enough : int
        Runs that a law needs.
    """

    def __init__(self, z: Array, y: Array, accepted: float, noise: float, enough: int) -> None:
        self.z, self.y = z, y
        self.accepted, self.enough = accepted, enough
        self._closest = max(accepted / _CLOSER, 2.0 * noise)
        square = distances(z, z)
        np.fill_diagonal(square, np.inf)
        self._order = np.argsort(square, axis=1, kind="stable")

    def laws(self, known: tuple[Affine, ...] = ()) -> list[Affine]:
        """Laws found, those known before tried first; the one with the most runs leads."""
        free = np.ones(len(self.y), dtype=np.bool_)
        found: list[Affine] = []
        while free.sum() >= self.enough:
            law = self._best(known, free)
            if law is None:
                break
            found.append(law[0])
            free &= ~law[1]
        return found

    def _best(self, known: tuple[Affine, ...], free: Mask) -> tuple[Affine, Mask] | None:
        for seeds in (known, self._seeds(free)):
            grown: dict[bytes, Mask] = {}
            for seed in seeds:
                members = self._grow(seed, free)
                if members is not None and members.sum() >= self.enough:
                    grown[members.tobytes()] = members
            for members in sorted(grown.values(), key=lambda m: -int(m.sum())):
                if self._holds(members):
                    return Affine.fit(self.z[members], self.y[members]), members
        return None

    def _seeds(self, free: Mask) -> Iterator[Affine]:
        """Exact and near-exact fits to neighbouring free runs."""
        rank = self.z.shape[1]
        rng = np.random.default_rng(len(self.y))
        rows = np.flatnonzero(free)
        for i in rows if len(rows) <= _MOST_SEEDS else rng.choice(rows, _MOST_SEEDS, replace=False):
            near = self._order[i][free[self._order[i]]][: 3 * (rank + 1)]
            if len(near) < rank + 2:
                continue
            samples = [near[:rank], near[: rank + 2]]
            samples += [rng.choice(near, rank, replace=False) for _ in range(_DRAWS)]
            for sample in samples:
                chosen = np.append(sample, i)
                yield Affine.fit(self.z[chosen], self.y[chosen])

    def _grow(self, law: Affine, among: Mask, accepted: float | None = None) -> Mask | None:
        """Runs that agree with a law that is refitted to them until they no longer change."""
        limit = self.accepted if accepted is None else accepted
        members: Mask | None = None
        for _ in range(_ROUNDS):
            now = among & (np.abs(self.y - law(self.z)) <= limit)
            if now.sum() < self.z.shape[1] + 2:
                return None
            if members is not None and bool((now == members).all()):
                break
            members, law = now, Affine.fit(self.z[now], self.y[now])
        return members

    def _holds(self, members: Mask) -> bool:
        """Whether the law holds more closely for many of its runs, and around each of them."""
        law = Affine.fit(self.z[members], self.y[members])
        closer = self._grow(law, members, self._closest)
        if closer is None or closer.sum() < _PERSIST * members.sum():
            return False
        near = self._order[members][:, :_NEIGHBOURS]
        return bool(members[near].mean() >= _PURITY)


def settled(
    search: Consensus, laws: list[Affine], rounds: int = _ROUNDS
) -> tuple[list[Affine], Mask, Array]:
    """Every run to the law nearest to it, on that law's side of every meeting.

    Returns
    -------
    laws : list of Affine
    members : ndarray of bool of shape (n_runs, n_laws)
    sides : ndarray of shape (n_laws, n_laws)
        Sign of law j minus law k at the runs of law k.
    """
    z, y = search.z, search.y
    members = np.zeros((len(y), 0), dtype=np.bool_)
    signs = np.zeros((0, 0))
    for _ in range(rounds):
        if not laws:
            break
        values = np.stack([law(z) for law in laws], axis=1)
        misses = np.abs(y[:, None] - values)
        members = (misses <= search.accepted) & (misses == misses.min(axis=1, keepdims=True))
        signs = sides(values, members)
        for k in range(len(laws)):
            members[np.any(signs[k] * (values - values[:, [k]]) < 0.0, axis=1), k] = False
        kept = [k for k in range(len(laws)) if members[:, k].sum() >= search.enough]
        again = [Affine.fit(z[members[:, k]], y[members[:, k]]) for k in kept]
        same = len(again) == len(laws) and all(
            np.allclose(a.slope, b.slope, atol=1e-12) for a, b in zip(again, laws, strict=True)
        )
        laws, members, signs = again, members[:, kept], signs[np.ix_(kept, kept)]
        if same:
            break
    return laws, members, signs


def sides(values: Array, members: Mask) -> Array:
    """On which side of its meeting with each other law the runs of a law lie."""
    n = values.shape[1]
    signs = np.zeros((n, n))
    for k in range(n):
        own = values[members[:, k]]
        for j in range(n):
            if j != k and len(own):
                signs[k, j] = 1.0 if np.median(own[:, j] - own[:, k]) >= 0.0 else -1.0
    return signs


# a crossover reaches about this far from where two laws meet, in log pi_0
_REACH = 3.0
# part of the spread of the slopes: how far a tangent may lie beside their mixture
_BETWEEN = 0.15
# most of the runs of a tangent lie in the crossover
_MAJORITY = 0.5


def without_crossovers(search: Consensus, laws: list[Affine]) -> list[Affine]:
    """Laws without those that are tangents of a crossover.

    A law is one if most of its runs lie where two other laws are both within `e^3` of the runs,
    and its slope is a mixture of the other slopes: the slope of a smooth crossover always is.

    Parameters
    ----------
    search : Consensus
    laws : list of Affine

    Returns
    -------
    list of Affine
    """
    kept = list(laws)
    while len(kept) > 2:
        values = np.stack([law(search.z) for law in kept], axis=1)
        misses = np.abs(search.y[:, None] - values)
        owner = misses.argmin(axis=1)
        own = [(owner == k) & (misses[:, k] <= search.accepted) for k in range(len(kept))]
        for k in sorted(range(len(kept)), key=lambda k: int(own[k].sum())):
            others = [j for j in range(len(kept)) if j != k]
            if _in_crossover(misses[own[k]][:, others]) and _is_mixture(
                kept[k].slope, np.array([kept[j].slope for j in others])
            ):
                del kept[k]
                break
        else:
            return kept
    return kept


def _in_crossover(misses: Array) -> bool:
    if not len(misses):
        return True
    return bool(np.mean(np.sort(misses, axis=1)[:, 1] < _REACH) >= _MAJORITY)


def _is_mixture(slope: Array, others: Array) -> bool:
    """Whether a slope is close to the convex hull of others, against their spread."""
    spread = float(np.linalg.norm(others - others.mean(axis=0), axis=1).max())
    if spread == 0.0:
        return False
    heavy = 1e3
    table = np.vstack([others.T / spread, heavy * np.ones(len(others))])
    _, distance = nnls(table, np.append(slope / spread, heavy))
    return bool(distance < _BETWEEN)
