import dataclasses
import pickle
from fractions import Fraction

import numpy as np
import pytest

from dimgs.common.arrays import Array
from dimgs.common.errors import DimensionError, InputError
from dimgs.groups.derive import pi_basis
from dimgs.groups.group import PiBasis, PiGroup
from dimgs.variables import parse_variable

SPEEDS = (parse_variable("U [m/s]"), parse_variable("c [m/s]"))


def test_exponents_are_sorted_and_without_zeros() -> None:
    group = PiGroup.of("pi_1", {"b": 2, "a": Fraction(-1, 2), "z": 0})
    assert group.exponents == (("a", Fraction(-1, 2)), ("b", Fraction(2)))
    assert group.get("a") == Fraction(-1, 2)
    assert group.get("z") == 0
    assert str(group) == "b²·a^(-1/2)"
    assert str(PiGroup("pi_1", ())) == "1"


def test_log_of_a_group() -> None:
    group = PiGroup.of("pi_1", {"U": 1, "c": -1})
    values: dict[str, float | Array] = {"U": np.array([2.0, 8.0]), "c": 2.0}
    np.testing.assert_allclose(group.log(values), [0.0, np.log(4.0)], atol=1e-15)


@pytest.mark.parametrize(
    ("exponents", "message"),
    [({"U": 1}, "dimension L·T"), ({"U": Fraction(1, 2), "c": Fraction(-1, 3)}, "not 1")],
)
def test_a_basis_refuses_a_group_with_a_dimension(
    exponents: dict[str, Fraction], message: str
) -> None:
    with pytest.raises(DimensionError, match=message):
        PiBasis(SPEEDS, (PiGroup.of("pi_1", exponents),))


def test_a_basis_checks_the_response_too() -> None:
    pressure = parse_variable("p [Pa]")
    with pytest.raises(DimensionError, match="pi_0"):
        PiBasis(SPEEDS, (), PiGroup.of("pi_0", {"p": 1, "U": -2}), pressure)


def test_a_basis_refuses_unknown_and_repeated_names() -> None:
    with pytest.raises(DimensionError, match="'x', which is not a variable"):
        PiBasis(SPEEDS, (PiGroup.of("pi_1", {"x": 1}),))
    with pytest.raises(InputError, match="'U' is used twice"):
        PiBasis((*SPEEDS, SPEEDS[0]), ())


def test_a_basis_is_frozen_comparable_and_picklable() -> None:
    basis = pi_basis(["U [m/s]", "c [m/s]", "T [s]", "L [m]"], "T")
    assert basis.rank == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        basis.groups = ()  # type: ignore[misc]  # that it is refused is the test
    assert pickle.loads(pickle.dumps(basis)) == basis
    assert dataclasses.replace(basis, explanation="") != basis


def test_lookups() -> None:
    basis = pi_basis(["U [m/s]", "c [m/s]", "T [s]", "L [m]"], "T", constants=["g"])
    assert basis.variable("T").si_unit == "s"
    assert basis.variable("g").role == "constant"
    with pytest.raises(DimensionError, match="'x' is not a variable"):
        basis.variable("x")
