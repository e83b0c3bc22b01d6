"""The benchmark of many writers, for a few seconds."""

import pytest

from case_studies.benchmarks import hub_writers


@pytest.mark.slow
def test_nothing_is_lost_when_the_server_is_killed(capsys: pytest.CaptureFixture[str]) -> None:
    assert hub_writers.main(["--clients", "3", "--seconds", "12", "--kills", "2"]) == 0
    printed = capsys.readouterr().out
    assert "lost: 0; more than told: 0" in printed
    assert int(printed.split()[0]) > 3
