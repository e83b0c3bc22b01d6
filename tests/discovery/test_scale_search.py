"""Hidden scales: added where they are asked for, named where nothing else holds."""

from typing import Any

import numpy as np
import pytest

from dimgs import Dataset, pi_basis
from dimgs.discovery.discover import discover
from dimgs.discovery.missing_input import extra_scales
from tests.discovery.test_reproducible import diffusion
from tests.discovery.test_varying_exponents import polymers
from tests.patience import AMPLE


def test_one_scale_per_base_dimension_named_after_an_input() -> None:
    basis = pi_basis(["T [K]", "Tg [K]", "U [m/s]", "D [m]", "t [s]", "y [1]"], "y")
    assert [s.text for s in extra_scales(basis)] == ["D0 [m]", "T0 [K]", "t0 [s]"]


def test_a_scale_frees_a_group_by_itself() -> None:
    # no length and no time alone makes a group of speeds, nor a mass one of concentrations
    basis = pi_basis(["T [K]", "Tg [K]", "U [m/s]", "V [m/s]", "y [1]"], "y")
    assert [(s.text, s.kind) for s in extra_scales(basis)] == [
        ("T0 [K]", "temperature scale"),
        ("U0 [m/s]", "scale of U"),
    ]
    basis = pi_basis(["S [mg/L]", "E [mg/L]", "r [mg/L/h]"], "r", scales="auto")
    assert [s.text for s in extra_scales(basis)] == ["E0 [kg/m^3]"]


def test_taken_names_are_avoided_and_given_scales_not_repeated() -> None:
    basis = pi_basis(["T [K]", "T0 [K]", "L [m]", "y [1]"], "y", scales=["L0 [m]"])
    assert [s.text for s in extra_scales(basis)] == ["T00 [K]"]


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_the_polymer_law_from_the_table_alone(noise: float) -> None:
    report = discover(polymers(noise), "D", scales="auto", evaluations=4000, time_limit=AMPLE)
    law = report.law
    assert law is not None
    kelvin = sorted(abs(c.value) for c in law.constants if c.unit == "K")
    assert kelvin == pytest.approx([40, 140], rel=0.05 if noise else 5e-5)
    assert not [c for c in law.constants if c.origin == "scale"]
    assert any("hidden temperature scale" in w for w in report.warnings)
    assert not any(c.engine == "operon" for c in report.candidates)


def test_a_scale_that_would_help_is_named() -> None:
    limits: dict[str, Any] = {"evaluations": 100, "time_limit": AMPLE}
    report = discover(diffusion(), "y", engine="structured", **limits)
    assert report.outcome != "converged"
    assert any('--scale "T0 [K]"' in w for w in report.warnings)


@pytest.mark.slow
def test_two_groups_held_out_together_do_not_hide_the_scale() -> None:
    data = polymers(0.02)
    label = np.where(np.asarray(data["Tg"]) > 200, "PP", "HDPE").tolist()
    units = {"M": "kg/mol", "T": "K", "Tg": "K", "D": "m^2/s"}
    columns = {f"{n} [{u}]": np.asarray(data[n]) for n, u in units.items()}
    table = Dataset.from_columns({"polymer": label, **columns})
    limits: dict[str, Any] = {"evaluations": 4000, "time_limit": AMPLE}
    report = discover(table, "D", scales="auto", split_by="polymer", **limits)
    assert report.law is not None
    kelvin = sorted(abs(c.value) for c in report.law.constants if c.unit == "K")
    assert kelvin == pytest.approx([40, 140], rel=0.05)
