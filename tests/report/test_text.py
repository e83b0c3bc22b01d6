"""Reports as text."""

import re
from dataclasses import replace

import numpy as np
import pytest

from dimgs import Dataset, Options, Report
from dimgs.discovery.discover import discover, fit
from dimgs.report.findings import Exponents
from dimgs.report.plain_text import (
    _command,
    _compare_power_law,
    amount,
    condition,
    domain_lines,
    fit_text,
    interval,
    number,
    report_text,
    score,
    scores_lines,
)
from dimgs.report.render import tiles_of
from tests.planted import pipe
from tests.report.examples import report_of


@pytest.fixture(scope="module")
def report() -> Report:
    return discover(pipe(noise=0.002, seed=1), "tau_w", engine="power_law")


def test_numbers_are_short_and_absent_ones_are_dashes() -> None:
    assert number(1234567.0) == "1.2346e+06"
    assert number(0.25) == "0.25"
    assert [number(x) for x in (None, float("nan"), float("inf"))] == ["-"] * 3


def test_conditions_are_read_with_few_digits() -> None:
    long = "(pi_1*pi_2**(0.70078941211) >= 3.7831208084e-19) & (pi_3**(-1/3) < 2300)"
    assert condition(long) == "(pi_1*pi_2**(0.70079) >= 3.7831e-19) & (pi_3**(-1/3) < 2300)"
    assert condition("True") == "everywhere"


def test_the_text_shows_law_scores_domain_and_verdict(report: Report) -> None:
    text = report_text(report)
    assert str(report) == text
    for words in (
        "tau_w = ", "Reynolds number", "-> -1/4", "Domain ", "39 independent contrasts",
        "Confirmed: probable, no residual structure, predicts held-out runs.",
    ):  # fmt: skip
        assert words in text


def test_an_error_is_called_by_the_runs_that_it_is_of(report: Report) -> None:
    fitted = replace(report, left_out=())
    for each, name in ((report, "prediction error"), (fitted, "rms residual")):
        names = [tile[0] for tile in tiles_of(each)]
        assert {"prediction error", "rms residual"} & set(names) == {name}
    shown = next(tile for tile in tiles_of(fitted) if tile[0] == "rms residual")
    assert f"rms residual {shown[1]}" in report_text(fitted)


@pytest.mark.parametrize("unit", ["m", "1"])
def test_rounding_is_not_shown_as_an_exponent(unit: str) -> None:
    a, b = np.random.default_rng(0).uniform(1, 10, (2, 12))
    table = {f"a [{unit}]": a, "b [1]": b, f"F [{unit}^2]": 2 * a * a}
    fitted = fit(Dataset.from_columns(table), "F")
    assert not re.search(r"e-1\d", str(fitted).partition("Quality")[0])
    assert "fixed by the units" not in next(x for x in str(fitted).splitlines() if " b  " in x)
    document = fitted.to_json()
    for e in (*document["exponents"], *document["variable_exponents"]):
        assert all(x == 0 or abs(x) > 1e-12 for x in (e["value"], e["low"], e["high"]))
    exponents = Exponents(fitted.variable_exponents)
    assert 0 < max(abs(e.value) for e in exponents if e.name == "b") < 1e-12
    assert exponents.to_frame()["value"]["b"] == 0


def test_an_activation_temperature_is_no_exponent() -> None:
    text = report_text(report_of("arrhenius"))
    exponents = text[text.index("Exponents") : text.index("Activation")]
    assert not re.search(r"(?m)^ *(Exponents)? *T ", exponents)
    assert re.search(r"Activation along 1/T: \S+ K", text)


def test_a_law_that_nothing_checked_does_not_claim_to_predict() -> None:
    data = Dataset.from_columns({"L [m]": [1.0, 2.0, 3.0], "W [m]": [2.0, 1.0, 4.0], "q [1]": 1.0})
    report = discover(data, "q", engine="power_law")
    assert report.outcome == "unchecked"
    assert "not checked" in report_text(report)
    assert "predicts" not in report_text(report)


def test_an_input_beside_its_scale_has_its_range_in_the_unit_of_the_table() -> None:
    celsius = np.linspace(0, 100, 9)
    table = Dataset.from_columns({"T [°C]": celsius, "y [Pa]": (celsius + 273.15) ** 2.0})
    text = report_text(discover(table, "y", Options(scales="auto", engine="power_law")))
    assert "0 <= T <= 100 °C   (pi_1)" in text


def test_an_angle_has_its_range_in_the_unit_of_the_table() -> None:
    angle = np.linspace(0, 90, 9)
    table = {"θ [°]": angle, "y [1]": np.exp(np.radians(angle))}
    assert "0 <= θ <= 90 °\n" in report_text(discover(table, "y", engine="power_law"))


