"""Regimes: the laws that the runs follow, and what lies between each two of them."""

from dataclasses import dataclass, field, replace

import numpy as np

from dimgs.campaign.laws import FittedLaw, Scatter
from dimgs.campaign.space import Sites
from dimgs.campaign.thresholds import GroupMonomial
from dimgs.common.arrays import Array, BoolArray, IntArray

# until a run lies in a crossover it is taken for that of a sum
_SUM = 1.0


@dataclass(frozen=True, eq=False)
class Border:
    """What lies between two laws.

    Attributes
    ----------
    below, above : int
        Numbers of the laws on either side.
    normal : ndarray of shape (rank,)
    offset : float
        ``offset + normal . z`` is the logarithm of what decides: of the ratio of the two laws
        where they meet, of a monomial where they jump.
    low, high : float
        Up to where the one law holds, and from where the other.
    monomial : GroupMonomial or None
        Of a jump; where laws meet, it follows from them.
    sharpness : float
        Of a meeting, once a run shows it; NaN before.
    sign : float
        1 where the larger law leads, -1 where the smaller one does.
    """

    below: int
    above: int
    normal: Array
    offset: float
    low: float
    high: float
    monomial: GroupMonomial | None = None
    sharpness: float = np.nan
    sign: float = 0.0

    @property
    def meets(self) -> bool:
        """Whether the laws are equal there."""
        return self.monomial is None

    @property
    def middle(self) -> float:
        """Where the one law gives way to the other."""
        return 0.0 if self.meets else (self.low + self.high) / 2.0

    def along(self, z: Array) -> Array:
        """Logarithm of what decides at points of shape (n, rank)."""
        return np.asarray(self.offset + z @ self.normal)

    def widened(self, scatter: Scatter) -> "Border":
        """With the width within which a crossover matters."""
        s = _SUM if np.isnan(self.sharpness) else self.sharpness
        small = max(s * max(scatter.resolution, scatter.sigma), 1e-12)
        width = -np.log(np.expm1(small)) / s if small < np.log(2.0) else 0.0
        return replace(self, low=-width, high=width)


@dataclass(frozen=True, eq=False)
class RegimeModel:
    """What the runs of a tier say.

    Attributes
    ----------
    sites : Sites
    scatter : Scatter
    laws : tuple of FittedLaw
    borders : tuple of Border
    pairs : frozenset of (int, int)
        Laws whose runs lie among each other.
    explained : ndarray of bool of shape (n_sites,)
    """

    sites: Sites
    scatter: Scatter
    laws: tuple[FittedLaw, ...]
    borders: tuple[Border, ...] = ()
    pairs: frozenset[tuple[int, int]] = frozenset()
    explained: BoolArray = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))

    @property
    def entangled(self) -> set[int]:
        """Laws whose runs lie among those of another."""
        return {k for pair in self.pairs for k in pair}

    @property
    def orphans(self) -> IntArray:
        """Sites that follow nothing that is known."""
        return np.flatnonzero(~self.explained)

    def holds(self, z: Array, strictly: bool = True) -> BoolArray:
        """Where each law holds, shape (n, n_laws); between borders' ends no law does, strictly."""
        inside = np.ones((len(z), len(self.laws)), dtype=np.bool_)
        for b in self.borders:
            along = b.along(z)
            inside[:, b.below] &= along <= (b.low if strictly else b.middle)
            inside[:, b.above] &= along >= (b.high if strictly else b.middle)
        return inside

    def values(self, z: Array) -> Array:
        """Values of the laws, shape (n, n_laws)."""
        return np.stack([law(z) for law in self.laws], axis=1)

    def expected(self, z: Array) -> Array:
        """Value at points by the law that holds there, and the crossovers to its neighbours."""
        values, inside = self.values(z), self.holds(z, strictly=False)
        owner = np.argmax(inside, axis=1)
        return np.asarray(values[np.arange(len(z)), owner] + self.tails(owner, z))

    def tails(self, owner: IntArray, z: Array) -> Array:
        """What the crossovers to its neighbours add to the law of each point, shape (n,)."""
        y = np.zeros(len(z))
        for sign in (1.0, -1.0):
            # laws that add, or whose resistances add: all the neighbours of a law together
            terms = [np.full(len(z), -np.inf)]
            power = [np.ones(len(z))]
            for b in self.borders:
                if b.meets and b.sign == sign and not np.isnan(b.sharpness):
                    gap = b.sharpness * b.along(z)
                    here = np.where(
                        owner == b.below, gap, np.where(owner == b.above, -gap, -np.inf)
                    )
                    terms.append(here)
                    power.append(np.full(len(z), b.sharpness))
            leads = np.argmax(terms, axis=0)
            s = np.array(power)[leads, np.arange(len(z))]
            y = y + sign * np.logaddexp(0.0, np.logaddexp.reduce(terms)) / s
        return np.asarray(y)

    def between(self, b: Border, z: Array) -> BoolArray:
        """Points of no border but this one: where both of its laws would hold without it."""
        rest = replace(self, borders=tuple(o for o in self.borders if o is not b))
        inside = rest.holds(z, strictly=False)
        return np.asarray(inside[:, b.below] & inside[:, b.above])

    def crossings(self, b: Border) -> IntArray:
        """Pairs of sites of the two laws that lie across a border, nearest to it first."""
        below, above = self.laws[b.below].rows, self.laws[b.above].rows
        along = b.along(self.sites.z)
        pairs = [(along[j] - along[i], i, j) for i in below for j in above if along[i] < along[j]]
        return np.array([p[1:] for p in sorted(pairs)], dtype=np.intp).reshape(-1, 2)
