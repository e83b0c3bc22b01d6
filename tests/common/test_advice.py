"""Advice is a value, and every surface words it by its own controls."""

import re
from pathlib import Path
from threading import Thread

import pytest

from dimgs.agent.arguments import in_arguments
from dimgs.agent.context import ToolContext
from dimgs.agent.tools import each
from dimgs.cli.app import run
from dimgs.common.advice import (
    Act,
    Advice,
    Setting,
    Step,
    flag,
    on_the_command_line,
    setting,
    worded,
)
from dimgs.common.errors import DimgsError
from dimgs.discovery.options import options_by_name
from dimgs.web.app import in_the_browser
from dimgs.web.studio import Workbench, workbench_view

_FLAG = re.compile(r"(?<![\w-])--[a-z]|\bdimgs (?:hub|run|fit|pi|discover)\b")
_EVERY: list[Advice] = [
    *(setting(name) for name in options_by_name()),
    *(setting(name, "a", "b") for name in ("scales", "constants", "columns", "within")),
    *(setting(name) for name in ("hub", "resume", "out", "stream", "chunk_rows", "repeating")),
    *(Act(step, "4f2a") for step in Step),
]


@pytest.mark.parametrize("advice", _EVERY, ids=str)
def test_no_surface_but_the_command_line_speaks_of_flags(advice: Advice) -> None:
    assert _FLAG.search(on_the_command_line(advice))
    for words in (in_the_browser, in_arguments):
        assert words(advice)
        assert not _FLAG.search(words(advice))


@pytest.mark.parametrize("option", sorted(options_by_name()))
def test_options_are_called_what_the_command_line_calls_them(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # an option that is known, without its value
    run(["discover", "no.csv", flag(option)])
    assert "No such option" not in capsys.readouterr().err


def test_words_hold_inside_their_block_and_their_thread() -> None:
    said = []
    with worded(in_arguments):
        said.append(str(setting("robust")))
        other = Thread(target=lambda: said.append(str(setting("robust"))))
        other.start()
        other.join()
    assert said == ["'options' {\"robust\": true}", "--robust"]
    assert str(Setting("robust")) == "--robust"


# a pendulum without gravity, a mass that matters, labels, a unit that is doubtful, a blank cell
TABLES = {
    "pendulum": "L [m],T [s]\n" + "\n".join(f"{x},{2 * x**0.5:.6f}" for x in (1, 2, 3, 4, 5, 6)),
    "labels": "L [m],H [m],rig,T [m]\n"
    + "\n".join(f"{x},{1 + x % 3},{'ab'[x % 2]},{2 * x**2:.6f}" for x in range(1, 9)),
    "blank": "L [m],T [m]\n1,2\n,3\n3,4\n4,5\n",
    "negative": "L [m],T [m]\n1,2\n-2,3\n3,4\n4,5\n",
    "monomial": "L [m],T [m]\n" + "\n".join(f"{x},{2 * x**0.4:.6f}" for x in range(1, 12)),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_workbench_speaks_of_its_controls(tmp_path: Path, name: str) -> None:
    table = tmp_path / f"{name}.csv"
    table.write_text(TABLES[name])
    workbench, messages = Workbench(tmp_path), list[str]()
    with worded(in_the_browser):
        sheet = workbench.open(table)
        sheet.choose([("target", "T"), ("input", "L"), ("input", "H")])
        view = workbench_view(sheet)
        messages += [
            view["problem"],
            *view["notes"],
            *(d for c in view["columns"] for d in c.doubts),
        ]
        try:
            sheet.fit()
        except DimgsError as error:
            messages.append(str(error))
        messages += [] if sheet.study is None else sheet.study.report.warnings
    assert any(messages)
    assert not [text for text in messages if _FLAG.search(text)]
    if name == "pendulum":
        assert "“Known constants”: g" in view["problem"]


@pytest.mark.parametrize("name", TABLES)
def test_a_model_reads_of_arguments_that_its_tools_take(name: str) -> None:
    tools, messages = each(ToolContext()), list[str]()
    for tool in ("read_table", "pi_groups"):
        asked = {} if tool == "read_table" else {"target": "T"}
        try:
            answer = tools[tool](table=TABLES[name], **asked)
            messages += [*answer.get("warnings", ()), *answer.get("suggestions", ())]
        except DimgsError as error:
            messages.append(str(error))
    assert not [text for text in messages if _FLAG.search(text)]
    if name == "pendulum":
        assert any("'constants' [\"g\"]" in text for text in messages)


def test_tools_take_what_the_command_line_takes() -> None:
    tools = each(ToolContext())
    listed = tools["pi_groups"](variables=["rho [kg/m^3]", "U [m/s]"], target="dp [Pa]")
    assert listed["response"]["exponents"] == {"dp": "1", "rho": "-1", "U": "-2"}
    auto = tools["pi_groups"](table=TABLES["pendulum"], target="T", scales=["auto"])
    assert len(auto["groups"]) == 1
    dropped = tools["pi_groups"](table=TABLES["labels"], target="T", options={"drop": ["H"]})
    assert [g["exponents"] for g in dropped["groups"]] == []
    with pytest.raises(DimgsError, match="'options' has no 'colour'"):
        tools["pi_groups"](table=TABLES["labels"], target="T", options={"colour": 1})
    with pytest.raises(DimgsError, match="'scales' is an argument of its own"):
        tools["pi_groups"](table=TABLES["labels"], target="T", options={"scales": "auto"})
    with pytest.raises(DimgsError, match="list of limits here"):
        tools["pi_groups"](table=TABLES["labels"], options={"limits": "/etc/passwd"})
