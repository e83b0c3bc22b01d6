"""Homogeneity as a test, and the columns that stand in its way."""

from dimgs.fits.homogeneity.missing_variable import HomogeneityTest, homogeneity_test
from dimgs.fits.homogeneity.related_columns import (
    Collinear,
    Leak,
    collinear_combinations,
    dependence,
    monomial_leak,
    never_varied,
)

__all__ = [
    "Collinear",
    "HomogeneityTest",
    "Leak",
    "collinear_combinations",
    "dependence",
    "homogeneity_test",
    "monomial_leak",
    "never_varied",
]
