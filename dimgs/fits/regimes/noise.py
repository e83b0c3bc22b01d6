"""Noise that a law in pieces leaves."""

from dimgs.fits.regimes.continuity import Pieces
from dimgs.fits.regimes.moments import Sample
from dimgs.fits.regimes.search import degrees_of_freedom


def noise_variance(sample: Sample, pieces: Pieces) -> tuple[float, float]:
    """Residual variance and its degrees of freedom, searches not counted twice."""
    used = degrees_of_freedom(pieces.tree, sample.Z.shape[1])
    laws = pieces.laws.size + pieces.n_regimes - 1
    dof = max(1.0, len(sample.y) - min(used, float(laws)))
    return max(pieces.loss / dof, 1e-300), dof
