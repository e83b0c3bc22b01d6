"""Predictions of a law, their ratios and intervals, and the domain where they hold."""

import warnings
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import sympy
from numpy.typing import NDArray

from dimgs.common.advice import did_you_mean
from dimgs.common.arrays import Array, BoolArray
from dimgs.common.errors import DimgsWarning, InputError, attempt
from dimgs.common.formats import attributes, plain
from dimgs.dataset import Dataset
from dimgs.dataset.dataset import quantity
from dimgs.dataset.raw import ReadOptions, quantity_of, raw_columns, titled_columns
from dimgs.dataset.read import build, dataset_of, raw_table
from dimgs.expression.candidate import compiled, real_values
from dimgs.expression.simplest import derivatives_of, monomial
from dimgs.fits.design import Design, label_texts, spans
from dimgs.groups.group import PiGroup
from dimgs.law.checked_law import (
    EDGE,
    CheckedLaw,
    Constant,
    Domain,
    Names,
    SourceEffects,
    as_rows,
    leverages,
    log_interval,
)
from dimgs.variables import (
    DIMENSIONLESS,
    Dimension,
    Unit,
    Variable,
    parse_unit,
    si_unit,
    split_header,
)
from dimgs.variables.quantities import Quantity, as_quantity
from dimgs.variables.units import other_turning

# ---- Numbers out of SymPy expressions, and tables of values into the symbols they need.


def evaluate(expression: sympy.Expr, values: Mapping[str, Any], n: int) -> Array:
    """Value of an expression in each of `n` rows; NaN where it is not real.

    Parameters
    ----------
    expression : sympy.Expr
    values : mapping of str to float or ndarray of shape (n,)
        Every free symbol of the expression.
    n : int

    Returns
    -------
    ndarray of shape (n,)
    """
    names = tuple(sorted(str(s) for s in expression.free_symbols))
    # NumPy's own numbers end in infinity or NaN where Python's raise, or become complex
    numbers = [np.asarray(values[name], dtype=np.float64)[()] for name in names]
    with np.errstate(all="ignore"):
        result = real_values(compiled(expression, names)(*numbers))
    return np.broadcast_to(result, (n,)).copy()


def evaluate_each(expressions: Iterable[sympy.Expr], values: Mapping[str, Any], n: int) -> Array:
    """Values of several expressions as of :func:`evaluate`, of shape (n, n_expressions)."""
    columns = [evaluate(each, values, n) for each in expressions]
    return np.column_stack(columns) if columns else np.zeros((n, 0))


class Wanted(NamedTuple):
    """What a law can use of a table.

    Attributes
    ----------
    variables : sequence of Variable
        Inputs that it needs.
    labels : sequence of str
        Columns of labels that it can use if they are there.
    optional : sequence of Variable
        Inputs that it can use if they are there.
    target : str
        What it predicts, which a table may hold too.
    """

    variables: Sequence[Variable]
    labels: Sequence[str] = ()
    optional: Sequence[Variable] = ()
    target: str = ""

    @property
    def names(self) -> list[str]:
        """All columns that it can use."""
        inputs = (v.name for v in (*self.variables, *self.optional))
        return list(dict.fromkeys([*inputs, *self.labels]))

    def unknown(self, names: Iterable[str]) -> tuple[str, ...]:
        """Columns that it cannot use, the target and its errors aside."""
        known = {*self.names, self.target}
        return tuple(n for n in names if n not in known and quantity_of(n) != self.target)

    def require(self, names: Sequence[str], *, near: bool = False) -> None:
        """Refuse a table without an input that is needed.

        Parameters
        ----------
        names : sequence of str
            Columns of the table.
        near : bool
            Whether a name like that of an absent input which is not needed is refused too.
        """
        missing = [v.name for v in self.variables if v.name not in names]
        absent = [n for n in self.names if n not in names] if near else missing
        for odd in self.unknown(names):
            if did_you_mean(odd, absent, ""):
                raise self.no_input(odd)
        if missing:
            listed = ", ".join(f"{v.name} [{v.unit.text}]" for v in self.variables)
            raise InputError(f"The input '{missing[0]}' is missing; the law needs {listed}.")

    def no_input(self, odd: str) -> InputError:
        """Error for a name that is none of the inputs."""
        units = (f"{v.name} [{v.unit.text}]" for v in (*self.variables, *self.optional))
        listed = ", ".join([*units, *self.labels]) or "none"
        remedy = did_you_mean(odd, self.names, "leave it out.")
        return InputError(f"The law has no input '{odd}'; {remedy} Its inputs are {listed}.")


class Inputs(NamedTuple):
    """Values of a law's inputs in SI units; `scalar` where each was given as a single number.

    `unknown` are the columns that the law cannot use.
    """

    values: dict[str, Array]
    labels: Mapping[str, NDArray[np.str_]]
    n: int
    with_units: bool
    scalar: bool = False
    unknown: tuple[str, ...] = ()

    def like(self, values: Array) -> Any:
        """Values of the rows, or the number where single numbers were given."""
        return values[0] if self.scalar else values


def inputs_of(data: Any, wanted: Wanted, plain_units: Mapping[str, str] | None = None) -> Inputs:
    """SI values of the named variables from anything that `read_table` takes.

    Parameters
    ----------
    data : Dataset, path, pandas.DataFrame, xarray.Dataset or mapping
        A mapping's values are Pint quantities, arrays or scalars; plain numbers are in the
        coherent SI unit of the variable. In every other container an input with a dimension needs
        a unit.
    wanted : Wanted
    plain_units : mapping of str to str, optional
        Units of plain numbers in a mapping where they are not SI.

    Returns
    -------
    Inputs

    Raises
    ------
    InputError
        If a column is absent, has no unit where it needs one, or has another dimension than the
        law's.

    Warns
    -----
    DimgsWarning
        For a unit whose literal reading is improbable, and a frequency in Hz where the law was
        found with rad/s or rpm, or the other way round.
    """
    table, tagged, unknown = input_table(data, wanted, plain_units=plain_units)
    used = [*wanted.variables, *(v for v in wanted.optional if v.name in table.names)]
    # what a Dataset itself warns of was said when it was read
    for note in _turning_notes(table, used) if isinstance(data, Dataset) else table.warnings:
        warnings.warn(note, DimgsWarning, stacklevel=4)
    in_mapping = isinstance(data, Mapping)
    for variable in used:
        _check_unit(variable, table.variable(variable.name).unit, in_mapping)
    values = {v.name: np.asarray(table[v.name], dtype=np.float64) for v in used}
    kept = {k: label_texts(table[k]) for k in wanted.labels if k in table.names}
    scalar = in_mapping and _are_scalars(data, list(values))
    return Inputs(values, kept, table.n_runs, tagged, scalar, unknown)


