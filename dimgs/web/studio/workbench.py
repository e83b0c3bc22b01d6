"""The tables on the workbench, the searches that run, and the study of each."""

import re
import secrets
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files
from mimetypes import guess_type
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from shutil import make_archive
from tempfile import TemporaryDirectory
from threading import Lock
from typing import TYPE_CHECKING, Any

from dimgs.common.advice import worded
from dimgs.common.errors import DimgsError, InputError
from dimgs.dataset.read import existing
from dimgs.discovery.options import Options
from dimgs.engines.refit import pareto_front
from dimgs.expression.candidate import Candidate
from dimgs.hub.entry import Json
from dimgs.hub.reading import NotFoundError
from dimgs.web.controls import in_the_browser
from dimgs.web.studio.sheet import Choices, Sheet

if TYPE_CHECKING:
    from dimgs.dataset.dataset import Dataset
    from dimgs.report.figures import Drawing
    from dimgs.report.results import NextRuns, Report


# the typesetting of mathematics in figures is not made for threads
_drawing = Lock()
# seconds between two looks at the events of a search, and that it has to end once it is asked to
_LOOK, _PATIENCE = 0.2, 20.0
# of the name of a dropped file: what no file system refuses
_UNSAFE = re.compile(r"[^\w .()+-]", re.ASCII)
# letters of it that are kept: file systems take 255 bytes, and a letter may have two
_LONGEST = 120


@dataclass
class Study:
    """A report with the settings of its analysis.

    Attributes
    ----------
    report : Report
    question : tuple
        :attr:`dimgs.web.studio.sheet.Choices.question` of it.
    kept : dict
        Ids in the hub in which it was kept, and where that is; empty where it was not.
    next_runs : NextRuns, optional
        Runs that would tell its rivals apart, once they were asked for.
    """

    report: "Report"
    question: tuple[Any, ...]
    kept: Json
    next_runs: "NextRuns | None" = None

    @cached_property
    def drawings(self) -> "list[Drawing]":
        """Every figure that there is data for, drawn."""
        from dimgs.report.figures import draw_figures

        with _drawing:
            drawings = draw_figures(self.report)
            for drawing in drawings:
                drawing.svg()
        return drawings

    @cached_property
    def content(self) -> Json:
        """Content of the page of the report."""
        from dimgs.report.render import page_content

        return page_content(self.report, self.drawings)

    def file(self, name: str) -> tuple[bytes, str]:
        """Content and media type of a file.

        Raises
        ------
        InputError
            If there is none of that name.
        """
        stem, _, ending = name.rpartition(".")
        figures = self.drawings if ending in ("svg", "png", "pdf") else []
        drawn = next((d for d in figures if d.name == stem), None)
        if drawn is not None:
            with _drawing:
                content = getattr(drawn, ending)()
        elif name in self.files:
            content = self.files[name]()
        else:
            raise InputError("There is no such file of this law.")
        kind = guess_type(name)[0] or "application/octet-stream"
        return content.encode() if isinstance(content, str) else content, kind

    @property
    def files(self) -> dict[str, Callable[[], str | bytes]]:
        """What can be taken away, figures apart: what gives the content of each file, by name."""
        from dimgs.law.export import law_article
        from dimgs.law.serialise import as_text
        from dimgs.report.render import report_html

        contents: dict[str, Callable[[], str | bytes]] = {
            "report.html": lambda: report_html(self.report, self.drawings)
        }
        if (law := self.report.law) is not None:
            contents["law.json"] = lambda: as_text(law.to_json())
            contents["law.tex"] = lambda: law_article(law)
            contents["law.py"] = law.python
        return {**contents, "everything.zip": self._zip}

    def _zip(self) -> bytes:
        from dimgs.report.results import write_study

        drawings = self.drawings
        with TemporaryDirectory() as folder:
            study = Path(folder, "study")
            with _drawing:
                write_study(self.report, study, drawings)
            return Path(make_archive(str(study), "zip", study)).read_bytes()


