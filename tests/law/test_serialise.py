"""Laws to JSON and back, and the expression as an outside script reads it."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given, settings

from dimgs import Dataset
from dimgs.common.errors import DimgsError, DimgsWarning, InputError
from dimgs.common.formats import sealed
from dimgs.discovery.discover import fit
from dimgs.law.law import Law
from dimgs.law.serialise import as_text
from dimgs.variables import registry
from tests.law.examples import KINDS, example
from tests.planted import Planted, planted


def read_by_script(document: dict[str, object], data: Dataset) -> np.ndarray:
    """What a script that knows only SymPy and the contract makes of a LAW document."""
    symbols, constants = document["symbols"], document["constants"]
    assert isinstance(symbols, dict)
    assert isinstance(constants, list)
    expression = sympy.sympify(document["expression"])
    allowed = {*symbols, *(c["name"] for c in constants)}
    assert {str(s) for s in expression.free_symbols} <= allowed
    assert not allowed & set(dir(sympy))
    names = sorted(str(s) for s in expression.free_symbols)
    known = {k: data[v["column"]] for k, v in symbols.items()}
    known |= {c["name"]: c["value"] for c in constants}
    return np.asarray(sympy.lambdify(names, expression)(*(known[n] for n in names)))


@pytest.mark.parametrize("kind", KINDS)
def test_json_is_lossless(kind: str, tmp_path: Path) -> None:
    law, data = example(kind)
    document = law.to_json(tmp_path / "deep" / "law.json")
    assert json.loads((tmp_path / "deep" / "law.json").read_text(encoding="utf-8")) == document
    for source in (tmp_path / "deep" / "law.json", as_text(document), document):
        again = Law.from_json(source)
        assert again == law
        assert again.to_json() == document
    for level in (None, 0.8):
        np.testing.assert_array_equal(
            np.asarray(_plain(law.predict(data, level))),
            np.asarray(_plain(Law.from_json(document).predict(data, level))),
        )


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(x) for x in value]
    return getattr(value, "magnitude", value)


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "within"])
def test_a_script_reads_the_expression_and_finds_the_same_numbers(kind: str) -> None:
    law, data = example(kind)
    np.testing.assert_allclose(
        read_by_script(law.to_json(), data), law.predict_si(data), rtol=1e-12
    )


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "level"])
def test_units_in_the_document_make_the_expression_right_in_pint(kind: str) -> None:
    law, data = example(kind)
    document = law.to_json()
    units = registry()
    known = {
        k: units.Quantity(float(data[v["column"]][0]), units.parse_units(v["unit"]))
        for k, v in document["symbols"].items()
    }
    for c in document["constants"]:
        known[c["name"]] = units.Quantity(c["value"], units.parse_units(c["unit"]))
    expression = sympy.sympify(document["expression"])
    if expression.has(sympy.Piecewise):
        expression = expression.args[0][0]
    names = sorted(str(s) for s in expression.free_symbols)
    modules = [{"exp": np.exp, "sqrt": lambda q: q**0.5}, "numpy"]
    value = sympy.lambdify(names, expression, modules)(*(known[n] for n in names))
    want = units.Quantity(1.0, units.parse_units(document["target_unit"])).dimensionality
    dimensionality = value.dimensionality
    for base in {*want, *dimensionality}:
        assert float(str(dimensionality.get(base, 0))) == pytest.approx(
            float(str(want.get(base, 0))), abs=1e-9
        )


@settings(max_examples=15, deadline=None)
@given(planted(noise=0.1))
def test_any_planted_law_survives_json_and_scripts(law: Planted) -> None:
    table = law.table()
    fitted = fit(table, "y").law
    document = json.loads(json.dumps(fitted.to_json(), allow_nan=False))
    assert Law.from_json(document) == fitted
    np.testing.assert_allclose(
        read_by_script(document, table), fitted.predict_si(table), rtol=1e-12
    )


def test_the_document_has_the_keys_that_scripts_rely_on() -> None:
    document = example("physical")[0].to_json()
    assert {
        "target", "target_unit", "expression", "symbols", "pi_expression", "groups", "latex",
        "constants", "scores", "domain", "dimension_check",
    } <= set(document)  # fmt: skip
    assert document["dimension_check"] == "ok"
    assert all(
        {"name", "value", "unit", "low", "high", "origin"} <= set(c) for c in document["constants"]
    )
    assert set(document["scores"]) == {
        "r2_log", "rmse_log", "cv_r2_log", "r2", "holdout_r2_log", "holdout_n",
    }  # fmt: skip
    low, high, unit = document["domain"]["columns"]["L"]
    assert low < high
    assert unit == "m"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("{}", "holds no law"),
        ('{"law": null}', "holds no law"),
        ('{"expression": "x", "exact": {}}', "not a complete law"),
    ],
)
def test_what_is_no_law_is_refused(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        Law.from_json(text)
    path = tmp_path / "law.json"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        Law.from_json(path)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "list").write_text("[1]")
    with pytest.raises(InputError, match="cannot be read"):
        Law.from_json(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        Law.from_json(tmp_path / "none")
    with pytest.raises(InputError, match="not a text file"):
        Law.from_json(tmp_path / "bytes")
    with pytest.raises(InputError, match="holds no law"):
        Law.from_json(tmp_path / "list")


def test_broken_documents_end_in_one_clear_error() -> None:
    rng, text = random.Random(0), json.dumps(example("arrhenius")[0].to_json())
    for _ in range(300):
        document = json.loads(text)
        node: Any = document
        while True:
            if isinstance(node, dict) and node:
                key: Any = rng.choice(sorted(node))
            elif isinstance(node, list) and node:
                key = rng.randrange(len(node))
            else:
                break
            inner = node[key]
            if not isinstance(inner, dict | list) or not inner or rng.random() < 0.3:
                node[key] = rng.choice([None, "abc", -1, [], {}, "1/0", float("nan")])
                break
            node = inner
        try:
            law = Law.from_json(document)
        except DimgsError:
            continue
        assert isinstance(law, Law)


@pytest.mark.parametrize(
    ("key", "value"),
    [("target", "other"), ("target_unit", "m"), ("symbols", {}), ("groups", None), ("level", 90)],
)
def test_a_document_that_contradicts_itself_is_refused(key: str, value: object) -> None:
    document = example("power")[0].to_json()
    Law.from_json(document)
    with pytest.raises(InputError, match=key):
        Law.from_json({**document, key: value})


def test_parts_that_were_changed_by_hand_are_refused() -> None:
    law = example("power")[0]
    column = next(iter(law.symbols.values())).name
    group = next(iter(law.domain.groups))

    def changed(*path: str | int, value: Any) -> dict[str, Any]:
        document = json.loads(as_text(law.to_json()))
        part = document
        for key in path[:-1]:
            part = part[key]
        part[path[-1]] = value
        return dict(document)

    for message, document in (
        ("the unit of 'C'", changed("constants", 0, "unit", value="kg")),
        ("'C' ends before it begins", changed("constants", 0, "low", value=1e9)),
        (f"'{group}' in the domain ends", changed("domain", "groups", group, value=[2.0, 1.0])),
        (f"'{column}' in the domain ends", changed("domain", "columns", column, 0, value=1e99)),
        (f"no range of '{column}'", changed("domain", "columns", value={})),
        (f"no range of '{column}'", changed("domain", "columns", column, 2, value="ft")),
    ):
        with pytest.raises(InputError, match=message):
            Law.from_json(document)


def _flipped(content: bytes, at: int, rng: random.Random) -> bytes:
    """Another digit in place of a digit, another bit in place of another byte."""
    old = content[at : at + 1]
    others = [d for d in b"0123456789" if d != old[0]]
    new = rng.choice(others) if old.isdigit() else old[0] ^ (1 << rng.randrange(8))
    return content[:at] + bytes([new]) + content[at + 1 :]


@pytest.mark.parametrize("count", [160, pytest.param(None, marks=pytest.mark.slow)])
def test_a_flipped_byte_is_noticed_or_changes_no_prediction(
    count: int | None, tmp_path: Path
) -> None:
    law, data = example("physical")
    whole, file, rng = as_text(law.to_json()).encode(), tmp_path / "law.json", random.Random(0)
    want = _plain(law.predict(data, 0.8))
    noticed = 0
    for at in range(len(whole)) if count is None else rng.sample(range(len(whole)), count):
        file.write_bytes(_flipped(whole, at, rng))
        try:
            read = Law.from_json(file)
        except DimgsError:
            noticed += 1
            continue
        if read.edited:
            noticed += 1
            continue
        assert read == law
        np.testing.assert_array_equal(_plain(read.predict(data, 0.8)), want)
    assert noticed > 0.6 * (count or len(whole))


def test_an_edited_law_says_so_until_it_is_found_again(tmp_path: Path) -> None:
    law = example("physical")[0]
    document = law.to_json()
    (constant, *others) = document["constants"]
    edited = {**document, "constants": [{**constant, "value": 2 * constant["value"]}, *others]}
    with pytest.warns(DimgsWarning, match="was edited after it was written"):
        read = Law.from_json(edited)
    assert read.edited
    # writing it again does not make it a law that the runs gave
    with pytest.warns(DimgsWarning, match="was edited after it was written"):
        again = Law.from_json(read.to_json(tmp_path / "law.json"))
    assert again == read
    report = {**sealed({"law": document, "confirmed": False}), "confirmed": True}
    with pytest.warns(DimgsWarning, match="was edited after it was written"):
        assert Law.from_json(report).edited


def test_laws_without_a_checksum_and_with_numbers_spelled_otherwise_are_as_they_were() -> None:
    law = example("odd")[0]
    document = json.loads(json.dumps(law.to_json()))
    assert not Law.from_json({k: v for k, v in document.items() if k != "checksum"}).edited
    spelled = json.loads(
        json.dumps(document, sort_keys=True),
        parse_float=lambda text: int(float(text)) if float(text).is_integer() else float(text),
    )
    assert spelled["domain"] != document["domain"] or spelled == document
    assert not Law.from_json(spelled).edited
