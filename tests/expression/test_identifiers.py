import keyword
import unicodedata

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from dimgs.expression import reserved_names, safe_identifiers

AWKWARD = [
    *("lambda", "beta", "E", "I", "N", "S", "Q", "pi", "gamma", "zeta", "T_g (K)", "ρ", "Δp"),
    *("1st col", "x y", "x-y", "", "  ", "%", "_", "__class__", "print", "match", "µ", "u*", "y+"),
    *("O", "re", "ff", "test", "physics", "np", "Re", "λ_1", "η∞", "ﬁ", "x²", "é", "温度", "a.b"),
]
# letters, signs and marks that tables have, and any character at all
names = st.one_of(
    st.text(alphabet="abxEINSQ_ ρΔµ²()%/*'1.-", max_size=6),
    st.text(max_size=6),
    st.sampled_from(AWKWARD),
)


def assert_safe(identifier: str) -> None:
    assert identifier.isidentifier()
    assert unicodedata.normalize("NFKC", identifier) == identifier
    assert not keyword.iskeyword(identifier)
    assert not keyword.issoftkeyword(identifier)
    assert not hasattr(sympy, identifier)
    assert not identifier.startswith("__")
    assert sympy.sympify(f"2*{identifier}") == 2 * sympy.Symbol(identifier)


@given(st.lists(names, unique=True, max_size=8))
def test_identifiers_are_valid_distinct_and_free(columns: list[str]) -> None:
    identifiers = safe_identifiers(columns)
    assert list(identifiers) == columns
    assert len(set(identifiers.values())) == len(columns)
    for identifier in identifiers.values():
        assert_safe(identifier)


@given(st.lists(names, unique=True, max_size=6), names)
def test_a_further_column_changes_nothing_unless_it_bears_an_identifier(
    columns: list[str], further: str
) -> None:
    before = safe_identifiers(columns)
    if further in before.values():
        return
    after = safe_identifiers([*columns, further])
    assert all(after[name] == identifier for name, identifier in before.items())


@given(st.lists(names, unique=True, max_size=6))
def test_identifiers_are_their_own_identifiers(columns: list[str]) -> None:
    once = list(safe_identifiers(columns).values())
    assert list(safe_identifiers(once).values()) == once


@pytest.mark.parametrize("name", ["rho", "U", "D", "mu", "tau_w", "Re", "T", "k_", "_x", "dp"])
def test_ordinary_names_stay(name: str) -> None:
    assert safe_identifiers([name]) == {name: name}


def test_awkward_names_read_well() -> None:
    identifiers = safe_identifiers(AWKWARD)
    expected = {
        "lambda": "lambda_",
        "E": "E_",
        "T_g (K)": "T_g_K",
        "ρ": "rho",
        "Δp": "Delta_p",
        "1st col": "x_1st_col",
        "x y": "x_y",
        "x-y": "x_y_2",
        "µ": "mu",
        "u*": "u_star",
        "y+": "y_plus",
        "λ_1": "lambda_1",
        "η∞": "eta_inf",
        "x²": "x2",
        "": "x",
        "np": "np_",
    }
    assert {name: identifiers[name] for name in expected} == expected


def test_an_ordinary_name_keeps_its_identifier_wherever_it_stands() -> None:
    assert safe_identifiers(["x y", "x_y"]) == {"x y": "x_y_2", "x_y": "x_y"}
    assert safe_identifiers(["lambda", "lambda_"]) == {"lambda": "lambda_2", "lambda_": "lambda_"}


def test_reserved_names_are_avoided() -> None:
    assert safe_identifiers(["k", "rho"], reserved={"k"}) == {"k": "k_", "rho": "rho"}


def test_submodules_are_reserved_before_they_are_imported() -> None:
    assert {"physics", "stats", "vector", "holonomic"} <= reserved_names()