def test_an_advised_command_keeps_the_groups_of_the_analysis(report: Report) -> None:
    asked = {"constants": ("g", "c"), "scales": ("M0 [kg]", "k"), "arrhenius": ("T",), "seed": 1}
    same = replace(report, options_of=lambda: asked)
    command = 'dimgs next TABLE --target tau_w --constants g,c --scale "M0 [kg]" --scale k'
    assert _command(same, "next") == f"{command} --arrhenius T"
    assert _command(same, "explore") == command.replace("next", "explore")
    freed = _command(same, "discover", scales="auto")
    assert "--scale auto" in freed
    assert "M0" not in freed


def test_an_unconfirmed_law_of_a_temperature_is_searched_for_closed_forms_next() -> None:
    """With the options of a command that exists, and not of `dimgs explore`, which has no 1/T."""
    T = np.linspace(273.0, 373.0, 11)
    table = Dataset.from_columns({"T [K]": T, "p [Pa]": 1e11 * np.exp(-5e3 / T) * (T / 300) ** -20})
    report = discover(table, "p", Options(scales="auto", arrhenius=("T",)))
    assert not report.confirmed
    assert "Next dimgs discover TABLE --target p --scale auto looks" in " ".join(
        str(report).split()
    )


def test_what_a_thorough_search_leaves_open_is_for_more_runs(report: Report) -> None:
    def advice(**options: object) -> str:
        cut = replace(report, outcome="timeout", rivals=(), why_not=("The search ended early.",))
        text = report_text(replace(cut, options_of=lambda: options))
        return " ".join(text[text.index("Next ") :].split())

    assert "--effort thorough searches for longer" in advice()
    assert "dimgs next TABLE --target tau_w proposes runs" in advice(effort="thorough")


def test_exponents_stand_below_the_law_that_has_them() -> None:
    """A power law of an angle has one, and the law of Malus has none."""
    angle = np.arange(0.0, 91.0, 10.0)
    intensity = 44.0 + 42.0 * np.cos(2 * np.radians(angle)) + 0.3 * np.sin(angle)
    table = Dataset.from_columns({"angle [deg]": angle, "I [uA]": intensity})
    text = report_text(discover(table, "I", Options(scales="auto", form="a*cos(2*angle) + b")))
    assert "cos(2*angle)" in text
    assert "Exponents" not in text
    assert "the power law by logarithms" in text


def test_pieces_are_not_compared_with_themselves(report: Report) -> None:
    x = np.geomspace(1.0, 100.0, 20)
    y = np.where(x < 10.0, 3.0 * x, 0.3 * x**2) * (1 + 0.001 * np.cos(5.0 * np.arange(20)))
    table = Dataset.from_columns({"x [1]": x, "y [1]": y})
    pieces, plain = fit(table, "y", Options(regimes=True)), fit(table, "y", Options())
    assert pieces.law.expression != plain.law.expression
    itself = report_text(replace(report, law=pieces.law, fit=pieces))
    assert "Regime" in itself
    assert "by logarithms" not in itself
    compared = " ".join(_compare_power_law(plain.law, pieces, described=False))
    assert "power laws of the regimes" in compared
    compared = " ".join(_compare_power_law(pieces.law, plain, described=False))
    assert "better than the power law" in compared


@pytest.mark.parametrize("break_at", [np.inf, 10.0])
def test_the_power_law_is_compared_only_where_there_are_several_regimes(break_at: float) -> None:
    x = np.geomspace(1.0, 100.0, 20)
    y = np.where(x < break_at, x, x**2 / break_at) * (1 + 0.001 * np.cos(5.0 * np.arange(20)))
    pieces = fit(Dataset.from_columns({"x [1]": x, "y [1]": y}), "y", Options(regimes=True))
    assert ("for comparison" in fit_text(pieces)) == (len(pieces.regimes or ()) > 1)
    assert (len(pieces.regimes or ()) > 1) == np.isfinite(break_at)


def test_scales_that_count_as_one_are_in_no_range() -> None:
    rng = np.random.default_rng(0)
    x, t = np.exp(rng.uniform(-1.0, 1.0, (2, 20)))
    columns = {"x [m]": x, "t [s]": t, "y [1]": (x * t) ** 0.37}
    law = fit(Dataset.from_columns(columns), "y", Options(scales=["scale [m*s]"])).law
    assert "scale" in str(law.groups[0])
    (line,) = domain_lines(law)
    assert line.endswith(" m^-1*s^-1")
    (departure,) = law.places({"x": 100.0, "t": 100.0})[0].departures
    assert "the point has 0.0001 m^-1*s^-1" in str(departure)
    assert not any("scale" in text for text in (line, departure.formula, str(departure)))
    assert "scale" not in law.python()


