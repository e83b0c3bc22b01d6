"""`dimgs reproduce`: one table, one page, and an exit status that means something."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import dimgs.cli.reproduce
from dimgs.cli.reproduce import Check, Findings, Outcome
from tests.cli.runner import Shell


def ended(status: str) -> Callable[..., list[Outcome]]:
    """A stand-in for running: every study ends with that status."""

    def run(names: Sequence[str], progress: Callable[[str], None]) -> list[Outcome]:
        progress("one (1 of 1)")
        if status == "not run":
            return [Outcome(name, "not run", why="its table is absent") for name in names]
        check = Check("x", 1.0, 0.9, 1.1, 1.0 if status == "ok" else 2.0, 0.1)
        findings = Findings([check])
        return [Outcome(n, "ok" if check.passed else "failed", findings=findings) for n in names]

    return run


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("failed", 1), ("not run", 0)])
def test_only_a_study_that_fails_its_check_fails_the_command(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, status: str, code: int
) -> None:
    monkeypatch.setattr(dimgs.cli.reproduce, "run_studies", ended(status))
    done = shell("reproduce", "kepler", "pendulum")
    assert done.code == code
    assert done.out.count(status) >= 2
    assert "one (1 of 1)" in done.err
    assert "one (1 of 1)" not in done.out


def test_one_table_holds_all_checks(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dimgs.cli.reproduce, "run_studies", ended("failed"))
    lines = shell("reproduce", "--all").out.splitlines()
    assert [line.split() for line in lines].count(
        ["study", "status", "found", "published", "tolerance"]
    ) == 1
    assert sum("x 1 [0.9, 1.1]" in line and "missed" in line for line in lines) >= 12


def test_a_page_is_written_beside_the_table(shell: Shell, tmp_path: Path) -> None:
    done = shell("reproduce", "kepler", "--out", str(tmp_path / "page"))
    assert done.code == 0
    assert str(tmp_path / "page" / "index.html") in done.err
    names = {path.name for path in (tmp_path / "page" / "kepler").iterdir()}
    assert names >= {"report.html", "figure.svg", "law.json"}
    assert "1 of 1 studies that ran are ok" in done.out


def test_nothing_runs_for_a_page_that_cannot_be_written(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x", encoding="utf-8")
    for out in (file, file / "below"):
        message = shell.refused("reproduce", "--all", "--out", str(out))
        assert message.endswith(f"'{file}' is a file; choose another --out.")


def test_studies_are_named_rightly_and_run_once(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no case study 'keppler'" in shell.refused("reproduce", "--all", "keppler")
    asked: list[list[str]] = []
    make = ended("ok")

    def run(chosen: list[str], **more: object) -> list[Outcome]:
        asked.append(chosen)
        return make(chosen, **more)

    monkeypatch.setattr(dimgs.cli.reproduce, "run_studies", run)
    assert shell("reproduce", "kepler", "pendulum", "kepler").code == 0
    assert asked == [["kepler", "pendulum"]]


def test_studies_without_their_data_are_not_run_and_say_why(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIMGS_DATA", str(tmp_path))
    monkeypatch.setitem(sys.modules, "fluids", None)
    done = shell("reproduce", "stars", "sphere_drag", "--json")
    assert done.code == 0
    stars, spheres = done.document["studies"]
    assert (stars["status"], spheres["status"]) == ("not run", "not run")
    assert "stars_debcat.csv" in stars["why"]
    assert "fluids" in spheres["why"]
