"""Runs as entries: records in and out, keys of reuse, and the numbers that queries compare."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dimgs.common.errors import InputError
from dimgs.common.escape import visible
from dimgs.hub.entry import canonical, sha256
from dimgs.kernels.content import canonical as canonical_number
from dimgs.kernels.record import RunRecord, Status
from dimgs.kernels.spec import Port
from dimgs.variables import parse_unit


def run_content(record: RunRecord) -> dict[str, Any]:
    """Content of a run's entry."""
    return {
        "kernel": record.kernel,
        "tier": record.tier,
        "status": record.status.value,
        "key": record.key,
        "inputs": {n: {"value": v, "unit": u} for n, (v, u) in record.inputs.items()},
        "outputs": {n: {"value": v, "unit": u} for n, (v, u) in record.outputs.items()},
        "errors": dict(record.errors),
        "reason": record.reason,
        # JSON readers elsewhere have doubles, and seeds may be larger
        "seed": None if record.seed is None else str(record.seed),
        "wall_seconds": record.wall_seconds,
        "provenance": plain(record.provenance),
    }


def run_record(content: Mapping[str, Any]) -> RunRecord:
    """Record of a run's entry."""
    quantities = {
        part: {n: (q["value"], q.get("unit", "1")) for n, q in content.get(part, {}).items()}
        for part in ("inputs", "outputs")
    }
    seed = content.get("seed")
    return RunRecord(
        kernel=content["kernel"],
        tier=content.get("tier", ""),
        inputs=quantities["inputs"],
        outputs=quantities["outputs"],
        status=Status(content.get("status", "ok")),
        key=content.get("key", ""),
        reason=content.get("reason", ""),
        seed=None if seed is None else int(seed),
        wall_seconds=float(content.get("wall_seconds", 0.0)),
        errors=content.get("errors", {}),
        provenance=content.get("provenance", {}),
    )


def shown(content: Mapping[str, Any]) -> dict[str, Any]:
    """What queries show of a run; nothing of one whose content was removed."""
    return {
        "kernel": content.get("kernel"),
        "tier": content.get("tier", ""),
        "inputs": content.get("inputs", {}),
        "outputs": content.get("outputs", {}),
        "errors": content.get("errors", {}),
        "key": content.get("key", ""),
        "seed": content.get("seed"),
        "version": cache_version(content) if content else "",
        "program": program_of(content),
    }


def si_of(quantity: Mapping[str, Any]) -> float:
    """Number of a quantity in the coherent SI unit of its dimension."""
    return float(parse_unit(str(quantity.get("unit", "1"))).to_si(float(quantity["value"])))


def numeric_inputs(run: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Inputs of a run that are numbers, as quantities."""
    return {n: q for n, q in run["inputs"].items() if not isinstance(q["value"], str)}


def output_of(run: Mapping[str, Any], name: str) -> tuple[float, float]:
    """An output of a run and its standard error, in SI units."""
    quantity = run["outputs"][name]
    unit = parse_unit(str(quantity.get("unit", "1")))
    return si_of(quantity), float(run["errors"].get(name, 0.0)) * unit.factor


def plain(value: Any) -> Any:
    """What JSON holds of a value: plain numbers, texts, lists and tables."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


@dataclass(frozen=True)
class Facts:
    """What queries know of a run.

    Attributes
    ----------
    ports : tuple of (str, str, str)
        Name, dimension and unit of its numeric inputs, sorted by name.
    values : tuple of float
        In SI units, rounded to 12 digits.
    labels : mapping of str to str
    reuse : str
        Equal for runs of equal kernel, tier, inputs and cache version; other seeds are replicates.
    """

    ports: tuple[tuple[str, str, str], ...]
    values: tuple[float, ...]
    labels: Mapping[str, str]
    reuse: str


def facts(content: Mapping[str, Any]) -> Facts:
    """Facts of a run.

    Raises
    ------
    InputError
        If an input is no finite number in a unit, and no label.

    Examples
    --------
    >>> run = {"kernel": "film", "inputs": {"l": {"value": 2.3, "unit": "mm"}}}
    >>> facts(run).values, facts(run).ports
    ((0.0023,), (('l', 'L', 'mm'),))
    >>> there = {"kernel": "film", "inputs": {"l": {"value": 0.23, "unit": "cm"}}}
    >>> facts(run).reuse == facts(there).reuse
    True
    """
    ports: list[tuple[str, str, str]] = []
    values: list[float] = []
    labels: dict[str, str] = {}
    texts: dict[str, str] = {}
    for name, quantity in sorted(content["inputs"].items()):
        value, unit = quantity["value"], quantity.get("unit", "1")
        if isinstance(value, str):
            labels[name] = value
            texts[name] = f"label {value}"
            continue
        port = Port(name, unit)
        texts[name] = canonical_number(port, _finite(name, value, port))
        ports.append((name, str(parse_unit(unit).dimension), unit))
        values.append(float.fromhex(texts[name]))
    reuse = sha256(
        canonical([content["kernel"], content.get("tier", ""), cache_version(content), texts])
    )
    return Facts(tuple(ports), tuple(values), labels, reuse)


def _finite(name: str, value: Any, port: Port) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if port.is_label or not math.isfinite(port.parsed.to_si(number)):
        raise InputError(
            f"The input '{visible(name)}' of a run is too large, or no text in spite of its unit "
            f"'{visible(port.unit)}'; give a finite number with a unit, or a label."
        )
    return number


def cache_version(content: Mapping[str, Any]) -> str:
    """What must be equal for a run to be used again: declared, or the program's content."""
    provenance = content.get("provenance", {})
    declared = provenance.get("cache_version")
    if declared is not None:
        return f"declared {declared}"
    known = [provenance.get(n) for n in ("version", "settings", "configuration")]
    return sha256(canonical(known))


def program_of(content: Mapping[str, Any]) -> str:
    """The same for all tiers of one program: what a card's checked images hold for."""
    provenance = content.get("provenance", {})
    declared = provenance.get("cache_version")
    if declared is not None:
        return f"declared {declared}"
    return sha256(canonical([provenance.get(n) for n in ("version", "configuration")]))
