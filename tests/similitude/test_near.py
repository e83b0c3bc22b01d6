"""Near answers of a hub, and what they never use."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dimgs.ask import ask
from dimgs.hub import Hub
from dimgs.hub.cards import card_of, check_card
from dimgs.kernels import BaseKernel, Port
from dimgs.similitude.near import _in_domain
from tests.similitude.films import Changed, Cooling, filled, inputs


def test_near_answers_hold_fresh_runs_as_often_as_they_say(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    known = Cooling()
    with Hub(tmp_path, user="anna") as hub:
        filled(hub, 30)
        held, errors = [], []
        for _ in range(15):
            at = inputs(rng, -0.8, 0.8)
            answer = ask("drop", at, hub, kernel=known, tolerance=10.0)
            fresh = known.run(at).outputs["drop"][0]
            assert answer.how == "near"
            held.append(answer.low <= fresh <= answer.high)
            errors.append(abs(answer.value / fresh - 1))
            assert {"kind", "id", "distance", "weight"} == set(answer.evidence[0])
    assert np.mean(held) > 0.7
    assert np.median(errors) < 0.01


def test_what_is_not_good_enough_is_no_answer(tmp_path: Path) -> None:
    at = {"a": 1.0, "r": 1.0, "t": 1.0, "dT": 5.0}
    with Hub(tmp_path, user="anna") as hub:
        filled(hub, 10)
        fine = ask("drop", at, hub, kernel=Cooling(), tolerance=0.5)
        assert fine.how == "near"
        assert fine.pertinence["acceptability"] == 1.0
        strict = ask("drop", at, hub, kernel=Cooling(), tolerance=1e-7)
        assert strict.value is None
        assert "of the value" in strict.missing[-1]


def test_another_kernel_of_the_same_physics_helps_and_another_physics_never(
    tmp_path: Path,
) -> None:
    class Rival(Cooling):
        name, factor = "rival", 1.2

    class Stranger(Cooling):
        name, factor = "stranger", 5.0

    rng = np.random.default_rng(2)
    points = [inputs(rng) for _ in range(30)]
    at = inputs(rng, -0.5, 0.5)
    with Hub(tmp_path, user="anna") as hub:
        for kernel, physics, some in (
            (Cooling(), "cooling", points[:6]),
            (Rival(), "cooling", points),
            (Stranger(), "else", points),
        ):
            hub.add_runs([kernel.run(p) for p in some])
            hub.add({"kind": "card", **card_of(kernel), "physics": physics})
            check_card(hub, kernel)
        answer = ask("drop", at, hub, kernel=Cooling(), tolerance=10.0)
        used = {hub.get(e["id"])["content"]["kernel"] for e in answer.evidence}
        assert used == {"cooling", "rival"}
        assert answer.low <= Cooling().run(at).outputs["drop"][0] <= answer.high
        both = ask("drop", at, hub, physics="cooling", tolerance=10.0)
        assert {hub.get(e["id"])["content"]["kernel"] for e in both.evidence} <= used
        changed = ask("drop", at, hub, kernel=Changed(), tolerance=10.0)
        assert changed.value is None


def test_a_response_of_both_signs_is_answered_on_its_own_scale(tmp_path: Path) -> None:
    class Torque(BaseKernel):
        name, version = "torque", "1"
        inputs = (Port("f", "N", low=1e-6, high=1e6), Port("r", "m", low=1e-6, high=1e6),
                  Port("angle", "1"))  # fmt: skip
        outputs = (Port("M", "N*m"),)

        def _simulate(
            self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
        ) -> Mapping[str, Any]:
            return {"M": values["f"] * values["r"] * np.sin(values["angle"])}

    rng = np.random.default_rng(0)
    with Hub(tmp_path, user="anna") as hub:
        hub.add_runs([
            Torque().run({"f": float(f), "r": float(r), "angle": float(angle)})
            for f, r, angle in zip(*10 ** rng.uniform(-1, 1, (2, 30)), rng.uniform(-1, 1, 30),
                                   strict=True)
        ])  # fmt: skip
        check_card(hub, Torque())
        at = {"f": 3.0, "r": 2.0, "angle": -0.4}
        answer = ask("M", at, hub, kernel=Torque(), tolerance=1.0)
        assert answer.how == "near"
        assert answer.value == pytest.approx(6.0 * np.sin(-0.4), rel=0.02)
        assert answer.low < answer.value < answer.high


def test_fine_runs_of_one_point_do_not_take_the_place_of_many_coarse_ones(tmp_path: Path) -> None:
    rng, known = np.random.default_rng(3), Cooling()
    points = [inputs(rng) for _ in range(20)]
    near = {**points[1], "t": points[1]["t"] * 1.05}
    with Hub(tmp_path, user="anna") as hub:
        hub.add_runs([known.run(p, "coarse") for p in points])
        before = ask("drop", near, hub, kernel=known)
        assert check_card(hub, known)["complete"]
        after = ask("drop", near, hub, kernel=known)
        for answer in (before, after):
            assert (answer.how, answer.assumptions[-1]["value"]["value"]) == ("near", "coarse")
        # of its own run it tells no less, and where a fine one is, that one
        assert ask("drop", points[2], hub, kernel=known).how == "run"
        checked = ask("drop", points[-1], hub, kernel=known)
        assert checked.assumptions[-1]["value"]["value"] == "fine"
        hub.add_runs([known.run(p) for p in points[:5]])
        fine = ask("drop", near, hub, kernel=known)
        assert fine.assumptions[-1]["value"]["value"] == "fine"
        assert fine.low <= known.run(near).outputs["drop"][0] <= fine.high


def test_a_bias_adds_its_square_by_the_quantile_of_the_runs(tmp_path: Path) -> None:
    rng, known, bias = np.random.default_rng(6), Cooling(), 0.3
    points, at = [inputs(rng) for _ in range(5)], inputs(rng, -0.3, 0.3)
    halves = []
    for card in ({}, {"bias": {"drop": bias}}):
        with Hub(tmp_path / str(len(card)), user="anna") as hub:
            hub.add_runs([known.run(p) for p in points])
            hub.add({"kind": "card", **card_of(known), **card})
            check_card(hub, known)
            answer = ask("drop", at, hub, kernel=known, tolerance=100.0)
            assert answer.how == "near"
            halves.append(np.log(answer.high / answer.low) / 2)
    # five runs, a group's exponent and a mean
    quantile = stats.t.ppf(0.95, 3)
    assert np.sqrt(halves[1] ** 2 - halves[0] ** 2) == pytest.approx(quantile * bias, rel=1e-6)


def test_runs_answer_no_question_beyond_their_groups(tmp_path: Path) -> None:
    known = Cooling()
    with Hub(tmp_path, user="anna") as hub:
        filled(hub, 30)
        # less than a decade beyond the last run
        at = {"a": 1.0, "r": 1.0, "t": 60.0, "dT": 5.0}
        answer = ask("drop", at, hub, kernel=known, tolerance=10.0)
        assert answer.value is None
        assert any(", and the nearest is 0" in text for text in answer.missing)
        # the same groups, far beyond the inputs
        small = {"a": 1e-3, "r": 1e-3, "t": 1e-3, "dT": 1e3}
        assert ask("drop", small, hub, kernel=known, tolerance=10.0).how == "near"


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(0, 25))
def test_the_domain_of_runs_is_that_of_any_basis(seed: int, groups: int, more: int) -> None:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(groups + 1 + more, groups)) + rng.normal(size=groups)
    basis = rng.normal(size=(groups, groups))
    if np.linalg.cond(basis) < 100:
        assert _in_domain(z) == _in_domain(z @ basis)
    assert _in_domain(z - z.mean(axis=0))
    # a group that every run holds is left as soon as it takes another value
    held = np.column_stack([z - z.mean(axis=0), np.full(len(z), 0.1)])
    assert not _in_domain(held)
    assert not _in_domain(z - z.mean(axis=0) + 20.0 * z.std(axis=0))


class Stalling(BaseKernel):
    """A flow whose solver stalls at large Reynolds numbers; nobody checked its card."""

    name, version = "stalling", "1"
    inputs = (Port("U", "m/s"), Port("d", "m"), Port("nu", "m^2/s"))
    outputs = (Port("q", "m^2/s"),)

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any]:
        re = values["U"] * values["d"] / values["nu"]
        return {"q": values["nu"] * re**0.5 * (1.0 + 0.002 * re)}


def test_beyond_the_groups_of_the_runs_no_near_run_answers(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    kernel = Stalling()
    with Hub(tmp_path, user="anna") as hub:
        for re in np.exp(rng.uniform(np.log(0.1), np.log(485.0), 30)):
            d, nu = np.exp(rng.uniform(-6.9, -2.3)), np.exp(rng.uniform(-13.8, -9.2))
            at = {"U": float(re * nu / d), "d": float(d), "nu": float(nu)}
            hub.add_runs([kernel.run(at)])
        inside, beyond = ({"U": 1.0, "d": d, "nu": 1e-5} for d in (2e-3, 1e-2))
        assert ask("q", inside, hub, kernel=kernel, tolerance=10.0).how == "near"
        answer = ask("q", beyond, hub, kernel=kernel, tolerance=10.0)
        # each input lies among those of the runs, and their Reynolds number beyond all
        assert answer.value is None
        assert "Reynolds number" in answer.missing[0]
        assert "the point has 1e+03" in answer.missing[0]


@given(st.integers(0, 10**6), st.floats(-3.0, 3.0))
def test_of_one_group_the_domain_is_the_range(seed: int, at: float) -> None:
    # lopsided, so that the leverage of the far end is that of a point beyond the near one
    z = np.random.default_rng(seed).exponential(size=(12, 1)) - at
    assert _in_domain(z) == (z.min() <= 0.0 <= z.max())
