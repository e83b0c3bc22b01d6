"""What a search keeps: the best trees, each structure once."""

from dataclasses import dataclass, field
from time import monotonic

from dimgs.engines.structured.fitting import Fitted, polish
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import Tree

EXACT_LOSS = 1e-19


class OutOfBudget(Exception):
    """The seconds or evaluations of a search are over."""


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
    """

    runs: Runs
    deadline: float
    evaluations: int | None = None
    found: dict[str, Fitted] = field(default_factory=dict)
    tried: int = 0

    def check(self) -> None:
        """Raise OutOfBudget when the budget is spent."""
        spent = self.evaluations is not None and self.tried >= self.evaluations
        if spent or monotonic() > self.deadline:
            raise OutOfBudget

    def add(self, tree: Tree) -> Fitted | None:
        """Fit a tree and keep it."""
        self.check()
        self.tried += 1
        fitted = polish(tree, self.runs)
        if fitted is None:
            return None
        key = f"{fitted.loss:.6e} {fitted.structure:.1f}"
        known = self.found.get(key)
        if known is None or fitted.bits < known.bits:
            self.found[key] = fitted
        return fitted

    @property
    def best(self) -> Fitted | None:
        """Tree of the fewest bits."""
        if not self.found:
            return None
        return min(self.found.values(), key=lambda f: (f.bits, repr(f.tree)))

    @property
    def exact(self) -> bool:
        """Whether some tree explains the runs to the precision of the numbers."""
        free = self.runs.n_runs / 3
        return any(f.loss < EXACT_LOSS and f.structure < 8 * free for f in self.found.values())

    def front(self, limit: int = 12) -> list[Fitted]:
        """Pareto front of structure and loss, and the trees of the fewest bits."""
        front: list[Fitted] = []
        ordered = sorted(self.found.values(), key=lambda f: (f.structure, f.loss, repr(f.tree)))
        for fitted in ordered:
            if not front or fitted.loss < 0.9 * min(f.loss for f in front):
                front.append(fitted)
        shortest = sorted(self.found.values(), key=lambda f: (f.bits, repr(f.tree)))
        front.sort(key=lambda f: f.bits)
        return list(dict.fromkeys([*shortest[:limit], *front[:limit]]))
