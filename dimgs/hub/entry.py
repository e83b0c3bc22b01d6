"""Entries of a hub: what each kind holds, its hash, runs as entries, and verdicts on laws."""

import hashlib
import json
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from operator import itemgetter
from typing import Annotated, Any, Literal, Self, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from dimgs.common.errors import InputError, StoreError
from dimgs.common.escape import visible
from dimgs.common.formats import attributes, checksum, is_edited, plain, shown, validated
from dimgs.kernels.base import Port
from dimgs.kernels.base import canonical as canonical_number
from dimgs.kernels.record import RunRecord, RunRequest, Status
from dimgs.variables import difference_unit, parse_unit
from dimgs.variables.quantities import is_numeric
from dimgs.variables.units import LABEL_TEXTS

# ---- Entries of a hub: what each kind holds, and the hash by which an entry is named.
#
# Unknown keys are kept, for programs and later versions. A key that resembles a known one is
# refused as a misspelling.


# an object of JSON, and one that is only read
Json: TypeAlias = dict[str, Any]
Document: TypeAlias = Mapping[str, Any]
# types of links with the ids that they lead to
Links: TypeAlias = Sequence[tuple[str, str]]
# of a file, a folder or a hub
Address: TypeAlias = str | os.PathLike[str]
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
# number of entries or runs
Whole = Annotated[int, Field(ge=0, lt=10**12)]


class _Part(BaseModel):
    """A table of an entry."""

    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_slips(cls, value: Any) -> Any:
        keys = [str(f.alias or n) for n, f in cls.model_fields.items()]
        for name in set(value).difference(keys) if isinstance(value, dict) else ():
            near = get_close_matches(str(name), keys, n=1, cutoff=_ALIKE)
            if near and near[0] not in value:
                raise ValueError(f"there is no key '{str(name)[:60]}'; did you mean '{near[0]}'?")
        return value


class NumberPart(_Part):
    """A number with its unit."""

    value: float
    unit: Short = "1"


class QuantityPart(_Part):
    """A number with its unit, or the text of a label."""

    value: float | int | str
    unit: Short = "1"

    @model_validator(mode="after")
    def _no_number_as_text(self) -> Self:
        free = self.unit == "1" and not is_numeric(str(self.value))
        if isinstance(self.value, str) and not (free or self.unit in LABEL_TEXTS):
            text = f"'{visible(self.value[:60])}' is a text in '{visible(self.unit[:60])}'"
            raise ValueError(f"{text}; give a number, or of a label the unit 'label'")
        return self


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


MODELS: "dict[str, type[_Kind]]" = {}


class _Kind(_Part):
    """Base of all kinds of entries; each kind registers itself by its name."""

    title: Short | None = None
    text: str = ""
    tags: Tags = []
    files: Annotated[dict[Short, FilePart], Field(max_length=1000)] = {}

    def __init_subclass__(cls, kind: str, **options: Any) -> None:
        super().__init_subclass__(**options)
        MODELS[kind] = cls


class Question(_Kind, kind="question"):
    """A question."""

    text: Text
    context: str = ""
    target: Short | None = None
    kernel: Short | None = None
    physics: Short | None = None
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


class Card(_Kind, kind="card"):
    """Card of a kernel: its inputs, outputs, constants and limits."""

    kernel: Short
    inputs: dict[Short, PortPart | str] = {}
    outputs: dict[Short, PortPart | str] = {}
    constants: dict[Short, QuantityPart | str] | list[Any] = {}
    complete: bool = False
    tiers: dict[Short, Any] | list[Any] = {}
    assumptions: list[str] | str = []
    conservative: dict[Short, Any] = {}
    bias: dict[Short, float | int] = {}
    limitations: list[str] | str = []
    validity: dict[Short, Any] | list[Any] | str = {}
    maintainer: str = ""
    licence: str = ""
    physics: Short | None = None
    cache_version: str | int | None = None


class Protocol(_Kind, kind="protocol"):
    """A plan: what is to be run."""

    plan: Json | str | None = None
    kernel: Short | None = None


