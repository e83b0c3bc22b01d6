"""The recorded runs of simulators that are not installed here."""

import csv
from pathlib import Path

FOLDER = Path(__file__).parent / "recorded"


def recorded(name: str) -> list[dict[str, str]]:
    """Rows of a table whose second line holds the units."""
    with (FOLDER / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))[1:]
