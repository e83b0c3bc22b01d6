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
    form : callable
        SymPy expression from that of the argument.
    bits : float
        How rare it is in formulae, as a length of description.
    periodic : bool
        Whether large arguments still matter.
    """

    name: str
    value: Callable[[Any], Any]
    slope: Callable[[Any], Any]
    form: "Callable[[sympy.Expr], sympy.Expr]"
    bits: float = 6.0
    periodic: bool = False


def _langevin(x: Array) -> Array:
    small = np.abs(x) < _SMALL
    safe = np.where(small, 1.0, x)
    return np.where(small, x / 3, 1 / np.tanh(safe) - 1 / safe)


def _langevin_slope(x: Array) -> Array:
    small = np.abs(x) < 0.02
    safe = np.where(small, 1.0, x)
    return np.where(small, 1 / 3 - x**2 / 15, 1 / safe**2 - 1 / np.sinh(safe) ** 2)


def _sympy(name: str) -> "Callable[[Any], Any]":
    def build(x: Any) -> Any:
        import sympy

        if name == "expm1":
            return sympy.exp(x) - 1
        if name == "log1p":
            return sympy.log(1 + x)
        if name == "langevin":
            return 1 / sympy.tanh(x) - 1 / x
        return getattr(sympy, name)(x)

    return build


def _entry(
    name: str, value: Any, slope: Any, bits: float = 6.0, periodic: bool = False
) -> tuple[str, Function]:
    return name, Function(name, value, slope, _sympy(name), bits, periodic)


FUNCTIONS: dict[str, Function] = dict(
    (
        _entry("exp", np.exp, np.exp, 3.0),
        _entry("expm1", np.expm1, np.exp, 6.0),
        _entry("log", np.log, lambda x: 1 / x, 4.0),
        _entry("log1p", np.log1p, lambda x: 1 / (1 + x), 7.0),
        _entry("sin", np.sin, np.cos, 4.0, True),
        _entry("cos", np.cos, lambda x: -np.sin(x), 4.0, True),
        _entry("tan", np.tan, lambda x: 1 / np.cos(x) ** 2, 6.0, True),
        _entry("tanh", np.tanh, lambda x: 1 / np.cosh(x) ** 2, 6.0),
        _entry("cosh", np.cosh, np.sinh, 9.0),
        _entry("sinh", np.sinh, np.cosh, 9.0),
        _entry("atan", np.arctan, lambda x: 1 / (1 + x**2), 7.0),
        _entry("asin", np.arcsin, lambda x: 1 / np.sqrt(1 - x**2), 7.0),
        _entry("acos", np.arccos, lambda x: -1 / np.sqrt(1 - x**2), 7.0),
        _entry("erf", special.erf, lambda x: 2 / np.sqrt(np.pi) * np.exp(-(x**2)), 8.0),
        _entry("erfc", special.erfc, lambda x: -2 / np.sqrt(np.pi) * np.exp(-(x**2)), 8.0),
        _entry("langevin", _langevin, _langevin_slope, 8.0),
    )
)
