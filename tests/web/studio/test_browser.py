"""The workbench in a real browser: from a dropped table to a law, by mouse and by keyboard."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dimgs.law.law import Law
from tests.web.test_browser import _CHROMIUM, _CONTRAST, _WIDTH, SIZES, browser, focus

__all__ = ["browser"]
ROOT = Path(__file__).resolve().parents[3]
# elements that reach beyond the page
_WIDER = """() => [...document.querySelectorAll("body *")]
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
  .map((e) => `${e.tagName} ${e.id} ${e.className.baseVal ?? e.className}`).slice(0, 9)"""
# a search, and pages that are drawn, on a machine that is busy
_LONG = 120_000
pytestmark = pytest.mark.skipif(_CHROMIUM is None, reason="no Chromium on this machine")


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """What `dimgs studio` prints; its process is told to end in the end."""
    words = [sys.executable, "-m", "dimgs", "studio", "--no-browser", "--json"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["address"]
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def look(page: Any, width: int) -> None:
    """Nothing is too wide or too pale, and a checker of accessibility finds nothing."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    assert page.evaluate(_WIDTH) == width, page.evaluate(_WIDER)
    low = page.evaluate(_CONTRAST)
    assert low["checked"] > 5
    assert low["failing"] == []
    violations = axe.Axe().run(page).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in violations] == []


@pytest.fixture
def opened(browser: Any, address: str) -> Any:
    """Opens a page of a size, on which every word of the console and every request is noted."""
    made = []

    def opened(size: str) -> tuple[Any, list[str]]:
        width, height = SIZES[size]
        scheme = "dark" if size == "phone" else "light"
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        made.append(context)
        page = context.new_page()
        said: list[str] = []
        origin = address.split("/?")[0]
        page.on("console", lambda m: said.append(m.text))
        page.on("pageerror", lambda e: said.append(str(e)))
        page.on(
            "request",
            lambda r: None if r.url.startswith((origin, "data:", "blob:")) else said.append(r.url),
        )
        page.goto(address)
        assert page.url == origin + "/"
        return page, said

    yield opened
    for context in made:
        context.close()


def test_a_dropped_table_becomes_a_law_on_a_phone(opened: Any, table: Path, tmp_path: Path) -> None:
    page, said = opened("phone")
    look(page, 400)
    page.set_input_files("#table", str(table))
    page.wait_for_selector("#bench")
    assert page.locator("h1").inner_text() == "pipe runs.csv"
    assert page.locator(".doubt").count() == 3
    page.select_option("#target", "tau")
    page.wait_for_selector("#fit")
    page.fill("#unit-2", "mm")
    page.keyboard.press("Tab")
    page.wait_for_selector(".cards:has-text('Reynolds number')")
    # the focus stays where it was although the form is new
    assert page.evaluate("document.activeElement.id") == "input-3"
    assert page.locator("#plot circle").count() == 30
    page.click("#fit")
    page.wait_for_selector("#take", timeout=_LONG)
    assert page.locator(".study .badge.good").is_visible()
    look(page, 400)
    with page.expect_download() as waited:
        page.click("text=law.json")
    waited.value.save_as(tmp_path / "law.json")
    assert Law.from_json(tmp_path / "law.json").target.name == "tau"
    assert said == []


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_the_keyboard_alone_leads_to_a_law_and_to_the_hub(
    opened: Any, table: Path, tmp_path: Path, size: str
) -> None:
    page, said = opened(size)
    width = SIZES[size][0]
    # what a dialogue of the system would do once the keyboard opened it
    page.bring_to_front()
    focus(page, "#table")
    with page.expect_file_chooser() as waited:
        page.keyboard.press("Space")
    waited.value.set_files(str(table))
    page.wait_for_selector("#bench")
    look(page, width)
    focus(page, "#target")
    page.keyboard.type("t")
    page.wait_for_selector("#fit")
    focus(page, "#unit-2")
    page.keyboard.press("Control+a")
    page.keyboard.type("mm")
    page.keyboard.press("Tab")
    page.wait_for_selector(".cards:has-text('Reynolds number')")
    focus(page, "#input-5")
    page.keyboard.press("Space")
    page.wait_for_selector("#input-5:not(:checked)")
    focus(page, "#repeating")
    page.keyboard.type("D")
    page.wait_for_selector("#repeating option[value='D,U,mu'][selected]", state="attached")
    focus(page, "#colour")
    page.keyboard.type("f")
    page.wait_for_selector(".legend")
    look(page, width)
    focus(page, "#discover")
    page.keyboard.press("Enter")
    page.wait_for_selector(".progress td", timeout=_LONG)
    look(page, width)
    before = page.locator("progress").get_attribute("value")
    page.wait_for_function(
        "v => Number(document.querySelector('progress')?.value) > v + 0.5", arg=float(before)
    )
    focus(page, "#stop")
    page.keyboard.press("Enter")
    page.wait_for_selector("#take", timeout=_LONG)
    assert "interrupted" in page.locator("#provenance").inner_text()
    look(page, width)
    focus(page, "#hub")
    page.keyboard.press("Control+a")
    page.keyboard.type(str(tmp_path / "laws.sqlite"))
    page.keyboard.press("Enter")
    page.wait_for_selector("#take .badge.good", timeout=_LONG)
    assert (tmp_path / "laws.sqlite").is_file()
    assert said == []


@pytest.mark.slow
def test_a_search_that_is_left_alone_ends_with_its_law(opened: Any) -> None:
    page, said = opened("desktop")
    page.click("text=Try the planets")
    page.wait_for_selector("#discover")
    page.click("#discover")
    page.wait_for_selector("#take", timeout=_LONG)
    assert page.locator(".study .badge.good").is_visible()
    page.reload()
    assert page.locator(".study .badge.good").is_visible()
    page.goto(page.url.rpartition("/tables")[0])
    assert page.locator(".entries a").inner_text() == "planets.csv"
    assert said == []
