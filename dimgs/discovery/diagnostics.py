"""Diagnostics of a power law: what its runs cannot separate, and sources that disagree."""

from dataclasses import replace
from fractions import Fraction
from itertools import permutations
from math import lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc

from dimgs.common.advice import setting
from dimgs.common.arrays import Array
from dimgs.common.errors import attempt
from dimgs.common.formats import in_percent
from dimgs.dataset import Dataset
from dimgs.dataset.rounding import relative_steps
from dimgs.discovery.estimators import fit_squares
from dimgs.discovery.scoring import log_target, r2
from dimgs.fits.design import Design
from dimgs.fits.estimate import Estimate
from dimgs.groups.group import PiGroup
from dimgs.law.law import Law

# more labels name single runs rather than groups
_MOST_LABELS = 20
# every column of labels is tested on every table: a warning in a thousand may be chance
_ALPHA = 1e-3
# of prefactors, relative: less is the calibration of one instrument against another
_SMALLEST_EFFECT = 0.05
# of R² by variables on both sides: less changes no judgement
_INFLATION = 0.02
# spread inside of groups, of that over all runs, that is rounding
_SAME = 1e-6
# share of the variance about a law from which rounding is named, and up to which it may be the
# cause: an estimate from 20 runs is off by a third; and of different numbers among readings
_ROUNDING_SHARE, _ALL_OF_IT, _DIFFERENT = 0.25, 1.5, 0.5
# sources, from which on their random effects say what differs
_FEWEST_SOURCES = 5
# share of groups on one side of the pooled exponent: three of four, as the groups of a paradox lie
_ONE_SIDED = 0.75
# that of halves, thirds, quarters and their sums: what else a direction has is its noise
LARGEST_DENOMINATOR = 12
# range of a logarithm that is rounding of its values in a file of ten digits
VARIED = 1e-9


def group_warnings(design: Design, fit: Estimate, level: float) -> list[str]:
    """Warnings about label columns whose groups contradict the pooled law.

    Two traps are looked for: exponents within the groups that differ from the pooled ones
    (E. H. Simpson, J. R. Stat. Soc. B 13 (1951) 238-241), and groups whose runs lie
    systematically above or below the others.

    Parameters
    ----------
    design : Design
    fit : Estimate
        Pooled over the groups.
    level : float

    Returns
    -------
    list of str
    """
    if design.within is not None:
        note = _exponents_apart(design, fit, design.labelled[0], design.within)
        return [] if note is None else [note]
    if design.sources:
        notes = [_confounded(design, name, labels) for name, labels in design.sources]
        few = [s for s in design.sources if len(np.unique(s[1])) < _FEWEST_SOURCES]
        notes += [_exponents_apart(design, fit, *source) for source in few[:1]]
        return [note for note in notes if note is not None]
    out = []
    for name in design.data.label_names:
        labels = np.asarray(design.data[name]).astype(str)
        _, counts = np.unique(labels, return_counts=True)
        large = np.count_nonzero(counts >= design.X.shape[1] + 3)
        if not 2 <= len(counts) <= _MOST_LABELS or large < 2:
            continue
        confounded = _confounded(design, name, labels)
        if confounded:
            # to compare groups at equal inputs, or inside of them, would take the effect away
            out.append(confounded)
            continue
        trap = _simpson(design, fit, name, labels, level)
        apart = _disagreement(design, fit, name, labels)
        out += [warning for warning in (trap, apart) if warning is not None]
    return out