@dataclass
class SearchState:
    """A search at one moment.

    Attributes
    ----------
    limit : float
        Seconds that it may take.
    last_event : str
        Its last progress event.
    front : tuple of Candidate
        Its candidates that no other one beats in both complexity and loss.
    seconds : float
        Since it began.
    stopping, over : bool
        Whether it was asked to stop, and whether it ended.
    problem : str
        Why it ended without a report; empty where it did not.
    """

    limit: float
    last_event: str = "starting"
    front: tuple[Candidate, ...] = ()
    seconds: float = 0.0
    stopping: bool = False
    over: bool = False
    problem: str = ""


class LawSearch:
    """A search that runs.

    Parameters
    ----------
    data : Dataset
    choices : Choices
    options : Options
        Of the analysis of the runs.
    """

    def __init__(self, data: "Dataset", choices: Choices, options: Options) -> None:
        self.choices = choices
        context = get_context("spawn")
        self._here, there = context.Pipe()
        self._process = context.Process(
            target=_search, args=(there, data, choices.target, options), daemon=True
        )
        self._begun = time.monotonic()
        self._state = SearchState(options.seconds)
        self.report: Report | None = None
        self._process.start()
        there.close()
        self._hearer = threading.Thread(target=self._hear, daemon=True)
        self._hearer.start()

    @property
    def state(self) -> SearchState:
        """The search now."""
        return replace(self._state, seconds=time.monotonic() - self._begun)

    def states(self) -> Iterator[SearchState]:
        """The search whenever it changed, and once a second; the last one is over."""
        last: tuple[Any, ...] = ()
        while True:
            state = self.state
            now = (state.last_event, state.front, int(state.seconds), state.stopping, state.over)
            if now != last:
                yield state
                last = now
            if state.over:
                return
            time.sleep(_LOOK)

    def stop(self) -> None:
        """Ask it to stop: it ends with the best law until then."""
        if self._state.over:
            return
        self._state.stopping = True
        # one that has just ended hears nothing
        with suppress(OSError):
            self._here.send("stop")
            threading.Thread(target=self._end, daemon=True).start()

    def close(self) -> None:
        """End it at once."""
        self._process.terminate()
        self._process.join(_PATIENCE)

    def _end(self) -> None:
        self._process.join(_PATIENCE)
        if self._process.is_alive():
            self._state.problem = "The search was stopped before it had a law."
            self._process.terminate()

    def _hear(self) -> None:
        try:
            while (event := self._here.recv())[0] == "progress":
                _, text, candidates = event
                self._state.last_event = text or self._state.last_event
                self._state.front = tuple(pareto_front((*self._state.front, *candidates)))
            _, problem, self.report = event
            self._state.problem = problem or self._state.problem
        except (EOFError, OSError):
            self._state.problem = self._state.problem or (
                "The process of the search ended before it had a law; its memory may have run out."
            )
        self._state.over = True


def _search(pipe: Connection, data: "Dataset", target: str, options: Options) -> None:
    """Run a search, in its own process."""
    threading.Thread(target=_until_stopped, args=(pipe,), daemon=True).start()

    def heard(text: str) -> None:
        candidates = getattr(text, "candidates", ())
        pipe.send(("progress", "" if candidates else str(text), candidates))

    report, problem = None, ""
    with worded(in_the_browser), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from dimgs.discovery.discover import discover_with

            report = discover_with(data, target, options, heard)
        except DimgsError as error:
            problem = str(error)
        except MemoryError:
            problem = "The memory of this machine does not suffice; use fewer rows."
        except KeyboardInterrupt:
            problem = "The search was stopped before it had a law."
        except Exception as error:
            what = f"{type(error).__name__}: {error}".splitlines()[0]
            problem = f"The search failed on something unforeseen ({what}); please report it."
    pipe.send(("ended", problem, report))


