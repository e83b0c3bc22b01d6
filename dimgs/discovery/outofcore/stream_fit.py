"""The fit of a table larger than memory: a pass or two in parts, moments alone kept.

From these come the same law and scores as from the runs.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial, reduce
from os import PathLike
from typing import Unpack

import numpy as np

from dimgs.common.arrays import Array, IntArray
from dimgs.common.errors import InputError, noting, warn_all
from dimgs.dataset import Dataset
from dimgs.dataset.checks import (
    check_enough_runs,
    dropped_warnings,
    unused_label_warnings,
    usable_runs,
)
from dimgs.dataset.stream import Part, Position, TableInParts
from dimgs.discovery.diagnostics import separation_warnings, shared_variables
from dimgs.discovery.estimators import of_least_squares, scatter_fields
from dimgs.discovery.keywords import StreamKeywords
from dimgs.discovery.options import Options, documented
from dimgs.discovery.outofcore.checkpoint import Checkpoint
from dimgs.discovery.outofcore.stream_moments import (
    StreamMoments,
    StreamPlan,
    as_ranges,
    check_group_count,
    check_streamable,
    columns_of,
    ranges_of,
    union,
)
from dimgs.discovery.power_law import with_law
from dimgs.discovery.rational_exponents import with_rationals
from dimgs.discovery.scoring import r2_of_squares
from dimgs.fits.design import Design, Moments
from dimgs.fits.estimate import Estimate
from dimgs.fits.least_squares import BlockMoments, PowerLawFit
from dimgs.fits.noise import Scatter
from dimgs.law.assemble import power_law
from dimgs.law.checked_law import Domain, Scores
from dimgs.law.prediction import domain_from_moments
from dimgs.report.results import FitResult

# as in memory: a share of the blocks, of so many runs or more
_HOLDOUT, _FEWEST = 0.2, 10


def result_of(plan: StreamPlan, state: StreamMoments, notes: tuple[str, ...] = ()) -> FitResult:
    """Fit, snap, assemble the law and score it, from moments alone.

    Parameters
    ----------
    plan : StreamPlan
    state : StreamMoments
        Of all runs.
    notes : tuple of str
        Warnings to put first.

    Returns
    -------
    FitResult
        Its intervals are by blocks of runs, or by clusters.

    Raises
    ------
    InputError
        If there are fewer runs than unknowns.
    FitError
        If the runs make no pair.
    """
    options = plan.options
    check_group_count(state, plan)
    # what is reported of the columns is what all runs span, not the first ones
    plan = plan.with_ranges(state.ranges(plan))
    study = _StreamStudy.of(plan, state)
    groups = max(1, len(state.total.labels))
    check_enough_runs(state.n_runs, len(study.design.features) + groups + 1, plan.ranges.source)
    raw = study.blocks.fit()
    design = study.design
    fit = of_least_squares(design, raw, options.level)
    fit = replace(fit, **scatter_fields(state.estimated(plan)))
    snapped = with_rationals(design, fit, plan.ranges)
    scores = _scores(study, raw, snapped, options)
    law = power_law(design, snapped, options.within, _domain(plan, state, design))
    warnings = (
        *notes,
        *plan.warnings,
        *dropped_warnings(state.n_dropped, state.dropped),
        *unused_label_warnings(plan.unused),
        *separation_warnings(design, fit, scores.cv_r2_log),
        *fit.notes,
        *_self_correlation(study, fit),
    )
    return with_law(design, snapped, law.with_scores(scores), warnings)


@dataclass(frozen=True)
class _StreamStudy:
    """The features that varied, with the moments of [features | ln pi_0, ln target].

    `design` holds the mean of every `within` group in place of its runs: all that is linear in
    the runs is exact on it.
    """

    design: Design
    blocks: BlockMoments
    total: Moments

    @classmethod
    def of(cls, plan: StreamPlan, state: StreamMoments) -> "_StreamStudy":
        varies = state.varying(plan)
        p = len(plan.features)
        keep = np.array([*np.flatnonzero(varies), p, p + 1], dtype=np.intp)
        blocks = replace(
            state.blocks, blocks={k: _columns(b, keep) for k, b in state.blocks.blocks.items()}
        )
        total = _columns(state.total, keep)
        pooled = reduce(Moments.merge, blocks.blocks.values())
        q = len(keep) - 2
        rows = np.arange(len(pooled.labels)) % 2
        level = plan.ranges.variable(plan.target).is_level
        design = Design(
            data=plan.ranges.take(rows),
            basis=plan.basis,
            features=tuple(f for f, v in zip(plan.features, varies, strict=True) if v),
            X=pooled.means[:, :q],
            y=pooled.means[:, q],
            offset=pooled.means[:, q + 1] - pooled.means[:, q],
            scale="level" if level else "log",
            weights=pooled.weights,
            within=pooled.labels if plan.options.within is not None else None,
            never_varied=tuple(f.name for f, v in zip(plan.features, varies, strict=True) if not v),
            labelled=plan.options.labels,
        )
        return cls(design, blocks, total)


def _columns(moments: Moments, keep: IntArray) -> Moments:
    means, scatter = moments.means[:, keep], moments.scatter[np.ix_(keep, keep)]
    return replace(moments, means=means, scatter=scatter, n_features=len(keep) - 2)


def _squares(moments: Moments, contrast: Array, shift: Array) -> float:
    """Sum over the runs of (contrast . columns - shift of the group)^2."""
    mean = moments.means @ contrast - shift
    return float(contrast @ moments.scatter @ contrast + moments.weights @ mean**2)


def _remaining_squares(total: Moments, estimate: Estimate) -> float:
    """Sum over the runs of the squared residuals of ln(target)."""
    contrast = np.array([*(-float(c) for c in estimate.coefficients), 1.0, 0.0])
    effects = estimate.effects or {}
    shift = estimate.intercept + np.array([effects.get(str(k), 0.0) for k in total.labels])
    return max(0.0, _squares(total, contrast, shift))


def _scores(study: _StreamStudy, raw: PowerLawFit, estimate: Estimate, options: Options) -> Scores:
    total = study.total
    squares = _remaining_squares(total, estimate)
    n_runs = float(total.weights.sum())
    r2_log = _share(squares, total)
    weighted = reduce(Moments.merge, study.blocks.blocks.values())
    target = weighted.scatter[-2, -2]
    left_out = (1.0 - float(raw.cv_r2[0])) * float(target)
    held, held_n = _holdout(study, options)
    return Scores(
        r2_log=r2_log,
        rmse_log=float(np.sqrt(squares / n_runs)),
        cv_r2_log=_share(left_out, weighted),
        # squares of the target itself are not moments of its logarithm
        r2=r2_log if study.design.scale == "level" else None,
        holdout_r2_log=held,
        holdout_n=held_n,
    )


def _share(squares: float, moments: Moments) -> float | None:
    """R² of ln target; None where it never varies."""
    pooled = moments.pooled()
    rounding = max(1.0, float(pooled.means[0, -1]) ** 2) * float(pooled.weights[0])
    return r2_of_squares(squares, float(pooled.scatter[-1, -1]), rounding)


def _holdout(study: _StreamStudy, options: Options) -> tuple[float | None, int]:
    """R² on ln target of blocks (or clusters) set aside before fitting."""
    parts = study.blocks.blocks
    names = sorted(parts, key=str)
    if len(names) < 3 or study.total.counts.sum() < _FEWEST:
        return None, 0
    order = np.random.default_rng(options.seed).permutation(len(names))
    aside = {names[i] for i in order[: max(1, round(_HOLDOUT * len(names)))]}
    train = BlockMoments({k: v for k, v in parts.items() if k not in aside})
    training = reduce(Moments.merge, train.blocks.values())
    test = reduce(Moments.merge, (parts[k] for k in sorted(aside, key=str)))
    if training.counts.sum() < training.n_features + 3 or len(train.blocks) < 2:
        return None, 0
    fit = train.fit()
    intercepts = dict(zip(fit.group_labels.tolist(), fit.group_intercepts[:, 0], strict=True))
    shift = np.array([intercepts.get(k, fit.intercept[0]) for k in test.labels.tolist()])
    contrast = np.array([*-fit.exponents[0], 1.0, 0.0])
    reference = float(training.pooled().means[0, -1])
    only_target = np.zeros(len(contrast))
    only_target[-1] = 1.0
    spread = _squares(test, only_target, np.full(len(test.labels), reference))
    rounding = max(1.0, reference**2) * float(test.weights.sum())
    score = r2_of_squares(_squares(test, contrast, shift), spread, rounding)
    return (None, 0) if score is None else (score, int(test.counts.sum()))


def _domain(plan: StreamPlan, state: StreamMoments, design: Design) -> Domain:
    """Ranges and leverage; the largest leverage is that of the extreme runs that were kept."""
    kept = [j for j, f in enumerate(plan.features) if f in design.features]
    ends = np.array([state.feature_low[kept], state.feature_high[kept]])
    centre, scatter = state.spread(plan)
    scatter = scatter[np.ix_(kept, kept)]
    extremes = state.extremes[:, kept]
    n_runs = state.n_runs
    return domain_from_moments(design, plan.ranges, ends, centre[kept], scatter, n_runs, extremes)


def _self_correlation(study: _StreamStudy, fit: Estimate) -> list[str]:
    """Warning that pi_0 shares variables with the groups, before rounding of exponents."""
    pooled = study.total.pooled().scatter
    honest = _share(_remaining_squares(study.total, fit), study.total)
    of_target, of_response = float(pooled[-1, -1]), float(pooled[-2, -2])
    if honest is None or of_response <= 0.0:
        return []
    in_groups = 1.0 - (1.0 - honest) * of_target / of_response
    return shared_variables(study.design, in_groups, honest)


# rows of ten columns take 5 MB, and a call for each costs nothing
CHUNK_ROWS = 65536
Progress = Callable[[int, float], None]


@documented(StreamKeywords)
def fit_stream(
    path: str | PathLike[str],
    target: str,
    options: Options | None = None,
    *,
    chunk_rows: int = CHUNK_ROWS,
    progress: Progress | None = None,
    checkpoint: str | PathLike[str] | None = None,
    **keywords: Unpack[StreamKeywords],
) -> FitResult:
    r"""Contrastive power law of a table that need not fit into memory.

    The law is that of :func:`dimgs.discovery.fitting.fit` on the same rows, and up to 64 runs so
    are its intervals; of more, they come from leaving out one of 64 blocks of runs (or, as in
    memory, one cluster of `split_by`) instead of one run. The score on the target itself (`r2`)
    is not known from moments and is None; where the target has an error column, `cv_r2_log` weighs
    the runs as the fit does. Runs that are set aside are whole blocks, or clusters.

    Where a later part shows that the plan made of the first ones does not hold (a column that
    never varied does, a dimensionless one vanishes), the pass starts over with what is known. Where
    the runs scatter more than the errors of the target say, a second pass weighs them by both.

    Parameters
    ----------
    path : str or path
        A text table, a Parquet file, or a folder of Parquet files of the same columns.
    target : str
    options : Options, optional
        The options as one value, which keywords change; not `limits`, `robust`, `regimes`, `local`
        or `additive`, which need all runs at once.
    chunk_rows : int
        Most rows in memory at a time.
    progress : callable, optional
        Called after every part with the number of rows read so far and the fraction of the table.
    checkpoint : str or path, optional
        File that keeps the work every few seconds. If it is there already and the table and the
        question are the same, the pass goes on from it; if they changed, the result's warnings
        say that it started over. It is removed at the end.
    {options}

    Returns
    -------
    FitResult

    Raises
    ------
    InputError, DimensionError, FitError
        Naming what is wrong, where, and the remedy.

    Warns
    -----
    DimgsWarning
        For each of the result's `warnings`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> table = Path(tempfile.mkdtemp()) / "runs.csv"
    >>> rows = [f"{h},{(2 * h / 9.8) ** 0.5}\n" for h in range(1, 50)]
    >>> _ = table.write_text("h [m],t [s]\n" + "".join(rows))
    >>> print(fit_stream(table, "t", Options(constants=["g"])).law.expression)
    C*sqrt(h)/sqrt(g)
    """
    chosen = Options.of(options, keywords, "fit_stream", StreamKeywords)
    check_streamable(chosen)
    table = TableInParts(path, chunk_rows, chosen.reader([target]))
    plan = first_plan(table.parts(), table.source, target, chosen)
    table = only_needed(table, plan)
    empty = partial(StreamMoments.empty, in_pieces=len(table.files) > 1)
    notes: tuple[str, ...] = ()
    kept = None if checkpoint is None else Checkpoint.of(checkpoint, table, target, chosen)
    saved = None if kept is None else kept.load(empty(plan))
    # where the first pass begins; later ones begin with the table
    begun: list[tuple[StreamMoments, Position, int]] = []
    if isinstance(saved, str):
        notes = (saved,)
    elif saved is not None:
        state, position, ends, rows = saved
        begun.append((state, position, rows))
        plan = plan.with_ranges(as_ranges(plan.ranges, plan.names, *ends))

    def read(plan: StreamPlan, scatter: Scatter | None) -> StreamMoments | Dataset:
        state, position, rows = (
            begun.pop() if begun else (empty(plan, scatter=scatter), Position(), 0)
        )
        for part in table.parts(position):
            wider = add_part(state, plan, part)
            if wider is not None:
                return wider
            rows += part.n_rows
            if kept is not None:
                ends = [[float(plan.ranges[n][i]) for n in plan.names] for i in (0, 1)]
                kept.save(state, part.end, ends, rows)
            if progress is not None:
                progress(rows, part.fraction)
        return state

    with noting(plan.warnings):
        result = result_of(*read_in_passes(plan, read), notes)
    if kept is not None:
        kept.path.unlink(missing_ok=True)
    warn_all(result.warnings)
    return result


def read_in_passes(
    plan: StreamPlan, read: Callable[[StreamPlan, Scatter | None], StreamMoments | Dataset]
) -> tuple[StreamPlan, StreamMoments]:
    """Moments of a table that is read again until its plan, and its weights, are those of all runs.

    Parameters
    ----------
    plan : StreamPlan
        For the first pass.
    read : callable
        A pass: from a plan and what the weights include, the moments, or the wider ranges for
        which another plan is needed.
    """
    scatter: Scatter | None = None
    while True:
        outcome = read(plan, scatter)
        if isinstance(outcome, Dataset):
            plan = plan.with_ranges(outcome)
        elif outcome.needs_scatter(plan):
            scatter = outcome.estimated(plan)
        else:
            return plan, outcome


def first_plan(parts: Iterable[Part], source: str, target: str, options: Options) -> StreamPlan:
    """Plan made of the first part with a run that can be used.

    Raises
    ------
    InputError
        If there is none.
    """
    for part in parts:
        read = part.dataset()
        with noting(read.warnings):
            usable = usable_runs(read, options.purpose(target, allow_empty=True))
            ranges = ranges_of(usable)
            if ranges is not None:
                unused = [n for n in usable.data.label_names if n not in options.labels]
                plan = StreamPlan.of(ranges, target, options)
                return replace(plan, has_errors=target in usable.data.errors, unused=tuple(unused))
    raise InputError(f"{source} has no usable row; add at least one row of data that can be used.")


def only_needed(table: TableInParts, plan: StreamPlan) -> TableInParts:
    """The table without the columns that the plan does not read."""
    names = [*plan.names, *plan.options.labels]
    return replace(table, options=replace(table.options, columns=names, drop=None))


def add_part(state: StreamMoments, plan: StreamPlan, part: Part) -> Dataset | None:
    """Add the runs of a part, or return the wider ranges for which another plan is needed.

    Raises
    ------
    InputError
        For a cell that cannot be used, unless such rows are dropped.
    """
    numbers = None if plan.options.labels or plan.has_errors else part.numbers(plan.names)
    if numbers is not None and state.widen(numbers, plan):
        wider = state.ranges(plan)
        if not plan.still_holds(wider):
            return wider
        state.update(plan, numbers)
        return None
    usable = usable_runs(part.dataset(), plan.purpose)
    data, ranges = usable.data, ranges_of(usable)
    if ranges is not None and any(n in plan.logged for n in usable.unlogged):
        return union(state.ranges(plan), ranges)
    state.drop(data)
    if ranges is None:
        return None
    columns, extra = columns_of(data, plan)
    state.widen(columns, plan)
    wider = state.ranges(plan)
    if not plan.still_holds(wider):
        return wider
    state.update(plan, columns, **extra)
    return None