def test_the_power_law_is_not_compared_with_itself() -> None:
    h = np.array([12, 10, 9, 8, 7, 6, 5, 4, 3.5, 3])
    # volume and pressure of air: R. Boyle, A Defence of the Doctrine (1662)
    P = [29.13, 35.31, 39.31, 44.19, 50.31, 58.81, 70.69, 87.88, 100.44, 117.56]
    table = Dataset.from_columns({"h [in]": h, "P [inHg]": P})
    # the constant of the engine has another name
    report = discover(table, "P", Options(scales="auto", form="k/h"))
    text = report_text(report)
    assert "/h" in str(report.law)
    assert "the power law, of cross-validated" not in text
    assert "Exponents " in text


def test_a_law_that_fails_is_called_a_surrogate() -> None:
    rng = np.random.default_rng(0)
    a, b, y = np.exp(rng.normal(size=(3, 30)))
    report = discover(
        Dataset.from_columns({"a [m]": a, "b [m]": b, "y [m]": a * y}), "y", engine="power_law"
    )
    if report.outcome == "no_candidate":
        assert "NO LAW FOUND" in report_text(report)
    flat = Dataset.from_columns({"a [m]": a, "b [m]": b, "y [1]": y})
    report = discover(flat, "y", engine="power_law")
    assert report.outcome == "no_candidate"
    assert "NO LAW FOUND" in report_text(report)
    assert any("fails on held-out runs" in w for w in report.warnings)


def test_fit_text_tells_of_labels_regimes_and_terms() -> None:
    data = pipe()
    text = fit_text(replace(fit(data, "tau_w", Options(regimes=True, additive=True)), judge=None))
    assert "Regime" in text
    assert "Term in" in text


def test_exponents_that_no_run_decides_are_called_so() -> None:
    data = Dataset.from_columns({"L [m]": [0.2, 0.4, 0.8, 1.6], "T [s]": [0.9, 1.26, 1.8, 2.54]})
    text = fit_text(replace(fit(data, "T", Options(constants=["g"])), judge=None))
    assert re.search(r"^ +L +1/2  fixed by the units$", text, re.M)
    assert "[0.5, 0.5]" not in text


@pytest.mark.parametrize(
    ("low", "high", "determined"),
    [(0.1, 0.2, True), (-1e3, 1e3, True), (0.0, np.inf, False), (1e-45, 1e51, False)],
)
def test_an_interval_without_bound_is_given_in_words(
    low: float, high: float, determined: bool
) -> None:
    assert interval(low, high).startswith("[") == determined
    assert ("not determined by the runs" in interval(low, high)) != determined


def test_scores_distinguish_unseen_runs_from_fitted_ones(report: Report) -> None:
    assert report.law is not None
    scores = report.law.scores
    unseen, fitted, error = scores_lines(
        replace(scores, r2=0.9999999, holdout_r2_log=0.5, holdout_n=8)
    )
    assert unseen.startswith("cross-validated R² ")
    assert unseen.endswith("0.5 on 8 held-out runs")
    assert "> 0.9999 of the target" in fitted
    assert error.startswith("rms residual ")
    assert "no run could be left out" in scores_lines(replace(scores, cv_r2_log=None))[0]
    # a target of both signs has no score on its logarithm, whatever was left out
    signed = scores_lines(replace(scores, cv_r2_log=None, r2_log=None))[0]
    assert "left out" not in signed
    assert "logarithm" in signed


def test_a_search_without_a_border_says_so() -> None:
    x = np.geomspace(1.0, 100.0, 30)
    data = Dataset.from_columns({"x [m]": x, "h [m]": 1.0, "y [m]": 2 * x**0.5})
    text = fit_text(replace(fit(data, "y", Options(regimes=True)), judge=None))
    assert "Regimes: one, with all 30 runs" in text


def test_a_prompt_shows_one_line_and_print_the_whole(report: Report) -> None:
    assert report.law is not None
    assert report.fit is not None
    shown = [repr(x) for x in (report, report.law, report.fit, report.basis)]
    assert all("\n" not in text and len(text) < 200 for text in shown)
    assert shown[0] == f"Report('{report.law}', outcome='converged', 40 runs)"
    assert shown[3].startswith("PiBasis(pi_0 = ")
    assert str(report.fit) == fit_text(report.fit)


