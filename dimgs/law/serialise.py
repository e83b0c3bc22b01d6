"""Laws to and from JSON, without loss."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import sympy

from dimgs.common.advice import setting
from dimgs.common.errors import DimgsError, InputError, warn_all
from dimgs.common.escape import json_text
from dimgs.common.formats import (
    SCHEMA,
    attributes,
    is_edited,
    json_value,
    plain,
    read_text,
    refuse_newer,
    sealed,
    shown,
    validated,
    write_whole,
)
from dimgs.expression import sympy_parse, sympy_text
from dimgs.fits.design import TargetErrors
from dimgs.groups.group import PiGroup
from dimgs.law.checked_law import (
    CheckedLaw,
    Constant,
    Domain,
    LabelEffects,
    Scores,
    SourceEffects,
    Uncertainty,
)
from dimgs.law.display import held_note, name_exponents, undetermined_inputs
from dimgs.law.export import law_latex, law_text
from dimgs.law.latex import is_symbol
from dimgs.variables import Dimension, Unit, Variable
from dimgs.variables.units import undefined_bases

if TYPE_CHECKING:
    from dimgs.law.document import GroupPart, LawFile, SourcePart, UncertaintyPart, VariablePart

Kind = TypeVar("Kind", bound=CheckedLaw)
# variables of a law that are no symbols of its expression
_VARIABLES = ("scales", "known", "unused")
_NONE = "holds no law; give the law.json that discover or fit wrote."


def law_document(law: CheckedLaw) -> dict[str, Any]:
    """The LAW document: what a reader needs, and under "exact" what a reload needs."""
    form = name_exponents(law)
    document = {
        "schema": SCHEMA,
        "target": law.target.name,
        "target_unit": law.target_unit,
        "expression": sympy_text(form.expression),
        "text": law_text(law),
        "symbols": symbol_document(law.symbols),
        "pi_expression": sympy_text(form.pi_expression),
        "groups": {g.name: g.to_json() for g in law.groups},
        "latex": law_latex(law, "whole"),
        "constants": [constant_document(c) for c in (*law.constants, *form.constants)],
        "sources": [source_document(law, each) for each in law.sources],
        "scores": law.scores.to_json(),
        "domain": law.domain.to_json(),
        "dimension_check": "ok",
        **attributes(law, "level confirmed probability"),
        "why_not": list(law.why_not),
        "undetermined": list(undetermined_inputs(law)),
        "note": held_note(law),
        "exact": {
            "target": variable_document(law.target),
            "symbols": {s: variable_document(v) for s, v in law.symbols.items()},
            **{k: [variable_document(v) for v in getattr(law, k)] for k in _VARIABLES},
            "constant_groups": [_group(g) for g, _ in law.domain.constant_groups or ()],
            **plain(attributes(law.domain, "labels unlogged")),
            "exponents": {name: str(number) for name, number in form.exact.items()},
            "response": _group(law.response),
            "groups": [_group(g) for g in law.groups],
            "uncertainty": _with_gradients(law.uncertainty),
            "label_effects": plain(law.label_effects),
            "sources": [_with_gradients(each) for each in law.sources],
        },
    }
    return sealed({**document, "edited": True} if law.edited else document)


def source_document(law: CheckedLaw, each: SourceEffects) -> dict[str, Any]:
    """Effects of the sources of one kind, and the constants of each source."""
    scales = {v.name for v in law.scales}

    def constants(label: str) -> dict[str, Any]:
        prefactor, exponents, plain = each.of_source(label, law.groups)
        added = {k: v for k, v in exponents.items() if k not in scales}
        ratios = [prefactor, each.at_centre(label)]
        if not law.target.is_level:
            ratios = [math.exp(x) for x in ratios]
        return {
            "prefactor_ratio": ratios[0],
            "ratio_at_centre": ratios[1],
            "exponents_added": added | plain,
            "constants": {n: law.constant_values[n] + x for n, x in each.added(label).items()},
            "runs": each.counts.get(label),
        }

    return {
        "column": each.column,
        "differs": [
            {"what": what, "spread": spread, "p_value": p}
            for what, (spread, p) in each.kinds.items()
        ],
        "sources": {label: constants(label) for label in each.shifts},
    }


def _with_gradients(each: Uncertainty | SourceEffects) -> dict[str, Any]:
    return {**plain(each), "gradients": [sympy_text(g) for g in each.gradients]}


def _values(part: "SourcePart | UncertaintyPart", names: Sequence[str]) -> dict[str, Any]:
    """Values of what has gradients, which are expressions of names."""
    return {**part.model_dump(), "gradients": tuple(sympy_parse(g, names) for g in part.gradients)}


def _no_end(value: float | None) -> float:
    return float("inf") if value is None else value


def constant_document(c: Constant) -> dict[str, Any]:
    """An entry of the constants of a law."""
    return attributes(c, "name value unit low high origin") | {"dimension": c.dimension.to_json()}


def symbol_document(symbols: Mapping[str, Variable]) -> dict[str, dict[str, str]]:
    """Column and coherent SI unit of each symbol."""
    return {s: {"column": v.name, "unit": v.si_unit} for s, v in symbols.items()}


def _group(group: PiGroup) -> dict[str, Any]:
    return attributes(group, "name known_as symbol") | {"exponents": group.to_json()}


def _group_from(part: "GroupPart") -> PiGroup:
    exponents = {name: Fraction(text) for name, text in part.exponents.items()}
    if part.symbol is not None and not is_symbol(part.symbol):
        raise InputError(f"The symbol '{shown(part.symbol)}' of {part.name} is not valid LaTeX.")
    return replace(PiGroup.of(part.name, exponents), known_as=part.known_as, symbol=part.symbol)


def variable_document(variable: Variable) -> dict[str, Any]:
    """A variable with its unit, as JSON."""
    unit = variable.unit
    return {
        **attributes(variable, "name kind role value"),
        **attributes(unit, "factor offset scale log_factor"),
        "unit": unit.text,
        "dimension": unit.dimension.to_json(),
    }


def variable_from(p: "VariablePart") -> Variable:
    """Inverse of :func:`variable_document`."""
    unit = Unit(p.unit, Dimension.from_json(p.dimension), p.factor, p.offset, p.scale, p.log_factor)
    return Variable(p.name, unit, p.kind, p.role, p.value)


def law_from(source: str | Path | Mapping[str, Any], kind: type[Kind]) -> Kind:
    """Law from a path, a JSON text or a document; see :meth:`Law.from_json`."""
    from dimgs.law.document import LawFile, ReportFile

    read: LawFile | None = None
    document, where = read_document(source)
    refuse_newer(document, where)
    edited = is_edited(document)
    if "law" in document and "expression" not in document:
        if not document["law"]:
            raise InputError(f"{where} {_NONE}")
        if isinstance(document["law"], Mapping):
            refuse_newer(document["law"], where)
        read = validated(ReportFile, document, f"{where} is not a complete report: ").law
        document = document["law"]
    elif "expression" in document and "exact" in document:
        read = validated(LawFile, document, f"{where} is not a complete law: ")
    if read is None:
        raise InputError(f"{where} {_NONE}")
    try:
        law = replace(_law(read, kind), edited=edited or read.edited or is_edited(document))
    except InputError:
        raise
    except DimgsError as error:
        raise InputError(f"{where} holds an inconsistent law: {error}") from error
    for variable in (law.target, *law.symbols.values(), *law.scales, *law.known, *law.unused):
        for base in undefined_bases(variable.dimension):
            raise InputError(
                f"{where} has '{shown(variable.name)}' in '{shown(variable.unit.text)}', and no "
                f"unit of {shown(base)} is defined; define the units of its table again "
                f"({setting('define', f'EUR = {base}')})."
            )
    for fault in _contradictions(law, document):
        raise InputError(
            f"{where} contradicts itself: {fault}; give the law.json as it was written."
        )
    if law.edited:
        warn_all([law.doubt])
    return law


def _law(read: "LawFile", kind: type[Kind]) -> Kind:
    exact = read.exact
    constants = tuple(
        Constant(c.name, c.value, Dimension.from_json(c.dimension), c.low, c.high, c.origin)
        for c in read.constants
        if c.name not in exact.exponents
    )
    exponents = {sympy.Symbol(n): sympy.Rational(text) for n, text in exact.exponents.items()}
    groups = tuple(_group_from(g) for g in exact.groups)
    names = [*exact.symbols, *exact.exponents, *(c.name for c in constants)]
    pi_names = [*(g.name for g in groups), *names]
    u, domain, effects = exact.uncertainty, read.domain, exact.label_effects
    return kind(
        target=variable_from(exact.target),
        symbols={s: variable_from(v) for s, v in exact.symbols.items()},
        expression=sympy_parse(read.expression, names).xreplace(exponents),
        constants=constants,
        groups=groups,
        response=_group_from(exact.response),
        pi_expression=sympy_parse(read.pi_expression, pi_names).xreplace(exponents),
        scores=Scores(**read.scores.model_dump()),
        domain=Domain(
            **domain.model_dump(exclude={"held", "constant_groups", "max_leverage"}),
            max_leverage=_no_end(domain.max_leverage),
            constant_groups=None
            if domain.constant_groups is None
            else tuple(
                (group, domain.constant_groups.get(group.name, 0.0))
                for group in map(_group_from, exact.constant_groups)
            ),
            labels=exact.labels,
            unlogged=exact.unlogged,
        ),
        uncertainty=Uncertainty(
            **_values(u, pi_names)
            | {"dof": _no_end(u.dof), "residual_dof": _no_end(u.residual_dof)}
            | {"errors": u.errors and TargetErrors(**u.errors.model_dump())}
        ),
        label_effects=None if effects is None else LabelEffects(**effects.model_dump()),
        sources=tuple(SourceEffects(**_values(part, pi_names)) for part in exact.sources),
        **dict[str, Any]({k: tuple(map(variable_from, getattr(exact, k))) for k in _VARIABLES}),
        **attributes(read, "level confirmed why_not probability"),
    )


def _contradictions(law: CheckedLaw, document: Mapping[str, Any]) -> Iterator[str]:
    """What in a document does not belong together."""
    expected = {
        "target": law.target.name,
        "target_unit": law.target_unit,
        "symbols": symbol_document(law.symbols),
        "groups": {g.name: g.to_json() for g in law.groups},
    }
    written = {key: document.get(key) for key in expected}
    if law.domain.knows_held:
        domain = law.domain.to_json()
        expected |= {key: domain[key] for key in ("held", "constant_groups")}
        written |= {key: document["domain"].get(key) for key in ("held", "constant_groups")}
    for key, value in expected.items():
        if written[key] != value:
            yield f"'{key}' is not what \"exact\" says"
    columns = {v.name for v in (*law.symbols.values(), *law.scales, *law.known, *law.unused)}
    for group in (*law.groups, law.response, *(g for g, _ in law.domain.constant_groups or ())):
        strange = {name for name, _ in group.exponents} - columns - {law.target.name}
        if strange:
            name = shown(min(strange))
            yield f"{group.name} is made of '{name}', which is not a variable of it"
    exponents = document["exact"].get("exponents", {})
    for c in document["constants"]:
        if c["name"] in exponents and c["value"] != float(Fraction(exponents[c["name"]])):
            yield f"the exponent '{shown(c['name'])}' is not what \"exact\" says"
    coefficients = (c for c in document["constants"] if c["name"] not in exponents)
    for constant, written in zip(law.constants, coefficients, strict=True):
        if written["unit"] != constant.unit:
            name = shown(constant.name)
            yield f"the unit of '{name}' is not that of its dimension, '{constant.unit}'"
    for variable in law.symbols.values():
        *_, unit = law.domain.columns.get(variable.name, (None,))
        if unit != variable.si_unit:
            yield f"its domain has no range of '{shown(variable.name)}' in '{variable.si_unit}'"
    values = {*law.symbols, *(g.name for g in law.groups), *law.domain.unlogged}
    for name in (*law.domain.groups, *law.domain.features):
        if name not in values:
            yield f"its domain is given in '{shown(name)}', which is no group of it"


def read_document(source: str | Path | Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """A document from a path, a text or itself, and what to call it in messages."""
    if isinstance(source, Mapping):
        return dict(source), "The document"
    text, where = str(source), "The text"
    if not text.lstrip().startswith("{"):
        where = f"'{shown(source)}'"
        text = read_text(source, "law")
    document = json_value(text, where, "give the law.json that discover writes")
    if not isinstance(document, dict):
        raise InputError(f"{where} {_NONE}")
    return document, where


def as_text(document: Mapping[str, Any]) -> str:
    """JSON text of a document, readable and with a final newline."""
    return json_text(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)) + "\n"


def write_document(document: Mapping[str, Any], path: Path) -> None:
    """Write a JSON document."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, as_text(document))
