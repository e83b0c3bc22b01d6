"""Groups that scalings leave: as many less as there are scalings, and none of them changed."""

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dimgs.common.errors import InputError
from dimgs.groups.derive import pi_basis
from dimgs.groups.scalings import invariant_basis, read_scalings

BAR = pi_basis(["d [m]", "F [N]", "L [m]", "E [Pa]", "J [m^4]", "w [m]"], "d")
WEIGHTS = st.fractions(-3, 3, max_denominator=4)
NAMES = ("d", "F", "L", "E", "J", "w")


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(NAMES, WEIGHTS)), min_size=1, max_size=2))
def test_every_group_stays_where_its_columns_are_scaled(
    scalings: list[dict[str, Fraction]],
) -> None:
    try:
        basis = invariant_basis(BAR, scalings)
    except InputError:
        assume(False)
    assert len(BAR.groups) - len(scalings) <= len(basis.groups) < len(BAR.groups)
    for group in basis.every_group:
        for s in scalings:
            assert sum(e * s[n] for n, e in group.exponents) == 0
    assert basis.response is not None
    assert basis.response.get("d") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("F=1, E=1", "it follows from the units"),
        ("d=1", "no law has the scaling"),
        ("F=1, q=2", "names 'q', which is neither the target nor a positive input"),
        ("F=one", "is not a scaling; give the weight of each column"),
        ("F", "is not a scaling"),
        ("absent.json", "cannot be read"),
    ],
)
def test_what_removes_no_group_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        invariant_basis(BAR, read_scalings(text))
