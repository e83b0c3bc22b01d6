"""The domain of validity of a law: ranges and leverage of its runs, and their constants.

The domain refers to the groups of all inputs, so that a model test predicts its prototype. A row is
outside if a group lies beyond its range in the runs, or if a constant group has another value. An
input that occurs in no group has a range of its own. The leverage of the row must not exceed the
largest leverage of a run.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dimgs.common.arrays import Array, BoolArray
from dimgs.common.formats import attributes, plain
from dimgs.dataset import Dataset
from dimgs.fits.design import Design, spans
from dimgs.groups.group import PiGroup
from dimgs.law.checked_law import CheckedLaw
from dimgs.law.evaluate import Inputs
from dimgs.law.names import Names
from dimgs.law.parts import EDGE, Domain, as_rows, leverages
from dimgs.variables import Variable

# exponential of it is well inside doubles (1e±304)
_LOG_RANGE = (-700.0, 700.0)
# spread of a direction without data, over that of the widest: its square times the rounding of
# the logarithms, 1e-16, must stay below what separates leverages, 1e-6
_NO_DATA = 1e-4
# a column this many times beyond its runs is worth saying: the laws of the case studies were
# confirmed by runs left out that lie within a decade of the others
_FAR = 10.0
# labels that a sentence lists
_LISTED = 5
# the name of what is left where every group is in its range, and their combination is not
LEVERAGE = "leverage"


@dataclass(frozen=True)
class Departure:
    """A group, input or label in which a row lies outside the domain of a law.

    Attributes
    ----------
    group : str
        Name of the group, the column where an input or a label is judged by itself, or
        ``"leverage"`` for a combination of groups that no run has.
    formula : str
        The group in the inputs.
    low, high : float or None
        Range over the runs, equal where it never varied; None for labels. A column is in its
        coherent SI unit.
    value : float, str or None
        In this row.
    inputs : tuple of str
        Inputs of the group beyond their own runs; all of them where none is.
    text : str
        The same in words.
    """

    group: str
    formula: str
    low: float | None
    high: float | None
    value: float | str | None
    inputs: tuple[str, ...]
    text: str

    def to_json(self) -> dict[str, Any]:
        """The entry of ``"why_outside"``."""
        return dict(plain(attributes(self, "group formula low high value inputs")))

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Place:
    """Position of a row relative to the domain of a law.

    Attributes
    ----------
    departures : tuple of Departure
        Empty inside.
    far : mapping of str to float
        Columns more than ten times beyond their runs, and how many times; information only.
    """

    departures: tuple[Departure, ...] = ()
    far: Mapping[str, float] = field(default_factory=dict)

    @property
    def outside(self) -> list[str]:
        """Groups, inputs or labels in which the row lies outside."""
        return [d.group for d in self.departures]

    @property
    def sentences(self) -> list[str]:
        """Reasons why the row lies outside, and columns far beyond their runs, in words."""
        why = [f"lies outside: {d}." for d in self.departures]
        far = ", ".join(f"{name} ({factor:.3g} times)" for name, factor in self.far.items())
        return why + (
            [f"lies far from the runs in {far}; the groups determine the domain."] if far else []
        )

    def to_json(self) -> dict[str, Any]:
        """The keys of a predicted row."""
        why = [d.to_json() for d in self.departures]
        return {"outside": self.outside, "why_outside": why, "far": plain(self.far)}


def domain_of(design: Design) -> Domain:
    """Ranges and leverage of the runs of a design, and what they held.

    Returns
    -------
    Domain
    """
    X = _leverage_features(design)
    centre = X.mean(axis=0)
    away = X - centre
    ends = np.array([X.min(axis=0, initial=np.inf), X.max(axis=0, initial=-np.inf)])
    return domain_from_moments(design, design.data, ends, centre, away.T @ away, len(X), X)


def domain_from_moments(
    design: Design,
    data: Dataset,
    ends: Array,
    centre: Array,
    scatter: Array,
    n_runs: int,
    extremes: Array,
) -> Domain:
    """Ranges and leverage of runs of which only moments are known, and the extreme ones.

    Parameters
    ----------
    design : Design
        Its features.
    data : Dataset
        With the ranges of the columns.
    ends : ndarray of shape (2, n_features)
        Smallest and largest logarithm (or value) of each group; others are not looked at.
    centre : ndarray of shape (n_features,)
        Mean of the features, absolute temperatures in place of their inverses.
    scatter : ndarray of shape (n_features, n_features)
        About it.
    n_runs : int
    extremes : ndarray of shape (n, n_features)
        Runs among which the largest leverage is.
    """
    names = Names.of(design)
    columns = {
        v.name: (float(data[v.name].min()), float(data[v.name].max())) for v in design.inputs
    }
    ranges: dict[str, tuple[float, float]] = {}
    for feature, limits in zip(design.features, ends.T, strict=True):
        if feature.variable is not None:
            ranges[names.identifier[feature.variable]] = columns[feature.variable]
        else:
            low, high = np.exp(np.clip(limits, *_LOG_RANGE)) if feature.logged else limits
            ranges[feature.name] = (float(low), float(high))
    precision = inverse_scatter(scatter, n_runs)
    leverage = leverages(extremes - centre, precision)
    return Domain(
        ranges,
        {v.name: (*columns[v.name], v.si_unit) for v in design.inputs},
        tuple(ranges),
        tuple(float(x) for x in centre),
        as_rows(precision),
        float(leverage.max(initial=0.0)),
        tuple(_constant_groups(design, {n: low for n, (low, _) in columns.items()})),
        design.input_labels,
        {names.identifier[f.variable]: f.variable for f in design.features if f.variable},
    )


def _constant_groups(design: Design, first: Mapping[str, float]) -> Iterator[tuple[PiGroup, float]]:
    """Groups of the basis that never varied, with their value; numbers of constants alone apart."""
    basis = design.basis
    values = {v.name: v.value or 1.0 for v in basis.variables if v.role != "data"} | dict(first)
    for group in basis.groups:
        if group.name in design.never_varied and any(n in first for n, _ in group.exponents):
            yield group, float(group.value(values)[0])


def _leverage_features(design: Design) -> Array:
    """The design's features, 1/T replaced by T, which is what a domain is evaluated on."""
    columns: Sequence[Array] = [
        np.asarray(design.data[f.variable], dtype=np.float64)
        if f.contrast == "inverse" and f.variable is not None
        else design.X[:, j]
        for j, f in enumerate(design.features)
    ]
    return np.column_stack(columns) if columns else np.zeros((design.n_runs, 0))


