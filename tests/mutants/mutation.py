"""Small faults of a source text: an operator, a comparison, a constant, a term, a branch."""

import ast
import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass

_SWAPPED: dict[type[ast.AST], list[type[ast.AST]]] = {
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Div],
    ast.Div: [ast.Mult],
    ast.FloorDiv: [ast.Mult],
    ast.Mod: [ast.FloorDiv],
    ast.Pow: [ast.Mult],
    ast.Lt: [ast.GtE],
    ast.LtE: [ast.Gt],
    ast.Gt: [ast.LtE],
    ast.GtE: [ast.Lt],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.And: [ast.Or],
    ast.Or: [ast.And],
    ast.BitAnd: [ast.BitOr],
    ast.BitOr: [ast.BitAnd],
}
# the same but for equal sides, which only counts have
_EDGES: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
# functions of one number that a fault may leave out
_OMITTED = {"abs", "sqrt", "log", "exp", "log1p", "square", "cumsum", "unique"}
# functions of several of which a fault may leave one argument
_ONE_OF = {"max", "min", "maximum", "minimum"}
# a larger whole number is a limit or a size, of which one more or less makes no difference
_SMALL = 10
# a smaller number tells rounding from data, and is as good within a factor of ten
_ROUNDING = 1e-5
# words are not numbers, types are checked elsewhere, and a message is not looked at here
_PASSED_OVER = (ast.JoinedStr, ast.Raise, ast.Import, ast.ImportFrom, ast.Assert, ast.Delete)


@dataclass(frozen=True)
class Mutant:
    """A fault: where in a source text which piece is replaced by which."""

    path: str
    where: str
    line: int
    start: int
    end: int
    old: str
    new: str

    @property
    def key(self) -> str:
        """Its name, which stays when lines are added above it."""
        return f"{self.path} | {self.where} | {self.old} -> {self.new}"

    def applied(self, source: str) -> str:
        """The source text with the fault in it."""
        return f"{source[: self.start]}{self.new}{source[self.end :]}"


def mutants(path: str, source: str) -> list[list[Mutant]]:
    """For each place of a source text, the faults that it may have.

    Parameters
    ----------
    path : str
        Of the file, for the names.
    source : str
    """
    tree = ast.parse(source)
    begins = [0]
    for line in source.splitlines(keepends=True):
        begins.append(begins[-1] + len(line))
    lines = source.splitlines()
    found = []
    for node, where in _places(tree, ""):
        faults = list(_faults(node))
        if isinstance(node, ast.If):
            # its test alone, so that the branches stay as they are written
            node = node.test
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        # offsets are in bytes of UTF-8
        start = begins[first] + len(lines[first].encode()[: node.col_offset].decode())
        end = begins[last] + len(lines[last].encode()[: node.end_col_offset].decode())
        old, here = source[start:end], []
        for fault in faults:
            # a piece of an expression keeps its place in it
            new = ast.unparse(ast.fix_missing_locations(fault))
            new = new if isinstance(node, ast.stmt | ast.Slice | ast.Constant) else f"({new})"
            if ast.dump(fault) != ast.dump(node):
                here.append(Mutant(path, where, node.lineno, start, end, old, new))
        if here:
            found.append(here)
    return found


def _places(node: ast.AST, where: str) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """Expressions and statements that may have a fault, with the function that they are in."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, _PASSED_OVER):
                continue
            if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
                continue
            # a check of lengths that never fails
            if isinstance(child, ast.keyword) and child.arg == "strict":
                continue
            inner = where
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                inner = f"{where}.{child.name}".lstrip(".")
            if isinstance(child, ast.expr | ast.stmt):
                yield child, inner
            yield from _places(child, inner)


def _faults(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.BinOp(op=ast.BitOr(), right=ast.Constant()):
            # a type that may be none
            return
        case ast.BinOp(left=left, op=op, right=right):
            yield from (_with(node, op=swap()) for swap in _SWAPPED.get(type(op), ()))
            if not isinstance(op, ast.MatMult | ast.Mod):
                yield left
            if isinstance(op, ast.Add | ast.Mult):
                yield right
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert(), operand=operand):
            yield operand
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            yield from (_with(node, ops=[swap()]) for swap in _SWAPPED.get(type(op), ()))
            if type(op) in _EDGES and (_is_count(left) or _is_count(right)):
                yield _with(node, ops=[_EDGES[type(op)]()])
        case ast.BoolOp(op=op, values=values):
            yield from (_with(node, op=swap()) for swap in _SWAPPED[type(op)])
            yield from _without_one(node, "values", values)
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            if isinstance(getattr(node, "ctx", ast.Load()), ast.Load) and len(parts) > 1:
                yield from _without_one(node, "elts", parts)
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)) if value <= _SMALL:
            yield from (ast.Constant(value + 1), ast.Constant(value - 1))
        case ast.Constant(value=int(value)):
            yield ast.Constant(3 * value // 2)
        case ast.Constant(value=float(value)) if not 0.0 < abs(value) < _ROUNDING:
            yield ast.Constant(1.5 * value if value else 1.0)
        case ast.IfExp(test=test, body=body, orelse=other):
            yield ast.IfExp(test, other, body)
        case ast.If(test=test):
            yield ast.UnaryOp(ast.Not(), test)
        case ast.Return(value=ast.expr() as value) if not _is_nothing(value):
            yield ast.Return(ast.Constant(None))
        case ast.Slice(lower=lower, upper=upper, step=step):
            if lower is not None:
                yield ast.Slice(None, upper, step)
            if upper is not None:
                yield ast.Slice(lower, None, step)
            if step is not None:
                yield ast.Slice(lower, upper, None)
        case ast.Call(func=function, args=[first, *rest]) if not node.keywords:
            name = getattr(function, "attr", getattr(function, "id", ""))
            if not rest and name in _OMITTED:
                yield first
            if rest and name in _ONE_OF:
                yield from (first, rest[-1])


def _with(node: ast.AST, **parts: object) -> ast.AST:
    other = deepcopy(node)
    for name, part in parts.items():
        setattr(other, name, part)
    return other


def _without_one(node: ast.AST, name: str, parts: list[ast.expr]) -> Iterator[ast.AST]:
    if any(isinstance(part, ast.Starred | ast.Slice) for part in parts):
        return
    for k in range(len(parts)):
        yield _with(node, **{name: parts[:k] + parts[k + 1 :]})


def _is_count(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=int()) | ast.Call(func=ast.Name(id="len")):
            return True
        case ast.BinOp(left=left, right=right):
            return _is_count(left) or _is_count(right)
    return False


def _is_nothing(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value in (None, False)


def draw(
    places: list[list[Mutant]], count: int, rng: random.Random, left_out: Callable[[Mutant], bool]
) -> list[Mutant]:
    """Faults at so many different places, each place and each of its faults as probable."""
    found: list[Mutant] = []
    for here in rng.sample(places, len(places)):
        if len(found) == count:
            break
        mutant = rng.choice(here)
        if not left_out(mutant):
            found.append(mutant)
    return found
