"""Jump directions rounded to the shortest monomial that the runs cannot tell from the best."""

from fractions import Fraction

import numpy as np

from dimgs.fits.regimes.continuity import Pieces, fit_continuous, jump_pieces
from dimgs.fits.regimes.directions import rational
from dimgs.fits.regimes.frame import Frame
from dimgs.fits.regimes.moments import Sample
from dimgs.fits.regimes.noise import noise_variance
from dimgs.fits.regimes.polish import placer
from dimgs.fits.regimes.thresholds import hansen_quantile, jump_nuisance
from dimgs.fits.regimes.tree import Boundary, boundaries, with_boundary

Rationals = dict[int, tuple[tuple[Fraction, ...], ...]]


def round_directions(
    frame: Frame,
    sample: Sample,
    pieces: Pieces,
    monomials: list[tuple[int, ...]],
    level: float,
) -> tuple[Pieces, Rationals]:
    """Give each jump the shortest direction that is not rejected by the likelihood ratio.

    Parameters
    ----------
    frame : Frame
    sample : Sample
    pieces : Pieces
    monomials : list of tuple of int
        Candidate directions in the groups, shortest first.
    level : float
        Level of the test, whose critical value is that of a threshold.

    Returns
    -------
    pieces : Pieces
        Refitted where a direction changed.
    rationals : dict of int to tuple of tuple of Fraction
        For each jump, the directions that are not rejected, shortest first, leading exponent 1.
    """
    if not monomials:
        return pieces, {}
    variance, _ = noise_variance(sample, pieces)
    tree = pieces.tree
    found: Rationals = {}
    for k, edge in enumerate(boundaries(pieces.tree)):
        if edge.continuous:
            continue
        place = placer(sample, tree, k)
        slack = variance * jump_nuisance(sample, pieces, k, variance) * hansen_quantile(level)
        tried = []
        for monomial in monomials:
            direction = frame.inverse @ np.array(monomial, dtype=np.float64)
            length = float(np.linalg.norm(direction))
            if length > 0:
                direction = direction / length
                tried.append((monomial, direction, *place(direction)))
        least = min([place(edge.direction)[1], *(t[3] for t in tried)])
        kept = [t for t in tried if t[3] <= least + slack]
        found[k] = tuple(rational(t[0]) for t in kept)
        if kept:
            _, direction, threshold, _ = kept[0]
            if direction @ edge.direction < 0:
                direction, threshold = -direction, -threshold
            tree = with_boundary(tree, k, Boundary(direction, threshold))
    if tree is pieces.tree:
        return pieces, found
    flags = [k for k, edge in enumerate(boundaries(tree)) if edge.continuous]
    if not flags:
        return jump_pieces(sample, tree), found
    rounded = fit_continuous(sample, tree, flags)
    return (pieces, found) if rounded is None else (rounded, found)
