"""What a campaign is asked: a kernel, ranges, a target, a budget and a tolerance."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from types import MappingProxyType
from typing import Any, Literal

from dimgs.common.errors import InputError
from dimgs.kernels.spec import is_number

Sampler = Literal["sobol", "lhs"]
ReportKind = Literal["fit", "discover", "none"]
# more than one machine has cores; a larger number is a slip of the pen
MOST_WORKERS = 1024


def _whole(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InputError(f"{name} is {value!r}; give a whole number from {least} up.")


def _number(name: str, value: object) -> None:
    if not is_number(value):
        raise InputError(f"{name} is {value!r:.60}; give a number.")


def _above_zero(name: str, value: float) -> None:
    _number(name, value)
    if not value > 0:
        raise InputError(f"{name} is {value:g}; give more than 0.")


@dataclass(frozen=True)
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

    low: float
    high: float
    unit: str | None = None
    integer: bool = False

    def __post_init__(self) -> None:
        _number("The start of the range", self.low)
        _number("The end of the range", self.high)
        unit = f" {self.unit}" if self.unit else ""
        if not (isfinite(self.low) and isfinite(self.high)):
            raise InputError(f"The range ends at {self.low} or {self.high}; give finite numbers.")
        if not self.low < self.high:
            raise InputError(
                f"The range runs from {self.low:g} to {self.high:g}{unit}; give the smaller end "
                f"first."
            )


@dataclass(frozen=True)
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

    runs: int
    coarse_runs: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        _whole("runs", self.runs, 1)
        if self.coarse_runs is not None:
            _whole("coarse_runs", self.coarse_runs, 1)
        if self.seconds is not None:
            _above_zero("budget.seconds", self.seconds)

    @property
    def coarse(self) -> int:
        """Most runs of each tier but the finest."""
        return 25 * self.runs if self.coarse_runs is None else self.coarse_runs


@dataclass(frozen=True)
class Tolerance:
    """When an answer is good enough: half-widths of intervals.

    Parameters
    ----------
    exponents : float, optional
        Of the exponent of every varied input, in every regime.
    prediction : float, optional
        Relative, of the prediction at every named point: 0.05 is 5 %.
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

    exponents: float | None = None
    prediction: float | None = None
    law: float | None = None

    def __post_init__(self) -> None:
        if self.exponents is None and self.prediction is None and self.law is None:
            raise InputError(
                "tolerance is empty; give tolerance.exponents (such as 0.02), "
                "tolerance.prediction (such as 0.05) with points, or tolerance.law (such as 0.95)."
            )
        for name in ("exponents", "prediction", "law"):
            value = getattr(self, name)
            if value is None:
                continue
            _number(f"tolerance.{name}", value)
            if not 0.0 < value < 1.0:
                raise InputError(f"tolerance.{name} is {value}; give a number between 0 and 1.")

    @property
    def of_laws(self) -> bool:
        """Whether laws are asked for, not only predictions at points."""
        return self.exponents is not None or self.law is not None

    @property
    def of_one_law(self) -> bool:
        """Whether one closed form is asked for, and no exponents of regimes."""
        return self.law is not None and self.exponents is None


@dataclass(frozen=True)
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

    workers: int = 2
    retries: int = 1
    timeout: float | None = None
    batch: int = 4

    def __post_init__(self) -> None:
        _whole("workers", self.workers, 1)
        _whole("retries", self.retries, 0)
        _whole("batch", self.batch, 1)
        if self.workers > MOST_WORKERS:
            raise InputError(f"execution.workers is {self.workers}; give at most {MOST_WORKERS}.")
        if self.timeout is not None:
            _above_zero("execution.timeout (in seconds)", self.timeout)


