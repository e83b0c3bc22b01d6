"""Bundles: entries as JSON lines in a folder or an archive, merged as a set.

A bundle has files ``entries-HASH.jsonl``, which are written as a whole and never changed. Two
people can therefore write to the same folder, or to two copies of it in Git. Attached files are
``files/HASH``. Only these files are read, and an archive is not unpacked. The tables of runs and
the RO-Crate in the folder are for people and other programs.
"""

import os
import re
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import IO, Any

from sqlalchemy import Connection, delete, select, update

from dimgs.common.advice import Act, Step, setting
from dimgs.common.errors import InputError, StoreError, located
from dimgs.common.escape import file_names, visible
from dimgs.common.formats import MOST_BYTES, json_value, whole
from dimgs.hub.accounts import check_signatures, hub_key, public_key, signed
from dimgs.hub.acts import Writer, entry_of, is_open
from dimgs.hub.entry import (
    MOST_FILE,
    Address,
    Entry,
    Json,
    canonical,
    checked,
    facts,
    record_row,
    run_record,
    sha256,
)
from dimgs.hub.schema import (
    Brought,
    batches,
    entries,
    ids_of,
    imports,
    insert_new,
    new_epoch,
    settings,
    signatures,
    write,
)
from dimgs.hub.store import write_parquet

# folder of the files that entries name
FILES = "files"
_PART = re.compile(r"entries-[0-9a-f]{16}\.jsonl")
# of all files together once unpacked: about two million runs
_MOST_TOTAL = 4 << 30
# of an archive: a file of entries has up to 10,000 of them, and files of entries are rare
_MOST_FILES = 10_000
# broken lines from which on a file is not a list of entries
_MOST_BROKEN = 100
# names of files of hubs, which no folder of a bundle has
_OF_HUBS = (".sqlite", ".sqlite3", ".db")
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")

Line = tuple[str, Any]
# a file of 10,000 runs has about 20 MB
_ENTRIES_PER_FILE = 10_000
# refused entries whose reasons are listed
_MOST_REFUSALS = 100
_TOO_LONG = f"The bundle has more than {_MOST_TOTAL >> 30} GB; take it in parts."
# a table of more runs of one kernel is not written: the entries hold them all
_MOST_RUNS = 200_000
_FORMATS = {".jsonl": "application/jsonl", ".parquet": "application/vnd.apache.parquet"}


@dataclass
class Merged:
    """Result of a merge.

    Attributes
    ----------
    added, present, pushed : int
        Entries that were new here, were here already, were new to the other side.
    refused : list of str
        Why entries were left out, the first 100.
    keys : set of str
        Of hubs that signed entries.
    """

    added: int = 0
    present: int = 0
    pushed: int = 0
    refused: list[str] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)

    def join(self, part: "Merged") -> None:
        """Count the entries of a further part."""
        self.added, self.present = self.added + part.added, self.present + part.present
        self.refused += part.refused
        self.keys |= part.keys

    def to_json(self) -> Json:
        """The value as a JSON document."""
        return {"added": self.added, "present": self.present, "refused": self.refused}


