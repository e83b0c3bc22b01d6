"""How the errors of a response grow with it: the kinds, and how likely residuals are under each.

Errors are relative (of one size in the logarithm), of one size in the response group or in the
target, or mixed: of the modulus of the response, but never below a share of its rms. The kind is
that under which the residuals of the best law are likeliest, if it is surely likelier than the
usual one.

References
----------
R. J. Carroll, D. Ruppert, Transformation and Weighting in Regression (1988), chapters 2-3
(variance as a function of the mean, by profile likelihood).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from dimgs.common.arrays import Array
from dimgs.fits.design.features import Design

Kind = TypeVar("Kind")
Measured = Literal["group", "target"]
# of the rms of the response: below it errors do not shrink any further, where they are mixed, where
# they are relative throughout, and (above all responses) where they are of one size
FLOOR, RELATIVE_FLOOR, ADDITIVE_FLOOR = 0.1, 1e-3, 3.0
# least relative error: above rounding, so that of laws that explain the runs to it the shorter
# wins; higher, and a true small term is dropped
EXACT = 1e-10
# gain of the log-likelihood for another kind of errors: e**4 is near to odds of 50 to 1
_SURE = 4.0


def rms(values: Array) -> float:
    """Root mean square in units of the largest: squares may not be representable.

    Parameters
    ----------
    values : ndarray
    """
    top = float(np.abs(values).max())
    if not 0 < top < np.inf:
        return top
    return top * float(np.sqrt(np.mean((values / top) ** 2)))


def likeliest(found: Mapping[Kind, float], usual: Kind) -> Kind:
    """The kind of errors of the greatest log-likelihood; the usual one unless that is surely less.

    Examples
    --------
    >>> likeliest({"relative": -7.0, "group": -4.0}, "relative")
    'relative'
    >>> likeliest({"relative": -9.0, "group": -4.0}, "relative")
    'group'
    """
    best = max(found, key=lambda kind: found[kind])
    return best if found[best] > found.get(usual, -np.inf) + _SURE else usual


def profile_log_likelihood(residuals: Array, size: Array) -> float:
    """Log-likelihood of normal residuals whose sizes are known up to a factor, at its best value.

    Parameters
    ----------
    residuals, size : ndarray of shape (n_runs,)

    Returns
    -------
    float
        Up to a constant that is the same for all residuals and sizes.
    """
    return -float(np.log(rms(residuals / size) + EXACT) * len(size) + np.log(size).sum())


def data_bits(
    predicted: Array, observed: Array, weights: Array, unit: Array | None = None
) -> float:
    """Negative log2 likelihood of the runs, up to a constant that is the same for every law.

    Relative errors and those of one size, of the response group and of the target, are tried; the
    likeliest kind counts.

    Parameters
    ----------
    predicted, observed, weights : ndarray of shape (n_runs,)
    unit : ndarray of shape (n_runs,), optional
        Response for one unit of the target; see `Problem`.
    """
    whole = rms(observed) or 1.0
    sizes = [np.ones(len(observed)), np.abs(predicted) / whole]
    if unit is not None:
        sizes.append(unit * ((rms(observed / unit) or 1.0) / whole))
    with np.errstate(all="ignore"):
        residuals = np.sqrt(weights) * ((observed - predicted) / whole)
        bits = [-profile_log_likelihood(residuals, size) / np.log(2) for size in sizes]
    # where a prediction is zero its own size is no scale, and the bits are not finite
    return min((float(b) for b in bits if np.isfinite(b)), default=np.inf)


@dataclass(frozen=True, slots=True)
class ErrorModel:
    """How the errors of the response grow with it, while a law is searched for.

    Parameters
    ----------
    floor : float
        Errors of responses below this share of their rms are as large as at it: small where errors
        are relative, large where they are the same for all responses.
    of : {"group", "target"}
        Which of the two is floored: pi_0, or the target in its unit.
    noise : float
        Their standard deviation where they are of one size, 0 if unknown.
    """

    floor: float = FLOOR
    of: Measured = "group"
    noise: float = 0.0

    def size(self, level: Array, response: Array, unit: Array) -> Array:
        """Size of the errors of responses of a level, shape (n_runs,): its modulus, floored.

        Parameters
        ----------
        level, response : ndarray of shape (n_runs,)
        unit : ndarray of shape (n_runs,)
            Response for one unit of what is floored.
        """
        typical = float(np.sqrt(np.mean((response / unit) ** 2)))
        return np.asarray(np.sqrt(level**2 + (self.floor * typical * unit) ** 2))


@dataclass(frozen=True, eq=False)
class Errors:
    """How errors are measured where laws are judged: in the logarithm, or in units of one size.

    Attributes
    ----------
    kind : {"relative", "group", "target"}
    response, root, unit : ndarray of shape (n_runs,)
        Response, roots of the weights, and the unit of errors that are not relative.
    """

    kind: str
    response: Array
    root: Array
    unit: Array

    def residuals(self, values: Array) -> Array:
        """Of predictions, in units of the errors; not finite where there are none."""
        with np.errstate(all="ignore"):
            if self.kind == "relative":
                return np.asarray(self.root * np.log(self.response / values))
            return np.asarray(self.root * (self.response - values) / self.unit)

    def scaled(self, values: Array, slopes: Array) -> Array:
        """Slopes of the predictions in units of the errors."""
        with np.errstate(all="ignore"):
            size = values if self.kind == "relative" else self.unit
            return np.asarray((self.root / size)[:, None] * slopes)

    @property
    def jacobian(self) -> Array:
        """Logarithm of |d residual/d ln |response||; by the response where one is zero."""
        out = np.log(self.root)
        if self.kind == "relative":
            return out
        if np.any(self.response == 0):
            return np.asarray(out - np.log(self.unit))
        return np.asarray(out + np.log(np.abs(self.response) / self.unit))


def possible_errors(design: Design) -> list[Errors]:
    """The kinds of errors that a response may have; the usual one of its scale first."""
    root = np.ones(design.n_runs)
    if design.weights is not None:
        root = np.sqrt(design.weights / np.mean(design.weights))
    response = np.exp(design.y) if design.scale == "log" else design.y
    one = np.ones(design.n_runs) * (rms(response) or 1.0)
    same, relative = Errors("group", response, root, one), Errors("relative", response, root, one)
    if design.scale == "level":
        return [same]
    out = [relative, same] if design.scale == "log" else [same]
    if design.scale == "linear" and np.all(response != 0):
        # a response of both signs may be measured to so many per cent too
        out.append(relative)
    if np.ptp(design.offset) > 1e-9 and design.weights is None:
        target = np.exp(np.mean(design.offset) - design.offset)
        size = rms(response / target) or 1.0
        out.append(Errors("target", response, root, target * size))
    return out
