"""The schema of a row of a store of runs; loaded when one is read."""

import json
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _loaded(text: object) -> object:
    # half of a surrogate pair, which labels may hold, is no JSON to stricter readers
    try:
        return json.loads(text) if isinstance(text, str) else None
    except RecursionError:
        raise ValueError("it is nested too deep") from None


_Value = TypeVar("_Value")
Stored = Annotated[_Value, BeforeValidator(_loaded, json_schema_input_type=str)]
Input = Annotated[tuple[int | float | str, str], Field(strict=False)]
Output = Annotated[tuple[int | float, str], Field(strict=False)]


class RunRow(BaseModel):
    """A run that has ended: a row of the table ``runs`` in a store, an SQLite file."""

    model_config = ConfigDict(strict=True)

    key: str
    attempt: int = Field(1, ge=0)
    state: Literal["ok", "failed", "diverged", "refused", "interrupted"]
    kernel: str
    tier: str
    seed: Annotated[str, Field(pattern=r"^-?[0-9]{1,4000}$")] | None
    inputs: Stored[dict[str, Input]]
    outputs: Stored[dict[str, Output]]
    errors: Stored[dict[str, int | float]]
    reason: str
    wall_seconds: float
    provenance: Stored[dict[str, Any]]
    session: str | None = None
    claimed_at: str | None = None
    finished_at: str | None = None
