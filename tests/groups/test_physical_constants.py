"""Physical constants: values, look-up, and what completes a target out of reach."""

from fractions import Fraction
from functools import cache
from typing import Any

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from dimgs.common.errors import DimensionError, InputError
from dimgs.groups.derive import complete_span, missing_scale
from dimgs.groups.kinds import kind, parse_dimension
from dimgs.groups.physical_constants import all_constants, constant
from dimgs.variables import Dimension

BASES = ("[length]", "[mass]", "[time]", "[temperature]")


@cache
def registry() -> Any:
    """Of Pint; it takes most of a second to make."""
    return pytest.importorskip("pint").UnitRegistry()


def rank(dimensions: list[Dimension]) -> int:
    """Independent rank, by SymPy."""
    bases = sorted({base for each in dimensions for base, _ in each})
    rows = [[sympy.Rational(each.get(base)) for base in bases] for each in dimensions]
    return int(sympy.Matrix(rows).rank()) if bases else 0


def symbols(inputs: list[str], target: str) -> list[str]:
    completions = complete_span([parse_dimension(code) for code in inputs], parse_dimension(target))
    return ["+".join(each.symbol for each in chosen) for chosen in completions]


def test_the_usual_constants_are_there() -> None:
    wanted = [
        "g",
        "G",
        "c",
        "h",
        "hbar",
        "k_B",
        "N_A",
        "R",
        "e",
        "m_e",
        "m_p",
        "F",
        "eps_0",
        "mu_0",
        "sigma",
        "a_0",
        "R_inf",
        "b_Wien",
        "u",
    ]
    have = [each.symbol for each in all_constants()]
    assert set(wanted) <= set(have)
    assert len(have) == len(set(have))


@pytest.mark.parametrize("each", all_constants(), ids=lambda each: each.symbol)
def test_units_are_coherent_and_agree_with_dimensions(each: Any) -> None:
    unit = registry()(each.unit)
    assert {base: Fraction(power) for base, power in unit.dimensionality.items()} == dict(
        each.dimension
    )
    assert unit.to_base_units().magnitude == 1
    assert each.value > 0
    if each.kind is not None:
        assert dict(kind(each.kind).dimension) == dict(each.dimension)


def test_values() -> None:
    assert constant("g").value == 9.80665
    assert constant("c").value == 299792458.0
    assert constant("h").value == 6.62607015e-34
    assert constant("k_B").value == 1.380649e-23
    assert constant("R").value == pytest.approx(constant("k_B").value * constant("N_A").value)
    assert constant("F").value == pytest.approx(constant("e").value * constant("N_A").value)
    light = (constant("eps_0").value * constant("mu_0").value) ** -0.5
    assert light == pytest.approx(constant("c").value, rel=1e-9)


@pytest.mark.parametrize(
    ("alias", "symbol"),
    [
        ("kB", "k_B"),
        ("k_B", "k_B"),
        ("KB", "k_B"),
        ("Boltzmann", "k_B"),
        ("Planck", "h"),
        ("planck constant", "h"),
        ("ħ", "hbar"),
        ("h_bar", "hbar"),
        ("speed of light", "c"),
        ("gravity", "g"),
        ("g", "g"),
        ("G", "G"),
        ("epsilon_0", "eps_0"),
        ("mu0", "mu_0"),
        ("avogadro", "N_A"),
        ("Stefan-Boltzmann", "sigma"),
        ("amu", "u"),
        ("Wien", "b_Wien"),
    ],
)
def test_aliases(alias: str, symbol: str) -> None:
    assert constant(alias).symbol == symbol


def test_unknown_constants_list_near_matches() -> None:
    with pytest.raises(InputError, match=r"'Plank'.*h \(Planck constant\)"):
        constant("Plank")
    with pytest.raises(InputError, match=r"'C'.*c \(speed of light in vacuum\)"):
        constant("C")
    with pytest.raises(InputError, match="known are g, c, k_B"):
        constant("zzzz")


@pytest.mark.parametrize(
    ("inputs", "target", "first", "missing_from"),
    [
        (["L"], "T", "g", "G"),
        (["M", "L"], "T", "g", "sigma"),
        (["M"], "M L2 T-2", "c", "g"),
        (["K"], "M L2 T-2", "k_B", "g"),
        (["L", "M"], "M L T-2", "g", "e"),
        (["K", "N L-3"], "M L-1 T-2", "R", "g"),
        (["T-1"], "M L2 T-2", "h", "c"),
        (["K"], "M T-3", "sigma", "k_B"),
        (["M L-3"], "T", "G", "g"),
    ],
)
def test_one_constant_completes(
    inputs: list[str], target: str, first: str, missing_from: str
) -> None:
    completions = symbols(inputs, target)
    assert first in completions
    assert missing_from not in completions
    assert not any("+" in each for each in completions)


