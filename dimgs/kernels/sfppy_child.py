"""Child process for SFPPy, with its checkout on the path."""

from importlib import import_module
from typing import Any

import numpy as np


def restore_names() -> None:
    """Names of NumPy 1 that SFPPy uses and NumPy 2 lacks."""
    for old, new in (("cumproduct", "cumprod"), ("product", "prod"), ("trapz", "trapezoid")):
        if not hasattr(np, old):
            setattr(np, old, getattr(np, new))


def answer(case: dict[str, Any]) -> dict[str, Any]:
    """Solve one migration problem; every number is in SI units."""
    restore_names()
    layer: Any = import_module("patankar.layer")
    food: Any = import_module("patankar.food")
    migration: Any = import_module("patankar.migration")
    film = layer.layer(l=case["l"], D=case["D"], k=1.0, C0=case["C0"], nmesh=case["nmesh"])
    # the partition coefficient of the food was k0 before it became k
    partition = "k0" if "k0" in food.parametersWithUnits else "k"
    medium = food.foodlayer(
        volume=(case["V"], "m**3"),
        surfacearea=(case["A"], "m**2"),
        contacttime=(case["t"], "s"),
        h=(case["h"], "m/s"),
        CF0=0.0,
        **{partition: case["K"]},
    )
    solution = migration.senspatankar(film, medium, name="dimgs", ntimes=case["ntimes"])
    return {
        "CF": float(np.asarray(solution.CFtarget).ravel()[0]),
        "CF_eq": float(np.asarray(solution.C0eq).ravel()[0]),
        "versions": {
            "numpy": np.__version__,
            "patankar.migration": str(getattr(migration, "__version__", "")),
        },
    }
