"""`dimgs help`: the help of a command, or the meaning of a term."""

from contextlib import redirect_stdout
from difflib import get_close_matches
from io import StringIO
from typing import Any

import typer
from typer import Argument

from dimgs.cli import tables
from dimgs.cli.output import emit, emit_json, say
from dimgs.common.formats import shipped


def help(
    context: typer.Context,
    topic: str = Argument("", help="A command, 'words', or a term of the results."),
    json: tables.Json = False,
) -> None:
    """Explain a command, or the terms of the results (`dimgs help words`)."""
    root: Any = context.find_root()
    commands = root.command.commands
    name = topic.strip().lower()
    glossary = shipped("dimgs.cli", "words.toml")
    if name == "words" or name in glossary:
        words = glossary if name == "words" else {name: glossary[name]}
        if json:
            emit_json({"words": words})
            return
        for word, text in words.items():
            say(f"  {text}", f"{word}\n")
        return
    if name and name not in commands:
        from dimgs.common.errors import InputError

        near = get_close_matches(name, [*commands, "words", *glossary], 3) or ["words", *commands]
        raise InputError(f"There is no help about '{topic[:60]}'; try: {', '.join(near[:12])}.")
    shown = root
    if name:
        command = commands[name]
        shown = command.context_class(command, info_name=name, parent=root)
    printed = StringIO()
    # help with boxes is printed as it is made, other help is returned
    with redirect_stdout(printed):
        returned = shown.get_help()
    text = (printed.getvalue() or returned).rstrip()
    emit({"topic": name or None, "help": text}, text, json)
