"""From a dropped table to a law that is kept, over HTTP, and who is kept out."""

import io
import json
import re
import zipfile
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from dimgs.hub import Hub
from dimgs.law.law import Law
from dimgs.web.studio import Studio
from tests.web.studio.conftest import TOKEN, Visitor, pipe_csv

# what a browser sends of the table of pipes once its unit is given
CHOSEN = {
    "target": "tau",
    "input": ["U", "D", "rho", "mu"],
    "unit-2": "mm",
    "time_limit": "60",
}


def dropped(visitor: Visitor, content: str = "", name: str = "pipe runs.csv") -> str:
    """Address of a table that was dropped."""
    file = {"table": (name, content or pipe_csv())}
    answer = visitor.client.post("/tables", data={"csrf": visitor.csrf()}, files=file)
    assert answer.status_code == 200, answer.text
    return str(answer.url.path)


def test_only_whoever_has_the_token_comes_in(studio: Studio, table: Path) -> None:
    id = studio.workbench.open(table).id
    with TestClient(studio.application, base_url="http://127.0.0.1:1234") as client:
        for path in ("/", f"/tables/{id}", f"/tables/{id}/law", f"/tables/{id}/files/law.json"):
            answer = client.get(path)
            assert answer.status_code == 403
            assert "pipe" not in answer.text
        assert client.get("/?token=guessed").status_code == 403
        assert client.get(f"/tables/{id}/events").status_code == 204
        assert client.post("/tables", files={"table": ("a.csv", "x [m]\n1\n")}).status_code == 403
        assert client.post(f"/tables/{id}/fit", data=CHOSEN).status_code == 403
        # the token opens the door once, and leaves the address
        answer = client.get(f"/tables/{id}?token={TOKEN}")
        assert str(answer.url) == f"http://127.0.0.1:1234/tables/{id}"
        assert "pipe runs.csv" in answer.text
        cookie = answer.history[0].headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        # but no page of another origin, no other name, and no form of another session
        elsewhere = {"origin": "http://evil.example"}
        assert client.post(f"/tables/{id}/fit", data=CHOSEN, headers=elsewhere).status_code == 403
        assert client.get("/", headers={"host": "evil.example"}).status_code == 421
        answer = client.post(f"/tables/{id}/fit", data={**CHOSEN, "csrf": "guessed"})
        assert answer.status_code == 403
    assert studio.workbench.table(id).study is None


def test_scripts_come_from_the_server_alone(visitor: Visitor) -> None:
    policy = visitor.client.get("/").headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy
    page = visitor.client.get(dropped(visitor)).text
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|https?://", page)


def test_what_a_file_is_called_and_holds_stays_text(visitor: Visitor) -> None:
    name = "../../<img src=x onerror=alert(1)>.csv"
    path = dropped(visitor, "<b>a</b> [m],b [m]\n1,2\n2,3\n3,4\n", name)
    page = visitor.client.get(path).text
    assert "<b>a</b>" not in page
    assert "<img" not in page
    (sheet,) = visitor.studio.workbench.sheets
    assert sheet.path.resolve().is_relative_to(visitor.studio.workbench.folder.resolve())


def test_a_file_that_is_no_table_is_one_sentence(visitor: Visitor) -> None:
    for name, content in (("a.docx", "x"), ("a.csv", ""), ("a.xlsx", "no workbook")):
        file = {"table": (name, content)}
        answer = visitor.client.post("/tables", data={"csrf": visitor.csrf()}, files=file)
        assert answer.status_code == 400
        assert "Traceback" not in answer.text
        assert 'role="alert"' in answer.text
    assert visitor.studio.workbench.sheets == []
    assert visitor.client.get("/tables/none").status_code == 404


def test_groups_appear_with_their_names_as_inputs_are_ticked(visitor: Visitor) -> None:
    path = dropped(visitor)
    page = visitor.send(path, **CHOSEN).text
    assert "Reynolds number" in page
    assert page.count('<li class="response">') == 1
    # a wrong unit of the target is out of reach, and the remedy is told
    page = visitor.send(path, **{**CHOSEN, "unit-7": "K"}).text
    assert "Reynolds number" not in page
    assert 'class="headline"' in page
    assert "corrected from Pa" in page
    # other repeating variables, other groups
    page = visitor.send(path, **CHOSEN, repeating="D,mu,rho").text
    assert 'value="D,mu,rho" selected' in page


