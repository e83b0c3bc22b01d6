"""SymPy expressions of other engines -> candidates: functions mapped, constants named."""

from collections.abc import Iterable
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dimgs.common.errors import LawError
from dimgs.engines.protocol import Problem
from dimgs.engines.refit import refit, with_simple_constants
from dimgs.engines.selection import pareto_front, select
from dimgs.expression.candidate import Candidate
from dimgs.expression.complexity import complexity_of

if TYPE_CHECKING:
    import sympy

# whole numbers beyond are fitted constants that happen to be whole, not parts of a form
_LARGEST_PLAIN_INTEGER = 64
# nodes beyond which rewriting takes seconds; engines give some 30
_LONGEST_TREE = 400
# laws of the front whose constants are made simple: each takes some ten refits
_SIMPLIFIED = 5
# functions that engines and SymPy call alike, and what others are, of one or two arguments
_SAME = frozenset(
    (
        *("log", "exp", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos"),
        *("atan", "acosh", "asinh", "atanh", "erf", "erfc", "floor"),
    )
)
_OTHER_NAMES = {
    "log2": "log(x)/log(2)",
    "log10": "log(x)/log(10)",
    "log1p": "log(1 + x)",
    "square": "x**2",
    "cube": "x**3",
    "cbrt": "sign(x)*Abs(x)**(S(1)/3)",
    "inv": "1/x",
    "neg": "-x",
    "abs": "Abs(x)",
    "ceil": "ceiling(x)",
    **dict.fromkeys(("logabs", "log_abs"), "log(Abs(x))"),
    **dict.fromkeys(("sqrtabs", "sqrt_abs"), "sqrt(Abs(x))"),
    "pow": "x**y",
    **dict.fromkeys(("powabs", "pow_abs"), "Abs(x)**y"),
    "aq": "x/sqrt(1 + y**2)",
    **dict.fromkeys(("fmin", "min"), "Min(x, y)"),
    **dict.fromkeys(("fmax", "max"), "Max(x, y)"),
}


def to_candidate(
    expression: "sympy.Expr",
    *,
    scale: Literal["log", "linear"] = "log",
    engine: str = "",
    factor: float = 1.0,
    of_logarithm: bool = False,
    unlogged: Iterable[str] = (),
) -> Candidate | None:
    """Candidate of an engine's expression, None where it cannot be a law.

    Floats become the constants ``c_1``, ``c_2``, ... (equal ones the same), but for small whole
    numbers. Functions of which laws know another form (``log10``, protected ones such as
    ``safe_log``) are mapped to it. Groups are positive and what enters unlogged is real, so that
    roots, powers and logarithms of one another come apart.

    Parameters
    ----------
    expression : sympy.Expr
        In the symbols ``pi_1``, ``pi_2``, ...; need not be evaluated.
    scale : {"log", "linear"}
    engine : str
    factor : float
        By which the expression is multiplied.
    of_logarithm : bool
        Whether the expression is ln(pi_0), not pi_0.
    unlogged : iterable of str
        Inputs that may vanish or be negative.

    Examples
    --------
    >>> from sympy import Function, Rational, Symbol, exp, sqrt
    >>> x = Symbol("pi_1")
    >>> candidate = to_candidate(0.25 * Function("safe_log")(x) ** 2.0)
    >>> print(candidate, dict(candidate.constants))
    c_1*log(pi_1)**2 {'c_1': 0.25}
    >>> print(to_candidate(sqrt(exp(-2 * x)) * (2.5 ** (x**2)) ** Rational(1, 4)))
    c_1**(pi_1**2)*exp(-pi_1)
    """
    import sympy

    try:
        real, free = set(unlogged), expression.free_symbols
        signed = {s: sympy.Symbol(s.name, positive=True) for s in free if s.name not in real}
        signed |= {s: sympy.Symbol(s.name, real=True) for s in free if s.name in real}
        plain = _rebuilt(expression.xreplace(signed))
        if of_logarithm:
            plain = _exponential(plain)
        plain = _shortest(plain).xreplace({new: old for old, new in signed.items()})
        if factor != 1.0:
            plain = sympy.Float(factor) * plain
        named, constants = name_constants(plain)
        if sum(1 for _ in sympy.preorder_traversal(named)) > _LONGEST_TREE:
            return None
        return Candidate.of(named, constants, scale=scale, engine=engine)
    except (LawError, ValueError, TypeError, AttributeError, ZeroDivisionError, RecursionError):
        return None


def name_constants(
    expression: "sympy.Expr", first: int = 1
) -> "tuple[sympy.Expr, dict[str, float]]":
    """Expression with each of its floats as a named constant, and their values.

    Parameters
    ----------
    expression : sympy.Expr
    first : int
        Number of the first name.

    Examples
    --------
    >>> from sympy import Symbol
    >>> name_constants(2.5 * Symbol("pi_1") + 1)
    (c_1*pi_1 + 1, {'c_1': 2.5})
    """
    import sympy

    names: dict[float, sympy.Symbol] = {}
    for node in sympy.preorder_traversal(expression):
        if node.is_Float and float(node) not in names:
            names[float(node)] = sympy.Symbol(f"c_{first + len(names)}")
    replaced = expression.xreplace(
        {n: names[float(n)] for n in expression.atoms(sympy.Float) if float(n) in names}
    )
    return replaced, {symbol.name: value for value, symbol in names.items()}


def front_of(
    candidates: Iterable[Candidate | None], problem: Problem, until: float = np.inf
) -> tuple[Candidate, ...]:
    """Pareto front of the refitted candidates, the one of the fewest bits first.

    Parameters
    ----------
    candidates : iterable of Candidate
        None for what cannot be a law.
    problem : Problem
    until : float
        Deadline by `time.monotonic`, after which the rest of the candidates is left out.

    Examples
    --------
    >>> from sympy import Symbol
    >>> x, problem = Symbol("pi_1"), Problem({"pi_1": np.arange(1.0, 9.0)}, np.arange(2.0, 18.0, 2))
    >>> found = [to_candidate(x + 0.5), to_candidate(1.9 * x), to_candidate(1.9 * x * (x / x**0.9))]
    >>> [str(candidate) for candidate in front_of(found, problem)]
    ['2*pi_1']
    """
    refitted: list[Candidate] = []
    for candidate in filter(None, candidates):
        refitted.append(refit(candidate, problem))
        if monotonic() > until:
            break
    fitted = select(pareto_front(refitted), problem)
    simple = [
        with_simple_constants(candidate, problem)
        for candidate in fitted[:_SIMPLIFIED]
        if monotonic() < until
    ]
    return select(pareto_front([*fitted, *simple]), problem)


def _rebuilt(node: Any) -> Any:
    """The tree evaluated from the leaves up, with the functions of laws only."""
    import sympy
    from sympy.core.function import AppliedUndef

    if node.is_Float:
        value = float(node)
        whole = value.is_integer() and abs(value) <= _LARGEST_PLAIN_INTEGER
        return sympy.Integer(int(value)) if whole else sympy.Float(value)
    if not node.args:
        return node
    arguments = [_rebuilt(argument) for argument in node.args]
    if isinstance(node, AppliedUndef):
        return _library_function(str(node.func).removeprefix("safe_"), arguments)
    name = node.func.__name__
    if name in ("log2", "log10", "log1p"):
        return _library_function(name, arguments)
    return node.func(*arguments)


def _shortest(expression: Any) -> Any:
    """The shortest of what powers and logarithms collected or apart give; no search, so cheap."""
    import sympy

    if sum(1 for _ in sympy.preorder_traversal(expression)) > _LONGEST_TREE:
        return expression
    rewritten = (sympy.powsimp(expression), sympy.expand_log(expression))
    return min((expression, *rewritten), key=complexity_of)


def _library_function(name: str, arguments: list[Any]) -> Any:
    """A function that an engine calls by a name of its own."""
    import sympy

    if name in _SAME:
        return getattr(sympy, name)(arguments[0])
    if name not in _OTHER_NAMES:
        raise LawError(f"'{name}' is not a function that a law may use.")
    return sympy.sympify(_OTHER_NAMES[name], dict(zip("xy", arguments, strict=False)))


def _exponential(expression: Any) -> Any:
    """exp(expression) with its sum as a product; the shorter of two ways to write it."""
    import sympy

    expanded = sympy.expand(
        expression, multinomial=False, power_base=False, power_exp=False, log=False, basic=False
    )
    products = [sympy.Mul(*map(sympy.exp, sympy.Add.make_args(e))) for e in (expression, expanded)]
    return min(products, key=complexity_of)
