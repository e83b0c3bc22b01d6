"""Sources in Python, C and Fortran can be run and give what the law gives."""

import ctypes
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy

from dimgs.common.errors import InputError
from dimgs.dataset import Dataset
from dimgs.law.export import source_code
from dimgs.law.law import Law
from dimgs.law.prediction import law_inputs
from tests.law.examples import KINDS, example, held_example

COMPILERS = {"c": ("gcc", ["-std=c99", "-pedantic"]), "fortran": ("gfortran", ["-std=f2008"])}


def compiled(law: Law, language: str, folder: Path) -> ctypes.CDLL:
    program, flags = COMPILERS[language]
    if shutil.which(program) is None:
        pytest.skip(f"no {program} on this machine: install it")
    suffix = {"c": "c", "fortran": "f90"}[language]
    source, library = folder / f"law.{suffix}", folder / "law.so"
    source.write_text(law.code(language), encoding="ascii")
    warnings = ["-Wall", "-Wextra", "-Werror", *flags]
    subprocess.run(
        [program, *warnings, "-shared", "-fPIC", str(source), "-o", str(library), "-lm"],
        check=True,
        cwd=folder,
    )
    return ctypes.CDLL(str(library))


def called(library: ctypes.CDLL, language: str, row: list[float]) -> float:
    function = library["law" if language == "c" else "__law_module_MOD_law"]
    function.restype = ctypes.c_double
    if language == "c":
        return float(function(*map(ctypes.c_double, row)))
    return float(function(*(ctypes.byref(ctypes.c_double(x)) for x in row)))


