"""Predictions, ratios and the domain of a law.

What leaves the range of doubles is infinite or NaN, without a warning for every step to it.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np
import sympy

from dimgs.common.arrays import Array
from dimgs.common.errors import DimgsWarning, InputError
from dimgs.dataset.dataset import Dataset, quantity
from dimgs.dataset.raw import ReadOptions
from dimgs.expression.simplest import derivatives_of, monomial
from dimgs.groups.group import PiGroup
from dimgs.law.checked_law import CheckedLaw
from dimgs.law.domain import column_values, group_values
from dimgs.law.evaluate import Inputs, evaluate, evaluate_each, input_table, inputs_of
from dimgs.law.parts import LabelEffects, SourceEffects, log_interval
from dimgs.variables import Variable, parse_unit

Of = Literal["run", "law"]


class Interval(NamedTuple):
    """Values with their intervals, each of shape (n_runs,), or a number for single numbers."""

    value: Any
    low: Any
    high: Any


def law_inputs(law: CheckedLaw, data: Any) -> Inputs:
    """SI values of a law's inputs, all finite."""
    inputs = inputs_of(data, *_requirements(law))
    for name, column in inputs.values.items():
        bad = np.flatnonzero(~np.isfinite(column))
        if bad.size:
            raise InputError(
                f"Input '{name}' has no finite value in row {int(bad[0]) + 1}; "
                f"fill it in or leave the row out."
            )
    return inputs


def law_table(law: CheckedLaw, data: Any, options: ReadOptions) -> Dataset:
    """Dataset of what the law can use of a table, as it is read with these options."""
    return input_table(data, *_requirements(law), options=options)[0]


def inputs_in(law: CheckedLaw, data: Any, units: Mapping[str, str]) -> Inputs:
    """SI values of a law's inputs, of which plain numbers have the units of their columns."""
    variables, labels, unused = _requirements(law)
    stated = [Variable(v.name, parse_unit(units[v.name])) for v in variables]
    return inputs_of(data, stated, labels, unused, units)


def _requirements(law: CheckedLaw) -> tuple[Sequence[Variable], Sequence[str], Sequence[Variable]]:
    labels = dict.fromkeys([*law.labels, *(each.column for each in law.sources)])
    return tuple(law.symbols.values()), list(labels), law.unused


def values(law: CheckedLaw, inputs: Inputs) -> Array:
    """The law's target in each row, in SI."""
    result = _at_constants(law, inputs, _row_constants(law, inputs))
    if law.sources:
        return shifted(law, result, _beside_constants(law, inputs, _source_terms(law, inputs)))
    effects = law.label_effects
    seen = None if effects is None else inputs.labels.get(effects.column)
    if effects is None or seen is None:
        return result
    return shifted(law, result, np.array([effects.log_ratios.get(x, 0.0) for x in seen]))


def shifted(law: CheckedLaw, target: Array, shift: Array) -> Array:
    """Values of the target whose logarithms (of a level: natural-log units) are shifted."""
    if law.target.is_level:
        return np.asarray(target + shift / law.target.unit.log_factor)
    return np.asarray(target * np.exp(shift))


def ends_of(
    law: CheckedLaw, target: Array, half: Array, factor: Array | float = 1.0
) -> tuple[Array, Array]:
    """Ends of intervals about values of the target, from half widths of its uncertainty.

    Parameters
    ----------
    law : CheckedLaw
    target, half : ndarray of shape (n,)
    factor : float or ndarray of shape (n,)
        Target over pi_0.
    """
    if law.target.is_level:
        half = half / abs(law.target.unit.log_factor)
        return target - half, target + half
    return law.uncertainty.ends(target, half, factor)


def _at_constants(law: CheckedLaw, inputs: Inputs, constants: Mapping[str, Any]) -> Array:
    """The law's expression in each row, at constants of each or of all."""
    arguments: dict[str, Any] = {s: inputs.values[v.name] for s, v in law.symbols.items()}
    return evaluate(law.expression, {**arguments, **constants}, inputs.n)


def _row_constants(law: CheckedLaw, inputs: Inputs) -> dict[str, Any]:
    """Constants of the source of each row, where they differ between sources."""
    out: dict[str, Any] = dict(law.constant_values)
    for each in law.sources:
        if any(each.constants):
            added = {label: each.added(label) for label in each.shifts}
            for name in filter(None, each.constants):
                rows = _labels(each, inputs)
                out[name] = out[name] + np.array(
                    [added.get(str(k), {}).get(name, 0.0) for k in rows]
                )
    return out


def _labels(each: SourceEffects, inputs: Inputs) -> Any:
    """Source of each row; a row without a label is of a source that nobody has measured."""
    return inputs.labels.get(each.column, np.full(inputs.n, ""))


