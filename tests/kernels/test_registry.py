"""Kernels by name, from the package and from installed packages."""

import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Annotated

import pytest

from dimgs.common.errors import InputError
from dimgs.common.plugins import entry_points
from dimgs.kernels import BaseKernel, Kernel, available, load, registry
from dimgs.kernels.registry import get_kernel

ROOT = Path(__file__).resolve().parents[2]


def doubled(a: Annotated[float, "m"]) -> Annotated[float, "b [m]"]:
    return 2 * a


no_kernel = 3


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package that brings two kernels, as pip would install it."""
    (tmp_path / "their_film.py").write_text(
        "from dimgs.kernels import kernel\n"
        "@kernel(inputs={'a': 'm'}, outputs={'b': 'm'})\n"
        "def film(a):\n"
        "    return 3 * a\n"
    )
    info = tmp_path / "their_film-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-film\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[dimgs.kernels]\ntheir-film = their_film:film\nbroken = no_such_module_here:x\n"
        "diffusion = their_film:film\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    entry_points.cache_clear()
    yield
    entry_points.cache_clear()
    sys.modules.pop("their_film", None)


@pytest.mark.parametrize("name", ["diffusion", "diffusion-series"])
def test_the_package_brings_its_own(name: str) -> None:
    assert name in available()
    kernel = load(name)
    assert isinstance(kernel, BaseKernel)
    assert kernel.name == name


def test_every_name_of_the_package_leads_somewhere() -> None:
    registered = {
        p.name for p in metadata.distribution("dimgs").entry_points if p.group == registry.GROUP
    }
    assert registered >= {"diffusion", "lammps-phantom", "sfppy", "radigen", "dscript-phantom"}
    assert {*registered, "command"} <= set(available())
    assert all(callable(get_kernel(name)) for name in registered)
    for name in registered - {"dscript", "lammps"}:
        assert load(name).name == name


def test_a_kernel_of_a_file_is_loaded_by_its_path(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from typing import Annotated\n"
        "def f(a: Annotated[float, 'm']) -> Annotated[float, 'b [m]']:\n"
        "    return 2 * a\n"
    )
    assert load(f"{file}:f").run({"a": 2.0}).outputs == {"b": (4.0, "m")}
    with pytest.raises(InputError, match=r"is a file; write 'file\.py:name'"):
        load(str(file))
    with pytest.raises(InputError, match="There is no file"):
        load(f"{tmp_path / 'other.py'}:f")


@pytest.mark.usefixtures("installed")
def test_installed_packages_bring_theirs() -> None:
    assert {"their-film", "broken", "diffusion"} <= set(available())
    assert load("their-film").run({"a": 2}).outputs["b"] == (6.0, "m")
    assert load("diffusion").name == "diffusion"
    with pytest.raises(InputError, match="'broken' cannot be imported"):
        load("broken")


def test_modules_name_kernels_classes_and_functions() -> None:
    home = "tests.kernels.test_registry"
    assert load(f"{home}:doubled").run({"a": 2}).outputs["b"] == (4.0, "m")
    assert isinstance(load("dimgs.kernels.diffusion:Diffusion"), Kernel)
    assert load("tests.kernels.test_function:lag").name == "lag"


def test_options_make_a_kernel() -> None:
    echo = load(
        "command",
        argv=["echo", "{{a:g}}"],
        inputs={"a": "m"},
        outputs={"b": {"unit": "m", "regex": "(.+)"}},
    )
    assert echo.run({"a": 2}).outputs["b"] == (2.0, "m")


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("difusion", {}, "did you mean 'diffusion'"),
        ("zzzz", {}, "there are command"),
        ("no_such_module:x", {}, "cannot be imported"),
        ("tests.kernels.test_registry:nothing", {}, "has no 'nothing'"),
        ("tests.kernels.test_registry:no_kernel", {}, "is not a kernel"),
        ("diffusion", {"cells": 3}, "cannot be made like this"),
        ("tests.kernels.test_function:lag", {"cells": 3}, "takes no options"),
        ("command", {}, "the key .argv. is missing"),
    ],
)
def test_what_is_no_kernel_is_refused(name: str, options: dict[str, int], says: str) -> None:
    with pytest.raises(InputError, match=says):
        load(name, **options)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("1 / 0", r"fails when it is imported \(ZeroDivisionError: division by zero\)"),
        ("def f(:", "SyntaxError"),
        ("import sys; sys.exit('no licence')", r"\(SystemExit: no licence\)"),
        ("import no_such_library", r"No module named 'no_such_library'\); check the name, or ins"),
        ("from dimgs.kernels import kernel\nkernel(inputs={'a': 'foo'})(len)", "unit 'foo'"),
        (
            "class K:\n    def __init__(self): raise OSError('no licence')",
            "cannot be made.*OSError",
        ),
        ("class K:\n    name = version = 'a'", "it needs name.*and has no inputs"),
        ("class K:\n    name = version = run = 'a'; inputs = outputs = tiers = ()", "no outputs"),
        ("class K:\n    name = version = run = inputs = outputs = tiers = 'a'", "tuple of Port"),
    ],
)
def test_what_fails_in_a_module_of_the_user_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, says: str
) -> None:
    home = f"_their_module_{abs(hash(source))}"
    (tmp_path / f"{home}.py").write_text(source + "\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InputError, match=says) as error:
        load(f"{home}:K")
    assert "\n" not in str(error.value)


def test_a_file_is_distinguished_from_a_module() -> None:
    with pytest.raises(InputError, match=r"for a file of yours write 'no_such_module.py:film'"):
        load("no_such_module:film")
    with pytest.raises(InputError, match="fails when it is imported"):
        load(":film")


def test_names_cost_no_heavy_import() -> None:
    code = (
        "import sys, dimgs.kernels as k; k.available()\n"
        "sys.exit(any(m in sys.modules for m in ('pint', 'scipy', 'lammps', 'sqlalchemy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
