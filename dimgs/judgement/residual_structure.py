"""Residual structure: dependence of the target or of residuals on inputs beyond the groups.

A constant or scale is called missing only if two hypotheses are rejected. The first: the target
does not depend on the inputs (noise has no law). The second: at equal groups, the target does not
depend on the direction that the constant or scale would free (the inputs are complete).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from dimgs.common.arrays import Array, basis_of, chance_of_gain, lengths
from dimgs.fits.design import Design
from dimgs.fits.homogeneity import dependence, less_means, polynomial
from dimgs.fits.whiteness import independent_runs, normal_scores
from dimgs.groups.dimensions import DimensionalMatrix
from dimgs.judgement.candidates import JudgedForm
from dimgs.variables import Dimension, Variable

# Of each of the two tests, shared by all that is tried. With few runs the second rejects up to 3
# times too often (by simulation, 8 to 80 runs), so that false advice stays below 5 %.
ALPHA = 0.01
# the same for a doubt of a law that stands: of right laws three in a thousand at most are doubted;
# at one in a hundred two of 200 right laws were, and no wrong one that was probable
SURELY_INCOMPLETE = 0.001


def follows_inputs(inputs: Array, target: Array, groups: NDArray[np.generic] | None = None) -> bool:
    """Whether the target depends on the inputs at all: as columns, their squares, or both.

    Parameters
    ----------
    inputs : ndarray of shape (n_runs, n_inputs)
        Logarithms, or values of what enters unlogged.
    target : ndarray of shape (n_runs,)
    groups : ndarray of shape (n_runs,), optional
        Clusters of runs.
    """
    squares = (inputs - inputs.mean(axis=0)) ** 2
    # an extremum away from the middle of the runs needs both
    tried = [inputs, squares, np.hstack([inputs, squares])]
    chances = [dependence(columns, target, groups=groups, exchangeable=True) for columns in tried]
    return len(tried) * min(chances) < ALPHA


def scale_is_missing(design: Design, dimension: Dimension, tried: int) -> bool:
    """Whether the runs reject a law without a hidden scale of some dimension.

    Parameters
    ----------
    design : Design
    dimension : Dimension
    tried : int
        Number of scales that are tried, over which the level is shared.
    """
    inputs = logged_inputs(design)
    powers = DimensionalMatrix.of(inputs).solve(dimension)
    if powers is None or not target_follows(design):
        return False
    direction = _logs(design, inputs) @ np.array([float(p) for p in powers])
    return _beyond_groups(design, direction[:, None], design.y) * tried < ALPHA


def inputs_are_incomplete(design: Design) -> bool:
    """Whether the inputs explain more of pi_0 than their groups do, so that a dimension is missing.

    Unlike the homogeneity test of free exponents, this takes no curved law for a missing constant.

    Parameters
    ----------
    design : Design
    """
    inputs = _logs(design, [*logged_inputs(design), *idle(design)])
    return _beyond_groups(design, inputs, design.y) < ALPHA


# relative difference of chances that is rounding: they are of inputs that moved together
_ALIKE = 1e-6


def followed_beyond_groups(design: Design, residuals: Array) -> tuple[float, str]:
    """The input that a law's residuals follow most clearly at equal groups, and the chance of it.

    Where they follow one, a constant with a dimension is missing: no law of these groups is the
    whole law, be its form right or wrong. Where several are missing, each may hide the other, so
    that all inputs are tried together, too, and with their squares where no group is free, as a
    law that is a constant leaves a curve of any shape.

    Parameters
    ----------
    design : Design
    residuals : ndarray of shape (n_runs,)

    Returns
    -------
    chance : float
        p-value, times the number of inputs that were tried.
    name : str
        Empty without inputs; all of those that moved together at equal groups ("L or m"), or that
        residuals follow together only ("L and m").
    """
    inputs = [*logged_inputs(design), *idle(design)]
    tried = _by_chance(design, inputs, residuals)
    if not tried:
        return 1.0, ""
    (least, first), *others = tried
    # one that is sure alone is named
    if least >= SURELY_INCOMPLETE:
        logs, is_grouped = _logs(design, inputs), bool(design.features)
        whole = [logs] if len(inputs) > 1 else []
        whole += [] if is_grouped else [np.hstack([logs, (logs - logs.mean(axis=0)) ** 2])]
        # without a group noise makes all runs alike, and covariances of runs left out are too small
        chances = (_beyond_groups(design, x, residuals, exchangeable=not is_grouped) for x in whole)
        # each input alone and all of them together are two looks
        together = 2.0 * min(chances, default=1.0)
        if together < SURELY_INCOMPLETE:
            *names, last = (v.name for v in inputs)
            return together, f"{', '.join(names)} and {last}" if names else last
    alike = [v.name for p, v in others if 0.0 < p <= least * (1.0 + _ALIKE) and least < ALPHA]
    return min(1.0, least), " or ".join([first.name, *alike])


# The ranks of the residuals must follow as well, so that no outlying run decides, at a level that
# two labels of six runs can reach.
_BY_RANKS = 0.1
# Share of the variance: less changes a typical error by a fortieth of itself.
_LEAST_SHARE = 0.05
# Share of the variance of the order of the rows, without which it is that of an input.
_LEAST_FREE = 0.25
# Standard deviations of the number of rising steps from one row to the next in a random order.
_SORTED = 3.0
# runs that show whatever changes a law: more of them cost time alone
_MOST_RUNS = 1000


def followed_label(design: Design, residuals: Array) -> tuple[str, float]:
    """The unused label column that residuals follow most clearly, beside functions of the inputs.

    Parameters
    ----------
    design : Design
    residuals : ndarray of shape (n_runs,)

    Returns
    -------
    name : str
        Empty where they follow none, up to a chance of one in a thousand over all columns.
    share : float
        Of the variance of the residuals, about the means of the labels.
    """
    names = [n for n in design.data.label_names if n not in design.labelled]
    names = names if np.ptp(residuals) > 0.0 else []
    chances = []
    for name in names:
        labels = _indicators(design.data[name])
        runs, count = labels.shape
        if not 1 < count < runs - 1:
            continue
        means = labels @ ((labels.T @ residuals) / labels.sum(axis=0))
        share = 1.0 - float(np.var(residuals - means) / np.var(residuals)) * (runs - 1) / (
            runs - count
        )
        if share > _LEAST_SHARE:
            chance = _beside_inputs(design, labels, residuals) * len(names)
            chances.append((chance, -share, name))
    chance, share, name = min(chances, default=(1.0, 0.0, ""))
    return (name, -share) if chance < SURELY_INCOMPLETE else ("", 0.0)


def beside_label(design: Design, residuals: Array) -> Design:
    """The design with a prefactor of each label of the column that residuals follow, if any."""
    return _with_prefactors(design, followed_label(design, residuals)[0])


def _with_prefactors(design: Design, label: str) -> Design:
    return replace(design, within=np.asarray(design.data[label])) if label else design


def drift(design: Design, residuals: Array) -> float:
    """Share of the variance of residuals that a drift in the order of the rows explains.

    Rows that were sorted by the target show nothing of a drift, and where an input moves with the
    rows, its effect and a drift are one.

    Parameters
    ----------
    design : Design
    residuals : ndarray of shape (n_runs,)

    Returns
    -------
    float
        Zero up to a chance of one in a thousand.
    """
    rows = np.argsort(np.argsort(design.data.rows)).astype(np.float64)
    n = len(rows)
    in_order = design.data[design.target.name][np.argsort(rows)]
    rising = int(np.count_nonzero(np.diff(in_order) > 0))
    if abs(rising - (n - 1) / 2) > _SORTED * ((n + 1) / 12) ** 0.5:
        return 0.0
    if _beside_inputs(design, rows[:, None], residuals, _LEAST_FREE) >= SURELY_INCOMPLETE:
        return 0.0
    share = float(np.corrcoef(rows, residuals)[0, 1]) ** 2
    return share if share > _LEAST_SHARE else 0.0


# settings beyond the constants of a power law, from which on their scatter is an estimate
_SETTINGS = 2


@dataclass(frozen=True)
class ResidualSummary:
    """What the residuals of a law still depend on.

    Attributes
    ----------
    unexplained : float
        Share of their variance that the groups explain on runs left out; 0 for noise.
    follows : str
        The input that they follow at equal groups.
    label, of_label : str, float
        The unused label column that they follow, and the share of their variance.
    drift : float
        Share of the variance of a drift in the order of the rows.
    settings : int
        How many settings scatter more than their repeats do.
    """

    unexplained: float = 0.0
    follows: str = ""
    label: str = ""
    of_label: float = 0.0
    drift: float = 0.0
    settings: int = 0

    @classmethod
    def of(cls, design: Design, residuals: Array) -> Self:
        """The summary of residuals, shape (n_runs,)."""
        if not np.all(np.isfinite(residuals)):
            return cls(unexplained=1.0)
        label, of_label = followed_label(design, residuals)
        settings = settings_apart(design, residuals)
        split = design.split if settings is None else settings.astype(str)
        apart = _with_prefactors(replace(design, split=split), label)
        chance, name = followed_beyond_groups(apart, residuals)
        return cls(
            design.kernels.unexplained(residuals, SURELY_INCOMPLETE)[0] if design.features else 0.0,
            name if chance < SURELY_INCOMPLETE else "",
            label,
            of_label,
            drift(apart, residuals),
            0 if settings is None else len(np.unique(settings)),
        )


def settings_apart(design: Design, residuals: Array) -> NDArray[np.intp] | None:
    """The setting of each run, where settings scatter more about a law than their repeats do.

    Then the law is not the whole law, or repeats of a setting share an error: either way, settings
    are the independent units.

    Parameters
    ----------
    design : Design
    residuals : ndarray of shape (n_runs,)

    Returns
    -------
    ndarray of int of shape (n_runs,) or None
        None up to a chance of one in a thousand, with fewer repeats than settings, and where the
        runs are grouped already.
    """
    if design.split is not None or design.within is not None or design.sources:
        return None
    return lack_of_fit(_places(design), residuals, design.X)


def lack_of_fit(
    places: Array, values: Array, columns: Array | None = None
) -> NDArray[np.intp] | None:
    """The setting of each run, where the means of settings scatter more than their repeats do.

    The classical test of lack of fit against pure error.

    Parameters
    ----------
    places : ndarray of shape (n_runs, n_inputs)
        Equal in the repeats of a setting.
    values : ndarray of shape (n_runs,)
        Residuals, or the target.
    columns : ndarray of shape (n_runs, n_columns), optional
        Those of a linear law beside which settings are compared; by default a polynomial of the
        places, of the highest degree that the settings allow.
    """
    settings, code = np.unique(places, axis=0, return_inverse=True)
    code, runs, count = code.ravel(), len(values), len(settings)
    if runs < 2 * count:
        return None
    columns = polynomial(settings)[code] if columns is None else columns
    known = np.column_stack([np.ones(runs), columns])
    if count < known.shape[1] + _SETTINGS:
        return None
    basis = np.linalg.svd(known, full_matrices=False)[0]
    beside, dof = values - basis @ (basis.T @ values), runs - known.shape[1]
    chance = _chance_of(beside, _indicators(code), basis, dof)
    return code if chance < SURELY_INCOMPLETE else None


def _indicators(labels: NDArray[np.generic]) -> Array:
    """One column of zeros and ones for each label."""
    names, code = np.unique(labels.astype(str), return_inverse=True)
    return np.asarray(np.eye(len(names))[code.ravel()])


def _beside_inputs(design: Design, columns: Array, residuals: Array, least: float = 0.0) -> float:
    """Chance that noise follows the columns so closely, beside smooth functions of the inputs.

    1 where the inputs leave less than a share of the columns.
    """
    used = np.ones((design.n_runs, 1)) if design.within is None else _indicators(design.within)
    parts = [columns, used, _places(design), residuals[:, None], normal_scores(residuals)[:, None]]
    if design.split is not None:
        groups = _indicators(design.split)
        parts = [groups.T @ part / groups.sum(axis=0)[:, None] for part in parts]
    if len(parts[0]) > _MOST_RUNS:
        some = np.random.default_rng(0).choice(len(parts[0]), _MOST_RUNS, replace=False)
        parts = [part[some] for part in parts]
    columns, used, places, *values = parts
    known = polynomial(places, columns.shape[1] + used.shape[1])
    basis = basis_of(np.column_stack([used, known]), 1e-7)
    away = columns - columns.mean(axis=0)
    if np.sum((away - basis @ (basis.T @ away)) ** 2) < max(least, 1e-9) * np.sum(away**2):
        return 1.0
    by_values, by_ranks = (
        _chance_of(v[:, 0] - basis @ (basis.T @ v[:, 0]), columns, basis, len(v) - basis.shape[1])
        for v in values
    )
    return max(by_values, _BY_RANKS * by_ranks)


# terms of the polynomials that residuals are tried by
_DEGREE = 3
# errors of that size are rounding: there is nothing left to explain
_EXACT = 2e-10


def chance_of_structure(design: Design, form: JudgedForm) -> float:
    """Chance that noise alone would show as much structure, per group, along the law and beyond.

    The residuals are regressed on polynomials of each feature's ranks and of the law's own; the
    least chance counts, times how many were tried. So does that of the predictions of outer blocks.
    Where they are all but sure, so do the chances that kernel regressions on the groups predict the
    residuals, waves among them, and that the residuals follow an input at equal groups. The latter
    counts at one in a hundred where no group is free, as nothing else tells of such a law.

    Parameters
    ----------
    design : Design
    form : JudgedForm
    """
    whole = form.evidence.whole
    e = whole.residuals
    n = len(e)
    if n != design.n_runs or whole.sd <= _EXACT:
        return 1.0
    values = form.model.value(whole.constants)
    along = [*design.X.T, values]
    few = n < 2 * _DEGREE + 4
    # groups that were held out together may share an error
    share = 1.0
    if design.split is not None:
        share = independent_runs(e, np.unique(design.split, return_inverse=True)[1]) / n
    # the slope of a prefactor is a constant: of dependent columns QR would add any direction
    basis = basis_of(whole.slopes / lengths(whole.slopes), 1e-9)
    least = 1.0
    for x in along:
        # few runs show a bend at most, and by their places rather than by their ranks
        apart = x - x.mean()
        place = apart / (np.abs(apart).max() or 1.0) if few else normal_scores(x) / 2.0
        # the constant is one of them: residuals in units of their errors may differ from zero
        terms = np.vander(place, 3 if few else _DEGREE + 1)
        least = min(least, _chance_of(e, terms, basis, whole.dof, share))
    beyond, _ = followed_beyond_groups(design, e)
    # a test, not one look more: right laws lose little by it; without a group it is the only one
    if beyond >= (SURELY_INCOMPLETE if design.features else ALPHA):
        beyond = 1.0
    _, smooth = design.kernels.unexplained(e, SURELY_INCOMPLETE)
    block = form.evidence.p_block
    return min(1.0, least * len(along), beyond, smooth, 1.0 if block is None else block)


def _chance_of(
    residuals: Array, columns: Array, basis: Array, dof: float, share: float = 1.0
) -> float:
    """Chance that noise follows the columns so closely, beside an orthonormal basis (F test).

    Of runs that share errors, a share is independent.
    """
    axes = basis_of(columns - basis @ (basis.T @ columns), 1e-6, size=1.0)
    left = residuals - axes @ (axes.T @ residuals)
    k = axes.shape[1]
    return chance_of_gain(residuals, left, k, share * dof - k)


def followed_inputs(design: Design, inputs: Sequence[Variable]) -> list[Variable]:
    """Inputs on which pi_0 depends at equal groups, the clearest first; none in pure noise."""
    names = [v for chance, v in _by_chance(design, inputs, design.y) if chance < ALPHA]
    return names if names and target_follows(design) else []


def _by_chance(
    design: Design, inputs: Sequence[Variable], values: Array
) -> list[tuple[float, Variable]]:
    """Inputs with the p-value that values depend on them, times their number; the least first."""
    tried = ((_beyond_groups(design, _logs(design, [v]), values), v) for v in inputs)
    return sorted(((p * len(inputs), v) for p, v in tried), key=lambda each: each[0])


def _beyond_groups(
    design: Design, columns: Array, values: Array, *, exchangeable: bool = False
) -> float:
    """p-value that the values of the runs do not depend on the columns at equal groups."""
    parts = (columns, values[:, None], design.X)
    extra, y, groups = (less_means(part, design.within) for part in parts)
    return dependence(extra, y[:, 0], groups, design.split, exchangeable=exchangeable)


def target_follows(design: Design) -> bool:
    """Whether the target of a design depends on its inputs at all."""
    target = design.y + design.offset
    if design.scale == "linear":
        # in a unit of its own: the size of the target may be beyond doubles, and plays no part
        target = design.y * np.exp(design.offset - design.offset.max())
    columns, target = (
        less_means(part, design.within) for part in (_places(design), target[:, None])
    )
    # ranks, so that one large value does not hide what the others follow
    return follows_inputs(columns, normal_scores(target[:, 0]), design.split)


def _places(design: Design) -> Array:
    """All inputs of the runs, as logarithms where they have one."""
    others = [j for j, f in enumerate(design.features) if not f.logged]
    logs = _logs(design, [*logged_inputs(design), *idle(design)])
    return np.column_stack([logs, design.X[:, others]])


def logged_inputs(design: Design) -> list[Variable]:
    """Inputs with data that enter as logarithms."""
    basis = design.basis
    return [v for v in basis.variables if v.role == "data" and v.name not in basis.signed]


def idle(design: Design) -> list[Variable]:
    """Inputs that no group contains, of those that have a logarithm."""
    dropped = {d.name for d in design.basis.dropped}
    ratios = (v for v in design.data.variables if v.name in dropped and not v.is_level)
    return [v for v in ratios if np.all(design.data[v.name] > 0)]


def _logs(design: Design, variables: Sequence[Variable]) -> Array:
    return design.data.logs(v.name for v in variables)