def _defined_values(law: CheckedLaw, inputs: Inputs) -> Array:
    """As :func:`values`, where each row has one."""
    result = values(law, inputs)
    undefined = np.flatnonzero(np.isnan(result))
    if undefined.size:
        row = int(undefined[0])
        listed = ", ".join(
            f"{v.name} = {inputs.values[v.name][row]:g} {v.si_unit}" for v in law.symbols.values()
        )
        raise InputError(
            f"The law has no value in row {row + 1} ({listed}); correct the number that it cannot "
            f"take, such as a negative one under a root, or leave the row out."
        )
    return result


@np.errstate(all="ignore")
def predict(law: CheckedLaw, data: Any, level: float | None, of: Of) -> Any:
    """See :meth:`Law.predict`."""
    if law.doubt:
        warnings.warn(law.doubt, DimgsWarning, stacklevel=3)
    inputs = law_inputs(law, data)
    value = _defined_values(law, inputs)
    if level is None:
        return _tagged(law, value, inputs)
    others = [(each, values(each, inputs)) for each in _with_moved_borders(law)]
    ends = [_interval(each, inputs, at, level, of) for each, at in ((law, value), *others)]
    low, high = np.fmin.reduce([e[0] for e in ends]), np.fmax.reduce([e[1] for e in ends])
    return Interval(*(_tagged(law, x, inputs) for x in (value, low, high)))


def _with_moved_borders(law: CheckedLaw) -> Iterator[CheckedLaw]:
    """The law with each border between its pieces at either end of the border's interval."""
    pieces = [piece for each in law.expression.atoms(sympy.Piecewise) for piece in each.args]
    names = {str(s) for _, condition in pieces for s in condition.free_symbols}
    names -= {str(s) for formula, _ in pieces for s in formula.free_symbols}
    for k, constant in enumerate(law.constants):
        if constant.name in names and constant.low is not None and constant.high is not None:
            for end in {constant.low, constant.high} - {constant.value}:
                moved = replace(constant, value=end)
                yield replace(law, constants=(*law.constants[:k], moved, *law.constants[k + 1 :]))


def _interval(
    law: CheckedLaw, inputs: Inputs, value: Array, level: float, of: Of
) -> tuple[Array, Array]:
    """Ends of the intervals of predictions, shape (n,) each."""
    runs = (1.0 if of == "run" else 0.0) + _of_label(law, inputs)
    factor = response_factor(law, inputs) if law.uncertainty.scale == "linear" else 1.0
    share = law.uncertainty.run_share(value, factor)
    gradients = _gradients(law, inputs)
    of_sources = _of_sources(law, gradients, (inputs, _source_terms(law, inputs)))
    half = law.uncertainty.half_width(gradients, level, runs, *of_sources, share=share)
    return ends_of(law, value, half, factor)


@np.errstate(all="ignore")
def ratio(law: CheckedLaw, u: Any, v: Any, level: float | None, of: Of) -> Any:
    """See :meth:`Law.ratio`."""
    a, b = law_inputs(law, u), law_inputs(law, v)
    one, two = _defined_values(law, a), _defined_values(law, b)
    shaped = a._replace(scalar=a.scalar and b.scalar)
    value = one - two if law.target.is_level else one / two
    if level is None:
        return shaped.like(value)
    gradients = []
    runs = _of_labels(law, a, b)
    for inputs, defined in ((a, one), (b, two)):
        gradient, size, factor = _gradients(law, inputs), np.ones(1), np.ones(1)
        if law.uncertainty.scale == "linear":
            factor = response_factor(law, inputs)
            size = factor / defined
        gradients.append(gradient * size[:, None])
        size = size * law.uncertainty.run_share(defined, factor)
        runs = runs + (size**2 if of == "run" else 0.0)
    apart = gradients[0] - gradients[1]
    of_sources = _of_sources(law, apart, *((x, _source_terms(law, x)) for x in (a, b)))
    half = law.uncertainty.half_width(apart, level, runs, *of_sources)
    ends = ends_of(law, value, half) if law.target.is_level else log_interval(value, half)
    return Interval(*map(shaped.like, (value, np.minimum(*ends), np.maximum(*ends))))


@np.errstate(all="ignore")
def moved(law: CheckedLaw, data: Any, change: Array) -> Array:
    """The law's target in SI where its parameters differ by a change, to first order.

    Parameters
    ----------
    law : CheckedLaw
    data : as of :meth:`Law.predict`
    change : ndarray of shape (n_parameters,)
        Of the parameters whose covariance the law has.
    """
    inputs = law_inputs(law, data)
    value, by = values(law, inputs), _gradients(law, inputs) @ change
    if law.uncertainty.scale == "linear" and not law.target.is_level:
        return np.asarray(value + by * response_factor(law, inputs))
    return shifted(law, value, by)


