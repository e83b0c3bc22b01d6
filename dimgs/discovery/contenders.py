"""The candidate laws of a table as models of its runs, whoever found them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import permutations

import numpy as np
import sympy

from dimgs.design.features import Design
from dimgs.discovery.angles import Turns
from dimgs.discovery.blocks import outer_blocks
from dimgs.discovery.clock import Clock
from dimgs.discovery.cross_validation import is_monomial
from dimgs.discovery.evidence import (
    Evidence,
    Fitted,
    errors_of,
    evidence,
    fitted,
)
from dimgs.discovery.forms import Form, Raw, forms_of
from dimgs.discovery.free_numbers import Freed, coincidences, freed, paying, pays
from dimgs.discovery.models import FormulaModel, Model, PowerModel
from dimgs.engines.structure import Structure, fitted_exponents, structure_of
from dimgs.expression.candidate import Candidate
from dimgs.fits.noise import Errors
from dimgs.law.law import Law
from dimgs.law.names import Names
from dimgs.report.results import FitResult

# what the target over pi_0 is called in a law's structure
_RESPONSE = "target_over_pi_0"
JUDGEMENT = "the judgement of rivals"
# judged though the time is over: the power laws, and the first of the front
_AT_LEAST = 4
# of many runs: each refit grows with them, and they say no more of which law it is
_MOST_RUNS = 2000
# forms whose numbers are freed, the most probable ones: each is another refit of every block
_FREED, _SIMPLEST = 10, 4
# of one constant in another: functions of a product of powers, their roots and reciprocals
_POWERS = tuple(map(sympy.Rational, (1, -1, "1/2", "-1/2")))
# standard errors within which a constant may be zero
_MAY_BE_ZERO = 2.0
# twice the gain of likelihood by a constant that was not needed: one of a hundred
_REFUTED = 6.63


@dataclass(frozen=True, eq=False)
class Contender:
    """A candidate law, and what is known of it.

    Attributes
    ----------
    name : str
        ``"power"`` or ``"simple power"`` for power laws with real and simple exponents, else who
        found it.
    expression : sympy.Expr
        pi_0 in the groups, inputs without a logarithm and constants.
    constants : mapping of str to float
    model : Model
    structure : Structure
        Of the law in the variables, so that it does not depend on the basis.
    evidence : Evidence
    candidate : Candidate, optional
        What it was on the front.
    """

    name: str
    expression: sympy.Expr
    constants: Mapping[str, float]
    model: Model
    structure: Structure
    evidence: Evidence
    candidate: Candidate | None = None
    law: Law | None = None

    @property
    def score(self) -> float:
        """Log density of the runs left out, less the price of the structure, both natural."""
        return self.evidence.log_density - float(np.log(2)) * self.structure.bits

    @cached_property
    def exponents(self) -> int:
        """How many of its constants are exponents."""
        return len(fitted_exponents(self.expression, set(self.constants)))

    @property
    def rigid(self) -> bool:
        """Whether none of its constants is an exponent."""
        return self.exponents == 0


@np.errstate(all="ignore")
def contenders(
    design: Design,
    result: FitResult | None,
    law: Law,
    candidates: Sequence[Candidate],
    unlogged: Mapping[str, str],
    clock: Clock,
    more: Sequence[Form] = (),
) -> list[Contender]:
    """Everything that a study found, with its evidence, on the same errors and the same blocks.

    When the clock is over, only the first few are judged, and none of their further forms.

    Parameters
    ----------
    design : Design
    result : FitResult or None
        The power law.
    law : Law
        The law that the study chose.
    candidates : sequence of Candidate
    unlogged : mapping of str to str
        What candidates call an input without a logarithm, and its identifier.
    clock : Clock
    more : sequence of Form
        Further forms, which come first.

    Returns
    -------
    list of Contender
        Those that can be fitted.
    """
    if design.n_runs > _MOST_RUNS:
        rows = np.random.default_rng(design.n_runs).choice(design.n_runs, _MOST_RUNS, False)
        design = design.take(np.sort(rows))
    raw = list(forms_of(design, result, law, candidates, unlogged, more))
    if clock.over and len(raw) > _AT_LEAST:
        raw = raw[:_AT_LEAST]
        clock.cut("time", JUDGEMENT)
    errors = errors_of(design, [r[3] for r in raw])
    blocks, turns, groups = outer_blocks(design), Turns(design), _groups(design)

    def judged(one: Raw) -> Contender | None:
        name, expression, constants, model, candidate, own = one
        found = evidence(model, errors, blocks, design)
        if found is None or not np.isfinite(found.log_density):
            return None
        whole = expression * sympy.Symbol(_RESPONSE)
        structure = structure_of(whole, set(constants), turns.of(constants), groups)
        structure = replace(structure, coincidences=_coincidences(one, found.whole, groups))
        return Contender(name, expression, constants, model, structure, found, candidate, own)

    out = []
    for k, raw_one in enumerate(raw):
        if k >= _AT_LEAST and clock.over:
            clock.cut("time", JUDGEMENT)
            break
        out += [c for c in [judged(raw_one)] if c is not None]
    out.sort(key=lambda c: -c.score)
    known = {str(c.expression) for c in out}
    simplest = sorted(out, key=lambda c: c.structure.bits)[:_SIMPLEST]
    for one in [*out[:_FREED], *(c for c in simplest if c not in out[:_FREED])]:
        form = None if clock.over else _free(design, one, errors)
        if form is None:
            continue
        for raw_one in _simpler(design, one, form):
            # power laws are judged with their exponents, simple and real
            judged_before = result is not None and is_monomial(raw_one[1])
            if str(raw_one[1]) not in known and not judged_before:
                known.add(str(raw_one[1]))
                out += [c for c in [judged(raw_one)] if c is not None]
        other = _with_free_numbers(design, one, form)
        found = None if other is None else judged(other)
        if found is None:
            continue
        # what the numbers cost, or the constants in their place: it is one form
        cheaper = min(one.structure, found.structure, key=lambda s: s.bits)
        if not refutes(found.evidence, one.evidence):
            out.remove(one)
            found = replace(found, structure=cheaper)
        out.append(found)
    # forms that differed in numbers may be one with constants in their place
    best: dict[str, Contender] = {}
    for one in sorted(out, key=lambda c: -c.score):
        best.setdefault(str(one.expression), one)
    return list(best.values())


def _coincidences(one: Raw, whole: Fitted, groups: Mapping[str, Mapping[str, Fraction]]) -> float:
    """What it takes that fitted exponents are near to simple ones by chance.

    Those of a power law are the exponents of its inputs, so that the basis of the groups does not
    matter: on the average, as many as are fitted.
    """
    _, expression, constants, model, *_ = one
    names = fitted_exponents(expression, set(constants))
    if not names:
        return 0.0
    values, errors = whole.constants, whole.standard_errors
    if isinstance(model, FormulaModel):
        rows = np.isin(model.names, sorted(names))
        return coincidences(values[rows], errors[rows])
    # the constants of a power law are the logarithms of prefactors, then exponents
    fitted_ones = sorted(names, key=lambda k: (len(k), k))
    values, first = values[-len(names) :], len(values) - len(names)
    powers = expression.as_powers_dict()
    grouped = {str(base): power for base, power in powers.items() if str(base) in groups}
    if not names <= {str(power) for power in grouped.values()}:
        return coincidences(values, errors[first:])
    powers_of = {_RESPONSE: sympy.Integer(1), **grouped}
    inputs = sorted({k for name in grouped for k in groups[name]})
    exact = np.zeros(len(inputs))
    weights = np.zeros((len(inputs), len(whole.constants)))
    for name, power in powers_of.items():
        own = [float(groups.get(name, {}).get(k, 0)) for k in inputs]
        if str(power) in names:
            weights[:, first + fitted_ones.index(str(power))] += own
        else:
            exact += float(power) * np.array(own)
    varied = np.any(weights != 0, axis=1)
    found = exact + weights[:, first:] @ values
    bits = coincidences(found[varied], whole.errors_along(weights)[varied])
    return bits * len(names) / int(varied.sum())


def _groups(design: Design) -> dict[str, dict[str, Fraction]]:
    """Exponents of the inputs in the groups, and in the target over pi_0.

    By these a law's structure is priced whatever the basis; a size only stands for a unit.
    """
    named = Names.of(design).identifier
    response, target = design.basis.response, design.basis.target
    own = {f.name: dict(f.group.exponents) for f in design.features if f.group is not None}
    if response is not None and target is not None:
        own[_RESPONSE] = {k: -e for k, e in response.exponents if k != target.name}
    sizes = design.basis.sizes
    return {
        name: {named[k]: e for k, e in powers.items() if k not in sizes}
        for name, powers in own.items()
    }


def _free(design: Design, one: Contender, errors: Errors) -> "tuple[Freed, Fitted] | None":
    """The form with a constant for every number, and its fit."""
    if isinstance(one.model, PowerModel):
        return None
    form = freed(one.expression, one.constants)
    if form is None:
        return Freed(one.expression, one.constants, {}), one.evidence.whole
    model = FormulaModel(design, form.expression, dict(form.constants))
    again = fitted(model, errors, np.ones(design.n_runs, dtype=bool), model.start)
    return (form, again) if again.usable and again.dof > 0 else None


def _with_free_numbers(
    design: Design, one: Contender, found: "tuple[Freed, Fitted]"
) -> "Raw | None":
    """The form with constants for the numbers that do not pay for themselves."""
    form, again = found
    names = tuple(sorted(form.constants))
    kept = paying(form, names, again.constants, again.standard_errors)
    if kept == set(form.numbers):
        return None
    expression, start = form.fixed(kept)
    start |= {k: float(v) for k, v in zip(names, again.constants, strict=True) if k in start}
    model = FormulaModel(design, expression, start)
    return one.name, expression, start, model, one.candidate, None


def _simpler(design: Design, one: Contender, found: "tuple[Freed, Fitted]") -> "Iterator[Raw]":
    """The form without terms or factors whose constant may as well be zero, or with 1 for one.

    And with one constant for two, where one may as well be a power of the other: so it is where a
    function has a limit without a constant, as tanh(c x)/(c x). Other numbers were looked for by
    who found the form; regimes are fitted with a constant each.
    """
    form, again = found
    values = dict(zip(sorted(form.constants), again.constants, strict=True))
    errors = dict(zip(sorted(form.constants), again.standard_errors, strict=True))
    ones = set(one.constants) - fitted_exponents(form.expression, set(form.constants))
    simple: dict[sympy.Symbol, sympy.Integer] = {}
    for name, value in values.items():
        if abs(value) <= _MAY_BE_ZERO * errors[name]:
            simple[sympy.Symbol(name)] = sympy.Integer(0)
        elif name in ones and pays(sympy.Integer(1), float(value), float(errors[name])):
            simple[sympy.Symbol(name)] = sympy.Integer(1)
    each: list[dict[sympy.Symbol, sympy.Expr]] = [{k: number} for k, number in simple.items()]
    each += _related(again, sorted(form.constants), ones - {str(k) for k in simple})
    for fixed in [*each, simple] if len(each) > 1 else each:
        expression = form.expression.xreplace(fixed)
        names = {str(s) for s in expression.free_symbols}
        start = {k: float(v) for k, v in values.items() if k in names}
        if expression.is_number or expression.has(sympy.nan, sympy.zoo, sympy.oo):
            continue
        if not names - set(start):
            continue
        model = FormulaModel(design, expression, start)
        if np.all(np.isfinite(model.value(model.start))):
            yield one.name, expression, start, model, None, None


def _related(
    whole: Fitted, names: "Sequence[str]", those: "set[str]"
) -> "list[dict[sympy.Symbol, sympy.Expr]]":
    """One constant as a power of another, where it pays: the nearest such pair."""
    found = []
    values = dict(zip(names, whole.constants, strict=True))
    for a, b in permutations(sorted(k for k in those if values[k] != 0), 2):
        for power in _POWERS if values[b] > 0 else (p for p in _POWERS if p.q == 1):
            near = float(np.log(abs(values[a])) - power * np.log(abs(values[b])))
            direction = np.zeros((1, len(names)))
            direction[0, names.index(a)] = 1.0 / values[a]
            direction[0, names.index(b)] = -float(power) / values[b]
            error = float(whole.errors_along(direction)[0])
            if pays(sympy.Integer(1), float(np.exp(near)), error):
                sign = np.sign(values[a]) * (np.sign(values[b]) if power.q == 1 else 1)
                other = int(sign) * sympy.Symbol(b) ** power
                found.append((abs(near) / error, str(other), sympy.Symbol(a), other))
    return [{a: other} for _, _, a, other in sorted(found, key=lambda x: x[:2])[:1]]


def refutes(general: Evidence, special: Evidence) -> bool:
    """Whether the runs ask for the further constants of the general form.

    Parameters
    ----------
    general, special : Evidence
    """
    a, b = general.whole, special.whole
    more = b.dof - a.dof
    squares = (b.sd**2 * b.dof) / (a.sd**2 * max(a.dof, 1))
    return bool(more > 0 and len(a.residuals) * np.log(squares) > _REFUTED + more)
