"""Markdown, LaTeX and bibliography of a report; the folder that holds all of them."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dimgs.common.errors import InputError
from dimgs.discovery.discover import discover
from dimgs.law.law import Law
from dimgs.report.findings import Candidates
from dimgs.report.render import WORKS, bibliography, fragments, report_markdown, works_of
from dimgs.report.results import check_folder, write_study
from tests.planted import pipe
from tests.report.examples import ASKED, report_of

FILES = {
    "report.html", "report.md", "report.json", "study.tex", "references.bib", "law.json", "law.tex",
}  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("studies") / "deep" / "study"
    written = report_of("pipe").write(folder)
    assert {p.name for p in written} >= FILES
    assert all(p.stat().st_size > 0 for p in written)
    assert len(written) == len(set(written))
    return folder


def test_files_can_be_read_again(study: Path) -> None:
    report = report_of("pipe")
    assert Law.from_json(study / "law.json") == report.law
    json.loads((study / "report.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    figures = sorted(p.stem for p in (study / "figures").glob("*.svg"))
    assert figures == sorted(p.stem for p in (study / "figures").glob("*.pdf"))
    for path in (study / "figures").glob("*.svg"):
        ElementTree.parse(path)


def test_links_of_the_markdown_lead_to_files(study: Path) -> None:
    text = (study / "report.md").read_text(encoding="utf-8")
    links = re.findall(r"!\[[^\]]*\]\(([^)]*)\)", text)
    assert len(links) >= 5
    assert all((study / link).is_file() for link in links)


def test_what_the_study_reads_is_there(study: Path) -> None:
    text = (study / "study.tex").read_text(encoding="utf-8")
    for name in re.findall(r"\\input\{([^}]*)\}", text):
        assert (study / f"{name}.tex").is_file()
    for name in re.findall(r"\\includegraphics\[[^\]]*\]\{([^}]*)\}", text):
        assert (study / "figures" / f"{name}.pdf").is_file()
    cited = re.findall(r"\\cite\{([^}]*)\}", (study / "tex" / "methods.tex").read_text())
    entries = re.findall(r"@\w+\{(\w+),", (study / "references.bib").read_text(encoding="utf-8"))
    assert cited == entries


def _run(program: str, *arguments: str, folder: Path) -> str:
    if shutil.which(program) is None:
        pytest.skip(f"no {program} on this machine: install it")
    done = subprocess.run(
        [program, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


def test_the_study_compiles_with_its_references(study: Path) -> None:
    latex = ("-interaction=nonstopmode", "-halt-on-error", "study.tex")
    _run("pdflatex", *latex, folder=study)
    _run("bibtex", "study", folder=study)
    _run("pdflatex", *latex, folder=study)
    log = _run("pdflatex", *latex, folder=study)
    assert "undefined" not in log
    assert (study / "study.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(set(ASKED) - {"pipe"}))
def test_every_kind_of_study_compiles(kind: str, tmp_path: Path) -> None:
    report_of(kind).write(tmp_path)
    for name in ("study.tex", "law.tex"):
        _run("pdflatex", "-interaction=nonstopmode", "-halt-on-error", name, folder=tmp_path)


def test_a_fragment_compiles_in_another_document(study: Path, tmp_path: Path) -> None:
    shutil.copytree(study / "tex", tmp_path / "tex")
    body = "\n".join(rf"\input{{tex/{name}}}" for name in fragments(report_of("pipe")))
    text = rf"\documentclass{{book}}\usepackage{{amsmath,siunitx}}\begin{{document}}{body}"
    (tmp_path / "paper.tex").write_text(text + r"\end{document}", encoding="utf-8")
    _run("pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex", folder=tmp_path)


@pytest.mark.parametrize("kind", ASKED)
def test_markdown_tells_the_same_story(kind: str) -> None:
    report = report_of(kind)
    text = report.to_markdown()
    assert report.law is not None
    assert f"$${report.law.latex()}$$" in text
    heads = re.findall(r"^## (.*)$", text, re.MULTILINE)
    wanted = [
        "The law",
        "Rivals",
        "Domain",
        "Quality",
        "Interpretation",
        "Data",
        "Provenance",
    ]
    assert heads == [h for h in wanted if h in heads]
    assert {"The law", "Quality", "Interpretation"} <= set(heads)
    for table in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
        assert len({row.count(" | ") for row in table.strip().splitlines()}) == 1


def test_works_are_cited_where_they_were_used() -> None:
    plain = {w.key for w in works_of(report_of("physical"))}
    assert "buckingham1914" in plain
    assert not plain & {"hansen2000", "jaeckel1972", "cleveland1988", "cranmer2023"}
    assert {"hansen2000", "cleveland1988"} <= {w.key for w in works_of(report_of("regimes"))}
    robust = discover(pipe(20), "tau_w", engine="power_law", robust=True)
    assert {"jaeckel1972", "hodges1963"} <= {w.key for w in works_of(robust)}
    assert robust.provenance["options"] == "robust; engine = power_law"


def test_every_entry_of_the_bibliography_is_whole() -> None:
    for work in WORKS:
        entry = work.bibtex()
        assert entry.count("{") == entry.count("}")
        for field in ("author", "title", "year"):
            assert f"{field} = {{" in entry
    assert bibliography(report_of("pipe")).count("@") == len(works_of(report_of("pipe")))


def test_what_is_no_law_is_written_too(tmp_path: Path) -> None:
    bare = replace(report_of("pipe"), law=None, data=None, fit=None, candidates=Candidates(()))
    names = {p.name for p in write_study(bare, tmp_path)}
    assert names == {"report.html", "report.md", "report.json", "study.tex", "references.bib"} | {
        "methods.tex"
    }
    assert "$$" not in report_markdown(bare)


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="choose another --out"):
        write_study(report_of("pipe"), tmp_path / "file")


def test_a_folder_is_checked_without_being_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    check_folder(tmp_path / "new" / "deep")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match=r"file' is a file; choose another --out\.$"):
            check_folder(folder)


def test_the_page_is_written_where_a_path_is_given(tmp_path: Path) -> None:
    report, path = report_of("pipe"), tmp_path / "report.html"
    assert report.to_html(path) == path.read_text(encoding="utf-8")
