"""The runs of a report in the plane of its law: groups, response, law and band."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.dataset import Dataset
from dimgs.groups.group import PiGroup
from dimgs.law.export import group_symbols, response_symbol
from dimgs.law.latex import group_latex, symbol_latex
from dimgs.law.law import Law
from dimgs.law.prediction import (
    Inputs,
    ends_of,
    evaluate,
    evaluate_each,
    group_values,
    law_inputs,
    response_factor,
    shifted,
    source_shift,
    values,
)
from dimgs.report.findings import Findings

Band = tuple[Array, Array]
# relative: rounding of conversions between units
_CONSTANT = 1e-9


@dataclass(frozen=True)
class ReportRuns:
    """A law at the runs that it was fitted on.

    Attributes
    ----------
    report : Report
    law : Law
    data : Dataset
    """

    report: Findings
    law: Law
    data: Dataset

    @classmethod
    def of(cls, report: Findings) -> "ReportRuns":
        """Runs of a report.

        Raises
        ------
        InputError
            If the report has no law, or was made without its runs.
        """
        if report.law is None:
            raise InputError("The report has no law to draw; its warnings give the reason.")
        if report.data is None or report.data.n_runs == 0:
            raise InputError(
                "The report does not contain its runs; make it with dimgs.discover, which keeps "
                "them."
            )
        return cls(report, report.law, report.data)

    @property
    def n(self) -> int:
        """Number of runs."""
        return self.data.n_runs

    @cached_property
    def inputs(self) -> Inputs:
        """Inputs of the law at every run, in SI."""
        return law_inputs(self.law, self.data)

    @cached_property
    def groups(self) -> dict[str, PiGroup]:
        """Groups of the law by name."""
        return {g.name: g for g in self.law.groups}

    @cached_property
    def values(self) -> dict[str, Array]:
        """Groups and unlogged inputs at every run, by their names in the pi form."""
        return group_values(self.law, self.inputs)

    @cached_property
    def varied(self) -> tuple[str, ...]:
        """Varied coordinates of the domain, groups before inputs without a logarithm."""
        drawn = {*self.groups, *self.law.symbols}
        names = [n for n in self.law.domain.groups if n in drawn]
        names.sort(key=lambda n: n not in self.groups)
        values = self.values
        return tuple(
            n for n in names if np.ptp(values[n]) > _CONSTANT * np.abs(values[n]).max(initial=0.0)
        )

    def name_of(self, group: str | None) -> str:
        """Name in the pi form of a group given by that name, its symbol or its known name.

        Raises
        ------
        InputError
            If there is no such group, or none varied.
        """
        if not self.varied:
            raise InputError("No group of this law varied, so no figure over a group can be drawn.")
        if group is None:
            return self.dominant
        plain = group.casefold()
        for name in self.varied:
            pi_group = self.groups.get(name)
            known_as = (pi_group.known_as or "").casefold() if pi_group else ""
            if plain in (name.casefold(), known_as, known_as.removesuffix(" number")) and plain:
                return name
        raise InputError(
            f"There is no varied group '{group}' in the law; choose from {', '.join(self.varied)}."
        )

    @property
    def is_log(self) -> bool:
        """Whether the response is judged by ratios."""
        return self.law.uncertainty.scale == "log" and not self.law.target.is_level

    @cached_property
    def factor(self) -> Array:
        """Target over pi_0 at every run."""
        level = self.law.target.is_level
        return np.ones(self.n) if level else response_factor(self.law, self.inputs)

    @cached_property
    def measured(self) -> Array:
        """pi_0 (a level: the target) of every run, each label's own prefactor taken out."""
        target = np.asarray(self.data[self.law.target.name], dtype=np.float64)
        effects, shift = self.law.label_effects, np.zeros(self.n)
        if self.law.sources:
            if self.law.uncertainty.scale == "linear":
                common = values(self.law, self.inputs._replace(labels={}))
                return np.asarray((target - values(self.law, self.inputs) + common) / self.factor)
            shift = source_shift(self.law, self.inputs)
        elif effects is not None and effects.column in self.data.names:
            labels = [str(x) for x in self.data[effects.column]]
            shift = np.array([effects.log_ratios.get(x, 0.0) for x in labels])
        return shifted(self.law, target, -shift) / self.factor

    def with_constants(self, values: Mapping[str, Array]) -> dict[str, Array | float]:
        """Values with the constants of the law."""
        return {**values, **self.law.constant_values}

    def fitted(self, values: Mapping[str, Array] | None = None) -> Array:
        """pi_0 (a level: the target) by the law at the runs, or at other values."""
        chosen = self.values if values is None else values
        n = self.n if values is None else max(map(np.size, chosen.values()), default=1)
        return evaluate(self.law.pi_expression, self.with_constants(chosen), n)

    def band(self, values: Mapping[str, Array], level: float) -> Band:
        """Interval of a new run at other values, on the scale of :meth:`fitted`."""
        law, middle = self.law, self.fitted(values)
        arguments = self.with_constants(values)
        table = evaluate_each(law.uncertainty.gradients, arguments, middle.size)
        # errors that are not relative are those of the target: of a typical run
        typical = float(np.median(self.factor))
        run_variance = law.uncertainty.run_share(middle * typical, typical) ** 2
        half = law.uncertainty.half_width(table, level, run_variance)
        low, high = ends_of(law, middle * typical, half, typical)
        return low / typical, high / typical

    @cached_property
    def middle(self) -> dict[str, float]:
        """Median of everything that varies."""
        return {k: float(np.median(x)) for k, x in self.values.items()}

    def along(self, name: str, x: Array) -> dict[str, Array]:
        """Values in which one group takes `x` and the others stay at their medians."""
        values = {k: np.full(x.size, value) for k, value in self.middle.items()}
        return values | {name: x}

    @cached_property
    def dominant(self) -> str:
        """The group along which the law itself varies most over the runs."""
        spread = {}
        for name in self.varied:
            y = self.fitted(self.along(name, self.values[name]))
            y = np.log(y[y > 0]) if self.is_log else y
            y = y[np.isfinite(y)]
            spread[name] = float(np.std(y)) if y.size else 0.0
        return max(spread, key=lambda n: (spread[n], n in self.groups))

    def symbol(self, name: str) -> str:
        """LaTeX of a group or an unlogged input."""
        if name in self.groups:
            return group_symbols(self.law)[name]
        variable = self.law.symbols.get(name)
        return symbol_latex(name if variable is None else variable.name)

    def definition(self, group: PiGroup, *, flat: bool = False) -> str:
        """LaTeX of a group as a fraction of powers, or with a slash."""
        variables = (*self.report.basis.variables, self.law.target, *self.law.symbols.values())
        symbols = {v.name: symbol_latex(v.name, v.kind) for v in variables}
        return group_latex(group, symbols, flat=flat)

    @property
    def response_symbol(self) -> str:
        """LaTeX of what :meth:`fitted` gives."""
        return response_symbol(self.law)

    @property
    def label_column(self) -> str | None:
        """Label column that distinguishes runs: of the prefactors, or the one with fewest."""
        for each in (*self.law.sources[:1], self.law.label_effects):
            if each is not None and each.column in self.data.names:
                return each.column
        counts = {n: len(set(self.data[n])) for n in self.data.label_names}
        few = {n: c for n, c in counts.items() if 2 <= c <= 6}
        return min(few, key=lambda n: (few[n], n)) if few else None
