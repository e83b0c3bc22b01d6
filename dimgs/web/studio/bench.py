"""The tables on the workbench, and what was found in each."""

import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from dimgs.dataset.read import existing
from dimgs.errors import DimgsError, InputError
from dimgs.hub.reading import NotFoundError
from dimgs.web.studio.choices import Choices
from dimgs.web.studio.results import FoundLaw
from dimgs.web.studio.search import LawSearch, with_command
from dimgs.web.studio.sheet import Sheet

# of the name of a dropped file: what no file system refuses
_UNSAFE = re.compile(r"[^\w .()+-]", re.ASCII)
# letters of it that are kept: file systems take 255 bytes, and a letter may have two
_LONGEST = 120


class Workbench:
    """The tables on the workbench.

    Parameters
    ----------
    folder : Path
        Dropped tables are written into it.
    hub : str
        Where laws are kept, unless another hub is named.
    """

    def __init__(self, folder: Path, hub: str = "") -> None:
        self.folder = folder
        self.hub = hub
        self._sheets: dict[str, Sheet] = {}
        self._found: dict[str, FoundLaw] = {}
        self._searches: dict[str, tuple[LawSearch, Choices]] = {}

    @property
    def sheets(self) -> list[Sheet]:
        """The tables, the last one first."""
        return list(reversed(self._sheets.values()))

    def table(self, id: str) -> Sheet:
        """A table by its id.

        Raises
        ------
        NotFoundError
        """
        if id not in self._sheets:
            raise NotFoundError("That table is not on the workbench; drop it again.")
        return self._sheets[id]

    def open(self, path: Path) -> str:
        """Put a file on the workbench.

        Raises
        ------
        InputError
            If it cannot be read as a table.
        """
        sheet = Sheet(secrets.token_hex(4), existing(path))
        sheet.begin()
        self._sheets[sheet.id] = sheet
        return sheet.id

    def put(self, name: str, parts: Iterable[bytes]) -> str:
        """Put a file that was dropped on the workbench.

        Raises
        ------
        InputError
            If it cannot be read as a table.
        """
        own = self.folder / secrets.token_hex(4)
        own.mkdir()
        path = own / (_UNSAFE.sub("_", Path(name).name)[-_LONGEST:].lstrip(". ") or "table.csv")
        try:
            with path.open("wb") as out:
                for part in parts:
                    out.write(part)
        except OSError as error:
            raise InputError(f"The table cannot be kept here ({error.strerror}).") from error
        try:
            return self.open(path)
        except DimgsError:
            path.unlink()
            own.rmdir()
            raise

    def example(self) -> str:
        """Put a table of planets and moons on the workbench, with a question."""
        data = (files("dimgs.cli") / "planets.csv").read_bytes()
        id = self.put("planets.csv", [data])
        sheet = self._sheets[id]
        inputs = tuple(n for n in sheet.choices.inputs if n != "T")
        sheet.choices = replace(sheet.choices, target="T", inputs=inputs, constants=("G",))
        return id

    def choose(self, id: str, form: Sequence[tuple[str, str]]) -> None:
        """Take what was chosen.

        Raises
        ------
        InputError
            If it cannot be used.
        """
        sheet = self.table(id)
        chosen = Choices.of(form, sheet.own_units)
        before = sheet.choices
        if chosen.sheet != before.sheet:
            sheet.choices = Choices(sheet=chosen.sheet)
            sheet.begin()
            return
        if before.target and before.target != chosen.target:
            # what is no target any more may explain the other
            chosen = replace(chosen, inputs=(*chosen.inputs, before.target))
        sheet.choices = chosen

    def found(self, id: str) -> FoundLaw | None:
        """What was found in a table."""
        self._take(id)
        return self._found.get(id)

    def search(self, id: str) -> LawSearch | None:
        """The search that runs, or ended without a law."""
        self._take(id)
        return self._searches[id][0] if id in self._searches else None

    def _take(self, id: str) -> None:
        search, choices = self._searches.get(id, (None, None))
        if search is not None and choices is not None and search.report is not None:
            self._found[id] = self._made(id, choices, search.report, "discover")
            self._searches.pop(id, None)

    def _made(self, id: str, choices: Choices, report: Any, verb: str) -> FoundLaw:
        command = choices.command(self.table(id).name, verb)
        return FoundLaw(with_command(report, command), choices.question, {})

    def _question(self, id: str) -> tuple[Sheet, Choices]:
        sheet = self.table(id)
        if not sheet.choices.target:
            raise InputError("Choose first what is to be explained.")
        return sheet, sheet.question

    def fit(self, id: str) -> None:
        """Fit the power law, at once.

        Raises
        ------
        DimgsError
            If the table cannot answer the question.
        """
        from dimgs.discovery.discover import discover_with

        sheet, choices = self._question(id)
        options = choices.options(engine="power_law")
        report = discover_with(
            options.read(sheet.path, choices.target), choices.target, options.without_reading()
        )
        self._end(id)
        self._found[id] = self._made(id, choices, report, "fit")

    def discover(self, id: str) -> None:
        """Begin a search for the law.

        Raises
        ------
        DimgsError
            If the table cannot answer the question.
        """
        from dimgs.discovery.prepare import prepare

        sheet, choices = self._question(id)
        options = choices.options()
        data = options.read(sheet.path, choices.target)
        # what is wrong with the question is told at once
        prepare(data, choices.target, options.without_reading(), linear_allowed=True)
        self._end(id)
        search = LawSearch(data, choices.target, options.without_reading())
        self._searches[id] = (search, choices)

    def propose(self, id: str, count: int) -> None:
        """Look for the runs that would tell the rivals apart.

        Raises
        ------
        DimgsError
            If there is no law to distinguish from others.
        """
        found = self.found(id)
        if found is None:
            raise InputError("There is no law yet from which runs could be planned.")
        found.next_runs = found.report.next_runs(count)

    def keep(self, id: str, address: str) -> None:
        """Keep what was found in a hub, which is made where there is none.

        Raises
        ------
        DimgsError
            If it cannot be kept.
        """
        from dimgs.hub import Hub
        from dimgs.hub.keeping import keep_report

        found = self.found(id)
        if found is None:
            raise InputError("There is no law to keep yet.")
        if not (address or self.hub):
            raise InputError("Name a hub, such as group.sqlite.")
        with Hub(address or self.hub) as hub:
            found.kept = {"hub": address or self.hub, **keep_report(hub, found.report)}

    def _end(self, id: str) -> None:
        search, _ = self._searches.pop(id, (None, None))
        if search is not None:
            search.close()

    def close(self) -> None:
        """End every search."""
        for id in list(self._searches):
            self._end(id)
