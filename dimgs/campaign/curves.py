"""Curves of runs, brought onto one by a similarity variable."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dimgs.campaign.plan import Plan
from dimgs.common.arrays import Array
from dimgs.common.errors import DimgsError, InputError
from dimgs.common.formats import attributes
from dimgs.dataset import Dataset
from dimgs.discovery.options import Options
from dimgs.engines.registry import NONE
from dimgs.fits.potential import CurvePotential
from dimgs.groups.derive import pi_basis
from dimgs.groups.group import PiBasis
from dimgs.kernels.record import RunRecord
from dimgs.symmetry.collapse import Collapse, collapse_with
from dimgs.variables import Variable, parse_unit, si_unit

# places of whole curves: what lies between is smooth
_POINTS = 24
# label of the runs in the table of their points
_RUN = "run of the campaign"


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
    model: CurvePotential
    half_width: float

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            **attributes(self, "variable ordinate half_width"),
            "at": self.at.tolist(),
            "components": len(self.model.components_),
            "explained": float(np.sum(self.model.explained_)),
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
    data, (*given, along, ordinate) = _table(records, curve, inputs)
    basis, other = (pi_basis([*given, v], v.name) for v in (along, ordinate))
    alone = [b.response for b in (basis, other) if b.response is not None]
    x, y = (np.asarray(group.value(data.values)) for group in alone)
    runs = [np.flatnonzero(data[_RUN] == run) for run in dict.fromkeys(data[_RUN])]
    first, parts = [rows[0] for rows in runs], [rows[x[rows] > 0] for rows in runs]
    curves = [(np.log(x[rows]), y[rows]) for rows in parts]
    given_values = {v.name: data[v.name][first] for v in given}
    groups = np.column_stack([g.log(given_values) for g in basis.groups])
    low = max(float(x[0]) for x, _ in curves)
    high = min(float(x[-1]) for x, _ in curves)
    if not low < high or min(float(y.min()) for _, y in curves) <= 0:
        raise InputError(f"The curves '{curve}' have no places in common, or are not above zero.")
    places = np.linspace(low, high, _POINTS)
    table = np.array([np.interp(places, x, np.log(y)) for x, y in curves])
    model = CurvePotential().fit(groups, table)
    ends = model.predict_interval(groups, level)
    half = float(np.expm1(np.median(ends[..., 1] - ends[..., 0]) / 2.0))
    variable, values_by = map(str, alone)
    return WholeCurves(curve, variable, values_by, np.exp(places), basis, model, half)


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
        Without a closed form, which is not looked for.

    Raises
    ------
    InputError, FitError
        If a run has no such curve or input, or the inputs cannot make it dimensionless; if the
        runs are too few.

    Examples
    --------
    >>> from dimgs.kernels.diffusion import DiffusionCurves
    >>> rng, film = np.random.default_rng(0), {"K": 1e-3, "h": 1.0, "A": 1e-8, "V": 1.0}
    >>> draws = 10.0 ** rng.uniform([-15, 4, 1, -3.5], [-14, 5, 3, -3], (8, 4))
    >>> given = [{**film, "D": d, "t": t, "C0": c, "l": l} for d, t, c, l in draws]
    >>> runs = [DiffusionCurves().run(one, tier="medium") for one in given]
    >>> found = collapse(runs, "profile", ["D", "t", "C0", "l"])
    >>> print(found.variable.group, found.response.group, found.collapses)
    x·D^(-1/2)·t^(-1/2) profile·C0⁻¹ True
    """
    data, variables = _table(records, curve, inputs)
    return collapse_with(data, curve, variables[-2].name, _RUN, Options(engine=NONE, level=level))


def _table(
    records: Sequence[RunRecord], curve: str, inputs: Sequence[str]
) -> tuple[Dataset, list[Variable]]:
    """Points of the curves in SI units with their inputs and runs, and the variables of these.

    They are in the order of the inputs; the coordinate and the values come last.
    """
    if not records:
        raise InputError("There are no runs to bring onto one curve; give several.")
    parts = []
    for number, record in enumerate(records):
        asked = [("curve", curve, record.curves), *(("input", n, record.inputs) for n in inputs)]
        for what, name, there in asked:
            if name not in there:
                names = ", ".join(there) or "none"
                raise InputError(f"A run has no {what} '{name}'; it has {names}.")
        one, pairs = record.curves[curve], (record.inputs[n] for n in inputs)
        si = [parse_unit(unit).to_si(float(value)) for value, unit in pairs]
        if min(si) <= 0:
            raise InputError(f"An input of a run is not above zero: {dict(record.inputs)!r:.80}.")
        along, values = parse_unit(one.along).to_si(one.at), parse_unit(one.unit).to_si(one.values)
        parts.append(np.array([*np.broadcast_arrays(*si, along, values, number)]))
    units = [(n, records[0].inputs[n][1]) for n in inputs]
    units += [(one.coordinate, one.along), (curve, one.unit)]
    variables = [Variable(name, parse_unit(unit)) for name, unit in units]
    *columns, runs = np.hstack(parts)
    named = dict(zip((v.name for v in variables), columns, strict=True))
    label = [f"run {number:.0f}" for number in runs]
    si_units = {v.name: si_unit(v.dimension) for v in variables} | {_RUN: "label"}
    return Dataset.from_columns({**named, _RUN: label}, units=si_units), variables


def curves_of(
    plan: Plan, records: Sequence[RunRecord]
) -> tuple[tuple[Collapse, ...], tuple[WholeCurves, ...], list[str]]:
    """The curves that a plan asks for, brought onto one and fitted whole, and what failed."""
    collapsed, whole, warnings = list[Any](), list[Any](), list[str]()
    asked = ((collapsed, collapse, "brought onto one"), (whole, whole_curves, "fitted whole"))
    for name, curve in plan.curves.items():
        for results, fit, words in asked[: 1 + curve.whole]:
            try:
                results.append(fit(records, name, curve.inputs, plan.level))
            except DimgsError as error:
                warnings.append(f"The curves '{name}' were not {words}: {error}")
    return tuple(collapsed), tuple(whole), warnings
