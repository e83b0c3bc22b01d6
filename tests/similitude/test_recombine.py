"""Tables of several origins: what they differ by is learned, though they never ran together."""

from pathlib import Path

import numpy as np
import pytest

import dimgs
from dimgs.hub import Hub
from dimgs.similitude.kriging import recombined
from tests.similitude.films import Cooling, filled, inputs


def test_the_ratio_between_origins_is_learned_and_weighs_what_scatters(tmp_path: Path) -> None:
    class Rival(Cooling):
        name, factor = "rival", 1.2

    rng = np.random.default_rng(4)
    table = tmp_path / "films.csv"
    with Hub(tmp_path / "h.sqlite", user="anna") as hub:
        filled(hub, 30)
        hub.add_runs([Rival().run(inputs(rng)) for _ in range(20)])
        hub.add_runs([Cooling().run(inputs(rng), "coarse") for _ in range(10)])
        for name in ("cooling", "rival"):
            hub.add({"kind": "card", "kernel": name, "physics": "cooling"})
        dataset = hub.dataset(
            table,
            physics="cooling",
            target="drop",
            more=lambda runs: recombined(hub, runs, "drop"),
        )
        assert len(dataset["origins"]) == 3
    data = dimgs.read_table(str(table))
    # of one output, another would be an input
    assert "flux" not in data.names
    bias = {str(o): float(b) for o, b in zip(data["origin"], data["bias"], strict=True)}
    by_kernel = {" ".join(o.split()[:2]): b for o, b in bias.items()}
    assert by_kernel["cooling fine"] == 0.0
    assert by_kernel["rival fine"] == pytest.approx(0.2, abs=0.02)
    assert by_kernel["cooling coarse"] == pytest.approx(0.03, abs=0.02)
    weights = np.array([float(w) for w in data["weight"]])
    assert weights.mean() == pytest.approx(1.0, rel=1e-4)
    first = np.array([o.startswith("cooling fine") for o in data["origin"]])
    assert weights[first].min() > weights[~first].max()
    # the further columns are labels, which no fit takes for inputs
    law = dimgs.fit(data, "drop", within="origin").law
    assert {v.name for v in law.symbols.values()} <= {"a", "r", "t", "dT", "origin"}


def test_runs_with_other_labels_have_no_bias_to_their_own_origin(tmp_path: Path) -> None:
    with Hub(tmp_path / "hub.sqlite", user="anna") as hub:
        for k, wall in enumerate(["steel", "glass"] * 5):
            inputs = {
                "U": {"value": 1.0 + k, "unit": "m/s"},
                "D": {"value": 1.0 + k**2, "unit": "mm"},
                "wall": {"value": wall, "unit": "label"},
            }
            outputs = {"t": {"value": 0.1 * (1.0 + k**2) / (1.0 + k), "unit": "s"}}
            hub.add({"kind": "run", "kernel": "pipe", "inputs": inputs, "outputs": outputs})
        table = tmp_path / "t.csv"
        hub.dataset(table, kernel="pipe", target="t", more=lambda runs: recombined(hub, runs, "t"))
    data = dimgs.read_table(str(table))
    assert set(data["bias"]) == set(data["bias_err"]) == {"0"}