def input_table(
    data: Any,
    wanted: Wanted,
    options: ReadOptions | None = None,
    plain_units: Mapping[str, str] | None = None,
) -> tuple[Dataset, bool, tuple[str, ...]]:
    """Dataset of the inputs alone, whether any has a unit of its own, and columns not used.

    Parameters
    ----------
    data, wanted, plain_units
        As in :func:`inputs_of`.
    options : ReadOptions, optional
        Of the reader, for what only a file needs.
    """
    chosen = options or ReadOptions()
    variables = (*wanted.variables, *wanted.optional)
    if isinstance(data, Dataset):
        wanted.require(data.names)
        table = dataset_of(data, replace(chosen, columns=_present(wanted, data.names)))
        return table, True, wanted.unknown(data.names)
    # xarray's Dataset is a mapping too, and says what its numbers mean or is refused
    plain = isinstance(data, Mapping) and not hasattr(data, "data_vars")
    defaults = {v.name: v.si_unit for v in variables if plain or _is_bare(v)}
    defaults |= dict.fromkeys(wanted.labels, "label")
    if plain:
        defaults |= plain_units or {}
    chosen = replace(chosen, defaults=defaults, find_duplicates=False)
    if plain:
        by_key = {str(k): split_header(str(k))[0] for k in data}
        wanted.require([*by_key.values()], near=True)
        unknown = wanted.unknown(by_key.values())
        known = {*wanted.names}
        used = {str(k): v for k, v in data.items() if by_key[str(k)] in known}
        raw = raw_columns(dict(_titled(k, v) for k, v in used.items()), repeated=True)
    else:
        raw = raw_table(data, chosen)
    titled, _ = titled_columns(raw, replace(chosen, defaults={}))
    units = {t.name: t.unit for t in titled}
    wanted.require([*units])
    if not plain:
        unknown = wanted.unknown(t.name for t in titled if not t.column.is_index)
    without = [n for n in wanted.names if n in units and units[n] is None]
    bare = [n for n in without if n not in chosen.defaults]
    if bare:
        named = {v.name: v.unit.text for v in variables}
        listed = ", ".join(f"'{n}'" for n in bare)
        raise InputError(
            f"The law needs the unit of {listed}, and {raw.source} gives none; name the column "
            f"'{bare[0]} [{named[bare[0]]}]', or pass a mapping of plain arrays in SI units."
        )
    table = build(raw, replace(chosen, columns=_present(wanted, units)))
    given = [v for v in variables if v.name in table.names]
    table = replace(table, warnings=(*table.warnings, *_turning_notes(table, given)))
    tagged = any(units[v.name] is not None for v in wanted.variables)
    return table, tagged, unknown


def _turning_notes(table: Dataset, variables: Sequence[Variable]) -> list[str]:
    """Frequencies of a table that count turns otherwise than those the law was found with."""
    units = {v.name: table.variable(v.name).unit for v in variables}
    notes = [other_turning(v.name, units[v.name], v.unit) for v in variables]
    return [f"The input {note}." for note in notes if note]


def _titled(name: str, value: Any) -> tuple[str, Any]:
    """A quantity that is written as a text or mapping as a number under a header with its unit."""
    pair = isinstance(value, tuple) and list(map(type, value)) in ([float, str], [int, str])
    if not (pair or isinstance(value, str | Mapping | Quantity)):
        return name, value
    quantity = as_quantity(value, f"The input '{name}'")
    if quantity.is_label or quantity.unit is None or split_header(name)[1] is not None:
        return name, value
    return f"{name} [{quantity.unit}]", quantity.number(f"The input '{name}'")


def _present(wanted: Wanted, names: Container[str]) -> list[str]:
    return [n for n in wanted.names if n in names]


def _is_bare(variable: Variable) -> bool:
    """Whether a number of the variable means the same without a unit."""
    unit = variable.unit
    return unit.dimension.is_dimensionless and unit.scale == "ratio" and unit.factor == 1.0


def _are_scalars(data: Mapping[str, Any], names: Sequence[str]) -> bool:
    values = [v for k, v in data.items() if split_header(str(k))[0] in names]
    return bool(values) and all(np.ndim(getattr(x, "magnitude", x)) == 0 for x in values)


def _check_unit(variable: Variable, unit: Unit, in_mapping: bool) -> None:
    # a quantity of a level is a plain number in the level's own unit (Dataset.quantity)
    if in_mapping and variable.is_level and unit == DIMENSIONLESS:
        return
    if not variable.unit.accepts(unit):
        raise InputError(
            f"The input '{variable.name}' is given in '{unit.text}', but the law needs the "
            f"dimension of '{variable.unit.text}'."
        )


# ---- The domain of validity of a law: ranges and leverage of its runs, and their constants.
#
# The domain refers to the groups of all inputs, so that a model test predicts its prototype. A
# row is outside if a group lies beyond its range in the runs, or if a constant group has another
# value. An input that occurs in no group has a range of its own. The leverage of the row must not
# exceed the largest leverage of a run.


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
        Name of the group, the column where an input or a label is judged by itself, ``"sign of"``
        the column where no run has its sign, or ``"leverage"`` for a combination of groups that no
        run has.
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
        Columns more than ten times beyond their runs, and how many times. Information only.
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
    domain = domain_from_moments(design, design.data, ends, centre, away.T @ away, len(X), X)
    between = {n: x for n, x in design.held.items() if n not in domain.held}
    return replace(domain, varied_alone=design.varied_alone, held_by_label=between)


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
            ranges[names.of_feature(feature)] = columns[feature.variable]
        else:
            low, high = np.exp(np.clip(limits, *_LOG_RANGE)) if feature.logged else limits
            ranges[names.of_feature(feature)] = (float(low), float(high))
    precision = inverse_scatter(scatter, n_runs)
    leverage = leverages(extremes - centre, precision)
    return Domain(
        ranges,
        {v.name: (*columns[v.name], v.si_unit) for v in design.inputs},
        tuple(ranges),
        tuple(float(x) for x in centre),
        as_rows(precision),
        float(leverage.max(initial=0.0)),
        tuple(_constant_groups(design, {n: data[n] for n in columns})),
        design.input_labels,
        {names.of_feature(f): f.variable for f in design.features if f.variable is not None},
    )


