"""`dimgs ask` as it is typed."""

from pathlib import Path

import pytest

from tests.cli.runner import Shell

AT = "D=1e-14 m^2/s, l=0.1 mm, t=10 day, K=1, h=1e-8 m/s, C0=1 kg/m^3, A=6 dm^2, V=1 l"
LARGER = "D=1e-14 m^2/s, l=0.2 mm, t=40 day, K=1, h=5e-9 m/s, C0=10 kg/m^3, A=24 dm^2, V=8 l"


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path, capsys)


def test_from_no_run_to_another_size(shell: Shell, tmp_path: Path) -> None:
    ask = ["ask", "CF", "--kernel", "diffusion-series", "--hub", str(tmp_path / "hub.sqlite")]
    assert "dimgs hub init" in shell.refused(*ask, "--at", AT)
    made = shell(*ask, "--at", AT, "--run", "--json")
    assert (made.code, made.document["how"]) == (0, "campaign")
    refused = shell(*ask, "--at", LARGER, "--json")
    assert (refused.code, refused.document["answer"]) == (1, None)
    advice = f"hub check-card diffusion-series --hub {ask[-1]}"
    assert advice in refused.document["missing"][-1]
    assert shell("hub", "check-card", "diffusion-series", *ask[-2:]).code == 0
    answer = shell(*ask, "--at", LARGER, "--json").document
    assert answer["how"] == "similitude"
    assert answer["answer"]["value"] == pytest.approx(10 * made.document["answer"]["value"])
    assert set(answer["answer"]) == {"value", "unit", "low", "high"}
    text = shell(*ask, "--at", LARGER).out
    assert "CF is 0.0536" in text
    assert answer["evidence"][0]["id"][:12] in text
    film = [1e-14, 0.1, 10, 1, 1e-8, 1, 6, 1]
    header = "D [m^2/s],l [mm],t [day],K [1],h [m/s],C0 [kg/m^3],A [dm^2],V [l]"
    table = shell.table(header, [film, [*film[:2], 9000, *film[3:]]])
    many = shell(*ask, "--at", table, "--json")
    assert many.code == 1
    assert [a["how"] for a in many.document["answers"]] == ["run", "campaign"]
    both = shell("ask", "CF", "fraction", *ask[2:], "--at", table, "--json")
    answers = both.document["targets"]
    assert answers["CF"] == many.document
    assert [len(answers[name]["answers"]) for name in answers] == [2, 2]


def test_what_cannot_be_asked_is_reported(shell: Shell, tmp_path: Path) -> None:
    hub = str(tmp_path / "hub.sqlite")
    assert shell("hub", "init", "--hub", hub).code == 0
    ask = ["ask", "CF", "--hub", hub]
    assert "No point is given" in shell.refused(*ask, "--kernel", "diffusion")
    assert "Neither a kernel" in shell.refused(*ask, "--at", AT)
    assert "names no inputs" in shell.refused(*ask, "--kernel", "diffusion", "--at", "fast")
    assert "given twice" in shell.refused(*ask, "--kernel", "diffusion", "--at", "D=1, D=2")
    assert "tolerance" in shell.refused(*ask, "--at", AT, "--tolerance", "0", "--kernel", "x")


def test_runs_of_a_table_have_no_card_to_check(shell: Shell, tmp_path: Path) -> None:
    lines = ["h [cm],v [m/s]", "10,1.37", "25,2.17", "50,3.04", "100,4.28", "160,5.43", "240,6.68"]
    (tmp_path / "jet.csv").write_text("\n".join(lines))
    hub = ["--hub", str(tmp_path / "hub.sqlite")]
    kept = shell("discover", str(tmp_path / "jet.csv"), "--target", "v", "--constants", "g", *hub)
    assert kept.code == 0
    asked = ("ask", "v", "--kernel", "jet", "--at", "h=30 m", *hub, "--json")
    assert shell(*asked).document["how"] == "law"
    refused = shell(*asked, "--tolerance", "0.01").document
    assert "nothing with h above 240 cm; the point has 3e+03" in refused["missing"][0]
    assert "nothing but runs is known of jet" in refused["missing"][1]
    assert not any("check-card" in text for text in refused["missing"])
