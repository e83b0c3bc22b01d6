"""Work on a large table that can be interrupted: moments and position in one file."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from pathlib import Path
from time import monotonic
from typing import Annotated, Any
from zipfile import ZIP_STORED, ZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, FailFast, Field

from dimgs.common.errors import InputError
from dimgs.common.formats import SCHEMA, attributes, json_value, refuse_newer, validated, whole
from dimgs.dataset.stream import Position, TableInParts
from dimgs.discovery.keywords import TableKeywords
from dimgs.discovery.options import Options, options_by_name
from dimgs.discovery.outofcore.stream_moments import StreamMoments
from dimgs.fits.design import Moments
from dimgs.fits.least_squares import BlockMoments
from dimgs.fits.noise import Scatter

Count = Annotated[int, Field(ge=0)]


class QuestionPart(BaseModel):
    """Question of a checkpoint: target and options."""

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
    scatter: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None


# raised when states of before can no longer be used
_VERSION = 1
# between two writings: rarely enough to cost next to nothing
_SECONDS = 5.0
# a fit searches for no closed form, so that limits of searches change no answer
_LIMITS = frozenset({"effort", "evaluations", "time_limit"})
# options of the reader are compared on their own, as the reader holds them
_ANALYSIS = sorted(
    n
    for n in set(options_by_name()) - _LIMITS
    if n == "drop_bad" or n not in TableKeywords.__annotations__
)
# arrays of moments with one row a group, and arrays of all runs
_BY_GROUP = ("labels", "weights", "counts", "means")
_OF_RUNS = ("low", "high", "feature_low", "feature_high", "extremes", "sample")
# of a file, which reveal a changed table whose size and time are the same
_HEAD_BYTES = 1 << 16


@dataclass
class Checkpoint:
    """A file that keeps the state of a pass, written at most every few seconds.

    Parameters
    ----------
    path : Path
    identity : dict
        What the state belongs to: the table as it was, and the question.
    """

    path: Path
    identity: dict[str, Any]
    last: float = field(default_factory=monotonic)

    @classmethod
    def of(
        cls, path: str | os.PathLike[str], table: TableInParts, target: str, options: Options
    ) -> "Checkpoint":
        """Checkpoint of the work on a table."""
        files = {}
        for file in table.files:
            about = file.stat()
            with file.open("rb") as opened:
                head = hashlib.sha256(opened.read(_HEAD_BYTES)).hexdigest()
            files[str(file.resolve())] = [about.st_size, about.st_mtime_ns, head]
        reader = table.options
        question = {
            "target": target,
            "options": {k: repr(getattr(options, k)) for k in _ANALYSIS},
            "columns": None if reader.columns is None else list(reader.columns),
            "drop": None if reader.drop is None else list(reader.drop),
            "units": dict(reader.units),
            "skip_rows": reader.skip_rows,
            "chunk_rows": table.chunk_rows,
        }
        return cls(Path(path), {"version": _VERSION, "files": files, "question": question})

    def load(
        self, empty: StreamMoments
    ) -> tuple[StreamMoments, Position, list[list[float]], int] | str | None:
        """State kept so far, a sentence why it is of no use, or None where there is none.

        Parameters
        ----------
        empty : StreamMoments
            The state before the first run, whose arrays are as wide.

        Returns
        -------
        tuple of (StreamMoments, Position, list, int), str or None
            With the ranges that the plan was made of, and the number of rows read.

        Raises
        ------
        InputError
            If the file is not a checkpoint; it is not overwritten then.
        """
        if not self.path.exists():
            return None
        where = f"'{self.path}' is not a checkpoint of dimgs, so it is neither read nor overwritten"
        about, arrays = _read(self.path, where)
        kept, what = about.identity.model_dump(), ""
        if not _same(kept, self.identity):
            same_table = kept["files"] == self.identity["files"]
            what = (
                "it belongs to another table or other options"
                if same_table
                else "the table changed"
            )
        elif "sample" not in arrays and not np.array_equal(arrays["weights"], arrays["counts"]):
            what = "it has no sample of the stated errors, which version 0.2 did not keep"
        if what:
            return (
                f"The checkpoint '{self.path.name}' cannot be used ({what}), so the fit "
                f"started over from the first row."
            )
        arrays.setdefault("sample", empty.sample)
        try:
            state = _unpacked(arrays, about)
            if (
                _widths(state) != _widths(empty)
                or [len(r) for r in about.ranges] != [len(empty.low)] * 2
            ):
                raise ValueError("the columns differ")
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise InputError(
                f"{where}: its parts are inconsistent; name another file, or remove it."
            ) from error
        return state, Position(*about.position), about.ranges, about.rows

    def save(
        self, state: StreamMoments, position: Position, ranges: list[list[float]], rows: int
    ) -> None:
        """Write the state, atomically, if the last time is some seconds ago."""
        if monotonic() - self.last < _SECONDS:
            return
        arrays, about = _packed(state)
        about |= {
            "schema": SCHEMA,
            "identity": self.identity,
            "position": list(position),
            "ranges": ranges,
            "rows": rows,
        }
        try:
            with whole(self.path) as beside, beside.open("wb") as file:
                np.savez(file, about=np.array(json.dumps(about)), **arrays)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise InputError(
                f"The checkpoint '{self.path}' cannot be written ({error}); name another file."
            ) from error
        self.last = monotonic()


def _read(path: Path, where: str) -> tuple[CheckpointFile, dict[str, NDArray[Any]]]:
    """The content of a checkpoint: arrays as NumPy stores them, never compressed."""
    remedy = "name another file, or remove it"
    try:
        with ZipFile(path) as archive:
            # compressed parts may grow without bound when they are read; dimgs writes none
            plain = all(i.compress_type == ZIP_STORED for i in archive.infolist())
        if not plain:
            raise InputError(f"{where}; {remedy}.")
        with np.load(path, allow_pickle=False) as opened:
            arrays = {k: opened[k] for k in opened.files}
        text = str(arrays.pop("about"))
    except InputError:
        raise
    except Exception as error:
        # NumPy reads the heads of arrays with Python's own tokenizer, and lets its errors through
        raise InputError(f"{where}; {remedy}.") from error
    document = json_value(text, where, remedy)
    refuse_newer(document if isinstance(document, dict) else {}, f"'{path}'")
    return validated(CheckpointFile, document, f"{where}: "), arrays


def _same(kept: Mapping[str, Any], current: Mapping[str, Any]) -> bool:
    """Whether two states answer the same; what is newer than a state was not asked."""
    defaults = {name: repr(options_by_name()[name].default) for name in _ANALYSIS}
    question = {**dict.fromkeys(current["question"]), **kept["question"]}
    before = {k: v for k, v in question["options"].items() if k not in _LIMITS}
    compared = [{**defaults, **before}, current["question"]["options"]]
    filled = {**question, "options": current["question"]["options"]}
    one, other = ({k: _as_list(v) for k, v in options.items()} for options in compared)
    return one == other and {**kept, "question": filled} == current


def _as_list(text: str) -> str:
    """Sequences alike, whether they were written as lists or as tuples."""
    return text.replace("(", "[").replace(",)", "]").replace(")", "]")


def _widths(state: StreamMoments) -> list[Any]:
    arrays = (state.low, state.high, state.feature_low, state.feature_high, state.total.scatter)
    columns = (state.total.means, state.extremes, state.sample)
    return [state.total.n_features, *(a.shape for a in arrays), *(a.shape[1:] for a in columns)]


def _packed(state: StreamMoments) -> tuple[dict[str, Any], dict[str, Any]]:
    parts = [state.total, *state.blocks.blocks.values()]
    arrays: dict[str, Any] = {
        **{name: np.concatenate([getattr(p, name) for p in parts]) for name in _BY_GROUP},
        "scatter": np.stack([p.scatter for p in parts]),
        **{name: getattr(state, name) for name in _OF_RUNS},
    }
    about = {
        "sizes": [len(p.labels) for p in parts],
        "keys": list(state.blocks.blocks),
        "n_features": state.total.n_features,
        **attributes(state.blocks, "n_seen shared"),
        **attributes(state, "n_dropped dropped in_pieces"),
        "scatter": None if state.scatter is None else list(astuple(state.scatter)),
    }
    return arrays, about


def _unpacked(arrays: dict[str, NDArray[Any]], about: CheckpointFile) -> StreamMoments:
    bounds = np.cumsum([0, *about.sizes])
    if any(len(arrays[name]) != bounds[-1] for name in _BY_GROUP):
        raise ValueError("rows are missing")
    if {n for n, a in arrays.items() if a.dtype != np.float64} != {"labels", "counts"}:
        raise TypeError("an array holds no numbers")
    if not all(np.isfinite(arrays[name]).all() for name in ("weights", "means", "scatter")):
        raise ValueError("a moment is not finite")
    parts = [
        Moments(
            **{name: arrays[name][a:b] for name in _BY_GROUP},
            scatter=scatter,
            n_features=about.n_features,
        )
        for a, b, scatter in zip(bounds[:-1], bounds[1:], arrays["scatter"], strict=True)
    ]
    blocks = dict(zip(about.keys, parts[1:], strict=True))
    return StreamMoments(
        BlockMoments(blocks, about.n_seen, about.shared),
        parts[0],
        **{name: arrays[name] for name in _OF_RUNS},
        n_dropped=about.n_dropped,
        dropped=tuple(about.dropped),
        in_pieces=about.in_pieces,
        scatter=None if about.scatter is None else Scatter(*about.scatter),
    )
