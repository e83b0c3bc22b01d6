"""The schema of each kind of entry; loaded when one is made or read.

Further keys are kept as they are, for programs and later editions; one that is nearly a known key
is refused as a slip of the pen.
"""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from dimgs.errors import InputError
from dimgs.escape import visible
from dimgs.formats import validated

# of 1: "unit" and "units" are 0.89 alike, "tag" and "tags" 0.86, "title" and "tiers" 0.6
_ALIKE = 0.85

Text = Annotated[str, StringConstraints(min_length=1, max_length=100_000)]
Short = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Tags = Annotated[list[Short], Field(max_length=1000)]
Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8,64}$")]
# what PostgreSQL, or UTF-8, has no place for
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
# bytes of a file: as a JSON text it has to be shorter than what a server reads
MOST_FILE = 8 << 20
Rating = Annotated[int, Field(ge=1, le=5)]


class _Part(BaseModel):
    """A table of an entry."""

    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_slips(cls, value: Any) -> Any:
        known = [str(f.alias or n) for n, f in cls.model_fields.items()]
        for name in set(value).difference(known) if isinstance(value, dict) else ():
            near = get_close_matches(str(name), known, n=1, cutoff=_ALIKE)
            if near and near[0] not in value:
                raise ValueError(f"there is no key '{str(name)[:60]}'; did you mean '{near[0]}'?")
        return value


class QuantityPart(_Part):
    """A number with its unit, or the text of a label."""

    value: float | int | str
    unit: Short = "1"


class RangePart(_Part):
    """Values that an input may take."""

    low: float | int | None = None
    high: float | int | None = None
    value: float | int | str | None = None
    unit: Short = "1"


class FilePart(_Part):
    """A file that an entry names."""

    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Field(ge=0, le=MOST_FILE)]


class _Kind(_Part):
    """What every kind may have."""

    title: Short | None = None
    tags: Tags = []
    files: Annotated[dict[Short, FilePart], Field(max_length=1000)] = {}


class Question(_Kind):
    """What somebody wants to know."""

    text: Text
    context: str = ""
    target: Short | None = None
    kernel: Short | None = None
    inputs: dict[Short, RangePart | str] = {}
    safe: str = ""
    priority: str | int = ""


class PortPart(_Part):
    """An input or output of a kernel."""

    unit: Short = "1"
    kind: str | None = None
    low: float | int | None = None
    high: float | int | None = None
    default: float | int | str | None = None
    description: str = ""


class Card(_Kind):
    """What a kernel computes, within which limits."""

    kernel: Short
    text: str = ""
    inputs: dict[Short, PortPart | str] = {}
    outputs: dict[Short, PortPart | str] = {}
    constants: dict[Short, QuantityPart | str] | list[Any] = {}
    complete: bool = False
    tiers: dict[Short, Any] | list[Any] = {}
    assumptions: list[str] | str = []
    conservative: dict[Short, Any] = {}
    limitations: list[str] | str = []
    validity: dict[Short, Any] | list[Any] | str = {}
    maintainer: str = ""
    licence: str = ""
    physics: Short | None = None
    cache_version: str | int | None = None


class Protocol(_Kind):
    """A plan: what is to be run."""

    plan: dict[str, Any] | str | None = None
    kernel: Short | None = None
    text: str = ""


class Run(_Kind):
    """One run of a kernel, as its record."""

    kernel: Short
    tier: str = ""
    status: Literal["ok", "failed", "diverged", "refused", "interrupted"] = "ok"
    key: str = ""
    inputs: dict[Short, QuantityPart]
    outputs: dict[Short, Any] = {}
    errors: dict[Short, Any] = {}
    reason: str = ""
    seed: int | str | None = None
    wall_seconds: float | int = 0.0
    provenance: dict[str, Any] = {}


class Job(_Kind):
    """A request for one run, or for the campaign of a plan."""

    kernel: Short
    tier: str | None = None
    inputs: dict[Short, QuantityPart] = {}
    plan: dict[str, Any] | None = None
    seed: int | None = None
    seconds: Annotated[float | int, Field(gt=0)] = 600.0
    text: str = ""


class Campaign(_Kind):
    """What a campaign came to."""

    outcome: str = ""
    result: dict[str, Any] = {}


class Decision(_Kind):
    """Who decided what, why, and what was known then."""

    action: Short
    text: str = ""
    known: Any = None