class Run(_Kind, kind="run"):
    """One run of a kernel, as its record."""

    kernel: Short
    tier: str = ""
    status: Literal["ok", "failed", "diverged", "refused", "interrupted"] = "ok"
    key: str = ""
    inputs: dict[Short, QuantityPart]
    outputs: dict[Short, NumberPart] = {}
    errors: dict[Short, Any] = {}
    reason: str = ""
    seed: int | str | None = None
    wall_seconds: float | int = 0.0
    provenance: Json = {}


class Job(_Kind, kind="job"):
    """A request for one run, or for the campaign of a plan."""

    kernel: Short
    tier: str | None = None
    inputs: dict[Short, QuantityPart] = {}
    plan: Json | None = None
    seed: int | None = None
    seconds: Annotated[float | int, Field(gt=0)] = 600.0


class Campaign(_Kind, kind="campaign"):
    """Result of a campaign."""

    outcome: str = ""
    result: Json = {}


class Decision(_Kind, kind="decision"):
    """A decision: its author, its reasons, and the state of the hub."""

    action: Short
    known: Any = None


class LawEntry(_Kind, kind="law"):
    """A law as law.json holds it, its domain included."""

    law: Json | None = None
    expression: str | None = None
    target: Short | None = None
    kernel: str | None = None
    confirmed: bool | None = None
    why_not: list[str] = []
    outcome: str | None = None
    probability: float | int | None = None
    regimes: list[Any] | None = None
    boundaries: list[Any] = []
    rivals: list[Any] = []
    engine: str | None = None
    options: Json | None = None


class AnswerEntry(_Kind, kind="answer"):
    """An answer to a question."""

    answer: QuantityPart | Json | None = None
    how: str = ""
    evidence: list[Any] = []
    pertinence: Json = {}


class ReviewPart(BaseModel):
    """What a review says."""

    verdict: Literal["accept", "minor", "major", "reject"]
    clarity: Rating | None = None
    kernel_fit: Rating | None = None
    output: Rating | None = None
    rating: Rating | None = None
    text: str = ""


class Review(_Kind, ReviewPart, kind="review"):
    """Review of an entry by another author."""


class Annotation(_Kind, kind="annotation"):
    """A remark on an entry."""

    type: Literal["insight", "bug", "validation", "dispute"] = "insight"
    text: Text


class Link(_Kind, kind="link"):
    """A link between two entries that are there already."""

    type: Short
    source: Id = Field(alias="from")
    to: Id


class DatasetEntry(_Kind, kind="dataset"):
    """Runs that were chosen once, and how."""

    runs: list[str] = []
    chosen: Json | str = {}
    licence: str = ""


class LimitEntry(_Kind, kind="limit"):
    """Known limit of a law, where a group goes to zero or infinity.

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


KINDS = tuple(MODELS)


class _Line(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class LinkFile(_Line):
    """A link of an entry in a bundle."""

    type: str
    to: str


class SignaturePart(_Line):
    """Signature: a hub states that the entry was made in it."""

    key: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]


class EntryFile(_Line):
    """An entry in a bundle: a line of ``entries-*.jsonl``."""

    id: str
    kind: str
    author: str
    agent: bool
    time: str
    visibility: str
    until: str
    links: Annotated[list[LinkFile], Field(max_length=1_000_000)]
    digest: str
    content: Json | None
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


def checked(kind: str, content: Any) -> Json:
    """Content of an entry, as it was given.

    Raises
    ------
    InputError
        Naming the first key that cannot be used.

    Examples
    --------
    >>> checked("question", {"text": "Why?", "taget": "J"})
    Traceback (most recent call last):
    dimgs.common.errors.InputError: The question cannot be used: there is no key 'taget'; did you
    mean 'target'?
    """
    validated(MODELS[kind], content, f"The {kind} cannot be used: ")
    check_text(content, f"The {kind}")
    return dict(content)


# derived and recombined: rests on; the others tell what an entry says of another one
LINKS = ("derived", "recombined", "forked", "supersedes", "confirms", "disputes", "settles",
         "reviews", "annotates", "answers", "approves", "redacts")  # fmt: skip
# in the order in which the id is made of them
HEADER = ("kind", "author", "agent", "time", "visibility", "until")
VISIBILITIES = ("open", "embargoed", "private")

_AUTHOR = re.compile(r"[^\s/\\<>\"'\x00-\x1f]([^/\\<>\"'\x00-\x1f]{0,98}[^\s/\\<>\"'\x00-\x1f])?")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?\+00:00")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
ID = re.compile(r"[0-9a-f]{64}")
# of letters: what a list has room for in one line
_TITLE = 100


def canonical(value: Any) -> str:
    """JSON text of a value that is the same for equal values.

    Raises
    ------
    InputError
        If it holds what JSON or UTF-8 cannot.

    Examples
    --------
    >>> canonical({"b": 1e-3, "a": ["µ"]})
    '{"a":["µ"],"b":0.001}'
    """
    try:
        text = json.dumps(
            value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        )
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"The entry cannot be written as JSON ({error}); use texts, finite numbers, lists and "
            f"tables."
        ) from error
    return text


def sha256(data: str | bytes) -> str:
    """SHA-256 of bytes, or of a text in UTF-8, as 64 hexadecimal digits."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


