"""What the arguments of trigonometric functions are to the runs: angles, or do they turn?"""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import sympy

from dimgs.arrays import Array
from dimgs.design.features import Design
from dimgs.law.assemble import feature_values
from dimgs.law.evaluate import evaluate
from dimgs.law.names import Names

_ANGLES = ("rad", "deg", "degree", "°", "degrees", "radian", "mrad", "arcmin", "arcsec")
_INVERSE = (sympy.asin, sympy.acos, sympy.atan)
# ends of the runs that are not counted on
_ENDS = (0.1, 0.9)


class Turns:
    """What the arguments of trigonometric functions are to the runs of a design."""

    def __init__(self, design: Design) -> None:
        self.values = feature_values(design)
        self.angles = {
            v.name
            for v in design.data.variables
            if not v.is_label and (v.kind == "angle" or v.unit.text in _ANGLES)
        }
        target = design.basis.target
        self.gives_angle = target is not None and target.name in self.angles
        named = Names.of(design).identifier
        self.inputs = {
            f.name: {n for n, _ in f.group.exponents}
            for f in design.features
            if f.group is not None
        }
        self.inputs |= {named[f.variable]: {f.variable} for f in design.features if f.variable}
        self.n = design.n_runs

    def of(self, constants: Mapping[str, float]) -> Callable[[sympy.Expr], str]:
        """The same, of a law with these constants."""
        return partial(self.told, {**self.values, **constants})

    def told(self, values: Mapping[str, Array | float], node: sympy.Expr) -> str:
        """Whether the argument of a trigonometric function is an angle, or turns, or neither.

        The same of an inverse one says whether its value is an angle, as the target is.
        """
        if isinstance(node, _INVERSE):
            return "angle" if self.gives_angle else "neither"
        argument = node.args[0]
        used = {str(s) for s in argument.free_symbols}
        inputs: set[str] = set().union(*(self.inputs.get(s, set()) for s in used))
        if inputs & self.angles and not argument.has(sympy.Function):
            return "angle"
        theta = evaluate(argument, values, self.n)
        if not np.all(np.isfinite(theta)):
            return "neither"
        shift = np.pi / 2 if isinstance(node, sympy.sin) else 0.0
        low, high = (float(q) for q in np.quantile(theta, _ENDS))
        turns = np.floor((high - shift) / np.pi) > np.floor((low - shift) / np.pi)
        return "turns" if turns else "neither"
