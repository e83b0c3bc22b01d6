"""Runs in a process of its own, with a checkout on its path; nothing of dimgs is imported here."""

import json
import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    script, asked, result_file = sys.argv[1:]
    answer = runpy.run_path(script)["answer"]
    document = answer(json.loads(Path(asked).read_text(encoding="utf-8")))
    Path(result_file).write_text(json.dumps(document), encoding="utf-8")
