"""What a study found, as models of the runs: the forms that are judged."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import count

import numpy as np
import sympy

from dimgs.arrays import Array, least_squares
from dimgs.design.features import Design
from dimgs.discovery.models import FormulaModel, Model, PowerModel
from dimgs.expression.candidate import Candidate
from dimgs.fits.noise import rms
from dimgs.groups.group import PiGroup
from dimgs.law.law import Law
from dimgs.law.names import Names
from dimgs.report.results import FitResult
from dimgs.variables import Dimension

# candidates of a front that are judged: those behind hold a thousandth of the probability
MOST_JUDGED = 24
# share of a slope that others leave, below which it is theirs to rounding
_CARRIED = 1e-6

# name of who found it, form, constants, what it was on the front, and the law if it is one
Form = tuple[str, sympy.Expr, Mapping[str, float], Candidate | None, Law | None]
# the same with its model before the last two
Raw = tuple[str, sympy.Expr, dict[str, float], Model, Candidate | None, Law | None]


def forms_of(
    design: Design,
    result: FitResult | None,
    law: Law,
    candidates: Sequence[Candidate],
    unlogged: Mapping[str, str],
    more: Sequence[Form] = (),
) -> Iterator[Raw]:
    """Every form that a study found, as a model of its runs: power laws, its law, its front.

    Parameters
    ----------
    design : Design
    result : FitResult or None
    law : Law
    candidates : sequence of Candidate
    unlogged : mapping of str to str
        As of :func:`dimgs.discovery.contenders.contenders`.
    more : sequence of Form
        Further forms, which come before these.
    """
    if result is not None and not result.law.pi_expression.has(sympy.Piecewise):
        yield from _power(design, result)
        yield from _of_temperature(design)
    scales = [
        v.name
        for v in design.basis.variables
        if v.role == "scale" and v.name not in design.basis.sizes
    ]
    power = None if result is None else result.law
    named = {sympy.Symbol(k): sympy.Symbol(v) for k, v in unlogged.items()}
    seen = set()
    forms: list[Form] = list(more)
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
    left = own - rest @ least_squares(rest, own)
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


def _of_temperature(design: Design) -> Iterator[Raw]:
    """The power law with exp(-T_0/T) for a temperature over an unknown scale, as of rates.

    A search by simple exponents that are powers of ratios may miss it: such a ratio varies little.
    """
    basis = design.basis
    kelvin = Dimension.of({"[temperature]": 1})
    for j, feature in enumerate(design.features):
        of = (
            [] if feature.group is None else [basis.variable(n) for n, _ in feature.group.exponents]
        )
        if [v.role for v in of].count("scale") != 1 or any(v.dimension != kelvin for v in of):
            continue
        columns = np.column_stack([np.ones(design.n_runs), design.X])
        columns[:, 1 + j] = np.exp(-design.X[:, j])
        if design.scale != "log" or columns.shape[1] >= design.n_runs:
            continue
        found = np.linalg.lstsq(columns, design.y, rcond=None)[0]
        names = ["C", *(f"a_{k + 1}" for k in range(len(design.features)))]
        start = dict(
            zip(names, [float(np.exp(np.clip(found[0], -700, 700))), *found[1:]], strict=True)
        )
        factors = [
            sympy.exp(sympy.Symbol(k) / sympy.Symbol(f.name))
            if f is feature
            else sympy.Symbol(f.name) ** sympy.Symbol(k)
            for f, k in zip(design.features, names[1:], strict=True)
        ]
        if all(f.group is not None and f.logged for f in design.features):
            whole = sympy.Symbol("C") * sympy.Mul(*factors)
            yield "power_law", whole, start, FormulaModel(design, whole, start), None, None
