"""How a script answers each question: the cheapest way that the tools and the gates allow."""

from typing import Any

from case_studies.benchmarks.questions.key import Question
from case_studies.benchmarks.questions.scripted import Results, Step
from case_studies.benchmarks.questions.setting import CARDS

# seconds of a search, which ends before on a machine that is not busy, and of a job
_SEARCH, _JOB = 20.0, 60.0
_KINDS = {"discover_law": "law", "ask": "how", "predict": "rows", "job_status": "state"}


def steps_of(question: Question) -> list[Step]:
    """Steps of a scripted model."""
    way = question.way
    if "search" in way:
        return [("search_hub", {"kind": way["search"]}), _end]
    if "table" in way:
        return _of_table(question)
    return _of_kernel(question)


def _sources(question: Question, inputs: dict[str, str]) -> dict[str, str]:
    words = {**inputs, **question.way.get("words", {})}
    return {f"at.{name}": f"question: {name} = {words[name]}" for name in inputs}


def _of_table(question: Question) -> list[Step]:
    way = question.way
    asked = {"table": way["table"], "target": way["target"], "constants": way["constants"],
             "seconds": _SEARCH, "keep": False}  # fmt: skip
    if "columns" in way:
        asked["columns"] = way["columns"]

    def predict(results: Results) -> Any:
        law = _last(results, "scores")
        if not law or not law["law"] or (not law["confirmed"] and not _is_close(law)):
            return _end(results)
        at = way["inputs"]
        return ("predict", {"law": law["law"], "at": at, "sources": _sources(question, at)})

    return [("read_table", {"table": way["table"]}), ("discover_law", asked), predict, _end, _end]


def _is_close(law: Any) -> bool:
    """Whether a law predicts unseen runs, though its search was cut short."""
    return float((law["scores"] or {}).get("cv_r2_log") or 0.0) > 0.9


def _of_kernel(question: Question) -> list[Step]:
    way = question.way
    kernel, target, inputs = way["kernel"], way["target"], way["inputs"]
    look: list[Step] = [("describe_kernels", {})]
    if kernel in CARDS:
        look.append(("describe_kernels", {"name": kernel}))
    if way.get("look"):
        look.append(("search_hub", {"kind": "law"}))
    at, sources = dict(inputs), _sources(question, inputs)
    for name in way.get("conservative", ()):
        told = CARDS[kernel]["conservative"][name]
        at[name] = {"value": told["value"], "unit": told["unit"]}
        sources[f"at.{name}"] = "conservative"
    asked = {"kernel": kernel, "target": target, "at": at, "sources": sources}
    if "missing" in way:
        return [*look, ("ask_person", {"question": f"What is {way['missing']}?"}), _end]
    steps = [*look, ("ask", asked)]
    if question.category == "conflicting units":
        return [*steps, ("ask_person", {"question": "Both are not equal; which holds?"}), _end]
    if not question.runs:
        return [*steps, _end]

    def start(results: Results) -> Any:
        return ("start_campaign", {"plan": _last(results, "document")["plan"]})

    def wait(results: Results) -> Any:
        return ("job_status", {"job": _last(results, "approve")["job"], "wait": _JOB})

    return [*steps, ("plan_campaign", asked), start, wait, _end]


def _last(results: Results, key: str) -> Any:
    """The last result that has a key."""
    return next((r for r in reversed(results) if isinstance(r, dict) and key in r), None)


def _end(results: Results) -> Any:
    """End with what the last result says."""
    return ("finish", {"text": _told(results[-1] if results else None)})


def _told(last: Any) -> str:
    if not isinstance(last, dict):
        return "No tool gave a value."
    if "error" in last:
        return f"No answer: {last['error']}"
    if "reply" in last:
        return "An input is missing, or the question says both; nobody answered."
    if last.get("answer"):
        return f"It is {_quantity(last['answer']['value'], last['answer']['unit'])}."
    if "rows" in last and "target" in last:
        (row,) = last["rows"]
        if row["outside"]:
            return "No answer: the point lies outside the domain of the law."
        return f"It is {_quantity(row['value'], last['unit'])}."
    if "runs" in last and last.get("state") == "done":
        # the agent chooses the target; the script tells no number of its own
        return "A run was made at this very point."
    if "scores" in last:
        return "No law that holds was found: not confirmed. " + " ".join(
            why for why in last["why_not"] if not any(c.isdigit() for c in why)
        )
    if "missing" in last:
        return "No answer: nothing near enough, see what is missing."
    return "No tool gave a value: none."


def _quantity(value: float, unit: str) -> str:
    return f"{value:.4g}" if unit == "1" else f"{value:.4g} {unit}"
