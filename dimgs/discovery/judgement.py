"""The judgement of a study: the most probable law and its rivals, or a description without."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Any

import numpy as np
import sympy

from dimgs.common.arrays import Array, BoolArray, chance_of_gain, times_exp
from dimgs.common.errors import attempt
from dimgs.discovery.diagnostics import carrying, far_runs
from dimgs.discovery.estimators import estimator
from dimgs.discovery.options import Options
from dimgs.discovery.power_law import fit_prepared, projected_power
from dimgs.discovery.regimes import (
    MOST_REGIMES,
    RegimeResult,
    blend_of,
    regime_document,
    regimes_of,
)
from dimgs.discovery.scoring import (
    clearly_less,
    fitted_by,
    folds,
    folds_of_long_fits,
    formula_values,
    law_scores,
    left_out_predictions,
    left_out_score,
    left_out_values,
    r2,
    residual_summary,
    scores_of,
    target_values,
)
from dimgs.discovery.study import (
    MOST_LEFT_OUT,
    Study,
    is_searchable,
    left_out_residuals,
    problem_of,
    rivals_of,
    run_engine,
    without_collinear,
)
from dimgs.engines.protocol import Clock
from dimgs.engines.registry import NONE, embedded
from dimgs.engines.structured.engine import low_order_sum
from dimgs.expression.candidate import Candidate
from dimgs.fits.design import Design, label_texts
from dimgs.fits.estimate import Exponent
from dimgs.fits.noise import likeliest_measure, target_errors
from dimgs.fits.smooth import SmoothCurve
from dimgs.judgement.candidates import (
    JUDGEMENT,
    POWER,
    JudgedForm,
    Proposal,
    is_monomial,
    judge_forms,
    release_numbers,
)
from dimgs.judgement.confirmation import IMPROBABLE, PROBABLE, holds
from dimgs.judgement.posterior import Posterior, posterior_of, same_laws
from dimgs.law.assemble import assemble, from_search, power_law, used_inputs
from dimgs.law.canonical import absorb, recognise
from dimgs.law.checked_law import Scores
from dimgs.law.curve import KIND, Coordinates, Curve
from dimgs.law.law import Law
from dimgs.law.prediction import law_inputs, source_shift
from dimgs.report.findings import Lead, r2_of
from dimgs.report.results import FitResult, Verdict

# ---- Description of the runs if no law is probable: the simplest of the best by cross-validation.
#
# Six descriptions are compared by cross-validation: a power law, a low-order sum, the most probable
# candidate of the searches, a blend of two power laws, power laws in regimes, and a smooth curve.
# The form of the candidate was chosen on all runs, and only its constants are fitted anew: its
# price is what that choice costs, so it is compared only if no other form is as probable. It comes
# before blends and regimes, as it has fewer constants. Runs of a source are left out together if
# the residuals of the power law differ between sources. Errors are compared on the scale on which
# they are homoscedastic. The first description is the simplest one whose error exceeds the
# smallest error by less than a standard error, or by less than a tenth.


POWER_LAW, SUM, BLEND, CANDIDATE, CURVE = "power law", "sum", "blend", "candidate", KIND
REGIMES = "regimes"
# parts of the runs: each takes a second, and errors of a tenth more runs differ by less than theirs
_FOLDS = 5
# error of the best, of that of a simpler description, from which on it is no better: the law is as
# useful with an error of 30 % as with one of 27 %
_NOTABLE = 0.9
# fewest sources that are left out whole, and the chance by which what a law leaves of sources may
# differ though they are alike: one table in a thousand
_FEWEST_SOURCES, _CLUSTERED = 5, 1e-3
# groups between which boundaries are looked for: of six a search takes ten seconds
_MOST_GROUPS = 4
# of an exponent: a larger one is that of a decimal, which was fitted
_LARGEST_SIMPLE = 12
# runs that a smooth curve goes through: one inverse of their covariance takes a second
_MOST_RUNS = 2000

# a description of some runs: the target of others, in SI; and how it is made
Values = Callable[[Design], Array]
Description = Callable[[Design, Options], Values | None]
Formula = tuple[sympy.Expr, dict[str, float]]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Descriptions of the runs, with the target of every run by each made without it.

    Attributes
    ----------
    measured : ndarray of shape (n_runs,)
        In SI; of many runs, of those that were compared.
    left_out : mapping of str to ndarray of shape (n_runs,)
        By the name of the description, the simplest first.
    first : str
        The simplest from which the best hardly differs.
    closed : str or None
        The same, or where that is a smooth curve, the simplest of those with a formula.
    source : str
        Column whose labels were left out whole; empty where single runs were.
    curve : Curve or None
        The smooth curve through all runs, where it can be stored.
    """

    measured: Array
    left_out: Mapping[str, Array]
    first: str
    closed: str | None
    source: str
    curve: Curve | None = None


