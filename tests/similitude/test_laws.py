"""Laws of a hub answer where their runs say something, and nowhere else."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import exp
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dimgs
from dimgs.ask import ask
from dimgs.campaign import Budget, Plan, Range, Tolerance, run_campaign
from dimgs.hub import Hub, RunStore
from dimgs.hub.accounts import set_user
from dimgs.hub.cards import check_card
from dimgs.hub.hub import keep_campaign
from dimgs.kernels import BaseKernel, Port
from tests.campaign.kernels import Pendulum
from tests.similitude.films import Cooling

AT: dict[str, Any] = {
    "D": (2e-14, "m^2/s"), "t": (5, "day"), "rho": (950, "kg/m^3"), "C0": (100.0, "mg/kg"),
    "E": (50.0, "kJ/mol"), "T": (60.0, "degC"), "K": 10.0, "kind": ("PE", "label"),
}  # fmt: skip


class Migration(BaseKernel):
    """What a thick film gives to food in a short time, with a constant that units do not show."""

    name, version = "migration", "1"
    inputs = (
        Port("D", "m^2/s"), Port("t", "day"), Port("rho", "kg/m^3"), Port("C0", "mg/kg"),
        Port("E", "kJ/mol"), Port("T", "degC"), Port("K", "1"), Port("kind", "label"),
    )  # fmt: skip
    outputs = (Port("m", "mg/m^2"),)

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any]:
        heat = 8.314462618e-3 * (values["T"] + 273.15)
        D = values["D"] * exp(values["E"] * (1 / (8.314462618e-3 * 333.15) - 1 / heat))
        D *= exp(0.01 * (values["E"] - 50.0)) * (1.0 if values["kind"] == "PE" else 0.1)
        amount = values["C0"] * values["rho"] / (1.0 + values["K"])
        return {"m": amount * (D * 86_400 * values["t"]) ** 0.5}


def plan(runs: int) -> Plan:
    held = {n: q if isinstance(q, tuple) else (q, None) for n, q in AT.items()}
    varied = {"D": Range(1e-15, 1e-13, "m^2/s"), "t": Range(1, 30, "day"),
              "rho": Range(800, 1200, "kg/m^3")}  # fmt: skip
    fixed = {n: q for n, q in held.items() if n not in varied}
    fixed["kind"] = ("PE", None)
    return Plan(Migration(), "m", varied, Budget(runs), Tolerance(exponents=0.02), fixed)


def kept(folder: Path, asked_for: Plan) -> Hub:
    """A hub with a campaign."""
    with ThreadPoolExecutor(1) as pool:
        run_campaign(replace(asked_for, report="none"), folder / "campaign", executor=pool)
    result, asked = (
        json.loads((folder / "campaign" / name).read_text("utf-8"))
        for name in ("result.json", "plan.json")
    )
    hub = Hub(folder / "hub", user="anna")
    with RunStore(folder / "campaign" / "runs.sqlite") as store:
        keep_campaign(hub, result, asked, store.records())
    return hub


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with kept(tmp_path_factory.mktemp("whole"), plan(30)) as hub:
        yield hub


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"C0": (1000.0, "mg/kg")}, "C0 was 100 mg/kg in every run; the point has 1000 mg/kg"),
        ({"E": (10.0, "kJ/mol")}, "E was 50 kJ/mol in every run; the point has 10 kJ/mol"),
        ({"T": (150.0, "degC")}, "T was 60 degC in every run; the point has 150 degC"),
        ({"K": 100.0}, "K was 10 in every run; the point has 100"),
    ],
)
def test_what_a_campaign_held_is_no_answer_elsewhere(
    hub: Hub, changed: dict[str, Any], text: str
) -> None:
    answer = ask("m", {**AT, **changed}, hub, kernel=Migration())
    assert (answer.value, answer.how) == (None, "none")
    (law,) = answer.evidence
    assert law["kind"] == "law"
    assert text in law["why"]
    assert any(text in missing for missing in answer.missing)


def test_a_label_that_no_run_had_is_no_answer(hub: Hub) -> None:
    assert ask("m", {**AT, "kind": ("PP", "label")}, hub, kernel=Migration()).value is None


def test_a_law_answers_inside_the_ranges_and_in_other_sizes(hub: Hub) -> None:
    # other units of length and mass: the groups of the inputs that varied stay as they were
    sizes = {"D": (2e-12, "m^2/s"), "t": (5, "day"), "rho": (9.5, "kg/m^3")}
    for at in (AT, {**AT, **sizes}):
        answer = ask("m", at, hub, kernel=Migration())
        given = {n: q[0] if isinstance(q, tuple) else q for n, q in at.items()}
        fresh = Migration().run(given).outputs["m"][0]
        assert answer.low <= fresh * (1 + 1e-9)
        assert answer.high >= fresh * (1 - 1e-9)
        # one law answers alone
        assert sum(e["weight"] for e in answer.evidence if e["kind"] == "law") == 1.0


def test_what_a_campaign_held_answers_elsewhere_only_with_a_complete_card(tmp_path: Path) -> None:
    held = {"g": (9.81, "m/s^2")}
    one = Plan(Pendulum(), "T", {"l": Range(0.1, 10.0)}, Budget(9), Tolerance(exponents=0.1), held)
    moon = {"l": (1.0, "m"), "g": (1.62, "m/s^2")}
    with kept(tmp_path, one) as hub:
        assert ask("T", {**moon, **held}, hub, kernel=Pendulum()).value is not None
        answer = ask("T", moon, hub, kernel=Pendulum())
        assert answer.value is None
        assert "its runs held g at another value" in answer.missing[-1]
        check_card(hub, Pendulum())
        assert ask("T", moon, hub, kernel=Pendulum()).value == pytest.approx(4.9365, rel=1e-4)


class Tube(BaseKernel):
    """Pressure drop of a pipe, which jumps where the flow becomes turbulent."""

    name, version = "tube", "1"
    inputs = tuple(map(Port, ("U", "d", "nu", "rho", "L"), ("m/s", "mm", "m^2/s", "kg/m^3", "m")))
    outputs = (Port("dp", "Pa"),)

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any]:
        d = 1e-3 * values["d"]
        Re = values["U"] * d / values["nu"]
        f = 64.0 / Re if Re < 2300.0 else 0.316 * Re**-0.25
        return {"dp": f * values["L"] / d * values["rho"] * values["U"] ** 2 / 2.0}


def test_between_the_runs_beside_a_jump_an_answer_holds_both_sides(tmp_path: Path) -> None:
    ranges = {
        "U": Range(0.01, 10.0, "m/s"),
        "d": Range(1.0, 50.0, "mm"),
        "nu": Range(1e-6, 1e-5, "m^2/s"),
    }
    fixed = {"rho": (1000.0, "kg/m^3"), "L": (2.0, "m")}
    one = Plan(Tube(), "dp", ranges, Budget(60), Tolerance(exponents=0.02), fixed)
    at = {**fixed, "d": (10.0, "mm"), "nu": (2e-6, "m^2/s")}
    with kept(tmp_path, one) as hub:
        sure = []
        for U in np.linspace(0.36, 0.56, 11).tolist():
            answer = ask("dp", {**at, "U": (U, "m/s")}, hub, kernel=Tube())
            fresh = Tube().run({"U": U, "d": 10.0, "nu": 2e-6, "rho": 1000.0, "L": 2.0})
            if answer.value is not None:
                sure.append(U)
                assert answer.low * 0.9999 < fresh.outputs["dp"][0] < answer.high * 1.0001
        assert 5 <= len(sure) <= 10


class Stiff(BaseKernel):
    """A pendulum with gravity inside, which is never shorter than a metre."""

    name, version = "stiff", "1"
    inputs = (Port("l", "m"),)
    outputs = (Port("T", "s"),)

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any]:
        return {"T": 2.0 * np.pi * (max(values["l"], 1.0) / 9.80665) ** 0.5}


def test_where_images_show_a_hidden_constant_a_law_answers_between_its_runs(tmp_path: Path) -> None:
    ranges = {"l": Range(1.0, 10.0, "m")}
    one = Plan(Stiff(), "T", ranges, Budget(9), Tolerance(exponents=0.1), constants=("g",))
    with kept(tmp_path, one) as hub:
        # a card that is there already is checked too
        hub.add({"kind": "card", "kernel": "stiff", "physics": "pendulum"})
        short = ask("T", {"l": (0.01, "m")}, hub, kernel=Stiff())
        assert short.value == pytest.approx(0.2006, rel=1e-3)
        assert not check_card(hub, Stiff())["complete"]
        answer = ask("T", {"l": (0.01, "m")}, hub, kernel=Stiff())
        assert answer.value is None
        assert "its runs did not reach this l" in answer.missing[-1]
        assert "with a dimension that its card does not declare" in answer.missing[-2]
        within = ask("T", {"l": (5.0, "m")}, hub, kernel=Stiff())
        assert within.low < 4.4865 < within.high


def test_a_campaign_without_a_reliable_end_answers_nothing(tmp_path: Path) -> None:
    with kept(tmp_path, plan(2)) as hub:
        answer = ask("m", AT, hub, kernel=Migration())
        assert (answer.value, answer.how) == (None, "none")
        (law,) = answer.evidence
        assert "The campaign ended with: budget spent." in law["why"]
        assert hub.get(law["id"])["content"]["confirmed"] is False


def test_unconfirmed_and_disputed_laws_are_evidence_and_no_answer(tmp_path: Path) -> None:
    known = Cooling()
    rows = [{"a": 1.0, "r": 1.0, "t": float(t), "dT": 5.0} for t in np.geomspace(1e-4, 1e-3, 9)]
    at = {"a": (1.0, "mm^2/s"), "r": (1.0, "mm"), "t": (3.3e-4, "s"), "dT": (5.0, "K")}
    with Hub(tmp_path, user="anna") as hub:
        # of two tiers: places of runs of the other are those of another table
        coarse = [known.run({**row, "dT": 5.0 + k}, tier="coarse")
                  for k in range(4) for row in rows]  # fmt: skip
        fine = [known.run(row) for row in rows]
        hub.add_runs(coarse)
        ids = hub.add_runs(fine)
        columns = {f"{n} [{u}]": [r.inputs[n][0] for r in fine] for n, (_, u) in at.items()}
        columns["drop [K]"] = [r.outputs["drop"][0] for r in fine]
        law = dimgs.fit(columns, "drop").law.to_json()
        entry = {"kind": "law", "kernel": "cooling", "law": law, "confirmed": True}
        links = [("derived", i) for i in ids]
        good = hub.add_linked(entry, links)
        answer = ask("drop", at, hub, kernel=known, tolerance=0.5)
        fresh = known.run({n: v for n, (v, _) in at.items()}).outputs["drop"][0]
        assert answer.value == pytest.approx(fresh, rel=0.05)
        asked = {**at, "t": (5.0, "s")}
        why = ["The residuals show structure."]
        hub.add_linked({**entry, "confirmed": False, "why_not": why}, links)
        reasons = {e["id"]: e["why"] for e in ask("drop", asked, hub, kernel=known).evidence}
        assert sorted(reasons.values())[0] == why[0]
        set_user(hub.database, "eve", "reviewer")
        hub.for_user("eve").dispute(good, "Not so.")
        reasons = {e["id"]: e["why"] for e in ask("drop", asked, hub, kernel=known).evidence}
        assert reasons[good] == "The entry is disputed."
