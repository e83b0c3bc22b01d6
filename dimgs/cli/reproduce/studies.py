"""Case studies: where they are, running them, and one page that shows them.

A study is a folder with a module `study.py` that defines ``run() -> Findings``, or the checks
alone where there is nothing else to show; the first line of its docstring is its title.
"""

import ast
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Literal

from dimgs.cli.reproduce.published_checks import DataUnavailable, Findings
from dimgs.common.advice import setting
from dimgs.common.errors import DimgsError, InputError
from dimgs.common.formats import write_whole

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
    seconds : float
        How long it took.
    findings : Findings, optional
        What the texts are made from, with report and figure; None where the study did not end.
    """

    name: str
    status: Status
    found: str = ""
    published: str = ""
    tolerance: str = ""
    why: str = ""
    seconds: float = field(default=0.0, compare=False)
    findings: Findings | None = field(default=None, compare=False, repr=False)

    def to_json(self) -> dict[str, str]:
        """Plain strings."""
        names = ("name", "status", "found", "published", "tolerance", "why")
        return {name: str(getattr(self, name)) for name in names}


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
    studies = _studies(folder)
    for name in names:
        if name not in studies:
            raise InputError(f"There is no case study '{name}'; name some of {', '.join(studies)}.")
    outcomes = []
    for i, name in enumerate(names, 1):
        if progress is not None:
            progress(f"{name} ({i} of {len(names)})")
        start = time.perf_counter()
        outcome = _outcome(name, studies[name])
        outcome = replace(outcome, seconds=time.perf_counter() - start)
        outcomes.append(outcome)
        if progress is not None:
            progress(f"  {outcome.status}, {outcome.seconds:.1f} s")
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
    raise DimgsError(
        f"There are no case studies in or beside {package}; install dimgs again from its wheel "
        f"or work in a whole checkout."
    )


def _studies(folder: Path | None) -> dict[str, Path]:
    home = studies_folder(Path(__file__).resolve().parents[2]) if folder is None else folder
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
        found="; ".join(c.found_text for c in checks),
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

    written: list[Path] = []
    studies = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for outcome in outcomes:
            files = _files_of(outcome, folder / outcome.name)
            written += files
            studies.append((outcome, titles[outcome.name], {f.name for f in files}))
        page = folder / "index.html"
        template = html_templates().get_template("studies.html")
        text = template.render(studies=studies, summary=summary(outcomes))
        write_whole(page, f"{text}\n")
    except OSError as error:
        reason = error.strerror or error
        raise InputError(
            f"Cannot write to '{folder}': {reason}; choose another {setting('out')}."
        ) from error
    return [page, *written]


def summary(outcomes: Sequence[Outcome]) -> str:
    """Numbers of studies by their outcome, as a sentence."""
    ran = [o for o in outcomes if o.status != "not run"]
    passed = sum(o.status == "ok" for o in ran)
    text = f"{passed} of {len(ran)} studies that ran are ok"
    away = len(outcomes) - len(ran)
    return f"{text}; {away} not run" if away else text


def _files_of(outcome: Outcome, folder: Path) -> list[Path]:
    findings = outcome.findings
    if findings is None:
        return []
    written = []
    for name, text in _texts_of(findings).items():
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / name, text)
        written.append(folder / name)
    if findings.draw is not None:
        folder.mkdir(parents=True, exist_ok=True)
        findings.save_figure(folder / "figure.svg")
        written.append(folder / "figure.svg")
    return written


def _texts_of(findings: Findings) -> dict[str, str]:
    """The report as a page, which holds its own figures, and the law to predict with."""
    report = findings.report
    if report is None:
        return {}
    texts = {"report.html": report.to_html()}
    if report.law is not None:
        from dimgs.law.serialise import as_text

        texts["law.json"] = as_text(report.law.to_json())
    return texts