def _constant_groups(
    design: Design, columns: Mapping[str, Array]
) -> Iterator[tuple[PiGroup, float]]:
    """Groups of the basis that never varied, with their value; numbers of constants alone apart."""
    basis = design.basis
    known: dict[str, Any] = {v.name: v.value or 1.0 for v in basis.variables if v.role != "data"}
    for group in basis.groups:
        if group.name in design.never_varied and any(n in columns for n, _ in group.exponents):
            values = group.value({**known, **columns})
            # others vary between labels
            if design.within is None or not spans(values.min(), values.max(), "difference"):
                yield group, float(values[0])


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


def group_values(
    law: CheckedLaw, inputs: Inputs, further: Iterable[PiGroup] = ()
) -> dict[str, Array]:
    """Values of the groups and of the inputs of rows, by name in the pi form.

    What a row does not give is where the runs held it, or where they would have had it.

    Parameters
    ----------
    law : Law
    inputs : Inputs
    further : iterable of PiGroup
        Others than those of the law that are evaluated too.
    """
    columns = column_values(law, inputs)
    out = {symbol: inputs.values[v.name] for symbol, v in law.symbols.items()}
    unlogged = law.domain.unlogged.items()
    out |= {symbol: inputs.values[n] for symbol, n in unlogged if n in inputs.values}
    with np.errstate(all="ignore"):
        for group in (*law.groups, *(g for g, _ in law.domain.constant_groups or ()), *further):
            if all(name in columns for name, _ in group.exponents):
                out[group.name] = np.broadcast_to(group.value(columns), (inputs.n,))
    return out | _absent_groups(law, out, inputs.n)


