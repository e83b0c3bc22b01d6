"""Names and other text of a user, written so that they stay text wherever they are shown.

LaTeX has its own module, :mod:`dimgs.law.latex`; labels of figures are made in
:mod:`dimgs.report.figures.style`, which knows the font.
"""

import hashlib
import html as _html
import re
import textwrap
import unicodedata
from collections.abc import Callable, Iterable

# control, format, surrogate, line and paragraph separator: nothing of these is seen, and some
# move the cursor or turn the direction of what follows
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# they join letters of Persian and Indic words, and parts of emoji
_JOINERS = "\u200c\u200d"
_BLANKS = "\n\t"
# the last three would make links of addresses
_MARKUP = re.compile(r"[\\`*_{}\[\]<>#|~$&]|(?=://)|(?<=www)(?=\.)|(?<=mailto)(?=:)", re.IGNORECASE)
_BLOCK = re.compile(r"[-+=]|\d+(?=[.)])")
# characters in a line of a comment, also in Fortran, whose lines end at column 132
_COMMENT = 100
# most file systems take 255 bytes, and a path has more parts than this one
_FILE_NAME = 60
_RESERVED_FILES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{d}{k}" for d in ("com", "lpt") for k in range(10))}
)


def visible(text: str, keep: str = "") -> str:
    r"""Text in which what prints nothing, or moves the rest, is shown by its number.

    Parameters
    ----------
    text : str
    keep : str
        Characters that stay as they are, such as the ends of lines.

    Examples
    --------
    >>> print(visible("\x1b[31mred\x1b[0m"), visible("a\u202eb"), visible("T_g ρ"))
    \x1b[31mred\x1b[0m a\u202eb T_g ρ
    """
    if text.isascii() and text.isprintable():
        return text
    return _escaped(text, _JOINERS + keep, lambda c: c.encode("unicode_escape").decode())


def _escaped(text: str, keep: str, escape: Callable[[str], str]) -> str:
    """Text with escapes for what is not seen, but for some characters."""
    return "".join(
        escape(c) if c not in keep and unicodedata.category(c) in _UNSEEN else c for c in text
    )


def terminal(text: str) -> str:
    r"""Lines for a terminal: no character in them is a command to it.

    Examples
    --------
    >>> print(terminal("one\n\x1b]0;title\x07two"))
    one
    \x1b]0;title\x07two
    """
    return visible(text, _BLANKS)


def json_text(document: str) -> str:
    r"""JSON in which what prints nothing is an escape, so that any terminal and file can hold it.

    Examples
    --------
    >>> print(json_text('{"a": "\x9b\u202e"}'))
    {"a": "\u009b\u202e"}
    """
    if document.isascii() and document.replace("\n", "").isprintable():
        return document
    return _escaped(document, "\n", _utf16)


def _utf16(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[k : k + 4]}" for k in range(0, len(units), 4))


def html(text: str) -> str:
    """Text for HTML, also between the quotes of an attribute.

    Examples
    --------
    >>> print(html('<b title="x">'))
    &lt;b title=&quot;x&quot;&gt;
    """
    return _html.escape(visible(text, _BLANKS))


def markdown(text: str) -> str:
    r"""Text on one line, in which Markdown finds no markup.

    Examples
    --------
    >>> print(markdown("- T_g <b>"), markdown("1. x"), markdown("see https://x.org"))
    \- T\_g \<b\> 1\. x see https\://x.org
    """
    line = _MARKUP.sub(lambda match: f"\\{match[0]}", visible(" ".join(text.split())))
    begun = _BLOCK.match(line)
    if begun is None:
        return line
    end = begun.end() if begun[0][0].isdigit() else 0
    return f"{line[:end]}\\{line[end:]}"


def markdown_code(text: str) -> str:
    r"""Text on one line as code in Markdown.

    Examples
    --------
    >>> print(markdown_code("a`b"), markdown_code("x"))
    `` a`b `` `x`
    """
    line = visible(" ".join(text.split()))
    runs = {len(ticks) for ticks in re.findall("`+", line)}
    if not runs:
        return f"`{line}`" if line else ""
    fence = "`" * next(k for k in range(1, len(line) + 2) if k not in runs)
    return f"{fence} {line} {fence}"


def comments(lines: Iterable[str]) -> list[str]:
    r"""Lines for comments in Python, C or Fortran: short ones of ASCII that end no comment.

    Examples
    --------
    >>> print(*comments(["a */ b /* c", "x\n#include <y>"]), sep="\n")
    a * / b / * c
    x\n#include <y>
    """
    return [part for line in lines for part in _comment(line)]


def _comment(text: str) -> list[str]:
    line = visible(text).encode("ascii", "backslashreplace").decode()
    # ?? begins a trigraph of C, which a compiler warns of
    for pair in ("/*", "*/", "??"):
        line = line.replace(pair, f"{pair[0]} {pair[1]}")
    line = line.replace("??", "? ?")
    return textwrap.wrap(line, _COMMENT, break_on_hyphens=False) or [""]


def docstring(lines: Iterable[str]) -> str:
    r'''Lines as a Python string in three quotes, indented by four blanks.

    Examples
    --------
    >>> print(docstring(['a """ b', "", "c"]))
        """a \"\"\" b
    <BLANKLINE>
        c
        """
    '''
    shown = [visible(line).replace("\\", "\\\\").replace('"', '\\"') for line in lines]
    first, *rest = shown
    return "\n".join([f'    """{first}', *(f"    {x}" if x else "" for x in rest), '    """'])


def file_names(names: Iterable[str]) -> dict[str, str]:
    """A name for a file or folder for each name: one part of a path, apart from the others.

    A plain name stays as it is. Another, or one that differs from an earlier one by its case
    alone, gets a mark made of the name itself, so that it is the same on every run.

    Examples
    --------
    >>> file_names(["T", "../x", "t", "dp"])
    {'T': 'T', '../x': 'x-d6b96a', 't': 't-e3b98a', 'dp': 'dp'}
    """
    parts: dict[str, str] = {}
    used: set[str] = set()
    for name in dict.fromkeys(names):
        plain = re.sub(r"[^\w.+-]+", "_", unicodedata.normalize("NFC", visible(name)))
        plain = plain.strip("._-")[:_FILE_NAME].rstrip("._-")
        if plain.split(".")[0].casefold() in _RESERVED_FILES or not plain:
            plain = f"x_{plain}"
        mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        free, size = plain if plain == name else f"{plain}-{mark[:6]}", 6
        while free.casefold() in used:
            free, size = f"{plain}-{mark[:size]}", size + 2
        used.add(free.casefold())
        parts[name] = free
    return parts
