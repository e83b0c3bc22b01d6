"""The contributor's page is true: its map, the walk of the data, the names and the recipes."""

import ast
import itertools
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import CodeType, FrameType, ModuleType

import numpy as np
import pytest

from dimgs.cli.app import run

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "dimgs"
PAGE = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
_CODE = re.compile(r"`([^`]+)`")


def section(title: str) -> str:
    return PAGE.partition(f"## {title}")[2].partition("\n## ")[0]


def rows(text: str) -> list[list[list[str]]]:
    """What stands in backticks in each cell of the rows of a table, its head left out."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[_CODE.findall(cell) for cell in line.strip("|").split("|")] for line in lines]


def functions(file: str) -> set[str]:
    """Functions of a file, those of classes also as ``Class.function``."""
    tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
    names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            methods = [each for each in node.body if isinstance(each, ast.FunctionDef)]
            names |= {f"{node.name}.{each.name}" for each in methods}
    return names


def test_the_map_names_every_folder_in_the_order_of_the_layers() -> None:
    text = section("The folders of `dimgs`")
    named = [cells[0][0] for cells in rows(text)]
    inner = {cells[0][0]: set(cells[2]) for cells in rows(text)}
    folders = {each.name for each in PACKAGE.iterdir() if (each / "__init__.py").is_file()}
    assert set(named) == folders, "give each folder of dimgs a row in docs/contributing.md"
    for name in named:
        files = (PACKAGE / name).glob("[!_]*/*.*")
        assert inner[name] == {file.parent.name for file in files}, name
    modules = set(_CODE.findall(text.partition("Single modules:")[2]))
    assert modules - folders == {f.stem for f in PACKAGE.glob("[!_]*.py")}
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (layers,) = [c for c in settings["tool"]["importlinter"]["contracts"] if c["type"] == "layers"]
    order = [name.strip() for layer in layers["layers"] for name in layer.split("|")]
    assert named == [name for name in order if name in folders]


def test_the_picture_of_the_layers_is_that_of_the_import_contract() -> None:
    picture = (ROOT / "docs" / "images" / "layers.svg").read_text(encoding="utf-8")
    drawn = re.findall(r">(\w+)</text>", picture)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = [
        c for c in settings["tool"]["importlinter"]["contracts"] if c["type"] == "layers"
    ]
    layers = [name.strip() for row in contract["layers"] for name in row.split("|")]
    assert drawn == layers, "run python docs/gallery.py"


def test_each_term_of_the_glossary_has_one_row_and_a_file() -> None:
    lines = (ROOT / "docs" / "reference" / "glossary.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in x.strip("|").split("|")] for x in lines if "`" in x]
    terms = [row[0] for row in cells if row[0] and not row[0].startswith("The ")]
    assert len(terms) == len(set(terms)) > 30
    for row in cells:
        (home,) = _CODE.findall(row[-1])
        assert (PACKAGE / home).is_file(), home


def test_the_walk_is_what_a_discovery_calls_first_to_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # figures would take most of the time, and are not a step of the walk
    monkeypatch.setattr("dimgs.report.figures.draw_figures", lambda report: [])
    steps = [(cells[0][0], cells[1][0]) for cells in rows(section("From `dimgs discover"))]
    assert len(steps) > 20
    first: dict[CodeType, None] = {}

    # called for each call of a Python function, and for nothing else
    def called(frame: FrameType, _event: str, _: object) -> None:
        first.setdefault(frame.f_code)

    L = np.linspace(0.1, 2.0, 24)
    line = 0.3 * (L + 0.4)
    table = tmp_path / "table.csv"
    cells = [f"{x},1.0,{y}" for x, y in zip(L, line, strict=True)]
    table.write_text("\n".join(["L [m],D [m],y [m]", *cells]), encoding="utf-8")
    options = ["--engine", "structured", "--evaluations", "200", "--out", str(tmp_path / "out")]
    before = sys.gettrace()
    sys.settrace(called)
    try:
        assert run(["discover", str(table), "--target", "y", *options]) == 0
    finally:
        sys.settrace(before)
    places = [(c.co_filename, c.co_name) for c in first]
    order = [places.index((str(PACKAGE / file), name)) for file, name in steps]
    assert order == sorted(order)


def test_the_walk_changes_folder_as_often_as_the_page_says() -> None:
    walk = section("From `dimgs discover")
    named = [cells[0][0] for cells in rows(section("The folders of `dimgs`"))]
    folders = [named.index(cells[0][0].partition("/")[0]) for cells in rows(walk)]
    steps = list(itertools.pairwise(folders))
    changes = sum(a != b for a, b in steps)
    climbs = sum(b < a for a, b in steps)
    assert f"folder {changes} times and climb back {climbs} times" in " ".join(walk.split())


QUESTIONS = (
    "How is a law", "How is its", "How is the next", "How is a missing", "How is a constant",
    "What decides", "Where does",
)  # fmt: skip


@pytest.mark.parametrize("question", QUESTIONS)
def test_each_question_is_answered_by_three_files(question: str) -> None:
    answer = section("Where to read").partition(f"**{question}")[2].partition("\n- **")[0]
    named = _CODE.findall(answer)
    files = {name for name in named if "/" in name}
    assert 1 <= len(files) <= 3
    there = set().union(*(functions(file) for file in files))
    assert set(named) - files <= there
    assert len(set(named) - files) >= 2


def test_every_path_on_the_page_exists() -> None:
    text = re.sub(r"^```.*?^```", "", PAGE, flags=re.DOTALL | re.MULTILINE)
    paths = {name for name in _CODE.findall(text) if re.fullmatch(r"[\w/]+/[\w/]+(\.\w+)?", name)}
    assert len(paths) > 25
    for path in paths:
        assert (PACKAGE / path).exists() or (ROOT / path).exists(), path


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The files and entry points of the page as a package, as pip would install it."""
    for name, code in re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, re.DOTALL):
        (tmp_path / name).write_text(code, encoding="utf-8")
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    points = tomllib.loads(block)["project"]["entry-points"]
    lines = [f"[{g}]\n" + "\n".join(f"{n} = {h}" for n, h in e.items()) for g, e in points.items()]
    info = tmp_path / "their_lab-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-lab\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def python(folder: Path, *arguments: str) -> str:
    path = os.pathsep.join([str(ROOT), str(folder)])
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_engine_of_the_page_finds_a_line(installed: Path) -> None:
    cells = [f"{x},{3 * x + 1.4}" for x in np.linspace(0.5, 4.0, 24)]
    (installed / "table.csv").write_text("\n".join(["x [1],y [1]", *cells]))
    asked = ["discover", "table.csv", "--target", "y", "--engine", "lines", "--json"]
    document = json.loads(python(installed, "-m", "dimgs", *asked))
    assert document["engine"] == "lines"
    values = sorted(c["value"] for c in document["law"]["constants"])
    np.testing.assert_allclose(values, [1.4, 3.0], rtol=1e-9)
    assert "lines" in python(installed, "-m", "dimgs", "engines")


