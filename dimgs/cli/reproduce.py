"""Case studies: published laws recovered from data, their checks, tables and one page of them.

A study is a folder with a module `study.py` that defines ``run() -> Findings``, or the checks
alone where there is nothing else to show; the first line of its docstring is its title. No table
is downloaded where the environment variable DIMGS_DATA names a folder of local copies.
"""

import ast
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import module_from_spec, spec_from_file_location
from math import inf
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import typer
from typer import Argument, Option

from dimgs.cli import tables
from dimgs.cli.hub import As, Keep, keep_report
from dimgs.cli.output import emit, note, say, table
from dimgs.common.errors import DimgsError, InputError
from dimgs.common.formats import attributes, whole, write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

    from dimgs.dataset import Dataset
    from dimgs.report.results import Report


# colour-blind safe (M. Okabe, K. Ito, Color Universal Design, 2008)
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
GREY = "#666666"
_SIZE = (5.6, 3.6)  # inches


class DataUnavailable(DimgsError):
    """The data of a study are not available; the message has the cause and the remedy."""


@dataclass(frozen=True)
class Check:
    """A number found by a study against the published one.

    Parameters
    ----------
    name : str
        What the number is, such as ``"exponent of Re"``.
    found : float
    low, high : float or None
        Interval of what was found (at 90 % unless the study says otherwise); None where it has
        none.
    published : float
    tolerance : float
        Largest accepted |found - published|, over |published| if `relative`; `NOT_JUDGED` where
        the difference is reported and explained, and decides nothing.
    relative : bool
    unit : str
    why : str
        Why the tolerance is what it is.

    Examples
    --------
    >>> check = Check("exponent", 0.498, 0.49, 0.51, 0.5, 0.01)
    >>> check.passed, check.measured_text
    (True, 'exponent 0.498 [0.49, 0.51]')
    """

    name: str
    found: float
    low: float | None
    high: float | None
    published: float
    tolerance: float
    relative: bool = False
    unit: str = ""
    why: str = ""

    @classmethod
    def of(
        cls, name: str, estimate: Any, published: float, tolerance: float, **judged: Any
    ) -> "Check":
        """Check of an estimate with a value, low and high, such as a constant of a law.

        Takes `relative`, `unit` and `why` as :class:`Check` does.
        """
        low, high = estimate.low, estimate.high
        return cls(name, estimate.value, low, high, published, tolerance, **judged)

    @property
    def passed(self) -> bool:
        """Whether the published number is met within the tolerance."""
        limit = self.tolerance * (abs(self.published) if self.relative else 1.0)
        return abs(self.found - self.published) <= limit

    @property
    def measured_text(self) -> str:
        """Name, number, interval and unit."""
        has_interval = self.low is not None and self.high is not None
        interval = f" [{self.low:.5g}, {self.high:.5g}]" if has_interval else ""
        return f"{self.name} {self.found:.5g}{interval}{self._unit}"

    @property
    def published_text(self) -> str:
        """Published number and unit."""
        return f"{self.published:.5g}{self._unit}"

    @property
    def tolerance_text(self) -> str:
        """Tolerance as a percentage or in the unit of the number."""
        if self.tolerance == NOT_JUDGED:
            return _NOT_JUDGED
        if self.relative:
            return f"{100 * self.tolerance:.3g} %"
        return f"{self.tolerance:.3g}{self._unit}"

    @property
    def _unit(self) -> str:
        return f" {self.unit}" if self.unit else ""


@dataclass(frozen=True)
class Statement:
    """Words found by a study against the published ones; they must be equal where judged.

    Parameters
    ----------
    name : str
        What is stated, such as ``"takes no part"``.
    found, published : str
    why : str
    judged : bool
        Whether words that differ fail the study.
    """

    name: str
    found: str
    published: str
    why: str = ""
    judged: bool = True

    @property
    def passed(self) -> bool:
        """Whether the words are equal, where that is judged."""
        return self.found == self.published or not self.judged

    @property
    def measured_text(self) -> str:
        """Name and words."""
        return f"{self.name}: {self.found}"

    @property
    def published_text(self) -> str:
        """Published words."""
        return self.published

    @property
    def tolerance_text(self) -> str:
        """Words are exact, where they are judged."""
        return "exact" if self.judged else _NOT_JUDGED


