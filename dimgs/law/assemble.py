"""From a fitted power law, or a candidate whose constants are refitted, to a checked Law."""

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import count
from typing import Any

import numpy as np
import sympy

from dimgs.common.advice import setting
from dimgs.common.arrays import Array, BoolArray, times_exp
from dimgs.common.errors import FitError, LawError
from dimgs.expression.formula import gradients_of
from dimgs.expression.homogeneity import infer_dimensions
from dimgs.expression.level import LevelForm, as_level
from dimgs.expression.simplest import derivatives_of, monomial
from dimgs.fits.covariance import Linearised, linearised, t_quantile
from dimgs.fits.design import Design, Feature
from dimgs.fits.estimate import Estimate
from dimgs.fits.least_squares import log_slopes
from dimgs.fits.noise import StudentTails, fit_in_tails, working_runs
from dimgs.fits.sources import FormFit, MixedFit, fit_form, fit_mixed, with_chances
from dimgs.groups.group import PiGroup
from dimgs.groups.rationals import without_rounding
from dimgs.law.canonical import scale_powers
from dimgs.law.checked_law import (
    Constant,
    Domain,
    LabelEffects,
    Names,
    Origin,
    Scores,
    SourceEffects,
    Uncertainty,
    as_rows,
    constant_ends,
    prefactors,
)
from dimgs.law.display import LARGEST_QUOTIENT
from dimgs.law.law import Law
from dimgs.law.prediction import domain_of, evaluate, evaluate_each
from dimgs.variables import Dimension, Variable

# ---- From a fitted power law to a checked Law.


# an exponent of a variable that is rounding alone: fits are exact to about 1e-12
_TINY = 1e-12
# natural logarithm of the largest double, and of the inverse of the smallest
_LOG_RANGE = 700.0


class NoSuchNumberError(FitError):
    """A power law has a power or a prefactor that no number of double precision holds."""


def exact(value: Fraction | float) -> Fraction:
    """A coefficient as a rational: itself if snapped, else the number with all its digits."""
    return value if isinstance(value, Fraction) else without_rounding(float(value))


def power_law(
    design: Design,
    estimate: Estimate,
    within: str | None = None,
    domain: Domain | None = None,
) -> Law:
    """Checked law from an estimate.

    Parameters
    ----------
    design : Design
    estimate : Estimate
    within : str, optional
        Label column that the effects belong to.
    domain : Domain, optional
        Where the law holds; by default what the runs of the design span.

    Returns
    -------
    Law

    Raises
    ------
    LawError
        If the result is not dimensionally homogeneous.
    FitError
        If its powers are so high that they leave the range of double precision.
    """
    names = Names.of(design)
    expression, pi_expression, constants = _forms(design, names, estimate)
    domain = domain_of(design) if domain is None else domain
    if design.scale == "log" and not design.target.is_level:
        # a level is a sum, and on a linear scale a prefactor may have any sign
        _check_range(expression, constants[0], names.symbols, domain)
    gradients = coefficient_gradients(design, names)
    if design.scale == "linear":
        gradients = [pi_expression * g for g in gradients]
    return law_of(
        design,
        expression,
        constants,
        domain=domain,
        pi_expression=pi_expression,
        uncertainty=Uncertainty(
            tuple(gradients),
            as_rows(estimate.covariance),
            estimate.residual_sd * _unit_of_run(design, estimate),
            estimate.dof,
            "linear" if design.scale == "linear" else "log",
            estimate.residual_dof,
            design.errors,
            design.tails,
        ),
        level=estimate.level,
        label_effects=label_effects(design, estimate.effects, within),
        sources=source_effects(estimate.sources, gradients),
    )


def _unit_of_run(design: Design, estimate: Estimate) -> float:
    """Size of the errors on their scale, of a run whose logarithm has errors of size 1."""
    if design.errors is None and design.tails is None:
        return 1.0
    weights = working_runs(design, estimate.predict(design)).weights
    longer = 1.0 if design.tails is None else StudentTails(design.tails, 1.0).inflation
    return 1.0 if weights is None else float(np.sqrt(np.mean(weights))) / longer


def law_of(
    design: Design,
    expression: sympy.Expr,
    fitted: Sequence[Constant],
    domain: Domain | None = None,
    **parts: Any,
) -> Law:
    """Checked law of a design: what its expression uses settles its symbols and constants.

    Parameters
    ----------
    design : Design
    expression : sympy.Expr
    fitted : sequence of Constant
        Homogeneity gives them their dimensions; physical constants and scales are added.
    domain : Domain, optional
        By default what the runs of the design span.
    **parts
        The further values of the law.
    """
    names, basis, target = Names.of(design), design.basis, design.target
    used = {str(s) for s in expression.free_symbols}
    symbols, unused = names.split(used)
    known = tuple(v for v in basis.variables if v.role == "constant")
    scales = tuple(v for v in basis.variables if v.role == "scale")
    origins: dict[str, Origin] = {"constant": "physical", "scale": "scale"}
    further = [
        Constant(name, v.value or 1.0, v.dimension, v.value, v.value, origins[v.role])
        for v in (*known, *scales)
        if (name := names.identifier.get(v.name)) in used
    ]
    dimensions = {s: v.dimension for s, v in symbols.items()}
    dimensions |= {c.name: c.dimension for c in further}
    whole = Dimension() if target.is_level else target.dimension
    inferred, _ = infer_dimensions(expression, dimensions, [c.name for c in fitted], whole)
    return Law(
        **{"scores": Scores(), **parts},
        target=target,
        symbols=symbols,
        expression=expression,
        constants=(*(replace(c, dimension=inferred[c.name]) for c in fitted), *further),
        groups=tuple(f.group for f in design.features if f.group is not None),
        response=design.response,
        domain=domain_of(design) if domain is None else domain,
        scales=scales,
        known=known,
        unused=unused,
    )


