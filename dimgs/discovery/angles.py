"""What the arguments of trigonometric functions are to the runs: angles, or do they turn?"""

from collections.abc import Mapping

import numpy as np
import sympy

from dimgs.arrays import Array
from dimgs.design.features import Design
from dimgs.law.evaluate import evaluate
from dimgs.law.names import Names

_ANGLES = ("rad", "deg", "degree", "°", "degrees", "radian", "mrad", "arcmin", "arcsec")
# ends of the runs that are not counted on
_ENDS = (0.1, 0.9)


class Turns:
    """What the arguments of trigonometric functions are to the runs of a design."""

    def __init__(self, design: Design, constants: Mapping[str, float]) -> None:
        names = Names.of(design)
        data = design.data
        self.values: dict[str, Array | float] = {**constants}
        self.angles = set()
        for v in design.basis.variables:
            symbol = names.identifier.get(v.name)
            if symbol is None:
                continue
            own = np.asarray(data[v.name], float) if v.name in data.names else v.value or 1.0
            self.values[symbol] = own
        for v in data.variables:
            symbol = names.identifier.get(v.name)
            if symbol is None or v.is_label:
                continue
            self.values.setdefault(symbol, np.asarray(data[v.name], float))
            if v.kind == "angle" or v.unit.text in _ANGLES:
                self.angles.add(symbol)
        self.n = design.n_runs

    def __call__(self, node: sympy.Expr) -> str:
        """Whether the argument of a trigonometric function is an angle, or turns, or neither."""
        argument = node.args[0]
        used = {str(s) for s in argument.free_symbols}
        if used & self.angles and not argument.has(sympy.Function):
            return "angle"
        if used - set(self.values):
            return "neither"
        theta = evaluate(argument, self.values, self.n)
        if not np.all(np.isfinite(theta)):
            return "neither"
        shift = np.pi / 2 if isinstance(node, sympy.sin) else 0.0
        low, high = (float(q) for q in np.quantile(theta, _ENDS))
        turns = np.floor((high - shift) / np.pi) > np.floor((low - shift) / np.pi)
        return "turns" if turns else "neither"
