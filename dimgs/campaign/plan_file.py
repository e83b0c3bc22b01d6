"""The schema of a plan in TOML; loaded when one is read."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from dimgs.common.errors import InputError
from dimgs.variables.quantities import as_quantity


class _Table(BaseModel):
    """A table of the plan, without further keys."""

    model_config = ConfigDict(strict=True, extra="forbid")


class RangeTable(_Table):
    """Values that an input may take, in `unit` or in the kernel's own."""

    low: float
    high: float
    unit: str | None = None
    integer: bool = False


def _number_or_text(given: object) -> object:
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        raise InputError(f"{given!r:.60} is given where a number is needed.")
    return given


class ValueTable(_Table):
    """A value in a unit; without one in the kernel's own."""

    value: Annotated[float | str, BeforeValidator(_number_or_text)]
    unit: str | None


def _range(given: object) -> object:
    match given:
        case [low, high, *rest] if len(rest) <= 1:
            return {"low": low, "high": high, "unit": rest[0] if rest else None}
        case dict() if {"low", "high"} <= set(given):
            return given
        case str():
            found = as_quantity(given, "The range")
            if found.is_label:
                raise InputError(f"{given!r:.60} is no range; write '1..2 m' or [1, 2, \"m\"].")
            low, high = found.ends()
            return {"low": low, "high": high, "unit": found.unit}
    raise InputError(
        f'{given!r:.60} is no range; write [1, 2, "m"] or {{ low = 1, high = 2, unit = "m" }}.'
    )


def _value(given: object) -> object:
    match given:
        case dict():
            return given
        case [value, unit]:
            return {"value": value, "unit": unit}
        case list():
            raise InputError(f'{given!r:.60} is no value; write [1, "m"], 1 or a text.')
    return {"value": given, "unit": None}


RangeEntry = Annotated[
    RangeTable,
    BeforeValidator(
        _range,
        json_schema_input_type=RangeTable | tuple[float, float] | tuple[float, float, str] | str,
    ),
]
ValueEntry = Annotated[
    ValueTable,
    BeforeValidator(_value, json_schema_input_type=ValueTable | tuple[float, str] | float | str),
]


class BudgetTable(_Table):
    """What the campaign may spend."""

    runs: int
    coarse_runs: int | None = None
    seconds: float | None = None


class ToleranceTable(_Table):
    """When an answer is good enough: half-widths of intervals."""

    exponents: float | None = None
    prediction: float | None = None
    law: float | None = None


class ExecutionTable(_Table):
    """How runs are executed."""

    workers: int = 2
    retries: int = 1
    timeout: float | None = None
    batch: int = 4


class CurveTable(_Table):
    """Inputs that a curve may depend on, and whether it is fitted whole too."""

    inputs: list[str]
    whole: bool = False


def _curve(given: object) -> object:
    return {"inputs": given} if isinstance(given, list) else given


CurveEntry = Annotated[
    CurveTable, BeforeValidator(_curve, json_schema_input_type=CurveTable | list[str])
]


class PlanFile(_Table):
    """A plan of a campaign, as TOML."""

    edition: int = Field(0, alias="schema", ge=0)
    kernel: str
    target: str | list[str]
    ranges: dict[str, RangeEntry]
    budget: BudgetTable
    tolerance: ToleranceTable
    fixed: dict[str, ValueEntry] = {}
    points: list[dict[str, ValueEntry]] = []
    tiers: list[str] = []
    survey: int | None = None
    level: float = 0.9
    seed: int = 0
    sampler: Literal["sobol", "lhs"] = "sobol"
    execution: ExecutionTable = ExecutionTable()
    report: Literal["fit", "discover", "none"] | None = None
    constants: list[str] = []
    scales: list[str] | Literal["auto"] = []
    arrhenius: list[str] = []
    by: str | None = None
    sources: list[str] = []
    curves: dict[str, CurveEntry] = {}
