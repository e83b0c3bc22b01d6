"""What a campaign is asked: a kernel, ranges, a target, a budget and a tolerance.

One schema checks plans in Python and in TOML files; every complaint names the key.
"""

from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, Strict

from dimgs.common.errors import InputError
from dimgs.common.formats import checked, read_toml, refuse_newer, validated
from dimgs.kernels.spec import is_number
from dimgs.variables.quantities import as_quantity

Sampler = Literal["sobol", "lhs"]
ReportKind = Literal["fit", "discover", "none"]
# more than one machine has cores; a larger number is a slip of the pen
MOST_WORKERS = 1024


def _number(given: object) -> object:
    if not is_number(given):
        raise InputError(f"{given!r:.60} is given where a number is needed.")
    return given


Number = Annotated[float, BeforeValidator(_number)]
Whole = Annotated[int, Strict()]
Finite = Annotated[Number, Field(allow_inf_nan=False)]
Share = Annotated[Number, Field(gt=0.0, lt=1.0)]
Positive = Annotated[Number, Field(gt=0.0)]


@checked()
class Range:
    """Values that an input may take.

    Parameters
    ----------
    low, high : float
        Ends in `unit`. Between positive ones the design is made in logarithms; an input that may
        vanish or change sign is spread evenly, and has no exponent.
    unit : str, optional
        In the notation of tables; None for the unit that the kernel declares.
    integer : bool
        Whether only whole numbers (in `unit`) can be run.

    Raises
    ------
    InputError
        If the ends are not finite and in order.

    Examples
    --------
    >>> Range(2.0, 1.0, "m")
    Traceback (most recent call last):
    dimgs.common.errors.InputError: The range runs from 2 to 1 m; give the smaller end first.
    """

    low: Finite
    high: Finite
    unit: str | None = None
    integer: Annotated[bool, Strict()] = False

    def __post_init__(self) -> None:
        if not self.low < self.high:
            ends = f"{self.low:g} to {self.high:g} {self.unit or ''}".rstrip()
            raise InputError(f"The range runs from {ends}; give the smaller end first.")


def _range(given: object) -> object:
    match given:
        case Range() | {"low": _, "high": _}:
            return given
        case [_, _] | [_, _, _]:
            return dict(zip(("low", "high", "unit"), given, strict=False))
        case str() if not (quantity := as_quantity(given, "The range")).is_label:
            low, high = quantity.ends()
            return {"low": low, "high": high, "unit": quantity.unit}
    ways = """'1..2 m', [1, 2, "m"] or { low = 1, high = 2, unit = "m" }"""
    raise InputError(f"{given!r:.60} is no range; write {ways}.")


def _value(given: Any) -> object:
    match given:
        case [value, unit] | {"value": value, "unit": unit} if len(given) == 2:
            pass
        case dict() | list() | tuple():
            raise InputError(f'{given!r:.60} is no value; write [1, "m"], 1 or a text.')
        case value:
            unit = None
    return value if isinstance(value, str) else _number(value), unit


RangeEntry = Annotated[
    Range,
    BeforeValidator(
        _range, json_schema_input_type=Range | tuple[float, float] | tuple[float, float, str] | str
    ),
]
Value = Annotated[
    tuple[float | str, str | None],
    BeforeValidator(_value, json_schema_input_type=tuple[float, str] | float | str),
]


@checked()
class Budget:
    """What a campaign may spend.

    Parameters
    ----------
    runs : int
        Most runs of the finest tier.
    coarse_runs : int, optional
        Most runs of each other tier; 25 times `runs` by default.
    seconds : float, optional
        Wall time that the kernel's runs may take together, those of an earlier start included.

    Raises
    ------
    InputError

    Examples
    --------
    >>> Budget(runs=40, seconds=3600.0).runs
    40
    """

    runs: Annotated[Whole, Field(ge=1)]
    coarse_runs: Annotated[Whole, Field(ge=1)] | None = None
    seconds: Positive | None = None

    @property
    def coarse(self) -> int:
        """Most runs of each tier but the finest."""
        return 25 * self.runs if self.coarse_runs is None else self.coarse_runs


@checked()
class Tolerance:
    """When an answer is good enough: half-widths of intervals.

    Parameters
    ----------
    exponents : float, optional
        Of the exponent of every varied input, in every regime.
    prediction : float, optional
        Relative, of the prediction at every named point, or over the ranges where a plan names
        none: 0.05 is 5 %.
    law : float, optional
        Probability that one law must have among those that `discover` finds: 0.95.

    Raises
    ------
    InputError
        If none is given, or one is not between 0 and 1.

    Examples
    --------
    >>> Tolerance(exponents=0.02).exponents
    0.02
    >>> Tolerance()
    Traceback (most recent call last):
    dimgs.common.errors.InputError: ...
    """

    exponents: Share | None = None
    prediction: Share | None = None
    law: Share | None = None

    def __post_init__(self) -> None:
        if not (self.exponents or self.prediction or self.law):
            ways = "exponents (such as 0.02), prediction (such as 0.05), or law (0.95)"
            raise InputError(f"tolerance is empty; give {ways}.")

    @property
    def of_laws(self) -> bool:
        """Whether laws are asked for, not only predictions at points."""
        return self.exponents is not None or self.law is not None

    @property
    def of_one_law(self) -> bool:
        """Whether one closed form is asked for, and no exponents of regimes."""
        return self.law is not None and self.exponents is None


