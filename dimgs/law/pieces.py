"""Power laws in regimes as one law in pieces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import sympy

from dimgs.design.features import Design
from dimgs.law.domain import domain_of
from dimgs.law.exponents import LARGEST_QUOTIENT
from dimgs.law.law import Law
from dimgs.law.names import Names
from dimgs.law.parts import Constant, Scores, Uncertainty
from dimgs.law.power import free_name
from dimgs.variables import Dimension


@dataclass(frozen=True)
class Side:
    """One condition of a regime: a monomial of the features on one side of a threshold.

    Parameters
    ----------
    powers : tuple of Fraction
        Exponents of the design's features.
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


def where_text(sides: Sequence[Side], names: Sequence[str]) -> str:
    """Condition over group names, such as ``(pi_1 >= 2300) & (pi_2 < 0.1)``.

    Examples
    --------
    >>> half = Side((Fraction(1), Fraction(-2, 5)), 50.0, 40.0, 60.0, True, 1)
    >>> where_text([half], ["pi_1", "pi_2"])
    'pi_1*pi_2**(-2/5) >= 50'
    """
    parts = []
    for side in sides:
        factors = [_factor(n, p) for n, p in zip(names, side.powers, strict=True) if p]
        sign = ">=" if side.at_least else "<"
        parts.append(f"{'*'.join(factors)} {sign} {side.threshold:.17g}")
    return " & ".join(f"({p})" for p in parts) if len(parts) > 1 else (parts or ["True"])[0]


def _factor(name: str, power: Fraction) -> str:
    if power == 1:
        return name
    if power.denominator > LARGEST_QUOTIENT:
        return f"{name}**({float(power)!r})"
    return f"{name}**({power})"


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
    dimension, shapes = _boundaries(design, conditions, names)
    for k, (law, sides) in enumerate(zip(laws, conditions, strict=True), start=1):
        own = {
            c.name: free_name(f"{c.name}_{k}", names.symbols)
            for c in law.constants
            if c.origin == "fitted"
        }
        renamed = {sympy.Symbol(old): sympy.Symbol(new) for old, new in own.items()}
        physical, grouped = _conditions(names, sides, shapes)
        whole.append((law.expression.xreplace(renamed), physical))
        in_groups.append((law.pi_expression.xreplace(renamed), grouped))
        for constant in law.constants:
            if constant.origin == "fitted":
                constants.append(replace(constant, name=own[constant.name]))
            elif constant not in constants:
                constants.append(constant)
        gradients += [
            sympy.Piecewise((g.xreplace(renamed), grouped), (sympy.Integer(0), True))
            for g in law.uncertainty.gradients
        ]
    constants += _thresholds(conditions, names, dimension)
    # the pieces have no runs in common
    parts = [np.asarray(law.uncertainty.covariance) for law in laws if law.uncertainty.gradients]
    covariance = block_diag(*parts) if parts else np.zeros((0, 0))
    first = laws[0]
    symbols, unused = names.split({s for s in names.symbols if _uses(whole, s)})
    dofs = [law.uncertainty.residual_dof for law in laws]
    variance = sum(d * law.uncertainty.residual_sd**2 for d, law in zip(dofs, laws, strict=True))
    return Law(
        target=first.target,
        symbols=symbols,
        expression=_piecewise(whole),
        constants=tuple(constants),
        groups=tuple(f.group for f in design.features if f.group is not None),
        response=first.response,
        pi_expression=_piecewise(in_groups),
        scores=scores,
        domain=domain_of(design),
        uncertainty=Uncertainty(
            tuple(gradients),
            tuple(tuple(float(x) for x in row) for row in covariance),
            float(np.sqrt(variance / sum(dofs))),
            min(law.uncertainty.dof for law in laws),
            residual_dof=float(sum(dofs)),
        ),
        level=level,
        scales=first.scales,
        known=first.known,
        unused=unused,
    )


def _thresholds(
    conditions: Sequence[Sequence[Side]], names: Names, dimension: Mapping[int, Dimension]
) -> list[Constant]:
    """One constant for each boundary."""
    first: dict[int, Side] = {}
    for side in (side for sides in conditions for side in sides):
        first.setdefault(side.boundary, side)
    return [
        Constant(_boundary_name(s, names), s.threshold, dimension[k], s.low, s.high)
        for k, s in first.items()
    ]


def _uses(pieces: Sequence[tuple[sympy.Expr, sympy.Basic]], name: str) -> bool:
    symbol = sympy.Symbol(name)
    return any(symbol in e.free_symbols or symbol in c.free_symbols for e, c in pieces)


def _piecewise(pieces: Sequence[tuple[sympy.Expr, sympy.Basic]]) -> sympy.Expr:
    last = (pieces[-1][0], sympy.true)
    return sympy.Piecewise(*pieces[:-1], last) if len(pieces) > 1 else pieces[0][0]


def _boundaries(
    design: Design, conditions: Sequence[Sequence[Side]], names: Names
) -> tuple[dict[int, Dimension], dict[int, tuple[sympy.Expr, sympy.Expr]]]:
    """Dimension of each threshold (scales count as 1), and its monomial in both forms."""
    dimension: dict[int, Dimension] = {}
    shapes: dict[int, tuple[sympy.Expr, sympy.Expr]] = {}
    for side in (side for sides in conditions for side in sides):
        powers: dict[str, Fraction] = {}
        groups = sympy.Integer(1)
        for feature, weight in zip(design.features, side.powers, strict=True):
            if feature.group is None or not weight:
                continue
            groups *= sympy.Symbol(feature.name) ** sympy.Rational(str(weight))
            for name, e in feature.group.exponents:
                powers[name] = powers.get(name, Fraction(0)) + weight * e
        own = Dimension()
        physical = sympy.Integer(1)
        for name, e in sorted(powers.items()):
            variable = design.basis.variable(name)
            if variable.role == "scale" or not e:
                continue
            own = own * variable.dimension**e
            physical *= sympy.Symbol(names.identifier[name]) ** sympy.Rational(str(e))
        dimension[side.boundary] = own
        shapes[side.boundary] = (physical, groups)
    return dimension, shapes


def _boundary_name(side: Side, names: Names) -> str:
    return free_name(f"b_{side.boundary}", names.symbols)


def _conditions(
    names: Names,
    sides: Sequence[Side],
    shapes: dict[int, tuple[sympy.Expr, sympy.Expr]],
) -> tuple[sympy.Basic, sympy.Basic]:
    physical: list[sympy.Basic] = []
    grouped: list[sympy.Basic] = []
    for side in sides:
        threshold = sympy.Symbol(_boundary_name(side, names))
        for out, shape in zip((physical, grouped), shapes[side.boundary], strict=True):
            out.append(shape >= threshold if side.at_least else shape < threshold)
    return sympy.And(*physical), sympy.And(*grouped)