def compare_leads(
    design: Design, options: Options, clock: Clock, candidate: Formula | None = None
) -> Comparison | None:
    """Compare the descriptions of runs by the runs left out.

    Parameters
    ----------
    design : Design
        With the errors of its target, where the judgement found that they are not relative.
    options : Options
    clock : Clock
        When it is over, only what was made until then and the power law are compared.
    candidate : (sympy.Expr, dict of str to float), optional
        A form for pi_0 that a search found; its constants are fitted without each part.

    Returns
    -------
    Comparison or None
        None where nothing could be made without parts of the runs.
    """
    if design.n_runs > _MOST_RUNS:
        rows = np.random.default_rng(options.seed).choice(design.n_runs, _MOST_RUNS, False)
        design = design.take(np.sort(rows))
    design, source = by_source(replace(design, effects=(), shift=None), options)
    parts = folds(design, options.seed, min(_FOLDS, folds_of_long_fits(design)))
    # the curve comes before descriptions that often predict less, and that may take as long
    before = clock.left
    curve = None if clock.over else _curve_left_out(design, parts, options.level)
    step = before - clock.left
    descriptions = dict(_DESCRIPTIONS)
    if candidate is not None:
        descriptions[CANDIDATE] = lambda some, _: _by_formula(some, candidate)
    by_kind = {
        name: _left_out(design, describe, parts, options, clock, step)
        for name, describe in descriptions.items()
    }
    by_kind[CURVE] = None if curve is None else curve[0]
    truth, predicted = target_values(design), {k: v for k, v in by_kind.items() if v is not None}
    measure = likeliest_measure(truth, list(predicted.values()))
    if measure is None:
        return None
    residuals = {k: measure.residuals(v) for k, v in predicted.items()}
    residuals = {k: v for k, v in residuals.items() if np.all(np.isfinite(v))}

    def simplest(among: Sequence[str]) -> str:
        squares = {k: float(np.mean(residuals[k] ** 2)) for k in among}
        best = min(squares, key=lambda k: squares[k])
        return next(
            k
            for k in among
            if squares[best] >= _NOTABLE**2 * squares[k]
            or not clearly_less(residuals[best], residuals[k], design.split)
        )

    first, formulas = simplest(list(residuals)), [k for k in residuals if k != CURVE]
    closed: str | None = first
    if first == CURVE:
        closed = simplest(formulas) if formulas else None
    kept = {k: predicted[k] for k in residuals}
    smooth = None if curve is None or CURVE not in kept else curve[1]
    return Comparison(truth, kept, first, closed, source, smooth)


def by_source(design: Design, options: Options) -> tuple[Design, str]:
    """The design with the runs of a source held out together, and the column that names it.

    Without options that name one, it is the column of labels between which what a power law leaves
    differs most, where that is not a chance.
    """
    if design.split is not None:
        return design, options.left_out_whole
    if design.within is not None or not design.n_runs > design.X.shape[1] + 3:
        return design, ""
    columns = np.column_stack([np.ones(design.n_runs), design.X])
    residuals = design.y - columns @ np.linalg.lstsq(columns, design.y, rcond=None)[0]
    chances: dict[str, float] = {}
    for name, kinds in design.input_labels.items():
        if len(kinds) < _FEWEST_SOURCES:
            continue
        code = np.unique(label_texts(design.data[name]), return_inverse=True)[1]
        inside = residuals - (np.bincount(code, residuals) / np.bincount(code))[code]
        rest = design.n_runs - len(kinds) - design.X.shape[1]
        chances[name] = chance_of_gain(residuals, inside, len(kinds) - 1, rest)
    surest = min(chances, key=lambda n: chances[n], default="")
    if not surest or chances[surest] > _CLUSTERED:
        return design, ""
    return replace(design, split=label_texts(design.data[surest])), surest


def _left_out(
    design: Design,
    describe: Description,
    parts: Sequence[BoolArray],
    options: Options,
    clock: Clock,
    step: float,
) -> Array | None:
    """The target of every run by a description made without its part; None where there is none.

    A step is not cut, so that one is begun only where the time of `step` and of the longest step
    is left; a power law, which has no such time, is always made.
    """

    def is_late() -> bool:
        return describe is not _power and clock.left < step

    before = clock.left
    if is_late() or attempt(describe, design, options) is None:
        return None
    out = np.full(design.n_runs, np.nan)
    for test in parts:
        step, before = max(step, before - clock.left), clock.left
        if is_late():
            return None
        # only predictions are asked for: the sources that are left may be a single one
        rest = replace(design.take(np.flatnonzero(~test)), split=None)
        part = design.take(np.flatnonzero(test))
        # where fewer runs have no such description, their power law stands for it
        values = attempt(describe, rest, options) or attempt(_power, rest, options)
        if values is None:
            return None
        with np.errstate(all="ignore"):
            out[test] = values(part)
    return out if np.all(np.isfinite(out)) else None


