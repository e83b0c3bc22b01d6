from pathlib import Path

import numpy as np
import pandas as pd

from dimgs.fits.regimes import RegimePowerLaw, choose_crossover


def test_smooth_pipe_from_laminar_to_turbulent(shared_data: Path) -> None:
    table = pd.read_csv(shared_data / "oregon_smooth_pipe.csv")
    X, y = np.log(table[["Re"]].to_numpy()), np.log(table["f"].to_numpy())
    model = RegimePowerLaw().fit(X, y)
    laminar = model.regimes_[0]
    assert laminar.intervals()[0, 0] <= -1.0 <= laminar.intervals()[0, 1]
    low, high = laminar.intercept_interval()
    assert low <= np.log(64.0) <= high
    jumps = [np.exp(t.value) for t in model.thresholds_ if t.kind == "jump"]
    assert len(jumps) == 1
    assert 2800 < jumps[0] < 3300
    blasius = model.predict(np.log([[1e4], [3e4]]))
    assert -0.28 < np.diff(blasius)[0] / np.log(3.0) < -0.2
    assert choose_crossover(X, y)[0].name == "jump"


def test_main_sequence_breaks_lie_near_the_published_ones(shared_data: Path) -> None:
    stars = pd.read_csv(shared_data / "stars_debcat.csv")
    stars = stars[(stars["logg"] > 3.9)].dropna(subset=["M", "L"])
    model = RegimePowerLaw().fit(
        np.log(stars[["M"]].to_numpy()),
        np.log(stars["L"].to_numpy()),
        groups=stars["system"].to_numpy(),
    )
    # Eker et al. 2018: breaks at 0.45, 0.72 and 7 solar masses among others.
    for published, edge in zip((0.45, 0.72, 7.0), model.thresholds_, strict=True):
        assert edge.low <= np.log(published) <= edge.high
    assert 3.8 < model.exponents_[2, 0] < 4.4
    assert model.exponents_[0, 0] < 2.5
    assert 2.4 < model.exponents_[3, 0] < 3.6


def test_rough_pipe_from_smooth_to_fully_rough(shared_data: Path) -> None:
    table = pd.read_csv(shared_data / "nikuradse_rough_pipe.csv")
    X = np.log(table[["Re", "rel_rough"]].to_numpy())
    y = np.log(table["f"].to_numpy())
    model = RegimePowerLaw(exponent_map=np.eye(2)).fit(X, y)
    smooth = min(model.regimes_, key=lambda r: r.exponents[0])
    np.testing.assert_allclose(smooth.exponents, [-0.25, 0.0], atol=0.01)
    rough = max(model.regimes_, key=lambda r: r.n)
    assert (
        rough.intervals()[0, 0] <= 0.0 <= rough.intervals()[0, 1] or abs(rough.exponents[0]) < 0.01
    )
    assert 0.3 < rough.exponents[1] < 0.38
    # The boundaries are roughness Reynolds numbers: Re times a power of e/D near 1.
    jumps = [t for t in model.thresholds_ if t.kind == "jump"]
    assert jumps
    for edge in jumps:
        assert 1.0 <= edge.direction[1] / edge.direction[0] <= 1.6
