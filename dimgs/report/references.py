"""Works behind the methods that a report used, as BibTeX."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import sympy

from dimgs.engines.registry import entries
from dimgs.report.findings import Findings


@dataclass(frozen=True)
class Work:
    """A work, and when a report rests on it.

    Attributes
    ----------
    key : str
        Of its entry in methods.bib.
    serves : str
        What it is cited for, in words that follow "for".
    when : callable
        Whether a report rests on it.
    """

    key: str
    serves: str
    when: Callable[[Findings], bool] = lambda _: True

    def bibtex(self) -> str:
        """Entry of a bibliography."""
        return _entries()[self.key]


@cache
def _entries() -> dict[str, str]:
    text = files("dimgs.report").joinpath("methods.bib").read_text(encoding="utf-8")
    entries = [f"{part.strip()}\n" for part in text.split("\n\n")]
    return {entry[entry.index("{") + 1 : entry.index(",")]: entry for entry in entries}


def _fitted(report: Findings) -> bool:
    return report.fit is not None and bool(report.fit.exponents or report.fit.variable_exponents)


def _with_input_errors(report: Findings) -> bool:
    return any("enter by the slopes of each law" in note for note in report.warnings)


def _snapped(report: Findings) -> bool:
    return any(e.rational is not None for e in report.exponents)


def _asked(option: str) -> Callable[[Findings], bool]:
    return lambda report: option in report.provenance.get("options", "")


def _rests_on(key: str) -> Callable[[Findings], bool]:
    """Whether an engine that rests on the work found the law."""
    return lambda report: any(
        key in entry.cites for name, entry in entries().items() if name in report.engine
    )


def _with_varying_exponents(report: Findings) -> bool:
    """Whether a power in the law has a group in its exponent."""
    if report.law is None:
        return False
    groups = {group.name for group in report.law.groups}
    powers = report.law.pi_expression.atoms(sympy.Pow)
    return any(groups & {s.name for s in power.exp.free_symbols} for power in powers)


def _has(part: str) -> Callable[[Findings], bool]:
    return lambda report: bool(report.fit is not None and getattr(report.fit, part))


WORKS: tuple[Work, ...] = (
    Work("buckingham1914", "the groups"),
    Work("lenstra1982", "the reduced basis", lambda report: len(report.basis.groups) > 1),
    Work("bell2002", "the intervals by runs", _fitted),
    Work("satterthwaite1946", "the intervals of new runs", lambda r: r.law is not None),
    Work("greene2012", "the test of the rational exponents", _snapped),
    Work("jaeckel1972", "the fit by ranks", _asked("robust")),
    Work("hodges1963", "the prefactor by ranks", _asked("robust")),
    Work("york2004", "errors in the inputs", _with_input_errors),
    Work("barker1974", "errors in the inputs", _with_input_errors),
    Work("hansen2000", "the borders of the regimes", _has("regimes")),
    Work("churchill1972", "the smooth crossover", _has("crossover")),
    Work("cleveland1988", "the local exponents", _has("local")),
    Work("ravikumar2009", "the sum of smooth functions", _has("additive")),
    Work("hastie1993", "exponents that are functions of the groups", _with_varying_exponents),
    Work("rissanen1978", "the choice among the candidates", lambda r: len(r.candidates) > 1),
    Work("cranmer2023", "the search for closed forms", _rests_on("cranmer2023")),
    Work("burlacu2020", "the search for closed forms", _rests_on("burlacu2020")),
    Work("meurer2017", "the algebra of the law", lambda report: report.law is not None),
)


def works_of(report: Findings) -> list[Work]:
    """Works that a report rests on, in a fixed order."""
    return [work for work in WORKS if work.when(report)]


def bibliography(report: Findings) -> str:
    """BibTeX file of the methods that a report used."""
    return "\n".join(work.bibtex() for work in works_of(report))
