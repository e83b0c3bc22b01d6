"""Laws: what is refused, what is recovered, in every way of giving the inputs."""

import pickle
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import sympy
from hypothesis import given, settings

from dimgs import Options
from dimgs.common.errors import InputError, LawError
from dimgs.discovery.discover import fit
from dimgs.law.checked_law import Constant
from dimgs.law.law import Law
from dimgs.variables import Dimension, parse_variable, registry
from tests.planted import Planted, pipe, planted

DATA = pipe()


@pytest.fixture(scope="module")
def law() -> Law:
    # without the idle roughness: by chance its interval leaves zero out in these runs
    return fit(DATA.without(["eps"]), "tau_w").law


def _with(expression: Callable[[dict[str, sympy.Symbol]], sympy.Expr], law: Law) -> Law:
    symbols = {name: sympy.Symbol(name) for name in (*law.symbols, "C", "pi_1", "Z")}
    return replace(law, expression=expression(symbols))


@pytest.mark.parametrize(
    ("mutation", "words"),
    [
        (lambda s: s["rho"] * s["U"] ** 2 + s["U"], "adds"),
        (lambda s: s["C"] * s["rho"] * s["U"] ** 2 * sympy.exp(s["U"]), "exp"),
        (lambda s: s["C"] * s["rho"] * s["U"] ** 2 * sympy.log(s["D"]), "log"),
        (lambda s: s["rho"] * s["U"] ** 2 * sympy.sin(s["mu"]), "sin"),
        (lambda s: s["C"] * s["rho"] * s["U"] ** (2 + s["D"]), "adds"),
        (lambda s: s["C"] * s["rho"] * s["U"] ** s["C"], "dimension|exponent|power"),
        (lambda s: s["C"] * s["rho"] * s["U"] ** 3, "target"),
        (lambda s: s["C"] * s["rho"] * s["U"] ** 2 * s["Z"], "'Z'"),
        (lambda s: s["C"] * s["rho"] * s["U"] ** 2 / s["pi_1"], "'pi_1'"),
        (
            lambda s: sympy.Piecewise((s["rho"] * s["U"] ** 2, s["U"] < 2), (s["D"], True)),
            "compares",
        ),
    ],
)
def test_a_law_that_breaks_homogeneity_is_refused(
    law: Law, mutation: Callable[[dict[str, sympy.Symbol]], sympy.Expr], words: str
) -> None:
    with pytest.raises(LawError, match=words):
        _with(mutation, law)


def test_a_sound_change_is_accepted(law: Law) -> None:
    other = _with(lambda s: s["C"] * s["rho"] * s["U"] ** 2, law)
    assert other.predict_si(DATA) == pytest.approx(
        law.constants[0].value * DATA["rho"] * DATA["U"] ** 2
    )


def test_constants_are_checked(law: Law) -> None:
    with pytest.raises(LawError, match="not finite"):
        replace(law, constants=(Constant("C", float("inf")),))
    with pytest.raises(LawError, match=r"'.+' stands for two inputs or constants"):
        replace(law, constants=(*law.constants, Constant("U", 1.0)))
    with pytest.raises(LawError, match="'C' stands for two inputs or constants"):
        replace(law, constants=(*law.constants, law.constants[0]))
    with pytest.raises(LawError, match="'C'"):
        replace(law, constants=())
    with pytest.raises(LawError, match="target"):
        replace(law, constants=(Constant("C", 1.0, Dimension.of({"[length]": 1})),))
    with pytest.raises(LawError, match="pi form uses 'nope'"):
        replace(law, pi_expression=sympy.Symbol("nope"))
    with pytest.raises(LawError, match="target"):
        replace(law, target=parse_variable("tau_w [kg]"))


@settings(max_examples=15, deadline=None)
@given(planted(noise=0.02))
def test_the_pi_form_and_the_dimensional_form_agree(planted_law: Planted) -> None:
    table = planted_law.table()
    law = fit(table, "y").law
    groups = {g.name: np.exp(g.log({n: table[n] for n, _ in g.exponents})) for g in law.groups}
    known = [*groups, *(c.name for c in law.constants)]
    pi_0 = sympy.lambdify(known, law.pi_expression)(
        *groups.values(), *(c.value for c in law.constants)
    )
    rest = {n: e for n, e in law.response.exponents if n != "y"}
    factor = np.exp(sum((-float(e) * np.log(table[n]) for n, e in rest.items()), 0.0))
    np.testing.assert_allclose(pi_0 * factor, law.predict_si(table), rtol=1e-8)


