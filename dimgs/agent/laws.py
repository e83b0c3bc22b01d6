"""Laws as tools find, use and explain them."""

import hashlib
import json
import os
import sys
from contextlib import suppress
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from dimgs.agent.arguments import More, given_quantity, in_unit, options_of, readings
from dimgs.agent.bench import Bench, StoppedError, control
from dimgs.agent.schemas import Explained, Json, LawFound, Point, Predicted, Table
from dimgs.common.errors import FitError, InputError
from dimgs.common.escape import visible
from dimgs.common.formats import json_value, shown
from dimgs.discovery.keywords import DiscoverKeywords
from dimgs.hub.sandbox import exchanged
from dimgs.hub.verdicts import why_unconfirmed
from dimgs.kernels.process import ending
from dimgs.law.domain import Place
from dimgs.law.law import Law
from dimgs.similitude.given import spread
from dimgs.variables import parse_unit
from dimgs.variables.quantities import Quantity, meaning_of
from dimgs.variables.readings import other_turning

# of seconds beside the time of the search: to start, to fit the power law, to draw
_BESIDE = 60.0
# points of one prediction: a model reads no more, and a person has dimgs predict
_MOST_ROWS = 1000


def discover_law(
    bench: Bench,
    table: Table,
    target: str,
    columns: Annotated[list[str] | None, Field(description="the only inputs")] = None,
    units: dict[str, str] | None = None,
    constants: Annotated[list[str] | None, Field(description="such as ['g']")] = None,
    scales: Annotated[list[str] | None, Field(description="unknown: ['M0 [kg]']")] = None,
    within: Annotated[str | None, Field(description="label with own prefactors")] = None,
    seconds: float = 30.0,
    seed: int = 0,
    keep: Annotated[bool, Field(description="in the hub")] = True,
    options: More = None,
) -> LawFound:
    """Search a table for a law, checked on unseen runs. 'confirmed' false: no reliable law."""
    limit = min(seconds or 30.0, bench.policy.agent.analysis_seconds)
    given: Json = {"columns": columns, "units": units, "constants": constants, "scales": scales}
    given |= {"within": within, "time_limit": limit, "seed": seed}
    # refused here, before a process is started
    options_of(DiscoverKeywords, given, options)
    asked = {k: v for k, v in given.items() if v not in (None, [])} | (options or {})
    told = json.dumps([table, target, asked], sort_keys=True)
    id = hashlib.sha256(told.encode()).hexdigest()[:12]
    hub = None
    if keep and bench.has_hub and bench.address is not None and bench.hub.is_agent:
        hub = {"address": bench.address, "user": bench.hub.user}
    with bench.workspace.file(table) as path:
        request = {"table": str(path), "target": target, "options": asked, "hub": hub}
        found = _in_a_process({**request, "out": str(bench.study(id))}, limit + _BESIDE)
    document, kept = found["document"], found["hub"]
    law = document.get("law")
    return {
        "law": None if law is None else ((kept or {}).get("law") or id),
        "expression": None if law is None else law["expression"],
        "confirmed": bool(document.get("confirmed")),
        "outcome": document["outcome"],
        "why_not": list(document.get("why_not", ())),
        "scores": None if law is None else law["scores"],
        "constants": [] if law is None else law["constants"],
        "groups": {} if law is None else law["groups"],
        "domain": {} if law is None else _domain(law),
        "rivals": [_rival(r) for r in document.get("rivals") or ()],
        "probability": document.get("probability"),
        "engine": document["engine"],
        "seconds": document["seconds"],
        "study": id,
        "hub": kept,
        "warnings": list(document["warnings"]),
    }


def _domain(law: Json) -> Json:
    keys = ("groups", "columns", "held", "constant_groups")
    return {k: law["domain"][k] for k in keys if k in law["domain"]}


def _rival(told: Json) -> Json:
    law = told.get("law") or {}
    rest = {k: v for k, v in told.items() if k != "law"}
    return {"expression": law.get("expression"), **rest}


def _in_a_process(request: Json, limit: float) -> Json:
    """Result of dimgs.agent.child, which is ended where nobody waits for it any more."""
    call = control()

    def hear(line: str) -> None:
        # other lines are warnings of libraries
        with suppress(ValueError, TypeError, KeyError):
            call.tell(visible(str(json.loads(line)["progress"])))

    command = [sys.executable, "-P", "-m", "dimgs.agent.child"]
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    ended = exchanged(command, request, limit, hear=hear, stop=call.stop, env=path)
    if ended.stopped:
        raise StoppedError("The call was cancelled, and the search was ended.")
    if ended.late:
        raise FitError(
            f"The search took more than {limit:g} s; ask for fewer columns or less time."
        )
    try:
        found = json_value(ended.text, "The result", "search again")
    except InputError:
        raise FitError(
            f"The search {ending(ended.code or 0)}{ended.last_words}. Try fewer columns or rows."
        ) from None
    if "error" in found:
        raise (InputError if found["is_input"] else FitError)(str(found["error"]))
    return dict(found)


