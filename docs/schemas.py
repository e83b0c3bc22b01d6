"""Writes the schemas of the files that dimgs reads: `python docs/schemas.py`."""

import json
import sys
from pathlib import Path

from pydantic import TypeAdapter

from dimgs.campaign.plan import PlanFile
from dimgs.dataset.sidecar import SidecarFile
from dimgs.discovery.outofcore import CheckpointFile
from dimgs.hub.entry import EntryFile, RunRow
from dimgs.hub.jobs import Policy
from dimgs.law.document import CurveFile, LawFile, ReportFile

FOLDER = Path(__file__).parent / "schemas"
FILES: dict[str, type] = {
    "law": LawFile,
    "curve": CurveFile,
    "report": ReportFile,
    "plan": PlanFile,
    "checkpoint": CheckpointFile,
    "store": RunRow,
    "entry": EntryFile,
    "policy": Policy,
    "sidecar": SidecarFile,
}


def schema_texts() -> dict[str, str]:
    """JSON Schema (2020-12) of each kind of file."""
    schemas = {name: TypeAdapter(kind).json_schema() for name, kind in FILES.items()}
    # which edition of its kind a plan is stands in the file alone
    edition = {"default": 0, "minimum": 0, "title": "Schema", "type": "integer"}
    schemas["plan"]["properties"]["schema"] = edition
    return {
        name: json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
        for name, schema in schemas.items()
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in schema_texts().items():
        (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")
        sys.stdout.write(f"{FOLDER / name}.json\n")
