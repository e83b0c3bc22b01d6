"""The page is whole, safe, accessible in its markup, and in the order of the questions."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
import sympy

from dimgs import Dataset, Report
from dimgs.discovery.discover import discover
from dimgs.expression.candidate import Candidate
from dimgs.law.checked_law import percent
from dimgs.law.display import ShownConstant
from dimgs.report.figures.style import inline_svg, plain
from dimgs.report.findings import Candidates
from dimgs.report.render import html_templates, report_card, report_html, strips
from tests.planted import pipe
from tests.report.examples import ASKED, drawings_of, page_of, report_of

_VOID = {"meta", "br", "link", "img", "input"}


class Page(HTMLParser):
    """Elements of a page; every element that is opened must be closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.headings: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {k: v or "" for k, v in attrs}))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {k: v or "" for k, v in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("h1", "h2", "h3"):
            self.headings.append(f"{self.open[-1]} {data.strip()}")

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def with_front(report: Report) -> Report:
    """Report with several candidates."""
    x, a = sympy.symbols("pi_1 a")
    forms = [(x, 1e-1), (a + x**2 + 1, 1e-4)]
    others = tuple(Candidate.of(e, {"a": 0.3}, loss=loss) for e, loss in forms)
    return replace(report, candidates=Candidates((*report.candidates[:1], *others)))


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(report_html(with_front(report_of("pipe")), drawings_of("pipe")))


@pytest.mark.parametrize("kind", ASKED)
def test_every_kind_of_report_is_a_small_whole_page(kind: str) -> None:
    text = page_of(kind)
    assert len(text.encode()) < 3_000_000
    page = Page(text)
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for attributes in (a for _, a in page.elements):
        for key in ("src", "href", "xlink:href"):
            assert not attributes.get(key, "#").startswith(("http", "//")), attributes
    targets = re.findall(r"url\(#([^)]*)\)", text)
    assert set(targets) <= set(ids)


def test_a_page_of_many_runs_stays_small() -> None:
    report = discover(pipe(6000), "tau_w", engine="power_law")
    assert len(report.to_html().encode()) < 1_500_000


def test_sections_follow_the_questions_of_a_scientist(page: Page) -> None:
    second = [h.removeprefix("h2 ") for h in page.headings if h.startswith("h2")]
    assert second == [
        "The law", "Domain", "Quality", "Interpretation", "Figures", "Candidates",
        "Data", "Provenance",
    ]  # fmt: skip
    links = [a["href"] for a in page.all("a") if a["href"] != "#main"]
    ids = {a["id"] for a in page.all("section")}
    assert {link.removeprefix("#") for link in links} == ids


def test_headings_are_nested(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_everything_has_a_name(page: Page) -> None:
    for image in (a for a in page.all("svg") if a.get("role") == "img"):
        assert len(image["aria-label"]) > 20
    for drawing in (a for a in page.all("svg") if a.get("role") != "img"):
        assert drawing.get("aria-hidden") == "true"
    for choice in page.all("input"):
        assert "complexity" in choice["aria-label"]
    for written in page.all("math"):
        assert written["alttext"]
    for scrolls in (a for a in page.all("div") if a.get("tabindex") == "0"):
        assert scrolls["role"] == "group"
        assert scrolls["aria-label"]
    (root,) = page.all("html")
    assert root["lang"] == "en"
    assert all(header.get("scope") == "col" for header in page.all("th"))


def test_the_first_candidate_is_checked_and_each_has_its_formula(page: Page) -> None:
    choices = page.all("input")
    assert [("checked" in a) for a in choices] == [True, False, False]
    panels = [a["id"] for a in page.all("div") if a.get("class") == "panel"]
    assert panels == ["p1", "p2", "p3"]
    assert [("law" in a["class"].split()) for a in choices] == [True, False, False]


def test_a_law_that_is_no_candidate_is_said_to_be_none() -> None:
    report = with_front(report_of("pipe"))
    text = report_html(
        replace(report, candidates=Candidates(report.candidates[1:])), drawings_of("pipe")
    )
    assert "the law is none of these" in text
    assert 'class="tag ring"' not in text


def test_numbers_of_the_report_are_on_the_page() -> None:
    report, text = report_of("pipe"), page_of("pipe")
    assert report.law is not None
    assert "Reynolds number" in text
    assert "Doubling U multiplies tau_w by 3.36." in text
    assert f"{report.law.scores.cv_r2_log:.4g}" in text
    assert report.provenance["table_sha256"] in text
    # 1.69 times the error of a run, 0.46 % (0.5 % was drawn)
    assert "±0.77 %" in text


def test_a_constant_has_the_digits_of_its_interval() -> None:
    macro = '{% from "macros.html" import constant %}{{ constant(c) }}'
    shown = ShownConstant("C_1", 1.99998515, 1.999973, 1.999997, "1", "fitted")
    text = re.sub(r"<[^>]*>", "", html_templates().from_string(macro).render(c=shown))
    assert "1.999985" in text
    assert "[1.999973, 1.999997]" in text


def test_figures_keep_their_places_and_the_size_of_their_letters() -> None:
    (lead,) = [d for d in drawings_of("pipe") if d.name == "collapse"]
    inside, outside = inline_svg(lead), lead.svg()
    scale = r"scale\([^)]*\)"
    assert re.findall(scale, inside) == re.findall(scale, outside)
    for place in ("x", "y"):
        numbers = [
            np.array(re.findall(rf'<use [^>]*{place}="([\d.]+)"', text), dtype=float)
            for text in (inside, outside)
        ]
        np.testing.assert_allclose(numbers[0], numbers[1], atol=0.0051)


def test_figures_follow_the_colours_of_the_page() -> None:
    text = page_of("pipe")
    drawn = re.findall(r'<svg viewBox="0 0 2\d\d.*?</svg>', text, re.DOTALL)
    assert len(drawn) >= 5
    for svg in drawn:
        assert "var(--ink)" in svg
        assert "#1a1d21" not in svg


def test_names_are_escaped_wherever_they_stand() -> None:
    x = np.linspace(1, 2, 12)
    data = Dataset.from_columns(
        {"a<b> [m]": x, "c&d [m]": 3 * x**1.2, "<script> [label]": ["<i>", "&amp;"] * 6}
    )
    report = discover(data, "c&d", engine="power_law")
    for text in (report.to_html(), report_card(report)):
        assert "a<b>" not in text
        assert "<i>" not in text
        assert text.count("<script>") == text.count("for (const box")
        Page(text)


def test_what_is_no_law_is_not_dressed_as_one() -> None:
    rng = np.random.default_rng(0)
    a, b, y = np.exp(rng.normal(size=(3, 30)))
    report = discover(
        Dataset.from_columns({"a [m]": a, "b [m]": b, "y [1]": y}), "y", engine="power_law"
    )
    text = report.to_html()
    assert "Not a confirmed law" in text
    assert "</span> Confirmed" not in text
    assert "Range of the runs" in text
    assert "the law</span>" not in text
    assert "<title>In search of a law for y</title>" in text
    bare = replace(report, law=None, data=None, candidates=Candidates(()))
    Page(bare.to_html())
    Page(report_card(bare))


def test_the_card_of_a_notebook_styles_nothing_else() -> None:
    report = report_of("pipe")
    card = report._repr_html_()
    Page(card)
    (style,) = re.findall(r"<style>(.*?)</style>", card, re.DOTALL)
    selectors = [s.strip() for rule in re.findall(r"([^{}]+)\{", style) for s in rule.split(",")]
    assert all(s.startswith(".dimgs-card") for s in selectors)
    assert report._repr_latex_() == report.law._repr_latex_() if report.law else True


def test_labels_are_read_aloud_without_commands() -> None:
    assert plain(r"Reynolds number  $\mathrm{Re}$") == "Reynolds number Re"
    assert plain(r"$\pi_{1} = a\,/\,(b_{0})$") == "π 1 = a / ( b 0 )"


@pytest.mark.parametrize(("factors", "kind"), [(2, "formula"), (20, "wide"), (60, "wider")])
def test_a_wide_formula_is_marked_for_paper(factors: int, kind: str) -> None:
    latex = r"y = \frac{1}{" + r" \, ".join([r"\mathrm{Lm}^{2}"] * factors) + "}"
    formula = html_templates().get_template("macros.html").module.formula  # type: ignore[attr-defined]
    (classes,) = re.findall(r'<div class="([a-z ]+)" role="group"', formula(latex, "law"))
    assert classes.split()[-1] == kind


def test_the_domain_is_in_the_units_of_the_table() -> None:
    celsius = np.linspace(0, 100, 12)
    data = Dataset.from_columns({"T [degC]": celsius, "x [mm]": 2 + celsius, "y [1]": 2 + celsius})
    report = discover(data, "y", scales=["T0 [K]", "x0 [m]"], engine="power_law")
    shown = {s["what"]: (s["low"], s["high"]) for s in strips(report, None)}
    assert shown["x in mm"] == pytest.approx((2.0, 102.0))
    assert shown["T in degC"] == pytest.approx((0.0, 100.0))
    assert "| x in mm | 2 | 102 |" in report.to_markdown()


def test_pages_give_the_share_of_the_variance_of_each_input(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # figures would take most of the time
    monkeypatch.setattr("dimgs.report.figures.draw_figures", lambda report: [])
    rng = np.random.default_rng(0)
    x, z = np.exp(rng.uniform(-1.0, 1.0, (2, 40)))
    table = Dataset.from_columns({"x [m]": x, "z [s]": z, "y [1]": x**2 * z})
    report = discover(table, "y", scales="auto", engine="power_law")
    shares = report.sensitivity
    assert shares is not None
    assert shares["main"]["x"]["value"] > shares["main"]["z"]["value"] > 0.1
    page = report.to_html()
    assert "Shares of the variance of the logarithm of y" in page
    assert percent((shares["shapley"] or shares["total"])["x"]["value"]) in page
    assert "main effect" in report.to_markdown()
