"""Description of the runs if no law is probable: the simplest of the best by cross-validation.

Five descriptions are compared by cross-validation: a power law, a low-order sum, a blend of two
power laws, power laws in regimes, and a smooth curve. Runs of a source are left out together if the
residuals of the power law differ between sources. Errors are compared on the scale on which they
are homoscedastic. The first description is the simplest one whose error exceeds the smallest error
by less than a standard error, or by less than a tenth.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import numpy as np
import sympy
from scipy.special import fdtrc

from dimgs.common.arrays import Array, BoolArray, times_exp
from dimgs.common.errors import attempt
from dimgs.discovery.estimators import estimator
from dimgs.discovery.options import Options
from dimgs.discovery.power_law import projected_power
from dimgs.discovery.problem import is_searchable, problem_of, without_collinear
from dimgs.discovery.regimes import REGIMES, blend_of, regimes_of
from dimgs.discovery.scoring import (
    clearly_less,
    folds,
    folds_of_long_fits,
    formula_values,
    target_values,
)
from dimgs.engines.protocol import Clock
from dimgs.engines.structured.engine import low_order_sum
from dimgs.fits.design import Design, label_texts
from dimgs.fits.noise import likeliest_measure
from dimgs.fits.smooth import SmoothCurve
from dimgs.judgement.candidates import Proposal, release_numbers
from dimgs.law.curve import KIND, Coordinates, Curve
from dimgs.law.law import Law

POWER_LAW, SUM, BLEND, CURVE = "power law", "sum", "blend", KIND
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


def compare_leads(design: Design, options: Options, clock: Clock) -> Comparison | None:
    """Compare the descriptions of runs by the runs left out.

    Parameters
    ----------
    design : Design
        With the errors of its target, where the judgement found that they are not relative.
    options : Options
    clock : Clock
        When it is over, only what was made until then and the power law are compared.

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
    by_kind = {
        name: _left_out(
            design, describe, parts, options, clock, 0.0 if describe is _power else step
        )
        for name, describe in _DESCRIPTIONS.items()
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
        return design, options.split_by or ""
    if design.sources:
        name, labels = design.sources[0]
        return replace(design, split=labels), name
    if design.within is not None or not design.n_runs > design.X.shape[1] + 3:
        return design, ""
    columns = np.column_stack([np.ones(design.n_runs), design.X])
    residuals = design.y - columns @ np.linalg.lstsq(columns, design.y, rcond=None)[0]
    chances: dict[str, float] = {}
    for name, kinds in design.input_labels.items():
        if len(kinds) < _FEWEST_SOURCES:
            continue
        code = np.unique(label_texts(design.data[name]), return_inverse=True)[1]
        counts = np.bincount(code)
        between = float(counts @ (np.bincount(code, residuals) / counts - residuals.mean()) ** 2)
        inside = float(np.sum((residuals - residuals.mean()) ** 2)) - between
        freedom = len(kinds) - 1, design.n_runs - len(kinds) - design.X.shape[1]
        if freedom[1] > 0 and inside > 0:
            ratio = between / freedom[0] / (inside / freedom[1])
            chances[name] = float(fdtrc(*freedom, ratio))
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


def _by_formula(formula_of: Callable[[Design], Formula | None]) -> Description:
    """A description by a form for pi_0 with its constants."""

    def describe(design: Design, options: Options) -> Values | None:
        formula = formula_of(design)
        return None if formula is None else formula_values(design, *formula)

    return describe


def sum_of(design: Design) -> Formula | None:
    """A sum of at most three monomials of the groups, with constants for its numbers."""
    if not is_searchable(design):
        return None
    problem, unlogged = problem_of(design)
    # half a second for 400 runs of seven groups; a limit in seconds would depend on the machine
    formula = low_order_sum(without_collinear(problem), np.inf)
    if formula is None:
        return None
    expression, constants = formula
    free = release_numbers(expression, constants)
    if free is not None:
        expression, constants = free.expression, dict(free.constants)
    if not expression.is_Add:
        return None
    expression, constants = _with_fitted_exponents(expression, constants)
    named = {sympy.Symbol(k): sympy.Symbol(v) for k, v in unlogged.items()}
    return expression.xreplace(named), constants


def _with_fitted_exponents(
    expression: sympy.Expr, constants: Mapping[str, float]
) -> tuple[sympy.Expr, dict[str, float]]:
    """A sum with a constant for each exponent that was fitted, as its decimals tell."""
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
    SUM: _by_formula(sum_of),
    BLEND: _by_formula(blend_of),
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
    if design.scale == "log" and float(np.ptp(design.offset)) <= 1e-9:
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
    functions = law.pi_expression.atoms(sympy.Function) - law.pi_expression.atoms(sympy.Piecewise)
    functions = {f for f in functions if not isinstance(f, sympy.Min | sympy.Max)}
    if any(f is not g and g.has(f) for f in functions for g in functions):
        return True
    for power in law.pi_expression.atoms(sympy.Pow):
        if power.exp.is_Rational and not power.exp.is_Integer and power.base.has(sympy.Function):
            return True
    positive = {
        variable.dimension
        for variable in law.symbols.values()
        if law.domain.columns.get(variable.name, (0.0,))[0] > 0 and variable.dimension
    }
    fitted = [c for c in law.constants if c.origin == "fitted"]
    return any(c.value < 0 and c.dimension in positive for c in fitted)
