"""Tables and kernels as tools show them."""

import math
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from dimgs.agent.arguments import More, options_of
from dimgs.agent.bench import Bench
from dimgs.agent.schemas import Groups, Json, Kernels, Table, TableRead
from dimgs.common.errors import DimgsError, InputError
from dimgs.common.escape import visible
from dimgs.dataset import Dataset
from dimgs.discovery.keywords import FitKeywords, TableKeywords
from dimgs.hub.cards import ports_told
from dimgs.hub.runs import plain

# of a card: what is told of a kernel, beside its ports
_TOLD = ("text", "assumptions", "limitations", "validity", "conservative", "constants", "complete",
         "physics", "maintainer")  # fmt: skip


def read_table(
    bench: Bench,
    table: Annotated[str, Field(description="empty lists the workspace")] = "",
    rows: int = 5,
    units: dict[str, str] | None = None,
    options: More = None,
) -> TableRead:
    """Read a table: columns, units as understood, ranges, first rows, doubts."""
    if not table.strip():
        found = bench.workspace.tables()
        return {"table": "", "rows": 0, "columns": [], "head": [], "warnings": [], "tables": found}
    asked = options_of(TableKeywords, {"units": units}, options)
    with bench.workspace.file(table) as path:
        data = asked.read(path)
        shown = data.to_pandas().head(max(0, min(rows, 50)))
        return {
            "table": "pasted" if "\n" in table else table,
            "rows": data.n_runs,
            "columns": [_column(data, name) for name in data.names],
            "head": [
                {str(k): _plain(v) for k, v in row.items()} for row in shown.to_dict("records")
            ],
            "warnings": list(data.warnings),
        }


def _column(data: Dataset, name: str) -> Json:
    variable, values = data.variable(name), data[name]
    told: Json = {"name": name, "unit": variable.unit.text}
    if name in data.label_names:
        labels = sorted({str(v) for v in values})
        return {**told, "unit": "label", "labels": labels[:20], "count": len(labels)}
    finite = values[np.isfinite(values)]
    told["dimension"] = str(variable.dimension)
    told["missing"] = int(len(values) - len(finite))
    if len(finite):
        ends = (finite.min(), finite.max())
        told["low"], told["high"] = (variable.unit.from_si(float(end)) for end in ends)
    return told


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, int | float | bool) else visible(str(value))[:200]


def pi_groups(
    bench: Bench,
    table: Table | None = None,
    variables: Annotated[
        list[str] | None, Field(description="instead of a table: ['rho [kg/m^3]', …]")
    ] = None,
    target: Annotated[str | None, Field(description="a column, or 'dp [Pa]'")] = None,
    constants: list[str] | None = None,
    scales: list[str] | None = None,
    repeating: list[str] | None = None,
    options: More = None,
) -> Groups:
    """Derive the dimensionless groups of a table's columns or of variables, exactly."""
    from dimgs.discovery.prepare import table_basis
    from dimgs.groups.derive import pi_basis, with_target
    from dimgs.report.documents import pi_document

    if (table is None) == (variables is None):
        raise InputError(
            "Give either a table or variables, such as ['rho [kg/m^3]', 'U [m/s]', 'dp [Pa]']."
        )
    if variables is None:
        asked = options_of(FitKeywords, {"constants": constants, "scales": scales}, options)
        with bench.workspace.file(table or "") as path:
            data = asked.read(path, *([target] if target else []))
            basis = table_basis(data, target, asked.without_reading(), repeating=repeating or None)
    else:
        listed, response = with_target(variables, target)
        asked = options_of(FitKeywords, {"constants": constants, "scales": scales}, None)
        basis = pi_basis(
            listed,
            response,
            repeating=repeating or None,
            constants=asked.constants,
            scales=asked.scales,
        )
    document = pi_document(basis)
    return {k: document[k] for k in Groups.__annotations__}  # type: ignore[return-value]


def describe_kernels(bench: Bench, name: str | None = None) -> Kernels:
    """List the simulators that may run, or give one's card: inputs, units, ranges, cost."""
    if name is not None:
        return {"kernels": [_card(bench, name)]}
    found = []
    for listed in bench.kernels():
        try:
            kernel = bench.kernel(listed)
        except DimgsError as error:
            found.append({"name": listed, "usable": False, "why": str(error)})
            continue
        ports = {p.name: p.unit for p in kernel.inputs}
        outputs = {p.name: p.unit for p in kernel.outputs}
        tiers = {t.name: t.cost for t in kernel.tiers}
        told = {"name": listed, "usable": True, "inputs": ports, "outputs": outputs}
        found.append({**told, "seconds_by_tier": tiers})
    return {"kernels": found}


def _card(bench: Bench, name: str) -> Json:
    kernel = bench.kernel(name)
    id, card = bench.card(name)

    return {
        "name": name,
        "usable": True,
        "version": kernel.version,
        "inputs": plain(ports_told(kernel.inputs)),
        "outputs": plain(ports_told(kernel.outputs)),
        "seconds_by_tier": {t.name: t.cost for t in kernel.tiers},
        "card": id,
        **{key: card[key] for key in _TOLD if card.get(key)},
    }
