"""Base of all kernels: checks of inputs, timing, and a record of every outcome."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from operator import index
from time import perf_counter
from typing import Any, ClassVar

from dimgs.common.advice import did_you_mean
from dimgs.common.errors import (
    DimgsError,
    InputError,
    ProgramMissingError,
    RunDivergedError,
    RunRefusedError,
)
from dimgs.kernels.fingerprint import Digests
from dimgs.kernels.record import (
    Curve,
    Failure,
    RunRecord,
    RunRequest,
    Status,
    one_sentence,
    reduced,
    with_kind,
)
from dimgs.kernels.spec import (
    ONE_TIER,
    Converted,
    Port,
    Settings,
    Tier,
    Values,
    canonical_inputs,
    content_key,
    convert_inputs,
    convert_outputs,
    ports_of,
    threads,
    tiers_of,
    versions,
)


@dataclass(frozen=True)
class Simulated:
    """Result of a simulation with errors, curves or provenance beside its outputs.

    Attributes
    ----------
    outputs : mapping of str to float or pint.Quantity
        Plain numbers are in the unit of the output's port.
    errors : mapping of str to float or pint.Quantity
        Standard numerical errors of outputs where known; plain numbers in the unit of the port.
    provenance : mapping
        Added to what every run records.
    curves : mapping of str to Curve
        Kept in the record; outputs named ``CURVE_FEATURE`` ("profile_mean") are made of them.

    Examples
    --------
    >>> Simulated({"CF": 4.5e-3}, errors={"CF": 1e-6}).outputs["CF"]
    0.0045
    """

    outputs: Mapping[str, Any]
    errors: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    curves: Mapping[str, Curve] = field(default_factory=dict)


class BaseKernel(ABC):
    """A kernel of which a subclass writes only the simulation itself.

    A subclass sets ``name``, ``version``, ``inputs``, ``outputs`` and ``tiers`` (on the class or
    in its constructor) and implements :meth:`_simulate`. Inside it, raise
    :class:`~dimgs.common.errors.RunRefusedError` for inputs that cannot be treated and
    :class:`~dimgs.common.errors.RunDivergedError` where there is no finite answer;
    :class:`~dimgs.common.errors.RunFailedError` or any other exception makes a failed run.

    Attributes
    ----------
    stochastic : bool
        Whether the seed matters; where it does not, it enters neither record nor key.
    packages : tuple of str
        Distributions whose versions a run records.
    physics : str
        Name of what it computes, where other kernels compute the same from equal inputs.
    cache_version : str, optional
        Declared by who knows that answers stay the same while it does, whatever else changes in
        the program; by default the content of the program decides which runs may be used again.

    Examples
    --------
    >>> class Fall(BaseKernel):
    ...     name, version = "fall", "1"
    ...     inputs = (Port("h", "m", low=0), Port("g", "m/s^2", default=9.81))
    ...     outputs = (Port("t", "s"),)
    ...     def _simulate(self, values, settings, seed):
    ...         return {"t": (2 * values["h"] / values["g"]) ** 0.5}
    >>> record = Fall().run({"h": 20})
    >>> record.status.value, round(record.outputs["t"][0], 3)
    ('ok', 2.019)
    >>> Fall().run({"h": float("nan")}).reason
    "The input 'h' is nan; give a finite number."
    """

    name: str
    version: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    tiers: tuple[Tier, ...] = ONE_TIER
    stochastic: bool = False
    packages: ClassVar[tuple[str, ...]] = ("dimgs", "numpy")
    physics: ClassVar[str] = ""
    cache_version: str | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        """Check what a class declares as soon as it is defined."""
        super().__init_subclass__(**options)
        declared = (getattr(cls, n, ()) for n in ("inputs", "outputs", "tiers"))
        ports_in, ports_out, tiers = ((d if isinstance(d, tuple) else ()) for d in declared)
        _check_declared(str(getattr(cls, "name", cls.__name__)), ports_in, ports_out, tiers)

    @abstractmethod
    def _simulate(
        self, values: Values, settings: Settings, seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        """Run the simulation.

        Parameters
        ----------
        values : mapping of str to float or str
            Every input, in the unit of its port.
        settings : mapping
            Of the tier.
        seed : int or None

        Returns
        -------
        mapping of str to float or pint.Quantity, or Simulated
            A value for each declared output.
        """

    def _configuration(self) -> Mapping[str, Any]:
        """Further settings that determine the outputs (templates, options); part of the key."""
        return {}

    def _program(self, values: Values, settings: Settings, seed: int | None) -> Digests:
        """Content hashes of the programs and files that a run uses, by name; part of its key."""
        return {}

    def _declare(self, name: str, version: str, inputs: Any, outputs: Any, tiers: Any) -> None:
        """Set what the kernel declares, from whatever `ports_of` and `tiers_of` read."""
        self.name, self.version = name, version
        self.inputs, self.outputs = ports_of(inputs, name), ports_of(outputs, name)
        self.tiers = tiers_of(tiers)
        _check_declared(name, self.inputs, self.outputs, self.tiers)

    def tier(self, name: str | None = None) -> Tier:
        """Tier of that name; the finest by default.

        Raises
        ------
        InputError
            If there is no such tier.
        """
        if name is None:
            return self.tiers[-1]
        for tier in self.tiers:
            if tier.name == name:
                return tier
        names = [t.name for t in self.tiers]
        remedy = did_you_mean(name, names, f"its tiers are {', '.join(names)}.")
        raise InputError(f"'{self.name}' has no tier '{name}'; {remedy}")

    def request(
        self, inputs: Values, tier: str | None = None, seed: int | None = None
    ) -> RunRequest:
        """A run as it would be recorded, without running it.

        Raises
        ------
        InputError
            If the tier is unknown or :meth:`run` would refuse the inputs.
        """
        level = self.tier(tier)
        converted = self._converted(inputs, level, seed)
        if converted.refusal:
            raise InputError(converted.refusal)
        return self._request(converted, inputs, level)

    def key(self, inputs: Values, tier: str | None = None, seed: int | None = None) -> str:
        """Content hash of a run, without running it; the key of its record.

        Raises
        ------
        InputError
            If the tier is unknown or :meth:`run` would refuse the inputs.
        """
        return self.request(inputs, tier, seed).key

    def run(self, inputs: Values, tier: str | None = None, seed: int | None = None) -> RunRecord:
        """Run once; every ending is a record, never an exception.

        Parameters
        ----------
        inputs : mapping of str to pint.Quantity, float or str
            Plain numbers are in the unit that the port declares.
        tier : str, optional
            Name of a tier; the finest by default.
        seed : int, optional
            For stochastic kernels.

        Returns
        -------
        RunRecord
        """
        start = perf_counter()
        try:
            level, unknown = self.tier(tier), ""
        except InputError as error:
            level, unknown = Tier(str(tier), 0.0), str(error)
        converted = self._converted(inputs, level, seed)
        converted.refusal = converted.refusal or unknown
        asked = self._request(converted, inputs, level)
        status, reason, simulated = Status.REFUSED, converted.refusal, Simulated({})
        if not reason:
            status, reason, simulated = self._outcome(converted, level.settings)
        return RunRecord(
            **vars(asked),
            outputs=_with_units(self.outputs, simulated.outputs),
            status=status,
            reason=reason,
            wall_seconds=perf_counter() - start,
            errors=simulated.errors,
            provenance=self._provenance(converted, level.settings, simulated),
        )

    def determined(
        self, inputs: Values, tier: str | None = None, seed: int | None = None
    ) -> dict[str, Any]:
        """Settings that determine a run beside its inputs, without running it.

        Raises
        ------
        InputError
            If the tier is unknown.
        """
        level = self.tier(tier)
        return self._key_parts(self._converted(inputs, level, seed), level.settings)

    def _key_parts(self, converted: Converted, settings: Settings) -> dict[str, Any]:
        declared = {} if self.cache_version is None else {"cache_version": self.cache_version}
        return {
            "version": self.version,
            "settings": dict(settings),
            "configuration": converted.configuration,
            **declared,
        }

    def _converted(self, inputs: Values, tier: Tier, seed: int | None) -> Converted:
        converted = convert_inputs(self.inputs, inputs, self.name)
        try:
            converted.seed = None if seed is None or not self.stochastic else index(seed)
        except TypeError:
            refusal = f"The seed of '{self.name}' is {seed!r:.60}; give a whole number."
            converted.refusal = converted.refusal or refusal
        try:
            converted.configuration = dict(self._configuration())
        except Exception as error:
            converted.refusal = converted.refusal or one_sentence(error)
        if not converted.refusal:
            # where it refuses, so will the run itself
            with suppress(RunRefusedError, KeyError):
                program = dict(self._program(converted.values, tier.settings, converted.seed))
                converted.configuration |= {"program": program} if program else {}
        return converted

    def _request(self, converted: Converted, inputs: Values, tier: Tier) -> RunRequest:
        every = {"tier": dict(tier.settings), "kernel": converted.configuration}
        texts = canonical_inputs(self.inputs, converted.values, inputs)
        key = content_key(self.name, self.version, tier.name, every, texts, converted.seed)
        given = _with_units(self.inputs, converted.values)
        return RunRequest(key, self.name, tier.name, given, converted.seed)

    def _outcome(self, converted: Converted, settings: Settings) -> tuple[Status, str, Simulated]:
        try:
            simulated = self._simulate(dict(converted.values), settings, converted.seed)
            simulated = simulated if isinstance(simulated, Simulated) else Simulated(simulated)
            outputs = reduced(simulated.curves, simulated.outputs, {p.name for p in self.outputs})
            numbers, errors = convert_outputs(self.outputs, outputs, simulated.errors)
        except (Exception, SystemExit) as error:
            return _ended_by(error)
        bad = [n for n, value in numbers.items() if not math.isfinite(value)]
        if bad:
            reason = f"The output '{bad[0]}' is {numbers[bad[0]]}; the simulation diverged."
            return Status.DIVERGED, reason, Simulated({}, {}, simulated.provenance)
        curves = {n: c.to_json() for n, c in simulated.curves.items()}
        more = {"curves": curves} if curves else {}
        return Status.OK, "", Simulated(numbers, errors, {**simulated.provenance, **more})

    def _provenance(
        self, converted: Converted, settings: Settings, simulated: Simulated
    ) -> dict[str, Any]:
        return {
            "kernel": self.name,
            **self._key_parts(converted, settings),
            "versions": versions(self.packages),
            "threads": threads(),
            **simulated.provenance,
        }


def _with_units(ports: Sequence[Port], values: Values) -> dict[str, tuple[Any, str]]:
    return {p.name: (values[p.name], p.unit) for p in ports if p.name in values}


def _ended_by(error: BaseException) -> tuple[Status, str, Simulated]:
    """Status of a run that raised an error, why, and what is known of the failure."""
    diverged = (RunDivergedError, FloatingPointError, OverflowError)
    known: Mapping[str, Any] = getattr(error, "provenance", {})
    if isinstance(error, ProgramMissingError | MemoryError):
        is_program = isinstance(error, ProgramMissingError)
        known = {"failure": Failure.PROGRAM if is_program else Failure.MEMORY}
    status = Status.DIVERGED if isinstance(error, diverged) else Status.FAILED
    status = Status.REFUSED if isinstance(error, RunRefusedError) else status
    is_clear = isinstance(error, (DimgsError, *diverged))
    return status, one_sentence(error) if is_clear else with_kind(error), Simulated({}, {}, known)


def _check_declared(
    name: str, inputs: Sequence[Port], outputs: Sequence[Port], tiers: Sequence[Tier]
) -> None:
    """Check that names are unique and that outputs are numbers.

    Raises
    ------
    InputError
    """
    every = [p.name for p in (*inputs, *outputs)]
    twice = sorted({n for n in every if every.count(n) > 1})
    if twice:
        raise InputError(f"The kernel '{name}' declares '{twice[0]}' twice; rename one of them.")
    labels = [p.name for p in outputs if p.is_label]
    if labels:
        raise InputError(f"The output '{labels[0]}' of '{name}' is a label; declare a unit.")
    levels = [t.name for t in tiers]
    if len(set(levels)) < len(levels):
        raise InputError(f"Two tiers of the kernel '{name}' have one name; rename one of them.")