def _check_range(
    expression: sympy.Expr,
    prefactor: Constant,
    inputs: Mapping[str, Variable],
    domain: Domain,
) -> None:
    """Raise unless the prefactor and every power are numbers of double precision on the runs."""
    reaches: list[tuple[float, str, float]] = []
    for base, power in expression.as_powers_dict().items():
        column = inputs.get(str(base))
        if column is not None and column.name in domain.columns:
            ends = [abs(float(np.log(abs(x)))) for x in domain.columns[column.name][:2] if x]
            reaches.append((abs(float(power)) * max(ends, default=0.0), str(base), float(power)))
    most, name, steepest = max(reaches, default=(0.0, "", 0.0))
    if name and (most > _LOG_RANGE or not np.isfinite(prefactor.value)):
        is_temperature = inputs[name].unit.scale == "temperature"
        rate = (
            f" A rate depends on 1/{name}: {setting('arrhenius', name)}." if is_temperature else ""
        )
        raise NoSuchNumberError(
            f"The best fit has {name} to the power {steepest:.3g}, beyond the range of floating "
            f"point: '{name}' hardly varies, or the target does not depend on it. Vary it more, or"
            f" leave it out.{rate}"
        )
    if not (prefactor.value > 0.0 and np.isfinite(prefactor.value)):
        raise NoSuchNumberError(
            "The prefactor in SI units is beyond the range of floating point; look for values or "
            "units that are wrong by many orders of magnitude."
        )


def label_effects(
    design: Design, log_ratios: Mapping[str, float] | None, within: str | None
) -> LabelEffects | None:
    """Prefactors of the labels of a design; None without labels.

    Parameters
    ----------
    design : Design
    log_ratios : mapping of str to float, optional
        Logarithm of each label's prefactor over the pooled one.
    within : str, optional
        The column of the labels.
    """
    if within is None or log_ratios is None:
        return None
    counts = Counter(map(str, () if design.within is None else design.within))
    return LabelEffects(within, dict(log_ratios), dict(sorted(counts.items())))


def source_effects(
    fit: MixedFit | None, gradients: Sequence[sympy.Expr]
) -> tuple[SourceEffects, ...]:
    """Effects of the sources of each kind, as part of a law.

    Parameters
    ----------
    fit : MixedFit or None
    gradients : sequence of sympy.Expr
        By the coefficients of the fit, in its order.
    """
    if fit is None:
        return ()
    out = []
    for column in dict.fromkeys(e.source for e in fit.effects):
        effects = [(k, e) for k, e in enumerate(fit.effects) if e.source == column]
        terms = [(k, e, weights) for k, e in effects for weights in e.terms.T]
        labels, counts = np.unique(effects[0][1].labels, return_counts=True)
        places = fit.places(column)
        out.append(
            SourceEffects(
                column,
                tuple(e.name for _, e, _ in terms),
                tuple(_combined(weights, gradients) for *_, weights in terms),
                tuple(float(fit.spreads[k]) for k, *_ in terms),
                {k: tuple(float(x) for x in fit.shifts[at]) for k, at in places.items()},
                {k: as_rows(fit.errors[np.ix_(at, at)]) for k, at in places.items()},
                {k: as_rows(fit.crossed[:, at]) for k, at in places.items()},
                tuple(float(fit.p_values[k]) for k, *_ in terms),
                {str(k): int(n) for k, n in zip(labels, counts, strict=True)},
                tuple(e.name if e.of_constant else "" for _, e, _ in terms),
            )
        )
    return tuple(out)


def _combined(weights: Array, gradients: Sequence[sympy.Expr]) -> sympy.Expr:
    pairs = zip(weights, gradients, strict=True)
    return sympy.Add(*(sympy.Float(float(x)) * g for x, g in pairs if x))