def law_of(bench: Bench, id: str) -> tuple[Law, Json]:
    """A law of the hub or of a study of this session, and what was said of it when it was found.

    Raises
    ------
    InputError
        If there is none of this id.
    """
    document, said = bench.document(id, "law.json"), bench.document(id, "report.json") or {}
    if document is None and bench.has_hub:
        entry = bench.hub.get(id)
        said = dict(entry["content"] or {})
        document = said.get("law")
        if document is None:
            raise InputError(
                f"The entry '{shown(id[:12])}' is a {entry['kind']} and holds no law; search_hub "
                f"with kind 'law' finds laws."
            )
        if entry["state"] in ("disputed", "recheck", "untrusted"):
            raise InputError(
                f"The law '{shown(id[:12])}' is {entry['state']}, so that it predicts nothing; "
                f"explain says why, and a person may settle it."
            )
        why = why_unconfirmed(entry)
        said |= {"confirmed": not why, "why_not": why}
    if document is None:
        raise InputError(
            f"There is no law '{shown(id[:70])}'; give the 'law' that discover_law or search_hub "
            f"gave."
        )
    return Law.from_json(document), said


def predict(
    bench: Bench,
    law: Annotated[str, Field(description="id from discover_law or search_hub")],
    at: Point | list[Point],
    level: float = 0.9,
    unit: str | None = None,
) -> Predicted:
    """Value of a law in 'unit', with interval; 'why_outside': what lies beyond its domain."""
    from dimgs.dataset.raw import ReadOptions
    from dimgs.law.prediction import law_table

    known, said = law_of(bench, law)
    points = [at] if isinstance(at, dict) else list(at)
    if not 1 <= len(points) <= _MOST_ROWS:
        raise InputError(f"'at' has {len(points)} points; give 1 to {_MOST_ROWS}.")
    if not 0.0 < level < 1.0:
        raise InputError(f"'level' is {level}; give a coverage such as 0.9.")
    given = [
        {n: given_quantity(v, f"'{shown(n)}' of point {k}") for n, v in point.items()}
        for k, point in enumerate(points, 1)
    ]
    boxes = [spread(point, level) for point in given]
    every = [point for box in boxes for point in box]
    data = law_table(known, _columns(every), ReadOptions(find_duplicates=False))
    places = known.places(data)
    beyond = list(dict.fromkeys(str(d) for place in places for d in place.departures))
    try:
        found = known.predict({n: data[n] for n in data.names}, level=level)
    except InputError as error:
        if beyond:
            where = f"The point lies outside the domain of the law: {'; '.join(beyond)}."
            raise InputError(f"{where} {error}") from error
        raise
    values, lows, highs = (np.atleast_1d(np.asarray(x, dtype=np.float64)) for x in found)
    rows, first = [], 0
    for box in boxes:
        # the first is the point itself; the others are of its inputs' intervals
        part = slice(first, first := first + len(box))
        ends = {"low": float(lows[part].min()), "high": float(highs[part].max())}
        ends = {"value": float(values[part.start]), **ends}
        told = in_unit({**ends, "unit": known.target_unit}, unit)
        left = {d.group: d for place in places[part] for d in place.departures}
        far = {n: factor for place in places[part] for n, factor in place.far.items()}
        place = Place(tuple(left.values()), far)
        rows.append({**{k: told[k] for k in ends}, **place.to_json()})
    doubts = [str(why) for why in said.get("why_not") or ()]
    doubts += [known.doubt] if known.doubt else []
    if beyond:
        doubts.append(f"Outside the domain a value is no answer: {'; '.join(beyond)}.")
    doubts += data.warnings
    if unit is not None:
        turned = other_turning(known.target.name, parse_unit(unit), known.target.unit)
        doubts += [f"The target {turned}."] if turned else []
    for point in given:
        doubts += [f"'{told['input']}': {told['source']}." for told in readings(point)]
        doubts += [f"'{n}': {meaning_of(q)}." for n, q in point.items() if q.is_interval]
    return {
        "rows": rows,
        "unit": unit or known.target_unit,
        "level": level,
        "law": law,
        "target": known.target.name,
        "confirmed": said.get("confirmed"),
        "probability": known.probability,
        "doubts": list(dict.fromkeys(doubts)),
    }


