"""Laws that are found again after some of their runs were rejected."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dimgs
from dimgs.cli.app import run as typed
from dimgs.common.errors import InputError
from dimgs.hub import Hub
from dimgs.hub.accounts import set_user
from dimgs.hub.hub import keep_report, table_records
from dimgs.similitude import laws
from dimgs.similitude.laws import refit

# what a search finds is tested elsewhere
pytestmark = pytest.mark.usefixtures("brief")


@pytest.fixture(autouse=True)
def without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub keeps pages without figures, which would take most of the time."""
    monkeypatch.setattr("dimgs.report.figures.draw_figures", lambda report: [])


def kept(hub: Hub, wrong: float, noise: float = 0.002) -> tuple[dict[str, Any], list[str]]:
    """A law of nine pendulums, the last of which was measured wrongly by a factor."""
    rng = np.random.default_rng(3)
    length = np.geomspace(0.1, 3.0, 9)
    period = 2.006 * np.sqrt(length) * np.exp(rng.normal(0.0, noise, 9))
    period[-1] *= wrong
    data = dimgs.Dataset.from_columns({"L [m]": length, "T [s]": period})
    report = dimgs.discover(data, "T", constants=["g"], engine="power_law")
    entries = keep_report(hub, report)
    runs = hub.query(limit=None)["runs"]
    return entries, [r["id"] for r in sorted(runs, key=lambda r: r["inputs"]["L"]["value"])]