def _forms(
    design: Design, names: Names, estimate: Estimate
) -> tuple[sympy.Expr, sympy.Expr, list[Constant]]:
    """A power law in the inputs and in the groups, and its constants.

    The target is C × monomial × exp(unlogged terms), or, in units of a level, C + Σ k log(group) +
    unlogged terms.
    """
    target = design.target
    unit = target.unit.log_factor if target.is_level else 1.0
    pairs = zip(design.features, estimate.coefficients, strict=True)
    powers = {f.monomial: exact(c) for f, c in pairs if f.logged}
    powers = _without_rounding(powers, design.response)
    terms, constants = _unlogged(design, names, estimate, unit)
    half = estimate.intercept_half
    ends = estimate.intercept + np.array([0.0, -half, half])
    with np.errstate(over="ignore"):
        ends = target.of_logs(ends) if design.scale == "log" else ends
    value, low, high = ends.tolist()
    prefactor = Constant(names.prefactor, value, low=min(low, high), high=max(low, high))
    c, constants = sympy.Symbol(prefactor.name), [prefactor, *constants]
    inputs, groups = _in_inputs(design, names, scales_are_1=not target.is_level)
    if target.is_level:
        slopes = {g: sympy.Float(float(x) / unit) for g, x in powers.items()}
        logs = (slope * sympy.log(sympy.Symbol(g.name)) for g, slope in slopes.items())
        in_groups = c + sympy.Add(*logs) + terms
        return in_groups.xreplace(groups), in_groups, constants
    exponents = _over_response(powers, design.response).exponents
    product = monomial((pair for pair in exponents if pair[0] != target.name), inputs)
    in_groups = sympy.Mul(*(sympy.Symbol(g.name) ** x for g, x in powers.items()))
    whole = c * product * sympy.exp(terms.xreplace(groups))
    return whole, c * in_groups * sympy.exp(terms), constants


def _unlogged(
    design: Design, names: Names, estimate: Estimate, unit: float
) -> tuple[sympy.Expr, list[Constant]]:
    """Sum of what enters without a logarithm, in the groups, and its constants."""
    alike = Counter(f.contrast for f in design.features)
    taken = {*names.identifier.values(), names.prefactor, design.target.name}
    total, constants = sympy.Integer(0), []
    pairs = enumerate(zip(design.features, estimate.coefficients, strict=True))
    for j, (feature, value) in (each for each in pairs if not each[1][0].logged):
        sign = -1 if feature.contrast == "inverse" else 1
        identifier = names.identifier.get(feature.name, feature.name)
        suffix = "" if alike[feature.contrast] == 1 else f"_{identifier}"
        name = free_name(("c" if sign > 0 else "T_a") + suffix, taken)
        taken.add(name)
        low, high = sorted(sign * float(v) / unit for v in estimate.intervals[j])
        constants.append(Constant(name, sign * float(value) / unit, low=low, high=high))
        total += sign * sympy.Symbol(name) * _value(names, feature)
    return total, constants


def _in_inputs(
    design: Design, names: Names, scales_are_1: bool = True
) -> tuple[dict[str, sympy.Expr], dict[sympy.Symbol, sympy.Expr]]:
    """Symbols of the inputs, where scales may count as 1, and each group as a monomial of them."""
    inputs = {n: sympy.Symbol(identifier) for n, identifier in names.identifier.items()}
    if scales_are_1:
        inputs |= {v.name: sympy.Integer(1) for v in design.basis.variables if v.role == "scale"}
    groups = [f.group for f in design.features if f.group is not None]
    return inputs, {sympy.Symbol(g.name): monomial(g.exponents, inputs) for g in groups}


def _value(names: Names, feature: Feature) -> sympy.Expr:
    """A group or column as a feature holds it, but for the logarithm: 1/T of a temperature."""
    x = sympy.Symbol(names.of_feature(feature))
    return 1 / x if feature.contrast == "inverse" else x


def coefficient_gradients(design: Design, names: Names) -> list[sympy.Expr]:
    """Derivatives of a power law's logarithm by [intercept, coefficients], in groups and inputs."""
    values = [(f, _value(names, f)) for f in design.features]
    return [sympy.Integer(1), *(sympy.log(x) if f.logged else x for f, x in values)]


def _over_response(powers: Mapping[PiGroup, Fraction], response: PiGroup) -> PiGroup:
    """Product of powers of groups, over the response group."""
    factors = {**powers, response: Fraction(-1)}
    return PiGroup.product("", factors, factors.values())


def _without_rounding(
    powers: Mapping[PiGroup, Fraction], response: PiGroup
) -> dict[PiGroup, Fraction]:
    """Exponents of groups that cancel in a variable where they nearly do.

    What is left of a variable, such as V**1.8e-17, is rounding of the fit. The dimensions of the
    law do not change, since groups have none.
    """
    out = dict(powers)
    for _ in powers:
        exponents = _over_response(out, response).exponents
        tiny = next((pair for pair in exponents if abs(pair[1]) < _TINY), None)
        if tiny is None:
            break
        name, exponent = tiny
        group = next(g for g in out if g.get(name))
        out[group] -= exponent / group.get(name)
    return out


def free_name(name: str, taken: Container[str]) -> str:
    """The name itself, or a longer one that is not taken."""
    while name in taken:
        name += "_0"
    return name


