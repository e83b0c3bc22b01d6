"""Description of a kernel: from the installed kernel, else from its card or its runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dimgs.common.advice import did_you_mean, setting
from dimgs.common.errors import InputError
from dimgs.common.escape import visible
from dimgs.common.formats import plain
from dimgs.hub.cards import constants_of, newest_runs, trusted_cards
from dimgs.hub.hub import Hub
from dimgs.hub.runs import cache_version, program_of
from dimgs.kernels.registry import available, load_kernel
from dimgs.kernels.spec import Kernel, Port, convert_inputs, port_value
from dimgs.variables import Dimension
from dimgs.variables.quantities import stored


@dataclass(frozen=True)
class Description:
    """A kernel as questions need to know it.

    Attributes
    ----------
    name : str
    inputs : tuple of Port
    outputs : mapping of str to str
        Units.
    tiers : tuple of str
        From coarse to fine; empty where only its runs are known.
    kernel : Kernel or None
        Itself, where it can be run here.
    card : mapping or None
        Its entry, where it is trusted.
    """

    name: str
    inputs: tuple[Port, ...]
    outputs: Mapping[str, str]
    tiers: tuple[str, ...] = ()
    kernel: Kernel | None = None
    card: Mapping[str, Any] | None = None

    @cached_property
    def ports(self) -> dict[str, Port]:
        """Inputs by name."""
        return {p.name: p for p in self.inputs}

    @cached_property
    def sizes(self) -> dict[str, Dimension]:
        """Dimensions of the numeric inputs, sorted: kernels may name them in another order."""
        numeric = {n: p.parsed.dimension for n, p in self.ports.items() if not p.is_label}
        return dict(sorted(numeric.items()))

    @cached_property
    def constants(self) -> list[Dimension]:
        """Dimensions of the constants that its card declares."""
        return [] if self.card is None else constants_of(self.card["content"])

    @property
    def content(self) -> Mapping[str, Any]:
        """Content of its card."""
        return {} if self.card is None else self.card["content"]

    def output(self, target: str | None) -> str:
        """Name of an output, the first by default; an error lists those that the kernel has."""
        if target is not None and target not in self.outputs:
            name, known = visible(self.name), visible(", ".join(self.outputs)[:300])
            what = f"'{name}' has no output '{visible(target[:60])}'"
            raise InputError(f"{what}; its outputs are {known}.")
        return target or next(iter(self.outputs))

    def versions(self, values: Mapping[str, Any], tier: str) -> tuple[str, str] | None:
        """Cache version and program of a run that would be made here; None where none would."""
        determined = getattr(self.kernel, "determined", None)
        if determined is None:
            return None
        content = {"provenance": plain(determined(values, tier))}
        return cache_version(content), program_of(content)


def describe(hub: Hub, reference: Any, *, load: bool = True) -> Description:
    """Description of a kernel.

    Parameters
    ----------
    hub : Hub
    reference : str or Kernel
        As :func:`dimgs.kernels.registry.load_kernel` takes it, or the name of one with runs.
    load : bool
        Whether a file or module that is named may be loaded; those installed always are.

    Raises
    ------
    InputError
        If neither this machine nor the hub knows it.
    """
    kernel, why = None, None
    if not isinstance(reference, str) or load or reference in available():
        try:
            kernel = load_kernel(reference)
        except InputError as error:
            why = error
    name = reference if kernel is None else kernel.name
    card = trusted_cards(hub, name).get(name)
    if kernel is not None:
        outputs = {p.name: p.unit for p in kernel.outputs}
        tiers = tuple(t.name for t in kernel.tiers)
        return Description(name, kernel.inputs, outputs, tiers, kernel, card)
    run = next(newest_runs(hub, name), None)
    if run is None:
        raise why or InputError(f"The hub has no run of '{visible(name)}'.")
    ports = tuple(Port(n, q.get("unit", "1")) for n, q in run["inputs"].items())
    inputs = {} if card is None else card["content"].get("inputs", {})
    ports = tuple(_with(port, inputs.get(port.name)) for port in ports)
    outputs = {n: q.get("unit", "1") for n, q in run["outputs"].items()}
    return Description(name, ports, outputs, (), None, card)


def _with(port: Port, record: Any) -> Port:
    """A port of a run with what a card says of it in the same unit."""
    if not isinstance(record, Mapping) or record.get("unit", "1") != port.unit:
        return port
    return Port(port.name, port.unit, record.get("low"), record.get("high"), record.get("default"))


@dataclass(frozen=True)
class Point:
    """A point: the inputs of a question.

    Attributes
    ----------
    values : mapping of str to float or str
        In the units of the ports.
    si : mapping of str to float
        Numbers in SI units, by name.
    labels : mapping of str to str
    assumptions : list of dict
        Inputs that nobody gave, as ``{"input", "value", "source"}``.
    missing : list of str
        Inputs that nobody gave and that have no default.
    """

    values: Mapping[str, Any]
    si: Mapping[str, float]
    labels: Mapping[str, str]
    assumptions: list[dict[str, Any]]
    missing: list[str]


def point_of(description: Description, inputs: Mapping[str, Any]) -> Point:
    """Inputs of a kernel, from what was given with units; the others by default.

    Raises
    ------
    InputError
        If there is no such input, or a value has another dimension or lies outside its range.
    """
    ports = description.ports
    odd = next((n for n in inputs if n not in ports), None)
    if odd is not None:
        remedy = did_you_mean(odd, ports, f"its inputs are {', '.join(ports)}.")
        raise InputError(
            f"'{visible(description.name)}' has no input '{visible(odd[:60])}'; {remedy}"
        )
    values: dict[str, Any] = {}
    assumptions, missing = [], []
    conservative = description.content.get("conservative", {})
    for port in description.inputs:
        if port.name in inputs:
            values[port.name] = port_value(port, inputs[port.name])
            continue
        value, source = port.default, f"default of {description.name}"
        if value is None and port.name in conservative:
            value = stored(conservative[port.name])
            source = f"conservative value of the card of {description.name}"
        if value is None:
            unit = "" if port.unit in ("label", "1") else f" in {port.unit}"
            missing.append(f"the input '{port.name}'{unit}: give it with {setting('at')}")
            continue
        values[port.name] = port_value(port, value)
        quantity = {"value": values[port.name], "unit": port.unit}
        assumptions.append({"input": port.name, "value": quantity, "source": source})
    if not missing:
        refusal = convert_inputs(description.inputs, values, description.name).refusal
        if refusal:
            raise InputError(refusal)
    si = {n: float(ports[n].parsed.to_si(v)) for n, v in values.items() if not ports[n].is_label}
    labels = {n: v for n, v in values.items() if ports[n].is_label}
    return Point(values, si, labels, assumptions, missing)
