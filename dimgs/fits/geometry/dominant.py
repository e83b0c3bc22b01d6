"""One dominant group: the monomial that carries the response, named and scored."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dimgs.arrays import Array, IntArray
from dimgs.design.splits import run_folds
from dimgs.errors import FitError
from dimgs.fits.additive.splines import curvature_columns, quantile_knots
from dimgs.fits.geometry.active import ActiveDirections, active_directions
from dimgs.fits.geometry.direction_rounding import RoundedDirection, round_direction
from dimgs.fits.geometry.log_gradient import GradientField, gradient_field
from dimgs.fits.geometry.principal_axes import checked_rows
from dimgs.fits.one_error import within_one_error

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


@dataclass(frozen=True)
class NamedGroup:
    """A monomial with exact exponents that may stand for the dominant direction.

    Attributes
    ----------
    rounded : RoundedDirection
        Its `p_value` says whether the uncertainty of the direction allows it.
    r2 : float
        Of a smooth function of this monomial alone, on held-out runs.
    predicts_as_well : bool
        Its held-out error is within one standard error of that of the fitted direction.
    """

    rounded: RoundedDirection
    r2: float
    predicts_as_well: bool


@dataclass(frozen=True, eq=False)
class DominantGroup:
    """The first active direction, and how much of the response one group explains.

    Attributes
    ----------
    direction : ndarray of shape (n_features,)
        Exponents on the columns of X; the logarithm of the monomial has unit variance.
    physical_exponents : ndarray of shape (n_variables,)
    share : float
        Of the mean squared gradient.
    share_interval : tuple of float
    r2 : float
        Of a smooth function of this group alone, on held-out runs.
    r2_power_law : float
        The same for a power of this group.
    candidates : tuple of NamedGroup
        Monomials that the test does not reject, or that predict held-out runs as well as the
        fitted direction; those that do come first, and then the simplest.
    active : ActiveDirections
    """

    direction: Array
    physical_exponents: Array
    share: float
    share_interval: tuple[float, float]
    r2: float
    r2_power_law: float
    candidates: tuple[NamedGroup, ...]
    active: ActiveDirections


def dominant_group(
    X: ArrayLike,
    y: ArrayLike,
    *,
    gradients: GradientField | ArrayLike | None = None,
    exponent_map: Sequence[Sequence[Fraction | int]] | NDArray[np.generic] | None = None,
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
    gradients : GradientField or array-like of shape (n_runs, n_features), optional
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
    active = active_directions(field, rows, exponent_map=powers, groups=groups, level=level)
    direction = active.directions[:, 0]
    folds = run_folds(_FOLDS, len(rows), groups, random_state)
    lines = [
        rows @ (direction if gradients is not None else _direction(rows[train], target[train]))
        for train, _ in folds
    ]
    total = _spread(folds, target)
    best, straight = (_held_out_errors(folds, lines, target, curved=c) for c in (True, False))

    def judged(c: RoundedDirection) -> NamedGroup:
        line = rows @ np.array([float(v) for v in c.group])
        found = _held_out_errors(folds, [line] * len(folds), target, curved=True)
        r2 = 1 - float(found.sum()) / total
        return NamedGroup(c, r2, within_one_error(found, best, _ROUNDING * total))

    tried = map(judged, _rounded(active, exponent_map))
    named = [n for n in tried if n.predicts_as_well or n.rounded.p_value >= 1 - level]
    named.sort(key=lambda n: not n.predicts_as_well)
    return DominantGroup(
        direction=direction,
        physical_exponents=active.physical_exponents[:, 0],
        share=float(active.shares[0]),
        share_interval=tuple(active.share_intervals[0].tolist()),
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


def _rounded(
    active: ActiveDirections,
    exponent_map: Sequence[Sequence[Fraction | int]] | NDArray[np.generic] | None,
) -> list[RoundedDirection]:
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
    return sorted(tried.values(), key=lambda c: (c.complexity, -c.p_value, c.exponents))


def _direction(rows: Array, target: Array) -> Array:
    """Leading active direction of some of the runs."""
    part = gradient_field(rows, target, max_blocks=2, random_state=0)
    return active_directions(part.gradients, rows).directions[:, 0]


def _held_out_errors(
    folds: list[tuple[IntArray, IntArray]], lines: Sequence[Array], y: Array, *, curved: bool
) -> Array:
    """Sum of squared errors of each fold, by its own line through the runs."""
    found = []
    for (train, held), t in zip(folds, lines, strict=True):
        centre, scale = float(t[train].mean()), max(float(t[train].std()), 1e-300)
        u = (t - centre) / scale
        knots = quantile_knots(u[train], np.ones(len(train)), _KNOTS)
        bend = curvature_columns(u, knots) if curved else np.zeros((len(u), 0))
        table = np.column_stack([np.ones(len(u)), u, bend])
        coef = np.linalg.lstsq(table[train], y[train], rcond=1e-10)[0]
        found.append(float(np.sum((y[held] - table[held] @ coef) ** 2)))
    return np.array(found)
