"""From log groups and responses to whitened runs without the single power law."""

from dataclasses import dataclass

import numpy as np

from dimgs.arrays import Array
from dimgs.fits.regimes.frame import Frame, Labels, canonical_frame
from dimgs.fits.regimes.moments import Sample


@dataclass(frozen=True, eq=False)
class Prepared:
    """Runs ready for a search.

    Attributes
    ----------
    frame : Frame
    sample : Sample
        Its response is (y - base law) / scale.
    base : ndarray of shape (rank + 1,)
        The single power law in whitened coordinates.
    scale : float
        Spread of the response.
    """

    frame: Frame
    sample: Sample
    base: Array
    scale: float


def prepare(
    X: Array, y: Array, weight: Array, cluster: Labels, min_runs: int | None = None
) -> Prepared:
    """Whiten the groups and take the single power law out of the response.

    Parameters
    ----------
    X : ndarray of shape (n_runs, n_features)
    y, weight : ndarray of shape (n_runs,)
        Positive weights; only their ratios matter.
    cluster : ndarray of int of shape (n_runs,)
    min_runs : int or None
        Smallest regime; None: twice the parameters of a law, 5, or half the root of the number
        of runs, whichever is largest.
    """
    weight = weight / weight.mean()
    frame = canonical_frame(X, y, weight)
    Z = frame.coordinates(X)
    root = np.sqrt(weight)
    design = np.column_stack([np.ones(len(y)), Z])
    base = np.linalg.lstsq(root[:, None] * design, root * y, rcond=1e-12)[0]
    scale = float(np.sqrt(np.average((y - np.average(y, weights=weight)) ** 2, weights=weight)))
    scale = scale if scale > 1e-13 * float(np.abs(y).max(initial=0.0)) else 1.0
    least = max(2 * (frame.rank + 1), 5, int(np.ceil(0.5 * np.sqrt(len(y)))))
    sample = Sample(Z, (y - design @ base) / scale, weight, cluster, min_runs or least)
    return Prepared(frame, sample, base, scale)
