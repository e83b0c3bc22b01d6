"""The schema of a checkpoint's description, which stands beside its arrays."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, FailFast, Field

Count = Annotated[int, Field(ge=0)]


class QuestionPart(BaseModel):
    """What was asked of the table."""

    model_config = ConfigDict(strict=True, extra="allow")

    target: str
    options: dict[str, str]


class IdentityPart(BaseModel):
    """The table as it was, and the question."""

    model_config = ConfigDict(strict=True, extra="allow")

    version: int
    files: dict[str, list[Any]]
    question: QuestionPart


class CheckpointFile(BaseModel):
    """The text ``about`` in a checkpoint, an archive of NumPy arrays."""

    model_config = ConfigDict(strict=True, protected_namespaces=())

    edition: int = Field(0, alias="schema", ge=0)
    identity: IdentityPart
    position: Annotated[list[Count], Field(min_length=4, max_length=4)]
    ranges: Annotated[list[list[float]], FailFast()]
    rows: Count
    sizes: Annotated[list[Count], FailFast(), Field(min_length=1)]
    keys: Annotated[list[int | str], FailFast()]
    n_features: Count
    n_seen: Count
    shared: bool
    n_dropped: Count
    dropped: list[str]
    in_pieces: bool
