"""Advice to a model, in arguments of its tools; and the options that these take by name."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from dimgs.advice import Act, Advice, Step
from dimgs.discovery.options import Options, options_by_name
from dimgs.errors import InputError
from dimgs.formats import shown

# arguments of the tools that take a table; every other option of an analysis goes in 'options'
_ARGUMENTS = frozenset(
    ["at", "columns", "constants", "kernel", "repeating", "scales", "target", "units", "within"]
)
_STEPS = {
    Step.APPROVE: "the hub, where a person approves it",
    Step.MAKE_HUB: "the help of a person,",
    Step.LIST_ENTRIES: "search_hub",
    Step.FIND_RUNS: "search_hub",
    Step.CHECK_CARD: "describe_kernels",
    Step.ADD_USER: "the help of a person",
    Step.SHOW_KEYS: "what a person knows of the keys",
    Step.RUN: "plan_campaign",
}

More = Annotated[
    dict[str, Any] | None,
    Field(description="{'drop_bad': true}"),
]


def in_arguments(advice: Advice) -> str:
    """Advice as an argument of a tool, or as the tool.

    Examples
    --------
    >>> from dimgs.advice import setting
    >>> print(in_arguments(setting("constants", "g", "k_B,c")))
    'constants' ["g"] or ["k_B", "c"]
    >>> print(in_arguments(setting("drop_bad")))
    'options' {"drop_bad": true}
    """
    if isinstance(advice, Act):
        return _STEPS[advice.step]
    option = options_by_name().get(advice.option)
    kind = "" if option is None else option.metadata["kind"]
    values = [_value(kind, text) for text in advice.values] or ([True] if kind == "flag" else [])
    if advice.option in _ARGUMENTS:
        given = " or ".join(json.dumps(v, ensure_ascii=False) for v in values)
        return f"'{advice.option}' {given}".strip()
    if option is None:
        return f"'{advice.option}' (which a person has on the command line)"
    given = " or ".join(json.dumps({advice.option: v}, ensure_ascii=False) for v in values)
    return f"'options' {given}" if given else f"'{advice.option}' in 'options'"


def _value(kind: str, text: str) -> Any:
    if kind == "texts":
        return [text]
    if kind == "names":
        return text.split(",")
    return int(text) if kind == "count" else text


def options_of(known: type, given: Mapping[str, Any], more: Mapping[str, Any] | None) -> Options:
    """Options of an analysis from the arguments of a tool; what is None or empty is not given.

    Parameters
    ----------
    known : type
        The TypedDict of the options that the tool takes.
    given : mapping
        Arguments that stand for themselves.
    more : mapping, optional
        Options by name.

    Raises
    ------
    InputError
        If an option is unknown, given twice, or of another type.
    """
    asked = {k: v for k, v in given.items() if v not in (None, [])}
    for name, value in (more or {}).items():
        if name in given:
            raise InputError(f"'{name}' is an argument of its own; give it beside 'options'.")
        if name not in known.__annotations__:
            names = ", ".join(n for n in known.__annotations__ if n not in given)
            raise InputError(f"'options' has no '{shown(name)}'; it has {names}.")
        if name == "limits" and isinstance(value, str):
            raise InputError("'limits' is a list of limits here, not the name of a file.")
        asked[name] = value
    if asked.get("scales") == ["auto"]:
        asked["scales"] = "auto"
    return Options(**asked)