def _confounded(design: Design, column: str, labels: NDArray[np.str_]) -> str | None:
    """Inputs of the features that are the same within every group, though not over all runs."""
    code = np.unique(labels, return_inverse=True)[1]
    counts = np.bincount(code)
    same = []
    for feature, x in zip(design.features, design.X.T, strict=True):
        means = np.bincount(code, x) / counts
        inside = float(np.abs(x - means[code]).max())
        if inside <= _SAME * float(np.ptp(x)):
            same.append(str(feature.name if feature.group is None else feature.group))
    if not same:
        return None
    be, it = ("is", "it") if len(same) == 1 else ("are", "them")
    start = f"{' and '.join(same)} {be} the same within every group of '{column}': "
    if design.sources:
        return (
            f"{start}only the differences between the {len(counts)} groups show the effect of "
            f"{it}, and intervals are as wide as these scatter."
        )
    return (
        f"{start}the effect of {it} cannot be separated from other "
        f"differences between the groups, {setting('within', column)} would remove both, and "
        f"intervals that take runs for independent are too narrow "
        f"({setting('split_by', column)})."
    )


def _by_label(design: Design, labels: NDArray[Any], level: float) -> dict[str, Estimate]:
    """The power law of the runs of each label that has enough of them."""
    out = {}
    for label in np.unique(labels):
        part = design.take(np.flatnonzero(labels == label))
        enough = part.n_runs >= design.X.shape[1] + 3
        if enough and (fit := attempt(fit_squares, part, level)) is not None:
            out[str(label)] = fit
    return out


def _simpson(
    design: Design, fit: Estimate, column: str, labels: NDArray[np.str_], level: float
) -> str | None:
    parts = _by_label(design, labels, level)
    for j, feature in enumerate(design.features):
        pooled = fit.values[j]
        determined = {k: p for k, p in parts.items() if np.all(np.isfinite(p.intervals[j]))}
        outside = [
            k
            for k, p in determined.items()
            if not p.intervals[j, 0] - _half(fit, j) <= pooled <= p.intervals[j, 1] + _half(fit, j)
        ]
        if len(determined) < 2 or 2 * len(outside) <= len(determined):
            continue
        per_label = ", ".join(f"{k} {p.values[j]:.3g}" for k, p in determined.items())
        above = float(np.mean([determined[k].values[j] > pooled for k in outside]))
        what = "Simpson's trap: the pooled" if max(above, 1 - above) >= _ONE_SIDED else "The pooled"
        return (
            f"{what} exponent of {feature.name} is {pooled:.3g}, but within the groups of "
            f"'{column}' it is {per_label}; use {setting('within', column)}, or one group."
        )
    return None


def _exponents_apart(
    design: Design, fit: Estimate, column: str, labels: NDArray[Any]
) -> str | None:
    """F test of exponents by group, beside prefactors by group, with what differs most."""
    common = _with_prefactors(design, labels, fit.level)
    plain = replace(design, within=None, split=None, sources=())
    parts = _by_label(plain, labels, fit.level)
    if len(parts) < 2 or common is None or not design.features:
        return None
    p = design.X.shape[1]
    held = np.isin(labels.astype(str), [*parts])
    root = np.ones(design.n_runs) if design.weights is None else np.sqrt(design.weights)
    together = root * common[1]
    alone = np.zeros(design.n_runs)
    for name, part in parts.items():
        rows = labels.astype(str) == name
        alone[rows] = (root * _residuals(plain, part))[rows]
    extra, rest = (len(parts) - 1) * p, int(held.sum()) - len(parts) * (p + 1)
    if _chance(together[held], alone, extra, rest) > _ALPHA:
        return None
    # of the input whose exponents lie farthest apart, in half widths of their intervals
    values = np.array([part.values for part in parts.values()])
    halves = np.array([np.ptp(part.intervals, axis=1) / 2 for part in parts.values()])
    j = int(np.argmax(np.ptp(values, axis=0) / np.maximum(np.median(halves, axis=0), 1e-300)))
    feature = design.features[j]
    kelvin = feature.contrast == "inverse"
    each = ", ".join(
        f"{name} {-v:.4g} K" if kelvin else f"{name} {v:.3g}"
        for name, v in zip(parts, values[:, j], strict=True)
    )
    what = "activation temperatures along 1/" if kelvin else "exponents of "
    name = feature.variable or (feature.name if feature.group is None else str(feature.group))
    return (
        f"The groups of '{column}' have different {what}{name} ({each}): a power law that differs "
        f"in its prefactor alone does not hold; fit each group alone, or search for another form."
    )


