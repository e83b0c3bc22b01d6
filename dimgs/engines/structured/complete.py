"""All forms up to a size, each once: the first step of a search, and what it did not miss.

A form is one of these, φ being a column without constants, made of the groups and 1 by + − × ÷,
square roots and functions that are not inside each other, and c a constant that is fitted:

    φ, c φ, φ + c, c φ + c, exp(c φ), c exp(c φ), φ^c, c φ^c, 1/(φ + c), c/(φ + c), sqrt(φ + c),
    sqrt(c φ + c), c φ + c φ

So a link of the response is linear in its constants, and the best constants of every form are
found without a start. Columns that are equal in the runs are one, and so are columns that differ
in what the constants take up. A node is a group, a number, a constant, an operator or a function.
"""

from time import monotonic
from typing import NamedTuple

import numpy as np

from dimgs.common.arrays import Array, IntArray
from dimgs.engines.protocol import Completed
from dimgs.engines.refit import constants_bits
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.columns import Columns, first_of_equals
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.targets import Target, functions, powers
from dimgs.engines.structured.trees import Call, Number, Product, Sum, Tree, evaluate
from dimgs.expression.price import PRICES

# runs by which forms are compared: more cost time, and of 64 runs thirty forms are kept
_MOST_RUNS = 64
# forms that are fitted to all runs, those of the fewest bits
_FITTED = 30
# relative squares that are rounding; natural logarithm of the likelihood by which a form that
# follows the runs is behind the best, as at 1 %; and how many of these are counted at most
_EXACT, _FOLLOWS, _COUNTED = 1e-30, 4.6, 1000
# columns that the longest forms are chosen of by default: seven nodes of two groups, six of three
_MOST_RAW = 120_000
# and at most, whatever is asked for: their values fill a memory of about 1 GB
_HELD = 4_000_000


class _Form(NamedTuple):
    """A linear form: its nodes beside the column, its link, and its constants.

    With the link "power" the logarithm of the column explains that of the response.
    """

    nodes: int
    link: str
    factor: bool
    offset: bool


FORMS = (
    _Form(0, "y", False, False),
    _Form(2, "y", True, False),
    _Form(2, "y", False, True),
    _Form(4, "y", True, True),
    _Form(3, "log", True, False),
    _Form(5, "log", True, True),
    _Form(2, "power", True, False),
    _Form(4, "power", True, True),
    _Form(4, "y^-1", False, True),
    _Form(4, "y^-1", True, True),
    _Form(3, "y^2", False, True),
    _Form(5, "y^2", True, True),
)
# c φ, and c φ + c φ
_MULTIPLE, _PAIR = FORMS[1], _Form(5, "y", True, True)


class FittedForm(NamedTuple):
    """A form with its constants, and the bits by which it is compared."""

    bits: float
    squares: float
    factor: float
    offset: float
    form: _Form
    columns: tuple[int, ...]


