"""Radigen's adapter: on recorded runs, beside a stand-in for the checkout, and on the real one."""

import os
from pathlib import Path

import pytest

from dimgs.kernels.radigen import Radigen, outputs_of
from dimgs.kernels.record import Status
from dimgs.variables import registry
from tests.kernels.recorded_runs import recorded

ROWS = recorded("radigen_runs.csv")
OIL = {"T": 400.0, "t": 3600.0}

# what the adapter asks of Radigen; the hydroperoxide grows by the temperature in °C
STAND_IN = """
from types import SimpleNamespace
import numpy as np
__version__ = "stand-in"
class mixture:
    def __init__(self, kO2, A, V, pO2):
        self.given, self.start, self.done = (kO2, A, V, pO2), {}, []
    def add(self, name, concentration):
        self.start[name] = concentration
    def addProducts(self): self.done.append("products")
    def addReactions(self): self.done.append("reactions")
    def populateReactionRates(self): self.done.append("rates")
    reactions = range(10)
class mixtureKinetics:
    def __init__(self, oil):
        assert oil.done == ["products", "reactions", "rates"]
        self.oil = oil
    def solve(self, tspan, T, rtol, atol):
        assert tspan[1] == "s" and (rtol, atol) == (1e-6, 1e-7)
        s = self.oil.start
        ends = {"L1H": s["L1H"] - 1, "L1OOH": s["L1OOH"] + T, "O2": s["O2"], "L1OO": 9.0}
        if self.oil.given[0] > 1: ends["O2"] = float("nan")
        y = np.array([[s.get(n, 0.0), e] for n, e in ends.items()])
        t = np.array([0.0, tspan[0]])
        return SimpleNamespace(
            t=t, y=y, species=list(ends), success=s["L1OOH"] < 1e3, message="step too small"
        )
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "radigen3").mkdir()
    (tmp_path / "radigen3/oxidation.py").write_text(STAND_IN)
    monkeypatch.setenv("RADIGEN_ROOT", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("stand_in")
def test_temperatures_reach_radigen_in_celsius_however_they_are_given() -> None:
    quantity = registry().Quantity
    for given in (400.0, quantity(126.85, "degC"), quantity(720.0, "degR")):
        record = Radigen().run({**OIL, "T": given})
        assert record.ok, record.reason
        assert record.outputs["LOOH"][0] == pytest.approx(100.0 + 126.85)
        assert record.outputs["L1H_consumed"][0] == pytest.approx(1.0)
        assert record.outputs["L1H"][0] == pytest.approx(2999.0)
    assert record.provenance["checkout"]["Radigen"]["reactions"] == 10


@pytest.mark.usefixtures("stand_in")
def test_a_run_that_stops_early_or_has_no_number_is_no_result() -> None:
    stopped = Radigen().run({**OIL, "L1OOH_0": 2e3})
    assert stopped.status is Status.DIVERGED
    assert "did not reach 3600 s: step too small" in stopped.reason
    assert Radigen().run({**OIL, "kO2": 2.0}).status is Status.DIVERGED


@pytest.mark.usefixtures("stand_in")
def test_no_hydroperoxide_at_all_is_refused() -> None:
    record = Radigen().run({**OIL, "L1OOH_0": 0.0})
    assert record.status is Status.REFUSED
    assert "L1OOH_0" in record.reason


def test_without_a_checkout_a_run_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RADIGEN_ROOT", raising=False)
    record = Radigen().run(OIL)
    assert record.status is Status.REFUSED
    assert "RADIGEN_ROOT" in record.reason


def test_recorded_runs_keep_their_balance_in_the_outputs() -> None:
    for row in ROWS:
        start, consumed = float(row["L1H0"]), float(row["L1H_consumed"])
        answer = {"LOOH": float(row["LOOH"]), "L1H": start - consumed, "O2": float(row["O2"])}
        outputs = outputs_of({"L1H_0": start}, answer)
        assert outputs["L1H_consumed"] == pytest.approx(consumed)
        assert 0.0 < consumed < start
        assert registry().Quantity(float(row["T_C"]), "degC").to("K").magnitude == pytest.approx(
            float(row["T"])
        )


def of_a_recorded_run(row: dict[str, str]) -> dict[str, float]:
    names = {"L1H_0": "L1H0", "L1OOH_0": "L1OOH0", **{n: n for n in ("T", "t", "kO2")}}
    names |= {n: n for n in ("A", "V", "pO2")}
    return {name: float(row[column]) for name, column in names.items()}


@pytest.mark.skipif("RADIGEN_ROOT" not in os.environ, reason="RADIGEN_ROOT names no checkout")
@pytest.mark.parametrize("row", ROWS[:5])
def test_radigen_itself_gives_the_recorded_numbers(row: dict[str, str]) -> None:
    record = Radigen().run(of_a_recorded_run(row))
    assert record.ok, record.reason
    for name in ("LOOH", "L1H_consumed"):
        assert record.outputs[name][0] == pytest.approx(float(row[name]), rel=1e-3)
