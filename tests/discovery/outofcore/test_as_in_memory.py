"""Any fit of a table in parts is that of the table in memory, whatever the parts."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dimgs.dataset import read_table
from dimgs.discovery import discover
from dimgs.discovery.diagnostics import Outliers, outliers_of
from dimgs.discovery.missing_input import hidden_scale_advice
from dimgs.discovery.options import Options
from dimgs.discovery.outofcore import fit_stream
from dimgs.report.results import FitResult
from tests.discovery.outofcore.test_stream import Frame, drag_table


def _asked(kind: str, rng: np.random.Generator, n: int) -> tuple[Frame, Options]:
    """Runs of a noisy law that the option `kind` changes something of."""
    frame = drag_table(n, int(rng.integers(1 << 30))).drop(columns=["lab [label]", "day [label]"])
    # labels of at least three runs each, in no order
    labels = rng.permutation(np.arange(n) % (n // 3)).astype(str)
    options = Options(level=0.8)
    if kind in ("within", "split"):
        frame["lab [label]"] = labels if kind == "split" else rng.permutation(np.arange(n) % 3)
        frame["lab [label]"] = "l" + frame["lab [label]"].astype(str)
        within = kind == "within"
        options = replace(
            options, within="lab" if within else None, split_by=None if within else "lab"
        )
    elif kind == "errors":
        # of some tables smaller than the scatter, which then takes a second pass
        frame["F_err [N]"] = frame["F [N]"] * rng.uniform(0.01, 0.5, n) / rng.choice([1, 100])
    elif kind == "unlogged":
        frame["tilt [rad]"] = rng.uniform(-1, 1, n)
        frame["F [N]"] *= np.exp(0.3 * frame["tilt [rad]"])
    elif kind == "arrhenius":
        frame["T [degC]"] = rng.uniform(10, 90, n)
        frame["F [N]"] *= np.exp(-900 / (frame["T [degC]"] + 273.15))
        options = replace(options, arrhenius="T")
    elif kind == "drop_bad":
        rows = rng.choice(n, 5, replace=False)
        frame.loc[rows[:2], "U [m/s]"] = np.nan
        frame.loc[rows[2:4], "k [m]"] = -1.0
        frame.loc[rows[4], "F [N]"] = 0.0
        options = replace(options, drop_bad=True)
    elif kind == "never":
        frame["mu [Pa*s]"] = 0.001
        frame["rho [g/cm^3]"] = 1.0
    return frame, options


def _numbers(result: FitResult) -> dict[str, Any]:
    """All that is reported of a fit, but for what only runs in memory tell."""
    law, scores = result.law, result.scores
    exponents = (*result.exponents, *result.variable_exponents)
    return {
        "exponents": [(e.value, e.low, e.high) for e in exponents],
        "covariance": result.covariance,
        "constants": [(c.value, c.low, c.high) for c in law.constants],
        "scores": [scores.r2_log, scores.rmse_log, scores.cv_r2_log],
        "freedom": [result.dof, result.residual_dof, result.residual_sd],
        "held": [scores.holdout_r2_log, scores.holdout_n],
        "groups": list(law.domain.groups.values()),
        "columns": [ends[:2] for ends in law.domain.columns.values()],
        "centre": law.domain.centre,
        "precision": law.domain.precision,
        "leverage": law.domain.max_leverage,
        "effects": sorted((result.effects or {}).values()),
    }


def _predicts(result: FitResult) -> bool:
    """Whether a law predicts runs left out well enough that nothing is said of it."""
    return (result.scores.cv_r2_log or 0.0) >= 0.5


KINDS = (
    "plain",
    "within",
    "split",
    "errors",
    "unlogged",
    "arrhenius",
    "drop_bad",
    "never",
)


@settings(max_examples=7, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(24, 40),
    chunk=st.sampled_from([1, 7, 64]),
)
@example(kind="drop_bad", seed=29, n=24, chunk=1).via("the first part is a run that cannot be used")
@example(kind="drop_bad", seed=0, n=24, chunk=1).via("a later part is one")
def test_the_result_is_that_of_memory_whatever_the_chunks(
    kind: str, seed: int, n: int, chunk: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    frame, options = _asked(kind, np.random.default_rng(seed), n)
    path = tmp_path_factory.mktemp("runs") / "t.parquet"
    frame.to_parquet(path)
    # single runs are named, and kinds of them compared, where they are in memory
    of_runs: list[str] = []

    def noted(*given: Any) -> Outliers:
        odd = outliers_of(*given)
        of_runs.extend(odd.said)
        return odd

    def advised(*given: Any) -> list[str]:
        said = hidden_scale_advice(*given)
        of_runs.extend(said)
        return said

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(discover, "outliers_of", noted)
        patch.setattr(discover, "hidden_scale_advice", advised)
        known = discover.fit(path, "F", options)
    streamed = fit_stream(path, "F", options, chunk_rows=chunk)
    data = read_table(path, drop_bad=options.drop_bad)
    np.testing.assert_allclose(streamed.law.predict_si(data), known.law.predict_si(data), rtol=1e-8)
    assert [(e.name, e.rational) for e in streamed.exponents] == [
        (e.name, e.rational) for e in known.exponents
    ]
    said = tuple(w for w in known.warnings if w not in of_runs)
    if kind == "errors" and not (_predicts(streamed) and _predicts(known)):
        # runs left out are weighed as in the fit here, alike in memory: so is what is said of them
        assert abs(len(streamed.warnings) - len(said)) <= 1
    else:
        assert streamed.warnings == said
    one, other = _numbers(streamed), _numbers(known)
    if kind != "split":
        # runs are set aside in the order of their values in memory, of the table here
        del one["held"], other["held"]
    if kind == "errors":
        one["scores"], other["scores"] = one["scores"][:2], other["scores"][:2]
    for key, values in other.items():
        expected = np.asarray(values, dtype=np.float64)
        near = 1e-9 * max(
            1.0, float(np.abs(expected).max(initial=0.0, where=np.isfinite(expected)))
        )
        np.testing.assert_allclose(
            np.asarray(one[key], dtype=np.float64), expected, rtol=1e-9, atol=near, err_msg=key
        )
