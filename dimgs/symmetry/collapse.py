"""Similarity variables: the groups in which the curves of several runs fall on one."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from itertools import product
from operator import mul
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

import numpy as np

from dimgs.common.advice import setting
from dimgs.common.arrays import Array, BoolArray, IntArray
from dimgs.common.errors import DimgsError, FitError, InputError, attempt, noting, warn_all
from dimgs.common.formats import attributes, plain
from dimgs.common.progress import listening
from dimgs.dataset import Dataset
from dimgs.dataset.checks import (
    check_along,
    check_loggable,
    constant_columns,
    drop_bad_rows,
    run_codes,
    table_warnings,
    usable_runs,
)
from dimgs.discovery.discover import fit_with, report_of
from dimgs.discovery.options import Options, TableKeywords, documented
from dimgs.discovery.prepare import Prepared
from dimgs.discovery.search import study
from dimgs.engines.protocol import Clock
from dimgs.engines.registry import NONE
from dimgs.fits.design import build_design
from dimgs.fits.estimate import Exponent
from dimgs.fits.noise import noise_about_curves
from dimgs.fits.similarity import SimilarityFit, fit_similarity
from dimgs.fits.snapping import short_monomials, snap
from dimgs.groups.derive import (
    UnreachableError,
    constant_variables,
    is_reachable,
    isolated_names,
    smallest_monomial,
    with_scales,
)
from dimgs.groups.dimensions import DimensionalMatrix
from dimgs.groups.group import PiBasis, PiGroup
from dimgs.law.latex import group_latex
from dimgs.law.law import Law
from dimgs.law.serialise import as_text
from dimgs.report.figures import style
from dimgs.report.figures.style import Drawing
from dimgs.report.results import exponent_document, write_all, writing_to
from dimgs.variables import Variable, parse_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from dimgs.report.results import Report

# What the curve may leave, in units of the noise inside runs: twice the variance, which twenty
# points of noise alone reach once in a thousand tables.
_MOST_SCATTER = 1.5
# relative, below which the differences of curves are those of a simulator's mesh
_ACCURATE = 0.01
# what the other runs must predict of the variance of a run's curve: less is not a common curve
_LEAST_QUALITY = 0.9
# a law may leave this much more than a smooth curve, which has more constants
_AS_GOOD = 1.25
# exponents that a law writes down where they are not simple rationals: three digits
_WRITTEN = 1000
# denominators of fractions that are read more easily than decimals
_SHORT = 12
# of the largest: directions in which the runs differ by rounding alone
_VARIES = 1e-9
# part of the points that must lie over curves of other runs
_LEAST_SHARED = 0.3
# relative error of a closed form that is exact but for rounding of constants
_ROUNDED = 1e-6
# standard deviations of the scatter within which a point lies on a curve
_AGREES = 3.0
# of the points on either side of a border; and fits with the border that the one before drew
_LEAST_PART, _BORDER_STEPS = 0.05, 3
# monomials that are tried as a border: all with exponents of up to about 3 of four columns
_MOST_BORDERS = 200
# parts of smallest scatter from which a border is drawn
_MOST_PARTS = 3
# of the points, in which a collapse is looked for where all of them have none
_SHARES = (0.5, 0.3)
# an exponent whose interval is wider than from 0 to 1 is not known
_UNKNOWN = 1.0


class CollapseKeywords(TableKeywords, total=False):
    """Keywords of `collapse` beside the table."""

    constants: Sequence[str]
    scales: Sequence[str] | str
    engine: str
    effort: str
    evaluations: int | None
    time_limit: float | None
    level: float
    seed: int


@dataclass(frozen=True)
class SimilarityExponent(Exponent):
    """Exponent of a column in a similarity variable.

    Attributes
    ----------
    kind : {"first", "second"}
        Forced by the units, or found in the runs.
    """

    kind: Literal["first", "second"] = "first"

    def __str__(self) -> str:
        if self.kind == "first":
            return f"{self.name}: {self.rational}, fixed by the units"
        if not np.isfinite(self.high - self.low):
            return f"{self.name}: {self.value:.4g}, not determined by these runs"
        snapped = f" → {self.rational}" if self.rational is not None else ""
        return f"{self.name}: {self.value:.4g} [{self.low:.4g}, {self.high:.4g}]{snapped}"


def _shown(text: str) -> str:
    """Text or LaTeX of a group, exponents that are not simple fractions with three digits.

    Examples
    --------
    >>> _shown("V^(6682/2175)·x^(-1/2)")
    'V^(3.07)·x^(-1/2)'
    """

    def digits(match: re.Match[str]) -> str:
        value = Fraction(match[0])
        return match[0] if value.denominator <= _SHORT else f"{float(value):.3g}"

    return re.sub(r"-?\d+/\d+", digits, text)


@dataclass(frozen=True)
class SimilarityGroup:
    """The similarity variable, or the monomial that the values are measured in.

    Attributes
    ----------
    group : PiGroup
        Dimensionless, with exact exponents; those that are not simple rationals to three digits.
    exponents : tuple of SimilarityExponent
        Of the columns in the variable; of the columns in the monomial, without the target.
    """

    group: PiGroup
    exponents: tuple[SimilarityExponent, ...]

    def to_json(self) -> dict[str, Any]:
        """The value as a JSON document."""
        return {
            "group": self.group.to_json(),
            "exponents": [{**exponent_document(e), "kind": e.kind} for e in self.exponents],
        }


@dataclass(frozen=True)
class Border:
    """Border of a partial collapse.

    Attributes
    ----------
    group : PiGroup
    value : float
    above : bool
        Whether the curves collapse where the group is larger than the value.
    """

    group: PiGroup
    value: float
    above: bool

    def holds(self, question: "_Question") -> BoolArray:
        """Whether each point lies on the side where the curves collapse."""
        return np.asarray((self.group.value(question.values) > self.value) == self.above)

    def __str__(self) -> str:
        return f"{self.group} {'>' if self.above else '<'} {self.value:.3g}"

    def to_json(self) -> dict[str, Any]:
        """The value as a JSON document."""
        side = "above" if self.above else "below"
        return {"group": self.group.to_json(), "value": self.value, "side": side}


@dataclass(frozen=True, eq=False, kw_only=True)
class Collapse:
    """The groups in which the curves of runs fall on one: y/Y = F(s).

    Attributes
    ----------
    target, along : str
        Columns of the values, and of the coordinate, which s is proportional to.
    variable : SimilarityGroup, optional
        s; None where F would be a power law or a constant, so that any s or none would do.
    response : SimilarityGroup
        Its group is y/Y, its exponents are those of Y.
    function : Law, optional
        The target as a closed form; None where none is as good as a smooth curve.
    report : Report, optional
        How the closed form was found.
    quality : float
        Share of the variance that the curves of the other runs predict of each run.
    floor : float
        Root mean square of the relative error that any smooth function of s leaves.
    scatter, noise : float
        The same of the smooth curve, and of the noise inside runs; NaN where runs are too short.
    shared : float
        Share of the points that lie over curves of other runs.
    border : Border, optional
        Where the curves collapse, if only a part of the points is; all else is of this part.
    fit : SimilarityFit, optional
    data : Dataset
        The points that entered.
    values : dict of str to ndarray of shape (n_points,)
        Columns and constants in SI units; a scale, of no known value, counts as one.
    runs : ndarray of int of shape (n_points,)
        The run of each.
    level : float
    warnings : tuple of str
    """

    target: str
    along: str
    variable: SimilarityGroup | None
    response: SimilarityGroup
    function: Law | None = None
    report: "Report | None" = None
    quality: float
    floor: float
    scatter: float
    noise: float
    shared: float = 1.0
    border: Border | None = None
    fit: SimilarityFit | None = None
    data: Dataset
    values: dict[str, Array] = field(repr=False)
    runs: IntArray
    level: float
    warnings: tuple[str, ...] = ()

    @cached_property
    def why_not(self) -> tuple[str, ...]:
        """Reasons why the curves do not collapse; empty where they do."""
        reasons = []
        if self.quality <= 0.0:
            reasons.append(
                "No variable of these columns collapses the curves: those of the other runs "
                "predict a run no better than its mean does. A wrong unit or a missing input may "
                "be the reason."
            )
        elif self.quality < _LEAST_QUALITY:
            rest = f"{_LEAST_QUALITY:.0%} or more would be a collapse"
            if self.scatter <= _MOST_SCATTER * self.noise:
                rest = "the rest is noise; curves this flat determine no similarity variable"
            share = f"{self.quality:.0%} of the variance of a run"
            reasons.append(f"The curves of the other runs predict {share}; {rest}.")
        if self.quality > 0.0 and self.scatter > max(_MOST_SCATTER * self.noise, _ACCURATE):
            reasons.append(
                f"The runs differ by {self.scatter:.2%} from their common curve, and the points of "
                f"a run by {self.noise:.2%} from a smooth one: the runs differ in more than s."
            )
        if self.shared < _LEAST_SHARED:
            reasons.append(
                f"Only {self.shared:.0%} of the points lie over curves of other runs, so the other "
                f"points are not compared; make the curves longer."
            )
        return tuple(reasons)

    @property
    def collapses(self) -> bool:
        """Whether the curves collapse."""
        return not self.why_not

    @property
    def latex(self) -> str:
        """The similarity form as a formula."""
        groups = [g.group for g in (self.response, self.variable) if g is not None]
        left, *right = (_shown(group_latex(g, {})) for g in groups)
        return rf"{left} = F\left({right[0]}\right)" if right else rf"{left} = \mathrm{{const.}}"

    def points(self) -> tuple[Array, Array]:
        """Similarity variable (or the coordinate) and scaled value of each point."""
        y = self.response.group.value(self.values)
        variable = self.variable
        s = self.values[self.along] if variable is None else variable.group.value(self.values)
        return np.broadcast_to(s, len(self.data)), np.broadcast_to(y, len(self.data))

    def to_json(self) -> dict[str, Any]:
        """The result as JSON; exponents are those of the columns in s and in Y."""
        parts = (self.response, self.function, self.border)
        response, function, border = (None if p is None else p.to_json() for p in parts)
        none: dict[str, Any] = {"group": None, "exponents": []}
        return {
            "variable": none if self.variable is None else self.variable.to_json(),
            "response": response,
            "function": function,
            **attributes(self, "target along latex floor quality scatter noise collapses why_not"),
            "border": border,
            "runs": int(self.runs.max()) + 1,
            "points": len(self.data),
            **attributes(self, "level warnings"),
        }

    def exponent(self, column: str, side: Literal["s", "Y"]) -> SimilarityExponent:
        """Exponent of a column in the similarity variable s, or in the monomial Y.

        Raises
        ------
        KeyError
            If the column has none there.
        """
        group = self.variable if side == "s" else self.response
        return {e.name: e for e in (() if group is None else group.exponents)}[column]

    @style.styled
    def draw(self, axes: "Axes | None" = None, *, collapsed: bool = True) -> "Axes":
        """The curves of all runs, a colour each, as measured or in the groups that collapse them.

        Parameters
        ----------
        axes : Axes, optional
        collapsed : bool
            Whether over s, with the curve that they fall on and its band.

        Returns
        -------
        Axes
        """
        axes = style.new_axes() if axes is None else axes
        labels = [style.math_label(n, n) for n in (self.along, self.target)]
        if collapsed:
            x, y = self.points() if self.fit is None else self.fit.collapsed()
            shown = [g.group for g in (self.variable, self.response) if g is not None]
            names = [style.math_label(_shown(group_latex(g, {})), _shown(str(g))) for g in shown]
            labels = [*labels[:1], *names][-2:]
        else:
            x, y = self.data[self.along], self.data[self.target]
            units = (self.data.variable(n).si_unit for n in (self.along, self.target))
            labels = list(map(style.with_unit, labels, units))
        for run in range(int(self.runs.max()) + 1):
            points = self.runs == run
            colour = style.PALETTE[run % len(style.PALETTE)]
            axes.plot(x[points], y[points], "o", ms=2.5, color=colour, alpha=0.8)
        if collapsed and self.fit is not None:
            s, value, low, high = self.fit.curve(self.level)
            axes.plot(s, value, color=style.MUTED, lw=1.0, zorder=4)
            axes.fill_between(s, low, high, color=style.MUTED, alpha=0.3, lw=0)
        for which, values in (("x", x), ("y", y)):
            # more than a decade is not read off a linear axis
            if np.all(values > 0) and np.max(values) > 10.0 * np.min(values):
                style.log_ticks(axes, which)
        axes.set(xlabel=labels[0], ylabel=labels[1])
        return axes

    def drawings(self) -> list[Drawing]:
        """The figures before and after."""
        return [
            Drawing.of(name, self.draw(collapsed=name == "after"), title, caption)
            for name, title, caption in _FIGURES
        ]

    def write(self, folder: str | Path) -> list[Path]:
        """Files of the collapse in a folder: collapse.json and .tex, figures, law.json.

        Raises
        ------
        InputError
            If the folder cannot be written to.
        """
        into = Path(folder)
        files = {"collapse.json": as_text(plain(self.to_json())), "collapse.tex": self.latex}
        if self.function is not None:
            files["law.json"] = as_text(self.function.to_json())
        files |= {f"{d.name}.svg": d.svg() for d in self.drawings()}
        with writing_to(into):
            return write_all(into, files)

    def __str__(self) -> str:
        lines = []
        for name, side in (("s", self.variable), ("y/Y", self.response)):
            if side is None:
                lines.append("No similarity variable is needed: y/Y is a constant.")
                continue
            lines.append(f"{name} = {_shown(str(side.group))}")
            lines += [f"  {e}" for e in side.exponents]
        verdict = "the curves collapse" if self.collapses else "the curves do not collapse"
        verdict += "" if self.border is None else f" where {self.border}, not beyond"
        has_curve = self.quality > 0.0
        quality = f"{self.quality:.4f}" if has_curve else "0 or less"
        lines.append(f"Quality {quality}; {verdict}")
        lines += [f"  {reason}" for reason in self.why_not]
        noise = "" if np.isnan(self.noise) else f", noise inside runs {self.noise:.2%}"
        # about a curve that is none, both are errors of the variable
        if has_curve:
            error = f"Error of the common curve: {self.scatter:.2%}"
            lines.append(f"{error}, lower bound {self.floor:.2%}{noise}")
        if self.function is None:
            looked = "none that is as good as a smooth curve" if self.report else "not searched"
            lines.append(f"Closed form: {looked}")
        else:
            doubt = "" if self.function.confirmed else " (not confirmed)"
            lines.append(f"Closed form: {self.function}{doubt}")
        return "\n".join(lines)


_FIGURES = (
    ("before", "Curves as measured", "Each colour is a run."),
    ("after", "Curves over the similarity variable", "The line is a smooth curve of all runs."),
)


@documented(CollapseKeywords)
def collapse(
    data: Any,
    target: str,
    along: str,
    curve: str | None = None,
    options: Options | None = None,
    *,
    progress: Callable[[str], None] | None = None,
    **keywords: Unpack[CollapseKeywords],
) -> Collapse:
    """Find the groups in which the curves of runs fall on one: y/Y(parameters) = F(s).

    The similarity variable s is proportional to the column `along`, and Y does not contain it: any
    power of s in Y could as well be part of F. The other columns are parameters, constant in a run
    or not. Exponents that the units leave open are those of the highest likelihood, F being a
    smooth curve; see :func:`dimgs.fits.similarity.fit_similarity`.

    Parameters
    ----------
    data : Dataset, path or DataFrame
        Anything that :func:`dimgs.read_table` takes: one row a point.
    target : str
        Column of the values, which may vanish or change sign.
    along : str
        Column of the coordinate, which may do so too.
    curve : str, optional
        Label column that names the run. By default rows with equal parameters are a run.
    options : Options, optional
        The options as one value; keywords change it.
    progress : callable, optional
        Called with a line of text while a closed form is looked for.
    {options}

    Returns
    -------
    Collapse

    Raises
    ------
    InputError, DimensionError, FitError
        If the table cannot answer the question; the message names the remedy.
    TypeError
        For an unknown keyword.

    Warns
    -----
    DimgsWarning
        For each of the result's `warnings`.

    References
    ----------
    G. I. Barenblatt, Scaling, Self-similarity, and Intermediate Asymptotics (1996): similarity of
    the first and of the second kind.

    Examples
    --------
    Diffusion from a point; the units force all exponents:

    >>> x, t = (v.ravel() for v in np.meshgrid(np.linspace(0.1, 2, 20), [0.5, 1.0, 2.0, 4.0]))
    >>> columns = {"x [m]": x, "t [s]": t, "c [mol/m^3]": np.exp(-(x**2) / t) / t**0.5}
    >>> data = Dataset.from_columns(columns | {"D [m^2/s]": 0.25})
    >>> found = collapse(data, "c", "x", scales=["M [mol/m^2]"], engine="power_law")
    >>> print(found.variable.group, found.response.group, found.collapses)
    x·D^(-1/2)·t^(-1/2) D^(1/2)·c·t^(1/2)·M⁻¹ True
    """
    chosen = Options.of(options, keywords, "collapse", CollapseKeywords)
    collapsed = collapse_with(
        chosen.read(data, target, along), target, along, curve, chosen, progress
    )
    warn_all(collapsed.warnings)
    return collapsed


@dataclass(frozen=True, eq=False)
class _Question:
    """A checked table, its parameters, and what the units say of their exponents."""

    data: Dataset
    target: Variable
    along: Variable
    parameters: tuple[Variable, ...]
    runs: IntArray
    run_column: str
    options: Options
    warnings: tuple[str, ...]

    def monomial(self, of: Variable) -> list[Fraction] | None:
        """Exponents of the parameters in a product of the dimension of a column."""
        smallest = smallest_monomial(self.parameters, of.dimension)
        if smallest is None:
            return None
        powers = dict(smallest.exponents)
        return [powers.get(v.name, Fraction(0)) for v in self.parameters]

    def context(self, warnings: Iterable[str]) -> dict[str, Any]:
        """What a collapse says of its question."""
        return {
            "target": self.target.name,
            "along": self.along.name,
            **attributes(self, "data values runs"),
            "level": self.options.level,
            "warnings": (*self.warnings, *warnings),
        }

    def table(self, inputs: Iterable[Variable]) -> Dataset:
        """The target, the run, and those of these inputs that are columns."""
        names = [v.name for v in inputs if v.role == "data"]
        return self.data.select([*names, self.target.name, self.run_column])

    def where(self, keep: BoolArray) -> "_Question":
        """The question about some of the points."""
        runs = np.unique(self.runs[keep], return_inverse=True)[1].astype(np.intp)
        return replace(self, data=self.data.where(keep), runs=runs)

    @cached_property
    def values(self) -> dict[str, Array]:
        """Columns and constants by name."""
        data, n = self.data, len(self.data)
        constants = {
            v.name: np.full(n, v.value or 1.0) for v in self.parameters if v.role != "data"
        }
        return {name: data[name] for name in data.numeric_names} | constants

    def logs(self) -> Array:
        """Logarithms of the parameters, of shape (n_points, n_parameters)."""
        columns = [np.log(self.values[v.name]) for v in self.parameters]
        return np.column_stack([np.empty((len(self.data), 0)), *columns])


def collapse_with(
    data: Dataset,
    target: str,
    along: str,
    curve: str | None,
    options: Options,
    progress: Callable[[str], None] | None = None,
) -> Collapse:
    """Same as :func:`collapse`, on a Dataset and with Options; its warnings are not raised.

    Parameters
    ----------
    data, target, along, curve, options, progress
        As there.
    """
    with noting(data.warnings):
        question = _asked(data, target, along, curve, options)
        start, scale = (question.monomial(v) for v in (question.along, question.target))
        if start is None:
            return _as_power_law(question, None)
        if scale is None:
            raise UnreachableError(question.parameters, question.target)
        space = _Space.of(question, start, scale)
        fit = space.fit(question)
        if fit.is_power_law and space.directions.shape[1]:
            return _as_power_law(question, fit)
        collapsed = _collapse_of(question, fit, space)
        if not collapsed.collapses:
            collapsed = _part_of(question, space) or collapsed
        return _with_function(collapsed, replace(question, data=collapsed.data), progress)


def _asked(
    data: Dataset, target: str, along: str, curve: str | None, options: Options
) -> _Question:
    if len({target, along, curve}) < 3:
        raise InputError(
            f"Target, {setting('along')} and {setting('curve')} must be three columns."
        )
    purpose = replace(options, split_by=curve).purpose(target, any_sign=True)
    usable = usable_runs(data, purpose)
    table = usable.data
    goal, coordinate = table.variable(target), table.variable(along)
    for variable in (goal, coordinate):
        if variable.is_label or variable.is_level:
            raise InputError(
                f"Column '{variable.name}' of {data.source} holds "
                f"{'labels' if variable.is_label else 'levels'}, which no power of a parameter "
                f"scales; give a column of plain numbers."
            )
    inputs = [n for n in usable.inputs if n != along and not table.variable(n).is_level]
    if options.drop_bad:
        table = drop_bad_rows(table, inputs, logged=inputs)
        usable = replace(usable, data=table)
    check_loggable(table, inputs, "its exponent")
    runs = run_codes(table, curve, (target, along))
    check_along(table, along, runs)
    never = {*constant_columns(table)}
    varying = [n for n in inputs if n not in never]
    columns = map(table.variable, [*inputs, along])
    constants = constant_variables(options.constants, table.names)
    every = with_scales([*columns, *constants], goal, table.names, options.scales)
    with_values = [v for v in every if v.role != "data"]
    # what never varied takes part only where the units need it
    sets = [[*map(table.variable, names), *with_values] for names in (varying, inputs)]
    needed = next((s for s in sets if all(is_reachable(s, v) for v in (goal, coordinate))), sets[1])
    label = Variable(f"run_{max(table.names, key=len)}", parse_unit("label"))
    texts = {label.name: runs.astype(str).astype(object)}
    table = replace(table, variables=(*table.variables, label), values={**table.values, **texts})
    levels = [n for n in usable.inputs if table.variable(n).is_level]
    warnings = [f"'{n}' is not used: it is a level." for n in levels]
    return _Question(
        table,
        goal,
        coordinate,
        tuple(sorted(needed, key=lambda v: v.name)),
        runs,
        label.name,
        options,
        (*table_warnings(usable), *warnings),
    )


@dataclass(frozen=True, eq=False)
class _Space:
    """Exponents that the units leave open, and which of them the runs determine.

    Attributes
    ----------
    lattice : tuple of tuple of int
        Independent dimensionless products of the parameters.
    directions : ndarray of shape (n_parameters, n_varied)
        Orthonormal changes of the exponents that leave dimensions alone, along which the runs
        differ, most first: the same for every basis of the lattice.
    held : ndarray of shape (n_parameters, n_held)
        The others.
    start, scale : sequence of Fraction
        Exponents of the parameters in products of the dimension of the coordinate, and of the
        target.
    """

    lattice: tuple[tuple[int, ...], ...]
    directions: Array
    held: Array
    start: Sequence[Fraction]
    scale: Sequence[Fraction]

    @classmethod
    def of(
        cls, question: _Question, start: Sequence[Fraction], scale: Sequence[Fraction]
    ) -> "_Space":
        names = question.parameters
        lattice = tuple(DimensionalMatrix.of(names).kernel_lattice()) if names else ()
        vectors = np.array(lattice, dtype=np.float64).reshape(len(lattice), len(names)).T
        free = np.linalg.qr(vectors)[0]
        logs = question.logs()
        logs = logs - logs.mean(axis=0)
        # of the triangle: a square matrix of all points would not fit into the memory
        _, sizes, rows = np.linalg.svd(np.linalg.qr(logs @ free, mode="r"), full_matrices=True)
        sizes = np.pad(sizes, (0, len(rows) - len(sizes)))
        varied = sizes > _VARIES * max(float(np.abs(logs).max(initial=0.0)), 1.0) * len(logs) ** 0.5
        directions = free @ rows.T
        # signs that do not depend on the order of rows
        largest = np.abs(directions).argmax(axis=0)
        directions = directions * np.sign(directions[largest, np.arange(directions.shape[1])])
        return cls(lattice, directions[:, varied], directions[:, ~varied], start, scale)

    def points(self, question: _Question) -> tuple[Array, Array, Array]:
        """Coordinate and values in the parameters' monomials, and logarithms of the groups."""
        logs, data = question.logs(), question.data
        x, y = (
            data[v.name] * np.exp(-logs @ np.array(powers, dtype=np.float64))
            for v, powers in ((question.along, self.start), (question.target, self.scale))
        )
        return x, y, logs @ self.directions

    def fit(self, question: _Question) -> SimilarityFit:
        """The powers of the groups that collapse the curves."""
        errors = question.data.errors.get(question.target.name)
        if errors is not None:
            errors = errors * np.exp(-question.logs() @ np.array(self.scale, dtype=np.float64))
        return fit_similarity(*self.points(question), question.runs, errors)

    def exponents(
        self, question: _Question, fit: SimilarityFit, side: Literal["s", "Y"]
    ) -> tuple[list[SimilarityExponent], list[Fraction]]:
        """Exponents of the parameters with intervals, and exact ones of the same dimension."""
        names, k = [v.name for v in question.parameters], len(fit.along)
        half_s, half_y = fit.half_widths(self.directions, question.options.level)
        start, powers, half, part = [-e for e in self.start], fit.along, half_s, slice(k)
        if side == "Y":
            start, powers, half, part = [*self.scale], -fit.scale, half_y, slice(k, 2 * k)
        if not self.lattice:
            return [_forced(n, e) for n, e in zip(names, start, strict=True)], start
        loadings = [[Fraction(x) for x in row] for row in zip(*self.lattice, strict=True)]
        # from exponents of the parameters to powers of their dimensionless products
        back = np.linalg.pinv(np.array(loadings, dtype=np.float64))
        move = back @ self.directions
        snapped: Sequence[Fraction | float] = (move @ powers).tolist()
        rationals: Sequence[Fraction | None] = [None] * len(names)
        covariance, dof = fit.covariance[part, part], float(fit.dof[part].min(initial=np.inf))
        if np.isfinite(covariance).all() and dof > 0:
            spread, null = move @ covariance @ move.T, (back @ self.held).T
            rounded = snap(move @ powers, spread, dof, start, loadings, null=null)
            snapped, rationals = rounded.exponents, rounded.rationals
        written = [Fraction(x).limit_denominator(_WRITTEN) for x in snapped]
        values = np.array(start, dtype=np.float64) + self.directions @ powers
        unknown = np.abs(self.held).max(axis=1, initial=0.0) > 1e-6
        out, exact = [], []
        for j, (name, row) in enumerate(zip(names, loadings, strict=True)):
            exact.append(start[j] + sum(map(mul, row, written)))
            if not any(row):
                out.append(_forced(name, start[j]))
                continue
            value, width = float(values[j]), float(np.inf if unknown[j] else half[j])
            ends = value - width, value + width
            out.append(SimilarityExponent(name, value, *ends, rationals[j], kind="second"))
        return out, exact


