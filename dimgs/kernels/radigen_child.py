"""Runs in a process of its own, with a checkout of Radigen on its path; knows nothing of dimgs."""

import json
import math
import sys
from importlib import import_module
from pathlib import Path
from typing import Any


def main(request: Path, answer: Path) -> None:
    """Solve one oxidation; concentrations in mol/m³, the temperature in °C."""
    asked = json.loads(request.read_text(encoding="utf-8"))
    oxidation: Any = import_module("radigen3.oxidation")
    oil = oxidation.mixture(kO2=asked["kO2"], A=asked["A"], V=asked["V"], pO2=asked["pO2"])
    for species in ("L1H", "L1OOH", "O2"):
        oil.add(species, concentration=asked[f"{species}_0"])
    oil.addProducts()
    oil.addReactions()
    oil.populateReactionRates()
    model = oxidation.mixtureKinetics(oil)
    # a bare pair of numbers would be a run of no length
    solved = model.solve(
        (asked["t"], "s"), T=asked["T"] - 273.15, rtol=asked["rtol"], atol=asked["atol"]
    )
    last = {name: float(values[-1]) for name, values in zip(solved.species, solved.y, strict=True)}
    found: dict[str, Any] = {
        # the sum of hydroperoxides by name: the model's own sum of a group does not work
        "LOOH": math.fsum(c for name, c in last.items() if name.endswith("OOH")),
        "L1H": last["L1H"],
        "O2": last["O2"],
        "steps": len(solved.t),
        "reactions": len(oil.reactions),
        "versions": {"radigen3.oxidation": str(getattr(oxidation, "__version__", ""))},
    }
    if not solved.success or not all(map(math.isfinite, last.values())):
        found = {"diverged": f"Radigen did not reach {asked['t']:g} s: {solved.message}"}
    answer.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
