"""Expressions compute with arrays and numbers in any mixture."""

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from dimgs.expression.candidate import compile_expression

X, C = sympy.symbols("x c")
JUNCTIONS = {"and": sympy.And, "or": sympy.Or}


@pytest.mark.parametrize("kind", JUNCTIONS)
@given(st.floats(-2, 2), st.lists(st.floats(-2, 2), min_size=1, max_size=5))
def test_a_condition_of_numbers_alone_stands_beside_one_of_runs(
    kind: str, c: float, x: list[float]
) -> None:
    holds = JUNCTIONS[kind](X < 1, C > 0)
    function = compile_expression([X, C], sympy.Piecewise((2 * X, holds), (X, True)), cse=True)
    each = [v < 1 and c > 0 if kind == "and" else v < 1 or c > 0 for v in x]
    expected = np.array(x) * np.where(each, 2.0, 1.0)
    assert np.asarray(function(np.array(x), c)) == pytest.approx(expected)