@dataclass(frozen=True)
class Findings:
    """Checks of a study with its report and figure.

    Parameters
    ----------
    checks : sequence of Check and Statement
    report : Report, optional
        Of the law that the study is about.
    draw : callable, optional
        Draws the figure on the Axes that it is given.
    caption : str
        What the figure shows, in words.
    """

    checks: Sequence[Check | Statement]
    report: "Report | None" = None
    draw: "Callable[[Axes], object] | None" = None
    caption: str = ""

    def save_figure(self, path: Path) -> bool:
        """Save the figure in the format of the suffix; False where there is none.

        Parameters
        ----------
        path : Path

        Returns
        -------
        bool
        """
        if self.draw is None:
            return False
        from matplotlib import rc_context
        from matplotlib.figure import Figure

        with rc_context({"svg.hashsalt": "dimgs", "font.size": 10}):
            figure = Figure(figsize=_SIZE, layout="constrained")
            axes = figure.subplots()
            self.draw(axes)
            axes.spines[["top", "right"]].set_visible(False)
            metadata = {"Date": None} if path.suffix == ".svg" else None
            with whole(path) as beside:
                figure.savefig(beside, metadata=metadata, dpi=150)
        return True


NOT_JUDGED = inf  # tolerance of a number that is reported, and neither passes nor fails a study
_NOT_JUDGED = "not judged"


VARIABLE = "DIMGS_DATA"
_TIMEOUT = 20.0  # seconds without an answer


@dataclass(frozen=True)
class Source:
    """A published table.

    Parameters
    ----------
    name : str
        A local copy is called ``NAME.csv`` and has the columns that the study names; a copy of
        the original under its own file name serves too.
    repository, commit, path : str
        Where the original is: ``owner/name`` on GitHub, the commit, the file in it.
    facts : mapping of str to float
        Medians of columns (of the values that are there), by which the table is recognised.
    rows : int
        How many there are.
    columns : mapping of str to str
        Names in the original, and what the study calls them.
    options : mapping
        How the original is read, for `pandas.read_csv`.
    prepare : callable, optional
        Makes what else the study needs out of the original.
    share : float
        How far medians and number of rows may be off, as a fraction: copies are rounded, and
        catalogues grow.
    """

    name: str
    repository: str
    commit: str
    path: str
    facts: Mapping[str, float]
    rows: int
    columns: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    prepare: "Callable[[DataFrame], DataFrame] | None" = None
    share: float = 1e-3

    @property
    def url(self) -> str:
        """Address of the original, which its commit fixes."""
        return f"https://raw.githubusercontent.com/{self.repository}/{self.commit}/{self.path}"

    def dataset(self, units: Mapping[str, str], *, drop_bad: bool = False) -> "Dataset":
        """Runs with the named columns.

        Parameters
        ----------
        units : mapping of str to str
            Unit of every column wanted.
        drop_bad : bool
            Leave out rows that cannot be used.

        Returns
        -------
        Dataset

        Raises
        ------
        DataUnavailable
            If the table cannot be reached, or is not the one that was studied.
        """
        from dimgs.dataset import read_table

        return read_table(self.frame(), units=units, columns=list(units), drop_bad=drop_bad)

    def frame(self) -> "DataFrame":
        """The table with the study's column names, from a local copy or the original.

        Raises
        ------
        DataUnavailable
            If the table cannot be reached, or is not the one that was studied.
        """
        import pandas as pd

        path, original = self._file()
        try:
            frame: DataFrame = pd.read_csv(path, **(self.options if original else {}))
            if original:
                frame = frame.rename(columns=dict(self.columns))
                frame = frame if self.prepare is None else self.prepare(frame)
        except (OSError, ValueError, KeyError) as error:
            fault = f"'{path}' cannot be read as the table {self.name} ({error})"
            raise DataUnavailable(f"{fault}; get it again from {self.url}.") from error
        self._recognise(frame, path)
        return frame

    def _file(self) -> tuple[Path, bool]:
        """A file, and whether it is the original."""
        folder = os.environ.get(VARIABLE)
        if not folder:
            return self._download(), True
        original = Path(self.path).name
        for name in (f"{self.name}.csv", original):
            path = Path(folder) / name
            if path.is_file():
                return path, name == original and name != f"{self.name}.csv"
        lacks = f"holds neither {self.name}.csv nor {original}"
        remedy = f"put {self.url} there, or unset {VARIABLE} to have it downloaded"
        raise DataUnavailable(f"the folder {VARIABLE} names ('{folder}') {lacks}; {remedy}.")

    def _download(self) -> Path:
        try:
            import pooch
            from requests import RequestException
        except ImportError as error:
            fault = "the package 'pooch', which downloads the table, is not installed"
            remedy = 'install it with: pip install "dimgs[studies]", or name a folder'
            text = f"{fault}; {remedy} that holds {self.name}.csv by {VARIABLE}."
            raise DataUnavailable(text) from error
        pooch.get_logger().setLevel("ERROR")
        downloader = pooch.HTTPDownloader(timeout=_TIMEOUT, progressbar=False)
        try:
            file = pooch.retrieve(
                self.url,
                known_hash=None,  # the commit fixes the content, which is recognised once read
                fname=f"{self.name}-{self.commit[:12]}{Path(self.path).suffix}",
                path=pooch.os_cache("dimgs"),
                downloader=downloader,
            )
        except (RequestException, OSError, ValueError) as error:
            fault = f"{self.url} cannot be downloaded ({type(error).__name__})"
            there = f"that holds {self.name}.csv or {Path(self.path).name} by {VARIABLE}"
            raise DataUnavailable(f"{fault}; name a folder {there}.") from error
        return Path(file)

    def _recognise(self, frame: "DataFrame", path: Path) -> None:
        import pandas as pd

        wrong = [f"it has no column '{name}'" for name in self.facts if name not in frame.columns]
        for name, median in () if wrong else self.facts.items():
            found = float(pd.to_numeric(frame[name], errors="coerce").median())
            if not abs(found - median) <= self.share * abs(median):
                wrong.append(f"{name} has the median {found:.6g}, not {median:.6g}")
        if abs(len(frame) - self.rows) > self.share * self.rows:
            wrong.append(f"it has {len(frame)} rows, not {self.rows}")
        if wrong:
            fault = f"'{path}' is not the table {self.name} that was studied: {wrong[0]}"
            raise DataUnavailable(f"{fault}; get it from {self.url}.")


