"""Every command and option in Markdown, for the pages: made from the commands themselves."""

import re
from collections.abc import Iterator
from typing import Any

_MARKUP = re.compile(r"(?<!\\)\[/?(?:bold|dim)\]")

_ABOVE = (
    "This page is made from the commands, as `dimgs COMMAND --help` shows them. Every command "
    "takes "
    "`--json`. The exit code is 0 on success, 2 after an error in the use or the input, 1 if a "
    "computation failed, and 130 after Ctrl-C."
)


def commands_markdown() -> str:
    """The reference of the command line.

    Examples
    --------
    >>> page = commands_markdown()
    >>> "## dimgs discover" in page, "`--target`, `-y`" in page
    (True, True)
    """
    import typer

    from dimgs.cli.app import app

    lines = ["# Commands", "", _ABOVE, ""]
    root: Any = typer.main.get_command(app)
    for command, name in _walk(root, "dimgs"):
        lines += _page(command, name)
    return "\n".join(lines)


def _walk(group: Any, name: str) -> Iterator[tuple[Any, str]]:
    for own, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _walk(command, f"{name} {own}")
        elif not command.hidden:
            yield command, f"{name} {own}"


def _page(command: Any, name: str) -> list[str]:
    shown = [p for p in command.params if not getattr(p, "hidden", False)]
    arguments = [p for p in shown if p.param_type_name == "argument"]
    options = [p for p in shown if p.param_type_name == "option"]
    words = " ".join(_argument(a) for a in arguments)
    lines = [f"## {name}", "", _plain(command.help), "", "```text"]
    lines += [f"{name} {words} [OPTIONS]".replace("  ", " "), "```", ""]
    rows = [(f"`{_argument(a)}`", a) for a in arguments]
    rows += [(", ".join(f"`{o}`" for o in (*p.opts, *p.secondary_opts)), p) for p in options]
    if rows:
        lines += ["| | |", "|---|---|"]
        lines += [f"| {left} | {_cell(p)} |" for left, p in rows]
    if command.epilog:
        lines += ["", *_examples(command.epilog)]
    return [*lines, ""]


def _argument(parameter: Any) -> str:
    name = parameter.name.upper()
    name = f"{name}…" if parameter.nargs == -1 else name
    return name if parameter.required else f"[{name}]"


def _cell(parameter: Any) -> str:
    default = parameter.default
    shown = f" Default: `{default}`." if isinstance(default, int | float | str) and default else ""
    required = " Required." if parameter.required else ""
    text = _plain(getattr(parameter, "help", "") or "")
    variable = f" Or `{parameter.envvar}` names it." if parameter.envvar else ""
    return f"{text}{variable}{shown if default is not True else ''}{required}".replace("|", r"\|")


def _plain(text: str | None) -> str:
    """A text of help without its markup, as Markdown."""
    plain = " ".join(_MARKUP.sub("", text or "").replace(r"\[", "[").split())
    return re.sub(r"([*_<>])", r"\\\1", plain)


def _examples(epilog: str) -> list[str]:
    text = _MARKUP.sub("", epilog).replace(r"\[", "[")
    lines = [line.strip() for line in text.splitlines()[1:] if line.strip()]
    return ["```sh", *lines, "```"]
