"""Runs that would add most, images for others' models, and runs that do not fit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dimgs.ask import ask
from dimgs.common.errors import InputError
from dimgs.hub import Hub
from dimgs.hub.cards import check_card
from dimgs.kernels import kernel
from dimgs.similitude.augment import augment, newest_origin, unexplained_runs
from dimgs.similitude.origin import describe
from tests.similitude.films import Cooling, filled, inputs


def quantities(values: dict[str, float]) -> dict[str, object]:
    units = {p.name: p.unit for p in Cooling.inputs}
    return {n: {"value": v, "unit": units[n]} for n, v in values.items()}


def test_the_planned_run_narrows_the_answer_to_the_stored_question(tmp_path: Path) -> None:
    at = {"a": 1.0, "r": 1.0, "t": 4.0, "dT": 5.0}
    with Hub(tmp_path, user="anna") as hub:
        filled(hub, 8)
        hub.add({"kind": "question", "text": "How far?", "target": "drop",
                 "kernel": "cooling", "inputs": quantities(at)})  # fmt: skip
        known = describe(hub, Cooling())
        planned = augment(hub, known, "drop", 1)
        assert planned["plan"]["questions"] == 1
        before = ask("drop", at, hub, kernel=Cooling(), tolerance=1e9)
        (run,) = planned["runs"]
        assert run["information"] > 0
        values = {n: q["value"] for n, q in run["inputs"].items()}
        hub.add_runs([Cooling().run(values)])
        after = ask("drop", at, hub, kernel=Cooling(), tolerance=1e9)
        assert after.high - after.low < before.high - before.low


def test_without_questions_runs_go_where_least_is_known(tmp_path: Path) -> None:
    with Hub(tmp_path, user="anna") as hub:
        filled(hub, 8)
        known = describe(hub, Cooling())
        one, two = augment(hub, known, "drop", 4), augment(hub, known, "drop", 4)
        assert one == two
        information = [run["information"] for run in one["runs"]]
        assert information == sorted(information, reverse=True)
        assert len({run["inputs"]["t"]["value"] for run in one["runs"]}) == 4
        with pytest.raises(InputError, match="no output"):
            augment(hub, known, "dripp", 1)


def test_images_of_a_checked_card_do_not_stand_for_the_runs_of_a_coarser_tier(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(5)
    with Hub(tmp_path, user="anna") as hub:
        hub.add_runs([Cooling().run(inputs(rng), "coarse") for _ in range(8)])
        assert check_card(hub, Cooling())["complete"]
        planned = augment(hub, describe(hub, Cooling()), "drop", 2)
        assert planned["plan"]["tier"] == "coarse"
        assert len(planned["runs"]) == 2


def test_images_are_marked_weighed_and_true(tmp_path: Path) -> None:
    with Hub(tmp_path, user="anna") as hub:
        filled(hub, 4)
        plan = augment(hub, describe(hub, Cooling()), "drop", 1, images=3)["images"]
        parents = {image["parent"] for image in plan}
        assert all(image["derived"] for image in plan)
        for parent in parents:
            images = [image for image in plan if image["parent"] == parent]
            assert sum(image["weight"] for image in images) == pytest.approx(1.0)
        for image in plan[:6]:
            values = {n: q["value"] for n, q in image["inputs"].items()}
            fresh = Cooling().run(values).outputs["drop"][0]
            assert image["outputs"]["drop"]["value"] == pytest.approx(fresh, rel=1e-9)


def test_a_wrong_run_is_found_by_the_others(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    with Hub(tmp_path, user="anna") as hub:
        filled(hub, 25)
        good = Cooling().run(inputs(rng, -0.5, 0.5))
        wrong = replace(good, outputs={**good.outputs, "drop": (2 * good.outputs["drop"][0], "K")})
        (id,) = hub.add_runs([wrong])
        origin = newest_origin(hub, describe(hub, Cooling()), "drop")
        share = unexplained_runs(hub, origin, 3.0)
        assert share[0]["id"] == id


def test_a_wrong_answer_is_found_by_the_runs(tmp_path: Path) -> None:
    at = {"a": 1.0, "r": 1.0, "t": 1.0, "dT": 20.0}
    right = Cooling().run(at).outputs["drop"][0]
    with Hub(tmp_path, user="anna") as hub:
        filled(hub, 25)
        question = {"kind": "question", "text": "How far?", "target": "drop", "kernel": "cooling"}
        asked = hub.add({**question, "inputs": quantities(at)})
        links = [{"type": "answers", "to": asked}]
        _, wrong = (
            hub.add({"kind": "answer", "answer": {"value": v, "unit": "K"}, "links": links})
            for v in (right, 1.5 * right)
        )
        origin = newest_origin(hub, describe(hub, Cooling()), "drop")
        answers = [one for one in unexplained_runs(hub, origin, 4.0) if one["kind"] == "answer"]
        assert [one["id"] for one in answers] == [wrong]


def test_runs_that_are_all_images_of_one_are_not_asked_for(tmp_path: Path) -> None:
    @kernel(inputs={"m": "kg", "k": "N/m"}, outputs={"T": "s"})
    def swinging(m: float, k: float) -> float:
        return float(2.0 * np.pi * np.sqrt(m / k))

    with Hub(tmp_path, user="anna") as hub:
        hub.add_runs([swinging.run({"m": 1.0 + i, "k": 2.0 + i * i}) for i in range(6)])
        assert check_card(hub, swinging)["complete"]
        with pytest.raises(InputError, match="images of each other"):
            augment(hub, describe(hub, swinging), "T", 1)
