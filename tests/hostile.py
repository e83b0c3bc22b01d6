"""Names as an attacker, a spreadsheet or another language gives them."""

import keyword

import numpy as np
import sympy
from hypothesis import strategies as st

from dimgs import Dataset, Report
from dimgs.discovery.discover import discover
from dimgs.variables import split_header

CANARY = "PWNED"
# each breaks out of at least one of the languages that a name is written in
BREAKERS = (
    f'"""\nimport builtins\nbuiltins.{CANARY} = 1\n"""', f"'''{CANARY}", '"', "'", "`", "``",
    "\\", "a\\", "a\\\\", '\\"""', f"*/ int {CANARY}; /*", "/* *", "??/", f"x\n{CANARY} = 1\n",
    "!", f"<script>{CANARY}()</script>", '"><img src=x onerror=1>', "&lt;b&gt;", "<!-- a --",
    "]]>", "${x}", "$", "$$x$$", "a$b", r"\input{/etc/passwd}", r"}\end{document}", "%", "#", "_",
    "_a_b", "^", "{}", "{{ 7*7 }}", "{% raw %}", "~", "&", "|", "a|b", "- a", "1. a", "+ a",
    "> a", "# a", "---", "![a](http://x.org/a.png)", "[a](javascript:1)", "https://x.org",
    "www.x.org", "@x", "\x1b[31mred", "\x1b]0;title\x07", "\x9b2J", "\r\n\terror: x", "a\x00b",
    "a\x7fb", "a\bb", "a\u202eb", "\u2066a", "\u200fa", "\u2028x", "\ufeffx", "شدة", "עומס",
    "../x", "..", "/etc/x", "a/b", "C:\\x", "CON", "nul.txt", ".x", "x" * 300, "long name " * 30,
    "温度", "😀", "👩\u200d🔬", "e\u0301", "\u0301x", "Z\u0351\u0363\u0361", "ﬁ", "\ue000", "a b",
    "1st", "lambda", "class", "None", "__import__", "E", "I", "pi", "S", "beta", "Piecewise",
    "int", "double", "M_PI", "NAN", "end", "function", "real64", "np", "law", "value", "main",
    "exp", "rich [red]x[/red]", "[/]", "a'", "y*", "T+", "constructor", "toString", ";", "a;b",
    "a,b", "=1+1", "@SUM(1)",
)  # fmt: skip
_WORDS = (*keyword.kwlist, *dir(sympy)[:200], "auto", "restrict", "inline", "module", "pure")


def _is_name(text: str) -> bool:
    """Whether it names a column; the rest of the program says what is wrong with others."""
    try:
        name, unit, _ = split_header(f"{text} [m]")
    except ValueError:
        return False
    return bool(name) and unit == "m" and not (name.startswith("[") and name.endswith("]"))


def names() -> st.SearchStrategy[str]:
    """Names that hold what other languages obey."""
    piece = st.sampled_from(BREAKERS) | st.text(max_size=6) | st.sampled_from(_WORDS)
    joined = st.lists(piece, min_size=1, max_size=3).map("".join)
    return joined.filter(_is_name)


def tables() -> st.SearchStrategy[list[str]]:
    """Names of two inputs, a target, a column of labels and a label."""
    columns = st.lists(
        names(), min_size=4, max_size=4, unique_by=lambda n: split_header(f"{n} [m]")[0]
    )
    return st.tuples(columns, st.sampled_from(BREAKERS)).map(lambda x: [*x[0], x[1]])


def report_of(names_: list[str]) -> Report:
    """Report on z = 3 x / y^2 under such names."""
    x, y, z, column, label = names_
    rng = np.random.default_rng(0)
    a, b = rng.uniform(1, 3, (2, 12))
    noise = np.exp(0.02 * rng.normal(size=12))
    data = Dataset.from_columns(
        {
            f"{x} [m]": a,
            f"{y} [s]": b,
            f"{column} [label]": [label, "b"] * 6,
            f"{z} [m/s^2]": 3 * a / b**2 * noise,
        }
    )
    return discover(data, split_header(f"{z} [m]")[0], engine="power_law")
