"""Functions as kernels: units in the decorator or in annotations, tiers, seeds, processes."""

import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.common.errors import InputError
from dimgs.kernels import Kernel, Port, Simulated, Status, Tier, kernel
from dimgs.kernels.registry import load_kernel
from dimgs.variables import registry


@kernel(
    inputs={"l": "mm", "D": {"unit": "m^2/s", "low": 0, "high": 1}},
    outputs={"tau": "s", "rate": "1/s"},
    tiers={"coarse": {"cost": 0.1, "digits": 1}, "fine": {"digits": 9}},
)
def lag(l: float, tier: dict[str, int], D: float = 1e-12) -> tuple[float, float]:
    """Time lag of a membrane."""
    tau = round((l * 1e-3) ** 2 / (6 * D), tier["digits"])
    return tau, 1 / tau


@kernel
def period(
    length: Annotated[float, "m"],
    g: Annotated[float, Port("g", "m/s^2", low=0.1)] = 9.81,
) -> Annotated[float, "T [s]"]:
    return float(2 * np.pi * (length / g) ** 0.5)


@kernel(outputs={"x": "1"}, inputs={})
def noise(seed: int) -> float:
    return float(np.random.default_rng(seed).normal())


@kernel(inputs={"T": "degC", "p": "bar"}, outputs={"rho": "mol/m^3"}, quantities=True)
def gas(T: Any, p: Any) -> Any:
    return p / (registry().Quantity(8.314462618, "J/mol/K") * T.to("K"))


def plain(a: Annotated[float, "m"]) -> Annotated[float, "b [m]"]:
    return 2 * a


wrapped = kernel(plain)


def test_is_a_kernel_and_still_a_function() -> None:
    assert isinstance(lag, Kernel)
    assert lag.name == "lag"
    assert lag.__doc__ == "Time lag of a membrane."
    assert lag(1.0, {"digits": 3}, D=1e-9) == (166.667, 1 / 166.667)
    assert period(1.0) == pytest.approx(2.006, abs=1e-3)
    assert [p.name for p in lag.inputs] == ["l", "D"]
    assert lag.inputs[1] == Port("D", "m^2/s", 0, 1, 1e-12)
    assert lag.tiers == (Tier("coarse", 0.1, {"digits": 1}), Tier("fine", 1.0, {"digits": 9}))


@given(st.floats(1e-3, 1e3).map(lambda x: float(f"{x:.6g}")))
def test_numbers_come_in_the_units_of_the_ports(l: float) -> None:
    metres = registry().Quantity(l * 1e-3, "m")
    assert lag.run({"l": metres}).outputs["tau"][0] == pytest.approx(
        (l * 1e-3) ** 2 / 6e-12, rel=1e-12, abs=1e-8
    )
    assert lag.run({"l": metres}).key == lag.run({"l": l}).key


def test_tiers_reach_the_function() -> None:
    coarse, fine = lag.run({"l": 0.0101}, "coarse"), lag.run({"l": 0.0101})
    assert coarse.outputs["tau"] == (17.0, "s")
    assert fine.outputs["tau"][0] == pytest.approx(17.001666667)


def test_annotations_declare_units() -> None:
    record = period.run({"length": registry().Quantity(100, "cm")})
    assert record.outputs["T"][0] == pytest.approx(2.006, abs=1e-3)
    assert period.inputs[1] == Port("g", "m/s^2", low=0.1, default=9.81)
    assert period.run({"length": 1, "g": 0}).status is Status.REFUSED


def test_seeds_reach_the_function() -> None:
    assert noise.run({}, seed=3).outputs["x"][0] == noise(3)
    assert noise.run({}, seed=3).seed == 3


def test_a_number_in_the_unit_of_a_port_counts() -> None:
    @kernel(inputs={"m": "1e3 kg"}, outputs={"double": "1e3 kg"}, quantities=True)
    def double(m: Any) -> Any:
        assert m.to("kg").magnitude == 5e3
        return 2 * m

    assert double.run({"m": 5}).outputs["double"] == (10.0, "1e3 kg")
    assert double.run({"m": "5 t"}).outputs["double"] == (10.0, "1e3 kg")