def inverse_scatter(scatter: Array, n_runs: int) -> Array:
    """Inverse scatter; a direction without data makes any step along it infinitely far.

    Parameters
    ----------
    scatter : ndarray of shape (n_features, n_features)
    n_runs : int
    """
    deviation = np.sqrt(np.maximum(scatter.diagonal(), 0.0) / max(n_runs, 1))
    deviation[deviation == 0.0] = 1.0
    values, vectors = np.linalg.eigh(scatter / np.outer(deviation, deviation))
    least = max(float(values.max(initial=0.0)) * _NO_DATA**2, 1e-300)
    scaled = vectors / deviation[:, None]
    return np.asarray((scaled / np.maximum(values, least)) @ scaled.T)


def group_values(law: CheckedLaw, inputs: Inputs) -> dict[str, Array]:
    """Values of the groups and of the inputs of rows, by name in the pi form.

    What a row does not give is where the runs held it, or where they would have had it.

    Parameters
    ----------
    law : Law
    inputs : Inputs
    """
    columns = column_values(law, inputs)
    out = {symbol: inputs.values[v.name] for symbol, v in law.symbols.items()}
    unlogged = law.domain.unlogged.items()
    out |= {symbol: inputs.values[n] for symbol, n in unlogged if n in inputs.values}
    with np.errstate(all="ignore"):
        for group in (*law.groups, *(g for g, _ in law.domain.constant_groups or ())):
            if all(name in columns for name, _ in group.exponents):
                out[group.name] = np.broadcast_to(group.value(columns), (inputs.n,))
    return out | _absent_groups(law, out, inputs.n)


def column_values(law: CheckedLaw, inputs: Inputs) -> dict[str, Any]:
    """SI values by name of inputs, known constants and scales, held inputs where none is given."""
    out: dict[str, Any] = {n: v for n, v in law.domain.held.items() if not isinstance(v, str)}
    out |= inputs.values
    out |= {v.name: v.value for v in law.known if v.value is not None}
    return out | {s.name: 1.0 for s in law.scales}


def _absent_groups(law: CheckedLaw, groups: Mapping[str, Array], n: int) -> dict[str, Array]:
    """Groups of columns that are not given, where the runs would have had them."""
    absent = np.array([name not in groups for name in law.domain.features], dtype=bool)
    if not absent.any():
        return {}
    features = law.domain.filled(_features(law, groups, n), absent)
    names, logged = law.domain.features, law.logged
    return {
        names[j]: np.exp(features[:, j]) if names[j] in logged else features[:, j]
        for j in np.flatnonzero(absent)
    }


