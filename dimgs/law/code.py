"""A law as the source of a function in C or Fortran."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import sympy

from dimgs.errors import InputError
from dimgs.law.parts import Constant

if TYPE_CHECKING:
    from dimgs.law.law import Law

_DIGITS = 17
_LONGEST = 60
_C_WORDS = (
    "auto break case char const continue default do double else enum extern float for goto if "
    "inline int long register restrict return short signed sizeof static struct switch typedef "
    "union unsigned void volatile while bool true false main exp log pow sqrt cbrt fabs sin cos "
    "tan asin acos atan sinh cosh tanh asinh acosh atanh atan2 floor ceil fmin fmax erf erfc"
)
_FORTRAN_WORDS = (
    "abs acos acosh asin asinh atan atan2 atanh call cos cosh do double else end erf erfc exp "
    "floor function if implicit int intent integer intrinsic log max merge min module none only "
    "parameter program pure real real64 result return sign sin sinh sqrt subroutine tan tanh then "
    "type use ceiling dble"
)
# functions that neither language has, by ones that both have
_REWRITTEN: Mapping[Any, Callable[[Any], Any]] = {
    sympy.cot: lambda x: 1 / sympy.tan(x),
    sympy.sec: lambda x: 1 / sympy.cos(x),
    sympy.csc: lambda x: 1 / sympy.sin(x),
    sympy.coth: lambda x: 1 / sympy.tanh(x),
    sympy.sech: lambda x: 1 / sympy.cosh(x),
    sympy.csch: lambda x: 1 / sympy.sinh(x),
    sympy.acot: lambda x: sympy.atan(1 / x),
    sympy.acoth: lambda x: sympy.atanh(1 / x),
    sympy.sign: lambda x: sympy.Piecewise((1.0, x > 0), (-1.0, x < 0), (0.0, True)),
}


def source_code(law: "Law", language: str, name: str = "law") -> str:
    """Source of a function of the inputs in SI units, with nothing but the standard library.

    Parameters
    ----------
    law : Law
        A prefactor of its own for each label is left out: the function has the pooled one.
    language : {"python", "c", "fortran"}
    name : str
        Name of the function.

    Returns
    -------
    str
        For Python a NumPy function, for C a function of doubles (C99), for Fortran a pure
        function in a module (2008, free form).

    Raises
    ------
    InputError
        If there is no such language, or `name` cannot name a function in it.
    """
    writers = {"c": _c, "fortran": _fortran}
    chosen = language.casefold()
    if not re.fullmatch(r"[A-Za-z]\w{0,50}", name, re.ASCII):
        raise InputError(f"'{name}' cannot name a function; use letters, digits and underscores.")
    if chosen == "python":
        from dimgs.law.source import python_source

        return python_source(law, name)
    if chosen not in writers:
        raise InputError(
            f"There is no printer for '{language}'; choose from python, c and fortran."
        )
    return writers[chosen](law, name)


def _prepared(law: "Law", names: Mapping[str, str]) -> sympy.Expr:
    """Expression in the names of the language, without what the language lacks."""
    expression = law.expression
    for function, rewrite in _REWRITTEN.items():
        expression = expression.replace(function, rewrite)
    for head in (sympy.Min, sympy.Max, sympy.functions.elementary.piecewise.ExprCondPair):
        expression = expression.replace(head, lambda *args, head=head: head(*map(_real, args)))
    numbers = {x: sympy.Float(x, _DIGITS) for x in expression.atoms(sympy.NumberSymbol)}
    symbols = {s: sympy.Symbol(names[s.name], real=True) for s in expression.free_symbols}
    return expression.xreplace(numbers).xreplace(symbols)


def _used(law: "Law") -> list[Constant]:
    """Constants that the expression contains."""
    names = {s.name for s in law.expression.free_symbols}
    return [c for c in law.constants if c.name in names]


def _real(part: sympy.Basic) -> sympy.Basic:
    """A whole number as a double, where a function wants one type."""
    return sympy.Float(part, _DIGITS) if part.is_Integer else part


def _names(law: "Law", reserved: str, taken: str, *, fold: bool) -> dict[str, str]:
    """Name of each input and constant: ASCII, free, and apart from the others."""
    used = {*reserved.split(), taken.casefold() if fold else taken}
    out = {}
    for given in (*law.symbols, *(c.name for c in law.constants)):
        plain = unicodedata.normalize("NFKD", given).encode("ascii", "ignore").decode()
        stem = re.sub(r"\W", "_", plain).strip("_")[:_LONGEST] or "x"
        stem = stem if stem[0].isalpha() else f"x_{stem}"
        name, count = stem, 1
        while (name.casefold() if fold else name) in used:
            count += 1
            name = f"{stem}_{count}"
        used.add(name.casefold() if fold else name)
        out[given] = name
    return out


def _inputs(law: "Law", names: Mapping[str, str]) -> list[str]:
    rows = [f"{names[s]}: {_ascii(v.name)} in {_ascii(v.si_unit)}" for s, v in law.symbols.items()]
    return [f"{_ascii(law.target.name)} in {_ascii(law.target_unit)}", *rows]


def _ascii(text: str) -> str:
    """Text for a comment: one line, nothing that ends it."""
    plain = text.encode("ascii", "backslashreplace").decode()
    return "".join(c if c.isprintable() else " " for c in plain).replace("*/", "* /")


def _c(law: "Law", name: str) -> str:
    from sympy.printing.c import C99CodePrinter

    names = _names(law, _C_WORDS, name, fold=False)
    printer = C99CodePrinter({"precision": _DIGITS, "math_macros": {}})
    body = printer.doprint(_prepared(law, names))
    arguments = ", ".join(f"double {names[s]}" for s in law.symbols) or "void"
    comment = "\n".join(f" * {line}" for line in _inputs(law, names))
    lines = ["#include <math.h>", "", f"/*\n{comment}\n */", f"double {name}({arguments})", "{"]
    lines += [
        f"    const double {names[c.name]} = {c.value!r}; /* {_ascii(c.unit)} */"
        for c in _used(law)
    ]
    return "\n".join([*lines, f"    return {body};", "}", ""])


def _fortran(law: "Law", name: str) -> str:
    from sympy.printing.fortran import FCodePrinter

    names = _names(law, f"{_FORTRAN_WORDS} {name}_module", name, fold=True)
    result = "value"
    while result in {each.casefold() for each in (*names.values(), name)}:
        result += "_"
    printer = FCodePrinter(
        {"precision": _DIGITS, "standard": 2008, "source_format": "free", "human": False}
    )
    _, _, body = printer.doprint(_prepared(law, names))
    values = [names[s] for s in law.symbols]
    arguments = ", ".join(values)
    lines = [f"module {name}_module", "  implicit none", "contains"]
    lines += [f"  pure function {name}({arguments}) result({result})"]
    lines += [f"    ! {line}" for line in _inputs(law, names)]
    lines += ["    use, intrinsic :: iso_fortran_env, only: real64"]
    lines += [f"    real(real64), intent(in) :: {value}" for value in values]
    lines += [f"    real(real64) :: {result}"]
    lines += [
        f"    real(real64), parameter :: {names[c.name]} = {_double(c.value)} ! {_ascii(c.unit)}"
        for c in _used(law)
    ]
    text = re.sub(r"&\n\s*", "", str(body)).strip()
    lines += _folded(f"    {result} = {text}")
    return "\n".join([*lines, f"  end function {name}", f"end module {name}_module", ""])


def _double(value: float) -> str:
    """Literal of double precision."""
    mantissa, exponent = f"{value:.16e}".split("e")
    return f"{mantissa}d{int(exponent)}"


def _folded(line: str, width: int = 100) -> list[str]:
    """Statement over several lines, broken where a blank stands."""
    out, rest = [], line
    while len(rest) > width:
        cut = rest.rfind(" ", 8, width)
        cut = rest.find(" ", width) if cut < 0 else cut
        if cut < 0:
            break
        out.append(f"{rest[:cut]} &")
        rest = f"      {rest[cut + 1 :]}"
    return [*out, rest]
