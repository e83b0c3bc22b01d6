"""The pages in a real browser: a review from signing in to its effect, by mouse and by keyboard."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dimgs.hub import Hub
from dimgs.web.serving import listening, serving
from tests.hub.records import record
from tests.similitude.films import filled
from tests.web.conftest import PASSWORD

playwright = pytest.importorskip("playwright.sync_api")
_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
_CONTRAST = (Path(__file__).parents[1] / "report" / "contrast.js").read_text(encoding="utf-8")
_WIDTH = "document.documentElement.scrollWidth"
SIZES = {"phone": (400, 850), "desktop": (1280, 900)}


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A hub with a question, its answer and what that rests on, served in a thread."""
    with Hub(tmp_path / "group.sqlite", user="anna") as hub:
        hub.set_user("rita", "reviewer", PASSWORD)
        asked = hub.add({"kind": "question", "text": "How fast does a film of 2 mm empty?"})
        plan = hub.add({"kind": "protocol", "text": "A campaign of films", "kernel": "film"})
        inputs = {"D": (1.0, "um^2/s"), "t": (2.0, "s")}
        runs = [record(str(k), inputs={**inputs, "l": (1.0 + k, "mm")}) for k in range(9)]
        links = [("derived", id) for id in (plan, *hub.add_runs(runs, [("derived", plan)]))]
        law = hub.add_linked({"kind": "law", "expression": "t = l^2/D"}, links)
        answer = {"kind": "answer", "answer": {"value": 4.1, "unit": "s", "low": 3.9, "high": 4.3}}
        hub.add_linked(answer, [("derived", law), ("answers", asked)])
        filled(hub, 12)
        at = {"a": "1 mm^2/s", "r": "1 mm", "t": "5 s", "dT": "20 K"}
        cool = {"kind": "question", "text": "How far does it cool?", "target": "drop"}
        hub.add({**cool, "kernel": "cooling", "inputs": at, "tags": ["cool"]})
        listener, where = listening("127.0.0.1", 0)
        server = serving(hub, where, ["127.0.0.1"], False)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield where
        server.should_exit = True
        thread.join(20)
        listener.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if _CHROMIUM is None:
        pytest.skip("no Chromium on this machine: install it")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=_CHROMIUM, args=_FLAGS.split())
        yield chromium
        chromium.close()


# no answer is on its way, or being put into the page: what is typed meanwhile would be lost
_QUIET = "() => !document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling')"


def focus(page: Any, selector: str) -> None:
    """Move on by the tabulator until an element has the focus; a form in exchange is waited for."""
    page.wait_for_function(_QUIET)
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", selector
            return
    raise AssertionError(f"{selector} is not reached by the keyboard")


@pytest.mark.parametrize("size", SIZES)
def test_a_reviewer_signs_in_reads_and_reviews(browser: Any, address: str, size: str) -> None:
    width, height = SIZES[size]
    scheme = "dark" if size == "phone" else "light"
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda m: said.append(m.text))
    page.on("pageerror", lambda e: said.append(str(e)))
    page.on("request", lambda r: asked.append(r.url))

    def looked_at() -> None:
        assert page.evaluate(_WIDTH) == width, page.url
        low = page.evaluate(_CONTRAST)
        assert low["checked"] > 10
        assert low["failing"] == [], page.url

    page.goto(f"{address}/sign-in")
    looked_at()
    # signing in by the keyboard alone
    focus(page, "#name")
    page.keyboard.type("rita")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{address}/")
    looked_at()
    focus(page, "#answered .entries a")
    page.keyboard.press("Enter")
    page.wait_for_selector("#evidence")
    looked_at()
    # from the question by the graph of evidence to its answer
    page.locator("#evidence svg a", has_text="answer").first.click()
    page.wait_for_selector("h2:text('Answer')")
    assert page.locator("h1").inner_text() == "4.1 [3.9, 4.3] s"
    assert page.locator("#evidence svg g").count() >= 4
    boxes = page.locator("#evidence rect")
    assert all(boxes.nth(k).bounding_box()["width"] > 90 for k in range(boxes.count()))
    looked_at()
    # a review by the keyboard
    focus(page, "select[name=verdict]")
    page.keyboard.type("reject")
    focus(page, "textarea[name=text]")
    page.keyboard.type("Films *swell*.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#reviews em")
    assert page.locator("header .state.disputed").is_visible()
    page.goto(f"{address}/")
    assert page.locator("#open .state.recheck").count() == 1
    # the search answers as one types, without another page
    page.goto(f"{address}/entries")
    before = len(asked)
    page.locator("#text").press_sequentially("campaign of films")
    page.wait_for_selector("#found li:first-child:last-child")
    assert all("/entries?" in url for url in asked[before:])
    page.goto(f"{address}/map?kernel=film")
    assert page.locator("#drawn circle").count() == 9
    looked_at()
    # on the map of a question, a click proposes the run there
    page.goto(f"{address}/entries?tag=cool")
    page.locator("#found a").click()
    page.locator("a", has_text="the most informative next run").click()
    looked_at()
    page.locator(".cell").nth(130).click()
    page.wait_for_selector("#run-h")
    assert page.locator("path.chosen").count() == 1
    looked_at()
    focus(page, "form[method=post][action$=around] button")
    page.keyboard.press("Enter")
    page.wait_for_selector("h2:text('Job')")
    assert said == []
    assert all(url.startswith(address) for url in asked)
    context.close()
