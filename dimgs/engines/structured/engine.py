"""The embedded engine: deterministic, in double precision, from the simple to the rich."""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from dimgs.common.arrays import BoolArray
from dimgs.engines.protocol import CutBy, Outcome, Problem, Result, SearchBudget
from dimgs.engines.structured.archive import (
    Archive,
    OutOfBudget,
    candidates_of,
    is_explained,
    on_all_runs,
    tell_best,
    thin_runs,
)
from dimgs.engines.structured.columns import groups_without
from dimgs.engines.structured.complete import ShortForms
from dimgs.engines.structured.free_exponents import logarithms_of_sums, posynomials, single_index
from dimgs.engines.structured.products import FactorSearch, power_law
from dimgs.engines.structured.runs import Runs, choose_errors
from dimgs.engines.structured.select import inputs_that_matter
from dimgs.engines.structured.separable import ScaledFunctions, waves
from dimgs.engines.structured.sums import Sums
from dimgs.engines.structured.targets import (
    CUBE,
    FURTHER,
    Target,
    functions,
    over_signed,
    powers,
    response,
    shifted,
)
from dimgs.engines.structured.trees import Exponents, Mono, evaluate, in_groups, nodes, to_sympy

if TYPE_CHECKING:
    import sympy

Run = Callable[[], None]
# idle steps that are waited for at least, and bits of structure for each: with fewer steps laws of
# powers of the response are lost, with fewer bits long laws are searched for longer
_IDLE, _PATIENCE = 5.0, 6.0
# bits that a better law must gain to count as progress: one bit is a likelihood twice as high
_GAIN = 1.0
# searches from the start, as the best law shows what the errors are: each costs a whole search
_PASSES = 4
# fewer runs than constants of a short law; and of more, the time of every column grows, while the
# best laws are fitted to all runs in the end
_FEWEST_RUNS, _MOST_RUNS = 5, 400
# products of signed groups that are taken for a factor of the law: beyond those of two groups and
# of one or two powers of each, sums find them
_FRONTS = 8
# bits of a law of seven nodes with two constants: a longer one is searched for among fewer inputs
_SHORT = 45.0
# of the time and the evaluations, for a search among the inputs that matter by themselves: with
# half of 1,000 evaluations, laws are lost that a table without further inputs has found
_PART = 0.8
# exponents of variables that are rounding
_NOTHING = 1e-9
_UNUSABLE = (ArithmeticError, ValueError, np.linalg.LinAlgError)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a stage.

    Parameters
    ----------
    stage : str
    name : str
        What it searches.
    run : callable
    quick : bool
        Whether it is done before anything is concluded, and first when the weights change.
    """

    stage: str
    name: str
    run: Run
    quick: bool = False


class Stages:
    """The tools for one problem and one kind of error, each made when it is first used.

    Parameters
    ----------
    archive : Archive
        Keeps what is found; its runs are those that are searched.
    short : ShortForms, optional
        All forms up to a size, where they are to be tried.
    fewer : list of Step
        What follows the steps of the response itself.
    """

    def __init__(
        self, archive: Archive, short: ShortForms | None = None, fewer: Sequence[Step] = ()
    ) -> None:
        self.archive, self.runs, self.short, self.fewer = archive, archive.runs, short, fewer
        self.itself, *self.powers = powers(self.runs)
        self.functions = functions(self.runs)
        self.fronts = over_signed(self.runs, _FRONTS)
        moved = shifted(self.runs, [self.itself], 6)
        if np.all(self.runs.anchor > 0):
            moved += shifted(self.runs, self.powers, 2)
        # the response less the shortest monomial first: 1 - y of what saturates
        self.named = [*moved[:1], *self.functions, *moved[1:]]
        self.sums, self.scaled = Sums(self.runs), ScaledFunctions(self.runs)

    @cached_property
    def factors(self) -> FactorSearch:
        """Factors over short arguments."""
        return FactorSearch.over(self.runs)

    def steps(self) -> list[Step]:
        """The steps of all stages, in order."""
        return [*self._of_the_response(), *self.fewer, *self._of_its_functions()]

    def _of_the_response(self) -> list[Step]:
        """Short searches first: those that try few laws, and the quick ones.

        In noise a search ends where its residuals have no structure, so that a cheap step late in
        the order is one that does not run.
        """
        archive, sums, scaled, each = self.archive, self.sums, self.scaled, self._each
        first, powered, simple = [self.itself], [self.itself, *self.powers], self._simple
        free = [*powered, *powers(self.runs, FURTHER), *self.functions]
        inverse = [target for target in self.powers if target.power == -1]
        logarithm = [target for target in self.functions if target.name == "log"]
        others = [*self.powers, *self.functions, *powers(self.runs, CUBE)]
        signs, functions = [*first, *self.fronts], [*first, *self.fronts, *self.functions]
        three = partial(posynomials, terms=3)
        beside, beside_two = (partial(scaled.sums, 1, width) for width in (1, 2))
        short = self.short
        whole = [] if short is None else [Step("a", "short forms", lambda: short.search(archive))]
        return [
            Step("a", "power laws", each(power_law, [*signs, *self.named])),
            *whole,
            Step("d", "two free exponents", each(posynomials, free), quick=True),
            Step("d", "logarithms of sums", each(logarithms_of_sums, powered), quick=True),
            Step("b", "one factor", lambda: self.factors.loosely(signs, archive)),
            Step("b", "one simple factor", simple(functions, 1), quick=True),
            Step("c", "three simple factors", simple(first, 3), quick=True),
            Step("c", "waves", each(waves, first), quick=True),
            Step("c", "two factors", lambda: self.factors.two_loosely(self.itself, archive)),
            Step("d", "exponentials of functions", each(scaled.exponentials, first), quick=True),
            Step("d", "varying exponents", each(scaled.varying_exponents, first)),
            Step("c", "a monomial beside a function", each(beside, [*first, *inverse])),
            Step("c", "sums of squares", each(sums.squares, powered)),
            Step("c", "sums of angles", each(sums.angles, [*powered, *self.functions])),
            Step("c", "sums with functions", each(sums.functions, powered)),
            Step("d", "a function of a free monomial", each(single_index, first)),
            Step("d", "three free exponents", each(three, [*first, *logarithm])),
            Step("c", "sums of monomials", each(sums.monomials, first)),
            Step("c", "ratios in one span", each(sums.ratios, first)),
            Step("c", "sums for functions", each(sums.monomials, others)),
            Step("c", "roots of quadratics", each(sums.roots, powered)),
            Step("c", "a monomial beside two with a function", each(beside_two, first)),
            Step("c", "two monomials beside a function", each(partial(scaled.sums, 2, 1), first)),
        ]

    def _of_its_functions(self) -> list[Step]:
        """The steps for powers and functions of the response."""
        archive, sums, each, named = self.archive, self.sums, self._each, self.named
        return [
            Step("b", "one factor of functions", lambda: self.factors.loosely(named, archive)),
            Step("c", "two simple factors of functions", self._simple(named, 2)),
            Step("c", "ratios for functions", each(sums.ratios, self.functions)),
        ]

    def _each(self, step: Callable[[Target, Archive], None], targets: list[Target]) -> Run:
        def run() -> None:
            for target in self.archive.until_exact(targets):
                step(target, self.archive)

        return run

    def _simple(self, targets: list[Target], most: int) -> Run:
        return lambda: self.factors.search(targets, self.archive, most)


class StructuredEngine:
    """Search in stages; a later stage starts only if the residuals still depend on the groups.

    Of many runs 400 are searched; the best laws are then fitted to all runs and chosen by them.

    a. power law with rational exponents (|p| <= 8, denominators up to 6);
    b. power law times one factor of the library of physics, or an exponential of a function with
       a constant inside;
    c. two and three factors; sums of monomials and of monomials times functions; their ratios;
       roots of quadratic equations; the same for transformed responses;
    d. sums of monomials with free exponents, functions of such monomials, logarithms of such sums;
       exponents that are functions of other groups.

    Parameters
    ----------
    stages : str
        Which stages run, by their letters.
    without : collection of str
        Names of steps that do not run.

    Examples
    --------
    >>> x = np.geomspace(0.1, 5.0, 40)
    >>> problem = Problem({"pi_1": x}, 3 * np.sqrt(x) / (1 + 2 * x))
    >>> result = StructuredEngine().search(problem, SearchBudget(60))
    >>> at_2 = float(result.candidates[0].numeric.subs("pi_1", 2))
    >>> result.outcome, bool(np.isclose(at_2, 3 * np.sqrt(2) / 5, rtol=1e-12))
    ('converged', True)
    """

    name = "structured"

    def __init__(self, stages: str = "abcd", without: Collection[str] = ()) -> None:
        self.stages, self.without = stages, frozenset(without)

    def search(self, problem: Problem, budget: SearchBudget, seed: int = 0) -> Result:
        """Pareto front of candidates, the chosen one first.

        Parameters
        ----------
        problem : Problem
        budget : SearchBudget
        seed : int
            Not used: nothing is drawn.

        Returns
        -------
        Result
            The outcome is "converged" if a law explains the runs to the precision of the numbers,
            or leaves no residual that depends on the groups, or every stage ran to its end.
        """
        from threadpoolctl import threadpool_limits

        start = monotonic()
        if problem.n_runs < _FEWEST_RUNS:
            message = f"{problem.n_runs} runs cannot support a law; {_FEWEST_RUNS} are needed."
            return Result((), "no_candidate", message, monotonic() - start)
        some = thin_runs(problem, _MOST_RUNS)
        archive = Archive(Runs.of(some), start + budget.seconds, budget.evaluations)
        wanted = budget.nodes != 0 and not problem.must_use
        short = ShortForms(budget.nodes) if wanted else None
        cut: CutBy | None = None
        message = "every stage was searched"
        with threadpool_limits(1), np.errstate(all="ignore"):
            try:
                message = self._stages(archive, short, budget.nodes)
            except OutOfBudget as spent:
                cut, message = spent.by, str(spent)
            except KeyboardInterrupt:
                cut, message = "interrupt", "interrupted; this is the best so far"
            message += archive.trouble
            completed = None
            if short is not None and cut != "interrupt":
                completed = short.completed(archive)
            if some is not problem:
                archive = on_all_runs(archive, problem)
            if not archive.explained and not is_explained(archive):
                message += "; it is a surrogate, not confirmed: its residuals depend on the groups"
            candidates = candidates_of(archive, problem, self.name)
        if not candidates:
            return Result((), "no_candidate", f"No law: {message}.", monotonic() - start, cut=cut)
        outcome: Outcome = "converged" if cut is None else "timeout"
        taken = monotonic() - start
        text = f"{candidates[0]}: {message}."
        return Result(candidates, outcome, text, taken, cut=cut, complete_to=completed)

    def _stages(self, archive: Archive, short: ShortForms | None, size: int | None) -> str:
        if not np.any(archive.runs.y):
            return "the response is zero in every run"
        done: set[int] = set()
        among = partial(self._in_fewer, archive, size, set())
        first = Step("a", "inputs that matter", partial(among, inputs_that_matter, _PART))
        again = Step("a", "fewer inputs", partial(among, partial(_inputs_of_best, archive)))
        message: str | None = None
        if self._runs(first):
            first.run()
        for _ in range(_PASSES):
            message = message or self._pass(archive, Stages(archive, short, [again]), done)
        if self._runs(again):
            again.run()
        return message or "every stage was searched"

    def _in_fewer(
        self,
        archive: Archive,
        size: int | None,
        known: set[tuple[Exponents, ...]],
        inputs: Callable[[Runs], BoolArray],
        part: float = 1.0,
    ) -> None:
        """Search in groups of some inputs, where these are fewer, once, in a part of the budget.

        Among fewer groups a search reaches longer laws.
        """
        runs = archive.runs
        groups = groups_without(runs, ~inputs(runs))
        if groups in known or not 0 < len(groups) < runs.n_groups:
            return
        known.add(groups)
        some = archive.among(groups, part)
        with suppress(OutOfBudget):
            self._stages(some, None if size == 0 else ShortForms(size), size)
        archive.tried += some.tried
        for fitted in some.front():
            archive.add(in_groups(fitted.tree, groups), checked=False)

    def _runs(self, step: Step) -> bool:
        return step.stage in self.stages and step.name not in self.without

    def _pass(self, archive: Archive, stages: Stages, done: set[int]) -> str | None:
        """One pass through the stages; of those steps already done the long ones come last.

        Returns
        -------
        str or None
            None if the errors turn out to be other ones: all is to be searched again.
        """
        bits, idle, last = np.inf, 0, None
        steps = [(k, s) for k, s in enumerate(stages.steps()) if self._runs(s)]
        steps.sort(key=lambda s: s[0] in done and not s[1].quick)
        quick = sum(step.quick for _, step in steps)
        for k, step in steps:
            if archive.settled:
                break
            if quick <= 0 and idle > patience(archive) and is_explained(archive):
                return "its residuals do not depend on the groups"
            before, waited = archive.tried, True
            try:
                step.run()
                waited = archive.tried > before
                archive.sharpen()
                archive.vary()
            except _UNUSABLE as error:
                archive.trouble = f"; a step ended early on numbers that it could not use ({error})"
            done.add(k)
            quick -= step.quick
            if not archive.runs.n_groups:
                return "there is no group that it could depend on"
            now = np.inf if archive.best is None else archive.best.bits
            # a step that has nothing to try is not waited for
            idle = 0 if now < bits - _GAIN else idle + waited
            if not idle:
                tell_best(archive)
            bits = min(bits, now)
            progress = (archive.best, quick == 0)
            if archive.renewals < _PASSES - 1 and (idle == 0 or quick == 0) and progress != last:
                last = progress
                runs = _renewed(archive, settled=quick == 0)
                if runs is not stages.runs:
                    archive.renew(runs)
                    return None
        if archive.explained:
            return "explains every run to the precision of the numbers"
        return "every stage was searched"


def _inputs_of_best(archive: Archive, runs: Runs) -> BoolArray:
    """Mask of the physical variables that the best law and pi_0 have.

    All of them where nothing is gained: a short law is kept where its residuals have no structure.
    """
    best = archive.best
    if best is None or archive.explained or (best.structure < _SHORT and is_explained(archive)):
        return np.ones(len(runs.shape), dtype=bool)
    inside = [part.exponents for part in nodes(best.tree) if isinstance(part, Mono)]
    powers = np.array(inside, dtype=float).reshape(-1, runs.n_groups)
    used = np.any(np.abs(powers @ runs.shape.T) > _NOTHING, axis=0)
    return np.asarray(used | (runs.shift != 0))


def _renewed(archive: Archive, *, settled: bool) -> Runs:
    """The runs as the best law so far judges their errors."""
    if archive.best is None or archive.explained:
        return archive.runs
    return choose_errors(archive.runs, evaluate(archive.best.tree, archive.runs), settled=settled)


def patience(archive: Archive) -> float:
    """Number of unsuccessful steps after which a search ends: more for a longer law."""
    return np.inf if archive.best is None else max(_IDLE, archive.best.structure / _PATIENCE)


# widths of the beam for sums of one, two and three monomials: of 300 short ones all pairs of the
# first are tried beside it
_LOW_ORDER = (100, 60, 30)


def low_order_sum(problem: Problem, seconds: float) -> tuple["sympy.Expr", dict[str, float]] | None:
    """The sum of at most three monomials that describes the runs in the fewest bits.

    Two of them may have free exponents, such as an offset beside a power law.

    Parameters
    ----------
    problem : Problem
    seconds : float

    Returns
    -------
    sympy.Expr, dict of str to float
        With a constant for each coefficient; None where no sum fits the runs.

    Examples
    --------
    >>> x = np.linspace(1.0, 9.0, 40)
    >>> str(low_order_sum(Problem({"pi_1": x}, 7 + x**2 / 3), 10.0)[0])
    'c_1 + c_2*pi_1**2'
    """
    some = thin_runs(problem, _MOST_RUNS)
    with np.errstate(all="ignore"):
        archive = Archive(Runs.of(some), monotonic() + seconds)
        with suppress(OutOfBudget, *_UNUSABLE):
            target = response(archive.runs)
            Sums(archive.runs).monomials(target, archive, _LOW_ORDER)
            posynomials(target, archive)
    best = archive.best
    return None if best is None else to_sympy(best.tree, archive.runs.names)
