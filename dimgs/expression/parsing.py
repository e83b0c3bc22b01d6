"""Texts of laws: the functions, names and sizes that they may have, and how they are read."""

import ast
import builtins
import keyword
import math
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from itertools import chain, count, repeat
from operator import add, mul, neg, sub, truediv
from typing import Any, NamedTuple

import sympy
from sympy.functions.elementary.piecewise import ExprCondPair
from sympy.logic.boolalg import Boolean, BooleanFalse, BooleanTrue
from sympy.printing.printer import Printer
from sympy.printing.str import StrPrinter

from dimgs.common.errors import LawError
from dimgs.groups.kinds import greek_name

# name -> least and greatest number of arguments (None: any)
_ARITY: dict[str, tuple[int, int | None]] = {
    **dict.fromkeys(("sqrt", "cbrt", "Abs", "abs", "sign", "exp", "ln", "log10", "Not"), (1, 1)),
    **dict.fromkeys(("sin", "cos", "tan", "cot", "sec", "csc"), (1, 1)),
    **dict.fromkeys(("asin", "acos", "atan", "acot", "erf", "erfc"), (1, 1)),
    **dict.fromkeys(("sinh", "cosh", "tanh", "coth", "sech", "csch"), (1, 1)),
    **dict.fromkeys(("asinh", "acosh", "atanh", "acoth", "floor", "ceiling"), (1, 1)),
    **dict.fromkeys(("Integer", "Float"), (1, 1)),
    **dict.fromkeys(("log", "Rational"), (1, 2)),
    **dict.fromkeys(("atan2", "Eq", "Ne", "Lt", "Le", "Gt", "Ge"), (2, 2)),
    **dict.fromkeys(("Min", "Max", "And", "Or", "Piecewise"), (1, None)),
}
# an integer of some 5,000 digits, which SymPy still writes at once
_LARGEST_INTEGER_BITS = 16384
# integers beyond are no NumPy integers
_INTEGERS_END = 2**63
# a law of 30 terms in 8 inputs has about 500 operations; SymPy takes some 50 µs for each
_MOST_OPERATIONS = 20_000
# functions and powers inside each other; laws have up to 4
_DEEPEST_FUNCTIONS = 12
# the same in a part without symbols, whose digits SymPy doubles at every level: 4 take 10 ms
_DEEPEST_NUMBERS = 4
# brackets inside each other, such as those of a continued fraction
_DEEPEST = 80
# powers that NumPy takes as 64-bit integers; exponents that runs can determine are below 1e3
MOST_EXPONENT = 10**9
# integers that a double can hold
_MOST_BITS = 1023
# SymPy compares each of these with all others: 24 and 64 of them take half a second
_MOST_EXTREMES, _MOST_COMPARISONS = 24, 64
_ARITHMETIC: Any = {ast.Add: add, ast.Sub: sub, ast.Mult: mul, ast.Div: truediv, ast.Pow: pow}
_NUMBERS = {"pi": math.pi, "E": math.e}
_COMPARE = frozenset({"Eq", "Ne", "Lt", "Le", "Gt", "Ge"})
_PLAIN = frozenset({"Integer", "Float", "Rational"})
# what generated source calls NumPy
_SOURCE_NAMES = frozenset({"np", "numpy"})
_FALLBACK = "x"
_ENDINGS = {"*": "star", "+": "plus", "'": "prime", "′": "prime", "’": "prime"}
# characters: more than anyone would read, and the parser's time grows with them
_LONGEST_TEXT = 100_000
# what a message of one line has room for
_SHOWN = 200


def function_names() -> frozenset[str]:
    """Names of the functions that an expression may call."""
    return frozenset(_ARITY)


# SymPy's function for each name
_FUNCTIONS: dict[str, Any] = {
    name: getattr(sympy, {"abs": "Abs"}.get(name, name)) for name in _ARITY if name != "log10"
}
_FUNCTIONS["log10"] = lambda x: sympy.log(x, 10)
# classes that may stand in the tree of an expression
PERMITTED_HEADS: tuple[type, ...] = (
    *(sympy.Symbol, sympy.Rational, sympy.Float, type(sympy.pi), type(sympy.E)),
    *(sympy.Add, sympy.Mul, sympy.Pow, ExprCondPair, sympy.Tuple, BooleanTrue, BooleanFalse),
    *(head for head in _FUNCTIONS.values() if isinstance(head, type)),
)


