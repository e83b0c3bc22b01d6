"""A law in LaTeX and HTML."""

import math
from typing import Literal

import sympy

from dimgs.common.escape import html as escape
from dimgs.common.escape import visible
from dimgs.groups.group import PiBasis
from dimgs.law import latex
from dimgs.law.canonical import shortest
from dimgs.law.checked_law import CheckedLaw
from dimgs.law.display import ShownConstant, only_scales, shown_at, shown_constants, shown_ranges
from dimgs.law.exponents import MOST_DIGITS, half_widths, round_decimals, without_held
from dimgs.law.latex.document import tabular
from dimgs.variables import unit_suffix


def column_symbols(basis: PiBasis) -> dict[str, str]:
    """LaTeX symbol of each variable of a basis, by column name."""
    variables = [*basis.variables, *([basis.target] if basis.target else [])]
    return {v.name: latex.symbol_latex(v.name, v.kind) for v in variables}


def law_symbols(law: CheckedLaw) -> dict[str, str]:
    """LaTeX symbol of each input of a law by its identifier."""
    return {s: latex.symbol_latex(v.name, v.kind) for s, v in law.symbols.items()}


def law_text(law: CheckedLaw) -> str:
    """A law as plain text, in the names of the columns where these can stand in a formula."""
    expression = round_decimals(shortest(without_held(law)), half_widths(law))
    taken = {str(s) for s in expression.free_symbols}
    names = {
        sympy.Symbol(s): sympy.Symbol(v.name)
        for s, v in law.symbols.items()
        if v.name.isidentifier() and v.name not in taken
    }
    return f"{visible(law.target.name)} = {expression.xreplace(names)}"


def law_latex(law: CheckedLaw, form: Literal["dimensional", "pi", "whole"]) -> str:
    """LaTeX of a law; see :meth:`Law.latex`; "whole" is in all inputs of its expression."""
    left, names = latex.symbol_latex(law.target.name, law.target.kind), law_symbols(law)
    if form == "pi":
        left, names, shown = response_symbol(law), names | group_symbols(law), law.pi_expression
    else:
        shown = shortest(law if form == "whole" else without_held(law))
    rounded = round_decimals(shown, half_widths(law))
    return f"{left} = {latex.expression_latex(rounded, names, MOST_DIGITS)}"


def response_symbol(law: CheckedLaw) -> str:
    """LaTeX of what the pi form gives: pi_0, or a target that is a level."""
    if law.target.is_level:
        return latex.symbol_latex(law.target.name, law.target.kind)
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
    variables = (*law.symbols.values(), law.target)
    columns = {v.name: latex.symbol_latex(v.name, v.kind) for v in variables}
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
    symbol = latex.symbol_latex(target.name, target.kind)
    rows: list[latex.SymbolRow] = [(symbol, target.kind or "target", unit, (None, None))]
    for identifier, (unit, ends) in shown_ranges(law).items():
        variable = law.symbols[identifier]
        symbol = latex.symbol_latex(variable.name, variable.kind)
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
