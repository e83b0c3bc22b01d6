"""Why a run did not end well, in one line that any terminal and any file can hold."""

_LONGEST = 500


def one_sentence(error: BaseException) -> str:
    r"""First line of an error's message, not too long; its kind where it says nothing.

    Examples
    --------
    >>> one_sentence(ValueError("\n no licence \x1b[31m\n more"))
    'no licence �[31m'
    >>> one_sentence(KeyError())
    'KeyError'
    """
    try:
        text = str(error)
    except Exception:
        text = ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return printable(lines[0] if lines else type(error).__name__)


def with_kind(error: BaseException) -> str:
    """The kind of an error, and the first line of its message.

    Examples
    --------
    >>> with_kind(ZeroDivisionError("division by zero")), with_kind(KeyError())
    ('ZeroDivisionError: division by zero', 'KeyError')
    """
    kind, text = type(error).__name__, one_sentence(error)
    return kind if text == kind else f"{kind}: {text}"


def printable(text: str) -> str:
    r"""Text without what a terminal or UTF-8 does not know, not too long.

    Examples
    --------
    >>> printable("a\udcffb" + "c" * 600)[:4], len(printable("c" * 600))
    ('a�bc', 500)
    """
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return clean if len(clean) <= _LONGEST else clean[: _LONGEST - 1] + "…"