def _power(design: Design, options: Options) -> Values:
    if design.scale == "linear":
        prefactor, exponents = projected_power(design.X, design.y)
        return lambda part: times_exp(prefactor * np.exp(part.X @ exponents), part.offset)
    fit = estimator(replace(options, by=()))(design)
    effects = fit.effects or {}

    def values(part: Design) -> Array:
        y = fit.intercept + part.X @ fit.values
        if part.within is not None:
            y = y + np.array([effects.get(str(k), np.nan) for k in part.within])
        return target_values(replace(part, y=y))

    return values


def _by_formula(design: Design, formula: Formula | None) -> Values | None:
    """A description by a form for pi_0 with its constants."""
    return None if formula is None else formula_values(design, *formula)


def sum_of(design: Design) -> Formula | None:
    """A sum of at most three monomials of the groups, with constants for its numbers."""
    if not is_searchable(design):
        return None
    # half a second for 400 runs of seven groups; a limit in seconds would depend on the machine
    formula = low_order_sum(without_collinear(problem_of(design)), np.inf)
    if formula is None:
        return None
    expression, constants = formula
    free = release_numbers(expression, constants)
    if free is not None:
        expression, constants = free.expression, dict(free.constants)
    if not expression.is_Add:
        return None
    expression, constants = _with_fitted_exponents(expression, constants)
    return from_search(design, expression), constants


def _with_fitted_exponents(
    expression: sympy.Expr, constants: Mapping[str, float]
) -> tuple[sympy.Expr, dict[str, float]]:
    """A form with a constant for each exponent that was fitted, as its decimals tell."""
    fitted = {p.exp for p in expression.atoms(sympy.Pow) if p.exp.is_Rational}
    fitted = {x for x in fitted if x.q > _LARGEST_SIMPLE}
    taken = {str(s) for s in expression.free_symbols}
    names = (name for k in count(1) if (name := f"a_{k}") not in taken)
    named = dict(zip(sorted(fitted), map(sympy.Symbol, names), strict=False))
    whole = expression.replace(
        lambda e: e.is_Pow and e.exp in named, lambda e: e.base ** named[e.exp]
    )
    return whole, {**constants, **{str(s): float(x) for x, s in named.items()}}


def _pieces(design: Design, options: Options) -> Values | None:
    if design.scale != "log" or not is_searchable(design) or len(design.features) > _MOST_GROUPS:
        return None
    law = regimes_of(design, options, validated=False)[1]
    return None if law is None else lambda part: law.predict_si(part.data)


# what is compared, the simplest first
_DESCRIPTIONS: Mapping[str, Description] = {
    POWER_LAW: _power,
    SUM: lambda design, _: _by_formula(design, sum_of(design)),
    CANDIDATE: lambda *_: None,
    BLEND: lambda design, _: _by_formula(design, blend_of(design)),
    REGIMES: _pieces,
}


def simple_forms(design: Design) -> list[Proposal]:
    """A low-order sum and a blend of two power laws as forms to judge.

    Parameters
    ----------
    design : Design
    """
    if not is_searchable(design):
        return []
    design = design.of_one_label
    formulas = ((SUM, sum_of(design)), (BLEND, blend_of(design)))
    return [Proposal(name=n, expression=f[0], constants=f[1]) for n, f in formulas if f is not None]


def _curve_left_out(
    design: Design, parts: Sequence[BoolArray], level: float
) -> tuple[Array, Curve | None] | None:
    """The target of every run by a smooth curve without its part, and the curve of all runs.

    It is a curve of the logarithm or of the target, whichever predicts better.
    """
    if not design.features or design.within is not None:
        return None
    code, place = np.argmax(np.array(parts), axis=0), Coordinates.of(design)
    if place is not None:
        places = place.at(design.data)
    else:
        away = design.X - design.X.mean(axis=0)
        places = away / np.where(away.std(axis=0) > 0, away.std(axis=0), 1.0)
    size, scales = float(design.y.max()), [False]
    if design.scale == "log" and not design.target.is_level and np.ptp(design.offset) <= 1e-9:
        scales.append(True)
    curves: list[tuple[Array, bool, Any]] = []
    for linear in scales:
        curve = SmoothCurve(places, np.exp(design.y - size) if linear else design.y)
        y = curve.y - curve.left_out(code)[0]
        if linear:
            curves.append((times_exp(y, design.offset + size), linear, curve.kernel))
        else:
            curves.append((target_values(replace(design, y=y)), linear, curve.kernel))
    measure = likeliest_measure(target_values(design), [values for values, _, _ in curves])
    if measure is None:
        return None
    usable = [each for each in curves if np.all(np.isfinite(measure.residuals(each[0])))]
    if not usable:
        return None
    values, linear, kernel = min(
        usable, key=lambda each: float(np.mean(measure.residuals(each[0]) ** 2))
    )
    whole = None if design.split is None else code
    return values, Curve.of(design, linear=linear, parts=whole, level=level, learned=kernel)