Status = Literal["ok", "failed", "not run"]

_MODULE = "study.py"


@dataclass(frozen=True)
class Outcome:
    """Result of running a study.

    Parameters
    ----------
    name : str
        Folder of the study.
    status : {"ok", "failed", "not run"}
        "not run" where its data cannot be reached.
    found, published, tolerance : str
        Of each check, in order, separated by semicolons.
    why : str
        What failed, or why the study did not run, or why the tolerances are what they are.
    findings : Findings, optional
        What the texts are made from, with report and figure; None where the study did not end.
    """

    name: str
    status: Status
    found: str = ""
    published: str = ""
    tolerance: str = ""
    why: str = ""
    findings: Findings | None = field(default=None, compare=False, repr=False)

    def to_json(self) -> dict[str, str]:
        """Plain strings."""
        return attributes(self, "name status found published tolerance why")


def study_titles(folder: Path | None = None) -> dict[str, str]:
    """Name and title of every case study, without importing any.

    Parameters
    ----------
    folder : Path, optional
        Where to look; by default the studies that come with dimgs.

    Returns
    -------
    dict of str to str

    Raises
    ------
    DimgsError
        If this installation holds no case studies.

    Examples
    --------
    >>> study_titles()["kepler"]
    "Kepler's third law, in days, astronomical units and solar masses."
    """
    return {name: _title(path) for name, path in _studies(folder).items()}


