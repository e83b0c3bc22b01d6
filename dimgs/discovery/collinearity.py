"""Collinearity: directions that the runs cannot separate, as monomials of the variables."""

from fractions import Fraction
from math import lcm

import numpy as np

from dimgs.common.arrays import Array
from dimgs.fits.design.features import Design
from dimgs.fits.estimate import Estimate
from dimgs.groups.group import PiGroup
from dimgs.variables import superscript

# that of halves, thirds, quarters and their sums: what else a direction has is its noise
LARGEST_DENOMINATOR = 12
# range of a logarithm that is rounding of its values in a file of ten digits
VARIED = 1e-9


def monomial_text(design: Design, direction: Array) -> str:
    """A direction in feature space as a monomial of the physical variables."""
    powers: dict[str, Fraction] = {}
    for feature, weight in zip(design.features, direction, strict=True):
        amount = Fraction(float(weight)).limit_denominator(LARGEST_DENOMINATOR)
        if feature.group is not None:
            for name, e in feature.group.exponents:
                powers[name] = powers.get(name, Fraction(0)) + amount * e
        elif feature.variable is not None and amount:
            powers[feature.variable] = powers.get(feature.variable, Fraction(0)) + amount
    group = PiGroup.of("pi", powers)
    data_only = [(n, e) for n, e in group.exponents if _is_data(design, n)]
    common = lcm(*(e.denominator for _, e in data_only))
    if common <= LARGEST_DENOMINATOR:
        data_only = [(n, e * common) for n, e in data_only]
    return _text(data_only) or "1"


def separation_warnings(design: Design, fit: Estimate, cv_r2_log: float | None) -> list[str]:
    """Warnings on collinear directions, and on a power law that fails on held-out runs."""
    out = [
        f"{monomial} never varied though {name} did, so that no exponent along it is determined; "
        f"runs in which it changes would do so."
        for monomial, name in _constant_groups(design)
    ]
    for direction in fit.null_directions:
        monomial = monomial_text(design, direction)
        out.append(
            f"The runs cannot separate exponents along {monomial}, which never varied; runs in "
            f"which {monomial} changes while the other groups stay would."
        )
    for direction in fit.weak_directions:
        monomial = monomial_text(design, direction)
        out.append(
            f"{monomial} hardly varied: exponents along it are uncertain; vary it to know them."
        )
    if cv_r2_log is not None and cv_r2_log < 0.5:
        out.append(
            f"This power law fails on held-out runs: it predicts runs left out with "
            f"R² = {cv_r2_log:.2f} on the logarithm of the target."
        )
    return out


def _constant_groups(design: Design) -> list[tuple[str, str]]:
    """Groups that are the same in every run although a variable in them is not."""
    out = []
    for group in design.basis.groups:
        if group.name not in design.never_varied or design.basis.is_signed(group):
            continue
        data = [(n, e) for n, e in group.exponents if _is_data(design, n)]
        for name, _ in data:
            values = np.asarray(design.data[name], dtype=np.float64)
            if np.ptp(np.log(values)) > VARIED:
                out.append((_text(data), name))
                break
    return out


def _text(powers: list[tuple[str, Fraction]]) -> str:
    """Factors with positive powers first."""
    ordered = sorted(powers, key=lambda item: item[1] < 0)
    return "·".join(n + superscript(e) for n, e in ordered)


def _is_data(design: Design, name: str) -> bool:
    return all(v.role == "data" for v in design.basis.variables if v.name == name)