@dataclass(frozen=True)
class Entry:
    """One immutable item of a hub, identified by its hash.

    The id is a hash of a header that holds the hash of the content: an entry whose content was
    removed (see :meth:`redacted`) still proves its author, time and links.

    Parameters
    ----------
    kind : str
        One of :data:`dimgs.hub.entry.KINDS`.
    content : mapping or None
        As JSON; None where it was redacted.
    author : str
    time : str
        In UTC, as ``datetime.isoformat`` writes it.
    links : tuple of (str, str)
        Type, and the id of the entry that it leads to, sorted.
    agent : bool
        Whether the author is a program.
    visibility : {"open", "embargoed", "private"}
    until : str
        Date on which the embargo ends.
    digest : str
        Hash of the content; computed from it where it is there.

    Raises
    ------
    InputError
        If a part cannot be used.

    Examples
    --------
    >>> e = Entry("question", {"text": "How fast?"}, "anna", "2026-01-02T03:04:05.000+00:00")
    >>> e.id[:12], e.redacted().id == e.id, e.redacted().content
    ('3e862f9ddfde', True, None)
    """

    kind: str
    content: Document | None
    author: str
    time: str
    links: tuple[tuple[str, str], ...] = ()
    agent: bool = False
    visibility: str = "open"
    until: str = ""
    digest: str = ""
    id: str = field(init=False, default="")

    def __post_init__(self) -> None:
        """Check the header and name the entry."""
        self._check()
        object.__setattr__(self, "links", tuple(sorted({(t, to) for t, to in self.links})))
        if self.content is not None:
            object.__setattr__(self, "digest", sha256(canonical(self.content)))
        header = [*self.header.values(), [list(link) for link in self.links], self.digest]
        object.__setattr__(self, "id", sha256(canonical(header)))

    def _check(self) -> None:
        among(self.kind, KINDS, "kind")
        among(self.visibility, VISIBILITIES, "visibility")
        check_author(self.author)
        if not _TIME.fullmatch(self.time):
            raise InputError(f"The time '{visible(self.time[:40])}' is not a time in UTC.")
        if (self.visibility == "embargoed") != bool(_DATE.fullmatch(self.until)):
            raise InputError("An embargo ends on a date; give it as until='2027-01-31'.")
        for kind, to in self.links:
            among(kind, LINKS, "link")
            if not ID.fullmatch(to):
                raise InputError(f"A link leads to '{visible(to[:70])}', which is not an id.")
        if self.content is None and not ID.fullmatch(self.digest):
            raise InputError("An entry without content needs the hash of its earlier content.")

    @property
    def header(self) -> Json:
        """Header of an entry: author, time and visibility, by name."""
        return {name: getattr(self, name) for name in HEADER}

    def redacted(self) -> Self:
        """The entry without its content: a tombstone."""
        return replace(self, content=None)

    def linked(self, *types: str) -> list[str]:
        """Ids that links of these types lead to."""
        return [to for kind, to in self.links if kind in types]

    def to_json(self) -> Json:
        """The entry as a JSON document, from which :meth:`from_json` makes an equal one."""
        return {
            "id": self.id,
            **self.header,
            "links": [{"type": kind, "to": to} for kind, to in self.links],
            "digest": self.digest,
            "content": None if self.content is None else dict(self.content),
        }

    @classmethod
    def of(cls, row: Any, content: Document | None, links: tuple[tuple[str, str], ...]) -> Self:
        """Entry whose header and digest are the attributes of an object."""
        header = {name: getattr(row, name) for name in (*HEADER, "digest")}
        return cls(content=content, links=links, **header)

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Entry of a document, if its hashes are those of what it holds.

        Parameters
        ----------
        document : object

        Raises
        ------
        InputError
            If it is not an entry, or its content or header was changed.
        """
        read = validated(EntryFile, document, "this is not an entry: ")
        entry = cls.of(read, read.content, tuple((link.type, link.to) for link in read.links))
        if entry.digest != read.digest:
            raise InputError(f"the content of {visible(read.id[:12])} was changed; it is left out.")
        if entry.id != read.id:
            raise InputError(
                f"{visible(read.id[:12])} is not the hash of its entry; it is left out."
            )
        return entry


def links_to(entry: Document, *types: str) -> list[str]:
    """Ids that links of these types lead to, from an entry as a hub gives it.

    Examples
    --------
    >>> law = {"id": "1" * 64, "links": [{"type": "derived", "from": "1" * 64, "to": "2" * 64}]}
    >>> links_to(law, "derived") == ["2" * 64], links_from(law, "derived")
    (True, [])
    """
    return [k["to"] for k in entry["links"] if k["type"] in types and k["from"] == entry["id"]]


def links_from(entry: Document, *types: str) -> list[str]:
    """Ids of entries whose links of these types lead to an entry; see :func:`links_to`."""
    return [k["from"] for k in entry["links"] if k["type"] in types and k["to"] == entry["id"]]


def check_author(name: object) -> str:
    """A name of a person or program, of at most 100 letters.

    Raises
    ------
    InputError
    """
    if not isinstance(name, str) or not _AUTHOR.fullmatch(name) or visible(name) != name:
        raise InputError(
            f"'{visible(str(name)[:60])}' is not a name of a user; give up to 100 letters without "
            f"quotes, slashes and angle brackets."
        )
    return name


def among(value: str | None, allowed: Sequence[str], what: str) -> None:
    """Refuse a name that is not among the known ones."""
    if value is not None and value not in allowed:
        names = ", ".join(allowed)
        raise InputError(f"There is no {what} '{visible(str(value)[:40])}'; there are {names}.")


def title_of(kind: str, content: Document | None) -> str:
    r"""One short line that names an entry in lists.

    Examples
    --------
    >>> title_of("question", {"text": "How fast does\n the film empty?"})
    'How fast does the film empty?'
    """
    if content is None:
        return "(redacted)"
    law = content.get("law")
    if isinstance(law, Mapping) and "title" not in content and law.get("expression"):
        regimes = [r for r in content.get("regimes") or () if r.get("law")]
        alone = law not in [r["law"] for r in regimes]
        parts = [f"{_formula(r['law'])} where {r.get('place') or r.get('where')}" for r in regimes]
        content = {"title": _formula(law) if alone else "; ".join(parts)}
    for name in ("title", "text", "expression", "kernel", "name", "target", "action", "physics"):
        if isinstance(content.get(name), str) and content[name].strip():
            line = visible(" ".join(content[name].split()))
            text = f"{content['verdict']}: {line}" if "verdict" in content else line
            return text if len(text) <= _TITLE else f"{text[: _TITLE - 3]}..."
    return str(content.get("verdict", kind))


def _formula(law: Document) -> str:
    return str(law.get("text", f"{law.get('target', 'law')} = {law.get('expression')}"))


# ---- Runs as entries and as rows of a store: records in and out, keys of reuse, numbers of
# queries.


def run_content(record: RunRecord) -> Json:
    """Content of a run's entry."""
    return {
        **attributes(record, "kernel tier key reason wall_seconds"),
        "status": record.status.value,
        "inputs": {n: {"value": v, "unit": u} for n, (v, u) in record.inputs.items()},
        "outputs": {n: {"value": v, "unit": u} for n, (v, u) in record.outputs.items()},
        "errors": dict(record.errors),
        # JSON readers elsewhere have doubles, and seeds may be larger
        "seed": None if record.seed is None else str(record.seed),
        "provenance": plain(record.provenance),
    }


