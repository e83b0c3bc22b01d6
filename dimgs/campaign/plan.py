"""What a campaign is asked, and the pi space of the plan with its kernel: names, ranges, points."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations
from math import ceil, comb, floor, isfinite
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field, Strict
from scipy.linalg import qr
from scipy.optimize import linprog

from dimgs.campaign.regimes import SAME, GroupAxes, Sites
from dimgs.common.advice import Advice, Setting, did_you_mean, worded
from dimgs.common.arrays import LARGEST_LOG, Array, BoolArray, leading_rows
from dimgs.common.errors import InputError, located
from dimgs.common.formats import checked, read_toml, refuse_newer, validated
from dimgs.fits.design import Feature
from dimgs.groups.derive import AUTO, constant_variables, pi_basis, scale_of, with_scales
from dimgs.groups.group import PiBasis
from dimgs.kernels.base import (
    BaseKernel,
    Declared,
    Kernel,
    Port,
    Tier,
    canonical_inputs,
    check_within,
    content_key,
    is_number,
    port_value,
    unit_for,
)
from dimgs.kernels.record import RunRecord, RunRequest, Status
from dimgs.kernels.registry import load_file, load_kernel
from dimgs.report.words import listed
from dimgs.variables import Variable, parse_unit
from dimgs.variables.quantities import as_quantity
from dimgs.variables.units import unit_suffix

# ---- What a campaign is asked: a kernel, ranges, a target, a budget and a tolerance.
#
# One schema checks plans in Python and in TOML files; every complaint names the key.


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
    >>> print(Range(0.5, 2.0, "m"))
    0.5..2 m
    """

    low: Finite
    high: Finite
    unit: str | None = None
    integer: Annotated[bool, Strict()] = False

    def __post_init__(self) -> None:
        ends = f"{self.low:g} to {self.high:g} {self.unit or ''}".rstrip()
        if self.low == self.high:
            raise InputError(f"The range runs from {ends}; give one value under `fixed` instead.")
        if self.low > self.high:
            raise InputError(f"The range runs from {ends}; give the smaller end first.")

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest value that can be run."""
        return (ceil(self.low), floor(self.high)) if self.integer else (self.low, self.high)

    def __str__(self) -> str:
        whole = ", whole numbers" if self.integer else ""
        return f"{self.low:.12g}..{self.high:.12g} {self.unit or ''}".rstrip() + whole


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
    with located(source):
        return Plan(**{**vars(read), "kernel": kernel}, source=source)


def _python_plan(file: Path) -> Plan:
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


# ---- The pi space that a plan's ranges reach, and the points of it that a campaign has visited.


# relative: exponents are small rationals, what is smaller is rounding
_RANK = 1e-9
# of coordinates of order one: far above rounding, far below what a range resolves
_REACHED = 1e-6


def bounded_exp(logs: Array | float) -> Array:
    """Exponentials, as far as a float holds them."""
    return np.asarray(np.exp(np.clip(logs, -LARGEST_LOG, LARGEST_LOG)))


class PiSpace:
    """The region that the groups reach while the inputs stay in their ranges.

    With u in [-1, 1]^n the inputs' logarithms between the ends of their ranges, the logarithms
    of all groups are W u plus a constant. Coordinates are z = T u, T an orthonormal basis of the
    row space of W: it is the same for every basis of groups, inputs with equal z have equal
    groups, and the reachable region is the zonotope T [-1, 1]^n. Inputs that vanish or change sign
    (`signed` of the basis) are coordinates of their own, on a linear scale; so is a temperature T
    that enters as 1/T, on that of -T0/T: the slope of log pi_0 along it is the elasticity at T0.

    Parameters
    ----------
    ends : mapping of str to (float, float)
        Of the ranges in SI units, by the names of the inputs that may vary, sorted.
    basis : PiBasis
        Of all inputs that take part, and of the target.
    fixed : mapping of str to float
        SI values of the other inputs that take part.
    reciprocal : iterable of str
        Absolute temperatures that enter as 1/T, and are in no group.

    Attributes
    ----------
    names : tuple of str
    rank : int
        Number of independent directions of the groups.
    references : mapping of str to float
        T0 in kelvin of each temperature that enters as 1/T: the middle of the range of 1/T.
    low, high, centre, half : ndarray of shape (n_inputs,)
        Ends, middles and half-widths of the logarithms of the ranges; of signed inputs those of the
        ranges themselves, of a temperature those of -T0/T.
    groups : tuple of PiGroup
        Those of positive inputs, which have logarithms.
    signed, apart : ndarray of bool of shape (n_inputs,)
        Which inputs vanish or change sign, and which are coordinates of their own.
    loadings : ndarray of shape (n_groups, n_inputs)
        Exponents of the varying inputs in the groups.
    middle : ndarray of shape (n_groups,)
        Logarithms of the groups at the middle of the ranges.
    transform : ndarray of shape (rank, n_inputs)
        T: orthonormal rows, the first inputs by name leading.
    exponent_map : ndarray of shape (n_inputs, rank)
        Exponents of the varying inputs in the response group per unit of b: with log pi_0 =
        c + b . z, the target's exponents are ``offset + exponent_map @ b``.
    functionals : ndarray of shape (n_inputs, rank + 1)
        What is asked of [c, b]: the exponents, or the constant where nothing is free.
    offset : ndarray of shape (n_inputs,)
        Exponents that the target has while its group is constant.

    Examples
    --------
    >>> from dimgs.groups.derive import pi_basis
    >>> basis = pi_basis(["D [m^2/s]", "t [s]", "l [m]", "u [1]"], "u")
    >>> ends = {"D": (1e-12, 1e-10), "l": (1e-4, 1e-3), "t": (1.0, 1e4)}
    >>> space = PiSpace(ends, basis, {})
    >>> space.rank, len(space.names)
    (1, 3)
    """

    def __init__(
        self,
        ends: Mapping[str, tuple[float, float]],
        basis: PiBasis,
        fixed: Mapping[str, float],
        reciprocal: Iterable[str] = (),
    ) -> None:
        self.target, self.response = basis.target_and_response
        self.basis, self.names, self.fixed = basis, tuple(ends), fixed
        self.references = {n: 2.0 / (1.0 / ends[n][0] + 1.0 / ends[n][1]) for n in reciprocal}
        self._t0 = np.array([self.references.get(n, np.nan) for n in self.names])
        self.signed = np.array([n in basis.signed for n in self.names], dtype=np.bool_)
        self.apart: BoolArray = np.asarray(self.signed | ~np.isnan(self._t0))
        self.low, self.high = (self.logs({n: e[i] for n, e in ends.items()}) for i in (0, 1))
        self.centre, self.half = (self.low + self.high) / 2, (self.high - self.low) / 2
        self._constants = {v.name: v.value or 1.0 for v in basis.variables if v.role != "data"}
        self.groups = tuple(g for g in basis.groups if not basis.is_signed(g))
        rows = [[float(g.get(n)) for n in self.names] for g in self.groups]
        self.loadings = np.array(rows).reshape(len(rows), len(self.names))
        self.middle = self._log_groups(self.values(self.centre))
        every = [*leading_rows(self.loadings * self.half), *np.eye(len(self.names))[self.apart]]
        self.rank, self.transform = len(every), np.array(every).reshape(len(every), len(self.names))
        self.exponent_map: Array = self.transform.T / self.half[:, None]
        aside = np.column_stack([np.zeros(len(self.names)), self.exponent_map])
        self.functionals: Array = aside if self.rank else np.ones((1, 1))
        self.offset = np.array([-float(self.response.get(n)) for n in self.names])

    def _log_groups(self, values: Mapping[str, float]) -> Array:
        known = {**self._constants, **values}
        return np.array([float(g.log(known)[0]) for g in self.groups])

    def coordinates(self, logs: Array) -> Array:
        """Coordinates of runs.

        Parameters
        ----------
        logs : ndarray of shape (n_runs, n_inputs)
            Logarithms of the varying inputs in SI units.

        Returns
        -------
        ndarray of shape (n_runs, rank)
        """
        return np.asarray((logs - self.centre) / self.half @ self.transform.T)

    def place(self, values: Mapping[str, float]) -> Array | None:
        """Coordinates of SI values of the inputs; None where the ranges never reach their groups.

        Parameters
        ----------
        values : mapping of str to float
            Of every input that takes part.
        """
        scaled = self.loadings * self.half
        wanted = self._log_groups(values) - self.middle
        u = np.linalg.lstsq(scaled, wanted, rcond=_RANK)[0]
        if np.abs(scaled @ u - wanted).max(initial=0.0) > _REACHED:
            return None
        logs = self.logs({n: values.get(n, 1.0) for n in self.names})
        u = np.where(self.apart, (logs - self.centre) / self.half, u)
        return np.asarray(self.transform @ u)

    @cached_property
    def axes(self) -> GroupAxes:
        """The logarithms of the groups over the coordinates, then 1/T of `references`."""
        names = [v.name for v in self.basis.variables]
        exponents = np.array([[float(g.get(n)) for g in self.groups] for n in names])
        kelvin = ~np.isnan(self._t0)
        inverse = -np.eye(len(self.names))[kelvin] / self._t0[kelvin, None]
        slopes = np.vstack([self.loadings, inverse]) * self.half @ self.transform.T
        origin = np.append(self.middle, inverse @ self.centre)
        return GroupAxes(origin, slopes, exponents.reshape(len(names), len(self.groups)))

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """What a monomial of `axes` has powers of."""
        thermal = (Feature(n, "inverse", variable=n) for n in self.names if n in self.references)
        return (*(Feature(g.name, "log-ratio", g) for g in self.groups), *thermal)

    def log_groups(self, z: Array) -> Array:
        """Logarithms of all groups, shape (n_runs, n_groups), at coordinates (n_runs, rank)."""
        return np.asarray(self.middle + z @ self.axes.slopes[: len(self.groups)].T)

    def response_shift(self, values: Mapping[str, float]) -> float:
        """Log pi_0 - log target at SI values of all inputs."""
        known = {**self._constants, **self.fixed, **values, self.target.name: 1.0}
        return float(self.response.log(known)[0])

    def values(self, logs: Array) -> dict[str, float]:
        """SI values of every input that takes part, at logarithms of the varying ones."""
        with np.errstate(over="ignore", divide="ignore"):
            values = np.where(self.signed, logs, np.exp(logs))
            values = np.where(np.isnan(self._t0), values, -self._t0 / logs)
        return {**self.fixed, **dict(zip(self.names, values.tolist(), strict=True))}

    def logs(self, values: Mapping[str, float]) -> Array:
        """Logarithms of the varying inputs from SI values; signed inputs themselves; -T0/T."""
        given = np.array([values[n] for n in self.names])
        with np.errstate(invalid="ignore", divide="ignore"):
            logs = np.where(self.signed, given, np.log(given))
            return np.asarray(np.where(np.isnan(self._t0), logs, -self._t0 / given))


# purposes of runs from elsewhere: those that count as made, and those that are trusted
KNOWN, EVIDENCE = "known", "evidence"
_NO_RECORD = RunRecord("", "", {}, {}, Status.OK, key="")


@dataclass(frozen=True, eq=False)
class CampaignRun:
    """A run in the pi space of a plan.

    Attributes
    ----------
    z : ndarray of shape (rank,)
    tier : int
    y : float
        Logarithm of the response group; NaN where the run gave no answer.
    purpose : str
        What it was made for; ``KNOWN`` or ``EVIDENCE`` for one from elsewhere.
    logs : ndarray of shape (n_inputs,)
        Logarithms of the varying inputs.
    record : RunRecord
        In the units of the kernel's ports, with all its inputs.
    origin : str
        Of one from elsewhere.
    error : float
        Standard error of `y`.
    predicted : float
        What the laws said of `y` before the run was made; NaN where they did not.
    point : int
        Number of its point among those of the campaign.
    """

    z: Array
    tier: int
    y: float
    purpose: str = ""
    logs: Array = field(default_factory=lambda: np.zeros(0))
    record: RunRecord = _NO_RECORD
    origin: str = ""
    error: float = 0.0
    predicted: float = np.nan
    point: int = -1


class CampaignRuns:
    """What runs have said; rows are only ever added, but for those from elsewhere.

    Parameters
    ----------
    rank : int

    Attributes
    ----------
    z : ndarray of shape (n_points, rank)
        Distinct points.
    every : list of CampaignRun

    Examples
    --------
    >>> runs = CampaignRuns(rank=1)
    >>> for z, y in [(0.5, 2.0), (0.5 + 1e-9, 2.2)]:
    ...     runs.add(CampaignRun(np.array([z]), 0, y))
    >>> runs.sites(0).y.tolist(), runs.sites(0).count.tolist(), len(runs.sites(1))
    ([2.1], [2.0], 0)
    """

    def __init__(self, rank: int) -> None:
        self.z = np.zeros((0, rank))
        self.every: list[CampaignRun] = []

    def find(self, z: Array) -> int | None:
        """Number of an equal point (a dimensionally equivalent run), if there is one."""
        apart = np.abs(self.z - z).max(axis=1, initial=0.0)
        return int(np.argmin(apart)) if apart.min(initial=np.inf) <= SAME else None

    def add(self, run: CampaignRun) -> None:
        """Keep a run, with the number of its point."""
        point = self.find(run.z)
        if point is None:
            self.z, point = np.vstack([self.z, run.z]), len(self.z)
        self.every.append(replace(run, point=point))

    @property
    def asked(self) -> list[CampaignRun]:
        """Runs that a campaign has asked for, in order."""
        return [r for r in self.every if r.purpose not in (KNOWN, EVIDENCE)]

    @property
    def evidence(self) -> list[CampaignRun]:
        """Runs from elsewhere that are trusted, and do not count as made."""
        return [r for r in self.every if r.purpose == EVIDENCE]

    def of_tier(self, tier: int, answered: bool = False) -> list[CampaignRun]:
        """Runs of a tier, or those with an answer."""
        return [r for r in self.every if r.tier == tier and (isfinite(r.y) or not answered)]

    def usable(self, tier: int) -> list[CampaignRun]:
        """Runs of a tier with an answer, the evidence last."""
        return sorted(self.of_tier(tier, answered=True), key=lambda r: r.purpose == EVIDENCE)

    def at(self, z: Array, tier: int, answered: bool = False) -> list[CampaignRun]:
        """Runs of a tier at a point, or those with an answer."""
        point = self.find(z)
        return [r for r in self.of_tier(tier, answered) if r.point == point]

    def responses(self, z: Array, tier: int) -> Array:
        """Logarithms of the response group in the runs of a tier at a point."""
        return np.array([r.y for r in self.at(z, tier, answered=True)])

    def unequal(self, z: Array, tier: int, names: Sequence[str]) -> tuple[str, ...]:
        """Inputs in which the two runs at a point differ whose answers differ most."""
        runs = self.at(z, tier, answered=True)
        one, other = (f(runs, key=lambda r: r.y).logs for f in (min, max))
        return tuple(n for n, a, b in zip(names, one, other, strict=True) if abs(a - b) > SAME)

    def sites(self, tier: int) -> Sites:
        """Points with an answer of a tier."""
        runs = self.of_tier(tier, answered=True)
        points = np.array([r.point for r in runs], dtype=np.intp)
        numbers, where, count = np.unique(points, return_inverse=True, return_counts=True)
        mean = np.bincount(where, [r.y for r in runs], len(numbers)) / count
        error = max((r.error for r in runs), default=0.0)
        return Sites(self.z[numbers], mean, count.astype(float), numbers, error)

    def site(self, z: Array, tier: int) -> tuple[Sites, int | None]:
        """Sites of a tier, and which of them lies at a point; None where no run gave an answer."""
        sites = self.sites(tier)
        return sites, sites.row(self.find(z))

    def lost(self, tier: int) -> Array:
        """Points where runs of a tier gave no answer, shape (n_lost, rank)."""
        points = {r.point for r in self.of_tier(tier)}
        return self.z[sorted(points - {r.point for r in self.of_tier(tier, answered=True)})]

    def scatter(self, tier: int) -> tuple[float, int]:
        """Sum of squares of replicates about their means, and its degrees of freedom.

        Other inputs of equal groups are no replicates: what they differ by is no noise. Replicates
        that agree count only where all do: a kernel that repeats itself but for rounded inputs
        scatters as much as those that differ.
        """
        sets = self._replicates(tier)
        sets = [y for y in sets if np.ptp(y) > SAME] or sets
        return float(sum(np.var(y) * len(y) for y in sets)), sum(len(y) - 1 for y in sets)

    def repeated(self, tier: int) -> int:
        """How many runs repeat another one."""
        return sum(len(y) - 1 for y in self._replicates(tier))

    def _replicates(self, tier: int) -> list[Array]:
        """Responses of runs of equal inputs."""
        sets, by_point = list[Array](), defaultdict[int, list[CampaignRun]](list)
        for run in self.of_tier(tier, answered=True):
            by_point[run.point].append(run)
        for runs in by_point.values():
            while runs:
                first = runs[0].logs
                alike = [r for r in runs if np.abs(r.logs - first).max(initial=0.0) <= SAME]
                sets.append(np.array([r.y for r in alike]))
                runs = [r for r in runs if r not in alike]
        return sets


# ---- A plan meets its kernel: names, units and ranges are checked, and the pi space is derived.


# relative: what an exponential of a sum of logarithms has lost
_LOST = 1e-12
# of the scales of units: those whose values have no logarithm
_NO_LOGARITHM = ("label", "level")


class RevisedError(Exception):
    """What runs have shown of a plan: that a campaign goes on with another binding.

    Parameters
    ----------
    decision, reason : str
        As :meth:`dimgs.campaign.experiment.DecisionLog.add` takes them.
    binding : Binding
    """

    def __init__(self, decision: str, reason: str, binding: "Binding") -> None:
        super().__init__(reason)
        self.decision, self.binding = decision, binding


@dataclass(frozen=True, eq=False)
class Binding:
    """A plan that its kernel can follow.

    Attributes
    ----------
    plan : Plan
    kernel : Kernel
    tiers : tuple of Tier
        Those that the plan uses, from coarse to fine.
    target : Port
    space : PiSpace
    fixed : mapping of str to float or str
        Inputs that stay, in the units of their ports.
    notes : tuple of str
        What takes no part, and why.
    signed_target : bool
        Whether runs have shown that the target vanishes or changes sign.
    """

    plan: Plan
    kernel: Kernel
    tiers: tuple[Tier, ...]
    target: Port
    space: PiSpace
    fixed: Mapping[str, float | str]
    notes: tuple[str, ...]
    signed_target: bool = False

    @property
    def finest(self) -> int:
        """Number of the finest tier."""
        return len(self.tiers) - 1

    @property
    def stochastic(self) -> bool:
        """Whether equal inputs may give different answers."""
        return bool(getattr(self.kernel, "stochastic", False))

    @cached_property
    def ports(self) -> dict[str, Port]:
        """Inputs of the kernel by name."""
        return {p.name: p for p in self.kernel.inputs}

    def values(self, logs: Array) -> dict[str, float | str]:
        """Inputs of a run in the units of their ports, whole numbers where the plan asks."""
        values: dict[str, float | str] = dict(self.fixed)
        si = self.space.values(logs)
        for name in self.space.names:
            port, given, value = self.ports[name].parsed, self.plan.ranges[name], si[name]
            if given.integer:
                unit = port if given.unit is None else parse_unit(given.unit)
                value = unit.to_si(float(np.clip(round(unit.from_si(value)), *given.ends)))
            elif port.text == "1" and given.low.is_integer() and given.high.is_integer():
                # it may be a count, which a kernel takes in whole numbers only
                whole = float(round(value))
                value = whole if abs(value - whole) <= _LOST * abs(value) else value
            values[name] = port.from_si(value)
        return values

    def logs(self, values: Mapping[str, float | str]) -> Array:
        """Logarithms of the varying inputs in SI units, from values in the units of the ports."""
        return self.space.logs({n: _si(self.ports[n], values[n]) for n in self.space.names})

    @property
    def scales(self) -> tuple[str, ...]:
        """Unknown dimensional constants that the plan asks for, as ``"T0 [K]"``."""
        scales = (v for v in self.space.basis.variables if v.role == "scale")
        return tuple(f"{v.name} [{v.unit.text}]" for v in scales)

    def with_further_scale(self, names: Iterable[str]) -> "Binding | None":
        """The same with one more unknown constant, of the dimension of one of these inputs.

        None where each of their dimensions has a constant already.
        """
        known = self.space.basis.variables
        there = {v.dimension for v in known if v.role == "scale"}
        taken = {self.target.name, *self.ports, *(v.name for v in known)}
        for variable in (Variable(n, self.ports[n].parsed) for n in names):
            if not variable.dimension.is_dimensionless and variable.dimension not in there:
                scales = (*self.scales, scale_of(variable, taken))
                return bind(replace(self.plan, scales=scales))
        return None

    def in_whole_numbers(self, names: Sequence[str]) -> "Binding":
        """The same where only whole numbers of some inputs can be run."""
        ranges, notes = dict(self.plan.ranges), list(self.notes)
        for n in names:
            given = ranges[n] = replace(ranges[n], integer=True)
            entry = f"{n} = {{ low = {given.low:g}, high = {given.high:g}, integer = true }}"
            fault = f"Only whole numbers of '{n}' gave an answer, and no others are run"
            notes.append(f"{fault}; write {entry} in the ranges, which saves the runs that failed.")
        return replace(bind(replace(self.plan, ranges=ranges)), notes=tuple(notes))

    @property
    def linear(self) -> bool:
        """Whether no logarithm of the target is taken: it may vanish or change sign."""
        signed = self.signed_target or bool(self.space.signed.any())
        return signed and self.plan.tolerance.of_one_law

    @cached_property
    def parts(self) -> frozenset[str]:
        """Names of the inputs that take part in the groups."""
        in_groups = frozenset(v.name for v in self.space.basis.variables)
        return in_groups & frozenset(self.ports) | frozenset(self.space.references)

    def located(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, float], Array]:
        """Inputs in the units of the ports, those that take part in SI units, and coordinates.

        Parameters
        ----------
        given : mapping of str to whatever `as_quantity` reads
            Of a named point, or of a run that exists already; the others are those that stay.

        Raises
        ------
        InputError
            A clause that says why no run of the plan can be compared with it.
        """
        known = {n: port_value(self.ports[n], q) for n, q in given.items() if n in self.ports}
        middle = self.values(self.space.centre).items()
        values = {n: v for n, v in middle if n in self.fixed or n not in self.parts} | known
        si = dict[str, float]()
        for name, port in self.ports.items():
            if name not in values:
                raise InputError(f"it has no '{name}'; give it")
            if name in self.parts:
                si[name] = _si(port, values[name])
                if name not in self.space.basis.signed and not si[name] > 0:
                    raise InputError(f"its '{name}' has no logarithm; give a value above zero")
        z = self.space.place({**self.space.fixed, **si})
        if z is None:
            raise InputError("a group that the ranges never vary differs; let its inputs vary too")
        return values, si, z

    @cached_property
    def points(self) -> "list[NamedPoint]":
        """The named points, in the order of the plan."""
        points: list[NamedPoint] = []
        for i, point in enumerate(self.plan.points, 1):
            given = {n: v for n, v in point.items() if n != self.target.name}
            for name, value in given.items():
                key = f"points[{i}].{name}"
                port = port_of(self.plan, key, name, self.ports, "input")
                value_at(self.plan, self.kernel, port, key, value)
            with at(self.plan, f"points[{i}]"):
                points.append(self._point(given, point.get(self.target.name)))
                _ = points[-1].outermost
        return points

    def _point(self, given: Mapping[str, Any], limit: Any) -> "NamedPoint":
        if limit is None:
            return NamedPoint(self, given)
        rest = [n for n in self.space.names if n in self.parts and n not in given]
        if len(rest) != 1 or rest[0] in self.space.basis.signed:
            asked = f"it names '{self.target.name}', so that where this is met is asked for"
            one = "one input of the ranges that is positive throughout"
            raise InputError(f"{asked}; leave out {one}, and give the others")
        value = self.target.parsed.to_si(float(port_value(self.target, limit, "output")))
        if not value > 0:
            raise InputError(f"its '{self.target.name}' has no logarithm; give a value above zero")
        return NamedPoint(self, given, rest[0], float(np.log(value)))

    def request(self, values: Mapping[str, float | str], tier: int, seed: int | None) -> RunRequest:
        """What is asked of the kernel, with its content hash."""
        kernel, level = self.kernel, self.tiers[tier]
        if isinstance(kernel, BaseKernel):
            return kernel.request(values, level.name, seed)
        texts = canonical_inputs(kernel.inputs, values, values)
        settings = dict(level.settings)
        key = content_key(kernel.name, kernel.version, level.name, settings, texts, seed)
        inputs = {n: (v, self.ports[n].unit) for n, v in values.items()}
        return RunRequest(key, kernel.name, level.name, inputs, seed)

    def response(self, record: RunRecord) -> float:
        """Logarithm of the response group of a run; NaN where there is none.

        The response itself where one closed form is asked for of inputs that change sign. Another
        edition of the kernel may have used other units.
        """
        value, unit = record.outputs.get(self.target.name, (np.nan, self.target.unit))
        y = parse_unit(unit).to_si(float(value)) if record.ok else np.nan
        if not np.isfinite(y) or not (self.linear or y > 0):
            return np.nan
        given = {n: record.inputs[n] for n in self.parts if n in record.inputs}
        si = {n: parse_unit(unit).to_si(float(value)) for n, (value, unit) in given.items()}
        return y if self.linear else float(np.log(y)) + self.space.response_shift(si)


@dataclass(frozen=True)
class NamedPoint:
    """A point of a plan: a prediction there is asked for, or where the target meets a limit.

    Attributes
    ----------
    binding : Binding
    given : mapping of str to (value, unit)
    free : str, optional
        Input along which the target meets the limit.
    limit : float
        Logarithm of the target there, in SI units.
    """

    binding: Binding
    given: Mapping[str, Any]
    free: str | None = None
    limit: float = 0.0

    @cached_property
    def ends(self) -> tuple[float, float]:
        """Logarithms of the ends of the free input, in SI units."""
        space, n = self.binding.space, self.binding.space.names.index(str(self.free))
        low, high = (space.values(logs)[space.names[n]] for logs in (space.low, space.high))
        return float(np.log(low)), float(np.log(high))

    def at(self, log: float = 0.0) -> tuple[Array, float]:
        """Coordinates, and log pi_0 - log target, at a logarithm of the free input."""
        free = {}
        if self.free is not None:
            port = self.binding.ports[self.free]
            free[self.free] = (port.parsed.from_si(float(np.exp(log))), port.unit)
        _, si, z = self.binding.located({**self.given, **free})
        return z, self.binding.space.response_shift(si)

    @cached_property
    def outermost(self) -> list[Array]:
        """Coordinates of the point, or of the ends of where it may lie."""
        return [self.at(log)[0] for log in (self.ends if self.free else (0.0,))]


def bind(plan: Plan) -> Binding:
    """Check a plan against its kernel and derive the pi space.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    Binding

    Raises
    ------
    InputError, DimensionError
        Naming the key of the plan and the remedy.
    """
    with at(plan, "kernel"):
        kernel = load_kernel(plan.kernel)
    ports, of_kernel = {p.name: p for p in kernel.inputs}, f"of '{kernel.name}'"
    inputs = {f"ranges.{n}": n for n in plan.ranges} | {f"fixed.{n}": n for n in plan.fixed}
    inputs |= {f"curves.{c}.{n}": n for c, curve in plan.curves.items() for n in curve.inputs}
    inputs |= {} if plan.by is None else {"by": plan.by}
    for key, name in inputs.items():
        port_of(plan, key, name, ports, f"input {of_kernel}")
    outputs = {p.name: p for p in kernel.outputs}
    target = port_of(plan, "target", ", ".join(plan.targets), outputs, f"output {of_kernel}")
    offered = {t.name: t for t in kernel.tiers}
    chosen = [*(plan.tiers or dict.fromkeys((kernel.tiers[0].name, kernel.tiers[-1].name)))]
    tiers = tuple(port_of(plan, "tiers", n, offered, f"tier {of_kernel}") for n in chosen)
    ordered = [n for n in offered if n in chosen]
    outcome, kelvin = Variable(target.name, target.parsed), parse_unit("K").dimension
    no_label = plan.by is not None and not ports[plan.by].is_label
    others = [ports[n] for n in plan.arrhenius if ports[n].parsed.dimension != kelvin]
    no_kelvin = " and ".join(f"'{p.name}' is in {p.unit}" for p in others)
    level = f"'{target.name}' is in {target.unit}, a level; name an output with a ratio scale."
    for key, refused, why in (
        ("tiers", ordered != chosen, f"give them from coarse to fine, as {', '.join(ordered)}."),
        ("by", no_label, f"'{plan.by}' is no label; name an input that is."),
        ("target", outcome.is_level, level),
        ("arrhenius", no_kelvin, f"{no_kelvin}; name an absolute temperature."),
    ):
        if refused:
            raise InputError(f"{plan.source}, {key}: {why}")
    given = {n: value_at(plan, kernel, ports[n], f"fixed.{n}", v) for n, v in plan.fixed.items()}
    known = {n: p.default for n, p in ports.items() if p.default is not None} | given
    missing = [p for n, p in ports.items() if n not in plan.ranges and n not in known]
    if missing:
        without = listed(f"'{p.name}' [{p.unit}]" for p in missing)
        lacks = f"'{kernel.name}' has no default for {without}"
        raise InputError(f"{plan.source}: {lacks}; give each a range or a fixed value.")
    fixed = {n: known[n] for n in ports if n not in plan.ranges}
    ends = {name: si_ends(plan, kernel.name, ports[name]) for name in plan.ranges}
    taking, notes = _taking_part(kernel, fixed)
    aside = f" ({'; '.join(n.rstrip('.') for n in notes)})" if notes else ""
    # a kernel of temperatures alone has groups of none, and they stay apart from the basis
    taking = [v for v in taking if v.name not in plan.arrhenius] or taking
    names = [*(v.name for v in taking), target.name]
    with at(plan, "constants"):
        constants = constant_variables(plan.constants, names)
    with at(plan, "scales"), worded(_as_key):
        with_scales([*taking, *constants], outcome, names, plan.scales, list(plan.ranges))
    with at(plan, f"target{aside}"), worded(_as_key):
        basis = pi_basis(
            [*taking, outcome],
            target.name,
            constants=plan.constants,
            scales=plan.scales,
            varying=list(plan.ranges),
            prefer_named=True,
            signed=[n for n, (low, _) in ends.items() if not low > 0],
        )
    within = {v.name for v in basis.variables} | set(plan.arrhenius)
    # what no group holds varies in the runs that are predicted: it must change nothing
    tested = ". Runs that are predicted vary it, to test that it has no effect"
    notes += [
        f"'{d.name}' takes no part: {d.why}{tested if d.name in ends else ''}; a known constant "
        f'(constants = ["k_B"] in the plan) or an unknown one (scales = "auto") may bring it in.'
        for d in basis.dropped
        if d.name not in plan.arrhenius
    ]
    si = {n: _si(ports[n], fixed[n]) for n in names if n in fixed and n in within}
    if not within.intersection(ends):
        still = f"no group varies in these ranges, and no input of them takes part{aside}"
        remedy = 'let another input vary, or declare an unknown one (scales = "auto").'
        raise InputError(f"{plan.source}, ranges: {still}; {remedy}")
    space = PiSpace(dict(sorted(ends.items())), basis, si, plan.arrhenius)
    binding = Binding(plan, kernel, tiers, target, space, fixed, tuple(notes))
    # points that no run can stand for are refused here, and not when they are asked for
    _ = binding.points
    return binding


def _as_key(advice: Advice) -> str:
    """Advice as a key of a plan."""
    assert isinstance(advice, Setting)
    values = [v if v == AUTO else v.split(",") for v in advice.values]
    return f"{advice.option} = {' or '.join(json.dumps(v, ensure_ascii=False) for v in values)}"


def _taking_part(
    kernel: Kernel, fixed: Mapping[str, float | str]
) -> tuple[list[Variable], list[str]]:
    """Inputs that may take part in the groups, and why the others do not."""
    taking, notes = [], []
    for port in kernel.inputs:
        if port.parsed.scale in _NO_LOGARITHM:
            notes.append(f"'{port.name}' stays at {fixed[port.name]} and has no dimension to use.")
        elif port.name in fixed and not _si(port, fixed[port.name]) > 0:
            value = f"{float(fixed[port.name]):g}{unit_suffix(port.unit)}"
            notes.append(f"'{port.name}' stays at {value} and takes no part: it has no logarithm.")
        else:
            taking.append(Variable(port.name, port.parsed))
    return taking, notes


def _si(port: Port, value: float | str) -> float:
    return port.parsed.to_si(float(value))


def port_of(
    plan: Plan, key: str, name: str, declared: Mapping[str, Declared], what: str
) -> Declared:
    """What a kernel declares under a name of the plan; an error lists near names."""
    if name in declared:
        return declared[name]
    remedy = did_you_mean(name, declared, f"use {' or '.join(list(declared)[:8])}.", most=2)
    raise InputError(f"{plan.source}, {key}: '{name}' is no {what}; {remedy}")


def value_at(plan: Plan, kernel: Kernel, port: Port, key: str, value: Value) -> float | str:
    """A value of the plan in the unit of its port."""
    with at(plan, key):
        number = port_value(port, value)
        check_within(port, number, kernel.name)
    return number


def at(plan: Plan, key: str) -> AbstractContextManager[None]:
    """Say of a complaint where in the plan it belongs."""
    return located(f"{plan.source}, {key}")


def si_ends(plan: Plan, kernel: str, port: Port) -> tuple[float, float]:
    """SI ends of a range, checked."""
    given = plan.ranges[port.name]
    with at(plan, f"ranges.{port.name}"):
        if port.parsed.scale in _NO_LOGARITHM:
            what = f"'{port.name}' is a {port.parsed.scale}, which has no logarithm"
            raise InputError(f"{what}; give it a fixed value in place of a range.")
        if not given.ends[0] < given.ends[1]:
            raise InputError("the range holds no two whole numbers; widen it.")
        low, high = map(unit_for(port, given.unit).to_si, given.ends)
        for end in (low, high):
            check_within(port, port.parsed.from_si(end), kernel)
        if not low > 0 and port.name in plan.arrhenius:
            raise InputError(f"the range of 1/{port.name} starts at absolute zero; start above it.")
        if not low > 0 and plan.tolerance.exponents is not None:
            start = f"the range starts at {given.low:g} {given.unit or port.unit}"
            fault = f"which has no logarithm, so that there is no exponent of '{port.name}'"
            ways = "give it a fixed value, or ask for tolerance.law alone instead of exponents"
            raise InputError(f"{start}, {fault}; start above zero, {ways}.")
    return low, high


# ---- The design of a campaign: points that fill the reachable space, and how inputs reach them.


# a corner that a thousandth of all directions sees is found with 98 %
_DIRECTIONS = 4000
# so many small singular value decompositions take less than a second
_MOST_FACETS = 5000
# 131,072 points of a few coordinates take a few megabytes; a region thinner than that gets fewer
_MOST_DRAWN = 2**17


# of logarithms of ranges and of ranges of unit half-width: far above their rounding
SLACK = 1e-9
# moving an input that could stay costs this many times as much as one that moves anyway
_RELUCTANCE = 100.0
# an image of a run differs in some input by a quarter of the half of its range or more
_FAR = 0.25
# directions among which that is chosen: of four free ones the best of so many moves every input by
# a third of what moves most; and the distance between places that have directions of their own
_WAYS, _PLACE = 64, 0.01
# of a direction: columns that differ by less are equally long, and the first by name moves
_DIGITS = 9


class Region:
    """The zonotope of a pi space: what the inputs reach inside their ranges, and the way back.

    Parameters
    ----------
    space : PiSpace

    Attributes
    ----------
    moving : tuple of int
        Inputs that move, as few as the rank; the others stay in the middle of their ranges,
        except where the moving ones alone do not reach a point.

    Examples
    --------
    >>> from dimgs.groups.derive import pi_basis
    >>> basis = pi_basis(["D [m^2/s]", "t [s]", "l [m]", "u [1]"], "u")
    >>> ends = {"D": (1e-12, 1e-10), "l": (1e-4, 1e-3), "t": (1.0, 1e4)}
    >>> region = Region(PiSpace(ends, basis, {}))
    >>> points = region.fill(8, seed=1)
    >>> points.shape, bool(region.contains(points).all())
    ((8, 1), True)
    >>> [region.space.names[i] for i in region.moving]
    ['t']
    """

    def __init__(self, space: PiSpace) -> None:
        self.space, self._transform = space, space.transform
        self._reach = np.abs(space.transform).sum(axis=1)
        # the inputs whose ranges take the groups farthest, by pivoted elimination
        order = qr(np.round(space.transform, _DIGITS), mode="economic", pivoting=True)[2]
        self.moving = tuple(sorted(order[: space.rank].tolist()))
        self._facets = _facets(space.transform) if space.rank else None

    def contains(self, z: Array, widened: float = 1.0) -> BoolArray:
        """Whether points of shape (n_points, rank) are reached; all, where facets are too many.

        With `widened`, whether ranges would reach them that are so many times as wide in logs.
        """
        if self._facets is None:
            return np.ones(len(z), dtype=np.bool_)
        normals, support = self._facets
        return np.asarray(np.all(np.abs(z @ normals.T) <= widened * support + SLACK, axis=1))

    def fill(self, n: int, seed: int, sampler: Sampler = "sobol") -> Array:
        """Space-filling points.

        Parameters
        ----------
        n : int
        seed : int
        sampler : {"sobol", "lhs"}

        Returns
        -------
        ndarray of shape (n, rank)
            Fewer rows where the region fills too little of its box.
        """
        # half a second to import, which a design of a few corners does without
        from scipy.stats import qmc

        draw = qmc.LatinHypercube if sampler == "lhs" else qmc.Sobol
        spread = self._transform.T if self._facets is None else np.diag(self._reach)
        size = 1 << max(2, (n - 1).bit_length())
        while True:
            z = (2.0 * draw(len(spread), rng=seed).random(size) - 1.0) @ spread
            inside = z[self.contains(z)]
            if len(inside) >= n or size >= _MOST_DRAWN:
                return np.asarray(inside[:n])
            size *= 2

    def corners(self, seed: int) -> Array:
        """Outermost points, where every input is at an end of its range, in random order."""
        # along any direction, the inputs that raise it are at one end, and the others at the other
        directions = np.random.default_rng(0).normal(size=(_DIRECTIONS, len(self._transform)))
        ends = np.sign(directions @ self._transform)
        z = np.unique(np.round(ends @ self._transform.T, 12), axis=0)
        return np.asarray(z[np.random.default_rng(seed).permutation(len(z))])

    def logs(self, z: Array) -> Array | None:
        """Logarithms of the inputs at a point of shape (rank,); None where no inputs reach it."""
        u = np.zeros(len(self.space.names))
        u[list(self.moving)] = np.linalg.solve(self.space.transform[:, list(self.moving)], z)
        at = self._fewest_moves(z) if np.any(np.abs(u) > 1.0 + SLACK) else u
        return None if at is None else self.space.centre + np.clip(at, -1.0, 1.0) * self.space.half

    def image(self, z: Array, seed: int) -> Array | None:
        """Logarithms of other inputs with the same groups; None where there are none far away.

        Where they give another answer, a constant with a dimension is hidden in the kernel.

        Parameters
        ----------
        z : ndarray of shape (rank,)
        seed : int
            Of the direction in which the inputs differ.
        """
        plain, T = self.logs(z), self.space.transform
        # other directions at other places: effects of two inputs cancel along one of them
        rng = np.random.default_rng([seed, *np.abs(np.round(z / _PLACE)).astype(int)])
        ways = rng.standard_normal((_WAYS, len(self.space.names)))
        # less what would change the groups
        ways -= ways @ T.T @ T
        free = np.abs(ways).max(axis=0) > SLACK
        if plain is None or not free.any():
            return None
        u = (plain - self.space.centre) / self.space.half
        ways = np.where(free, ways / np.abs(ways).max(axis=1, keepdims=True), 0.0)
        # steps to the ends of the ranges, along each direction and against it
        toward, against = (side * np.sign(ways[:, free]) - u[free] for side in (1.0, -1.0))
        steps = np.concatenate([(toward / ways[:, free]).min(1), (against / ways[:, free]).max(1)])
        moves = steps[:, None] * np.vstack([ways, ways])
        far = np.abs(moves[:, free])
        if far.max() < _FAR:
            return None
        # a constant may go with any input: the one that moves least should move far
        best = moves[np.argmax(np.where(far.max(axis=1) < _FAR, -1.0, far.min(axis=1)))]
        return np.asarray(self.space.centre + np.clip(u + best, -1.0, 1.0) * self.space.half)

    def _fewest_moves(self, z: Array) -> Array | None:
        """Fewest further moves, by the linear programme min sum w|u|, T u = z, -1 <= u <= 1."""
        n = len(self.space.names)
        weight = np.where(np.isin(np.arange(n), self.moving), 1.0, _RELUCTANCE)
        solution = linprog(
            np.concatenate([weight, weight]),
            A_eq=np.hstack([self.space.transform, -self.space.transform]),
            b_eq=z,
            bounds=[(0.0, 1.0)] * (2 * n),
            method="highs",
        )
        return np.asarray(solution.x[:n] - solution.x[n:]) if solution.x is not None else None


def _facets(transform: Array) -> tuple[Array, Array] | None:
    """Normals and supports of the facets; each is spanned by rank - 1 of the generators."""
    rank, n = transform.shape
    if comb(n, rank - 1) > _MOST_FACETS:
        return None
    normals = []
    for chosen in combinations(range(n), rank - 1):
        spanned = transform[:, list(chosen)]
        left, singular, _ = np.linalg.svd(spanned) if rank > 1 else (np.eye(1), np.ones(0), None)
        if np.sum(singular > 1e-9) == rank - 1:
            normals.append(left[:, -1])
    table = np.array(normals)
    return table, np.abs(table @ transform).sum(axis=1)


# shares of the space are then known to one or two per cent
_POOL = 4096


class CampaignDesign:
    """Where runs can lie, and how inputs reach them.

    Parameters
    ----------
    binding : Binding

    Attributes
    ----------
    region : Region
    corners : ndarray of shape (n_corners, rank)
        Where every input is at an end of its range, in an order that the plan's seed decides.

    Raises
    ------
    InputError
        If the plan has too few runs for any law, or names a point that no run reaches.
    """

    def __init__(self, binding: Binding) -> None:
        self.binding, self.region = binding, Region(binding.space)
        self.corners = self.region.corners(binding.plan.seed)
        plan, rank = binding.plan, binding.space.rank
        # a law takes a run for each unknown, and one that tells whether it holds
        sizes = {"budget.runs": plan.budget.runs, "survey": plan.survey}
        sizes |= {"budget.coarse_runs": plan.budget.coarse} if binding.finest else {}
        for name, runs in sizes.items() if plan.tolerance.of_laws and rank else ():
            if runs is not None and runs < rank + 2:
                few = f"{runs} runs cannot show how '{binding.target.name}' changes"
                remedy = f"along {directions(rank)}; give at least {rank + 2}"
                raise InputError(f"{plan.source}, {name}: {few} {remedy}.")
        for i, point in enumerate(binding.points, 1):
            if not self.region.contains(np.array(point.outermost)).all():
                where = f"{plan.source}, points[{i}]: its groups lie outside what the ranges reach"
                raise InputError(f"{where}; widen the ranges, or move the point inside them.")

    @cached_property
    def pool(self) -> Array:
        """Points that fill the region, shape (n, rank)."""
        return self.region.fill(_POOL, self.binding.plan.seed + 1, self.binding.plan.sampler)

    def image(self, z: Array) -> Array | None:
        """Logarithms of other inputs of equal groups; None where there are none."""
        whole = any(self.binding.plan.ranges[n].integer for n in self.binding.space.names)
        return None if whole else self.region.image(z, self.binding.plan.seed)

    def values(self, z: Array, logs: Array | None = None) -> dict[str, float | str]:
        """Inputs of a run at a point, or with these logarithms, in the units of the ports.

        Raises
        ------
        InputError
            If no inputs in the ranges reach it.
        """
        logs = self.region.logs(z) if logs is None else logs
        if logs is None:
            source = self.binding.plan.source
            raise InputError(f"No inputs in the ranges of {source} reach a point.")
        return self.binding.values(logs)


def directions(rank: int) -> str:
    """Number of free directions, in words."""
    return f"{rank} free direction" + ("" if rank == 1 else "s")
