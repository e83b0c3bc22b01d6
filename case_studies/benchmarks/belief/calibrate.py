"""Fits what the probabilities hang on by log score, and says how it does on laws left out.

The logit of none of these maximises the log score of what a verdict rests on: whether the first law
is right. If they are asked for, the prices of structure and the temperature are fitted too, to the
probability that all right forms have together, or none of these where no form is right. Groups of
whole laws are left out in turn to score the fit.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize

from case_studies.benchmarks.belief.lines import PARTS, Line, Said, said_of, start
from case_studies.benchmarks.belief.measures import reliability
from dimgs.common.arrays import Array

_FOLDS = 5
# pull of each logarithm of a price to its start, as of a normal prior of that width: a hundred
# discoveries tell a price to about that; the temperature and the constants of the logit are pulled
# with a width of one
_WIDTH = 0.3


def loss_of(lines: Sequence[Line], constants: Array, prices: bool = False) -> Array:
    """Minus the log scores of the first law, or with prices of all right forms, (n_lines,)."""
    return np.array([said_of(x, constants).minus_log_score(of_all=prices) for x in lines])


def fitted(lines: Sequence[Line], prices: bool = False) -> Array:
    """The constants of the greatest log score; prices and temperature as they are unless asked."""
    first = start()
    k = 1 + len(PARTS)
    kept = first[: 0 if prices else k]

    def total(constants: Array) -> float:
        own = np.concatenate([kept, constants])
        away = own - first
        away[1:k] /= _WIDTH
        return float(np.sum(loss_of(lines, own, prices)) + np.sum(away**2) / 2)

    found = minimize(total, first[len(kept) :], method="BFGS")
    return np.concatenate([kept, found.x])


def calibrate(lines: Sequence[dict[str, Any]], prices: bool = False) -> str:
    """The constants, and the log score with and without the laws that are scored."""
    usable = [Line.of(x) for x in lines if x.get("forms")]
    names = sorted({x.law for x in usable})
    order = np.random.default_rng(0).permutation(len(names))
    fold = {names[j]: i % _FOLDS for i, j in enumerate(order)}
    out: list[Said] = []
    for k in range(_FOLDS):
        own = fitted([x for x in usable if fold[x.law] != k], prices)
        out += [said_of(x, own) for x in usable if fold[x.law] == k]
    best = fitted(usable, prices)
    k = 1 + len(PARTS)
    told = [f"{len(usable)} discoveries of {len(names)} laws"]
    told.append(f"log loss as it is {np.mean(loss_of(usable, start(), prices)):.4f}")
    unseen = np.mean([x.minus_log_score(of_all=prices) for x in out])
    told.append(f"fitted {np.mean(loss_of(usable, best, prices)):.4f}, laws left out {unseen:.4f}")
    told += reliability([x.first for x in out], [x.is_right for x in out])
    told.append(f"TEMPERATURE = {np.exp(best[0]):.3f}")
    told += [f"{p} = {v:.3f}" for p, v in zip(PARTS, np.exp(best[1:k]), strict=True)]
    told.append("NONE = (" + ", ".join(f"{x:.3f}" for x in best[k:]) + ")")
    return "\n".join(told)
