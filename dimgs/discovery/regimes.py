"""Regimes with sharp boundaries, and smooth crossovers.

Where two power laws meet, the boundary is where they are equal, and the law is the smaller or the
larger of both; where there is a jump, the boundary is a constant of its own.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy

from dimgs.common.errors import attempt
from dimgs.discovery.estimators import fit_squares, groups_of, physical_map, with_rationals
from dimgs.discovery.options import Options
from dimgs.discovery.scoring import fitted_by, scores_of, scores_of_search
from dimgs.fits.design import Design
from dimgs.fits.estimate import Exponent
from dimgs.groups.rationals import equal_rational
from dimgs.law.assemble import Side, assemble, inside, pieces_law, power_law, where_text
from dimgs.law.checked_law import Scores
from dimgs.law.law import Law
from dimgs.report.results import exponent_document

if TYPE_CHECKING:
    from dimgs.fits.regimes import RegimeThreshold

# common denominator of differences of exponents in halves to sixths, and the rounding of these
_THRESHOLD_DENOMINATOR = 60
_SAME = 1e-9
# what a feature adds to the monomial of a border, over the most that one adds: four decimals, as
# many as exponents have
_NO_PART = 1e-4
# a smooth crossover is fitted by iterations over all runs
_MOST_RUNS = 20_000
# a response of more regimes has a law of another kind
MOST_REGIMES = 5


@dataclass(frozen=True)
class RegimeResult:
    """A regime of constant exponents.

    Attributes
    ----------
    where : str
        Condition over group names.
    n : int
        Runs inside.
    exponents : tuple of Exponent
    law : Law
    """

    where: str
    n: int
    exponents: tuple[Exponent, ...]
    law: Law


def regimes_of(
    design: Design,
    options: Options,
    *,
    joined: bool = True,
    most: int = MOST_REGIMES,
    validated: bool = True,
) -> tuple[list[RegimeResult], Law | None]:
    """Regimes found in the runs, and the law in pieces where there is more than one.

    Parameters
    ----------
    design : Design
    options : Options
    joined : bool
        Whether the law in pieces is asked for.
    most : int
        How many regimes there may be.
    validated : bool
        Whether regimes are searched again in every fold, for the score on runs left out.

    Raises
    ------
    FitError
        If no free group is left.
    """
    from dimgs.fits.regimes import RegimePowerLaw

    grouped = groups_of(design, "A search for regimes")
    _, _, loadings = physical_map(design, grouped)
    p = design.X.shape[1]
    weights = np.zeros((len(loadings), p))
    weights[:, grouped] = [[float(x) for x in row] for row in loadings]
    plain = [j for j in range(p) if j not in grouped]
    model = RegimePowerLaw(
        max_regimes=most,
        exponent_map=np.vstack([weights, np.eye(p)[plain]]),
        level=options.level,
        random_state=options.seed,
    ).fit(design.X, design.y, design.weights, groups=design.split)
    used = np.concatenate([regime.indices for regime in model.regimes_])
    # simple monomials are chosen one by one, and together may leave a regime without its runs
    for short in (True, False):
        each = [
            [_side(t, s, model.thresholds_.index(t) + 1, design, short) for t, s in r.conditions]
            for r in model.regimes_
        ]
        tight = map(tightest, each)
        conditions = [sorted(s, key=lambda side: (not side.at_least, side.boundary)) for s in tight]
        if all(np.count_nonzero(inside(s, design.X[used])) > p + 1 for s in conditions):
            break
    results = []
    for sides in conditions:
        part = design.take(np.sort(used[inside(sides, design.X[used])]))
        fit = fit_squares(part, options.level)
        snapped = with_rationals(part, fit)
        law = power_law(part, snapped)
        fitted = fitted_by(law, part)
        law = law.with_scores(scores_of(part, fitted, np.array(fit.left_out), None, options.seed))
        where = where_text(sides, design.features)
        results.append(RegimeResult(where, part.n_runs, snapped.exponents, law))
    if not joined or len(results) < 2 or design.scale != "log":
        return results, None
    laws = [each.law for each in results]
    whole = pieces_law(design, laws, conditions, Scores(), options.level)
    fitted, seed = fitted_by(whole, design), options.seed
    if validated:
        scores = scores_of_search(design, fitted, model, seed)
    else:
        scores = scores_of(design, fitted, None, None, seed)
    return results, whole.with_scores(scores)


def tightest(sides: list[Side]) -> list[Side]:
    """Sides without those that a tighter one on the same monomial implies."""
    kept: dict[tuple[tuple[Fraction, ...], bool], Side] = {}
    for side in sides:
        other = kept.setdefault((side.powers, side.at_least), side)
        if (side.threshold > other.threshold) == side.at_least:
            kept[side.powers, side.at_least] = side
    return list(kept.values())


def _side(
    threshold: "RegimeThreshold", sign: int, number: int, design: Design, simple: bool = True
) -> Side:
    """A condition with simple exponents, or with decimals that leave it as it is in the middle."""
    if simple and (short := threshold.simple) is not None:
        at, low, high = np.exp([short.value, short.low, short.high]).tolist()
        return Side(short.powers, at, low, high, sign * short.sign > 0, number)
    # powers of groups are numbers of the order of 1, factors of 1/T of thousands of kelvin
    logged = np.array([f.logged for f in design.features])
    exact = threshold.direction
    part = np.abs(exact * design.X.std(axis=0))
    direction = np.where(part < _NO_PART * part.max(), 0.0, exact)
    scale = float(np.abs(direction[logged]).max(initial=0.0)) or 1.0
    powers = tuple(
        _power(x) if group else Fraction(f"{x:.6g}")
        for x, group in zip((direction / scale).tolist(), logged.tolist(), strict=True)
    )
    rounding = np.array(powers, dtype=float) - exact / scale
    shift = float(design.X.mean(axis=0) @ rounding)
    ends = np.array([threshold.value, threshold.low, threshold.high]) / scale + shift
    at, low, high = np.exp(ends).tolist()
    return Side(powers, at, low, high, sign > 0, number)


def _power(value: float) -> Fraction:
    """A simple rational where it is one to rounding, else the decimal of four digits."""
    simple = equal_rational(value, _THRESHOLD_DENOMINATOR, _SAME)
    return Fraction(f"{value:.4f}") if simple is None else simple


def regime_document(regime: RegimeResult, along: str | None = None) -> dict[str, Any]:
    """A regime as JSON, with the target's exponent of the column `along` where one is named."""
    powers = [e.value * float(e.group.get(along)) for e in regime.exponents if e.group and along]
    power = {along: sum(powers) - float(regime.law.response.get(along))} if along else {}
    return {
        **({"along": power} if along else {}),
        "where": regime.where,
        "n": regime.n,
        "exponents": [exponent_document(e) for e in regime.exponents],
        "law": regime.law.to_json(),
    }


