"""Results of an analysis: values, with their forms as JSON, text, page and files."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from dimgs.common.advice import setting
from dimgs.common.errors import InputError
from dimgs.common.formats import SCHEMA, attributes, plain, sealed, write_whole
from dimgs.fits.estimate import Exponent
from dimgs.fits.noise import Noise, rms
from dimgs.groups.group import PiBasis, PiGroup
from dimgs.law.curve import Curve
from dimgs.law.display import round_decimals, shown_constants, undetermined_inputs
from dimgs.law.export import column_symbols, law_article
from dimgs.law.latex import group_latex
from dimgs.law.law import Law
from dimgs.law.serialise import as_text, source_document
from dimgs.report import figures, render
from dimgs.report.findings import Activation as Activation
from dimgs.report.findings import Candidates as Candidates
from dimgs.report.findings import Exponents as Exponents
from dimgs.report.findings import Findings, FittedLaw, Lead, PlannedRuns, beyond_rounding
from dimgs.report.findings import ProposedRun as ProposedRun
from dimgs.report.findings import Rival as Rival
from dimgs.report.findings import RivalPrediction as RivalPrediction
from dimgs.report.findings import Verdict as Verdict
from dimgs.report.plain_text import fit_text, next_text, report_text
from dimgs.report.words import curve_table, in_table_unit, log_error
from dimgs.variables import Variable
from dimgs.variables.quantities import Quantity

# ---- JSON documents of the results.


# every how many points of a curve that is drawn are listed
_POINTS_STEP = 7


def pi_document(basis: PiBasis, bases: Sequence[PiBasis] | None = None) -> dict[str, Any]:
    """The `pi` document."""
    symbols = column_symbols(basis)
    variables = [*basis.variables, *([basis.target] if basis.target else [])]
    return {
        "variables": [
            {
                **attributes(v, "name kind"),
                "unit": v.unit.text,
                "dimension": v.dimension.to_json(),
                "role": "response" if v is basis.target else v.role,
            }
            for v in variables
        ],
        "rank": basis.rank,
        **_basis(basis, symbols),
        "bases": None if bases is None else [_basis(b, symbols) for b in bases],
        "explanation": basis.explanation,
        "dropped": [{"name": d.name, "why": d.why} for d in basis.dropped],
        "suggestions": list(basis.suggestions),
    }


def _basis(basis: PiBasis, symbols: Mapping[str, str]) -> dict[str, Any]:
    return {
        "repeating": list(basis.repeating),
        "groups": [_group(g, symbols) for g in basis.groups],
        "response": None if basis.response is None else _group(basis.response, symbols),
    }


def _group(group: PiGroup, symbols: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": group.name,
        "exponents": group.to_json(),
        "known_as": group.known_as,
        "latex": group_latex(group, symbols),
    }


def exponent_document(e: Exponent) -> dict[str, Any]:
    """A fitted exponent as JSON."""
    return {
        **attributes(beyond_rounding(e), "name value low high"),
        "group": None if e.group is None else e.group.to_json(),
        "rational": None if e.rational is None else str(e.rational),
    }


def law_or_none(law: Law | None) -> dict[str, Any] | None:
    """The LAW document of a law, if there is one."""
    return None if law is None else law.to_json()


def activation_document(activation: Mapping[str, Activation] | None) -> dict[str, Any] | None:
    """Activation temperatures, as energies too; None without any."""
    if not activation:
        return None
    from scipy.constants import R

    return {
        name: {
            **asdict(a),
            "kJ_per_mol": a.kj_per_mol,
            "low_kJ_per_mol": a.low * R / 1000,
            "high_kJ_per_mol": a.high * R / 1000,
        }
        for name, a in activation.items()
    }


def display_document(law: Law) -> dict[str, Any]:
    """Constants of a law in the units of its table, as the text shows them."""
    shown = shown_constants(law)
    return {"constants": [attributes(c, "name value low high unit") for c in shown]}


def fit_document(fit: FittedLaw) -> dict[str, Any]:
    """The `fit` document."""
    prefactor = next((c for c in fit.law.constants if c.origin == "fitted"), None)
    document: dict[str, Any] = plain(
        {
            "schema": SCHEMA,
            "exponents": [exponent_document(e) for e in fit.exponents],
            "variable_exponents": [exponent_document(e) for e in fit.variable_exponents],
            "undetermined": list(undetermined_inputs(fit.law)),
            "prefactor": prefactor and attributes(prefactor, "value low high unit"),
            "centre": None if fit.centre is None else fit.centre.to_json(),
            "group_prefactors": fit.group_prefactors,
            "sources": [source_document(fit.law, each) for each in fit.law.sources] or None,
            "activation": activation_document(fit.activation),
            "scores": fit.scores.to_json(),
            "law": fit.judged_law.to_json(),
            "display": display_document(fit.judged_law),
            "noise": noise_document(fit.noise, fit.law.target),
            **attributes(fit, "independent_contrasts pairs collinear"),
            **attributes(fit.verdict, "probability confirmed why_not"),
            **attributes(fit, "regimes crossover local additive additive_pairs level warnings"),
        }
    )
    return document


def rival_document(rival: Rival) -> dict[str, Any]:
    """A law that the runs do not distinguish from the chosen one."""
    return {
        "law": rival.law.to_json(),
        **attributes(rival, "probability extrapolates"),
        "differs_most": {n: Quantity(*place).to_json() for n, place in rival.differs_most.items()},
    }


def noise_document(noise: Noise | None, target: Variable) -> dict[str, Any] | None:
    """The error model of the runs about a law; sizes relative, or in the unit of the target."""
    if noise is None:
        return None
    relative = noise.kind != "constant"
    unit = "1" if relative else target.unit.text

    def quantity(size: float) -> dict[str, Any]:
        return Quantity(size if relative else in_table_unit(target, size), unit).to_json()

    floor = Quantity(in_table_unit(target, noise.floor), target.unit.text).to_json()
    return {
        **attributes(noise, "kind tails"),
        "size": quantity(noise.size),
        "floor": floor if noise.kind == "mixed" else None,
        "intrinsic": None if noise.scatter is None else quantity(noise.scatter.intrinsic),
        "ratio_to_stated": None if noise.scatter is None else noise.scatter.ratio,
    }


def lead_document(report: Findings, lead: Lead) -> dict[str, Any]:
    """Description of the runs if no law is probable, with its error."""
    measured, predicted = np.array(lead.measured), np.array(lead.left_out)
    away, target = log_error(report, measured, predicted), report.target
    size = in_table_unit(target, rms(predicted - measured)) if away is None else away
    return {
        **attributes(lead, "name is_first r2"),
        "error": Quantity(size, "1" if away is not None else target.unit.text).to_json(),
        "law": law_or_none(lead.law),
        "curve": None if lead.curve is None else curve_document(lead.curve),
    }


def curve_document(curve: Curve) -> dict[str, Any]:
    """Points of a smooth curve and its band, along the input with which it varies most.

    In the units of the table; the further inputs are held at the middle of their runs.
    """
    line = curve.along()
    unit, rows, held = curve_table(curve, line)
    names = ("at", "value", "low", "high")
    return {
        "input": line.name,
        "input_unit": unit,
        "unit": curve.target.unit.text,
        "held": {n: Quantity(*x).to_json() for n, x in held.items()},
        "points": [dict(zip(names, row, strict=True)) for row in rows[::_POINTS_STEP]],
    }


def discover_document(report: Findings) -> dict[str, Any]:
    """The `discover` document."""
    document: dict[str, Any] = plain(
        {
            "schema": SCHEMA,
            "pi": pi_document(report.basis),
            "fit": None if report.fit is None else fit_document(report.fit),
            "law": law_or_none(report.law),
            "display": None if report.law is None else display_document(report.law),
            "candidates": [
                {
                    "expression": str(round_decimals(report.expression_of(c), {})),
                    "complexity": c.complexity,
                    "loss": c.loss,
                }
                for c in report.candidates
            ],
            "complete_to": report.complete_to and attributes(report.complete_to, "nodes forms"),
            "form": None if report.form is None else rival_document(report.form),
            "leads": [lead_document(report, lead) for lead in report.leads],
            "left_out_by": report.left_out_by or None,
            "rivals": [rival_document(r) for r in report.rivals],
            **attributes(report, "engine outcome probability none_of_these extrapolates confirmed"),
            "noise": noise_document(report.noise, report.target),
            **attributes(report, "why_not seconds level warnings provenance"),
        }
    )
    return document


# ---- A report as files in a folder.


_FIGURES = "figures"
_FRAGMENTS = "tex"


def check_folder(folder: Path) -> None:
    """Check that a folder can be written to or made, before anything long is computed for it.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    InputError
        If it cannot.
    """
    nearest = folder.absolute()
    try:
        while not nearest.exists() and nearest != nearest.parent:
            nearest = nearest.parent
        reason = "" if nearest.is_dir() else f"'{nearest}' is a file"
    except OSError as error:
        reason = str(error.strerror)
    if not reason and not os.access(nearest, os.W_OK | os.X_OK):
        reason = "Permission denied"
    if reason:
        raise InputError(f"Cannot write to '{folder}': {reason}; choose another {setting('out')}.")


def write_study(
    report: Findings, folder: Path, drawings: list[figures.Drawing] | None = None
) -> list[Path]:
    r"""Write the report in every form, with its figures.

    In the folder stand report.html, report.md, report.json, study.tex with references.bib, and,
    where there is a law, law.json and law.tex, and where a curve describes the runs, curve.json;
    in `figures` every figure as SVG and PDF; in `tex` the parts of the study, to be read with
    ``\input``.

    Parameters
    ----------
    report : Report
    folder : Path
        Made if absent.
    drawings : list of Drawing, optional
        Those of :func:`dimgs.report.figures.draw_figures`, where they are at hand.

    Returns
    -------
    list of Path
        Files written.

    Raises
    ------
    InputError
        If the folder cannot be written to.
    """
    # first what cannot be made again from the rest; the figures take longest
    results = {"report.json": as_text(sealed(discover_document(report)))}
    if report.law is not None:
        results["law.json"] = as_text(report.law.to_json())
    if report.curve is not None:
        results["curve.json"] = as_text(report.curve.to_json())
    with writing_to(folder):
        (folder / _FIGURES).mkdir(exist_ok=True)
        written = write_all(folder, results)
        drawings = figures.draw_figures(report) if drawings is None else drawings
        shown = [(d.title, f"{_FIGURES}/{d.name}.svg", d.caption) for d in drawings]
        files = {
            "report.html": render.report_html(report, drawings),
            "report.md": render.report_markdown(report, shown),
            "study.tex": render.report_latex(report, [(d.name, d.caption) for d in drawings]),
            "references.bib": render.bibliography(report),
        }
        parts = render.fragments(report).items()
        files |= {f"{_FRAGMENTS}/{name}.tex": f"{text}\n" for name, text in parts}
        if report.law is not None:
            files["law.tex"] = law_article(report.law)
        written = write_all(folder, files) + written
        return written + figures.save_figures(report, folder / _FIGURES, drawings)


def write_all(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Write texts into a folder, by their paths in it."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_whole(folder / name, text)
    return [folder / name for name in files]


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Create a folder; an error in writing to it becomes one sentence.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    InputError
        If it cannot be made, or a file in it not be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        reason = error.strerror or error
        raise InputError(
            f"Cannot write to '{folder}': {reason}; choose another {setting('out')}."
        ) from error


# ---- Results of an analysis: values, with their forms as text, page and files.


class NextRuns(PlannedRuns):
    """Runs to make next, and the rivals that they would distinguish; as text where printed."""

    def __str__(self) -> str:
        return next_text(self)


class FitResult(FittedLaw):
    """The estimate of a power law as a checked law; as text where printed."""

    def to_json(self) -> dict[str, Any]:
        """The fit document."""
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
        return discover_document(self)

    def to_html(self, path: str | Path | None = None) -> str:
        """One self-contained HTML page, written to `path` if given."""
        page = render.report_html(self)
        if path is not None:
            write_whole(path, page)
        return page

    def to_markdown(self) -> str:
        """The report as Markdown."""
        return render.report_markdown(self)

    def to_latex(self) -> str:
        """The study as LaTeX, which reads the fragments that :meth:`write` puts beside it."""
        return render.report_latex(self)

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
        return write_study(self, Path(folder))

    def _repr_html_(self) -> str:
        return render.report_card(self)

    def _repr_latex_(self) -> str | None:
        return None if self.law is None else self.law._repr_latex_()

    def __repr__(self) -> str:
        law = "no law" if self.law is None else f"'{self.law}'"
        return f"Report({law}, outcome='{self.outcome}', {self.n_runs} runs)"

    def __str__(self) -> str:
        return report_text(self)
