"""Small kernels with known answers for the tests of campaigns."""

import ctypes
import math
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dimgs.campaign.plan import Budget, Execution, Plan, Range, Tolerance
from dimgs.common.errors import RunDivergedError, RunRefusedError
from dimgs.kernels.base import BaseKernel, Port, Simulated, Tier

TIERS: tuple[Tier, ...] = (Tier("coarse", 0.01, {"bias": 0.05}), Tier("fine", 1.0, {"bias": 0.0}))


class Uptake(BaseKernel):
    """c·k·t/(1 + k·t): proportional to time, then saturated; the coarse tier is 5 % off."""

    name, version = "uptake", "1"
    inputs: tuple[Port, ...] = (
        Port("k", "1/s"),
        Port("t", "s"),
        Port("c", "kg/m^3", default=2.0),
    )
    outputs: tuple[Port, ...] = (Port("m", "kg/m^3"),)
    tiers: tuple[Tier, ...] = TIERS

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        x = values["k"] * values["t"] / settings.get("shift", 1.0)
        return {"m": values["c"] * x / (1.0 + x) * math.exp(settings["bias"] * x**0.01)}


class Rate(BaseKernel):
    """A·exp(-E/(R·T)): no power law anywhere."""

    name, version = "rate", "1"
    inputs: tuple[Port, ...] = (Port("E", "J/mol"), Port("T", "K"), Port("A", "1/s", default=1e8))
    outputs: tuple[Port, ...] = (Port("k", "1/s"),)

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        return {"k": values["A"] * math.exp(-values["E"] / (8.31446261815324 * values["T"]))}


class Hidden(BaseKernel):
    """Times that hide another: always 7 s, or a decay over 3 s."""

    name, version = "hidden", "1"
    inputs: tuple[Port, ...] = (Port("a", "s"), Port("b", "s"), Port("c", "s"))
    outputs: tuple[Port, ...] = (Port("y", "s"), Port("z", "s"), Port("w", "s"))

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        a, b, c = (values[n] for n in "abc")
        return {"y": 7.0, "z": a * (1.0 + 3.0 / b), "w": a**2 * c / (b * (b + c))}


class Counted(Uptake):
    """The same, slowly, with a line in a file for every run that is made.

    Runs from number DIMGS_TEST_HOLD on do not end.
    """

    name = "counted"

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        told = f"{values['k']!r} {values['t']!r} {settings['bias']}\n"
        folder = Path(os.environ["DIMGS_TEST_FOLDER"])
        with (folder / "started").open("a", encoding="utf-8") as file:
            file.write(told)
        count = len((folder / "started").read_text(encoding="utf-8").splitlines())
        if count >= float(os.environ.get("DIMGS_TEST_HOLD", "inf")):
            time.sleep(600.0)
        time.sleep(float(os.environ.get("DIMGS_TEST_SECONDS", "0.02")))
        return super()._simulate(values, settings, seed)


class Noisy(BaseKernel):
    """3·a^2·b^-1 with 5 % of noise."""

    name, version, stochastic = "noisy", "1", True
    inputs = (Port("a", "1"), Port("b", "1"))
    outputs = (Port("y", "1"),)

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        rng = np.random.default_rng([seed or 0, int(1e6 * values["a"]), int(1e6 * values["b"])])
        noise = math.exp(0.05 * rng.standard_normal())
        return {"y": 3.0 * values["a"] ** 2 / values["b"] * noise}


class Seeded(Noisy):
    """3·a^2·b^-1 with 10 % of noise that the seed alone decides."""

    name = "seeded"

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        noise = math.exp(0.1 * np.random.default_rng(seed).standard_normal())
        return {"y": 3.0 * values["a"] ** 2 / values["b"] * noise}


class Unseeded(Noisy):
    """The same with 5 % of noise that nothing decides."""

    name, stochastic = "unseeded", False
    rng = np.random.default_rng(7)

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        noise = math.exp(0.05 * self.rng.standard_normal())
        return {"y": 3.0 * values["a"] ** 2 / values["b"] * noise}


class Rough(BaseKernel):
    """3·a^2·b^-1 of lengths, with 5 % of noise that is not declared: the last digits decide it."""

    name, version = "rough", "1"
    inputs = (Port("a", "m"), Port("b", "m"), Port("c", "m"))
    outputs = (Port("y", "m"),)
    salt = 0

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        digits = np.frombuffer(np.array([values[n] for n in "abc"]).tobytes(), np.uint32)
        rng = np.random.default_rng([self.salt, *digits.tolist()])
        noise = math.exp(0.05 * rng.standard_normal())
        return {"y": 3.0 * values["a"] ** 2 / values["b"] * noise}


class Beam(BaseKernel):
    """Deflection of a cantilever."""

    name, version = "beam", "1"
    inputs = (Port("E", "Pa"), Port("F", "N"), Port("L", "m"), Port("b", "m"), Port("h", "m"))
    outputs = (Port("w", "m"),)

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        v = values
        return {"w": 4.0 * v["F"] * v["L"] ** 3 / (v["E"] * v["b"] * v["h"] ** 3)}


class Pendulum(BaseKernel):
    """The period of a pendulum: no group is free."""

    name, version = "pendulum", "1"
    inputs = (Port("g", "m/s^2"), Port("l", "m"))
    outputs = (Port("T", "s"),)
    hidden = 0.0

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        slow = math.exp(self.hidden * values["l"])
        return {"T": 2.0 * math.pi * math.sqrt(values["l"] / values["g"]) * slow}


