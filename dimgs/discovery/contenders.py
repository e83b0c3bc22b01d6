"""The candidate laws of a table as models of its runs, whoever found them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import count

import numpy as np
import sympy

from dimgs.arrays import Array
from dimgs.design.features import Design
from dimgs.discovery.angles import Turns
from dimgs.discovery.blocks import outer_blocks
from dimgs.discovery.clock import Clock
from dimgs.discovery.evidence import (
    Errors,
    Evidence,
    Fitted,
    errors_of,
    evidence,
    fitted,
)
from dimgs.discovery.free_numbers import Freed, freed, paying
from dimgs.discovery.models import FormulaModel, Model, PowerModel
from dimgs.engines.selection import rms
from dimgs.engines.structure import Structure, structure_of
from dimgs.expression.candidate import Candidate
from dimgs.groups.group import PiGroup
from dimgs.law.law import Law
from dimgs.law.names import Names
from dimgs.report.results import FitResult

# what the target over pi_0 is called in a law's structure
_RESPONSE = "target_over_pi_0"
# candidates of a front that are judged: those behind hold a thousandth of the probability
MOST_JUDGED = 24
JUDGEMENT = "the judgement of rivals"
# share of a slope that others leave, below which it is theirs to rounding
_CARRIED = 1e-6
# judged though the time is over: the power laws, and the first of the front
_AT_LEAST = 4
# of many runs: each refit grows with them, and they say no more of which law it is
_MOST_RUNS = 2000
# forms whose numbers are freed, the most probable ones: each is another refit of every block
_FREED, _SIMPLEST = 10, 4
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
    def rigid(self) -> bool:
        """Whether none of its constants is an exponent."""
        return self.structure.free_exponents == 0


@np.errstate(all="ignore")
def contenders(
    design: Design,
    result: FitResult | None,
    law: Law,
    candidates: Sequence[Candidate],
    unlogged: Mapping[str, str],
    clock: Clock,
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

    Returns
    -------
    list of Contender
        Those that can be fitted.
    """
    if design.n_runs > _MOST_RUNS:
        rows = np.random.default_rng(design.n_runs).choice(design.n_runs, _MOST_RUNS, False)
        design = design.take(np.sort(rows))
    raw = list(_raw(design, result, law, candidates, unlogged))
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
        for raw_one in _pruned(design, one, form):
            if str(raw_one[1]) not in known:
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
    return sorted(out, key=lambda c: -c.score)


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
        return None
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


def _pruned(design: Design, one: Contender, found: "tuple[Freed, Fitted]") -> "Iterator[Raw]":
    """The form without a term or factor whose constant may as well be zero."""
    form, again = found
    values = dict(zip(sorted(form.constants), again.constants, strict=True))
    errors = dict(zip(sorted(form.constants), again.standard_errors, strict=True))
    for name, value in values.items():
        if abs(value) > _MAY_BE_ZERO * errors[name]:
            continue
        expression = form.expression.xreplace({sympy.Symbol(name): sympy.Integer(0)})
        names = {str(s) for s in expression.free_symbols}
        start = {k: float(v) for k, v in values.items() if k in names}
        if expression.is_number or expression.has(sympy.nan, sympy.zoo, sympy.oo):
            continue
        if not names - set(start):
            continue
        model = FormulaModel(design, expression, start)
        if np.all(np.isfinite(model.value(model.start))):
            yield one.name, expression, start, model, None, None


Raw = tuple[str, sympy.Expr, dict[str, float], Model, Candidate | None, Law | None]


def _raw(
    design: Design,
    result: FitResult | None,
    law: Law,
    candidates: Sequence[Candidate],
    unlogged: Mapping[str, str],
) -> Iterator[Raw]:
    if result is not None and not result.law.pi_expression.has(sympy.Piecewise):
        yield from _power(design, result)
    scales = [
        v.name
        for v in design.basis.variables
        if v.role == "scale" and v.name not in design.basis.sizes
    ]
    power = None if result is None else result.law
    named = {sympy.Symbol(k): sympy.Symbol(v) for k, v in unlogged.items()}
    seen = set()
    forms: list[tuple[str, sympy.Expr, Mapping[str, float], Candidate | None, Law | None]] = []
    if power is None or law is not power or law.pi_expression.has(sympy.Piecewise):
        fitted = {c.name: c.value for c in law.constants if c.origin == "fitted"}
        forms.append(("law", law.pi_expression, fitted, None, law))
    forms += [
        (c.engine, c.expression.xreplace(named), c.constants, c, None)
        for c in candidates[:MOST_JUDGED]
    ]
    for name, expression, constants, candidate, own in forms:
        used = {str(s) for s in expression.free_symbols}
        start = {k: v for k, v in constants.items() if k in used}
        if name == "power_law" or str(expression) in seen or design.scale == "level":
            continue
        seen.add(str(expression))
        try:
            model = FormulaModel(design, expression, start)
            with np.errstate(all="ignore"):
                values = model.value(model.start)
        except (KeyError, TypeError, NameError, AttributeError):
            continue
        if np.all(np.isfinite(values)) and (design.scale != "log" or np.all(values > 0)):
            one: Raw = name, expression, start, model, candidate, own
            for scale in scales:
                one = _carried(design, one, scale)
            yield one


