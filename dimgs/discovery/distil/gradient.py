"""Learned exponents as fields over the runs, and whether they are the gradient of a potential."""

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import sympy
from scipy.special import fdtrc

from dimgs.arrays import Array
from dimgs.design.features import Design
from dimgs.discovery.distil.directions import Direction, directions
from dimgs.discovery.distil.fields import Fields, learn

# as of the fields: the test is made on every table
_ALPHA = 1e-3
_ROUNDING = 1e-6
# residual over the least, beyond which an exponent is a worse description of the same runs
_WORSE = 1.5


@dataclass(frozen=True, eq=False)
class Integrated:
    """A potential whose gradient comes nearest to the given exponents.

    Attributes
    ----------
    potential : ndarray of shape (n_runs,)
        ln(pi_0) up to a constant.
    defect : float
        What no potential can explain: rms of that part of the exponents over the rms of their
        variation. Zero for a gradient field.
    is_gradient : bool
        Whether that part is within the scatter of the exponents, or within rounding.
    """

    potential: Array
    defect: float
    is_gradient: bool


def integrate(logs: Array, exponents: Array, degree: int = 3) -> Integrated:
    """Integrate local exponents a_j = ∂ ln pi_0/∂ ln pi_j, and test that they form a gradient.

    The exponents are fitted twice as polynomials of the log groups: each on its own, and as the
    derivatives of one potential, which forces ∂a_i/∂ ln pi_j = ∂a_j/∂ ln pi_i. What the second
    fit leaves more than the first is their curl.

    Parameters
    ----------
    logs : ndarray of shape (n_runs, n_groups)
        Logarithms of the groups.
    exponents : ndarray of shape (n_runs, n_groups)
        NaN in the columns of groups whose exponents are not known.
    degree : int
        Of the potential; the exponents have one less.

    Returns
    -------
    Integrated

    Examples
    --------
    >>> x, y = np.random.default_rng(0).uniform(-1, 1, (2, 60))
    >>> found = integrate(np.column_stack([x, y]), np.column_stack([2 * x * y, x**2]))
    >>> found.is_gradient, bool(np.allclose(np.ptp(found.potential - x**2 * y), 0, atol=1e-9))
    (True, True)
    >>> integrate(np.column_stack([x, y]), np.column_stack([y, -x])).is_gradient
    False
    """
    known = np.flatnonzero(np.all(np.isfinite(exponents), axis=0))
    center = logs.mean(axis=0)
    size = np.maximum(logs.std(axis=0), 1e-300)
    z = (logs - center) / size
    powers = _powers(z.shape[1], degree)
    # derivatives by ln pi_j, so that the potential keeps its size
    stacked = np.concatenate([_derivative(z, powers, int(j)) / size[j] for j in known])
    target = np.concatenate([exponents[:, j] for j in known])
    beta, together = _fit(stacked, target)
    own = np.column_stack([np.ones(len(z)), _columns(z, _powers(z.shape[1], degree - 1))])
    free = sum(float(np.sum(_fit(own, exponents[:, j])[1] ** 2)) for j in known)
    curl = max(float(np.sum(together**2)) - free, 0.0)
    spread = sum(float(np.sum((exponents[:, j] - exponents[:, j].mean()) ** 2)) for j in known)
    mean = float(np.mean(target**2)) * len(target)
    defect = float(np.sqrt(curl / spread)) if spread > 0 else 0.0
    used = len(known) * own.shape[1]
    extra, dof = used - int(np.linalg.matrix_rank(stacked)), len(target) - used
    gradient = curl <= _ROUNDING**2 * mean
    if not gradient and extra > 0 and dof > 0 and free > 0:
        gradient = float(fdtrc(extra, dof, curl / extra / (free / dof))) > _ALPHA
    return Integrated(_columns(z, powers) @ beta, defect, gradient)


def exponent_fields(design: Design) -> dict[str, Array]:
    """Learned exponents of groups that vary beyond chance, as an engine takes them.

    Only those are kept that leave as little of the runs as the best, and of several that form no
    gradient together, and so contradict each other, the first.

    Parameters
    ----------
    design : Design
        On the logarithmic scale; otherwise there are none.

    Returns
    -------
    dict of str to ndarray of shape (n_runs,)
        By the name of the group.
    """
    if design.scale != "log" or design.within is not None:
        return {}
    found: dict[str, tuple[float, Array]] = {}
    for direction in directions(design):
        name = _own_group(design, direction)
        fields = None if name is None else learn(design, direction)
        if name is None or fields is None or not fields.varies or np.any(fields.point < 0):
            continue
        if name not in found or fields.sd < found[name][0]:
            found[name] = fields.sd, _of_runs(fields, direction, name)
    out: dict[str, Array] = {}
    names = [f.name for f in design.features]
    least = min((sd for sd, _ in found.values()), default=0.0)
    for name in sorted(found, key=lambda n: (found[n][0], n)):
        if found[name][0] > _WORSE * least + _ROUNDING:
            break
        trial = {**out, name: found[name][1]}
        columns = np.full(design.X.shape, np.nan)
        for each, values in trial.items():
            columns[:, names.index(each)] = values
        if not out or integrate(design.X, columns).is_gradient:
            out = trial
    return out


def _of_runs(fields: Fields, direction: Direction, name: str) -> Array:
    power = float(direction.x.expression.as_powers_dict()[sympy.Symbol(name)])
    return np.asarray(power * fields.exponent[fields.point])


def _own_group(design: Design, direction: Direction) -> str | None:
    """The only group that is in x but not in z, so that z and the other groups are the same."""
    inside = {str(s) for a in direction.z for s in a.expression.free_symbols}
    groups = {f.name for f in design.features if f.logged}
    own = {str(s) for s in direction.x.expression.free_symbols} & (groups - inside)
    return own.pop() if len(own) == 1 else None


def _powers(n: int, degree: int) -> list[tuple[int, ...]]:
    return [c for d in range(1, degree + 1) for c in combinations_with_replacement(range(n), d)]


def _columns(z: Array, powers: list[tuple[int, ...]]) -> Array:
    return np.column_stack([np.prod(z[:, list(c)], axis=1) for c in powers])


def _derivative(z: Array, powers: list[tuple[int, ...]], j: int) -> Array:
    columns = []
    for c in powers:
        times = c.count(j)
        rest = list(c)
        if times:
            rest.remove(j)
        columns.append(times * (np.prod(z[:, rest], axis=1) if rest else np.ones(len(z))))
    return np.column_stack(columns)


def _fit(columns: Array, target: Array) -> tuple[Array, Array]:
    beta = np.linalg.lstsq(columns, target, rcond=1e-12)[0]
    return np.asarray(beta), np.asarray(target - columns @ beta)