def column_values(law: CheckedLaw, inputs: Inputs | None = None) -> dict[str, Any]:
    """SI values by name of inputs, known constants and scales, held inputs where none is given."""
    out: dict[str, Any] = {n: v for n, v in law.domain.held.items() if not isinstance(v, str)}
    out |= {} if inputs is None else inputs.values
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
    label : str, optional
        The label that its rows have; by default all rows are judged by it.
    """

    name: str
    group: PiGroup | None
    low: float
    high: float
    columns: tuple[str, ...]
    label: str | None = None

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
    listed += _bounds_by_label(law)
    # what the units settle is in the response alone
    used = {n for g in (*groups.values(), law.response) for n, _ in g.exponents}
    used |= {n for bound in listed for n in bound.columns}
    for name, (low, high, _) in domain.columns.items():
        if name not in used:
            by_label = domain.held_by_label.get(name, {})
            listed += [Bound(name, None, x, x, (name,), label) for label, x in by_label.items()]
            listed += [] if by_label else [Bound(name, None, low, high, (name,))]
    return listed


def _bounds_by_label(law: CheckedLaw) -> Iterator[Bound]:
    """The value that each label has of a product whose exponent its prefactor leaves open."""
    by_label, constants = law.domain.held_by_label, column_values(law)
    for number, powers in enumerate(law.open_products):
        columns = tuple(n for n in powers if n in law.domain.columns)
        labels = [by_label[n].keys() for n in columns if n in by_label]
        for label in labels[0] if labels else ():
            values = constants | {n: by_label[n][label] for n in columns if n in by_label}
            if len(columns) == 1:
                value = values[columns[0]]
                yield Bound(columns[0], None, value, value, columns, label)
                continue
            group = PiGroup.of(f"product {number}", powers)
            value = float(group.value(values)[0])
            yield Bound(str(group), group, value, value, columns, label)


class Sign(NamedTuple):
    """Sign that an input has in every run.

    Attributes
    ----------
    column : str
    relation : {">", ">=", "<", "<="}
        To zero.
    """

    column: str
    relation: str

    @property
    def name(self) -> str:
        """Name among the reasons why a row lies outside."""
        return f"sign of {self.column}"

    def of(self, values: Array) -> BoolArray:
        """Which values have it; what is not a number has none."""
        compare = {">": np.greater, ">=": np.greater_equal, "<": np.less, "<=": np.less_equal}
        return np.asarray(compare[self.relation](values, 0.0))


def signs(law: CheckedLaw, judged: Sequence[Bound]) -> list[Sign]:
    """Signs of the inputs that are judged in groups, of those that had one in all runs.

    Inputs of the other sign may have the same groups, as units alone do not tell signs.

    Parameters
    ----------
    law : Law
    judged : sequence of Bound
        Its :func:`bounds`.

    Examples
    --------
    >>> import dimgs
    >>> table = {"x [m]": [1.0, 2, 3, 4, 5], "t [s]": [2.0] * 5, "v [m/s]": [0.5, 1, 1.5, 2, 2.5]}
    >>> law = dimgs.fit(table, "v").law
    >>> x, t = signs(law, bounds(law))
    >>> x.name, x.of(np.array([-1.0, 0.0, 99.0])).tolist()
    ('sign of x', [False, False, True])
    """
    levels = {v.name for v in law.inputs if v.is_level}
    alone = {bound.columns for bound in judged}
    listed = []
    for name, (low, high, _) in law.domain.columns.items():
        if name in levels or (name,) in alone or low < 0 < high or low == high == 0:
            continue
        # zero has the sign of the runs where one of them is zero
        listed.append(Sign(name, (">" if low else ">=") if high > 0 else ("<" if high else "<=")))
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


def outside_notes(law: CheckedLaw, data: Any, inputs: Inputs) -> list[str]:
    """A note on the rows outside the domain: how many, and the first with the reasons."""
    judged = [*_departures(law, inputs)]
    outside = np.any([np.zeros(inputs.n), *(bad for _, _, bad in judged)], axis=0)
    if not outside.any():
        return []
    first = int(np.argmax(outside))
    why = "; ".join(
        str(_departure(law, inputs, bound, values[first], first))
        for bound, values, bad in judged
        if bad[first]
    )
    if inputs.n == 1:
        where, whose = "The row lies", "its value"
    else:
        row, count = _row_numbers(data, inputs)[first], np.count_nonzero(outside)
        where = f"{count} of {inputs.n} rows, first row {row}, lie"
        whose = "their values (Law.places has the reasons for each)"
    return [
        f"{where} outside the domain of the law: {why}. Do not rely on {whose} without runs there."
    ]


def _departures(law: CheckedLaw, inputs: Inputs) -> Iterator[tuple[Bound, Any, BoolArray]]:
    """Bounds, labels and the leverage with their values, and which rows lie outside."""
    n, domain = inputs.n, law.domain
    inside, judged = np.ones(n, dtype=np.bool_), bounds(law)
    products = {b.group.name: b.group for b in judged if b.group and b.label is not None}
    groups = group_values(law, inputs, products.values())
    columns = column_values(law, inputs)

    def of_label(bound: Bound) -> BoolArray:
        if bound.label is None or law.label_effects is None:
            return np.ones(n, dtype=np.bool_)
        labels = inputs.labels.get(law.label_effects.column, np.full(n, ""))
        return np.asarray(labels == bound.label)

    for bound in judged:
        # what is not given has no value of its own, nor has a group of it
        if bound.group is None:
            values = inputs.values.get(bound.columns[0])
        else:
            complete = all(n in columns for n, _ in bound.group.exponents)
            values = groups[bound.group.name] if complete else None
        if values is not None:
            bad = ~bound.contains(np.asarray(values)) & of_label(bound)
            inside &= ~bad
            yield bound, values, bad
    for sign in signs(law, judged):
        if (values := inputs.values.get(sign.column)) is not None:
            bad = inside & ~sign.of(values)
            inside &= ~bad
            low, high, _ = domain.columns[sign.column]
            yield Bound(sign.name, None, low, high, (sign.column,)), values, bad
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
                # what is not positive lies outside by its sign
                yield name, np.where(x > high, x / high, np.where(x > 0, low / x, 1.0))
            elif (size := max(abs(low), abs(high))) > 0:
                yield name, np.abs(x) / size


def _departure(law: CheckedLaw, inputs: Inputs, bound: Bound, value: Any, row: int) -> Departure:
    domain, parts = law.domain, {}
    variables = {v.name: v for v in law.inputs}
    for name in bound.columns:
        if name in domain.columns and name in inputs.values:
            low, high, _ = domain.columns[name]
            if bound.label is not None and name in domain.held_by_label:
                low = high = domain.held_by_label[name][bound.label]
            x = float(inputs.values[name][row])
            if not Bound(name, None, low, high, ()).contains(np.array(x)):
                parts[name] = _said(name, (low, high), x, variables[name], bound.label)
    beyond = tuple(parts) or bound.columns
    if bound.name in law.labels:
        text = _label_note(bound.name, law.labels[bound.name], str(value))
        return Departure(bound.name, bound.name, None, None, str(value) or None, beyond, text)
    ends = (bound.low, bound.high)
    if bound.name == LEVERAGE:
        formula = ", ".join(domain.features)
        text = "no run is near this combination of groups, each of which lies in its range"
    elif len(bound.columns) == 1 and parts:
        # an input by itself, in its own unit
        formula, (text,) = str(bound.group or bound.columns[0]), parts.values()
    else:
        formula, unit = bound.columns[0], "1"
        if bound.group is not None:
            shown, unit = without_scales(law, bound.group)
            formula = str(shown)
        kind = bound.group.known_as if bound.group else None
        what = f"{kind} {formula}" if kind else formula
        text = _said(what, ends, float(value), Variable(formula, parse_unit(unit)), bound.label)
        text += f" ({'; '.join(parts.values())})" if parts else ""
    return Departure(bound.name, formula, *ends, float(value), beyond, text)


def without_scales(law: CheckedLaw, group: PiGroup) -> tuple[PiGroup, str]:
    """A group without its scales, which count as 1, and the unit that it then has ("1" for none).

    Examples
    --------
    >>> import dimgs
    >>> table = {"x [m]": [1.0, 2, 3, 4, 5], "y [s]": [2.0, 4, 6, 8, 10]}
    >>> law = dimgs.fit(table, "y", scales="auto").law
    >>> print(law.groups[0], *without_scales(law, law.groups[0]))
    x·x0⁻¹ x m
    """
    scales = {s.name: s.dimension ** -group.get(s.name) for s in law.scales}
    kept = {n: e for n, e in group.exponents if n not in scales}
    unit = si_unit(prod(scales.values(), start=Dimension()))
    return PiGroup.of(group.name, kept), unit


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

    def shown(name: str, value: float | str) -> str:
        number = "" if isinstance(value, str) else " ".join(_shown([value], variables[name]))
        return number.strip() or f"'{value}'"

    texts = [f"{name} = {shown(name, value)}" for name, value in law.domain.held.items()]
    for name, values in law.domain.held_by_label.items():
        listed = [f"{shown(name, x)} ({label})" for label, x in values.items()]
        more = [f"and of {len(listed) - _LISTED} more labels"] if len(listed) > _LISTED else []
        texts.append(f"{name} = {', '.join([*listed[:_LISTED], *more])}")
    return texts


def _shown(values: Sequence[float], variable: Variable | None, digits: int = 4) -> list[str]:
    """Numbers in SI units in the unit of their variable, and that unit."""
    unit = "" if variable is None or variable.unit.text in ("", "1") else variable.unit.text
    numbers = [x if variable is None else variable.unit.from_si(x) for x in values]
    return [*(f"{x:.{digits}g}" for x in numbers), unit]


def _said(
    what: str,
    ends: tuple[float, float],
    value: float,
    variable: Variable | None = None,
    label: str | None = None,
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
        where = "every run" if label is None else f"every run of '{label}'"
        return f"{what} was {low}{unit} in {where}; the point has {shown_value}{unit}"
    return (
        f"{what} lay between {low} and {high}{unit} in the runs; the point has {shown_value}{unit}"
    )


def _label_note(name: str, seen: Sequence[str], label: str) -> str:
    if not label:
        return f"'{name}' is not given, and each of its labels has a prefactor"
    if len(seen) == 1:
        return f"{name} was '{seen[0]}' in every run; the point has '{label}'"
    listed = ", ".join(f"'{x}'" for x in seen[:_LISTED])
    return f"no run has the {name} '{label}'; the runs have {listed}{', …' * (len(seen) > _LISTED)}"


# ---- Predictions, ratios and the domain of a law.
#
# What leaves the range of doubles is infinite or NaN, without a warning for every step to it.


Of = Literal["run", "law"]


class Interval(NamedTuple):
    """Values with their intervals, each of shape (n_runs,), or a number for single numbers."""

    value: Any
    low: Any
    high: Any


def law_inputs(law: CheckedLaw, data: Any, units: Mapping[str, str] | None = None) -> Inputs:
    """SI values of a law's inputs, all finite; plain numbers have the units of their columns."""
    wanted = wanted_by(law)
    if units is not None:
        stated = [Variable(v.name, parse_unit(units[v.name])) for v in wanted.variables]
        wanted = wanted._replace(variables=stated)
    inputs = inputs_of(data, wanted, units)
    for name, column in inputs.values.items():
        bad = np.flatnonzero(~np.isfinite(column))
        if bad.size:
            raise InputError(
                f"Input '{name}' has no finite value in row {_row_numbers(data, inputs)[bad[0]]}; "
                f"fill it in or leave the row out."
            )
    return inputs