def test_a_law_is_fitted_taken_away_and_kept(visitor: Visitor, tmp_path: Path) -> None:
    path = dropped(visitor)
    page = visitor.send(f"{path}/fit", **CHOSEN).text
    assert "</span> Confirmed</p>" in page
    command = (
        "dimgs fit &#39;pipe runs.csv&#39; --target tau --columns U,D,rho,mu,fluid --units D=mm"
    )
    assert command in page

    def taken(name: str) -> bytes:
        answer = visitor.client.get(f"{path}/files/{name}")
        assert answer.status_code == 200, name
        # never a page of this origin
        assert answer.headers["content-disposition"].startswith("attachment")
        return bytes(answer.content)

    law = Law.from_json(json.loads(taken("law.json")))
    assert law.target.name == "tau"
    assert taken("collapse.svg").startswith(b"<?xml")
    assert taken("collapse.pdf").startswith(b"%PDF")
    assert taken("collapse.png").startswith(b"\x89PNG")
    assert b"</html>" in taken("report.html")
    assert b"\\begin{document}" in taken("law.tex")
    names: dict[str, object] = {}
    exec(compile(taken("law.py"), "law.py", "exec"), names)
    assert visitor.client.get(f"{path}/files/..%2Flaw.json").status_code == 404
    assert visitor.client.get(f"{path}/files/other.svg").status_code == 400
    assert "The law has no rival" in visitor.send(f"{path}/next").text
    hub = tmp_path / "laws.sqlite"
    assert "Kept with 30 runs" in visitor.send(f"{path}/keep", hub=str(hub)).text
    with Hub(hub) as kept_in:
        assert [e["kind"] for e in kept_in.listed(kind="law")] == ["law"]
    # a law of another question says so
    assert "belongs to other settings" not in visitor.client.get(path).text
    assert "belongs to other settings" in visitor.send(path, **{**CHOSEN, "input": ["U"]}).text


def test_what_cannot_be_asked_is_reported_beside_the_law(visitor: Visitor) -> None:
    path = dropped(visitor)
    assert "Choose a target first" in visitor.send(f"{path}/fit").text
    few = {**CHOSEN, "input": ["U"]}
    page = visitor.send(f"{path}/discover", **few, scales="M0 [nonsense]").text
    assert 'role="alert"' in page
    assert "no law yet" in visitor.send(f"{path}/next").text
    assert "There is no law to keep" in visitor.send(f"{path}/keep", hub="a.sqlite").text
    assert visitor.client.get(f"{path}/files/law.json").status_code == 400


def test_without_a_script_the_page_works_too(visitor: Visitor) -> None:
    path = dropped(visitor)
    answer = visitor.client.post(path, data={"csrf": visitor.csrf(), **CHOSEN})
    assert answer.url.path == path
    assert "Reynolds number" in answer.text
    answer = visitor.client.post(f"{path}/fit", data={"csrf": visitor.csrf()})
    assert "Choose a target first" in answer.text


def test_inputs_of_both_signs_are_searched(visitor: Visitor) -> None:
    places = [k / 4 - 1 for k in range(9)]
    rows = "".join(f"{x},{1 + x * x},{3 * x - 1}\n" for x in places)
    path = dropped(visitor, f"x [m],z [m],y [m]\n{rows}")
    asked = {"target": "y", "input": ["x", "z"], "time_limit": "1"}
    assert 'id="stop"' in visitor.send(f"{path}/discover", **asked).text
    search = visitor.studio.workbench.table(path.rpartition("/")[2]).search
    assert search is not None
    search.stop()


@pytest.mark.slow
def test_a_search_reports_its_candidates_and_stops(visitor: Visitor) -> None:
    path = dropped(visitor)
    assert 'id="stop"' in visitor.send(f"{path}/discover", **CHOSEN).text
    events: list[str] = []
    stopped = False
    with visitor.client.stream("GET", f"{path}/events") as stream:
        for line in stream.iter_lines():
            events.append(line)
            if not stopped and "<td" in line:
                stopped = True
                search = visitor.studio.workbench.table(path.rpartition("/")[2]).search
                assert search is not None
                search.stop()
    assert stopped
    assert "event: over" in events
    page = visitor.client.get(f"{path}/law").text
    assert "Download" in page
    assert "interrupted" in page
    content = visitor.client.get(f"{path}/files/everything.zip").content
    with zipfile.ZipFile(io.BytesIO(content)) as box:
        assert {"report.html", "law.json", "figures/collapse.pdf"} <= set(box.namelist())
