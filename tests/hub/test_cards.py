"""Cards that tell every dimensional constant of a kernel, and cards that do not."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dimgs.common.errors import InputError
from dimgs.hub import Hub
from dimgs.hub.cards import check_card
from dimgs.kernels import BaseKernel, Port


class Pendulum(BaseKernel):
    """It hides the acceleration of gravity."""

    name, version = "pendulum", "1"
    inputs: tuple[Port, ...] = (
        Port("l", "cm", low=1.0, high=1e4),
        Port("angle", "degree", default=5.0),
    )
    outputs = (Port("T", "ms"),)

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any]:
        return {"T": 2e3 * 3.141592653589793 * (values["l"] / 100.0 / 9.81) ** 0.5}


class Whole(Pendulum):
    """It takes gravity as an input."""

    name = "whole"
    inputs = (*Pendulum.inputs, Port("g", "m/s^2", low=0.1, high=1e3))

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any]:
        return {"T": 2e3 * 3.141592653589793 * (values["l"] / 100.0 / values["g"]) ** 0.5}


def test_an_undeclared_constant_is_detected(tmp_path: Path) -> None:
    with Hub(tmp_path / "hub.sqlite", user="anna") as hub:
        check = check_card(hub, Pendulum())
        assert (check["complete"], [i["agrees"] for i in check["images"]]) == (False, [False] * 3)
        assert hub.get(check["card"])["content"]["complete"] is False
        card = hub.get(check["card"])["content"]
        card["constants"] = {"g": {"value": 9.81, "unit": "m/s^2"}}
        declared = hub.add({"kind": "card", **card})
        again = check_card(hub, Pendulum())
        assert again["complete"]
        complete = hub.get(again["card"])
        assert complete["content"]["complete"] is True
        assert complete["content"]["constants"] == card["constants"]
        assert hub.get(declared)["superseded_by"] == [again["card"]]
        assert hub.query("pendulum")["count"] >= 4
        rests = {link["to"] for link in complete["links"] if link["type"] == "derived"}
        assert len(rests) == 4
        for image in again["images"]:
            assert image["found"]["T"]["value"] == pytest.approx(image["predicted"]["T"]["value"])
        # they are of other sizes, not the same run
        assert len({round(image["inputs"]["l"]["value"], 6) for image in again["images"]}) == 3


def test_a_kernel_without_hidden_constants_is_complete(tmp_path: Path) -> None:
    with Hub(tmp_path / "hub.sqlite", user="anna") as hub:
        assert check_card(hub, Whole())["complete"]
        assert check_card(hub, Whole(), seed=3)["complete"]


def test_what_cannot_be_tried_is_reported(tmp_path: Path) -> None:
    class Bare(Whole):
        name = "bare"
        inputs = (Port("l", "cm"), Port("g", "m/s^2"))

    class Narrow(Whole):
        name = "narrow"
        inputs = (Port("l", "cm", low=1.0, high=1.01), Port("g", "m/s^2", low=9.0, high=9.1))

    with Hub(tmp_path / "hub.sqlite", user="anna") as hub:
        with pytest.raises(
            InputError, match=r"needs the inputs 'l' in cm, 'g' in m/s\^2.* successful run"
        ):
            check_card(hub, Bare())
        with pytest.raises(InputError, match="leave no room"):
            check_card(hub, Narrow())
        constants = {"g": {"value": 9.81, "unit": "m/s^2"}, "L": {"value": 1, "unit": "m"}}
        hub.add({"kind": "card", "kernel": "whole", "constants": constants})
        with pytest.raises(InputError, match="no dimension that can be scaled"):
            check_card(hub, Whole())
