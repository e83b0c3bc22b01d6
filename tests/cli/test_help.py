"""`dimgs help` explains commands and words."""

import json
import re

import pytest

from dimgs.cli.app import run
from dimgs.common.formats import shipped


def test_words_are_explained_one_by_one_or_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["help", "words", "--json"]) == 0
    words = json.loads(capsys.readouterr().out)["words"]
    assert words == shipped("dimgs.cli", "words.toml")
    assert {"contrast", "pertinence", "surrogate", "regime", "domain"} <= set(words)
    assert run(["help", "Regime"]) == 0
    assert "exponents are constant" in capsys.readouterr().out
    assert run(["help", "regimen"]) == 2
    assert "regime" in capsys.readouterr().err


def test_a_command_is_explained_as_by_its_own_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["help", "fit", "--json"]) == 0
    text = json.loads(capsys.readouterr().out)["help"]
    assert run(["fit", "--help"]) == 0
    expected = capsys.readouterr().out

    def plain(shown: str) -> set[str]:
        return set(re.findall(r"--[a-z-]+", shown))

    assert plain(text) == plain(expected)
    assert run(["help"]) == 0
    assert "discover" in capsys.readouterr().out