def not_used(unknown: Sequence[str]) -> list[str]:
    """A note on columns of a table that are no inputs."""
    listed = ", ".join(f"'{n}'" for n in unknown)
    return [f"Columns that are no inputs of the law are not used: {listed}."] if unknown else []


def _warn_of(law: CheckedLaw, *tables: tuple[Any, Inputs]) -> None:
    """Warn, as from where a method of the law was called, of what makes its values doubtful."""
    unused = list(dict.fromkeys(name for _, inputs in tables for name in inputs.unknown))
    outside = [note for each in tables for note in outside_notes(law, *each)]
    for note in [law.doubt, *not_used(unused), " ".join(outside)]:
        if note:
            warnings.warn(note, DimgsWarning, stacklevel=4)


def law_table(wanted: Wanted, data: Any, options: ReadOptions) -> Dataset:
    """Dataset of what a law can use of a table, as it is read with these options."""
    table, _, unknown = input_table(data, wanted, options)
    return replace(table, warnings=(*table.warnings, *not_used(unknown)))


def with_values(law: CheckedLaw, table: Dataset, *, drop_bad: bool) -> Dataset:
    """The table without rows in which the law has no value; an error where such rows stay."""
    inputs = law_inputs(law, table)
    if drop_bad and not (undefined := np.isnan(values(law, inputs))).all():
        reason = "the law has no value"
        return table.dropping(dict.fromkeys(np.flatnonzero(undefined).tolist(), reason))
    _defined_values(law, inputs, table)
    return table


def wanted_by(law: CheckedLaw) -> Wanted:
    """What a law can use of a table."""
    labels = dict.fromkeys([*law.labels, *(each.column for each in law.sources)])
    return Wanted(tuple(law.symbols.values()), list(labels), law.unused, law.target.name)


def values(law: CheckedLaw, inputs: Inputs) -> Array:
    """The law's target in each row, in SI."""
    result = _at_constants(law, inputs, _row_constants(law, inputs))
    if law.sources:
        return shifted(law, result, _beside_constants(law, inputs, _source_terms(law, inputs)))
    effects = law.label_effects
    seen = None if effects is None else inputs.labels.get(effects.column)
    if effects is None or seen is None:
        return result
    return shifted(law, result, np.array([effects.log_ratios.get(x, 0.0) for x in seen]))


def shifted(law: CheckedLaw, target: Array, shift: Array) -> Array:
    """Values of the target whose logarithms (of a level: natural-log units) are shifted."""
    if law.target.is_level:
        return np.asarray(target + shift / law.target.unit.log_factor)
    return np.asarray(target * np.exp(shift))


def target_ends(
    law: CheckedLaw, target: Array, half: Array, factor: Array | float = 1.0
) -> tuple[Array, Array]:
    """Ends of intervals about values of the target, from half widths of its uncertainty.

    Parameters
    ----------
    law : CheckedLaw
    target, half : ndarray of shape (n,)
    factor : float or ndarray of shape (n,)
        Target over pi_0.
    """
    if law.target.is_level:
        half = half / abs(law.target.unit.log_factor)
        return target - half, target + half
    return law.uncertainty.ends(target, half, factor)


def _at_constants(law: CheckedLaw, inputs: Inputs, constants: Mapping[str, Any]) -> Array:
    """The law's expression in each row, at constants of each or of all."""
    arguments: dict[str, Any] = {s: inputs.values[v.name] for s, v in law.symbols.items()}
    return evaluate(law.expression, {**arguments, **constants}, inputs.n)


def _row_constants(law: CheckedLaw, inputs: Inputs) -> dict[str, Any]:
    """Constants of the source of each row, where they differ between sources."""
    out: dict[str, Any] = dict(law.constant_values)
    for each in law.sources:
        if any(each.constants):
            added = {label: each.added(label) for label in each.shifts}
            for name in filter(None, each.constants):
                rows = _labels(each, inputs)
                out[name] = out[name] + np.array(
                    [added.get(str(k), {}).get(name, 0.0) for k in rows]
                )
    return out


def _labels(each: SourceEffects, inputs: Inputs) -> Any:
    """Source of each row; a row without a label is of a source that nobody has measured."""
    return inputs.labels.get(each.column, np.full(inputs.n, ""))


def _row_numbers(data: Any, inputs: Inputs) -> Sequence[int]:
    """Number of each row in its source, for messages."""
    return data.rows.tolist() if isinstance(data, Dataset) else range(1, inputs.n + 1)


