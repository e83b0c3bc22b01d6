"""Fits what the probabilities hang on by log score, and says how it does on laws left out.

The prices of structure, the temperature and the logit of none of these maximise the log score of
the development laws: the logarithm of the probability that all right forms have together, or of
none of these where no form is right. Groups of whole laws are left out in turn to score the fit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.optimize import minimize

from dimgs.discovery.belief import NONE, TEMPERATURE, Left, traits
from dimgs.engines.structure import PRICES

Array = NDArray[np.float64]
PARTS = tuple(PRICES)
_FOLDS = 5
# of a probability: a certainty that is wrong is no infinite loss
_LEAST = 1e-6
# pull of each logarithm of a price to its start, as of a normal prior of that width
_WIDTH = 0.7


def start() -> Array:
    """The constants as they are: logarithms of temperature and prices, then the logit's."""
    return np.array([np.log(TEMPERATURE), *np.log(list(PRICES.values())), *NONE])


@dataclass(frozen=True, eq=False)
class Line:
    """A discovery in numbers: its forms' densities and parts, which are right, what was left."""

    law: str
    density: Array
    parts: Array
    right: NDArray[np.bool_]
    left: Array

    @classmethod
    def of(cls, line: dict[str, Any]) -> "Line":
        """From a line of the file."""
        forms = [f for f in line["forms"] if np.isfinite(f["log_density"])]
        return cls(
            line["law"],
            np.array([f["log_density"] for f in forms]),
            np.array([[float(f[p]) for p in PARTS] for f in forms]),
            np.array([bool(f["right"]) for f in forms]),
            traits(Left(**line["left"])),
        )


def loss_of(lines: Sequence[Line], constants: Array) -> Array:
    """Minus the log score of each line, shape (n_lines,)."""
    k = 1 + len(PARTS)
    temperature, prices, none = np.exp(constants[0]), np.exp(constants[1:k]), constants[k:]
    out = []
    for line in lines:
        weights = special.softmax((line.density - np.log(2) * line.parts @ prices) / temperature)
        outside = float(special.expit(line.left @ none))
        found = float(weights[line.right].sum())
        share = (1 - outside) * found if line.right.any() else outside
        out.append(-np.log(max(share, _LEAST)))
    return np.array(out)


def fitted(lines: Sequence[Line]) -> Array:
    """The constants of the greatest log score."""
    first = start()
    k = 1 + len(PARTS)

    def total(constants: Array) -> float:
        pull = np.sum(((constants[:k] - first[:k]) / _WIDTH) ** 2) / 2
        pull += np.sum((constants[k:] - first[k:]) ** 2) / 2 / 4.0**2
        return float(np.sum(loss_of(lines, constants)) + pull)

    found = minimize(total, first, method="BFGS")
    return np.asarray(found.x)


def calibrate(lines: Sequence[dict[str, Any]]) -> str:
    """The constants, and the log score with and without the laws that are scored."""
    usable = [Line.of(x) for x in lines if x.get("forms") and x.get("left")]
    names = sorted({x.law for x in usable})
    order = np.random.default_rng(0).permutation(len(names))
    fold = {names[j]: i % _FOLDS for i, j in enumerate(order)}
    out = []
    for k in range(_FOLDS):
        rest = [x for x in usable if fold[x.law] != k]
        out += list(loss_of([x for x in usable if fold[x.law] == k], fitted(rest)))
    best = fitted(usable)
    k = 1 + len(PARTS)
    told = [f"{len(usable)} discoveries of {len(names)} laws"]
    told.append(f"log loss as it is {np.mean(loss_of(usable, start())):.4f}")
    told.append(f"fitted {np.mean(loss_of(usable, best)):.4f}, laws left out {np.mean(out):.4f}")
    told.append(f"TEMPERATURE = {np.exp(best[0]):.3f}")
    told += [f"{p} = {v:.3f}" for p, v in zip(PARTS, np.exp(best[1:k]), strict=True)]
    told.append("NONE = (" + ", ".join(f"{x:.3f}" for x in best[k:]) + ")")
    return "\n".join(told)