def test_the_kernel_of_the_page_is_found_by_name(installed: Path) -> None:
    code = "from dimgs.kernels import load\nprint(load('spring').run({'m': 4, 'k': 1}).outputs)"
    assert "12.566" in python(installed, "-c", code)


def test_the_estimator_of_the_page_passes_the_checks_of_scikit_learn(installed: Path) -> None:
    code = """
import warnings
import numpy as np
from sklearn.utils.estimator_checks import check_estimator
from dimgs.fits import PredictionIntervals
from their_fits import ShrunkPowerLaw
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    check_estimator(ShrunkPowerLaw())
X = np.random.default_rng(0).normal(size=(40, 2))
y = X @ [0.5, -1.0] + 2.0
print(ShrunkPowerLaw(0.0).fit(X, y).exponents_.round(6))
low, high = PredictionIntervals(ShrunkPowerLaw(0.0)).fit(X, y).predict_interval(X, 0.9).T
print(np.allclose(low, y) and np.allclose(high, y))
"""
    assert python(installed, "-c", code) == "[ 0.5 -1. ]\nTrue\n"


def test_every_public_name_has_an_example_that_is_executed() -> None:
    from importlib import import_module

    parts = ("agent", "campaign", "fits", "hub", "kernels", "report.figures")
    bare = []
    for package in ("dimgs", *(f"dimgs.{part}" for part in parts)):
        module = import_module(package)
        for name in module.__all__:
            member = getattr(module, name)
            # a module that can be called stands for its function
            member = getattr(member, name) if isinstance(member, ModuleType) else member
            # constants have no docstring of their own
            if callable(member) and ">>>" not in (member.__doc__ or ""):
                bare.append(f"{package}.{name}")
    assert not bare
