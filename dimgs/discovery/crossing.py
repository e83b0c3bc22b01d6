"""A smooth crossover between two power laws, where it beats every sharp boundary."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from dimgs.design.features import Design
from dimgs.discovery.options import Options
from dimgs.discovery.scoring import scores_of_search
from dimgs.errors import DimgsError
from dimgs.law.assemble import assemble
from dimgs.law.law import Law

_SMOOTH = ("sum", "saturation", "blend")
_MOST_RUNS = 20_000


@dataclass(frozen=True)
class Crossover:
    """Two power laws A and B joined as (A^n + B^n)^(1/n).

    Attributes
    ----------
    form : {"sum", "saturation", "blend"}
    n, low, high : float
        Sharpness with its interval; equal where the form fixes it.
    criteria : dict of str to float
        Information criterion of each way to join two laws; smaller is better.
    law : Law
    """

    form: str
    n: float
    low: float
    high: float
    criteria: dict[str, float]
    law: Law

    def to_json(self) -> dict[str, Any]:
        """The crossover as JSON."""
        return {
            "form": self.form,
            "n": self.n,
            "low": self.low,
            "high": self.high,
            "criteria": self.criteria,
            "law": self.law.to_json(),
        }


def crossover_of(design: Design, options: Options) -> Crossover | None:
    """Smooth crossover of a design, or None where a single law or a sharp boundary is better.

    References
    ----------
    S. W. Churchill, R. Usagi, AIChE Journal 18 (1972) 1121-1128.
    """
    from dimgs.fits.crossover import CrossoverPowerLaw, choose_crossover

    if design.scale != "log" or design.n_runs > _MOST_RUNS:
        return None
    if not design.features or not all(f.group is not None for f in design.features):
        return None
    try:
        ranked = choose_crossover(
            design.X, design.y, design.weights, groups=design.split, random_state=options.seed
        )
    except DimgsError:
        return None
    best = ranked[0]
    if best.name not in _SMOOTH or not isinstance(best.model, CrossoverPowerLaw):
        return None
    expression, constants = _expression(design, best.model)
    try:
        law = assemble(design, expression, constants, options.level)
    except DimgsError:
        return None
    fitted = np.log(law.predict_si(design.data))
    law = law.with_scores(scores_of_search(design, fitted, best.model, options.seed))
    low, high = best.model.n_interval_
    criteria = {c.name: float(c.criterion) for c in ranked}
    return Crossover(best.name, float(best.model.n_), float(low), float(high), criteria, law)


def _expression(design: Design, model: Any) -> tuple[sympy.Expr, dict[str, float]]:
    constants: dict[str, float] = {}
    laws = []
    for k, label in enumerate(("A", "B")):
        factors = [sympy.Symbol(label)]
        constants[label] = float(np.exp(model.intercepts_[k]))
        for j, feature in enumerate(design.features):
            name = f"{label.lower()}_{j + 1}"
            constants[name] = float(model.exponents_[k, j])
            factors.append(sympy.Symbol(feature.name) ** sympy.Symbol(name))
        laws.append(sympy.Mul(*factors))
    if model.form_ == "sum":
        return laws[0] + laws[1], constants
    if model.form_ == "saturation":
        return 1 / (1 / laws[0] + 1 / laws[1]), constants
    n = sympy.Symbol("n")
    constants["n"] = float(model.n_)
    return (laws[0] ** n + laws[1] ** n) ** (1 / n), constants
