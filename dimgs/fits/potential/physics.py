"""Knowledge beforehand of a potential: signs of exponents, their limits, interactions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError

# of the product of weights and changes, which is one but for rounding
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Limit:
    """A known exponent far outside the runs.

    Parameters
    ----------
    feature : int or sequence of float
        Column of X, or what goes to a limit as a sum of columns: the weight of each.
    end : {"low", "high"}
        Where that goes to minus or to plus infinity.
    exponent : float
        Local exponent in the limit.
    along : sequence of float, optional
        Change of each column for a change of the feature by one, along which the exponent is; by
        default of the column alone.
    beyond : float, optional
        Value of the feature from which on the limit holds; by default it only holds far outside.
    """

    feature: int | Sequence[float]
    end: Literal["low", "high"]
    exponent: float
    along: Sequence[float] | None = None
    beyond: float | None = None

    def __post_init__(self) -> None:
        if self.end not in ("low", "high"):
            raise InputError(f"The end of a limit is {self.end!r}: use 'low' or 'high'.")
        if not isinstance(self.feature, int) and self.along is None:
            raise InputError("A limit of several columns needs `along`: how each of them changes.")

    def weights(self, n_features: int) -> tuple[Array, Array]:
        """Weight of each column in the feature, and its change along the exponent.

        Raises
        ------
        InputError
            If it names other columns, or the feature does not change along it.
        """
        if isinstance(self.feature, int):
            if not 0 <= self.feature < n_features:
                raise InputError(
                    f"A limit names column {self.feature} of X, which has {n_features} columns, "
                    f"counted from 0."
                )
            weight = np.eye(n_features)[self.feature]
        else:
            weight = np.asarray(self.feature, dtype=np.float64)
        along = weight if self.along is None else np.asarray(self.along, dtype=np.float64)
        if weight.shape != (n_features,) or along.shape != (n_features,):
            raise InputError(
                f"A limit needs a weight and a change for each of {n_features} columns."
            )
        if abs(float(weight @ along) - 1.0) > _ROUNDING:
            raise InputError("The feature of a limit has to change by one along it.")
        return weight, along


@dataclass(frozen=True)
class Physics:
    """Prior knowledge that a potential is held to while it is fitted.

    Parameters
    ----------
    monotone : mapping of int to {-1, 1}
        Columns of X whose local exponent never is negative (1) or positive (-1).
    limits : sequence of Limit
        Known local exponents far outside the runs.
    interaction : float
        Weight of the sum over pairs of features of their root-mean-square mixed second
        derivative, in units of the residual variance; it switches whole interactions off.
    strength : float
        Weight of a violated sign or limit, in units of the residual variance.

    Raises
    ------
    InputError
        If a sign is neither 1 nor -1, or a weight is negative.

    Examples
    --------
    >>> Physics(monotone={0: 1}, limits=[Limit(1, "high", 0.5)]).strength
    100.0
    """

    monotone: Mapping[int, int] = field(default_factory=dict)
    limits: Sequence[Limit] = ()
    interaction: float = 0.0
    strength: float = 100.0

    def __post_init__(self) -> None:
        for feature, sign in self.monotone.items():
            if sign not in (-1, 1):
                raise InputError(f"monotone[{feature}] is {sign!r}: use 1 (rises) or -1 (falls).")
        if self.interaction < 0 or self.strength < 0:
            raise InputError("The weights of interactions and of violations must not be negative.")

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known."""
        return not (self.monotone or self.limits or self.interaction)

    def check(self, n_features: int, categorical: Sequence[int]) -> None:
        """Raise unless the columns named are numeric columns of X.

        Raises
        ------
        InputError
        """
        named = list(self.monotone)
        for limit in self.limits:
            weight, along = limit.weights(n_features)
            named += np.flatnonzero((weight != 0.0) | (along != 0.0)).tolist()
        for feature in named:
            if not 0 <= feature < n_features or feature in categorical:
                raise InputError(
                    f"The physics names column {feature} of X, which has {n_features} columns"
                    f"{' (that one holds categories)' if feature in categorical else ''}: "
                    f"name numeric columns, counted from 0."
                )