def _forced(name: str, value: Fraction) -> SimilarityExponent:
    number = float(value)
    return SimilarityExponent(name, number, number, number, value, kind="first")


def _part_of(question: _Question, space: _Space) -> Collapse | None:
    """The collapse of the points on one side of a border; None where no part is one curve."""
    x, y, groups = space.points(question)
    if np.any(x <= 0):
        return None
    places = np.column_stack([np.log(x), groups])
    tried: list[tuple[float, int, SimilarityFit]] = []
    for z, share in product((*places.T, *-places.T), _SHARES):
        fit = attempt(space.fit, question.where(z <= np.quantile(z, share)))
        if fit is not None and fit.shared >= _LEAST_SHARED and fit.quality >= _LEAST_QUALITY:
            tried.append((fit.scatter, len(tried), fit))
    for _, _, fit in sorted(tried)[:_MOST_PARTS]:
        try:
            for _ in range(_BORDER_STEPS):
                residuals = np.abs(fit.residuals_of(x, y, groups))
                agrees = residuals <= _AGREES * max(fit.scatter, _ACCURATE)
                border = _border_of(question, space, agrees, np.isfinite(residuals))
                inside = question.where(border.holds(question))
                fit = space.fit(inside)
        except FitError:
            continue
        part = _collapse_of(inside, fit, space)
        if part.collapses:
            return replace(part, border=border)
    return None


