"""`dimgs engines` and `dimgs reproduce`."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from typer import Argument, Option

from dimgs.cli import tables
from dimgs.cli.hub import As, Keep, keep_report
from dimgs.cli.output import emit, note, say, table, working
from dimgs.common.errors import InputError

if TYPE_CHECKING:
    from dimgs.cli.reproduce import Outcome


def engines(
    install: str | None = Option(None, help="Let PySR download Julia and its packages now."),
    json: tables.Json = False,
) -> None:
    """List the engines of symbolic regression, and how to install missing ones."""
    from dimgs.engines.registry import all_engines

    if install is not None:
        _install(install)
    entries, columns = all_engines(), ["name", "usable", "version", "remedy"]
    rows = [[e.name, "yes" if e.usable else "no", e.version or "", e.remedy or ""] for e in entries]
    document = {"engines": [e.to_json() for e in entries]}
    emit(document, lambda: table("Engines", columns, rows), json)


def _install(name: str) -> None:
    """Let an engine download its dependencies."""
    from dimgs.engines.registry import entries, entry_named

    install = entry_named(name).install
    if install is None:
        able = ", ".join(n for n, entry in entries().items() if entry.install is not None)
        remedy = entry_named(name).status().remedy
        other = f"instead: {remedy}" if remedy else "it is ready to run"
        raise InputError(f"'{name}' is not installed this way, only {able}; {other}.")
    with working(f"{name} downloads its dependencies, which takes minutes"):
        install()


def reproduce(
    names: list[str] | None = Argument(
        None, help="Case studies to run.", autocompletion=tables.studies
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
    from dimgs.cli.reproduce import run_studies, study_titles, summary, write_page

    titles = study_titles()
    if list_only:
        document = {"studies": [{"name": k, "title": v} for k, v in titles.items()]}
        rows = [[k, v] for k, v in titles.items()]
        emit(document, lambda: table("Case studies", ["name", "title"], rows), json)
        return
    named = list(dict.fromkeys(names or []))
    chosen = list(titles) if everything else named
    unknown = [n for n in named if n not in titles]
    if unknown or not chosen:
        what = f"There is no case study '{unknown[0]}'" if unknown else "No case study is named"
        raise InputError(f"{what}; name some of {', '.join(titles)}, or use --all.")
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


def _print_outcomes(outcomes: "list[Outcome]", summary: str) -> None:
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
    for text in (*(f"{o.name}: {o.why}" for o in outcomes if o.why), summary):
        say(text)