def quantities(content: Document) -> dict[str, tuple[Any, str]]:
    """Values and units of the quantities of an entry, by name."""
    return {n: (q["value"], q.get("unit", "1")) for n, q in content.items()}


def run_record(content: Document) -> RunRecord:
    """Record of a run's entry."""
    parts: Json = {part: quantities(content.get(part, {})) for part in ("inputs", "outputs")}
    names = ("kernel", "tier", "key", "reason", "errors", "provenance")
    fields = {"tier": "", "key": "", **{n: content[n] for n in names if n in content}}
    seed = content.get("seed")
    return RunRecord(
        **fields,
        **parts,
        status=Status(content.get("status", "ok")),
        seed=None if seed is None else int(seed),
        wall_seconds=float(content.get("wall_seconds", 0.0)),
    )


def columns_of(
    record: RunRecord, units: dict[str, str], outputs: Sequence[str] | None = None
) -> dict[tuple[str, str], Any]:
    """A run as a row of a table: inputs, outputs and errors by name and unit of the column.

    A quantity has the unit of the first run that has it, or its own where the two do not fit
    together.

    Parameters
    ----------
    record : RunRecord
    units : dict of str to str
        Those of the runs before, to which others are added.
    outputs : sequence of str, optional
        Those that are wanted, all by default.

    Examples
    --------
    >>> film = {"l": (2.0, "mm")}
    >>> columns_of(RunRecord("film", "", film, {}, Status.OK, ""), {"l": "cm"})
    {('l', 'cm'): 0.2}
    """
    row: dict[tuple[str, str], Any] = {}
    given = {n: q for n, q in record.outputs.items() if outputs is None or n in outputs}
    for name, (value, stated) in {**record.inputs, **given}.items():
        unit = "label" if isinstance(value, str) else stated
        common = units.setdefault(name, unit)
        if unit != common and not parse_unit(common).accepts(parse_unit(unit)):
            common = unit
        row[name, common] = _converted(value, unit, common)
        if name in record.errors and name in given:
            step, common = difference_unit(unit), difference_unit(common)
            units.setdefault(f"{name}_err", common)
            row[f"{name}_err", common] = _converted(record.errors[name], step, common)
    return row


