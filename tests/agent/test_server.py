"""The tools through the SDK's own client: schemas, results, refusals, limits, cancellation."""

import asyncio
import json
import math
import re
import time
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from mcp import Client, MCPError

from dimgs.agent.context import ToolContext
from dimgs.agent.server import make_server
from dimgs.agent.tools import TOOLS, Tools, each
from dimgs.common.errors import InputError
from dimgs.hub import Hub
from dimgs.hub.jobs import AgentPolicy, Policy
from tests.agent.conftest import POINT, RUN, TABLE, Call, dumped, run_jobs, talk

MOST_TOKENS = 3000


def listed(server: Any) -> list[dict[str, Any]]:
    tools_listed: list[dict[str, Any]] = []

    async def script(client: Client, call: Call) -> None:
        tools = (await client.list_tools()).tools
        tools_listed.extend(t.model_dump(by_alias=True, exclude_none=True) for t in tools)

    talk(server, script)
    return tools_listed


def test_the_tools_are_those_of_the_contract_and_few_words_describe_them(
    context: ToolContext,
) -> None:
    tools = listed(make_server(context))
    assert tuple(t["name"] for t in tools) == tuple(TOOLS)
    # what a model is shown; no tokenizer splits words into more than pieces of four letters
    read = [{k: t[k] for k in ("name", "description", "inputSchema")} for t in tools]
    text = json.dumps(read, ensure_ascii=False)
    assert len(re.findall(r"\w{1,4}|[^\w\s]", text)) < MOST_TOKENS
    # with the schemas of the results too, at 3.5 letters a token, as JSON has them
    assert len(json.dumps(tools, ensure_ascii=False, separators=(",", ":"))) / 3.5 < MOST_TOKENS
    for tool in tools:
        assert tool["outputSchema"]["type"] == "object"
        assert tool["annotations"] in ({"readOnlyHint": True}, {"destructiveHint": False})
        for schema in (tool["inputSchema"], tool["outputSchema"]):
            Draft202012Validator.check_schema(schema)


def test_every_result_is_of_its_schema(context: ToolContext, hub: Hub) -> None:
    server = make_server(context)
    schemas = {t["name"]: t["outputSchema"] for t in listed(server)}
    seen = set()

    async def script(client: Client, call: Call) -> None:
        async def good(name: str, /, **arguments: Any) -> Any:
            result = await call(name, **arguments)
            assert not result.failed, result.text
            Draft202012Validator(schemas[name]).validate(result.document)
            dumped(result.document)
            seen.add(name)
            return result.document

        kernels = await good("describe_kernels")
        assert "diffusion-series" in {k["name"] for k in kernels["kernels"]}
        card = (await good("describe_kernels", name="diffusion-series"))["kernels"][0]
        assert card["inputs"]["l"]["unit"] == "m"
        assert (await good("read_table"))["tables"] == ["pendulum.csv"]
        table = await good("read_table", table="pendulum.csv")
        assert [c["unit"] for c in table["columns"]] == ["m", "s"]
        groups = await good("pi_groups", table=TABLE, target="T", constants=["g"])
        assert groups["response"]["exponents"] == {"T": "1", "g": "1/2", "L": "-1/2"}
        law = await good("discover_law", table="pendulum.csv", target="T", constants=["g"])
        assert law["hub"]["runs"] == 8
        at = [{"L": "0.5 m"}, {"L": {"value": 500, "unit": "mm"}}]
        rows = (await good("predict", law=law["law"], at=at))["rows"]
        assert rows[0]["value"] == pytest.approx(rows[1]["value"], rel=1e-12)
        assert rows[0]["low"] < 2.0064 * 0.5**0.5 < rows[0]["high"]
        assert (await good("explain", id=law["law"]))["evidence"]["nodes"]
        assert (await good("explain", id=law["study"]))["kind"] == "study"
        await check_resources(client, law["study"])
        plan = await good("plan_campaign", **RUN)
        assert plan["runs"] == {"series": 1}
        assert not plan["needs_approval"]
        job = await good("start_campaign", plan=plan["plan"])
        assert job["state"] == "waiting"
        # asked for twice, it is run once
        assert (await good("start_campaign", plan=plan["plan"]))["job"] == job["job"]
        await asyncio.to_thread(run_jobs, hub)
        state = await good("job_status", job=job["job"])
        assert state["state"] == "done"
        value = state["runs"][0]["outputs"]["CF"]
        answer = await good("ask", **RUN)
        assert answer["how"] == "run"
        assert answer["answer"]["value"] == value["value"]
        runs = await good("search_hub", kind="run", where=["l=79..81 µm"])
        assert runs["runs"][0]["outputs"]["CF"] == value
        assert (await good("search_hub", kind="law"))["count"] == 1
        draft = await good("propose_entry", kind="limit", content={"target": "CF", "text": "0"})
        assert hub.get(draft["id"])["kind"] == "annotation"

    talk(server, script)
    assert seen == set(TOOLS)


