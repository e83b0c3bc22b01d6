"""Whether a law of the hub may answer, and why not: one verdict for every page, tool and answer."""

from collections.abc import Mapping
from typing import Any

from dimgs.formats import is_edited

# how a campaign ends whose answers can be relied on
_MET = "tolerance met"
# states of an entry that somebody has to settle first
_OPEN_DOUBTS = ("disputed", "recheck", "untrusted")


def why_unconfirmed(entry: Mapping[str, Any]) -> list[str]:
    """Why the law of an entry answers no question; empty where it may.

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
    found = [f"The entry is {state}."] if state in _OPEN_DOUBTS else []
    laws = [content.get("law"), *(r.get("law") for r in content.get("regimes") or ())]
    if any(isinstance(law, Mapping) and (is_edited(law) or law.get("edited")) for law in laws):
        found.append("The law was edited after it was written, and nothing confirms it since.")
    outcome = content.get("outcome")
    if content.get("confirmed") is not None:
        if not content["confirmed"]:
            found += [str(w) for w in content.get("why_not") or ["The law is not confirmed."]]
    elif outcome is not None and outcome != _MET:
        found.append(f"Its campaign ended without a reliable answer ({outcome}).")
    elif outcome is None and state != "accepted":
        found.append(
            "The entry does not say that its law was confirmed, and no reviewer accepted it."
        )
    return found
