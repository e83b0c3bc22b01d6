"""The schemas in the pages are those that files are checked against."""

import json
import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"
TEXTS: dict[str, str] = runpy.run_path(str(DOCS / "schemas.py"))["schema_texts"]()


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_the_published_schema_is_current(name: str) -> None:
    published = (DOCS / "schemas" / f"{name}.json").read_text(encoding="utf-8")
    assert published == TEXTS[name], "run python docs/schemas.py"
    page = (DOCS / "reference" / "files.md").read_text("utf-8")
    assert f"{{literalinclude}} ../schemas/{name}.json" in page


def test_the_schemas_say_what_is_needed() -> None:
    law = json.loads(TEXTS["law"])
    assert {"expression", "symbols", "constants", "exact"} <= set(law["required"])
    assert law["properties"]["schema"]["default"] == 0
    plan = json.loads(TEXTS["plan"])
    assert plan["additionalProperties"] is False
    assert set(plan["required"]) == {"kernel", "target", "ranges", "budget", "tolerance"}
    assert json.loads(TEXTS["sidecar"])["additionalProperties"]["type"] == "string"
