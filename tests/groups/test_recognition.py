"""Recognition: every entry from shuffled, renamed columns, and no name where there is doubt."""

import itertools
import string
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.groups.catalogue import Definition, NamedNumber, all_numbers, named_number, slot_kinds
from dimgs.groups.group import Recognition, named_group_exponents, recognise
from dimgs.groups.kinds import Kind, infer_kinds, kind, parse_dimension
from dimgs.variables import Dimension
from tests.patience import Work

NUMBERS = all_numbers()
# Numbers that are powers of one another: either name is right for other powers than 1 and -1.
SAME_RAY = (
    {"Ohnesorge number", "Laplace number"},
    {"Bond number", "confinement number"},
    {"Morton number", "Kapitza number"},
    {"Hartmann number", "Chandrasekhar number"},
    {"Alfvén number", "Cowling number"},
    {"Ekman number", "Taylor number"},
    {"Richardson number", "densimetric Froude number"},
)

Columns = tuple[dict[str, Fraction], dict[str, tuple[Kind, ...]]]


def columns(**codes: str) -> dict[str, tuple[Kind, ...]]:
    """Kinds as inferred from names and dimensions alone."""
    return {name: infer_kinds(name, parse_dimension(code)) for name, code in codes.items()}


def label(kinds: dict[str, tuple[Kind, ...]], **exponents: float | str) -> str | None:
    recognition = recognise({name: Fraction(value) for name, value in exponents.items()}, kinds)
    return None if recognition is None else recognition.label


def renamed(definition: Definition, chosen: tuple[str, ...], seed: int) -> Columns:
    """Columns with meaningless names in random order; hints give the kinds."""
    rng = np.random.default_rng(seed)
    names = [f"x{number}" for number in rng.permutation(len(definition))]
    exponents, kinds = {}, {}
    for position in rng.permutation(len(definition)):
        exponents[names[position]] = definition[position][1]
        dimension = kind(chosen[position]).dimension
        kinds[names[position]] = infer_kinds(names[position], dimension, hint=chosen[position])
    return exponents, kinds


def kind_choices(definition: Definition) -> Iterator[tuple[str, ...]]:
    return itertools.product(*(sorted(slot_kinds(slot)) for slot, _ in definition))


@pytest.mark.parametrize("entry", NUMBERS, ids=lambda entry: entry.name)
def test_recognised_from_shuffled_renamed_columns_with_hints(entry: NamedNumber) -> None:
    for definition in entry.definitions:
        for seed, chosen in enumerate(kind_choices(definition)):
            exponents, kinds = renamed(definition, chosen, seed)
            recognition = recognise(exponents, kinds)
            assert recognition is not None, chosen
            assert (recognition.name, recognition.power) == (entry.name, Fraction(1))
            assert recognition.latex == entry.symbol
            assert recognition.number is entry
            assert sorted(recognition.assignment.values()) == sorted(slot for slot, _ in definition)


def rebuilds(recognition: Recognition, group: dict[str, Fraction]) -> bool:
    """Whether a definition of the number, to the power found, gives the group back."""
    by_slot = {slot: group[name] for name, slot in recognition.assignment.items()}
    return any(
        {slot: recognition.power * value for slot, value in definition} == by_slot
        for definition in recognition.number.definitions
    )


@pytest.mark.parametrize(
    "power", [Fraction(-1), Fraction(2), Fraction(-3), Fraction(1, 2)], ids=str
)
@pytest.mark.parametrize("entry", NUMBERS, ids=lambda entry: entry.name)
def test_powers_and_inverses_are_recognised(entry: NamedNumber, power: Fraction) -> None:
    for definition in entry.definitions:
        exponents, kinds = renamed(definition, next(kind_choices(definition)), seed=3)
        group = {name: power * value for name, value in exponents.items()}
        recognition = recognise(group, kinds)
        assert recognition is not None
        assert rebuilds(recognition, group)
        if recognition.name == entry.name:
            assert recognition.power == power
        else:
            assert power != -1
            assert {recognition.name, entry.name} in SAME_RAY


def test_labels_and_latex_of_powers() -> None:
    kinds = columns(nu="L2 T-1", alpha="L2 T-1", eps="L", D="L", rho="M L-3", mu="M L-1 T-1")
    kinds |= columns(U="L T-1", g="L T-2", beta="K-1", q="M T-3", L="L", k="M L T-3 K-1")
    assert label(kinds, nu=1, alpha=-1) == "Prandtl number"
    assert label(kinds, nu=-1, alpha=1) == "1/Prandtl number"
    assert label(kinds, rho=2, U=2, D=2, mu=-2) == "Reynolds number^2"
    assert label(kinds, nu="1/3", alpha="-1/3") == "Prandtl number^(1/3)"
    assert label(kinds, U=2, g=-1, D=-1) == "Froude number^2"
    rough = recognise({"eps": Fraction(2), "D": Fraction(-2)}, kinds)
    assert rough is not None
    assert rough.latex == r"\left(\varepsilon/D\right)^{2}"
    flux = {"g": 2, "beta": 2, "q": 2, "L": 8, "k": -2, "nu": -4}
    starred = recognise({name: Fraction(value) for name, value in flux.items()}, kinds)
    assert starred is not None
    assert starred.latex == r"{\mathrm{Gr}^*}^{2}"