def test_most_plausible_first() -> None:
    assert symbols(["L"], "T")[:2] == ["g", "c"]
    assert symbols(["M"], "M L2 T-2") == ["c"]
    assert symbols(["K"], "M L2 T-2") == ["k_B"]


def test_pairs_where_no_single_constant_is_enough() -> None:
    pairs = symbols(["K"], "M L2 T-3")
    assert "k_B+h" in pairs
    assert all(each.count("+") == 1 for each in pairs)
    assert not any("hbar" in each for each in pairs)
    place = {each.symbol: position for position, each in enumerate(all_constants())}
    sums = [sum(place[part] for part in each.split("+")) for each in pairs]
    assert sums == sorted(sums)


@pytest.mark.parametrize(("inputs", "target"), [([], "T-1"), (["K"], "M L-1 T-2"), (["M"], "T-2")])
def test_no_pair_reaches_the_target_without_an_input(inputs: list[str], target: str) -> None:
    # of a rate without inputs, c and a_0 say nothing
    for chosen in complete_span(
        [parse_dimension(code) for code in inputs], parse_dimension(target)
    ):
        alone = [each.dimension for each in chosen]
        assert len(chosen) == 1 or rank([*alone, parse_dimension(target)]) > rank(alone)


@pytest.mark.parametrize(
    ("inputs", "target"), [(["L", "T"], "L T-1"), (["L2"], "L"), (["L"], ""), ([], "")]
)
def test_nothing_to_complete(inputs: list[str], target: str) -> None:
    assert symbols(inputs, target) == []
    with pytest.raises(DimensionError, match="already"):
        missing_scale([parse_dimension(code) for code in inputs], parse_dimension(target))


def test_out_of_reach_of_every_pair() -> None:
    assert symbols(["L"], "J") == []
    inputs, currency = [parse_dimension("L")], Dimension.of({"[currency]": 1})
    assert complete_span(inputs, currency) == []
    assert missing_scale(inputs, currency**3 * inputs[0]) == currency


@pytest.mark.parametrize(
    ("inputs", "target", "scale"),
    [
        (["L"], "L T-1", "T"),
        (["M L-3", "L"], "M L-1 T-2", "T"),
        (["M"], "M L2 T-3", "L2 T-3"),
        (["M L-3", "L T-1"], "M L T-2", "L"),
        (["L1/2"], "T-3/2", "T"),
        ([], "M L-1 T-2", "L-1 M T-2"),
        (["K"], "K M1/2 L-1", "L-2 M"),
    ],
)
def test_simplest_missing_scale(inputs: list[str], target: str, scale: str) -> None:
    dimension = missing_scale([parse_dimension(code) for code in inputs], parse_dimension(target))
    assert dimension == parse_dimension(scale)


exponents = st.integers(-3, 3).map(lambda twice: Fraction(twice, 2))
dimensions = st.fixed_dictionaries({}, optional=dict.fromkeys(BASES, exponents)).map(Dimension.of)


@given(st.lists(dimensions, max_size=4), dimensions)
def test_completions_are_exact_and_smallest(inputs: list[Dimension], target: Dimension) -> None:
    reached = rank(inputs) == rank([*inputs, target])
    completions = complete_span(inputs, target)
    if reached:
        assert completions == []
        return
    for chosen in completions[:3]:
        held = [*inputs, *(each.dimension for each in chosen)]
        assert rank(held) == rank([*held, target])
    for single in [each.dimension for each in all_constants()]:
        if rank([*inputs, single]) == rank([*inputs, single, target]):
            assert all(len(chosen) == 1 for chosen in completions)
            assert single in [chosen[0].dimension for chosen in completions]
    scale = missing_scale(inputs, target)
    assert rank([*inputs, scale]) == rank([*inputs, scale, target]) == rank(inputs) + 1
    assert all(power.denominator == 1 for _, power in scale)
    fewer = [Dimension.of({base: 1}) for base in BASES]
    if any(rank([*inputs, one]) == rank([*inputs, one, target]) for one in fewer):
        assert len(scale.exponents) == 1
