import pickle

import pytest

from dimgs.common.errors import DimensionError
from dimgs.groups.derive import UnreachableError, completions, is_reachable, pi_basis, scale_text
from dimgs.variables import parse_variable


def message(inputs: list[str], target: str) -> str:
    return str(UnreachableError([parse_variable(v) for v in inputs], parse_variable(target)))


def test_the_missing_base_the_constants_and_the_scale_are_named() -> None:
    said = message(["M [kg]"], "B [W]")
    assert "'B' [W] is outside the span of the inputs (M [kg])" in said
    assert "no input brings [length], [time]" in said
    assert '--scale "s0 [W/kg]"' in said
    assert "--scale auto" in said


def test_a_pendulum_without_gravity_names_it_first() -> None:
    said = message(["L [m]", "m [kg]"], "T [s]")
    assert "no input brings [time]" in said
    # the commonest, then the one that would let the mass take part
    assert "--constants g or G" in said
    assert "--constants g or c" in message(["L [m]"], "T [s]")


def test_a_missing_combination_is_distinguished_from_a_missing_base() -> None:
    said = message(["U [m/s]"], "L [m]")
    assert "no product of powers of the inputs has the dimension L" in said


def test_no_inputs_and_a_taken_name() -> None:
    assert "(none)" in message([], "T [s]")
    assert '"scale0 [' in message(["s0 [m]"], "T [s]")


def test_why_and_what_would_help_without_the_words_of_a_command_line() -> None:
    inputs, target = [parse_variable("L [m]")], parse_variable("T [s]")
    error = UnreachableError(inputs, target)
    assert error.why.endswith("outside the span of the inputs (L [m]): no input brings [time]")
    assert completions(inputs, target)[0].constants == ("g",)
    assert scale_text(inputs, target) == "s0 [s]"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_the_basis_raises_it() -> None:
    with pytest.raises(DimensionError, match=r"outside the span.*--constants g"):
        pi_basis(["T [s]", "L [m]"], "T")
    with pytest.raises(DimensionError, match="outside the span"):
        pi_basis(["T [s]", "L [m]"], "T", repeating=["L"])


@pytest.mark.parametrize(("unit", "other"), [("Nm", "N*m"), ("kg/m s", "kg/(m*s)")])
def test_a_unit_that_was_probably_misread_is_named_as_the_cause(unit: str, other: str) -> None:
    inputs = [parse_variable(f"M [{unit}]"), parse_variable("L [m]")]
    said = str(UnreachableError(inputs, parse_variable("y [N]")))
    assert f"'M': the unit '{unit}' reads as" in said
    assert other in said
    assert "First look" not in message(["L [m]"], "y [N]")


def test_reachable() -> None:
    length, area = parse_variable("L [m]"), parse_variable("A [m^2]")
    assert is_reachable([length], area)
    assert is_reachable([], parse_variable("Re [1]"))
    assert not is_reachable([length], parse_variable("T [s]"))
