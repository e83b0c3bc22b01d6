"""Changes of units, and distances that no choice of groups changes."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.groups.derive import pi_basis
from dimgs.groups.scalings import Scalings
from dimgs.variables import parse_unit

FILM = {"D": "m^2/s", "l": "mm", "t": "h", "h": "m/s", "K": "1", "C0": "kg/m^3"}
DIMENSIONS = {name: parse_unit(unit).dimension for name, unit in FILM.items()}
# products of elementary operations: every one has the determinant 1 or -1
OPERATIONS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(-3, 3)), max_size=8
)
CHANGES = st.lists(st.floats(-5, 5), min_size=len(FILM), max_size=len(FILM)).map(np.array)
LENGTHS = st.lists(st.floats(0.2, 20), min_size=len(FILM), max_size=len(FILM)).map(np.array)


def exponents() -> np.ndarray:
    groups = pi_basis([f"{n} [{u}]" for n, u in FILM.items()]).groups
    return np.array([[float(g.get(n)) for n in FILM] for g in groups])


@given(OPERATIONS, CHANGES, LENGTHS)
def test_the_distance_is_that_of_every_basis(
    operations: list[tuple[int, int, int]], change: np.ndarray, lengths: np.ndarray
) -> None:
    W = exponents()
    for i, j, times in operations:
        if i != j:
            W[i] += times * W[j]
    apart = W @ change
    squared = apart @ np.linalg.solve(W @ np.diag(lengths**2) @ W.T, apart)
    distance = np.linalg.norm(Scalings(DIMENSIONS).coordinates(lengths) @ change)
    assert distance**2 == pytest.approx(squared, rel=1e-6, abs=1e-12)


@given(st.floats(0.1, 10), st.floats(0.1, 10), st.floats(0.1, 10))
def test_other_units_are_no_distance(length: float, time: float, mass: float) -> None:
    bases = {"[length]": length, "[time]": time, "[mass]": mass}
    change = np.array([
        sum(float(e) * np.log(bases[b]) for b, e in dimension) for dimension in DIMENSIONS.values()
    ])  # fmt: skip
    known = Scalings(DIMENSIONS)
    assert known.distance(change) < 1e-14
    flux = parse_unit("g/m^2/s").dimension
    powers = known.monomial(flux)
    assert powers is not None
    assert powers @ change == pytest.approx(np.log(mass / length**2 / time), abs=1e-12)


def test_constants_leave_fewer_changes_of_units() -> None:
    inputs = {n: parse_unit(u).dimension for n, u in {"l": "m", "T": "s", "m": "kg"}.items()}
    gravity = parse_unit("m/s^2").dimension
    free, held = Scalings(inputs), Scalings(inputs, (gravity,))
    change = np.log([4.0, 2.0, 3.0])
    assert held.distance(change) == pytest.approx(0.0, abs=1e-14)
    assert free.distance(np.log([4.0, 5.0, 1.0])) == pytest.approx(0.0, abs=1e-14)
    assert held.distance(np.log([4.0, 5.0, 1.0])) > 0.1
    powers = held.monomial(parse_unit("m/s").dimension)
    assert powers is not None
    assert powers @ change == pytest.approx(np.log(2.0))


def test_a_target_out_of_reach_has_no_monomial() -> None:
    inputs = {"l": parse_unit("m").dimension}
    assert Scalings(inputs).monomial(parse_unit("kg").dimension) is None
    assert Scalings(inputs).monomial(parse_unit("m/s").dimension) is None
    assert Fraction(1) == parse_unit("m").dimension.get("[length]")


def test_inputs_are_compared_one_by_one_where_constants_may_hide() -> None:
    known = Scalings(DIMENSIONS, whole=False)
    change = np.zeros(len(FILM))
    change[1] = np.log(10.0)
    assert known.distance(change) == pytest.approx(1.0)
