from dataclasses import replace

import numpy as np
import pytest

from dimgs.dataset import Dataset
from dimgs.discovery.discover import fit
from dimgs.discovery.options import Options
from dimgs.discovery.power_law import additive_of, feature_bases
from dimgs.discovery.prepare import prepare
from dimgs.report.plain_text import fit_text
from dimgs.report.results import fit_document


def rough(bend: float, order: tuple[int, ...] = (0, 1, 2, 3, 4)) -> Dataset:
    """A friction factor that bends in the roughness Reynolds number alone."""
    rng = np.random.default_rng(3)
    D, U, rho = (np.exp(rng.uniform(-1, 1, 60)) for _ in range(3))
    mu, e = np.exp(rng.uniform(-7, -4, 60)), D * np.exp(rng.uniform(-6, -3, 60))
    x = np.log(rho * U * e / mu)
    f = (e / D) ** 0.3 * np.exp(-0.1 * x + bend * (x - x.mean()) ** 2)
    inputs = {"D [m]": D, "U [m/s]": U, "rho [kg/m^3]": rho, "mu [Pa*s]": mu, "e [m]": e}
    names = [list(inputs)[k] for k in order]
    return Dataset.from_columns({**{n: inputs[n] for n in names}, "f [1]": f})


def test_the_axes_are_sought_among_all_bases_of_the_variables() -> None:
    fitted = fit(rough(0.05), "f", Options(additive=True))
    terms = {t["variables"]: t for t in fitted.additive or ()}
    assert set(terms) == {"D·e⁻¹", "U·e·rho·mu⁻¹"}
    assert terms["D·e⁻¹"]["power_law_enough"]
    assert terms["D·e⁻¹"]["slope"] == pytest.approx(-0.3, abs=0.02)
    assert not terms["U·e·rho·mu⁻¹"]["power_law_enough"]


def test_neither_the_order_of_columns_nor_the_names_matter() -> None:
    plain = fit(rough(0.05), "f", Options(additive=True))
    other = fit(rough(0.05, (4, 2, 0, 3, 1)), "f", Options(additive=True))
    for one, two in zip(plain.additive or (), other.additive or (), strict=True):
        assert one["variables"] == two["variables"]
        assert one["slope"] == pytest.approx(two["slope"], rel=1e-9)


def test_the_loop_defect_of_the_literal_form_is_shown() -> None:
    bent = replace(fit(rough(0.05), "f", Options(additive=True)), judge=None)
    assert bent.additive_pairs is not None
    assert bent.additive_pairs["loop_defect_relative"] > 0.01
    assert not bent.additive_pairs["consistent"]
    assert "its answers miss zero by" in " ".join(fit_text(bent).split())
    assert fit_document(bent)["additive_pairs"]["loop_defect"] > 0
    straight = replace(fit(rough(0.0), "f", Options(additive=True)), judge=None)
    assert straight.additive_pairs is not None
    assert straight.additive_pairs["consistent"]
    assert "contradicts itself" not in fit_text(straight)


def test_bases_are_invertible_and_columns_without_a_group_stay_axes() -> None:
    rng = np.random.default_rng(0)
    a, b, angle = rng.uniform(1, 2, (3, 30))
    data = Dataset.from_columns(
        {"a [m]": a, "b [m]": b, "k [1]": angle - 1.5, "y [m]": a**1.5 * b**-0.5 * np.exp(angle)}
    )
    design = prepare(data, "y", Options()).design
    assert [f.contrast for f in design.features] == ["log-ratio", "difference"]
    for basis in feature_bases(design):
        assert abs(np.linalg.det(basis)) > 0.5
        assert basis[1].tolist() == [0, 1]
        assert (np.count_nonzero(basis, axis=0) == 1).all()
    names = [t["variables"] for t in additive_of(design, Options())[0]]
    assert sorted(names) == ["a·b⁻¹", "k"]


def test_many_bases_are_said_to_be_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dimgs.discovery.power_law._MOST_BASES", 2)
    *_, warnings = additive_of(prepare(rough(0.0), "f", Options()).design, Options())
    assert "2 bases of smallest exponents, of 3" in warnings[0]