class Exchange(Writer):
    """A hub as somebody may take its entries elsewhere, and bring others."""

    def export(self, folder: Address, *, everything: bool = False) -> Merged:
        """Write what is not in a folder yet.

        Parameters
        ----------
        folder : path
            Made where there is none.
        everything : bool
            Whether embargoed and private entries are written too: for a backup, by an admin.
            Users, passwords, tokens and keys never are.

        Raises
        ------
        InputError
            If the folder cannot be written, or everything is not the user's to take.
        """
        if everything:
            self.check_manager()
        place = _made_folder(Path(folder))
        others = _ids_in(place)
        written, present = _push(self, others, lambda lines: _write_part(place, lines), everything)
        _give_files(self, place, self.files(everything))
        describe(self, place, everything)
        return Merged(added=written, present=present)

    def merge(self, source: Address, *, trust: bool = False) -> Merged:
        """Take what a bundle (a folder, a zip or a tar file) holds and this hub does not.

        Each entry is checked: its hashes, its kind, its signatures, the units of a run. What does
        not hold is left out and reported. In whichever order bundles are merged, the hub is the
        same after.

        Parameters
        ----------
        source : path
        trust : bool
            Whether a manager of this hub vouches for the bundle: what its hubs signed counts
            here, and entries that nobody signed are those of the authors that they name.

        Raises
        ------
        InputError
            If there is no such bundle, or the user may not add entries, or not vouch for them.
        """
        self.check_adder()
        place = Path(source)
        if not place.exists():
            raise InputError(
                f"There is no bundle '{visible(str(source))}'; name a folder or archive."
            )
        if not holds_entries(place):
            raise InputError(
                f"'{visible(str(source))}' is not a bundle: it holds no file of entries "
                f"(entries-….jsonl); name what dimgs hub export wrote."
            )
        merged = self.take(lines_in(place), place.name, vouched=trust)
        for key in sorted(merged.keys - {self.key()}) if trust else ():
            self.trust(key, place.name)
        _take_files(self, place)
        return merged

    def key(self) -> str:
        """Public key of this hub, which signs what was made through it."""
        with self.database.transaction() as connection:
            return hub_key(connection)[1]

    def trusted(self) -> dict[str, str]:
        """Keys of hubs whose reviews count here, and whose they are."""
        rows = self.database.rows(select(settings).where(settings.c.kind == "trusted"))
        return {row["name"]: row["value"] for row in rows}

    def trust(self, key: str, name: str = "") -> None:
        """Let what another hub signed count here as its authors'."""
        self.check_manager()
        public_key(key)
        row = {"kind": "trusted", "name": key.lower(), "value": name}
        with self.database.transaction() as connection:
            connection.execute(insert_new(connection, settings), [row])
            new_epoch(connection)

    def distrust(self, key: str) -> None:
        """Stop counting what another hub signed."""
        self.check_manager()
        of_key = (settings.c.kind == "trusted", settings.c.name == key.lower())
        with self.database.transaction() as connection:
            connection.execute(delete(settings).where(*of_key))
            new_epoch(connection)

    def sync_folder(self, path: Path) -> Merged:
        """Push and pull what is missing, to and from a folder of bundles."""
        place = _made_folder(path)
        merged = self.take(lines_in(place), place.name)
        others = _ids_in(place)
        merged.pushed, _ = _push(self, others, lambda lines: _write_part(place, lines), False)
        _take_files(self, place)
        _give_files(self, place, self.files())
        return merged

    def sync_with(self, other: "Exchange") -> Merged:
        """Push and pull what is missing, to and from another hub."""
        names = [Path(h.address).name or h.address for h in (other, self)]
        merged = Merged()

        def pull(lines: list[Line]) -> None:
            merged.join(self.take(lines, names[0]))

        def give(lines: list[Line]) -> None:
            merged.pushed += other.take(lines, names[1]).added

        ids = [set(h.ids()) for h in (self, other)]
        _, merged.present = _push(other, ids[0], pull, False)
        _push(self, ids[1], give, False)
        for one, another in ((self, other), (other, self)):
            for digest in sorted(set(one.wanted_files()) & set(another.files())):
                one.put_file(another.file(digest))
        return merged

    def take(self, lines: Iterable[Line], origin: str, *, vouched: bool = False) -> Merged:
        """Merge documents of entries, batch by batch; see :meth:`merge`."""
        self.check_adder()
        if vouched:
            self.check_manager()
        brought = Brought(visible(origin), self.user, self.is_agent, vouched)
        merged = Merged()
        refused = 0
        for batch in batches(lines):
            read: list[tuple[Entry, Sequence[Json]]] = []
            for where, line in batch:
                try:
                    read.append(_read(line, where))
                except InputError as error:
                    refused += 1
                    if refused <= _MOST_REFUSALS:
                        merged.refused.append(str(error))
            with self.database.transaction() as connection:
                new = set(write(connection, [entry for entry, _ in read], brought))
                proven = [(entry.id, part) for entry, proofs in read for part in proofs]
                rows = [{"id": id, **part} for id, part in proven]
                if rows:
                    connection.execute(insert_new(connection, signatures), rows)
                old = {entry.id for entry, _ in read} - new
                if old:
                    _update_present(connection, old, brought)
            merged.added += len(new)
            merged.present += len({entry.id for entry, _ in read}) - len(new)
            merged.keys |= {row["key"] for row in rows}
        if refused > _MOST_REFUSALS:
            merged.refused.append(f"{refused - _MOST_REFUSALS} more were left out.")
        return merged

    def ids(self, everything: bool = False, kind: str | None = None) -> list[str]:
        """Ids of the open entries, or of all of them; oldest first."""
        if everything:
            self.check_manager()
        query = select(entries.c.id).order_by(entries.c.seq)
        if kind is not None:
            query = query.where(entries.c.kind == kind)
        if not everything:
            query = query.where(is_open())
        return self.database.scalars(query)

    def documents(self, ids: Iterable[str]) -> Iterator[Json]:
        """Entries that the user may read, with their signatures, as lines of a bundle hold them."""
        with self.database.transaction() as connection:
            key, public = hub_key(connection)
        for batch in batches(ids):
            query = select(entries).where(entries.c.id.in_(batch), self.readable())
            with self.database.transaction(read=True) as connection:
                rows = connection.execute(query.order_by(entries.c.seq)).all()
                page = [entry_of(row) for row in rows]
                foreign = {row.id for row in rows if row.origin is not None}
                proofs = signed(connection, page, foreign, key, public)
            for entry in page:
                yield {**entry.to_json(), "signatures": proofs.get(entry.id, [])}


