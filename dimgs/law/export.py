"""A law for use elsewhere: LaTeX, HTML, and the source of a function in Python, C or Fortran."""

import keyword
import math
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any, Literal

import numpy as np
import sympy

from dimgs.common.errors import InputError
from dimgs.common.escape import comments, docstring, visible
from dimgs.common.escape import html as escape
from dimgs.expression.parsing import formula_text
from dimgs.expression.simplest import monomial
from dimgs.groups.group import PiBasis
from dimgs.law import latex
from dimgs.law.canonical import shortest
from dimgs.law.checked_law import CheckedLaw
from dimgs.law.display import (
    MOST_DIGITS,
    ShownConstant,
    half_widths,
    name_exponents,
    only_scales,
    plain_number_note,
    round_decimals,
    shown_at,
    shown_constants,
    shown_ranges,
    with_decades,
    without_held,
)
from dimgs.law.latex import tabular
from dimgs.law.prediction import LEVERAGE, bounds, signs
from dimgs.variables import unit_suffix

# ---- A law in LaTeX and HTML.


def column_symbols(basis: PiBasis) -> dict[str, str]:
    """LaTeX symbol of each variable of a basis, by column name."""
    variables = [*basis.variables, *([basis.target] if basis.target else [])]
    return latex.distinct_symbols({v.name: v.kind for v in variables})


def law_symbols(law: CheckedLaw) -> dict[str, str]:
    """LaTeX symbol of each input of a law by its identifier."""
    columns = _law_columns(law)
    return {s: columns[v.name] for s, v in law.symbols.items()}


def _law_columns(law: CheckedLaw) -> dict[str, str]:
    """LaTeX symbol of each input of a law and of its target, by column name."""
    variables = (*law.symbols.values(), law.target)
    return latex.distinct_symbols({v.name: v.kind for v in variables})


def law_text(law: CheckedLaw) -> str:
    """A law as plain text, in the names of the columns where these can stand in a formula."""
    shown = with_decades(law, shortest(without_held(law)))
    expression = round_decimals(shown, half_widths(law))
    taken = {str(s) for s in expression.free_symbols}
    names = {
        sympy.Symbol(s): sympy.Symbol(v.name)
        for s, v in law.symbols.items()
        if v.name.isidentifier() and v.name not in taken
    }
    return f"{visible(law.target.name)} = {formula_text(expression.xreplace(names))}"


def law_latex(law: CheckedLaw, form: Literal["dimensional", "pi", "whole"]) -> str:
    """LaTeX of a law; see :meth:`Law.latex`; "whole" is in all inputs of its expression."""
    left, names = _law_columns(law)[law.target.name], law_symbols(law)
    if form == "pi":
        left, names, shown = response_symbol(law), names | group_symbols(law), law.pi_expression
    else:
        shown = shortest(law if form == "whole" else without_held(law))
    rounded = round_decimals(with_decades(law, shown), half_widths(law))
    return f"{left} = {latex.expression_latex(rounded, names, MOST_DIGITS)}"


def response_symbol(law: CheckedLaw) -> str:
    """LaTeX of what the pi form gives: pi_0, or a target that is a level."""
    if law.target.is_level:
        return _law_columns(law)[law.target.name]
    return law.response.symbol or "\\pi_{0}"


def group_symbols(law: CheckedLaw) -> dict[str, str]:
    """LaTeX symbol of each group by its name; a symbol that two groups share is not used."""
    symbols = [g.symbol for g in (law.response, *law.groups)]
    return {
        g.name: g.symbol
        if g.symbol and symbols.count(g.symbol) == 1
        else f"\\pi_{{{g.name.removeprefix('pi_')}}}"
        for g in law.groups
    }


