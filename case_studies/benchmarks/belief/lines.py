"""What constants say of a discovery that was kept: the arithmetic of the package, on numbers.

A line of the file holds the density, the price parts and the residuals' structure of every form, so
that other constants are judged without a search. A law with fitted exponents is right where simple
ones are true, and one with simple exponents is wrong where others are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dimgs.common.arrays import Array, BoolArray, IntArray
from dimgs.expression.price import PRICES
from dimgs.judgement.confirmation import PROBABLE
from dimgs.judgement.posterior import (
    NONE,
    RIVALS,
    TEMPERATURE,
    density_of_a_run,
    gain_per_bit,
    none_of_these,
    representative,
    support,
    traits,
    weights,
)

PARTS = tuple(PRICES)
# of fitted exponents, which are no part of a form
_PRECISION = PARTS.index("free_exponents")
# of a probability: a certainty that is wrong is no infinite loss
_LEAST = 1e-6
# words of the reasons that are judged again
_SPENT = "limit of evaluations"
_AGAIN = ("probability", "probable", "interpolates", "No end")


def start() -> Array:
    """The constants as they are: logarithms of temperature and prices, then the logit's."""
    return np.array([np.log(TEMPERATURE), *np.log(list(PRICES.values())), *NONE])


@dataclass(frozen=True, eq=False)
class Line:
    """A discovery in numbers: of each form the density, the parts of its price, what it leaves."""

    law: str
    density: Array
    usual: Array
    dof: IntArray
    parts: Array
    right: BoolArray
    laws: IntArray
    fitted: IntArray
    chance: Array
    spread: float

    @classmethod
    def of(cls, line: Mapping[str, Any]) -> "Line":
        """From a line of the file."""
        forms = [f for f in line["forms"] if np.isfinite(f["log_density"])]
        return cls(
            line["law"],
            np.array([f["log_density"] for f in forms]),
            np.array([f["usual"] for f in forms]),
            np.array([f["dof"] for f in forms], dtype=np.intp),
            np.array([[float(f[p]) for p in PARTS] for f in forms]).reshape(-1, len(PARTS)),
            np.array([bool(f["right"]) for f in forms]),
            np.array([f["law"] for f in forms], dtype=np.intp),
            np.array([f["fitted"] for f in forms], dtype=np.intp),
            np.array([f["chance"] for f in forms]),
            float(line.get("spread", 1.0)),
        )


@dataclass(frozen=True, eq=False)
class Said:
    """What constants say of a line.

    Attributes
    ----------
    probabilities : ndarray of shape (n_laws,)
        The greatest first.
    right : ndarray of bool of shape (n_laws,)
    forms : ndarray of int of shape (n_laws,)
        The best form of each law.
    none : float
    loss : float
        Minus the logarithm of the probability of all right forms, or of none of these.
    """

    probabilities: Array
    right: BoolArray
    forms: IntArray
    none: float
    loss: float

    @property
    def first(self) -> float:
        """Probability of the first law."""
        return float(self.probabilities[0])

    @property
    def is_right(self) -> bool:
        """Whether the first law is."""
        return bool(self.right[0])

    def minus_log_score(self, *, of_all: bool) -> float:
        """Of all right forms, or of the first law alone, which a verdict rests on."""
        p = self.first if self.is_right else 1.0 - self.first
        return self.loss if of_all else -float(np.log(max(p, _LEAST)))

    @property
    def rivals(self) -> int:
        """How many further laws hold nine tenths of the laws' probability with the first."""
        held = np.cumsum(self.probabilities) >= RIVALS * self.probabilities.sum()
        return int(np.argmax(held))


def said_of(line: Line, constants: Array) -> Said:
    """What these constants say of a line.

    Parameters
    ----------
    line : Line
    constants : ndarray
        As of :func:`start`.
    """
    k = 1 + len(PARTS)
    temperature, prices, none = np.exp(constants[0]), np.exp(constants[1:k]), constants[k:]
    bits = line.parts @ prices
    laws = line.laws.tolist()
    share_of, others = weights(line.density, bits, laws, temperature)
    score = line.density - np.log(2) * bits
    best = int(np.argmax(score))
    numbers = np.unique(line.laws)
    own = [np.flatnonzero(line.laws == n) for n in numbers]
    forms = [int(k[representative(score[k], line.fitted[k].tolist())]) for k in own]
    each = density_of_a_run(float(line.usual[best]), line.spread)
    gain = gain_per_bit(line.density, bits, laws)
    supported = share_of * support(line.chance)
    whole = float(supported.sum())
    share_of = supported / whole
    shares = np.array([share_of[line.laws == n].sum() for n in numbers])
    of_form = float(bits[best] - (line.parts * prices)[best, _PRECISION])
    outside = none_of_these(traits(others, of_form, each, gain, int(line.dof[best])), whole, none)
    # a number or a constant in its place states one law, but an exponent does not
    right = [
        line.right[k[line.fitted[k] == line.fitted[f]]].any()
        for k, f in zip(own, forms, strict=True)
    ]
    good = line.right.any()
    share = (1 - outside) * float(share_of[line.right].sum()) if good else outside
    order = np.argsort(-shares, kind="stable")
    return Said(
        (1 - outside) * shares[order],
        np.array(right, dtype=bool)[order],
        np.array(forms, dtype=np.intp)[order],
        outside,
        -np.log(max(share, _LEAST)),
    )


def rescored(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The lines with what the constants of the package, as they are, say of their forms.

    Parameters
    ----------
    lines : sequence of mapping
        Of :func:`case_studies.benchmarks.belief.fits.solve`.
    """
    out = []
    for line in lines:
        new = dict(line)
        if line.get("forms"):
            read = Line.of(line)
            said = said_of(read, start())
            kept = [f for f in line["forms"] if np.isfinite(f["log_density"])]
            first = kept[int(said.forms[0])]
            why = [t for t in line["why_not"] if not any(word in t for word in _AGAIN)]
            if not first["extrapolates"]:
                why.append("It interpolates only, as far as that could be tried.")
            if said.first < PROBABLE:
                why.append(f"Its probability is {said.first:.2f}.")
            # that the effort was spent is no reason by itself
            if all(_SPENT in text for text in why):
                why = []
            new |= {
                "probabilities": said.probabilities.tolist(),
                "right": said.right.tolist(),
                "none": said.none,
                "rivals": said.rivals,
                "why_not": why,
                "confirmed": not why,
                "found": first["expression"],
            }
        out.append(new)
    return out