def _carried(design: Design, one: Raw, scale: str) -> Raw:
    """A form with a constant for the size of an unknown scale that none of its constants carries.

    A scale counts as 1 in its SI unit: a form that holds for that number and for no other would
    make a law of the unit.
    """
    name, expression, start, _, candidate, _ = one
    taken = set(start) | {str(s) for s in expression.free_symbols}
    free = next(k for j in count(1) if (k := f"c_{j}") not in taken)
    size = sympy.Symbol(free)
    grown = {
        sympy.Symbol(f.name): sympy.Symbol(f.name) * size ** _power_of(scale, f.group)
        for f in design.features
    }
    whole = expression.xreplace(grown) / size ** _power_of(scale, design.basis.response)
    general = FormulaModel(design, whole, {**start, free: 1.0})
    slopes = general.slopes(general.start)
    if not np.all(np.isfinite(slopes)):
        return one
    own = slopes[:, general.names.index(free)]
    rest = np.delete(slopes, general.names.index(free), axis=1)
    left = own - rest @ np.linalg.lstsq(rest, own, rcond=None)[0]
    if rms(left) <= _CARRIED * rms(own):
        return one
    return (
        name,
        whole,
        dict(zip(general.names, general.start, strict=True)),
        general,
        candidate,
        None,
    )


def _power_of(scale: str, group: PiGroup | None) -> sympy.Rational:
    own = Fraction(0) if group is None else dict(group.exponents).get(scale, Fraction(0))
    return sympy.Rational(own.numerator, own.denominator)


def _power(design: Design, result: FitResult) -> Iterator[Raw]:
    """The power law with real exponents, and with simple ones where there are."""
    n, p = design.X.shape
    ones = np.ones((n, 1))
    if design.within is not None:
        ones = (design.within[:, None] == np.unique(design.within)[None, :]).astype(np.float64)
    log = design.scale != "level"
    names = Names.of(design)
    bases = [
        sympy.Symbol(f.name)
        if f.group is not None and f.logged
        else sympy.exp(sympy.Symbol(names.identifier.get(str(f.variable), f.name)))
        for f in design.features
    ]  # fmt: skip
    values = [e.value for e in result.exponents]
    level = float(result.intercept)
    prefactor = sympy.Symbol("C")

    def start(columns: Array, offset: Array) -> Array:
        solution = np.linalg.lstsq(columns, design.y - offset, rcond=None)[0]
        return np.asarray(solution, dtype=np.float64)

    free = {f"a_{j + 1}": float(v) for j, v in enumerate(values)}
    columns = np.column_stack([ones, design.X])
    zero = np.zeros(n)
    if p < n - 1:
        expression = prefactor * sympy.Mul(
            *(b ** sympy.Symbol(k) for b, k in zip(bases, free, strict=True))
        )
        model = PowerModel(columns, zero, start(columns, zero), log)
        found = {"C": float(np.exp(min(level, 700.0))), **free}
        yield ("power" if p else "simple power"), expression, found, model, None, None
    simple = [x for x in result.coefficients if not isinstance(x, float)]
    if not simple:
        return
    kept = [j for j, x in enumerate(result.coefficients) if isinstance(x, float)]
    fixed = np.array([0.0 if isinstance(x, float) else float(x) for x in result.coefficients])
    columns, offset = np.column_stack([ones, design.X[:, kept]]), design.X @ fixed
    model = PowerModel(columns, offset, start(columns, offset), log)
    exponents = [
        sympy.Symbol(f"a_{j + 1}")
        if isinstance(x, float)
        else sympy.Rational(x.numerator, x.denominator)
        for j, x in enumerate(result.coefficients)
    ]
    expression = prefactor * sympy.Mul(*(b**e for b, e in zip(bases, exponents, strict=True)))
    found = {
        "C": float(np.exp(min(level, 700.0))),
        **{k: v for k, v in free.items() if sympy.Symbol(k) in expression.free_symbols},
    }
    own = result.law if not result.law.pi_expression.has(sympy.Piecewise) else None
    yield "simple power", expression, found, model, None, own


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
