"""What `discover` and `run` found, kept with its links."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dimgs.ask import ask
from dimgs.common.errors import InputError
from dimgs.dataset import Dataset
from dimgs.hub import Hub
from dimgs.hub.acts import read_keys
from dimgs.hub.entry import links_to
from dimgs.hub.hub import _is_version, keep_campaign, keep_report, table_records
from dimgs.kernels.record import RunRecord, Status
from dimgs.law.law import Law
from dimgs.similitude.augment import newest_origin
from dimgs.similitude.origin import describe
from tests.hub.test_hub import other, run


def test_rows_are_runs_in_the_units_of_the_table() -> None:
    data = Dataset.from_columns(
        T=[20.0, 30.0], l=[1.5, np.nan], kind=["a", ""], y=[2.0, np.nan], y_err=[0.1, 0.1],
        units={"T": "degC", "l": "mm", "kind": "label", "y": "kg/m^3", "y_err": "kg/m^3"},
    )  # fmt: skip
    first, second = table_records(data, "y")
    assert first.inputs == {"T": (20.0, "degC"), "l": (1.5, "mm"), "kind": ("a", "label")}
    assert (first.outputs, first.errors) == ({"y": (2.0, "kg/m^3")}, {"y": 0.1})
    assert (second.inputs, second.status) == ({"T": (30.0, "degC")}, Status.FAILED)


RESULT: dict[str, Any] = {
    "outcome": "tolerance met",
    "target": "c",
    "regimes": [],
    "law": {"expression": "k*l"},
    "pertinence": {"relevant": True, "acceptability": 1.0},
}
PLAN = {"kernel": "film", "ranges.l": "1..2 mm", "target": "c"}


def test_a_campaign_is_kept_once_with_all_its_links(hub: Hub) -> None:
    records = [run("a"), run("b", 2.0), run("x", 3.0, status=Status.FAILED, outputs={})]
    kept = keep_campaign(hub, RESULT, PLAN, records)
    assert kept["runs"] == 3
    assert hub.get(kept["question"])["state"] == "answered"
    law = hub.get(kept["law"])
    rests = {link["to"] for link in law["links"] if link["from"] == kept["law"]}
    usable = {r["id"] for r in hub.query("film")["runs"]}
    assert rests == usable | {kept["protocol"]}
    assert hub.history(kept["answer"])[0] == kept["law"]
    before = hub.digest()
    assert keep_campaign(hub, RESULT, PLAN, records) == kept
    assert hub.digest() == before
    # one run more is another law, of the same question
    more = keep_campaign(hub, RESULT, PLAN, [*records, run("c", 4.0)])
    assert (more["question"], more["protocol"]) == (kept["question"], kept["protocol"])
    assert more["law"] != kept["law"]
    other(hub, "bob").review(kept["protocol"], "reject", "The range is wrong.")
    assert hub.get(kept["law"])["state"] == "disputed"
    assert hub.get(kept["answer"])["state"] == "recheck"


@pytest.mark.parametrize(("r2_log", "unit"), [(0.99, "kg/m^3"), (None, "kg/m^3"), (0.99, "dB")])
def test_a_law_rests_on_the_runs_that_it_can_be_fitted_to(
    hub: Hub, r2_log: float | None, unit: str
) -> None:
    values = (-1.0, 0.0, 1e-9, 2.0)
    records = [run(str(v), 1.0 + v, outputs={"c": (v, unit)}) for v in values]
    law = {"expression": "k*l", "target": "c", "scores": {"r2_log": r2_log}}
    kept = keep_campaign(hub, {**RESULT, "law": law}, PLAN, records)
    assert kept["runs"] == len(values)
    every = hub.several(links_to(hub.get(kept["law"]), "derived")).values()
    there = {e["content"]["outputs"]["c"]["value"] for e in every if e["kind"] == "run"}
    is_log = r2_log is not None and unit != "dB"
    assert there == {v for v in values if v > 0 or not is_log}


def test_too_many_runs_are_refused_before_anything_is_kept(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dimgs.hub.hub._MOST_RUNS", 1)
    records: list[RunRecord] = [run("a"), run("b")]
    with pytest.raises(InputError, match="up to 1 runs of one analysis"):
        keep_campaign(hub, RESULT, PLAN, records)
    assert hub.digest()["entries"] == 0


def test_what_discover_finds_is_kept_and_its_law_loads(tmp_path: Path) -> None:
    from dimgs.discovery.discover import discover

    l, g = np.array([0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0]), np.full(8, 9.81)
    data = Dataset.from_columns(
        l=l, g=g, t=2 * np.pi * np.sqrt(l / g), units={"l": "m", "g": "m/s^2", "t": "s"}
    )
    report = discover(data, "t", engine="power_law")
    with Hub(tmp_path / "hub.sqlite", user="anna") as hub:
        kept = keep_report(hub, report)
        assert kept["runs"] == 8
        again = Law.from_json(hub.get(kept["law"])["content"]["law"])
        assert again == report.law
        question = hub.get(kept["question"])["content"]
        assert question["inputs"]["l"] == {"low": 0.1, "high": 5.0, "unit": "m"}
        assert hub.query("columns", group=["l/g=0.1..0.21 s^2"])["count"] == 2


@pytest.mark.parametrize("label", ["pan 9", "pan 10"])
def test_the_law_of_a_table_answers_at_every_label_of_its_runs(tmp_path: Path, label: str) -> None:
    from dimgs.discovery.discover import discover

    rng, names = np.random.default_rng(0), [f"pan {k}" for k in range(10)]
    l = np.geomspace(0.1, 5.0, 10)
    t = 2 * np.pi * np.sqrt(l / 9.81) * np.exp(rng.normal(0.0, 0.003, 10))
    data = Dataset.from_columns({"l [m]": l, "pan [label]": names, "t [s]": t})
    with Hub(tmp_path / "hub.sqlite", user="anna") as hub:
        report = discover(data, "t", constants=["g"], engine="power_law")
        kept = keep_report(hub, report, "<p>The report.</p>")
        (name,) = hub.kernels()
        answer = ask("t", {"l": (2.0, "m"), "pan": label}, hub, kernel=name)
        if label in names:
            assert answer.how == "law"
            assert answer.evidence[0]["id"] == kept["law"]
            assert answer.value == pytest.approx(2 * np.pi * np.sqrt(2 / 9.81), rel=0.01)
        else:
            # of another pan nobody knows whether it follows the law
            assert answer.how == "none"


def _spring(rows: slice, factor: float = 1.0, target: str = "F", unit: str = "m") -> Dataset:
    """Rows of a table of springs, all of whose versions come from one file."""
    rng = np.random.default_rng(0)
    k, x = rng.uniform(10.0, 500.0, 40), rng.uniform(0.1, 0.9, 40)
    force = factor * k * x
    column = {"F [N]": force} if target == "F" else {"E [J]": force * x / 2}
    lengths = x * {"m": 1.0, "cm": 100.0}[unit]
    columns = {"k [N/m]": k, f"x [{unit}]": lengths, **column}
    return Dataset.from_columns({name: values[rows] for name, values in columns.items()})


def _kept_in(hub: Hub, data: Dataset, target: str = "F") -> Any:
    from dimgs.discovery.discover import discover

    return keep_report(hub, discover(data, target, engine="power_law"), "<p>The report.</p>")


@pytest.mark.parametrize(
    "later",
    [
        _spring(slice(20)),
        _spring(slice(30)),
        _spring(slice(12)),
        _spring(slice(5, 25)),
        _spring(slice(30), unit="cm"),
    ],
    ids=["again", "longer", "shorter", "moved on", "in other units"],
)
def test_versions_of_a_table_are_runs_of_one_kernel(hub: Hub, later: Dataset) -> None:
    first, second = (_kept_in(hub, data) for data in (_spring(slice(20)), later))
    assert hub.kernels() == [first["kernel"]] == [second["kernel"]]
    assert first["warnings"] == second["warnings"] == []
    answer = ask("F", "k=100 N/m, x=0.5 m", hub, kernel=second["kernel"])
    assert answer.value == pytest.approx(50.0)


@pytest.mark.parametrize("rows", [slice(20), slice(20, 40)], ids=["same settings", "others"])
def test_a_table_of_another_system_is_a_kernel_of_its_own(hub: Hub, rows: slice) -> None:
    first = _kept_in(hub, _spring(slice(20)))
    second = _kept_in(hub, _spring(rows, factor=1.3))
    name = second["kernel"]
    assert (first["warnings"], len({first["kernel"], name})) == ([], 2)
    (warning,) = second["warnings"]
    assert f"(--kernel {name})" in warning
    for kernel, factor in ((first["kernel"], 1.0), (name, 1.3)):
        answer = ask("F", "k=100 N/m, x=0.5 m", hub, kernel=kernel)
        assert answer.value == pytest.approx(50.0 * factor)
    # each goes on under its name
    assert _kept_in(hub, _spring(slice(40), factor=1.3))["kernel"] == name
    assert _kept_in(hub, _spring(slice(19)))["kernel"] == first["kernel"]


@pytest.mark.parametrize("column", ["x [kg]", "l [m]", "y [m]"])
def test_equal_numbers_of_other_quantities_are_another_table(column: str) -> None:
    x = np.arange(1.0, 11.0)
    tables = [
        Dataset.from_columns({"x [m]": x, "y [m]": 2.0 * x, "z [m^2]": 3.0 * x * x}),
        Dataset.from_columns({column: x, "z [m^2]": 3.0 * x * x}),
    ]
    one, other = (table_records(data, "z") for data in tables)
    assert _is_version(one, one)
    assert not _is_version(one, other)
    assert not _is_version(other, one)


def test_rows_are_no_runs_of_a_simulator_of_the_same_name(hub: Hub) -> None:
    (record,) = table_records(_spring(slice(1)), "F")
    hub.add_runs([replace(record, tier="fine", provenance={"version": "1"})])
    assert _kept_in(hub, _spring(slice(20)))["kernel"] != record.kernel


def test_a_table_with_two_targets_answers_for_both(hub: Hub) -> None:
    first = _spring(slice(30), target="F")
    # a column that the other analysis leaves out
    whole = Dataset.from_columns({
        "k [N/m]": first["k"], "x [m]": first["x"], "n [1]": first["k"] % 7, "F [N]": first["F"],
    })  # fmt: skip
    kept = [_kept_in(hub, whole), _kept_in(hub, _spring(slice(30), target="E"), "E")]
    kernel = kept[0]["kernel"]
    assert kept[1]["kernel"] == kernel
    for target, value, more in (("F", 50.0, ", n=3"), ("E", 12.5, "")):
        answer = ask(target, f"k=100 N/m, x=0.5 m{more}", hub, kernel=kernel)
        assert answer.value == pytest.approx(value)
        origin = newest_origin(hub, describe(hub, kernel, target), target)
        assert ("n" in origin.table.names) == (target == "F")


def test_an_answer_of_near_runs_names_the_value_of_the_law(hub: Hub) -> None:
    data = _spring(slice(20))
    force = data["F"] * np.exp(np.random.default_rng(1).normal(0.0, 0.01, 20))
    columns = {"k [N/m]": data["k"], "x [m]": data["x"], "F [N]": force}
    kept = _kept_in(hub, Dataset.from_columns(columns))
    answer = ask("F", "k=100 N/m, x=0.5 m", hub, kernel=kept["kernel"])
    assert answer.how == "near"
    law = Law.from_json(hub.get(kept["law"])["content"]["law"])
    value = float(law.predict_si({"k": np.array([100.0]), "x": np.array([0.5])})[0])
    assert answer.value != pytest.approx(value, rel=1e-4)
    assert f"By the law alone, F is {value:.5g} N, between" in answer.pertinence["why"]


def test_every_key_that_dimgs_stores_is_one_that_it_reads(hub: Hub) -> None:
    _kept_in(hub, _spring(slice(20)))
    regimes = {"regimes": [{"where": "l > 1", "law": RESULT["law"]}], "boundaries": [{}]}
    keep_campaign(hub, {**RESULT, **regimes}, {**PLAN, "kernel": "diffusion-series"}, [run("a")])
    every = [hub.get(listed["id"]) for listed in hub.listed()]
    assert {e["kind"] for e in every} == {"question", "card", "protocol", "run", "law", "answer"}
    for entry in every:
        assert set(entry["content"]) <= set(read_keys(entry["kind"]))
