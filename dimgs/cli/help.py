"""`dimgs help`: a command as `--help` shows it, or the words that answers use."""

from contextlib import redirect_stdout
from difflib import get_close_matches
from io import StringIO
from typing import Annotated, Any

import typer

from dimgs.cli import tables
from dimgs.cli.output import emit_json, say

# as results use them, the plainest first
WORDS = {
    "run": "One row of a table: an experiment or a simulation, with what went in and what "
    "came out.",
    "group": "A dimensionless product of powers of variables, pi_1, pi_2, ...; many have a "
    "name, such as the Reynolds number. pi_0 is the one of the response.",
    "contrast": "The logarithm of the ratio of two runs: log(f_u/f_v) of the response, "
    "log(x_u/x_v) of a group. m runs have m(m-1)/2 contrasts, of which m-1 are "
    "independent.",
    "power law": "A constant times powers of the groups: a straight line in logarithms.",
    "prefactor": "The constant in front of a power law; it cancels in every contrast.",
    "exponent": "The power of a variable or group. An arrow shows the rational that it is within "
    "its interval.",
    "interval": "Where the value lies at the level asked for (90 %), judged by leaving out runs. "
    "It tells the scatter between runs, not what all of them share.",
    "unseen runs": "Runs that were left out before a law was fitted, and then predicted by it.",
    "candidate": "A formula that a search found. It becomes a law when both sides have one "
    "dimension and it predicts unseen runs.",
    "law": "A formula with a dimension on both sides, constants with intervals, scores on "
    "unseen runs, and the domain where it holds.",
    "domain": "The ranges of the groups of the runs, and their combinations. A point outside is "
    "flagged, whatever its columns say.",
    "regime": "A part of the domain in which the exponents are constant, such as Re < 2300.",
    "crossover": "Where one power law turns into another.",
    "surrogate": "A formula that fits but is not confirmed as a law: use it inside its domain "
    "only.",
    "confirmed": "Probable, nothing left in the residuals that depends on the groups, and unseen "
    "runs predicted, at the edge of the domain too.",
    "probability": "Of a law among all that were found, and none of them, given the runs.",
    "rival": "Another law that the runs do not tell from the chosen one.",
    "scale": "A dimensional constant without data that all runs share, such as M0 [kg].",
    "similitude": "Two runs with equal groups: they are one experiment in two sizes.",
    "pertinence": "Whether an answer serves a question: acceptable is 1 where its interval is "
    "within the tolerance, less where it is wider.",
    "kernel": "A simulator with named inputs and outputs and their units.",
    "hub": "Where a group keeps questions, runs, laws and answers.",
}


def help(
    context: typer.Context,
    topic: Annotated[
        str, typer.Argument(help="A command, 'words', or one of the words that answers use.")
    ] = "",
    json: tables.Json = False,
) -> None:
    """Explain a command, or the words that answers use (`dimgs help words`)."""
    root: Any = context.find_root()
    commands = root.command.commands
    name = topic.strip().lower()
    if name == "words" or name in WORDS:
        words = WORDS if name == "words" else {name: WORDS[name]}
        if json:
            emit_json({"words": words})
            return
        for word, text in words.items():
            say(f"  {text}", f"{word}\n")
        return
    if name and name not in commands:
        from dimgs.errors import InputError

        near = get_close_matches(name, [*commands, "words", *WORDS], 3) or ["words", *commands]
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
    if json:
        emit_json({"topic": name or None, "help": text})
    else:
        say(text)
