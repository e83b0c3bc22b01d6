"""Child process for Radigen, with its checkout on the path."""

import math
from importlib import import_module
from typing import Any


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Solve one oxidation; concentrations in mol/m³, the temperature in °C."""
    oxidation: Any = import_module("radigen3.oxidation")
    oil = oxidation.mixture(kO2=request["kO2"], A=request["A"], V=request["V"], pO2=request["pO2"])
    for species in ("L1H", "L1OOH", "O2"):
        oil.add(species, concentration=request[f"{species}_0"])
    oil.addProducts()
    oil.addReactions()
    oil.populateReactionRates()
    model = oxidation.mixtureKinetics(oil)
    # a bare pair of numbers would be a run of no length
    solved = model.solve(
        (request["t"], "s"), T=request["T"] - 273.15, rtol=request["rtol"], atol=request["atol"]
    )
    last = {name: float(values[-1]) for name, values in zip(solved.species, solved.y, strict=True)}
    outputs: dict[str, Any] = {
        # the sum of hydroperoxides by name: the model's own sum of a group does not work
        "LOOH": math.fsum(c for name, c in last.items() if name.endswith("OOH")),
        "L1H": last["L1H"],
        "O2": last["O2"],
        "steps": len(solved.t),
        "reactions": len(oil.reactions),
        "versions": {"radigen3.oxidation": str(getattr(oxidation, "__version__", ""))},
    }
    if not solved.success or not all(map(math.isfinite, last.values())):
        outputs = {"diverged": f"Radigen did not reach {request['t']:g} s: {solved.message}"}
    return outputs
