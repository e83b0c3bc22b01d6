"""What one pass over a large table computes: which logarithms, which groups, from which columns."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from dimgs.advice import setting
from dimgs.arrays import Array
from dimgs.dataset import Dataset
from dimgs.dataset.checks import Purpose, UsableRuns, duplicate_warnings, unlogged_names
from dimgs.design.features import Feature, features_of
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.errors import InputError
from dimgs.groups.group import PiBasis
from dimgs.variables import Variable

Transform = Literal["log", "inverse", "plain"]

_IN_MEMORY_ONLY = ("limits", "robust", "regimes", "local", "additive")


@dataclass(frozen=True)
class StreamPlan:
    """How the rows of a table enter the moments; the same for every part and every worker.

    Attributes
    ----------
    ranges : Dataset
        Two runs: the smallest and the largest value of every numeric column so far. They
        settle the basis, what enters unlogged and what never varied.
    target : str
    options : Options
    basis : PiBasis
    features : tuple of Feature
        Those that never varied included.
    unlogged : tuple of str
        Inputs that enter without a logarithm.
    warnings : tuple of str
    has_errors : bool
        Whether the target has an error column.
    unused : tuple of str
        Label columns that take no part.
    """

    ranges: Dataset
    target: str
    options: Options
    basis: PiBasis
    features: tuple[Feature, ...]
    unlogged: tuple[str, ...]
    warnings: tuple[str, ...]
    has_errors: bool = False
    unused: tuple[str, ...] = ()

    @classmethod
    def of(cls, ranges: Dataset, target: str, options: Options) -> "StreamPlan":
        """Plan of a table whose columns lie in these ranges.

        Raises
        ------
        InputError, DimensionError
            As :func:`dimgs.discovery.prepare.prepare` does.
        """
        plain = replace(options, drop_bad=False, within=None, split_by=None)
        prepared = prepare(ranges, target, plain)
        inverse = [options.arrhenius] if options.arrhenius is not None else []
        features = tuple(features_of(prepared.basis, prepared.unlogged, inverse))
        # of a single run both ends are the same
        copies = duplicate_warnings(ranges)
        notes = tuple(w for w in prepared.warnings if w not in copies)
        return cls(ranges, target, options, prepared.basis, features, prepared.unlogged, notes)

    def with_ranges(self, ranges: Dataset) -> "StreamPlan":
        """Plan of the same table, of which more is known."""
        other = StreamPlan.of(ranges, self.target, self.options)
        return replace(other, has_errors=self.has_errors, unused=self.unused)

    def still_holds(self, ranges: Dataset) -> bool:
        """Whether a table of these wider ranges has the same features."""
        if _state(ranges) == _state(self.ranges):
            return True
        other = StreamPlan.of(ranges, self.target, self.options)
        return (other.basis, other.features) == (self.basis, self.features)

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """Numeric columns that are read: the target and its inputs."""
        return self.ranges.variables

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the numeric columns."""
        return self.ranges.names

    @property
    def purpose(self) -> Purpose:
        """What each part of the table is checked for."""
        return self.options.purpose(self.target, allow_empty=True)

    @cached_property
    def logged(self) -> tuple[str, ...]:
        """Columns that must be positive."""
        return tuple(
            n for n in self.names if n not in self.unlogged and not self.ranges.variable(n).is_level
        )

    @cached_property
    def terms(self) -> tuple[tuple[str, Transform], ...]:
        """Columns as they enter the matrix product, each transformed once."""
        names = {n for f in self.features if f.group for n, _ in f.group.exponents}
        names |= {n for n, _ in self._response if n != self.target}
        level = self.ranges.variable(self.target).is_level
        out: list[tuple[str, Transform]] = [(self.target, "plain" if level else "log")]
        out += [(n, "log") for n in self.names if n in names]
        for f in self.features:
            if f.variable is not None:
                out.append((f.variable, "inverse" if f.contrast == "inverse" else "plain"))
                # the domain is judged in T itself
                out += [(f.variable, "plain")] if f.contrast == "inverse" else []
        return tuple(out)

    @property
    def _response(self) -> tuple[tuple[str, Any], ...]:
        response = self.basis.response
        if response is None or self.ranges.variable(self.target).is_level:
            return ()
        return response.exponents

    @cached_property
    def matrix(self) -> Array:
        """Rows: features, ln pi_0, ln target, temperatures. Columns: the terms, and 1."""
        position = {term: i for i, term in enumerate(self.terms)}
        p, k = len(self.features), len(self.terms)
        temperatures = [f.variable for f in self.features if f.contrast == "inverse"]
        out = np.zeros((p + 2 + len(temperatures), k + 1))
        for j, feature in enumerate(self.features):
            if feature.group is not None:
                self._add(out[j], feature.group.exponents, position)
            else:
                kind: Transform = "inverse" if feature.contrast == "inverse" else "plain"
                out[j, position[str(feature.variable), kind]] = 1.0
        target = self.ranges.variable(self.target)
        out[p : p + 2, 0] = target.unit.log_factor if target.is_level else 1.0
        rest = [(n, e) for n, e in self._response if n != self.target]
        self._add(out[p], rest, position)
        for i, name in enumerate(temperatures):
            out[p + 2 + i, position[str(name), "plain"]] = 1.0
        return out

    def _add(
        self,
        row: Array,
        exponents: Iterable[tuple[str, Any]],
        position: dict[tuple[str, Transform], int],
    ) -> None:
        for name, e in exponents:
            variable = self.basis.variable(name)
            if variable.role == "data":
                row[position[name, "log"]] += float(e)
            else:
                row[-1] += float(e) * float(np.log(variable.value or 1.0))

    @cached_property
    def leverage_rows(self) -> list[int]:
        """Rows of the matrix in which the domain is judged, one per feature."""
        out, extra = [], len(self.features) + 2
        for j, feature in enumerate(self.features):
            if feature.contrast == "inverse":
                out.append(extra)
                extra += 1
            else:
                out.append(j)
        return out