def _converted(value: Any, unit: str, common: str) -> Any:
    if unit == common:
        return value
    # the last digits are noise of the conversion
    return float(f"{parse_unit(common).from_si(parse_unit(unit).to_si(float(value))):.15g}")


def shown_run(content: Document) -> Json:
    """Fields of a run in the result of a query; none if its content was removed."""
    return {
        **{part: content.get(part, {}) for part in ("inputs", "outputs", "errors")},
        **{name: content.get(name) for name in ("kernel", "seed")},
        **{name: content.get(name, "") for name in ("tier", "key")},
        "version": cache_version(content) if content else "",
        "program": program_of(content),
    }


def si_of(quantity: Document) -> float:
    """Number of a quantity in the coherent SI unit of its dimension."""
    return float(parse_unit(str(quantity.get("unit", "1"))).to_si(float(quantity["value"])))


def numeric_inputs(run: Document) -> dict[str, Document]:
    """Inputs of a run that are numbers, as quantities."""
    return {n: q for n, q in run["inputs"].items() if not isinstance(q["value"], str)}


def output_of(run: Document, name: str) -> tuple[float, float]:
    """An output of a run and its standard error, in SI units."""
    quantity = run["outputs"][name]
    unit = parse_unit(str(quantity.get("unit", "1")))
    return si_of(quantity), float(run["errors"].get(name, 0.0)) * unit.factor


@dataclass(frozen=True)
class Facts:
    """Fields of a run that queries use.

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


def facts(content: Document) -> Facts:
    """Facts of a run.

    Raises
    ------
    InputError
        If an input is not a finite number in a unit, and no label.

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


def cache_version(content: Document) -> str:
    """Version for the reuse of runs: declared, or the hash of the program."""
    return _declared_or_hash(content, "version", "settings", "configuration")


