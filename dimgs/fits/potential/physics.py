"""What is known of the physics before the fit: signs, limits, and how freely groups interact."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from dimgs.errors import InputError

End = Literal["low", "high"]


@dataclass(frozen=True)
class Limit:
    """A known exponent far outside the runs.

    Parameters
    ----------
    feature : int
        Column of X.
    end : {"low", "high"}
        Where that feature goes to minus or to plus infinity.
    exponent : float
        Local exponent of the feature in the limit.
    """

    feature: int
    end: End
    exponent: float

    def __post_init__(self) -> None:
        if self.end not in ("low", "high"):
            raise InputError(f"The end of a limit is {self.end!r}: use 'low' or 'high'.")


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
    >>> Physics(monotone={0: 1}, limits=[Limit(1, "high", 0.5)]).uses_gradient
    True
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
    def uses_gradient(self) -> bool:
        """Whether a sign or a limit is given."""
        return bool(self.monotone) or bool(self.limits)

    def check(self, n_features: int, categorical: Sequence[int]) -> None:
        """Raise unless the columns named are numeric columns of X.

        Raises
        ------
        InputError
        """
        named = [*self.monotone, *(limit.feature for limit in self.limits)]
        for feature in named:
            if not 0 <= feature < n_features or feature in categorical:
                raise InputError(
                    f"The physics names column {feature} of X, which has {n_features} columns"
                    f"{' (that one holds categories)' if feature in categorical else ''}: "
                    f"name numeric columns, counted from 0."
                )