def is_acrobatic(law: Law) -> bool:
    """Whether a law has a form that few laws of nature have, and many that fit by chance.

    A function of a function, a broken power of a function, or a constant of the dimension of a
    positive input, such as a temperature, that is negative.

    Parameters
    ----------
    law : Law

    Examples
    --------
    >>> import dimgs
    >>> is_acrobatic(dimgs.fit("docs/planets.csv", "T", scales="auto").law)
    False
    """
    form = law.response_form.expression
    functions = form.atoms(sympy.Function) - form.atoms(sympy.Piecewise)
    functions = {f for f in functions if not isinstance(f, sympy.Min | sympy.Max)}
    if any(f is not g and g.has(f) for f in functions for g in functions):
        return True
    for power in form.atoms(sympy.Pow):
        if power.exp.is_Rational and not power.exp.is_Integer and power.base.has(sympy.Function):
            return True
    columns, inputs = law.domain.columns, (v for v in law.symbols.values() if v.dimension)
    positive = {v.dimension for v in inputs if columns.get(v.name, (0.0,))[0] > 0}
    fitted = [c for c in law.constants if c.origin == "fitted"]
    return any(c.value < 0 and c.dimension in positive for c in fitted)


# laws of the runs without a few that all runs judge again
_KEPT = 5


def judge(study: Study, options: Options, clock: Clock) -> Study:
    """The study with the probabilities of its candidates, and the most probable one as its law.

    Parameters
    ----------
    study : Study
        When its searches have ended.
    options : Options
    clock : Clock
        When it is over, only the first candidates are judged.

    Returns
    -------
    Study
        Of an interrupted search the first candidate, which is not judged.
    """
    if clock.stopped.is_set():
        return _with_first(study, options)
    if options.engine == NONE:
        return _as_asked(study, options, clock)
    return _with_posterior(study, _posterior(study, options, clock), options, clock)


def judge_further(study: Study, options: Options, clock: Clock) -> Study:
    """The study judged with forms that its laws call for.

    Where none is probable, or the first rests on outliers, runs that lie far off are left out of a
    further search: least squares follow a gross run, and miss the law of the others. Then sums and
    switches are tried. Last come sums and blends of runs without what constants of their sources
    add, as the law to take that from is known by then.

    Parameters
    ----------
    study : Study
        That :func:`judge` gave.
    options : Options
    clock : Clock
        When it is over, no more forms are looked for: that takes as long as the judgement.

    Returns
    -------
    Study
    """
    design = study.prepared.design
    # sums, blends and regimes are judged beside what searches may find
    is_open = design.n_runs <= MOST_LEFT_OUT and options.engine != NONE and is_searchable(design)
    for step in (_without_gross_runs, _with_switches, _with_constants_by_source):
        if study.posterior is None or clock.over or not is_open:
            return study
        study = step(study, study.posterior, options, clock)
    return study


def _is_settled(posterior: Posterior) -> bool:
    return bool(posterior.laws) and posterior.laws[0].probability >= PROBABLE


def _without_gross_runs(
    study: Study, posterior: Posterior, options: Options, clock: Clock
) -> Study:
    """Searched again without runs that lie far from the law, and judged by all runs."""
    design = study.prepared.design
    if _is_settled(posterior):
        runs, _ = carrying(design, study.law)
    else:
        constants = sum(c.origin == "fitted" for c in study.law.constants)
        runs, _ = far_runs(design, study.law, left_out_residuals(study, options), constants)
    if not runs:
        return study
    far = [run for run, _ in runs]
    rest = design.take(np.setdiff1d(np.arange(design.n_runs), far))
    apart = replace(study, prepared=replace(study.prepared, design=rest))
    apart = run_engine(apart, embedded(), clock.to_search, options, clock)
    laws = _posterior(apart, options, clock).laws[:_KEPT]
    others = [law.form.proposed for law in laws if law.form.name not in POWER]
    again = _posterior(study, options, clock, others)
    return _with_posterior(study, again, options, clock)


