from itertools import combinations, islice

import pytest
from hypothesis import given, settings
from sympy import Matrix, Rational, ilcm

from dimgs.cli.app import run
from dimgs.common.errors import InputError
from dimgs.groups import derive
from dimgs.groups.derive import all_bases, enumerate_bases, pi_basis, repeating_groups
from dimgs.groups.dimensions import DimensionalMatrix
from dimgs.variables import Variable, parse_variable
from tests.groups.random_variables import variable_lists

Key = frozenset[tuple[int, ...]]


def unsigned(vector: tuple[int, ...]) -> tuple[int, ...]:
    lead = next(x for x in vector if x)
    return tuple(x if lead > 0 else -x for x in vector)


def by_brute_force(D: DimensionalMatrix) -> set[Key]:
    """Nullspace of [repeating | one other] for every subset of columns, by SymPy."""
    A = Matrix(len(D.bases), len(D.names), [Rational(str(x)) for row in D.rows for x in row])
    n, r = len(D.names), A.rank() if D.bases else 0
    bases: set[Key] = set()
    for chosen in combinations(range(n), r):
        if r and A[:, list(chosen)].rank() < r:
            continue
        groups = set()
        for j in set(range(n)) - set(chosen):
            columns = [*chosen, j]
            if D.bases:
                (null,) = A[:, columns].nullspace()
            else:
                null = Matrix([1])
            whole = null * ilcm(1, *(x.q for x in null))
            vector = [0] * n
            for column, x in zip(columns, whole, strict=True):
                vector[column] = int(x)
            groups.add(unsigned(tuple(vector)))
        bases.add(frozenset(groups))
    return bases


@settings(deadline=None, max_examples=40)
@given(variable_lists(least=1, most=6))
def test_every_distinct_basis_once(variables: list[Variable]) -> None:
    D = DimensionalMatrix.of(variables)
    enumerated = [frozenset(map(unsigned, b.groups)) for b in enumerate_bases(D)]
    assert len(enumerated) == len(set(enumerated))
    assert set(enumerated) == by_brute_force(D)


def test_a_pipe_has_as_many_bases_as_independent_triples_allow() -> None:
    texts = ["rho [kg/m^3]", "U [m/s]", "D [m]", "mu [Pa*s]", "L [m]", "eps [m]"]
    basis = pi_basis([*texts, "dp [Pa]"], "dp")
    bases = all_bases(basis)
    expected = by_brute_force(basis.matrix)
    keys = {
        frozenset(unsigned(tuple(int(g.get(n)) for n in basis.matrix.names)) for g in b.groups)
        for b in bases
    }
    assert keys == expected
    assert len(bases) == len(expected)
    for each in bases:
        assert each.response is not None
        assert each.response.get("dp") == 1
        assert set(dict(each.response.exponents)) <= {"dp", *each.repeating}


def test_bases_that_differ_only_in_the_repeating_set_are_one() -> None:
    D = DimensionalMatrix.of([parse_variable(v) for v in ("L1 [m]", "L2 [m]")])
    assert len(list(enumerate_bases(D))) == 1


def test_chosen_repeating_variables() -> None:
    D = DimensionalMatrix.of([parse_variable(v) for v in ("A [m^2]", "L [m]", "t [s]", "T [s]")])
    assert repeating_groups(D, ["A", "T"]) == ((-1, 2, 0, 0), (0, 0, 1, -1))
    assert repeating_groups(D, ["A", "L"]) is None
    assert repeating_groups(D, ["A"]) is None


def spread(n: int, rank: int) -> list[str]:
    """Variables of which any `rank` are independent: exponents as in a Vandermonde matrix."""
    bases = ("m", "kg", "s", "K", "A", "mol", "cd")[:rank]
    return [
        f"v{i:02d} [{'*'.join(f'{b}^{pow(i + 1, k, 31)}' for k, b in enumerate(bases))}]"
        for i in range(n)
    ]


@pytest.mark.parametrize(("n", "rank"), [(29, 7), (42, 7), (60, 5)])
def test_too_many_choices_are_refused_at_once_with_a_remedy(n: int, rank: int) -> None:
    D = DimensionalMatrix.of([parse_variable(t) for t in spread(n, rank)])
    with pytest.raises(InputError, match=r"choices of repeating variables, .* \(--columns\)"):
        next(iter(enumerate_bases(D)))


def test_distinct_bases_are_counted_while_they_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derive, "MOST_GROUPS", 1000)
    D = DimensionalMatrix.of([parse_variable(t) for t in spread(12, 4)])
    bases = enumerate_bases(D)
    assert sum(len(basis.groups) for basis in islice(bases, 1000 // 8)) == 1000
    with pytest.raises(InputError, match=r"more than 125 distinct bases of 8 groups, too many"):
        next(bases)


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_the_command_refuses_in_a_sentence(
    form: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["pi", *spread(29, 7), "--all-bases", *form]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: 29 variables over 7 dimensions have 1,560,780 choices")
    assert shown.err.count("\n") == 1


def test_no_variables_have_one_empty_basis() -> None:
    assert [b.groups for b in enumerate_bases(DimensionalMatrix.of([]))] == [()]
