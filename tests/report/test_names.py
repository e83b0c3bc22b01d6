"""Every export of a report with hostile names: they are data, and nothing else."""

import ast
import builtins
import json
import re
import shutil
import subprocess
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs import Report
from dimgs.common.errors import InputError
from dimgs.groups.catalogue import all_numbers
from dimgs.law.latex import is_symbol, symbol_latex
from dimgs.law.law import Law
from dimgs.report.figures import draw_figures, new_axes
from dimgs.report.figures.style import inline_svg, math_label, plot_text
from dimgs.report.render import fragments, report_html, report_latex, report_markdown
from dimgs.report.results import write_study
from tests.common.test_escape import control_characters
from tests.hostile import BREAKERS, CANARY, names, report_of, tables
from tests.law.latex.checker import KNOWN, problems

PLAIN = ["x", "y", "z", "rig", "a"]
# 24 names at a time, so that every one of them stands in every place once
PLACED = [[BREAKERS[(k + 24 * j) % len(BREAKERS)] for j in range(5)] for k in range(0, 24, 4)]
COMMAND = re.compile(r"\\([A-Za-z]+)")
NOTES = r"\item \raggedright \begin{itemize} \end{itemize} \subsection"
many = settings(deadline=None, max_examples=40)


@cache
def plain() -> Report:
    return report_of(PLAIN)


def law_of(report: Report) -> Law:
    assert report.law is not None
    return report.law


@many
@given(tables())
def test_python_is_functions_that_give_the_law_and_its_domain(table: list[str]) -> None:
    law = law_of(report_of(table))
    for source, functions in ((law.python(), 2), (law.with_units().python(), 1)):
        tree = ast.parse(source)
        kinds = [type(node).__name__ for node in tree.body]
        assert kinds == ["Import", *["FunctionDef"] * functions]
        space: dict[str, Any] = {}
        exec(compile(tree, "law.py", "exec"), space)
        assert not hasattr(builtins, CANARY)
        values = space["law"](*(np.full(3, 1.5 + k) for k in range(len(law.symbols))))
        inputs = enumerate(law.symbols.values())
        rows = {f"{v.name} [{v.si_unit}]": np.full(3, 1.5 + k) for k, v in inputs}
        np.testing.assert_allclose(values, law.predict_si(rows), rtol=1e-12)
        if functions == 2:
            # without a free group, the units alone extend the law
            assert space["law_outside"]() == {}


C_TOKEN = re.compile(
    r"/\*.*?\*/|[A-Za-z_]\w*|[\d.]+(?:e[-+]?\d+)?|[-+*/(){},;=<#>.?:\s]", re.DOTALL
)
F_TOKEN = re.compile(r"![^\n]*|[A-Za-z_]\w*|[\d.]+(?:d[-+]?\d+)?|[-+*/(){},;=<>.:&\s]")
DECLARED = {
    "c": re.compile(r"double (\w+)[,)]|const double (\w+) ="),
    "fortran": re.compile(r"\) :: (\w+)|parameter :: (\w+)"),
}
WORDS = {
    "c": {
        "include", "math", "h", "double", "law", "const", "return", "pow", "void", "int",
        "law_outside",
    },
    "fortran": {
        "law_outside", "first_", "integer", "module", "law_module", "implicit", "none",
        "contains", "pure", "function", "law",
        "result", "use", "intrinsic", "iso_fortran_env", "only", "real64", "real", "intent", "in",
        "parameter", "end",
    },
}  # fmt: skip


@many
@given(tables(), st.sampled_from(["c", "fortran"]))
def test_c_and_fortran_hold_the_names_in_comments_alone(table: list[str], language: str) -> None:
    law = law_of(report_of(table))
    source = law.code(language)
    assert source.isascii()
    assert control_characters(source, "\n") == []
    assert max(map(len, source.splitlines())) <= 132
    token = C_TOKEN if language == "c" else F_TOKEN
    parts = token.findall(source)
    assert "".join(parts) == source
    comments = [p for p in parts if p.startswith("/*" if language == "c" else "!")]
    declared = {name for names in DECLARED[language].findall(source) for name in names}
    words = {p for p in parts if re.fullmatch(r"[A-Za-z_]\w*", p)}
    assert words <= WORDS[language] | declared
    assert len(declared - {""}) == len(law.symbols) + len(law.constants) + (language == "fortran")
    if language == "c":
        assert len(comments) == 2 + len(law.constants)
    else:
        # a long name takes several lines
        assert len(comments) >= 2 + len(law.symbols) + len(law.constants)


COMPILERS = {"c": ["gcc", "-std=c99", "-pedantic"], "fortran": ["gfortran", "-std=f2008"]}


