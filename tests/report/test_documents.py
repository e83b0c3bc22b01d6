"""JSON documents hold no number that JSON cannot."""

import json
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dimgs import Options
from dimgs.common.formats import plain
from dimgs.discovery.discover import discover, fit
from dimgs.groups.derive import pi_basis
from dimgs.report.results import fit_document, pi_document
from tests.planted import pipe

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
    max_leaves=20,
)


@given(_VALUES)
def test_any_value_becomes_strict_json(value: object) -> None:
    text = json.dumps(plain(value), allow_nan=False)
    assert json.loads(text) == json.loads(json.dumps(plain(plain(value))))


def test_finite_numbers_are_untouched() -> None:
    given_ = {"a": [1.5, (2, "x")], "b": np.float64(3.0)}
    assert plain(given_) == {"a": [1.5, [2, "x"]], "b": 3.0}
    assert plain([float("nan"), float("inf"), -float("inf")]) == [None] * 3


def test_documents_of_every_kind_are_strict_json() -> None:
    data = pipe()
    asked = Options(regimes=True, local=True, additive=True)
    for document in (
        pi_document(pi_basis(data, "tau_w")),
        pi_document(pi_basis(data.without(["tau_w"]))),
        fit_document(replace(fit(data, "tau_w", asked), judge=None)),
        discover(data, "tau_w", engine="power_law").to_json(),
    ):
        assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_the_response_is_marked_among_the_variables() -> None:
    document = pi_document(pi_basis(pipe(), "tau_w"))
    roles = {v["name"]: v["role"] for v in document["variables"]}
    assert roles.pop("tau_w") == "response"
    assert set(roles.values()) == {"data"}