def _border_of(
    question: _Question, space: _Space, agrees: BoolArray, measured: BoolArray
) -> Border:
    """The monomial, with short exponents, that parts the points on the curve from others."""
    from sklearn.metrics import roc_curve

    inside = agrees[measured]
    if min(inside.mean(), 1.0 - inside.mean()) < _LEAST_PART:
        raise FitError("Too few points lie on one side of a border.")
    names = [question.along.name, *(v.name for v in question.parameters)]
    columns = [(Fraction(1), *(-e for e in space.start)), *((0, *row) for row in space.lattice)]
    cuts = []
    for powers in short_monomials(np.array(columns, dtype=np.float64).T, _MOST_BORDERS):
        lead = max(powers, key=abs) if powers[0] == 0 else powers[0]
        exact = [Fraction(p, lead) for p in powers]
        total = (sum(map(mul, exact, each)) for each in zip(*columns, strict=True))
        group = PiGroup.of("border", dict(zip(names, map(Fraction, total), strict=True)))
        value = group.log(question.values)[measured]
        above = bool(np.median(value[inside]) > np.median(value[~inside]))
        outer, inner, places = roc_curve(
            inside, value if above else -value, drop_intermediate=False
        )
        # points on the wrong side of each cut; all points are on one side of the first and last
        wrong = np.rint(outer * (~inside).sum() + (1.0 - inner) * inside.sum())[1:-1]
        if len(wrong):
            at = int(np.argmin(wrong)) + 1
            middle = float(np.exp(np.mean(places[at : at + 2]) * (1.0 if above else -1.0)))
            cuts.append((float(wrong.min()), Border(group, middle, above)))
    fewest = min(count for count, _ in cuts)
    # the shortest exponents that part the points as well, but for one in a hundred
    return next(border for count, border in cuts if count <= fewest + 0.01 * len(inside))


