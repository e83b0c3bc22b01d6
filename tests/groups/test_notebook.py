"""A basis in a notebook: well-formed tables."""

from xml.etree import ElementTree

from dimgs.groups.derive import pi_basis
from dimgs.groups.group import PiBasis


def test_the_table_lists_every_group_with_its_name() -> None:
    basis = pi_basis(["rho [kg/m^3]", "U<b> [m/s]", "D [m]", "mu [Pa s]", "dp [Pa]"], "dp")
    table = ElementTree.fromstring(basis._repr_html_())
    rows = [["".join(c.itertext()) for c in row] for row in table.iter("tr")][1:]
    assert [r[0] for r in rows] == ["π0", "π1"]
    assert rows[1][2] == "Reynolds number"
    assert "U<b>" in rows[1][1]


def test_a_basis_without_groups_has_an_empty_table() -> None:
    assert "<tbody></tbody>" in PiBasis((), ())._repr_html_()