def _residuals(design: Design, fit: Estimate) -> Array:
    effects = fit.effects or {}
    shifts = [] if design.within is None else [effects.get(str(k), 0.0) for k in design.within]
    return np.asarray(design.y - fit.intercept - (shifts or 0.0) - design.X @ fit.values)


def _with_prefactors(
    design: Design, labels: NDArray[Any], level: float
) -> tuple[Estimate, Array] | None:
    """The power law with a prefactor for each label, with its residuals; None where it fails."""
    by_label = replace(design, within=labels, sources=())
    fit = attempt(fit_squares, by_label, level)
    return None if fit is None else (fit, _residuals(by_label, fit))


def _chance(pooled: Array, apart: Array, extra: int, rest: int) -> float:
    """Chance (F test) that residuals become as much smaller by further parameters.

    It is 1 where nothing is gained, as the inputs distinguish the groups already.
    """
    more, least = float(pooled @ pooled), float(apart @ apart)
    if rest < 1 or not 0 < least < more:
        return 1.0
    return float(fdtrc(extra, rest, (more - least) / extra / (least / rest)))


def _half(fit: Estimate, j: int) -> float:
    return float(fit.intervals[j, 1] - fit.intervals[j, 0]) / 2


def _disagreement(
    design: Design, fit: Estimate, column: str, labels: NDArray[np.str_]
) -> str | None:
    """F test of a prefactor for each group, with the size of the largest difference."""
    apart = _with_prefactors(design, labels, 0.9)
    if apart is None or (effects := apart[0].effects) is None:
        return None
    pooled, within = _residuals(design, fit), apart[1]
    extra = len(np.unique(labels)) - 1
    rest = design.n_runs - extra - 1 - design.X.shape[1]
    p = _chance(pooled, within, extra, rest)
    ranges = {k: np.sort(design.X[labels == k], axis=0)[[0, -1]] for k in effects}

    def overlap(a: str, b: str) -> bool:
        return bool(np.all(ranges[a][0] <= ranges[b][1]) and np.all(ranges[b][0] <= ranges[a][1]))

    pairs = [(overlap(a, b), effects[b] - effects[a], a, b) for a, b in permutations(effects, 2)]
    # groups whose inputs overlap first: between others the difference rests on the form of the law
    overlapping, spread, low, high = max(pairs)
    if p > _ALPHA or spread < _SMALLEST_EFFECT:
        return None
    where = "at equal inputs" if overlapping else "by one law, for their inputs do not overlap"
    return (
        f"The groups of '{column}' disagree: {where}, '{high}' lies {np.exp(spread):.3g} "
        f"times above '{low}' (p = {p:.1g}); a difference in units, in method or in an input that "
        f"is missing would look like this ({setting('within', column)} removes it)."
    )


def rounding_advice(law: Law, data: Dataset) -> list[str]:
    """Advice on columns whose rounding may be much of the scatter about a law.

    Digits do not say whether a number was read or set. A column is named if rounding of readings
    would explain a good part of the scatter and no more than all of it, and if most of its numbers
    are different.

    Parameters
    ----------
    law : Law
        With its scores.
    data : Dataset
        Its runs.
    """
    scatter, target = law.scores.rmse_log, law.target
    if not scatter or target.is_level or not np.all(law.predict_si(data) > 0):
        return []
    slopes = {target.name: np.ones(data.n_runs), **law.elasticities(data)}
    out = []
    for name, slope in slopes.items():
        variable = data.variable(name)
        is_known = name in data.rounded or name in data.errors or variable.is_level
        if is_known or variable.unit.scale != "ratio" or np.ptp(data[name]) == 0.0:
            continue
        with np.errstate(all="ignore"):
            share = float(np.mean((slope * relative_steps(data, name)) ** 2)) / (12.0 * scatter**2)
        few = len(np.unique(data[name])) < _DIFFERENT * len(slope)
        if few or not _ROUNDING_SHARE <= share <= _ALL_OF_IT:
            continue
        explained = in_percent(min(share, 1.0))
        out.append(
            f"If '{name}' holds readings, their rounding explains {explained} of the variance "
            f"about the law: {setting('rounded', name)} takes it into account."
        )
    return out


