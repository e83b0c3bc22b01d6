"""Identifiers of a law's inputs and constants."""

from collections.abc import Mapping, Set
from dataclasses import dataclass

from dimgs.expression import safe_identifiers
from dimgs.fits.design import Design
from dimgs.variables import Variable

_PREFACTORS = ("C", "C_0", "K_0", "prefactor", "prefactor_0")


@dataclass(frozen=True)
class Names:
    """Identifiers of a law: inputs, constants, scales and fitted constants."""

    symbols: Mapping[str, Variable]
    identifier: Mapping[str, str]
    prefactor: str

    @classmethod
    def of(cls, design: Design) -> "Names":
        """Safe identifiers of every input of the runs, and of what else the features use."""
        used = {v.name for v in design.inputs}
        used |= {n for f in design.features if f.group for n, _ in f.group.exponents}
        used |= {f.variable for f in design.features if f.variable is not None}
        response = design.basis.response
        used |= {n for n, _ in response.exponents} if response else set()
        target = design.basis.target
        if target is not None:
            used.discard(target.name)
        groups = [g.name for g in design.basis.groups]
        identifier = safe_identifiers(sorted(used), reserved=["pi_0", *groups])
        taken = set(identifier.values())
        known = {v.name: v for v in design.basis.variables}
        variables = {n: known.get(n) or design.data.variable(n) for n in used}
        symbols = {identifier[n]: variables[n] for n in sorted(used) if variables[n].role == "data"}
        # "C = C*sqrt(D*t)" would read as an equation for its own target
        shown = taken if target is None else taken | {target.name}
        prefactor = next(p for p in _PREFACTORS if p not in shown)
        return cls(symbols, identifier, prefactor)

    def split(self, used: Set[str]) -> tuple[dict[str, Variable], tuple[Variable, ...]]:
        """Inputs whose identifiers an expression uses, and the others."""
        return (
            {s: v for s, v in self.symbols.items() if s in used},
            tuple(v for s, v in self.symbols.items() if s not in used),
        )