def _collapse_of(question: _Question, fit: SimilarityFit, space: "_Space") -> Collapse:
    names = [v.name for v in question.parameters]
    along, target = question.along.name, question.target.name
    (in_s, exact_s), (in_y, exact_y) = (space.exponents(question, fit, k) for k in ("s", "Y"))
    s = PiGroup.of("pi_1", {**dict(zip(names, exact_s, strict=True)), along: 1})
    y = PiGroup.of("pi_0", {n: -e for n, e in zip(names, exact_y, strict=True)} | {target: 1})
    warnings = []
    held = [e.name for e in in_s if not np.isfinite(e.high - e.low)]
    if held:
        warnings.append(
            f"The runs do not determine the exponents of {', '.join(held)}: products of these "
            f"never varied."
        )
    if fit.is_ambiguous:
        warnings.append(
            "Other exponents, far from these, collapse the curves nearly as well, and the "
            "intervals do not hold them. Make runs with more different parameters."
        )
    wide = [e.name for e in (*in_s, *in_y) if _UNKNOWN < e.high - e.low < np.inf]
    if wide:
        warnings.append(
            f"The exponents of {', '.join(dict.fromkeys(wide))} are poorly determined: their "
            f"intervals are wider than {_UNKNOWN:g}. Make more different runs, or longer "
            f"curves."
        )
    return Collapse(
        **question.context(warnings),
        variable=SimilarityGroup(s, (_forced(along, Fraction(1)), *in_s)),
        response=SimilarityGroup(y, tuple(in_y)),
        **attributes(fit, "quality floor scatter shared"),
        noise=fit.noise_size,
        fit=fit,
    )


