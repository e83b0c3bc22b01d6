"""Write the README.md and the figure of case studies: `python -m case_studies.readme [NAME…]`.

Story, data and published answer are taken from the docstring of the study, the rest from its run.
"""

import ast
import sys
from inspect import cleandoc
from pathlib import Path

from dimgs.cli.reproduce import Outcome, run_studies, study_titles

HOME = Path(__file__).resolve().parent


def sections(name: str) -> dict[str, str]:
    """Story, data and published answer as the docstring of a study tells them."""
    source = (HOME / name / "study.py").read_text(encoding="utf-8")
    lines = (ast.get_docstring(ast.parse(source)) or "").splitlines()
    found: dict[str, list[str]] = {}
    for line in lines[1:]:
        if line and not line.startswith(" "):
            found[line.strip()] = []
        elif found:
            found[list(found)[-1]].append(line)
    return {title: cleandoc("\n".join(text)) for title, text in found.items()}


def text(outcome: Outcome, title: str) -> str:
    """The page of a study that ran."""
    told = sections(outcome.name)
    parts = [f"# {title}", told["Story"]]
    findings = outcome.findings
    if findings is not None and findings.draw is not None:
        parts.append(f"![{findings.caption}](figure.svg)")
    parts.append("## Found against published")
    rows = ["| found | published | tolerance |", "|---|---|---|"]
    for check in findings.checks if findings is not None else ():
        missed = "" if check.passed else " (missed)"
        cells = (check.measured_text, check.published_text, f"{check.tolerance_text}{missed}")
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    parts.append("\n".join(rows))
    parts.append(
        f"Intervals are at 90 % unless the tolerance says otherwise. `dimgs reproduce "
        f"{outcome.name}`: **{outcome.status}**."
    )
    if outcome.why:
        parts.append(f"Why these tolerances: {outcome.why}.")
    parts += ["## Data", told["Data"], "## Published", told["Published"]]
    return "\n\n".join(parts) + "\n"


def main(names: list[str]) -> None:
    """Run the studies and write what they found; those that cannot run keep their page."""
    titles = study_titles(HOME)
    outcomes = run_studies(names or list(titles), lambda t: print(t, file=sys.stderr), HOME)
    for outcome in outcomes:
        if outcome.findings is None:
            print(f"{outcome.name}: {outcome.status}: {outcome.why}", file=sys.stderr)
            continue
        folder = HOME / outcome.name
        outcome.findings.save_figure(folder / "figure.svg")
        page = text(outcome, titles[outcome.name].rstrip("."))
        (folder / "README.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
