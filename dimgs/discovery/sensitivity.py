"""Main and total effects of the inputs of a table, or of a law, with intervals."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError, attempt
from dimgs.common.formats import attributes
from dimgs.dataset import Dataset
from dimgs.dataset.checks import check_enough_runs, table_warnings, usable_runs
from dimgs.discovery.options import Options
from dimgs.fits.covariance import t_quantile
from dimgs.fits.design import label_texts
from dimgs.fits.sensitivity import Copula, Effects, effects_of, jackknife_half
from dimgs.fits.smooth import SmoothCurve
from dimgs.law.law import Law
from dimgs.law.prediction import moved

# parts of the runs, each left out once for the intervals
_PARTS = 10
# runs that the smooth curve goes through: the time of each value grows with them
_MOST_RUNS = 300
# of the variance of runs left out, below which effects are those of little
_LITTLE = 0.5
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
            each = zip(self.inputs, np.clip(values, 0.0, 1.0), halves, strict=True)
            return {
                name: {
                    "value": float(v),
                    "low": float(max(v - h, 0.0)),
                    "high": float(min(v + h, 1.0)),
                }
                for name, v, h in each
            }

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
        notes.append(f"{', '.join(held)} never varied, so their effects are unknown.")
    if r2 < _LITTLE:
        notes.append(
            f"A smooth function of the inputs predicts runs left out with R² {r2:.2g} only: the "
            f"effects are shares of this small part of the variance."
        )
    halves = _halves(without, options.level)
    scale = "log" if logged else "linear"
    return Sensitivity(target, names, effects, halves, scale, r2, options.level, tuple(notes))


def sensitivity_document(data: Dataset, target: str, options: Options) -> dict[str, Any] | None:
    """The document of :func:`sensitivity`; None where the runs do not allow it."""
    effects = attempt(sensitivity, data, target, options)
    return None if effects is None else effects.to_json()


def _function(curve: SmoothCurve, X: Array) -> Callable[[Array], Array]:
    """The curve as a function of the inputs."""
    middle, spread = X.mean(axis=0), X.std(axis=0)
    return lambda x: curve.mean((x - middle) / spread)


def _halves(replicates: list[Effects], level: float) -> Effects:
    def half(values: list[Array]) -> Array:
        return jackknife_half(np.array(values), level)

    shapley = [e.shapley for e in replicates if e.shapley is not None]
    return Effects(
        half([e.main for e in replicates]),
        half([e.total for e in replicates]),
        half(shapley) if shapley else None,
    )


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
    used = [v for v in law.symbols.values() if np.ptp(law.domain.columns[v.name][:2]) > 0]
    if not used:
        raise InputError("The law has no varied input, so no input has an effect.")
    ends = np.array([law.domain.columns[v.name][:2] for v in used], dtype=np.float64)
    logged = ends[:, 0] > 0
    low, high = (np.where(logged, np.log(np.maximum(e, 1e-300)), e) for e in ends.T)
    held = {
        v.name: float(np.mean(law.domain.columns[v.name][:2]))
        for v in law.symbols.values()
        if v not in used
    }
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

    def half(each: list[Array], middle: Array) -> Array:
        return np.asarray(width * np.sqrt(np.mean((np.array(each) - middle) ** 2, axis=0)))

    halves = Effects(
        half([e.main for e in perturbed], effects.main),
        half([e.total for e in perturbed], effects.total),
        None,
    )
    scale = "log" if logs else "linear"
    names = tuple(v.name for v in used)
    return Sensitivity(law.target.name, names, effects, halves, scale, None, options.level)