def _update_present(connection: Connection, ids: set[str], brought: Brought) -> None:
    """Let entries that are here already be vouched for, signed, or sent by their author."""
    present = select(entries.c.seq).where(entries.c.id.in_(ids_of(connection, ids)))
    by_sender = present.where(entries.c.author == brought.sender)
    again = update(imports).where(imports.c.entry.in_(by_sender))
    connection.execute(again.values(sender=brought.sender, agent=brought.agent))
    if brought.vouched:
        connection.execute(update(imports).where(imports.c.entry.in_(present)).values(vouched=True))
    new_epoch(connection)


def _read(line: Any, where: str) -> tuple[Entry, Sequence[Json]]:
    """An entry of a bundle, if all of it holds."""
    if isinstance(line, InputError):
        raise line
    with located(where):
        entry = Entry.from_json(line)
        proofs: list[dict[str, str]] = line.get("signatures", [])
        if entry.content is not None:
            checked(entry.kind, entry.content)
            if entry.kind == "run":
                facts(entry.content)
        check_signatures(entry.id, proofs)
    return entry, proofs


def _ids_in(place: Path) -> set[str]:
    lines = (line for _, line in lines_in(place) if isinstance(line, dict))
    return {line["id"] for line in lines if "id" in line}


def _push(
    hub: Exchange, others: set[str], give: Callable[[list[Line]], None], everything: bool
) -> tuple[int, int]:
    """Give what is not known elsewhere; how many, and how many were known."""
    every = hub.ids(everything)
    missing = [i for i in every if i not in others]
    for part in batches(missing, _ENTRIES_PER_FILE):
        give([(document["id"][:12], document) for document in hub.documents(part)])
    return len(missing), len(every) - len(missing)


def _made_folder(path: Path) -> Path:
    if path.suffix in _OF_HUBS and not path.exists():
        raise InputError(
            f"There is no hub '{path}'; correct the name, make the hub with: {Act(Step.MAKE_HUB)} "
            f"{setting('hub', str(path))}, or name a folder without '{path.suffix}'."
        )
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = "it is a file" if path.exists() else error.strerror
        raise InputError(f"'{path}' cannot be a folder for a bundle ({why}).") from error
    return path