def _columns(points: list[dict[str, Quantity]]) -> dict[str, list[Any]]:
    """Columns with units of points, all in the unit of the first."""
    names = list(points[0])
    odd = next((point for point in points if set(point) != set(names)), None)
    if odd is not None:
        raise InputError(
            f"A point has the inputs {', '.join(map(shown, odd))}, and the first has "
            f"{', '.join(map(shown, names))}; give each the same."
        )
    columns: dict[str, list[Any]] = {}
    for name in names:
        first, cells = points[0][name], []
        for point in points:
            quantity = point[name]
            if first.is_label or quantity.is_label:
                cells.append(quantity.value if quantity.is_label else quantity.text)
                continue
            own, wanted = quantity.parsed, first.parsed
            if own.dimension != wanted.dimension:
                raise InputError(
                    f"'{shown(name)}' is in '{quantity.unit}' at one point, and in '{first.unit}' "
                    f"at the first; give one dimension."
                )
            number = quantity.number(f"'{shown(name)}'")
            same = quantity.unit == first.unit
            cells.append(number if same else wanted.from_si(own.to_si(number)))
        columns[f"{name} [{first.unit}]"] = cells
    return columns


def explain(
    bench: Bench, id: Annotated[str, Field(description="of an entry, law or study")]
) -> Explained:
    """What it rests on, its reviews and rivals, and what would change it."""
    report = bench.document(id, "report.json")
    if report is not None:
        return _of_study(bench, id, report)
    hub = bench.hub
    entry = hub.get(id)
    content = dict(entry["content"] or {})
    shown_content = _brief({k: v for k, v in content.items() if k not in _LONG})
    study = _study_of(bench, entry["id"])
    if study is not None:
        # what the hub does not keep of a law, its study of this session does
        told = bench.document(study, "report.json") or {}
        content |= {k: told[k] for k in ("rivals", "probability") if told.get(k)}
    return {
        "id": entry["id"],
        "kind": entry["kind"],
        "title": entry["title"],
        "state": entry["state"],
        "content": shown_content,
        "evidence": hub.evidence(entry["id"]),
        "reviews": entry["reviews"],
        "rivals": [_rival(r) for r in content.get("rivals") or ()],
        "probability": entry.get("probability", content.get("probability")),
        "would_change": _would_change(entry, content),
        "next_runs": [] if study is None else _next_runs(bench, study),
    }


def _study_of(bench: Bench, law: str) -> str | None:
    """The study of this session that found a law of the hub."""
    for study in bench.studies():
        if (bench.document(study, "kept.json") or {}).get("law") == law:
            return study
    return None


def _next_runs(bench: Bench, study: str) -> list[Json]:
    """Runs that would decide between the rivals of a study."""
    return list((bench.document(study, "next.json") or {}).get("runs", ()))


# of an entry's content: what has its own place in the answer, or too many lines
_LONG = ("rivals", "probability", "provenance", "result")


def _brief(value: Any) -> Any:
    """Content in which each law is its expression and domain."""
    if isinstance(value, list):
        return [_brief(part) for part in value]
    if not isinstance(value, dict):
        return value
    if "expression" in value and isinstance(value.get("domain"), dict):
        return {"expression": value["expression"], "domain": _domain(value)}
    return {k: _brief(v) for k, v in value.items()}


def _of_study(bench: Bench, id: str, report: Json) -> Explained:
    law = report.get("law") or {}
    why = [*report.get("why_not", ()), *_next(report)]
    return {
        "id": id,
        "kind": "study",
        "title": str(law.get("text") or "no law found"),
        "state": "confirmed" if report.get("confirmed") else "not confirmed",
        "content": {
            "outcome": report.get("outcome"),
            "scores": law.get("scores"),
            "candidates": list(report.get("candidates", ()))[:10],
            "warnings": report.get("warnings", []),
        },
        "evidence": {"provenance": report.get("provenance", {})},
        "reviews": [],
        "rivals": [_rival(r) for r in report.get("rivals") or ()],
        "probability": report.get("probability"),
        "would_change": why,
        "next_runs": _next_runs(bench, id),
    }


def _next(report: Json) -> list[str]:
    """Where the rivals differ most, in words."""
    told = []
    for rival in report.get("rivals") or ():
        at = rival.get("differs_most") or {}
        where = ", ".join(f"{n} = {q['value']:.4g} {q.get('unit', '1')}" for n, q in at.items())
        expression = (rival.get("law") or {}).get("text", "a rival")
        told.append(
            f"A run at {where} would distinguish the law from {expression}." if where else ""
        )
    return [t for t in told if t]


def _would_change(entry: Json, content: Json) -> list[str]:
    told = [str(w) for w in content.get("why_not") or ()] + _next(content)
    pertinence = content.get("pertinence") or {}
    if isinstance(pertinence, dict) and pertinence.get("why"):
        told.append(str(pertinence["why"]))
    if entry["state"] in ("disputed", "recheck", "untrusted"):
        told.append(f"It is {entry['state']}: {', '.join(c[:12] for c in entry['causes'])}.")
    if not any(r.get("counts") for r in entry["reviews"]):
        told.append("Nobody has reviewed it.")
    return told