def test_regimes_and_prefactors_of_labels_are_in_the_units_of_the_table() -> None:
    m = np.geomspace(0.2, 40.0, 40)
    light = np.where(m < 3.0, m**4.8, 3.0**1.8 * m**3.0) * (1 + 0.01 * np.cos(9 * m))
    stars = Dataset.from_columns({"M [Msun]": m, "L [Lsun]": light})
    text = fit_text(replace(fit(stars, "L", Options(regimes=True, scales="auto")), judge=None))
    (border,) = re.findall(r"Regime M < (\S+) Msun", text)
    assert float(border) == pytest.approx(3.0, rel=0.1)
    kinds = np.array(["a", "b"] * 20)
    force = {"x [mm]": m, "F [kN]": np.where(kinds == "a", 2.0, 5.0) * m, "kind": kinds}
    asked = Options(within="kind", scales="auto")
    text = fit_text(replace(fit(Dataset.from_columns(force), "F", asked), judge=None))
    assert re.search(r"a +2 kN/mm +\(20 runs\)\n +b +5 kN/mm +\(20 runs\)", text)


@pytest.mark.parametrize("unit", ["m", "1"])
def test_a_formula_that_the_units_alone_fix_is_no_law_where_it_fails(unit: str) -> None:
    a = np.logspace(0.0, 2.0, 12)
    target = 3.0 * a**0.5 if unit == "m" else 0.2 + a / 50.0
    text = report_text(discover({"a [m]": a, f"y [{unit}]": target}, "y", effort="quick"))
    assert "--scale auto frees the exponents" in text
    assert "the law holds wherever" not in text


def test_a_formula_of_the_units_that_is_not_confirmed_claims_no_domain() -> None:
    rng = np.random.default_rng(3)
    tau, mu = rng.uniform(1, 60, 50), np.exp(rng.uniform(-3, -0.7, 50))
    table = {"tau [Pa]": tau, "mu [Pa*s]": mu, "rate [1/s]": np.maximum(tau - 12, 0) / mu}
    report = discover(table, "rate", engine="power_law")
    text = " ".join(report_text(report).split())
    assert not report.confirmed
    assert "the law holds wherever" not in text
    assert "no free group: the units alone fix the formula" in text


def test_a_score_of_rounding_is_zero() -> None:
    assert score(2.2e-16) == score(-3e-15) == "0"
    assert score(1e-5) == "1e-05"


def test_a_law_is_called_simpler_only_with_fewer_constants() -> None:
    a = np.exp(np.random.default_rng(0).uniform(0.0, 3.0, 40))
    law = {"a [m]": a, "b [m]": a[::-1], "y [m]": 2.0 * a * (1 + 0.3 * a / a[::-1])}
    found = discover(law, "y", form="a*(c + d*a/b)", engine="power_law")
    assert found.law is not None
    assert found.fit is not None
    worse = replace(found.law, scores=replace(found.law.scores, cv_r2_log=0.5))
    for exponents, said in ((found.fit.exponents, "simpler and more"), ((), "more probable")):
        fit = replace(found.fit, exponents=exponents)
        text = "\n".join(_compare_power_law(worse, fit, described=False))
        assert text.startswith(said)
    perfect = replace(found.fit, law=worse.with_scores(replace(worse.scores, cv_r2_log=0.999999)))
    assert (
        "of cross-validated R² > 0.9999:" in _compare_power_law(worse, perfect, described=False)[0]
    )


@pytest.mark.parametrize("unit", ["0.25 in", "1000 lb", "1e19 m^-3", "1/s", "m"])
def test_no_two_numbers_stand_in_a_row(unit: str) -> None:
    first, *rest = amount(48.0, unit).split()
    assert first == "48"
    assert rest[0] == ("×" if len(unit.split()) > 1 else unit)


def test_runs_that_differ_by_label_are_searched_by_label_next() -> None:
    x = np.tile([0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0], 2)
    lab = np.repeat(["A", "B"], 7)
    y = np.where(lab == "A", 1.0, 1.4) * x**2 * np.exp(0.01 * np.sin(np.arange(14.0) ** 2))
    table = {"lab [label]": lab, "x [1]": x, "y [1]": y}
    report = replace(discover(table, "y", engine="power_law"), outcome="timeout", rivals=())
    assert "--within lab gives each label" in " ".join(report.why_not)
    assert "Next dimgs discover TABLE --target y --within lab" in " ".join(str(report).split())


def test_the_next_command_has_the_target_as_one_word() -> None:
    x = np.geomspace(1.0, 9.0, 7)
    report = discover({"x [1]": x, "prey eaten [1]": x**2}, "prey eaten", engine="power_law")
    report = replace(report, outcome="timeout", rivals=())
    assert '--target "prey eaten" ' in " ".join(str(report).split())
