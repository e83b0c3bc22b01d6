"""A law as the source of a plain NumPy function."""

from typing import TYPE_CHECKING

import sympy
from sympy.printing.numpy import NumPyPrinter

if TYPE_CHECKING:
    from dimgs.law.law import Law


def numpy_body(expression: sympy.Expr) -> str:
    """Expression in NumPy, exact rationals as quotients and floats at 17 digits."""
    printer = NumPyPrinter({"fully_qualified_modules": True, "precision": 17})
    return str(printer.doprint(expression)).replace("numpy.", "np.")


def python_source(law: "Law", name: str = "law") -> str:
    """Source of a function `name(inputs...)` that needs NumPy alone.

    Parameters
    ----------
    law : Law
    name : str
        Name of the function.

    Returns
    -------
    str
    """
    arguments = ", ".join(law.symbols)
    lines = ["import numpy as np", "", "", f"def {name}({arguments}):"]
    lines.append(f'    """{law.target.name} in {law.target_unit}.')
    lines += ["", "    Inputs:"]
    lines += [f"    {s}: {v.name} in {v.si_unit}" for s, v in law.symbols.items()]
    lines.append('    """')
    for constant in law.constants:
        lines.append(f"    {constant.name} = {constant.value!r}  # {constant.unit}")
    lines.append(f"    return {numpy_body(law.expression)}")
    return "\n".join(lines) + "\n"
