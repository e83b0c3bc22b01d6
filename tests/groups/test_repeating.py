import pytest

from dimgs.common.errors import InputError
from dimgs.groups.derive import pi_basis
from tests.groups.test_derive import PIPE, check


@pytest.mark.parametrize(
    ("repeating", "message"),
    [
        (["rho", "U"], "2 are given but the rank is 3; choose 3 independent ones, for example"),
        (["rho", "U", "D", "mu"], "4 are given but the rank is 3"),
        (["D", "L", "rho"], "they span 2 of 3 dimensions"),
        (["rho", "U", "dp"], "'dp' is not an input"),
        (["rho", "U", "x"], "'x' is not an input"),
        (["rho", "U", "U"], "given twice"),
        ([], "No variables cannot be the repeating set: 0 are given but the rank is 3"),
    ],
)
def test_a_wrong_repeating_set(repeating: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        pi_basis(PIPE, "dp", repeating=repeating)


def test_the_example_of_a_repeating_set_is_one() -> None:
    with pytest.raises(InputError) as caught:
        pi_basis(PIPE, "dp", repeating=["D"])
    example = str(caught.value).rsplit(" ", 1)[1].rstrip(".").split(",")
    check(pi_basis(PIPE, "dp", repeating=example))


def test_a_repeating_set_must_hold_what_only_the_target_needs() -> None:
    texts = ["F [N]", "m [kg]", "a [m/s^2]", "U [m/s]", "L [m]"]
    with pytest.raises(InputError, match="the rank is 3"):
        pi_basis(texts, "F", repeating=["U", "L"])
    basis = pi_basis(texts, "F", repeating=["U", "L", "m"])
    check(basis)
    assert basis.response is not None
    assert basis.response.as_dict() == {"F": 1, "U": -2, "L": 1, "m": -1}


def test_a_repeating_set_may_hold_a_variable_that_nothing_shares() -> None:
    basis = pi_basis(["L [m]", "D [m]", "I [A]"], repeating=["D", "I"])
    assert [v.name for v in basis.variables] == ["D", "I", "L"]
    assert basis.dropped == ()
    assert pi_basis(["L [m]", "D [m]", "I [A]"], repeating=["D"]).dropped[0].name == "I"
