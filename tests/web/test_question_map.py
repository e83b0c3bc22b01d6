"""The map about a question: how well it is known around it, and the next run."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from dimgs.hub import Hub
from dimgs.similitude.augment import Expected
from tests.similitude.films import Cooling, filled
from tests.web.conftest import Person

AT = "a=1 mm^2/s, r=1 mm, t=5 s, dT=20 K"


@pytest.fixture
def question(hub: Hub, person: Callable[[str], Person]) -> str:
    """A question among twenty runs."""
    filled(hub, 20)
    sent = person("contributor").send(
        "/ask", text="How far does it cool?", target="drop", kernel="cooling", at=AT
    )
    return str(sent.headers["location"].rpartition("/")[2])


def test_the_map_shows_runs_the_question_and_lines(
    hub: Hub, question: str, anybody: TestClient
) -> None:
    assert "the most informative next run" in anybody.get(f"/entries/{question}").text
    # of itself it takes inputs, though the second group that is offered on maps is an output
    assert anybody.get(f"/entries/{question}/around").status_code == 200
    page = anybody.get(f"/entries/{question}/around?x=a*t/r^2&y=dT").text
    assert page.count("<circle") == 24
    assert page.count('class="cell"') == 18 * 14
    assert 'class="level"' in page
    wrong = anybody.get(f"/entries/{question}/around?x=a*t/r^2&y=r^2/a/t")
    assert (wrong.status_code, "the same direction" in wrong.text) == (400, True)
    assert anybody.get(f"/entries/{question}/around?x=drop&y=dT").status_code == 400
    other = hub.add({"kind": "question", "text": "Why?"})
    assert "has no target" in anybody.get(f"/entries/{other}/around").text


def test_a_place_that_is_chosen_is_the_run_and_becomes_a_job(
    hub: Hub, question: str, person: Callable[[str], Person], anybody: TestClient
) -> None:
    page = anybody.get(f"/entries/{question}/around?x=a*t/r^2&y=dT").text
    (best,) = re.findall(r'<a href="([^"]+)">The most informative run on this map', page)
    assert "Sign in" in anybody.get(unescape(best)).text
    carl = person("contributor")
    chosen = carl.client.get(unescape(best)).text
    form = chosen[chosen.index("<table") :]
    fields = dict(re.findall(r'name="(x|y|across|up)" value="([^"]*)"', form))
    sent = carl.send(f"/entries/{question}/around", **{k: unescape(v) for k, v in fields.items()})
    job = hub.get(sent.headers["location"].rpartition("/")[2])
    assert (job["kind"], job["content"]["kernel"]) == ("job", "cooling")
    given = {n: q["value"] for n, q in job["content"]["inputs"].items()}
    fourier = given["a"] * given["t"] / given["r"] ** 2
    assert fourier == pytest.approx(10 ** float(fields["across"]), rel=1e-6)
    assert given["dT"] == pytest.approx(10 ** float(fields["up"]), rel=1e-6)
    assert {"type": "answers", "from": job["id"], "to": question} in job["links"]
    # a job answers no question before it has run
    assert hub.get(question)["state"] == "open"


def test_a_run_narrows_the_interval_as_predicted(hub: Hub, question: str) -> None:
    expected = Expected.of(hub, hub.get(question)["content"])
    names = expected.origin.table.names
    here = np.zeros((1, len(names)))
    there = np.zeros((1, len(names)))
    there[0, names.index("t")] = 4.0
    assert expected.half_widths(there * 2, 0.9) > expected.half_widths(there, 0.9)
    expected_factor = float(expected.narrowing(there)[0])
    assert 1.0 <= expected_factor < float(expected.narrowing(here)[0])
    inputs: dict[str, Any] = expected.inputs(there[0])
    known = Cooling()
    hub.add_runs([known.run({n: q["value"] for n, q in inputs.items()})])
    after = Expected.of(hub, hub.get(question)["content"])
    fresh = type(expected)(after.origin, after.near, expected.hyper)
    # with what is known of the target's changes as it was, the interval is as it was told
    widths = [one.half_widths(here, 0.9) for one in (expected, fresh)]
    assert float((widths[0] / widths[1])[0]) == pytest.approx(expected_factor, rel=0.1)