@pytest.mark.parametrize(
    ("name", "arguments", "what"),
    [
        ("predict", {"lw": "x"}, "did you mean 'law'"),
        ("predict", {"law": "x"}, "needs 'at'"),
        ("predict", {"law": "12345678", "at": {"l": "1 m"}}, "There is no entry"),
        ("read_table", {"table": "../secret.csv"}, "without '..'"),
        ("read_table", {"table": "a,b\n1,2\n"}, "unit"),
        ("describe_kernels", {"name": "os:system"}, "The policy lists no kernel"),
        ("plan_campaign", {**RUN, "kernel": "somewhere/x.py:f"}, "The policy lists no kernel"),
        ("plan_campaign", {**RUN, "target": "C_F"}, "it has CF"),
        ("plan_campaign", {**RUN, "at": {"D": "1 m/s"}}, "give that dimension"),
        ("plan_campaign", {**RUN, "at": {"D": "-1 m^2/s"}}, "lies outside the range of"),
        ("plan_campaign", {**RUN, "at": {"D": "1e-14 m^2/s"}},
         "needs the inputs 'l' in m, 't' in s"),
        ("plan_campaign", {**RUN, "at": {**POINT, "x": 1}}, "no input 'x'"),
        ("plan_campaign", {**RUN, "at": {}, "ranges": {"t": "1-9 d"}}, "write it as"),
        ("plan_campaign", {**RUN, "at": {}, "ranges": {"t": "1..9 day"}},
         "needs the input"),
        ("plan_campaign", {**RUN, "runs": 0}, "greater than or equal to 1"),
        ("start_campaign", {"plan": "1234"}, "is not an id"),
        ("search_hub", {"kind": "laws"}, "there are question"),
        ("predict", {"law": "1234", "at": {"l": "1 m"}}, "is not an id"),
        ("ask", {"target": "CF", "at": POINT}, "either 'kernel' or 'physics'"),
        ("ask", {**RUN, "kernel": "somewhere/x.py:f"}, "x.py"),
        ("pi_groups", {}, "either a table or variables"),
        ("propose_entry", {"kind": "law", "content": {"taget": "CF"}}, "did you mean 'target'"),
        ("propose_entry", {"kind": "review", "content": {}}, "'question'"),
        ("propose_entry", {"kind": "annotation", "content": {"type": "dispute", "text": "x"}},
         "ask a person to dispute"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_where_and_what_to_do(
    context: ToolContext, name: str, arguments: dict[str, Any], what: str
) -> None:
    async def script(client: Client, call: Call) -> None:
        result = await call(name, **arguments)
        assert result.failed
        assert re.search(what, result.text), result.text
        assert "Traceback" not in result.text
        assert "\n" not in result.text

    talk(make_server(context), script)


KERNELS = """
from dimgs.kernels import kernel

@kernel(inputs={"L": "m", "dT": "K"}, outputs={"w": "m"})
def rod(L, dT):
    return 1e-5 * L * dT
"""


def test_a_prediction_holds_for_the_interval_that_a_person_writes(
    context: ToolContext, hub: Hub
) -> None:
    import dimgs

    table = {"L [m]": [0.1, 0.2, 0.4, 0.8, 1.6], "T [s]": [0.635, 0.898, 1.267, 1.796, 2.536]}
    fitted = dimgs.fit(table, "T", constants=["g"]).law
    law = hub.add({"kind": "law", "law": fitted.to_json()})
    tools = each(context)

    def rows(*at: Any) -> Any:
        return tools["predict"](law=law, at=[{"L": one} for one in at])["rows"]

    middle, low, high = rows("300 mm", "280 mm", "320 mm")
    ends = {"value": 300, "unit": "mm", "low": 280, "high": 320}
    for written in ("300 ± 20 mm", "(300 ± 20) mm", ends):
        (row,) = rows(written)
        assert row["value"] == pytest.approx(middle["value"], rel=1e-12)
        assert row["low"] == pytest.approx(low["low"], rel=1e-9)
        assert row["high"] == pytest.approx(high["high"], rel=1e-9)
    doubts = tools["predict"](law=law, at={"L": "300 ± 20 mm"})["doubts"]
    assert any("gives bounds" in doubt for doubt in doubts)
    for written in ("300 mm (12 in)", "280–320 mm", {"value": 1, "unit": "m", "err": 2}):
        with pytest.raises(InputError, match="'L'"):
            rows(written)
    with pytest.raises(InputError, match="no input 'mass'"):
        tools["predict"](law=law, at={"L": "300 mm", "mass": "2 kg"})


def test_frequencies_of_two_conventions_are_doubted_from_the_table_to_the_prediction(
    context: ToolContext,
) -> None:
    rows = [(f, 9.0 / f, 60.0 * f) for f in (20.0, 30.0, 50.0, 80.0, 120.0, 200.0)]
    lines = [f"{f},{wave},{n}" for f, wave, n in rows]
    table = "f [Hz],w [m],n [rpm]\n" + "\n".join(lines)

    async def script(client: Client, call: Call) -> None:
        read = (await call("read_table", table=table)).document
        assert any("'f' [Hz] counts cycles" in doubt for doubt in read["warnings"]), read
        discovered = (await call("discover_law", table=table, target="w", columns=["f"],
                            constants=["c"], seconds=1.0)).document  # fmt: skip
        for at, doubted in (("50 Hz", False), ("0.05 kHz", False), ("3000 rpm", True)):
            prediction = (await call("predict", law=discovered["law"], at={"f": at})).document
            said = any("60 rpm are 1 Hz" in doubt for doubt in prediction["doubts"])
            assert said == doubted, (at, prediction["doubts"])

    talk(make_server(context), script)


def test_a_kernel_of_a_file_goes_by_its_own_name_and_runs_as_a_job(
    hub: Hub, tmp_path: Path
) -> None:
    from dimgs.hub.jobs import work

    file = tmp_path / "kernels.py"
    file.write_text(KERNELS, encoding="utf-8")
    policy = Policy(kernels=[f"{file}:rod", "diffusion"], agent=AgentPolicy(worker=False))
    context = ToolContext(hub.for_agent(), policy, None)
    tools = each(context)
    assert tools["describe_kernels"](name="rod")["kernels"][0]["usable"]
    asked = {"kernel": "rod", "target": "w", "at": {"L": "2 m", "dT": {"value": "30", "unit": "K"}}}
    plan = tools["plan_campaign"](**asked)
    job = tools["start_campaign"](plan=plan["plan"])["job"]
    assert work(hub, policy, once=True).done == 1, tools["job_status"](job=job)
    answer = tools["ask"](**asked, unit="mm")
    assert answer["answer"]["value"] == pytest.approx(0.6, rel=1e-12)
    curve = tools["ask"](**{**asked, "at": {"L": "1..3 m", "dT": "30 K"}}, unit="mm")
    assert curve["answer"] is None or curve["answer"]["over"]["input"] == "L"
    with pytest.raises(Exception, match="one number is needed"):
        tools["plan_campaign"](**{**asked, "at": {"L": "1..3 m", "dT": "30 K"}})
    with pytest.raises(Exception, match="which is no 'kg'"):
        tools["ask"](**asked, unit="kg")
    # by its name it is a difference, which forty degrees Celsius are not
    with pytest.raises(InputError, match="a difference by its name"):
        tools["ask"](**{**asked, "at": {"L": "2 m", "dT": "40 degC"}})
    missing = tools["ask"](**{**asked, "at": {"L": "2 m"}})
    assert missing["missing"]
    assert "--" not in str(missing)
    assert tools["search_hub"](kind="run", kernel="rod")["count"] == 1
    context.close()


def test_a_law_that_was_not_confirmed_says_so_with_every_value(context: ToolContext) -> None:
    rng = [0.3, 1.7, 0.4, 1.1, 2.3, 0.9, 1.3, 0.6, 2.9, 0.5]
    noise = "u [m],w [m]\n" + "\n".join(f"{1 + k * 0.3},{x}" for k, x in enumerate(rng))
    tools = each(context)
    law = tools["discover_law"](table=noise, target="w", seconds=0.5)
    assert not law["confirmed"]
    prediction = tools["predict"](law=law["law"], at={"u": "2 m"}, unit="mm")
    assert prediction["confirmed"] is False
    assert prediction["doubts"] == law["why_not"]
    assert (
        prediction["rows"][0]["low"]
        < prediction["rows"][0]["value"]
        < prediction["rows"][0]["high"]
    )


def test_what_costs_too_much_waits_for_a_person(hub: Hub, workspace: Path) -> None:
    policy = Policy(agent=AgentPolicy(worker=False, approve_above=1.0))
    context = ToolContext(hub.for_agent(), policy, workspace)
    tools = Tools(context)
    plan = tools.plan_campaign(**RUN)
    assert plan["needs_approval"]
    job = tools.start_campaign(str(plan["plan"]))
    assert job["state"] == "needs approval"
    assert job["approve"] == f"dimgs hub approve {job['job'][:12]}"
    from dimgs.hub.jobs import work

    assert work(hub, policy, once=True).done == 0
    with pytest.raises(Exception, match="agent cannot approve"):
        context.hub.approve(job["job"])
    hub.approve(job["job"])
    assert tools.job_status(job["job"])["state"] == "waiting"
    assert work(hub, policy, once=True).done == 1
    assert tools.job_status(job["job"])["state"] == "done"
    context.close()


def test_a_kernel_that_the_policy_does_not_list_does_not_run(hub: Hub) -> None:
    context = ToolContext(hub.for_agent(), Policy(kernels=["diffusion"]), None)
    tools = Tools(context)
    assert [k["name"] for k in tools.describe_kernels()["kernels"]] == ["diffusion"]
    # a plan of somebody else, or of an earlier policy, is no way round
    content = {"kernel": "diffusion-series", "target": "CF", "at": {}, "seconds": 5}
    plan = hub.add({"kind": "protocol", "kernel": "diffusion-series", "plan": content})
    with pytest.raises(Exception, match="The policy lists no kernel"):
        tools.start_campaign(plan)
    context.close()


def test_a_search_that_nobody_waits_for_ends(
    context: ToolContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess

    made: list[subprocess.Popen[str]] = []

    class Kept(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            made.append(self)

    monkeypatch.setattr(subprocess, "Popen", Kept)
    heard: list[str] = []

    async def script(client: Client, call: Call) -> None:
        async def hear(progress: float, total: float | None, message: str | None) -> None:
            heard.append(message or "")

        noise = "a [m],b [s],y [kg]\n" + "\n".join(
            f"{1 + k * 0.37 % 1},{1 + k * 0.73 % 1},{1 + k * 0.51 % 1}" for k in range(200)
        )
        asked = {"table": noise, "target": "y", "scales": ["M [kg]"], "seconds": 20}
        task = asyncio.ensure_future(
            client.call_tool("discover_law", asked, progress_callback=hear)
        )
        while not heard:
            await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        begun = time.monotonic()
        while made[0].poll() is None:
            assert time.monotonic() - begun < 10
            await asyncio.sleep(0.05)

    talk(make_server(context), script)
    assert heard[0] == "reading the table"


async def check_resources(client: Client, study: str) -> None:
    """Everything that is listed can be read, and nothing else."""

    async def read(address: str) -> str:
        return str((await client.read_resource(address)).contents[0].text)  # type: ignore[union-attr]

    addresses = json.loads(await read("dimgs://contents"))["addresses"]
    assert {"dimgs://cards/diffusion", "dimgs://tables/pendulum.csv"} <= set(addresses)
    figures = [a for a in addresses if "figures" in a]
    laws = [a for a in addresses if "laws" in a]
    for address in [figures[0], laws[0], f"dimgs://reports/{study}", *addresses[:2]]:
        assert len(await read(address)) > 100
    for bad in (
        "dimgs://tables/../secret.csv",
        "dimgs://tables/%2e%2e/secret.csv",
        "dimgs://reports/none",
        "dimgs://figures/../none",
        "dimgs://cards/os:system",
    ):
        with pytest.raises(MCPError):
            await read(bad)


def test_prompts(context: ToolContext) -> None:
    async def script(client: Client, call: Call) -> None:
        prompts = (await client.list_prompts()).prompts
        assert {p.title for p in prompts} == {"Find a law in this table", "How far will it migrate"}
        asked = await client.get_prompt("find_a_law", {"table": "t.csv", "target": "T"})
        assert "t.csv" in asked.messages[0].content.text  # type: ignore[union-attr]

    talk(make_server(context), script)


@pytest.mark.slow
def test_the_rivals_of_a_law_and_the_runs_that_would_decide_are_reported(
    context: ToolContext,
) -> None:
    lines = ["x [m],d [m],y [m]"]
    for k in range(14):
        x, d = 1 + (0.37 * k) % 1, 1 + (0.21 * k) % 0.5
        lines.append(f"{x},{d},{math.tanh(x / d) * d * (1 + 0.03 * math.sin(7 * k))}")
    tools = Tools(context)
    law = tools.discover_law("\n".join(lines), "y", seconds=6)
    explained = tools.explain(str(law["law"]))
    assert explained["probability"] == law["probability"]
    assert len(explained["rivals"]) == len(law["rivals"])
    assert bool(explained["next_runs"]) == bool(law["rivals"])
    decisive = [why for why in explained["would_change"] if "would distinguish" in why]
    assert bool(decisive) == bool(law["rivals"])
    assert set(law["why_not"]) <= set(explained["would_change"])


def test_answers_are_in_the_names_and_units_of_the_table(context: ToolContext) -> None:
    lines = ["F [N],L [cm],E [GPa],I [mm^4],d [mm]"]
    for k in range(12):
        F, L = 10 + (7.3 * k) % 60, 30 + (23.0 * k) % 100
        E, I = 70 + (31.0 * k) % 130, 500 + (910 * k) % 8000
        d = 0.293 * F * (L / 100) ** 3 / (E * 1e9 * I * 1e-12) * 1e3
        lines.append(f"{F},{L},{E},{I},{d * (1 + 0.004 * math.sin(7 * k)):.6g}")
    tools = Tools(context)
    law = tools.discover_law("\n".join(lines), "d", seconds=5, options={"engine": "power_law"})
    assert law["expression"] == "d = C*F*L**3/(E*I)"
    assert law["domain"]["columns"]["E"][2] == "GPa"
    low, high, unit = law["domain"]["columns"]["L"]
    assert (low, unit) == (pytest.approx(30), "cm")
    assert 100 < high < 130
    point = {"F": "10 N", "L": "100 cm", "E": "200 GPa", "I": "1000 mm^4"}
    predicted = tools.predict(str(law["law"]), point)
    assert predicted["unit"] == "mm"
    assert predicted["rows"][0]["value"] == pytest.approx(14.65, rel=0.02)
    inches = tools.predict(str(law["law"]), point, unit="inch")["rows"][0]["value"]
    assert inches == pytest.approx(predicted["rows"][0]["value"] / 25.4)
