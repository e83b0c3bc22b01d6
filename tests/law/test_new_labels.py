"""Predictions for labels that no run of a law has."""

import numpy as np
import pytest

from dimgs import fit

pytestmark = pytest.mark.filterwarnings("ignore::dimgs.DimgsWarning")


def _runs(labels: int, effect: float, seed: int = 0) -> dict[str, object]:
    rng = np.random.default_rng(seed)
    L = np.exp(rng.uniform(-1, 1, 24))
    lab = np.arange(24) % labels
    T = 6.28 * np.sqrt(L / 9.81) * np.exp(effect * lab + 0.01 * rng.standard_normal(24))
    return {"L [m]": L, "T [s]": T, "lab": np.array([f"lab {k}" for k in lab])}


@pytest.mark.parametrize("labels", [2, 3, 5])
def test_the_interval_of_a_new_label_holds_the_known_ones(labels: int) -> None:
    law = fit(_runs(labels, 0.1), "T", constants=["g"], within="lab").law
    names = [f"lab {k}" for k in range(labels)]
    known = law.predict({"L [m]": np.ones(labels), "lab": np.array(names)})
    value, low, high = law.predict({"L [m]": [1.0], "lab": np.array(["elsewhere"])}, level=0.9)
    assert low[0] < known.min() < value[0] < known.max() < high[0]
    _, narrow, wide = law.predict({"L [m]": [1.0], "lab": np.array(names[:1])}, level=0.9)
    assert wide[0] / narrow[0] < high[0] / low[0]
    # a label that is not given may be a new one
    omitted = law.predict({"L [m]": [1.0]}, level=0.9)
    assert omitted.value[0].magnitude == pytest.approx(value[0].magnitude)
    assert omitted.low[0].magnitude == pytest.approx(low[0].magnitude)


def test_the_ratio_of_two_runs_of_one_new_label_has_no_spread_of_labels() -> None:
    law = fit(_runs(3, 0.1), "T", constants=["g"], within="lab").law
    new, other = ({"L [m]": [x], "lab": np.array(["elsewhere"])} for x in (1.0, 2.0))
    known = {"L [m]": [1.0], "lab": np.array(["lab 0"])}
    same, apart = (law.ratio(u, other, level=0.9) for u in (new, known))
    assert same.high[0] / same.low[0] < 1.1 < apart.high[0] / apart.low[0]
    omitted = law.ratio({"L [m]": [1.0]}, {"L [m]": [2.0]}, level=0.9)
    assert omitted.high[0] == pytest.approx(same.high[0], rel=1e-3)


def test_a_row_without_a_label_is_inside_where_labels_have_no_prefactors() -> None:
    blank = {"L [m]": [1.0, 1.0], "lab": np.array(["", "lab 1"])}
    for within, outside in ((None, []), ("lab", ["lab"])):
        law = fit(_runs(2, 0.0), "T", constants=["g"], within=within).law
        assert law.outside(blank) == [outside, []]