def program_of(content: Document) -> str:
    """Version of the program for all tiers, to which the check of a card applies."""
    return _declared_or_hash(content, "version", "configuration")


def _declared_or_hash(content: Document, *names: str) -> str:
    provenance = content.get("provenance", {})
    declared = provenance.get("cache_version")
    if declared is not None:
        return f"declared {declared}"
    return sha256(canonical([provenance.get(n) for n in names]))


# of a run that names no version: nobody knows which program made it
UNVERSIONED = cache_version({})


def versioned_first(runs: Iterable[Json], version: Callable[[Json], str]) -> Iterator[Json]:
    """Runs in their order, those without a version last."""
    unversioned = []
    for run in runs:
        if version(run) == UNVERSIONED:
            unversioned.append(run)
        else:
            yield run
    yield from unversioned


def newest_version(runs: Iterable[Json]) -> Json | None:
    """The first of shown runs, the newest first; one without a version only if all have none."""
    return next(versioned_first(runs, itemgetter("version")), None)


_Value = TypeVar("_Value")
Input = Annotated[tuple[int | float | str, str], Field(strict=False)]
Output = Annotated[tuple[int | float, str], Field(strict=False)]
# columns that a run's checksum covers, beside where it comes from
_SEALED = ("key", "state", "kernel", "tier", "seed", "inputs", "outputs", "errors", "reason")


def _loaded(text: object) -> object:
    # half of a surrogate pair, which labels may hold, is no JSON to stricter readers
    try:
        return json.loads(text) if isinstance(text, str) else None
    except RecursionError:
        raise ValueError("it is nested too deep") from None


Stored = Annotated[_Value, BeforeValidator(_loaded, json_schema_input_type=str)]


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
    provenance: Stored[Json]
    session: str | None = None
    claimed_at: str | None = None
    finished_at: str | None = None

    def record(self) -> RunRecord:
        """The run as a record."""
        seed = None if self.seed is None else int(self.seed)
        return RunRecord(**self.model_dump(include=_SAME), status=Status(self.state), seed=seed)


# fields of a run that a row holds as they are
_SAME = {f.name for f in fields(RunRecord)} & set(RunRow.model_fields) - {"seed"}


def record_row(record: RunRecord) -> Json:
    """Columns of a finished run."""
    row = {
        **attributes(record, "key kernel tier reason"),
        **{part: as_json(getattr(record, part)) for part in ("inputs", "outputs", "errors")},
        "state": record.status.value,
        "seed": None if record.seed is None else str(record.seed),
        "wall_seconds": float(record.wall_seconds),
        "finished_at": now(),
    }
    provenance = json.loads(as_json(record.provenance))
    return {**row, "provenance": as_json({**provenance, "checksum": _seal(row, provenance)})}


def _seal(row: Document, provenance: Document) -> str:
    """Checksum of what a run was, gave and came from."""
    return checksum({"provenance": provenance, **{name: row[name] for name in _SEALED}})


def row_record(row: Document) -> RunRecord:
    """Record of a row that is not pending.

    Raises
    ------
    StoreError
        If the row is not as a store writes it, or was edited since.
    """
    return checked_row(row).record()


def checked_row(row: Document) -> RunRow:
    """A row of the store by its schema; StoreError where it is broken or was edited."""
    try:
        read = validated(RunRow, dict(row), "")
    except InputError as error:
        raise StoreError(
            f"The run {shown(row.get('key'))} in the store is broken ({error}) and cannot be "
            f"read; restore the store from a copy."
        ) from error
    seal = read.provenance.pop("checksum", None)
    if seal is not None and seal != _seal(row, read.provenance):
        raise StoreError(
            f"The run {shown(read.key)} in the store was edited after it was kept, so that it is "
            f"no longer what its kernel gave; restore the store from a copy, or start in another "
            f"folder (--out)."
        )
    return read


def asked_row(run: RunRequest | str) -> Json:
    """Columns of a run that has not been made yet, or of its key alone."""
    request = RunRequest(run, "", "", {}) if isinstance(run, str) else run
    asked = RunRecord(
        **attributes(request, "kernel tier inputs key seed"), outputs={}, status=Status.OK
    )
    # nothing is sealed that will still change
    return record_row(asked) | {"provenance": "{}", "finished_at": None}


