"""Laws to and from JSON, without loss."""

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dimgs.errors import DimgsError, InputError
from dimgs.escape import json_text
from dimgs.expression import sympy_parse, sympy_text
from dimgs.groups.group import PiGroup
from dimgs.latex.escape import is_symbol
from dimgs.law.parts import Constant, Domain, Scores, Uncertainty
from dimgs.variables import Dimension, Unit, Variable

if TYPE_CHECKING:
    from dimgs.law.law import Law


def law_document(law: "Law") -> dict[str, Any]:
    """The LAW document: what a reader needs, and under "exact" what a reload needs."""
    return {
        "target": law.target.name,
        "target_unit": law.target_unit,
        "expression": sympy_text(law.expression),
        "symbols": _symbols(law),
        "pi_expression": sympy_text(law.pi_expression),
        "groups": {g.name: _exponents(g) for g in law.groups},
        "latex": law.latex(),
        "constants": [
            {
                "name": c.name,
                "value": c.value,
                "unit": c.unit,
                "low": c.low,
                "high": c.high,
                "origin": c.origin,
                "dimension": c.dimension.to_json(),
            }
            for c in law.constants
        ],
        "scores": law.scores.to_json(),
        "domain": law.domain.to_json(),
        "dimension_check": "ok",
        "level": law.level,
        "exact": {
            "target": _variable(law.target),
            "symbols": {s: _variable(v) for s, v in law.symbols.items()},
            "scales": [_variable(v) for v in law.scales],
            "known": [_variable(v) for v in law.known],
            "unused": [_variable(v) for v in law.unused],
            "response": _group(law.response),
            "groups": [_group(g) for g in law.groups],
            "uncertainty": _uncertainty(law.uncertainty),
            "label_effects": None
            if law.label_effects is None
            else {
                "column": law.label_effects.column,
                "log_ratios": dict(law.label_effects.log_ratios),
                "counts": dict(law.label_effects.counts),
            },
        },
    }


def _symbols(law: "Law") -> dict[str, dict[str, str]]:
    return {s: {"column": v.name, "unit": v.si_unit} for s, v in law.symbols.items()}


def _exponents(group: PiGroup) -> dict[str, str]:
    return {name: str(e) for name, e in group.exponents}


def _group(group: PiGroup) -> dict[str, Any]:
    return {
        "name": group.name,
        "exponents": _exponents(group),
        "known_as": group.known_as,
        "symbol": group.symbol,
    }


def _group_from(document: Mapping[str, Any]) -> PiGroup:
    exponents = {k: Fraction(e) for k, e in document["exponents"].items()}
    plain = PiGroup.of(document["name"], exponents)
    symbol = document.get("symbol")
    if symbol is not None and not is_symbol(symbol):
        raise InputError(f"The symbol {symbol!r} of '{plain.name}' is no symbol in LaTeX.")
    return PiGroup(plain.name, plain.exponents, document.get("known_as"), symbol)


def _variable(variable: Variable) -> dict[str, Any]:
    unit = variable.unit
    return {
        "name": variable.name,
        "unit": unit.text,
        "dimension": unit.dimension.to_json(),
        "factor": unit.factor,
        "offset": unit.offset,
        "scale": unit.scale,
        "log_factor": unit.log_factor,
        "kind": variable.kind,
        "role": variable.role,
        "value": variable.value,
    }


def _variable_from(d: Mapping[str, Any]) -> Variable:
    unit = Unit(
        d["unit"],
        Dimension.from_json(d["dimension"]),
        d["factor"],
        d["offset"],
        d["scale"],
        d["log_factor"],
    )
    return Variable(d["name"], unit, d["kind"], d["role"], d["value"])


def _uncertainty(uncertainty: Uncertainty) -> dict[str, Any]:
    def finite(value: float) -> float | None:
        return None if value == float("inf") else value

    return {
        "gradients": [sympy_text(g) for g in uncertainty.gradients],
        "covariance": [list(row) for row in uncertainty.covariance],
        "residual_sd": uncertainty.residual_sd,
        "dof": finite(uncertainty.dof),
        "scale": uncertainty.scale,
        "residual_dof": finite(uncertainty.residual_dof),
    }


