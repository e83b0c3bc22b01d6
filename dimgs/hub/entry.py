"""Entries of a hub: documents named by the hash of their content, author and time."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from dimgs.errors import InputError
from dimgs.escape import visible
from dimgs.formats import validated
from dimgs.hub.kinds import KINDS, EntryFile

# derived and recombined: rests on; the others tell what an entry says of another one
LINKS = (
    "derived",
    "recombined",
    "forked",
    "supersedes",
    "confirms",
    "disputes",
    "settles",
    "reviews",
    "annotates",
    "answers",
    "approves",
    "redacts",
)
# in the order in which the id is made of them
HEADER = ("kind", "author", "agent", "time", "visibility", "until")
VISIBILITIES = ("open", "embargoed", "private")
# a prefix shorter than this could be met by chance in a hub of a million entries
SHORTEST_PREFIX = 8

_AUTHOR = re.compile(r"[^\s/\\<>\"'\x00-\x1f]([^/\\<>\"'\x00-\x1f]{0,98}[^\s/\\<>\"'\x00-\x1f])?")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?\+00:00")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_ID = re.compile(r"[0-9a-f]{64}")
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


def sha256(text: str) -> str:
    """SHA-256 of a text in UTF-8, as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Entry:
    """What somebody stated once; it is never changed.

    The id is a hash of a header that holds the hash of the content: an entry whose content was
    removed (see :meth:`redacted`) still proves its author, time and links.

    Parameters
    ----------
    kind : str
        One of :data:`dimgs.hub.kinds.KINDS`.
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
    content: Mapping[str, Any] | None
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
        object.__setattr__(self, "id", sha256(canonical(self._header())))

    def _check(self) -> None:
        among(self.kind, KINDS, "kind")
        among(self.visibility, VISIBILITIES, "visibility")
        check_author(self.author)
        if not _TIME.fullmatch(self.time):
            raise InputError(f"The time '{visible(self.time[:40])}' is no time in UTC.")
        if (self.visibility == "embargoed") != bool(_DATE.fullmatch(self.until)):
            raise InputError("An embargo ends on a date; give it as until='2027-01-31'.")
        for kind, to in self.links:
            among(kind, LINKS, "link")
            if not _ID.fullmatch(to):
                raise InputError(f"A link leads to '{visible(to[:70])}', which is no id.")
        if self.content is None and not _ID.fullmatch(self.digest):
            raise InputError("An entry without content keeps the hash of what it held.")

    @property
    def header(self) -> dict[str, Any]:
        """Who stated it, when, and who may see it, by name."""
        return {name: getattr(self, name) for name in HEADER}

    def _header(self) -> list[Any]:
        return [*self.header.values(), [list(link) for link in self.links], self.digest]

    def redacted(self) -> Self:
        """The same entry without its content: a tombstone."""
        return replace(self, content=None)

    def linked(self, *types: str) -> list[str]:
        """Ids that links of these types lead to."""
        return [to for kind, to in self.links if kind in types]

    def to_json(self) -> dict[str, Any]:
        """As one document, from which :meth:`from_json` makes an equal entry."""
        return {
            "id": self.id,
            **self.header,
            "links": [{"type": kind, "to": to} for kind, to in self.links],
            "digest": self.digest,
            "content": None if self.content is None else dict(self.content),
        }

    @classmethod
    def of(
        cls, held: Any, content: Mapping[str, Any] | None, links: tuple[tuple[str, str], ...]
    ) -> Self:
        """Entry whose header and digest are the attributes of an object."""
        header = {name: getattr(held, name) for name in (*HEADER, "digest")}
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
            If it is no entry, or its content or header was changed.
        """
        read = validated(EntryFile, document, "this is no entry: ")
        if read.content is not None and sha256(canonical(read.content)) != read.digest:
            raise InputError(f"the content of {visible(read.id[:12])} was changed; it is left out.")
        entry = cls.of(read, read.content, tuple((link.type, link.to) for link in read.links))
        if entry.id != read.id:
            raise InputError(
                f"{visible(read.id[:12])} is not the hash of its entry; it is left out."
            )
        return entry


def check_author(name: object) -> str:
    """A name of a person or program, of at most 100 letters.

    Raises
    ------
    InputError
    """
    if not isinstance(name, str) or not _AUTHOR.fullmatch(name) or visible(name) != name:
        raise InputError(
            f"'{visible(str(name)[:60])}' is no name of a user; give up to 100 letters without "
            f"quotes, slashes and angle brackets."
        )
    return name


def among(value: str | None, known: Sequence[str], what: str) -> None:
    """Refuse a name that is not among the known ones."""
    if value is not None and value not in known:
        names = ", ".join(known)
        raise InputError(f"There is no {what} '{visible(str(value)[:40])}'; there are {names}.")


def title_of(kind: str, content: Mapping[str, Any] | None) -> str:
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
        content = {"title": f"{law.get('target', 'law')} = {law['expression']}"}
    for name in ("title", "text", "expression", "kernel", "name", "target", "action", "physics"):
        if isinstance(content.get(name), str) and content[name].strip():
            line = visible(" ".join(content[name].split()))
            text = f"{content['verdict']}: {line}" if "verdict" in content else line
            return text if len(text) <= _TITLE else f"{text[: _TITLE - 3]}..."
    return str(content.get("verdict", kind))


def digest_of(ids: Iterable[str]) -> str:
    """Hash of a set of entries."""
    return sha256("\n".join(sorted(ids)))
