"""Verdict on a law of the hub: whether it may answer, and the reasons if not."""

from collections.abc import Mapping

from dimgs.common.formats import is_edited
from dimgs.hub.entry import Document, Json

# how a campaign ends whose answers can be relied on; the last is of version 0.2
MET = ("confirmed", "predicts", "tolerance met")
# status of the entry of a law that says so of itself; others have none
UNCONFIRMED = "unconfirmed"
# states of an entry that somebody has to settle first
DOUBTED = ("disputed", "recheck", "untrusted")


def why_unconfirmed(entry: Document) -> list[str]:
    """Reasons why the law of an entry gives no answers; empty where it may.

    Parameters
    ----------
    entry : mapping
        As :meth:`dimgs.hub.Hub.get` gives it: its "content" and "state".

    Returns
    -------
    list of str
        Sentences.

    Examples
    --------
    >>> content = {"law": {}, "confirmed": False, "why_not": ["The residuals show structure."]}
    >>> why_unconfirmed({"kind": "law", "state": "open", "content": content})
    ['The residuals show structure.']
    >>> content = {"law": {}, "outcome": "budget spent"}
    >>> why_unconfirmed({"kind": "law", "state": "open", "content": content})
    ['Its campaign ended without a reliable answer (budget spent).']
    """
    content, state = entry["content"] or {}, entry["state"]
    reasons = [f"The entry is {state}."] if state in DOUBTED else []
    reasons += _objections(content)
    says_nothing = content.get("confirmed") is None and content.get("outcome") is None
    if says_nothing and state != "accepted":
        reasons.append(
            "The entry does not state that its law is confirmed, and no reviewer has accepted it."
        )
    return reasons


def verdict(kind: str, content: Document | None, state: str, on_unconfirmed: bool) -> Json:
    """Verdict shown beside a law, or beside an answer by a law.

    Parameters
    ----------
    kind : str
    content : mapping or None
    state : str
    on_unconfirmed : bool
        Whether it is an answer that rests on a law which says that it is not confirmed.

    Returns
    -------
    dict
        "confirmed", "why_not" and the "probability" of a law, null where it has none; empty of
        entries that are neither.
    """
    if kind == "law":
        why = why_unconfirmed({"content": content, "state": state})
        return {"confirmed": not why, "why_not": why, "probability": probability(content or {})}
    if kind == "answer" and on_unconfirmed:
        why = ["The answer depends on a law that is not confirmed."]
        return {"confirmed": False, "why_not": why}
    return {}


def probability(content: Document) -> float | None:
    """Probability of the law of an entry; None where none is known, or not of the law as it is.

    Examples
    --------
    >>> probability({"law": {"expression": "C*x", "probability": 0.97}})
    0.97
    """
    law = content.get("law")
    if not isinstance(law, Mapping) or is_edited(law) or law.get("edited"):
        return None
    value = law.get("probability", content.get("probability"))
    return float(value) if isinstance(value, int | float) else None


def law_status(content: Document) -> str:
    """Status of the entry of a law: ``"unconfirmed"``, or empty.

    Examples
    --------
    >>> law_status({"confirmed": False}), law_status({"text": "Written by hand."})
    ('unconfirmed', '')
    """
    return UNCONFIRMED if _objections(content) else ""


def _objections(content: Document) -> list[str]:
    """Reasons against a law, from its own content."""
    laws = [content.get("law"), *(r.get("law") for r in content.get("regimes") or ())]
    reasons, outcome = [], content.get("outcome")
    if any(isinstance(law, Mapping) and (is_edited(law) or law.get("edited")) for law in laws):
        reasons.append("The law was changed after dimgs wrote it, so it is no longer confirmed.")
    if content.get("confirmed") is not None:
        stated = content.get("why_not") or ["The law is not confirmed."]
        reasons += [] if content["confirmed"] else [str(why) for why in stated]
    elif outcome is not None and outcome not in MET:
        reasons.append(f"Its campaign ended without a reliable answer ({outcome}).")
    return reasons