def test_diffusivities_need_a_name_or_a_hint() -> None:
    kinds = columns(nu="L2 T-1", alpha="L2 T-1", D="L2 T-1", x="L2 T-1", chi="L2 T-1")
    kinds |= columns(U="L T-1", L="L", g="L T-2")
    assert label(kinds, nu=1, alpha=-1) == "Prandtl number"
    assert label(kinds, nu=1, D=-1) == "Schmidt number"
    assert label(kinds, alpha=1, D=-1) == "Lewis number"
    assert label(kinds, nu=1, x=-1) is None
    assert label(kinds, x=1, chi=-1) is None
    assert label(kinds, U=1, L=1, x=-1) is None
    assert label(kinds, g=1, L=3, x=-2) is None
    kinds["x"] = infer_kinds("x", parse_dimension("L2 T-1"), hint="mass diffusivity")
    assert label(kinds, nu=1, x=-1) == "Schmidt number"
    assert label(kinds, U=1, L=1, x=-1) == "mass Péclet number"


def test_ambiguous_kinds_with_different_names_give_none() -> None:
    kinds = columns(rho="M L-3", U="L T-1", x="M L-1 T-2", y="T-1", L="L", h="M T-3 K-1")
    kinds |= columns(z="M L T-3 K-1", k="M L T-3 K-1", k_s="M L T-3 K-1", w="M L2 T-2 K-1")
    assert label(kinds, x=1, rho=-1, U=-2) is None
    assert label(kinds, y=1, L=1, U=-1) is None
    kinds |= columns(k_f="M L T-3 K-1")
    for unsettled in ("z", "k"):
        both = {"h": 1, "L": 1, unsettled: -1}
        assert label(kinds, **both) == "Nusselt or Biot number"
        assert label(kinds, **{n: -p for n, p in both.items()}) == "1/(Nusselt or Biot number)"
    assert label(kinds, h=1, L=1, k_f=-1) == "Nusselt number"
    assert label(kinds, h=1, L=1, k_s=-1) == "Biot number"


def test_unhelpful_names_do_not_hide_what_only_one_number_can_be() -> None:
    kinds = columns(x1="M L-3", x2="L T-1", x3="L", x4="M L-1 T-1")
    assert label(kinds, x1=1, x2=1, x3=1, x4=-1) == "Reynolds number"
    kinds["x2"] = (kind("friction velocity"),)
    kinds["x3"] = (kind("diameter"),)
    assert label(kinds, x1=1, x2=1, x3=1, x4=-1) == "friction Reynolds number"


@pytest.mark.parametrize("entry", NUMBERS, ids=lambda entry: entry.name)
def test_without_a_telling_name_a_number_needs_only_the_plain_kinds(entry: NamedNumber) -> None:
    for definition in entry.definitions:
        exponents, plain, kinds = {}, {}, {}
        for position, (slot, power) in enumerate(definition):
            name = f"x{position}"
            exponents[name] = power
            kinds[name] = infer_kinds(name, kind(min(slot_kinds(slot))).dimension)
            plain[name] = kinds[name][:1]
        recognition = recognise(exponents, kinds)
        if recognition is None:
            continue
        dimensions = [kinds[name][0].dimension for name in kinds]
        assert all(a != b for a, b in itertools.combinations(dimensions, 2))
        as_plain = recognise(exponents, plain)
        assert as_plain is not None
        assert (as_plain.name, as_plain.power) == (recognition.name, recognition.power)


@pytest.mark.parametrize("code", ["L", "T", "L2", "L-1", "M", "M L-1 T-2", "M L T-2", "M L-3"])
def test_no_two_letters_make_a_number_of_a_ratio(code: str) -> None:
    for one, two in itertools.permutations(string.ascii_letters, 2):
        kinds = columns(**{one: code, two: code})
        assert label(kinds, **{one: 1, two: -1}) is None, (one, two)


@pytest.mark.parametrize("letter", sorted(set(string.ascii_letters) - set("UD")))
def test_a_letter_makes_no_special_quantity_of_a_plain_one(letter: str) -> None:
    kinds = columns(U="L T-1", D="L")
    kinds |= columns(**{letter: "T"})
    assert label(kinds, U=1, D=-1, **{letter: 1}) is None
    kinds |= columns(**{letter: "L2"})
    assert label(kinds, D=-2, **{letter: 1}) in (None, "Darcy number" if letter in "Kk" else None)
    kinds |= columns(**{letter: "L2 T-1"})
    assert label(kinds, U=1, D=1, **{letter: -1}) is None


