"""A campaign that answers at one point: a run there, again where runs scatter."""

from collections.abc import Mapping
from typing import Any

from dimgs.campaign.plan import Budget, Execution, Plan, Range, Tolerance
from dimgs.common.errors import DimgsError
from dimgs.kernels.spec import Kernel, Port

# the range of the one input that has to have one: the point is its middle
_RANGE = 1.25
# runs at one point: enough to halve a scatter twice
_MOST_RUNS = 16
# a plan takes tolerances below 1
_WIDEST = 0.99


def plan_at(
    kernel: Kernel | None, values: Mapping[str, Any], target: str, tolerance: float, level: float
) -> Plan | None:
    """Plan of the finest tier for one point.

    Parameters
    ----------
    kernel : Kernel or None
    values : mapping of str to float or str
        All inputs, in the units of the ports.
    target : str
    tolerance : float
        Relative, of the prediction.
    level : float

    Returns
    -------
    Plan or None
        None where the kernel cannot be run here, or the point cannot be planned.
    """
    ports = () if kernel is None else kernel.inputs
    vary = next((p for p in ports if not p.is_label and _room(p, values[p.name]) > 1.0), None)
    if kernel is None or vary is None:
        return None
    middle, room = values[vary.name], _room(vary, values[vary.name])
    given = {p.name: (values[p.name], p.unit) for p in ports}
    try:
        return Plan(
            kernel,
            target,
            {vary.name: Range(middle / room, middle * room, vary.unit)},
            Budget(_MOST_RUNS),
            Tolerance(prediction=min(tolerance, _WIDEST)),
            {n: v for n, v in given.items() if n != vary.name},
            (given,),
            (kernel.tiers[-1].name,),
            level=level,
            execution=Execution(workers=1),
            report="none",
        )
    except DimgsError:
        return None


def _room(port: Port, middle: float) -> float:
    """Factor by which an input may vary to both sides of its value; at most a quarter."""
    if port.parsed.scale != "ratio" or not middle > 0:
        return 0.0
    below = middle / port.low if port.low else _RANGE
    above = port.high / middle if port.high else _RANGE
    return min(_RANGE, below, above)


def plan_document(plan: Plan) -> dict[str, Any]:
    """A plan for one point in JSON: what runs, where, and what it costs."""
    (point,), (tier,) = plan.points, plan.tiers
    return {
        "kernel": plan.kernel.name,
        "tier": tier,
        "runs": 1,
        "most_runs": plan.budget.runs,
        "seconds": next(t.cost for t in plan.kernel.tiers if t.name == tier),
        "inputs": {n: {"value": v, "unit": u} for n, (v, u) in point.items()},
    }
