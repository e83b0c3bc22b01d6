"""Random inputs for the property tests of this folder."""

from fractions import Fraction

from hypothesis import strategies as st

from dimgs.variables import Dimension, Unit, Variable, si_unit

BASES = (
    "[length]",
    "[mass]",
    "[time]",
    "[temperature]",
    "[current]",
    "[substance]",
    "[luminosity]",
)
EXPONENTS = st.one_of(
    st.integers(-3, 3).map(Fraction),
    st.sampled_from([Fraction(1, 2), Fraction(-1, 2), Fraction(1, 3), Fraction(-3, 4)]),
)


def dimensions(count: int) -> st.SearchStrategy[Dimension]:
    """Dimensions over the first `count` base dimensions."""
    powers = st.lists(EXPONENTS, min_size=count, max_size=count)
    return powers.map(lambda row: Dimension.of(dict(zip(BASES, row, strict=False))))


def variable(name: str, dimension: Dimension) -> Variable:
    """Variable in the coherent unit of its dimension."""
    return Variable(name, Unit(si_unit(dimension), dimension))


@st.composite
def variable_lists(draw: st.DrawFn, least: int = 1, most: int = 7) -> list[Variable]:
    """Lists of variables v0, v1, ... over at most four base dimensions."""
    bases = draw(st.integers(1, 4))
    drawn = draw(st.lists(dimensions(bases), min_size=least, max_size=most))
    return [variable(f"v{i}", dimension) for i, dimension in enumerate(drawn)]