@dataclass(frozen=True)
class Side:
    """One condition of a regime: a monomial of the features on one side of a threshold.

    Parameters
    ----------
    powers : tuple of Fraction
        Exponents of the design's features; of a column that enters unlogged, its factor.
    threshold, low, high : float
        Value of the monomial at the boundary and its interval.
    at_least : bool
        Whether the regime lies at or above it.
    boundary : int
        Number of the boundary, so that its constant is named once.
    """

    powers: tuple[Fraction, ...]
    threshold: float
    low: float
    high: float
    at_least: bool
    boundary: int


def inside(sides: Sequence[Side], X: Array) -> BoolArray:
    """Whether all conditions hold in rows of the features, groups in logarithms; shape (n_runs,).

    Examples
    --------
    >>> low, high = (Side((Fraction(1),), x, x, x, x == 2.0, 1) for x in (2.0, 9.0))
    >>> inside([low, high], np.log([[1.0], [4.0], [16.0]])).tolist()
    [False, True, False]
    """
    held = np.ones(len(X), dtype=np.bool_)
    for side in sides:
        held &= (X @ np.array(side.powers, float) >= np.log(side.threshold)) == side.at_least
    return held


def where_text(sides: Sequence[Side], features: Sequence[Feature]) -> str:
    """Condition over group names, such as ``(pi_1 >= 2300) & (T < 350)``.

    Examples
    --------
    >>> half = Side((Fraction(1), Fraction(-2, 5)), 50.0, 40.0, 60.0, True, 1)
    >>> where_text([half], [Feature("pi_1", "log-ratio"), Feature("pi_2", "log-ratio")])
    'pi_1*pi_2**(-2/5) >= 50'
    """
    parts = []
    for text, side in (reading(side, features) for side in sides):
        parts.append(f"{text} {'>=' if side.at_least else '<'} {side.threshold:.17g}")
    return " & ".join(f"({p})" for p in parts) if len(parts) > 1 else (parts or ["True"])[0]


def reading(side: Side, features: Sequence[Feature]) -> tuple[str, Side]:
    """A monomial in the grammar of conditions, and its condition.

    A column that enters unlogged, x or 1/T, has exp(p x) or exp(p/T) in the monomial. Alone it is
    compared itself, since ``T < 350`` says more than ``exp(1/T) >= 1.00286``.

    Examples
    --------
    >>> features = [Feature("pi_1", "log-ratio"), Feature("T", "inverse", variable="T")]
    >>> reading(Side((Fraction(2), Fraction(-7459)), 0.2, 0.19, 0.21, True, 1), features)[0]
    'pi_1**(2)*exp(-7459/T)'
    >>> threshold = float(np.exp(1 / 350))
    >>> where_text([Side((Fraction(0), Fraction(1)), *3 * (threshold,), True, 1)], features)
    'T < 350'
    """
    used = [(f, p) for f, p in zip(features, side.powers, strict=True) if p]
    column, power = used[0]
    if len(used) > 1 or column.logged:
        return "*".join(_factor(f, p) for f, p in used), side
    inverse = column.contrast == "inverse"
    with np.errstate(divide="ignore"):
        values = np.log([side.threshold, side.low, side.high]) / float(power)
        # no temperature is below 0: an end of the interval there is open
        values = np.where(values > 0, 1.0 / values, np.inf) if inverse else values
    at, *ends = (float(f"{x:.12g}") for x in values)
    above = side.at_least == ((power > 0) != inverse)
    return column.name, Side(side.powers, at, min(ends), max(ends), above, side.boundary)


def _factor(feature: Feature, power: Fraction) -> str:
    if not feature.logged:
        return (
            f"exp({float(power):.10g}{'/' if feature.contrast == 'inverse' else '*'}{feature.name})"
        )
    if power == 1:
        return feature.name
    if power.denominator > LARGEST_QUOTIENT:
        return f"{feature.name}**({float(power)!r})"
    return f"{feature.name}**({power})"