class Forms:
    """The forms of growing size for the runs of a search, and the best of them.

    Parameters
    ----------
    runs : Runs
    columns : Columns, optional
        Those of the same groups, where they are known.
    """

    def __init__(self, runs: Runs, columns: Columns | None = None) -> None:
        n = runs.n_runs
        self.runs, self.rows = runs, np.sort(np.random.default_rng(n).permutation(n)[:_MOST_RUNS])
        self.columns = Columns(runs.values[self.rows]) if columns is None else columns
        self.links = {t.name: t for t in (*powers(runs), *functions(runs))}
        if "log" in self.links:
            self.links["power"] = self.links["log"]
        self.targets = {k: self._weighted(t) for k, t in self.links.items()}
        self.targets = {k: t for k, t in self.targets.items() if np.all(np.isfinite(t))}
        self.best: list[FittedForm] = []
        self.squares = np.zeros(0)
        self.count, self.nodes = 0, 0

    def _weighted(self, target: Target) -> tuple[Array, Array]:
        """A link of the response and the square roots of its weights, in the runs looked at."""
        with np.errstate(all="ignore"):
            values, root = target.values[self.rows], target.root(self.runs)[self.rows]
        return values[:, None], root[:, None]

    def grow(self) -> None:
        """All forms of one node more."""
        self.nodes += 1
        if len(self.columns.sizes) < self.nodes:
            self.columns.grow()
        self.match(self.nodes)

    def match(self, size: int) -> None:
        """All forms of so many nodes, of columns that are known.

        Parameters
        ----------
        size : int
        """
        for form in FORMS:
            if form.link in self.targets and size > form.nodes:
                self._match(form, size, self._distinct(form, size - form.nodes))
        both = size - _PAIR.nodes
        for first in range(1, both // 2 + 1):
            one, two = (self._distinct(_MULTIPLE, k) for k in (first, both - first))
            p, q = (x.ravel() for x in np.meshgrid(one, two, indexing="ij"))
            self._match(_PAIR, size, p[p < q], q[p < q])

    def _values(self, form: _Form, rows: IntArray | slice) -> Array:
        """Columns as a form takes them."""
        values = self.columns.values[:, rows]
        return np.log(values) if form.link == "power" else values

    def _distinct(self, form: _Form, size: int) -> IntArray:
        """Columns of a size that differ from all shorter ones by more than the constants do."""
        start, end = self.columns.ends[size - 1 : size + 1]
        values = self._values(form, slice(end))
        rows = np.flatnonzero(self.columns.varies[:end] & np.all(np.isfinite(values), axis=0))
        if form.factor or form.offset:
            rows = rows[first_of_equals(self.columns.keys(_normal(values[:, rows], form)))]
        return rows[rows >= start]

    def _match(
        self, form: _Form, nodes: int, rows: IntArray, others: IntArray | None = None
    ) -> None:
        """Least squares of c φ + d for every column φ, or of c φ + d ψ, and note the best."""
        T, root = self.targets[form.link]
        A, t = root * self._values(form, rows), root * T
        B = root if others is None else root * self._values(form, others)
        A0, t0, factor, offset = A, t, np.ones(len(rows)), np.zeros(len(rows))
        if form.offset:
            unit = B / np.sqrt((B**2).sum(axis=0))
            A0, t0 = (x - unit * (unit * x).sum(axis=0) for x in (A, t))
        if form.factor:
            factor = (A0 * t0).sum(axis=0) / (A0**2).sum(axis=0)
        if form.offset:
            offset = ((t - factor * A) * B).sum(axis=0) / (B**2).sum(axis=0)
        squares = ((t0 - factor * A0) ** 2).sum(axis=0)
        self.count += len(rows)
        T, root = self.targets["y"]
        bits = 0.5 * len(T) * np.log2(np.maximum(squares / np.sum((root * T) ** 2), _EXACT))
        bits += constants_bits(form.factor + form.offset, len(T)) + PRICES["nodes"] * nodes
        for k in np.argsort(bits, kind="stable")[:_FITTED]:
            if np.isfinite(bits[k]):
                columns = tuple(int(x[k]) for x in (rows, others) if x is not None)
                numbers = float(bits[k]), float(squares[k]), float(factor[k]), float(offset[k])
                self.best.append(FittedForm(*numbers, form, columns))
        self.best = sorted(self.best, key=lambda f: f.bits)[:_FITTED]
        self.squares = np.sort(np.r_[self.squares, squares[np.isfinite(squares)]])[:_COUNTED]

    def others(self, squares: float) -> int:
        """Forms beside the best that miss the runs by hardly more than this sum of squares."""
        most = max(squares, self.best[0].squares if self.best else 0.0)
        most = most * float(np.exp(2 * _FOLLOWS / len(self.rows))) + _EXACT
        return int(np.sum(self.squares <= most)) - sum(f.squares <= most for f in self.best)

    def tree(self, fitted: FittedForm) -> Tree:
        """A form as a tree with its constants."""
        form, (part, *other) = fitted.form, map(self.columns.tree, fitted.columns)
        if form.link == "power":
            part = Call("log", part)
        linear: Tree = Product((Number(fitted.factor), part)) if form.factor else part
        offset = tuple(Product((Number(fitted.offset), tree)) for tree in other)
        if form.offset and form.link in ("log", "power"):  # the offset is a prefactor
            prefactor = Number(float(np.exp(fitted.offset)))
            return Product((prefactor, self.links[form.link].back(linear)))
        if form.offset:
            linear = Sum((linear, *(offset or (Number(fitted.offset),))))
        return self.links[form.link].back(linear)


def _normal(values: Array, form: _Form) -> Array:
    """Columns without what the constants of a form take up."""
    if form.offset:
        values = values - values.mean(axis=0)
    if form.factor:
        largest = np.abs(values).argmax(axis=0)
        values = values / values[largest, np.arange(values.shape[1])]
    return values


class ShortForms:
    """A search of all forms up to a size, and what it reports of those that are not candidates.

    Parameters
    ----------
    nodes : int, optional
        Largest size; by default as large as takes about a second. Fewer are tried where the forms
        of one more would not fit into the memory.
    """

    def __init__(self, nodes: int | None) -> None:
        self.nodes = nodes
        self.forms: Forms | None = None
        self.seconds = 0.0

    def search(self, archive: Archive) -> None:
        """Try all forms on the runs of the archive, once, and fit the best of them to all runs.

        However long that takes: a size is only named where all forms of it were tried.
        """
        earlier = self.forms
        if not archive.runs.n_groups or (earlier is not None and earlier.runs is archive.runs):
            return
        start = monotonic()
        forms = Forms(archive.runs, None if earlier is None else earlier.columns)
        with np.errstate(all="ignore"):
            while "y" in forms.targets and forms.nodes != self.nodes:
                grown = forms.nodes < len(forms.columns.sizes)
                most = _MOST_RAW if self.nodes is None else _HELD
                if not grown and forms.columns.raw() > most:
                    break
                forms.grow()
            self.forms, self.seconds = forms, self.seconds + monotonic() - start
            for fitted in forms.best:
                archive.add(forms.tree(fitted), checked=False)

    def completed(self, archive: Archive) -> Completed | None:
        """Up to which size all forms were tried, also where the search ended before.

        None where there is no group, or the response has no finite errors.
        """
        self.search(archive)
        forms, best, squares = self.forms, archive.best, np.inf
        if forms is None or "y" not in forms.targets:
            return None
        with np.errstate(all="ignore"):
            if best is not None:
                T, root = forms.targets["y"]
                missed = root * (evaluate(best.tree, archive.runs)[forms.rows, None] - T)
                squares = float(np.sum(missed**2))
        return Completed(forms.nodes, forms.count, forms.others(squares), self.seconds)
