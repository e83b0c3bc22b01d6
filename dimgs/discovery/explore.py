"""Exploration of a table: varied directions, missing inputs, effects of the inputs."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dimgs.common.advice import setting
from dimgs.common.arrays import Array
from dimgs.common.errors import DimensionError, DimgsError, FitError, InputError
from dimgs.common.formats import attributes, plain
from dimgs.dataset import Dataset
from dimgs.dataset.checks import (
    check_enough_runs,
    check_measured,
    check_target,
    constant_columns,
    drop_bad_rows,
    require_finite,
    table_warnings,
    usable_runs,
)
from dimgs.discovery.estimators import physical_map
from dimgs.discovery.missing_input import helpful_constants
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import Prepared, prepare, with_labels_apart
from dimgs.discovery.screening import screen_inputs, without_others
from dimgs.fits.covariance import t_quantile
from dimgs.fits.design import Design, Effect, label_texts
from dimgs.fits.geometry import (
    dominant_group,
    effective_dimension,
    gradient_field,
    log_ratio_pca,
    principal_coordinates,
)
from dimgs.fits.homogeneity import (
    HomogeneityTest,
    collinear_combinations,
    homogeneity_test,
    less_means,
)
from dimgs.fits.sensitivity import Copula, Effects, effects_of, jackknife_half
from dimgs.fits.smooth import SmoothCurve
from dimgs.groups.dimensions import DimensionalMatrix
from dimgs.groups.group import PiBasis, PiGroup
from dimgs.groups.physical_constants import all_constants
from dimgs.judgement.residual_structure import ALPHA, follows_inputs, inputs_are_incomplete
from dimgs.law.law import Law
from dimgs.law.prediction import moved
from dimgs.variables import Dimension, si_unit

# more than two constants that would all do are not advice
_MOST_CONSTANTS = 2
# all distances between runs, 128 MB of them
_MOST_COORDINATES = 4000
# the search for short exponents doubles with every few groups; at 30 it takes seconds
_MOST_GROUPS = 30
# of the variance of runs left out: what explains no more neither dominates nor is the whole effect
_LITTLE = 0.5


@dataclass(frozen=True, kw_only=True)
class Exploration:
    """Result of :func:`explore`, ready for JSON.

    Attributes
    ----------
    basis : PiBasis, optional
        None where the target is outside the span of the inputs.
    homogeneity : dict, optional
    never_varied : tuple of str
    collinear : tuple of str
    pca, pcoa, active, dominant : dict, optional
        None where the groups cannot support them.
    level : float
    warnings : tuple of str
    sources : tuple of Effect
        What differs between sources, where there are any.
    """

    basis: PiBasis | None
    homogeneity: dict[str, Any] | None
    never_varied: tuple[str, ...]
    collinear: tuple[dict[str, Any], ...]
    pca: dict[str, Any] | None = None
    pcoa: dict[str, Any] | None = None
    active: dict[str, Any] | None = None
    dominant: dict[str, Any] | None = None
    level: float
    warnings: tuple[str, ...]
    sources: tuple[Effect, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The explore document."""
        from dimgs.report.results import pi_document

        document = {
            "pi": None if self.basis is None else pi_document(self.basis),
            **attributes(self, "homogeneity never_varied collinear pca pcoa active dominant"),
            "sources": [
                {"column": e.source, "what": e.name, "n": len(e.names), "spread_over_run": e.ratio}
                for e in self.sources
            ],
            **attributes(self, "level warnings"),
        }
        return dict(plain(document))