def check_expression(expression: sympy.Basic, text: str) -> sympy.Basic:
    """The expression, if it is real, finite and made of what a law may contain."""
    if expression.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo):
        raise LawError(f"'{text}' is not finite.")
    for node in sympy.preorder_traversal(expression):
        if node.is_number and (node.has(sympy.I) or node.is_extended_real is False):
            raise LawError(f"'{text}' is not real: it contains {node}.")
        as_double(node)
        if not isinstance(node, PERMITTED_HEADS):
            raise LawError(
                f"'{text}' contains {node}, a {type(node).__name__}, which a law cannot have."
            )
    # NumPy's functions take integers of 64 bits, and doubles
    large = [n for n in expression.atoms(sympy.Integer) if abs(int(n)) >= _INTEGERS_END]
    return expression.xreplace({n: sympy.Float(float(n)) for n in large})


def power(base: Any, exponent: Any) -> Any:
    """The power, unless it would be an integer too long to write down.

    SymPy also takes the whole part of a fractional power of a rational exactly.
    """
    if base.is_Rational and exponent.is_Rational and base not in (-1, 0, 1):
        bits = max(int(base.p).bit_length(), int(base.q).bit_length()) * int(abs(exponent))
        if bits > _LARGEST_INTEGER_BITS:
            raise LawError(f"{base}**{exponent} is too large a number for a law.")
    return as_double(base**exponent)


def as_double(value: Any) -> Any:
    """The value, unless it is a float beyond doubles, on which SymPy may compute for ever."""
    if value.is_Float and value.is_finite:
        size = abs(float(value))
        if math.isinf(size) or (size == 0.0 and not value.is_zero):
            raise LawError("A number in a law is beyond the range of doubles.")
    return value


class _Bounded(NamedTuple):
    """A part of an expression: its double where it has one, and its functions inside each other.

    `height` is None where the part holds a symbol.
    """

    value: float | None
    height: int | None