def _defined_values(law: CheckedLaw, inputs: Inputs, data: Any) -> Array:
    """As :func:`values`, where each row of the data has one."""
    result = values(law, inputs)
    undefined = np.flatnonzero(np.isnan(result))
    if undefined.size:
        row = int(undefined[0])
        listed = ", ".join(
            f"{v.name} = {inputs.values[v.name][row]:g} {v.si_unit}" for v in law.symbols.values()
        )
        raise InputError(
            f"The law has no value in row {_row_numbers(data, inputs)[row]} ({listed}); correct "
            f"the number that it cannot take, such as a negative one under a root, or leave the "
            f"row out."
        )
    return result


def predict(
    law: CheckedLaw, data: Any, level: float | None, of: Of, units: Mapping[str, str] | None = None
) -> Any:
    """See :meth:`Law.predict`; plain numbers in SI units where those of plain columns are given."""
    inputs = law_inputs(law, data, units)
    _warn_of(law, (data, inputs))
    plain_numbers = inputs if units is None else inputs._replace(with_units=False)
    return _predicted(law, data, plain_numbers, level, of)


def predicted(law: CheckedLaw, data: Any, level: float | None, of: Of) -> Any:
    """As :func:`predict`, for a report that shows elsewhere what makes its values doubtful."""
    return _predicted(law, data, law_inputs(law, data), level, of)


@np.errstate(all="ignore")
def _predicted(law: CheckedLaw, data: Any, inputs: Inputs, level: float | None, of: Of) -> Any:
    _check_of(of)
    value = _defined_values(law, inputs, data)
    if level is None:
        return _tagged(law, value, inputs)
    others = [(each, values(each, inputs)) for each in _with_moved_borders(law)]
    # of a negative target the larger end in size is the lower one
    ends = [
        end
        for each, at in ((law, value), *others)
        for end in _interval(each, inputs, at, level, of)
    ]
    low, high = np.fmin.reduce(ends), np.fmax.reduce(ends)
    return Interval(*(_tagged(law, x, inputs) for x in (value, low, high)))


def _check_of(of: str) -> None:
    """Raise InputError unless an interval can be of that."""
    if of not in get_args(Of):
        raise InputError(f"An interval is of a {' or a '.join(get_args(Of))}, not of {of!r}.")


def _with_moved_borders(law: CheckedLaw) -> Iterator[CheckedLaw]:
    """The law with each border between its pieces at either end of the border's interval."""
    pieces = [piece for each in law.expression.atoms(sympy.Piecewise) for piece in each.args]
    names = {str(s) for _, condition in pieces for s in condition.free_symbols}
    names -= {str(s) for formula, _ in pieces for s in formula.free_symbols}
    for k, constant in enumerate(law.constants):
        if constant.name in names and constant.low is not None and constant.high is not None:
            for end in {constant.low, constant.high} - {constant.value}:
                moved = replace(constant, value=end)
                yield replace(law, constants=(*law.constants[:k], moved, *law.constants[k + 1 :]))


def beside_borders(law: CheckedLaw, data: Any) -> list[Array]:
    """Target in SI where a border between pieces lies at either end of its interval.

    Parameters
    ----------
    law : Law
    data : as of :meth:`Law.predict`

    Returns
    -------
    list of ndarray of shape (n,)
        One for each end; none for a law without borders.
    """
    inputs = law_inputs(law, data)
    return [values(each, inputs) for each in _with_moved_borders(law)]


def _interval(
    law: CheckedLaw, inputs: Inputs, value: Array, level: float, of: Of
) -> tuple[Array, Array]:
    """Ends of the intervals of predictions, shape (n,) each."""
    of_labels, new_labels = _of_labels(law, inputs)
    runs = of_labels + (1.0 if of == "run" else 0.0)
    factor = response_factor(law, inputs) if law.uncertainty.scale == "linear" else 1.0
    share = law.uncertainty.run_share(value, factor)
    gradients = gradients_at(law, inputs)
    more, apart = _of_sources(law, gradients, (inputs, _source_terms(law, inputs)))
    half = law.uncertainty.half_width(gradients, level, runs, more, [*apart, new_labels], share)
    return target_ends(law, value, half, factor)


def ratio(law: CheckedLaw, u: Any, v: Any, level: float | None, of: Of) -> Any:
    """See :meth:`Law.ratio`."""
    _check_of(of)
    both = law_inputs(law, u), law_inputs(law, v)
    _warn_of(law, *zip((u, v), both, strict=True))
    return compared(law, u, v, level, of, both)


@np.errstate(all="ignore")
def compared(
    law: CheckedLaw,
    u: Any,
    v: Any,
    level: float | None,
    of: Of,
    inputs: tuple[Inputs, Inputs] | None = None,
) -> Any:
    """As :func:`ratio`, for a report that shows elsewhere what makes its values doubtful.

    The inputs of both tables are read from them unless they are given.
    """
    a, b = inputs or (law_inputs(law, u), law_inputs(law, v))
    one, two = _defined_values(law, a, u), _defined_values(law, b, v)
    shaped = a._replace(scalar=a.scalar and b.scalar)
    value = one - two if law.target.is_level else one / two
    if level is None:
        return shaped.like(value)
    gradients = []
    runs, new_labels = _of_labels(law, a, b)
    for rows, defined in ((a, one), (b, two)):
        gradient, size, factor = gradients_at(law, rows), np.ones(1), np.ones(1)
        if law.uncertainty.scale == "linear":
            factor = response_factor(law, rows)
            size = factor / defined
        gradients.append(gradient * size[:, None])
        size = size * law.uncertainty.run_share(defined, factor)
        runs = runs + (size**2 if of == "run" else 0.0)
    change = gradients[0] - gradients[1]
    more, apart = _of_sources(law, change, *((x, _source_terms(law, x)) for x in (a, b)))
    half = law.uncertainty.half_width(change, level, runs, more, [*apart, new_labels])
    ends = target_ends(law, value, half) if law.target.is_level else log_interval(value, half)
    return Interval(*map(shaped.like, (value, np.minimum(*ends), np.maximum(*ends))))


@np.errstate(all="ignore")
def moved(law: CheckedLaw, data: Any, change: Array) -> Array:
    """The law's target in SI where its parameters differ by a change, to first order.

    Parameters
    ----------
    law : CheckedLaw
    data : as of :meth:`Law.predict`
    change : ndarray of shape (n_parameters,)
        Of the parameters whose covariance the law has.
    """
    inputs = law_inputs(law, data)
    value, by = values(law, inputs), gradients_at(law, inputs) @ change
    if law.uncertainty.scale == "linear" and not law.target.is_level:
        return np.asarray(value + by * response_factor(law, inputs))
    return shifted(law, value, by)