def test_quantities_reach_the_function_and_come_back() -> None:
    record = gas.run({"T": 25, "p": 1})
    assert record.outputs["rho"][0] == pytest.approx(40.34, rel=1e-3)


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("one", [lag, wrapped])
def test_kernels_travel_to_processes(one: Any, method: str) -> None:
    inputs = {p.name: 1.5 for p in one.inputs[:1]}
    with ProcessPoolExecutor(1, mp_context=get_context(method)) as pool:
        there = pool.submit(one.run, inputs).result()
    assert there.outputs == one.run(inputs).outputs
    assert pickle.loads(pickle.dumps(one)).key(inputs) == one.key(inputs)


def test_local_kernels_say_why_they_cannot_travel() -> None:
    @kernel(inputs={"a": "m"}, outputs={"b": "m"})
    def local(a: float) -> float:
        return a

    assert local.run({"a": 1}).ok
    with pytest.raises(pickle.PicklingError, match="define it there"):
        pickle.dumps(local)


def test_the_version_follows_the_source() -> None:
    def double(a: float) -> float:
        return 2 * a

    def treble(a: float) -> float:
        return 3 * a

    two, three = (
        kernel(inputs={"a": "m"}, outputs={"b": "m"}, name="f")(f) for f in (double, treble)
    )
    named = kernel(inputs={"a": "m"}, outputs={"b": "m"}, name="f", version="7")(double)
    assert len({k.key({"a": 1}) for k in (two, three, named)}) == 3
    assert named.version == "7"
    scope: dict[str, Any] = {}
    exec("def f(a):\n    return 2 * a\ndef g(a):\n    return 3 * a", scope)
    made = [kernel(inputs={"a": "m"}, outputs={"b": "m"})(scope[n]) for n in "fg"]
    assert made[0].version != made[1].version


@pytest.mark.parametrize(
    ("returned", "status", "says"),
    [
        (1.0, Status.OK, ""),
        ({"b": 1.0}, Status.OK, ""),
        (Simulated({"b": 1.0}, {"b": 0.1}), Status.OK, ""),
        ((1.0, 2.0), Status.FAILED, "2 values for 1 outputs"),
        (None, Status.FAILED, "The function of 'give' returns nothing; add a return."),
        ("text", Status.FAILED, "one number in m"),
    ],
)
def test_what_a_function_may_return(returned: Any, status: Status, says: str) -> None:
    @kernel(inputs={}, outputs={"b": "m"})
    def give() -> Any:
        return returned

    record = give.run({})
    assert record.status is status
    assert says in record.reason


def test_declarations_that_do_not_fit_are_refused() -> None:
    def f(a: float, b: float) -> float:
        return a * b

    def options(*values: float) -> float:
        return sum(values)

    cases: list[tuple[Any, dict[str, Any], str]] = [
        (f, {"inputs": {"a": "m"}, "outputs": {"c": "m"}}, "parameter 'b' of 'f' has no unit"),
        (f, {"inputs": {"a": "m", "b": "m", "z": "m"}, "outputs": {"c": "m"}}, "input 'z'"),
        (f, {"inputs": {"a": "m", "b": "m"}}, "declares no output"),
        (f, {"inputs": {"a": "m", "b": "bogus"}, "outputs": {"c": "m"}}, "'bogus' cannot be read"),
        (f, {"inputs": {"a": {"low": 1}, "b": "m"}, "outputs": {"c": "m"}}, "give its unit"),
        (f, {"inputs": {"a": {"unit": "m", "lo": 1}, "b": "m"}, "outputs": {"c": "m"}}, "no 'lo'"),
        (f, {"inputs": {"a": "m", "b": "m"}, "outputs": {"a": "m"}}, "'a' twice"),
        (f, {"inputs": {"a": "m", "b": "m"}, "outputs": {"c": "label"}}, "is a label"),
        (options, {"inputs": {}, "outputs": {"c": "m"}}, "given by name"),
    ]
    for function, declared, says in cases:
        with pytest.raises(InputError, match=says):
            kernel(**declared)(function)


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ({"inputs": ["a"]}, r"The ports of the kernel 'same' are \['a'\]; give units by name"),
        ({"outputs": "m"}, "The ports of the kernel 'same' are 'm'"),
        ({"tiers": ["coarse"]}, r"The tiers are \['coarse'\]; give settings by name, or Tier"),
        ({"tiers": ()}, "There is no tier"),
    ],
)
def test_what_is_declared_in_another_form_is_refused(declared: dict[str, Any], says: str) -> None:
    def same(a: float) -> float:
        return a

    with pytest.raises(InputError, match=says):
        kernel(**({"inputs": {"a": "m"}, "outputs": {"b": "m"}} | declared))(same)