def check_bounds(tree: ast.expr, symbols: Mapping[str, Any]) -> None:
    """Refuse an expression that would take long to build, or whose numbers no double can hold.

    The parts without symbols are computed in floating point, and nothing else is.

    Parameters
    ----------
    tree : ast.expr
    symbols : mapping
        Names that stand for values; ``pi`` and ``E`` are numbers where they are not among them.

    Raises
    ------
    LawError

    Examples
    --------
    >>> check_bounds(ast.parse("x + exp(10**9)", mode="eval").body, {"x": None})
    Traceback (most recent call last):
        ...
    dimgs.common.errors.LawError: A number in a law is beyond the range of doubles: exp(10 ** 9).
    """
    nodes = list(ast.walk(tree))
    calls = [n for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    extremes = sum(len(n.args) for n in calls if getattr(n.func, "id", "") in {"Min", "Max"})
    comparisons = sum(len(n.ops) for n in nodes if isinstance(n, ast.Compare))
    comparisons += sum(getattr(n.func, "id", "") in _COMPARE for n in calls)
    for what, number, most in (
        ("operations", len(nodes), _MOST_OPERATIONS),
        ("arguments of Min and Max", extremes, _MOST_EXTREMES),
        ("comparisons", comparisons, _MOST_COMPARISONS),
    ):
        if number > most:
            raise LawError(f"A law has at most {most} {what}; this expression has {number}.")
    _bounded(tree, symbols)


def _bounded(
    node: ast.AST, symbols: Mapping[str, Any], depth: int = 0, functions: int = 0
) -> _Bounded:
    """A part of an expression, which so many brackets and functions surround.

    Its value is None where it is not known or not real.
    """
    if depth > _DEEPEST:
        raise LawError(f"A law has at most {_DEEPEST} brackets inside each other.")
    if functions > _DEEPEST_FUNCTIONS:
        raise _too_deep(_DEEPEST_FUNCTIONS)
    inner, grows, never_zero = list(ast.iter_child_nodes(node)), False, False
    compute: Callable[..., Any] | None = None
    match node:
        case ast.Constant(value=int() | float() as number):
            if isinstance(number, int) and number.bit_length() > _MOST_BITS:
                raise _too_large(node)
            return _Bounded(float(number), 0)
        case ast.Name(id=name):
            return _Bounded(None, None) if name in symbols else _Bounded(_NUMBERS.get(name), 0)
        case ast.BinOp(left=left, op=operator, right=right):
            inner, compute = [left, right], _ARITHMETIC.get(type(operator))
            never_zero = not isinstance(operator, ast.Add | ast.Sub)
            grows = isinstance(operator, ast.Pow)
            functions += grows
        case ast.Call(func=ast.Name(id=name), args=given):
            inner, compute = [*given], partial(_applied, name) if name in _ARITY else None
            grows, never_zero, functions = name not in _PLAIN, name == "exp", functions + 1
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner, compute = [operand], neg
    # a chain such as a + b + c - d is one level
    is_chain = isinstance(node, ast.BinOp) and _same(node.left, node.op)
    depths = (depth + (k > 0 or not is_chain) for k in range(len(inner)))
    # without a frame between, as a chain may be as long as the parser allows
    parts = list(map(_bounded, inner, repeat(symbols), depths, repeat(functions)))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        exponent = parts[1].value
        if exponent is not None and abs(exponent) > MOST_EXPONENT:
            raise LawError(
                f"The exponent {ast.unparse(node.right)[:60]} is too large for a law; it is at "
                f"most {MOST_EXPONENT:.0e}."
            )
    heights = [part.height for part in parts if part.height is not None]
    if len(heights) < len(parts):
        return _Bounded(None, None)
    height = max(heights, default=0) + grows
    if height > _DEEPEST_NUMBERS:
        raise _too_deep(_DEEPEST_NUMBERS, " of numbers alone")
    values = [part.value for part in parts if part.value is not None]
    if compute is None or len(values) < len(parts):
        return _Bounded(None, height)
    try:
        value = compute(*values)
    except OverflowError:
        raise _too_large(node) from None
    except (ValueError, ZeroDivisionError, TypeError):
        # no real value: refused when the expression is built
        return _Bounded(None, height)
    if isinstance(value, complex) or math.isnan(value):
        return _Bounded(None, height)
    if math.isinf(value) or (value == 0.0 and never_zero and 0.0 not in values):
        raise _too_large(node)
    return _Bounded(float(value), height)


def _applied(name: str, *values: float) -> float:
    """A function of numbers, in floating point."""
    return float(_FUNCTIONS[name](*map(sympy.Float, values)))


def _same(node: ast.AST, operator: ast.operator) -> bool:
    pairs = ((ast.Add, ast.Sub), (ast.Mult, ast.Div), (ast.BitAnd,), (ast.BitOr,))
    return isinstance(node, ast.BinOp) and any(
        isinstance(node.op, pair) and isinstance(operator, pair) for pair in pairs
    )


def _too_deep(most: int, where: str = "") -> LawError:
    return LawError(f"A law has at most {most} functions and powers{where} inside each other.")


def _too_large(node: ast.AST) -> LawError:
    # a long number cannot be written out, and a long part would hide the message
    short = not isinstance(node, ast.Constant) and sum(1 for _ in ast.walk(node)) < 12
    part = f": {ast.unparse(node)[:80]}" if short else ""
    return LawError(f"A number in a law is beyond the range of doubles{part}.")


@cache
def reserved_names() -> frozenset[str]:
    """Names that Python, SymPy or generated NumPy source already give a meaning.

    Submodules of SymPy count whether or not something has imported them yet, so that the set
    does not depend on what ran before.
    """
    import pkgutil

    python = {*keyword.kwlist, *keyword.softkwlist, *dir(builtins)}
    modules = {module.name for module in pkgutil.iter_modules(sympy.__path__)}
    return frozenset(python | modules | set(dir(sympy)) | _SOURCE_NAMES)


def safe_identifiers(names: Sequence[str], reserved: Iterable[str] = ()) -> dict[str, str]:
    """Identifier of each column, for use in expressions and in generated source.

    A name that is an ordinary identifier stays as it is. Others are rewritten from the name
    alone: Greek letters by their English names, whatever cannot stand in an identifier as an
    underscore, and a name that is taken (by Python, SymPy or `reserved`) with an underscore
    behind it. Only where two columns would meet does the later one, after all ordinary names,
    get a number; so adding a column at the end changes earlier identifiers only when the new
    column's own name is one of them.

    Parameters
    ----------
    names : sequence of str
        Column names, in the order of the table.
    reserved : iterable of str
        Further identifiers that may not be used, such as names of constants.

    Returns
    -------
    dict of str to str
        Column name to identifier: valid, distinct, in Unicode form NFKC.

    Examples
    --------
    >>> list(safe_identifiers(["rho", "lambda", "E", "T_g (K)", "Δp", "1st col", "±"]).values())
    ['rho', 'lambda_', 'E_', 'T_g_K', 'Delta_p', 'x_1st_col', 'plus_minus_sign']
    """
    taken = reserved_names() | frozenset(reserved)
    ordinary = [name for name in dict.fromkeys(names) if _is_ordinary(name) and name not in taken]
    identifiers = {name: name for name in ordinary}
    used = set(ordinary)
    for name in dict.fromkeys(names):
        if name not in identifiers:
            identifiers[name] = _free(_rewritten(name), taken, used)
            used.add(identifiers[name])
    return {name: identifiers[name] for name in names}


def _is_ordinary(name: str) -> bool:
    return (
        name.isidentifier() and not name.startswith("__") and _rewritten(name, trim=False) == name
    )


def _free(stem: str, taken: frozenset[str], used: set[str]) -> str:
    plain = [stem, f"{stem}_"] if stem in taken else [stem]
    numbered = (f"{stem}_{number}" for number in count(2))
    return next(n for n in chain(plain, numbered) if n not in taken and n not in used)


def _rewritten(name: str, trim: bool = True) -> str:
    text = unicodedata.normalize("NFKC", name.strip())
    if text[:-1].strip() and text[-1] in _ENDINGS:
        text = f"{text[:-1]}_{_ENDINGS[text[-1]]}"
    # combining marks are letters to Python, but not to SymPy's reader
    text = "".join(c for c in text if not unicodedata.category(c).startswith("M"))
    pieces = (
        "inf" if c == "∞" else c if c.isalnum() and f"a{c}".isidentifier() else "_"
        for c in spelled(text)
    )
    result = unicodedata.normalize("NFKC", "".join(pieces))
    if trim:
        result = "_".join(part for part in result.split("_") if part) or _named(text)
        if not result.isidentifier():
            result = f"{_FALLBACK}_{result}"
    return result


def _named(text: str) -> str:
    """Signs by their names in Unicode, where a name has nothing else."""
    names = (unicodedata.name(c, _FALLBACK) for c in dict.fromkeys(text) if not c.isspace())
    return re.sub(r"\W+", "_", "_".join(names)).lower() or _FALLBACK


def spelled(text: str) -> str:
    """A name with English names for its Greek letters, each set apart from what follows.

    Examples
    --------
    >>> spelled("Δp"), spelled("τ_ρ"), spelled("x")
    ('Delta_p', 'tau_rho', 'x')
    """
    pieces = []
    for character, following in zip(text, text[1:] + " ", strict=False):
        greek = greek_name(character)
        apart = greek is not None and (following.isalnum() or following == "∞")
        pieces.append(f"{greek or character}{'_' if apart else ''}")
    return "".join(pieces)


def sympy_parse(text: str, identifiers: Iterable[str] | Mapping[str, sympy.Symbol]) -> sympy.Expr:
    """Expression from its text, which is read as a syntax tree and never run.

    Parameters
    ----------
    text : str
        In SymPy's notation: arithmetic, ``sqrt``, ``exp``, ``log``, ``Min``, ``Piecewise``, ...,
        comparisons joined by ``&``, ``|`` and ``~``. Quotients of integers are exact; a number
        with a point or an exponent is a double.
    identifiers : iterable of str, or mapping of str to sympy.Symbol
        The only symbols that may occur (as plain symbols, or as the given ones).

    Returns
    -------
    sympy.Expr

    Raises
    ------
    LawError
        If the text cannot be read, names another symbol or function, or is not real and finite.

    Examples
    --------
    >>> sympy_parse("2*rho*U**2/3", ["rho", "U"])
    2*U**2*rho/3
    >>> sympy_parse("2*rho.real", ["rho"])
    Traceback (most recent call last):
        ...
    dimgs.common.errors.LawError: 'rho.real' in the expression '2*rho.real' is not allowed in a law.
    """
    result = _read(text, identifiers)
    if not isinstance(result, sympy.Expr):
        raise LawError(f"'{_shown(text)}' is a condition; an expression with a value is needed.")
    return result


def sympy_parse_condition(
    text: str, identifiers: Iterable[str] | Mapping[str, sympy.Symbol]
) -> sympy.Basic:
    """Condition such as ``(pi_1 >= 2300) & (pi_2 < 0.1)``; arguments as :func:`sympy_parse`.

    Examples
    --------
    >>> sympy_parse_condition("(pi_1 < 2300) | (pi_1 >= 4000)", ["pi_1"])
    (pi_1 >= 4000) | (pi_1 < 2300)
    """
    result = _read(text, identifiers)
    if not isinstance(result, Boolean) or result.is_Symbol:
        raise LawError(f"'{_shown(text)}' is not a condition such as 'pi_1 < 2300'.")
    return result


def _read(text: str, identifiers: Any) -> Any:
    if isinstance(identifiers, Mapping):
        symbols = dict(identifiers)
    else:
        symbols = {name: sympy.Symbol(name) for name in identifiers}
    if len(text) > _LONGEST_TEXT:
        raise LawError(f"The expression '{text[:40]}...' is too long to be a law.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(text.strip(), mode="eval")
        check_bounds(tree.body, symbols)
        return check_expression(_Reader(text, symbols).read(tree.body), text)
    except (SyntaxError, RecursionError, MemoryError, TypeError, ValueError) as error:
        if isinstance(error, LawError):
            raise
        raise LawError(f"The expression '{_shown(text)}' cannot be read: {error}.") from error


def _shown(text: str) -> str:
    """The text as a message has room for it."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


class _Reader:
    """Builds the SymPy tree of one text from its Python syntax tree."""

    def __init__(self, text: str, symbols: Mapping[str, Any]) -> None:
        self._text = text
        self._symbols = symbols

    def read(self, node: ast.AST) -> Any:
        match node:
            case ast.Constant(value=bool() as value):
                return sympy.true if value else sympy.false
            case ast.Constant(value=int() as value):
                return sympy.Integer(value)
            case ast.Constant(value=float() as value) if math.isfinite(value):
                return sympy.Float(value)
            case ast.Name(id=name):
                return self._name(name)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self._number(operand)
            case ast.UnaryOp(op=ast.Invert(), operand=operand):
                return sympy.Not(self._condition(operand))
            case ast.UnaryOp(op=ast.Not()):
                raise self._refused(node, "write ~ for not")
            case ast.BinOp(op=ast.BitAnd(), left=left, right=right):
                return sympy.And(self._condition(left), self._condition(right))
            case ast.BinOp(op=ast.BitOr(), left=left, right=right):
                return sympy.Or(self._condition(left), self._condition(right))
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                return sympy.Add(*self._terms(node))
            case ast.UnaryOp(op=ast.USub()) | ast.BinOp(op=ast.Mult() | ast.Div()):
                # all factors at once: in pairs, SymPy would multiply 2*(x + 1)/y out
                return sympy.Mul(*self._factors(node))
            case ast.BinOp(op=ast.Pow(), left=left, right=right):
                return power(self._number(left), self._number(right))
            case ast.BinOp(op=ast.BitXor()):
                raise self._refused(node, "write ** for powers")
            case ast.Compare():
                return self._compare(node)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._call(name, arguments)
            case ast.BoolOp():
                raise self._refused(node, "write & and | with comparisons in parentheses")
        raise self._refused(node)

    def _refused(self, node: ast.AST, remedy: str = "") -> LawError:
        part = ast.get_source_segment(self._text.strip(), node) or self._text
        hint = f"; {remedy}" if remedy else ""
        return LawError(
            f"'{_shown(part)}' in the expression '{_shown(self._text)}' is not allowed in a "
            f"law{hint}."
        )

    def _name(self, name: str) -> Any:
        if name in self._symbols:
            return self._symbols[name]
        if name in {"pi", "E"}:
            return getattr(sympy, name)
        symbols = _shown(", ".join(self._symbols)) or "none"
        raise LawError(
            f"'{_shown(name)}' in the expression '{_shown(self._text)}' is not a known symbol; "
            f"known are: {symbols}."
        )

    def _number(self, node: ast.AST) -> Any:
        value = self.read(node)
        if not isinstance(value, sympy.Expr):
            raise self._refused(node, "a number was expected there")
        return value

    def _condition(self, node: ast.AST) -> Any:
        value = self.read(node)
        if not isinstance(value, Boolean) or value.is_Symbol:
            raise self._refused(node, "put comparisons that & or | joins in parentheses")
        return value

    def _terms(self, node: ast.AST) -> list[Any]:
        match node:
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                return [*self._terms(left), *self._terms(right)]
            case ast.BinOp(op=ast.Sub(), left=left, right=right):
                return [*self._terms(left), -self._number(right)]
        return [self._number(node)]

    def _factors(self, node: ast.AST) -> list[Any]:
        match node:
            case ast.BinOp(op=ast.Mult(), left=left, right=right):
                return [*self._factors(left), *self._factors(right)]
            case ast.BinOp(op=ast.Div(), left=left, right=right):
                return [*self._factors(left), 1 / self._number(right)]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return [sympy.Integer(-1), *self._factors(operand)]
        return [self._number(node)]

    def _compare(self, node: ast.Compare) -> Any:
        operators = {ast.Lt: sympy.Lt, ast.LtE: sympy.Le, ast.Gt: sympy.Gt, ast.GtE: sympy.Ge}
        sides = [self._number(side) for side in (node.left, *node.comparators)]
        parts = []
        for operator, left, right in zip(node.ops, sides, sides[1:], strict=False):
            if type(operator) not in operators:
                raise self._refused(node, "write Eq(a, b) or Ne(a, b)")
            parts.append(operators[type(operator)](left, right))
        return sympy.And(*parts)

    def _call(self, name: str, arguments: list[ast.expr]) -> Any:
        if name not in _ARITY:
            raise LawError(
                f"'{_shown(name)}' in the expression '{_shown(self._text)}' is not a function that "
                f"a law may use."
            )
        least, most = _ARITY[name]
        if len(arguments) < least or (most is not None and len(arguments) > most):
            or_more = f"{least} or more" if most is None else f"1 to {most}"
            wanted = least if most == least else or_more
            raise LawError(f"{name} takes {wanted} arguments, not {len(arguments)}.")
        conditions = dict.fromkeys(("And", "Or", "Not"), self._condition)
        read = {"Piecewise": self._piece, **conditions}.get(name, self._number)
        return as_double(_FUNCTIONS[name](*map(read, arguments)))

    def _piece(self, node: ast.AST) -> Any:
        if not (isinstance(node, ast.Tuple) and len(node.elts) == 2):
            raise self._refused(node, "write the pieces as (value, condition)")
        return self._number(node.elts[0]), self._condition(node.elts[1])


class _ExactPrinter(StrPrinter):
    """SymPy's own text, with every float as the double of 17 digits."""

    def _print_Float(self, expr: Any) -> str:
        value = float(expr)
        if not math.isfinite(value):
            raise LawError(f"{expr!s} is not a double and cannot be written in a law.")
        text = f"{value:.17g}"
        return text if "." in text or "e" in text else f"{text}.0"


_PRINTER = _ExactPrinter({"order": "lex"})


class PositiveFirst(Printer):
    """Printer whose sums begin with a positive term, where there is one."""

    def _as_ordered_terms(self, expr: Any, order: Any = None) -> Any:
        terms = super()._as_ordered_terms(expr, order=order)
        positive = [term for term in terms if term.as_coeff_Mul()[0].is_positive]
        return [*positive[:1], *(term for term in terms if term not in positive[:1])]


class _PlainPrinter(PositiveFirst, StrPrinter):
    """SymPy's text of a formula as it is read."""


def formula_text(expression: sympy.Basic) -> str:
    """Text of a formula as it is read, with the digits of its numbers.

    Examples
    --------
    >>> formula_text(sympy.sympify("(-x/a + 1)**c"))
    '(1 - x/a)**c'
    """
    return str(_PlainPrinter().doprint(expression))


def sympy_text(expression: sympy.Basic) -> str:
    """Text that both :func:`sympy_parse` and :func:`sympy.sympify` read back exactly.

    Rationals are written as quotients of integers, floats with 17 significant digits.

    Examples
    --------
    >>> from sympy import Float, Rational, Symbol
    >>> sympy_text(Float(0.1) * Symbol("x") ** Rational(1, 3))
    '0.10000000000000001*x**(1/3)'
    """
    return str(_PRINTER.doprint(expression))