def test_quantities_arrays_datasets_and_frames_give_the_same(law: Law) -> None:
    Q = registry().Quantity
    expected = law.predict_si(DATA)
    names = DATA.without(["eps"]).names
    arrays = {n: DATA[n] for n in names}
    quantities = {n: DATA.quantity(n) for n in names}
    from_arrays = law.predict(arrays)
    assert isinstance(from_arrays, np.ndarray)
    np.testing.assert_allclose(from_arrays, expected, rtol=1e-12)
    tagged = law.predict(quantities)
    assert str(tagged.units) == "pascal"
    np.testing.assert_allclose(tagged.magnitude, expected, rtol=1e-12)
    np.testing.assert_allclose(law.predict(DATA).to("psi").magnitude, expected / 6894.757293168361)
    np.testing.assert_allclose(law.predict_si(DATA.to_pandas()), expected)
    feet = {**quantities, "D": Q(DATA["D"] / 0.3048, "ft"), "U": [Q(u, "m/s") for u in DATA["U"]]}
    np.testing.assert_allclose(law.predict(feet).magnitude, expected, rtol=1e-12)
    low = law.predict(quantities, level=0.9)
    assert str(low.low.units) == "pascal"
    assert np.all(low.low < low.value)
    assert np.all(low.value < low.high)


def test_scalars_are_broadcast(law: Law) -> None:
    one = law.predict({"rho": 1000.0, "U": [1.0, 2.0], "D": 0.1, "mu": 1e-3})
    assert one.shape == (2,)
    assert one[1] / one[0] == pytest.approx(2**1.75)


def test_single_numbers_give_single_numbers(law: Law) -> None:
    numbers = {"rho": 1000.0, "U": 2.0, "D": 0.1, "mu": 1e-3}
    rows = {k: [v] for k, v in numbers.items()}
    assert np.ndim(law.predict(numbers)) == 0
    assert law.predict(rows).shape == (1,)
    assert float(law.predict(numbers)) == law.predict(rows)[0]
    interval = law.predict(numbers, level=0.9)
    assert [np.ndim(x) for x in interval] == [0, 0, 0]
    assert interval.low < interval.value < interval.high
    faster = {**numbers, "U": 4.0}
    assert np.ndim(law.ratio(faster, numbers)) == 0
    assert np.ndim(law.ratio(faster, rows)) == 1
    assert [np.ndim(x) for x in law.ratio(faster, numbers, level=0.9)] == [0, 0, 0]
    assert np.ndim(law.elasticities(numbers)["U"]) == 0
    tagged = {k: registry().Quantity(v, law_unit(law, k)) for k, v in numbers.items()}
    assert float(law.predict(tagged).magnitude) == pytest.approx(float(law.predict(numbers)))


def law_unit(law: Law, column: str) -> str:
    return next(v.si_unit for v in law.symbols.values() if v.name == column)


def test_laws_can_be_keys(law: Law) -> None:
    again = Law.from_json(law.to_json())
    assert {law: 1}[replace(law)] == 1
    assert len({law, law.with_scores(law.scores), again}) <= 2
    assert hash(law) == hash(pickle.loads(pickle.dumps(law)))
    assert hash(law.with_units(U="ft/s")) == hash(law.with_units(U="ft/s"))


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"rho": 1.0, "U": 1.0, "D": 1.0}, "'mu' is missing"),
        ({"rho": 1.0, "U": [1.0, 2.0], "D": [1.0, 2.0, 3.0], "mu": 1.0}, "2 values"),
        ({"rho": 1.0, "U": float("nan"), "D": 1.0, "mu": 1.0}, "no finite value in row 1"),
        ({"rho": 1.0, "U": "fast", "D": 1.0, "mu": 1.0}, "not a number"),
        ({"rho": 1.0, "U": registry().Quantity(1, "m"), "D": 1.0, "mu": 1.0}, "dimension"),
        (3.0, "mapping"),
    ],
)
def test_bad_inputs_are_explained(law: Law, inputs: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        law.predict(inputs)


def test_a_law_is_pickled_and_shown(law: Law) -> None:
    again = pickle.loads(pickle.dumps(law))
    assert again == law
    assert str(law).startswith("tau_w = ")
    assert "tau" in law._repr_latex_()
    assert "<p>" in law._repr_html_()
    assert law.sympy.free_symbols == law.expression.free_symbols


def test_known_and_unknown_constants_are_told_apart() -> None:
    length = np.linspace(0.2, 2, 12)
    from dimgs import Dataset

    data = Dataset.from_columns({"L [m]": length, "T [s]": 2 * np.pi * (length / 9.80665) ** 0.5})
    with_g = fit(data, "T", Options(constants=["g"])).law
    assert {c.name: (c.origin, c.unit) for c in with_g.constants} == {
        "C": ("fitted", "1"),
        "g": ("physical", "m/s^2"),
    }
    assert with_g.constants[0].value == pytest.approx(2 * np.pi)
    absorbed = fit(data, "T", Options(scales=["a [m/s^2]"])).law
    assert [(c.name, c.origin, c.unit) for c in absorbed.constants] == [
        ("C", "fitted", "s/m^(1/2)")
    ]