def _as_power_law(question: _Question, curve: SimilarityFit | None) -> Collapse:
    """The values as a power law of the coordinate and the parameters: F is one, or a constant."""
    target, along = question.target.name, question.along.name
    data = question.table([*question.parameters, question.along])
    runs = question.run_column if question.runs.any() else None
    options = replace(question.options.without_reading(), split_by=runs)
    result = fit_with(data, target, options)
    law, forced = result.law, isolated_names([*question.parameters, question.along])
    exponents = tuple(
        SimilarityExponent(
            *(e.name, e.value, e.low, e.high, e.rational),
            kind="first" if e.name in forced else "second",
        )
        for e in result.variable_exponents
    )
    factors = [(law.response, Fraction(1))]
    for e, coefficient in zip(result.exponents, result.coefficients, strict=True):
        if e.group is not None:
            factors.append((e.group, -Fraction(coefficient).limit_denominator(_WRITTEN)))
    response = PiGroup.product("pi_0", *zip(*factors, strict=True))
    residuals = np.log(question.data[target] / law.predict_si(question.data))
    u = np.log(question.data[along])
    noise, warnings = noise_about_curves(u, residuals, question.runs), list(result.warnings)
    floor = noise_about_curves(u, residuals, np.zeros(len(u), dtype=np.intp))
    scatter, quality = result.residual_sd, law.scores.cv_r2_log
    if curve is not None:
        noise = curve.noise_size
        warnings.append(
            f"The common curve is a power law, so that exponents of a similarity variable are not "
            f"determined one by one: those of '{target}' itself are given."
        )
    return Collapse(
        **question.context(warnings),
        variable=None,
        response=SimilarityGroup(response, exponents),
        quality=1.0 if quality is None else quality,
        floor=min(floor, scatter),
        scatter=scatter,
        noise=noise,
        function=law,
    )