def pieces_law(
    design: Design,
    laws: Sequence[Law],
    conditions: Sequence[Sequence[Side]],
    scores: Scores,
    level: float,
) -> Law:
    """One law in pieces from the laws of the regimes.

    Parameters
    ----------
    design : Design
        All runs.
    laws : sequence of Law
        One for each regime, on the features of `design`.
    conditions : sequence of sequences of Side
        Where each holds.
    scores : Scores
    level : float

    Returns
    -------
    Law
    """
    # slow to import, and laws without regimes never come here
    from scipy.linalg import block_diag

    names = Names.of(design)
    whole: list[tuple[sympy.Expr, sympy.Basic]] = []
    in_groups: list[tuple[sympy.Expr, sympy.Basic]] = []
    constants: list[Constant] = []
    gradients: list[sympy.Expr] = []
    shapes, thresholds = _boundaries(design, conditions, names)
    for k, (law, sides) in enumerate(zip(laws, conditions, strict=True), start=1):
        new_names = {
            c.name: free_name(f"{c.name}_{k}", names.symbols)
            for c in law.constants
            if c.origin == "fitted"
        }
        renamed = {sympy.Symbol(old): sympy.Symbol(new) for old, new in new_names.items()}
        physical, grouped = _conditions(design, sides, shapes)
        whole.append((law.expression.xreplace(renamed), physical))
        in_groups.append((law.pi_expression.xreplace(renamed), grouped))
        constants += [
            replace(c, name=new_names[c.name]) for c in law.constants if c.name in new_names
        ]
        gradients += [
            sympy.Piecewise((g.xreplace(renamed), grouped), (sympy.Integer(0), True))
            for g in law.uncertainty.gradients
        ]
    constants += thresholds
    # the pieces have no runs in common
    parts = [np.asarray(law.uncertainty.covariance) for law in laws if law.uncertainty.gradients]
    covariance = block_diag(*parts) if parts else np.zeros((0, 0))
    dofs = [law.uncertainty.residual_dof for law in laws]
    variance = sum(d * law.uncertainty.residual_sd**2 for d, law in zip(dofs, laws, strict=True))
    return law_of(
        design,
        _piecewise(whole),
        constants,
        pi_expression=_piecewise(in_groups),
        scores=scores,
        uncertainty=Uncertainty(
            tuple(gradients),
            as_rows(covariance),
            float(np.sqrt(variance / sum(dofs))),
            min(law.uncertainty.dof for law in laws),
            residual_dof=float(sum(dofs)),
        ),
        level=level,
    )


def _piecewise(pieces: Sequence[tuple[sympy.Expr, sympy.Basic]]) -> sympy.Expr:
    last = (pieces[-1][0], sympy.true)
    return sympy.Piecewise(*pieces[:-1], last) if len(pieces) > 1 else pieces[0][0]


# a monomial in the inputs and in the groups, and what it is compared with
_Shape = tuple[sympy.Expr, sympy.Expr, sympy.Symbol]


def _boundaries(
    design: Design, conditions: Sequence[Sequence[Side]], names: Names
) -> tuple[dict[int, _Shape], list[Constant]]:
    """The monomial of each boundary, and the constants of all."""
    shapes: dict[int, _Shape] = {}
    constants: list[Constant] = []
    inputs, groups = _in_inputs(design, names)
    for side in (side for sides in conditions for side in sides):
        if side.boundary in shapes:
            continue
        read = reading(side, design.features)[1]
        used = [(f, p) for f, p in zip(design.features, side.powers, strict=True) if p]
        powers = {f.monomial: p for f, p in used if f.logged}
        product = PiGroup.product("", powers, powers.values())
        in_groups = sympy.Mul(*(sympy.Symbol(g.name) ** p for g, p in powers.items()))
        rest, further = sympy.Integer(1), dict[str, Constant]()
        for feature, power in (pair for pair in used if not pair[0].logged):
            x, inverse = _value(names, feature), feature.contrast == "inverse"
            if read is not side:
                rest = 1 / x if inverse else x
                continue
            stem = f"{'T' if inverse else 'c'}_b_{side.boundary}"
            name = free_name(stem, {*names.symbols, *further})
            value = float(-power if inverse else power)
            further[name] = Constant(name, value, low=value, high=value)
            rest *= sympy.exp(sympy.Symbol(name) * (-x if inverse else x))
        name = free_name(f"b_{side.boundary}", names.symbols)
        physical = monomial(product.exponents, inputs) * rest.xreplace(groups)
        shapes[side.boundary] = physical, in_groups * rest, sympy.Symbol(name)
        constants.append(Constant(name, read.threshold, low=read.low, high=read.high))
        constants += further.values()
    return shapes, constants


def _conditions(
    design: Design, sides: Sequence[Side], shapes: Mapping[int, _Shape]
) -> Iterator[sympy.Basic]:
    """Where a piece holds, in the inputs and in the groups."""
    above = [reading(side, design.features)[1].at_least for side in sides]
    for form in (0, 1):
        each = [(shapes[side.boundary][form], shapes[side.boundary][2]) for side in sides]
        yield sympy.And(*(x >= t if up else x < t for (x, t), up in zip(each, above, strict=True)))


# ---- From a candidate expression over groups to a checked Law, its constants refitted on the
# runs.


# standard deviations between these have squares, and products with slopes, that are representable
_REPRESENTABLE = (1e-100, 1e100)


@dataclass(frozen=True, eq=False)
class Refit:
    """Constants of an expression fitted to runs.

    Attributes
    ----------
    values : ndarray of shape (n_constants,)
    uncertainty : Linearised
        Each run (or cluster) left out.
    fitted : ndarray of shape (n_runs,)
        On the design's response scale, with what the label of each run adds.
    residual_sd : float
    labels : dict of str to float
        What each label of `within` adds to the logarithm, where a search left it out.
    """

    values: Array
    uncertainty: Linearised
    fitted: Array
    residual_sd: float
    labels: dict[str, float]


