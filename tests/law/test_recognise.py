"""Constants recognised: only where the interval singles one out."""

import math
from dataclasses import replace

import numpy as np
import sympy

from dimgs import Dataset, fit
from dimgs.discovery.discover import discover
from dimgs.law.canonical import celsius_zeros, recognise, recognised
from dimgs.law.checked_law import Constant
from dimgs.variables import Dimension
from tests.patience import AMPLE


def test_constants_with_a_dimension_stay() -> None:
    metre = Dimension.of({"[length]": 1})
    constant = Constant("c", 2.0, metre, 1.99, 2.01)
    assert recognised(constant, 0.9) is constant
    plain = recognised(Constant("c", 1.9999, Dimension(), 1.99, 2.01), 0.9)
    assert (plain.value, plain.origin, plain.low) == (2.0, "recognised", 1.99)


def test_the_zero_of_the_celsius_scale_is_doubted() -> None:
    length = np.geomspace(0.1, 2.0, 8)
    law = fit({"L [m]": length, "T [s]": 2.006 * np.sqrt(length)}, "T", constants=["g"]).law
    assert celsius_zeros(law) == ()
    kelvin = Dimension.of({"[temperature]": 1})
    ends = ((-273.2, -273.1, 1), (272.0, 275.0, 1), (280.0, 290.0, 0), (150.0, 400.0, 0))
    for low, high, doubts in ends:
        zero = Constant("T_c", (low + high) / 2, kelvin, low, high)
        assert len(celsius_zeros(replace(law, constants=(*law.constants, zero)))) == doubts


def test_a_constant_at_whose_simple_value_the_law_has_none_stays() -> None:
    length = np.geomspace(0.1, 2.0, 8)
    law = fit({"L [m]": length, "T [s]": 2.006 * np.sqrt(length)}, "T", constants=["g"]).law
    nearly = Constant("c_1", 1.0 + 1e-12, Dimension(), 1.0, 1.0 + 2e-12)
    prefactor = sympy.Symbol(law.constants[0].name)
    expression = law.expression.subs(prefactor, prefactor / sympy.log(sympy.Symbol("c_1")))
    singular = law.rewritten({}, expression, [*law.constants, nearly])
    assert recognise(singular) is singular


def test_the_pendulum_swings_with_two_pi() -> None:
    length = np.geomspace(0.1, 2.0, 30)
    noise = np.exp(0.003 * np.random.default_rng(0).normal(size=30))
    data = Dataset.from_columns(
        {"L [m]": length, "T [s]": 2 * np.pi * np.sqrt(length / 9.80665) * noise}
    )
    law = discover(data, "T", constants=["g"], evaluations=1000, time_limit=AMPLE).law
    assert law is not None
    (constant,) = (c for c in law.constants if c.name == "C")
    assert constant.origin == "recognised"
    assert constant.value == 2 * math.pi
    assert constant.low is not None
    assert constant.high is not None
    assert constant.low < 2 * math.pi < constant.high


def test_a_factor_of_one_without_noise_is_not_written() -> None:
    temperature, energy = np.geomspace(300.0, 600.0, 20), np.tile([3e4, 5e4, 8e4, 9e4], 5)
    rate = 1e8 * np.exp(-energy / (8.31446261815324 * temperature))
    data = Dataset.from_columns(
        {
            "A [1/s]": np.full(20, 1e8),
            "E [J/mol]": energy,
            "T [K]": temperature,
            "k [1/s]": rate,
        }
    )
    law = discover(data, "k", constants=["R"], evaluations=1000, time_limit=AMPLE).law
    assert law is not None
    assert str(law.expression) == "A*exp(-E_/(R*T))"
    assert [c.name for c in law.constants] == ["R"]
    assert np.allclose(law.predict_si(data), rate)
