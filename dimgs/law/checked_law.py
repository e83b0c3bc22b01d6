"""The values of a law, which are checked when they are put together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import sympy

from dimgs.common.errors import LawError
from dimgs.dataset import Dataset
from dimgs.expression import check_dimension
from dimgs.groups.group import PiGroup
from dimgs.law.parts import (
    Constant,
    Domain,
    LabelEffects,
    Scores,
    SourceEffects,
    Uncertainty,
    percent,
)
from dimgs.variables import Dimension, Variable


@dataclass(frozen=True)
class CheckedLaw:
    """The values of a law: target = expression(symbols, constants), in coherent SI units.

    Parameters
    ----------
    target : Variable
        What the law predicts.
    symbols : mapping of str to Variable
        Identifier in the expression -> input column.
    expression : sympy.Expr
        The law in the inputs and constants.
    constants : tuple of Constant
        Fitted and physical constants, and scales.
    groups : tuple of PiGroup
        Groups of the inputs; a scale counts as 1 in its SI unit.
    response : PiGroup
        ``pi_0``.
    pi_expression : sympy.Expr
        ``pi_0`` as an expression of the groups.
    scores : Scores
    domain : Domain
    uncertainty : Uncertainty
    level : float
        Coverage of the intervals of the constants.
    label_effects : LabelEffects, optional
    sources : tuple of SourceEffects
        What differs between sources; the expression is the law of a typical one.
    scales : tuple of Variable
        Unknown constants that the groups contain.
    known : tuple of Variable
        Known physical constants that the groups contain.
    unused : tuple of Variable
        Inputs of the runs that the expression does not contain. Where they are given, the domain is
        judged in them too; where they are not, they are taken to lie where the runs held them, or
        would have had them.
    edited : bool
        Whether it was read from a document that somebody changed after it was written. What was
        said of the law that the runs gave, such as that it is confirmed, does not hold for it.
    confirmed : bool, optional
        Whether the law was confirmed by the search that found it; None where nothing judged it.
    why_not : tuple of str
        What keeps it from being confirmed.
    probability : float, optional
        Of the law, among all that were found beside it and none of them; None where it was not
        judged or is left open.

    Raises
    ------
    LawError
        If a symbol is unknown, an argument of a transcendental function has a dimension, or the
        two sides differ in dimension.

    """

    target: Variable
    symbols: Mapping[str, Variable]
    expression: sympy.Expr
    constants: tuple[Constant, ...]
    groups: tuple[PiGroup, ...]
    response: PiGroup
    pi_expression: sympy.Expr
    scores: Scores
    domain: Domain
    uncertainty: Uncertainty
    level: float = 0.9
    label_effects: LabelEffects | None = None
    sources: tuple[SourceEffects, ...] = ()
    scales: tuple[Variable, ...] = ()
    known: tuple[Variable, ...] = ()
    unused: tuple[Variable, ...] = ()
    edited: bool = False
    confirmed: bool | None = field(default=None, compare=False)
    why_not: tuple[str, ...] = field(default=(), compare=False)
    probability: float | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        dimensions = {k: v.dimension for k, v in self.symbols.items()}
        dimensions |= {c.name: c.dimension for c in self.constants}
        if len(dimensions) != len(self.symbols) + len(self.constants):
            names = [*self.symbols, *(c.name for c in self.constants)]
            twice = ", ".join(sorted({f"'{n}'" for n in names if names.count(n) > 1}))
            raise LawError(f"The name {twice} stands for two inputs or constants of the law.")
        if unknown := sorted(set(map(str, self.expression.free_symbols)) - dimensions.keys()):
            raise LawError(
                f"The law uses '{unknown[0]}', which is neither an input nor a constant; "
                f"known are {', '.join(sorted(dimensions))}."
            )
        dimension = check_dimension(self.expression, dimensions)
        if dimension != self.target_dimension:
            raise LawError(
                f"The law gives {dimension} but the target '{self.target.name}' has the dimension "
                f"{self.target_dimension}."
            )
        for constant in self.constants:
            if not np.isfinite(constant.value):
                raise LawError(f"The constant '{constant.name}' is not finite.")
        known = {g.name for g in self.groups} | set(dimensions)
        if unknown := sorted(set(map(str, self.pi_expression.free_symbols)) - known):
            raise LawError(f"The pi form uses '{unknown[0]}', which is neither group nor constant.")

    @property
    def logged(self) -> frozenset[str]:
        """Groups that were positive in every run, and so are judged by their logarithms."""
        low = {name: ends[0] for name, ends in self.domain.groups.items()}
        return frozenset(g.name for g in self.groups if low.get(g.name, 1.0) > 0)

    @property
    def inputs(self) -> tuple[Variable, ...]:
        """Numeric inputs of the runs, those that the expression contains first."""
        return (*self.symbols.values(), *self.unused)

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """Labels that the runs have, of each column of labels."""
        effects = self.label_effects
        of_effects = {} if effects is None else {effects.column: tuple(effects.log_ratios)}
        return {**self.domain.labels, **of_effects}

    @property
    def verdict(self) -> str:
        """Whether the law was confirmed, and how probable it is, in words."""
        if self.confirmed is None or self.edited:
            return "It is unknown whether the law was confirmed."
        why = ["Confirmed."] if self.confirmed else ["Not confirmed.", *self.why_not]
        probability = (
            [] if self.probability is None else [f"Probability {percent(self.probability)}."]
        )
        return " ".join([*why, *probability])

    @property
    def doubt(self) -> str:
        """Warning on missing information about the domain; empty where it is complete."""
        edited = (
            "The law was edited after it was written: it is not the one that the runs gave, and "
            "nothing confirms it. Use the original file, or derive the law again."
        )
        unheld = (
            "The law was written by dimgs 0.2, which did not record the inputs that its runs held "
            "constant, so that a prediction for other values of such an input is not recognised as "
            "outside. Derive the law again from its table or plan, so that every input is checked."
        )
        is_held = self.domain.knows_held
        return " ".join([edited] * self.edited + [unheld] * (not is_held))

    @property
    def target_dimension(self) -> Dimension:
        """Dimension of the result; a level is dimensionless."""
        return Dimension() if self.target.is_level else self.target.dimension

    @property
    def target_unit(self) -> str:
        """Coherent SI unit of the result (a level keeps its own)."""
        return self.target.si_unit

    @property
    def constant_values(self) -> dict[str, float]:
        """Value of each constant in SI."""
        return {c.name: c.value for c in self.constants}

    @property
    def differing(self) -> frozenset[str]:
        """Constants that differ between sources."""
        return frozenset(name for each in self.sources for name in each.constants if name)

    def with_inputs(self, variables: Sequence[Variable], data: Dataset) -> Self:
        """The law with further inputs of its runs, which no group holds.

        Parameters
        ----------
        variables : sequence of Variable
        data : Dataset
            The runs, with these columns.
        """
        columns = dict(self.domain.columns)
        for v in variables:
            x = data[v.name][np.isfinite(data[v.name])]
            columns[v.name] = (
                float(x.min(initial=np.inf)),
                float(x.max(initial=-np.inf)),
                v.si_unit,
            )
        columns = {name: ends for name, ends in columns.items() if ends[0] <= ends[1]}
        more = tuple(v for v in variables if v.name in columns)
        return replace(
            self, unused=(*self.unused, *more), domain=replace(self.domain, columns=columns)
        )

    def rewritten(
        self,
        symbols: Mapping[sympy.Symbol, sympy.Expr],
        expression: sympy.Expr,
        constants: Iterable[Constant],
    ) -> Self:
        """The law in another expression and constants, with symbols replaced in all its forms."""
        gradients = tuple(g.xreplace(symbols) for g in self.uncertainty.gradients)
        sources = tuple(each.rewritten(symbols) for each in self.sources)
        return replace(
            self,
            expression=expression.xreplace(symbols),
            pi_expression=self.pi_expression.xreplace(symbols),
            constants=tuple(constants),
            uncertainty=replace(self.uncertainty, gradients=gradients),
            sources=sources,
        )

    def with_scores(self, scores: Scores) -> Self:
        """Same law with other scores."""
        return replace(self, scores=scores)

    def __hash__(self) -> int:
        parts = (self.target, self.expression, self.constants, self.groups, self.response)
        return hash((*parts, self.level))