def feature_values(design: Design) -> dict[str, Array]:
    """Groups and unlogged columns by the names that a pi expression uses."""
    names, out = Names.of(design), dict[str, Array]()
    for feature, x in zip(design.features, design.X.T, strict=True):
        if feature.variable is not None:
            x = np.asarray(design.data[feature.variable], dtype=np.float64)
        with np.errstate(over="ignore"):
            out[names.of_feature(feature)] = np.exp(x) if feature.logged else x
    return out


def search_names(design: Design) -> dict[str, str]:
    """What a search calls each feature without a logarithm, and its name in a pi expression.

    An input is numbered there like a further group.
    """
    taken = {g.name for g in design.basis.groups}
    numbers = (k for k in count(1) if f"pi_{k}" not in taken)
    names = Names.of(design)
    return {
        f"pi_{next(numbers)}" if f.variable else f.name: names.of_feature(f)
        for f in design.features
        if not f.logged
    }


def from_search(design: Design, expression: sympy.Expr) -> sympy.Expr:
    """An expression that a search found, in the names of a pi expression."""
    names = search_names(design).items()
    return expression.xreplace({sympy.Symbol(k): sympy.Symbol(name) for k, name in names})


def refit(design: Design, expression: sympy.Expr, start: Mapping[str, float]) -> Refit:
    """Fit the named constants of an expression for pi_0, from their present values.

    Parameters
    ----------
    design : Design
        On the log or linear scale.
    expression : sympy.Expr
        pi_0 in the groups, unlogged columns and constants.
    start : mapping of str to float
        Constants and where to start.

    Raises
    ------
    FitError
        If the expression is not real on the runs, or has more constants than there are runs.
    """
    names, inputs, n = sorted(start), feature_values(design), design.n_runs
    labels, added = _prefactors(design)
    p, unknowns = len(names), len(names) + added.shape[1]
    if unknowns >= n:
        raise FitError(f"{unknowns} constants need more than {n} runs; add runs.")

    root = design.root

    def white(values: Array) -> Array:
        return values if design.white is None else design.white(values)

    errors, logged = design.errors, design.scale == "log"

    def target(values: Array) -> Array:
        return np.exp(values + design.offset) if logged else times_exp(values, design.offset)

    observed = design.y if errors is None else errors.of(target(design.y))
    # in units of the largest response: squares of very large and small numbers leave the range
    unit = 1.0 if logged or errors is not None else float(np.abs(design.y).max()) or 1.0

    def values_of(theta: Array) -> dict[str, Array | float]:
        return {**inputs, **dict(zip(names, theta[:p], strict=True))}

    def response(theta: Array) -> Array:
        values = evaluate(expression, values_of(theta), n)
        if logged:
            with np.errstate(all="ignore"):
                values = np.log(values)
        return values + added @ theta[p:] if len(theta) > p else values

    def model(theta: Array) -> Array:
        values = response(theta)
        return values if errors is None else errors.of(target(values))

    slopes = gradients_of(expression, tuple(names), logged)

    def jacobian_at(theta: Array) -> Array:
        columns = np.hstack([evaluate_each(slopes, values_of(theta), n), added])
        if errors is not None:
            values_at = target(response(theta))
            by = values_at if logged else np.exp(design.offset)
            columns = (by / errors.unit(values_at))[:, None] * columns
        return white(columns * root[:, None]) if unknowns else columns

    # sources scatter together on weights that are the same for all laws
    uncertain = None if design.effects else design.input_errors

    def by_inputs(theta: Array) -> Array:
        assert uncertain is not None
        return uncertain.roots(slopes_by_features(design, expression, values_of(theta)))

    def weighted(theta: Array) -> tuple[Array, Array]:
        """Residuals and slopes in units of the errors."""
        residuals, columns = white(root * (observed - model(theta))), jacobian_at(theta)
        if uncertain is None:
            return residuals, columns
        ratio = by_inputs(theta) / root
        residuals = ratio * residuals
        return residuals, ratio[:, None] * columns - residuals[:, None] * log_slopes(
            by_inputs, theta
        )

    def misfit(theta: Array) -> tuple[Array, Array]:
        residuals, columns = weighted(theta)
        return residuals / unit, np.where(np.isfinite(columns), columns / unit, 0.0)

    first = np.array([*(start[k] for k in names), *np.zeros(unknowns - p)], dtype=np.float64)
    if not np.all(np.isfinite(model(first))):
        raise FitError(f"The expression {expression} is not real and positive on every run.")
    theta, tails = fit_in_tails(misfit, first, None)
    if design.tails is not None:
        theta, tails = fit_in_tails(misfit, theta, design.tails)
    residuals, jacobian = weighted(theta)
    if tails is not None:
        # standard errors as those of the curvature of these squares
        steep = tails.slope(residuals / unit) / tails.inflation
        residuals, jacobian = unit * tails.normal(residuals / unit), steep[:, None] * jacobian
    if not np.all(np.isfinite(jacobian)):
        raise FitError(f"The expression {expression} has no finite slope by its constants.")
    size = float(np.abs(residuals).max())
    sd = size * float(np.sqrt(np.sum((residuals / (size or 1.0)) ** 2) / max(1, n - unknowns)))
    uncertainty = linearised(jacobian, residuals, None, design.split).first(p)
    return Refit(
        theta[:p], uncertainty, response(theta), sd, {k: float(x @ theta[p:]) for k, x in labels}
    )


