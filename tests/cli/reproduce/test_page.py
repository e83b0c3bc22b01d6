"""The page of all studies, and the figure of one."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from matplotlib.axes import Axes

from dimgs.cli.reproduce import (
    NOT_JUDGED,
    Check,
    Findings,
    Outcome,
    Statement,
    summary,
    write_page,
)
from dimgs.common.errors import InputError
from dimgs.dataset import Dataset
from dimgs.discovery.discover import discover


class Reader(HTMLParser):
    """Links, images and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.images: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "a":
            self.links.append(values["href"] or "")
        if tag == "img":
            assert values.get("alt")
            self.images.append(values["src"] or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def line(axes: Axes) -> None:
    axes.plot([1, 2], [1, 2])


def outcomes() -> list[Outcome]:
    data = Dataset.from_columns(
        {"L [m]": [0.2, 0.4, 0.8, 1.6], "T [s]": [0.897, 1.269, 1.794, 2.537]}
    )
    report = discover(data, "T", constants=["g"], engine="power_law")
    checks: list[Check | Statement] = [
        Check("x", 0.5, None, None, 0.6, 0.01),
        Check("y", 9.0, None, None, 1.0, NOT_JUDGED),
        Statement("form", "<a & b>", "c", judged=False),
    ]
    findings = Findings(checks, report, line, "A line.")
    return [
        Outcome("one", "failed", why="missed: x", findings=findings),
        Outcome("two", "not run", why="its table is absent"),
        Outcome("three", "ok", findings=Findings([Statement("a", "b", "b")])),
    ]


def test_the_page_links_every_report_and_figure_that_is_there(tmp_path: Path) -> None:
    made = outcomes()
    titles = {o.name: f"Title of {o.name}." for o in made}
    page, *files = write_page(made, titles, tmp_path / "out")
    read = Reader()
    read.feed(page.read_text(encoding="utf-8"))
    assert page.name == "index.html"
    assert [link for link in read.links if not link.startswith("#")] == ["one/report.html"]
    assert read.images == ["one/figure.svg"]
    for target in ["one/report.html", *read.images]:
        assert (page.parent / target) in files
        assert (page.parent / target).is_file()
    for text in ("missed", "not judged", "<a & b>", "its table is absent", "Title of three."):
        assert text in read.text


def test_studies_that_did_not_run_are_counted_apart() -> None:
    assert summary(outcomes()) == "1 of 2 studies that ran are ok; 1 not run"
    assert summary(outcomes()[2:]) == "1 of 1 studies that ran are ok"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="choose another --out"):
        write_page([], {}, tmp_path / "file")


def test_a_study_without_a_drawing_has_no_figure(tmp_path: Path) -> None:
    assert not Findings([]).save_figure(tmp_path / "figure.svg")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_figures_are_the_same_on_every_run(tmp_path: Path, suffix: str) -> None:
    findings = Findings([], draw=line)
    first, second = tmp_path / f"first{suffix}", tmp_path / f"second{suffix}"
    assert findings.save_figure(first)
    assert findings.save_figure(second)
    assert first.read_bytes() == second.read_bytes()


def test_numbers_that_are_not_judged_decide_nothing() -> None:
    far = Check("x", 1e9, None, None, 0.0, NOT_JUDGED)
    assert far.passed
    assert far.tolerance_text == "not judged"
    assert not Check("x", float("nan"), None, None, 0.0, NOT_JUDGED).passed
