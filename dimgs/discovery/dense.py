"""Runs between the runs: mixtures of neighbours, with the response that a potential gives them."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dimgs.dataset import Dataset
from dimgs.design.features import Design
from dimgs.fits.potential import ContrastivePotential

Array = NDArray[np.float64]
_NEIGHBOURS = 6
_FEWEST, _MOST = 120, 300
_LIGHTEST = 0.1
_FLOOR = 0.01


def dense_runs(design: Design, potential: ContrastivePotential, seed: int) -> Design:
    """The runs without their noise, and as many more between each and a neighbour.

    Parameters
    ----------
    design : Design
        On the log scale, without a label that keeps its own prefactor.
    potential : ContrastivePotential
        Fitted on the design.
    seed : int

    Returns
    -------
    Design
        Its weights are the inverse variances of the potential there, between 0.1 and 1 times
        their largest.
    """
    rng = np.random.default_rng(seed)
    mixing = _mixing(potential.model_.axes.coordinates(design.X), rng)
    X = mixing @ design.X
    offset = mixing @ design.offset
    y = potential.predict(X)
    data = _mixed(design, mixing, np.exp(y + offset))
    return replace(
        design, data=data, X=X, y=y, offset=offset, weights=_certainty(potential, X), split=None
    )


def _mixing(places: Array, rng: np.random.Generator) -> Array:
    """Weights of the runs in each new one, shape (n_new, n_runs)."""
    n = len(places)
    count = int(np.clip(2 * n, _FEWEST, _MOST))
    some = np.arange(n) if n <= count // 2 else np.sort(rng.choice(n, count // 2, replace=False))
    new = np.zeros((count, n))
    new[np.arange(len(some)), some] = 1.0
    near = np.asarray(cKDTree(places).query(places, min(_NEIGHBOURS, n - 1) + 1)[1])
    for row in range(len(some), count):
        run = int(rng.integers(n))
        other = int(rng.choice(near[run, 1:]))
        share = float(rng.uniform())
        new[row, run] += share
        new[row, other] += 1.0 - share
    return new


def _mixed(design: Design, mixing: Array, response: Array) -> Dataset:
    """The table of the new runs: logarithms are mixed, but for what enters without one."""
    data, target = design.data, design.basis.target
    assert target is not None
    plain = {f.variable for f in design.features if f.contrast == "difference"}
    first = np.argmax(mixing, axis=1)
    values = {}
    for variable in data.variables:
        column = data[variable.name]
        if variable.name == target.name:
            values[variable.name] = response
        elif variable.is_label:
            values[variable.name] = column[first]
        elif variable.name in plain or np.any(column <= 0):
            values[variable.name] = mixing @ column
        else:
            values[variable.name] = np.exp(mixing @ np.log(column))
    return Dataset(data.variables, values, source=data.source)


def _certainty(potential: ContrastivePotential, X: Array) -> Array:
    """Inverse variance of the potential, by runs left out and by beginnings."""
    model = potential.model_
    centres, _ = model.by_fold(X)
    variance = centres.var(axis=0)[:, 0] + model.members(X).var(axis=0)[:, 0] / model.scale**2
    weights = 1.0 / (variance + _FLOOR * model.noise[0] ** 2)
    return np.asarray(np.maximum(weights / weights.max(), _LIGHTEST))
