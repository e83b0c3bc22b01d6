"""Screening of many inputs: a sparse polynomial of second degree, by forward selection.

The logarithm of the target (or the target itself, if it has none) is regressed on logarithms of the
inputs (or values, if an input changes sign), their squares and products. Each step adds the term
with the largest t statistic, as long as it is significant over all candidates of the step. A
selected term adds its products with every input to the candidates, so that higher products are
found step by step. The selected inputs are those that occur in selected terms.

References
----------
T. Hastie, R. Tibshirani, J. Friedman, The Elements of Statistical Learning, 2nd ed. (2009), section
3.3.2 (forward selection); the level of each step is shared by all its terms (Bonferroni).
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import stdtr

from dimgs.common.arrays import Array
from dimgs.dataset import Dataset
from dimgs.dataset.checks import UsableRuns, usable_runs
from dimgs.discovery.given_form import inputs_of_form
from dimgs.discovery.options import Options
from dimgs.groups.derive import constant_variables, scale_variable, smallest_monomial
from dimgs.variables import Variable

# inputs that vary, beyond which most play no part: of 190 benchmark laws one has more, nine
MANY = 8
# inputs that are searched at once: a search among more does not end in its time
_MOST = 12
# chance that a step takes a term of inputs that play no part
_LEVEL = 0.01
# inputs that are looked at although chance explains them: a search needs some
_FEWEST = 3
# runs for each term: fewer determine no more than a term each
_RUNS_PER_TERM = 6
# of the inputs' logarithms and squares that vary, relatively
_VARIES = 1e-9
# bytes of the table of terms: pairs of inputs that would take more are left out
_MOST_BYTES = 3e8


def screen_inputs(
    data: Dataset, target: str, options: Options, residuals: Array | None = None
) -> list[str] | None:
    """Inputs that may stay, where there are many; None where all may.

    Parameters
    ----------
    data : Dataset
    target : str
    options : Options
    residuals : ndarray of shape (n_runs,), optional
        What a law leaves of every usable run, to be explained in place of the target.

    Returns
    -------
    list of str or None
        In the order of the table: those that matter, those that never varied, and those that give
        the target its dimension.
    """
    few = len(data.numeric_names) - 1 <= MANY
    if few or options.within is not None or options.arrhenius:
        return None
    usable = usable_runs(data, options.purpose(target, any_sign=True))
    never = set(usable.never_varied)
    varying = [n for n in usable.inputs if n not in never]
    if len(varying) <= MANY:
        return None
    table = _inputs(usable, varying)
    y = _response(usable) if residuals is None else residuals
    if len(y) != len(table):
        return None
    taken = _forward(table, y, 0 if residuals is not None else _FEWEST)
    if residuals is not None and not taken:
        return None
    # those beyond are the least
    kept = {varying[j] for j in taken[:_MOST]} | never | set(options.must_use)
    kept |= set(inputs_of_form(options, data, target))
    kept |= _needed(usable, [n for n in usable.inputs if n in kept], varying, options)
    return [n for n in usable.inputs if n in kept] if kept < set(usable.inputs) else None


def without_others(
    data: Dataset, target: str, kept: Sequence[str], options: Options
) -> tuple[Dataset, str]:
    """The table with some of its inputs only, and a sentence that lists them."""
    out = [n for n in data.numeric_names if n not in (*kept, target, *options.labels)]
    among = [n for n in data.numeric_names if n in kept]
    return data.without(out), (
        f"Of {len(among) + len(out)} inputs, {len(among)} are used ({', '.join(among)}): the "
        f"target does not depend on the others beyond chance."
    )


def _inputs(usable: UsableRuns, names: Sequence[str]) -> Array:
    """Logarithms, or values, of unit variance, shape (n_runs, n_inputs)."""
    plain = {*usable.unlogged, *usable.signed}
    columns = []
    for name in names:
        x = usable.data[name]
        x = x / float(np.abs(x).max()) if name in plain else np.log(x)
        columns.append((x - x.mean()) / (x.std() or 1.0))
    return np.column_stack(columns)


def _response(usable: UsableRuns) -> Array:
    y = usable.data[usable.purpose.target]
    if usable.data.variable(usable.purpose.target).is_level:
        return y
    return y / float(np.abs(y).max() or 1.0) if usable.linear else np.log(y)


def _forward(Z: Array, y: Array, fewest: int) -> list[int]:
    """Columns of the inputs in the terms that are taken, in the order in which they are.

    Terms that chance explains are taken until there are the fewest inputs that are asked for.
    """
    n, p = Z.shape
    first, second = np.triu_indices(p)
    if n * len(first) * 8 > _MOST_BYTES:
        first = second = np.arange(p)
    members: list[tuple[int, ...]] = [(j,) for j in range(p)]
    members += [tuple(sorted({int(i), int(j)})) for i, j in zip(first, second, strict=True)]
    terms = _unit(np.column_stack([Z, Z[:, first] * Z[:, second]]))
    base = np.full((n, 1), 1 / np.sqrt(n))
    residuals = y - y.mean()
    whole = float(residuals @ residuals)
    used: dict[int, None] = {}
    for step in range(max(1, n // _RUNS_PER_TERM)):
        dof = n - step - 2
        outside = 1 - ((base.T @ terms) ** 2).sum(axis=0)
        rest = float(residuals @ residuals)
        if not rest > _VARIES**2 * whole:
            break
        with np.errstate(all="ignore"):
            share = (terms.T @ residuals) ** 2 / (np.maximum(outside, _VARIES) * rest)
        share = np.where(outside > np.sqrt(_VARIES), np.minimum(share, 1 - 1e-15), 0.0)
        k = int(np.argmax(share))
        t = np.sqrt(share[k] * dof / (1 - share[k]))
        if 2 * float(stdtr(dof, -t)) * len(members) > _LEVEL and len(used) >= fewest:
            break
        column = terms[:, k] - base @ (base.T @ terms[:, k])
        column = column / np.sqrt(float(column @ column))
        base = np.column_stack([base, column])
        residuals = residuals - column * float(column @ residuals)
        used |= dict.fromkeys(members[k])
        if len(members[k]) > 1 and terms.nbytes < _MOST_BYTES:
            members += [tuple(sorted({*members[k], j})) for j in range(p)]
            terms = np.column_stack([terms, _unit(terms[:, [k]] * Z)])
    return list(used)


def _unit(columns: Array) -> Array:
    """Columns about their means, of length 1; those that do not vary are zero."""
    away = columns - columns.mean(axis=0)
    size = np.sqrt((away**2).sum(axis=0))
    return np.asarray(away / np.where(size > _VARIES, size, np.inf))


def _needed(
    usable: UsableRuns, kept: Sequence[str], varying: Sequence[str], options: Options
) -> set[str]:
    """Inputs without which the kept ones cannot give the target its dimension."""
    data, target = usable.data, usable.data.variable(usable.purpose.target)
    if target.is_level or isinstance(options.scales, str):
        return set()
    known: list[Variable] = [*constant_variables(options.constants, data.names)]
    known += [scale_variable(text) for text in options.scales]
    kept_variables = [data.variable(n) for n in kept if n in usable.grouped] + known
    if smallest_monomial(kept_variables, target.dimension) is not None:
        return set()
    others = [data.variable(n) for n in varying if n in usable.grouped]
    monomial = smallest_monomial([*kept_variables, *others], target.dimension)
    return set() if monomial is None else {n for n, _ in monomial.exponents} & set(varying)