@dataclass(frozen=True)
class Plan:
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
        Named points, for a tolerance on predictions; inputs not given have their fixed value.
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
        reachable and give every input of the ranges a group.
    arrhenius : tuple of str
        Absolute temperatures that enter as 1/T, if any: the laws are then exponentials of them,
        and what stands for such an exponent is the elasticity at the middle of the range of 1/T.
    by : str, optional
        A label input of the kernel (material, machine, species) whose values are sources: each
        has its own answer, and one search says what differs between them.
    sources : tuple of str
        The values of that input.
    curves : mapping of str to tuple of str
        Curves of the kernel to bring onto one, and the inputs that they may depend on.
    whole_curves : tuple of str
        Those of them that are fitted whole too (extra ``deep``).
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
    target: str | tuple[str, ...]
    ranges: Mapping[str, Range]
    budget: Budget
    tolerance: Tolerance
    fixed: Mapping[str, tuple[float | str, str | None]] = field(default_factory=dict)
    points: tuple[Mapping[str, tuple[float | str, str | None]], ...] = ()
    tiers: tuple[str, ...] = ()
    survey: int | None = None
    level: float = 0.9
    seed: int = 0
    sampler: Sampler = "sobol"
    execution: Execution = Execution()
    report: ReportKind | None = None
    constants: tuple[str, ...] = ()
    scales: tuple[str, ...] | str = ()
    arrhenius: tuple[str, ...] = ()
    by: str | None = None
    sources: tuple[str, ...] = ()
    curves: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    whole_curves: tuple[str, ...] = ()
    source: str = "the plan"

    def __post_init__(self) -> None:
        self._check_kinds()
        object.__setattr__(self, "ranges", MappingProxyType(dict(self.ranges)))
        object.__setattr__(self, "fixed", MappingProxyType(dict(self.fixed)))
        object.__setattr__(self, "curves", MappingProxyType(dict(self.curves)))
        if not self.ranges:
            raise InputError("ranges is empty; give at least one input that may vary.")
        if isinstance(self.scales, str) and self.scales != "auto":
            raise InputError(f'scales is {self.scales!r:.60}; give "auto" or ["T0 [K]"].')
        still = [name for name in self.arrhenius if name not in self.ranges]
        if still:
            raise InputError(
                f"arrhenius names '{still[0]}', which is not in ranges; let it vary there."
            )
        self._check_sources()
        both = sorted(set(self.ranges) & set(self.fixed))
        if both:
            raise InputError(f"'{both[0]}' is both in ranges and in fixed; keep one of them.")
        if len(set(self.tiers)) < len(self.tiers):
            raise InputError(f"tiers names one twice ({', '.join(self.tiers)}); name each once.")
        if self.survey is not None:
            _whole("survey", self.survey, 4)
        _whole("seed", self.seed, 0)
        _number("level", self.level)
        if not 0.0 < self.level < 1.0:
            raise InputError(f"level is {self.level}; give the coverage as a fraction like 0.9.")
        if self.sampler not in ("sobol", "lhs"):
            raise InputError(f"sampler is '{self.sampler}'; use sobol or lhs.")
        if self.report not in (None, "fit", "discover", "none"):
            raise InputError(f"report is '{self.report}'; use fit, discover or none.")
        if (self.tolerance.prediction is None) != (not self.points):
            raise InputError(
                "points and tolerance.prediction belong together; give both or neither."
            )

    @property
    def each(self) -> "tuple[Plan, ...]":
        """A plan for each target, and for each source where there are several."""
        names = (self.target,) if isinstance(self.target, str) else self.target
        every = [self]
        if self.by is not None:
            fixed = dict(self.fixed)
            every = [
                replace(self, sources=(source,), fixed={**fixed, self.by: (source, "label")})
                for source in self.sources
            ]
        return tuple(replace(plan, target=name) for name in names for plan in every)

    def _check_sources(self) -> None:
        """Check that sources belong to an input, which nothing else decides on."""
        if (self.by is None) != (not self.sources):
            raise InputError(
                'by and sources belong together, such as by = "material" and '
                'sources = ["PET", "PP"]; give both or neither.'
            )
        if len(set(self.sources)) < len(self.sources):
            raise InputError(f"sources names one twice ({', '.join(self.sources)}).")
        if self.by in self.ranges or (self.by in self.fixed and len(self.sources) > 1):
            raise InputError(f"'{self.by}' is named by `by`; leave it out of ranges and fixed.")

    def _check_kinds(self) -> None:
        """Check what only a plan made in Python can get wrong."""
        given = [("budget", self.budget, Budget), ("tolerance", self.tolerance, Tolerance)]
        given += [("execution", self.execution, Execution)]
        names = (self.target,) if isinstance(self.target, str) else self.target
        given += [("target", names, tuple), *(("target", n, str) for n in names)]
        given += [(f"ranges['{n}']", r, Range) for n, r in self.ranges.items()]
        given += [(f"fixed['{n}']", v, tuple) for n, v in self.fixed.items()]
        given += [
            (n, getattr(self, n), tuple)
            for n in ("tiers", "constants", "arrhenius", "sources", "points", "whole_curves")
        ]
        if not names or len(set(names)) < len(names):
            raise InputError(f"target is {self.target!r:.60}; name each output once.")
        for name, value, kind in given:
            if not isinstance(value, kind):
                what = "tuple, such as (1.0, 'm')" if name.startswith("fixed") else kind.__name__
                raise InputError(f"{name} is {value!r:.60}; give a {what}.")

    def __getstate__(self) -> dict[str, Any]:
        """Plain mappings, because mapping proxies cannot be pickled."""
        plain = {n: dict(getattr(self, n)) for n in ("ranges", "fixed", "curves")}
        return {**self.__dict__, **plain}


__all__ = ["Budget", "Execution", "Plan", "Range", "Sampler", "Tolerance"]
