"""`dimgs fit --out` writes the report of the power law."""

import json
from pathlib import Path

import pytest

from dimgs.cli.app import run


def test_a_fit_writes_its_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # figures would take most of the time
    monkeypatch.setattr("dimgs.report.figures.draw_figures", lambda report: [])
    words = ["fit", "docs/planets.csv", "--target", "T", "--constants", "G", "--json"]
    assert run([*words, "--out", str(tmp_path / "study")]) == 0
    printed = json.loads(capsys.readouterr().out)
    law = json.loads((tmp_path / "study" / "law.json").read_text("utf-8"))
    assert law["constants"] == printed["law"]["constants"]
    assert "dimgs fit" in (tmp_path / "study" / "report.html").read_text("utf-8")
    assert run([*words, "--out", str(tmp_path / "study"), "--stream"]) == 2
    assert "leave out --out" in capsys.readouterr().err
