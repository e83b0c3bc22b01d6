"""Waves with any phase, damped or not: t = a + exp(-d u) (b cos(c u) + b' sin(c u)).

For given d, c and u the relation is linear. Both constants run over a grid, and the best choices
are fitted, with and without damping. A wave of a whole table is narrow in its frequency, so that no
descent from elsewhere finds it.

References
----------
G. L. Bretthorst, Bayesian Spectrum Analysis and Parameter Estimation, Springer, 1988 (frequencies
by projection on sines and cosines).
"""

import numpy as np

from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.arguments import plain
from dimgs.engines.structured.targets import Target
from dimgs.engines.structured.trees import Call, Number, Product, Sum, Tree, times

# arguments, and choices of each that are fitted
_ARGUMENTS, _FITTED = 6, 3
# of d, in units of one over the range of u; growing waves are as rare as strongly damped ones
_DAMPING = np.array([0.0, 1.0, 2.0, 4.0, 8.0, -2.0])
# phases over the range of u in steps of a quarter of a turn, in which a peak is four steps wide,
# from half a wave on; of more waves than a quarter of the runs no neighbours show the shape
_STEP, _FROM, _MOST = np.pi / 2.0, 2, 160
# runs for each of the six constants
_FEWEST = 12


@np.errstate(all="ignore")
def waves(target: Target, archive: Archive) -> None:
    """Fit the best waves along each short argument.

    Parameters
    ----------
    target : Target
    archive : Archive
    """
    runs = archive.runs
    if runs.n_runs < _FEWEST:
        return
    root = target.root(runs)
    t = root * target.values
    arguments = plain(runs, _ARGUMENTS, both_signs=False)
    steps = np.arange(_FROM, min(runs.n_runs, _MOST) + 1)
    for u, argument in zip(arguments.values.T, arguments.trees, strict=True):
        span = float(np.ptp(u))
        d, c = (x.ravel() / span for x in np.meshgrid(_DAMPING, _STEP * steps, indexing="ij"))
        size, phase = np.exp(-np.outer(d, u - u.min())), np.outer(c, u)
        columns = np.stack([np.ones_like(phase), size * np.cos(phase), size * np.sin(phase)], 2)
        axes = np.linalg.qr(root[:, None] * columns)[0]
        gain = np.sum((t @ axes) ** 2, axis=1)
        for k in np.argsort(-np.where(np.isfinite(gain), gain, 0.0), kind="stable")[:_FITTED]:
            archive.check()
            a, b, other = np.linalg.lstsq(root[:, None] * columns[k], t, rcond=None)[0].tolist()
            inside = Product((Number(float(c[k])), argument)), Number(-float(np.arctan2(other, b)))
            wave = Call("cos", Sum(inside))
            height = Number(float(np.hypot(b, other) * np.exp(d[k] * u.min())))
            damping = Call("exp", Product((Number(-float(d[k]) or -0.1 / span), argument)))
            for factors in ((wave,), (damping, wave)):
                shown: Tree = times(height, *factors)
                archive.add(target.back(Sum((Number(a), shown))))
