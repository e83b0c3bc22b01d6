"""Work on a large table that can be interrupted: moments and position in one file."""

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dimgs.dataset.parts import Position, Table
from dimgs.design.grouped_moments import GroupedMoments
from dimgs.discovery.options import Options
from dimgs.discovery.stream_moments import StreamMoments
from dimgs.errors import InputError
from dimgs.fits.streaming import BlockMoments

_VERSION = 1
_SECONDS = 5.0
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
        cls, path: str | os.PathLike[str], table: Table, target: str, options: Options
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
            "options": {k: repr(v) for k, v in sorted(vars(options).items())},
            "columns": None if reader.columns is None else list(reader.columns),
            "drop": None if reader.drop is None else list(reader.drop),
            "units": dict(reader.units),
            "skip_rows": reader.skip_rows,
            "chunk_rows": table.chunk_rows,
        }
        return cls(Path(path), {"version": _VERSION, "files": files, "question": question})

    def load(self) -> tuple[StreamMoments, Position, list[list[float]], int] | str | None:
        """State kept so far, a sentence why it is of no use, or None where there is none.

        Returns
        -------
        tuple of (StreamMoments, Position, list, int), str or None
            With the ranges that the plan was made of, and the number of rows read.

        Raises
        ------
        InputError
            If the file is no checkpoint; it is not overwritten then.
        """
        if not self.path.exists():
            return None
        try:
            with np.load(self.path, allow_pickle=False) as arrays:
                found = {k: arrays[k] for k in arrays.files}
            about = json.loads(str(found.pop("about")))
            kept = about["identity"]
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise InputError(
                f"'{self.path}' is no checkpoint of dimgs, so it is neither read nor overwritten; "
                f"name another file, or remove it."
            ) from error
        if kept != self.identity:
            same_table = kept.get("files") == self.identity["files"]
            what = "it answers another question" if same_table else "the table changed"
            return (
                f"The checkpoint '{self.path.name}' is of no use ({what}), so the fit "
                f"started over from the first row."
            )
        state = _unpacked(found, about)
        return state, Position(*about["position"]), about["ranges"], int(about["rows"])

    def save(
        self,
        state: StreamMoments,
        position: Position,
        ranges: list[list[float]],
        rows: int,
        *,
        at_once: bool = False,
    ) -> None:
        """Write the state, atomically, if the last time is some seconds ago."""
        if not at_once and monotonic() - self.last < _SECONDS:
            return
        arrays, about = _packed(state)
        about |= {
            "identity": self.identity,
            "position": list(position),
            "ranges": ranges,
            "rows": rows,
        }
        beside = self.path.with_name(f"{self.path.name}.{os.getpid()}.part")
        try:
            with beside.open("wb") as file:
                np.savez(file, about=np.array(json.dumps(about)), **arrays)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError as error:
            raise InputError(
                f"The checkpoint '{self.path}' cannot be written ({error}); name another file."
            ) from error
        finally:
            beside.unlink(missing_ok=True)
        self.last = monotonic()

    def remove(self) -> None:
        """Forget the state, once the work is done."""
        self.path.unlink(missing_ok=True)


def _packed(state: StreamMoments) -> tuple[dict[str, Any], dict[str, Any]]:
    parts = [state.total, *state.blocks.blocks.values()]
    arrays: dict[str, Any] = {
        "labels": np.concatenate([p.labels for p in parts]),
        "weights": np.concatenate([p.weights for p in parts]),
        "counts": np.concatenate([p.counts for p in parts]),
        "means": np.concatenate([p.means for p in parts]),
        "scatter": np.stack([p.scatter for p in parts]),
        "low": state.low,
        "high": state.high,
        "feature_low": state.feature_low,
        "feature_high": state.feature_high,
        "extremes": state.extremes,
    }
    about = {
        "sizes": [len(p.labels) for p in parts],
        "keys": list(state.blocks.blocks),
        "n_features": state.total.n_features,
        "n_seen": state.blocks.n_seen,
        "shared": state.blocks.shared,
        "n_pieces": state.n_pieces,
        "n_dropped": state.n_dropped,
        "dropped": list(state.dropped),
        "in_pieces": state.in_pieces,
    }
    return arrays, about


def _unpacked(arrays: dict[str, NDArray[Any]], about: dict[str, Any]) -> StreamMoments:
    bounds = np.cumsum([0, *about["sizes"]])
    parts = [
        GroupedMoments(
            arrays["labels"][a:b],
            arrays["weights"][a:b],
            arrays["counts"][a:b],
            arrays["means"][a:b],
            scatter,
            about["n_features"],
        )
        for a, b, scatter in zip(bounds[:-1], bounds[1:], arrays["scatter"], strict=True)
    ]
    blocks = dict(zip(about["keys"], parts[1:], strict=True))
    return StreamMoments(
        BlockMoments(blocks, about["n_seen"], about["shared"]),
        parts[0],
        arrays["low"],
        arrays["high"],
        arrays["feature_low"],
        arrays["feature_high"],
        arrays["extremes"],
        about["n_pieces"],
        about["n_dropped"],
        tuple(about["dropped"]),
        about["in_pieces"],
    )
