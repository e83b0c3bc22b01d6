"""Missing inputs: a constant, scale or input, suggested only if the runs support it.

:mod:`dimgs.groups.derive` lists the constants and scales that the dimensions allow. This
module tests them: the power law with the constant must predict runs left out better than the power
law without it, by more than the standard error of the difference. The dependence on an input is
tested in :mod:`dimgs.judgement.residual_structure`.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from dimgs.common.advice import setting
from dimgs.common.arrays import Array
from dimgs.common.errors import attempt
from dimgs.discovery.options import Options
from dimgs.discovery.scoring import clearly_less, log_target
from dimgs.fits.design import Design
from dimgs.fits.least_squares import fit_power_law
from dimgs.groups.derive import (
    AUTO,
    MOST_SETS,
    Missing,
    UnreachableError,
    completions,
    name_of_scale,
    scale_of,
    scale_text,
)
from dimgs.groups.dimensions import DimensionalMatrix
from dimgs.groups.group import PiBasis
from dimgs.judgement.residual_structure import (
    beside_label,
    followed_inputs,
    idle,
    logged_inputs,
    scale_is_missing,
    settings_apart,
    target_follows,
)
from dimgs.variables import Dimension, si_unit
from dimgs.variables.units import BASES

# sets of constants that are tried: each takes milliseconds, and the commonest come first
_MOST_TRIED = 12
# of fewer differences between runs, or groups of them, a standard error is hardly known
_FEWEST = 5
# residuals of logarithms below it are rounding of a table
_ROUNDING = 1e-9

# the design of the same runs with other options
Designer = Callable[[Options], Design]


def with_missing(options: Options, missing: Missing) -> Options:
    """The options with something added to the inputs."""
    if missing.scales == AUTO:
        return replace(options, scales=AUTO)
    earlier = [] if isinstance(options.scales, str) else list(options.scales)
    scales = [*earlier, missing.scales] if missing.scales else options.scales
    return replace(options, constants=[*options.constants, *missing.constants], scales=scales)


def explain_missing(
    error: UnreachableError, design: Designer, options: Options
) -> UnreachableError:
    """The refusal of a target out of reach, naming only what predicts runs that are left out.

    Parameters
    ----------
    error : UnreachableError
    design : callable
        Gives the design of the runs with other options.
    options : Options
    """
    inputs, target = error.inputs, error.target
    possible = [m for m in completions(inputs, target) if not {*m.constants} & {*options.constants}]
    possible = possible[:_MOST_TRIED]
    possible += [Missing(scales=scale_text(inputs, target)), Missing(scales=AUTO)]
    improved: list[tuple[Missing, Array]] = []
    compared = follows = False
    for missing in possible:
        completed = attempt(design, with_missing(options, missing))
        if completed is None:
            continue
        mine, alone = _left_out(completed), _of_constant(completed)
        if mine is None or alone is None:
            continue
        if missing.scales == AUTO:
            # a search goes on to one scale more where that predicts better
            texts = [with_scale(completed.basis, each) for each in extra_scales(completed.basis)]
            further = (attempt(design, replace(options, scales=scales)) for scales in texts)
            wider = (_left_out(each) for each in further if each is not None)
            mine = min([mine, *(r for r in wider if r is not None)], key=_size)
        compared, follows = True, follows or target_follows(completed)
        if clearly_less(mine, alone, completed.split):
            improved.append((missing, mine))
    if not compared or (follows and not improved):
        # no power law, but the target depends on the inputs
        return error
    best = min((r for _, r in improved), key=_size, default=np.zeros(0))
    constants = [m for m, r in improved if m.constants and not clearly_less(best, r, None)]
    scales = [m for m, _ in improved if m.scales]
    return UnreachableError(inputs, target, [*constants[:MOST_SETS], *scales])


def check_advice(design: Design, again: Designer, options: Options) -> Design:
    """The design, its basis advising only those idle inputs to take part that would help.

    Parameters
    ----------
    design : Design
    again : callable
        Gives the design of the same runs with other options.
    options : Options
    """
    helped = [
        v.name
        for v in followed_inputs(design, idle(design))
        if _helps(design, again, with_missing(options, Missing(scales=scale_of(v))))
    ]
    return replace(design, basis=design.basis.advising(helped))


def scale_advice(design: Design, again: Designer, options: Options) -> list[str]:
    """Suggested scale where no group is free and pi_0 depends on an input; none otherwise.

    Parameters
    ----------
    design : Design
    again : callable
        Gives the design of the same runs with other options.
    options : Options
    """
    if any(f.logged for f in design.features) or design.scale != "log":
        return []
    design = _as_independent(design)
    inputs = [v for v in logged_inputs(design) if not v.dimension.is_dimensionless]
    for variable in followed_inputs(design, inputs):
        scale = scale_of(variable)
        if _helps(design, again, with_missing(options, Missing(scales=scale))):
            note = (
                f"One constant times a monomial does not fit: pi_0 depends on {variable.name}, so "
                f"a scale is missing; {setting('scales', scale)} frees its exponent."
            )
            return [note]
    return []


def helpful_constants(
    design: Design | None, again: Designer, options: Options, symbols: Iterable[str]
) -> list[str]:
    """Known constants each of which improves the prediction of runs left out.

    Parameters
    ----------
    design : Design or None
        Without them; None where the target is out of reach then.
    again : callable
    options : Options
    symbols : iterable of str
        In the order in which they are tried.
    """
    return [
        symbol
        for symbol in itertools.islice(symbols, _MOST_TRIED)
        if _helps(design, again, with_missing(options, Missing((symbol,))))
    ]


def _as_independent(design: Design) -> Design:
    """The design beside a label that the target follows, by settings if repeats share errors."""
    # labels that differ in what nobody measured may differ in their inputs too
    design = beside_label(design, design.y - design.y.mean())
    settings = settings_apart(design, design.y)
    return design if settings is None else replace(design, split=settings.astype(str))


def _helps(other: Design | None, again: Designer, options: Options) -> bool:
    """Whether runs left out are predicted better with other options than by another design.

    Or than by a constant, without another design.
    """
    completed = attempt(again, options)
    if completed is None:
        return False
    if other is not None:
        completed = replace(completed, split=other.split)
    mine = _left_out(completed)
    theirs = _of_constant(completed) if other is None else _left_out(other)
    # what cannot be tried is left to the tests of its support
    return mine is None or theirs is None or clearly_less(mine, theirs, completed.split)


def _left_out(design: Design) -> Array | None:
    """Residual of each run by the power law without it, or its group; None where unknown."""
    return _deleted(design.X, design.y, design) if design.scale == "log" else None


def _of_constant(design: Design) -> Array | None:
    """Leave-one-out residuals of a constant prediction."""
    return _deleted(np.empty((design.n_runs, 0)), log_target(design), design)


def _deleted(X: Array, y: Array, design: Design) -> Array | None:
    if len(y if design.split is None else np.unique(design.split)) < _FEWEST:
        return None
    fit = attempt(fit_power_law, X, y, design.weights, design.split, design.within)
    deleted = None if fit is None else fit.loo_residuals
    if deleted is None or not np.all(np.isfinite(deleted)):
        return None
    return np.where(np.abs(deleted[:, 0]) < _ROUNDING, 0.0, deleted[:, 0])


def _size(residuals: Array) -> float:
    return float(np.sum(residuals**2))


# as scales are written, and not dimensions
_LETTERS = {**BASES, "[time]": "t", "[temperature]": "T", "[substance]": "n"}


@dataclass(frozen=True)
class Scale:
    """A scale that would free a group.

    Parameters
    ----------
    text : str
        As on the command line, ``T0 [K]``.
    dimension : Dimension
    kind : str
        In words, such as ``temperature scale``, or ``scale of c`` of a concentration c.
    """

    text: str
    dimension: Dimension
    kind: str


def extra_scales(basis: PiBasis) -> Iterator[Scale]:
    """One scale for each base dimension of the inputs that have data.

    A scale that frees no group by itself is none: of inputs in m/s alone, there is one of their
    own dimension in place of a length and a time.
    """
    inputs = [v for v in basis.variables if v.role == "data" and not v.is_level]
    taken = {v.name for v in basis.variables} | ({basis.target.name} if basis.target else set())
    given = {v.dimension for v in basis.unknown_scales}
    every = DimensionalMatrix.of(basis.variables)
    bases = [Dimension.of({b: 1}) for b in sorted({b for v in inputs for b, _ in v.dimension})]
    scales = [d for d in bases if every.solve(d) is not None]
    for v in sorted(inputs, key=lambda v: v.name):
        known = list(dict.fromkeys([*scales, *given]))
        matrix = DimensionalMatrix.of_dimensions([str(k) for k in range(len(known))], known)
        if matrix.solve(v.dimension) is None:
            scales.append(v.dimension)
    for dimension in scales:
        if dimension in given:
            continue
        alike = sorted(v.name for v in inputs if v.dimension == dimension)
        base = str(next(iter(dimension))[0])
        kind = f"{base.strip('[]')} scale" if dimension in bases else f"scale of {alike[0]}"
        alone = _LETTERS.get(base, base.strip("[]"))
        name = name_of_scale(alike[0] if alike else alone, taken)
        yield Scale(f"{name} [{si_unit(dimension)}]", dimension, kind)


def with_scale(basis: PiBasis, scale: Scale) -> list[str]:
    """The scales of a basis and one more, as on the command line."""
    return [*(f"{v.name} [{v.si_unit}]" for v in basis.unknown_scales), scale.text]


def hidden_scale_advice(design: Design, again: Designer, options: Options) -> list[str]:
    """Advice on a scale without which pi_0 depends on an input at equal groups; none without one.

    Parameters
    ----------
    design : Design
    again : callable
        Gives the design of the same runs with other options.
    options : Options
    """
    is_power_law = design.scale == "log" and any(f.logged for f in design.features)
    if options.robust or not is_power_law:
        return []
    design = _as_independent(design)
    possible = list(extra_scales(design.basis))
    for scale in possible:
        if not scale_is_missing(design, scale.dimension, len(possible)):
            continue
        texts = with_scale(design.basis, scale)
        if _helps(design, again, replace(options, scales=texts)):
            asked = " ".join(str(setting("scales", text)) for text in texts)
            note = (
                f"The target still follows the inputs at equal groups: a {scale.kind} is missing. "
                f"With {asked}, the power law predicts runs left out better."
            )
            return [note]
    return []