@pytest.mark.parametrize("language", COMPILERS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_compiled_law_gives_the_same_numbers(kind: str, language: str, tmp_path: Path) -> None:
    law, data = example(kind)
    law = replace(law, label_effects=None)
    library = compiled(law, language, tmp_path)
    values = law_inputs(law, data).values
    wanted = law.predict_si(data)
    for i in range(0, data.n_runs, 7):
        row = [float(values[v.name][i]) for v in law.symbols.values()]
        assert called(library, language, row) == pytest.approx(wanted[i], rel=1e-12)


@pytest.mark.parametrize("language", COMPILERS)
def test_functions_that_a_language_lacks_are_rewritten(language: str, tmp_path: Path) -> None:
    law, _ = example("power")
    re = sympy.Symbol("rho") * sympy.Symbol("U") * sympy.Symbol("D") / sympy.Symbol("mu")
    odd = sympy.cot(re) + sympy.sech(re) + sympy.sign(re - 1) + sympy.Min(re, 2) + sympy.Abs(re)
    odd += sympy.acot(re) + sympy.erf(re) + sympy.floor(re) + sympy.pi + sympy.exp(-re) + re**0.3
    odd += sympy.coth(re) + sympy.csc(re) + sympy.sec(re) + sympy.csch(re) + sympy.acoth(re + 2)
    base = law.expression.xreplace({sympy.Symbol(c.name): 1 for c in law.constants})
    law = replace(law, expression=base * odd)
    library = compiled(law, language, tmp_path)
    names = list(law.symbols)
    for scale in (0.3, 1.7):
        row = {name: 0.7 + 0.1 * k for k, name in enumerate(names)} | {"U": scale}
        wanted = float(
            law.expression.xreplace({sympy.Symbol(k): sympy.Float(v, 30) for k, v in row.items()})
        )
        identifiers = called(library, language, [row[n] for n in names])
        assert identifiers == pytest.approx(wanted, rel=1e-11)


def test_functions_that_numpy_lacks_run_on_arrays() -> None:
    law, data = example("power")
    re = sympy.Symbol("rho") * sympy.Symbol("U") * sympy.Symbol("D") / sympy.Symbol("mu") / 10000
    odd = sympy.erf(re) + sympy.erfc(re) + sympy.Max(re, 2) + sympy.Min(re, 1, 3 * re)
    law = replace(law, expression=law.expression * odd)
    function = run(law.python(), "law")
    columns = [data[v.name] for v in law.symbols.values()]
    np.testing.assert_allclose(function(*columns), law.predict_si(data), rtol=1e-12)
    assert float(function(*(c[0] for c in columns))) == pytest.approx(law.predict_si(data)[0])


@pytest.mark.parametrize("kind", KINDS)
@np.errstate(all="ignore")
def test_plain_numbers_have_the_values_of_an_array(kind: str) -> None:
    """Also where numbers of Python raise an error, or become complex."""
    law, data = example(kind)
    inside = [float(law_inputs(law, data).values[v.name][0]) for v in law.symbols.values()]
    first, *others = inside
    functions = [run(law.python(), "law"), run(law.with_units().python(), "law")]
    for function in functions:
        for edge in (0.0, -first, 0, -1, 3):
            at = [edge, *others]
            wanted = function(*(np.array([float(x)]) for x in at))
            np.testing.assert_allclose(function(*at), wanted[0], rtol=1e-12)


@pytest.mark.parametrize("language", ["c", "fortran"])
def test_the_test_of_the_domain_takes_inputs_in_the_order_of_the_law(language: str) -> None:
    law, _ = held_example()
    columns = {**law.domain.columns, "D": (0.05, 0.05, "m")}
    law = replace(law, domain=replace(law.domain, columns=columns))
    source = law.code(language)
    pattern = r"(law|law_outside)\(([^)]*)\)(?: result|\n\{)"
    orders = {name: re.findall(r"\w+(?=,|$)", text) for name, text in re.findall(pattern, source)}
    judged = set(orders["law_outside"])
    common = [x for x in orders["law"] if x in judged]
    assert [x for x in orders["law_outside"] if x in common] == common
    assert len(common) > 1


def test_names_that_differ_by_case_alone_stay_apart_in_fortran() -> None:
    law, _ = example("power")
    text = source_code(law, "fortran", "u")
    line = next(x for x in text.splitlines() if x.strip().startswith("pure function"))
    names = line.split("(")[1].split(")")[0].split(", ")
    assert len({n.casefold() for n in [*names, "u"]}) == len(law.symbols) + 1


def test_long_statements_are_folded() -> None:
    for kind in KINDS:
        assert max(map(len, example(kind)[0].fortran().splitlines())) <= 132


def test_python_comes_from_the_same_place_and_others_are_refused() -> None:
    law, _ = example("power")
    assert law.code("Python", "f") == law.python("f")
    with pytest.raises(InputError, match="choose from python, c and fortran"):
        law.code("cobol")
    with pytest.raises(InputError, match="cannot name a function"):
        law.c("1; system")


def run(source: str, name: str) -> Any:
    """The function that the source defines, in an empty namespace."""
    space: dict[str, Any] = {}
    exec(compile(source, "law.py", "exec"), space)
    return space[name]


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "within"])
def test_the_source_gives_the_same_numbers(kind: str) -> None:
    law, data = example(kind)
    function = run(law.python("predict"), "predict")
    arguments = {symbol: data[v.name] for symbol, v in law.symbols.items()}
    np.testing.assert_allclose(function(**arguments), law.predict_si(data), rtol=1e-12)
    first = function(*(column[0] for column in arguments.values()))
    assert float(first) == pytest.approx(law.predict_si(data)[0], rel=1e-12)
    assert law.target.name in function.__doc__
    assert all(v.name in function.__doc__ for v in law.symbols.values())


def test_the_source_needs_numpy_alone() -> None:
    law, data = example("regimes")
    arguments = ", ".join(repr(float(data[v.name][0])) for v in law.symbols.values())
    code = law.python() + f"\nimport sys\nprint(float(law({arguments})), 'sympy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    value, sympy_loaded = done.stdout.split()
    assert float(value) == pytest.approx(law.predict_si(data)[0], rel=1e-12)
    assert sympy_loaded == "False"