def _prefactors(design: Design) -> tuple[list[tuple[str, Array]], Array]:
    """Labels whose prefactors were left out of a search, and the columns of their logarithms.

    The mean of these over all runs is zero, as a law has a prefactor already.

    Returns
    -------
    list of (str, ndarray of shape (n_labels - 1,))
        Each label with its row.
    ndarray of shape (n_runs, n_labels - 1)
    """
    if design.within is None or design.shift is None:
        return [], np.zeros((design.n_runs, 0))
    names, code = np.unique(design.within, return_inverse=True)
    counts = np.bincount(code, design.weights)
    # the last label has what the others leave
    rows = np.vstack([np.eye(len(names) - 1), -counts[None, :-1] / counts[-1]])
    return list(zip(map(str, names), rows, strict=True)), rows[code]


def slopes_by_features(
    design: Design, expression: sympy.Expr, values: Mapping[str, Array | float]
) -> Array:
    """Derivatives of the response on its scale by the features, shape (n_runs, n_features).

    Parameters
    ----------
    design : Design
    expression : sympy.Expr
        pi_0 in the groups, unlogged columns and constants.
    values : mapping of str to float or ndarray
        Every symbol of the expression.
    """
    n, names = design.n_runs, [*map(Names.of(design).of_feature, design.features)]
    out = np.zeros((n, len(design.features)))
    slopes = gradients_of(expression, tuple(names), design.scale == "log")
    for j, (feature, name, slope) in enumerate(zip(design.features, names, slopes, strict=True)):
        if slope == 0:
            continue
        out[:, j] = evaluate(slope, values, n)
        if feature.logged:
            out[:, j] *= values[name]
        elif feature.contrast == "inverse":
            out[:, j] *= -np.square(values[name])
    return out


def assemble(
    design: Design, expression: sympy.Expr, constants: Mapping[str, float], level: float
) -> Law:
    """Checked law from an expression for pi_0, its constants refitted with intervals.

    Parameters
    ----------
    design : Design
        On the log or linear scale.
    expression : sympy.Expr
        pi_0 in the groups ``pi_1``, ..., unlogged columns and named constants.
    constants : mapping of str to float
        Names and present values of the constants.
    level : float
        Coverage of the intervals.

    Returns
    -------
    Law
        Without scores; see :mod:`dimgs.discovery.scoring`.

    Raises
    ------
    LawError
        If the result is not homogeneous.
    FitError
        If the expression cannot be fitted to the runs.
    """
    # a refit of a fold may have one label, as its values are all that is asked of it
    if design.split is not None and len(np.unique(design.split)) < 2:
        raise FitError("All runs have one label, so none can be left out: give two, or none.")
    names = Names.of(design)
    taken, renamed = {*names.identifier.values(), design.target.name}, dict[str, str]()
    for name in sorted(constants):
        renamed[name] = free_name(name, taken)
        taken.add(renamed[name])
    expression = expression.xreplace(
        {sympy.Symbol(old): sympy.Symbol(new) for old, new in renamed.items()}
    )
    start = {renamed[k]: v for k, v in constants.items()}
    fit = refit(design, expression, start)
    order = sorted(start)
    slopes = gradients_of(expression, tuple(order), design.scale == "log")
    mixed = _mixed(design, expression, order, fit.values)
    unit, covariance = _representable(fit.uncertainty)
    half, values, dof = fit.uncertainty.half_widths(level), fit.values, fit.uncertainty.dof
    sd, quartic = fit.residual_sd, as_rows(fit.uncertainty.quartic)
    if mixed is not None:
        unit, covariance, dof = np.ones(len(order)), mixed.covariance, mixed.freedom
        half, sd, quartic = t_quantile(level, dof) * np.sqrt(np.diag(covariance)), mixed.sd, ()
        if any(e.of_constant for e in mixed.effects):
            values = mixed.coefficients
    sources = source_effects(mixed, [*coefficient_gradients(design, names), *slopes])
    whole = without_sizes(design, in_variables(design, expression))
    if design.target.is_level:
        ratio = dict(zip(order, np.asarray(values).tolist(), strict=True))
        form = _as_level(design, expression, ratio, {k for each in sources for k in each.constants})
        by = np.array([form.by_ratio(ratio)[k] for k in order])
        values, half = np.array([form.of_level(ratio)[k] for k in order]), half * np.abs(by)
        covariance, expression = by[:, None] * covariance * by, form.expression
        slopes = tuple(form.unit * slope for slope in derivatives_of(expression, order))
        sources = tuple(each.reparametrised(by, form.back) for each in sources)
        whole = in_variables(design, expression)
    factors = prefactors(expression) if design.scale == "log" else set()
    fitted = [
        Constant(
            name,
            float(v),
            Dimension(),
            *constant_ends(float(v), float(h), sympy.Symbol(name) in factors),
        )
        for name, v, h in zip(order, values, half, strict=True)
    ]
    return law_of(
        design,
        whole,
        fitted,
        pi_expression=expression,
        uncertainty=Uncertainty(
            tuple(g if u == 1 else sympy.Float(u) * g for g, u in zip(slopes, unit, strict=True)),
            as_rows(covariance),
            sd,
            max(1.0, float(dof.min(initial=fit.uncertainty.residual_dof))),
            "log" if design.scale == "log" else "linear",
            float(max(1, design.n_runs - len(order))),
            design.errors,
            design.tails,
            quartic,
        ),
        level=level,
        sources=sources,
        label_effects=label_effects(design, fit.labels or None, (*design.labelled, None)[0]),
    )


