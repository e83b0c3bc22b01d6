"""Everything that is known about one run of a kernel, asked for or made; outputs may be curves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

import numpy as np

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.common.formats import plain
from dimgs.variables import parse_unit

# ---- Outputs that are curves: values along a coordinate, both with units.


def _mean(at: Array, values: Array) -> float:
    return float(np.trapezoid(values, at) / (at[-1] - at[0]))


def _half(at: Array, values: Array) -> float:
    """Coordinate at which the curve is halfway from its first to its last value."""
    fraction = (values - values[0]) / (values[-1] - values[0])
    i = int(np.argmax(fraction >= 0.5))
    return float(np.interp(0.5, fraction[i - 1 : i + 1], at[i - 1 : i + 1]))


# what a curve is reduced to, by the end of an output's name
FEATURES: Mapping[str, Callable[[Array, Array], float]] = {
    "mean": _mean,
    "max": lambda _, values: float(values.max()),
    "min": lambda _, values: float(values.min()),
    "first": lambda _, values: float(values[0]),
    "last": lambda _, values: float(values[-1]),
    "half": _half,
}


@dataclass(frozen=True, eq=False)
class Curve:
    """Values along a coordinate.

    Parameters
    ----------
    coordinate : str
        Its name, such as ``"x"``.
    at : array-like of shape (n,)
        Increasing, in `along`.
    values : array-like of shape (n,)
        In `unit`.
    along, unit : str

    Raises
    ------
    InputError
        If there are fewer than three points, they do not increase, or a number is not finite.

    Examples
    --------
    >>> front = Curve("x", [0.0, 1.0, 2.0], [4.0, 2.0, 0.0], "mm", "g/L")
    >>> front.feature("mean"), front.feature("half")
    (2.0, 1.0)
    >>> Curve.from_json(front.to_json()).unit
    'g/L'
    """

    coordinate: str
    at: Any
    values: Any
    along: str
    unit: str

    def __post_init__(self) -> None:
        at, values = (np.asarray(x, dtype=np.float64) for x in (self.at, self.values))
        parse_unit(self.along), parse_unit(self.unit)
        name = f"A curve along '{self.coordinate}'"
        if at.ndim != 1 or at.shape != values.shape or len(at) < 3:
            shapes = f"{np.shape(at)} places and {np.shape(values)} values"
            raise InputError(f"{name} has {shapes}; give three or more of each.")
        if not (np.isfinite(at).all() and np.isfinite(values).all() and np.all(np.diff(at) > 0)):
            raise InputError(f"{name} needs finite numbers at increasing places.")
        object.__setattr__(self, "at", at)
        object.__setattr__(self, "values", values)

    def feature(self, name: str) -> float:
        """Feature of the curve, one of `FEATURES`, in its unit ("half" in that of the coordinate).

        Raises
        ------
        InputError
            If there is no such feature.
        """
        if name not in FEATURES:
            raise InputError(f"A curve has no '{name}'; it has {', '.join(FEATURES)}.")
        return FEATURES[name](self.at, self.values)

    def to_json(self) -> dict[str, Any]:
        """The value as a JSON document."""
        document: dict[str, Any] = plain(vars(self))
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Curve":
        """From its JSON."""
        return cls(**{f.name: document[f.name] for f in fields(cls)})


def reduced(
    curves: Mapping[str, Curve], outputs: Mapping[str, Any], names: set[str]
) -> dict[str, Any]:
    """Outputs with those that are features of curves, named ``CURVE_FEATURE``.

    Examples
    --------
    >>> front = Curve("x", [0.0, 1.0, 2.0], [4.0, 2.0, 0.0], "mm", "g/L")
    >>> reduced({"front": front}, {}, {"front_max"})
    {'front_max': 4.0}
    """
    pairs = ((name, curve, feature) for name, curve in curves.items() for feature in FEATURES)
    named = ((f"{name}_{feature}", curve, feature) for name, curve, feature in pairs)
    features = {n: c.feature(f) for n, c, f in named if n in names and n not in outputs}
    return {**outputs, **features}


# ---- Everything that is known about one run of a kernel, asked for or made.


class Status(StrEnum):
    """Status of a run.

    Examples
    --------
    >>> Status("ok") is Status.OK
    True
    """

    OK = "ok"
    FAILED = "failed"
    DIVERGED = "diverged"
    REFUSED = "refused"
    INTERRUPTED = "interrupted"


class Failure(StrEnum):
    """Cause of the failure of a run, or of the process of a job.

    Examples
    --------
    >>> Failure.TIME.meaning, Failure("time").remedy
    ('It reached its time limit.', 'Ask for a coarser tier, fewer runs or narrower ranges.')
    """

    meaning: str
    remedy: str

    def __new__(cls, value: str, meaning: str = "", remedy: str = "") -> "Failure":
        """The member of a value, with the cause in a sentence and what helps."""
        member = str.__new__(cls, value)
        member._value_, member.meaning, member.remedy = value, meaning, remedy
        return member

    # fmt: off
    TIME = ("time", "It reached its time limit.",
            "Ask for a coarser tier, fewer runs or narrower ranges.")
    MEMORY = ("memory", "It exceeded its memory limit.",
              "Ask for a coarser tier or a smaller case.")
    PROCESSES = ("processes", "It exceeded its limit of processes.",
                 "Make the kernel start fewer, or raise 'processes' in the policy of the worker.")
    DISK = ("disk", "It exceeded its limit of disk space.",
            "Ask for a smaller case, or raise 'disk_megabytes' in the worker's policy.")
    DIED = ("died", "Its process ended before it answered.",
            "Try another point or tier; if it ends again, tell the kernel's maintainer.")
    KERNEL = ("kernel", "The kernel failed.",
              "Read its output; try a coarser tier or another point.")
    DIVERGED = ("diverged", "The simulation has no finite result at this point.",
                "Move away from extreme values, or take a finer tier.")
    INPUT = ("input", "The kernel refused the inputs.",
             "Correct that input; the kernel's card lists units and ranges.")
    PROGRAM = ("program",
               "The kernel, or its program, is not usable on the machine of the worker.",
               "Choose another kernel, or install what it needs there.")
    CHANGED = ("changed", "The program of the kernel has changed since planning.",
               "Request the run again.")
    RECORD = ("record", "The returned record does not belong to the requested run.",
              "Tell the maintainer of the kernel; the worker has not stored the record.")
    # fmt: on


@dataclass(frozen=True)
class RunRecord:
    """One run: inputs, outputs, how it ended, and where it came from.

    Attributes
    ----------
    kernel, tier : str
    inputs : mapping of str to (value, unit)
        As given, in the units that the kernel declares; labels have the unit "label".
    outputs : mapping of str to (value, unit)
        Empty unless the run ended well.
    errors : mapping of str to float
        Standard numerical error of outputs where known, in the output's unit.
    status : Status
    reason : str
        Why a run did not end well, in one sentence; empty otherwise.
    seed : int, optional
    wall_seconds : float
    provenance : mapping
        Kernel version or commit, settings, versions of what it used, threads.
    key : str
        Content hash of kernel, version, tier, settings, inputs and seed; equal for equal runs.

    Examples
    --------
    >>> from dimgs.kernels import kernel
    >>> @kernel(inputs={"L": "m"}, outputs={"A": "m^2"})
    ... def square(L):
    ...     return L**2
    >>> record = square.run({"L": 3.0})
    >>> record.ok, record.inputs, record.outputs
    (True, {'L': (3.0, 'm')}, {'A': (9.0, 'm^2')})
    """

    kernel: str
    tier: str
    inputs: Mapping[str, tuple[float | str, str]]
    outputs: Mapping[str, tuple[float, str]]
    status: Status
    key: str
    reason: str = ""
    seed: int | None = None
    wall_seconds: float = 0.0
    errors: Mapping[str, float] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def curves(self) -> "Mapping[str, Curve]":
        """Outputs that are curves, by name."""
        curves = self.provenance.get("curves", {})
        return {name: Curve.from_json(content) for name, content in curves.items()}

    @property
    def failure(self) -> Failure | None:
        """Cause of the failure: from the provenance, else from the status."""
        failure = str(self.provenance.get("failure"))
        return next((f for f in Failure if f == failure), _BY_STATUS.get(self.status))

    @property
    def ok(self) -> bool:
        """Whether the outputs can be used."""
        return self.status is Status.OK


_BY_STATUS = {
    Status.FAILED: Failure.KERNEL,
    Status.DIVERGED: Failure.DIVERGED,
    Status.REFUSED: Failure.INPUT,
    Status.INTERRUPTED: Failure.DIED,
}


@dataclass(frozen=True)
class RunRequest:
    """A run that has not been made yet.

    Attributes
    ----------
    key : str
        Content hash; the record of the run has the same.
    kernel, tier : str
    inputs : mapping of str to (value, unit)
        Every input, defaults included, in the units that the kernel declares.
    seed : int, optional

    Examples
    --------
    >>> from dimgs.kernels import kernel
    >>> @kernel(inputs={"L": "m"}, outputs={"A": "m^2"})
    ... def square(L):
    ...     return L**2
    >>> request = square.request({"L": 3.0})
    >>> request.inputs, request.key == square.run({"L": 3.0}).key
    ({'L': (3.0, 'm')}, True)
    """

    key: str
    kernel: str
    tier: str
    inputs: Mapping[str, tuple[float | str, str]]
    seed: int | None = None

    def failed(self, reason: str, failure: Failure, seconds: float = 0.0) -> RunRecord:
        """Record of the run where it gave no answer."""
        how: dict[str, Any] = {"reason": reason, "wall_seconds": seconds}
        how["provenance"] = {"failure": failure}
        return RunRecord(**vars(self), outputs={}, status=Status.FAILED, **how)


# letters that a terminal shows in a few lines
_LONGEST = 500


def one_sentence(error: BaseException) -> str:
    r"""First line of the message of an error, shortened; its type if the message is empty.

    Examples
    --------
    >>> one_sentence(ValueError("\n no licence \x1b[31m\n more"))
    'no licence �[31m'
    >>> one_sentence(KeyError())
    'KeyError'
    """
    try:
        text = str(error)
    except Exception:
        text = ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return printable(lines[0] if lines else type(error).__name__)


def with_kind(error: BaseException) -> str:
    """The kind of an error, and the first line of its message.

    Examples
    --------
    >>> with_kind(ZeroDivisionError("division by zero")), with_kind(KeyError())
    ('ZeroDivisionError: division by zero', 'KeyError')
    """
    kind, text = type(error).__name__, one_sentence(error)
    return kind if text == kind else f"{kind}: {text}"


def printable(text: str) -> str:
    r"""Text without what a terminal or UTF-8 does not know, not too long.

    Examples
    --------
    >>> printable("a\udcffb" + "c" * 600)[:4], len(printable("c" * 600))
    ('a�bc', 500)
    """
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return clean if len(clean) <= _LONGEST else clean[: _LONGEST - 1] + "…"
