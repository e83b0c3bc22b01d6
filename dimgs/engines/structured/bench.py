"""What the stages of a search work with, and their order."""

from collections.abc import Callable, Iterator
from functools import cached_property, partial

from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.arguments import Arguments
from dimgs.engines.structured.enumeration import enumerated
from dimgs.engines.structured.factors import Factors, power_law
from dimgs.engines.structured.genetic import genetic_search
from dimgs.engines.structured.quadratic import quadratic_forms
from dimgs.engines.structured.sums import Sums
from dimgs.engines.structured.targets import (
    Target,
    functions,
    powers,
    response,
    shifted,
    shifted_powers,
    shifted_squares,
)

Step = Callable[[], None]


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
    def grown(self) -> Arguments:
        """Every small tree."""
        return enumerated(self.runs, 9000, self.archive)

    def steps(self) -> Iterator[tuple[str, Step]]:
        """The letter of its stage and each step, in order."""
        runs, archive, sums = self.runs, self.archive, self.sums
        itself, others, moved = self.itself, self.others, self.moved
        yield "a", self._each(partial(power_law, runs), [itself, *self.functions, *moved])
        yield "b", lambda: self.factors.alone([itself], archive)
        yield "b", lambda: self.factors.simple([itself, *self.functions], archive, 1)
        yield "c", lambda: self.factors.simple([itself], archive)
        yield "c", self._each(sums.monomials, [itself])
        yield "c", self._each(sums.ratios, [itself])
        few = partial(sums.functions, count=1500)
        yield "c", self._each(few, [itself])
        yield "b", lambda: self.factors.alone([*self.functions, *moved], archive)
        yield "c", self._each(sums.monomials, others)
        yield "c", self._each(partial(quadratic_forms, sums), powers(runs))
        yield "c", self._each(few, powers(runs)[1:])
        yield "c", lambda: self.factors.simple([*self.functions, *moved], archive, 2)
        yield "c", lambda: self.factors.several(itself, archive, share=0.6, most=2)
        yield "c", self._each(sums.functions, [itself, *others])
        yield "c", self._each(sums.ratios, others)
        yield "c", self._each(sums.monomials, shifted_squares(runs, 5))
        yield "c", lambda: self.factors.several(itself, archive)
        mixed = partial(sums.ratios, functions=250)
        yield "c", self._each(mixed, [itself, *self.functions])
        yield "c", self._each(self._two, self.functions)
        yield "c", self._each(sums.squares, [itself, *others])
        yield "c", self._each(self._two, shifted(runs, 8))
        yield "d", self._small_trees
        yield "d", lambda: genetic_search(archive, self.grown, self.seed)

    def _each(self, step: Callable[[Target, Archive], None], targets: list[Target]) -> Step:
        def run() -> None:
            for target in targets:
                step(target, self.archive)
                if self.archive.exact:
                    return

        return run

    def _two(self, target: Target, archive: Archive) -> None:
        self.factors.several(target, archive, share=0.4, most=2)

    def _small_trees(self) -> None:
        bank = Factors.over(self.runs, self.grown)
        bank.alone([self.itself, *self.others, *shifted(self.runs, 8)], self.archive)
        if not self.archive.exact:
            bank.several(self.itself, self.archive, share=0.6, most=2)
