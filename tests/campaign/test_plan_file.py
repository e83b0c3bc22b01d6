"""Plans in files: TOML and Python, whole, broken and hostile."""

import sys
from pathlib import Path

import pytest

from dimgs.campaign import Range, read_plan
from dimgs.campaign.plan import bind, plan_of
from dimgs.common.errors import InputError
from dimgs.kernels.registry import load_kernel
from tests.campaign.test_plan import GOOD


def test_a_toml_file(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(
        'kernel = "tests.campaign.kernels:Uptake"\ntarget = "m"\n[ranges]\nk = [1e-6, 1]\n'
        't = [0.01, 1e5, "s"]\n[budget]\nruns = 20\n[tolerance]\nexponents = 0.02\n',
        encoding="utf-8",
    )
    assert read_plan(file).ranges["k"] == Range(1e-6, 1.0)
    file.write_text("kernel = ", encoding="utf-8")
    with pytest.raises(InputError, match=r"plan.toml is not valid TOML"):
        read_plan(file)
    with pytest.raises(InputError, match=r"The plan .* cannot be read"):
        read_plan(tmp_path / "other.toml")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a = " + b"[" * 200_000, "not valid TOML"),
        (b"\xff\xfe\x00", "not a text file"),
        (b"a = " + b"9" * 1_000_000, "not valid TOML"),
        (b"kernel = '" + b"x" * (17 << 20) + b"'", "longer than any plan"),
        (b"kernel = '" + b"x" * 300_000 + b"'", "the key 'target' is missing"),
    ],
)
def test_an_odd_file_gets_one_sentence(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "plan.toml"
    file.write_bytes(content)
    with pytest.raises(InputError, match=told) as error:
        read_plan(file)
    assert len(str(error.value)) < 500
    for path in (tmp_path, "x" * 300_000, "no\x00file"):
        with pytest.raises(InputError, match=r"The plan .* cannot be read"):
            read_plan(path)


def test_a_python_file_brings_its_own_kernel(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from dimgs.campaign import Budget, Plan, Range, Tolerance\n"
        "from dimgs.kernels.function import kernel\n"
        "@kernel(inputs={'a': '1'}, outputs={'y': '1'})\n"
        "def square(a):\n    return a * a\n"
        "plan = Plan(square, 'y', {'a': Range(1, 10)}, Budget(9), Tolerance(0.1))\n",
        encoding="utf-8",
    )
    plan = read_plan(file)
    assert plan.kernel == f"{file}:square"
    assert load_kernel(plan.kernel).run({"a": 3.0}).outputs["y"][0] == 9.0
    file.write_text("x = 1\n", encoding="utf-8")
    other = tmp_path / "other.py"
    other.write_text("x = 1\n", encoding="utf-8")
    with pytest.raises(InputError, match="defines no plan"):
        read_plan(other)
    other = tmp_path / "broken.py"
    other.write_text("1 / 0\n", encoding="utf-8")
    with pytest.raises(InputError, match="ZeroDivisionError"):
        read_plan(other)


@pytest.mark.parametrize(
    ("name", "source", "told"),
    [
        ("k.py:f", "x = 1\n\n1 / 0\n", "k.py fails when it is imported (ZeroDivisionError"),
        ("k.py:f", "x = 1\n\n1 / 0\n", "division by zero, line 3); correct it."),
        ("k.py:f", "import sys\nsys.exit(3)\n", "SystemExit: 3"),
        ("k.py:f", "f = 3\n", ":f' is not a kernel: it needs name"),
        ("k.py:g", "f = 3\n", "k.py' has no 'g'"),
        ("k.py", "f = 3\n", "k.py' is a file; write 'file.py:name'"),
        ("other.py:f", "", "There is no file"),
        ("command", "", "the key 'argv' is missing"),
    ],
)
def test_a_kernel_that_cannot_be_had_is_told_with_its_plan(
    tmp_path: Path, name: str, source: str, told: str
) -> None:
    (tmp_path / "k.py").write_text(source, encoding="utf-8")
    plan = plan_of(GOOD | {"kernel": name}, "plan.toml", tmp_path)
    with pytest.raises(InputError, match=r"^plan.toml, kernel: [^\n]+$") as error:
        bind(plan)
    assert told in str(error.value)


def test_a_file_of_a_kernel_imports_what_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "beside_the_plan.py").write_text("factor = 7.0\n", encoding="utf-8")
    text = (
        "from beside_the_plan import factor\n"
        "from dimgs.kernels import kernel\n"
        "@kernel(inputs={'a': '1'}, outputs={'y': '1'})\n"
        "def grown(a):\n    return factor * a\n"
    )
    (tmp_path / "k.py").write_text(text, encoding="utf-8")
    try:
        assert load_kernel(f"{tmp_path / 'k.py'}:grown").run({"a": 2.0}).outputs["y"][0] == 14.0
    finally:
        sys.path.remove(str(tmp_path.resolve()))


def test_a_plan_in_python_needs_a_kernel(tmp_path: Path) -> None:
    text = (
        "from dimgs.campaign import Budget, Plan, Range, Tolerance\n"
        "plan = Plan(kernel=None, target='m', ranges={'k': Range(1, 2)}, budget=Budget(runs=9),\n"
        "            tolerance=Tolerance(exponents=0.1))\n"
    )
    (tmp_path / "p.py").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"^p.py, kernel: 'None' is not a kernel"):
        bind(read_plan(tmp_path / "p.py"))


def test_values_and_ranges_are_quantities_as_text() -> None:
    fixed = {"ranges": {"k": [1e-6, 1.0], "t": [1, 100, "s"]}, "fixed": {"c": [1, "kg/m^3"]}}
    texts = {"ranges": {"k": [1e-6, 1.0], "t": "1–100 s"}, "fixed": {"c": "1 kg/m^3"}}
    one, two = (plan_of({**GOOD, **given}) for given in (fixed, texts))
    assert one.ranges == two.ranges
    assert bind(one).fixed == bind(two).fixed