def _source_terms(law: CheckedLaw, inputs: Inputs) -> list[Array]:
    """Gradients by the terms of each kind of source, shape (n, n_terms)."""
    arguments = {**group_values(law, inputs), **_row_constants(law, inputs)}
    return [evaluate_each(each.gradients, arguments, inputs.n) for each in law.sources]


def _beside_constants(law: CheckedLaw, inputs: Inputs, terms: Sequence[Array]) -> Array:
    """What known sources add by their terms, those of constants aside; shape (n,)."""
    out = np.zeros(inputs.n)
    for each, columns in zip(law.sources, terms, strict=True):
        none = (0.0,) * len(each.gradients)
        shifts = np.array([each.shifts.get(str(x), none) for x in _labels(each, inputs)])
        beside = np.array([not name for name in each.constants])
        out += np.sum((columns * shifts)[:, beside], axis=1)
    return out


def source_shift(law: CheckedLaw, inputs: Inputs) -> Array:
    """Effect of known sources on the logarithm of each row (of a level: in natural-log units)."""
    out = _beside_constants(law, inputs, _source_terms(law, inputs))
    if law.differing:
        rows = _row_constants(law, inputs), law.constant_values
        by_source, common = (_at_constants(law, inputs, constants) for constants in rows)
        out += np.log(by_source / common)
    return out


def _of_sources(
    law: CheckedLaw, gradients: Array, *compared: tuple[Inputs, Sequence[Array]]
) -> tuple[Array, list[tuple[Array, float]]]:
    """Variances by the sources of rows, or of the ratios of rows to others.

    Parameters
    ----------
    law : CheckedLaw
    gradients : ndarray of shape (n, n_parameters)
    *compared : (Inputs, list of ndarray)
        Rows, and what the terms of each kind of source change in them.

    Returns
    -------
    ndarray of shape (n,), list of (ndarray of shape (n,), float)
        What known sources add to the variance of the law, and the spread of unknown ones with its
        degrees of freedom.
    """
    n = len(gradients)
    more, apart = np.zeros(n), []
    for kind, each in enumerate(law.sources):
        sides = [(terms[kind], _labels(each, rows)) for rows, terms in compared]
        rows = [(np.broadcast_to(t, (n, t.shape[1])), np.broadcast_to(k, n)) for t, k in sides]
        signed = [
            (sign * terms, labels) for sign, (terms, labels) in zip((1, -1), rows, strict=False)
        ]
        if len(signed) == 2:
            # of one source only the difference counts
            (u, one), (v, two) = signed
            same = one == two
            signed = [
                (np.where(same[:, None], u + v, u), one),
                (np.where(same[:, None], 0.0, v), two),
            ]
        new = np.zeros(n)
        for terms, labels in signed:
            for i, label in enumerate(labels):
                z, name = terms[i], str(label)
                if name not in each.shifts:
                    new[i] += float(np.sum((z * each.spreads) ** 2))
                    continue
                # of a law without fitted constants nothing is crossed
                shared = np.array(each.crossed[name]).reshape(-1, len(z))
                crossed = gradients[i] @ shared @ z
                more[i] += float(z @ np.array(each.covariances[name]) @ z + 2 * crossed)
        apart.append((new, each.dof))
    if law.label_effects is not None and law.uncertainty.scale != "linear":
        apart.append(_of_new_labels(law.label_effects, n, [rows for rows, _ in compared]))
    return more, apart


def _of_new_labels(effects: LabelEffects, n: int, sides: Sequence[Inputs]) -> tuple[Array, float]:
    """Spread of the known prefactors for labels that no run has, with its degrees of freedom."""
    known = list(effects.log_ratios.values())
    labels = [
        np.broadcast_to(x.labels[effects.column], n) for x in sides if effects.column in x.labels
    ]
    if len(known) < 2 or len(labels) < len(sides):
        return np.zeros(n), 1.0
    unknown = np.sum([~np.isin(x, [*effects.log_ratios]) for x in labels], axis=0)
    if len(labels) == 2:
        unknown = np.where(labels[0] == labels[1], 0, unknown)
    # about a mean of the known ones
    variance = float(np.var(known, ddof=1)) * (1.0 + 1.0 / len(known))
    return variance * unknown, len(known) - 1.0


def _of_label(law: CheckedLaw, inputs: Inputs) -> Array:
    """Variance of each row's own prefactor about the pooled one, in variances of one run."""
    counts = _counts(law, inputs)
    if counts is None or law.label_effects is None:
        return np.zeros(inputs.n)
    total = sum(law.label_effects.counts.values())
    return np.asarray(1.0 / counts - 1.0 / max(total, 1))