def group_definitions(law: CheckedLaw) -> list[str]:
    """LaTeX equation of each group and of the response group."""
    columns = _law_columns(law)
    labels = group_symbols(law) | {law.response.name: law.response.symbol or "\\pi_{0}"}
    return [
        f"{labels[group.name]} = {latex.group_latex(group, columns)}"
        for group in (law.response, *law.groups)
    ]


def law_symbol_table(law: CheckedLaw) -> str:
    """LaTeX table of the symbols of a law, with siunitx units and ranges.

    Units are those of the table, as everywhere in what is read; see :func:`shown_constants`.
    """
    target = law.target
    unit = target.unit.text if only_scales(target) else law.target_unit
    columns = _law_columns(law)
    symbol = columns[target.name]
    rows: list[latex.SymbolRow] = [(symbol, target.kind or "target", unit, (None, None))]
    for identifier, (unit, ends) in shown_ranges(law).items():
        variable = law.symbols[identifier]
        symbol = columns[variable.name]
        rows.append((symbol, variable.kind or variable.name, unit, ends))
    for constant in shown_constants(law):
        symbol = latex.symbol_latex(constant.name)
        rows.append((symbol, f"{constant.origin} constant", constant.unit, _ends(constant)))
    return latex.symbol_table(rows)


def _ends(constant: ShownConstant) -> tuple[float | None, float | None]:
    """Interval of a constant that was fitted; what is known otherwise has none."""
    return (constant.low, constant.high) if constant.origin == "fitted" else (None, None)


def constant_equations(law: CheckedLaw) -> list[str]:
    """LaTeX of each constant: symbol = value with unit and interval, in the table's units."""
    return [
        f"{latex.symbol_latex(c.name)} = {latex.quantity_latex(c.value, *_ends(c), c.unit)}"
        for c in shown_constants(law)
    ]


def law_article(law: CheckedLaw) -> str:
    """A small article that compiles with amsmath and siunitx: law, constants, groups, symbols.

    Where sources differ, tables say by what the law of a typical one is multiplied, and with which
    constants.
    """
    body = [latex.equation(law_latex(law, "dimensional"))]
    body += [latex.equation(line) for line in constant_equations(law)]
    if note := plain_number_note(law):
        body.append(latex.text_latex(note))
    if all(scale.value is not None for scale in law.scales):
        # in groups with a scale of 1 SI unit the constants would be those of SI units
        body += [latex.equation(law_latex(law, "pi"))]
        body += [latex.equation(line) for line in group_definitions(law)]
    tables = [*label_tables(law), *source_tables(law)]
    return latex.article(*body, law_symbol_table(law), *tables)


def label_tables(law: CheckedLaw) -> list[str]:
    """LaTeX table of what the law is multiplied by for each label that keeps its prefactor."""
    effects, level = law.label_effects, law.target.is_level
    if effects is None:
        return []
    what = "Addend, in natural-log units" if level else "Factor"
    rows = [
        [latex.text_latex(label), f"${latex.number_latex(x if level else math.exp(x))}$"]
        for label, x in effects.log_ratios.items()
    ]
    return [tabular([f"Group by {latex.text_latex(effects.column)}", what], rows)]


def source_tables(law: CheckedLaw) -> list[str]:
    """LaTeX table for each kind of source: factor and constants of the law of each."""
    symbols = {v.name: latex.symbol_latex(v.name, v.kind) for v in law.symbols.values()}
    level, out = law.target.is_level, []
    for each in law.sources:
        rows = []
        for label in each.shifts:
            prefactor, exponents, plain = each.of_source(label, law.groups)
            size = latex.number_latex(prefactor if level else math.exp(prefactor))
            powers = [
                (symbols[k], latex.number_latex(v)) for k, v in exponents.items() if k in symbols
            ]
            terms = [rf"({v}) \ln {x}" if level else f"{x}^{{{v}}}" for x, v in powers]
            rest = [f"({latex.number_latex(v)}) {symbols[k]}" for k, v in plain.items()]
            terms += rest if level else [rf"\exp[{x}]" for x in rest]
            text = (" + " if level else r" \, ").join([size, *terms])
            values = {n: law.constant_values[n] + x for n, x in each.added(label).items()}
            constants = [
                f"${latex.quantity_latex(c.value, unit=c.unit)}$"
                for c in shown_at(law, values).values()
            ]
            rows.append([latex.text_latex(label), f"${text}$", *constants])
        what = "Addend, in natural-log units" if level else "Factor, with inputs in SI units"
        head = [f"Source by {latex.text_latex(each.column)}", what]
        head += [f"${latex.symbol_latex(name)}$" for name in each.constants if name]
        out.append(tabular(head, rows))
    return out


