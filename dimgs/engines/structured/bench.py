"""What the stages of a search work with, and their order."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.arguments import Arguments
from dimgs.engines.structured.enumeration import enumerated
from dimgs.engines.structured.factors import Factors, power_law
from dimgs.engines.structured.genetic import genetic_search
from dimgs.engines.structured.offsets import Family, families, offset_factors
from dimgs.engines.structured.posynomials import posynomials
from dimgs.engines.structured.quadratic import quadratic_forms
from dimgs.engines.structured.spans import spanned
from dimgs.engines.structured.sums import Sums
from dimgs.engines.structured.targets import (
    FURTHER,
    Target,
    functions,
    powers,
    response,
    shifted,
    shifted_powers,
    shifted_squares,
)
from dimgs.engines.structured.trinomials import Trinomials

Run = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a stage.

    Parameters
    ----------
    stage : str
    run : callable
    quick : bool
        Whether it is done again when the weights change.
    last : bool
        Whether it starts only if the law so far leaves something to explain.
    """

    stage: str
    run: Run
    quick: bool = False
    last: bool = False


class Bench:
    """The tools for one problem and one kind of error, each made when it is first used.

    Parameters
    ----------
    archive : Archive
        Keeps what is found; its runs are those that are searched.
    seed : int
    """

    def __init__(self, archive: Archive, seed: int) -> None:
        self.archive, self.runs, self.seed = archive, archive.runs, seed
        self.itself = response(self.runs)
        self.functions = functions(self.runs)
        self.others = [*powers(self.runs)[1:], *self.functions]
        self.moved = [*shifted(self.runs, 6), *shifted_powers(self.runs, 2)]
        self.sums = Sums(self.runs)

    @cached_property
    def factors(self) -> Factors:
        """Factors over monomials, differences and modulated arguments."""
        return Factors.of(self.runs)

    @cached_property
    def trinomials(self) -> Trinomials:
        """Sums of three terms."""
        return Trinomials(self.runs)

    @cached_property
    def families(self) -> list[Family]:
        """Functions with a free constant, to stand beside a monomial."""
        return families(self.runs)

    @cached_property
    def grown(self) -> Arguments:
        """Every small tree."""
        return enumerated(self.runs, 9000, self.archive)

    def steps(self) -> list[Step]:
        """The steps of all stages, in order."""
        runs, archive, sums = self.runs, self.archive, self.sums
        itself, others, moved, each = self.itself, self.others, self.moved, self._each
        named = [*self.functions, *moved]
        few = partial(sums.functions, count=1500)
        spans = partial(spanned, sums)
        mixed = partial(sums.ratios, functions=250)
        return [
            Step("a", each(partial(power_law, runs), [itself, *named])),
            Step("b", lambda: self.factors.alone([itself], archive)),
            Step(
                "b", lambda: self.factors.simple([itself, *self.functions], archive, 1), quick=True
            ),
            Step("c", lambda: self.factors.simple([itself], archive), quick=True),
            Step("c", each(sums.monomials, [itself]), quick=True),
            Step("c", each(sums.ratios, [itself]), quick=True),
            Step("c", each(few, [itself]), quick=True),
            Step("c", each(self._offset, [itself]), quick=True),
            Step("c", lambda: self.trinomials.search(itself, archive), quick=True),
            Step("c", each(spans, [itself])),
            Step("d", each(posynomials, [itself])),
            Step("d", each(partial(posynomials, terms=3), [itself])),
            Step("b", lambda: self.factors.alone(named, archive)),
            Step("c", each(sums.monomials, others)),
            Step("c", each(partial(quadratic_forms, sums), powers(runs))),
            Step("c", each(spans, powers(runs)[1:])),
            Step("d", each(posynomials, [*powers(runs, FURTHER)[1:], *self.functions])),
            Step("d", each(partial(posynomials, terms=3), powers(runs)[1:])),
            Step("c", each(few, powers(runs)[1:])),
            Step("c", each(self._offset, powers(runs)[1:])),
            Step("c", lambda: self.factors.simple(named, archive, 2)),
            Step("c", lambda: self.factors.several(itself, archive, share=0.6, most=2)),
            Step("c", each(sums.functions, [itself, *others])),
            Step("c", each(spans, self.functions)),
            Step("c", each(sums.ratios, others)),
            Step("c", each(sums.monomials, shifted_squares(runs, 5))),
            Step("c", lambda: self.factors.several(itself, archive)),
            Step("c", each(partial(spanned, sums, ratios=True), [itself])),
            Step("c", each(mixed, [itself, *self.functions])),
            Step("c", each(self._two, self.functions)),
            Step("c", each(sums.squares, [itself, *others])),
            Step("c", each(self._two, shifted(runs, 8))),
            Step("d", self._small_trees, last=True),
            Step("d", lambda: genetic_search(archive, self.grown, self.seed), last=True),
        ]

    def _each(self, step: Callable[[Target, Archive], None], targets: list[Target]) -> Run:
        def run() -> None:
            for target in targets:
                step(target, self.archive)
                if self.archive.exact:
                    return

        return run

    def _offset(self, target: Target, archive: Archive) -> None:
        offset_factors(self.families, target, archive)

    def _two(self, target: Target, archive: Archive) -> None:
        self.factors.several(target, archive, share=0.4, most=2)

    def _small_trees(self) -> None:
        bank = Factors.over(self.runs, self.grown)
        bank.alone([self.itself, *self.others, *shifted(self.runs, 8)], self.archive)
        if not self.archive.exact:
            bank.several(self.itself, self.archive, share=0.6, most=2)
