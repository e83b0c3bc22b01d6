"""What is told: conditions, boundaries, monomials and sentences."""

from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.campaign.analysis import Evidence, Goal, analyse
from dimgs.campaign.borders import boundaries, essential
from dimgs.campaign.design import Region
from dimgs.campaign.monomials import decimal_monomial, monomial_of
from dimgs.campaign.places import core_conditions, where_text, where_words
from dimgs.campaign.space import PiSpace, Points
from dimgs.campaign.text import sentence
from dimgs.expression import sympy_parse_condition
from dimgs.fits.estimate import Exponent
from dimgs.groups.derive import pi_basis
from tests.campaign.test_space import film

BASIS = pi_basis(["a [m]", "b [m]", "c [m]", "y [m]"], "y")
ENDS = np.log([[1e-4, 1e4]] * 3)
SPACE = PiSpace(BASIS, ("a", "b", "c"), ENDS[:, 0], ENDS[:, 1], {})
REGION = Region(SPACE)
POOL = REGION.fill(400, 1)


def series() -> Evidence:
    """y = 1/(1/a + 1/b + 1/c): three regimes."""
    z = REGION.fill(200, 0)
    points = Points(SPACE.rank, 1)
    for row in z:
        points.add(row)
    values = SPACE.centre + points.z @ SPACE.transform * SPACE.half
    y = -np.logaddexp.reduce(-values, axis=1)
    shift = np.array([SPACE.response_shift(SPACE.values(row)) for row in values])
    points.y[:, 0] = y + shift
    goal = Goal(SPACE, REGION, 0.9, 0.02, None, np.zeros((0, SPACE.rank)))
    return analyse(goal, points, POOL)


STATE = series()
RATIONALS = [
    [Fraction(round(float(x))) for x in SPACE.offset + SPACE.exponent_map @ law.slope]
    for law in STATE.regimes.laws
]


def test_the_condition_of_a_regime_is_its_core() -> None:
    assert len(STATE.regimes.laws) == 3
    names = [g.name for g in BASIS.groups]
    values = np.exp(SPACE.log_groups(POOL))
    for k in range(3):
        conditions = core_conditions(SPACE, STATE, k, RATIONALS, POOL)
        text = where_text(SPACE, conditions)
        words = where_words(SPACE, conditions)
        assert len(conditions) == words.count("<") + words.count("≥") == 2
        condition = sympy.lambdify(names, sympy_parse_condition(text, names), "numpy")
        inside = np.asarray(condition(*values.T), dtype=bool)
        core = STATE.regimes.gaps(POOL)[:, k] >= STATE.regimes.margins[k]
        # thresholds are written with four digits, and exponents rounded
        assert np.mean(inside == core) > 0.97


def test_boundaries_are_ratios_of_the_inputs() -> None:
    found = boundaries(SPACE, STATE, STATE.answers, RATIONALS, POOL, 0.9)
    assert {b.physical for b in found} <= {f"{x}·{y}⁻¹" for x in "abc" for y in "abc"}
    assert len(found) == 3
    for b in found:
        assert b.value == pytest.approx(1.0, abs=0.1)
        assert b.low <= b.value <= b.high


def test_two_groups_are_essential() -> None:
    assert len(essential(SPACE, RATIONALS)) == 2
    assert essential(SPACE, RATIONALS[:1]) == ()
    assert essential(SPACE, [[None, None, None], *RATIONALS]) == ()


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
        assert not any(wanted) or sum(map(bool, powers)) > 4
        return
    physical = found.physical(groups)
    ratios = {physical.get(n) / w for n, w in zip(space.names, wanted, strict=True) if w}
    assert len(ratios) == 1
    assert all(not physical.get(n) for n, w in zip(space.names, wanted, strict=True) if not w)


def test_without_rationals_a_monomial_is_decimal() -> None:
    space = film()
    slope = np.array([0.3, -0.2, 0.5, 0.1, 0.7])
    found = decimal_monomial(space, slope)
    z = np.random.default_rng(0).normal(size=(30, 5))
    along = found.log(space.log_groups(z))
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
    found = [
        Exponent(n, v, v - h, v + h, None if r is None else Fraction(r)) for n, v, h, r in exponents
    ]
    assert sentence("x", "here", found) == f"Where here, {told}"


def test_a_jump_lies_between_the_runs_and_not_where_the_laws_meet() -> None:
    basis = pi_basis(["x [1]", "y [1]"], "y")
    space = PiSpace(basis, ("x",), np.array([-9.0]), np.array([9.0]), {})
    region = Region(space)
    points = Points(1, 1)
    for row in region.fill(60, 2):
        points.add(row)
    log = points.z[:, 0] * 9.0
    points.y[:, 0] = np.where(log < 3.0, log, 0.5 * log + 0.2)
    goal = Goal(space, region, 0.9, 0.02, None, np.zeros((0, 1)))
    evidence = analyse(goal, points, region.fill(400, 1))
    rationals = [[Fraction(1)], [Fraction(1, 2)]]
    slopes = [float((space.exponent_map @ law.slope)[0]) for law in evidence.regimes.laws]
    if slopes[0] < slopes[1]:
        rationals.reverse()
    (found,) = boundaries(space, evidence, evidence.answers, rationals, region.fill(400, 1), 0.9)
    assert found.kind == "jump"
    assert found.low <= np.exp(3.0) <= found.high
