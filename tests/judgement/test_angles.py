"""What arguments of trigonometric functions are to the runs, and which values are angles."""

import numpy as np
import pytest
from sympy import Expr, Symbol, asin, cos, sin, tanh

from dimgs import Dataset
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.expression.price import structure_of
from dimgs.judgement.candidates import Turns

X = Symbol("pi_1")


def turns_of(units: str, target: str) -> Turns:
    x, y = np.random.default_rng(0).uniform(0.2, 1.2, (2, 30))
    columns = {f"x [{units}]": x, f"z [{target}]": x * y, "y [1]": y}
    return Turns(prepare(Dataset.from_columns(columns), "z", Options()).design)


@pytest.mark.parametrize(
    ("units", "target", "law", "said"),
    [
        ("rad", "1", sin(X), "angle"),
        ("1", "rad", sin(X), "neither"),
        ("1", "rad", asin(X), "angle"),
        ("rad", "1", asin(X), "neither"),
        ("1", "1", sin(9 * X), "turns"),
        # what a header calls an angle is one, whatever its unit
        ("1; angle", "1", sin(X), "angle"),
        ("1", "1; angle", asin(X), "angle"),
        ("rad", "1", cos(tanh(X)), "neither"),
    ],
)
def test_units_and_runs_say_what_is_an_angle(units: str, target: str, law: Expr, said: str) -> None:
    assert turns_of(units, target).of({})(law) == said


def test_a_function_that_gives_the_angle_is_not_rare_inside_another() -> None:
    turns = turns_of("1", "rad").of({})
    rare = [
        structure_of(law, set(), turns).rare for law in (asin(X), 2 * asin(X) + 1, tanh(asin(X)))
    ]
    assert rare == [0, 0, 2]
