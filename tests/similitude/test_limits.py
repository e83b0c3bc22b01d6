"""Known limits carry an answer to where no run is, once somebody has reviewed them."""

from pathlib import Path
from typing import Any

import pytest

from dimgs.ask import ask
from dimgs.common.errors import InputError
from dimgs.hub import Hub
from dimgs.hub.accounts import set_user
from tests.similitude.films import Cooling, filled

# the drop is dT Fo/(1 + Fo): it grows as t where the Fourier number is small, and then no more
LIMIT = {"kind": "limit", "kernel": "cooling", "target": "drop", "group": "a*t/r^2", "input": "t"}
SMALL: dict[str, Any] = {**LIMIT, "at": 0, "exponent": 1, "beyond": 0.03, "miss": 0.03}
LARGE: dict[str, Any] = {**LIMIT, "at": "inf", "exponent": 0, "beyond": 30, "miss": 0.03}


def beyond(t: float) -> dict[str, Any]:
    return {"a": 1.0, "r": 1.0, "t": t, "dT": 20.0}


@pytest.mark.parametrize(("limit", "t"), [(SMALL, 1e-4), (LARGE, 1e4)])
def test_a_reviewed_limit_answers_beyond_the_runs(
    tmp_path: Path, limit: dict[str, Any], t: float
) -> None:
    known = Cooling()
    fresh = known.run(beyond(t)).outputs["drop"][0]
    with Hub(tmp_path, user="anna") as hub:
        filled(hub, 30)
        before = ask("drop", beyond(t), hub, kernel=known, tolerance=0.2)
        assert before.value is None
        kept = hub.add(limit)
        assert ask("drop", beyond(t), hub, kernel=known, tolerance=0.2).value is None
        set_user(hub.database, "eve", "reviewer")
        hub.for_user("eve").review(kept, "accept", "By the short-time solution.")
        answer = ask("drop", beyond(t), hub, kernel=known, tolerance=0.2)
        assert answer.how == "near"
        assert answer.value == pytest.approx(fresh, rel=0.1)
        assert answer.low <= fresh <= answer.high
        assert {"kind": "limit", "id": kept, "distance": None, "weight": None} in answer.evidence
        # of another target it tells nothing
        assert ask("flux", beyond(t), hub, kernel=known, tolerance=0.2).value is None


def test_a_limit_leaves_alone_what_the_runs_tell(tmp_path: Path) -> None:
    known = Cooling()
    with Hub(tmp_path, user="anna") as hub:
        filled(hub, 30)
        before = ask("drop", beyond(1.0), hub, kernel=known, tolerance=1.0)
        set_user(hub.database, "eve", "reviewer")
        hub.for_user("eve").review(hub.add(SMALL), "accept")
        after = ask("drop", beyond(1.0), hub, kernel=known, tolerance=1.0)
        assert after.value == pytest.approx(before.value, rel=1e-3)
        with pytest.raises(InputError, match="limit cannot be used"):
            hub.add({**SMALL, "beyond": -1.0})