def _until_stopped(pipe: Connection) -> None:
    """Interrupt the search when it is asked to stop, as Ctrl-C would."""
    import _thread

    try:
        pipe.recv()
    except (EOFError, OSError):
        return
    _thread.interrupt_main()


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
        self._studies: dict[str, Study] = {}
        self._searches: dict[str, LawSearch] = {}

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
            raise NotFoundError("The table is not on the workbench; drop it again.")
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
        folder = self.folder / secrets.token_hex(4)
        folder.mkdir()
        path = folder / (_UNSAFE.sub("_", Path(name).name)[-_LONGEST:].lstrip(". ") or "table.csv")
        try:
            with path.open("wb") as file:
                for part in parts:
                    file.write(part)
        except OSError as error:
            raise InputError(f"The table cannot be kept here ({error.strerror}).") from error
        try:
            return self.open(path)
        except DimgsError:
            path.unlink()
            folder.rmdir()
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
        chosen = Choices.of(form, sheet.table_units)
        before = sheet.choices
        if chosen.sheet != before.sheet:
            sheet.choices = Choices(sheet=chosen.sheet)
            sheet.begin()
            return
        if before.target and before.target != chosen.target:
            # what is not a target any more may explain the other
            chosen = replace(chosen, inputs=(*chosen.inputs, before.target))
        sheet.choices = chosen

    def study(self, id: str) -> Study | None:
        """The study of a table; None before a search has ended."""
        self._take(id)
        return self._studies.get(id)

    def search(self, id: str) -> LawSearch | None:
        """The search that runs, or ended without a law."""
        self._take(id)
        return self._searches.get(id)

    def _take(self, id: str) -> None:
        search = self._searches.get(id)
        if search is not None and search.report is not None:
            self._studies[id] = self._make_study(id, search.choices, search.report, "discover")
            self._searches.pop(id, None)

    def _make_study(self, id: str, choices: Choices, report: Any, verb: str) -> Study:
        command = choices.command(self.table(id).name, verb)
        provenance = {**report.provenance, "command": command}
        return Study(replace(report, provenance=provenance), choices.question, {})

    def _question(self, id: str, **changes: Any) -> "tuple[Choices, Dataset, Options]":
        """What is asked of a table, its runs, and the options of the analysis."""
        sheet = self.table(id)
        if not sheet.choices.target:
            raise InputError("Choose a target first.")
        choices = sheet.question
        options = choices.options(**changes)
        return choices, options.read(sheet.path, choices.target), options.without_reading()

    def fit(self, id: str) -> None:
        """Fit the power law, at once.

        Raises
        ------
        DimgsError
            If the table cannot answer the question.
        """
        from dimgs.discovery.discover import discover_with

        choices, data, options = self._question(id, engine="power_law")
        report = discover_with(data, choices.target, options)
        self._end(id)
        self._studies[id] = self._make_study(id, choices, report, "fit")

    def discover(self, id: str) -> None:
        """Begin a search for the law.

        Raises
        ------
        DimgsError
            If the table cannot answer the question.
        """
        from dimgs.discovery.prepare import prepare

        choices, data, options = self._question(id)
        # a question that cannot be answered is refused at once
        prepare(data, choices.target, options, any_sign=True)
        self._end(id)
        self._searches[id] = LawSearch(data, choices, options)

    def propose(self, id: str, count: int) -> None:
        """Propose the runs that best distinguish the rivals.

        Raises
        ------
        DimgsError
            If there is no law to distinguish from others.
        """
        study = self.study(id)
        if study is None:
            raise InputError("There is no law yet; search for one before planning runs.")
        study.next_runs = study.report.next_runs(count)

    def keep(self, id: str, address: str) -> None:
        """Keep the study of a table in a hub, which is made where there is none.

        Raises
        ------
        DimgsError
            If it cannot be kept.
        """
        from dimgs.hub import Hub
        from dimgs.hub.hub import keep_report

        study = self.study(id)
        if study is None:
            raise InputError("There is no law to keep yet.")
        if not (address or self.hub):
            raise InputError("Name a hub, such as group.sqlite.")
        with Hub(address or self.hub) as hub:
            study.kept = {"hub": address or self.hub, **keep_report(hub, study.report)}

    def _end(self, id: str) -> None:
        if (search := self._searches.pop(id, None)) is not None:
            search.close()

    def close(self) -> None:
        """End every search."""
        for id in list(self._searches):
            self._end(id)
