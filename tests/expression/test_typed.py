"""Products of powers as they are typed."""

import pytest

from dimgs.common.errors import InputError
from dimgs.expression.simplest import read_group


def test_the_same_group_is_read_however_it_is_typed() -> None:
    assert read_group("D*t/l^2") == read_group("t * D / l**2") == read_group("D/(l*l/t)")
    assert read_group("a/a") == {}


@pytest.mark.parametrize("text", ["a + b", "2*a", "sin(a)", "a**b", "a^(1e9)", "", "a" * 2000])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not a product of powers"):
        read_group(text)