def _with_function(
    collapsed: Collapse, question: _Question, progress: Callable[[str], None] | None
) -> Collapse:
    """With the closed form of the curve, where one leaves hardly more than a smooth curve."""
    assert collapsed.variable is not None
    assert collapsed.fit is not None
    if not collapsed.collapses or (
        question.options.engine == NONE and not collapsed.fit.is_power_law
    ):
        return collapsed
    data, s = question.data, collapsed.variable.group
    used = {n for g in (s, collapsed.response.group) for n, _ in g.exponents}
    inputs = [v for v in (*question.parameters, question.along) if v.name in used]
    signed = (collapsed.along,) if np.any(data[collapsed.along] <= 0) else ()
    basis = PiBasis(tuple(inputs), (s,), collapsed.response.group, question.target, signed=signed)
    table = question.table(inputs)
    linear = bool(np.any(data[collapsed.target] <= 0))
    design = build_design(table, basis, split_by=question.run_column, linear=linear)
    # a curve of one variable is soon found, or is none
    options = replace(
        question.options.without_reading(),
        split_by=question.run_column,
        evaluations=question.options.side_budget,
    )
    prepared = Prepared(table, basis, design, ()).ordered()
    try:
        with listening(progress):
            searched = study(prepared, options, Clock.of(options.seconds))
        report = report_of(searched, table, options)
    except DimgsError as error:
        return replace(
            collapsed, warnings=(*collapsed.warnings, f"No closed form was searched: {error}")
        )
    law = report.law
    if law is None or _left_by(law, table, linear) > max(_AS_GOOD * collapsed.scatter, _ROUNDED):
        return replace(collapsed, report=report)
    return replace(collapsed, function=law, report=report)


def _left_by(law: Law, data: Dataset, linear: bool) -> float:
    """Relative error that a law leaves, root mean square."""
    measured, predicted = data[law.target.name], law.predict_si(data)
    with np.errstate(all="ignore"):
        if not linear:
            return float(np.sqrt(np.mean(np.log(measured / predicted) ** 2)))
        return float(np.sqrt(np.mean((measured - predicted) ** 2) / np.mean(measured**2)))


__all__ = ["Collapse", "SimilarityExponent", "SimilarityGroup", "collapse", "collapse_with"]
