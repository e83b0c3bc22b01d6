"""The page in a real browser: layout, keyboard, contrast, colour schemes, no network."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dimgs.report.render import report_html
from tests.report.examples import drawings_of, report_of
from tests.report.test_page import with_front

playwright = pytest.importorskip("playwright.sync_api")
_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
SIZES = {"phone": (390, 844), "desktop": (1280, 900)}
_CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if _CHROMIUM is None:
        pytest.skip("no Chromium on this machine: install it")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=_CHROMIUM, args=_FLAGS.split())
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("pages")
    out = {}
    for kind in ("pipe", "regimes", "odd"):
        path = folder / f"{kind}.html"
        report = with_front(report_of(kind))
        # a monomial without a blank, longer than a phone is wide
        report = replace(report, warnings=(*report.warnings, "Lm^(41/77)·Lv^(2/7)·cp^(-9/11)·" * 3))
        text = report_html(report, drawings_of(kind))
        path.write_text(text, encoding="utf-8")
        out[kind] = path.as_uri()
    return out


class Seen:
    """A page with what its browser complained of and asked for."""

    def __init__(self, browser: Any, url: str, size: str, **options: Any) -> None:
        width, height = SIZES[size]
        self.context = browser.new_context(viewport={"width": width, "height": height}, **options)
        self.page = self.context.new_page()
        self.messages: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda m: self.messages.append(m.text))
        self.page.on("pageerror", lambda e: self.messages.append(str(e)))
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.page.goto(url)

    def box(self, selector: str) -> dict[str, float]:
        bounds = self.page.locator(selector).first.bounding_box()
        assert bounds is not None, selector
        return dict(bounds)


@pytest.mark.parametrize("kind", ["pipe", "regimes", "odd"])
@pytest.mark.parametrize("size", SIZES)
def test_nothing_overflows_fails_or_asks_the_network(
    browser: Any, files: dict[str, str], kind: str, size: str
) -> None:
    seen = Seen(browser, files[kind], size)
    width = seen.page.evaluate("document.documentElement.scrollWidth")
    assert width == SIZES[size][0]
    seen.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert seen.page.evaluate("document.documentElement.scrollWidth") == SIZES[size][0]
    assert seen.messages == []
    assert seen.requests == [files[kind]]
    seen.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(browser: Any, files: dict[str, str], scheme: str) -> None:
    seen = Seen(browser, files["pipe"], "desktop", color_scheme=scheme)
    seen.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    low = seen.page.evaluate(_CONTRAST)
    assert low["checked"] > 100
    assert low["failing"] == []
    paper = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(x) for x in paper[4:-1].split(",")) / 3
    assert (brightness > 128) == (scheme == "light")
    seen.context.close()


def test_the_keyboard_reaches_and_moves_the_candidates(browser: Any, files: dict[str, str]) -> None:
    seen = Seen(browser, files["pipe"], "desktop")
    order = []
    for _ in range(80):
        seen.page.keyboard.press("Tab")
        name = seen.page.evaluate("document.activeElement.id || document.activeElement.className")
        order.append(name)
        if name == "c1":
            break
    assert order[0] == "skip"
    assert order[-1] == "c1"
    assert seen.page.locator("#p1").is_visible()
    seen.page.keyboard.press("ArrowRight")
    assert seen.page.evaluate("document.activeElement.id") == "c2"
    assert seen.page.locator("#p2").is_visible()
    assert not seen.page.locator("#p1").is_visible()
    outline = seen.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    seen.context.close()


@pytest.mark.parametrize("script", [True, False])
def test_candidates_are_chosen_with_or_without_a_script(
    browser: Any, files: dict[str, str], script: bool
) -> None:
    seen = Seen(browser, files["pipe"], "desktop", java_script_enabled=script)
    seen.page.locator("#c3").click()
    assert seen.page.locator("#p3").is_visible()
    assert seen.page.locator(".panel:visible").count() == 1
    seen.context.close()


def test_regions_stand_where_the_design_puts_them(browser: Any, files: dict[str, str]) -> None:
    wide = Seen(browser, files["pipe"], "desktop")
    law, statement, lead = (
        wide.box(s) for s in ("#law > .formula", "#law .statement", "#law .lead")
    )
    assert law["width"] > 0.75 * 1280
    assert statement["x"] + statement["width"] <= lead["x"]
    assert abs(statement["y"] - lead["y"]) < 5
    assert law["y"] + law["height"] <= lead["y"]
    tiles = [wide.page.locator(".tile").nth(k).bounding_box() for k in range(4)]
    assert len({round(t["y"]) for t in tiles}) == 1
    figures = [wide.page.locator(".gallery figure").nth(k).bounding_box() for k in range(2)]
    assert figures[0]["y"] == figures[1]["y"]
    assert figures[0]["x"] + figures[0]["width"] < figures[1]["x"]
    narrow = Seen(browser, files["pipe"], "phone")
    lead, figure = narrow.box("#law .lead"), narrow.box(".gallery figure")
    assert lead["width"] > 0.85 * 390
    assert figure["width"] == pytest.approx(lead["width"], abs=2)
    tops = narrow.page.evaluate(
        "[...document.querySelectorAll('main > section')].map(s => s.getBoundingClientRect().top)"
    )
    assert tops == sorted(tops)
    for seen in (wide, narrow):
        seen.context.close()


@pytest.mark.parametrize("size", SIZES)
def test_no_two_texts_lie_on_each_other(browser: Any, files: dict[str, str], size: str) -> None:
    seen = Seen(browser, files["regimes"], size)
    boxes = seen.page.evaluate(
        "[...document.querySelectorAll('h1,h2:not(.quiet),h3,p,li,dt,dd,td,th,caption,figcaption')]"
        ".filter(e => !e.querySelector('p,li,dt,dd,td') && e.offsetParent && "
        "!e.closest('.axis,nav,details:not([open])'))"
        ".map(e => {const r = e.getBoundingClientRect();"
        "return [r.left, r.top, r.right, r.bottom, e.textContent.slice(0, 30)]})"
    )
    assert len(boxes) > 40
    for i, (left, top, right, bottom, text) in enumerate(boxes):
        for other in boxes[i + 1 :]:
            across = min(right, other[2]) - max(left, other[0])
            down = min(bottom, other[3]) - max(top, other[1])
            assert not (across > 3 and down > 3), (text, other[4])
    seen.context.close()


def test_print_is_white_and_shows_every_candidate(browser: Any, files: dict[str, str]) -> None:
    seen = Seen(browser, files["pipe"], "desktop", color_scheme="dark")
    seen.page.emulate_media(media="print")
    assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == (
        "rgb(255, 255, 255)"
    )
    assert seen.page.locator(".panel:visible").count() == 3
    assert not seen.page.locator("nav").is_visible()
    assert seen.page.pdf().startswith(b"%PDF")
    seen.context.close()


def test_formulas_are_typeset(browser: Any, files: dict[str, str]) -> None:
    seen = Seen(browser, files["pipe"], "desktop")
    fraction = seen.page.evaluate(
        "(() => {const [a, b] = document.querySelector('#law mfrac').children;"
        "return [a, b].map(e => e.getBoundingClientRect().top)})()"
    )
    assert fraction[0] + 10 < fraction[1]
    seen.context.close()
