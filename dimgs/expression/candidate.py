"""A candidate law: an expression over the groups, its complexity, and its values on arrays."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial, reduce
from types import MappingProxyType, SimpleNamespace
from typing import Any, Literal

import numpy as np
import sympy
from numpy.typing import NDArray

from dimgs.common.arrays import Array
from dimgs.common.errors import LawError
from dimgs.expression.parsing import sympy_parse, sympy_text

# ---- Expressions as functions of arrays and of numbers, in any mixture.


# logical functions of conditions that are arrays, or single truth values: NumPy's own would make
# one array of all, which they need not make
_JUNCTIONS = {
    name: SimpleNamespace(reduce=partial(reduce, getattr(np, name)))
    for name in ("logical_and", "logical_or")
}


def compile_expression(
    arguments: Sequence[sympy.Symbol],
    expression: sympy.Basic | Sequence[sympy.Basic],
    *,
    cse: bool = False,
) -> Callable[..., Any]:
    """A function of arrays, or numbers, that computes an expression with NumPy and SciPy.

    Its arguments are given by position; a variable may have the name of a function.

    Parameters
    ----------
    arguments : sequence of sympy.Symbol
    expression : sympy.Basic, or sequence of these
    cse : bool
        Compute common subexpressions once.

    Examples
    --------
    >>> x, c = sympy.symbols("x c")
    >>> pieces = sympy.Piecewise((2 * x, (x < 3) & (c > 0)), (x, True))
    >>> compile_expression([x, c], pieces)(np.array([1.0, 5.0]), 1.0)
    array([2., 5.])
    """
    whole = expression if isinstance(expression, sympy.Basic) else sympy.Tuple(*expression)
    shared, rest = sympy.cse(whole, list=False) if cse else ([], whole)
    # safe names for all arguments at once: SymPy, asked for its own, builds the expression anew for
    # each. Reversed, so that factors are multiplied in the order of SymPy's own.
    ordered = sorted(arguments, key=sympy.default_sort_key, reverse=True)
    named = {symbol: sympy.Symbol(f"_{k:03}") for k, symbol in enumerate(ordered)}
    shared = [(symbol, part.xreplace(named)) for symbol, part in shared]
    function: Callable[..., Any] = sympy.lambdify(
        [named[symbol] for symbol in arguments],
        rest.xreplace(named),
        modules=[_JUNCTIONS, "scipy", "numpy"],
        cse=lambda rest: (shared, rest),
        docstring_limit=0,
    )
    return function


def real_values(values: Any) -> NDArray[np.float64]:
    """Values that are not real as NaN: of numbers alone Python takes complex powers.

    Examples
    --------
    >>> real_values([1 + 0j, (-1.0) ** 0.5]).tolist()
    [1.0, nan]
    """
    array = np.asarray(values)
    if np.iscomplexobj(array):
        array = np.where(array.imag == 0, array.real, np.nan)
    return array.astype(np.float64)


@lru_cache(maxsize=512)
def compiled(expression: sympy.Basic, names: tuple[str, ...]) -> Callable[..., Any]:
    """As :func:`compile_expression`, of symbols by their names; kept for the next call."""
    return compile_expression([sympy.Symbol(name) for name in names], expression)


# ---- Complexity of an expression: its number of nodes in handwritten form.


def complexity_of(expr: sympy.Basic) -> int:
    """Number of nodes: operators, functions, symbols and constants.

    Counted as written with ``+ − × ÷ ^``, roots and functions: a number (a rational too), a
    symbol or pi is one node; n terms or factors are joined by n − 1 operators; subtraction and
    division are operators like addition and multiplication, so that neither the −1 of ``a − b``
    nor the exponent −1 of ``a/b`` counts; a square root is one node, any other power an
    operator with its exponent; a sign in front, a comparison and each piece of a Piecewise are
    one node.

    Examples
    --------
    >>> from sympy import symbols, sqrt
    >>> x, y = symbols("x y")
    >>> complexity_of(x), complexity_of(x - y), complexity_of(x / y), complexity_of(2 * sqrt(x))
    (1, 3, 3, 4)
    """
    node: Any = expr
    if node in (sympy.true, sympy.false):
        return 0
    if not node.args:
        return 1
    if node.is_Add:
        # with a positive term in front, every other sign is an operator
        rest = node.args[1:] if all(_negative(term) for term in node.args) else node.args
        first = node.args[: len(node.args) - len(rest)]
        return sum(map(complexity_of, (*first, *map(_without_sign, rest)))) + len(node.args) - 1
    if node.is_Mul:
        return _product(node)
    if node.is_Pow:
        return _power(node.base, node.exp)
    if isinstance(node, sympy.Piecewise):
        return sum(1 + sum(map(complexity_of, piece.args)) for piece in node.args)
    operators = len(node.args) - 1 if len(node.args) > 1 else 1
    return operators + sum(map(complexity_of, node.args))


def _negative(term: Any) -> bool:
    coefficient, _ = term.as_coeff_Mul()
    return bool(coefficient.is_negative)


def _without_sign(term: Any) -> Any:
    return -term if _negative(term) else term


def _product(node: Any) -> int:
    sign = 0
    above = below = 0
    count = 0
    for factor in node.args:
        if factor == -1:
            sign = 1
        elif factor.is_Pow and factor.exp.is_Rational and factor.exp < 0:
            below += 1
            count += _power(factor.base, -factor.exp)
        elif isinstance(factor, sympy.Rational) and abs(factor.p) == 1 and factor.q > 1:
            sign, below, count = int(factor.p < 0), below + 1, count + 1
        else:
            above += 1
            count += complexity_of(factor)
    if above == 0:
        above, count = 1, count + 1
    return sign + count + above + below - 1


def _power(base: Any, exponent: Any) -> int:
    if exponent == 1:
        return complexity_of(base)
    if exponent == sympy.Rational(1, 2):
        return 1 + complexity_of(base)
    if exponent == -1:
        return 2 + complexity_of(base)
    return 1 + complexity_of(base) + complexity_of(exponent)


Scale = Literal["log", "linear"]
_GROUP = re.compile(r"pi_[1-9]\d*")


@dataclass(frozen=True)
class Candidate:
    """An expression for the response group pi_0 in the groups pi_1, pi_2, ...

    Parameters
    ----------
    expression : sympy.Expr
        pi_0 (never its logarithm) in the symbols ``pi_1``, ``pi_2``, ... and the named
        constants. Stored with plain symbols and double floats.
    constants : mapping of str to float
        Values of the named constants.
    complexity : int
        See :func:`complexity_of`.
    loss : float
        Loss on the scale below, as the engine reports it.
    scale : {"log", "linear"}
        Whether it was fitted to log pi_0 or to pi_0 itself.
    engine : str
        Which engine found it.
    maker : callable, optional
        Makes the law of it; see `law`.

    Raises
    ------
    LawError
        If a symbol is unknown, a number is not finite, or the expression is not real.

    Examples
    --------
    >>> from sympy import symbols
    >>> pi_1, a = symbols("pi_1 a")
    >>> found = Candidate.of(a / pi_1**0.25, {"a": 0.316}, loss=1e-4, engine="structured")
    >>> found.complexity, found.evaluate({"pi_1": np.array([1e4, 1e5])}).round(4)
    (5, array([0.0316, 0.0178]))
    """

    expression: sympy.Expr
    constants: Mapping[str, float] = field(hash=False)
    complexity: int
    loss: float
    scale: Scale = "log"
    engine: str = ""
    maker: "Callable[[Candidate], Any] | None" = field(default=None, compare=False, repr=False)

    @property
    def law(self) -> Any:
        """The candidate as a checked law of the runs; None where it is none, or has no runs."""
        return None if self.maker is None else self.maker(self)

    def __post_init__(self) -> None:
        constants = {name: float(value) for name, value in sorted(self.constants.items())}
        for name, value in constants.items():
            if not name.isidentifier() or _GROUP.fullmatch(name) or name == "pi_0":
                raise LawError(f"'{name}' cannot name a constant; use an identifier such as 'k'.")
            if not math.isfinite(value):
                raise LawError(f"The constant '{name}' is {value}; it must be finite.")
        if math.isnan(self.loss) or self.complexity < 1:
            raise LawError("A candidate needs a loss that is a number and a complexity of 1 up.")
        if self.scale not in ("log", "linear"):
            raise LawError(f"The scale of a candidate is 'log' or 'linear', not '{self.scale}'.")
        text = sympy_text(self.expression)
        names = {str(symbol.name) for symbol in self.expression.free_symbols}
        groups = {name for name in names if _GROUP.fullmatch(name)}
        if unknown := sorted(names - groups - set(constants)):
            raise LawError(f"'{text}' names '{unknown[0]}', neither a group nor a constant.")
        expression = sympy_parse(text, [*sorted(groups), *constants])
        if self.scale == "log" and expression.is_nonpositive:
            raise LawError(f"'{text}' is never positive, so that it has no logarithm to predict.")
        object.__setattr__(self, "expression", expression)
        object.__setattr__(self, "constants", MappingProxyType(constants))

    @classmethod
    def of(
        cls,
        expression: sympy.Expr,
        constants: Mapping[str, float] | None = None,
        *,
        loss: float = math.inf,
        scale: Scale = "log",
        engine: str = "",
    ) -> "Candidate":
        """Candidate whose complexity is counted here."""
        return cls(
            expression, constants or {}, complexity_of(expression), float(loss), scale, engine
        )

    def __reduce__(self) -> tuple[Any, ...]:
        constants = dict(self.constants)
        rest = (self.complexity, self.loss, self.scale, self.engine)
        return type(self), (self.expression, constants, *rest)

    def __str__(self) -> str:
        return sympy_text(self.expression)

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups that occur, in the order of their numbers."""
        names = {str(symbol.name) for symbol in self.expression.free_symbols}
        return tuple(sorted(names - set(self.constants), key=lambda n: int(n.removeprefix("pi_"))))

    @property
    def numeric(self) -> sympy.Expr:
        """Expression with the constants' values in place of their names."""
        values = {sympy.Symbol(name): sympy.Float(v) for name, v in self.constants.items()}
        return self.expression.subs(values)

    def evaluate(self, groups: Mapping[str, Any]) -> Array:
        """pi_0 at the given groups.

        Parameters
        ----------
        groups : mapping of str to ndarray of shape (n_runs,)
            Values of the groups; others than those of the expression only set the shape.

        Returns
        -------
        ndarray of shape (n_runs,)
            NaN where the expression is not real.

        Raises
        ------
        LawError
            If a group of the expression is missing.
        """
        if missing := [name for name in self.groups if name not in groups]:
            raise LawError(f"The candidate '{self}' needs the group {missing[0]}, not given.")
        arrays = {name: np.asarray(value, dtype=np.float64) for name, value in groups.items()}
        shape = np.broadcast_shapes(*(array.shape for array in arrays.values()))
        names = (*self.groups, *self.constants)
        with np.errstate(all="ignore"):
            values = [arrays[n] if n in arrays else self.constants[n] for n in names]
            result = real_values(compiled(self.expression, names)(*values))
            return np.broadcast_to(result, shape).copy()

    def to_json(self) -> dict[str, Any]:
        """Document from which :meth:`from_json` makes an equal candidate."""
        return {
            "expression": sympy_text(self.expression),
            "constants": dict(self.constants),
            "complexity": self.complexity,
            "loss": self.loss if math.isfinite(self.loss) else None,
            "scale": self.scale,
            "engine": self.engine,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Candidate":
        """Inverse of :meth:`to_json`."""
        constants = document["constants"]
        names = [n for n in re.findall(r"\w+", document["expression"]) if _GROUP.fullmatch(n)]
        return cls(
            sympy_parse(document["expression"], [*dict.fromkeys(names), *constants]),
            constants,
            document["complexity"],
            math.inf if document["loss"] is None else document["loss"],
            document["scale"],
            document["engine"],
        )
