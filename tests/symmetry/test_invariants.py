"""Conserved quantities: what is planted is found, in every unit system, and noise gives none."""

import json
from pathlib import Path

import numpy as np
import pytest

import dimgs
from case_studies.benchmarks.symmetry.fresh import FRESH
from case_studies.benchmarks.symmetry.invariants import recovered
from case_studies.benchmarks.symmetry.systems import SYSTEMS, System
from dimgs.cli.app import run
from dimgs.dataset import Dataset
from dimgs.symmetry.invariants import Invariants, Library, Sum, invariant_of

BY_NAME = {system.name: system for system in SYSTEMS}


def found_in(system: System, noise: float = 0.0) -> Invariants:
    return dimgs.invariants(system.table(runs=6, rows=40, noise=noise), along="t", curve="run")


@pytest.mark.parametrize(
    ("name", "noise", "expected"),
    [
        ("oscillator", 0.01, ["k*x**2 + m*v**2"]),
        ("pendulum", 0.001, ["L*omega**2 - 2*g*cos(theta)"]),
        ("charged_particle", 0.0, ["B*q*x + m*vy", "-B*q*y + m*vx", "vx**2 + vy**2"]),
        ("bead_on_a_turning_hoop", 0.0, ["-R*W**2*sin(theta)**2 + R*omega**2 - 2*g*cos(theta)"]),
        ("double_well", 0.0, ["K_1*m*v**2 + K_2*x**4 + x**2"]),
        ("adiabat", 0.0, ["V**5*p**3"]),
        ("relativistic_charge", 0.01, ["F*x - c**2*m*sqrt(1 + p**2/(c**2*m**2))"]),
    ],
)
def test_planted_quantities_are_found(name: str, noise: float, expected: list[str]) -> None:
    law = found_in(BY_NAME[name], noise)
    assert {str(i.expression) for i in law} == set(expected)
    assert not law.none


def test_a_planet_keeps_energy_angular_momentum_and_axis() -> None:
    system = BY_NAME["kepler"]
    assert all(recovered(system, dimgs.invariants(system.table(), "t", "run")).values())


def test_a_planet_in_polar_coordinates_keeps_energy_with_an_unknown_mass() -> None:
    data = BY_NAME["planet_in_polar_coordinates"].table(runs=6, rows=40).without(["theta"])
    invariants = dimgs.invariants(data, "t", "run")
    assert [str(i.expression) for i in invariants] == ["r**2*w", "K_1/r + r**2*w**2 + u**2"]
    (mass,) = invariants.invariants[1].constants
    assert mass.value == pytest.approx(-2.0, rel=1e-6)
    assert mass.unit == "m^3/s^2"


@pytest.mark.parametrize("noise", [0.0, 0.005])
def test_a_product_is_conserved_by_itself(noise: float) -> None:
    """The area that a planet sweeps, in polar coordinates and in either sense of rotation."""
    rng = np.random.default_rng(6)
    t, rows = np.linspace(0.0, 6.0, 40), []
    for run_ in range(6):
        phase, area = rng.uniform(0.0, 6.0), rng.uniform(0.5, 2.0) * (-1) ** run_
        r = 1.0 + 0.4 * np.cos(t * rng.uniform(0.8, 1.2) + phase)
        rows.append(np.stack([np.full(40, run_), t, r, area / r**2]))
    run_, t, r, q = np.concatenate(rows, axis=1)
    r, q = (x + noise * x.std() * rng.standard_normal(len(x)) for x in (r, q))
    table = {"run [label]": run_.astype(str), "t [s]": t, "r [m]": r, "q [rad/s]": q}
    invariants = dimgs.invariants(table, along="t", curve="run")
    assert [str(i.expression) for i in invariants] == ["q*r**2"]


def test_the_length_of_an_exponential_may_be_given_as_its_reciprocal() -> None:
    """Two atoms that Morse's potential binds."""
    atoms = System(
        "atoms",
        "x [m], v [m/s]",
        "m [kg], D [J], a [1/m]",
        lambda rng: dict(zip(["x", "v", "m", "D", "a"], rng.uniform(0.5, 1.0, 5), strict=True)),
        lambda s: (
            s["v"],
            -2 * s["D"] * s["a"] / s["m"] * np.exp(-s["a"] * s["x"]) * -np.expm1(-s["a"] * s["x"]),
        ),
        {},
    )
    (energy,) = found_in(atoms)
    assert str(energy.expression) == "-2*D*exp(-a*x) + D*exp(-2*a*x) + m*v**2/2"


def test_friction_leaves_nothing() -> None:
    law = found_in(BY_NAME["damped_oscillator"])
    assert law.none
    assert not law.undecided
    assert "No conserved quantity" in str(law)


