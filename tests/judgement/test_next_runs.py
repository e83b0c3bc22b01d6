"""The choice of runs: where rivals differ, no more than once, whatever the order of the rivals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import trapezoid

from dimgs import Dataset, discover
from dimgs.common.errors import InputError
from dimgs.discovery.next_runs import WIDER, places_of, range_of
from dimgs.judgement.next_run import Prediction, _Rival, choose
from dimgs.law.prediction import predicted
from dimgs.variables import parse_variable


def rival(mean: np.ndarray, p: float = 0.5, noise: float = 0.1, sd: float = 0.01) -> Prediction:
    n = len(mean)
    return Prediction(p, mean, np.ones((n, 1)), np.eye(1) * sd**2, np.full(n, noise))


def test_laws_without_noise_are_told_apart_by_one_run() -> None:
    """A kernel that repeats itself to the last digit: neither noise nor doubt about constants."""
    x = np.linspace(0.0, 2.0, 21)
    first, second = choose([rival(m, noise=0.0, sd=0.0) for m in (x, x**2)], 2)
    assert first.information == pytest.approx(np.log(2.0))
    assert abs(x[first.place] - x[first.place] ** 2) > 0.0
    assert second.information == 0.0


@settings(max_examples=20)
@given(st.integers(0, 1000), st.integers(2, 4), st.integers(1, 4))
def test_information_is_bounded_and_no_place_is_chosen_twice(seed: int, count: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    rivals = [rival(rng.normal(size=12), p=float(rng.uniform(0.1, 1))) for _ in range(count)]
    choices = choose(rivals, n)
    assert len({c.place for c in choices}) == len(choices) == n
    assert all(c.information >= 0 for c in choices)
    # what several runs tell of one of `count` laws is no more than its entropy
    prior = np.array([r.probability for r in rivals]) / sum(r.probability for r in rivals)
    assert sum(c.information for c in choices) <= -np.sum(prior * np.log(prior)) + 1e-9


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_the_place_is_where_the_rivals_differ_in_units_of_the_noise(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mean, gap = rng.normal(size=15), np.zeros(15)
    gap[rng.integers(15)] = 0.3
    both = [rival(mean), rival(mean + gap)]
    assert choose(both, 1)[0].place == choose(both[::-1], 1)[0].place == int(np.argmax(gap))


def test_what_the_constants_explain_tells_nothing() -> None:
    # a common shift of one rival is its constant; only the slope differs
    x = np.linspace(-1.0, 1.0, 21)
    a = rival(np.zeros(21), sd=5.0)
    b = rival(x, sd=5.0)
    first, second = (c.place for c in choose([a, b], 2))
    assert abs(x[first] - x[second]) == pytest.approx(2.0)


@pytest.mark.parametrize("sd", [1e120, 1e300])
def test_a_law_that_says_nothing_near_a_pole_is_no_failure(sd: float) -> None:
    x = np.linspace(0.0, 1.0, 11)
    slopes = np.where(x < 0.1, sd, 1.0)[:, None]
    rivals = [
        Prediction(0.5, 3 * x, slopes, np.eye(1), np.full(11, 0.1)),
        Prediction(0.5, x, np.ones((11, 1)), np.eye(1) * 0.01, np.full(11, 0.1)),
    ]
    chosen = choose(rivals, 4)
    assert len({c.place for c in chosen}) == 4
    assert all(np.isfinite(c.information) for c in chosen)


def test_one_law_alone_asks_for_its_constants() -> None:
    x = np.linspace(0.0, 2.0, 11)
    one = Prediction(1.0, x, x[:, None], np.eye(1), np.full(11, 0.1))
    assert choose([one], 1)[0].place == 10


def table() -> Dataset:
    rng = np.random.default_rng(0)
    return Dataset.from_columns(
        {
            "U [m/s]": rng.uniform(1.0, 4.0, 20),
            "N [1]": rng.integers(2, 9, 20).astype(float),
            "d [mm]": np.full(20, 5.0),
            "F [N]": rng.uniform(1.0, 2.0, 20),
        }
    )


def test_ranges_widen_by_root_two_whole_numbers_stay_whole_and_fixed_columns_fixed() -> None:
    data = table()
    places = places_of(data, ["U", "N", "d"], {})
    u = places.columns["U"]
    assert u.min() == pytest.approx(np.asarray(data["U"]).min() / WIDER)
    assert u.max() == pytest.approx(np.asarray(data["U"]).max() * WIDER)
    assert np.all(places.columns["N"] == np.round(places.columns["N"]))
    assert np.all(places.columns["d"] == 0.005)
    d = places.row(0)["d"]
    assert not isinstance(d, str)
    assert (round(d[0], 9), d[1]) == (5.0, "mm")
    asked = places_of(data, ["U", "N", "d"], {"U": "20..50 cm/s"}).columns["U"]
    assert (asked.min(), asked.max()) == (pytest.approx(0.2), pytest.approx(0.5))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1-3 m/s", "write it as"),
        ("1..3 kg", "not a unit of that column"),
        ("3..1 m/s", "reversed"),
    ],
)
def test_ranges_that_cannot_be_used_are_refused(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        range_of(text, parse_variable("U [m/s]"))


def test_a_range_of_what_is_no_input_is_refused() -> None:
    with pytest.raises(InputError, match="no input 'V'"):
        places_of(table(), ["U"], {"V": "1..2"})


def test_a_rival_predicts_by_the_normal_density_given_the_runs_before() -> None:
    rng = np.random.default_rng(1)
    slopes, half = rng.normal(size=(7, 3)), rng.normal(size=(3, 3))
    mean, noise = rng.normal(size=7), rng.uniform(0.1, 0.5, 7)
    predictive = _Rival(Prediction(1.0, mean, slopes, half @ half.T, noise), 1)
    whole = slopes @ half @ half.T @ slopes.T + np.diag(noise**2)
    np.testing.assert_allclose(predictive.variance, np.diag(whole))
    at, outcomes = [4, 1], rng.normal(size=(2, 64))
    for place, seen in zip(at, outcomes, strict=True):
        predictive.observe(place, seen[None, :])
    inner = whole[np.ix_(at, at)]
    density = stats.multivariate_normal(mean[at], inner).logpdf(outcomes.T)
    # but for the constant that every rival has
    np.testing.assert_allclose(predictive.log_density[0], density + np.log(2 * np.pi))
    gain = np.linalg.solve(inner, whole[at]).T
    others = [i for i in range(7) if i not in at]
    expected = mean[:, None] + gain @ (outcomes - mean[at][:, None])
    np.testing.assert_allclose(predictive.means[0][others], expected[others])
    left = np.diag(whole - gain @ whole[at])
    np.testing.assert_allclose(predictive.variance[others], left[others])


def test_what_is_expected_of_a_run_is_the_information_between_law_and_outcome() -> None:
    # two normal densities of one width, a whole number of widths apart: by quadrature
    for gap in (1.0, 3.0):
        both = [rival(np.array([0.0]), noise=1.0, sd=1e-6), rival(np.array([gap]), noise=1.0)]
        y = np.linspace(-9, 9 + gap, 4001)
        one, two = stats.norm.pdf(y), stats.norm.pdf(y, gap)
        half = (one + two) / 2
        expected = trapezoid(one * np.log(one / half) + two * np.log(two / half), y) / 2
        assert choose(both, 1)[0].information == pytest.approx(expected, rel=0.05)


def test_temperatures_stay_near_those_of_the_runs() -> None:
    table = Dataset.from_columns({"T [degC]": [33.0, 60.0, 86.0], "U [m/s]": [1.0, 4.0, 9.0]})
    places = places_of(table, ["T", "U"], {})
    low, high = float(places.columns["T"].min()), float(places.columns["T"].max())
    assert high / low == pytest.approx((359.15 / 306.15) ** 2)
    assert low * high == pytest.approx(359.15 * 306.15)


def test_no_run_is_proposed_below_an_input_that_vanishes_and_was_never_negative() -> None:
    table = Dataset.from_columns({"I [W/m^2]": [0.0, 20.0, 100.0], "x [m]": [-1.0, 0.0, 1.0]})
    places = places_of(table, ["I", "x"], {})
    assert places.columns["I"].min() == 0.0
    assert places.columns["I"].max() > 100.0
    assert places.columns["x"].min() < -1.0


def test_the_part_of_a_range_in_which_a_law_has_no_value_is_named() -> None:
    L = np.geomspace(0.1, 3.0, 12)
    report = discover(Dataset.from_columns({"L [m]": L, "T [s]": 2.006 * np.sqrt(L)}), "T",
                      scales=["k [m/s^2]"])  # fmt: skip
    (warning,) = report.next_runs(1, {"L": "-5..2 m"}).warnings
    assert "no value where L is below 0.0" in warning
    assert "give a range within 0.0" in warning
    assert report.next_runs(1, {"L": "0.01..2 m"}).warnings == ()


def test_an_input_that_every_label_held_is_varied_by_a_run() -> None:
    rng = np.random.default_rng(0)
    x = np.exp(rng.uniform(-1.0, 1.0, 24))
    label = np.repeat([*"abc"], 8)
    d = np.repeat([1.0, 1.3, 3.0], 8)
    y = x**0.37 * d**2 * np.exp(0.01 * rng.standard_normal(24))
    columns = {"lab": label, "x [1]": x, "d [mm]": d, "y [1]": y}
    report = discover(Dataset.from_columns(columns), "y", engine="power_law", within="lab")
    assert not report.rivals
    first, second, _ = report.next_runs(3).runs
    assert (first.varies, second.varies) == ("d", "")
    # the farthest value of another label, at inputs that determine the law
    own = dict(zip(label.tolist(), d.tolist(), strict=True))[str(first.inputs["lab"])]
    farthest = max(own_of for own_of in (1.0, 3.0) if own_of != own)
    assert first.inputs == {**second.inputs, "d": (pytest.approx(farthest), "mm")}


def test_what_a_law_says_of_a_proposed_run_is_what_it_predicts_there() -> None:
    """Also where a rival predicts the other sign, so that the laws are compared without logs."""
    rng = np.random.default_rng(0)
    mass = 10 ** rng.uniform(-2, 3, 20)
    length = 0.3 * np.cbrt(mass) * np.exp(0.1 * rng.normal(size=20))
    power = 3.4 * mass**0.75 * np.exp(0.15 * rng.normal(size=20))
    data = Dataset.from_columns({"m [kg]": mass, "L [m]": length, "B [W]": power})
    report = discover(data, "B", scales="auto", effort="quick")
    assert report.law is not None
    for run in report.next_runs(3).runs:
        shown = run.predicted[0]
        point = {name: run.inputs[name][0] for name in ("m", "L")}
        assert tuple(predicted(report.law, point, report.level, "run")) == pytest.approx(
            (shown.value, shown.low, shown.high), rel=1e-12
        )
        assert 0.0 < shown.low < shown.value < shown.high
