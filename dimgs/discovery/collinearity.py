"""Collinearity: directions that the runs cannot separate, as monomials of the variables."""

from collections.abc import Iterable
from fractions import Fraction
from math import lcm

import numpy as np

from dimgs.common.arrays import Array
from dimgs.fits.design.features import Design
from dimgs.fits.estimate import Estimate
from dimgs.groups.group import PiGroup

# that of halves, thirds, quarters and their sums: what else a direction has is its noise
LARGEST_DENOMINATOR = 12
# range of a logarithm that is rounding of its values in a file of ten digits
VARIED = 1e-9


def _physical_powers(design: Design, weights: Iterable[Fraction]) -> dict[str, Fraction]:
    """Exponents of the physical variables in a product of powers of the features."""
    alone = (f.group or PiGroup.of("alone", {str(f.variable): 1}) for f in design.features)
    return PiGroup.product("product", alone, weights).as_dict()


def monomial_text(design: Design, direction: Array) -> str:
    """A direction in feature space as a monomial of the physical variables."""
    amounts = [Fraction(float(w)).limit_denominator(LARGEST_DENOMINATOR) for w in direction]
    powers = _of_data(design, _physical_powers(design, amounts))
    common = lcm(*(e.denominator for e in powers.values()))
    if common <= LARGEST_DENOMINATOR:
        powers = {n: e * common for n, e in powers.items()}
    return str(PiGroup.of("pi", powers))


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
        data = _of_data(design, dict(group.exponents))
        for name in data:
            values = np.asarray(design.data[name], dtype=np.float64)
            if np.ptp(np.log(values)) > VARIED:
                out.append((str(PiGroup.of("pi", data)), name))
                break
    return out


def _of_data(design: Design, powers: dict[str, Fraction]) -> dict[str, Fraction]:
    apart = {v.name for v in design.basis.variables if v.role != "data"}
    return {name: e for name, e in powers.items() if name not in apart}
