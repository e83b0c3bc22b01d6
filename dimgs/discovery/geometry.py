"""The geometry of the runs in log space, ready for JSON."""

from fractions import Fraction
from typing import Any

import numpy as np

from dimgs.common.advice import setting
from dimgs.common.arrays import Array
from dimgs.common.errors import DimgsError
from dimgs.discovery.options import Options
from dimgs.discovery.rational_exponents import physical_map
from dimgs.fits.design.features import Design
from dimgs.fits.geometry import (
    ActiveDirections,
    DominantGroup,
    EffectiveDimension,
    GradientField,
    active_directions,
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
            "negative_share": places.negative_share,
            "n_negative": places.n_negative,
            "triangle_violations": places.triangle_violations,
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
    y = design.y / top
    try:
        field = gradient_field(X, y, groups=design.split, random_state=options.seed)
        directions = active_directions(field, X, exponent_map=E, level=options.level)
        size = effective_dimension(directions)
        best, scale = _dominant(design, X, y, loadings, field, options)
    except DimgsError as error:
        notes.append(f"No active directions: {error}")
        return pca, pcoa, None, None
    return pca, pcoa, _active(directions, size, names), _dominant_document(best, scale, names)


def _active(
    directions: ActiveDirections, size: EffectiveDimension, names: list[str]
) -> dict[str, Any]:
    return {
        "variables": names,
        "shares": directions.shares.tolist(),
        "share_intervals": directions.share_intervals.tolist(),
        "exponents": directions.physical_exponents.T.tolist(),
        "effective_dimension": {
            "participation": size.participation,
            "low": size.low,
            "high": size.high,
            "above_noise": size.above_noise,
        },
    }


def _dominant_document(best: DominantGroup, scale: str, names: list[str]) -> dict[str, Any]:
    return {
        "share": best.share,
        "share_interval": list(best.share_interval),
        "r2": best.r2,
        "r2_power_law": best.r2_power_law,
        "scale": scale,
        "candidates": [
            {
                "scale": scale,
                "group": {n: str(p) for n, p in zip(names, c.rounded.exponents, strict=True) if p},
                "text": str(PiGroup.of("pi", dict(zip(names, c.rounded.exponents, strict=True)))),
                "r2": c.r2,
                "p_value": c.rounded.p_value,
                "predicts_as_well": c.predicts_as_well,
            }
            for c in best.candidates
        ],
    }


def _dominant(
    design: Design,
    X: Array,
    y: Array,
    loadings: list[list[Fraction]],
    field: GradientField,
    options: Options,
) -> tuple[DominantGroup, str]:
    """Dominant group of ln(pi_0) or of pi_0 itself, whichever predicts runs left out better."""
    powers = np.array(loadings, dtype=object)

    def find_group(y: Array, gradients: GradientField | None) -> DominantGroup:
        return dominant_group(
            X,
            y,
            gradients=gradients,
            exponent_map=powers,
            groups=design.split,
            level=options.level,
            random_state=options.seed,
        )

    on_log = find_group(y, field)
    if design.scale != "log":
        return on_log, design.scale
    on_linear = find_group(np.exp(y - y.max()), None)
    return (on_linear, "linear") if on_linear.r2 > on_log.r2 else (on_log, "log")