def explore(
    data: Dataset, target: str, options: Options | None = None, metric: str = "mahalanobis"
) -> Exploration:
    """Geometry of the runs in log space, and homogeneity as a test.

    Parameters
    ----------
    data : Dataset
    target : str
    options : Options, optional
    metric : str
        Distance of the principal coordinates; see
        :func:`dimgs.fits.geometry.principal_coordinates`.

    Returns
    -------
    Exploration

    Raises
    ------
    InputError
        If the runs cannot be used.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> length = rng.uniform(0.1, 2.0, 30)
    >>> data = Dataset.from_columns({"L [m]": length, "T [s]": 2.006 * np.sqrt(length)})
    >>> found = explore(data, "T")
    >>> found.homogeneity["missing_dimension"], found.homogeneity["constants"]["g"]
    ('[length]^-1/2*[time]', '-1/2')
    """
    chosen = options or Options()
    check_target(data, target)
    check_measured(data, target, chosen.labels)
    warnings: list[str] = []
    prepared: Prepared | None = None
    try:
        prepared = prepare(data, target, chosen, any_sign=True)
        clean = prepared.data
        warnings += prepared.warnings
    except DimensionError as error:
        warnings.append(str(error))
        names = [n for n in data.numeric_names if n not in chosen.labels]
        clean = drop_bad_rows(data, names) if chosen.drop_bad else data
        require_finite(clean, names)
    check_enough_runs(clean.n_runs, 2, clean.source)
    design = None if prepared is None else prepared.design
    homogeneity = _homogeneity(clean, target, chosen, design, warnings)
    geometry: dict[str, Any] = {}
    if prepared is not None and any(f.logged for f in prepared.design.features):
        few = with_labels_apart(_of_few(data, target, chosen, prepared, warnings))
        geometry = _geometry(few.design.of_one_label, chosen, metric, warnings)
    return Exploration(
        basis=None if prepared is None else prepared.basis,
        homogeneity=homogeneity,
        never_varied=tuple(
            n for n in constant_columns(clean, chosen.within) if n in clean.numeric_names
        ),
        collinear=_collinear(clean, _positive(clean, target, chosen), chosen.within),
        **geometry,
        sources=() if prepared is None else prepared.design.effects,
        level=chosen.level,
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _of_few(
    data: Dataset, target: str, options: Options, prepared: Prepared, notes: list[str]
) -> Prepared:
    """The runs with the inputs that matter, where there are many."""
    kept = screen_inputs(data, target, options)
    if kept is None:
        return prepared
    some, note = without_others(data, target, kept, options)
    few = prepare(some, target, options, any_sign=True)
    if not any(f.logged for f in few.design.features):
        return prepared
    notes.append(note)
    return few


def _positive(data: Dataset, target: str, options: Options) -> list[str]:
    """Inputs that have a logarithm."""
    skipped = {target, *options.labels}
    inputs = (n for n in data.numeric_names if n not in skipped)
    return [n for n in inputs if not data.variable(n).is_level and np.all(data[n] > 0)]


def _geometry(design: Design, options: Options, metric: str, notes: list[str]) -> dict[str, Any]:
    """PCA, principal coordinates, active directions and the dominant group, as JSON.

    The notes receive what had to be left out.
    """
    grouped = [j for j, f in enumerate(design.features) if f.logged]
    names, _, loadings = physical_map(design, grouped, response=False)
    X = design.X[:, grouped]
    E = np.array([[float(x) for x in row] for row in loadings])
    axes = log_ratio_pca(X, E)
    exponents = axes.physical_exponents.T.tolist()
    pca = {"variables": names, "shares": axes.shares.tolist(), "exponents": exponents}
    out: dict[str, Any] = {"pca": pca}
    if design.n_runs <= _MOST_COORDINATES:
        places = principal_coordinates(X, metric, random_state=options.seed)
        out["pcoa"] = {
            "metric": metric,
            "shares": places.shares.tolist(),
            **attributes(places, "negative_share n_negative triangle_violations"),
            "coordinates": places.coordinates[:, :2].tolist(),
        }
    else:
        notes.append(f"Principal coordinates are left out above {_MOST_COORDINATES} runs.")
    if len(grouped) > _MOST_GROUPS:
        notes.append(
            f"Active directions and one dominant group are left out above {_MOST_GROUPS} groups "
            f"(here {len(grouped)}); use fewer inputs ({setting('columns')})."
        )
        return out
    # shares and directions do not depend on the unit of a response on a linear scale, whose squares
    # may leave double precision
    top = 1.0 if design.scale != "linear" else float(np.abs(design.y).max()) or 1.0
    find = partial(
        dominant_group,
        X,
        exponent_map=np.array(loadings, dtype=object),
        groups=design.split,
        level=options.level,
        random_state=options.seed,
    )
    try:
        y = design.y / top
        field = gradient_field(X, y, groups=design.split, random_state=options.seed)
        best, scale = find(y, gradients=field), "level" if design.target.is_level else design.scale
        directions = best.active
        if scale == "log" and (linear := find(np.exp(y - y.max()))).r2 > best.r2:
            # pi_0 itself, where it predicts runs left out better
            best, scale = linear, "linear"
    except DimgsError as error:
        notes.append(f"No active directions: {error}")
        return out
    active = {
        "variables": names,
        "shares": directions.shares.tolist(),
        "share_intervals": directions.share_intervals.tolist(),
        "exponents": directions.physical_exponents.T.tolist(),
        "effective_dimension": asdict(effective_dimension(directions)),
    }
    dominant = {
        "share": float(best.active.shares[0]),
        "share_interval": best.active.share_intervals[0].tolist(),
        **attributes(best, "r2 r2_power_law"),
        "scale": scale,
        "explains_most": any(c.r2 > _LITTLE for c in best.candidates),
        "candidates": [
            {
                "scale": scale,
                "group": {n: str(p) for n, p in zip(names, c.exponents, strict=True) if p},
                "text": str(PiGroup.of("pi", dict(zip(names, c.exponents, strict=True)))),
                **attributes(c, "p_value r2 predicts_as_well"),
            }
            for c in best.candidates
        ],
    }
    return {**out, "active": active, "dominant": dominant}


def _homogeneity(
    data: Dataset, target: str, options: Options, design: Design | None, notes: list[str]
) -> dict[str, Any] | None:
    names = _positive(data, target, options)
    variable, signed = data.variable(target), design is not None and design.basis.signed
    incomplete = design is None or inputs_are_incomplete(design)
    values = data[target]
    if variable.is_level or not names or np.any(values <= 0) or signed:
        notes.append("The homogeneity test needs a positive target and positive inputs.")
        return None
    inputs = [data.variable(n) for n in names]
    everything, logs = DimensionalMatrix.of([*inputs, variable]), data.logs(names)
    D = [row[:-1] for row in everything.rows]
    dim_y = [row[-1] for row in everything.rows]
    clusters = [n for n in (options.split_by, *options.by) if n is not None][:1]
    split = data[clusters[0]].astype(str) if clusters else None

    within = None if options.within is None else label_texts(data[options.within])
    kinds: dict[str, Any] = {"bases": everything.bases, "groups": split, "within": within}
    test = partial(homogeneity_test, logs, np.log(values), D, dim_y, names=names, **kinds)
    try:
        test_at_level = test(level=options.level)
    except FitError as error:
        notes.append(f"No homogeneity test: {error}")
        return None
    columns, response = (less_means(x, within) for x in (logs, np.log(values)[:, None]))
    follows = follows_inputs(columns, response[:, 0], split)
    # several dimensions must each hold the truth: intervals that advice rests on are wider
    wide = test(level=max(1 - ALPHA, options.level))
    missing: dict[str, Any] = {"missing_dimension": None, "missing_unit": None, "constants": {}}
    if follows and wide.rejected and incomplete:
        missing = _missing(test_at_level, wide)

    def again(other: Options) -> Design:
        return prepare(data, target, other).design

    constants = missing["constants"]
    helps = helpful_constants(design, again, options, constants)[:_MOST_CONSTANTS]
    return {
        **_homogeneity_document(test_at_level, names),
        "follows_inputs": follows,
        **missing,
        "constants": {k: constants[k] for k in helps},
    }


def _missing(narrow: HomogeneityTest, wide: HomogeneityTest) -> dict[str, Any]:
    """Dimension of the missing factor, and the constants that complete it, common ones first.

    Where no constant fits the intervals, those that fit wider ones.
    """
    bases = list(narrow.missing)
    dimensions = {
        constant.symbol: [constant.dimension.get(base) for base in bases]
        for constant in all_constants()
        if {base for base, _ in constant.dimension} <= set(bases)
    }
    helps = narrow.completed_by(dimensions) or wide.completed_by(dimensions)
    rounded = {base: power for base, power in narrow.rounded.items() if power is not None}
    unit = si_unit(Dimension.of(rounded)) if len(rounded) == len(bases) else None
    return {
        "missing_dimension": narrow.describe(),
        "missing_unit": unit,
        "constants": {name: str(power) for name, power in helps.items()},
    }


def _homogeneity_document(homogeneity: HomogeneityTest, names: list[str]) -> dict[str, Any]:
    return {
        **plain(attributes(homogeneity, "rejected statistic p_value dof")),
        "missing": {
            base: {"value": v, "low": low, "high": high}
            for base, (v, low, high) in homogeneity.missing.items()
        },
        "exponents": dict(zip(names, homogeneity.exponents.tolist(), strict=True)),
        "notes": list(homogeneity.notes),
    }


def _collinear(data: Dataset, names: list[str], within: str | None) -> tuple[dict[str, Any], ...]:
    if not names or data.n_runs < 3:
        return ()
    rows = less_means(data.logs(names), None if within is None else label_texts(data[within]))
    return tuple(
        {
            "exponents": {k: str(v) if c.exact else float(v) for k, v in c.exponents.items()},
            "spread": c.spread,
            "exact": c.exact,
        }
        for c in collinear_combinations(rows, names)
    )


# ---- Main and total effects of the inputs of a table, or of a law, with intervals.


# parts of the runs, each left out once for the intervals
_PARTS = 10
# runs that the smooth curve goes through: the time of each value grows with them
_MOST_RUNS = 300
# draws of the constants of a law for the intervals
_DRAWS = 40


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """Effects of the inputs on the target, ready for JSON.

    Attributes
    ----------
    target : str
    inputs : tuple of str
    effects : Effects
    halves : Effects
        Half widths of their intervals.
    scale : {"log", "linear"}
        Whether effects are on the logarithm of the target or on the target itself.
    r2_left_out : float or None
        Of the function behind the effects, on runs left out; None for a law.
    level : float
    warnings : tuple of str
    """

    target: str
    inputs: tuple[str, ...]
    effects: Effects
    halves: Effects
    scale: str
    r2_left_out: float | None
    level: float
    warnings: tuple[str, ...] = ()

    @property
    def method(self) -> str:
        """Kind of the effects: Sobol, or Shapley for dependent inputs."""
        return "sobol" if self.effects.shapley is None else "shapley"

    def to_json(self) -> dict[str, Any]:
        """The sensitivity document."""

        def table(values: Array | None, halves: Array | None) -> dict[str, Any] | None:
            if values is None or halves is None:
                return None
            # shares of a variance, which the estimates leave by their errors alone
            middle = np.clip(values, 0.0, 1.0)
            ends = np.maximum(middle - halves, 0.0), np.minimum(middle + halves, 1.0)
            each = zip(self.inputs, np.column_stack([middle, *ends]).tolist(), strict=True)
            return {n: dict(zip(("value", "low", "high"), row, strict=True)) for n, row in each}

        return {
            **attributes(self, "target method"),
            "main": table(self.effects.main, self.halves.main),
            "total": table(self.effects.total, self.halves.total),
            "shapley": table(self.effects.shapley, self.halves.shapley),
            **attributes(self, "scale r2_left_out level"),
            "warnings": list(self.warnings),
        }


def sensitivity(data: Any, target: str, options: Options | None = None) -> Sensitivity:
    """Main and total effects of the inputs, from the runs that exist.

    A smooth function of the runs (a linear one of the logarithms, and a Gaussian process of what
    that leaves) is asked for values; intervals come from leaving out parts of the runs, or groups
    of `split_by` or `by`. Where inputs depend on each other, Shapley effects are given too.

    Parameters
    ----------
    data : Dataset, path or DataFrame
        Anything that :func:`dimgs.read_table` takes.
    target : str
    options : Options, optional

    Returns
    -------
    Sensitivity

    Raises
    ------
    InputError
        If the runs cannot be used, or no input varies.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, z = np.exp(rng.uniform(-1, 1, (2, 60)))
    >>> table = Dataset.from_columns({"x [m]": x, "z [s]": z, "y [1]": x**2 * z})
    >>> found = sensitivity(table, "y")
    >>> found.effects.main.round(1).tolist(), found.method
    ([0.8, 0.2], 'sobol')
    """
    options = options or Options()
    usable = usable_runs(options.read(data, target), options.purpose(target, any_sign=True))
    runs = usable.data
    names = tuple(n for n in usable.inputs if n not in usable.never_varied)
    if not names:
        raise InputError(f"No input of {runs.source} varies; add runs in which one does.")
    check_enough_runs(runs.n_runs, len(names) + 3, runs.source)
    columns = [runs[n] for n in names]
    X = np.column_stack([np.log(c) if np.all(c > 0) else c for c in columns])
    y = runs[target]
    logged = bool(np.all(y > 0)) and not runs.variable(target).is_level
    y = np.log(y) if logged else y
    if np.ptp(y) == 0:
        raise InputError(f"'{target}' is the same in every run, so no input has an effect on it.")
    copula = Copula.of(X, options.seed)
    places = (X - X.mean(axis=0)) / X.std(axis=0)
    some = np.sort(np.random.default_rng(options.seed).permutation(len(y))[:_MOST_RUNS])
    curve = SmoothCurve(places[some], y[some])
    effects = effects_of(_function(curve, X), copula)
    parts = _parts(runs, options)
    left_out = np.full(len(y), np.nan)
    without = []
    for part in np.unique(parts):
        rest = parts != part
        function = _function(curve.on(rest[some]), X)
        left_out[~rest] = function(X[~rest])
        drawn = Copula.of(X[rest], options.seed, not copula.independent)
        without.append(effects_of(function, drawn))
    r2 = 1.0 - float(np.sum((y - left_out) ** 2) / np.sum((y - y.mean()) ** 2))
    notes = list(table_warnings(usable))
    held = [n for n in usable.inputs if n in usable.never_varied]
    if held:
        notes.append(f"{', '.join(held)} never varied: effects on the target are unknown.")
    if r2 < _LITTLE:
        notes.append(
            f"A smooth function of the inputs predicts runs left out with R² {r2:.2g} only: the "
            f"effects are shares of this small part of the variance."
        )
    halves = _of_each(lambda values, _: jackknife_half(values, options.level), without, effects)
    scale = "log" if logged else "linear"
    return Sensitivity(target, names, effects, halves, scale, r2, options.level, tuple(notes))


def _function(curve: SmoothCurve, X: Array) -> Callable[[Array], Array]:
    """The curve as a function of the inputs."""
    middle, spread = X.mean(axis=0), X.std(axis=0)
    return lambda x: curve.mean((x - middle) / spread)


def _of_each(
    half: Callable[[Array, Array], Array], replicates: list[Effects], effects: Effects
) -> Effects:
    """Half widths of intervals of the effects of each kind, by its replicates and its middle."""
    each: dict[str, Any] = {
        kind: None
        if middle is None
        else half(np.array([vars(e)[kind] for e in replicates]), middle)
        for kind, middle in vars(effects).items()
    }
    return Effects(**each)


def _parts(runs: Dataset, options: Options) -> NDArray[Any]:
    """Part of each run: those of one group together, where groups are named."""
    groups = [n for n in (options.split_by, *options.by, options.within) if n is not None]
    rng = np.random.default_rng(options.seed)
    if not groups:
        return rng.permutation(runs.n_runs) % min(_PARTS, runs.n_runs)
    code = np.unique(label_texts(runs[groups[0]]), return_inverse=True)[1]
    count = int(code.max()) + 1
    if count < 3:
        raise InputError(f"'{groups[0]}' has {count} labels: intervals by groups need three.")
    return np.asarray(rng.permutation(count)[code] % _PARTS)


@np.errstate(all="ignore")
def law_sensitivity(law: Law, options: Options | None = None) -> Sensitivity:
    """Main and total effects of the inputs of a law, each over the range of its runs.

    Inputs are taken as independent, and as likely in each part of their range (of its logarithm
    where they are positive). Intervals are those of the law's constants.

    Parameters
    ----------
    law : Law
    options : Options, optional
        The level and the seed.

    Raises
    ------
    InputError
        If the law has no input that varied, or no value somewhere in their ranges.
    """
    options = options or Options()
    used = [v for v in law.symbols.values() if v.name not in law.domain.held]
    if not used:
        raise InputError("The law has no varied input, so no input has an effect.")
    ends = np.array([law.domain.columns[v.name][:2] for v in used], dtype=np.float64)
    logged = ends[:, 0] > 0
    low, high = (np.where(logged, np.log(np.maximum(e, 1e-300)), e) for e in ends.T)
    held = {n: value for n, value in law.domain.held.items() if not isinstance(value, str)}
    copula = Copula(np.eye(len(used)), lambda u: low + u * (high - low), options.seed)

    def table(x: Array) -> dict[str, Array]:
        values = np.where(logged, np.exp(x), x)
        columns = {v.name: column for v, column in zip(used, values.T, strict=True)}
        return columns | {k: np.full(len(x), v) for k, v in held.items()}

    start = law.predict_si(table(copula.inputs(copula.draws[0])))
    if not np.all(np.isfinite(start)):
        raise InputError("The law has no value at some points within the ranges of its inputs.")
    logs = bool(np.all(start > 0)) and not law.target.is_level

    def changed_by(change: Array) -> Effects:
        def function(x: Array) -> Array:
            values = moved(law, table(x), change)
            return np.log(values) if logs else values

        return effects_of(function, copula)

    covariance = np.array(law.uncertainty.covariance).reshape(len(law.uncertainty.gradients), -1)
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    rng = np.random.default_rng(options.seed)
    # as many draws up as down, so that the middle is that of the law
    draws = rng.standard_normal((_DRAWS // 2, len(covariance)))
    perturbed = [changed_by(sign * root @ z) for z in draws for sign in (1.0, -1.0)]
    effects = changed_by(np.zeros(len(covariance)))
    width = float(t_quantile(options.level, max(law.uncertainty.dof, 1.0)))

    def half(each: Array, middle: Array) -> Array:
        return np.asarray(width * np.sqrt(np.mean((each - middle) ** 2, axis=0)))

    halves = _of_each(half, perturbed, effects)
    scale = "log" if logs else "linear"
    names = tuple(v.name for v in used)
    return Sensitivity(law.target.name, names, effects, halves, scale, None, options.level)