def _as_level(
    design: Design, ratio: sympy.Expr, constants: Mapping[str, float], kept: Container[str]
) -> LevelForm:
    """The level of a ratio in the groups, with constants in the unit of the level but for some."""
    values = {**feature_values(design), **constants}

    def positive(factor: sympy.Expr) -> bool:
        return bool(np.all(evaluate(factor, values, design.n_runs) > 0))

    changed = [name for name in constants if name not in kept]
    return as_level(ratio, changed, design.target.unit.log_factor, positive)


def fit_form_of(
    design: Design, expression: sympy.Expr, names: Sequence[str], values: Array
) -> FormFit:
    """What differs between the sources of a design, by a form for pi_0.

    Parameters
    ----------
    design : Design
        With effects.
    expression : sympy.Expr
    names : sequence of str
        Its constants.
    values : ndarray of shape (n_constants,)
        Of least squares.
    """
    log, n, inputs = design.scale == "log", design.n_runs, feature_values(design)
    slopes = gradients_of(expression, tuple(names), log)

    def shape(constants: Array) -> tuple[Array, Array]:
        at = {**inputs, **dict(zip(names, constants.T, strict=True))}
        response = evaluate(expression, at, n)
        with np.errstate(all="ignore"):
            response = np.log(response) if log else response
        return response, evaluate_each(slopes, at, n)

    X = design.X if log else None
    return fit_form(shape, names, values, X, design.y, design.weights, design.effects)


def _mixed(
    design: Design, expression: sympy.Expr, names: Sequence[str], values: Array
) -> MixedFit | None:
    """Effects of sources on a law, linear in its constants, with their errors."""
    if not design.effects:
        return None
    form = fit_form_of(design, expression, names, values)
    if design.scale == "linear" and not form.has_constants:
        return None
    data = form.slopes, form.response, design.weights
    fit = fit_mixed(*data, form.mixed.effects, np.eye(len(names)))
    return with_chances(fit, *data, form.chances)


def _representable(fit: Linearised) -> tuple[Array, Array]:
    """Covariance of the constants, each in a unit: 1, or what keeps its variance representable."""
    sd = fit.unit * np.sqrt(np.maximum(fit.matrix.diagonal(), 0.0))
    ordinary = (sd == 0) | ~np.isfinite(sd) | ((sd > _REPRESENTABLE[0]) & (sd < _REPRESENTABLE[1]))
    unit = np.where(ordinary, 1.0, np.exp2(np.round(np.log2(np.where(ordinary, 1.0, sd)))))
    relative = fit.unit / unit
    return unit, relative[:, None] * fit.matrix * relative


def in_variables(design: Design, expression: sympy.Expr) -> sympy.Expr:
    """The target in the variables, from pi_0 in the groups."""
    inputs, groups = _in_inputs(design, Names.of(design), scales_are_1=False)
    powers = ((k, -e) for k, e in design.response.exponents if k != design.target.name)
    back = monomial(powers, inputs)
    return expression.subs(groups, simultaneous=True) * back


def used_inputs(design: Design, expression: sympy.Expr) -> set[str]:
    """Columns that the target depends on, by an expression for pi_0.

    Parameters
    ----------
    design : Design
    expression : sympy.Expr
    """
    names = Names.of(design)
    whole = in_variables(design, expression)
    positive = {s: sympy.Symbol(s.name, positive=True) for s in whole.free_symbols}
    used = {s.name for s in sympy.powdenest(whole.xreplace(positive)).free_symbols}
    return {variable.name for symbol, variable in names.symbols.items() if symbol in used}


def without_sizes(design: Design, expression: sympy.Expr) -> sympy.Expr:
    """The target in the variables alone.

    Raises
    ------
    LawError
        If it depends on the size of an input, which stands only for a unit.
    """
    names = Names.of(design)
    for name in design.basis.sizes:
        size = sympy.Symbol(names.identifier.get(name, name))
        if not expression.has(size):
            continue
        if scale_powers(expression, size.name, []) != {}:
            raise LawError(f"The law depends on '{name}', which stands only for a unit.")
        expression = expression.subs(size, 1)
    return expression
