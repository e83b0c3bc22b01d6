"""Intervals of local exponents: local quadratic slopes, variances by runs or clusters."""

import numpy as np

from dimgs.arrays import Array, IntArray
from dimgs.fits.covariance import t_quantile
from dimgs.fits.local.bandwidth import BandwidthTable
from dimgs.fits.local.regression import LocalFits, Window, local_fits, terms


def interval_window(table: BandwidthTable, share: float) -> tuple[Window, bool]:
    """The window of the intervals, and whether its runs allow a local quadratic."""
    rank = table.Z.shape[1]
    needed = 2.0 * terms(rank, True) / len(table.Z)
    quadratic = needed <= 1.0
    return table.window(max(share, needed) if quadratic else max(share, 1.0)), quadratic


def slope_intervals(
    table: BandwidthTable, noise: Array, share: float, points: Array, transform: Array, level: float
) -> tuple[Array, Array]:
    """Centres and half widths of the exponents' deviation from the global law.

    Parameters
    ----------
    table : BandwidthTable
    noise : ndarray of shape (n_runs,)
        Residuals scaled so that their squares estimate variances.
    share : float
        Share of the weight in a window.
    points : ndarray of shape (n_points, rank)
        Whitened coordinates.
    transform : ndarray of shape (n_features, rank)
        From whitened slopes to exponents.
    level : float
        Pointwise coverage.

    Returns
    -------
    centres, half_widths : ndarray of shape (n_points, n_features)
    """
    window, quadratic = interval_window(table, share)
    cells = window.cells
    count = len(cells.mass)
    part = table.weights / cells.mass[cells.member]
    score = np.asarray(np.bincount(cells.member, part * noise, count), dtype=np.float64)
    variance = np.bincount(cells.member, (part * noise) ** 2, count)
    squares = np.asarray(np.bincount(cells.member, part**2, count), dtype=np.float64)
    fourths = np.bincount(cells.member, part**4, count)
    features = len(transform)
    centres = np.empty((len(points), features))
    halves = np.empty_like(centres)
    for fits in local_fits(window, points, quadratic=quadratic, rows=True):
        if fits.slope_rows is None:
            continue
        rows = transform @ fits.slope_rows
        index = fits.index[:, None, :]
        if table.clustered:
            total, dof = _by_cluster(fits, rows, score, squares, cells.cluster)
        else:
            total = (rows**2 * variance[index]).sum(axis=2)
            spread = (rows**2 * squares[index]).sum(axis=2)
            dof = spread**2 / np.maximum((rows**4 * fourths[index]).sum(axis=2), 1e-300)
        quantile = t_quantile(level, np.maximum(dof, 1.0))
        centres[fits.rows] = fits.slopes @ transform.T
        halves[fits.rows] = quantile * np.sqrt(total)
    return centres, halves


def _by_cluster(
    fits: LocalFits, rows: Array, score: Array, squares: Array, cluster: IntArray
) -> tuple[Array, Array]:
    """Variance from sums of scores over clusters, and its effective degrees of freedom."""
    points, features, _ = rows.shape
    labels = int(cluster.max()) + 1
    key = (np.arange(points)[:, None] * labels + cluster[fits.index]).ravel()
    distinct, place = np.unique(key, return_inverse=True)
    owner = distinct // labels
    total, dof = np.empty((points, features)), np.empty((points, features))
    for j in range(features):
        row = rows[:, j]
        sums = np.bincount(place, (row * score[fits.index]).ravel())
        spread = np.bincount(place, (row**2 * squares[fits.index]).ravel())
        total[:, j] = np.bincount(owner, sums**2, points)
        first = np.bincount(owner, spread, points)
        dof[:, j] = first**2 / np.maximum(np.bincount(owner, spread**2, points), 1e-300) - 1.0
    return total, dof
