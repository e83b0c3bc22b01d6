"""JSON documents of the results."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from dimgs.common.formats import SCHEMA
from dimgs.fits.estimate import Exponent
from dimgs.groups.group import PiBasis, PiGroup
from dimgs.law.exponents import rounded, undetermined_inputs
from dimgs.law.latex import group_latex
from dimgs.law.law import Law
from dimgs.law.typeset import column_symbols
from dimgs.report.results import FitResult, Report, Rival


def finite(value: Any) -> Any:
    """Value with every number that JSON cannot hold replaced by None, at any depth."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    return value


def pi_document(basis: PiBasis, bases: Sequence[PiBasis] | None = None) -> dict[str, Any]:
    """The `pi` document."""
    symbols = column_symbols(basis)
    variables = [*basis.variables, *([basis.target] if basis.target else [])]
    return {
        "variables": [
            {
                "name": v.name,
                "unit": v.unit.text,
                "dimension": v.dimension.to_json(),
                "kind": v.kind,
                "role": "response" if v is basis.target else v.role,
            }
            for v in variables
        ],
        "rank": basis.rank,
        "groups": [_group(g, symbols) for g in basis.groups],
        "response": None if basis.response is None else _group(basis.response, symbols),
        "bases": None
        if bases is None
        else [
            {
                "repeating": list(b.repeating),
                "groups": [_group(g, symbols) for g in b.groups],
                "response": None if b.response is None else _group(b.response, symbols),
            }
            for b in bases
        ],
        "repeating": list(basis.repeating),
        "explanation": basis.explanation,
        "dropped": [{"name": d.name, "why": d.why} for d in basis.dropped],
        "suggestions": list(basis.suggestions),
    }


def _exponents(group: PiGroup) -> dict[str, str]:
    return {name: str(e) for name, e in group.exponents}


def _group(group: PiGroup, symbols: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": group.name,
        "exponents": _exponents(group),
        "known_as": group.known_as,
        "latex": group_latex(group, symbols),
    }


def exponent_document(e: Exponent) -> dict[str, Any]:
    """A fitted exponent as JSON."""
    return {
        "name": e.name,
        "group": None if e.group is None else _exponents(e.group),
        "value": e.value,
        "low": e.low,
        "high": e.high,
        "rational": None if e.rational is None else str(e.rational),
    }


def law_or_none(law: Law | None) -> dict[str, Any] | None:
    """The LAW document of a law, if there is one."""
    return None if law is None else law.to_json()


def fit_document(fit: FitResult) -> dict[str, Any]:
    """The `fit` document."""
    prefactor = next((c for c in fit.law.constants if c.origin == "fitted"), None)
    activation = None
    if fit.activation:
        from scipy.constants import R

        activation = {
            name: {
                "kelvin": a.kelvin,
                "kJ_per_mol": a.kj_per_mol,
                "low": a.low,
                "high": a.high,
                "low_kJ_per_mol": a.low * R / 1000,
                "high_kJ_per_mol": a.high * R / 1000,
            }
            for name, a in fit.activation.items()
        }
    document = {
        "schema": SCHEMA,
        "exponents": [exponent_document(e) for e in fit.exponents],
        "variable_exponents": [exponent_document(e) for e in fit.variable_exponents],
        "undetermined": list(undetermined_inputs(fit.law)),
        "prefactor": None
        if prefactor is None
        else {
            "value": prefactor.value,
            "low": prefactor.low,
            "high": prefactor.high,
            "unit": prefactor.unit,
        },
        "centre": None if fit.centre is None else fit.centre.to_json(),
        "group_prefactors": fit.group_prefactors,
        "activation": activation,
        "scores": fit.scores.to_json(),
        "independent_contrasts": fit.independent_contrasts,
        "pairs": fit.pairs,
        "collinear": list(fit.collinear),
        "law": fit.judged_law.to_json(),
        "probability": fit.verdict.probability,
        "confirmed": fit.verdict.confirmed,
        "why_not": list(fit.verdict.why_not),
        "regimes": fit.regimes,
        "crossover": fit.crossover,
        "local": fit.local,
        "additive": fit.additive,
        "additive_pairs": fit.additive_pairs,
        "level": fit.level,
        "warnings": list(fit.warnings),
    }
    result = finite(document)
    assert isinstance(result, dict)
    return result


def rival_document(rival: Rival) -> dict[str, Any]:
    """A law that the runs do not distinguish from the chosen one."""
    return {
        "law": rival.law.to_json(),
        "probability": rival.probability,
        "extrapolates": rival.extrapolates,
        "differs_most": {
            name: {"value": value, "unit": unit}
            for name, (value, unit) in rival.differs_most.items()
        },
    }


def discover_document(report: Report) -> dict[str, Any]:
    """The `discover` document."""
    import sympy

    named = {sympy.Symbol(k): sympy.Symbol(v) for k, v in report.unlogged.items()}
    document = {
        "schema": SCHEMA,
        "pi": pi_document(report.basis),
        "fit": None if report.fit is None else fit_document(report.fit),
        "law": law_or_none(report.law),
        "candidates": [
            {
                "expression": str(rounded(c.expression.xreplace(named), {})),
                "complexity": c.complexity,
                "loss": c.loss,
            }
            for c in report.candidates
        ],
        "engine": report.engine,
        "outcome": report.outcome,
        "probability": report.probability,
        "rivals": [rival_document(r) for r in report.rivals],
        "none_of_these": report.none_of_these,
        "extrapolates": report.extrapolates,
        "confirmed": report.confirmed,
        "why_not": list(report.why_not),
        "seconds": report.seconds,
        "level": report.level,
        "warnings": list(report.warnings),
        "provenance": dict(report.provenance),
    }
    result = finite(document)
    assert isinstance(result, dict)
    return result
