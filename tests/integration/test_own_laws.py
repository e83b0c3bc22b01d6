"""Laws of other fields: consistent, recognised when true and refused when not, and searched."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import sympy

from case_studies.benchmarks.own_laws import __main__ as command
from case_studies.benchmarks.own_laws.agreement import is_true_law
from case_studies.benchmarks.own_laws.law import OwnLaw, laws
from dimgs.expression import Candidate, check_dimension

LAWS = laws()
BY_NAME = {law.name: law for law in LAWS}
names = [law.name for law in LAWS]


def truth(law: OwnLaw) -> Candidate:
    """The law in pi groups: inputs that the groups leave free are set to one."""
    basis = law.basis()
    assert basis.response is not None
    groups = [sympy.Symbol(g.name, positive=True) for g in basis.groups]
    variables = [v.name for v in basis.variables]
    exponents = sympy.Matrix(
        len(groups), len(variables), lambda i, j: _rational(basis.groups[i].get(variables[j]))
    )
    chosen = exponents.rref()[1]
    inverse = exponents[:, list(chosen)].inv() if chosen else sympy.zeros(0, 0)
    values = {
        sympy.Symbol(variables[j], positive=True): sympy.prod(
            g ** inverse[row, k] for k, g in enumerate(groups)
        )
        for row, j in enumerate(chosen)
    }
    ones = {s: sympy.Integer(1) for s in law.formula.free_symbols if s not in values}
    exponents_0 = dict(basis.response.exponents)
    factor = sympy.prod(
        s ** _rational(exponents_0.get(str(s), Fraction(0))) for s in {**values, **ones}
    )
    expression = (law.formula * factor).subs({**values, **ones}, simultaneous=True)
    plain = {s: sympy.Symbol(s.name) for s in expression.free_symbols}
    return Candidate.of(expression.xreplace(plain), scale="linear")


def _rational(value: Fraction) -> sympy.Rational:
    return sympy.Rational(value.numerator, value.denominator)


def test_there_are_two_equal_halves_of_many_fields() -> None:
    development, test = laws("development"), laws("test")
    assert len(set(names)) == len(names) >= 60
    assert len(development) == len(test)
    fields = {law.field for law in LAWS}
    assert {law.field for law in development} == {law.field for law in test} == fields
    assert len(fields) >= 12


@pytest.mark.parametrize("law", LAWS, ids=names)
def test_a_law_is_consistent_and_real_in_its_ranges(law: OwnLaw) -> None:
    dimensions = {v.name: v.dimension for v in law.variables()}
    idle = set(dimensions) - {str(s) for s in law.formula.free_symbols}
    assert {str(s) for s in law.formula.free_symbols} == set(dimensions) - idle
    assert bool(idle) == ("is idle" in law.reference)
    assert check_dimension(law.formula, dimensions) == law.target.dimension
    assert law.reference
    assert all(0 < low < high for low, high in law.ranges.values())
    values, response = law.runs(200, 0)
    assert np.all(np.isfinite(response))
    assert np.ptp(response) > 0.01 * np.abs(response).max()
    for name, (low, high) in law.ranges.items():
        assert low <= values[name].min() <= values[name].max() <= high


def test_draws_repeat_and_cover_decades() -> None:
    law = BY_NAME["eddington"]
    first, second = law.runs(400, 3), law.runs(400, 3)
    np.testing.assert_array_equal(first[1], second[1])
    logs = np.log10(first[0]["M"])
    assert np.median(logs) == pytest.approx(np.log10(1.988e33), abs=0.3)


def test_a_table_is_in_its_units_with_noise_in_proportion() -> None:
    law = BY_NAME["arrhenius"]
    clean, noisy = law.table(400, 0), law.table(400, 0, noise=0.01)
    assert clean.variable("E_a").unit.text == "kJ/mol"
    assert 4e4 <= np.min(clean["E_a"]) < np.max(clean["E_a"]) <= 1.2e5
    assert np.std(noisy["k"] / clean["k"]) == pytest.approx(0.01, rel=0.15)


def check_recognition(law: OwnLaw) -> None:
    basis, candidate = law.basis(), truth(law)
    assert is_true_law(candidate, law, basis)
    if basis.groups:
        bent = candidate.expression * sympy.Symbol(basis.groups[0].name) ** sympy.Rational(1, 50)
        assert not is_true_law(Candidate.of(bent, scale="linear"), law, basis)


@pytest.mark.parametrize("law", LAWS[::9], ids=names[::9])
def test_the_true_law_is_recognised_and_a_bent_one_refused(law: OwnLaw) -> None:
    check_recognition(law)


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS, ids=names)
def test_every_true_law_is_recognised_and_a_bent_one_refused(law: OwnLaw) -> None:
    check_recognition(law)


def test_constants_are_refitted_before_the_comparison() -> None:
    law = BY_NAME["dittus_boelter"]
    expression = truth(law).expression
    assert is_true_law(
        Candidate.of(expression * sympy.Float(1.7), scale="linear"), law, law.basis()
    )
    shifted = expression * (1 + sympy.Float(0.1) / sympy.Symbol(law.basis().groups[0].name))
    assert is_true_law(Candidate.of(shifted, scale="linear"), law, law.basis())


def test_a_good_approximation_is_refused() -> None:
    law = BY_NAME["langmuir"]
    basis = law.basis()
    x = sympy.Symbol(basis.groups[0].name)
    inverse = basis.groups[0].get("K") < 0
    load = 1 / x if inverse else x
    saturation = load / (1 + load)
    assert is_true_law(Candidate.of(saturation), law, basis)
    close = 1 - sympy.exp(-sympy.Float(0.8) * load ** sympy.Rational(4, 5))
    assert not is_true_law(Candidate.of(close), law, basis)


def test_a_sum_that_comes_near_at_complex_points_too_is_refused() -> None:
    law = BY_NAME["thiele_sphere"]
    x = sympy.Symbol(law.basis().groups[0].name)
    a, b, c, d = (sympy.Float(v) for v in (0.41, 0.6, 0.02, 0.1))
    root = sympy.sqrt(1 + x / 2)
    near = 1 / (a + b * root + c * (x / (1 + x / 2)) ** 2 + d * sympy.log(1 + x + x**2) / x)
    assert not is_true_law(Candidate.of(near), law, law.basis())


def test_laws_are_searched_and_a_stopped_run_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "lines.jsonl"
    arguments = ["--laws", "bingham,cottrell", "--seconds", "10", "--out", str(out)]
    command.main(arguments)
    first = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [line["law"] for line in first] == ["cottrell", "bingham"]
    assert all(line["chosen"] and line["front"] for line in first)
    assert all(line["r2"] > 1 - 1e-9 for line in first)
    assert "not on the front: none" in capsys.readouterr().out
    monkeypatch.setattr(command, "solve", None)
    command.main(arguments)
    assert len(out.read_text(encoding="utf-8").splitlines()) == 2
    assert "development      2       2      2" in capsys.readouterr().out


def test_an_error_is_a_line_and_no_stop() -> None:
    settings = {"noise": 0.0, "seconds": 5.0, "engine": "no_such", "seed": 0}
    line = command.solve(BY_NAME["bingham"], settings)
    assert (line["chosen"], line["front"], line["r2"]) == (False, False, None)
    assert "no_such" in line["outcome"]
    assert "missed" in command.row(line)
