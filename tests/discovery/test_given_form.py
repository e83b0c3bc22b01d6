"""Forms that a user gives: read with their units, fitted, and judged."""

from typing import Any

import numpy as np
import pytest

import dimgs
from dimgs.common.errors import InputError
from dimgs.dataset import Dataset
from dimgs.discovery.given_form import GivenForm, fit_constants, in_groups, proposals_of_form
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.engines.clock import Clock
from dimgs.fits.design.features import Design
from dimgs.fits.noise import possible_errors
from dimgs.law.assemble import assemble, feature_values

# NIST, Statistical Reference Datasets, nonlinear regression (1999): data, model, constants
_X1 = "77.6 114.9 141.1 190.8 239.9 289.0 332.8 378.4 434.8 477.3 536.8 593.1 689.1 760.0"
_Y1 = "10.07 14.73 17.94 23.93 29.61 35.18 40.02 44.82 50.76 55.05 61.01 66.40 75.47 81.78"
NIST = {
    "Misra1a": (_X1, _Y1, "b1*(1-exp(-b2*x))", (2.3894212918e2, 5.5015643181e-4)),
    "Misra1b": (_X1, _Y1, "b1*(1-(1+b2*x/2)**(-2))", (3.3799746163e2, 3.9039091287e-4)),
    "Misra1c": (_X1, _Y1, "b1*(1-(1+2*b2*x)**(-1/2))", (6.3642725809e2, 2.0813627256e-4)),
    "Misra1d": (_X1, _Y1, "b1*b2*x/(1+b2*x)", (4.3736970754e2, 3.0227324449e-4)),
    "DanWood": (
        "1.309 1.471 1.490 1.565 1.611 1.680",
        "2.138 3.421 3.597 4.340 4.882 5.660",
        "b1*x**b2",
        (7.6886226176e-1, 3.8604055871),
    ),
    "BoxBOD": (
        "1 2 3 5 7 10",
        "109 149 149 191 213 224",
        "b1*(1-exp(-b2*x))",
        (2.1380940889e2, 5.4723748542e-1),
    ),
    "MGH09": (
        "4 2 1 .5 .25 .167 .125 .1 .0833 .0714 .0625",
        ".1957 .1947 .1735 .16 .0844 .0627 .0456 .0342 .0323 .0235 .0246",
        "b1*(x**2+x*b2)/(x**2+x*b3+b4)",
        (1.9280693458e-1, 1.9128232873e-1, 1.2305650693e-1, 1.3606233068e-1),
    ),
    "MGH10": (
        "50 55 60 65 70 75 80 85 90 95 100 105 110 115 120 125",
        "34780 28610 23650 19630 16370 13720 11540 9744 8261 7030 6005 5147 4427 3820 3307 2872",
        "b1*exp(b2/(x+b3))",
        (5.6096364710e-3, 6.1813463463e3, 3.4522363462e2),
    ),
    "Rat42": (
        "9 14 21 28 42 57 63 70 79",
        "8.93 10.8 18.59 22.33 39.35 56.11 61.73 64.62 67.08",
        "b1/(1+exp(b2-b3*x))",
        (7.2462237576e1, 2.6180768402, 6.7359200066e-2),
    ),
    "Rat43": (
        "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15",
        "16.08 33.83 65.8 97.2 191.55 326.2 386.87 520.53 590.03 651.92 724.93 699.56 689.96 637.56 717.41",  # noqa: E501
        "b1/((1+exp(b2-b3*x))**(1/b4))",
        (6.9964151270e2, 5.2771253025, 7.5962938329e-1, 1.2792483859),
    ),
}


def designed(data: Dataset, target: str, options: Options) -> tuple[GivenForm, Design]:
    assert options.form is not None
    form = GivenForm.read(options.form, data, target, options)
    prepared = prepare(data, target, form.with_scales(options), linear_allowed=True)
    return form, prepared.design


@pytest.mark.parametrize("name", NIST)
def test_the_certified_constants_of_nist_are_reached(name: str) -> None:
    x, y, text, certified = NIST[name]
    columns = {"x [1]": np.array(x.split(), float), "y [1]": np.array(y.split(), float)}
    data = Dataset.from_columns(columns)
    form, design = designed(data, "y", Options(form=text))
    kind = [k for k in possible_errors(design) if k.kind == "group"]
    constants = fit_constants(
        in_groups(design, form.expression),
        form.constants,
        {},
        design,
        feature_values(design),
        0,
        kind,
    )
    assert constants is not None
    assert [constants[f"b{k + 1}"] for k in range(len(certified))] == pytest.approx(
        certified, rel=1e-6
    )