def _write_part(folder: Path, lines: Sequence[Line]) -> None:
    """One file of entries, whole or not at all."""
    data = "".join(canonical(document) + "\n" for _, document in lines).encode()
    _write_whole(folder / f"entries-{sha256(data)[:16]}.jsonl", data)


def _write_whole(path: Path, data: bytes) -> None:
    try:
        with whole(path) as beside, beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StoreError(
            f"'{path}' cannot be written ({error.strerror}); make room, and do it again."
        ) from error


def _give_files(hub: Exchange, folder: Path, digests: Sequence[str]) -> None:
    """Files by their hash, those that the folder does not hold yet."""
    place = _made_folder(folder / FILES) if digests else folder
    for digest in digests:
        if not (place / digest).exists():
            _write_whole(place / digest, hub.file(digest))


def _take_files(hub: Exchange, place: Path) -> None:
    """Add the files of the bundle that entries here name; others are ignored."""
    for digest, data in bundled_files(place, hub.wanted_files(), MOST_FILE + 1):
        # one that was changed is as good as absent
        if sha256(data) == digest:
            hub.put_file(data)


def holds_hub(path: Path) -> bool:
    """Whether a path is that of a hub in a file, or of a folder with one."""
    return (path / "hub.sqlite" if path.is_dir() else path).is_file()


def bundled_files(place: Path, digests: Iterable[str], most: int) -> Iterator[tuple[str, bytes]]:
    """Files of a bundle that have these hashes for names, no more of each than so many bytes."""
    names = set(digests)
    with _readable(place):
        for path, opened in _files(place) if names else ():
            if path.parent.name == FILES and path.name in names:
                with suppress(InputError), opened() as file:
                    yield path.name, file.read(most)


def holds_entries(place: Path) -> bool:
    """Whether a folder or archive is a bundle: it holds a file of entries."""
    with _readable(place):
        return any(_PART.fullmatch(path.name) for path, _ in _files(place))


def lines_in(place: Path) -> Iterator[Line]:
    """Documents of a bundle; of a folder, only plain files are read, and no links are followed."""
    read = [0]
    with _readable(place):
        for path, opened in _files(place):
            if _PART.fullmatch(path.name):
                try:
                    file = opened()
                except InputError as error:
                    yield path.name, error
                    continue
                with file:
                    yield from documents(file, path.name, read)


def _files(place: Path) -> Iterator[tuple[PurePosixPath, Callable[[], Any]]]:
    """Files of a folder or archive by their paths in it, each with a function that opens it."""
    if not place.name.endswith(_ARCHIVES):
        there = (p.relative_to(place) for part in ("*", f"{FILES}/*") for p in place.glob(part))
        for path in sorted(map(PurePosixPath, there)):
            yield path, partial(plain_file, place / path)
    elif place.suffix == ".zip":
        with zipfile.ZipFile(place) as archive:
            for info in archive.infolist()[:_MOST_FILES]:
                yield PurePosixPath(info.filename), partial(archive.open, info)
    else:
        with tarfile.open(place) as archived:
            for count, member in enumerate(archived):
                if count >= _MOST_FILES:
                    raise InputError(f"'{place.name}' holds more than {_MOST_FILES} files.")
                if member.isfile():
                    yield PurePosixPath(member.name), partial(archived.extractfile, member)


