"""All forms up to a size, each once: the first step of a search, and what it did not miss.

A form is one of these, φ being a column without constants, made of the groups and 1 by + − × ÷,
square roots and functions that are not inside each other, and c a constant that is fitted:

    φ, c φ, φ + c, c φ + c, exp(c φ), c exp(c φ), φ^c, c φ^c, 1/(φ + c), c/(φ + c), sqrt(φ + c),
    sqrt(c φ + c), c φ + c φ

So a link of the response is linear in its constants, and the best constants of every form are
found without a start. Columns that are equal in the runs are one, and so are columns that differ
in what the constants take up. A node is a group, a number, a constant, an operator or a function.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from time import monotonic
from typing import NamedTuple

import numpy as np

from dimgs.common.arrays import Array, BoolArray, IntArray
from dimgs.engines.protocol import Completed
from dimgs.engines.selection import constants_bits
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.functions import FUNCTIONS
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.targets import Target, functions, powers
from dimgs.engines.structured.trees import (
    ONE,
    Call,
    Mono,
    Number,
    Product,
    Sum,
    Tree,
    evaluate,
    exact,
    powered,
)
from dimgs.expression.price import PRICES

# functions of the library that are one node and not rare; the first operator is a group or 1
_CALLED = ("exp", "log", "sin", "cos", "tan", "tanh")
_OPERATORS = ("", "+", "*", "-", "/", "sqrt", *_CALLED)
_HALF = Fraction(1, 2)
# runs by which forms are compared: more cost time, and of 64 runs thirty forms are kept
_MOST_RUNS = 64
# relative difference of equal columns, that of a difference that is rounding, and the largest
_EQUAL, _ROUNDING, _LARGEST = 1e-9, 1e-13, 1e100
# numbers at a time: few enough that a processor holds them
_CHUNK = 400_000
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


_FORMS = (
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
# links that are not targets of their own; nodes of c φ + c φ beside its columns
_LINKS = {"power": "log"}
_PAIR = 5


class _FittedForm(NamedTuple):
    """A form with its constants, and the bits by which it is compared."""

    bits: float
    squares: float
    form: _Form | None
    columns: tuple[int, ...]
    constants: tuple[float, ...]


@dataclass(eq=False)
class _Level:
    """Columns of one size, each once: how they are made, and their values.

    Attributes
    ----------
    operator : ndarray of int, shape (n_columns,)
    left, right : ndarray of int, shape (n_columns,)
        Numbers of what the operator is applied to.
    values : ndarray of shape (n_columns, n_runs)
    called, varies : ndarray of bool, shape (n_columns,)
        Whether a column has a function, and a group.
    """

    operator: IntArray
    left: IntArray
    right: IntArray
    values: Array
    called: BoolArray
    varies: BoolArray


class Columns:
    """All columns without constants, by their size.

    Parameters
    ----------
    groups : ndarray of shape (n_runs, n_groups)
        Values of the groups.
    """

    def __init__(self, groups: Array) -> None:
        rng = np.random.default_rng(0)
        self.first = np.column_stack([groups, np.ones(len(groups))]).T
        self._mix = rng.uniform(0.5, 1.5, (2, len(groups)))
        self._keys = np.zeros((0, 2))
        self.levels: list[_Level] = []

    @property
    def sizes(self) -> list[int]:
        """Number of columns of each size, from 1."""
        return [len(level.operator) for level in self.levels]

    def raw(self) -> int:
        """Number of columns from which the next level is chosen."""
        if not self.levels:
            return len(self.first)
        pairs = sum(len(i) for *_, i, _ in self._pairs())
        return pairs + len(_CALLED) * len(self.levels[-1].operator)

    def grow(self) -> None:
        """Make the next level."""
        if not self.levels:
            rows = np.arange(len(self.first))
            plain = np.zeros(len(rows), dtype=bool)
            kept = self._chosen(self.keys(self.first), plain)
            varies = np.ptp(self.first, axis=1) > 0
            self.levels.append(
                _Level(
                    0 * kept, rows[kept], rows[kept], self.first[kept], plain[kept], varies[kept]
                )
            )
            return
        parts = list(self._parts())
        operator = np.concatenate([np.full(len(p[1]), p[0]) for p in parts])
        left, right, keys, called = (np.concatenate([p[k] for p in parts]) for k in (1, 2, 3, 4))
        kept = self._chosen(keys, called)
        operator, left, right = operator[kept], left[kept], right[kept]
        values = self._values_of(operator, left, right)
        varies = np.ptp(values, axis=1) > _ROUNDING * np.abs(values).max(axis=1)
        self.levels.append(_Level(operator, left, right, values, called[kept], varies))

    def start(self, level: int) -> int:
        """Number of the first column of a level."""
        return sum(self.sizes[:level])

    def _all(self, name: str) -> Array:
        return np.concatenate([getattr(level, name) for level in self.levels])

    def _values_of(self, operator: IntArray, left: IntArray, right: IntArray) -> Array:
        """Values of columns from what they are made of, shape (n_columns, n_runs)."""
        values = self._all("values")
        out = np.empty((len(operator), values.shape[1]))
        for k in np.unique(operator):
            rows = operator == k
            out[rows] = _applied(_OPERATORS[k], values[left[rows]], values[right[rows]])
        return out

    def _pairs(self) -> Iterator[tuple[int, IntArray, IntArray]]:
        """Operators with the numbers of the columns that each joins in the next level."""
        size = len(self.levels)
        for i in range(size - 1 if size > 1 else 0):
            j = size - 2 - i
            a = np.arange(self.sizes[i]) + self.start(i)
            b = np.arange(self.sizes[j]) + self.start(j)
            left, right = (x.ravel() for x in np.meshgrid(a, b, indexing="ij"))
            for k in (1, 2, 3, 4):
                if _OPERATORS[k] in "-/":
                    yield k, left, right
                elif i <= j:
                    ordered = left <= right
                    yield k, left[ordered], right[ordered]

    def _parts(self) -> "Iterator[tuple[int, IntArray, IntArray, Array, BoolArray]]":
        """Every column of the next level that is finite, with its keys."""
        called, varies = self._all("called").astype(bool), self._all("varies").astype(bool)
        last = np.arange(self.sizes[-1]) + self.start(len(self.levels) - 1)
        alone = [
            (k, rows, rows)
            for k, name in enumerate(_OPERATORS)
            if k > 4
            for rows in [last[varies[last] & ~(called[last] & (name != "sqrt"))]]
        ]
        columns = self._all("values")
        step = max(1, _CHUNK // columns.shape[1])
        for k, left, right in [*alone, *self._pairs()]:
            for at in range(0, len(left), step):
                i, j = left[at : at + step], right[at : at + step]
                a, b = columns[i], columns[j]
                values = _applied(_OPERATORS[k], a, b)
                good = _usable(values)
                if k in (1, 3):
                    least = _ROUNDING * np.abs(a).max(axis=1)
                    good &= np.abs(values).max(axis=1) > least
                with_call = called[i] | called[j] | (k > 5)
                yield k, i[good], j[good], self.keys(values[good]), with_call[good]

    def keys(self, values: Array) -> Array:
        """Two numbers that are equal for equal columns, and for no others."""
        bounded = values / (1 + np.abs(values))
        return np.column_stack([values @ self._mix[0], bounded @ self._mix[1]])

    def _chosen(self, keys: Array, called: BoolArray) -> IntArray:
        """New distinct columns, those without functions first."""
        order = np.argsort(called, kind="stable")
        whole = np.concatenate([self._keys, keys[order]])
        kept = first_of_equals(whole)
        kept = kept[kept >= len(self._keys)] - len(self._keys)
        self._keys = np.concatenate([self._keys, keys[order][kept]])
        return np.sort(order[kept])

    def tree(self, number: int) -> Tree:
        """A column as a tree."""
        level = next(k for k in range(len(self.levels)) if number < self.start(k + 1))
        columns, at = self.levels[level], number - self.start(level)
        name = _OPERATORS[columns.operator[at]]
        left, right = int(columns.left[at]), int(columns.right[at])
        if not name:
            n = len(self.first) - 1
            return ONE if left == n else Mono(tuple(Fraction(int(j == left)) for j in range(n)))
        first = self.tree(left)
        if name == "sqrt":
            return powered(first, _HALF)
        if name in _CALLED:
            return Call(name, first)
        other = self.tree(right)
        if name == "-":
            other = Product((exact(-1), other))
        if name == "/":
            other = powered(other, Fraction(-1))
        return Sum((first, other)) if name in "+-" else Product((first, other))


def _applied(name: str, a: Array, b: Array) -> Array:
    match name:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/":
            return a / b
        case "sqrt":
            return np.asarray(np.sqrt(a))
        case _:
            return np.asarray(FUNCTIONS[name].value(a))


def _usable(values: Array) -> BoolArray:
    size = np.abs(values).max(axis=1)
    return np.asarray((size > 0) & (size < _LARGEST))


def first_of_equals(keys: Array) -> IntArray:
    """Rows that equal no earlier row, in their order.

    Parameters
    ----------
    keys : ndarray of shape (n_rows, n_keys)
    """
    group = np.zeros(len(keys), dtype=np.int64)
    for column in keys.T:
        order = np.lexsort((column, group))
        value, sorted_group = column[order], group[order]
        jump = np.diff(value) > _EQUAL * np.abs(value[1:])
        group[order] = np.cumsum(np.r_[0, jump | (np.diff(sorted_group) > 0)])
    return np.sort(np.unique(group, return_index=True)[1])


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
        by_name = {t.name: t for t in (*powers(runs), *functions(runs))}
        wanted = {form.link: by_name.get(_LINKS.get(form.link, form.link)) for form in _FORMS}
        self.links = {name: t for name, t in wanted.items() if t is not None}
        self.targets = {k: self._weighted(t) for k, t in self.links.items()}
        self.targets = {k: t for k, t in self.targets.items() if np.all(np.isfinite(t))}
        self.best: list[_FittedForm] = []
        self.squares = np.zeros(0)
        self.count, self.nodes = 0, 0

    def _weighted(self, target: Target) -> tuple[Array, Array]:
        """A link of the response and the square roots of its weights, in the runs looked at."""
        with np.errstate(all="ignore"):
            return target.values[self.rows], target.root(self.runs)[self.rows]

    def grow(self) -> None:
        """All forms of one node more."""
        self.nodes += 1
        if len(self.columns.levels) < self.nodes:
            self.columns.grow()
        self.match(self.nodes)

    def match(self, size: int) -> None:
        """All forms of so many nodes, of columns that are known.

        Parameters
        ----------
        size : int
        """
        for form in _FORMS:
            if form.link in self.targets and size > form.nodes:
                self._match(form, size - form.nodes - 1)
        self._match_pairs(size - _PAIR)

    def _distinct(self, form: _Form, level: int) -> IntArray:
        """Columns of a level that differ from all shorter ones by more than the constants do."""
        levels = self.columns.levels[: level + 1]
        values = np.concatenate([x.values for x in levels])
        usable = np.concatenate([x.varies for x in levels])
        if form.link == "power":
            values = np.log(values)
            usable = usable & np.all(np.isfinite(values), axis=1)
        rows = np.flatnonzero(usable)
        if form.factor or form.offset:
            rows = rows[first_of_equals(self.columns.keys(_normal(values[rows], form)))]
        return rows[rows >= self.columns.start(level)]

    def _match(self, form: _Form, level: int) -> None:
        """Every column of a level in a form."""
        T, root = self.targets[form.link]
        rows = self._distinct(form, level)
        values = self.columns.levels[level].values[rows - self.columns.start(level)]
        if form.link == "power":
            values = np.log(values)
        self.count += len(rows)
        A, t = values * root, T * root
        base, slope = np.zeros(len(rows)), np.ones(len(rows))
        if form.offset:
            one = root / np.sqrt(root @ root)
            A0, t0 = A - (A @ one)[:, None] * one, t - (t @ one) * one
        else:
            A0, t0 = A, t
        if form.factor:
            slope = (A0 @ t0) / np.einsum("ij,ij->i", A0, A0)
        if form.offset:
            base = ((t - slope[:, None] * A) @ root) / (root @ root)
        missed = t0 - slope[:, None] * A0
        squares = np.einsum("ij,ij->i", missed, missed)
        self._keep(squares, (rows,), (slope, base), form, level + 1 + form.nodes)

    def _match_pairs(self, size: int) -> None:
        """Sums of two columns with a factor each, which have so many nodes together."""
        T, root = self.targets["y"]
        for i in range(size // 2):
            j = size - 2 - i
            one, two = self._distinct(_FORMS[1], i), self._distinct(_FORMS[1], j)
            p, q = (x.ravel() for x in np.meshgrid(one, two, indexing="ij"))
            p, q = p[p < q], q[p < q]
            values = np.concatenate([x.values for x in self.columns.levels[: j + 1]]) * root
            t = T * root
            aa, bb = ((values**2).sum(axis=1)[k] for k in (p, q))
            ab = np.einsum("ij,ij->i", values[p], values[q])
            at, bt = ((values @ t)[k] for k in (p, q))
            free = np.maximum(aa * bb - ab**2, _EQUAL * aa * bb)
            c, d = (at * bb - bt * ab) / free, (bt * aa - at * ab) / free
            squares = np.maximum(t @ t - c * at - d * bt, 0.0)
            self.count += len(p)
            self._keep(squares, (p, q), (c, d), None, size + _PAIR)

    def _keep(
        self,
        squares: Array,
        columns: tuple[IntArray, ...],
        constants: tuple[Array, ...],
        form: _Form | None,
        nodes: int,
    ) -> None:
        """Note the best of some forms."""
        free = 2 if form is None else form.factor + form.offset
        T, root = self.targets["y"]
        whole, n = float(np.sum((root * T) ** 2)), len(T)
        bits = 0.5 * n * np.log2(np.maximum(squares / whole, _EXACT))
        bits = np.where(
            np.isfinite(bits), bits + constants_bits(free, n) + PRICES["nodes"] * nodes, np.inf
        )
        for k in np.argsort(bits, kind="stable")[:_FITTED]:
            if np.isfinite(bits[k]):
                numbers = (tuple(int(x[k]) for x in columns), tuple(float(c[k]) for c in constants))
                self.best.append(_FittedForm(float(bits[k]), float(squares[k]), form, *numbers))
        self.best = sorted(self.best, key=lambda f: f.bits)[:_FITTED]
        finite = squares[np.isfinite(squares)]
        self.squares = np.sort(np.concatenate([self.squares, finite]))[:_COUNTED]

    def others(self, squares: float) -> int:
        """Forms beside the best that miss the runs by hardly more than this sum of squares."""
        most = max(squares, self.best[0].squares if self.best else 0.0)
        most = most * float(np.exp(2 * _FOLLOWS / len(self.rows))) + _EXACT
        return int(np.sum(self.squares <= most)) - sum(f.squares <= most for f in self.best)

    def tree(self, fitted: _FittedForm) -> Tree:
        """A form as a tree with its constants."""
        parts = [self.columns.tree(k) for k in fitted.columns]
        free = [Number(c) for c in fitted.constants]
        if fitted.form is None:
            return Sum(tuple(Product((c, p)) for c, p in zip(free, parts, strict=True)))
        form, (factor, offset), (part,) = fitted.form, free, parts
        if form.link == "power":
            part = Call("log", part)
        linear: Tree = Product((factor, part)) if form.factor else part
        if form.offset and form.link in ("log", "power"):  # the offset is a prefactor
            prefactor = Number(float(np.exp(offset.value)))
            return Product((prefactor, self.links[form.link].back(linear)))
        return self.links[form.link].back(Sum((linear, offset)) if form.offset else linear)


def _normal(values: Array, form: _Form) -> Array:
    """Columns without what the constants of a form take up."""
    if form.offset:
        values = values - values.mean(axis=1, keepdims=True)
    if form.factor:
        largest = np.abs(values).argmax(axis=1)
        values = values / values[np.arange(len(values)), largest][:, None]
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
                grown = forms.nodes < len(forms.columns.levels)
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
                missed = root * (evaluate(best.tree, archive.runs)[forms.rows] - T)
                squares = float(missed @ missed)
        return Completed(forms.nodes, forms.count, forms.others(squares), self.seconds)
