"""Results of an analysis: values, with their forms as text, page and files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dimgs.common.errors import InputError
from dimgs.common.formats import write_whole
from dimgs.law.law import Law
from dimgs.report.findings import Activation as Activation
from dimgs.report.findings import Candidates as Candidates
from dimgs.report.findings import Exponents as Exponents
from dimgs.report.findings import Findings, FittedLaw, PlannedRuns
from dimgs.report.findings import ProposedRun as ProposedRun
from dimgs.report.findings import Rival as Rival
from dimgs.report.findings import RivalPrediction as RivalPrediction
from dimgs.report.findings import Verdict as Verdict
from dimgs.report.plain_text import fit_text, next_text, report_text


class NextRuns(PlannedRuns):
    """Runs to make next, and the rivals that they would distinguish; as text where printed."""

    def __str__(self) -> str:
        return next_text(self)


class FitResult(FittedLaw):
    """The estimate of a power law as a checked law; as text where printed."""

    def to_json(self) -> dict[str, Any]:
        """The fit document."""
        from dimgs.report.documents import fit_document

        return fit_document(self)

    def __repr__(self) -> str:
        return f"FitResult('{self.law}')"

    def __str__(self) -> str:
        return fit_text(self)


class Report(Findings):
    """Result of `discover`: the law, its verdict, its rivals and the candidates.

    The attributes are those of :class:`~dimgs.report.findings.Findings`.

    Examples
    --------
    >>> import dimgs
    >>> report = dimgs.discover("docs/planets.csv", "T", constants=["G"])
    >>> report.confirmed, report.engine, report.n_runs
    (True, 'power_law', 12)
    >>> print(report.result)
    T = C*a**(3/2)/sqrt(G*M)
    """

    fit: FitResult | None

    def summary(self) -> str:
        """Text for the terminal: the law, its domain, its scores and its verdict."""
        return str(self)

    def next_runs(
        self, n: int = 5, ranges: Mapping[str, Any] | None = None, against: Law | None = None
    ) -> NextRuns:
        """Propose the runs that best distinguish the rivals.

        Parameters
        ----------
        n : int
            How many.
        ranges : mapping of str to str, pair of float or of quantities, optional
            Of inputs, such as ``{"U": "0.1..10 m/s"}``; numbers are in the unit of the table. By
            default the range of the runs, each end wider by up to √2.
        against : Law, optional
            A published law, which takes half of the probability: where would it fail?

        Returns
        -------
        NextRuns

        Raises
        ------
        InputError
            If the report has no law or does not contain its runs, or a range cannot be used.
        """
        if self.further_runs is None or self.law is None or self.data is None:
            raise InputError(
                "The report has no law and runs to plan from; make it with dimgs.discover."
            )
        runs: NextRuns = self.further_runs(self, n, ranges, against)
        return runs

    def to_json(self) -> dict[str, Any]:
        """The JSON document of `dimgs discover`."""
        from dimgs.report.documents import discover_document

        return discover_document(self)

    def to_html(self, path: str | Path | None = None) -> str:
        """One self-contained HTML page, written to `path` if given."""
        from dimgs.report.render import report_html

        page = report_html(self)
        if path is not None:
            write_whole(path, page)
        return page

    def to_markdown(self) -> str:
        """The report as Markdown."""
        from dimgs.report.render import report_markdown

        return report_markdown(self)

    def to_latex(self) -> str:
        """The study as LaTeX, which reads the fragments that :meth:`write` puts beside it."""
        from dimgs.report.render import report_latex

        return report_latex(self)

    def write(self, folder: str | Path) -> list[Path]:
        """Write every form of the report, its figures and its law into a folder.

        Parameters
        ----------
        folder : str or Path
            Made if absent.

        Returns
        -------
        list of Path
            Files written.
        """
        from dimgs.report.write import write_study

        return write_study(self, Path(folder))

    def _repr_html_(self) -> str:
        from dimgs.report.render import report_card

        return report_card(self)

    def _repr_latex_(self) -> str | None:
        return None if self.law is None else self.law._repr_latex_()

    def __repr__(self) -> str:
        law = "no law" if self.law is None else f"'{self.law}'"
        return f"Report({law}, outcome='{self.outcome}', {self.n_runs} runs)"

    def __str__(self) -> str:
        return report_text(self)
