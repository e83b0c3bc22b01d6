"""A report, kept in a hub: question, protocol, runs, law and answer with their links."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dimgs.common.advice import setting
from dimgs.common.errors import InputError
from dimgs.common.formats import attributes, plain
from dimgs.dataset import Dataset
from dimgs.hub.acts import naming
from dimgs.hub.cards import keep_card
from dimgs.hub.entry import MOST_FILE, Document, Json, sha256
from dimgs.hub.hub import Hub
from dimgs.hub.verdicts import MET
from dimgs.kernels.record import RunRecord, Status

if TYPE_CHECKING:
    from dimgs.report.results import Report

# a law links to each run it rests on, in an entry of at most 16 MB
_MOST_RUNS = 100_000
_TABLE_TIER = "table"


def keep_report(hub: Hub, report: "Report") -> Json:
    """Keep a report of `discover`.

    Each row of the table is kept as a run of a kernel that is named after the table.

    Parameters
    ----------
    hub : Hub
    report : Report
        With its data.

    Returns
    -------
    dict
        Ids of "question", "protocol", "law" and "answer" (None where there is no law), and the
        number of "runs".

    Raises
    ------
    InputError
        If the table has more than 100,000 rows, or the user may not add entries.
    """
    data = report.data
    target = None if report.basis.target is None else report.basis.target.name
    if data is None or target is None:
        raise InputError("A report without its table cannot be stored in a hub.")
    inputs = _ranges(data, target)
    plan: Json = {"table": Path(data.source).name, "sha256": data.sha256, "rows": data.n_runs}
    plan["provenance"] = plain(report.provenance)
    verdict = plain(attributes(report, "engine outcome confirmed why_not"))
    law = None if report.law is None else {**verdict, "law": report.law.to_json()}
    page = {} if law is None else {"report.html": report.to_html().encode()}
    question = {"text": _asked(target, inputs), "target": target, "inputs": inputs}
    protocol = {"text": report.provenance.get("command", "dimgs.discover"), "plan": plan}
    meaning = "confirmed" if report.confirmed else "not confirmed"
    pertinence: Json = {"relevant": law is not None, "acceptability": None, "confidence": None}
    pertinence |= {"meaning": meaning, "why": " ".join(report.why_not)}
    return _keep_all(hub, question, protocol, table_records(data, target), law, pertinence, page)


def keep_campaign(
    hub: Hub,
    result: Document,
    plan: Document,
    records: Sequence[RunRecord],
    files: Mapping[str, bytes] | None = None,
) -> Json:
    """Keep a campaign.

    Parameters
    ----------
    hub : Hub
    result : mapping
        The document ``result.json``.
    plan : mapping
        The document ``plan.json``: what was asked.
    records : sequence of RunRecord
        All of its runs.
    files : mapping of str to bytes, optional
        That the law names, such as its report.

    Returns
    -------
    dict
        As :func:`keep_report` gives it.
    """
    target, kernel = str(result["target"]), str(plan.get("kernel", ""))
    ranges = {k.partition(".")[2]: str(v) for k, v in plan.items() if k.startswith("ranges.")}
    pertinence = dict(result.get("pertinence", {}))
    laws = [r["law"] for r in result.get("regimes", ()) if r.get("law")]
    law_document = result.get("law") or (laws[0] if laws else None)
    law = None
    if law_document is not None:
        verdict = {"outcome": result["outcome"], **_campaign_verdict(result, laws)}
        law = {"law": law_document, "kernel": kernel, **verdict}
        if result.get("boundaries"):
            law["boundaries"] = list(result["boundaries"])
        if len(laws) > 1:
            parts = ("where", "place", "law")
            law["regimes"] = [{k: r.get(k) for k in parts} for r in result["regimes"]]
    keep_card(hub, kernel)
    question = {"text": _asked(target, ranges, kernel), "target": target, "inputs": ranges}
    protocol = {"kernel": kernel, "text": f"campaign of {kernel}", "plan": plain(plan)}
    return _keep_all(hub, question, protocol, records, law, pertinence, files)


def _campaign_verdict(result: Document, laws: Sequence[Document]) -> Json:
    """The verdict on the law of a campaign, or on those of its regimes.

    Where the laws carry none (of version 0.2), it is whether the campaign reached its tolerance.
    """
    judged = [result["law"]] if result.get("law") else laws
    if all(law.get("confirmed") is not None for law in judged):
        why = dict.fromkeys(text for law in judged for text in law["why_not"])
        return {"confirmed": all(law["confirmed"] for law in judged), "why_not": list(why)}
    answers = dict(result.get("pertinence", {})).get("answers", ())
    failed = [f"{a['answer']}: {a['why']}" for a in answers if not a.get("relevant", True)]
    confirmed = result["outcome"] in MET
    ended = f"The campaign ended with: {result.get('ended', result['outcome'])}."
    return {"confirmed": confirmed, "why_not": [] if confirmed else [ended, *failed]}


def _keep_all(
    hub: Hub,
    question: Json,
    protocol: Json,
    records: Sequence[RunRecord],
    law: Json | None,
    pertinence: Json,
    files: Mapping[str, bytes] | None = None,
) -> Json:
    """Keep all of it; what is there already, word for word, is linked to and not kept twice."""
    if len(records) > _MOST_RUNS:
        raise InputError(
            f"A hub keeps up to {_MOST_RUNS} runs of one analysis, and these are {len(records)}; "
            f"leave out {setting('hub')}, or analyse a part."
        )
    asked = hub.once({"kind": "question", **question})
    plan = hub.once({"kind": "protocol", **protocol}, [("answers", asked)])
    ids = hub.add_runs(records, [("derived", plan)])
    ids_kept: Json = {"question": asked, "protocol": plan, "law": None, "answer": None}
    if law is not None:
        usable = [i for i, r in zip(ids, records, strict=True) if r.ok]
        links = [("derived", plan), *(("derived", i) for i in dict.fromkeys(usable))]
        # a report that is too large for the hub is left where it lies
        small = {n: data for n, data in (files or {}).items() if len(data) <= MOST_FILE}
        ids_kept["law"] = hub.once(naming({"kind": "law", **law}, small), links)
        for data in small.values():
            hub.put_file(data)
    if ids_kept["law"] is not None and law is not None and pertinence.get("relevant", True):
        # a campaign that nothing came of has asked the question, not answered it
        answer = {"how": "law", "pertinence": pertinence, "text": law["law"].get("text", "")}
        ends = [("derived", ids_kept["law"]), ("answers", asked)]
        ids_kept["answer"] = hub.once({"kind": "answer", **answer}, ends)
    return {**ids_kept, "runs": len(set(ids))}


def _asked(target: str, inputs: Iterable[str], kernel: str = "") -> str:
    names = ", ".join(inputs)
    where = f" in {kernel}" if kernel else ""
    return f"How does {target}{where} depend on {names}?"


def _ranges(data: Dataset, target: str) -> dict[str, Json]:
    """Range of each numeric input, in the unit of the table."""
    ranges = {}
    for name in data.numeric_names:
        values = data[name][np.isfinite(data[name])]
        if name == target or not len(values):
            continue
        unit = data.variable(name).unit
        ends = [float(f"{unit.from_si(float(v)):.12g}") for v in (values.min(), values.max())]
        ranges[name] = {"low": ends[0], "high": ends[1], "unit": unit.text}
    return ranges


def table_records(data: Dataset, target: str) -> list[RunRecord]:
    """Rows of a table as runs: of a kernel named after it, whose version is the table's hash."""
    kernel = Path(data.source).stem or "table"
    provenance = {"version": data.sha256, "source": Path(data.source).name}

    def cells(row: int) -> Iterator[tuple[str, tuple[Any, str]]]:
        for name in data.names:
            unit, value = data.variable(name).unit, data[name][row]
            if name in data.label_names and value:
                yield name, (str(value), unit.text)
            elif name not in data.label_names and np.isfinite(value):
                # 12 digits: what a conversion to SI units and back keeps
                yield name, (float(f"{unit.from_si(float(value)):.12g}"), unit.text)

    records = []
    for i, row in enumerate(data.rows):
        inputs = dict(cells(i))
        output, error = inputs.pop(target, None), np.nan
        if target in data.errors:
            error = float(data.errors[target][i] / data.variable(target).unit.factor)
        records.append(
            RunRecord(
                kernel=kernel,
                tier=_TABLE_TIER,
                inputs=inputs,
                outputs={} if output is None else {target: output},
                status=Status.FAILED if output is None else Status.OK,
                key=sha256(f"{data.sha256} {int(row)}"),
                reason="The table has no value in this cell." if output is None else "",
                errors={target: error} if np.isfinite(error) else {},
                provenance={**provenance, "row": int(row)},
            )
        )
    return records