@pytest.mark.parametrize("thing", [3, partial(pow, 2.0)])
def test_only_functions_are_decorated(thing: Any) -> None:
    with pytest.raises(InputError, match="is not a function; wrap it"):
        kernel(inputs={"a": "m"}, outputs={"b": "m"})(thing)


MODULE = """
from dimgs.kernels import kernel
{constant}
@kernel(inputs={{"x": "1"}}, outputs={{"y": "1"}})
def f(x):
    return helper(x) + G
def helper(x):
    return deeper({argument})
def deeper(x):
    return x
def other():
    return {other}
"""


def test_the_version_follows_what_the_function_uses(tmp_path: Path) -> None:
    def version(constant: str = "G = 1", argument: str = "x", other: str = "0") -> str:
        file = tmp_path / "module.py"
        file.write_text(MODULE.format(constant=constant, argument=argument, other=other))
        made = load_kernel(f"{file}:f")
        assert made.run({"x": 3.0}).outputs == {
            "y": (float(constant[-1]) + (3.0 if argument == "x" else -3.0), "1")
        }
        return made.version

    first = version()
    assert version(other="1") == first
    # each edit keeps the size of the file, and may come within a second of the last
    assert len({first, version("G = 2"), version(argument="-x"), version("G = 3")}) == 4


def test_the_version_follows_what_the_function_encloses() -> None:
    def made(factor: float) -> Any:
        @kernel(inputs={"x": "1"}, outputs={"y": "1"})
        def scaled(x: float) -> float:
            return factor * x

        return scaled

    assert made(1.0).key({"x": 1}) == made(1.0).key({"x": 1}) != made(2.0).key({"x": 1})


def test_the_version_follows_the_modules_that_it_imports(tmp_path: Path) -> None:
    """Each in a process of its own: what a process has loaded stays as it was loaded."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "__init__.py").write_text("")
    (tmp_path / "own" / "film.py").write_text(
        "import numpy\nfrom dimgs.kernels import kernel\nfrom . import helper\n"
        "@kernel(inputs={'x': '1'}, outputs={'y': '1'})\n"
        "def f(x):\n    return helper.g(x)\n"
    )
    (tmp_path / "own" / "helper.py").write_text("from deeper import A\ndef g(x): return A * x\n")
    (tmp_path / "plan.py").write_text("from own.film import f\n")
    code = (
        "import sys\nfrom dimgs.kernels.registry import load_kernel\n"
        "k = load_kernel(sys.argv[1])\nprint(k.version, k.run({'x': 1}).outputs['y'][0])\n"
        "open('deeper.py', 'w').write('A = 9')\n"
        "print(k.version, load_kernel(sys.argv[1]).version)"
    )

    def versions(a: int, reference: str) -> list[str]:
        (tmp_path / "deeper.py").write_text(f"A = {a}")
        (tmp_path / "other.py").write_text(f"A = {a}")
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
        command = [sys.executable, "-B", "-c", code, reference]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert not done.returncode, done.stderr
        return done.stdout.split()

    for reference in ("own.film:f", f"{tmp_path / 'own' / 'film.py'}:f", "plan.py:f"):
        if reference.startswith(str(tmp_path)):
            text = (tmp_path / "own" / "film.py").read_text()
            (tmp_path / "own" / "film.py").write_text(text.replace("from . ", "from own "))
        first, second, again = (versions(a, reference) for a in (1, 2, 1))
        assert first == again
        assert [first[1], second[1]] == ["1.0", "2.0"]
        assert first[0] != second[0]
        assert first[0] == first[2] == first[3]
