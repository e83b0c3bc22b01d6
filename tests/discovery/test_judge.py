"""When runs left out prefer one law to another."""

import numpy as np
import sympy

from dimgs import Dataset, Options
from dimgs.design.features import Design
from dimgs.discovery.judge import clearly_less, is_stable, left_out_predictions
from dimgs.discovery.prepare import prepare
from dimgs.discovery.scoring import folds
from dimgs.law.assemble import assemble
from dimgs.law.law import Law


def test_a_gain_counts_beyond_its_standard_error_only() -> None:
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(60)
    bent = noise + 2.0 * np.linspace(-1, 1, 60)
    assert clearly_less(noise, bent, None)
    assert not clearly_less(bent, noise, None)
    assert not clearly_less(noise, noise, None)
    shaken = noise + 0.3 * rng.standard_normal(60)
    found = [clearly_less(own, other, None) for own, other in ((noise, shaken), (shaken, noise))]
    assert not all(found)


def test_groups_count_as_one_run_each() -> None:
    own = np.ones(40)
    other = np.where(np.arange(40) < 20, 1.5, 0.9)
    assert clearly_less(own, other, None)
    assert not clearly_less(own, other, np.repeat([0, 1], 20))
    assert not clearly_less(own, other, np.zeros(40))


def law_of(design: Design, text: str, start: dict[str, float]) -> Law:
    return assemble(design, sympy.sympify(text), start, 0.9)


def test_constants_that_depend_on_which_runs_are_left_out_are_not_stable() -> None:
    rng = np.random.default_rng(0)
    x = np.exp(rng.uniform(-1, 1, 30))
    y = 2 * x / (1 + 0.5 * x) * np.exp(0.02 * rng.standard_normal(30))
    table = Dataset.from_columns({"x [1]": x, "y [1]": y})
    design = prepare(table, "y", Options()).design
    law = law_of(design, "a*pi_1/(1 + b*pi_1)", {"a": 2.0, "b": 0.5})
    left_out = left_out_predictions(design, law, 0)
    assert is_stable(design, law, left_out)
    # refits that miss by far more than the slopes of the law promise
    assert not is_stable(design, law, left_out * np.where(np.arange(30) % 3, 1.0, 1.2))
    # a logarithm that does not exist
    assert not is_stable(design, law, np.where(np.arange(30) == 4, -left_out, left_out))
    assert not is_stable(design, law, np.where(np.arange(30) == 4, np.nan, left_out))


def test_stability_does_not_depend_on_the_unit_of_a_signed_response() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0.1, 2, 30)
    for scale in (1.0, 1e200):
        y = scale * (1 - x + 0.05 * rng.standard_normal(30))
        table = Dataset.from_columns({"x [1]": x, "y [1]": y})
        design = prepare(table, "y", Options(), linear_allowed=True).design
        law = law_of(design, "a - b*pi_1", {"a": scale, "b": scale})
        left_out = left_out_predictions(design, law, 0)
        assert is_stable(design, law, left_out)
        assert not is_stable(design, law, left_out + 0.5 * scale)
        assert clearly_less(scale * np.ones(20), 2 * scale * np.ones(20), None)


def test_labels_are_left_out_together() -> None:
    x = np.tile([0.5, 1.0, 2.0, 4.0], 6)
    labels = np.repeat(np.arange(6), 4)
    shift = np.array([0.5, -0.5, 0.4, -0.4, 0.3, -0.3])[labels]
    table = Dataset.from_columns(
        {"x [1]": x, "rig": [f"r{k}" for k in labels], "y [1]": (1 + x) * np.exp(shift)}
    )
    together = prepare(table, "y", Options(split_by="rig")).design
    alone = prepare(table, "y", Options()).design
    for out in folds(together, 0, 10):
        assert {*labels[out]}.isdisjoint(labels[~out])
    halves = []
    for design in (together, alone):
        law = law_of(design, "a*(1 + pi_1)", {"a": 1.0})
        halves.append(min(c.high - c.low for c in law.constants if c.high and c.low is not None))
    # six labels of four runs that share their error: about half of the information
    assert 1.5 * halves[1] < halves[0] < 5 * halves[1]