class Friction(Pendulum):
    """The same with a length inside the kernel that no input tells."""

    name, hidden = "friction", 0.1


class Brittle(Pendulum):
    """The same, which fails far from a length of 1 m."""

    name = "brittle"

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        if abs(math.log10(values["l"])) > 0.9:
            raise RuntimeError("no convergence")
        return super()._simulate(values, settings, seed)


class Crisis(BaseKernel):
    """Drag of a body whose coefficient falls from 0.5 to 0.1 beyond a Reynolds number."""

    name, version = "crisis", "1"
    inputs = (
        Port("U", "m/s"),
        Port("d", "m"),
        Port("nu", "m^2/s", default=1e-5),
        Port("rho", "kg/m^3", default=1.2),
    )
    outputs = (Port("F", "N"),)
    critical = 3e4

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        reynolds = values["U"] * values["d"] / values["nu"]
        coefficient = 0.5 if reynolds < self.critical else 0.1
        return {"F": coefficient * values["rho"] * values["U"] ** 2 * values["d"] ** 2}


class Choking(Crisis):
    """The same without the crisis, and without an answer above the Reynolds number."""

    name = "choking"

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        if values["U"] * values["d"] / values["nu"] >= self.critical:
            raise RunDivergedError("The mesh is too coarse for this flow.")
        return super()._simulate(values, settings, seed)


class Stopping(Choking):
    """The same, and whoever sees no answer may try again."""

    name = "stopping"

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        try:
            return super()._simulate(values, settings, seed)
        except RunDivergedError as error:
            raise RuntimeError(str(error)) from error


class Moody(Crisis):
    """One of two drag coefficients, whichever the digits of an input decide."""

    name = "moody"

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        odd = int(1e9 * math.modf(math.log(values["U"]))[0]) % 2
        return {"F": (0.1, 0.5)[odd] * values["rho"] * values["U"] ** 2 * values["d"] ** 2}


class Troubled(BaseKernel):
    """Does with a run what its input asks for."""

    name, version = "troubled", "1"
    inputs = (Port("what", "label"), Port("n", "1", default=1.0))
    outputs = (Port("y", "1"),)

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        what = values["what"]
        if what == "hang":
            time.sleep(600.0)
        if what == "die":
            os._exit(3)
        if what == "program":
            mark = Path(os.environ["DIMGS_TEST_FOLDER"]) / "pid"
            subprocess.run(["sh", "-c", f"echo $$ > '{mark}'; exec sleep 600"], check=True)
        if what == "orphan":
            # in a session and an environment of its own, below no process of the run
            command = f"(setsid sleep 600 & echo $! > '{os.environ['DIMGS_TEST_FOLDER']}/pid')"
            subprocess.run(["sh", "-c", command], env={"PATH": os.defpath}, check=True)
        if what in ("crash", "kill"):
            program = subprocess.Popen(["sleep", "600"], start_new_session=True)
            with (Path(os.environ["DIMGS_TEST_FOLDER"]) / "pids").open("a") as file:
                file.write(f"{program.pid}\n")
            if what == "crash":
                ctypes.string_at(0)
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "interrupt":
            raise KeyboardInterrupt
        if what == "leave":
            raise GeneratorExit
        if what == "odd":
            raise ValueError("no \udcff licence\x1b[31m")
        if what == "unsendable":
            return Simulated({"y": 1.0}, provenance={"f": lambda: 1})
        if what == "refuse":
            raise RunRefusedError("It does not want to.")
        if what == "once":
            mark = Path(os.environ["DIMGS_TEST_FOLDER"]) / f"once-{values['n']}"
            if not mark.exists():
                mark.touch()
                raise OSError("the first try fails")
        return {"y": values["n"]}


class Loose:
    """No BaseKernel, and no RunRecord comes out of it."""

    name, version = "loose", "1"
    inputs, outputs, tiers = Troubled.inputs, Troubled.outputs, (Tier("only", 1.0),)

    def run(self, *_: Any) -> Any:
        return 3


class Broken(Uptake):
    """Fails in every run."""

    name = "broken"

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        raise OSError("no licence")


class Never(Uptake):
    """Refuses every run."""

    name = "never"

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        raise RunRefusedError("The moon is not full.")


def uptake_plan(kernel: Any = "tests.campaign.kernels:Uptake", **more: Any) -> Plan:
    """Plan whose answer is known: m ~ k·t·c, then m ~ c."""
    given: dict[str, Any] = {
        "kernel": kernel,
        "target": "m",
        "ranges": {"k": Range(1e-6, 1.0), "t": Range(1e-2, 1e5)},
        "budget": Budget(runs=20),
        "tolerance": Tolerance(exponents=0.02),
        "report": "none",
        "execution": Execution(workers=2),
    }
    return Plan(**(given | more))


def drag_plan(kernel: str, **more: Any) -> Plan:
    """Plan for a body's drag over one group, the Reynolds number."""
    given: dict[str, Any] = {
        "kernel": f"tests.campaign.kernels:{kernel}",
        "target": "F",
        "ranges": {"U": Range(0.1, 100.0), "d": Range(0.05, 0.1)},
        "budget": Budget(runs=60),
        "tolerance": Tolerance(exponents=0.02),
        "report": "none",
    }
    return Plan(**(given | more))