def _with_switches(study: Study, posterior: Posterior, options: Options, clock: Clock) -> Study:
    """Judged with sums and switches beside the candidates, if none of these is probable."""
    if _is_settled(posterior):
        return study
    design, result = study.prepared.design, study.result
    forms, regimes = simple_forms(design), list[RegimeResult]()
    is_open = design.scale == "log" and design.within is None and result is not None
    if is_open and not (options.regimes or clock.over):
        switches, regimes = _switching(design, options, clock)
        forms = [*switches, *forms]
    if not forms or clock.over:
        return study
    again = _posterior(study, options, clock, forms)
    study = _with_posterior(study, again, options, clock)
    # after the power law, which is fitted anew where the errors are others
    if study.result is not None and again.laws and again.laws[0].form.name == REGIMES:
        divided = tuple(map(regime_document, regimes))
        study = replace(study, result=replace(study.result, regimes=divided))
    return study


def _switching(
    design: Design, options: Options, clock: Clock
) -> tuple[list[Proposal], list[RegimeResult]]:
    """Power laws by regime, and the smaller or larger of two, as forms to judge.

    No further number of regimes is tried that the clock would not see the end of. And the most
    regimes that the forms are made of; none where the exponents are the same everywhere.
    """
    forms: list[Proposal] = []
    first: list[RegimeResult] = []
    most, took = MOST_REGIMES, 0.0
    while most > 1 and clock.left > took:
        left = clock.left
        # a law that wins is validated with the others, as it stands
        pieces = attempt(regimes_of, design, options, most=most, validated=False)
        regimes, law = pieces or ([], None)
        if law is None:
            break
        first = first or regimes
        form, fitted, _ = law.response_form
        whole, start = _with_fitted_exponents(form, fitted)
        forms.append(Proposal(name=REGIMES, expression=whole, constants=start, law=law))
        if len(regimes) == 2:
            sides = [piece.expr for piece in whole.args]
            both = (sympy.Min(*sides), sympy.Max(*sides))
            forms += [Proposal(name=REGIMES, expression=e, constants=start) for e in both]
        took = left - clock.left
        # fewer regimes may be the law, and the others its scatter
        most = len(regimes) - 1
    return forms, first


def _with_constants_by_source(
    study: Study, posterior: Posterior, options: Options, clock: Clock
) -> Study:
    """Judged with sums and blends of what the runs of equal sources would be.

    The searches were given runs from which prefactors and exponents by source were taken. Where
    other constants differ in the most probable law, what these add is taken from the runs.
    """
    prepared = study.prepared
    if prepared.design.scale != "log" or not study.law.differing:
        return study
    shift = source_shift(study.law, law_inputs(study.law, prepared.data))
    forms = simple_forms(
        replace(prepared.design, y=prepared.design.y - shift, shift=None, effects=())
    )
    # those of the last judgement that searches did not propose
    forms += [one.form.proposed for one in posterior.laws if one.form.name in (SUM, BLEND)]
    return _with_posterior(study, _posterior(study, options, clock, forms), options, clock)


def _is_improbable(posterior: Posterior) -> bool:
    return not posterior.laws or posterior.laws[0].probability < IMPROBABLE


def with_leads(study: Study, options: Options, clock: Clock) -> Study:
    """The study with what describes its runs best, if none of its laws is probable or predicts.

    Parameters
    ----------
    study : Study
        That :func:`judge_further` gave.
    options : Options
    clock : Clock
        When it is over, only what was made until then and the power law are compared.

    Returns
    -------
    Study
        Its law is the simplest description with a formula that predicts runs left out about as
        well as the best of these.
    """
    posterior, design = study.posterior, study.prepared.design
    is_asked = options.engine == NONE or options.restricts or study.given
    if posterior is None or is_asked or clock.stopped.is_set():
        return study
    # nor does a law describe runs that it does not predict, where none of those found is likelier
    fails = bool(posterior.laws) and posterior.none > posterior.laws[0].probability
    fails = fails and study.cv_r2 is not None and not holds(study.cv_r2)
    if not (_is_improbable(posterior) or fails):
        return study
    candidate, of_candidate = _candidate(study, posterior, options)
    form = None if candidate is None else candidate.proposed
    formula = None if form is None else (form.expression, dict(form.constants))
    seen = compare_leads(design, options, clock, formula)
    if seen is None or seen.closed is None:
        return study
    predicts = any(holds(r2_of(seen.measured, values)) for values in seen.left_out.values())
    if not _is_improbable(posterior) and not predicts:
        return study
    laws = {
        name: of_candidate if name == CANDIDATE else _law_named(study, name, options)
        for name in seen.left_out
    }
    law = laws[seen.closed]
    if law is None:
        return study
    measured, curves = tuple(seen.measured.tolist()), {CURVE: seen.curve}
    unseen = {name: tuple(values.tolist()) for name, values in seen.left_out.items()}
    leads = tuple(
        Lead(name, measured, values, name == seen.first, laws[name], curves.get(name))
        for name, values in unseen.items()
    )
    study = replace(study, leads=leads, left_out_by=seen.source)
    values, cv_r2, left_out = seen.left_out[seen.closed], None, None
    if len(values) == design.n_runs:
        law = law.with_scores(law_scores(design, law, options, values))
        cv_r2, left_out = left_out_score(design, law, values)
    if cv_r2 is None:
        cv_r2 = r2(seen.measured - values, seen.measured)
    names, is_candidate = _FORMS.get(seen.closed, ()), seen.closed == CANDIDATE
    first = _first(posterior, lambda one: one is candidate if is_candidate else one.name in names)
    chosen = replace(posterior, chosen=first)
    study = replace(study, law=law, cv_r2=cv_r2, left_out=left_out, posterior=chosen)
    # of a law of no probability, what it leaves is no more than a detail
    study = replace(study, engine=seen.closed, residuals=None)
    return study if clock.over else _examined(study)


