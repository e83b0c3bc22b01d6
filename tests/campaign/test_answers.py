"""What is told: conditions, boundaries, monomials and sentences."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.campaign.answers import essential, monomial_of, physical
from dimgs.campaign.plan import PiSpace
from dimgs.campaign.result import RegimeAnswer, sentence
from dimgs.campaign.result import Tested as Evidence
from dimgs.fits.estimate import Exponent
from dimgs.groups.derive import pi_basis
from tests.campaign.test_space import film

BASIS = pi_basis(["a [m]", "b [m]", "c [m]", "y [m]"], "y")
SPACE = PiSpace(dict.fromkeys("abc", (1e-4, 1e4)), BASIS, {})
# y is a, b or c
RATIONALS = [[Fraction(i == j) for j in range(3)] for i in range(3)]


def test_two_groups_are_essential() -> None:
    assert len(essential(SPACE, RATIONALS)) == 2
    assert essential(SPACE, RATIONALS[:1]) == ()
    assert essential(SPACE, [[None, None, None], *RATIONALS]) == ()


@given(st.integers(0, 500))
@settings(max_examples=25)
def test_what_tells_two_sets_apart_does(seed: int) -> None:
    rng = np.random.default_rng(seed)
    z = rng.uniform(-1.0, 1.0, (30, SPACE.rank))
    w = rng.normal(size=SPACE.rank)
    upper = z @ w > 0.1
    found = SPACE.axes.separating(z[~upper], z[upper])
    assert found is not None
    assert found.monomial is not None
    along = SPACE.axes.at(z) @ [float(p) for p in found.monomial]
    assert np.allclose(along, found.along(z))
    sides = along <= found.low + 1e-9, along >= found.high - 1e-9
    assert np.array_equal(sides[found.above], upper)
    assert np.array_equal(sides[found.below], ~upper)
    assert np.array_equal(found.is_first(0.5, z), ~upper)
    mixed = SPACE.axes.separating(np.vstack([z[~upper], z[upper][:1]]), z[upper])
    assert mixed is None


@given(st.lists(st.integers(-3, 3), min_size=5, max_size=5))
@settings(max_examples=40)
def test_a_monomial_has_the_exponents_asked_for(powers: list[int]) -> None:
    space = film()
    groups = space.basis.groups
    wanted = [
        sum((p * g.get(n) for p, g in zip(powers, groups, strict=True)), Fraction(0))
        for n in space.names
    ]
    found = monomial_of(space, wanted) if any(wanted) else None
    if found is None:
        assert not any(wanted)
        return
    group = physical(found, groups)
    ratios = {group.get(n) / w for n, w in zip(space.names, wanted, strict=True) if w}
    assert len(ratios) == 1
    assert all(not group.get(n) for n, w in zip(space.names, wanted, strict=True) if not w)


def test_without_rationals_a_monomial_is_decimal() -> None:
    space = film()
    slope = np.array([0.3, -0.2, 0.5, 0.1, 0.7])
    found = space.axes.decimal(slope)
    z = np.random.default_rng(0).normal(size=(30, 5))
    along = space.axes.at(z) @ [float(p) for p in found]
    assert abs(np.corrcoef(along, z @ slope)[0, 1]) > 0.999


@pytest.mark.parametrize(
    ("exponents", "told"),
    [
        ([("t", 1.0, 0.01, 1), ("h", 0.0, 0.01, 0)], "x is proportional to t; h does not matter."),
        ([("t", 0.0, 0.01, 0)], "x is constant."),
        ([("t", 1.37, 0.01, None)], "x goes as the power 1.37 of t."),
        ([("t", 1.0, np.inf, None)], "x is constant; nothing can be said yet about t."),
        ([("a", -1.0, 0.1, -1), ("b", -1.0, 0.1, -1)], "x is inversely proportional to a and b."),
    ],
)
def test_sentences(exponents: list[tuple[str, float, float, int | None]], told: str) -> None:
    known = tuple(
        Exponent(n, v, v - h, v + h, None if r is None else Fraction(r)) for n, v, h, r in exponents
    )
    regime = RegimeAnswer("pi_1 < 1", "here", known, {}, 1.0, {}, Evidence(1, 0.01, 0.02))
    assert sentence("x", regime) == f"Where here, {told}"


def test_a_constant_names_what_dimensions_leave_for_inputs_that_did_not_vary() -> None:
    idle = (Exponent("t", 0.0, -0.01, 0.01, Fraction(0)),)
    implied = (Exponent("c", 1.0, 1.0, 1.0, Fraction(1)), Exponent("d", 0.0, 0.0, 0.0, Fraction(0)))
    tested = Evidence(1, 0.01, 0.02)
    regime = RegimeAnswer("pi_1 < 1", "here", idle, {}, 1.0, {}, tested, implied=implied)
    assert sentence("m", regime) == "Where here, m is constant at the same c."
