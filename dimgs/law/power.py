"""From a fitted power law to a checked Law."""

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from dimgs.common.errors import FitError
from dimgs.expression.homogeneity import infer_dimensions
from dimgs.fits.design.features import Design, Feature
from dimgs.fits.estimate import Estimate
from dimgs.fits.noise import StudentTails, working_runs
from dimgs.fits.sources import MixedFit
from dimgs.groups.group import PiGroup
from dimgs.law.domain import domain_of
from dimgs.law.exponents import LARGEST_QUOTIENT
from dimgs.law.law import Law
from dimgs.law.names import Names
from dimgs.law.parts import (
    Constant,
    Domain,
    LabelEffects,
    Origin,
    Scores,
    SourceEffects,
    Uncertainty,
    as_rows,
)
from dimgs.variables import Dimension, Variable

# what an exponent keeps: 12 decimals, unless more are needed to stay within rounding
_DECIMALS, _ROUNDING = 12, 1e-14
# an exponent of a variable that is rounding alone: fits are exact to about 1e-12
_TINY = 1e-12
# natural logarithm of the largest double, and of the inverse of the smallest
_LOG_RANGE = 700.0


class NoSuchNumberError(FitError):
    """A power law has a power or a prefactor that no number of double precision holds."""


def exact(value: Fraction | float) -> Fraction:
    """A coefficient as a rational: itself if snapped, else the number with all its digits.

    The rounding of a short decimal is undone: 0.37000000000000005 is 37/100.
    """
    if isinstance(value, Fraction):
        return value
    short = round(float(value), _DECIMALS)
    return Fraction(repr(float(value) if short and abs(short - value) > _ROUNDING else short))


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
    target = design.basis.target
    assert target is not None
    terms = _Terms(design, estimate)
    form = terms.level_form if target.is_level else terms.log_form
    expression, pi_expression, constants = form(target)
    domain = domain_of(design) if domain is None else domain
    if design.scale == "log":
        # a level is a sum, and on a linear scale a prefactor may have any sign
        inputs = terms.names.symbols.items()
        columns = {s: domain.columns[v.name] for s, v in inputs if v.name in domain.columns}
        _check_range(expression, constants[0], columns)
    gradients = coefficient_gradients(design, terms.names)
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
    names, basis = Names.of(design), design.basis
    assert basis.target is not None
    assert basis.response is not None
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
    level = basis.target.is_level
    whole = Dimension() if level else basis.target.dimension
    inferred, _ = infer_dimensions(expression, dimensions, [c.name for c in fitted], whole)
    return Law(
        **{"scores": Scores(), **parts},
        target=basis.target,
        symbols=symbols,
        expression=expression,
        constants=(*(replace(c, dimension=inferred[c.name]) for c in fitted), *further),
        groups=tuple(f.group for f in design.features if f.group is not None),
        response=basis.response,
        domain=domain_of(design) if domain is None else domain,
        scales=scales,
        known=known,
        unused=unused,
    )