def _source_terms(law: CheckedLaw, inputs: Inputs) -> list[Array]:
    """Gradients by the terms of each kind of source, shape (n, n_terms)."""
    arguments = {**group_values(law, inputs), **_row_constants(law, inputs)}
    return [evaluate_each(each.gradients, arguments, inputs.n) for each in law.sources]


def _beside_constants(law: CheckedLaw, inputs: Inputs, terms: Sequence[Array]) -> Array:
    """What known sources add by their terms, those of constants aside; shape (n,)."""
    out = np.zeros(inputs.n)
    for each, columns in zip(law.sources, terms, strict=True):
        none = (0.0,) * len(each.gradients)
        shifts = np.array([each.shifts.get(str(x), none) for x in _labels(each, inputs)])
        beside = np.array([not name for name in each.constants])
        out += np.sum((columns * shifts)[:, beside], axis=1)
    return out


def source_shift(law: CheckedLaw, inputs: Inputs) -> Array:
    """Effect of known sources on the logarithm of each row (of a level: in natural-log units)."""
    out = _beside_constants(law, inputs, _source_terms(law, inputs))
    if law.differing:
        rows = _row_constants(law, inputs), law.constant_values
        by_source, common = (_at_constants(law, inputs, constants) for constants in rows)
        logs = law.target.logs
        out += logs(by_source) - logs(common) if law.target.is_level else np.log(by_source / common)
    return out


def _of_sources(
    law: CheckedLaw, gradients: Array, *compared: tuple[Inputs, Sequence[Array]]
) -> tuple[Array, list[tuple[Array, float]]]:
    """Variances by the sources of rows, or of the ratios of rows to others.

    Parameters
    ----------
    law : CheckedLaw
    gradients : ndarray of shape (n, n_parameters)
    *compared : (Inputs, list of ndarray)
        Rows, and what the terms of each kind of source change in them.

    Returns
    -------
    ndarray of shape (n,), list of (ndarray of shape (n,), float)
        What known sources add to the variance of the law, and the spread of unknown ones with its
        degrees of freedom.
    """
    n = len(gradients)
    more, apart = np.zeros(n), []
    for kind, each in enumerate(law.sources):
        sides = [(terms[kind], _labels(each, rows)) for rows, terms in compared]
        new = np.zeros(n)
        for name in sorted({str(label) for _, labels in sides for label in labels}):
            # of one source only the difference counts
            parts = [np.where((labels == name)[:, None], x, 0.0) for x, labels in sides]
            z = np.broadcast_to(parts[0] - sum(parts[1:]), (n, len(each.spreads)))
            if name not in each.shifts:
                new += np.sum((z * each.spreads) ** 2, axis=1)
                continue
            # of a law without fitted constants nothing is crossed
            shared = np.array(each.crossed[name]).reshape(-1, z.shape[1])
            by_constants = z @ np.array(each.covariances[name]) + 2 * gradients @ shared
            more += np.sum(by_constants * z, axis=1)
        apart.append((new, each.dof))
    return more, apart


def _of_labels(law: CheckedLaw, *sides: Inputs) -> tuple[Array, tuple[Array, float]]:
    """Variances by the prefactors of the labels of rows, or of the ratios of rows to others.

    Returns
    -------
    ndarray of shape (n,)
        In variances of one run. Of rows alone they are about the pooled prefactor; in ratios equal
        labels cancel. Where a label is not known, all runs are behind its prefactor.
    (ndarray of shape (n,), float)
        Spread of the known prefactors for labels that no run has or that are not given, with its
        degrees of freedom.
    """
    effects, n = law.label_effects, max(x.n for x in sides)
    of_runs, of_new, dof = np.zeros(n), np.zeros(n), 1.0
    if effects is None:
        return of_runs, (of_new, dof)
    # rows without the column are like rows where its cell is blank
    labels = [np.broadcast_to(x.labels.get(effects.column, ""), n) for x in sides]
    cancel = labels[0] == labels[1] if len(sides) == 2 else np.zeros(n, dtype=bool)
    if effects.counts:
        total = sum(effects.counts.values())
        counts = [[effects.counts.get(str(label), total) for label in each] for each in labels]
        shares = np.sum([1.0 / np.array(each, dtype=np.float64) for each in counts], axis=0)
        of_runs = shares - 1.0 / total if len(sides) == 1 else np.where(cancel, 0.0, shares)
    known = effects.log_ratios
    if len(known) > 1 and law.uncertainty.scale != "linear":
        unknown = np.sum([~np.isin(each, [*known]) for each in labels], axis=0)
        # about a mean of the known ones
        variance = float(np.var([*known.values()], ddof=1)) * (1.0 + 1.0 / len(known))
        of_new, dof = variance * np.where(cancel, 0, unknown), len(known) - 1.0
    return of_runs, (of_new, dof)


def gradients_at(law: CheckedLaw, inputs: Inputs) -> Array:
    """Change of the law with each of its parameters in every row, shape (n, n_parameters)."""
    arguments = {**group_values(law, inputs), **_row_constants(law, inputs)}
    return evaluate_each(law.uncertainty.gradients, arguments, inputs.n)


def response_factor(law: CheckedLaw, inputs: Inputs) -> Array:
    """Target over pi_0: the monomial that gives pi_0 its dimension back."""
    powers = {k: e for k, e in law.response.exponents if k != law.target.name}
    columns = column_values(law, inputs)
    for name in powers:
        if name not in columns:
            raise InputError(
                f"The errors of this law are of one size in {law.response}, so that its intervals "
                f"need the column '{name}' too."
            )
    rest = PiGroup.of("rest", powers).log(columns)
    return np.broadcast_to(np.exp(-rest), (inputs.n,))


def _tagged(law: CheckedLaw, rows: Array, inputs: Inputs) -> Any:
    value = inputs.like(rows)
    if not inputs.with_units:
        return value
    return quantity(law.target, value)