@pytest.mark.parametrize(("wrong", "confirmed"), [(1.0, True), (1.6, False)])
def test_a_refit_settles_what_a_rejection_left_open(
    tmp_path: Path, wrong: float, confirmed: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with Hub(tmp_path / "h.sqlite", user="anna") as hub:
        survivors, runs = kept(hub, wrong)
        set_user(hub.database, "eve", "reviewer")
        hub.for_user("eve").review(runs[-1], "reject", "The string was slack.")
        assert hub.get(survivors["answer"])["state"] == "recheck"
    words = ["hub", "refit", survivors["law"], "--hub", str(tmp_path / "h.sqlite"), "--json"]
    capsys.readouterr()
    assert typed(words) == 0
    refitted = json.loads(capsys.readouterr().out)
    assert (refitted["confirmed"], refitted["runs"], refitted["left_out"]) == (confirmed, 8, 1)
    with Hub(tmp_path / "h.sqlite", user="anna") as hub:
        state = hub.get(survivors["answer"])["state"]
        assert state == ("open" if confirmed else "recheck")
        law = hub.get(survivors["law"])
        assert bool(law["superseded_by"]) == (not confirmed)
        new = hub.get(refitted["id"])
        assert new["state"] == "open"
        assert runs[-1] not in hub.history(refitted["id"])
        assert dimgs.Law.from_json(new["content"]["law"]).predict({"L": 1.0}) == pytest.approx(
            2.006, rel=0.005
        )


def test_a_law_that_is_not_confirmed_itself_decides_nothing(tmp_path: Path) -> None:
    with Hub(tmp_path / "h.sqlite", user="anna") as hub:
        survivors, runs = kept(hub, 1.6, noise=0.5)
        set_user(hub.database, "eve", "reviewer")
        hub.for_user("eve").review(runs[-1], "reject", "The string was slack.")
        refitted = refit(hub, survivors["law"])
        assert (refitted["outcome"], refitted["confirmed"], refitted["settled"]) == (
            "undecided",
            False,
            False,
        )
        assert refitted["why_not"]
        assert not hub.get(survivors["law"])["superseded_by"]
        assert hub.get(survivors["law"])["state"] != "open"
        again = hub.get(refitted["id"])
        assert (again["confirmed"], again["why_not"]) == (False, refitted["why_not"])


@pytest.mark.parametrize("seed", range(5))
def test_a_refit_has_the_runs_in_the_order_of_their_rows(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the hashes of the runs are, which depend on their time."""
    found: list[dimgs.Dataset] = []
    search = laws._searched_again

    def noted(law: dimgs.Law, data: dimgs.Dataset, *more: Any) -> dimgs.Law:
        found.append(data)
        return search(law, data, *more)

    monkeypatch.setattr(laws, "_searched_again", noted)
    length = np.random.default_rng(seed).permutation(np.geomspace(0.1, 3.0, 9))
    data = dimgs.Dataset.from_columns({"L [m]": length, "T [s]": 2.006 * np.sqrt(length)})
    with Hub(tmp_path / "h.sqlite", user="anna") as hub:
        entries = keep_report(hub, dimgs.discover(data, "T", constants=["g"], engine="power_law"))
        set_user(hub.database, "eve", "reviewer")
        wrong = hub.query(limit=4)["runs"][3]
        hub.for_user("eve").review(wrong["id"], "reject", "The string was slack.")
        refit(hub, entries["law"])
    assert found[0]["L"].tolist() == pytest.approx([*length[:3], *length[4:]])


def test_what_needs_no_refit_is_told(tmp_path: Path) -> None:
    with Hub(tmp_path / "h.sqlite", user="anna") as hub:
        survivors, _ = kept(hub, 1.0)
        with pytest.raises(InputError, match="None of the 9 runs"):
            refit(hub, survivors["law"])
        with pytest.raises(InputError, match="holds no law"):
            refit(hub, survivors["question"])


def test_a_refit_asks_as_the_law_was_asked_for(tmp_path: Path) -> None:
    """With the prefactors of its labels, and with a search where there was one."""
    rng = np.random.default_rng(1)
    U, D, mu = rng.uniform(0.1, 1.0, 16), rng.uniform(1.0, 9.0, 16), rng.uniform(0.01, 0.1, 16)
    wall = np.tile(["steel", "glass"], 8)
    dp = (
        0.032
        * mu
        * U
        / D**2
        * np.exp(rng.normal(0.0, 0.01, 16))
        * np.where(wall == "steel", 1, 1.3)
    )
    data = dimgs.Dataset.from_columns(
        {"U [m/s]": U, "D [mm]": D, "mu [Pa*s]": mu, "wall [label]": wall, "dp [GPa/m]": dp}
    )
    report = dimgs.discover(data, "dp", within="wall")
    assert report.confirmed
    with Hub(tmp_path / "h.sqlite", user="anna") as hub:
        entries = keep_report(hub, report)
        set_user(hub.database, "eve", "reviewer")
        run = hub.query(limit=1)["runs"][0]["id"]
        hub.for_user("eve").review(run, "reject", "The gauge leaked.")
        refitted = refit(hub.for_user("eve"), entries["law"])
        assert refitted["outcome"] == "confirmed", refitted["why_not"]
        again = dimgs.Law.from_json(hub.get(refitted["id"])["content"]["law"])
        assert again.label_effects is not None
        assert again.label_effects.column == "wall"


@pytest.mark.parametrize("asked", [{"arrhenius": ["T"]}, {"form": "a*exp(-b/T)"}])
def test_a_refit_asks_for_the_same_temperature_form_and_inputs(
    tmp_path: Path, asked: dict[str, Any]
) -> None:
    rng = np.random.default_rng(0)
    T, tag, noise = rng.uniform(290, 420, 14), rng.uniform(1, 2, 14), rng.normal(0, 0.01, 14)
    columns = {"T [K]": T, "tag [1]": tag, "k [1/s]": 1e6 * np.exp(noise - 4000.0 / T)}
    with Hub(tmp_path / "h.sqlite", user="anna") as hub:
        runs = hub.add_runs(table_records(dimgs.Dataset.from_columns(columns), "k"))
        data = dimgs.Dataset.from_columns({**columns, "run [label]": runs})
        scales, engine = ["k0 [1/s]", "T0 [K]"], "power_law"
        report = dimgs.discover(
            data, "k", scales=scales, columns=["T", "run"], engine=engine, **asked
        )
        assert "exp(" in str(report.law)
        entries = keep_report(hub, report)
        set_user(hub.database, "eve", "reviewer")
        hub.for_user("eve").review(runs[0], "reject", "The gauge leaked.")
        refitted = refit(hub.for_user("eve"), entries["law"])
        again = dimgs.Law.from_json(hub.get(refitted["id"])["content"]["law"])
        assert set(again.domain.columns) == {"T"}
        assert "exp(" in str(again)


def test_the_difference_of_laws_of_a_level_is_that_of_their_ratios(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    r = np.geomspace(1.0, 90.0, 12)
    r[5] = 10**0.6
    level = 12.0 - 20.0 * np.log10(r) + rng.normal(0.0, 0.1, 12)
    data = dimgs.Dataset.from_columns({"r [m]": r, "y [dB]": level})
    with Hub(tmp_path / "h.sqlite", user="anna") as hub:
        report = dimgs.discover(data, "y", scales=["r0 [m]"], engine="power_law")
        entries = keep_report(hub, report)
        set_user(hub.database, "eve", "reviewer")
        run = hub.query(limit=1)["runs"][0]["id"]
        hub.for_user("eve").review(run, "reject", "The wind blew.")
        # a tenth of a decibel is 2 %
        assert 0.0 < refit(hub.for_user("eve"), entries["law"])["difference"] < 0.05
