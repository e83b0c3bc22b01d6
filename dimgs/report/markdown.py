"""A report as Markdown, for repositories and notes."""

from collections.abc import Sequence

from dimgs.escape import markdown as plain
from dimgs.escape import markdown_code as code
from dimgs.law.typeset import group_definitions
from dimgs.report.results import Report
from dimgs.report.runs import Runs
from dimgs.report.text import centre_text, number
from dimgs.report.verdict import headline, verdict
from dimgs.report.words import effects, exponent_text, regime_sentences, spread_text, title_of


def report_markdown(report: Report, figures: Sequence[tuple[str, str, str]] = ()) -> str:
    r"""A report as Markdown with formulas between dollar signs.

    Parameters
    ----------
    report : Report
    figures : sequence of (title, path, caption)
        Figures to show, by paths relative to the file.

    Returns
    -------
    str

    Examples
    --------
    >>> import dimgs
    >>> data = dimgs.Dataset.from_columns(
    ...     {"L [m]": [0.2, 0.4, 0.8, 1.6], "T [s]": [0.897, 1.269, 1.794, 2.537]})
    >>> report = dimgs.discover(data, "T", constants=["g"], engine="power_law")
    >>> print(report_markdown(report).split("## ")[1].strip())
    The law
    <BLANKLINE>
    $$T = \frac{C \, \sqrt{L}}{\sqrt{g}}$$
    <BLANKLINE>
    - C = 6.2816 [6.2803, 6.283], fitted
    - g = 9.8066 m/s^2, physical
    <BLANKLINE>
    The law predicts runs that it was not fitted on.
    """
    runs = Runs.of(report) if report.law is not None and report.data is not None else None
    blocks = [f"# {plain(title_of(report))}", *_law(report), *_holds(report), *_well(report, runs)]
    if runs is not None:
        blocks += _means(runs)
    if figures:
        blocks.append("## Figures")
        for title, path, caption in figures:
            blocks.append(f"### {title}\n\n![{title}]({path})\n\n{caption}")
    blocks += ["## The data", _list(map(plain, report.notes)) or "Nothing to note."]
    facts = [f"table: {plain(report.source)}, {report.n_runs} runs"]
    facts += [f"engine: {plain(report.engine)}"]
    facts += [f"{plain(k.replace('_', ' '))}: {code(v)}" for k, v in report.provenance.items()]
    blocks += ["## Provenance", _list(facts)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _list(items: "Sequence[str] | map[str]") -> str:
    return "\n".join(f"- {item}" for item in items)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    # a bar, also an escaped one, must not end its cell
    cells = [[cell.replace("\\|", "|").replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


def _law(report: Report) -> list[str]:
    law, above = report.law, headline(report)
    blocks = ["## The law", f"**{plain(above)}**" if above else ""]
    if law is None:
        return [*blocks, plain(verdict(report))]
    constants = []
    for c in law.constants:
        unit = "" if c.unit == "1" else f" {plain(c.unit)}"
        known = c.origin == "fitted" and c.low is not None
        between = f" [{number(c.low)}, {number(c.high)}]" if known else ""
        constants.append(f"{plain(c.name)} = {number(c.value)}{unit}{between}, {c.origin}")
    if (centre := report.centre) is not None:
        constants.append(plain(centre_text(centre)))
    return [*blocks, f"$${law.latex()}$$", _list(constants), plain(verdict(report))]


def _holds(report: Report) -> list[str]:
    law = report.law
    if law is None or not law.domain.groups:
        return []
    known = {g.name: g for g in law.groups}
    rows = []
    for name, (low, high) in law.domain.groups.items():
        group = known.get(name)
        what = "" if group is None else group.known_as or str(group)
        rows.append([plain(name), plain(what), number(low), number(high)])
    return ["## Where it holds", _table(["group", "what", "from", "to"], rows)]


def _well(report: Report, runs: Runs | None) -> list[str]:
    if report.law is None:
        return []
    s = report.law.scores
    rows = [["runs left out", number(s.cv_r2_log)], ["in sample", number(s.r2_log)]]
    if s.holdout_r2_log is not None:
        rows.insert(1, [f"{s.holdout_n} runs held out", number(s.holdout_r2_log)])
    rows.append(["in sample, target itself", number(s.r2)])
    scale = "" if report.law.target.is_level else " of the logarithm"
    words = "" if runs is None else plain(spread_text(runs))
    return ["## How well", _table(["judged on", f"R²{scale}"], rows), words]


def _means(runs: Runs) -> list[str]:
    found = effects(runs)
    rows = [[f"${e.symbol}$", exponent_text(e), plain(e.text)] for e in found]
    blocks = ["## What it means"]
    if rows:
        blocks.append(_table(["input", "exponent", "in words"], rows))
    groups = (runs.law.response, *runs.law.groups)
    named = zip(groups, group_definitions(runs.law), strict=True)
    lines = [f"${text}$" + (f" ({plain(g.known_as)})" if g.known_as else "") for g, text in named]
    blocks.append(_list(lines))
    regimes = [f"${where}$: {plain(text)}" for where, text in regime_sentences(runs)]
    return [*blocks, _list(regimes) if len(regimes) > 1 else ""]
