"""Runs that are nearest in their groups, and cards that only claim to be complete."""

from pathlib import Path

import pytest

from dimgs.common.errors import InputError
from dimgs.hub import Hub
from dimgs.hub.cards import card_of, check_card, is_complete, trusted_cards
from tests.similitude.films import Cooling

AT = {"a": (2.0, "mm^2/s"), "r": (0.3, "cm"), "t": (4.0, "s"), "dT": (20.0, "K"), "kind": "steel"}


def test_the_nearest_in_groups_come_first_in_any_unit(tmp_path: Path) -> None:
    with Hub(tmp_path, user="anna") as hub:
        near, far, twin, resin = hub.add_runs([
            Cooling().run({"a": 2.0, "r": 3.0, "t": 5.0, "dT": 1.0}),
            Cooling().run({"a": 2.0, "r": 3.0, "t": 400.0, "dT": 20.0}),
            Cooling().run({"a": 8.0, "r": 6.0, "t": 4.0, "dT": 3.0}),
            Cooling().run({"a": 2.0, "r": 3.0, "t": 4.0, "dT": 20.0, "kind": "resin"}),
        ])  # fmt: skip
        runs = hub.similar(AT, "cooling")
        assert [run["id"] for run in runs] == [twin, near, far]
        assert runs[0]["distance"] == pytest.approx(0.0, abs=1e-12)
        assert runs[1]["distance"] < 0.1 < runs[2]["distance"]
        assert [run["id"] for run in hub.similar({**AT, "kind": "resin"}, "cooling")] == [resin]
        assert hub.similar(AT, "cooling", n=1, tier="fine")[0]["id"] == twin
        assert hub.similar(AT, "cooling", tier="coarse") == []
        with pytest.raises(InputError, match="just the inputs"):
            hub.similar({"a": (1.0, "m^2/s")}, "cooling")


def test_runs_that_are_added_later_are_seen(tmp_path: Path) -> None:
    with Hub(tmp_path, user="anna") as hub:
        hub.add_runs([Cooling().run({"a": 2.0, "r": 3.0, "t": 9.0})])
        assert len(hub.similar(AT, "cooling")) == 1
        (new,) = hub.add_runs([Cooling().run({"a": 2.0, "r": 3.0, "t": 4.0})])
        first, _ = hub.similar(AT, "cooling")
        assert first["id"] == new
        hub.redact(new, "A secret.")
        assert len(hub.similar(AT, "cooling")) == 1


def test_a_claim_is_no_check(tmp_path: Path) -> None:
    with Hub(tmp_path, user="anna") as hub:
        hub.add({"kind": "card", **card_of(Cooling()), "complete": True})
        (run,) = hub.add_runs([Cooling().run({"a": 2.0, "r": 3.0, "t": 4.0})])
        program = hub.query("cooling")["runs"][0]["program"]
        assert not is_complete(hub, trusted_cards(hub)["cooling"], program)
        assert check_card(hub, Cooling())["complete"]
        assert is_complete(hub, trusted_cards(hub)["cooling"], program)
        assert not is_complete(hub, trusted_cards(hub)["cooling"], "of another program")
        # once is enough
        check_card(hub, Cooling())
        assert len(hub.listed(kind="card")) == 2
        assert run in {r["id"] for r in hub.query("cooling")["runs"]}
