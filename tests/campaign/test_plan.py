"""Plans: what they refuse, and where they say it is."""

import pickle
from dataclasses import replace
from threading import Lock
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.campaign import Budget, Plan, Range, Tolerance
from dimgs.campaign.plan import CampaignDesign, bind, plan_of
from dimgs.campaign.result import dry_run
from dimgs.common.errors import DimensionError, InputError
from dimgs.kernels.base import Port
from dimgs.kernels.function import portable
from tests.campaign.kernels import Uptake, uptake_plan

GOOD: dict[str, Any] = {
    "kernel": "tests.campaign.kernels:Uptake",
    "target": "m",
    "ranges": {"k": [1e-6, 1.0], "t": {"low": 0.01, "high": 1e5, "unit": "s"}},
    "budget": {"runs": 20},
    "tolerance": {"exponents": 0.02},
}


def changed(path: str, value: Any) -> dict[str, Any]:
    document: dict[str, Any] = {k: dict(v) if isinstance(v, dict) else v for k, v in GOOD.items()}
    *tables, last = path.split(".")
    at = document
    for table in tables:
        at = at.setdefault(table, {})
    if value is None:
        at.pop(last, None)
    else:
        at[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("target", None, "the key 'target' is missing"),
        ("kernl", "x", "kernl: there is no such key; did you mean 'kernel'"),
        ("budget.run", 3, "budget.run: there is no such key; did you mean 'runs'"),
        (
            "budget.runs",
            0,
            "budget.runs: 0 cannot be used (input should be greater than or equal to 1)",
        ),
        ("budget.runs", "many", "budget.runs: 'many' is given where a whole number is needed"),
        ("budget", 3, "budget: 3 is given where a table is needed"),
        ("budget.seconds", "long", "budget.seconds: 'long' is given where a number is needed"),
        ("budget.seconds", True, "budget.seconds: True is given where a number is needed"),
        ("budget.seconds", 0, "budget.seconds: 0 cannot be used (input should be greater than 0)"),
        ("execution.timeout", "1 h", "execution.timeout: '1 h' is given where a number is needed"),
        (
            "tolerance.exponents",
            "small",
            "tolerance.exponents: 'small' is given where a number is needed",
        ),
        (
            "tolerance.exponents",
            2.0,
            "tolerance.exponents: 2.0 cannot be used (input should be less",
        ),
        ("tolerance.exponents", None, "tolerance: tolerance is empty"),
        ("ranges.k", [1.0, 0.5], "ranges.k: The range runs from 1 to 0.5"),
        ("ranges.k", ["a", 2], "ranges.k.low: 'a' is given where a number is needed"),
        ("ranges.k", 3, "ranges.k: 3 is no range"),
        ("ranges.k", {"low": 1}, "ranges.k: {'low': 1} is no range"),
        ("ranges.k", [1, 2, 3], "ranges.k.unit: 3 is given where a text is needed"),
        ("ranges", {}, "ranges is empty"),
        ("fixed.c", [1, 2, 3], "fixed.c: [1, 2, 3] is no value"),
        ("fixed.k", 1.0, "'k' is both in ranges and in fixed"),
        ("seed", "x", "seed: 'x' is given where a whole number is needed"),
        ("level", 1.5, "level: 1.5 cannot be used (input should be less than 1)"),
        ("sampler", "grid", "sampler: 'grid' cannot be used (input should be 'sobol' or 'lhs')"),
        ("tiers", "fine", "tiers: 'fine' is given where a list is needed"),
        ("tiers", ["fine", "fine"], "tiers names one twice"),
        ("execution.workers", 0, "execution.workers: 0 cannot be used (input should be greater"),
        ("execution.timeout", -1.0, "execution.timeout: -1.0 cannot be used (input should be gre"),
        ("fixed.c", {"value": [1], "unit": "m"}, "fixed.c: [1] is given where a number"),
        ("fixed.c", True, "fixed.c: True is given where a number"),
        ("ranges.k", {"low": 1, "high": 2, "unti": "m"}, "unti: there is no such key; did you me"),
        ("schema", 2, "was written by a newer dimgs (schema 2"),
        ("points", [3], "points[1]: 3 is given where a table is needed"),
    ],
)
def test_a_bad_key_is_named(path: str, value: Any, told: str) -> None:
    with pytest.raises(InputError) as error:
        plan_of(changed(path, value), "plan.toml")
    assert str(error.value).startswith("plan.toml")
    assert told in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("kernel", "difusion", "did you mean 'diffusion'"),
        ("kernel", "tests.campaign.kernels:TIERS", "is not a kernel"),
        ("kernel", "no.module:thing", "cannot be imported"),
        ("target", "mm", "target: 'mm' is no output of 'uptake'"),
        ("ranges.q", [1, 2], "ranges.q: 'q' is no input of 'uptake'"),
        ("ranges.t", [1, 2, "m"], "ranges.t: The input 't' is in 'm' (dimension L)"),
        ("ranges.t", [1, 2, "parsnip"], "ranges.t: The unit 'parsnip' cannot be read"),
        ("ranges.t", [0, 2], "ranges.t: the range starts at 0 s"),
        ("ranges.t", {"low": 1.2, "high": 1.8, "integer": True}, "holds no two whole numbers"),
        ("ranges.t", [1, 2, ""], "ranges.t: The input 't' is in '1' (dimension 1)"),
        ("constants", ["zz"], "constants: No physical constant is called 'zz'"),
        ("fixed.c", float("nan"), "fixed.c: The input 'c' is nan; give a finite number"),
        ("fixed.c", float("inf"), "fixed.c: The input 'c' is inf; give a finite number"),
        ("fixed.c", "1 ± 0.1 kg/m^3", "fixed.c: The input 'c' is '1 ± 0.1 kg/m^3', an interval"),
        ("ranges.t", "1-2 s", "write it as '1..2 s'"),
        ("fixed.c", "much", "fixed.c: The input 'c' needs one number in kg/m^3"),
        ("tiers", ["fine", "coarse"], "tiers: give them from coarse to fine, as coarse, fine"),
        ("tiers", ["finest"], "tiers: 'finest' is no tier"),
    ],
)
def test_what_the_kernel_cannot_do_is_named(path: str, value: Any, told: str) -> None:
    with pytest.raises(InputError, match=r"^[^\n]+$") as error:
        bind(plan_of(changed(path, value), "plan.toml"))
    assert told in str(error.value)


