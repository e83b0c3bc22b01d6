"""Geometry of runs in log space: what varies, what the response follows, how many groups."""

from dimgs.fits.geometry.active import (
    ActiveDirections,
    EffectiveDimension,
    active_directions,
    effective_dimension,
)
from dimgs.fits.geometry.direction_rounding import RoundedDirection, round_direction
from dimgs.fits.geometry.dominant import DominantGroup, NamedGroup, dominant_group
from dimgs.fits.geometry.log_gradient import GradientField, gradient_field
from dimgs.fits.geometry.principal_axes import (
    PrincipalAxes,
    PrincipalCoordinates,
    log_ratio_pca,
    principal_coordinates,
)

__all__ = [
    "ActiveDirections",
    "DominantGroup",
    "EffectiveDimension",
    "GradientField",
    "NamedGroup",
    "PrincipalAxes",
    "PrincipalCoordinates",
    "RoundedDirection",
    "active_directions",
    "dominant_group",
    "effective_dimension",
    "gradient_field",
    "log_ratio_pca",
    "principal_coordinates",
    "round_direction",
]
