"""Engines by name: what each can do, whether it can run here, and how to make one.

A package adds an engine with one file, which holds the engine and an :class:`EngineEntry`, and an
entry point of the group ``dimgs.engines`` that names the entry. Those of this package register the
same way. Nothing here imports an engine before it is made.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

from dimgs.common.errors import DimgsError, EngineUnavailableError, InputError
from dimgs.common.plugins import entry_points

if TYPE_CHECKING:
    from dimgs.engines.protocol import Engine
    from dimgs.expression.candidate import Candidate

GROUP = "dimgs.engines"
# what may stand in place of an engine: all that are usable, in turn; none
ALL, NONE = "auto", "power_law"


@dataclass(frozen=True)
class EngineStatus:
    """An engine and whether it can run here.

    Parameters
    ----------
    name : str
    usable : bool
    version : str or None
        None where the engine is not installed.
    remedy : str or None
        How to make it usable; None where it is.
    """

    name: str
    usable: bool
    version: str | None = None
    remedy: str | None = None

    def to_json(self) -> dict[str, str | bool | None]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class EngineEntry:
    """An engine as it is registered, with its capabilities.

    Parameters
    ----------
    engine : str
        Class of the engine as ``"module:attribute"``, see :class:`dimgs.engines.protocol.Engine`.
    status : callable
        Tells whether it can run here; must import and start nothing.
    rank : int
        With ``engine="auto"`` those of lower rank run first; the first one needs no other program,
        and takes part wherever one engine has to do.
    takes_guesses : bool
        Whether the class takes ``guesses``, candidates to start from.
    cites : tuple of str
        Works that a law found by it rests on: keys of the bibliography of reports.
    install : callable, optional
        Fetches what the engine needs at its first start; raises `DimgsError` where that fails.
    """

    engine: str
    status: Callable[[], EngineStatus]
    rank: int = 100
    takes_guesses: bool = False
    cites: tuple[str, ...] = ()
    install: Callable[[], None] | None = field(default=None, compare=False)

    def make(self, guesses: "Sequence[Candidate]" = ()) -> "Engine":
        """The engine, started from guesses where it can be.

        Raises
        ------
        ImportError
            If a package that it needs is missing.
        """
        from dimgs.engines.protocol import Engine

        module, _, attribute = self.engine.partition(":")
        factory = getattr(import_module(module), attribute)
        engine = factory(guesses=guesses) if self.takes_guesses else factory()
        assert isinstance(engine, Engine)
        return engine


def entries() -> dict[str, EngineEntry]:
    """Engines that can be had by name, in their order; those whose package fails are left out.

    Examples
    --------
    >>> [name for name, entry in entries().items() if entry.takes_guesses]
    ['pysr']
    """
    by_name = {
        name: entry
        for name in entry_points(GROUP)
        if isinstance(entry := _entry(name), EngineEntry)
    }
    # those of other packages come after the own ones, whatever rank they claim
    built_in = {name for name, home in entry_points(GROUP).items() if home.startswith("dimgs.")}
    return dict(
        sorted(by_name.items(), key=lambda item: (item[0] not in built_in, item[1].rank, item[0]))
    )


def entry_named(name: str) -> EngineEntry:
    """Entry of an engine.

    Raises
    ------
    InputError
        If there is no such engine, or its package does not register it properly.
    """
    check_name(name)
    entry = _entry(name) if name in entry_points(GROUP) else f"'{name}' is not a single engine"
    if isinstance(entry, str):
        raise InputError(f"The engine '{name}' cannot be made: {entry}.")
    return entry


def engine_names() -> tuple[str, ...]:
    """Names of engines that ``engine=`` accepts.

    Examples
    --------
    >>> engine_names()[0], engine_names()[-1]
    ('auto', 'power_law')
    """
    return (ALL, *entries(), NONE)


def embedded() -> str:
    """Name of the engine that needs no other program.

    Examples
    --------
    >>> embedded()
    'structured'
    """
    return next(iter(entries()))


def check_name(name: str) -> None:
    """Refuse a name that is not an engine's.

    Raises
    ------
    InputError
        With the names that there are.
    """
    if name not in (*engine_names(), *entry_points(GROUP)):
        raise InputError(f"There is no engine '{name}'; choose from {', '.join(engine_names())}.")


def all_engines() -> list[EngineStatus]:
    """Every engine that is registered, in their order; nothing is started or downloaded.

    Returns
    -------
    list of EngineStatus
        Those whose package fails when it is imported come last.

    Examples
    --------
    >>> [engine.name for engine in all_engines()]
    ['structured', 'pysr', 'operon']
    >>> all_engines()[0].usable
    True
    """
    statuses = [entry.status() for entry in entries().values()]
    failed = {name: why for name in entry_points(GROUP) if isinstance(why := _entry(name), str)}
    return statuses + [EngineStatus(name, False, None, why) for name, why in failed.items()]


def require_engine(name: str) -> None:
    """Raise an error for a requested engine that cannot run here.

    Parameters
    ----------
    name : str
        As on the command line; "auto" and "power_law" need nothing.

    Raises
    ------
    EngineUnavailableError
        With the remedy.
    """
    if name in (ALL, NONE):
        return
    status = entry_named(name).status()
    if not status.usable:
        raise EngineUnavailableError(f"The engine '{name}' cannot run here: {status.remedy}.")


def _entry(name: str) -> EngineEntry | str:
    """Engine of an entry point, or the reason why it is none."""
    home = entry_points(GROUP)[name]
    module, _, attribute = home.partition(":")
    try:
        entry = getattr(import_module(module), attribute)
    except Exception as error:
        why = str(error) if isinstance(error, DimgsError) else f"{type(error).__name__}: {error}"
        return f"the package of '{name}' fails when it is imported ({why}); mend or remove it"
    if not isinstance(entry, EngineEntry):
        return f"'{home}', registered as the engine '{name}', is no EngineEntry; ask who wrote it"
    return entry