def _candidate(
    study: Study, posterior: Posterior, options: Options
) -> tuple[JudgedForm, Law] | tuple[None, None]:
    """The most probable form that is not acrobatic, with its law, if only a search can find it."""
    design = study.prepared.design
    if design.effects or design.shift is not None or design.n_runs > MOST_LEFT_OUT:
        return None, None
    names = {name for kind in _FORMS.values() for name in kind}
    for form in (one.form for one in posterior.laws):
        law = law_of(study, form, options)
        if law is not None and not is_acrobatic(law):
            is_compared = form.name in names or is_monomial(form.expression)
            return (None, None) if is_compared else (form, law)
    return None, None


# by what a description is called among the forms that are judged
_FORMS = {POWER_LAW: (*POWER, "law"), SUM: (SUM,), BLEND: (BLEND,), REGIMES: (REGIMES,)}


def _law_named(study: Study, name: str, options: Options) -> Law | None:
    """The law of a description on all runs; None where it is none."""
    assert study.posterior is not None
    if name == CURVE:
        return None
    of_this_kind = [form for form in study.posterior.forms if form.name in _FORMS[name]]
    if of_this_kind:
        return law_of(study, of_this_kind[0], options)
    return study.result.law if name == POWER_LAW and study.result is not None else None


def _with_posterior(study: Study, posterior: Posterior, options: Options, clock: Clock) -> Study:
    """The study with the most probable law."""
    cuts = dict.fromkeys((*study.cuts, *(cut for cut in clock.cuts if cut.step == JUDGEMENT)))
    study = replace(study, cuts=tuple(cuts), posterior=posterior)
    if posterior.laws:
        design, judged_by = study.prepared.design, posterior.laws[0].form.evidence.errors
        tails = None if judged_by.tails is None else judged_by.tails.freedom
        design = replace(design, errors=target_errors(design, judged_by), tails=tails)
        if judged_by.inputs is not None and design.input_errors is not None:
            inputs = replace(design.input_errors, shared=judged_by.inputs.shared)
            design = replace(design, input_errors=inputs)
        study = replace(study, prepared=replace(study.prepared, design=design))
        study = _with_fit(study, options)
    first = posterior.laws[0].form if posterior.laws else None
    tails = study.prepared.design.tails
    if first is None or (first.law is study.law and first.law.uncertainty.tails == tails):
        return _examined(study)
    return _with_law(study, first, options)


def _with_fit(study: Study, options: Options) -> Study:
    """The study with its power law fitted in the errors of the judgement."""
    result, design = study.result, study.prepared.design
    if result is None or design.scale != "log" or options.known_limits:
        return study
    before, errors = result.law.uncertainty, result.law.uncertainty.errors
    alike = design.errors is None if errors is None else errors.is_like(design.errors)
    if (alike and before.tails == design.tails) or result.law.pi_expression.has(sympy.Piecewise):
        return study
    plain = replace(options, robust=False)
    again = attempt(fit_prepared, study.prepared, plain, settled=True)
    if again is None:
        return study
    law = again.law if study.law is result.law else study.law
    return replace(study, result=again, law=law)


def _with_first(study: Study, options: Options) -> Study:
    """The study with its first candidate as its law, without refits: somebody waits."""
    study = replace(study, posterior=Posterior((), 1.0))
    for candidate in study.candidates[:1]:
        law = law_of_candidate(study, candidate, options)
        if law is not None and candidate.engine != NONE:
            study = replace(study, law=law, cv_r2=None, engine=candidate.engine)
    return study


