"""What a search keeps: the best trees, each structure once."""

from dataclasses import dataclass, field
from time import monotonic

from dimgs.engines.structured.fitting import Fitted, polish
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import Tree

EXACT_LOSS = 1e-19
_RENEWED = 60


class OutOfBudget(Exception):
    """The seconds or evaluations of a search are over; says which."""


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
    found : dict of str to Fitted
        The shortest tree of each loss.
    tried, renewals : int
        How many trees were fitted, and how often the weights changed.
    exact : bool
        Whether some tree explains the runs to the precision of the numbers.
    """

    runs: Runs
    deadline: float
    evaluations: int | None = None
    found: dict[str, Fitted] = field(default_factory=dict)
    tried: int = 0
    renewals: int = 0
    exact: bool = False

    def check(self) -> None:
        """Raise OutOfBudget when the budget is spent."""
        if self.evaluations is not None and self.tried >= self.evaluations:
            raise OutOfBudget("the evaluations were spent before the search was complete")
        if monotonic() > self.deadline:
            raise OutOfBudget("the clock cut the search, so another run may find another law")

    def add(self, tree: Tree) -> Fitted | None:
        """Fit a tree and keep it."""
        self.check()
        self.tried += 1
        fitted = polish(tree, self.runs)
        if fitted is None:
            return None
        few = fitted.structure < 8 * self.runs.n_runs / 3
        self.exact = self.exact or (fitted.loss < EXACT_LOSS and few)
        key = f"{fitted.loss:.6e}"
        known = self.found.get(key)
        if known is None or fitted.bits < known.bits:
            self.found[key] = fitted
        return fitted

    def renew(self, runs: Runs) -> None:
        """Fit the best trees again to runs with other weights."""
        ordered = sorted(self.found.values(), key=lambda f: (f.bits, repr(f.tree)))
        self.runs, self.found, self.exact = runs, {}, False
        self.renewals += 1
        for fitted in ordered[:_RENEWED]:
            self.add(fitted.tree)

    @property
    def best(self) -> Fitted | None:
        """Tree of the fewest bits."""
        if not self.found:
            return None
        fewest = min(f.bits for f in self.found.values())
        return min((f for f in self.found.values() if f.bits == fewest), key=lambda f: repr(f.tree))

    def front(self, limit: int, shortest: int) -> list[Fitted]:
        """Pareto front of structure and loss, and the trees of the fewest bits."""
        front: list[Fitted] = []
        ordered = sorted(self.found.values(), key=lambda f: (f.structure, f.loss, repr(f.tree)))
        for fitted in ordered:
            if not front or fitted.loss < 0.9 * min(f.loss for f in front):
                front.append(fitted)
        ordered = sorted(self.found.values(), key=lambda f: (f.bits, repr(f.tree)))
        front.sort(key=lambda f: f.bits)
        return list(dict.fromkeys([*ordered[:shortest], *front[:limit]]))
