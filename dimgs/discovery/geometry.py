"""The geometry of the runs in log space, ready for JSON."""

from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np

from dimgs.common.advice import setting
from dimgs.common.errors import DimgsError
from dimgs.common.formats import attributes
from dimgs.discovery.options import Options
from dimgs.discovery.rational_exponents import physical_map
from dimgs.fits.design.features import Design
from dimgs.fits.geometry import (
    dominant_group,
    effective_dimension,
    gradient_field,
    log_ratio_pca,
    principal_coordinates,
)
from dimgs.groups.group import PiGroup

# all distances between runs, 128 MB of them
_MOST_COORDINATES = 4000
# the search for short exponents doubles with every few groups; at 30 it takes seconds
_MOST_GROUPS = 30


def geometry_of(
    design: Design, options: Options, metric: str, notes: list[str]
) -> tuple[dict[str, Any] | None, ...]:
    """PCA, principal coordinates, active directions and the dominant group, as JSON.

    Parameters
    ----------
    design : Design
        With at least one group.
    options : Options
    metric : str
    notes : list of str
        Receives what had to be left out.

    Returns
    -------
    tuple of (dict or None)
        In the order above.
    """
    grouped = [j for j, f in enumerate(design.features) if f.logged]
    names, _, loadings = physical_map(design, grouped, response=False)
    X = design.X[:, grouped]
    E = np.array([[float(x) for x in row] for row in loadings])
    axes = log_ratio_pca(X, E)
    pca = {
        "variables": names,
        "shares": axes.shares.tolist(),
        "exponents": axes.physical_exponents.T.tolist(),
    }
    pcoa = None
    if design.n_runs <= _MOST_COORDINATES:
        places = principal_coordinates(X, metric, random_state=options.seed)
        pcoa = {
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
        return pca, pcoa, None, None
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
        best, scale = find(y, gradients=field), str(design.scale)
        directions = best.active
        if scale == "log" and (linear := find(np.exp(y - y.max()))).r2 > best.r2:
            # pi_0 itself, where it predicts runs left out better
            best, scale = linear, "linear"
    except DimgsError as error:
        notes.append(f"No active directions: {error}")
        return pca, pcoa, None, None
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
    return pca, pcoa, active, dominant