def _features(law: CheckedLaw, groups: Mapping[str, Array], n: int) -> Array:
    """Coordinates in which leverage is judged; zero where a group is not known."""
    logged = law.logged
    out = np.zeros((n, len(law.domain.features)))
    with np.errstate(all="ignore"):
        for j, name in enumerate(law.domain.features):
            if name in groups:
                out[:, j] = np.log(groups[name]) if name in logged else groups[name]
    return out


@dataclass(frozen=True)
class Bound:
    """A group, or an input by itself, that rows are judged by, with its range over the runs.

    Attributes
    ----------
    name : str
        Of the group, the identifier of an unlogged feature, or a column.
    group : PiGroup or None
        None where it is a column by itself.
    low, high : float
    columns : tuple of str
        Inputs of the runs in it.
    """

    name: str
    group: PiGroup | None
    low: float
    high: float
    columns: tuple[str, ...]

    @property
    def ends(self) -> tuple[float, float]:
        """The range, widened by the rounding of what was written with the digits of a double."""
        size = max(abs(self.low), abs(self.high))
        # a range of many decades: the rounding of its upper end may be more than its lower end
        low = self.low if self.low > 0 else size
        return self.low - EDGE * low, self.high + EDGE * size

    def contains(self, values: Array) -> BoolArray:
        """Whether values lie in the range; what is not a number does not."""
        low, high = self.ends
        return np.asarray((values >= low) & (values <= high))


def bounds(law: CheckedLaw) -> list[Bound]:
    """All ranges that rows are judged by: groups, then inputs that no group holds.

    Parameters
    ----------
    law : Law
    """
    domain = law.domain
    constant = domain.constant_groups or ()
    groups = {g.name: g for g in (*law.groups, *(g for g, _ in constant))}
    ranges = {**domain.groups, **{g.name: (value, value) for g, value in constant}}
    listed = []
    for name, ends in ranges.items():
        if name in groups:
            columns = tuple(n for n, _ in groups[name].exponents if n in domain.columns)
        else:
            columns = (domain.unlogged.get(name, name),)
        listed.append(Bound(name, groups.get(name), *ends, columns))
    # what the units settle is in the response alone
    used = {n for g in (*groups.values(), law.response) for n, _ in g.exponents}
    used |= {n for bound in listed for n in bound.columns}
    for name, (low, high, _) in domain.columns.items():
        if name not in used:
            listed.append(Bound(name, None, low, high, (name,)))
    return listed


def places(law: CheckedLaw, inputs: Inputs) -> list[Place]:
    """Position of each row relative to the domain of a law, with reasons.

    Parameters
    ----------
    law : Law
    inputs : Inputs
        All that the rows give of the law's inputs.

    Returns
    -------
    list of Place
    """
    rows: list[list[Departure]] = [[] for _ in range(inputs.n)]
    for bound, values, bad in _departures(law, inputs):
        for i in np.flatnonzero(bad):
            rows[int(i)].append(_departure(law, inputs, bound, values[i], int(i)))
    far: list[dict[str, float]] = [{} for _ in range(inputs.n)]
    for name, factors in _factors(law, inputs):
        for i in np.flatnonzero(factors > _FAR):
            far[int(i)][name] = float(factors[i])
    return [Place(tuple(why), beyond) for why, beyond in zip(rows, far, strict=True)]


def _departures(law: CheckedLaw, inputs: Inputs) -> Iterator[tuple[Bound, Any, BoolArray]]:
    """Bounds, labels and the leverage with their values, and which rows lie outside."""
    n, domain = inputs.n, law.domain
    groups, columns = group_values(law, inputs), column_values(law, inputs)
    inside = np.ones(n, dtype=np.bool_)
    for bound in bounds(law):
        # what is not given has no value of its own, nor has a group of it
        if bound.group is None:
            values = inputs.values.get(bound.columns[0])
        else:
            complete = all(n in columns for n, _ in bound.group.exponents)
            values = groups[bound.name] if complete else None
        if values is not None:
            bad = ~bound.contains(np.asarray(values))
            inside &= ~bad
            yield bound, values, bad
    for name, seen in law.labels.items():
        # the prefactor of a row without a label is that of all together, if labels have any
        has_effects = law.label_effects is not None and law.label_effects.column == name
        labels = inputs.labels.get(name, np.full(n, "") if has_effects else None)
        if labels is not None:
            known = seen if has_effects else (*seen, "")
            bound = Bound(name, None, np.nan, np.nan, (name,))
            yield bound, labels, ~np.isin(labels, known)
    if domain.features:
        leverage = domain.leverage(_features(law, groups, n))
        bad = inside & ~(leverage <= domain.most_leverage)
        inputs_of_groups = {n for g in law.groups for n, _ in g.exponents}
        concerned = tuple(
            sorted((inputs_of_groups | set(domain.unlogged.values())) & domain.columns.keys())
        )
        yield Bound(LEVERAGE, None, 0.0, domain.max_leverage, concerned), leverage, bad


