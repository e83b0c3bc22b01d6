"""Results as tables of text and Markdown."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from case_studies.benchmarks.feynman_tables import INCONSISTENT
from case_studies.benchmarks.laws_with_units.solving import SETTINGS

REASONS = (
    "on the front, not chosen",
    "never on the front",
    "budget",
    "inconsistent units",
    "not run",
)
_COLUMNS = (
    "laws", "chosen", "front", "chosen (strict)", "front (strict)", "median s", "mean s",
    "longest s", "median CPU s", "load",
)  # fmt: skip


def row_of(lines: Sequence[dict[str, Any]]) -> list[str]:
    """Counts and times of the lines of one setting."""
    seconds = [line["seconds"] for line in lines]
    return [
        f"{len(lines)}",
        *(
            f"{sum(line[k] for line in lines)}"
            for k in ("chosen", "front", "chosen_strict", "front_strict")
        ),
        f"{np.median(seconds):.1f}",
        f"{np.mean(seconds):.1f}",
        f"{max(seconds):.1f}",
        f"{np.median([line['cpu'] for line in lines]):.1f}",
        f"{np.median([line['load'] for line in lines]):.1f}",
    ]


def missed_of(lines: Sequence[dict[str, Any]]) -> list[str]:
    """Each missed law with its reason."""
    out = []
    for why in REASONS:
        names = [line["law"] for line in lines if line["why"] == why]
        if names:
            out.append(f"{why}: {', '.join(names)}")
    ties = [line["law"] for line in lines if line["why"] and line.get("tie")]
    if ties:
        out.append(f"{len(ties)} follow the runs as well as the law does: {', '.join(ties)}")
    return out


def settings_of(lines: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """The settings that occur."""
    return sorted({tuple(line[n] for n in SETTINGS) for line in lines}, key=str)


def markdown(lines: Sequence[dict[str, Any]]) -> str:
    """One row for each setting, then the missed laws of each with the reasons.

    Parameters
    ----------
    lines : sequence of dict
        As :func:`case_studies.benchmarks.laws_with_units.solving.solve` gives them.
    """
    head = [*SETTINGS, *_COLUMNS]
    out = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    notes: list[str] = []
    for setting in settings_of(lines):
        own = [line for line in lines if tuple(line[n] for n in SETTINGS) == setting]
        out.append(f"| {' | '.join([*map(str, setting), *row_of(own)])} |")
        name = ", ".join(
            f"{k} {v}" for k, v in zip(SETTINGS, setting, strict=True) if k not in ("runs",)
        )
        notes += ["", f"Missed ({name}):", *(f"- {text}" for text in missed_of(own) or ["none"])]
    notes += ["", *(f"{law}: {why}." for law, why in INCONSISTENT.items())]
    return "\n".join([*out, *notes])
