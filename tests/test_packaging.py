"""What is shipped builds, holds what it needs, and runs where nothing of the checkout is."""

import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=\[; ]", r)[0] for r in requirements}


def test_every_place_tells_the_same_version_and_needs() -> None:
    version = PROJECT["version"]
    assert f'__version__ = "{version}"' in (ROOT / "dimgs/__init__.py").read_text("utf-8")
    assert f"version: {version}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    recipe = (ROOT / "docs/conda/meta.yaml").read_text("utf-8")
    assert f'version = "{version}"' in recipe
    run = recipe.partition("  run:\n")[2].partition("\n\n")[0]
    listed = {line.split()[1] for line in run.splitlines() if line.strip().startswith("- ")}
    renamed = {"matplotlib": "matplotlib-base"}
    assert listed - {"python"} == {renamed.get(n, n) for n in names(PROJECT["dependencies"])}


@pytest.mark.slow
def test_wheel_and_source_build_and_run_in_an_environment_of_their_own(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="the build backend is not installed")
    made = []
    for kind in ("sdist", "wheel"):
        words = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(tmp_path)]
        subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
        made.append(next(tmp_path.glob("*.tar.gz" if kind == "sdist" else "*.whl")))
    source, wheel = made
    with tarfile.open(source) as box:
        held = {n.partition("/")[2] for n in box.getnames()}
    assert {"LICENSE", "README.md", "dimgs/py.typed", "docs/planets.csv"} <= held
    with zipfile.ZipFile(wheel) as package:
        shipped = set(package.namelist())
    needed = [
        p.relative_to(ROOT).as_posix()
        for folder in ("static", "templates")
        for p in (ROOT / "dimgs").rglob(f"{folder}/*")
        if p.suffix != ".pyc" and p.is_file()
    ]
    assert len(needed) > 20
    assert set(needed) <= shipped
    environment = tmp_path / "own"
    venv.create(environment, with_pip=False)
    site = next(environment.rglob("site-packages"))
    with zipfile.ZipFile(wheel) as package:
        package.extractall(site)
    # what it depends on comes from here, after its own; but not the checkout
    library = sysconfig.get_paths()["purelib"]
    code = f"import sys; sys.path.append({library!r}); from dimgs.cli import main; main()"
    for words in (["--version"], ["demo", "--json"], ["studio", "--help"]):
        done = subprocess.run(
            [environment / "bin" / "python", "-I", "-c", code, *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    place = f"import sys; sys.path.append({library!r}); import dimgs; print(dimgs.__file__)"
    printed = subprocess.run(
        [environment / "bin" / "python", "-I", "-c", place],
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(environment) in printed.stdout
