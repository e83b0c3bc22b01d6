"""What goes where: results on standard output, the rest on standard error."""

import json

import numpy as np
import pytest

from dimgs.cli import output, tables
from dimgs.common.errors import InputError
from dimgs.law.law import Law
from tests.cli.runner import Shell


def test_documents_are_one_line_of_strict_json(capsys: pytest.CaptureFixture[str]) -> None:
    output.emit_json({"a": float("nan"), "b": [1.0, float("inf")], "c": "µ"})
    assert capsys.readouterr().out == '{"a": null, "b": [1.0, null], "c": "µ"}\n'


def test_tables_are_plain_when_piped(capsys: pytest.CaptureFixture[str]) -> None:
    output.table("title", ["one", "two"], [["a", "bb"], ["ccc", ""]])
    assert capsys.readouterr().out == "title\n  one  two\n  a    bb\n  ccc\n"
    output.table("title", ["one"], [])
    assert capsys.readouterr().out == ""


def test_tables_are_drawn_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "is_plain", lambda: False)
    output.table("title", ["one"], [["a"]])
    assert "title" in capsys.readouterr().out


def test_warnings_go_to_standard_error(shell: Shell) -> None:
    done = shell("fit", shell.pendulum(), "--target", "T", "--constants", "g", "--json")
    # once, although the fit raises it too
    assert done.err.count("'m' is not used") == 1
    assert done.document["warnings"]
    assert "warning" not in done.out.split('"warnings"')[0]


def test_scales_as_typed() -> None:
    assert tables.scales(["auto"]) == "auto"
    assert tables.scales(["M0 [kg]", "L0 [m]"]) == ["M0 [kg]", "L0 [m]"]


def test_own_units_are_defined_first(shell: Shell) -> None:
    size = np.linspace(1, 5, 12)
    path = shell.table("q [kg],price [CRD/kg],cost [CRD]", [(s, 2 + s, s * (2 + s)) for s in size])
    assert "cannot be read" in shell.refused("fit", path, "--target", "cost")
    document = shell(
        "fit", path, "--target", "cost", "--define", "CRD = [credit]", "--json"
    ).document
    assert document["law"]["expression"] == "C*price*q"
    assert document["law"]["target_unit"] == "CRD"


def test_a_law_in_units_of_the_user_asks_for_their_definition(shell: Shell) -> None:
    size = np.linspace(1, 5, 12)
    path = shell.table("q [kg],price [FRC/kg],cost [FRC]", [(s, 2 + s, s * (2 + s)) for s in size])
    defined = ("--define", "FRC = [fare]")
    document = shell("fit", path, "--target", "cost", *defined, "--json").document
    # another process knows nothing of the unit
    law = json.dumps(document["law"]).replace("[fare]", "[fee]")
    with pytest.raises(InputError, match=r'no unit of \[fee\] is defined; .*--define "EUR = \[fee'):
        Law.from_json(json.loads(law))
