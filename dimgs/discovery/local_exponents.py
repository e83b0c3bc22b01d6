"""Local exponents of a design, run by run."""

from typing import Any

import numpy as np

from dimgs.discovery.options import Options
from dimgs.discovery.rational_exponents import groups_of, physical_map
from dimgs.fits.design.features import Design


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
    out = []
    for i in range(design.n_runs):
        physical = base + load @ model.exponents_[i, grouped]
        out.append(
            {
                "row": int(design.data.rows[i]),
                "exponents": [
                    {
                        "name": f.name,
                        "value": float(model.exponents_[i, j]),
                        "low": float(intervals[i, j, 0]),
                        "high": float(intervals[i, j, 1]),
                    }
                    for j, f in enumerate(design.features)
                ],
                "variables": dict(zip(names, physical.tolist(), strict=True)),
            }
        )
    return tuple(out)