def test_ranges_in_which_no_group_varies_ask_for_a_constant() -> None:
    plan = uptake_plan(ranges={"c": Range(1.0, 2.0)}, fixed={"k": (1.0, "1/s"), "t": (1.0, "s")})
    document = dry_run(bind(plan))
    assert document["free_directions"] == 0
    assert document["survey"]["runs"] == 3


@pytest.mark.parametrize("name", ["gee", "nonsense"])
def test_constants_that_nobody_knows_are_refused_in_a_dry_run(name: str) -> None:
    with pytest.raises(InputError, match=rf"constants.*{name}"):
        dry_run(bind(uptake_plan(constants=(name,))))


def test_an_input_without_a_default_is_asked_for() -> None:
    with pytest.raises(InputError, match=r"'uptake' has no default for .*'t' \[s\]"):
        bind(uptake_plan(ranges={"k": Range(1e-3, 1.0)}))


def test_a_target_outside_the_span_gets_the_remedies_of_plans() -> None:
    odd = Uptake()
    odd.inputs = Uptake.inputs[:2]
    with pytest.raises(DimensionError, match="outside the span") as error:
        bind(uptake_plan(odd))
    told = str(error.value)
    assert told.startswith("the plan, target: The target 'm' [kg/m^3]")
    assert 'add a known constant (constants = ["' in told
    assert 'declare an unknown scale (scales = ["s0 [kg/m^3]"], or scales = "auto")' in told
    assert "--" not in told


def test_a_constant_of_the_plan_completes_the_span() -> None:
    swing = Uptake()
    swing.inputs, swing.outputs = (Port("l", "m"), Port("a", "1")), (Port("T", "s"),)
    asked = {"target": "T", "ranges": {"l": Range(0.1, 1.0), "a": Range(0.1, 1.0)}}
    with pytest.raises(DimensionError, match=r'known constant \(constants = \["g"\] or '):
        bind(uptake_plan(swing, **asked))
    assert bind(uptake_plan(swing, **asked, constants=("g",))).space.rank == 1


def test_an_input_that_stays_at_zero_is_told_where_it_is_missed() -> None:
    with pytest.raises(DimensionError, match=r"\('c' stays at 0 kg/m\^3 and takes no part"):
        bind(uptake_plan(fixed={"c": (0.0, None)}))
    plan = uptake_plan(ranges={"k": Range(1e-3, 1.0)}, fixed={"t": (0.0, "s")})
    with pytest.raises(InputError, match=r"no group varies.*\('t' stays at 0 s"):
        bind(plan)


