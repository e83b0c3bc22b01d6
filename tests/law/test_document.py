"""Documents of laws from elsewhere: what is wrong in them is named, quickly, and nothing is run."""

import copy
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dimgs.common.errors import DimgsError, InputError
from dimgs.common.formats import plain
from dimgs.law.law import Law

OLD = Path(__file__).resolve().parents[1] / "formats" / "v0_1_0"
LAWS = {path.name: json.loads(path.read_text("utf-8")) for path in sorted(OLD.glob("law_*.json"))}
Document = dict[str, Any]
MANY = dict.fromkeys(map(str, range(10**5 + 1)), "x")


def changed(name: str, place: str, value: object) -> Document:
    """A law's document with one thing changed; `place` such as "exact.uncertainty.dof"."""
    document: Document = copy.deepcopy(LAWS[name])
    node: Any = document
    *tables, last = [int(p) if p.isdecimal() else p for p in place.split(".")]
    for table in tables:
        node = node[table]
    node[last] = value
    return document


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("schema", 2, "written by a newer dimgs"),
        ("schema", "a", "schema: 'a' is given where a whole number"),
        ("level", float("nan"), "level: nan"),
        ("level", 1.0, "level: 1.0"),
        ("level", True, "level: True"),
        ("target", "n" * 300_000, "target: "),
        ("expression", "exp(10**9)", "range of doubles"),
        ("expression", "exp(-" * 30 + "D" + ")" * 30, "inside each other"),
        ("expression", "C*U**(10**11)", "exponent"),
        ("expression", "pi**(10**8)", "range of doubles"),
        ("expression", "__import__('os').getcwd()", "not allowed"),
        ("pi_expression", "C*zz", "not a known symbol"),
        ("pi_expression", ["C"], "a text is needed"),
        ("constants.0.value", 10**400, "a number is needed"),
        ("constants.0.value", float("inf"), "a finite number is needed"),
        ("constants.0.name", "lambda", "means something else"),
        ("constants.0.name", "C)(", "constants[1].name"),
        ("constants.0.origin", "guessed", "origin"),
        ("constants.0.dimension", {"[mass]": "1e99999999"}, "dimension"),
        ("constants.0.dimension", {"[mass]": "1/0"}, "dimension"),
        ("constants.0.dimension", {"[mass]": 10**6}, "a text is needed"),
        ("constants.0.dimension", {"[mass]": "99999999999"}, "larger than"),
        ("constants.0.dimension", {"mass": "1"}, "dimension"),
        ("exact.groups.0.exponents", {"U": "1e99999999"}, "exponents.U"),
        ("exact.groups.0.exponents", {"U": "9" * 100}, "exponents.U"),
        ("exact.groups.0.exponents", {"zz": "1"}, "groups"),
        ("exact.response.exponents", {"tau_w": "1", "zz": "1"}, "made of 'zz'"),
        ("exact.target.factor", 0.0, "factor"),
        ("exact.target.scale", "cubic", "scale"),
        ("exact.symbols.U.role", "guest", "role"),
        ("exact.uncertainty.covariance", [[1.0]], "must be 3 by 3"),
        ("exact.uncertainty.covariance", [[1.0, 0.0], [0.0]], "must be 3 by 3"),
        ("exact.uncertainty.covariance", [[1.0, 0.0], [0.0, "x"]], "covariance[2][2]: 'x'"),
        ("exact.uncertainty.covariance", [["x"] * 100_000], "covariance[1][1]: 'x'"),
        ("exact.uncertainty.gradients", ["1", "exp(10**9)"], "range of doubles"),
        ("exact.uncertainty.dof", 0.0, "dof"),
        ("exact.uncertainty.residual_sd", -1.0, "residual_sd"),
        ("domain.centre", [1.0, 2.0, 3.0], "centre must have 2 numbers"),
        ("domain.precision", [[1.0]], "precision must be 2 by 2"),
        ("domain.groups", {"pi_1": [1.0]}, "domain.groups.pi_1"),
        ("domain.groups", {"pi_9": [1.0, 2.0]}, "domain is given in 'pi_9'"),
        ("domain.features", ["pi_1", "zz"], "domain is given in 'zz'"),
        ("domain.columns", {"U": [1.0, 2.0]}, "domain.columns.U"),
        ("scores", None, "scores: None"),
        ("scores.holdout_n", -1, "holdout_n"),
        ("exact.label_effects", {"column": "a", "log_ratios": {"b": "x"}}, "log_ratios.b: 'x'"),
        ("exact.label_effects", {"column": "a", "log_ratios": MANY}, "more than the 100000"),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_what_is_wrong_is_named(place: str, value: object, message: str) -> None:
    document = changed("law_power.json", place, value)
    with pytest.raises(DimgsError) as error:
        Law.from_json(document)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 700