def self_correlation(design: Design, fitted: Array) -> list[str]:
    """Warning where pi_0 shares variables with its groups and looks better than the target.

    Parameters
    ----------
    design : Design
    fitted : ndarray of shape (n_runs,)
        The law's ln(target).
    """
    residuals = log_target(design) - fitted
    in_groups = r2(residuals, design.y, least=1.0)
    return shared_variables(design, in_groups, r2(residuals, log_target(design), least=1.0))


def shared_variables(design: Design, in_groups: float | None, honest: float | None) -> list[str]:
    """Warning that pi_0 shares variables with the groups, with both R²."""
    response = design.basis.response
    if design.scale != "log" or response is None or in_groups is None or honest is None:
        return []
    used = {n for f in design.features if f.group is not None for n, _ in f.group.exponents}
    shared = sorted({n for n, _ in response.exponents} & used)
    if not shared or in_groups - honest < _INFLATION:
        return []
    sentence = (
        f"pi_0 shares {', '.join(shared)} with the groups, so that its own R² of {in_groups:.3f} "
        f"would flatter the law; on the target it is {honest:.3f}."
    )
    return [sentence]


def monomial_text(design: Design, direction: Array) -> str:
    """A direction in feature space as a monomial of the physical variables."""
    amounts = [Fraction(float(w)).limit_denominator(LARGEST_DENOMINATOR) for w in direction]
    alone = (f.group or PiGroup.of("alone", {str(f.variable): 1}) for f in design.features)
    powers = _of_data(design, PiGroup.product("product", alone, amounts).as_dict())
    common = lcm(*(e.denominator for e in powers.values()))
    if common <= LARGEST_DENOMINATOR:
        powers = {n: e * common for n, e in powers.items()}
    return str(PiGroup.of("pi", powers))


def separation_warnings(design: Design, fit: Estimate, cv_r2_log: float | None) -> list[str]:
    """Warnings on collinear directions, and on a power law that fails on held-out runs."""
    out = [
        f"{monomial} never varied though {name} did, so that no exponent along it is determined; "
        f"runs in which it changes would do so."
        for monomial, name in _constant_groups(design)
    ]
    for direction in fit.null_directions:
        monomial = monomial_text(design, direction)
        out.append(
            f"The runs cannot separate exponents along {monomial}, which never varied; runs in "
            f"which {monomial} changes while the other groups stay would."
        )
    for direction in fit.weak_directions:
        monomial = monomial_text(design, direction)
        out.append(
            f"{monomial} hardly varied: exponents along it are uncertain; vary it to know them."
        )
    if cv_r2_log is not None and cv_r2_log < 0.5:
        out.append(
            f"This power law fails on held-out runs: it predicts runs left out with "
            f"R² = {cv_r2_log:.2f} on the {'logarithm of the ' * (design.scale == 'log')}target."
        )
    return out


def _constant_groups(design: Design) -> list[tuple[str, str]]:
    """Groups that are the same in every run although a variable in them is not."""
    out = []
    for group in design.basis.groups:
        if group.name not in design.never_varied or design.basis.is_signed(group):
            continue
        data = _of_data(design, dict(group.exponents))
        for name in data:
            values = design.data[name]
            if np.ptp(np.log(values)) > VARIED:
                out.append((str(PiGroup.of("pi", data)), name))
                break
    return out


def _of_data(design: Design, powers: dict[str, Fraction]) -> dict[str, Fraction]:
    apart = {v.name for v in design.basis.variables if v.role != "data"}
    return {name: e for name, e in powers.items() if name not in apart}
