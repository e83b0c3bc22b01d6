"""Curves of runs, brought onto one by a similarity variable."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dimgs.campaign.plan import Plan
from dimgs.common.arrays import Array
from dimgs.common.errors import DimgsError, InputError
from dimgs.fits.estimate import Exponent
from dimgs.fits.similarity import SimilarityFit, fit_similarity
from dimgs.groups.derive import pi_basis
from dimgs.groups.group import PiBasis, PiGroup
from dimgs.kernels.record import RunRecord
from dimgs.report.documents import exponent_document
from dimgs.report.figures.style import MARKERS, PALETTE, new_axes, styled
from dimgs.variables import Variable, parse_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from dimgs.fits import CurvePotential


# of an exponent: closer rationals are not told apart by curves that are read off a mesh
_ROOM = 0.02
# what the curves of the other runs must predict of a curve, before it is called a collapse
_GOOD = 0.99

# places of whole curves: what lies between is smooth
_POINTS = 24


@dataclass(frozen=True, eq=False)
class Collapse:
    """The monomials that bring curves onto one.

    Attributes
    ----------
    curve, coordinate : str
    along, scale : tuple of Exponent
        Exponents of the inputs in the similarity variable, coordinate × monomial, and in the
        monomial that the values are multiplied by; both products are dimensionless.
    fit : SimilarityFit
    points : tuple of (ndarray, ndarray)
        Similarity variable and scaled values of every run.
    """

    curve: str
    coordinate: str
    along: tuple[Exponent, ...]
    scale: tuple[Exponent, ...]
    fit: SimilarityFit
    points: tuple[tuple[Array, Array], ...]

    @property
    def quality(self) -> float:
        """Share of the variance that the curves of the other runs predict."""
        return self.fit.quality

    @property
    def collapses(self) -> bool:
        """Whether the curves are one."""
        return self.quality >= _GOOD

    @property
    def variable(self) -> str:
        """The similarity variable."""
        return _product(self.coordinate, self.along)

    @property
    def ordinate(self) -> str:
        """The scaled value."""
        return _product(self.curve, self.scale)

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "curve": self.curve,
            "coordinate": self.coordinate,
            "variable": self.variable,
            "ordinate": self.ordinate,
            "along": [exponent_document(e) for e in self.along],
            "scale": [exponent_document(e) for e in self.scale],
            "quality": self.quality,
            "shared": self.fit.shared,
            "collapses": self.collapses,
        }

    @styled
    def draw(self, axes: "Axes | None" = None) -> "Axes":
        """All curves over the similarity variable, a colour and a marker for each run."""
        axes = new_axes() if axes is None else axes
        for i, (x, y) in enumerate(self.points):
            axes.plot(
                x,
                y,
                MARKERS[i // len(PALETTE) % len(MARKERS)],
                ms=2.5,
                color=PALETTE[i % len(PALETTE)],
            )
        axes.set_xscale("log")
        axes.set_xlabel(self.variable)
        axes.set_ylabel(self.ordinate)
        return axes

    def save(self, path: str | Path) -> Path:
        """The figure, in a file."""
        file = Path(path)
        figure = self.draw().get_figure(root=True)
        assert figure is not None
        figure.savefig(file, bbox_inches="tight")
        return file


@dataclass(frozen=True, eq=False)
class WholeCurves:
    """Curves as functions of the groups, without a similarity variable.

    Attributes
    ----------
    curve : str
    variable, ordinate : str
        Coordinate and values, made dimensionless by the inputs.
    at : ndarray of shape (n_points,)
        Values of the dimensionless coordinate that all curves reach.
    groups : PiBasis
        Of the inputs; the logarithms of its groups are what `model` takes.
    model : CurvePotential
    half_width : float
        Median half-width of the intervals of a further run at the runs, relative.
    """

    curve: str
    variable: str
    ordinate: str
    at: Array
    groups: PiBasis
    model: "CurvePotential"
    half_width: float

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "variable": self.variable,
            "ordinate": self.ordinate,
            "at": self.at.tolist(),
            "components": len(self.model.components_),
            "explained": float(np.sum(self.model.explained_)),
            "half_width": self.half_width,
        }


def whole_curves(
    records: Sequence[RunRecord], curve: str, inputs: Sequence[str], level: float = 0.9
) -> WholeCurves:
    """Fit whole curves, where no similarity variable need bring them onto one.

    Parameters
    ----------
    records, curve, inputs, level
        As in :func:`collapse`.

    Returns
    -------
    WholeCurves

    Raises
    ------
    InputError, FitError
        As there, and if values are not positive or the curves have no places in common.
    """
    from dimgs.fits.curves import CurvePotential

    placed = _placed(records, curve, inputs)
    low = max(float(x[0]) for x, _ in placed.curves)
    high = min(float(x[-1]) for x, _ in placed.curves)
    if not low < high or min(float(y.min()) for _, y in placed.curves) <= 0:
        raise InputError(f"The curves '{curve}' have no places in common, or are not above zero.")
    at = np.linspace(low, high, _POINTS)
    table = np.array([np.interp(at, x, np.log(y)) for x, y in placed.curves])
    model = CurvePotential().fit(placed.groups, table)
    ends = model.predict_interval(placed.groups, level)
    start = [
        [Exponent.within(n, v, 0.0, _ROOM) for n, v in zip(inputs, one, strict=True)]
        for one in placed.starts
    ]
    variable, ordinate = (
        _product(name, e) for name, e in zip((placed.coordinate, curve), start, strict=True)
    )
    half = float(np.expm1(np.median(ends[..., 1] - ends[..., 0]) / 2.0))
    return WholeCurves(curve, variable, ordinate, np.exp(at), placed.basis, model, half)


@dataclass(frozen=True, eq=False)
class _Placed:
    """Curves over a dimensionless coordinate, and the groups of their runs."""

    curves: list[tuple[Array, Array]]
    groups: Array
    loadings: Array
    starts: list[Array]
    basis: PiBasis
    coordinate: str


def collapse(
    records: Sequence[RunRecord], curve: str, inputs: Sequence[str], level: float = 0.9
) -> Collapse:
    """Find the similarity variable of the curves of runs.

    Parameters
    ----------
    records : sequence of RunRecord
        Runs that ended well, of one tier.
    curve : str
        Which of their curves.
    inputs : sequence of str
        What the curves may depend on; groups of these must vary independently.
    level : float
        Coverage of the intervals.

    Returns
    -------
    Collapse

    Raises
    ------
    InputError, FitError
        If a run has no such curve or input, or the inputs cannot make it dimensionless; if the
        runs are too few.

    Examples
    --------
    >>> from dimgs.kernels.diffusion import DiffusionCurves
    >>> rng, film = np.random.default_rng(0), {"K": 1e-3, "h": 1.0, "A": 1e-8, "V": 1.0}
    >>> draws = 10.0 ** rng.uniform([-14, 4, 1, -3.5], [-13, 6, 3, -3], (8, 4))
    >>> given = [{**film, "D": d, "t": t, "C0": c, "l": l} for d, t, c, l in draws]
    >>> runs = [DiffusionCurves().run(one, tier="medium") for one in given]
    >>> found = collapse(runs, "profile", ["D", "t", "C0", "l"])
    >>> found.variable, found.ordinate, found.collapses
    ('x·D^(-1/2)·t^(-1/2)', 'profile·C0^(-1)', True)
    """
    placed = _placed(records, curve, inputs)
    loadings, starts = placed.loadings, placed.starts
    count = [len(x) for x, _ in placed.curves]
    runs = np.repeat(np.arange(len(count)), count)
    x, y = (np.concatenate(each) for each in zip(*placed.curves, strict=True))
    fit = fit_similarity(np.exp(x), y, placed.groups[runs], runs)
    half = fit.half_widths(loadings.T, level)
    exponents = [
        tuple(
            Exponent.within(n, v, w, _ROOM)
            for n, v, w in zip(inputs, start + loadings.T @ found, wide, strict=True)
        )
        for start, found, wide in zip(starts, (fit.along, fit.scale), half, strict=True)
    ]
    fit_x, fit_y = fit.collapsed()
    points = [(fit_x[runs == i], fit_y[runs == i]) for i in range(len(count))]
    return Collapse(
        curve,
        placed.coordinate,
        exponents[0],
        exponents[1],
        fit,
        tuple(points),
    )


def _placed(records: Sequence[RunRecord], curve: str, inputs: Sequence[str]) -> _Placed:
    told = _told(records, curve, inputs)
    first = told[0][0]
    units = {n: records[0].inputs[n][1] for n in inputs}
    variables = [Variable(n, parse_unit(u)) for n, u in units.items()]
    along = _basis(variables, first.coordinate, first.along)
    scale = _basis(variables, curve, first.unit)
    logs = np.array([[np.log(v) for v in values] for _, values in told])
    loadings = np.array([[float(g.get(n)) for n in inputs] for g in along.groups])
    loadings = loadings.reshape(-1, len(inputs))
    starts = [_alone(b.response, inputs) for b in (along, scale)]
    curves = []
    for (one, _), row in zip(told, logs, strict=True):
        at = parse_unit(one.along).to_si(one.at)
        values = parse_unit(one.unit).to_si(one.values)
        inside = at > 0
        curves.append(
            (np.log(at[inside]) + row @ starts[0], values[inside] * np.exp(row @ starts[1]))
        )
    return _Placed(curves, logs @ loadings.T, loadings, starts, along, first.coordinate)


def _told(records: Sequence[RunRecord], curve: str, inputs: Sequence[str]) -> list[Any]:
    found = []
    for record in records:
        if curve not in record.curves:
            names = ", ".join(record.curves) or "none"
            raise InputError(f"A run has no curve '{curve}'; it has {names}.")
        missing = [n for n in inputs if n not in record.inputs]
        if missing:
            raise InputError(
                f"A run has no input '{missing[0]}'; it has {', '.join(record.inputs)}."
            )
        pairs = (record.inputs[n] for n in inputs)
        values = [parse_unit(unit).to_si(float(value)) for value, unit in pairs]
        if min(values) <= 0:
            raise InputError(f"An input of a run is not above zero: {dict(record.inputs)!r:.80}.")
        found.append((record.curves[curve], values))
    if not found:
        raise InputError("There are no runs to bring onto one curve; give several.")
    return found


def _basis(variables: Sequence[Variable], name: str, unit: str) -> PiBasis:
    return pi_basis([*variables, Variable(name, parse_unit(unit))], name)


def _alone(response: PiGroup | None, inputs: Sequence[str]) -> Array:
    assert response is not None
    return np.array([float(response.get(n)) for n in inputs])


def _product(name: str, exponents: Sequence[Exponent]) -> str:
    parts = [name]
    for e in exponents:
        if e.rational is None:
            parts.append(f"{e.name}^{e.value:.3g}")
        elif e.rational == 1:
            parts.append(e.name)
        elif e.rational:
            whole = e.rational.denominator == 1 and e.rational > 0
            parts.append(f"{e.name}^{e.rational}" if whole else f"{e.name}^({e.rational})")
    return "·".join(parts)


def curves_of(
    plan: Plan, records: Sequence[RunRecord]
) -> tuple[tuple[Collapse, ...], tuple[WholeCurves, ...], list[str]]:
    """The curves that a plan asks for, brought onto one and fitted whole, and what failed."""
    found, whole, warnings = list[Collapse](), list[WholeCurves](), list[str]()
    for name, inputs in plan.curves.items():
        try:
            found.append(collapse(records, name, inputs, plan.level))
        except DimgsError as error:
            warnings.append(f"The curves '{name}' were not brought onto one: {error}")
        if name in plan.whole_curves:
            try:
                whole.append(whole_curves(records, name, inputs, plan.level))
            except DimgsError as error:
                warnings.append(f"The curves '{name}' were not fitted whole: {error}")
    return tuple(found), tuple(whole), warnings


__all__ = ["Collapse", "WholeCurves", "collapse", "curves_of", "whole_curves"]