def run_studies(
    names: Sequence[str], progress: Callable[[str], None] | None = None, folder: Path | None = None
) -> list[Outcome]:
    """Run case studies one after the other; one that fails does not stop the others.

    Parameters
    ----------
    names : sequence of str
    progress : callable, optional
        Called before each study, and with its outcome.
    folder : Path, optional
        Where to look; by default the studies that come with dimgs.

    Returns
    -------
    list of Outcome
        In the order of `names`.

    Raises
    ------
    InputError
        If there is no study of that name.
    DimgsError
        If this installation holds no case studies.

    Examples
    --------
    >>> [(outcome.name, outcome.status) for outcome in run_studies(["kepler"])]
    [('kepler', 'ok')]
    """
    studies, say_of = _studies(folder), progress or (lambda text: None)
    for name in names:
        if name not in studies:
            raise InputError(f"There is no case study '{name}'; name some of {', '.join(studies)}.")
    outcomes = []
    for i, name in enumerate(names, 1):
        say_of(f"{name} ({i} of {len(names)})")
        start = time.perf_counter()
        outcomes.append(_outcome(name, studies[name]))
        say_of(f"  {outcomes[-1].status}, {time.perf_counter() - start:.1f} s")
    return outcomes


def studies_folder(package: Path) -> Path:
    """Folder of the case studies of an installed package or of a checkout.

    Parameters
    ----------
    package : Path
        The folder of the package dimgs: a wheel holds the studies inside it, a checkout beside it.

    Returns
    -------
    Path

    Raises
    ------
    DimgsError
        If neither is there.
    """
    for folder in (package / "case_studies", package.parent / "case_studies"):
        if any(folder.glob(f"*/{_MODULE}")):
            return folder
    remedy = "install dimgs again from its wheel or work in a whole checkout"
    raise DimgsError(f"There are no case studies in or beside {package}; {remedy}.")


def _studies(folder: Path | None) -> dict[str, Path]:
    home = studies_folder(Path(__file__).resolve().parents[1]) if folder is None else folder
    return {path.parent.name: path for path in sorted(home.glob(f"*/{_MODULE}"))}


def _title(path: Path) -> str:
    try:
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    except SyntaxError:
        docstring = None
    return docstring.splitlines()[0] if docstring else path.parent.name


def _outcome(name: str, path: Path) -> Outcome:
    try:
        with _loaded(name, path) as study:
            returned = study.run()
            findings = returned if isinstance(returned, Findings) else Findings(returned)
            checks = tuple(findings.checks)
    except DataUnavailable as error:
        return Outcome(name, "not run", why=str(error))
    except Exception as error:  # a study that breaks must not hide the results of the others
        return Outcome(name, "failed", why=f"{type(error).__name__}: {error}")
    missed = [c.name for c in checks if not c.passed]
    reasons = [f"missed: {', '.join(missed)}"] if missed else []
    reasons += [] if checks else ["it checks nothing"]
    reasons += dict.fromkeys(c.why for c in checks if c.why)
    return Outcome(
        name,
        "ok" if checks and not missed else "failed",
        found="; ".join(c.measured_text for c in checks),
        published="; ".join(c.published_text for c in checks),
        tolerance="; ".join(c.tolerance_text for c in checks),
        why="; ".join(reasons),
        findings=findings,
    )


@contextmanager
def _loaded(name: str, path: Path) -> Iterator[ModuleType]:
    """The module of a study, under a name of its own; siblings are reached by relative imports."""
    unique = f"_dimgs_study_{name}"
    spec = spec_from_file_location(unique, path, submodule_search_locations=[str(path.parent)])
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported.")
    module = module_from_spec(spec)
    sys.modules[unique] = module
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        for key in [k for k in sys.modules if k == unique or k.startswith(f"{unique}.")]:
            del sys.modules[key]


def write_page(outcomes: Sequence[Outcome], titles: Mapping[str, str], folder: Path) -> list[Path]:
    """Write index.html, and a folder with figure and report for every study that has them.

    Parameters
    ----------
    outcomes : sequence of Outcome
        As :func:`run_studies` returns them.
    titles : mapping of str to str
        Title of each study.
    folder : Path
        Made if absent.

    Returns
    -------
    list of Path
        Files written, the page first.

    Raises
    ------
    InputError
        If the folder cannot be written to.
    """
    from dimgs.report.render import html_templates
    from dimgs.report.results import writing_to

    written: list[Path] = []
    studies = []
    page = folder / "index.html"
    with writing_to(folder):
        for outcome in outcomes:
            files = _files_of(outcome, folder / outcome.name)
            written += files
            studies.append((outcome, titles[outcome.name], {f.name for f in files}))
        template = html_templates().get_template("studies.html")
        text = template.render(studies=studies, summary=summary(outcomes))
        write_whole(page, f"{text}\n")
    return [page, *written]


