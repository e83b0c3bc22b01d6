"""Geometry of runs in log space: principal axes, active directions, effective dimension."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.spatial.distance import pdist, squareform
from sklearn.decomposition import PCA

from dimgs.common.arrays import Array, BoolArray, IntArray
from dimgs.common.errors import FitError, InputError
from dimgs.fits.additive import curvature_columns, quantile_knots
from dimgs.fits.covariance import t_intervals
from dimgs.fits.design import Whitening, run_folds, triples, whiten
from dimgs.fits.least_squares import oriented
from dimgs.fits.noise import within_one_error
from dimgs.fits.snapping import checked_map, short_vectors
from dimgs.fits.training_runs import checked_response, checked_table

# exact exponents of the physical variables, one column for each group
Exponents = Sequence[Sequence[Fraction | int]] | NDArray[np.generic]


def checked_rows(X: ArrayLike, least: int = 2) -> Array:
    """Finite rows of logarithms, at least `least` of them."""
    rows = checked_table(X, "X", least)
    if rows.shape[1] == 0:
        raise InputError(f"X must have a column for each group, but its shape is {rows.shape}")
    return rows


@dataclass(frozen=True, eq=False)
class PrincipalAxes:
    """Monomials of unit physical exponents, by decreasing variance of their logarithm.

    Attributes
    ----------
    variances : ndarray of shape (n_axes,)
        Of the logarithm of each monomial, over the runs.
    shares : ndarray of shape (n_axes,)
        Of the total variance.
    directions : ndarray of shape (n_features, n_axes)
        Exponents of each monomial on the columns of X.
    physical_exponents : ndarray of shape (n_variables, n_axes)
        Exponents on the physical variables, of unit Euclidean length.
    scores : ndarray of shape (n_runs, n_axes)
        Centred logarithm of each monomial at each run.
    """

    variances: Array
    shares: Array
    directions: Array
    physical_exponents: Array
    scores: Array


def log_ratio_pca(X: ArrayLike, exponent_map: ArrayLike | None = None) -> PrincipalAxes:
    """PCA of all log-ratios between runs, which is that of the centred logarithms.

    Length is measured on the physical exponents E d of a monomial d, so the axes do not
    depend on the basis in which the groups are expressed.

    Parameters
    ----------
    X : array-like of shape (n_runs, n_features)
        Logarithms of the groups (or of the physical variables).
    exponent_map : array-like of shape (n_variables, n_features), optional
        E: column j holds the physical exponents of group j. The identity by default, which
        is right when the columns are physical variables.

    References
    ----------
    Aitchison (1986), The Statistical Analysis of Compositional Data, ch. 8 (log-ratio PCA).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.linspace(0, 1, 9)
    >>> axes = log_ratio_pca(np.column_stack([x, 2 * x]))
    >>> [round(float(s), 6) for s in axes.shares]
    [1.0, 0.0]
    >>> [round(float(d), 3) for d in axes.directions[:, 0]]
    [0.447, 0.894]
    """
    rows = checked_rows(X)
    powers = checked_map(exponent_map, rows.shape[1])
    values, vectors = np.linalg.eigh(powers.T @ powers)
    if values[0] <= 1e-12 * values[-1]:
        raise InputError("exponent_map has dependent columns; give a basis of independent groups")
    root = (vectors / np.sqrt(values)) @ vectors.T
    pca = PCA(svd_solver="full").fit(rows @ root)
    directions = root @ pca.components_.T
    sign = oriented(powers @ directions)
    directions = directions * sign
    return PrincipalAxes(
        variances=pca.explained_variance_,
        shares=pca.explained_variance_ / max(float(pca.explained_variance_.sum()), 1e-300),
        directions=directions,
        physical_exponents=powers @ directions,
        scores=(rows - rows.mean(axis=0)) @ directions,
    )


# Defined for non-negative quantities: they take the groups, not their logarithms.
_OF_VALUES = frozenset({"braycurtis", "canberra", "jensenshannon"})
# all their distances take 128 MB
_MAX_RUNS = 4000
# a share of violations is then known to a third of a percent
_TRIPLES = 20_000


@dataclass(frozen=True, eq=False)
class PrincipalCoordinates:
    """Runs placed so that Euclidean distances resemble the given ones.

    Attributes
    ----------
    coordinates : ndarray of shape (n_runs, n_axes)
        One column for each positive eigenvalue.
    eigenvalues : ndarray of shape (n_runs,)
        All, decreasing, the negative ones included.
    shares : ndarray of shape (n_axes,)
        Positive eigenvalues over the sum of the absolute values of all.
    negative_share : float
        Sum of abs(negative eigenvalues) over the sum of the absolute values of all: what no
        Euclidean picture can show.
    n_negative : int
    triangle_violations : float
        Share of triples of runs whose distances break the triangle inequality; above zero the
        distance is only a semimetric.
    """

    coordinates: Array
    eigenvalues: Array
    shares: Array
    negative_share: float
    n_negative: int
    triangle_violations: float


def principal_coordinates(
    X: ArrayLike, metric: str = "mahalanobis", *, random_state: int = 0
) -> PrincipalCoordinates:
    """Classical scaling of the distances between runs (Torgerson, Gower).

    Parameters
    ----------
    X : array-like of shape (n_runs, n_features)
        Logarithms of the groups.
    metric : str, default="mahalanobis"
        "mahalanobis" (distances of whitened log groups) does not depend on the basis of the
        groups. Any other name of `scipy.spatial.distance.pdist` does, since it measures along
        the given columns. Bray-Curtis, Canberra and Jensen-Shannon take the groups themselves,
        each divided by its geometric mean.
    random_state : int, default=0
        Draws the triples on which the triangle inequality is tried.

    Raises
    ------
    InputError
        For an unknown metric, or more than 4000 runs.

    References
    ----------
    Gower (1966), Biometrika 53, 325-338.
    Legendre & Legendre (2012), Numerical Ecology, § 9.3.4 (negative eigenvalues).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(20, 2))
    >>> principal_coordinates(X).coordinates.shape
    (20, 2)
    >>> principal_coordinates(X, "braycurtis").negative_share > 0
    True
    """
    rows = checked_rows(X)
    if len(rows) > _MAX_RUNS:
        raise InputError(
            f"principal coordinates of {len(rows)} runs need all their distances; "
            f"give a sample of at most {_MAX_RUNS} runs"
        )
    distances = _distances(rows, metric)
    centring = np.eye(len(rows)) - 1 / len(rows)
    values, vectors = np.linalg.eigh(-0.5 * centring @ distances**2 @ centring)
    values, vectors = values[::-1], vectors[:, ::-1]
    noise = 1e-10 * float(np.abs(values).max(initial=0.0))
    values = np.where(np.abs(values) > noise, values, 0.0)
    total = max(float(np.abs(values).sum()), 1e-300)
    positive = values > 0
    return PrincipalCoordinates(
        coordinates=vectors[:, positive] * np.sqrt(values[positive]),
        eigenvalues=values,
        shares=values[positive] / total,
        negative_share=float(-values[values < 0].sum() / total),
        n_negative=int(np.sum(values < 0)),
        triangle_violations=_triangle_violations(distances, random_state),
    )


def _distances(rows: Array, metric: str) -> Array:
    if metric == "mahalanobis":
        return np.asarray(squareform(pdist(whiten(rows, np.ones(len(rows)))[1])))
    table = np.exp(rows - rows.mean(axis=0)) if metric in _OF_VALUES else rows
    try:
        # scipy's stubs list the names one by one; any string is checked at run time.
        return np.asarray(squareform(pdist(table, cast(Callable[[Array, Array], float], metric))))
    except ValueError as error:
        raise InputError(
            f"metric {metric!r} cannot be used: {error}; give a metric of "
            "scipy.spatial.distance.pdist"
        ) from error


def _triangle_violations(distances: Array, random_state: int) -> float:
    if len(distances) < 3:
        return 0.0
    a, b, c = triples(len(distances), _TRIPLES, np.random.default_rng(random_state).integers)
    sides = np.sort(np.stack([distances[a, b], distances[b, c], distances[c, a]]), axis=0)
    return float(np.mean(sides[2] > (sides[0] + sides[1]) * (1 + 1e-9)))


@dataclass(frozen=True, eq=False)
class GradientField:
    """Local exponents at every run, and again with each block of runs left out.

    Attributes
    ----------
    gradients : ndarray of shape (n_runs, n_features)
        d log f / d log pi at each run.
    replicates : ndarray of shape (n_blocks, n_runs, n_features)
        The same, estimated without the runs of each block.
    blocks : ndarray of int of shape (n_runs,)
        Block of each run: the groups, or random blocks of single runs.
    """

    gradients: Array
    replicates: Array
    blocks: IntArray


def gradient_field(
    X: ArrayLike,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    max_blocks: int = 50,
    random_state: int = 0,
) -> GradientField:
    """Estimate the exponents at each run, independently of the basis of the groups.

    One parabola is fitted in whitened coordinates; only its curvature is penalised, by
    leave-one-out error.

    Parameters
    ----------
    X : array-like of shape (n_runs, n_features)
        Logarithms of the groups.
    y : array-like of shape (n_runs,)
        Logarithm of the response group.
    groups : array-like of shape (n_runs,), optional
        Clusters of runs, left out together.
    max_blocks : int, default=50
        Without groups, single runs are left out up to this number, random blocks beyond.
    random_state : int, default=0
        Draws the blocks.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(30, 2))
    >>> field = gradient_field(X, X @ [1.0, -0.5])
    >>> [round(float(g), 6) for g in field.gradients[0]]
    [1.0, -0.5]
    """
    rows = checked_rows(X, least=3)
    target = checked_response(y, "y", len(rows))
    blocks = _blocks(len(rows), groups, max_blocks, random_state)
    n_blocks = int(blocks.max()) + 1
    if n_blocks < 2:
        raise InputError("groups holds one label only; give at least two groups, or none")
    everything = np.ones(len(rows), dtype=bool)
    whitening, z = whiten(rows, np.ones(len(rows)))
    penalty = _penalty(z, target)
    fields = [
        _gradients(whitening, z, target, kept, penalty)
        for kept in (everything, *(blocks != b for b in range(n_blocks)))
    ]
    return GradientField(fields[0], np.stack(fields[1:]), blocks)


def _blocks(n: int, groups: ArrayLike | None, max_blocks: int, random_state: int) -> IntArray:
    if groups is not None:
        return np.unique(np.asarray(groups), return_inverse=True)[1].ravel()
    order = np.random.default_rng(random_state).permutation(n)
    return np.asarray(order % min(n, max_blocks), dtype=np.intp)


def _parabola(z: Array) -> Array:
    """Second-order columns whose sum of squares does not change under rotations of `z`."""
    first, second = np.triu_indices(z.shape[1])
    return z[:, first] * z[:, second] * np.where(first == second, 1.0, np.sqrt(2.0))


def _penalty(z: Array, y: Array) -> float:
    """Ridge penalty of the curvature with the least leave-one-out error."""
    lines = np.linalg.qr(np.column_stack([np.ones(len(z)), z]))[0]
    bend = _parabola(z)
    bend = bend - lines @ (lines.T @ bend)
    left, singular, _ = np.linalg.svd(bend, full_matrices=False)
    rest = y - lines @ (lines.T @ y)
    leverage = np.einsum("ij,ij->i", lines, lines)
    penalties, scores = len(z) * np.geomspace(1e-4, 1e4, 33), []
    for penalty in penalties:
        shrink = singular**2 / (singular**2 + penalty)
        left_out = np.maximum(1 - leverage - left**2 @ shrink, 1e-9)
        scores.append(np.sum(((rest - left @ (shrink * (left.T @ rest))) / left_out) ** 2))
    # of those that are equal but for rounding the least
    return float(penalties[np.argmax(np.array(scores) <= min(scores) * (1 + 1e-9))])


def _gradients(whitening: Whitening, z: Array, y: Array, kept: BoolArray, penalty: float) -> Array:
    lines = np.column_stack([np.ones(len(z)), z])
    bend = _parabola(z)
    table = np.column_stack([lines[kept], bend[kept]])
    ridge = np.hstack([np.zeros((bend.shape[1], lines.shape[1])), np.eye(bend.shape[1])])
    coef = np.linalg.lstsq(
        np.vstack([table, np.sqrt(penalty) * ridge]),
        np.append(y[kept], np.zeros(bend.shape[1])),
        rcond=1e-10,
    )[0]
    first, second = np.triu_indices(z.shape[1])
    hessian = np.zeros((z.shape[1], z.shape[1]))
    hessian[first, second] = coef[lines.shape[1] :] * np.where(first == second, 1.0, np.sqrt(2.0))
    slopes = coef[1 : lines.shape[1]] + z @ (hessian + hessian.T)
    return whitening.exponents(slopes)


@dataclass(frozen=True, eq=False)
class ActiveDirections:
    """Eigenvectors of the mean outer product of the gradients, in whitened log groups.

    Attributes
    ----------
    eigenvalues : ndarray of shape (n_axes,)
        Mean squared change of log f per standard deviation of each monomial, decreasing; free
        of the part that the error of the gradients adds, so small ones may be negative.
    eigenvalue_intervals : ndarray of shape (n_axes, 2)
    shares : ndarray of shape (n_axes,)
        Of the sum of the positive eigenvalues.
    share_intervals : ndarray of shape (n_axes, 2)
    directions : ndarray of shape (n_features, n_axes)
        Exponents of each monomial on the columns of X; its logarithm has unit variance.
    covariances : ndarray of shape (n_axes, n_features, n_features)
        Of each direction, by leaving out runs or groups.
    physical_exponents : ndarray of shape (n_variables, n_axes)
    replicate_eigenvalues : ndarray of shape (n_blocks, n_axes)
        With each block of runs left out.
    dof : int
        Degrees of freedom of the intervals: blocks less one.
    level : float
    """

    eigenvalues: Array
    eigenvalue_intervals: Array
    shares: Array
    share_intervals: Array
    directions: Array
    covariances: Array
    physical_exponents: Array
    replicate_eigenvalues: Array
    dof: int
    level: float


@dataclass(frozen=True)
class EffectiveDimension:
    """Effective dimension: number of monomials that the response depends on.

    Attributes
    ----------
    participation : float
        (sum of eigenvalues)² / sum of squared eigenvalues.
    low, high : float
        Its interval, by leaving out runs or groups.
    above_noise : int
        Eigenvalues whose interval lies above zero.
    """

    participation: float
    low: float
    high: float
    above_noise: int


def active_directions(
    gradients: GradientField,
    X: ArrayLike,
    *,
    exponent_map: ArrayLike | None = None,
    level: float = 0.9,
) -> ActiveDirections:
    """Eigen-decomposition of E[grad grad'] over the runs, by decreasing eigenvalue.

    Parameters
    ----------
    gradients : GradientField
    X : array-like of shape (n_runs, n_features)
        Logarithms of the groups at which the gradients were taken.
    exponent_map : array-like of shape (n_variables, n_features), optional
        Physical exponents of each group.
    level : float, default=0.9

    References
    ----------
    Constantine (2015), Active Subspaces, SIAM, § 3.1.
    Constantine, del Rosario & Iaccarino (2017), arXiv:1708.04303 (log groups).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(50, 2))
    >>> from dimgs.fits.geometry import gradient_field
    >>> field = gradient_field(X, np.tanh(X @ [1.0, -2.0]))
    >>> active = active_directions(field, X)
    >>> bool(active.shares[0] > 0.9)
    True
    """
    rows = checked_rows(X, least=3)
    whitening, _ = whiten(rows, np.ones(len(rows)))
    if whitening.rank == 0:
        raise InputError("no group varies over the runs, so there is no active direction")
    powers = checked_map(exponent_map, rows.shape[1])
    covariance = np.cov(rows.T, bias=True).reshape(rows.shape[1], rows.shape[1])
    to_slopes = covariance @ whitening.transform
    field, copies = gradients.gradients @ to_slopes, gradients.replicates @ to_slopes
    n_blocks = len(copies)
    kept = gradients.blocks != np.arange(n_blocks)[:, None]
    inside = copies * kept[:, :, None]
    moments = inside.mT @ inside / kept.sum(axis=1)[:, None, None]
    noise = _noise(field, copies, kept)
    values, vectors = _eigen(field.T @ field / len(field) - noise)
    vectors = vectors * np.where(field.mean(axis=0) @ vectors < 0, -1.0, 1.0)
    replicate_values, turned = _eigen(moments - noise)
    # in order, with the signs of the whole
    changes = turned * np.where((turned * vectors).sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
    changes -= vectors
    factor = (n_blocks - 1) / n_blocks
    directions = whitening.transform @ vectors
    moved = np.einsum("fr,brk->bkf", whitening.transform, changes)
    return ActiveDirections(
        eigenvalues=values,
        eigenvalue_intervals=_interval(values, replicate_values, factor, level),
        shares=_shares(values),
        share_intervals=np.clip(
            _interval(_shares(values), _shares(replicate_values), factor, level), 0.0, 1.0
        ),
        directions=directions,
        covariances=factor * np.einsum("bkf,bkg->kfg", moved, moved),
        physical_exponents=powers @ directions,
        replicate_eigenvalues=replicate_values,
        dof=n_blocks - 1,
        level=level,
    )


def effective_dimension(active: ActiveDirections) -> EffectiveDimension:
    """Participation ratio of the eigenvalues, and the number of significant ones.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> from dimgs.fits.geometry import gradient_field
    >>> field = gradient_field(X, X @ [1.0, -2.0, 0.5])
    >>> dimension = effective_dimension(active_directions(field, X))
    >>> round(dimension.participation, 6), dimension.above_noise
    (1.0, 1)
    """
    values, copies = active.eigenvalues, active.replicate_eigenvalues
    ratio = _participation(values)
    factor = active.dof / (active.dof + 1)
    ends = _interval(ratio, _participation(copies), factor, active.level)
    # where errors explain all gradients, no eigenvalue is positive and the number is 0
    low, high = np.clip(ends, min(float(ratio), 1.0), len(values))
    floor = 1e-10 * max(float(values.max()), 0.0)
    return EffectiveDimension(
        participation=float(ratio),
        low=float(low),
        high=float(high),
        above_noise=int(np.sum(active.eigenvalue_intervals[:, 0] > floor)),
    )


def _noise(field: Array, copies: Array, kept: BoolArray) -> Array:
    """Bias of the mean outer product of gradients by their errors (jackknife)."""
    off = (copies - field) * kept[:, :, None]
    factor = (len(copies) - 1) / len(copies)
    return np.asarray(factor * np.einsum("bmi,bmj->ij", off, off) / len(field))


def _eigen(moment: Array) -> tuple[Array, Array]:
    """Eigenvalues, the largest first, and eigenvectors of matrices."""
    values, vectors = np.linalg.eigh(moment)
    return values[..., ::-1], vectors[..., ::-1]


def _shares(values: Array) -> Array:
    positive = np.maximum(values, 0.0)
    return np.asarray(positive / np.maximum(positive.sum(axis=-1, keepdims=True), 1e-300))


def _participation(values: Array) -> Array:
    positive = np.maximum(values, 0.0)
    squares = np.maximum((positive**2).sum(axis=-1), 1e-300)
    return np.asarray(positive.sum(axis=-1) ** 2 / squares)


def _interval(value: Array, copies: Array, factor: float, level: float) -> Array:
    variance = factor * ((copies - value) ** 2).sum(axis=0)
    return t_intervals(value, variance, len(copies) - 1, level)


@dataclass(frozen=True)
class RoundedDirection:
    """A monomial with exact exponents that the data cannot distinguish from the direction.

    Attributes
    ----------
    exponents : tuple of Fraction
        On the physical variables: the smallest integers along the direction. They have zero
        dimension because the monomial is a product of powers of dimensionless groups.
    group : tuple of Fraction
        Powers of the groups that give it.
    complexity : int
        Sum of the absolute physical exponents.
    p_value : float
        Of the test that the true direction is this one; nan with too few degrees of freedom.
    r2 : float
        Of a smooth function of this monomial alone, on held-out runs; NaN where it is not rated.
    predicts_as_well : bool
        Whether that is within one standard error of the dominant direction itself.
    """

    exponents: tuple[Fraction, ...]
    group: tuple[Fraction, ...]
    complexity: int
    p_value: float
    r2: float = np.nan
    predicts_as_well: bool = False


def round_direction(
    direction: ArrayLike,
    covariance: ArrayLike,
    exponent_map: Exponents | None = None,
    *,
    tolerance: float | None = None,
    dof: float = np.inf,
    level: float = 0.9,
    max_complexity: int = 40,
    n_candidates: int = 5,
) -> list[RoundedDirection]:
    """Simplest monomials along a direction, up to its length, in order of complexity.

    Complexity and angles are those of the physical exponents E d, so the answer does not
    depend on the basis of the groups. The search is complete up to `max_complexity`.

    Parameters
    ----------
    direction : array-like of shape (n_groups,)
        Exponents d of the groups; its length does not matter, its sign does.
    covariance : array-like of shape (n_groups, n_groups)
        Of d. A monomial is a candidate where an F test at `level` does not reject it.
    exponent_map : matrix of int or Fraction of shape (n_variables, n_groups), optional
        E: column j holds the exact physical exponents of group j; the identity by default.
    tolerance : float, optional
        Instead of the test: the largest angle, in radians, between physical exponents.
    dof : float, default=inf
        Degrees of freedom of the covariance (blocks of runs, or groups, less one); the test
        is Hotelling's.
    level : float, default=0.9
    max_complexity : int, default=40
        Largest sum of absolute physical exponents.
    n_candidates : int, default=5

    Returns
    -------
    list of RoundedDirection
        Empty where nothing that simple lies within the uncertainty, and where the degrees
        of freedom are too few for a test.

    Examples
    --------
    >>> found = round_direction([0.52, -0.99], 1e-4 * np.eye(2), tolerance=0.1)
    >>> [str(k) for k in found[0].exponents]
    ['1', '-2']
    """
    d = np.asarray(direction, dtype=np.float64)
    if not np.isfinite(d).all() or not d.any():
        raise InputError("direction must be a finite vector that is not zero")
    whole, shared = _whole_map(exponent_map, len(d))
    triangle: Array = np.linalg.qr(whole / shared)[1]
    if np.abs(np.diag(triangle)).min() <= 1e-10 * np.abs(triangle).max():
        raise InputError("exponent_map has dependent columns; give a basis of independent groups")
    along = triangle @ d
    length = float(np.linalg.norm(along))
    unit = along / length
    across = np.linalg.svd(unit[None, :])[2][1:]
    turn, q = across @ triangle / length, len(across)
    values, vectors = np.linalg.eigh(turn @ np.asarray(covariance) @ turn.T)
    # Hotelling's test of the offset across the direction; below rounding there is none
    scaled = (vectors / np.sqrt(np.maximum(values, 0.0) + 1e-18)).T
    dof = min(dof, 1e9)
    rest = dof - q + 1
    is_tested, factor = rest >= 1, rest / (max(dof, 1.0) * max(q, 1))
    if tolerance is not None:
        root = np.eye(q) / np.tan(min(tolerance, 1.5))
    elif not is_tested:
        return []
    else:
        root = scaled / np.sqrt(stats.f.ppf(level, q, rest) / factor if q else 1.0)
    frame = np.vstack([unit, root @ across]) @ triangle

    def simple(reach: float) -> list[RoundedDirection]:
        vectors = short_vectors(frame, 2 * reach**2)
        ahead = vectors @ triangle.T @ unit
        vectors = vectors[ahead != 0] * np.sign(ahead[ahead != 0]).astype(np.intp)[:, None]
        points = vectors @ triangle.T
        offs = points @ across.T / (points @ unit)[:, None]
        exponents = vectors @ whole.T
        divisors = np.gcd.reduce(exponents, axis=1)
        sizes = np.abs(exponents).sum(axis=1) // divisors
        inside = ((offs @ root.T) ** 2).sum(axis=1) <= 1
        chances = np.full(len(offs), np.nan if q else 1.0)
        if is_tested and q:
            chances = stats.f.sf(factor * ((offs @ scaled.T) ** 2).sum(axis=1), q, rest)
        return [
            RoundedDirection(
                exponents=tuple(Fraction(int(v), int(divisors[i])) for v in exponents[i]),
                group=tuple(Fraction(int(v) * shared, int(divisors[i])) for v in vectors[i]),
                complexity=int(sizes[i]),
                p_value=float(chances[i]),
            )
            for i in np.flatnonzero(
                inside & (sizes <= reach) & (np.gcd.reduce(vectors, axis=1) == 1)
            )
        ]

    rounded, reach = simple(2.0), 2.0
    while len(rounded) < n_candidates and reach < max_complexity:
        reach = min(1.5 * reach, float(max_complexity))
        rounded = simple(reach)
    return sorted(rounded, key=_by_simplicity)[:n_candidates]


def _by_simplicity(c: RoundedDirection) -> tuple[int, float, tuple[Fraction, ...]]:
    return c.complexity, -c.p_value, c.exponents


def _whole_map(exponent_map: Exponents | None, n_groups: int) -> tuple[NDArray[np.int64], int]:
    """Exponents of the physical variables as whole numbers, and what they are multiplied by."""
    if exponent_map is None:
        return np.eye(n_groups, dtype=np.int64), 1
    exact = [[Fraction(v) for v in row] for row in exponent_map]
    if len(exact) < n_groups or any(len(row) != n_groups for row in exact):
        raise InputError(
            f"exponent_map must have one column for each of the {n_groups} groups, "
            "and at least as many rows"
        )
    shared = lcm(*(v.denominator for row in exact for v in row))
    return np.array([[int(v * shared) for v in row] for row in exact], dtype=np.int64), shared


# enough for one bend and an inflection, few enough for a dozen runs
_KNOTS = 5
# folds by run: the bias of the held-out error is then that of a fit on nine tenths
_FOLDS = 10
# monomials that are listed: what a reader compares
_SHOWN = 5
# Angle, in radians between physical exponents, within which monomials are tried.
_REACH = 0.25
# monomials whose score is looked at: longer ones are never read
_TRIED = 40
# relative: the rounding of sums of some thousand runs stays a hundred times below
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class DominantGroup:
    """The first active direction, and how much of the response one group explains.

    Attributes
    ----------
    r2 : float
        Of a smooth function of this group alone, on held-out runs.
    r2_power_law : float
        The same for a power of this group.
    candidates : tuple of RoundedDirection
        Monomials that the test does not reject, or that predict held-out runs as well as the
        fitted direction; those that do come first, and then the simplest.
    active : ActiveDirections
        The first of which is the group.
    """

    r2: float
    r2_power_law: float
    candidates: tuple[RoundedDirection, ...]
    active: ActiveDirections


def dominant_group(
    X: ArrayLike,
    y: ArrayLike,
    *,
    gradients: GradientField | None = None,
    exponent_map: Exponents | None = None,
    groups: ArrayLike | None = None,
    level: float = 0.9,
    random_state: int = 0,
) -> DominantGroup:
    """Find the one group that carries most of the response, and round it to a monomial.

    Parameters
    ----------
    X : array-like of shape (n_runs, n_features)
        Logarithms of the groups.
    y : array-like of shape (n_runs,)
        Logarithm of the response group (or the group itself, on a linear scale).
    gradients : GradientField, optional
        By default `gradient_field(X, y, groups=groups)`, estimated again in every fold of the
        score; a given field is used in all folds, which flatters the score a little.
    exponent_map : matrix of int or Fraction of shape (n_variables, n_features), optional
        Exact physical exponents of each group.
    groups : array-like of shape (n_runs,), optional
        Clusters of runs, left out together.
    level : float, default=0.9
    random_state : int, default=0
        Shuffles the runs into folds and blocks.

    Raises
    ------
    FitError
        If `y` does not vary.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(60, 3))
    >>> found = dominant_group(X, np.tanh(X @ [0.5, -1.0, 0.0]))
    >>> found.r2 > 0.99 > found.r2_power_law
    True
    """
    rows = checked_rows(X, least=4)
    target = np.asarray(y, dtype=np.float64)
    field = gradients
    if field is None:
        field = gradient_field(rows, target, groups=groups, random_state=random_state)
    powers = None if exponent_map is None else np.asarray(exponent_map, dtype=np.float64)
    active = active_directions(field, rows, exponent_map=powers, level=level)
    direction = active.directions[:, 0]
    folds = run_folds(_FOLDS, len(rows), groups, random_state)
    lines = [
        rows @ (direction if gradients is not None else _direction(rows[train], target[train]))
        for train, _ in folds
    ]
    total = _spread(folds, target)
    best, straight = (_held_out_errors(folds, lines, target, curved=c) for c in (True, False))

    def rate(c: RoundedDirection) -> RoundedDirection:
        line = rows @ np.array([float(v) for v in c.group])
        losses = _held_out_errors(folds, [line] * len(folds), target, curved=True)
        r2 = 1 - float(losses.sum()) / total
        as_well = within_one_error(losses, best, _ROUNDING * total)
        return replace(c, r2=r2, predicts_as_well=as_well)

    tried = map(rate, _rounded(active, exponent_map))
    named = [n for n in tried if n.predicts_as_well or n.p_value >= 1 - level]
    named.sort(key=lambda n: not n.predicts_as_well)
    return DominantGroup(
        r2=1 - float(best.sum()) / total,
        r2_power_law=1 - float(straight.sum()) / total,
        candidates=tuple(named[:_SHOWN]),
        active=active,
    )


def _spread(folds: list[tuple[IntArray, IntArray]], target: Array) -> float:
    """Sum of squares of the runs held out, about the mean of the others."""
    errors = [np.sum((target[held] - target[train].mean()) ** 2) for train, held in folds]
    total = float(sum(errors))
    # about means of other runs: a constant leaves the rounding of its own size
    if total <= _ROUNDING**2 * float(target @ target):
        raise FitError("The response does not vary, so no group of the inputs stands out.")
    return total


def _rounded(active: ActiveDirections, exponent_map: Exponents | None) -> list[RoundedDirection]:
    """Monomials near the leading direction, the simplest first."""
    tried = {
        c.exponents: c
        for rule in (None, _REACH)
        for c in round_direction(
            active.directions[:, 0],
            active.covariances[0],
            exponent_map,
            tolerance=rule,
            dof=active.dof,
            level=active.level,
            n_candidates=_TRIED,
        )
    }
    return sorted(tried.values(), key=_by_simplicity)


def _direction(rows: Array, target: Array) -> Array:
    """Leading active direction of some of the runs."""
    return active_directions(gradient_field(rows, target, max_blocks=2), rows).directions[:, 0]


def _held_out_errors(
    folds: list[tuple[IntArray, IntArray]], lines: Sequence[Array], y: Array, *, curved: bool
) -> Array:
    """Sum of squared errors of each fold, by its own line through the runs."""
    losses = []
    for (train, held), t in zip(folds, lines, strict=True):
        centre, scale = float(t[train].mean()), max(float(t[train].std()), 1e-300)
        u = (t - centre) / scale
        knots = quantile_knots(u[train], np.ones(len(train)), _KNOTS)
        bend = curvature_columns(u, knots) if curved else np.zeros((len(u), 0))
        table = np.column_stack([np.ones(len(u)), u, bend])
        coef = np.linalg.lstsq(table[train], y[train], rcond=1e-10)[0]
        losses.append(float(np.sum((y[held] - table[held] @ coef) ** 2)))
    return np.array(losses)
