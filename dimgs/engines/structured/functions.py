"""The physics library: functions of one dimensionless argument, their slopes and their names.

Each function stands for a family of laws: exponential decay and activation (exp), saturation and
charging (1 - exp), Planck and diode laws (exp(x) - 1), entropy and isothermal work (log), sound,
waves and rotation (sin, cos, tan and their inverses), magnetisation and water waves (tanh,
Langevin's coth x - 1/x), catenaries (cosh, sinh), diffusion fronts (erf), drag and heat exchange
(log(1 + x)). Powers of 1 + x (relativity, resonance, parallel resistances, Michaelis and Menten)
need no entry here: they are sums raised to a power.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from dimgs.common.arrays import Array

if TYPE_CHECKING:
    import sympy

# where coth x - 1/x loses as many digits as the first term of its series leaves out
_SMALL = 1e-4


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the library.

    Parameters
    ----------
    name : str
    value, slope : callable
        The function and its derivative, on arrays; NaN outside the domain.
    bits : float
        How rare it is in formulae, as a length of description.
    periodic : bool
        Whether large arguments still matter.
    """

    name: str
    value: Callable[[Any], Any]
    slope: Callable[[Any], Any]
    bits: float = 6.0
    periodic: bool = False

    def form(self, x: "sympy.Expr") -> Any:
        """SymPy expression from that of the argument."""
        import sympy

        match self.name:
            case "expm1":
                return sympy.exp(x) - 1
            case "log1p":
                return sympy.log(1 + x)
            case "langevin":
                return 1 / sympy.tanh(x) - 1 / x
        return getattr(sympy, self.name)(x)


def _langevin(x: Array) -> Array:
    small = np.abs(x) < _SMALL
    safe = np.where(small, 1.0, x)
    return np.where(small, x / 3, 1 / np.tanh(safe) - 1 / safe)


def _langevin_slope(x: Array) -> Array:
    small = np.abs(x) < 0.02
    safe = np.where(small, 1.0, x)
    return np.where(small, 1 / 3 - x**2 / 15, 1 / safe**2 - 1 / np.sinh(safe) ** 2)


FUNCTIONS = {
    entry.name: entry
    for entry in (
        Function("exp", np.exp, np.exp, 3.0),
        Function("expm1", np.expm1, np.exp, 6.0),
        Function("log", np.log, lambda x: 1 / x, 4.0),
        Function("log1p", np.log1p, lambda x: 1 / (1 + x), 7.0),
        Function("sin", np.sin, np.cos, 4.0, True),
        Function("cos", np.cos, lambda x: -np.sin(x), 4.0, True),
        Function("tan", np.tan, lambda x: 1 / np.cos(x) ** 2, 6.0, True),
        Function("tanh", np.tanh, lambda x: 1 / np.cosh(x) ** 2, 6.0),
        Function("cosh", np.cosh, np.sinh, 9.0),
        Function("sinh", np.sinh, np.cosh, 9.0),
        Function("atan", np.arctan, lambda x: 1 / (1 + x**2), 7.0),
        Function("asin", np.arcsin, lambda x: 1 / np.sqrt(1 - x**2), 7.0),
        Function("acos", np.arccos, lambda x: -1 / np.sqrt(1 - x**2), 7.0),
        Function("erf", special.erf, lambda x: 2 / np.sqrt(np.pi) * np.exp(-(x**2)), 8.0),
        Function("erfc", special.erfc, lambda x: -2 / np.sqrt(np.pi) * np.exp(-(x**2)), 8.0),
        Function("langevin", _langevin, _langevin_slope, 8.0),
    )
}
