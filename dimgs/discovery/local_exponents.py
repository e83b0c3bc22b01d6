"""Local exponents of a design, run by run, and along the trajectory of each run."""

from typing import Any

import numpy as np

from dimgs.common.advice import setting
from dimgs.common.errors import FitError, InputError
from dimgs.dataset import Dataset
from dimgs.dataset.checks import run_codes
from dimgs.discovery.options import Options
from dimgs.discovery.rational_exponents import groups_of, physical_map
from dimgs.fits.design import Design

# points of a run along a trajectory: a slope, its curvature and a window need them
_FEWEST = 6


def local_of(design: Design, options: Options) -> tuple[dict[str, Any], ...]:
    """Local exponents of every run, with intervals, by feature and by physical variable.

    Raises
    ------
    FitError
        If no free group is left.
    """
    from dimgs.fits.local import LocalPowerLaw

    grouped = groups_of(design, "A local fit")
    model = LocalPowerLaw().fit(design.X, design.y, design.weights, groups=design.split)
    intervals = np.asarray(model.intervals(options.level))
    names, offset, loadings = physical_map(design, grouped)
    load = np.array([[float(x) for x in row] for row in loadings])
    base = np.array([float(x) for x in offset])
    physical = base + model.exponents_[:, grouped] @ load.T
    table = np.dstack([model.exponents_, intervals])
    features = [f.name for f in design.features]
    return tuple(
        {
            "row": int(design.data.rows[i]),
            "exponents": [_exponent(name, *row) for name, row in zip(features, rows, strict=True)],
            "variables": dict(zip(names, physical[i].tolist(), strict=True)),
        }
        for i, rows in enumerate(table.tolist())
    )


def _exponent(name: str, value: float, low: float, high: float) -> dict[str, Any]:
    return {"name": name, "value": value, "low": low, "high": high}


def local_along(data: Dataset, target: str, options: Options) -> tuple[dict[str, Any], ...]:
    """Local exponents of the target along a column, from contrasts inside each run alone.

    Parameters
    ----------
    data : Dataset
        Usable points.
    target : str
    options : Options
        With the column `along`.

    Returns
    -------
    tuple of dict
        One a point: its ``row``, the name or number of its ``run``, the coordinate ``at`` in SI,
        and under ``exponents`` that of the column, with a pointwise interval.

    Raises
    ------
    InputError
        If a run is too short, or the column is none of its inputs.
    """
    from dimgs.fits.local import LocalPowerLaw

    along = options.along
    assert along is not None
    runs = run_codes(data, options.curve, (target, along))
    x, y = (np.log(data[n]) for n in (along, target))
    table = np.full((len(x), 3), np.nan)
    for run in range(int(runs.max()) + 1):
        rows = np.flatnonzero(runs == run)
        if (places := len(np.unique(x[rows]))) < _FEWEST:
            raise InputError(
                f"Local exponents need {_FEWEST} places along '{along}' in each run; the one of "
                f"row {data.rows[rows[0]]} of {data.source} has {places}: leave such runs out, or "
                f"name the run of each point with {setting('curve')}."
            )
        try:
            model = LocalPowerLaw().fit(x[rows, None], y[rows])
        except FitError as error:
            raise FitError(f"The run of row {data.rows[rows[0]]}: {error}") from error
        ends = np.asarray(model.intervals(options.level))[:, 0]
        table[rows] = np.column_stack([model.exponents_[:, 0], ends])
    return tuple(
        {
            "row": int(data.rows[i]),
            "run": str(runs[i] if options.curve is None else data[options.curve][i]),
            "at": float(data[along][i]),
            "exponents": [_exponent(along, *row)],
        }
        for i, row in enumerate(table.tolist())
    )
