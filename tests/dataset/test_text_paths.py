"""The two readers of delimited text agree, whichever the size of the file chooses."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dimgs.dataset import raw, read, read_table

_NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=64)
_WORDS = st.sampled_from(["steel", "glass fibre", 'a "b"', "x, y", "µ"])


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(st.tuples(_NUMBERS, _NUMBERS, _WORDS), min_size=1, max_size=20))
def test_small_and_large_files_are_read_alike(
    rows: list[tuple[float, float, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "table.csv"
    quoted = [f'{a!r},{b!r},"{w.replace(chr(34), chr(34) * 2)}"' for a, b, w in rows]
    path.write_text("\n".join(["a [m],b [s],metal", *quoted]) + "\n", encoding="utf-8")
    tables = []
    for small in (0, 1 << 30):
        monkeypatch.setattr(read, "_SMALL_BYTES", small)
        tables.append(read_table(path))
    fast, careful = tables
    assert fast.names == careful.names
    for name in ("a", "b"):
        np.testing.assert_array_equal(fast[name], careful[name])
        np.testing.assert_array_equal(fast[name], [r["ab".index(name)] for r in rows])
    assert list(fast["metal"]) == list(careful["metal"])


@given(st.integers(-99, 99), st.integers(-12, 12), st.sampled_from(["×10{}", "·10{}", " x 10{}"]))
def test_powers_of_ten_are_read_however_they_are_written(
    digits: int, power: int, form: str
) -> None:
    raised = str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    for exponent in (raised, f"^{power}"):
        cell = f"{digits / 10}{form.format(exponent)}"
        assert raw.parse_number(cell) == float(f"{digits / 10}e{power}")
        assert raw.parse_number(cell.replace(".", ","), ",") == raw.parse_number(cell)