def _of_labels(law: CheckedLaw, u: Inputs, v: Inputs) -> Array:
    """Labels for ratios: equal labels cancel."""
    one, two = _counts(law, u), _counts(law, v)
    if one is None or two is None or law.label_effects is None:
        return np.zeros(max(u.n, v.n))
    column = law.label_effects.column
    return np.where(u.labels[column] == v.labels[column], 0.0, 1.0 / one + 1.0 / two)


def _counts(law: CheckedLaw, inputs: Inputs) -> Array | None:
    """Runs behind each row's prefactor: those of its label, or all where it is not known."""
    effects = law.label_effects
    seen = None if effects is None else inputs.labels.get(effects.column)
    if effects is None or seen is None or not effects.counts:
        return None
    total = float(sum(effects.counts.values()))
    return np.array([effects.counts.get(str(x), total) for x in seen], dtype=np.float64)


def _gradients(law: CheckedLaw, inputs: Inputs) -> Array:
    arguments = {**group_values(law, inputs), **_row_constants(law, inputs)}
    return evaluate_each(law.uncertainty.gradients, arguments, inputs.n)


def response_factor(law: CheckedLaw, inputs: Inputs) -> Array:
    """Target over pi_0: the monomial that gives pi_0 its dimension back."""
    powers = {k: e for k, e in law.response.exponents if k != law.target.name}
    columns = column_values(law, inputs)
    for name in powers:
        if name not in columns:
            raise InputError(
                f"The errors of this law are of one size in {law.response}, so that its intervals "
                f"need the column '{name}' too."
            )
    rest = PiGroup.of("rest", powers).log(columns)
    return np.broadcast_to(np.exp(-rest), (inputs.n,))


def _tagged(law: CheckedLaw, rows: Array, inputs: Inputs) -> Any:
    value = inputs.like(rows)
    if not inputs.with_units:
        return value
    return quantity(law.target, value)


@np.errstate(all="ignore")
def elasticities(law: CheckedLaw, inputs: Inputs, level: float | None) -> dict[str, Any]:
    """Elasticity of each input column, see :meth:`Law.elasticities`.

    The value is exact (symbolic differentiation). The interval follows from how the elasticity
    moves with the law's parameters: the derivative of each parameter's gradient.
    """
    values: dict[str, Any] = {s: inputs.values[v.name] for s, v in law.symbols.items()}
    values |= _row_constants(law, inputs)
    monomials = _group_monomials(law)
    gradients = [g.subs(monomials) for g in law.uncertainty.gradients]
    if law.uncertainty.scale == "linear":
        pi_0 = law.pi_expression.subs(monomials)
        gradients = [g / pi_0 for g in gradients]
    of_kinds = [[g.subs(monomials) for g in each.gradients] for each in law.sources]
    unit = law.target.unit.log_factor if law.target.is_level else 1.0

    def turned(gradients: Sequence[sympy.Expr], name: str) -> Array:
        """How the elasticity moves with parameters, shape (n, n_parameters)."""
        turns = (sympy.Symbol(name) * derivatives_of(g, [name])[0] for g in gradients)
        # the slope of a sign is zero but at one point
        smooth = (turn.replace(sympy.DiracDelta, lambda *_: sympy.Integer(0)) for turn in turns)
        return evaluate_each(smooth, values, inputs.n)

    out: dict[str, Any] = {}
    for name, variable in law.symbols.items():
        slope = sympy.Symbol(name) * derivatives_of(law.expression, [name])[0]
        if not law.target.is_level:
            slope = slope / law.expression
        terms = [turned(each, name) for each in of_kinds]
        value = evaluate(sympy.powsimp(slope), values, inputs.n)
        value = value + _beside_constants(law, inputs, terms) / unit
        if level is None:
            out[variable.name] = inputs.like(value)
            continue
        moved = turned(gradients, name)
        of_known, _ = _of_sources(law, moved, (inputs, terms))
        half = law.uncertainty.half_width(moved, level, 0.0, of_known) / abs(unit)
        ends = (value, value - half, value + half)
        out[variable.name] = Interval(*(inputs.like(x) for x in ends))
    return out


def _group_monomials(law: CheckedLaw) -> dict[sympy.Symbol, sympy.Expr]:
    """Each group as a monomial of the law's symbols and constants, scales counting as 1."""
    known = {v.name: sympy.Symbol(s) for s, v in law.symbols.items()}
    known |= {c.name: sympy.Symbol(c.name) for c in law.constants}
    return {
        sympy.Symbol(group.name): monomial(
            ((n, e) for n, e in group.exponents if n in known), known
        )
        for group in law.groups
    }