class LawEntry(_Kind):
    """A law as law.json holds it, its domain included."""

    law: dict[str, Any] | None = None
    expression: str | None = None
    target: Short | None = None
    text: str = ""


class AnswerEntry(_Kind):
    """An answer to a question."""

    answer: QuantityPart | dict[str, Any] | None = None
    how: str = ""
    evidence: list[Any] = []
    pertinence: dict[str, Any] = {}
    text: str = ""


class Review(_Kind):
    """What somebody else thinks of an entry."""

    verdict: Literal["accept", "minor", "major", "reject"]
    clarity: Rating | None = None
    kernel_fit: Rating | None = None
    output: Rating | None = None
    rating: Rating | None = None
    text: str = ""


class Annotation(_Kind):
    """A remark on an entry."""

    type: Literal["insight", "bug", "validation", "dispute"] = "insight"
    text: Text


class Link(_Kind):
    """A link between two entries that are there already."""

    type: Short
    source: Id = Field(alias="from")
    to: Id


class DatasetEntry(_Kind):
    """Runs that were chosen once, and how."""

    runs: list[str] = []
    chosen: dict[str, Any] | str = {}
    licence: str = ""
    text: str = ""


class LimitEntry(_Kind):
    """What is known of a law where a group goes to zero or infinity.

    Where the group is below ``beyond`` (``at`` 0) or above it (``at`` "inf"), the target grows with
    the input as its power ``exponent``, but for a relative ``miss``.
    """

    target: Short | None = None
    kernel: Short | None = None
    physics: Short | None = None
    group: Short | None = None
    at: Literal[0, "0", "zero", "inf", "infinity"] | None = None
    input: Short | None = None
    exponent: float | int | None = None
    beyond: Annotated[float | int, Field(gt=0)] | None = None
    miss: Annotated[float | int, Field(gt=0)] = 0.01
    text: str = ""


MODELS: dict[str, type[_Kind]] = {
    "question": Question,
    "card": Card,
    "protocol": Protocol,
    "run": Run,
    "job": Job,
    "campaign": Campaign,
    "decision": Decision,
    "law": LawEntry,
    "answer": AnswerEntry,
    "review": Review,
    "annotation": Annotation,
    "link": Link,
    "dataset": DatasetEntry,
    "limit": LimitEntry,
}

KINDS = tuple(MODELS)


class LinkFile(BaseModel):
    """A link of an entry in a bundle."""

    model_config = ConfigDict(strict=True, extra="forbid")

    type: str
    to: str


class SignaturePart(BaseModel):
    """That a hub states that the entry was made through it."""

    model_config = ConfigDict(strict=True, extra="forbid")

    key: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]


class EntryFile(BaseModel):
    """An entry in a bundle: a line of ``entries-*.jsonl``."""

    model_config = ConfigDict(strict=True, extra="forbid")

    id: str
    kind: str
    author: str
    agent: bool
    time: str
    visibility: str
    until: str
    links: Annotated[list[LinkFile], Field(max_length=1_000_000)]
    digest: str
    content: dict[str, Any] | None
    signatures: Annotated[list[SignaturePart], Field(max_length=100)] = []


def check_text(value: object, what: str) -> None:
    """Refuse a text that no database holds: with a null character, or half of a surrogate pair.

    Parameters
    ----------
    value : object
        A text, or a table or list of them, however deep.
    what : str
        Where it is, for the message.

    Raises
    ------
    InputError
    """
    if isinstance(value, str):
        if _NO_TEXT.search(value):
            raise InputError(
                f"{what} holds a character that no text has (a null, or half of a surrogate "
                f"pair): '{visible(value[:60])}'; leave it out."
            )
    elif isinstance(value, Mapping):
        for key, part in value.items():
            check_text(str(key), what)
            check_text(part, what)
    elif isinstance(value, Sequence):
        for part in value:
            check_text(part, what)


def checked(kind: str, content: Any) -> dict[str, Any]:
    """Content of an entry, as it was given.

    Raises
    ------
    InputError
        Naming the first key that cannot be used.

    Examples
    --------
    >>> checked("question", {"text": "Why?", "taget": "J"})
    Traceback (most recent call last):
    dimgs.errors.InputError: The question cannot be used: there is no key 'taget'; did you mean
    'target'?
    """
    validated(MODELS[kind], content, f"The {kind} cannot be used: ")
    check_text(content, f"The {kind}")
    return dict(content)