@pytest.fixture
def runs() -> Dataset:
    rng = np.random.default_rng(4)
    x, y, z = rng.uniform(1.0, 9.0, (3, 40))
    t = 3.1 * x**0.7 * (1 + 0.57 * y / 4) + 0 * z
    return Dataset.from_columns({"x [m]": x, "y [s]": y, "z [s]": z, "t [kg]": t})


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("a*x**b*(1+c*y)", ["a_0 [kg]", "c_0 [1/s]", "x_0 [m]"]),
        ("a*x*y/z", ["a_0 [kg/m]"]),
        ("a*exp(-x/d)", ["a_0 [kg]", "d_0 [m]"]),
        ("a*b*log(y/z)", ["a_0 [kg]"]),
        ("a*sqrt(x)*f(y)", ["a_0 [kg/m^(1/2)]", "f_argument [s]"]),
    ],
)
def test_the_units_of_constants_follow_from_homogeneity(
    runs: Dataset, text: str, units: list[str]
) -> None:
    form = GivenForm.read(text, runs, "t", Options())
    assert sorted(form.scales) == sorted(units)


@pytest.mark.parametrize("factor", [1.0, 1e-6])
def test_a_form_with_units_is_fitted_whatever_the_unit(runs: Dataset, factor: float) -> None:
    columns = {"x [m]": runs["x"] * factor, "y [s]": runs["y"], "t [kg]": runs["t"]}
    options = Options(form="a*x**b*(1+c*y)")
    form, design = designed(Dataset.from_columns(columns), "t", options)
    (one,) = proposals_of_form(form, design, options, Clock.of(60.0))
    law = assemble(design, one.expression, one.constants, 0.9)
    constants = {c.name: c.value for c in law.constants}
    assert constants["b"] == pytest.approx(0.7, rel=1e-9)
    assert constants["c"] == pytest.approx(0.57 / 4, rel=1e-9)
    assert constants["a"] == pytest.approx(3.1 * factor**-0.7, rel=1e-9)


def test_a_free_function_is_found_beside_fitted_constants() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.uniform(0.5, 4.0, (2, 50))
    data = Dataset.from_columns(
        {"x [1]": x, "y [1]": y, "t [1]": np.exp(-0.37 * x) * np.sqrt(1 + y)}
    )
    options = Options(form="exp(-k*x)*f(y)", evaluations=60)
    form, design = designed(data, "t", options)
    best = min(
        proposals_of_form(form, design, options, Clock.of(60.0)),
        key=lambda one: float(
            np.ptp(np.log(values_of(one.expression, one.constants, x, y) / data["t"]))
        ),
    )
    assert values_of(best.expression, best.constants, x, y) == pytest.approx(data["t"], rel=1e-8)
    assert best.constants["k"] == pytest.approx(0.37, rel=1e-8)


def values_of(expression: Any, constants: Any, x: Any, y: Any) -> Any:
    import sympy

    whole = expression.subs(dict(constants))
    return sympy.lambdify(["pi_1", "pi_2"], whole)(x, y)


def test_the_report_compares_the_form_with_what_was_found(runs: Dataset) -> None:
    data = runs.without(["z"])
    good = dimgs.discover(data, "t", form="a*x**b*(1+c*y)", engine="power_law")
    assert good.form is not None
    assert good.form.probability > 0.9
    assert str(good.law) == "t = a*(x/x_0)**b*(c*y + 1)"
    assert "It is the most probable law." in str(good)
    assert good.to_json()["form"]["law"]["expression"] == good.to_json()["law"]["expression"]
    assert "given form has the probability" in good.to_markdown()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a*x + exp(y)", "takes exp of y, which has dimension T"),
        ("a*x + x**2", "has the dimension L², but the target has M"),
        ("a*t", "has the target 't' in it"),
        ("a*(x", "cannot be read"),
        ("f(x)*g(y)", "unknown functions f.x. and g.y.; one"),
        ("a*f(b*y)", "is of the constant b"),
        ("a*f(x, y)", "needs one argument"),
        ("a*x; q=1", "no constant 'q'"),
        ("a*x; a=much", "is not a number"),
        ("a*sqrt(-x)", "not finite and positive"),
        ("a/f(y)", "not linear in its free function"),
    ],
)
def test_a_form_that_cannot_be_used_is_one_sentence(runs: Dataset, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        dimgs.discover(runs, "t", form=text, engine="power_law")


def test_laws_use_what_they_must_and_no_more_constants_than_they_may(runs: Dataset) -> None:
    data = runs.without(["y"])
    report = dimgs.discover(
        data, "t", scales=["M [kg]", "L [m]", "s [s]"], must_use=["z"], engine="power_law"
    )
    laws = [report.result, *(rival.law for rival in report.rivals)]
    assert all("z" in {v.name for v in law.symbols.values()} for law in laws)
    few = dimgs.discover(data, "t", scales=["M [kg]"], at_most_constants=0, engine="power_law")
    assert few.probability is None
    assert any("at most 0 fitted constants" in w for w in few.warnings)
    with pytest.raises(InputError, match="'w' is not a numeric input"):
        dimgs.discover(runs, "t", must_use=["w"])
