"""Archive of a search: the best tree of each structure, which become candidates."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from dimgs.common.errors import LawError
from dimgs.common.progress import report_progress
from dimgs.engines.protocol import Problem
from dimgs.engines.refit import constants_bits
from dimgs.engines.structured.refine import (
    FittedTree,
    bits_gained,
    polish,
    residuals_of,
    simplify_numbers,
)
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import (
    Exponents,
    Mono,
    Number,
    Tree,
    evaluate,
    factors_of,
    to_sympy,
    varies,
    with_free_power,
    with_one_other,
    without_a_part,
)
from dimgs.expression.candidate import Candidate
from dimgs.groups.rationals import exact_bits

# mean square of relative residuals that is rounding: 3e-10, as of the smallest sums of products
EXACT_LOSS = 1e-19
# trees that are fitted again when the weights change
_RENEWED = 60
# bits of structure below which a tree that is exact ends the search at once, or after as long a
# search again; and at most so many for each run, as sums as long as the runs fit anything
_SHORT, _LONG, _MOST_BITS = 60.0, 120.0, 8 / 3
# trees of the front, and of the fewest bits, whose constants are made simple: each takes refits
_FRONT, _SIMPLIFIED = 12, 30
# relative change of a law by 10 % of an input above which it is not a rounding
_DEPENDS = 1e-9
# chance of structure in noise, above which a search ends: one true law in a hundred is below
_LEVEL = 0.1
# trees whose constants are made simple after each step, and that are fitted without their parts
_SHARPENED = 4
Item = TypeVar("Item")


class OutOfBudget(Exception):
    """The time or the evaluations of a search are spent.

    Parameters
    ----------
    reason : str
    by : {"time", "evaluations"}
    """

    def __init__(self, reason: str, by: Literal["time", "evaluations"]) -> None:
        super().__init__(reason)
        self.by = by


@dataclass(eq=False)
class Archive:
    """Fitted trees of a search, and its clock.

    Parameters
    ----------
    runs : Runs
    deadline : float
        By `time.monotonic`.
    evaluations : int, optional
        How many trees may be fitted.
    fits : dict of str to FittedTree
        The shortest tree of each loss.
    tried, renewals : int
        How many trees were fitted, and how often the weights changed.
    exact : bool
        Whether some short tree explains the runs to the precision of the numbers.
    trouble : str
        Why a step ended early, if any did.
    explained : int
        How many trees had been fitted when the first tree of some length did so; 0 if none did.
    sharpened : set of Tree
        Trees whose constants were made simple already.
    varied : set of Tree
        Trees that were varied already, and what they became.
    least : float
        The least loss.
    """

    runs: Runs
    deadline: float
    evaluations: int | None = None
    fits: dict[str, FittedTree] = field(default_factory=dict)
    tried: int = 0
    renewals: int = 0
    exact: bool = False
    explained: int = 0
    trouble: str = ""
    sharpened: set[Tree] = field(default_factory=set)
    varied: set[Tree] = field(default_factory=set)
    least: float = np.inf

    @property
    def settled(self) -> bool:
        """Whether a tree explains the runs, and as long a search again has found no shorter one.

        Long sums come near to any smooth law of one group, to ten digits at times.
        """
        return self.exact or 0 < 2 * self.explained <= self.tried

    def among(self, groups: Sequence[Exponents], part: float) -> "Archive":
        """An empty archive of the runs with other groups, for a part of the rest of the budget."""
        now, rest = monotonic(), None
        if self.evaluations is not None:
            rest = int(part * (self.evaluations - self.tried))
        return Archive(self.runs.among(groups), now + part * (self.deadline - now), rest)

    def check(self) -> None:
        """Raise OutOfBudget when the budget is spent."""
        if self.evaluations is not None and self.tried >= self.evaluations:
            raise OutOfBudget(
                "the evaluations were spent before the search was complete", "evaluations"
            )
        if monotonic() > self.deadline:
            raise OutOfBudget(
                "the clock cut the search, so another run may find another law", "time"
            )

    def until_exact(self, items: Iterable[Item]) -> Iterator[Item]:
        """Items to try, one by one, until a tree is exact."""
        for item in () if self.exact else items:
            yield item
            if self.exact:
                return

    def add(self, tree: Tree, *, checked: bool = True) -> FittedTree | None:
        """Fit a tree and keep it; `checked` is whether the budget may end the search here."""
        if checked:
            self.check()
        self.tried += 1
        fitted = polish(tree, self.runs, self.least)
        # as many constants as runs follow anything
        if fitted is None or fitted.n_constants >= self.runs.n_runs:
            return None
        if not _uses_all(tree, self.runs):
            return None
        self.least = min(self.least, fitted.loss)
        few = fitted.structure < min(_LONG, _MOST_BITS * self.runs.n_runs)
        if fitted.loss < EXACT_LOSS and few:
            self.explained = self.explained or self.tried
            self.exact = self.exact or fitted.structure < _SHORT
        self._keep(fitted)
        return fitted

    def _keep(self, fitted: FittedTree) -> None:
        key = f"{fitted.loss:.6e}"
        earlier = self.fits.get(key)
        if earlier is None or fitted.bits < earlier.bits:
            self.fits[key] = fitted

    def sharpen(self) -> None:
        """Make the constants simple of trees that would then be the best, the most promising first.

        A law whose numbers are simple is known as the best only when they are: until then every
        one of them counts as fitted.
        """
        fewest = np.inf if self.best is None else self.best.bits
        # what a constant saves at most when it is simple
        gain = constants_bits(1, self.runs.n_runs) - exact_bits("2")
        hoped = [(f.bits - f.n_constants * gain, f) for f in self.fits.values() if f.n_constants]
        fresh = [(h, f) for h, f in hoped if h < fewest and f.tree not in self.sharpened]
        for _, fitted in sorted(fresh, key=lambda x: (x[0], x[1].order[1]))[:_SHARPENED]:
            self.check()
            self.sharpened.add(fitted.tree)
            simple = simplify_numbers(fitted, self.runs)
            if simple.bits < fitted.bits:
                self._keep(simple)

    def vary(self) -> None:
        """Fit the best trees without each of their parts, and with those powers free that gain."""
        fresh = [f.tree for f in self.front() if f.tree not in self.varied]
        enough = constants_bits(1, self.runs.n_runs)
        for whole in fresh[:_SHARPENED]:
            self.varied.add(whole)
            trees = [*filter(varies, with_one_other(whole, without_a_part))]
            # power laws with fitted exponents are no matter of a search
            if not all(isinstance(f, Number | Mono) for f in factors_of(whole)):
                free = with_one_other(whole, with_free_power)
                trees += [t for t in free if bits_gained(t, self.runs) > enough]
            for tree in trees:
                if tree not in self.varied:
                    self.varied.add(tree)
                    self.add(tree)

    def renew(self, runs: Runs) -> None:
        """Fit the best trees again to runs with other weights."""
        ordered = sorted(self.fits.values(), key=lambda f: f.order)
        self.runs, self.fits, self.exact, self.explained = runs, {}, False, 0
        self.least = np.inf
        self.renewals += 1
        for fitted in ordered[:_RENEWED]:
            self.add(fitted.tree, checked=False)

    @property
    def best(self) -> FittedTree | None:
        """Tree of the fewest bits."""
        return min(self.fits.values(), key=lambda f: f.order, default=None)

    def front(
        self, limit: int = _FRONT, shortest: int = _SIMPLIFIED, most_constants: float = np.inf
    ) -> list[FittedTree]:
        """Pareto front of structure and loss, and the trees of the fewest bits."""
        front: list[FittedTree] = []
        trees = [f for f in self.fits.values() if f.n_constants <= most_constants]
        ordered = sorted(trees, key=lambda f: (f.structure, f.loss, f.order))
        for fitted in ordered:
            if not front or fitted.loss < 0.9 * min(f.loss for f in front):
                front.append(fitted)
        ordered = sorted(trees, key=lambda f: f.order)
        front.sort(key=lambda f: f.bits)
        return list(dict.fromkeys([*ordered[:shortest], *front[:limit]]))


def _uses_all(tree: Tree, runs: Runs) -> bool:
    """Whether the target depends on every variable that it must, by a tree for pi_0."""
    for other, factor in runs.rescaled:
        changed = evaluate(tree, other) / (factor * evaluate(tree, runs))
        if not np.any(np.abs(changed - 1) > _DEPENDS):
            return False
    return True


def is_explained(archive: Archive) -> bool:
    """Whether nothing that depends on the groups is left by the best law."""
    best = archive.best
    residuals = None if best is None else residuals_of(best.tree, archive.runs)
    return residuals is not None and not archive.runs.kernels.unexplained(residuals[0], _LEVEL)[0]


def thin_runs(problem: Problem, most: int) -> Problem:
    """Some of the runs, always the same ones; the problem itself where it has no more."""
    n = problem.n_runs
    if n <= most:
        return problem
    rows = np.sort(np.random.default_rng(n).choice(n, most, replace=False))

    def taken(values: NDArray[Any] | None) -> NDArray[Any] | None:
        return None if values is None else np.asarray(values)[rows]

    return replace(
        problem,
        groups={name: values[rows] for name, values in problem.groups.items()},
        response=problem.response[rows],
        weights=taken(problem.weights),
        unit=taken(problem.unit),
    )


def on_all_runs(archive: Archive, problem: Problem) -> Archive:
    """The best trees of a search of some runs, fitted to all."""
    whole = Archive(Runs.of(problem).with_errors(archive.runs.errors), np.inf)
    for fitted in archive.front():
        whole.add(fitted.tree)
    return whole


def candidates_of(archive: Archive, problem: Problem, engine: str) -> tuple[Candidate, ...]:
    """The front as candidates, the law of the fewest bits first."""
    most = np.inf if problem.most_constants is None else problem.most_constants
    trees = dict.fromkeys([*archive.front(), *archive.front(most_constants=most)])
    simple = [simplify_numbers(f, archive.runs) for f in trees]
    chosen = [f for f in simple if f.n_constants <= most]
    out: dict[str, Candidate] = {}
    for fitted in sorted(chosen, key=lambda f: f.order):
        candidate = _candidate(fitted.tree, archive.runs, engine)
        if candidate is not None:
            out.setdefault(str(candidate), candidate)
    return tuple(out.values())


def _candidate(tree: Tree, runs: Runs, engine: str) -> Candidate | None:
    """A tree as a candidate; None where it cannot be a law."""
    value, y = evaluate(tree, runs), runs.y
    residuals = np.log(value / y) if runs.positive else value - y
    loss = float(np.mean(runs.weights * residuals**2))
    scale: Literal["log", "linear"] = "log" if runs.positive else "linear"
    try:
        return Candidate.of(*to_sympy(tree, runs.names), loss=loss, scale=scale, engine=engine)
    except LawError:
        return None


def tell_best(archive: Archive) -> None:
    """Report the tree of the fewest bits so far, as it was fitted, as a progress event."""
    best = archive.best
    candidate = None if best is None else _candidate(best.tree, archive.runs, "")
    if candidate is None:
        return
    report_progress("the best formula so far is %s", candidate, candidates=(candidate,))