def _check_range(
    expression: sympy.Expr, prefactor: Constant, columns: Mapping[str, tuple[float, float, str]]
) -> None:
    """Raise unless the prefactor and every power are numbers of double precision on the runs."""
    reaches: list[tuple[float, str, float]] = []
    for base, power in expression.as_powers_dict().items():
        if str(base) in columns:
            ends = [abs(float(np.log(abs(x)))) for x in columns[str(base)][:2] if x]
            reaches.append((abs(float(power)) * max(ends, default=0.0), str(base), float(power)))
    most, name, steepest = max(reaches, default=(0.0, "", 0.0))
    if name and (most > _LOG_RANGE or not np.isfinite(prefactor.value)):
        raise NoSuchNumberError(
            f"The best fit has {name} to the power {steepest:.3g}, beyond the range of floating "
            f"point: '{name}' hardly varies, or the target does not depend on it. Vary it more, or"
            " leave it out."
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
        chosen = [k for k, e in enumerate(fit.effects) if e.source == column]
        effects = [fit.effects[k] for k in chosen]
        names, terms, spreads, chances, constants = [], [], [], [], []
        for k, e in zip(chosen, effects, strict=True):
            for t in range(e.terms.shape[1]):
                moved = (
                    sympy.Float(float(x)) * g
                    for x, g in zip(e.terms[:, t], gradients, strict=True)
                    if x
                )
                terms.append(sympy.Add(*moved))
                names.append(e.name)
                constants.append(e.name if e.of_constant else "")
                spreads.append(float(fit.spreads[k]))
                chances.append(float(fit.p_values[k]))
        labels, counts = np.unique(effects[0].labels, return_counts=True)
        places = fit.places(column)
        out.append(
            SourceEffects(
                column,
                tuple(names),
                tuple(terms),
                tuple(spreads),
                {k: tuple(float(x) for x in fit.shifts[at]) for k, at in places.items()},
                {k: as_rows(fit.errors[np.ix_(at, at)]) for k, at in places.items()},
                {k: as_rows(fit.crossed[:, at]) for k, at in places.items()},
                tuple(chances),
                {str(k): int(n) for k, n in zip(labels, counts, strict=True)},
                tuple(constants),
            )
        )
    return tuple(out)


class _Terms:
    """Pieces of a power law, shared by its log and level forms."""

    def __init__(self, design: Design, estimate: Estimate) -> None:
        self.design, self.estimate = design, estimate
        self.names = names = Names.of(design)
        pairs = list(zip(design.features, estimate.coefficients, strict=True))
        grouped = [(f, exact(c)) for f, c in pairs if f.logged]
        self.grouped = _without_rounding(grouped, design.basis.response)
        taken = {*names.identifier.values(), names.prefactor}
        self.plain: list[tuple[Feature, float, str, int]] = []
        for j, (feature, value) in enumerate(pairs):
            if not feature.logged:
                stem = "T_a" if feature.contrast == "inverse" else "c"
                alone = sum(f.contrast == feature.contrast for f in design.features) == 1
                suffix = "" if alone else f"_{names.identifier.get(feature.name, feature.name)}"
                name = free_name(stem + suffix, taken)
                taken.add(name)
                self.plain.append((feature, float(value), name, j))

    def log_form(self, target: Variable) -> tuple[sympy.Expr, sympy.Expr, list[Constant]]:
        """Target = C × monomial × exp(unlogged terms)."""
        assert self.design.basis.response is not None
        powers = {k: -e for k, e in self.design.basis.response.exponents if k != target.name}
        powers = _added(powers, self.grouped)
        monomial = _monomial(self.design, self.names, powers)
        fit = self.estimate
        bounds = [fit.intercept, fit.intercept_low, fit.intercept_high]
        if self.design.scale == "log":
            with np.errstate(over="ignore"):
                bounds = [float(np.exp(x)) for x in bounds]
        value, low, high = bounds
        prefactor = Constant(self.names.prefactor, value, low=low, high=high)
        c = sympy.Symbol(prefactor.name)
        in_groups = sympy.Mul(*(sympy.Symbol(f.name) ** x for f, x in self.grouped))
        exponent, in_pi, constants = self._unlogged(1.0)
        return (
            c * monomial * sympy.exp(exponent),
            c * in_groups * sympy.exp(in_pi),
            [prefactor, *constants],
        )

    def level_form(self, target: Variable) -> tuple[sympy.Expr, sympy.Expr, list[Constant]]:
        """Target = C + Σ k log(group) + unlogged terms, in units of the level."""
        e, unit = self.estimate, target.unit.log_factor
        low, high = sorted((e.intercept_low / unit, e.intercept_high / unit))
        constants = [Constant(self.names.prefactor, e.intercept / unit, low=low, high=high)]
        total = in_groups = sympy.Symbol(self.names.prefactor)
        for feature, exponent in self.grouped:
            assert feature.group is not None
            slope = sympy.Float(float(exponent) / unit)
            identifier = self.names.identifier
            factors = [sympy.Symbol(identifier[n]) ** x for n, x in feature.group.exponents]
            total += slope * sympy.log(sympy.Mul(*factors))
            in_groups += slope * sympy.log(sympy.Symbol(feature.name))
        rest, in_pi, more = self._unlogged(unit)
        return total + rest, in_groups + in_pi, [*constants, *more]

    def _unlogged(self, unit: float) -> tuple[sympy.Expr, sympy.Expr, list[Constant]]:
        """Inputs without a logarithm, in the variables and in the groups."""
        exponent: sympy.Expr = sympy.Integer(0)
        in_pi: sympy.Expr = sympy.Integer(0)
        constants = []
        for feature, value, name, j in self.plain:
            x, in_groups = _unlogged_term(self.design, self.names, feature)
            sign = -1.0 if feature.contrast == "inverse" else 1.0
            low, high = sorted(sign * float(v) / unit for v in self.estimate.intervals[j])
            exponent += sympy.Symbol(name) * x
            in_pi += sympy.Symbol(name) * in_groups
            constants.append(Constant(name, sign * value / unit, low=low, high=high))
        return exponent, in_pi, constants


def _added(
    powers: Mapping[str, Fraction], grouped: Sequence[tuple[Feature, Fraction]]
) -> dict[str, Fraction]:
    """Powers of variables, with those of powers of groups."""
    out = dict(powers)
    for feature, exponent in grouped:
        for name, e in feature.group.exponents if feature.group else ():
            out[name] = out.get(name, Fraction(0)) + exponent * e
    return out


def _monomial(design: Design, names: Names, powers: Mapping[Any, Any]) -> sympy.Expr:
    """A product of powers of variables; scales count as 1."""
    scales = {v.name for v in design.basis.variables if v.role == "scale"}
    used = ((n, e) for n, e in sorted(powers.items()) if e and n not in scales)
    return sympy.Mul(*(sympy.Symbol(names.identifier[n]) ** e for n, e in used))


def _unlogged_term(design: Design, names: Names, feature: Feature) -> tuple[sympy.Expr, sympy.Expr]:
    """A column that enters unlogged (x or -1/T) in the inputs and in the groups."""
    powers = feature.group.exponents if feature.group else ((str(feature.variable), 1),)
    x = _monomial(design, names, dict(powers))
    if feature.contrast == "inverse":
        return -1 / x, -1 / x
    return x, x if feature.group is None else sympy.Symbol(feature.name)


def coefficient_gradients(design: Design, names: Names) -> list[sympy.Expr]:
    """Derivatives of a power law's logarithm by [intercept, coefficients], in groups and inputs."""
    out: list[sympy.Expr] = [sympy.Integer(1)]
    for feature in design.features:
        x = sympy.Symbol(feature.name)
        if feature.variable is not None:
            x = sympy.Symbol(names.identifier[feature.variable])
            x = 1 / x if feature.contrast == "inverse" else x
        out.append(sympy.log(x) if feature.logged else x)
    return out


def _without_rounding(
    grouped: list[tuple[Feature, Fraction]], response: PiGroup | None
) -> list[tuple[Feature, Fraction]]:
    """Exponents of groups that cancel in a variable where they nearly do.

    What is left of a variable, such as V**1.8e-17, is rounding of the fit. The dimensions of the
    law do not change, since groups have none.
    """
    out = dict(enumerate(grouped))
    for _ in range(len(grouped)):
        remaining = {k: -e for k, e in response.exponents} if response is not None else {}
        remaining = _added(remaining, list(out.values()))
        tiny = next((n for n, e in sorted(remaining.items()) if 0 < abs(e) < _TINY), None)
        if tiny is None:
            break
        k, weight = next(
            (k, dict(f.group.exponents)[tiny])
            for k, (f, _) in out.items()
            if f.group is not None and tiny in dict(f.group.exponents)
        )
        out[k] = (out[k][0], out[k][1] - remaining[tiny] / weight)
    return list(out.values())


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
        physical, grouped = _conditions(design, names, sides, shapes)
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


def _boundaries(
    design: Design, conditions: Sequence[Sequence[Side]], names: Names
) -> tuple[dict[int, tuple[sympy.Expr, sympy.Expr]], list[Constant]]:
    """The monomial of each boundary in the inputs and in the groups, and the constants of all."""
    shapes: dict[int, tuple[sympy.Expr, sympy.Expr]] = {}
    constants: list[Constant] = []
    for side in (side for sides in conditions for side in sides):
        if side.boundary in shapes:
            continue
        logged: list[tuple[Feature, Fraction]] = []
        physical = groups = sympy.Integer(1)
        read = reading(side, design.features)[1]
        unlogged: list[Constant] = []
        for feature, weight in zip(design.features, side.powers, strict=True):
            if not weight:
                continue
            if feature.logged and feature.group is not None:
                groups *= sympy.Symbol(feature.name) ** weight
                logged.append((feature, weight))
                continue
            x, in_groups = _unlogged_term(design, names, feature)
            inverse = feature.contrast == "inverse"
            if read is not side:
                physical, groups = (1 / -x, 1 / -in_groups) if inverse else (x, in_groups)
                break
            stem = f"{'T' if inverse else 'c'}_b_{side.boundary}"
            taken = {*names.symbols, *(c.name for c in unlogged)}
            name, value = free_name(stem, taken), float(-weight if inverse else weight)
            unlogged.append(Constant(name, value, low=value, high=value))
            physical *= sympy.exp(sympy.Symbol(name) * x)
            groups *= sympy.exp(sympy.Symbol(name) * in_groups)
        physical = physical * _monomial(design, names, _added({}, logged))
        shapes[side.boundary] = (physical, groups)
        name = _boundary_name(side, names)
        constants += [Constant(name, read.threshold, low=read.low, high=read.high), *unlogged]
    return shapes, constants


def _boundary_name(side: Side, names: Names) -> str:
    return free_name(f"b_{side.boundary}", names.symbols)


def _conditions(
    design: Design,
    names: Names,
    sides: Sequence[Side],
    shapes: Mapping[int, tuple[sympy.Expr, sympy.Expr]],
) -> tuple[sympy.Basic, sympy.Basic]:
    physical: list[sympy.Basic] = []
    grouped: list[sympy.Basic] = []
    for side in sides:
        threshold = sympy.Symbol(_boundary_name(side, names))
        above = reading(side, design.features)[1].at_least
        for out, shape in zip((physical, grouped), shapes[side.boundary], strict=True):
            out.append(shape >= threshold if above else shape < threshold)
    return sympy.And(*physical), sympy.And(*grouped)
