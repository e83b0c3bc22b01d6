"""Judgements of fixed runs and laws: what functions say of them is kept as reference values."""

from typing import Any

import numpy as np
import pytest
import sympy

from dimgs import Dataset
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.fits.design import Design
from dimgs.judgement.confirmation import LawFacts, conclude
from dimgs.judgement.evidence import (
    FormulaModel,
    PredictionErrors,
    coordinates,
    errors_of,
    evidence,
    outer_blocks,
    propagate_errors,
)
from dimgs.judgement.next_run import Prediction, choose
from dimgs.judgement.posterior import (
    extensions,
    gain_per_bit,
    none_of_these,
    representative,
    support,
    traits,
    weights,
)
from dimgs.judgement.residual_structure import (
    ResidualSummary,
    followed_beyond_groups,
    follows_inputs,
)

PI, C, D = sympy.symbols("pi_1 c d")


def ratios(runs: int, noise: float, split: bool) -> Design:
    """Runs of z = y + x with relative errors, some of them of one series."""
    rng = np.random.default_rng(runs)
    x, y = np.exp(rng.uniform(-1.0, 1.5, runs)), np.exp(rng.uniform(-1.0, 1.0, runs))
    z = (x + y) * np.exp(noise * rng.standard_normal(runs))
    columns = {"x [m]": x, "y [m]": y, "z [m]": z, "series": [f"s{k % 7}" for k in range(runs)]}
    asked = Options(split_by="series") if split else Options()
    return prepare(Dataset.from_columns(columns), "z", asked).design


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("form", "runs", "split"),
    [("constant", 14, False), ("line", 40, True), ("power", 14, True), ("line", 14, False)],
)
def test_evidence(form: str, runs: int, split: bool) -> None:
    design = ratios(runs, 0.03, split)
    expression, constants = {
        "constant": (C, {"c": 2.0}), "line": (C + D * PI, {"c": 1.0, "d": 1.0}),
        "power": (C * PI**D, {"c": 2.0, "d": 0.4}),
    }[form]  # fmt: skip
    model = FormulaModel(design, expression, constants)
    errors = errors_of(design, [model])[0]
    support = evidence(model, errors, outer_blocks(design), design)
    assert support is not None
    assert support.extrapolates is not None or runs < 20
    fit = support.whole
    assert np.all(fit.standard_errors >= 0)
    assert np.isfinite(fit.log_likelihood)
    assert np.isfinite(fit.most_density)
    assert [name for name, _ in coordinates(design)]
    assert np.isfinite(model.slopes(model.start)).all()
    left = design.y - design.y.mean()
    assert 0.0 <= followed_beyond_groups(design, left)[0] <= 1.0
    bent = follows_inputs(design.X, design.y, np.arange(runs) // 2 if split else None)
    assert bent in (True, False)


@pytest.mark.parametrize(("further", "dof"), [(1, 3), (5, 30), (5, 3)])
def test_further_runs_against_what_is_said_of_them(further: int, dof: int) -> None:
    rng = np.random.default_rng(further)
    known, slopes = rng.normal(size=(dof + 2, 2)), 2.0 * rng.normal(size=(further, 2))
    prediction = PredictionErrors.of(0.3 * rng.standard_normal(further), slopes, known, 0.2, dof)
    assert prediction is not None
    assert 0.0 <= prediction.chance <= 1.0
    assert np.isfinite([prediction.square, prediction.log_density, prediction.growth]).all()
    if further > 1:
        assert 0.0 <= prediction.chance_of_trend(np.arange(float(further))) <= 1.0
    assert prediction.white(slopes).shape == slopes.shape
    assert propagate_errors(slopes, known)[1]
    # constants that the runs leave open
    assert not propagate_errors(slopes, np.column_stack([known[:, 0], known[:, 0]]))[1]


def test_weights_of_laws() -> None:
    density = np.array([10.0, 9.5, 9.4, 4.0, 9.0, 2.0])
    bits = np.array([12.0, 11.0, 18.0, 9.0, 20.0, 8.0])
    for laws in ([0, 0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5]):
        assert weights(density, bits, laws)[0].sum() == pytest.approx(1.0)
        assert extensions(density, bits, laws).shape == (6,)
    scores = density - np.log(2) * bits
    stands = [representative(scores, exponents) for exponents in ([0] * 6, [1, 2, 0, 1, 0, 0])]
    assert all(0 <= k < 6 for k in stands)
    supported = support(np.array([1e-9, 0.01, 0.9]))
    for each in supported:
        for others in (0.0, 0.3):
            assert 0.0 < none_of_these(traits(others, 15.0, 2.0, 3.0, 30), float(each)) < 1.0
    # more structure left, more rivals, less gain: more likely none of these
    parts = traits(0.0, 15.0, 2.0, gain_per_bit(density, bits, range(6)), 60)
    assert none_of_these(parts, float(supported[0])) > none_of_these(parts)
    for other in ((0.3, 10.0, 60), (0.0, 0.1, 60), (0.0, 10.0, 6)):
        others, gain, n_runs = other
        alone = none_of_these(traits(0.0, 15.0, 2.0, 10.0, 60))
        assert none_of_these(traits(others, 15.0, 2.0, gain, n_runs)) > alone


@pytest.mark.parametrize(("facts", "confirmed", "outcome"), [
    ({}, True, "converged"),
    ({"left_out": 0.51}, True, "converged"), ({"left_out": 0.49}, False, None),
    ({"left_out": None}, False, "unchecked"),
    ({"aside": 0.51, "n_aside": 5}, True, "converged"),
    ({"aside": 0.49, "n_aside": 5}, False, None),
    ({"residuals": ResidualSummary()}, True, "converged"),
    ({"residuals": ResidualSummary(0.06)}, False, None), ({"residuals": None}, False, None),
    ({"residuals": ResidualSummary(follows="T")}, False, None),
    ({"residuals": ResidualSummary(label="lab", of_label=0.3)}, False, None),
    ({"residuals": ResidualSummary(drift=0.3)}, False, None),
    ({"residuals": ResidualSummary(settings=9)}, False, None),
    ({"probability": 0.91, "rivals": 1}, True, "converged"),
    ({"probability": 0.89, "rivals": 1}, False, None),
    ({"probability": 0.89, "none": 0.1}, False, None),
    ({"probability": 0.96, "least": 0.5, "brief": True}, False, "unchecked"),
    ({"probability": 0.96, "least": 0.94, "brief": True}, True, "converged"),
    ({"probability": None}, False, None), ({"extrapolates": False, "missed": "x"}, False, None),
    ({"extrapolates": None}, False, None), ({"varies": False}, False, "unchecked"),
    ({"unavailable": "no Julia"}, False, "unavailable"),
], ids=str)  # fmt: skip
def test_a_law_is_confirmed_where_nothing_speaks_against_it(
    facts: dict[str, Any], confirmed: bool, outcome: str | None
) -> None:
    verdict = conclude(LawFacts(**{"left_out": 0.95, **facts}))
    assert verdict.confirmed == confirmed
    assert outcome in (None, verdict.outcome)
    assert bool(verdict.why_not) != confirmed


@pytest.mark.parametrize("rivals", [1, 3])
def test_runs_that_decide(rivals: int) -> None:
    rng = np.random.default_rng(rivals)
    places = np.linspace(-1.0, 1.0, 12)
    said = [
        Prediction((k + 1) / 6 if rivals == 3 else 1.0, k * places**2,
                   np.column_stack([np.ones(12), places]), 0.04 * np.eye(2),
                   rng.uniform(0.1, 0.2, 12))
        for k in range(rivals)
    ]  # fmt: skip
    choices = choose(said, 3)
    assert len({choice.place for choice in choices}) == len(choices)
