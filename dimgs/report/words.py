"""What a report says in words: verdict, regimes, exponents as factors."""

from typing import Any

from dimgs.expression import sympy_parse_condition
from dimgs.latex import expression_latex
from dimgs.report.runs import Runs

VERDICTS = {
    "converged": "The law predicts runs that it was not fitted on.",
    "unchecked": "No run could be left out, so the law is not checked on unseen runs.",
    "no_candidate": "No law found: this is the best surrogate, and it does not hold.",
    "timeout": "The time limit ended the search.",
    "unavailable": "The engine is not available here.",
}
_PLAIN = 5
_CERTAIN = 0.95


def condition_latex(runs: Runs, where: str) -> str:
    """LaTeX of a regime's condition, named groups by their symbols."""
    if where == "True":
        return r"\mathrm{everywhere}"
    condition: Any = sympy_parse_condition(where, list(runs.values))
    names = {name: runs.symbol(name) for name in runs.values}
    text = expression_latex(condition, names, digits=3)
    return text.replace(r"\wedge", r",\;").replace(r"\geq", r"\geq ").replace(r"\leq", r"\leq ")
