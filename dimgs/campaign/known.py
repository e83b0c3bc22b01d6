"""Runs and laws that exist before a campaign, wherever they come from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dimgs.campaign.binding import Binding, at
from dimgs.common.errors import InputError
from dimgs.common.formats import json_value, read_text
from dimgs.kernels.conversion import unit_for
from dimgs.kernels.record import RunRecord
from dimgs.variables import parse_unit

if TYPE_CHECKING:
    from dimgs.dataset import Dataset
    from dimgs.law.law import Law

# what SQLite files begin with
_MAGIC = b"SQLite format 3\x00"
_STORE = "runs.sqlite"
_TIER = "tier"


@dataclass(frozen=True)
class KnownRun:
    """A run that was made before.

    It counts as made where its record has the key that the plan's kernel gives to the same inputs,
    tier and seed. Any other run is evidence: it is used where the runs of its origin predict new
    runs.

    Attributes
    ----------
    record : RunRecord
        Inputs and outputs with their units; an input of the kernel that it does not give has the
        value that the plan fixes. Without a tier it is one of the finest.
    origin : str
        Where it comes from, for messages; runs of one origin are trusted or left aside together.
    error : float
        Relative standard error of the target.

    Examples
    --------
    >>> from dimgs.kernels.record import Status
    >>> KnownRun(RunRecord("pendulum", "", {"l": (1.0, "m"), "g": (9.81, "m/s^2")},
    ...     {"T": (2.006, "s")}, Status.OK, key=""), "my notebook").record.tier
    ''
    """

    record: RunRecord
    origin: str
    error: float = 0.0


@dataclass(frozen=True)
class KnownLaw:
    """A law that was found before: what it says inside its domain is evidence.

    Attributes
    ----------
    law : Law
    origin : str

    Examples
    --------
    >>> import dimgs
    >>> table = {"L [m]": [0.2, 0.4, 0.8, 1.6], "T [s]": [0.897, 1.269, 1.794, 2.537]}
    >>> law = dimgs.fit(table, "T", constants=["g"]).law
    >>> KnownLaw(law, origin="a pendulum").origin
    'a pendulum'
    """

    law: "Law"
    origin: str


Known = KnownRun | KnownLaw


def every_known(
    sources: "Iterable[Known | str | PathLike[str]] | str | PathLike[str]", binding: Binding
) -> tuple[Known, ...]:
    """Runs and laws, those of files read.

    Parameters
    ----------
    sources : path, or iterable of KnownRun, KnownLaw or path
        A path is that of a store of runs, of a campaign's folder, of a table, or of a law (JSON).
    binding : Binding
        Of the plan that they are for.

    Returns
    -------
    tuple of KnownRun and KnownLaw

    Raises
    ------
    InputError
        If a file cannot be read, or a table lacks the target or an input of the plan's ranges.
    """
    each = [sources] if isinstance(sources, str | PathLike) else sources
    return tuple(known for source in each for known in _read(source, binding))


def _read(source: Any, binding: Binding) -> Sequence[Known]:
    if isinstance(source, KnownRun | KnownLaw):
        return [source]
    if not isinstance(source, str | PathLike):
        what = "a KnownRun, a KnownLaw, or the path of a store, a table or a law"
        raise InputError(f"{source!r:.60} is no known run; give {what}.")
    path = Path(source, _STORE) if Path(source).is_dir() else Path(source)
    if not path.is_file():
        what = "a store (runs.sqlite), a campaign's folder, a table or a law (JSON)"
        raise InputError(f"There is no '{path}' to start from; give {what}.")
    with path.open("rb") as file:
        is_store = file.read(len(_MAGIC)) == _MAGIC
    if is_store:
        from dimgs.hub import RunStore

        origin = f"{path.parent.name}/{path.name}"
        with RunStore(path) as store:
            return [KnownRun(record, origin) for record in store.records()]
    if path.suffix == ".json":
        from dimgs.law.law import Law

        document = json_value(read_text(path, "law"), path.name, "give a law as JSON")
        inner = document.get("law") if isinstance(document, dict) else None
        return [KnownLaw(Law.from_json(inner if isinstance(inner, dict) else path), path.name)]
    return _of_table(path, binding)


def _of_table(path: Path, binding: Binding) -> list[Known]:
    from dimgs.dataset import read_table
    from dimgs.hub.keeping import table_records

    data = read_table(path)
    target = binding.target.name
    for name in (target, *sorted(binding.plan.ranges)):
        if name not in data.names:
            raise InputError(
                f"{path.name} has no column '{name}' to start from, it has "
                f"{', '.join(data.names)}; name its columns as the kernel does."
            )
    with at(binding.plan, path.name):
        for port in (*binding.kernel.inputs, *binding.kernel.outputs):
            if port.name in data.names and not port.is_label and port.name not in data.label_names:
                unit_for(port, data.variable(port.name).unit.text)
    return [_row(r, data, target, path.name) for r in table_records(data, target)]


def _row(record: RunRecord, data: "Dataset", target: str, origin: str) -> KnownRun:
    inputs = dict(record.inputs)
    tier = str(inputs.pop(_TIER)[0]) if _TIER in inputs and _TIER in data.label_names else ""
    error = 0.0
    if record.ok and target in record.errors:
        value, text = record.outputs[target]
        unit = parse_unit(text)
        error = abs(record.errors[target] * unit.factor / (unit.to_si(float(value)) or 1.0))
    return KnownRun(replace(record, tier=tier, inputs=inputs), origin, error)
