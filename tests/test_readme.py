"""The README's Python is typed as its readers' programs are."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_the_readme_passes_the_strict_checker(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    parser = doctest.DocTestParser()
    program = tmp_path / "readme.py"
    examples = [e.source for block in blocks for e in parser.get_examples(block)]
    assert len(examples) > 5
    program.write_text("".join(examples), "utf-8")
    words = ["--strict", "--config-file", "", "--follow-imports", "silent"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *words, "--cache-dir", tmp_path / "cache", program],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