def _scaled_slope(expression: sympy.Expr, name: str) -> sympy.Expr:
    """Slope x ∂/∂x of an expression; a sign, a floor and a ceiling are flat but at their steps."""
    slope = derivatives_of(expression, [name])[0].replace(
        lambda node: (
            isinstance(node, sympy.DiracDelta)
            or (
                isinstance(node, sympy.Derivative | sympy.Subs)
                and node.has(sympy.floor, sympy.ceiling)
            )
        ),
        lambda _: sympy.Integer(0),
    )
    return sympy.Symbol(name) * slope


@np.errstate(all="ignore")
def elasticities(law: CheckedLaw, inputs: Inputs, level: float | None) -> dict[str, Any]:
    """Elasticity of each input column, see :meth:`Law.elasticities`.

    The value is exact (symbolic differentiation). The interval follows from how the elasticity
    moves with the law's parameters: the derivative of each parameter's gradient.
    """
    values: dict[str, Any] = {s: inputs.values[v.name] for s, v in law.symbols.items()}
    values |= _row_constants(law, inputs)
    monomials = _group_monomials(law)
    gradients = [g.subs(monomials) for g in law.uncertainty.gradients]
    if law.uncertainty.scale == "linear":
        pi_0 = law.pi_expression.subs(monomials)
        gradients = [g / pi_0 for g in gradients]
    of_kinds = [[g.subs(monomials) for g in each.gradients] for each in law.sources]
    unit = law.target.unit.log_factor if law.target.is_level else 1.0

    def turned(gradients: Sequence[sympy.Expr], name: str) -> Array:
        """How the elasticity moves with parameters, shape (n, n_parameters)."""
        return evaluate_each((_scaled_slope(g, name) for g in gradients), values, inputs.n)

    out: dict[str, Any] = {}
    for name, variable in law.symbols.items():
        slope = _scaled_slope(law.expression, name)
        if not law.target.is_level:
            slope = slope / law.expression
        terms = [turned(each, name) for each in of_kinds]
        value = evaluate(sympy.powsimp(slope), values, inputs.n)
        value = value + _beside_constants(law, inputs, terms) / unit
        if level is None:
            out[variable.name] = inputs.like(value)
            continue
        moved = turned(gradients, name)
        of_known, _ = _of_sources(law, moved, (inputs, terms))
        half = law.uncertainty.half_width(moved, level, 0.0, of_known) / abs(unit)
        ends = (value, value - half, value + half)
        out[variable.name] = Interval(*(inputs.like(x) for x in ends))
    return out


def _group_monomials(law: CheckedLaw) -> dict[sympy.Symbol, sympy.Expr]:
    """Each group as a monomial of the law's symbols and constants, scales counting as 1."""
    known = {v.name: sympy.Symbol(s) for s, v in law.symbols.items()}
    known |= {c.name: sympy.Symbol(c.name) for c in law.constants}
    return {
        sympy.Symbol(group.name): monomial(
            ((n, e) for n, e in group.exponents if n in known), known
        )
        for group in law.groups
    }


# ---- A law at the centre of its runs, where a prefactor at unit inputs is uninformative.


# an interval over a decade says no more than the order of magnitude
_WIDE = 10.0


@dataclass(frozen=True)
class Centre:
    """The law's value at the centre of the runs, in the units of the table.

    Attributes
    ----------
    inputs : tuple of (str, float, str)
        Column, geometric mean over the runs (the mean, where it is a level or not positive), unit.
    target : str
    value, low, high : float
        Of the law itself, at its level.
    unit : str
    """

    inputs: tuple[tuple[str, float, str], ...]
    target: str
    value: float
    low: float
    high: float
    unit: str

    def to_json(self) -> dict[str, Any]:
        """The centre as JSON."""
        return {
            "inputs": {name: {"value": x, "unit": unit} for name, x, unit in self.inputs},
            **attributes(self, "value low high unit"),
        }


def centre_of(law: CheckedLaw, data: Dataset) -> Centre | None:
    """The law at the centre of the runs, where the interval of its prefactor is wide.

    The prefactor of a power law is its value where every input is 1 in its coherent SI unit,
    which may lie decades away from every run: then its interval says nothing.

    Parameters
    ----------
    law : Law
    data : Dataset
        The runs.

    Returns
    -------
    Centre or None
        None where the prefactor is known within a factor of ten.

    Examples
    --------
    >>> from dimgs.discovery.discover import fit
    >>> mass = np.geomspace(1e29, 1e31, 12)
    >>> noise = 1 + 0.2 * np.cos(np.arange(12.0) ** 2)
    >>> table = Dataset.from_columns(
    ...     {"M [kg]": mass, "L [W]": 4e26 * (mass / 2e30) ** 3.53 * noise})
    >>> law = fit(table, "L", scales=["M0 [kg]", "L0 [W]"]).law
    >>> centre = centre_of(law, table)
    >>> centre.low < 3.5e25 < centre.high, centre.high / centre.low < 2
    (True, True)
    """
    fitted = next((c for c in law.constants if c.origin == "fitted"), None)
    if fitted is None or law.target.is_level or not law.symbols or not _is_wide(fitted):
        return None
    means = {v.name: _mean(v, data) for v in law.symbols.values()}
    row = {name: np.array([x]) for name, x in means.items()}
    interval = attempt(predicted, law, row, law.level, "law") or ()
    numbers = [float(law.target.unit.from_si(np.asarray(x)[0])) for x in interval]
    if not numbers or not np.all(np.isfinite(numbers)):
        return None
    inputs = tuple(
        (v.name, v.unit.from_si(means[v.name]), v.unit.text) for v in law.symbols.values()
    )
    value, low, high = numbers
    return Centre(inputs, law.target.name, value, low, high, law.target.unit.text)


def _is_wide(constant: Constant) -> bool:
    low, high = constant.low, constant.high
    if low is None or high is None or not (low > 0 or high < 0):
        return True
    near, far = sorted([abs(low), abs(high)])
    return far > _WIDE * near


def _mean(variable: Variable, data: Dataset) -> float:
    x = np.asarray(data[variable.name], dtype=np.float64)
    logged = not variable.is_level and bool(np.all(x > 0))
    return float(np.exp(np.mean(np.log(x))) if logged else np.mean(x))
