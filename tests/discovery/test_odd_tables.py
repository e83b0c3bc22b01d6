"""Every option on odd tables: a result, or one sentence that says why there is none."""

import json
import warnings
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
import pytest

import dimgs
from dimgs.common.errors import DimgsError
from dimgs.report.results import fit_document

# what a search finds is tested elsewhere
pytestmark = pytest.mark.usefixtures("brief")

N = 9
COLUMNS = ("a [m]", "b [m]", "T [K]", "lab [label]", "y [m]", "y_err [m]", "a_err [m]")


def plain() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    a, b = np.exp(rng.uniform(-1, 1, (2, N)))
    y = 2 * a**1.5 / np.sqrt(b) * np.exp(0.05 * rng.standard_normal(N))
    labels = [f"l{i % 3}" for i in range(N)]
    columns = (a, b, rng.uniform(280, 320, N), labels, y, np.full(N, 0.05), 0.02 * a)
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def odd_tables() -> dict[str, pd.DataFrame]:
    t = plain()
    a, y, y_err, label = t["a [m]"], t["y [m]"], "y_err [m]", "lab [label]"
    first, middle = np.arange(N) == 0, np.arange(N) == 4
    same = {"a [m]": 1.0, "b [m]": 2.0, "T [K]": 300.0}
    changed: dict[str, dict[str, Any]] = {
        "plain": {},
        "a constant input": {"a [m]": 1.0},
        "constant inputs": same,
        "a constant target": {"y [m]": 3.0},
        "all equal": {**same, "y [m]": 1.0},
        "two equal inputs": {"b [m]": a},
        "the target beside itself": {"y [m]": a},
        "huge": {"y [m]": 1e300 * y},
        "a huge input": {"a [m]": 1e300 * a},
        "beyond numbers": {"y [m]": 1e308 * np.linspace(0.5, 1.7, N)},
        "tiny": {"y [m]": 1e-300 * y},
        "subnormal": {"y [m]": 5e-324 * np.arange(1, N + 1)},
        "one huge run": {"y [m]": y * np.where(middle, 1e250, 1.0)},
        "one label": {label: "x"},
        "a label each": {label: [f"q{i}" for i in range(N)]},
        "blank labels": {label: ""},
        "zero": {"y [m]": 0.0},
        "both signs": {"y [m]": y - 1.5},
        "negative": {"y [m]": -y},
        "a negative input": {"a [m]": -a},
        "NaN": {"y [m]": np.where(middle, np.nan, y)},
        "NaN alone": {"a [m]": np.nan},
        "infinite": {"a [m]": np.where(first, np.inf, a)},
        "no error": {y_err: 0.0},
        "a huge error": {y_err: 1e200},
        "an error of NaN": {y_err: np.nan},
    }
    changed_tables = {name: t.assign(**columns) for name, columns in changed.items()}
    few = {f"{n} runs": t.iloc[:n] for n in range(4)}
    return {**changed_tables, **few, "runs again": pd.concat([t.iloc[:3]] * 3, ignore_index=True)}


LIMIT = {"target": "y", "group": "a/b", "at": 0, "input": "a", "exponent": 1, "beyond": 0.1,
         "miss": 0.05}  # fmt: skip
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "robust": {"robust": True},
    "errors in variables": {"errors_in_variables": True},
    "regimes": {"regimes": True},
    "local": {"local": True},
    "additive": {"additive": True},
    "within": {"within": "lab"},
    "robust within": {"within": "lab", "robust": True},
    "split": {"split_by": "lab"},
    "arrhenius": {"arrhenius": "T"},
    "arrhenius with a power": {"arrhenius": "T", "arrhenius_power": True},
    "automatic scales": {"scales": "auto"},
    "a scale": {"scales": ["L0 [m]"]},
    "constants": {"constants": ["g", "c"]},
    "a column": {"columns": ["a"]},
    "bad rows dropped": {"drop_bad": True},
    "a high level": {"level": 0.999},
    "a limit": {"limits": LIMIT},
    "many": {"regimes": True, "local": True, "additive": True, "drop_bad": True,
             "split_by": "lab"},
}  # fmt: skip
TABLES = odd_tables()
# each table with a fifth of the options, each option with a fifth of the tables
MOST = 5


def said(error: DimgsError) -> str:
    """The message of a refusal, checked to be one sentence."""
    text = str(error)
    assert text.endswith("."), text
    assert "\n" not in text, text
    assert not any(word in text for word in ("Traceback", "unforeseen", "object at 0x")), text
    return text


def fitted(table: pd.DataFrame, options: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dimgs.common.errors.DimgsWarning)
        try:
            result = replace(dimgs.fit(table, "y", **options), judge=None)
        except DimgsError as error:
            said(error)
            return
    assert str(result)
    json.dumps(fit_document(result), allow_nan=False)


@pytest.mark.parametrize("name", TABLES)
def test_a_fit_of_an_odd_table_is_a_law_or_one_sentence(name: str) -> None:
    k = list(TABLES).index(name)
    for options in islice(OPTIONS.values(), k % MOST, None, MOST):
        fitted(TABLES[name], options)


def test_errors_whose_squares_are_no_numbers_and_a_run_with_all_the_weight_end_nothing() -> None:
    fitted(TABLES["one huge run"], OPTIONS["robust"])
    with pytest.raises(DimgsError, match="error of 'y' is too large for a weight in row 1"):
        dimgs.fit(TABLES["subnormal"], "y", errors_in_variables=True)
    with pytest.raises(DimgsError, match="squares of the stated errors exceed the range"):
        dimgs.fit(TABLES["a huge error"], "y", errors_in_variables=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_every_option_on_an_odd_table_gives_a_law_or_one_sentence(name: str) -> None:
    for options in OPTIONS.values():
        fitted(TABLES[name], options)


def discovered(table: pd.DataFrame, **options: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dimgs.common.errors.DimgsWarning)
        try:
            report = dimgs.discover(table, "y", **options)
        except DimgsError as error:
            said(error)
            return
    assert str(report)
    json.dumps(report.to_json(), allow_nan=False)


ODDEST = ("2 runs", "constant inputs", "all equal", "beyond numbers", "one label", "zero", "NaN")


@pytest.mark.parametrize("name", ODDEST)
def test_a_discovery_on_an_odd_table_is_a_report_or_one_sentence(name: str) -> None:
    discovered(TABLES[name], engine="power_law", within="lab" if name == "one label" else None)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["power_law", "structured"])
@pytest.mark.parametrize("name", TABLES)
def test_every_way_to_discover_on_an_odd_table(name: str, engine: str) -> None:
    few: dict[str, Any] = {"engine": engine, "evaluations": 5}
    for more in ("plain", "within", "split", "arrhenius", "automatic scales", "regimes"):
        discovered(TABLES[name], **few, **OPTIONS[more])
