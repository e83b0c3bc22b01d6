"""The AI-Feynman equations: formulae, ranges and units, read from their tables.

References
----------
S.-M. Udrescu, M. Tegmark, Science Advances 6 (2020) eaay2631; tables as shipped with PhySO.
"""

import csv
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from dimgs.common.arrays import Array
from dimgs.groups.derive import pi_basis
from dimgs.groups.group import PiBasis
from dimgs.variables import Dimension, Unit, Variable, parse_unit, si_unit

FILES = ("feynman_FeynmanEquations.csv", "feynman_BonusEquations.csv")
_ATTEMPTS = 20
INCONSISTENT = {"I.43.16": "its two sides differ in dimension by the units table"}
_NAMES = {"arcsin": sympy.asin, "arccos": sympy.acos, "ln": sympy.log, "pi": sympy.pi}
_CHANGED = re.compile(r"\b(lambda|I|E|N|S|Q|C|O|beta|gamma|zeta)\b")


@dataclass(frozen=True)
class Equation:
    """One law with units.

    Attributes
    ----------
    name : str
    formula : sympy.Expr
        In positive symbols.
    target : Variable
    inputs : tuple of Variable
    ranges : dict of str to (float, float)
    """

    name: str
    formula: sympy.Expr
    target: Variable
    inputs: tuple[Variable, ...]
    ranges: dict[str, tuple[float, float]]

    def draw(self, rng: np.random.Generator, n: int, spread: float = 1.0) -> dict[str, Array]:
        """Uniform draws inside the ranges, widened by a factor on both sides."""
        return {
            k: rng.uniform(low / spread, high * spread, n) for k, (low, high) in self.ranges.items()
        }

    def known(self) -> dict[str, float]:
        """Values of constants that do not vary."""
        return {}

    def value(self, values: Mapping[str, Any]) -> NDArray[Any]:
        """The law at real or complex values of its inputs, shape (n,)."""
        everything = {**values, **self.known()}
        symbols = [sympy.Symbol(n, positive=True) for n in everything]
        function = sympy.lambdify(symbols, self.formula, modules=["numpy", "scipy"])
        with np.errstate(all="ignore"):
            found = np.asarray(function(*everything.values()))
        return np.array(np.broadcast_to(found, np.shape(next(iter(values.values())))))

    def runs(self, n: int, seed: int) -> tuple[dict[str, Array], Array]:
        """Draws for which the law is real, constants included, and the response."""
        rng = np.random.default_rng(seed)
        kept: list[Array] = []
        names = list(self.ranges)
        for _ in range(_ATTEMPTS):
            draws = self.draw(rng, n)
            response = np.asarray(self.value(draws), dtype=float)
            table = np.column_stack([*(draws[k] for k in names), response])
            kept.append(table[np.isfinite(response)])
            if sum(map(len, kept)) >= n:
                break
        table = np.concatenate(kept)[:n]
        values: dict[str, Array] = dict(zip(names, table.T[:-1], strict=True))
        values |= {name: np.full(len(table), value) for name, value in self.known().items()}
        return values, table[:, -1]

    def basis(self) -> PiBasis:
        """Canonical basis."""
        return pi_basis([*self.inputs, self.target], self.target.name)


def folder() -> Path:
    """Folder of the tables: DIMGS_DATA, or shared/data beside the checkout."""
    given = os.environ.get("DIMGS_DATA")
    return Path(given) if given else Path(__file__).resolve().parents[3] / "shared" / "data"


def equations() -> list[Equation]:
    """All equations in the order of the tables."""
    units = _units(folder() / "feynman_units.csv")
    out = []
    for file in FILES:
        with (folder() / file).open(newline="", encoding="utf-8") as handle:
            for row in csv.DictReader(handle):
                if row["Filename"]:
                    out.append(_equation(row, units))
    return out


def _units(path: Path) -> dict[str, Dimension]:
    volt = parse_unit("V").dimension
    bases = {
        "m": parse_unit("m").dimension,
        "s": parse_unit("s").dimension,
        "kg": parse_unit("kg").dimension,
        "T": parse_unit("K").dimension,
        "V": volt,
    }
    out = {}
    with path.open(newline="", encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            total = Dimension()
            for name, base in bases.items():
                if row[name] and float(row[name]):
                    total = total * base ** int(float(row[name]))
            out[row["Variable"]] = total
    return out


def _equation(row: dict[str, str], units: dict[str, Dimension]) -> Equation:
    names = []
    ranges = {}
    for k in range(1, 10):
        name = row.get(f"v{k}_name") or ""
        if name:
            names.append(name)
            ranges[name] = float(row[f"v{k}_low"]), float(row[f"v{k}_high"])
    symbols = {n: sympy.Symbol(n, positive=True) for n in names}
    formula = sympy.sympify(row["Formula"], locals={**_NAMES, **symbols})

    def variable(name: str, as_name: str | None = None) -> Variable:
        dimension = units[name]
        return Variable(as_name or name, Unit(si_unit(dimension), dimension))

    used = [n for n in names if symbols[n] in formula.free_symbols]
    output = row["Output"]
    target = variable(output, output if output not in names else f"{output}_out")
    return Equation(
        row["Filename"],
        formula,
        target,
        tuple(variable(n) for n in used),
        {n: ranges[n] for n in used},
    )