def plain_file(path: Path, folder: int | None = None) -> IO[bytes]:
    """A regular file of a folder, open; no link is followed.

    Parameters
    ----------
    path : Path
    folder : int, optional
        Open folder from which a relative path begins.

    Raises
    ------
    InputError
        If it is something else, or cannot be read.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        handle = os.open(path, flags, dir_fd=folder)
    except OSError as error:
        why = f"{path.name} cannot be read ({error.strerror}); it is left out."
        raise InputError(why) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise InputError(f"{path.name} is not a regular file; it is left out.")
    return open(handle, "rb")


def documents(file: IO[bytes], name: str, read: list[int] | None = None) -> Iterator[Line]:
    """Documents of JSON lines, one after another, and why a line is none.

    Parameters
    ----------
    file : binary file
    name : str
        Of the file, for messages.
    read : list of int, optional
        Bytes read so far of the files that belong together; counted on.
    """
    number = broken = 0
    read = [0] if read is None else read
    while raw := file.readline(MOST_BYTES + 1):
        number += 1
        if broken >= _MOST_BROKEN:
            yield name, InputError(f"{name} is not a list of entries; the rest is left out.")
            return
        read[0] += len(raw)
        where = f"{name}, line {number}"
        if read[0] > _MOST_TOTAL:
            raise InputError(_TOO_LONG)
        if len(raw) > MOST_BYTES:
            yield where, InputError(f"{where} is longer than any entry; the rest is left out.")
            return
        try:
            yield where, json_value(raw.decode(), where, "it is left out")
        except UnicodeDecodeError:
            broken += 1
            yield where, InputError(f"{where} is not text; it is left out.")
        except InputError as error:
            broken += 1
            yield where, error


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Errors of an archive in one sentence."""
    try:
        yield
    except (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError, RuntimeError) as error:
        raise InputError(f"'{path.name}' cannot be read ({visible(str(error))[:100]}).") from error
    except Exception as error:
        # zlib.error and lzma.LZMAError have no common base with the others
        if type(error).__module__ not in ("zlib", "_lzma", "lzma"):
            raise
        raise InputError(f"'{path.name}' is broken ({visible(str(error))[:100]}).") from error


def describe(hub: Exchange, folder: Path, everything: bool) -> None:
    """Write a Parquet table of the runs of each kernel, and ``ro-crate-metadata.json``.

    The description follows RO-Crate 1.1 and is made by the library rocrate; where that is not
    installed, there is none.

    Parameters
    ----------
    hub : Hub
    folder : Path
    everything : bool
        Whether what is not open may be included too.
    """
    runs_of = _tables(hub, folder, everything)
    try:
        from rocrate.rocrate import ROCrate
    except ImportError:
        return
    crate = ROCrate(version="1.1")
    crate.name = "Entries of a dimgs hub"
    crate.description = (
        "Questions, kernel cards, protocols, runs, laws, answers and reviews as JSON lines; each "
        "entry is named by the SHA-256 of its content, author and time."
    )
    crate.license = "See the licence of each data set and card."
    program = {"@id": "#dimgs", "@type": "SoftwareApplication", "name": "dimgs"}
    software = crate.add_jsonld({**program, "version": version("dimgs")})
    described = []
    for path in sorted([*folder.iterdir(), *(folder / "files").glob("*")]):
        is_part = path.suffix in _FORMATS or path.parent.name == "files"
        if not is_part or not path.is_file():
            continue
        properties: Json = {
            "name": runs_of.get(path.name, "Entries" if path.suffix else "A file of an entry"),
            "encodingFormat": _FORMATS.get(path.suffix, "application/octet-stream"),
            "contentSize": str(path.stat().st_size),
            "sha256": sha256(path.read_bytes()),
        }
        name = path.relative_to(folder).as_posix()
        described.append(crate.add_file(path, name, properties=properties))
    crate.add_action(software, result=described, properties={"name": "dimgs hub export"})
    crate.metadata.write(folder)


def _tables(hub: Exchange, folder: Path, everything: bool) -> dict[str, str]:
    """A table of the runs of each kernel; what each file holds."""
    by_kernel: dict[str, list[Json]] = {}
    for document in hub.documents(hub.ids(everything, "run")):
        content = document["content"]
        if content is not None:
            rows = by_kernel.setdefault(content["kernel"], [])
            if len(rows) <= _MOST_RUNS:
                times = {"attempt": 1, "claimed_at": None, "finished_at": document["time"]}
                rows.append(record_row(run_record(content)) | times)
    names = file_names(sorted(by_kernel))
    contents = {}
    for kernel, rows in sorted(by_kernel.items()):
        name = f"runs-{names[kernel]}.parquet"
        if len(rows) <= _MOST_RUNS:
            with whole(folder / name) as beside:
                write_parquet(rows, beside)
            contents[name] = f"Runs of {kernel}"
    return contents