def check_streamable(options: Options) -> None:
    """Raise where an option needs all runs in memory.

    Raises
    ------
    InputError
        Naming the option.
    """
    for name in _IN_MEMORY_ONLY:
        if getattr(options, name):
            raise InputError(
                f"{setting(name)} needs all runs in memory and does not go with "
                f"{setting('stream')}; draw a sample "
                f"of rows from the table and fit that."
            )


def ranges_of(found: UsableRuns) -> Dataset | None:
    """Ranges of the numeric columns of usable runs; None where no run is left."""
    data = found.data
    if not len(data):
        return None
    names = [n for n in data.names if n in found.inputs or n == found.purpose.target]
    return as_ranges(data, names, [data[n].min() for n in names], [data[n].max() for n in names])


def as_ranges(
    data: Dataset, names: Iterable[str], low: Iterable[Any], high: Iterable[Any]
) -> Dataset:
    """Two runs, of the smallest and of the largest values, with what the reader noticed."""
    ends = zip(names, low, high, strict=True)
    values = {n: np.array([a, b], dtype=np.float64) for n, a, b in ends}
    variables = tuple(data.variable(n) for n in values)
    return Dataset(variables, values, {}, source=data.source, warnings=data.warnings)


def union(one: Dataset, other: Dataset) -> Dataset:
    """Ranges of the runs of both."""
    low = [min(one[n][0], other[n][0]) for n in one.names]
    high = [max(one[n][1], other[n][1]) for n in one.names]
    return as_ranges(one, one.names, low, high)


def _state(ranges: Dataset) -> tuple[tuple[str, ...], tuple[str, ...]]:
    from dimgs.dataset.checks import constant_columns

    return constant_columns(ranges), unlogged_names(ranges, ranges.names)
