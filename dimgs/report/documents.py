"""JSON documents of the results."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from dimgs.common.formats import SCHEMA, attributes, plain
from dimgs.fits.estimate import Exponent
from dimgs.fits.noise import Noise, rms
from dimgs.groups.group import PiBasis, PiGroup
from dimgs.law.curve import Curve
from dimgs.law.display import round_decimals, shown_constants, undetermined_inputs
from dimgs.law.export import column_symbols
from dimgs.law.latex import group_latex
from dimgs.law.law import Law
from dimgs.law.serialise import source_document
from dimgs.report.findings import Activation, Findings, FittedLaw, Lead, Rival
from dimgs.report.verdict import curve_table, in_table_unit, log_error
from dimgs.variables import Variable
from dimgs.variables.quantities import Quantity

# every how many points of a curve that is drawn are listed
_POINTS_STEP = 7


def pi_document(basis: PiBasis, bases: Sequence[PiBasis] | None = None) -> dict[str, Any]:
    """The `pi` document."""
    symbols = column_symbols(basis)
    variables = [*basis.variables, *([basis.target] if basis.target else [])]
    return {
        "variables": [
            {
                **attributes(v, "name kind"),
                "unit": v.unit.text,
                "dimension": v.dimension.to_json(),
                "role": "response" if v is basis.target else v.role,
            }
            for v in variables
        ],
        "rank": basis.rank,
        **_basis(basis, symbols),
        "bases": None if bases is None else [_basis(b, symbols) for b in bases],
        "explanation": basis.explanation,
        "dropped": [{"name": d.name, "why": d.why} for d in basis.dropped],
        "suggestions": list(basis.suggestions),
    }


def _basis(basis: PiBasis, symbols: Mapping[str, str]) -> dict[str, Any]:
    return {
        "repeating": list(basis.repeating),
        "groups": [_group(g, symbols) for g in basis.groups],
        "response": None if basis.response is None else _group(basis.response, symbols),
    }


def _group(group: PiGroup, symbols: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": group.name,
        "exponents": group.to_json(),
        "known_as": group.known_as,
        "latex": group_latex(group, symbols),
    }


def exponent_document(e: Exponent) -> dict[str, Any]:
    """A fitted exponent as JSON."""
    return {
        **attributes(e, "name value low high"),
        "group": None if e.group is None else e.group.to_json(),
        "rational": None if e.rational is None else str(e.rational),
    }


def law_or_none(law: Law | None) -> dict[str, Any] | None:
    """The LAW document of a law, if there is one."""
    return None if law is None else law.to_json()


def activation_document(activation: Mapping[str, Activation] | None) -> dict[str, Any] | None:
    """Activation temperatures, as energies too; None without any."""
    if not activation:
        return None
    from scipy.constants import R

    return {
        name: {
            **asdict(a),
            "kJ_per_mol": a.kj_per_mol,
            "low_kJ_per_mol": a.low * R / 1000,
            "high_kJ_per_mol": a.high * R / 1000,
        }
        for name, a in activation.items()
    }


def display_document(law: Law) -> dict[str, Any]:
    """Constants of a law in the units of its table, as the text shows them."""
    return {"constants": [constant.to_json() for constant in shown_constants(law)]}


def fit_document(fit: FittedLaw) -> dict[str, Any]:
    """The `fit` document."""
    prefactor = next((c for c in fit.law.constants if c.origin == "fitted"), None)
    document: dict[str, Any] = plain(
        {
            "schema": SCHEMA,
            "exponents": [exponent_document(e) for e in fit.exponents],
            "variable_exponents": [exponent_document(e) for e in fit.variable_exponents],
            "undetermined": list(undetermined_inputs(fit.law)),
            "prefactor": prefactor and attributes(prefactor, "value low high unit"),
            "centre": None if fit.centre is None else fit.centre.to_json(),
            "group_prefactors": fit.group_prefactors,
            "sources": [source_document(fit.law, each) for each in fit.law.sources] or None,
            "activation": activation_document(fit.activation),
            "scores": fit.scores.to_json(),
            "law": fit.judged_law.to_json(),
            "display": display_document(fit.judged_law),
            "noise": noise_document(fit.noise, fit.law.target),
            **attributes(fit, "independent_contrasts pairs collinear"),
            **attributes(fit.verdict, "probability confirmed why_not"),
            **attributes(fit, "regimes crossover local additive additive_pairs level warnings"),
        }
    )
    return document


def rival_document(rival: Rival) -> dict[str, Any]:
    """A law that the runs do not distinguish from the chosen one."""
    return {
        "law": rival.law.to_json(),
        **attributes(rival, "probability extrapolates"),
        "differs_most": {n: Quantity(*place).to_json() for n, place in rival.differs_most.items()},
    }


def noise_document(noise: Noise | None, target: Variable | None) -> dict[str, Any] | None:
    """The error model of the runs about a law; sizes relative, or in the unit of the target."""
    if noise is None or target is None:
        return None
    relative = noise.kind != "constant"
    unit = "1" if relative else target.unit.text

    def quantity(size: float) -> dict[str, Any]:
        return Quantity(size if relative else in_table_unit(target, size), unit).to_json()

    floor = Quantity(in_table_unit(target, noise.floor), target.unit.text).to_json()
    return {
        **attributes(noise, "kind tails"),
        "size": quantity(noise.size),
        "floor": floor if noise.kind == "mixed" else None,
        "intrinsic": None if noise.scatter is None else quantity(noise.scatter.intrinsic),
        "ratio_to_stated": None if noise.scatter is None else noise.scatter.ratio,
    }


def lead_document(report: Findings, lead: Lead) -> dict[str, Any]:
    """Description of the runs if no law is probable, with its error."""
    measured, predicted = np.array(lead.measured), np.array(lead.left_out)
    away, target = log_error(report, measured, predicted), report.basis.target
    assert target is not None
    size = in_table_unit(target, rms(predicted - measured)) if away is None else away
    return {
        **attributes(lead, "name is_first r2"),
        "error": Quantity(size, "1" if away is not None else target.unit.text).to_json(),
        "law": law_or_none(lead.law),
        "curve": None if lead.curve is None else curve_document(lead.curve),
    }


def curve_document(curve: Curve) -> dict[str, Any]:
    """Points of a smooth curve and its band, along the input with which it varies most.

    In the units of the table; the further inputs are held at the middle of their runs.
    """
    line = curve.along()
    unit, rows, held = curve_table(curve, line)
    names = ("at", "value", "low", "high")
    return {
        "input": line.name,
        "input_unit": unit,
        "unit": curve.target.unit.text,
        "held": {n: Quantity(*x).to_json() for n, x in held.items()},
        "points": [dict(zip(names, row, strict=True)) for row in rows[::_POINTS_STEP]],
    }


def discover_document(report: Findings) -> dict[str, Any]:
    """The `discover` document."""
    document: dict[str, Any] = plain(
        {
            "schema": SCHEMA,
            "pi": pi_document(report.basis),
            "fit": None if report.fit is None else fit_document(report.fit),
            "law": law_or_none(report.law),
            "display": None if report.law is None else display_document(report.law),
            "candidates": [
                {
                    "expression": str(round_decimals(report.expression_of(c), {})),
                    "complexity": c.complexity,
                    "loss": c.loss,
                }
                for c in report.candidates
            ],
            "complete_to": report.complete_to and attributes(report.complete_to, "nodes forms"),
            "form": None if report.form is None else rival_document(report.form),
            "leads": [lead_document(report, lead) for lead in report.leads],
            "left_out_by": report.left_out_by or None,
            "rivals": [rival_document(r) for r in report.rivals],
            **attributes(report, "engine outcome probability none_of_these extrapolates confirmed"),
            "noise": noise_document(report.noise, report.basis.target),
            **attributes(report, "why_not seconds level warnings provenance"),
        }
    )
    return document
