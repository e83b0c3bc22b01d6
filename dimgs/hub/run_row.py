"""The schema of a row of a store of runs; loaded when one is read."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, Json

Pair = Annotated[tuple[int | float | str | None, str], Field(strict=False)]


class RunRow(BaseModel):
    """A run that has ended: a row of the table ``runs`` in a store, an SQLite file."""

    model_config = ConfigDict(strict=True)

    key: str
    attempt: int = Field(1, ge=0)
    state: Literal["ok", "failed", "diverged", "refused", "interrupted"]
    kernel: str
    tier: str
    seed: Annotated[str, Field(pattern=r"^-?[0-9]{1,4000}$")] | None
    inputs: Json[dict[str, Pair]]
    outputs: Json[dict[str, Pair]]
    errors: Json[dict[str, int | float | None]]
    reason: str
    wall_seconds: float
    provenance: Json[dict[str, Any]]
    session: str | None = None
    claimed_at: str | None = None
    finished_at: str | None = None