def summary(outcomes: Sequence[Outcome]) -> str:
    """Numbers of studies by their outcome, as a sentence."""
    ran = [o for o in outcomes if o.status != "not run"]
    passed = sum(o.status == "ok" for o in ran)
    text = f"{passed} of {len(ran)} studies that ran are ok"
    away = len(outcomes) - len(ran)
    return f"{text}; {away} not run" if away else text


def _files_of(outcome: Outcome, folder: Path) -> list[Path]:
    """The report as a page, which holds its own figures, the law to predict with, and a figure."""
    from dimgs.report.results import write_all

    findings, texts = outcome.findings, dict[str, str]()
    if findings is None or (findings.report is None and findings.draw is None):
        return []
    folder.mkdir(parents=True, exist_ok=True)
    if findings.report is not None:
        texts["report.html"] = findings.report.to_html()
        if findings.report.law is not None:
            from dimgs.law.serialise import as_text

            texts["law.json"] = as_text(findings.report.law.to_json())
    figure = folder / "figure.svg"
    return [*write_all(folder, texts), *([figure] if findings.save_figure(figure) else [])]


# ---- `dimgs reproduce`: the command, and what it prints.


def _studies_beginning(incomplete: str) -> list[str]:
    """Case studies that begin with what is typed."""
    return [name for name in study_titles() if name.startswith(incomplete)]


def reproduce(
    names: list[str] | None = Argument(
        None, help="Case studies to run.", autocompletion=_studies_beginning
    ),
    everything: bool = Option(False, "--all", help="Run all of them."),
    list_only: bool = Option(False, "--list", help="List them and stop."),
    out: Path | None = Option(None, help="Folder for one page with all figures and reports."),
    hub: Keep = None,
    user: As = None,
    json: tables.Json = False,
) -> None:
    """Run case studies and compare with published laws; the exit code is 1 if a check fails.

    Tables that no package ships are downloaded from their repositories, or read from the folder
    that the environment variable DIMGS_DATA names; a study without its table is listed as not run.
    """
    titles = study_titles()
    if list_only:
        document = {"studies": [{"name": k, "title": v} for k, v in titles.items()]}
        rows = [[k, v] for k, v in titles.items()]
        emit(document, lambda: table("Case studies", ["name", "title"], rows), json)
        return
    chosen = list(dict.fromkeys([*(names or ()), *(titles if everything else ())]))
    if not chosen:
        raise InputError(f"No case study is named; name some of {', '.join(titles)}, or use --all.")
    if out is not None:
        from dimgs.report.results import check_folder

        check_folder(out)
    outcomes = run_studies(chosen, progress=note)
    reports = {o.name: o.findings.report for o in outcomes if o.findings is not None}
    ids = {name: keep_report(hub, user, r) for name, r in reports.items() if r is not None}
    studies = [{**o.to_json(), **ids.get(o.name, {})} for o in outcomes]
    alone = next(iter(ids.values())) if len(ids) == 1 else {}
    emit({"studies": studies, **alone}, lambda: _print_outcomes(outcomes, summary(outcomes)), json)
    if out is not None:
        note(f"Written to {write_page(outcomes, titles, out)[0]}")
    if any(o.status == "failed" for o in outcomes):
        raise typer.Exit(1)


def _print_outcomes(outcomes: Sequence[Outcome], total: str) -> None:
    """One table, a row for every check; then why, study by study."""
    rows = []
    for o in outcomes:
        first = [o.name, o.status]
        for check in o.findings.checks if o.findings is not None else ():
            missed = [] if check.passed else ["missed"]
            texts = [check.measured_text, check.published_text, check.tolerance_text]
            rows.append([*first, *texts[:2], "; ".join([texts[2], *missed])])
            first = ["", ""]
        if first[0]:
            rows.append([*first, "", "", ""])
    table("Case studies", ["study", "status", "found", "published", "tolerance"], rows)
    for text in (*(f"{o.name}: {o.why}" for o in outcomes if o.why), total):
        say(text)