@checked()
class Execution:
    """How runs are executed.

    Parameters
    ----------
    workers : int
        Local processes.
    retries : int
        Further tries of a run that failed; one that was refused or diverged is not tried again.
    timeout : float, optional
        Seconds after which a run counts as failed.
    batch : int
        Runs that are decided on together; part of the plan, so that a campaign decides the same
        whatever machine runs it.

    Raises
    ------
    InputError

    Examples
    --------
    >>> Execution(workers=4, timeout=600.0).workers
    4
    """

    workers: Annotated[Whole, Field(ge=1, le=MOST_WORKERS)] = 2
    retries: Annotated[Whole, Field(ge=0)] = 1
    timeout: Positive | None = None
    batch: Annotated[Whole, Field(ge=1)] = 4


@checked()
class Curve:
    """A curve of the kernel to bring onto one.

    Parameters
    ----------
    inputs : tuple of str
        Those that it may depend on.
    whole : bool
        Whether it is fitted whole too (extra ``deep``).

    Examples
    --------
    >>> Curve(("D", "t")).whole
    False
    """

    inputs: tuple[str, ...]
    whole: bool = False


CurveEntry = Annotated[
    Curve,
    BeforeValidator(
        lambda given: {"inputs": given} if isinstance(given, list | tuple) else given,
        json_schema_input_type=Curve | list[str],
    ),
]


@checked()
class PlanFile:
    """The keys of a plan in a file; see :class:`Plan`."""

    kernel: str
    target: str | tuple[str, ...]
    ranges: Mapping[str, RangeEntry]
    budget: Budget
    tolerance: Tolerance
    fixed: Mapping[str, Value] = field(default_factory=dict)
    points: tuple[Mapping[str, Value], ...] = ()
    tiers: tuple[str, ...] = ()
    survey: Annotated[Whole, Field(ge=4)] | None = None
    level: Share = 0.9
    seed: Annotated[Whole, Field(ge=0)] = 0
    sampler: Sampler = "sobol"
    execution: Execution = Execution()
    report: ReportKind | None = None
    constants: tuple[str, ...] = ()
    scales: tuple[str, ...] | Literal["auto"] = ()
    arrhenius: tuple[str, ...] = ()
    by: str | None = None
    sources: tuple[str, ...] = ()
    curves: Mapping[str, CurveEntry] = field(default_factory=dict)


@checked()
class Plan(PlanFile):
    """A campaign, before it is known whether the kernel can do it.

    Parameters
    ----------
    kernel : str or Kernel
        Name of an installed kernel, ``"module:attribute"``, ``"file.py:attribute"``, or a kernel.
    target : str or tuple of str
        Output whose law is asked for; several share their runs.
    ranges : mapping of str to Range
        Inputs that may vary.
    budget : Budget
    tolerance : Tolerance
    fixed : mapping of str to (value, unit or None)
        Inputs that stay; those not named stay at the kernel's default. A label is (text, "label").
    points : tuple of mapping of str to (value, unit or None)
        Named points, for a tolerance on predictions; inputs not given have their fixed value. A
        point with the target in place of one input asks where along that input it is met.
    tiers : tuple of str
        From coarse to fine; the kernel's first and last by default.
    survey : int, optional
        Runs of the first, space-filling stage.
    level : float
        Coverage of the intervals.
    seed : int
    sampler : {"sobol", "lhs"}
    execution : Execution
    report : {"fit", "discover", "none"}, optional
        What is made of the finest runs at the end: `fit` by default where one power law explains
        them, else `discover`.
    constants : tuple of str
        Known physical constants that join the groups, such as ``"g"``.
    scales : tuple of str, or "auto"
        Unknown dimensional constants inside the kernel, such as ``"T0 [K]"``: they join the groups
        with the value 1, and a law says what they are. By "auto" the fewest that make the target
        reachable and give every input of the ranges a group, and one more wherever runs of equal
        groups give different answers.
    arrhenius : tuple of str
        Absolute temperatures that enter as 1/T, if any: the laws are then exponentials of them,
        and what stands for such an exponent is the elasticity at the middle of the range of 1/T.
    by : str, optional
        A label input of the kernel (material, machine, species) whose values are sources: each
        has its own answer, and one search says what differs between them.
    sources : tuple of str
        The values of that input.
    curves : mapping of str to Curve
        Curves of the kernel to bring onto one.
    source : str
        Where the plan came from, for messages.

    Raises
    ------
    InputError
        Naming the key that cannot be used.

    Examples
    --------
    >>> plan = Plan(
    ...     kernel="diffusion", target="CF", ranges={"t": Range(1.0, 100.0, "day")},
    ...     budget=Budget(runs=20), tolerance=Tolerance(exponents=0.02),
    ... )
    >>> plan.budget.coarse
    500
    """

    kernel: Any
    source: str = "the plan"

    def __post_init__(self) -> None:
        constant = [name for name in self.arrhenius if name not in self.ranges]
        both = sorted(set(self.ranges) & set(self.fixed))
        apart = (self.by is None) != (not self.sources)
        by_others = self.by in self.ranges or (self.by in self.fixed and len(self.sources) > 1)
        aimless = bool(self.points) and self.tolerance.prediction is None
        for refused, why in (
            (not self.targets, "target is empty; name at least one output."),
            (not self.ranges, "ranges is empty; give at least one input that may vary."),
            (constant, f"arrhenius names '{', '.join(constant)}', which is not in ranges; add it."),
            (apart, 'by and sources belong together: by = "material", sources = ["PET", "PP"].'),
            (by_others, f"'{self.by}' is named by `by`; leave it out of ranges and fixed."),
            (both, f"'{', '.join(both)}' is both in ranges and in fixed; keep one of them."),
            (aimless, "points need tolerance.prediction (0.05); give it, or leave them out."),
        ):
            if refused:
                raise InputError(why)
        lists = {"target": self.targets, "tiers": self.tiers, "sources": self.sources}
        for key, names in lists.items():
            if len(set(names)) < len(names):
                raise InputError(f"{key} names one twice ({', '.join(names)}); name each once.")

    @property
    def targets(self) -> tuple[str, ...]:
        """Outputs whose laws are asked for."""
        return (self.target,) if isinstance(self.target, str) else self.target

    @property
    def over_ranges(self) -> bool:
        """Whether predictions over the ranges are all that is asked for."""
        return not (self.points or self.tolerance.of_laws)

    @property
    def of_ranges(self) -> bool:
        """Whether laws, or predictions over the ranges, are asked for, and not points alone."""
        return self.tolerance.of_laws or not self.points

    @property
    def each(self) -> "tuple[Plan, ...]":
        """A plan for each target, and for each source where there are several."""
        sources: list[dict[str, Any]] = [
            {"sources": (name,), "fixed": {**self.fixed, str(self.by): (name, "label")}}
            for name in self.sources
        ] or [{}]
        return tuple(replace(self, target=n, **source) for n in self.targets for source in sources)


