"""Fits what the probabilities hang on by log score, and says how it does on laws left out.

The prices of structure, the temperature and the logit of none of these maximise the log score of
the development laws: the logarithm of the probability that all right forms have together, or of
none of these where no form is right. Groups of whole laws are left out in turn to score the fit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import special
from scipy.optimize import minimize

from case_studies.benchmarks.belief.measures import reliability
from dimgs.arrays import Array, BoolArray, IntArray
from dimgs.discovery.belief import NONE, TEMPERATURE, Left, traits, weights
from dimgs.engines.structure import PRICES

PARTS = tuple(PRICES)
_FOLDS = 5
# bits of exponents that hold a decimal
_DECIMAL = 20.0
# of a probability: a certainty that is wrong is no infinite loss
_LEAST = 1e-6
# pull of each logarithm of a price to its start, as of a normal prior of that width: a hundred
# discoveries tell a price to about that; the temperature and the constants of the logit are pulled
# with a width of one
_WIDTH = 0.3


def start() -> Array:
    """The constants as they are: logarithms of temperature and prices, then the logit's."""
    return np.array([np.log(TEMPERATURE), *np.log(list(PRICES.values())), *NONE])


@dataclass(frozen=True, eq=False)
class Line:
    """A discovery in numbers: its forms' densities and parts, which are right, what was left."""

    law: str
    density: Array
    parts: Array
    right: BoolArray
    laws: IntArray
    left: Left

    @classmethod
    def of(cls, line: dict[str, Any]) -> "Line":
        """From a line of the file."""
        forms = [f for f in line["forms"] if np.isfinite(f["log_density"])]
        # where exponents are simple, and no decimals, a law with fitted ones is a rival
        simple = any(
            f["right"] and not f["free_exponents"] and f["exponents"] < _DECIMAL for f in forms
        )
        return cls(
            line["law"],
            np.array([f["log_density"] for f in forms]),
            np.array([[float(f[p]) for p in PARTS] for f in forms]),
            np.array([bool(f["right"] and not (simple and f["free_exponents"])) for f in forms]),
            np.array([f["law"] for f in forms]),
            Left(**{**line["left"], "doubt": 0.0, "bits": 0.0}),
        )


@dataclass(frozen=True)
class Said:
    """What constants say of a line: probability of the first law, and whether it is right."""

    first: float
    is_right: bool
    loss: float


def said_of(line: Line, constants: Array) -> Said:
    """What these constants say of a line."""
    k = 1 + len(PARTS)
    temperature, prices, none = np.exp(constants[0]), np.exp(constants[1:k]), constants[k:]
    bits = line.parts @ prices
    share_of = weights(line.density, bits, line.laws.tolist(), temperature)
    best = int(np.argmax(line.density - np.log(2) * bits))
    own = line.laws == line.laws[best]
    first = float(share_of[own].sum())
    left = replace(line.left, doubt=1.0 - first, bits=float(bits[best]))
    outside = float(special.expit(traits(left) @ none))
    share = (1 - outside) * float(share_of[line.right].sum()) if line.right.any() else outside
    return Said(first * (1 - outside), bool(line.right[best]), -np.log(max(share, _LEAST)))


def loss_of(lines: Sequence[Line], constants: Array) -> Array:
    """Minus the log score of each line, shape (n_lines,)."""
    return np.array([said_of(line, constants).loss for line in lines])


def fitted(lines: Sequence[Line]) -> Array:
    """The constants of the greatest log score."""
    first = start()
    k = 1 + len(PARTS)

    def total(constants: Array) -> float:
        away = constants - first
        away[1:k] /= _WIDTH
        return float(np.sum(loss_of(lines, constants)) + np.sum(away**2) / 2)

    found = minimize(total, first, method="BFGS")
    return np.asarray(found.x)


def calibrate(lines: Sequence[dict[str, Any]]) -> str:
    """The constants, and the log score with and without the laws that are scored."""
    usable = [Line.of(x) for x in lines if x.get("forms") and x.get("left")]
    names = sorted({x.law for x in usable})
    order = np.random.default_rng(0).permutation(len(names))
    fold = {names[j]: i % _FOLDS for i, j in enumerate(order)}
    out: list[Said] = []
    for k in range(_FOLDS):
        own = fitted([x for x in usable if fold[x.law] != k])
        out += [said_of(x, own) for x in usable if fold[x.law] == k]
    best = fitted(usable)
    k = 1 + len(PARTS)
    told = [f"{len(usable)} discoveries of {len(names)} laws"]
    told.append(f"log loss as it is {np.mean(loss_of(usable, start())):.4f}")
    unseen = np.mean([x.loss for x in out])
    told.append(f"fitted {np.mean(loss_of(usable, best)):.4f}, laws left out {unseen:.4f}")
    told += reliability([x.first for x in out], [x.is_right for x in out])
    told.append(f"TEMPERATURE = {np.exp(best[0]):.3f}")
    told += [f"{p} = {v:.3f}" for p, v in zip(PARTS, np.exp(best[1:k]), strict=True)]
    told.append("NONE = (" + ", ".join(f"{x:.3f}" for x in best[k:]) + ")")
    return "\n".join(told)