def law_html(law: CheckedLaw) -> str:
    """Short HTML summary for notebooks."""
    scores = law.scores
    cv_r2 = "n/a" if scores.cv_r2_log is None else f"{scores.cv_r2_log:.4f}"
    constants = "".join(
        f"<li>{escape(c.name)} = {c.value:.5g}{escape(unit_suffix(c.unit))}</li>"
        for c in shown_constants(law)
    )
    formula = latex.mathml(law_latex(law, "dimensional"), display=True)
    return (
        f'<div style="font-size:1.3em">{formula}</div>'
        f"<ul>{constants}</ul><p>{escape(law.target.name)} in {escape(law.target_unit)}; R² of "
        f"runs left out (log scale): {cv_r2}</p>"
    )


# ---- A law as the source of a function in Python, C or Fortran.


# every double has its own text of 17 digits
_DIGITS = 17
# a Fortran name has 63 characters at most, some of which may become a number
_LONGEST = 58
# lines of Fortran end at column 132
_WIDTH = 100
_C_WORDS = (
    "auto break case char const continue default do double else enum extern float for goto if "
    "inline int long register restrict return short signed sizeof static struct switch typedef "
    "union unsigned void volatile while bool true false main exp log pow sqrt cbrt fabs sin cos "
    "tan asin acos atan sinh cosh tanh asinh acosh atanh atan2 floor ceil fmin fmax erf erfc "
    "exp2 expm1 log2 log10 log1p hypot fma tgamma lgamma asm typeof typeof_unqual linux unix "
    "alignas alignof constexpr nullptr static_assert thread_local isnan isinf isfinite isnormal "
    "signbit fpclassify isgreater isgreaterequal isless islessequal islessgreater isunordered "
    "NAN INFINITY HUGE_VAL HUGE_VALF HUGE_VALL NULL DOMAIN SING OVERFLOW UNDERFLOW PLOSS TLOSS "
    "math_errhandling"
)
# prefixes of macros of math.h
_C_MACROS = ("M_", "FP_", "MATH_", "X_")
_FORTRAN_WORDS = (
    "abs acos acosh asin asinh atan atan2 atanh call cos cosh do double else end erf erfc exp "
    "floor function if implicit int intent integer intrinsic log max merge min module none only "
    "parameter program pure real real64 result return sign sin sinh sqrt subroutine tan tanh then "
    "type use ceiling dble contains iso_fortran_env"
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


@dataclass(frozen=True)
class _Language:
    """Rules for names in a programming language.

    Attributes
    ----------
    reserved : frozenset of str
    macros : tuple of str
        Beginnings of names that are not free.
    fold : bool
        Whether capitals do not count.
    ascii : bool
        Whether names are of ASCII letters alone.
    """

    reserved: frozenset[str]
    macros: tuple[str, ...] = ()
    fold: bool = False
    ascii: bool = True

    def key(self, name: str) -> str:
        """Common key of all spellings of a name."""
        plain = unicodedata.normalize("NFKC", name)
        return plain.casefold() if self.fold else plain

    def is_free(self, name: str) -> bool:
        """Whether a name means nothing in the language."""
        return self.key(name) not in self.reserved and not name.startswith(self.macros)

    def stem(self, name: str) -> str:
        """A name that the language can read, as near to the given one as may be."""
        if not self.ascii and name.isidentifier() and not name.startswith("__"):
            stem = name
        else:
            plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
            stem = re.sub(r"\W", "_", plain).strip("_") or "x"
            stem = (stem if stem[0].isalpha() else f"x_{stem}")[:_LONGEST]
        return stem if self.is_free(stem) else f"x_{stem}"[:_LONGEST]


_LANGUAGES = {
    "python": _Language(
        frozenset({*keyword.kwlist, "np", "numpy", "scipy", "functools", "abs"}), ascii=False
    ),
    "c": _Language(frozenset(_C_WORDS.split()), _C_MACROS),
    "fortran": _Language(frozenset(_FORTRAN_WORDS.split()), fold=True),
}


def source_code(law: CheckedLaw, language: str, name: str = "law") -> str:
    """Source code of a law as a function in SI units, and of a function for its domain.

    The second, ``NAME_outside``, takes the inputs that the domain of the law is judged in, in the
    order of the function; in Python held ones by name, by default as they were held. There it gives
    the names of what is left, each with the rows; in C and Fortran the number of the first of them,
    in the order of the comment, and 0 inside. Comments state the domain, what the runs held, and
    whether the law was confirmed. Labels are in the comments alone.

    Parameters
    ----------
    law : Law
        A prefactor of its own for each label is left out: the function has the pooled one. What
        differs between sources stands in the comments.
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
    writers = {"python": _python, "c": _c, "fortran": _fortran}
    chosen = language.casefold()
    if chosen not in writers:
        raise InputError(
            f"There is no printer for '{language}'; choose from python, c and fortran."
        )
    return writers[chosen](law, _checked(chosen, name))


def _checked(language: str, name: str) -> str:
    """The name of a function, where it can be one."""
    if not re.fullmatch(r"[A-Za-z]\w{0,50}", name, re.ASCII):
        raise InputError(f"'{name}' cannot name a function; use letters, digits and underscores.")
    if not _LANGUAGES[language].is_free(name):
        raise InputError(f"'{name}' means something else in {language.title()}; use another name.")
    return name


def _names(language: str, law: CheckedLaw, taken: str) -> dict[str, str]:
    """Name of each input and constant: free in the language, and apart from the others.

    Those of inputs that the expression does not contain stand under their columns in brackets.
    """
    rules = _LANGUAGES[language]
    used = {rules.key(name) for name in taken.split()}
    out = {}
    others = (f"[{v.name}]" for v in law.unused)
    constants = (*law.constants, *name_exponents(law).constants)
    for symbol in (*law.symbols, *(c.name for c in constants), *others):
        stem = rules.stem(symbol.strip("[]"))
        name, count = stem, 1
        while rules.key(name) in used:
            count += 1
            name = f"{stem}_{count}"
        used.add(rules.key(name))
        out[symbol] = name
    return out


def _prepared(law: CheckedLaw, names: Mapping[str, str]) -> sympy.Expr:
    """Expression in the names of the language, without what C and Fortran lack."""
    expression = name_exponents(law, shortest(law)).expression
    for function, rewrite in _REWRITTEN.items():
        expression = expression.replace(function, rewrite)
    for head in (sympy.Min, sympy.Max, sympy.functions.elementary.piecewise.ExprCondPair):
        expression = expression.replace(head, lambda *args, head=head: head(*map(_real, args)))
    numbers = {x: sympy.Float(x, _DIGITS) for x in expression.atoms(sympy.NumberSymbol)}
    symbols = {s: sympy.Symbol(names[s.name], real=True) for s in expression.free_symbols}
    return expression.xreplace(numbers).xreplace(symbols)


def _constants(law: CheckedLaw, names: Mapping[str, str]) -> list[tuple[str, float, str]]:
    """Name, value and unit of the constants that the expression contains."""
    form = name_exponents(law)
    used = {s.name for s in form.expression.free_symbols}
    constants = (c for c in (*law.constants, *form.constants) if c.name in used)
    return [(names[c.name], c.value, c.unit) for c in constants]


def _real(part: sympy.Basic) -> sympy.Basic:
    """A whole number as a double, where a function wants one type."""
    return sympy.Float(part, _DIGITS) if part.is_Integer else part


def _commented(lines: Iterable[str], mark: str) -> list[str]:
    return [f"{mark}{line}".rstrip() for line in comments(lines)]


def _described(law: CheckedLaw, names: Mapping[str, str]) -> tuple[str, list[str]]:
    """Comment of a function: its value, its inputs and the domain of the law."""
    inputs = [f"{names[s]}: {v.name} in {v.si_unit}" for s, v in law.symbols.items()]
    note = plain_number_note(law, in_si=True)
    takes = [*inputs, *([note] if note else []), "", *domain_lines(law)]
    return f"{law.target.name} in {law.target_unit}", takes


def domain_lines(law: CheckedLaw) -> list[str]:
    """Comment on the domain, the constant inputs and the verdict of a law, in SI units."""
    units = {n: "" if unit == "1" else f" {unit}" for n, (*_, unit) in law.domain.columns.items()}
    ranges = bounds(law)
    lines = ["Domain, judged in the groups of its runs:"]
    if not ranges:
        lines = ["Domain: no group is free, so the units alone extend the law beyond its runs."]
    scales = {s.name for s in law.scales}
    for bound in ranges:
        powers = (
            [(n, e) for n, e in bound.group.exponents if n not in scales] if bound.group else []
        )
        formula = "*".join(n if e == 1 else f"{n}^({e})" for n, e in powers)
        name = f"{bound.name} = {formula}" if formula and formula != bound.name else bound.name
        name += "" if bound.label is None else f" of {bound.label}"
        ends = " to ".join(dict.fromkeys(f"{x:.6g}" for x in (bound.low, bound.high)))
        lines.append(f"{name}: {ends}{'' if formula else units[bound.columns[0]]}")
    lines += ["Held in every run:"] if law.domain.held else []
    for name, value in law.domain.held.items():
        value_text = f"'{value}'" if isinstance(value, str) else f"{value:.6g}{units[name]}"
        lines.append(f"{name} = {value_text}")
    lines += [*_label_lines(law), *_source_lines(law)]
    return [*lines, *([law.doubt] if law.doubt else []), law.verdict]


def _label_lines(law: CheckedLaw) -> list[str]:
    """By what the function, which is that of the middle label, is multiplied for each label."""
    effects, level = law.label_effects, law.target.is_level
    if effects is None:
        return []
    every = effects.log_ratios.items()
    sign, unit = ("+", " in natural-log units") if level else ("*", "")
    lines = [f"Labels of {effects.column}: of a middle one as here, of the others {sign}{unit}"]
    return [*lines, *(f"{k}: {x if level else math.exp(x):.6g}" for k, x in every)]


def _source_lines(law: CheckedLaw) -> list[str]:
    """By what the function of a typical source is multiplied for each, and with which constants."""
    lines, sign = [], "+" if law.target.is_level else "*"
    for each in law.sources:
        lines.append(f"Sources by {each.column}: of a typical one as here, of the others {sign}")
        for label in each.shifts:
            prefactor, exponents, plain = each.of_source(label, law.groups)
            constants = [
                f", {n} = {law.constant_values[n] + x:.6g}" for n, x in each.added(label).items()
            ]
            scales = {v.name for v in law.scales}
            if law.target.is_level:
                logs = [f"{v:+.6g}*log({k})" for k, v in exponents.items() if k not in scales]
                lines.append(f"{label}: ({prefactor:.6g} {' '.join(logs)}) in natural-log units")
                continue
            powers = [f"*{k}^({v:.6g})" for k, v in exponents.items() if v and k not in scales]
            rest = [f"*exp({v:.6g}*{k})" for k, v in plain.items() if v]
            text = "".join([*powers, *rest, *constants])
            lines.append(f"{label}: {math.exp(prefactor):.6g}{text}")
    return lines


@dataclass(frozen=True)
class _DomainTest:
    """Conditions of the domain, in the names of a programming language.

    Attributes
    ----------
    conditions : list of (str, sympy.Expr, list of (str, float))
        Name and value of each bound, of signs, and of the leverage where it is limited, with their
        relations to numbers.
    n_bounds : int
        Number of the first ones, which are judged by themselves: signs and leverage are only
        looked at inside these.
    takes : dict of str to (str, float or None)
        Identifier -> words, and where the runs held it.
    """

    conditions: list[tuple[str, sympy.Expr, list[tuple[str, float]]]]
    n_bounds: int
    takes: dict[str, tuple[str, float | None]]

    @classmethod
    def of(cls, law: CheckedLaw, names: Mapping[str, str]) -> "_DomainTest":
        """Of a law."""
        domain = law.domain
        identifiers = {v.name: names[s] for s, v in law.symbols.items()}
        identifiers |= {v.name: names[f"[{v.name}]"] for v in law.unused}
        numbers = {v.name: sympy.Float(v.value, _DIGITS) for v in law.known if v.value is not None}
        numbers |= {s.name: sympy.Integer(1) for s in law.scales}
        values = numbers | {n: sympy.Symbol(x, real=True) for n, x in identifiers.items()}
        conditions, coordinates = [], {}
        judged = [bound for bound in bounds(law) if bound.label is None]
        for bound in judged:
            value = values[bound.columns[0]] if bound.columns else sympy.Integer(1)
            if bound.group is not None:
                value = monomial(bound.group.exponents, values)
            low, high = bound.ends
            conditions.append((bound.name, value, [(">=", low), ("<=", high)]))
            coordinates[bound.name] = sympy.log(value) if bound.name in law.logged else value
        conditions += [(s.name, values[s.column], [(s.relation, 0.0)]) for s in signs(law, judged)]
        away = [
            coordinates[name] - sympy.Float(middle, _DIGITS)
            for name, middle in zip(domain.features, domain.centre, strict=True)
        ]
        leverage = sympy.Add(
            *(
                sympy.Float(domain.precision[i][j] * (1 if i == j else 2), _DIGITS) * x * y
                for i, x in enumerate(away)
                for j, y in enumerate(away[: i + 1])
            )
        )
        used = {str(x) for _, value, *_ in conditions for x in value.free_symbols}
        held = {n: v for n, v in domain.held.items() if not isinstance(v, str)}
        units = {v.name: v.si_unit for v in law.inputs}
        takes = {
            x: (f"{n} in {units[n]}", held.get(n)) for n, x in identifiers.items() if x in used
        }
        if away and np.isfinite(domain.max_leverage):
            conditions.append((LEVERAGE, leverage, [("<=", domain.most_leverage)]))
        return cls(conditions, len(judged), takes)

    @property
    def lines(self) -> list[str]:
        """Comment of the function in C and Fortran, which gives the number of a condition."""
        lines = ["Number of the first range that a point leaves, 0 inside:"]
        lines += [f"{k}: {name}" for k, (name, *_) in enumerate(self.conditions, 1)]
        for x, (words, held) in self.takes.items():
            lines.append(f"{x}: {words}" + ("" if held is None else f", {held:.6g} in every run"))
        return lines


def numpy_function(
    name: str,
    arguments: Collection[str],
    described: tuple[str, Sequence[str]],
    expression: sympy.Expr,
    constants: Iterable[tuple[str, float, str]] = (),
) -> str:
    """Source of a NumPy function, exact rationals as quotients and floats at 17 digits.

    Parameters
    ----------
    name : str
    arguments : collection of str
        Identifiers. Each is read as doubles, so that plain numbers and whole ones have the values
        of an array: inf where one of Python would raise an error, nan where it would be complex.
    described : (str, sequence of str)
        What it gives and what it takes, as any text.
    expression : sympy.Expr
    constants : iterable of (str, float, str)
        Identifier, value and unit of each.
    """
    _checked("python", name)
    body = _numpy(expression)
    gives, takes = described
    used = [module for module in ("functools", "scipy.special") if f"{module}." in body]
    imports = [f"import {module}" for module in used]
    lines = sorted(["import numpy as np", *imports], key=lambda line: line.split()[1])
    lines += ["", "", f"def {name}({', '.join(arguments)}):"]
    lines.append(docstring([f"{gives}.", "", "Inputs:", *takes]))
    lines += _as_doubles(arguments)
    lines += [
        f"    {symbol} = {value!r}  # {' '.join(comments([unit]))}"
        for symbol, value, unit in constants
    ]
    return "\n".join([*lines, f"    return {body}", ""])


def _as_doubles(arguments: Iterable[str]) -> list[str]:
    """Statements that make arrays of the arguments of a function."""
    return [f"    {name} = np.asarray({name}, dtype=float)" for name in arguments]


def _python(law: CheckedLaw, name: str) -> str:
    names = _names("python", law, f"{name} {name}_outside left_ value_ name_ rows_")
    renamed = {sympy.Symbol(k): sympy.Symbol(v) for k, v in names.items()}
    expression = name_exponents(law, shortest(law)).expression.xreplace(renamed)
    inputs, constants = [names[s] for s in law.symbols], _constants(law, names)
    function = numpy_function(name, inputs, _described(law, names), expression, constants)
    test = _DomainTest.of(law, names)
    # by name alone: arguments with a default have to come last, where those of the law do not
    held = [f"{n}={value!r}" for n, (_, value) in test.takes.items() if value is not None]
    plain = [n for n, (_, value) in test.takes.items() if value is None]
    takes = ", ".join([*plain, *(["*", *held] if held else [])])
    about = [f"{n}: {words}" for n, (words, _) in test.takes.items()]
    what = f"Rows outside the domain of {name}, by the range that they leave; empty inside."
    lines = [function, "", f"def {name}_outside({takes}):"]
    lines.append(docstring([what, "", "Inputs:", *about]))
    lines += _as_doubles(test.takes)
    lines += ["    left_ = {}"]
    lines += ['    with np.errstate(all="ignore"):'] if test.conditions else []
    for k, (label, value, relations) in enumerate(test.conditions):
        inside = " & ".join(f"(value_ {sign} {end!r})" for sign, end in relations)
        beyond = f"~({inside})" if len(relations) > 1 else f"~{inside}"
        if k >= test.n_bounds:
            beyond += " & (sum(left_.values()) == 0)"
        lines += [f"        value_ = {_numpy(value)}", f"        left_[{label!r}] = {beyond}"]
    lines.append("    return {name_: rows_ for name_, rows_ in left_.items() if np.any(rows_)}")
    return "\n".join([*lines, ""])


def _numpy(expression: sympy.Expr) -> str:
    from sympy.printing.numpy import SciPyPrinter

    printer = SciPyPrinter({"fully_qualified_modules": True, "precision": _DIGITS})
    return str(printer.doprint(expression)).replace("numpy.", "np.")


def _c(law: CheckedLaw, name: str) -> str:
    from sympy.printing.c import C99CodePrinter

    names = _names("c", law, f"{name} {name}_outside range_")
    test = _DomainTest.of(law, names)
    printer = C99CodePrinter({"precision": _DIGITS, "math_macros": {}})

    def function(head: str, takes: Iterable[str], about: Iterable[str]) -> list[str]:
        arguments = ", ".join(f"double {x}" for x in takes) or "void"
        return ["", "/*", *_commented(about, " * "), " */", f"{head}({arguments})", "{"]

    gives, takes = _described(law, names)
    inputs = [names[s] for s in law.symbols]
    lines = ["#include <math.h>", *function(f"double {name}", inputs, (gives, *takes))]
    for constant, value, unit in _constants(law, names):
        comment = " ".join(comments([unit]))
        lines.append(f"    const double {constant} = {value!r}; /* {comment} */")
    lines += [f"    return {printer.doprint(_prepared(law, names))};", "}"]
    lines += function(f"int {name}_outside", test.takes, test.lines)
    lines += ["    double range_;"] * bool(test.conditions)
    for k, (_, condition, relations) in enumerate(test.conditions, 1):
        lines.append(f"    range_ = {printer.doprint(condition)};")
        inside = " && ".join(f"range_ {sign} {end!r}" for sign, end in relations)
        lines.append(f"    if (!({inside}))")
        lines.append(f"        return {k};")
    return "\n".join([*lines, "    return 0;", "}", ""])


def _fortran(law: CheckedLaw, name: str) -> str:
    from sympy.printing.fortran import FCodePrinter

    names = _names("fortran", law, f"{name} {name}_module {name}_outside range_ first_")
    test = _DomainTest.of(law, names)
    result = "value"
    while result in {each.casefold() for each in (*names.values(), name)}:
        result += "_"
    printer = FCodePrinter(
        {"precision": _DIGITS, "standard": 2008, "source_format": "free", "human": False}
    )

    def function(
        name: str, takes: Iterable[str], result: str, about: Iterable[str], body: list[str]
    ) -> list[str]:
        body = [*(f"    real(real64), intent(in) :: {x}" for x in takes), *body]
        lines = _folded(f"  pure function {name}({', '.join(takes)}) result({result})")
        lines += _commented(about, "    ! ")
        if any("real64" in line for line in body):
            lines.append("    use, intrinsic :: iso_fortran_env, only: real64")
        return [*lines, *body, f"  end function {name}"]

    body = [f"    real(real64) :: {result}"]
    for constant, value, unit in _constants(law, names):
        body += _commented([f"{constant} in {unit}"], "    ! ")
        body.append(f"    real(real64), parameter :: {constant} = {_double(value)}")
    formula = printer.doprint(_prepared(law, names))[2]
    body += _folded(f"    {result} = {_one_line(formula)}")
    checks = ["    integer :: first_", *["    real(real64) :: range_"] * bool(test.conditions)]
    checks += ["    first_ = 0"]
    for k, (_, condition, relations) in enumerate(test.conditions, 1):
        checks += _folded(f"    range_ = {_one_line(printer.doprint(condition)[2])}")
        inside = " .and. ".join(f"range_ {sign} {_double(end)}" for sign, end in relations)
        checks += _folded(f"    if (first_ == 0 .and. .not. ({inside})) first_ = {k}")
    gives, takes = _described(law, names)
    inputs = [names[s] for s in law.symbols]
    lines = [f"module {name}_module", "  implicit none", "contains"]
    lines += function(name, inputs, result, (gives, *takes), body)
    lines += ["", *function(f"{name}_outside", test.takes, "first_", test.lines, checks)]
    return "\n".join([*lines, f"end module {name}_module", ""])


def _one_line(body: object) -> str:
    """An expression that a printer folded."""
    return re.sub(r"&\n\s*", "", str(body)).strip()


def _double(value: float) -> str:
    """Literal of double precision."""
    mantissa, exponent = f"{value:.16e}".split("e")
    return f"{mantissa}d{int(exponent)}"


def _folded(line: str) -> list[str]:
    """Statement over several lines, broken where a blank stands."""
    *lines, last = wrap(
        line, _WIDTH, subsequent_indent=" " * 6, break_long_words=False, break_on_hyphens=False
    )
    return [*(f"{part} &" for part in lines), last]
