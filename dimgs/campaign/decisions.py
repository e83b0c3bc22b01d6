"""The log of a campaign: every decision with its reason, as JSON lines and as text."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dimgs.errors import InputError, StoreError
from dimgs.formats import json_value

_JSONL, _TEXT = "decisions.jsonl", "decisions.txt"


class DecisionLog:
    """Decisions in order; written as they are taken, none twice after a resumption.

    Parameters
    ----------
    folder : Path, optional
        Where ``decisions.jsonl`` and ``decisions.txt`` are kept; nowhere without.

    Examples
    --------
    >>> log = DecisionLog()
    >>> log.add("stop", "the tolerance is met", runs=12)
    >>> log.entries
    [{'n': 1, 'decision': 'stop', 'reason': 'the tolerance is met', 'runs': 12}]
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.entries: list[dict[str, Any]] = []
        self._folder = folder
        self._known: Counter[str] = Counter()
        self._lines = 0
        if folder is not None and (folder / _JSONL).is_file():
            self._recall(folder / _JSONL)

    def add(self, decision: str, reason: str, **more: Any) -> None:
        """Note a decision.

        Parameters
        ----------
        decision : str
            "start", "survey", "map", "refine", "replicate", "skip", "lost", "found" or "stop".
        reason : str
            Why, in one sentence.
        **more
            Numbers and texts that belong to it.
        """
        entry = {"n": len(self.entries) + 1, "decision": decision, "reason": reason, **more}
        self.entries.append(entry)
        # starts are facts of their own; the rest is the same whenever it is decided again
        same = json.dumps({**entry, "n": 0}, sort_keys=True)
        if self._folder is None:
            return
        if decision != "start" and self._known[same]:
            self._known[same] -= 1
            return
        self._lines += 1
        line = json.dumps({**entry, "n": self._lines}, ensure_ascii=False)
        for name, text in ((_JSONL, line), (_TEXT, text_of({**entry, "n": self._lines}))):
            _append(self._folder / name, text)

    def _recall(self, path: Path) -> None:
        # a process that was killed while it wrote leaves half a line, or half a letter
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                entry = json_value(line, "", "")
            except InputError:
                continue
            if not isinstance(entry, dict):
                continue
            self._lines += 1
            self._known[json.dumps({**entry, "n": 0}, sort_keys=True)] += 1


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text + "\n")
    except OSError as error:
        raise StoreError(
            f"The decisions cannot be written to '{path}' ({error.strerror}); see to it and go on "
            f"with the finished runs, which are kept (--resume)."
        ) from error


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
