from typing import Any

import numpy as np
import pytest

from dimgs.common.errors import InputError
from dimgs.groups.derive import (
    automatic_scales,
    constant_variables,
    isolated_names,
    scale_variable,
    variables_of,
)
from dimgs.variables import parse_unit, parse_variable, registry


def test_sources_of_every_kind_give_the_same_variables() -> None:
    units = registry()
    texts = variables_of(["U [m/s]", "L [m]"])
    sources: list[Any] = [
        {"U": "m/s", "L": "m"},
        {"U": units.Unit("m/s"), "L": units.Unit("m")},
        {"U": 3.0 * units.Unit("m/s"), "L": np.array([1.0, 2.0]) * units.Unit("m")},
        {"U": parse_unit("m/s"), "L": parse_unit("m")},
        (parse_variable("U [m/s]"), "L [m]"),
    ]
    for source in sources:
        variables = variables_of(source)
        assert [(v.name, v.dimension) for v in variables] == [(v.name, v.dimension) for v in texts]


def test_a_dataset_like_object_is_read_by_its_variables() -> None:
    class Table:
        variables = (parse_variable("U [m/s]"),)

    assert variables_of(Table()) == Table.variables


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("U [m/s]", "single text"),
        (["U"], "has no unit"),
        ({"U": "furlongz"}, "Variable 'U'"),
        (["U [m/furlongz]"], "Variable 'U'"),
        (7, "give a table"),
        (None, "give a table"),
    ],
)
def test_unreadable_sources(source: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        variables_of(source)


def test_constants_carry_their_value_and_kind() -> None:
    g, c = constant_variables(["g", "c"])
    assert (g.role, g.value, g.kind) == ("constant", 9.80665, "gravity")
    assert c.value == 299792458.0
    with pytest.raises(InputError, match="name of a column"):
        constant_variables(["g"], ["g"])
    with pytest.raises(InputError, match="zeta"):
        constant_variables(["zeta"])


@pytest.mark.parametrize("text", ["M0 [1]", "M0 [dB]", "M0 [label]"])
def test_a_scale_needs_a_dimension(text: str) -> None:
    with pytest.raises(InputError, match="needs a unit with a dimension"):
        scale_variable(text)


def test_a_scale_needs_a_unit_and_a_free_name() -> None:
    assert scale_variable("M0 [kg]").role == "scale"
    with pytest.raises(InputError, match="has no unit"):
        scale_variable("M0")
    with pytest.raises(InputError, match="name of a column"):
        scale_variable("M [kg]", ["M"])


def scales_for(
    inputs: list[str], target: str | None, varying: list[str] | None = None
) -> list[tuple[str, str]]:
    parsed = [parse_variable(v) for v in inputs]
    scales = automatic_scales(parsed, parse_variable(target) if target else None, varying)
    return [(v.name, v.si_unit) for v in scales]


def test_automatic_scales() -> None:
    assert scales_for(["M [kg]"], "B [W]") == [("M0", "kg"), ("B0", "W")]
    assert scales_for(["L [m]", "D [m]"], "A [m^2]") == []
    assert scales_for(["L [m]", "m [kg]"], "A [m^2]", ["m"]) == [("m0", "kg")]
    assert scales_for(["L [m]", "m [kg]"], "A [m^2]", []) == []
    assert scales_for(["L [m]", "L0 [m]", "m [kg]"], None) == [("m0", "kg")]
    assert scales_for(["m [kg]", "m0 [s]", "t [s]"], None) == [("m00", "kg")]
    assert scales_for(["L [m]", "D [m]"], "S [dB]") == []


def test_isolated_names() -> None:
    inputs = [parse_variable(v) for v in ("L [m]", "D [m]", "m [kg]", "theta [rad]")]
    assert isolated_names(inputs) == {"m"}
    assert isolated_names([]) == frozenset()