def _factors(law: CheckedLaw, inputs: Inputs) -> Iterator[tuple[str, Array]]:
    """Factors by which columns lie beyond their runs."""
    levels = {v.name: v.unit.log_factor for v in law.inputs if v.is_level}
    for name, (low, high, _) in law.domain.columns.items():
        if name not in inputs.values:
            continue
        x = inputs.values[name]
        with np.errstate(all="ignore"):
            if name in levels:
                beyond = np.maximum(np.maximum(low - x, x - high), 0.0)
                yield name, np.exp(abs(levels[name]) * beyond)
            elif low > 0:
                yield name, np.where(x > high, x / high, np.where(x > 0, low / x, np.inf))
            else:
                yield name, np.abs(x) / max(abs(low), abs(high), np.finfo(float).tiny)


def _departure(law: CheckedLaw, inputs: Inputs, bound: Bound, value: Any, row: int) -> Departure:
    domain, parts = law.domain, {}
    variables = {v.name: v for v in law.inputs}
    for name in bound.columns:
        if name in domain.columns and name in inputs.values:
            low, high, _ = domain.columns[name]
            x = float(inputs.values[name][row])
            if not Bound(name, None, low, high, ()).contains(np.array(x)):
                parts[name] = _said(name, (low, high), x, variables[name])
    beyond = tuple(parts) or bound.columns
    if bound.name in law.labels:
        text = _of_label(bound.name, law.labels[bound.name], str(value))
        return Departure(bound.name, bound.name, None, None, str(value) or None, beyond, text)
    ends = (bound.low, bound.high)
    if bound.name == LEVERAGE:
        formula = ", ".join(domain.features)
        text = "no run is near this combination of groups, each of which lies in its range"
    elif len(bound.columns) == 1 and parts:
        # an input by itself, in its own unit
        formula, (text,) = str(bound.group or bound.columns[0]), parts.values()
    else:
        formula = str(bound.group or bound.columns[0])
        kind = bound.group.known_as if bound.group else None
        text = _said(f"{kind} {formula}" if kind else formula, ends, float(value))
        text += f" ({'; '.join(parts.values())})" if parts else ""
    return Departure(bound.name, formula, *ends, float(value), beyond, text)


def held_texts(law: CheckedLaw) -> list[str]:
    """Inputs that the runs held, each with its value in the unit of the table.

    Examples
    --------
    >>> import dimgs
    >>> table = {"T [degC]": [60.0] * 5, "x [m]": [1.0, 2, 3, 4, 5], "y [m]": [2.0, 4, 6, 8, 10]}
    >>> held_texts(dimgs.fit(table, "y").law)
    ['T = 60 degC']
    """
    variables = {v.name: v for v in law.inputs}
    return [
        f"{name} = '{value}'" if isinstance(value, str) else
        f"{name} = {' '.join(_shown([value], variables[name])).strip()}"
        for name, value in law.domain.held.items()
    ]  # fmt: skip


def _shown(values: Sequence[float], variable: Variable | None, digits: int = 4) -> list[str]:
    """Numbers in SI units in the unit of their variable, and that unit."""
    unit = "" if variable is None or variable.unit.text in ("", "1") else variable.unit.text
    numbers = [x if variable is None else variable.unit.from_si(x) for x in values]
    return [*(f"{x:.{digits}g}" for x in numbers), unit]


def _said(
    what: str, ends: tuple[float, float], value: float, variable: Variable | None = None
) -> str:
    """Range of the runs and value of the point, each in the unit of the variable.

    Examples
    --------
    >>> _said("K", (10.0, 10.0), 100.0)
    'K was 10 in every run; the point has 100'
    """
    texts = _shown([*ends, value], variable)
    if texts[2] in texts[:2]:
        texts = _shown([*ends, value], variable, 12)
    unit = f" {texts.pop()}".rstrip()
    low, high, shown_value = texts
    if not spans(*ends, "difference"):
        return f"{what} was {low}{unit} in every run; the point has {shown_value}{unit}"
    return (
        f"{what} lay between {low} and {high}{unit} in the runs; the point has {shown_value}{unit}"
    )


def _of_label(name: str, seen: Sequence[str], label: str) -> str:
    if not label:
        return f"'{name}' is not given, and each of its labels has a prefactor"
    if len(seen) == 1:
        return f"{name} was '{seen[0]}' in every run; the point has '{label}'"
    listed = ", ".join(f"'{x}'" for x in seen[:_LISTED])
    return f"no run has the {name} '{label}'; the runs have {listed}{', …' * (len(seen) > _LISTED)}"