@pytest.mark.parametrize("language", COMPILERS)
def test_c_and_fortran_compile(language: str, tmp_path: Path) -> None:
    compiler = COMPILERS[language]
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"no {compiler[0]} on this machine: install it")
    ending = {"c": "c", "fortran": "f90"}[language]
    paths = []
    for k, table in enumerate(PLACED):
        paths.append(tmp_path / f"law{k}.{ending}")
        law = law_of(report_of(table))
        paths[-1].write_text(law.code(language, f"law{k}"), encoding="ascii")
    flags = ["-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    command = [*compiler, *flags, *map(str, paths)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@many
@given(tables())
def test_latex_has_no_command_of_a_name(table: list[str]) -> None:
    report = report_of(table)
    law = law_of(report)
    for form in ("dimensional", "pi"):
        assert problems(law.latex(form)) == []
    assert problems(law.symbol_table(), in_math=False) == []
    # commands of the templates, and those that symbols and escapes are made of
    texts = [*fragments(report).values(), report_latex(report)]
    known = "\n".join([*fragments(plain()).values(), report_latex(plain()), NOTES])
    for text in texts:
        assert text.isascii()
        assert set(COMMAND.findall(text)) <= KNOWN | set(COMMAND.findall(known))
        flat = re.sub(r"\\[{}]", "", text)
        assert flat.count("{") == flat.count("}")
    inputs = re.compile(r"\\(?:input|cite|includegraphics)\b.*")
    assert set(inputs.findall("\n".join(texts))) <= set(inputs.findall(known))


class Elements(HTMLParser):
    """Elements and attributes of a page, apart from the drawings and formulas in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.inside = 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside += tag in ("math", "svg")
        if not self.inside:
            self.elements.append((tag, tuple(sorted(k for k, _ in attrs))))

    def handle_endtag(self, tag: str) -> None:
        self.inside -= tag in ("math", "svg")


@many
@given(tables())
def test_html_has_the_elements_of_a_plain_page(table: list[str]) -> None:
    report = report_of(table)
    kinds = set(Elements(report_html(report, [])).elements)
    allowed = set(Elements(report_html(plain(), [])).elements) | {
        ("ul", ("class",)), ("li", ()), ("em", ()),
    }  # fmt: skip
    assert kinds <= allowed
    for text in (report_html(report, []), law_of(report)._repr_html_(), report.basis._repr_html_()):
        assert control_characters(text, "\n\t\u2061") == []
        assert f"<script>{CANARY}" not in text
        for formula in re.findall(r"<math.*?</math>", text, re.DOTALL):
            ElementTree.fromstring(formula)


@many
@given(tables())
def test_markdown_has_the_markup_of_a_plain_report(table: list[str]) -> None:
    markdown_it = pytest.importorskip("markdown_it")

    def kinds(report: Report) -> list[str]:
        # what stands between dollar signs is the LaTeX that other tests check
        text = re.sub(r"(?<!\\)(\$\$?)(?:\\.|[^$\\])+\1", "formula", report_markdown(report))
        reader = markdown_it.MarkdownIt("commonmark").enable(["table", "strikethrough"])
        out: list[str] = []
        for token in reader.parse(text.partition("## Data")[0]):
            out += [token.type, *(child.type for child in token.children or ())]
        return out

    report = report_of(table)
    assert sorted(kinds(report)) == sorted(kinds(plain()))
    assert control_characters(report_markdown(report), "\n") == []


@many
@given(tables())
def test_text_is_seen_as_it_is(table: list[str]) -> None:
    report = report_of(table)
    assert report.fit is not None
    for text in (str(report), str(report.fit), str(report.law), repr(report), repr(report.law)):
        assert control_characters(text, "\n") == []
    assert Law.from_json(json.loads(json.dumps(law_of(report).to_json()))) == report.law


def test_a_name_may_end_in_brackets() -> None:
    report = report_of(["rich [red]x[/red]", "a[0]", "z", "c", "l"])
    assert {v.name for v in law_of(report).symbols.values()} == {"rich [red]x[/red]", "a[0]"}
    assert "Doubling a\\[0\\]" in report_markdown(report)


@settings(deadline=None, max_examples=25)
@given(names(), names())
def test_any_name_can_be_drawn(name: str, other: str) -> None:
    axes = new_axes()
    label = math_label(symbol_latex(name), name)
    axes.set_xlabel(f"{label} {plot_text(other)}")
    axes.plot([0, 1], [0, 1], label=plot_text(other))
    legend = axes.legend()
    assert len(legend.get_texts()) == 1
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()


@pytest.mark.parametrize(
    "table",
    [PLACED[0], *(pytest.param(table, marks=pytest.mark.slow) for table in PLACED[1:3])],
    ids=range(3),
)
def test_a_study_is_drawn_and_stays_in_its_folder(
    table: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = report_of(table)
    drawings = draw_figures(report)
    monkeypatch.setattr("dimgs.report.figures.draw_figures", lambda report: drawings)
    written = write_study(report, tmp_path / "out" / "study")
    inside = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert inside == {p.relative_to(tmp_path).as_posix() for p in written}
    assert all(name.startswith("out/study/") for name in inside)
    assert {"collapse", "residuals_by_label"} & {d.name for d in drawings}
    for drawing in drawings:
        for text in (drawing.svg(), inline_svg(drawing)):
            root = ElementTree.fromstring(text)
            tags = {node.tag.rpartition("}")[2] for node in root.iter()}
            assert not tags & {"script", "a", "image", "foreignObject", "text"}
            assert not [k for node in root.iter() for k in node.attrib if k.startswith("on")]


def test_a_symbol_from_a_file_is_a_symbol() -> None:
    assert all(is_symbol(number.symbol) for number in all_numbers())
    document = law_of(plain()).to_json()
    for wrong in (r"\input{x}", "}{", "$", "%", r"\def\x{}", "a\nb", "<b>"):
        assert not is_symbol(wrong)
        document["exact"]["response"]["symbol"] = wrong
        with pytest.raises(InputError, match="symbol"):
            Law.from_json(document)
