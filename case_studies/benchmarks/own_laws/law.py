"""The laws: read from one table per field, drawn in realistic ranges.

Each file ``tables/FIELD.toml`` lists laws: the target and the inputs with their units and ranges,
known physical constants by symbol, the formula in coherent SI, a reference. Within each file the
first, third, ... law is for development and the second, fourth, ... for the test; new laws are
therefore only appended. Nothing in the engines is tuned on laws of the test half. The laws in
``further`` are from someone who had not seen the engine.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import sympy

from case_studies.benchmarks.feynman_tables import Equation
from dimgs.common.arrays import Array
from dimgs.dataset import Dataset
from dimgs.expression import sympy_parse
from dimgs.groups.derive import constant_variables, pi_basis
from dimgs.groups.group import PiBasis
from dimgs.groups.physical_constants import constant
from dimgs.variables import Variable, parse_variable

Half = Literal["development", "test"]
TABLES, FURTHER = (Path(__file__).parent / name for name in ("tables", "further"))
HALVES: tuple[Half, Half] = ("development", "test")


@dataclass(frozen=True)
class OwnLaw(Equation):
    """One law; `formula` and `ranges` are in coherent SI, `inputs` without the constants.

    Attributes
    ----------
    field : str
    half : {"development", "test"}
    constants : tuple of str
        Known physical constants by symbol.
    reference : str
    """

    field: str = ""
    half: Half = "development"
    constants: tuple[str, ...] = ()
    reference: str = ""

    def basis(self) -> PiBasis:
        """Canonical basis, constants included."""
        target = self.target.name
        return pi_basis([*self.inputs, self.target], target, constants=self.constants)

    def known(self) -> dict[str, float]:
        """SI values of the physical constants."""
        return {name: constant(name).value for name in self.constants}

    def variables(self) -> tuple[Variable, ...]:
        """Inputs and constants."""
        return (*self.inputs, *constant_variables(self.constants))

    def draw(self, rng: np.random.Generator, n: int, spread: float = 1.0) -> dict[str, Array]:
        """Log-uniform draws inside the ranges, widened by a factor on both sides."""
        logs = np.log(np.array(list(self.ranges.values()))) + np.log([1 / spread, spread])
        draws = np.exp(rng.uniform(logs[:, 0], logs[:, 1], (n, len(logs))))
        return dict(zip(self.ranges, draws.T, strict=True))

    def table(self, n: int, seed: int, noise: float = 0.0) -> Dataset:
        """Runs as a user would have them: in the units of the table, noise in proportion."""
        values, response = self.runs(n, seed)
        rng = np.random.default_rng(seed + 1)
        response = response * (1.0 + noise * rng.standard_normal(n))
        columns = {f"{v.name} [{v.unit.text}]": values[v.name] / v.unit.factor for v in self.inputs}
        unit = self.target.unit
        return Dataset.from_columns(
            {**columns, f"{self.target.name} [{unit.text}]": response / unit.factor}
        )


def laws(half: str = "all", folder: Path = TABLES) -> list[OwnLaw]:
    """Laws of all fields, or of one half."""
    found = [
        _law(entry, path.stem, HALVES[position % 2])
        for path in sorted(folder.glob("*.toml"))
        for position, entry in enumerate(tomllib.loads(path.read_text(encoding="utf-8"))["law"])
    ]
    return [law for law in found if half in ("all", law.half)]


def _law(entry: Mapping[str, Any], field: str, half: Half) -> OwnLaw:
    target = parse_variable(entry["target"])
    inputs = tuple(parse_variable(text) for text in entry["ranges"])
    constants = tuple(entry.get("constants", ()))
    names = [*(v.name for v in inputs), *constants]
    symbols = {n: sympy.Symbol(n, positive=True) for n in names}
    ranges = {
        v.name: (low * v.unit.factor, high * v.unit.factor)
        for v, (low, high) in zip(inputs, entry["ranges"].values(), strict=True)
    }
    return OwnLaw(
        name=entry["name"],
        formula=sympy_parse(entry["formula"], symbols),
        target=target,
        inputs=inputs,
        ranges=ranges,
        field=field,
        half=half,
        constants=constants,
        reference=entry["reference"],
    )