def law_from(source: str | Path | Mapping[str, Any]) -> "Law":
    """Law from a path, a JSON text or a document; see :meth:`Law.from_json`."""
    from dimgs.law.law import LabelEffects, Law

    document, where = _document(source)
    if "law" in document and "expression" not in document:
        document = document["law"] or {}
    if "expression" not in document or "exact" not in document:
        raise InputError(f"{where} holds no law; give the law.json that discover or fit wrote.")
    exact = document["exact"]
    try:
        symbols = {s: _variable_from(v) for s, v in exact["symbols"].items()}
        constants = tuple(
            Constant(
                c["name"],
                c["value"],
                Dimension.from_json(c["dimension"]),
                c["low"],
                c["high"],
                c["origin"],
            )
            for c in document["constants"]
        )
        groups = tuple(_group_from(g) for g in exact["groups"])
        names = [*symbols, *(c.name for c in constants)]
        pi_names = [*(g.name for g in groups), *names]
        u = exact["uncertainty"]
        effects = exact["label_effects"]
        law = Law(
            target=_variable_from(exact["target"]),
            symbols=symbols,
            expression=sympy_parse(document["expression"], names),
            constants=constants,
            groups=groups,
            response=_group_from(exact["response"]),
            pi_expression=sympy_parse(document["pi_expression"], pi_names),
            scores=Scores(**document["scores"]),
            domain=Domain.from_json(document["domain"]),
            uncertainty=Uncertainty(
                tuple(sympy_parse(g, pi_names) for g in u["gradients"]),
                tuple(tuple(row) for row in u["covariance"]),
                u["residual_sd"],
                float("inf") if u["dof"] is None else u["dof"],
                u["scale"],
                float("inf") if u["residual_dof"] is None else u["residual_dof"],
            ),
            level=document["level"],
            label_effects=None
            if effects is None
            else LabelEffects(effects["column"], effects["log_ratios"], effects.get("counts", {})),
            scales=tuple(_variable_from(v) for v in exact["scales"]),
            known=tuple(_variable_from(v) for v in exact["known"]),
            unused=tuple(_variable_from(v) for v in exact.get("unused", ())),
        )
    except DimgsError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise InputError(f"{where} is not a complete law: {error} is missing or broken.") from error
    _refuse_contradiction(law, document, where)
    return law


def _refuse_contradiction(law: "Law", document: Mapping[str, Any], where: str) -> None:
    """Refuse a document whose readable part was changed apart from what a reload reads."""
    known = {
        "target": law.target.name,
        "target_unit": law.target_unit,
        "symbols": _symbols(law),
        "groups": {g.name: _exponents(g) for g in law.groups},
    }
    for key, value in known.items():
        if document.get(key) != value:
            raise InputError(
                f"{where} contradicts itself: '{key}' is not what \"exact\" says; give the "
                f"law.json as it was written."
            )
    if not isinstance(law.level, float) or not 0.0 < law.level < 1.0:
        raise InputError(f"{where} has the level {law.level}; it is a fraction, such as 0.9.")


def _document(source: str | Path | Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    if isinstance(source, Mapping):
        return dict(source), "The document"
    text, where = str(source), "The text"
    if not text.lstrip().startswith("{"):
        path = Path(source)
        where = f"'{path}'"
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"The law {where} cannot be read: {reason}.") from error
        except UnicodeDecodeError as error:
            raise InputError(f"{where} is not a text file, so it holds no law.") from error
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{where} is not JSON ({error}); give the law.json that discover --out writes."
        ) from error
    if not isinstance(document, dict):
        raise InputError(f"{where} holds no law; give the law.json that discover or fit wrote.")
    return document, where


def as_text(document: Mapping[str, Any]) -> str:
    """JSON text of a document, readable and with a final newline."""
    return json_text(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)) + "\n"


def write_document(document: Mapping[str, Any], path: Path) -> None:
    """Write a JSON document."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(as_text(document), encoding="utf-8")
