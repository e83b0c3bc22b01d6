"""A basis in a notebook: well-formed tables, LaTeX without stray commands."""

from xml.etree import ElementTree

from dimgs.groups.derive import pi_basis
from dimgs.groups.group import PiBasis
from dimgs.law.latex import mathml


def test_the_table_lists_every_group_with_its_name() -> None:
    basis = pi_basis(["rho [kg/m^3]", "U<b> [m/s]", "D [m]", "mu [Pa s]", "dp [Pa]"], "dp")
    table = ElementTree.fromstring(basis._repr_html_())
    rows = [["".join(c.itertext()) for c in row] for row in table.iter("tr")][1:]
    assert [r[0] for r in rows] == ["π0", "π1"]
    assert rows[1][2] == "Reynolds number"
    assert "U<b>" in rows[1][1]


def test_the_formula_can_be_read() -> None:
    basis = pi_basis(["rho [kg/m^3]", "flow speed [m/s]", "D_1 [m]", "mu [Pa s]", "dp [Pa]"], "dp")
    latex = basis._repr_latex_()
    assert latex.count(r"\frac") == 2
    assert r"\rho" in latex
    assert r"D_{1}" in latex
    assert r"\mathrm{flow\ speed}" in latex
    assert latex.count("{") == latex.count("}")
    ElementTree.fromstring(mathml(latex))


def test_a_basis_without_groups_is_one() -> None:
    assert PiBasis((), ())._repr_latex_() == "$1$"
    assert "<tbody></tbody>" in PiBasis((), ())._repr_html_()
