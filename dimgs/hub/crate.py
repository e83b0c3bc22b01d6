"""What lies beside the entries of a bundle, for people and other programs: tables, an RO-Crate."""

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dimgs.escape import file_names
from dimgs.hub.export import write_parquet
from dimgs.hub.rows import record_row
from dimgs.hub.runs import run_record

if TYPE_CHECKING:
    from dimgs.hub.bundle import Exchange

# a table of more runs of one kernel is not written: the entries hold them all
_MOST_RUNS = 200_000

_FORMATS = {".jsonl": "application/jsonl", ".parquet": "application/vnd.apache.parquet"}


def describe(hub: "Exchange", folder: Path, everything: bool) -> None:
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
    software = crate.add_jsonld(
        {
            "@id": "#dimgs",
            "@type": "SoftwareApplication",
            "name": "dimgs",
            "version": version("dimgs"),
        }
    )
    described = []
    for path in sorted([*folder.iterdir(), *(folder / "files").glob("*")]):
        known = path.suffix in _FORMATS or path.parent.name == "files"
        if not known or not path.is_file():
            continue
        told: dict[str, Any] = {
            "name": runs_of.get(path.name, "Entries" if path.suffix else "A file of an entry"),
            "encodingFormat": _FORMATS.get(path.suffix, "application/octet-stream"),
            "contentSize": str(path.stat().st_size),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        described.append(
            crate.add_file(path, dest_path=path.relative_to(folder).as_posix(), properties=told)
        )
    crate.add_action(software, result=described, properties={"name": "dimgs hub export"})
    crate.metadata.write(folder)


def _tables(hub: "Exchange", folder: Path, everything: bool) -> dict[str, str]:
    """A table of the runs of each kernel; what each file holds."""
    by_kernel: dict[str, list[dict[str, Any]]] = {}
    for document in hub.documents(hub.ids(everything, "run")):
        content = document["content"]
        if content is not None:
            rows = by_kernel.setdefault(content["kernel"], [])
            if len(rows) <= _MOST_RUNS:
                rows.append(_table_row(content, document["time"]))
    names = file_names(sorted(by_kernel))
    told = {}
    for kernel, rows in sorted(by_kernel.items()):
        name = f"runs-{names[kernel]}.parquet"
        if len(rows) <= _MOST_RUNS:
            part = folder / f".{name}.part"
            write_parquet(rows, part)
            part.replace(folder / name)
            told[name] = f"Runs of {kernel}"
    return told


def _table_row(content: dict[str, Any], time: str) -> dict[str, Any]:
    record = record_row(run_record(content))
    return {**record, "attempt": 1, "claimed_at": None, "finished_at": time}
