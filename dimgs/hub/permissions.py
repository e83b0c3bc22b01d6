"""Rights of the roles: one table, for Python, the command line and the server."""

from collections.abc import Collection, Mapping

from dimgs.common.errors import InputError


class NotAllowedError(InputError):
    """The user lacks the right for the requested action."""


# Which entries an action may be done to, by role: o open ones, e embargoed and p private ones of
# others, m one's own. A new entry (add) is judged by the visibility that it will have.
_TABLE = """
action    reader  contributor  reviewer  admin  agent
read      o       om           oem       oepm   om
add       -       oep          oep       oep    oep
annotate  -       om           oem       oepm   om
dispute   -       om           oem       oepm   om
fork      -       om           oem       oepm   om
review    -       -            oe        oep    o
accept    -       -            oe        oep    -
settle    -       -            oe        oep    -
approve   -       -            oe        oep    -
redact    -       m            m         oepm   -
manage    -       -            -         oepm   -
"""
_CELLS = {"o": "open", "e": "embargoed", "p": "private", "m": "own"}

_ROWS = [line.split() for line in _TABLE.strip().splitlines()]
ROLES = tuple(_ROWS[0][1:])
MATRIX: Mapping[str, Mapping[str, frozenset[str]]] = {
    action: {
        role: frozenset(_CELLS[letter] for letter in cell.strip("-"))
        for role, cell in zip(ROLES, row, strict=True)
    }
    for action, *row in _ROWS[1:]
}


def allowed(role: str, action: str, visibility: str = "open", is_author: bool = False) -> bool:
    """Whether a role may do something to an entry.

    Parameters
    ----------
    role : str
        One of :data:`ROLES`.
    action : str
        A row of the table.
    visibility : {"open", "embargoed", "private"}
        Of the entry; an embargo that has ended is open.
    is_author : bool
        Whether the entry is the actor's.

    Examples
    --------
    >>> allowed("reviewer", "accept"), allowed("agent", "accept"), allowed("reader", "add")
    (True, False, False)
    >>> allowed("contributor", "read", "private"), allowed("contributor", "read", "private", True)
    (False, True)
    """
    cells = MATRIX[action][role]
    if is_author and action != "add":
        return "own" in cells
    return visibility in cells


def may_settle(user: str, authors: Collection[str]) -> bool:
    """Whether somebody whose role may settle doubts may settle those of an entry.

    Parameters
    ----------
    user : str
        A person: what programs say settles nothing.
    authors : collection of str
        Of the entry and of everything that it rests on.

    Examples
    --------
    >>> may_settle("eve", {"anna", "bob"}), may_settle("bob", {"anna", "bob"})
    (True, False)
    """
    return user not in authors


def a_role(role: str) -> str:
    """A role with its article.

    Examples
    --------
    >>> a_role("reader"), a_role("admin")
    ('a reader', 'an admin')
    """
    return f"{'an' if role.startswith('a') else 'a'} {role}"