def test_too_few_runs_for_any_law_are_refused_before_one_is_made() -> None:
    with pytest.raises(InputError, match=r"budget.coarse_runs: 2 runs .* give at least 3"):
        CampaignDesign(bind(uptake_plan(budget=Budget(runs=20, coarse_runs=2))))
    with pytest.raises(InputError, match=r"budget.runs: 1 runs cannot show"):
        dry_run(bind(uptake_plan(tiers=("fine",), budget=Budget(runs=1))))
    crowd = Uptake()
    crowd.inputs = (*Uptake.inputs, *(Port(n, "1") for n in "vwxy"))
    ranges = {n: Range(1.0, 2.0) for n in "vwxy"} | dict(uptake_plan().ranges)
    with pytest.raises(InputError, match=r"survey: 4 runs .* along 5 free directions; .* 7"):
        CampaignDesign(bind(uptake_plan(crowd, ranges=ranges, survey=4)))


def test_named_points_need_a_tolerance_for_predictions() -> None:
    with pytest.raises(InputError, match=r"points need tolerance.prediction"):
        uptake_plan(points=({"k": (0.1, None), "t": (1.0, None)},))


def test_a_range_in_no_group_varies_in_the_runs_that_are_predicted() -> None:
    warm = Uptake()
    warm.inputs = (*Uptake.inputs, Port("T", "degC"))
    given = dict(uptake_plan().ranges) | {"T": Range(-20.0, 30.0, "degC")}
    bound = bind(uptake_plan(warm, ranges=given))
    assert "T" not in bound.fixed
    assert bound.space.rank == bind(uptake_plan()).space.rank
    middle = bound.values(bound.space.centre)
    assert middle["T"] == pytest.approx((253.15 * 303.15) ** 0.5 - 273.15)
    assert any("to test that it has no effect" in n for n in bound.notes)
    design = CampaignDesign(bound)
    other = design.image(design.pool[0])
    assert other is not None
    assert bound.values(other)["T"] != pytest.approx(middle["T"], abs=1.0)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"budget": 10}, "budget: 10 is given where a table is needed"),
        ({"ranges": {"k": 3}}, "ranges.k: 3 is no range"),
        ({"fixed": {"c": [1.0]}}, r"fixed.c: \[1.0\] is no value"),
        ({"constants": "g"}, "constants: 'g' is given where a list is needed"),
        ({"level": "high"}, "level: 'high' is given where a number is needed"),
        ({"budge": 3}, "budge: there is no such key; did you mean 'budget'"),
    ],
)
def test_python_is_refused_as_files_are(more: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        uptake_plan(**more)


def test_python_takes_what_files_take() -> None:
    plain = uptake_plan(ranges={"k": (1e-6, 1.0), "t": "0.01..1e5 s"}, fixed={"c": 2.0})
    assert plain.ranges == {"k": Range(1e-6, 1.0), "t": Range(0.01, 1e5, "s")}
    assert plain.fixed == {"c": (2.0, None)}
    with pytest.raises(InputError, match="low: 'a' is given where a number is needed"):
        Range("a", 2)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_points_lie_where_logarithms_are(value: float) -> None:
    points = ({"k": (value, None), "t": (1.0, None)},)
    with pytest.raises(InputError, match=r"points\[1\]"):
        bind(uptake_plan(points=points, tolerance=Tolerance(prediction=0.1)))


def test_points_that_no_run_can_stand_for_are_refused() -> None:
    more = {"tolerance": Tolerance(prediction=0.1)}
    points = ({"q": (1.0, None)},)
    with pytest.raises(InputError, match=r"points\[1\].q"):
        bind(uptake_plan(points=points, **more))
    with pytest.raises(InputError, match=r"points\[1\]: it has no 'k'; give it"):
        bind(uptake_plan(points=({"t": (1.0, "s")},), **more))
    for limit, told in ((0.1, "leave out one input"), (-1.0, "has no logarithm")):
        given = {"t": (1.0, "s"), "m": (limit, None)} | ({"k": (1.0, None)} if limit > 0 else {})
        with pytest.raises(InputError, match=rf"points\[1\]: .*{told}"):
            bind(uptake_plan(points=(given,), **more))


def test_units_are_converted() -> None:
    plan = plan_of(changed("ranges.t", [1, 2, "day"]))
    binding = bind(plan)
    low = binding.space.low[binding.space.names.index("t")]
    assert low == pytest.approx(11.36674267)  # ln 86400
    values = binding.values(binding.space.centre)
    assert values["t"] == pytest.approx(86400 * 2**0.5)
    assert binding.logs(values) == pytest.approx(binding.space.centre)


def test_runs_of_another_edition_of_the_kernel_keep_their_units() -> None:
    bound = bind(uptake_plan())
    new = Uptake().run({"k": 1e-3, "t": 60.0})
    old = replace(new, inputs={**new.inputs, "t": (1.0, "min")})
    there = [bound.located(run.inputs)[2] for run in (old, new)]
    assert there[0] == pytest.approx(there[1])
    assert bound.response(old) == pytest.approx(bound.response(new))


@given(st.integers(1, 999), st.integers(1000, 99999), st.integers(0, 98000))
def test_what_may_be_a_count_reaches_the_kernel_as_a_whole_number(
    low: int, high: int, more: int
) -> None:
    kernel = Uptake()
    kernel.inputs = (*Uptake.inputs, Port("n", "1"))
    given = dict(uptake_plan().ranges) | {"n": Range(float(low), float(high))}
    space = (binding := bind(uptake_plan(kernel, ranges=given))).space
    among = space.logs({**binding.space.values(space.centre), "n": float(min(low + more, high))})
    for logs in (space.low, space.high, among):
        assert float(binding.values(logs)["n"]).is_integer()
    assert not float(binding.values(space.centre)["t"]).is_integer()


def test_whole_numbers_stay_whole() -> None:
    plan = plan_of(changed("ranges.t", {"low": 1, "high": 50, "unit": "min", "integer": True}))
    binding = bind(plan)
    design = CampaignDesign(binding)
    minutes = [float(design.values(z)["t"]) / 60 for z in design.pool[:64]]
    assert all(m == pytest.approx(round(m)) for m in minutes)
    assert len(set(minutes)) > 5


def test_a_dry_run_says_what_it_would_cost() -> None:
    document = dry_run(bind(uptake_plan(budget=Budget(runs=20, coarse_runs=100))))
    assert document["budget"] == {"coarse": 100, "fine": 20}
    assert document["seconds_at_most"] == pytest.approx(100 * 0.01 + 20 * 1.0)
    assert document["survey"]["runs"] == len(document["design"]) == 3
    assert document["not_varied"] in (["k"], ["t"], [])
    assert document["free_directions"] == 1


def test_a_kernel_that_cannot_travel_is_refused_before_it_runs() -> None:
    class Local(Uptake):
        name = "local"

        def __init__(self) -> None:
            self.lock = Lock()

    with pytest.raises(InputError, match="module:attribute"):
        portable(Local())
    assert portable("diffusion") == "diffusion"


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
def test_ranges_have_an_order(low: float, high: float) -> None:
    if low < high:
        assert Range(low, high).low == low
    elif low > high:
        with pytest.raises(InputError, match="smaller end first"):
            Range(low, high)
    with pytest.raises(InputError, match="give one value under `fixed` instead"):
        Range(low, low)


def test_plans_can_be_pickled() -> None:
    plan = uptake_plan()
    again = pickle.loads(pickle.dumps(plan))
    assert isinstance(again, Plan)
    assert dict(again.ranges) == dict(plan.ranges)


def test_the_order_of_the_inputs_changes_nothing() -> None:
    turned = Uptake()
    turned.inputs = Uptake.inputs[::-1]
    one, other = bind(uptake_plan()), bind(uptake_plan(turned))
    assert other.space.names == one.space.names
    designs = CampaignDesign(one), CampaignDesign(other)
    assert designs[1].corners == pytest.approx(designs[0].corners)
    z = designs[0].pool[3]
    assert designs[1].values(z) == pytest.approx(designs[0].values(z))


def test_the_design_does_not_depend_on_the_units_of_the_ranges() -> None:
    plain = uptake_plan(ranges={"k": Range(1e-3, 1.0, "1/s"), "t": Range(1.0, 100.0, "s")})
    ranges = {"k": Range(3.6, 3600.0, "1/hour"), "t": Range(1 / 60, 100 / 60, "minute")}
    one, two = bind(plain), bind(uptake_plan(ranges=ranges))
    np.testing.assert_allclose(CampaignDesign(one).pool, CampaignDesign(two).pool, rtol=1e-6)
    logs = np.log([0.02, 30.0])
    found, expected = two.values(logs), one.values(logs)
    assert found.keys() == expected.keys()
    assert all(found[n] == pytest.approx(expected[n]) for n in found)
