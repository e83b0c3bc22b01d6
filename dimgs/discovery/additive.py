"""Additive terms of a design: smooth in few groups, over every basis that the variables give."""

from dataclasses import dataclass
from itertools import combinations
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dimgs.common.advice import setting
from dimgs.common.arrays import Array
from dimgs.common.errors import FitError
from dimgs.common.formats import attributes
from dimgs.discovery.options import Options
from dimgs.fits.design import Design
from dimgs.groups.dimensions import DimensionalMatrix
from dimgs.groups.group import PiGroup
from dimgs.groups.repeating import enumerate_bases

IntMatrix = NDArray[np.int64]
# each is a fit of its own; exponents grow from the first on, and so large ones are hardly meant
_MOST_BASES = 60


@dataclass(frozen=True)
class AdditiveResult:
    """A sparse additive law, and the literal form in log-ratios beside it.

    Attributes
    ----------
    terms : tuple of dict
        Terms of log f = Σ h(log group), ready for JSON.
    pairs : dict
        The literal form Σ g(log-ratio) in the same groups, with its loop defect.
    warnings : tuple of str
    """

    terms: tuple[dict[str, Any], ...]
    pairs: dict[str, Any]
    warnings: tuple[str, ...]


def additive_of(design: Design, options: Options) -> AdditiveResult:
    """Terms of the sparse additive law, and the loop defect of its literal counterpart.

    Sparsity depends on the groups that are the axes; the choice among the enumerated bases is
    part of the fit, so that the result does not depend on the basis of the design.

    Raises
    ------
    FitError
        If no free group is left.
    """
    from dimgs.fits.additive import PairAdditive, SparseAdditive

    if all(f.group is None for f in design.features):
        raise FitError("An additive fit needs at least one free group, and there is none.")
    bases = feature_bases(design)
    warnings = []
    if len(bases) > _MOST_BASES:
        warnings.append(
            f"{setting('additive')}: the {_MOST_BASES} bases of smallest exponents, of "
            f"{len(bases)}, were "
            f"tried; fewer inputs ({setting('columns')}) leave fewer."
        )
        bases = bases[:_MOST_BASES]
    model = SparseAdditive(bases, level=options.level, random_state=options.seed).fit(
        design.X, design.y, design.weights, groups=design.split
    )
    terms = tuple(
        {
            "groups": {f.name: str(w) for f, w in zip(design.features, c.group, strict=True) if w},
            "variables": _variables(design, c.group),
            "low": c.slope_interval[0],
            "high": c.slope_interval[1],
            "curvature_low": c.curvature_interval[0],
            "curvature_high": c.curvature_interval[1],
            **attributes(c, "slope curvature p_value power_law_enough"),
        }
        for c in model.components_
    )
    literal = PairAdditive(level=options.level, random_state=options.seed).fit(
        design.X @ model.basis_, design.y, design.weights, groups=design.split
    )
    spread = float(np.std(design.y))
    pairs = {
        "groups": [_variables(design, tuple(column)) for column in model.basis_.T],
        "slopes": literal.exponents_.tolist(),
        "loop_defect": literal.loop_defect_,
        "loop_defect_relative": literal.loop_defect_relative_,
        "rmse_log": float(np.std(literal.residuals_)),
        "consistent": literal.loop_defect_ <= 1e-9 * max(spread, 1.0),
    }
    return AdditiveResult(terms, pairs, tuple(warnings))


def feature_bases(design: Design) -> list[IntMatrix]:
    """Bases in which additive terms are sought, those of smallest exponents first.

    Parameters
    ----------
    design : Design

    Returns
    -------
    list of ndarray of int of shape (n_features, n_features)
        Each column holds the exponents of one axis in the features of the design. Features that
        are not groups stay axes of their own.
    """
    groups = [g for f in design.features if (g := f.group) is not None]
    varied = [j for j, f in enumerate(design.features) if f.group is not None]
    lattice = [*groups, *(g for g in design.basis.groups if g not in groups)]
    matrix = DimensionalMatrix.of(sorted(design.basis.variables, key=lambda v: v.name))
    powers = np.array([[float(g.get(n)) for g in lattice] for n in matrix.names])
    cheapest: dict[frozenset[tuple[int, ...]], tuple[int, IntMatrix]] = {}
    for basis in enumerate_bases(matrix):
        wanted: Array = np.array(basis.groups, dtype=np.float64).T
        exact = np.linalg.lstsq(powers, wanted, rcond=None)[0]
        places = np.asarray(np.round(exact), dtype=np.int64)
        if not np.array_equal(powers @ places, wanted):
            continue
        size: Array = np.abs(wanted).sum(axis=0)
        for chosen in combinations(range(places.shape[1]), len(varied)):
            axes = [_axis(places[: len(varied), k], wanted[:, k]) for k in chosen]
            square = np.array(axes, dtype=np.int64).T
            if round(abs(float(np.linalg.det(square)))) == 0:
                continue
            total = int(size[list(chosen)].sum())
            key = frozenset(max(a, tuple(-x for x in a)) for a in axes)
            if key not in cheapest or total < cheapest[key][0]:
                cheapest[key] = (total, square)
    ordered = sorted(cheapest.values(), key=lambda item: item[0])
    return [_embedded(square, varied, len(design.features)) for _, square in ordered]


def _axis(column: IntMatrix, physical: Array) -> tuple[int, ...]:
    """Primitive form; a group of the design as it is, else its first variable positive."""
    powers = [int(x) for x in column]
    nonzero = [x for x in powers if x]
    lead = nonzero[0] if len(nonzero) == 1 else physical[np.flatnonzero(physical)[0]]
    divisor = gcd(*powers) or 1
    return tuple(x // divisor if lead > 0 else -x // divisor for x in powers)


def _embedded(square: IntMatrix, varied: list[int], n_features: int) -> IntMatrix:
    out = np.eye(n_features, dtype=np.int64)
    out[np.ix_(varied, varied)] = square
    return out


def _variables(design: Design, powers: tuple[int, ...]) -> str:
    """Axis as a monomial of the physical variables, or the name of what enters unlogged."""
    plain = [f.name for f, w in zip(design.features, powers, strict=True) if w and f.group is None]
    if plain:
        return plain[0]
    logged = [(f.group, w) for f, w in zip(design.features, powers, strict=True) if f.group]
    return str(PiGroup.product("axis", *zip(*logged, strict=True)))