def _examined(study: Study) -> Study:
    """The study with what its law leaves of the runs."""
    design = study.prepared.design
    rows, (far, _) = study.prepared.data.rows, carrying(design, study.law)
    far_rows = tuple(sorted(int(rows[run]) for run, _ in far))
    return replace(study, residuals=residual_summary(design, study.law), rests_on=far_rows)


def _posterior(
    study: Study, options: Options, clock: Clock, more: Sequence[Proposal] = ()
) -> Posterior:
    design = study.prepared.design
    listed = judge_forms(
        design,
        study.result,
        study.law if study.result is None else study.result.law,
        study.candidates,
        clock,
        (*study.given, *more),
        partial(_is_admitted, design, options) if options.restricts else None,
    )
    return posterior_of(design, listed, same_laws(design, listed))


def _is_admitted(design: Design, options: Options, one: Proposal) -> bool:
    """Whether a form uses the inputs that it must, and has no more constants than it may."""
    most = options.at_most_constants
    if most is not None and len(one.constants) > most:
        return False
    return not options.must_use or set(options.must_use) <= used_inputs(design, one.expression)


def _as_asked(study: Study, options: Options, clock: Clock) -> Study:
    """The study with the law that was asked for, judged beside what a short search finds."""
    design = study.prepared.design
    clock, searched = clock.separate(), is_searchable(design)
    rivals = rivals_of(design, options.seed, clock) if searched else ()
    posterior = _posterior(replace(study, candidates=rivals), options, clock)
    posterior = replace(posterior, brief=searched)
    study = replace(study, cuts=(*study.cuts, *clock.cuts))
    if study.given or options.restricts:
        # the most probable of the laws that were asked for, and not the power law whatever it is
        return _with_posterior(study, posterior, options, clock)
    better = ""
    if _number_of(study.law, study, posterior):
        first = law_of(study, posterior.laws[0].form, options)
        better = "another law" if first is None else str(recognise(absorb(first)))
    return _with_law_chosen(study, posterior, better)


def _with_law_chosen(study: Study, posterior: Posterior, better: str) -> Study:
    """The study with its law as the chosen one, beside a law that is more probable, if any is."""
    number, result, stated = _number_of(study.law, study, posterior), study.result, 1.0
    if number is not None and result is not None and study.law is result.law:
        # a power law that was asked for is stated with the simple exponents that a test allows
        judged = posterior.laws[number]
        fitted = [c.exponents for c in judged.forms if c.law is result.law]
        stated = judged.share(min(fitted)) if fitted and judged.form.exponents else 1.0
    posterior = replace(posterior, chosen=number, better=better, stated=stated)
    return _examined(replace(study, posterior=posterior))


def fit_with_stated_exponents(study: Study, options: Options) -> FitResult | None:
    """The fit of a study, with its exponents as fitted where simple ones are not probable enough.

    Parameters
    ----------
    study : Study
    options : Options

    Returns
    -------
    FitResult or None
        None where there is no power law.
    """
    result, posterior = study.result, study.posterior
    if result is None or posterior is None:
        return result
    number = _number_of(result.law, study, posterior)
    if number is None or posterior.laws[number].form.name != POWER[0]:
        return result
    if all(isinstance(x, float) for x in result.coefficients):
        return result
    judged = posterior.laws[number]
    is_chosen = number == posterior.chosen and study.law is not result.law
    law = study.law if is_chosen else law_of(study, judged.form, options)
    if law is None:
        return result

    def fitted(exponents: Sequence[Exponent]) -> tuple[Exponent, ...]:
        # the units alone make an exponent a rational that no run can refuse
        return tuple(e if e.low == e.high else replace(e, rational=None) for e in exponents)

    return replace(
        result,
        law=law,
        coefficients=tuple(result.values.tolist()),
        exponents=fitted(result.exponents),
        variable_exponents=fitted(result.variable_exponents),
    )


def verdict_on_fit(study: Study) -> Verdict:
    """Verdict on the power law of a study, also if another law is chosen.

    Parameters
    ----------
    study : Study
        With its laws judged, and a power law.
    """
    assert study.result is not None
    law, posterior = study.result.law, study.posterior
    is_chosen = posterior is None or _number_of(law, study, posterior) == posterior.chosen
    if posterior is None or law is study.law or is_chosen:
        return study.verdict
    with_power_law = replace(study, law=law, cv_r2=law.scores.cv_r2_log)
    better = str(recognise(absorb(study.law)))
    return _with_law_chosen(with_power_law, posterior, better).verdict


