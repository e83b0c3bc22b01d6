"""What a campaign says of itself: its progress, every decision, and the plan that was asked."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dimgs.campaign.binding import Binding
from dimgs.common.advice import setting
from dimgs.common.errors import InputError, StoreError
from dimgs.common.formats import SCHEMA, is_edited, json_value, read_text, sealed, shown
from dimgs.report.write import writing_to

_JSONL, _TEXT = "decisions.jsonl", "decisions.txt"


@dataclass(frozen=True)
class Progress:
    """The state of a campaign.

    Attributes
    ----------
    phase : str
        "start", "ask", "points", "law", "surrogate", "done" or "report".
    runs, budget : mapping of str to int
        Runs so far and at most, by tier.
    failed : int
        Runs without an answer.
    regimes : int
    worst : float
        Widest half-width over its tolerance; infinite while unknown.
    text : str
        The last decision.
    is_run : bool
        Whether it tells of a single run.
    """

    phase: str
    runs: Mapping[str, int]
    budget: Mapping[str, int]
    failed: int
    regimes: int
    worst: float
    text: str
    is_run: bool = False


Listener = Callable[[Progress], None]


def shown_by(show: Callable[..., None] | None) -> Listener:
    """A listener that shows in a bar how many runs of the finest tier are made, if there is one."""

    def listen(progress: Progress) -> None:
        if show is not None:
            finest = list(progress.budget)[-1]
            show(progress.text, progress.runs.get(finest, 0), progress.budget[finest])

    return listen


class DecisionLog:
    """Decisions in order; written as they are taken, none twice after a resumption.

    Parameters
    ----------
    folder : Path
        Where ``decisions.jsonl`` and ``decisions.txt`` are kept.

    Attributes
    ----------
    entries : list of dict
    edited : list of int
        Lines of ``decisions.jsonl`` that somebody changed; their decisions are taken again.
    caution : str
        The same in a sentence; empty where none was changed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     log = DecisionLog(Path(folder))
    ...     log.add("stop", "the tolerance is met", runs=12)
    >>> log.entries
    [{'n': 1, 'decision': 'stop', 'reason': 'the tolerance is met', 'runs': 12}]
    """

    def __init__(self, folder: Path) -> None:
        self.entries: list[dict[str, Any]] = []
        self.edited: list[int] = []
        self._folder = folder
        self._known: Counter[str] = Counter()
        self._lines = 0
        if (folder / _JSONL).is_file():
            self._recall(folder / _JSONL)
        lines = shown(", ".join(map(str, self.edited)))
        said = f"Line {lines} of {_JSONL} was edited after it was written, so it is not used."
        self.caution = said if self.edited else ""

    def add(self, decision: str, reason: str, **more: Any) -> None:
        """Note a decision.

        Parameters
        ----------
        decision : str
            "start", "known", "found", "law", "tier", "expect", "lost", "skip", "stop", or what a
            run is made for: "support", "corner", "inside", "replicate", "probe", "fill",
            "border", "domain", "check", "narrow", "rivals" or "point".
        reason : str
            Why, in one sentence.
        **more
            Numbers and texts that belong to it.
        """
        entry = {"n": len(self.entries) + 1, "decision": decision, "reason": reason, **more}
        self.entries.append(entry)
        # starts are facts of their own; the rest is the same whenever it is decided again
        same = json.dumps({**entry, "n": 0}, sort_keys=True)
        if decision != "start" and self._known[same]:
            self._known[same] -= 1
            return
        self._lines += 1
        entry = {**entry, "n": self._lines}
        line = json.dumps(sealed(entry), ensure_ascii=False)
        for path, text in ((self._folder / _JSONL, line), (self._folder / _TEXT, text_of(entry))):
            try:
                with path.open("a", encoding="utf-8") as file:
                    file.write(text + "\n")
            except OSError as error:
                raise StoreError(
                    f"The decisions cannot be written to '{path}' ({error.strerror}); make the "
                    f"folder writable and continue with the finished runs, which are kept "
                    f"({setting('resume')})."
                ) from error

    def _recall(self, path: Path) -> None:
        # a process that was killed while it wrote leaves half a line, or half a letter
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            entry = None
            with suppress(InputError):
                entry = json_value(line, "", "")
            if not isinstance(entry, dict):
                continue
            self._lines += 1
            if is_edited(entry):
                self.edited.append(self._lines)
                continue
            entry.pop("checksum", None)
            self._known[json.dumps({**entry, "n": 0}, sort_keys=True)] += 1


def text_of(entry: Mapping[str, Any]) -> str:
    """A decision in one line.

    Examples
    --------
    >>> text_of({"n": 3, "decision": "refine", "tier": "fine", "reason": "largest leverage",
    ...          "inputs": {"t": "86400 s"}})
    '   3 refine    fine: t = 86400 s: largest leverage'
    """
    where = ", ".join(f"{name} = {value}" for name, value in (entry.get("inputs") or {}).items())
    parts = [p for p in (str(entry.get("tier", "")), where, str(entry["reason"])) if p]
    return f"{entry['n']:>4} {entry['decision']:<9} {': '.join(parts)}"


_FILE = "plan.json"


def changed_since(bindings: Sequence[Binding], folder: Path) -> str:
    """Keep what the plan asks, and say in a sentence how it differs from what was kept.

    Budgets, workers and time limits may change freely: they do not make other runs necessary.

    Parameters
    ----------
    bindings : sequence of Binding
        For each target.
    folder : Path
        Of the campaign; ``plan.json`` is written there.

    Returns
    -------
    str
        Empty for an equal plan, and for the first one.

    Raises
    ------
    InputError
        If the folder cannot be written to.
    """
    file, asked, before = folder / _FILE, _asked(bindings), None
    with suppress(InputError):
        before = json_value(read_text(file, "plan"), "plan.json", "")
    text = json.dumps(sealed({"schema": SCHEMA, **asked}), ensure_ascii=False, indent=1) + "\n"
    with writing_to(folder):
        file.write_text(text, encoding="utf-8", errors="replace")
    if not isinstance(before, dict):
        return ""
    if is_edited(before):
        return f"'{file}' was edited after it was written; it says now what the plan asks."
    keys = [key for key in {**before, **asked} if key not in ("schema", "checksum")]
    differ = [key for key in keys if before.get(key) != asked.get(key)]
    if not differ:
        return ""
    return (
        f"The plan is another than the one that {folder} was made with ({', '.join(differ)}), so "
        f"that earlier runs are used only where it asks for the same ones."
    )


def _asked(bindings: Sequence[Binding]) -> dict[str, str]:
    """What the runs and decisions of a campaign depend on, as texts."""
    plan, kernel, fixed = bindings[0].plan, bindings[0].kernel, dict(bindings[0].fixed)
    if plan.by is not None:
        fixed[plan.by] = ", ".join(dict.fromkeys(s for b in bindings for s in b.plan.sources))
    lists: dict[str, Sequence[str]] = {
        "tiers": [t.name for t in bindings[0].tiers],
        "constants": plan.constants,
        "target": list(dict.fromkeys(b.target.name for b in bindings)),
    }
    lists |= {"scales": bindings[0].scales} if plan.scales else {}
    lists |= {"arrhenius": plan.arrhenius} if plan.arrhenius else {}
    asked = {"kernel": kernel.name, "version": kernel.version}
    asked |= {n: ", ".join(names) for n, names in lists.items()}
    asked |= {n: str(getattr(plan, n)) for n in ("level", "seed", "sampler", "survey")}
    asked["execution.batch"] = str(plan.execution.batch)
    of = {n: wanted for n, wanted in vars(plan.tolerance).items() if wanted or n != "law"}
    nested = {"tolerance": of, "ranges": plan.ranges, "fixed": fixed}
    asked |= {f"{key}.{n}": str(x) for key, values in nested.items() for n, x in values.items()}
    return asked | {f"points[{i}]": str(dict(p)) for i, p in enumerate(plan.points, 1)}
