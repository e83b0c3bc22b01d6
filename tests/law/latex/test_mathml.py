"""MathML is well formed whatever the LaTeX, and says what the LaTeX says."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.law.latex import mathml
from tests.law.examples import KINDS, example

_COMMANDS = r"\frac \sqrt \left \right \begin \end \mathrm \text \ln \foo \rho \, \{ \\"
_PIECES = st.sampled_from([*_COMMANDS.split(), *"(){}^_x'&[]<>$", "12", "{cases}", "\\", r"\ "])


def text_of(latex: str) -> str:
    """Visible text, without invisible operators."""
    root = ElementTree.fromstring(mathml(latex))
    return "".join(root.itertext()).replace("\u2061", "").replace("\u00a0", " ")


def tags(latex: str) -> set[str]:
    return {node.tag for node in ElementTree.fromstring(mathml(latex)).iter()}


@given(st.lists(_PIECES, max_size=25).map("".join) | st.text(max_size=30))
def test_any_text_is_well_formed(latex: str) -> None:
    ElementTree.fromstring(mathml(latex, display=True))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["dimensional", "pi"])
def test_no_command_of_a_law_is_left_over(kind: str, form: str) -> None:
    law, _ = example(kind)
    latex = law.latex("pi" if form == "pi" else "dimensional")
    text = text_of(latex)
    assert "\\" not in text
    assert "{" not in text or "cases" in latex
    assert (r"\frac" in latex) == ("mfrac" in tags(latex))
    assert ("sqrt" in latex) == ("msqrt" in tags(latex))


def test_structure() -> None:
    root = ElementTree.fromstring(mathml(r"\frac{\tau_{w}}{\rho\,U^{2}}"))
    above, below = root[0]
    assert [e.tag for e in above.iter()] == ["mrow", "msub", "mi", "mrow", "mi"]
    assert [e.tag for e in below] == ["mi", "mspace", "msup"]
    (both,) = ElementTree.fromstring(mathml(r"x_{a}^{*}"))
    assert (both.tag, ["".join(e.itertext()) for e in both]) == ("msubsup", ["x", "a", "*"])
    assert "".join(ElementTree.fromstring(mathml("x'")).itertext()) == "x′"


@pytest.mark.parametrize("name", [r"\tanh", r"\operatorname{atan}"])
def test_the_exponent_of_a_function_stands_on_its_name(name: str) -> None:
    root = ElementTree.fromstring(mathml(name + r"^{5/4}{\left(x \right)}"))
    assert [e.tag for e in root] == ["msup", "mrow"]
    base, exponent = root[0]
    assert base.text == name.removeprefix("\\").removeprefix("operatorname{").rstrip("}")
    assert "".join(exponent.itertext()) == "5/4"


def test_words_are_upright_and_keep_their_spaces() -> None:
    words = [e for e in ElementTree.fromstring(mathml(r"\mathrm{flow\ rate}")).iter() if e.text]
    assert [w.text for w in words] == ["flow", "\u00a0", "rate"]
    assert [w.get("mathvariant") for w in words] == ["normal", None, "normal"]
    for letter in (r"\mathrm{D}", r"C_\mathrm{D}", r"C_{\mathrm{D}}"):
        (element,) = [e for e in ElementTree.fromstring(mathml(letter)).iter() if e.text == "D"]
        assert element.get("mathvariant") == "normal"
    assert text_of(r"\mathrm{100\%}") == "100%"
    assert text_of(r"\text{otherwise}") == "otherwise"


def test_cases_become_rows() -> None:
    latex = r"y = \begin{cases} a & \text{for}\: x > 1 \\b & \text{otherwise} \end{cases} + c"
    root = ElementTree.fromstring(mathml(latex))
    rows = [["".join(cell.itertext()) for cell in row] for row in root.iter("mtr")]
    assert rows == [["a", "forx>1"], ["b", "otherwise"]]
    assert text_of(latex).endswith("+c")
    assert {cell.get("style") for cell in root.iter("mtd")} == {"text-align:left"}


def test_roots_fences_and_numbers() -> None:
    assert text_of(r"\sqrt[3]{x}") == "x3"
    assert text_of(r"\left|{x}\right|") == "|x|"
    assert text_of(r"3.2 \times 10^{-5}") == "3.2×10−5"
    assert text_of(r"\left\{x\right.") == "{x"
    assert text_of(r"\unknown{x}") == r"\unknownx"


def test_the_latex_is_the_alternative_text() -> None:
    assert ElementTree.fromstring(mathml(r"a < b & c")).get("alttext") == "a < b & c"


def test_sums_means_and_sets_are_written() -> None:
    assert text_of(r"\sum_{u<v} \Big(e_u - \bar e\Big)^2 \to \tfrac{1}{2}") == "∑u<v(eu−e¯)2→12"
    assert text_of(r"\ker D \cap \mathbb{Z}^n") == "kerD∩ℤn"
    assert text_of(r"\prod x_j \partial \Phi") == "∏xj∂Φ"
    assert {"mover", "mfrac", "msup"} <= tags(r"\bar e \tfrac{1}{2} \mathbb{Z}^n")


def test_a_function_stands_off_its_argument_without_parentheses() -> None:
    assert "mspace" in tags(r"\log f_u")
    assert "mspace" not in tags(r"\log(x)") | tags(r"\ln{\left(x\right)}") | tags(r"\ker")
