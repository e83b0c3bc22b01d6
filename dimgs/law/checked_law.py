"""The values of a law: constants, scores, uncertainty, domain and names, checked when made."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

import numpy as np
import sympy

from dimgs.common.arrays import Array, BoolArray
from dimgs.common.errors import LawError, check_level
from dimgs.common.formats import attributes, plain
from dimgs.dataset import Dataset
from dimgs.expression import check_dimension, safe_identifiers
from dimgs.expression.level import LevelForm, as_ratio
from dimgs.fits.covariance import quartic_dof, t_quantile
from dimgs.fits.design import Design, Feature, TargetErrors, spans
from dimgs.groups.dimensions import open_products
from dimgs.groups.group import PiGroup
from dimgs.variables import Dimension, Variable, si_unit

if TYPE_CHECKING:
    import pandas as pd


# ---- The parts of a law that are plain values: constants, scores, uncertainty, domain, labels.


Origin = Literal["fitted", "scale", "physical", "recognised"]


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant of a law, in the coherent SI unit of its dimension.

    Parameters
    ----------
    name : str
        Identifier in the law's expression.
    value : float
    dimension : Dimension
    low, high : float, optional
        Interval at the law's level; an end that is not finite becomes None.
    origin : {"fitted", "scale", "physical", "recognised"}

    Raises
    ------
    LawError
        If the interval ends before it begins.
    """

    name: str
    value: float
    dimension: Dimension = field(default_factory=Dimension)
    low: float | None = None
    high: float | None = None
    origin: Origin = "fitted"

    def __post_init__(self) -> None:
        for end in ("low", "high"):
            value = getattr(self, end)
            if value is not None and not np.isfinite(value):
                object.__setattr__(self, end, None)
        if self.low is not None and self.high is not None and self.low > self.high:
            raise LawError(f"The interval of the constant '{self.name}' ends before it begins.")

    @property
    def unit(self) -> str:
        """Coherent SI unit."""
        return si_unit(self.dimension)


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of a law on its target.

    Attributes
    ----------
    r2_log, rmse_log : float or None
        On ln(target), in sample; None where the target has no logarithm.
    cv_r2_log : float or None
        On ln(target), each run (or group of runs) predicted by a fit without it.
    r2 : float or None
        On the target itself, in sample.
    holdout_r2_log : float or None
        On ln(target) of runs set aside before fitting.
    holdout_n : int
        Number of those runs.
    cv_r2 : float or None
        On the target itself, as `cv_r2_log`; only where the errors are not relative.
    """

    r2_log: float | None = None
    rmse_log: float | None = None
    cv_r2_log: float | None = None
    r2: float | None = None
    holdout_r2_log: float | None = None
    holdout_n: int = 0
    cv_r2: float | None = None

    @property
    def exist(self) -> bool:
        """Whether there is an R²: for a target that does not vary there is none."""
        return self.r2_log is not None or self.r2 is not None

    def to_json(self) -> dict[str, float | int | None]:
        """Plain numbers."""
        return {k: v for k, v in asdict(self).items() if k != "cv_r2" or v is not None}

    def to_frame(self) -> "pd.DataFrame":
        """One row, with the column names of the attributes.

        Examples
        --------
        >>> Scores(r2_log=0.99, holdout_n=3).to_frame()[["r2_log", "holdout_n"]]
           r2_log  holdout_n
        0    0.99          3
        """
        import pandas as pd

        return pd.DataFrame([self.to_json()])


def log_interval(value: Array, half: Array) -> tuple[Array, Array]:
    """Ends of an interval in logarithms; without end where nothing is known."""
    with np.errstate(over="ignore", invalid="ignore"):
        low, high = value * np.exp(-half), value * np.exp(half)
    return low, np.where(np.isnan(high) & ~np.isnan(value), np.inf, high)


def prefactors(form: sympy.Expr) -> set[sympy.Expr]:
    """Factors of a form, or of each of its pieces.

    Examples
    --------
    >>> a, b, x, y = sympy.symbols("a b x y")
    >>> prefactors(sympy.Min(a * x, b * y)) == {a, b, x, y}
    True
    """
    pieces = form.args if isinstance(form, sympy.Min | sympy.Max) else (form,)
    if isinstance(form, sympy.Piecewise):
        pieces = tuple(piece for piece, _ in form.args)
    return {factor for piece in pieces for factor in sympy.Mul.make_args(piece)}


def constant_ends(value: float, half: float, is_factor: bool) -> tuple[float, float]:
    """Ends of the interval of a constant: a factor of a positive response keeps its sign.

    The logarithm of the response is linear in that of a factor, and not in the factor.
    """
    if not is_factor or value == 0.0:
        return value - half, value + half
    with np.errstate(over="ignore"):
        ends = value * np.exp(np.array([-half, half]) / abs(value))
    return float(ends.min()), float(ends.max())


@dataclass(frozen=True)
class Uncertainty:
    """Uncertainty of a law's predictions, at the level of runs.

    Parameters
    ----------
    gradients : tuple of sympy.Expr
        Derivatives of the law (of its logarithm on the log scale) with respect to its
        parameters, as expressions of the groups and unlogged features.
    covariance : tuple of tuple of float
        Covariance of the parameters.
    residual_sd : float
        Standard deviation of one run about the law, on the same scale.
    dof : float
        Degrees of freedom of the covariance.
    scale : {"log", "linear"}
    residual_dof : float
        Degrees of freedom of `residual_sd`.
    errors : TargetErrors, optional
        The scale of `residual_sd`, where the law's logarithm has errors of several sizes.
    tails : float, optional
        Degrees of freedom of Student's t, where the errors of runs follow it.
    quartic : tuple of tuple of float
        Two quartic forms whose ratio is the degrees of freedom of a functional of the parameters;
        see :attr:`dimgs.fits.covariance.Linearised.quartic`. Without terms, all have `dof`.

    References
    ----------
    F. E. Satterthwaite, Biometrics Bulletin 2 (1946) 110-114, for the sum of two variances.
    """

    gradients: tuple[sympy.Expr, ...]
    covariance: tuple[tuple[float, ...], ...]
    residual_sd: float
    dof: float
    scale: Literal["log", "linear"] = "log"
    residual_dof: float = float("inf")
    errors: TargetErrors | None = None
    tails: float | None = None
    quartic: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        k = len(self.gradients)
        if len(self.covariance) != k or any(len(row) != k for row in self.covariance):
            raise LawError(f"The covariance of {k} parameters must be {k} by {k}.")

    def run_share(self, target: Array, factor: Array | float) -> Array:
        """Size of `residual_sd` on the scale of the gradients, where the target is so large.

        Parameters
        ----------
        target : ndarray of shape (n,)
        factor : float or ndarray of shape (n,)
            Target over pi_0.
        """
        if self.errors is None:
            return np.ones_like(target)
        by = factor if self.scale == "linear" else target
        return np.asarray(self.errors.unit(target) / np.abs(by))

    def ends(self, target: Array, half: Array, factor: Array | float = 1.0) -> tuple[Array, Array]:
        """Ends of intervals about targets, from half widths on the scale of the gradients.

        Parameters
        ----------
        target, half : ndarray of shape (n,)
        factor : float or ndarray of shape (n,)
            Target over pi_0.
        """
        if self.scale == "linear":
            half = half * np.abs(factor)
            if self.errors is None:
                return target - half, target + half
        elif self.errors is None:
            return log_interval(target, half)
        else:
            half = half * np.abs(target)
        middle, wide = self.errors.of(target), half / self.errors.unit(target)
        with np.errstate(over="ignore"):
            return self.errors.back(middle - wide), self.errors.back(middle + wide)

    def half_width(
        self,
        gradients: Array,
        level: float,
        runs: float | Array,
        more: float | Array = 0.0,
        apart: Sequence[tuple[Array, float]] = (),
        share: float | Array = 1.0,
    ) -> Array:
        """Half width of intervals.

        Parameters
        ----------
        gradients : ndarray of shape (n, n_parameters)
        level : float
        runs : float or ndarray of shape (n,)
            Variances of one run to add: 0 for the law itself, 1 for a new run, 2 for a ratio.
        more : float or ndarray of shape (n,)
            To add to the variance of the law; negative where sources are known better than it.
        apart : sequence of (ndarray of shape (n,), float)
            Further independent variances, with their degrees of freedom.
        share : float or ndarray of shape (n,)
            That :meth:`run_share` gives: its squares may leave the range of doubles.
        """
        check_level(level)
        covariance = np.asarray(self.covariance).reshape(len(self.gradients), len(self.gradients))
        # in units of the larger of the two: squares of large slopes are not representable
        steep = np.abs(gradients).max(axis=1, initial=0.0)
        g = gradients / np.where(steep > 0, steep, 1.0)[:, None]
        of_law = steep * np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", g, covariance, g), 0.0))
        of_runs = np.sqrt(np.maximum(runs, 0.0)) * share * self.residual_sd
        size = np.maximum(of_law, of_runs)
        for variance, _ in apart:
            size = np.maximum(size, np.sqrt(variance))
        size = np.where(size > 0, size, 1.0)
        of_constants = np.maximum((of_law / size) ** 2 + more / size / size, 0.0)
        dof = np.full(len(g), self.dof)
        if any(self.quartic):
            dof = quartic_dof(
                self.quartic, g * np.sqrt(covariance.diagonal()), self.dof, self.residual_dof
            )
        of_one = self.residual_dof if self.tails is None else min(self.residual_dof, self.tails)
        # the same residuals give the variances of the constants and of a run: these are large or
        # small together, and for equal degrees of freedom the interval is that of least squares
        of_run = (of_runs / size) ** 2
        together = of_constants / np.sqrt(dof) + of_run / np.sqrt(of_one)
        parts = [(variance / size / size, dof) for variance, dof in apart]
        satterthwaite = together**2 + sum((v**2 / dof for v, dof in parts), np.zeros(1))
        total = of_constants + of_run + sum((v for v, _ in parts), np.zeros(1))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            dof = np.where(satterthwaite > 0, total**2 / satterthwaite, 1e9)
            half = t_quantile(level, np.minimum(dof, 1e9)) * np.sqrt(total) * size
        # a slope without end says nothing of the law
        return np.where(np.isnan(half), np.inf, half)


# rounding of a range that was written with the digits of a double
EDGE = 1e-9


def as_rows(matrix: Array) -> tuple[tuple[float, ...], ...]:
    """A matrix as tuples of plain numbers."""
    return tuple(map(tuple, np.asarray(matrix, dtype=np.float64).tolist()))


def leverages(away: Array, precision: Array) -> Array:
    """Leverage of rows by their distances from the centre, less that of the centre, shape (n,)."""
    return np.asarray(np.einsum("ij,jk,ik->i", away, precision, away))


@dataclass(frozen=True)
class Domain:
    """Domain of a law: ranges and leverage of its runs in the groups.

    Parameters
    ----------
    groups : mapping of str to (float, float)
        Range of each group (or unlogged feature) that varied.
    columns : mapping of str to (float, float, str)
        Range and SI unit of each numeric input, whether it varied or not.
    features : tuple of str
        Order of the coordinates of `centre` and `precision`.
    centre : tuple of float
        Mean of the features (logarithms of the groups).
    precision : tuple of tuple of float
        Inverse of their scatter: leverage is 1/n + (x - centre)' precision (x - centre).
    max_leverage : float
        Largest leverage among the runs.
    constant_groups : tuple of (PiGroup, float), optional
        Groups that were the same in every run, with their value. None for a law of version 0.2,
        which does not know what its runs held.
    labels : mapping of str to tuple of str
        Labels that the runs have, of each column of labels that is an input.
    unlogged : mapping of str to str
        Column of each feature that is not a group.
    varied_alone : tuple of str
        Inputs of which no run varied two.
    held_by_label : mapping of str to mapping of str to float
        Inputs that never varied among the runs of a label with its own prefactor, though between
        labels, with their value in SI units by label.
    """

    groups: Mapping[str, tuple[float, float]]
    columns: Mapping[str, tuple[float, float, str]]
    features: tuple[str, ...] = ()
    centre: tuple[float, ...] = ()
    precision: tuple[tuple[float, ...], ...] = ()
    max_leverage: float = float("inf")
    constant_groups: tuple[tuple[PiGroup, float], ...] | None = ()
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unlogged: Mapping[str, str] = field(default_factory=dict)
    varied_alone: tuple[str, ...] = ()
    held_by_label: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        k = len(self.features)
        square = len(self.precision) == k and all(len(row) == k for row in self.precision)
        if len(self.centre) != k or not square:
            raise LawError(
                f"The domain has {k} features; its centre must have {k} numbers, and its "
                f"precision must be {k} by {k}."
            )
        ranges = {name: (low, high) for name, (low, high, _) in self.columns.items()}
        for name, (low, high) in (*ranges.items(), *self.groups.items()):
            if low > high:
                raise LawError(f"The range of '{name}' in the domain ends before it begins.")

    @property
    def knows_held(self) -> bool:
        """Whether it is known which inputs the runs held."""
        return self.constant_groups is not None

    @cached_property
    def held(self) -> dict[str, float | str]:
        """Inputs that never varied, with their value in SI units or their label."""
        numbers = {
            name: low
            for name, (low, high, _) in self.columns.items()
            if not spans(low, high, "difference")
        }
        return numbers | {n: seen[0] for n, seen in self.labels.items() if len(seen) == 1}

    @property
    def most_leverage(self) -> float:
        """The largest leverage inside, with its rounding."""
        return self.max_leverage * (1 + 1e-6) + EDGE

    def filled(self, features: Array, absent: BoolArray) -> Array:
        """Features with the absent columns set to where they add the least leverage.

        Parameters
        ----------
        features : ndarray of shape (n, n_features)
        absent : ndarray of bool of shape (n_features,)
        """
        precision = np.asarray(self.precision)
        away = features[:, ~absent] - np.asarray(self.centre)[~absent]
        pull = away @ precision[np.ix_(~absent, absent)]
        out = features.copy()
        out[:, absent] = np.asarray(self.centre)[absent] - pull @ np.linalg.pinv(
            precision[np.ix_(absent, absent)], hermitian=True
        )
        return out

    def leverage(self, features: Array) -> Array:
        """Leverage of rows, less that of the centre, shape (n,)."""
        away = features - np.asarray(self.centre)
        return leverages(away, np.asarray(self.precision).reshape(away.shape[1], away.shape[1]))

    def to_json(self) -> dict[str, Any]:
        """Plain lists and numbers."""
        names = "groups columns features centre precision max_leverage"
        document: dict[str, Any] = plain(attributes(self, names))
        if self.varied_alone:
            document["varied_alone"] = list(self.varied_alone)
        if self.held_by_label:
            document["held_by_label"] = plain(self.held_by_label)
        if self.constant_groups is None:
            return document
        held = {
            name: value
            if isinstance(value, str)
            else {"value": value, "unit": self.columns[name][2]}
            for name, value in self.held.items()
        }
        return {
            **document,
            "held": held,
            "constant_groups": {g.name: v for g, v in self.constant_groups},
        }


@dataclass(frozen=True, slots=True)
class LabelEffects:
    """A prefactor of its own for each label of a column.

    Parameters
    ----------
    column : str
        Label column.
    log_ratios : mapping of str to float
        Logarithm of each label's prefactor over the pooled one.
    counts : mapping of str to int
        Runs of each label.
    """

    column: str
    log_ratios: Mapping[str, float]
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceEffects:
    """Effects of the sources of one kind, and their standard deviation for a new source.

    Parameters
    ----------
    column : str
        Label column of the sources.
    differs : tuple of str
        What each term moves: "prefactor", the inputs whose exponents differ, or a constant.
    gradients : tuple of sympy.Expr
        Of the law's logarithm (of a level: of the ratio's) by each term; that of a
        constant holds at the constants of each source.
    spreads : tuple of float
        Standard deviation of each term over the sources.
    shifts : mapping of str to tuple of float
        Terms of each source of the runs, drawn to zero as far as its runs leave it open.
    covariances : mapping of str to tuple of tuple of float
        Of the errors of these.
    crossed : mapping of str to tuple of tuple of float
        Covariance of the law's parameters (rows) with these errors.
    p_values : tuple of float
        Of each term: chance of so large a spread if all sources were equal.
    counts : mapping of str to int
        Runs of each source.
    constants : tuple of str
        The constant that each term is added to; empty for the other terms.
    """

    column: str
    differs: tuple[str, ...]
    gradients: tuple[sympy.Expr, ...]
    spreads: tuple[float, ...]
    shifts: Mapping[str, tuple[float, ...]]
    covariances: Mapping[str, tuple[tuple[float, ...], ...]]
    crossed: Mapping[str, tuple[tuple[float, ...], ...]]
    p_values: tuple[float, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    constants: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        r = len(self.gradients)
        object.__setattr__(self, "constants", self.constants or ("",) * r)
        if len(self.spreads) != r or any(len(u) != r for u in self.shifts.values()):
            raise LawError(f"Each source of '{self.column}' must have {r} terms.")

    @property
    def dof(self) -> float:
        """Degrees of freedom of the spreads."""
        return float(max(1, len(self.shifts) - 1))

    @property
    def kinds(self) -> dict[str, tuple[float, float]]:
        """Standard deviation over the sources of what differs, and its chance if all were equal.

        Of exponents that differ together, the largest.
        """
        out: dict[str, tuple[float, float]] = {}
        for name, spread, p in zip(self.differs, self.spreads, self.p_values, strict=True):
            out[name] = (max(spread, out.get(name, (0.0, p))[0]), p)
        return out

    def at_centre(self, label: str) -> float:
        """Logarithm of the ratio of a source to the law at the centre of the runs."""
        each = zip(self.differs, self.constants, self.shifts[label], strict=True)
        return sum(shift for name, of, shift in each if name == "prefactor" and not of)

    def added(self, label: str) -> dict[str, float]:
        """What is added to the constants that differ, in a source."""
        each = zip(self.constants, self.shifts[label], strict=True)
        return {name: shift for name, shift in each if name}

    def rewritten(self, symbols: Mapping[sympy.Symbol, sympy.Expr]) -> "SourceEffects":
        """The effects on a law with symbols replaced."""
        names = {name: str(symbols.get(sympy.Symbol(name), name)) for name in self.constants}
        of = zip(self.constants, self.differs, strict=True)
        return replace(
            self,
            differs=tuple(names[name] if name else other for name, other in of),
            gradients=tuple(g.xreplace(symbols) for g in self.gradients),
            constants=tuple(names[name] for name in self.constants),
        )

    def reparametrised(
        self, slopes: Array, symbols: Mapping[sympy.Symbol, sympy.Expr]
    ) -> "SourceEffects":
        """The effects on a law of other parameters.

        Parameters
        ----------
        slopes : ndarray of shape (n_parameters,)
            Derivative of each by the one before.
        symbols : mapping of sympy.Symbol to sympy.Expr
            Those before in the others.
        """
        crossed = {
            k: as_rows(slopes[:, None] * np.asarray(x).reshape(len(slopes), -1))
            for k, x in self.crossed.items()
        }
        gradients = tuple(g.xreplace(symbols) for g in self.gradients)
        return replace(self, crossed=crossed, gradients=gradients)

    def of_source(
        self, label: str, groups: Sequence[PiGroup]
    ) -> tuple[float, dict[str, float], dict[str, float]]:
        """Effect of a source on the law at its constants: logarithm of a ratio, and exponents.

        Returns
        -------
        float, dict, dict
            The second holds what is added to the exponents of the inputs, the third to the
            coefficients of what enters without a logarithm.
        """
        each = zip(self.shifts[label], self.gradients, self.constants, strict=True)
        moved = sympy.Add(*(sympy.Float(u) * g for u, g, name in each if not name))
        prefactor, exponents, plain = 0.0, dict[str, float](), dict[str, float]()
        of = {g.name: g for g in groups}
        for term, factor in sympy.expand(moved).as_coefficients_dict().items():
            if term == 1:
                prefactor += float(factor)
            elif term.func is sympy.log and str(term.args[0]) in of:
                for name, e in of[str(term.args[0])].exponents:
                    exponents[name] = exponents.get(name, 0.0) + float(factor) * float(e)
            else:
                plain[str(term)] = plain.get(str(term), 0.0) + float(factor)
        return prefactor, exponents, plain


def percent(share: float) -> str:
    """A probability, never rounded to certainty, impossibility, or 90 %, which confirms a law.

    Examples
    --------
    >>> percent(0.9999), percent(0.896), percent(0.123), percent(1e-9)
    ('> 99 %', '89 %', '12 %', '< 1 %')
    """
    if share > 0.99:
        return "> 99 %"
    whole = f"{100 * share:.0f} %"
    return "< 1 %" if share < 0.01 else "89 %" if share < 0.9 and whole == "90 %" else whole


# ---- The values of a law, which are checked when they are put together.


class ResponseForm(NamedTuple):
    """pi_0 of a law in the groups, with its fitted constants; of a level, the ratio.

    Attributes
    ----------
    expression : sympy.Expr
    constants : mapping of str to float
    level : LevelForm, optional
        Which constants are others in the law of the level.
    """

    expression: sympy.Expr
    constants: Mapping[str, float]
    level: LevelForm | None = None

    def in_law(self, constants: Mapping[str, float]) -> Mapping[str, float]:
        """Constants of the law by those of the form."""
        return constants if self.level is None else self.level.of_level(constants)


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

    @cached_property
    def open_products(self) -> list[dict[str, int]]:
        """Dimensionless products of held inputs, constants and scales, with open exponents."""
        numbers = {n for n, value in self.domain.held.items() if not isinstance(value, str)}
        names = numbers | self.domain.held_by_label.keys()
        held = [v for v in self.inputs if v.name in names and not v.is_level]
        return open_products({v.name: v.dimension for v in (*held, *self.known, *self.scales)})

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
        """Warning on what is not known about the domain; empty where nothing is missing."""
        edited = (
            "The law was edited after it was written: it is not the one that the runs gave, and "
            "nothing confirms it. Use the original file, or derive the law again."
        )
        unheld = (
            "The law was written by dimgs 0.2, which did not record the inputs that its runs held "
            "constant, so that a prediction for other values of such an input is not recognised as "
            "outside. Derive the law again from its table or plan, so that every input is checked."
        )
        alone = ", ".join(self.domain.varied_alone)
        untested = (
            f"No run varied two of {alone} together: for new combinations, predictions and their "
            f"intervals rest on how the formula combines them, which no run tests."
        )
        known = {edited: not self.edited, unheld: self.domain.knows_held, untested: not alone}
        return " ".join(text for text, is_known in known.items() if not is_known)

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

    @cached_property
    def response_form(self) -> "ResponseForm":
        """pi_0 in the groups and its fitted constants; of a level, the ratio."""
        fitted = {c.name: c.value for c in self.constants if c.origin == "fitted"}
        if not self.target.is_level:
            return ResponseForm(self.pi_expression, fitted)
        form = as_ratio(self.pi_expression, fitted, self.target.unit.log_factor)
        return ResponseForm(form.expression, form.of_ratio(fitted), form)

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
            if x.size:
                columns[v.name] = (float(x.min()), float(x.max()), v.si_unit)
        more = tuple(v for v in variables if v.name in columns)
        return replace(
            self, unused=(*self.unused, *more), domain=replace(self.domain, columns=columns)
        )

    def rewritten(
        self,
        symbols: Mapping[sympy.Symbol, sympy.Expr],
        expression: sympy.Expr,
        constants: Iterable[Constant],
        in_groups: sympy.Expr | None = None,
    ) -> Self:
        """The law in other expressions and constants, with symbols replaced in all its forms."""
        gradients = tuple(g.xreplace(symbols) for g in self.uncertainty.gradients)
        sources = tuple(each.rewritten(symbols) for each in self.sources)
        return replace(
            self,
            expression=expression.xreplace(symbols),
            pi_expression=(in_groups or self.pi_expression).xreplace(symbols),
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


# ---- Identifiers of a law's inputs and constants.


_PREFACTORS = ("C", "C_0", "K_0", "prefactor", "prefactor_0")


@dataclass(frozen=True)
class Names:
    """Identifiers of a law: inputs, constants, scales and fitted constants."""

    symbols: Mapping[str, Variable]
    identifier: Mapping[str, str]
    prefactor: str

    @classmethod
    def of(cls, design: Design) -> "Names":
        """Safe identifiers of every input of the runs, and of what else the features use."""
        used = {v.name for v in design.inputs}
        used |= {n for f in design.features for n in f.variables}
        used |= {n for n, _ in design.response.exponents}
        used.discard(design.target.name)
        groups = [g.name for g in design.basis.groups]
        identifier = safe_identifiers(sorted(used), reserved=["pi_0", *groups])
        taken = set(identifier.values())
        known = {v.name: v for v in design.basis.variables}
        variables = {n: known.get(n) or design.data.variable(n) for n in used}
        symbols = {identifier[n]: variables[n] for n in sorted(used) if variables[n].role == "data"}
        # "C = C*sqrt(D*t)" would read as an equation for its own target
        shown = taken | {design.target.name}
        prefactor = next(p for p in _PREFACTORS if p not in shown)
        return cls(symbols, identifier, prefactor)

    def of_feature(self, feature: Feature) -> str:
        """What a pi expression calls a feature: its group, or its column."""
        return feature.name if feature.variable is None else self.identifier[feature.variable]

    def split(self, used: Set[str]) -> tuple[dict[str, Variable], tuple[Variable, ...]]:
        """Inputs whose identifiers an expression uses, and the others."""
        return (
            {s: v for s, v in self.symbols.items() if s in used},
            tuple(v for s, v in self.symbols.items() if s not in used),
        )
