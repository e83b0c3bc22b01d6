"""Computed parts of the pages: texts, quantities and laws of entries."""

import math
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from dimgs.common.errors import DimgsError
from dimgs.common.escape import visible
from dimgs.hub.entry import Document, Json, links_from
from dimgs.hub.reading import flattened

if TYPE_CHECKING:
    from markupsafe import Markup

    from dimgs.hub import Hub
    from dimgs.law.law import Law


# of Markdown; nothing that runs or fetches
_TAGS = {
    "p", "em", "strong", "code", "pre", "a", "ul", "ol", "li", "blockquote", "table", "thead",
    "tbody", "tr", "th", "td", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "sub", "sup",
}  # fmt: skip


@cache
def _markdown() -> Any:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table")


def markdown_html(text: str) -> "Markup":
    """Markdown as HTML in which nothing runs, is fetched, or looks like a part of the page.

    Examples
    --------
    >>> print(markdown_html("*Why?* <script>alert(1)</script>![x](http://example.org/x.png)"))
    <p><em>Why?</em> </p>
    """
    import nh3
    from markupsafe import Markup

    rendered = _markdown().render(visible(text, "\n\t"))
    allowed: Json = {"tags": _TAGS, "attributes": {"a": {"href", "title"}}}
    allowed["url_schemes"] = {"http", "https", "mailto"}
    return Markup(nh3.clean(rendered, **allowed).strip())


def is_quantity(value: object) -> bool:
    """Whether a part of an entry is a number or label with a unit, or a range of one."""
    return isinstance(value, Mapping) and bool({"value", "low", "high"} & set(value))


def value_text(value: Any) -> str:
    """A part of an entry in one line.

    Examples
    --------
    >>> print(value_text({"value": 0.0023, "unit": "m"}), value_text({"low": 1, "high": 2}))
    0.0023 m 1 to 2
    >>> print(value_text(["a", 1.5]), value_text(True))
    a, 1.5 yes
    """
    from dimgs.report.words import short

    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return short(float(value), 6) if math.isfinite(value) else "–"
    if is_quantity(value):
        unit = str(value.get("unit", "1"))
        ends = [value_text(value[n]) for n in ("low", "high") if value.get(n) is not None]
        if value.get("value") is not None:
            text = value_text(value["value"]) + (f" [{', '.join(ends)}]" if len(ends) == 2 else "")
        else:
            text = " to ".join(ends)
        return text if unit in ("1", "label", "") else f"{text} {unit}"
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {value_text(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(value_text(v) for v in value)
    return "–" if value is None else str(value)


# shown on their own, or of no use to people
_APART = {
    "text", "context", "title", "tags", "inputs", "outputs", "law", "answer", "pertinence",
    "expression", "runs", "key", "files",
}  # fmt: skip
# letters of a fact that are shown: five lines; the entry as JSON has the rest
_LONG = 400


def facts(entry: Document) -> list[tuple[str, str]]:
    """Further content of an entry, by dotted keys."""
    content = {k: v for k, v in (entry["content"] or {}).items() if k not in _APART}
    parts = flattened(content, is_quantity).items()
    texts = [(name, value_text(value)) for name, value in parts if value not in (None, "", [], {})]
    return [(name, t if len(t) <= _LONG else f"{t[:_LONG]}…") for name, t in texts]


_STATUS = ("confirmed", "why_not", "probability")
# kinds that something came to
_RESULTS = ("run", "law", "answer", "campaign", "dataset")
# entries that are looked at for them: reading as many takes half a second
_MOST_LINKED = 2000


def results(hub: "Hub", entry: Document) -> dict[str, list[Json]]:
    """Results of an entry: entries derived from it, or answers to it, by kind."""
    linked = links_from(entry, "derived", "recombined", "answers")
    lists: dict[str, list[Json]] = {}
    for id, one in hub.several(list(dict.fromkeys(linked))[:_MOST_LINKED]).items():
        content = one["content"] or {}
        text = content.get("answer") or content.get("outcome") or content.get("text")
        law = content.get("law")
        text = law.get("text") or law.get("expression") if isinstance(law, Mapping) else text
        if one["kind"] in _RESULTS:
            status = {k: one[k] for k in _STATUS if k in one}
            lists.setdefault(one["kind"], []).append({"id": id, "text": value_text(text), **status})
    return lists


def law_of(entry: Document) -> "Law | None":
    """The law that an entry holds; None where it holds none that this edition reads."""
    document = (entry["content"] or {}).get("law")
    if entry["kind"] != "law" or not isinstance(document, Mapping):
        return None
    from dimgs.law.law import Law

    try:
        return Law.from_json(document)
    except DimgsError:
        return None