def _number_of(law: Law, study: Study, posterior: Posterior) -> int | None:
    """Index of the judged law with this form; None where there is none."""
    result = study.result
    names: tuple[str, ...] = ()
    if result is not None and result.law is law:
        is_real = all(isinstance(x, float) for x in result.coefficients)
        names = POWER if is_real else POWER[1:]

    return _first(posterior, lambda one: one.law is law or one.name in names)


def _first(posterior: Posterior, is_it: Callable[[JudgedForm], bool]) -> int | None:
    """Index of the first law with such a form; None where there is none."""
    return next((k for k, one in enumerate(posterior.laws) if any(map(is_it, one.forms))), None)


def _with_law(study: Study, first: JudgedForm, options: Options) -> Study:
    """The study with another of its laws, scored as its own was."""
    design = study.prepared.design
    law = law_of(study, first, options)
    if law is None:
        return study
    scored = law.scores.cv_r2_log is not None
    if first.name in POWER and study.result is not None and scored:
        # real exponents or simple ones: the power law fitted without each run has real ones
        values = left_out_values(design, study.result.left_out)
    else:
        few = design.n_runs <= MOST_LEFT_OUT
        values = left_out_predictions(design, law, options.seed) if few else None
        law = law.with_scores(law_scores(design, law, options, values))
    cv_r2, left_out = left_out_score(design, law, values)
    engine = NONE if first.name in (*POWER, "law") else first.name or study.engine
    study = replace(study, law=law, cv_r2=cv_r2, left_out=left_out, engine=engine)
    return _examined(study)


def law_of(study: Study, one: JudgedForm, options: Options) -> Law | None:
    """A judged form as a checked law on all runs; None where it is none.

    Parameters
    ----------
    study : Study
    one : JudgedForm
    options : Options
    """
    if one.name in POWER and study.result is not None:
        fitted = study.result.law if one.law is not None else _real_power(study, options)
        if fitted is None or _has_exponents(fitted, one):
            return fitted
    elif one.law is not None and one.law.uncertainty.tails == study.prepared.design.tails:
        return one.law
    constants = one.evidence.whole.constants.tolist()
    start = dict(zip(sorted(one.constants), constants, strict=True))
    return _assembled(study, one.expression, start, options)


def _assembled(
    study: Study, expression: sympy.Expr, start: Mapping[str, float], options: Options
) -> Law | None:
    """A form for pi_0 as a checked law on all runs; None where it is none."""
    law = attempt(assemble, study.prepared.design, expression, start, options.level)
    return None if law is None else law.with_scores(_fitted_scores(study, law, options))


def _has_exponents(law: Law, one: JudgedForm) -> bool:
    """Whether a power law has the simple exponents of a form."""
    mine, theirs = law.response_form.expression.as_powers_dict(), one.expression.as_powers_dict()
    groups = [sympy.Symbol(g.name) for g in law.groups]
    return all(mine[g] == theirs[g] or not sympy.sympify(theirs[g]).is_number for g in groups)


def law_of_candidate(study: Study, candidate: Candidate, options: Options) -> Law | None:
    """A candidate of the front as a checked law on all runs; None where it is none.

    Parameters
    ----------
    study : Study
    candidate : Candidate
    options : Options
    """
    if candidate.engine == "power_law" and study.result is not None:
        return study.result.law
    expression = from_search(study.prepared.design, candidate.expression)
    return _assembled(study, expression, candidate.constants, options)


def _real_power(study: Study, options: Options) -> Law | None:
    """The power law with the exponents as they were fitted; None where it is none."""
    result = study.result
    assert result is not None
    if all(isinstance(x, float) for x in result.coefficients):
        return result.law
    u = result.law.uncertainty
    design = replace(study.prepared.design, errors=u.errors, tails=u.tails)
    fit = attempt(estimator(options), design)
    law = None if fit is None else attempt(power_law, design, fit, options.within)
    if law is None:
        return None
    # runs left out are predicted by fitted exponents whichever are stated
    unseen = ("cv_r2_log", "holdout_r2_log", "holdout_n")
    scores = {name: getattr(result.law.scores, name) for name in unseen}
    return law.with_scores(replace(_fitted_scores(study, law, options), **scores))


def _fitted_scores(study: Study, law: Law, options: Options) -> Scores:
    """Scores on the runs that it was fitted to."""
    design = study.prepared.design
    values = law.predict_si(design.data)
    if design.scale == "linear" or not (law.target.is_level or np.all(values > 0)):
        truth = study.prepared.data[law.target.name]
        return Scores(r2=r2(truth - values, truth))
    return scores_of(design, fitted_by(law, design), None, None, options.seed)