@pytest.mark.parametrize("language", ["python", "c", "fortran"])
@pytest.mark.parametrize(
    "name", ["f(): pass #", "x-y", "1st", "", "a\nb", "int", "lambda", "end", "np"]
)
def test_a_name_that_can_name_no_function_is_refused(language: str, name: str) -> None:
    law, _ = example("power")
    reserved = {"python": ("lambda", "np"), "c": ("int",), "fortran": ("int", "end")}[language]
    if name.isidentifier() and name not in reserved:
        assert f"{name}(" in law.code(language, name)
        return
    with pytest.raises(InputError, match="name"):
        law.code(language, name)


def rows_about(law: Law, data: Dataset) -> dict[str, np.ndarray]:
    """Runs, and runs with one input after the other a hundred times and a fifth of what it was."""
    inputs = [v.name for v in law.inputs]
    first = {n: np.asarray(data[n], dtype=float)[:2] for n in inputs}
    rows = [first]
    for name in inputs:
        rows += [{**first, name: factor * first[name]} for factor in (100.0, 0.2, -1.0)]
    return {n: np.concatenate([row[n] for row in rows]) for n in inputs}


@pytest.mark.parametrize("kind", [*KINDS, "held"])
def test_the_source_tells_what_is_outside_as_the_law_does(kind: str, tmp_path: Path) -> None:
    law, data = held_example() if kind == "held" else example(kind)
    law = replace(law, label_effects=None, domain=replace(law.domain, labels={}))
    rows = rows_about(law, data)
    wanted = law.outside(rows)
    assert any(wanted)
    # only signs are judged in a monomial without a free group
    assert any(x[:4] != "sign" for row in wanted for x in row) == (kind != "physical")
    function = run(law.python(), "law_outside")
    columns = re.findall(r"^    (\w+): (.*) in [^ ]*$", function.__doc__, re.MULTILINE)
    value = function(**{argument: rows[column] for argument, column in columns})
    names = {name for row in wanted for name in row}
    assert set(value) == names
    for name, left in value.items():
        left = np.broadcast_to(left, (len(wanted),))
        assert left.tolist() == [name in row for row in wanted]
    for language in COMPILERS:
        if shutil.which(COMPILERS[language][0]) is None:
            continue
        (tmp_path / language).mkdir()
        library = compiled(law, language, tmp_path / language)
        place = "law_outside" if language == "c" else "__law_module_MOD_law_outside"
        for i, row in enumerate(wanted):
            numbers = [ctypes.c_double(rows[column][i]) for _, column in columns]
            given = numbers if language == "c" else map(ctypes.byref, numbers)
            assert bool(library[place](*given)) == bool(row)


def test_the_source_states_what_was_held_and_whether_the_law_was_confirmed() -> None:
    law, _ = held_example()
    function = run(law.python(), "law_outside")
    assert function(U=1.0, D=0.05, m=1.5) == {}
    assert set(function(U=1.0, D=0.05, m=1.5, K=100.0)) == {"pi_1"}
    judged = replace(law, confirmed=False, why_not=("The residuals show structure.",))
    for language in ("python", *COMPILERS):
        text = judged.code(language)
        assert "K = 10" in text
        assert "E = 50000 J/mol" in text
        assert "kind = 'PE'" in text
        assert "Not confirmed. The residuals show structure." in text
    assert "Confirmed." in replace(law, confirmed=True).c()


def test_the_prefactors_of_labels_are_in_the_comment() -> None:
    law, data = example("within")
    assert law.label_effects is not None
    comment = law.python().partition("Labels of rig")[2].splitlines()
    factors = dict(line.strip().split(": ") for line in comment[1 : 1 + len(law.labels["rig"])])
    space: dict[str, Any] = {}
    exec(law.python(), space)
    middle = space["law"](*(data[v.name] for v in law.symbols.values()))
    by_label = np.array([float(factors[label]) for label in data["rig"]])
    assert np.allclose(middle * by_label, law.predict_si(data), rtol=1e-5)