def springs(noise: float, seed: int) -> Invariants:
    """Masses on springs; the errors of each run are in proportion to its amplitude."""
    rng = np.random.default_rng(seed)
    rows = []
    for run_ in range(6):
        m, k, size = rng.uniform(0.5, 3.0), rng.uniform(2.0, 20.0), rng.uniform(0.05, 0.3)
        t = np.linspace(0.0, 6 * np.pi, 40) * np.sqrt(m / k)
        angle = t * np.sqrt(k / m) + rng.uniform(0.0, 6.0)
        x, v = np.array([np.cos(angle), -np.sin(angle)]) + noise * rng.standard_normal((2, 40))
        v *= np.sqrt(k / m)
        rows.append([np.full(40, run_), t, size * x, size * v, np.full(40, m), np.full(40, k)])
    names = ("run [1]", "t [s]", "x [m]", "v [m/s]", "m [kg]", "k [N/m]")
    table = dict(zip(names, np.concatenate(rows, axis=1), strict=True))
    return dimgs.invariants(table, along="t", curve="run")


@pytest.mark.parametrize("noise", [0.005, 0.02])
def test_errors_in_proportion_to_the_amplitude_of_a_run(noise: float) -> None:
    for seed in range(4):
        assert [str(i.expression) for i in springs(noise, seed)] == ["k*x**2 + m*v**2"]


def test_five_percent_of_noise_do_not_hide_an_energy() -> None:
    assert [str(i.expression) for i in springs(0.05, 1)] == ["k*x**2 + m*v**2"]


def test_a_sum_of_large_numbers_is_conserved_whose_exponentials_overflow() -> None:
    table = next(s for s in FRESH if s.name == "epidemic_of_a_town").table(
        runs=6, rows=40, noise=0.05
    )
    assert table.values["S"].max() > 500
    found = dimgs.invariants(table, along="t", curve="run")
    assert "I_ + R + S_" in {str(i.expression) for i in found}


def test_a_term_that_the_runs_do_not_need_is_left_out() -> None:
    library = Library(springs(0.02, 0).runs)
    terms = {str(m.term.expression): m for m in library.members}
    energy = Sum(library, [terms["m*v**2"], terms["k*x**2"]])
    with_more = Sum(library, [*energy.members, terms["k*v"]])
    assert invariant_of(energy, [0, 1]) is not None
    assert invariant_of(with_more, [0, 1, 2]) is None


def test_noise_that_leaves_the_question_open_is_not_friction() -> None:
    law = springs(0.1, 1)
    assert law.none
    assert [str(i.expression) for i in law.undecided] == ["k*x**2 + m*v**2"]
    assert 0.1 < law.least_drift(law.undecided[0]) < 1.0
    assert str(law).startswith("Undecided")
    assert "might not be seen" in str(law)
    (document,) = law.to_json()["undecided"]
    assert document["least_drift"] == law.least_drift(law.undecided[0])


def test_an_estimated_constant_is_printed_with_its_interval() -> None:
    law = found_in(BY_NAME["pendulum_unknown_gravity"], 0.001)
    (constant,) = law.invariants[0].constants
    assert constant.low is not None
    line = f"    K_1 = {constant.value:.5g} s^2/m   [{constant.low:.5g}, {constant.high:.5g}]"
    assert line in str(law).splitlines()


def test_noise_alone_gives_none() -> None:
    rng = np.random.default_rng(4)
    table = {
        "x [m]": rng.standard_normal(120),
        "v [m/s]": rng.standard_normal(120),
        "t [s]": np.tile(np.arange(20.0), 6),
        "run [1]": np.repeat(np.arange(6.0), 20),
    }
    with pytest.raises(dimgs.InputError, match="varies along the runs"):
        dimgs.invariants(table, along="t", curve="run")


def test_units_and_the_order_of_columns_do_not_matter() -> None:
    data = BY_NAME["oscillator"].table(runs=5, rows=30)
    other = Dataset.from_columns(
        {
            name: data[name] * {"x": 1e3, "v": 3.6, "m": 1e3}.get(name, 1.0)
            for name in reversed(data.numeric_names)
        }
        | {"run": data["run"]},
        units={"x": "mm", "v": "km/h", "m": "g", "k": "N/m", "t": "s", "run": "label"},
    )
    texts = [str(dimgs.invariants(d, along="t", curve="run")) for d in (data, other)]
    assert texts[0].splitlines()[1] == texts[1].splitlines()[1]


def test_the_command_prints_the_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "swings.csv"
    BY_NAME["oscillator"].table(runs=4, rows=25).to_pandas().to_csv(path, index=False)
    assert run(["invariants", str(path), "--along", "t", "--curve", "run", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert not document["none"]
    (invariant,) = document["invariants"]
    assert invariant["symbols"]["k"] == {"column": "k", "unit": "N/m"}
    assert invariant["constant_to"] < 1e-5 < invariant["varies_by"]


def test_a_column_that_moves_alike_in_all_runs_is_a_state() -> None:
    start, t = np.repeat(np.arange(1.0, 7.0), 12), np.tile(np.arange(12) / 8, 6)
    columns = {"t": t, "v": start - 8.0 * t, "y": start * t - 4.0 * t**2}
    labels = np.repeat([f"run {k}" for k in range(6)], 12)
    units = {"t": "s", "v": "m/s", "y": "m", "run": "label"}
    data = Dataset.from_columns({**columns, "run": labels}, units=units)
    (found,) = dimgs.invariants(data, along="t", curve="run").invariants
    assert str(found.expression) in ("K_1*v**2 + y", "K_1*y + v**2")