def crossover_of(design: Design, options: Options) -> tuple[Law, dict[str, Any]] | None:
    """Two power laws A and B joined as (A^n + B^n)^(1/n): the law, and the crossover as JSON.

    None where a single law or a sharp boundary is better. The JSON has the criterion of each way to
    join two laws; smaller is better.

    References
    ----------
    S. W. Churchill, R. Usagi, AIChE Journal 18 (1972) 1121-1128.
    """
    from dimgs.fits.regimes import CrossoverPowerLaw, choose_crossover

    if not _may_meet(design):
        return None
    runs, split = (design.X, design.y, design.weights), design.split
    ranked = attempt(choose_crossover, *runs, groups=split, random_state=options.seed)
    if ranked is None:
        return None
    best = ranked[0]
    if not isinstance(best.model, CrossoverPowerLaw):
        return None
    law = attempt(assemble, design, *_expression(design, best.model), options.level)
    if law is None:
        return None
    fitted = np.log(law.predict_si(design.data))
    law = law.with_scores(scores_of_search(design, fitted, best.model, options.seed))
    n, low, high = map(float, (best.model.n_, *best.model.n_interval_))
    criteria = {c.name: float(c.criterion) for c in ranked}
    document = {"form": best.name, "n": n, "low": low, "high": high, "criteria": criteria}
    return law, {**document, "law": law.to_json()}


def _may_meet(design: Design) -> bool:
    """Whether power laws of the groups alone can be joined on the logarithm."""
    groups = bool(design.features) and all(f.logged for f in design.features)
    return design.scale == "log" and groups and design.n_runs <= _MOST_RUNS


def blend_of(design: Design) -> tuple[sympy.Expr, dict[str, float]] | None:
    """Two power laws that meet smoothly, in the likeliest form; None where runs are too few."""
    from dimgs.fits.regimes import CrossoverPowerLaw

    if not _may_meet(design):
        return None
    model = CrossoverPowerLaw().fit(design.X, design.y, design.weights)
    return None if model.form_ == "single" else _expression(design, model)


def _expression(design: Design, model: Any) -> tuple[sympy.Expr, dict[str, float]]:
    from dimgs.fits.regimes import FORMS

    constants: dict[str, float] = {}
    laws = []
    for k, label in enumerate(("A", "B")):
        factors = [sympy.Symbol(label)]
        with np.errstate(over="ignore"):
            # a form whose prefactor leaves the range of doubles has no finite value in the runs
            constants[label] = float(np.exp(model.intercepts_[k]))
        for j, feature in enumerate(design.features):
            name = f"{label.lower()}_{j + 1}"
            constants[name] = float(model.exponents_[k, j])
            factors.append(sympy.Symbol(feature.name) ** sympy.Symbol(name))
        laws.append(sympy.Mul(*factors))
    n, fixed = sympy.Symbol("n"), FORMS[model.form_]
    mean = (laws[0] ** n + laws[1] ** n) ** (1 / n)
    if fixed is not None:
        return mean.subs(n, int(fixed)), constants
    return mean, {**constants, "n": float(model.n_)}