def test_variables_of_one_kind_give_no_name() -> None:
    kinds = columns(
        L1="L", L2="L", x="L", y="L", rho_1="M L-3", rho_2="M L-3", u="L T-1", v="L T-1"
    )
    kinds |= columns(eps="L", t="T", z="T", c="L T-1")
    assert label(kinds, L1=1, L2=-1) is None
    assert label(kinds, x=1, y=-1) is None
    assert label(kinds, rho_1=1, rho_2=-1) is None
    assert label(kinds, u=1, v=-1) is None
    assert label(kinds, t=1, z=-1) is None
    assert label(kinds, eps=1, x=-1) is None
    assert label(kinds, eps=1, L1=-1) == "relative roughness"
    assert label(kinds, u=1, c=-1) == "Mach number"


def test_groups_that_are_no_named_number() -> None:
    kinds = columns(rho="M L-3", U="L T-1", D="L", mu="M L-1 T-1", phi="")
    assert label(kinds) is None
    assert label(kinds, rho=0) is None
    assert label(kinds, phi=1) is None
    assert label(kinds, rho=1, U=1, D=1, mu=-1, phi=1) is None
    assert label(kinds, rho=1, U=1, D=1, mu=-1, other=1) is None
    assert label(kinds, rho=1, U=1, D=1, mu=-1, phi=0) == "Reynolds number"
    assert label(kinds | columns(currency="J2"), currency=1) is None


@given(st.permutations(["rho", "U", "D", "mu"]), st.integers(-6, 6).filter(bool))
def test_order_of_columns_does_not_matter(order: list[str], power: int) -> None:
    kinds = columns(rho="M L-3", U="L T-1", D="L", mu="M L-1 T-1")
    group = {name: Fraction(power if name != "mu" else -power) for name in order}
    recognition = recognise(group, {name: kinds[name] for name in reversed(order)})
    assert recognition is not None
    assert (recognition.name, recognition.power) == ("Reynolds number", Fraction(power))
    assert list(recognition.assignment) == sorted(order)


def convection() -> dict[str, tuple[Kind, ...]]:
    return columns(
        rho="M L-3", mu="M L-1 T-1", g="L T-2", beta="K-1", dT="K", L="L", alpha="L2 T-1"
    ) | columns(nu="L2 T-1", h="M T-3 K-1", k="M L T-3 K-1", cp="L2 T-2 K-1", U="L T-1", x="L")


def test_named_groups_that_can_be_formed() -> None:
    kinds = convection()
    formed = named_group_exponents(kinds)
    names = {number.name for number, _ in formed}
    assert {"Rayleigh number", "Grashof number", "Prandtl number"} <= names
    assert "Nusselt or Biot number" in names
    assert {"Reynolds number", "Péclet number", "Stanton number", "Eckert number"} <= names
    for number, exponents in formed:
        named = recognise(exponents, kinds)
        assert named is not None
        assert (named.name, named.power) == (number.name, Fraction(1))
        total = Dimension()
        for name, exponent in exponents.items():
            total *= kinds[name][0].dimension ** exponent
        assert total.is_dimensionless
    distinct = {tuple(sorted(exponents.items())) for _, exponents in formed}
    assert len(distinct) == len(formed)


def test_named_groups_do_not_depend_on_the_order_of_the_columns() -> None:
    kinds = convection()
    turned = dict(reversed(kinds.items()))
    assert named_group_exponents(kinds) == named_group_exponents(turned)
    assert named_group_exponents({}) == []
    assert named_group_exponents({"phi": ()}) == []


def test_every_number_is_among_those_its_own_variables_can_form() -> None:
    for entry in NUMBERS:
        for definition in entry.definitions:
            exponents, kinds = renamed(definition, next(kind_choices(definition)), seed=5)
            assert (entry, exponents) in named_group_exponents(kinds)


def test_a_thousand_groups_are_quick() -> None:
    kinds = convection()
    groups = [exponents for _, exponents in named_group_exponents(kinds)]
    groups += [dict.fromkeys(group, Fraction(1)) for group in groups]
    repeated = list(itertools.islice(itertools.cycle(groups), 1000))
    # a third of this is what it takes: well under a second where nothing else runs
    with Work() as work:
        for group in repeated:
            recognise(group, kinds)
    assert work.calls < 700_000


def test_kinds_outside_the_table_are_simply_not_named() -> None:
    unlisted = Kind("my speed", parse_dimension("L T-1"))
    kinds = columns(rho="M L-3", D="L", mu="M L-1 T-1") | {"U": (unlisted,)}
    assert label(kinds, rho=1, U=1, D=1, mu=-1) is None
    assert named_number("Reynolds number") in NUMBERS
