"""Questions that the server answers, so that no run travels to whoever asks."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from shutil import copy
from typing import Any

import pytest

from dimgs.ask import ask
from dimgs.common.errors import InputError
from dimgs.hub import Hub
from dimgs.hub.cards import check_card
from dimgs.hub.hub import RemoteHub
from dimgs.hub.permissions import ROLES
from dimgs.kernels.diffusion import DiffusionSeries
from tests.web.conftest import BASE, Asking

FILM: dict[str, Any] = {
    "D": (1e-14, "m^2/s"), "l": (0.1, "mm"), "t": (10.0, "day"), "K": 1.0, "h": (1e-8, "m/s"),
    "C0": 1.0, "A": (6.0, "dm^2"), "V": (1.0, "l"),
}  # fmt: skip
THICK: dict[str, Any] = {
    **FILM, "l": (0.2, "mm"), "t": (40.0, "day"), "h": (5e-9, "m/s"), "A": (24.0, "dm^2"),
    "V": (8.0, "l"),
}  # fmt: skip
TEXTS = {n: f"{q[0]} {q[1]}" for n, q in THICK.items() if isinstance(q, tuple)} | {
    "K": "1", "C0": "1 kg/m^3",
}  # fmt: skip
KERNEL = "diffusion-series"


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub with the run of a film, and with images of it."""
    path = tmp_path_factory.mktemp("answered") / "group.sqlite"
    with Hub(path, user="anna") as hub:
        for role in ROLES:
            hub.set_user(role, role)
        ask("CF", FILM, hub, kernel=KERNEL, run=True)
        assert check_card(hub, DiffusionSeries())["complete"]
    return path


@pytest.fixture
def hub(answered: Path, tmp_path: Path) -> Iterator[Hub]:
    with Hub(copy(answered, tmp_path), user="anna") as hub:
        yield hub


@pytest.fixture
def filled(hub: Hub) -> Hub:
    return hub


@pytest.fixture
def remote(
    filled: Hub, program: Asking, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[RemoteHub, list[str]]]:
    """A hub behind a server for a contributor, and the paths that were asked of it."""
    client = program("contributor")
    asked: list[str] = []
    send = client.request

    def noting(method: str, url: str, **more: Any) -> Any:
        asked.append(f"{method} {url.removeprefix(BASE)}")
        return send(method, url, **more)

    monkeypatch.setattr(client, "request", noting)
    with ExitStack() as stack:
        yield stack.enter_context(RemoteHub(BASE, client=client)), asked


def test_an_answer_is_that_of_the_hub_itself_and_no_run_travels(
    filled: Hub, remote: tuple[RemoteHub, list[str]]
) -> None:
    there, asked = remote
    curve = "D=1e-14 m^2/s, l=0.2 mm, t=10..40 day, K=1, h=5e-9 m/s, C0=1 kg/m^3, A=24 dm^2, V=8 l"
    for at in (FILM, THICK, curve):
        here = ask("CF", at, filled, kernel=KERNEL)
        assert ask("CF", at, there, kernel=KERNEL) == here
    assert "POST /api/v1/asks" in asked
    assert not any(path.startswith("GET /api/v1/runs") for path in asked)


def test_runs_are_made_where_they_were_asked_for_and_kept_there(
    filled: Hub, remote: tuple[RemoteHub, list[str]]
) -> None:
    there, asked = remote
    late = {**FILM, "t": (900.0, "day")}
    open_ = ask("CF", late, there, kernel=KERNEL)
    assert (open_.value, open_.how) == (None, "campaign")
    before = filled.query(KERNEL)["count"]
    made = ask("CF", late, there, kernel=KERNEL, run=True)
    assert made.how == "campaign"
    assert made.value is not None
    assert filled.query(KERNEL)["count"] > before
    assert not any(path.startswith("GET /api/v1/runs") for path in asked)
    assert ask("CF", late, there, kernel=KERNEL).how == "run"


def test_a_kernel_that_only_the_asker_has_is_answered_by_the_asker(
    filled: Hub, remote: tuple[RemoteHub, list[str]]
) -> None:
    there, asked = remote
    answer = ask("CF", THICK, there, kernel=DiffusionSeries())
    assert answer.how == "similitude"
    assert any(path.startswith("GET /api/v1/runs") for path in asked)


def test_a_question_that_cannot_be_answered_is_refused_in_a_sentence(
    anybody: Any, filled: Hub
) -> None:
    body = {"target": "CF", "kernel": KERNEL, "at": {"D": [1e-14, "m^2/s"]}}
    refused = anybody.post("/api/v1/asks", json={**body, "at": {"D": [1e-14, "m"]}})
    assert refused.status_code == 400
    assert "m^2/s" in refused.json()["error"]
    open_ = anybody.post("/api/v1/asks", json=body)
    assert open_.status_code == 200
    assert any("the input 'l'" in text for text in open_.json()["missing"])
    # no file of the server is loaded as a kernel
    away = anybody.post("/api/v1/asks", json={**body, "kernel": "somewhere/kernel.py:film"})
    assert away.status_code == 400
    with pytest.raises(InputError):
        ask("CF", THICK, filled, kernel="somewhere/kernel.py:film", load=False)


def test_inputs_are_quantities_in_every_form(anybody: Any, filled: Hub) -> None:
    body = {"target": "CF", "kernel": KERNEL}
    same = [
        anybody.post("/api/v1/asks", json={**body, "at": {**TEXTS, "l": l}}).json()
        for l in ("0.2 mm", [0.2, "mm"], {"value": 0.2, "unit": "mm"}, [2e-4, None])
    ]
    assert same[0]["how"] == "similitude"
    assert all(answer == same[0] for answer in same)
    spread = anybody.post("/api/v1/asks", json={**body, "at": {**TEXTS, "l": "0.2 mm ± 1 %"}})
    assert any("gives bounds" in a["source"] for a in spread.json()["assumptions"])
    for l, why in (("0.2 mm (4 mil)", "brackets"), ({"value": 0.2, "units": "mm"}, "'units'")):
        refused = anybody.post("/api/v1/asks", json={**body, "at": {**TEXTS, "l": l}})
        assert refused.status_code == 400
        assert why in refused.json()["error"]
