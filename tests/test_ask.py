"""Answers from what a hub holds, and what is missing where there is none."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dimgs
from dimgs.ask import ask
from dimgs.common.errors import InputError
from dimgs.hub import Hub
from dimgs.hub.accounts import set_user
from dimgs.hub.entry import why_unconfirmed
from dimgs.kernels.record import RunRecord
from dimgs.similitude.origin import describe
from tests.similitude.films import Changed, Cooling, filled, inputs

# what a search finds is tested elsewhere
pytestmark = pytest.mark.usefixtures("brief")

FILM = {"a": (2.0, "mm^2/s"), "r": (3.0, "mm"), "t": (4.0, "s"), "dT": (20.0, "K")}


def scaled(at: dict[str, Any], length: float, time: float, hot: float) -> dict[str, Any]:
    """The same question in other sizes, in SI units."""
    (a, _), (r, _), (t, _), (d, _) = (at[n] for n in ("a", "r", "t", "dT"))
    return {
        "a": (a * 1e-6 * length**2 / time, "m^2/s"),
        "r": (r * 1e-3 * length, "m"),
        "t": (t * time, "s"),
        "dT": (d * hot, "K"),
    }


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with Hub(tmp_path_factory.mktemp("hub"), user="anna") as hub:
        hub.add_runs([Cooling().run({n: v for n, (v, _) in FILM.items()})])
        filled(hub, 12)
        yield hub


def test_the_run_itself_answers_in_any_unit(hub: Hub) -> None:
    expected = Cooling().run({n: v for n, (v, _) in FILM.items()}).outputs["drop"][0]
    answer = ask("drop", {**FILM, "t": "0.0666666666667 min"}, hub, kernel=Cooling())
    assert (answer.how, answer.unit) == ("run", "K")
    answer = ask("drop", {**FILM, "r": (0.3, "cm")}, hub, kernel=Cooling())
    assert (answer.how, answer.value) == ("run", expected)
    assert hub.get(answer.evidence[0]["id"])["content"]["outputs"]["drop"]["value"] == expected
    assert {a["input"] for a in answer.assumptions} == {"kind", "tier"}


@given(st.floats(0.1, 10), st.floats(0.1, 10), st.floats(0.1, 10))
def test_equal_groups_answer_in_other_sizes(
    hub: Hub, length: float, time: float, hot: float
) -> None:
    at = scaled(FILM, length, time, hot)
    values = {"a": at["a"][0] * 1e6, "r": at["r"][0] * 1e3, "t": at["t"][0], "dT": at["dT"][0]}
    fresh = Cooling().run(values)
    for target in ("drop", "flux"):
        answer = ask(target, at, hub, kernel=Cooling())
        assert answer.how in ("run", "similitude")
        assert answer.value == pytest.approx(fresh.outputs[target][0], rel=1e-9)


def test_equal_groups_do_not_count_without_a_checked_card(tmp_path: Path) -> None:
    with Hub(tmp_path, user="anna") as hub:
        hub.add_runs([Cooling().run({n: v for n, (v, _) in FILM.items()})])
        hub.add({"kind": "card", "kernel": "cooling", "complete": True})
        answer = ask("drop", scaled(FILM, 2, 1, 1), hub, kernel=Cooling())
        assert answer.value is None
        assert any("check-card" in text for text in answer.missing)
        assert answer.plan is not None


def test_nothing_crosses_labels_versions_or_doubts(tmp_path: Path) -> None:
    at = {n: v for n, (v, _) in FILM.items()}
    with Hub(tmp_path, user="anna") as hub:
        filled(hub, 3)
        (run,) = hub.add_runs([Cooling().run(at)])
        assert ask("drop", FILM, hub, kernel=Cooling()).how == "run"
        assert ask("drop", {**FILM, "kind": "resin"}, hub, kernel=Cooling()).value is None
        assert ask("drop", FILM, hub, kernel=Changed()).value is None
        set_user(hub.database, "eve", "reviewer")
        hub.for_user("eve").review(run, "reject", "The mesh was too coarse.")
        answer = ask("drop", FILM, hub, kernel=Cooling())
        assert run not in {e["id"] for e in answer.evidence}
        assert answer.how != "run"


def test_a_run_without_a_version_displaces_no_version(tmp_path: Path) -> None:
    at = {"l": {"value": 2.0, "unit": "m"}}
    run = {"kind": "run", "kernel": "swing", "inputs": at}
    with Hub(tmp_path, user="anna") as hub:
        hub.add({**run, "outputs": {"T": {"value": 9.0, "unit": "s"}}})
        assert ask("T", {"l": (2.0, "m")}, hub, kernel="swing").value == 9.0
        made = {**run, "outputs": {"T": {"value": 3.0, "unit": "s"}}}
        hub.add({**made, "provenance": {"version": "1"}})
        # by hand, in another unit
        at = {"l": {"value": 200.0, "unit": "cm"}}
        hub.add({**run, "inputs": at, "outputs": {"T": {"value": 8.0, "unit": "s"}}})
        answer = ask("T", {"l": (2.0, "m")}, hub, kernel="swing")
        assert (answer.how, answer.value) == ("run", 3.0)
        hub.add({**made, "inputs": at, "provenance": {"version": "2"}})
        assert describe(hub, "swing").ports["l"].unit == "cm"


def test_a_refusal_names_the_group_and_how_far_it_is(hub: Hub) -> None:
    answer = ask("drop", {**FILM, "t": (4e6, "s")}, hub, kernel=Cooling())
    assert answer.value is None
    assert "a·t·r⁻²" in answer.missing[0]
    assert "decades away" in answer.missing[0]
    document = answer.to_json()
    assert document["answer"] is None
    assert set(document) == {
        "answer", "how", "evidence", "pertinence", "assumptions", "missing", "reviews", "plan",
        "level",
    }  # fmt: skip
    assert document["plan"]["inputs"]["t"] == {"value": 4e6, "unit": "s"}


def test_missing_inputs_are_named_and_slips_refused(hub: Hub) -> None:
    answer = ask("drop", {"a": 1.0}, hub, kernel=Cooling())
    assert answer.how == "none"
    assert [text.split("'")[1] for text in answer.missing] == ["r", "t"]
    with pytest.raises(InputError, match="did you mean 'dT'"):
        ask("drop", {"dTT": 1.0}, hub, kernel=Cooling())
    with pytest.raises(InputError, match="no output 'drip'"):
        ask("drip", FILM, hub, kernel=Cooling())
    with pytest.raises(InputError, match="its port is in"):
        ask("drop", {**FILM, "r": (1.0, "s")}, hub, kernel=Cooling())
    with pytest.raises(InputError, match=r"give --kernel or --physics: .* has runs of cooling"):
        ask("drop", FILM, hub)


def test_a_campaign_answers_where_it_is_asked_for(tmp_path: Path) -> None:
    at = "D=1e-14 m^2/s, l=0.1 mm, t=10 day, K=1, h=1e-8 m/s, C0=1 kg/m^3, A=6 dm^2, V=1 l"
    with Hub(tmp_path, user="anna") as hub:
        planned = ask("CF", at, hub, kernel="diffusion-series")
        assert (planned.how, planned.value) == ("campaign", None)
        made = ask("CF", at, hub, kernel="diffusion-series", run=True)
        assert made.how == "campaign"
        again = ask("CF", at, hub, kernel="diffusion-series")
        assert (again.how, again.value) == ("run", made.value)


def test_a_law_answers_where_its_domain_holds_the_point(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    known = Cooling()
    points = [
        {"a": 1.0, "r": 1.0, "t": float(10 ** rng.uniform(-4, -3)), "dT": 5.0} for _ in range(9)
    ]
    records = [known.run(p) for p in points]
    with Hub(tmp_path, user="anna") as hub:
        ids = hub.add_runs(records)
        law = dimgs.fit(_table(records), "drop").law.to_json()
        entry = {"kind": "law", "kernel": "cooling", "law": law}
        for known_law, edited in ((law, False), ({**law, "level": 0.8}, True)):
            why = why_unconfirmed({"content": {"law": known_law, "confirmed": True}, "state": ""})
            assert any("changed after dimgs wrote it" in text for text in why) == edited
        kept = hub.add_linked(entry, [("derived", i) for i in ids])
        at = {"a": (1.0, "mm^2/s"), "r": (1.0, "mm"), "t": (0.0005, "s"), "dT": (5.0, "K")}
        answer = ask("drop", at, hub, kernel=known)
        assert answer.value == pytest.approx(known.run(
            {n: v for n, (v, _) in at.items()}).outputs["drop"][0], rel=0.01)  # fmt: skip
        assert answer.how in ("near", "law")
        set_user(hub.database, "eve", "reviewer")
        hub.for_user("eve").review(kept, "reject", "Not so.")
        other = ask("drop", at, hub, kernel=known)
        assert kept not in {e["id"] for e in other.evidence}
        # a law and its regimes, which have its id, are named once
        regimes = [{"where": "pi_1 < 1", "law": law}, {"where": "pi_1 >= 1", "law": law}]
        both = hub.add_linked({**entry, "regimes": regimes}, [("derived", i) for i in ids])
        hub.for_user("eve").review(both, "reject", "Not so.")
        at["t"] = (5e3, "s")
        assert sum(both[:12] in text for text in ask("drop", at, hub, kernel=known).missing) == 1


def _table(records: list[RunRecord]) -> Any:
    import pandas as pd

    rows = [{f"{n} [{u}]": v for n, (v, u) in {**r.inputs, **r.outputs}.items()} for r in records]
    return pd.DataFrame(rows)[["a [mm^2/s]", "r [mm]", "t [s]", "dT [K]", "drop [K]"]]


def test_a_stored_question_is_answered_and_the_answer_kept(hub: Hub) -> None:
    question = {
        "kind": "question", "text": "How much?", "target": "drop",
        "kernel": "tests.similitude.films:Cooling",
        "inputs": {n: {"value": v, "unit": u} for n, (v, u) in FILM.items()},
    }  # fmt: skip
    id = hub.add(question)
    answer = ask(id[:12], hub=hub)
    assert answer.how == "run"
    assert hub.get(id)["state"] == "answered"


def test_a_table_of_points_gives_an_answer_each(hub: Hub) -> None:
    table = {
        "a [mm^2/s]": [2.0, 2.0],
        "r [mm]": [3.0, 3.0],
        "t [s]": [4.0, 4e6],
        "dT [K]": [20.0, 20],
    }
    answers = ask("drop", table, hub, kernel=Cooling())
    assert [answer.how for answer in answers] == ["run", "campaign"]


def test_the_module_is_the_function_too() -> None:
    assert dimgs.ask.__name__ in ("ask", "dimgs.ask")
    with pytest.raises(InputError, match="No hub"):
        dimgs.ask("drop", FILM, None, kernel=Cooling())


def test_a_range_of_an_input_gives_a_curve(hub: Hub) -> None:
    at = "a=2 mm^2/s, r=3 mm, dT=20 K, t=1..30 s"
    curve = ask("drop", at, hub, kernel=Cooling())
    assert curve.over == {"input": "t", "unit": "s", "values": curve.over["values"]}
    times = np.array(curve.over["values"])
    assert (times[0], times[-1], len(times)) == (1.0, 30.0, 13)
    fresh = [
        Cooling().run({"a": 2.0, "r": 3.0, "dT": 20.0, "t": t}).outputs["drop"][0] for t in times
    ]
    held = (np.array(curve.low) <= fresh) & (np.array(curve.high) >= fresh)
    assert held.mean() > 0.7
    np.testing.assert_allclose(curve.value, fresh, rtol=0.1)
    assert curve.to_json()["answer"]["over"]["input"] == "t"
    one = ask("drop", at.replace("1..30 s", f"{times[4]} s"), hub, kernel=Cooling())
    assert curve.value[4] == pytest.approx(one.value, rel=1e-9)
    far = ask("drop", at.replace("1..30 s", "1..1e6 s"), hub, kernel=Cooling())
    assert far.value[0] is not None
    assert far.value[-1] is None
    assert far.pertinence["relevant"] is False
    assert "decades away" in " ".join(far.missing)
    with pytest.raises(InputError, match="A curve is over one input"):
        ask("drop", at.replace("r=3 mm", "r=1..3 mm"), hub, kernel=Cooling())


def test_several_targets_are_answered_at_once(hub: Hub) -> None:
    both = ask(["drop", "flux", "drop"], FILM, hub, kernel=Cooling())
    assert list(both) == ["drop", "flux"]
    assert all(answer == ask(name, FILM, hub, kernel=Cooling()) for name, answer in both.items())
    table = {
        "a [mm^2/s]": [2.0, 4.0],
        "r [mm]": [3.0, 3.0],
        "t [s]": [4.0, 2.0],
        "dT [K]": [20.0, 20.0],
    }
    rows = ask(["drop", "flux"], table, hub, kernel=Cooling())
    assert [len(rows[name]) for name in rows] == [2, 2]
    assert all(answer.how in ("run", "similitude") for name in rows for answer in rows[name])


def test_runs_of_one_kernel_answer_for_the_physics_that_it_tells(tmp_path: Path) -> None:
    film = {"D": (1e-14, "m^2/s"), "l": (0.1, "mm"), "t": (10, "day"), "K": 1.0,
            "h": (1e-8, "m/s"), "C0": 1.0, "A": (6, "dm^2"), "V": (1, "l")}  # fmt: skip
    with Hub(tmp_path, user="anna") as hub:
        made = ask("CF", film, hub, kernel="diffusion-series", run=True)
        answer = ask("CF", film, hub, physics="migration")
        assert (answer.how, answer.value) == ("run", made.value)
        (card,) = hub.listed(kind="card")
        # what a group says of its kernel stays
        again = hub.add({"kind": "card", "kernel": "diffusion-series", "physics": "drying"})
        ask("CF", {**film, "t": (20, "day")}, hub, kernel="diffusion-series", run=True)
        assert {c["id"] for c in hub.listed(kind="card")} == {card["id"], again}


@pytest.mark.parametrize(("written", "low", "high"), [("3 ± 0.2 mm", 2.8, 3.2), (None, 2.84, 3.16)])
def test_the_interval_of_an_answer_holds_for_the_interval_of_an_input(
    hub: Hub, written: str | None, low: float, high: float
) -> None:
    if written is None:
        # what stands in r_err is a standard error
        table = {"a [mm^2/s]": [2.0], "r [mm]": [3.0], "r_err [mm]": [0.1], "t [s]": [4.0],
                 "dT [K]": [20.0]}  # fmt: skip
        (answer,) = ask("drop", table, hub, kernel=Cooling())
    else:
        answer = ask("drop", {**FILM, "r": written}, hub, kernel=Cooling())
    middle = ask("drop", FILM, hub, kernel=Cooling())
    assert (answer.value, answer.how) == (pytest.approx(middle.value, rel=1e-9), "near")
    for r in np.linspace(low, high, 7):
        fresh = Cooling().run({"a": 2.0, "r": r, "dT": 20.0, "t": 4.0}).outputs["drop"][0]
        assert answer.low <= fresh <= answer.high
    (read,) = [a for a in answer.assumptions if a["input"] == "r"]
    assert ("gives bounds" if written else "a standard error") in read["source"]


def test_an_interval_that_is_not_answered_whole_is_open(hub: Hub) -> None:
    far = ask("drop", {**FILM, "r": "3 mm ± 99 %"}, hub, kernel=Cooling())
    assert far.value is None
    assert far.missing[0].startswith("in the interval of r: ")
    with pytest.raises(InputError, match="at most 3"):
        ask("drop", dict.fromkeys(FILM, "3 ± 1 m"), hub, kernel=Cooling())


@pytest.mark.parametrize("written", ["0.48 (3) mm", "12 µm (0.5 mil)", "20-200 µm", "1,5 mm"])
def test_a_text_with_another_reading_answers_nothing(hub: Hub, written: str) -> None:
    with pytest.raises(InputError, match="'r' is"):
        ask("drop", {**FILM, "r": written}, hub, kernel=Cooling())
    with pytest.raises(InputError, match="'r' is"):
        ask("drop", f"a=2 mm^2/s, r={written}, dT=20 K, t=4 s", hub, kernel=Cooling())


def test_kernels_of_one_physics_that_differ_give_no_answer(tmp_path: Path) -> None:
    """Each is sure; which of them is meant is for the one who asks to say."""
    with Hub(tmp_path / "hub.sqlite", user="anna") as hub:
        for name, factor in (("new", 1.0), ("old", 1.5), ("twin", 1.001)):
            hub.add({"kind": "card", "kernel": name, "physics": "pipe"})
            inputs: dict[str, Any] = {"U": {"value": 0.1, "unit": "m/s"}}
            if name == "old":
                inputs["rough"] = {"value": 0.0, "unit": "mm"}
            f = {"value": 0.02 * factor, "unit": "1"}
            hub.add({"kind": "run", "kernel": name, "tier": "only", "inputs": inputs,
                     "outputs": {"f": f}})  # fmt: skip
        # the input that one of them lacks says which is meant
        smooth = ask("f", {"U": "0.1 m/s"}, hub, physics="pipe")
        assert smooth.value == pytest.approx(0.02)
        named = [a["value"]["value"] for a in smooth.assumptions if a["input"] == "kernel"]
        assert named == ["new"]
        assert ask("f", {"U": "0.1 m/s", "rough": "0 mm"}, hub, physics="pipe").value == 0.03
        hub.add({"kind": "run", "kernel": "twin", "tier": "only",
                 "inputs": {"U": {"value": 0.2, "unit": "m/s"}},
                 "outputs": {"f": {"value": 0.04, "unit": "1"}}})  # fmt: skip
        hub.add({"kind": "run", "kernel": "new", "tier": "only",
                 "inputs": {"U": {"value": 0.2, "unit": "m/s"}},
                 "outputs": {"f": {"value": 0.01, "unit": "1"}}})  # fmt: skip
        differing = ask("f", {"U": "0.2 m/s"}, hub, physics="pipe")
        assert differing.value is None
        assert "new says 0.01 and twin says 0.04" in differing.missing[0]


def test_an_input_that_all_runs_share_need_not_be_given(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    records = [Cooling().run({**inputs(rng), "dT": 20.0}) for _ in range(6)]
    at = {n: q for n, q in records[0].inputs.items() if n not in ("dT", "kind")}
    with Hub(tmp_path, user="anna") as hub:
        hub.add_runs(records[:2])
        # two runs vary too little to tell
        assert "'dT' in K" in ask("drop", at, hub, kernel="cooling", load=False).missing[0]
        hub.add_runs(records)
        answer = ask("drop", at, hub, kernel="cooling", load=False)
        assert answer.value == records[0].outputs["drop"][0]
        (held,) = [a for a in answer.assumptions if a["input"] == "dT"]
        assert held["value"] == {"value": 20.0, "unit": "K"}
        assert held["source"] == "value of all runs of cooling"
        assert {"input", "value", "source"} == set(held)
        assert "kind" in {a["input"] for a in answer.assumptions}
        hub.add_runs([Cooling().run({**inputs(rng), "dT": 30.0, "kind": "copper"})])
        lacking = ask("drop", at, hub, kernel="cooling", load=False).missing
        assert [("'dT'" in text, "'kind'" in text) for text in lacking] == [
            (True, False), (False, True),
        ]  # fmt: skip


def test_a_label_that_a_law_does_not_use_need_not_be_given(tmp_path: Path) -> None:
    """One that it uses is asked for, and a value that no run has is named."""
    rng = np.random.default_rng(0)
    a, rig = 10.0 ** rng.uniform(-1, 1, 12), np.resize(["one", "two"], 12)
    f = 3.0 * a**2 * np.exp(rng.normal(0.0, 0.003, 12))
    at = {"a": (1.0, "m")}
    with Hub(tmp_path, user="anna") as hub:
        for kernel, factor, within in (("plain", 1.0, None), ("shifted", 2.0, "rig")):
            table = {"a [m]": a, "rig [label]": rig, "f [N]": f * np.where(rig == "one", 1, factor)}
            runs = [
                hub.add({"kind": "run", "kernel": kernel, "tier": "only",
                         "inputs": {"a": {"value": x, "unit": "m"},
                                    "rig": {"value": r, "unit": "label"}},
                         "outputs": {"f": {"value": y, "unit": "N"}}})
                for x, r, y in zip(*(column.tolist() for column in table.values()), strict=True)
            ]  # fmt: skip
            fit = dimgs.fit(table, "f", scales="auto", within=within)
            entry = {"kind": "law", "kernel": kernel, "law": fit.law.to_json(), "confirmed": True}
            hub.add_linked(entry, [("derived", run) for run in runs])
        bare = ask("f", at, hub, kernel="plain")
        assert bare.value == pytest.approx(3.0, rel=0.02)
        assert bare.pertinence["why"].endswith("The law does not use rig.")
        seen = ask("f", {**at, "rig": ("two", "label")}, hub, kernel="plain")
        assert seen.value == pytest.approx(bare.value, rel=0.01)
        other = ask("f", {**at, "rig": ("three", "label")}, hub, kernel="plain")
        assert "no run of 'plain' with rig = three; leave out rig" in str(other)
        assert "'rig' is not given" in str(ask("f", at, hub, kernel="shifted"))
        assert ask("f", {**at, "rig": ("two", "label")}, hub, kernel="shifted").value is not None
        assert "'a' in m is not given" in str(ask("f", {}, hub, kernel="plain"))