def as_json(value: Document) -> str:
    """JSON of a mapping; floats keep every bit."""
    return json.dumps(dict(value), default=_plain)


def now() -> str:
    """Time of the call, in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return value.tolist() if hasattr(value, "tolist") else str(value)


# ---- Verdict on a law of the hub: whether it may answer, and the reasons if not.


# how a campaign ends whose answers can be relied on; the last is of version 0.2
MET = ("confirmed", "predicts", "tolerance met")
# status of the entry of a law that says so of itself; others have none
UNCONFIRMED = "unconfirmed"
# states of an entry that somebody has to settle first
DOUBTED = ("disputed", "recheck", "untrusted")


def why_unconfirmed(entry: Document) -> list[str]:
    """Reasons why the law of an entry gives no answers; empty where it may.

    Parameters
    ----------
    entry : mapping
        As :meth:`dimgs.hub.Hub.get` gives it: its "content" and "state".

    Returns
    -------
    list of str
        Sentences.

    Examples
    --------
    >>> content = {"law": {}, "confirmed": False, "why_not": ["The residuals show structure."]}
    >>> why_unconfirmed({"kind": "law", "state": "open", "content": content})
    ['The residuals show structure.']
    >>> content = {"law": {}, "outcome": "budget spent"}
    >>> why_unconfirmed({"kind": "law", "state": "open", "content": content})
    ['Its campaign ended without a reliable answer (budget spent).']
    """
    content, state = entry["content"] or {}, entry["state"]
    reasons = [f"The entry is {state}."] if state in DOUBTED else []
    reasons += _objections(content)
    says_nothing = content.get("confirmed") is None and content.get("outcome") is None
    if says_nothing and state != "accepted":
        reasons.append(
            "The entry does not state that its law is confirmed, and no reviewer has accepted it."
        )
    return reasons


def verdict(kind: str, content: Document | None, state: str, on_unconfirmed: bool) -> Json:
    """Verdict shown beside a law, or beside an answer by a law.

    Parameters
    ----------
    kind : str
    content : mapping or None
    state : str
    on_unconfirmed : bool
        Whether it is an answer that rests on a law which says that it is not confirmed.

    Returns
    -------
    dict
        "confirmed", "why_not" and the "probability" of a law, null where it has none; empty of
        entries that are neither.
    """
    if kind == "law":
        why = why_unconfirmed({"content": content, "state": state})
        return {"confirmed": not why, "why_not": why, "probability": probability(content or {})}
    if kind == "answer" and on_unconfirmed:
        why = ["The answer depends on a law that is not confirmed."]
        return {"confirmed": False, "why_not": why}
    return {}


def probability(content: Document) -> float | None:
    """Probability of the law of an entry; None where none is known, or not of the law as it is.

    Examples
    --------
    >>> probability({"law": {"expression": "C*x", "probability": 0.97}})
    0.97
    """
    law = content.get("law")
    if not isinstance(law, Mapping) or is_edited(law) or law.get("edited"):
        return None
    value = law.get("probability", content.get("probability"))
    return float(value) if isinstance(value, int | float) else None


def law_status(content: Document) -> str:
    """Status of the entry of a law: ``"unconfirmed"``, or empty.

    Examples
    --------
    >>> law_status({"confirmed": False}), law_status({"text": "Written by hand."})
    ('unconfirmed', '')
    """
    return UNCONFIRMED if _objections(content) else ""


def _objections(content: Document) -> list[str]:
    """Reasons against a law, from its own content."""
    laws = [content.get("law"), *(r.get("law") for r in content.get("regimes") or ())]
    reasons, outcome = [], content.get("outcome")
    if any(isinstance(law, Mapping) and (is_edited(law) or law.get("edited")) for law in laws):
        reasons.append("The law was changed after dimgs wrote it, so it is no longer confirmed.")
    if content.get("confirmed") is not None:
        stated = content.get("why_not") or ["The law is not confirmed."]
        reasons += [] if content["confirmed"] else [str(why) for why in stated]
    elif outcome is not None and outcome not in MET:
        reasons.append(f"Its campaign ended without a reliable answer ({outcome}).")
    return reasons
