"""Ctrl-C in a discovery: exit code 130, and what was found is kept as interrupted."""

import json
import signal
from typing import Any

import numpy as np
import pytest

from dimgs import Law
from tests.cli.runner import Shell
from tests.forked import start

FOUND = "the power law is fitted"


def noisy(shell: Shell) -> str:
    """Two responses in which there is always more to look for."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.5, 3.0, (2, 60))
    noise = np.exp(0.3 * rng.normal(size=(2, 60)))
    rows = np.column_stack([x, y, (x + 2 * y) * noise[0], (2 * x + y) * noise[1]])
    return shell.table("x [m],y [m],z [m],w [m]", rows.tolist())


def interrupted(*arguments: str, at: str = FOUND) -> tuple[int, str, str]:
    """Exit code and output of a command that is sent SIGINT when it has printed some words."""
    process = start(*arguments)
    assert process.stderr is not None
    told = ""
    for line in process.stderr:
        told += line
        if at in line:
            process.send_signal(signal.SIGINT)
            break
    out, rest = process.communicate()
    assert at in told, told + rest
    return process.wait(), out, told + rest


@pytest.mark.parametrize("more", [(), ("--scale", "auto"), ("--target", "w")])
def test_ctrl_c_keeps_what_was_found(more: tuple[str, ...], shell: Shell) -> None:
    table, folder = noisy(shell), shell.folder / "study"
    asked: tuple[Any, ...] = ("discover", table, "--target", "z", *more, "--drop", "w")
    if "w" in more:
        asked = asked[:-2]
    code, out, told = interrupted(
        *asked, "--engine", "structured", "--time-limit", "100000", "--out", str(folder), "--json"
    )
    assert code == 130, told
    assert told.splitlines()[-1] == "interrupted"
    assert "Traceback" not in told
    document = json.loads(out)
    # of several targets those that had their turn
    document = document["results"][0] if "results" in document else document
    kept = folder / "z" if "w" in more else folder
    assert json.loads((kept / "report.json").read_text(encoding="utf-8")) == document
    assert document["outcome"] == "interrupted"
    assert document["confirmed"] is False
    assert document["why_not"][0].startswith("Interrupted during")
    assert str(Law.from_json(kept / "law.json").expression) == document["law"]["expression"]
    assert not (folder / "w").exists()


def test_ctrl_c_while_the_study_is_written_waits_for_it(shell: Shell) -> None:
    folder = shell.folder / "study"
    code, _, told = interrupted(
        "discover", shell.pendulum(), "--target", "T", "--constants", "g", "--engine", "power_law",
        "--out", str(folder), "--json",
        at="warning: 'm' takes no part",
    )  # fmt: skip
    assert code == 130, told
    assert "is being written" in told
    document = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert document["outcome"] == "converged"
    assert (folder / "law.json").exists()
    assert any((folder / "figures").iterdir())