def test_what_json_can_write_but_no_law_holds_is_refused(tmp_path: Path) -> None:
    text = json.dumps(LAWS["law_power.json"])
    for odd in ("NaN", "Infinity", "1e999", "9" * 400, "9" * 1_000_000, "[" * 100_000):
        file = tmp_path / "law.json"
        file.write_text(text.replace('"level": 0.9', f'"level": {odd}'), encoding="utf-8")
        with pytest.raises(InputError, match=r"^'[^\n]*law.json' is not"):
            Law.from_json(file)


def test_a_law_inside_a_report_is_checked_too() -> None:
    report = json.loads((OLD / "report.json").read_text("utf-8"))
    for place, value, message in (
        ("level", "x", "law.level: 'x'"),
        ("schema", 3, "written by a newer dimgs"),
    ):
        document = {**report, "law": {**report["law"], place: value}}
        with pytest.raises(InputError, match=message):
            Law.from_json(document)
    for part, message in (
        ({"warnings": [3]}, "warnings"),
        ({"schema": 9}, "newer"),
        ({"law": 3}, "law"),
    ):
        with pytest.raises(InputError, match=message):
            Law.from_json({**report, **part})


def everything_of(law: Law, rows: dict[str, Any]) -> None:
    """All that a law can be asked and written as."""
    asks: list[Callable[[], object]] = [
        lambda: law.predict(rows, 0.9),
        lambda: law.predict(rows, 0.5, of="law"),
        lambda: law.ratio(rows, rows, 0.9),
        lambda: law.elasticities(rows, 0.9),
        lambda: law.outside(rows),
        law.latex,
        lambda: law.latex("pi"),
        law.symbol_table,
        law.python,
        law.c,
        law.fortran,
        law._repr_html_,
        lambda: str(law),
        lambda: json.dumps(plain(law.to_json()), allow_nan=False),
        lambda: Law.from_json(law.to_json()),
    ]
    for ask in asks:
        try:
            ask()
        except DimgsError:
            continue


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([10**30, -1, 0]),
    st.floats(),
    st.sampled_from(["", "x", "1/3", "-2", "C", "pi_1", "log", "label", "level", "[mass]", "m/s"]),
    st.just([]),
    st.just({}),
    st.lists(st.floats(), max_size=3),
)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """A law's document in which a few things were changed, left out, doubled or exchanged."""
    document: Document = copy.deepcopy(LAWS[draw(st.sampled_from(sorted(LAWS)))])
    for _ in range(draw(st.integers(1, 3))):
        node: Any = document
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            inner = node[key]
            if isinstance(inner, dict | list) and inner and draw(st.integers(0, 4)):
                node = inner
                continue
            match draw(st.sampled_from(["change", "remove", "add", "swap"])):
                case "change":
                    node[key] = draw(values)
                case "remove":
                    node.pop(key)
                case "add":
                    if isinstance(node, dict):
                        node[draw(st.sampled_from(["a", "U", "pi_1", "C"]))] = copy.deepcopy(inner)
                    else:
                        node.append(copy.deepcopy(inner))
                case "swap":
                    other = draw(st.sampled_from(keys))
                    node[key], node[other] = node[other], node[key]
            break
    return document


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(documents())
def test_a_changed_document_is_a_law_or_one_sentence(document: Document) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # a document without its constant groups is one of version 0.2
        warnings.filterwarnings("ignore", "The law was written by dimgs 0.2")
        warnings.filterwarnings("ignore", ".* outside the domain of the law")
        try:
            law = Law.from_json(document)
        except DimgsError:
            return
        columns = [*(v.name for v in law.symbols.values()), *(v.name for v in law.unused)]
        rows: dict[str, Any] = {name: np.array([0.5, 2.0]) for name in columns}
        if law.label_effects is not None:
            rows[law.label_effects.column] = np.array(["a", "zz"])
        everything_of(law, rows)
