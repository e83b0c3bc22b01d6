"""From a distilled exponent back to pi_0, its constants refitted on all runs and made simple."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import sympy

from dimgs.design.features import Design
from dimgs.discovery.clock import Clock
from dimgs.discovery.distil.directions import Direction
from dimgs.discovery.distil.fields import Fields
from dimgs.discovery.distil.forms import ExponentForm, Search, searched
from dimgs.engines.selection import description_bits
from dimgs.errors import DimgsError
from dimgs.law.assemble import feature_values, in_variables, refit
from dimgs.law.canonical import scale_powers
from dimgs.law.evaluate import evaluate
from dimgs.law.names import Names
from dimgs.rationals import nearest_rationals

# of intervals in which simple numbers are looked for: bits decide among these
_LEVEL = 0.99
# numbers that are looked for: those that exponents of known laws have
_DENOMINATORS = (1, 2, 3, 4)
_LARGEST = 6
# half the distance of the halves, so that an interval that tells nothing proposes few
_NEAR = 0.25
# forms that are searched on for, and outlines that are refitted, the best first
_MOST_FORMS = 3
_MOST_OUTLINES = 6
# logarithm of a prefactor or a pivot near the end of doubles
_LARGEST_LOG = 300.0


@dataclass(frozen=True, eq=False)
class Rebuilt:
    """pi_0 with refitted constants.

    Parameters
    ----------
    form : ExponentForm
    rmse : float
        On ln(pi_0).
    bits : float
        Length of description, see :func:`description_bits`.
    halves : dict of str to float
        Half widths of intervals of the constants.
    """

    form: ExponentForm
    rmse: float
    bits: float
    halves: Mapping[str, float]


def rebuilt(design: Design, form: ExponentForm) -> Rebuilt | None:
    """Refit the constants; None where the expression cannot be fitted."""
    n = design.n_runs
    if form.expression.has(sympy.zoo, sympy.nan, sympy.oo, -sympy.oo):
        return None
    try:
        found = refit(design, form.expression, form.constants)
    except (DimgsError, ValueError, np.linalg.LinAlgError):
        return None
    names = sorted(form.constants)
    weights = np.ones(n) if design.weights is None else design.weights
    mse = float(np.average((design.y - found.fitted) ** 2, weights=weights))
    if not np.isfinite(mse):
        return None
    values = dict(zip(names, (float(v) for v in found.values), strict=True))
    half = found.uncertainty.half_widths(_LEVEL)
    bits = description_bits(form.expression, len(names), mse, n)
    halves = dict(zip(names, (float(h) for h in half), strict=True))
    return Rebuilt(ExponentForm(form.expression, values), float(np.sqrt(mse)), bits, halves)


def laws_of(
    design: Design,
    direction: Direction,
    fields: Fields,
    exponents: Sequence[ExponentForm],
    search: Search,
) -> list[Rebuilt]:
    """pi_0 = exp(h) x^a for each form of a: h constant, by a pivot x_0, by powers, or searched.

    A pivot is the point (x_0, pi_0) in which all lines log pi_0 against log x meet.
    """
    out: list[Rebuilt] = []
    outlines = [o for form in exponents for o in _simple(design, direction, form)]
    for outline in sorted(outlines, key=lambda o: o[0])[:_MOST_OUTLINES]:
        found = rebuilt(design, outline[1])
        out += [found] if found is not None else []
    adequate = any(fields.explained_by(r.rmse, design.n_runs) for r in out)
    if adequate or not exponents:
        return out
    own = search.part(1 / min(len(exponents), _MOST_FORMS))
    for form in exponents[:_MOST_FORMS]:
        a = form.renamed("a_")
        values = evaluate(a.expression, {**feature_values(design), **a.constants}, design.n_runs)
        h = design.y - values * np.log(direction.x.values)
        if not np.all(np.isfinite(h)) or float(np.ptp(h)) > 600:
            continue
        centre = float(h.mean())
        for rest in searched(
            np.exp(h - centre),
            design.weights,
            direction.z,
            np.arange(design.n_runs),
            own,
            log=True,
        )[:2]:
            b = rest.renamed("b_")
            c = sympy.Symbol("c_0")
            expression = c * b.expression * direction.x.expression**a.expression
            whole = ExponentForm(
                expression, {"c_0": float(np.exp(centre)), **a.constants, **b.constants}
            )
            found = rebuilt(design, whole)
            out += [found] if found is not None else []
    return out


def _simple(
    design: Design, direction: Direction, form: ExponentForm
) -> Iterator[tuple[float, ExponentForm]]:
    """Whole laws with a simple h, and their bits while the constants of a stay as they are."""
    a = form.renamed("a_")
    values = evaluate(a.expression, {**feature_values(design), **a.constants}, design.n_runs)
    if not np.all(np.isfinite(values)):
        return
    h = design.y - values * np.log(direction.x.values)
    root = np.ones(design.n_runs) if design.weights is None else np.sqrt(design.weights)
    positive = [z for z in direction.z if z.positive]
    names = [f"p_{k}" for k in range(1, len(positive) + 1)]
    powers = sympy.Mul(
        *(z.expression ** sympy.Symbol(p) for z, p in zip(positive, names, strict=True))
    )
    c, pivot = sympy.symbols("c_0 x_0")
    x = direction.x.expression
    for with_pivot in (False, True):
        for used in ([], names) if names else ([],):
            columns = np.column_stack(
                [
                    np.ones(design.n_runs),
                    *([-values] if with_pivot else []),
                    *(np.log(z.values) for z in positive if used),
                ]
            )
            found = np.linalg.lstsq(columns * root[:, None], h * root, rcond=None)[0]
            if np.abs(found[: 1 + with_pivot]).max() > _LARGEST_LOG:
                continue
            base = x / pivot if with_pivot else x
            expression = c * base**a.expression * (powers if used else 1)
            constants = {"c_0": float(np.exp(found[0])), **a.constants}
            if with_pivot:
                constants["x_0"] = float(np.exp(found[1]))
            constants |= {p: float(v) for p, v in zip(used, found[1 + with_pivot :], strict=True)}
            left = root * (h - columns @ found)
            mse = float(np.mean(left**2))
            bits = description_bits(expression, len(constants), mse, design.n_runs)
            yield bits, ExponentForm(expression, constants)


def simplest(design: Design, found: Rebuilt, clock: Clock) -> Rebuilt:
    """Constants replaced by simple rationals that their intervals hold, where bits are saved.

    Constants that carry an unknown scale are numbers in an arbitrary unit, and stay.
    """
    fixed = _with_units(design, found.form)
    changed = True
    while changed:
        changed = False
        for name in sorted(set(found.form.constants) - fixed):
            for value in _simple_near(found, name):
                if clock.over:
                    return found
                number = sympy.Rational(value.numerator, value.denominator)
                expression = found.form.expression.subs(sympy.Symbol(name), number)
                left = {str(s) for s in expression.free_symbols}
                rest = {k: v for k, v in found.form.constants.items() if k in left}
                if len(rest) < len(found.form.constants) - 1 and value != 0:
                    continue
                trial = rebuilt(design, ExponentForm(expression, rest))
                if trial is not None and trial.bits < found.bits:
                    found, changed = trial, True
                    break
            if changed:
                break
    return found


def _with_units(design: Design, form: ExponentForm) -> set[str]:
    names = Names.of(design).identifier
    whole = in_variables(design, form.expression)
    out: set[str] = set()
    for variable in design.basis.variables:
        if variable.role == "scale" and variable.name in names:
            powers = scale_powers(whole, names[variable.name], sorted(form.constants))
            out |= set(powers or ())
    return out


def _simple_near(found: Rebuilt, name: str) -> list[Fraction]:
    value, half = found.form.constants[name], found.halves[name]
    # few clusters make intervals so wide that anything is near; bits decide in any case
    slack = min(half, _NEAR) + 1e-7 * max(abs(value), 1e-3)
    near = nearest_rationals(value, _DENOMINATORS)
    return [x for x in near if abs(x) <= _LARGEST and abs(float(x) - value) <= slack][:2]


def positive(design: Design, found: Rebuilt) -> Rebuilt:
    """The same law with the signs of its constants in the expression, not in their values."""
    negative = {k for k, v in found.form.constants.items() if v < 0}
    if not negative:
        return found
    signs = {sympy.Symbol(k): -sympy.Symbol(k) for k in negative}
    expression = found.form.expression.xreplace(signs)
    constants = {k: abs(v) if k in negative else v for k, v in found.form.constants.items()}
    return rebuilt(design, ExponentForm(expression, constants)) or found
