"""Plans from TOML or Python files; every complaint names the key."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dimgs.campaign.plan import Budget, Execution, Plan, Range, Tolerance
from dimgs.common.errors import InputError
from dimgs.common.formats import read_toml, refuse_newer, shown, validated

if TYPE_CHECKING:
    from dimgs.campaign.plan_file import ValueTable

_TABLES: Mapping[str, type] = {"budget": Budget, "tolerance": Tolerance, "execution": Execution}
_PLAIN = {"kernel", "survey", "level", "seed", "sampler", "report", "by"}


def read_plan(path: str | Path) -> Plan:
    """Plan from a file.

    Parameters
    ----------
    path : str or Path
        A TOML file, or a Python file that defines ``plan``.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        If the file cannot be read, or a key cannot be used; the message names it.

    Examples
    --------
    >>> plan = read_plan("case_studies/packaging_migration/plan.toml")
    >>> plan.kernel, plan.target, plan.budget.runs
    ('diffusion', 'CF', 40)
    """
    file = Path(path)
    try:
        is_file = file.is_file()
    except (OSError, ValueError):
        is_file = False
    if not is_file:
        raise InputError(f"There is no plan '{shown(path)}'; give a TOML or a Python file.")
    if file.suffix == ".py":
        return _python_plan(file)
    return plan_of(read_toml(file, "plan"), file.name, file.parent)


def plan_of(
    document: Mapping[str, Any], source: str = "the plan", folder: Path | None = None
) -> Plan:
    """Plan from the content of a TOML file.

    Parameters
    ----------
    document : mapping
    source : str
        For messages.
    folder : Path, optional
        Folder that a kernel ``"file.py:attribute"`` is relative to.

    Returns
    -------
    Plan

    Raises
    ------
    InputError

    Examples
    --------
    >>> plan = plan_of({
    ...     "kernel": "diffusion", "target": "CF", "ranges": {"t": [1, 100, "day"]},
    ...     "budget": {"runs": 20}, "tolerance": {"exponents": 0.02},
    ... })
    >>> plan.ranges["t"]
    Range(low=1.0, high=100.0, unit='day', integer=False)
    >>> plan_of({"kernl": "diffusion"})
    Traceback (most recent call last):
    dimgs.common.errors.InputError: the plan, kernl: there is no such key; did you mean 'kernel'?
    """
    from dimgs.campaign.plan_file import PlanFile

    refuse_newer(document, source)
    read = validated(PlanFile, document, f"{source}, ")
    plain = read.model_dump(include=_PLAIN)
    kernel = read.kernel if folder is None else _anchored(read.kernel, folder)
    made: dict[str, Any] = {}
    for name, kind in _TABLES.items():
        made[name] = _at(source, name, kind, **getattr(read, name).model_dump())
    ranges = {
        name: _at(source, f"ranges.{name}", Range, **table.model_dump())
        for name, table in read.ranges.items()
    }
    try:
        return Plan(
            **{**plain, **made, "kernel": kernel},
            target=read.target if isinstance(read.target, str) else tuple(read.target),
            ranges=ranges,
            fixed=_values(read.fixed),
            points=tuple(map(_values, read.points)),
            tiers=tuple(read.tiers),
            constants=tuple(read.constants),
            scales=read.scales if isinstance(read.scales, str) else tuple(read.scales),
            arrhenius=tuple(read.arrhenius),
            sources=tuple(read.sources),
            curves={name: tuple(table.inputs) for name, table in read.curves.items()},
            whole_curves=tuple(name for name, table in read.curves.items() if table.whole),
            source=source,
        )
    except InputError as error:
        raise InputError(f"{source}: {error}") from error


def _at(source: str, key: str, make: type, **given: Any) -> Any:
    try:
        return make(**given)
    except InputError as error:
        raise InputError(f"{source}, {key}: {error}") from error


def _values(table: "Mapping[str, ValueTable]") -> dict[str, tuple[float | str, str | None]]:
    return {name: (entry.value, entry.unit) for name, entry in table.items()}


def _python_plan(file: Path) -> Plan:
    from dimgs.kernels.registry import load_file

    module = load_file(file)
    found = getattr(module, "plan", None)
    if not isinstance(found, Plan):
        raise InputError(f"{file.name} defines no plan; write plan = Plan(...) in it.")
    if found.source == Plan.source:
        found = replace(found, source=file.name)
    if isinstance(found.kernel, str):
        return replace(found, kernel=_anchored(found.kernel, file.parent))
    # workers find a kernel of this file by its name: they cannot import the file otherwise
    kernel = found.kernel
    names = [n for n, v in vars(module).items() if v is kernel and not n.startswith("__")]
    return replace(found, kernel=f"{file.resolve()}:{names[0]}") if names else found


def _anchored(kernel: str, folder: Path) -> str:
    """A kernel in a file, relative to the plan."""
    file, colon, attribute = kernel.rpartition(":")
    if colon and file.endswith(".py"):
        return f"{(folder / file).resolve()}:{attribute}"
    return str((folder / kernel).resolve()) if kernel.endswith(".toml") else kernel


__all__ = ["plan_of", "read_plan"]
