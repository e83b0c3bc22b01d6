"""`dimgs fit --out` writes the report of the power law."""

import json
from pathlib import Path
from unittest.mock import Mock

import pytest

from dimgs.cli.app import run
from dimgs.discovery.judgement import judge
from dimgs.discovery.options import Options


def test_a_fit_writes_its_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # figures would take most of the time
    monkeypatch.setattr("dimgs.report.figures.draw_figures", lambda report: [])
    read, judged = Mock(side_effect=Options.read), Mock(side_effect=judge)
    monkeypatch.setattr(Options, "read", lambda *words, **options: read(*words, **options))
    monkeypatch.setattr("dimgs.discovery.discover.judge", judged)
    words = ["fit", "docs/planets.csv", "--target", "T", "--constants", "G", "--json"]
    assert run([*words, "--out", str(tmp_path / "study")]) == 0
    printed = json.loads(capsys.readouterr().out)
    law = json.loads((tmp_path / "study" / "law.json").read_text("utf-8"))
    assert law["constants"] == printed["law"]["constants"]
    # the table is read once, and so are the rivals searched on which the verdict rests
    assert [str(call.args[1]) for call in read.call_args_list].count("docs/planets.csv") == 1
    assert judged.call_count == 1
    assert "dimgs fit" in (tmp_path / "study" / "report.html").read_text("utf-8")
    assert run([*words, "--out", str(tmp_path / "study"), "--stream"]) == 2
    assert "leave out --out" in capsys.readouterr().err