def read_plan(path: str | Path) -> Plan:
    """Plan from a file.

    Parameters
    ----------
    path : str or Path
        A TOML file, or a Python file that defines ``plan``.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        If the file cannot be read, or a key cannot be used; the message names it.

    Examples
    --------
    >>> plan = read_plan("case_studies/packaging_migration/plan.toml")
    >>> plan.kernel, plan.target, plan.budget.runs
    ('diffusion', 'CF', 40)
    """
    file = Path(path)
    if file.suffix == ".py":
        return _python_plan(file)
    return plan_of(read_toml(file, "plan"), file.name, file.parent)


def plan_of(
    document: Mapping[str, Any], source: str = "the plan", folder: Path | None = None
) -> Plan:
    """Plan from the content of a TOML file.

    Parameters
    ----------
    document : mapping
    source : str
        For messages.
    folder : Path, optional
        Folder that a kernel ``"file.py:attribute"`` is relative to.

    Returns
    -------
    Plan

    Raises
    ------
    InputError

    Examples
    --------
    >>> plan = plan_of({
    ...     "kernel": "diffusion", "target": "CF", "ranges": {"t": [1, 100, "day"]},
    ...     "budget": {"runs": 20}, "tolerance": {"exponents": 0.02},
    ... })
    >>> plan.ranges["t"]
    Range(low=1.0, high=100.0, unit='day', integer=False)
    >>> plan_of({"kernl": "diffusion"})
    Traceback (most recent call last):
    dimgs.common.errors.InputError: the plan, kernl: there is no such key; did you mean 'kernel'?
    """
    refuse_newer(document, source)
    keys = {key: value for key, value in document.items() if key != "schema"}
    read = validated(PlanFile, keys, f"{source}, ")
    kernel = read.kernel if folder is None else _anchored(read.kernel, folder)
    try:
        return Plan(**{**vars(read), "kernel": kernel}, source=source)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error


def _python_plan(file: Path) -> Plan:
    from dimgs.kernels.registry import load_file

    module = load_file(file)
    plan = getattr(module, "plan", None)
    if not isinstance(plan, Plan):
        raise InputError(f"{file.name} defines no plan; write plan = Plan(...) in it.")
    if isinstance(plan.kernel, str):
        kernel: Any = _anchored(plan.kernel, file.parent)
    else:
        # workers find a kernel of this file by its name: they cannot import the file otherwise
        names = [n for n, v in vars(module).items() if v is plan.kernel and not n.startswith("__")]
        kernel = f"{file.resolve()}:{names[0]}" if names else plan.kernel
    source = file.name if plan.source == Plan.source else plan.source
    return replace(plan, kernel=kernel, source=source)


def _anchored(kernel: str, folder: Path) -> str:
    """A kernel in a file, relative to the plan."""
    file, colon, attribute = kernel.rpartition(":")
    if colon and file.endswith(".py"):
        return f"{(folder / file).resolve()}:{attribute}"
    return str((folder / kernel).resolve()) if kernel.endswith(".toml") else kernel
