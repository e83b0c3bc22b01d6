from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from dimgs.fits.snapping import ReducedSystem

small = st.fractions(min_value=-5, max_value=5, max_denominator=6)


@given(
    rows=st.lists(st.lists(small, min_size=3, max_size=3), max_size=5),
    solution=st.lists(small, min_size=3, max_size=3),
    weights=st.lists(small, min_size=5, max_size=5),
)
def test_a_consistent_system_implies_what_its_rows_span(
    rows: list[list[Fraction]], solution: list[Fraction], weights: list[Fraction]
) -> None:
    def at(row: list[Fraction]) -> Fraction:
        return sum((a * b for a, b in zip(row, solution, strict=True)), Fraction(0))

    system = ReducedSystem.of([[*row, at(row)] for row in rows], 3)
    assert system.consistent
    combined = [
        sum((w * row[j] for w, row in zip(weights, rows, strict=False)), Fraction(0))
        for j in range(3)
    ]
    assert system.implied(combined) == at(combined)
    assert len(system.rows) <= 3


def test_contradictions_and_the_undetermined_are_noticed() -> None:
    one, two = Fraction(1), Fraction(2)
    system = ReducedSystem.of([[one, one, one], [two, two, one]], 2)
    assert not system.consistent
    loose = ReducedSystem.of([[one, one, two]], 2)
    assert loose.implied([two, two]) == 4
    assert loose.implied([one, Fraction(0)]) is None
